"""A survey file as rows of text, and what makes rows of cells unreadable as a table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lbc.errors import IntakeError
from lbc.survey.text import seen, tidy

Fits = Callable[[list[str]], int]
"""How many of these headers the codebook knows."""


@dataclass
class Table:
    """A survey file as text.

    `rows` hold one text per header ("" for an empty cell) and `numbers` the rows' numbers in the file, as Excel (or
    SPSS) shows them. `titles` are second names of the columns (variable labels of a sav file). `labels` are value
    labels and `user_missing` missing codes that the file itself declares, by column. `notes` are
    (row, column, found, problem, done), see `values.PROBLEMS`. `total` counts the forms, unreadable ones included.
    """

    headers: list[str]
    rows: list[list[str]]
    numbers: list[int]
    encoding: str
    total: int
    titles: list[str] = field(default_factory=list)
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    user_missing: dict[str, set[str]] = field(default_factory=dict)
    notes: list[tuple[int, str, str, str, str]] = field(default_factory=list)


def from_lines(lines: list[list[str]], shown: str, encoding: str, fits: Fits, *, ragged: bool = False) -> Table:
    """Rows of cells with a header in row 1; rows of another length are reported and left out, never shifted."""
    if not lines or not any(cell.strip() for cell in lines[0]):
        raise IntakeError("row 1 is empty", shown, "headers must stand in row 1", "delete the rows above the headers")
    headers = [seen(cell).strip() for cell in lines[0]]
    _refuse_title(lines, shown, fits)
    refuse_twins(headers, shown)
    table = Table(headers, [], [], encoding, 0)
    blank = []
    for number, cells in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in cells):
            blank.append(number)
            continue
        table.notes += [(row, "", "", "blank_row", "left out") for row in blank]
        blank.clear()
        table.total += 1
        if ragged:
            cells = cells + [""] * (len(headers) - len(cells))
        elif len(cells) != len(headers):
            found = f"{len(cells)} fields, headers: {len(headers)}"
            table.notes.append((number, "", found, "fields", "the form is left out"))
            continue
        table.rows.append(cells)
        table.numbers.append(number)
    return table


def _refuse_title(lines: list[list[str]], shown: str, fits: Fits) -> None:
    filled = [[cell for cell in cells if cell.strip()] for cells in lines[:2]]
    if len(filled) == 2 and len(filled[1]) > 1 and (
        len(filled[0]) == 1 or (fits(filled[0]) == 0 and fits(filled[1]) > len(filled[1]) // 2)
    ):
        raise IntakeError(
            "row 1 looks like a title, not like headers", f"{shown}, cell A1", "the headers must stand in row 1",
            "delete the rows above the headers",
        )


def refuse_twins(headers: list[str], shown: str) -> None:
    places: dict[str, list[str]] = {}
    for index, header in enumerate(headers):
        if tidy(header):
            places.setdefault(tidy(header), []).append(f"{letter(index)}1")
    twins = {header: cells for header, cells in places.items() if len(cells) > 1}
    if twins:
        cells = "; ".join(f"{' and '.join(cells)} ('{header[:30]}')" for header, cells in list(twins.items())[:5])
        raise IntakeError(
            "columns have the same header", f"{shown}, cells {cells}", "their answers could not be told apart",
            "give each column a header of its own",
        )


def letter(index: int) -> str:
    """Column letter of Excel: 0 is A, 26 is AA."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(65 + rest) + name
    return name


def cell_text(value: Any) -> str:
    """A cell of a workbook or sav file as text: whole numbers without point, dates as ISO, nothing rounded.

    Examples
    --------
    >>> [cell_text(v) for v in (3.0, 2.5, None, " 007 ", True)]
    ['3', '2.5', '', '007', 'TRUE']
    """
    if value is None or str(value) == "NaT":
        return ""
    if isinstance(value, str):
        return value.strip(" \t\r\n")
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return "" if value != value else str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, dt.timedelta):
        return f"{value.total_seconds():g}"
    return str(value)
