"""Members against untreated children: placebo sets, and rival methods with what they assume."""

from __future__ import annotations

from math import comb

import numpy as np
import pandas as pd
import pytest

from lbc.analysis import compared, null_studies, placebo, untreated
from lbc.errors import NotEstimableError

NAMES = ("pre", "post", "treated")


def chosen_highest(rng: np.random.Generator, effect: float = 0.0, n: int = 150, k: int = 7, r: float = 0.6) -> pd.DataFrame:
    pre = rng.normal(40, 10, n)
    post = 40 + r * (pre - 40) + rng.normal(0, 10 * np.sqrt(1 - r**2), n)
    treated = (np.argsort(np.argsort(pre)) >= n - k).astype(int)
    return pd.DataFrame({"pre": pre, "post": post + effect * treated, "treated": treated})


def test_placebo_sets_use_the_ancova_itself() -> None:
    frame = chosen_highest(np.random.default_rng(1), -9)
    found = placebo.placebo_sets(frame, *NAMES, np.random.default_rng(2), draws=999)
    ancova = untreated.ancova(frame, "post", "pre", "treated")
    assert found.estimate.value == pytest.approx(ancova.estimate.value)
    assert found.test.statistic == pytest.approx(ancova.test.statistic)
    assert found.n == {"treated": 7, "untreated": 143, "sets": 998}  # one came up twice
    x = found.extra
    assert (x["possible"], x["smallest_p"]) == (comb(40, 7), 1 / 999)
    assert x["mean_sets"] < x["mean_treated"]  # nobody untreated scored as high
    assert x["farthest"] > 0
    assert found.test.p == pytest.approx(ancova.test.p, abs=0.05)


def test_one_placebo_set_is_the_ancova_of_these_children() -> None:
    frame = chosen_highest(np.random.default_rng(3), n=40)
    others = frame[frame["treated"] == 0].reset_index(drop=True)
    pre, post = others[["pre", "post"]].to_numpy().T
    sets = np.array([[0, 4, 9], [1, 2, 3]])
    values, errors = placebo._compared(pre, post, sets)
    for rows, value, error in zip(sets, values, errors, strict=True):
        found = untreated.ancova(others.assign(treated=others.index.isin(rows).astype(int)), "post", "pre", "treated")
        assert [value, value / error] == pytest.approx([found.estimate.value, found.test.statistic])


def test_the_placebo_interval_holds_what_is_not_rejected() -> None:
    frame = chosen_highest(np.random.default_rng(4), -5)
    found = placebo.placebo_sets(frame, *NAMES, np.random.default_rng(5), draws=499)
    for limit, inward in zip(found.estimate.ci, (0.05, -0.05), strict=True):
        for shift, rejected in ((inward, False), (-inward, True)):
            moved = frame.assign(post=frame["post"] - (limit + shift) * frame["treated"])
            p = placebo.placebo_sets(moved, *NAMES, np.random.default_rng(5), draws=499).test.p
            assert (p <= 0.05) is rejected


def test_placebo_sets_keep_their_level_with_skewed_scores() -> None:
    """The town's kind of scores, 7 highest of 150, nothing done."""
    totals = np.round(8 + np.random.default_rng(0).gamma(9, 3, 300))
    waves, rng, rejected = null_studies.TwoWaves(totals), np.random.default_rng(6), []
    for _ in range(400):
        pre, post = (wave[0] for wave in waves.draw(1, 150, 0.7, rng))
        treated = (np.argsort(np.argsort(pre, kind="stable")) >= 143).astype(int)
        frame = pd.DataFrame({"pre": pre, "post": post, "treated": treated})
        rejected.append(placebo.placebo_sets(frame, *NAMES, rng, draws=199).test.p <= 0.05)
    assert np.mean(rejected) == pytest.approx(0.05, abs=0.03)


def test_members_from_everywhere_have_neighbours_of_their_own() -> None:
    frame = chosen_highest(np.random.default_rng(7)).assign(treated=0)
    frame.loc[frame["pre"].rank().isin([3, 75, 148]), "treated"] = 1
    found = placebo.placebo_sets(frame, *NAMES, np.random.default_rng(8), nearest=5, draws=400)
    assert found.extra["possible"] is None
    assert found.n["sets"] <= 125  # five by five by five
    assert found.extra["mean_sets"] == pytest.approx(found.extra["mean_treated"], abs=3)
    again = placebo.placebo_sets(frame, *NAMES, np.random.default_rng(8), nearest=5, draws=400)
    assert found == again


def test_few_placebo_sets_give_no_interval() -> None:
    found = placebo.placebo_sets(chosen_highest(np.random.default_rng(9), k=3), *NAMES, np.random.default_rng(1), nearest=4)
    assert (found.n["sets"], found.extra["possible"], found.extra["smallest_p"]) == (4, 4, 0.2)
    assert found.estimate.ci is None
    assert found.test.p >= 0.2


def test_placebo_sets_refuse() -> None:
    frame = chosen_highest(np.random.default_rng(10), n=17)
    with pytest.raises(NotEstimableError, match="10 untreated children are too few to form other sets of 7"):
        placebo.placebo_sets(frame, *NAMES, np.random.default_rng(1))
    with pytest.raises(NotEstimableError, match="do not vary"):
        placebo.placebo_sets(chosen_highest(np.random.default_rng(10)).assign(pre=40.0), *NAMES, np.random.default_rng(1))


def test_every_method_beside_what_it_assumes() -> None:
    frame = chosen_highest(np.random.default_rng(11), -8, n=250)
    rates = {"ancova": 0.05, "hc3": 0.07, "did": 0.55, "paired_t": 0.5}
    found = compared.companions(frame, "nomination", np.random.default_rng(12))
    table = compared.methods(frame, found["placebo"], rates).set_index("method")
    assert table.loc["ANCOVA, placebo sets", ["low", "p"]].tolist() == [found["placebo"].estimate.ci[0], found["placebo"].test.p]
    assert table.loc["ANCOVA, HC2", ["n", "false_positive", "assumes"]].tolist() == [243, 0.05, "straight line"]
    assert table.loc[["difference of gains", "paired t test"], "false_positive"].tolist() == [0.55, 0.5]
    ancova = untreated.ancova(frame, "post", "pre", "treated")
    assert table.loc["ANCOVA, HC2", ["estimate", "low", "high", "p"]].tolist() == pytest.approx(
        [ancova.estimate.value, *ancova.estimate.ci, ancova.test.p])
    assert table.loc["ANCOVA, HC3", "df"] == 247
    assert table.loc["ANCOVA, nearest in score", "n"] == 40
    assert table.loc["the square itself", "low"] < 0 < table.loc["the square itself", "high"]
    assert table.loc["d_ppc2", "estimate"] < table.loc["difference of gains", "estimate"] / 20
    assert table["estimate"].notna().all()


def test_a_bend_that_is_there_is_found() -> None:
    """Selection leans on the line: where it is bent, the straight ANCOVA errs and the bent one does not."""
    rng = np.random.default_rng(13)
    frame = chosen_highest(rng, n=400)
    frame["post"] = 30 + 0.03 * (frame["pre"] - 25) ** 2 + rng.normal(0, 4, 400)
    table = compared.methods(frame).set_index("method")
    assert table.loc["the square itself", "p"] < 0.001
    assert table.loc["ANCOVA, HC2", "low"] > 0
    assert table.loc["ANCOVA, baseline squared", "low"] < 0 < table.loc["ANCOVA, baseline squared", "high"]
    assert table.loc["ANCOVA, spline", "estimate"] < table.loc["ANCOVA, HC2", "estimate"]


def test_methods_that_fail_leave_no_row() -> None:
    frame = pd.DataFrame({"pre": [1.0, 1, 1, 2, 1, 2, 1, 2], "post": [3.0, 1, 2, 2, 4, 1, 3, 3], "treated": [1, 1, 0, 0, 0, 0, 0, 0]})
    table = compared.methods(frame)
    assert "ANCOVA, spline" not in set(table["method"])
    assert "ANCOVA, HC2" in set(table["method"])
    with pytest.raises(NotEstimableError, match="0 treated"):
        compared.methods(frame.assign(treated=0))


def test_without_a_comparison_every_companion_says_why() -> None:
    why = NotEstimableError("nobody was measured again")
    found = compared.companions(why, "top_scores", np.random.default_rng(1))
    assert set(found) == set(compared.COMPANIONS)
    assert {r.reason for r in found.values()} == {"nobody was measured again"}
    with pytest.raises(NotEstimableError, match="nobody was measured again"):
        compared.methods(why, found["placebo"])


def test_gains_are_a_finding_only_where_no_score_chose_the_members() -> None:
    frame = chosen_highest(np.random.default_rng(14))
    by_score = compared.companions(frame, "top_scores", np.random.default_rng(1))
    assert by_score["did"].estimate is None
    assert "chosen by score" in by_score["did"].reason["en"]
    assert by_score["placebo"].n["sets"] > 4900
    assert compared.companions(frame, "volunteers", np.random.default_rng(1))["did"].test.name == "t"
