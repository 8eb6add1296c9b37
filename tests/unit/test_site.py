"""The web report: it says everything in both languages, loads nothing, runs one script, and is the same every time."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag

import pytest
from bs4 import BeautifulSoup

from lbc.errors import UserError
from lbc.reporting import recheck, site, site_notebooks, wording
from lbc.reporting.site_exhibits import sortable, value
from lbc.reporting.site_numbers import NUMBER, in_full, rich, short

EVIL = '<script>alert(1)</script><img src=x onerror="alert(2)"><a href="javascript:alert(3)">x</a>'
SHOUTS = [EVIL, "=cmd|' /C calc'!A0", "{{7*7}}", "$title ${body}", "</script><b>", "' onfocus=alert(4) x='"]
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="360pt" height="180pt" viewBox="0 0 360 180">{}</svg>'
STAGES = ["01_survey_cleaning", "02_group_comparison"]
PAGES = ["index.html", "findings.html", *(f"{stage}.html" for stage in STAGES)]


def finding(id: str, en: str, zh: str, value: float = 2.84, **more: Any) -> dict[str, Any]:
    """A finding as `findings/<stage>.json` has it."""
    estimate = {"name": "mean difference", "value": value, "ci": [1.3169075667010837, 4.36], "level": 0.95, "unit": "points"}
    test = {"name": "t", "statistic": 3.662572734410945, "df": 563.9753618480117, "p": 0.000273211025224154}
    plain = {"id": id, "label": {"en": en, "zh": zh}, "method": "Welch <t>", "estimate": estimate, "effect": None, "test": test}
    plain |= {"n": {"left-behind": 289}, "evidence": "association", "confirmatory": True, "reference": "Welch 1947"}
    return plain | more


FLOW = finding("cleaning.flow", "Forms kept", "保留的问卷", test=None, n={"forms in the file": 627, "received": 627, "consent": 615, "new_rule": 570})
GAP = finding("comparison.cls_total.difference", "Loneliness <b>", "孤独感")
NONE = finding("comparison.none", "No estimate", "无估计", estimate=None, test=None, reason={"en": "nobody asked", "zh": "未询问"})
CLAIMS = [
    {"id": "lonelier", "verdict": "supported", "evidence": "association", "sentence": "old", "reason": "old",
     "words": {"en": {"sentence": "By 3.4 < 5 points.", "reason": "1 of 1 holds, p = .021."},
               "zh": {"sentence": "相差 3.4 分。", "reason": "1 项成立。"}}},
    {"id": "case_works", "verdict": "cannot be tested with this design", "evidence": None, "reason": {"en": "not collected", "zh": "未收集"},
     "sentence": {"en": EVIL, "zh": EVIL}},
]


def table(name: str, **more: Any) -> dict[str, Any]:
    """A table as `exhibits/<stage>.json` has it; what children wrote stands in its cells."""
    cells = [[text, "< .001"] for text in SHOUTS] + [["b", "—"], ["c", ".032"], ["d", "−0.12"]]
    plain = {"name": name, "kind": "table", "caption": {"en": f"Means of {name}", "zh": f"{name}的均值"}, "digest": "0123456789abcdef"}
    plain |= {"files": [f"tables/{name}.csv"], "private": False, "numeric": [False, True], "note": {"en": "p < .05*", "zh": "p < 0.05*"}}
    return plain | {"heads": {"en": ["who", "p"], "zh": ["谁", "p"]}, "cells": {"en": cells, "zh": cells}} | more


def figure(name: str, **more: Any) -> dict[str, Any]:
    """A figure as `exhibits/<stage>.json` has it."""
    plain = {"name": name, "kind": "figure", "caption": {"en": f"Drawing of {name}", "zh": f"{name}图"}, "digest": "fedcba9876543210"}
    plain |= {"files": [f"figures/{name}.svg", f"figures/{name}.csv"], "private": False}
    return plain | {"pictures": {"en": f"figures/{name}", "zh": f"figures/zh/{name}"}} | more


EXHIBITS = {
    STAGES[0]: [figure("01_flow"), figure("01_alone")],
    STAGES[1]: [table("02_methods"), figure("02_cls_total"), figure("02_twice"), table("02_twice"), figure("02_members", private=True, released="no <child> can be known")],
}


def shows(kind: str, name: str) -> dict[str, Any]:
    data = {"text/plain": [f"{kind} {name} [0123456789abcdef]: caption"]}
    return {"output_type": "display_data", "data": data, "metadata": {"lbc": {"exhibit": name}}}


def says(text: str, *ids: str) -> dict[str, Any]:
    data = {"text/plain": [text], "text/markdown": text.splitlines(keepends=True)}
    return {"output_type": "display_data", "data": data, "metadata": {"lbc": {"findings": list(ids)}}}


def raw(**data: str) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": {}, "data": {key.replace("_", "/"): text for key, text in data.items()}}


def notebook(title: str, *cells: tuple[str, list[dict[str, Any]] | None]) -> dict[str, Any]:
    """A notebook as it lies on the disk: a cell is a text and its outputs, None for Markdown."""
    made = []
    for k, (source, outputs) in enumerate([(f"# {title}", None), *cells]):
        cell = {"id": f"cell-{k}", "metadata": {}, "source": source.splitlines(keepends=True)}
        made.append(cell | ({"cell_type": "markdown"} if outputs is None else
                            {"cell_type": "code", "execution_count": k, "outputs": outputs}))
    return {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def notebooks(language: str) -> dict[str, Any]:
    pick = {"en": 0, "zh": 1}[language]
    card = "**02: S Town**\n\n| | |\n|---|---|\n| Read | data/survey.xlsx 6cbe |\n| Seed | 1 |"
    first = notebook(
        ("Survey", "调查")[pick], ("### Flow", None), ("draw()  # 画", [shows("figure", "01_flow"), says(wording.sentence(FLOW, language), FLOW["id"])]),
        ("## Alone", None), ("alone()", [shows("figure", "01_alone")]),
    )
    second = notebook(
        "Comparison & more " + EVIL, ("setup()", []), ("## Means\n\n[link](https://example.org) " + "\n\n".join(SHOUTS), None),
        ("means()", [shows("table", "02_methods"), shows("figure", "02_cls_total"), says(wording.sentence(GAP, language) + "\n\n" + wording.sentence(NONE, language), GAP["id"], NONE["id"])]),
        ("twice()", [shows("figure", "02_twice"), shows("table", "02_twice"), shows("figure", "02_members")]),
        ("say()", [says("5 pairs of 12.5%. " + EVIL), says("\n\n".join(("**supported** (association) " + CLAIMS[0]["words"][language]["sentence"], CLAIMS[0]["words"][language]["reason"])))]),
        ("odd()", [raw(text_html=EVIL + "<style>p{}</style><iframe src='http://x'></iframe><p id='main' style='position:fixed;color:red'>kept</p></div></div>", text_plain="x"),
                   raw(image_png=PNG, text_plain="p"), raw(**{"image_svg+xml": "<svg onload='alert(4)'></svg>"}), {"output_type": "stream", "name": "stdout", "text": ["n = 600 <b>"]}]),
        ("stage.report_card()", [says(card)]),
    )
    return dict(zip(STAGES, (first, second), strict=True))


def build(folder: Path, language: str = "en", synthetic: bool = True, **changed: Any) -> dict[str, str]:
    """The pages by their place in the report."""
    for place in ("figures/zh", "figures", "tables"):
        (folder / place).mkdir(exist_ok=True, parents=True)
    for entry in (entry for entries in EXHIBITS.values() for entry in entries):
        rows = "group,mean,note_en,note_zh\n" + "".join(f"{k},{k}.123456,\"n, {k}\",注{k}\n" for k in range(20))
        (folder / entry["files"][-1]).write_text(rows, encoding="utf-8")
        for lang, stem in entry.get("pictures", {}).items():
            (folder / f"{stem}.svg").write_text(SVG.format(f"<!-- {EVIL} {lang} -->"), encoding="utf-8")
    found = {STAGES[0]: [FLOW], STAGES[1]: [GAP, NONE]}
    documents = [{"stage": stage, "findings": found[stage]} for stage in STAGES]
    documents.append({"stage": "05_thesis_claims", "findings": [], "claims": CLAIMS, "not_collected": [{"en": "Interviews", "zh": "访谈"}]})
    given: dict[str, Any] = {
        "notebooks": {lang: notebooks(lang) for lang in ("en", "zh")}, "documents": documents,
        "exhibits": [{"stage": stage, "exhibits": EXHIBITS[stage]} for stage in STAGES],
        "claims": {"rests_on": {"lonelier": [GAP["id"], "not.there"]}, "exhibits": {"lonelier": ["02_twice", "02_none"]}},
        "manifest": {stage: {"notebook": "7ac1" * 16, "lock": "4dfd" * 16, "raw": {"data/s/survey.xlsx": "6cbe" * 16, "data/s/none.csv": None}, "upstream": {}} for stage in STAGES},
        "outputs": folder, "language": language, "town": {"en": "S <town>", "zh": "S镇"}, "synthetic": synthetic,
    }
    written = site.write(**given | changed)
    assert written[0] == folder / "report" / "index.html"
    return {path.relative_to(folder / "report").as_posix(): path.read_bytes().decode("utf-8") for path in written}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return build(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def soups(pages: dict[str, str]) -> dict[str, BeautifulSoup]:
    return {name: BeautifulSoup(page, "html.parser") for name, page in pages.items()}


def test_pages_in_both_languages_and_their_links(soups: dict[str, BeautifulSoup]) -> None:
    assert list(soups) == [*PAGES, *(f"zh/{name}" for name in PAGES)]
    places = {name: {tag["id"] for tag in soup.find_all(id=True)} for name, soup in soups.items()}
    for name, soup in soups.items():
        links = [a["href"] for a in soup.find_all("a", href=True) if not a.has_attr("download")]
        assert len(links) > 5
        for link in links:
            path, place = urldefrag(link)
            target = ("zh/" if name.startswith("zh/") else "") + path if path else name
            target = target.removeprefix("zh/../")
            assert target in soups, (name, link)
            assert not place or place in places[target], (name, link)
        ids = [tag["id"] for tag in soup.find_all(id=True)]
        assert len(ids) == len(set(ids)), name
        twin = soup.select_one("a.language")
        assert (twin["href"], twin["hreflang"]) == ((f"../{name[3:]}", "en") if name.startswith("zh/") else (f"zh/{name}", "zh-CN"))
        assert soup.html["lang"] == ("zh-CN" if name.startswith("zh/") else "en")
        assert [item["href"] for item in soup.select("nav a[aria-current]")] == [name.removeprefix("zh/")]
    assert soups["02_group_comparison.html"].title.string.startswith("Comparison & more")
    assert soups["02_group_comparison.html"].title.string.endswith(" · S <town>")
    assert {p for p in places["02_group_comparison.html"] if p[:2] in ("s-", "x-", "ce")} == {p for p in places["zh/02_group_comparison.html"] if p[:2] in ("s-", "x-", "ce")}


def test_claims_with_verdict_evidence_findings_and_exhibits(soups: dict[str, BeautifulSoup]) -> None:
    row = soups["index.html"].select_one("table#claims tr#c-lonelier")
    assert row.select_one(".claim").get_text() == "By 3.4 < 5 points."
    assert row.select_one(".verdict").get_text() == "● supported"
    assert row.select_one(".evidence").get_text() == "association"
    assert [a["href"] for a in row.select("a")] == ["findings.html#f-comparison-cls_total-difference", "02_group_comparison.html#x-02_twice"]
    opened = soups["index.html"].find(id=row.select_one("button.number")["popovertarget"])
    assert "Loneliness <b>: mean difference = 2.84 points" in opened.get_text()
    other = soups["index.html"].select_one("tr#c-case_works")
    assert (other.select_one(".verdict").get_text(), other.select_one(".evidence").get_text()) == ("× cannot be tested with this design", "—")
    assert soups["index.html"].select_one(".lead").get_text() == "Claims: 2 (supported 1, cannot be tested with this design 1)"
    assert "Not collected in this town: Interviews" in soups["index.html"].get_text()
    zh = soups["zh/index.html"]
    assert zh.select_one("tr#c-lonelier .claim").get_text() == "相差 3.4 分。"
    assert zh.select_one("tr#c-case_works .reason").get_text() == "未收集"
    assert zh.select_one(".lead").get_text() == "论断：2（得到支持 1、本研究设计无法检验 1）"


def test_flow_and_headline_stand_on_the_first_page(soups: dict[str, BeautifulSoup]) -> None:
    rows = [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in soups["zh/index.html"].select("#flow > .wide tbody tr")]
    assert rows == [["文件中的问卷", "—", "627"], ["文件中可读取的问卷", "0", "627"], ["监护人同意且儿童愿意参加", "12", "615"], ["new_rule", "45", "570"]]
    assert soups["index.html"].select_one("#flow figure")["id"] == "x-01_flow"
    assert soups["index.html"].select_one("#headline figure")["id"] == "x-02_cls_total"


def test_nothing_loads_and_one_script_runs(pages: dict[str, str], soups: dict[str, BeautifulSoup]) -> None:
    for name, soup in soups.items():
        (script,) = soup.find_all("script")
        digest = base64.b64encode(hashlib.sha256(script.string.encode()).digest()).decode()
        (policy,) = [meta["content"] for meta in soup.find_all("meta", attrs={"http-equiv": "Content-Security-Policy"})]
        assert policy == f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        assert soup.find_all(["iframe", "svg", "object", "link", "form", "embed", "base", "input"]) == [], name
        loads = [(tag.name, key, tag[key]) for tag in soup.find_all(True) for key in tag.attrs if key in ("src", "href", "srcset", "action", "data", "style") or key.startswith("on")]
        allowed = {"img": r"data:image/(png|svg\+xml);base64,[\w+/=]*", "a": r"(data:text/csv;charset=utf-8;base64,[\w+/=]*)|[\w./-]*\.html(#[\w.-]*)?|#[\w.-]*", "p": "color: ?red;?"}
        assert [load for load in loads if not re.fullmatch(allowed.get(load[0], "(?!)"), load[2])] == [], name
        assert "http://" not in pages[name], name
        assert "https://" not in pages[name], name
        assert not soup.find("b", string=re.compile(r"^$|title")), name


@pytest.mark.parametrize("text", SHOUTS)
def test_what_children_wrote_is_text(pages: dict[str, str], soups: dict[str, BeautifulSoup], text: str) -> None:
    cells = [cell.get_text() for cell in soups["02_group_comparison.html"].select("#x-02_methods tbody td:first-child")]
    assert text in cells
    scripts = len(re.findall(r"(?i)<script\b", pages["02_group_comparison.html"]))
    assert scripts == 1
    assert "${body}" not in text or "${body}" in pages["02_group_comparison.html"]


def test_tables_sort_and_carry_what_they_show(soups: dict[str, BeautifulSoup]) -> None:
    shown = soups["02_group_comparison.html"].select_one("figure.exhibit#x-02_methods")
    heads = shown.select("table.sortable thead th")
    assert [(head["aria-sort"], head.button["type"], head.get("data-sort")) for head in heads] == [("none", "button", None), ("none", "button", "number")]
    assert [cell.get("data-value") for cell in shown.select("tbody td:nth-child(2)")] == ["0.000999"] * 6 + [None, "0.032", "-0.12"]
    region = shown.select_one("div.wide")
    assert (region["tabindex"], region["role"], region["aria-label"]) == ("0", "region", "Means of 02_methods")
    assert [note.get_text() for note in shown.select(".note")] == ["p < .05*", "Simulated data: no real child is described here."]
    assert shown.select_one(".note sup").get_text() == "*"
    assert "means()" in shown.select_one("details.code").get_text()
    whence = shown.select_one("details.whence").get_text()
    assert all(part in whence for part in ("tables/02_methods.csv", "0123456789abcdef", "notebooks/02_group_comparison.ipynb", "6cbe6cbe6cbe", "Loneliness <b>"))


@pytest.mark.parametrize(("text", "number"), [
    ("12", 12.0), ("−0.12", -0.12), ("-3", -3.0), ("+2.5", 2.5), (".032", 0.032), ("< .001", 0.000999), ("> .999", 0.999 * 1.001),
    ("57.1%", 57.1), ("1,204", 1204.0), ("0.31**", 0.31), ("∞", float("inf")), ("−∞", float("-inf")), ("2.1e-05", 2.1e-05),
    ("—", None), ("", None), ("three", None), ("2024-03-01", None), ("1.2 (0.3)", None), ("p", None),
])
def test_the_number_of_a_cell(text: str, number: float | None) -> None:
    assert value(text) == pytest.approx(number)


def test_a_column_of_numbers_kept_as_text_sorts_by_them() -> None:
    soup = BeautifulSoup(sortable(["a", "b", ""], [["1", "x", "1"], ["—", "2", "2"], ["10", "3", "3"]], [False] * 3, "t"), "html.parser")
    assert [cell.get("data-sort") for cell in soup.thead.tr.find_all(["th", "td"])] == ["number", None, "number"]
    assert [cell.name for cell in soup.thead.tr.find_all(["th", "td"])] == ["th", "th", "td"], "a button needs a name"


def test_figures_enlarge_and_show_their_data(soups: dict[str, BeautifulSoup], tmp_path: Path) -> None:
    shown = soups["zh/02_group_comparison.html"].select_one("figure.exhibit#x-02_cls_total")
    image = shown.select_one("button.enlarge img")
    assert base64.b64decode(image["src"].partition(",")[2]).decode().endswith(" zh --></svg>"), "drawn in the page's language"
    assert (image["width"], image["height"]) == ("600", "300")
    rows = [[cell.get_text() for cell in row.find_all(["td", "th"])] for row in shown.select("details.data tr")]
    assert rows[0] == ["组别", "M", "说明"]
    assert rows[2] == ["1", "1.123", "注1"]
    assert len(rows) == 13
    assert "共 20 行，显示前 12 行" in shown.select_one("details.data").get_text()
    link = shown.select_one("details.data a[download]")
    assert base64.b64decode(link["href"].partition("base64,")[2]).decode().startswith("group,mean,note_en,note_zh\n0,0.123456,")
    assert soups["02_group_comparison.html"].find("dialog").select_one("button.close").get_text() == "Close"


def test_the_smaller_picture_is_embedded(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    png = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (1500).to_bytes(4, "big") + (900).to_bytes(4, "big")
    (tmp_path / "figures" / "02_cls_total.png").write_bytes(png)
    page = BeautifulSoup(build(tmp_path)["02_group_comparison.html"], "html.parser")
    image = page.select_one("#x-02_cls_total img")
    assert image["src"] == "data:image/png;base64," + base64.b64encode(png).decode()
    assert (image["width"], image["height"]) == ("600", "360")


def test_a_figure_without_a_picture_is_an_error(tmp_path: Path) -> None:
    lone = [{"stage": STAGES[0], "exhibits": [*EXHIBITS[STAGES[0]], figure("01_gone", files=[])]}]
    books = {"en": {STAGES[0]: notebook("x", ("gone()", [shows("figure", "01_gone")]))}}
    with pytest.raises(UserError, match=r"png or svg"):
        build(tmp_path, notebooks=books, exhibits=lone)


def test_alt_texts_are_computed_from_findings_or_data(soups: dict[str, BeautifulSoup]) -> None:
    beside, alone = (soups[name].select_one(f"#x-{figure} img")["alt"] for name, figure in (("02_group_comparison.html", "02_cls_total"), ("01_survey_cleaning.html", "01_alone")))
    assert beside == f"Drawing of 02_cls_total. {short(GAP, 'en')}. {short(NONE, 'en')}."
    assert alone == "Drawing of 01_alone. 20 rows are plotted: group, M, note."
    assert soups["index.html"].select_one("#headline img")["alt"] == beside
    assert soups["zh/02_group_comparison.html"].select_one("#x-02_cls_total img")["alt"].startswith("02_cls_total图。孤独感：均值差 = 2.84 分")


def test_a_table_called_like_a_figure_is_not_lost(soups: dict[str, BeautifulSoup]) -> None:
    assert soups["02_group_comparison.html"].select_one("#x-02_twice img") is not None
    assert soups["02_group_comparison.html"].select_one("#x-02_twice-table table.sortable") is not None


def test_a_released_exhibit_says_why(soups: dict[str, BeautifulSoup]) -> None:
    note = soups["02_group_comparison.html"].select_one("#x-02_members .note")
    assert note.get_text() == "Released from the private folder: no <child> can be known"


@pytest.mark.parametrize("name", ["02_group_comparison.html", "findings.html", "zh/findings.html"])
def test_every_number_of_a_finding_says_where_it_comes_from(soups: dict[str, BeautifulSoup], name: str) -> None:
    soup = soups[name]
    sentence = soup.select_one(f"p.finding[data-finding='{GAP['id']}']")
    assert sentence.get_text() == wording.sentence(GAP, "zh" if name.startswith("zh") else "en")
    buttons = sentence.select("button.number")
    p = ["0.001"] if name.startswith("zh") else [".001"]
    assert [button.get_text() for button in buttons] == ["2.84", "1.32", "4.36", "563.98", "3.66", *p, "289"]
    assert [button.get("tabindex") for button in buttons] == [None] + ["-1"] * 6, "one stop for the Tab key"
    assert {button["aria-describedby"] for button in buttons} == {"whence"}
    (target,) = {button["popovertarget"] for button in buttons}
    source = soup.find(id=target)
    assert source.has_attr("popover")
    text = source.get_text(" ")
    wanted = [GAP["id"], "Welch <t>", "Welch 1947", "289", "1.3169075667010837", "0.000273211025224154", "notebooks/02_group_comparison.ipynb", "7ac17ac17ac1", "data/s/survey.xlsx", "6cbe6cbe6cbe", "4dfd4dfd4dfd"]
    assert [part for part in wanted if part not in text] == []
    assert "none.csv" not in text
    assert [a["href"] for a in source.select("a")] == ["findings.html#f-comparison-cls_total-difference", "02_group_comparison.html#cell-03"]


def test_numbers_of_other_sentences_come_from_their_cell_or_claim(soups: dict[str, BeautifulSoup]) -> None:
    said = soups["02_group_comparison.html"].select("p.said")
    assert [p.get_text()[:24] for p in said] == ["5 pairs of 12.5%. <scrip", "supported (association) ", "1 of 1 holds, p = .021."]
    assert [p.select_one("button")["popovertarget"] for p in said] == ["w-cell-05", "w-claim-lonelier", "w-claim-lonelier"]
    assert said[1].strong.get_text() == "supported"


@pytest.mark.parametrize(("text", "numbers"), [
    ("g = 0.31, small (Cohen 1988: 0.2 ≤ |g| < 0.5); p < .001", ["0.31", ".001"]),
    ("d = −0.15，可忽略（Cohen 1988：|d| < 0.2）；共5对", ["−0.15", "5"]),
    ("95% CI [−2.27, 4.83]; 12.5% of T2 in 01_x, ICC(1) = 1.", ["−2.27", "4.83", "12.5%", "1", "1"]),
    ("R2 and CFI rose by +2.8 points; chi2(15) = 9.35.", ["+2.8", "15", "9.35"]),
])
def test_which_numbers_are_computed(text: str, numbers: list[str]) -> None:
    assert [found["number"] for found in NUMBER.finditer(text) if found["number"]] == numbers
    shown = BeautifulSoup(rich(text, "w"), "html.parser")
    assert [button.get_text() for button in shown.find_all("button")] == numbers
    assert shown.get_text() == text


def test_full_precision_of_a_finding_without_numbers() -> None:
    assert in_full(NONE, "en") == []
    assert short(NONE, "zh") == "无估计：无法估计：未询问"


def test_headings_are_in_order_and_the_page_can_be_found_by_ear(soups: dict[str, BeautifulSoup]) -> None:
    for name, soup in soups.items():
        levels = [int(tag.name[1]) for tag in soup.find_all(re.compile(r"^h[1-6]$"))]
        assert levels[0] == 1, name
        assert levels.count(1) == 1, name
        assert all(later <= earlier + 1 for earlier, later in pairwise(levels)), name
        assert soup.body.find(True).get("class") == ["skip"]
        assert soup.select_one("a.skip")["href"] == "#main"
        assert soup.select_one("main#main") is not None
        assert all(nav["aria-label"] for nav in soup.find_all("nav"))
        assert [image for image in soup.find_all("img") if not image.get("alt")] == []
        assert [button for button in soup.find_all("button") if not (button.get_text().strip() or button.img)] == []


def test_what_the_notebook_shows_besides(soups: dict[str, BeautifulSoup]) -> None:
    soup = soups["02_group_comparison.html"]
    assert f"data:image/png;base64,{PNG}" in [image["src"] for image in soup.find_all("img")]
    assert "n = 600 <b>" in soup.get_text()
    assert [p.get("style") for p in soup.find_all("p", string="kept")] == ["color:red;"]
    assert [code.get_text().strip().split("\n")[0] for code in soup.select("details.code summary")] == ["Code"] * 9
    card = [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in soup.select("details.card tr")]
    assert card == [["Read", "data/survey.xlsx 6cbe"], ["Seed", "1"]]


def test_text_says_everything_once_and_in_one_piece(pages: dict[str, str]) -> None:
    said = site.text(pages["findings.html"])
    assert said.count("t(563.98) = 3.66, p < .001") == 1
    assert "0.000273" not in said
    checked = recheck.recheck({name: site.text(page) for name, page in pages.items()})
    assert checked.loc[checked["kind"] == "t", "where"].tolist() == ["findings.html", "02_group_comparison.html", "zh/findings.html", "zh/02_group_comparison.html"]
    assert checked.loc[checked["kind"] == "t", "consistent"].tolist() == [True] * 4
    assert "By 3.4 < 5 points." in site.text(pages["index.html"])
    assert "< .001" not in site.text(pages["02_group_comparison.html"]).replace("p < .001", "")


def test_synthetic_is_said_on_every_page(pages: dict[str, str], tmp_path: Path) -> None:
    assert all("Simulated data: no real child is described here." in page for name, page in pages.items() if not name.startswith("zh/"))
    assert all("模拟数据：此处未描述任何真实儿童。" in page for name, page in pages.items() if name.startswith("zh/"))
    real = build(tmp_path, synthetic=False)
    assert not any("Simulated data" in page or "模拟数据" in page for page in real.values())


def test_the_same_bytes_again(pages: dict[str, str], tmp_path: Path) -> None:
    assert build(tmp_path) == pages
    assert not any("\r" in page for page in pages.values())


def test_a_chinese_town_has_its_english_pages_one_folder_further(tmp_path: Path) -> None:
    (tmp_path / "report" / "zh").mkdir(parents=True)
    for old in ("old.html", "zh/index.html"):
        (tmp_path / "report" / old).write_text("an earlier report", encoding="utf-8")
    (tmp_path / "report" / "notes.txt").write_text("mine", encoding="utf-8")
    pages = build(tmp_path, "zh")
    assert list(pages) == [*PAGES, *(f"en/{name}" for name in PAGES)]
    assert '<html lang="zh-CN">' in pages["index.html"]
    assert 'href="en/index.html" hreflang="en"' in pages["index.html"]
    assert 'href="../index.html" hreflang="zh-CN"' in pages["en/index.html"]
    assert "孤独感：均值差 = 2.84 分，95% " in site.text(pages["findings.html"])
    assert "代码" in pages["02_group_comparison.html"]
    assert not (tmp_path / "report" / "old.html").exists()
    assert not (tmp_path / "report" / "zh" / "index.html").exists()
    assert (tmp_path / "report" / "notes.txt").exists()


def test_a_town_without_flow_or_comparison_still_has_a_first_page(tmp_path: Path) -> None:
    bare = {"en": {STAGES[0]: notebook("Nothing yet")}}
    documents = [{"stage": STAGES[0], "findings": []}]
    pages = build(tmp_path, notebooks=bare, documents=documents, exhibits=[], claims={"rests_on": {}, "exhibits": {}}, manifest={})
    assert list(pages) == ["index.html", "findings.html", "01_survey_cleaning.html"]
    assert pages["index.html"].count("no such finding in the last run") == 2
    assert "hreflang" not in pages["index.html"]


@pytest.mark.parametrize(
    "html",
    [
        '<a href="javascript:alert(1)">x</a>',
        '<a href="https://example.org">x</a>',
        '<a href="data:text/html,x">x</a>',
        '<img src="http://example.org/x.png">',
        '<img src="data:image/svg+xml;base64,AAAA">',
        '<p onclick="x()">x</p>',
        '<p style="background:url(http://example.org/x)">x</p>',
        '<p id="main">x</p>',
        "<svg><script>x</script></svg>",
        '<base href="http://x">',
        '<math><mi xlink:href="javascript:x">x</mi></math>',
        "<!-- x --><p>",
        '<form action="/x"><input></form>',
        '<button popovertarget="main">x</button>',
    ],
)
def test_clean(html: str) -> None:
    out = site_notebooks.clean(html)
    assert not re.search(r"(?i)javascript|https?:|onclick|data:|<svg|<math|<form|<script|url\(|<!--|xlink|id=|popovertarget", out)


def test_nobody_can_type_a_place_of_our_markup(tmp_path: Path) -> None:
    """A text that looks like the mark of an exhibit stays a text: the mark holds a hash of the notebook that holds it."""
    books = notebooks("en")
    seal = hashlib.sha256(json.dumps(books[STAGES[1]], sort_keys=True).encode()).hexdigest()[:32]
    books[STAGES[1]]["cells"][2]["source"] = [f"<p>{seal}-0-</p>"]
    page = build(tmp_path, notebooks={"en": books})["02_group_comparison.html"]
    assert f"<p>{seal}-0-</p>" in page
