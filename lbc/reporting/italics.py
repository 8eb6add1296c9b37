"""Letters of statistics in italics, stars raised and indices lowered, as APA 7 sets them; for Word and HTML alike."""

from __future__ import annotations

import re
from html import escape
from typing import Literal, NamedTuple

LETTER = r"A-Za-z0-9_À-ɏ"
BEFORE = rf"(?<![{LETTER}.'’\-])"
AFTER = rf"(?![{LETTER}'’])"
INDEX = "(?:z|av|cc|ppc2)"
MARKED = re.compile(
    # wherever they stand alone or carry a subscript; (F) and (M) say who is a girl or a boy
    rf"{BEFORE}(?!(?<=\()[MNF]\))(?:SD|SE|Mdn|df|M|N|F)(?:{AFTER}|(?=_))"
    # these are also units (5 g, 30 d) and marks of a list, (d)
    rf"|{BEFORE}(?<!\d )(?<!\d)(?!(?<=\()[dgnprtz]\))[dgnprtz](?:{AFTER}|(?=_))"
    # R² and f², of which a bare letter may be a name
    rf"|{BEFORE}[Rf](?=²)"
    # these name phases and groups as well: only before a value, alone in a cell, or after the name of their author
    rf"|{BEFORE}[BHQTUVWbk](?=(?:\([\d., ]+\))? = )|\A[BHQTUVWb]\Z|(?<=Cramér )V{AFTER}|(?<=Kendall )W{AFTER}"
    # the index of an effect size; its underscore stays in the text, and out of sight
    rf"|(?<=(?<![{LETTER}])[dgz])(?P<hidden>_)(?={INDEX}{AFTER})|(?<=(?<![{LETTER}])[dgz]_)(?P<index>{INDEX}){AFTER}"
    rf"|(?<=(?<![{LETTER}])BF)(?P<of_bf>10){AFTER}"
    r"|(?P<stars>(?<=[\d)\]])\*{1,3}(?![\w*])|(?<![\w*])\*{1,3}(?= ?p [<=]))"
)
"""What is not set like the rest: letters of statistics, indices, and stars after a number or before their legend."""
Look = Literal["", "italic", "raised", "lowered", "hidden"]
LOOKS: dict[str | None, Look] = {"stars": "raised", "index": "lowered", "of_bf": "lowered", "hidden": "hidden"}


class Run(NamedTuple):
    """A stretch of text that is set in one way."""

    text: str
    look: Look


def runs(text: str) -> list[Run]:
    """A text cut into stretches as APA 7 sets them: letters of statistics in italics, stars raised, indices lowered.

    Greek letters, abbreviations (CI, ICC, CFI) and numbers stay upright. Nothing is added or left out: the stretches
    joined are the text; the underscore before an index is a stretch that is not shown.

    Examples
    --------
    >>> [tuple(run) for run in runs("d_z = 0.35**, p = .003") if run.look]
    [('d', 'italic'), ('_', 'hidden'), ('z', 'lowered'), ('**', 'raised'), ('p', 'italic')]
    """
    found: list[Run] = []
    end = 0
    for match in MARKED.finditer(text):
        if match.start() > end:
            found.append(Run(text[end:match.start()], ""))
        found.append(Run(match[0], LOOKS.get(match.lastgroup, "italic")))
        end = match.end()
    return [*found, Run(text[end:], "")] if end < len(text) or not text else found


def html(run: Run) -> str:
    """A stretch as HTML.

    What is not shown is still found by a search in the page, and copied: report.css gives it no size.

    Examples
    --------
    >>> "".join(map(html, runs("d_z < .05*")))
    '<i>d</i><span class="unseen">_</span><sub>z</sub> &lt; .05<sup>*</sup>'
    """
    frame = {"italic": ("<i>", "</i>"), "raised": ("<sup>", "</sup>"), "lowered": ("<sub>", "</sub>"),
             "hidden": ('<span class="unseen">', "</span>")}
    before, after = frame.get(run.look, ("", ""))
    return before + escape(run.text) + after
