"""A miniature project: five notebooks of a few cells and a three-line survey, for tests of the machinery."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
IMPORTS = "from lbc.results import Estimate, Result, Test\nimport pandas as pd"
LABEL = 'label={"en": "Points", "zh": "分数"}, evidence="association"'
STAGES = {
    "01_survey_cleaning": [
        'file = stage.raw(stage.params.survey.file, required=True)\nframe = pd.read_csv(file, names=["x"])',
        'stage.keep("cleaned", frame)\nresult = Result("count", Estimate("kept", float(len(frame))), n={"read": 4})',
        f'stage.record("cleaning.flow", result, {LABEL})',
        "stage.params.cleaning.careless.longstring",
    ],
    "02_group_comparison": [
        'x = stage.load("01_survey_cleaning", "cleaned").x.mean() + stage.params.comparison.group.focal.count("1")',
        'result = Result("mean", Estimate("mean", float(x), (1.5, 7.25)), test=Test("t", 2.9, 3.0, 0.0625))',
        f'stage.record("comparison.points", result, {LABEL})',
    ],
    "03_ecological_causes": ['stage.load("01_survey_cleaning", "cleaned")', "stage.params.ecology.bootstrap"],
    "04_intervention_evaluation": ['stage.has("01_survey_cleaning", "resurvey")', "stage.params.intervention.alpha"],
    "05_thesis_claims": [
        'mean = stage.findings()["comparison.points"]["estimate"]["value"]',
        'verdict = "supported" if mean > 4.5 else "not supported"',
        'stage.record_claims([{"id": "lonelier", "verdict": verdict, "evidence": "association", "reason": "the mean",'
        ' "sentence": f"The mean is {mean:.2f}."}])',
    ],
}


def cell(source: str, tags: tuple[str, ...] = ()) -> dict[str, Any]:
    """A notebook cell; text that begins with # is markdown."""
    common = {"metadata": {"tags": list(tags)} if tags else {}, "source": source}
    if source.startswith("#"):
        return {"cell_type": "markdown", **common}
    return {"cell_type": "code", **common, "execution_count": None, "outputs": []}


def write_notebook(path: Path, cells: list[dict[str, Any]]) -> None:
    spec = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    numbered = [cell | {"id": f"c{number}"} for number, cell in enumerate(cells)]
    document = {"cells": numbered, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def write_stage(root: Path, stage: str, sources: list[str], card: bool = True) -> None:
    """A notebook of a stage: parameters, begin, the given cells, report card."""
    begin = cell(f'import lbc\nstage = lbc.begin("{stage}", town)')
    question = cell("## What is it? ｜ 这是什么？\n\nA line.\n\n一行。")
    cells = [question, cell('town = "s_town"', ("parameters",)), begin]
    cells += [cell(source) for source in (IMPORTS, *sources, *(["stage.report_card()"] if card else []))]
    write_notebook(root / "notebooks" / f"{stage}.ipynb", cells)


def make(root: Path) -> Path:
    """The miniature project in an empty folder."""
    for folder in ("params", "outputs", "notebooks", "data/s_town/raw"):
        (root / folder).mkdir(parents=True)
    shutil.copy(ROOT / "params" / "s_town.yaml", root / "params")
    (root / "data/s_town/codebook.csv").write_text("variable,column,type\nx,x,number\n", encoding="utf-8")
    (root / "data/s_town/raw/survey.xlsx").write_text("3\n4\n5\n", encoding="utf-8")
    for stage, sources in STAGES.items():
        write_stage(root, stage, sources)
    return root


def lbc(root: Path, *arguments: str, python: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """The real command line, on the project at `root`."""
    command = [sys.executable, *python, "-m", "lbc", *arguments]
    return subprocess.run(command, env=environment(root), capture_output=True, encoding="utf-8", timeout=120)


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment(ROOT), capture_output=True, encoding="utf-8", check=True).stdout


def environment(root: Path) -> dict[str, str]:
    return os.environ | {"LBC_ROOT": str(root), "PYTHONPATH": str(ROOT)}


def snapshot(root: Path) -> dict[str, bytes]:
    """Every published file and its bytes; nothing of the machinery (names with a leading dot)."""
    files = [path for path in (root / "outputs").rglob("*") if path.is_file()]
    names = {path.relative_to(root).as_posix(): path for path in files}
    return {name: path.read_bytes() for name, path in sorted(names.items()) if "/." not in name}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
