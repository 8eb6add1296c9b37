"""Killed, interrupted, twice at once: what is published is one run's, whole, and no kernel is left behind."""

from __future__ import annotations

import fcntl
import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny

SLOW = (
    'import os, time\nwith open(os.environ["LBC_TEST_PID"], "a") as file: file.write(f"{os.getpid()}\\n")\n'
    "time.sleep(60)"
)


def begin(root: Path, pids: Path) -> subprocess.Popen[str]:
    """Start a run and wait until three kernels are busy."""
    environment = tiny.environment(root) | {"LBC_TEST_PID": str(pids)}
    command = [sys.executable, "-m", "lbc", "run", "--jobs", "3"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 3)
    return process


def wait_until(true: object, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


def alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


def whole(root: Path) -> bool:
    """Whether every output that the manifest names is there with its recorded content."""
    outputs = root / "outputs/s_town"
    entries = json.loads((outputs / "manifest.json").read_text(encoding="utf-8"))["stages"].values()
    recorded = {name: digest for entry in entries for name, digest in entry["outputs"].items()}
    return recorded == {name: hashlib.sha256((outputs / name).read_bytes()).hexdigest() for name in recorded}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_an_ended_run_leaves_the_old_outputs_and_no_kernel(root: Path, tmp_path: Path, how: signal.Signals) -> None:
    before = tiny.snapshot(root)
    for stage in ("02_group_comparison", "03_ecological_causes", "04_intervention_evaluation"):
        tiny.write_stage(root, stage, [SLOW])
    process = begin(root, tmp_path / "pids")
    process.send_signal(how)
    _, errors = process.communicate(timeout=20)
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


def test_killed_at_any_moment_of_publishing(root: Path) -> None:
    """The publishing process kills itself before its k-th rename, for every k; the next command completes it."""
    tiny.edit(root / "params/s_town.yaml", "focal: \"1\"", "focal: \"11\"")
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "left, real = int(sys.argv[1]), os.rename\n"
        "def counting(self, target):\n"
        "    global left\n"
        "    left -= 1\n"
        "    if left < 0: os.kill(os.getpid(), 9)\n"
        "    os.rename(self, target)\n"
        "    return Path(target)\n"
        "from lbc.pipeline import runner\n"
        "real_execute = runner.execute\n"
        "Path.replace = counting\n"
        "from lbc.paths import project\n"
        "print(runner.run(project().town('s_town')).line)\n"
    )
    before, seen = tiny.snapshot(root), set()
    for moment in range(0, 12, 2):
        command = [sys.executable, "-c", script, str(moment)]
        done = subprocess.run(command, env=tiny.environment(root), capture_output=True, timeout=60)
        tiny.lbc(root, "status")
        assert whole(root)
        seen.add(done.returncode)
        after = tiny.snapshot(root)
        finding = "outputs/s_town/findings/02_group_comparison.json"
        changed = {name for name in after if after[name] != before.get(name)}
        assert changed == set() or finding in changed
        if done.returncode == 0:
            break
    assert seen >= {-signal.SIGKILL}
    assert tiny.lbc(root, "run").returncode == 0
    assert whole(root)
