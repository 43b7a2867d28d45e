"""What a store's error means is told by what it is, and not by digits in a name."""

from __future__ import annotations

import errno
import os
import re

import pytest

from effkit.address import Address
from effkit.remote.trouble import of_this_host, on_this_host, sentence


class EndpointConnectionError(Exception):
    """As botocore's is called."""


class HttpError(Exception):
    """As gcsfs's is called."""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (EndpointConnectionError('Could not connect to the endpoint URL: "http://10.0.0.1:40312/x"'), "be reached"),
        (EndpointConnectionError('Could not connect to the endpoint URL: "https://exp-2403.s3/403/x"'), "be reached"),
        (HttpError("Anonymous caller may not do this: https://storage/b/x, 401"), "refuses these credentials"),
        (OSError("An error occurred (403) when calling the HeadObject operation"), "refuses these credentials"),
    ],
)
def test_a_store_that_is_away_and_one_that_refuses_are_told_apart(error: Exception, told: str) -> None:
    assert told in sentence(error, Address("s3", "exp-2403/results"))


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (
            errno.ENOSPC,
            "There is no room at /cache/stores/x .*: free some space, or name a larger disk with EFFKIT_CACHE",
        ),
        (errno.EDQUOT, "There is no room at /cache/stores/x .*: free some space"),
        (errno.EACCES, "/cache/stores/x cannot be read or written .Permission denied.: allow it"),
        (errno.EROFS, "/cache/stores/x cannot be read or written .Read-only file system.: allow it"),
        (errno.ENOTDIR, "/cache/stores/x cannot be used .Not a directory.: look at it"),
    ],
)
def test_a_disk_that_is_full_and_one_that_is_closed_are_told_apart(number: int, told: str) -> None:
    error = OSError(number, os.strerror(number), "/cache/stores/x")
    assert of_this_host(error)
    assert re.match(told, on_this_host(error))


def test_a_refusal_of_the_store_is_none_of_this_host() -> None:
    assert not of_this_host(PermissionError("Access Denied"))
    assert not of_this_host(OSError(errno.EACCES, "Permission denied"))
    assert not of_this_host(FileNotFoundError(errno.ENOENT, "No such file or directory", "bucket/key"))
