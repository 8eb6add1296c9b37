"""Killed, interrupted, twice at once: what is published is one run's, whole, and no kernel is left behind."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny

SLOW = (
    'import os, time\nwith open(os.environ["LBC_TEST_PID"], "a") as file: file.write(f"{os.getpid()}\\n")\n'
    "time.sleep(60)"
)


def listen_to_interrupts() -> None:
    """A shell starts what runs in the background deaf to Ctrl-C, and children inherit that: undo it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def begin(root: Path, pids: Path) -> subprocess.Popen[str]:
    """Start a run and wait until three kernels are busy."""
    environment = tiny.environment(root) | {"LBC_TEST_PID": str(pids)}
    command = [sys.executable, "-m", "lbc", "run", "--jobs", "3"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               preexec_fn=listen_to_interrupts)
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 3)
    return process


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


def alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_an_ended_run_leaves_the_old_outputs_and_no_kernel(root: Path, tmp_path: Path, how: signal.Signals) -> None:
    before = tiny.snapshot(root)
    for stage in ("02_group_comparison", "03_ecological_causes", "04_intervention_evaluation"):
        tiny.write_stage(root, stage, [SLOW])
    process = begin(root, tmp_path / "pids")
    process.send_signal(how)
    _, errors = process.communicate(timeout=60)
    if how != signal.SIGKILL:
        assert process.returncode == 130
        assert errors.splitlines()[-1].startswith("interrupted; the outputs are as they were")
        assert "Traceback" not in errors
        assert not (root / "outputs/s_town/.staging").exists()
    wait_until(lambda: not any(alive(pid) for pid in (tmp_path / "pids").read_text().split()))
    assert tiny.snapshot(root) == before
    for stage in ("02_group_comparison", "03_ecological_causes", "04_intervention_evaluation"):
        tiny.write_stage(root, stage, tiny.STAGES[stage])
    assert tiny.lbc(root, "run").stdout == "0 run, 5 current, 0 failed, 0 blocked\n"
    assert not (root / "outputs/s_town/.staging").exists()
    assert tiny.snapshot(root) == before


def test_two_runs_at_once(root: Path) -> None:
    with (root / "outputs/s_town/.lock").open("a+", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write("4711")
        lock.flush()
        second = tiny.lbc(root, "run")
        assert second.returncode == 75
        assert second.stdout == ""
        assert second.stderr.startswith("another run of 's_town' is under way (process 4711)")
    assert tiny.lbc(root, "run").returncode == 0  # the lock goes with its process: nothing to clean up
