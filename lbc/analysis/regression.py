"""Linear regression with standard errors that hold for unequal spread and for children who share a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from lbc.errors import NotEstimableError

HETEROSCEDASTIC = ("HC0", "HC1", "HC2", "HC3")
CLUSTERED = ("CR0", "CR1", "CR1S", "CR2")


class Contrast(NamedTuple):
    """A linear combination of coefficients with its test against zero."""

    value: float
    se: float
    df: float
    t: float
    p: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class LinearFit:
    """Ordinary least squares with the covariance that `kind` names.

    Parameters
    ----------
    kind : str
        "classic", "HC0".."HC3", "CR0", "CR1", "CR1S" or "CR2".
    terms : tuple of str
    coef : ndarray, shape (p,)
    vcov : ndarray, shape (p, p)
    n, n_clusters : int
        n_clusters is 0 without clusters.
    r2, residual_sd, rss : float
    """

    kind: str
    terms: tuple[str, ...]
    coef: np.ndarray
    vcov: np.ndarray
    n: int
    n_clusters: int
    r2: float
    residual_sd: float
    rss: float
    _parts: tuple[np.ndarray, np.ndarray, np.ndarray] | None = field(default=None, repr=False)

    @property
    def se(self) -> np.ndarray:
        """Standard errors, in the order of `terms`."""
        return np.sqrt(np.diag(self.vcov))

    @property
    def df(self) -> np.ndarray:
        """Degrees of freedom per coefficient: Satterthwaite with clusters, else n - p."""
        return np.array([self.contrast_df(row) for row in np.eye(len(self.terms))])

    def contrast_df(self, c: np.ndarray) -> float:
        """Degrees of freedom of c'b; with clusters those of Bell & McCaffrey (2002), eq. 11.

        The reference distribution takes the errors as independent with equal variance, as R `clubSandwich` does.
        """
        if self._parts is None:
            return float(self.n - len(self.terms))
        own, cross, inverse = self._parts
        w = cross @ c
        products = np.diag(np.einsum("i,gij,j->g", c, own, c)) - w @ inverse @ w.T
        return float(np.trace(products) ** 2 / (products**2).sum())

    def contrast(self, c: Sequence[float] | np.ndarray, level: float = 0.95) -> Contrast:
        """c'b with standard error, t test and interval.

        Raises
        ------
        NotEstimableError
            If its standard error is zero.
        """
        c = np.asarray(c, dtype=float)
        value, variance = float(c @ self.coef), float(c @ self.vcov @ c)
        if not variance > 1e-24 * max(1.0, value**2):
            raise NotEstimableError("the standard error is zero")
        se, df = float(np.sqrt(variance)), self.contrast_df(c)
        t, half = value / se, float(stats.t.isf((1 - level) / 2, df)) * se
        return Contrast(value, se, df, t, float(2 * stats.t.sf(abs(t), df)), value - half, value + half)

    def coefficient(self, term: str, level: float = 0.95) -> Contrast:
        """The contrast of one term."""
        return self.contrast(np.eye(len(self.terms))[self.terms.index(term)], level)

    def table(self, level: float = 0.95) -> pd.DataFrame:
        """One row per term: term, estimate, se, df, t, p, low, high."""
        rows = [self.coefficient(term, level)._asdict() for term in self.terms]
        return pd.DataFrame(rows).rename(columns={"value": "estimate"}).assign(term=self.terms)[
            ["term", "estimate", "se", "df", "t", "p", "low", "high"]
        ]


def _solve(y: np.ndarray, x: np.ndarray, terms: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, residuals and (X'X)^-1, or the name of the column that the others make redundant."""
    n, p = x.shape
    if n <= p:
        raise NotEstimableError(f"{n} complete rows are too few for {p} coefficients")
    norms = np.linalg.norm(x, axis=0)
    q, r = np.linalg.qr(x / np.where(norms > 0, norms, 1.0))
    weak = np.flatnonzero(np.abs(np.diag(r)) < 1e-9)
    if weak.size:
        raise NotEstimableError(f"'{terms[weak[0]]}' does not vary, or is given by the other predictors")
    inverse_r = np.linalg.inv(r) / norms[:, None]
    coef = inverse_r @ (q.T @ y)
    return coef, y - x @ coef, inverse_r @ inverse_r.T


def linear(
    y: Sequence[float], x: pd.DataFrame, kind: str = "HC3", clusters: Sequence[object] | None = None
) -> LinearFit:
    """Ordinary least squares.

    Parameters
    ----------
    y : array_like, shape (n,)
    x : DataFrame, shape (n, p)
        The design matrix with its intercept column; rows pair with y by position, nothing missing.
    kind : str
        Covariance: "classic"; "HC0".."HC3" for unequal spread (MacKinnon & White 1985); "CR0", "CR1", "CR1S"
        (as Stata) or "CR2" (Bell & McCaffrey 2002; Pustejovsky & Tipton 2018) for clusters.
    clusters : array_like, shape (n,), optional
        Needed by the CR kinds.

    Returns
    -------
    LinearFit

    Raises
    ------
    NotEstimableError
        If values are missing, rows are too few, columns are redundant, nothing is left to explain, one row alone
        determines a coefficient (HC2, HC3), or there is only one cluster.
    """
    if kind not in ("classic", *HETEROSCEDASTIC, *CLUSTERED):
        raise ValueError(f"unknown kind of covariance {kind!r}")
    terms = tuple(map(str, x.columns))
    y, design = np.asarray(y, dtype=float), x.to_numpy(dtype=float)
    if not (np.isfinite(y).all() and np.isfinite(design).all()):
        raise NotEstimableError("values are missing or infinite")
    coef, residuals, inverse = _solve(y, design, terms)
    n, p = design.shape
    rss, total = float(residuals @ residuals), float(((y - y.mean()) ** 2).sum())
    if rss <= 1e-20 * float(y @ y) or total == 0:
        raise NotEstimableError("the outcome does not vary around the model")
    parts, groups = None, 0
    if kind == "classic":
        vcov = inverse * rss / (n - p)
    elif kind in HETEROSCEDASTIC:
        vcov = _heteroscedastic(design, residuals, inverse, kind)
    elif clusters is None:
        raise ValueError(f"{kind} needs clusters")
    else:
        vcov, parts, groups = _clustered(design, residuals, inverse, clusters, kind)
    return LinearFit(kind, terms, coef, vcov, n, groups, 1 - rss / total, float(np.sqrt(rss / (n - p))), rss, parts)


def _heteroscedastic(x: np.ndarray, e: np.ndarray, inverse: np.ndarray, kind: str) -> np.ndarray:
    n, p = x.shape
    leverage = np.einsum("ij,jk,ik->i", x, inverse, x)
    if kind in ("HC2", "HC3") and leverage.max() > 1 - 1e-10:
        raise NotEstimableError("one person alone determines a coefficient")
    weight = {"HC0": 1.0, "HC1": n / (n - p), "HC2": 1 / (1 - leverage), "HC3": 1 / (1 - leverage) ** 2}[kind]
    half = x @ inverse
    return (half * (weight * e**2)[:, None]).T @ half


def _clustered(
    x: np.ndarray, e: np.ndarray, inverse: np.ndarray, clusters: Sequence[object], kind: str
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray], int]:
    """Sandwich over clusters, and per cluster T'T and X'T (T = A X M) from which degrees of freedom follow."""
    n, p = x.shape
    codes, names = pd.factorize(pd.Series(list(clusters)))
    groups = len(names)
    if len(codes) != n or (codes < 0).any():
        raise NotEstimableError("some rows have no cluster")
    if groups < 2:
        raise NotEstimableError("all children are in one cluster; at least two are needed")
    vcov, own, cross = np.zeros((p, p)), np.empty((groups, p, p)), np.empty((groups, p, p))
    for g in range(groups):
        rows = np.flatnonzero(codes == g)
        xg = x[rows]
        t = xg @ inverse
        if kind == "CR2":
            values, vectors = np.linalg.eigh(np.eye(rows.size) - t @ xg.T)
            root = np.where(values > 1e-12, 1 / np.sqrt(np.maximum(values, 1e-12)), 0.0)
            t = vectors @ (root[:, None] * (vectors.T @ t))
        score = t.T @ e[rows]
        vcov += np.outer(score, score)
        own[g], cross[g] = t.T @ t, xg.T @ t
    scale = {"CR1": groups / (groups - 1), "CR1S": groups * (n - 1) / ((groups - 1) * (n - p))}.get(kind, 1.0)
    return vcov * scale, (own, cross, inverse), groups


def cluster_robust(
    y: Sequence[float], x: pd.DataFrame, clusters: Sequence[object], kind: str = "CR2"
) -> LinearFit:
    """OLS with cluster-robust standard errors and Satterthwaite degrees of freedom; few clusters need "CR2".

    Parameters
    ----------
    y, x, clusters
        As `linear`.
    kind : {"CR2", "CR0", "CR1", "CR1S"}

    Returns
    -------
    LinearFit
        `.coef`, `.se`, `.df` in the order of `.terms`; `.contrast(c)`; `.table()`.

    Raises
    ------
    NotEstimableError
        As `linear`.
    """
    if kind not in CLUSTERED:
        raise ValueError(f"kind must be one of {CLUSTERED}")
    return linear(y, x, kind, clusters)


def design(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Intercept and predictors; text, category and true/false columns become dummies against their first level.

    Parameters
    ----------
    frame : DataFrame
        Complete rows.
    columns : sequence of str

    Returns
    -------
    DataFrame
        Float columns named "(Intercept)", "age", "grade: 4", ...

    Raises
    ------
    NotEstimableError
        If a predictor does not vary.
    """
    parts: dict[str, np.ndarray] = {"(Intercept)": np.ones(len(frame))}
    for name in columns:
        column = frame[name]
        if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
            levels = sorted(column.dropna().astype(str).unique())
            parts |= {f"{name}: {level}": (column.astype(str) == level).to_numpy(float) for level in levels[1:]}
            varies = len(levels) > 1
        else:
            parts[name] = column.to_numpy(dtype=float)
            varies = column.nunique() > 1
        if not varies:
            raise NotEstimableError(f"'{name}' does not vary among the complete rows")
    return pd.DataFrame(parts, index=frame.index)
