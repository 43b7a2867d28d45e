"""Render: plain values in, one HTML file, figures and tables out. The page loads nothing from anywhere."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from effkit.record import Record
from effkit.report.claim_values import TidyClaim
from effkit.report.plots import embedded, standalone
from effkit.report.sections import Report, StudySection
from effkit.report.summary import summarise
from effkit.report.tidy import as_csv
from effkit.report.values import AnyChart, Tidy, TidyLink
from effkit.report.what_if import for_script

ORIGINS = {
    "measured": "read off a clock, a meter or a score on real items",
    "counted": "exact: bytes, parameters, operations of the model's graph",
    "modelled": "computed from assumptions, such as a processor's rated power or a grid's average",
}


def render_html(report: Report) -> str:
    """The report as one offline HTML page.

    Args:
        report: from `summarise`.
    """
    return environment().get_template("report.html.j2").render(report=report, origins=ORIGINS)


def write(records: Sequence[Record], folder: Path | str) -> Path:
    """Write `report.html`, `tables/*.csv` and `figures/*.svg`.

    Args:
        records: the record of each study; the page keeps their order.
        folder: made if it is not there.

    Returns:
        The path of `report.html`.
    """
    folder = Path(folder)
    report = summarise(records)
    for part in ("tables", "figures"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for study in report.studies:
        _write(folder / "tables" / f"{study.key}.csv", as_csv(study.tidy, Tidy))
        if study.links:
            _write(folder / "tables" / f"{study.key}_links.csv", as_csv(study.links, TidyLink))
        for found in study.charts:
            _write(folder / "figures" / f"{study.key}-{found.kind}.svg", standalone(found))
    # No study's name has an underscore.
    _write(folder / "tables" / "_all.csv", as_csv([number for study in report.studies for number in study.tidy], Tidy))
    _write(folder / "tables" / "_claims.csv", as_csv(report.claims.tidy, TidyClaim))
    page = folder / "report.html"
    _write(page, render_html(report))
    return page


@cache
def environment() -> Environment:
    """Templates with every value escaped; only figures drawn here are markup."""
    made = Environment(
        loader=PackageLoader("effkit.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["code"] = _code
    made.globals["figure"] = _figure
    made.globals["file"] = _file
    made.globals["fingerprint"] = _fingerprint
    made.globals["for_script"] = for_script
    return made


def _code(text: str) -> Markup:
    """A sentence, escaped, in which what stands between backticks is set as code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _figure(study: StudySection, found: AnyChart) -> Markup:
    return Markup(embedded(found, f"{study.key}-{found.kind}"))


def _file(name: str) -> Markup:
    """One of our own style sheets or scripts, as it is."""
    return Markup(_source(name))


def _fingerprint(name: str) -> str:
    """The hash by which a page's policy knows our own script: no other runs."""
    return b64encode(hashlib.sha256(_source(name).encode()).digest()).decode()


def _source(name: str) -> str:
    assert name.endswith((".css", ".js"))
    source = environment().loader
    assert source is not None
    return source.get_source(environment(), name)[0]


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
