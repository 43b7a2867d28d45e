"""pip's own configuration is followed: files from weak to strong, then the environment."""

from __future__ import annotations

import os
from pathlib import Path

from effkit.catalogue.pipconfig import PipConfig, read_pip_config


def test_without_configuration_the_default_index_is_meant() -> None:
    assert read_pip_config({"PIP_CONFIG_FILE": os.devnull}) == PipConfig()


def test_sections_and_variables_win_in_pips_order(tmp_path: Path) -> None:
    path = tmp_path / "pip.conf"
    path.write_text(
        "[global]\nindex-url = http://a/simple\nextra_index_url =\n  http://b/simple\n"
        "  http://c/simple\nno-index = false\ncert = /ca.pem\n"
        "[install]\nindex-url = http://d/simple\n",
        encoding="utf-8",
    )
    config = read_pip_config({"PIP_CONFIG_FILE": str(path), "PIP_TRUSTED_HOST": "a b"})
    assert config.index_url == "http://d/simple"
    assert config.extra_index_urls[-2:] == ("http://b/simple", "http://c/simple")
    assert config.trusted_hosts == ("a", "b")
    assert config.cert == Path("/ca.pem")
    assert not config.no_index
    environment = {"PIP_CONFIG_FILE": str(path), "PIP_INDEX_URL": "http://e/simple"}
    assert read_pip_config(environment).index_url == "http://e/simple"
    assert read_pip_config({**environment, "PIP_NO_INDEX": "1"}).no_index


def test_a_broken_file_does_not_stop_a_fetch(tmp_path: Path) -> None:
    path = tmp_path / "pip.conf"
    path.write_text("index-url = no section\n", encoding="utf-8")
    assert read_pip_config({"PIP_CONFIG_FILE": str(path), "PIP_TIMEOUT": "x"}).timeout_s == 15
