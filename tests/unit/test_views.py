"""Frames for tables and figures: they hold what the analyses found, under the names that the figures ask for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lbc.analysis import comparison, ecology, multilevel, single_case, views
from lbc.errors import NotEstimableError
from lbc.params import Group
from lbc.results import Estimate, Result

GROUP = Group(variable="left_behind", reference="0", focal="1")
NUMBERS = ["estimate", "low", "high", "statistic", "df", "p"]


def children(n: int = 80) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    left = (np.arange(n) % 2).astype(float)
    trait = rng.normal(size=n)
    frame = pd.DataFrame({
        "left_behind": left, "girl": (np.arange(n) // 2 % 2), "class": [f"S1-G{i % 8}" for i in range(n)],
        "parents_away": np.where(left == 0, "neither", rng.choice(["father", "mother", "both"], n)),
        "support": -trait + rng.normal(size=n), "y": 30 + 4 * left + 5 * trait, "z": rng.normal(size=n),
    })
    frame["y@resurvey"] = frame["y"] - 1 + rng.normal(0, 2, n)
    frame.loc[0, "left_behind"] = np.nan
    frame.loc[1, "y"] = np.nan
    return frame


def test_the_difference_with_both_means() -> None:
    frame = children()
    scores, groups, estimate = views.difference_data(frame, "y", GROUP)
    assert groups["group"].tolist() == ["0", "1"]
    assert {"n", "mean", "ci_low", "ci_high"} <= set(groups)
    assert groups["n"].tolist() == [39, 39]
    assert len(scores) == 78
    assert set(scores["group"]) == {"0", "1"}
    means = scores.groupby("group")["score"].mean()
    assert estimate.value == pytest.approx(means["1"] - means["0"])
    turned = views.difference_data(frame, "y", Group(variable="left_behind", reference="1", focal="0"))
    assert turned[1]["group"].tolist() == ["1", "0"]
    assert turned[2].value == -estimate.value


def test_only_the_two_groups_are_compared() -> None:
    frame = children()
    scores, groups, _ = views.difference_data(frame, "y", Group(variable="parents_away", reference="neither", focal="both"))
    assert set(scores["group"]) == {"neither", "both"}
    assert groups["group"].tolist() == ["neither", "both"]


def test_a_family_is_adjusted_over_the_tests_there_are() -> None:
    frame = children().assign(constant=5.0)
    found = views.compare_family(frame, {"a": "y", "b": "z", "c": "constant"}, GROUP)
    assert found["c"].estimate is None
    assert found["c"].reason
    alone = comparison.two_groups(frame, "y", "left_behind", "0", "1").test
    assert found["a"].test.p == alone.p
    assert found["a"].test.p_adjusted == pytest.approx(min(1, 2 * alone.p))  # two tests, not three
    assert found["b"].test.p_adjusted >= found["b"].test.p
    assert found["a"].method.endswith("; p adjusted by Holm")
    nothing = views.compare_family(frame, {"c": "constant"}, GROUP)
    assert nothing["c"].reason == found["c"].reason


def test_superiority_or_the_reason() -> None:
    result = views.superiority(children(), "y", GROUP)
    assert 0.5 < result.estimate.value < 1
    assert "Brunner" in result.method
    apart = pd.DataFrame({"left_behind": [0, 0, 0, 1, 1, 1], "y": [1.0, 2, 3, 7, 8, 9]})
    with pytest.raises(NotEstimableError):
        views.superiority(apart, "y", GROUP)


def test_one_comparison_by_several_methods() -> None:
    frame = children()
    table = views.methods(frame, "y", GROUP).set_index("method")
    result = comparison.two_groups(frame, "y", "left_behind", "0", "1")
    assert table.columns.tolist() == NUMBERS
    assert [kind.name for kind in table.dtypes] == ["float64"] * 6
    assert table.loc["Welch"].tolist() == [
        result.estimate.value, *result.estimate.ci, result.test.statistic, result.test.df, result.test.p]
    assert table.loc["Hedges g", "estimate"] == result.effect.value
    assert table.loc["JZS Bayes factor BF10 (r = 0.707)", "estimate"] == result.extra["bf10"]
    assert table.loc["Hedges g, unpooled", ["statistic", "df", "p"]].isna().all()
    apart = pd.DataFrame({"left_behind": [0, 0, 0, 1, 1, 1], "y": [1.0, 2, 3, 7, 8, 9]})
    assert views.methods(apart, "y", GROUP).set_index("method").loc["Brunner-Munzel, P(reference < focal)"].isna().all()


def test_a_forest_needs_one_estimate_at_least() -> None:
    known = Result("m", None, Estimate("g", 0.3, (0.1, 0.5)), reason="x")
    bare, none = Result("m", None, Estimate("g", 0.2), reason="x"), Result("m", None, reason="x")
    table = views.forest_data({"a": known, "b": bare, "c": none})
    assert table["row"].tolist() == ["a", "b", "c"]
    assert table.iloc[0, 1:].tolist() == [0.3, 0.1, 0.5]
    assert table.loc[1, ["ci_low", "ci_high"]].isna().all()
    with pytest.raises(NotEstimableError, match="none of these differences could be estimated"):
        views.forest_data({"c": none})


def test_levels_in_the_order_of_the_factors() -> None:
    frame = children()
    table = views.by_levels(frame, "y", ["parents_away", "girl"])
    assert table.columns.tolist() == ["variable", "category", "n", "mean", "ci_low", "ci_high"]
    assert table["category"].tolist() == ["neither", "father", "mother", "both", "0", "1"]
    assert table.loc[4, "mean"] == pytest.approx(frame.loc[frame["girl"] == 0, "y"].mean())
    smallest = int(table["n"].min())
    assert smallest not in views.by_levels(frame, "y", ["parents_away", "girl"], least=smallest + 1)["n"].tolist()


def test_no_factor_or_no_level_large_enough() -> None:
    with pytest.raises(NotEstimableError, match="none of these variables was asked"):
        views.by_levels(children(), "y", [])
    with pytest.raises(NotEstimableError, match="no level of these variables has 999 children"):
        views.by_levels(children(), "y", ["girl"], least=999)


def test_clustering_needs_classes() -> None:
    frame = children()
    assert views.clustering(frame, "y", "class").estimate == multilevel.icc_groups(frame["y"], frame["class"]).estimate
    for cluster in (None, "school"):
        with pytest.raises(NotEstimableError, match="did not ask for the children's classes"):
            views.clustering(frame, "y", cluster)


def test_the_last_wave() -> None:
    frame = pd.DataFrame(columns=["y", "y@during", "y@resurvey", "y_part@x"])
    assert views.last_wave(frame, "y") == "y@resurvey"
    assert views.last_wave(frame[["y"]], "y") == "y@later"


def test_change_between_waves_by_several_methods() -> None:
    frame = children()
    result = views.change_between_waves(frame, "y", "y@resurvey")
    table = views.paired_methods(frame, "y", "y@resurvey").set_index("method")
    assert table.loc["paired t test"].tolist() == [
        result.estimate.value, *result.estimate.ci, result.test.statistic, result.test.df, result.test.p]
    assert table.loc["Cohen d_z", "estimate"] == result.effect.value
    for name in ("sign-flip test, exact", "Wilcoxon signed-rank test, exact", "sign test"):
        assert 0 <= table.loc[name, "p"] <= 1
        assert np.isnan(table.loc[name, "estimate"])
    for function, more in ((views.change_between_waves, ()), (views.paired_methods, ()), (views.waves_table, (GROUP,))):
        with pytest.raises(NotEstimableError, match="the children were not measured again"):
            function(frame, "y", "y@later", *more)


def test_both_waves_and_both_groups_in_one_model() -> None:
    frame = children()
    table = views.waves_table(frame, "y", "y@resurvey", GROUP)
    assert table["term"].tolist() == [
        "(Intercept)", "time", "focal", "time:focal", "variance between groups", "variance within groups", "ICC",
        "log-likelihood", "groups", "n"]
    values = table.set_index("term")["estimate"]
    assert values["groups"] == 79  # the child without a group is left out
    assert values["n"] == 157
    between, within = values["variance between groups"], values["variance within groups"]
    assert values["ICC"] == pytest.approx(between / (between + within))
    assert table["p"].isna().tolist() == [False] * 4 + [True] * 6


def test_coefficients_name_the_group_of_interest() -> None:
    frame = children()
    for group in (GROUP, Group(variable="parents_away", reference="neither", focal="both")):
        table = views.coefficients(frame, "y", group, ["girl"], "class")
        assert table["term"].tolist() == ["(Intercept)", "focal", "girl"]


def test_invariance_of_items_answered_by_two_groups() -> None:
    rng = np.random.default_rng(8)
    trait = rng.normal(size=400)
    items = {f"i{k}": np.clip(np.round(3 + trait + rng.normal(size=400)), 1, 5) for k in range(4)}
    keyed = pd.DataFrame(items).assign(group=np.where(np.arange(400) < 10, np.nan, np.arange(400) % 2))
    table = views.invariance_table(keyed, GROUP)
    assert table["step"].tolist() == ["configural", "metric", "scalar", "strict"]
    assert table["n"].unique().tolist() == [390]
    result = views.scalar_step(keyed, GROUP)
    assert result.estimate.value == pytest.approx(table.set_index("step").loc["scalar", "d_cfi"])
    assert result.extra["verdict"]


def test_predictors_described_in_numbers() -> None:
    frame = children()
    listed = pd.DataFrame({"name": ["support", "parents_away"], "level": ["family", "family"]})
    table = views.predictors_described(frame, "y", listed)
    assert table.columns.tolist() == ["level", "predictor", "n", "mean", "sd", "missing", "r"]
    assert table.loc[0, "r"] == pytest.approx(frame["support"].corr(frame["y"]))
    assert table.loc[0, "sd"] == pytest.approx(frame["support"].std())
    assert table.loc[1, ["mean", "sd", "r"]].isna().all()  # text has a count only
    assert table.loc[1, "n"] == 80
    constant = views.predictors_described(frame.assign(support=1.0), "y", listed)
    assert np.isnan(constant.loc[0, "r"])
    gone = views.predictors_described(frame.assign(support=frame["support"].where(frame.index < 20)), "y", listed)
    assert gone.loc[0, ["n", "missing"]].tolist() == [20, 0.75]


def test_entries_of_blocks_for_the_figure() -> None:
    frame = children()
    table = ecology.blockwise(frame, "y", {"individual": ["girl"], "family": ["support"]}, None, np.random.default_rng(1), 100)
    long = views.entries(table)
    assert long["entry"].tolist() == ["first"] * 2 + ["in_order"] * 2 + ["last"] * 2
    assert long["level"].tolist() == ["individual", "family"] * 3
    assert long.loc[2, "estimate"] == table.loc[0, "delta_r2"]
    assert long.loc[3, "ci_high"] == table.loc[1, "delta_r2_high"]
    assert views.columns(table, ["level", "nothing", "r2"]).columns.tolist() == ["level", "r2"]
    assert set(views.columns(table, views.BLOCKS)) == set(views.BLOCKS)


def test_importance_is_resampled_for_few_predictors_only(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = children()
    listed = pd.DataFrame({"name": ["girl", "support"], "level": ["individual", "family"]})
    table = views.importance_data(frame, "y", listed, "class", np.random.default_rng(1), 100)
    assert table.set_index("predictor")["level"].to_dict() == {"girl": "individual", "support": "family"}
    assert (table["ci_low"] <= table["ci_high"]).all()
    assert table["share"].sum() == pytest.approx(table["r2"].iloc[0])
    monkeypatch.setattr(views, "MOST_RESAMPLED", 1)
    plain = views.importance_data(frame, "y", listed, "class", np.random.default_rng(1), 100)
    assert "ci_low" not in plain
    assert plain["share"].tolist() == table["share"].tolist()


def test_a_random_intercept_for_each_class() -> None:
    frame = children()
    table = views.random_intercept_table(frame, "y", ["girl", "support", "parents_away"], "class")
    assert table["term"].iloc[:3].tolist() == ["(Intercept)", "girl", "support"]
    assert sum(term.startswith("parents_away: ") for term in table["term"]) == 3
    assert table.set_index("term").loc[["groups", "n"], "estimate"].tolist() == [8.0, 79.0]
    for cluster in (None, "school"):
        with pytest.raises(NotEstimableError, match="did not ask for the children's classes"):
            views.random_intercept_table(frame, "y", ["girl"], cluster)


def coded() -> pd.DataFrame:
    rows = [
        ("C1", "child", "A", "s1", "family", "calls"), ("C1", "child", "B", "s1", "family", "calls"),
        ("C1", "child", "A", "s2", "family", "calls"), ("C1", "child", "B", "s2", "family", "money"),
        ("C1", "child", "A", "s3", "family", "calls"), ("C1", "child", "B", "s3", "family", "calls"),
        ("T1", "teacher", "A", "s4", "society", "stigma"), ("T1", "teacher", "B", "s4", "family", "stigma"),
        ("T1", "teacher", "A", "s5", "society", "stigma"), ("T1", "teacher", "B", "s5", "society", "stigma"),
    ]
    return pd.DataFrame(rows, columns=["person", "role", "coder", "segment", "level", "theme"]).assign(paraphrase="p")


def test_segments_on_which_the_coders_agreed() -> None:
    table = views.segments(coded())
    assert table.values.tolist() == [
        ["family", "calls", "C1", 2, "child"], ["society", "stigma", "T1", 1, "teacher"]]
    assert table.columns.tolist() == ["level", "theme", "person", "segments", "role"]


def test_new_themes_by_interview() -> None:
    assert views.new_code_curve(coded()).values.tolist() == [[1, 1, 1], [2, 1, 2]]
    assert views.new_code_curve(coded()).columns.tolist() == ["interview", "new", "total"]


LOG = pd.DataFrame({
    "phase": ["A"] * 3 + ["B"] * 3 + ["C"] * 2, "day": ["0", "3", "7", "10", "14", "17", "21", "24"],
    "loneliness": [8.0, 7, 8, 5, 4, np.nan, 3, 3], "calm": [np.nan] * 8,
})


def test_time_is_the_day_where_it_is_a_number() -> None:
    table = views.phase_data(LOG, "loneliness")
    assert table["time"].tolist() == [0, 3, 7, 10, 14, 17, 21, 24]
    assert table["value"].iloc[:2].tolist() == [8.0, 7.0]
    rows = list(range(1, 9))
    assert views.phase_data(LOG.drop(columns="day"), "loneliness")["time"].tolist() == rows
    assert views.phase_data(LOG.assign(day="day 3"), "loneliness")["time"].tolist() == rows
    assert views.phase_data(LOG.assign(day=[*LOG["day"][:7], ""]).set_axis(range(5, 13)), "loneliness")["time"].tolist() == rows


def test_overlap_of_all_treatment_points_with_the_baseline() -> None:
    found = views.nap_of_phases(LOG, ["loneliness", "calm", "nothing"], "down", "A")
    direct = single_case.nap([8.0, 7, 8], [5.0, 4, 3, 3], "down")
    assert found["loneliness"].estimate.value == direct.estimate.value == 1.0
    assert found["calm"].estimate is None
    assert found["nothing"].reason == "the log has no column nothing"
    assert views.nap_of_phases(LOG, ["loneliness"], "down", "Z")["loneliness"].reason == (
        "the log has no points in the baseline phase 'Z'")
