"""The page and the files: offline, escaped, small, the same every time."""

from __future__ import annotations

import csv
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import fields
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from effkit.decision import decide
from effkit.record import Record
from effkit.report import comparison_html, plot, render_html, summarise, write
from effkit.report.notebook import Comparison
from effkit.report.summary import section
from effkit.report.values import Tidy
from effkit.report.view import View
from tests.analysis.two_runs import changed, with_candidate

MakeRecord = Callable[[str], Record]
VOID = {"wbr", "meta", "br", "link", "img", "hr", "input", "path", "use"}


class Outline(HTMLParser):
    """Collects ids, in-page links and unbalanced tags."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        self._attributes(attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._attributes(attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def _attributes(self, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "srcset", "data")]


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    assert parser.open == []
    return parser


@pytest.fixture
def page(make_record: MakeRecord) -> str:
    return render_html(summarise([make_record("yes")]))


def test_the_page_loads_nothing(page: str) -> None:
    found = outline(page)
    assert all(link.startswith("#") for link in found.loads)
    assert not re.search(r"https?://|@import|url\((?!#)", page)
    assert not found.tags & {"link", "img", "iframe", "object"}
    assert set(re.findall("<script[^>]*>", page)) == {'<script type="application/json">', "<script>"}


def test_ids_are_unique_and_links_lead_somewhere(page: str) -> None:
    found = outline(page)
    assert len(found.ids) == len(set(found.ids))
    assert {link[1:] for link in found.loads} <= set(found.ids)


def test_what_people_wrote_is_escaped(make_record: MakeRecord) -> None:
    evil = "<script>alert('x')</script>"
    record = make_record("yes")
    candidates = tuple(
        c.model_copy(update={"title": f"{c.title}{evil}", "name": f"{c.name}{evil}", "error": c.error and evil})
        for c in record.candidates
    )
    spec = record.spec.model_copy(update={"margin_reason": evil})
    task = record.task.model_copy(update={"title": evil})
    hostile = record.model_copy(update={"candidates": candidates, "spec": spec, "task": task})
    for html in (render_html(summarise([hostile])), comparison_html(hostile)):
        assert "<script>alert" not in html
        assert "&lt;script&gt;" in html


def test_dollars_in_a_title_are_no_formula(make_record: MakeRecord) -> None:
    record = make_record("gpu")
    titled = tuple(c.model_copy(update={"title": f"{c.title} $\\frac$"}) for c in record.candidates)
    assert "frac$" in plot(record.model_copy(update={"candidates": titled}))._repr_svg_()


def test_write_leaves_a_page_tables_and_figures(make_record: MakeRecord, tmp_path: Path) -> None:
    path = write([make_record("yes")], tmp_path / "report")
    assert path.name == "report.html"
    assert path.stat().st_size < 1_000_000
    files = {str(each.relative_to(path.parent)) for each in path.parent.rglob("*.*")}
    assert {"tables/text.csv", "tables/_all.csv", "figures/text-latency.svg", "figures/text-curve.svg"} <= files
    with (path.parent / "tables" / "text.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == [field.name for field in fields(Tidy)]
    unresolved = next(r for r in rows if r["candidate"] == "tfidf-logreg" and r["metric"] == "energy_request")
    assert unresolved["value"] == ""


def test_figures_are_the_same_every_time_and_undated(make_record: MakeRecord) -> None:
    first, second = (plot(make_record("yes"), "latency") for _ in range(2))
    assert isinstance(first, Figure)
    assert first._repr_svg_() == second._repr_svg_()
    png, shown = first._repr_png_()
    width, height = (int.from_bytes(png[place : place + 4]) for place in (16, 20))  # of its header, in pixels
    assert (width, height) == (2 * shown["width"], 2 * shown["height"])
    text = first._repr_svg_()
    assert "MiniLM L6" in text
    assert "<dc:date>" not in text
    ET.fromstring(text)


def test_figures_in_the_page_follow_its_theme(page: str) -> None:
    assert "var(--plot-chosen, #0072b2)" in page
    assert "prefers-color-scheme: dark" in page


def test_a_figure_that_cannot_be_drawn_says_why(make_record: MakeRecord) -> None:
    assert "fewer than two points" in plot(make_record("no"), "curve")._repr_svg_()


def test_a_fragment_for_notebooks(make_record: MakeRecord) -> None:
    html = comparison_html(make_record("yes"))
    assert html.lstrip().startswith('<div class="ek ')
    assert "MiniLM L6 is enough" in html
    outline(html)


def test_no_sign_in_a_fragment_is_taken_for_mathematics(make_record: MakeRecord) -> None:
    record = make_record("yes")
    compared = Comparison(record)
    shown = (compared._repr_html_(), compared.cards._repr_html_(), compared.cascades._repr_html_())
    for html in (*shown, decide(record)._repr_html_()):
        assert html.lstrip().startswith('<div class="ek tex2jax_ignore mathjax_ignore"')


@pytest.mark.slow
def test_every_case_can_be_rendered(any_record: Record) -> None:
    outline(render_html(summarise([any_record])))


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("yes", "standard: 10 generations of 4 blocks, 1,200 calls, 1 thread"),
        ("smoke with a p99 limit", "smoke: 1 generation of 2 blocks, 64 calls, 1 thread"),
    ],
)
def test_the_protocol_is_told(case: str, said: str, make_record: MakeRecord) -> None:
    assert said in render_html(summarise([make_record(case)]))


def test_where_an_interval_was_asked_for_the_generations_that_ran_are_told(make_record: MakeRecord) -> None:
    record = make_record("yes")
    protocol = record.spec.protocol.model_copy(update={"generations": 5, "interval": 0.02})
    latency = record.reference.latency
    assert latency is not None
    longer = latency.model_copy(update={"mean_s": latency.mean_s.model_copy(update={"n": 12})})
    record = with_candidate(changed(record, spec={"protocol": protocol}), "mpnet-base", latency=longer)
    said = {fact.term: fact.text for fact in section(record).facts}["Protocol"].replace("\u00a0", " ")
    assert said == "standard: 12 generations (5 to 30 for ±2 %) of 4 blocks, 1,200 calls, 1 thread"


def test_tables_have_captions_and_headers_a_scope(page: str) -> None:
    tables = re.findall(r"<table class=\"numbers\">.{0,80}", page, re.DOTALL)
    assert tables and all("<caption>" in each for each in tables)
    assert all("scope=" in each for each in re.findall("<th[ >][^>]*", page))


def test_headings_skip_no_level(page: str) -> None:
    levels = [int(level) for level in re.findall(r"<h([1-6])[ >]", page)]
    assert levels[0] == 1 and all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_no_section_is_empty(make_record: MakeRecord) -> None:
    record = make_record("reference failed").model_copy(update={"noise": ()})
    page = render_html(summarise([record]))
    assert "The reference against itself" not in page and '<div class="figures">' not in page
    assert not re.search(r"<tbody>\s*</tbody>", page)


def test_a_study_whose_name_begins_with_anothers_has_its_own_anchors(make_record: MakeRecord) -> None:
    record = make_record("yes")
    other = record.model_copy(update={"spec": record.spec.model_copy(update={"name": "text-size"})})
    found = outline(render_html(summarise([record, other])))
    assert len(found.ids) == len(set(found.ids))


def test_a_figures_file_is_told_in_words(make_record: MakeRecord, tmp_path: Path) -> None:
    page = write([make_record("yes")], tmp_path)
    root = ET.parse(page.parent / "figures" / "text-latency.svg").getroot()
    title, words = (root.find(f"{{http://www.w3.org/2000/svg}}{name}") for name in ("title", "desc"))
    assert title is not None and title.text == "Quality and latency"
    assert words is not None and "MiniLM L6" in (words.text or "")


def test_lines_differ_in_more_than_their_colour_and_their_ends_are_told(make_record: MakeRecord) -> None:
    record = make_record("yes")
    lines = plot(record, "traffic").axes[0].get_lines()
    assert len({line.get_linestyle() for line in lines}) == len(lines) > 1
    (found,) = (each for each in summarise([record]).studies[0].charts if each.kind == "traffic")
    assert "MPNet base 1.00× at 0.1 requests a second, 1.00× at 10,000 requests a second" in found.alt


@pytest.mark.parametrize(("cores", "words"), [((1,), "pinned to core 1;"), ((2, 3), "pinned to cores 2, 3;")])
def test_cores_are_counted(cores: tuple[int, ...], words: str, make_record: MakeRecord) -> None:
    record = make_record("yes")
    host = record.host.model_copy(update={"worker_cores": cores})
    assert words in render_html(summarise([record.model_copy(update={"host": host})]))


def test_a_long_name_is_not_cut_off_at_the_side_of_a_figure(make_record: MakeRecord) -> None:
    name = "Paraphrase multilingual MiniLM L12 in mixed precision with 16,000 labels"
    figure = plot(with_candidate(make_record("yes"), "mpnet-base", title=name), "traffic")
    lines = figure.axes[0].get_ylabel().splitlines()
    assert " ".join(lines) == f"energy over {name}'s (log)"
    assert max(map(len, lines)) <= 42


@pytest.mark.parametrize(("margin", "text"), [(0.0084, "2 %"), (0.1, "23.8 %"), (5.1828, "1,234 %")])
def test_a_margin_is_told_without_a_power_of_ten(make_record: MakeRecord, margin: float, text: str) -> None:
    assert View(make_record("regression")).margin_value(margin).replace("\u00a0", " ") == text


def test_one_model_at_several_numbers_of_labels_is_one(make_record: MakeRecord) -> None:
    record = make_record("yes")
    one = tuple(point for point in record.curve if point.model == "minilm-l6")
    charts = section(record.model_copy(update={"curve": one})).charts
    assert [each.alt for each in charts if each.kind == "curve"] == ["accuracy of 1 model at growing numbers of labels"]
