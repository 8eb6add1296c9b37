"""From the design to the primary analysis and to the fixed sentences of what may and may not be said."""

from __future__ import annotations

import csv
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lbc.analysis import design
from lbc.analysis.untreated import ancova, pre_post_control
from lbc.errors import NotEstimableError, UserError
from lbc.params import Eligible, Group, Intervention
from lbc.reporting.columns import HEADS
from lbc.reporting.tables import protocol as protocol_table
from lbc.results import EVIDENCE
from lbc.survey.overview import eligible

MEMBERS, WAITING = [f"M{k}" for k in range(1, 8)], [f"W{k}" for k in range(1, 8)]
IDS = {m: f"A{k:02d}" for k, m in enumerate([*MEMBERS, "M9"])}
CASE = {"member": "M3", "rule": {"en": "rule", "zh": "规则"}, "outcome": "loneliness", "direction": "down"}


def protocol(**more: Any) -> Intervention:
    waiting = {"comparison_members": WAITING} if more.get("comparison") == "waitlist" else {}
    return Intervention.model_validate({
        "low_peer": "M9", "outcomes": [{"score": "y_total", "direction": "down", "primary": True}],
        "retest": {"value": 0.7, "low": 0.5, "high": 0.9, "source": "a study"},
        "reliability": {"value": 0.87, "low": 0.8, "high": 0.9, "source": "a study"}, "case": CASE, **waiting, **more,
    })


def survey(n: int = 60) -> pd.DataFrame:
    """All children who could have been chosen; the members' own rows come first."""
    rng = np.random.default_rng(3)
    pre = np.sort(rng.normal(40, 9, n).round())[::-1]
    post = (40 + 0.7 * (pre - 40) + rng.normal(0, 6, n)).round()
    return pd.DataFrame({"id": [f"A{k:02d}" for k in range(n)], "y_total": pre, "y_total@resurvey": post})


def scores(waiting: bool = True) -> pd.DataFrame:
    """Members, the low-loneliness peer and, where asked for, seven children who wait."""
    rng = np.random.default_rng(4)
    rows = []
    for k, member in enumerate([*MEMBERS, "M9", *(WAITING if waiting else [])]):
        first = 20.0 if member == "M9" else 62.0 - k % 8
        gain = -8.0 if member in MEMBERS else -3.0
        rows += [(member, wave, first + share * gain + float(rng.normal(0, 2)))
                 for wave, share in (("T0", 0), ("T1", 0.4), ("T2", 1))]
    return pd.DataFrame(rows, columns=["member", "wave", "y_total"])


def together(**more: Any) -> pd.DataFrame:
    return design.together(survey(), "y_total", scores(more["comparison"] == "waitlist"), protocol(**more), IDS)


def primary(**more: Any) -> Any:
    measured = scores(more.get("comparison") == "waitlist")
    return design.primary(survey(), "y_total", measured, protocol(**more), IDS, np.random.default_rng(1))


# ---- who is compared with whom ------------------------------------------------------------------------------------


def test_neither_the_peer_nor_those_who_wait_are_members() -> None:
    waiting = protocol(comparison="waitlist")
    assert design.chosen(scores(), waiting) == MEMBERS
    assert sorted(design.in_group(scores(), waiting)["member"].unique()) == sorted([*MEMBERS, "M9"])
    assert design.chosen(scores(waiting=False), protocol(low_peer=None)) == [*MEMBERS, "M9"]


def test_all_re_surveyed_children_but_the_members() -> None:
    frame = together(comparison="resurvey")
    assert frame["treated"].value_counts().to_dict() == {0: 52, 1: 7}
    assert frame["pre"].iloc[:7].tolist() == scores().query("wave == 'T0'")["y_total"].tolist()[:7]


def test_the_next_highest_as_many_as_members_or_those_named() -> None:
    frame = together(comparison="matched")
    others = survey()[~survey()["id"].isin(list(IDS.values()))]
    assert frame.loc[frame["treated"] == 0, "pre"].tolist() == others["y_total"].head(7).tolist()
    named = protocol(comparison="matched", comparison_members=WAITING[:3])
    frame = design.together(survey(), "y_total", scores(), named, IDS)
    assert frame["treated"].sum() == len(design.chosen(scores(), named)) == 11  # W4 to W7 are members here
    assert frame.loc[frame["treated"] == 0, "pre"].tolist() == [
        row.y_total for row in scores().itertuples() if row.wave == "T0" and row.member in WAITING[:3]]


def test_the_waiting_list_stands_in_the_group_measures() -> None:
    frame = together(comparison="waitlist")
    assert frame["treated"].tolist() == [1] * 7 + [0] * 7
    assert frame["post"].tolist() == [row.y_total for row in scores().itertuples() if row.wave == "T2" and row.member != "M9"]


def test_a_comparison_that_was_not_measured() -> None:
    bare = survey().drop(columns="y_total@resurvey")
    for kind in ("resurvey", "matched"):
        with pytest.raises(NotEstimableError, match="no untreated children were measured again"):
            design.together(bare, "y_total", scores(), protocol(comparison=kind), IDS)
    with pytest.raises(NotEstimableError, match="nobody comparable was measured again"):
        together(comparison="none")
    with pytest.raises(NotEstimableError, match="nobody was measured at wave T2"):
        design.together(survey(), "y_total", scores().query("wave != 'T2'"), protocol(comparison="resurvey"), IDS)


# ---- the primary analysis -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("selection", ["top_scores", "nomination", "volunteers"])
def test_without_a_comparison_there_is_a_reason_in_place_of_an_estimate(selection: str) -> None:
    found = primary(selection=selection)
    assert found.estimate is None
    assert found.reason["en"].startswith("nobody comparable was measured again, ")
    assert found.reason["zh"].startswith("没有可比的儿童接受重测，")
    assert design.evidence(protocol(selection=selection)) == "uncontrolled change"


@pytest.mark.parametrize("kind", ["resurvey", "matched", "waitlist"])
def test_chosen_by_score_means_analysis_of_covariance(kind: str) -> None:
    found = primary(comparison=kind)
    expected = ancova(together(comparison=kind), "post", "pre", "treated")
    assert (found.estimate, found.test, found.method) == (expected.estimate, expected.test, expected.method)
    assert design.evidence(protocol(comparison=kind)) == "adjusted comparison"


@pytest.mark.parametrize(("selection", "kind"), list(product(["nomination", "volunteers"], ["resurvey", "matched"])))
def test_chosen_otherwise_the_more_cautious_of_both_counts(selection: str, kind: str) -> None:
    frame = together(comparison=kind)
    both = [ancova(frame, "post", "pre", "treated"), pre_post_control(frame, "pre", "post", "treated")]
    found = primary(selection=selection, comparison=kind)
    assert found.test.p == max(result.test.p for result in both)
    assert found.extra["other"].test.p == min(result.test.p for result in both)
    assert found.estimate.ci == (min(r.estimate.ci[0] for r in both), max(r.estimate.ci[1] for r in both))
    assert found.method.startswith("the more cautious of covariance analysis and difference of gains: ")


def test_the_lot_is_counted_out() -> None:
    """p is the share of all 3,432 ways to draw seven of fourteen that lie as far out, residuals of the common line."""
    frame = together(comparison="waitlist")
    slope, intercept = np.polyfit(frame["pre"], frame["post"], 1)
    left = (frame["post"] - intercept - slope * frame["pre"]).to_numpy()
    observed = abs(left[:7].mean() - left[7:].mean())
    apart = [abs(left[list(some)].mean() - np.delete(left, list(some)).mean()) for some in combinations(range(14), 7)]
    share = float(np.mean(np.array(apart) >= observed - 1e-7))
    found = primary(comparison="waitlist", allocation="lottery")
    assert found.test.p == pytest.approx(share, abs=1e-12)
    assert (found.test.name, found.test.df) == ("randomization, two-sided", None)
    assert found.test.statistic == pytest.approx(left[:7].mean() - left[7:].mean(), abs=1e-8)
    assert found.estimate == ancova(frame, "post", "pre", "treated").estimate
    assert design.evidence(protocol(comparison="waitlist", allocation="lottery")) == "randomised comparison"


@pytest.mark.parametrize("frame", [
    pd.DataFrame({"pre": [1.0, 2, 3], "post": [1.0, 2, 3], "treated": [1, 0, 0]}),
    pd.DataFrame({"pre": [1.0, 1, 1, 1], "post": [1.0, 2, 3, 4], "treated": [1, 1, 0, 0]}),
])
def test_no_lot_with_one_child_or_one_score(frame: pd.DataFrame) -> None:
    with pytest.raises(NotEstimableError, match="at least two children on either side"):
        design.lot(frame, np.random.default_rng(1))


def test_only_a_score_makes_the_expected_fall_known() -> None:
    found = design.expected_fall(survey(), "y_total", scores(), protocol(comparison="waitlist"))
    assert found.estimate.value == pytest.approx(0.3 * (scores().query("wave == 'T0'")["y_total"].iloc[:7].mean()
                                                        - survey()["y_total"].mean()))
    with pytest.raises(NotEstimableError, match="no score chose the members"):
        design.expected_fall(survey(), "y_total", scores(), protocol(selection="volunteers"))


# ---- the fixed sentences ------------------------------------------------------------------------------------------

ONE_GROUP = "One group met with one leader: what this group brought cannot be told from what group work brings."
SAID = {
    ("top_scores", "none", "decided"): (
        "Change, with exact tests, beside the fall to be expected from selection alone",
        "How much the members changed, and whether by more than selection alone makes likely.",
        "That group work lowered loneliness: nobody comparable was measured again, so growing older, being asked again and "
        "regression to the mean are in the change, and the last is known only as well as the retest correlation."),
    ("nomination", "none", "decided"): (
        "Change, with exact tests", "How much the members changed.",
        "That group work lowered loneliness: nobody comparable was measured again, and children who stood out when they were "
        "nominated tend to stand out less later (by how much cannot be computed, since no score chose them)."),
    ("volunteers", "none", "decided"): (
        "Change, with exact tests", "How much the members changed.",
        "That group work lowered loneliness: nobody comparable was measured again, and children who come forward may be ready "
        "to change, or at a low point that passes by itself."),
    ("top_scores", "resurvey", "decided"): (
        "Analysis of covariance: members against all re-surveyed children who could have been chosen",
        "How the members stand, after the group, against untreated children of the same first score.",
        "Whether the line between both measurements, on which the comparison rests, stays straight up to the highest scores: "
        f"hardly any untreated child scores as high as the members. {ONE_GROUP}"),
    ("top_scores", "matched", "decided"): (
        "Analysis of covariance: members against a few chosen re-surveyed children",
        "How the members stand, after the group, against untreated children of the same first score.",
        "Anything about smaller differences: few stand against few, and the children compared with may have scored lower at "
        f"first, so that the line between both groups is an assumption. {ONE_GROUP}"),
    ("nomination", "resurvey", "decided"): (
        "Analysis of covariance and difference of gains; the more cautious of the two counts",
        "A difference from untreated children, where it shows both if equal first scores would have led to equal later ones "
        "and if both sides would have changed alike.",
        "Which of the two assumptions holds: the members were not chosen by their score, and the two analyses may disagree "
        f"(Lord's paradox; van Breukelen 2013). {ONE_GROUP}"),
    ("volunteers", "waitlist", "decided"): (
        "Analysis of covariance: members against the children on the waiting list",
        "How the members stand, after the group, against untreated children of the same first score.",
        "Whether the group or what decided about the waiting list made the difference: who began first was decided, not drawn "
        f"by lot. {ONE_GROUP}"),
    ("top_scores", "waitlist", "lottery"): (
        "Analysis of covariance against the children on the waiting list, with p from all ways in which the lot could have "
        "fallen",
        "Whether having had the group made a difference to these children's scores by its end.",
        "Anything about smaller differences, since few stand against few; children who wait know that their turn comes. "
        f"{ONE_GROUP}"),
}


@pytest.mark.parametrize(("selection", "comparison", "allocation"), SAID, ids=" ".join)
def test_what_the_group_part_says(selection: str, comparison: str, allocation: str) -> None:
    table = design.says(protocol(selection=selection, comparison=comparison, allocation=allocation), None)
    assert tuple(table.iloc[0]) == ("group work", *SAID[selection, comparison, allocation])
    assert table["part"].tolist() == ["group work", "each member", "whole programme", "follow-up", "case work", "group and case work"]


def log(points: int) -> pd.DataFrame:
    """A case log whose shortest phase has so many rated points."""
    phases = ["A"] * 6 + ["B"] * (points + 1) + ["C"] * 5
    rated = pd.Series(np.arange(float(len(phases))))
    rated[6] = np.nan  # a day without a rating is no point
    return pd.DataFrame({"phase": phases, "loneliness": rated})


@pytest.mark.parametrize(("points", "may_say", "cannot_say"), [
    (5, "How far the ratings of this child lie from its baseline.",
     "That case work caused a change: one child, one baseline, and a start that nobody drew by lot."),
    (3, "How far the ratings of this child lie from its baseline, with reservations: the shortest phase has 3 points; the What "
        "Works Clearinghouse asks for five and accepts three or four with reservations.",
     "That case work caused a change: one child, one baseline, and a start that nobody drew by lot."),
    (2, "What the ratings were; the goals reached.",
     "Whether the ratings changed with the phases: the shortest phase has 2 of the at least three points that make a phase "
     "(What Works Clearinghouse)."),
])
def test_what_the_case_part_says(points: int, may_say: str, cannot_say: str) -> None:
    case = design.says(protocol(), log(points)).set_index("part").loc["case work"]
    assert tuple(case) == ("Phases plotted, overlap with the baseline, goals reached", may_say, cannot_say)


def test_a_start_drawn_by_lot_speaks_for_this_child() -> None:
    found = protocol(case=CASE | {"start_drawn": [6, 7, 8]})
    assert design.says(found, log(5)).set_index("part").loc["case work", "cannot_say"] == (
        "That other children would change so: one child, for whom alone the test by the lot that drew the start speaks.")


def test_what_is_said_where_something_was_not_done() -> None:
    waves = {"after_case": None, "follow_up": None}
    table = design.says(protocol(case=None, waves=waves), None).set_index("part")
    assert tuple(table.loc["case work"]) == ("None: no child had case work", "Nothing.", "Anything about case work.")
    assert tuple(table.loc["group and case work"]) == (
        "None: no child had case work", "Nothing.", "That both together do more than one.")
    assert tuple(table.loc["follow-up"]) == ("None: no measurement was planned", "Nothing.", "Whether any change lasted.")
    assert tuple(table.loc["whole programme"]) == (
        "None: no measurement was planned", "Nothing.", "Where the members stood at the end of the programme.")
    for missing in (None, log(5).drop(columns="loneliness")):
        row = design.says(protocol(), missing).set_index("part").loc["case work"]
        assert tuple(row) == ("None: the case log was not collected", "Nothing.", "Whether this child changed with case work.")


def test_the_sentences_in_chinese() -> None:
    table = design.says(protocol(comparison="resurvey", waves={"follow_up": None}), log(3), "zh").set_index("part")
    assert table.index.tolist() == ["小组工作", "每名组员", "整个项目", "随访", "个案工作", "小组加个案"]
    assert table.loc["小组工作", "cannot_say"] == (
        "无法确知两次得分的直线关系是否一直保持到最高分，而比较正依赖于此：几乎没有未受干预的儿童得分与组员一样高。"
        "只有一个小组、一名带领者：无法将这一小组的作用与小组工作本身的作用区分开来。")
    assert table.loc["个案工作", "may_say"] == (
        "该儿童的评分与其基线相距多远，但须有保留：最短阶段只有 3 个数据点；WWC 标准要求五个，三至四个为有保留地接受。")
    assert table.loc["随访", "cannot_say"] == "不知道变化是否得以保持。"
    alone = design.says(protocol(case=None), None, "zh").set_index("part")
    assert alone.loc["小组工作", "cannot_say"] == (
        "不能说小组工作降低了孤独感：没有可比的儿童接受重测，变化中包含年龄增长、重复作答与向均值回归，而后者的大小取决于所假定的重测相关。")


def test_every_design_has_its_sentences_and_every_sentence_its_design() -> None:
    used = set()
    for selection, kind, lot in product(("top_scores", "nomination", "volunteers"), ("none", "resurvey", "waitlist", "matched"),
                                        ("decided", "lottery")):
        if lot == "lottery" and kind != "waitlist":
            continue
        found = protocol(selection=selection, comparison=kind, allocation=lot)
        used |= {("group", selection), ("case", "drawn"), ("case", "not_drawn"), *design._variants(found, 5)}
        assert design.evidence(found) in EVIDENCE
    for fewest in (None, 0, 2, 3, 5):
        used |= set(design._variants(protocol(), fewest))
    used |= set(design._variants(protocol(case=None, waves={"after_case": None, "follow_up": None}), None))
    with Path(design.__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(row["en"] and row["zh"] for row in rows)
    assert {(row["part"], row["variant"]) for row in rows if row["variant"]} == used
    assert {"part", *design.COLUMNS} <= set(HEADS)


# ---- who could be chosen, and the protocol's table ----------------------------------------------------------------


def test_who_could_be_chosen() -> None:
    frame = pd.DataFrame({"left_behind": [1.0, 1, 0, np.nan], "grade": ["4", "5", "4", "4"]})
    assert eligible(frame, Group()).index.tolist() == [0, 1]
    assert eligible(frame, Group(), []).index.tolist() == [0, 1, 2, 3]
    both = [Eligible(variable="left_behind", value="1"), Eligible(variable="grade", value="4")]
    assert eligible(frame, Group(), both).index.tolist() == [0]
    with pytest.raises(UserError, match="no variable is called 'class'"):
        eligible(frame, Group(), [Eligible(variable="class", value="1")])


def test_the_protocols_table_with_dates_and_registration() -> None:
    dates = {"T0": "2025-09-08", "T1": "2025-09-29", "T2": "2025-12-08", "T3": "2026-01-05"}
    found = protocol(comparison="waitlist", allocation="lottery", waves={"dates": dates, "follow_up": None},
                     eligible=[{"variable": "grade", "value": "4"}])
    line = {"en": "2025-09-01, unchanged", "zh": "2025-09-01，未改动"}
    table = protocol_table(found, {"grade": {"en": "school year", "zh": "年级"}}, "en", line).set_index("rule")["holds"]
    assert table["who could be chosen"] == "school year = 4"
    assert table["compared with"] == "children on the waiting list; drawn by lot"
    assert table["waves"] == "T0 2025-09-08, T1 2025-09-29 (21 days later), T2 2025-12-08 (70 days later), T3 2026-01-05 (28 days later)"
    assert table["retest correlation"] == "0.7 (0.5-0.9); a study; here 91 days"
    assert table["registered"] == "2025-09-01, unchanged"
    early = protocol(eligible=[], waves={"dates": {"T0": "2025-09-08"}})
    table = protocol_table(early, {}, "zh", line).set_index("rule")["holds"]
    assert table["可入选者"] == "所有受调查儿童"
    assert table["测量时间点"] == "T0 2025-09-08, T1, T2, T3, T4"
    assert table["重测相关"] == "0.7 (0.5-0.9); a study"


@pytest.mark.parametrize(("more", "words"), [
    ({"comparison": "waitlist", "comparison_members": []}, "comparison: waitlist needs comparison_members"),
    ({"comparison": "resurvey", "comparison_members": ["W1"]}, "comparison_members belongs to comparison: waitlist or matched"),
    ({"comparison": "resurvey", "allocation": "lottery"}, "allocation: lottery belongs to comparison: waitlist"),
    ({"waves": {"dates": {"T9": "2025-09-08"}}}, "dates names T9, which is none of the waves"),
    ({"waves": {"dates": {"T0": "2025-09-08", "T1": "2025-09-01"}}}, "the dates of the waves must be in the order of the waves"),
    ({"waves": {"dates": {"T0": "8.9.2025"}}}, "String should match pattern"),
])
def test_designs_that_contradict_themselves(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        protocol(**more)
