"""Run a town again in a scratch folder and hold every number against the published and the accepted ones.

Nothing published is touched; what came of it is kept in `outputs/<town>/verified.json`, for the front door.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lbc.errors import UserError
from lbc.paths import Project, Town
from lbc.pipeline import accept, commit, compare, manifest, runner
from lbc.pipeline.compare import Compared
from lbc.pipeline.graph import STAGES

RECORD = "verified.json"
KINDS = ("findings", "claims", "tables", "figure data", "notebooks", "accepted", "recorded files")
COLUMNS = {"same": "same", "close": "within 1e-9", "differs": "differ", "missing": "gone", "new": "new"}


def verify(town: Town, jobs: int = 1) -> int:
    """Compare a fresh run with what is published and accepted; prints a table and the first difference.

    Parameters
    ----------
    town : Town
    jobs : int
        How many notebooks run at once.

    Returns
    -------
    int
        0 if all results are the same, 1 if one differs, 2 or 3 if the fresh run failed.

    Raises
    ------
    UserError
        If there is nothing to compare with.
    """
    commit.heal(town)
    if not any((town.outputs / "findings").glob("*.json")) and not town.accepted.exists():
        raise UserError(f"'{town.name}' has no results to compare with", where=f"outputs/{town.name}",
                        fix=f"make all TOWN={town.name}")
    with tempfile.TemporaryDirectory(prefix="lbc-verify-") as folder:
        fresh = scratch(town, Path(folder).resolve())
        outcome = runner.run(fresh, jobs)
        for error in outcome.failures.values():
            print(f"\n{error}", file=sys.stderr)
        if outcome.failures:
            _record(town, [])
            print("the results cannot be compared: the fresh run failed")
            return outcome.exit_code
        found = [*compare.folders(town.outputs, fresh.outputs), *_accepted(town, fresh), *_notebooks(town, fresh),
                 *integrity(town)]
    print(report(found))
    if not town.accepted.exists():
        print(f"nothing is accepted yet, so only the last run was compared: make accept TOWN={town.name}")
    return int(not _record(town, found))


def last(town: Town) -> dict[str, Any] | None:
    """What the last verification of the present results came to; None where they were not verified.

    Returns
    -------
    dict or None
        `same`, `numbers` (how many findings, claims and files were compared; 0 where the fresh run failed), `differ`
        (how many of them are not the same) and `of` (the results it was made of).

    Raises
    ------
    UserError
        If the file is not one that `verify` wrote.
    """
    path = town.outputs / RECORD
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return kept if kept["of"] == _results(town) and {"same", "numbers", "differ"} <= set(kept) else None
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise UserError("this is not what verify wrote", where=town.shown(path), fix="delete it") from None


def _record(town: Town, found: list[Compared]) -> bool:
    """Keep what was found and whether all of it is the same; nothing was found where the fresh run failed."""
    differ = sum(item.verdict not in ("same", "close") for item in found)
    kept = {"same": bool(found) and not differ, "numbers": len(found), "differ": differ, "of": _results(town)}
    try:
        manifest.replace(town.outputs / RECORD, json.dumps(kept, indent=1) + "\n")
    except OSError as error:  # a checkout that is only read can be verified all the same
        print(f"note: {town.shown(town.outputs / RECORD)} could not be written ({error.strerror}); the front door "
              "will not show this result", file=sys.stderr)
    return not differ


def _results(town: Town) -> str:
    """Hash of what the stages read and wrote; that a report was made of it since does not matter."""
    return hashlib.sha256(json.dumps(manifest.read(town), sort_keys=True).encode()).hexdigest()


def scratch(town: Town, root: Path) -> Town:
    """A project that holds copies of one town's inputs and nothing else."""
    (root / "params").mkdir()
    for path in (town.params, town.claims):
        if path.exists():
            shutil.copy(path, root / "params")
    shutil.copytree(town.data, root / "data" / town.name)
    shutil.copytree(town.project.notebooks, root / "notebooks", ignore=shutil.ignore_patterns(".*"))
    return Project(root).town(town.name)


def integrity(town: Town) -> Iterator[Compared]:
    """Published files that are not what the last run wrote. A file that is not there may simply not be committed."""
    for entry in [*manifest.read(town).values(), manifest.report(town)]:
        for name, recorded in entry.get("outputs", {}).items():
            present = manifest.digest(town.outputs / name)
            if present not in (None, recorded):
                yield Compared("recorded files", name, "differs", f"{recorded[:12]} as recorded in manifest.json",
                               f"{present[:12]}: changed by hand?")
            elif present:
                yield Compared("recorded files", name, "same")


def _accepted(town: Town, fresh: Town) -> Iterator[Compared]:
    old, new = accept.read(town), accept.reference(fresh.outputs)
    for id in [*old["findings"], *(i for i in new["findings"] if i not in old["findings"] and old["findings"])]:
        place = f"accepted.json, {id}"
        if id not in new["findings"] or id not in old["findings"]:
            yield Compared("accepted", place, "missing" if id in old["findings"] else "new")
        else:
            pair = (dict(compare.leaves(numbers["findings"][id])) for numbers in (old, new))
            yield compare.held("accepted", place, *pair)
    for id, claim in old["claims"].items():
        if id in new["claims"]:
            found = compare.claim(f"accepted.json, claim {id}", claim, new["claims"][id])
            yield dataclasses.replace(found, kind="accepted")
        else:
            yield Compared("accepted", f"accepted.json, claim {id}", "missing")


def _notebooks(town: Town, fresh: Town) -> Iterator[Compared]:
    """The committed notebooks of the town they were executed for; of other towns the last run's."""
    own = accept.default_town(town.project) == town.name
    folder, made = (town.project.notebooks, "private/executed") if own else (town.outputs / "notebooks", "notebooks")
    for stage in STAGES:
        path = folder / f"{stage}.ipynb"
        if not path.exists():
            continue
        old, new = (json.loads(p.read_text(encoding="utf-8")) for p in (path, fresh.outputs / made / path.name))
        if any(cell.get("execution_count") for cell in old["cells"]):
            yield compare.notebooks(path.relative_to(town.project.root).as_posix(), old, new)


def report(found: list[Compared]) -> str:
    """A table of counts, then what is close and the first differences in words."""
    lines = [f"{'':18}" + "".join(f"{title:>13}" for title in COLUMNS.values())]
    for kind in KINDS:
        of_kind = [item.verdict for item in found if item.kind == kind]
        if of_kind:
            lines.append(f"{kind:18}" + "".join(f"{of_kind.count(verdict):13}" for verdict in COLUMNS))
    close = [item for item in found if item.verdict == "close"]
    if close:
        lines += ["", "equal within 1e-9 but not exactly (another processor or library):"]
        lines += [f"  {item}" for item in close[:5]]
    others = [item for item in found if item.verdict in ("differs", "missing", "new")]
    if others:
        lines += ["", f"THE RESULTS DIFFER. The first difference:\n  {others[0]}"]
        lines += [f"and {len(others) - 1} more:", *(f"  {item}" for item in others[1:10])] if others[1:] else []
    else:
        lines += ["", "The results are the same."]
    return "\n".join(lines)
