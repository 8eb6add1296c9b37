"""Start a town from a survey file: all of it, or nothing."""

from __future__ import annotations

import csv
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from lbc.errors import UNSEEN, IntakeError, TownError, printable
from lbc.paths import PACKAGE, Project, Town

README = """# {town}

Say here before anybody analyses: where the data come from, who agreed (guardians and children), who may see them,
and under which licence. Nothing in this folder leaves your machine unless you change .gitignore.

| file | what it is |
|---|---|
| `raw/{file}` | the survey as exported; never edited |
| `codebook.csv` | which column is which variable: drafted, please check |
"""


def new_town(town: Town, data: Path, scales: list[Path]) -> int:
    """Draft params, claims, codebook and README of a town from its survey file; the file is copied unchanged.

    Parameters
    ----------
    town : Town
        Must not exist yet.
    data : Path
        The survey as exported.
    scales : list of Path
        YAML files of instruments that the package lacks.

    Raises
    ------
    TownError
        If the town exists.
    IntakeError
        If a file is missing or cannot be read. Nothing is written then.
    """
    from lbc import instruments
    from lbc.survey.propose import propose

    for place in (town.params, town.claims, town.data, town.outputs):
        if place.exists():
            raise TownError(f"the town '{town.name}' exists already", where=town.shown(place),
                            why="nothing of an existing town is ever overwritten", fix="choose another TOWN=name")
    for path in (data, *scales):
        if not path.is_file():
            raise IntakeError("there is no such file", str(path), fix=f"make new-town TOWN={town.name} DATA=file")
    town.project.root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=town.project.root, prefix=".new-town-") as folder:
        draft = Project(Path(folder)).town(town.name)
        for place in (draft.params.parent, draft.data / "raw"):
            place.mkdir(parents=True)
        copied = draft.data / "raw" / _name(data)
        shutil.copyfile(data, copied)
        own = draft.data / "instruments"
        for path in scales:
            own.mkdir(exist_ok=True)
            shutil.copyfile(path, own / f"{path.stem}.yaml")
        known = [instruments.load(scale, own) for scale in instruments.available(own)]
        proposal = propose(copied, town.name, known, shown=str(data), file=f"raw/{copied.name}")
        _write(draft, proposal, copied.name)
        for place in (town.params.parent, town.data.parent):
            place.mkdir(parents=True, exist_ok=True)
        draft.data.replace(town.data)  # params last: only with them is there a town
        draft.claims.replace(town.claims)
        draft.params.replace(town.params)
    print(printable("\n".join(proposal.report)))
    print(f"drafted: {town.shown(town.params)}, {town.shown(town.codebook)}\n"
          f"check both, then: make check TOWN={town.name} and make all TOWN={town.name}")
    return 0


def _name(data: Path) -> str:
    """The copy's name: of the file's own only a plain suffix is kept (what the file is, its first bytes say)."""
    suffix = data.suffix.lower()
    return f"survey{suffix if re.fullmatch(r'[.][a-z]{1,5}', suffix) else '.csv'}"


def _write(draft: Town, proposal: Any, file: str) -> None:
    draft.params.write_text(proposal.params_text, encoding="utf-8", newline="\n")
    template = Project(PACKAGE.parent).town("s_town").claims
    shutil.copyfile(template, draft.claims)  # what a town has no data for, notebook 05 says cannot be tested
    (draft.data / "README.md").write_text(README.format(town=draft.name, file=file), encoding="utf-8", newline="\n")
    rows = proposal.codebook_rows
    with draft.codebook.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _plain(text) for name, text in row.items()} for row in rows)


def _plain(text: str) -> str:
    """A cell of the codebook that no spreadsheet runs; reading the codebook takes the apostrophe away again."""
    from lbc.reporting.tables import guard

    text = UNSEEN.sub("", text)
    return text if re.fullmatch(r"[-+]?\d+(\.\d+)?", text) else guard(text)
