"""The tables of benchmarks/calibration: what is used holds, what fails is known to, and the studies repeat."""

from __future__ import annotations

import csv
import json
import re
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.calibration import coverage, error_rates, intervention, monte_carlo, readme, towns, worlds
from benchmarks.calibration.expected import FAILS, REMARKS, allowed, remark
from benchmarks.calibration.used import USED
from lbc.analysis import change, null_studies, selection, untreated
from lbc.analysis.stats import sign_flip, wilcoxon_exact

OUTPUTS = Path(__file__).resolve().parents[2] / "outputs" / "s_town"
PRIMARY = "ANCOVA, HC2, Bell-McCaffrey df"
NO_LIMIT = {"e_low"}  # columns whose name ends like a limit's: a quantile of the propensity


def rows(study: str) -> pd.DataFrame:
    """A study's table with the columns world, event, found."""
    table = pd.read_csv(readme.RESULTS / f"{study}.csv", keep_default_na=False, na_values=[""])
    if study == "intervention":
        table = table[table["effect"] == 0]
        world = (f"{r.scores}, {r.members} of {r.children}, r {r.retest:g}" for r in table.itertuples())
        table = table.assign(world=list(world))
    return table


STUDIES = ("error_rates", "coverage", "intervention")
NULL = rows("intervention")


# ---- what the tables say -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("study", STUDIES)
def test_every_method_holds_or_is_known_not_to(study: str) -> None:
    wrong = []
    for row in rows(study).itertuples():
        _, kind, _ = remark(study, row.world, row.event)
        if row.found not in allowed(kind):
            wrong.append(f"{row.world}: {row.event}: {row.rate:.3f} [{row.low:.3f}, {row.high:.3f}] {row.found}")
    assert wrong == []


def test_no_remark_is_left_over() -> None:
    """Every remark explains a row that deviates."""
    used = {remark(study, row.world, row.event)[0] for study in STUDIES for row in rows(study).itertuples()
            if row.found != "holds"}
    assert [pattern for pattern, _, _ in REMARKS if pattern not in used] == []


def test_naive_methods_are_shown_to_fail() -> None:
    table = rows("error_rates").set_index(["world", "event"])["found"]
    assert table["two groups, whole classes", "Welch's t"] == FAILS
    assert table["two groups, whole classes", "covariates, CR2"] == "holds"
    naive = NULL[NULL["event"].isin(["paired t", "difference of gains (DiD), Welch"])]
    assert set(naive["found"]) == {FAILS}


@pytest.mark.parametrize(("event", "children", "members", "expected"), [
    ("paired t", 100, 7, {0.51: 0.64, 0.7: 0.41, 0.8: 0.29, 0.9: 0.16}),
    ("difference of gains (DiD), Welch", 150, 8, {0.6: 0.71, 0.8: 0.39}),
])
def test_naive_rates_are_those_of_the_design(
    event: str, children: int, members: int, expected: dict[float, float]
) -> None:
    cells = NULL[(NULL["scores"] == "normal") & (NULL["event"] == event)]
    cells = cells[(cells["children"] == children) & (cells["members"] == members)].set_index("retest")["rate"]
    assert {r: cells[r] for r in expected} == pytest.approx(expected, abs=0.015)


def test_the_primary_analysis_of_notebook_04_keeps_five_per_cent() -> None:
    cells = NULL[NULL["event"] == PRIMARY]
    assert len(cells) == len(intervention.CELLS)
    assert cells["rate"].between(0.04, 0.06).all()
    means = cells.groupby("scores")["rate"].mean().to_dict()
    assert means == pytest.approx({"normal": 0.05, "CLS-like": 0.05}, abs=0.003)
    others = NULL[NULL["event"].isin(["ANCOVA, classical", "ANCOVA, HC3, n - 3 df"])]
    assert (others.groupby("event")["rate"].max() > 0.07).all()  # why they are not primary


def test_towns_give_back_what_was_planted() -> None:
    table = pd.read_csv(readme.RESULTS / "towns.csv")
    off = (table["found"] - table["planted"]).abs()
    slack = 3 * table["se"] + 0.03 * table["planted"].abs().clip(lower=0.3)
    assert table.loc[off > slack, "parameter"].tolist() == []


def test_the_readme_is_made_from_the_tables() -> None:
    assert (readme.FOLDER / "README.md").read_text(encoding="utf-8") == readme.text()


# ---- every test of the notebooks has its row -----------------------------------------------------------------------


def known(name: str) -> bool:
    return any(fnmatch(name, key) for key in USED)


def test_every_finding_with_a_test_or_interval_is_calibrated() -> None:
    missing = []
    for path in sorted(OUTPUTS.glob("findings/0[123]*.json")):
        for finding in json.loads(path.read_text(encoding="utf-8"))["findings"]:
            limits = any(finding[part] and finding[part]["ci"] for part in ("estimate", "effect"))
            if (finding["test"] or limits) and not known(finding["id"]):
                missing.append(finding["id"])
    assert missing == []


def test_every_table_with_p_values_or_limits_is_calibrated() -> None:
    missing = []
    for path in sorted(OUTPUTS.glob("tables/0[123]*.csv")):
        with path.open(encoding="utf-8-sig") as file:
            heads = set(next(csv.reader(file))) - NO_LIMIT
        if any(re.fullmatch(r"(\w+_)?(p|low)(_\w+)?", head) for head in heads) and not known(path.stem):
            missing.append(path.stem)
    assert missing == []


def test_every_pattern_has_a_row() -> None:
    names = {f"{study}: {event}" for study in STUDIES for event in rows(study)["event"]}
    wanted = {pattern for patterns in USED.values() for pattern in patterns}
    assert [pattern for pattern in sorted(wanted) if not any(fnmatch(name, pattern) for name in names)] == []


# ---- studies repeat ------------------------------------------------------------------------------------------------


QUICK = [part for part in error_rates.PARTS if part.name in (
    "two groups, uneven over classes", "equivalence, whole classes", "several levels, within classes",
    "classes alike", "two waves, classes move together", "invariance, classes alike", "causes",
    "indirect association, first path only", "simulated towns, group work without effect")]


@pytest.mark.parametrize("part", QUICK, ids=lambda part: part.name)
def test_a_study_gives_the_same_events_again(part: monte_carlo.Part) -> None:
    one, again = (monte_carlo.block(part, 3, 1)[0] for _ in range(2))
    pd.testing.assert_frame_equal(one, again)
    committed = rows("error_rates")
    assert set(one) <= set(committed.loc[committed["world"] == part.name, "event"])


def test_rates_do_not_depend_on_the_number_of_processes() -> None:
    part = monte_carlo.Part("equivalence", partial(error_rates.bound, group=worlds.GROUPS[0]), 120)
    with ThreadPoolExecutor(1) as one, ProcessPoolExecutor(2) as two:
        pd.testing.assert_frame_equal(*(monte_carlo.rates(part, pool, 0.05) for pool in (one, two)))


def test_intervals_are_held_against_the_truth_of_a_vast_survey() -> None:
    truth = coverage.coders_truth(np.random.default_rng(7))
    assert 0.7 < truth["kappa"] < 0.9
    part = monte_carlo.Part("coders", partial(coverage.coders, truth=truth), 3)
    frame, _ = monte_carlo.block(part, 0, 3)
    assert set(frame) == set(rows("coverage").query("world == 'coders'")["event"])


@pytest.mark.parametrize(("rate", "nominal", "expected"), [
    (0.05, 0.05, "holds"), (0.09, 0.05, "fails"), (0.02, 0.05, "conservative"),
    (0.95, 0.95, "holds"), (0.90, 0.95, "fails"), (0.98, 0.95, "conservative")])
def test_what_a_rate_is_found_to_be(rate: float, nominal: float, expected: str) -> None:
    assert monte_carlo.judged(*monte_carlo.interval(rate * 2000, 2000), nominal) == expected


def test_simulated_totals_have_the_retest_correlation_asked_for() -> None:
    cell = intervention.Cell("CLS-like", 600, 7, 0.7)
    first, second, last = intervention.waves(np.random.default_rng(1), cell, 60)
    for one, other in ((first, second), (first, last), (second, last)):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] == pytest.approx(0.7, abs=0.01)
    assert first.std() == pytest.approx(1, abs=0.02)


# ---- the formulas of the intervention study are those of the notebooks ---------------------------------------------


@pytest.mark.parametrize("scores", intervention.SCORES)
def test_formulas_on_arrays_give_what_the_public_functions_give(scores: str) -> None:
    cell, rng = intervention.Cell(scores, 60, 7, 0.6), np.random.default_rng(4)
    first, second, last = intervention.waves(rng, cell, 5)
    first, second, last = (wave.round(6) for wave in (first, second, last))
    member = intervention.choose(first, cell.members, rng)
    p = intervention.p_values(first, second, last, member, cell.retest)
    for i in range(5):
        found = _public(first[i], second[i], last[i], member[i], cell.retest)
        assert {name: float(p[name][i]) for name in found} == pytest.approx(found, rel=1e-6, abs=1e-9)


def _public(first: np.ndarray, second: np.ndarray, last: np.ndarray, member: np.ndarray, r: float) -> dict[str, Any]:
    frame = pd.DataFrame({"pre": first, "post": last, "treated": member.astype(float)})
    by = untreated.ancova(frame, "post", "pre", "treated")
    gains = untreated.pre_post_control(frame, "pre", "post", "treated")
    before, start, after = (wave[member] for wave in (first, second, last))
    return {
        "paired t": change.group_change(before, after).extra["p_t"],
        "sign flip, exact": sign_flip(after - before).test.p,
        "Wilcoxon, exact": wilcoxon_exact(after - before).test.p,
        "sign flip, exact, from a second pre-test": sign_flip(after - start).test.p,
        "difference of gains (DiD), Welch": gains.test.p,
        PRIMARY: by.test.p,
        "ANCOVA, HC3, n - 3 df": by.extra["hc3"]["p"],
        "ANCOVA, classical": by.extra["homoscedastic"]["p"],
        "Barnett, retest r known": selection.regression_to_mean(before, after, first, r, r, r).test.p,
        "Mee-Chua": selection.mee_chua(before, after, first).test.p,
    }


def test_the_notebooks_own_simulation_agrees() -> None:
    found = null_studies.false_positive_rate(100, 7, 0.7, 4000, np.random.default_rng(1))
    cell = NULL[(NULL["scores"] == "normal") & (NULL["children"] == 100) & (NULL["members"] == 7)]
    cell = cell[cell["retest"] == 0.7].set_index("event")["rate"]
    for key, event in (("paired_t", "paired t"), ("did", "difference of gains (DiD), Welch"), ("ancova", PRIMARY)):
        assert found[key] == pytest.approx(cell[event], abs=4 * found["mc_error"] * (1 if key != "ancova" else 0.5))


def test_what_was_planted_is_read_from_a_towns_truth() -> None:
    truth = json.loads((OUTPUTS.parents[1] / "tests/truth/s_town.json").read_text(encoding="utf-8"))
    planted = {name: value(truth) for name, (_, _, value) in towns.PLANTED.items()}
    assert planted["difference of the groups, SD"] == 0.3
    assert -9 < planted["effect of the group on its members, points"] < -2
