"""Differences within classes told from differences between classes: centring at the class mean, and R2 by level.

At the level of classes the number of cases is the number of classes, not of children: means of classes are tested
with so many degrees of freedom, and are left out where classes are few.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from lbc.analysis.ecology import blockwise
from lbc.analysis.multilevel import MixedModel, random_intercept
from lbc.analysis.regression import design
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result

LEAST_CLUSTERS = 10
"""Fewer classes say nothing of differences between classes; k class means together need k - 1 classes more."""
REFERENCE = "Enders & Tofighi 2007; R2: Nakagawa & Schielzeth 2013, Rights & Sterba 2019"


class Parts(NamedTuple):
    """Complete rows: outcome, each predictor around its class mean, the class means, and the classes."""

    y: pd.Series
    within: pd.DataFrame
    between: pd.DataFrame
    clusters: pd.Series

    @property
    def together(self) -> bool:
        """Whether there are enough classes for all class means in one model."""
        return self.clusters.nunique() >= LEAST_CLUSTERS + self.between.shape[1] - 1

    def model(self, means: Sequence[str]) -> MixedModel:
        """Random intercept, every centred predictor, and the named class means (as "name@")."""
        x = pd.concat([self.within, self.between[list(means)].add_suffix("@")], axis=1)
        x.insert(0, "(Intercept)", 1.0)
        return random_intercept(self.y, x, self.clusters.tolist())


def centred(frame: pd.DataFrame, outcome: str, predictors: Sequence[str], cluster: str | None) -> Parts:
    """Split every predictor in its class mean and the children's deviations from it, over the complete rows.

    Raises
    ------
    NotEstimableError
        If classes were not asked, a predictor does not vary, or there are no complete rows.
    """
    if cluster is None or cluster not in frame:
        raise NotEstimableError("the survey did not ask for the children's classes")
    rows = frame[[outcome, *predictors, cluster]].dropna()
    x = design(rows, predictors).drop(columns="(Intercept)")
    means = x.groupby(rows[cluster]).transform("mean")
    within, between = x - means, means - means.mean()
    own, shared = within.std() > 1e-9 * x.std(), between.std() > 1e-9 * x.std()
    return Parts(rows[outcome], within.loc[:, own], between.loc[:, shared], rows[cluster])


def within_between(
    frame: pd.DataFrame, outcome: str, predictors: Sequence[str], cluster: str | None, level: float = 0.95
) -> pd.DataFrame:
    """Each predictor's slope among children of one class, and among the means of classes.

    Children's slopes stand in one model. Class means join it together where there are at least `LEAST_CLUSTERS`
    classes and one more for each further mean; else each mean joins alone; with fewer classes none does.

    Returns
    -------
    DataFrame
        One row per term: term; within, with low, high, t, df (Satterthwaite) and p; between, with the same, its df
        being that of classes (classes - 1 - class means in the model); difference (contextual: between - within)
        with its p; n, clusters. Empty where a part does not exist.

    Raises
    ------
    NotEstimableError
        As `centred` and `random_intercept`.
    """
    parts = centred(frame, outcome, predictors, cluster)
    names, clusters = list(parts.between), parts.clusters.nunique()
    if clusters < LEAST_CLUSTERS:
        fits = {}
    elif parts.together:
        fits = dict.fromkeys(names, parts.model(names))
    else:
        fits = {name: parts.model([name]) for name in names}
    base = next(iter(fits.values())) if parts.together and fits else parts.model([])
    rows = []
    for term in dict.fromkeys([*parts.within, *names]):
        row: dict[str, object] = {"term": term}
        if term in parts.within:
            row |= _tested("within", base, {term: 1}, None, level)
        if term in fits:
            df = clusters - 1 - (len(names) if parts.together else 1)
            row |= _tested("between", fits[term], {f"{term}@": 1}, df, level)
            if term in parts.within:
                change = _tested("difference", fits[term], {f"{term}@": 1, term: -1}, df, level)
                row |= {key: change[key] for key in ("difference", "difference_p")}
        rows.append(row)
    columns = ["term", *(f"{part}{what}" for part in ("within", "between") for what in
                         ("", "_low", "_high", "_t", "_df", "_p")), "difference", "difference_p"]
    return pd.DataFrame(rows).reindex(columns=columns).assign(n=len(parts.y), clusters=clusters)


def _tested(
    part: str, model: MixedModel, weights: dict[str, float], df: float | None, level: float
) -> dict[str, float]:
    """A sum of coefficients with its t test; df None stands for the coefficient's own."""
    fixed = model.fixed.set_index("term")
    c = np.array([weights.get(term, 0.0) for term in fixed.index])
    df = float(fixed.loc[next(iter(weights)), "df"]) if df is None else float(df)
    value, se = float(c @ fixed["estimate"]), float(np.sqrt(c @ model.vcov @ c))
    half = stats.t.isf((1 - level) / 2, df) * se
    return {part: value, f"{part}_low": value - half, f"{part}_high": value + half, f"{part}_t": value / se,
            f"{part}_df": df, f"{part}_p": 2 * stats.t.sf(abs(value / se), df)}


def r2_by_level(
    frame: pd.DataFrame, outcome: str, predictors: Sequence[str], cluster: str | None,
    rng: np.random.Generator | None = None, n_boot: int = 1000, level: float = 0.95,
) -> dict[str, Result]:
    """Variance explained among the children of a class, among classes, and of all.

    With predictors centred in their classes the variance falls in four parts: f1 (predictors, within classes), f2
    (class means), tau2 (classes, unexplained), sigma2 (children, unexplained). r2_within = f1 / (f1 + sigma2) and
    r2_between = f2 / (f2 + tau2) are Rights & Sterba's; r2_marginal = (f1 + f2) / all and r2_conditional, which adds
    tau2, are those of Nakagawa & Schielzeth.

    Parameters
    ----------
    rng : Generator, optional
        For the interval of r2_within: whole classes are resampled, shifted as in `ecology.blockwise`.

    Returns
    -------
    dict of str to Result
        r2_within, r2_marginal, r2_conditional, r2_between. The last has a reason instead of a value where classes are
        too few for the class means (the others then rest on differences within classes alone), or tau2 is zero.

    Raises
    ------
    NotEstimableError
        As `centred` and `random_intercept`.
    """
    parts = centred(frame, outcome, predictors, cluster)
    clusters, k = parts.clusters.nunique(), parts.between.shape[1]
    model = parts.model(list(parts.between) if parts.together else [])
    b = model.fixed.set_index("term")["estimate"]
    f1 = float((parts.within @ b[list(parts.within)]).var())
    f2 = float((parts.between @ b.reindex([f"{name}@" for name in parts.between]).fillna(0).to_numpy()).var())
    whole = f1 + f2 + model.var_group + model.var_residual
    ci = None if rng is None else _within_interval(parts, f1 / (f1 + model.var_residual), rng, n_boot, level)
    n = {"all": model.n, "clusters": clusters}

    def result(name: str, value: float, ci: tuple[float, float] | None = None) -> Result:
        return Result(model.method + ", predictors centred at their class means",
                      Estimate(name, value, ci, level), n=n, reference=REFERENCE)

    found = {
        "r2_within": result("R2 within classes", f1 / (f1 + model.var_residual), ci),
        "r2_marginal": result("R2, predictors", (f1 + f2) / whole),
        "r2_conditional": result("R2, predictors and classes", (f1 + f2 + model.var_group) / whole),
    }
    if parts.together and k and model.var_group:
        return found | {"r2_between": result("R2 between classes", f2 / (f2 + model.var_group))}
    reason = {"en": "the class means leave no variance between classes that could be told from chance",
              "zh": "控制班级均值后，班级之间没有可与随机波动区分的方差"}
    if not parts.together:
        needed = LEAST_CLUSTERS + k - 1
        reason = {"en": f"{clusters} classes are too few for {k} class means together: it would take {needed}",
                  "zh": f"{clusters} 个班级不足以同时估计 {k} 个班级均值：需要 {needed} 个班级"}
    return found | {"r2_between": Result(found["r2_within"].method, None, n=n, reason=reason)}


def _within_interval(
    parts: Parts, value: float, rng: np.random.Generator, n_boot: int, level: float
) -> tuple[float, float]:
    """The class-bootstrap interval of the least-squares R2 of the centred data, carried over to the model's R2.

    Both are the same but for degrees of freedom: their odds R2 / (1 - R2) have a constant ratio.
    """
    data = parts.within.assign(y=parts.y - parts.y.groupby(parts.clusters).transform("mean"), cluster=parts.clusters)
    row = blockwise(data, "y", {"all": list(parts.within)}, "cluster", rng, n_boot, level).iloc[0]
    ratio = value / (1 - value) / (row["r2"] / (1 - row["r2"]))
    low, high = (ratio * end / (1 - end + ratio * end) for end in (row["r2_low"], row["r2_high"]))
    return float(low), float(high)
