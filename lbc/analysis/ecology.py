"""How much of an outcome the ecological levels explain: entered in order, first, last, and on average.

Everything rests on the R2 of every subset of blocks (or of single predictors). They come from one table of
cross-products by Gaussian elimination, which also makes a bootstrap of a thousand resamples a matter of milliseconds.
All of it describes association: a share of variance is no measure of causal weight (Grömping 2007).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lbc.analysis.shares import COLLINEAR, Design, Interval, make_design, numeric, shares, standard, subset_r2
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test


def blockwise(
    frame: pd.DataFrame, outcome: str, blocks: Mapping[str, Sequence[str]], cluster: str | None = None,
    rng: np.random.Generator | None = None, n_boot: int = 1000, level: float = 0.95, interval: Interval = "shifted",
) -> pd.DataFrame:
    """Hierarchical regression: what each block adds to R2 when it enters in order, first, and last.

    Rows with a missing value in any of the variables are left out before the first block. Text predictors become
    dummies that stay together.

    Parameters
    ----------
    frame : DataFrame
        One row per person.
    outcome : str
    blocks : dict of str to list of str
        Level to predictors, in order of entry.
    cluster : str, optional
        Column of the class (or school): whole clusters are resampled, and a cluster-robust test stands beside the
        ordinary F change (CR1 covariance; F = (G-q)/(q(G-1)) Wald with q and G-q degrees of freedom).
    rng : Generator, optional
        Without it there are no intervals.
    n_boot : int
    level : float
    interval : {"shifted", "percentile"}
        The R2 of a resample exceeds that of the sample, about as the sample's exceeds the population's. "shifted"
        moves the percentile interval down by that bias and cuts it at 0, so that a block without a contribution can
        get an interval from 0; a plain percentile interval never reaches 0. (Simulated at n = 600, blocks of 2 and 5
        predictors, contributions from 0 to .1: shifted intervals covered 92 to 99 %, BCa and percentile 0 to 96 %.)

    Returns
    -------
    DataFrame
        One row per block: level, predictors, r2, delta_r2, first, last, r2_adjusted, F_change, df_change,
        df_residual, p_change, f2_change, confidence, n, left_out; with `rng` also r2_low, r2_high, delta_r2_low, ...
        last_high; with `cluster` also clusters, F_cluster, df_cluster, p_cluster (empty where clusters are too few).

    Raises
    ------
    NotEstimableError
        If a variable is constant, not a number, or a combination of others, or if there are too few complete rows.

    References
    ----------
    Cohen, Cohen, West & Aiken 2003, ch. 5; Algina, Keselman & Penfield 2008 (bootstrap intervals of delta R2).
    """
    from scipy.stats import f

    design = make_design(frame, outcome, blocks, cluster)
    table = shares(design, ("r2", "delta_r2", "first", "last"), rng, n_boot, level, interval)
    n, sizes = len(design.y), np.array(list(design.groups.values()))
    df = n - 1 - sizes.cumsum()
    change = (table["delta_r2"] / sizes) / ((1 - table["r2"]) / df)
    table.insert(1, "predictors", [", ".join(predictors) for predictors in blocks.values()])
    table = table.assign(
        r2_adjusted=1 - (1 - table["r2"]) * (n - 1) / df, F_change=change, df_change=sizes, df_residual=df,
        p_change=f.sf(change, sizes, df), f2_change=table["delta_r2"] / (1 - table["r2"]),
    )
    if cluster is not None:
        robust = [_wald(design, end - size, end) for size, end in zip(sizes, sizes.cumsum(), strict=True)]
        table[["F_cluster", "df_cluster", "p_cluster"]] = robust
    return table.assign(confidence=level, **design.counts())


def importance(
    frame: pd.DataFrame, outcome: str, predictors: Sequence[str], cluster: str | None = None,
    rng: np.random.Generator | None = None, n_boot: int = 1000, level: float = 0.95, interval: Interval = "shifted",
) -> pd.DataFrame:
    """Relative importance of single predictors: LMG (= Shapley value = general dominance), first, last, Pratt.

    Parameters and errors are those of `blockwise`; at most 24 predictors.

    Returns
    -------
    DataFrame
        One row per predictor: predictor, lmg (sums to r2), percent (of r2), first, last, pratt, rank, r2, confidence,
        n, left_out; with `rng` also *_low and *_high of lmg, percent, first, last; with `cluster` also clusters.

    References
    ----------
    Lindeman, Merenda & Gold 1980; Budescu 1993; Azen & Budescu 2003; Pratt 1987; Grömping 2006 (with percentiles).
    """
    design = make_design(frame, outcome, {predictor: [predictor] for predictor in predictors}, cluster)
    table = shares(design, ("lmg", "percent", "first", "last"), rng, n_boot, level, interval)
    beta, _, _ = _ols(standard(design.x), standard(design.y))
    pratt = beta[1:] * (standard(design.x).T @ standard(design.y)) / (len(design.y) - 1)
    starts = np.cumsum([0, *design.groups.values()])[:-1]
    return table.rename(columns={"level": "predictor"}).assign(
        pratt=np.add.reduceat(pratt, starts), rank=table["lmg"].rank(ascending=False, method="min").astype(int),
        r2=table["lmg"].sum(), confidence=level, **design.counts(),
    )


def importance_by_level(
    frame: pd.DataFrame, outcome: str, blocks: Mapping[str, Sequence[str]], cluster: str | None = None,
    rng: np.random.Generator | None = None, n_boot: int = 1000, level: float = 0.95, interval: Interval = "shifted",
) -> pd.DataFrame:
    """LMG share of each level as a group: its delta R2 averaged over all orders in which the levels can enter.

    Parameters and errors are those of `blockwise`.

    Returns
    -------
    DataFrame
        One row per level: level, predictors, lmg (sums to r2), percent (of r2), first, last, r2, confidence, n,
        left_out; with `rng` also *_low and *_high of lmg, percent, first, last; with `cluster` also clusters.

    References
    ----------
    Lindeman, Merenda & Gold 1980; Budescu 1993, for groups of predictors as by Grömping 2007.
    """
    design = make_design(frame, outcome, blocks, cluster)
    table = shares(design, ("lmg", "percent", "first", "last"), rng, n_boot, level, interval)
    table.insert(1, "predictors", [", ".join(predictors) for predictors in blocks.values()])
    return table.assign(r2=table["lmg"].sum(), confidence=level, **design.counts())


def conditional_dominance(
    frame: pd.DataFrame, outcome: str, groups: Mapping[str, Sequence[str]] | Sequence[str]
) -> pd.DataFrame:
    """Which predictor (or level) gains more R2 than another, on average and beside every set of the others.

    Parameters
    ----------
    groups : dict of str to list of str, or list of str
        Levels with their predictors, or single predictors.

    Returns
    -------
    DataFrame
        One row per level (or predictor): level (predictor), with_0, with_1, ... (mean gain beside 0, 1, ... others:
        conditional dominance), lmg (mean of these: general dominance), dominates: those than which it gains more
        beside every set of the others (complete dominance), joined by ", ".

    References
    ----------
    Azen & Budescu 2003.
    """
    blocks = groups if isinstance(groups, Mapping) else {predictor: [predictor] for predictor in groups}
    design = make_design(frame, outcome, blocks, None)
    r2 = subset_r2(design.products().sum(axis=0)[:, None], list(design.groups.values()))[:, 0]
    subsets, names, rows = np.arange(len(r2)), list(blocks), []
    for i in range(len(names)):
        without = subsets[subsets >> i & 1 == 0]
        others = np.bitwise_count(without)
        rows.append(np.bincount(others, r2[without | 1 << i] - r2[without]) / np.bincount(others))
    table = pd.DataFrame(rows, columns=[f"with_{k}" for k in range(len(rows))])
    table.insert(0, "level" if isinstance(groups, Mapping) else "predictor", names)
    ahead = [[name for j, name in enumerate(names) if j != i and _always_more(r2, i, j)] for i in range(len(names))]
    return table.assign(lmg=np.mean(rows, axis=1), dominates=[", ".join(beaten) for beaten in ahead])


def _always_more(r2: np.ndarray, i: int, j: int) -> bool:
    """Whether group i gains more than group j beside every set that has neither."""
    subsets = np.arange(len(r2))
    neither = subsets[(subsets >> i & 1 == 0) & (subsets >> j & 1 == 0)]
    return bool((r2[neither | 1 << i] > r2[neither | 1 << j]).all())


def standardised(
    frame: pd.DataFrame, outcome: str, predictors: Sequence[str], cluster: str | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Coefficients of the full model, raw and standardised (b times sd of x over sd of y, dummies too).

    Standard errors are cluster-robust (CR1, t with G - 1 degrees of freedom) where a cluster is given, else HC3
    (MacKinnon & White 1985; t with n - p - 1). The interval of beta takes the standard deviations as known.

    Returns
    -------
    DataFrame
        One row per coefficient: predictor, term, b, se, beta, low, high, t, df, p, confidence, n, left_out; with
        `cluster` also clusters.
    """
    from scipy.stats import t

    design = make_design(frame, outcome, {predictor: [predictor] for predictor in predictors}, cluster)
    b, residual, x = _ols(design.x, design.y)
    se = np.sqrt(np.diag(_covariance(x, residual, design.clusters)))[1:]
    df = len(x) - x.shape[1] if design.clusters is None else int(design.clusters.max())
    scale = design.x.std(axis=0, ddof=1) / design.y.std(ddof=1)
    half = t.ppf(0.5 + level / 2, df) * se
    owners = np.repeat(list(design.groups), list(design.groups.values()))
    return pd.DataFrame({
        "predictor": owners, "term": design.names, "b": b[1:], "se": se, "beta": b[1:] * scale,
        "low": (b[1:] - half) * scale, "high": (b[1:] + half) * scale, "t": b[1:] / se, "df": df,
        "p": 2 * t.sf(np.abs(b[1:] / se), df), "confidence": level,
    }).assign(**design.counts())


def vif(frame: pd.DataFrame, predictors: Sequence[str]) -> pd.DataFrame:
    """Variance inflation of each predictor, generalised for predictors with several dummies (Fox & Monette 1992).

    Returns
    -------
    DataFrame
        One row per predictor: predictor, df, vif, vif_per_df (vif ** (1/df), comparable between predictors), and, for
        all together, condition_number (root of largest over smallest eigenvalue of their correlations).
    """
    complete = frame[list(predictors)].dropna()
    columns = [numeric(complete[predictor]) for predictor in predictors]
    owners = np.repeat(np.arange(len(columns)), [column.shape[1] for column in columns])
    x = pd.concat(columns, axis=1)
    if still := [name for name in x if x[name].nunique() < 2]:
        raise NotEstimableError(f"'{still[0]}' does not vary among the {len(x)} complete rows")
    r = np.atleast_2d(np.corrcoef(x.to_numpy(float), rowvar=False))
    eigenvalues = np.linalg.eigvalsh(r)
    if eigenvalues[0] < COLLINEAR:
        raise NotEstimableError("a predictor is a combination of the others")
    rows = []
    for i, predictor in enumerate(predictors):
        own = owners == i
        value = np.linalg.det(r[np.ix_(own, own)]) * np.linalg.det(r[np.ix_(~own, ~own)]) / np.linalg.det(r)
        rows.append({"predictor": predictor, "df": own.sum(), "vif": value, "vif_per_df": value ** (1 / own.sum())})
    return pd.DataFrame(rows).assign(condition_number=float(np.sqrt(eigenvalues[-1] / eigenvalues[0])))


def blockwise_results(table: pd.DataFrame) -> dict[str, Result]:
    """One result per level from `blockwise`: delta R2 in order of entry, tested by the F change.

    The test is the cluster-robust one where the table has it. `extra` holds first and last.
    """
    return {row["level"]: Result(
        method="hierarchical regression, R2 gained in order of entry" + _resampling(row),
        estimate=Estimate("delta R2", row["delta_r2"], _ci(row, "delta_r2"), row["confidence"]),
        effect=Estimate("Cohen f2", row["f2_change"]),
        test=_change_test(row), n=_n(row), extra=_beside(row),
        reference="Cohen, Cohen, West & Aiken 2003; Algina, Keselman & Penfield 2008",
    ) for row in table.to_dict("records")}


def share_results(table: pd.DataFrame) -> dict[str, Result]:
    """One result per level from `importance_by_level`: LMG share of R2, and as a part of the explained variance."""
    return {row["level"]: Result(
        method="LMG share of R2, averaged over all orders of entry" + _resampling(row),
        estimate=Estimate("LMG share of R2", row["lmg"], _ci(row, "lmg"), row["confidence"]),
        effect=Estimate("part of explained R2", row["percent"] / 100, _ci(row, "percent", 100), row["confidence"]),
        n=_n(row), extra=_beside(row), reference="Lindeman, Merenda & Gold 1980; Grömping 2007",
    ) for row in table.to_dict("records")}


def _ols(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients (intercept first), residuals, and x with its intercept."""
    x = np.column_stack([np.ones(len(y)), x])
    b = np.linalg.lstsq(x, y, rcond=None)[0]
    return b, y - x @ b, x


def _covariance(x: np.ndarray, residual: np.ndarray, clusters: np.ndarray | None) -> np.ndarray:
    """HC3, or CR1 with the correction G/(G-1) (n-1)/(n-k) (Liang & Zeger 1986)."""
    n, k = x.shape
    bread = np.linalg.inv(x.T @ x)
    if clusters is None:
        leverage = np.einsum("ij,jk,ik->i", x, bread, x)
        if leverage.max() > 1 - 1e-9:
            raise NotEstimableError("one row alone determines a coefficient: a category has a single member")
        scores, correction = x * (residual / (1 - leverage))[:, None], 1.0
    else:
        groups = int(clusters.max()) + 1
        if groups < 2:
            raise NotEstimableError("cluster-robust standard errors need at least two clusters")
        scores = np.zeros((groups, k))
        np.add.at(scores, clusters, x * residual[:, None])
        correction = groups / (groups - 1) * (n - 1) / (n - k)
    return correction * bread @ (scores.T @ scores) @ bread


def _wald(design: Design, start: int, end: int) -> tuple[float, float, float]:
    """Cluster-robust test of columns start..end in the model of columns 0..end."""
    from scipy.stats import f

    q, df = end - start, int(design.clusters.max()) + 1 - (end - start)
    if df < 1:
        return np.nan, np.nan, np.nan
    b, residual, x = _ols(design.x[:, :end], design.y)
    covariance = _covariance(x, residual, design.clusters)[1 + start:, 1 + start:]
    if np.linalg.cond(covariance) > 1e12:
        return np.nan, np.nan, np.nan
    statistic = df / (q * (df + q - 1)) * b[1 + start:] @ np.linalg.solve(covariance, b[1 + start:])
    return statistic, df, f.sf(statistic, q, df)


def _change_test(row: Mapping[str, Any]) -> Test | None:
    if "F_cluster" not in row:
        return Test("F change", row["F_change"], (row["df_change"], row["df_residual"]), row["p_change"])
    if np.isnan(row["F_cluster"]):
        return None
    df = (row["df_change"], row["df_cluster"])
    return Test("F change (cluster-robust)", row["F_cluster"], df, row["p_cluster"])


def _ci(row: Mapping[str, Any], key: str, unit: float = 1) -> tuple[float, float] | None:
    return (row[f"{key}_low"] / unit, row[f"{key}_high"] / unit) if f"{key}_low" in row else None


def _beside(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in row if key.startswith(("first", "last", "r2", "predictors"))}


def _n(row: Mapping[str, Any]) -> dict[str, int]:
    return {"all": row["n"]} | ({"clusters": row["clusters"]} if "clusters" in row else {})


def _resampling(row: Mapping[str, Any]) -> str:
    if _ci(row, "first") is None:
        return ""
    return ", bootstrap of whole clusters" if "clusters" in row else ", bootstrap of persons"
