"""Families of tests that were named beforehand, each adjusted by Holm, and the tables that show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from lbc.analysis import factors
from lbc.analysis.comparison import two_groups
from lbc.analysis.groups import label, members, order, result
from lbc.analysis.regression import cluster_robust, design
from lbc.analysis.stats import holm
from lbc.errors import NotEstimableError
from lbc.params import Contrast, Group
from lbc.results import Result


def family(results: Mapping[str, Result]) -> dict[str, Result]:
    """The same results as one family: each test with p adjusted by Holm beside its own p.

    Results without a test stay as they are; the adjustment counts the tests there are.
    """
    tested = {name: r for name, r in results.items() if r.test is not None}
    adjusted = dict(zip(tested, holm([r.test.p for r in tested.values()]), strict=True))
    return {
        name: r if r.test is None else replace(
            r, test=replace(r.test, p_adjusted=float(adjusted[name])), method=f"{r.method}; p adjusted by Holm")
        for name, r in results.items()
    }


def contrasts(
    frame: pd.DataFrame, score: str, planned: Sequence[Contrast], cluster: str | None, least: int = 2
) -> dict[str, Result]:
    """The planned contrasts by id, as one family; `factors.contrast` says how, and `least` what is too few."""
    return family({
        c.id: result(factors.contrast, frame, score, c.variable, c.weights, cluster, least) for c in planned
    })


def contrast_table(
    frame: pd.DataFrame, score: str, planned: Sequence[Contrast], cluster: str | None, least: int = 2
) -> pd.DataFrame:
    """The planned contrasts with separate variances, and with errors that allow for classes where there are any.

    Returns
    -------
    DataFrame
        contrast, method, estimate, low, high, statistic, df, p, p_holm; Holm's within each method.

    Raises
    ------
    NotEstimableError
        If none was planned, or none can be estimated.
    """
    kinds = {"separate variances": None} | ({"cluster-robust": cluster} if cluster else {})
    rows = [
        (name, kind, r.estimate.value, *r.estimate.ci, r.test.statistic, r.test.df, r.test.p, r.test.p_adjusted)
        for kind, by in kinds.items() for name, r in contrasts(frame, score, planned, by, least).items() if r.estimate
    ]
    if not rows:
        raise NotEstimableError("no contrast was planned, or none can be estimated")
    names = ["contrast", "method", "estimate", "low", "high", "statistic", "df", "p", "p_holm"]
    return pd.DataFrame(rows, columns=names).sort_values("contrast", kind="stable", key=lambda ids: ids.map(
        [c.id for c in planned].index)).reset_index(drop=True)


def interactions(
    frame: pd.DataFrame, score: str, group: Group, by: Sequence[str], cluster: str | None
) -> dict[str, Result]:
    """Does the group difference depend on each of these factors? `factors.interaction`, as one family."""
    who = group.variable, group.reference, group.focal
    return family({name: result(factors.interaction, frame, score, *who, name, cluster) for name in by})


def interaction_table(results: Mapping[str, Result]) -> pd.DataFrame:
    """The tests of each interaction side by side: equal spread, unequal spread (HC3), classes (HTZ), Holm.

    Returns
    -------
    DataFrame
        variable, ss, df, df_residual, F, p, F_hc3, p_hc3, F_cluster, df_cluster, p_cluster (these where classes were
        allowed for), p_holm (of the last of them), partial_eta2.

    Raises
    ------
    NotEstimableError
        If none can be estimated.
    """
    rows = []
    for name, r in results.items():
        if r.estimate is None:
            continue
        anova = r.extra["anova"].set_index("term")
        row = anova.iloc[-2][["ss", "df", "F", "p", "F_hc3", "p_hc3", "partial_eta2"]].to_dict()
        if "cluster" in r.test.name:
            row |= {"F_cluster": r.test.statistic, "df_cluster": r.test.df[1], "p_cluster": r.test.p}
        rows.append({"variable": name, "df_residual": anova["df"].iloc[-1], "p_holm": r.test.p_adjusted} | row)
    if not rows:
        raise NotEstimableError("no interaction was asked for, or none can be estimated")
    names = ["variable", "ss", "df", "df_residual", "F", "p", "F_hc3", "p_hc3", "F_cluster", "df_cluster",
             "p_cluster", "p_holm", "partial_eta2"]
    table = pd.DataFrame(rows).astype({"df": int, "df_residual": int})
    return table[[name for name in names if name in table]]


def simple_effects(
    frame: pd.DataFrame, score: str, group: Group, by: Sequence[str], least: int = 2
) -> pd.DataFrame:
    """The group difference (Welch) at each level of each factor; that one is significant is not an interaction.

    Returns
    -------
    DataFrame
        variable, value, n, estimate, low, high, statistic, df, p, p_holm; Holm's within each factor. Levels with
        fewer than `least` children in a group are left out.

    Raises
    ------
    NotEstimableError
        If no level can be estimated.
    """
    rows = []
    who = group.variable, group.reference, group.focal
    for name in (name for name in by if name in frame):
        levels = sorted(frame[name].dropna().map(label).unique(), key=order)
        found = {level: result(two_groups, frame[members(frame, name, level)], score, *who) for level in levels}
        found = {level: r for level, r in found.items() if r.estimate and min(r.n.values()) >= least}
        rows += [
            (name, level, sum(r.n.values()), r.estimate.value, *r.estimate.ci, r.test.statistic, r.test.df, r.test.p,
             r.test.p_adjusted) for level, r in family(found).items()
        ]
    if not rows:
        raise NotEstimableError("at no level of these variables can the groups be compared")
    names = ["variable", "value", "n", "estimate", "low", "high", "statistic", "df", "p", "p_holm"]
    return pd.DataFrame(rows, columns=names)


def level_tests(frame: pd.DataFrame, score: str, by: Sequence[str], cluster: str | None = None) -> pd.DataFrame:
    """Do the means differ over the levels of each factor?

    Returns
    -------
    DataFrame
        variable, n, omega2, F, df, df_residual, p. With a cluster F is the cluster-robust one for few clusters
        (`factors.clustered_f`): grade is a property of whole classes, and tests that take its children as independent
        reject far too often. Without one it is Welch's.

    Raises
    ------
    NotEstimableError
        If no factor can be tested.
    """
    found, reasons = [], []
    for name in by:
        try:
            tests = factors.one_way(frame, score, name)["welch"]
            f, (df, df_residual), p = tests.test.statistic, tests.test.df, tests.test.p
            if cluster:
                rows = frame[[score, name, cluster]].dropna()
                x = design(rows.assign(**{name: rows[name].map(label)}), [name])
                fit = cluster_robust(rows[score].astype(float), x, rows[cluster])
                f, (df, df_residual), p = factors.clustered_f(fit, np.eye(x.shape[1])[1:])
        except NotEstimableError as error:
            reasons.append(f"{name}: {error}")
            continue
        found.append((name, sum(tests.n.values()), tests.estimate.value, f, df, df_residual, p))
    if not found:
        raise NotEstimableError("; ".join(reasons) or "none of these variables was asked")
    names = ["variable", "n", "omega2", "F", "df", "df_residual", "p"]
    return pd.DataFrame(found, columns=names).astype({"df": int})
