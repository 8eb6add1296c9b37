"""Paired waves: stats, effectsize, MBESS, metafor, coin, exactRankTests, BayesFactor, boot, afex (f01 to f11)."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from lbc.analysis import change, stats
from lbc.analysis.waves import rm_anova
from operations import Case, operation
from operations.common import code, file, names


def waves(told: Case) -> tuple[pd.Series, pd.Series]:
    """The persons' values before and after, as the commands pick them."""
    frame, text = file(told), code(told)
    if "_during" in text:  # a scale's sum over its items, of the first rows or of all
        scale, last = re.search(r'paste0\("(\w+?)",1:(\d+),"_before"\)', text).groups()
        rows = re.search(r"d <- d\[1:(\d+), \]", text)
        frame = frame.head(int(rows[1])) if rows else frame
        return tuple(frame[[f"{scale}{i}_{wave}" for i in range(1, int(last) + 1)]].sum(axis=1, skipna=False)
                     for wave in ("before", "during"))
    if parts := re.findall(r"(?:pre|post) <- d\$(\w+)\[d\$(\w+) == (\w+)\]", text):
        return tuple(frame.loc[frame[group].astype(str) == value, name].reset_index(drop=True)
                     for name, group, value in parts)
    group, value = re.search(r'd\$(\w+) == "(\w+)"', text).groups()
    columns = re.findall(r"(?:pre|post) <- d\$(\w+)", text)
    return tuple(frame.loc[frame[group] == value, name] for name in columns)


@operation("paired_small_n")
def paired(told: Case) -> dict[str, Any]:
    e = told["expected"]
    pre, post = waves(told)
    result = stats.paired(pre, post)
    x, d_z, rank = result.extra, list(result.effect.ci), result.extra["rank_biserial"]
    drop, pratt, flips, sign = x["wilcoxon"], x["wilcoxon_pratt"], x["sign_flip"], x["sign_test"]
    coin = {}
    for zeros, test in (("pratt", pratt), ("wilcoxon", drop)):
        coin[f"{zeros}_exact"] = {"Z": test.extra["z"], "p": test.test.p}
        coin[f"{zeros}_asymptotic"] = {"Z": test.extra["z"], "p": test.extra["p_asymptotic"]}
    exact = {key: None if e[key] is None else flips.test.p
             for key in ("sign_flip_exact_p_mean", "sign_flip_exact_p_mean_perm_test_scaled")}
    return {
        "n": result.n["pairs"], "mean_pre": x["mean_pre"], "sd_pre": x["sd_pre"], "mean_post": x["mean_post"],
        "sd_post": x["sd_post"], "r_pre_post": x["r"], "mean_diff": result.estimate.value, "sd_diff": x["sd_diff"],
        "t_test": {"t": result.test.statistic, "df": result.test.df, "p": result.test.p, "ci95": result.estimate.ci},
        "wilcoxon": {
            "n_zero": drop.extra["n_zero"], "ties": drop.extra["ties"], "V_positive": drop.extra["v_positive"],
            "V_negative": drop.extra["v_negative"], "p_exact_zeros_dropped_exactRankTests": drop.test.p,
            "p_asymptotic_no_cc": drop.extra["p_asymptotic"], "p_asymptotic_cc": drop.extra["p_asymptotic_cc"],
            "coin": coin if e["wilcoxon"]["coin"] else None,
            "hodges_lehmann_all_differences": x["hodges_lehmann"].value,
            "hodges_lehmann_zeros_dropped": drop.extra["hodges_lehmann_nonzero"],
        },
        **exact,
        "sign_test": {"positive": sign.extra["positive"], "negative": sign.extra["negative"], "p": sign.test.p},
        "effects": {
            "d_z": result.effect.value, "d_z_ci95_noncentral_effectsize": d_z, "d_z_ci95_mbess": d_z, "g_z": x["g_z"],
            "J_df_n_minus_1": x["J"], "d_av_mean_sd": x["d_av"], "d_av_rms_sd": x["d_av_rms"], "d_rm": x["d_rm"],
            "glass_delta_pre": x["glass_delta"], "g_av_mean_sd": x["g_av"].value,
            "metafor_SMCC": {"yi": x["g_z"], "vi": x["smcc_variance"]},
            "metafor_SMCR_pre_sd": {"yi": x["smcr"], "vi": x["smcr_variance"]},
            "rank_biserial": rank.value, "rank_biserial_ci95": rank.ci,
        },
        "jzs_bf10_r0.7071": x["bf10"],
    }


@operation("bootstrap_paired", omitted={"*_perc95": "bias-corrected and accelerated instead"}, wider={
    "*_bca95": ("abs 0.15", "with ten values the methods differ: boot takes the acceleration from a regression over the "
                            "resamples (d_z: -0.066), SciPy from the jackknife (-0.102), and it counts ties by half"),
})
def bootstrap(told: Case) -> dict[str, Any]:
    pre, post = waves(told)
    d = (post - pre).to_numpy()
    mean = stats.bca(d, np.mean, np.random.default_rng(7), n=20_000)
    d_z = stats.bca(d, lambda v: float(v.mean() / v.std(ddof=1)), np.random.default_rng(7), n=20_000)
    return {"mean_diff": mean.value, "mean_diff_bca95": mean.ci, "d_z": stats.d_z(d).value, "d_z_bca95": d_z.ci}


@operation("friedman", omitted={
    "pairwise_wilcoxon_holm_asymptotic_cc": "R ranks the differences unrounded, so that equal ones (0.05 and 0.05) are "
                                            "not tied; lbc ties them, and its p is exact",
})
def friedman(told: Case) -> dict[str, Any]:
    """R's p is the chi-square approximation; the exact one is checked in test_beyond_cases.py."""
    result = change.friedman_exact(file(told).iloc[:, 1:])
    x = result.extra
    return {
        "n": result.n["children"], "k": len(x["mean_ranks"]), "chi2": result.test.statistic, "df": result.test.df,
        "p": x["p_chi2"], "kendall_w": result.estimate.value, "iman_davenport": x["iman_davenport"],
        "mean_ranks": x["mean_ranks"],
    }


def wide(frame: pd.DataFrame, text: str) -> pd.DataFrame:
    """The persons by wave: columns as named, or the means of the columns that share a beginning."""
    if means := re.search(r'sapply\(c\((.+?)\), function\(p\) rowMeans\(d\[, paste0\(p,"(.*?)",(\d+):(\d+)\)\]\)', text):
        parts = range(int(means[3]), int(means[4]) + 1)
        return pd.DataFrame({name: frame[[f"{name}{means[2]}{i}" for i in parts]].mean(axis=1)
                             for name in names(means[1])})
    if vector := re.search(r"y = c\((d\$.+?)\)", text):
        return frame[re.findall(r"d\$(\w+)", vector[1])]
    return frame[next(found for part in re.findall(r"c\((.+?)\)", text)
                      if len(found := names(part)) > 1 and set(found) <= set(frame))]


@operation("rm_anova")
def repeated(told: Case) -> dict[str, Any]:
    values = wide(file(told), code(told))
    row = rm_anova(values).iloc[0]
    return {
        "n": len(values.dropna()), "k": values.shape[1], "F": row["F"], "df1": row["df1"], "df2": row["df2"],
        "p": row["p"], "epsilon_gg": row["gg"], "epsilon_gg_from_definition": row["gg"], "epsilon_hf": row["hf"],
        "p_gg": row["p_gg"], "p_hf": row["p_hf"], "mauchly_W": row["mauchly_w"], "mauchly_p": row["p_mauchly"],
        "ss_effect": row["ss"], "ss_error": row["ss_error"], "partial_eta2": row["partial_eta2"],
        "generalized_eta2": row["ges"], "condition_means": values.dropna().mean().to_dict(),
    }


@operation("mixed_anova")
def mixed(told: Case) -> dict[str, Any]:
    frame, text = file(told), code(told)
    between, within = (re.search(rf'{name}="(\w+)"', text)[1] for name in ("between", "within"))
    source = re.search(rf"{between} = factor\(rep\(d\$(\w+)", text)[1]
    terms = {"group": between, "wave": within, "group:wave": f"{between}:{within}"}
    answer = {}
    for kind in (3, 2):
        table = rm_anova(wide(frame, text), frame[source], kind)
        varying = table[table["term"] != "group"]
        answer[f"type{kind}"] = {
            "term": table["term"].map(terms).tolist(), **{name: table[name].tolist() for name in ("F", "df1", "df2", "p")},
            "gg_eps": varying["gg"].tolist(), "p_gg": varying["p_gg"].tolist(), "ges": table["ges"].tolist(),
        }
    return answer


@operation("pre_post_control")
def against_control(told: Case) -> dict[str, Any]:
    text, frame = code(told), file(told)
    group, both = re.search(r"d\$(\w+) %in% c\((.+?)\)", text).groups()
    treated = re.search(r'== "(\w+)","T"', text)[1]
    frame = frame[frame[group].isin(names(both))].assign(treated=lambda d: d[group] == treated)
    pre, post = (re.search(rf"{name} <- d\$(\w+)", text)[1] for name in ("pre", "post"))
    result = change.pre_post_control(frame, pre, post, "treated")
    x, plain = result.extra, change.ancova(frame, post, pre, "treated").extra["homoscedastic"]
    return {
        "n_treatment": result.n["treated"], "n_control": result.n["untreated"], "gain_treatment": x["gain_treated"],
        "gain_control": x["gain_untreated"],
        "welch_gain": {"t": result.test.statistic, "df": result.test.df, "p": result.test.p,
                       "lower": result.estimate.ci[0], "upper": result.estimate.ci[1]},
        "student_gain": {"t": x["student_t"], "p": x["student_p"]}, "time_by_group_F_rm_anova": x["time_by_group_F"],
        "ancova_treatment_effect": {"b": plain["value"], "se": plain["se"], "t": plain["t"], "p": plain["p"]},
        "morris_2008_d_ppc2": result.effect.value, "wilcoxon_gain_exact_coin": x["p_rank_exact"],
        "permutation_gain_exact_coin": x["p_permutation_exact"],
    }


@operation("jzs_bayes_factor_paired")
def bayes_factor(told: Case) -> dict[str, Any]:
    frame = file(told)
    post, pre = re.search(r"x <- d\$(\w+); y <- d\$(\w+)", code(told)).groups()
    result = stats.paired(frame[pre], frame[post])
    x = result.extra
    bf = stats.jzs_bf_paired(result.test.statistic, result.n["pairs"])
    return {
        "n": result.n["pairs"], "mean_during": x["mean_post"], "sd_during": x["sd_post"], "mean_before": x["mean_pre"],
        "sd_before": x["sd_pre"], "t": result.test.statistic, "df": result.test.df, "p": result.test.p,
        "bf10": x["bf10"], "log_bf10": np.log(bf),
    }
