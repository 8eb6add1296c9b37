"""The simulated town: sizes as assumed, flaws where the truth file says, the same bytes every time.

The committed files of S town are written anew with

    python -c "from tests.unit.test_simulate import write_s_town; write_s_town()"
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from lbc import params as town_params
from lbc.errors import ParamsError, TownError
from lbc.instruments import load as load_instrument
from lbc.instruments.scoring import key, score
from lbc.paths import PACKAGE, Project
from lbc.survey import cleaning, codebook, intake, records, simulate
from lbc.survey.simulation import assumptions, children, untidy
from lbc.survey.text import tidy

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data" / "s_town"
TRUTH = ROOT / "tests" / "truth" / "s_town.json"
SIM, WORDS = assumptions.load(DATA)
CLS = load_instrument("cls")
REPORTED_AS = {
    "year_out_of_range": "out of range", "month_out_of_range": "out of range", "answer_out_of_range": "out of range",
    "label_not_on_the_form": "not one of the values", "number_in_words": "not a number",
    "error_of_excel": "an error value of Excel", "number_with_unit": "words around the number",
    "words_written_into_an_option": "words written into an option",
    "year_full_width": "full-width or invisible characters", "id_full_width": "full-width or invisible characters",
    "grade_full_width_digit": "full-width or invisible characters",
}
LOST = {"year_out_of_range", "month_out_of_range", "answer_out_of_range", "label_not_on_the_form", "number_in_words",
        "error_of_excel", "absence_not_answered"}


def write_s_town(folder: Path = DATA, truth: Path = TRUTH) -> None:
    """Write the raw files and the truth of S town."""
    simulate.write(simulate.simulate(SIM, WORDS), folder, truth)


def total(frame: pd.DataFrame) -> pd.Series:
    return score(frame[CLS.columns()], CLS)["total"]


def alpha(frame: pd.DataFrame, scale: str, subscale: str | None = None) -> float:
    instrument = load_instrument(scale)
    keyed = key(frame[instrument.columns()], instrument).dropna()
    if subscale:
        keyed = keyed[[instrument.column(n) for n in instrument.subscales[subscale].items]]
    k = keyed.shape[1]
    return k / (k - 1) * (1 - keyed.var().sum() / keyed.sum(axis=1).var())


@pytest.fixture(scope="module")
def large() -> pd.DataFrame:
    """Attentive children of a town large enough to see what was planted."""
    town = simulate.simulate(SIM, WORDS, children=6000, seed=5)
    frame = town.survey.assign(left_behind=town.traits["left_behind"], away=town.traits["away"])
    frame = frame[town.traits["careless"] == ""]
    again = town.resurvey.set_index("id")
    frame = frame.assign(total=total(frame), again=frame["id"].map(total(again)))
    return frame


@pytest.fixture(scope="module")
def truth() -> dict:
    return json.loads(TRUTH.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def book() -> codebook.Codebook:
    return codebook.load(DATA / "codebook.csv", "data/s_town/codebook.csv", ["survey"])


@pytest.fixture(scope="module")
def read(book: codebook.Codebook) -> intake.Intake:
    return intake.read(DATA / "raw/survey.xlsx", book, "raw/survey.xlsx")


# ------------------------------------------------------------------------------------------------ sizes


def test_weights_of_causes_give_back_the_published_correlations() -> None:
    matrix, beta = children.cause_weights(SIM)
    rel = children.reliabilities(SIM)
    implied = matrix @ beta * [np.sqrt(rel[c.name] * rel["loneliness"]) for c in SIM.causes]
    assert implied == pytest.approx([c.r for c in SIM.causes])
    assert 0.2 < beta @ matrix @ beta < 0.6


def test_no_weak_cause_changes_its_direction_in_company() -> None:
    _, beta = children.cause_weights(SIM)
    assert [np.sign(b) for b in beta] == [np.sign(c.r) for c in SIM.causes]


def test_correlations_that_cannot_hold_at_once_are_refused() -> None:
    causes = [c.model_copy(update={"r": 0.7 * np.sign(c.r)}) for c in SIM.causes]
    with pytest.raises(ValueError, match="cannot all hold at once"):
        children.cause_weights(SIM.model_copy(update={"causes": causes}))


def test_means_and_spread_of_loneliness(large: pd.DataFrame) -> None:
    behind, others = (large.loc[large["left_behind"] == g, "total"] for g in (1, 0))
    assert behind.mean() == pytest.approx(32.6, abs=1.0)  # Chen & Hu 2022
    assert behind.std() == pytest.approx(9.0, abs=0.6)
    pooled = np.sqrt((behind.var() + others.var()) / 2)
    assert (behind.mean() - others.mean()) / pooled == pytest.approx(SIM.loneliness.left_behind_d, abs=0.06)
    assert large["total"].skew() > 0.4
    assert large["total"].min() >= 16
    assert large["total"].max() <= 80


def test_sex_and_grade(large: pd.DataFrame) -> None:
    boys, girls = (large.loc[large["sex"] == code, "total"] for code in ("1", "2"))
    assert (boys.mean() - girls.mean()) / large["total"].std() == pytest.approx(SIM.loneliness.boys_d, abs=0.06)
    scored = large.dropna(subset=["total"])
    slope = np.polyfit(scored["grade"], scored["total"], 1)[0]
    assert slope == pytest.approx(SIM.loneliness.points_per_grade, abs=0.4)


def test_classes_differ_as_assumed(large: pd.DataFrame) -> None:
    scored = large.dropna(subset=["total"])
    by_class = scored.groupby("class")["total"]
    size, groups = by_class.size().mean(), by_class.ngroups
    between = (by_class.size() * (by_class.mean() - scored["total"].mean()) ** 2).sum() / (groups - 1)
    within = ((scored["total"] - by_class.transform("mean")) ** 2).sum() / (len(scored) - groups)
    assert (between - within) / (between + (size - 1) * within) == pytest.approx(SIM.schools.icc, abs=0.025)


def test_retest_and_change_without_any_work(large: pd.DataFrame) -> None:
    assert large["total"].corr(large["again"]) == pytest.approx(SIM.loneliness.retest.r, abs=0.03)
    change = (large["again"] - large["total"]).mean()
    assert change == pytest.approx(SIM.loneliness.asked_again_d * 9 + SIM.loneliness.points_per_grade / 4, abs=0.4)


@pytest.mark.parametrize("part", SIM.scales, ids=lambda p: f"{p.scale}_{p.subscale or 'total'}")
def test_reliabilities(large: pd.DataFrame, part: assumptions.Part) -> None:
    assert alpha(large, part.scale, part.subscale) == pytest.approx(part.reliability, abs=0.03)


def test_positive_items_share_more_than_loneliness(large: pd.DataFrame) -> None:
    keyed = key(large[CLS.columns()], CLS)
    corr = keyed.corr().to_numpy()
    turned = np.array([n in CLS.reverse for n in CLS.scored])
    off = ~np.eye(len(turned), dtype=bool)
    same = corr[np.ix_(turned, turned)][off[np.ix_(turned, turned)]]
    assert same.mean() > corr[np.ix_(turned, ~turned)].mean() + 0.05
    assert (corr[off] > 0.1).all()
    fillers = large[[CLS.column(n) for n in CLS.fillers]].corrwith(large["total"])
    assert fillers.abs().max() < 0.06


def test_causes_and_companions_go_with_loneliness_as_published(large: pd.DataFrame) -> None:
    support = score(large[load_instrument("psss").columns()], load_instrument("psss"))["total"]
    assert support.corr(large["total"]) == pytest.approx(-0.36, abs=0.05)  # Huang 2022
    for cause in SIM.causes:
        if cause.form == "scale":
            continue
        asked = large[cause.asks or [cause.name]].sum(axis=1, min_count=len(cause.asks) or 1)
        assert asked.corr(large["total"]) == pytest.approx(cause.r, abs=0.045), cause.name
    for part in SIM.scales:
        companion = next((c for c in SIM.companions if c.name == part.trait), None)
        if companion:
            scores = score(large[load_instrument(part.scale).columns()], load_instrument(part.scale))
            assert scores[part.subscale or "total"].corr(large["total"]) == pytest.approx(companion.r, abs=0.06)


def test_missing_answers_depend_on_grade(large: pd.DataFrame) -> None:
    missing = large[CLS.columns()].isna().mean(axis=1)
    assert missing.mean() == pytest.approx(SIM.missing, abs=0.006)
    assert missing[large["grade"] == 3].mean() > 1.2 * missing[large["grade"] == 6].mean()


def test_who_is_away_and_who_counts_as_left_behind(large: pd.DataFrame) -> None:
    for kind, share in SIM.families.away.items():
        assert (large["away"] == kind).mean() == pytest.approx(share, abs=0.025)
    long = large[["father_months", "mother_months"]].max(axis=1) >= 6
    assert (long == (large["left_behind"] == 1)).all()
    assert (large.loc[large["away"] == "neither", ["father_months", "mother_months"]].isna()).all(axis=None)


# ---------------------------------------------------------------------------------------- group and case


@pytest.fixture(scope="module")
def pair() -> tuple[simulate.Town, simulate.Town]:
    return simulate.simulate(SIM, WORDS), simulate.simulate(SIM, WORDS, effect=False)


def test_without_effect_only_what_the_work_touches_differs(pair: tuple[simulate.Town, simulate.Town]) -> None:
    work, none = pair
    for name in ("survey", "resurvey", "interviews", "logic_model"):
        pd.testing.assert_frame_equal(getattr(work, name), getattr(none, name))
    both = [t.group_measures.drop(columns="member").set_index(["id", "wave"]).sort_index() for t in pair]
    early = both[0].index.get_level_values("wave").isin(["T0", "T1"])
    pd.testing.assert_frame_equal(both[0][early], both[1][early])
    low = next(m["id"] for m in work.truth["members"] if not m["high_scorer"])
    pd.testing.assert_frame_equal(both[0].loc[low], both[1].loc[low])
    assert not both[0][~early].equals(both[1][~early])
    moved = [list(m["true_effect_in_points"].values()) for m in none.truth["members"]]
    assert set(np.ravel(moved)) == {0.0}


def test_the_work_moves_members_by_what_was_planted(pair: tuple[simulate.Town, simulate.Town]) -> None:
    work, _ = pair
    high = [m for m in work.truth["members"] if m["high_scorer"]]
    at_t2 = {m["share_of_group_effect"]: m["true_effect_in_points"]["T2"] for m in high}
    assert at_t2[1.7] < at_t2[0.9] < at_t2[0.1] < 0
    assert np.mean(list(at_t2.values())) == pytest.approx(-0.5 * 9, abs=1.5)  # -0.5 SD of about nine points
    case = next(m for m in high if m["case"])
    assert case["member"] == "M03"
    assert case["true_effect_in_points"]["T3"] < case["true_effect_in_points"]["T2"] - 2


def test_members_are_the_highest_left_behind_scorers(pair: tuple[simulate.Town, simulate.Town]) -> None:
    town, _ = pair
    totals = total(town.survey).where(town.traits["careless"].isin(["", "hurried"]))
    behind = totals[town.traits["left_behind"] == 1].sort_values(ascending=False)
    high = {m["id"] for m in town.truth["members"] if m["high_scorer"]}
    assert set(town.survey.loc[behind.index[:7], "id"]) == high
    low = next(m for m in town.truth["members"] if not m["high_scorer"])
    assert low["member"] == "M08"
    assert low["cls_total_at_survey"] < totals.quantile(0.2)
    assert not (set(town.group_measures["id"]) & set(town.resurvey["id"]))


def test_the_case_is_chosen_by_the_rule(pair: tuple[simulate.Town, simulate.Town]) -> None:
    for town in pair:
        scores = town.group_measures.assign(total=total(town.group_measures)).pivot(
            index="member", columns="wave", values="total").drop("M08")
        bar = 1.96 * total(town.survey).std() * np.sqrt(2 * (1 - 0.87))
        left = scores[scores["T2"] - scores["T1"] > -bar]
        assert (left if len(left) else scores)["T2"].idxmax() == "M03"


def test_first_wave_of_the_group_is_the_survey(pair: tuple[simulate.Town, simulate.Town]) -> None:
    town, _ = pair
    first = town.group_measures.query("wave == 'T0'").set_index("id")[CLS.columns()]
    survey = town.survey.set_index("id").loc[first.index, CLS.columns()]
    pd.testing.assert_frame_equal(first, survey)


# -------------------------------------------------------------------------------------- files and flaws


def test_committed_files_are_what_the_simulator_writes(tmp_path: Path) -> None:
    (tmp_path / "codebook.csv").write_bytes((DATA / "codebook.csv").read_bytes())
    write_s_town(tmp_path, tmp_path / "truth.json")
    assert (tmp_path / "truth.json").read_bytes() == TRUTH.read_bytes()
    names = sorted(path.name for path in (DATA / "raw").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "raw").iterdir())
    for name in names:
        fresh, kept = tmp_path / "raw" / name, DATA / "raw" / name
        if name.endswith(".csv"):
            assert fresh.read_bytes() == kept.read_bytes(), name
        else:  # compression differs between builds of zlib, what is compressed does not
            with zipfile.ZipFile(fresh) as a, zipfile.ZipFile(kept) as b:
                assert {n: a.read(n) for n in a.namelist()} == {n: b.read(n) for n in b.namelist()}


def test_two_runs_give_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    written = []
    for place, seed in (("a", 3), ("b", 3), ("c", 4)):
        folder = tmp_path / place
        folder.mkdir()
        (folder / "codebook.csv").write_bytes((DATA / "codebook.csv").read_bytes())
        simulate.write(simulate.simulate(SIM, WORDS, children=60, seed=seed), folder)
        written.append({path.name: path.read_bytes() for path in (folder / "raw").iterdir()})
    assert written[0] == written[1]
    assert written[0]["survey.xlsx"] != written[2]["survey.xlsx"]


def test_every_flaw_stands_where_the_truth_says(truth: dict) -> None:
    sheet = openpyxl.load_workbook(DATA / "raw/survey.xlsx")["Sheet1"]
    cells = list(sheet.iter_rows(values_only=True))
    headers = list(cells[0])
    with_cell = [f for f in truth["flaws"] if f["file"] == "raw/survey.xlsx" and f["kind"] in untidy.CELLS]
    assert len(with_cell) > 100
    for flaw in with_cell:
        assert cells[flaw["row"] - 1][headers.index(flaw["column"])] == flaw["found"], flaw
    blank = next(f["row"] for f in truth["flaws"] if f["kind"] == "blank_row")
    assert set(cells[blank - 1]) == {None}
    resurvey = pd.read_csv(DATA / "raw/resurvey.csv", dtype=str, encoding="gbk")
    for flaw in (f for f in truth["flaws"] if f["file"] == "raw/resurvey.csv" and f["column"]):
        assert resurvey.at[flaw["row"] - 2, flaw["column"]] == str(flaw["found"]), flaw


def test_all_kinds_of_flaws_are_planted(truth: dict) -> None:
    wanted = {*untidy.CELLS, *untidy.CHILDREN, "blank_row", "test_form", "near_duplicate_other_id"}
    assert wanted - set(truth["flaws_by_kind"]) == set()
    for kind, (count, _, _) in untidy.CELLS.items():
        assert truth["flaws_by_kind"][kind] == count


def test_intake_reports_every_cell_that_it_cannot_take_as_it_stands(truth: dict, read: intake.Intake) -> None:
    reported = {(r.row, r.column): r.problem for r in read.report.itertuples()}
    for flaw in truth["flaws"]:
        if flaw["file"] == "raw/survey.xlsx" and flaw["kind"] in REPORTED_AS:
            assert reported.get((flaw["row"], flaw["column"])) == REPORTED_AS[flaw["kind"]], flaw
    row_one = set(read.report.loc[read.report["row"] == 1, "problem"])
    assert row_one == {"header differs from the codebook", "column of the survey tool"}


def test_what_was_only_written_otherwise_is_read_as_meant(
    truth: dict, read: intake.Intake, book: codebook.Codebook
) -> None:
    names = {v.column: v.variable for v in book.variables}
    checked = 0
    for flaw in truth["flaws"]:
        name = names.get(tidy(flaw["column"]))
        here = flaw["file"] == "raw/survey.xlsx" and flaw["kind"] in untidy.CELLS
        if not here or name in (None, "comment", "lives_with"):
            continue
        value, v = read.frame.at[flaw["row"], name], book[name]
        if flaw["kind"] in LOST:
            assert pd.isna(value), flaw
        else:
            meant = next((code for code, labels in v.values.items() if flaw["meant"] in labels), flaw["meant"])
            assert value == meant or value == pytest.approx(float(meant.removesuffix("秒"))), flaw
        checked += 1
    assert checked > 100


def test_cleaning_finds_what_was_planted(truth: dict, read: intake.Intake, book: codebook.Codebook) -> None:
    expected = truth["expected"]
    frame, received = cleaning.received(read)
    assert (received.before, received.after) == (expected["forms"], expected["forms"])
    removed = {}
    rules = (
        lambda f: cleaning.blank_or_test(f, book), lambda f: cleaning.consent(f, book),
        lambda f: cleaning.usable_ids(f, book), lambda f: cleaning.duplicates(f, book, "last"),
        lambda f: cleaning.scope(f, book, read.report),
    )
    for rule in rules:
        frame, step = rule(frame)
        removed[step.rule] = step.removed
    frame = frame.assign(cls_total=total(frame))
    frame, step = cleaning.outcome_missing(frame, "cls_total")
    assert removed == {
        "blank_or_test": expected["test_forms"], "consent": expected["no_guardian_consent"] + expected["no_assent"],
        "usable_ids": expected["id_missing"], "duplicates": expected["duplicates"],
        "scope": expected["out_of_scope_grade"],
    }
    assert (step.removed, step.after) == (expected["outcome_missing"], expected["left"])


def test_resurvey_is_read_by_the_same_codebook(truth: dict, book: codebook.Codebook, read: intake.Intake) -> None:
    again = intake.read(DATA / "raw/resurvey.csv", book, "raw/resurvey.csv", partial=True)
    assert set(CLS.columns()) <= set(again.frame)
    assert (again.report["row"] > 1).all()
    known = again.frame["id"].dropna().isin(read.frame["id"])
    assert (~known).sum() == truth["flaws_by_kind"]["resurvey_id_unknown"]
    assert again.frame["id"].isna().sum() == truth["flaws_by_kind"]["resurvey_id_missing"]
    assert again.frame["id"].dropna().duplicated().sum() == truth["flaws_by_kind"]["resurvey_duplicate_id"]


def test_the_smaller_files_are_read_without_fault() -> None:
    sizes = {"interviews": 2 * 12 * SIM.interviews.segments, "sessions": 8 * len(WORDS.sessions), "goals": 4,
             "case_log": sum(SIM.case_log.phases.values()), "logic_model": len(WORDS.logic_model)}
    for kind, rows in sizes.items():
        assert len(records.read(DATA / f"raw/{kind}.csv", kind, kind)) == rows
    measures = records.read(DATA / "raw/group_measures.csv", "measures", "group_measures.csv")
    assert len(measures) == 8 * 5
    seen = records.read(DATA / "raw/observations.csv", "observations", "observations.csv")
    present = records.read(DATA / "raw/sessions.csv", "sessions", "sessions.csv")["present"].sum()
    assert len(seen) == 2 * present


def test_every_measure_of_the_logic_model_is_a_score(book: codebook.Codebook) -> None:
    known = set()
    for scale in book.scales():
        instrument = load_instrument(scale)
        known |= {f"{scale}_{name}" for name in (*instrument.subscales, *(["total"] if instrument.total else []))}
    measures = {link.measure for link in WORDS.logic_model if link.measure}
    assert measures <= known
    assert any(link.level == "society" and not link.component for link in WORDS.logic_model)  # an honest gap
    assert {link.component for link in WORDS.logic_model} - {""} <= {c.component for c in WORDS.components}
    assert {*WORDS.sessions} == {c.component for c in WORDS.components}


# ------------------------------------------------------------------------------------------- other towns


@pytest.mark.parametrize("n", [40, 41, 333])
def test_make_town_of_any_size(tmp_path: Path, n: int) -> None:
    project = Project(tmp_path)
    simulate.make_town(project, "elsewhere", n, seed=9)
    town = project.town("elsewhere")
    params = town_params.load(town)
    assert (params.town, params.seed, params.synthetic) == ("elsewhere", 9, True)
    assert "simulated" in (town.data / "README.md").read_text(encoding="utf-8")
    book = codebook.load(town.codebook, "codebook.csv", params.survey.waves)
    survey = intake.read(town.data / params.survey.file, book, params.survey.file)
    assert n < survey.rows <= n + 8
    assert survey.frame["class"].nunique() == 4 * max(1, round(n / 156))
    with pytest.raises(TownError, match="exists already"):
        simulate.make_town(project, "elsewhere", n, seed=9)


def test_a_tidy_town_has_nothing_to_report(tmp_path: Path) -> None:
    simulate.make_town(Project(tmp_path), "null", 80, seed=2, effect=False, untidy=False)  # YAML trips over that name
    town = Project(tmp_path).town("null")
    assert town_params.load(town).town == "null"
    book = codebook.load(town.codebook, "codebook.csv")
    read = intake.read(town.data / "raw/survey.xlsx", book, "survey.xlsx")
    assert list(read.report["problem"]) == ["column of the survey tool"]
    assert read.rows == 80


def test_make_town_refuses_what_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project(tmp_path / "here")
    with pytest.raises(TownError, match="too few"):
        simulate.make_town(project, "hamlet", 39, seed=1)
    with pytest.raises(TownError, match="exists already"):
        simulate.make_town(project, "s_town", 100, seed=1)
    with pytest.raises(TownError, match="cannot be the name"):
        simulate.make_town(project, "S Town", 100, seed=1)
    monkeypatch.setattr(simulate, "PACKAGE", tmp_path / PACKAGE.name)
    with pytest.raises(TownError, match="template") as caught:
        simulate.make_town(project, "hamlet", 100, seed=1)
    assert "params/s_town.yaml" in str(caught.value)
    assert not (tmp_path / "here").exists()


def test_mistakes_in_the_assumptions_are_named_with_their_line(tmp_path: Path) -> None:
    text = (DATA / "simulation.yaml").read_text(encoding="utf-8")
    broken = text.replace("father: 0.22,", "father: 0.2, uncle: 0.1,", 1)
    broken = broken.replace("weights: [0.30", "weights: [0.50", 1)
    (tmp_path / "simulation.yaml").write_text(broken, encoding="utf-8")
    with pytest.raises(ParamsError) as caught:
        assumptions.load(tmp_path)
    assert "schools.weights" in str(caught.value)
    assert "uncle" in str(caught.value)
