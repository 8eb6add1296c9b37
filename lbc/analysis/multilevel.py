"""Random-intercept models by closed-form profile likelihood, and the intraclass correlations of classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from lbc.analysis.effects import Numbers
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test


@dataclass(frozen=True, eq=False)
class MixedModel:
    """A fitted random-intercept model.

    Parameters
    ----------
    method : str
    fixed : DataFrame
        term, estimate, se, df (Satterthwaite), t, p, low, high.
    vcov : ndarray, shape (p, p)
    var_group, var_residual, icc : float
    singular : bool
        The variance between groups is estimated as zero.
    log_lik, aic, bic : float
        REML or ML, as fitted; BIC counts observations.
    n, n_groups : int
    mean_cluster_size, design_effect : float
        Design effect 1 + (mean size - 1) ICC.
    r2_marginal, r2_conditional : float
        Nakagawa & Schielzeth (2013).
    chi2, p_chi2 : float
        Likelihood-ratio test of the group variance against none; p halves the tail of chi-square(1).
    groups : Series
        Predicted deviation of each group.
    reml : bool
    """

    method: str
    fixed: pd.DataFrame
    vcov: np.ndarray
    var_group: float
    var_residual: float
    icc: float
    singular: bool
    log_lik: float
    aic: float
    bic: float
    n: int
    n_groups: int
    mean_cluster_size: float
    design_effect: float
    r2_marginal: float
    r2_conditional: float
    chi2: float
    p_chi2: float
    groups: pd.Series
    reml: bool
    reference: str = "Laird & Ware 1982; Satterthwaite df: Kuznetsova et al. 2017"

    def result(self, term: str, name: str = "", level: float = 0.95) -> Result:
        """One fixed effect as a Result: estimate with its t interval, and its t test."""
        row = self.fixed.set_index("term").loc[term]
        half = float(stats.t.isf((1 - level) / 2, row.df)) * float(row.se)
        value = float(row.estimate)
        return Result(
            method=self.method,
            estimate=Estimate(name or term, value, (value - half, value + half), level),
            test=Test("t", float(row.t), float(row.df), float(row.p)),
            n={"observations": self.n, "groups": self.n_groups},
            reference=self.reference,
            extra={"icc": self.icc, "singular": self.singular},
        )


class _Profile(NamedTuple):
    """Everything at one ratio of variances, each with its first and second derivative in that ratio."""

    a: np.ndarray
    a1: np.ndarray
    beta: np.ndarray
    rss: tuple[float, float, float]
    log_det: tuple[float, float, float]


def _profiler(y: np.ndarray, q: np.ndarray, codes: np.ndarray, reml: bool) -> Callable[[float], _Profile]:
    """Function of ratio = var_group / var_residual; V = I + ratio Z Z' has a closed inverse in every group."""
    sizes = np.bincount(codes).astype(float)
    t = np.bincount(codes, weights=y)
    s = np.stack([np.bincount(codes, weights=column) for column in q.T], axis=1)
    xx, xy, yy = q.T @ q, q.T @ y, float(y @ y)

    def at(ratio: float) -> _Profile:
        grown = 1 + sizes * ratio
        w, w1, w2 = ratio / grown, 1 / grown**2, -2 * sizes / grown**3
        a, a1, a2 = xx - (s.T * w) @ s, -(s.T * w1) @ s, -(s.T * w2) @ s
        b, b1, b2 = xy - s.T @ (w * t), -s.T @ (w1 * t), -s.T @ (w2 * t)
        beta = np.linalg.solve(a, b)
        slope = b1 - a1 @ beta
        rss = (
            yy - float(w @ t**2) - float(b @ beta),
            -float(w1 @ t**2) - float(2 * beta @ b1 - beta @ a1 @ beta),
            -float(w2 @ t**2) - float(2 * beta @ b2 - beta @ a2 @ beta + 2 * slope @ np.linalg.solve(a, slope)),
        )
        share = sizes / grown
        log_det = [float(np.log(grown).sum()), float(share.sum()), -float((share**2).sum())]
        if reml:
            m1, m2 = np.linalg.solve(a, a1), np.linalg.solve(a, a2)
            log_det[0] += float(np.linalg.slogdet(a)[1])
            log_det[1] += float(np.trace(m1))
            log_det[2] += float(np.trace(m2) - np.trace(m1 @ m1))
        return _Profile(a, a1, beta, rss, tuple(log_det))

    return at


def _best_ratio(at: Callable[[float], _Profile], m: int) -> float:
    """Ratio of variances with the highest likelihood: a grid finds the hill, the zero of the slope its top."""
    from scipy.optimize import brentq

    def deviance(ratio: float) -> float:
        here = at(ratio)
        return m * np.log(here.rss[0]) + here.log_det[0]

    def slope(ratio: float) -> float:
        here = at(ratio)
        return m * here.rss[1] / here.rss[0] + here.log_det[1]

    grid = np.concatenate([[0.0], np.geomspace(1e-8, 1e8, 161)])
    heights = np.array([deviance(ratio) for ratio in grid])
    best = int(np.argmin(heights))
    if best >= len(grid) - 2:
        raise NotEstimableError("values do not vary within groups")
    low, high = grid[max(best - 1, 0)], grid[best + 1]
    if slope(low) >= 0:
        return 0.0
    return float(brentq(slope, low, high, xtol=1e-15, rtol=1e-14)) if slope(high) > 0 else float(grid[best])


def random_intercept(
    y: Sequence[float], x: pd.DataFrame, groups: Sequence[object], reml: bool = True, level: float = 0.95
) -> MixedModel:
    """Linear model with a random intercept per group (class, school, or child measured repeatedly).

    The likelihood depends on one ratio of variances only, has a closed form, and its optimum is solved to rounding
    error. Degrees of freedom are Satterthwaite's, by the delta method with the observed information of both variance
    parameters, as R `lmerTest`.

    Parameters
    ----------
    y : array_like, shape (n,)
    x : DataFrame, shape (n, p)
        Fixed effects with the intercept column; rows pair with y and groups by position. Incomplete rows are dropped.
    groups : array_like, shape (n,)
    reml : bool
        Restricted maximum likelihood; False for maximum likelihood.
    level : float

    Returns
    -------
    MixedModel

    Raises
    ------
    NotEstimableError
        If there is one group only, no group has two rows, columns are redundant, or nothing varies within groups.
    """
    data = complete(y, x, groups)
    n, p = data.design.shape
    m = n - p if reml else n
    at = _profiler(data.rest, data.q, data.codes, reml)
    ratio = _best_ratio(at, m)
    here, null = at(ratio), at(0.0)
    sigma2 = here.rss[0] / m
    tau2, inverse = ratio * sigma2, np.linalg.inv(here.a)
    beta, vcov = data.back @ (data.start + here.beta), sigma2 * data.back @ inverse @ data.back.T
    # On the boundary the group variance drops out of the delta method, which leaves the residual's own df.
    df = [_satterthwaite(row, here, inverse, sigma2, m) if ratio else float(m) for row in data.back]
    # The likelihood was computed on orthonormal columns: REML wants the determinant of the given ones.
    log_lik = -(m * (np.log(2 * np.pi * sigma2) + 1) + here.log_det[0] + (data.log_det if reml else 0.0)) / 2
    chi2 = max(0.0, m * float(np.log(null.rss[0] / here.rss[0])) + null.log_det[0] - here.log_det[0])
    icc, size = tau2 / (tau2 + sigma2), n / len(data.names)
    fitted = data.design @ beta
    of_fixed = float(fitted.var(ddof=1))
    whole = of_fixed + tau2 + sigma2
    sums, sizes = np.bincount(data.codes, weights=data.outcome - fitted), np.bincount(data.codes)
    return MixedModel(
        method=f"random-intercept model ({'REML' if reml else 'ML'})",
        fixed=fixed_effects(x.columns, beta, np.sqrt(np.diag(vcov)), np.array(df), level),
        vcov=vcov,
        var_group=tau2, var_residual=sigma2, icc=icc, singular=ratio == 0,
        log_lik=float(log_lik), aic=float(-2 * log_lik + 2 * (p + 2)), bic=float(-2 * log_lik + np.log(n) * (p + 2)),
        n=n, n_groups=len(data.names), mean_cluster_size=size, design_effect=1 + (size - 1) * icc,
        r2_marginal=of_fixed / whole, r2_conditional=(of_fixed + tau2) / whole,
        chi2=chi2, p_chi2=float(stats.chi2.sf(chi2, 1) / 2) if chi2 else 1.0,
        groups=pd.Series(ratio * sums / (1 + sizes * ratio), index=data.names, name="deviation"),
        reml=reml,
    )


class _Data(NamedTuple):
    """Complete rows on orthonormal columns: design = q r, coefficients = back @ (start + those of rest on q)."""

    design: np.ndarray
    outcome: np.ndarray
    codes: np.ndarray
    names: pd.Index
    q: np.ndarray
    back: np.ndarray
    start: np.ndarray
    rest: np.ndarray
    log_det: float


def complete(y: Sequence[float], x: pd.DataFrame, groups: Sequence[object]) -> _Data:
    frame = pd.DataFrame(x.to_numpy(dtype=float))
    outcome, labels = pd.Series(np.asarray(y, dtype=float)), pd.Series(list(groups))
    complete = frame.notna().all(axis=1) & outcome.notna() & labels.notna()
    design, outcome = frame[complete].to_numpy(), outcome[complete].to_numpy()
    codes, names = pd.factorize(labels[complete], sort=True)
    n, p = design.shape
    if len(names) < 2:
        raise NotEstimableError(f"{len(names)} group(s); at least two are needed")
    if n == len(names):
        raise NotEstimableError("no group has two values, so groups cannot be told from persons")
    if n <= p + 1:
        raise NotEstimableError(f"{n} complete rows are too few for {p} fixed effects")
    norms = np.linalg.norm(design, axis=0)
    q, r = np.linalg.qr(design / np.where(norms > 0, norms, 1.0))
    if np.abs(np.diag(r)).min() < 1e-9:
        raise NotEstimableError("a fixed effect does not vary, or is given by the others")
    start = q.T @ outcome
    rest = outcome - q @ start
    if rest @ rest <= 1e-20 * float(outcome @ outcome):
        raise NotEstimableError("the outcome does not vary around the fixed effects")
    log_det = 2 * float(np.log(np.abs(np.diag(r)) * norms).sum())
    return _Data(design, outcome, codes, names, q, np.linalg.inv(r) / norms[:, None], start, rest, log_det)


def fixed_effects(
    terms: Sequence[object], beta: np.ndarray, se: np.ndarray, df: np.ndarray, level: float
) -> pd.DataFrame:
    t, half = beta / se, stats.t.isf((1 - level) / 2, df) * se
    return pd.DataFrame({
        "term": list(map(str, terms)), "estimate": beta, "se": se, "df": df, "t": t,
        "p": 2 * stats.t.sf(np.abs(t), df), "low": beta - half, "high": beta + half,
    })


def _satterthwaite(c: np.ndarray, here: _Profile, inverse: np.ndarray, sigma2: float, m: int) -> float:
    """2 v² / Var(v) of v = Var(c'b), a function of the residual variance and the ratio of variances."""
    (_, rss1, rss2), log2 = here.rss, here.log_det[2]
    hessian = np.array([
        [m / sigma2**2, -rss1 / sigma2**2],
        [-rss1 / sigma2**2, rss2 / sigma2 + log2],
    ])
    u = inverse @ c
    gradient = np.array([c @ u, -sigma2 * (u @ here.a1 @ u)])
    variance = 2 * float(gradient @ np.linalg.solve(hessian, gradient))
    return float(2 * (sigma2 * (c @ u)) ** 2 / variance)


def icc_groups(values: Numbers, groups: Sequence[object], level: float = 0.95) -> Result:
    """How alike members of a group are: ICC(1) and ICC(2) from a one-way analysis of variance (Bliese 2000).

    Parameters
    ----------
    values, groups : array_like, shape (n,)
        Paired by position; rows with either missing are left out.

    Returns
    -------
    Result
        estimate: ICC(1) with its F interval (mean group size); test: F. extra: icc2, icc_reml, var_group,
        var_residual, mean_cluster_size, design_effect (from the REML ICC).

    Raises
    ------
    NotEstimableError
        If there is one group only, no group has two members, or nothing varies.
    """
    frame = pd.DataFrame({"y": np.asarray(values, dtype=float), "g": list(groups)}).dropna()
    by = frame.groupby("g", observed=True)["y"]
    n, k = len(frame), by.ngroups
    if k < 2 or n == k:
        raise NotEstimableError(f"{n} persons in {k} group(s): two groups, and one of two persons, are needed")
    within = float(((frame["y"] - by.transform("mean")) ** 2).sum()) / (n - k)
    between = float((by.size() * (by.mean() - frame["y"].mean()) ** 2).sum()) / (k - 1)
    if within <= 1e-20 * float((frame["y"] ** 2).sum()):
        raise NotEstimableError("values do not vary within groups")
    size, f = n / k, between / within
    tail = (1 - level) / 2
    bounds = f / stats.f.isf(tail, k - 1, n - k), f / stats.f.ppf(tail, k - 1, n - k)
    low, high = ((b - 1) / (b + size - 1) for b in bounds)
    icc1 = (between - within) / (between + (size - 1) * within)
    model = random_intercept(frame["y"], pd.DataFrame({"(Intercept)": np.ones(n)}), frame["g"])
    return Result(
        method="intraclass correlation, one-way analysis of variance",
        estimate=Estimate("ICC(1)", icc1, (float(low), float(high)), level),
        test=Test("F", f, (float(k - 1), float(n - k)), float(stats.f.sf(f, k - 1, n - k))),
        n={"persons": n, "groups": k},
        reference="Bliese 2000; interval: Searle 1971",
        extra={
            "icc2": (between - within) / between if between else None,
            "icc_reml": model.icc, "var_group": model.var_group, "var_residual": model.var_residual,
            "mean_cluster_size": size, "design_effect": model.design_effect,
        },
    )
