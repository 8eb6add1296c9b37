"""The gallery in docs: every figure of the notebooks is in it, and its pictures come from the committed numbers."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from lbc.pipeline.stage import SIMULATED
from lbc.reporting import figures

ROOT = Path(__file__).resolve().parents[2]
GALLERY = ROOT / "docs" / "gallery"


@pytest.fixture(scope="module")
def gallery() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_gallery", ROOT / "docs" / "make_gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_the_one_that_the_script_writes(gallery: ModuleType) -> None:
    assert (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8") == gallery.page()


def test_every_figure_is_there_in_both_languages_and_small(gallery: ModuleType) -> None:
    pictures = sorted(path.relative_to(GALLERY).as_posix() for path in GALLERY.rglob("*") if path.is_file())
    assert pictures == sorted(f"{folder}{name}.png" for name in gallery.FIGURES for folder in ("", "zh/"))
    assert sum((GALLERY / name).stat().st_size for name in pictures) < 2_500_000


def test_the_gallery_holds_what_the_notebooks_save(gallery: ModuleType) -> None:
    drawn = {path.stem for path in (ROOT / "outputs" / "s_town" / "figures").glob("*.csv")}
    assert drawn <= set(gallery.FIGURES)
    for stage, notebook in gallery.NOTEBOOKS.items():
        cells = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
        code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        saved = set(re.findall(r"(?:figure_or_reason\(|save_figure\(\s*\w+,)\s*\"?(\w+)", code))
        named = {name[3:] for name in gallery.FIGURES if name.startswith(stage)}
        assert saved - {"total"} == named - {"cls_total"}
        used = {function for name, (function, _, _) in gallery.FIGURES.items() if name.startswith(stage)}
        assert used == set(re.findall(r"figures\.([a-z_]+)", code)) - {"save", "preview"}
        assert used <= set(figures.__all__)


def test_pictures_come_from_the_committed_numbers(gallery: ModuleType, tmp_path: Path) -> None:
    committed = ROOT / "outputs" / "s_town" / "figures"
    curve = pd.read_csv(committed / "04_mee_chua.csv")
    mean, low, high = curve[["mean", "mean_low", "mean_high"]].iloc[0]
    draw = {
        "02_bayes_robustness": lambda language: figures.bayes_robustness(
            pd.read_csv(committed / "02_bayes_robustness.csv"), language=language),
        "04_mee_chua": lambda language: figures.mee_chua(curve, mean, (low, high), language=language),
    }
    for name, drawn in draw.items():
        for language, folder in (("en", ""), ("zh", "zh/")):
            saved = figures.save(drawn(language)[0], tmp_path / name, SIMULATED[language], formats=["png"])[0]
            assert gallery.small(saved.read_bytes()) == (GALLERY / f"{folder}{name}.png").read_bytes(), name
