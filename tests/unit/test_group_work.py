"""A handful of members: change, selection, case work; the low-loneliness peer is never pooled with them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from lbc.analysis import group_waves, group_work
from lbc.analysis.stats import holm, jzs_bf_paired
from lbc.analysis.waves import rm_anova
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
    chosen = pd.DataFrame({"member": ["A", "B", "C"], "wave": "T0", "y": [60.0, 58, np.nan]})
    result = group_work.fall_to_expect(chosen, "y", "T0", ["A", "B", "C"], eligible, RETEST)
    assert result.estimate.value == pytest.approx(0.3 * (59 - 45))
    assert result.extra["low"] == pytest.approx(0.1 * 14)
    assert result.extra["high"] == pytest.approx(0.5 * 14)
    assert (result.extra["selected_mean"], result.extra["population_mean"]) == (59.0, 45.0)
    assert result.n == {"members": 2, "children": 4}
    curve = result.extra["curve"]
    assert curve["r"].iloc[[0, -1]].tolist() == [0.3, 1.0]
    assert curve["expected"].iloc[-1] == pytest.approx(0, abs=1e-12)
    assert "r = 0.7 (0.5 to 0.9)" in result.method


@pytest.mark.parametrize(("members", "eligible"), [(["nobody"], [1.0, 2, 3]), (["M1"], [1.0, 2, np.nan])])
def test_no_fall_without_scores_at_selection(members: list[str], eligible: list[float]) -> None:
    with pytest.raises(NotEstimableError, match="the scores at selection are missing"):
        group_work.fall_to_expect(scores(), "y_total", "T0", members, pd.Series(eligible), RETEST)


def test_the_observed_fall_is_positive_where_scores_fell() -> None:
    expected = group_work.fall_to_expect(scores(), "y_total", "T0", MEMBERS, pd.Series(np.arange(20, 60.0)), RETEST)
    curve, observed = group_work.fall_data(expected, scores(), "y_total", "T0", "T2", MEMBERS)
    change = group_work.change(scores(), "y_total", "T0", "T2", MEMBERS, "down").estimate
    assert observed.value == -change.value > 0
    assert observed.ci == (-change.ci[1], -change.ci[0])
    assert len(curve) == 71
    assert group_work.fall_data(expected, scores(), "y_total", "T0", "T2", MEMBERS[:2])[1].ci is None
    with pytest.raises(NotEstimableError, match="no score chose"):
        group_work.fall_data(NotEstimableError("no score chose them"), scores(), "y_total", "T0", "T2", MEMBERS)


def test_what_the_members_alone_can_show() -> None:
    eligible = pd.Series(np.arange(20, 60.0))
    found = group_work.uncontrolled(scores(), "y_total", PROTOCOL, MEMBERS, eligible)
    assert set(found) == set(group_work.UNCONTROLLED)
    assert found["change"].estimate.value == pytest.approx(np.mean([-9, -5, 0, -15, -6, -13]))
    assert found["beyond_selection"].estimate.value == pytest.approx(-8 + 0.3 * (58 - 39.5))
    curve, mean, interval = group_work.mee_chua_curve(found["mee_chua"])
    assert mean == 39.5
    assert interval[0] < mean < interval[1]
    assert np.interp(mean, curve["mu"], curve["effect"]) == pytest.approx(found["mee_chua"].estimate.value)
    few = group_work.uncontrolled(scores(), "y_total", PROTOCOL, MEMBERS[:2], eligible)
    assert few["change"].estimate.value == -7
    with pytest.raises(NotEstimableError, match="at least three members"):
        group_work.mee_chua_curve(few["mee_chua"])


def test_without_choice_by_score_nothing_is_corrected_for_it() -> None:
    named = PROTOCOL.model_copy(update={"selection": "nomination"})
    found = group_work.uncontrolled(scores(), "y_total", named, MEMBERS, pd.Series(np.arange(20, 60.0)))
    assert found["change"].estimate is not None
    for key in ("beyond_selection", "mee_chua"):
        assert "no score chose the members" in found[key].reason


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


def test_reliable_change_corrected_and_clinical() -> None:
    norm = pd.Series([30.0, 35, 40, 45, 50])
    table = group_work.reliable(scores(), "y_total", "T1", "T2", MEMBERS, 8.0, PROTOCOL, mean=40.0, norm=norm)
    pre = np.array(SCORES["T1"][:6])
    cut = (pre.std(ddof=1) * 40 + norm.std() * pre.mean()) / (pre.std(ddof=1) + norm.std())
    assert table["cutoff"].unique() == pytest.approx([cut])
    assert table["expected_post"].tolist() == pytest.approx(40 + 0.87 * (pre - 40))
    assert table["clinical"].tolist()[3] == "recovered"  # from 60 to 47
    assert table["class_corrected"].tolist() == ["unchanged", "unchanged", "unchanged", "improved", "unchanged", "improved"]
    assert table["rci_corrected"][5] == pytest.approx((44 - 52.18) / (8 * np.sqrt(1 - 0.87**2)))
    assert table["smallest"].unique() == pytest.approx([1.96 * 8 * np.sqrt(0.26)])
    flat = group_work.reliable(scores(), "y_total", "T1", "T2", MEMBERS, 8.0, PROTOCOL, norm=pd.Series([40.0, 40]))
    assert "clinical" not in flat  # a norm that does not vary is none
    assert group_work.each_member(table, 8.0, 0.87)["M4"].extra["clinical"] == "recovered"


def test_how_many_changed_reliably_whatever_the_reliability() -> None:
    band = group_work.reliable_counts(scores(), "y_total", "T1", "T2", MEMBERS, 8.0, PROTOCOL, mean=40.0)
    assert band["reliability"].tolist() == [0.7, 0.8, 0.87, 0.9]  # the retest correlation stands first
    assert band["improved"].tolist() == [1, 2, 2, 2]  # bars of 12.1, 9.9, 8.0 and 7.01 points
    assert (band["improved_corrected"] <= band["improved"]).all()
    assert band["deteriorated"].tolist() == [0, 0, 0, 0]


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
    assert group_work.member_labels(["M1"]) == {"M1": {"en": "Change of member M1", "zh": "组员 M1 的变化"}}


def test_shares_of_members_without_improvement_and_worse() -> None:
    found = group_work.shares(reliable())
    assert set(found) == set(group_work.SHARES)
    assert found["unchanged"].estimate.value == pytest.approx(4 / 6)
    assert found["unchanged"].estimate.ci == pytest.approx((0.2228, 0.9567), abs=1e-4)  # Clopper & Pearson for 4 of 6
    assert found["unchanged"].n == {"members": 6}
    assert found["deteriorated"].estimate.value == 0
    assert found["deteriorated"].estimate.ci == pytest.approx((0, 0.4593), abs=1e-4)


def test_members_whom_nobody_measured_twice_are_no_failure() -> None:
    table = group_work.fared(scores(), "y_total", "T7", "T2", MEMBERS, 8.0, PROTOCOL, mean=40.0)
    assert table["class"].tolist() == ["not measured"] * 6
    assert {r.reason for r in group_work.each_member(table, 8.0, 0.87).values()} == {"not measured at both waves"}
    assert {r.reason for r in group_work.shares(table).values()} == {"nobody was measured at both waves"}
    assert group_work.for_case_work(table) is None
    with pytest.raises(NotEstimableError, match="nobody was measured at both waves"):
        group_work.measured(table)
    there = group_work.fared(scores(), "y_total", "T1", "T3", MEMBERS, 8.0, PROTOCOL, mean=40.0)
    assert group_work.measured(there)["member"].tolist() == MEMBERS[:5]
    pd.testing.assert_frame_equal(
        there, group_work.reliable(scores(), "y_total", "T1", "T3", MEMBERS, 8.0, PROTOCOL, mean=40.0))


def test_the_rule_sends_the_highest_without_improvement_to_case_work() -> None:
    assert group_work.for_case_work(reliable()) == "M3"
    better = reliable().assign(**{"class": "improved"})
    assert group_work.for_case_work(better) is None
    worse = reliable()
    worse.loc[0, ["class", "post"]] = ["deteriorated", 70.0]
    assert group_work.for_case_work(worse) == "M1"


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


# --- over the waves ---


def test_the_course_over_all_waves_and_each_step() -> None:
    found = group_waves.course(scores(), "y_total", PROTOCOL, MEMBERS)
    assert list(found) == list(group_waves.COURSE)
    friedman = found["friedman"]
    assert friedman.n == {"members": 5}  # M6 missed the last wave
    wide = scores().pivot(index="member", columns="wave", values="y_total").loc[MEMBERS].dropna()
    assert friedman.test.statistic == pytest.approx(scipy_stats.friedmanchisquare(*wide.to_numpy().T).statistic)
    assert friedman.extra["exact"]
    steps = {name.rpartition(".")[2]: r for name, r in found.items() if r.test and name != "friedman"}
    assert list(steps) == ["waiting", "group", "case"]
    assert steps["group"].estimate.value == pytest.approx(np.mean([-7, -4, -1, -13, -7, -10]))
    assert steps["case"].n == {"members": 5}
    p = [r.test.p for r in steps.values()]
    assert [r.test.p_adjusted for r in steps.values()] == pytest.approx(holm(p).tolist())
    assert found["wave_contrast.follow_up"].reason == "no measurement was planned for this time"


def test_the_course_as_a_table() -> None:
    found = group_waves.course(scores(), "y_total", PROTOCOL, MEMBERS)
    table = group_waves.course_table(found).set_index("test")
    assert table.index.tolist() == ["Friedman, exact", "repeated measures, Greenhouse-Geisser", "step waiting", "step group", "step case"]
    anova = rm_anova(found["friedman"].extra["wide"]).iloc[0]
    assert table.loc["repeated measures, Greenhouse-Geisser", ["statistic", "df", "p"]].tolist() == pytest.approx(
        [anova["F"], anova["gg"] * 3, anova["p_gg"]])
    assert table.loc["step group", "p_holm"] >= table.loc["step group", "p"]
    two = scores().query("wave in ['T0', 'T1']")
    short = group_waves.course(two, "y_total", PROTOCOL, MEMBERS)
    assert "at least 2 and 3 are needed" in short["friedman"].reason
    assert group_waves.course_table(short)["test"].tolist() == ["step waiting"]
    with pytest.raises(NotEstimableError, match="nobody was measured at two waves"):
        group_waves.course_table(group_waves.course(two[two["wave"] == "T0"], "y_total", PROTOCOL, MEMBERS))


def test_too_many_ways_to_count_leave_an_f_with_two_degrees_of_freedom() -> None:
    members = [f"M{k:02}" for k in range(30)]
    values = np.random.default_rng(4).normal(size=(5, 30)).cumsum(axis=0)
    long = pd.concat([pd.DataFrame({"member": members, "wave": f"T{w}", "y_total": values[w]}) for w in range(5)])
    waves = PROTOCOL.waves.model_copy(update={"follow_up": "T4"})
    found = group_waves.course(long, "y_total", PROTOCOL.model_copy(update={"waves": waves}), members)
    assert found["friedman"].extra["exact"] is False
    row = group_waves.course_table(found).set_index("test").loc["Friedman"]
    assert row[["statistic", "df", "df_residual", "p"]].tolist() == pytest.approx(
        list(found["friedman"].extra["iman_davenport"].values()))


def test_the_change_by_every_customary_method() -> None:
    table = group_waves.change_methods(scores(), "y_total", "T1", "T2", MEMBERS).set_index("method")
    d = np.array([-7.0, -4, -1, -13, -7, -10])
    oracle = scipy_stats.ttest_1samp(d, 0)
    assert table.loc["paired t test", ["estimate", "statistic", "df", "p"]].tolist() == pytest.approx(
        [d.mean(), oracle.statistic, 5, oracle.pvalue])
    assert table.loc["sign-flip test, exact", "p"] == 2 / 64 == table.loc["smallest attainable p", "p"]
    assert table.loc["JZS Bayes factor BF10 (r = 0.707)", "estimate"] == pytest.approx(jzs_bf_paired(oracle.statistic, 6))
    assert table.loc["Cohen d_z", "estimate"] == pytest.approx(d.mean() / d.std(ddof=1))
    listed = group_waves.attainable(scores(), "y_total", "T1", "T2", MEMBERS)
    assert listed[listed["test"] == "sign flip"]["p"].tolist() == [1 / 32, 2 / 32, 3 / 32]
    assert listed[listed["test"] == "sign"]["p"].tolist() == [1 / 32]
    alike = scores().assign(y_total=lambda t: t["wave"].map({"T1": 50.0, "T2": 47.0}))
    few = group_waves.change_methods(alike, "y_total", "T1", "T2", MEMBERS).set_index("method")
    assert few.loc[["paired t test", "Cohen d_z", "JZS Bayes factor BF10 (r = 1)"], ["statistic", "p", "low"]].isna().all(axis=None)


def test_waves_without_scores_are_no_error_of_the_figure() -> None:
    only = SimpleNamespace(waves=PROTOCOL.waves, low_peer="M9", case=None)
    table = group_work.trajectories(scores().query("wave == 'T1'"), "y_total", only)
    assert table["wave"].unique().tolist() == ["T1"]
