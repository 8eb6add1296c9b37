"""Indices of careless answering: careless and psych (j01 to j04)."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
from scipy.stats import chi2

from lbc.survey.careless import even_odd, irv, longstring, mahalanobis, person_total, psychometric_synonyms
from operations import Case, operation
from operations.common import code, file


def items(told: Case) -> pd.DataFrame:
    """All columns, or those of 'x <- d[, 2:26]'."""
    frame, part = file(told), re.search(r"x <- d\[, (\d+):(\d+)\]", code(told))
    return frame.iloc[:, int(part[1]) - 1 : int(part[2])] if part else frame


@operation("careless_responding", omitted={
    "average_string": "the longest run is used, not the mean run",
    "cutoff_chisq_999": "a quantile of chi-square, not a result",
})
def indices(told: Case) -> dict[str, Any]:
    x, e = items(told), told["expected"]
    runs = longstring(x)
    if "rows_shown_1_based" not in e:
        return {"longstring": runs.tolist()}
    shown = [row - 1 for row in e["rows_shown_1_based"]]
    factors = [int(size) for size in re.search(r"factors = c\((.+?)\)", code(told))[1].split(",")]
    spread, consistency = irv(x), -even_odd(x, factors)  # careless turns the sign
    quarter = pd.cut(range(1, x.shape[1] + 1), 4, labels=False)  # as R's cut does
    parts = {f"irv{i + 1}": irv(x.loc[:, quarter == i]).iloc[shown].tolist() for i in range(4)}
    available, complete = mahalanobis(x), mahalanobis(x, complete_cases=True)
    return {
        "n": len(x), "k": x.shape[1], "rows_shown_1_based": e["rows_shown_1_based"],
        "longstring": runs.iloc[shown].tolist(), "longstring_mean": runs.mean(), "longstring_max": runs.max(),
        "irv": spread.iloc[shown].tolist(), "irv_mean": spread.mean(),
        "irv_4_splits": {"irvTotal": spread.iloc[shown].tolist()} | parts,
        "evenodd_careless_1.2.2": consistency.iloc[shown].tolist(), "evenodd_mean": consistency.mean(),
        "person_total_correlation": person_total(x).iloc[shown].tolist(),
        "mahalanobis_d2_careless": available.iloc[shown].tolist(),
        "mahalanobis_d2_complete_cases": complete.iloc[shown].tolist(),
        "n_flagged_99_careless": (available > chi2.isf(0.01, x.shape[1])).sum(),
        "n_above_chisq_999": (complete > chi2.isf(0.001, x.shape[1])).sum(),
    }


@operation("psychometric_synonyms", omitted={
    "n_pairs": "the pairs are used, not listed", "top5_item_pairs": "the pairs are used, not listed",
})
def synonyms(told: Case) -> dict[str, Any]:
    critical = told["expected"]["critval"]
    found = psychometric_synonyms(items(told), critical=critical)
    return {"critval": critical, "psychsyn_first40": found.head(40).tolist(), "mean": found.mean()}
