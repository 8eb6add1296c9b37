"""A figure as bytes: the same every time, with fonts embedded, in the formats that journals take."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lbc.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

USUAL = ("png", "svg", "pdf")
FORMATS = (*USUAL, "tiff")
METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
"""What matplotlib would write of the day and of itself: left out, so that the same figure gives the same bytes."""
DPI = {"tiff": 600}
WHY_NOT = {
    "eps": ("EPS knows no transparency: bands of confidence would hide the lines below them",
            "use pdf, which journals that ask for EPS take as well"),
    "jpg": ("JPEG blurs letters and thin lines", "use tiff or png"),
}


def check(formats: Sequence[str]) -> None:
    """Refuse a format that cannot be written.

    Raises
    ------
    UserError
        Naming the format, and why it is not written.
    """
    for kind in formats:
        if kind not in FORMATS:
            other = "no figure is written so", f"known formats: {', '.join(FORMATS)}"
            why, fix = WHY_NOT.get(kind.replace("jpeg", "jpg"), other)
            raise UserError(f"a figure cannot be saved as '{kind}'", "figures.formats", why=why, fix=fix)


def rendered(fig: Figure, kind: str, dpi: int | None = None) -> bytes:
    """The figure's bytes; PNG of 300 dpi and TIFF of 600 unless told otherwise.

    Raises
    ------
    UserError
        If a text has a character without a glyph (style.look makes that warning an error).
    """
    dpi = dpi or DPI.get(kind, 300)
    buffer = io.BytesIO()
    drawn = "png" if kind == "tiff" else kind
    try:
        fig.savefig(buffer, format=drawn, dpi=dpi, metadata=METADATA[drawn])
    except UserWarning as warning:
        raise UserError("a text of the figure has a character without a glyph", why=str(warning)) from None
    return _tiff(buffer, dpi) if kind == "tiff" else buffer.getvalue()


def _tiff(png: Any, dpi: int) -> bytes:
    """RGB without an alpha channel, which printers refuse, compressed by LZW."""
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(png) as picture:
        picture.convert("RGB").save(buffer, format="tiff", compression="tiff_lzw", dpi=(dpi, dpi))
    return buffer.getvalue()
