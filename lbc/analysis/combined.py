"""One child with group and case work beside the members with the group alone: numbers, and the words they allow.

The sentences are fixed by the design and hold for any outcome: whatever the numbers, the two methods came one after
the other, in one child, chosen for not having improved.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lbc.analysis import groups
from lbc.analysis.change import crawford_howell
from lbc.analysis.group_work import at, each_member, reliable
from lbc.errors import NotEstimableError
from lbc.params import Intervention
from lbc.results import Result, Words


def case_against_others(
    scores: pd.DataFrame, score: str, first: str, last: str | None, case: str, members: Sequence[str]
) -> Result:
    """Change of the case over the case work against the change of the other members in the same weeks."""
    changes = at(scores, score, last, members) - at(scores, score, first, members)
    if pd.isna(changes.get(case)):
        raise NotEstimableError(f"{case} was not measured at both waves")
    return crawford_howell(float(changes[case]), changes.drop(case).dropna())


def both_periods(
    scores: pd.DataFrame, score: str, protocol: Intervention, members: Sequence[str], sd: float
) -> pd.DataFrame:
    """Each member's change in points and reliable change index, over the group and in the weeks of the case work.

    Parameters
    ----------
    sd : float
        Of all surveyed children, not of the chosen.

    Returns
    -------
    DataFrame
        member, had ("group and case work" or "group work alone"), group_change, group_rci, case_change, case_rci; the
        case first.

    Raises
    ------
    NotEstimableError
        If there was no case work, no wave after it, or nobody was measured at both ends.
    """
    if protocol.case is None:
        raise NotEstimableError("there was no case work")
    w = protocol.waves
    parts = [
        reliable(scores, score, first, last, members, sd, protocol).set_index("member")[["change", "rci"]]
        for first, last in ((w.before, w.after_group), (w.after_group, w.after_case))
    ]
    table = pd.concat(parts, axis=1).set_axis(["group_change", "group_rci", "case_change", "case_rci"], axis=1)
    had = ["group and case work" if member == protocol.case.member else "group work alone" for member in table.index]
    table.insert(0, "had", had)
    return table.rename_axis("member").reset_index().sort_values("had", kind="stable", ignore_index=True)


def own_change(scores: pd.DataFrame, score: str, protocol: Intervention, sd: float) -> Result:
    """The case's own change over the case work: points with the interval of measurement error, and the RCI.

    Raises
    ------
    NotEstimableError
        If there was no case work or no wave after it.
    """
    if protocol.case is None:
        raise NotEstimableError("there was no case work")
    w, member = protocol.waves, protocol.case.member
    table = reliable(scores, score, w.after_group, w.after_case, [member], sd, protocol)
    return each_member(table, sd, protocol.reliability.value)[member]


def words(scores: pd.DataFrame, score: str, protocol: Intervention, members: Sequence[str]) -> Words:
    """What may be said of group and case work against group work alone, in both languages.

    Percentage with interval (Crawford & Howell 1998), then everything that stands beside the case work: time,
    attention, order, the choice of a member who had not improved (a second regression to the mean, Barnett et al.
    2005), one child against a few. Without an estimate the sentences say that there is none.
    """
    case, w = protocol.case, protocol.waves
    if case is None:
        return {"en": "There was no case work: group and case work cannot be set against group work alone.",
                "zh": "没有开展个案工作，无法将小组加个案与单独小组相比。"}
    found, why = groups.attempt(
        case_against_others, scores, score, w.after_group, w.after_case, case.member, members)
    if found is None:
        return {"en": f"Group and case work cannot be set against group work alone: {why}.",
                "zh": "无法将小组加个案与单独小组相比：个案或其他组员缺少两次测量，或其他组员不足两人、变化全同。"}
    after = at(scores, score, w.after_group, members)
    own = float(at(scores, score, w.after_case, members)[case.member] - after[case.member])
    others, share = found.n["controls"], found.estimate
    low, high = share.ci
    drop = (1 - protocol.retest.value) * float(after[case.member] - after.mean())
    back = {"en": "", "zh": ""} if drop <= 0 else {
        "en": f" (a second regression to the mean: with a retest correlation of {protocol.retest.value:g} about "
              f"{drop:.1f} points of fall are expected from it alone)",
        "zh": f"；第二次向均值回归：按重测相关 {protocol.retest.value:g}，仅此一项预期下降约 {drop:.1f} 分",
    }
    return {
        "en": f"From {w.after_group} to {w.after_case} the score of {case.member}, who had group and case work, "
              f"{_moved(own)[0]}; that of the {others} others, who had the group work alone, "
              f"{_moved(found.extra['mean'])[0]} on average. Of children like these {others}, {share.value:.1f}% "
              f"(95% CI {low:.1f}% to {high:.1f}%) are expected to have a change below that of {case.member}. "
              "What stands beside the case work and cannot be told from it: time, for the work with "
              f"{case.member} went on longer; attention, for the worker's hours went to {case.member} alone; order, "
              f"for case work always came after group work; selection, for {case.member} was picked by the rule "
              f"“{case.rule.en}”{back['en']}; and number, for one child stands against {others}. The figures "
              "describe this child; they do not say that two methods achieve more than one.",
        "zh": f"从 {w.after_group} 到 {w.after_case}，接受小组与个案工作的 {case.member} 得分{_moved(own)[1]}；"
              f"仅参加小组的其他 {others} 名组员平均{_moved(found.extra['mean'])[1]}。"
              f"与这 {others} 名组员同类的儿童中，预计有 {share.value:.1f}%"
              f"（95% 置信区间 {low:.1f}% 至 {high:.1f}%）的变化低于 {case.member}。"
              f"与个案工作同时存在、无法与之区分的有：时间（对 {case.member} 的工作持续更久）；"
              f"关注（工作者的时间只给了 {case.member}）；次序（个案总在小组之后）；"
              f"选择（{case.member} 按规则“{case.rule.zh}”选出{back['zh']}）；人数（1 名儿童对 {others} 名）。"
              "这些数字只描述这名儿童，不能说明两种方法的成效大于一种。",
    }


def _moved(change: float) -> tuple[str, str]:
    """A change in words that need no sign."""
    points = f"{abs(change):.1f}"
    if points == "0.0":
        return "did not move", "没有变化"
    return (f"fell by {points} points", f"下降 {points} 分") if change < 0 else (
        f"rose by {points} points", f"上升 {points} 分")
