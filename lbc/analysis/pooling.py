"""Results of several completed data sets made one: Rubin's rules, and what rests on them; by level: pooled_levels.py.

Completed data come as one table: all sets one below the other, numbered in the column `imputation`. Clusters are
classes; without them standard errors are those of independent children.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from lbc.analysis import regression, shares
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test

Completed = pd.DataFrame | NotEstimableError
"""Completed data, or the reason why there are none (as `views.attempt` gives it)."""


def rubin(
    estimates: Sequence[float], variances: Sequence[float], df_complete: float = math.inf, level: float = 0.95,
    name: str = "pooled estimate", unit: str = "",
) -> Result:
    """Pool the results of m completed data sets.

    Parameters
    ----------
    estimates, variances : sequence of float
        The m estimates and their squared standard errors.
    df_complete : float
        Degrees of freedom that the analysis of complete data would have.
    level : float
        Confidence level.
    name, unit : str
        Of the estimate.

    Returns
    -------
    Result
        `test` is the t test against 0 with the degrees of freedom of Barnard & Rubin; `extra`: m, within, between,
        total variance, se, riv (relative increase in variance), share_between (lambda), fmi, df_rubin1987.

    Raises
    ------
    NotEstimableError
        With fewer than two data sets, a number that is missing, or a variance that is not positive.

    Notes
    -----
    Rubin 1987; Barnard & Rubin 1999.

    Examples
    --------
    >>> round(rubin([1.0, 1.2, 1.4], [0.04, 0.04, 0.04], df_complete=100).test.df, 2)
    5.35
    """
    from scipy.stats import t as student

    q, u = np.asarray(estimates, float), np.asarray(variances, float)
    m = len(q)
    if m < 2 or len(u) != m or not np.isfinite(np.concatenate([q, u])).all() or (u <= 0).any():
        raise NotEstimableError("pooling needs two or more estimates, each with a positive variance")
    value, within, between = float(q.mean()), float(u.mean()), float(q.var(ddof=1))
    total = within + (1 + 1 / m) * between
    share = (1 + 1 / m) * between / total
    riv = (1 + 1 / m) * between / within
    old = (m - 1) / share**2 if share > 0 else math.inf
    observed = math.inf
    if df_complete < math.inf:
        observed = (df_complete + 1) / (df_complete + 3) * df_complete * (1 - share)
    df = 1 / (1 / old + 1 / observed) if min(old, observed) < math.inf else math.inf
    se = math.sqrt(total)
    half = float(student.ppf((1 + level) / 2, df)) * se
    return Result(
        method=f"pooled over {m} imputed data sets (Rubin's rules)",
        estimate=Estimate(name, value, (value - half, value + half), level, unit),
        test=Test("t", value / se, df, float(2 * student.sf(abs(value / se), df))),
        reference="Rubin 1987; Barnard & Rubin 1999",
        extra={"m": m, "within": within, "between": between, "total": total, "se": se, "riv": riv,
               "share_between": share, "fmi": (riv + 2 / (df + 3)) / (riv + 1), "df_rubin1987": old},
    )


def d1(estimates: np.ndarray, covariances: np.ndarray, df_complete: float = math.inf) -> Result:
    """Test that k coefficients are zero together, from m completed data sets (D1).

    Parameters
    ----------
    estimates : array, shape (m, k)
    covariances : array, shape (m, k, k)
    df_complete : float
        Residual degrees of freedom of complete data: with it the denominator is that of Reiter 2007, else of Li,
        Raghunathan & Rubin 1991.

    Returns
    -------
    Result
        `test`: F with (k, df); `estimate`: the average relative increase in variance.

    Raises
    ------
    NotEstimableError
        With fewer than two sets, a singular covariance, or too few degrees of freedom for several coefficients.
    """
    from scipy.stats import f

    q, u = np.asarray(estimates, float), np.asarray(covariances, float)
    m, k = q.shape
    if df_complete <= 0:
        raise NotEstimableError("no more classes (or children) than coefficients to test together")
    if m < 2 or np.linalg.cond(u.mean(axis=0)) > 1e12:
        raise NotEstimableError("a pooled test needs two or more data sets and a covariance that can be inverted")
    inverse, mean = np.linalg.inv(u.mean(axis=0)), q.mean(axis=0)
    between = np.atleast_2d(np.cov(q, rowvar=False))
    riv = max((1 + 1 / m) * float(np.trace(between @ inverse)) / k, 1e-12)
    statistic, t = float(mean @ inverse @ mean) / (k * (1 + riv)), k * (m - 1)
    if t <= 4:
        df = min(t * (1 + 1 / k) * (1 + 1 / riv) ** 2 / 2, df_complete)
    elif df_complete == math.inf:
        df = 4 + (t - 4) * (1 + (1 - 2 / t) / riv) ** 2
    else:
        df = _reiter(riv * t / (t - 2), t, (df_complete + 1) / (df_complete + 3) * df_complete)
    return Result(
        method=f"D1 test pooled over {m} imputed data sets",
        estimate=Estimate("relative increase in variance", riv),
        test=Test("F (D1)", statistic, (k, df), float(f.sf(statistic, k, df))),
        reference="Li, Raghunathan & Rubin 1991" + ("" if df_complete == math.inf else "; Reiter 2007"),
    )


def _reiter(a: float, t: float, v: float) -> float:
    """Denominator degrees of freedom of D1 in small samples (Reiter 2007, equation 8)."""
    c1, c2 = v - 2 * (1 + a), v - 4 * (1 + a)
    if c2 <= 0:
        raise NotEstimableError("too few degrees of freedom for a pooled test of several coefficients")
    more = a**2 * c1 / ((1 + a) ** 2 * c2) + 8 * a**2 * c1 / ((1 + a) * c2**2) + 4 * a**2 / ((1 + a) * c2)
    more += 4 * a**2 / (c2 * c1) + 16 * a**2 * c1 / c2**3 + 8 * a**2 / c2**2
    return 4 + 1 / (1 / c2 + more / (t - 4))


def rubin_r2(r2: Sequence[float], n: int, level: float = 0.95) -> Result:
    """Pool R squared of m completed data sets on the Fisher z scale of R (Harel 2009).

    Parameters
    ----------
    r2 : sequence of float
        R squared, from 0 to below 1, of each data set.
    n : int
        Number of persons.

    Raises
    ------
    NotEstimableError
        If an R squared is 1 or not a number, or there are fewer than two, or n < 4.
    """
    from scipy.stats import norm

    values = np.asarray(r2, float)
    if n < 4 or not ((values >= 0) & (values < 1)).all():
        raise NotEstimableError("pooling R squared needs values from 0 to below 1 and four persons or more")
    pooled = rubin(np.arctanh(np.sqrt(values)), np.full(len(values), 1 / (n - 3)), level=level)
    z, half = pooled.estimate.value, float(norm.ppf((1 + level) / 2)) * pooled.extra["se"]
    ci = (math.tanh(max(z - half, 0.0)) ** 2, math.tanh(z + half) ** 2)
    return Result(
        method=f"R squared pooled over {len(values)} imputed data sets",
        estimate=Estimate("R squared", math.tanh(z) ** 2, ci, level),
        n={"all": n},
        reference="Harel 2009",
        extra={"m": len(values)},
    )


def known(table: Completed) -> pd.DataFrame:
    """The table, or the reason why there is none as a NotEstimableError."""
    if isinstance(table, NotEstimableError):
        raise NotEstimableError(str(table))
    return table


def kept(completed: Completed) -> pd.DataFrame:
    """Completed data as a later notebook finds them; where there are none, one row that says why (`reason`)."""
    return pd.DataFrame({"reason": [str(completed)]}) if isinstance(completed, NotEstimableError) else completed


def sets(completed: Completed) -> list[pd.DataFrame]:
    """The completed data sets, each by itself.

    Raises
    ------
    NotEstimableError
        If there are none, or fewer than two.
    """
    if "reason" in known(completed):
        raise NotEstimableError(completed["reason"].iloc[0])
    parts = [part.drop(columns="imputation") for _, part in completed.groupby("imputation")]
    if len(parts) < 2:
        raise NotEstimableError("pooling needs two or more completed data sets")
    return parts


def two_groups(completed: Completed, score: str, group: str) -> Result:
    """Difference of a score between the groups 1 and 0 of each set, with Welch's standard error, pooled."""
    estimates, variances, parts = [], [], sets(completed)
    for part in parts:
        one, two = (part.loc[part[group] == value, score] for value in (0, 1))
        if min(len(one), len(two)) < 2:
            raise NotEstimableError(f"groups of {len(one)} and {len(two)} children; at least 2 are needed in each")
        estimates.append(two.mean() - one.mean())
        variances.append(one.var() / len(one) + two.var() / len(two))
    return rubin(estimates, variances, df_complete=len(parts[0]) - 2, name="mean difference", unit="points")


def regressions(
    completed: Completed, outcome: str, predictors: Sequence[str], cluster: str | None, kinds: tuple[str, str]
) -> list[regression.LinearFit]:
    """The regression in each set; `kinds`: covariance with and without clusters."""
    return [regression.linear(part[outcome], regression.design(part, predictors), kinds[0 if cluster else 1],
                              part[cluster].tolist() if cluster else None) for part in sets(completed)]


def coefficients(
    completed: Completed, outcome: str, predictors: Sequence[str], cluster: str | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Coefficients of the full model, raw and standardised, pooled over the completed sets.

    Standard errors in each set are CR2 with Satterthwaite degrees of freedom where there are clusters, else HC3. The
    standardised coefficients (b times sd of x over sd of y in the set) are pooled by Rubin's rules with Barnard &
    Rubin's degrees of freedom; those of complete data are the mean over the sets. The fraction of missing information
    is that of Rubin 1987: few classes alone do not raise it.

    Returns
    -------
    DataFrame
        One row per coefficient: term, b, beta, low, high (of beta), t, df, p, fmi, n.
    """
    fits = regressions(completed, outcome, predictors, cluster, ("CR2", "HC3"))
    spread = [regression.design(part, predictors).std() / part[outcome].std() for part in sets(completed)]
    rows = []
    for k, term in enumerate(fits[0].terms[1:], start=1):
        scale = np.array([ratio[term] for ratio in spread])
        b, se = np.array([fit.coef[k] for fit in fits]), np.array([fit.se[k] for fit in fits])
        df = float(np.mean([fit.contrast_df(np.eye(len(fit.terms))[k]) for fit in fits]))
        pooled = rubin(b * scale, (se * scale) ** 2, df, level)
        riv, old = pooled.extra["riv"], pooled.extra["df_rubin1987"]
        rows.append({"term": term, "b": b.mean(), "beta": pooled.estimate.value, "low": pooled.estimate.ci[0],
                     "high": pooled.estimate.ci[1], "t": pooled.test.statistic, "df": pooled.test.df,
                     "p": pooled.test.p, "fmi": (riv + 2 / (old + 3)) / (riv + 1), "n": fits[0].n})
    return pd.DataFrame(rows)


def explained(completed: Completed, outcome: str, predictors: Sequence[str]) -> Result:
    """R squared of all predictors together, pooled by `rubin_r2`; its interval takes children as independent."""
    fits = regressions(completed, outcome, predictors, None, ("CR2", "classic"))
    return rubin_r2([fit.r2 for fit in fits], fits[0].n)


def correlation(
    completed: Completed, outcome: str, predictors: Sequence[str], cluster: str | None = None, level: float = 0.95
) -> Result:
    """Correlation of the outcome with the mean of the standardised predictors, pooled on the Fisher z scale.

    In each set the variance of z is that of the jackknife that leaves out one class at a time (MacKinnon, Nielsen &
    Webb 2023), with as many degrees of freedom as classes less one; without classes it is 1 / (n - 3).

    Raises
    ------
    NotEstimableError
        If a predictor or the outcome is no number or does not vary, or there are fewer than three classes.
    """
    z, variances, parts = [], [], sets(completed)
    wrong = [c for c in (*predictors, outcome) if c not in parts[0] or not pd.api.types.is_numeric_dtype(parts[0][c])]
    if wrong or not predictors:
        raise NotEstimableError(f"no numbers in {', '.join(wrong) or 'no predictor'}: no correlation")
    n, df = len(parts[0]), len(parts[0]) - 3.0
    if df < 1:
        raise NotEstimableError(f"{n} children: a correlation needs at least four")
    for part in parts:
        if (part[[*predictors, outcome]].std() < 1e-12).any():
            raise NotEstimableError("what does not vary has no correlation")
        x, y = shares.standard(part[list(predictors)].to_numpy(float)).mean(axis=1), part[outcome].to_numpy(float)
        moments = np.column_stack([np.ones(n), x, y, x * x, y * y, x * y])
        z.append(np.arctanh(_r(moments.sum(axis=0))))
        if cluster is None:
            variances.append(1 / (n - 3))
            continue
        by_class = pd.DataFrame(moments).groupby(part[cluster].to_numpy()).sum().to_numpy()
        df = len(by_class) - 1.0
        if df < 2:
            raise NotEstimableError("a jackknife needs at least three classes")
        variances.append(jackknife(np.arctanh([_r(moments.sum(axis=0) - own) for own in by_class])))
    pooled = rubin(z, variances, df, level)
    ci = (math.tanh(pooled.estimate.ci[0]), math.tanh(pooled.estimate.ci[1]))
    estimate = Estimate("correlation", math.tanh(pooled.estimate.value), ci, level)
    return replace(pooled, estimate=estimate, n={"all": n},
                   reference="Rubin 1987; Barnard & Rubin 1999; MacKinnon, Nielsen & Webb 2023")


def _r(sums: np.ndarray) -> float:
    """Correlation from the sums of 1, x, y, xx, yy, xy."""
    x, y, xx, yy, xy = sums[1:] / sums[0]
    return float((xy - x * y) / math.sqrt((xx - x * x) * (yy - y * y)))


def jackknife(values: np.ndarray) -> np.ndarray:
    """Variance from the values with one unit left out at a time (first axis)."""
    return (len(values) - 1) / len(values) * ((values - values.mean(axis=0)) ** 2).sum(axis=0)


def enough(completed: Completed, frame: pd.DataFrame, table: Completed) -> pd.DataFrame:
    """Were there enough imputations? One row: n, complete, incomplete (share), imputations, fmi, by_share, by_fmi.

    `by_share` is one imputation for each percent of children with a gap (White, Royston & Wood 2011). `by_fmi` is
    what keeps the Monte Carlo error of a standard error below 5 %: 1 + (f / .05)**2 / 2, f being the upper 95 % limit
    of the largest fraction of missing information in `table`, the pooled coefficients (von Hippel 2020).
    """
    m, names = len(sets(completed)), [name for name in completed if name in frame]
    complete = int(frame[names].notna().all(axis=1).sum())
    incomplete, fmi = 1 - complete / len(frame), float(known(table)["fmi"].max())
    odds = max(fmi, 1e-9) / (1 - min(fmi, 1 - 1e-9)) * math.exp(1.96 * math.sqrt(2 / m))
    return pd.DataFrame({
        "n": [len(frame)], "complete": [complete], "incomplete": [incomplete], "imputations": [m], "fmi": [fmi],
        "by_share": [math.ceil(100 * incomplete)], "by_fmi": [math.ceil(1 + (odds / (1 + odds) / 0.05) ** 2 / 2)],
    })
