"""Rubin's rules, D1, and what is pooled for notebook 03."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pandas as pd
import pytest

from lbc.analysis import ecology, pooled_levels, pooling, regression
from lbc.analysis.pooling import d1, rubin, rubin_r2
from lbc.errors import NotEstimableError

BLOCKS = {"individual": ["a", "b"], "family": ["c", "kind"]}
NAMES = ["a", "b", "c", "kind"]
LISTED = pd.DataFrame({"name": NAMES, "level": ["individual", "individual", "family", "family"]})


def complete(n: int = 160, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    room = rng.integers(0, 10, n)
    x = rng.normal(size=(n, 3))
    kind = rng.choice(["no", "one", "two"], n)
    y = 0.5 * x[:, 0] + 0.3 * x[:, 2] + 0.4 * (kind == "two") + rng.normal(size=n) + 0.3 * rng.normal(size=10)[room]
    return pd.DataFrame(x, columns=["a", "b", "c"]).assign(kind=kind, y=y, room=[f"R{k}" for k in room])


def copies(m: int = 3, noise: float = 0.0) -> pd.DataFrame:
    """m completed sets: the same, or with some values of `a` drawn anew in each."""
    rng, parts = np.random.default_rng(2), []
    for k in range(1, m + 1):
        part = complete()
        part.loc[:39, "a"] += noise * rng.normal(size=40)
        parts.append(part.assign(imputation=k))
    return pd.concat(parts, ignore_index=True)


def test_rubin_without_variance_between_imputations_is_the_complete_analysis() -> None:
    pooled = rubin([2.0, 2.0, 2.0], [0.25, 0.25, 0.25], df_complete=38, name="mean difference", unit="points")
    assert pooled.extra["se"] == 0.5
    assert pooled.test.df == pytest.approx(39 / 41 * 38)
    assert (pooled.estimate.name, pooled.estimate.unit) == ("mean difference", "points")
    unlimited = rubin([2.0, 2.0], [0.25, 0.25])
    assert math.isinf(unlimited.test.df)
    assert unlimited.estimate.ci[1] == pytest.approx(2 + 1.959964 * 0.5)


@pytest.mark.parametrize(
    ("estimates", "variances"),
    [([1.0], [1.0]), ([1.0, math.nan], [1.0, 1.0]), ([1.0, 2.0], [1.0, 0.0]), ([1.0, 2.0], [1.0])],
)
def test_rubin_refuses(estimates: list[float], variances: list[float]) -> None:
    with pytest.raises(NotEstimableError, match="pooling needs"):
        rubin(estimates, variances)


def test_pooled_r2_stays_between_0_and_1() -> None:
    pooled = rubin_r2([0.0, 0.01, 0.02], n=30)
    low, high = pooled.estimate.ci
    assert low == 0
    assert 0 < pooled.estimate.value < high < 1
    with pytest.raises(NotEstimableError, match="below 1"):
        rubin_r2([0.2, 1.0], n=30)


def test_d1_of_one_coefficient_is_the_square_of_rubins_t() -> None:
    q, u = np.array([1.0, 1.3, 0.9, 1.2]), np.array([0.2, 0.22, 0.19, 0.21])
    assert d1(q[:, None], u[:, None, None]).test.statistic == pytest.approx(rubin(q, u).test.statistic ** 2)


def test_d1_of_few_sets_claims_no_more_degrees_of_freedom_than_the_complete_data() -> None:
    q = np.array([[1.0, 0.5], [1.1, 0.5], [1.0, 0.6]])
    assert d1(q, np.stack([np.eye(2)] * 3), 7).test.df == (2, 7)


def test_d1_without_variance_between_sets_is_the_ordinary_f() -> None:
    part = complete()
    fit = regression.linear(part["y"], regression.design(part, NAMES), "classic")
    found = d1(np.stack([fit.coef[1:]] * 5), np.stack([fit.vcov[1:, 1:]] * 5), part.shape[0] - 6)
    ordinary = fit.coef[1:] @ np.linalg.solve(fit.vcov[1:, 1:], fit.coef[1:]) / 5
    assert found.test.statistic == pytest.approx(ordinary)
    assert found.estimate.value < 1e-9
    assert found.test.df[0] == 5


@pytest.mark.parametrize(("q", "u", "df", "reason"), [
    (np.ones((1, 2)), np.eye(2)[None], math.inf, "two or more data sets"),
    (np.ones((3, 2)), np.ones((3, 2, 2)), math.inf, "can be inverted"),
    (np.ones((5, 2)), np.stack([np.eye(2)] * 5), 3, "too few degrees of freedom"),
])
def test_d1_refuses(q: np.ndarray, u: np.ndarray, df: float, reason: str) -> None:
    with pytest.raises(NotEstimableError, match=reason):
        d1(q, u, df)


def test_equal_sets_give_the_analysis_of_one() -> None:
    part, same = complete(), copies()
    table = pooling.coefficients(same, "y", NAMES, "room")
    alone = regression.cluster_robust(part["y"], regression.design(part, NAMES), part["room"].tolist())
    assert table["term"].tolist() == ["a", "b", "c", "kind: one", "kind: two"]
    assert table["b"].tolist() == pytest.approx(alone.coef[1:])
    assert table["t"].tolist() == pytest.approx(alone.coef[1:] / alone.se[1:])
    assert (table["df"] < alone.df[1:]).all(), "Barnard and Rubin never give more than the complete data have"
    assert table["fmi"].max() < 1e-9
    assert table["beta"][0] == pytest.approx(alone.coef[1] * part["a"].std() / part["y"].std())
    whole = pooling.explained(same, "y", NAMES)
    assert whole.estimate.value == pytest.approx(alone.r2)
    one = ecology.blockwise(part, "y", BLOCKS, "room")
    many = pooled_levels.blockwise(same, "y", BLOCKS, "room", np.random.default_rng(1), 50)
    for name in ("r2", "delta_r2", "first", "last"):
        assert many[name].tolist() == pytest.approx(one[name].tolist())
    assert many["F_cluster"].tolist() == pytest.approx(one["F_cluster"].tolist())


def test_uncertain_values_widen_intervals_and_cost_information() -> None:
    sure, unsure = copies(5), copies(5, noise=2.0)
    a, b = (pooling.coefficients(table, "y", NAMES).set_index("term").loc["a"] for table in (sure, unsure))
    assert b["fmi"] > 0.02 > a["fmi"]
    assert b["df"] < a["df"]
    r, s = (pooling.correlation(table, "y", ["a"], "room").estimate for table in (sure, unsure))
    assert abs(s.value) < abs(r.value)


def test_parts_of_r2_add_up_and_stay_in_bounds() -> None:
    table = copies(4, noise=1.5)
    rng = np.random.default_rng(1)
    blocks = pooled_levels.blockwise(table, "y", BLOCKS, "room", rng, 100)
    shares = pooled_levels.importance_by_level(table, "y", BLOCKS, "room", rng, 100)
    each = pooled_levels.importance(table, "y", LISTED, "room")
    assert blocks["delta_r2"].sum() == pytest.approx(blocks["r2"].iloc[-1])
    assert shares["lmg"].sum() == pytest.approx(blocks["r2"].iloc[-1])
    assert each["share"].sum() == pytest.approx(blocks["r2"].iloc[-1])
    assert shares["percent"].sum() == pytest.approx(100)
    for t, keys in ((blocks, ("r2", "delta_r2", "first", "last")), (shares, ("lmg",))):
        for key in keys:
            assert ((t[f"{key}_low"] >= 0) & (t[f"{key}_low"] <= t[key]) & (t[key] <= t[f"{key}_high"])).all()
    assert (each["ci_low"] <= each["share"]).all()
    assert (each["share"] <= each["ci_high"]).all()
    results = pooled_levels.blockwise_results(blocks)
    assert pooled_levels.share_results(shares)["family"].method.endswith("pooled over 4 imputed data sets")
    assert results["family"].method.endswith("pooled over 4 imputed data sets")
    assert results["family"].n == {"all": 160, "clusters": 10}
    again = pooled_levels.blockwise(table, "y", BLOCKS, "room", np.random.default_rng(1), 100)
    pd.testing.assert_frame_equal(blocks, again)


def test_limits_of_equal_symmetric_intervals_are_rubins() -> None:
    q, half, m = np.array([0.30, 0.34, 0.32]), 0.1, 3
    tables = iter(pd.DataFrame({"lmg": [x], "lmg_low": [x - half], "lmg_high": [x + half], "confidence": 0.95}) for x in q)
    found = pooled_levels._pool(copies(m), lambda part: next(tables)).iloc[0]
    pooled = rubin(q, np.full(m, (half / 1.959963985) ** 2))
    width = 1.959963985 * pooled.extra["se"]
    assert (found["lmg_low"], found["lmg_high"]) == pytest.approx((q.mean() - width, q.mean() + width))


def test_without_classes_children_are_independent() -> None:
    table = copies(3, noise=1.0)
    blocks = pooled_levels.blockwise(table, "y", BLOCKS, None, np.random.default_rng(1), 50)
    assert {"F_change", "df_residual", "p_change"} <= set(blocks)
    assert "clusters" not in blocks
    result = ecology.blockwise_results(blocks)["family"]
    assert result.test.name == "F change"
    assert pooled_levels.importance(table, "y", LISTED)["share"].sum() == pytest.approx(blocks["r2"].iloc[-1])
    r = pooling.correlation(table, "y", ["b"])
    assert r.n == {"all": 160}


def test_a_correlation_is_that_of_the_mean_of_standardised_predictors() -> None:
    part, same = complete(), copies()
    z = (part[["a", "c"]] - part[["a", "c"]].mean()) / part[["a", "c"]].std()
    found = pooling.correlation(same, "y", ["a", "c"], "room")
    assert found.estimate.value == pytest.approx(z.mean(axis=1).corr(part["y"]))
    assert found.test.df < 9


def test_a_jackknifed_correlation_is_that_of_leaving_classes_out() -> None:
    part = complete()
    z = [np.arctanh(part[part["room"] != room]["a"].corr(part[part["room"] != room]["y"])) for room in part["room"].unique()]
    found = pooling.correlation(copies(), "y", ["a"], "room")
    assert found.extra["within"] == pytest.approx(9 / 10 * ((np.array(z) - np.mean(z)) ** 2).sum())


def test_two_groups_is_welchs_difference() -> None:
    table = copies().assign(half=lambda t: (t["a"] > 0).astype(float))
    found = pooling.two_groups(table, "y", "half")
    part = complete()
    one, two = part.loc[part["a"] <= 0, "y"], part.loc[part["a"] > 0, "y"]
    assert found.estimate.value == pytest.approx(two.mean() - one.mean())
    assert found.extra["se"] ** 2 == pytest.approx(one.var() / len(one) + two.var() / len(two))


def test_complete_cases_stand_below_the_pooled_row() -> None:
    table, frame = copies(3, noise=1.0), complete()
    pooled = pooled_levels.blockwise(table, "y", BLOCKS, "room", np.random.default_rng(1), 50)
    alone = ecology.blockwise(frame[:100], "y", BLOCKS, "room", np.random.default_rng(1), 50)
    both = pooled_levels.beside(pooled, alone, ("delta_r2", "last"))
    assert both.columns.tolist() == ["level", "sample", "delta_r2", "delta_r2_low", "delta_r2_high", "last", "last_low",
                                     "last_high", "n"]
    assert both["level"].tolist() == ["individual", "individual", "family", "family"]
    assert both["sample"].tolist() == ["imputed", "complete cases"] * 2
    assert both["n"].tolist() == [160, 100] * 2
    assert pooled_levels.beside(pooled, NotEstimableError("too few"), ["first"])["n"].tolist() == [160, 160]


def test_whether_there_were_enough_imputations() -> None:
    table, frame = copies(3, noise=1.0), complete()
    frame.loc[:39, "a"] = np.nan
    row = pooling.enough(table, frame, pd.DataFrame({"fmi": [0.1, 0.3]})).iloc[0]
    assert row[["n", "complete", "imputations", "by_share", "by_fmi"]].tolist() == [160, 120, 3, 25, 94]
    many = pd.concat([table.assign(imputation=k) for k in range(1000)])
    assert pooling.enough(many, frame, pd.DataFrame({"fmi": [0.3]}))["by_fmi"].item() in range(19, 25)
    assert row["incomplete"] == pytest.approx(0.25)


@pytest.mark.parametrize(("call", "reason"), [
    (lambda: pooling.sets(NotEstimableError("c has too few answers")), "c has too few answers"),
    (lambda: pooling.sets(pooling.kept(NotEstimableError("c has too few answers"))), "c has too few answers"),
    (lambda: pooled_levels.beside(NotEstimableError("a is constant"), complete(), ["lmg"]), "a is constant"),
    (lambda: pooling.enough(copies(), complete(), NotEstimableError("a is constant")), "a is constant"),
    (lambda: pooling.sets(complete().assign(imputation=1)), "two or more completed"),
    (lambda: pooling.two_groups(copies().assign(g=1.0), "y", "g"), "groups of 0 and 160 children"),
    (lambda: pooling.coefficients(copies().assign(room="A"), "y", NAMES, "room"), "all children are in one cluster"),
    (lambda: pooling.coefficients(copies().assign(a=1.0), "y", NAMES, "room"), "'a' does not vary"),
    (lambda: pooling.coefficients(copies().groupby("imputation").head(4), "y", NAMES), "too few|does not vary"),
    (lambda: pooling.correlation(copies(), "y", ["kind"], "room"), "no numbers in kind"),
    (lambda: pooling.correlation(copies(), "y", []), "no predictor"),
    (lambda: pooling.correlation(copies().assign(a=1.0), "y", ["a"]), "does not vary"),
    (lambda: pooling.correlation(copies().assign(room="A"), "y", ["a"], "room"), "at least three classes"),
    (lambda: pooling.correlation(copies().groupby("imputation").head(3), "y", ["a"]), "at least four"),
])
def test_what_cannot_be_pooled_says_why(call: object, reason: str) -> None:
    with pytest.raises(NotEstimableError, match=reason):
        call()


def test_a_block_with_more_terms_than_classes_has_no_pooled_test() -> None:
    table = copies(5, noise=1.0)
    table["room"] = table["room"].map(lambda room: "A" if room < "R3" else "B" if room < "R6" else "C")
    blocks = pooled_levels.blockwise(table, "y", BLOCKS, "room", np.random.default_rng(1), 50)
    assert blocks["p_cluster"].isna().all()
    assert ecology.blockwise_results(blocks)["family"].test is None


def test_examples_in_docstrings() -> None:
    outcome = doctest.testmod(pooling)
    assert outcome.attempted
    assert not outcome.failed


@pytest.mark.parametrize("df", [0, -3])
def test_d1_needs_more_classes_than_coefficients(df: float) -> None:
    with pytest.raises(NotEstimableError, match="no more classes"):
        pooling.d1(np.ones((3, 2)), np.array([np.eye(2)] * 3), df)
