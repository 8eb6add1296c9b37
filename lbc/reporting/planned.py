"""What `lbc plan` found, in words and tables."""

from __future__ import annotations

from typing import Any

import pandas as pd

from lbc.reporting.tables import Table
from lbc.reporting.terms import pick
from lbc.reporting.wording import number, p_value, percent
from lbc.results import Words

FACE: Words = {
    "en": "Planning by simulation: no data of this town were used",
    "zh": "模拟规划：未使用本镇任何数据",
}
NOTES: dict[str, Words] = {
    "survey": {
        "en": "Difference of two group means, standard errors CR2 by class with Satterthwaite degrees of freedom, "
              "two-sided. Design effect: how many times the variance of unclustered children.",
        "zh": "两组均值之差，标准误为按班级的 CR2，Satterthwaite 自由度，双侧检验。设计效应：为无聚类时方差的倍数。",
    },
    "group": {
        "en": "Falls in SD of the outcome; scores normal. r: retest correlation; “corrected” always takes the "
              "planned r. One group is one cluster: its members share leader and events, so what is detected is the "
              "change of this group, not of group work as such.",
        "zh": "效应以结果标准差计的下降；得分服从正态分布。r：重测相关；“校正”始终采用计划的 r。"
              "一个小组即一个聚类：组员共享带领者与经历，所检出的是本小组的变化，而非小组工作本身。",
    },
    "members": {
        "en": "Members against untreated children (ANCOVA, HC2, Bell–McCaffrey degrees of freedom); the members "
              "alone (paired t test, exact tests) beside it.",
        "zh": "组员与未参加小组的儿童比较（协方差分析，HC2，Bell–McCaffrey 自由度）；"
              "另列仅用组员的配对 t 检验与精确检验。",
    },
    "case": {
        "en": "WWC: at least five points in each phase. A p value exists only where the start was drawn by lot.",
        "zh": "WWC：每阶段至少五个点。仅当开始时间由抽签决定时才有 p 值。",
    },
    "bars": {
        "en": "1.96 standard errors of a difference of two measurements (Jacobson & Truax 1991).",
        "zh": "两次测量之差的 1.96 个标准误（Jacobson & Truax 1991）。",
    },
}
CAPTIONS: dict[str, Words] = {
    "survey": {"en": "The survey: half, all and twice the planned classes",
               "zh": "问卷调查：计划班级数的一半、全部与两倍"},
    "group": {"en": "The planned group: each analysis without and with an effect",
              "zh": "计划的小组：各分析在无效应与有效应时"},
    "members": {"en": "Groups of other sizes", "zh": "不同人数的小组"},
    "members_alone": {"en": "Groups of other sizes, if untreated children were measured again",
                      "zh": "不同人数的小组（假设重测未参加小组的儿童）"},
    "case": {"en": "The case: points and drawn starts", "zh": "个案：点数与抽签决定的开始时间"},
    "bars": {"en": "Reliable change of one child", "zh": "单个儿童的可靠变化"},
}
_SIGNIFICANT = {f"power_{ten}": (f"significant at {ten / 10:g} SD", f"{ten / 10:g} SD 时显著")
                for ten in (1, 2, 3, 4, 5, 8, 10)}
_HEADS = _SIGNIFICANT | {
    "children": ("children", "儿童数"), "classes": ("classes", "班级数"),
    "deff_mean": ("design effect, mean", "设计效应（均值）"),
    "deff_difference": ("design effect, difference", "设计效应（差值）"),
    "detectable": ("80% power from (SD)", "检验力 80% 所需（SD）"),
    "detectable_points": ("80% power from (points)", "检验力 80% 所需（分）"),
    "half_width": ("half interval (SD)", "区间半宽（SD）"),
    "half_points": ("half interval (points)", "区间半宽（分）"),
    "p_equivalent": ("shown equal, if equal", "实无差异时可证等效"), "analysis": ("analysis", "分析"),
    "false_positives": ("false positives", "假阳性率"), "false_low": ("at the lowest r", "r 最低时"),
    "false_high": ("at the highest r", "r 最高时"), "judged": ("judged", "判断"), "members": ("members", "组员数"),
    "smallest_p": ("smallest p, exact", "最小精确 p"), "attainable": ("p values up to alpha", "不超过 α 的 p 值个数"),
    "false_paired": ("false positives, paired t", "假阳性率（配对 t）"), "logs": ("logs", "记录数"),
    "starts": ("possible starts", "可抽的开始时间"), "needed": ("points of a log for p ≤ alpha", "p ≤ α 所需点数"),
    "z_needed": ("case v members: unusual from (SD)", "个案与组员相比异常所需（SD）"),
    "reliability": ("reliability", "信度"), "smallest": ("reliable change (points)", "可靠变化（分）"),
    "se": ("standard error of measurement (points)", "测量标准误（分）"),
}
_LABELS = {
    "untreated": ("against untreated children (ANCOVA)", "与未参加小组的儿童比较（协方差分析）"),
    "paired": ("paired t test", "配对 t 检验"), "sign flip": ("sign-flip test, exact", "符号翻转检验（精确）"),
    "corrected": ("corrected for regression to the mean, r as planned", "校正向均值回归（采用计划的 r）"),
    "second baseline": ("paired t from a second baseline", "自第二次基线起的配对 t"),
    "second baseline, falling": ("the same, r falling with every wave", "同上，r 随时间递减"),
    "valid": ("valid", "有效"), "finds what is not there": ("finds what is not there", "无中生有"),
    "only with r exactly known": ("only with r exactly known", "仅当 r 准确已知"),
    "only if nothing else changes": ("only if nothing else changes", "仅当其他一概不变"),
}
WHO = {
    "resurvey": ("all other children who could be chosen, measured again", "其余可入选并重测的儿童"),
    "waitlist": ("as many children, whom a lot left waiting", "抽签后等候的同等人数儿童"),
    "next": ("as many children with the next highest scores", "得分次高的同等人数儿童"),
}
_ADEQUATE = {
    "meets": ("meets the WWC standard", "达到 WWC 标准"),
    "with reservations": ("meets the WWC standard with reservations", "有保留地达到 WWC 标准"),
    "too few points": ("too few points for the WWC standard", "点数不足，未达 WWC 标准"),
}


def _both(pairs: dict[str, tuple[str, str]]) -> dict[str, Words]:
    return {name: {"en": en, "zh": zh} for name, (en, zh) in pairs.items()}


def table(name: str, frame: pd.DataFrame, compared: bool = True) -> Table:
    """One of the plan's tables (`survey`, `group`, `members`, `case`, `bars`) with heads, formats and note."""
    caption = CAPTIONS["members_alone" if name == "members" and not compared else name]
    rates = [c for c in frame if c.startswith(("power_", "false_")) or c == "p_equivalent"]
    formats = dict.fromkeys(rates, ".1%") | {"smallest_p": "p", "df": ".1f", "reliability": ".2r", "needed": "d"}
    heads = _both(_HEADS)
    return Table(frame, {c: how for c, how in formats.items() if c in frame},
                 {c: heads[c] for c in frame if c in heads}, caption, NOTES[name], _both(_LABELS))


def survey_says(survey: pd.DataFrame, children: int, smallest: float | None, language: str) -> list[str]:
    """What the planned survey can detect, in a sentence or two."""
    row = survey.set_index("children").loc[children]
    points, found, half = (number(row[c], d) for c, d in
                           (("detectable_points", 1), ("detectable", 2), ("half_points", 1)))
    classes = int(row["classes"])
    said = [pick(
        language,
        f"Survey: {children} children in {classes} classes find a difference of {found} SD ({points} points) or more "
        f"with a power of 80%; the interval will reach about {half} points to either side.",
        f"问卷调查：{classes} 个班级的 {children} 名儿童能以 80% 的检验力检出 {found} SD（{points} 分）及以上的差异；"
        f"区间约为上下各 {half} 分。")]
    if smallest is not None:
        chance = percent(row["p_equivalent"], 0, language)
        said.append(pick(
            language, f"Where the groups do not differ at all, they are shown to be practically equal (within "
            f"{smallest:g} points) in {chance} of such surveys.",
            f"若两组毫无差异，此类调查有 {chance} 能证明实际等效（相差不超过 {smallest:g} 分）。"))
    return said


def group_says(
    group: pd.DataFrame, members: pd.DataFrame, planned: int, untreated: str, by_score: bool, retest: Any,
    language: str,
) -> list[str]:
    """What the planned group can show; without untreated children, that no test is valid."""
    row = group.set_index("analysis")
    size = members.set_index("members").loc[planned]

    def rate(analysis: str, column: str = "false_positives") -> str:
        return percent(row.loc[analysis, column], 0, language)

    power = "/".join(percent(row.loc["untreated", f"power_{ten}"], 0, language) for ten in (3, 5, 8, 10))
    low, value, high = (number(r, 2, language, bounded=True) for r in (retest.low, retest.value, retest.high))
    chosen = pick(language, "chosen for their scores", "按得分入选的") if by_score else ""
    naive = pick(
        language,
        f"Without any effect at all, the paired t test of the {planned} members {chosen} is significant in "
        f"{rate('paired')} of such studies, the exact sign-flip test in {rate('sign flip')} (r = {value}; paired t "
        f"{rate('paired', 'false_low')} at r = {low}, {rate('paired', 'false_high')} at r = {high}).",
        f"即使毫无效应，{planned} 名{chosen}组员的配对 t 检验在此类研究中也有 {rate('paired')} 显著，"
        f"精确符号翻转检验有 {rate('sign flip')}（r = {value}；r = {low} 时配对 t 为 {rate('paired', 'false_low')}，"
        f"r = {high} 时为 {rate('paired', 'false_high')}）。").replace("  ", " ")
    if untreated == "none":
        said = [
            pick(language, "Group: nobody is measured again without the group, so no test of its effect is valid: "
                           "what else happens between the waves cannot be told from it.",
                 "小组：没有未参加小组而重测的儿童，因此对小组效应的任何检验都无效：两次测量之间的其他变化与小组无法区分。"),
            naive,
            pick(language, f"If the other children were measured again, effects of 0.3/0.5/0.8/1.0 SD would be found "
                           f"with a power of {power}.",
                 f"若重测其余儿童，对 0.3/0.5/0.8/1.0 SD 的效应，检验力将为 {power}。")]
    else:
        found, false = number(row.loc["untreated", "detectable"], 2), percent(
            row.loc["untreated", "false_positives"], 1, language)
        en, zh = WHO[untreated]
        said = [pick(
            language, f"Group: {planned} members against {en}: effects of 0.3/0.5/0.8/1.0 SD are found with a power "
            f"of {power}, 80% from {found} SD; false positives {false}.",
            f"小组：{planned} 名组员与{zh}比较：对 0.3/0.5/0.8/1.0 SD 的效应，检验力为 {power}，"
            f"{found} SD 起达 80%；假阳性率 {false}。"), naive]
    smallest, count = p_value(size["smallest_p"], language), int(size["attainable"])
    return [*said, pick(
        language, f"Exact tests of {planned} members alone: the smallest possible value is {smallest}; {count} "
        "possible values count as significant.",
        f"仅 {planned} 名组员的精确检验：可能的最小值为 {smallest}；可能取值中有 {count} 个算显著。")]


def case_says(case: pd.DataFrame, language: str) -> list[str]:
    """What the planned points of the case log allow."""
    row = case.iloc[0]
    before, during, needed = (int(row[c]) for c in ("n_baseline", "n_phase", "needed"))
    adequate = pick(language, *_ADEQUATE[row["adequate"]])
    smallest = pick(language, "no start could be drawn", "无法抽取开始时间") if pd.isna(row["smallest_p"]) else pick(
        language, "the smallest possible value is ", "可能的最小值为 ") + p_value(row["smallest_p"], language)
    z = number(row["z_needed"], 1)
    return [pick(
        language, f"Case: {before} and {during} points: {adequate}. Where the start is drawn by lot, {smallest} "
        f"({needed} points are needed for significance); otherwise no p value means anything. Against the other "
        f"members the case counts as unusual only from {z} SD.",
        f"个案：{before} 与 {during} 个点：{adequate}。若开始时间由抽签决定，{smallest}（达到显著需 {needed} 个点）；"
        f"否则 p 值没有意义。与其他组员相比，相差 {z} SD 以上才算异常。")]


def bars_say(bars: pd.DataFrame, value: float, language: str) -> list[str]:
    """From how many points on a child's change is reliable."""
    at = number(bars.set_index("reliability").loc[value, "smallest"], 1)
    ends = [number(end, 1) for end in (bars["smallest"].min(), bars["smallest"].max())]
    r = number(value, 2, language, bounded=True)
    return [pick(language, f"One child: a change counts as reliable from {at} points (reliability {r}; {ends[0]} to "
                           f"{ends[1]} over its plausible range).",
                 f"单个儿童：变化达 {at} 分才算可靠（信度 {r}；在合理信度范围内为 {ends[0]} 至 {ends[1]} 分）。")]
