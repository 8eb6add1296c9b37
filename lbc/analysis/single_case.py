"""A single case: phases of a log against its baseline, what the eye looks for, how far they overlap, goals reached.

With fewer than three points in a phase overlap is refused (Kratochwill et al. 2013). Whatever the indices say, the
phases of one case show change and not its cause.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from lbc.analysis.drawn_starts import multiple_baseline_test, randomization_test
from lbc.analysis.nonoverlap import Direction, ird, lrr, nap, pand, pem, pnd, smd, tau
from lbc.analysis.phase_trends import baseline_corrected_tau, dual_criteria, piecewise, tau_u, theil_sen
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Words

__all__ = [
    "adequacy", "baseline_corrected_tau", "contrasts", "dual_criteria", "goal_attainment", "indices", "ird", "lrr",
    "multiple_baseline_test", "nap", "note", "pand", "pem", "phases", "piecewise", "pnd", "randomization_test",
    "require_points", "smd", "tau", "tau_u", "theil_sen", "too_few", "visual_table",
]
LEAST = 3
"""Points that every phase must have before overlap is computed."""
NOTES = {
    "baseline trend taken off": "已去除基线趋势", "baseline trend not taken off": "未去除基线趋势",
    "nothing varies": "无变异", "nothing varies once the baseline's trend is taken off": "去除基线趋势后无变异",
    "all points are equal, so there is no Tau-U": "所有数据点相等，无法计算 Tau-U",
    "the baseline does not vary, so there is nothing to standardise with": "基线无变异，无法标准化",
    "a log response ratio needs counts, and at least one that is not 0 in each phase":
        "对数反应比需要计数，且每个阶段至少有一次不为 0",
    "the outcome does not vary around the model": "数据点全部落在回归线上",
    "a line through the baseline needs two times, all of them before the treatment":
        "基线趋势线需要两个时间点，且全部早于干预",
}
"""What may stand in the notes of `indices`, in Chinese."""


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


def contrasts(parts: dict[str, pd.Series], baseline: str = "A") -> dict[str, tuple[pd.Series, list[pd.Series]]]:
    """Every change of phase ("A v B", "B v C") and the baseline against all that followed ("A v all")."""
    names = [baseline, *(name for name in parts if name != baseline)]
    pairs = {f"{one} v {two}": (parts[one], [parts[two]]) for one, two in pairwise(names)}
    if len(names) > 2:
        pairs[f"{baseline} v all"] = (parts[baseline], [parts[name] for name in names[1:]])
    return pairs


def adequacy(points: int) -> str:
    """What the smallest phase allows, by the What Works Clearinghouse standard (Kratochwill et al. 2013).

    >>> [adequacy(n) for n in (2, 3, 5)]
    ['too few points', 'with reservations', 'meets']
    """
    return "meets" if points >= 5 else "with reservations" if points >= LEAST else "too few points"


def require_points(*parts: pd.Series) -> None:
    """Refuse overlap (NotEstimableError) where a phase has fewer than three points."""
    fewest = min(len(part) for part in parts)
    if fewest < LEAST:
        raise NotEstimableError(too_few(fewest)["en"])


def too_few(fewest: int) -> Words:
    """Why there is no overlap."""
    return {
        "en": f"the smallest phase has {fewest} point{'s' * (fewest != 1)}; overlap needs at least {LEAST} in every "
              "phase (What Works Clearinghouse: 5 meet the standard, 3 or 4 meet it with reservations)",
        "zh": f"最短的阶段只有 {fewest} 个数据点；每个阶段至少需要 {LEAST} 个点才能计算重叠"
              "（WWC 标准：5 个点达到要求，3 或 4 个点有保留地达到要求）",
    }


def visual_table(
    frame: pd.DataFrame, outcome: str, direction: Direction, baseline: str = "A", phase: str = "phase",
    time: str | None = None,
) -> pd.DataFrame:
    """What visual analysis looks at, for every change of phase and for the baseline against all that followed.

    Returns
    -------
    DataFrame
        One row per contrast ("A v B", "B v C", ..., "A v all"): n_baseline and n_phase (points of its first and its
        second part), adequate ("meets": five points in every phase; "with reservations": three or four; "too few
        points"), median_baseline, median_phase, change (of medians: level), trend_baseline, trend_phase (Theil-Sen,
        per unit of time), sd_baseline, sd_phase (variability), immediate (median of the first three points minus
        median of the last three before), nap (overlap), beyond and needed (dual criteria), lag1 (autocorrelation of
        the residuals of `piecewise`). What too few points leave open is NaN.

    Raises
    ------
    NotEstimableError
        As `phases`.

    References
    ----------
    Kratochwill et al. 2013; Fisher, Kelley & Lomas 2003; Huitema & McKean 2000.
    """
    pairs = contrasts(phases(frame, outcome, phase, baseline, time), baseline)
    return pd.DataFrame([{"contrast": name} | _seen(a, group, direction) for name, (a, group) in pairs.items()])


def _seen(a: pd.Series, group: list[pd.Series], direction: Direction) -> dict[str, Any]:
    b = pd.concat(group).sort_index(kind="stable")
    row = {
        "n_baseline": len(a), "n_phase": len(b), "adequate": adequacy(min(len(part) for part in (a, *group))),
        "median_baseline": a.median(), "median_phase": b.median(), "change": b.median() - a.median(),
        "trend_baseline": np.nan, "trend_phase": np.nan, "sd_baseline": a.std(), "sd_phase": b.std(),
        "immediate": b.iloc[:3].median() - a.iloc[-3:].median(), "nap": np.nan, "beyond": np.nan, "needed": np.nan,
        "lag1": np.nan,
    }

    def overlap() -> dict[str, float]:
        require_points(a, *group)
        return {"nap": nap(a, b, direction).estimate.value}

    def beyond() -> dict[str, float]:
        found = dual_criteria(a, b, direction).extra
        return {name: float(found[name]) for name in ("beyond", "needed")}

    for measure in (
        lambda: {"trend_baseline": theil_sen(a.index, a)[0]}, lambda: {"trend_phase": theil_sen(b.index, b)[0]},
        overlap, beyond, lambda: {"lag1": piecewise(a, b).extra["lag1"]},
    ):
        try:
            row |= measure()
        except NotEstimableError:
            continue
    return row


def indices(a: pd.Series, b: pd.Series, direction: Direction, count: bool = False) -> pd.DataFrame:
    """Every index of a treatment against its baseline; larger is better but for the changes of level and slope.

    Parameters
    ----------
    a, b : Series
        Points of the baseline and of the treatment, indexed by time.
    direction : {"down", "up"}
    count : bool
        The outcome counts something: adds the log response ratio, for which a score has no zero.

    Returns
    -------
    DataFrame
        index, value, se, low, high, p (NaN where there is none), note (None, or in both languages: whether the
        baseline's trend was taken off, or why a value is missing).

    Raises
    ------
    NotEstimableError
        If a phase has fewer than three points.
    """
    require_points(a, b)
    times = [*a.index, *b.index]
    measures: dict[str, Callable[[], Any]] = {
        "NAP": lambda: nap(a, b, direction), "Tau": lambda: tau(a, b, direction),
        "Tau-U: A v B - trend A": lambda: _variant(a, b, direction, "A vs. B - Trend A"),
        "Tau-U: A v B + trend B": lambda: _variant(a, b, direction, "A vs. B + Trend B"),
        "Tau-U: A v B + trend B - trend A": lambda: _variant(a, b, direction, "A vs. B + Trend B - Trend A"),
        "trend of the baseline (pre-test)": lambda: _pre_test(baseline_corrected_tau(a, b, direction, times)),
        "baseline-corrected Tau": lambda: baseline_corrected_tau(a, b, direction, times),
        "PND": lambda: {"value": pnd(a, b, direction)}, "PEM": lambda: {"value": pem(a, b, direction)},
        "PAND": lambda: {"value": pand(a, b, direction)}, "IRD": lambda: {"value": ird(a, b, direction)},
        "SMD (baseline SD)": lambda: smd(a, b, direction),
    } | ({"log response ratio": lambda: lrr(a, b, direction, "count")} if count else {}) | {
        "change of level": lambda: piecewise(a, b), "change of slope": lambda: _slope(piecewise(a, b)),
    }
    rows = []
    for name, measure in measures.items():
        try:
            found = measure()
            row = _cells(found) if isinstance(found, Result) else found
        except NotEstimableError as reason:
            row = {"note": note(str(reason))}
        rows.append({"index": name} | row)
    columns = ["index", "value", "se", "low", "high", "p", "note"]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype(dict.fromkeys(columns[1:-1], float)).assign(note=[row.get("note") for row in rows])


def _cells(found: Result) -> dict[str, Any]:
    e, more = found.estimate, found.extra
    low, high = e.ci or (np.nan, np.nan)
    row = {"value": e.value, "se": more.get("se", np.nan), "low": low, "high": high}
    row["p"] = np.nan if found.test is None else found.test.p
    if "corrected" in more:
        row["note"] = note("baseline trend taken off" if more["corrected"] else "baseline trend not taken off")
    return row


def note(text: str) -> Words:
    """A reason of these analyses in both languages, as far as `NOTES` has it."""
    return {"en": text, "zh": NOTES.get(text, text)}


def _variant(a: pd.Series, b: pd.Series, direction: Direction, name: str) -> dict[str, float]:
    row = tau_u(a, b, direction).set_index("row").loc[name]
    return {"value": row["tau"], "se": row["se"], "p": row["p"]}


def _pre_test(found: Result) -> dict[str, float]:
    return {"value": found.extra["trend_tau"], "p": found.extra["trend_p"]}


def _slope(found: Result) -> dict[str, float]:
    row = found.extra["coefficients"].set_index("term").loc["slope"]
    return {"value": row["estimate"], "se": row["se"], "low": row["low"], "high": row["high"], "p": row["p"]}


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
