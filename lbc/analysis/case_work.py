"""What the report says of the case: every outcome of its log in tables, figures and findings, and what they allow.

The outcomes are those that the params name: the rated one, `others` with the same direction, and `counts` (contacts,
calls) each with its own. Everything is the baseline against all points that followed, unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lbc.analysis import groups, single_case
from lbc.analysis.nonoverlap import Direction
from lbc.errors import NotEstimableError
from lbc.params import Case
from lbc.results import Result, Words

INDICES: dict[str, Words] = {
    "nap": {"en": "overlap with the baseline (NAP)", "zh": "与基线的重叠（NAP）"},
    "bc_tau": {"en": "baseline-corrected Tau", "zh": "基线校正 Tau"},
    "dual_criteria": {"en": "points beyond both lines of the baseline", "zh": "超出基线双准则线的数据点"},
    "lrr": {"en": "ratio to the baseline", "zh": "与基线之比"},
    "start": {"en": "test by the lot that drew the start", "zh": "依抽签起点的随机化检验"},
}


class Rated(NamedTuple):
    """An outcome of the log: its column, its place in the ids of findings, direction, and whether it counts."""

    column: str
    id: str
    direction: Direction
    count: bool


def outcomes(case: Case, scale: str) -> list[Rated]:
    """The outcomes that the params name; the first takes the id of the scale it stands for (`cls`)."""
    listed = [Rated(case.outcome, scale, case.direction, False)]
    listed += [Rated(name, name, case.direction, False) for name in case.others]
    counts = case.counts
    return listed + [Rated(name, name, way, True) for name, way in counts.items()]


def phase_names(case: Case) -> dict[str, Words]:
    """What readers call each phase, where the params say it (`phases`)."""
    named = case.phases
    return {phase: {"en": words.en, "zh": words.zh} for phase, words in named.items()}


def _timed(log: pd.DataFrame) -> pd.DataFrame:
    """The log with `time`: the day where every row gives its number, else the row."""
    rows = pd.Series(range(1, len(log) + 1), log.index)
    days = pd.to_numeric(log["day"], errors="coerce") if "day" in log else rows
    return log.assign(time=rows if days.isna().any() else days)


def _phases(log: pd.DataFrame, case: Case, column: str) -> dict[str, pd.Series]:
    return single_case.phases(_timed(log), column, baseline=case.baseline, time="time")


def _after(parts: dict[str, pd.Series], case: Case) -> pd.Series:
    return pd.concat([part for name, part in parts.items() if name != case.baseline]).sort_index(kind="stable")


def visual(log: pd.DataFrame, case: Case, scale: str) -> pd.DataFrame:
    """`single_case.visual_table` of every outcome, one below the other."""
    log = _timed(log)
    return pd.concat([
        single_case.visual_table(log, r.column, r.direction, case.baseline, time="time").assign(outcome=r.column)
        for r in outcomes(case, scale)
    ], ignore_index=True).pipe(_outcome_first)


def overlap(log: pd.DataFrame, case: Case, scale: str) -> pd.DataFrame:
    """`single_case.indices` of every outcome, one below the other.

    Raises
    ------
    NotEstimableError
        As `single_case.phases`; if any phase has fewer than three points.
    """
    tables = []
    for rated in outcomes(case, scale):
        parts = _phases(log, case, rated.column)
        single_case.require_points(*parts.values())
        table = single_case.indices(parts[case.baseline], _after(parts, case), rated.direction, rated.count)
        tables.append(table.assign(outcome=rated.column))
    return pd.concat(tables, ignore_index=True).pipe(_outcome_first)


def _outcome_first(table: pd.DataFrame) -> pd.DataFrame:
    return table[["outcome", *table.columns.drop("outcome")]]


def findings(log: pd.DataFrame, case: Case, scale: str) -> dict[str, Result]:
    """Findings of every outcome, "<id>.<index>" each: nap, bc_tau, dual_criteria, lrr of counts, start if drawn.

    Where the log lacks the column, or a phase has fewer than three points, each is a result without an estimate and
    with the reason; with three or four the method says "with reservations".
    """
    found = {}
    for rated in outcomes(case, scale):
        measures = _measures(log, case, rated)
        try:
            parts = _phases(log, case, rated.column)
            fewest = min(len(part) for part in parts.values())
            why: str | Words = "" if single_case.adequacy(fewest) != "too few points" else single_case.too_few(fewest)
        except NotEstimableError as error:
            fewest, why = 0, str(error)
        for name, measure in measures.items():
            result = Result(INDICES[name]["en"], None, reason=why) if why else groups.result(measure)
            found[f"{rated.id}.{name}"] = _qualified(result, fewest)
    return found


def _measures(log: pd.DataFrame, case: Case, rated: Rated) -> dict[str, Callable[[], Result]]:
    def of(measure: Callable[..., Result], *more: Any) -> Callable[[], Result]:
        def apply() -> Result:
            parts = _phases(log, case, rated.column)
            return measure(parts[case.baseline], _after(parts, case), rated.direction, *more)

        return apply

    def corrected(a: pd.Series, b: pd.Series, direction: Direction) -> Result:
        return single_case.baseline_corrected_tau(a, b, direction, [*a.index, *b.index])

    measures = {"nap": of(single_case.nap), "bc_tau": of(corrected), "dual_criteria": of(single_case.dual_criteria)}
    if rated.count:
        measures["lrr"] = of(single_case.lrr, "count")
    if case.start_drawn:
        measures["start"] = lambda: drawn_start(log, case, rated)
    return measures


def _qualified(result: Result, fewest: int) -> Result:
    """Reasons in both languages; the method says so where the points meet the standard with reservations only."""
    if result.estimate is None:
        why = result.reason
        return replace(result, reason=single_case.note(why) if isinstance(why, str) else why)
    if single_case.adequacy(fewest) == "meets":
        return result
    return replace(result, method=f"{result.method}; with reservations: {fewest} points in a phase")


def labels(case: Case, scale: str, names: Mapping[str, Words]) -> dict[str, Words]:
    """A label for each of the `findings`: the outcome, which way it improves, and the index."""
    ways = {"down": {"en": "lower is better", "zh": "越低越好"}, "up": {"en": "higher is better", "zh": "越高越好"}}
    return {
        f"{rated.id}.{name}": {
            "en": f"{names[rated.column]['en']} ({ways[rated.direction]['en']}): {INDICES[name]['en']}",
            "zh": f"{names[rated.column]['zh']}（{ways[rated.direction]['zh']}）：{INDICES[name]['zh']}",
        }
        for rated in outcomes(case, scale) for name in _measures(pd.DataFrame(), case, rated)
    }


def drawn_start(log: pd.DataFrame, case: Case, rated: Rated) -> Result:
    """Exact test of the mean after the start minus the mean before, over the points among which lot decided.

    `case.start_drawn` holds them as places in the log (1 = its first point). Improvement is positive.

    Raises
    ------
    NotEstimableError
        As `single_case.randomization_test`: the start is not among them, or a point is missing.
    """
    values = _timed(log).sort_values("time", kind="stable")
    before = int((values["phase"] == case.baseline).sum())
    drawn = [point - 1 for point in case.start_drawn]
    return single_case.randomization_test(
        {case.member: values[rated.column]}, {case.member: before}, rated.direction, drawn=drawn)


def phase_data(log: pd.DataFrame, case: Case, scale: str) -> pd.DataFrame:
    """For `figures.phases`: the points of every outcome, and the lines drawn out from its baseline.

    Returns
    -------
    DataFrame
        outcome, better (direction), time, phase, value, baseline_median and, after the baseline, mean_line and
        trend_line of the dual criteria with beyond and needed (counts); NaN where there is none.
    """
    timed, parts = _timed(log).sort_values("time", kind="stable"), []
    for rated in outcomes(case, scale):
        phases = _phases(log, case, rated.column)
        table = timed[["time", "phase", rated.column]].set_axis(["time", "phase", "value"], axis=1)
        table = table.assign(baseline_median=phases[case.baseline].median(), mean_line=np.nan, trend_line=np.nan,
                             beyond=np.nan, needed=np.nan)
        found, _ = groups.attempt(
            single_case.dual_criteria, phases[case.baseline], _after(phases, case), rated.direction)
        if found is not None:
            after = table["phase"] != case.baseline
            lines = found.extra["lines"]
            lines = lines[~lines.index.duplicated()].reindex(table.loc[after, "time"]).interpolate("index")
            table.loc[after, ["mean_line", "trend_line"]] = lines.to_numpy()
            table[["beyond", "needed"]] = found.extra["beyond"], found.extra["needed"]
        parts.append(table.assign(outcome=rated.column, better=rated.direction))
    return _outcome_first(pd.concat(parts, ignore_index=True))


def goal_data(goals: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """For `figures.goals`: every goal with its levels (goal in both languages, weight, start, reached), and T.

    Raises
    ------
    NotEstimableError
        As `single_case.goal_attainment`.
    """
    chinese = goals["goal_zh"].where(goals["goal_zh"] != "", goals["goal_en"])
    words = [{"en": en, "zh": zh} for en, zh in zip(goals["goal_en"], chinese, strict=True)]
    table = pd.DataFrame({"goal": words, "weight": goals["weight"], "start": goals["baseline"],
                          "expected": goals["expected"], "reached": goals["reached"]})
    return table, single_case.goal_attainment(goals["weight"], goals["reached"]).estimate.value


def design_words(log: pd.DataFrame, case: Case) -> Words:
    """What the log of the case allows to say, in fixed sentences: points per phase, changes of phase, start.

    References
    ----------
    Kratochwill et al. 2013 (What Works Clearinghouse pilot standards).
    """
    try:
        parts = _phases(log, case, case.outcome)
    except NotEstimableError as error:
        return {"en": f"The case log cannot be used: {error}.",
                "zh": "个案记录无法使用：缺少所需的列，或缺少基线、基线之后的数据点。"}
    fewest, changes = min(len(part) for part in parts.values()), len(parts) - 1
    points = {
        "meets": (f"Every phase of the case log has at least {fewest} points, which meets the What Works "
                  "Clearinghouse's minimum of 5.",
                  f"个案记录的每个阶段至少有 {fewest} 个数据点，达到 WWC 标准的下限（5 个）。"),
        "with reservations": (f"The smallest phase of the case log has {fewest} points, which meets the What Works "
                              "Clearinghouse's minimum with reservations (5 meet it).",
                              f"个案记录最短的阶段有 {fewest} 个数据点，有保留地达到 WWC 标准的下限（5 个为达到）。"),
        "too few points": tuple(f"{text[0].upper()}{text[1:]}{stop}" for text, stop in zip(
            single_case.too_few(fewest).values(), (".", "。"), strict=True)),
    }[single_case.adequacy(fewest)]
    drawn = case.start_drawn
    start = ("The start of the treatment was not drawn by lot, so there is no randomisation test.",
             "干预起点不是抽签决定的，因此不做随机化检验。") if not drawn else (
        f"The start of the treatment was drawn by lot from {len(set(drawn))} points, so the smallest p that its "
        f"randomisation test can give is 1/{len(set(drawn))}.",
        f"干预起点由抽签从 {len(set(drawn))} 个点中决定，其随机化检验可能得到的最小 p 值为 1/{len(set(drawn))}。")
    return {
        "en": f"{points[0]} The log has {changes} change{'s' * (changes != 1)} of phase; the standard asks for three "
              f"demonstrations of the same effect before a cause is named, so what follows describes this child's "
              f"change and not its cause. {start[0]}",
        "zh": f"{points[1]}记录中有 {changes} 次阶段转换；该标准要求同一效果至少出现三次才可谈原因，"
              f"因此以下只描述这名儿童的变化，不说明原因。{start[1]}",
    }
