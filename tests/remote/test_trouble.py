"""What a store's error means is told by what it is, and not by digits in a name."""

from __future__ import annotations

import pytest

from effkit.address import Address
from effkit.remote.trouble import sentence


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
