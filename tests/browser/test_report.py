"""The web report as its reader meets it: from disk, on a screen and a telephone, by mouse, keyboard, ear and paper."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urldefrag

import pytest
from bs4 import BeautifulSoup

if TYPE_CHECKING:
    from conftest import Visit
    from playwright.sync_api import Page

STAGES = "01_survey_cleaning 02_group_comparison 03_ecological_causes 04_intervention_evaluation 05_thesis_claims".split()
NAMES = ["index.html", "findings.html", *(f"{stage}.html" for stage in STAGES)]
PAGES = [*NAMES, *(f"zh/{name}" for name in NAMES)]  # S town speaks English; the other language lies one folder further
FIGURES = [page for page in PAGES if re.search("0[1-4]", page)]
LANGUAGES = {"en": "en", "zh": "zh-CN"}
Open = Callable[..., "Visit"]


@pytest.fixture(scope="module")
def outputs(s_town_report: Path) -> Path:
    return s_town_report / "outputs" / "s_town"


@pytest.fixture(scope="module")
def report(outputs: Path) -> Path:
    return outputs / "report"


def of(page: str) -> str:
    return "zh" if page.startswith("zh/") else "en"


def documents(outputs: Path, folder: str) -> list[dict[str, Any]]:
    return [json.loads((outputs / folder / f"{stage}.json").read_text(encoding="utf-8")) for stage in STAGES]


def exhibits(outputs: Path, page: str, *kinds: str) -> list[dict[str, Any]]:
    file = outputs / "exhibits" / f"{Path(page).stem}.json"
    return [entry for entry in json.loads(file.read_text(encoding="utf-8"))["exhibits"] if not kinds or entry["kind"] in kinds]


def place(entry: dict[str, Any]) -> str:
    """Where an exhibit stands on its page; the kind is added where a table and a figure share a name."""
    name, kind = entry["name"], entry["kind"]
    return f"figure.exhibit.{kind}:is(#x-{name}, #x-{name}-{kind})"


def claims(outputs: Path) -> list[dict[str, Any]]:
    return documents(outputs, "findings")[-1]["claims"]


def squeezed(text: str) -> str:
    """Without spaces and line ends, which a page breaks as it likes."""
    return re.sub(r"[\s\u00ad\u200b]+", "", text)


# ---- every page


def test_these_are_all_pages(report: Path) -> None:
    assert {path.relative_to(report).as_posix() for path in report.rglob("*") if path.is_file()} == set(PAGES)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_sound(visit: Open, inaccessible: Callable[[Page], list[str]], report: Path, name: str, width: int) -> None:
    # Between a page and its twin, both widths meet both colour schemes.
    dark = (of(name) == "en") == (width == 390)
    page = visit(width, color_scheme="dark" if dark else "light").go(report / name)
    assert (page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)") == dark
    assert page.locator("html").get_attribute("lang") == LANGUAGES[of(name)]
    assert [page.locator(f"body {tag}:visible").count() for tag in ("h1", "main#main", "a.language[hreflang]")] == [1, 1, 1]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    pictures = page.locator("img").evaluate_all("all => all.map(i => [i.complete && i.naturalWidth > 100, i.alt.trim().length > 20])")
    assert len(pictures) > 0 or name not in FIGURES
    assert pictures == [[True, True]] * len(pictures)
    assert inaccessible(page) == []


def test_every_link_leads_somewhere(report: Path) -> None:
    soups = {(report / name).resolve(): BeautifulSoup((report / name).read_text(encoding="utf-8"), "html.parser") for name in PAGES}
    places = {file: {tag["id"] for tag in soup.find_all(id=True)} for file, soup in soups.items()}
    broken = []
    for file, soup in soups.items():
        links = [a["href"] for a in soup.find_all("a", href=True) if not a["href"].startswith("data:")]
        assert len(links) > 5
        for link in links:
            path, place = urldefrag(link)
            target = (file.parent / unquote(path)).resolve() if path else file
            if not target.exists() or (place and unquote(place) not in places.get(target, ())):
                broken.append((file.name, link))
        doubled = [tag["id"] for tag in soup.find_all(id=True)]
        assert len(doubled) == len(set(doubled)), file
    assert broken == []


@pytest.mark.parametrize("name", ["index.html", "zh/02_group_comparison.html"])
def test_the_first_tab_stop_skips_to_the_content(visit: Open, report: Path, name: str) -> None:
    page = visit().go(report / name)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('a.skip')")
    assert page.locator("a.skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("name", PAGES)
def test_the_language_switch_goes_to_the_twin_and_back(visit: Open, report: Path, name: str) -> None:
    page = visit().go(report / name)
    other = report / (name.removeprefix("zh/") if name.startswith("zh/") else f"zh/{name}")
    page.locator("a.language").click()
    page.wait_for_url(re.compile(re.escape(other.as_uri()) + "(#|$)"))
    assert page.locator("html").get_attribute("lang") == LANGUAGES["en" if of(name) == "zh" else "zh"]
    page.locator("a.language").click()
    page.wait_for_url(re.compile(re.escape((report / name).as_uri()) + "(#|$)"))


# ---- the first page


@pytest.mark.parametrize("name", ["index.html", "zh/index.html"])
def test_the_first_page_has_claims_flow_and_headline(visit: Open, outputs: Path, report: Path, name: str) -> None:
    page = visit().go(report / name)
    rows = page.locator("table#claims tbody tr")
    assert rows.evaluate_all("all => all.map(row => row.id)") == [f"c-{claim['id']}" for claim in claims(outputs)]
    for claim in claims(outputs):
        row = page.locator(f"tr#c-{claim['id']}")
        text = squeezed(row.inner_text())
        assert squeezed(claim["words"][of(name)]["sentence"]) in text
        assert squeezed(claim["words"][of(name)]["reason"]) in text
        assert row.locator("a[href*='findings.html#f-']").count() > 0
        assert name.startswith("zh/") or claim["verdict"] in row.inner_text()
    underscores = page.locator("main .unseen")
    assert underscores.count() > 0
    assert underscores.evaluate_all("all => all.filter(mark => mark.getBoundingClientRect().width > 0).length") == 0
    left = list(next(f for f in documents(outputs, "findings")[0]["findings"] if f["id"] == "cleaning.flow")["n"].values())
    shown = page.locator("#flow table:not(figure table) tbody tr td:last-child").all_inner_texts()
    assert shown == [str(count) for count in left]
    for place in ("#flow", "#headline"):
        assert page.locator(f"{place} figure.exhibit img").count() == 1


def test_the_front_door_opens(visit: Open, inaccessible: Callable[[Page], list[str]], s_town_report: Path) -> None:
    for width in (1280, 390):
        page = visit(width).go(s_town_report / "outputs" / "index.html")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert inaccessible(page) == []
        page.emulate_media(color_scheme="dark")
        assert inaccessible(page) == []
        page.locator("a[href^='s_town/report/']").first.click()
        page.wait_for_url("**/outputs/s_town/report/index.html")


# ---- tables


def number(text: str) -> float | None:
    """The first number that a cell shows; None for a missing value."""
    found = re.search(r"[−-]?\d[\d,]*\.?\d*|[−-]?\.\d+", text)
    return float(found[0].replace("−", "-").replace(",", "")) if found else None


def in_order(column: list[str], *, falling: bool = False) -> bool:
    """Whether numbers stand in order and what is missing at the end."""
    values = [number(text) for text in column]
    known = [value for value in values if value is not None]
    return values == sorted(known, reverse=falling) + [None] * (len(values) - len(known))


def shown(table: Any, k: int) -> list[str]:
    return table.locator(f"tbody tr > :nth-child({k + 1})").all_inner_texts()


# What a table shows before and after each of three clicks on the head of a column.
CLICKED = """(table, columns) => {
    const column = k => [...table.tBodies[0].rows].map(row => row.cells[k].textContent);
    return columns.map(k => [null, 1, 2, 3].map(click => {
        if (click) table.tHead.rows[0].cells[k].querySelector("button").click();
        return column(k);
    }));
}"""


@pytest.mark.parametrize("name", FIGURES)
def test_tables_sort_numbers_as_numbers(visit: Open, outputs: Path, report: Path, name: str) -> None:
    page = visit().go(report / name)
    moved = 0
    for entry in exhibits(outputs, name, "table"):
        table = page.locator(f"{place(entry)} table.sortable")
        assert table.count() == 1, entry["name"]
        columns = [k for k, numeric in enumerate(entry["numeric"]) if numeric]
        for k, (before, up, down, again) in zip(columns, table.evaluate(CLICKED, columns), strict=True):
            assert [squeezed(text) for text in before] == [squeezed(row[k]) for row in entry["cells"][of(name)]]
            assert in_order(up), (entry["name"], k, up)
            assert in_order(down, falling=True), (entry["name"], k, down)
            assert again == before
            moved += up != before
    assert moved > 3


@pytest.mark.parametrize("key", ["Enter", "Space"])
@pytest.mark.parametrize("name", ["02_group_comparison.html", "zh/02_group_comparison.html"])
def test_tables_sort_by_keyboard_and_say_so(visit: Open, report: Path, name: str, key: str) -> None:
    page = visit().go(report / name)
    table = page.locator("figure#x-02_methods table.sortable")
    heads = table.locator("th[aria-sort]")
    assert set(heads.evaluate_all("all => all.map(head => head.getAttribute('aria-sort'))")) == {"none"}
    table.locator("thead button").first.focus()
    page.keyboard.press("Tab")
    for state, falling in (("ascending", False), ("descending", True)):
        page.keyboard.press(key)
        assert heads.evaluate_all("all => all.map(head => head.getAttribute('aria-sort'))")[1] == state
        assert in_order(shown(table, 1), falling=falling)
    assert page.evaluate("document.activeElement.textContent") == heads.nth(1).inner_text().strip()


# ---- figures


@pytest.mark.parametrize("name", ["02_group_comparison.html", "zh/04_intervention_evaluation.html"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_figure_enlarges_and_gives_the_focus_back(visit: Open, report: Path, name: str, width: int) -> None:
    page = visit(width).go(report / name)
    dialog = page.locator("dialog")
    for how in ("Escape", "button"):
        button = page.locator("figure.exhibit button.enlarge").first
        button.focus()
        page.keyboard.press("Enter")
        dialog.wait_for(state="visible")
        assert dialog.locator("img").evaluate("image => image.naturalWidth") > 100
        if width > 1000:
            assert dialog.locator("img").bounding_box()["width"] > button.locator("img").bounding_box()["width"]
        if how == "Escape":
            page.keyboard.press("Escape")
        else:
            dialog.locator("button").first.click()
        dialog.wait_for(state="hidden")
        assert page.evaluate("document.activeElement.matches('button.enlarge')")


@pytest.mark.parametrize("name", FIGURES)
def test_the_data_of_a_figure_are_one_click_away(visit: Open, outputs: Path, report: Path, name: str) -> None:
    page = visit().go(report / name)
    drawn = exhibits(outputs, name, "figure")
    assert len(drawn) > 0
    for entry in drawn:
        figure = page.locator(place(entry))
        data, code = figure.locator("details.data"), figure.locator("details.code")
        assert not data.locator("table").first.is_visible()
        data.locator("summary").click()
        assert data.locator("tbody tr").first.is_visible()
        code.locator("summary").click()
        assert code.locator("pre").first.is_visible()
        (file,) = [outputs / path for path in entry["files"] if path.endswith(".csv")]
        rows = list(csv.reader(io.StringIO(file.read_text(encoding="utf-8"))))[1:]
        assert 0 < data.locator("tbody tr").count() <= len(rows)
        link = data.locator("a[download]")
        if link.count():
            head, _, content = link.get_attribute("href").partition(",")
            assert head.endswith(";base64")
            assert base64.b64decode(content) == file.read_bytes()


# ---- numbers


@pytest.mark.parametrize("name", [name for name in PAGES if "index" not in name])
def test_every_number_of_a_finding_says_where_it_comes_from(visit: Open, outputs: Path, report: Path, name: str) -> None:
    page = visit().go(report / name)
    known = {f["id"] for document in documents(outputs, "findings") for f in document["findings"]}
    told = page.locator("p.finding").evaluate_all("""all => all.map(p => ({
        id: p.dataset.finding, text: p.textContent,
        bare: [...p.childNodes].filter(n => n.nodeType === 3).map(n => n.textContent).join(" | "),
        opens: [...p.querySelectorAll("button.number")].map(b => document.getElementById(b.getAttribute("popovertarget"))?.textContent || ""),
    }))""")
    assert "05" in name or len(told) > 2
    for finding in told:
        assert finding["id"] in known
        assert finding["opens"] or not re.search(r"\d\.\d|= ?\d", finding["text"]), finding["text"]
        assert [text for text in finding["opens"] if finding["id"] not in text or "notebooks/" not in text] == []
        assert not re.search(r"= ?[−-]?[\d.]", finding["bare"]), finding["bare"]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["02_group_comparison.html", "zh/04_intervention_evaluation.html"])
def test_a_number_opens_by_mouse_and_by_keyboard(visit: Open, report: Path, name: str, width: int) -> None:
    page = visit(width).go(report / name)
    sentence = page.locator("p.finding:has(button.number)").first
    id = sentence.get_attribute("data-finding")
    button = sentence.locator("button.number").first
    source = page.locator(f"[id='{button.get_attribute('popovertarget')}']")
    for press in (button.click, lambda: (button.focus(), page.keyboard.press("Enter"))):
        assert not source.is_visible()
        press()
        source.wait_for(state="visible")
        assert id in source.inner_text()
        box = source.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        page.keyboard.press("Escape")
        source.wait_for(state="hidden")
    button.click()
    source.locator("a[href*='findings.html#f-']").first.click()
    page.wait_for_url("**/findings.html#f-*")
    assert page.locator(f":target p.finding[data-finding='{id}']").is_visible()


# ---- without scripts, and on paper


@pytest.mark.parametrize("name", PAGES)
def test_everything_can_be_read_without_scripts(visit: Open, outputs: Path, report: Path, name: str) -> None:
    page = visit(java_script_enabled=False).go(report / name)
    if name.endswith("index.html"):
        text = squeezed(page.locator("main").inner_text())
        assert [c["id"] for c in claims(outputs) if squeezed(c["words"][of(name)]["sentence"]) not in text] == []
        return
    sentences = page.locator("p.finding")
    assert all(sentence.is_visible() for sentence in sentences.all())
    if name in FIGURES:
        for entry in exhibits(outputs, name):
            kind = {"table": "table.sortable", "figure": "img"}[entry["kind"]]
            assert page.locator(f"{place(entry)} {kind}").first.is_visible(), entry["name"]
        button = page.locator("p.finding button.number").first
        button.click()
        assert page.locator(f"[id='{button.get_attribute('popovertarget')}']").is_visible()


@pytest.mark.parametrize("name", ["index.html", "zh/index.html", "02_group_comparison.html", "zh/04_intervention_evaluation.html"])
def test_a_page_prints(visit: Open, outputs: Path, report: Path, tmp_path: Path, name: str) -> None:
    for tool in ("pdftotext", "pdfinfo"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool} (make system)")
    visit().go(report / name).pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)
    said = subprocess.run(["pdfinfo", tmp_path / "page.pdf"], capture_output=True, text=True, check=True).stdout
    assert int(re.search(r"^Pages: +(\d+)$", said, re.M)[1]) > 1
    text = squeezed(subprocess.run(["pdftotext", "-raw", tmp_path / "page.pdf", "-"], capture_output=True, encoding="utf-8", check=True).stdout)
    if name.endswith("index.html"):
        wanted = [claim["words"][of(name)]["sentence"] for claim in claims(outputs)]
    else:
        wanted = [entry["caption"][of(name)] for entry in exhibits(outputs, name)]
    assert [sentence for sentence in wanted if squeezed(sentence) not in text] == []
