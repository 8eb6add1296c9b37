"""Change in a handful of children: known answers, selection simulated, and data that say nothing."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from lbc.analysis import change, reliable, selection, untreated
from lbc.errors import NotEstimableError

EIGHT = pd.Series([-7, -5, 0, -8, -8, -4, -3, -7], index=[f"m{i}" for i in range(8)], dtype=float)


@pytest.mark.parametrize("module", [change, reliable, selection], ids=lambda m: m.__name__)
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


def test_reliable_change_corrected_for_regression_to_the_mean() -> None:
    """Hsu 1989: with M = 40, SD = 10, r = .8 a child at 60 is expected at 56, with a standard error of 6."""
    table = change.reliable_change([60.0, 60.0, 40.0], [45.0, 49.0, 28.0], 10, 0.8, mean=40)
    assert table["expected_post"].tolist() == pytest.approx([56, 56, 40])
    assert table["rci_corrected"].tolist() == pytest.approx([-11 / 6, -7 / 6, -2])
    assert table["rci"].tolist() == pytest.approx([-15 / 40**0.5, -11 / 40**0.5, -12 / 40**0.5])
    assert table["class"].tolist() == ["improved", "unchanged", "unchanged"]
    assert table["class_corrected"].tolist() == ["unchanged", "unchanged", "improved"]
    band = change.rci_band([60.0, 60.0, 40.0], [45.0, 49.0, np.nan], 10, [0.8], mean=40)
    assert band[["improved", "improved_corrected", "deteriorated_corrected", "not_measured"]].to_numpy().tolist() == [[1, 0, 0, 1]]


def test_an_unchanged_true_score_is_called_changed_in_five_of_a_hundred() -> None:
    """Children chosen for high scores: the classical index calls many improved, the corrected one about 2.5 %."""
    rng = np.random.default_rng(12)
    true = rng.normal(40, np.sqrt(0.8) * 10, 200_000)
    pre, post = true + rng.normal(0, np.sqrt(20), true.size), true + rng.normal(0, np.sqrt(20), true.size)
    high = pre > 55
    table = change.reliable_change(pre[high], post[high], 10, 0.8, mean=40)
    assert (table["class_corrected"] == "improved").mean() == pytest.approx(0.025, abs=0.004)
    assert (table["class_corrected"] == "deteriorated").mean() == pytest.approx(0.025, abs=0.004)
    assert (table["class"] == "improved").mean() > 0.06


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
    assert x["t"] == pytest.approx(oracle.statistic)
    assert x["bf10"] == pytest.approx(36.530, abs=0.2)  # R BayesFactor, t = -5.27, n = 8, r = sqrt(2) / 2
    assert x["bf10_wide"] > 1
    assert change.group_change(pre, pre + EIGHT, "up").extra["worsened"] == 7


def test_one_childs_setback_takes_significance_away() -> None:
    """Eight members, one worse by the fourth smallest amount: p is 14/256 whatever the others gained."""
    d = np.array([-1.0, -2, -3, 4, -5, -6, -7, -8])
    assert change.group_change(np.zeros(8), d).extra["wilcoxon"].test.p == 14 / 256


def test_group_change_at_its_borders() -> None:
    alike = change.group_change([50, 51, 52], [47, 48, 49])
    assert alike.effect is None
    assert alike.extra["t_interval"] is None
    assert alike.extra["bf10"] is None
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


def test_mee_chua_is_the_intercept_of_the_members_own_line() -> None:
    import statsmodels.api as sm

    population = np.linspace(20, 60, 101)
    pre, post = pd.Series([58.0, 50, 60, 53, 55]), pd.Series([50.0, 47, 55, 41, 44])
    found = change.mee_chua(pre, post, population)
    oracle = sm.OLS(post - 40, sm.add_constant(pre - 40)).fit()
    assert found.estimate.value == pytest.approx(oracle.params["const"])
    assert found.estimate.ci == pytest.approx(tuple(oracle.conf_int().loc["const"]))
    assert [found.test.statistic, found.test.df, found.test.p] == pytest.approx(
        [oracle.tvalues["const"], 3, oracle.pvalues["const"]])
    x = found.extra
    assert x["mu_low"] < x["mu"] == 40 < x["mu_high"]
    assert x["curve"]["mu"].iloc[[0, -1]].tolist() == pytest.approx([40 - population.std(ddof=1), 40 + population.std(ddof=1)])


def test_mee_chua_keeps_its_level_and_has_no_power() -> None:
    rng = np.random.default_rng(14)
    rejected, power = [], []
    for _ in range(150):
        pre = rng.normal(size=150)
        post = 0.6 * pre + 0.8 * rng.normal(size=150)
        top = np.argsort(pre)[-8:]
        rejected.append(change.mee_chua(pre[top], post[top], pre).test.p < 0.05)
        power.append(change.mee_chua(pre[top], post[top] - 0.8, pre).test.p < 0.05)
    assert np.mean(rejected) < 0.1
    assert np.mean(power) < 0.2


def test_mee_chua_refuses() -> None:
    population = np.arange(100.0)
    for pre, post, whole, reason in (
        ([90, 91], [80, 85], population, "at least three"), ([90, 90, 90], [80, 85, 82], population, "different scores"),
        ([90, 91, 92], [80, 81, 82], population, "exactly on a line"), ([90, 91, 95], [80, 85, 70], [1.0, 2], "population"),
    ):
        with pytest.raises(NotEstimableError, match=reason):
            change.mee_chua(pre, post, whole)


# --- against untreated children ---


def chosen_highest(rng: np.random.Generator, effect: float = 0.0, n: int = 150, k: int = 8) -> pd.DataFrame:
    pre = rng.normal(40, 10, n)
    post = 40 + 0.6 * (pre - 40) + rng.normal(0, 8, n)
    treated = np.argsort(np.argsort(pre)) >= n - k
    return pd.DataFrame({"pre": pre, "post": post + effect * treated, "treated": treated})


def test_ancova_against_statsmodels() -> None:
    import statsmodels.formula.api as smf

    from lbc.analysis.regression import cluster_robust

    frame = chosen_highest(np.random.default_rng(5), effect=-6)
    frame.loc[3, "post"] = np.nan
    found = change.ancova(frame, "post", "pre", "treated")
    data = frame.dropna().assign(treated=lambda d: d["treated"].astype(float))
    fits = {kind: smf.ols("post ~ pre + treated", data).fit(cov_type=kind, use_t=True) for kind in ("HC2", "HC3", "nonrobust")}
    assert found.estimate.value == pytest.approx(fits["HC2"].params["treated"])
    assert found.test.statistic == pytest.approx(fits["HC2"].tvalues["treated"])
    design = data.assign(one=1.0)[["one", "pre", "treated"]]
    assert found.test.df == pytest.approx(cluster_robust(data["post"], design, range(len(data))).df[2])
    assert 5 < found.test.df < 30  # about as many as carry the estimate, not n - 3
    half = scipy_stats.t.isf(0.025, found.test.df) * fits["HC2"].bse["treated"]
    assert found.estimate.ci == pytest.approx((found.estimate.value - half, found.estimate.value + half))
    assert (found.extra["hc3"]["df"], found.extra["hc3"]["p"]) == pytest.approx(
        (len(data) - 3, fits["HC3"].pvalues["treated"]))
    assert found.extra["homoscedastic"]["p"] == pytest.approx(fits["nonrobust"].pvalues["treated"])
    assert found.n == {"treated": 8, "untreated": 141}
    assert (found.extra["dropped"], found.extra["above"]) == (1, 8)
    means = found.extra["adjusted_means"]
    assert means["treated"] - means["untreated"] == pytest.approx(found.estimate.value)


def test_only_ancova_keeps_its_level_after_selection() -> None:
    """Nothing was done to the 7 highest of 80: comparing gains is wrong in most studies, ANCOVA in about 5 %."""
    rng = np.random.default_rng(6)
    ancova_p, gain_p = [], []
    for _ in range(200):
        frame = chosen_highest(rng, n=80, k=7)
        ancova_p.append(change.ancova(frame, "post", "pre", "treated").test.p)
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
