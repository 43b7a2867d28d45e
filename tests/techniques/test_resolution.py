from __future__ import annotations

import subprocess
import sys

import pytest

from effkit.models.base import Recipe
from effkit.spec import CandidateSpec, SpecError
from effkit.techniques import TECHNIQUES, apply_chain, check, words

RECIPE = Recipe("squeezenet-1.1", "vision.squeezenet", "classification", 300, 1, {"resolution": 227, "C": 1.0})


def test_resolution_changes_one_setting_of_a_copy() -> None:
    smaller = apply_chain(RECIPE, [("resolution", {"pixels": 96})])
    assert smaller.settings == {"resolution": 96, "C": 1.0}
    assert RECIPE.settings["resolution"] == 227
    assert smaller.key() != RECIPE.key()


def test_an_empty_chain_changes_nothing_and_has_no_words() -> None:
    assert apply_chain(RECIPE, []) == RECIPE
    assert words([]) == ""


def test_a_technique_has_words_that_follow_a_title() -> None:
    assert words([("resolution", {"pixels": 96})]) == "at 96 px"


def test_the_chain_of_a_candidate_is_accepted() -> None:
    candidate = CandidateSpec(model="squeezenet-1.1", techniques=({"resolution": {"pixels": 128}},))
    check(candidate.chain, "vision", "vision.squeezenet")


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        ([("resolutoin", {"pixels": 96})], r"`resolutoin` is not a known technique. Did you mean `resolution`"),
        ([("resolution", {"pixel": 96})], r"`resolution.pixel` is not a known key. Did you mean `pixels`"),
        ([("resolution", {})], r"`resolution.pixels` is missing: width and height"),
        ([("resolution", {"pixels": 16})], r"`resolution.pixels` got 16 \(int\).* It may be 32 to 512"),
        ([("resolution", {"pixels": "96"})], r"`resolution.pixels` got '96' \(str\)"),
    ],
)
def test_a_wrong_technique_is_an_error_that_names_what_is_allowed(chain: list[object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        check(chain, "vision", "vision.cnn")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("modality", "builder", "reason"),
    [("text", "text.encoder", "this task is text"), ("vision", "own", "`own` has no resolution to set")],
)
def test_resolution_is_refused_where_there_is_none(modality: str, builder: str, reason: str) -> None:
    with pytest.raises(SpecError, match=reason):
        check([("resolution", {"pixels": 96})], modality, builder)


def test_every_technique_is_listed_under_its_name() -> None:
    assert all(name == technique.name for name, technique in TECHNIQUES.items())
    assert all(technique.needs.endswith(".") for technique in TECHNIQUES.values())


def test_importing_techniques_loads_no_torch() -> None:
    code = "import sys, effkit.techniques; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
