r"""Tables for a paper: `booktabs`, every number with its interval and origin, every text escaped.

The file is for `\input`; it needs `\usepackage{booktabs}` and nothing else, and compiles with pdfTeX, XeTeX and LuaTeX.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from effkit.export.escape import UNKNOWN, latex
from effkit.record import Record
from effkit.report.summary import section
from effkit.report.values import Cell, Column, Row, StudySection, Table
from effkit.store import Loaded

ABREAST = 5
"""Columns beside the first that a page is wide enough for."""
PARTS = ("size", "latency", "cold-start")
"""The tables of details that a paper may want; the others are in the report."""


def write_latex(run: Loaded, out: str, candidate: str | None = None) -> str:
    """Write the comparison and its details as LaTeX tables."""
    Path(out).write_text("\n".join(_lines(run.record)) + "\n", encoding="utf-8", newline="\n")
    return out


def _lines(record: Record) -> Iterator[str]:
    study = section(record)
    yield f"% {latex(study.title)}: run {record.run} of {record.spec.name}. Needs \\usepackage{{booktabs}}."
    yield UNKNOWN
    tables = [study.comparison, *(each for each in study.details if each.key in PARTS)]
    for table in (part for each in tables for part in _abreast(each)):
        yield ""
        yield from _table(table, _caption(study, record, table))


def _abreast(table: Table) -> Iterator[Table]:
    """The table in parts that fit on a page."""
    for start in range(0, len(table.columns), ABREAST):
        part = slice(start, start + ABREAST)
        rows = tuple(replace(row, cells=row.cells[part]) for row in table.rows)
        key = table.key if start == 0 else f"{table.key}-{start // ABREAST + 1}"
        yield replace(table, key=key, columns=table.columns[part], rows=rows)


def _caption(study: StudySection, record: Record, table: Table) -> str:
    host, generations = record.host, record.spec.protocol.generations
    return (
        f"{study.title}. {table.title}. 95 % intervals in brackets; {record.task.test_used:,} test items, "
        f"{generations} {'generation' if generations == 1 else 'generations'} on {host.cpu} with {host.cores} cores."
    )


def _table(table: Table, caption: str) -> Iterator[str]:
    width = len(table.columns)
    yield r"\begin{table}[htbp]"
    yield r"\centering\footnotesize"
    yield rf"\caption{{{latex(caption)}}}"
    yield rf"\label{{tab:effkit-{table.key}}}"
    yield rf"\begin{{tabular}}{{@{{}}l{'r' * width}@{{}}}}"
    yield r"\toprule"
    yield _line([table.head, *(column.title for column in table.columns)])
    for told in ("hint", "origin"):
        if any(getattr(column, told) for column in table.columns):
            yield _line(["", *(getattr(column, told) for column in table.columns)], small=True)
    yield r"\midrule"
    for number, row in enumerate(table.rows):
        if number:
            yield r"\addlinespace"
        yield from _row(row, table.columns)
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{table}"


def _row(row: Row, columns: Sequence[Column]) -> Iterator[str]:
    title = row.title + (f" ({', '.join(row.tags)})" if row.tags else "")
    if row.failure:
        wide = rf"\multicolumn{{{len(columns)}}}{{p{{0.6\linewidth}}@{{}}}}{{{latex(row.failure)}}}"
        yield rf"{latex(title)} & {wide} \\"
        return
    yield _line([title, *(cell.text for cell in row.cells)])
    yield from (_line(["", *told], small=True) for told in zip(*map(_below, row.cells), strict=True) if any(told))


def _below(cell: Cell) -> tuple[str, str, str]:
    return cell.detail, cell.claim, cell.origin


def _line(texts: Sequence[str], *, small: bool = False) -> str:
    shown = (rf"{{\scriptsize {latex(text)}}}" if small and text else latex(text) for text in texts)
    return " & ".join(shown) + r" \\"
