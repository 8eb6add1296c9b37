"""Why something could not be estimated, in Chinese: analyses give their reasons in English, readers get theirs here.

`reasons.csv` holds a row for each reason: {} stands for what differs from case to case, in the same order in both
languages, or as {1}, {2} where the order differs. A test reads the package's source and names the rows that lack.
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
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """English patterns with their Chinese, those with most text of their own first."""
    with Path(__file__).with_name("reasons.csv").open(encoding="utf-8", newline="") as file:
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
def _chinese(reason: str) -> str | None:
    """The reason in Chinese, or None where no pattern fits."""
    for pattern, zh in _patterns():
        if found := pattern.fullmatch(reason):
            parts = [said(part, "zh") for part in found.groups()]
            return PLACE.sub("{}", zh).format(*(parts[int(n) - 1] if n else parts[i]
                                                for i, n in enumerate(PLACE.findall(zh))))
    for mark, full in (("; ", "；"), (": ", "："), (", ", "、")):
        pieces = reason.split(mark, 1)
        if len(pieces) == 2 and (_chinese(pieces[0]) or _chinese(pieces[1])):
            return full.join(said(piece, "zh") for piece in pieces)
    return None


def both(reason: Any) -> Words:
    """A reason in both languages."""
    return {language: said(reason, language) for language in ("en", "zh")}


def said(reason: Any, language: str) -> str:
    """A reason in the language asked for; one without a Chinese row stays as it stands.

    Parameters
    ----------
    reason : str or {"en": ..., "zh": ...}

    Examples
    --------
    >>> said("group A has 3 complete persons for 16 items; no sample varies", "zh")
    'A 组中 16 道题作答完整者为 3 人；没有样本有变异'
    """
    if language != "zh" or isinstance(reason, dict):
        return words(reason, language)
    return _chinese(reason) or reason
