"""Three-line tables (三线表) for Word: what each cell holds, how wide each column is, and the XML.

Rules as Chinese universities ask for them: 1.5 pt above and below, 0.75 pt under the head, none upright.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from unicodedata import east_asian_width

from lbc.reporting.word_xml import clean, make, paragraph, runs

THICK, THIN = 12, 6
"""Eighths of a point: 1.5 pt and 0.75 pt."""
PADDING = 3.0
"""Points left and right of a cell's text."""
SIZES = ((False, 10.5), (False, 9.0), (False, 8.0), (False, 7.5), (True, 9.0), (True, 8.0), (True, 7.5), (True, 7.0))
"""Ways to set a table, the first that fits: whether the page is turned, and the size of its type in points."""
SHORT = 320.0
"""Tables up to this height, in points, stay on one page."""
DASH = "—"
NARROW = ".,:;'|!()[] ilj"
UNDIVIDED = re.compile(r"（?[^\s\-/\u2e80-\u9fff\uff00-\uffef]+[）：；，。、]?")
STARS = re.compile(r"[\d)\]]\*{1,3}$")
LEGEND = {"en": "*p < .05, **p < .01, ***p < .001.", "zh": "*p < 0.05，**p < 0.01，***p < 0.001。"}
M_SD = {"zh": "M±SD 为均值±标准差。"}


@dataclass(frozen=True)
class Cells:
    """The text of a table as it stands in Word."""

    heads: list[str]
    rows: list[list[str]]
    numeric: list[bool]
    joined: bool = False
    """Whether columns of M and SD were put together."""

    @property
    def starred(self) -> bool:
        return any(STARS.search(cell) for row in self.rows for cell in row)


@dataclass(frozen=True)
class Layout:
    """How a table is set: page turned or not, size of type, width of the columns in points."""

    turned: bool
    size: float
    widths: list[float]


def as_read(exhibit: dict[str, Any], language: str) -> Cells:
    """The heads and cells of an exhibit as Word shows them.

    In Chinese, a column M followed by its SD becomes one column M±SD; every other cell is the exhibit's own text.

    Examples
    --------
    >>> table = {"heads": {"zh": ["组", "M", "SD"]}, "cells": {"zh": [["甲", "1.20", "0.30"], ["乙", "—", "—"]]},
    ...          "numeric": [False, True, True]}
    >>> as_read(table, "zh").heads, as_read(table, "zh").rows
    (['组', 'M±SD'], [['甲', '1.20±0.30'], ['乙', '—']])
    """
    heads = [clean(head) for head in exhibit["heads"][language]]
    rows = [[clean(cell) for cell in row] for row in exhibit["cells"][language]]
    numeric = list(exhibit["numeric"])
    pairs = [i for i in range(len(heads) - 1) if language == "zh" and re.search(r"(^|[：\s])M$", heads[i])
             and heads[i + 1] == heads[i][:-1] + "SD"]
    for i in reversed(pairs):
        heads[i:i + 2] = [heads[i][:-1] + "M±SD"]
        numeric[i:i + 2] = [True]
        for row in rows:
            mean, sd = row[i:i + 2]
            row[i:i + 2] = [mean if sd == DASH else f"{mean}±{sd}"]
    return Cells(heads, rows, numeric, bool(pairs))


def layout(cells: Cells, upright: float, turned: float) -> Layout:
    """The largest type at which the table fits, on an upright page if it can be.

    Parameters
    ----------
    cells : Cells
    upright, turned : float
        Width of the text on an upright and on a turned page, in points.
    """
    for on_side, size in SIZES:
        space = turned if on_side else upright
        least, most = _needs(cells, size)
        if sum(least) <= space:
            return Layout(on_side, size, _shared(least, most, space))
    shrunk = space / sum(least)
    return Layout(on_side, size, [width * shrunk for width in least])


def _needs(cells: Cells, size: float) -> tuple[list[float], list[float]]:
    """For each column the width below which something would break that must not, and the width without any break."""
    least, most = [], []
    for i, (head, numeric) in enumerate(zip(cells.heads, cells.numeric, strict=True)):
        column = [row[i] for row in cells.rows]
        widest = max((_width(line) for cell in column for line in cell.split("\n")), default=0)
        word = max((_longest(cell) for cell in column), default=0)
        whole = numeric or widest <= 6
        title = max(_longest(head), min(_width(head), 2.6))
        edge = 2 * PADDING + 2
        # a text that takes more than four lines of a cell is hard to read, unless it is a paragraph
        least.append(size * max(widest if whole else max(word, 6, min(widest / 4, 14)), title) + edge)
        most.append(max(size * max(widest, min(_width(head), 9)) + edge, least[-1]))
    return least, most


def _shared(least: list[float], most: list[float], space: float) -> list[float]:
    """Widths between least and most: long columns get more, yet not so much that the others starve."""
    if sum(most) <= space:
        spread = min(space, max(1.25 * sum(most), 0.6 * space)) / sum(most)
        return [width * spread for width in most]
    widths = list(least)
    for _ in range(40):
        free = space - sum(widths)
        wants = [(most[i] - widths[i]) ** 0.6 if most[i] - widths[i] > 0.1 else 0.0 for i in range(len(widths))]
        if free < 0.5 or not any(wants):
            break
        widths = [min(most[i], widths[i] + free * wants[i] / sum(wants)) for i in range(len(widths))]
    return widths


def _height(cells: Cells, shape: Layout) -> float:
    """About how high the table stands, in points."""
    rows = [max((sum(-(-shape.size * _width(line) // (width - 2 * PADDING)) for line in text.split("\n"))
                 for text, width in zip(row, shape.widths, strict=True)), default=1.0)
            for row in [cells.heads, *cells.rows]]
    return sum(1.2 * shape.size * max(lines, 1.0) + 2 for lines in rows)


def _width(text: str) -> float:
    """Width of a text in ems of its type."""
    return sum(1.0 if east_asian_width(c) in "WF" else 0.3 if c in NARROW else 0.72 if c.isupper() else 0.54
               for c in text)


def _longest(text: str) -> float:
    """Width of the longest piece that no line break may divide; Chinese brackets and stops stay with their word."""
    return max((_width(piece) for piece in UNDIVIDED.findall(text)), default=0)


def note(exhibit: dict[str, Any], cells: Cells, language: str, more: list[str]) -> str:
    """The note below: the exhibit's own, what stars and M±SD mean, and what else is to be said of it."""
    own = exhibit.get("note")
    parts = [own[language]] if own else []
    if cells.joined:
        parts.append(M_SD[language])
    if cells.starred:
        parts.append(LEGEND[language])
    parts = [_closed(part, language) for part in [*parts, *more]]
    lead, blank = {"en": ("Note. ", " "), "zh": ("注：", "")}[language]
    return lead + blank.join(parts) if parts else ""


def _closed(text: str, language: str) -> str:
    """A text that ends as a sentence ends."""
    stop = {"en": ".", "zh": "。"}[language]
    return text if text.rstrip().endswith((".", "。", "！", "!", "?", "？")) else text + stop


def table(cells: Cells, shape: Layout, styles: dict[str, str]) -> Any:
    """The table as an element: `styles` maps "LBC Table Head" and "LBC Table Cell" to their ids."""
    total = sum(round(20 * width) for width in shape.widths)
    margins = [make(f"w:{side}", w=round(20 * PADDING), type="dxa") for side in ("left", "right")]
    about = make("w:tblPr", make("w:tblW", w=total, type="dxa"), make("w:jc", val="center"),
                 make("w:tblLayout", type="fixed"), make("w:tblCellMar", *margins),
                 make("w:tblLook", val="0020", firstRow=1, lastRow=0, firstColumn=0, lastColumn=0, noHBand=1,
                      noVBand=1))
    grid = make("w:tblGrid", *(make("w:gridCol", w=round(20 * width)) for width in shape.widths))
    last, together = len(cells.rows), _height(cells, shape) <= SHORT
    # the head never stands alone at the foot of a page
    lines = [_row(texts, cells.numeric, shape, styles, head=i == 0, end=i == last, keep=together or i < min(3, last))
             for i, texts in enumerate([cells.heads, *cells.rows])]
    return make("w:tbl", about, grid, *lines)


def _row(texts: list[str], numeric: list[bool], shape: Layout, styles: dict[str, str], *, head: bool, end: bool,
         keep: bool) -> Any:
    about = make("w:trPr", make("w:cantSplit"), *([make("w:tblHeader")] if head else []))
    filled = []
    for text, flush, width in zip(texts, numeric, shape.widths, strict=True):
        look = make("w:tcPr", make("w:tcW", w=round(20 * width), type="dxa"))
        if head or end:
            look.append(_rules(head, end))
        look.append(make("w:vAlign", val="bottom" if head else "top"))
        name = "LBC Table Head" if head else "LBC Table Cell"
        size = None if shape.size == SIZES[0][1] else shape.size
        filled.append(make("w:tc", look, _cell(text, styles[name], flush, size, keep)))
    return make("w:tr", about, *filled)


def _rules(head: bool, end: bool) -> Any:
    """The rules of a cell in the head, in the last row, or in both."""
    below = [make("w:bottom", val="single", sz=THICK if end else THIN, space=0, color="000000")]
    above = [make("w:top", val="single", sz=THICK, space=0, color="000000")] if head else []
    return make("w:tcBorders", *above, *below)


def _cell(text: str, style: str, flush: bool, size: float | None, keep: bool) -> Any:
    held = paragraph(style, list(runs(text, size=size)))
    look = held[0]
    if keep:
        look.append(make("w:keepNext"))
    if flush:
        look.append(make("w:jc", val="right"))
    return held
