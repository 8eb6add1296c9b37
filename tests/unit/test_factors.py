"""Contrasts, analysis of variance, tables of counts and families of tests: definitions, other libraries, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from lbc.analysis import comparison, factors, families
from lbc.analysis.adjustment import adjusted
from lbc.analysis.regression import cluster_robust, design, linear
from lbc.errors import NotEstimableError
from lbc.params import Contrast, Group
from lbc.results import Result

GROUP = Group(variable="left", reference="0", focal="1")
AWAY = ["neither", "father", "mother", "both"]
HELMERT = {
    "anyone": {"neither": -3, "father": 1, "mother": 1, "both": 1}, "both": {"father": -1, "mother": -1, "both": 2},
    "mother": {"father": -1.0, "mother": 1.0},
}


def children(seed: int = 1, classes: int = 12, size: int = 20) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = classes * size
    away = rng.choice(AWAY, n, p=[0.4, 0.25, 0.15, 0.2])
    girl = rng.integers(0, 2, n)
    left = (away != "neither").astype(int)
    return pd.DataFrame({
        "class": np.repeat([f"c{i}" for i in range(classes)], size), "grade": np.repeat(np.arange(classes) % 4 + 3, size),
        "away": away, "left": left, "girl": girl,
        "y": 40 + 3 * left + 2 * left * girl + np.repeat(rng.normal(0, 2, classes), size) + rng.normal(0, 6, n),
    })


def planned(**weights: dict[str, float]) -> list[Contrast]:
    return [Contrast(id=name, variable="away", weights=w, label={"en": name, "zh": name}) for name, w in weights.items()]


# --- contrasts ---


def test_a_contrast_of_two_levels_is_welch() -> None:
    frame = children()
    found = factors.contrast(frame, "y", "away", HELMERT["mother"])
    welch = comparison.two_groups(frame, "y", "away", "father", "mother")
    assert [found.estimate.value, *found.estimate.ci, found.test.statistic, found.test.df, found.test.p] == pytest.approx(
        [welch.estimate.value, *welch.estimate.ci, welch.test.statistic, welch.test.df, welch.test.p])
    assert found.extra["sizes"] == welch.n
    assert found.effect.value == pytest.approx(welch.extra["cohens_d"])
    assert found.effect.ci[0] / found.estimate.ci[0] == pytest.approx(found.effect.value / found.estimate.value)


def test_only_ratios_of_weights_count() -> None:
    frame = children()
    means = frame.groupby("away")["y"].mean()
    found = factors.contrast(frame, "y", "away", HELMERT["anyone"])
    assert found.estimate.value == pytest.approx(means[["father", "mother", "both"]].mean() - means["neither"])
    thirds = {name: weight / 3 for name, weight in HELMERT["anyone"].items()}
    assert factors.contrast(frame, "y", "away", thirds).test.p == pytest.approx(found.test.p)
    m, v, n = (frame.groupby("away")["y"].agg(how)[AWAY].to_numpy() for how in ("mean", "var", "size"))
    c = np.array([-1, 1 / 3, 1 / 3, 1 / 3])
    parts = c**2 * v / n
    assert found.test.statistic == pytest.approx(c @ m / np.sqrt(parts.sum()))
    assert found.test.df == pytest.approx(parts.sum() ** 2 / (parts**2 / (n - 1)).sum())


def test_a_contrast_between_classes_is_a_test_of_class_means() -> None:
    """Levels given by class, classes of one size: CR2 is the two-sample t test of class means."""
    frame = children()
    frame["half"] = np.where(frame["class"].isin([f"c{i}" for i in range(6)]), "a", "b")
    found = factors.contrast(frame, "y", "half", {"a": -1, "b": 1}, "class")
    means = frame.groupby(["half", "class"])["y"].mean()
    oracle = scipy_stats.ttest_ind(means["b"], means["a"])
    assert [found.test.statistic, found.test.df, found.test.p] == pytest.approx([oracle.statistic, 10, oracle.pvalue])
    assert "CR2" in found.method


def test_contrasts_that_cannot_be() -> None:
    frame = children()
    few = frame[(frame["away"] != "mother") | (frame.index < frame.index[frame["away"] == "mother"][3])]
    refusals = [
        (frame, "away", {"father": 1, "mother": 1}, None, 2, "add up to 0"),
        (frame, "away", {"father": 0, "mother": 0}, None, 2, "not all be 0"),
        (frame, "away", {}, None, 2, "add up to 0"),
        (frame, "away", {"aunt": 1, "mother": -1}, None, 2, "fewer than 2 children have away = aunt"),
        (few, "away", HELMERT["mother"], None, 5, "fewer than 5 children have away = mother"),
        (frame, "nothing", HELMERT["mother"], None, 2, "did not ask for nothing"),
        (frame, "away", HELMERT["mother"], "room", 2, "did not ask for room"),
        (frame.assign(y=3.0), "away", HELMERT["mother"], None, 2, "no level varies"),
        (frame.assign(y=np.nan), "away", HELMERT["mother"], None, 2, "fewer than 2"),
        (frame.assign(**{"class": "c0"}), "away", HELMERT["mother"], "class", 2, "one cluster"),
    ]
    for data, factor, weights, cluster, least, reason in refusals:
        with pytest.raises(NotEstimableError, match=reason):
            factors.contrast(data, "y", factor, weights, cluster, least)


# --- two-way analysis of variance ---


def test_type_three_of_equal_cells_is_every_type() -> None:
    frame = pd.concat([children().groupby(["left", "girl"]).head(30)])
    one, two, three = (factors.two_way(frame, "y", "left", "girl", kind=k)["anova"].set_index("term") for k in (1, 2, 3))
    for term in ("left", "girl", "left:girl", "Residuals"):
        assert one.loc[term, "ss"] == pytest.approx(three.loc[term, "ss"])
        assert two.loc[term, "ss"] == pytest.approx(three.loc[term, "ss"])


def test_the_difference_of_differences() -> None:
    frame = children()
    means = frame.groupby(["left", "girl"])["y"].mean()
    expected = (means[1, 1] - means[0, 1]) - (means[1, 0] - means[0, 0])
    found = factors.interaction(frame, "y", "left", 0, 1, "girl")
    assert found.effect.value == pytest.approx(expected)
    turned = factors.interaction(frame, "y", "left", 1, 0, "girl")
    assert [turned.effect.value, *turned.effect.ci] == pytest.approx([-expected, -found.effect.ci[1], -found.effect.ci[0]])
    x = design(frame, ["left", "girl"]).assign(both=frame["left"] * frame["girl"])
    row = linear(frame["y"], x, "HC3").coefficient("both")
    assert [found.test.statistic, found.test.p] == pytest.approx([row.t**2, row.p])
    assert found.effect.ci == pytest.approx((row.low, row.high))
    clustered = factors.interaction(frame, "y", "left", 0, 1, "girl", "class")
    row = cluster_robust(frame["y"], x, frame["class"]).coefficient("both")
    assert [clustered.test.statistic, clustered.test.df[1], clustered.test.p] == pytest.approx([row.t**2, row.df, row.p])
    assert clustered.effect.ci == pytest.approx((row.low, row.high))


def test_partial_eta_squared_lies_in_its_interval() -> None:
    frame = children(size=40).assign(y=lambda d: d["y"] + 6 * d["left"] * d["girl"])
    found = factors.interaction(frame, "y", "left", 0, 1, "girl")
    row = found.extra["anova"].set_index("term").loc["left:girl"]
    assert found.estimate.ci[0] < found.estimate.value < found.estimate.ci[1]
    assert found.estimate.value == pytest.approx(row["ss"] / (row["ss"] + found.extra["anova"]["ss"].iloc[-1]))
    assert found.estimate.level == 0.90


def test_the_cluster_robust_f_of_one_difference_is_t_squared() -> None:
    frame = children()
    x = design(frame, ["left", "girl", "grade"])
    fit = cluster_robust(frame["y"], x, frame["class"])
    for term in ("left", "grade"):
        row = fit.coefficient(term)
        f, df, p = factors.clustered_f(fit, np.eye(4)[[fit.terms.index(term)]])
        assert [f, *df, p] == pytest.approx([row.t**2, 1, row.df, row.p])


def test_the_cluster_robust_f_does_not_depend_on_how_the_hypothesis_is_written() -> None:
    frame = children()
    fit = cluster_robust(frame["y"], design(frame, ["away"]), frame["class"])
    rows = np.eye(4)[1:]
    one = factors.clustered_f(fit, rows)
    other = factors.clustered_f(fit, np.array([[2.0, 1, 0], [0, 1, 5], [1, 1, 1]]) @ rows)
    assert [other[0], *other[1], other[2]] == pytest.approx([one[0], *one[1], one[2]])


def test_the_cluster_robust_f_keeps_its_level() -> None:
    """Twelve classes in three conditions, alike children, no effect: near 5 %, where the plain F is far above."""
    rng = np.random.default_rng(2)
    room, level = np.repeat(np.arange(12), 10), np.repeat(np.arange(12) % 3, 10)
    x = pd.DataFrame({"(Intercept)": 1.0, "b": (level == 1) * 1.0, "c": (level == 2) * 1.0})
    robust = plain = 0
    for _ in range(300):
        y = np.repeat(rng.normal(0, 0.6, 12), 10) + rng.normal(size=120)
        robust += factors.clustered_f(cluster_robust(y, x, room), np.eye(3)[1:])[2] < 0.05
        plain += scipy_stats.f_oneway(*(y[level == k] for k in range(3))).pvalue < 0.05
    assert robust / 300 < 0.09
    assert plain / 300 > 0.2


def test_two_way_refuses() -> None:
    frame = children()
    refusals = [
        (frame[(frame["left"] == 0) | (frame["girl"] == 0)], "girl", None, "fewer than 2 children have left = 1 and girl = 1"),
        (frame.assign(girl=1), "girl", None, "'girl' does not vary"),
        (frame.assign(y=frame["left"] + 2.0 * frame["girl"]), "girl", None, "do not vary within any cell"),
        (frame, "nothing", None, "did not ask for nothing"),
        (frame.assign(**{"class": "c1"}), "girl", "class", "one cluster"),
        (frame.assign(**{"class": frame["grade"]}), "grade", "class", "4 clusters are too few to test 3 differences"),
        (children(classes=5), "grade", "class", "5 clusters are too few to test 3 differences"),
        (children(classes=8), "grade", "class", "8 clusters are too few to test 3 differences"),
    ]
    for data, factor, cluster, reason in refusals:
        with pytest.raises(NotEstimableError, match=reason):
            factors.interaction(data, "y", "left", 0, 1, factor, cluster)


# --- one-way, counts ---


def test_one_way_of_two_levels_is_welch() -> None:
    frame = children()
    found, welch = factors.one_way(frame, "y", "left"), comparison.two_groups(frame, "y", "left", 0, 1)
    assert found["welch"].test.statistic == pytest.approx(welch.test.statistic**2)
    assert found["welch"].test.df[1] == pytest.approx(welch.test.df)
    pair = factors.pairs(frame, "y", "left").iloc[0]
    assert [pair["estimate"], pair["p_gh"], pair["p_holm"]] == pytest.approx(
        [welch.estimate.value, welch.test.p, welch.test.p], rel=1e-6)
    assert (pair["gh_low"], pair["gh_high"]) == pytest.approx(welch.estimate.ci, rel=1e-6)


def test_one_way_against_statsmodels_and_scipy() -> None:
    from statsmodels.stats.oneway import anova_oneway

    frame = children()
    found = factors.one_way(frame, "y", "away")
    for name, kind in (("welch", "unequal"), ("anova", "equal")):
        oracle = anova_oneway(frame["y"], frame["away"], use_var=kind, welch_correction=True)
        test = found[name].test
        assert [test.statistic, *test.df, test.p] == pytest.approx([oracle.statistic, *oracle.df, oracle.pvalue])
    oracle = scipy_stats.kruskal(*(part for _, part in frame.groupby("away")["y"]))
    assert found["kruskal"].test.p == pytest.approx(oracle.pvalue)
    assert found["levels"]["level"].tolist() == sorted(AWAY)
    pairs = factors.pairs(frame, "y", "away")
    assert pairs["p_holm"].tolist() == comparison_holm(pairs["p_welch"])
    for data, reason in ((frame.assign(away="both"), "does not vary"), (frame.assign(y=1.0), "have the same score"),
                         (frame.iloc[[0, 1, *np.flatnonzero(frame["away"] == "both")]], "fewer than 2")):
        with pytest.raises(NotEstimableError, match=reason):
            factors.one_way(data, "y", "away")


def comparison_holm(p: pd.Series) -> list[float]:
    from statsmodels.stats.multitest import multipletests

    return pytest.approx(multipletests(p, method="holm")[1].tolist())


def test_counts_of_two_categories() -> None:
    frame = pd.DataFrame({"a": [0] * 50 + [1] * 50, "b": [0] * 30 + [1] * 20 + [0] * 15 + [1] * 35})
    found = factors.contingency(frame, "a", "b")
    oracle = scipy_stats.chi2_contingency([[30, 20], [15, 35]], correction=False)
    assert [found.test.statistic, found.test.p] == pytest.approx([oracle.statistic, oracle.pvalue])
    assert found.estimate.value == pytest.approx(np.sqrt(oracle.statistic / 100))
    assert found.effect.ci[0] < found.effect.value < found.effect.ci[1]
    rare = factors.contingency(frame.iloc[[0, 1, 2, 31, 32, 33, 51, 70, 71, 72]], "a", "b")
    assert rare.method == "Fisher's exact test"
    assert rare.test.p == rare.extra["fisher_p"]
    empty = factors.contingency(frame[(frame["a"] == 0) | (frame["b"] == 1)], "a", "b")
    assert (empty.effect, empty.extra["odds_ratio"]) == (None, None)
    wide = factors.contingency(children(), "away", "grade")
    assert (wide.test.df, wide.effect, wide.extra["fisher_p"]) == (9, None, None)
    with pytest.raises(NotEstimableError, match="does not vary"):
        factors.contingency(frame.assign(b=1), "a", "b")


# --- families ---


def test_a_family_adjusts_what_there_is_and_keeps_the_raw_p() -> None:
    frame = children()
    results = {name: comparison.two_groups(frame.assign(y=frame["y"] + k * frame["left"]), "y", "left", 0, 1)
               for name, k in (("social", 0.0), ("peer", -4.0), ("belonging", -3.0))}
    broken = Result("none", None, reason="the scale was not asked")
    found = families.family({**results, "broken": broken})
    assert found["broken"] == broken
    p = [r.test.p for r in results.values()]
    assert [found[name].test.p for name in results] == p
    assert [found[name].test.p_adjusted for name in results] == comparison_holm(p)
    assert found["social"].method.endswith("; p adjusted by Holm")
    assert families.family({}) == {}


def test_planned_contrasts_are_one_family() -> None:
    frame = children()
    listed = planned(**HELMERT, aunt={"aunt": 1, "both": -1})
    found = families.contrasts(frame, "y", listed, "class", 5)
    assert list(found) == ["anyone", "both", "mother", "aunt"]
    assert "away = aunt" in found["aunt"].reason
    raw = [found[name].test.p for name in HELMERT]
    assert [found[name].test.p_adjusted for name in HELMERT] == comparison_holm(raw)
    assert "CR2" in found["anyone"].method
    table = families.contrast_table(frame, "y", listed, "class", 5)
    assert table["contrast"].tolist() == ["anyone", "anyone", "both", "both", "mother", "mother"]
    assert table["method"].tolist() == ["separate variances", "cluster-robust"] * 3
    robust = table[table["method"] == "cluster-robust"]
    assert robust["p"].tolist() == raw
    assert families.contrast_table(frame, "y", listed, None)["method"].unique().tolist() == ["separate variances"]
    for nothing in ([], planned(aunt={"aunt": 1, "both": -1})):
        with pytest.raises(NotEstimableError, match="no contrast"):
            families.contrast_table(frame, "y", nothing, None)


def test_interactions_are_one_family_with_simple_effects_beside() -> None:
    frame = children(classes=16)
    found = families.interactions(frame, "y", GROUP, ["girl", "grade", "nothing"], "class")
    assert found["nothing"].reason == "the survey did not ask for nothing"
    assert [found[name].test.p_adjusted for name in ("girl", "grade")] == comparison_holm(
        [found[name].test.p for name in ("girl", "grade")])
    assert found["grade"].effect is None
    table = families.interaction_table(found).set_index("variable")
    assert table.index.tolist() == ["girl", "grade"]
    assert table.loc["grade", ["df", "df_residual"]].tolist() == [3, len(frame) - 8]
    assert table["p_cluster"].tolist() == [found[name].test.p for name in table.index]
    plain = families.interaction_table(families.interactions(frame, "y", GROUP, ["girl"], None))
    assert "p_cluster" not in plain
    assert plain["p_holm"].tolist() == plain["p_hc3"].tolist()
    effects = families.simple_effects(frame, "y", GROUP, ["girl", "grade", "nothing"], 5)
    assert effects["variable"].tolist() == ["girl"] * 2 + ["grade"] * 4
    girls = comparison.two_groups(frame[frame["girl"] == 1], "y", "left", 0, 1)
    assert effects.loc[1, ["value", "n", "estimate", "p"]].tolist() == [
        "1", sum(girls.n.values()), girls.estimate.value, girls.test.p]
    gaps = effects.loc[effects["variable"] == "girl", "estimate"].tolist()
    assert gaps[1] - gaps[0] == pytest.approx(found["girl"].effect.value)
    with pytest.raises(NotEstimableError, match="no interaction"):
        families.interaction_table({"nothing": found["nothing"]})
    with pytest.raises(NotEstimableError, match="at no level"):
        families.simple_effects(frame, "y", GROUP, ["girl"], 999)


def test_levels_of_several_factors() -> None:
    frame = children()
    table = families.level_tests(frame, "y", ["away", "girl", "nothing"])
    assert table["variable"].tolist() == ["away", "girl"]
    found = factors.one_way(frame, "y", "away")
    assert table.loc[0, ["F", "df", "df_residual", "p"]].tolist() == [
        found["welch"].test.statistic, *found["welch"].test.df, found["welch"].test.p]
    robust = families.level_tests(frame, "y", ["girl"], "class").iloc[0]
    slope = adjusted(frame, "y", "girl", 0, 1, [], "class").test  # with two levels F is the square of CR2's t
    assert robust["F"] == pytest.approx(slope.statistic**2)
    assert (robust["df_residual"], robust["p"]) == pytest.approx((slope.df, slope.p))
    with pytest.raises(NotEstimableError, match="did not ask for nothing"):
        families.level_tests(frame, "y", ["nothing"])
    with pytest.raises(NotEstimableError, match="none of these variables"):
        families.level_tests(frame, "y", [])


def test_two_persons_are_too_few_for_everything() -> None:
    pair = pd.DataFrame({"y": [1.0, 2.0], "left": [0, 1], "girl": [0, 1], "away": ["both", "father"], "class": ["a", "b"]})
    for call in (
        lambda: factors.contrast(pair, "y", "away", {"both": 1, "father": -1}),
        lambda: factors.interaction(pair, "y", "left", 0, 1, "girl"),
        lambda: factors.one_way(pair, "y", "away"),
    ):
        with pytest.raises(NotEstimableError, match="fewer than 2"):
            call()
