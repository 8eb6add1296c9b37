"""nbval, strict: every cell of the committed notebooks gives the output that is committed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lbc.pipeline import graph

ROOT = Path(__file__).resolve().parents[2]


def nbval(notebook: Path, project: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"LBC_ROOT": str(project), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", "-p", "no:cacheprovider", "--no-cov",
               "-p", "no:xdist", "-c", os.devnull, str(notebook)]
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=900)


@pytest.mark.parametrize("stage", graph.STAGES)
def test_committed_outputs_are_what_the_code_gives(stage: str, s_town: Path) -> None:
    done = nbval(ROOT / "notebooks" / f"{stage}.ipynb", s_town)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "passed" in done.stdout


def test_a_changed_number_in_a_committed_output_is_noticed(s_town: Path, tmp_path: Path) -> None:
    text = (ROOT / "notebooks" / "05_thesis_claims.ipynb").read_text(encoding="utf-8")
    assert text.count("partly supported") >= 1
    changed = tmp_path / "05_thesis_claims.ipynb"
    changed.write_text(text.replace("partly supported", "supported"), encoding="utf-8")
    assert nbval(changed, s_town).returncode == 1
