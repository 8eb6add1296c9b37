"""Blocks of predictors and relative importance against R: stats, sandwich, car, relaimpo, domir (e01 to e06)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from cases import agrees, case, data

from lbc.analysis.ecology import blockwise, conditional_dominance, importance, standardised, vif

SWISS = {"i": ["Agriculture", "Infant_Mortality"], "ii": ["Education", "Examination"], "iii": ["Catholic"]}
GAMERS = {"i": ["age", "female"], "ii": ["ucla_before"], "iii": ["dep", "anx", "str"]}
DASS = {
    "dep": (3, 5, 10, 13, 16, 17, 21), "anx": (2, 4, 7, 9, 15, 19, 20), "str": (1, 6, 8, 11, 12, 14, 18),
}


def gamers() -> pd.DataFrame:
    """The first line of the case's code: sum scores that need all items, DASS doubled, sex male or female."""
    d = data("loneliness_gamers_s1.csv")
    d = d[d["sex"].isin(["male", "female"])]
    scores = {"female": (d["sex"] == "female").astype(float), "age": d["age"]}
    for wave in ("before", "during"):
        scores[f"ucla_{wave}"] = d[[f"ucla{i}_{wave}" for i in (1, 2, 3)]].sum(axis=1, skipna=False)
    for scale, items in DASS.items():
        scores[scale] = 2 * d[[f"dass{i:02d}_before" for i in items]].sum(axis=1, skipna=False)
    return pd.DataFrame(scores)


@pytest.mark.parametrize("name", ["e01", "e02"])
def test_hierarchical_regression_is_rs(name: str) -> None:
    expected = case(name)
    frame, outcome, blocks = (
        (data("swiss_fertility.csv"), "Fertility", SWISS) if name == "e01" else (gamers(), "ucla_during", GAMERS)
    )
    table = blockwise(frame, outcome, blocks)
    steps = pd.DataFrame(expected["expected"]["steps"])
    found = {
        "r2": "r2", "adj_r2": "r2_adjusted", "delta_r2": "delta_r2", "F_change": "F_change", "df_change": "df_change",
        "df2": "df_residual", "p_change": "p_change", "f2_change": "f2_change",
    }
    for theirs, ours in found.items():
        agrees(table[ours].tolist(), steps[theirs].tolist(), expected["tolerance"])
    assert set(table["n"]) == {expected["expected"]["n"]}

    predictors = [predictor for block in blocks.values() for predictor in block]
    final, coefficients = expected["expected"]["final"], standardised(frame, outcome, predictors)
    agrees(coefficients["b"].tolist(), final["b"][1:], expected["tolerance"])
    agrees(coefficients["se"].tolist(), final["se_hc3"][1:], expected["tolerance"])
    betas = dict(zip(coefficients["term"], coefficients["beta"], strict=True))
    agrees(betas, expected["expected"]["standardized_beta"], expected["tolerance"])
    inflation = vif(frame[[outcome, *predictors]].dropna(), predictors).set_index("predictor")["vif"]
    agrees(inflation, expected["expected"]["vif"], expected["tolerance"])
    last = importance(frame, outcome, predictors).set_index("predictor")["last"]
    agrees(last, expected["expected"]["semipartial_r2"], expected["tolerance"])


@pytest.mark.parametrize("name", ["e03", "e04", "e05"])
def test_relative_importance_is_that_of_relaimpo_and_domir(name: str) -> None:
    expected, tolerance = case(name)["expected"], case(name)["tolerance"]
    frame, outcome = {
        "e03": lambda: (data("swiss_fertility.csv"), "Fertility"), "e04": lambda: (data("mtcars.csv"), "mpg"),
        "e05": lambda: (gamers(), "ucla_during"),
    }[name]()
    predictors = list(expected["lmg_relaimpo"])
    table = importance(frame, outcome, predictors).set_index("predictor")
    found = {"lmg": "lmg_relaimpo", "percent": "lmg_percent", "first": "first", "last": "last", "pratt": "pratt"}
    for ours, theirs in found.items():
        agrees(table[ours], expected[theirs], tolerance)
    agrees(table["lmg"], expected["general_dominance_domir"], tolerance)
    agrees(table["r2"].iloc[0], expected["r2"], tolerance)
    assert table["n"].iloc[0] == expected["n"]
    gains = conditional_dominance(frame, outcome, predictors).set_index("predictor")
    for k in range(len(predictors)):
        agrees(gains[f"with_{k}"], expected["conditional_dominance"][f"with_{k}_others"], tolerance)


def test_percentile_intervals_are_those_of_relaimpo() -> None:
    expected, tolerance = case("e06")["expected"], case("e06")["tolerance"]
    table = importance(
        data("swiss_fertility.csv"), "Fertility", list(expected["lmg"]), rng=np.random.default_rng(1), n_boot=4000,
        interval="percentile",
    ).set_index("predictor")
    agrees(table["lmg_low"], expected["lower"], tolerance)
    agrees(table["lmg_high"], expected["upper"], tolerance)
