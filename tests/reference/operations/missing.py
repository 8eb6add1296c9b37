"""Little's test, patterns of missing answers and pooling: base R, lavaan, mice, mitml (k01 to k04)."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from lbc.analysis.pooling import d1, rubin, rubin_r2
from lbc.results import Result
from lbc.survey.missing import by_variable, em_normal, little_mcar, patterns
from operations import Case, operation
from operations.common import code, file, names


def variables(told: Case) -> pd.DataFrame:
    """All columns, or those of 'd[, c("age","bmi")]'."""
    part = re.search(r"d\[, (c\(.+?\))\]", code(told))
    return file(told)[names(part[1])] if part else file(told)


@operation("little_mcar")
def little(told: Case) -> dict[str, Any]:
    frame = variables(told)
    found, (mean, covariance) = little_mcar(frame, covariance="ml"), em_normal(frame)
    return {
        "n": found.n["all"], "little_chi2": found.test.statistic, "df": found.test.df, "p": found.test.p,
        "n_patterns": found.extra["patterns"], "em_means": mean, "lavaan_fiml_means": mean,
        "em_cov_ml": covariance.to_dict("list"), "lavaan_fiml_var": {v: covariance.loc[v, v] for v in covariance},
    }


@operation("missing_patterns")
def missing_patterns(told: Case) -> dict[str, Any]:
    table, counts = patterns(variables(told)), by_variable(variables(told))
    found = {name or "complete": n for name, n in zip(table["missing"], table["n"], strict=True)}
    return {
        "n": table["n"].sum(), "patterns": found, "n_complete": found.get("complete", 0),
        "missing_per_variable": dict(zip(counts["variable"], counts["missing"], strict=True)),
        "share_missing_cells": counts["share"].mean(),
    }


@operation("rubin_pooling", omitted={
    "D[23]": "several coefficients are tested together by D1, which is compared",
}, wider={"pooled_r2/*": ("rel 5e-5", "mice multiplies by 1.96, lbc by the exact quantile 1.959964")})
def pool(told: Case) -> dict[str, Any]:
    import statsmodels.formula.api as smf

    formula, wanted = re.search(r"form <- (.+?);", code(told))[1], told["expected"]
    fits = [smf.ols(formula, part).fit() for _, part in file(told).groupby("imp")]
    answer: dict[str, Any] = {}
    for term in wanted["term"]:
        own = "Intercept" if term == "(Intercept)" else term
        q, u = [fit.params[own] for fit in fits], [fit.cov_params().loc[own, own] for fit in fits]
        pooled, plain = rubin(q, u, df_complete=wanted["df_complete"]), rubin(q, u)
        x, estimate, test = pooled.extra, pooled.estimate, pooled.test
        found = {
            "estimate": estimate.value, "ubar": x["within"], "b": x["between"], "t": x["total"], "se": x["se"],
            "riv": x["riv"], "lambda": x["share_between"], "fmi": x["fmi"], "df_rubin1987": x["df_rubin1987"],
            "df_barnard_rubin": test.df, "statistic": test.statistic, "p_barnard_rubin": test.p,
            "ci_low": estimate.ci[0], "ci_high": estimate.ci[1],
        }
        for key, value in found.items():
            answer.setdefault(key, {})[term] = value
        answer.setdefault("p_rubin1987_mitml", []).append(plain.test.p)
    slopes = [name for name in fits[0].params.index if name != "Intercept"]
    joint = [[fit.params[slopes] for fit in fits], [fit.cov_params().loc[slopes, slopes] for fit in fits]]
    from_mice = {"estimate": "estimate", "se": "se", "df": "df_barnard_rubin", "p": "p_barnard_rubin"}
    r2 = rubin_r2([fit.rsquared for fit in fits], n=int(fits[0].nobs))
    return answer | {
        "m": len(fits), "df_complete": int(fits[0].df_resid), "D1_no_df_com": shown(d1(*joint)),
        "D1_df_com_reiter": shown(d1(*joint, df_complete=fits[0].df_resid)),
        "mice_pool": {key: list(answer[own].values()) for key, own in from_mice.items()},
        "pooled_r2": {"est": r2.estimate.value, "low": r2.estimate.ci[0], "high": r2.estimate.ci[1]},
    }


def shown(test: Result) -> dict[str, float]:
    df1, df2 = test.test.df
    return {"F": test.test.statistic, "df1": df1, "df2": df2, "p": test.test.p, "riv": test.estimate.value}
