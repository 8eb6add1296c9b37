"""Data sets kept between stages: a CSV anybody can open, and its types, so that reading gives the equal frame.

Text that a spreadsheet would run as a formula stands there after an apostrophe, which reading takes away again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lbc.reporting.tables import STARTS_A_FORMULA

TEXT = ("str", "object", "string")

def keep(frame: pd.DataFrame, path: Path) -> None:
    """Write `frame` to `<path>.csv` and its types to `<path>.json`.

    Parameters
    ----------
    frame : DataFrame
        Columns of text, numbers, truth values, categories or dates; missing is NaN. The index is kept.
    path : Path
        Without suffix.

    Raises
    ------
    ValueError
        If the frame cannot be read back equal: empty text beside missing values, mixed types, several index levels.
    """
    if frame.index.nlevels > 1 or frame.columns.nlevels > 1:
        raise ValueError(f"{path.name}: several index levels cannot be kept; use reset_index()")
    counting = isinstance(frame.index, pd.RangeIndex) and (frame.index == np.arange(len(frame))).all()
    table = frame if counting else frame.rename_axis(index="(index)").reset_index()
    kinds = {"index": None if counting else frame.index.name or "",
             "columns": {name: _kind(table[name], path.name) for name in table.columns}}
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = [name for name, kind in kinds["columns"].items()
             if (kind["of"] if isinstance(kind, dict) else kind) in TEXT]
    table = table.assign(**{name: table[name].astype(object).map(_locked, na_action="ignore") for name in texts})
    table = table.rename(columns=_locked)
    table.to_csv(path.with_name(path.name + ".csv"), index=False, lineterminator="\n", encoding="utf-8")
    text = json.dumps(kinds, ensure_ascii=False, indent=1) + "\n"
    path.with_name(path.name + ".json").write_text(text, encoding="utf-8", newline="\n")
    pd.testing.assert_frame_equal(load(path), frame, check_exact=True)


def load(path: Path) -> pd.DataFrame:
    """Read back what `keep` wrote, equal in values, types and index."""
    kinds = json.loads(path.with_name(path.name + ".json").read_text(encoding="utf-8"))
    table = pd.read_csv(
        path.with_name(path.name + ".csv"), dtype=str, keep_default_na=False, na_values=[""], encoding="utf-8",
        lineterminator="\n", skip_blank_lines=False,
    )
    frame = pd.DataFrame({name: _typed(table[_locked(name)], kind) for name, kind in kinds["columns"].items()},
                         index=pd.RangeIndex(len(table)))
    if kinds["index"] is not None:
        frame = frame.set_index("(index)").rename_axis(index=kinds["index"] or None)
    return frame


def _locked(text: str) -> str:
    """Text after an apostrophe where a spreadsheet would run it, or where one stands already; a mark alone stays."""
    acts = len(text) > 1 and text.startswith(STARTS_A_FORMULA)
    return f"'{text}" if acts or text.startswith("'") else text


def _kind(column: pd.Series, where: str) -> str | dict[str, Any]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        categories = column.cat.categories
        inner = _kind(categories.to_series(), where)
        return {"categories": categories.tolist(), "ordered": bool(column.cat.ordered), "of": inner}
    if pd.api.types.is_string_dtype(column.dtype) or column.dtype == object:
        wrong = [type(value).__name__ for value in column.dropna() if not isinstance(value, str)]
        if wrong:
            raise ValueError(f"{where}: column {column.name} mixes text with {wrong[0]}")
        if (column == "").any():
            raise ValueError(f"{where}: column {column.name} holds empty text; write missing as NaN")
    return str(column.dtype)


def _typed(column: pd.Series, kind: str | dict[str, Any]) -> pd.Series:
    if isinstance(kind, dict):
        categories = pd.Index(kind["categories"], dtype=kind["of"])
        return _typed(column, kind["of"]).astype(pd.CategoricalDtype(categories, kind["ordered"]))
    if kind in TEXT:
        return column.map(lambda text: text.removeprefix("'"), na_action="ignore").astype(kind)
    if kind in ("bool", "boolean"):
        return column.map({"True": True, "False": False}).astype(kind)
    if kind.startswith("float"):
        return column.map(float, na_action="ignore").astype(kind)
    if kind.startswith("datetime"):
        return pd.to_datetime(column, format="ISO8601").astype(kind)
    return column.astype(kind)
