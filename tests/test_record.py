"""The record: written, read again, migrated, and refused when it is not understood."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from effkit.migrations import MIGRATIONS, SchemaError, migrate, read_record
from effkit.record import SCHEMA_VERSION, Record

GOLDEN = Path(__file__).parent / "golden" / f"record-v{SCHEMA_VERSION}.json"


@pytest.fixture
def raw() -> dict[str, Any]:
    """The golden record of this schema version: synthetic, nobody measured it."""
    read: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return read


@pytest.mark.parametrize("path", sorted(GOLDEN.parent.glob("record-v*.json")), ids=lambda path: path.stem)
def test_records_of_every_version_are_read(path: Path) -> None:
    record = read_record(path.read_bytes())
    assert record.schema_version == SCHEMA_VERSION
    assert record.reference.reference


def test_round_trip(raw: dict[str, Any]) -> None:
    record = read_record(json.dumps(raw))
    assert read_record(record.model_dump_json()) == record
    assert json.loads(record.model_dump_json()) == raw


def test_links_that_were_stored_before_energy_and_payback_are_read(raw: dict[str, Any]) -> None:
    later = ("peak", "energy", "energy_rank", "time_payback", "energy_payback", "sensitivity")
    links = [link for candidate in raw["candidates"] for link in candidate["links"]]
    assert [link.pop(name) for link in links for name in later] == [None, None, None, None, None, []]
    assert read_record(json.dumps(raw)).candidates[-1].links[0].sensitivity == ()


def test_groups_that_were_stored_before_their_clusters_are_read(raw: dict[str, Any]) -> None:
    groups = [group for each in raw["candidates"] if each["quality"] for group in each["quality"]["groups"]]
    assert groups and {group.pop("units") for group in groups} == {None}
    read = read_record(json.dumps(raw))
    assert {group.units for each in read.candidates if each.quality for group in each.quality.groups} == {None}


def test_latencies_that_were_stored_before_outliers_are_read(raw: dict[str, Any]) -> None:
    latencies = [each["latency"] for each in raw["candidates"] if each["latency"]]
    assert latencies and {latency.pop("outlier_share") for latency in latencies} == {None}
    read = read_record(json.dumps(raw))
    assert {each.latency.outlier_share for each in read.candidates if each.latency} == {None}


def test_load_tests_that_were_stored_before_company_on_the_gpu_are_read(raw: dict[str, Any]) -> None:
    loads = [each["load"] for each in raw["candidates"] if each["load"]]
    assert loads and {load.pop("gpu_strangers") for load in loads} == {None}
    read = read_record(json.dumps(raw))
    assert {each.load.gpu_strangers for each in read.candidates if each.load} == {None}


def test_budgets_that_were_stored_before_size_cold_start_and_throughput_are_read(raw: dict[str, Any]) -> None:
    later = ("weight_bytes", "cold_start_s", "items_per_s")
    assert [raw["spec"]["budget"].pop(name) for name in later] == [None, None, None]
    budget = read_record(json.dumps(raw)).spec.budget
    assert [getattr(budget, name) for name in later] == [None, None, None]


def test_tasks_that_were_stored_before_their_labels_told_anything_are_read(raw: dict[str, Any]) -> None:
    assert [raw["task"].pop(name) for name in ("constant", "rarest", "repeated")] == [None] * 3
    task = read_record(json.dumps(raw)).task
    assert (task.constant, task.rarest, task.repeated) == (None, None, None)


def test_a_newer_schema_is_refused(raw: dict[str, Any]) -> None:
    raw["schema_version"] = SCHEMA_VERSION + 1
    with pytest.raises(SchemaError, match="update effkit"):
        read_record(json.dumps(raw))


def test_a_file_without_a_version_is_no_record(raw: dict[str, Any]) -> None:
    of_today = migrate(raw)
    del of_today["schema_version"]
    for text in ("{}", json.dumps(of_today)):
        with pytest.raises(SchemaError, match="not an effkit record"):
            read_record(text)


def test_an_unknown_key_is_refused(raw: dict[str, Any]) -> None:
    raw["host"]["colour"] = "blue"
    with pytest.raises(ValidationError, match="colour"):
        read_record(json.dumps(raw))


def test_an_old_record_is_migrated(raw: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def from_zero(old: dict[str, Any]) -> dict[str, Any]:
        return {("run" if key == "run_name" else key): value for key, value in old.items()}

    monkeypatch.setitem(MIGRATIONS, 0, from_zero)
    raw["schema_version"] = 0
    raw["run_name"] = raw.pop("run")
    for version in range(1, SCHEMA_VERSION):
        monkeypatch.setitem(MIGRATIONS, version, dict)
    assert migrate(raw)["schema_version"] == SCHEMA_VERSION
    assert Record.model_validate(migrate(raw)).run


def test_every_older_version_has_a_migration() -> None:
    assert set(MIGRATIONS) == set(range(1, SCHEMA_VERSION))


def test_candidates_are_found_by_name(raw: dict[str, Any]) -> None:
    record = read_record(json.dumps(raw))
    assert record.candidate("minilm-l6").name == "minilm-l6"
    with pytest.raises(KeyError, match="minilm-l6"):
        record.candidate("nobody")
