"""Surveys nobody prepared, through the whole pipeline by the command line: two of real people, whose numbers R knows,
a village that brings only its export of the survey tool, and simulated towns too small for some analyses.
"""

from __future__ import annotations

import csv
import fcntl
import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyreadstat
import pytest
from cases import HERE, OUTSIDE, agrees, case
from runs import lbc, scratch, shared
from scipy import stats
from tiny import edit

from lbc import instruments
from lbc import params as town_params
from lbc.paths import Project
from lbc.survey import cleaning, codebook, derive, intake, scores
from lbc.survey.codebook import Codebook
from lbc.survey.propose import propose

S1, S2 = (OUTSIDE / "data" / f"loneliness_gamers_s{k}.csv" for k in (1, 2))
UCLA, DJG = HERE / "instruments" / "ucla3.yaml", HERE / "instruments" / "djg11.yaml"
ALL_RAN = "5 run, 0 current, 0 failed, 0 blocked\n"
GAMERS = ("gamers_s1", "gamers_s2", "gamers_s2_ucla3", "gamers_first14")
SMALL = {"small_60": (60,), "small_60_no_effect": (60, "--no-effect"), "small_40": (40,),
         "small_40_no_effect": (40, "--no-effect")}


@dataclass(frozen=True)
class Towns:
    """A project and what the command line answered: `said["run gamers_s1"]` is (exit code, stdout, stderr)."""

    root: Path
    said: dict[str, list[Any]]

    def findings(self, town: str, stage: str) -> dict[str, Any]:
        path = self.root / "outputs" / town / "findings" / f"{stage}.json"
        return json.loads(path.read_text(encoding="utf-8"))

    def finding(self, town: str, name: str) -> dict[str, Any]:
        stages = ("01_survey_cleaning", "02_group_comparison", "03_ecological_causes", "04_intervention_evaluation")
        return next(f for stage in stages for f in self.findings(town, stage)["findings"] if f["id"] == name)

    def table(self, town: str, name: str) -> pd.DataFrame:
        return pd.read_csv(self.root / "outputs" / town / "tables" / f"{name}.csv")

    def cleaned(self, town: str) -> pd.DataFrame:
        path = self.root / "outputs" / town / "private" / "data" / "01_survey_cleaning" / "cleaned.csv"
        return pd.read_csv(path, dtype={"id": str})

    def shown(self, town: str, stage: str) -> str:
        """Everything that the published notebook of a stage shows, as plain text."""
        book = json.loads((self.root / "outputs" / town / "notebooks" / f"{stage}.ipynb").read_text(encoding="utf-8"))
        outputs = [output for cell in book["cells"] for output in cell.get("outputs", [])]
        return "\n".join("".join(output["data"]["text/plain"]) for output in outputs if "data" in output)


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path, dict[str, list[Any]]], None]) -> Towns:
    """The towns that `make` makes: once in a session, whichever process asks first."""
    root, lock = shared(factory, name)
    record = root / "said.json"
    with lock.open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not record.exists():
            said: dict[str, list[Any]] = {}
            make(scratch(root), said)
            record.write_text(json.dumps(said), encoding="utf-8")
    return Towns(root, json.loads(record.read_text(encoding="utf-8")))


def ask(root: Path, said: dict[str, list[Any]], *arguments: str, **options: str) -> None:
    done = lbc(root, *arguments, *(part for name, value in options.items() for part in (f"--{name}", value)))
    said[f"{arguments[0]} {options['town']}"] = [done.returncode, done.stdout, done.stderr]


def run_all(root: Path, said: dict[str, list[Any]], towns: tuple[str, ...]) -> None:
    """Check and run every town, two at a time."""
    def one(town: str) -> None:
        ask(root, said, "check", town=town)
        ask(root, said, "run", town=town, jobs="1")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, towns))


# ---- real people --------------------------------------------------------------------------------------------------


def make_gamers(root: Path, said: dict[str, list[Any]]) -> None:
    both = ("--instrument", str(UCLA), "--instrument", str(DJG))
    first = root / "first14.csv"
    first.write_text("".join(S2.read_text(encoding="utf-8").splitlines(keepends=True)[:15]), encoding="utf-8")
    ask(root, said, "new-town", town="gamers_s1", data=str(S1), instrument=str(UCLA))
    ask(root, said, "new-town", *both, town="gamers_s2", data=str(S2))
    ask(root, said, "new-town", *both, town="gamers_first14", data=str(first))
    edit(root / "params/gamers_first14.yaml", "language: en", "language: zh")
    shutil.copytree(root / "data/gamers_s2", root / "data/gamers_s2_ucla3")
    for kind in ("yaml", "claims.yaml"):
        shutil.copy(root / f"params/gamers_s2.{kind}", root / f"params/gamers_s2_ucla3.{kind}")
    copied = root / "params/gamers_s2_ucla3.yaml"
    edit(copied, "town: gamers_s2", "town: gamers_s2_ucla3")
    edit(copied, "{scale: djg11, metric: sum}", "{scale: ucla3, metric: sum}")
    edit(copied, "difficulties: [social, emotional]", "difficulties: []")
    run_all(root, said, GAMERS)


@pytest.fixture(scope="session")
def gamers(tmp_path_factory: pytest.TempPathFactory) -> Towns:
    """Two studies of adult gamers during lockdown (Hodgetts, Williams & Butler), each with two waves."""
    if not OUTSIDE.exists():
        pytest.skip("needs ../shared/reference (data not shipped)")
    return once(tmp_path_factory, "gamers", make_gamers)


def test_new_town_says_what_it_found_and_what_it_did_not(gamers: Towns) -> None:
    code, told, _ = gamers.said["new-town gamers_s1"]
    assert code == 0
    assert "waves inside the file, first to last: before, during" in told
    assert "columns 'dass01_before' to 'dass21_before' look like a scale of 21 items that no instrument here has" in told
    assert "could not be mapped, kept but not used: dass01_before" in told
    code, told, _ = gamers.said["new-town gamers_s2"]
    assert code == 0
    assert "djg11 is taken as the measure of loneliness" in told
    assert "djg11: option 1 means the most agreement, by the columns that hold the scored answers" in told
    assert "not read, another version of items of djg11: djg1_before" in told


@pytest.mark.parametrize("town", GAMERS)
def test_every_stage_of_a_town_of_strangers_runs(gamers: Towns, town: str) -> None:
    code, told, _ = gamers.said[f"check {town}"]
    assert (code, told.splitlines()[-1]) == (0, f"{town} is ready: make all TOWN={town}")
    code, told, errors = gamers.said[f"run {town}"]
    assert (code, told) == (0, ALL_RAN), errors


def test_scores_and_reliability_are_those_of_r(gamers: Towns) -> None:
    e, tolerance = case("a10")["expected"], case("a10")["tolerance"]
    frame, ids = gamers.cleaned("gamers_s2"), pd.read_csv(S2)["id"].astype(str)
    assert frame["id"].tolist() == ids.tolist()
    assert len(frame) * 11 == e["cells"]
    for part in ("total", "social", "emotional"):
        agrees(frame[f"djg11_{part}"].tolist(), e[part], tolerance)
    agrees([frame["djg11_total"].mean(), frame["djg11_total"].std()], [e["mean_total"], e["sd_total"]], tolerance)
    agrees(frame["ucla3_total"].mean(), e["ucla3_total_mean"], tolerance)
    agrees(frame["ucla3_total"].corr(frame["djg11_total"]), e["ucla3_djg_r"], tolerance)
    alphas = gamers.table("gamers_s2", "01_reliability").query("part_en == 'total'").set_index("scale_en")["alpha"]
    agrees(alphas.tolist(), [e["ucla3_alpha"], e["kr20"]], tolerance)
    finding = gamers.finding("gamers_s2", "measurement.djg11.alpha")
    assert finding["method"].startswith("KR-20")
    agrees(finding["estimate"]["value"], e["kr20"], tolerance)
    agrees(gamers.finding("gamers_s2_ucla3", "measurement.ucla3.alpha")["estimate"]["value"], e["ucla3_alpha"], tolerance)
    items = gamers.table("gamers_s2", "01_items").set_index("item")
    agrees(items["r_rest"].tolist(), list(e["corrected_item_total"].values()), tolerance)
    agrees((items["m"] - items["ceiling"]).tolist(), [0.0] * 11, tolerance)  # of 0 and 1, the mean is the share of 1


def test_the_random_intercept_model_is_that_of_lme4(gamers: Towns) -> None:
    e, tolerance = case("d04")["expected"]["reml"], case("d04")["tolerance"]
    table = gamers.table("gamers_s1", "02_waves_by_group").set_index("term")
    fixed = table.loc[["(Intercept)", "time", "focal", "time:focal"]]
    for column, name in (("estimate", "est"), ("se", "se"), ("df", "df_satterthwaite"), ("t", "t")):
        agrees(fixed[column].tolist(), e["fixed"][name], tolerance)
    agrees(fixed["p"].tolist(), e["fixed"]["p_satterthwaite"], {"rel": 1e-4})
    below = table["estimate"]
    agrees(below[["variance between groups", "variance within groups"]].tolist(), e["random"]["var_or_cov"], tolerance)
    agrees(below["log-likelihood"], e["logLik"], tolerance)
    assert (below["n"], below["groups"]) == (e["n"], e["n_groups"])


@pytest.mark.parametrize(("name", "town", "score"), [
    ("f02", "gamers_s2_ucla3", "ucla3_total"), ("f03", "gamers_first14", "djg11_total"),
])
def test_the_change_between_the_waves_is_that_of_r(gamers: Towns, name: str, town: str, score: str) -> None:
    e, tolerance = case(name)["expected"], case(name)["tolerance"]
    found, effects, ranks = gamers.finding(town, f"comparison.{score}.waves"), e["effects"], e["wilcoxon"]
    assert found["n"] == {"pairs": e["n"]}
    agrees(found["estimate"]["value"], e["mean_diff"], tolerance)
    test = found["test"]
    agrees([test["statistic"], test["df"], test["p"], found["estimate"]["ci"]], list(e["t_test"].values()), tolerance)
    agrees(found["effect"]["value"], effects["d_z"], tolerance)
    for program in ("noncentral_effectsize", "mbess"):
        agrees(found["effect"]["ci"], effects[f"d_z_ci95_{program}"], tolerance, "d_z_ci")
    table = gamers.table(town, "02_waves").set_index("method")
    paired = ["estimate", "low", "high", "statistic", "df", "p"]
    agrees(table.loc["paired t test", paired].tolist(),
           [e["mean_diff"], *e["t_test"]["ci95"], *(e["t_test"][key] for key in ("t", "df", "p"))], tolerance)
    estimate, p = table["estimate"], table["p"]
    agrees([estimate["Cohen d_z"], estimate["Hedges g_av"], estimate["Hodges-Lehmann"], estimate["rank-biserial r"]],
           [effects["d_z"], effects["g_av_mean_sd"], ranks["hodges_lehmann_all_differences"], effects["rank_biserial"]],
           tolerance)
    agrees(table.loc["rank-biserial r", ["low", "high"]].tolist(), effects["rank_biserial_ci95"], tolerance,
           "rank_biserial_ci95")
    flips = e["sign_flip_exact_p_mean"] or e["sign_flip_exact_p_mean_perm_test_scaled"]
    agrees([p["sign-flip test, exact"], p["Wilcoxon signed-rank test, exact"], p["sign test"]],
           [flips, ranks["p_exact_zeros_dropped_exactRankTests"], e["sign_test"]["p"]], tolerance)
    agrees(table.loc["Wilcoxon signed-rank test, exact", "statistic"], ranks["V_positive"], tolerance)
    agrees(estimate["JZS Bayes factor BF10 (r = 0.707)"], e["jzs_bf10_r0.7071"], tolerance, "bf")


@pytest.mark.parametrize(("town", "file", "score", "items"), [
    ("gamers_s1", S1, "ucla3_total", [f"ucla{k}_before" for k in range(1, 4)]),
    ("gamers_s2_ucla3", S2, "ucla3_total", [f"ucla{k}_before" for k in range(1, 4)]),
    ("gamers_s2", S2, "djg11_total", [f"djg{k}_before" for k in range(1, 12)]),  # scored by the authors
])
def test_women_and_men_differ_as_scipy_says(
    gamers: Towns, town: str, file: Path, score: str, items: list[str]
) -> None:
    raw = pd.read_csv(file)
    women, men = (raw.loc[raw["sex"] == sex, items].sum(axis=1, skipna=False).dropna() for sex in ("female", "male"))
    welch = stats.ttest_ind(women, men, equal_var=False)
    found = gamers.finding(town, f"comparison.{score}.difference")
    assert found["n"] == {"boys": len(men), "girls": len(women)}
    interval, exact = welch.confidence_interval(), {"rel": 1e-9}
    agrees(found["estimate"]["value"], women.mean() - men.mean(), exact)
    agrees(found["estimate"]["ci"], [interval.low, interval.high], exact)
    agrees([found["test"][key] for key in ("statistic", "df", "p")], [welch.statistic, welch.df, welch.pvalue], exact)


@pytest.mark.parametrize(("town", "sentence"), [
    ("gamers_s1", "Group work and case work were not collected in Gamers S1."),
    ("gamers_first14", "gamers_first14未收集小组工作与个案工作。"),
])
def test_what_was_not_collected_is_said_in_the_towns_language(gamers: Towns, town: str, sentence: str) -> None:
    said = gamers.findings(town, "04_intervention_evaluation")
    assert said["not_collected"] == [{"en": "Group work and case work", "zh": "小组工作与个案工作"}]
    assert (said["findings"], said["exhibits"]) == ([], [])
    assert sentence in gamers.shown(town, "04_intervention_evaluation").splitlines()


# ---- a village, and towns of few children -------------------------------------------------------------------------


def make_villages(root: Path, said: dict[str, list[Any]]) -> None:
    ask(root, said, "simulate", town="x", children="120", seed="5")
    ask(root, said, "new-town", town="riverton", data=str(root / "data/x/raw/survey.xlsx"))
    for town, (children, *more) in SMALL.items():
        ask(root, said, "simulate", *more, town=town, children=str(children), seed="5")
    run_all(root, said, ("riverton", *SMALL))


@pytest.fixture(scope="session")
def villages(tmp_path_factory: pytest.TempPathFactory) -> Towns:
    return once(tmp_path_factory, "villages", make_villages)


def test_a_village_needs_nothing_but_its_export(villages: Towns) -> None:
    """Not a line of the drafted params and codebook is edited."""
    code, told, _ = villages.said["new-town riverton"]
    assert code == 0
    assert "scales: cls, psss, panas_c, scwbs, pssm" in told
    assert "could not be mapped, kept but not used: 11、平时和你住在一起的有谁（可多选）[多选题]" in told
    assert "asked of some children only? kept, but no predictor: 19、在外的父母一年回家几次[填空题]" in told
    assert "not read, it may tell who a child is: 来源详情, 来自IP" in told
    assert "groups: left-behind or not, from the parents' absence" in told
    code, told, _ = villages.said["check riverton"]
    assert (code, told.splitlines()[-1]) == (0, "riverton is ready: make all TOWN=riverton")
    assert "column 37、班上没有人可以和我说话[单选题]: not one of the values: 有时候吧 (set to missing)" in told
    assert "04_intervention_evaluation: group work and case work are left out of params: shown as not collected" in told
    code, told, errors = villages.said["run riverton"]
    assert (code, told) == (0, ALL_RAN), errors


def test_a_survey_alone_gives_results_but_on_the_intervention(villages: Towns) -> None:
    for stage, least in (("01_survey_cleaning", 6), ("02_group_comparison", 6), ("03_ecological_causes", 8)):
        findings = villages.findings("riverton", stage)["findings"]
        assert sum(finding["estimate"] is not None for finding in findings) >= least
    assert villages.findings("riverton", "04_intervention_evaluation")["not_collected"]
    assert villages.findings("riverton", "03_ecological_causes")["not_collected"] == [{"en": "Interviews", "zh": "访谈"}]
    shown = villages.shown("riverton", "04_intervention_evaluation")
    assert "Group work and case work were not collected in Riverton." in shown
    claims = {claim["id"]: claim for claim in villages.findings("riverton", "05_thesis_claims")["claims"]}
    assert claims["lonelier"]["evidence"] == "adjusted comparison"
    assert claims["group_works"]["verdict"] == "cannot be tested with this design"
    unread = villages.table("riverton", "01_import").set_index("problem_en")["cells"]
    assert unread.sum() == 15  # as `lbc check` counted them
    assert unread["not one of the values"] == 5


@pytest.mark.parametrize("town", SMALL)
def test_a_town_of_few_children_gets_as_far_as_its_numbers_carry(villages: Towns, town: str) -> None:
    assert villages.said[f"simulate {town}"][0] == 0
    code, told, errors = villages.said[f"run {town}"]
    assert (code, told) == (0, ALL_RAN), errors
    block = villages.finding(town, "ecology.block.family")
    assert block["estimate"] is None
    assert "complete rows are too few for" in block["reason"]
    assert villages.finding(town, "comparison.cls_total.difference")["estimate"]["ci"]
    assert villages.finding(town, "intervention.group.cls.change")["n"] == {"members": 7}
    claims = {claim["id"]: claim for claim in villages.findings(town, "05_thesis_claims")["claims"]}
    assert claims["four_levels"]["verdict"] == "cannot be tested with this design"


# ---- the same children in three kinds of file ---------------------------------------------------------------------


def form(villages: Towns) -> tuple[list[str], list[list[str]]]:
    """Headers and rows of the village's workbook as texts, read without our own reader; the blank row is left out."""
    sheet = openpyxl.load_workbook(villages.root / "data/riverton/raw/survey.xlsx").active
    header, *rows = ([("" if cell is None else str(cell)) for cell in row] for row in sheet.iter_rows(values_only=True))
    return header, [row for row in rows if any(row)]


def write_gbk(path: Path, header: list[str], rows: list[list[str]]) -> Path:
    """As Excel saves a CSV on a Chinese computer: GBK, which has no no-break space."""
    with path.open("w", encoding="gbk", newline="") as out:
        csv.writer(out).writerows([text.replace("\u00a0", " ") for text in row] for row in (header, *rows))
    return path


def write_sav(path: Path, header: list[str], rows: list[list[str]], book: Codebook) -> Path:
    """As the survey tool exports to SPSS: q1, q2, ...; headers as labels, closed questions as labelled numbers."""
    frame, labels = pd.DataFrame(rows, dtype=object).map(str.strip), {}
    frame.columns = [f"q{k}" for k in range(1, len(header) + 1)]
    by_place = dict(zip(frame, (*book.variables, None), strict=True))  # last, the tool's own sum
    for name, variable in by_place.items():
        if variable is None or variable.type not in ("choice", "number", "item") or not any(variable.values.values()):
            frame[name] = frame[name].replace({"(空)": "", "(跳过)": ""})
            continue
        number = {text: float(k) for k, texts in enumerate(variable.values.values(), start=1) for text in texts}
        frame[name] = frame[name].map(number).astype(float)  # what is no option has no place in a numeric column
        labels[name] = {float(k): texts[0] for k, texts in enumerate(variable.values.values(), start=1) if texts}
    pyreadstat.write_sav(frame, str(path), column_labels=[text.replace("\u00a0", " ") for text in header],
                         variable_value_labels=labels)
    return path


def cleaned_scores(path: Path, folder: Path, book: Codebook | None = None) -> pd.DataFrame:
    """What notebook 01 computes before it looks for careless answers; with a drafted codebook where none is given."""
    known = [instruments.load(scale) for scale in instruments.available()]
    proposal = propose(path, "riverton", known)
    (folder / "params").mkdir(parents=True)
    (folder / "params/riverton.yaml").write_text(proposal.params_text, encoding="utf-8")
    params = town_params.load(Project(folder).town("riverton"))
    if book is None:
        drafted = pd.DataFrame(proposal.codebook_rows)
        drafted.to_csv(folder / "codebook.csv", index=False, encoding="utf-8-sig")
        book = codebook.load(folder / "codebook.csv", "codebook.csv", params.survey.waves)
    frame = intake.read(path, book, path.name, expected_rows=params.survey.expected_rows).frame
    frame, _ = cleaning.consent(frame, book, required=params.cleaning.consent)
    frame, _ = cleaning.blank_or_test(frame, book)
    frame, _ = cleaning.usable_ids(frame, book)
    frame, _ = cleaning.duplicates(frame, book, params.cleaning.duplicates)
    frame = derive.derive(frame, book, params)
    scales = scores.battery(book, None)
    scored = scores.score_all(frame, book, scales, scores.directions(frame, book, scales), params)
    parts = [f"{name}_{part}" for name, scale in scales.items() for part in ("total", *scale.subscales)]
    return scored.set_index("id")[["left_behind", *(part for part in sorted(parts) if part in scored)]].sort_index()


def test_the_kind_of_file_changes_no_score(villages: Towns, tmp_path: Path) -> None:
    header, rows = form(villages)
    own = codebook.load(villages.root / "data/x/codebook.csv", "codebook.csv")
    workbook = villages.root / "data/riverton/raw/survey.xlsx"
    by_hand = cleaned_scores(workbook, tmp_path / "by_hand", own)
    files = {"xlsx": workbook, "csv": write_gbk(tmp_path / "survey.csv", header, rows),
             "sav": write_sav(tmp_path / "survey.sav", header, rows, own)}
    assert len(by_hand) > 110
    assert by_hand["cls_total"].notna().mean() > 0.9
    for kind, path in files.items():
        found = cleaned_scores(path, tmp_path / kind)
        pd.testing.assert_frame_equal(found, by_hand, check_exact=True, obj=kind)
    published = villages.cleaned("riverton").set_index("id")
    assert np.array_equal(published["cls_total"], by_hand.loc[published.index, "cls_total"])
