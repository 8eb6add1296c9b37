"""Effect sizes of a single case: baseline values `a` against treatment values `b`, in order of time.

`direction` says which way is improvement ("down" for loneliness); every measure is turned so that larger is better.
The points of one case depend on each other, so intervals and p values describe rather than prove (Shadish & Sullivan
2011), and none of these measures tells the treatment from whatever else happened meanwhile.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result

Direction = Literal["down", "up"]
SIGN = {"up": 1.0, "down": -1.0}


def turned(a: Any, b: Any, direction: Direction, least: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Both phases as floats without missing values, larger = better.

    Raises
    ------
    NotEstimableError
        If a phase has fewer than `least` points, or the direction is neither "down" nor "up".
    """
    if direction not in SIGN:
        raise NotEstimableError(f"the direction of improvement is 'down' or 'up', not '{direction}'")
    pair = []
    for name, values in (("baseline", a), ("treatment", b)):
        values = np.asarray(values, float)
        values = SIGN[direction] * values[~np.isnan(values)]
        if len(values) < least:
            raise NotEstimableError(f"the {name} phase has {len(values)} points; at least {least} are needed")
        pair.append(values)
    return pair[0], pair[1]


def nap(a: Any, b: Any, direction: Direction, level: float = 0.95) -> Result:
    """Nonoverlap of all pairs: share of pairs, one point from each phase, in which treatment is better (ties half).

    Parameters
    ----------
    a, b : array-like
        Points of the baseline and of the treatment; missing ones are dropped.
    direction : {"down", "up"}
    level : float

    Returns
    -------
    Result
        extra: se (unbiased variance, at least that of one half pair), pairs.

    Raises
    ------
    NotEstimableError
        If a phase has fewer than two points.

    Notes
    -----
    The interval is Newcombe's score interval for an area under the curve (2006, method 5). At complete separation its
    lower limit is below 1; software that reports [1, 1] there returns the trivial root of the same equation.

    References
    ----------
    Parker & Vannest 2009; Sen 1967 (variance); Newcombe 2006.
    """
    a, b = turned(a, b, direction, least=2)
    m, n = len(a), len(b)
    q = (b > a[:, None]) + 0.5 * (b == a[:, None])
    value, half_pair = q.mean(), 0.5 / (m * n)
    spread = value - (m + n - 1) * value**2 + n * (q.mean(axis=1) ** 2).mean() + m * (q.mean(axis=0) ** 2).mean()
    spread = max(spread - 2 * (q**2).mean(), half_pair * (1 - half_pair)) / ((m - 1) * (n - 1))
    return Result(
        method="nonoverlap of all pairs", n={"baseline": m, "treatment": n},
        estimate=Estimate("NAP", float(value), _newcombe(value, m, n, level), level),
        reference="Parker & Vannest 2009; Newcombe 2006",
        extra={"se": float(np.sqrt(spread)), "pairs": m * n},
    )


def _newcombe(value: float, m: int, n: int, level: float) -> tuple[float, float]:
    """Roots of (value - t)^2 = z^2 V(t) on both sides of the value, V(t) after Newcombe 2006, method 5."""
    from scipy.stats import norm

    t = np.polynomial.Polynomial([0, 1])
    h, own = (m + n) / 2 - 1, t * (1 - t)
    curve = m * n * (value - t) ** 2 * (2 + own) - norm.ppf(0.5 + level / 2) ** 2 * own * (2 + h + (1 + 2 * h) * own)
    roots = curve.roots()
    roots = roots.real[np.abs(roots.imag) < 1e-6]
    low, high = roots[(roots < value - 1e-6) & (roots > 0)], roots[(roots > value + 1e-6) & (roots < 1)]
    return float(low.max(initial=0)), float(high.min(initial=1))


def tau(a: Any, b: Any, direction: Direction, level: float = 0.95) -> Result:
    """Tau (nonoverlap): share of better minus share of worse pairs = 2 NAP - 1 (Parker, Vannest & Davis 2011)."""
    found = nap(a, b, direction, level)
    low, high = found.estimate.ci
    return Result(
        method="Tau (nonoverlap)", n=found.n, reference="Parker, Vannest & Davis 2011; Newcombe 2006",
        estimate=Estimate("Tau", 2 * found.estimate.value - 1, (2 * low - 1, 2 * high - 1), level),
        extra={"se": 2 * found.extra["se"], "pairs": found.extra["pairs"]},
    )


def pnd(a: Any, b: Any, direction: Direction) -> float:
    """Share of treatment points better than the best of the baseline (Scruggs, Mastropieri & Casto 1987).

    >>> pnd([4, 5, 6], [5, 3, 2, 2], "down")
    0.75
    """
    a, b = turned(a, b, direction)
    return float((b > a.max()).mean())


def pem(a: Any, b: Any, direction: Direction) -> float:
    """Share of treatment points better than the baseline's median, one at the median counted half (Ma 2006)."""
    a, b = turned(a, b, direction)
    return float((b > np.median(a)).mean() + 0.5 * (b == np.median(a)).mean())


def pand(a: Any, b: Any, direction: Direction) -> float:
    """Largest share of points that can be kept without overlap of the phases (Parker, Hagan-Burke & Vannest 2007)."""
    a, b = turned(a, b, direction)
    kept = [int((a < lowest).sum() + (b >= lowest).sum()) for lowest in b]
    return max([len(a), *kept]) / (len(a) + len(b))


def ird(a: Any, b: Any, direction: Direction) -> float:
    """Robust improvement rate difference, from PAND (Parker, Vannest & Brown 2009; Parker, Vannest & Davis 2011)."""
    m, n = (len(values) for values in turned(a, b, direction))
    return 1 - (m + n) ** 2 / (2 * m * n) * (1 - pand(a, b, direction))


def smd(
    a: Any, b: Any, direction: Direction, sd: Literal["baseline", "pooled"] = "baseline", level: float = 0.95
) -> Result:
    """Within-case standardised mean difference with the small-sample factor 1 - 3 / (4 df - 1), normal interval.

    Not comparable with a d between groups: it divides by how much one person's points vary.

    References
    ----------
    Gingerich 1984; Busk & Serlin 1992; Pustejovsky & Ferron 2017 (standard error; extra: se).
    """
    from scipy.stats import norm

    a, b = turned(a, b, direction, least=2)
    m, n, va, vb = len(a), len(b), a.var(ddof=1), b.var(ddof=1)
    if sd == "pooled":
        df, variance, ratio = m + n - 2, ((m - 1) * va + (n - 1) * vb) / (m + n - 2), 1.0
    else:
        df, variance, ratio = m - 1, va, vb / va if va > 0 else np.nan
    if variance <= 0:
        raise NotEstimableError("the baseline does not vary, so there is nothing to standardise with")
    factor = 1 - 3 / (4 * df - 1)
    value = factor * (b.mean() - a.mean()) / np.sqrt(variance)
    se = factor * np.sqrt(1 / m + ratio / n + value**2 / (2 * df))
    half = norm.ppf(0.5 + level / 2) * se
    return Result(
        method=f"within-case standardised mean difference ({sd} SD)",
        estimate=Estimate("SMD", float(value), (float(value - half), float(value + half)), level),
        n={"baseline": m, "treatment": n}, reference="Busk & Serlin 1992; Pustejovsky & Ferron 2017",
        extra={"se": float(se)},
    )


def lrr(a: Any, b: Any, direction: Direction, scale: str, level: float = 0.95) -> Result:
    """Log response ratio of counts, bias-corrected; turned so that improvement is positive.

    Parameters
    ----------
    a, b : array-like
        Counts (contacts, calls, minutes): a scale with a true zero.
    direction : {"down", "up"}
    scale : {"count"}
        Must be said: rating and questionnaire scores have no true zero, and their ratio has no meaning.
    level : float

    Returns
    -------
    Result
        effect: percentage change (exp of the raw log ratio - 1, times 100). extra: se.

    Raises
    ------
    NotEstimableError
        For any other scale, for negative values, or where a phase's mean is zero.

    References
    ----------
    Pustejovsky 2015, 2018.
    """
    from scipy.stats import norm

    if scale != "count":
        raise NotEstimableError(f"a log response ratio needs counts with a true zero, not '{scale}'")
    a, b = (SIGN[direction] * values for values in turned(a, b, direction, least=2))
    if min(a.min(), b.min()) < 0 or min(a.mean(), b.mean()) == 0:
        raise NotEstimableError("a log response ratio needs counts, and at least one that is not 0 in each phase")
    parts = [values.var(ddof=1) / (len(values) * values.mean() ** 2) for values in (a, b)]
    raw = np.log(b.mean()) + parts[1] / 2 - np.log(a.mean()) - parts[0] / 2
    se, value = np.sqrt(sum(parts)), SIGN[direction] * raw
    half = norm.ppf(0.5 + level / 2) * se
    change = [100 * float(np.expm1(x)) for x in (raw, raw - half, raw + half)]
    return Result(
        method="log response ratio (bias-corrected)", n={"baseline": len(a), "treatment": len(b)},
        estimate=Estimate("log response ratio", float(value), (float(value - half), float(value + half)), level),
        effect=Estimate("percentage change", change[0], (change[1], change[2]), level),
        reference="Pustejovsky 2018", extra={"se": float(se)},
    )
