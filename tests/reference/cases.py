"""Reference cases: numbers that R printed, with the data and the command they came from."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

HERE = Path(__file__).parent
OUTSIDE = HERE.parents[1].parent / "shared" / "reference"


def case(name: str) -> dict[str, Any]:
    """The case file whose name begins with `name`, e.g. "c01" or "c01_two_groups_hs39_x1_school"."""
    return json.loads(next((HERE / "expected").glob(f"{name}*.json")).read_text(encoding="utf-8"))


def data(file: str) -> pd.DataFrame:
    """A data file; those that may not be shipped are read from beside the checkout, or the test is skipped."""
    path = HERE / "data" / file
    if not path.exists():
        path = OUTSIDE / "data" / file
    if not path.exists():
        pytest.skip("needs ../shared/reference (data not shipped)")
    return pd.read_csv(path, na_values=["", "NA"], keep_default_na=False)


def agrees(found: Any, expected: Any, tolerance: dict[str, Any], special: str = "") -> None:
    """Assert that numbers (nested in lists or dicts alike) agree: |x - e| <= max(abs, rel |e|)."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            agrees(found[key], value, tolerance, special)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for f, e in zip(found, expected, strict=True):
            agrees(f, e, tolerance, special)
    elif expected is None:
        assert found is None or math.isnan(found)
    else:
        bounds = {"rel": tolerance.get("rel", 0.0), "abs": tolerance.get("abs", 0.0)}
        if special:
            kind, size = tolerance["special"][special].split()[:2]
            bounds = {"rel": 0.0, "abs": 0.0, kind: float(size)}
        assert abs(found - expected) <= max(bounds["abs"], bounds["rel"] * abs(expected)), f"{found} is not {expected}"
