"""What is asked of a handful of members: their change between waves, who improved, who should have case work.

Waves and scores come as one long frame (`member`, `wave`, one column per score); the low-loneliness peer is never
pooled with the members who were chosen for high scores. Comparisons with other children begin in `design`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from lbc.analysis.change import group_change
from lbc.analysis.groups import attempt, result
from lbc.analysis.reliable import Direction, clinical_cutoffs, rci_band, reliable_bar, reliable_change
from lbc.analysis.selection import expected_fall, mee_chua, regression_to_mean
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


def planned(protocol: Intervention) -> list[str]:
    """The waves of measurement that the protocol plans, in their order."""
    w = protocol.waves
    return [wave for wave in (w.screening, w.before, w.after_group, w.after_case, w.follow_up) if wave]


def fall_to_expect(
    scores: pd.DataFrame, score: str, first: str, members: Sequence[str], eligible: pd.Series, retest: Reliability
) -> Result:
    """How far the mean of the chosen falls by selection alone, over the plausible retest correlations.

    Parameters
    ----------
    first : str
        The wave on which the members were chosen.
    eligible : Series
        Scores on that wave of all children they were chosen from.
    retest : Reliability
        Value used, and the range of plausible values.

    Returns
    -------
    Result
        `estimate` in points, positive = lower later, without a sampling interval. extra: low and high (over the
        plausible correlations), curve (DataFrame: r, expected), selected_mean, population_mean.
    """
    chosen = at(scores, score, first, members)
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
    expected: Result | NotEstimableError, scores: pd.DataFrame, score: str, first: str, last: str,
    members: Sequence[str],
) -> tuple[pd.DataFrame, Estimate]:
    """For `figures.expected_fall`: the curve, and the observed fall (positive = lower later) with its interval.

    Parameters
    ----------
    expected : Result or NotEstimableError
        Of `fall_to_expect`, or why there is none.
    """
    if isinstance(expected, NotEstimableError):
        raise NotEstimableError(str(expected))
    observed = change(scores, score, first, last, members, "down").estimate
    interval = None if observed.ci is None else (-observed.ci[1], -observed.ci[0])
    return expected.extra["curve"], Estimate("observed fall", -observed.value, interval, unit="points")


UNCONTROLLED: dict[str, Words] = {
    "change": {"en": "Change from screening to the end of the group (naive)",
               "zh": "从筛查到小组结束的变化（未校正）"},
    "beyond_selection": {"en": "Change beyond the fall expected from selection (retest correlation taken as known)",
                         "zh": "超出因选取而预期回落的变化（视重测相关为已知）"},
    "mee_chua": {"en": "Change beyond regression to the mean by the members' own line (Mee-Chua)",
                 "zh": "由组员自身回归线得出的超出向均值回归的变化（Mee-Chua）"},
}


def uncontrolled(
    scores: pd.DataFrame, score: str, protocol: Intervention, members: Sequence[str], eligible: pd.Series,
    direction: Direction = "down",
) -> dict[str, Result]:
    """What the members alone can show by the end of the group, by the keys of `UNCONTROLLED`.

    Their change from the screening, and two ways to take regression to the mean out of it (`selection`), which
    suppose that a score chose them.
    """
    first, last, r = protocol.waves.screening, protocol.waves.after_group, protocol.retest

    def beyond_selection() -> Result:
        return regression_to_mean(*ends(), eligible, r.low, r.value, r.high)

    def own_line() -> Result:
        return mee_chua(*ends(), eligible)

    def ends() -> tuple[pd.Series, pd.Series]:
        if protocol.selection != "top_scores":
            raise NotEstimableError("no score chose the members, so the fall by selection alone cannot be computed")
        return at(scores, score, first, members), at(scores, score, last, members)

    return {"change": result(change, scores, score, first, last, members, direction),
            "beyond_selection": result(beyond_selection), "mee_chua": result(own_line)}


def mee_chua_curve(found: Result) -> tuple[pd.DataFrame, float, tuple[float, float]]:
    """For `figures.mee_chua`, from the result "mee_chua" of `uncontrolled`: curve, the mean and its interval.

    Raises
    ------
    NotEstimableError
        If it has no estimate.
    """
    if found.estimate is None:
        raise NotEstimableError(str(found.reason))
    x = found.extra
    return x["curve"], x["mu"], (x["mu_low"], x["mu_high"])


def reliable(
    scores: pd.DataFrame, score: str, first: str, last: str | None, members: Sequence[str], sd: float,
    protocol: Intervention, direction: Direction = "down", mean: float | None = None, norm: pd.Series | None = None,
) -> pd.DataFrame:
    """Reliable change of each member; `rci_low` and `rci_high` span the plausible reliabilities.

    Parameters
    ----------
    sd, mean : float
        Of all surveyed children; with the mean the index is also corrected for regression to it.
    norm : Series, optional
        Scores of the children not left-behind, the only local norm: adds `clinical`, by cut-off c between them and
        the members at the first wave.

    Returns
    -------
    DataFrame
        member, then as `reliable.reliable_change`; rci_low, rci_high, smallest (reliable change in points) and, with
        a norm, cutoff.
    """
    pre, post = at(scores, score, first, members), at(scores, score, last, members)
    cut = None if norm is None else attempt(clinical_cutoffs, pre.mean(), pre.std(), norm.mean(), norm.std())[0]
    r = protocol.reliability
    low, table, high = (reliable_change(pre, post, sd, value, direction, cut["c"] if cut else None, mean)
                        for value in (r.low, r.value, r.high))
    ends = pd.concat([low["rci"], high["rci"]], axis=1)
    table = table.assign(rci_low=ends.min(axis=1), rci_high=ends.max(axis=1),
                         smallest=reliable_bar(sd, r.value).smallest)
    return (table.assign(cutoff=cut["c"]) if cut else table).rename_axis("member").reset_index()


def fared(
    scores: pd.DataFrame, score: str, first: str, last: str | None, members: Sequence[str], sd: float,
    protocol: Intervention, direction: Direction = "down", mean: float | None = None, norm: pd.Series | None = None,
) -> pd.DataFrame:
    """`reliable`; where nobody was measured twice, every member as "not measured"."""
    found, _ = attempt(reliable, scores, score, first, last, members, sd, protocol, direction, mean, norm)
    absent = dict.fromkeys(["pre", "post", "change", "rci"], np.nan)
    return pd.DataFrame({"member": list(members)}).assign(**absent, **{"class": "not measured"}) \
        if found is None else found


def measured(table: pd.DataFrame) -> pd.DataFrame:
    """The members with both scores.

    Raises
    ------
    NotEstimableError
        If there are none.
    """
    known = table[table["class"] != "not measured"]
    if known.empty:
        raise NotEstimableError("nobody was measured at both waves")
    return known


def reliable_counts(
    scores: pd.DataFrame, score: str, first: str, last: str, members: Sequence[str], sd: float,
    protocol: Intervention, direction: Direction = "down", mean: float | None = None,
) -> pd.DataFrame:
    """`reliable.rci_band` over the plausible reliabilities, and at the retest correlation in place of one."""
    r = protocol.reliability
    used = sorted({protocol.retest.value, r.low, r.value, r.high})
    return rci_band(at(scores, score, first, members), at(scores, score, last, members), sd, used, direction, mean)


def each_member(table: pd.DataFrame, sd: float, reliability: float) -> dict[str, Result]:
    """The change of each member in points, with the interval that measurement error alone leaves it.

    Parameters
    ----------
    table : DataFrame
        From `reliable`.
    """
    half = float(stats.norm.ppf(0.975) * sd * np.sqrt(2 * (1 - reliability)))
    found = {}
    for row in table.to_dict("records"):
        member, change, rci, kind = (row[name] for name in ("member", "change", "rci", "class"))
        if pd.isna(change):
            found[member] = Result("reliable change index", None, reason="not measured at both waves")
            continue
        found[member] = Result(
            f"reliable change index, reliability {reliability}: {kind}", n={"member": 1},
            estimate=Estimate("change", float(change), (change - half, change + half), unit="points"),
            effect=Estimate("reliable change index", float(rci)), reference="Jacobson & Truax 1991",
            extra={name: row[name] for name in ("rci_corrected", "class_corrected", "clinical") if name in row},
        )
    return found


def member_labels(members: Sequence[str]) -> dict[str, Words]:
    """Labels of the members' findings."""
    return {m: {"en": f"Change of member {m}", "zh": f"组员 {m} 的变化"} for m in members}


def shares(table: pd.DataFrame) -> dict[str, Result]:
    """Shares of members without reliable improvement and of those reliably worse, by the keys of `SHARES`."""
    return {"unchanged": result(_share, table, ["unchanged", "deteriorated"]),
            "deteriorated": result(_share, table, ["deteriorated"])}


def _share(table: pd.DataFrame, classes: list[str]) -> Result:
    those = measured(table)["class"].isin(classes)
    interval = stats.binomtest(int(those.sum()), len(those)).proportion_ci(method="exact")
    return Result(f"members {' or '.join(classes)}", n={"members": len(those)},
                  reference="Jacobson & Truax 1991; interval: Clopper & Pearson 1934",
                  estimate=Estimate("share", float(those.mean()), (interval.low, interval.high), unit="share"))


SHARES: dict[str, Words] = {
    "unchanged": {"en": "Members without reliable improvement after the group", "zh": "小组后无可靠改善的组员"},
    "deteriorated": {"en": "Members reliably worse after the group", "zh": "小组后可靠恶化的组员"},
}


def for_case_work(table: pd.DataFrame) -> str | None:
    """Whom the rule sends to case work: highest after the group among those who did not reliably improve."""
    left = table[table["class"].isin(["unchanged", "deteriorated"])]
    return None if left.empty else str(left.sort_values("post", ascending=False, kind="stable")["member"].iloc[0])


def outcomes(
    scores: pd.DataFrame, registered: Sequence[RegisteredOutcome], first: str, last: str | None,
    members: Sequence[str],
) -> dict[str, Result]:
    """Change in every registered outcome, whatever came out; a reason where there is none."""
    return {
        o.score: result(change, scores, o.score, first, last, members, o.direction) for o in registered
    }


def trajectories(scores: pd.DataFrame, score: str, protocol: Intervention) -> pd.DataFrame:
    """For `figures.members`: member, wave, score and kind (member, case, low_peer), waves in the protocol's order."""
    order = planned(protocol)
    table = scores.loc[scores["wave"].isin(order), ["member", "wave", score]].rename(columns={score: "score"})
    table["wave"] = pd.Categorical(table["wave"], order, ordered=True)
    kinds = {protocol.low_peer: "low_peer"} | ({protocol.case.member: "case"} if protocol.case else {})
    table["kind"] = table["member"].map(lambda member: kinds.get(member, "member"))
    return table.sort_values(["wave", "member"]).astype({"wave": str}).reset_index(drop=True)
