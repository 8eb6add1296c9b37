"""Blocks of predictors and relative importance: stats, sandwich, car, relaimpo, domir (e01 to e06)."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from lbc.analysis.comparison import design, linear
from lbc.analysis.ecology import blockwise, conditional_dominance, importance, standardised, vif
from operations import Case, operation
from operations.common import code, file, gamers, names


def frame_of(told: Case) -> pd.DataFrame:
    return gamers(file(told)) if "d$ucla_during <-" in code(told) else file(told)


@operation("blockwise_regression", omitted={
    **dict.fromkeys(("steps/*/F", "steps/*/df1", "steps/*/p"),
                    "each block is tested by its F change; a test of the whole model is not reported"),
    **dict.fromkeys(("steps/*/aic", "steps/*/bic"), "models are compared by R2 and F change"),
    "partial_r": "squared semipartial correlations (R2 gained last) are reported instead",
    "diagnostics": "standard errors are robust (HC3 or by cluster) instead of tested assumptions",
})
def hierarchical(told: Case) -> dict[str, Any]:
    found = re.search(r'blocks <- list\((.+)\); y <- "(\w+)"', code(told))
    blocks = {str(i): names(block) for i, block in enumerate(re.findall(r"c\(.*?\)", found[1]))}
    outcome, frame = found[2], frame_of(told)
    predictors = [predictor for block in blocks.values() for predictor in block]
    complete = frame[[outcome, *predictors]].dropna()
    table, final = blockwise(frame, outcome, blocks), standardised(frame, outcome, predictors)
    same = {"r2": "r2", "adj_r2": "r2_adjusted", "delta_r2": "delta_r2", "F_change": "F_change",
            "df_change": "df_change", "df2": "df_residual", "p_change": "p_change", "f2_change": "f2_change"}
    steps = [{theirs: row[ours] for theirs, ours in same.items()} for row in table.to_dict("records")]
    for k, step in enumerate(steps):
        entered = [predictor for block in list(blocks.values())[: k + 1] for predictor in block]
        step["sigma"] = linear(complete[outcome], design(complete, entered), "classic").residual_sd
    x = design(complete, predictors)
    classic, robust = linear(complete[outcome], x, "classic").table(), linear(complete[outcome], x, "HC3")
    return {
        "n": int(table["n"].iloc[0]), "steps": steps,
        "final": {"b": [classic["estimate"][0], *final["b"]], "se": classic["se"].tolist(), "t": classic["t"].tolist(),
                  "p": classic["p"].tolist(), "ci_low": classic["low"].tolist(), "ci_high": classic["high"].tolist(),
                  "se_hc3": [robust.se[0], *final["se"]]},
        "standardized_beta": final.set_index("term")["beta"],
        "vif": vif(complete, predictors).set_index("predictor")["vif"],
        "semipartial_r2": importance(frame, outcome, predictors).set_index("predictor")["last"],
    }


@operation("relative_importance", omitted={
    "genizi_eq_johnson_relative_weights": "LMG shares are reported; Johnson's weights approximate them",
})
def shares(told: Case) -> dict[str, Any]:
    found = re.search(r'xs <- (c\(.+?\)); y <- "(\w+)"', code(told))
    predictors, outcome, frame = names(found[1]), found[2], frame_of(told)
    table = importance(frame, outcome, predictors).set_index("predictor")
    gains = conditional_dominance(frame, outcome, predictors).set_index("predictor")
    beta = standardised(frame, outcome, predictors).set_index("term")["beta"]
    return {
        "n": table["n"].iloc[0], "r2": table["r2"].iloc[0], "lmg_relaimpo": table["lmg"],
        "lmg_from_definition": table["lmg"], "general_dominance_domir": table["lmg"], "lmg_percent": table["percent"],
        "first": table["first"], "last": table["last"], "pratt": table["pratt"], "betasq": beta**2,
        "conditional_dominance": {f"{name}_others": gains[name] for name in gains if name.startswith("with_")},
        "complete_dominance_row_dominates_column": {"rows": predictors, "matrix": complete(gains["dominates"])},
    }


def complete(dominates: pd.Series) -> list[list[bool | None]]:
    """True where the row dominates the column, False where the column does, None where neither, as domir has it."""
    over = {name: text.split(", ") for name, text in dominates.items()}
    return [[True if b in over[a] else False if a in over[b] else None for b in over] for a in over]


@operation("relative_importance_bootstrap")
def intervals(told: Case) -> dict[str, Any]:
    """Percentile limits, which relaimpo gives; the notebooks' own limits are shifted by the bias."""
    outcome, predictors = re.search(r'd\[, c\("(\w+)", xs\)\]', code(told))[1], list(told["expected"]["lmg"])
    table = importance(file(told), outcome, predictors, rng=np.random.default_rng(1), n_boot=4000,
                       interval="percentile").set_index("predictor")
    return {"lmg": table["lmg"], "lower": table["lmg_low"], "upper": table["lmg_high"]}
