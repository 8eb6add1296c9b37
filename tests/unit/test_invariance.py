"""Invariance, partial invariance and the latent difference on data whose answers are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lbc.analysis import cfa, measurement
from lbc.analysis.cfa import fit
from lbc.analysis.invariance import (
    STEPS,
    compare,
    judged,
    ladder,
    modification_indices,
    partial_scalar,
    release_tests,
    scaled_difference,
    step,
    verdict,
)
from lbc.analysis.measurement import dmacs, examine, latent_difference, merge_empty, unequal_items
from lbc.errors import NotEstimableError
from lbc.results import Result

ONE = "f =~ x1 + x2 + x3 + x4 + x5 + x6"
ITEMS = [f"x{i}" for i in range(1, 7)]
LOADINGS = [0.9, 0.8, 0.7, 0.8, 0.9, 0.7]


def children(n: int = 600, shift: float = 0.0, weak: float = 0.0, seed: int = 11) -> pd.DataFrame:
    """Two groups of n/2, the second .4 higher on the factor; `shift` moves its x3, `weak` lowers its x2's loading."""
    rng = np.random.default_rng(seed)
    group = np.repeat([0, 1], n // 2)
    trait = rng.normal(size=n) + 0.4 * group
    loadings = np.tile(LOADINGS, (n, 1))
    loadings[group == 1, 1] -= weak
    answers = trait[:, None] * loadings + 0.7 * rng.normal(size=(n, 6))
    frame = pd.DataFrame(answers, columns=ITEMS)
    frame["x3"] += shift * group
    return frame.assign(group=group)


def named(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(group=frame["group"].map({0: "a", 1: "b"}))


def rated(frame: pd.DataFrame) -> pd.DataFrame:
    """Answers -2 to 2, every one of them given in both groups."""
    return frame.clip(-2, 2).round()


@pytest.fixture(scope="module")
def same() -> pd.DataFrame:
    return children()


# --- the ladder and its verdict


def test_invariant_groups_pass_every_step(same: pd.DataFrame) -> None:
    table = judged(ladder(ONE, same, "group"))
    assert table["verdict"].tolist() == ["holds"] * 4
    assert table["step"].tolist() == list(STEPS)
    assert table["df"].tolist() == [18, 23, 28, 34]
    assert table["d_df"].tolist()[1:] == [5, 5, 6]
    found = verdict(table)
    assert (found.level, found.refused, found.means_comparable) == ("strict", False, True)
    assert found.reason.startswith("strict invariance holds: CFI changes by")


def test_a_shifted_intercept_stops_at_metric() -> None:
    shifted = children(shift=0.8)
    fits = ladder(ONE, shifted, "group")
    judged = verdict(compare(fits))
    assert (judged.level, judged.failed, judged.means_comparable) == ("metric", "scalar", False)
    result = step(fits, "scalar")
    assert result.estimate.value <= -0.010
    assert result.test.name == "scaled chi-square difference (Satorra & Bentler 2001)"
    assert result.test.p < 1e-6
    assert "scalar invariance fails" in result.method
    assert result.n == {"0": 300, "1": 300}
    assert release_tests(fits["scalar"]).iloc[0][["lhs", "op"]].tolist() == ["x3", "~1"]


def test_a_weaker_loading_stops_at_configural() -> None:
    fits = ladder(ONE, children(weak=0.7), "group")
    assert verdict(compare(fits)).level == "configural"
    assert judged(fits)["verdict"].tolist() == ["holds", "fails", "not judged", "not judged"]


def test_a_verdict_is_refused_when_any_step_has_a_problem(same: pd.DataFrame) -> None:
    fits = ladder(ONE, same, "group", "ML")
    fits["strict"] = replace(fits["strict"], problems=["the estimation did not converge"])
    judged = verdict(compare(fits))
    assert judged.refused
    assert judged.level is None
    assert not judged.means_comparable
    assert judged.reason == "no verdict, because of problems (strict: the estimation did not converge)"
    assert step(fits, "scalar").extra["level"] == "scalar"  # later steps do not spoil earlier ones
    with pytest.raises(NotEstimableError, match="did not converge"):
        step(fits, "strict")


def ladder_table(**changes: list[float]) -> pd.DataFrame:
    table = {"step": list(STEPS), "cfi": [0.97] * 4, "rmsea": [0.04] * 4, "d_cfi": [np.nan, 0.0, 0.0, 0.0],
             "d_rmsea": [np.nan, 0.0, 0.0, 0.0], "n": [600] * 4, "n_smallest": [300] * 4, "n_largest": [300] * 4,
             "problems": [""] * 4}
    return pd.DataFrame(table | changes)


@pytest.mark.parametrize(
    ("changes", "level", "doubtful", "failed"),
    [
        ({}, "strict", "", ""),
        ({"d_cfi": [np.nan, 0, -0.011, 0]}, "metric", "scalar", ""),
        ({"d_rmsea": [np.nan, 0, 0.016, 0]}, "strict", "", ""),
        ({"d_cfi": [np.nan, 0, -0.011, 0], "d_rmsea": [np.nan, 0, 0.016, 0]}, "metric", "", "scalar"),
        ({"d_cfi": [np.nan, -0.007, 0, 0], "d_rmsea": [np.nan, 0.012, 0, 0]}, "strict", "", ""),
        ({"d_cfi": [np.nan, -0.007, 0, 0], "d_rmsea": [np.nan, 0.012, 0, 0], "n": [250] * 4},
         "configural", "", "metric"),
        ({"d_cfi": [np.nan, -0.007, 0, 0], "n_largest": [600] * 4}, "configural", "metric", ""),
        ({"cfi": [0.8] * 4, "rmsea": [0.12] * 4}, "none", "", "configural"),
        ({"rmsea": [0.09] * 4}, "strict", "", ""),
    ],
)
def test_verdicts(changes: dict[str, list[float]], level: str, doubtful: str, failed: str) -> None:
    judged = verdict(ladder_table(**changes))
    assert (judged.level, judged.doubtful, judged.failed) == (level, doubtful, failed)
    assert ("configural model is in doubt" in judged.reason) == (list(changes) == ["rmsea"])


def test_scaled_difference_turns_to_the_2010_version_where_the_2001_one_fails(same: pd.DataFrame) -> None:
    free, restricted = (fit(ONE, same, "group", STEPS[s], "MLM") for s in ("metric", "scalar"))
    usual = scaled_difference(restricted, free)
    inflated = replace(free, fit=free.fit | {"scaling": 9.0})
    strict = scaled_difference(restricted, inflated)
    assert "2001" in usual.name
    assert "2010" in strict.name
    assert strict.statistic == pytest.approx(usual.statistic, rel=0.1)
    assert (strict.df, usual.df) == (5, 5)
    with pytest.raises(NotEstimableError, match="no more degrees of freedom"):
        scaled_difference(free, restricted)


def test_plain_difference_of_ml_models(same: pd.DataFrame) -> None:
    free, restricted = (fit(ONE, same, "group", STEPS[s]) for s in ("configural", "metric"))
    test = scaled_difference(restricted, free)
    assert test.statistic == pytest.approx(restricted.fit["chi2"] - free.fit["chi2"])
    assert test.df == 5


# --- what is no solution gets no verdict: each through the ladder


def refused(fits: dict[str, cfa.CfaFit], why: str) -> None:
    """The verdict is refused for this reason: in the table, and in the step as a result."""
    judgement = verdict(compare(fits))
    assert (judgement.refused, judgement.level, judgement.means_comparable) == (True, None, False)
    assert why in judgement.reason
    assert set(judged(fits)["verdict"]) == {"refused"}
    with pytest.raises(NotEstimableError, match=why):
        step(fits, "scalar")


def no_answer(data: pd.DataFrame, why: str) -> None:
    """`examine` holds the reason, and what rests on it raises it."""
    measured = examine(named(data), ("a", "b"))
    assert measured.model is None
    assert why in measured.reason
    for function in (latent_difference, measurement.scalar_step):
        with pytest.raises(NotEstimableError, match=why):
            function(measured)


def test_no_verdict_without_convergence(same: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = cfa.minimise
    monkeypatch.setattr(cfa, "minimise", lambda *args: honest(*args, steps=1))
    refused(ladder(ONE, same, "group"), "the estimation did not converge")
    no_answer(same, "the estimation did not converge")


def test_no_verdict_without_degrees_of_freedom(same: pd.DataFrame) -> None:
    """The later steps have some; without a test of the first they say nothing."""
    fits = ladder("f =~ x1 + x2 + x3", same, "group")
    assert [found.fit["df"] for found in fits.values()] == [0, 2, 4, 7]
    assert judged(fits)["verdict"].tolist() == ["refused"] * 4
    assert "no degrees of freedom" in verdict(compare(fits)).reason
    no_answer(same[["x1", "x2", "x3", "group"]], "no degrees of freedom")
    with pytest.raises(NotEstimableError, match="2 more parameters than the data have moments"):
        ladder("f =~ x1 + x2", same, "group")


def test_no_verdict_with_a_negative_variance() -> None:
    """x1 goes with x2 and with x3 more than these go together: all of x1 and more would be the factor's."""
    corr = np.full((4, 4), 0.2)
    corr[0, :], corr[:, 0] = [1, 0.8, 0.5, 0.5], [1, 0.8, 0.5, 0.5]
    np.fill_diagonal(corr, 1)
    raw = np.random.default_rng(2).normal(size=(400, 4)) @ np.linalg.cholesky(corr).T
    data = pd.DataFrame(raw, columns=ITEMS[:4]).assign(group=np.arange(400) % 2)
    refused(ladder("f =~ x1 + x2 + x3 + x4", data, "group"), "the variance of x1 is negative")
    no_answer(data, "the variance of x1 is negative")


def test_no_verdict_with_impossible_correlations() -> None:
    """Two factors that are one correlate 1 but for chance, which may add to it."""
    rng = np.random.default_rng(1)
    trait = rng.normal(size=(200, 1))
    data = pd.DataFrame(trait + 0.8 * rng.normal(size=(200, 6)), columns=ITEMS).assign(group=np.arange(200) % 2)
    refused(ladder("f =~ x1 + x2 + x3; g =~ x4 + x5 + x6", data, "group"), "the factor correlations are impossible")


def test_no_verdict_where_an_item_is_a_sum_of_others(same: pd.DataFrame) -> None:
    data = same.assign(x6=lambda d: d["x1"] + d["x2"])
    with pytest.raises(NotEstimableError, match="in group 0 one item is a sum of others"):
        ladder(ONE, data, "group")
    no_answer(data, "one item is a sum of others")


def test_no_verdict_where_a_group_never_gave_an_answer(same: pd.DataFrame) -> None:
    data = rated(same)
    data.loc[(data["group"] == 1) & (data["x4"] == 2), "x4"] = 1
    refused(ladder(ONE, data, "group"), "nobody in group 1 answered 2 to x4")
    agreed = same.assign(**{item: (same[item] > 0).astype(float) for item in ITEMS})
    agreed.loc[agreed["group"] == 1, "x4"] = 1  # nothing to merge a yes-or-no item with
    no_answer(agreed, "in group b every answer to x4 is the same")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (children(12), "6 complete persons for 6 items"),
        (children().query("group == 0"), "group b has 0 complete persons"),
        (children().assign(x2=3.0), "every answer to x2 is the same"),
        (children().iloc[:2], "complete persons"),
    ],
)
def test_too_few_persons_or_answers(data: pd.DataFrame, why: str) -> None:
    no_answer(data, why)


def test_answers_never_given_are_merged_and_told(same: pd.DataFrame) -> None:
    data = rated(same)
    data.loc[(data["group"] == 1) & (data["x4"] == 2), "x4"] = 1
    data.loc[(data["group"] == 0) & (data["x5"] == -2), "x5"] = np.nan
    merged, notes = merge_empty(data)
    assert notes == {"x4": "2 → 1", "x5": "-2 → -1"}
    assert data["x4"].max() == 2  # the input is left alone
    assert merged["x5"].isna().sum() == data["x5"].isna().sum()
    measured = examine(named(data), ("a", "b"))
    assert measured.reason == ""
    table = unequal_items(measured).set_index("item")
    assert table.loc[["x3", "x4", "x5"], "merged"].tolist() == ["", "2 → 1", "-2 → -1"]


# --- partial invariance


def test_partial_invariance_frees_what_was_shifted_and_tells_its_bias() -> None:
    found, freed = partial_scalar(ONE, children(3000, shift=0.5), "group")
    assert freed == ["x3~1"]
    table = dmacs(found).set_index("item")
    assert table.loc["x3", "bias"] == pytest.approx(0.5, abs=0.1)
    assert table.loc["x3", "dmacs"] == pytest.approx(0.5 / np.sqrt(0.7**2 + 0.7**2), abs=0.1)
    assert (table.drop("x3").to_numpy() == 0).all()
    with pytest.raises(NotEstimableError, match="free latent means"):
        dmacs(fit(ONE, children(), "group"))


def test_a_loading_is_released_with_its_intercept_also_the_first() -> None:
    turned = children(3000, weak=0.5).rename(columns={"x1": "x2", "x2": "x1"})
    _, freed = partial_scalar(ONE, turned, "group")
    assert freed == ["f=~x1", "x1~1"]


def test_not_even_partial_invariance() -> None:
    data = children(1000)
    data.loc[data["group"] == 1, ["x1", "x2", "x3"]] += [1.0, -1.0, 0.6]
    with pytest.raises(NotEstimableError, match="half of the items or more differ"):
        partial_scalar(ONE, data, "group")
    measured = examine(named(data), ("a", "b"))
    assert "half of the items or more differ" in measured.reason
    table = unequal_items(measured)  # which items differ is told all the same
    assert (table["p_intercept"].head(2) < 0.001).all()
    assert table["bias_counted"].isna().all()


def test_dmacs_by_hand() -> None:
    """Nye & Drasgow 2011: bias and slope integrated over the second group, over the mean of the two SDs."""
    found = fit(ONE, children(shift=0.5, weak=0.3), "group", STEPS["scalar"], partial=["f=~x2", "x2~1", "x3~1"],
                std_lv=True)
    one, two = (found.model.matrices(found.model.values(found.theta), g) for g in (0, 1))
    z = np.linspace(-8, 8, 4001)
    trait, density = two["a"][0, 0] + np.sqrt(two["P"][0, 0]) * z, np.exp(-(z**2) / 2)
    gap = two["n"][1, 0] - one["n"][1, 0] + (two["L"][1, 0] - one["L"][1, 0]) * trait
    sd = np.mean([s.cases[:, 1].std(ddof=1) for s in found.samples])
    table = dmacs(found).set_index("item")
    assert table.loc["x2", "bias"] == pytest.approx((gap * density).sum() / density.sum())
    assert table.loc["x2", "dmacs"] == pytest.approx(np.sqrt((gap**2 * density).sum() / density.sum()) / sd)


def test_release_tests_are_scaled_like_the_model(same: pd.DataFrame) -> None:
    plain, scaled = (fit(ONE, same, "group", STEPS["scalar"], e) for e in ("ML", "MLM"))
    ratio = release_tests(plain)["chi2"] / release_tests(scaled)["chi2"]
    assert ratio.to_numpy() == pytest.approx(scaled.fit["scaling"])


def test_what_would_not_be_identified_has_no_modification_index() -> None:
    """Three indicators fix a factor's loadings and no more; its covariance with the general one turns into loadings."""
    rng = np.random.default_rng(5)
    general, other = rng.normal(size=(2, 400, 1))
    data = pd.DataFrame(np.hstack([general + other * (k < 3) + rng.normal(size=(400, 1)) for k in range(6)]),
                        columns=list("uvwxyz"))
    found = modification_indices(fit("a =~ u + v + w + x + y + z; b =~ u + v + w; a ~~ 0*b", data))
    none = found["chi2"].isna()
    assert found[["p", "change"]].isna().eq(none, axis=0).all(axis=None)
    assert set(zip(found.loc[none, "lhs"], found.loc[none, "rhs"], strict=True)) == {
        ("a", "b"), ("u", "v"), ("u", "w"), ("v", "w")}
    assert found.loc[~none, "chi2"].between(0, 10).all()


# --- what is compared: items and latent means


def latent(data: pd.DataFrame) -> Result:
    return latent_difference(examine(named(data), ("a", "b")))


def test_the_latent_difference_is_recovered() -> None:
    found = latent(children(8000))
    assert found.method == "latent mean difference under scalar invariance (MLM)"
    assert found.effect.value == pytest.approx(0.4, abs=0.05)
    assert found.estimate.value == pytest.approx(0.4 * sum(LOADINGS), abs=0.25)
    assert found.effect.ci[0] < 0.4 < found.effect.ci[1]
    assert found.extra["bias"] == 0
    assert found.extra["observed"] == pytest.approx(found.estimate.value, abs=0.1)


def test_released_items_do_not_count_for_the_latent_difference() -> None:
    """The shift adds .5 points to the totals and nothing to the latent difference."""
    data = children(8000, shift=0.5)
    found = latent(data)
    assert found.method == "latent mean difference under partial scalar invariance (MLM), released: x3~1"
    assert found.effect.value == pytest.approx(0.4, abs=0.05)
    assert found.extra["bias"] == pytest.approx(0.5, abs=0.06)
    low, high = found.extra["bias_ci"]
    assert low < 0.5 < high
    assert found.extra["observed"] == pytest.approx(found.estimate.value + found.extra["bias"], abs=0.05)
    table = unequal_items(examine(named(data), ("a", "b"))).set_index("item")
    assert table["p_intercept"].idxmin() == "x3"
    assert table.loc["x3", "p_intercept"] < 0.001
    assert table["released"].to_dict() == dict.fromkeys([*ITEMS, "all items"], "") | {"x3": "intercept"}
    assert table.loc["x3", "bias"] == pytest.approx(0.5, abs=0.06)
    assert table.loc["all items", "bias_counted"] == pytest.approx(found.extra["bias"])
    assert (table.loc[["x1", "x2", "x4"], "bias_counted"] == 0).all()


def test_intervals_cover_as_often_as_they_say() -> None:
    """Thirty samples of 400: coverage within what chance allows of 95 %, no bias."""
    found = [latent(children(400, seed=seed)).effect for seed in range(30)]
    assert np.mean([f.ci[0] < 0.4 < f.ci[1] for f in found]) >= 0.86
    assert np.mean([f.value for f in found]) == pytest.approx(0.4, abs=0.04)


def test_the_groups_swapped_give_the_difference_the_other_way(same: pd.DataFrame) -> None:
    one, other = (latent_difference(examine(named(same), order)) for order in (("a", "b"), ("b", "a")))
    assert one.effect.value == pytest.approx(-other.effect.value, abs=1e-6)
    assert list(one.n) == ["a", "b"]


def test_incomplete_children_count_for_the_latent_difference() -> None:
    """Half of those who score high in the second group skip x6: complete rows alone would hide some difference."""
    data = children(4000)
    skips = np.random.default_rng(3).random(4000) < 0.5
    data.loc[(data["group"] == 1) & (data["x1"] > 0.5) & skips, "x6"] = np.nan
    found = latent(data)
    assert found.method == "latent mean difference under scalar invariance (every answer used)"
    assert found.n == {"a": 2000, "b": 2000}
    assert found.effect.value == pytest.approx(0.4, abs=0.07)
    assert latent(data.dropna()).effect.value < 0.25


def test_no_model_of_the_ladder_needs_more_than_a_dozen_steps(same: pd.DataFrame) -> None:
    """The starting values are good and the steps those of Fisher scoring: that is what makes the ladder quick."""
    calls = []
    honest = cfa.minimise
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cfa, "minimise", lambda *args: calls.append(honest(*args, steps=12)) or calls[-1])
        ladder(ONE, same, "group")
    assert [converged for _, converged in calls] == [True] * 4
