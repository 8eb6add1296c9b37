"""Single-case measures: identities, direction, phases of a log, goals, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lbc.analysis import single_case as sc
from lbc.errors import NotEstimableError

A, B = [6, 5, 7, 6, 8, 6], [5, 4, 4, 3, 4, 2, 3]


def log() -> pd.DataFrame:
    values = [*A, *B, 3, 2, np.nan, 2]
    return pd.DataFrame({"phase": ["A"] * 6 + ["B"] * 7 + ["C"] * 4, "loneliness": values, "week": range(1, 18)})


def test_nap_counts_pairs_and_ties_half() -> None:
    pairs = [1.0 if b < a else 0.5 if b == a else 0.0 for a in A for b in B]
    found = sc.nap(A, B, "down")
    assert found.estimate.value == pytest.approx(np.mean(pairs))
    assert found.extra["pairs"] == 42
    low, high = found.estimate.ci
    assert low < found.estimate.value < high < 1
    tau = sc.tau(A, B, "down")
    assert tau.estimate.value == pytest.approx(2 * np.mean(pairs) - 1)
    assert tau.estimate.ci == pytest.approx((2 * low - 1, 2 * high - 1))


def test_the_other_direction_mirrors_everything() -> None:
    down, up = sc.nap(A, B, "down"), sc.nap(A, B, "up")
    assert up.estimate.value == pytest.approx(1 - down.estimate.value)
    assert up.estimate.ci == pytest.approx((1 - down.estimate.ci[1], 1 - down.estimate.ci[0]))
    assert sc.smd(A, B, "up").estimate.value == pytest.approx(-sc.smd(A, B, "down").estimate.value)
    assert sc.lrr(A, B, "up", "count").estimate.value == pytest.approx(-sc.lrr(A, B, "down", "count").estimate.value)
    assert sc.lrr(A, B, "up", "count").effect.value == pytest.approx(sc.lrr(A, B, "down", "count").effect.value)
    negative = [-x for x in A], [-x for x in B]
    pd.testing.assert_frame_equal(sc.tau_u(A, B, "down"), sc.tau_u(*negative, "up"))
    one, other = sc.baseline_corrected_tau(A, B, "down"), sc.baseline_corrected_tau(*negative, "up")
    assert one.estimate == other.estimate
    assert one.extra["slope"] == -other.extra["slope"]


def test_complete_separation_both_ways() -> None:
    assert sc.nap([1, 2, 3], [4, 5, 6], "up").estimate.ci[1] == 1
    low, high = sc.nap([1, 2, 3], [4, 5, 6], "down").estimate.ci
    assert (low, 0 < high < 1) == (0, True)
    for measure in (sc.pnd, sc.pem, sc.pand, sc.ird):
        assert measure([1, 2, 3], [4, 5, 6], "up") == 1


def test_published_small_example() -> None:
    """A = 3, 3, 4, 5 and B = 4, 5, 6, 7, 7: Tau 16/20, Tau-U 11/20 (Parker, Vannest, Davis & Sauber 2011)."""
    a, b = [3, 3, 4, 5], [4, 5, 6, 7, 7]
    assert sc.tau(a, b, "up").estimate.value == pytest.approx(16 / 20)
    variants = sc.tau_u(a, b, "up").set_index("row")
    assert variants.loc["A vs. B - Trend A", "tau"] == pytest.approx(11 / 20)


def test_pand_keeps_as_many_points_as_possible() -> None:
    """By trying every subset of a small case."""
    a, b = [2, 5, 3, 4], [4, 6, 3, 7]
    best = 0
    for keep in range(2**8):
        kept = [v for i, v in enumerate(a + b) if keep >> i & 1]
        lower = [v for i, v in enumerate(a) if keep >> i & 1]
        upper = [v for i, v in enumerate(b) if keep >> (i + 4) & 1]
        if not lower or not upper or max(lower) < min(upper):
            best = max(best, len(kept))
    assert sc.pand(a, b, "up") == best / 8


def test_trend_comes_off_only_after_its_pre_test() -> None:
    steep, flat = [10, 9, 8, 7, 6, 5], [6, 8, 7, 6, 8, 7]
    after = [5, 4, 5, 3, 4, 4]
    on = sc.baseline_corrected_tau(steep, after, "down")
    assert on.extra["corrected"]
    assert on.extra["slope"] == -1
    assert on.estimate.value == on.extra["tau_corrected"] < on.extra["tau_uncorrected"]
    off = sc.baseline_corrected_tau(flat, after, "down")
    assert not off.extra["corrected"]
    assert off.estimate.value == off.extra["tau_uncorrected"]
    still = sc.baseline_corrected_tau([5, 5, 5, 5], after, "down")
    assert (still.extra["trend_tau"], still.extra["trend_p"]) == (0, 1)


def test_times_of_the_points_count() -> None:
    late = sc.baseline_corrected_tau([1, 2, 3, 4, 6], [5, 5, 6, 7], "up", times=[1, 2, 3, 4, 6, 10, 11, 12, 13])
    assert late.extra["slope"] == 1
    assert sc.theil_sen([1, 2, 4], [0, 2, 6]) == (2, -2)


def test_phases_are_in_order_with_their_times() -> None:
    parts = sc.phases(log(), "loneliness")
    assert list(parts) == ["A", "B", "C"]
    assert parts["C"].tolist() == [3, 2, 2]
    assert parts["C"].index.tolist() == [14, 15, 17], "a week without a point still passes"
    shuffled = log().sample(frac=1, random_state=1)
    pd.testing.assert_series_equal(sc.phases(shuffled, "loneliness", time="week")["B"], parts["B"])


def test_visual_analysis_of_every_change_of_phase() -> None:
    table = sc.visual_table(log(), "loneliness", "down").set_index("contrast")
    assert table.index.tolist() == ["A v B", "B v C", "A v all"]
    assert table[["n_baseline", "n_phase"]].values.tolist() == [[6, 7], [7, 3], [6, 10]]
    assert table["adequate"].tolist() == ["meets", "with reservations", "with reservations"]
    first, second = table.loc["A v B"], table.loc["B v C"]
    assert (first["median_baseline"], first["median_phase"], first["change"]) == (6, 4, -2)
    assert first["immediate"] == 4 - 6, "first three of B against last three of A"
    assert first["trend_phase"] == sc.theil_sen(range(7), B)[0]
    assert (first["sd_baseline"], first["sd_phase"]) == (pytest.approx(np.std(A, ddof=1)), pytest.approx(np.std(B, ddof=1)))
    assert first["nap"] == sc.nap(A, B, "down").estimate.value
    assert first["lag1"] == sc.piecewise(series(A), series(B, 7)).extra["lag1"]
    assert (first["beyond"], first["needed"]) == (7, 7)
    assert second["median_baseline"] == 4
    assert np.isnan(second["needed"]), "three points are too few for the dual criteria"
    single = sc.visual_table(log()[log()["phase"] != "C"], "loneliness", "down")
    assert single["contrast"].tolist() == ["A v B"]


def series(values: list[float], first: int = 1) -> pd.Series:
    return pd.Series([float(v) for v in values], index=[float(t) for t in range(first, first + len(values))])


def test_indices_with_their_intervals() -> None:
    a, b = series(A), series(B, 7)
    table = sc.indices(a, b, "down").set_index("index")
    assert table.index.tolist() == [
        "NAP", "Tau", "Tau-U: A v B - trend A", "Tau-U: A v B + trend B", "Tau-U: A v B + trend B - trend A",
        "trend of the baseline (pre-test)", "baseline-corrected Tau", "PND", "PEM", "PAND", "IRD", "SMD (baseline SD)",
        "change of level", "change of slope"]
    assert table.loc["NAP", ["low", "high"]].tolist() == list(sc.nap(A, B, "down").estimate.ci)
    variants = sc.tau_u(A, B, "down").set_index("row")
    assert table.loc["Tau-U: A v B + trend B", "value"] == variants.loc["A vs. B + Trend B", "tau"]
    assert table.loc["trend of the baseline (pre-test)", "p"] == sc.baseline_corrected_tau(A, B, "down").extra["trend_p"]
    assert table.loc["baseline-corrected Tau", "note"] == {"en": "baseline trend not taken off", "zh": "未去除基线趋势"}
    assert table.loc["PND", "value"] == sc.pnd(A, B, "down")
    assert table.loc["PND", ["se", "low", "high", "p"]].isna().all(), "there is no standard error for it"
    smd = sc.smd(A, B, "down")
    half = 1.959964 * smd.extra["se"]
    assert smd.estimate.ci == pytest.approx((smd.estimate.value - half, smd.estimate.value + half))
    assert table.loc["SMD (baseline SD)", "high"] == smd.estimate.ci[1]
    counted = sc.indices(a, b, "down", count=True).set_index("index")
    assert counted.loc["log response ratio", "value"] == sc.lrr(A, B, "down", "count").estimate.value


def test_an_index_that_cannot_be_computed_says_why_in_both_languages() -> None:
    table = sc.indices(series([3, 3, 3]), series([4, 4, 5], 4), "up").set_index("index")
    assert np.isnan(table.loc["SMD (baseline SD)", "value"])
    assert table.loc["SMD (baseline SD)", "note"] == {
        "en": "the baseline does not vary, so there is nothing to standardise with", "zh": "基线无变异，无法标准化"}
    assert sc.note("something new") == {"en": "something new", "zh": "something new"}


def test_overlap_is_refused_below_three_points() -> None:
    reason = ("the smallest phase has 2 points; overlap needs at least 3 in every phase "
              r"\(What Works Clearinghouse: 5 meet the standard, 3 or 4 meet it with reservations\)")
    with pytest.raises(NotEstimableError, match=reason):
        sc.indices(series(A), series([4, 3], 7), "down")
    short = log().iloc[[0, 1, 6, 7, 8, 13, 14]]
    table = sc.visual_table(short, "loneliness", "down").set_index("contrast")
    assert set(table["adequate"]) == {"too few points"}
    assert table["nap"].isna().all()
    assert table.loc["A v B", "change"] == -1.5, "the level is still told"


def test_dual_criteria_by_hand() -> None:
    """Baseline 6, 8, 7: mean 7, trend 6 + t/2 (t from 1: 6.5, 7, 7.5), SD 1; both lines moved down by .25."""
    a, b = series([6, 8, 7]), series([7, 6, 6, 6, 5, 6.75], 4)
    found = sc.dual_criteria(a, b, "down")
    assert found.extra["lines"]["mean_line"].tolist() == pytest.approx([6.75] * 6)
    assert found.extra["lines"]["trend_line"].tolist() == pytest.approx([8 - 0.25 + t / 2 for t in range(6)])
    assert (found.extra["beyond"], found.extra["needed"], found.extra["systematic"]) == (4, 6, False), "6.75 is on it"
    assert found.estimate.value == pytest.approx(4 / 6)
    assert sc.dual_criteria(a, b, "down", shift=0).extra["beyond"] == 5
    flipped = sc.dual_criteria(-a, -b, "up")
    assert flipped.extra["beyond"] == 4
    assert sc.dual_criteria(a, series([5] * 6, 4), "down").extra["systematic"]


@pytest.mark.parametrize(("points", "needed"), [(5, 5), (6, 6), (7, 7), (8, 7), (9, 8), (10, 9), (16, 12), (20, 15)])
def test_points_needed_by_the_binomial_distribution(points: int, needed: int) -> None:
    """P(X >= needed) < .05 for a fair coin: with 8 points 9/256 = .035 for 7 and 37/256 for 6."""
    assert sc.dual_criteria(series([1, 2, 1]), series(range(points), 4), "up").extra["needed"] == needed


def test_change_of_level_and_slope_on_exact_lines() -> None:
    """A rises by 1 from 1; B begins 3 above A's line and rises by 2 more."""
    noise = [0.1, -0.1, -0.1, 0.1]
    a = series([t + e for t, e in zip(range(1, 5), noise, strict=True)])
    b = series([5 + 3 + 3 * t + e for t, e in zip(range(4), noise, strict=True)], 5)
    found = sc.piecewise(a, b)
    table = found.extra["coefficients"].set_index("term")["estimate"]
    assert table.to_dict() == pytest.approx({"intercept": 1, "trend": 1, "level": 3, "slope": 2})
    assert (found.estimate.value, found.effect.value, found.test.df) == (pytest.approx(3), pytest.approx(2), 4)
    assert found.extra["durbin_watson"] == pytest.approx((0.04 * 2 + 0.04 * 2) / 0.08)
    assert found.extra["lag1"] == pytest.approx((-1 + 1 - 1 + 1 - 1 + 1 - 1) / 8)


def test_goal_attainment_by_hand() -> None:
    """Three goals with weights 3, 2, 1, reached +1, 0, +2: 50 + 10 * 5 / sqrt(.7 * 14 + .3 * 36)."""
    found = sc.goal_attainment([3, 2, 1], [1, 0, 2], before=[-2, -1, -1])
    assert found.estimate.value == pytest.approx(50 + 50 / np.sqrt(0.7 * 14 + 0.3 * 36))
    assert found.extra["before"] == pytest.approx(50 - 90 / np.sqrt(20.6))
    assert found.extra["change"] == pytest.approx(found.estimate.value - found.extra["before"])
    assert found.n == {"goals": 3}
    assert sc.goal_attainment([1, 4], [0, 0]).estimate.value == 50
    assert sc.goal_attainment([2], [1]).estimate.value == pytest.approx(60)


def test_a_drawn_start_gives_an_exact_p() -> None:
    y = [5, 6, 5, 6, 5, 9, 9, 8, 9, 9, 8, 9]
    found = sc.randomization_test({"one": y}, {"one": 5}, "up", limit=3)
    assert found.extra["assignments"] == 7
    assert found.test.p == pytest.approx(1 / 7), "the smallest p that seven starts allow"
    assert sc.randomization_test({"one": y}, {"one": 5}, "down", limit=3).test.p == 1
    few = sc.randomization_test({"one": y}, {"one": 5}, "up", drawn=[2, 5, 8, 8])
    assert (few.extra["assignments"], few.test.p) == (3, pytest.approx(1 / 3)), "only what lot could have drawn"


@pytest.mark.parametrize(("call", "reason"), [
    (lambda: sc.nap(A, [4], "down"), "the treatment phase has 1 points; at least 2"),
    (lambda: sc.nap(A, B, "better"), "'down' or 'up', not 'better'"),
    (lambda: sc.tau_u([3, 3, 3], [3, 3], "up"), "all points are equal"),
    (lambda: sc.baseline_corrected_tau([3, 4], B, "up"), "the baseline has 2 points; its trend needs at least 3"),
    (lambda: sc.baseline_corrected_tau([3, 3, 3], [3, 3], "up"), "nothing varies"),
    (lambda: sc.baseline_corrected_tau(A, B, "up", times=[1, 2]), "2 times for 13 points"),
    (lambda: sc.theil_sen([1, 1], [2, 3]), "two different times"),
    (lambda: sc.smd([3, 3, 3], B, "up"), "the baseline does not vary"),
    (lambda: sc.lrr(A, B, "down", "scale"), "needs counts with a true zero, not 'scale'"),
    (lambda: sc.lrr([0, 0, 0], B, "up", "count"), "at least one that is not 0"),
    (lambda: sc.lrr([-1, 3], B, "up", "count"), "needs counts"),
    (lambda: sc.phases(log().drop(columns="phase"), "loneliness"), "no column phase"),
    (lambda: sc.phases(log(), "loneliness", baseline="Z"), "no points in the baseline phase 'Z'"),
    (lambda: sc.phases(log()[:6], "loneliness"), "a baseline only"),
    (lambda: sc.goal_attainment([], []), "positive weights"),
    (lambda: sc.goal_attainment([1, 0], [1, 1]), "positive weights"),
    (lambda: sc.goal_attainment([1, 1], [1, 3]), "a level from -2 to 2"),
    (lambda: sc.goal_attainment([1, 1], [1, np.nan]), "a level from -2 to 2"),
    (lambda: sc.goal_attainment([1, 1], [1]), "a level from -2 to 2"),
    (lambda: sc.randomization_test({"one": A}, {"one": 1}, "up", limit=2), "could not be drawn"),
    (lambda: sc.randomization_test({"one": [1, np.nan, 2]}, {"one": 1}, "up", limit=1), "needs every point"),
    (lambda: sc.randomization_test({f"{i}": range(60) for i in range(4)}, {f"{i}": 9 for i in range(4)}, "up"),
     "too many"),
    (lambda: sc.dual_criteria(series(A), series(B[:4], 7), "down"), "6 baseline and 4 treatment points; .* need 3 and 5"),
    (lambda: sc.dual_criteria(series(A), series(B, 3), "down"), "two times, all of them before the treatment"),
    (lambda: sc.piecewise(series(A), series(B, 3)), "two times, all of them before the treatment"),
    (lambda: sc.piecewise(series(A), series([3], 7)), "does not vary"),
    (lambda: sc.piecewise(series([1, 2]), series([3, 4], 3)), "4 complete rows are too few for 4"),
    (lambda: sc.piecewise(series([1, 2, 3]), series([4, 5, 6], 4)), "does not vary around the model"),
    (lambda: sc.randomization_test({"one": A}, {"one": 3}, "up", drawn=[2, 4]), "could not be drawn"),
    (lambda: sc.multiple_baseline_test({"one": A, "two": [1, 2]}, {"one": 3, "two": 1}, "up"), "at least one point"),
    (lambda: sc.multiple_baseline_test({f"{i}": A for i in range(10)}, {f"{i}": 3 for i in range(10)}, "up"),
     "too many orders"),
])
def test_what_cannot_be_estimated_says_why(call: object, reason: str) -> None:
    with pytest.raises(NotEstimableError, match=reason):
        call()
