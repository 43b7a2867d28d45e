"""A study of cascades from end to end: stages, system, record, report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from effkit import resolve, store
from effkit.analysis.margins import enough_from
from effkit.analysis.quality import non_inferiority
from effkit.assemble import _weights
from effkit.models import Recipe
from effkit.params import parse
from effkit.record import Estimate, Record
from effkit.report import plot, render_html, summarise
from effkit.report.notebook import Comparison
from effkit.spec import CandidateSpec, SpecError, StudySpec
from effkit.study import Study
from tests import own_models
from tests.conftest import REHEARSAL, parameters

TWO: dict[str, Any] = {"cascade": ["logreg", "lightgbm-small"]}
TREE: dict[str, Any] = {"model": "shallow-tree", "fit_items": 20_000}
THREE: dict[str, Any] = {"cascade": [TREE, "logreg", "lightgbm-small"], "escalate": [0.5, 0.5]}
NAME = "shallow-tree@20000-then-logreg-then-lightgbm-small+escalate-0.5-0.5"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two cascades with their last stage as reference, and of one that fails.

    The first stage of the second is no candidate.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFKIT_RESULTS", str(tmp_path_factory.mktemp("results")))
        candidates = ["logreg", "lightgbm-small", TWO, THREE, {"cascade": ["logreg", "broken"]}]
        made = Study.from_params(**parameters(candidates=candidates, own={"broken": own_models.raises}))
        made.run()
        return made.save()


@pytest.fixture(scope="module")
def record(kept: Path) -> Record:
    return store.load(kept).record


def test_a_cascade_is_measured_as_every_candidate(record: Record) -> None:
    for name in ("logreg-then-lightgbm-small", NAME):
        found = record.candidate(name)
        assert found.status == "ok", found.error
        assert found.quality and found.gap and found.latency and found.memory and found.throughput
        assert found.latency.ratio is not None
        assert found.cascade is not None and found.cascade.latency is not None
        assert found.cascade.latency.value == pytest.approx(found.latency.ratio.value)
    assert record.candidate("logreg").cascade is None
    labels = record.task.split_items["fit"]  # fewer than were asked for
    tree = f"Shallow tree with {labels} labels"
    assert record.candidate(NAME).title == f"{tree}, then Linear model, then LightGBM small (escalate-0.5-0.5)"
    assert {"train logreg", "train lightgbm-small"} <= {step.step for step in record.candidate(NAME).making}


def test_the_record_tells_how_it_came_to_its_answers(record: Record) -> None:
    found = record.candidate(NAME).cascade
    assert found is not None
    assert [stage.name for stage in found.stages] == ["shallow-tree@20000", "logreg", "lightgbm-small"]
    assert found.stages[0].title == f"Shallow tree with {record.task.split_items['fit']} labels"
    assert sum(stage.answered.value for stage in found.stages) == pytest.approx(1.0)
    assert found.escalated.value == pytest.approx(1 - found.stages[0].answered.value)
    assert not found.chosen and found.accept_points is None
    assert found.cost is None  # the tree was not timed, and has no operations
    two = record.candidate("logreg-then-lightgbm-small").cascade
    assert two is not None and two.chosen
    assert (two.accept_points, two.cost_kind) == (1.0, "time")  # half the margin
    assert two.stages[-1].cost == 1.0
    assert len(two.curve) == 21
    assert {mix.kind.partition("=")[0] for mix in two.mixes} >= {"class"}
    assert two.alarm is not None and 0 <= two.alarm.fewest <= two.alarm.most <= two.alarm.requests


def test_its_quality_is_that_of_the_answers_its_stages_gave(kept: Path, record: Record) -> None:
    predictions = pd.read_parquet(kept / store.PREDICTIONS)
    wide = predictions.pivot_table(index="item", columns="candidate", values="score", aggfunc="first")
    found = record.candidate("logreg-then-lightgbm-small")
    assert found.cascade is not None and found.quality is not None
    mixed = wide["logreg-then-lightgbm-small"]
    assert ((mixed == wide["logreg"]) | (mixed == wide["lightgbm-small"])).all()
    assert mixed.mean() == pytest.approx(found.quality.value.value)
    assert found.cascade.stages[0].quality.value == pytest.approx(wide["logreg"].mean())
    assert np.isfinite(predictions["confidence"]).all()


def test_the_report_shows_cards_curve_and_mixes(record: Record) -> None:
    page = render_html(summarise([record]))
    for words in (
        "Cascades: the small model first", "requests go on", "If the traffic shifts", "class=", "Gap recovered",
        "of the last stage", "Linear model, then LightGBM small",
    ):  # fmt: skip
        assert words in page
    figure = plot(record, "cascade")
    assert len(figure.axes) == 2
    comparison = Comparison(record)
    assert "are answered by Linear model" in str(comparison.cascades)
    assert "If the traffic shifts" in comparison.cascades._repr_html_()


def test_its_numbers_read_as_neither_nothing_nor_all_where_they_are_not(record: Record) -> None:
    name = "logreg-then-lightgbm-small"
    found = record.candidate(name).cascade
    assert found is not None
    shares = [Estimate(value=each, low=each - 0.002, high=each + 0.002, n=569) for each in (0.996, 0.004)]
    stages = tuple(
        stage.model_copy(update={"answered": share}) for stage, share in zip(found.stages, shares, strict=True)
    )
    chance = Estimate(value=-0.001, low=-0.21, high=0.2, n=569, origin="modelled")
    changed = found.model_copy(
        update={"stages": stages, "recovered": found.recovered.model_copy(update={"value": chance})}
    )
    candidates = tuple(
        each.model_copy(update={"cascade": changed}) if each.name == name else each for each in record.candidates
    )
    cards = summarise([record.model_copy(update={"candidates": candidates})]).studies[0].cascades
    card = next(each for each in cards if each.name == name)
    assert card.sentences[0].startswith("Of 100 items, 99.6 are answered by Linear model and 0.4 by ")
    assert [row.cells[0].detail for row in card.stages.rows] == ["[99.4,\u00a099.8]", "[0.2,\u00a00.6]"]
    recovered = next(cell for column, cell in card.facts if column.title == "Gap recovered")
    assert recovered.text == "0.00" and recovered.detail.startswith("[−0.21,\u00a00.20]")


def test_a_study_without_a_cascade_says_so(record: Record) -> None:
    bare = record.model_copy(update={"candidates": tuple(c for c in record.candidates if c.cascade is None)})
    assert "No candidate is a cascade" in Comparison(bare).cascades._repr_html_()
    assert "Cascades: the small model first" not in render_html(summarise([bare]))
    assert plot(bare, "cascade").axes == []


def refused(**changes: Any) -> str:
    with pytest.raises(SpecError) as caught:
        resolve.check(parse(parameters(**changes)), {}, None)
    return str(caught.value)


@pytest.mark.parametrize(
    ("candidate", "words"),
    [
        ({"cascade": ["logreg"]}, "needs two stages or more"),
        ({"cascade": ["logreg", TWO]}, "cannot be a cascade itself"),
        ({"cascade": ["logreg", "logreg"]}, "asks each stage once"),
        ({"cascade": ["logreg", "lightgbm-small"], "model": "mlp"}, "takes no `model`"),
        ({"cascade": ["logreg", "lightgbm-small"], "techniques": [{"onnx": {}}]}, "takes no `techniques`"),
        ({"cascade": ["logreg", "minilm-l6"]}, "minilm-l6` is a text model"),
        ({"cascade": ["logreg", "lightgbm-smal"]}, "Did you mean `lightgbm-small`"),
        ({**TWO, "score": "surprise"}, "'margin', 'log_probability' or 'entropy'"),
        ({**TWO, "calibration": "platt"}, "'temperature' or 'isotonic'"),
        ({**TWO, "escalate": [0.1, 0.2]}, "a share for each stage but the last: 1"),
        ({**TWO, "escalate": [1.5]}, "less than or equal to 1"),
        ({**TWO, "escalate": [0.5], "accept_points": 1}, "give one of `escalate`"),
        ({"model": "logreg", "score": "margin"}, "`score` is said of a cascade"),
        ({"techniques": []}, "needs `model`"),
        ({"model": "logreg", "techniques": [{"exits": {"layers": [1]}}]}, "`exits` cannot be applied here"),
    ],
)
def test_wrong_cascades_are_refused_in_words(candidate: dict[str, Any], words: str) -> None:
    assert words in refused(candidates=["lightgbm-small", candidate])


def test_regression_has_no_classes_to_be_sure_of() -> None:
    said = refused(task="california-housing", candidates=["lightgbm-small", TWO], margin_points=None, margin_percent=2)
    assert "takes classification tasks alone" in said


@pytest.mark.parametrize("layers", [[], [2, 1], [0], [1, 1]])
def test_exits_rise_from_the_first_layer_on(layers: list[int]) -> None:
    exits = {"model": "minilm-l6", "techniques": [{"exits": {"layers": layers}}]}
    assert "exits.layers" in refused(task="clothing-department", reference="minilm-l6", candidates=["minilm-l6", exits])


def test_names_say_how_it_escalates_and_a_study_reads_back() -> None:
    spec = parse(parameters(candidates=["lightgbm-small", TWO, {**TWO, "score": "log_probability"}, THREE]))
    names = [each.name for each in spec.candidates]
    assert names[1:] == [
        "logreg-then-lightgbm-small", "logreg-then-lightgbm-small+log-probability", NAME,
    ]  # fmt: skip
    assert StudySpec.model_validate_json(spec.model_dump_json()) == spec
    exits = CandidateSpec.model_validate({"model": "minilm-l6", "techniques": [{"exits": {"layers": [2, 4]}}]})
    assert exits.name == "minilm-l6+exits-2-4"


def test_a_stage_that_fails_fails_the_cascade_and_not_the_study(record: Record) -> None:
    assert "this model has a fault" in (record.candidate("logreg-then-broken").error or "")
    assert record.reference.status == "ok"


def test_a_plan_counts_all_stages() -> None:
    planned = Study.from_params(**parameters(candidates=["lightgbm-small", TWO])).plan()
    rows = {row.candidate: row for row in planned.rows}
    assert rows["logreg-then-lightgbm-small"].measure_s > 0
    text = {"task": "clothing-department", "reference": "mpnet-base"}
    several = [{"cascade": ["tfidf-logreg", "minilm-l6", "mpnet-base"]}, "mpnet-base"]
    made = Study.from_params(**parameters(**text, candidates=several, name="never-run", protocol="standard")).plan()
    first, last = made.rows
    assert first.measure_s < last.measure_s
    assert first.prepare_s > 0


def test_the_weights_of_every_stage_and_teacher_are_told() -> None:
    def of(model: str, sha256: str, **other: Any) -> Recipe:
        return Recipe(model, "text.encoder", "classification", 1, 1, weights_sha256={"model.bin": sha256}, **other)

    taught = of("student", "1", teacher=of("teacher", "2"))
    assert _weights(taught) == {"model.bin": "1", "teacher: model.bin": "2"}
    whole = Recipe("both", "cascade", "classification", 1, 1, stages=(taught, of("large", "3")))
    assert _weights(whole) == {"student: model.bin": "1", "teacher: model.bin": "2", "large: model.bin": "3"}


def test_the_gap_to_a_last_stage_that_is_no_reference_is_over_all_training_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFKIT_RESULTS", str(tmp_path))
    name, last, routed = "random-forest-then-logreg", "logreg", {"cascade": ["random-forest", "logreg"]}
    given = parameters(candidates=["lightgbm-small", last, routed], protocol={**REHEARSAL, "seeds": 3})
    made = Study.from_params(**given)
    found = made.run().candidate(name).cascade
    assert found is not None and found.gap is not None and made._tables is not None
    scores = made._tables[1].pivot_table(index="item", columns=["candidate", "seed"], values="score")
    alone = [
        enough_from([{"it": non_inferiority(scores[name][seed], scores[last].iloc[:, 0], margin=0.02, seed=1)}], "it")
        for seed in sorted(scores[name].columns)
    ]
    assert len(alone) == 3 and alone[0] is not None and found.gap.enough_from is not None
    assert found.gap.enough_from == pytest.approx(max(each or 0.0 for each in alone), rel=0.05)
    assert found.gap.enough_from > 1.2 * alone[0], f"{alone}: the first seed is not the worst of them here"
