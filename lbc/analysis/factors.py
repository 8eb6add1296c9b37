"""More than two groups: planned contrasts, one-way and two-way analysis of variance, and tables of counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lbc.analysis.effects import eta2_interval, moments
from lbc.analysis.groups import label, order, two
from lbc.analysis.regression import LinearFit, cluster_robust, linear
from lbc.analysis.stats import holm, welch
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test


def _cells(
    frame: pd.DataFrame, outcome: str, factors: Sequence[str], cluster: str | None = None, least: int = 2,
    levels: Sequence[Sequence[str]] = (),
) -> pd.DataFrame:
    """Complete rows: y, the levels a (and b) of each child, cluster; a combination of levels with few is refused."""
    if missing := [name for name in (outcome, *factors, cluster) if name and name not in frame]:
        raise NotEstimableError(f"the survey did not ask for {missing[0]}")
    rows = frame[[outcome, *factors, *([cluster] if cluster else [])]].dropna()
    places = list("ab"[: len(factors)])
    data = pd.DataFrame({"y": rows[outcome].astype(float)} | {
        place: rows[name].map(label) for place, name in zip(places, factors, strict=True)})
    if cluster:
        data["cluster"] = rows[cluster]
    levels = levels or [sorted(data[place].unique(), key=order) for place in places]
    if short := [name for name, found in zip(factors, levels, strict=True) if len(found) < 2]:
        raise NotEstimableError(f"'{short[0]}' does not vary among the complete rows")
    counts = data.groupby(places).size()
    for cell in product(*levels):
        if counts.get(cell if len(cell) > 1 else cell[0], 0) < least:
            where = " and ".join(f"{name} = {value}" for name, value in zip(factors, cell, strict=True))
            raise NotEstimableError(f"fewer than {least} children have {where}")
    return data


def contrast(
    frame: pd.DataFrame, outcome: str, factor: str, weights: Mapping[str, float], cluster: str | None = None,
    least: int = 2, level: float = 0.95,
) -> Result:
    """A planned comparison of level means: those with positive weights, averaged, minus those with negative ones.

    Parameters
    ----------
    frame : DataFrame, one row per child
    outcome, factor : str
    weights : mapping of level to weight
        They add up to 0; only their ratios count. {"neither": -3, "father": 1, "mother": 1, "both": 1} compares the
        mean of three levels with the fourth. Children of other levels are left out.
    cluster : str, optional
        Column of the class: the standard error is then CR2 with Satterthwaite df (Bell & McCaffrey 2002); without it
        each level has its own variance, with Welch's df (Welch 1947).
    least : int
        Smallest number of children at a level.
    level : float

    Returns
    -------
    Result
        estimate: contrast of means in points; effect: the same over the pooled SD of these levels, its limits
        likewise; test: t. extra: sizes (children at each level).

    Raises
    ------
    NotEstimableError
        If the weights do not add up to 0, a level has fewer than `least` children, or as `regression.linear`.
    """
    used = {label(name): float(weight) for name, weight in weights.items() if weight}
    up = sum(weight for weight in used.values() if weight > 0)
    if not up or abs(sum(used.values())) > 1e-9 * up:
        raise NotEstimableError("the weights of a contrast must add up to 0, and not all be 0")
    keep = frame[frame[factor].map(label).isin(used)] if factor in frame else frame
    data = _cells(keep, outcome, [factor], cluster, max(least, 2), [list(used)])
    groups = {name: data.loc[data["a"] == name, "y"] for name in used}
    c = np.array(list(used.values())) / up
    m = [moments(values) for values in groups.values()]
    n, variance = np.array([part.n for part in m]), np.array([part.sd**2 for part in m])
    if not variance.any():
        raise NotEstimableError("no level varies")
    if cluster:
        x = pd.DataFrame({name: (data["a"] == name).astype(float) for name in used})
        value, error, df = cluster_robust(data["y"], x, data["cluster"]).contrast(c, level)[:3]
    else:
        parts = c**2 * variance / n
        value, error = float(c @ [part.mean for part in m]), float(np.sqrt(parts.sum()))
        df = float(parts.sum() ** 2 / (parts**2 / (n - 1)).sum())
    half = float(stats.t.isf((1 - level) / 2, df)) * error
    pooled = float(np.sqrt(((n - 1) * variance).sum() / (n - 1).sum()))
    return Result(
        method="planned contrast, " + ("CR2 with Satterthwaite df" if cluster else "separate variances, Welch's df"),
        estimate=Estimate("contrast of means", value, (value - half, value + half), level),
        effect=Estimate("contrast / pooled SD", value / pooled, ((value - half) / pooled, (value + half) / pooled),
                        level),
        test=Test("t", value / error, df, float(2 * stats.t.sf(abs(value / error), df))),
        n={"children": int(n.sum())},
        reference="Bell & McCaffrey 2002; Pustejovsky & Tipton 2018" if cluster else "Welch 1947",
        extra={"sizes": dict(zip(used, n.tolist(), strict=True))},
    )


def clustered_f(fit: LinearFit, rows: np.ndarray) -> tuple[float, tuple[float, float], float]:
    """F test that several combinations of coefficients are 0 at once, for few clusters.

    Parameters
    ----------
    fit : LinearFit of kind "CR2"
    rows : ndarray, shape (q, p)

    Returns
    -------
    F, (q, df), p
        By the approximate Hotelling test of Tipton & Pustejovsky (2015), "HTZ"; with q = 1 the square of the t test
        with Satterthwaite df.

    Raises
    ------
    NotEstimableError
        If the clusters are too few for the number of combinations.
    """
    own, cross, inverse = fit._parts
    q = len(rows)
    too_few = NotEstimableError(f"{fit.n_clusters} clusters are too few to test {q} differences at once")
    usual = rows @ inverse @ rows.T
    expected = np.einsum("qp,gpr,sr->qs", rows, own, rows) - sum(
        rows @ part.T @ inverse @ part @ rows.T for part in cross)
    if np.linalg.eigvalsh(expected)[0] <= 1e-9 * np.linalg.eigvalsh(usual)[0]:
        raise too_few
    a = np.linalg.inv(np.linalg.cholesky(expected)) @ rows  # so that the covariance is expected to be the identity
    w = np.einsum("qp,grp->gqr", a, cross)
    omega = -np.einsum("gqr,rs,hts->ghqt", w, inverse, w)
    each = np.arange(len(own))
    omega[each, each] += np.einsum("qp,gpr,sr->gqs", a, own, a)
    spread = (np.einsum("ghqq->gh", omega) ** 2).sum() + np.einsum("ghqt,ghtq->", omega, omega)
    df = float(q * (q + 1) / spread)
    if df - q + 1 < 1:
        raise too_few
    values = rows @ fit.coef
    f = float((df - q + 1) / (df * q) * values @ np.linalg.solve(rows @ fit.vcov @ rows.T, values))
    return f, (float(q), df - q + 1), float(stats.f.sf(f, q, df - q + 1))


def two_way(
    frame: pd.DataFrame, outcome: str, a: str, b: str, cluster: str | None = None, kind: int = 3
) -> dict[str, Any]:
    """Two-way analysis of variance with unequal cells; factors are coded to sum to zero, so type III is meaningful.

    Parameters
    ----------
    frame : DataFrame, one row per child
        Incomplete rows are left out.
    outcome, a, b : str
    cluster : str, optional
        Column of the class, for a test of the interaction that allows for children of one class being alike.
    kind : {1, 2, 3}
        Type of the sums of squares.

    Returns
    -------
    dict
        anova (DataFrame: term, ss, df, F, p, partial_eta2, partial_omega2, F_hc3, p_hc3; the HC3 columns, which hold
        for unequal spread, are of type III); cells (DataFrame: a, b, n, mean, sd); clustered (F, df, p of the
        interaction; None without `cluster`); difference (`regression.Contrast` of the interaction where it has one
        degree of freedom, else None).

    Raises
    ------
    NotEstimableError
        If a cell has fewer than two children, a factor has one level only, or nothing varies within cells.
    """
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    data = _cells(frame, outcome, [a, b], cluster)
    fit = ols("y ~ C(a, Sum) * C(b, Sum)", data).fit()
    if fit.ssr <= 1e-20 * float((data["y"] ** 2).sum()):
        raise NotEstimableError("the scores do not vary within any cell")
    names = {"Intercept": "(Intercept)", "C(a, Sum)": a, "C(b, Sum)": b, "C(a, Sum):C(b, Sum)": f"{a}:{b}",
             "Residual": "Residuals"}
    table = anova_lm(fit, typ=kind)[["sum_sq", "df", "F", "PR(>F)"]].set_axis(["ss", "df", "F", "p"], axis=1)
    error = fit.ssr / fit.df_resid
    effects = table.index.isin(list(names)[1:4])
    table["partial_eta2"] = (table["ss"] / (table["ss"] + fit.ssr)).where(effects)
    table["partial_omega2"] = ((table["ss"] - table["df"] * error)
                               / (table["ss"] + (len(data) - table["df"]) * error)).where(effects)
    robust = anova_lm(fit, typ=3, robust="hc3")
    table["F_hc3"], table["p_hc3"] = robust["F"], robust["PR(>F)"]
    x = pd.DataFrame(np.asarray(fit.model.exog), columns=fit.model.exog_names)
    crossed = np.eye(x.shape[1])[[":" in name for name in x]]
    own = cluster_robust(data["y"], x, data["cluster"]) if cluster else linear(data["y"], x, "HC3")
    # one product of sum-coded columns is a quarter of the difference of differences, first levels counting as +1
    single = own.contrast(4 * crossed[0]) if len(crossed) == 1 else None
    return {
        "anova": table.rename(index=names).rename_axis("term").reset_index(),
        "cells": data.groupby(["a", "b"])["y"].agg(n="size", mean="mean", sd="std").reset_index(),
        "clustered": clustered_f(own, crossed) if cluster else None, "difference": single,
    }


def interaction(
    frame: pd.DataFrame, outcome: str, group: str, reference: Any, focal: Any, factor: str, cluster: str | None = None
) -> Result:
    """Does the difference between the groups depend on a factor? The interaction of a two-way analysis of variance.

    Parameters are those of `comparison.two_groups` and `two_way`.

    Returns
    -------
    Result
        estimate: partial eta squared of the interaction with its 90 % interval (Steiger 2004), which is that of
        equal spread; effect: where the factor has two levels, the difference of differences in points (focal minus
        reference at the second level, minus the same at the first), with the interval of the test's kind; test: the
        F test that holds for classes (HTZ) where `cluster` is given, else the one for unequal spread (HC3).
        extra: anova and cells of `two_way`.

    Raises
    ------
    NotEstimableError
        As `two_way`.
    """
    here, there = two(frame, group, reference, focal)
    found = two_way(frame[here | there], outcome, group, factor, cluster)
    row = found["anova"].set_index("term").loc[f"{group}:{factor}"]
    rest = found["anova"]["df"].iloc[-1]
    robust = float(row["F_hc3"]), (float(row["df"]), float(rest)), float(row["p_hc3"])
    d, turned = found["difference"], label(focal) < label(reference)
    if d is not None:
        d = (-d.value, (-d.high, -d.low)) if turned else (d.value, (d.low, d.high))
    return Result(
        method="two-way analysis of variance, type III, " + ("CR2 with HTZ" if cluster else "HC3"),
        estimate=Estimate("partial eta squared", float(row["partial_eta2"]),
                          eta2_interval(float(row["F"]), float(row["df"]), float(rest)), 0.90),
        effect=None if d is None else Estimate("difference of differences", *d),
        test=Test("F (cluster-robust)" if cluster else "F (HC3)", *(found["clustered"] or robust)),
        n={"children": int(found["cells"]["n"].sum())},
        reference="Tipton & Pustejovsky 2015" if cluster else "MacKinnon & White 1985",
        extra={"anova": found["anova"], "cells": found["cells"]},
    )


def one_way(frame: pd.DataFrame, outcome: str, factor: str) -> dict[str, Any]:
    """Do the means of several groups differ? Welch's test first, with its companions.

    Returns
    -------
    dict
        levels (DataFrame: level, n, mean, sd); welch, anova (Result: estimate omega squared, which is the classical
        one in both; test F; extra eta2, ss_between, ss_within); kruskal (Result: estimate epsilon squared, test H).

    Raises
    ------
    NotEstimableError
        If there are fewer than two levels, a level has fewer than two children or does not vary.
    """
    data = _cells(frame, outcome, [factor])
    names = sorted(data["a"].unique(), key=order)
    groups = [data.loc[data["a"] == name, "y"].to_numpy() for name in names]
    m = [moments(values) for values in groups]
    if constant := [name for name, part in zip(names, m, strict=True) if part.sd == 0]:
        raise NotEstimableError(f"all children with {factor} = {constant[0]} have the same score")
    n, mean, sd = (np.array(part, dtype=float) for part in zip(*m, strict=True))
    total, k = int(n.sum()), len(names)
    between, within = float((n * (mean - data["y"].mean()) ** 2).sum()), float(((n - 1) * sd**2).sum())
    error = within / (total - k)
    omega2 = (between - (k - 1) * error) / (between + within + error)
    share = n / sd**2 / (n / sd**2).sum()
    welch_df = (k**2 - 1) / (3 * ((1 - share) ** 2 / (n - 1)).sum())
    sizes = dict(zip(names, n.astype(int).tolist(), strict=True))
    classic, unequal = stats.f_oneway(*groups), stats.f_oneway(*groups, equal_var=False)
    h = stats.kruskal(*groups)
    more = {"eta2": between / (between + within), "ss_between": between, "ss_within": within}

    def result(method: str, found: Any, df: float, reference: str) -> Result:
        test = Test("F", float(found.statistic), (k - 1.0, float(df)), float(found.pvalue))
        return Result(method, Estimate("omega squared", omega2), None, test, sizes, reference, more)

    return {
        "levels": pd.DataFrame({"level": names, "n": n.astype(int), "mean": mean, "sd": sd}),
        "welch": result("Welch's analysis of variance", unequal, welch_df, "Welch 1951"),
        "anova": result("analysis of variance", classic, total - k, "Fisher 1925"),
        "kruskal": Result("Kruskal-Wallis test", Estimate("epsilon squared", float(h.statistic) / (total - 1)), None,
                          Test("Kruskal-Wallis chi-square", float(h.statistic), k - 1.0, float(h.pvalue)), sizes,
                          "Kruskal & Wallis 1952"),
    }


def pairs(frame: pd.DataFrame, outcome: str, factor: str, level: float = 0.95) -> pd.DataFrame:
    """All pairs of the groups of `one_way`, second minus first.

    Returns
    -------
    DataFrame
        first, second, estimate, tukey_low, tukey_high, p_tukey, gh_low, gh_high, p_gh (Games & Howell 1976),
        p_pooled_holm, p_welch, p_holm (of Welch's tests).
    """
    omnibus, data = one_way(frame, outcome, factor), _cells(frame, outcome, [factor])
    names = omnibus["levels"]["level"].tolist()
    groups = [data.loc[data["a"] == name, "y"].to_numpy() for name in names]
    df = len(data) - len(names)
    spread = np.sqrt(omnibus["anova"].extra["ss_within"] / df)
    # SciPy's intervals are those of first minus second
    tukey, howell = stats.tukey_hsd(*groups), stats.tukey_hsd(*groups, equal_var=False)
    ends = {"tukey": tukey.confidence_interval(level), "gh": howell.confidence_interval(level)}
    rows = []
    for i, j in combinations(range(len(names)), 2):
        w = welch(groups[j], groups[i])
        t = w.estimate.value / (spread * np.sqrt(1 / groups[i].size + 1 / groups[j].size))
        rows.append({"first": names[i], "second": names[j], "estimate": w.estimate.value} | {
            f"{key}_{side}": float(values[j, i]) for key, ci in ends.items()
            for side, values in (("low", ci.low), ("high", ci.high))
        } | {"p_tukey": float(tukey.pvalue[i, j]), "p_gh": float(howell.pvalue[i, j]),
             "p_pooled_holm": float(2 * stats.t.sf(abs(t), df)), "p_welch": w.test.p})
    table = pd.DataFrame(rows)
    return table.assign(p_pooled_holm=holm(table["p_pooled_holm"]), p_holm=holm(table["p_welch"]))


def contingency(frame: pd.DataFrame, a: str, b: str) -> Result:
    """Do two categories go together? Cramér's V with the chi-square test, or Fisher's exact one where counts are low.

    Returns
    -------
    Result
        estimate: Cramer's V; effect (2 x 2 only, no empty cell): odds ratio, conditional maximum likelihood with its
        exact interval; test: Pearson's chi-square without correction, or Fisher's exact test where a 2 x 2 table
        expects fewer than five children in a cell. extra: table (DataFrame), chi2, df, p, chi2_yates, p_yates,
        fisher_p, odds_ratio (None beyond 2 x 2), v_corrected (Bergsma 2013), g2, smallest_expected.

    Raises
    ------
    NotEstimableError
        If no row is complete or a category does not vary.
    """
    rows = frame[[a, b]].dropna()
    table = pd.crosstab(rows[a].map(label), rows[b].map(label))
    if min(table.shape) < 2:
        raise NotEstimableError(f"'{a}' or '{b}' does not vary among the complete rows")
    table = table.loc[sorted(table.index, key=order), sorted(table.columns, key=order)]
    counts = table.to_numpy()
    n, (r, q) = int(counts.sum()), counts.shape
    plain, yates = (stats.chi2_contingency(counts, correction=corrected) for corrected in (False, True))
    v = float(np.sqrt(plain.statistic / (n * (min(r, q) - 1))))
    phi2 = max(0.0, plain.statistic / n - (r - 1) * (q - 1) / (n - 1))
    shape = min(r - (r - 1) ** 2 / (n - 1), q - (q - 1) ** 2 / (n - 1)) - 1
    fisher, odds, effect = None, None, None
    if (r, q) == (2, 2):
        fisher = float(stats.fisher_exact(counts).pvalue)
        if counts.all():
            ratio = stats.contingency.odds_ratio(counts)
            odds, ends = float(ratio.statistic), ratio.confidence_interval()
            effect = Estimate("odds ratio", odds, (float(ends.low), float(ends.high)))
    low = bool(plain.expected_freq.min() < 5) and fisher is not None
    pearson = Test("chi-square", float(plain.statistic), float(plain.dof), float(plain.pvalue))
    return Result(
        method="Fisher's exact test" if low else "chi-square test",
        estimate=Estimate("Cramér's V", v),
        effect=effect,
        test=Test("Fisher's exact test, chi-square", float(plain.statistic), None, fisher) if low else pearson,
        n={"children": n},
        reference="Fisher 1935" if low else "Pearson 1900; Cramér 1946",
        extra={
            "table": table, "chi2": float(plain.statistic), "df": plain.dof, "p": float(plain.pvalue),
            "chi2_yates": float(yates.statistic), "p_yates": float(yates.pvalue), "fisher_p": fisher,
            "odds_ratio": odds, "v_corrected": float(np.sqrt(phi2 / shape)) if shape > 0 else None,
            "g2": float(stats.chi2_contingency(counts, correction=False, lambda_="log-likelihood").statistic),
            "smallest_expected": float(plain.expected_freq.min()),
        },
    )
