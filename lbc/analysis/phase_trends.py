"""Trends of a single case: Tau-U, the Theil-Sen line, and Tau corrected for the baseline's trend.

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
        test: z of the tau reported. extra: corrected (bool), trend_tau, trend_z, trend_p, slope, intercept,
        tau_uncorrected, p_uncorrected, tau_corrected, p_corrected (both None where nothing varies after correction),
        tau_nonoverlap_detrended (Tau of the detrended phases whatever the pre-test says).

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
        estimate=Estimate("Tau-b", chosen.tau_b()), test=Test("z", chosen.s / chosen.sd, None, chosen.p()),
        n={"baseline": m, "treatment": len(b)}, reference="Tarlow 2017",
        extra={
            "corrected": corrected, "trend_tau": trend.tau_b(), "trend_p": trend.p(),
            "trend_z": trend.s / trend.sd if trend.sd else 0.0, "slope": SIGN[direction] * slope,
            "intercept": SIGN[direction] * intercept, "tau_uncorrected": plain.tau_b(), "p_uncorrected": plain.p(),
            "tau_corrected": cleaned.tau_b() if defined else None, "p_corrected": cleaned.p() if defined else None,
            "tau_nonoverlap_detrended": tau(left[:m], left[m:], "up").estimate.value,
        },
    )
