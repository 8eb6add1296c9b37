"""codebook.csv: what a line may say, and that every fault is reported at once with its line and column."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from lbc.errors import CodebookError
from lbc.instruments import load as instrument
from lbc.survey import codebook

GOOD = {
    "id": {"column": "编号", "type": "id", "role": "id"},
    "sex": {"column": "1、性别", "type": "choice", "values": "1=男|boy;2=女|girl", "role": "sex"},
    "age": {"column": "age", "type": "number", "values": "6..18", "role": "age"},
    "father_away": {"column": "q3", "type": "choice", "values": "1=在家|no;2=外出打工", "role": "father_away"},
    "friends": {"column": "q4", "type": "number", "role": "predictor", "level": "school_community"},
    "cls_01": {"column": "q5", "aliases": "Q5|第5题", "type": "item", "scale": "cls", "item": "1",
               "values": "1=从不|never;5=总是|always", "missing": "9|-2", "wave": "before"},
    "cls_01@after": {"column": "q6", "type": "item", "scale": "cls", "item": "1", "wave": "after"},
    "note": {"column": "q7", "type": "text"},
}


def write(folder: Path, lines: dict[str, dict[str, str]], encoding: str = "utf-8") -> Path:
    path = folder / "codebook.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, codebook.COLUMNS, restval="")
        writer.writeheader()
        writer.writerows({"variable": name} | cells for name, cells in lines.items())
    return path


def faults(path: Path, waves: list[str] | None = None) -> list[str]:
    with pytest.raises(CodebookError) as caught:
        codebook.load(path, "data/x/codebook.csv", waves)
    return caught.value.faults


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_good_codebook_loads_in_each_encoding_excel_writes(tmp_path: Path, encoding: str) -> None:
    book = codebook.load(write(tmp_path, GOOD, encoding), "codebook.csv", ["before", "after"])
    assert [v.variable for v in book.variables] == list(GOOD)
    assert book["sex"].values == {"1": ("男", "boy"), "2": ("女", "girl")}
    assert (book["age"].low, book["age"].high) == (6, 18)
    assert book["cls_01"].aliases == ("Q5", "第5题")
    assert book["cls_01"].missing == ("9", "-2")


def test_questions_about_the_codebook(tmp_path: Path) -> None:
    book = codebook.load(write(tmp_path, GOOD), "codebook.csv", ["before", "after"])
    assert book.scales() == ["cls"]
    assert book.items("cls") == ["cls_01"]
    assert book.items("cls", "before") == ["cls_01"]
    assert book.items("cls", "after") == ["cls_01@after"]
    assert book.predictors() == ["friends"]
    assert book.predictors("family") == []
    assert book.role("grade") is None
    assert [v.variable for v in book.by_role("sex")] == ["sex"]
    assert "age" in book
    assert "weight" not in book
    assert book["father_away"].codes("yes") == {"2"}
    assert book["sex"].label("2", "zh") == "女"
    assert book["sex"].label("2", "en") == "girl"
    assert book["sex"].label("7") == "7"
    assert book.labels("cls")["cls_01"]["5"] == ("总是", "always")


def test_what_is_private_by_default(tmp_path: Path) -> None:
    lines = GOOD | {"class": {"column": "班级", "type": "text", "role": "class"}}
    book = codebook.load(write(tmp_path, lines), "codebook.csv")
    assert book["note"].identifies == "direct"
    assert [v.variable for v in book.variables if v.private] == ["note"]
    assert book["class"].identifies == book["id"].identifies == book["age"].identifies == "quasi"
    assert book["cls_01"].identifies == "no"


def test_scales_are_predictors_by_the_level_of_their_items(tmp_path: Path) -> None:
    psss = instrument("psss")
    family = set(psss.subscales["family"].items)
    item = {"type": "item", "scale": "psss", "role": "predictor"}
    lines = {f"psss_{n:02d}": item | {"column": f"p{n}", "item": str(n)} for n in psss.numbers}
    for n, line in zip(psss.numbers, lines.values(), strict=True):
        line["level"] = "family" if n in family else "school_community"
    book = codebook.load(write(tmp_path, lines), "codebook.csv")
    assert book.levels([psss]) == {
        "psss_family": "family", "psss_friends": "school_community", "psss_other": "school_community"
    }
    same = {name: line | {"level": "family"} for name, line in lines.items()}
    book = codebook.load(write(tmp_path, same), "codebook.csv")
    assert book.predictors("family", [psss]) == book.predictors() == ["psss_total"]


FAULTS = {
    "variable name": ("age", {"variable": "Age of child"}, "variable: found 'Age of child'; allowed: small letters"),
    "empty column": ("age", {"column": ""}, "column: this cell is empty"),
    "type": ("age", {"type": "nmber"}, "type: found 'nmber'; did you mean 'number'?"),
    "role": ("age", {"role": "agee"}, "role: found 'agee'; did you mean 'age'?"),
    "level": ("friends", {"level": "famly"}, "level: found 'famly'; did you mean 'family'?"),
    "no level": ("friends", {"level": ""}, "level: this cell is empty; a predictor needs one of individual"),
    "identifies": ("age", {"identifies": "maybe"}, "identifies: found 'maybe'; allowed: direct, quasi, no, (empty)"),
    "choice without values": ("sex", {"values": ""}, "values: this cell is empty; type choice needs its codes"),
    "code twice": ("sex", {"values": "1=男|boy;1=女|girl"}, "values: found '1=女|girl'; each code once"),
    "no code": ("sex", {"values": "=男;2=女"}, "values: found '=男'; write code=label"),
    "label twice": ("sex", {"values": "1=男|boy|x;2=女|girl|X"}, "values: label 'X' stands for both 1 and 2"),
    "range reversed": ("age", {"values": "18..6"}, "values: found '18..6'; the first number must be"),
    "item code": ("cls_01", {"values": "a=x"}, "values: found code 'a'; the codes of an item are whole numbers"),
    "missing is value": ("cls_01", {"missing": "5"}, "missing: 5 is both a missing code and a value"),
    "item without number": ("cls_01", {"item": ""}, "scale, item: found 'cls', ''; an item needs its scale"),
    "scale without item": ("age", {"scale": "cls"}, "scale, item: found 'cls', ''; only lines of type item"),
    "item name": ("cls_01", {"variable": "cls_1"}, "variable: found 'cls_1'; this item's name is 'cls_01'"),
    "wave": ("cls_01", {"wave": "befor"}, "wave: found 'befor'; did you mean 'before'?"),
    "wave sign": ("cls_01", {"wave": "T 1"}, "wave: found 'T 1'; allowed: small letters, digits and _"),
    "sex without meaning": ("sex", {"values": "1=a;2=b"}, "values: role sex: no label says 'girl'"),
    "away without meaning": ("father_away", {"values": "1=甲;2=否"}, "values: role father_away: no label says 'yes'"),
    "two meanings": ("father_away", {"values": "1=是|no;2=否"}, "values: role father_away: one code means both"),
    "role needs choice": ("father_away", {"type": "number"}, "type: found 'number'; role father_away needs"),
    "id with role": ("id", {"role": "age"}, "role: found 'age'; a line of type id has the role id or none"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_told_and_its_mending_works(tmp_path: Path, name: str) -> None:
    variable, change, message = FAULTS[name]
    lines = {k: dict(v) for k, v in GOOD.items()}
    lines[variable] |= change
    line = list(GOOD).index(variable) + 2
    found = faults(write(tmp_path, lines), ["before", "after"])
    assert any(fault.startswith(f"data/x/codebook.csv:{line}: {message}") for fault in found), found
    assert codebook.load(write(tmp_path, GOOD), "codebook.csv", ["before", "after"])


def test_all_faults_come_at_once_in_order_of_lines(tmp_path: Path) -> None:
    lines = {k: dict(v) for k, v in GOOD.items()}
    expected = 0
    for variable, change in [("sex", {"values": ""}), ("age", {"type": "x"}), ("friends", {"level": ""})]:
        lines[variable] |= change
        expected += 1
    lines["second"] = {"column": "age", "type": "id", "role": "id"}
    found = faults(write(tmp_path, lines))
    assert len([f for f in found if "no label says" not in f]) == expected + 2
    assert [int(f.split(":")[1]) for f in found] == sorted(int(f.split(":")[1]) for f in found)
    assert "data/x/codebook.csv:10: column: 'age' stands in line 4 too" in found
    assert "data/x/codebook.csv:10: role: 'id' stands in line 2 too; a town has one variable of this role" in found


def test_a_variable_stands_once(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    path.write_text(path.read_text(encoding="utf-8") + "age,other,,,,number,,,,,,,,\n", encoding="utf-8")
    assert faults(path) == ["data/x/codebook.csv:10: variable: 'age' stands in line 4 too"]


HEAD = ",".join(codebook.COLUMNS)
UNREADABLE = {
    "unknown column": (HEAD.replace("aliases", "alias"), "unknown column 'alias'; did you mean 'aliases'?"),
    "column twice": (HEAD.replace("level", "role"), "column 'role' stands twice"),
    "no type": (HEAD.replace(",type", ""), "column 'type' is missing"),
    "a comma too many": (f"{HEAD}\nage,age,,,,number,6..18,,,,,age,,,", "15 fields where the header has 14"),
    "a quotation mark": (f'{HEAD}\nage,"age,,,,number,,,,,,,,', "not csv"),
    "nothing": ("", "column 'variable' is missing"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_is_no_codebook(tmp_path: Path, name: str) -> None:
    text, message = UNREADABLE[name]
    path = tmp_path / "codebook.csv"
    path.write_text(text, encoding="utf-8")
    assert any(message in fault for fault in faults(path))


def test_no_file_and_no_text(tmp_path: Path) -> None:
    assert faults(tmp_path / "none.csv") == ["data/x/codebook.csv: there is no such file"]
    path = tmp_path / "codebook.csv"
    path.write_bytes(b"variable,column\n\xff\xff\xff\n")
    assert faults(path) == ["data/x/codebook.csv:2: neither UTF-8 nor GBK text"]


def test_full_width_signs_of_a_chinese_keyboard_are_read(tmp_path: Path) -> None:
    lines = {"sex": GOOD["sex"] | {"values": "１＝男｜boy；２＝女｜girl"}, "": {}}
    book = codebook.load(write(tmp_path, {"sex": lines["sex"]}), "codebook.csv")
    assert book["sex"].values == {"1": ("男", "boy"), "2": ("女", "girl")}
