"""What a user reads when the survey file is wrong: thirty mistakes at once, and each refusal word by word."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat
import pytest
import xlsxwriter

from lbc.errors import IntakeError
from lbc.survey import cleaning, intake
from lbc.survey.codebook import Codebook, Variable

LIKERT = {"1": ("never", "从不"), "2": ("rarely", "很少"), "3": ("sometimes", "有时"), "4": ("often", "经常"),
          "5": ("always", "总是")}
YES_NO = {"1": ("是", "yes"), "0": ("否", "no")}
BOOK = Codebook((
    Variable("id", "编号", "id", role="id", identifies="quasi"),
    Variable("name", "姓名", "text", identifies="direct"),
    Variable("grade", "年级", "choice", values={"3": ("三年级",), "4": ("四年级",)}, role="grade"),
    Variable("sex", "性别", "choice", values={"1": ("男", "boy"), "2": ("女", "girl")}, role="sex"),
    Variable("age", "年龄", "number", low=6, high=18, role="age"),
    Variable("when", "提交时间", "datetime", role="submitted"),
    Variable("time", "用时", "duration", role="duration"),
    Variable("hobby", "爱好", "multi", values={"1": ("看书",), "2": ("其他",)}),
    Variable("father", "父亲外出", "choice", values=YES_NO, role="father_away"),
    *(Variable(f"cls_{n:02d}", f"题{n}", "item", values=LIKERT, scale="cls", item=n) for n in range(1, 7)),
    Variable("friends", "朋友数", "number", low=0, high=30),
    Variable("home", "你家离学校多远", "number"),
))
HEADERS = ["编号", "姓名", "年级", "性别", "年龄", "提交时间", "用时", "爱好", "父亲外出",
           "题1", "题2", "题3", "题4", "题5", "题6", "朋友数"]
GOOD = ["a1", "甲", "三年级", "男", "10", "2026/09/03 12:00:00", "201秒", "看书", "是",
        "1", "2", "3", "4", "5", "1", "3"]


def form(**cells: str) -> list[str]:
    """A good form with some cells changed; keys are headers."""
    return [cells.get(header, cell) for header, cell in zip(HEADERS, GOOD, strict=True)]


def as_csv(rows: list[list[Any]]) -> str:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


PLANTED: list[tuple[str, str, str]] = [  # header, what stands there, the problem told
    ("年级", "五年级", "not one of the values"),
    ("年级", "３", "full-width or invisible characters"),
    ("性别", "3", "not one of the values"),
    ("性别", "男女", "not one of the values"),
    ("性别", "1-女", "number and label disagree"),
    ("年龄", "110", "out of range"),
    ("年龄", "-1", "out of range"),
    ("年龄", "十岁半", "not a number"),
    ("年龄", "10岁", "words around the number"),
    ("年龄", "１０", "full-width or invisible characters"),
    ("年龄", "2024-03-02", "a date where an answer belongs"),
    ("年龄", "#VALUE!", "an error value of Excel"),
    ("提交时间", "45353", "a bare number where a date belongs"),
    ("提交时间", "03/04/2026", "not a date"),
    ("提交时间", "2026-02-30 10:00", "not a date"),
    ("用时", "很快", "not a duration"),
    ("用时", "02:03:00", "hours or minutes cannot be told apart"),
    ("爱好", "看书┋睡觉", "not one of the values"),
    ("爱好", "看书┋其他〖弹琴〗", "words written into an option"),
    ("父亲外出", "偶尔", "not one of the values"),
    ("题1", "6", "out of range"),
    ("题2", "0", "out of range"),
    ("题3", "2.5", "not a whole number"),
    ("题4", "有点", "not one of the values"),
    ("题5", "5-从不", "number and label disagree"),
    ("题6", "NULL", "not one of the values"),
    ("编号", "1.10101E+17", "Excel kept only 15 digits"),
    ("编号", "a\u200b9", "full-width or invisible characters"),
    ("朋友数", "很多", "not a number"),
    ("朋友数", "300", "out of range"),
]


def test_thirty_mistakes_of_one_survey_are_reported_in_one_run(tmp_path: Path) -> None:
    rows = [[*HEADERS, "多余"]]
    rows += [[*form(**{"编号": f"a{k}"} | {header: text}), "x"] for k, (header, text, _) in enumerate(PLANTED)]
    rows.append([*form(), "x", "y"])
    rows.append(form())
    path = tmp_path / "survey.csv"
    path.write_text(as_csv(rows), encoding="utf-8")
    found = intake.read(path, BOOK, "data/x/raw/survey.csv")
    told = [(r.row, r.column, r.problem) for r in found.report.itertuples()]
    expected = [(k, header, problem) for k, (header, _, problem) in enumerate(PLANTED, start=2)]
    assert len(expected) == 30
    assert [t for t in told if t in expected] == expected
    assert sorted(set(told) - set(expected)) == sorted([
        (1, "多余", "column not in the codebook"), (1, "你家离学校多远", "column not found"),
        (32, "", "row with too many or too few fields"), (33, "", "row with too many or too few fields"),
    ])
    kept = {"full-width or invisible characters", "words around the number", "words written into an option",
            "Excel kept only 15 digits"}
    for k, (header, _, problem) in enumerate(PLANTED, start=2):
        variable = next(v.variable for v in BOOK.variables if v.column == header)
        assert pd.isna(found.frame.loc[k, variable]) == (problem not in kept)
    others = found.frame.drop(columns=["home"]).isna().sum().sum()
    assert others == sum(problem not in kept for *_, problem in PLANTED), "and nothing else went missing"
    assert cleaning.received(found)[1].removed == 2


# ---- refusals ------------------------------------------------------------------------------------------------------

TEXT = as_csv([HEADERS, GOOD, form(编号="a2")])


def workbook(path: Path, rows: list[list[str]] | None = None, more: Callable[[Any, Any], None] | None = None) -> None:
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("答卷")
        for r, row in enumerate(rows or [HEADERS, GOOD, form(编号="a2")]):
            sheet.write_row(r, 0, row)
        if more:
            more(book, sheet)


def second_sheet(book: Any, sheet: Any) -> None:
    book.add_worksheet("备份").write_row(0, 0, HEADERS)


def merged_header(book: Any, sheet: Any) -> None:
    sheet.merge_range("J1:O1", "孤独感")


def bomb(path: Path) -> None:
    workbook(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet9.xml", b"0" * (60 * 2**20))


def flipped(path: Path) -> None:
    workbook(path)
    raw = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        part = archive.getinfo("xl/sharedStrings.xml")
    raw[part.header_offset + 30 + len(part.filename) + part.compress_size // 2] ^= 0x55
    path.write_bytes(bytes(raw))


def locked(path: Path) -> None:
    workbook(path)
    raw = bytearray(path.read_bytes())
    place = raw.find(b"PK\x01\x02")
    raw[place + 8] |= 1
    path.write_bytes(bytes(raw))


def not_a_workbook(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("survey.csv", TEXT)


def cut_sav(path: Path) -> None:
    pyreadstat.write_sav(pd.DataFrame({"id": ["a"] * 50}), str(path))
    path.write_bytes(path.read_bytes()[:100])


def cut_workbook(path: Path) -> None:
    workbook(path)
    path.write_bytes(path.read_bytes()[:-200])


def raw(content: bytes | str) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
MIXED = TEXT.encode("utf-8") + "a3,丙,三年级".encode("gb18030")
Make = Callable[[Path], object]
AS_XLSX = "open it in Excel or WPS and save it as .xlsx"
REFUSALS: dict[str, tuple[str, Make, dict[str, Any], str]] = {  # file, how it is made, options, the whole message
    "no file": ("s.csv", lambda path: None, {}, """\
survey: there is no such file
  fix: put the survey there, or correct params: survey.file"""),
    "empty": ("s.csv", raw(""), {}, """\
survey: the file is empty
  fix: export the survey again"""),
    "no forms": ("s.csv", raw(as_csv([HEADERS])), {}, """\
survey: there are headers but no forms
  fix: export the survey again, with its answers"""),
    "no readable forms": ("s.csv", raw(as_csv([HEADERS, GOOD[:-1], [*GOOD, "x"]])), {}, """\
survey: none of the 2 forms can be read
  why: row 2: 15 fields, headers: 16; row 3: 17 fields, headers: 16
  fix: export the survey again, with its answers"""),
    "old workbook": ("s.xls", raw(OLE), {}, f"""\
survey: this is a workbook of the old .xls kind
  why: it cannot be read safely
  fix: {AS_XLSX}"""),
    "password": ("s.xlsx", raw(OLE + "EncryptedPackage".encode("utf-16-le")), {}, f"""\
survey: the workbook is protected by a password
  why: it cannot be read safely
  fix: {AS_XLSX}"""),
    "locked zip": ("s.xlsx", locked, {}, """\
survey: the file is protected by a password
  fix: save it without a password"""),
    "web page": ("s.xls", raw("<html><table></table></html>"), {}, f"""\
survey: this is a web page, whatever its name says
  why: some survey tools export HTML under the name .xls
  fix: {AS_XLSX}"""),
    "text under a workbook's name": ("s.xlsx", raw(TEXT), {}, """\
survey: this is not a workbook, whatever its name says
  why: it holds plain text or is damaged
  fix: if it is text, rename it to .csv; otherwise export it again"""),
    "another program's file": ("s.dta", raw("<stata_dta>"), {}, """\
survey: this .dta file cannot be read
  fix: save it as .xlsx, .csv or .sav"""),
    "cut workbook": ("s.xlsx", cut_workbook, {}, """\
survey: the workbook is damaged
  why: it was cut off or changed on its way (BadZipFile)
  fix: copy or export it again"""),
    "flipped bit": ("s.xlsx", flipped, {}, """\
survey: the workbook is damaged
  why: it was cut off or changed on its way (checksum of xl/sharedStrings.xml)
  fix: copy or export it again"""),
    "zip bomb": ("s.xlsx", bomb, {}, """\
survey: the workbook unpacks to 60 MiB
  why: no survey does; it may be a zip bomb
  fix: copy the cells with answers into a new workbook"""),
    "zip of a csv": ("s.xlsx", not_a_workbook, {}, """\
survey: this zip archive is not a workbook
  fix: unpack it and give the .xlsx"""),
    "unknown sheet": ("s.xlsx", workbook, {"sheet": "Sheet1"}, """\
survey: there is no sheet 'Sheet1'
  why: sheets: 答卷
  fix: correct survey.sheet in params"""),
    "several sheets": ("s.xlsx", lambda p: workbook(p, more=second_sheet), {}, """\
survey: the workbook has several sheets with cells
  why: sheets: 答卷, 备份
  fix: name the sheet with the forms in params: survey.sheet"""),
    "merged header": ("s.xlsx", lambda p: workbook(p, more=merged_header), {}, """\
survey, cells J1:O1: header cells are merged
  why: each column needs a header of its own
  fix: unmerge them and write one header per column in row 1"""),
    "twin headers": ("s.csv", raw(as_csv([[*HEADERS[:-1], "题1 "], GOOD])), {}, """\
survey, cells J1 and P1 ('题1'): columns have the same header
  why: their answers could not be told apart
  fix: give each column a header of its own"""),
    "title row": ("s.csv", raw(as_csv([["2026年调查", *[""] * 15], HEADERS, GOOD])), {}, """\
survey, cell A1: row 1 looks like a title, not like headers
  why: the headers must stand in row 1
  fix: delete the rows above the headers"""),
    "two header rows": ("s.csv", raw(as_csv([["基本信息", *[""] * 8, "孤独感", *[""] * 6], HEADERS, GOOD])), {}, """\
survey, cell A1: row 1 looks like a title, not like headers
  why: the headers must stand in row 1
  fix: delete the rows above the headers"""),
    "empty first row": ("s.csv", raw("\n" + TEXT), {}, """\
survey: row 1 is empty
  why: headers must stand in row 1
  fix: delete the rows above the headers"""),
    "mixed encodings": ("s.csv", raw(MIXED), {}, """\
survey, line 4: the file's encoding cannot be told
  why: it is neither UTF-8 nor GBK throughout, or its headers are not those of the codebook
  fix: open it in Excel or WPS and save it as 'CSV UTF-8' or .xlsx"""),
    "cut in the middle of a letter": ("s.csv", raw(TEXT.encode("utf-16")[:-1]), {}, """\
survey, line 3: the text is damaged: it is not UTF-16-LE throughout
  why: the file is cut off, or mixes two encodings
  fix: export the survey again"""),
    "quotation mark": ("s.csv", raw(TEXT + 'a3,"丙,三年级\n'), {}, """\
survey, row 4: the file cannot be split into fields (unexpected end of data)
  why: a quotation mark (") has no pair, or the file is cut off
  fix: export the survey again"""),
    "too few forms": ("s.csv", raw(TEXT), {"expected_rows": 3}, """\
survey, row 3: 2 forms where 3 were handed in
  why: the file was cut off, or forms were deleted
  fix: export it again; if the number in params is wrong, correct survey.expected_rows"""),
    "another survey": ("s.csv", raw("a,b\n1,2\n"), {}, """\
survey: none of the codebook's columns is in the file
  why: headers there: a, b; wanted: 编号, 姓名, 年级, 性别
  fix: give the right file, or correct `column` in codebook.csv"""),
    "no id column": ("s.csv", raw(TEXT.replace("编号", "代码")), {}, """\
survey, row 1: the column of the respondents' ids, '编号', is not in the file
  why: without ids nothing can be joined or checked for duplicates
  fix: correct `column` of id in codebook.csv, or add its present header to `aliases`"""),
    "cut sav": ("s.sav", cut_sav, {}, """\
survey: the SPSS file is damaged (ReadstatError)
  fix: save it again in SPSS or PSPP"""),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_each_refusal_word_by_word_and_its_mending(tmp_path: Path, name: str) -> None:
    file, make, options, message = REFUSALS[name]
    path = tmp_path / file
    make(path)
    with pytest.raises(IntakeError) as caught:
        intake.read(path, BOOK, "survey", **options)
    assert str(caught.value) == message
    assert len(message.splitlines()) <= 6
    found = mended(name, path)
    assert found.frame["id"].tolist() == ["a1", "a2"]
    np.testing.assert_array_equal(found.frame["cls_05"], [5, 5])


def mended(name: str, path: Path) -> intake.Intake:
    """What the fix asks for: a sheet named, a number corrected, or the file as it should be."""
    if name in ("unknown sheet", "several sheets"):
        return intake.read(path, BOOK, "survey", "答卷")
    if name == "too few forms":
        return intake.read(path, BOOK, "survey", expected_rows=2)
    if name == "no id column":
        aliased = Variable("id", "编号", "id", aliases=("代码",), role="id", identifies="quasi")
        return intake.read(path, Codebook((aliased, *BOOK.variables[1:])), "survey")
    if path.suffix.startswith(".xls"):
        whole = path.with_suffix(".xlsx")
        workbook(whole)
        return intake.read(whole, BOOK, "survey")
    path = path.with_suffix(".csv")
    path.write_text(TEXT, encoding="utf-8")
    return intake.read(path, BOOK, "survey")
