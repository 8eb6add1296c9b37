from __future__ import annotations

import doctest

import numpy as np
import pandas as pd
import pytest

from lbc.analysis.pooling import rubin
from lbc.errors import NotEstimableError
from lbc.survey import missing
from lbc.survey.missing import by_variable, em_normal, impute, little_mcar, patterns, stacked


@pytest.fixture(scope="module")
def survey() -> tuple[pd.DataFrame, pd.DataFrame]:
    """(complete, with holes): two groups, three items; those with a high first item leave out the second (MAR)."""
    rng = np.random.default_rng(8)
    n = 400
    group = (rng.random(n) < 0.5).astype(float)
    trait = rng.standard_normal(n) + 0.5 * group
    items = np.clip(np.round(3 + trait[:, None] + 0.5 * rng.standard_normal((n, 3))), 1, 5)
    complete = pd.DataFrame(items, columns=["cls_01@a", "cls_02@a", "cls_03@a"]).assign(group=group)
    complete.index = complete.index + 2
    holes = complete.copy()
    holes.loc[(complete["cls_01@a"] >= 4) & (rng.random(n) < 0.6), "cls_02@a"] = np.nan
    holes.loc[rng.random(n) < 0.05, "cls_03@a"] = np.nan
    return complete, holes


def test_patterns_add_up(survey: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    _, holes = survey
    table = patterns(holes)
    assert table["n"].sum() == len(holes)
    assert table["share"].sum() == pytest.approx(1)
    assert table.loc[0, "missing"] == ""
    assert table.loc[table["missing"] == "cls_02@a+cls_03@a", "variables"].item() == 2
    counts = by_variable(holes).set_index("variable")["missing"]
    assert counts["cls_02@a"] == holes["cls_02@a"].isna().sum()
    assert counts["group"] == 0


def test_em_without_holes_gives_mean_and_covariance(survey: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    complete, _ = survey
    mean, covariance = em_normal(complete)
    np.testing.assert_allclose(mean, complete.mean())
    np.testing.assert_allclose(covariance, complete.cov(ddof=0))


def test_little_tells_systematic_from_random_gaps(survey: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    complete, holes = survey
    items = complete.columns[:3]
    assert little_mcar(holes[items]).test.p < 1e-6
    rng = np.random.default_rng(3)
    random = complete[items].mask(rng.random((len(complete), 3)) < 0.05)
    result = little_mcar(random)
    assert result.test.p > 0.05
    ml = little_mcar(random, covariance="ml").test.statistic
    n = result.n["all"]
    assert result.test.statistic == pytest.approx(ml * (n - 1) / n)
    assert result.estimate.value == pytest.approx(random.dropna(how="all").isna().to_numpy().mean())


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [1.0, 3.0, 2.0]}), "no answer is missing"),
        (pd.DataFrame({"a": [1.0, 2.0, None], "b": [1.0, 1.0, 1.0]}), "without variation: b"),
        (pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [np.nan] * 3}), "without answers"),
    ],
)
def test_little_refuses_what_it_cannot_test(frame: pd.DataFrame, reason: str) -> None:
    with pytest.raises(NotEstimableError, match=reason):
        little_mcar(frame)


def test_imputed_values_are_answers_that_somebody_gave(survey: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    _, holes = survey
    before = holes.copy()
    completed = impute(holes, 4, np.random.default_rng(1))
    assert len(completed) == 4
    for frame in completed:
        assert frame.columns.equals(holes.columns)
        assert frame.index.equals(holes.index)
        assert frame.notna().all(axis=None)
        assert frame.isin([0, 1, 2, 3, 4, 5]).all(axis=None)
        pd.testing.assert_frame_equal(frame.where(holes.notna()), holes)
    assert not completed[0].equals(completed[1])
    pd.testing.assert_frame_equal(holes, before)


def test_imputation_depends_on_the_generator_alone(survey: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    _, holes = survey
    first, again, other = (impute(holes, 2, np.random.default_rng(seed)) for seed in (5, 5, 6))
    pd.testing.assert_frame_equal(first[1], again[1])
    assert not first[1].equals(other[1])


def test_imputation_repairs_the_bias_of_leaving_people_out(survey: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    complete, holes = survey
    item = "cls_02@a"
    truth, listwise = complete[item].mean(), holes[item].mean()
    completed = impute(holes, 10, np.random.default_rng(2))
    n = len(holes)
    pooled = rubin([f[item].mean() for f in completed], [f[item].var() / n for f in completed], df_complete=n - 1)
    assert abs(listwise - truth) > 0.2
    low, high = pooled.estimate.ci
    assert low < truth < high
    assert abs(pooled.estimate.value - truth) < 0.08
    assert 0 < pooled.extra["fmi"] < 0.5


def test_completed_sets_stand_below_one_another() -> None:
    full = pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 0.0]}, index=[7, 9])
    table = stacked([full, full + 1])
    assert table.columns.tolist() == ["imputation", "a", "b"]
    assert table["imputation"].tolist() == [1, 1, 2, 2]
    assert table["a"].tolist() == [1, 2, 2, 3]
    assert isinstance(table.index, pd.RangeIndex)


def test_imputation_of_complete_data_and_of_nearly_empty_columns() -> None:
    full = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0]})
    for frame in impute(full, 2, np.random.default_rng(0)):
        pd.testing.assert_frame_equal(frame, full)
    empty = full.assign(c=[1.0, np.nan, np.nan])
    with pytest.raises(NotEstimableError, match="c has too few answers"):
        impute(empty, 2, np.random.default_rng(0))


def test_imputation_survives_twin_and_constant_variables() -> None:
    rng = np.random.default_rng(4)
    a = rng.integers(1, 6, 60).astype(float)
    frame = pd.DataFrame({"a": a, "twin": a, "same": 1.0, "b": np.where(rng.random(60) < 0.2, np.nan, a)})
    completed = impute(frame, 2, rng)
    assert all(part.notna().all(axis=None) for part in completed)


def test_examples_in_docstrings() -> None:
    outcome = doctest.testmod(missing)
    assert outcome.attempted
    assert not outcome.failed
