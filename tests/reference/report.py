"""docs/verification.md: the table of agreement for a reviewer, from the same comparison as the tests."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from agreement import CASES, Agreement, adapter, agreement, lookup
from cases import HERE, case
from operations import Operation

ROOT = HERE.parents[1]
DOCUMENT = ROOT / "docs" / "verification.md"
AREAS = {
    "a": "Scores and reliability", "b": "Factor models and invariance", "c": "Group comparison",
    "d": "Children in classes and schools", "e": "Blocks of predictors and their importance",
    "f": "Paired and repeated measures", "g": "Single-case designs", "h": "Reliable change",
    "i": "Agreement of coders", "j": "Careless answering", "k": "Missing answers", "l": "Mediation",
}
HEADS = ["case", "what", "functions of lbc", "compared", "tolerance", "agrees", "largest deviation"]
INTRODUCTION = """# Verification: every statistic against R

Written by `python -m benchmarks verification`; do not edit. A test compares this page with what the code gives now.

**What was compared with what.** R 4.2.2 (Debian 12) printed the expected numbers of {cases} cases from data files that
are published, real wherever possible. Each case is one file in `tests/reference/expected`: the R commands, the
packages and their versions, the numbers to 15 digits, the tolerance, and where the same numbers stand in print. For
each kind of analysis an adapter in `tests/reference/operations` calls the public functions of lbc on the same file and
returns its numbers under the same names. A number that the adapter neither returns nor lists below as not compared,
with a reason, fails the tests; so does one that the case does not have. No code of the R packages is in this project.

**Result.** {totals}. {printed} of the cases
check numbers that are also printed in an article, a textbook or a manual.

**How to read the tables.** *Compared*: numbers compared / numbers expected. A number agrees when it is off by no more
than the larger of the absolute and the relative tolerance; the tolerances are the cases' own, and where one was
widened, the reason is given at the end. *Largest deviation*: |lbc - R| / max(1, |R|), rounded up to a power of ten.
† marks data that may not be shipped: a rerun needs them in `../shared/reference` beside the checkout.

**How to repeat.** `make test` compares; `make bench`, or `.venv/bin/python -m benchmarks verification` alone, compares and
writes this page again. Where the data marked † are absent, their cases are left out, and the page stays as it is. To
repeat R's side, run the commands under `reference.r_code` of a case; `d` is its first data file.

**Versions.** {versions}.
"""


def functions_called(run: Callable[[], Any]) -> tuple[Any, list[str]]:
    """What `run` returns, and the public functions of lbc that the adapters called on the way."""
    adapters, package, seen = str(HERE / "operations"), str(ROOT / "lbc"), {}

    def watch(frame: FrameType, event: str, _: Any) -> None:
        name, caller = frame.f_code.co_qualname, frame.f_back
        if (event == "call" and caller and name.isidentifier() and not name.startswith("_")
                and frame.f_code.co_filename.startswith(package) and caller.f_code.co_filename.startswith(adapters)):
            seen[f"{Path(frame.f_code.co_filename).stem}.{name}"] = None

    sys.setprofile(watch)
    try:
        return run(), list(seen)
    finally:
        sys.setprofile(None)


def power_of_ten(deviation: float) -> str:
    return f"1e{max(math.ceil(math.log10(deviation)), -15)}" if deviation else "0"


def tolerance_text(told: dict[str, Any], wider: bool) -> str:
    bounds = [f"{kind} {told['tolerance'][kind]:g}" for kind in ("rel", "abs") if told["tolerance"].get(kind)]
    own = [f"{key}: {re.sub(' .rob.*| .eff.*', '', text)}" for key, text in told["tolerance"].get("special", {}).items()]
    return "; ".join([", ".join(bounds), *own, *["wider for some, see below"] * wider])


def row(name: str, done: Agreement, functions: list[str]) -> list[str]:
    """One line of the table. The functions and the deviation come from a tracer and the machine, the rest does not."""
    told = case(name)
    shown = name + (" †" if any(not (HERE / d["file"]).exists() for d in told["dataset"]) else "")
    what = told["title"].replace("|", "/")
    calls = ", ".join(f"`{function}`" for function in functions)
    verdict = "yes" if not done.failures else f"no: {len(done.failures)} differ"
    return [shown, what, calls, f"{done.compared} / {done.expected}", tolerance_text(told, bool(done.wider)), verdict,
            power_of_ten(done.deviation)]


def committed() -> dict[str, list[str]]:
    """The lines of the page as it is now, by case."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")]
             for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return {line[0].removesuffix(" †"): line for line in cells if line[0].removesuffix(" †") in CASES}


def rows() -> tuple[dict[str, list[str]], dict[str, tuple[Operation, Agreement]], list[str]]:
    """The line of every case, what was compared, and the cases whose data are not here."""
    lines, done, absent = {}, {}, []
    for name in CASES:
        told, ours = case(name), adapter(case(name))
        try:
            result, functions = functions_called(lambda told=told, ours=ours: agreement(told, ours))
        except pytest.skip.Exception:
            absent.append(name)
            continue
        done[name] = (ours, result)
        lines[name] = row(name, result, functions)
    return lines, done, absent


def versions() -> str:
    names = {p.split(" (")[0] for name in CASES for p in case(name)["reference"]["packages"]}
    return ", ".join(sorted((n for n in names if not n.startswith("R ")), key=str.lower))


def short(names: Iterable[str]) -> str:
    """Case numbers: "c01_two_groups" is c01."""
    return ", ".join(name.split("_")[0] for name in names)


def left_out(done: dict[str, tuple[Operation, Agreement]]) -> list[str]:
    """What is not compared: patterns of numbers by operation and reason."""
    lines = []
    found: dict[tuple[str, str], tuple[dict[str, None], dict[str, None], list[str]]] = {}
    for name, (ours, result) in done.items():
        for path, reason in result.omitted.items():
            patterns, names, paths = found.setdefault((ours.name, reason), ({}, {}, []))
            patterns[f"`{lookup(ours.omitted, path) or path}`"] = names[name] = None
            paths.append(path)
    for (operation, reason), (patterns, names, paths) in found.items():
        count = f"{len(paths)} number{'s' * (len(paths) > 1)}"
        lines.append(f"- {operation} ({short(names)}), {', '.join(patterns)} ({count}): {reason}.")
    return lines


def widened(done: dict[str, tuple[Operation, Agreement]]) -> list[str]:
    found: dict[tuple[str, str, str], tuple[dict[str, None], dict[str, None]]] = {}
    for name, (ours, result) in done.items():
        for pattern, (bound, reason) in result.wider.items():
            patterns, names = found.setdefault((ours.name, bound, reason), ({}, {}))
            patterns[f"`{pattern}`"] = names[name] = None
    return [f"- {operation} ({short(names)}), {', '.join(patterns)}, {bound}: {reason}."
            for (operation, bound, reason), (patterns, names) in found.items()]


def totals(lines: dict[str, list[str]]) -> str:
    counts = [[int(n) for n in line[3].split(" / ")] for line in lines.values()]
    differ = [line[0] for line in lines.values() if line[5].startswith("no:")]
    verdict = f"they disagree in {', '.join(differ)}" if differ else "all agree"
    return f"{sum(c[0] for c in counts):,} of {sum(c[1] for c in counts):,} expected numbers are compared; {verdict}"


def page(lines: dict[str, list[str]], done: dict[str, tuple[Operation, Agreement]]) -> str:
    printed = sum(bool(case(name)["published"]) for name in CASES)
    text = [INTRODUCTION.format(cases=len(CASES), totals=totals(lines), printed=printed, versions=versions())]
    for area, title in AREAS.items():
        text += [f"## {title}\n", f"| {' | '.join(HEADS)} |", "|" + "---|" * len(HEADS)]
        text += [f"| {' | '.join(line)} |" for name, line in lines.items() if name.startswith(area)] + [""]
    text += ["## What is not compared, and why\n", *left_out(done), ""]
    text += ["## Where the tolerance is wider than the case's own\n", *widened(done), ""]
    return "\n".join(text)


def write() -> None:
    """Compare everything, and write the page where all data are here."""
    lines, done, absent = rows()
    print(f"{len(lines)} cases against R: {totals(lines)}")
    if absent:
        print(f"docs/verification.md stays as it is: the data of {len(absent)} cases may not be shipped ({short(absent)})")
    else:
        DOCUMENT.write_text(page(lines, done), encoding="utf-8")
