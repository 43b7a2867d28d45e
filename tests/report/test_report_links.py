"""Techniques, link by link: what the page, a sentence and a frame say of them."""

from __future__ import annotations

import pytest

from effkit.record import Link, Record
from effkit.report import render_html, summarise
from effkit.report.notebook import Comparison
from tests.report.conftest import candidate, gap, ratio, record, reference

BF16 = Link(
    technique={"bf16": {}}, words="in bf16", name="minilm-l6+bf16", before="minilm-l6",
    gap=gap(-0.001, -0.004, 0.002, "non-inferior"), latency=ratio(0.5, "lower"), size=0.5, making_s=93.0, making_j=None,
)  # fmt: skip
LAYERS = BF16.model_copy(
    update={
        "technique": {"layers": {"keep": 3}}, "words": "with 3 layers", "name": "minilm-l6+bf16+layers-3",
        "before": "minilm-l6+bf16", "gap": gap(-0.031, -0.04, -0.022, "inferior"), "latency": None, "size": None,
    }
)  # fmt: skip


@pytest.fixture
def chained() -> Record:
    """A candidate with a link of its own, and another that shares it."""
    short = candidate(
        "minilm-l6+bf16",
        "MiniLM L6 in bf16",
        0.0035,
        0.837,
        model="minilm-l6",
        links=(BF16,),
        techniques=(BF16.technique,),
    )
    long = candidate(
        "minilm-l6+bf16+layers-3", "MiniLM L6 in bf16, with 3 layers", 0.002, 0.806, model="minilm-l6",
        links=(BF16, LAYERS), techniques=(BF16.technique, LAYERS.technique),
    )  # fmt: skip
    plain = candidate("minilm-l6", "MiniLM L6", 0.0071, 0.838)
    return record(reference(), plain, short, long)


def test_a_link_that_chains_share_stands_once(chained: Record) -> None:
    table = next(each for each in summarise([chained]).studies[0].details if each.key == "links")
    assert [row.name for row in table.rows] == ["minilm-l6+bf16", "minilm-l6+bf16+layers-3"]
    assert [(row.cells[0].text, row.title) for row in table.rows] == [
        ("MiniLM L6", "in bf16"),
        ("MiniLM L6 in bf16", "with 3 layers"),
    ]
    verdicts = [row.cells[-1] for row in table.rows]
    assert [(cell.text, cell.tone) for cell in verdicts] == [("worth it", "good"), ("not worth it", "bad")]
    assert table.rows[1].cells[2].detail == "not measured"


def test_each_has_its_sentence(chained: Record) -> None:
    first, second = (each.replace("\u00a0", " ") for each in Comparison(chained).techniques)
    assert first == (
        "“in bf16”, added to MiniLM L6, is worth it: it is faster and not worse by the margin; "
        "−0.1 [−0.4, +0.2] points; 2.0× faster [1.9, 2.1]."
    )
    assert second.startswith("“with 3 layers”, added to MiniLM L6 in bf16, is not worth it: it is worse")
    assert "; −3.1 [−4.0, −2.2] points." in second
    assert second.endswith("points.")


def test_the_frame_leaves_empty_what_is_not_known(chained: Record) -> None:
    frame = Comparison(chained).links.set_index("chain")
    assert frame.loc["minilm-l6+bf16", "latency_ratio"] == 0.5
    assert frame.isna().loc["minilm-l6+bf16+layers-3", ["latency_ratio", "size_ratio", "making_j"]].all()


def test_the_page_shows_them_folded_and_only_where_there_are_any(chained: Record) -> None:
    page = render_html(summarise([chained]))
    assert "Techniques, link by link" in page and "is worth it: it is faster" in page
    assert "Techniques, link by link" not in render_html(summarise([record(reference())]))
