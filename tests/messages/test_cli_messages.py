"""A project is broken in one way, a command is given, and what it prints is read: what, where, and how to mend."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import tiny


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tiny.make(tmp_path / "root")


def test_help_names_every_verb_and_the_exit_codes(root: Path) -> None:
    shown = tiny.lbc(root, "--help").stdout
    for verb in ("run", "status", "verify", "accept", "check", "plan", "report", "new-town", "simulate", "params-readme"):
        assert re.search(rf"^    {verb}\b", shown, re.M)
    assert "exit codes: 0 fine" in shown


@pytest.mark.parametrize("arguments", [(), ("rnu",), ("run", "--jobs", "0"), ("new-town",), ("run", "--twon", "x")])
def test_a_wrong_command_is_the_users_mistake(root: Path, arguments: tuple[str, ...]) -> None:
    done = tiny.lbc(root, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", ["run", "status", "verify", "accept", "check", "plan", "report"])
def test_a_town_that_does_not_exist(root: Path, verb: str) -> None:
    done = tiny.lbc(root, verb, "--town", "riverton")
    assert done.returncode == 2
    assert done.stderr == (
        "params/riverton.yaml: there is no town 'riverton'\n"
        "  why: towns here: s_town\n"
        "  fix: make new-town TOWN=riverton DATA=your_survey.xlsx\n")
    assert not (root / "outputs/riverton").exists()


def test_a_town_whose_name_is_a_path(root: Path) -> None:
    done = tiny.lbc(root, "run", "--town", "../elsewhere")
    assert done.returncode == 2
    assert done.stderr.startswith("'../elsewhere' cannot be the name of a town\n  why: a town's name is also")


def test_every_mistake_of_params_at_once_and_nothing_runs(root: Path) -> None:
    tiny.edit(root / "params/s_town.yaml", "longstring: 12", "longstrin: 12")
    tiny.edit(root / "params/s_town.yaml", "seed: 20260901", "seed: -1")
    for verb in ("run", "status"):
        done = tiny.lbc(root, verb)
        assert done.returncode == 2
        assert done.stdout == ""
        first, *rest = done.stderr.splitlines()
        assert first == "params/s_town.yaml: 2 mistakes"
        assert rest[0].startswith("  params/s_town.yaml:7: seed: found -1; allowed:")
        assert rest[1].endswith("cleaning.careless.longstrin: unknown key; did you mean 'longstring'?")
    assert list((root / "outputs").iterdir()) == []


def test_a_survey_that_is_not_there(root: Path) -> None:
    (root / "data/s_town/raw/survey.xlsx").unlink()
    done = tiny.lbc(root, "run")
    assert done.returncode == 2
    assert done.stderr == (
        "params/s_town.yaml: there is no data/s_town/raw/survey.xlsx\n"
        "  why: every stage starts from the survey\n"
        "  fix: put it there; make check TOWN=s_town says what else is needed\n")


def test_a_notebook_that_is_none(root: Path) -> None:
    (root / "notebooks/01_survey_cleaning.ipynb").write_text("{}", encoding="utf-8")
    done = tiny.lbc(root, "run")
    assert done.returncode == 2
    assert "notebooks/01_survey_cleaning.ipynb: this is not a notebook\n  fix: restore it" in done.stderr


def test_a_fault_of_ours_is_owned_and_a_traceback_comes_only_with_debug(root: Path) -> None:
    (root / "outputs/s_town").write_text("a file where a folder must be", encoding="utf-8")
    plain, debug = tiny.lbc(root, "run"), tiny.lbc(root, "run", "--debug")
    assert plain.returncode == 3
    assert plain.stderr.splitlines()[0].startswith("internal error: FileExistsError: ")
    assert "--debug" in plain.stderr
    assert "Traceback" not in plain.stderr
    assert "Traceback" in debug.stderr


def test_accept_and_report_before_the_first_run(root: Path) -> None:
    assert "01_survey_cleaning is out of date: never run" in tiny.lbc(root, "accept").stderr
    assert tiny.lbc(root, "report").stderr == (
        "outputs/s_town: 01_survey_cleaning was not run here yet\n  fix: make all TOWN=s_town\n")


def test_status_says_why(root: Path) -> None:
    done = tiny.lbc(root, "status")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "01_survey_cleaning          out of date: never run"


def test_check_lists_everything_to_mend_at_once(root: Path) -> None:
    tiny.edit(root / "params/s_town.yaml", "covariates: [girl, grade, age,", "covariates: [girl, grad, age,")
    (root / "data/s_town/codebook.csv").write_text(
        "variable,column,type,scale,item\nx,x,number,,\ncls_01,q1,item,cls,1\nid,id,id,,\n", encoding="utf-8")
    done = tiny.lbc(root, "check")
    assert done.returncode == 2
    assert "mend  params/s_town.claims.yaml: there is no such file" in done.stdout
    assert ("mend  params/s_town.yaml: comparison.covariates: no variable is called 'grad'; did you mean 'grade'?"
            in done.stdout)
    assert "mend  data/s_town/raw/resurvey.csv: there is no such file" in done.stdout
    assert "mend  data/s_town/raw/survey.xlsx: " in done.stdout  # a text file that is called xlsx
    assert "note  04_intervention_evaluation: data/s_town/raw/group_measures.csv" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("to mend; then run again: make check TOWN=s_town")


def test_the_committed_town_passes_its_check() -> None:
    done = tiny.lbc(tiny.ROOT, "check")
    assert done.returncode == 0, done.stdout
    assert "mend" not in done.stdout
    assert done.stdout.endswith("s_town is ready: make all TOWN=s_town\n")


def test_a_plan_that_cannot_be_tested_names_its_place(root: Path) -> None:
    path = root / "params/s_town.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "plan: {children: 20, classes: 12, share: 0.05}\n", encoding="utf-8")
    shutil.rmtree(root / "data")
    done = tiny.lbc(root, "plan")
    assert done.returncode == 2
    assert done.stderr == (
        "params/s_town.yaml: 20 children in 12 classes are too few to compare two groups\n"
        "  why: what is planned cannot be tested at all\n"
        "  fix: mend plan: and intervention: in the params; params/README.md explains both\n")
    assert not (root / "outputs/s_town").exists()
    tiny.edit(path, "classes: 12", "clases: 12")
    assert "plan.clases: unknown key; did you mean 'classes'?" in tiny.lbc(root, "plan").stderr


def test_new_town_refuses_before_it_writes(root: Path, tmp_path: Path) -> None:
    before = sorted(path.relative_to(root) for path in root.rglob("*"))
    exists = tiny.lbc(root, "new-town", "--town", "s_town", "--data", str(tmp_path / "x.xlsx"))
    assert exists.returncode == 2
    assert exists.stderr.startswith("params/s_town.yaml: the town 's_town' exists already\n")
    absent = tiny.lbc(root, "new-town", "--town", "riverton", "--data", str(tmp_path / "x.xlsx"))
    assert absent.returncode == 2
    assert absent.stderr == (f"{tmp_path}/x.xlsx: there is no such file\n"
                             "  fix: make new-town TOWN=riverton DATA=file\n")
    assert sorted(path.relative_to(root) for path in root.rglob("*")) == before


def test_params_readme_is_what_the_model_says(root: Path) -> None:
    assert tiny.lbc(root, "params-readme").returncode == 0
    assert (root / "params/README.md").read_bytes() == (tiny.ROOT / "params/README.md").read_bytes()
