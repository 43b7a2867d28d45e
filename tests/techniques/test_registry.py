"""Techniques of a user's own: registered from Python, or found in an installed package."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from effkit.models.base import Recipe
from effkit.spec import Frozen, SpecError
from effkit.techniques import Technique, apply_chain, check, check_runtimes, register, registry, words


class Penalty(Frozen):
    """What `penalty` may be given."""

    strength: float


def weaker(recipe: Recipe, parameters: Penalty) -> Recipe:
    return replace(recipe, settings={**recipe.settings, "C": 1 / parameters.strength})


def quieter(module: Any, parameters: Any) -> Any:
    return module


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave no technique behind."""
    monkeypatch.setattr(registry, "_registered", {})
    yield


PENALTY = Technique(
    name="penalty",
    needs="A logistic head.",
    parameters=Penalty,
    words=lambda parameters: f"penalised by {parameters.strength:g}",
    apply=weaker,
)
RECIPE = Recipe("minilm", "text.encoder", "classification", 300, 1, {"C": 1.0})


def test_a_registered_technique_is_checked_applied_and_worded_like_any_other() -> None:
    register(PENALTY)
    chain = [("penalty", {"strength": 4.0})]
    check(chain, "text", "text.encoder")
    assert apply_chain(RECIPE, chain).settings == {"C": 0.25}
    assert words(chain) == "penalised by 4"
    with pytest.raises(SpecError, match=r"`penalty\.strength` is missing"):
        check([("penalty", {})], "text", "text.encoder")


def test_a_name_is_found_only_once_registered() -> None:
    with pytest.raises(SpecError, match="`penalty` is not a known technique"):
        words([("penalty", {"strength": 4.0})])
    assert register(PENALTY) is PENALTY
    assert register(replace(PENALTY, needs="Something else.")).needs == "Something else."


def test_a_transform_is_found_again_by_its_address() -> None:
    register(Technique("quieter", "A PyTorch module.", lambda parameters: "quietly", transform=quieter))
    (found,) = apply_chain(RECIPE, [("quieter", {})]).settings["transforms"]
    assert (found["module"], found["name"]) == (__name__, "quieter")
    assert len(found["sha256"]) == 64
    with pytest.raises(SpecError, match=r"it acts on text\.encoder"):
        check([("quieter", {})], "vision", "vision.cnn")


@pytest.mark.parametrize(
    ("technique", "reason"),
    [
        (replace(PENALTY, name="bf16"), "`bf16` is a technique of effkit"),
        (replace(PENALTY, apply=None), "`penalty` does nothing"),
        (replace(PENALTY, transform=lambda module, parameters: module), "cannot be found from a worker"),
    ],
)
def test_what_cannot_work_is_refused_at_once(technique: Technique, reason: str) -> None:
    with pytest.raises(SpecError, match=reason):
        register(technique)


def test_a_missing_runtime_is_named_with_the_fix() -> None:
    register(replace(PENALTY, runtime=lambda parameters: ("sys", "no_such_runtime")))
    with pytest.raises(SpecError, match=r"`penalty` needs no_such_runtime, which is not installed.*compress"):
        check_runtimes([[("penalty", {"strength": 1.0})]])


def test_an_installed_package_brings_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        "from effkit.techniques import Technique",
        "def same(recipe, parameters): return recipe",
        "SAME = Technique('same', 'Nothing.', lambda parameters: 'as it is', apply=same)",
        "WRONG = 1",
    ]
    (tmp_path / "brought_along.py").write_text("\n".join(lines), encoding="utf-8")
    facts = tmp_path / "brought_along-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: brought-along\nVersion: 1.0\n", encoding="utf-8")
    entries = "[effkit.techniques]\nsame = brought_along:SAME\nwrong = brought_along:WRONG\ngone = brought_along:GONE\n"
    (facts / "entry_points.txt").write_text(entries, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        assert words([("same", {})]) == "as it is"
        with pytest.raises(SpecError, match="must be a Technique of that name"):
            words([("wrong", {})])
        with pytest.raises(SpecError, match=r"`gone` is brought_along:GONE .*cannot be imported \(AttributeError"):
            words([("gone", {})])
        with pytest.raises(SpecError, match="Did you mean `same`"):
            words([("sam", {})])
    finally:
        sys.modules.pop("brought_along", None)
