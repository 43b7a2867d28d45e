"""Techniques, link by link: what the page, a sentence and a frame say of them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from effkit.record import CandidateRecord, Gap, LayerCost, Link, Payback, Ratio, Record
from effkit.report import plot, render_html, summarise, write
from effkit.report.notebook import Comparison
from effkit.report.values import BarChart, Chart
from tests.report.conftest import candidate, estimate, gap, ratio, record, reference


def link(before: str, name: str, words: str, latency: Ratio | None, found: Gap | None, **other: Any) -> Link:
    """A link of a made-up name and parameters, made in 93 s."""
    fields: dict[str, Any] = {
        "size": 1.0, "peak": 1.0, "making_s": 93.0, "making_j": None, "energy": None,
        "time_payback": Payback(outcome="not resolvable", reason="no saving is shown"),
        "energy_payback": Payback(outcome="not resolvable", reason="its making is not known"),
    } | other  # fmt: skip
    return Link(
        technique={name.replace(f"{before}+", ""): {}}, words=words, name=name, before=before, gap=found,
        latency=latency, **fields,
    )  # fmt: skip


def layers(count: int) -> tuple[LayerCost, ...]:
    parts = ("attention.self.query", "attention.self.value", "intermediate.dense", "output.dense")
    return tuple(
        LayerCost(
            layer=f"0.auto_model.encoder.layer.{place // 4}.{parts[place % 4]}", cost=0.02 / (1 + place) - 0.0006,
            bytes_saved=1_200_000, bits=8 if place < 5 else 4,
        )
        for place in range(count)
    )  # fmt: skip


KEEPS = gap(-0.001, -0.004, 0.002, "non-inferior")
SAVED = Payback(outcome="after", requests=estimate(4300.0, 0.2))
MODELLED = Payback(outcome="after", requests=estimate(5100.0, 0.3, origin="modelled"))
BF16 = link(
    "minilm-l6", "minilm-l6+bf16", "in bf16", ratio(0.5, "lower"), KEEPS, size=0.5, peak=0.97,
    energy=ratio(0.52, "lower"), energy_rank="modelled-tdp", time_payback=SAVED, energy_payback=MODELLED,
    making_j=900.0,
)  # fmt: skip
LAYERS = link(
    "minilm-l6+bf16", "minilm-l6+bf16+layers-3", "with 3 layers", None,
    gap(-0.031, -0.04, -0.022, "inferior"), size=None, peak=None,
)  # fmt: skip
TOKENS = link(
    "minilm-l6", "minilm-l6+tokens-64", "of 64 tokens at most", ratio(0.81, "lower"), KEEPS, time_payback=SAVED,
)  # fmt: skip
ONNX = link(
    "minilm-l6+tokens-64", "minilm-l6+tokens-64+onnx", "on ONNX Runtime", ratio(0.56, "lower"),
    gap(0.0, 0.0, 0.0, "non-inferior"), peak=0.31, time_payback=SAVED,
)  # fmt: skip
MIXED = link(
    "minilm-l6+tokens-64+onnx", "minilm-l6+tokens-64+onnx+mixed", "in 4 and 8 bits", ratio(0.995, "within noise"),
    gap(-0.004, -0.014, 0.006, "inconclusive"), size=0.22, peak=0.6, sensitivity=layers(36),
)  # fmt: skip
FP16 = link(
    "minilm-l6", "minilm-l6+fp16", "in fp16", ratio(3.1, "higher"), KEEPS, size=0.5, peak=0.9,
    time_payback=Payback(outcome="never", reason="a request takes more"),
)  # fmt: skip
SHORT = link(
    "minilm-l6+fp16", "minilm-l6+fp16+onnx", "on ONNX Runtime", ratio(0.3, "unstable"), KEEPS, peak=0.5,
)  # fmt: skip


def chain(mean_s: float, accuracy: float, *links: Link) -> CandidateRecord:
    words = ", ".join(each.words for each in links)
    return candidate(
        links[-1].name if links else "minilm-l6", f"MiniLM L6 {words}".rstrip(), mean_s, accuracy, model="minilm-l6",
        links=links, techniques=tuple(each.technique for each in links), gap=KEEPS,
    )  # fmt: skip


@pytest.fixture
def chained() -> Record:
    """A candidate with a link of its own, and another that shares it."""
    return record(reference(), chain(0.0071, 0.838), chain(0.0035, 0.837, BF16), chain(0.002, 0.806, BF16, LAYERS))


@pytest.fixture
def timed() -> Record:
    """Two chains of which every link was timed, one of them in mixed precision."""
    return record(
        reference(),
        chain(0.0071, 0.838),
        chain(0.0035, 0.837, BF16),
        chain(0.00575, 0.837, TOKENS),
        chain(0.00322, 0.8372, TOKENS, ONNX),
        chain(0.0032, 0.833, TOKENS, ONNX, MIXED),
        chain(0.022, 0.8379, FP16),
        chain(0.0066, 0.8375, FP16, SHORT),
    )


def test_a_link_that_chains_share_stands_once(chained: Record) -> None:
    table = next(each for each in summarise([chained]).studies[0].details if each.key == "links")
    assert [row.name for row in table.rows] == ["minilm-l6+bf16", "minilm-l6+bf16+layers-3"]
    assert [(row.cells[1].text, row.title) for row in table.rows] == [
        ("MiniLM L6", "in bf16"),
        ("MiniLM L6 in bf16", "with 3 layers"),
    ]
    verdicts = [row.cells[0] for row in table.rows]
    assert [(cell.text, cell.tone) for cell in verdicts] == [("worth it", "good"), ("not worth it", "bad")]
    assert table.rows[1].cells[3].detail == "not measured"


def test_each_has_its_sentence(chained: Record) -> None:
    first, second = (each.replace("\u00a0", " ") for each in Comparison(chained).techniques)
    assert first == (
        "“in bf16”, added to MiniLM L6, is worth it: it is faster and not worse by the margin; "
        "−0.1 [−0.4, +0.2] points; 2.0× faster [1.9, 2.1]."
    )
    assert second.startswith("“with 3 layers”, added to MiniLM L6 in bf16, is not worth it: it is worse")
    assert "; −3.1 [−4.0, −2.2] points." in second
    assert second.endswith("points.")


def test_a_card_tells_all_that_a_technique_changes(timed: Record) -> None:
    card = summarise([timed]).studies[0].deltas[0]
    facts = {column.title: cell for column, cell in card.facts}
    assert (card.title, card.before, card.verdict.text) == ("in bf16", "MiniLM L6", "worth it")
    assert facts["Peak memory"].text == "0.97×"
    assert facts["Energy"].text == "1.92× less"
    assert facts["Energy"].origin == "modelled · rated or sampled power"
    assert facts["Making"].detail == "900\u00a0J"
    assert facts["Time paid back"].text == "after 4.30\u00a0thousand requests"
    assert facts["Time paid back"].detail == "[3.44,\u00a05.16]"
    assert facts["Energy paid back"].origin == "modelled"


def test_what_is_not_known_is_no_number_on_a_card(timed: Record, chained: Record) -> None:
    both = [card for each in summarise([timed, chained]).studies for card in each.deltas]
    cards = {card.name: {column.title: cell for column, cell in card.facts} for card in both}
    assert cards["minilm-l6+tokens-64"]["Energy"].detail == "not measurable"
    assert cards["minilm-l6+fp16"]["Time paid back"].text == "never"
    assert cards["minilm-l6+fp16+onnx"]["Time paid back"].text == "not resolvable"
    assert cards["minilm-l6+bf16+layers-3"]["Weights"].detail == "not counted"


def test_the_frame_leaves_empty_what_is_not_known(chained: Record) -> None:
    frame = Comparison(chained).links.set_index("chain")
    assert frame.loc["minilm-l6+bf16", "latency_ratio"] == 0.5
    assert frame.loc["minilm-l6+bf16", "time_payback_requests"] == 4300
    assert frame.isna().loc["minilm-l6+bf16+layers-3", ["latency_ratio", "size_ratio", "making_j"]].all()
    assert list(Comparison(record(reference())).links.columns) == [frame.index.name, *frame.columns]


def test_cards_show_themselves_in_a_notebook(chained: Record) -> None:
    cards = Comparison(chained).cards
    assert "Time paid back" in cards._repr_html_()
    assert "2 techniques were tested" in cards._repr_html_()
    assert str(cards).count("\n") == 1
    assert "No candidate has techniques" in Comparison(record(reference())).cards._repr_html_()


def test_a_card_says_of_each_number_what_it_is_of_and_how_it_came_to_be(chained: Record) -> None:
    card = Comparison(chained).cards._repr_html_().partition("</article>")[0]
    weights = card[card.index("<dt>Weights</dt>") : card.index("<dt>Peak memory</dt>")]
    assert "0.50×" in weights and "in memory" in weights and "counted" in weights
    assert "above the libraries" in card and "margin 1\u00a0point" in card


def test_what_is_very_much_smaller_is_not_shown_as_nothing() -> None:
    table = link("minilm-l6", "minilm-l6+words", "as a table of words", ratio(0.01, "lower"), KEEPS, size=0.0031)
    card = summarise([record(reference(), chain(0.0071, 0.838), chain(0.0004, 0.83, table))]).studies[0].deltas[0]
    assert {column.title: cell.text for column, cell in card.facts}["Weights"] == "0.0031×"


def test_the_page_shows_them_only_where_there_are_any(chained: Record) -> None:
    page = render_html(summarise([chained]))
    assert "Techniques, link by link" in page and "It is faster and not worse by the margin." in page
    assert "2 techniques were tested, each against the same chain without it: 1 worth it and 1 not worth it." in page
    plain = render_html(summarise([record(reference())]))
    assert "Techniques, link by link" not in plain and "worth it here" not in plain


def test_they_have_a_table_of_their_own(timed: Record, tmp_path: Path) -> None:
    write([timed, record(reference(), params={"name": "plain"})], tmp_path)
    with (tmp_path / "tables" / "text_links.csv").open(encoding="utf-8") as stream:
        rows = {row["chain"]: row for row in csv.DictReader(stream)}
    assert len(rows) == 6
    assert rows["minilm-l6+bf16"]["energy_rank"] == "modelled-tdp"
    assert rows["minilm-l6+fp16"]["time_payback"] == "never"
    assert rows["minilm-l6+fp16"]["time_payback_requests"] == ""
    assert not (tmp_path / "tables" / "plain_links.csv").exists()


def test_a_waterfall_multiplies_the_latency_down(timed: Record) -> None:
    found = next(each for each in summarise([timed]).studies[0].charts if each.kind == "waterfall")
    assert isinstance(found, BarChart)
    assert [[bar.label for bar in group.bars] for group in found.groups] == [
        ["of 64 tokens at most", "on ONNX Runtime", "in 4 and 8 bits"],
        ["in fp16", "on ONNX Runtime"],
    ]
    first = found.groups[0].bars
    assert first[0].start == pytest.approx(7.1)
    assert [bar.start for bar in first[1:]] == [bar.end for bar in first[:-1]]
    assert first[-1].end == pytest.approx(7.1 * 0.81 * 0.56 * 0.995)
    assert first[0].low == pytest.approx(7.1 * 0.81 * 0.96)
    assert [bar.colour for bar in first] == ["blue", "blue", "grey"]
    assert "−0.4" in first[2].detail and "not resolvable" in first[2].detail
    svg = plot(timed, "waterfall")._repr_svg_()
    assert "on ONNX Runtime" in svg and "not worth it" in svg


def test_a_chain_that_was_not_timed_throughout_has_no_waterfall(chained: Record) -> None:
    assert "all its beginnings as candidates" in plot(chained, "waterfall")._repr_svg_()


def test_sensitivity_shows_the_costliest_layers_first_with_their_bits(timed: Record) -> None:
    found = next(each for each in summarise([timed]).studies[0].charts if each.kind == "sensitivity")
    assert isinstance(found, BarChart)
    (group,) = found.groups
    assert len(group.bars) == 36
    assert [bar.end for bar in group.bars] == sorted((bar.end for bar in group.bars), reverse=True)
    assert (group.bars[0].label, group.bars[0].detail, group.bars[0].colour) == (
        "0.attention.self.query", "8 bits", "orange",
    )  # fmt: skip
    assert group.bars[-1].detail == "4 bits"
    assert "8 bits" in plot(timed, "sensitivity")._repr_svg_()
    many = timed.model_copy(
        update={"candidates": (reference(), chain(0.003, 0.8, MIXED.model_copy(update={"sensitivity": layers(60)})))}
    )
    assert "costliest of 60" in plot(many, "sensitivity")._repr_svg_().replace("\n", " ")


def test_without_mixed_precision_there_is_no_sensitivity(chained: Record) -> None:
    assert "no candidate is in mixed precision" in plot(chained, "sensitivity")._repr_svg_()


def test_arrows_lead_along_the_links_and_only_the_front_is_named(timed: Record) -> None:
    found = next(each for each in summarise([timed]).studies[0].charts if each.kind == "latency")
    assert isinstance(found, Chart)
    labels = [dot.label for dot in found.dots]
    assert [(labels[start], labels[end]) for start, end in found.arrows] == [
        ("MiniLM L6", "bf16"),
        ("MiniLM L6", "tokens-64"),
        ("tokens-64", "tokens-64 + onnx"),
        ("tokens-64 + onnx", "tokens-64 + onnx + mixed"),
        ("MiniLM L6", "fp16"),
        ("fp16", "fp16 + onnx"),
    ]
    named = {dot.label for dot in found.dots if dot.named}
    assert {labels[place] for place in found.front} <= named
    assert "fp16" not in named and "MPNet base" in named
