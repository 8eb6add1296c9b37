"""Reliability and dimensions on data whose answers are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lbc.analysis.dimensions import bartlett, efa, factor_table, kmo, parallel_analysis, wording_factor
from lbc.analysis.psychometrics import alpha, guttman, item_table, omega_total
from lbc.errors import NotEstimableError


def exact(corr: np.ndarray, n: int = 50) -> pd.DataFrame:
    """Data whose sample correlation matrix is `corr` to machine precision."""
    raw = np.random.default_rng(1).normal(size=(n, len(corr)))
    q, _ = np.linalg.qr(raw - raw.mean(axis=0))
    return pd.DataFrame(q @ np.linalg.cholesky(corr).T, columns=[f"x{i + 1}" for i in range(len(corr))])


def scale(n: int = 400, wording: float = 0.0, seed: int = 3) -> pd.DataFrame:
    """Ten answers 1-5 of one trait; the last four share a wording factor besides."""
    rng = np.random.default_rng(seed)
    trait, method = rng.normal(size=(n, 1)), rng.normal(size=(n, 1))
    raw = 3 + 0.8 * trait + 0.8 * rng.normal(size=(n, 10))
    raw[:, 6:] += wording * method
    return pd.DataFrame(np.clip(np.round(raw), 1, 5), columns=[f"q{i + 1:02d}" for i in range(10)])


EQUAL = np.full((3, 3), 0.5) + np.eye(3) / 2


def test_alpha_of_parallel_items_is_spearman_brown() -> None:
    """Three items that all correlate .5: alpha = 3 * .5 / (1 + 2 * .5) = .75."""
    result = alpha(exact(EQUAL))
    assert result.estimate.value == pytest.approx(0.75)
    assert result.extra["average_r"] == pytest.approx(0.5)
    assert result.estimate.ci[0] < 0.75 < result.estimate.ci[1]


def test_alpha_leaves_out_incomplete_persons() -> None:
    items = scale(50)
    items.iloc[0, 0] = np.nan
    assert alpha(items).n == {"persons": 49}
    assert alpha(items).estimate == alpha(items.iloc[1:]).estimate


@pytest.mark.parametrize(
    ("items", "why"),
    [
        (scale(20)[["q01"]], "at least 2 are needed"),
        (scale(2), "at least 3 are needed"),
        (scale(20).assign(q03=4.0), "every answer to q03 is the same"),
        (pd.DataFrame({"a": [1, 2, 3, 4], "b": [4, 3, 2, 1]}), "keyed in the same direction"),
    ],
)
def test_alpha_says_why_it_cannot_be_computed(items: pd.DataFrame, why: str) -> None:
    with pytest.raises(NotEstimableError, match=why):
        alpha(items)


def test_alpha_of_eight_persons_and_ten_items() -> None:
    """No more persons than items: alpha exists, what needs an inverse does not."""
    result = alpha(scale(8))
    assert 0 < result.estimate.value < 1
    assert result.extra["lambda6"] is None


def test_item_table_describes_complete_persons_and_counts_missing_answers() -> None:
    items = pd.DataFrame({"a": [1, 1, 2, 5, np.nan], "b": [1, 2, 2, 5, 4], "c": [2, 1, 3, 4, 4]})
    table = item_table(items, points=(1, 5)).set_index("item")
    assert table.loc["a", ["n", "m", "floor", "ceiling", "missing"]].tolist() == [4, 2.25, 0.5, 0.25, 0.2]
    rest = np.corrcoef([1, 1, 2, 5], [3, 3, 5, 9])[0, 1]
    assert table.loc["a", "r_rest"] == pytest.approx(rest)
    assert table.loc["a", "alpha_without"] == pytest.approx(alpha(items.iloc[:4][["b", "c"]]).estimate.value)


def test_item_table_of_yes_and_no_counts_zeros_and_ones_whatever_the_form_printed() -> None:
    items = pd.DataFrame({"a": [0, 0, 0, 1], "b": [0, 1, 0, 1], "c": [1, 1, 0, 1]})
    table = item_table(items, points=(1, 3))
    assert table["floor"].tolist() == [0.75, 0.5, 0.25]
    assert table["ceiling"].tolist() == [0.25, 0.5, 0.75]


def test_item_table_shows_an_item_that_was_not_reversed() -> None:
    items = scale().assign(q05=lambda frame: 6 - frame["q05"])
    table = item_table(items).set_index("item")
    assert table["r_rest"].idxmin() == "q05"
    assert table.loc["q05", "r_rest"] < 0 < table.drop("q05")["r_rest"].min()


def test_guttman_bounds_are_ordered() -> None:
    found = guttman(scale())
    assert found["lambda1"] < found["lambda3"] <= found["lambda2"]
    assert found["smallest_split_half"] < found["mean_split_half"] < found["lambda4"]
    assert found["mean_split_half"] == pytest.approx(alpha(scale()).extra["alpha_std"])  # even number of items


def test_omega_of_parallel_items_is_alpha() -> None:
    """Equal loadings: omega, alpha and Spearman-Brown are one number, .75."""
    result = omega_total(exact(EQUAL))
    assert result.estimate.value == pytest.approx(0.75)
    assert list(result.extra["loadings"].values()) == pytest.approx([0.5**0.5] * 3)



def test_omega_refuses_an_improper_solution() -> None:
    corr = np.array([[1, 0.8, 0.8], [0.8, 1, 0.3], [0.8, 0.3, 1]])
    with pytest.raises(NotEstimableError, match="omega: the variance of i0 is negative"):
        omega_total(exact(corr))
    with pytest.raises(NotEstimableError, match="at least 3 are needed"):
        omega_total(exact(EQUAL)[["x1", "x2"]])


def test_kmo_by_hand() -> None:
    """All correlations .5, so all partial ones 1/3: .25 / (.25 + 1/9)."""
    result = kmo(exact(EQUAL))
    assert result.estimate.value == pytest.approx(0.25 / (0.25 + 1 / 9))
    assert list(result.extra["items"].values()) == pytest.approx([0.25 / (0.25 + 1 / 9)] * 3)


def test_bartlett_by_hand() -> None:
    """The determinant is (1 - .5)^2 (1 + 2 * .5) = .5."""
    test = bartlett(exact(EQUAL, n=50)).test
    assert (test.statistic, test.df) == (pytest.approx(-(49 - 11 / 6) * np.log(0.5)), 3)
    assert bartlett(exact(np.eye(3) + 1e-9)).test.p == pytest.approx(1.0)


def test_kmo_and_bartlett_refuse_a_sum_of_other_items() -> None:
    items = scale().assign(total=lambda frame: frame["q01"] + frame["q02"])
    for function in (kmo, bartlett, omega_total):
        with pytest.raises(NotEstimableError, match="sum of others"):
            function(items)


def test_parallel_analysis_counts_dimensions() -> None:
    def suggested(items: pd.DataFrame) -> int:
        return int(parallel_analysis(items, np.random.default_rng(5), draws=60)["keep"].sum())

    rng = np.random.default_rng(2)
    noise = pd.DataFrame(rng.integers(1, 6, size=(300, 6)))
    assert suggested(scale()) == 1
    assert suggested(scale(wording=1.0)) == 2
    assert suggested(noise) <= 1


def test_parallel_analysis_depends_on_its_generator_only() -> None:
    tables = [parallel_analysis(scale(), np.random.default_rng(5), draws=20) for _ in range(2)]
    pd.testing.assert_frame_equal(*tables)


def test_efa_finds_who_belongs_together() -> None:
    table = efa(scale(wording=1.0), 2)
    own = table[["F1", "F2"]].abs().idxmax(axis=1)
    assert own.iloc[:6].nunique() == own.iloc[6:].nunique() == own.iloc[[0, 6]].nunique() - 1 == 1
    assert (table["communality"] > 0.2).all()
    with pytest.raises(NotEstimableError, match="3 factors cannot be told apart with 5 items"):
        efa(scale().iloc[:, :5], 3)


def test_efa_is_the_same_every_time_and_refuses_what_is_no_solution() -> None:
    pd.testing.assert_frame_equal(efa(scale(wording=1.0), 2), efa(scale(wording=1.0), 2), check_exact=True)
    corr = np.array([[1, 0.8, 0.8], [0.8, 1, 0.3], [0.8, 0.3, 1]])
    with pytest.raises(NotEstimableError, match="x1 would have no part of its own"):
        efa(exact(corr), 1)
    with pytest.raises(NotEstimableError, match="one item is a sum of others"):
        efa(scale().assign(total=lambda frame: frame["q01"] + frame["q02"]), 1)


def test_one_factor_is_that_of_the_confirmatory_model() -> None:
    """Maximum likelihood of one factor has one answer, exploratory or not."""
    loadings = omega_total(scale()).extra["loadings"]
    assert efa(scale(), 1)["F1"].to_dict() == pytest.approx(loadings, abs=1e-5)


def test_the_factor_table_has_as_many_factors_as_parallel_analysis_suggests() -> None:
    rng = np.random.default_rng(9)
    table = factor_table(scale(wording=1.0), np.random.default_rng(5), 60)
    assert list(table) == ["item", "F1", "F2", "communality"]
    assert table["item"].tolist() == list(scale())
    assert list(factor_table(scale(), np.random.default_rng(5), 60)) == ["item", "F1", "communality"]
    with pytest.raises(NotEstimableError, match="no part of its own"):  # nothing in common: no suggestion, no factor
        factor_table(pd.DataFrame(rng.normal(size=(300, 6))), np.random.default_rng(5), 60)


@pytest.mark.parametrize("function", [kmo, bartlett, omega_total, lambda items: efa(items, 1), item_table,
                                      lambda items: parallel_analysis(items, np.random.default_rng(1), 5)])
@pytest.mark.parametrize(("items", "why"), [(scale(2), "2 person"), (scale(20).assign(q03=4.0), "q03 is the same")])
def test_too_few_persons_and_constant_items(function: Any, items: pd.DataFrame, why: str) -> None:
    with pytest.raises(NotEstimableError, match=why):
        function(items)


def test_wording_factor_is_found_where_there_is_one() -> None:
    items = scale(wording=0.8)
    table = wording_factor(items, positive=list(items)[6:], lonely=list(items)[:6]).set_index("model")
    assert list(table.index) == ["one factor", "two factors", "wording factor"]
    assert table["refused"].tolist() == ["", "", ""]
    assert table.loc["one factor", "rmsea"] > 0.1 > 0.05 > table.loc["wording factor", "rmsea"]
    assert table["bic"].idxmax() == "one factor"
    assert table.loc["one factor", "misfit"].startswith(("q07", "q08", "q09"))  # two items of the same wording
    trait, wording = table.loc["wording factor", ["share_trait", "share_wording"]]
    assert 0.03 < wording < trait < trait + wording < 1


def test_wording_factor_says_why_a_model_is_refused() -> None:
    items = scale(wording=0.8)
    table = wording_factor(items, positive=["q09", "q10"], lonely=["q01", "q02"]).set_index("model")
    assert table.loc["wording factor", "refused"].startswith("the model ")
    assert np.isnan(table.loc["wording factor", "chi2"])
    assert table.loc["one factor", "n"] == 400
