"""Letters of statistics in italics and stars raised, as APA 7 sets them; read by Word and HTML alike."""

from __future__ import annotations

import re
from typing import NamedTuple

LETTER = r"A-Za-z0-9_À-ɏ"
BEFORE = rf"(?<![{LETTER}.'’\-])"
AFTER = rf"(?![{LETTER}'’])"
MARKED = re.compile(
    # wherever they stand alone or carry a subscript; (F) and (M) say who is a girl or a boy
    rf"{BEFORE}(?!(?<=\()[MNF]\))(?:SD|SE|Mdn|df|M|N|F)(?:{AFTER}|(?=_))"
    # these are also units (5 g, 30 d) and marks of a list, (d)
    rf"|{BEFORE}(?<!\d )(?<!\d)(?!(?<=\()[dgnprtz]\))[dgnprtz](?:{AFTER}|(?=_))"
    # R² and f², of which a bare letter may be a name
    rf"|{BEFORE}[Rf](?=²)"
    # these name phases and groups as well: only before a value, alone in a cell, or after the name of their author
    rf"|{BEFORE}[BHQTUVWbk](?=(?:\([\d., ]+\))? = )|\A[BHQTUVWb]\Z|(?<=Cramér )V{AFTER}|(?<=Kendall )W{AFTER}"
    r"|(?P<stars>(?<=[\d)\]])\*{1,3}(?![\w*])|(?<![\w*])\*{1,3}(?= ?p [<=]))"
)
"""What is not set like the rest: letters of statistics, and stars after a number or before their legend."""


class Run(NamedTuple):
    """A stretch of text that is set in one way."""

    text: str
    italic: bool
    superscript: bool


def runs(text: str) -> list[Run]:
    """A text cut into stretches as APA 7 sets them: letters of statistics in italics, stars raised.

    Greek letters, subscripts (`_z` of `d_z`), abbreviations (CI, ICC, CFI) and numbers stay upright. Nothing is added
    or left out: the stretches joined are the text.

    Examples
    --------
    >>> [run.text for run in runs("d_z = 0.35**, 95% CI [0.1, 0.6], p = .003") if run.italic or run.superscript]
    ['d', '**', 'p']
    """
    found: list[Run] = []
    end = 0
    for match in MARKED.finditer(text):
        if match.start() > end:
            found.append(Run(text[end:match.start()], False, False))
        raised = match.lastgroup == "stars"
        found.append(Run(match[0], not raised, raised))
        end = match.end()
    return [*found, Run(text[end:], False, False)] if end < len(text) or not text else found
