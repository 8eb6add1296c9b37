"""Models in which the slope of a predictor, too, may differ between classes (random slopes).

The group deviations have covariance sigma² L L' with L lower triangular; the likelihood is profiled over everything
but L and climbed with its exact gradient (Bates, Mächler, Bolker & Walker 2015 have the same parametrisation).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from lbc.analysis.multilevel import complete, fixed_effects, random_intercept
from lbc.analysis.stats import holm
from lbc.errors import NotEstimableError

MOST_SLOPES = 3
NEWTON_STEPS = 10
DIGITS = 6
"""Significant digits of a table of many fits: beyond, processors differ."""


@dataclass(frozen=True, eq=False)
class SlopesModel:
    """A fitted model with a random intercept and random slopes.

    Parameters
    ----------
    fixed : DataFrame
        term, estimate, se, df (Satterthwaite), t, p, low, high.
    vcov : ndarray, shape (p, p)
    covariance : DataFrame, shape (q, q)
        Of the groups' deviations: intercept first, then each slope.
    var_residual : float
    singular : bool
        A direction of `covariance` is estimated as zero.
    log_lik, aic, bic : float
        REML or ML, as fitted; BIC counts observations.
    n, n_groups : int
    """

    fixed: pd.DataFrame
    vcov: np.ndarray
    covariance: pd.DataFrame
    var_residual: float
    singular: bool
    log_lik: float
    aic: float
    bic: float
    n: int
    n_groups: int
    reference: str = "Laird & Ware 1982; Satterthwaite df: Kuznetsova et al. 2017"


class _Here(NamedTuple):
    """The likelihood's parts at one L: X'V⁻¹X, coefficients, residual sum of squares, log determinant; per group
    Z'V⁻¹Z, Z'V⁻¹X and Z'V⁻¹(y - Xb), from which every derivative follows (V in units of the residual variance)."""

    a: np.ndarray
    beta: np.ndarray
    rss: float
    log_det: float
    zvz: np.ndarray
    zvx: np.ndarray
    zve: np.ndarray

    def slope(self, factor: np.ndarray, sigma2: float, reml: bool) -> np.ndarray:
        """Derivative of the deviance in the entries of L (lower triangle), the residual variance held."""
        by_psi = self.zvz.sum(axis=0) - self.zve.T @ self.zve / sigma2
        if reml:
            by_psi -= np.einsum("gik,kl,gjl->ij", self.zvx, np.linalg.inv(self.a), self.zvx)
        return (2 * by_psi @ factor)[np.tril_indices(len(factor))]


class _Likelihood:
    """Everything that depends on the data, added up per group."""

    def __init__(self, x: np.ndarray, y: np.ndarray, z: np.ndarray, codes: np.ndarray, reml: bool) -> None:
        groups, self.q, self.reml = codes.max() + 1, z.shape[1], reml
        self.m = len(y) - x.shape[1] if reml else len(y)
        self.xx, self.xy, self.yy = x.T @ x, x.T @ y, float(y @ y)
        products = z[:, :, None] * np.column_stack([z, x, y])[:, None, :]
        sums = np.zeros((groups, *products.shape[1:]))
        np.add.at(sums, codes, products)
        self.zz, self.zx, self.zy = sums[:, :, : self.q], sums[:, :, self.q:-1], sums[:, :, -1]

    def factor(self, theta: np.ndarray) -> np.ndarray:
        matrix = np.zeros((self.q, self.q))
        matrix[np.tril_indices(self.q)] = theta
        return matrix

    def at(self, theta: np.ndarray) -> _Here:
        factor = self.factor(theta)
        middle = np.eye(self.q) + factor.T @ self.zz @ factor
        w = factor @ np.linalg.solve(middle, np.broadcast_to(factor.T, middle.shape))
        keep = np.eye(self.q) - self.zz @ w
        zvx, zvy = keep @ self.zx, np.einsum("gij,gj->gi", keep, self.zy)
        a = self.xx - np.einsum("gik,gij,gjl->kl", self.zx, w, self.zx)
        b = self.xy - np.einsum("gik,gij,gj->k", self.zx, w, self.zy)
        beta = np.linalg.solve(a, b)
        rss = self.yy - float(np.einsum("gi,gij,gj->", self.zy, w, self.zy)) - float(b @ beta)
        log_det = float(np.linalg.slogdet(middle)[1].sum()) + (np.linalg.slogdet(a)[1] if self.reml else 0.0)
        return _Here(a, beta, rss, log_det, keep @ self.zz, zvx, zvy - zvx @ beta)

    def deviance(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Profiled deviance without its constant, and its gradient."""
        here = self.at(theta)
        gradient = here.slope(self.factor(theta), here.rss / self.m, self.reml)
        return self.m * np.log(here.rss / self.yy) + here.log_det, gradient

    def best(self) -> np.ndarray:
        """The L of highest likelihood, from three starts; its diagonal is not negative."""
        from scipy.optimize import minimize

        rows, columns = np.tril_indices(self.q)
        bounds = [(0, None) if i == j else (None, None) for i, j in zip(rows, columns, strict=True)]
        fits = [minimize(self.deviance, size * (rows == columns), jac=True, method="L-BFGS-B", bounds=bounds,
                         options={"ftol": 1e-15, "gtol": 1e-8, "maxiter": 1000}) for size in (0.05, 0.3, 1.0)]
        theta = min(fits, key=lambda fit: fit.fun).x
        free = (rows != columns) | (theta > 1e-5)
        theta[~free] = 0.0
        for _ in range(NEWTON_STEPS):  # to rounding error, so that every processor finds the same
            slope = self.deviance(theta)[1]
            hessian = differences(lambda at: self.deviance(at)[1], theta)[np.ix_(free, free)]
            moved = theta.copy()
            moved[free] -= np.linalg.lstsq(hessian, slope[free], rcond=1e-10)[0]
            if np.abs(self.deviance(moved)[1][free]).max() >= np.abs(slope[free]).max():
                break
            theta = moved
        return theta

    def information(self, theta: np.ndarray, sigma2: float) -> np.ndarray:
        """Second derivatives of the deviance in the entries of L and the log residual variance, by differences."""
        def gradient(at: np.ndarray) -> np.ndarray:
            here, variance = self.at(at[:-1]), np.exp(at[-1])
            by_theta = here.slope(self.factor(at[:-1]), variance, self.reml)
            return np.append(by_theta, self.m - here.rss / variance)

        return differences(gradient, np.append(theta, np.log(sigma2)))


def differences(gradient: Callable[[np.ndarray], np.ndarray], place: np.ndarray, step: float = 1e-4) -> np.ndarray:
    """Second derivatives from a gradient, by central differences."""
    columns = [(gradient(place + step * e) - gradient(place - step * e)) / (2 * step) for e in np.eye(len(place))]
    return (np.array(columns) + np.array(columns).T) / 2


def random_slopes(
    y: Sequence[float], x: pd.DataFrame, slopes: Sequence[str], groups: Sequence[object], reml: bool = True,
    level: float = 0.95,
) -> SlopesModel:
    """Linear model with a random intercept and random slopes, freely correlated, per group.

    Parameters
    ----------
    y : array_like, shape (n,)
    x : DataFrame, shape (n, p)
        Fixed effects with the intercept column; rows pair with y and groups by position. Incomplete rows are dropped.
    slopes : list of str
        One to three columns of `x` whose slope differs between groups.
    groups : array_like, shape (n,)
    reml : bool
    level : float

    Raises
    ------
    NotEstimableError
        As `random_intercept`, or if there are not more rows than random deviations.
    """
    if not 1 <= len(slopes) <= MOST_SLOPES:
        raise NotEstimableError(f"{len(slopes)} random slopes; one to {MOST_SLOPES} can be fitted")
    data = complete(y, x, groups)
    n, p = data.design.shape
    z = np.column_stack([np.ones(n), data.design[:, [x.columns.get_loc(name) for name in slopes]]])
    if n <= z.shape[1] * len(data.names):
        raise NotEstimableError(f"{n} rows are too few for {z.shape[1]} deviations of {len(data.names)} groups each")
    scale = np.append(1.0, z[:, 1:].std(axis=0))
    model = _Likelihood(data.q, data.rest, z / scale, data.codes, reml)
    theta = model.best()
    here, factor = model.at(theta), model.factor(theta) / scale[:, None]
    sigma2 = here.rss / model.m
    vcov = sigma2 * data.back @ np.linalg.inv(here.a) @ data.back.T
    values, vectors = np.linalg.eigh(model.information(theta, sigma2))
    sure = values > 1e-6 * values.max()  # where the likelihood is flat, on the boundary, nothing is learnt
    inverse = vectors[:, sure] / values[sure] @ vectors[:, sure].T
    df = [_satterthwaite(here, model.factor(theta), sigma2, row, inverse) for row in data.back]
    log_lik = -(model.m * (np.log(2 * np.pi * sigma2) + 1) + here.log_det + (data.log_det if reml else 0.0)) / 2
    parameters = p + len(theta) + 1
    names, beta = ["(Intercept)", *slopes], data.back @ (data.start + here.beta)
    return SlopesModel(
        fixed=fixed_effects(x.columns, beta, np.sqrt(np.diag(vcov)), np.array(df), level),
        vcov=vcov, covariance=pd.DataFrame(sigma2 * factor @ factor.T, names, names), var_residual=sigma2,
        singular=bool(np.linalg.svd(model.factor(theta), compute_uv=False)[-1] < 1e-4),
        log_lik=float(log_lik), aic=float(2 * parameters - 2 * log_lik),
        bic=float(np.log(n) * parameters - 2 * log_lik), n=n, n_groups=len(data.names),
    )


def _satterthwaite(here: _Here, factor: np.ndarray, sigma2: float, c: np.ndarray, inverse: np.ndarray) -> float:
    """2 v² / Var(v) of v = Var(c'b), by the delta method (the deviance's information is twice the likelihood's)."""
    u = np.linalg.solve(here.a, c)
    shift = here.zvx @ u
    by_theta = (2 * sigma2 * shift.T @ shift @ factor)[np.tril_indices(len(factor))]
    value = sigma2 * float(c @ u)
    gradient = np.append(by_theta, value)
    return value**2 / float(gradient @ inverse @ gradient)


def slope_differences(frame: pd.DataFrame, outcome: str, predictors: Sequence[str], cluster: str) -> pd.DataFrame:
    """Does the slope of a predictor differ from class to class? Each number in a model of its own.

    The predictor is centred at its class mean, so that the slope compares children of the same class.

    Returns
    -------
    DataFrame
        One row per predictor: predictor, slope with low, high, df (Satterthwaite), slope_sd (between classes), chi2
        and p of the likelihood-ratio test against one slope for all (from the half-and-half mixture of chi-square
        with 1 and 2 degrees of freedom: Stram & Lee 1994), p_holm over the rows, n, clusters.

    Raises
    ------
    NotEstimableError
        If no predictor can be tested.
    """
    rows = []
    for name in [name for name in predictors if pd.api.types.is_numeric_dtype(frame[name])]:
        part = frame[[outcome, name, cluster]].dropna()
        x = pd.DataFrame({"(Intercept)": 1.0, name: part[name] - part.groupby(cluster)[name].transform("mean")})
        try:
            one = random_intercept(part[outcome], x, part[cluster].tolist())
            model = random_slopes(part[outcome], x, [name], part[cluster].tolist())
        except NotEstimableError:
            continue
        chi2, fixed = max(0.0, 2 * (model.log_lik - one.log_lik)), model.fixed.iloc[1]
        rows.append({
            "predictor": name, "slope": fixed.estimate, "low": fixed.low, "high": fixed.high, "df": fixed.df,
            "slope_sd": model.covariance.loc[name, name] ** 0.5, "chi2": chi2,
            "p": (stats.chi2.sf(chi2, 1) + stats.chi2.sf(chi2, 2)) / 2, "n": model.n, "clusters": model.n_groups,
        })
    if not rows:
        raise NotEstimableError("for no predictor can the slopes of the classes be told apart")
    table = pd.DataFrame(rows)
    table.insert(8, "p_holm", holm(table["p"]))
    return table.map(lambda value: float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value)
