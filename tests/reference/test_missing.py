"""Little's test, patterns of missing answers and pooling, against R, lavaan, naniar and mice (k01 to k04)."""

from __future__ import annotations

import pytest
from cases import agrees, case, data

from lbc.survey.missing import by_variable, em_normal, little_mcar, patterns, rubin, rubin_r2

FILES = {"k02": ("airquality.csv", ["Ozone", "Solar.R", "Wind", "Temp", "Month", "Day"]),
         "k03": ("nhanes.csv", ["age", "bmi", "hyp", "chl"])}


@pytest.mark.parametrize("name", ["k02", "k03"])
def test_little_and_em(name: str) -> None:
    file, columns = FILES[name]
    expected = case(name)
    wanted, tolerance = expected["expected"], expected["tolerance"]
    frame = data(file)[columns]
    found = little_mcar(frame, covariance="ml")
    numbers = {"little_chi2": found.test.statistic, "df": found.test.df, "p": found.test.p}
    agrees(numbers, {name: wanted[name] for name in numbers}, tolerance)
    agrees([found.extra["patterns"], found.n["all"]], [wanted["n_patterns"], wanted["n"]], tolerance)
    mean, covariance = em_normal(frame)
    agrees(mean.to_dict(), wanted["em_means"], tolerance)
    agrees(mean.to_dict(), wanted["lavaan_fiml_means"], tolerance)
    agrees(covariance.to_dict("list"), wanted["em_cov_ml"], tolerance)
    agrees({v: covariance.loc[v, v] for v in covariance}, wanted["lavaan_fiml_var"], tolerance)


def test_little_with_the_covariance_of_his_article() -> None:
    file, columns = FILES["k02"]
    found = little_mcar(data(file)[columns], covariance="unbiased")
    assert found.test.statistic == pytest.approx(34.88, abs=0.005)  # N/(N-1) convention, 153 days
    assert found.test.df == 14


def test_patterns_of_nhanes() -> None:
    expected = case("k04")
    wanted, tolerance = expected["expected"], expected["tolerance"]
    frame = data("nhanes.csv")[["age", "bmi", "hyp", "chl"]]
    table = patterns(frame)
    found = {name or "complete": n for name, n in zip(table["missing"], table["n"], strict=True)}
    assert set(found) == set(wanted["patterns"])
    agrees(found, wanted["patterns"], tolerance)
    counts = by_variable(frame)
    agrees(dict(zip(counts["variable"], counts["missing"], strict=True)), wanted["missing_per_variable"], tolerance)
    agrees(counts["share"].mean(), wanted["share_missing_cells"], tolerance)


def test_rubin_pooling_is_that_of_mice() -> None:
    import statsmodels.formula.api as smf

    expected = case("k01")
    wanted, tolerance = expected["expected"], expected["tolerance"]
    fits = [smf.ols("chl ~ age + bmi", part).fit() for _, part in data("nhanes_completed_m5.csv").groupby("imp")]
    names = {"(Intercept)": "Intercept", "age": "age", "bmi": "bmi"}
    q = {r: [fit.params[p] for fit in fits] for r, p in names.items()}
    u = {r: [fit.cov_params().loc[p, p] for fit in fits] for r, p in names.items()}
    for term in wanted["term"]:
        pooled = rubin(q[term], u[term], df_complete=wanted["df_complete"])
        found = {
            "estimate": pooled.estimate.value, "ubar": pooled.extra["within"], "b": pooled.extra["between"],
            "t": pooled.extra["total"], "se": pooled.extra["se"], "riv": pooled.extra["riv"],
            "lambda": pooled.extra["share_between"], "fmi": pooled.extra["fmi"],
            "df_rubin1987": pooled.extra["df_rubin1987"], "df_barnard_rubin": pooled.test.df,
            "statistic": pooled.test.statistic, "p_barnard_rubin": pooled.test.p,
            "ci_low": pooled.estimate.ci[0], "ci_high": pooled.estimate.ci[1],
        }
        agrees(found, {name: wanted[name][term] for name in found}, tolerance)
    without = [rubin(q[term], u[term]).test.p for term in wanted["term"]]
    agrees(without, wanted["p_rubin1987_mitml"], tolerance)
    r2 = rubin_r2([fit.rsquared for fit in fits], n=25)
    agrees(r2.estimate.value, wanted["pooled_r2"]["est"], tolerance)
    # mice::pool.r.squared multiplies by 1.96, here it is the exact quantile 1.959964
    agrees(list(r2.estimate.ci), [wanted["pooled_r2"]["low"], wanted["pooled_r2"]["high"]], {"rel": 5e-5})
