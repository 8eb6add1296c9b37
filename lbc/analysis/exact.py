"""Exact tests of change in a handful of children: every p value is counted where counting is possible."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from lbc.analysis.effects import Numbers, clean, snap
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test

ENUMERATED = 20  # pairs up to which all 2^n sign patterns are listed for the interval
HALVED = 30  # pairs up to which two lists of 2^(n/2) partial sums settle the p value
LARGEST_SUM = 2_000_000  # longest distribution kept in memory
LARGEST_RANKED = 1000  # pairs up to which the signed-rank distribution is built


def whole_numbers(x: np.ndarray) -> np.ndarray | None:
    """The values as whole multiples of their largest common unit, or None where there is no such unit."""
    sizes = np.abs(x)
    if not sizes.any():
        return x.astype(np.int64)
    ratios = sizes / sizes[sizes > 0].min()
    if ratios.max() > LARGEST_SUM:
        return None
    multiples = ratios[:, None] * np.arange(1, 1001)
    fits = (np.abs(multiples - np.round(multiples)) <= 1e-6).all(axis=0)
    if not fits.any():
        return None
    whole = np.round(multiples[:, int(np.argmax(fits))]).astype(np.int64)
    return np.where(x < 0, -whole, whole)


def flip_distribution(weights: np.ndarray) -> np.ndarray:
    """P(T = 0), P(T = 1), ... where T sums the weights whose fair coin falls heads (Streitberg & Roehmel 1986)."""
    chance = np.zeros(int(weights.sum()) + 1)
    chance[0], top = 1.0, 0
    for w in weights.tolist():
        half = chance[: top + 1] / 2
        chance[: top + 1] = half
        chance[w : top + w + 1] += half
        top += w
    return chance


def _two_sided(weights: np.ndarray, heads: int) -> float:
    """P(|T - E| >= |heads - E|), counted in whole numbers."""
    chance = flip_distribution(weights)
    total = int(weights.sum())
    far = np.abs(2 * np.arange(total + 1) - total) >= abs(2 * heads - total)
    return float(min(1.0, chance[far].sum()))


def _changes(differences: Numbers) -> np.ndarray:
    d = clean(differences)
    if d.size < 2:
        raise NotEstimableError(f"{d.size} pair(s) of values; at least 2 are needed")
    if not d.any():
        raise NotEstimableError("nobody changed: all differences are zero")
    return snap(d)


def _flip_p(d: np.ndarray) -> tuple[float, bool]:
    """p value on |sum| over all sign patterns, and whether it is exact."""
    d = d[d != 0]
    whole = whole_numbers(d)
    if whole is not None and np.abs(whole).sum() <= LARGEST_SUM:
        return _two_sided(np.abs(whole), int(whole[whole > 0].sum())), True
    if d.size <= HALVED:
        sums = [np.zeros(1), np.zeros(1)]
        for i, value in enumerate(np.abs(d)):
            sums[i % 2] = np.concatenate([sums[i % 2] - value, sums[i % 2] + value])
        observed, slack = abs(d.sum()), 1e-9 * np.abs(d).sum()
        if observed <= slack:
            return 1.0, True
        right = np.sort(sums[1])
        above = (right.size - np.searchsorted(right, observed - slack - sums[0])).sum()
        return float(min(1.0, 2.0 * above / 2.0**d.size)), True
    units = np.round(d / np.abs(d).sum() * 200_000).astype(np.int64)
    return _two_sided(np.abs(units), int(units[units > 0].sum())), False


def _flip_interval(d: np.ndarray, level: float) -> tuple[tuple[float, float] | None, str]:
    """All shifts that the test does not reject; the limits are means of subsets (Hartigan 1969)."""
    n, alpha = d.size, 1 - level
    if n > ENUMERATED:
        z2 = stats.norm.isf(alpha / 2) ** 2
        half = float(np.sqrt(z2 * d.var() / (n - z2)))
        return (float(d.mean()) - half, float(d.mean()) + half), "normal approximation to the sign flips"
    rank = int(np.floor(alpha * 2 ** (n - 1) + 1e-9))
    if rank == 0:
        return None, f"with {n} pairs no interval reaches {level:.0%}"
    sums, sizes = np.zeros(1), np.zeros(1)
    for value in d:
        sums, sizes = np.concatenate([sums, sums + value]), np.concatenate([sizes, sizes + 1])
    means = np.sort(sums[1:] / sizes[1:])
    return (float(means[rank - 1]), float(means[-rank])), "all sign flips"


def sign_flip(differences: Numbers, ci: bool = True, level: float = 0.95) -> Result:
    """Exact sign-flip (Fisher-Pitman) test of a mean change, two-sided on |sum|.

    Under no effect each child's change is as likely to be up as down. Whole-number changes (also multiples of any
    common unit) are counted by convolution for every n; others by two half lists up to 30 pairs; above that on a
    fine grid (`extra["exact"]` is then False).

    Parameters
    ----------
    differences : array_like
        After minus before, one per child; missing values are left out, zeros stay.
    ci : bool
        Also invert the test for an interval of the mean change: exact up to 20 pairs, else the normal
        approximation to the flips; None where n is so small that no interval reaches the level.
    level : float

    Returns
    -------
    Result
        estimate: mean difference; test statistic: the sum; extra: exact, n_zero, smallest_p, ci_method.

    Raises
    ------
    NotEstimableError
        If there are fewer than two differences or all are zero.

    Examples
    --------
    >>> result = sign_flip([-7, -5, 0, -8, -8, -4, -3, -7])
    >>> result.test.p, [round(v, 2) for v in result.estimate.ci]
    (0.015625, [-7.5, -2.67])
    """
    d = _changes(differences)
    p, exact = _flip_p(d)
    as_given = clean(differences)
    interval, how = _flip_interval(as_given, level) if ci else (None, "not asked for")
    moved = int(np.count_nonzero(d))
    return Result(
        method="exact sign-flip test" if exact else "sign-flip test on a grid",
        estimate=Estimate("mean difference", float(as_given.mean()), interval, level),
        test=Test("sign flip, sum", float(d.sum()), None, p),
        n={"pairs": d.size},
        reference="Fisher 1935; interval: Hartigan 1969",
        extra={"exact": exact, "n_zero": d.size - moved, "smallest_p": 2.0 ** (1 - moved), "ci_method": how},
    )


def hodges_lehmann(differences: Numbers, level: float = 0.95) -> Estimate:
    """Median of all pairwise means (zeros kept), with the Walsh-average interval (Hollander & Wolfe 1973).

    The interval is None where so few pairs cannot reach the level.

    Raises
    ------
    NotEstimableError
        If there are fewer than two differences.

    Examples
    --------
    >>> hodges_lehmann([-7, -5, 0, -8, -8, -4, -3, -7]).value
    -5.5
    """
    d = clean(differences)
    if d.size < 2:
        raise NotEstimableError(f"{d.size} pair(s) of values; at least 2 are needed")
    n = d.size
    i, j = np.triu_indices(n)
    walsh = np.sort((d[i] + d[j]) / 2)
    tail = (1 - level) / 2
    if n <= 200:
        k = int(np.searchsorted(np.cumsum(flip_distribution(np.arange(1, n + 1))), tail, side="right"))
    else:
        k = int(n * (n + 1) / 4 - stats.norm.isf(tail) * np.sqrt(n * (n + 1) * (2 * n + 1) / 24))
    interval = (float(walsh[k - 1]), float(walsh[-k])) if k else None
    return Estimate("Hodges-Lehmann median change", float(np.median(walsh)), interval, level)


def rank_biserial(differences: Numbers, level: float = 0.95) -> Estimate:
    """(V+ - V-) / (V+ + V-), zeros dropped, with a Fisher-z interval (Kerby 2014; interval as R `effectsize`).

    At -1 and 1 the Fisher-z interval shrinks to the point itself and says nothing.

    Raises
    ------
    NotEstimableError
        If there are fewer than two differences or all are zero.
    """
    d = _changes(differences)
    d = d[d != 0]
    n, ranks = d.size, stats.rankdata(np.abs(d))
    r = float((ranks * np.sign(d)).sum() / ranks.sum())
    if abs(r) == 1:
        return Estimate("rank-biserial correlation", r, (r, r), level)
    half = stats.norm.isf((1 - level) / 2) * np.sqrt((2 * n**3 + 3 * n**2 + n) / 6) / (n * (n + 1) / 2)
    low, high = np.tanh(np.arctanh(r) + np.array([-half, half]))
    return Estimate("rank-biserial correlation", r, (float(low), float(high)), level)


def wilcoxon_exact(differences: Numbers, zeros: str = "drop", level: float = 0.95) -> Result:
    """Wilcoxon signed-rank test with the exact conditional distribution of the mid-ranks, so ties need no care.

    Parameters
    ----------
    differences : array_like
    zeros : {"drop", "pratt"}
        "drop" leaves zero changes out before ranking (Wilcoxon); "pratt" ranks them and then leaves them out.
    level : float
        Of the Hodges-Lehmann interval.

    Returns
    -------
    Result
        estimate: Hodges-Lehmann (all differences); effect: rank-biserial correlation; test statistic: V+.
        extra: v_positive, v_negative, n_zero, ties, z, p_asymptotic, p_asymptotic_cc, exact,
        hodges_lehmann_nonzero. Above 1,000 pairs p is the asymptotic one and `exact` False.

    Raises
    ------
    NotEstimableError
        If there are fewer than two differences or all are zero.
    """
    if zeros not in ("drop", "pratt"):
        raise ValueError(f"zeros must be 'drop' or 'pratt', not {zeros!r}")
    d = _changes(differences)
    nonzero = d[d != 0]
    kept = d != 0 if zeros == "pratt" else slice(None)
    ranks = stats.rankdata(np.abs(d if zeros == "pratt" else nonzero))[kept]
    up = float(ranks[nonzero > 0].sum())
    gap, error = up - float(ranks.sum()) / 2, float(np.sqrt((ranks**2).sum() / 4))
    p_asymptotic = float(2 * stats.norm.sf(abs(gap) / error))
    exact = nonzero.size <= LARGEST_RANKED
    p = _two_sided(np.round(2 * ranks).astype(np.int64), round(2 * up)) if exact else p_asymptotic
    return Result(
        method="Wilcoxon signed-rank test, exact" if exact else "Wilcoxon signed-rank test",
        estimate=hodges_lehmann(differences, level),
        effect=rank_biserial(d, level),
        test=Test("V+", up, None, p),
        n={"pairs": d.size},
        reference="Wilcoxon 1945; Pratt 1959" if zeros == "pratt" else "Wilcoxon 1945",
        extra={
            "v_positive": up,
            "v_negative": float(ranks.sum()) - up,
            "n_zero": int(d.size - nonzero.size),
            "ties": bool(np.unique(np.abs(nonzero)).size < nonzero.size),
            "z": gap / error,
            "p_asymptotic": p_asymptotic,
            "p_asymptotic_cc": float(min(1.0, 2 * stats.norm.sf(max(abs(gap) - 0.5, 0) / error))),
            "exact": exact,
            "hodges_lehmann_nonzero": hodges_lehmann(nonzero).value if nonzero.size > 1 else float(nonzero[0]),
        },
    )


def sign_test(differences: Numbers, level: float = 0.95) -> Result:
    """Sign test: share of changes that are up among those that are not zero, with its Clopper-Pearson interval.

    Raises
    ------
    NotEstimableError
        If there are fewer than two differences or all are zero.
    """
    d = _changes(differences)
    up, moved = int((d > 0).sum()), int(np.count_nonzero(d))
    test = stats.binomtest(up, moved)
    low, high = test.proportion_ci(level)
    return Result(
        method="sign test",
        estimate=Estimate("share of increases among those who changed", up / moved, (float(low), float(high)), level),
        test=Test("increases", up, None, float(test.pvalue)),
        n={"pairs": d.size},
        reference="Arbuthnott 1710; interval: Clopper & Pearson 1934",
        extra={"positive": up, "negative": moved - up, "n_zero": d.size - moved},
    )


def attainable_p(n: int, most: float = 0.10) -> pd.DataFrame:
    """Every two-sided p value up to `most` that n changing children can give, if no two change by the same amount.

    The list of the sign-flip test stops after 1,000 values.

    Returns
    -------
    DataFrame
        Columns test ("sign flip", "Wilcoxon", "sign") and p, ascending within test.

    Raises
    ------
    NotEstimableError
        If n < 1 or n > 100.

    Examples
    --------
    >>> attainable_p(8).groupby("test").p.min().to_dict()
    {'Wilcoxon': 0.0078125, 'sign': 0.0078125, 'sign flip': 0.0078125}
    """
    if not 1 <= n <= 100:
        raise NotEstimableError(f"attainable p values are listed for 1 to 100 children, not {n}")
    ranks = 2 * np.cumsum(flip_distribution(np.arange(1, n + 1)))[: n * (n + 1) // 4]
    signs = 2 * np.cumsum(flip_distribution(np.ones(n, dtype=int)))[: (n + 1) // 2]
    flips = np.arange(1, min(2.0 ** (n - 1), 1000.0) + 1) * 2.0 ** (1 - n)
    tests = {"sign flip": flips, "Wilcoxon": ranks, "sign": signs}
    frames = [pd.DataFrame({"test": name, "p": p[p <= most + 1e-12]}) for name, p in tests.items()]
    return pd.concat(frames, ignore_index=True)
