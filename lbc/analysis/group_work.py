"""What is asked of a handful of members: their change between waves, who improved, who should have case work.

Waves and scores come as one long frame (`member`, `wave`, one column per score); the low-loneliness peer is never
pooled with the members who were chosen for high scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from lbc.analysis.agreement import icc_raters
from lbc.analysis.change import Direction, crawford_howell, group_change, reliable_change
from lbc.analysis.selection import expected_fall
from lbc.analysis.untreated import ancova
from lbc.errors import NotEstimableError
from lbc.params import Intervention, RegisteredOutcome, Reliability
from lbc.results import Estimate, Result, Words


def at(scores: pd.DataFrame, score: str, wave: str | None, members: Sequence[str]) -> pd.Series:
    """One score of some members at one wave, indexed by member; NaN where not measured."""
    if wave is None:
        raise NotEstimableError("no measurement was planned for this time")
    if score not in scores:
        raise NotEstimableError(f"the group measures hold no answers to {score}")
    rows = scores[scores["wave"] == wave].set_index("member")[score]
    if rows.dropna().empty:
        raise NotEstimableError(f"nobody was measured at wave {wave}")
    return rows.reindex(members)


def change(
    scores: pd.DataFrame, score: str, first: str, last: str | None, members: Sequence[str], direction: Direction
) -> Result:
    """`change.group_change` of some members between two waves."""
    return group_change(at(scores, score, first, members), at(scores, score, last, members), direction)


def fall_to_expect(chosen: pd.Series, eligible: pd.Series, retest: Reliability) -> Result:
    """How far the mean of the chosen falls by selection alone, over the plausible retest correlations.

    Parameters
    ----------
    chosen, eligible : Series
        Scores on the wave on which the members were chosen: the members, and all children they were chosen from.
    retest : Reliability
        Value used, and the range of plausible values.

    Returns
    -------
    Result
        `estimate` in points, positive = lower later, without a sampling interval. extra: low and high (over the
        plausible correlations), curve (DataFrame: r, expected), selected_mean, population_mean.
    """
    if chosen.dropna().empty or len(eligible.dropna()) < 3:
        raise NotEstimableError("the scores at selection are missing")
    top, mean = chosen.mean(), eligible.mean()
    low, value, high = (expected_fall(top, mean, r) for r in (retest.high, retest.value, retest.low))
    curve = pd.DataFrame({"r": np.linspace(0.3, 1, 71)})
    curve["expected"] = [expected_fall(top, mean, r) for r in curve["r"]]
    method = f"(1 - r) (mean of the chosen - mean of all), r = {retest.value} ({retest.low} to {retest.high})"
    n = {"members": int(chosen.notna().sum()), "children": int(eligible.notna().sum())}
    return Result(method, Estimate("expected fall", value, unit="points"), n=n, reference="Barnett et al. 2005",
                  extra={"low": low, "high": high, "curve": curve, "selected_mean": float(top),
                         "population_mean": float(mean)})


def fall_data(
    scores: pd.DataFrame, score: str, first: str, last: str, members: Sequence[str], eligible: pd.Series,
    retest: Reliability,
) -> tuple[pd.DataFrame, Estimate]:
    """For `figures.expected_fall`: the curve, and the observed fall (positive = lower later) with its interval."""
    curve = fall_to_expect(at(scores, score, first, members), eligible, retest).extra["curve"]
    observed = change(scores, score, first, last, members, "down").estimate
    interval = None if observed.ci is None else (-observed.ci[1], -observed.ci[0])
    return curve, Estimate("observed fall", -observed.value, interval, unit="points")


def against_untreated(
    survey: pd.DataFrame, score: str, later: str, scores: pd.DataFrame, first: str, last: str, members: Sequence[str],
    ids: Mapping[str, str],
) -> Result:
    """Members against untreated children of equal first score: ANCOVA (`untreated.ancova`).

    Parameters
    ----------
    survey : DataFrame
        The children the members were chosen from: `id`, `score` and, from the re-survey, `later`.
    scores : DataFrame
        Group measures; `first` and `last` are the waves of selection and after the group.
    ids : mapping
        Each member's id in the survey; members never count as untreated.
    """
    if later not in survey:
        raise NotEstimableError("no untreated children were measured again, so there is nobody to compare with")
    others = survey[~survey["id"].isin(list(ids.values()))]
    untreated = pd.DataFrame({"pre": others[score], "post": others[later], "treated": 0})
    treated = pd.DataFrame({
        "pre": at(scores, score, first, members), "post": at(scores, score, last, members), "treated": 1})
    return ancova(pd.concat([untreated, treated], ignore_index=True), "post", "pre", "treated")


def reliable(
    scores: pd.DataFrame, score: str, first: str, last: str, members: Sequence[str], sd: float,
    protocol: Intervention, direction: Direction = "down",
) -> pd.DataFrame:
    """Reliable change of each member; `rci_low` and `rci_high` span the plausible reliabilities."""
    pre, post = at(scores, score, first, members), at(scores, score, last, members)
    bounds = (protocol.reliability.low, protocol.reliability.value, protocol.reliability.high)
    low, table, high = (reliable_change(pre, post, sd, r, direction) for r in bounds)
    ends = pd.concat([low["rci"], high["rci"]], axis=1)
    return table.assign(rci_low=ends.min(axis=1), rci_high=ends.max(axis=1)).rename_axis("member").reset_index()


def each_member(table: pd.DataFrame, sd: float, reliability: float) -> dict[str, Result]:
    """The change of each member in points, with the interval that measurement error alone leaves it.

    Parameters
    ----------
    table : DataFrame
        From `reliable`.
    """
    half = stats.norm.ppf(0.975) * sd * np.sqrt(2 * (1 - reliability))
    found = {}
    for member, change, rci, kind in table[["member", "change", "rci", "class"]].itertuples(index=False):
        if pd.isna(change):
            found[member] = Result("reliable change index", None, reason="not measured at both waves")
            continue
        found[member] = Result(
            f"reliable change index, reliability {reliability}: {kind}", n={"member": 1},
            estimate=Estimate("change", float(change), (change - half, change + half), unit="points"),
            effect=Estimate("reliable change index", float(rci)), reference="Jacobson & Truax 1991",
        )
    return found


def member_labels(members: Sequence[str]) -> dict[str, Words]:
    """Labels of the members' findings."""
    return {m: {"en": f"Change of member {m}", "zh": f"成员 {m} 的变化"} for m in members}


def share_unchanged(table: pd.DataFrame) -> Result:
    """Share of members without reliable improvement, with Clopper and Pearson's interval."""
    known = table[table["class"] != "not measured"]
    if known.empty:
        raise NotEstimableError("nobody was measured at both waves")
    without = int((known["class"] != "improved").sum())
    test = stats.binomtest(without, len(known))
    interval = test.proportion_ci(method="exact")
    return Result("members without reliable improvement", n={"members": len(known)},
                  reference="Jacobson & Truax 1991",
                  estimate=Estimate("share", without / len(known), (interval.low, interval.high), unit="share"))


def for_case_work(table: pd.DataFrame) -> str | None:
    """Whom the rule sends to case work: highest after the group among those who did not reliably improve."""
    left = table[table["class"].isin(["unchanged", "deteriorated"])]
    return None if left.empty else str(left.sort_values("post", ascending=False, kind="stable")["member"].iloc[0])


def case_against_others(
    scores: pd.DataFrame, score: str, first: str, last: str | None, case: str, members: Sequence[str]
) -> Result:
    """Change of the case over the case work against the change of the other members in the same weeks."""
    changes = at(scores, score, last, members) - at(scores, score, first, members)
    if pd.isna(changes.get(case)):
        raise NotEstimableError(f"{case} was not measured at both waves")
    return crawford_howell(float(changes[case]), changes.drop(case).dropna())


def outcomes(
    scores: pd.DataFrame, registered: Sequence[RegisteredOutcome], first: str, last: str | None,
    members: Sequence[str],
) -> dict[str, Result]:
    """Change in every registered outcome, whatever came out; a reason where there is none."""
    found = {}
    for outcome in registered:
        try:
            found[outcome.score] = change(scores, outcome.score, first, last, members, outcome.direction)
        except NotEstimableError as error:
            found[outcome.score] = Result("exact sign-flip test", None, reason=str(error))
    return found


def trajectories(scores: pd.DataFrame, score: str, protocol: Intervention) -> pd.DataFrame:
    """For `figures.members`: member, wave, score and kind (member, case, low_peer), waves in the protocol's order."""
    waves = protocol.waves
    every = (waves.screening, waves.before, waves.after_group, waves.after_case, waves.follow_up)
    order = [wave for wave in every if wave]
    table = scores.loc[scores["wave"].isin(order), ["member", "wave", score]].rename(columns={score: "score"})
    table["wave"] = pd.Categorical(table["wave"], order, ordered=True)
    kinds = {protocol.low_peer: "low_peer"} | ({protocol.case.member: "case"} if protocol.case else {})
    table["kind"] = table["member"].map(lambda member: kinds.get(member, "member"))
    return table.sort_values(["wave", "member"]).astype({"wave": str}).reset_index(drop=True)


def attendance(sessions: pd.DataFrame) -> pd.DataFrame:
    """Sessions held and attended and mean feedback of each component: component, sessions, attended, feedback, n."""
    present = sessions[sessions["present"] == 1]
    grouped = sessions.groupby("component", sort=False)
    table = grouped.agg(sessions=("session", "nunique"), attended=("present", "mean"))
    heard = present.groupby("component")["feedback"].agg(feedback="mean", n="count")
    return table.join(heard).fillna({"n": 0}).astype({"n": int}).reset_index()


def rater_agreement(observations: pd.DataFrame) -> pd.DataFrame:
    """Agreement of the observers on each behaviour, single rater, absolute: behaviour, n, icc, low, high, reason."""
    rows = []
    behaviours = observations.drop(columns=["member", "session", "rater"]).select_dtypes("number")
    for name in behaviours:
        ratings = observations.pivot(index=["member", "session"], columns="rater", values=name).dropna()
        try:
            table = icc_raters(ratings).set_index("type")
            icc = table.loc["ICC2"]
            rows.append((name, len(ratings), icc["icc"], icc["low"], icc["high"], ""))
        except NotEstimableError as error:
            rows.append((name, len(ratings), np.nan, np.nan, np.nan, str(error)))
    return pd.DataFrame(rows, columns=["behaviour", "n", "icc", "low", "high", "reason"])


def gaps(logic: pd.DataFrame) -> pd.DataFrame:
    """The chain from cause to measure, and what is missing in each line of it: first empty link, or nothing."""
    links = ["cause", "need", "component", "session", "measure"]
    empty = logic[links].map(lambda text: not str(text).strip())
    missing = [", ".join(row.index[row]) for _, row in empty.iterrows()]
    return logic[["level", *links]].assign(gap=missing)
