"""Survey files to tables of text: csv, xlsx and sav, each read strictly, nothing guessed and nothing shifted."""

from __future__ import annotations

import csv
import io
import re
import warnings
from pathlib import Path
from typing import Any

from lbc.errors import IntakeError
from lbc.survey.table import Fits, Table, cell_text, from_lines, refuse_twins
from lbc.survey.text import bare, tidy
from lbc.survey.workbook import LARGEST, read_workbook


def read_table(path: Path, shown: str, sheet: str | None = None, fits: Fits | None = None) -> Table:
    """Read a survey file of any supported kind.

    Parameters
    ----------
    path : Path
    shown : str
        The path as messages print it.
    sheet : str, optional
        Name of the worksheet of a workbook that has several.
    fits : callable, optional
        How many headers the codebook knows; decides between encodings and separators. Without it a header in GB18030
        is accepted when all its characters are common Chinese ones.

    Returns
    -------
    Table

    Raises
    ------
    IntakeError
        If the file cannot be read whole and with certainty.
    """
    if not path.is_file():
        raise IntakeError("there is no such file", shown, fix="put the survey there, or correct params: survey.file")
    if path.stat().st_size > LARGEST:
        raise IntakeError("the file has more than 200 MiB", shown, "no questionnaire has", "give the survey file")
    with path.open("rb") as file:
        start = file.read(4096)
    suffix = path.suffix.lower()
    if not start.strip():
        raise IntakeError("the file is empty", shown, fix="export the survey again")
    if start.startswith(b"PK"):
        table = read_workbook(path, shown, sheet, fits or plausible)
    elif start.startswith((b"$FL2", b"$FL3")):
        table = _spss(path, shown)
    else:
        _refuse_what_is_no_text(path, shown, start, suffix)
        table = _delimited(path, shown, fits or plausible)
    if not table.rows:
        what = f"none of the {table.total} forms can be read" if table.total else "there are headers but no forms"
        why = "; ".join(f"row {row}: {found}" for row, _, found, kind, _ in table.notes[:3] if kind == "fields")
        raise IntakeError(what, shown, why, "export the survey again, with its answers")
    return table


def plausible(headers: list[str]) -> int:
    """Headers whose Chinese characters are all common ones: what a wrong encoding hardly ever gives."""

    def common(text: str) -> bool:
        try:
            raw = [char.encode("gb2312") for char in text]
        except UnicodeEncodeError:
            return False
        return all(len(char) == 1 or char[0] < 0xB0 or 0xB0 <= char[0] <= 0xD7 for char in raw)  # level 1 of GB 2312

    known = [common(header) for header in map(tidy, headers) if header]
    return sum(known) if all(known) else 0


def _refuse_what_is_no_text(path: Path, shown: str, start: bytes, suffix: str) -> None:
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        locked = "EncryptedPackage".encode("utf-16-le") in path.read_bytes()
        what = "the workbook is protected by a password" if locked else "this is a workbook of the old .xls kind"
        raise IntakeError(what, shown, "it cannot be read safely", "open it in Excel or WPS and save it as .xlsx")
    if re.match(rb"\s*(<!doctype|<html|<table|<\?xml|<meta)", start.removeprefix(b"\xef\xbb\xbf").lower()):
        raise IntakeError(
            "this is a web page, whatever its name says", shown, "some survey tools export HTML under the name .xls",
            "open it in Excel or WPS and save it as .xlsx",
        )
    if suffix in (".xlsx", ".xlsm", ".xls"):
        raise IntakeError(
            "this is not a workbook, whatever its name says", shown, "it holds plain text or is damaged",
            "if it is text, rename it to .csv; otherwise export it again",
        )
    if suffix in (".sav", ".zsav", ".ods", ".dta", ".pdf", ".docx", ".doc"):
        raise IntakeError(f"this {suffix} file cannot be read", shown, fix="save it as .xlsx, .csv or .sav")


def _delimited(path: Path, shown: str, fits: Fits) -> Table:
    text, encoding = decode(path.read_bytes(), shown, fits)
    delimiter = _delimiter(text, fits)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines: list[list[str]] = []
    try:
        lines.extend(reader)
    except csv.Error as error:
        raise IntakeError(
            f"the file cannot be split into fields ({error})", f"{shown}, row {len(lines) + 1}",
            'a quotation mark (") has no pair, or the file is cut off', "export the survey again",
        ) from None
    return from_lines(lines, shown, encoding, fits)


def decode(raw: bytes, shown: str, fits: Fits) -> tuple[str, str]:
    """Text of a csv file and its encoding: byte order mark, UTF-8, then GB18030 and UTF-16 if the header then fits.

    Raises
    ------
    IntakeError
        If no encoding gives a text whose header fits.
    """
    marks = [(b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")]
    marked = next(((mark, name) for mark, name in marks if raw.startswith(mark)), None)
    try:
        if marked:
            return _clean(raw[len(marked[0]):].decode(marked[1])), marked[1].upper()
        if b"\0" not in raw[:4096]:
            return _clean(raw.decode("utf-8")), "UTF-8"
    except UnicodeDecodeError as error:
        bad = raw[: error.start].count(b"\n") + 1
        if marked:
            raise IntakeError(
                f"the text is damaged: it is not {marked[1].upper()} throughout", f"{shown}, line {bad}",
                "the file is cut off, or mixes two encodings", "export the survey again",
            ) from None
    else:
        bad = 1
    for name in ("gb18030",) if b"\0" not in raw[:4096] else ("utf-16-le", "utf-16-be"):
        try:
            text = _clean(raw.decode(name))
        except UnicodeDecodeError:
            continue
        header = re.split(r"[,;\t]", text.splitlines()[0]) if text.strip() else []
        if header and fits([h.strip('" ') for h in header]) >= max(1, min(3, len(header) // 2)):
            return text, name.upper()
    raise IntakeError(
        "the file's encoding cannot be told", f"{shown}, line {bad}",
        "it is neither UTF-8 nor GBK throughout, or its headers are not those of the codebook",
        "open it in Excel or WPS and save it as 'CSV UTF-8' or .xlsx",
    )


def _clean(text: str) -> str:
    if "\0" in text:
        place = text.index("\0")
        raise UnicodeDecodeError("utf-8", text.encode("utf-8"), place, place + 1, "a zero byte in a text")
    return text


def _delimiter(text: str, fits: Fits) -> str:
    start = text[:100_000]
    headers = {d: next(csv.reader(io.StringIO(start, newline=""), delimiter=d), [""]) for d in (",", "\t", ";")}
    return max(headers, key=lambda d: (fits(headers[d]), len(headers[d])))


def _spss(path: Path, shown: str) -> Table:
    frame, meta = _read_sav(path, shown)
    names = list(frame.columns)
    columns = [[cell_text(value) for value in frame[name].tolist()] for name in names]
    table = Table(
        names, [list(row) for row in zip(*columns, strict=True)],
        list(range(1, len(frame) + 1)), f"SPSS, {meta.file_encoding or 'UTF-8'}", len(frame),
        titles=[tidy(meta.column_names_to_labels.get(name) or "") for name in names],
    )
    for name, labels in meta.variable_value_labels.items():
        table.labels[name] = {cell_text(code): tidy(str(label)) for code, label in labels.items()}
    for name, ranges in meta.missing_ranges.items():
        cells = set(columns[names.index(name)]) - {""}
        table.user_missing[name] = {cell for cell in cells if any(_within(cell, r["lo"], r["hi"]) for r in ranges)}
    refuse_twins(table.headers, shown)
    return table


def _read_sav(path: Path, shown: str) -> tuple[Any, Any]:
    import pyreadstat

    for encoding in (None, "GB18030"):  # old files in Chinese do not name their encoding
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                return pyreadstat.read_sav(str(path), encoding=encoding, user_missing=True)
        except Exception as error:  # the parser of a damaged file may raise anything, or warn of twin names
            kind = type(error).__name__
    raise IntakeError(f"the SPSS file is damaged ({kind})", shown, fix="save it again in SPSS or PSPP")


def _within(cell: str, low: Any, high: Any) -> bool:
    try:
        return float(low) <= float(cell) <= float(high)
    except ValueError:
        return bare(cell) in (bare(str(low)), bare(str(high)))
