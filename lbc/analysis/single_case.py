"""The child who had case work: phases of a log against its baseline, goals reached, starts drawn at random."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd

from lbc.analysis.nonoverlap import SIGN, Direction, ird, lrr, nap, pand, pem, pnd, smd, tau
from lbc.analysis.phase_trends import baseline_corrected_tau, tau_u, theil_sen
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test

__all__ = [
    "adequacy", "baseline_corrected_tau", "goal_attainment", "ird", "lrr", "multiple_baseline_test", "nap",
    "overlap_table", "pand", "pem", "phases", "pnd", "randomization_test", "smd", "tau", "tau_u", "theil_sen",
]
MOST_ASSIGNMENTS = 1_000_000


def phases(
    frame: pd.DataFrame, outcome: str, phase: str = "phase", baseline: str = "A", time: str | None = None
) -> dict[str, pd.Series]:
    """The points of each phase, in order of the log, the baseline first.

    Parameters
    ----------
    frame : DataFrame
        One row per day or week.
    outcome, phase : str
        Columns.
    baseline : str
        The phase that is the baseline. Where it returns later (A-B-A-B), its points are taken together.
    time : str, optional
        Column of numbers; default: the row's place in the log, 1, 2, 3, ... (rows without an outcome count as time).

    Returns
    -------
    dict of str to Series
        Phase to points, indexed by time, missing ones dropped.

    Raises
    ------
    NotEstimableError
        If a column, the baseline, or every other phase is missing.
    """
    if absent := [name for name in (outcome, phase, *([time] if time else [])) if name not in frame]:
        raise NotEstimableError(f"the log has no column {', '.join(absent)}")
    when = frame[time].to_numpy(float) if time else np.arange(1.0, len(frame) + 1)
    log = pd.DataFrame({"phase": frame[phase].to_numpy(), "value": frame[outcome].to_numpy(float), "time": when})
    log = log.dropna().sort_values("time", kind="stable")
    names = [baseline, *(name for name in log["phase"].unique() if name != baseline)]
    if baseline not in set(log["phase"]):
        raise NotEstimableError(f"the log has no points in the baseline phase '{baseline}'")
    if len(names) < 2:
        raise NotEstimableError("the log has a baseline only: nothing to compare it with")
    return {str(name): log[log["phase"] == name].set_index("time")["value"] for name in names}


def overlap_table(
    frame: pd.DataFrame, outcome: str, direction: Direction, baseline: str = "A", phase: str = "phase",
    time: str | None = None, level: float = 0.95,
) -> pd.DataFrame:
    """Each phase against the baseline, and all phases together.

    Returns
    -------
    DataFrame
        One row per contrast ("A v B", "A v C", ..., "A v all" where there are several): contrast, n_baseline,
        n_phase, median_baseline, median_phase, change (of medians), trend_baseline, trend_phase (Theil-Sen, per unit
        of time), immediate (median of the phase's first three points minus that of the baseline's last three), nap,
        nap_low, nap_high, tau, tau_low, tau_high, pnd, pem, ird, bc_tau, bc_p, corrected (was the baseline's trend
        taken off), adequate ("meets", "with reservations", "too few points": at least five, three or four, or fewer
        points in every phase concerned; Kratochwill et al. 2013), note (why something is empty).

    Raises
    ------
    NotEstimableError
        As `phases`.
    """
    parts = phases(frame, outcome, phase, baseline, time)
    a, treated = parts[baseline], {name: part for name, part in parts.items() if name != baseline}
    contrasts = {f"{baseline} v {name}": [part] for name, part in treated.items()}
    if len(treated) > 1:
        contrasts[f"{baseline} v all"] = list(treated.values())
    return pd.DataFrame([
        {"contrast": name} | _contrast(a, group, direction, level) for name, group in contrasts.items()
    ])


def _contrast(a: pd.Series, group: list[pd.Series], direction: Direction, level: float) -> dict[str, Any]:
    b = pd.concat(group).sort_index()
    fewest = min(len(part) for part in (a, *group))
    row: dict[str, Any] = {
        "n_baseline": len(a), "n_phase": len(b), "median_baseline": a.median(), "median_phase": b.median(),
        "change": b.median() - a.median(), "trend_baseline": np.nan, "trend_phase": np.nan,
        "immediate": b.iloc[:3].median() - a.iloc[-3:].median(),
    }
    row |= dict.fromkeys(("nap", "nap_low", "nap_high", "tau", "tau_low", "tau_high"), np.nan)
    row |= {"pnd": pnd(a, b, direction), "pem": pem(a, b, direction), "ird": ird(a, b, direction)}
    row |= {"bc_tau": np.nan, "bc_p": np.nan, "corrected": False, "adequate": adequacy(fewest)}
    reasons: dict[str, None] = {}

    def fill(measure: Callable[[], dict[str, Any]]) -> None:
        try:
            row.update(measure())
        except NotEstimableError as reason:
            reasons[str(reason)] = None

    fill(lambda: {"trend_baseline": theil_sen(a.index, a)[0]})
    fill(lambda: {"trend_phase": theil_sen(b.index, b)[0]})
    fill(lambda: _limits("nap", nap(a, b, direction, level)))
    fill(lambda: _limits("tau", tau(a, b, direction, level)))
    fill(lambda: _corrected(baseline_corrected_tau(a, b, direction, [*a.index, *b.index])))
    return row | {"note": "; ".join(reasons)}


def _limits(name: str, found: Result) -> dict[str, float]:
    low, high = found.estimate.ci
    return {name: found.estimate.value, f"{name}_low": low, f"{name}_high": high}


def _corrected(found: Result) -> dict[str, Any]:
    return {"bc_tau": found.estimate.value, "bc_p": found.test.p, "corrected": found.extra["corrected"]}


def adequacy(points: int) -> str:
    """What the smallest phase allows, by the What Works Clearinghouse standard (Kratochwill et al. 2013).

    >>> [adequacy(n) for n in (2, 3, 5)]
    ['too few points', 'with reservations', 'meets']
    """
    return "meets" if points >= 5 else "with reservations" if points >= 3 else "too few points"


def goal_attainment(
    weights: Sequence[float], levels: Sequence[float], rho: float = 0.3, before: Sequence[float] | None = None
) -> Result:
    """Goal attainment T score: 50 when all goals are reached as expected, about 10 more or less per level.

    T = 50 + 10 sum(w x) / sqrt((1 - rho) sum(w^2) + rho (sum w)^2).

    Parameters
    ----------
    weights : sequence of float
        Importance of each goal, positive.
    levels : sequence of float
        Level reached, -2 (much less than expected) to +2.
    rho : float
        Assumed correlation between goals.
    before : sequence of float, optional
        Levels at the start.

    Returns
    -------
    Result
        extra, where `before` is given: before (T at the start) and change.

    Raises
    ------
    NotEstimableError
        If there are no goals, lengths differ, a weight is not positive, or a level lies outside -2 to 2.

    References
    ----------
    Kiresuk & Sherman 1968.
    """
    w = np.asarray(weights, float)
    if not 0 <= rho < 1 or not len(w) or not (w > 0).all():
        raise NotEstimableError("goal attainment needs goals with positive weights, and a rho from 0 to below 1")

    def score(reached: Sequence[float]) -> float:
        x = np.asarray(reached, float)
        if len(x) != len(w) or not (np.abs(x) <= 2).all():
            raise NotEstimableError("every goal needs a level from -2 to 2")
        return float(50 + 10 * (w @ x) / np.sqrt((1 - rho) * (w @ w) + rho * w.sum() ** 2))

    end = score(levels)
    extra = {} if before is None else {"before": score(before), "change": end - score(before)}
    return Result(
        method="goal attainment scaling", estimate=Estimate("T score", end), n={"goals": len(w)},
        reference="Kiresuk & Sherman 1968", extra=extra,
    )


def randomization_test(
    series: Mapping[str, Any], starts: Mapping[str, int], direction: Direction, limit: int = 5
) -> Result:
    """Exact test of mean(B) - mean(A) when the first treatment point of each case was drawn at random.

    Only if it was: without a drawn start the p value means nothing (Edgington & Onghena 2007).

    Parameters
    ----------
    series : dict of str to array-like
        Case to all its points in order.
    starts : dict of str to int
        Case to its number of baseline points.
    direction : {"down", "up"}
    limit : int
        Smallest number of points allowed in a phase when the start was drawn.

    Returns
    -------
    Result
        One-sided p: share of all combinations of starts with at least the observed mean difference, improvement
        positive. extra: assignments (their number), by_case (case to all its differences), distribution.

    Raises
    ------
    NotEstimableError
        If a point is missing, an observed start could not have been drawn, or there are more than a million
        combinations.

    References
    ----------
    Edgington & Onghena 2007.
    """
    by_case = {}
    for name, y in _complete(series, direction).items():
        allowed = range(limit, len(y) - limit + 1)
        if starts[name] not in allowed:
            raise NotEstimableError(f"{name}: with {len(y)} points a start after {starts[name]} could not be drawn")
        by_case[name] = np.array([y[k:].mean() - y[:k].mean() for k in allowed])
    assignments = int(np.prod([float(len(values)) for values in by_case.values()]))
    if assignments > MOST_ASSIGNMENTS:
        raise NotEstimableError(f"{assignments} combinations of starts are too many")
    distribution = reduce(np.add.outer, by_case.values()).ravel() / len(by_case)
    observed = float(np.mean([by_case[name][starts[name] - limit] for name in by_case]))
    extra = {"by_case": by_case, "assignments": assignments, "distribution": distribution}
    return _randomized("randomization test of starts", "Edgington & Onghena 2007", observed, len(by_case), extra)


def multiple_baseline_test(
    series: Mapping[str, Any], starts: Mapping[str, int], direction: Direction,
    statistic: Callable[[np.ndarray], float] = np.mean,
) -> Result:
    """Exact test when staggered starts were dealt to the cases at random (Wampold & Worsham 1986).

    Parameters are those of `randomization_test`; `statistic` summarises a phase (np.mean or np.median). The extra
    `distribution` begins with the observed assignment.
    """
    turned = _complete(series, direction)
    lengths = [starts[name] for name in turned]
    if max(lengths) >= min(len(y) for y in turned.values()) or min(lengths) < 1:
        raise NotEstimableError("every start must leave each case at least one point in both phases")
    if len(turned) > 9:
        raise NotEstimableError(f"{len(turned)} cases have too many orders")
    distribution = np.array([
        np.mean([statistic(y[k:]) - statistic(y[:k]) for y, k in zip(turned.values(), dealt, strict=True)])
        for dealt in permutations(lengths)
    ])
    extra = {"assignments": len(distribution), "distribution": distribution}
    return _randomized(
        "randomization test of staggered starts", "Wampold & Worsham 1986", float(distribution[0]), len(turned), extra
    )


def _complete(series: Mapping[str, Any], direction: Direction) -> dict[str, np.ndarray]:
    turned = {name: SIGN[direction] * np.asarray(values, float) for name, values in series.items()}
    if gaps := [name for name, y in turned.items() if np.isnan(y).any()]:
        raise NotEstimableError(f"{', '.join(gaps)}: a randomization test needs every point")
    return turned


def _randomized(method: str, reference: str, observed: float, cases: int, extra: dict[str, Any]) -> Result:
    p = float((extra["distribution"] >= observed - 1e-10).mean())
    return Result(
        method=method, estimate=Estimate("mean difference", observed), n={"cases": cases}, reference=reference,
        test=Test("randomization, one-sided", observed, None, p), extra=extra,
    )
