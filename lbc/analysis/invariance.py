"""Measurement invariance over groups: the ladder, its tests, a verdict that can refuse, the search for a partial one.

A comparison of mean scores presumes at least scalar invariance (or an argued partial one); Putnick & Bornstein 2016.
What a partial one costs in points stands in measurement.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from lbc.analysis.cfa import CfaFit, Estimator, fit
from lbc.analysis.cfa_estimation import scaling_factor, slopes
from lbc.analysis.cfa_model import Model, Row, cell
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test

STEPS = {
    "configural": (),
    "metric": ("loadings",),
    "scalar": ("loadings", "intercepts"),
    "strict": ("loadings", "intercepts", "residuals"),
}
ACCEPTABLE = {"cfi": 0.90, "rmsea": 0.08}


def ladder(
    model: str, data: pd.DataFrame, group: str, estimator: Estimator = "MLM", *, groups: Sequence[Any] | None = None
) -> dict[str, CfaFit]:
    """The four models configural, metric, scalar and strict; arguments as in `cfa.fit`.

    The factors' scale is their SD in the first group, so that every loading can be tested, also the first.
    """
    return {name: fit(model, data, group, equal, estimator, std_lv=True, groups=groups)
            for name, equal in STEPS.items()}


def compare(fits: dict[str, CfaFit]) -> pd.DataFrame:
    """Fit of each step and its change from the step before.

    Returns
    -------
    DataFrame
        One row per step: step, chi2, df, p, cfi, tli, rmsea, srmr, d_chi2, d_df, d_p, d_cfi, d_rmsea, d_srmr,
        n, n_smallest, n_largest, problems (text, empty when there are none). With MLM and MLR chi-square and its
        change are scaled and CFI, TLI and RMSEA are the robust ones. The first row has no changes.
    """
    rows: list[dict[str, Any]] = []
    before: CfaFit | None = None
    for name, model in fits.items():
        scaled, robust = ("", "") if model.estimator == "ML" else ("_scaled", "_robust")
        fit = model.fit  # a model without degrees of freedom has no scaled indices
        row: dict[str, Any] = {"step": name, "df": fit["df"], "srmr": fit["srmr"]}
        row |= {index: fit.get(index + scaled, fit[index]) for index in ("chi2", "p")}
        row |= {index: fit.get(index + robust, fit[index]) for index in ("cfi", "tli", "rmsea")}
        row |= {"d_chi2": np.nan, "d_df": np.nan, "d_p": np.nan}
        if before is not None:
            test = scaled_difference(model, before)
            row |= {"d_chi2": test.statistic, "d_df": test.df, "d_p": test.p}
            row |= {f"d_{index}": row[index] - rows[-1][index] for index in ("cfi", "rmsea", "srmr")}
        sizes = model.n.values()
        row |= {"n": sum(sizes), "n_smallest": min(sizes), "n_largest": max(sizes)}
        rows.append(row | {"problems": "; ".join(model.problems)})
        before = model
    columns = ["step", "chi2", "df", "p", "cfi", "tli", "rmsea", "srmr", "d_chi2", "d_df", "d_p", "d_cfi", "d_rmsea",
               "d_srmr", "n", "n_smallest", "n_largest", "problems"]
    return pd.DataFrame(rows, columns=columns)


def scaled_difference(restricted: CfaFit, free: CfaFit) -> Test:
    """Chi-square difference of two nested models: plain for ML, scaled for MLM and MLR.

    Satorra & Bentler 2001; where that correction is not positive (MLM), Satorra & Bentler 2010, which always is.

    Raises
    ------
    NotEstimableError
        If the models differ by no degrees of freedom, or the correction is not positive.
    """
    d_df = restricted.fit["df"] - free.fit["df"]
    difference = restricted.fit["chi2"] - free.fit["chi2"]
    if d_df <= 0:
        raise NotEstimableError("the restricted model has no more degrees of freedom than the free one")
    if restricted.estimator == "ML":
        return Test("chi-square difference", difference, d_df, float(special.chdtrc(d_df, max(difference, 0.0))))
    own, other = (m.fit["df"] * m.fit["scaling"] if m.fit["df"] else 0.0 for m in (restricted, free))
    name = "scaled chi-square difference (Satorra & Bentler 2001)"
    if own <= other and restricted.estimator == "MLM":
        other = free.fit["df"] * scaling_factor(free.model, free.samples, _at(free, restricted), "MLM")
        name = "scaled chi-square difference (Satorra & Bentler 2010)"
    if own <= other:
        raise NotEstimableError("the correction of the chi-square difference is not positive")
    statistic = difference * d_df / (own - other)
    return Test(name, statistic, d_df, float(special.chdtrc(d_df, max(statistic, 0.0))))


def _at(free: CfaFit, restricted: CfaFit) -> np.ndarray:
    """Parameters of the free model that imply the moments of the restricted solution."""
    values = restricted.model.values(restricted.theta)
    known = {row[:4]: value for row, value in zip(restricted.model.rows, values, strict=True)}
    moved = np.array([known.get(row[:4], 0.0) for row in free.model.rows])
    latent_means = any(row.matrix == "a" and row.free >= 0 for row in free.model.rows)
    for r, row in enumerate(free.model.rows):
        if row.matrix == "n" and not latent_means:
            moved[r] = restricted.model.implied(values, row.group)[0][row.i]
    return free.model.link.T @ moved / free.model.link.sum(axis=0)


@dataclass(frozen=True)
class Verdict:
    """How far invariance reaches.

    Parameters
    ----------
    level : {"none", "configural", "metric", "scalar", "strict"} or None
        Last step up to which every step holds; None where the verdict is refused.
    doubtful : str
        The step after `level` when CFI falls too much but RMSEA does not rise too much; else empty.
    failed : str
        The step after `level` when both criteria are broken; else empty.
    refused : bool
    reason : str
        What a reader is told.
    limits : tuple of float
        Largest tolerable fall of CFI and rise of RMSEA.
    """

    level: str | None
    doubtful: str
    failed: str
    refused: bool
    reason: str
    limits: tuple[float, float]

    @property
    def means_comparable(self) -> bool:
        """Whether scalar invariance holds, so that mean scores of the groups mean the same."""
        return self.level in ("scalar", "strict")


def judged(fits: dict[str, CfaFit]) -> pd.DataFrame:
    """`compare(fits)` with a last column `verdict`: what is to be said of each step, the later ones left aside.

    "holds", "in doubt", "fails" or "refused"; "not judged" after a step that does not hold.
    """
    table = compare(fits)
    words = []
    for k, name in enumerate(table["step"], start=1):
        found = verdict(table.head(k))
        known = {found.level: "holds", found.doubtful: "in doubt", found.failed: "fails"}
        words.append("refused" if found.refused else known.get(name, "not judged"))
    return table.assign(verdict=words)


def verdict(table: pd.DataFrame) -> Verdict:
    """Judge the table of `invariance` by Chen 2007, or refuse.

    A step fails when CFI falls by .010 or more and RMSEA rises by .015 or more (.005 and .010 where there are at
    most 300 persons or one group is twice another); when only CFI does, the step is in doubt. RMSEA alone decides
    nothing: where models fit well it rises that much by chance. The configural step fails when CFI < .90 and
    RMSEA > .08; with only one of them the reason says so, and the steps are judged.
    A verdict is refused when any step has problems: what did not converge, is improper or untestable cannot be called
    invariant.
    """
    first = table.iloc[0]
    small = first["n"] <= 300 or first["n_largest"] >= 2 * first["n_smallest"]
    limits = (0.005, 0.010) if small else (0.010, 0.015)
    troubled = table.loc[table["problems"] != "", ["step", "problems"]]
    if len(troubled):
        steps = troubled.groupby("problems", sort=False)["step"].agg(", ".join)
        reason = "; ".join(f"{where}: {text}" for text, where in steps.items())
        return Verdict(None, "", "", True, f"no verdict, because of problems ({reason})", limits)
    broken = [first["cfi"] < ACCEPTABLE["cfi"], first["rmsea"] > ACCEPTABLE["rmsea"]]
    text = f"CFI {first['cfi']:.3f} (at least .90), RMSEA {first['rmsea']:.3f} (at most .08)"
    if all(broken):
        return Verdict("none", "", first["step"], False, f"the model does not fit the groups: {text}", limits)
    caveat = f"; the fit of the configural model is in doubt: {text}" if any(broken) else ""
    level = first["step"]
    for row in table.iloc[1:].to_dict("records"):
        broken = [row["d_cfi"] <= -limits[0], row["d_rmsea"] >= limits[1]]
        text = (f"CFI changes by {row['d_cfi']:+.3f}, RMSEA by {row['d_rmsea']:+.3f} "
                f"(limits -{limits[0]:.3f}, +{limits[1]:.3f}, Chen 2007)")
        if broken[0]:
            name, state = row["step"], "fails" if all(broken) else "is in doubt"
            failed, doubtful = (name, "") if all(broken) else ("", name)
            return Verdict(level, doubtful, failed, False, f"{name} invariance {state}: {text}{caveat}", limits)
        level = row["step"]
    return Verdict(level, "", "", False, f"{level} invariance holds: {text}{caveat}", limits)


def step(fits: dict[str, CfaFit], name: str) -> Result:
    """One step of the ladder as a result: the change of CFI, with the (scaled) chi-square difference test.

    Raises
    ------
    NotEstimableError
        If this step or an earlier one has problems.
    """
    names = list(fits)
    upto = {known: fits[known] for known in names[: names.index(name) + 1]}
    table = compare(upto)
    found = verdict(table)
    if found.refused:
        raise NotEstimableError(found.reason)
    last, before = table.iloc[-1], names[names.index(name) - 1]
    return Result(
        f"measurement invariance, {name} against {before} model ({fits[name].estimator}); {found.reason}",
        Estimate("change of CFI", float(last["d_cfi"])),
        Estimate("change of RMSEA", float(last["d_rmsea"])),
        scaled_difference(fits[name], fits[before]),
        fits[name].n, "Chen 2007; Satorra & Bentler 2001",
        {"level": found.level, "reason": found.reason, "limits": found.limits, "cfi": float(last["cfi"]),
         "rmsea": float(last["rmsea"]), "srmr": float(last["srmr"])},
    )


def release_tests(model: CfaFit) -> pd.DataFrame:
    """Score test of each equality over groups (Bentler & Chou 1992): what freeing it would gain.

    With MLM and MLR chi-square is divided by the model's scaling factor, as that of the model is.

    Returns
    -------
    DataFrame
        lhs, op, rhs, group, chi2 (1 df), p, change (expected change of the parameter), largest chi2 first; NaN where
        the parameter would not be identified.
    """
    rows = [r for r, row in enumerate(model.model.rows)
            if row.free >= 0 and row.group and row.free in {o.free for o in model.model.rows if o.group == 0}]
    return _score_tests(model.model, model, rows)


def modification_indices(model: CfaFit) -> pd.DataFrame:
    """Score test of each loading and residual covariance that the model leaves out; columns as in `release_tests`."""
    m = model.model
    known = {(row.matrix, *at) for row in m.rows for at in ((row.i, row.j), (row.j, row.i)) if row.matrix in "LT"
             if row.matrix == "T" or at == (row.i, row.j)}
    names = [(f, "=~", i) for f in m.factors for i in m.items]
    names += [(a, "~~", b) for n, a in enumerate(m.items) for b in m.items[n + 1:]]
    cells = [(name, cell(*name, m.items, m.factors)) for name in names]
    rows = []
    for group in range(m.n_groups):
        rows += [row for row in m.rows if row.group == group]
        rows += [Row(*name, group, *place, -1, 0.0) for name, place in cells if place not in known]
    wider = Model(rows, m.items, m.factors, m.n_groups)
    added = [r for r, row in enumerate(rows) if row.free < 0 and (row.matrix, row.i, row.j) not in known]
    return _score_tests(wider, model, added)


def _score_tests(wider: Model, model: CfaFit, rows: list[int]) -> pd.DataFrame:
    total = sum(len(s.cases) for s in model.samples)
    gradient, information = slopes(wider, model.samples, model.theta)
    link = wider.link
    cross = information @ link
    inverse = np.linalg.inv(link.T @ cross)
    own = np.diag(information)
    variance = own - np.einsum("rq,qs,rs->r", cross, inverse, cross)
    # What the free parameters can imitate has no test of its own: freed, it would not be identified.
    variance = np.where(variance > 1e-9 * own, variance, np.nan)
    table = pd.DataFrame([wider.rows[r][:4] for r in rows], columns=["lhs", "op", "rhs", "group"])
    table["group"] += 1
    score, variance = -gradient[rows] / 2, variance[rows]
    table["chi2"] = total * score**2 / variance / model.fit.get("scaling", 1.0)
    table["p"], table["change"] = special.chdtrc(1, table["chi2"]), score / variance
    return table.sort_values("chi2", ascending=False, ignore_index=True)


def partial_scalar(
    model: str, data: pd.DataFrame, group: str, estimator: Estimator = "MLM", *, groups: Sequence[Any] | None = None,
    limit: float = 0.010,
) -> tuple[CfaFit, list[str]]:
    """Free equalities one by one, largest score test first, until CFI falls by less than `limit` at each step.

    First loadings (each with its intercept, which means nothing without it) until the metric model does, then
    intercepts until the scalar one does.

    Returns
    -------
    CfaFit, list of str
        The partially invariant model, scaled as in `ladder`, and what was freed, e.g. ["x3~1"]. The search uses the
        data twice: report it as exploratory (Byrne, Shavelson & Muthen 1989).

    Raises
    ------
    NotEstimableError
        If half of the intercepts would have to go.
    """
    def partly(name: str) -> CfaFit:
        return fit(model, data, group, STEPS[name], estimator, partial=freed, std_lv=True, groups=groups)

    index, freed = "cfi" if estimator == "ML" else "cfi_robust", []
    before = fit(model, data, group, (), estimator, std_lv=True, groups=groups)
    for name, op in (("metric", "=~"), ("scalar", "~1")):
        found = partly(name)
        while before.fit[index] - found.fit[index] >= limit:
            worst = next(test for test in release_tests(found).itertuples() if test.op == op)
            item = worst.rhs or worst.lhs
            freed += [f"{worst.lhs}=~{item}"] * (op == "=~") + [f"{item}~1"]
            if 2 * sum(text.endswith("~1") for text in freed) >= len(found.model.items):
                raise NotEstimableError("not even partial scalar invariance: half of the items or more differ")
            found = partly(name)
        before = found
    return found, freed
