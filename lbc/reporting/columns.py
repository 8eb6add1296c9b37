"""What table columns are called in both languages, and how their numbers are printed, wherever a name says enough."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lbc.reporting.reasons import said
from lbc.reporting.terms import labelled
from lbc.results import Words

with Path(__file__).with_name("columns.csv").open(encoding="utf-8", newline="") as _file:
    _ROWS = list(csv.DictReader(_file))
"""A row for each column name (`head`, with its numbers' format) and each of our own words in a cell (`word`)."""


def _both(use: str) -> dict[str, Words]:
    return {row["name"]: {"en": row["en"], "zh": row["zh"]} for row in _ROWS if row["use"] == use}


HEADS, WORDS = _both("head"), _both("word")
FORMATS = {row["name"]: row["format"] for row in _ROWS if row["format"]}
AWAY: dict[str, Words] = {
    "neither": {"en": "neither", "zh": "都在家"}, "father": {"en": "father", "zh": "父亲"},
    "mother": {"en": "mother", "zh": "母亲"}, "both": {"en": "both", "zh": "父母双方"},
}
"""Who is away: words that may mean something else elsewhere, so that they are read only as levels and in terms."""
LEVEL_OF_A_TERM = re.compile(r"(\w+)(?:=|: )(.+)")


def in_words(column: str, text: str, labels: Mapping[Any, Any], language: str) -> str:
    """A cell's text as it is read: our own words in the language, everything else as it stands.

    Parameters
    ----------
    column : str
        A contrast ("A v all"), a term ("parents_away=father") and a gap ("need, session") are taken apart.
    labels : mapping
        Labels of variables and values.

    Examples
    --------
    >>> in_words("contrast", "A v all", {}, "zh"), in_words("step", "metric", {}, "en")
    ('A 对全部', 'metric')
    """
    if column in ("note", "reason", "refused", "problems"):
        return said(text, language)
    if text in labels or text in WORDS:
        return labelled(text, labels if text in labels else WORDS, language)
    if column == "contrast" and language == "zh" and " v " in text:
        baseline, _, phase = text.partition(" v ")
        return f"{baseline} 对全部" if phase == "all" else f"{baseline} 对 {phase}"
    if column in ("gap", "dominates", "predictors"):
        known = HEADS if column == "gap" else labels
        return {"en": ", ", "zh": "、"}[language].join(labelled(part, known, language) for part in text.split(", "))
    if column == "term" and (parts := LEVEL_OF_A_TERM.fullmatch(text)) and parts[1] in labels:
        colon = {"en": ": ", "zh": "："}[language]
        return labelled(parts[1], labels, language) + colon + labelled(parts[2], AWAY | dict(labels), language)
    return labelled(text, AWAY, language) if column == "level" else text
