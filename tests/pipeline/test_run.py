"""Running: what is current is skipped, what reads a change runs, a failure stops only what needs it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
import tiny

NOTHING = "0 run, 5 current, 0 failed, 0 blocked\n"


def test_nothing_to_do_is_fast_and_silent_even_when_every_file_is_touched(root: Path) -> None:
    before = tiny.snapshot(root)
    for number, path in enumerate(sorted(root.rglob("*"))):
        os.utime(path, (2_000_000_000 - number, 2_000_000_000 - number))
    began = time.perf_counter()
    again = tiny.lbc(root, "run")
    assert time.perf_counter() - began < 2
    assert (again.returncode, again.stdout, again.stderr) == (0, NOTHING, "")
    assert tiny.snapshot(root) == before
    assert [line.split()[1] for line in tiny.lbc(root, "status").stdout.splitlines()] == ["current"] * 5


def test_a_run_with_nothing_to_do_imports_nothing_heavy(root: Path) -> None:
    listed = tiny.lbc(root, "run", python=["-X", "importtime"]).stderr
    assert "lbc.pipeline.manifest" in listed
    heavy = ("pandas", "numpy", "papermill", "nbformat", "matplotlib", "jupyter_client")
    assert [name for name in heavy if f"| {name}\n" in listed.replace("|   ", "| ")] == []


def test_another_locale_time_zone_hash_seed_and_no_home_give_the_same_bytes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tiny.snapshot(root)
    (root / "outputs/s_town/manifest.json").unlink()
    for name, value in {"LC_ALL": "C", "TZ": "Asia/Shanghai", "PYTHONHASHSEED": "42", "HOME": "/nowhere"}.items():
        monkeypatch.setenv(name, value)
    assert tiny.lbc(root, "run", "--jobs", "1").stdout == "5 run, 0 current, 0 failed, 0 blocked\n"
    assert tiny.snapshot(root) == before


def test_a_changed_value_runs_only_what_read_it(root: Path) -> None:
    tiny.edit(root / "params/s_town.yaml", "# fixed before anybody", "# fixed long before anybody")
    assert tiny.lbc(root, "run").stdout == NOTHING
    tiny.edit(root / "params/s_town.yaml", "longstring: 12", "longstring: 10")
    status = tiny.lbc(root, "status").stdout.splitlines()
    assert status[0].endswith("out of date: params cleaning.careless.longstring changed from 12 to 10")
    assert status[1].endswith("out of date: 01_survey_cleaning runs first")
    done = tiny.lbc(root, "run")
    assert done.stdout == "1 run, 4 current, 0 failed, 0 blocked\n"  # what 01 gives on has not changed
    assert "01_survey_cleaning  runs: params cleaning.careless.longstring changed from 12 to 10" in done.stderr


def test_changed_data_run_everything_that_depends(root: Path) -> None:
    (root / "data/s_town/raw/survey.xlsx").write_text("3\n4\n6\n", encoding="utf-8")
    done = tiny.lbc(root, "run")
    assert "runs: data/s_town/raw/survey.xlsx changed" in done.stderr
    # 04 only asks whether there is a resurvey: it stays; 05 reads 02's finding
    assert done.stdout == "4 run, 1 current, 0 failed, 0 blocked\n"


def test_a_missing_or_changed_output_is_made_again(root: Path) -> None:
    before = tiny.snapshot(root)
    (root / "outputs/s_town/findings/02_group_comparison.json").unlink()
    (root / "outputs/s_town/notebooks/03_ecological_causes.ipynb").write_bytes(b"{}")
    done = tiny.lbc(root, "run")
    assert done.stdout == "2 run, 3 current, 0 failed, 0 blocked\n"
    assert "findings/02_group_comparison.json is missing" in done.stderr
    assert "notebooks/03_ecological_causes.ipynb changed" in done.stderr
    assert tiny.snapshot(root) == before


def test_a_file_that_a_stage_asked_for_and_did_not_find_counts_when_it_appears(root: Path) -> None:
    cells = [*tiny.STAGES["01_survey_cleaning"], 'stage.keep("resurvey", frame)']
    tiny.write_stage(root, "01_survey_cleaning", cells)
    done = tiny.lbc(root, "run")
    assert done.stdout == "2 run, 3 current, 0 failed, 0 blocked\n"
    assert "01_survey_cleaning  runs: notebooks/01_survey_cleaning.ipynb changed" in done.stderr
    assert "04_intervention_evaluation  runs: private/data/01_survey_cleaning/resurvey.csv appeared" in done.stderr


def test_a_failing_stage_blocks_only_what_needs_it(root: Path) -> None:
    before = tiny.snapshot(root)
    tiny.write_stage(root, "02_group_comparison", ["number = 1", "number / 0"])
    tiny.write_stage(root, "04_intervention_evaluation", tiny.STAGES["04_intervention_evaluation"], card=False)
    tiny.edit(root / "params/s_town.yaml", "bootstrap: 1000", "bootstrap: 900")
    done = tiny.lbc(root, "run")
    assert done.returncode == 3
    assert done.stdout == "1 run, 1 current, 2 failed, 1 blocked\n"
    assert "Traceback" not in done.stderr
    messages = sorted(done.stderr.split("\n\n")[1:])
    place = "notebooks/02_group_comparison.ipynb, cell 5"
    assert messages[0].startswith(f"{place}: ZeroDivisionError: division by zero\n")
    assert "outputs/s_town/private/failed/02_group_comparison.ipynb" in messages[0]
    assert "04_intervention_evaluation has no report card" in messages[1]
    failed = root / "outputs/s_town/private/failed/02_group_comparison.ipynb"
    assert "ZeroDivisionError" in failed.read_text(encoding="utf-8")
    kept = "outputs/s_town/findings/02_group_comparison.json"
    assert tiny.snapshot(root)[kept] == before[kept]
    assert statuses(root) == ["ok", "failed", "ok", "failed", "blocked"]
    for stage in ("02_group_comparison", "04_intervention_evaluation"):
        tiny.write_stage(root, stage, tiny.STAGES[stage])
    assert tiny.lbc(root, "run").stdout == NOTHING  # mended by going back: the kept outputs are the right ones
    assert statuses(root) == ["ok"] * 5


def test_a_failure_is_told_in_the_words_that_help(root: Path) -> None:
    raiser = 'import lbc.errors\nraise lbc.errors.IntakeError("a column is missing", "raw/survey.xlsx", fix="add it")'
    tiny.write_stage(root, "02_group_comparison", ['import warnings\nwarnings.warn("look here")'])
    tiny.write_stage(root, "03_ecological_causes", [raiser])
    tiny.write_stage(root, "04_intervention_evaluation", ["import os", "os.kill(os.getpid(), 9)"])
    done = tiny.lbc(root, "run")
    assert (done.returncode, done.stdout) == (3, "0 run, 1 current, 3 failed, 1 blocked\n")
    assert "notebooks/02_group_comparison.ipynb, cell 4: UserWarning: look here\n" in done.stderr
    place = "notebooks/03_ecological_causes.ipynb, cell 4"
    assert f"raw/survey.xlsx: a column is missing\n  fix: add it\n  in: {place}\n" in done.stderr
    assert "notebooks/04_intervention_evaluation.ipynb, cell 5: the kernel: it died (out of memory?)" in done.stderr
    assert max(len(message.splitlines()) for message in done.stderr.split("\n\n")[1:]) <= 6


def statuses(root: Path) -> list[str]:
    manifest = json.loads((root / "outputs/s_town/manifest.json").read_text(encoding="utf-8"))
    return [entry["status"] for entry in manifest["stages"].values()]
