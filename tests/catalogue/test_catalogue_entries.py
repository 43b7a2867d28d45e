"""The catalogue that ships is complete, and a wrong one is refused with the reason."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from effkit import catalogue
from effkit.catalogue import ModelEntry, TaskEntry
from effkit.catalogue.errors import UnknownEntry
from effkit.catalogue.sources import Archive, File, HubSource

ENTRIES = {**catalogue.models(), **catalogue.tasks()}


def test_a_name_means_one_thing() -> None:
    assert not set(catalogue.models()) & set(catalogue.tasks())


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_says_whose_it_is_and_what_it_must_be(name: str) -> None:
    entry = ENTRIES[name]
    assert entry.licence and entry.citation and entry.title
    assert all(len(file.sha256) == 64 and file.bytes for file in entry.files)


def test_every_task_has_models_that_can_do_it() -> None:
    for name, task in catalogue.tasks().items():
        able = [m for m in catalogue.models().values() if m.modality == task.modality and task.kind in m.tasks]
        assert len(able) >= 3, name


def test_a_model_trained_here_has_nothing_to_fetch() -> None:
    for name, model in catalogue.models().items():
        if model.trained_here:
            assert catalogue.is_fetched(name)
            assert catalogue.download_bytes(name) == 0
            catalogue.fetch(name)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownEntry, match="minilm-l6"):
        catalogue.find("minilm-16")
    with pytest.raises(UnknownEntry, match=r"'qqqq'\. It has logreg, "):
        catalogue.find("qqqq")
    with pytest.raises(UnknownEntry, match=r"it has model\.safetensors"):
        catalogue.models()["minilm-l6"].file("weights.bin")


@given(st.sampled_from(["/{}", "../{}", "a/../{}", "{}/..", "C:{}", "a\\{}"]), st.text("ab", min_size=1))
def test_no_file_can_be_declared_outside_its_folder(path: str, name: str) -> None:
    with pytest.raises(ValidationError, match="relative path"):
        File(name=path.format(name), sha256="0" * 64)


@given(st.lists(st.text("ab_", min_size=1), min_size=1), st.sampled_from(["", ".csv", "..csv"]))
def test_a_file_may_be_declared_in_a_folder_of_its_folder(parts: list[str], suffix: str) -> None:
    name = "/".join(parts) + suffix
    assert File(name=name, sha256="0" * 64).name == name


@pytest.mark.parametrize("requirement", ["thing", "thing>=1", "thing==1,==2", "thing @ file:x"])
def test_a_carrier_is_one_exact_version(requirement: str) -> None:
    with pytest.raises(ValidationError, match="name==version"):
        Archive(requirement=requirement, filename="a.whl", sha256="0" * 64, bytes=1)


def test_a_branch_of_the_hub_is_refused() -> None:
    with pytest.raises(ValidationError, match="revision"):
        HubSource(kind="hub", repo="a/b", revision="main", files={})


def test_a_source_that_gives_other_files_is_refused() -> None:
    with pytest.raises(ValidationError, match="must name the same files"):
        TaskEntry.model_validate(
            {
                **catalogue.tasks()["squaddev"].model_dump(),
                "files": [{"name": "other.json", "sha256": "0" * 64}],
            }
        )


def test_a_model_is_trained_or_fetched() -> None:
    declared = catalogue.models()["logreg"].model_dump()
    with pytest.raises(ValidationError, match="trained_here"):
        ModelEntry.model_validate({**declared, "trained_here": False})


def test_importing_the_catalogue_loads_nothing_heavy() -> None:
    heavy = "torch numpy unearth huggingface_hub rich sklearn pandas"
    code = (
        "import sys, effkit.catalogue as c; c.models(); c.tasks(); "
        f"print([m for m in {heavy.split()!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_catalogue_names_no_registry() -> None:
    folder = Path(catalogue.__file__).parent
    for path in [*folder.glob("*.py"), *folder.glob("*.yaml")]:
        text = path.read_text(encoding="utf-8").lower()
        assert "py" + "pi.org" not in text and "python" + "hosted" not in text, path
