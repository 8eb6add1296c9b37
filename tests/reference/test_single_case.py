"""Single-case effect sizes against R: SingleCaseES and scan (g01 to g04, g06 to g08)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from cases import agrees, case, data

from lbc.analysis import single_case as sc
from lbc.errors import NotEstimableError

DIRECTION = {"increase": "up", "decrease": "down"}
PUBLISHED = list(case("g01")["expected"])
TREND = {
    "trend_tau": "baseline_trend_tau", "trend_z": "baseline_trend_z", "trend_p": "baseline_trend_p",
    "corrected": "correction_applied_alpha_.05", "slope": "theil_sen_slope", "intercept": "theil_sen_intercept",
    "tau_uncorrected": "tau_b_uncorrected_base_R", "p_uncorrected": "p_uncorrected",
    "tau_corrected": "tau_b_corrected_base_R",
}


def series(name: str) -> tuple[np.ndarray, np.ndarray]:
    d = data("scd_small_published.csv").query("series == @name")
    return tuple(d.loc[d["phase"] == phase, "y"].to_numpy() for phase in "AB")


@pytest.mark.parametrize("name", PUBLISHED)
def test_overlap_of_published_series(name: str) -> None:
    expected, tolerance = case("g01")["expected"][name], case("g01")["tolerance"]
    a, b = series(name)
    way = DIRECTION[expected["improvement"]]
    nap = sc.nap(a, b, way)
    assert nap.n == {"baseline": expected["nA"], "treatment": expected["nB"]}
    agrees(nap.estimate.value, expected["NAP"]["est"], tolerance)
    agrees(nap.extra["se"], expected["NAP"]["se_unbiased"], tolerance)
    if expected["NAP"]["est"] < 1:  # R's uniroot stops within 1.2e-4 of the root (its default tol)
        agrees(list(nap.estimate.ci), [expected["NAP"]["ci_low"], expected["NAP"]["ci_high"]], {"abs": 1.2e-4})
    for ours, theirs in {"pnd": "PND", "pem": "PEM", "pand": "PAND", "ird": "IRD"}.items():
        agrees(getattr(sc, ours)(a, b, way), expected[theirs], tolerance)
    agrees(sc.tau(a, b, way).estimate.value, expected["Tau_nonoverlap"], tolerance)
    for sd in ("baseline", "pooled"):
        smd = sc.smd(a, b, way, sd)
        agrees({"est": smd.estimate.value, "se": smd.extra["se"]}, expected[f"SMD_{sd}_sd"], tolerance)
    lrr = sc.lrr(a, b, way, "count")
    low, high = lrr.estimate.ci
    found = {"est": lrr.estimate.value, "se": lrr.extra["se"], "ci_low": low, "ci_high": high}
    agrees(found, expected["LRRi"], tolerance)
    variants = sc.tau_u(a, b, way).set_index("row")
    agrees(variants.loc["A vs. B - Trend A", "tau"], expected["Tau_U_A_vs_B_minus_trendA"], tolerance)
    agrees(variants["S"].iloc[:3].tolist(), [expected[f"S_{s}"] for s in ("A_vs_B", "trend_A", "trend_B")], tolerance)
    agrees(variants["tau"].tolist(), list(expected["tau_definitions"].values()), tolerance)
    if name != "tarlow_2017_linear":  # nothing is left there once the trend is off: see below
        detrended = sc.baseline_corrected_tau(a, b, way).extra["tau_nonoverlap_detrended"]
        agrees(detrended, expected["Tau_BC_no_pretest"], tolerance)


def test_complete_separation_is_not_certainty() -> None:
    """SingleCaseES returns [1, 1] at NAP = 1, the trivial root of the score equation; the other root is the limit."""
    assert case("g01")["expected"]["tarlow_2017_linear"]["NAP"]["ci_low"] == 1
    low, high = sc.nap(*series("tarlow_2017_linear"), "up").estimate.ci
    t, mn, h, z = low, 25, 4, 1.959963984540054
    spread = t * (1 - t) * (1 + h * ((1 - t) / (2 - t) + t / (1 + t))) / mn
    assert (1 - t) ** 2 == pytest.approx(z**2 * spread)
    assert (0.5 < low < 0.8, high) == (True, 1)


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("method", ["complete", "parker", "tarlow"])
def test_all_tau_u_variants(name: str, method: str) -> None:
    expected = case("g02")["expected"][name]["complete_tau_b" if method == "complete" else method]
    way = DIRECTION[case("g01")["expected"][name]["improvement"]]
    table = sc.tau_u(*series(name), way, method)
    assert table["row"].tolist() == expected.pop("row")
    for column, values in expected.items():
        agrees(table[column.replace("Z", "z")].tolist(), values, case("g02")["tolerance"])


@pytest.mark.parametrize("name", PUBLISHED)
def test_baseline_corrected_tau_of_published_series(name: str) -> None:
    expected, tolerance = case("g03")["expected"]["published_series"][name], case("g03")["tolerance"]
    if expected["bc_tau"] is None:
        with pytest.raises(NotEstimableError, match="once the baseline's trend is taken off"):
            sc.baseline_corrected_tau(*series(name), "up")
        return
    check_corrected(sc.baseline_corrected_tau(*series(name), "up"), expected, tolerance)


@pytest.mark.parametrize("name", ["Johanna", "Karolina", "Anja"])
def test_baseline_corrected_tau_of_scans_example(name: str) -> None:
    d = data("scd_exampleAB.csv").query("case == @name")
    a, b = (d.loc[d["phase"] == phase, "y"] for phase in "AB")
    found = sc.baseline_corrected_tau(a, b, "up", d["session"])
    check_corrected(found, case("g03")["expected"]["exampleAB"][name], case("g03")["tolerance"])


def check_corrected(found: Any, expected: dict[str, Any], tolerance: dict[str, Any]) -> None:
    for ours, theirs in TREND.items():
        agrees(found.extra[ours], expected[theirs], tolerance)
    if abs(expected["tau_corrected"] - expected["tau_b_corrected_base_R"]) > 1e-6:
        tolerance = {"abs": 2e-3}  # scan loses ties of residuals to floating point: see the notes of the case
    agrees(found.extra["p_corrected"], expected["p_corrected"], tolerance)
    agrees(found.estimate.value, expected["bc_tau"], tolerance)


@pytest.mark.parametrize("key", list(case("g06")["expected"]))
def test_schmidts_children(key: str) -> None:
    expected, tolerance = case("g06")["expected"][key], case("g06")["tolerance"]
    behaviour, child, pair = key.split("|")
    d = data("scd_schmidt2007.csv")
    d = d[(d["behavior_type"] == behaviour) & (d["case_pseudonym"] == child) & (d["phase_num"] == int(pair))]
    a, b = (d.loc[d["condition"] == phase, "outcome"] for phase in "AB")
    way = DIRECTION[expected["improvement"]]
    nap = sc.nap(a, b, way)
    agrees({"est": nap.estimate.value, "se": nap.extra["se"]}, expected["NAP"], tolerance)
    agrees(sc.tau(a, b, way).estimate.value, expected["Tau"], tolerance)
    agrees(sc.smd(a, b, way).estimate.value, expected["SMD"], tolerance)
    agrees(sc.pnd(a, b, way), expected["PND"], tolerance)
    if expected["scale"] == "count":
        lrr = sc.lrr(a, b, way, "count")
        agrees({"est": lrr.estimate.value, "se": lrr.extra["se"]}, expected["LRRi"], tolerance)
    else:
        with pytest.raises(NotEstimableError, match="needs counts"):
            sc.lrr(a, b, way, expected["scale"])


def test_thirty_five_pupils_with_missing_sessions() -> None:
    expected, tolerance = case("g07")["expected"], case("g07")["tolerance"]
    d = data("scd_leidig2018.csv")
    pupils = [d[d["case"] == name] for name in expected["case"]]
    table = pd.concat([sc.overlap_table(pupil, "disruptive_behavior", "down") for pupil in pupils])
    columns = {"n_baseline": "nA", "n_phase": "nB", "nap": "NAP", "tau": "Tau", "pnd": "PND", "pem": "PEM"}
    for ours, theirs in columns.items():
        agrees(table[ours].tolist(), expected["values"][theirs], tolerance)
    agrees(table["nap"].mean(), expected["mean_NAP"], tolerance)


def test_start_points_drawn_at_random() -> None:
    expected, tolerance = case("g04")["expected"], case("g04")["tolerance"]
    d = data("scd_exampleAB.csv")
    cases = {name: part["y"] for name, part in d.groupby("case", sort=False)}
    starts = {name: int((part["phase"] == "A").sum()) for name, part in d.groupby("case", sort=False)}
    found = sc.randomization_test(cases, starts, "up", expected["limit"])
    agrees(found.test.p, expected["p_by_enumeration"], tolerance)
    agrees(found.estimate.value, expected["observed_mean_difference"], tolerance)
    assert found.extra["assignments"] == expected["n_combinations"]
    agrees(found.extra["distribution"].mean(), expected["distribution_mean"], tolerance)
    agrees(found.extra["distribution"].std(ddof=1), expected["distribution_sd"], tolerance)
    for one in expected["per_case"]:
        agrees(found.extra["by_case"][one["case"]].tolist(), one["distribution"], tolerance)
        alone = sc.randomization_test({one["case"]: cases[one["case"]]}, starts, "up", expected["limit"])
        agrees(alone.test.p, one["p"], tolerance)
        agrees(alone.estimate.value, one["observed"], tolerance)


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_staggered_starts_dealt_at_random(statistic: str) -> None:
    expected, tolerance = case("g08")["expected"], case("g08")["tolerance"]
    d = data("scd_exampleAB_mpd.csv")
    cases = {name: part["y"] for name, part in d.groupby("case", sort=False)}
    found = sc.multiple_baseline_test(cases, expected["baseline_lengths"], "up", getattr(np, statistic))
    agrees(found.extra["distribution"].tolist(), expected[f"{statistic}_statistics"], tolerance)
    agrees(found.test.p, expected[f"p_{statistic}"], tolerance)
