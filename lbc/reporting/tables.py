"""One table object for every form a table is read in: three-line HTML, Markdown, CSV, later Word.

Numbers stay numbers in the frame; they are rounded only where people read. A cell may hold text in both languages as
{"en": ..., "zh": ...}.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from html import escape
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from lbc.reporting import wording
from lbc.reporting.columns import FORMATS, HEADS, in_words
from lbc.reporting.terms import EVIDENCE, LEVELS, labelled, words

FORMAT = re.compile(r"(\+?)\.(\d)([fr%])|d|p|text")
STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
RULES = {"top": "border-top:1.5pt solid currentColor", "head": "border-bottom:0.75pt solid currentColor",
         "bottom": "border-bottom:1.5pt solid currentColor"}
CELL = "padding:2px 10px"


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

    def to_html(
        self, language: str, *, caption: Any = None, note: Any = None, synthetic_note: str | None = None
    ) -> str:
        """A three-line table: class `lbc-table`, rules in the style attributes, everything escaped, no ids.

        Parameters
        ----------
        language : {"en", "zh"}
        caption, note : Words or str, optional
            Instead of the table's own.
        synthetic_note : str, optional
            Printed in the note of a table of simulated data.
        """
        caption = words(self.caption if caption is None else caption, language)
        notes = [text for text in (words(self.note if note is None else note, language), synthetic_note) if text]
        sides = ["right" if flush else "left" for flush in self.numeric()]
        heads = "".join(f'<th scope="col" style="text-align:{side};{CELL};{RULES["head"]}">{_text(head)}</th>'
                        for head, side in zip(self.heads(language), sides, strict=True))
        body = ["<tr>" + "".join(f'<td style="text-align:{side};{CELL}">{_text(cell)}</td>'
                                 for cell, side in zip(row, sides, strict=True)) + "</tr>"
                for row in self.cells(language)]
        whole = f'border-collapse:collapse;{RULES["top"]};{RULES["bottom"]}'
        lines = [f'<table class="lbc-table" style="{whole}">',
                 *([f'<caption style="text-align:left">{_text(caption)}</caption>'] if caption else []),
                 f"<thead><tr>{heads}</tr></thead>", "<tbody>", *body, "</tbody>", "</table>"]
        if notes:
            lines.append(f'<p class="lbc-note">{"<br>".join(_text(text) for text in notes)}</p>')
        return "\n".join(lines) + "\n"

    def to_markdown(self, language: str) -> str:
        """A Markdown table with caption above and note below."""
        rule = ["---:" if flush else "---" for flush in self.numeric()]
        rows = [self.heads(language), rule, *self.cells(language)]
        lines = ["| " + " | ".join(_bare(cell) for cell in row) + " |" for row in rows]
        before = [words(self.caption, language), ""] if self.caption else []
        after = ["", words(self.note, language)] if self.note else []
        return "\n".join([*before, *lines, *after]) + "\n"

    def to_csv(self) -> str:
        """The frame in full precision; see `csv_text`."""
        return csv_text(self.frame)


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


def _text(text: str) -> str:
    return escape(text, quote=True).replace("\n", "<br>")


def _bare(text: str) -> str:
    """A cell of Markdown: no pipe, no line break, no live HTML."""
    return escape(text, quote=False).replace("|", "\\|").replace("\n", " ")


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


def protocol(fixed: Any, language: str = "en", registered: dict[str, str] | None = None) -> pd.DataFrame:
    """What the protocol of group and case work fixed beforehand, as lines that a reader understands.

    Parameters
    ----------
    fixed : lbc.params.Intervention
    registered : dict, optional
        When it was registered and what changed since, in en and zh (`stage.registered.words`).
    """
    word = {"top_scores": ("the highest scores of the survey", "问卷得分最高者"),
            "nomination": ("nomination", "推荐"),
            "volunteers": ("volunteers", "自愿报名"), "none": ("nobody was measured again", "无人重测"),
            "resurvey": ("children of the survey, measured again", "再次测量的调查儿童"),
            "waitlist": ("children on the waiting list", "等候名单上的儿童"),
            "matched": ("chosen children of the survey, measured again", "选出的再次测量的调查儿童"),
            "lottery": ("; drawn by lot", "；抽签决定"), "decided": ("", ""),
            "down": ("↓", "↓"), "up": ("↑", "↑")}
    zh = language == "zh"
    waves = fixed.waves
    outcomes = "; ".join(f"{o.score} {word[o.direction][zh]}{(' (primary)', '（主要）')[zh] if o.primary else ''}"
                         for o in fixed.outcomes)
    span = "{0.value} ({0.low}-{0.high}); {0.source}"
    days = _days(waves, waves.screening, waves.after_group)
    here = "" if days is None else (f"; here {days} days", f"；本研究相隔 {days} 天")[zh]
    could = "; ".join(f"{asked.variable} = {asked.value}" for asked in fixed.eligible or [])
    otherwise = {True: ("the group of interest", "关注组"), False: ("every child surveyed", "所有受调查儿童")}
    rows = [
        (("who could be chosen", "可入选者"), could or otherwise[fixed.eligible is None][zh]),
        (("how members were chosen", "成员选取方式"), word[fixed.selection][zh]),
        (("low-loneliness peer, kept apart", "单列的低孤独感同伴"), fixed.low_peer or "—"),
        (("compared with", "比较对象"), word[fixed.comparison][zh] + word[fixed.allocation][zh]),
        (("waves", "测量时间点"), _when(waves, zh)),
        (("registered outcomes", "登记的结果指标"), outcomes),
        (("level of the primary test", "主要检验水平"), f"{fixed.alpha:g}"),
        (("retest correlation", "重测相关"), span.format(fixed.retest) + here),
        (("reliability", "信度"), span.format(fixed.reliability)),
        *([(("rule for case work", "个案工作规则"), getattr(fixed.case.rule, language))] if fixed.case else []),
        *([(("registered", "登记"), registered[language])] if registered else []),
    ]
    return pd.DataFrame([(text[zh], holds) for text, holds in rows], columns=["rule", "holds"])


def _days(waves: Any, first: str, last: str) -> int | None:
    """Days between two waves; None where a date is missing."""
    dates = [waves.dates.get(wave) for wave in (first, last)]
    return None if None in dates else (date.fromisoformat(dates[1]) - date.fromisoformat(dates[0])).days


def _when(waves: Any, zh: bool) -> str:
    """The waves with their dates and the days since the one before."""
    every = (waves.screening, waves.before, waves.after_group, waves.after_case, waves.follow_up)
    times = list(dict.fromkeys(wave for wave in every if wave))
    parts = []
    for before, wave in zip([None, *times], times, strict=False):
        days = None if before is None else _days(waves, before, wave)
        since = "" if days is None else (f" ({days} days later)", f"（{days} 天后）")[zh]
        parts.append(f"{wave} {waves.dates.get(wave, '')}".strip() + since)
    return ", ".join(parts)


def findings(found: dict[str, dict[str, Any]], language: str = "en") -> pd.DataFrame:
    """How many findings there are of each strength of evidence, and how many of them could not be estimated."""
    rows = [(EVIDENCE[f["evidence"]][language], f["confirmatory"], f["estimate"] is None) for f in found.values()]
    table = pd.DataFrame(rows, columns=["evidence", "confirmatory", "not_estimable"])
    grouped = table.groupby("evidence", sort=True)
    return grouped.agg(findings=("evidence", "size"), confirmatory=("confirmatory", "sum"),
                       not_estimable=("not_estimable", "sum")).reset_index()


__all__ = ["LEVELS", "Table", "csv_text", "findings", "group_heads", "guard", "heads", "protocol", "show"]
