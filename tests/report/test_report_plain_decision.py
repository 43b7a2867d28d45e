"""A decision as plain values: stable keys with units, every number with its interval and its origin."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from effkit import decide
from effkit.analysis.decide import What, together
from effkit.production import Budget
from effkit.record import Record
from effkit.report.plain_decision import KEYS, plain
from effkit.report.view import View
from tests.report.conftest import MakeRecord


def told(record: Record, name: str) -> dict[str, Any]:
    """What is told of one candidate."""
    (found,) = (each for each in decide(record).plain()["candidates"] if each["candidate"] == name)
    return dict(found)


def test_the_keys_are_those_that_are_documented(make_record: MakeRecord) -> None:
    found = decide(make_record("yes")).plain()
    assert list(found) == [
        "study", "run", "finished_at", "rehearsal", "by_hand", "kind", "chosen", "reference", "metric", "margin",
        "margin_as_planned", "requests_per_s", "currency", "candidates",
    ]  # fmt: skip
    for each in found["candidates"]:
        assert list(each) == ["candidate", "verdict", "error", "other_labels", "enough_from", "checks"]
        for check in each["checks"].values():
            assert list(check) == ["outcome", "value", "low", "high", "limit", "origin", "group", "reason"]
    assert (found["study"], found["kind"], found["chosen"]) == ("text", "smaller", "minilm-l6")
    assert found["finished_at"] == "2026-03-01T14:51:00+00:00"
    assert not found["rehearsal"] and found["margin_as_planned"]


def test_every_limit_stands_beside_the_number_with_its_interval(make_record: MakeRecord) -> None:
    checks = told(make_record("yes"), "minilm-l6")["checks"]
    assert list(checks) == ["latency_p99_s", "peak_bytes", "loss"]
    latency = {key: checks["latency_p99_s"][key] for key in ("value", "low", "high", "limit")}
    p99_s = 1.5 * 0.0071
    assert latency == pytest.approx({"value": p99_s, "low": 0.97 * p99_s, "high": 1.05 * p99_s, "limit": 0.05})
    assert checks["peak_bytes"]["value"] == checks["peak_bytes"]["high"] == 369e6
    assert checks["loss"] == {
        "outcome": "meets", "value": 0.004, "low": -0.001, "high": 0.009, "limit": 0.01, "origin": "measured",
        "group": None, "reason": None,
    }  # fmt: skip


def test_every_limit_has_a_key() -> None:
    assert set(KEYS) == set(get_args(What))


def test_size_cold_start_and_throughput_are_told(make_record: MakeRecord) -> None:
    record = make_record("yes")
    budget = Budget(weight_bytes=50_000_000, cold_start_s=5.0, items_per_s=300.0)
    checks = told(record.model_copy(update={"spec": record.spec.model_copy(update={"budget": budget})}), "minilm-l6")[
        "checks"
    ]
    assert list(checks) == ["weight_bytes", "cold_start_s", "items_per_s", "loss"]
    assert (checks["weight_bytes"]["origin"], checks["items_per_s"]["origin"]) == ("counted", "measured")
    assert (checks["items_per_s"]["outcome"], checks["items_per_s"]["limit"]) == ("fails", 300.0)


def test_a_failed_candidate_is_open_and_says_why(make_record: MakeRecord) -> None:
    found = told(make_record("yes"), "minilm-l6+int8")
    assert (found["verdict"], found["checks"]) == ("open", {})
    assert found["error"].startswith("the worker was killed")


def test_the_worst_group_is_named_with_its_loss(make_record: MakeRecord) -> None:
    check = told(make_record("groups"), "minilm-l6")["checks"]["group_loss"]
    assert check == {
        "outcome": "open", "value": 0.002, "low": -0.008, "high": 0.012, "limit": 0.01, "origin": "measured",
        "group": "length=short", "reason": None,
    }  # fmt: skip


def test_what_is_not_known_has_no_origin_and_says_why(make_record: MakeRecord) -> None:
    record = make_record("yes")
    limited = decide(record, budget__energy_j=1.0).plain()["candidates"]
    energies = {each["candidate"]: each["checks"].get("energy_j") for each in limited}
    assert energies["minilm-l6"]["origin"] == "modelled"
    assert (energies["tfidf-logreg"]["origin"], energies["tfidf-logreg"]["outcome"]) == (None, "open")
    assert "shorter than 15 s" in energies["tfidf-logreg"]["reason"]
    counted = decide(make_record("energy")).plain()["candidates"]
    assert {each["checks"]["energy_j"]["origin"] for each in counted} == {"measured"}


def test_money_is_modelled_and_in_the_currency_that_is_told(make_record: MakeRecord) -> None:
    found = decide(
        make_record("yes"), budget__money_per_thousand=0.5, budget__requests_per_s=100.0, cost__machine_per_hour=0.3,
        cost__currency="CHF", cost__source="a made-up price",
    ).plain()  # fmt: skip
    assert (found["currency"], found["requests_per_s"]) == ("CHF", 100.0)
    money = [each["checks"]["money_per_thousand"] for each in found["candidates"] if each["checks"]]
    assert {each["origin"] for each in money if each["value"] is not None} == {"modelled"}


def test_one_system_at_two_numbers_of_labels_tells_which_went_in(make_record: MakeRecord) -> None:
    assert told(make_record("labels"), "tfidf-logreg")["other_labels"] == "tfidf-logreg@all"
    assert told(make_record("labels"), "tfidf-logreg@all")["other_labels"] is None


def test_another_margin_is_said_to_be_none_that_was_planned(make_record: MakeRecord) -> None:
    found = decide(make_record("yes"), margin_points=2.0).plain()
    assert (found["margin"], found["margin_as_planned"]) == (0.02, False)


def test_every_case_is_plain_json_and_agrees_with_itself(any_record: Record) -> None:
    if any_record.reference.status == "failed":
        return  # nothing to decide
    view = View(any_record)
    found = plain(view, view.decision)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    for each in found["candidates"]:
        outcomes = {check["outcome"] for check in each["checks"].values()}
        if each["checks"]:
            wanted = "fails" if "fails" in outcomes else "open" if "open" in outcomes else "meets"
            assert each["verdict"] == wanted
        if each["candidate"] == found["chosen"]:
            assert each["verdict"] == "meets"
    for each in view.decision.order:
        assert each.outcome == together(each.checks)
