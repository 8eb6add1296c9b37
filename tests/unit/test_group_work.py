"""A handful of members: change, selection, case work; the low-loneliness peer is never pooled with them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lbc.analysis import group_work
from lbc.errors import NotEstimableError
from lbc.params import Intervention, RegisteredOutcome, Reliability

MEMBERS = ["M1", "M2", "M3", "M4", "M5", "M6"]
RETEST = Reliability(value=0.7, low=0.5, high=0.9, source="a study")
PROTOCOL = Intervention.model_validate({
    "low_peer": "M9", "waves": {"screening": "T0", "before": "T1", "after_group": "T2", "after_case": "T3", "follow_up": None},
    "outcomes": [{"score": "y_total", "direction": "down", "primary": True}],
    "retest": RETEST.model_dump(), "reliability": {"value": 0.87, "low": 0.8, "high": 0.9, "source": "a study"},
    "case": {"member": "M3", "rule": {"en": "rule", "zh": "规则"}, "outcome": "loneliness", "direction": "down"},
})
SCORES = {
    "T0": [60.0, 56, 58, 62, 55, 57, 20], "T1": [58.0, 55, 59, 60, 56, 54, 21],
    "T2": [51.0, 51, 58, 47, 49, 44, 22], "T3": [49.0, 50, 40, 48, 48, np.nan, 21],
}


def scores() -> pd.DataFrame:
    parts = [pd.DataFrame({"member": [*MEMBERS, "M9"], "wave": wave, "y_total": values}) for wave, values in SCORES.items()]
    return pd.concat(parts[::-1], ignore_index=True)


def test_one_score_at_one_wave_in_the_order_asked_for() -> None:
    assert group_work.at(scores(), "y_total", "T0", ["M9", "M1"]).to_dict() == {"M9": 20.0, "M1": 60.0}
    assert np.isnan(group_work.at(scores(), "y_total", "T3", ["M6"])["M6"])
    assert np.isnan(group_work.at(scores(), "y_total", "T3", ["nobody"])["nobody"])


@pytest.mark.parametrize(("score", "wave", "reason"), [
    ("z_total", "T0", "the group measures hold no answers to z_total"),
    ("y_total", "T7", "nobody was measured at wave T7"),
    ("y_total", None, "no measurement was planned for this time"),
])
def test_why_there_is_no_score(score: str, wave: str | None, reason: str) -> None:
    with pytest.raises(NotEstimableError, match=f"^{reason}$"):
        group_work.at(scores(), score, wave, MEMBERS)


def test_change_of_the_members_without_the_peer() -> None:
    result = group_work.change(scores(), "y_total", "T0", "T2", MEMBERS, "down")
    assert result.n == {"members": 6}
    assert result.estimate.value == pytest.approx(np.mean([-9, -5, 0, -15, -6, -13]))
    assert result.test.p == 0.0625


def test_the_fall_to_expect_of_chosen_children() -> None:
    eligible = pd.Series([30.0, 40, 50, 60, np.nan])
    chosen = pd.Series([60.0, 58, np.nan])
    result = group_work.fall_to_expect(chosen, eligible, RETEST)
    assert result.estimate.value == pytest.approx(0.3 * (59 - 45))
    assert result.extra["low"] == pytest.approx(0.1 * 14)
    assert result.extra["high"] == pytest.approx(0.5 * 14)
    assert (result.extra["selected_mean"], result.extra["population_mean"]) == (59.0, 45.0)
    assert result.n == {"members": 2, "children": 4}
    curve = result.extra["curve"]
    assert curve["r"].iloc[[0, -1]].tolist() == [0.3, 1.0]
    assert curve["expected"].iloc[-1] == pytest.approx(0, abs=1e-12)
    assert "r = 0.7 (0.5 to 0.9)" in result.method


@pytest.mark.parametrize(("chosen", "eligible"), [([np.nan], [1.0, 2, 3]), ([5.0], [1.0, 2, np.nan])])
def test_no_fall_without_scores_at_selection(chosen: list[float], eligible: list[float]) -> None:
    with pytest.raises(NotEstimableError, match="the scores at selection are missing"):
        group_work.fall_to_expect(pd.Series(chosen), pd.Series(eligible), RETEST)


def test_the_observed_fall_is_positive_where_scores_fell() -> None:
    curve, observed = group_work.fall_data(
        scores(), "y_total", "T0", "T2", MEMBERS, pd.Series(np.arange(20, 60.0)), RETEST)
    change = group_work.change(scores(), "y_total", "T0", "T2", MEMBERS, "down").estimate
    assert observed.value == -change.value > 0
    assert observed.ci == (-change.ci[1], -change.ci[0])
    assert len(curve) == 71
    few = group_work.fall_data(scores(), "y_total", "T0", "T2", MEMBERS[:2], pd.Series([1.0, 2, 3]), RETEST)[1]
    assert few.ci is None


def test_members_never_count_as_untreated() -> None:
    rng = np.random.default_rng(2)
    n = 40
    pre = rng.normal(45, 8, n)
    survey = pd.DataFrame({"id": [f"A{i}" for i in range(n)], "y_total": pre, "y_total@resurvey": 0.7 * pre + rng.normal(0, 4, n)})
    ids = {member: f"A{i}" for i, member in enumerate(MEMBERS)}
    survey.loc[:5, "y_total@resurvey"] = 1000.0  # their own answers to the re-survey must not matter
    result = group_work.against_untreated(
        survey, "y_total", "y_total@resurvey", scores(), "T0", "T2", MEMBERS, ids)
    assert result.n == {"treated": 6, "untreated": 34}
    assert abs(result.estimate.value) < 60
    with pytest.raises(NotEstimableError, match="no untreated children were measured again"):
        group_work.against_untreated(survey, "y_total", "y_total@x", scores(), "T0", "T2", MEMBERS, ids)


def reliable(last: str = "T2") -> pd.DataFrame:
    return group_work.reliable(scores(), "y_total", "T1", last, MEMBERS, 8.0, PROTOCOL)


def test_reliable_change_spans_the_plausible_reliabilities() -> None:
    table = reliable()
    assert table["member"].tolist() == MEMBERS
    assert table["class"].tolist() == ["unchanged", "unchanged", "unchanged", "improved", "unchanged", "improved"]
    assert table.loc[3, "rci"] == pytest.approx(-13 / (8 * np.sqrt(2 * 0.13)))
    assert (table["rci_low"] <= table["rci"]).all()
    assert (table["rci"] <= table["rci_high"]).all()
    assert table.loc[3, "rci_low"] == pytest.approx(-13 / (8 * np.sqrt(2 * 0.1)))


def test_each_member_with_the_interval_of_measurement_error() -> None:
    found = group_work.each_member(reliable("T3"), 8.0, 0.87)
    assert found["M6"].estimate is None
    assert found["M6"].reason == "not measured at both waves"
    m3 = found["M3"]
    half = 1.959964 * 8 * np.sqrt(0.26)
    assert m3.estimate.value == -19.0
    assert m3.estimate.ci == pytest.approx((-19 - half, -19 + half))
    assert m3.method == "reliable change index, reliability 0.87: improved"
    assert m3.effect.value == pytest.approx(-19 / (8 * np.sqrt(0.26)))


def test_labels_of_members() -> None:
    assert group_work.member_labels(["M1"]) == {"M1": {"en": "Change of member M1", "zh": "成员 M1 的变化"}}


def test_the_share_without_reliable_improvement() -> None:
    result = group_work.share_unchanged(reliable())
    assert result.estimate.value == pytest.approx(4 / 6)
    assert result.estimate.ci == pytest.approx((0.2228, 0.9567), abs=1e-4)  # Clopper & Pearson for 4 of 6
    assert result.n == {"members": 6}
    nobody = pd.DataFrame({"class": ["not measured"] * 2})
    with pytest.raises(NotEstimableError, match="nobody was measured at both waves"):
        group_work.share_unchanged(nobody)


def test_the_rule_sends_the_highest_without_improvement_to_case_work() -> None:
    assert group_work.for_case_work(reliable()) == "M3"
    better = reliable().assign(**{"class": "improved"})
    assert group_work.for_case_work(better) is None
    worse = reliable()
    worse.loc[0, ["class", "post"]] = ["deteriorated", 70.0]
    assert group_work.for_case_work(worse) == "M1"


def test_the_case_against_the_other_members() -> None:
    result = group_work.case_against_others(scores(), "y_total", "T2", "T3", "M3", MEMBERS)
    assert result.n == {"case": 1, "controls": 4}  # M6 was not measured again
    others = np.array([-2.0, -1, 1, -1])
    assert result.effect.value == pytest.approx((-18 - others.mean()) / others.std(ddof=1))
    for case in ("M6", "M9", "nobody"):
        with pytest.raises(NotEstimableError, match=f"{case} was not measured at both waves"):
            group_work.case_against_others(scores(), "y_total", "T2", "T3", case, MEMBERS)


def test_every_registered_outcome_is_told_whatever_came_out() -> None:
    registered = [RegisteredOutcome(score="y_total", direction="down", primary=True), RegisteredOutcome(score="z_total", direction="up")]
    found = group_work.outcomes(scores(), registered, "T0", "T3", MEMBERS)
    assert found["y_total"].n == {"members": 5}
    assert found["z_total"].estimate is None
    assert found["z_total"].reason == "the group measures hold no answers to z_total"
    planned = group_work.outcomes(scores(), registered[:1], "T0", None, MEMBERS)
    assert planned["y_total"].reason == "no measurement was planned for this time"


def test_trajectories_keep_the_order_of_the_protocol() -> None:
    table = group_work.trajectories(scores(), "y_total", PROTOCOL)
    assert list(dict.fromkeys(table["wave"])) == ["T0", "T1", "T2", "T3"]
    assert table.columns.tolist() == ["member", "wave", "score", "kind"]
    assert table.drop_duplicates("member").set_index("member")["kind"].to_dict() == {
        **dict.fromkeys(MEMBERS, "member"), "M3": "case", "M9": "low_peer"}
    alone = PROTOCOL.model_copy(update={"case": None, "low_peer": None})
    assert set(group_work.trajectories(scores(), "y_total", alone)["kind"]) == {"member"}


def test_attendance_and_feedback_of_those_who_came() -> None:
    sessions = pd.DataFrame({
        "member": ["A", "B", "A", "B", "A"], "session": ["1", "1", "2", "2", "3"],
        "component": ["self", "self", "self", "self", "peers"], "present": [1, 1, 1, 0, 0],
        "feedback": [4.0, np.nan, 5.0, 1.0, 2.0],
    })
    table = group_work.attendance(sessions)
    assert table.columns.tolist() == ["component", "sessions", "attended", "feedback", "n"]
    assert table.iloc[0].tolist() == ["self", 2, 0.75, 4.5, 2]
    assert table.iloc[1, :3].tolist() == ["peers", 1, 0.0]
    assert np.isnan(table.loc[1, "feedback"])
    assert table["n"].tolist() == [2, 0]  # nobody was there to give any


def observations(**columns: Any) -> pd.DataFrame:
    names = pd.MultiIndex.from_product([["A", "B", "C"], ["1"], ["x", "y"]], names=["member", "session", "rater"])
    return pd.DataFrame(columns, index=names).reset_index()


def test_agreement_of_the_observers() -> None:
    frame = observations(joins=[1.0, 2, 3, 3, 5, 4], calm=[3.0] * 6, alone=[1.0, np.nan, 2, 2, 5, 4], date=["d"] * 6)
    table = group_work.rater_agreement(frame).set_index("behaviour")
    assert table.index.tolist() == ["joins", "calm", "alone"]  # a date is no rating
    assert table["n"].tolist() == [3, 3, 2]
    assert 0 < table.loc["joins", "icc"] < 1
    assert table.loc["joins", "low"] < table.loc["joins", "icc"] < table.loc["joins", "high"]
    assert table.loc["joins", "reason"] == ""
    assert np.isnan(table.loc["calm", "icc"])
    assert "do not differ" in table.loc["calm", "reason"]


def test_the_first_missing_links_of_each_chain() -> None:
    logic = pd.DataFrame({
        "level": ["family", "society"], "cause": ["few calls", "stigma"], "need": ["talk", " "],
        "component": ["calls", ""], "session": ["2", ""], "measure": ["cls_total", "cls_total"], "extra": ["", ""],
    })
    table = group_work.gaps(logic)
    assert table.columns.tolist() == ["level", "cause", "need", "component", "session", "measure", "gap"]
    assert table["gap"].tolist() == ["", "need, component, session"]


def test_waves_without_scores_are_no_error_of_the_figure() -> None:
    only = SimpleNamespace(waves=PROTOCOL.waves, low_peer="M9", case=None)
    table = group_work.trajectories(scores().query("wave == 'T1'"), "y_total", only)
    assert table["wave"].unique().tolist() == ["T1"]
