"""Polychoric correlations, WLSMV and FIML: psych and lavaan (a11, b05, b06)."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from lbc.analysis import fiml
from lbc.analysis.ordinal import OrdinalFit, difference, fit, ordinal_alpha, polychoric
from operations import Case, operation
from operations.common import code, file, names
from operations.factor_models import ROBUST, invariance, parameters


def items(told: Case) -> list[str]:
    """The item columns that the R commands name, by paste0("A", 1:5) or c("A1", "A2")."""
    if found := re.search(r'paste0\("(\w+)",\s*(\d+):(\d+)\)', code(told)):
        return [f"{found[1]}{n}" for n in range(int(found[2]), int(found[3]) + 1)]
    return names(re.search(r'(?:it <- |d\[, ?)c\(("[^)]+)\)', code(told))[1])


@operation("ordinal_reliability")
def reliability(told: Case) -> dict[str, Any]:
    keyed = file(told)[items(told)]
    for name, top in re.findall(r"x\$(\w+) <- (\d+) ?- ?x\$", code(told)):
        keyed = keyed.assign(**{name: int(top) - keyed[name]})
    found, alpha = polychoric(keyed), ordinal_alpha(keyed).estimate.value
    table = found.corr.to_dict("list")
    return {"n": found.n, "polychoric_psych": table, "polychoric_lavaan": table, "ordinal_alpha_lavaan": alpha,
            "ordinal_alpha_psych": alpha}


@operation("measurement_invariance_fiml")
def missing_answers(told: Case) -> dict[str, Any]:
    return invariance(told, fiml.fit, fiml.release_tests)


@operation("measurement_invariance_ordinal", omitted={
    "*/*.robust": "Savalei's (2021) indices would be some twenty lines more; the scaled ones are compared",
})
def ordered_answers(told: Case) -> dict[str, Any]:
    model, group = re.search(r'model <- "(.+?)"', code(told))[1], re.search(r'group = "(\w+)"', code(told))[1]
    frame, e = file(told).dropna(subset=items(told)), told["expected"]
    one = fit(model, frame)
    equal = {"configural": (), "thresholds": ("thresholds",), "thresholds_and_loadings": ("thresholds", "loadings")}
    fits = {name: fit(model, frame, group, held) for name, held in equal.items()}
    test = difference(fits["thresholds_and_loadings"], fits["configural"])
    return {
        "n": one.fit["n"], **{name: measures(found) for name, found in {"single_group": one, **fits}.items()},
        "single_group_estimates": with_thresholds(one, frame[items(told)], e["single_group_estimates"]),
        "single_group_std_loadings": parameters(one, e["single_group_std_loadings"], "std", "std_se"),
        "thresholds_loadings_vs_configural": {"delta_chisq_scaled_satorra2000": test.statistic, "delta_df": test.df,
                                              "p": test.p},
    }


def measures(found: OrdinalFit) -> dict[str, float]:
    return {name: found.fit[own] for name, own in ROBUST.items() if not own.endswith("_robust")}


def with_thresholds(found: OrdinalFit, answers: pd.DataFrame, e: dict[str, Any]) -> dict[str, Any]:
    """lavaan's rows: ours, the thresholds (whose model is saturated), and scales of 1 and intercepts of 0."""
    first, rows = polychoric(answers), list(zip(e["lhs"], e["op"], e["rhs"], strict=True))
    se = np.sqrt(np.diag(first.gamma) / (first.n - 1))
    ends = np.cumsum([0, *(len(limits) - 2 for limits in first.limits)])
    table = {("|", name, f"t{k + 1}"): (limits[k + 1], se[start + k])
             for name, limits, (start, stop) in zip(answers, first.limits, pairwise(ends), strict=True)
             for k in range(stop - start)}
    table |= {(r.op, r.lhs, r.rhs): (r.est, r.se) for r in found.parameters.itertuples()}
    values = [table.get((op, lhs, rhs), (float(op == "~*~"), 0.0)) for lhs, op, rhs in rows]
    return {"est": [est for est, _ in values], "se": [error for _, error in values]}
