"""Frames that tables and figures show, made from data by the analyses; no formula of its own stands here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lbc.analysis import comparison, groups, interviews, measurement, multilevel
from lbc.analysis.adjustment import adjusted
from lbc.analysis.factors import contingency
from lbc.analysis.families import family
from lbc.analysis.stats import bca_of_two
from lbc.errors import NotEstimableError
from lbc.params import Group
from lbc.results import Estimate, Result

WHO_IS_AWAY = ("neither", "father", "mother", "both")


def attempt(compute: Callable[..., pd.DataFrame], *args: Any) -> pd.DataFrame | NotEstimableError:
    """The table that `compute(*args)` gives, or why there is none: what several exhibits are then made of."""
    try:
        return compute(*args)
    except NotEstimableError as error:
        return error


def known(table: pd.DataFrame | NotEstimableError) -> pd.DataFrame:
    """The table of an `attempt`.

    Raises
    ------
    NotEstimableError
        If there is none.
    """
    if isinstance(table, NotEstimableError):
        raise NotEstimableError(str(table))
    return table


def results(
    make: Callable[[pd.DataFrame], dict[str, Result]], table: pd.DataFrame | NotEstimableError, names: Iterable[str]
) -> dict[str, Result]:
    """`make(table)`; where the attempt gave no table, for each name a result that says why."""
    if isinstance(table, NotEstimableError):
        return {name: Result("none", None, reason=str(table)) for name in names}
    return make(table)


def difference_data(frame: pd.DataFrame, score: str, group: Group) -> tuple[pd.DataFrame, pd.DataFrame, Estimate]:
    """For `figures.group_difference`: scores with their group, both means with interval, the difference."""
    result = comparison.two_groups(frame, score, group.variable, group.reference, group.focal)
    levels = comparison.by_level(frame, score, group.variable).set_index("level")
    levels = levels.loc[[group.reference, group.focal]].reset_index()
    groups = levels.rename(columns={"level": "group", "low": "ci_low", "high": "ci_high"})
    scores = frame[[group.variable, score]].dropna().set_axis(["group", "score"], axis=1)
    scores["group"] = scores["group"].map(comparison.label)
    return scores[scores["group"].isin(groups["group"])], groups, result.estimate


def compare_family(frame: pd.DataFrame, scores: Mapping[str, str], group: Group) -> dict[str, Result]:
    """Each score compared between the groups, p adjusted over the family by Holm; or the reason why not."""
    who = group.variable, group.reference, group.focal
    return family({
        name: groups.result(comparison.two_groups, frame, score, *who) for name, score in scores.items()
    })


def superiority(frame: pd.DataFrame, score: str, group: Group) -> Result:
    """Brunner-Munzel: how often a child of the group of interest scores above one of the reference group."""
    result = comparison.two_groups(frame, score, group.variable, group.reference, group.focal).extra
    if result["bm"] is None:
        raise NotEstimableError(result["reasons"]["bm"])
    return result["bm"]


def equivalence(frame: pd.DataFrame, score: str, group: Group, smallest: float | None) -> Result:
    """Two one-sided tests: is the difference smaller than the smallest one that matters?"""
    return comparison.equivalent(frame, score, group.variable, group.reference, group.focal, smallest)


def measured_again(frame: pd.DataFrame, after: str, group: Group) -> Result:
    """Whether being measured again goes with the group: a table of counts."""
    if after not in frame:
        raise NotEstimableError("the children were not measured again")
    used = groups.members(frame, group.variable, group.reference) | groups.members(frame, group.variable, group.focal)
    return contingency(frame[used].assign(again=frame[after].notna()), group.variable, "again")


def bayes_robustness(frame: pd.DataFrame, score: str, group: Group) -> pd.DataFrame:
    """For `figures.bayes_robustness`: the Bayes factor over the scale of its prior, r and bf10."""
    return comparison.bayes_robustness(
        comparison.two_groups(frame, score, group.variable, group.reference, group.focal))


def methods(
    frame: pd.DataFrame, score: str, group: Group, cluster: str | None, smallest: float | None,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """The same comparison by several methods: method, estimate, low, high, statistic, df, p.

    A method that fails with these data keeps its row, empty; without classes, or without a smallest effect that
    matters, there is no row for it.
    """
    who = group.variable, group.reference, group.focal
    result = comparison.two_groups(frame, score, *who)
    more = result.extra
    there, here = (frame.loc[groups.members(frame, who[0], value), score] for value in (group.focal, group.reference))
    difference, g = groups.attempt(bca_of_two, there, here, rng)[0] or (None, None)
    effects = {"bootstrap (BCa)": difference, "Hedges g": result.effect, "Hedges g, unpooled": more["g_unpooled"],
               "Hedges g, bootstrap (BCa)": g}

    def permuted(name: str, ranks: bool) -> list[tuple[Any, ...]]:
        kinds = {name: None} | ({f"{name} within classes": cluster} if cluster in frame else {})
        return [_row(text, groups.attempt(comparison.permuted, frame, score, *who, rng, ranks, by)[0])
                for text, by in kinds.items()]

    rows = [
        _row("Welch", result), *permuted("studentised permutation", ranks=False),
        *((name, *_interval(e), None, None, None) for name, e in effects.items()),
        _row("Brunner-Munzel, P(reference < focal)", more["bm"]), *permuted("Brunner-Munzel, permuted", ranks=True),
        ("JZS Bayes factor BF10 (r = 0.707)", more["bf10"], None, None, None, None, None),
        ("JZS Bayes factor BF10 (r = 1)", more["bf10_wide"], None, None, None, None, None),
    ]
    if smallest is not None:
        rows.append(_row("equivalence (TOST), 90% CI", equivalence(frame, score, group, smallest)))
    return _methods(rows)


def _methods(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["method", "estimate", "low", "high", "statistic", "df", "p"])
    return table.astype(dict.fromkeys(table.columns[1:], float))


def _row(name: str, result: Result | None) -> tuple[Any, ...]:
    if result is None:
        return (name, *[None] * 6)
    return (name, *_interval(result.estimate), result.test.statistic, result.test.df, result.test.p)


def _interval(estimate: Estimate | None) -> tuple[Any, ...]:
    return (None, None, None) if estimate is None else (estimate.value, *(estimate.ci or (None, None)))


def forest_data(results: Mapping[str, Result]) -> pd.DataFrame:
    """For `figures.forest`: the effect of each result with its interval."""
    rows = [(name, *_interval(result.effect)) for name, result in results.items()]
    table = pd.DataFrame(rows, columns=["row", "estimate", "ci_low", "ci_high"])
    if table["estimate"].isna().all():
        raise NotEstimableError("none of these differences could be estimated")
    return table


def by_levels(frame: pd.DataFrame, score: str, factors: Sequence[str], least: int = 5) -> pd.DataFrame:
    """For `figures.by_category`: n, mean and interval at every level of several factors, small levels left out."""
    parts = [comparison.by_level(frame, score, factor).assign(variable=factor) for factor in factors]
    if not parts:
        raise NotEstimableError("none of these variables was asked")
    names = {"level": "category", "low": "ci_low", "high": "ci_high"}
    table = pd.concat(parts, ignore_index=True).rename(columns=names)
    table = table[table["n"] >= least]
    if table.empty:
        raise NotEstimableError(f"no level of these variables has {least} children")
    rank = {name: i for i, name in enumerate(WHO_IS_AWAY)}
    table["rank"] = table["category"].map(lambda value: rank.get(value, 0))
    table["place"] = table["variable"].map(list(factors).index)
    table = table.sort_values(["place", "rank"], kind="stable")
    return table[["variable", "category", "n", "mean", "ci_low", "ci_high"]].reset_index(drop=True)


def clustering(frame: pd.DataFrame, score: str, cluster: str | None) -> Result:
    """How alike children of one cluster are: ICC(1), with the design effect in `extra`."""
    if cluster is None or cluster not in frame:
        raise NotEstimableError("the survey did not ask for the children's classes")
    return multilevel.icc_groups(frame[score], frame[cluster])


def last_wave(frame: pd.DataFrame, score: str) -> str:
    """Name of the score's column in the last wave; `<score>@later` where there was one wave only."""
    later = [column for column in frame if column.startswith(f"{score}@")]
    return later[-1] if later else f"{score}@later"


def change_between_waves(frame: pd.DataFrame, before: str, after: str) -> Result:
    """`comparison.paired_waves`, or the reason why there is nothing to pair."""
    if after not in frame:
        raise NotEstimableError("the children were not measured again")
    return comparison.paired_waves(frame, before, after)


def paired_methods(frame: pd.DataFrame, before: str, after: str) -> pd.DataFrame:
    """The change between two waves by several methods: method, estimate, low, high, statistic, df, p."""
    result = change_between_waves(frame, before, after)
    more = result.extra
    effects = {"Cohen d_z": result.effect, "Hedges g_av": more["g_av"], "Hodges-Lehmann": more["hodges_lehmann"],
               "rank-biserial r": more["rank_biserial"]}
    rows = [_row("paired t test", result), *((name, *_interval(e), None, None, None) for name, e in effects.items())]
    exact = {"sign-flip test, exact": "sign_flip", "Wilcoxon signed-rank test, exact": "wilcoxon",
             "sign test": "sign_test"}
    for name, test in ((name, more[key].test) for name, key in exact.items()):
        rows.append((name, None, None, None, test.statistic, test.df, test.p))
    rows.append(("JZS Bayes factor BF10 (r = 0.707)", more["bf10"], None, None, None, None, None))
    return _methods(rows)


def waves_table(frame: pd.DataFrame, before: str, after: str, group: Group) -> pd.DataFrame:
    """Fixed effects of `comparison.waves_by_group`, with both variances below."""
    if after not in frame:
        raise NotEstimableError("the children were not measured again")
    return mixed_table(comparison.waves_by_group(frame, before, after, group.variable, group.reference, group.focal))


def mixed_table(model: multilevel.MixedModel) -> pd.DataFrame:
    """Fixed effects of a random-intercept model, then its variances, ICC and log-likelihood."""
    below = {"variance between groups": model.var_group, "variance within groups": model.var_residual,
             "ICC": model.icc, "log-likelihood": model.log_lik, "groups": model.n_groups, "n": model.n}
    rows = pd.DataFrame({"term": list(below), "estimate": [float(value) for value in below.values()]})
    return pd.concat([model.fixed, rows], ignore_index=True)


def coefficients(
    frame: pd.DataFrame, score: str, group: Group, covariates: Sequence[str], cluster: str | None
) -> pd.DataFrame:
    """Every coefficient of the adjusted model."""
    result = adjusted(frame, score, group.variable, group.reference, group.focal, covariates, cluster)
    table = result.extra["coefficients"]
    dummy = f"{group.variable}: {group.focal}"
    return table.assign(term=table["term"].replace({dummy: "focal", group.variable: "focal"}))


def measured(keyed: pd.DataFrame, group: Group) -> measurement.Measurement:
    """`measurement.examine` of keyed items with the column `group`, whose values are those of the data."""
    data = keyed.assign(group=keyed["group"].map(comparison.label, na_action="ignore"))
    return measurement.examine(data, (group.reference, group.focal))


def predictors_described(frame: pd.DataFrame, score: str, listed: pd.DataFrame) -> pd.DataFrame:
    """Each predictor's level, n, mean, SD, missing share and correlation with the outcome (numbers only)."""
    rows = []
    for name, level in listed[["name", "level"]].itertuples(index=False):
        column = frame[name]
        values = column if pd.api.types.is_numeric_dtype(column) else pd.Series(np.nan, index=frame.index)
        r = values.corr(frame[score]) if values.nunique() > 1 else np.nan
        rows.append((level, name, int(column.notna().sum()), values.mean(), values.std(), column.isna().mean(), r))
    return pd.DataFrame(rows, columns=["level", "predictor", "n", "mean", "sd", "missing", "r"])


def entries(blocks: pd.DataFrame | NotEstimableError) -> pd.DataFrame:
    """For `figures.blocks`: one row per level and way of entry; without bootstrap there are no intervals."""
    blocks, parts = known(blocks), []
    for entry, name in (("first", "first"), ("in_order", "delta_r2"), ("last", "last")):
        part = blocks.reindex(columns=["level", name, f"{name}_low", f"{name}_high"]).set_axis(
            ["level", "estimate", "ci_low", "ci_high"], axis=1)
        parts.append(part.assign(entry=entry))
    return pd.concat(parts, ignore_index=True)


def segments(coded: pd.DataFrame) -> pd.DataFrame:
    """For `figures.codes_by_level`: segments per person and theme on which all coders agreed."""
    codes = coded.groupby(["person", "segment"])[["theme", "level"]].transform("nunique")
    once = coded[(codes == 1).all(axis=1)].drop_duplicates(["person", "segment"])
    table = once.groupby(["level", "theme", "role", "person"], sort=False).size().rename("segments").reset_index()
    return table[["level", "theme", "person", "segments", "role"]]


def new_code_curve(coded: pd.DataFrame) -> pd.DataFrame:
    """For `figures.new_codes`: interview, new, total."""
    table = interviews.new_codes(coded)
    return table.rename(columns={"order": "interview", "cumulative": "total"})[["interview", "new", "total"]]


BLOCKS = ["level", "r2", "delta_r2", "delta_r2_low", "delta_r2_high", "first", "first_low", "first_high", "last",
          "last_low", "last_high", "F_change", "df_change", "df_residual", "p_change", "n", "left_out"]
SHARES = ["level", "lmg", "lmg_low", "lmg_high", "percent", "percent_low", "percent_high", "n", "left_out"]


def columns(table: pd.DataFrame | NotEstimableError, names: Sequence[str]) -> pd.DataFrame:
    """The columns of a table that a reader is shown, as far as it has them."""
    table = known(table)
    return table[[name for name in names if name in table]]
