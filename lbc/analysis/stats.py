"""The formulas that several analyses share; this module is also the one door to pingouin.

Effect sizes live in `effects`, exact paired tests in `exact`, rank tests in `ranks`; all are re-exported here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lbc.analysis.effects import (
    Moments,
    Numbers,
    clean,
    cohens_d,
    d_z,
    fisher_z_ci,
    g_av,
    hedges_g,
    moments,
    noncentral_t_interval,
    small_sample_factor,
    snap,
)
from lbc.analysis.exact import attainable_p, hodges_lehmann, rank_biserial, sign_flip, sign_test, wilcoxon_exact
from lbc.analysis.ranks import brunner_munzel, friedman_exact, rank_sum, two_sample_exact
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test

__all__ = [
    "MEDIUM", "Moments", "Numbers", "attainable_p", "bca", "bca_of_two", "brunner_munzel", "clean", "cohens_d", "d_z",
    "equivalence", "fisher_z_ci", "friedman_exact", "g_av", "hedges_g", "hodges_lehmann", "holm", "jzs_bf_paired",
    "jzs_bf_two", "moments", "noncentral_t_interval", "paired", "pairs", "rank_biserial", "rank_sum", "sign_flip",
    "sign_test", "small_sample_factor", "snap", "student", "two_sample_exact", "welch", "wilcoxon_exact",
]

MEDIUM = 2**0.5 / 2
"""Default scale of the Cauchy prior on a standardised effect."""


def _error(a: Moments, b: Moments, pooled: bool) -> tuple[float, float]:
    """Standard error of mean(a) - mean(b) and its degrees of freedom (Welch 1947, or Student with a pooled SD)."""
    if a.sd == b.sd == 0:
        raise NotEstimableError("neither group varies")
    if pooled:
        df = a.n + b.n - 2
        variance = ((a.n - 1) * a.sd**2 + (b.n - 1) * b.sd**2) / df
        return float(np.sqrt(variance * (1 / a.n + 1 / b.n))), float(df)
    va, vb = a.sd**2 / a.n, b.sd**2 / b.n
    return float(np.sqrt(va + vb)), float((va + vb) ** 2 / (va**2 / (a.n - 1) + vb**2 / (b.n - 1)))


def _two_means(x: Numbers, y: Numbers, level: float, pooled: bool) -> Result:
    a, b = moments(x, who="the first group"), moments(y, who="the second group")
    error, df = _error(a, b, pooled)
    difference = a.mean - b.mean
    t, half = difference / error, float(stats.t.isf((1 - level) / 2, df)) * error
    d, g = cohens_d(x, y, level), hedges_g(x, y, level)
    return Result(
        method="Student's two-sample t test" if pooled else "Welch's two-sample t test",
        estimate=Estimate("mean difference", difference, (difference - half, difference + half), level),
        effect=g,
        test=Test("t", t, df, float(2 * stats.t.sf(abs(t), df))),
        n={"x": a.n, "y": b.n},
        reference="Student 1908" if pooled else "Welch 1947; g: Hedges 1981",
        extra={
            "mean_x": a.mean, "mean_y": b.mean, "sd_x": a.sd, "sd_y": b.sd, "se": error,
            "cohens_d": d.value, "cohens_d_ci": d.ci, "J": small_sample_factor(a.n + b.n - 2),
            "g_variance": 1 / a.n + 1 / b.n + g.value**2 / (2 * (a.n + b.n)),
            "glass_delta": difference / b.sd if b.sd else None,
        },
    )


def welch(x: Numbers, y: Numbers, level: float = 0.95) -> Result:
    """Difference of two means, Welch's t test, Hedges' g.

    Parameters
    ----------
    x, y : array_like
        Two independent samples; the difference is mean(x) - mean(y). Missing values are left out.
    level : float

    Returns
    -------
    Result
        estimate: mean difference with its interval; effect: Hedges' g (pooled SD) with its exact interval; test: t.
        extra: mean_x, mean_y, sd_x, sd_y, se, cohens_d, cohens_d_ci, J, g_variance (large-sample variance of g),
        glass_delta (over the SD of y; None where y does not vary).

    Raises
    ------
    NotEstimableError
        If a group has fewer than two values or neither group varies.

    Examples
    --------
    >>> result = welch([1, 2, 3, 4], [2, 4, 6, 8])
    >>> round(result.test.statistic, 4), round(result.test.df, 4)
    (-1.7321, 4.4118)
    """
    return _two_means(x, y, level, pooled=False)


def student(x: Numbers, y: Numbers, level: float = 0.95) -> Result:
    """As `welch`, with a pooled SD: only for comparison with older reports and for the Bayes factor's t."""
    return _two_means(x, y, level, pooled=True)


def equivalence(x: Numbers, y: Numbers, low: float, high: float, alpha: float = 0.05, pooled: bool = False) -> Result:
    """Two one-sided t tests: is the difference of means inside bounds that were fixed beforehand?

    Parameters
    ----------
    x, y : array_like
    low, high : float
        Bounds of the smallest difference of interest, in points; low < high.
    alpha : float
        The interval has level 1 - 2 alpha; the groups are equivalent when it lies inside the bounds.
    pooled : bool
        Student's instead of Welch's standard error.

    Returns
    -------
    Result
        estimate: mean difference with its 1 - 2 alpha interval; test: the weaker of the two, p = the larger p.
        extra: low, high, t_lower, p_lower, t_upper, p_upper, equivalent.

    Raises
    ------
    NotEstimableError
        As `welch`; also if low >= high.
    """
    if not low < high:
        raise NotEstimableError("the lower bound must be below the upper bound")
    a, b = moments(x, who="the first group"), moments(y, who="the second group")
    error, df = _error(a, b, pooled)
    difference = a.mean - b.mean
    t_lower, t_upper = (difference - low) / error, (difference - high) / error
    p_lower, p_upper = float(stats.t.sf(t_lower, df)), float(stats.t.cdf(t_upper, df))
    half = float(stats.t.isf(alpha, df)) * error
    weaker = t_lower if p_lower >= p_upper else t_upper
    return Result(
        method="equivalence test (two one-sided t tests)",
        estimate=Estimate("mean difference", difference, (difference - half, difference + half), 1 - 2 * alpha),
        test=Test("TOST t", weaker, df, max(p_lower, p_upper)),
        n={"x": a.n, "y": b.n},
        reference="Schuirmann 1987; Lakens et al. 2018",
        extra={
            "low": low, "high": high, "t_lower": t_lower, "p_lower": p_lower, "t_upper": t_upper, "p_upper": p_upper,
            "equivalent": bool(max(p_lower, p_upper) < alpha),
        },
    )


def _bayes_factor(t: float, n1: int, n2: int | None, r: float) -> float:
    from pingouin import bayesfactor_ttest

    if not np.isfinite(t) or n1 < 2 or (n2 is not None and n2 < 2):
        raise NotEstimableError("no finite t statistic of enough persons for a Bayes factor")
    try:
        bf = float(bayesfactor_ttest(float(t), int(n1), None if n2 is None else int(n2), n2 is None, r=r))
    except (ZeroDivisionError, OverflowError):
        bf = np.inf
    if not np.isfinite(bf) or bf <= 0:
        raise NotEstimableError("the Bayes factor is too large to be written as a number")
    return bf


def jzs_bf_two(t: float, n1: int, n2: int, r: float = MEDIUM) -> float:
    """BF10 of two independent means with a Cauchy(0, r) prior on the effect (Rouder et al. 2009); t is Student's.

    Raises
    ------
    NotEstimableError
        If t is not finite, a group has fewer than two persons, or BF10 overflows.

    Examples
    --------
    >>> round(jzs_bf_two(2.3, 60, 80), 5)
    1.9957
    """
    return _bayes_factor(t, n1, n2, r)


def jzs_bf_paired(t: float, n: int, r: float = MEDIUM) -> float:
    """BF10 of n paired differences with a Cauchy(0, r) prior on d_z (Rouder et al. 2009).

    Raises
    ------
    NotEstimableError
        If t is not finite, n < 2, or BF10 overflows.
    """
    return _bayes_factor(t, n, None, r)


def pairs(pre: Numbers, post: Numbers) -> pd.DataFrame:
    """The persons with both values, columns pre and post; Series are matched by index, never by position.

    Raises
    ------
    NotEstimableError
        If arrays differ in length, an index value stands twice, or a value is infinite.
    """
    if isinstance(pre, pd.Series) and isinstance(post, pd.Series):
        if not (pre.index.is_unique and post.index.is_unique):
            raise NotEstimableError("a person stands twice in one wave")
        frame = pd.concat({"pre": pre, "post": post}, axis=1, join="inner")
    elif len(pre) == len(post):
        frame = pd.DataFrame({"pre": list(pre), "post": list(post)})
    else:
        raise NotEstimableError(f"{len(pre)} values before and {len(post)} after: the persons cannot be matched")
    frame = frame.astype("Float64").dropna().astype(float)
    if np.isinf(frame.to_numpy()).any():
        raise NotEstimableError("some values are infinite")
    return frame


def paired(pre: Numbers, post: Numbers, level: float = 0.95) -> Result:
    """Change of the same persons between two waves, post - pre, with every customary companion.

    Parameters
    ----------
    pre, post : Series (matched by index) or arrays of equal length
    level : float

    Returns
    -------
    Result
        estimate: mean difference with its t interval; effect: d_z with its noncentral-t interval; test: paired t.
        extra: mean_pre, sd_pre, mean_post, sd_post, r (None where a wave does not vary), sd_diff, g_z, J, d_av
        (mean SD), d_av_rms, d_rm, glass_delta (SD before), g_av (Estimate), variances smcc_variance and smcr
        (value, variance) as R `metafor`, bf10; wilcoxon, wilcoxon_pratt, sign_flip, sign_test (Results),
        hodges_lehmann, rank_biserial (Estimates). An entry that cannot be had is None.

    Raises
    ------
    NotEstimableError
        If there are fewer than two pairs, nobody changed, or all changed by the same amount.

    Examples
    --------
    >>> result = paired([1, 2, 3, 4], [2, 4, 4, 7])
    >>> round(result.estimate.value, 2), round(result.test.p, 4)
    (1.75, 0.0354)
    """
    frame = pairs(pre, post)
    before, after = frame["pre"].to_numpy(), frame["post"].to_numpy()
    d = snap(after - before, float(np.abs(frame.to_numpy()).max(initial=0.0)))
    m = moments(d, who="the set of pairs")
    if not d.any():
        raise NotEstimableError("nobody changed: all differences are zero")
    effect = d_z(d, level)
    a, b = moments(before), moments(after)
    mean = b.mean - a.mean
    error = m.sd / float(np.sqrt(m.n))
    t, half = mean / error, float(stats.t.isf((1 - level) / 2, m.n - 1)) * error
    return Result(
        method="paired t test",
        estimate=Estimate("mean difference", mean, (mean - half, mean + half), level),
        effect=effect,
        test=Test("t", t, float(m.n - 1), float(2 * stats.t.sf(abs(t), m.n - 1))),
        n={"pairs": m.n},
        reference="Student 1908; d_z: Cumming & Finch 2001",
        extra=_standardised_change(a, b, m, before, after, level) | {
            "bf10": _or_none(jzs_bf_paired, t, m.n),
            "wilcoxon": wilcoxon_exact(d, level=level),
            "wilcoxon_pratt": wilcoxon_exact(d, "pratt", level),
            "sign_flip": sign_flip(d, level=level),
            "sign_test": sign_test(d, level),
            "hodges_lehmann": hodges_lehmann(d, level),
            "rank_biserial": rank_biserial(d, level),
        },
    )


def _or_none(function: Callable[..., Any], *values: Any) -> Any:
    """The function's value, or None where it cannot be estimated."""
    try:
        return function(*values)
    except NotEstimableError:
        return None


def _standardised_change(
    a: Moments, b: Moments, m: Moments, before: np.ndarray, after: np.ndarray, level: float
) -> dict[str, Any]:
    """Descriptive numbers and the family of standardised mean changes (Lakens 2013; Becker 1988)."""
    r = float(np.corrcoef(before, after)[0, 1]) if a.sd and b.sd else None
    j = _or_none(small_sample_factor, m.n - 1)
    mean, z = b.mean - a.mean, (b.mean - a.mean) / m.sd
    g_z, smcr = (None, None) if j is None else (j * z, j * mean / a.sd if a.sd else None)
    return {
        "mean_pre": a.mean, "sd_pre": a.sd, "mean_post": b.mean, "sd_post": b.sd, "r": r, "sd_diff": m.sd,
        "g_z": g_z, "J": j,
        "d_av": mean / ((a.sd + b.sd) / 2),
        "d_av_rms": mean / float(np.sqrt((a.sd**2 + b.sd**2) / 2)),
        "d_rm": None if r is None else z * float(np.sqrt(2 * (1 - r))),
        "glass_delta": mean / a.sd if a.sd else None,
        "g_av": _or_none(g_av, before, after, level),
        "smcc_variance": None if g_z is None else 1 / m.n + g_z**2 / (2 * m.n),
        "smcr": smcr,
        "smcr_variance": None if smcr is None or r is None else 2 * (1 - r) / m.n + smcr**2 / (2 * m.n),
    }


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Holm's step-down adjusted p values, in the order given (Holm 1979).

    Raises
    ------
    NotEstimableError
        If a p value is missing or outside 0..1.

    Examples
    --------
    >>> holm([.01, .04, .03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(list(p_values), dtype=float)
    if not ((p >= 0) & (p <= 1)).all():
        raise NotEstimableError("a p value is missing or outside 0 to 1")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)))
    return adjusted


def bca(
    data: Sequence[Numbers] | Numbers,
    statistic: Callable[..., float],
    rng: np.random.Generator,
    n: int = 2000,
    level: float = 0.95,
    name: str = "estimate",
) -> Estimate:
    """A statistic with its bias-corrected and accelerated bootstrap interval (Efron 1987), by SciPy.

    Parameters
    ----------
    data : array_like or tuple of array_like
        One sample, or a tuple of independent samples that are resampled each on its own.
    statistic : callable
        Called with one array per sample, returns a number; with an argument `axis` it is called once for all.
    rng : numpy.random.Generator
    n : int
        Number of bootstrap samples.

    Raises
    ------
    NotEstimableError
        If a sample has fewer than eight values (the interval is too narrow there), or the statistic does not exist
        in every bootstrap sample.
    """
    samples = tuple(clean(sample) for sample in (data if isinstance(data, tuple) else (data,)))
    if min(sample.size for sample in samples) < 8:
        raise NotEstimableError("fewer than eight values are too few for a bootstrap interval")
    value = float(statistic(*samples))
    if all((sample == sample[0]).all() for sample in samples):
        raise NotEstimableError("no sample varies")
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        found = stats.bootstrap(
            samples, statistic, n_resamples=n, confidence_level=level, method="BCa", rng=rng
        ).confidence_interval
    if not np.isfinite([value, found.low, found.high]).all():
        raise NotEstimableError("the statistic does not exist in every bootstrap sample")
    return Estimate(name, value, (float(found.low), float(found.high)), level)


def bca_of_two(
    x: Numbers, y: Numbers, rng: np.random.Generator, n: int = 10_000, level: float = 0.95
) -> tuple[Estimate, Estimate]:
    """Mean difference x - y and Hedges' g (pooled SD), each with its BCa interval; the groups are resampled apart.

    Raises
    ------
    NotEstimableError
        As `bca`.
    """
    a, b = clean(x), clean(y)
    df = a.size + b.size - 2

    def difference(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
        return x.mean(axis=axis) - y.mean(axis=axis)

    def g(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
        # sizes of the arrays, not of the groups: the acceleration leaves one person out at a time
        k, m = x.shape[axis], y.shape[axis]
        pooled = ((k - 1) * x.var(axis=axis, ddof=1) + (m - 1) * y.var(axis=axis, ddof=1)) / (k + m - 2)
        return small_sample_factor(df) * difference(x, y, axis) / np.sqrt(pooled)

    return bca((a, b), difference, rng, n, level, "mean difference"), bca((a, b), g, rng, n, level, "Hedges' g")
