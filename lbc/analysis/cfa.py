"""Confirmatory factor analysis of one or several groups by maximum likelihood, with robust corrections.

Conventions are lavaan's (Rosseel 2012): chi-square is N times the discrepancy with the divisor-n covariance, groups
come in order of first appearance, several groups bring the mean structure, RMSEA is multiplied by the root of the
number of groups. Persons with a missing answer are left out, and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import special

from lbc.analysis.cfa_estimation import Sample, discrepancy, minimise, sandwich, scaling_factor, slopes, starts
from lbc.analysis.cfa_model import Model, independence, specify
from lbc.errors import NotEstimableError

Estimator = Literal["ML", "MLM", "MLR"]
FEW_CATEGORIES = 7


@dataclass(frozen=True)
class CfaFit:
    """A fitted model.

    Parameters
    ----------
    text, estimator : str
    groups : tuple of str
        Labels in the order of the group numbers 1, 2, ...; ("all",) without groups.
    n : dict of str to int
        Persons per group.
    left_out : int
        Persons left out for a missing answer or a missing group.
    fit : dict of str to float
        n, npar, chi2, df, p, baseline_chi2, baseline_df, cfi, tli, rmsea, rmsea_low, rmsea_high (90 %), rmsea_p
        (close fit), srmr, loglik, aic, bic; with MLM and MLR also scaling, chi2_scaled, p_scaled,
        baseline_chi2_scaled, cfi_scaled, tli_scaled, rmsea_scaled, rmsea_low_scaled, rmsea_high_scaled,
        rmsea_p_scaled, cfi_robust, tli_robust, rmsea_robust, rmsea_low_robust, rmsea_high_robust.
    converged : bool
    problems : list of str
        Reasons not to interpret this solution; empty when there are none.
    """

    text: str
    estimator: str
    groups: tuple[str, ...]
    n: dict[str, int]
    left_out: int
    fit: dict[str, float]
    converged: bool
    problems: list[str]
    model: Model = field(repr=False)
    samples: list[Sample] = field(repr=False)
    theta: np.ndarray = field(repr=False)
    vcov: np.ndarray = field(repr=False)

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """lhs, op (=~, ~~, ~1), rhs, group (1, 2, ...), free, est, se, z, p, std, std_se.

        Fixed parameters have se 0 and no z and p. `std` is standardised by the factors' and the items' standard
        deviations.
        """
        return _parameters(self.model, self.theta, self.vcov)

    def residual_correlations(self, group: int = 1) -> pd.DataFrame:
        """Observed minus implied correlations, items x items."""
        _, cov = self.model.implied(self.model.values(self.theta), group - 1)
        found = _correlation(self.samples[group - 1].cov) - _correlation(cov)
        return pd.DataFrame(found, index=self.model.items, columns=self.model.items)

    def implied_variance_of_sum(self, group: int = 1) -> float:
        """Variance of the sum of all items that the model implies."""
        return float(self.model.implied(self.model.values(self.theta), group - 1)[1].sum())


def fit(
    model: str,
    data: pd.DataFrame,
    group: str | None = None,
    equal: Sequence[str] = (),
    estimator: Estimator = "ML",
    *,
    partial: Sequence[str] = (),
    std_lv: bool = False,
    groups: Sequence[Any] | None = None,
) -> CfaFit:
    """Fit a confirmatory factor model.

    Parameters
    ----------
    model : str
        lavaan-like text, statements separated by lines or semicolons: `f =~ x1 + x2 + x3`, `x1 ~~ x2`, `f ~~ 0*g`.
    data : DataFrame
        One row per person, with the model's items as numeric columns.
    group : str, optional
        Column that makes the groups.
    equal : subset of {"loadings", "intercepts", "residuals", "means"}
        Held equal over groups.
    estimator : {"ML", "MLM", "MLR"}
        Estimates are the same; MLM adds Satorra-Bentler, MLR Yuan-Bentler (Mplus variant) tests and robust errors.
    partial : sequence of str
        Parameters exempt from `equal`: "x3 ~1", "f =~ x2", "x3 ~~ x3".
    std_lv : bool
        Fix factor variances instead of first loadings.
    groups : sequence, optional
        Values of `group` in the wished order; the first is the reference for latent means.

    Returns
    -------
    CfaFit

    Raises
    ------
    ValueError
        If the model text cannot be read or names a column that is not there.
    NotEstimableError
        If there are too few persons, an item does not vary, or the model has more parameters than the data moments.

    References
    ----------
    Joreskog 1971; Satorra & Bentler 1994; Yuan & Bentler 2000; Rosseel 2012.
    """
    labels, frames, left_out = _split(model, data, group, groups)
    spec = specify(model, len(frames), equal, partial, std_lv)
    samples = [_sample(frame, label, spec.means) for label, frame in zip(labels, frames, strict=True)]
    if spec.df < 0:
        raise NotEstimableError(f"the model has {-spec.df} more parameters than the data have moments")
    theta, converged = minimise(spec, samples, starts(spec, samples))
    problems = [] if converged else ["the estimation did not converge"]
    problems += _empty_categories(frames, labels)
    total = sum(len(s.cases) for s in samples)
    information = spec.link.T @ slopes(spec, samples, theta)[1] @ spec.link
    bread = _inverse(information)
    vcov = bread / total if estimator == "ML" else sandwich(spec, samples, theta, bread, estimator)
    measures = _measures(spec, samples, theta)
    if spec.df == 0:
        problems.append("no degrees of freedom: the model cannot be tested")
    elif estimator != "ML":
        measures |= _robust_measures(spec, samples, theta, measures, estimator)
    problems += _improper(spec, theta, labels)
    return CfaFit(
        model, estimator, labels, {label: len(f) for label, f in zip(labels, frames, strict=True)}, left_out,
        measures, converged, problems, spec, samples, theta, vcov,
    )


def _inverse(information: np.ndarray) -> np.ndarray:
    """The estimates' covariance, or the reason why there is none."""
    scale = 1 / np.sqrt(np.diag(information).clip(1e-300))
    if np.linalg.eigvalsh(information * np.outer(scale, scale))[0] < 1e-10:
        raise NotEstimableError("the model is not identified: its parameters cannot be told apart")
    return np.linalg.inv(information)


def _split(
    model: str, data: pd.DataFrame, group: str | None, groups: Sequence[Any] | None, unanswered: str = "any"
) -> tuple[tuple[str, ...], list[pd.DataFrame], int]:
    """Labels, complete rows (with "all", rows with any answer) of each group, and the number of rows left out."""
    items = specify(model).items
    if missing := [name for name in [*items, *([group] if group else [])] if name not in data.columns]:
        raise ValueError(f"the data have no column {', '.join(missing)}")
    complete = data.dropna(subset=items, how=unanswered).dropna(subset=[] if group is None else [group])
    if group is None:
        return ("all",), [complete[items]], len(data) - len(complete)
    order = list(dict.fromkeys(complete[group]) if groups is None else groups)
    frames = [complete.loc[complete[group] == value, items] for value in order]
    if len(order) < 2:
        raise NotEstimableError(f"'{group}' has fewer than two groups with complete answers")
    return tuple(str(value) for value in order), frames, len(data) - sum(map(len, frames))


def _sample(frame: pd.DataFrame, label: str, means: bool) -> Sample:
    cases = frame.to_numpy(dtype=float)
    if len(cases) <= frame.shape[1]:
        raise NotEstimableError(f"group {label} has {len(cases)} complete persons for {frame.shape[1]} items")
    if flat := [name for name, sd in zip(frame.columns, cases.std(axis=0), strict=True) if sd == 0]:
        raise NotEstimableError(f"in group {label} every answer to {', '.join(flat)} is the same")
    if not means:
        cases = cases - cases.mean(axis=0)
    cov = np.atleast_2d(np.cov(cases.T, ddof=0))
    if np.linalg.eigvalsh(_correlation(cov))[0] < 1e-10:
        raise NotEstimableError(f"in group {label} one item is a sum of others")
    return Sample(cases, cases.mean(axis=0), cov)


def _correlation(cov: np.ndarray) -> np.ndarray:
    sd = np.sqrt(np.diag(cov))
    return cov / np.outer(sd, sd)


def _empty_categories(frames: list[pd.DataFrame], labels: tuple[str, ...]) -> list[str]:
    """Answers that occur in some group but not in another: the groups' items are then not the same items."""
    found = []
    for item in frames[0].columns:
        used = [set(frame[item].dropna()) for frame in frames]
        every = set.union(*used)
        if len(every) <= FEW_CATEGORIES:
            found += [f"nobody in group {label} answered {value:g} to {item}"
                      for label, own in zip(labels, used, strict=True) for value in sorted(every - own)]
    return found


def _improper(model: Model, theta: np.ndarray, labels: tuple[str, ...]) -> list[str]:
    """Negative variances and impossible correlations of factors or residuals."""
    found, values = [], model.values(theta)
    for g, label in enumerate(labels):
        matrices = model.matrices(values, g)
        where = "" if labels == ("all",) else f" in group {label}"
        for name, names, kind in (("T", model.items, "residual"), ("P", model.factors, "factor")):
            negative = [f"the variance of {lhs} is negative{where}"
                        for lhs, variance in zip(names, np.diag(matrices[name]), strict=True) if variance < 0]
            if not negative and np.linalg.eigvalsh(matrices[name])[0] < -1e-10:
                negative = [f"the {kind} correlations are impossible{where}"]
            found += negative
    return found


def _measures(model: Model, samples: list[Sample], theta: np.ndarray) -> dict[str, float]:
    """Fit indices (Bentler 1990; Tucker & Lewis 1973; Steiger 1998 for groups; Bentler 1995 for SRMR)."""
    total, p = sum(len(s.cases) for s in samples), len(model.items)
    chi2 = float(total * max(discrepancy(model, samples, theta), 0.0))
    base = float(sum(-len(s.cases) * np.linalg.slogdet(_correlation(s.cov))[1] for s in samples))
    saturated = sum(len(s.cases) * (np.linalg.slogdet(s.cov)[1] + p) for s in samples)
    return _indices(model, samples, theta, chi2, base, -(total * p * np.log(2 * np.pi) + saturated + chi2) / 2)


def _indices(
    model: Model, samples: list[Sample], theta: np.ndarray, chi2: float, base: float, loglik: float
) -> dict[str, float]:
    total, p, k = sum(len(s.cases) for s in samples), len(model.items), len(samples)
    df, npar, base_df = model.df, model.link.shape[1], k * p * (p - 1) // 2
    return {
        "n": total, "npar": npar, "chi2": chi2, "df": df, "p": float(special.chdtrc(df, chi2)) if df else np.nan,
        "baseline_chi2": base, "baseline_df": base_df,
        **_incremental(chi2, df, base, base_df), **_rmsea(chi2, df, total, k),
        "srmr": _srmr(model, samples, theta), "loglik": float(loglik),
        "aic": float(2 * npar - 2 * loglik), "bic": float(npar * np.log(total) - 2 * loglik),
    }


def _incremental(
    chi2: float, df: int, base: float, base_df: int, c: float = 1.0, c_base: float = 1.0
) -> dict[str, float]:
    """CFI and TLI; with the scaling factors of model and baseline the robust ones (Brosseau-Liard & Savalei 2014)."""
    excess, worst = chi2 - c * df, base - c_base * base_df
    cfi = 1 - max(excess, 0) / max(excess, worst) if max(excess, worst) > 0 else 1.0
    return {"cfi": float(cfi), "tli": 1 - (excess / df) / (worst / base_df) if df and worst else np.nan}


def _rmsea(chi2: float, df: float, total: int, k: int) -> dict[str, float]:
    """RMSEA with 90 % interval and test of close fit; for a scaled test `df` is multiplied by the scaling factor."""
    if df == 0:
        return dict.fromkeys(("rmsea", "rmsea_low", "rmsea_high", "rmsea_p"), np.nan)
    low, high = (k * special.chndtrinc(chi2, df, q) / (total * df) if special.chdtr(df, chi2) > q else 0.0
                 for q in (0.95, 0.05))
    return {
        "rmsea": float(np.sqrt(k * max(chi2 - df, 0) / (total * df))),
        "rmsea_low": float(np.sqrt(low)), "rmsea_high": float(np.sqrt(high)),
        "rmsea_p": float(1 - special.chndtr(chi2, df, total * df * 0.05**2 / k)),
    }


def _srmr(model: Model, samples: list[Sample], theta: np.ndarray) -> float:
    found, values = 0.0, model.values(theta)
    for g, s in enumerate(samples):
        mean, cov = model.implied(values, g)
        sd = np.sqrt(np.diag(s.cov))
        parts = ((s.cov - cov) / np.outer(sd, sd))[np.tril_indices(len(sd))]
        parts = np.append(parts, (s.mean - mean) / sd) if model.means else parts
        found += len(s.cases) * np.sqrt(np.mean(parts**2))
    return float(found / sum(len(s.cases) for s in samples))


def _robust_measures(
    model: Model, samples: list[Sample], theta: np.ndarray, plain: dict[str, float], estimator: Estimator
) -> dict[str, float]:
    """Scaled test and indices; the `_robust` ones estimate the population values (Brosseau-Liard & Savalei 2014)."""
    baseline = independence(model)
    moments = np.array([samples[r.group].mean[r.i] if r.matrix == "n" else samples[r.group].cov[r.i, r.i]
                        for r in baseline.rows])
    c = scaling_factor(model, samples, theta, estimator)
    c_base = scaling_factor(baseline, samples, moments, estimator)
    chi2, df, base, base_df = plain["chi2"], plain["df"], plain["baseline_chi2"], plain["baseline_df"]
    total, k = plain["n"], len(samples)
    scaled = _incremental(chi2 / c, df, base / c_base, base_df) | _rmsea(chi2, c * df, total, k)
    narrow = _rmsea(chi2 / c, df, total, k)  # for the interval of the robust RMSEA: Li & Bentler 2006
    robust = _incremental(chi2, df, base, base_df, c, c_base) | {"rmsea": scaled["rmsea"] * float(np.sqrt(c))}
    robust |= {end: narrow[end] * float(np.sqrt(c)) for end in ("rmsea_low", "rmsea_high")}
    return {
        "scaling": c, "chi2_scaled": chi2 / c, "p_scaled": float(special.chdtrc(df, chi2 / c)),
        "baseline_chi2_scaled": base / c_base,
        **{f"{name}_scaled": value for name, value in scaled.items()},
        **{f"{name}_robust": value for name, value in robust.items()},
    }


def _standardised(model: Model, values: np.ndarray) -> np.ndarray:
    """Every row in units of the implied standard deviations; covariances as correlations."""
    found = values.copy()
    for g in range(model.n_groups):
        m, one = model.matrices(values, g), np.ones(1)
        item, factor, residual = (
            np.sqrt(np.where(v > 0, v, np.nan))  # a negative variance has no root; `problems` names it
            for v in (np.diag(model.implied(values, g)[1]), np.diag(m["P"]), np.diag(m["T"])))
        for name, left, right in (("L", 1 / item, factor), ("P", 1 / factor, 1 / factor), ("n", 1 / item, one),
                                  ("a", 1 / factor, one), ("T", 1 / residual, 1 / residual)):
            if (g, name) in model.place:
                r, i, j = model.place[g, name]
                found[r] = values[r] * left[i] * right[j]
                if name == "T":
                    found[r] = np.where(i == j, values[r] / item[i] ** 2, found[r])
    return found


def _parameters(model: Model, theta: np.ndarray, vcov: np.ndarray) -> pd.DataFrame:
    """The table of CfaFit.parameters; errors of standardised values by the delta method."""
    values = model.values(theta)
    table = pd.DataFrame([row[:4] for row in model.rows], columns=["lhs", "op", "rhs", "group"])
    table["group"] += 1
    table["free"] = [row.free >= 0 for row in model.rows]
    table["est"], table["se"] = values, np.sqrt(np.diag(model.link @ vcov @ model.link.T))
    table["z"] = np.where(table["free"], values / table["se"].where(table["free"]), np.nan)
    table["p"] = 2 * special.ndtr(-table["z"].abs())
    steps = 1e-6 * np.maximum(np.abs(theta), 0.1)
    change = np.array([(_standardised(model, model.values(theta + s)) - _standardised(model, model.values(theta - s)))
                       for s in np.diag(steps)]) / (2 * steps[:, None])
    table["std"] = _standardised(model, values)
    table["std_se"] = np.sqrt(np.maximum(np.einsum("qr,qs,sr->r", change, vcov, change), 0.0))
    return table
