"""Missing answers: who left out what, whether it looks random, and multiple imputation; `analysis.pooling` pools."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test

MOST_STEPS = 5000
DONORS = 5
SWEEPS = 10


def by_variable(frame: pd.DataFrame) -> pd.DataFrame:
    """Missing answers per variable: columns `variable`, `missing` (count), `share`."""
    count = frame.isna().sum().to_numpy()
    return pd.DataFrame({"variable": frame.columns, "missing": count, "share": count / len(frame)})


def patterns(frame: pd.DataFrame) -> pd.DataFrame:
    """Patterns of missing answers, the most frequent first.

    Parameters
    ----------
    frame : DataFrame
        Persons by variables, missing = NaN.

    Returns
    -------
    DataFrame
        Columns `missing` (names joined by "+"; empty for complete rows), `variables` (how many), `n`, `share`.

    Examples
    --------
    >>> patterns(pd.DataFrame({"a": [1.0, 2.0, None], "b": [None, 1.0, None]}))["missing"].tolist()
    ['', 'b', 'a+b']
    """
    absent = frame.isna().to_numpy()
    names = np.array([str(name) for name in frame.columns])
    text = pd.Series(["+".join(names[row]) for row in absent], dtype=str)
    table = pd.DataFrame({"missing": text, "variables": absent.sum(axis=1)})
    table = table.groupby(["missing", "variables"], as_index=False).size().rename(columns={"size": "n"})
    table = table.sort_values(["n", "variables", "missing"], ascending=[False, True, True], ignore_index=True)
    return table.assign(share=table["n"] / len(frame))


def em_normal(frame: pd.DataFrame, tolerance: float = 1e-9) -> tuple[pd.Series, pd.DataFrame]:
    """Maximum likelihood mean and covariance (divisor n) of multivariate normal data with missing values.

    Parameters
    ----------
    frame : DataFrame
        Persons by variables; rows without any answer are left out.
    tolerance : float
        Relative change at which the iteration stops.

    Returns
    -------
    mean, covariance

    Raises
    ------
    NotEstimableError
        If a variable has no answers or does not vary, variables are collinear, or the iteration does not settle.

    Notes
    -----
    EM algorithm of Little & Rubin 2002, section 11.2.
    """
    frame = frame.astype(float).dropna(how="all")
    flat = [str(name) for name in frame.columns if not frame[name].var(ddof=0) > 0]
    if flat:
        raise NotEstimableError(f"without answers or without variation: {', '.join(flat)}")
    x = frame.to_numpy()
    groups = _rows_by_pattern(x)
    mean, cov = np.nanmean(x, axis=0), np.diag(np.nanvar(x, axis=0))
    for _ in range(MOST_STEPS):
        new_mean, new_cov = _em_step(x, groups, mean, cov)
        change = max(
            np.max(np.abs(new_mean - mean) / (1 + np.abs(mean))), np.max(np.abs(new_cov - cov) / (1 + np.abs(cov)))
        )
        mean, cov = new_mean, new_cov
        if change < tolerance:
            return pd.Series(mean, frame.columns), pd.DataFrame(cov, frame.columns, frame.columns)
    raise NotEstimableError(f"the EM iteration did not settle in {MOST_STEPS} steps")


def _rows_by_pattern(x: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """(observed variables, row numbers) of each pattern of missing values."""
    shapes, which = np.unique(~np.isnan(x), axis=0, return_inverse=True)
    return [(seen, np.flatnonzero(which.ravel() == k)) for k, seen in enumerate(shapes)]


def _em_step(
    x: np.ndarray, groups: list[tuple[np.ndarray, np.ndarray]], mean: np.ndarray, cov: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    filled, extra = x.copy(), np.zeros_like(cov)
    for seen, rows in groups:
        gone = ~seen
        if gone.any():
            try:
                slope = np.linalg.solve(cov[np.ix_(seen, seen)], cov[np.ix_(seen, gone)])
            except np.linalg.LinAlgError:
                raise NotEstimableError("the variables are collinear") from None
            filled[np.ix_(rows, gone)] = mean[gone] + (x[np.ix_(rows, seen)] - mean[seen]) @ slope
            rest = cov[np.ix_(gone, gone)] - cov[np.ix_(gone, seen)] @ slope
            extra[np.ix_(gone, gone)] += len(rows) * rest
    new_mean = filled.mean(axis=0)
    centred = filled - new_mean
    return new_mean, (centred.T @ centred + extra) / len(x)


def little_mcar(frame: pd.DataFrame, covariance: Literal["ml", "unbiased"] = "unbiased") -> Result:
    """Little's test that answers are missing completely at random.

    Parameters
    ----------
    frame : DataFrame
        Persons by variables, missing = NaN; rows without any answer are left out.
    covariance : {"unbiased", "ml"}
        Divisor of the covariance: n - 1 as in Little's article, or n as in the R package naniar.

    Returns
    -------
    Result
        `test` holds chi-square, df, p; `estimate` the share of missing answers; `extra` the number of
        patterns, the EM means and the covariance (divisor n).

    Raises
    ------
    NotEstimableError
        If nothing is missing, or there is one pattern only, or mean and covariance cannot be estimated.

    Notes
    -----
    d2 = sum over patterns of n_j (mean_j - mu)' S_jj^-1 (mean_j - mu), df = sum of observed variables minus variables
    (Little 1988, equation 5). A large p does not prove that nothing systematic is going on.
    """
    from scipy.stats import chi2

    frame = frame.astype(float).dropna(how="all")
    if not frame.isna().to_numpy().any():
        raise NotEstimableError("no answer is missing")
    mean, cov = em_normal(frame)
    n, mu = len(frame), mean.to_numpy()
    sigma = cov.to_numpy() * (n / (n - 1) if covariance == "unbiased" else 1.0)
    x = frame.to_numpy()
    groups = _rows_by_pattern(x)
    d2 = 0.0
    for seen, rows in groups:
        gap = x[np.ix_(rows, seen)].mean(axis=0) - mu[seen]
        d2 += len(rows) * float(gap @ np.linalg.solve(sigma[np.ix_(seen, seen)], gap))
    df = sum(int(seen.sum()) for seen, _ in groups) - x.shape[1]
    if df <= 0 or not math.isfinite(d2):
        raise NotEstimableError("there is only one pattern of missing answers")
    return Result(
        method="Little's test of missing completely at random",
        estimate=Estimate("share of missing answers", float(np.isnan(x).mean())),
        test=Test("chi-square", d2, float(df), float(chi2.sf(d2, df))),
        n={"all": n},
        reference="Little 1988",
        extra={"patterns": len(groups), "mean": mean, "covariance": cov, "convention": covariance},
    )


def impute(frame: pd.DataFrame, m: int, rng: np.random.Generator, sweeps: int = SWEEPS) -> list[pd.DataFrame]:
    """Complete the data m times by chained equations with predictive mean matching.

    Parameters
    ----------
    frame : DataFrame
        Persons by numeric variables, missing = NaN. Include what the later analysis uses, the group among it
        (White, Royston & Wood 2011); categories as 0/1 columns.
    m : int
        Number of completed data sets.
    rng : numpy Generator
    sweeps : int
        Rounds through the variables before a data set is kept.

    Returns
    -------
    list of DataFrame
        Completed frames with the index and columns of `frame`; each filled-in value is one that somebody gave, so
        items stay whole numbers within their range.

    Raises
    ------
    NotEstimableError
        If a variable has fewer answers than donors are needed.

    Notes
    -----
    van Buuren 2018, algorithms 3.3 and 4.3: Bayesian draw of the regression, five donors, matching of predictions
    from the estimate (donors) and from the draw (recipients).
    """
    values = frame.to_numpy(float, na_value=np.nan)
    gone = np.isnan(values)
    holes = [j for j in np.argsort(gone.sum(axis=0), kind="stable") if gone[:, j].any()]
    for j in holes:
        if (~gone[:, j]).sum() < max(DONORS, 2):
            raise NotEstimableError(f"{frame.columns[j]} has too few answers to impute from")
    completed = []
    for _ in range(m):
        x = values.copy()
        for j in holes:
            x[gone[:, j], j] = rng.choice(values[~gone[:, j], j], gone[:, j].sum())
        for _ in range(sweeps if len(holes) else 0):
            for j in holes:
                x[gone[:, j], j] = _matched(x, j, gone[:, j], rng)
        completed.append(pd.DataFrame(x, frame.index, frame.columns))
    return completed


def stacked(sets: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Completed data sets one below the other, numbered 1, 2, ... in the first column, `imputation`."""
    table = pd.concat(sets, keys=range(1, len(sets) + 1), names=["imputation"])
    return table.reset_index("imputation").reset_index(drop=True)


def _matched(x: np.ndarray, j: int, gone: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """New values of variable j for the rows where it is missing."""
    others = np.delete(x, j, axis=1)
    spread = others.std(axis=0)
    others = (others[:, spread > 0] - others[:, spread > 0].mean(axis=0)) / spread[spread > 0]
    design = np.column_stack([np.ones(len(x)), others])
    known, y = design[~gone], x[~gone, j]
    # a trace of ridge keeps twin variables from breaking the regression (van Buuren 2018, section 3.2)
    cross = known.T @ known
    inverse = np.linalg.inv(cross + 1e-5 * np.diag(np.diag(cross)))
    beta = inverse @ (known.T @ y)
    df = max(len(y) - design.shape[1], 1)
    sigma = math.sqrt(((y - known @ beta) ** 2).sum() / rng.chisquare(df))
    drawn = beta + sigma * np.linalg.cholesky(inverse) @ rng.standard_normal(len(beta))
    distance = np.abs((known @ beta)[None, :] - (design[gone] @ drawn)[:, None])
    # donors at the same distance are common with few answers: a tiny random number breaks the tie
    distance += rng.random(distance.shape) * 1e-9
    donors = np.argpartition(distance, DONORS - 1, axis=1)[:, :DONORS]
    return y[donors[np.arange(len(donors)), rng.integers(0, DONORS, len(donors))]]
