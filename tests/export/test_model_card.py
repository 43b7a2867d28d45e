"""A model card that the hub's own reader understands, whatever a title or a licence says."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard
from hypothesis import given, settings
from hypothesis import strategies as st

from effkit.analysis.carbon import factor
from effkit.export import ExportError, export
from effkit.export.model_card import card, emissions
from effkit.record import Record
from effkit.report.summary import section
from effkit.store import Loaded
from tests.analysis.two_runs import changed, golden, with_candidate

USED = "Some GPU (1234), CUDA 12.8, cuDNN 91002"
TEXT = st.text(st.characters(codec="utf-8"), min_size=1) | st.text("-:#'\"\n\r\t{}[]&*!|>%@` ab", min_size=1)


def known_making(record: Record) -> Record:
    """The record with the energy of every step of making known."""
    steps = record.candidate("minilm-l6").making
    return with_candidate(
        record, "minilm-l6", making=tuple(step.model_copy(update={"energy_j": 3600.0}) for step in steps)
    )


def written(record: Record, name: str = "minilm-l6") -> ModelCard:
    text = card(record, record.candidate(name), section(record))
    return ModelCard(text)


def test_the_hubs_reader_finds_every_result_with_its_origin() -> None:
    data = written(known_making(golden())).data
    assert data.license == "apache-2.0"
    assert data.pipeline_tag == "text-classification"
    found = {each.metric_type: each for each in data.eval_results}
    assert found["accuracy"].metric_value == 0.838
    assert found["accuracy"].dataset_revision == golden().task.sha256
    assert {name: each.metric_args["origin"] for name, each in found.items()} == {
        "accuracy": "measured", "latency_s": "measured", "energy_j": "modelled",
    }  # fmt: skip
    assert all(each.metric_args["low"] < each.metric_value < each.metric_args["high"] for each in found.values())


def test_emissions_are_grams_of_the_making_at_the_grid_that_the_study_names() -> None:
    record = known_making(golden())
    data = written(record).data.to_dict()["co2_eq_emissions"]
    steps = len(record.candidate("minilm-l6").making)
    assert data["emissions"] == pytest.approx(steps * 0.001 * factor("FRA").g_per_kwh)
    assert set(data) == {"emissions", "source", "training_type", "geographical_location", "hardware_used"}
    assert data["training_type"] == "fine-tuning"
    assert data["geographical_location"].startswith("France")
    assert "CodeCarbon 3.3.2" in data["source"] and data["source"].startswith("modelled")
    assert data["hardware_used"] == "Synthetic CPU @ 2.50GHz, 2 cores"


@pytest.mark.parametrize(("gpu", "words"), [(None, ""), (USED, f", {USED}")])
def test_of_the_gpus_of_a_machine_the_one_in_use_is_named_and_no_other(gpu: str | None, words: str) -> None:
    record = changed(known_making(golden()), host={"gpus": ("Some GPU, 570.1, 300 W", "Another"), "gpu": gpu})
    found = emissions(record, record.candidate("minilm-l6"))
    assert found is not None and found["hardware_used"] == f"Synthetic CPU @ 2.50GHz, 2 cores{words}"


def test_a_grid_of_ones_own_is_taken_and_said() -> None:
    own = golden().spec.carbon.model_copy(update={"grid_g_per_kwh": 20.0})
    record = changed(known_making(golden()), spec={"carbon": own})
    found = emissions(record, record.candidate("minilm-l6"))
    assert found is not None
    assert found["emissions"] == pytest.approx(len(record.candidate("minilm-l6").making) * 0.001 * 20)
    assert "20 g/kWh, a grid of the study's own" in found["source"]


@pytest.mark.parametrize(
    ("region", "g_per_kwh", "told"),
    [
        ("WORLD", None, "not declared"),
        ("WORLD", 20.0, "not declared"),
        ("DEU", 20.0, "Germany, as the study declares"),
    ],
)
def test_a_place_is_declared_by_the_study_or_not_at_all(region: str, g_per_kwh: float | None, told: str) -> None:
    asked = golden().spec.carbon.model_copy(update={"region": region, "grid_g_per_kwh": g_per_kwh})
    record = changed(known_making(golden()), spec={"carbon": asked})
    found = emissions(record, record.candidate("minilm-l6"))
    assert found is not None and found["geographical_location"] == told
    assert ("475 g/kWh, the world's average of 2018" in found["source"]) is (g_per_kwh is None)


def test_a_model_without_weights_from_elsewhere_was_trained_from_the_start() -> None:
    record = with_candidate(known_making(golden()), "minilm-l6", weights_sha256={})
    found = emissions(record, record.candidate("minilm-l6"))
    assert found is not None and found["training_type"] == "pre-training"


def test_what_is_not_known_is_left_out_and_never_0() -> None:
    unknown = written(golden())
    assert "co2_eq_emissions" not in unknown.data.to_dict()
    assert "What making it emitted is not known here." in unknown.text
    nothing_made = with_candidate(golden(), "minilm-l6", making=())
    assert emissions(nothing_made, nothing_made.candidate("minilm-l6")) is None
    small = written(golden(), "tfidf-logreg").data
    assert "energy_j" not in {each.metric_type for each in small.eval_results}


@pytest.mark.parametrize(
    ("licence", "wanted"),
    [
        ("BSD-3-Clause (scikit-learn)", {"license": "bsd-3-clause"}),
        ("BSD-3-Clause (scikit-learn); BSD-3-Clause (PyTorch)", {"license": "bsd-3-clause"}),
        ("MIT (LightGBM); Apache-2.0", {"license": "other", "license_name": "MIT (LightGBM); Apache-2.0"}),
        ("MIT code, weights as agreed", {"license": "other", "license_name": "MIT code, weights as agreed"}),
        ("MIT License", {"license": "mit"}),
        ("my own: ask me", {"license": "other", "license_name": "my own: ask me"}),
        (None, {}),
    ],
)
def test_licences_are_the_hubs_or_other(licence: str | None, wanted: dict[str, str]) -> None:
    data = written(with_candidate(golden(), "minilm-l6", licence=licence)).data.to_dict()
    assert {key: data[key] for key in data if key.startswith("license")} == wanted


@settings(max_examples=60)
@given(TEXT, TEXT)
def test_any_text_survives_the_metadata_and_stays_out_of_the_markup(title: str, licence: str) -> None:
    record = with_candidate(golden(), "minilm-l6", title=title, licence=licence)
    record = changed(record, task={"title": title})
    with pytest.MonkeyPatch.context() as patch:  # what a card has nothing of
        for part in ("argument", "what_if", "charts"):
            patch.setattr(f"effkit.report.summary.{part}", lambda *view: None)
        text = card(record, record.candidate("minilm-l6"), section(record))
    metadata = yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n"))
    assert metadata["model-index"][0]["name"] == title
    assert metadata["model-index"][0]["results"][0]["dataset"]["name"] == title
    assert metadata.get("license_name", licence) == licence
    assert ModelCard(text).data.to_dict() == metadata
    assert "<script" not in text.partition("\n---\n")[2]


def test_every_row_of_the_table_has_an_origin_and_five_cells(run: Loaded, tmp_path: Path) -> None:
    text = Path(export(run, "model-card", str(tmp_path), "minilm-l6")).read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 8
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(cells) == 5
        assert cells[4].split(" ")[0] in ("measured", "counted", "modelled"), row


def test_what_stands_under_interval_is_one(run: Loaded, tmp_path: Path) -> None:
    text = Path(export(run, "model-card", str(tmp_path), "minilm-l6")).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    assert all(not interval or interval.startswith(r"\[") for _, _, interval, _, _ in rows)
    remarks = {name: remark for name, _, _, remark, _ in rows}
    assert "model adds" in remarks["Peak memory, whole process"]
    assert remarks["p99 latency, and p50"].startswith("p50 ")


def test_the_chosen_candidate_is_taken_and_another_on_request(run: Loaded, tmp_path: Path) -> None:
    chosen = section(run.record).answer.chosen
    assert chosen == "minilm-l6"
    assert "# MiniLM L6\n" in Path(export(run, "model-card", str(tmp_path / "a.md"))).read_text()
    assert "# MPNet base\n" in Path(export(run, "model-card", str(tmp_path / "b.md"), "mpnet-base")).read_text()


@pytest.mark.parametrize(
    ("name", "words"), [("nobody", "is not in this run; it has mpnet-base"), ("minilm-l6+int8", "failed")]
)
def test_a_candidate_without_numbers_is_refused(run: Loaded, tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ExportError, match=words):
        export(run, "model-card", str(tmp_path / "card.md"), name)
    assert not (tmp_path / "card.md").exists()


def test_where_none_was_chosen_one_must_be_named(run: Loaded, tmp_path: Path) -> None:
    alone = run.record.model_copy(update={"candidates": (run.record.reference,)})
    with pytest.raises(ExportError, match="--candidate"):
        export(Loaded(run.folder, alone), "model-card", str(tmp_path / "card.md"))
