"""What all tests share: the checkout's root and scratch projects that never touch it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lbc.paths import Project

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def scratch(tmp_path: Path) -> Project:
    """An empty project: params/, data/, outputs/ and a copy of the notebooks."""
    for folder in ("params", "data", "outputs"):
        (tmp_path / folder).mkdir()
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    return Project(tmp_path)
