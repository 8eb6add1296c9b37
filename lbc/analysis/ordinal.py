"""Items with few ordered answers: polychoric correlations, ordinal alpha, and factor models by WLSMV.

Each answer is taken for a slice of a normal latent response, cut at thresholds. Estimation has three steps (Muthen
1984): thresholds from each item's shares, polychoric correlations from pairs of items (Olsson 1979), then the factor
model by diagonally weighted least squares, with robust standard errors and the mean-and-variance adjusted chi-square
(Asparouhov & Muthen 2010). Conventions are those of lavaan's WLSMV with one group (Rosseel 2012). Persons with a
missing answer are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import linalg, optimize, special

from lbc.analysis import cfa
from lbc.analysis.cfa_estimation import Sample, starts
from lbc.analysis.cfa_model import Model, specify
from lbc.analysis.psychometrics import complete
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test

MOST_CATEGORIES = 12
NODES, WEIGHTS = np.polynomial.legendre.leggauss(48)  # exact to 12 digits up to a correlation of .9999


class Polychoric(NamedTuple):
    """Thresholds and polychoric correlations, and how they vary from sample to sample.

    Parameters
    ----------
    n : int
        Persons.
    limits : list of array
        Each item's thresholds, between -inf and inf.
    corr : DataFrame
        Polychoric correlations, items x items.
    gamma : array
        n times the covariance matrix of all thresholds, item by item, and then of the correlations of the pairs
        (1, 2), (1, 3), ...
    """

    n: int
    limits: list[np.ndarray]
    corr: pd.DataFrame
    gamma: np.ndarray


def _normal(rho: float, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, ...]:
    """P(x <= a, y <= b) for all pairs of limits, and its slopes in rho, a and b.

    The probability is the product of both plus the integral of the density from correlation 0 to rho (Owen 1956).
    """
    x, y = np.meshgrid(np.clip(a, -9, 9), np.clip(b, -9, 9), indexing="ij")  # nobody is beyond 9 SD
    sine = np.sin(np.arcsin(rho) * (NODES + 1) / 2)[:, None, None]
    path = np.exp(-(x**2 + y**2 - 2 * x * y * sine) / (2 * (1 - sine**2)))
    both = special.ndtr(x) * special.ndtr(y) + np.arcsin(rho) * np.tensordot(WEIGHTS, path, 1) / (4 * np.pi)
    root = np.sqrt(1 - rho**2)
    in_rho = np.exp(-(x**2 + y**2 - 2 * x * y * rho) / (2 * root**2)) / (2 * np.pi * root)
    in_a, in_b = (_density(u) * special.ndtr((v - rho * u) / root) for u, v in ((x, y), (y, x)))
    return both, in_rho, in_a, in_b


def _density(x: np.ndarray) -> np.ndarray:
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


def _cells(below: np.ndarray) -> np.ndarray:
    """Cells of a table from the sums below and left of their corners."""
    return np.diff(np.diff(below, axis=0), axis=1)


def polychoric(items: pd.DataFrame) -> Polychoric:
    """Polychoric correlations in two steps, with the asymptotic covariance of thresholds and correlations.

    Parameters
    ----------
    items : DataFrame
        Persons x items, with 2 to 12 different answers each.

    Raises
    ------
    NotEstimableError
        If there are too few items or persons, an item has one answer only or more than 12, the answers to two items
        go together without exception (a correlation beyond .99, or an empty cell in a table of two by two), or the
        correlations contradict one another.

    References
    ----------
    Olsson 1979 (estimates); Muthen 1984 (covariance).
    """
    answers = complete(items)
    (n, k), names = answers.shape, list(answers.columns)
    if most := [name for name in names if answers[name].nunique() > MOST_CATEGORIES]:
        raise NotEstimableError(f"{most[0]} has more than {MOST_CATEGORIES} different answers: not an ordinal item")
    codes = [np.unique(answers[name], return_inverse=True)[1] for name in names]
    shares = [np.bincount(numbers) / n for numbers in codes]
    limits = [np.concatenate([[-np.inf], special.ndtri(np.cumsum(share)[:-1]), [np.inf]]) for share in shares]
    own = [slice(*ends) for ends in pairwise(np.cumsum([0, *(len(share) - 1 for share in shares)]))]
    pairs, q, corr = list(combinations(range(k), 2)), own[-1].stop, np.eye(k)
    scores, bread = np.zeros((n, q + len(pairs))), np.zeros((q + len(pairs), q + len(pairs)))
    for at, share, cuts, numbers in zip(own, shares, limits, codes, strict=True):
        scores[:, at] = (np.diff(np.diag(_density(cuts))[:, 1:-1], axis=0) / share[:, None])[numbers]
        bread[at, at] = scores[:, at].T @ scores[:, at]
    for r, (i, j) in enumerate(pairs, start=q):
        table = np.zeros((len(shares[i]), len(shares[j])))
        np.add.at(table, (codes[i], codes[j]), 1)
        corr[i, j] = corr[j, i] = rho = _most_likely(table, limits[i], limits[j])
        if abs(rho) > 0.99 or (table.size == 4 and not table.all()):
            raise NotEstimableError(f"the answers to {names[i]} and {names[j]} go together without exception")
        both, in_rho, in_i, in_j = _normal(rho, limits[i], limits[j])
        share = np.where(table > 0, _cells(both), 1.0)
        slope = np.where(table > 0, _cells(in_rho) / share, 0.0)
        scores[:, r] = slope[codes[i], codes[j]]
        bread[r, r] = (table * slope**2).sum()
        each = table * slope / share
        bread[r, own[i]] = -(np.diff(each, axis=0) * np.diff(in_i[1:-1], axis=1)).sum(axis=1)
        bread[r, own[j]] = -(np.diff(each, axis=1) * np.diff(in_j[:, 1:-1], axis=0)).sum(axis=0)
    if np.linalg.eigvalsh(corr)[0] < 1e-8:
        raise NotEstimableError("the polychoric correlations contradict one another (not positive definite)")
    influence = np.linalg.solve(bread, scores.T)
    return Polychoric(n, limits, pd.DataFrame(corr, names, names), n * (influence @ influence.T))


def _most_likely(table: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """The correlation that makes a table of two items most likely, given their thresholds."""
    seen = table > 0

    def unlikely(rho: float) -> float:
        return -float(table[seen] @ np.log(np.maximum(_cells(_normal(rho, a, b)[0])[seen], 1e-12)))

    found = optimize.minimize_scalar(unlikely, bounds=(-0.9999, 0.9999), method="bounded", options={"xatol": 1e-8})
    return float(found.x)


def ordinal_alpha(items: pd.DataFrame, level: float = 0.95) -> Result:
    """Ordinal alpha: Cronbach's alpha of the latent responses, from polychoric correlations, with Wald's interval.

    It tells how reliable the sum would be if each item had been answered on a fine scale, not how reliable the sum
    score at hand is (Chalmers 2018): show it beside alpha, never instead of it.

    Parameters
    ----------
    items : DataFrame
        Keyed items, persons x items.
    level : float

    Returns
    -------
    Result
        `extra`: items, se, eigenvalues (of the polychoric matrix, largest first).

    References
    ----------
    Zumbo, Gadermann & Zeisser 2007.
    """
    found = polychoric(items)
    k, whole, pairs = len(found.corr), float(found.corr.sum(axis=None)), -(found.corr.size - len(found.corr)) // 2
    value = k / (k - 1) * (1 - k / whole)
    se = float(k / (k - 1) * 2 * k / whole**2 * np.sqrt(found.gamma[pairs:, pairs:].sum() / found.n))
    z = float(special.ndtri((1 + level) / 2))
    extra = {"items": k, "se": se, "eigenvalues": np.linalg.eigvalsh(found.corr)[::-1].tolist()}
    return Result("ordinal alpha (polychoric correlations)",
                  Estimate("ordinal alpha", value, (value - z * se, value + z * se), level), n={"persons": found.n},
                  reference="Zumbo, Gadermann & Zeisser 2007", extra=extra)


class Responses(Model):
    """A model of latent responses; in one group their variance is 1, so that residual variances follow."""

    def values(self, theta: np.ndarray) -> np.ndarray:
        values = super().values(theta)
        if self.n_groups == 1:
            rows, i, j = self.place[0, "T"]
            values[rows[i == j]] += 1 - np.diag(self.implied(values, 0)[1])
        return values


@dataclass(frozen=True)
class OrdinalFit(cfa.CfaFit):
    """As CfaFit; `samples` has the polychoric correlations, `steps` what `difference` needs.

    `fit`: n, npar (with thresholds), df, chi2, baseline_chi2, baseline_df, cfi, tli, rmsea, rmsea_low, rmsea_high
    (90 %), rmsea_p, srmr; from adjusted chi-squares chi2_scaled, p_scaled, scaling, baseline_chi2_scaled and the
    indices with `_scaled`. The plain chi2 has no p: it is not chi-square distributed. Limits made for maximum
    likelihood (CFI .95, RMSEA .06) are too lenient here (Xia & Yang 2019).
    """

    steps: tuple[np.ndarray, ...] = field(repr=False)  # slopes, weighted slopes, bread, gamma


def fit(
    model: str, data: pd.DataFrame, group: str | None = None, equal: Sequence[str] = (), *,
    groups: Sequence[Any] | None = None,
) -> OrdinalFit:
    """Fit a confirmatory factor model of ordinal items by WLSMV.

    Parameters
    ----------
    model, data, group, groups
        As in `cfa.fit`.
    equal : (), ("thresholds",) or ("thresholds", "loadings")
        Held equal over groups. With equal thresholds latent means and residual variances are free from the second
        group on while intercepts stay 0 everywhere, so that this step tests intercepts together with thresholds (Wu &
        Estabrook 2016 separate the two).

    Returns
    -------
    OrdinalFit
        One group: latent responses have variance 1 (delta parameterisation). Several: residual variances are 1, with
        equal thresholds in the first group only (theta parameterisation).

    Raises
    ------
    ValueError
        If the model text cannot be read, names a column that is not there, or `equal` is something else.
    NotEstimableError
        As `polychoric`; if a group never gave an answer that another gave (see `measurement.merge_empty`); if the
        model has no degrees of freedom or is not identified.

    References
    ----------
    Muthen 1984; Muthen, du Toit & Spisic 1997; Asparouhov & Muthen 2010; Millsap & Yun-Tein 2004 (groups).
    """
    if tuple(equal) not in ((), ("thresholds",), ("thresholds", "loadings")):
        raise ValueError("thresholds can be held equal, or thresholds and loadings")
    labels, frames, left_out = cfa._split(model, data, group, groups)
    if odd := [name for name in frames[0] if len({tuple(sorted(frame[name].unique())) for frame in frames}) > 1]:
        raise NotEstimableError(f"some group never gave an answer to {', '.join(odd)} that another gave")
    found, spec = [polychoric(frame) for frame in frames], _specify(model, len(frames), equal)
    sizes, total, n_groups = [p.n for p in found], sum(p.n for p in found), len(found)
    (i, j), q = np.triu_indices(len(spec.items), 1), spec.link.shape[1]
    item = np.repeat(range(len(spec.items)), [len(limits) - 2 for limits in found[0].limits])
    own = 1 if "thresholds" in equal else n_groups  # sets of thresholds
    cuts = [np.concatenate([limits[1:-1] for limits in p.limits]) for p in found]

    def moments(theta: np.ndarray) -> np.ndarray:
        values, thresholds, parts = spec.values(theta[:q]), theta[q:].reshape(own, -1), []
        for g in range(n_groups):
            mean, cov = spec.implied(values, g)
            sd = np.sqrt(np.diag(cov).clip(1e-8))
            parts += [(thresholds[g % own] - mean[item]) / sd[item], (cov / np.outer(sd, sd))[i, j]]
        return np.concatenate(parts)

    samples = [Sample(frame.to_numpy(), np.zeros(len(p.corr)), p.corr.to_numpy())
               for frame, p in zip(frames, found, strict=True)]
    observed = np.concatenate([part for cut, s in zip(cuts, samples, strict=True) for part in (cut, s.cov[i, j])])
    gamma = linalg.block_diag(*(p.gamma * total / p.n for p in found))
    weights, start = 1 / np.diag(gamma), np.concatenate([starts(spec, samples), *cuts[:own]])
    df = len(observed) - len(start)
    if df < 1:
        raise NotEstimableError(f"{len(start)} parameters for {len(observed)} moments: the model cannot be tested")
    best = optimize.least_squares(lambda theta: np.sqrt(weights) * (observed - moments(theta)), start, jac="3-point",
                                  x_scale="jac", ftol=1e-14, xtol=1e-12, gtol=1e-12, max_nfev=200)
    slopes = -best.jac / np.sqrt(weights)[:, None]
    weighted = weights[:, None] * slopes
    steps = slopes, weighted, cfa._inverse(slopes.T @ weighted), gamma
    pull = (steps[2] @ weighted.T)[:q]
    problems = [] if best.status > 0 else ["the estimation did not converge"]
    problems += cfa._improper(spec, best.x[:q], labels)
    return OrdinalFit(model, "WLSMV", labels, dict(zip(labels, sizes, strict=True)), left_out,
                      _measures(sizes, observed, moments(best.x), steps, len(i)), best.status > 0, problems, spec,
                      samples, best.x[:q], pull @ gamma @ pull.T / (total - n_groups), steps)


def _specify(model: str, n_groups: int, equal: Sequence[str]) -> Responses:
    """As `cfa_model.specify`, with intercepts 0 and residual variances 1 where equal thresholds do not free them."""
    plain, rows = specify(model, n_groups, [{"thresholds": "intercepts"}.get(word, word) for word in equal]), []
    for row in plain.rows:
        fixed = row.matrix == "n" or (row.matrix == "T" and row.i == row.j and not (equal and row.group))
        rows.append(row._replace(free=-1, value=float(row.matrix == "T")) if fixed else row)
    kept = sorted({row.free for row in rows} - {-1})
    rows = [row._replace(free=kept.index(row.free)) if row.free >= 0 else row for row in rows]
    return Responses(rows, plain.items, plain.factors, n_groups)


def _measures(
    sizes: list[int], observed: np.ndarray, implied: np.ndarray, steps: tuple[np.ndarray, ...], pairs: int
) -> dict[str, float]:
    """Fit indices; of each group's moments the last `pairs` are correlations, those before them thresholds."""
    slopes, weighted, bread, gamma = steps
    n_groups, total, weights, each = len(sizes), sum(sizes), 1 / np.diag(gamma), len(observed) // len(sizes)
    is_rho = np.tile(np.arange(each) >= each - pairs, n_groups)
    off, df, base_df, n = observed - implied, len(observed) - slopes.shape[1], n_groups * pairs, total - n_groups
    pay = weights * np.repeat([total * (size - 1) / size for size in sizes], each)
    chi2, base = float(pay @ off**2), float(pay[is_rho] @ observed[is_rho] ** 2)
    scaled, scaling = _adjusted(chi2, (np.diag(weights) - weighted @ bread @ weighted.T) @ gamma, df)
    base_scaled, _ = _adjusted(base, np.diag(weights * is_rho) @ gamma, base_df)
    plain, adjusted = (cfa._incremental(own, df, alone, base_df) | cfa._rmsea(own, df, n, n_groups)
                       for own, alone in ((chi2, base), (scaled, base_scaled)))
    k = (1 + np.sqrt(1 + 8 * pairs)) / 2
    srmr = [np.sqrt((part**2).sum() / (k * (k + 1) / 2)) for part in np.split(off[is_rho], n_groups)]
    return {
        "n": total, "npar": slopes.shape[1], "df": df, "chi2": chi2, "baseline_chi2": base, "baseline_df": base_df,
        **plain, "srmr": float(np.average(srmr, weights=sizes)), "chi2_scaled": scaled,
        "p_scaled": float(special.chdtrc(df, scaled)), "scaling": scaling, "baseline_chi2_scaled": base_scaled,
        **{f"{name}_scaled": value for name, value in adjusted.items()},
    }


def difference(restricted: OrdinalFit, free: OrdinalFit) -> Test:
    """Mean-and-variance adjusted chi-square difference of two nested models (Satorra 2000, as lavaan has it).

    Raises
    ------
    NotEstimableError
        If the restricted model has no more degrees of freedom.
    """
    df = restricted.fit["df"] - free.fit["df"]
    if df < 1:
        raise NotEstimableError("the restricted model has no more degrees of freedom than the free one")
    slopes, weighted, bread, gamma = free.steps
    lost = linalg.null_space(np.linalg.lstsq(slopes, restricted.steps[0], rcond=None)[0].T)  # what is held equal
    pull = weighted @ bread @ lost
    spread = pull @ np.linalg.solve(lost.T @ bread @ lost, pull.T) @ gamma
    scaled, _ = _adjusted(restricted.fit["chi2"] - free.fit["chi2"], spread, df)
    return Test("scaled chi-square difference", scaled, df, float(special.chdtrc(df, scaled)))


def _adjusted(chi2: float, spread: np.ndarray, df: int) -> tuple[float, float]:
    """Mean-and-variance adjusted ("scaled and shifted") chi-square, and its scaling factor."""
    root = np.sqrt(df / np.trace(spread @ spread))
    return float(max(root * (chi2 - np.trace(spread)) + df, 0.0)), float(1 / root)


def one_factor_fit(items: pd.DataFrame) -> Result:
    """One factor of ordinal items by WLSMV: the sensitivity analysis beside maximum likelihood.

    Parameters
    ----------
    items : DataFrame
        Keyed items, persons x items, at least four.

    Returns
    -------
    Result
        The estimate is CFI, the effect RMSEA (both scaled), the test the adjusted chi-square. `extra`: what `fit`
        gives, and loadings (standardised).

    Raises
    ------
    NotEstimableError
        As `fit`, or if the solution is improper or did not converge.
    """
    names = {column: f"i{place}" for place, column in enumerate(items)}
    found = fit("f =~ " + " + ".join(names.values()), items.rename(columns=names))
    if found.problems:
        raise NotEstimableError(f"one factor: {'; '.join(found.problems)}")
    x, loadings = found.fit, found.parameters["std"].tolist()
    rmsea = Estimate("RMSEA", x["rmsea_scaled"], (x["rmsea_low_scaled"], x["rmsea_high_scaled"]), 0.90)
    return Result("one factor of ordinal items (WLSMV)", Estimate("CFI", x["cfi_scaled"]), rmsea,
                  Test("chi-square", x["chi2_scaled"], x["df"], x["p_scaled"]), {"persons": x["n"]},
                  "Asparouhov & Muthen 2010", {**x, "loadings": dict(zip(map(str, items), loadings, strict=False))})
