"""Simple, adjusted and parallel mediation: stats, boot (l01 to l03)."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from lbc.analysis.mediation import Mediation, mediate
from operations import Case, operation
from operations.common import code, file, names

TESTED = {"estimate": "est", "se": "se", "t": "t", "p": "p"}


def variables(told: Case) -> tuple[str, str, str, list[str]]:
    """Exposure, mediator, outcome, covariates."""
    x, m, y, covariates = re.search(r'x <- "(\w+)"; m <- "(\w+)"; y <- "(\w+)"; cv <- (c\(.*?\))', code(told)).groups()
    return x, m, y, [name for name in names(covariates) if name]


def spread(told: Case) -> float:
    frame, (x, m, y, covariates) = file(told), variables(told)
    return float(frame[[x, m, y, *covariates]].dropna()[y].std())


def indirect(found: Mediation) -> pd.DataFrame:
    return found.indirect.set_index("mediator")


@operation("mediation", sd_y=spread, omitted={
    "lavaan_ml_indirect": "the same product; its normal-theory interval is not reported, as products are skewed",
})
def simple(told: Case) -> dict[str, Any]:
    frame, (x, m, y, covariates) = file(told), variables(told)
    found = mediate(frame, y, x, [m], np.random.default_rng(1), covariates, n_boot=20000)
    paths, row = found.paths.set_index("path").rename(columns=TESTED), indirect(found).loc[m]
    tested = {name: paths.loc[path, list(TESTED.values())] for name, path in (
        ("path_a", "a"), ("path_b", "b"), ("direct_c_prime", "direct"), ("total_c", "total"))}
    total, effect = paths.loc["total", "est"], found.result().effect.value
    return {
        "n": found.n, **tested, "indirect": row["estimate"],
        "indirect_check_c_minus_cprime": total - paths.loc["direct", "est"],
        "sobel": {"se": row["se_sobel"], "z": row["z"], "p": row["p"]}, "aroian_se": row["se_aroian"],
        "monte_carlo_ci95": [row["mc_low"], row["mc_high"]], "bootstrap_se": row["se_boot"],
        "bootstrap_percentile_ci95": [row["low"], row["high"]],
        "bootstrap_bca_ci95": [row["bca_low"], row["bca_high"]], "proportion_mediated": row["estimate"] / total,
        "partially_standardized_indirect": effect,
        "completely_standardized_indirect": effect * frame[[x, m, y, *covariates]].dropna()[x].std(),
    }


@operation("parallel_mediation")
def parallel(told: Case) -> dict[str, Any]:
    y, right = re.search(r"fy <- lm\((\w+) ~ (.+?), d\)", code(told)).groups()
    x, *mediators = right.split(" + ")
    found = mediate(file(told), y, x, mediators, np.random.default_rng(1), n_boot=20000)
    paths, rows = found.paths.set_index(["path", "mediator"])["estimate"], indirect(found)
    return {
        "a": paths["a"], "b": paths["b"], "specific_indirect": rows.loc[mediators, "estimate"],
        "total_indirect": rows.loc["total", "estimate"], "contrast": rows.loc["contrast", "estimate"],
        "direct": paths["direct", ""], "total": paths["total", ""],
        "boot_perc": {name: [row["low"], row["high"]] for name, row in rows.iterrows()},
    }
