"""Indices of careless answering against the R package careless (j01 to j04)."""

from __future__ import annotations

import pandas as pd
import pytest
from cases import agrees, case, data

from lbc.survey.careless import even_odd, irv, longstring, mahalanobis, person_total, psychometric_synonyms


def items_of(name: str) -> tuple[pd.DataFrame, list[int]]:
    if name == "j01":
        return data("careless_dataset.csv"), [5] * 10
    return data("bfi.csv").iloc[:, 1:26], [5] * 5


@pytest.mark.parametrize("name", ["j01", "j04"])
def test_indices_are_those_of_careless(name: str) -> None:
    expected = case(name)
    wanted, tolerance = expected["expected"], expected["tolerance"]
    items, factors = items_of(name)
    shown = [row - 1 for row in wanted["rows_shown_1_based"]]
    runs, spread, consistency = longstring(items), irv(items), even_odd(items, factors)
    agrees(runs.iloc[shown].tolist(), wanted["longstring"], tolerance)
    agrees(runs.mean(), wanted["longstring_mean"], tolerance)
    agrees(runs.max(), wanted["longstring_max"], tolerance)
    agrees(spread.iloc[shown].tolist(), wanted["irv"], tolerance)
    agrees(spread.mean(), wanted["irv_mean"], tolerance)
    agrees((-consistency).iloc[shown].tolist(), wanted["evenodd_careless_1.2.2"], tolerance)
    agrees((-consistency).mean(), wanted["evenodd_mean"], tolerance)
    agrees(person_total(items).iloc[shown].tolist(), wanted["person_total_correlation"], tolerance)


@pytest.mark.parametrize("name", ["j01", "j04"])
def test_mahalanobis_distances_are_those_of_careless_and_of_complete_cases(name: str) -> None:
    from scipy.stats import chi2

    expected = case(name)
    wanted, tolerance = expected["expected"], expected["tolerance"]
    items, _ = items_of(name)
    shown = [row - 1 for row in wanted["rows_shown_1_based"]]
    available, complete = mahalanobis(items), mahalanobis(items, complete_cases=True)
    agrees(available.iloc[shown].tolist(), wanted["mahalanobis_d2_careless"], tolerance)
    agrees(complete.iloc[shown].tolist(), wanted["mahalanobis_d2_complete_cases"], tolerance)
    assert (available > chi2.isf(0.01, items.shape[1])).sum() == wanted["n_flagged_99_careless"]
    assert (complete > chi2.isf(0.001, items.shape[1])).sum() == wanted["n_above_chisq_999"]


def test_longstring_on_the_rows_that_careless_tests_itself_with() -> None:
    expected = case("j02")
    found = longstring(data("careless_longstring_test.csv")).tolist()
    agrees(found, expected["expected"]["longstring"], expected["tolerance"])


def test_psychometric_synonyms() -> None:
    expected = case("j03")
    found = psychometric_synonyms(data("careless_dataset.csv"), critical=expected["expected"]["critval"])
    agrees(found.head(40).tolist(), expected["expected"]["psychsyn_first40"], expected["tolerance"])
    agrees(found.mean(), expected["expected"]["mean"], expected["tolerance"])
