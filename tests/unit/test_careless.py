from __future__ import annotations

import doctest

import numpy as np
import pandas as pd
import pytest

from lbc.errors import NotEstimableError
from lbc.instruments import load
from lbc.instruments.scoring import key
from lbc.params import Careless
from lbc.survey import careless
from lbc.survey.careless import (
    FLAGS,
    consistency,
    even_odd,
    flags,
    indices,
    irv,
    longstring,
    mahalanobis,
    person_total,
    psychometric_synonyms,
)

CLS = load("cls")
LIMITS = Careless()
LINE, RANDOM, LONELIEST, HAPPIEST = 0, 1, 2, 3


@pytest.fixture(scope="module")
def forms() -> pd.DataFrame:
    """200 honest children; the first four rows are replaced by the patterns that the names above stand for."""
    rng = np.random.default_rng(11)
    n, loneliness = 200, np.random.default_rng(12).standard_normal(200)
    columns = {}
    for item in CLS.items:
        if item.filler:
            columns[CLS.column(item.n)] = rng.integers(1, 6, n).astype(float)
            continue
        felt = np.clip(np.round(2.1 + 0.7 * loneliness + 0.8 * rng.standard_normal(n) + 0.4 * np.sin(item.n)), 1, 5)
        columns[CLS.column(item.n)] = 6 - felt if item.reverse else felt
    frame = pd.DataFrame(columns)
    frame.iloc[LINE] = 4.0
    frame.iloc[RANDOM] = rng.integers(1, 6, 24).astype(float)
    for row, lonely, positive in ((LONELIEST, 5.0, 1.0), (HAPPIEST, 1.0, 5.0)):
        for item in CLS.items:
            if not item.filler:
                frame.iloc[row, item.n - 1] = positive if item.reverse else lonely
    return frame


def test_longstring_counts_runs_and_a_missing_answer_ends_one() -> None:
    x = pd.DataFrame([[1, 1, 1, 2, 2], [1, np.nan, 1, 1, 2], [np.nan] * 5, [1, 2, 3, 4, 5]], index=[2, 3, 4, 9])
    found = longstring(x)
    assert found.index.tolist() == [2, 3, 4, 9]
    assert found.tolist()[:2] == [3, 2]
    assert np.isnan(found[4])
    assert found[9] == 1


def test_irv_is_the_standard_deviation_with_n_minus_1() -> None:
    x = pd.DataFrame([[1.0, 5.0, 3.0, np.nan], [2.0, np.nan, np.nan, np.nan]])
    assert irv(x).iloc[0] == pytest.approx(2.0)
    assert np.isnan(irv(x).iloc[1])


def test_mahalanobis_averages_to_the_number_of_items() -> None:
    x = pd.DataFrame(np.random.default_rng(1).standard_normal((50, 4)))
    assert mahalanobis(x).sum() == pytest.approx(4 * 49)  # identity: sum of D2 = k (n - 1)
    x.iloc[0, 0] = np.nan
    assert np.isnan(mahalanobis(x, complete_cases=True).iloc[0])
    assert np.isfinite(mahalanobis(x).iloc[0])
    x.iloc[1] = np.nan
    assert np.isnan(mahalanobis(x).iloc[1])


@pytest.mark.parametrize("columns", [3, 60])
def test_mahalanobis_refuses_a_singular_covariance(columns: int) -> None:
    x = pd.DataFrame(np.random.default_rng(1).standard_normal((50, columns)))
    x[1] = x[0]
    with pytest.raises(NotEstimableError, match="singular"):
        mahalanobis(x)


def test_even_odd_of_a_consistent_and_of_a_contrary_person() -> None:
    rows = [[1, 1, 3, 3, 5, 5], [1, 5, 3, 3, 5, 1], [2, 2, 2, 2, 2, 2]]
    x = pd.DataFrame(rows, columns=list("abcdef"), dtype=float)
    by_size, by_name = even_odd(x, [2, 2, 2]), even_odd(x, [["a", "b"], ["c", "d"], ["e", "f"]])
    pd.testing.assert_series_equal(by_size, by_name)
    assert by_size.iloc[0] == pytest.approx(1)
    assert by_size.iloc[1] == -1
    assert np.isnan(by_size.iloc[2])
    with pytest.raises(NotEstimableError, match="at least 3"):
        even_odd(x, [3, 3])
    with pytest.raises(ValueError, match="add up to 5"):
        even_odd(x, [2, 3])


def test_person_total_uses_the_others_only() -> None:
    x = pd.DataFrame([[1, 2, 3, 4], [1, 2, 3, 5], [4, 3, 2, 1], [2, 2, 2, 2]], dtype=float)
    others = x.iloc[[0, 1, 3]].mean()
    found = person_total(x)
    assert found.iloc[2] == pytest.approx(np.corrcoef(x.iloc[2], others)[0, 1])
    assert np.isnan(found.iloc[3])


def test_psychometric_synonyms_need_pairs() -> None:
    rng = np.random.default_rng(2)
    common = rng.standard_normal((80, 1))
    x = pd.DataFrame(common + 0.5 * rng.standard_normal((80, 4)))
    assert psychometric_synonyms(x, critical=0.5).between(-1, 1).all()
    with pytest.raises(NotEstimableError, match="at least 3"):
        psychometric_synonyms(pd.DataFrame(rng.standard_normal((80, 4))), critical=0.9)


def test_a_straight_line_is_careless_and_an_extreme_but_consistent_child_is_not(forms: pd.DataFrame) -> None:
    found = flags(forms, key(forms, CLS), None, LIMITS)
    assert list(found) == [*FLAGS, "n_flags"]
    assert found.drop(columns="n_flags").dtypes.eq(bool).all()
    assert found.loc[LINE, ["longstring", "low_variability"]].all()
    assert found.loc[LINE, "n_flags"] >= LIMITS.min_flags
    assert found.loc[[LONELIEST, HAPPIEST], "n_flags"].max() < LIMITS.min_flags
    assert not found.loc[[LONELIEST, HAPPIEST], ["longstring", "low_variability", "person_total"]].any(axis=None)
    assert (found.loc[4:, "n_flags"] >= LIMITS.min_flags).mean() <= 0.02
    assert (found["n_flags"] == found[list(FLAGS)].sum(axis=1)).all()


def test_random_answers_are_far_from_everybody(forms: pd.DataFrame) -> None:
    found = indices(forms, key(forms, CLS))
    assert found["mahalanobis"].rank(ascending=False)[RANDOM] <= 5


def test_on_a_scale_keyed_one_way_a_straight_line_may_be_true() -> None:
    psss = load("psss")
    rng = np.random.default_rng(4)
    raw = pd.DataFrame(rng.integers(1, 8, (60, 12)).astype(float), columns=psss.columns())
    raw.iloc[0] = 7.0
    found = flags(raw, key(raw, psss), None, LIMITS)
    assert not found.loc[0, ["longstring", "low_variability"]].any()


def test_time_is_counted_per_question_and_unknown_time_raises_no_flag(forms: pd.DataFrame) -> None:
    seconds = pd.Series([30.0, 60.0], index=[5, 6])
    keyed = key(forms, CLS)
    found = flags(forms, keyed, seconds, LIMITS)
    assert found.index[found["too_fast"]].tolist() == [5]  # 24 items need 48 seconds
    assert flags(forms, keyed, seconds, LIMITS, questions=40)["too_fast"].sum() == 2
    assert not flags(forms, keyed, None, LIMITS)["too_fast"].any()


def test_three_items_convict_nobody() -> None:
    """With so few items the correlation with everybody else is chance: no careful reader is lost to it."""
    raw = pd.DataFrame([[1, 2, 3]] * 20 + [[3, 2, 1]] * 3, columns=["a_01", "a_02", "a_03"], dtype=float)
    assert (indices(raw, raw)["person_total"] < LIMITS.person_total).sum() == 3
    assert not flags(raw, raw, None, LIMITS)["person_total"].any()


def test_what_cannot_be_computed_raises_no_flag(forms: pd.DataFrame) -> None:
    few = forms.head(5).copy()
    few.iloc[4] = np.nan
    found = indices(few, key(few, CLS))
    assert found["mahalanobis"].isna().all()
    assert found.iloc[4].isna().all()
    assert flags(few, key(few, CLS), None, LIMITS).loc[4, "n_flags"] == 0


def test_consistency_over_several_scales(forms: pd.DataFrame) -> None:
    psss = load("psss")
    rng = np.random.default_rng(6)
    support = pd.DataFrame(rng.integers(1, 8, (200, 12)).astype(float), columns=psss.columns())
    support.iloc[LONELIEST] = [2, 2, 5, 5, 2, 1, 1, 5, 1, 2, 5, 1]
    survey = pd.concat([forms, support], axis=1)
    found = consistency(survey, [CLS, psss, load("pssm")])
    assert found[LONELIEST] > 0.9
    assert consistency(forms, [CLS]).isna().all()  # two units are too few
    assert consistency(support, [psss]).isna().all()  # and so are three
    later = survey.add_suffix("@resurvey")
    pd.testing.assert_series_equal(consistency(later, [CLS, psss], wave="resurvey"), found)
    raised = flags(forms, key(forms, CLS), None, LIMITS, consistency=found)["even_odd"]
    assert raised.equals((found < LIMITS.even_odd).rename("even_odd"))


def test_examples_in_docstrings() -> None:
    outcome = doctest.testmod(careless)
    assert outcome.attempted
    assert not outcome.failed
