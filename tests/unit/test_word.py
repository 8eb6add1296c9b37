"""The Word chapter, opened again as Word would: rules, fonts, captions, fields, text, cells, template, payloads."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.oxml.ns import qn

from lbc.errors import UserError
from lbc.paths import PACKAGE
from lbc.reporting import chapter, references, terms, thesis, word_tables, wording
from lbc.reporting.word import Document
from lbc.reporting.word_xml import clean, runs

S_TOWN = PACKAGE.parent / "outputs" / "s_town"
LANGUAGES = ("zh", "en")
PAYLOADS = ["<script>alert(1)</script>", "=cmd|' /C calc'!A0", "{{7*7}}", "{table 02_table_one}", "{% x %}", "a\x00\x0bb\x1f&amp;"]
SIMULATED = {"en": "Simulated data, not real children", "zh": "模拟数据，非真实儿童"}


def finding(id: str, value: float | None = 2.84, **more: Any) -> dict[str, Any]:
    label = {"en": f"Label of {id}", "zh": f"{id} 的名称"}
    estimate = None if value is None else {"name": "mean difference", "value": value, "ci": [1.32, 4.36], "level": 0.95, "unit": "points"}
    return {"id": id, "label": label, "method": "Welch's two-sample t test", "estimate": estimate, "effect": None, "test": None, "n": {},
            "evidence": "association", "confirmatory": False, "reference": "Welch 1947; g: Hedges 1981"} | more


def table(name: str, heads: dict[str, list[str]], cells: dict[str, list[list[str]]], **more: Any) -> dict[str, Any]:
    entry = {"name": name, "kind": "table", "digest": "0", "private": False, "files": [], "note": None,
             "caption": {"en": f"Caption of {name}", "zh": f"{name} 的标题"}, "heads": heads, "cells": cells,
             "numeric": [False] + [True] * (len(heads["en"]) - 1)}
    return entry | more


def material(folder: Path) -> dict[str, Any]:
    """A small town: a comparison, a table with M and SD, stars, a wide and a long table, a figure, payloads, a claim."""
    from PIL import Image

    for language in LANGUAGES:
        (folder / language).mkdir(parents=True)
        Image.new("RGB", (600, 300), "white").save(folder / language / "02_cls_total.png", dpi=(300, 300))
    difference = finding(
        "comparison.cls_total.difference", n={"not left-behind": 277, "left-behind": 289},
        effect={"name": "Hedges' g", "value": 0.31, "ci": [0.14, 0.47], "level": 0.95},
        test={"name": "Welch t", "statistic": 3.66, "df": 563.98, "p": 0.0003})
    payload = finding("comparison.other.difference", label={"en": " ".join(PAYLOADS), "zh": " ".join(PAYLOADS)})
    none = finding("comparison.cls_total.latent", None, reason="too few")
    tables = [
        table("02_table_one", {"en": ["group", "M", "SD", "t"], "zh": ["组", "M", "SD", "t"]},
              {language: [["a", "1.20", "0.30", "2.10**"], ["b", "—", "—", "—"]] for language in LANGUAGES}, note={"en": "A note", "zh": "说明"}),
        table("02_wide", {language: ["term", *(f"coefficient{i}" for i in range(20))] for language in LANGUAGES},
              {language: [["x", *["−123.45"] * 20]] for language in LANGUAGES}),
        table("02_long", {language: ["what", "n"] for language in LANGUAGES}, {language: [[f"row {i}", str(i)] for i in range(90)] for language in LANGUAGES}),
        table("02_payloads", {language: ["text", "n"] for language in LANGUAGES}, {language: [[p, "1"] for p in PAYLOADS] for language in LANGUAGES}),
    ]
    figure = {"name": "02_cls_total", "kind": "figure", "digest": "0", "private": False, "files": [], "caption": {"en": 'A "figure" & <b>', "zh": "两组得分"},
              "pictures": {language: f"{language}/02_cls_total" for language in LANGUAGES}}
    claim = {"id": "lonelier", "verdict": "supported", "evidence": "association",
             "words": {"en": {"sentence": "They are lonelier.", "reason": "It holds."}, "zh": {"sentence": "他们更孤独。", "reason": "成立。"}}}
    return {
        "documents": [{"stage": "02_group_comparison", "findings": [difference, none, payload]},
                      {"stage": "04_intervention_evaluation", "findings": []},
                      {"stage": "05_thesis_claims", "findings": [], "claims": [claim]}],
        "exhibits": [{"stage": "02_group_comparison", "exhibits": [*tables, figure]}],
        "claims_rests_on": {"lonelier": ["comparison.cls_total.difference"]},
    }


def write(given: dict[str, Any], folder: Path, target: Path, **more: Any) -> list[Path]:
    options = {"town": {"en": "S Town", "zh": "S镇"}, "synthetic": True, "versions": {"Python": "3.11.7", "numpy": "2.4.6"}} | more
    return thesis.write(given["documents"], given["exhibits"], given["claims_rests_on"], folder, target, **options)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("word")
    write(material(folder), folder, folder / "thesis")
    return folder


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return material(tmp_path_factory.mktemp("given"))


def opened(folder: Path, language: str) -> Any:
    return docx.Document(str(folder / "thesis" / f"results_{language}.docx"))


def text(document: Any) -> str:
    return "\n".join("".join(t.text for t in p._p.iter(qn("w:t"))) for p in document.paragraphs)


def codes(document: Any) -> list[str]:
    return [code.text.strip() for code in document.element.body.iter(qn("w:instrText"))]


def exhibits(given: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {e["name"]: e for x in given["exhibits"] for e in x["exhibits"] if e["kind"] == kind}


def titles(document: Any, style: str) -> list[str]:
    return [p.text for p in document.paragraphs if p.style.name == style]


def rules(row: Any) -> list[dict[str, str]]:
    found = []
    for cell in row._tr.iter(qn("w:tc")):
        borders = cell.find(f"{qn('w:tcPr')}/{qn('w:tcBorders')}")
        found.append({} if borders is None else {b.tag.rpartition("}")[2]: b.get(qn("w:sz")) for b in borders})
    return found


def test_what_is_written(small: Path) -> None:
    made = sorted(p.relative_to(small / "thesis").as_posix() for p in (small / "thesis").rglob("*.docx"))
    names = ["02_long", "02_payloads", "02_table_one", "02_wide", "sources"]
    assert made == sorted([f"results_{la}.docx" for la in LANGUAGES] + [f"tables/{n}_{la}.docx" for n in names for la in LANGUAGES])


@pytest.mark.parametrize("language", LANGUAGES)
def test_three_lines_repeated_heads_and_whole_rows(small: Path, language: str) -> None:
    document = opened(small, language)
    assert len(document.tables) == 5
    for shown in document.tables:
        first, *body = shown.rows
        assert all(cell == {"top": "12", "bottom": "6"} for cell in rules(first))
        assert all(cell == {"bottom": "12"} for cell in rules(body[-1]))
        assert all(cell == {} for row in body[:-1] for cell in rules(row))
        assert shown._tbl.find(f".//{qn('w:tblBorders')}") is None
        assert first._tr.find(f"{qn('w:trPr')}/{qn('w:tblHeader')}") is not None
        assert all(row._tr.find(f"{qn('w:trPr')}/{qn('w:cantSplit')}") is not None for row in shown.rows)
        assert {p.style.name for p in first.cells[0].paragraphs} == {"LBC Table Head"}
        assert {p.style.name for p in body[0].cells[0].paragraphs} == {"LBC Table Cell"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_cell_is_the_exhibits_cell(small: Path, given: dict[str, Any], language: str) -> None:
    known = exhibits(given, "table")
    document = opened(small, language)
    shown = dict(zip(titles(document, "LBC Table Title"), document.tables, strict=True))
    for name, entry in known.items():
        title = next(t for t in shown if t.endswith(entry["caption"][language]))
        cells = [[cell.text for cell in row.cells] for row in shown[title].rows]
        expected = word_tables.as_read(entry, language)
        assert cells == [expected.heads, *expected.rows], name
        alone = docx.Document(str(small / "thesis" / "tables" / f"{name}_{language}.docx"))
        assert [[cell.text for cell in row.cells] for row in alone.tables[0].rows] == cells
        assert titles(alone, "LBC Table Title") == [title]
        if language == "en" or "SD" not in entry["heads"]["zh"]:
            assert cells == [entry["heads"][language], *([clean(c) for c in row] for row in entry["cells"][language])]


def test_mean_and_sd_stand_together_in_chinese_only(small: Path) -> None:
    zh, en = (next(t for t in opened(small, la).tables if len(t.rows) == 3) for la in LANGUAGES)
    assert [[c.text for c in row.cells] for row in zh.rows] == [["组", "M±SD", "t"], ["a", "1.20±0.30", "2.10**"], ["b", "—", "—"]]
    assert [c.text for c in en.rows[1].cells] == ["a", "1.20", "0.30", "2.10**"]


def test_note_below_explains_stars(small: Path) -> None:
    zh, en = (titles(opened(small, la), "LBC Table Note") for la in LANGUAGES)
    assert "注：说明。M±SD 为均值±标准差。*p < 0.05，**p < 0.01，***p < 0.001。模拟数据，非真实儿童。" in zh
    assert "Note. A note. *p < .05, **p < .01, ***p < .001. Simulated data, not real children." in en
    starred = next(r for t in opened(small, "en").tables for c in t._cells for p in c.paragraphs for r in p.runs if r.text == "**")
    assert starred.font.superscript


def test_an_index_is_lowered_and_its_underscore_hidden() -> None:
    """What a program reads stays the text of the finding; what a person sees is an index."""
    held = docx.Document().add_paragraph()
    held._p.extend(runs("d_z = 0.02"))
    assert held.text == "d_z = 0.02"
    found = [(r.text, bool(r.font.italic), bool(r.font.hidden), bool(r.font.subscript)) for r in held.runs]
    assert found == [("d", True, False, False), ("_", False, True, False), ("z", False, False, True),
                     (" = 0.02", False, False, False)]


def test_stars_need_no_note_where_none_stand(small: Path) -> None:
    assert "Note. Simulated data, not real children." in titles(opened(small, "en"), "LBC Table Note")


@pytest.mark.parametrize("language", LANGUAGES)
def test_fonts_and_language_of_the_styles(small: Path, language: str) -> None:
    document = opened(small, language)
    names = ["Normal", "LBC Body", "LBC Table Title", "LBC Table Head", "LBC Table Cell", "LBC Table Note", "LBC Figure Caption",
             "LBC Reference", "Heading 1", "Heading 2", "Heading 3", "table of figures"]
    for name in names:
        look = document.styles[name].element.find(qn("w:rPr"))
        fonts, spoken = look.find(qn("w:rFonts")), look.find(qn("w:lang"))
        assert {fonts.get(qn(f"w:{side}")) for side in ("ascii", "hAnsi", "cs")} == {"Times New Roman"}
        assert fonts.get(qn("w:eastAsia")) == ("黑体" if name.startswith("Heading") else "宋体")
        assert not [key for key in fonts.keys() if "Theme" in key]  # noqa: SIM118
        assert spoken.get(qn("w:eastAsia")) == "zh-CN"
        assert spoken.get(qn("w:val")) == {"zh": "en-US", "en": "en-GB"}[language]


@pytest.mark.parametrize(("language", "word", "blank"), [("zh", "表", ""), ("en", "Table", " ")])
def test_titles_stand_above_and_are_numbered_by_fields(small: Path, language: str, word: str, blank: str) -> None:
    document = opened(small, language)
    order = [block.tag.rpartition("}")[2] + ":" + (docx.text.paragraph.Paragraph(block, document._body).style.name if block.tag.endswith("}p") else "")
             for block in document.element.body if not block.tag.endswith("sectPr")]
    for i, block in enumerate(order):
        if block == "tbl:":
            assert order[i - 1] == "p:LBC Table Title"
            assert order[i + 1] == "p:LBC Table Note"
        if block == "p:LBC Figure":
            assert order[i + 1] == "p:LBC Figure Caption"
    heads = titles(document, "LBC Table Title")
    assert [re.match(rf"{word}{blank}4-(\d+)", t)[1] for t in heads] == [str(i) for i in range(1, 6)]
    assert sum(code.startswith(f"SEQ {word} ") for code in codes(document)) == 5
    assert sum(code.startswith(f"SEQ {'图' if language == 'zh' else 'Figure'} ") for code in codes(document)) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_references_to_exhibits_are_fields_that_lead_somewhere(small: Path, language: str) -> None:
    document = opened(small, language)
    marks = {mark.get(qn("w:name")) for mark in document.element.body.iter(qn("w:bookmarkStart"))}
    ids = [mark.get(qn("w:id")) for mark in document.element.body.iter(qn("w:bookmarkStart"))]
    asked = [code.split()[1] for code in codes(document) if code.startswith(("REF ", "PAGEREF "))]
    assert len(ids) == len(set(ids))
    assert all(len(mark) <= 40 for mark in marks)
    assert set(asked) <= marks
    assert {"_Ref_t_02_table_one", "_Ref_f_02_cls_total", "_Toc_t_02_long"} <= set(asked)
    kinds = [mark.get(qn("w:fldCharType")) for mark in document.element.body.iter(qn("w:fldChar"))]
    assert kinds.count("begin") == kinds.count("separate") == kinds.count("end")


@pytest.mark.parametrize(("language", "tables", "figures"), [("zh", 'TOC \\h \\z \\c "表"', 'TOC \\h \\z \\c "图"'),
                                                            ("en", 'TOC \\h \\z \\c "Table"', 'TOC \\h \\z \\c "Figure"')])
def test_lists_can_be_updated_and_are_filled_in(small: Path, given: dict[str, Any], language: str, tables: str, figures: str) -> None:
    document = opened(small, language)
    assert {tables, figures, 'TOC \\o "1-2" \\h \\z \\u'} <= set(codes(document))
    assert document.settings.element.find(qn("w:updateFields")).get(qn("w:val")) == "true"
    listed = text(document)
    entries = [p._p for p in document.paragraphs if p.style.name == "table of figures"]
    assert len(entries) == 6
    assert all(entry.find(qn("w:hyperlink")) is not None for entry in entries)
    dirty = [mark for mark in document.element.body.iter(qn("w:fldChar")) if mark.get(qn("w:dirty")) == "true"]
    assert len(dirty) == 3
    for entry in exhibits(given, "table").values():
        assert listed.count(entry["caption"][language]) >= 2  # in the list and above the table


@pytest.mark.parametrize("language", LANGUAGES)
def test_figures_have_captions_and_alternative_text(small: Path, given: dict[str, Any], language: str) -> None:
    document = opened(small, language)
    (about,) = list(document.element.body.iter(qn("wp:docPr")))
    assert about.get("descr") == exhibits(given, "figure")["02_cls_total"]["caption"][language]
    (caption,) = titles(document, "LBC Figure Caption")
    assert caption.startswith({"zh": "图4-1", "en": "Figure 4-1"}[language])


@pytest.mark.parametrize("language", LANGUAGES)
def test_wide_tables_turn_the_page_and_fit(small: Path, language: str) -> None:
    document = opened(small, language)
    wide = next(t for t in document.tables if len(t.columns) == 21)
    widths = [int(c.get(qn("w:w"))) for c in wide._tbl.iter(qn("w:gridCol"))]
    turned = [s for s in document.sections if s.page_width > s.page_height]
    assert len(turned) == 1
    space = (turned[0].page_width - turned[0].left_margin - turned[0].right_margin) / 635
    assert sum(widths) <= space + 1
    assert document.sections[-1].page_width < document.sections[-1].page_height
    alone = docx.Document(str(small / "thesis" / "tables" / f"02_wide_{language}.docx"))
    assert [s.page_width > s.page_height for s in alone.sections] == [True]


@pytest.mark.parametrize("language", LANGUAGES)
def test_text_equals_the_findings(small: Path, given: dict[str, Any], language: str) -> None:
    said = text(opened(small, language))
    difference = given["documents"][0]["findings"][0]
    for number in ("2.84", wording.statistic(difference["test"], language), wording.interval([1.32, 4.36], language=language)):
        assert number in said
    assert {"zh": "留守儿童的孤独感总分高于非留守儿童，相差 2.84 分", "en": "Loneliness was higher among left-behind children than among"}[language] in said
    assert wording.evidence("association", language) in said
    assert terms.NOT_ESTIMABLE[language] in said
    assert {"zh": "（1）他们更孤独。判断：得到支持（相关关系）。", "en": "(1) They are lonelier. Verdict: supported (association)."}[language] in said
    assert {"zh": "本研究未收集此类数据。", "en": "No data of this kind were collected in this town."}[language] in said
    assert "Python 3.11.7" in said
    assert said.count(SIMULATED[language]) >= 5


@pytest.mark.parametrize(("value", "ci", "words"), [(2.84, [1.32, 4.36], "Loneliness was higher"), (-2.84, [-4.36, -1.32], "Loneliness was lower"),
                                                   (0.5, [-1.0, 2.0], "does not show a difference"), (0.5, None, "mean difference = 0.50")])
def test_the_sentence_follows_the_interval(given: dict[str, Any], value: float, ci: Any, words: str) -> None:
    document = given["documents"][0]
    changed = document["findings"][0] | {"estimate": document["findings"][0]["estimate"] | {"value": value, "ci": ci}}
    told = chapter.Chapter([{"stage": document["stage"], "findings": [changed]}], given["exhibits"], {}, {}, "en", 4)
    said = "\n".join("".join(str(part) for part in block.parts) for block in told.blocks())
    assert words in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_payloads_stand_as_plain_text(small: Path, language: str) -> None:
    path = small / "thesis" / f"results_{language}.docx"
    document = docx.Document(str(path))
    shown = next(t for t in document.tables if t.rows[1].cells[0].text == PAYLOADS[0])
    assert [row.cells[0].text for row in shown.rows][1:] == [*PAYLOADS[:-1], "ab&amp;"]
    assert " ".join(PAYLOADS[:-1]) in text(document)
    assert not [code for code in codes(document) if "cmd" in code or "script" in code or "{" in code]
    assert "49" not in shown.rows[3].cells[0].text
    with zipfile.ZipFile(path) as package:
        assert b"<script" not in package.read("word/document.xml")


def test_a_table_alone_keeps_its_number(small: Path) -> None:
    """Word would count from one if it were asked to update the fields of a document with a single table."""
    alone = docx.Document(str(small / "thesis" / "tables" / "02_long_en.docx"))
    assert alone.settings.element.find(qn("w:updateFields")) is None
    (title,) = titles(alone, "LBC Table Title")
    assert title == "Table 4-2  Caption of 02_long"
    assert title in titles(opened(small, "en"), "LBC Table Title")


def test_both_languages_number_alike(small: Path, given: dict[str, Any]) -> None:
    order = []
    for language in LANGUAGES:
        captions = {entry["caption"][language]: name for name, entry in exhibits(given, "table").items()}
        found = titles(opened(small, language), "LBC Table Title")
        order.append([next((name for caption, name in captions.items() if title.endswith(caption)), "sources") for title in found])
    assert order[0] == order[1]


def test_same_bytes_twice(small: Path, given: dict[str, Any], tmp_path: Path) -> None:
    again = write(material(tmp_path), tmp_path, tmp_path / "thesis")
    for path in again:
        assert path.read_bytes() == (small / path.relative_to(tmp_path)).read_bytes(), path.name
    with zipfile.ZipFile(again[0]) as package:
        assert {entry.date_time for entry in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_template_keeps_its_styles_and_page_and_gets_the_missing_ones(tmp_path: Path) -> None:
    made = docx.Document()
    made.add_paragraph("Cover page of the university")
    made.styles["Heading 1"].font.size = docx.shared.Pt(33)
    own = made.styles.add_style("LBC Table Title", 1)
    own.font.size = docx.shared.Pt(7)
    made.sections[0].left_margin = docx.shared.Cm(4)
    made.sections[0].header.paragraphs[0].text = "University"
    made.save(str(tmp_path / "my_university.docx"))
    write(material(tmp_path), tmp_path, tmp_path / "thesis", template=tmp_path / "my_university.docx", chapter=5)
    document = opened(tmp_path, "zh")
    assert document.styles["Heading 1"].font.size == docx.shared.Pt(33)
    assert document.styles["LBC Table Title"].font.size == docx.shared.Pt(7)
    assert document.styles["LBC Table Note"].element.find(f".//{qn('w:rFonts')}").get(qn("w:eastAsia")) == "宋体"
    assert document.sections[0].left_margin.cm == pytest.approx(4, abs=0.01)
    assert document.sections[0].header.paragraphs[0].text == "University"
    assert "Cover page" not in text(document)
    assert titles(document, "LBC Table Title")[0].startswith("表5-1")
    assert "第五章" in titles(document, "Heading 1")[0]
    with zipfile.ZipFile(tmp_path / "thesis" / "results_zh.docx") as package:
        assert "Times New Roman" in package.read("word/styles.xml").decode()


@pytest.mark.parametrize(("name", "content"), [("missing.docx", None), ("words.docx", b"not a document"), ("empty.docx", b"")])
def test_a_template_that_cannot_be_used_is_named(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        Document("zh", {}, template=tmp_path / name)
    message = str(caught.value)
    assert name in message
    assert "fix:" in message
    assert len(message.splitlines()) <= 6
    assert str(tmp_path) not in message


def test_a_zip_that_is_no_word_file_is_no_template(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "sheet.docx", "w") as package:
        package.writestr("[Content_Types].xml", "<Types/>")
    with pytest.raises(UserError, match="cannot be read"):
        Document("en", {}, template=tmp_path / "sheet.docx")


def test_a_missing_picture_is_named(given: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="02_cls_total is missing"):
        write(given, tmp_path, tmp_path / "thesis")


# ----------------------------------------------------------------- references


def statistics() -> dict[str, str]:
    """The references of docs/statistics.md as plain text."""
    lines = (PACKAGE.parent / "docs" / "statistics.md").read_text(encoding="utf-8").splitlines()
    entries = [re.sub(r"<a id=[^>]*></a>", "", line.removeprefix("- ")) for line in lines if line.startswith("- <a id=")]
    plain = [entry.replace("*", "").replace("<https", "https").removesuffix(">").replace("%3C", "<").replace("%3E", ">") for entry in entries]
    return {entry.split("(")[0] + entry[entry.index("("):entry.index(")")]: entry for entry in plain}


def test_references_agree_with_the_list_in_the_docs() -> None:
    listed = [entry.replace("(eds.)", "(Eds.)") for entry in statistics().values()]
    known = [re.sub(r"\W", "", entry) for entry in listed]
    absent = []
    for key, row in references.rows().items():
        if row["kind"] == "own":
            continue
        plain = "".join(piece for piece, _ in references.apa(row)).replace(" (pp. ", ", ").replace("–", "–")
        if re.sub(r"\W", "", plain) not in known:
            absent.append(key)
    rules_and_more = {"Chen, Cohen & Chen 2010", "Cohen 1988", "Krippendorff 2004", "Landis & Koch 1977", "Lee & Wagenmakers 2013",
                      "Mann & Whitney 1947", "Nunnally & Bernstein 1994", "Wilcoxon 1945"}
    assert set(absent) == rules_and_more


def test_apa_and_gbt() -> None:
    row = references.rows()["Welch 1947"]
    assert "".join(piece for piece, _ in references.apa(row)) == (
        "Welch, B. L. (1947). The generalization of “Student's” problem when several different population variances are involved. "
        "Biometrika, 34, 28–35. https://doi.org/10.1093/biomet/34.1-2.28")
    assert references.gbt(row)[0][0] == (
        "WELCH B L, 1947. The generalization of “Student's” problem when several different population variances are involved[J]. "
        "Biometrika, 34: 28-35. DOI: 10.1093/biomet/34.1-2.28.")
    many, book, part = (references.gbt(references.rows()[key])[0][0] for key in ("von Elm et al. 2007", "Cohen 1988", "Bliese 2000"))
    assert many.startswith("VON ELM E, ALTMAN D G, EGGER M, et al, 2007. ")
    assert book == "COHEN J, 1988. Statistical Power Analysis for the Behavioral Sciences[M]. 2nd ed. Hillsdale: Erlbaum. DOI: 10.4324/9780203771587."
    assert "//KLEIN K J, KOZLOWSKI S W J. Multilevel" in part


def test_rules_for_sizes_have_their_source_listed() -> None:
    assert {rule.source for rule in terms.RULES.values()} <= set(references.rows())


def test_a_source_without_a_row_stands_as_cited() -> None:
    assert references.listed({"Nobody 2030", "Welch 1947"}, "en")[0] == [("Nobody 2030", False)]


# ---------------------------------------------------------------- the real town


def real() -> dict[str, Any]:
    def read(folder: str) -> list[dict[str, Any]]:
        return [json.loads(p.read_text(encoding="utf-8")) for p in sorted((S_TOWN / folder).glob("*.json"))]

    return {"documents": read("findings"), "exhibits": read("exhibits"), "claims_rests_on": {}}


def test_every_reference_of_the_findings_has_an_entry() -> None:
    used = {f["reference"] for d in real()["documents"] for f in d["findings"] if f["reference"]}
    assert used
    for reference in used:
        keys = references.keys(reference) or [reference]
        assert not [key for key in keys if key not in references.rows()], reference


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_chapter_of_s_town_leaves_nothing_out(language: str) -> None:
    given = real()
    if not given["exhibits"]:
        pytest.skip("outputs/s_town was built before there were exhibits: make all")
    told = chapter.Chapter(given["documents"], given["exhibits"], {}, {}, language, 4)
    blocks = list(told.blocks())
    stood = [(block.kind, block.exhibit["name"]) for block in blocks if block.exhibit]
    known = [(e["kind"], e["name"]) for x in given["exhibits"] for e in x["exhibits"]]
    assert sorted(stood) == sorted([*known, ("table", "sources")])
    assert told.told == {f["id"] for d in given["documents"] for f in d["findings"]}
    assert told.mentioned == set(stood)
    said = "\n".join("".join(map(str, block.parts)) for block in blocks)
    assert "{" not in said
    assert "[[" not in said
    assert terms.pick(language, "not estimable]", "无法估计]") not in said
    for f in (f for d in given["documents"] for f in d["findings"] if f["estimate"]):
        number = wording.number(abs(f["estimate"]["value"]), 1 if "share" in f["estimate"]["unit"] else 2, language, bounded=True)
        percent = wording.number(100 * abs(f["estimate"]["value"]), 1, language)
        assert any(n in said for n in (number, percent, str(round(f["estimate"]["value"])))), f["id"]
