"""Propensity weights on made-up classes: exact balance, other libraries, coverage, and groups that cannot be compared."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.treatment.treatment_effects import TreatmentEffect

from lbc.analysis import adjustment, comparison, weighting
from lbc.errors import NotEstimableError
from lbc.params import Group
from lbc.results import Result

GROUP = Group(variable="left", reference="0", focal="1")
COVARIATES = ["age", "girl", "school"]
ESTIMATES = [weighting.overlap_weighted, weighting.doubly_robust]


def town(seed: int = 1, classes: int = 12, size: int = 20, bend: float = 0.0) -> pd.DataFrame:
    """Children in classes; the left-behind are older, and their difference (3 points) grows with age."""
    rng = np.random.default_rng(seed)
    n = classes * size
    room = np.repeat(np.arange(classes), size)
    age, girl = rng.normal(10, 1, n), rng.integers(0, 2, n)
    left = (rng.random(n) < 1 / (1 + np.exp(-0.8 * (age - 10) + 0.3 * girl))).astype(float)
    score = 40 + (3 + age - 10) * left + 2 * (age - 10) + bend * (age - 10) ** 2 - girl
    score += rng.normal(0, 2, classes)[room] + rng.normal(0, 6, n)
    return pd.DataFrame({"class": [f"G{i}" for i in room], "school": [f"S{i % 3}" for i in room], "age": age,
                         "girl": girl, "left": left, "score": score})


def design(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return comparison.design(frame, COVARIATES).to_numpy(), (frame["left"] == 1).to_numpy()


def test_the_propensity_is_that_of_a_logistic_regression() -> None:
    x, focal = design(town())
    assert weighting.propensity(x, focal) == pytest.approx(sm.Logit(focal, x).fit(disp=0).predict())


def test_overlap_weights_balance_every_mean_exactly() -> None:
    frame = town()
    x, focal = design(frame)
    w = weighting.overlap_weights(weighting.propensity(x, focal), focal)
    means = [np.average(x[side], axis=0, weights=w[side]) for side in (focal, ~focal)]
    assert np.abs(means[0] - means[1]).max() < 1e-10
    assert weighting.balance(frame, "score", GROUP, COVARIATES)["smd_overlap"].abs().max() < 1e-10


def test_the_overlap_difference_is_a_weighted_regression_with_or_without_the_covariates() -> None:
    frame = town()
    x, focal = design(frame)
    found = weighting.overlap_weighted(frame, "score", GROUP, COVARIATES, "class")
    w = found.extra["weights"]
    for columns in (x[:, :1], x):
        fit = sm.WLS(frame["score"], np.column_stack([columns, focal]), weights=w).fit()
        assert found.estimate.value == pytest.approx(fit.params.iloc[-1])
    assert found.n == {"0": int((~focal).sum()), "1": int(focal.sum())}


def test_the_doubly_robust_difference_is_that_of_statsmodels() -> None:
    frame = town()
    x, focal = design(frame)
    oracle = TreatmentEffect(sm.OLS(frame["score"].to_numpy(), x), focal.astype(int),
                             results_select=sm.Logit(focal.astype(int), x).fit(disp=0))
    expected = oracle.ipw_ra(return_results=False, effect_group=1)[0]
    assert weighting.doubly_robust(frame, "score", GROUP, COVARIATES).estimate.value == pytest.approx(expected)


def test_the_correction_of_the_augmented_estimator_is_zero() -> None:
    """AIPW of the focal group adds the weighted mean residual of the reference group; here there is none left."""
    frame = town()
    x, focal = design(frame)
    found = weighting.doubly_robust(frame, "score", GROUP, COVARIATES)
    w, y = found.extra["weights"], frame["score"].to_numpy()
    m0 = x @ sm.WLS(y[~focal], x[~focal], weights=w[~focal]).fit().params
    correction = np.average((y - m0)[~focal], weights=w[~focal])
    assert (y - m0)[focal].mean() - correction == pytest.approx(found.estimate.value)
    assert correction == pytest.approx(0, abs=1e-10)


def test_one_wrong_model_does_no_harm() -> None:
    """The outcome bends with age; the propensity is right, so the doubly robust estimate hits what regression misses."""
    frame = town(seed=3, classes=400, size=50, bend=1.5)
    truth = (3 + frame["age"] - 10)[frame["left"] == 1].mean()
    naive = frame.groupby("left")["score"].mean().diff().iloc[1]
    x, focal = design(frame)
    bent = sm.OLS(frame["score"][~focal], x[~focal]).fit()
    regression = (frame["score"][focal] - x[focal] @ bent.params.to_numpy()).mean()
    found = weighting._doubly_robust_difference(frame["score"].to_numpy(), x, focal)
    assert abs(found - truth) < 0.3
    assert abs(regression - truth) > 0.6
    assert abs(naive - truth) > 1


def test_the_standard_error_leaves_out_one_class_after_the_other() -> None:
    frame = town(classes=6)
    found = weighting.overlap_weighted(frame, "score", GROUP, ["age", "girl"], "class")

    def difference(part: pd.DataFrame) -> float:
        x = sm.add_constant(part[["age", "girl"]])
        e = sm.Logit(part["left"], x).fit(disp=0).predict()
        w = np.where(part["left"] == 1, 1 - e, e)
        return sm.WLS(part["score"], sm.add_constant(part["left"]), weights=w).fit().params["left"]

    squares = sum((difference(frame[frame["class"] != name]) - difference(frame)) ** 2
                  for name in frame["class"].unique())
    assert found.extra["se"] == pytest.approx(np.sqrt(5 / 6 * squares), rel=1e-6)
    assert found.test.df == 5
    assert found.test.statistic == pytest.approx(found.estimate.value / found.extra["se"])
    half = (found.estimate.ci[1] - found.estimate.ci[0]) / 2
    assert half == pytest.approx(2.570582 * found.extra["se"], rel=1e-6)


def test_with_many_classes_it_agrees_with_the_stacked_sandwich() -> None:
    """Influence of a class on mean difference and propensity together (Li, Thomas & Li 2019)."""
    frame = town(seed=5, classes=80)
    x, z = design(frame)
    found = weighting.overlap_weighted(frame, "score", GROUP, COVARIATES, "class")
    e, w, y = found.extra["propensity"], found.extra["weights"], frame["score"].to_numpy()
    residual = y - np.where(z, np.average(y[z], weights=w[z]), np.average(y[~z], weights=w[~z]))
    share = np.where(z, 1 / w[z].sum(), -1 / w[~z].sum())
    slope = (np.where(z, -1, 1) * share * residual * e * (1 - e)) @ x
    own = share * w * residual + (x * (z - e)[:, None]) @ np.linalg.solve((x.T * (e * (1 - e))) @ x, slope)
    classes = pd.Series(own).groupby(frame["class"].to_numpy()).sum()
    assert found.extra["se"] == pytest.approx(np.sqrt((classes**2).sum()), rel=0.06)


def test_intervals_cover() -> None:
    """A small run (larger ones are in docs/statistics.md): 12 classes of 15, 150 towns, both intervals."""
    big = town(seed=0, classes=2000, size=40)
    x, focal = design(big)
    e, effect = weighting.propensity(x, focal), 3 + big["age"].to_numpy() - 10
    truth = {"overlap_weighted": np.average(effect, weights=e * (1 - e)), "doubly_robust": effect[focal].mean()}
    hits = dict.fromkeys(truth, 0)
    for seed in range(150):
        for name, found in weighting.weighted(town(100 + seed, 12, 15), "score", GROUP, ["age", "girl"], "class").items():
            hits[name] += found.estimate.ci[0] <= truth[name] <= found.estimate.ci[1]
    assert all(0.9 <= count / 150 <= 0.99 for count in hits.values()), hits


# --- balance, who is comparable ---


def test_the_raw_balance_is_that_of_table_one() -> None:
    frame = town()
    found = weighting.balance(frame, "score", GROUP, COVARIATES).set_index("term")
    expected = comparison.table_one(frame, ["age", "girl"], "left", 0, 1).set_index("variable")
    assert found.loc[["age", "girl"], "smd"].tolist() == pytest.approx(expected["smd"].tolist())
    ages = [frame.loc[frame["left"] == i, "age"].var() for i in (0, 1)]
    assert found.loc["age", "ratio"] == pytest.approx(ages[1] / ages[0])
    assert found.loc[["girl", "school: S1"], ["ratio", "ratio_overlap", "ratio_odds"]].isna().all(axis=None)
    assert (found["smd_odds"].abs() < found["smd"].abs().max()).all()


def test_who_is_comparable() -> None:
    frame = town()
    frame.loc[[0, 1], "age"] = np.nan
    frame.loc[5, "age"] = 25.0  # older than anybody: nobody is like this child
    frame.loc[5, "left"] = 1.0
    found = weighting.comparable(frame, "score", GROUP, ["age", "girl"]).set_index("group")
    assert found["left_out"].sum() == 2
    assert found["n"].sum() == len(frame) - 2
    assert (found["effective_overlap"] < found["n"]).all()
    assert found.loc["1", "effective_odds"] == pytest.approx(found.loc["1", "n"])
    assert found.loc["1", "outside"] > 0
    assert (found["e_low"] < found["e_median"]).all()
    assert (found["e_median"] < found["e_high"]).all()


def test_effective_size() -> None:
    assert weighting.effective(np.ones(7)) == pytest.approx(7)
    assert weighting.effective(np.array([1.0, 0, 0])) == pytest.approx(1)


def test_incomplete_rows_are_left_out_and_counted() -> None:
    frame = town()
    holes = frame.copy()
    holes.loc[[3, 9, 40], "age"] = np.nan
    holes.loc[41, "class"] = None
    found = weighting.overlap_weighted(holes, "score", GROUP, COVARIATES, "class")
    same = weighting.overlap_weighted(frame.drop([3, 9, 40, 41]), "score", GROUP, COVARIATES, "class")
    assert found.extra["dropped"] == 4
    assert (found.estimate, found.test) == (same.estimate, same.test)


# --- side by side ---


def test_side_by_side_is_every_method_on_the_same_rows() -> None:
    frame = town()
    frame.loc[3, "age"] = np.nan
    table = weighting.side_by_side(frame, "score", GROUP, COVARIATES, "class").set_index("method")
    whole = frame.drop(3)
    assert table.loc["unadjusted, CR2", "estimate"] == pytest.approx(whole.groupby("left")["score"].mean().diff()[1.0])
    for method, cluster in (("regression, HC3", None), ("regression, CR2", "class")):
        alone = adjustment.adjusted(whole, "score", "left", 0, 1, COVARIATES, cluster)
        assert table.loc[method, ["estimate", "low", "high", "df", "p"]].tolist() == pytest.approx(
            [alone.estimate.value, *alone.estimate.ci, alone.test.df, alone.test.p])
    weighted = weighting.weighted(whole, "score", GROUP, COVARIATES, "class")
    assert table.loc["overlap weights, jackknife", "se"] == pytest.approx(weighted["overlap_weighted"].extra["se"])
    assert table.loc["doubly robust, jackknife", "target"] == "focal"
    assert len(table) == 7
    assert not table.isna().any(axis=None)
    assert len(weighting.side_by_side(frame, "score", GROUP, COVARIATES)) == 5


def test_side_by_side_says_which_method_gives_nothing() -> None:
    frame = town().assign(sign=lambda d: ((d["left"] == 1) & (d["age"] > 10)).astype(float))
    table = weighting.side_by_side(frame, "score", GROUP, ["age", "sign"], "class").set_index("method")
    assert "with certainty" in table.loc["overlap weights, jackknife", "reason"]
    assert table.loc["regression, CR2", "reason"] == ""
    assert np.isfinite(table.loc["regression, CR2", "estimate"])
    with pytest.raises(NotEstimableError):
        weighting.side_by_side(frame.assign(left=1.0), "score", GROUP, ["age"], "class")


# --- wrong use ---


REFUSALS: dict[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame], list[str], str | None]] = {
    "an empty group": ("nobody has left = 1", lambda d: d.assign(left=0.0), ["age"], "class"),
    "a constant covariate": ("'girl' does not vary", lambda d: d.assign(girl=1), ["age", "girl"], "class"),
    "a redundant covariate": ("given by the other", lambda d: d.assign(old=2 * d["age"]), ["age", "old"], "class"),
    "separation": ("certainty", lambda d: d.assign(left=(d["age"] > 10) * 1.0), ["age", "girl"], "class"),
    "a level of one group only": (
        "certainty", lambda d: d.assign(kind=np.where((d["left"] == 1) & (d["age"] > 11), "a", "b")), ["kind"], None),
    "one class": ("all children are in one cluster", lambda d: d.assign(**{"class": "G1"}), ["age"], "class"),
    "a group in one class": ("found in G1 only", lambda d: d.assign(left=(d["class"] == "G1") * 1.0), ["age"], "class"),
    "no covariates": ("no covariates", lambda d: d, [], "class"),
    "two children": ("at least 2 are needed", lambda d: d.groupby("left").head(1), ["age"], None),
    "three and three": ("worth", lambda d: d.groupby("left").head(3), ["age"], None),
    "an equal outcome": ("does not vary", lambda d: d.assign(score=5.0), ["age"], "class"),
}


@pytest.mark.parametrize("function", ESTIMATES)
@pytest.mark.parametrize("case", REFUSALS)
def test_refusals(function: Callable[..., Result], case: str) -> None:
    reason, spoil, covariates, cluster = REFUSALS[case]
    with pytest.raises(NotEstimableError, match=reason):
        function(spoil(town()), "score", GROUP, covariates, cluster)
    found = weighting.weighted(spoil(town()), "score", GROUP, covariates, cluster)
    assert all(result.estimate is None and result.reason for result in found.values())


def test_a_comparison_that_rests_on_few_children_is_refused() -> None:
    """Nearly separated: no child's group is certain, but the reference group is worth a handful of children."""
    rng = np.random.default_rng(0)
    age = np.concatenate([rng.normal(8, 0.5, 60), rng.normal(11, 0.5, 60), [11.0, 9.0]])
    frame = pd.DataFrame({"age": age, "left": np.repeat([0.0, 1.0, 0.0, 1.0], [60, 60, 1, 1]),
                          "score": rng.normal(30, 9, 122)})
    with pytest.raises(NotEstimableError, match="are worth"):
        weighting.doubly_robust(frame, "score", GROUP, ["age"])
