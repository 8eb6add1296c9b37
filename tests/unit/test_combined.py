"""One child with group and case work beside the others: numbers, and the only words that the design allows."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lbc.analysis import combined
from lbc.errors import NotEstimableError

MEMBERS = ["M1", "M2", "M3", "M4", "M5"]


def protocol(**more: Any) -> Any:
    rule = SimpleNamespace(en="highest after the group", zh="小组后最高者")
    return SimpleNamespace(**{
        "case": SimpleNamespace(member="M3", rule=rule), "retest": SimpleNamespace(value=0.7),
        "reliability": SimpleNamespace(low=0.8, value=0.87, high=0.9),
        "waves": SimpleNamespace(screening="T0", before="T1", after_group="T2", after_case="T3", follow_up=None),
    } | more)


def scores(case: float = -12, others: tuple[float, ...] = (-2, 2, 4, 0)) -> pd.DataFrame:
    """After the group all others stand at 40 and M3 at 50."""
    before = pd.DataFrame({"member": MEMBERS, "wave": "T1", "y": [50.0, 48, 52, 49, 47]})
    after = pd.DataFrame({"member": MEMBERS, "wave": "T2", "y": [40.0, 40, 50, 40, 40]})
    last = after.assign(wave="T3", y=after["y"] + np.insert(np.array(others, float), 2, case))
    return pd.concat([before, after, last], ignore_index=True)


def test_the_words_in_english() -> None:
    """Others: -2, 2, 4, 0, mean 1, SD 2.582; t(3) = -13 / (2.582 * sqrt(5/4)) = -4.503: 1.0 % lie below.

    The interval's upper end: noncentral t, P(T(3, d) <= -10.07) = .025 at d = -2.37, and Phi(d / 2) = .118.
    """
    assert combined.words(scores(), "y", protocol(), MEMBERS)["en"] == (
        "From T2 to T3 the score of M3, who had group and case work, fell by 12.0 points; that of the 4 others, who "
        "had the group work alone, rose by 1.0 points on average. Of children like these 4, 1.0% (95% CI 0.0% to "
        "11.8%) are expected to have a change below that of M3. What stands beside the case work and cannot be told "
        "from it: time, for the work with M3 went on longer; attention, for the worker's hours went to M3 alone; "
        "order, for case work always came after group work; selection, for M3 was picked by the rule “highest after "
        "the group” (a second regression to the mean: with a retest correlation of 0.7 about 2.4 points of fall are "
        "expected from it alone); and number, for one child stands against 4. The figures describe this child; they "
        "do not say that two methods achieve more than one.")


def test_the_words_in_chinese() -> None:
    assert combined.words(scores(), "y", protocol(), MEMBERS)["zh"] == (
        "从 T2 到 T3，接受小组与个案工作的 M3 得分下降 12.0 分；仅参加小组的其他 4 名组员平均上升 1.0 分。"
        "与这 4 名组员同类的儿童中，预计有 1.0%（95% 置信区间 0.0% 至 11.8%）的变化低于 M3。"
        "与个案工作同时存在、无法与之区分的有：时间（对 M3 的工作持续更久）；关注（工作者的时间只给了 M3）；"
        "次序（个案总在小组之后）；选择（M3 按规则“小组后最高者”选出；第二次向均值回归：按重测相关 0.7，"
        "仅此一项预期下降约 2.4 分）；人数（1 名儿童对 4 名）。这些数字只描述这名儿童，不能说明两种方法的成效大于一种。")


@pytest.mark.parametrize("case", [-30, -12, 0, 25])
def test_no_number_makes_them_say_more(case: float) -> None:
    told = combined.words(scores(case), "y", protocol(), MEMBERS)
    assert not re.search(r"better|because|effect|significan|proves?\b|superior|works\b", told["en"], re.I)
    assert not re.search(r"更好|优于|因为|由于|显著|证明|有效", told["zh"])
    assert {0: "did not move", 25: "rose by 25.0 points"}.get(case, f"fell by {-case:.1f} points") in told["en"]


def test_a_case_that_was_not_above_the_others_brings_no_second_regression() -> None:
    low = scores()
    low.loc[(low["member"] == "M3") & (low["wave"] == "T2"), "y"] = 38
    told = combined.words(low, "y", protocol(), MEMBERS)
    assert "regression" not in told["en"]
    assert "回归" not in told["zh"]


def test_what_is_said_where_nothing_can_be_compared() -> None:
    none = {"en": "There was no case work: group and case work cannot be set against group work alone.",
            "zh": "没有开展个案工作，无法将小组加个案与单独小组相比。"}
    assert combined.words(scores(), "y", protocol(case=None), MEMBERS) == none
    absent = scores().query("not (member == 'M3' and wave == 'T3')")
    told = combined.words(absent, "y", protocol(), MEMBERS)
    assert told["en"] == (
        "Group and case work cannot be set against group work alone: M3 was not measured at both waves.")
    assert told["zh"] == "无法将小组加个案与单独小组相比：个案或其他组员缺少两次测量，或其他组员不足两人、变化全同。"
    alike = combined.words(scores(others=(1, 1, 1, 1)), "y", protocol(), MEMBERS)
    assert alike["en"].endswith("the comparison group does not vary.")


def test_the_case_against_the_other_members() -> None:
    result = combined.case_against_others(scores(), "y", "T2", "T3", "M3", MEMBERS)
    others = np.array([-2.0, 2, 4, 0])
    assert result.n == {"case": 1, "controls": 4}
    assert result.effect.value == pytest.approx((-12 - others.mean()) / others.std(ddof=1))
    missing = scores()
    missing.loc[missing["member"] == "M5", "y"] = np.nan
    assert combined.case_against_others(missing, "y", "T2", "T3", "M3", MEMBERS).n["controls"] == 3
    for case in ("M5", "nobody"):
        with pytest.raises(NotEstimableError, match=f"{case} was not measured at both waves"):
            combined.case_against_others(missing, "y", "T2", "T3", case, MEMBERS)


def test_both_periods_of_every_member() -> None:
    table = combined.both_periods(scores(), "y", protocol(), MEMBERS, 9.4)
    assert table["member"].tolist() == ["M3", "M1", "M2", "M4", "M5"]
    assert table["had"].tolist() == ["group and case work"] + ["group work alone"] * 4
    error = 9.4 * np.sqrt(2 * 0.13)
    assert table.loc[0, ["group_change", "case_change"]].tolist() == [-2, -12]
    assert table["case_rci"].tolist() == pytest.approx([x / error for x in (-12, -2, 2, 4, 0)])
    with pytest.raises(NotEstimableError, match="there was no case work"):
        combined.both_periods(scores(), "y", protocol(case=None), MEMBERS, 9.4)


def test_the_cases_own_change() -> None:
    found = combined.own_change(scores(), "y", protocol(), 9.4)
    half = 1.959964 * 9.4 * np.sqrt(2 * 0.13)
    assert found.estimate.value == -12
    assert found.estimate.ci == pytest.approx((-12 - half, -12 + half))
    with pytest.raises(NotEstimableError, match="there was no case work"):
        combined.own_change(scores(), "y", protocol(case=None), 9.4)
    waves = SimpleNamespace(**(vars(protocol().waves) | {"after_case": None}))
    with pytest.raises(NotEstimableError, match="no measurement was planned"):
        combined.own_change(scores(), "y", protocol(waves=waves), 9.4)
