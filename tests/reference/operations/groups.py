"""Two groups, equivalence, analysis of covariance, bootstrap of g: stats, effectsize, coin, car, emmeans (c01 to c12)."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from lbc.analysis import comparison, stats
from operations import Case, operation
from operations.common import code, file, two_samples


def samples(told: Case) -> tuple[pd.Series, pd.Series]:
    frame, outcome, group, x, y = two_samples(told)
    return tuple(frame.loc[frame[group].astype(str) == label, outcome] for label in (x, y))


@operation("two_group_comparison", omitted={
    "mann_whitney/p_exact_no_ties": "above 60 values p is the normal approximation with continuity correction",
    "effects/J_approx": "the exact factor (gamma functions) is used",
    "effects/hedges_g_approx": "the exact factor (gamma functions) is used",
    "assumptions": "no test of assumptions decides which test is shown: Welch's and the rank tests stand side by side",
}, wider={
    "effects/g_ci95_effectsize": ("abs 1e-4", "the limits of g are J times those of d, which effectsize solves to about "
                                              "1e-6 and for which the case itself allows 1e-4"),
})
def two_groups(told: Case) -> dict[str, Any]:
    """Group 1 minus group 2, so group 1 is the focal one."""
    frame, outcome, group, focal, reference = two_samples(told)
    result = comparison.two_groups(frame, outcome, group, reference, focal)
    x, y = samples(told)
    student, ranks, bm = stats.student(x, y), stats.rank_sum(x, y), stats.brunner_munzel(x, y)
    p = ranks.extra["p_exact"]
    exact = {} if ranks.extra["ties"] or p is None else {"p_exact_no_ties": p}
    more, r, d = result.extra, ranks.extra, result.extra["cohens_d"]
    n2, n1 = result.n.values()
    return {
        "n1": n1, "n2": n2, "mean1": more["mean_x"], "mean2": more["mean_y"], "sd1": more["sd_x"], "sd2": more["sd_y"],
        "student": {"t": student.test.statistic, "df": student.test.df, "p": student.test.p,
                    "diff": student.estimate.value, "ci95": student.estimate.ci},
        "welch": {"t": result.test.statistic, "df": result.test.df, "p": result.test.p, "ci95": result.estimate.ci},
        "mann_whitney": {
            "W_u1": r["u_x"], "u2": r["u_y"], "ties": r["ties"], **exact,
            "p_asymptotic_no_cc": r["p_asymptotic"], "p_asymptotic_cc": r["p_asymptotic_cc"],
            "p_exact_conditional_coin": r["p_exact"], "z_coin": r["z"],
        },
        "effects": {
            "cohen_d_pooled": d, "d_effectsize": d, "d_ci95_noncentral": more["cohens_d_ci"],
            "d_ci95_mbess": more["cohens_d_ci"], "J_exact_gamma": more["J"], "hedges_g_exact": result.effect.value,
            "g_effectsize": result.effect.value, "g_ci95_effectsize": result.effect.ci,
            "metafor_smd": {"yi": result.effect.value, "vi": more["g_variance"]},
            "glass_delta_sd2": more["glass_delta"], "rank_biserial": ranks.estimate.value,
            "rank_biserial_ci95": ranks.estimate.ci, "vargha_delaney_A12": r["superiority"],
            "cliffs_delta": ranks.estimate.value,
        },
        "brunner_munzel": {
            "statistic": bm.test.statistic, "df": bm.test.df, "p": bm.test.p,
            "estimate_P_x_lt_y_plus_half_ties": bm.estimate.value,
            "ci95": dict(zip(("lower", "upper"), bm.estimate.ci, strict=True)),
        },
        "jzs_bf10": {"rscale_0.7071": more["bf10"], "rscale_1": more["bf10_wide"]},
    }


@operation("bootstrap_hedges_g", omitted={
    "boot_se": "the bootstrap gives an interval only", "percentile_ci95": "bias-corrected and accelerated instead",
    "basic_ci95": "bias-corrected and accelerated instead",
})
def bootstrap_of_g(told: Case) -> dict[str, Any]:
    x, y = (sample.to_numpy(float) for sample in samples(told))
    j = stats.small_sample_factor(x.size + y.size - 2)

    def g(a: np.ndarray, b: np.ndarray) -> float:
        pooled = ((a.size - 1) * a.var(ddof=1) + (b.size - 1) * b.var(ddof=1)) / (a.size + b.size - 2)
        return float(j * (a.mean() - b.mean()) / np.sqrt(pooled))

    found = stats.bca((x, y), g, np.random.default_rng(20240601), n=10_000)
    return {"hedges_g": stats.hedges_g(x, y).value, "bca_ci95": found.ci}


@operation("tost")
def equivalence(told: Case) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for name, pooled in (("welch", False), ("student", True)):
        result = comparison.equivalence(*samples(told), *told["options"]["bounds_raw"], pooled=pooled)
        x = result.extra
        answer[name] = {key: x[key] for key in ("t_lower", "p_lower", "t_upper", "p_upper")}
        answer[name] |= {"df": result.test.df, "p_tost": result.test.p, "ci90": result.estimate.ci,
                         "diff": result.estimate.value}
    return {"low": x["low"], "high": x["high"]} | answer


@operation("ancova", omitted={"anova_type3/*/0": "the intercept's sum of squares says nothing about the groups"})
def adjusted_means(told: Case) -> dict[str, Any]:
    column = {name: re.search(rf'd\${name} <- .*?d\[\["(\w+)"\]\]', code(told))[1] for name in "gyx"}
    found = comparison.adjusted_means(file(told), column["y"], column["g"], [column["x"]])
    anova, means, pairs = found["anova"], found["means"], found["pairwise"]
    columns = ("ss", "df", "F", "p")
    return {
        "n": found["n"], "group_levels": means["level"].tolist(),
        "anova_type2": {name: anova[name].tolist() for name in columns},
        # without an interaction type III is type II, after the intercept's row
        "anova_type3": {name: dict(enumerate(anova[name], start=1)) for name in columns},
        "partial_eta2": dict(zip("xg", anova["partial_eta2"], strict=False)),
        "partial_eta2_ci90": {end: anova[f"partial_eta2_{end}"].tolist()[:2] for end in ("low", "high")},
        "homogeneity_of_slopes": {key: found["slopes"][key] for key in ("F", "df", "p")},
        "adjusted_means": {"group": means["level"].tolist(), "mean": means["mean"].tolist(), "se": means["se"].tolist(),
                           "df": means["df"].tolist(), "lower": means["low"].tolist(), "upper": means["high"].tolist()},
        "pairwise": {c: pairs[c].tolist() for c in ("contrast", "estimate", "se", "t", "p_holm", "p_tukey")},
        "covariate_slope": found["coefficients"]["estimate"][1], "r2": found["r2"], "adj_r2": found["adj_r2"],
        "residual_sd": found["residual_sd"],
        "unadjusted_means": dict(zip(means["level"], means["unadjusted"], strict=True)),
    }
