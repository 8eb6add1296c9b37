"""Effect sizes with intervals, and the few numbers everything else rests on: cleaned arrays, pivots, ranks."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import special, stats

from lbc.errors import NotEstimableError
from lbc.results import Estimate

Numbers = Any
"""Anything one-dimensional that holds numbers: list, array or Series; missing values are left out."""


class Moments(NamedTuple):
    """Size, mean and standard deviation (n - 1) of one sample."""

    n: int
    mean: float
    sd: float


def clean(x: Numbers) -> np.ndarray:
    """A one-dimensional float array without missing values.

    Raises
    ------
    NotEstimableError
        If a value is infinite or no number.

    Examples
    --------
    >>> clean([1, None, 3])
    array([1., 3.])
    """
    array = np.ravel(x) if isinstance(x, np.ndarray) else pd.Series(x)
    if array.dtype != float:
        try:
            array = pd.Series(array).astype("Float64").to_numpy(dtype=float, na_value=np.nan)
        except (TypeError, ValueError):
            raise NotEstimableError("some values are not numbers") from None
    array = np.asarray(array)
    array = array[~np.isnan(array)]
    if np.isinf(array).any():
        raise NotEstimableError("some values are infinite")
    return array


def moments(x: Numbers, least: int = 2, who: str = "the sample") -> Moments:
    """Size, mean and SD of the values that are there.

    Raises
    ------
    NotEstimableError
        If there are fewer than `least` values.
    """
    values = clean(x)
    if values.size < least:
        raise NotEstimableError(f"{who} has {values.size} value(s); at least {least} are needed")
    mean = float(values.mean())
    sd = float(values.std(ddof=1)) if values.size > 1 else 0.0
    # Equal values leave a residue of rounding behind: that is no spread.
    return Moments(values.size, mean, 0.0 if sd <= 1e-12 * max(abs(mean), float(np.abs(values).max())) else sd)


def snap(x: np.ndarray, size: float | None = None) -> np.ndarray:
    """Round to nine digits of `size`, so that 2.3 - 2.1 and 0.2 tie and a zero is a zero.

    Parameters
    ----------
    x : ndarray
    size : float, optional
        Size of the numbers `x` came from; the largest |x| if left out.
    """
    size = float(np.abs(x).max(initial=0.0)) if size is None else size
    return np.round(x, 9 - int(np.floor(np.log10(size)))) if size > 0 else x


def small_sample_factor(df: float) -> float:
    """Hedges' J = Γ(df/2) / (√(df/2) Γ((df-1)/2)), exact (Hedges 1981, eq. 6e); 0 < df <= 1 has none."""
    if df <= 1:
        raise NotEstimableError("too few values for the small-sample correction")
    return float(np.exp(special.gammaln(df / 2) - np.log(np.sqrt(df / 2)) - special.gammaln((df - 1) / 2)))


NODES, WEIGHTS = np.polynomial.legendre.leggauss(80)


def noncentral_t_cdf(t: float, df: float, nc: float) -> float:
    """P(T <= t) as the mean of Phi(t s - nc) over s = chi(df) / sqrt(df), by Gauss-Legendre pieces.

    SciPy's own `nct.cdf` gives NaN in the far tails and does not come back for t in the millions.
    """
    sd = 1 / np.sqrt(2 * df)
    low, high = max(0.0, 1 - 10 * sd), 1 + 10 * sd + 4 / df
    edges = [low, max(low, 1 - 3 * sd), 1.0, 1 + 3 * sd, high, *([1e-6, 1e-3, 0.05] if low == 0 else [])]
    if t != 0:  # Phi turns from 0 to 1 within a few 1 / |t| of nc / t
        edges += [nc / t + step / abs(t) for step in (-9.0, -3.0, 0.0, 3.0, 9.0)]
    cuts = np.unique(np.clip(edges, low, high))
    half, middle = np.diff(cuts) / 2, (cuts[1:] + cuts[:-1]) / 2
    s = middle[:, None] + half[:, None] * NODES
    constant = np.log(2) + df / 2 * np.log(df / 2) - special.gammaln(df / 2)
    log_density = constant + (df - 1) * np.log(s) - df * s * s / 2
    return float((half[:, None] * WEIGHTS * np.exp(log_density) * special.ndtr(t * s - nc)).sum())


def noncentral_t_interval(t: float, df: float, level: float = 0.95) -> tuple[float, float]:
    """Interval of the noncentrality parameter by inversion of the noncentral t (Steiger & Fouladi 1997).

    Parameters
    ----------
    t, df : float
        Observed statistic and its degrees of freedom.
    level : float

    Returns
    -------
    (low, high)
        Both on the scale of t; divide by the root of the (harmonic) sample size for a standardised difference.

    Raises
    ------
    NotEstimableError
        If t is not finite or the pivot cannot be solved.
    """
    from scipy.optimize import brentq

    if not np.isfinite(t) or df < 1:
        raise NotEstimableError("no finite t statistic")

    def limit(p: float) -> float:
        reach = 4.0 * float(np.sqrt(1 + t * t / (2 * df)))
        for _ in range(60):
            ends = t - reach, t + reach
            if noncentral_t_cdf(t, df, ends[0]) > p > noncentral_t_cdf(t, df, ends[1]):
                return float(brentq(lambda nc: noncentral_t_cdf(t, df, nc) - p, *ends, xtol=1e-12, rtol=1e-14))
            reach *= 1.5
        raise NotEstimableError("the noncentral t interval cannot be solved")

    tail = (1 - level) / 2
    return limit(1 - tail), limit(tail)


def cohens_d(x: Numbers, y: Numbers, level: float = 0.95) -> Estimate:
    """Cohen's d of two independent groups (pooled SD) with its noncentral-t interval.

    Raises
    ------
    NotEstimableError
        If a group has fewer than two values or neither group varies.
    """
    a, b = moments(x, who="the first group"), moments(y, who="the second group")
    df = a.n + b.n - 2
    pooled = float(np.sqrt(((a.n - 1) * a.sd**2 + (b.n - 1) * b.sd**2) / df))
    if pooled == 0:
        raise NotEstimableError("neither group varies")
    root = float(np.sqrt(a.n * b.n / (a.n + b.n)))
    d = (a.mean - b.mean) / pooled
    low, high = noncentral_t_interval(d * root, df, level)
    return Estimate("Cohen's d", d, (low / root, high / root), level)


def hedges_g(x: Numbers, y: Numbers, level: float = 0.95, pooled: bool = True) -> Estimate:
    """Hedges' g, mean(x) - mean(y) in standard deviations, with an exact interval.

    Parameters
    ----------
    x, y : array_like
        Two independent samples; missing values are left out.
    level : float
    pooled : bool
        True: pooled SD and J of n1 + n2 - 2 df; the noncentral-t limits are multiplied by J (as R `effectsize`).
        False: g* with the root mean square of the two SDs, for unequal spread (Delacre et al. 2021); its interval
        inverts Welch's t at Welch's df.

    Returns
    -------
    Estimate

    Raises
    ------
    NotEstimableError
        If a group has fewer than two values or neither group varies.

    Examples
    --------
    >>> round(hedges_g([1, 2, 3, 4], [2, 3, 4, 5]).value, 4)
    -0.6728
    """
    a, b = moments(x, who="the first group"), moments(y, who="the second group")
    if pooled:
        d = cohens_d(x, y, level)
        j = small_sample_factor(a.n + b.n - 2)
        return Estimate("Hedges' g", j * d.value, (j * d.ci[0], j * d.ci[1]), level)
    if a.sd == b.sd == 0:
        raise NotEstimableError("neither group varies")
    va, vb = a.sd**2, b.sd**2
    df = (a.n - 1) * (b.n - 1) * (va + vb) ** 2 / ((b.n - 1) * va**2 + (a.n - 1) * vb**2)
    error2 = va / a.n + vb / b.n
    welch_df = error2**2 / ((va / a.n) ** 2 / (a.n - 1) + (vb / b.n) ** 2 / (b.n - 1))
    spread = float(np.sqrt((va + vb) / 2))
    d, j = (a.mean - b.mean) / spread, small_sample_factor(df)
    low, high = noncentral_t_interval((a.mean - b.mean) / float(np.sqrt(error2)), welch_df, level)
    scale = j * float(np.sqrt(error2)) / spread
    return Estimate("Hedges' g* (unpooled)", j * d, (scale * low, scale * high), level)


def d_z(differences: Numbers, level: float = 0.95) -> Estimate:
    """Mean difference over the SD of the differences, with its noncentral-t interval (Cumming & Finch 2001).

    Raises
    ------
    NotEstimableError
        If there are fewer than two differences or all are the same.

    Examples
    --------
    >>> [round(v, 3) for v in d_z([-7, -5, 0, -8, -8, -4, -3, -7]).ci]
    [-3.024, -0.664]
    """
    m = moments(differences, who="the set of differences")
    if m.sd == 0:
        raise NotEstimableError("all differences are the same, so they have no standard deviation")
    root = float(np.sqrt(m.n))
    d = m.mean / m.sd
    low, high = noncentral_t_interval(d * root, m.n - 1, level)
    return Estimate("d_z", d, (low / root, high / root), level)


def g_av(pre: Numbers, post: Numbers, level: float = 0.95) -> Estimate:
    """Mean change over the average of the two SDs, times J of n - 1 df (Lakens 2013, eq. 10).

    The interval is by the delta method as in Bonett (2015), who divides by the root mean square of the SDs.

    Parameters
    ----------
    pre, post : array_like, equal length
        The same persons in the same order, none missing.

    Raises
    ------
    NotEstimableError
        If there are fewer than three pairs or a wave does not vary.
    """
    x, y = clean(pre), clean(post)
    if x.size != y.size:
        raise NotEstimableError("the two waves do not hold the same persons")
    a, b = moments(x, least=3), moments(y, least=3)
    if a.sd == 0 or b.sd == 0:
        raise NotEstimableError("one wave does not vary")
    df, spread = a.n - 1, (a.sd + b.sd) / 2
    r = float(np.corrcoef(x, y)[0, 1])
    d = (b.mean - a.mean) / spread
    of_mean = (a.sd**2 + b.sd**2 - 2 * r * a.sd * b.sd) / (df * spread**2)
    of_sd = d**2 * (a.sd**2 + b.sd**2 + 2 * r**2 * a.sd * b.sd) / (8 * df * spread**2)
    half = float(stats.norm.isf((1 - level) / 2) * np.sqrt(of_mean + of_sd))
    j = small_sample_factor(df)
    return Estimate("g_av", j * d, (j * (d - half), j * (d + half)), level)


def eta2_interval(f: float, df1: float, df2: float, level: float = 0.90) -> tuple[float, float]:
    """Limits of partial eta squared by inversion of the noncentral F (Steiger 2004)."""
    from scipy.optimize import brentq

    def limit(p: float) -> float:
        if stats.f.cdf(f, df1, df2) <= p:
            return 0.0
        high = 10.0 + 2 * f * df1
        while stats.ncf.cdf(f, df1, df2, high) > p:
            high *= 2
        nc = brentq(lambda nc: stats.ncf.cdf(f, df1, df2, nc) - p, 0, high, xtol=1e-12)
        return float(nc / (nc + df2))

    return limit((1 + level) / 2), limit((1 - level) / 2)


def fisher_z_ci(r: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Interval of a correlation by Fisher's z.

    Raises
    ------
    NotEstimableError
        If n < 4 or |r| >= 1.

    Examples
    --------
    >>> [round(v, 3) for v in fisher_z_ci(.5, 30)]
    [0.17, 0.729]
    """
    if n < 4 or not -1 < r < 1:
        raise NotEstimableError(f"no interval for r = {r:.3g} of {n} pairs")
    half = stats.norm.isf((1 - level) / 2) / np.sqrt(n - 3)
    return float(np.tanh(np.arctanh(r) - half)), float(np.tanh(np.arctanh(r) + half))
