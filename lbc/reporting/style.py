"""One look for every figure, and the only place where a figure becomes bytes.

Sizes are those of a thesis page (one or two columns), type is the committed font with Latin and Chinese glyphs,
colours are Okabe and Ito's, which people with colour-blindness tell apart; every group also has its own marker, hatch
and line so that a grey print works. Nothing here uses pyplot: there is no global state.
"""

from __future__ import annotations

import contextlib
import functools
import io
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lbc.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Drawn = tuple[Any, pd.DataFrame]
"""What a figure function returns: the matplotlib figure and the frame of what is plotted."""
Labels = dict[Any, Any] | None
"""`{name: {"en": ..., "zh": ...}}`; a name without an entry is printed as it stands."""
FONT = Path(__file__).resolve().parent / "fonts" / "LBCSansSC-Regular.ttf"
ONE, TWO = 3.5, 6.6
"""Widths in inches of a figure of one column and of the whole page."""
INK, GREY, FAINT = "#222222", "#6E6E6E", "#D0D0D0"
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#F0E442")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
HATCHES = ("", "////", "....", "xxxx", "----", "\\\\\\\\", "++", "oo")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1)), (0, (8, 2)))
LEVEL_ORDER = ("individual", "family", "school_community", "society")
RC = {
    "font.family": ["LBC Sans SC", "DejaVu Sans"], "font.size": 8, "axes.unicode_minus": False,
    "axes.titlesize": 8, "axes.labelsize": 8, "xtick.labelsize": 7.5, "ytick.labelsize": 7.5, "legend.fontsize": 7.5,
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": INK, "axes.linewidth": 0.7,
    "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK, "ytick.color": INK, "axes.titlelocation": "left",
    "xtick.major.width": 0.7, "ytick.major.width": 0.7, "xtick.major.size": 3, "ytick.major.size": 3,
    "lines.linewidth": 1.3, "lines.markersize": 5, "hatch.linewidth": 0.5, "legend.frameon": False,
    "figure.dpi": 100, "savefig.dpi": 300, "figure.constrained_layout.use": True, "savefig.facecolor": "white",
    "pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "lbc", "axes.axisbelow": True,
}
NOTE_ID = "lbc-note"
NOTE_INCHES = 0.22


@contextlib.contextmanager
def look() -> Iterator[None]:
    """matplotlib's own defaults plus this style, whatever the user's matplotlibrc says."""
    import matplotlib as mpl

    _register()
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("error", message="Glyph", category=UserWarning)
        mpl.rcdefaults()
        mpl.rcParams.update(RC)
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
    """Run a figure function under this style and check the glyphs of every text it set."""

    @functools.wraps(draw)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with look():
            fig, data = draw(*args, **kwargs)
            _settle_texts(fig)
        return fig, data.reset_index(drop=True)

    return wrapper


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


def save(fig: Figure, stem: Path, synthetic_note: str | None = None) -> list[Path]:
    """Write PNG (300 dpi), SVG and PDF with the same bytes every time.

    Parameters
    ----------
    fig : Figure
    stem : Path
        Path without suffix; its folder must exist.
    synthetic_note : str, optional
        Printed below the figure, e.g. "Simulated data"; once, however often the figure is saved.

    Returns
    -------
    list of Path
    """
    if synthetic_note:
        note(fig, synthetic_note)
    metadata: dict[str, dict[str, None]] = {
        "png": {"Software": None},
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }
    paths = []
    for kind, fields in metadata.items():
        path = stem.with_name(f"{stem.name}.{kind}")
        path.write_bytes(_render(fig, kind, 300, fields))
        paths.append(path)
    return paths


def preview(fig: Figure, synthetic_note: str | None = None) -> bytes:
    """The figure as a PNG of 100 dpi, for the notebook."""
    if synthetic_note:
        note(fig, synthetic_note)
    return _render(fig, "png", 100, {"Software": None})


def _render(fig: Figure, kind: str, dpi: int, metadata: dict[str, None]) -> bytes:
    buffer = io.BytesIO()
    with look():
        check_glyphs(fig)
        try:
            fig.savefig(buffer, format=kind, dpi=dpi, metadata=metadata)
        except UserWarning as warning:
            raise UserError("a text of the figure has a character without a glyph", why=str(warning)) from None
    return buffer.getvalue()


def note(fig: Figure, text: str) -> None:
    """Print a small note below the figure, adding the room it needs; a second call changes nothing."""
    if any(item.get_gid() == NOTE_ID for item in fig.texts):
        return
    width, height = fig.get_size_inches()
    fig.set_size_inches(width, height + NOTE_INCHES)
    share = NOTE_INCHES / (height + NOTE_INCHES)
    fig.get_layout_engine().set(rect=(0, share, 1, 1 - share))
    place = {"ha": "right", "va": "bottom", "size": 6.5, "color": GREY, "gid": NOTE_ID}
    with look():
        fig.text(0.99, 0.04 / (height + NOTE_INCHES), text, **place)


def close(fig: Figure) -> None:
    """Free what the figure holds; it cannot be saved afterwards."""
    fig.clear()


def width_of(text: str) -> int:
    """Width in half-width columns: a Chinese character counts two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def wrap(text: str, width: int) -> str:
    """Break a text into lines of at most `width` half-width columns, at spaces or between Chinese characters.

    Punctuation never begins a line; the lines are of about equal length, so that no word stands alone on the last.
    """
    lines = _fill(text, width)
    for narrower in range(-(-width_of(text) // len(lines)), width):
        if len(tried := _fill(text, narrower)) == len(lines):
            return "\n".join(tried)
    return "\n".join(lines)


def _fill(text: str, width: int) -> list[str]:
    lines: list[str] = [""]
    for piece in _pieces(text):
        over = width_of((lines[-1] + piece).rstrip()) > width
        if lines[-1].strip() and over and piece[0] not in "，。、；：！？）》”,.;:!?)%":
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return [line.rstrip() for line in lines]


def _pieces(text: str) -> Iterator[str]:
    """Words with the space before them, and single Chinese characters."""
    word = ""
    for char in text:
        wide = unicodedata.east_asian_width(char) in "WF"
        if word and (wide or char == " "):
            yield word
            word = ""
        if wide:
            yield char
        else:
            word += char
    if word:
        yield word


def spread(positions: list[float], gap: float, low: float | None = None, high: float | None = None) -> list[float]:
    """Move label positions apart so that neighbours keep at least `gap`, each staying near its own place.

    Overlapping neighbours are pooled into a block centred on their mean, as in isotonic regression.
    """
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    blocks: list[list[float]] = []  # each: number of labels, centre
    for i in order:
        blocks.append([1, positions[i]])
        while len(blocks) > 1 and blocks[-1][1] - blocks[-2][1] < gap * (blocks[-1][0] + blocks[-2][0]) / 2:
            count, centre = blocks.pop()
            total = blocks[-1][0] + count
            blocks[-1] = [total, (blocks[-1][0] * blocks[-1][1] + count * centre) / total]
    places = [centre + gap * (k - (count - 1) / 2) for count, centre in blocks for k in range(int(count))]
    shift = 0.0
    if high is not None and places and places[-1] > high:
        shift = high - places[-1]
    if low is not None and places and places[0] + shift < low:
        shift = low - places[0]
    result = [0.0] * len(positions)
    for i, place in zip(order, places, strict=True):
        result[i] = place + shift
    return result


def rows(ax: Axes, labels: list[str], wrap_at: int = 34) -> np.ndarray:
    """Label the y axis with one row per label, the first on top; returns the rows' positions."""
    places = np.arange(len(labels), dtype=float)
    ax.set_yticks(places, [wrap(label, wrap_at) for label in labels])
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


def zero_line(ax: Axes, at: float = 0.0, *, vertical: bool = True) -> None:
    (ax.axvline if vertical else ax.axhline)(at, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
