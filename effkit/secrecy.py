"""What an error says, without the secrets that it may hold: records and logs are shared."""

from __future__ import annotations

import os
import re

_SECRET = re.compile("KEY|SECRET|TOKEN|PASSWORD|CREDENTIAL|CONNECTION_STRING|SAS", re.IGNORECASE)
"""Variables of the environment whose values are nobody else's."""
_USER, _QUERY = re.compile(r"(\w://)[^/\s@]+@"), re.compile(r"(\w://[^\s?\"']+\?)[^\s\"']+")
_SHORTEST = 6


def without_secrets(text: str) -> str:
    """Return text without values of secret variables, and without users, passwords and queries of addresses."""
    secrets = {value for name, value in os.environ.items() if _SECRET.search(name) and len(value) >= _SHORTEST}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "…")
    return _QUERY.sub(r"\1…", _USER.sub(r"\1…@", text))
