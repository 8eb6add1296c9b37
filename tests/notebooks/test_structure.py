"""The rules of the notebooks: short, one idea a cell, both languages, executed, in one canonical form."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from lbc.pipeline import graph, notebooks

ROOT = Path(__file__).resolve().parents[2]
PATHS = [ROOT / "notebooks" / f"{stage}.ipynb" for stage in graph.STAGES]
each = pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def code(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in read(path)["cells"] if cell["cell_type"] == "code"]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def test_there_are_five_and_no_others() -> None:
    assert sorted((ROOT / "notebooks").glob("*")) == PATHS


@each
def test_twelve_to_twenty_five_short_cells(path: Path) -> None:
    cells = code(path)
    assert 12 <= len(cells) <= 25
    assert [source(c) for c in cells if len(source(c).splitlines()) > 12] == []


@each
def test_first_cells_and_last_cell(path: Path) -> None:
    cells = code(path)
    assert source(cells[0]) == 'town = "s_town"'
    assert cells[0]["metadata"]["tags"] == ["parameters"]
    assert f'stage = lbc.begin("{path.stem}", town)' in source(cells[1])
    assert source(cells[-1]) == "stage.report_card()"


@each
def test_the_work_is_done_in_the_package(path: Path) -> None:
    forbidden = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.While, ast.Try, ast.With)
    for cell in code(path):
        tree = ast.parse(source(cell))
        assert [type(node).__name__ for node in ast.walk(tree) if isinstance(node, forbidden)] == [], source(cell)
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert not names & {"read_csv", "read_excel", "to_csv", "plt", "open", "Path", "savefig", "random"}, source(cell)
        modules = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        modules |= {(n.module or "").split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert modules <= {"lbc"}, source(cell)


@each
def test_every_text_stands_in_both_languages(path: Path) -> None:
    texts = [source(cell) for cell in read(path)["cells"] if cell["cell_type"] == "markdown"]
    assert len(texts) >= 10
    for text in texts:
        assert re.search(r"[\u4e00-\u9fff]", text), text
        assert re.search(r"[A-Za-z]{3}", notebooks.for_language_text(text, "en")), text
        assert not re.search(r"[\u4e00-\u9fff]", notebooks.for_language_text(text, "en")), text
        assert re.search(r"[\u4e00-\u9fff]", notebooks.for_language_text(text, "zh")), text


@each
def test_a_question_stands_before_each_heading_section(path: Path) -> None:
    headings = [m for cell in read(path)["cells"] if cell["cell_type"] == "markdown"
                for m in re.findall(r"^## (.+)$", source(cell), re.M)]
    assert len(headings) >= 5
    assert [h for h in headings if "?" not in h and "？" not in h] == []


@each
def test_executed_and_canonical(path: Path) -> None:
    raw = path.read_bytes()
    assert b"\r" not in raw
    assert notebooks.canonical(read(path)) == raw
    cells = code(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert len(outputs) >= 10
    assert [o for o in outputs if o["output_type"] == "error" or o.get("name") == "stderr"] == []


@each
def test_a_picture_comes_with_the_digest_of_its_data(path: Path) -> None:
    pictures = [o for cell in code(path) for o in cell["outputs"] if "image/png" in o.get("data", {})]
    assert pictures
    for picture in pictures:
        assert re.search(r"figure \w+ \[[0-9a-f]{16}\]", "".join(picture["data"]["text/plain"]))


def test_03_speaks_of_association() -> None:
    text = "".join(source(c) for c in read(ROOT / "notebooks" / "03_ecological_causes.ipynb")["cells"] if c["cell_type"] == "markdown")
    headings = re.findall(r"^## (.+)$", text, re.M)
    assert not [h for h in headings if re.search(r"\b(effect|cause[sd]?|because)\b|导致|影响", h, re.I)]
