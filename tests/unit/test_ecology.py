"""Shares of explained variance: identities, clusters, intervals, refusals."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from lbc.analysis import ecology, views
from lbc.analysis.influence import influence
from lbc.analysis.shares import make_design, shapley, subset_r2
from lbc.errors import NotEstimableError

BLOCKS = {"individual": ["shy", "girl"], "family": ["guardian"], "society": ["stigma"]}


def children(n: int = 240, seed: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    classes = np.repeat(np.arange(12), n // 12)
    shy, girl = rng.normal(size=n), rng.integers(0, 2, n)
    guardian = rng.choice(["parent", "grandparents", "others"], n)
    away = np.where(guardian == "parent", 0, 2)
    y = 30 + 4 * shy + 2 * away + 3 * rng.normal(size=12)[classes] + 6 * rng.normal(size=n)
    stigma = 0.5 * shy + rng.normal(size=n)
    return pd.DataFrame({
        "y": y, "shy": shy, "girl": girl, "guardian": guardian, "stigma": stigma, "class": classes,
    })


def r2(frame: pd.DataFrame, columns: list[str]) -> float:
    x = pd.get_dummies(frame[columns], drop_first=True).astype(float).to_numpy()
    x = np.column_stack([np.ones(len(x)), x])
    residual = frame["y"] - x @ np.linalg.lstsq(x, frame["y"], rcond=None)[0]
    return 1 - residual.var() / frame["y"].var()


def test_every_order_is_plain_least_squares() -> None:
    frame = children()
    table = ecology.blockwise(frame, "y", BLOCKS).set_index("level")
    assert table.loc["individual", "first"] == pytest.approx(r2(frame, ["shy", "girl"]))
    assert table.loc["family", "delta_r2"] == pytest.approx(
        r2(frame, ["shy", "girl", "guardian"]) - r2(frame, ["shy", "girl"])
    )
    everything = r2(frame, ["shy", "girl", "guardian", "stigma"])
    assert table.loc["family", "last"] == pytest.approx(everything - r2(frame, ["shy", "girl", "stigma"]))
    assert table["delta_r2"].sum() == pytest.approx(everything)
    assert table["df_change"].tolist() == [2, 2, 1], "guardian's two dummies stay together"


def test_shares_are_the_mean_over_all_orders_and_sum_to_r2() -> None:
    frame = children()
    table = ecology.importance_by_level(frame, "y", BLOCKS).set_index("level")
    gains = dict.fromkeys(BLOCKS, 0.0)
    for order in permutations(BLOCKS):
        entered: list[str] = []
        for name in order:
            before = r2(frame, entered) if entered else 0
            entered += BLOCKS[name]
            gains[name] += (r2(frame, entered) - before) / 6
    assert table["lmg"].to_dict() == pytest.approx(gains)
    assert table["lmg"].sum() == pytest.approx(table["r2"].iloc[0])
    assert table["percent"].sum() == pytest.approx(100)


def test_single_predictors_sum_to_r2_too() -> None:
    predictors = ["shy", "girl", "guardian", "stigma"]
    table = ecology.importance(children(), "y", predictors)
    assert table["lmg"].sum() == pytest.approx(table["r2"].iloc[0])
    assert table["pratt"].sum() == pytest.approx(table["r2"].iloc[0])
    assert table.sort_values("rank")["predictor"].iloc[0] == "shy"
    rows = ecology.conditional_dominance(children(), "y", predictors)
    assert rows["predictor"].tolist() == predictors
    assert rows["lmg"].to_numpy() == pytest.approx(table["lmg"].to_numpy())
    assert rows["with_0"].to_numpy() == pytest.approx(table["first"].to_numpy())
    assert rows["with_3"].to_numpy() == pytest.approx(table["last"].to_numpy())


def test_a_level_that_gains_more_beside_every_set_of_others_dominates_completely() -> None:
    frame = children()
    table = ecology.conditional_dominance(frame, "y", BLOCKS).set_index("level")
    for level in ("family", "society"):
        rest = [other for other in ("family", "society") if other != level]
        ahead = all(r2(frame, [*BLOCKS["individual"], *set_]) > r2(frame, [*BLOCKS[level], *set_])
                    for set_ in ([], *(BLOCKS[other] for other in rest)))
        assert (level in table.loc["individual", "dominates"].split(", ")) == ahead
    assert table.loc["society", "dominates"] == ""


def test_missing_rows_are_left_out_of_every_block_and_counted() -> None:
    frame = children()
    frame.loc[:9, "stigma"] = np.nan
    table = ecology.blockwise(frame, "y", BLOCKS)
    assert table["n"].tolist() == [230] * 3
    assert table["left_out"].tolist() == [10] * 3
    assert table["r2"].iloc[0] == pytest.approx(r2(frame[10:], ["shy", "girl"]))


def test_resampling_by_elimination_is_resampling_by_hand() -> None:
    """One resample of rows, fitted directly, against the weighted cross-products."""
    frame = children(60)
    design = make_design(frame, "y", BLOCKS, None)
    counts = np.random.default_rng(3).multinomial(60, np.full(60, 1 / 60))
    by_weights = subset_r2(design.products().T @ counts[:, None].astype(float), [2, 2, 1])[:, 0]
    again = frame.loc[np.repeat(np.arange(60), counts)]
    assert by_weights[0] == pytest.approx(0, abs=1e-12)
    assert by_weights[0b011] == pytest.approx(r2(again, ["shy", "girl", "guardian"]))
    assert by_weights[0b111] == pytest.approx(r2(again, ["shy", "girl", "guardian", "stigma"]))


def test_a_column_that_dies_in_a_resample_adds_nothing() -> None:
    frame = children(60).assign(rare=0.0)
    frame.loc[7, "rare"] = 1
    products = make_design(frame, "y", {"a": ["shy"], "b": ["rare"]}, None).products()
    counts = np.ones((60, 1))
    counts[7] = 0
    found = subset_r2(products.T @ counts, [1, 1])[:, 0]
    assert found[0b11] == pytest.approx(found[0b01])
    assert shapley(found[:, None])[1, 0] == pytest.approx(0, abs=1e-12)


def test_intervals_hold_the_estimate_and_repeat() -> None:
    frame = children()
    one, two = (ecology.blockwise(frame, "y", BLOCKS, rng=np.random.default_rng(8), n_boot=300) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
    for key in ("r2", "delta_r2", "first", "last"):
        assert (one[f"{key}_low"] <= one[key]).all()
        assert (one[key] <= one[f"{key}_high"]).all()
    society = one.set_index("level").loc["society"]
    assert society["delta_r2_low"] == 0, "a level without contribution gets an interval from 0"
    plain = ecology.blockwise(frame, "y", BLOCKS, rng=np.random.default_rng(8), n_boot=300, interval="percentile")
    assert plain["delta_r2_low"].iloc[2] > 0


def test_whole_classes_are_resampled() -> None:
    """A predictor of classes: resampling children would pretend to know it far too well."""
    frame = children()
    frame["climate"] = np.random.default_rng(2).normal(size=12)[frame["class"]]
    frame["y"] += 3 * frame["climate"]
    blocks = {"individual": ["shy"], "school_community": ["climate"]}
    width = {}
    for cluster in (None, "class"):
        table = ecology.blockwise(frame, "y", blocks, cluster, np.random.default_rng(4), 400).set_index("level")
        row = table.loc["school_community"]
        width[cluster] = row["delta_r2_high"] - row["delta_r2_low"]
    assert width["class"] > 1.5 * width[None]
    assert row["clusters"] == 12
    assert row["p_cluster"] > row["p_change"]


def test_the_cluster_robust_test_is_that_of_statsmodels_rescaled() -> None:
    import statsmodels.api as sm

    frame = children()
    table = ecology.blockwise(frame, "y", {"a": ["shy"], "b": ["girl", "stigma"]}, "class").set_index("level")
    fit = sm.OLS(frame["y"], sm.add_constant(frame[["shy", "girl", "stigma"]])).fit(
        cov_type="cluster", cov_kwds={"groups": frame["class"], "df_correction": True}, use_t=True
    )
    wald = fit.f_test("girl = 0, stigma = 0")
    assert table.loc["b", "F_cluster"] == pytest.approx(float(wald.fvalue) * (12 - 2) / (12 - 1))
    ours = ecology.standardised(frame, "y", ["shy", "girl", "stigma"], "class")
    assert ours["se"].to_numpy() == pytest.approx(fit.bse.to_numpy()[1:])
    assert ours["p"].to_numpy() == pytest.approx(fit.pvalues.to_numpy()[1:])
    assert set(ours["df"]) == {11}


def test_each_level_becomes_a_result() -> None:
    frame = children()
    table = ecology.blockwise(frame, "y", BLOCKS, rng=np.random.default_rng(8), n_boot=200)
    found = ecology.blockwise_results(table)
    assert list(found) == list(BLOCKS)
    family = found["family"]
    assert family.estimate.value == table["delta_r2"][1]
    assert family.estimate.ci == (table["delta_r2_low"][1], table["delta_r2_high"][1])
    assert family.test.name == "F change"
    assert family.test.df == (2, 240 - 5)
    assert family.n == {"all": 240}
    assert family.extra["last"] == table["last"][1]
    clustered = ecology.blockwise_results(ecology.blockwise(frame, "y", BLOCKS, "class"))["family"]
    assert clustered.test.name == "F change (cluster-robust)"
    assert clustered.test.df == (2, 10)
    assert clustered.n == {"all": 240, "clusters": 12}
    assert clustered.estimate.ci is None
    by_level = ecology.importance_by_level(frame, "y", BLOCKS, rng=np.random.default_rng(1), n_boot=200)
    share = ecology.share_results(by_level)
    assert sum(result.effect.value for result in share.values()) == pytest.approx(1)
    assert share["family"].effect.ci[1] <= 1


def test_a_town_with_too_few_children_is_told_why_at_every_place() -> None:
    """One attempt feeds a table, a figure and findings; none of them stops the notebook."""
    none = views.attempt(ecology.blockwise, children()[:5], "y", BLOCKS)
    reason = "5 complete rows are too few for 4 coefficients"
    for show in (views.known, views.entries, lambda table: views.columns(table, views.BLOCKS)):
        with pytest.raises(NotEstimableError, match=reason):
            show(none)
    found = views.results(ecology.blockwise_results, none, BLOCKS)
    assert {name: (result.estimate, result.reason) for name, result in found.items()} == dict.fromkeys(
        BLOCKS, (None, reason))
    table = views.attempt(ecology.blockwise, children(), "y", BLOCKS, None, np.random.default_rng(1), 50)
    assert views.known(table) is table
    alike = views.results(ecology.blockwise_results, table, BLOCKS)
    assert alike == ecology.blockwise_results(table)
    assert len(views.entries(table)) == 3 * len(BLOCKS)


def test_without_enough_clusters_there_is_no_robust_test() -> None:
    frame = children().assign(school=lambda d: d["class"] // 6)
    table = ecology.blockwise(frame, "y", BLOCKS, "school")
    assert table["F_cluster"].isna().tolist() == [True, True, False]
    assert ecology.blockwise_results(table)["family"].test is None


def test_variance_inflation_of_dummies_is_generalised() -> None:
    frame = children()
    table = ecology.vif(frame, ["shy", "stigma", "guardian"]).set_index("predictor")
    r = np.corrcoef(frame["shy"], frame["stigma"])[0, 1]
    assert ecology.vif(frame, ["shy", "stigma"])["vif"].tolist() == pytest.approx([1 / (1 - r**2)] * 2)
    assert table.loc["guardian", "df"] == 2
    assert table.loc["guardian", "vif_per_df"] == pytest.approx(table.loc["guardian", "vif"] ** 0.5)
    assert ecology.vif(frame, ["shy"])["vif"].tolist() == pytest.approx([1])


@pytest.mark.parametrize(("change", "reason"), [
    (lambda d: d.assign(girl=1), "'girl' does not vary among the 240 complete rows"),
    (lambda d: d.assign(guardian="parent"), "'guardian' does not vary"),
    (lambda d: d.assign(stigma=2 * d["shy"] + d["girl"]), "'stigma' is a combination"),
    (lambda d: d.assign(y=1.0), "'y' does not vary"),
    (lambda d: d.assign(y=d["shy"] - d["girl"]), "determine 'y' completely"),
    (lambda d: d.assign(y="high"), "'y' is not a number"),
    (lambda d: d.assign(shy=np.where(d.index == 3, np.inf, d["shy"])), "infinite"),
    (lambda d: d[:5], "5 complete rows are too few for"),
    (lambda d: d.drop(columns="stigma"), "no column named stigma"),
])
def test_what_cannot_be_estimated_says_why(change: object, reason: str) -> None:
    with pytest.raises(NotEstimableError, match=reason):
        ecology.blockwise(change(children()), "y", BLOCKS)


def test_blocks_must_make_sense() -> None:
    frame = children()
    with pytest.raises(NotEstimableError, match="named twice: shy"):
        ecology.blockwise(frame, "y", {"a": ["shy"], "b": ["shy"]})
    with pytest.raises(NotEstimableError, match="no predictors for b"):
        ecology.blockwise(frame, "y", {"a": ["shy"], "b": []})
    many = {f"x{i}": np.random.default_rng(i).normal(size=240) for i in range(25)}
    with pytest.raises(NotEstimableError, match="at most 24"):
        ecology.importance(frame.assign(**many), "y", list(many))
    with pytest.raises(NotEstimableError, match="at least two clusters"):
        ecology.blockwise(frame.assign(one=1), "y", BLOCKS, "one", np.random.default_rng(1))
    with pytest.raises(NotEstimableError, match="at least two clusters"):
        ecology.standardised(frame.assign(one=1), "y", ["shy"], "one")


def test_influence_is_leaving_children_out_and_names_none() -> None:
    frame = children()
    frame.loc[17, ["y", "shy"]] = [90, 4]
    table = influence(frame, "y", ["shy", "guardian"])
    rows = table.set_index("term")

    def slope(part: pd.DataFrame) -> float:
        x = np.column_stack([np.ones(len(part)), part["shy"], pd.get_dummies(part["guardian"])[["others", "parent"]]])
        return float(np.linalg.lstsq(x.astype(float), part["y"], rcond=None)[0][1])

    assert rows.loc["shy", "b"] == pytest.approx(slope(frame))
    assert rows["dfbetas"].idxmax() == "shy"
    assert rows.loc["shy", "without"] < rows.loc["shy", "b"]
    assert rows.loc["n", "b"] == 240
    assert 220 < rows.loc["n", "without"] < 240
    assert rows.loc["largest Cook's distance", "b"] > 4 / 240
    assert len(table) == 3 + 3, "three coefficients, three rows below, no child"
    only = frame.assign(guardian=np.where(frame.index == 3, "lone", frame["guardian"]))
    with pytest.raises(NotEstimableError, match="single member"):
        influence(only, "y", ["shy", "guardian"])
    with pytest.raises(NotEstimableError, match="'girl' does not vary"):
        influence(frame.assign(girl=1), "y", ["girl"])


def test_classes_resampled_by_elimination_are_classes_resampled_by_hand() -> None:
    frame = children(60)
    products = make_design(frame, "y", BLOCKS, "class").products()
    counts = np.random.default_rng(3).multinomial(12, np.full(12, 1 / 12))
    by_weights = subset_r2(products.T @ counts[:, None].astype(float), [2, 2, 1])[:, 0]
    again = frame.loc[np.repeat(np.arange(60), counts[frame["class"]])]
    assert by_weights[0b001] == pytest.approx(r2(again, ["shy", "girl"]))
    assert by_weights[0b111] == pytest.approx(r2(again, ["shy", "girl", "guardian", "stigma"]))


def test_the_condition_number_grows_as_predictors_go_together() -> None:
    frame = children()
    near = frame.assign(stigma=frame["shy"] + 0.05 * frame["stigma"])
    apart, close = (ecology.vif(d, ["shy", "stigma"])["condition_number"].iloc[0] for d in (frame, near))
    r = np.corrcoef(frame["shy"], frame["stigma"])[0, 1]
    assert apart == pytest.approx(np.sqrt((1 + r) / (1 - r)))
    assert close > 10 > apart


def test_hc3_and_vif_refuse_what_they_cannot_know() -> None:
    frame = children()
    lone = frame.assign(rare=(frame.index == 0).astype(float))
    with pytest.raises(NotEstimableError, match="single member"):
        ecology.standardised(lone, "y", ["shy", "rare"])
    with pytest.raises(NotEstimableError, match="combination of the others"):
        ecology.vif(frame.assign(twice=frame["shy"] * 2), ["shy", "twice"])
    with pytest.raises(NotEstimableError, match="does not vary"):
        ecology.vif(frame.assign(girl=1), ["shy", "girl"])
