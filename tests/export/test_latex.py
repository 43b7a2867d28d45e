"""LaTeX tables: whole, with every origin, and TeX compiles them where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from effkit.export import export
from effkit.export.escape import latex
from effkit.record import Record
from effkit.store import Loaded
from tests.analysis.two_runs import with_candidate
from tests.export.test_escape import read_latex

NASTY = (
    "\\input{x} {a} #1 $5 100% A&B snake_case ^2 ~ <b> | \"q\" `c` 'd' [e] *f -- --- ,, ?` é ñ ł 中文 🙂 \x07 − × ₂ µ"
)
DOCUMENT = "\\documentclass{article}\n\\usepackage{array,booktabs}\n\\begin{document}\n%s\n\\end{document}\n"
WIDE = re.compile(r"\\multicolumn\{\d+\}\{p\{0\.6\\linewidth\}@\{\}\}\{\\raggedright (.*)\}")
STACK = re.compile(r"\\begin\{tabular\}\[t\]\{@\{\}r@\{\}\}(.*)\\end\{tabular\}")
SMALL = re.compile(r"\{\\scriptsize (.*)\}")


def nasty(record: Record) -> Record:
    """The record with text that would break a table wherever a user may write."""
    changed = with_candidate(record, "minilm-l6", title=NASTY)
    changed = with_candidate(changed, "minilm-l6+int8", error=NASTY)
    return changed.model_copy(update={"task": record.task.model_copy(update={"title": NASTY})})


def shown(cell: str) -> list[str]:
    """The lines that a cell shows; whatever is no command of ours must be escaped text."""
    if wide := WIDE.fullmatch(cell):
        return [read_latex(wide[1])]
    stack = STACK.fullmatch(cell)
    lines = stack[1].split(r" \\ ") if stack else [cell]
    return [read_latex(small[1] if (small := SMALL.fullmatch(line)) else line) for line in lines]


def tables(text: str) -> list[list[str]]:
    """The lines between \\toprule and \\bottomrule of each table."""
    found = re.findall(r"\\toprule\n(.*?)\\bottomrule", text, re.DOTALL)
    assert text.count("\\begin{table}") == text.count("\\end{table}") == len(found) > 0
    return [each.splitlines() for each in found]


@pytest.mark.parametrize("hostile", [False, True])
def test_every_row_has_as_many_cells_as_its_heading(run: Loaded, tmp_path: Path, hostile: bool) -> None:
    record = nasty(run.record) if hostile else run.record
    text = Path(export(Loaded(run.folder, record), "latex", str(tmp_path / "t.tex"))).read_text(encoding="utf-8")
    widths = [len(columns) for columns in re.findall(r"0\.2\\linewidth\}(r+)@\{\}\}", text)]
    titles: list[str] = []
    for lines, width in zip(tables(text), widths, strict=True):
        for line in lines:
            if line in ("\\midrule", "\\addlinespace"):
                continue
            assert line.endswith(r" \\")
            cells = [shown(cell) for cell in line.removesuffix(r" \\").split(" & ")]
            assert len(cells) == (2 if "multicolumn" in line else width + 1)
            titles.append(cells[0][0])
    assert not hostile or any(title == " ".join(NASTY.split()) for title in titles)


def test_every_column_of_numbers_says_how_they_came_to_be(run: Loaded, tmp_path: Path) -> None:
    text = Path(export(run, "latex", str(tmp_path / "t.tex"))).read_text(encoding="utf-8")
    for heading, *rows in tables(text):
        for place, column in enumerate(heading.split(" & ")[1:], 1):
            cells = [row.split(" & ")[place] for row in rows if "multicolumn" not in row and " & " in row]
            if any(re.search(r"\d", cell.partition(r"{\scriptsize")[0].partition("@{}}")[2]) for cell in cells):
                said = column + "".join(cells)
                assert re.search("measured|counted|modelled", said), column


def test_intervals_and_the_failed_candidate_are_there(run: Loaded, tmp_path: Path) -> None:
    text = Path(export(run, "latex", str(tmp_path / "t.tex"))).read_text(encoding="utf-8")
    assert latex("[6.96,\u00a07.24]") in text
    assert "out of memory at 7.8 GB" in text
    assert r"\label{tab:effkit-text-comparison}" in text


def test_it_compiles(run: Loaded, tmp_path: Path) -> None:
    commands = {
        "tectonic": ["tectonic", "--only-cached"],
        "pdflatex": ["pdflatex", "-draftmode", "-interaction=nonstopmode", "-halt-on-error"],
        "lualatex": ["lualatex", "-draftmode", "-interaction=nonstopmode", "-halt-on-error"],
    }
    command = next((each for name, each in commands.items() if shutil.which(name)), None)
    if command is None:
        pytest.skip("there is no TeX here: install tectonic or pdflatex to try this")
    text = Path(export(Loaded(run.folder, nasty(run.record)), "latex", str(tmp_path / "t.tex"))).read_text("utf-8")
    every = latex("".join(map(chr, range(32, 127))) + NASTY)
    (tmp_path / "document.tex").write_text(DOCUMENT % f"{text}\n{every}", encoding="utf-8")
    done = subprocess.run([*command, "document.tex"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]
