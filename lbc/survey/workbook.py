"""Workbooks (.xlsx): checked as archives first, then read as stored values, one sheet, header in row 1."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from lbc.errors import IntakeError
from lbc.survey.table import Fits, Table, cell_text, from_lines
from lbc.survey.text import seen

LARGEST = 200 * 1024 * 1024
RATIO = 200
BLANK_ROWS = 1000
MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*ref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')
HIDDEN = re.compile(rb'<(?:\w+:)?row\s[^>]*?\br="(\d+)"[^>]*?\bhidden="(?:1|true)"')
UNCOMPUTED = re.compile(
    rb'<(?:\w+:)?c\s[^>]*?\br="([A-Z]+)(\d+)"[^>]*>\s*<(?:\w+:)?f(?:\s[^>]*)?(?:/>|>[^<]*</(?:\w+:)?f>)\s*'
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)


def read_workbook(path: Path, shown: str, sheet: str | None, fits: Fits) -> Table:
    import openpyxl

    _check_zip(path, shown)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of features that do not concern cell values
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            try:
                chosen = _sheet(book, sheet, shown)
                others = [s.title for s in book.worksheets if s.title != chosen.title]
                lines, stopped = _lines(chosen)
                with ZipFile(path) as archive:
                    xml = archive.read(chosen._worksheet_path)
            finally:
                book.close()
    except IntakeError:
        raise
    except Exception as error:  # a damaged workbook can fail anywhere inside the parser
        raise IntakeError(
            f"the workbook is damaged ({type(error).__name__})", shown, "its parts contradict each other",
            "open it in Excel or WPS and save it again as .xlsx",
        ) from None
    _refuse_merged_header(xml, shown)
    table = from_lines(lines, shown, f"workbook, sheet {chosen.title}", fits, ragged=True)
    table.notes += list(_sheet_notes(xml, table))
    if stopped:
        table.notes.append((stopped, "", "", "blank_rows", f"reading stopped after {BLANK_ROWS} empty rows"))
    for name in others:
        table.notes.append((1, "", seen(name)[:20], "other_sheet", "not read"))
    return table


def _check_zip(path: Path, shown: str) -> None:
    """Refuse archives that are damaged, locked, or grow beyond all measure, before a parser sees them."""
    try:
        with ZipFile(path) as archive:
            parts = archive.infolist()
            size = sum(part.file_size for part in parts)
            if size > LARGEST or size > max(RATIO * path.stat().st_size, 10 * 1024 * 1024):
                raise IntakeError(
                    f"the workbook unpacks to {size // 2**20} MiB", shown, "no survey does; it may be a zip bomb",
                    "copy the cells with answers into a new workbook",
                )
            if any(part.flag_bits & 1 for part in parts):
                raise IntakeError("the file is protected by a password", shown, fix="save it without a password")
            if not any(part.filename.startswith("xl/") for part in parts):
                raise IntakeError("this zip archive is not a workbook", shown, fix="unpack it and give the .xlsx")
            broken = archive.testzip()
    except IntakeError:
        raise
    except Exception as error:  # zipfile passes on whatever its decompressors raise
        raise _damaged(shown, type(error).__name__) from None
    if broken:
        raise _damaged(shown, f"checksum of {broken}")


def _damaged(shown: str, why: str) -> IntakeError:
    return IntakeError(
        "the workbook is damaged", shown, f"it was cut off or changed on its way ({why})", "copy or export it again"
    )


def _sheet(book: Any, sheet: str | None, shown: str) -> Any:
    names = [s.title for s in book.worksheets]
    if sheet is not None:
        if sheet not in names:
            why = "sheets: " + ", ".join(names)
            raise IntakeError(f"there is no sheet '{sheet}'", shown, why, "correct survey.sheet in params")
        return book[sheet]
    filled = []
    for candidate in book.worksheets:
        candidate.reset_dimensions()  # some tools write a wrong range; openpyxl would then cut the sheet
        top = list(candidate.iter_rows(max_row=20, values_only=True))
        if candidate.sheet_state == "visible" and any(any(row) for row in top):
            filled.append(candidate)
    if len(filled) == 1:
        return filled[0]
    raise IntakeError(
        "the workbook has several sheets with cells" if filled else "the workbook has no visible sheet with cells",
        shown, "sheets: " + ", ".join(names), "name the sheet with the forms in params: survey.sheet",
    )


def _lines(sheet: Any) -> tuple[list[list[str]], int]:
    """Cells as text, and the row where reading stopped because only empty rows followed (0: it did not)."""
    sheet.reset_dimensions()
    lines: list[list[str]] = []
    blank = 0
    with closing(sheet.iter_rows(values_only=True)) as rows:
        for row in rows:
            cells = [cell_text(value) for value in row]
            lines.append(cells)
            blank = 0 if any(cells) else blank + 1
            if blank >= BLANK_ROWS:
                break
    end = len(lines) - blank
    return lines[:end], len(lines) if blank >= BLANK_ROWS else 0


def _refuse_merged_header(xml: bytes, shown: str) -> None:
    merged = [f"{a.decode()}{r.decode()}:{b.decode()}{s.decode()}" for a, r, b, s in MERGED.findall(xml) if r == b"1"]
    if merged:
        raise IntakeError(
            "header cells are merged", f"{shown}, cells {', '.join(merged[:5])}",
            "each column needs a header of its own", "unmerge them and write one header per column in row 1",
        )


def _sheet_notes(xml: bytes, table: Table) -> Iterable[tuple[int, str, str, str, str]]:
    """What only the sheet's source tells: merged data cells, hidden rows, formulas without a stored value."""

    def header(column: bytes) -> str:
        index = 0
        for char in column:
            index = index * 26 + char - 64
        return table.headers[index - 1] if index <= len(table.headers) else column.decode()

    for first, top, last, bottom in MERGED.findall(xml):
        span = f"{first.decode()}{top.decode()}:{last.decode()}{bottom.decode()}"
        yield int(top), header(first), span, "merged", "only its first cell has a value"
    for row in HIDDEN.findall(xml):
        yield int(row), "", "", "hidden_row", "read like the others"
    for column, row in UNCOMPUTED.findall(xml):
        yield int(row), header(column), "", "formula", "empty"
