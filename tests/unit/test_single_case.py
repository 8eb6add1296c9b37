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


def test_overlap_table_has_a_row_per_contrast() -> None:
    table = sc.overlap_table(log(), "loneliness", "down")
    assert table["contrast"].tolist() == ["A v B", "A v C", "A v all"]
    assert table["n_phase"].tolist() == [7, 3, 10]
    assert table["adequate"].tolist() == ["meets", "with reservations", "with reservations"]
    first = table.iloc[0]
    assert first["nap"] == sc.nap(A, B, "down").estimate.value
    assert first["ird"] == sc.ird(A, B, "down")
    assert (first["median_baseline"], first["median_phase"], first["change"]) == (6, 4, -2)
    assert first["immediate"] == 4 - 6
    assert first["trend_phase"] == sc.theil_sen(range(7), B)[0]
    assert first["bc_tau"] == sc.baseline_corrected_tau(A, B, "down").estimate.value
    assert table["note"].tolist() == ["", "", ""]
    assert not table.isna().to_numpy().any()
    single = sc.overlap_table(log()[log()["phase"] != "C"], "loneliness", "down")
    assert single["contrast"].tolist() == ["A v B"]


def test_what_a_short_phase_lacks_is_explained() -> None:
    short = log().iloc[[0, 1, 6, 13, 14]]
    table = sc.overlap_table(short, "loneliness", "down").set_index("contrast")
    assert set(table["adequate"]) == {"too few points"}
    assert np.isnan(table.loc["A v B", "nap"])
    assert "the treatment phase has 1 points; at least 2 are needed" in table.loc["A v B", "note"]
    assert "its trend needs at least 3" in table.loc["A v C", "note"]
    assert table.loc["A v C", "nap"] == 1


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
    (lambda: sc.multiple_baseline_test({"one": A, "two": [1, 2]}, {"one": 3, "two": 1}, "up"), "at least one point"),
    (lambda: sc.multiple_baseline_test({f"{i}": A for i in range(10)}, {f"{i}": 3 for i in range(10)}, "up"),
     "too many orders"),
])
def test_what_cannot_be_estimated_says_why(call: object, reason: str) -> None:
    with pytest.raises(NotEstimableError, match=reason):
        call()
