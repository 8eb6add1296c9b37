"""The Word chapter as somebody prints it: LibreOffice lays it out, and every page is looked at as a picture."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from docx.table import _Cell
from PIL import Image

STAGES = ("01_survey_cleaning", "02_group_comparison", "03_ecological_causes", "04_intervention_evaluation", "05_thesis_claims")
LABEL = {"en": {"figure": "Figure", "table": "Table"}, "zh": {"figure": "图", "table": "表"}}
TOWN = {"en": "S Town", "zh": "S 镇"}
DPI = 40
PAPER = 250  # lighter than this is paper

pytestmark = pytest.mark.parametrize("language", ["en", "zh"])


@pytest.fixture(scope="module")
def printed(s_town_report: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with results_en.pdf and results_zh.pdf."""
    for tool in ("soffice", "pdftotext", "pdftoppm"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool} (make system)")
    folder = tmp_path_factory.mktemp("printed")
    chapters = [s_town_report / "outputs" / "s_town" / "thesis" / f"results_{language}.docx" for language in ("en", "zh")]
    command = ["soffice", f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", "--convert-to", "pdf", "--outdir", folder, *chapters]
    fonts = {"FONTCONFIG_FILE": str(Path(__file__).with_name("fonts.conf"))}
    subprocess.run(command, env=os.environ | fonts, check=True, capture_output=True, timeout=300)
    return folder


@pytest.fixture(scope="module")
def pages(printed: Path) -> dict[str, list[Image.Image]]:
    """Every page as a grey picture."""
    found = {}
    for language in ("en", "zh"):
        command = ["pdftoppm", "-r", str(DPI), "-gray", printed / f"results_{language}.pdf", printed / language]
        subprocess.run(command, check=True, timeout=120)
        found[language] = [Image.open(file) for file in sorted(printed.glob(f"{language}-*.pgm"))]
    return found


def said(command: str, *arguments: str | Path) -> str:
    return subprocess.run([command, *arguments], capture_output=True, encoding="utf-8", check=True, timeout=120).stdout


def text(printed: Path, language: str) -> str:
    """What stands on all pages, in the order it was set, without spaces."""
    return squeezed(said("pdftotext", "-raw", printed / f"results_{language}.pdf", "-"))


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u00ad\u200b]+", "", text)


def shown(cell: _Cell) -> str:
    """The text of a cell without what is set not to show: the underscore before an index."""
    return "\n".join("".join(run.text for run in part.runs if not run.font.hidden) for part in cell.paragraphs)


def exhibits(s_town_report: Path) -> list[dict[str, Any]]:
    folder = s_town_report / "outputs" / "s_town" / "exhibits"
    return [entry for stage in STAGES for entry in json.loads((folder / f"{stage}.json").read_text(encoding="utf-8"))["exhibits"]]


def test_every_font_is_embedded(printed: Path, language: str) -> None:
    lines = said("pdffonts", printed / f"results_{language}.pdf").splitlines()[2:]
    assert len(lines) > 3
    assert [line for line in lines if not re.search(r" yes (yes|no) +(yes|no) +\d+ +0$", line)] == []
    assert any("CJK" in line for line in lines) or language == "en"


def test_numbered_captions_and_the_town_stand_in_the_text(printed: Path, s_town_report: Path, language: str) -> None:
    content = text(printed, language)
    assert squeezed(TOWN[language]) in content
    for kind, label in LABEL[language].items():
        shown = [entry for entry in exhibits(s_town_report) if entry["kind"] == kind]
        missing = [entry["name"] for entry in shown if squeezed(entry["caption"][language]) not in content]
        assert missing == []
        numbers = {int(k) for k in re.findall(rf"{label}4-(\d+)", content)}
        assert numbers == set(range(1, max(len(shown), *numbers) + 1))
    if language == "zh":
        assert "表4-1" in content


def test_every_cell_of_every_table_is_printed(printed: Path, s_town_report: Path, language: str) -> None:
    """What would stand beyond the edge of the paper is not in the PDF."""
    content = text(printed, language)
    document = Document(s_town_report / "outputs" / "s_town" / "thesis" / f"results_{language}.docx")
    cells = {squeezed(shown(cell)) for table in document.tables for row in table.rows for cell in row.cells}
    assert len(cells) > 500
    assert [cell for cell in sorted(cells) if cell not in content] == []


def test_no_page_is_blank_and_nothing_leaves_the_type_area(pages: dict[str, list[Image.Image]], s_town_report: Path, language: str) -> None:
    document = Document(s_town_report / "outputs" / "s_town" / "thesis" / f"results_{language}.docx")
    edge = min(min(s.left_margin.pt, s.right_margin.pt) for s in document.sections)
    head = min(min(s.header_distance.pt, s.footer_distance.pt) for s in document.sections)
    side, top = (int((margin - 6) * DPI / 72) for margin in (edge, head))
    body = int(min(min(s.top_margin.pt, s.bottom_margin.pt) for s in document.sections) * DPI / 72)
    assert len(pages[language]) > 20
    for number, page in enumerate(pages[language], start=1):
        width, height = page.size
        strips = [(0, 0, side, height), (width - side, 0, width, height), (0, 0, width, top), (0, height - top, width, height)]
        assert [strip for strip in strips if page.crop(strip).getextrema()[0] < PAPER] == [], f"page {number}"
        inked = page.crop((side, body, width - side, height - body)).point(lambda grey: 255 * (grey < PAPER)).getbbox()
        assert inked is not None, f"page {number} is blank"
