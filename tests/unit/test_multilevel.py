"""Within and between classes, R2 by level, random slopes: against least squares and dense likelihoods."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lbc.analysis.levels import centred, r2_by_level, within_between
from lbc.analysis.regression import linear
from lbc.analysis.slopes import random_slopes, slope_differences
from lbc.errors import NotEstimableError


def children(classes: int = 20, size: int = 15, slope_sd: float = 1.0, seed: int = 4) -> pd.DataFrame:
    """Within slope 1, between slope 3; classes differ, and so may the slope."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(classes), size)
    climate = rng.normal(size=classes)[g]
    x = climate + rng.normal(size=g.size)
    own = x - pd.Series(x).groupby(g).transform("mean").to_numpy()
    mean = x - own
    slope = 1 + slope_sd * rng.normal(size=classes)[g]
    y = 10 + slope * own + 3 * mean + rng.normal(size=classes)[g] + 2 * rng.normal(size=g.size)
    away = rng.choice(["both", "mother", "neither"], g.size)
    return pd.DataFrame({"y": y, "x": x, "away": away, "climate": climate, "class": g})


def with_intercept(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"(Intercept)": 1.0, **columns})


def test_within_is_least_squares_with_a_dummy_for_each_class() -> None:
    frame = children()
    row = within_between(frame, "y", ["x"], "class").iloc[0]
    dummies = pd.get_dummies(frame["class"], dtype=float).assign(x=frame["x"])
    fixed = linear(frame["y"], dummies, "classic").coefficient("x")
    assert row["within"] == pytest.approx(fixed.value)
    assert (row["within_low"], row["within_high"]) == pytest.approx((fixed.low, fixed.high), rel=1e-6)
    assert row["within_df"] == pytest.approx(fixed.df, rel=1e-6)


def test_between_is_the_regression_of_class_means_on_as_many_cases_as_classes() -> None:
    frame = children()
    row = within_between(frame, "y", ["x"], "class").iloc[0]
    means = frame.groupby("class")[["y", "x"]].mean()
    alone = linear(means["y"], with_intercept(x=means["x"].to_numpy()), "classic").coefficient("x")
    assert row["between"] == pytest.approx(alone.value)
    assert (row["between_df"], row["clusters"], row["n"]) == (18, 20, 300)
    assert (row["between_t"], row["between_p"]) == pytest.approx((alone.t, alone.p))
    assert row["difference"] == pytest.approx(row["between"] - row["within"])
    assert row["difference_p"] < 0.01, "3 between classes, 1 within"


def test_text_becomes_shares_of_a_class_and_a_variable_of_classes_has_no_within() -> None:
    table = within_between(children(), "y", ["x", "climate", "away"], "class").set_index("term")
    assert list(table.index) == ["x", "away: mother", "away: neither", "climate"]
    assert np.isnan(table.loc["climate", "within"])
    assert table.loc["climate", "between_df"] == 20 - 1 - 4
    assert np.isnan(table.loc["climate", "difference"])


def test_too_many_class_means_enter_one_by_one_and_too_few_classes_have_none() -> None:
    frame = children(12)
    alone = within_between(frame, "y", ["x"], "class").iloc[0]
    one_by_one = within_between(frame, "y", ["x", "climate", "away"], "class").set_index("term")
    assert one_by_one.loc["x", "between_df"] == alone["between_df"] == 10
    assert one_by_one.loc["x", "between"] == pytest.approx(alone["between"])
    few = within_between(children(9), "y", ["x"], "class").iloc[0]
    assert few[["between", "between_p", "difference"]].isna().all()
    assert few["within_p"] < 0.05


def test_the_parts_of_r2_are_those_of_the_variance() -> None:
    frame = children(60, 30, slope_sd=0)
    found = r2_by_level(frame, "y", ["x"], "class", np.random.default_rng(1), 200)
    value = {name: result.estimate.value for name, result in found.items()}
    parts = centred(frame, "y", ["x"], "class")
    within = parts.within["x"].var()
    assert value["r2_within"] == pytest.approx(within / (within + 4), abs=0.03)
    between = 9 * parts.between["x"].var()
    assert value["r2_between"] == pytest.approx(between / (between + 1), abs=0.06)
    assert value["r2_marginal"] < value["r2_conditional"] < 1
    low, high = found["r2_within"].estimate.ci
    assert low < value["r2_within"] < high
    assert found["r2_within"].n == {"all": 1800, "clusters": 60}
    again = r2_by_level(frame, "y", ["x"], "class", np.random.default_rng(1), 200)
    assert again["r2_within"] == found["r2_within"]


def test_r2_between_says_why_it_is_not_there() -> None:
    few = r2_by_level(children(9), "y", ["x"], "class")["r2_between"]
    assert few.estimate is None
    assert few.reason["en"] == "9 classes are too few for 1 class means together: it would take 10"
    frame = children()
    alike = frame.assign(y=np.random.default_rng(1).permutation(frame["y"]))
    assert "could be told from chance" in r2_by_level(alike, "y", ["x"], "class")["r2_between"].reason["en"]


def dense(frame: pd.DataFrame, x: np.ndarray, psi: np.ndarray, sigma2: float, reml: bool) -> float:
    """The log-likelihood from the whole covariance matrix."""
    z = np.column_stack([np.ones(len(frame)), frame["x"]])
    same = frame["class"].to_numpy()[:, None] == frame["class"].to_numpy()
    v = same * (z @ psi @ z.T) + sigma2 * np.eye(len(frame))
    inverse = np.linalg.inv(v)
    a = x.T @ inverse @ x
    rest = frame["y"].to_numpy() - x @ np.linalg.solve(a, x.T @ inverse @ frame["y"].to_numpy())
    value = np.linalg.slogdet(v)[1] + rest @ inverse @ rest + len(x) * np.log(2 * np.pi)
    if reml:
        value += np.linalg.slogdet(a)[1] - x.shape[1] * np.log(2 * np.pi)
    return -value / 2


@pytest.mark.parametrize("reml", [True, False])
def test_random_slopes_stand_on_the_top_of_the_likelihood(reml: bool) -> None:
    frame = children(24, 8)
    x = with_intercept(x=frame["x"])
    found = random_slopes(frame["y"], x, ["x"], frame["class"], reml)
    psi, sigma2 = found.covariance.to_numpy(), found.var_residual
    assert dense(frame, x.to_numpy(), psi, sigma2, reml) == pytest.approx(found.log_lik, abs=1e-6)
    assert (found.n, found.n_groups, found.singular) == (192, 24, False)
    assert found.aic == pytest.approx(2 * 6 - 2 * found.log_lik)
    for k, move in enumerate(np.eye(4) * 0.02):
        for sign in (1, -1):
            other = psi + sign * np.array([[move[0], move[1]], [move[1], move[2]]])
            value = dense(frame, x.to_numpy(), other, sigma2 + sign * move[3], reml)
            assert value < found.log_lik, k


def test_satterthwaite_of_a_random_slope_is_about_the_number_of_classes() -> None:
    frame = children(30, 10, slope_sd=3)
    own = frame["x"] - frame.groupby("class")["x"].transform("mean")
    fixed = random_slopes(frame["y"], with_intercept(own=own), ["own"], frame["class"]).fixed.set_index("term")
    assert 24 < fixed.loc["own", "df"] < 32


def test_units_do_not_matter_and_two_slopes_can_be_random() -> None:
    frame = children(25, 12).assign(z=lambda d: np.random.default_rng(3).normal(size=len(d)))
    one = random_slopes(frame["y"], with_intercept(x=frame["x"], z=frame["z"]), ["x", "z"], frame["class"])
    far = with_intercept(x=1000 * frame["x"], z=frame["z"] / 50)
    other = random_slopes(10 * frame["y"] + 5000, far, ["x", "z"], frame["class"])
    assert one.covariance.shape == (3, 3)
    assert other.fixed["t"].to_numpy()[1:] == pytest.approx(one.fixed["t"].to_numpy()[1:], rel=1e-4)
    assert other.fixed["df"].to_numpy()[1:] == pytest.approx(one.fixed["df"].to_numpy()[1:], rel=1e-2)


def test_slopes_that_do_not_differ_are_found_alike() -> None:
    frame = children(20, 15, slope_sd=2).assign(z=lambda d: np.random.default_rng(3).normal(size=len(d)))
    table = slope_differences(frame, "y", ["x", "z", "away"], "class").set_index("predictor")
    assert list(table.index) == ["x", "z"], "text has no one slope"
    assert table.loc["x", "p_holm"] < 0.001
    assert table.loc["z", "p"] > 0.05
    assert table.loc["x", "slope_sd"] == pytest.approx(2, abs=0.8)
    chi2 = table.loc["x", "chi2"]
    assert table.loc["x", "p"] == pytest.approx((stats.chi2.sf(chi2, 1) + stats.chi2.sf(chi2, 2)) / 2)


def test_no_variance_of_slopes_is_said_and_harms_nothing() -> None:
    frame = children(20, 15, slope_sd=0, seed=8)
    found = random_slopes(frame["y"], with_intercept(x=frame["x"]), ["x"], frame["class"])
    assert np.isfinite(found.fixed.drop(columns="term").to_numpy()).all()
    assert np.linalg.eigvalsh(found.covariance).min() >= -1e-9


@pytest.mark.parametrize(("compute", "reason"), [
    (lambda d: within_between(d, "y", ["x"], None), "did not ask for the children's classes"),
    (lambda d: within_between(d, "y", ["x"], "school"), "did not ask for the children's classes"),
    (lambda d: within_between(d.assign(x=1.0), "y", ["x"], "class"), "'x' does not vary"),
    (lambda d: within_between(d.assign(**{"class": 1}), "y", ["x"], "class"), r"1 group\(s\)"),
    (lambda d: within_between(d[:2], "y", ["x"], "class"), "group"),
    (lambda d: r2_by_level(d.assign(y=np.nan), "y", ["x"], "class"), "does not vary among the complete rows"),
    (lambda d: random_slopes(d["y"], with_intercept(x=d["x"]), [], d["class"]), "one to 3"),
    (lambda d: random_slopes(d["y"][:30], with_intercept(x=d["x"][:30]), ["x"], np.arange(30) // 2),
     "30 rows are too few for 2 deviations of 15 groups each"),
    (lambda d: random_slopes(d["y"], with_intercept(x=d["x"]), ["x"], np.ones(len(d))), "1 group"),
    (lambda d: slope_differences(d, "y", ["away"], "class"), "for no predictor"),
])
def test_what_cannot_be_estimated_says_why(compute: Callable[[pd.DataFrame], object], reason: str) -> None:
    with pytest.raises(NotEstimableError, match=reason):
        compute(children())
