"""Rank tests between groups and between waves, with exact conditional p values for small samples."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
from scipy import stats

from lbc.analysis.effects import Numbers, clean, snap
from lbc.analysis.exact import whole_numbers
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test

LARGEST_TWO_SAMPLE = 60  # persons up to which all ways of forming two groups are counted
LARGEST_TABLE = 4_000_000  # cells of the table of counts
LARGEST_BLOCK = 600_000  # states times permutations in one step of the Friedman distribution


def two_sample_exact(x: Numbers, y: Numbers, ranks: bool = True) -> float:
    """Two-sided p of the sum of x over all ways to form the two groups, P(|T - E| >= |t - E|), ties and all.

    Parameters
    ----------
    x, y : array_like
        At most 60 values in all.
    ranks : bool
        True: mid-ranks (Wilcoxon rank-sum test); False: the values themselves (Fisher-Pitman test).

    Raises
    ------
    NotEstimableError
        If a group is empty, there are too many values, all are equal, or they have no common unit.

    Examples
    --------
    >>> two_sample_exact([1, 2, 3], [4, 5, 6])
    0.1
    """
    a, b = clean(x), clean(y)
    both, n = np.concatenate([a, b]), a.size
    if min(a.size, b.size) == 0:
        raise NotEstimableError("one group is empty")
    if both.size > LARGEST_TWO_SAMPLE:
        raise NotEstimableError(f"{both.size} values are too many to count every grouping")
    both = snap(both)
    if (both == both[0]).all():
        raise NotEstimableError("all values are the same")
    whole = np.round(2 * stats.rankdata(both)).astype(np.int64) if ranks else whole_numbers(both - both.min())
    total = LARGEST_TABLE if whole is None else int(np.sort(whole)[-n:].sum())
    if whole is None or total * n > LARGEST_TABLE:
        raise NotEstimableError("the values have no common unit to count in")
    ways = np.zeros((n + 1, total + 1))
    ways[0, 0] = 1.0
    for w in whole.tolist():
        ways[1:, w:] += ways[:-1, : total + 1 - w].copy()
    size, heads = both.size, int(whole[:n].sum())
    centre = int(whole.sum()) * n
    far = np.abs(size * np.arange(total + 1) - centre) >= abs(size * heads - centre)
    return float(ways[n, far].sum() / ways[n].sum())


def rank_sum(x: Numbers, y: Numbers, level: float = 0.95) -> Result:
    """Mann-Whitney test: exact with ties up to 60 values in all, else normal with continuity correction.

    Returns
    -------
    Result
        estimate: rank-biserial correlation, P(X > Y) - P(X < Y), Fisher-z interval as R `effectsize`;
        test statistic: U of x. extra: u_x, u_y, ties, z, p_exact (or None), p_asymptotic, p_asymptotic_cc,
        superiority (P(X > Y) + half of the ties).

    Raises
    ------
    NotEstimableError
        If a group is empty or all values are equal.
    """
    a, b = clean(x), clean(y)
    if min(a.size, b.size) == 0:
        raise NotEstimableError("one group is empty")
    both = snap(np.concatenate([a, b]))
    ranks, n, m = stats.rankdata(both), a.size, b.size
    error = float(np.sqrt(n * m / (n + m) * ranks.var(ddof=1))) if n + m > 1 else 0.0
    if error == 0:
        raise NotEstimableError("all values are the same")
    u = float(ranks[:n].sum() - n * (n + 1) / 2)
    gap, r = u - n * m / 2, 2 * u / (n * m) - 1
    exact = two_sample_exact(a, b) if n + m <= LARGEST_TWO_SAMPLE else None
    corrected = float(min(1.0, 2 * stats.norm.sf(max(abs(gap) - 0.5, 0) / error)))
    half = stats.norm.isf((1 - level) / 2) * np.sqrt((n + m + 1) / (3 * n * m))
    interval = (r, r) if abs(r) == 1 else tuple(float(np.tanh(np.arctanh(r) + h)) for h in (-half, half))
    return Result(
        method="Mann-Whitney test",
        estimate=Estimate("rank-biserial correlation", r, interval, level),
        test=Test("U", u, None, corrected if exact is None else exact),
        n={"x": n, "y": m},
        reference="Mann & Whitney 1947",
        extra={
            "u_x": u,
            "u_y": n * m - u,
            "ties": bool(np.unique(both).size < n + m),
            "z": gap / error,
            "p_exact": exact,
            "p_asymptotic": float(2 * stats.norm.sf(abs(gap) / error)),
            "p_asymptotic_cc": corrected,
            "superiority": u / (n * m),
        },
    )


def brunner_munzel(x: Numbers, y: Numbers, level: float = 0.95) -> Result:
    """Brunner-Munzel test of P(X < Y) + P(X = Y) / 2 = 1/2: valid under unequal spread and ties.

    Parameters
    ----------
    x, y : array_like
        Two independent samples; the estimate is the chance that a member of y exceeds a member of x.
    level : float

    Returns
    -------
    Result
        estimate: that chance with its t interval, which may reach beyond 0 or 1; test: t with Satterthwaite df.

    Raises
    ------
    NotEstimableError
        If a group has fewer than two values or the groups do not overlap at all (no spread of placements).

    Examples
    --------
    >>> round(brunner_munzel([1, 2, 1, 1, 3], [3, 3, 4, 1, 2]).estimate.value, 2)
    0.76
    """
    a, b = clean(x), clean(y)
    n, m = a.size, b.size
    if min(n, m) < 2:
        raise NotEstimableError(f"groups of {n} and {m} values; at least 2 in each are needed")
    both = snap(np.concatenate([a, b]))
    ranks = stats.rankdata(both)
    # Placements: how far a value's rank among all exceeds its rank among its own.
    place_a, place_b = ranks[:n] - stats.rankdata(both[:n]), ranks[n:] - stats.rankdata(both[n:])
    va, vb = place_a.var(ddof=1) / (n * m**2), place_b.var(ddof=1) / (m * n**2)
    chance = float(place_b.mean() / n)
    if va + vb <= 1e-15:
        raise NotEstimableError("the groups do not overlap, or all values are the same")
    df = float((va + vb) ** 2 / (va**2 / (n - 1) + vb**2 / (m - 1)))
    error = float(np.sqrt(va + vb))
    t, half = (chance - 0.5) / error, float(stats.t.isf((1 - level) / 2, df)) * error
    return Result(
        method="Brunner-Munzel test",
        estimate=Estimate("P(X < Y) + P(X = Y) / 2", chance, (chance - half, chance + half), level),
        test=Test("Brunner-Munzel t", t, df, float(2 * stats.t.sf(abs(t), df))),
        n={"x": n, "y": m},
        reference="Brunner & Munzel 2000",
        extra={"se": error},
    )


def _rank_sum_states(ranks: np.ndarray) -> dict[tuple[int, ...], float] | None:
    """Chance of every (sorted) set of column sums when each row's ranks are shuffled; None where too many."""
    states, chance = np.zeros((1, ranks.shape[1]), dtype=np.int64), np.ones(1)
    for row in ranks:
        shuffles, times = np.unique(np.array(list(permutations(row.tolist()))), axis=0, return_counts=True)
        if len(states) * len(shuffles) > LARGEST_BLOCK:
            return None
        # Columns are exchangeable, so sorting a state merges those that differ only in their order.
        reached = np.sort((states[:, None, :] + shuffles[None, :, :]).reshape(-1, ranks.shape[1]), axis=1)
        weight = (chance[:, None] * (times / times.sum())[None, :]).ravel()
        states, where = np.unique(reached, axis=0, return_inverse=True)
        chance = np.bincount(where.ravel(), weights=weight)
    return dict(zip(map(tuple, states.tolist()), chance.tolist(), strict=True))


def friedman_exact(values: pd.DataFrame | np.ndarray) -> Result:
    """Friedman test of k repeated measures with its exact p: every way to shuffle each child's ranks is counted.

    Parameters
    ----------
    values : DataFrame or ndarray, shape (children, waves)
        Children with a missing wave are left out.

    Returns
    -------
    Result
        estimate: Kendall's W; test: the tie-corrected chi-square statistic, with the exact p where it can be counted
        (k <= 6 and few children) and the Iman-Davenport F test otherwise. extra: exact, p_exact, p_chi2,
        iman_davenport (F, df1, df2, p; None where W = 1), mean_ranks.

    Raises
    ------
    NotEstimableError
        If fewer than two complete children or three waves are left, or every child gives one value throughout.
    """
    frame = pd.DataFrame(values).astype(float).dropna()
    n, k = frame.shape
    if n < 2 or k < 3:
        raise NotEstimableError(f"{n} complete children and {k} waves; at least 2 and 3 are needed")
    ranks = stats.rankdata(snap(frame.to_numpy()), axis=1)
    doubled = np.round(2 * ranks).astype(np.int64)
    sums, spread = doubled.sum(axis=0), float(((doubled - (k + 1)) ** 2).sum())
    if spread == 0:
        raise NotEstimableError("no child's values differ between the waves")
    # In doubled ranks: chi2 = (k - 1) * between / (within / n), which equals the usual tie-corrected formula.
    between = int(((sums - n * (k + 1)) ** 2).sum())
    chi2 = (k - 1) * between / spread
    w = chi2 / (n * (k - 1))
    df1, df2 = k - 1, (k - 1) * (n - 1)
    f = None if w >= 1 - 1e-12 else (n - 1) * chi2 / (n * (k - 1) - chi2)
    iman = None if f is None else {"F": f, "df1": df1, "df2": df2, "p": float(stats.f.sf(f, df1, df2))}
    states = _rank_sum_states(doubled) if k <= 6 else None
    p = None if states is None else float(min(1.0, sum(
        c for state, c in states.items() if sum((s - n * (k + 1)) ** 2 for s in state) >= between)))
    p_chi2 = float(stats.chi2.sf(chi2, df1))
    return Result(
        method="Friedman test, exact" if p is not None else "Friedman test (Iman-Davenport)",
        estimate=Estimate("Kendall's W", w),
        test=Test("Iman-Davenport F test", f, (df1, df2), iman["p"]) if p is None and iman else
        Test("Friedman chi-square", chi2, df1, p_chi2 if p is None else p),
        n={"children": n},
        reference="Friedman 1937; Iman & Davenport 1980",
        extra={
            "exact": p is not None,
            "p_exact": p,
            "p_chi2": p_chi2,
            "iman_davenport": iman,
            "mean_ranks": dict(zip(map(str, frame.columns), ranks.mean(axis=0).tolist(), strict=True)),
        },
    )
