"""What the reference cases cannot say: limits, refusals and properties beside their numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from agreement import CASES
from cases import case, data
from operations import scales
from operations.groups import samples
from operations.paired import waves
from operations.single_case import DIRECTION, series

from lbc.analysis import change, comparison, stats
from lbc.analysis import single_case as sc
from lbc.analysis.cfa import fit
from lbc.analysis.invariance import STEPS, ladder, partial_scalar
from lbc.analysis.psychometrics import alpha, guttman
from lbc.errors import NotEstimableError
from lbc.instruments.scoring import score
from lbc.survey.missing import little_mcar


def test_the_mean_split_half_covers_every_split() -> None:
    """With an odd number of items psych averages the first half of the splits only; the mean here is over all ten.

    Of five items, two against three, the mean over all splits is 4 * 6 / (5 * 4) of (1 - trace / sum), that is 24/25
    of standardised alpha (case a01), whatever the order of the items.
    """
    found, standardised = guttman(scales.keyed(case("a07"))), case("a01")["expected"]["alpha_std"]
    assert found["mean_split_half"] == pytest.approx(24 / 25 * standardised, rel=1e-9)


def test_the_interval_of_alpha_is_feldts_and_not_rounded() -> None:
    """A 90 % interval lies inside the 95 % one and both hold more than three decimals."""
    items = scales.keyed(case("a03"))
    wide, narrow = alpha(items).estimate.ci, alpha(items, level=0.90).estimate.ci
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    assert np.round(wide[0], 6) != np.round(wide[0], 3)


def test_alpha_of_answers_0_and_1_is_called_by_its_name() -> None:
    assert alpha(scales.keyed(case("a04"))).estimate.name == "KR-20"


def test_percent_of_the_maximum_possible() -> None:
    told = case("a06")
    items, scale = scales.scale(data("bfi.csv"), "scale", told["options"]["items"], ["A1"], [1, 6])
    mean, pomp = (score(items, scale, metric=metric)["total"] for metric in ("mean", "pomp"))
    assert pomp.tolist() == pytest.approx((20 * (mean - 1)).tolist(), nan_ok=True)


def test_the_textbook_model_has_no_problems_and_all_its_parameters() -> None:
    told = case("b01")
    found = fit(told["options"]["model"], data("holzinger_swineford_1939.csv"))
    assert (found.problems, found.converged) == ([], True)
    assert len(found.parameters) == len(told["expected"]["estimates"]["lhs"])


def test_partial_invariance_frees_what_the_lavaan_tutorial_frees() -> None:
    told = case("b03")
    _, freed = partial_scalar(told["options"]["model"], data("holzinger_swineford_1939.csv"), "school", "ML")
    assert freed == ["x3~1", "x7~1"]


def test_scaling_factors_of_several_groups() -> None:
    """lavaan 0.6-14, cfa(..., group = "school", estimator = "MLM"): configural, metric, scalar."""
    found = ladder(case("b03")["options"]["model"], data("holzinger_swineford_1939.csv"), "school", "MLM")
    assert [found[s].fit["scaling"] for s in list(STEPS)[:3]] == pytest.approx([1.0369, 1.0493, 1.0173], abs=6e-5)


def test_equivalence_has_a_90_percent_interval() -> None:
    result = comparison.equivalence(*samples(case("c07")), *case("c07")["options"]["bounds_raw"])
    assert result.extra["equivalent"]
    assert result.estimate.level == pytest.approx(0.90)


def test_the_bootstrapped_g_is_g_itself() -> None:
    """The case allows 0.03, for its limits; g needs no such room."""
    expected = case("c06")["expected"]["hedges_g"]
    assert stats.hedges_g(*samples(case("c06"))).value == pytest.approx(expected, abs=1e-6)


def test_adjusted_uses_cr2() -> None:
    frame, e = data("hsb_mathachieve.csv"), case("d05")["expected"]
    frame = frame[frame["School"].isin(frame["School"].unique()[:12])]
    covariates = ["SES", "Minority", "Sex"]
    found = comparison.adjusted(frame, "MathAch", "Sector", "Catholic", "Public", covariates, "School")
    assert [found.estimate.value, found.test.df, found.test.p] == pytest.approx(
        [e["coef"]["SectorPublic"], e["CR2"]["df_satt"][4], e["CR2"]["p_satt"][4]])
    means = found.extra["adjusted_means"]["mean"]
    assert means[1] - means[0] == pytest.approx(e["coef"]["SectorPublic"])


@pytest.mark.parametrize("name", [name for name in CASES if case(name)["operation"] == "paired_small_n"])
def test_the_change_of_a_group_is_tested_by_all_sign_flips(name: str) -> None:
    e = case(name)["expected"]
    expected = e["sign_flip_exact_p_mean"] or e["sign_flip_exact_p_mean_perm_test_scaled"]
    pre, post = waves(case(name))
    assert change.group_change(pre, post).test.p == pytest.approx(expected)
    assert stats.paired(pre, post).extra["sign_flip"].extra["exact"]


def test_friedmans_p_is_counted() -> None:
    """R's value is the chi-square approximation; the exact p is smaller but near it at 22 persons."""
    x = change.friedman_exact(data("rounding_times.csv").iloc[:, 1:]).extra
    assert x["exact"]
    assert x["p_exact"] == pytest.approx(case("f05")["expected"]["p"], rel=0.25)


def test_complete_separation_is_not_certainty() -> None:
    """SingleCaseES returns [1, 1] at NAP = 1, the trivial root of the score equation; the other root is the limit."""
    assert case("g01")["expected"]["tarlow_2017_linear"]["NAP"]["ci_low"] == 1
    low, high = sc.nap(*series(case("g01"), "tarlow_2017_linear"), "up").estimate.ci
    t, mn, h, z = low, 25, 4, 1.959963984540054
    spread = t * (1 - t) * (1 + h * ((1 - t) / (2 - t) + t / (1 + t))) / mn
    assert (1 - t) ** 2 == pytest.approx(z**2 * spread)
    assert (0.5 < low < 0.8, high) == (True, 1)


def test_a_series_on_a_line_has_no_corrected_tau() -> None:
    assert case("g03")["expected"]["published_series"]["tarlow_2017_linear"]["bc_tau"] is None
    with pytest.raises(NotEstimableError, match="once the baseline's trend is taken off"):
        sc.baseline_corrected_tau(*series(case("g03"), "tarlow_2017_linear"), "up")


def test_there_is_no_log_response_ratio_of_percentages() -> None:
    a, b = series(case("g01"), "parker_vannest_2009_nap")
    with pytest.raises(NotEstimableError, match="needs counts"):
        sc.lrr(a, b, DIRECTION["increase"], "percentage")


def test_little_with_the_covariance_of_his_article() -> None:
    frame: pd.DataFrame = data("airquality.csv")[["Ozone", "Solar.R", "Wind", "Temp", "Month", "Day"]]
    found = little_mcar(frame, covariance="unbiased")
    assert found.test.statistic == pytest.approx(34.88, abs=0.005)  # N/(N-1) convention, 153 days
    assert found.test.df == 14
