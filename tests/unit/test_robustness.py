"""E-value, robustness value and cut-off curve: published numbers, other programs' numbers, and wrong use."""

from __future__ import annotations

import doctest
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lbc.analysis import adjustment, robustness
from lbc.errors import NotEstimableError
from lbc.params import Group
from lbc.results import Estimate

GROUP = Group(variable="left", reference="0", focal="1")
COVARIATES = ["age", "girl", "school"]


def town(seed: int = 1, classes: int = 12, size: int = 25, effect: float = 3.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = classes * size
    room, age, girl = np.repeat(np.arange(classes), size), rng.normal(10, 1, n), rng.integers(0, 2, n)
    left = (rng.random(n) < 1 / (1 + np.exp(10 - age))).astype(float)
    score = np.round(32 + effect * left + 2 * (age - 10) + rng.normal(0, 2, classes)[room] + rng.normal(0, 8, n))
    return pd.DataFrame({"class": [f"G{i}" for i in room], "school": [f"S{i % 3}" for i in room], "age": age,
                         "girl": girl, "left": left, "score": np.clip(score, 16, 80)})


def test_examples_in_docstrings() -> None:
    outcome = doctest.testmod(robustness)
    assert (outcome.failed, outcome.attempted > 0) == (0, True)


# --- E-value ---


@pytest.mark.parametrize(("ratio", "expected"), [
    (3.9, "7.26"), (1.8, "3.00"),  # VanderWeele & Ding 2017: breastfeeding and death from infection, and its limit
    (10.73, "20.94777"), (8.02, "15.52336"),  # R EValue, vignette: smoking and lung cancer (Hammond & Horn 1958)
    (0.80, "1.81"), (0.91, "1.43"),  # VanderWeele & Ding 2017: a ratio below 1, and its limit
])
def test_published_e_values(ratio: float, expected: str) -> None:
    assert f"{robustness.e_value(ratio):.{len(expected.partition('.')[2])}f}" == expected


def test_e_values_of_a_standardised_difference_are_those_of_r() -> None:
    """R EValue: evalues.MD(.5, se = .2) gives 2.529142 and 1.443030; evalues.OLS(1.2, .4, sd = 3) 2.233971, 1.526541."""
    for d, se, expected in ((0.5, 0.2, (2.52914198186127, 1.44302956344269)),
                            (0.4, 0.4 / 3, (2.23397067263333, 1.52654088731104))):
        half = 1.78 / 0.91 * se
        for sign in (1, -1):
            interval = tuple(sorted((sign * (d - half), sign * (d + half))))
            assert robustness.e_values(Estimate("d", sign * d, interval)) == pytest.approx(expected)


def test_the_limit_s_e_value_is_one_where_the_interval_covers_zero() -> None:
    assert robustness.e_values(Estimate("d", 0.2, (-0.1, 0.5)))[1] == 1
    assert robustness.e_values(Estimate("d", 0.0, (-0.1, 0.1))) == (1, 1)
    assert robustness.e_values(Estimate("d", 0.2, (0.0, 0.4)))[1] == 1


# --- robustness value ---


def critical(df: int, alpha: float = 0.05) -> float:
    """Half-width of sensemakr's interval after a confounder has taken one df."""
    return float(stats.t.isf(alpha / 2, df - 1) * np.sqrt(df / (df - 1)))


@pytest.mark.parametrize(("t", "df", "q1", "q1_alpha"), [
    (4.18445, 783, 0.138776, 0.07625797),  # Cinelli & Hazlett 2020, Darfur: 13.9 % and 7.6 %; digits of R sensemakr
    (40.0, 30, 0.981921804436961, 0.9789403653761),  # R sensemakr, where the confounder of the group alone is worse
])
def test_published_robustness_values(t: float, df: int, q1: float, q1_alpha: float) -> None:
    assert robustness.robustness_value(t, df) == pytest.approx(q1, rel=1e-5)
    assert robustness.robustness_value(-t, df, critical(df)) == pytest.approx(q1_alpha, rel=1e-5)
    assert robustness.robustness_value(0.1, df, critical(df)) == 0


def test_the_benchmark_of_darfur() -> None:
    """Cinelli & Hazlett 2020, table 1 and R sensemakr: once as strong as being female, .0092 and .1246, leaving .0752."""
    strength = [(t**2 / (t**2 + 783)) for t in (-2.680, -9.789)]
    group, outcome = robustness.confounder_bounds(*strength)
    assert (group, outcome) == pytest.approx((0.00916428667504862, 0.12464092303637), rel=1e-3)
    left = 0.09731582 - 0.02325654 * np.sqrt(783 * group * outcome / (1 - group))
    assert left == pytest.approx(0.0752202712144491, rel=1e-3)


def test_partial_r2_and_bounds_are_those_of_sensemakr() -> None:
    """sensemakr(lm(y ~ d + x1 + x2), "d", benchmark_covariates = "x2") on numbers anybody can make again."""
    i = np.arange(1, 201)
    x = pd.DataFrame({"(Intercept)": 1.0, "x1": np.sin(i), "x2": np.cos(1.7 * i)})
    d = (0.5 * x["x1"] + 0.6 * np.sin(3.1 * i)).rename("d")
    y = 0.4 * d + 0.8 * x["x1"] + 0.3 * x["x2"] + 0.5 * np.cos(2.3 * i)
    shares = robustness._shares(y, d, x, ["x2"])
    assert shares == pytest.approx((6.9856611516024e-08, 0.265033083453015))
    group, outcome = robustness.confounder_bounds(*shares)
    assert outcome == pytest.approx(0.360605510962075)
    t, se = 0.407404970966835 / 0.0578602283905763, 0.0578602283905763
    assert robustness.robustness_value(t, 196) == pytest.approx(0.392125514801805)
    assert robustness.robustness_value(t, 196, critical(196)) == pytest.approx(0.302160713916727)
    assert t * se - se * np.sqrt(196 * group * outcome / (1 - group)) == pytest.approx(0.407276404370285)


def test_a_confounder_of_that_strength_explains_the_difference_away() -> None:
    """The definition: with partial R² = RV in both, the bias equals the estimate, and beyond it the sign turns."""
    frame = town()
    found = robustness.sensitivity(frame, "score", GROUP, COVARIATES, "class")["robustness_value"]
    adjusted = adjustment.adjusted(frame, "score", "left", 0, 1, COVARIATES, "class")
    _, _, se, df = robustness._model(frame, "score", GROUP, COVARIATES, "class", 0.95)
    bias = [se * np.sqrt(df * rv * rv / (1 - rv)) for rv in (found.estimate.value, found.effect.value)]
    nearest = min(adjusted.estimate.ci, key=abs)
    assert bias[0] == pytest.approx(abs(adjusted.estimate.value))
    assert bias[1] == pytest.approx(abs(nearest))
    e = robustness.sensitivity(frame, "score", GROUP, COVARIATES, "class")["e_value"]
    assert (e.estimate.value, e.effect.value) == robustness.e_values(adjusted.effect)
    assert e.n == adjusted.n


def test_benchmarks_take_a_variable_with_several_levels_as_one() -> None:
    table = robustness.benchmarks(town(), "score", GROUP, COVARIATES, "class")
    assert set(table["predictor"]) == set(COVARIATES)
    assert table["predictor"].iloc[0] == "age"
    assert table["estimate"].is_monotonic_increasing
    adjusted = adjustment.adjusted(town(), "score", "left", 0, 1, COVARIATES, "class").estimate
    assert (table["estimate"] < adjusted.value).all()
    assert (table["low"] < table["estimate"]).all()
    turned = robustness.benchmarks(town().assign(left=lambda d: 1 - d["left"]), "score", GROUP, COVARIATES, "class")
    assert turned["estimate"].tolist() == pytest.approx((-table["estimate"]).tolist())


def test_no_confounder_is_as_strong_as_a_covariate_that_is_nearly_the_group() -> None:
    with pytest.raises(NotEstimableError, match="half of the group"):
        robustness.confounder_bounds(0.6, 0.1)
    frame = town().assign(twin=lambda d: d["left"] + 0.2 * np.sin(np.arange(len(d))))
    table = robustness.benchmarks(frame, "score", GROUP, ["age", "twin"])
    assert table["predictor"].tolist() == ["twin", "age"]
    assert table.loc[0, ["estimate", "low", "high"]].isna().all()


# --- cut-offs ---


def test_shares_above_every_whole_cut_off() -> None:
    frame = town()
    table = robustness.cutoffs(frame, "score", GROUP, "class", np.random.default_rng(1))
    assert list(dict.fromkeys(table["group"])) == ["0", "1", "difference"]
    wide = table.pivot(index="cutoff", columns="group", values="share")
    for cut in wide.index:
        shares = [(frame.loc[frame["left"] == i, "score"] > cut).mean() for i in (0, 1)]
        assert wide.loc[cut].tolist() == pytest.approx([*shares, shares[1] - shares[0]])
    assert np.diff(wide.index).tolist() == [1.0] * (len(wide) - 1)
    counts = frame.groupby("left")["score"].agg(lambda s: min((s > wide.index[-1]).sum(), (s <= wide.index[0]).sum()))
    assert counts.min() >= 5
    assert ((table["band_low"] <= table["ci_low"]) & (table["ci_high"] <= table["band_high"])).all()
    shares = table[table["group"] != "difference"]
    assert shares["band_low"].min() >= 0
    assert shares["band_high"].max() <= 1
    again = robustness.cutoffs(frame, "score", GROUP, "class", np.random.default_rng(1))
    pd.testing.assert_frame_equal(again, table)


def test_the_pointwise_limits_are_about_those_of_a_cluster_robust_regression() -> None:
    frame = town(classes=30)
    table = robustness.cutoffs(frame, "score", GROUP, "class", np.random.default_rng(2), n_boot=4000)
    at = table[(table["group"] == "difference") & (table["cutoff"] == 32)].iloc[0]
    high = frame.assign(above=(frame["score"] > 32).astype(float))
    found = adjustment.adjusted(high, "above", "left", 0, 1, [], "class")
    assert at["share"] == pytest.approx(found.estimate.value)
    assert (at["ci_high"] - at["ci_low"]) / 2 == pytest.approx(
        (found.estimate.ci[1] - found.estimate.ci[0]) / 2, rel=0.08)


def test_few_scores_are_their_own_cut_offs() -> None:
    frame = town().assign(score=lambda d: d["score"].clip(30, 33) / 10)
    table = robustness.cutoffs(frame, "score", GROUP, None, np.random.default_rng(1), n_boot=200)
    assert sorted(set(table["cutoff"])) == [3.0, 3.1, 3.2]


REFUSALS: dict[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame], str | None]] = {
    "an empty group": ("nobody has left = 1", lambda d: d.assign(left=0), "class"),
    "one class": ("one cluster", lambda d: d.assign(**{"class": "G1"}), "class"),
    "equal scores": ("two cut-offs", lambda d: d.assign(score=30.0), "class"),
    "two children": ("two cut-offs", lambda d: d.groupby("left").head(1), None),
    "each group in one class": (
        "lack one of the groups", lambda d: d.assign(**{"class": d["left"].map({0: "G1", 1: "G2"})}), "class"),
    "a score that all classes share": (
        "does not vary", lambda d: pd.concat([d.head(25).assign(**{"class": c}) for c in "abc"]), "class"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_cut_offs_that_cannot_be_had(case: str) -> None:
    reason, spoil, cluster = REFUSALS[case]
    with pytest.raises(NotEstimableError, match=reason):
        robustness.cutoffs(spoil(town()), "score", GROUP, cluster, np.random.default_rng(1), n_boot=200)


@pytest.mark.parametrize(("reason", "spoil", "covariates"), [
    ("nobody has left = 1", lambda d: d.assign(left=0), ["age"]),
    ("does not vary", lambda d: d.assign(girl=1), ["girl"]),
    ("one cluster", lambda d: d.assign(**{"class": "G1"}), ["age"]),
    ("too few|at least 2", lambda d: d.groupby("left").head(1), ["age"]),
    ("does not vary, or is given", lambda d: d.assign(copy=d["left"]), ["copy"]),
])
def test_what_cannot_be_adjusted_has_no_sensitivity(
    reason: str, spoil: Callable[[pd.DataFrame], pd.DataFrame], covariates: list[str]
) -> None:
    frame = spoil(town())
    with pytest.raises(NotEstimableError, match=reason):
        robustness.benchmarks(frame, "score", GROUP, covariates, "class")
    found = robustness.sensitivity(frame, "score", GROUP, covariates, "class")
    assert set(found) == {"e_value", "robustness_value"}
    assert all(result.estimate is None and result.reason for result in found.values())


def test_without_covariates_there_is_nothing_to_compare_a_confounder_with() -> None:
    with pytest.raises(NotEstimableError, match="no covariates"):
        robustness.benchmarks(town(), "score", GROUP, [])
