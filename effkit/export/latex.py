r"""Tables for a paper: `booktabs`, every number with its interval and origin, every text escaped.

The file is for `\input`; it needs `\usepackage{array,booktabs}` and nothing else, and compiles with pdfTeX, XeTeX
and LuaTeX.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from effkit.export.escape import UNKNOWN, latex
from effkit.record import Record
from effkit.report.sections import StudySection
from effkit.report.summary import section
from effkit.report.units import many
from effkit.report.values import Column, Row, Table
from effkit.report.view import View
from effkit.store import Loaded

ABREAST = 4
"""Columns beside the first that a page is wide enough for."""
PARTS = ("size", "latency", "cold-start")
"""The tables of details that a paper may want; the others are in the report."""


def write_latex(run: Loaded, out: str) -> str:
    """Write the comparison and its details as LaTeX tables."""
    Path(out).write_text("\n".join(_lines(run.record)) + "\n", encoding="utf-8", newline="\n")
    return out


def _lines(record: Record) -> Iterator[str]:
    study = section(record)
    run = f"{latex(study.title)}: run {latex(record.run)} of {latex(record.spec.name)}"
    yield f"% {run}. Needs \\usepackage{{array,booktabs}}."
    yield UNKNOWN
    tables = [study.comparison, *(each for each in study.details if each.key in PARTS)]
    for table in (part for each in tables for part in _abreast(each)):
        yield ""
        yield from _table(table, _caption(study, record, table), label=f"{study.key}-{table.key}")


def _abreast(table: Table) -> Iterator[Table]:
    """The table in parts that fit on a page."""
    for start in range(0, len(table.columns), ABREAST):
        part = slice(start, start + ABREAST)
        rows = tuple(replace(row, cells=row.cells[part]) for row in table.rows)
        key = table.key if start == 0 else f"{table.key}-{start // ABREAST + 1}"
        yield replace(table, key=key, columns=table.columns[part], rows=rows)


def _caption(study: StudySection, record: Record, table: Table) -> str:
    host, generations = record.host, many(View(record).ran, "generation")
    return (
        f"{study.title}. {table.title}. 95 % intervals in brackets; {record.task.test_used:,} test items, "
        f"{generations} on {host.cpu} with {many(host.cores, 'core')}."
    )


def _table(table: Table, caption: str, *, label: str) -> Iterator[str]:
    width = len(table.columns)
    yield r"\begin{table}[htbp]"
    yield r"\centering\footnotesize\setlength{\tabcolsep}{3pt}\setlength{\belowcaptionskip}{1ex}"
    yield rf"\caption{{{latex(caption)}}}"
    yield rf"\label{{tab:effkit-{label}}}"
    yield rf"\begin{{tabular}}{{@{{}}>{{\raggedright\arraybackslash}}p{{0.2\linewidth}}{'r' * width}@{{}}}}"
    yield r"\toprule"
    yield _line([latex(table.head), *map(_heading, table.columns)])
    yield r"\midrule"
    for number, row in enumerate(table.rows):
        if number:
            yield r"\addlinespace"
        yield _row(row, width)
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{table}"


def _row(row: Row, width: int) -> str:
    title = row.title + (f" ({', '.join(row.tags)})" if row.tags else "")
    if row.failure:
        wide = rf"\multicolumn{{{width}}}{{p{{0.6\linewidth}}@{{}}}}{{\raggedright {latex(row.failure)}}}"
        return rf"{latex(title)} & {wide} \\"
    return _line([latex(title), *(_stack(cell.text, cell.detail, cell.claim, cell.origin) for cell in row.cells)])


def _heading(column: Column) -> str:
    return _stack(column.title, column.hint, column.origin)


def _stack(first: str, *below: str) -> str:
    """A cell of several lines, the first one in full size."""
    lines = [latex(first), *(rf"{{\scriptsize {latex(text)}}}" for text in below if text)]
    return r"\begin{tabular}[t]{@{}r@{}}" + r" \\ ".join(lines) + r"\end{tabular}"


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
