"""What an error says, without what in it is nobody else's: records and logs are shared."""

from __future__ import annotations

import os
import re
from pathlib import Path

_SECRET = re.compile("KEY|SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|CONNECTION_STRING|SAS", re.IGNORECASE)
"""Variables of the environment whose values are nobody else's."""
_USER, _QUERY = re.compile(r"(\w://)[^/\s@]+@"), re.compile(r"(\w://[^\s?\"']+\?)[^\s\"']+")
_SHORTEST = 6


def without_secrets(text: str) -> str:
    """Return text without values of secret variables, and without users, passwords and queries of addresses.

    The user's home folder is written `~`: its path tells a person's name.
    """
    secrets = {value for name, value in os.environ.items() if _SECRET.search(name) and len(value) >= _SHORTEST}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "…")
    return _without_home(_QUERY.sub(r"\1…", _USER.sub(r"\1…@", text)))


def from_home(path: Path) -> str:
    """Return a path as a shared file may hold it: from `~` on where it lies in the user's home folder."""
    try:
        home = Path.home()
    except RuntimeError:  # some containers have none
        return str(path)
    for each in (home, home.resolve()):
        if path.is_relative_to(each) and each != Path("/"):
            return str(Path("~") / path.relative_to(each))
    return str(path)


def _without_home(text: str) -> str:
    try:
        home = str(Path.home())
    except RuntimeError:  # some containers have none
        return text
    return text if home == "/" else re.sub(rf"(?<![\w.-])(?<!:/){re.escape(home)}(?![\w-]|\.\w)", "~", text)
