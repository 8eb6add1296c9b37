"""The verbs of the command line in this process: check, new-town, accept, verify, report, status."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny

from lbc import cli
from lbc.errors import UserError
from lbc.paths import Project, Town
from lbc.pipeline import accept, check, manifest, report, verify
from lbc.pipeline.compare import Compared

SURVEY = tiny.ROOT / "data" / "s_town" / "raw" / "survey.xlsx"


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """`main` takes SIGTERM for itself; afterwards it belongs to pytest again."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The miniature project after a run; copy it to change it."""
    root = tiny.make(tmp_path_factory.mktemp("verbs") / "root")
    done = tiny.lbc(root, "run")
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def root(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "root"
    shutil.copytree(finished, copy, symlinks=True)
    monkeypatch.setenv("LBC_ROOT", str(copy))
    return copy


def town(root: Path, name: str = "s_town") -> Town:
    return Project(root).town(name)


# ---- new-town and check ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("drafted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LBC_ROOT", str(root))
        assert cli.main(["new-town", "--town", "riverton", "--data", str(SURVEY)]) == 0
    return root


@pytest.fixture
def riverton(drafted: Path, tmp_path: Path) -> Town:
    shutil.copytree(drafted, tmp_path / "town")
    return town(tmp_path / "town", "riverton")


def test_a_drafted_town_has_only_notes(riverton: Town, capsys: pytest.CaptureFixture[str]) -> None:
    assert check.check(riverton) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[-1] == "riverton is ready: make all TOWN=riverton"
    assert "note  03_ecological_causes: interviews are left out of params: shown as not collected" in shown
    assert "note  04_intervention_evaluation: group work and case work are left out of params: shown as not collected" in shown
    forms = next(line for line in shown if "data/riverton/raw/survey.xlsx" in line)
    assert " forms, " in forms


def test_check_names_every_mistake_at_once(riverton: Town, capsys: pytest.CaptureFixture[str]) -> None:
    text = riverton.params.read_text(encoding="utf-8")
    wrong = {'"variable": "left_behind"': '"variable": "qqqqqq"', "covariates: [girl, grade, age]": "covariates: [girl, agee]",
             "cluster: class ": "cluster: clas "}
    assert "\ninterviews:" not in text
    for right, slip in wrong.items():
        assert text.count(right) == 1
        text = text.replace(right, slip)
    more = "\ninterviews: {file: raw/talks.csv}\n"
    resurvey = text.replace("survey:\n", "survey:\n  resurvey: raw/again.csv\n", 1)
    riverton.params.write_text(resurvey + more, encoding="utf-8")
    riverton.claims.unlink()
    assert check.check(riverton) == 2
    shown = capsys.readouterr().out
    for line in (
        "mend  params/riverton.claims.yaml: there is no such file",
        "mend  params/riverton.yaml: comparison.group.variable: no variable is called 'qqqqqq'",
        "mend  params/riverton.yaml: comparison.covariates: no variable is called 'agee'; did you mean 'age'?",
        "mend  params/riverton.yaml: comparison.cluster: no variable is called 'clas'; did you mean 'class'?",
        "mend  data/riverton/raw/again.csv: there is no such file",
        "note  03_ecological_causes: data/riverton/raw/talks.csv missing: shown as not collected",
        "5 to mend; then run again: make check TOWN=riverton",
    ):
        assert line in shown, line


def test_check_goes_on_where_it_can(riverton: Town) -> None:
    broken = riverton.codebook.read_text(encoding="utf-8-sig").splitlines()
    riverton.codebook.write_text("\n".join([broken[0], *(line for line in broken[1:] if not line.startswith("cls_"))]), encoding="utf-8")
    found = check.inspect(riverton)
    assert any("no column is an item of 'cls'" in text for text in found.mend)
    riverton.codebook.write_text("variable,column\n", encoding="utf-8")
    found = check.inspect(riverton)
    assert len(found.mend) == 1
    assert "column 'type' is missing" in found.mend[0]
    assert any(text.startswith("03_ecological_causes") for text in found.notes)  # said all the same
    riverton.params.write_text("town: [", encoding="utf-8")
    assert len(check.inspect(riverton).mend) == 1


def test_what_could_not_be_read_is_cut_short(riverton: Town) -> None:
    (note,) = [text for text in check.inspect(riverton).notes if "survey.xlsx" in text]
    lines = note.splitlines()
    assert len(lines) == check.MOST_ROWS + 2
    assert lines[-1].startswith("  ... and ")


@pytest.mark.parametrize(("arguments", "message"), [
    (["--data", "nothing.xlsx"], "nothing.xlsx"),
    (["--data", str(SURVEY), "--instrument", "nothing.yaml"], "nothing.yaml"),
])
def test_a_town_is_drafted_whole_or_not_at_all(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert cli.main(["new-town", "--town", "hill", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (root / "params/hill.yaml").exists()
    assert not (root / "data/hill").exists()


def test_an_existing_town_is_never_overwritten(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (root / "params/s_town.yaml").read_bytes()
    assert cli.main(["new-town", "--town", "s_town", "--data", str(SURVEY)]) == 2
    assert "the town 's_town' exists already" in capsys.readouterr().err
    assert (root / "params/s_town.yaml").read_bytes() == before


# ---- status, accept, report --------------------------------------------------------------------------------------


def test_status_of_every_stage(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status"]) == 0
    assert capsys.readouterr().out.count(" current") == 5
    (root / "data/s_town/raw/survey.xlsx").write_text("3\n4\n6\n", encoding="utf-8")
    cli.main(["status"])
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("01_survey_cleaning          out of date: ")
    assert all("out of date" in line for line in shown[1:])


def test_a_run_with_nothing_to_do(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--jobs", "1"]) == 0
    assert "5" in capsys.readouterr().out.splitlines()[-1]


def test_what_moved_is_shown_before_it_is_accepted(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = town(root)
    assert accept.read(here) == {"findings": {}, "claims": {}, "files": {}}
    assert cli.main(["accept"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "cleaning.flow: new, 3"
    assert shown[1] == "comparison.points: new, 5 [1.5, 7.25], p = 0.0625"
    assert shown[2] == "claim lonelier: was 'not there', now 'supported': \"The mean is 5.00.\""
    assert shown[-1].startswith("accepted: 2 findings, 1 claims, ")
    cli.main(["accept"])
    assert capsys.readouterr().out.splitlines()[0] == "no number moved"
    kept = accept.read(here)
    assert kept["findings"]["comparison.points"] == {"value": 5.0, "ci": [1.5, 7.25], "p": 0.0625}
    executed = json.loads((root / "notebooks/02_group_comparison.ipynb").read_text(encoding="utf-8"))
    assert any(cell.get("execution_count") for cell in executed["cells"])  # the town's own notebooks are put in place


def test_nothing_out_of_date_is_accepted(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "data/s_town/raw/survey.xlsx").write_text("9\n", encoding="utf-8")
    assert cli.main(["accept"]) == 2
    assert "only what the present inputs give can be accepted" in capsys.readouterr().err
    assert not town(root).accepted.exists()


def numbers(value: float | None, ci: Any = None, p: float | None = None) -> dict[str, Any]:
    return {"value": value, "ci": ci, "p": p}


def test_moves_in_words() -> None:
    old = {
        "findings": {"a": numbers(1.0, [0.5, None]), "b": numbers(2.0), "gone": numbers(3.0)},
        "claims": {"c": {"verdict": "supported", "sentence": "S."}, "d": {"verdict": "supported", "sentence": "D."}},
    }
    new = {
        "findings": {"a": numbers(None), "b": numbers(2.0), "n": numbers(0.25, p=0.04)},
        "claims": {"c": {"verdict": "not supported", "sentence": "T."}},
    }
    assert accept.moves(old, new) == [
        "a: was 1 [0.5, open], now not estimable", "gone: gone", "n: new, 0.25, p = 0.04",
        "claim c: was 'supported', now 'not supported': \"T.\"", "claim d: was 'supported', now 'gone': \"D.\""]
    assert accept.moves(new, new) == []


@pytest.mark.parametrize("text", ["{", "[]", '{"findings": {}}', '{"findings": 3, "claims": {}, "files": {}}'])
def test_a_broken_reference_is_no_reference(root: Path, text: str) -> None:
    town(root).accepted.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"^outputs/s_town/accepted.json: this is not an accepted reference"):
        accept.read(town(root))


def test_the_town_that_the_notebooks_are_committed_for(root: Path) -> None:
    assert accept.default_town(Project(root)) == "s_town"
    tiny.write_notebook(root / "notebooks/01_survey_cleaning.ipynb", [tiny.cell("1")])
    assert accept.default_town(Project(root)) is None
    (root / "notebooks/01_survey_cleaning.ipynb").unlink()
    assert accept.default_town(Project(root)) is None


def test_a_report_of_the_last_run_says_when_it_is_old(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "data/s_town/raw/survey.xlsx").write_text("9\n", encoding="utf-8")
    assert cli.main(["report"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("4 printed statistics: 4 recomputed and right, 0 wrong, 0 that cannot")
    assert "open  outputs/index.html  (all towns)\n      outputs/s_town/report/index.html  (" in shown.out
    assert "note: 01_survey_cleaning is out of date (" in shown.err
    assert "The mean is 5.00." in _text(root / "outputs/s_town/report/index.html")
    (root / "outputs/s_town/private/report/03_ecological_causes.ipynb").unlink()
    assert cli.main(["report"]) == 2
    assert "03_ecological_causes was not run here yet" in capsys.readouterr().err


def _text(page: Path) -> str:
    from lbc.reporting import site

    return re.sub(r"\s+", " ", site.text(page.read_text(encoding="utf-8")))


def test_a_report_is_written_once_and_mended_when_touched(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report"]) == 0
    first = capsys.readouterr().out
    pages = {path: path.read_bytes() for folder in report.FOLDERS
             for path in (root / "outputs/s_town" / folder).rglob("*") if path.is_file()}
    recorded = manifest.report(town(root))["outputs"]
    assert {path.relative_to(root / "outputs/s_town").as_posix() for path in pages} == set(recorded)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "_make", lambda _: pytest.fail("made again although nothing changed"))
        assert cli.main(["report"]) == 0
    assert capsys.readouterr().out == first
    index = root / "outputs/s_town/report/index.html"
    index.write_text("by hand", encoding="utf-8")
    assert cli.main(["report"]) == 0
    assert {path: path.read_bytes() for path in pages} == pages
    assert cli.main(["run"]) == 0
    assert manifest.report(town(root))["outputs"] == recorded  # a run keeps the report's entry


def test_a_printed_p_that_is_wrong_is_said_every_time(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = root / "outputs/s_town/findings/02_group_comparison.json"
    document = json.loads(place.read_text(encoding="utf-8"))
    wrong = "t(100) = 2.50, p = .300"
    document["printed"] = {"02_group_comparison, sentence 9": {"en": wrong, "zh": wrong}}
    place.write_text(json.dumps(document), encoding="utf-8")
    for _ in range(2):
        assert cli.main(["report"]) == 1
        assert "2 wrong" in (shown := capsys.readouterr().out)
        assert f"02_group_comparison, sentence 9 (en): {wrong}: " in shown


# ---- verify ------------------------------------------------------------------------------------------------------


def test_a_fresh_run_is_held_against_the_published_one(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["accept"]) == 0
    reference = json.loads(town(root).accepted.read_text(encoding="utf-8"))
    reference["findings"]["comparison.points"]["value"] = 4.0
    reference["findings"]["old.one"] = numbers(1.0)
    del reference["findings"]["cleaning.flow"]
    reference["claims"]["lonelier"]["verdict"] = "not supported"
    reference["claims"]["old"] = {"verdict": "supported", "sentence": "S."}
    town(root).accepted.write_text(json.dumps(reference), encoding="utf-8")
    capsys.readouterr()
    assert cli.main(["verify", "--jobs", "2"]) == 1
    shown = capsys.readouterr().out
    row = next(line.split() for line in shown.splitlines() if line.startswith("accepted"))
    assert row == ["accepted", "0", "0", "2", "2", "1"]  # same, close, differ, gone, new
    assert "THE RESULTS DIFFER. The first difference:\n" in shown
    findings = next(line.split() for line in shown.splitlines() if line.startswith("findings"))
    assert findings[2:] == ["0", "0", "0", "0"]
    assert next(line for line in shown.splitlines() if line.startswith("notebooks")).split()[1] == "5"


def test_nothing_to_compare_with(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(root / "outputs/s_town")
    assert cli.main(["verify"]) == 2
    assert "'s_town' has no results to compare with" in capsys.readouterr().err


def test_a_fresh_run_that_fails_compares_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny.write_stage(root, "02_group_comparison", ["1 / 0"])
    assert cli.main(["verify"]) == 3
    shown = capsys.readouterr()
    assert "the results cannot be compared: the fresh run failed" in shown.out
    assert "ZeroDivisionError: division by zero" in shown.err


def test_files_changed_by_hand_are_found(root: Path) -> None:
    here = town(root)
    assert {item.verdict for item in verify.integrity(here)} == {"same"}
    (here.outputs / "findings/02_group_comparison.json").write_text("{}", encoding="utf-8")
    (here.outputs / "findings/03_ecological_causes.json").unlink()  # may simply not be committed
    changed = [item for item in verify.integrity(here) if item.verdict != "same"]
    assert [(item.kind, item.place, item.verdict) for item in changed] == [
        ("recorded files", "findings/02_group_comparison.json", "differs")]


def test_pages_changed_by_hand_are_found(root: Path) -> None:
    here = town(root)
    page = here.outputs / "report" / "index.html"
    page.parent.mkdir()
    page.write_text("<p>as written", encoding="utf-8")
    manifest.write_report(here, {"outputs": {"report/index.html": manifest.digest(page)}})
    assert {item.verdict for item in verify.integrity(here)} == {"same"}
    page.write_text("<p>better numbers", encoding="utf-8")
    assert [item.place for item in verify.integrity(here) if item.verdict != "same"] == ["report/index.html"]


def test_the_report_of_a_comparison() -> None:
    same = verify.report([Compared("findings", "a", "same"), Compared("claims", "b", "same")])
    assert same.splitlines()[1].split() == ["findings", "1", "0", "0", "0", "0"]
    assert same.endswith("\n\nThe results are the same.")
    close = verify.report([Compared("findings", f"a{i}", "close") for i in range(7)])
    assert close.count("\n  ") == 5
    assert "equal within 1e-9 but not exactly" in close
    many = verify.report([Compared("tables", f"t{i}", "missing") for i in range(12)])
    assert "THE RESULTS DIFFER" in many
    assert "and 11 more:" in many
    assert "t9" in many
    assert "t10" not in many


# ---- the rest of the command line --------------------------------------------------------------------------------


def test_params_are_described_from_the_model(root: Path) -> None:
    assert cli.main(["params-readme"]) == 0
    text = (root / "params/README.md").read_text(encoding="utf-8")
    assert "comparison.group.variable" in text or "`group`" in text
    assert (tiny.ROOT / "params/README.md").read_text(encoding="utf-8") == text  # the committed one is up to date


def test_the_package_runs_as_a_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["lbc", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("lbc", run_name="__main__")
    assert ended.value.code == 0
    assert "exit codes: 0 fine" in capsys.readouterr().out


def test_a_fault_of_ours_is_owned(monkeypatch: pytest.MonkeyPatch, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("upside down")

    monkeypatch.setattr(check, "check", broken)
    assert cli.main(["check"]) == 3
    assert capsys.readouterr().err.startswith("internal error: RuntimeError: upside down\n  this is our fault, not yours\n")
    with pytest.raises(RuntimeError, match="upside down"):
        cli.main(["check", "--debug"])


def test_simulated_data_are_made_where_the_project_is(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from lbc.survey import simulate

    asked: list[Any] = []
    monkeypatch.setattr(simulate, "make_town", lambda *args, **more: asked.append((args[1:], more)))
    assert cli.main(["simulate", "--town", "other", "--children", "30", "--no-effect"]) == 0
    assert asked == [(("other", 30, 20260901), {"effect": False})]
    assert capsys.readouterr().out == "data/other is made; next: make all TOWN=other\n"
