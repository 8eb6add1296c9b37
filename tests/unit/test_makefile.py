"""`make all` is a run and then its report: in this order, with the count of stages last, and a failure is a failure."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COUNT = "5 run, 0 current, 0 failed, 0 blocked"
PYTHON = """#!/bin/sh
case "$*" in
  "-m lbc run --town hill --jobs 3") echo "progress" >&2; echo "{count}"; exit {run};;
  "-m lbc report --town hill") echo "open outputs/index.html"; exit {report};;
esac
exit 9
"""


@pytest.mark.parametrize(("run", "report", "shown"), [
    (0, 0, ["open outputs/index.html", COUNT]),
    (0, 1, ["open outputs/index.html", COUNT]),
    (2, 0, [COUNT]),
    (75, 0, [COUNT]),
])
def test_all_is_run_then_report(tmp_path: Path, run: int, report: int, shown: list[str]) -> None:
    python = tmp_path / "python"
    python.write_text(PYTHON.format(count=COUNT, run=run, report=report), encoding="utf-8")
    python.chmod(0o755)
    command = ["make", "--no-print-directory", "all", "TOWN=hill", "JOBS=3", f"PY={python}", f"STAMP={python}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=30)
    assert done.stdout.splitlines() == shown
    assert (done.returncode != 0) == (run != 0 or report != 0)
    assert done.stderr.startswith("progress\n")
    assert run + report == 0 or f"Error {run or report}" in done.stderr


def test_a_run_that_says_nothing_prints_no_empty_line(tmp_path: Path) -> None:
    done = subprocess.run(["make", "--no-print-directory", "all", "PY=false", "STAMP=Makefile"], cwd=ROOT, capture_output=True, timeout=30)
    assert done.stdout == b""
    assert done.returncode != 0
