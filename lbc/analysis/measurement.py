"""What a comparison of two groups rests on: the invariance ladder, what unequal items cost, the latent difference.

All of it follows from one `examine`; where that has no answer, each function raises its reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import special

from lbc.analysis import fiml
from lbc.analysis.cfa import FEW_CATEGORIES, CfaFit, fit
from lbc.analysis.cfa_model import Model
from lbc.analysis.invariance import STEPS, compare, judged, ladder, partial_scalar, release_tests, step, verdict
from lbc.analysis.stats import holm
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test


@dataclass(frozen=True)
class Measurement:
    """How two groups answered the items of one scale.

    Parameters
    ----------
    data : DataFrame
        The items, answers that one group never gave merged with their neighbour, and `group`.
    merged : dict of str to str
        Item to what was merged: {"cls_04": "5 → 4"}.
    fits : dict of str to CfaFit
        The ladder, of complete rows; empty where it could not be computed.
    model : CfaFit or None
        The scalar model, or a partially scalar one, of all rows; latent means are compared in it.
    freed : list of str
        What that model frees, e.g. ["cls_07~1"].
    reason : str
        Why there are no fits or no model.
    """

    data: pd.DataFrame
    merged: dict[str, str]
    fits: dict[str, CfaFit] = field(default_factory=dict)
    model: CfaFit | None = None
    freed: list[str] = field(default_factory=list)
    reason: str = ""


def examine(data: pd.DataFrame, groups: tuple[str, str]) -> Measurement:
    """The ladder of one factor over two groups, and the model in which their latent means can be compared.

    That is the scalar model where it holds. Where it is in doubt or fails, equalities are released by
    `partial_scalar` with the limit that the verdict used, unless the model does not fit the groups at all. The
    ladder and the search use complete rows, for which the scaled tests are known; latent means, which are to be
    compared with the means of all children, use every answer (fiml.py) where some are missing.

    Parameters
    ----------
    data : DataFrame
        Keyed items and the column `group`; other groups are left out.
    groups : (str, str)
        Reference group and group of interest.
    """
    data, merged = merge_empty(data[data["group"].isin(groups)])
    text = "trait =~ " + " + ".join(name for name in data if name != "group")
    fits: dict[str, CfaFit] = {}
    freed: list[str] = []
    try:
        fits = ladder(text, data, "group", groups=groups)
        found = verdict(compare(fits).head(3))
        if found.refused or found.level == "none":
            raise NotEstimableError(found.reason)
        model = fits["scalar"]
        if not found.means_comparable:
            model, freed = partial_scalar(text, data, "group", groups=groups, limit=found.limits[0])
        if model.left_out:
            model = fiml.fit(text, data, "group", STEPS["scalar"], partial=freed, std_lv=True, groups=groups)
        if model.problems:
            raise NotEstimableError(f"no model to compare latent means in: {'; '.join(model.problems)}")
    except NotEstimableError as error:
        return Measurement(data, merged, fits, reason=str(error))
    return Measurement(data, merged, fits, model, freed)


def merge_empty(data: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Merge answers that a group's complete rows never have with their neighbour towards the item's middle.

    A group that never gives an answer does not have the same item as one that does. Merged in all groups, and told.
    """
    data, notes = data.copy(), {}
    whole = data.notna().all(axis=1)
    for item in data.columns.drop("group"):
        while True:
            used = [set(answers) for _, answers in data[whole].groupby("group")[item]]
            every = sorted(data[item].dropna().unique())
            empty = [value for value in every if not all(value in own for own in used)]
            if not empty or not 3 <= len(every) <= FEW_CATEGORIES:
                break
            place = every.index(empty[-1])
            into = every[place - 1] if place >= len(every) / 2 else every[place + 1]
            data[item] = data[item].replace(empty[-1], into)
            notes[item] = ", ".join(filter(None, (notes.get(item), f"{empty[-1]:g} → {into:g}")))
    return data, notes


def _ladder(measured: Measurement) -> dict[str, CfaFit]:
    if not measured.fits:
        raise NotEstimableError(measured.reason)
    return measured.fits


def ladder_table(measured: Measurement) -> pd.DataFrame:
    """Fit of each step, its change from the step before, and the verdict on it."""
    table = judged(_ladder(measured))
    return table.drop(columns=["tli", "d_srmr", "n", "n_smallest", "n_largest"])


def scalar_step(measured: Measurement) -> Result:
    """Scalar invariance as a result: see `invariance.step`."""
    return step(_ladder(measured), "scalar")


def unequal_items(measured: Measurement) -> pd.DataFrame:
    """Which items work differently in the two groups, and how many points that adds to the total.

    Returns
    -------
    DataFrame
        item; p_loading, p_intercept (score tests of the scalar model's equalities, adjusted by Holm over all of
        them); released (what the partially scalar model frees); bias (expected answer of the second group beyond the
        first's at equal latent level, in points) and dmacs, both with this item's loading and intercept free besides
        what is released; bias_counted (bias in the model in which latent means are compared, 0 where it holds the
        item equal); merged. The last row has the sum of bias_counted: what unequal items add to the total.

    References
    ----------
    Bentler & Chou 1992 (score tests); Byrne, Shavelson & Muthen 1989 (partial); Nye & Drasgow 2011 (bias, dMACS).
    """
    scalar = _ladder(measured)["scalar"]
    if scalar.problems:
        raise NotEstimableError(f"the scalar model is no solution: {'; '.join(scalar.problems)}")
    tests = release_tests(scalar)
    tests["p"] = holm(tests["p"])
    loading = tests[tests["op"] == "=~"].set_index("rhs")["p"]
    intercept = tests[tests["op"] == "~1"].set_index("lhs")["p"]
    table = pd.DataFrame({"p_loading": loading, "p_intercept": intercept}, index=scalar.model.items)
    table["released"] = [", ".join(word for word, name in (("loading", f"trait=~{i}"), ("intercept", f"{i}~1"))
                                   if name in measured.freed) for i in table.index]
    alone = pd.concat(dmacs(_free(measured, item)).query("item == @item") for item in table.index)
    table = table.join(alone.set_index("item"))
    counted = np.nan if measured.model is None else dmacs(measured.model).set_index("item")["bias"]
    table = table.assign(bias_counted=counted, merged=pd.Series(measured.merged, dtype=object))
    table = table.fillna({"merged": ""}).rename_axis("item").reset_index()
    total = pd.DataFrame({"item": ["all items"], "released": "", "merged": "",
                          "bias_counted": table["bias_counted"].sum(skipna=False)})
    return pd.concat([table, total], ignore_index=True)


def _free(measured: Measurement, item: str) -> CfaFit:
    scalar = measured.fits["scalar"]
    partial = [*measured.freed, f"trait=~{item}", f"{item}~1"]
    return fit(scalar.text, measured.data, "group", STEPS["scalar"], partial=partial, std_lv=True,
               groups=scalar.groups)


def dmacs(model: CfaFit) -> pd.DataFrame:
    """What unequal items do to answers: bias in points and effect size, for the second group against the first.

    Returns
    -------
    DataFrame
        item, bias (expected answer of the second group beyond what its factor scores explain, in points of the item,
        averaged over its latent distribution; the column's sum is the bias of the sum score), dmacs (in item
        standard deviations, averaged over both groups as by the source). Items held equal have zeros.

    Raises
    ------
    NotEstimableError
        If the model is not a (partially) scalar one with free latent means.

    References
    ----------
    Nye & Drasgow 2011, with the sign of the second group minus the first.
    """
    if not any(row.matrix == "a" and row.free >= 0 for row in model.model.rows):
        raise NotEstimableError("the bias of items needs a model with equal intercepts and free latent means")
    values = model.model.values(model.theta)
    bias, slope = _bias(model.model, values)
    spread = np.diag(slope @ model.model.matrices(values, 1)["P"] @ slope.T)
    n = np.array([len(s.cases) for s in model.samples[:2]])
    sd = np.array([np.nanstd(s.cases, axis=0, ddof=1) for s in model.samples[:2]])
    pooled = (n - 1) @ sd / (n.sum() - 2)
    return pd.DataFrame({"item": model.model.items, "bias": bias, "dmacs": np.sqrt(bias**2 + spread) / pooled})


def _bias(model: Model, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bias of each item, and the difference of the loadings."""
    first, second = (model.matrices(values, g) for g in (0, 1))
    slope = second["L"] - first["L"]
    return (second["n"] - first["n"] + slope @ second["a"])[:, 0], slope


def latent_difference(measured: Measurement, level: float = 0.95) -> Result:
    """How far apart the groups are on the latent trait, without what unequal items add.

    Returns
    -------
    Result
        Estimate: the difference in points of the total that the latent difference makes by the first group's
        loadings. Effect: the difference over the pooled latent standard deviation. Intervals by the delta method.
        `extra`: observed (difference of the mean totals, in points), bias and bias_ci (what released items add to
        it, in points), freed.

    Raises
    ------
    NotEstimableError
        If neither scalar nor partially scalar invariance holds.

    References
    ----------
    Sorbom 1974 (latent means); Hancock 2001 (standardised by the pooled latent standard deviation).
    """
    if measured.model is None:
        raise NotEstimableError(measured.reason)
    model = measured.model
    values, se = _delta(model)
    z = float(special.ndtri((1 + level) / 2))
    ends = [(float(v - z * s), float(v + z * s)) for v, s in zip(values, se, strict=True)]
    how = "every answer used" if model.estimator == "ML" else model.estimator
    means = [s.mean.sum() for s in model.samples]
    released = f", released: {', '.join(measured.freed)}" if measured.freed else ""
    statistic = float(values[0] / se[0])
    return Result(
        f"latent mean difference under {'partial ' * bool(released)}scalar invariance ({how}){released}",
        Estimate("latent mean difference", float(values[0]), ends[0], level, "points"),
        Estimate("latent mean difference / pooled SD", float(values[1]), ends[1], level),
        Test("z", statistic, None, float(2 * special.ndtr(-abs(statistic)))),
        model.n, "Sorbom 1974; Hancock 2001",
        {"observed": float(means[1] - means[0]), "bias": float(values[2]), "bias_ci": ends[2],
         "freed": measured.freed},
    )


def _delta(model: CfaFit) -> tuple[np.ndarray, np.ndarray]:
    """Latent difference in points, over the pooled latent SD, and bias in points; with their standard errors."""
    n = np.array([len(s.cases) for s in model.samples])

    def quantities(theta: np.ndarray) -> np.ndarray:
        values = model.model.values(theta)
        first, second = (model.model.matrices(values, g) for g in (0, 1))
        gap, variance = second["a"] - first["a"], [first["P"][0, 0], second["P"][0, 0]]
        return np.array([(first["L"] @ gap).sum(), gap[0, 0] / np.sqrt(n @ variance / n.sum()),
                         _bias(model.model, values)[0].sum()])

    steps = 1e-6 * np.maximum(np.abs(model.theta), 0.1)
    change = np.array([quantities(model.theta + s) - quantities(model.theta - s) for s in np.diag(steps)])
    change /= 2 * steps[:, None]
    return quantities(model.theta), np.sqrt(np.diag(change.T @ model.vcov @ change))
