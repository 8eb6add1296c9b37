"""`outputs/<town>/manifest.json`: what each stage read and wrote, by content. No clock, host or commit is in it.

The same record serves three ends: it says whether a stage is current and if not why, it is the provenance of every
output, and it is what `verify` compares with. Nothing heavy is imported here: a run with nothing to do is fast.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lbc.errors import UserError
from lbc.paths import PACKAGE, Town
from lbc.pipeline.graph import STAGES

if TYPE_CHECKING:
    from lbc.params import Params


def digest(path: Path) -> str | None:
    """SHA-256 of a file in hex, or None where there is no such file."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def folder_digest(path: Path) -> str | None:
    """SHA-256 of the names in a folder, or None where there is no such folder."""
    if not path.is_dir():
        return None
    names = sorted(file.name for file in path.iterdir() if not file.name.startswith("."))
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def source_hash(path: Path) -> str:
    """SHA-256 of a notebook's cells, source and tags only: outputs and metadata do not count.

    Raises
    ------
    UserError
        If there is no notebook, or it is not JSON.
    """
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        parts = [
            [cell["cell_type"], "".join(cell["source"]).rstrip("\n"), sorted(cell["metadata"].get("tags", []))]
            for cell in cells
        ]
    except FileNotFoundError:
        raise UserError("there is no such notebook", where=f"notebooks/{path.name}") from None
    except (ValueError, KeyError, TypeError):
        fix = f"restore it: git checkout notebooks/{path.name}"
        raise UserError("this is not a notebook", where=f"notebooks/{path.name}", fix=fix) from None
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()


def read(town: Town) -> dict[str, Any]:
    """The entries of all stages by name; empty before the first run.

    Raises
    ------
    UserError
        If the file is not a manifest.
    """
    return _document(town)["stages"]


def report(town: Town) -> dict[str, Any]:
    """The entry of web report and Word chapter (see `lbc.pipeline.report`); empty before they were written."""
    return _document(town)["report"]


def _document(town: Town) -> dict[str, Any]:
    try:
        found = json.loads(town.manifest.read_text(encoding="utf-8"))
        return {"stages": dict(found["stages"]), "report": dict(found.get("report", {}))}
    except FileNotFoundError:
        return {"stages": {}, "report": {}}
    except (ValueError, KeyError, TypeError):
        raise UserError("the manifest cannot be read", where=town.shown(town.manifest),
                        fix="delete it: the stages then run again") from None


def write(town: Town, stages: dict[str, Any]) -> None:
    """Replace the stages' entries in one step."""
    _write(town, stages, report(town))


def write_report(town: Town, entry: dict[str, Any]) -> None:
    """Replace the entry of web report and Word chapter in one step."""
    _write(town, read(town), entry)


def _write(town: Town, stages: dict[str, Any], entry: dict[str, Any]) -> None:
    ordered = {name: dict(sorted(stages[name].items())) for name in STAGES if name in stages}
    document = {"town": town.name, "stages": ordered} | ({"report": entry} if entry else {})
    replace(town.manifest, json.dumps(document, ensure_ascii=False, indent=1) + "\n")


def replace(path: Path, text: str) -> None:
    """Write a text file so that at any moment either the old or the new one is there, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    with fresh.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def why_stale(town: Town, stage: str, stages: dict[str, Any], params: Params) -> str | None:
    """Why a stage must run, in one phrase that names what changed; None where it is current.

    Parameters
    ----------
    stages : dict
        The manifest's entries as `read` gives them.
    params : Params
        Today's values.
    """
    kept, source = stages.get(stage, {}), source_hash(town.project.notebooks / f"{stage}.ipynb")
    if "outputs" not in kept:
        return "failed when it last ran" if kept.get("status") == "failed" else "never run"
    if kept["notebook"] != source:
        return f"notebooks/{stage}.ipynb changed"
    if kept["lock"] != digest(town.project.lock):
        return f"{town.project.lock.name} changed"
    return _params(kept["params"], params) or _files(town, kept)


def _params(kept: dict[str, Any], params: Params) -> str | None:
    from lbc.pipeline.reads import value_at

    for path, old in kept.items():
        new = value_at(params, path)
        if new != old or type(new) is not type(old):
            return f"params {path} changed from {_shown(old)} to {_shown(new)}"
    return None


def _shown(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def _files(town: Town, kept: dict[str, Any]) -> str | None:
    places = {"raw": town.project.root, "upstream": town.outputs, "lbc": PACKAGE.parent, "outputs": town.outputs}
    for kind, root in places.items():
        for name, old in kept[kind].items():
            new = folder_digest(root / name) if name.endswith("/") else digest(root / name)
            if new != old:
                return f"{name} {'appeared' if old is None else 'is missing' if new is None else 'changed'}"
    return None
