"""Run what is out of date: decide by content, run in fresh kernels, publish all at once, go on after a failure."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lbc import errors, params
from lbc.errors import StageFailedError, UserError
from lbc.paths import Project, Town
from lbc.pipeline import commit, manifest
from lbc.pipeline.graph import NEEDS, STAGES

if TYPE_CHECKING:
    from concurrent.futures import Future

FAILED = "failed.ipynb"


@dataclass(frozen=True)
class Job:
    """One stage of one town, as something that could be sent to another machine with the same folders."""

    root: Path
    town: str
    stage: str

    @property
    def staging(self) -> Path:
        return commit.staging(Project(self.root).town(self.town), self.stage)


class Executor(Protocol):
    """Where jobs run: threads here, a cluster elsewhere."""

    def submit(self, function: Callable[[Job], dict[str, Any]], job: Job) -> Future[dict[str, Any]]: ...

    def shutdown(self) -> None: ...


@dataclass
class Outcome:
    """What a run did: each stage's state, the error of each that failed, and why each ran."""

    states: dict[str, str] = field(default_factory=dict)
    failures: dict[str, UserError] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """The last line: `5 run, 0 current, 0 failed, 0 blocked`."""
        counts = {s: list(self.states.values()).count(s) for s in ("run", "current", "failed", "blocked")}
        return ", ".join(f"{count} {state}" for state, count in counts.items())

    @property
    def exit_code(self) -> int:
        return max((error.exit_code for error in self.failures.values()), default=0)


def run(town: Town, jobs: int = 1, executor: Executor | None = None) -> Outcome:
    """Bring every stage of a town up to date.

    Parameters
    ----------
    town : Town
    jobs : int
        How many notebooks run at once.
    executor : Executor, optional
        Where they run; threads of this process by default.

    Raises
    ------
    TownError, ParamsError
        Before anything runs.
    RunLockedError
        If another run of the town is under way.
    """
    today = params.load(town)
    _require_data(town, today)
    with commit.locked(town):
        try:
            return _Run(town, today, jobs, executor).go()
        finally:
            commit.discard(town)


def status(town: Town) -> dict[str, str | None]:
    """Why each stage would run, or None where it is current."""
    today = params.load(town)
    commit.heal(town)
    stages = manifest.read(town)
    found: dict[str, str | None] = {}
    for stage in STAGES:
        why = manifest.why_stale(town, stage, stages, today)
        waits = [need for need in NEEDS[stage] if found[need] is not None]
        found[stage] = why or (f"{waits[0]} runs first" if waits else None)
    return found


def _require_data(town: Town, today: params.Params) -> None:
    missing = [path for path in (town.codebook, town.data / today.survey.file) if not path.is_file()]
    if missing:
        names = " and ".join(town.shown(path) for path in missing)
        raise UserError(f"there is no {names}", town.shown(town.params), "every stage starts from the survey",
                        fix=f"put it there; make check TOWN={town.name} says what else is needed")


class _Run:
    def __init__(self, town: Town, today: params.Params, jobs: int, executor: Executor | None) -> None:
        self.town, self.today, self.jobs, self.executor = town, today, jobs, executor
        self.stages = manifest.read(town)
        self.outcome = Outcome()
        self.running: dict[Future[dict[str, Any]], str] = {}
        self.progress = Progress(town.name)

    def go(self) -> Outcome:
        try:
            while len(self.outcome.states) < len(STAGES):
                if not self._decide():
                    self._collect()
        except BaseException:
            self._stop()
            raise
        finally:
            if self.executor is not None:
                self.executor.shutdown()
        return self.outcome

    def _stop(self) -> None:
        """Kill the kernels of an interrupted run; one may be just starting, so until all jobs have ended."""
        kernels = sys.modules.get("lbc.pipeline.kernels")
        while any(not future.done() and not future.cancel() for future in self.running):
            if kernels is not None:
                kernels.stop_all()
            time.sleep(0.1)

    def _decide(self) -> bool:
        """Decide about stages whose upstream is done; whether any state changed."""
        before = len(self.outcome.states)
        for stage in STAGES:
            states = [self.outcome.states.get(need) for need in NEEDS[stage]]
            if stage in self.outcome.states or stage in self.running.values() or None in states:
                continue
            if {"failed", "blocked"} & set(states):
                self._mark(stage, "blocked")
                continue
            why = manifest.why_stale(self.town, stage, self.stages, self.today)
            if why is None:
                self._mark(stage, "current", "ok")
            else:
                self.outcome.reasons[stage] = why
                self._submit(stage, why)
        return len(self.outcome.states) > before

    def _submit(self, stage: str, why: str) -> None:
        if self.executor is None:
            from concurrent.futures import ThreadPoolExecutor

            self.executor = ThreadPoolExecutor(self.jobs)
        self.progress.start(stage, why)
        job = Job(self.town.project.root, self.town.name, stage)
        self.running[self.executor.submit(execute, job)] = stage

    def _collect(self) -> None:
        from concurrent.futures import FIRST_COMPLETED, wait

        done, _ = wait(self.running, timeout=1, return_when=FIRST_COMPLETED)
        self.progress.tick(list(self.running.values()))
        for future in sorted(done, key=lambda future: self.running[future]):
            stage = self.running.pop(future)
            try:
                commit.commit(self.town, stage, future.result(), self.stages)
                self._mark(stage, "run", "ok")
            except OSError as error:
                self._fail(stage, StageFailedError(f"{stage} could not be written: {error.strerror}",
                                                   where=str(error.filename or ""), fix="make room and run again"))
            except UserError as error:
                self._fail(stage, error)
            except Exception as error:  # ours: the other stages go on all the same
                self._fail(stage, StageFailedError(f"{stage} stopped: {type(error).__name__}: {error}"))

    def _fail(self, stage: str, error: UserError) -> None:
        failed = commit.staging(self.town, stage) / FAILED
        if failed.exists():
            _kept(self.town, stage).parent.mkdir(parents=True, exist_ok=True)
            failed.replace(_kept(self.town, stage))
        self.outcome.failures[stage] = error
        self._mark(stage, "failed")

    def _mark(self, stage: str, state: str, kept: str = "") -> None:
        """Note a stage's state, in the manifest as well where it differs from what stands there."""
        self.outcome.states[stage] = state
        entry = self.stages.get(stage, {})
        if entry.get("status") != (kept or state):
            self.stages[stage] = entry | {"status": kept or state}
            manifest.write(self.town, self.stages)
        self.progress.end(stage, state)


def execute(job: Job) -> dict[str, Any]:
    """Run one notebook into the job's staging folder; returns what the stage read.

    Raises
    ------
    UserError
        The user's own mistake, in the words the notebook raised it with.
    StageFailedError
        When the notebook stopped for any other reason; the failed notebook is kept.
    """
    from lbc.pipeline import kernels, notebooks

    town = Project(job.root).town(job.town)
    shutil.rmtree(job.staging, ignore_errors=True)
    job.staging.mkdir(parents=True)
    variables = {"LBC_ROOT": str(job.root), "LBC_STAGE_DIR": str(job.staging)}
    source = town.project.notebooks / f"{job.stage}.ipynb"
    key = {"notebook": manifest.source_hash(source), "lock": manifest.digest(town.project.lock)}
    try:
        executed = kernels.run_notebook(source, {"town": job.town}, variables)
    except kernels.NotebookError as error:
        raise _failure(town, job, error) from error
    record_path = job.staging / "record.json"
    if not record_path.exists():
        raise StageFailedError(f"{job.stage} has no report card", where=f"notebooks/{job.stage}.ipynb",
                               fix="let its last cell be: stage.report_card()")
    record = json.loads(record_path.read_text(encoding="utf-8"))
    record_path.unlink()
    language = params.load(town).language
    canonical = notebooks.canonical(executed)
    copies = {"private/executed": canonical, "private/report": notebooks.canonical(executed, marks=True),
              "notebooks": notebooks.canonical(notebooks.for_language(json.loads(canonical), language))}
    for folder, content in copies.items():
        path = job.staging / folder / f"{job.stage}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return record | key


def _kept(town: Town, stage: str) -> Path:
    return town.outputs / "private" / "failed" / f"{stage}.ipynb"


def _failure(town: Town, job: Job, error: Any) -> UserError:
    from lbc.pipeline import notebooks

    (job.staging / FAILED).write_bytes(notebooks.canonical(error.notebook))
    where = f"notebooks/{job.stage}.ipynb, cell {error.cell}"
    known = getattr(errors, error.name, None)
    if isinstance(known, type) and issubclass(known, UserError):
        found = UserError(f"{error.text}\n  in: {where}")
        found.exit_code = known.exit_code
        return found
    last = error.text.strip().splitlines()[-1] if error.text.strip() else ""
    fix = f"the notebook as far as it came, with the whole error: {town.shown(_kept(town, job.stage))}"
    return StageFailedError(f"{error.name}: {last}", where=where, fix=fix)


class Progress:
    """One line per stage on standard error; on a terminal also what runs and for how long."""

    def __init__(self, town: str) -> None:
        self.town, self.began = town, {}
        self.live = sys.stderr.isatty()

    def start(self, stage: str, why: str) -> None:
        self.began[stage] = time.monotonic()
        self._say(f"{self.town}  {stage}  runs: {why}")

    def end(self, stage: str, state: str) -> None:
        if stage in self.began:
            seconds = time.monotonic() - self.began[stage]
            self._say(f"{self.town}  {stage}  {'done' if state == 'run' else state} after {seconds:.0f} s")
        elif state == "blocked":
            self._say(f"{self.town}  {stage}  blocked: an earlier stage failed")

    def tick(self, stages: list[str]) -> None:
        if self.live and stages:
            now = time.monotonic()
            running = ", ".join(f"{stage[:2]} {now - self.began[stage]:.0f} s" for stage in stages)
            print(f"\r\x1b[K{self.town}  running {running}", end="", file=sys.stderr, flush=True)

    def _say(self, text: str) -> None:
        print(("\r\x1b[K" if self.live else "") + text, file=sys.stderr, flush=True)
