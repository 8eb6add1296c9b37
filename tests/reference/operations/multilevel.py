"""Predictors at two levels, random slopes, R2: lme4, lmerTest, performance (d02)."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from lbc.analysis.multilevel import MixedModel, random_intercept
from lbc.analysis.slopes import SlopesModel, random_slopes
from operations import Case, operation
from operations.clustered import mixed
from operations.common import code, file


def prepared(told: Case) -> pd.DataFrame:
    """The data with the variables that the commands make of them: 'd$a <- d$b - ave(d$b, d$g)' and the like."""
    frame = file(told)
    for name, made in re.findall(r"d\$(\w+) <- ([^;\n]+)", code(told)):
        for whole, value, group in re.findall(r"(ave\(d\$(\w+), d\$(\w+)\))", made):
            frame[f"{value}_by_{group}"] = frame.groupby(group)[value].transform("mean")
            made = made.replace(whole, f"{value}_by_{group}")
        made = re.sub(r"mean\(d\$(\w+)\)", r"\1.mean()", made).replace("as.numeric", "").replace("d$", "")
        frame[name] = frame.eval(made, engine="python").astype(float)
    return frame


def columns(frame: pd.DataFrame, right: str) -> pd.DataFrame:
    """The design of 'a*b + c': intercept, single variables in order of appearance, then products."""
    terms = [term.strip() for term in right.split("+")]
    single = dict.fromkeys(name for term in terms for name in re.split(r"[*:]", term) if name != "1")
    products = [term.replace("*", ":") for term in terms if re.search(r"[*:]", term)]
    x = pd.DataFrame({"(Intercept)": np.ones(len(frame))}, index=frame.index)
    for term in [*single, *products]:
        x[term] = frame[term.split(":")].prod(axis=1, skipna=False)
    return x


def fitted(frame: pd.DataFrame, formula: str, reml: bool = True) -> MixedModel | SlopesModel:
    outcome, right, slope, group = re.fullmatch(r"(\w+) ~ (.+) \+ \((.+?) ?\| ?(\w+)\)", formula).groups()
    x, slopes = columns(frame, right), [name.strip() for name in slope.split("+") if name.strip() not in ("0", "1")]
    if slopes:
        return random_slopes(frame[outcome], x, slopes, frame[group], reml)
    return random_intercept(frame[outcome], x, frame[group], reml)


def shown(found: MixedModel | SlopesModel) -> dict[str, Any]:
    """As the cases list a model: variances, then covariances, then the residual variance."""
    if isinstance(found, MixedModel):
        return mixed(found)
    matrix, fixed = found.covariance.to_numpy(), found.fixed
    sd, pairs = np.sqrt(np.diag(matrix)), np.triu_indices(len(matrix), 1)
    residual = found.var_residual
    return {
        "fixed": {"est": fixed["estimate"].tolist(), "se": fixed["se"].tolist(), "t": fixed["t"].tolist(),
                  "df_satterthwaite": fixed["df"].tolist(), "p_satterthwaite": fixed["p"].tolist()},
        "random": {"var_or_cov": [*np.diag(matrix), *matrix[pairs], residual],
                   "sd_or_cor": [*sd, *(matrix / np.outer(sd, sd))[pairs], residual**0.5]},
        "logLik": found.log_lik, "minus2logLik": -2 * found.log_lik, "AIC": found.aic, "BIC": found.bic,
        "n": found.n, "n_groups": found.n_groups,
    }


@operation("multilevel_regression")
def models(told: Case) -> dict[str, Any]:
    frame, text, answer = prepared(told), code(told), {}
    made = dict(re.findall(r"(\w+) (?:<-|=) (?:MM|lme4::lmer)\((.+?\|\s*\w+\).*?)\)", text))
    for key in told["expected"]:
        if key == "r2_nakagawa":
            name = re.search(r"r2_nakagawa\((\w+)\)", text)[1]
            found = fitted(frame, made[name].split(",")[0])
            answer[key] = {"marginal": found.r2_marginal, "conditional": found.r2_conditional}
        else:
            name = key if key in made else re.search(rf"\b{key} = (\w+)", text)[1]
            formula, *options = made[name].split(",")
            answer[key] = shown(fitted(frame, formula, not re.search(r"F(ALSE)?\b", ",".join(options[1:]))))
    return answer
