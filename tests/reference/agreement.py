"""Every reference case against what lbc gives for it: the comparison behind the tests and docs/verification.md."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import numpy as np
from cases import HERE, case
from operations import Operation, load

CASES = sorted(file.stem for file in (HERE / "expected").glob("*.json"))


@dataclass
class Agreement:
    """One case: what was compared, what was not, and every disagreement."""

    expected: int = 0  # numbers that the case holds
    compared: int = 0
    deviation: float = 0.0  # largest |x - e| / max(1, |e|)
    failures: list[str] = field(default_factory=list)
    omitted: dict[str, str] = field(default_factory=dict)  # path: reason
    wider: dict[str, tuple[str, str]] = field(default_factory=dict)  # pattern: (bound, reason), where one was used


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every number and word of a nested structure with its path."""
    if hasattr(value, "to_dict"):
        value = value.to_dict()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping | list | tuple):
        parts = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, part in parts:
            yield from leaves(part, f"{path}/{key}" if path else str(key))
    else:
        yield path, value.item() if isinstance(value, np.generic) else value


def lookup(table: dict[str, Any], path: str) -> str | None:
    """The pattern of `table` that stands for the path or for something above it."""
    parts = path.split("/")
    above = ["/".join(parts[:k]) for k in range(1, len(parts) + 1)]
    return next((p for p in table if any(fnmatchcase(a, p) for a in above)), None)


def special(tolerance: dict[str, Any], path: str) -> str:
    """What the case says of this number's own tolerance: its entry is named by (a part of) a key on the path."""
    named = {key: text for key, text in tolerance.get("special", {}).items() if key in path.replace("/", "_")}
    return named[max(named, key=len)] if named else ""


def within(found: Any, expected: Any, bounds: dict[str, float]) -> bool:
    if expected is None:
        return found is None or (isinstance(found, float) and math.isnan(found))
    if isinstance(expected, str | bool) or not isinstance(found, int | float):
        return bool(found == expected)
    return abs(found - expected) <= max(bounds.get("abs", 0.0), bounds.get("rel", 0.0) * abs(expected))


def agreement(told: dict[str, Any], ours: Operation) -> Agreement:
    """Run the adapter on the case and compare number by number."""
    done, tolerance = Agreement(), told["tolerance"]
    found = dict(leaves(ours.run(told)))
    expected = dict(leaves(told["expected"]))
    done.failures = [f"{path}: returned, but the case has no such number" for path in found if path not in expected]
    for path, value in expected.items():
        word = value is None or isinstance(value, str)  # labels and gaps: compared where returned, but not counted
        done.expected += not word
        own = special(tolerance, path)
        size = re.match(r"(?:(abs|rel) )?([\d.eE+-]+)(\*sd\(y\))?", own)
        if path not in found or (own and not size):
            reason = ours.omitted.get(lookup(ours.omitted, path)) or (not size and own)
            if reason:
                done.omitted |= {} if word else {path: reason}
            elif not word:
                done.failures.append(f"{path}: neither returned nor listed as omitted")
            continue
        bounds = {key: tolerance.get(key, 0.0) for key in ("rel", "abs")}
        x, e = found[path], value
        if size:
            unit = ours.sd_y(told) if size[3] and ours.sd_y else 1.0
            bounds = {size[1] or "abs": float(size[2]) * unit}
        if pattern := lookup(ours.wider, path):
            done.wider[pattern] = ours.wider[pattern]
            kind, number = ours.wider[pattern][0].split()
            bounds[kind] = max(bounds.get(kind, 0.0), float(number))
        if "sign free" in own:
            x, e = abs(x), abs(e)
        done.compared += not word
        if not within(x, e, bounds):
            done.failures.append(f"{path}: {x} is not {e} (within {bounds})")
        elif not word:
            done.deviation = max(done.deviation, abs(x - e) / max(1.0, abs(e)))
    return done


def adapter(told: dict[str, Any]) -> Operation:
    """The case's adapter."""
    name = told["operation"]
    if name not in load():
        raise LookupError(f"{name} has no adapter in operations/")
    return load()[name]


@cache
def compared(name: str) -> Agreement:
    """The case's agreement."""
    return agreement(case(name), adapter(case(name)))
