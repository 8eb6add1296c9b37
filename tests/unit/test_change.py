"""Change in a handful of children: known answers, selection simulated, and data that say nothing."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from lbc.analysis import change, selection, untreated
from lbc.errors import NotEstimableError

EIGHT = pd.Series([-7, -5, 0, -8, -8, -4, -3, -7], index=[f"m{i}" for i in range(8)], dtype=float)


@pytest.mark.parametrize("module", [change, selection], ids=lambda m: m.__name__)
def test_examples_in_docstrings(module: object) -> None:
    outcome = doctest.testmod(module)
    assert (outcome.failed, outcome.attempted > 0) == (0, True)


# --- reliable change ---


def test_reliable_change_names_every_member() -> None:
    pre = pd.Series({"a": 60.0, "b": 55.0, "c": 50.0, "d": 58.0, "e": 52.0})
    post = pd.Series({"e": 65.0, "d": 57.0, "b": 44.0, "a": 44.0})
    table = change.reliable_change(pre, post, sd=9.4, reliability=0.85)
    assert change.reliable_bar(9.4, 0.85).smallest == pytest.approx(10.1, abs=0.05)
    assert table["class"].to_dict() == {
        "a": "improved", "b": "improved", "c": "not measured", "d": "unchanged", "e": "deteriorated"}
    assert table.loc["a", "change"] == -16
    assert math.isnan(table.loc["c", "rci"])
    up = change.reliable_change(pre, post, 9.4, 0.85, "up")["class"]
    assert (up["a"], up["e"]) == ("deteriorated", "improved")


@pytest.mark.parametrize(
    ("pre", "post", "clinical"),
    [(60, 40, "recovered"), (60, 49, "improved"), (46, 30, "improved"), (60, 58, "unchanged"),
     (60, 75, "deteriorated"), (40, 60, "harmed"), (30, 44, "deteriorated")],
)
def test_clinical_classes_at_a_cut_off(pre: float, post: float, clinical: str) -> None:
    """Down is better, cut-off 48, smallest reliable change 10.1 points."""
    table = change.reliable_change([pre], [post], 9.4, 0.85, "down", cutoff=48)
    assert table["clinical"].tolist() == [clinical]


def test_rci_band_tightens_with_reliability() -> None:
    pre, post = pd.Series([60.0, 55, 50, 58, 52]), pd.Series([44.0, 45, 43, 57, np.nan])
    band = change.rci_band(pre, post, 9.4, [0.5, 0.8, 0.9])
    assert band["smallest"].is_monotonic_decreasing
    assert band["improved"].tolist() == [0, 1, 2]
    assert (band[["improved", "unchanged", "deteriorated", "not_measured"]].sum(axis=1) == 5).all()


def test_reliable_change_refuses() -> None:
    for call in (
        lambda: change.reliable_bar(0, 0.8),
        lambda: change.reliable_bar(math.nan, 0.8),
        lambda: change.reliable_bar(9, 1.0),
        lambda: change.reliable_bar(9, 0.0),
        lambda: change.clinical_cutoffs(40, 0, 60, 5),
        lambda: change.clinical_cutoffs(40, 5, 40, 5),
        lambda: change.reliable_change([1, 2], [1], 9, 0.8),
        lambda: change.reliable_change([math.nan], [1.0], 9, 0.8),
        lambda: change.reliable_change(pd.Series([1.0, 2], index=["a", "a"]), pd.Series([1.0], index=["a"]), 9, 0.8),
    ):
        with pytest.raises(NotEstimableError):
            call()
    with pytest.raises(ValueError, match="direction"):
        change.reliable_change([1], [2], 9, 0.8, "lower")


# --- the group ---


def test_group_change_of_the_eight() -> None:
    pre = pd.Series(np.arange(50.0, 58), index=EIGHT.index)
    found = change.group_change(pre, (pre + EIGHT).iloc[::-1])
    assert found.test.p == 0.015625
    assert found.estimate.value == pytest.approx(-5.25)
    assert found.estimate.ci == pytest.approx((-7.5, -2.6667), abs=1e-4)
    assert [found.effect.value, *found.effect.ci] == pytest.approx([-1.864, -3.024, -0.664], abs=5e-4)
    x = found.extra
    assert (x["improved"], x["worsened"], x["same"], x["smallest_p"]) == (7, 0, 1, 2 / 2**7)
    assert [x["wilcoxon"].test.p, x["sign_test"].test.p] == [0.015625] * 2
    assert x["hodges_lehmann"].value == -5.5
    oracle = scipy_stats.ttest_1samp(EIGHT, 0)
    assert x["p_t"] == pytest.approx(oracle.pvalue)
    assert x["t_interval"] == pytest.approx(tuple(oracle.confidence_interval()))
    assert change.group_change(pre, pre + EIGHT, "up").extra["worsened"] == 7


def test_one_childs_setback_takes_significance_away() -> None:
    """Eight members, one worse by the fourth smallest amount: p is 14/256 whatever the others gained."""
    d = np.array([-1.0, -2, -3, 4, -5, -6, -7, -8])
    assert change.group_change(np.zeros(8), d).extra["wilcoxon"].test.p == 14 / 256


def test_group_change_at_its_borders() -> None:
    alike = change.group_change([50, 51, 52], [47, 48, 49])
    assert alike.effect is None
    assert alike.extra["t_interval"] is None
    assert "d_z" in alike.extra["reasons"]
    assert alike.estimate.ci is None
    assert alike.test.p == 0.25
    for pre, post in (([50], [40]), ([50, 40], [50, 40]), ([], []), ([50, math.nan], [40, 30])):
        with pytest.raises(NotEstimableError):
            change.group_change(pre, post)


def test_exact_p_keeps_its_level() -> None:
    """Continuous changes without effect, 8 members: sign flip rejects at most 12/256."""
    rng = np.random.default_rng(2)
    rejected = np.mean([change.sign_flip(rng.normal(size=8), ci=False).test.p <= 0.05 for _ in range(2000)])
    assert rejected == pytest.approx(12 / 256, abs=0.015)


# --- selection ---


def test_expected_fall() -> None:
    assert change.expected_fall(56, 40, 0.7) == pytest.approx(4.8)
    assert change.expected_fall(56, 40, 1) == 0
    assert change.expected_fall(30, 40, 0.5) == -5
    with pytest.raises(NotEstimableError):
        change.expected_fall(56, 40, 1.2)


def test_expected_fall_is_what_selection_brings() -> None:
    """Barnett et al. 2005, eq. 1: under a cut-off c the expectation is sigma (1 - rho) phi(z) / (1 - Phi(z))."""
    rng = np.random.default_rng(3)
    pre = rng.normal(40, 10, 200_000)
    post = 40 + 0.6 * (pre - 40) + rng.normal(0, 8, 200_000)
    chosen = pre > 55
    formula = 10 * 0.4 * scipy_stats.norm.pdf(1.5) / scipy_stats.norm.sf(1.5)
    assert change.expected_fall(pre[chosen].mean(), pre.mean(), 0.6) == pytest.approx(formula, abs=0.1)
    assert (pre - post)[chosen].mean() == pytest.approx(formula, abs=0.2)


def test_regression_to_mean_splits_the_change() -> None:
    population = np.concatenate([np.linspace(20, 60, 101)])
    pre = pd.Series([58.0, 59, 60, 57], index=list("abcd"))
    post = pd.Series([50.0, 47, 55, 46], index=list("abcd"))
    found = change.regression_to_mean(pre, post, population, 0.5, 0.7, 0.9)
    x = found.extra
    assert x["observed_change"] == -9
    assert x["expected_change"] == pytest.approx(-0.3 * 18.5)
    assert found.estimate.value == pytest.approx(x["observed_change"] - x["expected_change"])
    remainder = (post - (40 + 0.7 * (pre - 40))).to_numpy()
    oracle = scipy_stats.ttest_1samp(remainder, 0)
    assert found.estimate.ci == pytest.approx(tuple(oracle.confidence_interval()))
    assert [found.test.statistic, found.test.df, found.test.p] == pytest.approx(
        [oracle.statistic, 3, oracle.pvalue])
    curve = x["curve"]
    assert (curve["retest"].min(), curve["retest"].max()) == (0.5, 0.9)
    assert 0.7 in curve["retest"].to_list()
    # the less stable the scores, the more of the fall was to be expected
    assert curve["remainder"].is_monotonic_decreasing
    assert x["naive"]["p"] == pytest.approx(scipy_stats.ttest_1samp(post - pre, 0).pvalue)


def test_regression_to_mean_refuses() -> None:
    population = np.arange(100.0)
    for call in (
        lambda: change.regression_to_mean([90, 91], [80, 85], population, 0.9, 0.7, 0.5),
        lambda: change.regression_to_mean([90], [80], population, 0.5, 0.7, 0.9),
        lambda: change.regression_to_mean([90, 91], [80, 85], [1.0], 0.5, 0.7, 0.9),
        lambda: change.regression_to_mean([90, 90], [80, 80], population, 0.5, 0.7, 0.9),
    ):
        with pytest.raises(NotEstimableError):
            call()
    alike = change.regression_to_mean([90, 92, 95], [80, 82, 85], population, 0.5, 0.7, 0.9)
    assert alike.extra["naive"]["p"] is None


@pytest.mark.parametrize(("retest", "rate"), [(0.6, 0.68), (0.8, 0.36)])
def test_the_naive_test_fails_chosen_high_scorers(retest: float, rate: float) -> None:
    """The 8 highest of 150 and nothing done: the paired t test finds an effect in 68 % (36 %) of studies."""
    found = change.false_positive_rate(150, 8, retest, 4000, np.random.default_rng(11))
    assert found["paired_t"] == pytest.approx(rate, abs=0.03)
    assert found["sign_flip"] == pytest.approx(rate, abs=0.05)
    assert found["mean_change"] == pytest.approx(-(1 - retest) * 2.0, abs=0.03)


def test_false_positive_rate_in_points_and_without_selection() -> None:
    population = np.random.default_rng(1).normal(40, 10.8, 300)
    found = change.false_positive_rate(population, 7, 0.7, 500, np.random.default_rng(2))
    again = change.false_positive_rate(population, 7, 0.7, 500, np.random.default_rng(2))
    assert found == again
    assert found["n_population"] == 300
    assert found["mean_change"] < -5
    nearly_all = change.false_positive_rate(21, 20, 0.7, 4000, np.random.default_rng(3))
    assert nearly_all["sign_flip"] is None
    assert nearly_all["paired_t"] == pytest.approx(0.05, abs=0.02)
    wrong = [(10, 1, 0.5, 10), (10, 10, 0.5, 10), (10, 3, 1.0, 10), (10, 3, 0.5, 0), ([3.0] * 9, 3, 0.5, 10)]
    for arguments in wrong:
        with pytest.raises(NotEstimableError):
            change.false_positive_rate(*arguments, np.random.default_rng(1))


def test_simulated_exact_test_is_the_exact_test() -> None:
    d = np.random.default_rng(4).normal(0.8, 1, (200, 6))
    expected = [change.sign_flip(row, ci=False).test.p <= 0.05 for row in d]
    assert selection._flip_rejects(d, 0.05).tolist() == expected


# --- against untreated children ---


def chosen_highest(rng: np.random.Generator, effect: float = 0.0, n: int = 150, k: int = 8) -> pd.DataFrame:
    pre = rng.normal(40, 10, n)
    post = 40 + 0.6 * (pre - 40) + rng.normal(0, 8, n)
    treated = np.argsort(np.argsort(pre)) >= n - k
    return pd.DataFrame({"pre": pre, "post": post + effect * treated, "treated": treated})


def test_ancova_against_statsmodels() -> None:
    import statsmodels.formula.api as smf

    frame = chosen_highest(np.random.default_rng(5), effect=-6)
    frame.loc[3, "post"] = np.nan
    found = change.ancova(frame, "post", "pre", "treated")
    data = frame.dropna().assign(treated=lambda d: d["treated"].astype(float))
    robust = smf.ols("post ~ pre + treated", data).fit(cov_type="HC3", use_t=True)
    plain = smf.ols("post ~ pre + treated", data).fit()
    assert found.estimate.value == pytest.approx(robust.params["treated"])
    assert found.estimate.ci == pytest.approx(tuple(robust.conf_int().loc["treated"]))
    assert found.test.df == len(data) - 3
    assert found.extra["homoscedastic"]["p"] == pytest.approx(plain.pvalues["treated"])
    assert found.n == {"treated": 8, "untreated": 141}
    assert found.extra["dropped"] == 1
    assert found.extra["few_treated"]["value"] == found.estimate.value
    assert 5 < found.extra["few_treated"]["df"] < 30
    means = found.extra["adjusted_means"]
    assert means["treated"] - means["untreated"] == pytest.approx(found.estimate.value)


def test_only_ancova_keeps_its_level_after_selection() -> None:
    """Nothing was done to the 7 highest of 80: comparing gains is wrong in most studies, ANCOVA in about 5 %."""
    rng = np.random.default_rng(6)
    ancova_p, gain_p = [], []
    for _ in range(200):
        frame = chosen_highest(rng, n=80, k=7)
        ancova_p.append(change.ancova(frame, "post", "pre", "treated").extra["few_treated"]["p"])
        gain = frame["post"] - frame["pre"]
        gain_p.append(scipy_stats.ttest_ind(gain[frame["treated"]], gain[~frame["treated"]], equal_var=False).pvalue)
    assert np.mean(np.array(gain_p) < 0.05) > 0.5
    assert np.mean(np.array(ancova_p) < 0.05) < 0.09


def test_pre_post_control_without_much_data() -> None:
    frame = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [2.0, 2, 5, 4], "t": [1, 1, 0, 0]})
    found = change.pre_post_control(frame, "a", "b", "t")
    assert found.estimate.value == pytest.approx(0.5 - 1)
    assert found.effect.ci is None
    steady = pd.DataFrame({"a": [1.0, 2, 3, 4, 5, 6], "t": [1, 1, 1, 0, 0, 0]}).assign(b=lambda d: d["a"])
    steady.loc[0, "b"] = 1.001  # waves almost equal: the interval's formula has nothing to go by
    assert change.pre_post_control(steady, "a", "b", "t").estimate.value == pytest.approx(0.001 / 3)
    flat = change.pre_post_control(frame.assign(a=3.0), "a", "b", "t")
    assert flat.effect is None
    assert flat.extra["ancova"] is None


def test_untreated_comparison_refuses() -> None:
    frame = chosen_highest(np.random.default_rng(7))
    for data, reason in (
        (frame.assign(treated=2), "0 and 1 only"),
        (frame.assign(treated=0), "0 treated"),
        (frame.assign(treated=1), "0 untreated"),
        (frame.assign(pre=40.0), "does not vary"),
        (frame.assign(post=np.nan), "0 treated"),
    ):
        with pytest.raises(NotEstimableError, match=reason):
            untreated.ancova(data, "post", "pre", "treated")


# --- one case against a few ---


def test_crawford_howell_is_the_t_test_of_one_against_many() -> None:
    controls = [38.0, 40, 41, 39, 44, 43, 37]
    found = change.crawford_howell(50, controls)
    oracle = scipy_stats.ttest_ind([50.0], controls)  # pooled: the one case adds no spread
    assert [found.test.statistic, found.test.p] == pytest.approx([oracle.statistic, oracle.pvalue])
    assert found.estimate.ci[0] < found.estimate.value < found.estimate.ci[1]
    assert found.effect.ci[0] < found.effect.value < found.effect.ci[1]


def test_crawford_howell_interval_of_the_percentage_covers() -> None:
    """Crawford & Garthwaite 2002: the interval holds the true percentage below the case in 95 % of samples."""
    rng = np.random.default_rng(8)
    true = 100 * scipy_stats.norm.cdf(-1.2)
    hits = 0
    for _ in range(400):
        low, high = change.crawford_howell(-1.2, rng.normal(size=7)).estimate.ci
        hits += low <= true <= high
    assert 0.92 <= hits / 400 <= 0.98


def test_crawford_howell_refuses() -> None:
    for case, controls in ((5.0, [1.0]), (5.0, [2.0, 2, 2]), (math.nan, [1.0, 2, 3])):
        with pytest.raises(NotEstimableError):
            change.crawford_howell(case, controls)
