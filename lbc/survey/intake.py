"""A survey file to a typed frame: columns found, cells read, and everything that did not map reported."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lbc.errors import IntakeError
from lbc.survey.codebook import Codebook, Variable
from lbc.survey.readers import read_table
from lbc.survey.table import Table, letter
from lbc.survey.text import bare, is_chinese, is_number_key, number_key, question, seen, tidy
from lbc.survey.values import EMPTIED, PROBLEMS, Cell, reader

REPORT = ["row", "column", "variable", "found", "problem", "done"]
NOT_SHOWN = "(not shown)"
LONG_NUMBER = re.compile(r"\d{7,}")
TOOL_COLUMNS = {
    bare(name)
    for name in (
        "序号", "提交答卷时间", "提交时间", "所用时间", "来源", "来源详情", "来自IP", "IP", "IP地址", "总分", "得分",
        "ID", "submitted at", "submission time", "time used", "source", "source detail", "IP address", "total score",
    )
}
Note = tuple[int, str, str, str, str, str]
"""row, column, variable, found, key of the problem, done."""


@dataclass(frozen=True)
class Intake:
    """A survey as read.

    Parameters
    ----------
    frame : DataFrame
        One row per form, one column per variable of the codebook; index `row` = row in the file as Excel shows it
        (header = 1; for sav the case number). id, choice, multi and text are text (choices as codes), item, number
        and duration float, date and datetime Timestamps; missing is NaN.
    report : DataFrame
        row, column, variable, found, problem, done: everything that did not map. `problem` is one of the English
        texts of `values.PROBLEMS`; row 1 stands for a whole column.
    encoding : str
        Encoding or kind of the file.
    rows : int
        Forms in the file, unreadable ones included.
    missing : DataFrame
        variable, column, answered, empty, declared (missing codes), not_read (cells of the report set to missing).
    """

    frame: pd.DataFrame
    report: pd.DataFrame
    encoding: str
    rows: int
    missing: pd.DataFrame

    def summary(self, language: str = "en") -> pd.DataFrame:
        """How many cells, in how many columns, each problem concerns, and how many of them became missing.

        Columns: problem, cells, columns, set_to_missing.
        """
        words = {text["en"]: text[language] for text in PROBLEMS.values()}
        report = self.report.assign(gone=self.report["done"].eq(EMPTIED))
        groups = report.groupby("problem", sort=False)
        table = groups.agg(cells=("row", "size"), columns=("column", "nunique"), set_to_missing=("gone", "sum"))
        table = table.reset_index()
        table["problem"] = table["problem"].map(words)
        return table


def read(
    path: Path,
    codebook: Codebook,
    shown: str,
    sheet: str | None = None,
    *,
    expected_rows: int | None = None,
    partial: bool = False,
) -> Intake:
    """Read a survey file by its codebook.

    Parameters
    ----------
    path : Path
        xlsx, csv (UTF-8, GB18030, UTF-16; comma, tab or semicolon) or sav.
    codebook : Codebook
    shown : str
        The path as messages print it.
    sheet : str, optional
        Worksheet, where a workbook has several.
    expected_rows : int, optional
        Forms handed in; fewer in the file mean that it was cut off.
    partial : bool
        The file holds only some of the codebook's columns (a re-survey): the others are left out of the frame instead
        of being reported.

    Returns
    -------
    Intake

    Raises
    ------
    IntakeError
        If the file cannot be read with certainty, no column of it is in the codebook, or the id column is missing.
    """
    wanted = [v for v in codebook.variables if v.type != "ignore"]
    table = read_table(path, shown, sheet, lambda headers: len(_Matcher(headers, [], codebook).found))
    if expected_rows is not None and table.total < expected_rows:
        raise IntakeError(
            f"{table.total} forms where {expected_rows} were handed in", f"{shown}, row {table.numbers[-1]}",
            "the file was cut off, or forms were deleted",
            "export it again; if the number in params is wrong, correct survey.expected_rows",
        )
    matcher = _Matcher(table.headers, table.titles, codebook)
    _refuse_strangers(matcher, codebook, shown)
    notes = [(row, column, _variable_of(column, table, matcher), *rest) for row, column, *rest in table.notes]
    if expected_rows is not None and table.total > expected_rows:
        notes.append((1, "", "", f"{table.total}, expected {expected_rows}", "more_rows", "all are read"))
    notes += matcher.notes(table, partial)
    wenjuanxing = {"提交答卷时间", "所用时间"} <= {question(header) for header in table.headers}
    secrets = _secrets(table, matcher)
    cells = list(zip(*table.rows, strict=True))
    columns: dict[str, pd.Series] = {}
    counts = []
    index = pd.Index(table.numbers, name="row")
    for variable in wanted:
        place = matcher.found.get(variable.variable)
        if place is None and partial:
            continue
        raw = ("",) * len(table.rows) if place is None else cells[place]
        read_cells = _read_column(raw, variable, table, place, wenjuanxing)
        columns[variable.variable] = _typed([cell.value for cell in read_cells], variable, index)
        if place is not None:
            notes += _label_notes(variable, table, place)
            notes += _cell_notes(raw, read_cells, variable, table, place, secrets)
        counts.append(_count(raw, read_cells, variable))
    frame = pd.DataFrame(columns, index=index)
    missing = pd.DataFrame(counts, columns=["variable", "column", "answered", "empty", "declared", "not_read"])
    return Intake(frame, _report(notes), table.encoding, table.total, missing)


class _Matcher:
    """Which header is which variable: exact name, alias, then question text, then question number."""

    def __init__(self, headers: list[str], titles: list[str], codebook: Codebook) -> None:
        self.headers = headers
        self.variables = codebook.variables
        self.found: dict[str, int] = {}
        self.by_text: set[str] = set()
        self.ambiguous: dict[str, list[int]] = {}
        taken: set[int] = set()
        titles = titles or [""] * len(headers)
        exact = {tidy(header): place for place, header in reversed(list(enumerate(headers))) if header}
        for v in self.variables:
            place = next((exact[tidy(name)] for name in (v.column, *v.aliases) if tidy(name) in exact), None)
            if place is not None and place not in taken:
                self.found[v.variable] = place
                taken.add(place)
        texts = [{question(header), question(title)} - {""} for header, title in zip(headers, titles, strict=True)]
        asked = {
            v.variable: {question(n) for n in (v.column, *v.aliases, *v.question.values())} - {""}
            for v in self.variables
        }
        self._match(taken, asked, texts)
        numbers = [{number_key(header)} - {""} for header in headers]
        placed = {
            v.variable: {number_key(n) for n in (v.column, *v.aliases) if is_number_key(n)} for v in self.variables
        }
        self._match(taken, placed, numbers)

    def _match(self, taken: set[int], names: dict[str, set[str]], keys: list[set[str]]) -> None:
        """Match what is left by further names; a name that fits several columns or variables fits none."""
        left = [v for v in self.variables if v.variable not in self.found]
        for v in left:
            places = [p for p, key in enumerate(keys) if p not in taken and key & names[v.variable]]
            rivals = places and [w for w in left if w is not v and names[w.variable] & names[v.variable]]
            if len(places) == 1 and not rivals:
                self.found[v.variable] = places[0]
                self.by_text.add(v.variable)
                self.ambiguous.pop(v.variable, None)
            elif places and v.type != "ignore":
                self.ambiguous[v.variable] = places
        taken |= set(self.found.values())

    def notes(self, table: Table, partial: bool) -> list[Note]:
        """What there is to say of columns: missing, ambiguous, unknown, matched by text only."""
        notes: list[Note] = []
        for v in self.variables:
            place = self.found.get(v.variable)
            if place is not None:
                if v.variable in self.by_text:
                    header = self.headers[place]
                    notes.append((1, header, v.variable, header[:40], "header", f"read as {v.variable}"))
            elif v.variable in self.ambiguous:
                cells = ", ".join(f"{letter(p)}1" for p in self.ambiguous[v.variable])
                notes.append((1, v.column, v.variable, cells, "ambiguous", "not read"))
            elif not partial and v.type != "ignore":
                free = [h for p, h in enumerate(self.headers) if p not in self.found.values()]
                close = difflib.get_close_matches(v.column, free, n=1)
                done = "all missing" + (f"; did you mean '{close[0][:40]}'?" if close else "")
                notes.append((1, v.column, v.variable, "", "missing_column", done))
        for place, header in enumerate(self.headers):
            if place not in self.found.values():
                filled = any(row[place].strip() for row in table.rows)
                if header:
                    kind = "tool" if question(header) in TOOL_COLUMNS else "unknown"
                    notes.append((1, header, "", "", kind, "left out"))
                elif filled:
                    notes.append((1, "", "", f"column {letter(place)}", "unnamed", "left out"))
        return notes


def _refuse_strangers(matcher: _Matcher, codebook: Codebook, shown: str) -> None:
    wanted = [v for v in codebook.variables if v.type != "ignore"]
    if not any(v.variable in matcher.found for v in wanted):
        raise IntakeError(
            "none of the codebook's columns is in the file", shown,
            f"headers there: {', '.join(h[:20] for h in matcher.headers[:4])}; wanted: "
            f"{', '.join(v.column[:20] for v in wanted[:4])}",
            "give the right file, or correct `column` in codebook.csv",
        )
    key = codebook.role("id")
    if key is not None and key.variable not in matcher.found:
        raise IntakeError(
            f"the column of the respondents' ids, '{key.column[:40]}', is not in the file", f"{shown}, row 1",
            "without ids nothing can be joined or checked for duplicates",
            f"correct `column` of {key.variable} in codebook.csv, or add its present header to `aliases`",
        )


def _variable_of(column: str, table: Table, matcher: _Matcher) -> str:
    place = table.headers.index(column) if column in table.headers and column else None
    return next((name for name, p in matcher.found.items() if p == place), "")


def _secrets(table: Table, matcher: _Matcher) -> set[str]:
    """Cells of direct identifiers: such a value is not shown wherever else it stands."""
    places = [matcher.found[v.variable] for v in matcher.variables if v.private and v.variable in matcher.found]
    return {tidy(row[place]) for row in table.rows for place in places}


def _read_column(
    raw: tuple[str, ...], variable: Variable, table: Table, place: int | None, wenjuanxing: bool
) -> list[Cell]:
    header = table.headers[place] if place is not None else ""
    user_missing = frozenset(table.user_missing.get(header, ()))
    read_cell = reader(variable, wenjuanxing=wenjuanxing, user_missing=user_missing)
    cells = {text: read_cell(text) for text in set(raw)}  # a column has few different texts
    return [cells[text] for text in raw]


def _typed(values: list[object], variable: Variable, index: pd.Index) -> pd.Series:
    if variable.type in ("item", "number", "duration"):
        return pd.Series(values, index=index, dtype=float)
    if variable.type in ("date", "datetime"):
        return pd.to_datetime(pd.Series(values, index=index, dtype=str), format="ISO8601")
    return pd.Series(values, index=index, dtype=str)


def _label_notes(variable: Variable, table: Table, place: int) -> list[Note]:
    """Codes that the file itself (sav) labels otherwise than the codebook does."""
    header, notes = table.headers[place], []
    for code, label in table.labels.get(header, {}).items():
        known = variable.values.get(code)
        if known and bare(label) not in {bare(name) for name in known} and code not in variable.missing:
            found = NOT_SHOWN if variable.private else f"{code}={label}"[:40]
            notes.append((1, header, variable.variable, found, "labels", f"read as {known[0][:20]}"))
    return notes


def _cell_notes(
    raw: tuple[str, ...], cells: list[Cell], variable: Variable, table: Table, place: int, secrets: set[str]
) -> list[Note]:
    header = table.headers[place]
    return [
        (row, header, variable.variable, _shown(text, variable, secrets), cell.problem, cell.done)
        for row, text, cell in zip(table.numbers, raw, cells, strict=True)
        if cell.problem
    ]


def _shown(text: str, variable: Variable, secrets: set[str]) -> str:
    """The cell for the report, unless it could tell who a child is."""
    tidied = tidy(text)
    long = len(tidied) > (12 if is_chinese(tidied) else 20)
    hidden = long or variable.private or tidied in secrets or LONG_NUMBER.search(tidied) or "〖" in text
    return NOT_SHOWN if hidden else seen(text).strip()


def _count(raw: tuple[str, ...], cells: list[Cell], variable: Variable) -> tuple[str, str, int, int, int, int]:
    empty = sum(not text.strip() for text in raw)
    answered = sum(cell.value is not None for cell in cells)
    not_read = sum(cell.value is None and cell.problem not in ("", "user_missing") for cell in cells)
    return variable.variable, variable.column, answered, empty, len(raw) - empty - answered - not_read, not_read


def _report(notes: list[Note]) -> pd.DataFrame:
    report = pd.DataFrame(notes, columns=REPORT).astype({"row": int})
    report["problem"] = report["problem"].map({key: text["en"] for key, text in PROBLEMS.items()}).astype(str)
    return report.sort_values("row", kind="stable", ignore_index=True)
