"""Deciding, publishing and counting without kernels: jobs are faked, folders and manifest are real."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shutil
import signal
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import tiny

from lbc import cli
from lbc.errors import IntakeError, StageFailedError
from lbc.paths import Project, Town
from lbc.pipeline import commit, manifest, runner
from lbc.pipeline.graph import STAGES
from lbc.pipeline.runner import Job


class Here:
    """An executor that runs a job at once, as a cluster would later."""

    def __init__(self) -> None:
        self.jobs: list[str] = []

    def submit(self, function: Callable[[Job], dict[str, Any]], job: Job) -> Future[dict[str, Any]]:
        self.jobs.append(job.stage)
        future: Future[dict[str, Any]] = Future()
        try:
            future.set_result(function(job))
        except Exception as error:
            future.set_exception(error)
        return future

    def shutdown(self) -> None:
        self.jobs.append("shutdown")


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Project(tiny.make(tmp_path / "root")).town("s_town")


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What each stage writes, {name: text}, or the error that it stops with."""
    plan: dict[str, Any] = {stage: {f"findings/{stage}.json": "{}"} for stage in STAGES}

    def execute(job: Job) -> dict[str, Any]:
        what = plan[job.stage]
        if isinstance(what, Exception):
            raise what
        for name, text in what.items():
            (job.staging / name).parent.mkdir(parents=True, exist_ok=True)
            (job.staging / name).write_text(text, encoding="utf-8")
        source = manifest.source_hash(job.root / "notebooks" / f"{job.stage}.ipynb")
        lock = manifest.digest(Project(job.root).lock)
        return {"params": {}, "raw": {}, "upstream": {}, "lbc": {}, "notebook": source, "lock": lock}

    monkeypatch.setattr(runner, "execute", execute)
    return plan


def test_stages_go_to_the_executor_in_order_of_need(town: Town, works: dict[str, Any]) -> None:
    here = Here()
    assert runner.run(town, executor=here).line == "5 run, 0 current, 0 failed, 0 blocked"
    assert here.jobs == [*STAGES, "shutdown"]
    assert runner.run(town, executor=Here()).line == "0 run, 5 current, 0 failed, 0 blocked"
    assert not (town.outputs / ".staging").exists()
    assert not (town.outputs / ".journal.json").exists()


def test_outputs_that_are_not_made_any_more_are_deleted(town: Town, works: dict[str, Any]) -> None:
    works[STAGES[1]] = {"tables/02_a.csv": "1", "tables/02_b.csv": "2"}
    runner.run(town, executor=Here())
    (town.outputs / "tables/mine.csv").write_text("not ours", encoding="utf-8")
    works[STAGES[1]] = {"tables/02_b.csv": "3"}
    (town.outputs / "tables/02_b.csv").unlink()
    assert runner.run(town, executor=Here()).line == "1 run, 4 current, 0 failed, 0 blocked"
    assert sorted(p.name for p in (town.outputs / "tables").iterdir()) == ["02_b.csv", "mine.csv"]
    assert (town.outputs / "tables/02_b.csv").read_text(encoding="utf-8") == "3"


@pytest.mark.parametrize(("stop", "code", "words"), [
    (IntakeError("a column is missing", "survey.xlsx", fix="add it"), 2, "survey.xlsx: a column is missing"),
    (StageFailedError("ValueError: x", "notebooks/02, cell 3"), 3, "notebooks/02, cell 3: ValueError: x"),
    (RuntimeError("unforeseen"), 3, "02_group_comparison stopped: RuntimeError: unforeseen"),
    (OSError(errno.ENOSPC, "No space left on device", "outputs/x"), 3, "could not be written: No space left"),
])
def test_what_stops_a_stage_and_what_goes_on(
    town: Town, works: dict[str, Any], stop: Exception, code: int, words: str
) -> None:
    works[STAGES[1]] = stop
    outcome = runner.run(town, executor=Here())
    assert outcome.line == "3 run, 0 current, 1 failed, 1 blocked"
    assert outcome.exit_code == code
    assert words in str(outcome.failures[STAGES[1]])
    assert runner.status(town)[STAGES[1]] == "failed when it last ran"
    assert [entry["status"] for entry in manifest.read(town).values()] == ["ok", "failed", "ok", "ok", "blocked"]


def test_a_full_disk_while_publishing_leaves_what_was_there(
    town: Town, works: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    works[STAGES[0]] = {"findings/a.json": "old"}
    runner.run(town, executor=Here())
    works[STAGES[0]] = {"findings/a.json": "new"}
    (town.outputs / "findings/a.json").write_text("changed", encoding="utf-8")

    def full(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(manifest, "replace", full)
    monkeypatch.setenv("LBC_ROOT", str(town.project.root))
    assert cli.main(["run"]) == 3
    assert (town.outputs / "findings/a.json").read_text(encoding="utf-8") == "changed"
    monkeypatch.undo()
    commit.heal(town)
    assert json.loads(town.manifest.read_text(encoding="utf-8"))["stages"][STAGES[0]]["status"] == "ok"


def test_a_journal_is_completed_by_the_next_command(town: Town, works: dict[str, Any]) -> None:
    runner.run(town, executor=Here())
    staged = commit.staging(town, STAGES[2])
    (staged / "tables").mkdir(parents=True)
    (staged / "tables/03_a.csv").write_text("1", encoding="utf-8")  # 03_b was moved before the kill
    (town.outputs / "tables").mkdir()
    (town.outputs / "tables/03_b.csv").write_text("2", encoding="utf-8")
    entry = manifest.read(town)[STAGES[2]] | {"outputs": {"tables/03_a.csv": "x", "tables/03_b.csv": "y"}}
    journal = {"stage": STAGES[2], "moves": ["tables/03_a.csv", "tables/03_b.csv"],
               "deletes": [f"findings/{STAGES[2]}.json", "gone.csv"], "entry": entry}
    (town.outputs / ".journal.json").write_text(json.dumps(journal), encoding="utf-8")
    commit.discard(town)
    assert staged.exists()  # a journal still needs it
    commit.heal(town)
    assert sorted(p.name for p in (town.outputs / "tables").iterdir()) == ["03_a.csv", "03_b.csv"]
    assert not (town.outputs / f"findings/{STAGES[2]}.json").exists()
    assert manifest.read(town)[STAGES[2]] == entry
    assert not staged.exists()
    assert not (town.outputs / ".journal.json").exists()


def test_killed_before_any_rename_of_a_run_the_next_command_finds_old_or_new_whole(
    town: Town, works: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A process that publishes kills itself before its k-th rename, for every k there is."""
    runner.run(town, executor=Here())
    for stage in STAGES[1:3]:
        works[stage] = {f"tables/{stage}_{n}.csv": "new" for n in "ab"} | {f"findings/{stage}.json": "new"}
        (town.outputs / f"findings/{stage}.json").write_text("damaged", encoding="utf-8")
    before = shutil.copytree(town.outputs, tmp_path / "before")
    real, seen = os.replace, []

    def counting(self: Path, target: Path) -> Path:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        real(self, target)
        return Path(target)

    for moment in range(100):
        shutil.rmtree(town.outputs)
        shutil.copytree(before, town.outputs)
        left, child = moment, os.fork()
        if child == 0:
            monkeypatch.setattr(Path, "replace", counting)
            runner.run(town, executor=Here())
            os._exit(0)
        code = os.waitpid(child, 0)[1]
        commit.heal(town)
        seen.append([(town.outputs / f"tables/{stage}_a.csv").exists() for stage in STAGES[1:3]])
        for stage, done in zip(STAGES[1:3], seen[-1], strict=True):
            recorded = manifest.read(town)[stage]["outputs"]
            assert sorted(recorded) == sorted(works[stage] if done else [f"findings/{stage}.json"])
            if done:
                assert recorded == {name: manifest.digest(town.outputs / name) for name in recorded}
        if code == 0:
            break
    assert code == 0
    assert [sum(done) for done in seen] == sorted(sum(done) for done in seen)
    assert {sum(done) for done in seen} == {0, 1, 2}


def test_progress_on_a_terminal_and_in_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, live in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr("sys.stderr", stream)
        progress = runner.Progress("s_town")
        progress.start("02_group_comparison", "never run")
        progress.tick(["02_group_comparison"])
        progress.end("02_group_comparison", "run")
        progress.end("05_thesis_claims", "blocked")
        plain = re.sub(r"\r\x1b\[K", "", stream.getvalue())
        assert ("\r\x1b[K" in stream.getvalue()) is live
        assert ("running 02 0 s" in plain) is live
        assert "s_town  02_group_comparison  runs: never run\n" in plain
        assert "s_town  02_group_comparison  done after 0 s\n" in plain
        assert "s_town  05_thesis_claims  blocked: an earlier stage failed\n" in plain
