"""Outputs appear all at once: a stage writes into a staging folder, a journal says what moves where, renames do it.

A run that is killed before its journal is complete leaves the old outputs; one that is killed later is completed by
the next command. So a stage's outputs are the old ones whole or the new ones whole.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lbc.errors import RunLockedError
from lbc.paths import Town
from lbc.pipeline import manifest


def staging(town: Town, stage: str) -> Path:
    return town.outputs / ".staging" / stage


@contextmanager
def locked(town: Town) -> Iterator[None]:
    """Hold the town's lock, and complete first what a killed run left behind.

    The lock belongs to the process: it cannot outlive it.

    Raises
    ------
    RunLockedError
        If another process holds it.
    """
    town.outputs.mkdir(parents=True, exist_ok=True)
    with (town.outputs / ".lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise RunLockedError(f"another run of '{town.name}' is under way (process {holder})",
                                 fix="wait until it is done, then run again") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        recover(town)
        yield


def _journal(town: Town) -> Path:
    return town.outputs / ".journal.json"


def commit(town: Town, stage: str, record: dict[str, Any], stages: dict[str, Any]) -> None:
    """Make the staged outputs of a stage the published ones and note them in the manifest.

    Parameters
    ----------
    record : dict
        What the stage read: params, raw, upstream, lbc, notebook, lock.
    stages : dict
        The manifest's entries; the stage's own is replaced.
    """
    place = staging(town, stage)
    new = sorted(file.relative_to(place).as_posix() for file in place.rglob("*") if file.is_file())
    outputs = {name: manifest.digest(place / name) for name in new}
    old = [*stages.get(stage, {}).get("outputs", {}), f"private/failed/{stage}.ipynb"]
    for name in new:
        _sync(place / name)
    entry = record | {"outputs": outputs, "status": "ok"}
    journal = {"stage": stage, "moves": new, "deletes": [n for n in old if n not in outputs], "entry": entry}
    manifest.replace(_journal(town), json.dumps(journal, ensure_ascii=False))
    _sync(town.outputs)
    recover(town)
    stages[stage] = entry


def recover(town: Town) -> None:
    """Complete the journal that a killed run left, if there is one. Needs the lock."""
    path = _journal(town)
    if path.exists():
        journal = json.loads(path.read_text(encoding="utf-8"))
        place = staging(town, journal["stage"])
        for name in journal["moves"]:
            if (place / name).exists():  # not there: moved before the kill
                (town.outputs / name).parent.mkdir(parents=True, exist_ok=True)
                (place / name).replace(town.outputs / name)
        for name in journal["deletes"]:
            (town.outputs / name).unlink(missing_ok=True)
        manifest.write(town, manifest.read(town) | {journal["stage"]: journal["entry"]})
        path.unlink()
        shutil.rmtree(place, ignore_errors=True)


def heal(town: Town) -> None:
    """Complete what a killed run left, unless a run is under way or the outputs cannot be written to."""
    if town.outputs.exists():
        with suppress(RunLockedError, PermissionError), locked(town):
            pass


def discard(town: Town) -> None:
    """Throw away staging folders, unless a journal still needs them. Needs the lock."""
    if not _journal(town).exists():
        shutil.rmtree(town.outputs / ".staging", ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
