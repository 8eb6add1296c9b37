"""The specification curve: every number by another way, the joint test under no difference, and wrong use."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from lbc.analysis import cfa, sensitivity
from lbc.analysis.many_fits import fits
from lbc.errors import NotEstimableError
from lbc.instruments import load
from lbc.params import Params
from lbc.reporting import figures
from lbc.survey import overview

CLS = load("cls")
ITEMS = CLS.columns(fillers=False)
LONELY = [c for c in ITEMS if int(c[-2:]) not in CLS.reverse]
DECLARED: dict[str, Any] = {
    "definitions": ["left_behind", "council"], "exclusions": [0, 2], "missing": ["person_mean", "complete", "imputed"],
    "scoring": ["total", "without_biased", "latent"], "covariates": {"none": [], "demographic": ["girl", "age"]},
    "estimators": ["welch", "ols", "cluster", "within", "ranks"], "permutations": 99,
}


def params(**changes: Any) -> Params:
    comparison: dict[str, Any] = {"cluster": "class", "covariates": ["girl", "age"]}
    if changes.get("specifications", {}) is not None:
        comparison["specifications"] = DECLARED | changes.pop("specifications", {})
    return Params.model_validate({
        "town": "t", "name": {"en": "T", "zh": "某镇"}, "seed": 1, "survey": {"file": "raw/s.csv"},
        "comparison": comparison | changes,
    })


def survey(seed: int = 1, effect: float = 0.5, n: int = 160, classes: int = 8) -> tuple[pd.DataFrame, ...]:
    """Scored children, keyed items and flags of a made-up town, with some answers missing."""
    rng = np.random.default_rng(seed)
    room = rng.integers(0, classes, n)
    away = (rng.random(n) < 0.45).astype(float)
    council = away * (rng.random(n) < 0.6)
    scored = pd.DataFrame({
        "left_behind": away, "council": council, "girl": rng.integers(0, 2, n).astype(float),
        "age": rng.normal(10, 1, n).round(2), "class": [f"C{k}" for k in room],
    })
    trait = rng.normal(size=n) + effect * away + 0.3 * rng.normal(size=classes)[room] + 0.2 * scored["girl"]
    answers = np.clip(np.round(2.6 + 0.7 * trait.to_numpy()[:, None] + 0.9 * rng.normal(size=(n, 16))), 1, 5)
    keyed = pd.DataFrame(np.where(rng.random((n, 16)) < 0.02, np.nan, answers), columns=ITEMS)
    flags = pd.DataFrame({"n_flags": rng.choice([0, 1, 2], n, p=[0.8, 0.1, 0.1])})
    scored.loc[3, "left_behind"] = scored.loc[5, "age"] = np.nan
    return scored, keyed, flags


def children(p: Params | None = None, **kwargs: Any) -> pd.DataFrame:
    return overview.choices(*survey(**kwargs), p or params(), np.random.default_rng(7))


def curve(p: Params | None = None, frame: pd.DataFrame | None = None, seed: int = 3) -> sensitivity.Curve:
    p = p or params()
    return sensitivity.specifications(children(p) if frame is None else frame, p, CLS, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def found() -> sensitivity.Curve:
    return curve()


# ---- what notebook 01 keeps ---------------------------------------------------------------------------------------


def test_the_kept_frame_has_everybody_and_completed_items() -> None:
    scored, keyed, flags = survey()
    keyed.iloc[9] = np.nan
    kept = overview.choices(scored, keyed, flags, params(), np.random.default_rng(7))
    assert len(kept) == len(scored)
    assert list(kept)[:6] == ["left_behind", "council", "girl", "age", "class", "n_flags"]
    completed = kept[[f"{c}@imputed" for c in ITEMS]]
    assert completed.isna().all(axis=1).tolist() == [k == 9 for k in range(len(kept))]
    given = keyed.notna().to_numpy()
    np.testing.assert_array_equal(completed.to_numpy()[given], keyed.to_numpy()[given])


def test_the_groups_are_not_in_the_imputation_model() -> None:
    scored, keyed, flags = survey()
    other = scored.assign(left_behind=scored["left_behind"].sample(frac=1, random_state=1).to_numpy())
    one, two = (overview.choices(s, keyed, flags, params(), np.random.default_rng(7)) for s in (scored, other))
    pd.testing.assert_frame_equal(one.filter(like="@imputed"), two.filter(like="@imputed"))


@pytest.mark.parametrize("p", [params(specifications=None), params(specifications={"missing": ["complete"]})])
def test_nothing_is_imputed_that_nobody_asked_for(p: Params) -> None:
    assert overview.choices(*survey(), p, np.random.default_rng(7)).filter(like="@imputed").empty


def test_too_few_answers_to_impute_from() -> None:
    scored, keyed, flags = survey()
    keyed.loc[4:, "cls_03"] = np.nan
    assert overview.choices(scored, keyed, flags, params(), np.random.default_rng(7)).filter(like="@imputed").empty


# ---- many fits at once --------------------------------------------------------------------------------------------


def jackknife(y: np.ndarray, x: np.ndarray, classes: np.ndarray) -> tuple[float, float]:
    """The coefficient of the first column, and its error from leaving each class out in turn."""
    def first(rows: np.ndarray) -> float:
        return float(np.linalg.lstsq(x[rows], y[rows])[0][0])

    whole, names = first(np.ones(len(y), bool)), np.unique(classes)
    gaps = [(first(classes != name) - whole) ** 2 for name in names]
    return whole, float(np.sqrt((len(names) - 1) / len(names) * sum(gaps)))


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(5)
    classes = np.repeat(np.arange(6), [9, 12, 15, 8, 11, 5])
    x = np.column_stack([rng.normal(size=60), rng.integers(0, 2, 60), classes // 2])
    d = (rng.random((60, 4)) < 0.4).astype(float)
    y = rng.normal(size=(60, 2)) + 0.5 * d[:, :1] + 0.3 * x[:, :1] + 0.4 * rng.normal(size=6)[classes, None]
    return y, d, x, classes


def test_welch(data: tuple[np.ndarray, ...]) -> None:
    y, d, x, classes = data
    b, se, df = fits("welch", y, d, x, classes)
    for i, j in np.ndindex(b.shape):
        test = stats.ttest_ind(y[d[:, j] == 1, i], y[d[:, j] == 0, i], equal_var=False)
        assert (b[i, j] / se[i, j], df[i, j]) == pytest.approx((test.statistic, test.df), rel=1e-10)


def test_regression_with_hc3(data: tuple[np.ndarray, ...]) -> None:
    y, d, x, classes = data
    b, se, df = fits("ols", y, d, x, classes)
    for i, j in np.ndindex(b.shape):
        model = sm.OLS(y[:, i], np.column_stack([d[:, j], np.ones(60), x])).fit(cov_type="HC3")
        assert (b[i, j], se[i, j], df[i, j]) == pytest.approx((model.params[0], model.bse[0], 55), rel=1e-9)


@pytest.mark.parametrize("kind", ["cluster", "within"])
def test_jackknife_over_classes(kind: str, data: tuple[np.ndarray, ...]) -> None:
    y, d, x, classes = data
    b, se, df = fits(kind, y, d, x, classes)
    rest = np.column_stack([np.ones(60), x]) if kind == "cluster" else np.column_stack(
        [x[:, :2], np.equal.outer(classes, np.arange(6))])
    for i, j in np.ndindex(b.shape):
        expected = jackknife(y[:, i], np.column_stack([d[:, j], rest]), classes)
        assert (b[i, j], se[i, j]) == pytest.approx(expected, rel=1e-9)
        assert df[i, j] == 5


def test_jackknife_has_no_error_where_a_covariate_varies_in_one_class_alone(data: tuple[np.ndarray, ...]) -> None:
    y, d, _, classes = data
    b, se, _ = fits("cluster", y, d, (classes == 2)[:, None].astype(float), classes)
    assert np.isfinite(b).all()
    assert np.isnan(se).all()


def test_a_data_set_without_a_group_has_no_numbers(data: tuple[np.ndarray, ...]) -> None:
    y, d, x, classes = data
    empty = np.column_stack([d[:, 0], np.zeros(60)])
    for kind in ("welch", "ols", "cluster", "within"):
        b, se, _ = fits(kind, y, empty, x, classes)
        assert np.isfinite(b[:, 0] / se[:, 0]).all()
        assert not np.isfinite(b[:, 1] / se[:, 1]).any()


# ---- specifications by another way --------------------------------------------------------------------------------


def outcome(frame: pd.DataFrame, row: pd.Series) -> pd.Series:
    """The outcome of one specification, from its definition."""
    kept = frame if row["exclusion"] == "nobody" else frame[frame["n_flags"] < int(row["exclusion"][0])]
    x = kept[[f"{c}@imputed" if row["missing"] == "imputed" else c for c in ITEMS]].set_axis(ITEMS, axis=1)
    used = LONELY if row["scoring"] == "without_biased" else ITEMS
    enough = x[used].notna().mean(axis=1) >= (0.8 if row["missing"] == "person_mean" else 1)
    x = x.loc[enough, used]
    x = x.T.fillna(x.mean(axis=1)).T
    if row["scoring"] == "latent":
        model = cfa.fit("f =~ " + " + ".join(ITEMS), x, std_lv=True).parameters.set_index(["op", "lhs", "rhs"])["est"]
        loading = np.array([model["=~", "f", c] for c in ITEMS])
        weight = np.array([model["~~", c, c] for c in ITEMS]) ** -0.5
        score = [np.linalg.lstsq((loading * weight)[:, None], v * weight)[0][0] for v in (x - x.mean()).to_numpy()]
        y = pd.Series(score, x.index)
    else:
        y = x.sum(axis=1)
    if row["estimator"] == "ranks":
        y = pd.Series(stats.norm.ppf(y.round(9).rank() / (len(y) + 1)), y.index)
    return (y - y.mean()) / y.std()


@pytest.mark.parametrize("place", range(0, 150, 11))
def test_a_specification_by_statsmodels(place: int, found: sensitivity.Curve) -> None:
    frame, row = children(), found.table.loc[place]
    names = DECLARED["covariates"][row["covariates"]]
    part = frame.assign(y=outcome(frame, row), one=1.0)[[row["definition"], "one", *names, "y", "class"]].dropna()
    y, x, classes = part["y"].to_numpy(), part[[row["definition"], "one", *names]].to_numpy(), part["class"].to_numpy()
    if row["estimator"] in ("ols", "ranks"):
        model = sm.OLS(y, x).fit(cov_type="HC3", use_t=True)
        expected = (model.params[0], *model.conf_int()[0], model.pvalues[0])
    elif row["estimator"] == "welch":
        test = stats.ttest_ind(y[x[:, 0] == 1], y[x[:, 0] == 0], equal_var=False)
        expected = (y[x[:, 0] == 1].mean() - y[x[:, 0] == 0].mean(), *test.confidence_interval(), test.pvalue)
    else:
        if row["estimator"] == "within":
            x = np.column_stack([x[:, :1], x[:, 2:], pd.get_dummies(part["class"], dtype=float)])
        b, se = jackknife(y, x, classes)
        half = stats.t.ppf(0.975, len(set(classes)) - 1) * se
        expected = (b, b - half, b + half, 2 * stats.t.sf(abs(b / se), len(set(classes)) - 1))
    assert row["n"] == len(part)
    assert tuple(row[["estimate", "ci_low", "ci_high", "p"]]) == pytest.approx(expected, abs=1e-6)


def test_a_permuted_data_set_by_statsmodels(found: sensitivity.Curve) -> None:
    frame = children()
    statuses = {name: frame[name].to_numpy() for name in ("left_behind", "council")}
    classes = pd.factorize(frame["class"])[0]
    drawn = sensitivity._permuted(statuses, classes, 99, np.random.default_rng(3))
    table = found.table
    for place in table.index[(table["estimator"] == "ols")][::7]:
        row, k = table.loc[place], 41
        part = frame.assign(y=outcome(frame, row), d=drawn[row["definition"]][:, 1 + k], one=1.0)
        part = part[["d", "one", "girl", "age", "y"]].dropna()
        model = sm.OLS(part["y"], part[["d", "one", "girl", "age"]]).fit()
        assert found.null[place, k] == pytest.approx(model.params["d"], abs=1e-6)


def test_points_are_those_of_the_total(found: sensitivity.Curve) -> None:
    frame, table = children(), found.table
    row = table[table["main"] & (table["estimator"] == "welch")].iloc[0]
    kept = frame[frame["n_flags"] < 2]
    enough = kept[ITEMS].notna().sum(axis=1) >= 13
    total = kept.loc[enough, ITEMS].mean(axis=1) * 16
    means = total.groupby(kept.loc[enough, "left_behind"]).mean()
    assert row["points"] == pytest.approx(means[1.0] - means[0.0])


def test_the_towns_own_choices_are_marked(found: sensitivity.Curve) -> None:
    own = found.table[found.table["main"]]
    assert own["estimator"].tolist() == ["welch", "cluster"]
    assert own["covariates"].tolist() == ["none", "demographic"]
    assert set(own["definition"]) == {"left_behind"}
    assert set(own["exclusion"]) == {"2 flags"}


# ---- what is permuted ---------------------------------------------------------------------------------------------


def test_rows_of_the_groups_are_permuted_together_and_within_classes() -> None:
    frame = children()
    statuses = {name: frame[name].to_numpy() for name in ("left_behind", "council")}
    classes = pd.factorize(frame["class"])[0]
    drawn = sensitivity._permuted(statuses, classes, 20, np.random.default_rng(1))
    pairs = [pd.Series(list(zip(classes, a, b, strict=True))).astype(str).value_counts().sort_index()
             for a, b in zip(drawn["left_behind"].T, drawn["council"].T, strict=True)]
    assert all(pair.equals(pairs[0]) for pair in pairs)
    assert (np.isnan(drawn["left_behind"]).sum(axis=1) == np.where(np.arange(len(frame)) == 3, 21, 0)).all()
    assert (drawn["council"][:, 1:] != drawn["council"][:, :1]).any(axis=0).all()


def test_the_joint_p_counts_the_data_among_the_permutations(found: sensitivity.Curve) -> None:
    medians = np.abs(np.median(np.column_stack([found.table["estimate"], found.null]), axis=0))
    assert found.tests["p"][0] == (1 + (medians[1:] >= medians[0] - 1e-9).sum()) / 100
    assert found.tests["observed"][0] == pytest.approx(found.table["estimate"].median())
    assert found.tests["observed"][1] == pytest.approx(
        ((found.table["p"] < 0.05) & (found.table["estimate"] > 0)).mean())
    z = stats.norm.isf(found.table["p"] / 2) * np.sign(found.table["estimate"])
    assert found.tests["observed"][2] == pytest.approx(z.sum() / np.sqrt(len(z)), abs=1e-6)


def test_without_a_difference_the_joint_p_is_uniform() -> None:
    """The share of clear specifications is mostly zero then, so its p is often 1: never too small, but not uniform."""
    few = params(specifications={"missing": ["complete"], "scoring": ["total", "without_biased"],
                                 "covariates": {"none": []}, "estimators": ["welch", "within"]})
    p = np.array([curve(few, children(few, seed=seed, effect=0.0), seed).tests["p"] for seed in range(100)])
    assert (p <= 0.05).mean(axis=0).max() <= 0.11
    assert stats.kstest(p[:, 0], "uniform").pvalue > 0.01
    assert stats.kstest(p[:, 2], "uniform").pvalue > 0.01


def test_a_planted_difference_is_found() -> None:
    found = curve(frame=children(effect=1.0))
    result = sensitivity.joint_test(found)
    assert 0.4 < result.effect.value < 1.2
    assert result.test.p == 0.01
    assert result.estimate.ci is None
    assert result.n["specifications"] == len(found.table) == 288
    assert result.n["same sign"] == 288
    assert 0.5 * 288 < result.n["same sign, p < .05"] <= 288
    assert result.extra["left_out"] == {"contradictory": 72}
    opposite = children(effect=-1.0)
    assert sensitivity.joint_test(curve(frame=opposite)).effect.value < -0.3


def test_the_same_seed_gives_the_same_curve(found: sensitivity.Curve) -> None:
    again = curve()
    pd.testing.assert_frame_equal(again.table, found.table, check_exact=True)
    np.testing.assert_array_equal(again.null, found.null)
    assert not np.array_equal(curve(seed=4).null, found.null)


# ---- what each choice changes -------------------------------------------------------------------------------------


def test_what_each_choice_changes(found: sensitivity.Curve) -> None:
    table = sensitivity.choices_table(found)
    assert table["choice"].drop_duplicates().tolist() == ["all", *sensitivity.CHOICES]
    for choice, part in table[1:].groupby("choice"):
        assert part["n"].sum() == 288, choice
    part = found.table[found.table["scoring"] == "latent"]
    row = table[table["option"] == "latent"].iloc[0]
    assert row["median"] == part["estimate"].median()
    assert row["clear"] == ((part["estimate"] > 0) & (part["p"] < 0.05)).mean()


def test_the_variance_that_a_choice_explains_is_its_partial_sum_of_squares(found: sensitivity.Curve) -> None:
    from statsmodels.formula.api import ols

    data = found.table
    model = ols("estimate ~ " + " + ".join(f"C({c})" for c in sensitivity.CHOICES), data).fit()
    partial = sm.stats.anova_lm(model, typ=2)["sum_sq"] / ((data["estimate"] - data["estimate"].mean()) ** 2).sum()
    shares = sensitivity.choices_table(found).drop_duplicates("choice").set_index("choice")["explained"]
    assert shares["all"] == pytest.approx(model.rsquared)
    for choice in sensitivity.CHOICES:
        assert shares[choice] == pytest.approx(partial[f"C({choice})"], abs=1e-9)


def test_the_choice_that_was_made_to_matter_explains_most() -> None:
    frame = children()
    frame["council"] = (frame["left_behind"].fillna(0) == 0).astype(float)  # the other way round
    table = sensitivity.choices_table(curve(frame=frame)).drop_duplicates("choice").set_index("choice")
    assert table["explained"].drop("all").idxmax() == "definition"
    assert table.loc["definition", "explained"] > 0.9
    assert table.loc["all", "same_sign"] == pytest.approx(0.5, abs=0.02)


# ---- towns that have less, and wrong use --------------------------------------------------------------------------


def test_a_town_without_classes() -> None:
    p = params(cluster=None)
    found = curve(p)
    assert set(found.table["estimator"]) == {"welch", "ols", "ranks"}
    assert found.left_out == {"absent": 2 * 2 * 3 * 3 * 2 * 2, "contradictory": 72}
    assert sensitivity.joint_test(found).method.endswith("permuted over all children")


def test_children_without_a_class_are_left_out_of_what_needs_one() -> None:
    frame = children()
    frame["class"] = frame["class"].mask(frame.index < 20)
    table = curve(frame=frame).table
    same = table[(table["exclusion"] == "nobody") & (table["missing"] == "imputed") & (table["covariates"] == "none")
                 & (table["scoring"] == "total") & (table["definition"] == "council")].set_index("estimator")["n"]
    assert same["welch"] == 160
    assert same["cluster"] == same["within"] == 140


def test_a_town_with_one_definition() -> None:
    found = curve(frame=children().drop(columns="council"))
    assert set(found.table["definition"]) == {"left_behind"}
    assert found.left_out["absent"] == 180
    shares = sensitivity.choices_table(found).set_index("option")["explained"]
    assert shares["left_behind"] == pytest.approx(0, abs=1e-12)


def test_what_changes_nothing_is_counted_once() -> None:
    scored, keyed, flags = survey()
    p = params()
    frame = overview.choices(scored, keyed.fillna(3.0), flags.assign(n_flags=0), p, np.random.default_rng(7))
    found = curve(p, frame)
    assert set(found.table["exclusion"]) == {"nobody"}
    assert set(found.table["missing"]) == {"person_mean"}
    assert found.left_out == {"contradictory": 72, "duplicate": 240}
    assert len(found.table) == 48
    twice = params(specifications={"covariates": {"one": ["girl"], "two": ["girl"]}})
    assert set(curve(twice).table["covariates"]) == {"one"}


def test_a_scale_worded_one_way_has_no_wording_to_leave_out() -> None:
    scale = CLS.model_copy(update={"items": [item.model_copy(update={"reverse": False}) for item in CLS.items]})
    found = sensitivity.specifications(children(), params(), scale, np.random.default_rng(3))
    assert set(found.table["scoring"]) == {"total", "latent"}


def test_a_covariate_that_nobody_asked_is_absent_and_one_that_does_not_vary_is_too_few() -> None:
    p = params(specifications={"covariates": {"none": [], "asked": ["pets"], "flat": ["flat"]}})
    found = curve(p, children().assign(flat=1.0))
    assert set(found.table["covariates"]) == {"none"}
    assert found.left_out["too few"] > 0
    assert found.left_out["absent"] == 2 * 2 * 3 * 3 * 5


def test_a_definition_under_which_hardly_anybody_is_in_the_group() -> None:
    frame = children()
    found = curve(frame=frame.assign(council=(frame.index < 4).astype(float)))
    assert set(found.table["definition"]) == {"left_behind"}
    assert found.left_out["too few"] == 144


@pytest.mark.parametrize(("change", "reason"), [
    ({"class": lambda f: [f"{c}{v}" for c, v in zip(f["class"], f["left_behind"], strict=True)]}, "nothing can be permuted"),
    (dict.fromkeys(ITEMS, 3.0) | dict.fromkeys((f"{c}@imputed" for c in ITEMS), 3.0), "0 can be computed"),
    ({"left_behind": 0.0}, "nothing can be permuted"),
    ({"left_behind": np.nan}, "nothing can be permuted"),
])
def test_data_that_carry_no_curve(change: dict[str, Any], reason: str) -> None:
    frame = children().drop(columns="council").assign(**change)
    with pytest.raises(NotEstimableError, match=reason):
        curve(frame=frame)


def test_params_that_carry_no_curve() -> None:
    with pytest.raises(NotEstimableError, match="params declare no specifications"):
        curve(params(specifications=None))
    with pytest.raises(NotEstimableError, match="none of the definitions other"):
        curve(params(specifications={"definitions": ["other"]}))
    one = {"definitions": ["council"], "exclusions": [0], "missing": ["complete"], "scoring": ["total"],
           "covariates": {"none": []}, "estimators": ["welch"]}
    with pytest.raises(NotEstimableError, match="two specifications; 1 can be computed"):
        curve(params(specifications=one))
    with pytest.raises(NotEstimableError):
        curve(frame=children().iloc[:6])


def test_what_is_shown_says_why_there_is_no_curve() -> None:
    reason = NotEstimableError("params declare no specifications")
    for show in (sensitivity.joint_test, sensitivity.joint_table, sensitivity.choices_table, sensitivity.curve_data):
        with pytest.raises(NotEstimableError, match="declare no"):
            show(reason)


# ---- the figure ---------------------------------------------------------------------------------------------------


def texts(fig: Any) -> str:
    from matplotlib.text import Text

    return "\n".join(item.get_text() for item in fig.findobj(Text))


@pytest.mark.parametrize(("language", "shown"), [
    ("en", ["100% have the sign of the median", "288 specifications", "explains", "the main analyses", "factor score"]),
    ("zh", ["100% 与中位数同号", "288 种设定", "解释", "主要分析", "因子得分", "剔除至少 2 项标记者"]),
])
def test_the_figure(language: str, shown: list[str], found: sensitivity.Curve) -> None:
    labels = figures.CHOICES | {"left_behind": {"en": "left-behind", "zh": "留守"}, "council": {"en": "C", "zh": "丙"}}
    fig, data = figures.specification_curve(*sensitivity.curve_data(found), ylabel={"en": "SD", "zh": "标准差"},
                                            labels=labels, language=language)
    assert [text for text in shown if text not in texts(fig)] == []
    assert data["estimate"].is_monotonic_increasing
    assert data["null_mid"].is_monotonic_increasing
    assert (data["null_low"] <= data["null_high"]).all()
    assert fig.get_size_inches()[1] < 9


def test_the_band_is_that_of_the_sorted_permuted_curves(found: sensitivity.Curve) -> None:
    data, shares, points = sensitivity.curve_data(found)
    lowest = np.quantile(found.null.min(axis=0), [0.025, 0.5, 0.975])
    row = data.loc[data["estimate"].idxmin()]
    assert row[["null_low", "null_mid", "null_high"]].tolist() == pytest.approx(lowest.tolist())
    assert list(shares) == sensitivity.CHOICES
    assert points == pytest.approx((found.table["points"] / found.table["estimate"]).median())
    flat = replace(found, table=found.table.assign(estimate=0.0, points=0.0))
    assert sensitivity.choices_table(flat)["explained"].eq(0).all()
