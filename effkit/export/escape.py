"""Text that others wrote, made safe for LaTeX and Markdown."""

from __future__ import annotations

import html
import re
import unicodedata

UNKNOWN = r"\providecommand{\effkitchar}[1]{\ifdefined\Umathchar\symbol{" + '"#1' + r"}\else[U+#1]\fi}"
"""Shows a character by its number: itself in XeTeX and LuaTeX, "[U+4E2D]" in pdfTeX, which has no such font."""

LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "#": r"\#",
    "$": r"\$",
    "%": r"\%",
    "&": r"\&",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\symbol{34}",
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    # After a line's end LaTeX would take these for its own options.
    "[": "{[}",
    "*": "{*}",
    "\u00a0": "~",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "−": r"\textminus{}",
    "×": r"\texttimes{}",
    "±": r"\textpm{}",
    "·": r"\textperiodcentered{}",
    "…": r"\textellipsis{}",
    "’": r"\textquoteright{}",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "µ": r"\textmu{}",
    "₂": r"\textsubscript{2}",
    "²": r"\texttwosuperior{}",
}
_ACCENTS = {"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u0327": "c", "\u030c": "v"}
_SPACES = re.compile(r"[ \t-\r\x1c-\x1f\x85\u2028\u2029]+")
"""All but the one that does not break."""
_LIGATURES = re.compile(r"([-,!?])(?=[-,])")
_MARKDOWN = re.compile(r"([\\`*_\[\]|~])")
_OPENING = re.compile(r"^(?:[-+#=]+(?=\s|$)|\d+(?=[.)](?:\s|$)))")
"""What would make a heading or a list of a line."""


def latex(text: str) -> str:
    """Return text that LaTeX prints as it stands, on one line."""
    return _LIGATURES.sub(r"\1{}", "".join(_latex(each) for each in _SPACES.sub(" ", text).strip(" ")))


def _latex(character: str) -> str:
    if character in LATEX:
        return LATEX[character]
    if character.isascii() and character.isprintable():
        return character
    base, *marks = list(unicodedata.normalize("NFD", character))
    if base.isascii() and base.isalpha() and len(marks) == 1 and marks[0] in _ACCENTS:
        return f"\\{_ACCENTS[marks[0]]}{{{base}}}"
    return f"\\effkitchar{{{ord(character):04X}}}"


def markdown(text: str) -> str:
    """Return text that Markdown shows as it stands, on one line."""
    escaped = _MARKDOWN.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))
    return _OPENING.sub(lambda found: "\\" + found[0] if not found[0][0].isdigit() else found[0] + "\\", escaped)
