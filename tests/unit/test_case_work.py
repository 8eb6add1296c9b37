"""What is said of the case: findings of every outcome, what few points allow, figures, goals, a drawn start."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lbc.analysis import case_work, single_case
from lbc.errors import NotEstimableError
from lbc.reporting import figures

LANGUAGES = ("en", "zh")


def case(**more: Any) -> Any:
    return SimpleNamespace(
        **{"member": "M3", "outcome": "loneliness", "others": ["anger"], "direction": "down", "baseline": "A", "counts": {},
           "phases": {}, "start_drawn": None} | more)


def log(points: int = 6, phases: str = "ABC") -> pd.DataFrame:
    """Loneliness and anger fall, contacts rise from phase to phase; a point every third day."""
    rows = [(phase, 7 - k + t % 2, 6 - k + (t + 1) % 2, 1 + 2 * k + t % 3)
            for k, phase in enumerate(phases) for t in range(points)]
    table = pd.DataFrame(rows, columns=["phase", "loneliness", "anger", "contacts"])
    return table.assign(day=[str(3 * i) for i in range(len(table))])


NAMES = {"loneliness": {"en": "Loneliness", "zh": "孤独感"}, "anger": {"en": "Anger", "zh": "愤怒"},
         "contacts": {"en": "Contacts", "zh": "联系次数"}}


def test_every_outcome_has_its_findings_and_labels() -> None:
    told = case(counts={"contacts": "up"})
    found = case_work.findings(log(), told, "cls")
    assert list(found) == [
        "cls.nap", "cls.bc_tau", "cls.dual_criteria", "anger.nap", "anger.bc_tau", "anger.dual_criteria",
        "contacts.nap", "contacts.bc_tau", "contacts.dual_criteria", "contacts.lrr"]
    names = case_work.labels(told, "cls", NAMES)
    assert list(names) == list(found)
    assert names["contacts.lrr"] == {"en": "Contacts (higher is better): ratio to the baseline",
                                     "zh": "联系次数（越高越好）：与基线之比"}
    a, b = log()["loneliness"][:6], log()["loneliness"][6:]
    assert found["cls.nap"].estimate == single_case.nap(a, b, "down").estimate
    assert found["contacts.nap"].estimate.value > 0.5, "contacts improve upwards"
    assert found["contacts.lrr"].effect.value > 0
    assert found["cls.dual_criteria"].n["needed"] == 10
    assert "cls.lrr" not in found, "a rating has no zero"
    assert all(result.estimate is not None for result in found.values())


def test_phases_are_called_as_the_params_say() -> None:
    assert case_work.phase_names(case()) == {}
    named = case(phases={"A": SimpleNamespace(en="baseline", zh="基线")})
    assert case_work.phase_names(named) == {"A": {"en": "baseline", "zh": "基线"}}


def test_three_points_in_a_phase_are_used_with_reservations() -> None:
    found = case_work.findings(log(3), case(), "cls")
    assert found["cls.nap"].method == "nonoverlap of all pairs; with reservations: 3 points in a phase"
    assert set(case_work.visual(log(3), case(), "cls")["adequate"]) == {"with reservations"}
    assert not case_work.overlap(log(3), case(), "cls")["value"].isna().all()
    words = case_work.design_words(log(3), case())
    assert words["en"] == (
        "The smallest phase of the case log has 3 points, which meets the What Works Clearinghouse's minimum with "
        "reservations (5 meet it). The log has 2 changes of phase; the standard asks for three demonstrations of the "
        "same effect before a cause is named, so what follows describes this child's change and not its cause. The "
        "start of the treatment was not drawn by lot, so there is no randomisation test.")
    assert words["zh"] == (
        "个案记录最短的阶段有 3 个数据点，有保留地达到 WWC 标准的下限（5 个为达到）。记录中有 2 次阶段转换；"
        "该标准要求同一效果至少出现三次才可谈原因，因此以下只描述这名儿童的变化，不说明原因。"
        "干预起点不是抽签决定的，因此不做随机化检验。")


def test_two_points_in_a_phase_give_no_overlap_and_say_why() -> None:
    found = case_work.findings(log(2), case(), "cls")
    assert {result.estimate for result in found.values()} == {None}
    assert found["cls.nap"].reason == {
        "en": "the smallest phase has 2 points; overlap needs at least 3 in every phase (What Works Clearinghouse: 5 "
              "meet the standard, 3 or 4 meet it with reservations)",
        "zh": "最短的阶段只有 2 个数据点；每个阶段至少需要 3 个点才能计算重叠"
              "（WWC 标准：5 个点达到要求，3 或 4 个点有保留地达到要求）"}
    with pytest.raises(NotEstimableError, match="the smallest phase has 2 points"):
        case_work.overlap(log(2), case(), "cls")
    words = case_work.design_words(log(2), case())
    assert words["en"].startswith("The smallest phase has 2 points; overlap needs at least 3 in every phase")
    assert words["zh"].startswith("最短的阶段只有 2 个数据点；")
    assert case_work.visual(log(2), case(), "cls")["nap"].isna().all()
    assert case_work.phase_data(log(2), case(), "cls")["mean_line"].isna().all()


def test_five_points_and_a_drawn_start() -> None:
    words = case_work.design_words(log(phases="AB"), case(start_drawn=[5, 7, 8, 9]))
    assert words["en"] == (
        "Every phase of the case log has at least 6 points, which meets the What Works Clearinghouse's minimum of 5. "
        "The log has 1 change of phase; the standard asks for three demonstrations of the same effect before a cause "
        "is named, so what follows describes this child's change and not its cause. The start of the treatment was "
        "drawn by lot from 4 points, so the smallest p that its randomisation test can give is 1/4.")
    assert words["zh"].endswith("干预起点由抽签从 4 个点中决定，其随机化检验可能得到的最小 p 值为 1/4。")
    found = case_work.findings(log(), case(start_drawn=[5, 7, 8, 9]), "cls")
    y = -log()["loneliness"].to_numpy(float)
    means = [y[k:].mean() - y[:k].mean() for k in (4, 6, 7, 8)]
    assert found["cls.start"].estimate.value == pytest.approx(means[1])
    assert found["cls.start"].test.p == np.mean([m >= means[1] - 1e-12 for m in means])
    wrong = case_work.findings(log(), case(start_drawn=[3, 4]), "cls")["cls.start"]
    assert wrong.reason["en"] == "M3: with 18 points a start after 6 could not be drawn"


def test_what_the_log_lacks_is_a_reason() -> None:
    found = case_work.findings(log().drop(columns="anger"), case(), "cls")
    assert found["anger.nap"].reason["en"] == "the log has no column anger"
    assert found["cls.nap"].estimate is not None
    assert case_work.design_words(log().drop(columns="loneliness"), case()) == {
        "en": "The case log cannot be used: the log has no column loneliness.",
        "zh": "个案记录无法使用：缺少所需的列，或缺少基线、基线之后的数据点。"}


def test_a_missing_point_is_dropped_and_time_goes_on() -> None:
    gap = log()
    gap.loc[8, "loneliness"] = np.nan
    found = case_work.findings(gap, case(), "cls")
    assert found["cls.nap"].n == {"baseline": 6, "treatment": 11}
    data = case_work.phase_data(gap, case(), "cls")
    one = data[data["outcome"] == "loneliness"]
    assert one["time"].tolist() == [3 * i for i in range(18)]
    assert one["mean_line"].isna().tolist() == [True] * 6 + [False] * 12, "the lines pass the gap"
    assert np.isnan(one["value"].iloc[8])
    without = case_work.phase_data(log().drop(columns="day"), case(), "cls")
    assert without["time"].iloc[:3].tolist() == [1, 2, 3]


def test_the_lines_are_those_of_the_dual_criteria() -> None:
    data = case_work.phase_data(log(), case(counts={"contacts": "up"}), "cls")
    assert data.columns.tolist() == ["outcome", "time", "phase", "value", "baseline_median", "mean_line", "trend_line",
                                     "beyond", "needed", "better"]
    rising = data[data["outcome"] == "contacts"]
    assert set(rising["better"]) == {"up"}
    first = rising["value"].iloc[:6]
    assert rising["mean_line"].iloc[-1] == pytest.approx(first.mean() + 0.25 * first.std())
    assert rising["baseline_median"].iloc[0] == first.median()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_phase_figure_has_a_panel_per_outcome_and_no_line_over_a_change(language: str) -> None:
    data = case_work.phase_data(log(), case(counts={"contacts": "up"}), "cls")
    fig, plotted = figures.phases(data, labels=NAMES, language=language)
    assert len(fig.axes) == 3
    assert len(plotted) == len(data)
    joined = [line.get_xdata() for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert [(x.min(), x.max()) for x in joined] == [(0, 15), (18, 33), (36, 51)]
    texts = [text.get_text() for ax in fig.axes for text in ax.texts]
    wanted = {"en": "beyond both lines: 12 of 12 points (10 needed)", "zh": "超出双线：12 点中有 12 点（需 10 点）"}
    assert wanted[language] in texts
    assert {"A", "B", "C"} <= set(texts)
    assert fig.get_size_inches()[0] <= 6.6
    figures.close(fig)


def test_a_baseline_that_returns_is_drawn_as_two_phases() -> None:
    back = log(phases="ABAB")
    data = case_work.phase_data(back, case(), "cls")
    assert data["mean_line"].isna().all(), "no line is drawn through a baseline that returns"
    fig, _ = figures.phases(data, labels=NAMES)
    joined = [line.get_xdata().min() for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert joined == [0, 18, 36, 54]
    assert case_work.findings(back, case(), "cls")["cls.dual_criteria"].reason["zh"] == (
        "基线趋势线需要两个时间点，且全部早于干预")


def test_goals_with_their_levels() -> None:
    goals = pd.DataFrame({"goal_en": ["calls", "plays"], "goal_zh": ["通话", ""], "weight": [3.0, 1], "baseline": [-2.0, -1],
                          "expected": [0.0, 0], "reached": [0.0, 2]})
    table, score = case_work.goal_data(goals)
    assert table["goal"].tolist() == [{"en": "calls", "zh": "通话"}, {"en": "plays", "zh": "plays"}]
    assert score == single_case.goal_attainment([3, 1], [0, 2]).estimate.value
    fig, data = figures.goals(table, score, language="zh")
    assert data["goal"].tolist() == ["通话 ×3", "plays ×1"]
    assert fig.axes[0].get_title(loc="left") == f"目标达成 T = {score:.1f}（50 为符合预期）"
    with pytest.raises(NotEstimableError, match="a level from -2 to 2"):
        case_work.goal_data(goals.assign(reached=[0, np.nan]))
