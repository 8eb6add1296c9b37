"""One table in CSV, HTML, Markdown, Word and the web report: the same cells everywhere, whatever they hold."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mistune
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from docx import Document as open_docx

from lbc.reporting import site_exhibits, tables, word, word_tables, word_xml

OUTPUTS = Path(__file__).resolve().parents[2] / "outputs" / "s_town"
PRINTED = re.compile(r"([+−]?)(\d*(?:\.(\d+))?)(%?)")
BEYOND = re.compile(r"([<>]) (\d*\.\d+)")
EXHIBITS = [
    entry
    for path in sorted((OUTPUTS / "exhibits").glob("*.json"))
    for entry in json.loads(path.read_text(encoding="utf-8"))["exhibits"]
    if entry["kind"] == "table"
]
HOSTILE = [
    "plain",
    "a | b || \\| c \\",
    "two\nlines",
    "留守儿童：“孤独”，（总分）",
    "−0.12",
    "3.66***",
    "* p < .05. ** p < .01.",
    "*emphasis* _and_ __more__ ~~gone~~ `code`",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "&lt;b&gt; & &amp;",
    "=cmd|' /C calc'!A0",
    "＝1+1",
    "@SUM(A1)",
    "{{7*7}} ${7*7} $x^2$ {% x %}",
    "[link](javascript:alert(1)) ![x](y)",
    "# heading, 1. list, - item",
    "tab\there",
    "t(12) = 2.31, p = .021, Cramér V = .10, d_z, R² and χ²",
]


def rows(html: str) -> list[list[str]]:
    """Head and cells of the only table in a page, as its reader sees them."""
    (table,) = BeautifulSoup(html, "html.parser").find_all("table")
    for line in table.find_all("br"):
        line.replace_with("\n")
    return [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in table.find_all("tr")]


def expected(table: dict[str, Any], language: str) -> list[list[str]]:
    return [table["heads"][language], *table["cells"][language]]


def from_word(wanted: dict[str, dict[str, Any]], language: str, path: Path) -> dict[str, list[list[str]]]:
    """The rows of each table of a Word document that holds them all."""
    document = word.Document(language, {("table", name): number for number, name in enumerate(wanted, 1)})
    for name, table in wanted.items():
        document.table(table | {"name": name})
    written = open_docx(document.save(path)).tables
    return {name: [[cell.text for cell in row.cells] for row in table.rows]
            for name, table in zip(wanted, written, strict=True)}


@pytest.fixture(scope="module")
def chapters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[list[str]]]]:
    """Every table of the town in Word, by language and name."""
    folder, tables_ = tmp_path_factory.mktemp("word"), {entry["name"]: entry for entry in EXHIBITS}
    return {language: from_word(tables_, language, folder / f"{language}.docx") for language in ("en", "zh")}


def one_from_word(table: dict[str, Any], language: str, path: Path) -> list[list[str]]:
    return from_word({"x": table}, language, path)["x"]


def apart(found: list[list[str]], table: dict[str, Any], language: str) -> list[list[str]]:
    """Word's rows with every column M±SD taken apart again."""
    heads = table["heads"][language]
    made = [list(row) for row in found]
    for place, head in enumerate(heads):
        if len(made[0]) > place and made[0][place] == word_xml.clean(head) + "±SD" and head.endswith("M"):
            for number, row in enumerate(made):
                mean, mark, sd = row[place].partition("±")
                row[place : place + 1] = [head, head[:-1] + "SD"] if number == 0 else [mean, sd if mark else "—"]
    return made


def test_there_are_tables_to_compare() -> None:
    assert len(EXHIBITS) > 40, "outputs/s_town/exhibits is part of the checkout"


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("table", EXHIBITS, ids=lambda entry: entry["name"])
def test_every_table_of_the_town_has_the_same_cells_in_every_form(
    table: dict[str, Any], language: str, chapters: dict[str, dict[str, list[list[str]]]]
) -> None:
    wanted = expected(table, language)
    assert rows(tables.html(table, language)) == wanted
    assert rows(site_exhibits.sortable(*(table[k][language] for k in ("heads", "cells")), table["numeric"], "x")) == wanted
    assert rows(mistune.html(tables.markdown(table, language))) == squeezed(wanted)
    assert apart(chapters[language][table["name"]], table, language) == wanted


@pytest.mark.parametrize("table", EXHIBITS, ids=lambda entry: entry["name"])
def test_the_csv_of_every_table_rounds_to_the_cells_that_are_read(table: dict[str, Any]) -> None:
    path = OUTPUTS / table["files"][0]
    if not path.exists():
        pytest.skip(f"{path.name} is private: it is not part of the checkout")
    head, *lines = csv.reader(path.read_text(encoding="utf-8").splitlines())
    for language in ("en", "zh"):
        columns = list(in_language(head, lines, language))
        cells = table["cells"][language]
        assert len(columns) == len(table["heads"][language])
        assert len(lines) == len(cells)
        for place, (name, column, both) in enumerate(columns):
            read: dict[str, str] = {}
            for raw, row in zip(column, cells, strict=True):
                cell, where = row[place], f"{table['name']}, {name}, {language}: {raw} reads {row[place]}"
                if raw == "":
                    assert cell == "—" or not (table["numeric"][place] or cell), where
                elif both:
                    assert cell == raw.removeprefix("'"), where
                elif table["numeric"][place] or (PRINTED.fullmatch(cell) and is_number(raw)):
                    assert agrees(float(raw), cell), where
                else:
                    assert cell, where
                    assert read.setdefault(raw, cell) == cell, where  # one value, one word


def in_language(head: list[str], lines: list[list[str]], language: str) -> Iterator[tuple[str, list[str], bool]]:
    """The columns of a CSV that one language reads; whether a column is kept in both languages."""
    for place, name in enumerate(head):
        stem, _, end = name.rpartition("_")
        both = end in ("en", "zh") and {f"{stem}_en", f"{stem}_zh"} <= set(head)
        if not both or end == language:
            yield name, [line[place] for line in lines], both


def is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?", text) is not None


def agrees(exact: float, cell: str) -> bool:
    """Whether a number in full precision is what a cell shows of it."""
    if beyond := BEYOND.fullmatch(cell):
        return exact < float(beyond[2]) if beyond[1] == "<" else exact > float(beyond[2])
    if cell in ("∞", "−∞"):
        return exact == float(cell.replace("−", "-").replace("∞", "inf"))
    sign, size, digits, share = PRINTED.fullmatch(cell).groups()
    shown = float(size) * (-1 if sign == "−" else 1)
    return abs(exact * (100 if share else 1) - shown) <= 0.5 * 10 ** -len(digits or "") * (1 + 1e-9)


def squeezed(wanted: list[list[str]]) -> list[list[str]]:
    """Markdown keeps neither line breaks nor blanks at the ends of a cell."""
    return [[re.sub(r"\s*\n\s*", " ", cell).strip() for cell in row] for row in wanted]


def hostile() -> tables.Table:
    frame = pd.DataFrame({"text": HOSTILE, "x": [-0.125 * i for i in range(len(HOSTILE))], HOSTILE[1]: HOSTILE})
    words = {"en": HOSTILE[8] + HOSTILE[1], "zh": HOSTILE[10] + HOSTILE[3]}
    return tables.Table(frame, {"x": "+.2f"}, {"text": words}, caption="- " + HOSTILE[8], note=HOSTILE[6])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_whatever_a_cell_holds_it_reads_the_same_everywhere(language: str, tmp_path: Path) -> None:
    shown = hostile()
    table = shown.rendered()
    wanted = expected(table, language)
    assert [row[0] for row in wanted[1:]] == HOSTILE
    assert wanted[2][1] == "−0.12"
    assert rows(shown.to_html(language)) == wanted
    assert rows(site_exhibits.sortable(table["heads"][language], table["cells"][language], table["numeric"], "x")) == wanted
    assert rows(mistune.html(shown.to_markdown(language))) == squeezed(wanted)
    blanks = [[cell.replace("\t", " ") for cell in row] for row in wanted]
    assert one_from_word(table, language, tmp_path / "x.docx") == blanks
    head, *lines = csv.reader(shown.to_csv().splitlines(keepends=True))
    assert head == ["text", "x", HOSTILE[1]]
    for line, cell in zip(lines, wanted[1:], strict=True):
        assert line[0] in (cell[0], f"'{cell[0]}")
        assert not line[0].startswith(tables.STARTS_A_FORMULA)
        assert agrees(float(line[1]), cell[1])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_of_a_hostile_table_acts(language: str, tmp_path: Path) -> None:
    shown = hostile()
    for html in (shown.to_html(language), mistune.create_markdown(escape=False, plugins=["table", "strikethrough", "math"])(
            shown.to_markdown(language))):
        soup = BeautifulSoup(html, "html.parser")
        allowed = {"table", "thead", "tbody", "tr", "th", "td", "caption", "p", "br"}
        assert {tag.name for tag in soup.find_all(True)} <= allowed
        assert not [name for tag in soup.find_all(True) for name in tag.attrs if name not in ("style", "class", "scope")]
        assert "- <script>alert(1)</script>" in soup.get_text()
        assert "* p < .05. ** p < .01." in soup.get_text()
    path = tmp_path / "x.docx"
    one_from_word(shown.rendered(), language, path)
    body = open_docx(path).element.body
    codes = [element.text.strip().split()[0] for element in body.iter("{*}instrText")]
    assert set(codes) == {"SEQ"}  # the number of the table, nothing that a cell asked for


def test_m_and_sd_are_one_column_in_a_chinese_chapter_and_stay_the_same_numbers(tmp_path: Path) -> None:
    frame = pd.DataFrame({"who": ["a", "b"], "mean": [1.234, -0.5], "sd": [0.333, None]})
    table = tables.Table(frame).rendered()
    assert one_from_word(table, "zh", tmp_path / "x.docx") == [["who", "M±SD"], ["a", "1.23±0.33"], ["b", "−0.50"]]
    assert one_from_word(table, "en", tmp_path / "x.docx") == expected(table, "en")
    assert apart(one_from_word(table, "zh", tmp_path / "x.docx"), table, "zh") == expected(table, "zh")
    assert word_tables.as_read(table, "zh").joined
