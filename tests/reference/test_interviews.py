"""Agreement of coders against R: irr, vcd, psych (i01 to i04)."""

from __future__ import annotations

import numpy as np
import pytest
from cases import agrees, case, data

from lbc.analysis.interviews import ac1, cohen_kappa, fleiss_kappa, icc_raters, krippendorff_alpha


def test_krippendorffs_own_example() -> None:
    expected = case("i01")
    matrix = data("krippendorff_4x12.csv").iloc[:, 1:].to_numpy(float).T
    for metric, value in expected["expected"]["by_definition"].items():
        agrees(krippendorff_alpha(matrix, metric).estimate.value, value, expected["tolerance"])
    counted = (~np.isnan(matrix)).sum(axis=0)
    assert counted[counted > 1].sum() == expected["expected"]["n_pairable_values"]


def test_cohens_kappa_plain_and_weighted() -> None:
    expected, tolerance = case("i02")["expected"], case("i02")["tolerance"]
    table = data("cohen1968_table.csv").iloc[:, 1:].to_numpy()
    i, j = np.indices((3, 3))
    a, b = np.repeat(i.ravel() + 1, table.ravel()), np.repeat(j.ravel() + 1, table.ravel())
    plain = cohen_kappa(a, b)
    agrees(plain.n["units"], expected["n"], tolerance)
    agrees(plain.estimate.value, expected["kappa"], tolerance)
    agrees(list(plain.estimate.ci), expected["kappa_ci95"], tolerance)
    found = {"se": "ase_kappa", "percent_agreement": "percent_agreement", "scott_pi": "scott_pi", "ac1": "gwet_ac1",
             "pabak": "pabak", "maximum": "max_kappa_given_margins"}
    for ours, theirs in found.items():
        agrees(plain.extra[ours], expected[theirs], tolerance)
    agrees(ac1(a, b).estimate.value, expected["gwet_ac1"], tolerance)
    for kind in ("linear", "quadratic"):
        weighted = cohen_kappa(a, b, kind)
        agrees(weighted.estimate.value, expected[f"weighted_{kind}"], tolerance)
        agrees(weighted.extra["se"], expected[f"ase_weighted_{kind}"], tolerance)
    own = cohen_kappa(a, b, expected["disagreement_weights"])
    agrees(own.estimate.value, expected["weighted_kappa_cohen1968_weights"], tolerance)


def test_fleiss_six_raters() -> None:
    expected, tolerance = case("i03")["expected"], case("i03")["tolerance"]
    codes = data("diagnoses_fleiss1971.csv").iloc[:, 1:]
    result = fleiss_kappa(codes)
    agrees(result.estimate.value, expected["fleiss_kappa"], tolerance)
    agrees(result.test.statistic, expected["z"], tolerance)
    agrees(result.extra["by_category"], expected["category_kappas"], {"abs": 0.0005})  # irr rounds to 3 decimals
    agrees(result.extra["percent_agreement"], expected["percent_agreement_all_raters"], tolerance)
    agrees(krippendorff_alpha(codes.T).estimate.value, expected["krippendorff_nominal"], tolerance)
    for pair, value in zip(expected["pairs"], expected["pairwise_cohen"], strict=True):
        first, second = (codes[f"rater{rater}"] for rater in pair.split("-"))
        agrees(cohen_kappa(first, second).estimate.value, value, tolerance)
    two = cohen_kappa(codes["rater1"], codes["rater2"], categories=expected["categories"])
    agrees(two.extra["se"], expected["rater1_rater2"]["ase_kappa"], tolerance)
    agrees(two.extra["scott_pi"], expected["rater1_rater2"]["scott_pi"], tolerance)
    agrees(two.extra["ac1"], expected["rater1_rater2"]["gwet_ac1"], tolerance)


@pytest.mark.parametrize("key", ["icc", "F", "df1", "df2", "p", "ci_low", "ci_high"])
def test_intraclass_correlations_of_shrout_and_fleiss(key: str) -> None:
    expected = case("i04")
    table = icc_raters(data("shrout_fleiss_1979.csv").iloc[:, 1:])
    assert table["type"].tolist() == expected["expected"]["type"]
    agrees(table[key.removeprefix("ci_")].tolist(), expected["expected"][key], expected["tolerance"])
