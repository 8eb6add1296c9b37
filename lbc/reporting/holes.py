"""Holes in a claim's sentence, where a finding's numbers go.

A hole is `{<finding id>}`, `{<finding id>.<field>}` or `{<finding id>.<field>:<format>}`.

Fields: `value` (the estimate; what stands without a field), `ci`, `low`, `high`, `effect` (or `g`), `effect_ci`, `p`,
`test` (the whole test), `n` (all) and `n.<group>`. Formats: `.1f`, `+.1f` (with sign), `abs.1f` (without), `.2r` (no
leading zero in English), `.0%` (a share as percentage).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lbc.reporting import terms, wording

FIELDS = ("value", "ci", "low", "high", "effect", "g", "effect_ci", "p", "test", "n")
HOLE = re.compile(r"(?P<id>[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)(?::(?P<format>.*))?")
FORMAT = re.compile(r"(abs|\+)?\.(\d)([fr%])")


def fill(sentence: str, findings: dict[str, dict[str, Any]], language: str = "en") -> str:
    """A sentence with its holes filled; a number that does not exist reads `[not estimable]`."""

    def put(match: re.Match[str]) -> str:
        name, field, form = parse(match.group(1))
        text = _value(findings.get(name), field, form, language)
        return text if text is not None else f"[{terms.NOT_ESTIMABLE[language]}]"

    return re.sub(r"\{([^{}]*)\}", put, sentence)


def _value(finding: dict[str, Any] | None, field: str, form: str | None, language: str) -> str | None:
    if finding is None:
        return None
    if field == "n" or field.startswith("n."):
        counts = finding.get("n") or {}
        count = counts.get(field[2:]) if field != "n" else sum(counts.values()) or None
        return None if count is None else str(count)
    if field in {"p", "test"}:
        test = finding.get("test")
        if not test or test.get("p") is None:
            return None
        return wording.p_value(test["p"], language) if field == "p" else wording.statistic(test, language)
    entry = finding.get("effect" if field in {"effect", "g", "effect_ci"} else "estimate")
    if entry is None or entry["value"] is None:
        return None
    if field in {"ci", "effect_ci", "low", "high"}:
        ci = entry.get("ci")
        if not ci or None in ci:
            return None
        if field in {"low", "high"}:
            return _number(ci[field == "high"], form, entry, language)
        ends = ", ".join(_number(end, form, entry, language) for end in ci)
        level = wording.interval(ci, entry.get("level", 0.95), 0, language).partition(" [")[0]
        return f"{level} [{ends}]"
    return _number(entry["value"], form, entry, language)


def _number(value: float, form: str | None, entry: dict[str, Any], language: str) -> str:
    if form is None:
        digits, bounded = terms.digits(entry["name"], terms.unit_of(entry)), terms.is_bounded(entry["name"])
        return wording.number(value, digits, language, bounded=bounded)
    how, digits, kind = FORMAT.fullmatch(form).groups()
    value = abs(value) if how == "abs" else value
    if kind == "%":
        return wording.percent(value, int(digits), language)
    return wording.number(value, int(digits), language, bounded=kind == "r", sign=how == "+")


def parse(body: str) -> tuple[str, str, str | None]:
    """Finding id, field and format of a hole; raises ValueError with what is wrong."""
    match = HOLE.fullmatch(body)
    if match is None:
        raise ValueError(f"the hole {{{body}}} cannot be read; write {{finding.id}} or {{finding.id.field:format}}")
    parts, form = match["id"].split("."), match["format"]
    if form is not None and not FORMAT.fullmatch(form):
        raise ValueError(f"the hole {{{body}}} has the format '{form}'; allowed: .1f, +.1f, abs.1f, .2r, .0%")
    if parts[-1] in FIELDS and len(parts) > 1:
        return ".".join(parts[:-1]), parts[-1], form
    if len(parts) > 2 and parts[-2] == "n":
        return ".".join(parts[:-2]), f"n.{parts[-1]}", form
    return ".".join(parts), "value", form


def holes(text: str) -> Iterator[tuple[str, str, str | None] | str]:
    """Every hole of a sentence, parsed, or the message why it cannot be."""
    rest = re.sub(r"\{[^{}]*\}", "", text)
    if "{" in rest or "}" in rest:
        yield "a brace stands alone; a hole is {finding.id}"
    for body in re.findall(r"\{([^{}]*)\}", text):
        try:
            yield parse(body)
        except ValueError as error:
            yield str(error)
