"""What a store's error means, in a sentence that helps; each library has errors of its own."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator

from effkit.address import Address
from effkit.catalogue.cache import cache_dir
from effkit.secrecy import without_secrets

EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure", "abfss": "azure"}
"""The extra of effkit that brings what a protocol needs."""
CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gcs": "GOOGLE_APPLICATION_CREDENTIALS",
    "azure": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or AZURE_STORAGE_CONNECTION_STRING",
}
"""Variables that the library of each extra reads credentials from."""
_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
_CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_ANSWER = re.compile("Timeout|Connect|Disconnected|ServiceRequestError|TransportError|ProxyError|gaierror")
_NO_CREDENTIALS = re.compile("NoCredentials|PartialCredentials|DefaultCredentials|CredentialUnavailable|CredentialRet")
_REFUSED = re.compile(
    r"AccessDenied|Forbidden|InvalidAccessKeyId|SignatureDoesNotMatch|ClientAuthentication|[ (']40[13]\b"
)
"""Of numbers only those of answers, and not of ports, buckets and folders."""


def sentence(error: BaseException, address: Address) -> str:
    """Say what went wrong with a store, and the fix.

    Args:
        error: what its library raised.
        address: of the store.
    """
    chain = list(_chain(error))
    names = " ".join(type(each).__name__ for each in chain)
    extra = EXTRAS.get(address.protocol, "")
    if any(isinstance(each, ImportError) for each in chain):
        how = f"`pip install -c constraints.txt -e '.[{extra}]'`" if extra else _words(error)
        return f"{address.protocol}:// needs a package that is not installed: {how}"
    if isinstance(error, ValueError) and "Protocol not known" in str(error):
        return f"{address.protocol}:// is no store that is known: give s3://, gs://, az://, or a folder."
    if "RequestTimeTooSkewed" in code(error):
        return f"{address} refuses this host's clock, which is wrong by more than a quarter of an hour: set it right."
    variables = CREDENTIALS.get(extra, "those that its own tools read")
    if _NO_CREDENTIALS.search(names) or (extra == "azure" and isinstance(error, ValueError)):
        return f"{address} cannot be opened without credentials: set {variables}."
    if isinstance(error, PermissionError) or _REFUSED.search(f"{names} {_words(error)}"):
        return f"{address} refuses these credentials, or they may not do this there: look at {variables}."
    if _NO_ANSWER.search(names):
        also = "AWS_ENDPOINT_URL, where the store is not Amazon's" if extra == "s3" else variables
        return f"{address} cannot be reached: look at the network (and {also}), or give a folder with --results."
    if isinstance(error, FileNotFoundError):
        bucket = address.path.partition("/")[0]
        return f"{address.protocol}://{bucket} is not there: make the bucket, or correct the address."
    return f"{address} does not do what it is asked ({type(error).__name__}: {_words(error)})."


def of_this_host(error: BaseException) -> bool:
    """Whether it was not the store that failed but this host's disk; no store's library names an absolute path."""
    if not isinstance(error, OSError):
        return False
    named = isinstance(error.filename, str) and error.filename.startswith("/")
    return error.errno in {*_FULL, errno.EROFS} or named


def on_this_host(error: OSError) -> str:
    """Say what this host's disk has refused, and the fix."""
    where, why = error.filename or cache_dir(), error.strerror or error
    if error.errno in _FULL:
        return f"There is no room at {where} ({why}): free some space, or name a larger disk with EFFKIT_CACHE."
    if error.errno in _CLOSED:
        return f"{where} cannot be read or written ({why}): allow it, or name another folder with EFFKIT_CACHE."
    return f"{where} cannot be used ({why}): look at it, or name another folder with EFFKIT_CACHE."


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def code(error: BaseException) -> str:
    """What S3 calls an error, as its library tells it; empty for other stores."""
    said = [getattr(each, "response", None) for each in _chain(error)]
    return " ".join(str(each.get("Error", {}).get("Code", "")) for each in said if isinstance(each, dict))


def _words(error: BaseException) -> str:
    """The first line of an error, with no secret of the environment in it."""
    return without_secrets((str(error).splitlines() or [""])[0])[:300].rstrip(".")
