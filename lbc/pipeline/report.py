"""What leaves the house: web report, Word chapter and the front door, from what the last run published."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from lbc import params
from lbc.errors import UserError
from lbc.paths import PACKAGE, Town
from lbc.pipeline import commit, manifest, runner
from lbc.pipeline.graph import STAGES

FOLDERS = ("report", "thesis")


def write(town: Town) -> dict[str, Any]:
    """Write `outputs/<town>/report/` and `thesis/`, unless they are what the last run gives already.

    Every statistic that the pages print is read again and recomputed.

    Returns
    -------
    dict
        The manifest's entry: `outputs` with hashes, `checked` (how many printed statistics are `right`, how many
        `cannot` be recomputed, and the `wrong` ones: where, text, remark), `read` and `key`.

    Raises
    ------
    UserError
        If the town was not run here yet, or the university's template cannot be used.
    """
    missing = [stage for stage in STAGES if not _notebook(town, stage).exists()]
    if missing:
        raise UserError(f"{missing[0]} was not run here yet", town.shown(town.outputs),
                        fix=f"make all TOWN={town.name}")
    for stage, why in runner.status(town).items():
        if why is not None:
            print(f"note: {stage} is out of date ({why}); the report shows the last run", file=sys.stderr)
    with commit.locked(town):
        key, kept = _key(town), manifest.report(town)
        if kept.get("key") == key and not kept["checked"]["wrong"] and _untouched(town, kept):
            return kept
        files, checked = _make(town)
        outputs = {file.relative_to(town.outputs).as_posix(): manifest.digest(file) for file in sorted(files)}
        for name in set(kept.get("outputs", {})) - set(outputs):
            (town.outputs / name).unlink(missing_ok=True)
        entry = {"checked": checked, "key": key, "outputs": outputs}
        manifest.write_report(town, entry)
    return entry


def _notebook(town: Town, stage: str) -> Path:
    return town.outputs / "private" / "report" / f"{stage}.ipynb"


def _read(town: Town) -> list[Path]:
    """Everything that report and chapter are made from, but the pictures, whose hashes stand in the manifest."""
    asked = params.load(town).thesis.template
    kinds = [town.outputs / folder / f"{stage}.json" for folder in ("findings", "exhibits") for stage in STAGES]
    own = [path for path in sorted((PACKAGE / "reporting").rglob("*")) if path.suffix != ".pyc" and path.is_file()]
    return [*kinds, *(_notebook(town, stage) for stage in STAGES), town.params, town.claims, *own,
            Path(__file__), *([town.project.root / asked] if asked else [])]


def _key(town: Town) -> str:
    """One hash of all that is read; equal keys give equal bytes."""
    parts = [manifest.digest(path) or "" for path in _read(town)]
    parts += [digest for entry in manifest.read(town).values() for digest in entry.get("outputs", {}).values()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _untouched(town: Town, kept: dict[str, Any]) -> bool:
    return all(manifest.digest(town.outputs / name) == digest for name, digest in kept["outputs"].items())


def _make(town: Town) -> tuple[list[Path], dict[str, Any]]:
    from lbc.pipeline import display, notebooks
    from lbc.reporting import claims, recheck, site, thesis

    today = params.load(town)
    documents, exhibits = ([json.loads((town.outputs / folder / f"{stage}.json").read_text(encoding="utf-8"))
                            for stage in STAGES] for folder in ("findings", "exhibits"))
    known = claims.load(town.claims, town.shown(town.claims)).claims if town.claims.exists() else ()
    behind = {"rests_on": {claim.id: claim.behind for claim in known},
              "exhibits": {claim.id: list(claim.exhibits) for claim in known}}
    executed = {stage: json.loads(_notebook(town, stage).read_text(encoding="utf-8")) for stage in STAGES}
    pages = {language: {stage: notebooks.for_language(notebook, language) for stage, notebook in executed.items()}
             for language in ("en", "zh")}
    name = {"en": today.name.en, "zh": today.name.zh}
    made = site.write(pages, documents, exhibits, behind, manifest.read(town), town.outputs, language=today.language,
                      town=name, synthetic=today.synthetic)
    template = town.project.root / today.thesis.template if today.thesis.template else None
    chapter = thesis.write(documents, exhibits, behind["rests_on"], town.outputs, town.outputs / "thesis", town=name,
                           synthetic=today.synthetic, versions=display.versions(), template=template,
                           chapter=today.thesis.chapter)
    texts = {page.relative_to(town.outputs).as_posix(): site.text(page.read_text(encoding="utf-8")) for page in made}
    tables = {f"{place} ({language})": text for document in documents
              for place, both in document.get("printed", {}).items() for language, text in both.items()}
    found = recheck.recheck(texts | tables)
    wrong, cannot = recheck.wrong(found), int(found["consistent"].isna().sum())
    return [*made, *chapter], {"right": len(found) - len(wrong) - cannot, "cannot": cannot,
                               "wrong": wrong.to_dict("records")}
