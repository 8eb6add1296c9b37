"""Trends of a single case: Tau-U, Theil-Sen line, Tau corrected for the baseline's trend, dual criteria, regression.

As in nonoverlap.py, `a` is the baseline, `b` the treatment, and every tau is turned so that larger is better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from lbc.analysis.nonoverlap import SIGN, Direction, tau, turned
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test


@dataclass(frozen=True)
class _Kendall:
    """Kendall's S of y on x: pairs untied in x; how many rise, fall, tie; tau-b's denominator; tie-corrected sd."""

    pairs: int
    rising: int
    falling: int
    tied: int
    denominator: float
    sd: float

    @property
    def s(self) -> int:
        return self.rising - self.falling

    def p(self) -> float:
        """Two-sided, normal, without continuity correction."""
        from scipy.stats import norm

        return float(2 * norm.sf(abs(self.s) / self.sd)) if self.sd > 0 else 1.0

    def tau_b(self) -> float:
        return self.s / self.denominator if self.denominator > 0 else 0.0


def _kendall(x: np.ndarray, y: np.ndarray) -> _Kendall:
    i, j = np.triu_indices(len(x), 1)
    dx, dy = np.sign(x[j] - x[i]), np.sign(y[j] - y[i])
    s, n = dx * dy, len(x)
    u, v = (np.unique(values, return_counts=True)[1] for values in (x, y))
    variance = (n * (n - 1) * (2 * n + 5) - sum((t * (t - 1) * (2 * t + 5)).sum() for t in (u, v))) / 18
    variance += (u * (u - 1)).sum() * (v * (v - 1)).sum() / (2 * n * (n - 1))
    if n > 2:
        thirds = [(t * (t - 1) * (t - 2)).sum() for t in (u, v)]
        variance += thirds[0] * thirds[1] / (9 * n * (n - 1) * (n - 2))
    return _Kendall(
        pairs=int((dx != 0).sum()), rising=int((s > 0).sum()), falling=int((s < 0).sum()),
        tied=int(((dy == 0) & (dx != 0)).sum()), denominator=float(np.sqrt((dx != 0).sum() * (dy != 0).sum())),
        sd=float(np.sqrt(max(variance, 0))),
    )


def tau_u(
    a: Any, b: Any, direction: Direction, method: Literal["parker", "complete", "tarlow"] = "parker"
) -> pd.DataFrame:
    """The six Tau-U variants: contrast of phases and trends, apart and combined.

    Parameters
    ----------
    a, b : array-like (at least two points each)
    direction : {"down", "up"}
    method : {"parker", "complete", "tarlow"}
        What S is divided by. "parker": pairs, but those of the contrast alone where the baseline's trend is taken
        off (so that Tau-U can exceed 1); "complete": tau-b denominators; "tarlow": all pairs, and a
        continuity-corrected z.

    Returns
    -------
    DataFrame
        One row per variant ("A vs. B", "Trend A", "Trend B", "A vs. B - Trend A", "A vs. B + Trend B",
        "A vs. B + Trend B - Trend A"): row, pairs, pos, neg, ties, S, D, tau, se, z, p.

    References
    ----------
    Parker, Vannest, Davis & Sauber 2011; Tarlow 2017; each variant is Kendall's S against a suitable time variable.
    """
    from scipy.stats import norm

    a, b = turned(a, b, direction, least=2)
    m, n = len(a), len(b)
    y, flat_a, flat_b = np.concatenate([a, b]), np.zeros(m), np.ones(n)
    back, forth = -np.arange(1.0, m + 1), np.arange(1.0, n + 1)  # A counts backwards where its trend is taken off
    variants = {
        "A vs. B": (np.concatenate([flat_a, flat_b]), y), "Trend A": (np.arange(m), a), "Trend B": (forth, b),
        "A vs. B - Trend A": (np.concatenate([back, flat_b]), y),
        "A vs. B + Trend B": (np.concatenate([flat_a, forth]), y),
        "A vs. B + Trend B - Trend A": (np.concatenate([back, forth]), y),
    }
    rows = []
    for name, (x, values) in variants.items():
        k = _kendall(x, values)
        contrast = name == "A vs. B - Trend A" and method == "parker"
        pairs = m * n if contrast else k.pairs
        bottom = float(pairs)
        if method == "complete":
            bottom = k.pairs - k.tied / 2 if name == "A vs. B" else k.denominator
        if k.sd == 0 or bottom == 0:
            raise NotEstimableError("all points are equal, so there is no Tau-U")
        size = k.s - np.sign(k.s) if method == "tarlow" else k.s
        z, value = size / k.sd, k.s / bottom
        se = value / z if z else k.sd / bottom
        rows.append({"row": name, "pairs": pairs, "pos": k.rising, "neg": k.falling, "ties": k.tied, "S": k.s,
                     "D": bottom, "tau": value, "se": se, "z": z, "p": 2 * norm.sf(abs(z))})
    return pd.DataFrame(rows)


def theil_sen(times: Any, values: Any) -> tuple[float, float]:
    """Median slope of all pairs, and the median of what is left as intercept (Theil 1950; Sen 1968).

    >>> theil_sen([1, 2, 3, 4, 5], [2, 4, 6, 8, 50])
    (2.0, 0.0)
    """
    times, values = np.asarray(times, float), np.asarray(values, float)
    i, j = np.triu_indices(len(times), 1)
    apart = times[j] != times[i]
    if not apart.any():
        raise NotEstimableError("a trend needs points at two different times")
    slope = float(np.median((values[j] - values[i])[apart] / (times[j] - times[i])[apart]))
    return slope, float(np.median(values - slope * times))


def baseline_corrected_tau(
    a: Any, b: Any, direction: Direction, times: Any = None, alpha: float = 0.05
) -> Result:
    """Tau-b of outcome and phase; the baseline's trend is taken off if (and only if) a pre-test finds one.

    Parameters
    ----------
    a, b : array-like (baseline at least three points)
        Without missing values.
    direction : {"down", "up"}
    times : array-like, optional
        When the points of a and then b were taken; default 1, 2, 3, ...
    alpha : float
        The trend is taken off when Kendall's test of the baseline has p <= alpha.

    Returns
    -------
    Result
        effect: the baseline's trend, turned like the rest. test: z of the tau reported. extra: corrected (bool),
        trend_tau, trend_z, trend_p, slope, intercept, tau_uncorrected, p_uncorrected, tau_corrected, p_corrected
        (both None where nothing varies after correction), tau_nonoverlap_detrended (Tau of the detrended phases
        whatever the pre-test says).

    Raises
    ------
    NotEstimableError
        If the baseline is too short, or nothing varies after the correction that the pre-test calls for.

    Notes
    -----
    Residuals are rounded to 10 decimals, so that equal ones are ties.

    References
    ----------
    Tarlow 2017 (Behavior Modification 41: 427-467).
    """
    a, b = turned(a, b, direction, least=2)
    if len(a) < 3:
        raise NotEstimableError(f"the baseline has {len(a)} points; its trend needs at least 3")
    y, m = np.concatenate([a, b]), len(a)
    times = np.arange(1.0, len(y) + 1) if times is None else np.asarray(times, float)
    if len(times) != len(y):
        raise NotEstimableError(f"{len(times)} times for {len(y)} points")
    phase = np.repeat([0.0, 1.0], [m, len(b)])
    trend = _kendall(times[:m], a)
    slope, intercept = theil_sen(times[:m], a)
    left = np.round(y - intercept - slope * times, 10)
    plain, cleaned = _kendall(phase, y), _kendall(phase, left)
    corrected, defined = trend.p() <= alpha, cleaned.denominator > 0
    chosen = cleaned if corrected else plain
    if chosen.denominator == 0:
        raise NotEstimableError("nothing varies" + " once the baseline's trend is taken off" * corrected)
    return Result(
        method="baseline-corrected Tau, baseline trend " + ("taken off" if corrected else "not taken off"),
        estimate=Estimate("Tau-b", chosen.tau_b()), effect=Estimate("Tau-b of the baseline's trend", trend.tau_b()),
        test=Test("z", chosen.s / chosen.sd, None, chosen.p()),
        n={"baseline": m, "treatment": len(b)}, reference="Tarlow 2017",
        extra={
            "corrected": corrected, "trend_tau": trend.tau_b(), "trend_p": trend.p(),
            "trend_z": trend.s / trend.sd if trend.sd else 0.0, "slope": SIGN[direction] * slope,
            "intercept": SIGN[direction] * intercept, "tau_uncorrected": plain.tau_b(), "p_uncorrected": plain.p(),
            "tau_corrected": cleaned.tau_b() if defined else None, "p_corrected": cleaned.p() if defined else None,
            "tau_nonoverlap_detrended": tau(left[:m], left[m:], "up").estimate.value,
        },
    )


def _in_order(a: pd.Series, b: pd.Series) -> None:
    if not len(a) or not len(b) or a.index.max() > b.index.min() or a.index.nunique() < 2:
        raise NotEstimableError("a line through the baseline needs two times, all of them before the treatment")


def dual_criteria(a: pd.Series, b: pd.Series, direction: Direction, shift: float = 0.25) -> Result:
    """Conservative dual criteria: treatment points beyond both the mean and the trend line of the baseline.

    Both lines (the trend by least squares) are moved by a quarter of the baseline's SD in the direction of
    improvement. A systematic change is one with more points beyond both than a fair coin would give with p < .05.

    Parameters
    ----------
    a, b : Series
        Points of the baseline and of the treatment, indexed by time.
    direction : {"down", "up"}
    shift : float
        In SD of the baseline; 0 gives the plain dual criteria.

    Returns
    -------
    Result
        estimate: share of treatment points beyond both lines. extra: beyond and needed (counts), systematic (bool),
        lines (DataFrame indexed by the times of b: mean_line, trend_line).

    Raises
    ------
    NotEstimableError
        If the baseline has fewer than three points, or the treatment fewer than five: with four no count suffices;
        if the baseline returns later.

    Notes
    -----
    An aid to the eye, not a test: the coin knows neither autocorrelation nor how far the trend line is drawn out.

    References
    ----------
    Fisher, Kelley & Lomas 2003 (Journal of Applied Behavior Analysis 36: 387-406).
    """
    from scipy.stats import binom

    turned(a, b, direction)
    _in_order(a, b)
    if len(a) < 3 or len(b) < 5:
        raise NotEstimableError(f"{len(a)} baseline and {len(b)} treatment points; the dual criteria need 3 and 5")
    slope, intercept = np.polyfit(a.index.to_numpy(float), a.to_numpy(float), 1)
    moved, n = SIGN[direction] * shift * a.std(), len(b)
    lines = pd.DataFrame({"mean_line": a.mean() + moved, "trend_line": intercept + slope * b.index + moved}, b.index)
    past = (SIGN[direction] * lines.rsub(b, axis=0) > 1e-10).all(axis=1)
    needed = next(k for k in range(n + 1) if binom.sf(k - 1, n, 0.5) < 0.05)
    beyond = int(past.sum())
    return Result(
        method=f"conservative dual criteria, lines moved by {shift:g} SD: {needed} of {n} points needed",
        estimate=Estimate("share of points beyond both lines", beyond / n, unit="share"),
        n={"points after": n, "beyond both lines": beyond, "needed": needed},
        reference="Fisher, Kelley & Lomas 2003",
        extra={"beyond": beyond, "needed": needed, "systematic": beyond >= needed, "lines": lines},
    )


def piecewise(a: pd.Series, b: pd.Series, level: float = 0.95) -> Result:
    """Change of level and of slope when the treatment begins, by least squares: y = b0 + b1 T + b2 D + b3 (T - Tb) D.

    Parameters
    ----------
    a, b : Series
        Points of the baseline and of the treatment, indexed by time.
    level : float

    Returns
    -------
    Result
        estimate: change of level at the treatment's first point; effect: change of slope per unit of time, both in
        points of the outcome (not turned). extra: se, coefficients (DataFrame: term, estimate, se, df, t, p, low,
        high), r2, F, durbin_watson, lag1 (autocorrelation of the residuals).

    Raises
    ------
    NotEstimableError
        If a phase has no two times, the baseline returns later, there are no more points than coefficients, or all
        of them lie on the lines.

    Notes
    -----
    Least squares takes the points as independent. Where lag1 is well above 0 (Durbin-Watson well below 2) the
    intervals are too narrow; with ten or twenty points lag1 is itself imprecise, and too low on average.

    References
    ----------
    Huitema & McKean 2000 (Educational and Psychological Measurement 60: 38-58).
    """
    from lbc.analysis.regression import linear

    _in_order(a, b)
    y, time = pd.concat([a, b]).to_numpy(float), np.concatenate([a.index, b.index]).astype(float)
    after = np.repeat([0.0, 1.0], [len(a), len(b)])
    start = b.index.min()
    terms = {"intercept": 1.0, "trend": time - time.min(), "level": after, "slope": (time - start) * after}
    x = pd.DataFrame(terms)
    fit = linear(y, x, "classic")
    e = y - x.to_numpy() @ fit.coef
    table = fit.table(level).set_index("term")
    (change, bend), df = (table.loc[name] for name in ("level", "slope")), len(y) - 4
    return Result(
        method="piecewise regression of two phases, least squares", n={"baseline": len(a), "treatment": len(b)},
        estimate=Estimate("change of level", change["estimate"], (change["low"], change["high"]), level, "points"),
        effect=Estimate("change of slope", bend["estimate"], (bend["low"], bend["high"]), level),
        test=Test("t", change["t"], float(df), change["p"]), reference="Huitema & McKean 2000",
        extra={"coefficients": table.reset_index(), "se": change["se"], "r2": fit.r2,
               "F": fit.r2 / (1 - fit.r2) * df / 3,
               "durbin_watson": float((np.diff(e) ** 2).sum() / (e**2).sum()),
               "lag1": float((e[1:] * e[:-1]).sum() / (e**2).sum())},
    )
