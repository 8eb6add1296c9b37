"""A first codebook and params for a survey file that nobody has described yet: guesses, each one told."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from lbc.errors import DirectionError, IntakeError
from lbc.instruments import Instrument
from lbc.survey.direction import direction
from lbc.survey.draft_codebook import is_lonely, line, unique_names
from lbc.survey.draft_params import params_text
from lbc.survey.guess import Column, columns_of, guess_roles
from lbc.survey.guess_items import by_name_or_wording, by_runs, order_of_waves
from lbc.survey.intake import TOOL_COLUMNS
from lbc.survey.readers import read_table
from lbc.survey.table import Table, letter
from lbc.survey.text import bare, plain_number, question, tidy
from lbc.survey.values import NUMBER, PREFIX


@dataclass
class Proposal:
    """What `make new-town` writes.

    Parameters
    ----------
    codebook_rows : list of dict
        Lines of codebook.csv, keys `codebook.COLUMNS`.
    params_text : str
        params/<town>.yaml with comments.
    report : list of str
        What was guessed, what could not be, and what to look at first.
    """

    codebook_rows: list[dict[str, str]]
    params_text: str
    report: list[str] = field(default_factory=list)


def propose(
    path: Path,
    town_name: str,
    instruments: Sequence[Instrument],
    *,
    shown: str = "",
    sheet: str | None = None,
    file: str = "",
    name: dict[str, str] | None = None,
) -> Proposal:
    """Describe a survey file as far as its headers and cells allow.

    Parameters
    ----------
    path : Path
        xlsx, csv or sav.
    town_name : str
        Slug of the town.
    instruments : sequence of Instrument
        The scales that may be in the file.
    shown : str
        The path as messages print it; the file's name where not given.
    sheet : str, optional
        Worksheet, where a workbook has several.
    file : str
        Where the survey will stand inside the town's data folder; raw/survey.<kind> where not given.
    name : dict, optional
        The town's name in en and zh.

    Returns
    -------
    Proposal
        The codebook loads and the params validate; what they say is to be checked by somebody who knows the form.

    Raises
    ------
    IntakeError
        If the file cannot be read, or none of the instruments is in it.
    """
    table = read_table(path, shown or path.name, sheet)
    columns = columns_of(table)
    said = by_name_or_wording(columns, instruments)
    _set_aside(columns)
    guess_roles(columns)
    said += by_runs(columns, instruments)
    known = {i.id: i for i in instruments}
    found = [known[s] for s in dict.fromkeys(c.item[0] for c in columns if c.item)]
    if not found:
        raise IntakeError(
            "none of the instruments is found in this file", shown or path.name,
            f"looked for {', '.join(known)} by names ({next(iter(known), 'cls')}_01), wording and number of items",
            "give the scale's file: make new-town ... INSTRUMENT=my_scale.yaml",
        )
    outcome = _outcome(found)
    waves = order_of_waves(c.item[2] for c in columns if c.item and c.item[2]) or ["survey"]
    answers = {scale: sum((c.cells for c in columns if c.item and c.item[0] == scale), Counter()) for scale in known}
    rows = [line(column, answers, outcome, known, waves) for column in columns]
    unique_names(rows)
    said += _about_answers(columns, table, found, waves, rows)
    said += _about_columns(columns, rows)
    survey = {"file": file or f"raw/survey{path.suffix.lower()}", "sheet": sheet, "forms": table.total}
    params, about = params_text(town_name, name, survey, rows, outcome, waves)
    return Proposal(rows, params, [*_summary(table, found, outcome, waves), *said, *about])


def _outcome(found: Sequence[Instrument]) -> Instrument:
    """The measure of loneliness: the longest instrument that says so, else the longest."""
    lonely = [i for i in found if is_lonely(i)]
    return max(lonely or found, key=lambda i: len(i.scored))


def _set_aside(columns: Sequence[Column]) -> None:
    """Columns that are not read: the survey tool's own, and what identifies a child directly."""
    for column in columns:
        if not column.free:
            continue
        if not column.header:
            column.left_out = "it has no header"
        elif column.personal:
            column.left_out = "it may tell who a child is"
        elif question(column.header) in TOOL_COLUMNS and question(column.header) not in KEPT_TOOL_COLUMNS:
            column.left_out = "it is the survey tool's own"


KEPT_TOOL_COLUMNS = {"提交答卷时间", "提交时间", "所用时间", "id", "submittedat", "submissiontime", "timeused"}


def _summary(table: Table, found: Sequence[Instrument], outcome: Instrument, waves: Sequence[str]) -> list[str]:
    return [
        f"{table.total} forms, {len(table.headers)} columns ({table.encoding})",
        f"scales: {', '.join(i.id for i in found)}",
        f"{outcome.id} is taken as the measure of loneliness (outcome.scale in params)",
        f"waves inside the file, first to last: {', '.join(waves)} (survey.waves in params)",
    ]


def _about_answers(
    columns: Sequence[Column], table: Table, found: Sequence[Instrument], waves: Sequence[str], rows: Sequence[dict]
) -> list[str]:
    """Per scale: answers out of range, which way it points, and what the answers say about the key."""
    said = []
    for instrument in found:
        mine = [c for c in columns if c.item and c.item[0] == instrument.id]
        allowed = {str(code) for code in range(instrument.min, instrument.max + 1)}
        odd = sorted({code for c in mine if c.numeric for code in c.codes - allowed}, key=float)
        if odd:
            where = ", ".join(dict.fromkeys(c.header[:20] for c in mine if c.codes & set(odd)))
            said.append(
                f"{instrument.id}: answers {', '.join(odd)} lie outside {instrument.min} to {instrument.max} "
                f"({where[:80]}): add them to `missing` if they mean no answer"
            )
        first = [c for c in mine if c.item[2] in ("", waves[0])] or mine
        said += _about_direction(first, table, instrument, columns, rows)
    return said


def _about_direction(
    mine: Sequence[Column], table: Table, instrument: Instrument, columns: Sequence[Column], rows: Sequence[dict]
) -> list[str]:
    by = "the labels"
    if not any(c.labels or not c.numeric for c in mine):
        by = _label_by_scores(columns, table, instrument, rows)
    labelled = [c for c in mine if "=" in rows[c.place]["values"]]
    labels = {instrument.column(c.item[1]): _labels(rows[c.place]["values"]) for c in labelled}
    answers = {c.item[1]: [row[c.place] for row in table.rows] for c in mine}
    values = {c.item[1]: rows[c.place]["values"] for c in mine}
    frame = pd.DataFrame({instrument.column(n): _numbers(cells, values[n]) for n, cells in answers.items()})
    try:
        found = direction(frame.where((frame >= instrument.min) & (frame <= instrument.max)), instrument, labels)
    except (DirectionError, IntakeError) as error:
        return [f"LOOK FIRST: {error.what}. {error.why}. {error.fix}"]
    if found.basis == "assumed":
        return [f"{instrument.id}: the answers are bare numbers; it is ASSUMED that {instrument.max} means the most "
                "agreement. Look at the form and write the labels of the answers into `values`"]
    if not found.highest_is_agree:
        return [f"{instrument.id}: option {instrument.min} means the most agreement, by {by}; scoring allows for it"]
    return [f"{instrument.id}: the highest code means the most agreement, by {by}"]


def _label_by_scores(
    columns: Sequence[Column], table: Table, instrument: Instrument, rows: Sequence[dict[str, str]]
) -> str:
    """Label bare numbers with the instrument's anchors where scored columns beside them show which end is which."""
    mine = [c for c in columns if c.item and c.item[0] == instrument.id]
    rising = _scored_twins(mine, columns, table, instrument)
    if rising is None:
        return ""
    codes = [str(code) for code in range(instrument.min, instrument.max + 1)]
    anchors = list(zip(instrument.anchors["en"], instrument.anchors["zh"], strict=True))
    pairs = zip(codes, anchors if rising else anchors[::-1], strict=True)
    values = ";".join(f"{code}={en}|{zh}" for code, (en, zh) in pairs)
    for column in mine:
        rows[column.place]["values"] = values
    return "the columns that hold the scored answers"


def _scored_twins(
    mine: Sequence[Column], columns: Sequence[Column], table: Table, instrument: Instrument
) -> bool | None:
    """Where scored columns stand beside raw ones: whether scores of straight items rise with the raw answer."""
    scored = [c for c in columns if c.left_out == f"another version of items of {instrument.id}" and c.numeric]
    signs = []
    for column in mine:
        n, wave = column.item[1], column.item[2]
        named = re.compile(rf"(?<!\d)0*{n}(?!\d)")
        twin = next((c for c in scored if named.search(c.header) and wave in tidy(c.header).casefold()), None)
        if twin is not None:
            pairs = pd.DataFrame([(row[column.place], row[twin.place]) for row in table.rows])
            r = pairs.apply(pd.to_numeric, errors="coerce").corr().iloc[0, 1]
            signs.append(r if n not in instrument.reverse else -r)
    if not signs or abs(pd.Series(signs).mean()) < 0.3:
        return None
    return bool(pd.Series(signs).mean() > 0)


def _labels(values: str) -> dict[str, tuple[str, ...]]:
    pairs = (part.partition("=") for part in values.split(";") if part)
    return {code: tuple(label.split("|")) if label else () for code, _, label in pairs}


def _numbers(cells: Sequence[str], values: str) -> list[float]:
    """Answers as numbers, by the proposed values."""
    codes = {bare(label): code for code, labels in _labels(values).items() for label in labels}

    def number(cell: str) -> float:
        text = plain_number(tidy(cell))
        prefixed = PREFIX.fullmatch(text)
        found = text if NUMBER.fullmatch(text) else codes.get(bare(text)) or (prefixed[1] if prefixed else "")
        return float(found) if NUMBER.fullmatch(found) else float("nan")

    known = {cell: number(cell) for cell in set(cells)}
    return [known[cell] for cell in cells]


def _about_columns(columns: Sequence[Column], rows: Sequence[dict]) -> list[str]:
    """Which columns have a role, which are left out and why, and which nothing is known about."""
    said = []
    roles = [f"{c.role} = '{c.header[:25]}'" for c in columns if c.role]
    if roles:
        said.append("roles guessed from the headers: " + "; ".join(roles))
    for why in dict.fromkeys(c.left_out for c in columns if c.left_out):
        names = [c.header[:25] or f"column {letter(c.place)}" for c in columns if c.left_out == why]
        said.append(f"not read, {why}: {_some(names)}")
    coded = [(c.header[:25], sorted(set(c.cells) - c.codes)) for c in columns if c.codes and set(c.cells) - c.codes]
    if coded:
        said.append(f"taken as missing codes: {_some([f'{name}: {chr(44).join(codes)}' for name, codes in coded])}")
    mapped = [r["column"][:25] for c, r in zip(columns, rows, strict=True) if c.free and r["role"] == "predictor"]
    if mapped:
        said.append(f"taken as predictors, check their ecological level: {_some(mapped)}")
    unused = [(c, r["column"][:25]) for c, r in zip(columns, rows, strict=True) if c.free and not r["role"]]
    if partly := [name for c, name in unused if c.for_some]:
        said.append(f"answered on few forms, asked of some children only? kept, but no predictor: {_some(partly)}")
    unknown = [name for c, name in unused if not c.for_some]
    if unknown:
        said.append(f"could not be mapped, kept but not used: {_some(unknown)}")
    return said


def _some(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
