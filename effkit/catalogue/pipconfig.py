"""Where pip would look for packages on this machine, read from its own configuration."""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# `pip config list` would tell the same, but costs a process and is absent from environments
# that were made without pip. A later section wins over an earlier one, as in pip itself.
_SECTIONS = ("global", "download", "install")
_FALSE = {"", "0", "false", "no", "off", "n", "f"}


@dataclass(frozen=True)
class PipConfig:
    """The part of pip's configuration that decides where packages come from.

    Attributes:
        index_url: The main index; ``None`` is the default index.
        extra_index_urls: Further indexes, in order.
        find_links: Folders, pages or files that are looked at first.
        no_index: Use ``find_links`` alone.
        trusted_hosts: Hosts whose certificate is not checked.
        cert: A bundle of certificate authorities.
        proxy: The proxy's address.
        timeout_s: Seconds for connecting and for each wait on the network.
    """

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    trusted_hosts: tuple[str, ...] = ()
    cert: Path | None = None
    proxy: str | None = None
    timeout_s: float = 15.0


def _config_files(environ: Mapping[str, str]) -> list[Path]:
    """Pip's files from the weakest to the strongest."""
    home = Path.home()
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    if sys.platform == "win32":
        name = "pip.ini"
        site = [Path(environ.get("PROGRAMDATA", r"C:\ProgramData")) / "pip" / name]
        user = [home / "pip" / name, Path(environ.get("APPDATA", home)) / "pip" / name]
    else:
        name = "pip.conf"
        folders = environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")
        site = [Path(folder) / "pip" / name for folder in folders if folder]
        site.append(Path("/etc") / name)
        config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
        user = [home / ".pip" / name, config / "pip" / name]
        if sys.platform == "darwin":
            support = Path("Library/Application Support/pip") / name
            site.append(Path("/") / support)
            user.append(home / support)
    files = [*site, *user, Path(sys.prefix) / name]
    return [*files, Path(named)] if named else files


def _values(environ: Mapping[str, str]) -> dict[str, str]:
    values: dict[str, str] = {}
    by_section: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for path in _config_files(environ):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip itself reports a broken file; a fetch can still do without it
        for section in _SECTIONS:
            if parser.has_section(section):
                by_section[section].update((key.replace("_", "-"), value) for key, value in parser.items(section))
    for section in _SECTIONS:
        values.update(by_section[section])
    for key, value in environ.items():
        if key.startswith("PIP_") and value:
            values[key[4:].lower().replace("_", "-")] = value
    return values


def read_pip_config(environ: Mapping[str, str] | None = None) -> PipConfig:
    """Read pip's configuration files and ``PIP_…`` variables.

    Args:
        environ: The environment; the process's own when left out.
    """
    values = _values(os.environ if environ is None else environ)
    cert = values.get("cert")
    try:
        timeout_s = float(values.get("timeout", values.get("default-timeout", "15")))
    except ValueError:
        timeout_s = 15.0
    return PipConfig(
        index_url=values.get("index-url") or None,
        extra_index_urls=tuple(values.get("extra-index-url", "").split()),
        find_links=tuple(values.get("find-links", "").split()),
        no_index=values.get("no-index", "").strip().lower() not in _FALSE,
        trusted_hosts=tuple(values.get("trusted-host", "").split()),
        cert=Path(cert) if cert else None,
        proxy=values.get("proxy") or None,
        timeout_s=timeout_s,
    )
