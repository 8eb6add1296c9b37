"""Group comparison, clustered and multilevel models against R (each case file holds the command)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from cases import agrees, case, data

from lbc.analysis import comparison, stats

GROUPS = {
    "c01": ("holzinger_swineford_1939.csv", "x1", "school", "Pasteur", "Grant-White"),
    "c02": ("holzinger_swineford_1939.csv", "x5", "school", "Pasteur", "Grant-White"),
    "c03": ("baumann_reading.csv", "posttest3", "group", "Basal", "DRTA"),
    "c04": ("pain_brunner_munzel.csv", "score", "group", "Y", "N"),
    "c05": ("sleep.csv", "extra", "group", 1, 2),
}


def close(found: Any, name: str, expected: Any, special: str = "") -> None:
    agrees(found, expected, case(name)["tolerance"], special)


@pytest.mark.parametrize("name", GROUPS)
def test_two_groups(name: str) -> None:
    """Group 1 minus group 2, so group 1 is the focal one."""
    file, outcome, group, focal, reference = GROUPS[name]
    e = case(name)["expected"]
    result = comparison.two_groups(data(file), outcome, group, reference, focal)
    x = result.extra
    close(list(result.n.values()), name, [e["n2"], e["n1"]])
    close([x["mean_x"], x["mean_y"], x["sd_x"], x["sd_y"]], name, [e["mean1"], e["mean2"], e["sd1"], e["sd2"]])
    close(result.estimate.value, name, e["student"]["diff"])
    close({"t": result.test.statistic, "df": result.test.df, "p": result.test.p, "ci95": list(result.estimate.ci)},
          name, e["welch"])
    effects = e["effects"]
    close(result.effect.value, name, effects["hedges_g_exact"])
    # effectsize solves the pivot to about 1e-6; its limits of g are J times those of d
    close(list(result.effect.ci), name, effects["g_ci95_effectsize"], "d_ci95_noncentral")
    close(list(x["cohens_d_ci"]), name, effects["d_ci95_noncentral"], "d_ci95_noncentral")
    close(list(x["cohens_d_ci"]), name, effects["d_ci95_mbess"], "d_ci95_mbess")
    close([x["cohens_d"], x["J"], x["glass_delta"], x["g_variance"]], name,
          [effects["cohen_d_pooled"], effects["J_exact_gamma"], effects["glass_delta_sd2"],
           effects["metafor_smd"]["vi"]])
    close(x["bf10"], name, e["jzs_bf10"]["rscale_0.7071"], "jzs_bf10")
    close(x["bf10_wide"], name, e["jzs_bf10"]["rscale_1"], "jzs_bf10")


@pytest.mark.parametrize("name", GROUPS)
def test_student(name: str) -> None:
    file, outcome, group, first, second = GROUPS[name]
    frame, e = data(file), case(name)["expected"]["student"]
    x, y = (frame.loc[frame[group] == value, outcome] for value in (first, second))
    result = stats.student(x, y)
    close({"t": result.test.statistic, "df": result.test.df, "p": result.test.p, "diff": result.estimate.value,
           "ci95": list(result.estimate.ci)}, name, e)


@pytest.mark.parametrize("name", GROUPS)
def test_rank_tests(name: str) -> None:
    file, outcome, group, first, second = GROUPS[name]
    frame, e = data(file), case(name)["expected"]
    x, y = (frame.loc[frame[group] == value, outcome] for value in (first, second))
    ranks, u = stats.rank_sum(x, y), e["mann_whitney"]
    found = ranks.extra
    close([found["u_x"], found["u_y"], found["p_asymptotic"], found["p_asymptotic_cc"], found["z"]], name,
          [u["W_u1"], u["u2"], u["p_asymptotic_no_cc"], u["p_asymptotic_cc"], u["z_coin"]])
    close(found["p_exact"], name, u["p_exact_conditional_coin"])
    close([ranks.estimate.value, found["superiority"]], name,
          [e["effects"]["rank_biserial"], e["effects"]["vargha_delaney_A12"]])
    close(list(ranks.estimate.ci), name, e["effects"]["rank_biserial_ci95"], "rank_biserial_ci95")
    bm, b = stats.brunner_munzel(x, y), e["brunner_munzel"]
    close([bm.test.statistic, bm.test.df, bm.test.p, bm.estimate.value, *bm.estimate.ci], name,
          [b["statistic"], b["df"], b["p"], b["estimate_P_x_lt_y_plus_half_ties"], b["ci95"]["lower"],
           b["ci95"]["upper"]])


def test_bootstrap_interval_of_g() -> None:
    frame, e = data("baumann_reading.csv"), case("c06")["expected"]
    x, y = (frame.loc[frame["group"] == value, "posttest3"].to_numpy(float) for value in ("Basal", "DRTA"))
    j = stats.small_sample_factor(x.size + y.size - 2)

    def g(a: np.ndarray, b: np.ndarray) -> float:
        pooled = ((a.size - 1) * a.var(ddof=1) + (b.size - 1) * b.var(ddof=1)) / (a.size + b.size - 2)
        return float(j * (a.mean() - b.mean()) / np.sqrt(pooled))

    found = stats.bca((x, y), g, np.random.default_rng(20240601), n=10_000)
    assert found.value == pytest.approx(e["hedges_g"], abs=1e-6)
    close(list(found.ci), "c06", e["bca_ci95"])


@pytest.mark.parametrize("pooled", [False, True])
def test_equivalence(pooled: bool) -> None:
    frame, e = data("holzinger_swineford_1939.csv"), case("c07")["expected"]
    x, y = (frame.loc[frame["school"] == school, "x9"] for school in ("Pasteur", "Grant-White"))
    result = comparison.equivalence(x, y, e["low"], e["high"], pooled=pooled)
    found = result.extra | {"df": result.test.df, "p_tost": result.test.p, "ci90": list(result.estimate.ci),
                            "diff": result.estimate.value}
    close(found, "c07", e["student" if pooled else "welch"])
    assert result.extra["equivalent"]
    assert result.estimate.level == pytest.approx(0.90)


@pytest.mark.parametrize(("name", "outcome"), [("c08", "posttest3"), ("c12", "posttest1")])
def test_adjusted_means(name: str, outcome: str) -> None:
    e = case(name)["expected"]
    found = comparison.adjusted_means(data("baumann_reading.csv"), outcome, "group", ["pretest1"])
    anova = found["anova"]
    for column in ("ss", "df", "F", "p"):
        close(anova[column].tolist(), name, e["anova_type2"][column])
    close(anova["partial_eta2"].tolist()[:2], name, list(e["partial_eta2"].values()))
    close(anova["partial_eta2_low"].tolist()[:2], name, e["partial_eta2_ci90"]["low"])
    close(anova["partial_eta2_high"].tolist()[:2], name, e["partial_eta2_ci90"]["high"])
    close(found["slopes"], name, e["homogeneity_of_slopes"])
    means = found["means"].rename(columns={"low": "lower", "high": "upper"})
    assert means["level"].tolist() == e["adjusted_means"]["group"]
    for column in ("mean", "se", "df", "lower", "upper"):
        close(means[column].tolist(), name, e["adjusted_means"][column])
    close(means["unadjusted"].tolist(), name, list(e["unadjusted_means"].values()))
    assert found["pairwise"]["contrast"].tolist() == e["pairwise"]["contrast"]
    for column in ("estimate", "se", "t", "p_holm", "p_tukey"):
        close(found["pairwise"][column].tolist(), name, e["pairwise"][column])
    slope = found["coefficients"]["estimate"][1]
    close([found["n"], slope, found["r2"], found["adj_r2"], found["residual_sd"]], name,
          [e["n"], e["covariate_slope"], e["r2"], e["adj_r2"], e["residual_sd"]])


def mixed(found: comparison.MixedModel, name: str, e: dict[str, Any]) -> None:
    columns = {"estimate": "est", "se": "se", "df": "df_satterthwaite", "t": "t", "p": "p_satterthwaite"}
    for column, theirs in columns.items():
        close(found.fixed[column].tolist(), name, e["fixed"][theirs])
    close([found.var_group, found.var_residual], name, e["random"]["var_or_cov"])
    close([found.log_lik, found.aic, found.bic, found.n, found.n_groups], name,
          [e["logLik"], e["AIC"], e["BIC"], e["n"], e["n_groups"]])


def test_null_model() -> None:
    frame, e = data("hsb_mathachieve.csv"), case("d01")["expected"]
    one = pd.DataFrame({"(Intercept)": np.ones(len(frame))})
    reml = comparison.random_intercept(frame["MathAch"], one, frame["School"])
    ml = comparison.random_intercept(frame["MathAch"], one, frame["School"], reml=False)
    mixed(reml, "d01", e["reml"])
    mixed(ml, "d01", e["ml"])
    close([reml.icc, ml.icc, reml.mean_cluster_size, reml.design_effect], "d01",
          [e["icc_reml"], e["icc_ml"], e["mean_cluster_size"], e["design_effect"]])
    close([ml.chi2, ml.p_chi2], "d01", [e["lr_test_random_intercept"][key] for key in ("chi2", "p_chibar")])
    close(reml.groups.iloc[:3].tolist(), "d01", e["blup_first3"]["u"])
    anova = comparison.icc_groups(frame["MathAch"], frame["School"])
    close([anova.estimate.value, anova.extra["icc2"]], "d01", [e["icc1_anova"], e["icc2_anova"]])


def test_random_intercepts_with_predictors() -> None:
    frame, e = data("hsb_mathachieve.csv"), case("d02")["expected"]
    frame["SESc"] = frame["SES"] - frame["MEANSES"]
    frame["cath"] = (frame["Sector"] == "Catholic").astype(float)
    x = comparison.design(frame, ["MEANSES", "SESc", "cath"])
    means = comparison.random_intercept(frame["MathAch"], x[["(Intercept)", "MEANSES"]], frame["School"])
    full = comparison.random_intercept(frame["MathAch"], x, frame["School"])
    mixed(means, "d02", e["means_as_outcomes"])
    mixed(full, "d02", e["random_intercept_full"])
    close([full.r2_marginal, full.r2_conditional], "d02",
          [e["r2_nakagawa"]["marginal"], e["r2_nakagawa"]["conditional"]])


@pytest.mark.parametrize("variable", ["HRS", "LEAD", "WBEING"])
def test_icc_of_groups(variable: str) -> None:
    frame, e = data("bh1996_hours.csv"), case("d03")["expected"][variable]
    found = comparison.icc_groups(frame[variable], frame["GRP"])
    close([found.estimate.value, found.extra["icc2"], found.extra["icc_reml"], found.extra["var_group"],
           found.extra["var_residual"]], "d03", list(e.values()))


@pytest.mark.parametrize(
    ("model", "options"),
    [("reml", {}), ("ml", {"reml": False}), ("ml_no_interaction", {"reml": False, "interaction": False})],
)
def test_two_waves_and_two_groups(model: str, options: dict[str, bool]) -> None:
    frame = data("loneliness_gamers_s1.csv")
    for wave in ("before", "during"):
        frame[wave] = frame[[f"ucla{i}_{wave}" for i in (1, 2, 3)]].sum(axis=1, skipna=False)
    found = comparison.waves_by_group(frame, "before", "during", "sex", "male", "female", **options)
    mixed(found, "d04", case("d04")["expected"][model])


@pytest.fixture
def twelve_schools() -> tuple[pd.DataFrame, pd.DataFrame]:
    frame = data("hsb_mathachieve.csv")
    frame = frame[frame["School"].isin(frame["School"].unique()[:12])]
    return frame, comparison.design(frame, ["SES", "Minority", "Sex", "Sector"])


@pytest.mark.parametrize("kind", ["CR0", "CR1", "CR1S", "CR2"])
def test_cluster_robust(kind: str, twelve_schools: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    frame, x = twelve_schools
    e = case("d05")["expected"]
    found = comparison.cluster_robust(frame["MathAch"], x, frame["School"], kind)
    theirs = e["CR1S_stata" if kind == "CR1S" else kind]
    table = found.table()
    close([found.n, found.n_clusters], "d05", [e["n"], e["n_clusters"]])
    close(table["estimate"].tolist(), "d05", list(e["coef"].values()))
    for column, key in {"se": "se", "df": "df_satt", "p": "p_satt"}.items():
        close(table[column].tolist(), "d05", theirs[key])


def test_errors_for_unequal_spread(twelve_schools: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    frame, x = twelve_schools
    e = case("d05")["expected"]
    for kind, se in e["hc_se"].items():
        close(comparison.linear(frame["MathAch"], x, kind).se.tolist(), "d05", se)
    close(comparison.linear(frame["MathAch"], x, "classic").se.tolist(), "d05", list(e["se_ols"].values()))


def test_adjusted_uses_cr2(twelve_schools: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    frame, _ = twelve_schools
    e = case("d05")["expected"]
    covariates = ["SES", "Minority", "Sex"]
    found = comparison.adjusted(frame, "MathAch", "Sector", "Catholic", "Public", covariates, "School")
    close([found.estimate.value, found.test.df, found.test.p], "d05",
          [e["coef"]["SectorPublic"], e["CR2"]["df_satt"][4], e["CR2"]["p_satt"][4]])
    means = found.extra["adjusted_means"]["mean"]
    close(means[1] - means[0], "d05", e["coef"]["SectorPublic"])
