"""Single-case effect sizes: SingleCaseES, scan and least squares (g01 to g08)."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from lbc.analysis import single_case as sc
from lbc.analysis.stats import moments
from lbc.errors import NotEstimableError
from operations import Case, operation
from operations.common import code, file

DIRECTION = {"increase": "up", "decrease": "down"}
NO_ZERO = "a log response ratio needs counts; lbc refuses one of percentages"


def series(told: Case, name: str) -> tuple[np.ndarray, np.ndarray]:
    d = file(told)
    d = d[d["series"] == name]
    return tuple(d.loc[d["phase"] == phase, "y"].to_numpy() for phase in "AB")


@operation("single_case_overlap", omitted={
    "*/LRRi_no_bias_correction": "the bias-corrected ratio is given",
    "*/NAP/ci_low": "at complete separation SingleCaseES gives [1, 1], a trivial root of the score equation; see "
                    "test_beyond_cases.py",
    "*/Tau_BC_no_pretest": "nothing varies once the baseline's trend is taken off: lbc says so, SingleCaseES gives 0",
}, wider={"*/NAP/ci_*": ("abs 1.2e-4", "R's uniroot stops within 1.2e-4 of the root")})
def overlap(told: Case) -> dict[str, Any]:
    frame, answer = file(told), {}
    for name, e in told["expected"].items():
        way = DIRECTION[e["improvement"]]
        table = sc.visual_table(frame[frame["series"] == name], "y", way).iloc[0]
        medians = {"median_A": table["median_baseline"], "median_B": table["median_phase"]}
        answer[name] = medians | indices(*series(told, name), way)
    return answer


def indices(a: np.ndarray, b: np.ndarray, way: str) -> dict[str, Any]:
    nap, lrr, first, second = sc.nap(a, b, way), sc.lrr(a, b, way, "count"), moments(a), moments(b)
    variants = sc.tau_u(a, b, way).set_index("row")
    s, taus = variants["S"].iloc[:3], variants["tau"].tolist()
    ends = dict(zip(("ci_low", "ci_high"), nap.estimate.ci, strict=True))
    if nap.estimate.value == 1:
        del ends["ci_low"]
    try:
        left = {"Tau_BC_no_pretest": sc.baseline_corrected_tau(a, b, way).extra["tau_nonoverlap_detrended"]}
    except NotEstimableError:
        left = {}
    return left | {
        "nA": nap.n["baseline"], "nB": nap.n["treatment"], "mean_A": first.mean, "mean_B": second.mean,
        "sd_A": first.sd, "sd_B": second.sd,
        "NAP": {"est": nap.estimate.value, "se_unbiased": nap.extra["se"], **ends},
        "PND": sc.pnd(a, b, way), "PEM": sc.pem(a, b, way), "PAND": sc.pand(a, b, way), "IRD": sc.ird(a, b, way),
        "Tau_nonoverlap": sc.tau(a, b, way).estimate.value,
        "Tau_U_A_vs_B_minus_trendA": variants.loc["A vs. B - Trend A", "tau"],
        **dict(zip(("S_A_vs_B", "S_trend_A", "S_trend_B"), s, strict=True)),
        "tau_definitions": dict(zip(("A_vs_B", "trend_A", "trend_B", "A_vs_B_minus_trend_A_over_mn",
                                     "A_vs_B_plus_trend_B_over_mn_plus_nB", "full_over_all_pairs"), taus, strict=True)),
        **{f"SMD_{sd}_sd": {"est": smd.estimate.value, "se": smd.extra["se"]}
           for sd in ("baseline", "pooled") for smd in [sc.smd(a, b, way, sd)]},
        "LRRi": {"est": lrr.estimate.value, "se": lrr.extra["se"], "ci_low": lrr.estimate.ci[0],
                 "ci_high": lrr.estimate.ci[1]},
        "LRRd": {"est": -lrr.estimate.value, "se": lrr.extra["se"]},  # for counts the sign is turned
    }


@operation("tau_u")
def tau_u(told: Case) -> dict[str, Any]:
    """The commands say for each series whether it improves downwards."""
    answer: dict[str, Any] = {}
    falls = re.search(r"decr <- c\((.+?)\)", code(told))[1].split(",")
    for name, down in zip(told["expected"], falls, strict=True):
        answer[name] = {}
        for theirs, method in (("complete_tau_b", "complete"), ("parker", "parker"), ("tarlow", "tarlow")):
            table = sc.tau_u(*series(told, name), "down" if down == "TRUE" else "up", method)
            answer[name][theirs] = table.rename(columns={"z": "Z"}).to_dict("list")
    return answer


@operation("baseline_corrected_tau", omitted={
    "published_series/*": "a series on a straight line: once the baseline's trend is taken off nothing varies, and lbc "
                          "says so instead (scan's corrected tau is undefined too; checked in test_beyond_cases.py)",
}, wider={
    f"*/{key}": ("abs 2e-3", "scan loses ties of residuals to floating point, as the case's notes say; the tau of the "
                             "rounded residuals is compared at full precision")
    for key in ("tau_corrected", "p_corrected", "bc_tau", "bc_tau_p")
})
def baseline_corrected(told: Case) -> dict[str, Any]:
    answer: dict[str, Any] = {"published_series": {}, "exampleAB": {}}
    for name in told["expected"]["published_series"]:
        answer["published_series"][name] = corrected(*series(told, name))
    d = file(told, 1)
    for name, part in d.groupby("case", sort=False):
        a, b = (part.loc[part["phase"] == phase, "y"] for phase in "AB")
        answer["exampleAB"][name] = corrected(a, b, part["session"])
    return answer


def corrected(a: Any, b: Any, times: Any = None) -> dict[str, Any]:
    try:
        found = sc.baseline_corrected_tau(a, b, "up", times)
    except NotEstimableError:  # nothing varies once the baseline's trend is taken off: scan's tau is undefined too
        return {}
    x, tau, p = found.extra, found.estimate.value, found.test.p
    return {
        "baseline_trend_tau": x["trend_tau"], "baseline_trend_z": x["trend_z"], "baseline_trend_p": x["trend_p"],
        "correction_applied_alpha_.05": x["corrected"], "tau_uncorrected": x["tau_uncorrected"],
        "p_uncorrected": x["p_uncorrected"], "tau_corrected": x["tau_corrected"], "p_corrected": x["p_corrected"],
        "bc_tau": tau, "bc_tau_p": p, "theil_sen_slope": x["slope"], "theil_sen_intercept": x["intercept"],
        "tau_b_uncorrected_base_R": x["tau_uncorrected"], "tau_b_corrected_base_R": x["tau_corrected"],
    }


def cases(frame: pd.DataFrame) -> tuple[dict[str, pd.Series], dict[str, int]]:
    """Each case's points and its number of baseline points."""
    parts = dict(list(frame.groupby("case", sort=False)))
    return {name: part["y"] for name, part in parts.items()}, {
        name: int((part["phase"] == "A").sum()) for name, part in parts.items()}


@operation("randomization_test_startpoint")
def start_points(told: Case) -> dict[str, Any]:
    limit, (points, starts) = told["expected"]["limit"], cases(file(told))
    found = sc.randomization_test(points, starts, "up", limit)
    x, alone = found.extra, []
    for name, values in points.items():
        one = sc.randomization_test({name: values}, starts, "up", limit)
        alone.append({"case": name, "observed": one.estimate.value, "n_startpoints": one.extra["assignments"],
                      "p": one.test.p, "distribution": x["by_case"][name]})
    return {
        "limit": limit, "n_combinations": x["assignments"], "scan_n": x["assignments"],
        "observed_mean_difference": found.estimate.value, "scan_observed": found.estimate.value,
        "p_by_enumeration": found.test.p, "p_scan": found.test.p, "distribution_mean": x["distribution"].mean(),
        "distribution_sd": x["distribution"].std(ddof=1), "per_case": alone,
    }


@operation("randomization_test_multiple_baseline")
def staggered_starts(told: Case) -> dict[str, Any]:
    points, starts = cases(file(told))
    answer: dict[str, Any] = {"baseline_lengths": starts,
                              "series_lengths": {name: len(values) for name, values in points.items()}}
    for name, statistic in (("median", np.median), ("mean", np.mean)):
        found = sc.multiple_baseline_test(points, starts, "up", statistic)
        answer |= {f"{name}_statistics": found.extra["distribution"], f"p_{name}": found.test.p}
    return answer | {"n_permutations": found.extra["assignments"], "observed_mean": found.estimate.value}


@operation("log_response_ratio", omitted={"*/LRRi": NO_ZERO, "*/LRRd": NO_ZERO})
def log_response_ratios(told: Case) -> dict[str, Any]:
    frame, answer = file(told), {}
    for key, e in told["expected"].items():
        behaviour, child, pair = key.split("|")
        d = frame[(frame["behavior_type"] == behaviour) & (frame["case_pseudonym"] == child)
                  & (frame["phase_num"] == int(pair))]
        a, b = (d.loc[d["condition"] == phase, "outcome"] for phase in "AB")
        way, nap = DIRECTION[e["improvement"]], sc.nap(a, b, DIRECTION[e["improvement"]])
        answer[key] = {
            "nA": nap.n["baseline"], "nB": nap.n["treatment"], "Tau": sc.tau(a, b, way).estimate.value,
            "NAP": {"est": nap.estimate.value, "se": nap.extra["se"]}, "SMD": sc.smd(a, b, way).estimate.value,
            "PND": sc.pnd(a, b, way),
        }
        if e["scale"] == "count":
            lrr = sc.lrr(a, b, way, "count")
            answer[key]["LRRi"] = {"est": lrr.estimate.value, "se": lrr.extra["se"]}
            answer[key]["LRRd"] = {"est": -lrr.estimate.value, "se": lrr.extra["se"]}  # for counts the sign is turned
    return answer


@operation("single_case_overlap_many", omitted={"values/mean_diff": "the change of medians is given"})
def many(told: Case) -> dict[str, Any]:
    d, outcome = file(told), re.search(r"is\.na\(z\$(\w+)\)", code(told))[1]
    way = DIRECTION[re.search(r'improvement = "(\w+)"', code(told))[1]]
    pupils = [d[d["case"] == name] for name in told["expected"]["case"]]
    table = pd.concat([sc.visual_table(pupil, outcome, way) for pupil in pupils])
    values: dict[str, list[float]] = {"nA": table["n_baseline"].tolist(), "nB": table["n_phase"].tolist()}
    for pupil in pupils:
        a, b = (part.to_numpy() for part in sc.phases(pupil, outcome).values())
        found = {"NAP": sc.nap(a, b, way).estimate.value, "Tau": sc.tau(a, b, way).estimate.value,
                 "PND": sc.pnd(a, b, way), "PEM": sc.pem(a, b, way)}
        for name, value in found.items():
            values.setdefault(name, []).append(value)
    return {"values": values, "mean_NAP": np.mean(values["NAP"])}


@operation("piecewise_regression", omitted={"multilevel_ml/*": "a town has one case; several cases are not pooled"})
def piecewise(told: Case) -> dict[str, Any]:
    """Phase B is the treatment; the commands name the columns of case, outcome and time."""
    said = code(told)
    outcome, time = re.search(r"lm\((\w+) ~", said)[1], re.search(r"z\$T <- z\$(\w+)", said)[1]
    case = re.search(r"split\(d, factor\(d\$(\w+)", said)[1]
    answer = {}
    for name, d in file(told).groupby(case, sort=False):
        found = sc.piecewise(*sc.phases(d, outcome, time=time).values())
        table, x = found.extra["coefficients"], found.extra
        answer[name] = {
            "n": sum(found.n.values()), **table[["term", "se", "t", "p"]].to_dict("list"),
            "b": table["estimate"].tolist(), "r2": x["r2"], "F": x["F"], "durbin_watson": x["durbin_watson"],
            "lag1_autocorrelation_residuals": x["lag1"],
        }
    return {"per_case": answer}
