"""The CFA engine and its refusals on data whose answers are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lbc.analysis.cfa import fit
from lbc.analysis.cfa_estimation import discrepancy, observed_information, scores, slopes, starts
from lbc.analysis.cfa_model import FREE, parse, specify
from lbc.analysis.invariance import STEPS
from lbc.errors import NotEstimableError

ONE = "f =~ x1 + x2 + x3 + x4 + x5 + x6"
TWO = "f =~ x1 + x2 + x3; g =~ x4 + x5 + x6"


def children(n: int = 600, shift: float = 0.0, weak: float = 0.0, seed: int = 11) -> pd.DataFrame:
    """Two groups of n/2, the second .4 higher on the factor; `shift` moves its x3, `weak` lowers its x2's loading."""
    rng = np.random.default_rng(seed)
    group = np.repeat([0, 1], n // 2)
    trait = rng.normal(size=n) + 0.4 * group
    loadings = np.tile([0.9, 0.8, 0.7, 0.8, 0.9, 0.7], (n, 1))
    loadings[group == 1, 1] -= weak
    answers = trait[:, None] * loadings + 0.7 * rng.normal(size=(n, 6))
    frame = pd.DataFrame(answers, columns=[f"x{i}" for i in range(1, 7)])
    frame["x3"] += shift * group
    return frame.assign(group=group)


@pytest.fixture(scope="module")
def same() -> pd.DataFrame:
    return children()


# --- model text


def test_model_text() -> None:
    found = list(parse("f =~ x1 + 0.5*x2 + NA*x3  # comment\n\n f ~~ 0*g; x1 ~~ x2"))
    assert [term[:3] for term in found] == [
        ("f", "=~", "x1"), ("f", "=~", "x2"), ("f", "=~", "x3"), ("f", "~~", "g"), ("x1", "~~", "x2")]
    assert [term[3] for term in found][:2] == [None, 0.5]
    assert np.isnan(found[2][3]) == np.isnan(FREE)
    assert found[3][3] == 0.0


@pytest.mark.parametrize("text", ["f = x1", "f =~ x1 x2", "f =~ ", "x1 + x2", "f =~ x1 + + x2"])
def test_unreadable_model_text_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="cannot read"):
        list(parse(text))


def test_names_with_waves_and_chinese_letters() -> None:
    assert [term[2] for term in parse("孤独 =~ cls_01@resurvey + 题目2")] == ["cls_01@resurvey", "题目2"]


def test_degrees_of_freedom_of_the_steps() -> None:
    """Six items, two groups: 54 moments less 36 parameters, then 5 loadings, 5 intercepts, 6 residuals back."""
    assert [specify(ONE, 2, equal).df for equal in STEPS.values()] == [18, 23, 28, 34]
    assert specify(TWO + "; f ~~ 0*g").df == specify(TWO).df + 1
    assert specify(TWO + "; x1 ~~ x4").df == specify(TWO).df - 1


def test_unknown_words_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot hold loding equal"):
        specify(ONE, 2, ["loding"])
    with pytest.raises(ValueError, match="no parameter x9~1"):
        specify(ONE, 2, ["intercepts"], partial=["x9 ~1"])
    with pytest.raises(ValueError, match="an item cannot covary with a factor"):
        specify(ONE + "; f ~~ x1")
    with pytest.raises(ValueError, match="no factor may measure another"):
        specify(TWO + "; h =~ f + g")


# --- estimation


@pytest.mark.parametrize("equal", STEPS.values())
def test_gradient_is_the_slope_of_the_discrepancy(same: pd.DataFrame, equal: tuple[str, ...]) -> None:
    found = fit(TWO, same, "group", equal)
    theta = starts(found.model, found.samples)
    by_row, _ = slopes(found.model, found.samples, theta)
    up, down = ([discrepancy(found.model, found.samples, theta + sign * 1e-6 * unit) for unit in np.eye(len(theta))]
                for sign in (1, -1))
    assert found.model.link.T @ by_row == pytest.approx(np.subtract(up, down) / 2e-6, abs=1e-7)


def test_scores_sum_to_the_gradient(same: pd.DataFrame) -> None:
    found = fit(TWO, same, "group", ("loadings",))
    theta = starts(found.model, found.samples)
    gradient = found.model.link.T @ slopes(found.model, found.samples, theta)[0]
    total = scores(found.model, found.samples, theta, at_sample=False).mean(axis=0)
    assert total == pytest.approx(-gradient / 2, abs=1e-12)


def test_observed_and_expected_information_agree_under_the_model() -> None:
    found = fit(ONE, children(20000).drop(columns="group"))
    expected = found.model.link.T @ slopes(found.model, found.samples, found.theta)[1] @ found.model.link
    observed = observed_information(found.model, found.samples, found.theta)
    assert observed == pytest.approx(expected, abs=0.1)


def test_estimates_are_near_the_truth_and_within_their_errors() -> None:
    table = fit(ONE, children(20000).query("group == 0")).parameters
    loadings = table.query("op == '=~'")
    truth = np.array([0.9, 0.8, 0.7, 0.8, 0.9, 0.7])
    assert loadings["est"].to_numpy() == pytest.approx(truth / 0.9, abs=0.04)
    assert loadings["std"].to_numpy() == pytest.approx(truth / np.sqrt(truth**2 + 0.49), abs=0.02)
    assert loadings["free"].tolist() == [False, *[True] * 5]
    assert loadings["se"].iloc[0] == 0
    assert loadings["p"].iloc[0] != loadings["p"].iloc[0]  # a fixed parameter has no test
    assert (loadings["p"].iloc[1:] < 1e-6).all()


def test_marker_and_standardised_factors_fit_alike(same: pd.DataFrame) -> None:
    for equal in STEPS.values():
        marker, unit = (fit(TWO, same, "group", equal, std_lv=std_lv) for std_lv in (False, True))
        assert unit.fit["chi2"] == pytest.approx(marker.fit["chi2"], abs=1e-8)
        assert unit.fit["df"] == marker.fit["df"]


def test_the_order_of_items_and_a_negative_marker_do_not_matter(same: pd.DataFrame) -> None:
    turned = same.assign(x1=-same["x1"])
    assert fit(ONE, turned).fit["chi2"] == pytest.approx(fit("f =~ x6+x5+x4+x3+x2+x1", same).fit["chi2"], abs=1e-8)


def test_scaling_is_one_for_normal_answers_and_larger_for_heavy_tails() -> None:
    normal = children(6000).query("group == 0")
    assert fit(ONE, normal, estimator="MLM").fit["scaling"] == pytest.approx(1.0, abs=0.06)
    heavy = normal.mul(np.random.default_rng(1).chisquare(6, size=len(normal)) ** -0.5, axis=0)
    found = fit(ONE, heavy, estimator="MLM").fit
    assert found["scaling"] > 1.3
    assert found["chi2_scaled"] == pytest.approx(found["chi2"] / found["scaling"])


def test_incomplete_persons_are_left_out_and_counted(same: pd.DataFrame) -> None:
    holed = same.astype(float)
    holed.iloc[:7, 0] = np.nan
    holed.loc[599, "group"] = np.nan
    found = fit(ONE, holed, "group")
    assert found.n == {"0.0": 293, "1.0": 299}
    assert found.left_out == 8


def test_the_reference_group_can_be_chosen(same: pd.DataFrame) -> None:
    means = {}
    for order in ((0, 1), (1, 0)):
        found = fit(ONE, same, "group", STEPS["scalar"], groups=order)
        means[found.groups] = found.parameters.query("lhs == 'f' and op == '~1' and group == 2")["est"].item()
    assert means["0", "1"] == pytest.approx(-means["1", "0"], abs=1e-8)
    assert means["0", "1"] == pytest.approx(0.4 * 0.9, abs=0.15)


# --- refusals


@pytest.mark.parametrize(
    ("model", "frame", "why"),
    [
        ("f =~ x1 + x2", children(), "1 more parameters than the data have moments"),
        ("f =~ x1 + x2; g =~ x4 + x5 + x6; f ~~ 0*g", children(), "not identified"),
        (ONE, children(12).iloc[:6], "6 complete persons for 6 items"),
        (ONE, children().assign(x2=3.0), "every answer to x2 is the same"),
        (ONE, children().assign(x2=lambda d: d["x1"] + d["x3"]), "one item is a sum of others"),
    ],
)
def test_what_cannot_be_estimated_is_refused(model: str, frame: pd.DataFrame, why: str) -> None:
    with pytest.raises(NotEstimableError, match=why):
        fit(model, frame)


def test_unknown_columns_and_single_groups_are_refused(same: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="no column x7, sex"):
        fit(ONE + " + x7", same, "sex")
    with pytest.raises(NotEstimableError, match="fewer than two groups"):
        fit(ONE, same.assign(group=1), "group")


def test_problems_are_named() -> None:
    exact_fit = fit("f =~ x1 + x2 + x3", children())
    assert exact_fit.problems == ["no degrees of freedom: the model cannot be tested"]
    noise = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 6)), columns=[f"x{i}" for i in range(1, 7)])
    found = [fit(TWO, noise.sample(frac=1, replace=True, random_state=seed)) for seed in range(6)]
    named = "; ".join(text for one in found for text in one.problems)
    assert "variance of" in named
    assert "is negative" in named
    assert all(one.converged or "the estimation did not converge" in one.problems for one in found)


def test_an_answer_that_one_group_never_gave_is_a_problem(same: pd.DataFrame) -> None:
    rated = same.clip(-2, 2).round()
    rated.loc[(rated["group"] == 1) & (rated["x4"] == 2), "x4"] = 1
    assert fit(ONE, rated, "group").problems == ["nobody in group 1 answered 2 to x4"]
