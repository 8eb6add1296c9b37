"""`params/<town>.claims.yaml`: its model, a loader that reports every mistake with its line, a check of its names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from lbc import params
from lbc.errors import ClaimError, ParamsError
from lbc.params import Model, Probability, Words
from lbc.reporting.holes import FIELDS, holes
from lbc.results import Evidence

CONTRACT = (
    "cleaning.flow", "measurement.*.alpha", "measurement.*.omega", "measurement.*.direction",
    "comparison.*.difference", "comparison.*.adjusted", "comparison.invariance.scalar",
    "comparison.specification_curve", "ecology.block.*", "ecology.share.*", "ecology.interviews.agreement",
    "intervention.group.*.change", "intervention.group.*.expected_fall", "intervention.group.*.adjusted",
    "intervention.group.*.wave_contrast.*",
    "intervention.member.*.rci", "intervention.members.unchanged", "intervention.case.*.nap",
    "intervention.case.*.change", "intervention.case.goal_attainment", "intervention.combined_vs_single",
    "intervention.overall.*.change",
)
"""Ids that a town may lack, e.g. because nothing was collected; a claim on them then cannot be tested."""
CAUSAL = re.compile(
    r"\b(lower(s|ed)|reduc(es|ed)|improv(es|ed)|rais(es|ed)|caus(es|ed)|leads? to|led to|helps?|helped|works?|worked|"
    r"effects? of|effective|because|due to|thanks to)\b|"
    r"导致|使得|由于|有效|作用|效果|改善了|降低了|提高了|减少了|促进", re.I)
"""Words that say why: a claim with one of them that states no evidence_needed asks for an adjusted comparison."""


class Condition(Model):
    """What must be true of one finding."""

    finding: str = Field(description="id of the finding")
    quantity: Literal["estimate", "effect"] = Field("estimate", description="which of its numbers is judged")
    direction: Literal["positive", "negative", "any"] = Field("any", description="sign that the number must have")
    interval: Literal["any", "excludes_zero", "beyond_bound", "within_bound"] = Field(
        "any", description="what must hold of the whole interval; within_bound: from -bound to bound (equivalence)"
    )
    bound: float | None = Field(None, description="the number must reach it: at least, or at most where negative")
    alpha: Probability | None = Field(None, description="the test's p must be below it")

    @model_validator(mode="after")
    def _bound_is_there(self) -> Condition:
        if self.interval in ("beyond_bound", "within_bound") and self.bound is None:
            raise ValueError(f"interval: {self.interval} needs a bound")
        if self.interval == "within_bound" and (self.bound <= 0 or self.direction != "any"):
            raise ValueError("interval: within_bound needs a bound above zero and no direction")
        return self


class Claim(Model):
    """One sentence of the thesis and when it holds."""

    id: str = Field(pattern=r"^[a-z0-9_]+$", description="short name")
    sentence: Words = Field(description="the claim, with holes for numbers")
    rests_on: list[str] = Field(min_length=1, description="ids of the findings it rests on")
    holds_when: list[Condition] = Field(min_length=1, description="all must be true")
    only_if: list[Condition] = Field([], description="threats to rule out: one that does not hold decides against it")
    evidence_needed: Evidence | None = Field(None, description="least strength of evidence its wording asks for")
    note: Words | None = Field(None, description="what to tell the reader where that strength is not reached")
    exhibits: list[str] = Field([], description="tables and figures to look at, e.g. 02_methods; none: all of them")

    @model_validator(mode="after")
    def _rests_on_what_it_asks(self) -> Claim:
        loose = [c.finding for c in self.holds_when if c.finding not in self.rests_on]
        if loose:
            raise ValueError(f"holds_when asks for '{loose[0]}', so rests_on must name it")
        return self

    @property
    def behind(self) -> list[str]:
        """Every finding that decides on the claim."""
        return list(dict.fromkeys([*self.rests_on, *(c.finding for c in self.only_if)]))

    @property
    def needs(self) -> str | None:
        """Least strength of evidence: as stated, else what a causal wording asks for."""
        causal = CAUSAL.search(f"{self.sentence.en} {self.sentence.zh}")
        return self.evidence_needed or ("adjusted comparison" if causal else None)


class ClaimsFile(Model):
    claims: list[Claim] = Field(min_length=1, description="the claims in the thesis's order")

    @model_validator(mode="after")
    def _unique(self) -> ClaimsFile:
        ids = [claim.id for claim in self.claims]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(f"the claim '{twice[0]}' stands twice")
        return self


@dataclass(frozen=True)
class Claims:
    """The claims of a town, with the place of each in its file for messages."""

    claims: tuple[Claim, ...]
    shown: str
    lines: dict[tuple[Any, ...], int]


def load(path: Path, shown: str) -> Claims:
    """Read and check `params/<town>.claims.yaml`.

    Parameters
    ----------
    path : Path
    shown : str
        The path as messages print it.

    Raises
    ------
    ClaimError
        With every mistake: line, key, what was found, what is allowed; also holes that cannot be read.
    """
    try:
        value, reader = params.read_yaml(path, shown)
    except ParamsError as error:
        raise ClaimError(error.what, error.faults, where=error.where, fix=error.fix) from None
    file = params.validate(ClaimsFile, value, reader)
    claims = Claims(tuple(file.claims) if file else (), shown, reader.lines)
    for key, text in _sentences(claims):
        for body in holes(text):
            if isinstance(body, str):
                reader.fault(reader.lines[key], key, body)
    faults = [fault for line in sorted(reader.faults) for fault in reader.faults[line]]
    if faults:
        raise ClaimError(_mistakes(faults), faults, where=shown, fix="docs/adapting.md explains claims")
    return claims


def check(claims: Claims, findings: dict[str, dict[str, Any]]) -> None:
    """Check that every finding named exists, or is one that a town may lack, and has what holes ask for.

    Raises
    ------
    ClaimError
        With line and nearest id for each unknown one.
    """
    known = sorted({*findings, *(pattern for pattern in CONTRACT if "*" not in pattern)})
    faults = []
    for key, name in _named(claims):
        may_lack = any(fnmatchcase(name, pattern) for pattern in CONTRACT)
        misspelt = name not in known and difflib.get_close_matches(name, known, n=1, cutoff=0.94)
        if name not in findings and (not may_lack or misspelt):
            stem, _, field = name.rpartition(".")
            if stem in findings:
                faults.append((key, f"'{stem}' has no field '{field}'{meant(field, FIELDS)}"))
            else:
                faults.append((key, f"no finding is called '{name}'{meant(name, known)}"))
        elif findings.get(name, {}).get("private"):
            faults.append((key, f"'{name}' is about single children; release it in the params (privacy.release)"))
    for key, text in _sentences(claims):
        for name, field, _ in (body for body in holes(text) if isinstance(body, tuple)):
            counts = findings.get(name, {}).get("n") or {}
            if field.startswith("n.") and counts and field[2:] not in counts:
                faults.append((key, f"'{name}' counts no '{field[2:]}'{meant(field[2:], counts)}"))
    if faults:
        raise claim_error(claims, faults, "findings/*.json of the town lists all ids")


def meant(name: str, known: Iterable[str]) -> str:
    """The nearest known name as a question; empty where none is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else ""


def claim_error(claims: Claims, faults: list[tuple[tuple[Any, ...], str]], fix: str) -> ClaimError:
    """The mistakes of a claims file, each with its line and key."""
    placed = sorted((claims.lines[key], ".".join(map(str, key)), text) for key, text in faults)
    texts = [f"{claims.shown}:{line}: {path}: {text}" for line, path, text in placed]
    return ClaimError(_mistakes(texts), texts, where=claims.shown, fix=fix)


def _sentences(claims: Claims) -> Iterator[tuple[tuple[Any, ...], str]]:
    for i, claim in enumerate(claims.claims):
        for language in ("en", "zh"):
            yield ("claims", i, "sentence", language), getattr(claim.sentence, language)


def _named(claims: Claims) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Every finding that the file names, with the place where it does."""
    for i, claim in enumerate(claims.claims):
        yield from ((("claims", i, "rests_on", k), name) for k, name in enumerate(claim.rests_on))
        for part in ("holds_when", "only_if"):
            yield from ((("claims", i, part, k, "finding"), c.finding) for k, c in enumerate(getattr(claim, part)))
    for key, text in _sentences(claims):
        yield from ((key, body[0]) for body in holes(text) if isinstance(body, tuple))


def _mistakes(faults: list[str]) -> str:
    return "1 mistake" if len(faults) == 1 else f"{len(faults)} mistakes"
