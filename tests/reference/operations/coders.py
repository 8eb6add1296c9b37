"""Agreement of coders and raters: irr, vcd, psych (i01 to i04)."""

from __future__ import annotations

from typing import Any

import numpy as np

from lbc.analysis.agreement import ac1, cohen_kappa, fleiss_kappa, icc_raters, krippendorff_alpha
from operations import Case, operation
from operations.common import file


@operation("krippendorff_alpha", omitted={
    "irr": "irr 0.84.1 is wrong for complete data of more than two coders; the definition is compared",
})
def krippendorff(told: Case) -> dict[str, Any]:
    codes = file(told).iloc[:, 1:].to_numpy(float).T
    results = {metric: krippendorff_alpha(codes, metric) for metric in told["expected"]["by_definition"]}
    found = {metric: result.estimate.value for metric, result in results.items()}
    counted = (~np.isnan(codes)).sum(axis=0)
    with_gaps = {"irr": found} if np.isnan(codes).any() or len(codes) == 2 else {}
    return {"by_definition": found, "n_pairable_values": counted[counted > 1].sum()} | with_gaps


@operation("cohen_kappa", omitted={
    "psych_var_kappa": "the square of another approximation of the standard error; vcd's is compared",
    "disagreement_weights": "given, not computed",
})
def cohen(told: Case) -> dict[str, Any]:
    table = file(told).iloc[:, 1:].to_numpy()
    i, j = np.indices(table.shape)
    a, b = np.repeat(i.ravel() + 1, table.ravel()), np.repeat(j.ravel() + 1, table.ravel())
    plain, linear, quadratic = cohen_kappa(a, b), cohen_kappa(a, b, "linear"), cohen_kappa(a, b, "quadratic")
    x, own = plain.extra, told["expected"].get("disagreement_weights")
    answer = {
        "n": plain.n["units"], "percent_agreement": x["percent_agreement"], "kappa": plain.estimate.value,
        "ase_kappa": x["se"], "kappa_ci95": plain.estimate.ci, "scott_pi": x["scott_pi"], "pabak": x["pabak"],
        "gwet_ac1": ac1(a, b).estimate.value, "max_kappa_given_margins": x["maximum"],
        "weighted_linear": linear.estimate.value, "ase_weighted_linear": linear.extra["se"],
        "weighted_quadratic": quadratic.estimate.value, "ase_weighted_quadratic": quadratic.extra["se"],
        "psych_weighted_kappa_quadratic": quadratic.estimate.value,
    }
    return answer | ({"weighted_kappa_cohen1968_weights": cohen_kappa(a, b, own).estimate.value} if own else {})


@operation("fleiss_kappa", wider={"category_kappas": ("abs 5e-4", "irr rounds them to three decimals")})
def fleiss(told: Case) -> dict[str, Any]:
    codes, e = file(told).iloc[:, 1:], told["expected"]
    result = fleiss_kappa(codes)
    pairs = [pair.split("-") for pair in e["pairs"]]
    pairwise = [cohen_kappa(codes.iloc[:, int(a) - 1], codes.iloc[:, int(b) - 1]).estimate.value for a, b in pairs]
    two = cohen_kappa(codes.iloc[:, 0], codes.iloc[:, 1], categories=e["categories"])
    return {
        "fleiss_kappa": result.estimate.value, "z": result.test.statistic,
        "category_kappas": result.extra["by_category"],
        "percent_agreement_all_raters": result.extra["percent_agreement"], "pairwise_cohen": pairwise,
        "light_kappa": np.mean(pairwise),
        "krippendorff_nominal": krippendorff_alpha(codes.T).estimate.value,
        "rater1_rater2": {"percent_agreement": two.extra["percent_agreement"], "kappa": two.estimate.value,
                          "ase_kappa": two.extra["se"], "scott_pi": two.extra["scott_pi"],
                          "gwet_ac1": two.extra["ac1"]},
    }


@operation("icc_raters")
def intraclass(told: Case) -> dict[str, Any]:
    table = icc_raters(file(told).iloc[:, 1:])
    names = {"low": "ci_low", "high": "ci_high"}
    return {names.get(c, c): table[c].tolist() for c in ("type", "icc", "F", "df1", "df2", "p", "low", "high")}
