"""Several waves of the same persons: analysis of variance with repeated measures, alone or beside a grouping."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from lbc.errors import NotEstimableError


class _Spread(NamedTuple):
    """How far the covariance of the wave contrasts is from sphericity, and the degrees of freedom behind it."""

    gg: float
    hf: float
    w: float
    p: float


def _sphericity(errors: np.ndarray, df: int) -> _Spread:
    """Epsilons of Greenhouse & Geisser 1959 and Huynh & Feldt 1976 (as R `car`: not cut at 1), Mauchly's test."""
    k = len(errors)
    gg = float(np.trace(errors) ** 2 / (k * (errors**2).sum()))
    hf = ((df + 1) * k * gg - 2) / (k * (df - k * gg)) if df > k * gg else gg
    w = float(np.linalg.det(errors) / (np.trace(errors) / k) ** k) if df >= k else float("nan")
    if not w > 0 or k == 1:
        return _Spread(gg, hf, float("nan"), float("nan"))
    rho = 1 - (2 * k**2 + k + 2) / (6 * k * df)
    second = (k + 2) * (k - 1) * (k - 2) * (2 * k**3 + 6 * k**2 + 3 * k + 2) / (288 * (df * k * rho) ** 2)
    z, f = -df * rho * float(np.log(w)), k * (k + 1) / 2 - 1
    tail, further = stats.chi2.sf(z, f), stats.chi2.sf(z, f + 4)
    return _Spread(gg, hf, w, float(tail + second * (further - tail)))


def rm_anova(wide: pd.DataFrame, groups: pd.Series | None = None, kind: int = 3) -> pd.DataFrame:
    """Analysis of variance over waves, with persons in groups or without (mixed or one-way repeated measures).

    Parameters
    ----------
    wide : DataFrame, shape (persons, waves)
        Persons with a missing wave are left out.
    groups : Series, optional
        Each person's group, by the index of `wide`.
    kind : {2, 3}
        Type of sums of squares: with type III the waves are compared at the unweighted mean of the groups.

    Returns
    -------
    DataFrame
        One row per term ("group", "wave", "group:wave", as far as there are groups): term, ss, ss_error, df1, df2, F,
        p; for what varies over waves also gg, hf (epsilons), p_gg, p_hf, mauchly_w, p_mauchly (NaN where two waves or
        too few persons leave nothing to test); partial_eta2 and ges (generalised eta squared, Olejnik & Algina 2003).

    Raises
    ------
    NotEstimableError
        If there are fewer than two waves, a group has fewer than two complete persons, or nothing varies within
        persons.

    Examples
    --------
    >>> table = rm_anova(pd.DataFrame([[1, 2, 4], [2, 2, 3], [3, 5, 5], [1, 3, 4]]))
    >>> table[["F", "df1", "df2"]].round(3).to_numpy().tolist()
    [[12.2, 2.0, 6.0]]
    """
    label = pd.Series("all", wide.index) if groups is None else groups.reindex(wide.index)
    complete = wide.notna().all(axis=1) & label.notna()
    y, (codes, names) = wide[complete].to_numpy(float), pd.factorize(label[complete], sort=True)
    (n, waves), g = y.shape, len(names)
    if waves < 2 or n == 0 or np.bincount(codes).min() < 2 or (groups is not None and g < 2):
        raise NotEstimableError("at least two waves, and two complete persons in each group, are needed")
    x = np.column_stack([np.ones(n), *((codes == i) * 1.0 - (codes == g - 1) for i in range(g - 1))])
    inverse, df = np.linalg.inv(x.T @ x), n - g
    centring = np.linalg.qr(np.column_stack([np.ones(waves), np.eye(waves)[:, 1:]]))[0]
    level, within = y @ centring[:, :1], y @ centring[:, 1:]

    def sums(values: np.ndarray, rows: slice) -> np.ndarray:
        b = (inverse @ x.T @ values)[rows]
        return b.T @ np.linalg.inv(inverse[rows, rows]) @ b

    def errors(values: np.ndarray) -> np.ndarray:
        return values.T @ (values - x @ inverse @ x.T @ values)

    e, persons = errors(within), float(errors(level)[0, 0])
    if np.trace(e) <= 1e-12 * (y**2).sum():
        raise NotEstimableError("all persons change exactly alike over the waves")
    wave = within.mean(axis=0)[:, None] @ within.mean(axis=0)[None, :] * n if kind == 2 else sums(within, slice(0, 1))
    spread, total = _sphericity(e, df), persons + float(np.trace(e))
    table = [_row("wave", float(np.trace(wave)), float(np.trace(e)), waves - 1, df * (waves - 1), total, spread)]
    if g > 1:
        between, both = float(sums(level, slice(1, g))[0, 0]), float(np.trace(sums(within, slice(1, g))))
        table.insert(0, _row("group", between, persons, g - 1, df, total, None))
        table.append(
            _row("group:wave", both, float(np.trace(e)), (g - 1) * (waves - 1), df * (waves - 1), total, spread))
    return pd.DataFrame(table)


def _row(
    term: str, ss: float, ss_error: float, df1: int, df2: int, total: float, spread: _Spread | None
) -> dict[str, Any]:
    f = ss / df1 / (ss_error / df2)
    row: dict[str, Any] = {
        "term": term, "ss": ss, "ss_error": ss_error, "df1": df1, "df2": df2, "F": f,
        "p": float(stats.f.sf(f, df1, df2)), "partial_eta2": ss / (ss + ss_error), "ges": ss / (ss + total),
    }
    if spread is None:
        return row
    corrected = {name: float(stats.f.sf(f, min(e, 1) * df1, min(e, 1) * df2))
                 for name, e in (("p_gg", spread.gg), ("p_hf", spread.hf))}
    return row | corrected | {"gg": spread.gg, "hf": spread.hf, "mauchly_w": spread.w, "p_mauchly": spread.p}
