"""Any text survives: what is escaped for LaTeX or Markdown reads back as it was."""

from __future__ import annotations

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from effkit.export.escape import LATEX, latex, markdown

TEXTS = st.text(st.characters(codec="utf-8")) | st.text("\\{}#$%&_^~<>|\"`'[]*-,!?\n\t ab1.)+=é–−×µ₂中", max_size=40)
SPACES = re.compile(r"[ \t-\r\x1c-\x1f\x85\u2028\u2029]+")
PIECE = re.compile(
    r"""\\effkitchar\{(?P<number>[0-9A-F]{4,6})\}
    | \\(?P<accent>[`'^~"cv])\{(?P<base>[A-Za-z])\}
    | (?P<known>\\text[a-z]+\{2?\} | \\symbol\{34\} | \\[{}\#$%&_] | \{[\[*]\} | ~)
    | (?P<nothing>\{\})
    | (?P<plain>[A-Za-z0-9 !()+,./:;=?@\]-])""",
    re.VERBOSE,
)
ACCENTS = {"`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", '"': "\u0308", "c": "\u0327", "v": "\u030c"}


def read_latex(text: str) -> str:
    """What LaTeX would print; fails on anything that is not one of the pieces above."""
    import unicodedata

    names = {code: character for character, code in LATEX.items()}
    found, place = [], 0
    while place < len(text):
        piece = PIECE.match(text, place)
        assert piece, f"LaTeX would take {text[place : place + 20]!r} as a command or a special character"
        if piece["number"]:
            found.append(chr(int(piece["number"], 16)))
        elif piece["accent"]:
            found.append(unicodedata.normalize("NFC", piece["base"] + ACCENTS[piece["accent"]]))
        elif piece["known"]:
            found.append(names[piece["known"]])
        elif piece["plain"]:
            found.append(piece["plain"])
        place = piece.end()
    return "".join(found)


@given(TEXTS)
def test_latex_prints_any_text_as_it_was(text: str) -> None:
    assert read_latex(latex(text)) == SPACES.sub(" ", text).strip(" ")


@given(TEXTS)
def test_latex_sees_no_ligature_no_line_break_and_no_option(text: str) -> None:
    shown = latex(text)
    assert not re.search(r"--|,,|[!?]`|''|``|\n", shown)
    assert not shown.startswith(("[", "*"))


@given(TEXTS)
def test_markdown_shows_any_text_as_it_was(text: str) -> None:
    shown = markdown(text)
    assert "\n" not in shown
    assert html.unescape(re.sub(r"\\([\\`*_\[\]|~#+=.)-])", r"\1", shown)) == " ".join(text.split())


def test_markdown_starts_no_list_no_heading_and_no_tag() -> None:
    assert markdown("# not a heading") == r"\# not a heading"
    assert markdown("1. not a list") == r"1\. not a list"
    assert markdown("- not a list") == r"\- not a list"
    assert markdown("30.2 ms") == "30.2 ms"
    assert markdown("<b>a|b</b>") == r"&lt;b&gt;a\|b&lt;/b&gt;"
