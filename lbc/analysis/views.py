"""Frames that tables and figures show, made from data by the analyses; no formula of its own stands here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from lbc.analysis import comparison, ecology, interviews, invariance, multilevel, regression, single_case
from lbc.analysis.adjustment import adjusted
from lbc.errors import NotEstimableError
from lbc.params import Group
from lbc.results import Estimate, Result

MOST_RESAMPLED = 14
"""Predictors up to which all subsets are computed for every bootstrap sample; beyond, minutes would pass."""
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
    results: dict[str, Result] = {}
    for name, score in scores.items():
        try:
            results[name] = comparison.two_groups(frame, score, group.variable, group.reference, group.focal)
        except NotEstimableError as error:
            results[name] = Result("Welch", None, reason=str(error))
    if any(result.test for result in results.values()):
        adjusted_p = comparison.family(results).set_index("name")["p_holm"]
        for name, result in results.items():
            if result.test:
                test = replace(result.test, p_adjusted=float(adjusted_p[name]))
                results[name] = replace(result, test=test, method=f"{result.method}; p adjusted by Holm")
    return results


def superiority(frame: pd.DataFrame, score: str, group: Group) -> Result:
    """Brunner-Munzel: how often a child of the group of interest scores above one of the reference group."""
    result = comparison.two_groups(frame, score, group.variable, group.reference, group.focal).extra
    if result["bm"] is None:
        raise NotEstimableError(result["reasons"]["bm"])
    return result["bm"]


def methods(frame: pd.DataFrame, score: str, group: Group) -> pd.DataFrame:
    """The same comparison by several methods: method, estimate, low, high, statistic, df, p."""
    result = comparison.two_groups(frame, score, group.variable, group.reference, group.focal)
    more = result.extra
    rows = [_row("Welch", result), _row("Brunner-Munzel, P(reference < focal)", more["bm"]),
            ("Hedges g", *_interval(result.effect), None, None, None),
            ("Hedges g, unpooled", *_interval(more["g_unpooled"]), None, None, None),
            ("JZS Bayes factor BF10 (r = 0.707)", more["bf10"], None, None, None, None, None),
            ("JZS Bayes factor BF10 (r = 1)", more["bf10_wide"], None, None, None, None, None)]
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


def invariance_table(keyed: pd.DataFrame, group: Group) -> pd.DataFrame:
    """The ladder of one factor over the two groups; answers that one group never gave are merged."""
    return invariance.compare(_ladder(keyed, group))


def scalar_step(keyed: pd.DataFrame, group: Group) -> Result:
    """Scalar invariance as a result, with the ladder's verdict in `extra`."""
    fits = _ladder(keyed, group)
    result = invariance.step(fits, "scalar")
    return replace(result, extra=result.extra | {"verdict": invariance.verdict(invariance.compare(fits))})


def _ladder(keyed: pd.DataFrame, group: Group) -> dict[str, Any]:
    items = [column for column in keyed if column != "group"]
    data = keyed.assign(group=keyed["group"].map(comparison.label, na_action="ignore"))
    data = data[data["group"].isin([group.reference, group.focal])].dropna()
    merged, _ = invariance.merge_empty(data, items, "group")
    model = f"loneliness =~ {' + '.join(items)}"
    return invariance.ladder(model, merged, "group", groups=(group.reference, group.focal))


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


def importance_data(
    frame: pd.DataFrame, score: str, listed: pd.DataFrame, cluster: str | None, rng: np.random.Generator, n_boot: int
) -> pd.DataFrame:
    """For `figures.importance`: LMG of each predictor with its level; intervals up to `MOST_RESAMPLED` of them."""
    few = len(listed) <= MOST_RESAMPLED
    table = ecology.importance(frame, score, listed["name"].tolist(), cluster, rng if few else None, n_boot)
    table = table.rename(columns={"lmg": "share", "lmg_low": "ci_low", "lmg_high": "ci_high"})
    return table.merge(listed.rename(columns={"name": "predictor"}), on="predictor", validate="one_to_one")


def random_intercept_table(
    frame: pd.DataFrame, score: str, predictors: Sequence[str], cluster: str | None
) -> pd.DataFrame:
    """The full model with a random intercept for each cluster, complete rows."""
    if cluster is None or cluster not in frame:
        raise NotEstimableError("the survey did not ask for the children's classes")
    rows = frame[[score, *predictors, cluster]].dropna()
    model = multilevel.random_intercept(rows[score], regression.design(rows, predictors), rows[cluster].tolist())
    return mixed_table(model)


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


def phase_data(log: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """For `figures.phases`: time (the day where every row gives its number, else the row), phase, value."""
    rows = pd.Series(range(1, len(log) + 1), log.index)
    days = pd.to_numeric(log["day"], errors="coerce") if "day" in log else rows
    time = rows if days.isna().any() else days
    return pd.DataFrame({"time": time, "phase": log["phase"], "value": log[outcome]})


def nap_of_phases(
    log: pd.DataFrame, outcomes: Sequence[str], direction: single_case.Direction, baseline: str
) -> dict[str, Result]:
    """NAP of all treatment points against the baseline, for each rating; a reason where it cannot be computed."""
    found = {}
    for outcome in outcomes:
        try:
            parts = single_case.phases(log, outcome, baseline=baseline)
            before = parts.pop(baseline)
            found[outcome] = single_case.nap(before, pd.concat(parts.values()), direction)
        except NotEstimableError as error:
            found[outcome] = Result("NAP", None, reason=str(error))
    return found


BLOCKS = ["level", "r2", "delta_r2", "delta_r2_low", "delta_r2_high", "first", "first_low", "first_high", "last",
          "last_low", "last_high", "F_change", "df_change", "df_residual", "p_change", "n", "left_out"]
SHARES = ["level", "lmg", "lmg_low", "lmg_high", "percent", "percent_low", "percent_high", "n", "left_out"]


def columns(table: pd.DataFrame | NotEstimableError, names: Sequence[str]) -> pd.DataFrame:
    """The columns of a table that a reader is shown, as far as it has them."""
    table = known(table)
    return table[[name for name in names if name in table]]
