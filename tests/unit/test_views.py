"""Frames for tables and figures: they hold what the analyses found, under the names that the figures ask for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lbc.analysis import comparison, ecology, multilevel, views
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
    frame["room"] = np.arange(80) // 10
    table = views.methods(frame, "y", GROUP, "room", 3.0, np.random.default_rng(1)).set_index("method")
    result = comparison.two_groups(frame, "y", "left_behind", "0", "1")
    assert table.columns.tolist() == NUMBERS
    assert [kind.name for kind in table.dtypes] == ["float64"] * 6
    assert table.loc["Welch"].tolist() == [
        result.estimate.value, *result.estimate.ci, result.test.statistic, result.test.df, result.test.p]
    assert table.loc["Hedges g", "estimate"] == result.effect.value
    assert table.loc["JZS Bayes factor BF10 (r = 0.707)", "estimate"] == result.extra["bf10"]
    assert table.loc["Hedges g, unpooled", ["statistic", "df", "p"]].isna().all()
    apart = pd.DataFrame({"left_behind": [0, 0, 0, 1, 1, 1], "y": [1.0, 2, 3, 7, 8, 9]})
    bare = views.methods(apart, "y", GROUP, None, None, np.random.default_rng(1)).set_index("method")
    assert bare.loc[["Brunner-Munzel, P(reference < focal)", "Brunner-Munzel, permuted", "bootstrap (BCa)"]].isna().all(axis=None)
    assert not [name for name in bare.index if "classes" in name or "TOST" in name]
    apart_by_class = views.methods(frame, "y", GROUP, "class", None, np.random.default_rng(1)).set_index("method")
    assert apart_by_class.loc["studentised permutation within classes"].isna().all()  # each class holds one group
    for name in ("studentised permutation", "Brunner-Munzel, permuted"):
        assert table.loc[name, "p"] > 0
        assert table.loc[f"{name} within classes", "low"] < table.loc[f"{name} within classes", "estimate"]
    assert table.loc["studentised permutation", "statistic"] == pytest.approx(result.test.statistic)
    tost = views.equivalence(frame, "y", GROUP, 3.0)
    assert table.loc["equivalence (TOST), 90% CI", ["low", "high", "p"]].tolist() == [*tost.estimate.ci, tost.test.p]
    assert views.bayes_robustness(frame, "y", GROUP)["bf10"].between(0, np.inf, "neither").all()


def test_who_was_measured_again() -> None:
    frame = children()
    frame.loc[frame.index[1:31:2], "y@resurvey"] = np.nan
    found = views.measured_again(frame, "y@resurvey", GROUP)
    table = found.extra["table"].to_numpy()
    assert table.tolist() == [[0, 39], [15, 25]]
    assert found.n == {"children": 79}
    with pytest.raises(NotEstimableError, match="not measured again"):
        views.measured_again(frame, "y@later", GROUP)


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


def test_the_two_groups_are_told_apart_by_their_labels() -> None:
    rng = np.random.default_rng(8)
    trait = rng.normal(size=400)
    items = {f"i{k}": np.clip(np.round(3 + trait + rng.normal(size=400)), 1, 5) for k in range(4)}
    keyed = pd.DataFrame(items).assign(group=np.where(np.arange(400) < 10, np.nan, np.arange(400) % 2))
    found = views.measured(keyed, GROUP)
    assert found.fits["scalar"].n == {"0": 195, "1": 195}
    assert found.reason == ""


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
