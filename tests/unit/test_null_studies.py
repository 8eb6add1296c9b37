"""Simulated studies in which nothing was done: the rates that DOMAIN's tables print, and the survey's own scores."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lbc.analysis import change, null_studies, untreated
from lbc.errors import NotEstimableError
from lbc.params import Reliability

MILD = np.round(np.random.default_rng(0).normal(33, 9, 300).clip(16, 66))
SKEWED = np.repeat([16.0, 18, 21, 25, 30, 34, 40, 47, 55, 66], [30, 40, 50, 45, 40, 30, 20, 12, 6, 2])


@pytest.mark.parametrize(("size", "k", "retest", "paired", "gains"), [
    (100, 7, 0.51, 0.64, None), (100, 7, 0.7, 0.41, None), (100, 7, 0.9, 0.16, None),
    (150, 8, 0.6, 0.68, 0.71), (150, 8, 0.8, 0.36, 0.39),
])
def test_the_naive_tests_fail_chosen_high_scorers(
    size: int, k: int, retest: float, paired: float, gains: float | None
) -> None:
    """Normal scores, nothing done: published rates of the paired t test and of difference in differences."""
    found = change.false_positive_rate(size, k, retest, 4000, np.random.default_rng(11))
    assert found["paired_t"] == pytest.approx(paired, abs=0.03)
    assert found["sign_flip"] == pytest.approx(paired, abs=0.06)
    assert found["wilcoxon"] == pytest.approx(found["sign_flip"], abs=0.07)
    assert gains is None or found["did"] == pytest.approx(gains, abs=0.03)
    assert found["ancova"] == pytest.approx(0.05, abs=0.012)
    assert found["hc3"] > found["ancova"]
    if k == 8:
        assert found["mean_change"] == pytest.approx(-(1 - retest) * 2.0, abs=0.03)


def test_the_surveys_own_scores_keep_their_margins_and_the_retest_correlation() -> None:
    waves = null_studies.TwoWaves(SKEWED)
    for retest in (0.0, 0.3, 0.7, 0.95):
        first, second = waves.draw(1, 200_000, retest, np.random.default_rng(3))
        assert np.corrcoef(first[0], second[0])[0, 1] == pytest.approx(retest, abs=0.008)
        assert {*np.unique(second)} == {*SKEWED}
        assert second.mean() == pytest.approx(SKEWED.mean(), abs=0.1)
        assert second.std() == pytest.approx(SKEWED.std(), abs=0.1)
    assert waves.normal_correlation(0.7) > 0.7  # the totals' correlation falls short of the normal scores'
    assert waves.normal_correlation(0.9999) == 1
    assert null_studies.TwoWaves(None).normal_correlation(0.6) == 0.6


def test_with_the_surveys_own_scores_only_the_primary_test_keeps_five_percent() -> None:
    found = change.false_positive_rate(MILD, 7, 0.7, 3000, np.random.default_rng(4))
    assert found["n_population"] == MILD.size
    assert found["ancova"] == pytest.approx(0.05, abs=0.013)
    assert min(found["paired_t"], found["did"]) > 0.3
    assert found["mean_change"] < -5
    again = change.false_positive_rate(MILD, 7, 0.7, 3000, np.random.default_rng(4))
    assert found == again


def test_where_the_scores_bend_the_line_the_simulation_says_so() -> None:
    """Skewness above 1.2: the later scores of high scorers lie off the line, and ANCOVA, too, errs too often."""
    found = change.false_positive_rate(SKEWED, 7, 0.7, 3000, np.random.default_rng(4))
    assert 0.06 < found["ancova"] < found["hc3"] < found["paired_t"]


def test_the_batched_ancova_is_the_ancova() -> None:
    pre, post = null_studies.TwoWaves(SKEWED).draw(5, 60, 0.6, np.random.default_rng(5))
    treated = np.argsort(np.argsort(pre, axis=1, kind="stable"), axis=1) >= 53
    p = null_studies.ancova_p(pre, post, treated.astype(float))
    for i in range(5):
        frame = pd.DataFrame({"pre": pre[i], "post": post[i], "treated": treated[i].astype(int)})
        found = untreated.ancova(frame, "post", "pre", "treated")
        assert [p["ancova"][i], p["hc3"][i]] == pytest.approx([found.test.p, found.extra["hc3"]["p"]])


def test_simulated_exact_tests_are_the_exact_tests() -> None:
    d = np.random.default_rng(4).normal(0.8, 1, (200, 6)).round(1)
    d[0, :2] = 0
    expected = [change.sign_flip(row, ci=False).test.p <= 0.05 for row in d]
    assert null_studies.flip_rejects(d, 0.05).tolist() == expected
    ranked = [change.wilcoxon_exact(row).test.p <= 0.05 for row in d]
    assert null_studies.flip_rejects(null_studies._ranked(d), 0.05).tolist() == ranked


def test_small_and_impossible_studies() -> None:
    nearly_all = change.false_positive_rate(21, 20, 0.7, 4000, np.random.default_rng(3))
    assert (nearly_all["sign_flip"], nearly_all["did"], nearly_all["ancova"]) == (None, None, None)
    assert nearly_all["paired_t"] == pytest.approx(0.05, abs=0.02)
    two_scores = change.false_positive_rate([1.0, 1, 1, 5, 5, 5, 5, 1], 3, 0.5, 50, np.random.default_rng(3))
    assert 0 <= two_scores["ancova"] <= 1
    wrong = [(10, 1, 0.5, 10), (10, 10, 0.5, 10), (10, 3, 1.0, 10), (10, 3, 0.5, 0), ([3.0] * 9, 3, 0.5, 10)]
    for arguments in wrong:
        with pytest.raises(NotEstimableError):
            change.false_positive_rate(*arguments, np.random.default_rng(1))


def protocol(**more: Any) -> Any:
    retest = Reliability(value=0.7, low=0.55, high=0.9, source="a study")
    return SimpleNamespace(**{"selection": "top_scores", "retest": retest, "alpha": 0.05} | more)


def test_the_table_over_retest_correlations_and_its_finding() -> None:
    table = null_studies.simulated(protocol(), pd.Series(SKEWED), 7, np.random.default_rng(6), studies=200)
    assert table["retest"].tolist() == [0.5, 0.55, 0.6, 0.7, 0.8, 0.9]
    assert table["paired_t"].is_monotonic_decreasing
    found = null_studies.naive_rate(table, 0.7, 200)
    assert found.estimate.value == table["paired_t"][3]
    assert found.estimate.ci[0] < found.estimate.value < found.estimate.ci[1]
    assert found.extra == null_studies.rates_at(table, 0.7)
    with pytest.raises(NotEstimableError, match="no studies were simulated for a retest correlation of"):
        null_studies.naive_rate(table, 0.42)
    why = NotEstimableError("not chosen by score")
    assert null_studies.rates_at(why, 0.7) == {}
    with pytest.raises(NotEstimableError, match="not chosen by score"):
        null_studies.naive_rate(why, 0.7)
    with pytest.raises(NotEstimableError, match="no simulation repeats the choice"):
        null_studies.simulated(protocol(selection="nomination"), pd.Series(SKEWED), 7, np.random.default_rng(6))
