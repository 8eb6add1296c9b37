"""One finished miniature run per session; each test gets its own copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import tiny


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tiny.make(tmp_path_factory.mktemp("finished") / "a town 目录")
    done = tiny.lbc(root, "run")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "5 run, 0 current, 0 failed, 0 blocked\n"
    return root


@pytest.fixture
def root(finished: Path, tmp_path: Path) -> Path:
    """A project whose stages are all current."""
    return Path(shutil.copytree(finished, tmp_path / "root"))
