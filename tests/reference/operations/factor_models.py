"""Confirmatory factor analysis and invariance of continuous items: lavaan (b01 to b04)."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from lbc.analysis.cfa import CfaFit, fit
from lbc.analysis.invariance import STEPS, compare, modification_indices, release_tests
from operations import Case, operation
from operations.common import code, file

PLAIN = {
    "npar": "npar", "chisq": "chi2", "df": "df", "pvalue": "p", "baseline.chisq": "baseline_chi2",
    "baseline.df": "baseline_df", "cfi": "cfi", "tli": "tli", "rmsea": "rmsea", "rmsea.ci.lower": "rmsea_low",
    "rmsea.ci.upper": "rmsea_high", "rmsea.pvalue": "rmsea_p", "srmr": "srmr", "logl": "loglik",
    "aic": "aic", "bic": "bic",
}
ROBUST = {
    "npar": "npar", "chisq": "chi2", "df": "df", "chisq.scaled": "chi2_scaled", "df.scaled": "df",
    "pvalue.scaled": "p_scaled", "chisq.scaling.factor": "scaling", "baseline.chisq.scaled": "baseline_chi2_scaled",
    "cfi.scaled": "cfi_scaled", "tli.scaled": "tli_scaled", "rmsea.scaled": "rmsea_scaled",
    "rmsea.ci.lower.scaled": "rmsea_low_scaled", "rmsea.ci.upper.scaled": "rmsea_high_scaled",
    "cfi.robust": "cfi_robust", "tli.robust": "tli_robust", "rmsea.robust": "rmsea_robust", "srmr": "srmr",
    "cfi": "cfi", "rmsea": "rmsea",
}
CHANGES = {"delta_chisq": "d_chi2", "delta_df": "d_df", "p": "d_p", "delta_cfi": "d_cfi", "delta_rmsea": "d_rmsea",
           "delta_srmr": "d_srmr"}


def measures(found: CfaFit) -> dict[str, float]:
    """lavaan's fit measures; fmin is half of chi-square over n."""
    return {name: found.fit[own] for name, own in PLAIN.items()} | {"fmin": found.fit["chi2"] / found.fit["n"] / 2}


def parameters(found: CfaFit, expected: dict[str, Any], est: str = "est", se: str = "se") -> dict[str, Any]:
    """Our rows in the order of lavaan's; a covariance may be written either way round."""
    table = {}
    for row in found.parameters.to_dict("records"):
        table[row["lhs"], row["op"], row["rhs"], row["group"]] = row
        table.setdefault((row["rhs"], row["op"], row["lhs"], row["group"]), row)
    groups = expected.get("group", [1] * len(expected["lhs"]))
    rows = [table[key] for key in zip(expected["lhs"], expected["op"], expected["rhs"], groups, strict=True)]
    same = {"group": groups} if "group" in expected else {}
    return same | {"est": [row[est] for row in rows], "se": [row[se] for row in rows]}


def change(free: CfaFit, restricted: CfaFit) -> dict[str, Any]:
    row = compare({"free": free, "restricted": restricted}).iloc[1]
    return {name: row[own] for name, own in CHANGES.items()}


@operation("cfa")
def one_group(told: Case) -> dict[str, Any]:
    found, e = fit(told["options"]["model"], file(told)), told["expected"]
    own = found.parameters.query("op == '~~' and lhs == rhs").set_index("lhs")["std"]
    top = modification_indices(found).head(len(e["modification_indices_top5"]["mi"]))
    return {
        "n": found.fit["n"], "fit": measures(found), "estimates": parameters(found, e["estimates"]),
        "standardized": parameters(found, e["standardized"], "std", "std_se"),
        "largest_residual_correlation": found.residual_correlations().abs().max(axis=None),
        "r2": {item: 1 - own[item] for item in e["r2"]},
        "modification_indices_top5": {"lhs": top["lhs"], "op": top["op"], "rhs": top["rhs"], "mi": top["chi2"].tolist(),
                                      "epc": top["change"].tolist()},
    }


@operation("cfa_robust")
def robust(told: Case) -> dict[str, Any]:
    answer = {}
    for estimator in told["options"]["estimator"]:
        found = fit(told["options"]["model"], file(told), estimator=estimator)
        answer[estimator] = {name: found.fit[own] for name, own in ROBUST.items()}
        answer[f"{estimator}_estimates"] = parameters(found, told["expected"][f"{estimator}_estimates"])
    return answer


@operation("measurement_invariance")
def invariance(told: Case, fit: Any = fit, release_tests: Any = release_tests) -> dict[str, Any]:
    model, group = re.search(r'model <- "(.+)"', code(told))[1], told["options"]["group"].split()[0]
    frame, e = file(told), told["expected"]
    wider = {"scalar_and_means": "means", "strict_and_means": "means"}
    steps = STEPS | {name: (*STEPS[name.split("_")[0]], extra) for name, extra in wider.items()}
    fits = {name: fit(model, frame, group, equal) for name, equal in steps.items()}
    pairs = {"metric_vs_configural": ("configural", "metric"), "scalar_vs_metric": ("metric", "scalar"),
             "strict_vs_scalar": ("scalar", "strict"), "means_given_scalar": ("scalar", "scalar_and_means")}
    released = {f"{r.lhs}{r.op}{r.rhs}(g1) == {r.lhs}{r.op}{r.rhs}(g2)": r
                for r in release_tests(fits["scalar"]).itertuples()}
    tests = [released[constraint] for constraint in e["score_test_scalar"]["constraint"]]
    answer = {
        "group_labels": list(fits["scalar"].groups), "n_per_group": list(fits["scalar"].n.values()),
        "fit": {name: measures(found) for name, found in fits.items()},
        "compare": {name: change(fits[free], fits[restricted]) for name, (free, restricted) in pairs.items()},
        "score_test_scalar": {"X2": [t.chi2 for t in tests], "df": [1] * len(tests), "p": [t.p for t in tests]},
    }
    for key in e:
        if key.startswith("estimates_"):
            answer[key] = parameters(fits[key.removeprefix("estimates_")], e[key])
        if key.startswith("standardized_"):
            answer[key] = parameters(fits[key.removeprefix("standardized_")], e[key], "std", "std_se")
        if key.startswith("partial_scalar"):
            answer[key] = partial(model, frame, group, re.findall(r"\w+~1", told["options"]["partial"]), fits, e[key])
    return answer


def partial(
    model: str, frame: pd.DataFrame, group: str, free: list[str], fits: dict[str, CfaFit], e: dict[str, Any]
) -> dict[str, Any]:
    """The scalar model with the intercepts freed that the case names."""
    found = fit(model, frame, group, STEPS["scalar"], partial=free)
    means = found.parameters.query("op == '~1' and group == 2").set_index("lhs").loc[e["latent_means_group2"]["lhs"]]
    return {"fit": measures(found), "vs_metric": change(fits["metric"], found),
            "latent_means_group2": {"est": means["est"].tolist(), "se": means["se"].tolist()}}
