"""The difference of two groups in many data sets at once: one outcome matrix, one group vector per data set.

Covariates are partialled out once (Frisch & Waugh 1933; Lovell 1963); what is left is matrix products, so that a
permutation test over hundreds of regressions takes seconds.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

Fits = tuple[np.ndarray, np.ndarray, np.ndarray]


def fits(kind: str, y: np.ndarray, d: np.ndarray, x: np.ndarray, classes: np.ndarray) -> Fits:
    """Estimate the difference for every outcome in every data set.

    Parameters
    ----------
    kind : {"welch", "ols", "cluster", "within"}
        Difference of means with Welch's errors (x is not used); regression with HC3 errors; regression with the
        jackknife over classes; the same among children of one class (class fixed effects).
    y : ndarray, shape (n, outcomes)
    d : ndarray, shape (n, data sets)
        1 = group of interest, 0 = reference group.
    x : ndarray, shape (n, covariates)
        Without intercept.
    classes : ndarray, shape (n,)

    Returns
    -------
    b, se, df : ndarray, shape (outcomes, data sets)
        NaN where a data set carries no estimate or no standard error.
    """
    with np.errstate(all="ignore"):
        if kind == "welch":
            return _welch(y, d)
        constant = np.ones((len(y), 1))
        if kind == "ols":
            b, se, df = _hc3(y, d, _basis(np.hstack([constant, x])))
        else:
            codes = pd.factorize(classes)[0]
            if kind == "within":
                y, d, x = (_centred(part, codes) for part in (y, d, x))
            b, se, df = _by_class(y, d, _basis(x if kind == "within" else np.hstack([constant, x])), codes)
        return b, se, np.full_like(b, df)


def p_values(b: np.ndarray, se: np.ndarray, df: np.ndarray) -> np.ndarray:
    """Two-sided p; 1 where a data set gives no standard error."""
    with np.errstate(all="ignore"):
        return np.nan_to_num(2 * special.stdtr(df, -np.abs(b / se)), nan=1.0)


def _welch(y: np.ndarray, d: np.ndarray) -> Fits:
    """Difference of means with the variance of each group and the degrees of freedom of Welch (1947)."""
    parts = []
    for here in (d, 1 - d):
        n = here.sum(axis=0)
        mean = y.T @ here / n
        parts.append((n, mean, ((y * y).T @ here / n - mean**2) / (n - 1)))
    (n1, mean1, v1), (n0, mean0, v0) = parts
    return mean1 - mean0, np.sqrt(v1 + v0), (v1 + v0) ** 2 / (v1**2 / (n1 - 1) + v0**2 / (n0 - 1))


def _centred(part: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Each column minus its class means."""
    member = np.equal.outer(codes, np.arange(codes.max() + 1)).astype(float)
    return part - member @ (member.T @ part / member.sum(axis=0)[:, None])


def _basis(x: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span those of x; what is redundant (a grade within its class) falls away."""
    norms = np.linalg.norm(x, axis=0)
    x = x[:, norms > 1e-9] / norms[norms > 1e-9]
    if not x.size:
        return np.zeros((len(x), 0))
    u, size, _ = np.linalg.svd(x, full_matrices=False)
    return u[:, size > 1e-9]


def _hc3(y: np.ndarray, d: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Regression with the errors of MacKinnon & White (1985), HC3, and n - p degrees of freedom."""
    y, d = y - q @ (q.T @ y), d - q @ (q.T @ d)
    dd = (d * d).sum(axis=0)
    b = y.T @ d / dd
    weight = (d / (1 - (q * q).sum(axis=1)[:, None] - d * d / dd)) ** 2
    squares = (y * y).T @ weight - 2 * b * (y.T @ (weight * d)) + b * b * (weight * d * d).sum(axis=0)
    return b, np.sqrt(squares) / dd, len(y) - q.shape[1] - 1


def _by_class(
    y: np.ndarray, d: np.ndarray, q: np.ndarray, codes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int]:
    """Regression with the jackknife over classes, t with classes - 1 df (CV3: MacKinnon, Nielsen & Webb 2023).

    What leaving a class out does to the coefficient is had without refitting, from the inverse of I - QQ' in it.
    """
    y, d = y - q @ (q.T @ y), d - q @ (q.T @ d)
    dd, groups = (d * d).sum(axis=0), int(codes.max()) + 1
    b = y.T @ d / dd
    squares = np.zeros_like(b)
    for g in range(groups):
        here = codes == g
        qg, dg, yg = q[here], d[here], y[here]
        rest = np.eye(q.shape[1]) - qg.T @ qg
        if rest.size and np.linalg.eigvalsh(rest)[0] < 1e-9:  # a covariate that varies in this class alone
            return b, np.full_like(b, np.nan), groups - 1
        seen = qg.T @ dg
        solved = np.linalg.solve(rest, seen)
        own = (dg * dg).sum(axis=0) + (seen * solved).sum(axis=0)
        squares += ((yg.T @ dg + (qg.T @ yg).T @ solved - b * own) * dd / (dd - own)) ** 2
    return b, np.sqrt((groups - 1) / groups * squares) / dd, groups - 1
