"""Scores, reliability and omega: psych, MBESS, lavaan and base R (a01 to a10)."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from lbc.analysis.cfa import fit
from lbc.analysis.dimensions import efa
from lbc.analysis.psychometrics import alpha, guttman, item_table, omega_total
from lbc.instruments import Instrument
from lbc.instruments.scoring import key, score
from operations import Case, operation
from operations.common import code, file, names

BOTH = {"en": "x", "zh": "x"}


def keyed(told: Case) -> pd.DataFrame:
    """The case's items, keyed as its commands key them: reversed ones as lowest + highest - answer."""
    options, frame = told["options"], file(told)
    items = frame[options["items"]].copy() if isinstance(options["items"], list) else frame
    low, high = options.get("scale", (1, 6))
    for name in np.atleast_1d(options.get("reverse") or []):
        items[name] = low + high - items[name]
    return items


@operation("cronbach_alpha", omitted={
    "duhachek_ci95": "Feldt's exact interval is given instead; its standard error is compared",
})
def cronbach(told: Case) -> dict[str, Any]:
    items = keyed(told)
    result, table = alpha(items), item_table(items)
    x, interval = result.extra, dict(zip(("lower", "upper"), result.estimate.ci, strict=True))
    return {
        "n": result.n["persons"], "k": x["items"], "alpha": result.estimate.value, "alpha_std": x["alpha_std"],
        "guttman_lambda6": x["lambda6"], "average_r": x["average_r"], "median_r": x["median_r"],
        "ase_duhachek": x["se"], "feldt_ci95": interval, "feldt_ci95_mbess": interval,
        "sum_score_mean": x["sum_mean"], "sum_score_sd": x["sum_sd"],
        "scale_mean_of_items": x["sum_mean"] / x["items"], "scale_sd_of_item_means": x["sum_sd"] / x["items"],
        "items": {"item": list(table["item"]), "mean": table["m"], "sd": table["sd"], "item_total_r": table["r_total"],
                  "corrected_item_total_r": table["r_rest"], "alpha_if_deleted": table["alpha_without"]},
    }


@operation("reliability_other", omitted={
    "average_split_half": "of an odd number of items psych averages the first half of the splits only; the mean over "
                          "all splits is checked against standardised alpha in test_beyond_cases.py",
})
def lower_bounds(told: Case) -> dict[str, Any]:
    items = keyed(told)
    found = guttman(items)
    return {
        "n": alpha(items).n["persons"], "lambda1_cov": found["lambda1"], "lambda2_cov": found["lambda2"],
        "lambda3_cov": found["lambda3"], "lambda6_std": found["lambda6"], "max_split_half_lambda4": found["lambda4"],
        "min_split_half_beta": found["smallest_split_half"],
        "odd_even": {"r": found["odd_even_r"], "spearman_brown": found["odd_even_spearman_brown"],
                     "guttman": found["odd_even_guttman"]},
    }


@operation("omega_total", omitted={
    "semtools/avevar": "average variance extracted of the unstandardised loadings; that of the standardised is compared",
})
def omega(told: Case) -> dict[str, Any]:
    items = keyed(told)
    result, columns = omega_total(items), list(items)
    value, x, ends = result.estimate.value, result.extra, ("lower", "upper")
    one = fit("F =~ " + " + ".join(columns), items, std_lv=True).parameters
    loadings = one[one["op"] == "=~"].set_index("rhs")["est"]
    residual = one[(one["op"] == "~~") & one["lhs"].isin(columns)].set_index("lhs")["est"]
    factor = efa(items, 1)["F1"]
    return {
        "n": result.n["persons"], "omega_total_ml": value, "omega_observed_variance": x["omega_observed"],
        "omega_standardized_loadings": x["omega_standardised"], "ave": x["ave"], "loadings_std": x["loadings"],
        "mbess_ml": {"est": value, "se": x["se_normal"], **dict(zip(ends, x["ci_normal"], strict=True))},
        "mbess_mlr": {"est": value, "se": x["se"], **dict(zip(ends, result.estimate.ci, strict=True))},
        "loadings_unstd": loadings, "residual_variances": residual, "psych_fa_ml_loadings": factor,
        "semtools": {"alpha": alpha(items).estimate.value, "omega": value, "omega2": value,
                     "omega3": x["omega_observed"]},
        "fit_one_factor": {"chisq": x["chi2"], "df": x["df"], "pvalue": x["p"], "cfi": x["cfi"], "tli": x["tli"],
                           "rmsea": x["rmsea"], "srmr": x["srmr"]},
    }


def instrument(name: str, numbers: list[int], reverse: list[int], points: list[int], **more: Any) -> Instrument:
    low, high = points
    return Instrument.model_validate({
        "id": name, "name": BOTH, "measures": BOTH, "high_means": BOTH, "licence": BOTH, "verified": True, "min": low,
        "max": high, "anchors": {"en": ["x"] * (high - low + 1), "zh": ["x"] * (high - low + 1)},
        "items": [{"n": n, "en": "x", "zh": "x", "reverse": n in reverse} for n in numbers], **more,
    })


def scale(
    frame: pd.DataFrame, name: str, columns: list[str], reverse: list[str], points: list[int]
) -> tuple[pd.DataFrame, Instrument]:
    """The items under an instrument's column names, and that instrument."""
    numbers = list(range(1, len(columns) + 1))
    made = instrument(name, numbers, [n for n, c in zip(numbers, columns, strict=True) if c in reverse], points)
    return frame[columns].set_axis(made.columns(), axis=1), made


@operation("scale_scoring", omitted={
    "corrected_for_attenuation_upper": "correlations are not corrected for unreliability; both parts of it, the "
                                       "correlations and the alphas, are compared",
})
def scoring(told: Case) -> dict[str, Any]:
    if "positively_worded" in told["options"]:
        return de_jong_gierveld(told)
    return prorated(told) if "items" in told["options"] else person_means(told)


def person_means(told: Case) -> dict[str, Any]:
    """psych::scoreItems: the keys are read from its call."""
    keys = {name: names(items) for name, items in re.findall(r"(\w+)=c\((.*?)\)", code(told))}
    frame, points = file(told).set_index("id"), [told["options"]["min"], told["options"]["max"]]
    scores, alphas = {}, {}
    for name, items in keys.items():
        raw = scale(frame, name, [i.lstrip("-") for i in items], [i[1:] for i in items if i[0] == "-"], points)
        scores[name] = score(*raw, metric="mean", min_answered=0)["total"]
        alphas[name] = alpha(key(*raw)).extra["alpha_pairwise"]
    table = pd.DataFrame(scores)
    return {
        "alpha_pairwise": alphas, "scale_mean": table.mean(), "scale_sd": table.std(),
        "n_scored": table.notna().sum(), "first_12_scores": table.head(12).reset_index().to_dict("list"),
        "scale_correlations": table.corr().to_dict("list"),
    }


def prorated(told: Case) -> dict[str, Any]:
    options = told["options"]
    raw, made = scale(file(told).set_index("id"), "scale", options["items"],
                      list(np.atleast_1d(options.get("reverse") or [])), options["scale"])
    mean80, mean50, listwise = (score(raw, made, metric="mean", min_answered=share)["total"] for share in (0.8, 0.5, 1))
    return {
        "n": len(raw), "n_complete": listwise.notna().sum(),
        "n_missing_items": raw.isna().sum(axis=1).value_counts().rename(str).to_dict(),
        "n_scored_80": mean80.notna().sum(), "n_scored_50": mean50.notna().sum(),
        "mean_80": mean80.mean(), "sd_80": mean80.std(), "mean_50": mean50.mean(), "sd_50": mean50.std(),
        "prorated_sum_mean_80": score(raw, made)["total"].mean(), "mean_listwise": listwise.mean(),
        "ids_lost_at_80": mean80.index[mean80.isna()][:20].tolist(),
    }


def de_jong_gierveld(told: Case) -> dict[str, Any]:
    options, frame, numbers = told["options"], file(told), list(range(1, 12))
    parts = {"social": options["positively_worded"], "emotional": options["negatively_worded"]}
    made = instrument(
        "djg", numbers, options["positively_worded"], [1, 3], binary={"yes_from": 2},
        subscales={name: {"items": items, "label": BOTH, "status": "published"} for name, items in parts.items()},
    )
    raw = frame[[f"djg{n}_raw_before" for n in numbers]].set_axis(made.columns("before"), axis=1)
    scored = key(raw, made, highest_is_agree=False)  # 1 = yes, 2 = more or less, 3 = no
    authors = [f"djg{n}_before" for n in numbers]
    scores = score(raw, made, highest_is_agree=False)
    ucla, three = scale(frame, "ucla", [f"ucla{n}_before" for n in (1, 2, 3)], [], [1, 3])
    total = score(ucla, three)["total"]
    items = scored.set_axis(authors, axis=1)
    return {
        "cells_equal_to_authors_scores": (scored.to_numpy() == frame[authors].to_numpy()).sum(), "cells": scored.size,
        **scores.to_dict("list"), "mean_total": scores["total"].mean(), "sd_total": scores["total"].std(),
        "kr20": alpha(items).estimate.value, "corrected_item_total": item_table(items).set_index("item")["r_rest"],
        "ucla3_total_mean": total.mean(), "ucla3_alpha": alpha(ucla).estimate.value,
        "ucla3_djg_r": scores["total"].corr(total),
    }
