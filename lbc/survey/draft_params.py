"""A first params/<town>.yaml, from what was guessed about the columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lbc.instruments import Instrument

Row = Mapping[str, str]


def params_text(
    town: str, name: Row | None, survey: Mapping[str, Any], rows: Sequence[Row], outcome: Instrument,
    waves: Sequence[str],
) -> tuple[str, list[str]]:
    """The text of params/<town>.yaml, and what to tell of it.

    Parameters
    ----------
    town : str
    name : mapping, optional
        The town's name in en and zh.
    survey : mapping
        file, sheet (or None) and forms (their number).
    rows : sequence of mapping
        The lines of the codebook.
    outcome : Instrument
    waves : sequence of str
        The baseline first.
    """
    file, sheet = survey["file"], survey["sheet"]
    roles = {row["role"]: row for row in rows if row["type"] != "ignore"}
    group, left_behind, said = _group(roles, rows)
    names = name or {"en": town.replace("_", " ").title(), "zh": town}
    aged = "age" in roles or {"birth_year", "submitted"} <= set(roles)
    have = {"girl": "sex" in roles, "grade": "grade" in roles, "age": aged}
    covariates = [c for c, there in have.items() if there and c != group["variable"]]
    parts = [n for n, part in outcome.subscales.items() if part.status != "reconstruction"]
    quoted = {key: json.dumps(text, ensure_ascii=False) for key, text in names.items()}
    lines = [
        f"# What {names['en']} decides. Written by make new-town from {file}: check every line.",
        "# params/README.md explains every key; `make check` says what is wrong. Text after # is a comment.",
        f"town: {town}",
        f"name: {{en: {quoted['en']}, zh: {quoted['zh']}}}",
        "language: en             # en or zh: language of all tables, figures and sentences",
        "synthetic: false         # true only for simulated data",
        "seed: 20260901           # any whole number; it makes random steps repeatable",
        "",
        "survey:",
        f"  file: {json.dumps(file, ensure_ascii=False)}",
        *([f"  sheet: {json.dumps(sheet, ensure_ascii=False)}"] if sheet else []),
        f"  expected_rows: {survey['forms']}     # forms handed in; fewer in the file mean that it was cut off",
        f"  waves: [{', '.join(waves)}]       # waves inside the file, the baseline first",
        "",
        f"outcome: {{scale: {outcome.id}, metric: sum}}   # the measure of loneliness: {outcome.name['en']}",
        "",
        *left_behind,
        "",
        "comparison:",
        f"  group: {json.dumps(group)}   # who is compared with whom",
        f"  difficulties: [{', '.join(parts)}]   # subscales of {outcome.id} that are tested together",
        f"  covariates: [{', '.join(covariates)}]   # confounders, named before you see results",
        f"  cluster: {'class' if 'class' in roles else 'null'}   # variable of the class that children share",
        "",
        "# Interviews and intervention: copy these parts from params/s_town.yaml when the town has such data.",
    ]
    return "\n".join(lines) + "\n", said


def _group(roles: Mapping[str, Row], rows: Sequence[Row]) -> tuple[dict[str, str], list[str], list[str]]:
    """The two groups, the lines about left-behind, and what to tell."""
    behind = {"variable": "left_behind", "reference": "0", "focal": "1"}
    if {"father_away", "mother_away"} <= set(roles):
        timed = {"father_months", "mother_months"} <= set(roles)
        months = "6     # months away from which a parent counts as away" if timed else (
            "0     # the months were not asked: a parent who is away counts")
        lines = ["left_behind:", "  definition: one_or_both_parents   # or state_council_2016", f"  months: {months}"]
        fit = "" if "guardian_fit" in roles else "; without guardian_fit the State Council's definition stays open"
        return behind, lines, [f"groups: left-behind or not, from the parents' absence{fit}"]
    if any(row["variable"] == "left_behind" and row["type"] == "choice" for row in rows):
        lines = ["left_behind:", "  definition: one_or_both_parents   # as answered on the form"]
        return behind, lines, ["groups: left-behind or not, as answered; definitions cannot be compared"]
    none = ["left_behind: null        # nobody is defined as left-behind"]
    if "sex" in roles:
        group = {"variable": "girl", "reference": "0", "focal": "1"}
        return group, none, ["groups: no column says who is left-behind; girls are compared with boys instead"]
    for row in rows:
        codes = [part.partition("=")[0] for part in row["values"].split(";") if part]
        if row["type"] == "choice" and len(codes) == 2:
            group = {"variable": row["variable"], "reference": codes[0], "focal": codes[1]}
            return group, none, [f"groups: no column says who is left-behind; compared by {row['variable']} instead"]
    return behind, none, ["groups: NO column makes two groups; name one in comparison.group"]
