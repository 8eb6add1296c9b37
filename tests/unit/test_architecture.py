"""The house: imports point down only, and the documents' commands exist."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LEVELS = [{"errors"}, {"paths", "yaml_reader"}, {"results"}, {"params", "instruments"}, {"survey", "analysis", "reporting"}, {"pipeline"}, {"cli"}]
RANK = {name: rank for rank, names in enumerate(LEVELS) for name in names}
MODULES = sorted((ROOT / "lbc").rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(ROOT / "lbc").parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The rooms of `lbc` that a module imports, anywhere in its text."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" if node.module == "lbc" else node.module or "" for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("lbc.")}
    return found


@pytest.mark.parametrize("path", [m for m in MODULES if room(m) in RANK], ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_point_down_only(path: Path) -> None:
    here = room(path)
    upward = {name for name in imported(path) if name != here and RANK[name] >= RANK[here]}
    assert upward == set()


def test_no_module_is_outside_the_house() -> None:
    assert {room(m) for m in MODULES} - set(RANK) == {"__init__", "__main__"}


def test_only_one_module_knows_pingouin() -> None:
    users = [m.relative_to(ROOT).as_posix() for m in MODULES if re.search(r"^\s*(import|from) pingouin", m.read_text(encoding="utf-8"), re.M)]
    assert users in ([], ["lbc/analysis/stats.py"])


def test_a_module_is_one_idea() -> None:
    long = {m.name: n for m in MODULES if (n := len(m.read_text(encoding="utf-8").splitlines())) > 450}
    assert long == {}


def test_the_readmes_commands_exist() -> None:
    """Every `make verb` in the documents is a verb of the Makefile, and `make` alone lists the promised ones."""
    listed = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    verbs = re.findall(r"^  make ([a-z-]+)", listed, re.M)
    promised = "all status verify accept check register new-town plan report lab test system lint bench clean help".split()
    assert sorted(verbs) == sorted(promised)
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    used = {verb for d in documents for verb in re.findall(r"^\s*(?:\$ )?make ([a-z-]+)", d.read_text(encoding="utf-8"), re.M)}
    assert {"all", "verify", "new-town"} <= used <= {*promised, "lock"}


@pytest.mark.skipif(shutil.which("git") is None, reason="skipped: needs git")
def test_nothing_is_tracked_that_belongs_to_a_child() -> None:
    """Only towns marked synthetic may stand in the history's data and outputs."""
    tracked = subprocess.run(["git", "ls-files", "data", "outputs"], cwd=ROOT, capture_output=True, text=True).stdout
    towns = {line.split("/")[1] for line in tracked.splitlines()}
    for town in towns:
        assert re.search(r"^synthetic: true", (ROOT / "params" / f"{town}.yaml").read_text(encoding="utf-8"), re.M)
    assert "/private/" not in tracked
