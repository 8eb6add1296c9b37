"""Make the last run the committed reference, after showing which numbers move."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from lbc.errors import UserError
from lbc.paths import Project, Town
from lbc.pipeline import commit, compare, manifest, runner
from lbc.pipeline.graph import STAGES


def reference(outputs: Path) -> dict[str, Any]:
    """What is accepted: of each public finding value, interval and p; of each claim verdict and sentence."""
    findings: dict[str, Any] = {}
    claims: dict[str, Any] = {}
    for stage in STAGES:
        path = outputs / "findings" / f"{stage}.json"
        document = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"findings": []}
        for finding in document["findings"]:
            estimate, test = finding["estimate"] or {}, finding["test"] or {}
            findings[finding["id"]] = {"value": estimate.get("value"), "ci": estimate.get("ci"), "p": test.get("p")}
        for claim in document.get("claims", []):
            claims[claim["id"]] = {"verdict": claim["verdict"], "sentence": claim["sentence"]}
    patterns = ("findings/*.json", "tables/*.csv", "figures/*.csv")
    names = sorted(path.relative_to(outputs).as_posix() for pattern in patterns for path in outputs.glob(pattern))
    files = {name: manifest.digest(outputs / name) for name in names}
    return {"findings": findings, "claims": claims, "files": files}


def read(town: Town) -> dict[str, Any]:
    """The accepted reference; empty where nothing was accepted yet."""
    if not town.accepted.exists():
        return {"findings": {}, "claims": {}, "files": {}}
    try:
        found = json.loads(town.accepted.read_text(encoding="utf-8"))
        return {key: dict(found[key]) for key in ("findings", "claims", "files")}
    except (ValueError, KeyError, TypeError):
        raise UserError("this is not an accepted reference", where=town.shown(town.accepted),
                        fix="restore it, or delete it and accept again") from None


def default_town(project: Project) -> str | None:
    """The town that the notebooks' parameters cell names: the one they are committed for."""
    try:
        cells = json.loads((project.notebooks / f"{STAGES[0]}.ipynb").read_text(encoding="utf-8"))["cells"]
    except FileNotFoundError:
        return None
    sources = ["".join(c["source"]) for c in cells if "parameters" in c["metadata"].get("tags", [])]
    return sources[0].partition("=")[2].strip().strip("\"'") if sources else None


def moves(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Which numbers and verdicts differ from the accepted ones, one line each."""
    found = []
    for id in [*old["findings"], *(i for i in new["findings"] if i not in old["findings"])]:
        if id not in new["findings"]:
            found.append(f"{id}: gone")
        elif id not in old["findings"]:
            found.append(f"{id}: new, {_numbers(new['findings'][id])}")
        elif not _same(old["findings"][id], new["findings"][id]):
            found.append(f"{id}: was {_numbers(old['findings'][id])}, now {_numbers(new['findings'][id])}")
    for id in [*old["claims"], *(i for i in new["claims"] if i not in old["claims"])]:
        was, now = old["claims"].get(id, {}), new["claims"].get(id, {})
        if was.get("verdict") != now.get("verdict"):
            found.append(f"claim {id}: was '{was.get('verdict', 'not there')}', now '{now.get('verdict', 'gone')}': "
                         f"{compare.shown(now.get('sentence', was.get('sentence')))}")
    return found


def _same(old: dict[str, Any], new: dict[str, Any]) -> bool:
    return compare.held("", "", dict(compare.leaves(old)), dict(compare.leaves(new))).verdict == "same"


def _numbers(finding: dict[str, Any]) -> str:
    value, ci, p = finding["value"], finding["ci"], finding["p"]
    if value is None:
        return "not estimable"
    between = f" [{', '.join('open' if end is None else f'{end:.6g}' for end in ci)}]" if ci else ""
    return f"{value:.6g}{between}" + (f", p = {p:.4g}" if p is not None else "")


def accept(town: Town) -> int:
    """Show which numbers moved, then write `accepted.json`; for the notebooks' own town put them in place as well.

    Raises
    ------
    UserError
        If a stage is out of date: what would be accepted is then not what the inputs give.
    """
    stale = {stage: why for stage, why in runner.status(town).items() if why is not None}
    if stale:
        stage, why = next(iter(stale.items()))
        raise UserError(f"{stage} is out of date: {why}", where=f"outputs/{town.name}",
                        why="only what the present inputs give can be accepted", fix=f"make all TOWN={town.name}")
    with commit.locked(town):
        new = reference(town.outputs)
        moved = moves(read(town), new)
        print("\n".join([*moved, f"{len(moved)} moved" if moved else "no number moved"]))
        manifest.replace(town.accepted, json.dumps(new, ensure_ascii=False, indent=1) + "\n")
        if default_town(town.project) == town.name:
            for stage in STAGES:
                shutil.copyfile(town.outputs / "private" / "executed" / f"{stage}.ipynb",
                                town.project.notebooks / f"{stage}.ipynb")
    print(f"accepted: {len(new['findings'])} findings, {len(new['claims'])} claims, {len(new['files'])} files")
    return 0
