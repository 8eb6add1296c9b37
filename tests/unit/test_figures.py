"""Every figure, in both languages, on data as a thesis has them: texts, plotted numbers, fonts and bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawings import (
    DRAW,
    LANGUAGES,
    both,
    cutoff_curve,
    distribution,
    forest,
    group_difference_bins,
    member_scores,
    members,
    scree,
)

from lbc.errors import UserError
from lbc.reporting import figures, style


@pytest.fixture(
    scope="module", params=[(name, language) for name in DRAW for language in LANGUAGES], ids=lambda p: "-".join(p)
)
def drawn(request: pytest.FixtureRequest) -> tuple[str, str, Any, pd.DataFrame]:
    name, language = request.param
    return name, language, *DRAW[name](language)


def texts(fig: Any) -> list[str]:
    from matplotlib.text import Text

    fig.draw_without_rendering()
    return [t.get_text() for t in fig.findobj(Text) if t.get_visible() and t.get_text().strip()]


def chinese(text: str) -> bool:
    return any("\u4e00" <= c <= "\u9fff" for c in text)


def test_texts_are_in_the_language_asked_for(drawn: Any) -> None:
    _, language, fig, _ = drawn
    shown = texts(fig)
    if language == "en":
        assert [t for t in shown if chinese(t)] == []
    else:
        allowed = {"State", "NAP", "OLS", "LMG", "CI", "SD", "M", "n", "r", "T", "R", "Hedges", "g", "sum", "mean"}
        words = {w.strip("(),:；：。=") for t in shown if not chinese(t) for w in t.split()}
        english = {w for w in words if w.isalpha() and w.isascii() and len(w) > 1}
        assert english <= allowed
        assert any(chinese(t) for t in shown)


def test_nothing_leaves_the_page_and_no_labels_of_an_axis_touch(drawn: Any) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    name, _, fig, _ = drawn
    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    box, (width, height) = fig.get_tightbbox(canvas.get_renderer()), fig.get_size_inches()
    assert box.x0 > -0.03, name
    assert box.y0 > -0.03, name
    assert box.x1 < width + 0.03, name
    assert box.y1 < height + 0.03, name
    for ax in fig.axes:
        for axis, limits in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
            low, high = sorted(limits)
            places = axis.get_ticklocs()
            shown = [
                tick.label1 for tick, at in zip(axis.get_major_ticks(), places, strict=True) if low <= at <= high
            ]
            boxes = [t.get_window_extent() for t in shown if ax.axison and t.get_visible() and t.get_text()]
            assert not [1 for k, one in enumerate(boxes) for two in boxes[k + 1 :] if one.overlaps(two)], name


def test_the_plotted_data_come_back(drawn: Any) -> None:
    name, _, fig, data = drawn
    assert isinstance(data.index, pd.RangeIndex)
    assert len(data) == {
        "flow": 5,
        "missing": 6,
        "scree": 16,
        "group_difference": 603,
        "forest": 6,
        "by_category": 10,
        "cutoff_curve": 123,
        "balance": 3,
        "specification_curve": 72,
        "blocks": 12,
        "importance": 9,
        "new_codes": 12,
        "expected_fall": 56,
        "members": 40,
        "mee_chua": 21,
        "sessions": 5,
        "ratings": 4,
        "reliable_change": 8,
        "phases": 18,
        "goals": 3,
        "claims_board": 10,
    }.get(name, len(data))
    assert len(data) > 0
    assert fig.get_size_inches()[0] <= style.TWO


@pytest.mark.parametrize("name", ["flow", "group_difference", "phases"])
def test_saving_is_deterministic_and_says_that_data_are_simulated(name: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = figures.save(DRAW[name]("zh")[0], tmp_path / "a" / "02_x.y", "模拟数据，非真实儿童")
    fig, _ = DRAW[name]("zh")
    figures.preview(fig)
    figures.save(fig, tmp_path / "b" / "02_x.y", "模拟数据，非真实儿童")
    preview = figures.preview(fig)
    second = figures.save(fig, tmp_path / "b" / "02_x.y", "模拟数据，非真实儿童")
    assert [p.name for p in first] == ["02_x.y.png", "02_x.y.svg", "02_x.y.pdf"]
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]
    assert preview.startswith(b"\x89PNG")
    svg = first[1].read_text(encoding="utf-8")
    assert svg.count("<!-- 模拟数据，非真实儿童 -->") == 1
    assert "<text" not in svg
    assert "date>" not in svg
    assert b"CreationDate" not in first[2].read_bytes()
    assert b"FontFile2" in first[2].read_bytes()
    figures.close(fig)
    assert fig.axes == []


def test_the_users_own_settings_do_not_matter() -> None:
    import matplotlib as mpl

    fig, _ = scree("en")
    plain = figures.preview(fig)
    with mpl.rc_context({"font.size": 20, "axes.facecolor": "red", "font.family": ["DejaVu Serif"]}):
        fig, _ = scree("en")
        assert figures.preview(fig) == plain
        assert mpl.rcParams["font.size"] == 20


def test_a_character_without_glyph_is_an_error_and_no_box() -> None:
    frame = pd.DataFrame({"variable": ["x"], "missing": [1], "n": [10]})
    with pytest.raises(UserError) as caught:
        figures.missing(frame, labels={"x": both("x", "㴪镇")}, language="zh")
    assert str(caught.value) == (
        "figure: no glyph for '㴪' (U+3D2A) in the text '㴪镇'\n"
        "  why: the figures' font holds the characters of GB 2312; others would be printed as empty boxes\n"
        "  fix: write the word with another character, or add the glyph as lbc/reporting/fonts/README.md says"
    )


def test_a_glyph_set_after_drawing_is_an_error_too() -> None:
    fig, _ = scree("en")
    fig.axes[0].set_title("㴪")
    with pytest.raises(UserError, match="U\\+3D2A"):
        figures.preview(fig)


def test_the_font_holds_all_of_gb2312_and_is_small() -> None:
    from fontTools.ttLib import TTFont

    gb2312 = "".join(bytes([a, b]).decode("gb2312", "ignore") for a in range(0xA1, 0xF8) for b in range(0xA1, 0xFF))
    with TTFont(style.FONT) as font:
        known = set(font.getBestCmap())
        assert "glyf" in font, "a TrueType font, or PDF readers complain about type 42"
    assert len(gb2312) == 7445
    wanted = gb2312 + "".join(map(chr, range(32, 127))) + "±×≤≥≠≈−–—…·αβγδηθκλμνρστφχψωΔΣ²³¹→“”‘’"
    assert [c for c in wanted if ord(c) not in known] == []
    assert style.FONT.stat().st_size < 2_500_000
    assert "SIL OPEN FONT LICENSE" in (style.FONT.parent / "OFL.txt").read_text(encoding="utf-8")


def test_flow_that_does_not_add_up_is_refused() -> None:
    steps = pd.DataFrame({"label": ["a", "b"], "before": [10, 8], "removed": [1, 1], "after": [9, 7]})
    with pytest.raises(ValueError, match="does not add up"):
        figures.flow(steps)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([1, 2, 9, 0, 7, 1], [(0, 3), (3, 4), (4, 6)]),
        ([0, 0, 6, 3, 0, 2, 0], [(0, 1), (1, 2), (2, 3), (3, 6), (6, 7)]),
        ([0, 5, 1, 0, 0], [(0, 1), (1, 3), (3, 4), (4, 5)]),
        ([2, 1], [(0, 2)]),
        ([0, 0], [(0, 1), (1, 2)]),
    ],
)
def test_merged_bins_hide_small_counts(counts: list[int], expected: list[tuple[int, int]]) -> None:
    from lbc.reporting.figures_survey import merged_bins

    ranges = merged_bins(np.array(counts), 5)
    assert ranges == expected
    assert [a for a, _ in ranges[1:]] == [b for _, b in ranges[:-1]]


def test_no_bin_of_a_distribution_shows_fewer_than_five_children() -> None:
    for data in (
        distribution("en")[1],
        group_difference_bins("en")[1].query("kind == 'bin'").assign(count=lambda d: d["n"]),
    ):
        assert not data["count"].between(1, 4).any()
        assert data["count"].sum() == 600


def test_members_mean_stops_where_one_is_missing_and_never_holds_the_peer() -> None:
    fig, _ = members("en")
    scores = member_scores().query("kind != 'low_peer'").pivot(index="wave", columns="member", values="score")
    heavy = [line for line in fig.axes[0].lines if line.get_linewidth() == 2.4]
    assert len(heavy) == 1
    np.testing.assert_array_equal(heavy[0].get_ydata(), scores.mean(axis=1, skipna=False))
    assert np.isnan(heavy[0].get_ydata()[-1])


def test_labels_at_line_ends_do_not_touch() -> None:
    places = style.spread([50, 51, 51, 20, 52], 3)
    assert places[3] == 20
    others = sorted(places[:3] + places[4:])
    assert np.allclose(np.diff(others), 3)
    assert np.isclose(np.mean(others), 51)
    assert style.spread([10.0, 10.0], 2, 10, 20) == [10.0, 12.0]


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("父母均在家", 8, "父母均\n在家"),
        ("mother away", 9, "mother\naway"),
        ("一二三，四", 6, "一二三，\n四"),
        ("short", 20, "short"),
        ("Left-behind children are lonelier", 19, "Left-behind\nchildren are\nlonelier"),
    ],
)
def test_wrap(text: str, width: int, expected: str) -> None:
    assert style.wrap(text, width) == expected


def test_forest_says_not_estimable_in_words() -> None:
    assert "not estimable" in texts(forest("en")[0])
    assert "无法估计" in texts(forest("zh")[0])


def test_groups_differ_in_more_than_colour() -> None:
    assert len(set(style.MARKERS)) == len(set(style.HATCHES)) == len(set(style.PALETTE)) == 8
    fig, _ = cutoff_curve("en")
    curves = [line for line in fig.axes[0].lines if len(line.get_xdata()) > 2]
    assert len({(line.get_marker(), line.get_linestyle()) for line in curves}) == 2
