"""Confirmatory factor analysis and invariance against lavaan 0.6-14 in R."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from cases import agrees, case, data

from lbc.analysis.cfa import CfaFit, fit
from lbc.analysis.invariance import STEPS, compare, ladder, modification_indices, partial_scalar, release_tests

PLAIN = {
    "npar": "npar", "chisq": "chi2", "df": "df", "pvalue": "p", "baseline.chisq": "baseline_chi2",
    "baseline.df": "baseline_df", "cfi": "cfi", "tli": "tli", "rmsea": "rmsea", "rmsea.ci.lower": "rmsea_low",
    "rmsea.ci.upper": "rmsea_high", "rmsea.pvalue": "rmsea_p", "srmr": "srmr", "logl": "loglik",
    "aic": "aic", "bic": "bic",
}
ROBUST = {
    "npar": "npar", "chisq": "chi2", "df": "df", "chisq.scaled": "chi2_scaled", "pvalue.scaled": "p_scaled",
    "chisq.scaling.factor": "scaling", "baseline.chisq.scaled": "baseline_chi2_scaled", "cfi.scaled": "cfi_scaled",
    "tli.scaled": "tli_scaled", "rmsea.scaled": "rmsea_scaled", "rmsea.ci.lower.scaled": "rmsea_low_scaled",
    "rmsea.ci.upper.scaled": "rmsea_high_scaled", "cfi.robust": "cfi_robust", "tli.robust": "tli_robust",
    "rmsea.robust": "rmsea_robust", "srmr": "srmr", "cfi": "cfi", "rmsea": "rmsea",
}
MODELS = {
    "b03": ("visual =~ x1 + x2 + x3; textual =~ x4 + x5 + x6; speed =~ x7 + x8 + x9", "school"),
    "b04": ("textual =~ x4 + x5 + x6; speed =~ x7 + x8 + x9", "sex"),
}
WIDER = STEPS | {"scalar_and_means": ("loadings", "intercepts", "means"),
                 "strict_and_means": ("loadings", "intercepts", "residuals", "means")}


@pytest.fixture(scope="module")
def children() -> pd.DataFrame:
    return data("holzinger_swineford_1939.csv")


def same_fit(found: CfaFit, expected: dict[str, Any], names: dict[str, str], tolerance: dict[str, Any]) -> None:
    named = {key: found.fit[own] for key, own in names.items()}
    agrees(named, {key: expected[key] for key in names}, tolerance)


def same_parameters(
    found: CfaFit, e: dict[str, Any], tolerance: dict[str, Any], est: str = "est", se: str = "se"
) -> None:
    """Every row of lavaan's table, in its order; covariances may be written either way round."""
    table = {}
    for row in found.parameters.to_dict("records"):
        table[row["lhs"], row["op"], row["rhs"], row["group"]] = row
        table.setdefault((row["rhs"], row["op"], row["lhs"], row["group"]), row)
    keys = zip(e["lhs"], e["op"], e["rhs"], e.get("group", [1] * len(e["lhs"])), strict=True)
    rows = [table[key] for key in keys]
    assert len(rows) == len(found.parameters)
    agrees([row[est] for row in rows], e["est"], tolerance)
    agrees([row[se] for row in rows], e["se"], tolerance)


def test_one_group(children: pd.DataFrame) -> None:
    told = case("b01")
    found, e, tolerance = fit(told["options"]["model"], children), told["expected"], told["tolerance"]
    assert (found.fit["n"], found.problems, found.converged) == (e["n"], [], True)
    same_fit(found, e["fit"], PLAIN, tolerance)
    agrees(found.fit["chi2"] / found.fit["n"] / 2, e["fit"]["fmin"], tolerance)
    same_parameters(found, e["estimates"], tolerance)
    same_parameters(found, e["standardized"], tolerance, "std", "std_se")
    agrees(found.residual_correlations().abs().max(axis=None), e["largest_residual_correlation"], tolerance)
    residual = found.parameters.query("op == '~~' and lhs == rhs").set_index("lhs")["std"]
    agrees({item: 1 - residual[item] for item in e["r2"]}, e["r2"], tolerance)


def test_modification_indices(children: pd.DataFrame) -> None:
    told = case("b01")
    e = told["expected"]["modification_indices_top5"]
    top = modification_indices(fit(told["options"]["model"], children)).head(5)
    assert [top[c].tolist() for c in ("lhs", "op", "rhs")] == [e["lhs"], e["op"], e["rhs"]]
    agrees(top["chi2"].tolist(), e["mi"], told["tolerance"])
    agrees(top["change"].tolist(), e["epc"], told["tolerance"])


@pytest.mark.parametrize("estimator", ["MLM", "MLR"])
def test_robust(children: pd.DataFrame, estimator: Any) -> None:
    told = case("b02")
    found = fit(told["options"]["model"], children, estimator=estimator)
    same_fit(found, told["expected"][estimator], ROBUST, told["tolerance"])
    same_parameters(found, told["expected"][f"{estimator}_estimates"], told["tolerance"])


@pytest.mark.parametrize("step", list(WIDER))
@pytest.mark.parametrize("name", list(MODELS))
def test_groups(children: pd.DataFrame, name: str, step: str) -> None:
    told, (model, group) = case(name), MODELS[name]
    found, e = fit(model, children, group, WIDER[step]), told["expected"]
    assert list(found.groups) == e["group_labels"]
    assert list(found.n.values()) == e["n_per_group"]
    same_fit(found, e["fit"][step], PLAIN, told["tolerance"])
    if f"estimates_{step}" in e:
        same_parameters(found, e[f"estimates_{step}"], told["tolerance"])
    if f"standardized_{step}" in e:
        same_parameters(found, e[f"standardized_{step}"], told["tolerance"], "std", "std_se")


@pytest.mark.parametrize("name", list(MODELS))
def test_ladder(children: pd.DataFrame, name: str) -> None:
    told, (model, group) = case(name), MODELS[name]
    table = compare(ladder(model, children, group, "ML")).set_index("step")
    names = {"delta_chisq": "d_chi2", "delta_df": "d_df", "p": "d_p", "delta_cfi": "d_cfi", "delta_rmsea": "d_rmsea",
             "delta_srmr": "d_srmr"}
    for key in ("metric_vs_configural", "scalar_vs_metric", "strict_vs_scalar"):
        row = table.loc[key.split("_")[0]]
        agrees({e: row[own] for e, own in names.items()}, told["expected"]["compare"][key], told["tolerance"])


@pytest.mark.parametrize("name", list(MODELS))
def test_score_tests_of_equalities(children: pd.DataFrame, name: str) -> None:
    told, (model, group) = case(name), MODELS[name]
    e = told["expected"]["score_test_scalar"]
    table = release_tests(fit(model, children, group, STEPS["scalar"]))
    rows = {f"{r.lhs}{r.op}{r.rhs}(g1) == {r.lhs}{r.op}{r.rhs}(g2)": (r.chi2, r.p) for r in table.itertuples()}
    agrees([rows[constraint][0] for constraint in e["constraint"]], e["X2"], told["tolerance"])
    agrees([rows[constraint][1] for constraint in e["constraint"]], e["p"], told["tolerance"])


def test_partial_invariance(children: pd.DataFrame) -> None:
    """The search frees the two intercepts that the lavaan tutorial frees; the model is then the reference's."""
    told, (model, group) = case("b03"), MODELS["b03"]
    found, freed = partial_scalar(model, children, group, "ML")
    assert freed == ["x3~1", "x7~1"]
    e = told["expected"]["partial_scalar_x3_x7_free"]
    same_fit(found, e["fit"], PLAIN, told["tolerance"])
    means = found.parameters.query("op == '~1' and group == 2").set_index("lhs").loc[e["latent_means_group2"]["lhs"]]
    agrees(means["est"].tolist(), e["latent_means_group2"]["est"], told["tolerance"])
    agrees(means["se"].tolist(), e["latent_means_group2"]["se"], told["tolerance"])


def test_scaling_factors_of_several_groups(children: pd.DataFrame) -> None:
    """lavaan 0.6-14, cfa(..., group = "school", estimator = "MLM"): configural, metric, scalar."""
    found = ladder(MODELS["b03"][0], children, "school", "MLM")
    assert [found[s].fit["scaling"] for s in list(STEPS)[:3]] == pytest.approx([1.0369, 1.0493, 1.0173], abs=6e-5)
