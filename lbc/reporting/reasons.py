"""Reasons, methods and sources in Chinese: analyses give theirs in English, readers get theirs here.

`reasons.csv` holds a row for each reason why something could not be estimated, `methods.csv` one for each method and
for the words in sources: {} stands for what differs from case to case, in the same order in both languages, or as
{1}, {2} where the order differs. Tests read the package's source and name the rows that lack.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import Any

from lbc.reporting.terms import words
from lbc.results import Words

PLACE = re.compile(r"\{(\d*)\}")


@cache
def _patterns(table: str) -> list[tuple[re.Pattern[str], str]]:
    """English patterns with their Chinese, those with most text of their own first."""
    with Path(__file__).with_name(f"{table}.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: -len(row["en"].replace("{}", "")))
    return [(re.compile(_expression(row["en"]), re.S), row["zh"]) for row in rows]


def _expression(pattern: str) -> str:
    """A regular expression; only what stands in brackets or after a colon may itself be a list of reasons."""
    first, *rest = pattern.split("{}")
    found = re.escape(first)
    for before, after in zip(pattern.split("{}"), rest, strict=False):
        found += ("(.+)" if before.endswith((": ", "(")) else "([^:;]+?)") + re.escape(after)
    return found


@cache
def _chinese(reason: str, table: str) -> str | None:
    """The reason in Chinese, or None where no pattern fits."""
    for pattern, zh in _patterns(table):
        if found := pattern.fullmatch(reason):
            parts = [said(part, "zh", table) for part in found.groups()]
            return PLACE.sub("{}", zh).format(*(parts[int(n) - 1] if n else parts[i]
                                                for i, n in enumerate(PLACE.findall(zh))))
    for mark, full in (("; ", "；"), (": ", "："), (", ", "、")):
        pieces = reason.split(mark, 1)
        if len(pieces) == 2 and (_chinese(pieces[0], table) or _chinese(pieces[1], table)):
            return full.join(said(piece, "zh", table) for piece in pieces)
    return None


def both(reason: Any) -> Words:
    """A reason in both languages."""
    return {language: said(reason, language) for language in ("en", "zh")}


def said(reason: Any, language: str, table: str = "reasons") -> str:
    """A reason in the language asked for; one without a Chinese row stays as it stands.

    Parameters
    ----------
    reason : str or {"en": ..., "zh": ...}
    language : {"en", "zh"}
    table : {"reasons", "methods"}

    Examples
    --------
    >>> said("group A has 3 complete persons for 16 items; no sample varies", "zh")
    'A 组中 16 道题作答完整者为 3 人；没有样本有变异'
    >>> said("Welch's two-sample t test; p adjusted by Holm", "zh", "methods")
    'Welch 独立样本 t 检验；p 经 Holm 校正'
    """
    if language != "zh" or isinstance(reason, dict):
        return words(reason, language)
    return _chinese(reason, table) or reason
