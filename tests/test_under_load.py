"""A study with a load test: who is tested, where the figures go, and what is refused."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from effkit import store, under_load
from effkit.migrations import read_record
from effkit.report import summarise
from effkit.report.answer import answer
from effkit.report.view import View
from effkit.spec import SpecError
from effkit.study import Study
from tests import own_models
from tests.analysis.two_runs import golden, with_candidate
from tests.conftest import parameters

GOLDEN = Path(__file__).parent / "golden"
LOAD = {"shares": [0.5], "seeds": 1, "queries": 40}


@pytest.mark.skipif(
    find_spec("mlperf_loadgen") is None, reason="MLPerf LoadGen is not installed: pip install '.[load]'"
)
def test_a_study_puts_its_reference_and_its_front_under_load(results: Path) -> None:
    study = Study.from_params(
        **parameters(load=LOAD, reference="logreg", candidates=["logreg"], budget={"latency_p99_s": 1.0}),
        own={"constant": own_models.always_one},
    )
    record = study.run()
    plain = {name: record.candidate(name).latency for name in ("logreg", "constant")}
    assert record.reference.load is not None
    assert record.reference.load.saturation_per_s.value > 0
    assert [point.share for point in record.reference.load.points] == [0.5]
    assert all(plain.values())
    place = study.save()
    assert store.load(place).record == record
    samples = pd.read_parquet(place / store.SAMPLES)
    rows = samples[(samples["candidate"] == "logreg") & (samples["metric"] == "load_latency_s")]
    assert len(rows) == 40 and rows["position"].tolist() == list(range(40))
    assert samples["generation"].dtype == "int16" and samples["metric"].dtype == "category"
    section = summarise([record]).studies[0]
    table = next(each for each in section.details if each.key == "load")
    assert "logreg" in {row.name for row in table.rows}
    assert "saturation" in {row.metric for row in section.tidy}


@pytest.mark.skipif(
    find_spec("mlperf_loadgen") is None, reason="MLPerf LoadGen is not installed: pip install '.[load]'"
)
def test_what_a_load_test_fails_of_loses_nothing_that_was_measured(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(**options: str) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("effkit.bench.sequence.tempfile", SimpleNamespace(TemporaryDirectory=no_room))
    study = Study.from_params(**parameters(load=LOAD, reference="logreg", candidates=["logreg"]))
    record = study.run()
    assert record.reference.load is None and record.reference.latency is not None
    assert "no space left on device" in (record.reference.load_failure or "")
    assert store.load(study.save()).record == record


def test_a_load_worker_that_the_system_does_not_start_is_a_failure_of_the_load_test(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(**options: object) -> None:
        raise OSError("too many open files")

    study = Study.from_params(**parameters(load=LOAD, reference="logreg", candidates=["logreg"]))
    monkeypatch.setattr("effkit.bench.load.WorkerProcess", none_left)
    record = study.run()
    assert record.reference.load is None and record.reference.latency is not None
    assert "too many open files" in (record.reference.load_failure or "")


def test_without_a_load_generator_nothing_is_measured(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("effkit.bench.load.find_spec", lambda name: None)
    with pytest.raises(SpecError, match=r"\.\[load\]"):
        Study.from_params(**parameters(load=LOAD)).run()
    assert store.load_all(results) == []


@pytest.mark.parametrize("name", ["record-v1.json", "record-v2.json", "record-v3.json"])
def test_the_reference_and_whom_the_answer_chooses_come_first(name: str) -> None:
    record = read_record((GOLDEN / name).read_bytes())
    first = dict.fromkeys(each for each in (record.reference.name, answer(View(record)).chosen) if each is not None)
    assert under_load.tested(record)[: len(first)] == list(first)


def test_whom_the_answer_would_choose_if_nobody_waited_is_put_under_load() -> None:
    record = golden()
    for each in record.candidates:
        record = with_candidate(record, each.name, load=None)
    budget = record.spec.budget.model_copy(update={"requests_per_s": 1000.0})
    busy = record.model_copy(update={"spec": record.spec.model_copy(update={"budget": budget})})
    assert answer(View(busy)).chosen is None
    assert under_load.tested(busy)[:2] == under_load.tested(record)[:2] == ["mpnet-base", "minilm-l6"]
