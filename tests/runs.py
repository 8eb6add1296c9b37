"""Scratch copies of the whole project, and one finished run of S town, and its report, that all tests share."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def scratch(root: Path, *towns: str) -> Path:
    """A project with the notebooks and the params and data of the named towns, without outputs."""
    for folder in ("params", "data", "outputs"):
        (root / folder).mkdir(parents=True)
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    for town in towns:
        shutil.copytree(ROOT / "data" / town, root / "data" / town)
        for file in (ROOT / "params").glob(f"{town}.*yaml"):
            shutil.copy(file, root / "params")
    return root


def lbc(root: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The real command line on the project at `root`."""
    environment = os.environ | {"LBC_ROOT": str(root), "PYTHONPATH": str(ROOT)} | variables
    command = [sys.executable, "-m", "lbc", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=900)


def shared(factory: pytest.TempPathFactory, name: str) -> tuple[Path, Path]:
    """A folder that all test processes of this session share, and its lock file."""
    base = factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return base / name, base / f"{name}.lock"


def finished_s_town(factory: pytest.TempPathFactory) -> Path:
    """S town run from nothing by the command line: once in a session, whichever process asks first."""
    root, lock = shared(factory, "s_town_run")
    with lock.open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not (root / "outputs" / "s_town" / "manifest.json").exists():
            done = lbc(scratch(root, "s_town"), "run", "--town", "s_town")
            (root / "last_line.txt").write_text(done.stdout, encoding="utf-8")
            assert done.returncode == 0, done.stderr
    return root


def reported_s_town(factory: pytest.TempPathFactory) -> Path:
    """A copy of that run with its web report and its Word chapter: once in a session, whichever process asks first."""
    root, lock = shared(factory, "s_town_report")
    with lock.open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not (root / "said.txt").exists():
            shutil.copytree(finished_s_town(factory), root)
            done = lbc(root, "report", "--town", "s_town")
            assert done.returncode == 0, done.stdout + done.stderr
            (root / "said.txt").write_text(done.stdout, encoding="utf-8")
    return root
