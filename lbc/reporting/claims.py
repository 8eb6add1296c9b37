"""The thesis's claims: sentences with numbers filled in (see `holes`), judged by the findings they rest on."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import Field, model_validator

from lbc import params
from lbc.errors import ClaimError, ParamsError
from lbc.params import Model, Probability, Words
from lbc.reporting import terms, wording
from lbc.reporting.holes import fill, holes
from lbc.reporting.recheck import recheck
from lbc.results import EVIDENCE, Evidence

CONTRACT = (
    "cleaning.flow", "measurement.*.alpha", "measurement.*.omega", "measurement.*.direction",
    "comparison.*.difference", "comparison.*.adjusted", "comparison.invariance.scalar",
    "comparison.specification_curve", "ecology.block.*", "ecology.share.*", "ecology.interviews.agreement",
    "intervention.group.*.change", "intervention.group.*.expected_fall", "intervention.group.*.adjusted",
    "intervention.member.*.rci", "intervention.members.unchanged", "intervention.case.*.nap",
    "intervention.case.*.change", "intervention.case.goal_attainment", "intervention.combined_vs_single",
    "intervention.overall.*.change",
)
"""Ids that a town may lack, e.g. because nothing was collected; a claim on them then cannot be tested."""
VERDICTS = tuple(terms.VERDICTS)
SUPPORTED, PARTLY, NOT, UNTESTABLE = VERDICTS


class Condition(Model):
    """What must be true of one finding."""

    finding: str = Field(description="id of the finding")
    quantity: Literal["estimate", "effect"] = Field("estimate", description="which of its numbers is judged")
    direction: Literal["positive", "negative", "any"] = Field("any", description="sign that the number must have")
    interval: Literal["any", "excludes_zero", "beyond_bound"] = Field(
        "any", description="what must hold of the whole interval"
    )
    bound: float | None = Field(None, description="the number must reach it: at least, or at most where negative")
    alpha: Probability | None = Field(None, description="the test's p must be below it")

    @model_validator(mode="after")
    def _bound_is_there(self) -> Condition:
        if self.interval == "beyond_bound" and self.bound is None:
            raise ValueError("interval: beyond_bound needs a bound")
        return self


class Claim(Model):
    """One sentence of the thesis and when it holds."""

    id: str = Field(pattern=r"^[a-z0-9_]+$", description="short name")
    sentence: Words = Field(description="the claim, with holes for numbers")
    rests_on: list[str] = Field(min_length=1, description="ids of the findings it rests on")
    holds_when: list[Condition] = Field(min_length=1, description="all must be true")
    evidence_needed: Evidence | None = Field(None, description="least strength of evidence its wording asks for")
    note: Words | None = Field(None, description="what to tell the reader where that strength is not reached")

    @model_validator(mode="after")
    def _rests_on_what_it_asks(self) -> Claim:
        loose = [c.finding for c in self.holds_when if c.finding not in self.rests_on]
        if loose:
            raise ValueError(f"holds_when asks for '{loose[0]}', so rests_on must name it")
        return self


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
    """Check that every finding named exists, or is one that a town may lack.

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
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            meant = f"; did you mean '{near[0]}'?" if near else ""
            line, path = claims.lines[key], ".".join(map(str, key))
            faults.append((line, f"{claims.shown}:{line}: {path}: no finding is called '{name}'{meant}"))
    if faults:
        texts = [text for _, text in sorted(faults)]
        raise ClaimError(_mistakes(texts), texts, where=claims.shown, fix="findings/*.json of the town lists all ids")


def judge(claims: Claims, findings: dict[str, dict[str, Any]], language: str = "en") -> list[dict[str, Any]]:
    """The verdict on every claim.

    Parameters
    ----------
    claims : Claims
    findings : dict of id to finding
        Entries of `findings/<stage>.json`.
    language : {"en", "zh"}

    Returns
    -------
    list of dict
        `id`, `verdict` (all conditions hold: supported; some: partly supported; none: not supported; none testable,
        or evidence weaker than the wording asks for: cannot be tested with this design), `evidence` (the weakest
        among the findings it rests on, None where there is none), `reason`, `sentence`.

    Raises
    ------
    ClaimError
        If a claim names a finding that does not exist.
    """
    check(claims, findings)
    return [_judge_one(claim, findings, language) for claim in claims.claims]


def _judge_one(claim: Claim, findings: dict[str, dict[str, Any]], language: str) -> dict[str, Any]:
    present = [findings[i]["evidence"] for i in claim.rests_on if i in findings]
    evidence = max(present, key=EVIDENCE.index) if present else None
    readings = [_read(c, findings.get(c.finding), language) for c in claim.holds_when]
    outcomes = [holds for holds, _ in readings]
    testable = any(holds is not None for holds in outcomes)
    too_weak = testable and _weaker(evidence, claim.evidence_needed)
    if too_weak or not testable:
        verdict = UNTESTABLE
    else:
        verdict = SUPPORTED if all(outcomes) else PARTLY if any(outcomes) else NOT
    reason = _reason(readings, language)
    if too_weak:
        reason = _too_weak(claim, evidence, language) + reason
    sentence = fill(getattr(claim.sentence, language), findings, language)
    return {"id": claim.id, "verdict": verdict, "evidence": evidence, "reason": reason, "sentence": sentence}


def _weaker(evidence: str | None, needed: str | None) -> bool:
    return needed is not None and evidence is not None and EVIDENCE.index(evidence) > EVIDENCE.index(needed)


def _too_weak(claim: Claim, evidence: str, language: str) -> str:
    needed, found = terms.EVIDENCE[claim.evidence_needed][language], terms.EVIDENCE[evidence][language]
    text = terms.pick(language, f"Its wording needs at least: {needed}; the evidence is: {found}. ",
                      f"该表述至少需要“{needed}”，而现有证据为“{found}”。")
    return text + (getattr(claim.note, language) + terms.pick(language, " ", "") if claim.note else "")


def _read(condition: Condition, finding: dict[str, Any] | None, language: str) -> tuple[bool | None, str]:
    """Whether a condition holds (None: cannot be told) and what was asked and found, in words."""
    colon = terms.pick(language, ": ", "：")
    if finding is None:
        return None, condition.finding + colon + terms.pick(language, "not collected", "未收集")
    label = terms.words(finding["label"], language)
    entry = finding.get(condition.quantity)
    if entry is None or entry["value"] is None:
        why = terms.words(finding.get("reason") or terms.NO_REASON, language)
        return None, label + colon + terms.NOT_ESTIMABLE[language] + terms.pick(language, f" ({why})", f"（{why}）")
    test = finding.get("test") or {}
    p = test.get("p_adjusted", test.get("p"))
    asked = _asked(condition, language)
    text = label + colon + wording.quantity(entry, language)
    if condition.alpha and p is not None:
        text += terms.pick(language, ", ", "，") + wording.p_value(p, language)
    ci = [end for end in entry.get("ci") or [] if end is not None]
    if (condition.interval != "any" and len(ci) < 2) or (condition.alpha and p is None):
        missing = terms.pick(language, "no interval or p was computed", "未给出区间或 p 值")
        return None, text + terms.pick(language, f" ({missing})", f"（{missing}）")
    text += terms.pick(language, f" (asked: {asked})", f"（要求：{asked}）")
    return _holds(condition, entry["value"], ci, p), text


def _holds(condition: Condition, value: float, ci: list[float], p: float | None) -> bool:
    sign = {"positive": 1, "negative": -1, "any": 0}[condition.direction]
    bound = condition.bound
    checks = [value * sign > 0 or sign == 0]
    if bound is not None:
        checks.append((value - bound) * sign >= 0 if sign else abs(value) >= bound)
    if condition.interval != "any":
        limit = 0.0 if condition.interval == "excludes_zero" else bound
        above, below = ci[0] > limit, ci[1] < (limit if sign else -limit)
        checks.append(above if sign > 0 else below if sign < 0 else above or below)
    if condition.alpha is not None:
        checks.append(p < condition.alpha)
    return all(checks)


def _asked(condition: Condition, language: str) -> str:
    parts = []
    if condition.direction != "any":
        signs = {"positive": ("above zero", "大于零"), "negative": ("below zero", "小于零")}
        parts.append(terms.pick(language, *signs[condition.direction]))
    if condition.bound is not None:
        at_most = condition.direction == "negative"
        parts.append(terms.pick(language, f"{'at most' if at_most else 'at least'} {condition.bound:g}",
                                f"{'不高于' if at_most else '不低于'} {condition.bound:g}"))
    if condition.interval == "excludes_zero":
        parts.append(terms.pick(language, "interval without zero", "区间不含零"))
    if condition.interval == "beyond_bound":
        parts.append(terms.pick(language, "whole interval beyond it", "整个区间超过该值"))
    if condition.alpha is not None:
        level = wording.number(condition.alpha, 2, language, bounded=True)
        parts.append(f"p < {level}")
    return terms.pick(language, ", ", "，").join(parts) or terms.pick(language, "an estimate", "有估计值")


def _reason(readings: list[tuple[bool | None, str]], language: str) -> str:
    heads = {True: ("Holds", "成立"), False: ("Does not hold", "不成立"), None: ("Cannot be tested", "无法检验")}
    held = sum(holds is True for holds, _ in readings)
    total = len(readings)
    plural = "condition holds" if total == 1 else "conditions hold"
    parts = [terms.pick(language, f"{held} of {total} {plural}.", f"{total} 项条件中有 {held} 项成立。")]
    for state, words in heads.items():
        texts = [text for holds, text in readings if holds is state]
        if texts:
            said = terms.pick(language, "; ", "；").join(texts)
            parts.append(terms.pick(language, f"{words[0]}: {said}.", f"{words[1]}：{said}。"))
    return terms.pick(language, " ", "").join(parts)


def _sentences(claims: Claims) -> Iterator[tuple[tuple[Any, ...], str]]:
    for i, claim in enumerate(claims.claims):
        for language in ("en", "zh"):
            yield ("claims", i, "sentence", language), getattr(claim.sentence, language)


def _named(claims: Claims) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Every finding that the file names, with the place where it does."""
    for i, claim in enumerate(claims.claims):
        yield from ((("claims", i, "rests_on", k), name) for k, name in enumerate(claim.rests_on))
        yield from ((("claims", i, "holds_when", k, "finding"), c.finding) for k, c in enumerate(claim.holds_when))
    for key, text in _sentences(claims):
        yield from ((key, body[0]) for body in holes(text) if isinstance(body, tuple))


def _mistakes(faults: list[str]) -> str:
    return "1 mistake" if len(faults) == 1 else f"{len(faults)} mistakes"


def foundations(claims: Claims, findings: dict[str, dict[str, Any]], language: str = "en") -> pd.DataFrame:
    """What each claim rests on: claim, finding, value, evidence."""
    rows = []
    for claim in claims.claims:
        for name in claim.rests_on:
            found = findings.get(name)
            entry = found and found["estimate"]
            value = wording.quantity(entry, language) if entry else terms.pick(language, "none", "无")
            strength = terms.EVIDENCE[found["evidence"]][language] if found else "—"
            label = terms.words(found["label"], language) if found else name
            rows.append((claim.id, label, value, strength))
    return pd.DataFrame(rows, columns=["claim", "finding", "value", "evidence"])


class Markdown(str):
    """A text that a notebook shows as Markdown."""

    def _repr_markdown_(self) -> str:
        return str(self)


def board(judged: list[dict[str, Any]]) -> pd.DataFrame:
    """For `figures.claims_board`: id, verdict, evidence, and the claim's words up to its numbers."""
    rows = [(c["id"], c["verdict"], c["evidence"], re.split(r"[:：]", c["sentence"])[0]) for c in judged]
    return pd.DataFrame(rows, columns=["id", "verdict", "evidence", "claim"])


def table(judged: list[dict[str, Any]], language: str = "en") -> pd.DataFrame:
    """The claims as a table: sentence, verdict, evidence, reason."""
    rows = [(c["sentence"], terms.VERDICTS[c["verdict"]][language],
             terms.EVIDENCE[c["evidence"]][language] if c["evidence"] else "—", c["reason"]) for c in judged]
    return pd.DataFrame(rows, columns=["sentence", "verdict", "evidence", "reason"])


def paragraphs(judged: list[dict[str, Any]], language: str = "en") -> list[Markdown]:
    """Each claim as a paragraph: its sentence, the verdict with the strength of evidence, the reason."""
    texts = []
    for sentence, verdict, strength, reason in table(judged, language).itertuples(index=False):
        texts.append(Markdown(f"**{verdict}** ({strength}) {sentence}\n\n{reason}"))
    return texts


def links(claims: Claims, findings: dict[str, dict[str, Any]], made: dict[str, list[str]]) -> pd.DataFrame:
    """Which exhibits to look at for each claim: those of the notebooks that its findings come from.

    Parameters
    ----------
    made : dict of stage to names of exhibits
    """
    rows = []
    for claim in claims.claims:
        stages = sorted({findings[name]["stage"] for name in claim.rests_on if name in findings})
        exhibits = [name for stage in stages for name in made.get(stage, [])]
        rows.append((claim.id, ", ".join(stages), ", ".join(exhibits)))
    return pd.DataFrame(rows, columns=["claim", "where", "exhibits"])


__all__ = ["VERDICTS", "Claims", "board", "check", "fill", "foundations", "judge", "links", "load", "paragraphs",
           "recheck", "table"]
