"""Sweeps: what they are spelt out into, what identifies a run, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from effkit.batch import points
from effkit.batch.local import at_once
from effkit.identity import identity_or_none
from effkit.params import parse
from effkit.spec import Frozen, SpecError
from effkit.techniques import Technique, register, registry
from tests.batch.sweeps import ROOT, project, sweep
from tests.conftest import parameters


@pytest.fixture
def params(tmp_path: Path) -> Path:
    return project(tmp_path)


def test_every_combination_is_a_point_but_those_excluded(params: Path) -> None:
    path = sweep(
        params, "s", matrix={"seed": [1, 2, 3], "protocol.threads": [1, 2], "margin_points": [1.5]},
        exclude=[{"seed": 3, "protocol.threads": 2}], include=[{"seed": 9, "margin_points": 4}],
    )  # fmt: skip
    found = points(path)
    assert [each.spec.name for each in found] == [
        "t-seed-1-threads-1", "t-seed-1-threads-2", "t-seed-2-threads-1", "t-seed-2-threads-2", "t-seed-3-threads-1",
        "t-margin-points-4-seed-9",
    ]  # fmt: skip
    assert [(each.spec.seed, each.spec.protocol.threads, each.spec.margin_points) for each in found][-2:] == [
        (3, 1, 1.5),
        (9, 1, 4.0),
    ]
    assert {each.sweep for each in found} == {"s"}
    assert len({each.identity for each in found}) == 6


def test_a_tier_that_is_varied_undoes_nothing_that_is_varied_of_it(params: Path) -> None:
    matrix = {"protocol.generations": [5, 7], "protocol": ["standard", "rigorous"]}
    found = [each.spec.protocol for each in points(sweep(params, "s", matrix=matrix))]
    assert [(each.generations, each.base) for each in found] == [
        (5, "standard"), (5, "rigorous"), (7, "standard"), (7, "rigorous"),
    ]  # fmt: skip


def test_what_holds_for_all_holds_under_another_tier_unless_an_entry_says_otherwise(params: Path) -> None:
    include = [{"protocol": "rigorous"}, {"protocol": {"base": "smoke", "threads": 3}}]
    path = sweep(params, "s", matrix={"protocol.threads": [2], "seed": [1, 2]}, include=include)
    found = [each.spec.protocol for each in points(path)]
    assert [(each.base, each.threads) for each in found] == [
        ("smoke", 2), ("smoke", 2), ("rigorous", 2), ("smoke", 3),
    ]  # fmt: skip


def test_replicates_have_identities_of_their_own(params: Path) -> None:
    found = points(sweep(params, "s", replicates=3))
    assert [each.title for each in found] == ["t", "t #2", "t #3"]
    assert len({each.identity for each in found}) == 3


def test_points_that_say_the_same_are_one(params: Path) -> None:
    assert len(points(sweep(params, "s", matrix={"margin_points": [2, 2.0]}))) == 1


def test_the_command_line_changes_the_base_and_the_matrix_wins(params: Path) -> None:
    found = points(sweep(params, "s", matrix={"seed": [5]}), {"seed": 7, "margin_points": 3})
    assert (found[0].spec.seed, found[0].spec.margin_points) == (5, 3.0)


def test_a_name_that_would_be_too_long_is_cut(params: Path) -> None:
    keys = {f"protocol.{key}": [11, 12] for key in ("warm_up_most_calls", "calls", "block_items", "batch", "resamples")}
    found = points(sweep(params, "s", matrix=keys))
    assert max(len(each.spec.name) for each in found) <= 100
    assert len({each.spec.name for each in found}) == 32


def test_an_identity_knows_defaults_and_not_words(params: Path) -> None:
    (plain,) = points(params / "t.yaml")
    (said,) = points(
        params / "t.yaml", {"carbon.region": "WORLD", "protocol.threads": 1, "margin_reason": "another", "name": "u"}
    )
    assert said.identity == plain.identity
    others = {"seed": 2, "protocol.calls": 33, "margin_points": 2.5, "candidates": ["logreg", "lightgbm-small"]}
    for key, value in others.items():
        (changed,) = points(params / "t.yaml", {key: value})
        assert changed.identity != plain.identity


def test_an_identity_knows_the_hashes_of_weights_and_data(params: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from effkit import catalogue
    from effkit.identity import identity

    spec = points(ROOT / "params" / "smoke" / "text.yaml")[0].spec
    before = identity(spec)
    for kind in ("tasks", "models"):
        entries = dict(getattr(catalogue, kind)())
        name = next(each for each in entries if entries[each].files and each in {spec.task, spec.reference})
        first, *rest = entries[name].files
        entries[name] = entries[name].model_copy(
            update={"files": (first.model_copy(update={"sha256": "0" * 64}), *rest)}
        )
        with monkeypatch.context() as patched:
            patched.setattr(catalogue, kind, lambda entries=entries: entries)
            assert identity(spec) != before
    assert identity(spec) == before


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"matrx": {}}, "Did you mean `matrix`"),
        ({"matrix": {"seed": 1}}, "give a list, as in [1]"),
        ({"matrix": {"seed": []}}, "`matrix.seed` has no values"),
        ({"matrix": {"seed": [1]}, "exclude": [{"sede": 1}]}, "Did you mean `seed`"),
        ({"matrix": {"seed": [1]}, "exclude": [{"seed": 1}]}, "leaves no point"),
        ({"matrix": {"margin_pionts": [1]}}, "Did you mean `margin_points`"),
        ({"matrix": {"name.inner": [1]}}, "not a mapping"),
        ({"replicates": 0}, "replicates"),
        ({"timeout_s": -1}, "timeout_s"),
    ],
)
def test_what_a_sweep_may_not_say_is_refused(params: Path, keys: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError) as refused:
        points(sweep(params, "s", **keys))
    assert said in str(refused.value)


def test_a_base_that_is_missing_is_named(params: Path) -> None:
    with pytest.raises(SpecError, match="There is no parameter file"):
        points(sweep(params, "s", base="../u.yaml"))


@pytest.mark.parametrize("path", sorted((ROOT / "params" / "sweeps").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_sweeps_that_come_with_effkit_can_be_spelt_out(path: Path) -> None:
    assert len(points(path)) > 1


def test_others_prepare_only_where_cores_are_left() -> None:
    assert [at_once(cores) for cores in (1, 2, 3, 4, 6, 64)] == [1, 1, 1, 2, 4, 4]
    assert [at_once(cores, threads=4) for cores in (2, 6, 8, 64)] == [1, 1, 3, 4]


def test_a_technique_of_a_notebooks_own_has_no_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    def weaker(recipe: Any, given: Any) -> Any:
        return recipe

    monkeypatch.setattr(registry, "_registered", {})
    weaker.__module__ = "__main__"
    register(Technique("weaker", "Anything.", lambda given: "weaker", Frozen, ("anything",), apply=weaker))
    chain = {"model": "lightgbm-small", "techniques": [{"weaker": {}}]}
    assert identity_or_none(parse(parameters(candidates=["lightgbm-small", chain]))) is None
    assert identity_or_none(parse(parameters())) is not None
