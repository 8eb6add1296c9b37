"""Figures as a journal prints them: every figure in both languages and all widths, by what was drawn.

No text touches another or leaves the page, none is smaller than 6.5 points, series differ without colour, fonts are
embedded, and drawing once more (another language, another width) never changes what was given.
"""

from __future__ import annotations

import io
import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawings import DRAW, LANGUAGES
from PIL import Image

from lbc.errors import UserError
from lbc.reporting import figures, saving, style

WIDTHS = ("as drawn", "one", "two")
NOTES = {"en": "Simulated data, not real children", "zh": "模拟数据，非真实儿童"}
LARGE = {"chain", "claims_board", "co_occurrence", "codes_by_level", "joint_display", "sessions",
         "specification_curve"}
"""Figures that stay on two columns."""


PRINTED = [(name, language, width) for name in DRAW for language in LANGUAGES for width in WIDTHS
           if name not in LARGE or width == "as drawn"]


@pytest.fixture(scope="module", params=PRINTED, ids="-".join)
def printed(request: pytest.FixtureRequest) -> tuple[str, str, str, Any]:
    name, language, width = request.param
    fig = style.again(DRAW[name]("en")[0], language, width)
    style.note(fig, NOTES[language])
    return name, language, width, fig


def shown_texts(fig: Any) -> list[tuple[Any, Any]]:
    """Every text that is printed, with the box it fills in pixels of 100 dpi."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    hidden = set()
    for ax in fig.axes:
        for axis in (ax.xaxis, ax.yaxis):
            drawn = set(axis._update_ticks()) if ax.axison else set()
            ticks = set(axis.get_major_ticks()) | set(axis.get_minor_ticks())
            hidden |= {label for tick in ticks - drawn for label in (tick.label1, tick.label2)}
            hidden |= set() if ax.axison else {axis.label}
    texts = [t for t in fig.findobj(Text) if t.get_visible() and t.get_text().strip() and t not in hidden]
    return [(text, text.get_window_extent(canvas.get_renderer())) for text in texts]


def touching(texts: list[tuple[Any, Any]]) -> list[tuple[str, str]]:
    """Pairs of texts whose boxes lie on one another by more than the empty rim of a line (an eighth of its height)."""
    found = []
    for (one, a), (two, b) in itertools.combinations(texts, 2):
        across, down = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        if across > 1 and down > 1 + min(a.height, b.height) / 8:
            found.append((one.get_text(), two.get_text()))
    return found


def test_texts_neither_touch_nor_leave_the_page_and_are_large_enough(printed: Any) -> None:
    _, _, _, fig = printed
    texts = shown_texts(fig)
    width, height = fig.get_size_inches() * fig.dpi
    assert len(texts) > 3
    assert touching(texts) == []
    outside = [t.get_text() for t, box in texts
               if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1]
    assert outside == []
    assert [t.get_text() for t, _ in texts if t.get_size() < 6.5] == []


def test_a_text_that_touches_another_would_be_found() -> None:
    fig, _ = DRAW["scree"]("en")
    fig.axes[0].set_xlabel("Factor\n" * 4, labelpad=-40)
    assert touching(shown_texts(fig))


def test_widths_are_those_of_a_journal(printed: Any) -> None:
    _, _, width, fig = printed
    wide = fig.get_size_inches()[0]
    if width == "one":
        assert wide == style.ONE
    elif width == "two":
        assert wide == style.TWO
    assert wide <= style.TWO <= 183 / 25.4
    assert fig.get_size_inches()[1] <= 240 / 25.4, "higher than a page"


def grey(color: Any) -> float:
    from matplotlib.colors import to_rgb

    return float(np.dot(to_rgb(color), (0.2126, 0.7152, 0.0722)))


def looks(fig: Any) -> list[tuple[str, Any, float, tuple[Any, ...]]]:
    """Of every mark, line and bar: its kind, colour, grey value, and what tells it apart beside colour."""
    from matplotlib.collections import PathCollection
    from matplotlib.colors import to_hex
    from matplotlib.patches import Rectangle

    found = []
    for ax in fig.axes:
        for line in ax.lines:
            if len(line.get_xdata()) and line.get_linestyle() != "None" and len(np.unique(line.get_xdata())) > 2:
                shape = line.get_linestyle(), line._unscaled_dash_pattern, line.get_marker(), line.get_linewidth()
                found.append(("line", to_hex(line.get_color()), grey(line.get_color()), shape))
            elif line.get_marker() not in {"None", "none", "", "_", "|"}:
                face = line.get_markerfacecolor()
                shape = line.get_marker(), line.get_fillstyle(), face == "white"
                found.append(("mark", to_hex(line.get_color()), grey(line.get_color()), shape))
        for dots in (c for c in ax.collections if isinstance(c, PathCollection)):
            color = dots.get_facecolor()[0]
            found.append(("mark", to_hex(color), grey(color[:3]), (dots.get_paths()[0].vertices.shape,)))
        for bar in (p for p in ax.patches if isinstance(p, Rectangle)):
            color = bar.get_facecolor()
            found.append(("bar", to_hex(color), grey(color[:3]), (bar.get_hatch(), bar.get_linestyle(), bar.get_linewidth())))
    return list(dict.fromkeys((kind, color, round(value, 3), shape) for kind, color, value, shape in found))


@pytest.mark.parametrize("name", DRAW)
def test_series_differ_without_colour(name: str) -> None:
    fig, _ = DRAW[name]("en")
    alike = [(one, two) for one, two in itertools.combinations(looks(fig), 2)
             if one[0] == two[0] and one[1] != two[1] and one[3] == two[3] and abs(one[2] - two[2]) < 0.05]
    assert alike == []


def test_two_colours_of_one_grey_would_be_found() -> None:
    fig, _ = DRAW["scree"]("en")
    for line, color in zip(fig.axes[0].lines, ("#CC79A7", "#889A9A"), strict=True):
        line.set(color=color, linestyle="-", marker="o")
    one, two = looks(fig)
    assert one[3] == two[3]
    assert abs(one[2] - two[2]) < 0.05


@pytest.mark.parametrize("name", DRAW)
def test_drawing_again_changes_nothing_that_was_given(name: str) -> None:
    fig, data = DRAW[name]("en")
    chinese, _ = fig.lbc_again("zh")
    english, once_more = fig.lbc_again("en")
    assert figures.preview(english) == figures.preview(fig)
    assert figures.preview(chinese) == figures.preview(DRAW[name]("zh")[0])
    pd.testing.assert_frame_equal(data, once_more)


@pytest.mark.parametrize("name", sorted(LARGE))
def test_what_cannot_be_read_in_one_column_stays_on_two(name: str) -> None:
    assert style.again(DRAW[name]("en")[0], width="one").get_size_inches()[0] == style.TWO


def test_the_width_asked_for_ends_with_the_figure() -> None:
    fig, _ = DRAW["members"]("en")
    own = fig.get_size_inches().tolist()
    assert style.again(fig, width="one").get_size_inches()[0] == style.ONE
    assert DRAW["members"]("en")[0].get_size_inches().tolist() == own
    assert style.again(style.again(fig, "zh", "one"), "en").get_size_inches().tolist() == own


def test_a_figure_drawn_by_hand_keeps_its_shape() -> None:
    with style.look():
        fig, ax = style.new(5.0, 4.0)
        ax.plot([1, 2], [1, 2])
    assert style.again(fig, "zh") is fig
    assert style.again(fig, width="one").get_size_inches().tolist() == [3.5, 2.8]


def test_formats_of_a_journal(tmp_path: Path) -> None:
    fig, _ = DRAW["phases"]("zh")
    paths = figures.save(fig, tmp_path / "a", NOTES["zh"], formats=["tiff", "pdf"], width="one")
    again = figures.save(fig, tmp_path / "b", NOTES["zh"], formats=["tiff", "pdf"], width="one")
    assert [path.name for path in paths] == ["a.tiff", "a.pdf"]
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]
    with Image.open(io.BytesIO(paths[0].read_bytes())) as picture:
        assert (picture.mode, picture.info["compression"], picture.width) == ("RGB", "tiff_lzw", 2100)
        assert tuple(map(float, picture.info["dpi"])) == (600, 600)
        assert picture.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("language", LANGUAGES)
def test_fonts_of_a_pdf_are_embedded_as_truetype(language: str, tmp_path: Path) -> None:
    for name in ("forest", "chain", "claims_board", "specification_curve"):
        pdf = figures.save(DRAW[name](language)[0], tmp_path / name, formats=["pdf"])[0].read_bytes()
        fonts = re.findall(rb"/FontDescriptor \d+ 0 R", pdf)
        assert fonts
        assert pdf.count(b"/FontFile2") == pdf.count(b"/Type /FontDescriptor") > 0
        assert b"/Type3" not in pdf


@pytest.mark.parametrize(("formats", "message"), [
    (["eps"], "figures.formats: a figure cannot be saved as 'eps'\n"
              "  why: EPS knows no transparency: bands of confidence would hide the lines below them\n"
              "  fix: use pdf, which journals that ask for EPS take as well"),
    (["png", "doc"], "figures.formats: a figure cannot be saved as 'doc'\n"
                     "  why: no figure is written so\n  fix: known formats: png, svg, pdf, tiff"),
])
def test_other_formats_are_refused_before_anything_is_written(
    formats: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as caught:
        figures.save(DRAW["scree"]("en")[0], tmp_path / "a", formats=formats)
    assert str(caught.value) == message
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_width_is_refused() -> None:
    with pytest.raises(UserError, match="'three' is no width of a figure"):
        style.again(DRAW["scree"]("en")[0], width="three")


def test_the_style_sheet_is_matplotlibs_own_and_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import matplotlib as mpl

    with style.look():
        assert mpl.rcParams["pdf.fonttype"] == 42
        assert mpl.rcParams["axes.prop_cycle"].by_key()["color"] == list(style.PALETTE)
        assert mpl.rcParams["text.color"].lstrip("#") == style.INK.lstrip("#")
    own = tmp_path / "own.mplstyle"
    own.write_text(style.SHEET.read_text(encoding="utf-8").replace("lines.linewidth: 1.3", "lines.linewidth: 9"))
    monkeypatch.setattr(style, "SHEET", own)
    assert DRAW["mee_chua"]("en")[0].axes[0].lines[-1].get_linewidth() == 9


def test_every_format_leaves_out_day_and_program() -> None:
    assert set(saving.METADATA) == set(saving.USUAL)
