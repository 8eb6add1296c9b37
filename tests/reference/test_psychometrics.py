"""Reliability against psych, MBESS and lavaan in R; each case file holds the commands that made its numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from cases import agrees, case, data

from lbc.analysis.dimensions import efa
from lbc.analysis.psychometrics import alpha, guttman, item_table, omega_total


def items_of(name: str) -> pd.DataFrame:
    """The case's items, keyed as its commands key them."""
    told = case(name)
    frame = data(told["dataset"][0]["file"].removeprefix("data/"))
    items = frame if told["options"]["items"] == "all 7" else frame[told["options"]["items"]].copy()
    if told["options"].get("reverse") == "A1":
        items["A1"] = 7 - items["A1"]
    return items


@pytest.mark.parametrize("name", ["a01", "a02", "a03", "a04"])
def test_alpha(name: str) -> None:
    told, result = case(name), alpha(items_of(name))
    e, x = told["expected"], result.extra
    found = {
        "n": result.n["persons"], "k": x["items"], "alpha": result.estimate.value, "alpha_std": x["alpha_std"],
        "guttman_lambda6": x["lambda6"], "average_r": x["average_r"], "median_r": x["median_r"],
        "ase_duhachek": x["se"], "feldt_ci95": dict(zip(("lower", "upper"), result.estimate.ci, strict=True)),
        "sum_score_mean": x["sum_mean"], "sum_score_sd": x["sum_sd"],
    }
    agrees(found, {key: e[key] for key in found}, told["tolerance"])


@pytest.mark.parametrize("name", ["a01", "a02", "a03", "a04"])
def test_item_table(name: str) -> None:
    told, table = case(name), item_table(items_of(name))
    e = told["expected"]["items"]
    columns = {"mean": "m", "sd": "sd", "item_total_r": "r_total", "corrected_item_total_r": "r_rest",
               "alpha_if_deleted": "alpha_without"}
    assert list(table["item"]) == e["item"]
    found = {key: table[column].tolist() for key, column in columns.items()}
    agrees(found, {key: e[key] for key in columns}, told["tolerance"])


def test_guttman() -> None:
    told, found = case("a07"), guttman(items_of("a07"))
    e = told["expected"]
    pairs = {"lambda1_cov": "lambda1", "lambda2_cov": "lambda2", "lambda3_cov": "lambda3", "lambda6_std": "lambda6",
             "max_split_half_lambda4": "lambda4", "min_split_half_beta": "smallest_split_half"}
    agrees({key: found[own] for key, own in pairs.items()}, {key: e[key] for key in pairs}, told["tolerance"])
    odd_even = {"r": found["odd_even_r"], "spearman_brown": found["odd_even_spearman_brown"],
                "guttman": found["odd_even_guttman"]}
    agrees(odd_even, e["odd_even"], told["tolerance"])


def test_the_mean_split_half_covers_every_split() -> None:
    """With an odd number of items psych averages the first half of the splits only; the mean here is over all ten.

    Of five items, two against three, the mean over all splits is 4 * 6 / (5 * 4) of (1 - trace / sum), that is 24/25
    of standardised alpha (case a01), whatever the order of the items.
    """
    found, standardised = guttman(items_of("a07")), case("a01")["expected"]["alpha_std"]
    assert found["mean_split_half"] == pytest.approx(24 / 25 * standardised, rel=1e-9)


@pytest.mark.parametrize("name", ["a08", "a09"])
def test_omega(name: str) -> None:
    told, result = case(name), omega_total(items_of(name))
    e, x = told["expected"], result.extra
    value, ends = result.estimate.value, ("lower", "upper")
    found = {
        "n": result.n["persons"], "omega_total_ml": value, "omega_observed_variance": x["omega_observed"],
        "omega_standardized_loadings": x["omega_standardised"], "ave": x["ave"], "loadings_std": x["loadings"],
        "mbess_ml": {"est": value, "se": x["se_normal"], **dict(zip(ends, x["ci_normal"], strict=True))},
        "fit_one_factor": {"chisq": x["chi2"], "df": x["df"], "pvalue": x["p"], "cfi": x["cfi"], "tli": x["tli"],
                           "rmsea": x["rmsea"], "srmr": x["srmr"]},
    }
    agrees(found, {key: e[key] for key in found}, told["tolerance"])
    robust = {"est": value, "se": x["se"], **dict(zip(ends, result.estimate.ci, strict=True))}
    agrees(robust, e["mbess_mlr"], told["tolerance"])


def test_one_exploratory_factor_is_the_one_of_psych() -> None:
    told = case("a08")
    loadings = efa(items_of("a08"), 1)["F1"].to_dict()
    agrees(loadings, told["expected"]["psych_fa_ml_loadings"], {"abs": 1e-3})  # as the case's special tolerance says


def test_kr20_of_the_loneliness_items() -> None:
    told = case("a10")
    frame, e = data("loneliness_gamers_s2.csv"), told["expected"]
    items = frame[list(e["corrected_item_total"])]
    result, rest = alpha(items), item_table(items).set_index("item")["r_rest"]
    assert result.estimate.name == "KR-20"
    found = {"kr20": result.estimate.value,
             "mean_total": result.extra["sum_mean"], "sd_total": result.extra["sum_sd"],
             "corrected_item_total": rest.to_dict(),
             "ucla3_alpha": alpha(frame[[f"ucla{n}_before" for n in (1, 2, 3)]]).estimate.value}
    agrees(found, {key: e[key] for key in found}, told["tolerance"])


def test_the_interval_is_feldts_and_not_rounded() -> None:
    """A 90 % interval lies inside the 95 % one and both hold more than three decimals."""
    wide, narrow = alpha(items_of("a03")).estimate.ci, alpha(items_of("a03"), level=0.90).estimate.ci
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    assert np.round(wide[0], 6) != np.round(wide[0], 3)
