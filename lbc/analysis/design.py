"""Which analysis of the group follows from how members were chosen and whom they are compared with, and what it says.

The sentences stand in `design.csv`: one for each part of the work, variant of the design and column of the table.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from lbc.analysis.group_work import at, fall_to_expect
from lbc.analysis.untreated import ancova, pre_post_control
from lbc.errors import NotEstimableError
from lbc.params import Intervention
from lbc.results import Evidence, Result, Test, Words

ALLOCATIONS = 199_999  # ways in which the lot could have fallen: all of them up to here, else so many drawn
LATER = "resurvey"
COLUMNS = ("analysis", "may_say", "cannot_say")


@cache
def texts() -> dict[tuple[str, str, str], Words]:
    """The sentences of `design.csv` by part, variant and column."""
    with Path(__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {(row["part"], row["variant"], row["column"]): {"en": row["en"], "zh": row["zh"]} for row in rows}


def in_group(scores: pd.DataFrame, protocol: Intervention) -> pd.DataFrame:
    """The group measures of those who had the group: without the children they are compared with."""
    return scores[~scores["member"].isin(protocol.comparison_members)].reset_index(drop=True)


def chosen(scores: pd.DataFrame, protocol: Intervention) -> list[str]:
    """The members to be analysed together: neither the low-loneliness peer nor those they are compared with."""
    return [member for member in sorted(in_group(scores, protocol)["member"].unique()) if member != protocol.low_peer]


def evidence(protocol: Intervention) -> Evidence:
    """The strength of evidence that the design gives the primary analysis."""
    if protocol.comparison == "none":
        return "uncontrolled change"
    return "randomised comparison" if protocol.allocation == "lottery" else "adjusted comparison"


def expected_fall(
    eligible: pd.DataFrame, score: str, scores: pd.DataFrame, protocol: Intervention
) -> Result:
    """How far members chosen by score fall by selection alone; `group_work.fall_to_expect`.

    Raises
    ------
    NotEstimableError
        If no score chose the members, or the scores at selection are missing.
    """
    if protocol.selection != "top_scores":
        raise NotEstimableError("no score chose the members, so the fall by selection alone cannot be computed")
    first, members = protocol.waves.screening, chosen(scores, protocol)
    return fall_to_expect(scores, score, first, members, eligible[score], protocol.retest)


def together(
    eligible: pd.DataFrame, score: str, scores: pd.DataFrame, protocol: Intervention, ids: Mapping[str, str]
) -> pd.DataFrame:
    """Members and the children they are compared with, at selection and at the end of the group.

    Parameters
    ----------
    eligible : DataFrame
        The surveyed children who could have been chosen: `id`, `score` and, re-surveyed, `<score>@resurvey`.
    scores : DataFrame
        Group measures of everybody, a waiting list included: member, wave, scores.
    ids : mapping
        Each member's id in the survey; nobody in the group measures counts as untreated.

    Returns
    -------
    DataFrame
        pre, post, treated (0/1), one row per child.

    Raises
    ------
    NotEstimableError
        If the comparison that the protocol names was not measured.
    """
    if protocol.comparison == "none":
        raise NotEstimableError(texts()["group", protocol.selection, "reason"]["en"])
    w, members = protocol.waves, chosen(scores, protocol)
    pre, post = (at(scores, score, wave, members) for wave in (w.screening, w.after_group))
    treated = pd.DataFrame({"pre": pre, "post": post, "treated": 1})
    if protocol.comparison_members:
        others = [at(scores, score, wave, protocol.comparison_members) for wave in (w.screening, w.after_group)]
        untreated = pd.DataFrame({"pre": others[0], "post": others[1], "treated": 0})
        return pd.concat([treated, untreated], ignore_index=True)
    later = f"{score}@{LATER}"
    if later not in eligible:
        raise NotEstimableError("no untreated children were measured again, so there is nobody to compare with")
    others = eligible[~eligible["id"].isin(list(ids.values()))].dropna(subset=[score, later])
    if protocol.comparison == "matched":
        others = others.sort_values([score, "id"], ascending=[False, True], kind="stable").head(len(members))
    untreated = pd.DataFrame({"pre": others[score], "post": others[later], "treated": 0})
    return pd.concat([treated, untreated], ignore_index=True)


def primary(
    eligible: pd.DataFrame, score: str, scores: pd.DataFrame, protocol: Intervention, ids: Mapping[str, str],
    rng: np.random.Generator,
) -> Result:
    """The analysis that the protocol makes primary.

    Chosen by score, or from a waiting list: analysis of covariance. Chosen otherwise: analysis of covariance and the
    difference of gains, of which the one with the larger p counts, with an interval that holds both intervals: right
    as long as one of their assumptions holds (van Breukelen 2013; intersection-union test, Berger 1982). Where lot
    drew who waited, p is that of the randomisation test. Without a comparison there is no estimate.

    Parameters
    ----------
    rng
        Draws allocations where there are more than 199,999 of them.
    others
        As `together`.

    Returns
    -------
    Result
        As `untreated.ancova` or `untreated.pre_post_control`; extra holds, where both were made, `other` (Result).

    Raises
    ------
    NotEstimableError
        As `together` and these functions.
    """
    if protocol.comparison == "none":
        return Result("none", None, reason=texts()["group", protocol.selection, "reason"])
    frame = together(eligible, score, scores, protocol, ids)
    found = ancova(frame, "post", "pre", "treated")
    if protocol.allocation == "lottery":
        return replace(found, method=f"{found.method}; p by randomisation", test=lot(frame, rng))
    if protocol.selection == "top_scores" or protocol.comparison == "waitlist":
        return found
    gains = pre_post_control(frame, "pre", "post", "treated")
    careful, other = sorted((found, gains), key=lambda result: -result.test.p)
    ends = [end for result in (found, gains) for end in result.estimate.ci]
    method = f"the more cautious of covariance analysis and difference of gains: {careful.method}"
    return replace(careful, estimate=replace(careful.estimate, ci=(min(ends), max(ends))), method=method,
                   extra=careful.extra | {"other": other})


def lot(frame: pd.DataFrame, rng: np.random.Generator) -> Test:
    """Randomisation test of who had the group first: difference of the residuals of post on pre, two-sided.

    The residuals are those of the line through all children, which is the same however the lot falls; so p is exact,
    whatever the scores' distribution (Edgington & Onghena 2007).

    Parameters
    ----------
    frame : DataFrame
        As `together` gives it.
    """
    data = frame.dropna().astype(float)
    if min((data["treated"] == value).sum() for value in (0, 1)) < 2 or data["pre"].nunique() < 2:
        raise NotEstimableError("at least two children on either side, with different first scores, are needed")
    line = stats.linregress(data["pre"], data["post"])
    residuals = (data["post"] - line.intercept - line.slope * data["pre"]).round(9)
    sides: Sequence[pd.Series] = [residuals[data["treated"] == value] for value in (1, 0)]

    def apart(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
        return np.abs(x.mean(axis=axis) - y.mean(axis=axis)).round(9)

    found = stats.permutation_test(sides, apart, vectorized=True, alternative="greater", n_resamples=ALLOCATIONS,
                                   batch=10_000, rng=rng)
    difference = float(sides[0].mean() - sides[1].mean())
    return Test("randomization, two-sided", difference, None, float(found.pvalue))


def points(log: pd.DataFrame | None, outcome: str) -> dict[str, int]:
    """Rated points in each phase of the case log; empty where there is no log or nothing was rated."""
    if log is None or outcome not in log:
        return {}
    return {str(phase): int(n) for phase, n in log.groupby("phase", sort=False)[outcome].count().items()}


def says(protocol: Intervention, log: pd.DataFrame | None, language: str = "en") -> pd.DataFrame:
    """What the design of group and case work allows one to say, part by part; the same sentences for the same design.

    Parameters
    ----------
    protocol : Intervention
    log : DataFrame or None
        The case log: phase and the rated outcome; None where there is none.
    language : {"en", "zh"}

    Returns
    -------
    DataFrame
        part, analysis, may_say, cannot_say: text.
    """
    counts = points(log, protocol.case.outcome) if protocol.case else {}
    text, fewest = texts(), min(counts.values(), default=None)
    start = "drawn" if protocol.case and protocol.case.start_drawn else "not_drawn"
    holes = {"n": fewest, "reason": text["group", protocol.selection, "reason"][language],
             "cause": text["case", start, "cause"][language]}
    rows = [[text[part, "", "part"], *(text[part, variant, column] for column in COLUMNS)]
            for part, variant in _variants(protocol, fewest)]
    filled = [[words[language].format(**holes) for words in row] for row in rows]
    return pd.DataFrame(filled, columns=["part", *COLUMNS])


def _variants(protocol: Intervention, fewest: int | None) -> list[tuple[str, str]]:
    """Which sentences of each part apply; `fewest` is the number of points in the case's shortest phase."""
    by_score, kind, waves = protocol.selection == "top_scores", protocol.comparison, protocol.waves
    if kind == "none":
        group = "none_by_score" if by_score else "none"
    elif kind == "waitlist":
        group = "lottery" if protocol.allocation == "lottery" else "waitlist"
    else:
        group = kind if by_score else "not_by_score"
    if protocol.case is None:
        case = "none"
    elif fewest is None:
        case = "unknown"
    else:
        case = "too_few" if fewest < 3 else "few" if fewest < 5 else "enough"
    return [
        ("group", group), ("member", "planned"), ("programme", "planned" if waves.after_case else "none"),
        ("follow_up", "planned" if waves.follow_up else "none"), ("case", case),
        ("both", "case" if protocol.case else "none"),
    ]
