"""Group comparison on made-up classes: known answers, other libraries, and data that cannot be compared."""

from __future__ import annotations

import doctest

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from lbc.analysis import comparison, groups
from lbc.errors import NotEstimableError


def school(seed: int = 1, classes: int = 12, size: int = 20, effect: float = 4.0) -> pd.DataFrame:
    """Children in classes: a score, a left-behind mark that goes with age, and covariates."""
    rng = np.random.default_rng(seed)
    n = classes * size
    room = np.repeat([f"S1-G{i}" for i in range(classes)], size)
    age = rng.normal(10, 1, n)
    left = (rng.random(n) < 1 / (1 + np.exp(-(age - 10)))).astype(float)
    score = 40 + effect * left + 2 * (age - 10) + np.repeat(rng.normal(0, 3, classes), size) + rng.normal(0, 8, n)
    return pd.DataFrame({
        "class": room, "age": age, "left": left, "score": score, "girl": rng.integers(0, 2, n),
        "away": np.where(left == 0, "neither", rng.choice(["father", "mother", "both"], n)),
    })


def test_examples_in_docstrings() -> None:
    outcome = doctest.testmod(groups)
    assert (outcome.failed, outcome.attempted > 0) == (0, True)


# --- who is in which group ---


@pytest.mark.parametrize(("reference", "focal"), [("0", "1"), (0, 1), (0.0, True), (False, 1.0)])
@pytest.mark.parametrize("kind", ["float", "Int64", "str", "bool", "category"])
def test_values_are_compared_as_they_are_written(kind: str, reference: object, focal: object) -> None:
    frame = pd.DataFrame({"y": [1.0, 2, 3, 7, 8, 9]})
    mark = pd.Series([0, 0, 0, 1, 1, 1])
    frame["g"] = mark.astype(str) if kind == "str" else mark.astype(kind)
    found = comparison.two_groups(frame, "y", "g", reference, focal)
    assert found.n == {"0": 3, "1": 3}
    assert found.estimate.value == 6


def test_missing_marks_belong_to_nobody() -> None:
    frame = pd.DataFrame({"y": [1.0, 2, 3, 4, 99, None], "g": ["a", "a", "b", "b", None, "b"]})
    found = comparison.two_groups(frame, "y", "g", "a", "b")
    assert found.n == {"a": 2, "b": 2}
    assert found.extra["missing"] == {"a": 0, "b": 1}


def test_groups_that_are_not_there() -> None:
    frame = school()
    for reference, focal in (("0", "7"), ("0", "0"), ("x", "1")):
        with pytest.raises(NotEstimableError):
            comparison.two_groups(frame, "score", "left", reference, focal)
    with pytest.raises(NotEstimableError, match="at least 2"):
        comparison.two_groups(frame.assign(score=np.nan), "score", "left", 0, 1)
    with pytest.raises(NotEstimableError, match="neither group varies"):
        comparison.two_groups(frame.assign(score=3.0), "score", "left", 0, 1)


# --- two groups, tables ---


def test_two_groups_says_focal_minus_reference() -> None:
    frame = school(effect=6)
    found = comparison.two_groups(frame, "score", "left", 0, 1)
    y, x = (frame.loc[frame["left"] == i, "score"] for i in (0, 1))
    oracle = scipy_stats.ttest_ind(x, y, equal_var=False)
    assert found.estimate.value == pytest.approx(x.mean() - y.mean())
    assert found.test.p == pytest.approx(oracle.pvalue)
    assert found.effect.value > 0
    assert found.extra["bm"].estimate.value > 0.5
    assert found.extra["bf10"] > 10
    assert found.extra["reasons"] == {}


def test_what_cannot_be_had_is_none_with_a_reason() -> None:
    frame = pd.DataFrame({"y": [1.0, 2, 3, 11, 12, 14], "g": [0, 0, 0, 1, 1, 1]})
    found = comparison.two_groups(frame, "y", "g", 0, 1)
    assert found.extra["bm"] is None
    assert "do not overlap" in found.extra["reasons"]["bm"]


def test_table_one() -> None:
    frame = pd.DataFrame({
        "left": [0, 0, 0, 0, 1, 1, 1, 1], "age": [9.0, 10, 11, np.nan, 10, 11, 12, 11],
        "girl": [1, 0, 1, 0, 1, 1, 1, 0], "grade": ["3", "4", "3", "4", "4", "4", "4", None],
        "same": [5.0] * 8, "split": [1.5] * 4 + [2.5] * 4,
    })
    table = comparison.table_one(frame, ["age", "girl", "grade", "same", "split"], "left", 0, 1)
    rows = table.set_index(["variable", "level"])
    assert not [column for column in table.columns if column.startswith("p")]
    age = rows.loc[("age", "")]
    assert (age.reference_n, age.focal_n, age.missing_reference, age.missing_focal) == (3, 4, 1, 0)
    assert age.smd == pytest.approx(1 / np.sqrt((1 + 2 / 3) / 2))
    girl = rows.loc[("girl", "1")]
    assert (girl.reference_n, girl.reference_percent, girl.focal_percent) == (2, 50, 75)
    assert girl.smd == pytest.approx(0.25 / np.sqrt((0.25 + 0.1875) / 2))
    assert rows.loc[("grade", "3")].focal_n == 0
    assert rows.loc[("grade", "4")].missing_focal == 1
    assert rows.loc[("same", "")].smd == 0
    assert np.isnan(rows.loc[("split", "")].smd)


def test_shuffling_the_marks_of_the_frame() -> None:
    frame = school(effect=5)
    frame.loc[[3, 8], "score"] = np.nan
    frame.loc[11, "class"] = None
    both = comparison.two_groups(frame, "score", "left", 0, 1)
    free = comparison.permuted(frame, "score", "left", 0, 1, np.random.default_rng(1))
    assert free.test.statistic == pytest.approx(both.test.statistic)
    assert free.estimate.value == pytest.approx(both.estimate.value)
    ranks = comparison.permuted(frame, "score", "left", 0, 1, np.random.default_rng(1), ranks=True)
    assert ranks.test.statistic == pytest.approx(both.extra["bm"].test.statistic)
    within = comparison.permuted(frame, "score", "left", 0, 1, np.random.default_rng(1), cluster="class")
    assert sum(within.n[key] for key in "xy") == len(frame) - 3
    assert within.n["classes"] == 12
    assert within.estimate.value != pytest.approx(free.estimate.value)


def test_equivalence_needs_a_bound_fixed_beforehand() -> None:
    frame = school(effect=0.5, classes=40)
    found = comparison.equivalent(frame, "score", "left", 0, 1, 20.0)
    assert found.extra["equivalent"]
    assert found.n == comparison.two_groups(frame, "score", "left", 0, 1).n
    assert found.estimate.value == comparison.two_groups(frame, "score", "left", 0, 1).estimate.value
    assert not comparison.equivalent(frame, "score", "left", 0, 1, 0.1).extra["equivalent"]
    with pytest.raises(NotEstimableError, match="fixed beforehand"):
        comparison.equivalent(frame, "score", "left", 0, 1, None)


def test_the_bayes_factor_over_the_scale_of_its_prior() -> None:
    from lbc.reporting import figures_comparison

    found = comparison.two_groups(school(effect=0), "score", "left", 0, 1)
    table = comparison.bayes_robustness(found)
    assert table["r"].tolist() == pytest.approx([0.1 * k for k in range(1, 16)])
    assert table.set_index(table["r"].round(1)).loc[1.0, "bf10"] == pytest.approx(found.extra["bf10_wide"])
    between = table["bf10"][[6, 7]].tolist()  # r = .7 and .8, around the usual .707
    assert min(between) <= found.extra["bf10"] <= max(between)
    for language in ("en", "zh"):
        fig, drawn = figures_comparison.bayes_robustness(table, language=language)
        assert drawn["bf10"].tolist() == table["bf10"].tolist()
        assert fig.axes[0].get_yscale() == "log"


def test_by_level_sorts_numbers_as_numbers() -> None:
    frame = pd.DataFrame({"y": [1.0, 2, 3, 4, 5, 6, 6, None], "grade": [10, 10, 9, 9, 3, 4, 4, 3]})
    table = comparison.by_level(frame, "y", "grade").set_index("level")
    assert table.index.tolist() == ["3", "4", "9", "10"]
    assert table.loc["3", "reason"] == "one child only"
    assert table.loc["4", "reason"] == "all values are the same"
    low, high = scipy_stats.t.interval(0.95, 1, loc=1.5, scale=0.5)
    assert (table.loc["10", "low"], table.loc["10", "high"]) == pytest.approx((low, high))
    with pytest.raises(NotEstimableError):
        comparison.by_level(frame.assign(y=np.nan), "y", "grade")


# --- regression ---


def test_adjusted_against_statsmodels() -> None:
    import statsmodels.formula.api as smf

    frame = school()
    frame.loc[3, "age"] = np.nan
    found = comparison.adjusted(frame, "score", "left", 0, 1, ["age", "girl"])
    oracle = smf.ols("score ~ left + age + girl", frame.dropna()).fit(cov_type="HC3", use_t=True)
    assert found.extra["dropped"] == 1
    assert found.estimate.value == pytest.approx(oracle.params["left"])
    assert found.estimate.ci == pytest.approx(tuple(oracle.conf_int().loc["left"]))
    assert [found.test.df, found.test.p] == pytest.approx([oracle.df_resid, oracle.pvalues["left"]])


def test_adjusted_means_are_the_mean_predictions() -> None:
    """g-computation: every child predicted once as left-behind and once as not."""
    import statsmodels.formula.api as smf

    frame = school()
    found = comparison.adjusted(frame, "score", "left", 0, 1, ["age", "girl"], "class").extra
    fit = smf.ols("score ~ left + age + girl", frame).fit()
    expected = [fit.predict(frame.assign(left=i)).mean() for i in (0, 1)]
    assert found["adjusted_means"]["mean"].tolist() == pytest.approx(expected)
    assert found["n_clusters"] == 12
    assert found["kind"] == "CR2"
    # the young are less often left-behind and less lonely: adjusting brings the difference down
    assert found["adjusted_means"]["mean"].diff()[1] < found["unadjusted"]


def test_slopes_may_differ_between_the_groups() -> None:
    """With interactions the estimate is the mean of each child's two predictions (g-computation; Lin 2013)."""
    import statsmodels.formula.api as smf

    frame = school()
    frame["score"] += 3 * frame["left"] * (frame["age"] - 10)
    found = comparison.adjusted(frame, "score", "left", 0, 1, ["age", "girl"], interactions=True)
    fit = smf.ols("score ~ left * (age + girl)", frame).fit()
    expected = [fit.predict(frame.assign(left=i)).mean() for i in (0, 1)]
    means = found.extra["adjusted_means"]["mean"]
    assert means.tolist() == pytest.approx(expected)
    assert found.estimate.value == pytest.approx(means.diff()[1])
    centred = frame.assign(age=frame["age"] - frame["age"].mean(), girl=frame["girl"] - frame["girl"].mean())
    oracle = smf.ols("score ~ left * (age + girl)", centred).fit(cov_type="HC3", use_t=True)
    assert found.extra["se"] == pytest.approx(oracle.bse["left"])
    assert found.estimate.value != pytest.approx(comparison.adjusted(frame, "score", "left", 0, 1, ["age"]).estimate.value)


def test_text_covariates_become_dummies() -> None:
    frame = school()
    x = comparison.design(frame, ["age", "away"])
    assert x.columns.tolist() == ["(Intercept)", "age", "away: father", "away: mother", "away: neither"]
    assert (x.iloc[:, 2:].sum(axis=1) == (frame["away"] != "both")).all()
    flags = comparison.design(frame.assign(only=frame["girl"] == 1), ["only"])
    assert flags.columns.tolist() == ["(Intercept)", "only: True"]


def test_adjusted_refuses() -> None:
    frame = school()
    refusals = {
        "'girl' does not vary": (frame.assign(girl=1), ["girl"], None),
        "given by the other predictors": (frame.assign(twice=2 * frame["age"] + 1), ["age", "twice"], None),
        "all children are in one cluster": (frame.assign(**{"class": "S1-G1"}), ["age"], "class"),
        "complete row": (frame.assign(age=frame["age"].where(frame["left"] == 0)), ["age"], None),
        "too few": (frame.iloc[:5].assign(left=[0, 0, 1, 1, 1], a=[1, 2, 4, 3, 9], b=[2, 9, 3, 3, 1],
                                          c=[5, 3, 1, 1, 2]), ["a", "b", "c"], None),
        "does not vary around the model": (frame.assign(score=frame["left"]), ["age"], None),
        "determines a coefficient": (frame.assign(odd=(frame.index == 7).astype(int)), ["odd"], None),
        "nobody has left": (frame.assign(left=0), ["age"], None),
    }
    for reason, (data, covariates, cluster) in refusals.items():
        with pytest.raises(NotEstimableError, match=reason):
            comparison.adjusted(data, "score", "left", 0, 1, covariates, cluster)


def test_linear_refuses_what_it_cannot_mean() -> None:
    frame = school()
    x = comparison.design(frame, ["age"])
    with pytest.raises(ValueError, match="unknown kind"):
        comparison.linear(frame["score"], x, "HC9")
    with pytest.raises(ValueError, match="needs clusters"):
        comparison.linear(frame["score"], x, "CR2")
    with pytest.raises(ValueError, match="kind must be"):
        comparison.cluster_robust(frame["score"], x, frame["class"], "HC3")
    with pytest.raises(NotEstimableError, match="missing or infinite"):
        comparison.linear(frame["score"].mask(frame.index == 0), x)
    with pytest.raises(NotEstimableError, match="have no cluster"):
        comparison.cluster_robust(frame["score"], x, frame["class"].mask(frame.index == 0))
    with pytest.raises(NotEstimableError, match="standard error is zero"):
        comparison.linear(frame["score"], x).contrast([0, 0])


def test_cr2_with_singletons_is_hc2() -> None:
    """Every child a class of its own: CR2 is HC2 (Bell & McCaffrey 2002)."""
    frame = school(classes=4, size=10)
    x = comparison.design(frame, ["left", "age"])
    own = comparison.cluster_robust(frame["score"], x, range(len(frame)))
    assert own.se == pytest.approx(comparison.linear(frame["score"], x, "HC2").se)


def test_satterthwaite_df_of_a_balanced_cluster_effect() -> None:
    """Group given by class, equal classes: the CR2 test is the two-sample t test of class means, G - 2 df."""
    frame = school(classes=10, size=8)
    frame["school"] = (frame["class"].rank(method="dense") <= 5).astype(float)
    found = comparison.cluster_robust(frame["score"], comparison.design(frame, ["school"]), frame["class"])
    means = frame.groupby("class")[["score", "school"]].mean()
    oracle = scipy_stats.ttest_ind(means.loc[means["school"] == 1, "score"], means.loc[means["school"] == 0, "score"])
    row = found.coefficient("school")
    assert [row.df, row.t, row.p] == pytest.approx([8, oracle.statistic, oracle.pvalue])


def test_cr2_keeps_its_level_where_the_plain_t_test_does_not() -> None:
    """Eight classes, ICC .2, no effect of a class-level group: plain t far too liberal, CR2 near 5 %."""
    rng = np.random.default_rng(4)
    room, mark = np.repeat(np.arange(8), 15), np.repeat([0.0, 1.0], 60)
    x = pd.DataFrame({"(Intercept)": 1.0, "mark": mark})
    plain = robust = 0
    for _ in range(400):
        y = np.repeat(rng.normal(0, 0.5, 8), 15) + rng.normal(0, 1, 120)
        plain += comparison.linear(y, x, "classic").coefficient("mark").p < 0.05
        robust += comparison.cluster_robust(y, x, room).coefficient("mark").p < 0.05
    assert plain / 400 > 0.25
    assert 0.025 < robust / 400 < 0.085


def test_adjusted_means_of_many_levels() -> None:
    frame = school()
    found = comparison.adjusted_means(frame, "score", "away", ["age", "girl"])
    assert found["means"]["level"].tolist() == ["both", "father", "mother", "neither"]
    assert len(found["pairwise"]) == 6
    first = found["pairwise"].iloc[0]
    assert first["estimate"] == pytest.approx(found["means"]["mean"][0] - found["means"]["mean"][1])
    none = comparison.adjusted_means(frame, "score", "away", [])
    assert none["slopes"] is None
    oracle = scipy_stats.f_oneway(*(part for _, part in frame.groupby("away")["score"]))
    assert none["anova"]["F"][0] == pytest.approx(oracle.statistic)
    with pytest.raises(NotEstimableError):
        comparison.adjusted_means(frame.assign(away="both"), "score", "away", ["age"])


# --- random intercepts ---


def test_random_intercept_against_statsmodels() -> None:
    from statsmodels.regression.mixed_linear_model import MixedLM

    frame = school(3, classes=9).sample(frac=0.8, random_state=1)
    x = comparison.design(frame, ["left", "age"])
    for reml in (True, False):
        found = comparison.random_intercept(frame["score"], x, frame["class"], reml)
        oracle = MixedLM(frame["score"], x, frame["class"]).fit(reml=reml, method="powell")
        assert found.log_lik == pytest.approx(oracle.llf, abs=1e-5)
        assert found.fixed["estimate"].tolist() == pytest.approx(oracle.fe_params.tolist(), rel=1e-4)
        assert found.var_group == pytest.approx(float(oracle.cov_re.iloc[0, 0]), rel=1e-2)


def test_satterthwaite_df_from_numerical_derivatives() -> None:
    """The closed form equals 2 v^2 / (g' A g) with g and the Hessian of -2 log L taken by finite differences."""
    frame = school(5, classes=7, size=6).sample(frac=0.9, random_state=2)
    x = comparison.design(frame, ["left", "age"])
    found = comparison.random_intercept(frame["score"], x, frame["class"])
    y, design = frame["score"].to_numpy(), x.to_numpy()
    same = (frame["class"].to_numpy()[:, None] == frame["class"].to_numpy()[None, :]).astype(float)

    def parts(v: np.ndarray) -> tuple[float, np.ndarray]:
        inverse = np.linalg.inv(v[0] * same + v[1] * np.eye(len(y)))
        cov = np.linalg.inv(design.T @ inverse @ design)
        e = y - design @ (cov @ design.T @ inverse @ y)
        return -np.linalg.slogdet(inverse)[1] - np.linalg.slogdet(cov)[1] + e @ inverse @ e, cov

    at, step = np.array([found.var_group, found.var_residual]), np.diag([1e-2, 1e-2])
    hessian = np.array([[(parts(at + a + b)[0] - parts(at + a - b)[0] - parts(at - a + b)[0] + parts(at - a - b)[0])
                         / (4 * a.sum() * b.sum()) for b in step] for a in step])
    slopes = np.array([np.diag(parts(at + a)[1] - parts(at - a)[1]) / (2 * a.sum()) for a in step])
    variance = np.einsum("ik,ij,jk->k", slopes, 2 * np.linalg.inv(hessian), slopes)
    df = 2 * np.diag(found.vcov) ** 2 / variance
    assert found.fixed["df"].tolist() == pytest.approx(df.tolist(), rel=1e-3)
    assert found.vcov == pytest.approx(parts(at)[1])


def test_random_intercept_on_the_boundary_is_least_squares() -> None:
    frame = school(classes=6, size=10)
    y = frame["score"] - frame.groupby("class")["score"].transform("mean")  # no variance between classes is left
    x = comparison.design(frame, ["left", "age"])
    for reml, m in ((True, 57), (False, 60)):
        found = comparison.random_intercept(y, x, frame["class"], reml)
        assert found.singular
        assert (found.var_group, found.icc, found.p_chi2) == (0, 0, 1)
        assert found.fixed["df"].tolist() == [m] * 3
        assert (found.groups == 0).all()
    plain = comparison.linear(y, x, "classic")
    assert comparison.random_intercept(y, x, frame["class"]).fixed["se"].tolist() == pytest.approx(plain.se.tolist())


def test_random_intercept_result_and_missing_rows() -> None:
    frame = school()
    frame.loc[[2, 9], "score"] = np.nan
    found = comparison.random_intercept(frame["score"], comparison.design(frame, ["left"]), frame["class"])
    assert found.n == len(frame) - 2
    row = found.result("left", "difference", 0.95)
    table = found.fixed.set_index("term").loc["left"]
    assert row.estimate.ci == pytest.approx((table.low, table.high))
    assert row.estimate.name == "difference"


def test_scale_and_place_of_the_outcome_do_not_matter() -> None:
    """A score moved by 10,000 points and stretched thousandfold gives the same t and df."""
    frame = school()
    x = comparison.design(frame, ["left", "age"])
    one = comparison.random_intercept(frame["score"], x, frame["class"]).fixed
    other = comparison.random_intercept(1000 * (frame["score"] + 10_000), x, frame["class"]).fixed
    assert other["t"].tolist()[1:] == pytest.approx(one["t"].tolist()[1:], rel=1e-6)
    assert other["df"].tolist() == pytest.approx(one["df"].tolist(), rel=1e-5)


def test_random_intercept_refuses() -> None:
    frame = school(classes=4, size=5)
    x = comparison.design(frame, ["age"])
    y = frame["score"]
    refusals = {
        "at least two are needed": (y, x, ["a"] * 20),
        "no group has two values": (y, x, range(20)),
        "too few": (y[:4], x[:4].assign(a=[1, 2, 4, 3], b=[0, 1, 0, 0]), ["a", "a", "b", "b"]),
        "given by the others": (y, x.assign(copy=x["age"]), frame["class"]),
        "does not vary around": (3 * frame["age"], x, frame["class"]),
        "do not vary within": (frame["class"].rank() + 0.0, x[["(Intercept)"]], frame["class"]),
    }
    for reason, (outcome, design, rooms) in refusals.items():
        with pytest.raises(NotEstimableError, match=reason):
            comparison.random_intercept(outcome, design, rooms)


def test_icc_of_balanced_groups() -> None:
    """Equal groups: the ANOVA and the REML estimate are one number (where it is positive)."""
    frame = school(classes=10, size=12)
    found = comparison.icc_groups(frame["score"], frame["class"])
    assert found.extra["icc_reml"] == pytest.approx(found.estimate.value)
    assert found.extra["design_effect"] == pytest.approx(1 + 11 * found.estimate.value)
    assert found.estimate.ci[0] < found.estimate.value < found.estimate.ci[1]
    for values, rooms in (([1.0, 2, 3], "aaa"), ([1.0, 2, 3], "abc"), ([1.0, 1, 2, 2], "aabb")):
        with pytest.raises(NotEstimableError):
            comparison.icc_groups(values, list(rooms))


# --- two waves ---


def test_waves_by_group_without_gaps_is_the_test_of_gains() -> None:
    """Complete pairs: the interaction is the difference of mean gains, with the pooled t test's p."""
    rng = np.random.default_rng(6)
    n = 40
    frame = pd.DataFrame({"g": np.repeat(["no", "yes"], n // 2), "before": rng.normal(40, 8, n)})
    frame["after"] = 0.7 * frame["before"] + 10 + 3 * (frame["g"] == "yes") + rng.normal(0, 5, n)
    found = comparison.waves_by_group(frame, "before", "after", "g", "no", "yes").fixed.set_index("term")
    gain = frame["after"] - frame["before"]
    oracle = scipy_stats.ttest_ind(gain[frame["g"] == "yes"], gain[frame["g"] == "no"])
    row = found.loc["time:focal"]
    assert [row.t, row.df, row.p] == pytest.approx([oracle.statistic, n - 2, oracle.pvalue])
    assert found.index.tolist() == ["(Intercept)", "time", "focal", "time:focal"]


def test_waves_keep_children_with_one_wave() -> None:
    frame = pd.DataFrame({
        "g": [0, 0, 0, 1, 1, 1, None], "before": [1.0, 2, 4, 3, None, 5, 9], "after": [2.0, None, 5, 6, 5, 9, 9],
    })
    found = comparison.waves_by_group(frame, "before", "after", "g", 0, 1, interaction=False)
    assert (found.n, found.n_groups) == (10, 6)
    assert found.fixed["term"].tolist() == ["(Intercept)", "time", "focal"]
    assert comparison.paired_waves(frame, "before", "after").n == {"pairs": 5}
