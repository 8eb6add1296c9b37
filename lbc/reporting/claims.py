"""The thesis's claims: sentences with numbers filled in (see `holes`), judged by the findings they rest on.

The file they stand in, its model and its checks live in `claims_file`, re-exported here.
"""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from lbc.reporting import reasons, terms, wording
from lbc.reporting.claims_file import CONTRACT, Claim, Claims, Condition, check, claim_error, load, meant
from lbc.reporting.holes import fill
from lbc.reporting.recheck import recheck
from lbc.results import EVIDENCE, Shown

VERDICTS = tuple(terms.VERDICTS)
SUPPORTED, PARTLY, NOT, UNTESTABLE = VERDICTS


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
        or evidence weaker than the wording asks for: cannot be tested with this design; a threat that is tested and
        not ruled out, see `only_if`: not supported), `evidence` (the weakest
        among the findings it rests on, None where there is none), `reason`, `sentence`, and `words`: sentence and
        reason in both languages.

    Raises
    ------
    ClaimError
        If a claim names a finding that does not exist.
    """
    check(claims, findings)
    judged = {lang: [_judge_one(claim, findings, lang) for claim in claims.claims] for lang in ("en", "zh")}
    words = [{lang: {part: judged[lang][i][part] for part in ("sentence", "reason")} for lang in judged}
             for i in range(len(claims.claims))]
    return [one | {"words": both} for one, both in zip(judged[language], words, strict=True)]


def _judge_one(claim: Claim, findings: dict[str, dict[str, Any]], language: str) -> dict[str, Any]:
    present = [findings[i]["evidence"] for i in claim.rests_on if i in findings]
    evidence = max(present, key=EVIDENCE.index) if present else None
    readings = [_read(c, findings.get(c.finding), language) for c in claim.holds_when]
    threats = [_read(c, findings.get(c.finding), language) for c in claim.only_if]
    outcomes = [holds for holds, _ in readings]
    testable = any(holds is not None for holds in outcomes)
    too_weak = testable and _weaker(evidence, claim.needs)
    if too_weak or not testable:
        verdict = UNTESTABLE
    elif any(holds is False for holds, _ in threats):
        verdict = NOT
    else:
        verdict = SUPPORTED if all(outcomes) else PARTLY if any(outcomes) else NOT
    reason = terms.pick(language, " ", "").join([_reason(readings, language), *_threats(threats, language)])
    late = {wording.exploratory(findings[i].get("exploratory"), language) for i in claim.behind if i in findings}
    exploratory = sorted(late - {""})
    if too_weak:
        reason = _too_weak(claim, evidence, language) + reason
    sentence = fill(getattr(claim.sentence, language), findings, language)
    reason = terms.pick(language, " ", "").join([*exploratory, reason])
    judged = {"id": claim.id, "verdict": verdict, "evidence": evidence, "reason": reason, "sentence": sentence}
    return judged | ({"exploratory": True} if exploratory else {})


def _weaker(evidence: str | None, needed: str | None) -> bool:
    return needed is not None and evidence is not None and EVIDENCE.index(evidence) > EVIDENCE.index(needed)


def _too_weak(claim: Claim, evidence: str, language: str) -> str:
    needed, found = terms.EVIDENCE[claim.needs][language], terms.EVIDENCE[evidence][language]
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
        why = reasons.said(finding.get("reason") or terms.NO_REASON, language)
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
    if condition.interval == "within_bound":
        return -bound < ci[0] and ci[1] < bound and (condition.alpha is None or p < condition.alpha)
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
    if condition.interval == "within_bound":
        inside = f"{-condition.bound:g}", f"{condition.bound:g}"
        parts.append(terms.pick(language, f"whole interval between {inside[0]} and {inside[1]}",
                                f"整个区间介于 {inside[0]} 与 {inside[1]} 之间"))
    elif condition.bound is not None:
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


def _threats(readings: list[tuple[bool | None, str]], language: str) -> list[str]:
    heads = {True: ("Needed besides, and holds", "另须成立且已成立"),
             False: ("Needed besides, and does not hold", "另须成立但不成立"),
             None: ("Needed besides, but cannot be tested", "另须成立但无法检验")}
    return [terms.pick(language, f"{en}: {text}.", f"{zh}：{text}。")
            for holds, text in readings for en, zh in (heads[holds],)]


def foundations(claims: Claims, findings: dict[str, dict[str, Any]], language: str = "en") -> pd.DataFrame:
    """What each claim rests on: claim, finding, value, evidence."""
    rows = []
    for claim in claims.claims:
        head = _head(getattr(claim.sentence, language))
        for name in claim.behind:
            found = findings.get(name)
            entry = found and found["estimate"]
            value = wording.quantity(entry, language) if entry else terms.pick(language, "none", "无")
            strength = terms.EVIDENCE[found["evidence"]][language] if found else "—"
            label = terms.words(found["label"], language) if found else name
            rows.append((head, label, value, strength))
    return pd.DataFrame(rows, columns=["claim", "finding", "value", "evidence"])


def board(judged: list[dict[str, Any]]) -> pd.DataFrame:
    """For `figures.claims_board`: id, verdict, evidence, and the claim's words up to its numbers (both languages)."""
    short = [{lang: _head(text["sentence"]) + mark(claim, lang)
              for lang, text in claim["words"].items()} for claim in judged]
    rows = [(c["id"], c["verdict"], c["evidence"], text) for c, text in zip(judged, short, strict=True)]
    return pd.DataFrame(rows, columns=["id", "verdict", "evidence", "claim"])


def _head(sentence: str) -> str:
    """What a claim says, up to its numbers."""
    return re.split(r"[:：]", sentence)[0].split("{")[0].strip(" ,(（，")


def table(judged: list[dict[str, Any]], language: str = "en") -> pd.DataFrame:
    """The claims as a table: sentence, verdict, evidence, reason."""
    rows = [(c["words"][language]["sentence"], terms.VERDICTS[c["verdict"]][language] + mark(c, language),
             terms.EVIDENCE[c["evidence"]][language] if c["evidence"] else "—", c["words"][language]["reason"])
            for c in judged]
    return pd.DataFrame(rows, columns=["sentence", "verdict", "evidence", "reason"])


def mark(claim: dict[str, Any], language: str) -> str:
    """What follows the verdict of a claim that rests on something exploratory; else nothing."""
    return terms.pick(language, " (exploratory)", "（探索性）") if claim.get("exploratory") else ""


def paragraphs(judged: list[dict[str, Any]], language: str = "en") -> list[Shown]:
    """Each claim as a paragraph: its sentence, the verdict with the strength of evidence, the reason."""
    rows = zip(*(table(judged, lang).itertuples(index=False) for lang in ("en", "zh")), strict=True)
    return [Shown({lang: f"**{row.verdict}** ({row.evidence}) {row.sentence}\n\n{row.reason}"
                   for lang, row in zip(("en", "zh"), pair, strict=True)}, language) for pair in rows]


def links(
    claims: Claims, findings: dict[str, dict[str, Any]], made: dict[str, list[str]], language: str = "en"
) -> pd.DataFrame:
    """Which exhibits to look at for each claim: those it names, else all of the notebooks its findings come from.

    Parameters
    ----------
    made : dict of stage to names of exhibits

    Raises
    ------
    ClaimError
        If a claim names an exhibit of a notebook that made others, but not this one.
    """
    known, rows = [name for names in made.values() for name in names], []
    faults = [(("claims", i, "exhibits", k), f"no exhibit is called '{name}'{meant(name, known)}")
              for i, claim in enumerate(claims.claims) for k, name in enumerate(claim.exhibits)
              if name not in known and any(made[stage] for stage in made if stage[:2] == name[:2])]
    if faults:
        raise claim_error(claims, faults, "findings/*.json list the exhibits of each notebook")
    for claim in claims.claims:
        stages = sorted({findings[name]["stage"] for name in claim.behind if name in findings})
        named = ", ".join(name for name in claim.exhibits if name in known)
        every = terms.pick(language, "all of them", "全部") if any(made.get(stage) for stage in stages) else "—"
        rows.append((_head(getattr(claim.sentence, language)), ", ".join(stages), named or every))
    return pd.DataFrame(rows, columns=["claim", "where", "exhibits"])


__all__ = ["CONTRACT", "VERDICTS", "Claims", "board", "check", "fill", "foundations", "judge", "links", "load",
           "paragraphs", "recheck", "table"]
