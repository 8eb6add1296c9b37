"""One look for every figure, and the only place where a figure becomes bytes.

The look itself (type, sizes, colours, line widths) is the style sheet lbc.mplstyle. A figure has a width of its own,
or that of one column or of the page where it is asked for; every group has its own marker, hatch and line as well as
its colour, so that a grey print works. Nothing here uses pyplot: there is no global state.
"""

from __future__ import annotations

import contextlib
import functools
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lbc.errors import UserError
from lbc.reporting import saving
from lbc.reporting.lettering import pitch, spread, width_of, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "AS_DRAWN", "FAINT", "FONT", "GREY", "HATCHES", "INK", "LEVEL_ORDER", "LINES", "MARKERS", "ONE", "PALETTE",
    "SHEET", "TICK", "TWO", "WIDTHS", "Drawn", "Labels", "again", "check_glyphs", "close", "end_labels", "glyphs",
    "line", "look", "new", "note", "pitch", "preview", "require_glyphs", "rows", "save", "spread", "styled",
    "whisker", "width", "width_of", "wrap", "zero_line",
]
Drawn = tuple[Any, pd.DataFrame]
"""What a figure function returns: the matplotlib figure and the frame of what is plotted."""
Labels = dict[Any, Any] | None
"""`{name: {"en": ..., "zh": ...}}`; a name without an entry is printed as it stands."""
SHEET = Path(__file__).resolve().with_name("lbc.mplstyle")
FONT = SHEET.parent / "fonts" / "LBCSansSC-Regular.ttf"
ONE, TWO = 3.5, 6.6
"""Widths in inches of a figure of one column (89 mm) and of the whole page (168 mm; journals take 165 to 183)."""
AS_DRAWN = "as drawn"
WIDTHS = {"one": ONE, "two": TWO}
_SETTINGS = dict(re.findall(r"^([\w.]+): (.+?)(?: +#.*)?$", SHEET.read_text(encoding="utf-8"), re.M))
INK, GREY, FAINT = f"#{_SETTINGS['text.color']}", "#6E6E6E", f"#{_SETTINGS['grid.color']}"
PALETTE = tuple(f"#{colour}" for colour in re.findall(r"[0-9A-F]{6}", _SETTINGS["axes.prop_cycle"]))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
HATCHES = ("", "////", "....", "xxxx", "----", "\\\\\\\\", "++", "oo")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1)), (0, (8, 2)))
TICK = float(_SETTINGS["xtick.labelsize"])
LEVEL_ORDER = ("individual", "family", "school_community", "society")
NOTE_ID = "lbc-note"
NOTE_INCHES = 0.22
_asked: ContextVar[str | None] = ContextVar("width of the figure being drawn", default=None)


@contextlib.contextmanager
def look() -> Iterator[None]:
    """matplotlib's own defaults plus this style, whatever the user's matplotlibrc says."""
    import matplotlib as mpl
    import matplotlib.style

    _register()
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("error", message="Glyph", category=UserWarning)
        mpl.rcdefaults()
        mpl.style.use(SHEET)
        yield


@functools.cache
def _register() -> None:
    from matplotlib import font_manager

    font_manager.fontManager.addfont(FONT)


@functools.cache
def glyphs() -> frozenset[int]:
    """Code points that the committed font or matplotlib's own can draw."""
    from fontTools.ttLib import TTFont
    from matplotlib import get_data_path

    known: set[int] = set()
    for path in (FONT, Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"):
        with TTFont(path, lazy=True) as font:
            known |= set(font.getBestCmap())
    return frozenset(known)


def require_glyphs(text: str, where: str = "") -> None:
    """Check that every character can be drawn.

    Raises
    ------
    UserError
        Naming the characters that would come out as empty boxes, and the text they stand in.
    """
    missing = sorted({c for c in text if ord(c) not in glyphs() and c != "\n"})
    if missing:
        listed = ", ".join(f"'{c}' (U+{ord(c):04X})" for c in missing)
        raise UserError(
            f"no glyph for {listed} in the text '{text}'",
            where=where,
            why="the figures' font holds the characters of GB 2312; others would be printed as empty boxes",
            fix="write the word with another character, or add the glyph as lbc/reporting/fonts/README.md says",
        )


def styled(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Run a figure function under this style and check the glyphs of every text it set.

    The figure carries `lbc_again(language, width=None)`, which draws it once more from the same arguments in another
    language, and in the width of one or two columns where that is asked for; see `again`.
    """

    @functools.wraps(draw)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with look():
            fig, data = draw(*args, **kwargs)
            _settle_texts(fig)

        def once_more(language: str, width: str | None = None) -> Drawn:
            before = _asked.set(width or _asked.get())
            try:
                return wrapper(*args, **kwargs | {"language": language})
            finally:
                _asked.reset(before)

        fig.lbc_again, fig.lbc_language = once_more, kwargs.get("language", "en")
        return fig, data.reset_index(drop=True)

    return wrapper


def again(fig: Figure, language: str | None = None, width: str | None = None) -> Figure:
    """The figure in another language or width ("one", "two"); one that no function of ours drew is resized alone."""
    width = None if width == AS_DRAWN else width
    if width not in {None, *WIDTHS}:
        fix = f'write "one", "two" or "{AS_DRAWN}"'
        raise UserError(f"'{width}' is no width of a figure", "figures.width", fix=fix)
    if redraw := getattr(fig, "lbc_again", None):
        return redraw(language or fig.lbc_language, width)[0]
    if width:
        wide, high = fig.get_size_inches()
        fig.set_size_inches(WIDTHS[width], high * WIDTHS[width] / wide)
    return fig


def width(own: float, least: float = ONE) -> float:
    """Inches that the figure being drawn is wide: what was asked for, else its own.

    `least` is the narrowest in which it can be read; one that needs more than a column stays on two.
    """
    if (asked := _asked.get()) is None:
        return own
    return WIDTHS[asked] if WIDTHS[asked] >= least else TWO


def _settle_texts(fig: Figure) -> None:
    """Check the glyphs, and open up texts of several lines: Chinese characters fill their whole line."""
    from matplotlib.text import Text

    for ax in fig.axes:
        ax.get_xticklabels(), ax.get_yticklabels()  # a tick's label gets its text when it is asked for
    check_glyphs(fig)
    for item in fig.findobj(Text):
        if "\n" in item.get_text():
            item.set_linespacing(1.35)


def check_glyphs(fig: Figure) -> None:
    from matplotlib.text import Text

    for item in fig.findobj(Text):
        require_glyphs(item.get_text(), where="figure")


@functools.cache
def _rounded() -> Any:
    """Constrained layout with positions to nine digits: the solver's last ones follow Python's hash seed."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    class Rounded(ConstrainedLayoutEngine):
        def execute(self, fig: Figure) -> Any:
            result = super().execute(fig)
            for ax in fig.axes:
                bounds = [round(value, 9) for value in ax.get_position(original=True).bounds]
                ax._set_position(bounds, which="original")
            return result

    return Rounded



def new(width: float, height: float, **subplots: Any) -> tuple[Any, Any]:
    """A figure without pyplot and its axes (as `Figure.subplots` returns them)."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=(width, height), layout=_rounded()(w_pad=0.04, h_pad=0.04))
    return fig, fig.subplots(**subplots)


def save(
    fig: Figure, stem: Path, synthetic_note: str | None = None, formats: Sequence[str] = saving.USUAL,
    width: str | None = None,
) -> list[Path]:
    """Write the figure in each format with the same bytes every time.

    Parameters
    ----------
    fig : Figure
    stem : Path
        Path without suffix; its folder must exist.
    synthetic_note : str, optional
        Printed below the figure, e.g. "Simulated data"; once, however often the figure is saved.
    formats : sequence of str
        Of "png" (300 dpi), "svg", "pdf" (TrueType embedded) and "tiff" (600 dpi, RGB, LZW).
    width : {"one", "two", "as drawn"}, optional
        Columns; the figure is drawn once more in that width.

    Returns
    -------
    list of Path

    Raises
    ------
    UserError
        If a format or width is unknown.
    """
    saving.check(formats)
    if width and width != AS_DRAWN:
        fig = again(fig, width=width)
    if synthetic_note:
        note(fig, synthetic_note)
    paths = []
    for kind in formats:
        path = stem.with_name(f"{stem.name}.{kind}")
        path.write_bytes(_render(fig, kind))
        paths.append(path)
    return paths


def preview(fig: Figure, synthetic_note: str | None = None) -> bytes:
    """The figure as a PNG of 100 dpi, for the notebook."""
    if synthetic_note:
        note(fig, synthetic_note)
    return _render(fig, "png", 100)


def _render(fig: Figure, kind: str, dpi: int | None = None) -> bytes:
    with look():
        check_glyphs(fig)
        return saving.rendered(fig, kind, dpi)


def note(fig: Figure, text: str) -> None:
    """Print a small note below the figure, adding the room it needs; a second call changes nothing."""
    if any(item.get_gid() == NOTE_ID for item in fig.texts):
        return
    width, height = fig.get_size_inches()
    fig.set_size_inches(width, height + NOTE_INCHES)
    share = NOTE_INCHES / (height + NOTE_INCHES)
    fig.get_layout_engine().set(rect=(0, share, 1, 1 - share))
    place = {"ha": "right", "va": "bottom", "size": "small", "color": GREY, "gid": NOTE_ID}
    with look():
        fig.text(0.99, 0.04 / (height + NOTE_INCHES), text, **place)


def close(fig: Figure) -> None:
    """Free what the figure holds; it cannot be saved or drawn again afterwards."""
    fig.clear()
    fig.lbc_again = None


def rows(ax: Axes, labels: list[str]) -> np.ndarray:
    """Label the y axis with one row per label, wrapped already, the first on top; returns the rows' positions."""
    places = np.arange(len(labels), dtype=float)
    ax.set_yticks(places, labels)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return places


def whisker(ax: Axes, x: Any, y: Any, low: Any, high: Any, *, across: bool = True, **look_: Any) -> None:
    """Points with intervals; `across` draws the interval along x, else along y. Missing ends are left out."""
    x, y, low, high = (np.atleast_1d(np.asarray(v, dtype=float)) for v in (x, y, low, high))
    centre = x if across else y
    error = np.abs(np.vstack([centre - low, high - centre]))
    error[:, ~np.isfinite(error).all(axis=0)] = 0
    ax.errorbar(x, y, **{"xerr" if across else "yerr": error}, **{"linestyle": "none", "capsize": 2.5} | look_)


def line(k: int) -> dict[str, Any]:
    """Marker, dashes and colour of the k-th series: told apart in grey as well."""
    return {"marker": MARKERS[k % 8], "linestyle": LINES[k % 8], "color": PALETTE[k % 8]}


def end_labels(
    ax: Axes, ends: list[tuple[float, float]], names: list[str], gap: float, colors: list[str] | None = None,
) -> None:
    """Name lines at the right of the axes instead of in a legend, moved apart where the names would touch.

    Parameters
    ----------
    ends : list of (x, y)
        Last point of each line.
    gap : float
        Least distance of two names on the y axis.
    """
    low, high = sorted(ax.get_ylim())
    places = spread([y for _, y in ends], gap, low, high)
    edge = ax.get_yaxis_transform()
    right = ax.get_xlim()[1]
    for k, (name, (x, y), place) in enumerate(zip(names, ends, places, strict=True)):
        ax.annotate("", (x, y), (1.015, place), textcoords=edge, annotation_clip=False, zorder=1, arrowprops={
            "arrowstyle": "-", "color": GREY, "linewidth": 0.4, "shrinkA": 0, "shrinkB": 3 if x < right else 0})
        ax.text(1.02, place, name, transform=edge, va="center", size="small", color=colors[k] if colors else INK)


def zero_line(ax: Axes, at: float = 0.0, *, vertical: bool = True) -> None:
    (ax.axvline if vertical else ax.axhline)(at, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
