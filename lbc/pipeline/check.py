"""Check a town without running anything: every mistake that can be found beforehand, and what each stage lacks."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lbc import params as town_params
from lbc.errors import UserError, printable
from lbc.params import Params
from lbc.paths import Town
from lbc.pipeline.registration import registration

DERIVED = {"age", "girl", "grade", "school", "class", "left_behind", "left_behind_one_or_both_parents",
           "left_behind_state_council_2016", "parents_away", "months_away", "father_away", "mother_away"}
MOST_ROWS = 15


@dataclass
class Checked:
    """What was found: `mend` must be mended before a run makes sense, `notes` is worth knowing."""

    mend: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def attempt(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        """What the function returns, or None after noting the user's mistake it found."""
        try:
            return function(*args, **kwargs)
        except UserError as error:
            self.mend.append(str(error))
            return None


def check(town: Town) -> int:
    """Print what must be mended and what the stages will lack.

    Returns
    -------
    int
        0 if everything can run, 2 if something must be mended.
    """
    found = inspect(town)
    for text in found.mend:
        print(f"mend  {printable(text).replace(chr(10), chr(10) + '      ')}")
    for text in found.notes:
        print(f"note  {printable(text).replace(chr(10), chr(10) + '      ')}")
    count = len(found.mend)
    ready = f"{town.name} is ready: make all TOWN={town.name}"
    print(ready if not count else f"{count} to mend; then run again: make check TOWN={town.name}")
    return 2 if count else 0


def inspect(town: Town) -> Checked:
    """Everything that can be said about a town's files before its notebooks run."""
    from lbc.reporting import claims

    found = Checked()
    today = found.attempt(town_params.load, town)
    if town.claims.exists():
        found.attempt(claims.load, town.claims, town.shown(town.claims))
    else:
        found.mend.append(f"{town.shown(town.claims)}: there is no such file\n  why: notebook 05 judges these claims")
    if today is None:
        return found
    codebook = _codebook(town, today, found)
    if codebook is not None:
        _variables(town, today, codebook, found)
        _survey(town, today, codebook, found)
    _optional(town, today, found)
    return found


def _codebook(town: Town, today: Params, found: Checked) -> Any:
    from lbc import instruments
    from lbc.survey import codebook

    book = found.attempt(codebook.load, town.codebook, town.shown(town.codebook), today.survey.waves)
    scales = [today.outcome.scale, *(book.scales() if book is not None else [])]
    for scale in dict.fromkeys(scales):
        found.attempt(instruments.load, scale, town.data / "instruments")
    if book is not None and today.outcome.scale not in book.scales():
        found.mend.append(f"{town.shown(town.codebook)}: no column is an item of '{today.outcome.scale}', the "
                          f"outcome of params\n  fix: type item, scale {today.outcome.scale} and the item's number")
    return book


def _variables(town: Town, today: Params, codebook: Any, found: Checked) -> None:
    """Variables that params name must be in the codebook or be derived from it."""
    comparison, work = today.comparison, today.intervention
    named = {"comparison.group.variable": [comparison.group.variable], "comparison.covariates": comparison.covariates,
             "comparison.cluster": [comparison.cluster] if comparison.cluster else [],
             "intervention.eligible": [asked.variable for asked in (work.eligible if work else None) or []]}
    known = DERIVED | {variable.variable for variable in codebook.variables}
    for key, names in named.items():
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                meant = f"; did you mean '{near[0]}'?" if near else ""
                found.mend.append(f"{town.shown(town.params)}: {key}: no variable is called '{name}'{meant}")


def _survey(town: Town, today: Params, codebook: Any, found: Checked) -> None:
    from lbc.survey import intake

    for relative, partial in ((today.survey.file, False), (today.survey.resurvey, True)):
        if relative is None:
            continue
        path = town.data / relative
        if not path.is_file():
            found.mend.append(f"{town.shown(path)}: there is no such file\n  fix: put it there, or mend params")
            continue
        expected = None if partial else today.survey.expected_rows
        read = found.attempt(intake.read, path, codebook, town.shown(path), None if partial else today.survey.sheet,
                             expected_rows=expected, partial=partial)
        if read is not None:
            found.notes.append(_summary(town, path, read))


def _summary(town: Town, path: Path, read: Any) -> str:
    lines = [f"{town.shown(path)}: {read.rows} forms, {len(read.report)} places to know of (notebook 01 lists all)"]
    for row in read.report.head(MOST_ROWS).itertuples():
        lines.append(f"  row {row.row}, column {row.column}: {row.problem}: {row.found} ({row.done})")
    more = len(read.report) - MOST_ROWS
    return "\n".join([*lines, *([f"  ... and {more} more"] if more > 0 else [])])


def _optional(town: Town, today: Params, found: Checked) -> None:
    """Data that a town may lack: named in params and absent is a mistake, not named is a state."""
    work = today.intervention
    if work is not None and (registered := found.attempt(registration, town, work)) is not None:
        found.notes.append(f"protocol of group and case work registered: {registered.words['en']}")
    files = {
        "03_ecological_causes": [] if today.interviews is None else [today.interviews.file],
        "04_intervention_evaluation": [] if work is None else [
            work.measures, work.sessions, work.observations, work.case_log, work.goals, work.logic_model],
    }
    lacking = {"03_ecological_causes": "interviews", "04_intervention_evaluation": "group work and case work"}
    for stage, names in files.items():
        absent = [town.shown(town.data / name) for name in names if not (town.data / name).is_file()]
        if not names:
            found.notes.append(f"{stage}: {lacking[stage]} are left out of params: shown as not collected")
        elif absent:
            found.notes.append(f"{stage}: {', '.join(absent)} missing: shown as not collected")
