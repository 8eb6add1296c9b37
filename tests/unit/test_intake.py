"""Survey files to typed frames: each kind of file, each way of writing an answer, each refusal."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat
import pytest
import xlsxwriter

from lbc.errors import IntakeError
from lbc.survey import intake
from lbc.survey.codebook import Codebook, Variable
from lbc.survey.readers import read_table
from lbc.survey.text import chinese_number, number_key, question
from lbc.survey.values import PROBLEMS, reader

LIKERT = {"1": ("never", "从不"), "2": ("rarely", "很少"), "3": ("sometimes", "有时"), "4": ("often", "经常"),
          "5": ("always", "总是")}
BOOK = Codebook((
    Variable("id", "编号", "id", role="id", identifies="quasi"),
    Variable("name", "姓名", "text", identifies="direct"),
    Variable("sex", "性别", "choice", values={"1": ("男", "boy"), "2": ("女", "girl")}, role="sex"),
    Variable("age", "年龄", "number", low=6, high=18, missing=("99",), role="age"),
    Variable("cls_01", "题一", "item", values=LIKERT, missing=("9",), scale="cls", item=1),
    Variable("cls_02", "题二", "item", values=LIKERT, scale="cls", item=2),
))
HEADERS = ["编号", "姓名", "性别", "年龄", "题一", "题二"]
ROWS = [
    ["007", "甲", "男", "10", "1", "5"],
    ["110101201501011234", "乙", "女", "11", "从不", "always"],
    ["1e5", "丙", "1", "", "3", "9"],
]


def text_of(rows: list[list[Any]], delimiter: str = ",") -> str:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return file.getvalue()


def write_csv(path: Path, rows: list[list[Any]], encoding: str = "utf-8", delimiter: str = ",") -> Path:
    path.write_bytes(text_of(rows, delimiter).encode(encoding))
    return path


def write_xlsx(path: Path, rows: list[list[Any]]) -> Path:
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False}) as book:
        sheet = book.add_worksheet("答卷")
        for r, row in enumerate(rows):
            for c, cell in enumerate(row):
                if cell != "":
                    sheet.write(r, c, cell)
    return path


def problems(found: intake.Intake) -> list[tuple[int, str, str]]:
    key = {text["en"]: kind for kind, text in PROBLEMS.items()}
    return [(r.row, r.variable, key[r.problem]) for r in found.report.itertuples()]


def cell(variable: Variable, text: str, **more: Any) -> Any:
    return reader(variable, **more)(text)


# ---- kinds of files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_every_encoding_and_separator_gives_the_same_frame(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = write_csv(tmp_path / "s.csv", [HEADERS, *ROWS], encoding, delimiter)
    found = intake.read(path, BOOK, "s.csv")
    assert found.rows == 3
    assert found.frame["id"].tolist() == ["007", "110101201501011234", "1e5"]
    assert found.frame["sex"].tolist() == ["1", "2", "1"]
    assert found.frame.index.tolist() == [2, 3, 4]
    np.testing.assert_array_equal(found.frame["cls_01"], [1, 1, 3])
    np.testing.assert_array_equal(found.frame["age"], [10, 11, np.nan])
    assert problems(found) == [(4, "id", "long_number"), (4, "cls_02", "range")]


def test_a_workbook_gives_the_frame_of_the_csv(tmp_path: Path) -> None:
    from_csv = intake.read(write_csv(tmp_path / "s.csv", [HEADERS, *ROWS]), BOOK, "s.csv")
    from_xlsx = intake.read(write_xlsx(tmp_path / "s.xlsx", [HEADERS, *ROWS]), BOOK, "s.xlsx")
    pd.testing.assert_frame_equal(from_csv.frame, from_xlsx.frame)
    pd.testing.assert_frame_equal(from_csv.report, from_xlsx.report)
    assert from_xlsx.encoding == "workbook, sheet 答卷"


def test_numbers_and_dates_of_a_workbook(tmp_path: Path) -> None:
    book = Codebook((Variable("id", "id", "id", role="id"), Variable("day", "day", "date"), *BOOK.variables[3:5]))
    rows = [["id", "day", "年龄", "题一"], [7, "2026/9/3", 10.0, 1], [1.10101199001012e17, 45353, 10.5, 3]]
    found = intake.read(write_xlsx(tmp_path / "s.xlsx", rows), book, "s.xlsx")
    assert found.frame["id"].iloc[0] == "7"
    assert found.frame["day"].iloc[0] == pd.Timestamp("2026-09-03")
    assert found.frame["age"].tolist() == [10.0, 10.5]
    assert problems(found) == [(3, "id", "long_number"), (3, "day", "serial")]


def test_a_sav_file_with_labels_and_missing_codes(tmp_path: Path) -> None:
    frame = pd.DataFrame({
        "q1": ["a1", "a2", "a3"], "q3": [1.0, 2.0, 2.0], "q4": [10.0, 99.0, 7.0], "q5": [1.0, 5.0, 8.0],
        "q6": [5.0, 9.0, np.nan], "name": ["x", "y", "z"],
    })
    path = tmp_path / "s.sav"
    pyreadstat.write_sav(
        frame, str(path), column_labels=["编号", "性别", "您的年龄", "题一", "2、题二", "姓名"],
        variable_value_labels={"q3": {1.0: "男", 2.0: "女"}, "q5": {1.0: "总是", 5.0: "从不"}},
        missing_ranges={"q6": [9]},
    )
    book = Codebook(tuple(
        v if v.variable != "age" else Variable("age", "q4", "number", low=6, high=18, missing=("99",))
        for v in BOOK.variables
    ))
    found = intake.read(path, book, "s.sav")
    assert found.encoding.startswith("SPSS")
    assert found.frame.index.tolist() == [1, 2, 3]
    assert found.frame["sex"].tolist() == ["1", "2", "2"]
    np.testing.assert_array_equal(found.frame["age"], [10, np.nan, 7])
    np.testing.assert_array_equal(found.frame["cls_02"], [5, np.nan, np.nan])
    kinds = [(row, variable, kind) for row, variable, kind in problems(found) if kind != "header"]
    assert (1, "cls_01", "labels") in kinds, "1 = always in the file, never in the codebook"
    assert (2, "cls_02", "user_missing") in kinds
    assert (3, "cls_01", "range") in kinds
    counts = found.missing.set_index("variable")
    assert counts.loc["cls_02", ["answered", "empty", "declared", "not_read"]].tolist() == [1, 1, 1, 0]
    assert counts.loc["age", "declared"] == 1
    assert counts.loc["cls_01", "not_read"] == 1


def test_a_resurvey_holds_only_some_columns(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "s.csv", [["编号", "题一"], ["007", "2"]])
    found = intake.read(path, BOOK, "s.csv", partial=True)
    assert list(found.frame) == ["id", "cls_01"]
    assert found.report.empty
    whole = intake.read(path, BOOK, "s.csv")
    assert {v for _, v, kind in problems(whole) if kind == "missing_column"} == {"name", "sex", "age", "cls_02"}
    assert whole.frame["cls_02"].isna().all()


def test_six_hundred_forms_are_read_fast(tmp_path: Path) -> None:
    numbers = range(1, 130)
    items = [Variable(f"cls_{n:02d}", f"{n}、题{n}", "item", values=LIKERT, scale="cls", item=n) for n in numbers]
    book = Codebook((BOOK.variables[0], *items))
    rows = [["编号", *(v.column for v in items)]]
    rows += [[f"a{k}", *(["从不", "很少", "5-总是", "3", "４"][(k + j) % 5] for j in range(129))] for k in range(600)]
    path = write_csv(tmp_path / "s.csv", rows)
    start = time.perf_counter()
    found = intake.read(path, book, "s.csv")
    assert time.perf_counter() - start < 2
    assert found.frame.shape == (600, 130)
    assert not found.frame.isna().any(axis=None)


# ---- headers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [
    "3、您的性别", "３：您的性别*", "3.您的性别[单选题]", " 您的 性别 ", "第3题、您的性别(单选题)", "Q3:您的性别",
    "3、您的性别：*",
])
def test_headers_of_one_question_are_one(header: str) -> None:
    assert question(header) == "您的性别"


def test_columns_are_found_by_name_alias_text_and_number(tmp_path: Path) -> None:
    book = Codebook((
        Variable("id", "编号", "id", role="id"), Variable("a", "A题", "number", aliases=("旧名",)),
        Variable("b", "无此名", "number", question={"zh": "你有几个朋友"}), Variable("c", "Q4_1", "number"),
        Variable("d", "第7题", "number"),
    ))
    headers = ["编号", "旧名", "2、你有几个朋友？*", "4、很长的题干—(1)", "4、很长的题干—(2)", "7、别的题"]
    rows = [headers, [1, 2, 3, 4, 5, 6]]
    found = intake.read(write_csv(tmp_path / "s.csv", rows), book, "s.csv")
    assert found.frame.iloc[0].tolist() == ["1", 2, 3, 4, 6]
    assert [(v, kind) for _, v, kind in problems(found)] == [
        ("b", "header"), ("c", "header"), ("d", "header"), ("", "unknown")
    ]


def test_two_columns_for_one_variable_are_reported_not_guessed(tmp_path: Path) -> None:
    rows = [["编号", "姓名", "3、性别", "8、性别", "年龄", "题一", "题二"], ["1", "甲", "男", "女", "10", "1", "1"]]
    found = intake.read(write_csv(tmp_path / "s.csv", rows), BOOK, "s.csv")
    assert (1, "sex", "ambiguous") in problems(found)
    assert found.frame["sex"].isna().all()
    assert found.report.set_index("problem").loc[PROBLEMS["ambiguous"]["en"], "found"] == "C1, D1"


@pytest.mark.parametrize(("header", "key"), [
    ("4、题干—(1)", "4-1"), ("第4题(1)", "4-1"), ("Q4_1", "4-1"), ("Q12", "12"), ("第12题", "12"), ("年龄", ""),
    ("2024年级", ""),
])
def test_question_numbers(header: str, key: str) -> None:
    assert number_key(header) == key


# ---- cells ---------------------------------------------------------------------------------------------------------

SEX, AGE, ITEM = BOOK.variables[2], BOOK.variables[3], BOOK.variables[4]
ENDS = Variable("x_01", "x", "item", values={"1": ("never",), "7": ("always",)}, scale="x", item=1)
BARE = Variable("x_01", "x", "item", scale="x", item=1)
COUNT = Variable("n", "n", "number", values={"0": ("没有", "none")}, low=0, high=30)
GRADE = Variable("grade", "g", "choice", values={"3": ("三年级", "3年级"), "4": ("四年级",)}, role="grade")
MULTI = Variable("m", "m", "multi", values={"1": ("看书",), "2": ("运动",), "3": ("其他",)})
SECONDS = Variable("t", "t", "duration", low=1)
DAY = Variable("d", "d", "datetime")
CELLS = [
    (SEX, "男", "1", ""), (SEX, "girl", "2", ""), (SEX, "GIRL", "2", ""), (SEX, "2", "2", ""), (SEX, "2.0", "2", ""),
    (SEX, "２", "2", "width"), (SEX, "男\u200b", "1", "width"), (SEX, "1-男", "1", ""), (SEX, "1、男", "1", ""),
    (SEX, "A.男", "1", ""), (SEX, "1-女", None, "contradiction"), (SEX, "3", None, "value"),
    (SEX, "男生吧", None, "value"),
    (ITEM, "总是", 5, ""), (ITEM, "5-总是", 5, ""), (ITEM, "5-从不", None, "contradiction"), (ITEM, "9", None, ""),
    (ITEM, "6", None, "range"), (ITEM, "-1", None, "range"), (ITEM, "2.5", None, "whole"),
    (ITEM, "abc", None, "value"), (ITEM, "2024-03-02 00:00:00", None, "made_date"), (ITEM, "#N/A", None, "error"),
    (ITEM, "NULL", None, "value"), (ENDS, "4", 4, ""), (ENDS, "8", None, "range"), (ENDS, "always", 7, ""),
    (BARE, "4", 4, ""), (BARE, "4.5", None, "whole"),
    (AGE, "10", 10, ""), (AGE, " 10 ", 10, ""), (AGE, "１０", 10, "width"), (AGE, "10\u00a0", 10, "width"),
    (AGE, "10岁", 10, "unit"), (AGE, "十二岁", 12, "unit"), (AGE, "99", None, ""), (AGE, "110", None, "range"),
    (AGE, "-", None, "number"), (AGE, "无", None, "number"), (AGE, "inf", None, "number"),
    (AGE, "1e999", None, "range"),
    (AGE, "2024/3/2", None, "made_date"), (AGE, "３．５", None, "range"), (AGE, "", None, ""), (AGE, "   ", None, ""),
    (COUNT, "没有", 0, ""), (COUNT, "5个", 5, "unit"), (COUNT, "很多", None, "number"),
    (COUNT, "31", None, "range"),
    (GRADE, "三年级", "3", ""), (GRADE, "3", "3", ""), (GRADE, "３", "3", "width"),
    (GRADE, "五年级", None, "value"),
    (MULTI, "看书┋运动", "1|2", ""), (MULTI, "1┋3", "1|3", ""),
    (MULTI, "看书┋其他〖下棋〗", "1|3", "write_in"),
    (MULTI, "看书┋睡觉", None, "value"), (MULTI, "运动→看书", "2|1", ""),
    (SECONDS, "123秒", 123, ""), (SECONDS, "2分3秒", 123, ""), (SECONDS, "2:03", 123, ""),
    (SECONDS, "1小时", 3600, ""),
    (SECONDS, "0:02:03", 123, ""), (SECONDS, "02:03:00", None, "hours"), (SECONDS, "quick", None, "duration"),
    (SECONDS, "0秒", None, "range"),
    (DAY, "2026/09/03 12:00:00", "2026-09-03T12:00:00", ""), (DAY, "2026年9月3日", "2026-09-03T00:00:00", ""),
    (DAY, "45353", None, "serial"), (DAY, "03/04/2026", None, "date"), (DAY, "2026-02-30", None, "date"),
    (BOOK.variables[0], "007", "007", ""), (BOOK.variables[0], "Ａ０１", "A01", "width"),
]


@pytest.mark.parametrize(("variable", "text", "value", "problem"), CELLS, ids=[f"{v.type}-{t}" for v, t, *_ in CELLS])
def test_each_way_of_writing_an_answer(variable: Variable, text: str, value: Any, problem: str) -> None:
    found = cell(variable, text)
    assert (found.value, found.problem) == (value, problem)
    assert bool(found.done) == bool(problem)


@pytest.mark.parametrize("code", ["-2", "-3", "(空)", "(跳过)", "（空）"])
def test_the_tools_missing_codes_are_missing_only_in_its_files(code: str) -> None:
    assert cell(ITEM, code, wenjuanxing=True) == (None, "", "")
    assert cell(ITEM, code).problem in ("value", "range")
    meant = Variable("n", "n", "number", values={"-2": ("two below",)})
    assert cell(meant, "-2", wenjuanxing=True).value == -2


def test_both_flavours_of_the_tool_give_the_same_frame(tmp_path: Path) -> None:
    meta = ["序号", "提交答卷时间", "所用时间", "来源", "来源详情", "来自IP"]
    asked = ["1、编号", "2、姓名*", "3、性别[单选题]", "4、年龄", "5、—题一", "6、题二"]
    start = ["1", "2026/09/03 12:00:00", "201秒", "微信", "x", "192.0.2.1"]
    text = [
        [*start, "007", "甲", "女", "10", "5-总是", "(空)"], [*start, "008", "乙", "男", "(跳过)", "从不", "很少"],
    ]
    codes = [[*start, "007", "甲", "2", "10", "5", "-2"], [*start, "008", "乙", "1", "-3", "1", "2"]]
    one = intake.read(write_csv(tmp_path / "a.csv", [meta + asked, *text]), BOOK, "a.csv")
    two = intake.read(write_csv(tmp_path / "b.csv", [meta + asked, *codes]), BOOK, "b.csv")
    pd.testing.assert_frame_equal(one.frame, two.frame)
    assert [kind for _, _, kind in problems(one)].count("tool") == 6
    assert "192.0.2.1" not in one.report.to_csv()


def test_nobody_is_named_in_the_report(tmp_path: Path) -> None:
    rows = [HEADERS, ["1", "欧阳小明", "欧阳小明", "13800138000", "这是一个很长的回答，写得比选项多得多得多", "1"]]
    found = intake.read(write_csv(tmp_path / "s.csv", rows), BOOK, "s.csv")
    assert [r.found for r in found.report.itertuples()] == ["(not shown)"] * 3
    assert "欧阳" not in found.report.to_csv()


def test_the_summary_counts_in_both_languages(tmp_path: Path) -> None:
    found = intake.read(write_csv(tmp_path / "s.csv", [HEADERS, ["1", "x", "男", "110", "7", "１"]]), BOOK, "s.csv")
    table = found.summary().set_index("problem")
    assert table.loc["out of range", ["cells", "columns", "set_to_missing"]].tolist() == [2, 2, 2]
    assert table.loc["full-width or invisible characters", "set_to_missing"] == 0
    assert found.summary("zh")["problem"].tolist() == ["超出范围", "全角或不可见字符"]


def test_every_problem_has_words_in_both_languages() -> None:
    assert all(set(words) == {"en", "zh"} and all(words.values()) for words in PROBLEMS.values())
    assert len({words["en"] for words in PROBLEMS.values()}) == len(PROBLEMS)


@pytest.mark.parametrize(
    ("text", "number"), [("十", 10), ("十五", 15), ("三十一", 31), ("零", 0), ("十十", None), ("a", None)]
)
def test_chinese_numbers(text: str, number: int | None) -> None:
    assert chinese_number(text) == number


# ---- rows ----------------------------------------------------------------------------------------------------------


def test_a_row_of_another_length_is_reported_and_never_shifted(tmp_path: Path) -> None:
    rows = [HEADERS, ROWS[0], [*ROWS[1], "extra"], ROWS[2][:-1], ROWS[0]]
    found = intake.read(write_csv(tmp_path / "s.csv", rows), BOOK, "s.csv")
    assert found.rows == 4
    assert found.frame.index.tolist() == [2, 5]
    assert [p for p in problems(found) if p[2] == "fields"] == [(3, "", "fields"), (4, "", "fields")]


def test_rows_are_numbered_as_excel_shows_them(tmp_path: Path) -> None:
    rows = [HEADERS, ROWS[0], [""] * 6, [ROWS[1][0], "two\nlines", *ROWS[1][2:]], ROWS[2], [""] * 6]
    for path in (write_csv(tmp_path / "s.csv", rows), write_xlsx(tmp_path / "s.xlsx", rows)):
        found = intake.read(path, BOOK, path.name)
        assert found.frame.index.tolist() == [2, 4, 5]
        assert (3, "", "blank_row") in problems(found)
        assert found.rows == 3


def test_what_only_a_workbooks_source_tells(tmp_path: Path) -> None:
    path = tmp_path / "s.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("a")
        for r, row in enumerate([HEADERS, *ROWS]):
            sheet.write_row(r, 0, row)
        sheet.write_formula("D3", "=1+1", value="")
        sheet.merge_range("E3:E4", 2)
        sheet.set_row(3, None, None, {"hidden": True})
        book.add_worksheet("empty")
        book.add_worksheet("notes").hide()
    found = intake.read(path, BOOK, "s.xlsx")
    told = {(3, "age", "formula"), (3, "cls_01", "merged"), (4, "", "hidden_row"), (1, "", "other_sheet")}
    assert told <= set(problems(found))
    assert np.isnan(found.frame.loc[3, "age"])


def test_reading_stops_after_many_empty_rows(tmp_path: Path) -> None:
    path = tmp_path / "s.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for r, row in enumerate([HEADERS, *ROWS]):
            sheet.write_row(r, 0, row)
        style = book.add_format({"bold": True})
        for r in range(4, 3000):
            sheet.write_blank(r, 0, None, style)
    found = intake.read(path, BOOK, "s.xlsx")
    assert len(found.frame) == 3
    assert (1004, "", "blank_rows") in problems(found)


def test_a_wrong_range_in_a_workbook_cuts_nothing(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "s.xlsx", [HEADERS, *ROWS])
    wrong = tmp_path / "w.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(wrong, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'<dimension ref="A1:F4"/>', b'<dimension ref="A1"/>'))
    assert len(intake.read(wrong, BOOK, "w.xlsx").frame) == 3


def test_more_forms_than_expected_are_told(tmp_path: Path) -> None:
    found = intake.read(write_csv(tmp_path / "s.csv", [HEADERS, *ROWS]), BOOK, "s.csv", expected_rows=2)
    assert (1, "", "more_rows") in problems(found)


def test_without_a_codebook_the_encoding_rests_on_common_characters(tmp_path: Path) -> None:
    assert read_table(write_csv(tmp_path / "a.csv", [HEADERS, *ROWS], "gb18030"), "a.csv").headers == HEADERS
    big5 = [["編號", "體驗", "學習"], ["1", "2", "3"]]
    with pytest.raises(IntakeError, match="encoding cannot be told"):
        read_table(write_csv(tmp_path / "b.csv", big5, "big5"), "b.csv")


def test_text_that_looks_like_a_formula_stays_text(tmp_path: Path) -> None:
    rows = [HEADERS, ["=1+1", "@x", "男", "10", "1", "1"]]
    for path in (write_csv(tmp_path / "s.csv", rows), write_xlsx(tmp_path / "s.xlsx", rows)):
        assert intake.read(path, BOOK, path.name).frame["id"].tolist() == ["=1+1"]


# ---- what nobody means well with -----------------------------------------------------------------------------------


def test_entities_of_a_malicious_workbook_are_not_expanded(tmp_path: Path) -> None:
    path, evil = write_xlsx(tmp_path / "s.xlsx", [HEADERS, *ROWS]), tmp_path / "e.xlsx"
    laughs = "".join(f'<!ENTITY l{k} "{f"&l{k - 1};" * 10}">' for k in range(1, 9))
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(evil, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("sheet1.xml"):
                bomb = f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><worksheet'.encode()
                content = content.replace(b"<worksheet", bomb, 1)
            new.writestr(name, content)
    with pytest.raises(IntakeError, match="the workbook is damaged"):
        intake.read(evil, BOOK, "e.xlsx")


def test_a_far_cell_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "s.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for r, row in enumerate([HEADERS, *ROWS]):
            sheet.write_row(r, 0, row)
        sheet.write(1_000_000, 0, "stray")
    start = time.perf_counter()
    found = intake.read(path, BOOK, "s.xlsx")
    assert time.perf_counter() - start < 5
    assert (1004, "", "blank_rows") in problems(found), "what may stand below is told, not lost in silence"


def mutants(raw: bytes, kinds: int, seed: int) -> list[bytes]:
    """Files with bits flipped, pieces cut out, doubled or exchanged."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(kinds):
        a, b = sorted(int(k) for k in rng.integers(0, len(raw), 2))
        flipped = bytearray(raw)
        flipped[a] ^= 1 << int(rng.integers(8))
        made += [bytes(flipped), raw[:a], raw[:a] + raw[b:], raw[:b] + raw[a:]]
        made += [raw[:a] + sign + raw[a:] for sign in (b'"', b",")]
    return made


@pytest.mark.parametrize("kind", ["csv", "gbk", "xlsx", "sav"])
def test_no_mutant_ends_in_a_traceback_or_shifts_a_form(tmp_path: Path, kind: str) -> None:
    rows = [HEADERS, *([f"a{k}", "甲", "男", "10", "1", "5"] for k in range(8))]
    path = tmp_path / f"s.{kind if kind != 'gbk' else 'csv'}"
    if kind == "xlsx":
        write_xlsx(path, rows)
    elif kind == "sav":
        frame = pd.DataFrame(rows[1:], columns=[f"v{k}" for k in range(6)])
        pyreadstat.write_sav(frame, str(path), column_labels=HEADERS)
    else:
        write_csv(path, rows, "gb18030" if kind == "gbk" else "utf-8")
    refused = 0
    for mutant in mutants(path.read_bytes(), 25, 11):
        path.write_bytes(mutant)
        try:
            found = intake.read(path, BOOK, path.name, expected_rows=8).frame
        except IntakeError:
            refused += 1
            continue
        ages = found["age"].dropna()
        assert ages.between(6, 18).all()
        assert found["cls_02"].dropna().between(1, 5).all()
        assert set(found["sex"].dropna()) <= {"1", "2"}
    assert refused > 20
