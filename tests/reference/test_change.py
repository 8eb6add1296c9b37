"""Paired, exact and reliable change against R (each case file holds the command)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from cases import agrees, case, data

from lbc.analysis import change, stats


def close(found: Any, name: str, expected: Any, special: str = "") -> None:
    agrees(found, expected, case(name)["tolerance"], special)


def waves(name: str) -> tuple[pd.Series, pd.Series]:
    if name == "f01":
        frame = data("sleep.csv").set_index("ID")
        return frame.loc[frame["group"] == 1, "extra"], frame.loc[frame["group"] == 2, "extra"]
    if name == "f04":
        frame = data("baumann_reading.csv").query("group == 'Strat'")
        return frame["pretest1"], frame["posttest1"]
    frame = data("loneliness_gamers_s2.csv")
    scale, last, rows = ("ucla", 3, 76) if name == "f02" else ("djg", 11, 14)
    pre, post = (frame[[f"{scale}{i}_{wave}" for i in range(1, last + 1)]].sum(axis=1, skipna=False)
                 for wave in ("before", "during"))
    return pre[:rows], post[:rows]


@pytest.mark.parametrize("name", ["f01", "f02", "f03", "f04"])
def test_paired(name: str) -> None:
    e = case(name)["expected"]
    result = stats.paired(*waves(name))
    x = result.extra
    close([result.n["pairs"], x["mean_pre"], x["sd_pre"], x["mean_post"], x["sd_post"], x["r"], x["sd_diff"],
           result.estimate.value], name,
          [e["n"], e["mean_pre"], e["sd_pre"], e["mean_post"], e["sd_post"], e["r_pre_post"], e["sd_diff"],
           e["mean_diff"]])
    close({"t": result.test.statistic, "df": result.test.df, "p": result.test.p, "ci95": list(result.estimate.ci)},
          name, e["t_test"])
    effects = e["effects"]
    close([result.effect.value, x["g_z"], x["J"], x["d_av"], x["d_av_rms"], x["d_rm"], x["glass_delta"],
           x["g_av"].value, x["smcc_variance"], x["smcr"], x["smcr_variance"], x["rank_biserial"].value], name,
          [effects["d_z"], effects["g_z"], effects["J_df_n_minus_1"], effects["d_av_mean_sd"], effects["d_av_rms_sd"],
           effects["d_rm"], effects["glass_delta_pre"], effects["g_av_mean_sd"], effects["metafor_SMCC"]["vi"],
           effects["metafor_SMCR_pre_sd"]["yi"], effects["metafor_SMCR_pre_sd"]["vi"], effects["rank_biserial"]])
    close(list(result.effect.ci), name, effects["d_z_ci95_noncentral_effectsize"], "d_z_ci")
    close(list(result.effect.ci), name, effects["d_z_ci95_mbess"], "d_z_ci")
    close(list(x["rank_biserial"].ci), name, effects["rank_biserial_ci95"], "rank_biserial_ci95")
    close(x["bf10"], name, e["jzs_bf10_r0.7071"], "bf")


@pytest.mark.parametrize("name", ["f01", "f02", "f03", "f04"])
def test_exact_paired_tests(name: str) -> None:
    e = case(name)["expected"]
    pre, post = waves(name)
    x = stats.paired(pre, post).extra
    w, ranks = e["wilcoxon"], x["wilcoxon"].extra
    close([ranks["n_zero"], ranks["v_positive"], ranks["v_negative"], x["wilcoxon"].test.p, ranks["p_asymptotic"],
           ranks["p_asymptotic_cc"], x["hodges_lehmann"].value, ranks["hodges_lehmann_nonzero"]], name,
          [w["n_zero"], w["V_positive"], w["V_negative"], w["p_exact_zeros_dropped_exactRankTests"],
           w["p_asymptotic_no_cc"], w["p_asymptotic_cc"], w["hodges_lehmann_all_differences"],
           w["hodges_lehmann_zeros_dropped"]])
    assert ranks["ties"] is w["ties"]
    if w["coin"]:
        for zeros, test in (("pratt", x["wilcoxon_pratt"]), ("wilcoxon", x["wilcoxon"])):
            close([test.extra["z"], test.test.p], name, [w["coin"][f"{zeros}_exact"][key] for key in ("Z", "p")])
            close(test.extra["p_asymptotic"], name, w["coin"][f"{zeros}_asymptotic"]["p"])
    flips = e["sign_flip_exact_p_mean"] or e["sign_flip_exact_p_mean_perm_test_scaled"]
    close(x["sign_flip"].test.p, name, flips)
    assert x["sign_flip"].extra["exact"]
    close(change.group_change(pre, post).test.p, name, flips)
    sign = x["sign_test"]
    close([sign.extra["positive"], sign.extra["negative"], sign.test.p], name, list(e["sign_test"].values()))


def test_friedman() -> None:
    frame, e = data("rounding_times.csv"), case("f05")["expected"]
    result = change.friedman_exact(frame.iloc[:, 1:])
    x = result.extra
    close([result.n["children"], result.test.statistic, result.test.df, x["p_chi2"], result.estimate.value], "f05",
          [e["n"], e["chi2"], e["df"], e["p"], e["kendall_w"]])
    close(x["iman_davenport"], "f05", e["iman_davenport"])
    close(x["mean_ranks"], "f05", e["mean_ranks"])
    # R's value is the chi-square approximation; the exact p is smaller but near it at 22 persons
    assert x["exact"]
    assert x["p_exact"] == pytest.approx(e["p"], rel=0.25)


def test_pre_post_control() -> None:
    frame, e = data("baumann_reading.csv"), case("f09")["expected"]
    frame = frame[frame["group"].isin(["DRTA", "Basal"])].assign(treated=lambda d: d["group"] == "DRTA")
    result = change.pre_post_control(frame, "pretest1", "posttest1", "treated")
    x = result.extra
    close([*result.n.values(), x["gain_treated"], x["gain_untreated"]], "f09",
          [e["n_treatment"], e["n_control"], e["gain_treatment"], e["gain_control"]])
    close([result.test.statistic, result.test.df, result.test.p, *result.estimate.ci], "f09",
          list(e["welch_gain"].values()))
    close([x["student_t"], x["student_p"], x["time_by_group_F"], result.effect.value], "f09",
          [*e["student_gain"].values(), e["time_by_group_F_rm_anova"], e["morris_2008_d_ppc2"]])
    close([x["p_rank_exact"], x["p_permutation_exact"]], "f09",
          [e["wilcoxon_gain_exact_coin"], e["permutation_gain_exact_coin"]])
    homoscedastic = change.ancova(frame, "posttest1", "pretest1", "treated").extra["homoscedastic"]
    close([homoscedastic[key] for key in ("value", "se", "t", "p")], "f09",
          list(e["ancova_treatment_effect"].values()))


@pytest.mark.parametrize(("name", "file"), [("f10", "gaming_hours_s1.csv"), ("f11", "gaming_hours_s2.csv")])
def test_published_bayes_factors(name: str, file: str) -> None:
    frame, e = data(file), case(name)["expected"]
    result = stats.paired(frame["total_hours_played_before"], frame["total_hours_played_during"])
    close([result.n["pairs"], result.test.statistic, result.test.df, result.test.p, result.extra["bf10"]], name,
          [e["n"], e["t"], e["df"], e["p"], e["bf10"]])
    close(np.log(stats.jzs_bf_paired(e["t"], e["n"])), name, e["log_bf10"])


def test_reliable_change_worked_example() -> None:
    options, e = case("h01")["options"], case("h01")["expected"]
    bar = change.reliable_bar(options["s1"], options["rxx"])
    close(list(bar), "h01", [e["se_measurement"], e["s_diff"], e["smallest_reliable_change"]])
    cuts = change.clinical_cutoffs(options["M1"], options["s1"], options["M0"], options["s0"])
    close([cuts["a"], cuts["b"], cuts["c"]], "h01", [e["cutoff_a"], e["cutoff_b"], e["cutoff_c"]])
    member = change.reliable_change([options["pre"]], [options["post"]], options["s1"], options["rxx"], "up").iloc[0]
    close(member["rci"], "h01", e["rc"])
    assert (member["class"] == "improved") is e["reliable"]


@pytest.mark.parametrize(("scale", "direction"), [("das", "up"), ("gds", "down")])
def test_clinical_significance(scale: str, direction: str) -> None:
    options, e = case("h02")["options"][scale], case("h02")["expected"][scale]
    wide = data("jacobson_1989.csv").pivot(index="subject", columns="time", values=scale).dropna()
    pre, post = wide["pre"], wide["post"]
    sd, reliability = float(pre.std()), options["reliability"]
    cuts = change.clinical_cutoffs(float(pre.mean()), sd, options["m_functional"], options["sd_functional"])
    close([change.reliable_bar(sd, reliability).s_diff, cuts["a"], cuts["b"], cuts["c"]], "h02",
          [e["s_diff"], e["cutoff_a"], e["cutoff_b"], e["cutoff_c"]])
    table = change.reliable_change(pre, post, sd, reliability, direction, cutoff=cuts["c"])
    assert table.index.tolist() == e["subject"]
    close(table["rci"].tolist(), "h02", e["rci"])
    assert table["clinical"].tolist() == e["category"]
    counts = table["class"].value_counts()
    assert counts["improved"] == e["counts"]["recovered"] + e["counts"]["improved"]
