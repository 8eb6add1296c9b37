"""Random intercepts, intraclass correlation and cluster-robust errors: lme4, lmerTest, clubSandwich (d01, d03 to d05)."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from lbc.analysis import comparison
from lbc.analysis.comparison import MixedModel
from operations import Case, operation
from operations.common import code, file


def mixed(found: MixedModel) -> dict[str, Any]:
    """A random-intercept model as the cases list it."""
    fixed, variances = found.fixed, [found.var_group, found.var_residual]
    return {
        "fixed": {"est": fixed["estimate"].tolist(), "se": fixed["se"].tolist(), "t": fixed["t"].tolist(),
                  "df_satterthwaite": fixed["df"].tolist(), "p_satterthwaite": fixed["p"].tolist()},
        "random": {"var_or_cov": variances, "sd_or_cor": np.sqrt(variances)},
        "logLik": found.log_lik, "minus2logLik": -2 * found.log_lik, "AIC": found.aic, "BIC": found.bic,
        "n": found.n, "n_groups": found.n_groups,
    }


@operation("random_intercept_null")
def null_model(told: Case) -> dict[str, Any]:
    outcome, group = re.search(r"MM\((\w+) ~ 1 \+ \(1\|(\w+)\), d\)", code(told)).groups()
    frame = file(told)
    one = pd.DataFrame({"(Intercept)": np.ones(len(frame))})
    reml = comparison.random_intercept(frame[outcome], one, frame[group])
    ml = comparison.random_intercept(frame[outcome], one, frame[group], reml=False)
    anova, first = comparison.icc_groups(frame[outcome], frame[group]), reml.groups.iloc[:3]
    return {
        "reml": mixed(reml), "ml": mixed(ml), "icc_reml": reml.icc, "icc_ml": ml.icc, "nlme_reml_logLik": reml.log_lik,
        "mean_cluster_size": reml.mean_cluster_size, "design_effect": reml.design_effect,
        "icc1_anova": anova.estimate.value, "icc2_anova": anova.extra["icc2"], "blup_first3": {"u": first.tolist()},
        "lr_test_random_intercept": {"chi2": ml.chi2, "p_chi2_1": 2 * ml.p_chi2, "p_chibar": ml.p_chi2},
    }


@operation("icc_groups")
def alike_within_groups(told: Case) -> dict[str, Any]:
    frame, group = file(told), re.search(r"factor\(d\$(\w+)\)", code(told))[1]
    answer = {}
    for variable in told["expected"]:
        found = comparison.icc_groups(frame[variable], frame[group])
        x = found.extra
        answer[variable] = {"icc1_anova": found.estimate.value, "icc2_anova": x["icc2"], "icc_reml": x["icc_reml"],
                            "tau00": x["var_group"], "sigma2": x["var_residual"]}
    return answer


@operation("random_intercept_repeated", omitted={
    "kenward_roger_type3": "degrees of freedom are Satterthwaite's, which are compared",
})
def two_waves(told: Case) -> dict[str, Any]:
    frame = file(told)
    for wave in ("before", "during"):
        frame[wave] = frame[[f"ucla{i}_{wave}" for i in (1, 2, 3)]].sum(axis=1, skipna=False)
    models = {"reml": {}, "ml": {"reml": False}, "ml_no_interaction": {"reml": False, "interaction": False}}
    return {name: mixed(comparison.waves_by_group(frame, "before", "during", "sex", "male", "female", **options))
            for name, options in models.items()}


@operation("cluster_robust_se", omitted={"*/p_naive_t_G_minus_1": "p is from Satterthwaite's degrees of freedom"})
def few_clusters(told: Case) -> dict[str, Any]:
    frame, cluster = file(told), re.search(r'cl <- d\[\["(\w+)"\]\]', code(told))[1]
    if first := re.search(r"unique\(d\$\w+\)\[1:(\d+)\]", code(told)):
        frame = frame[frame[cluster].isin(frame[cluster].unique()[: int(first[1])])]
    outcome, right = re.search(r"lm\((\w+) ~ (.+?), data = d\)", code(told)).groups()
    y, x, e = frame[outcome], comparison.design(frame, right.split(" + ")), told["expected"]
    robust = {kind: comparison.cluster_robust(y, x, frame[cluster], kind) for kind in ("CR0", "CR1", "CR1S", "CR2")}
    named = {"CR1S": "CR1S_stata"}
    tables = {named.get(kind, kind): found.table() for kind, found in robust.items()}
    classic, terms = comparison.linear(y, x, "classic"), list(e["coef"])
    return {
        "n": classic.n, "n_clusters": robust["CR2"].n_clusters, "coef": dict(zip(terms, classic.coef, strict=True)),
        "se_ols": dict(zip(terms, classic.se, strict=True)),
        **{kind: {"se": table["se"].tolist(), "df_satt": table["df"].tolist(), "p_satt": table["p"].tolist()}
           for kind, table in tables.items()},
        "sandwich_vcovCL_HC1": dict(zip(terms, robust["CR1S"].se, strict=True)),
        "hc_se": {kind: comparison.linear(y, x, kind).se for kind in e["hc_se"]},
    }
