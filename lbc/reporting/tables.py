"""One table object for every form a table is read in: three-line HTML, Markdown, CSV, Word.

Numbers stay numbers in the frame; they are rounded only where people read. A cell may hold text in both languages as
{"en": ..., "zh": ...}.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from lbc.reporting import wording
from lbc.reporting.columns import FORMATS, HEADS, in_words
from lbc.reporting.protocol import protocol
from lbc.reporting.terms import EVIDENCE, LEVELS, labelled, words

FORMAT = re.compile(r"(\+?)\.(\d)([fr%])|d|p|text")
STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
RULES = {"top": "border-top:1.5pt solid currentColor", "head": "border-bottom:0.75pt solid currentColor",
         "bottom": "border-bottom:1.5pt solid currentColor"}
CELL = "padding:2px 10px"
LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Table:
    """A table as a thesis prints it.

    Parameters
    ----------
    frame : DataFrame
        The values in full precision; an index other than 0, 1, ... becomes the first columns.
    formats : dict of str to str
        How a column's numbers are printed: `.2f`, `+.2f` (with sign), `.2r` (cannot exceed 1: no leading zero in
        English), `.1%` (a share), `d` (a count), `p` (a p value), `text` (as it stands, or its label). Without one:
        counts whole, else `.2f`.
    headers : dict of str to Words
        Column heads in both languages; without one, the usual head of the name (`columns.HEADS`), or the name.
    caption, note : Words or str, optional
        The line above and the note below.
    labels : dict, optional
        Words for the values of text cells.
    """

    frame: pd.DataFrame
    formats: dict[str, str] = field(default_factory=dict)
    headers: dict[str, Any] = field(default_factory=dict)
    caption: Any = ""
    note: Any = ""
    labels: dict[Any, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.frame.index, pd.RangeIndex):
            object.__setattr__(self, "frame", self.frame.reset_index())
        unknown = [c for c in (*self.formats, *self.headers) if c not in self.frame]
        if unknown:
            raise KeyError(f"no column {', '.join(map(repr, unknown))} in the table; columns: {list(self.frame)}")
        wrong = [f for f in self.formats.values() if not FORMAT.fullmatch(f)]
        if wrong:
            raise ValueError(f"unknown format {wrong[0]!r}; one of .2f, +.2f, .2r, .1%, d, p, text")

    def heads(self, language: str) -> list[str]:
        """The column heads in one language."""
        return [labelled(c, HEADS | self.headers, language) for c in self.frame]

    def cells(self, language: str) -> list[list[str]]:
        """Every cell as it is read, row by row."""
        columns = [[self._cell(c, v, language) for v in self.frame[c]] for c in self.frame]
        return [list(row) for row in zip(*columns, strict=True)]

    def numeric(self) -> list[bool]:
        """Which columns hold numbers; those are set flush right."""
        return [pd.api.types.is_numeric_dtype(self.frame[c]) and self.formats.get(c) != "text" for c in self.frame]

    def _cell(self, column: str, value: Any, language: str) -> str:
        if isinstance(value, dict):
            return words(value, language)
        if value is None or (isinstance(value, float) and value != value) or value is pd.NA or value is pd.NaT:
            return "—"
        text = isinstance(value, (str, bool, np.bool_)) or self.formats.get(column) == "text"
        if text and value in self.labels:
            return labelled(value, self.labels, language)
        if text or not isinstance(value, Real):
            return in_words(column, str(value), self.labels, language)
        how = self.formats.get(column) or (FORMATS.get(column) if self.frame[column].dtype == float else None)
        return show(value, how or _usual(self.frame[column], value), language)

    def rendered(self, caption: Any = None, note: Any = None) -> dict[str, Any]:
        """The table as it is read, in both languages: the one form that HTML, Markdown and Word are made from.

        Parameters
        ----------
        caption, note : Words or str, optional
            Instead of the table's own.

        Returns
        -------
        dict
            What JSON keeps: `caption` ({"en", "zh"}), `note` (the same, or None), `heads` and `cells` (texts by
            language), `numeric` (which columns are set flush right).
        """
        note = self.note if note is None else note
        return {
            "caption": _both(self.caption if caption is None else caption),
            "note": _both(note) if note else None,
            "heads": {language: self.heads(language) for language in LANGUAGES},
            "cells": {language: self.cells(language) for language in LANGUAGES},
            "numeric": self.numeric(),
        }

    def to_html(
        self, language: str, *, caption: Any = None, note: Any = None, synthetic_note: str | None = None
    ) -> str:
        """The table as `html` writes it, under another caption or note where one is given."""
        return html(self.rendered(caption, note), language, synthetic_note)

    def to_markdown(self, language: str) -> str:
        """The table as `markdown` writes it."""
        return markdown(self.rendered(), language)

    def to_csv(self) -> str:
        """The frame in full precision; see `csv_text`."""
        return csv_text(self.frame)


def html(table: dict[str, Any], language: str, synthetic_note: str | None = None) -> str:
    """A three-line table: class `lbc-table`, rules in the style attributes, everything escaped, no ids.

    Parameters
    ----------
    table : dict
        As `Table.rendered` gives it.
    language : {"en", "zh"}
    synthetic_note : str, optional
        Printed in the note of a table of simulated data.
    """
    caption = table["caption"][language]
    notes = [text for text in (table["note"] and table["note"][language], synthetic_note) if text]
    sides = ["right" if flush else "left" for flush in table["numeric"]]
    heads = "".join(f'<th scope="col" style="text-align:{side};{CELL};{RULES["head"]}">{_text(head)}</th>'
                    for head, side in zip(table["heads"][language], sides, strict=True))
    body = ["<tr>" + "".join(f'<td style="text-align:{side};{CELL}">{_text(cell)}</td>'
                             for cell, side in zip(row, sides, strict=True)) + "</tr>"
            for row in table["cells"][language]]
    whole = f'border-collapse:collapse;{RULES["top"]};{RULES["bottom"]}'
    lines = [f'<table class="lbc-table" style="{whole}">',
             *([f'<caption style="text-align:left">{_text(caption)}</caption>'] if caption else []),
             f"<thead><tr>{heads}</tr></thead>", "<tbody>", *body, "</tbody>", "</table>"]
    if notes:
        lines.append(f'<p class="lbc-note">{"<br>".join(_text(text) for text in notes)}</p>')
    return "\n".join(lines) + "\n"


def markdown(table: dict[str, Any], language: str) -> str:
    """A Markdown table, as `Table.rendered` gives it, with caption above and note below."""
    rule = ["---:" if flush else "---" for flush in table["numeric"]]
    rows = [table["heads"][language], rule, *table["cells"][language]]
    lines = ["| " + " | ".join(_bare(cell) for cell in row) + " |" for row in rows]
    before = [_line(table["caption"][language]), ""] if table["caption"][language] else []
    after = ["", _line(table["note"][language])] if table["note"] else []
    return "\n".join([*before, *lines, *after]) + "\n"


def show(value: float, how: str, language: str = "en") -> str:
    """A number in one of the table's formats.

    >>> show(0.0312, "p"), show(0.5, ".1%"), show(1.25, "+.1f"), show(0.87, ".2r")
    ('.031', '50.0%', '+1.2', '.87')
    """
    if how == "d":
        return wording.number(value, 0, language)
    if how == "p":
        return wording.p_value(value, language).removeprefix("p = ").removeprefix("p ")
    sign, digits, kind = FORMAT.fullmatch(how).groups()
    if kind == "%":
        return wording.percent(value, int(digits), language)
    return wording.number(value, int(digits), language, bounded=kind == "r", sign=bool(sign))


def csv_text(frame: pd.DataFrame) -> str:
    """A frame as CSV: floats so that reading gives back the same bits, LF, text that a spreadsheet cannot run.

    Text that begins like a formula gets a leading apostrophe; numbers are untouched. A column of texts in both
    languages becomes two columns, `<name>_en` and `<name>_zh`. Missing is an empty cell.

    >>> csv_text(pd.DataFrame({"who": ["=1+1", "a"], "x": [-0.5, 2.0]}))
    "who,x\\n'=1+1,-0.5\\na,2.0\\n"
    """
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    columns: list[tuple[str, list[Any]]] = []
    for name in frame:
        values = frame[name].tolist()
        if any(isinstance(v, dict) for v in values):
            columns += [(f"{name}_{lang}", [words(v, lang) if v else None for v in values]) for lang in ("en", "zh")]
        else:
            columns.append((str(name), values))
    rows = [[guard(name) for name, _ in columns]]
    rows += [[_raw(v) for v in row] for row in zip(*(values for _, values in columns), strict=True)]
    return "".join(",".join(map(_quoted, row)) + "\n" for row in rows)


def guard(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(STARTS_A_FORMULA) else text


def _raw(value: Any) -> str:
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return ""
    return guard(value) if isinstance(value, str) else repr(float(value)) if isinstance(value, float) else str(value)


def _quoted(text: str) -> str:
    """A CSV field; the standard library's writer leaves a lone carriage return unquoted."""
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\r\n') else text


def _usual(column: pd.Series, value: Real) -> str:
    """Counts whole, else two digits; in a column of mixed cells each number for itself."""
    whole = isinstance(value, Integral) and not pd.api.types.is_float_dtype(column)
    return "d" if whole else ".2f"


def _both(text: Any) -> dict[str, str]:
    return {language: words(text, language) for language in LANGUAGES}


def _text(text: str) -> str:
    return escape(text, quote=True).replace("\n", "<br>")


def _bare(text: str) -> str:
    """Markdown that reads as the text and does nothing else: no pipe, line break, emphasis, formula or live HTML."""
    return re.sub(r"([\\`*_\[\]|~$])", r"\\\1", escape(text, quote=False)).replace("\n", " ")


def _line(text: str) -> str:
    """A line of Markdown outside a table, where its first sign must not begin a list or a heading."""
    return re.sub(r"^(\d*)([#+=.)-])", r"\1\\\2", _bare(text))


def heads(name: str) -> dict[str, str]:
    """What a column of this name is called in both languages."""
    return HEADS.get(name, {"en": name, "zh": name})


def group_heads(reference: dict[str, str], focal: dict[str, str]) -> dict[str, dict[str, str]]:
    """Heads of a table of two groups (`comparison.table_one`)."""
    parts = {"{}_n": ("n", "n"), "{}_mean": ("M", "M"), "{}_sd": ("SD", "SD"), "{}_percent": ("%", "%"),
             "missing_{}": ("missing", "缺失")}
    made = {name.format(side): {"en": f"{label['en']}: {en}", "zh": f"{label['zh']}：{zh}"}
            for side, label in (("reference", reference), ("focal", focal)) for name, (en, zh) in parts.items()}
    return made | {"level": {"en": "value", "zh": "取值"}}


def findings(found: dict[str, dict[str, Any]], language: str = "en") -> pd.DataFrame:
    """How many findings there are of each strength of evidence, and how many of them could not be estimated."""
    rows = [(f["evidence"], f["confirmatory"], f["estimate"] is None) for f in found.values()]
    table = pd.DataFrame(rows, columns=["evidence", "confirmatory", "not_estimable"])
    grouped = table.groupby("evidence", sort=True)
    counts = grouped.agg(findings=("evidence", "size"), confirmatory=("confirmatory", "sum"),
                         not_estimable=("not_estimable", "sum")).reset_index()
    return counts.assign(evidence=[EVIDENCE[strength][language] for strength in counts["evidence"]])


__all__ = ["LEVELS", "Table", "csv_text", "findings", "group_heads", "guard", "heads", "html", "markdown",
           "protocol", "show"]
