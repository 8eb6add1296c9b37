"""Group differences at equal covariates: regression with robust errors, and analysis of covariance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lbc.analysis.effects import eta2_interval, moments
from lbc.analysis.groups import attempt, label, members, order, two
from lbc.analysis.regression import LinearFit, cluster_robust, design, linear
from lbc.analysis.stats import holm
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test


@dataclass(frozen=True, eq=False)
class Complete:
    """The rows of two groups that every adjusted estimate rests on: nothing missing in outcome, covariates, cluster.

    Parameters
    ----------
    y : Series
    x : DataFrame
        Design matrix of the covariates, its intercept first.
    focal : ndarray of bool
    clusters : Series or None
    term : str
        Name of the group's column in a model.
    n : dict
        Complete rows by label, the reference first.
    dropped : dict
        Incomplete rows by label.
    """

    y: pd.Series
    x: pd.DataFrame
    focal: np.ndarray
    clusters: pd.Series | None
    term: str
    n: dict[str, int]
    dropped: dict[str, int]

    @property
    def pooled_sd(self) -> float:
        """Pooled SD of the outcome in the two groups."""
        a, b = moments(self.y[~self.focal]), moments(self.y[self.focal])
        return float(np.sqrt(((a.n - 1) * a.sd**2 + (b.n - 1) * b.sd**2) / (a.n + b.n - 2)))


def complete(
    frame: pd.DataFrame, outcome: str, group: str, reference: Any, focal: Any, covariates: Sequence[str],
    cluster: str | None = None,
) -> Complete:
    """The complete rows of two groups; arguments as for `adjusted`.

    Rows with a missing covariate are left out and counted: valid as long as missingness does not depend on the
    outcome at given covariates (White & Carlin 2010), while missing indicators are biased where groups were not drawn
    by lot (Groenwold et al. 2012).

    Raises
    ------
    NotEstimableError
        If a group has fewer than two complete rows, or a covariate does not vary.
    """
    here, there = two(frame, group, reference, focal)
    used = frame[here | there]
    known = used[[outcome, *covariates, *([cluster] if cluster else [])]].notna().all(axis=1)
    data = used[known]
    is_focal = members(data, group, focal).to_numpy()
    names = [label(reference), label(focal)]
    n = {names[0]: int((~is_focal).sum()), names[1]: int(is_focal.sum())}
    for name, size in n.items():
        if size < 2:
            raise NotEstimableError(f"{size} complete row(s) have {group} = {name}; at least 2 are needed")
    dropped = {names[0]: int(here.sum()) - n[names[0]], names[1]: int(there.sum()) - n[names[1]]}
    y, x = data[outcome].astype(float), design(data, covariates)
    return Complete(y, x, is_focal, data[cluster] if cluster else None, f"{group}: {names[1]}", n, dropped)


def adjusted(
    frame: pd.DataFrame,
    outcome: str,
    group: str,
    reference: Any,
    focal: Any,
    covariates: Sequence[str],
    cluster: str | None = None,
    level: float = 0.95,
    interactions: bool = False,
) -> Result:
    """Difference of the two groups at equal covariates, by linear regression.

    Parameters
    ----------
    frame : DataFrame, one row per child
    outcome, group : str
    reference, focal
        Values of `group`; other children are left out.
    covariates : sequence of str
        Numbers enter as they are, text and categories as dummies.
    cluster : str, optional
        Column of the class (or school): standard errors are then CR2 with Satterthwaite df; without it HC3 with
        n - p df.
    interactions : bool
        Let the covariates' slopes differ between the groups (Lin 2013). The estimate is then the mean difference
        over all complete rows (g-computation), their covariates taken as given.

    Returns
    -------
    Result
        estimate: adjusted difference, focal - reference; effect: the same over the pooled SD of the two groups, its
        limits likewise; test: t. extra: coefficients (DataFrame), adjusted_means (DataFrame: group, mean, se, low,
        high; g-computation over all rows), se, n_clusters, r2, dropped (incomplete rows), unadjusted, kind.

    Raises
    ------
    NotEstimableError
        If a group or the clusters are missing, a covariate does not vary or is redundant, or rows are too few.
    """
    data = complete(frame, outcome, group, reference, focal, covariates, cluster)
    x, y, products = data.x.copy(), data.y, {}
    x.insert(1, data.term, data.focal.astype(float))
    if interactions:  # around the covariates' means, so that the group's coefficient is the difference there
        products = {f"{data.term} x {c}": x[data.term] * (x[c] - x[c].mean()) for c in data.x.columns[1:]}
        x = x.assign(**products)
    fit = cluster_robust(y, x, data.clusters) if cluster else linear(y, x, "HC3")
    c, pooled = fit.coefficient(data.term, level), data.pooled_sd
    effect = Estimate("adjusted difference / pooled SD", c.value / pooled, (c.low / pooled, c.high / pooled), level)
    centre = x.assign(**dict.fromkeys(products, 0.0)).mean()
    means = [fit.contrast(centre.where(centre.index != data.term, i).to_numpy(), level) for i in (0.0, 1.0)]
    return Result(
        method="linear regression, " + ("CR2 with Satterthwaite df" if cluster else "HC3"),
        estimate=Estimate("adjusted mean difference", c.value, (c.low, c.high), level),
        effect=effect,
        test=Test("t", c.t, c.df, c.p),
        n=data.n,
        reference="Bell & McCaffrey 2002; Pustejovsky & Tipton 2018" if cluster else "MacKinnon & White 1985",
        extra={
            "coefficients": fit.table(level),
            "adjusted_means": pd.DataFrame(
                {"group": list(data.n), "mean": [m.value for m in means], "se": [m.se for m in means],
                 "low": [m.low for m in means], "high": [m.high for m in means]}),
            "se": c.se, "n_clusters": fit.n_clusters, "r2": fit.r2, "kind": fit.kind,
            "dropped": sum(data.dropped.values()), "unadjusted": float(y[data.focal].mean() - y[~data.focal].mean()),
        },
    )


def adjusted_means(
    frame: pd.DataFrame, outcome: str, factor: str, covariates: Sequence[str], level: float = 0.95
) -> dict[str, Any]:
    """Analysis of covariance over the levels of a factor: F tests, adjusted means, all pairwise differences.

    Parameters
    ----------
    frame : DataFrame, one row per child
        Incomplete rows are left out.
    outcome, factor : str
    covariates : sequence of str

    Returns
    -------
    dict
        n; anova (DataFrame: term, ss, df, F, p, partial_eta2 and its 90 % limits; type II); slopes (dict F, df, p: do
        the covariates' slopes differ between levels); means (DataFrame: level, mean, se, df, low, high, unadjusted);
        pairwise (DataFrame: contrast, estimate, se, t, p, p_holm, p_tukey); coefficients; r2; adj_r2; residual_sd.
        Errors are taken as equally spread.

    Raises
    ------
    NotEstimableError
        If a level has fewer than two complete rows, or as `regression.linear`.
    """
    data = frame[[outcome, factor, *covariates]].dropna()
    groups = data[factor].map(label)
    levels = sorted(groups.unique(), key=order)
    if len(levels) < 2 or groups.value_counts().min() < 2:
        raise NotEstimableError(f"'{factor}' needs two levels, each with at least two complete rows")
    y, base = data[outcome].astype(float), design(data, covariates)
    dummies = pd.DataFrame({f"{factor}: {name}": (groups == name).astype(float) for name in levels[1:]})
    x = pd.concat([base, dummies], axis=1)
    fit = linear(y, x, "classic")
    df_error = fit.n - len(fit.terms)
    terms = {name: list(design(data, [name]).columns[1:]) for name in covariates} | {factor: list(dummies.columns)}
    anova = []
    for name, columns in terms.items():
        ss = linear(y, x.drop(columns=columns), "classic").rss - fit.rss
        f = ss / len(columns) / (fit.rss / df_error)
        low, high = eta2_interval(f, len(columns), df_error)
        anova.append({"term": name, "ss": ss, "df": len(columns), "F": f, "p": stats.f.sf(f, len(columns), df_error),
                      "partial_eta2": ss / (ss + fit.rss), "partial_eta2_low": low, "partial_eta2_high": high})
    anova.append({"term": "Residuals", "ss": fit.rss, "df": df_error})
    centre = x.mean()
    rows = {name: centre.where(~centre.index.isin(dummies.columns), 0.0) for name in levels}
    for name in levels[1:]:
        rows[name][f"{factor}: {name}"] = 1.0
    means = pd.DataFrame([fit.contrast(row.to_numpy(), level)._asdict() for row in rows.values()])
    means = means.rename(columns={"value": "mean"})[["mean", "se", "df", "low", "high"]]
    means.insert(0, "level", levels)
    means["unadjusted"] = [float(y[groups == name].mean()) for name in levels]
    return {
        "n": fit.n, "anova": pd.DataFrame(anova), "slopes": _slopes(y, x, base, dummies, fit), "means": means,
        "pairwise": _pairwise(fit, rows, df_error), "coefficients": fit.table(level), "r2": fit.r2,
        "adj_r2": 1 - (1 - fit.r2) * (fit.n - 1) / df_error, "residual_sd": fit.residual_sd,
    }


def _slopes(
    y: pd.Series, x: pd.DataFrame, base: pd.DataFrame, dummies: pd.DataFrame, fit: LinearFit
) -> dict[str, float] | None:
    """F test of equal covariate slopes in all levels; None where there is too little for it."""
    products = {f"{c} x {d}": base[c] * dummies[d] for c in base.columns[1:] for d in dummies.columns}
    if not products:
        return None
    wide, _ = attempt(linear, y, pd.concat([x, pd.DataFrame(products)], axis=1), "classic")
    if wide is None:
        return None
    df1, df2 = len(products), wide.n - len(wide.terms)
    f = (fit.rss - wide.rss) / df1 / (wide.rss / df2)
    return {"F": f, "df": df1, "df_error": df2, "p": float(stats.f.sf(f, df1, df2))}


def _pairwise(fit: LinearFit, rows: Mapping[str, pd.Series], df_error: int) -> pd.DataFrame:
    names = list(rows)
    table = []
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            c = fit.contrast((rows[first] - rows[second]).to_numpy())
            tukey = stats.studentized_range.sf(abs(c.t) * np.sqrt(2), len(names), df_error)
            table.append({"contrast": f"{first} - {second}", "estimate": c.value, "se": c.se, "t": c.t, "p": c.p,
                          "p_tukey": float(tukey)})
    return pd.DataFrame(table).assign(p_holm=lambda frame: holm(frame["p"]))
