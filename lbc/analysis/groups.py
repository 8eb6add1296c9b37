"""Who belongs to which group: values are compared as they are written, so 1, 1.0 and "1" are the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from lbc.errors import NotEstimableError
from lbc.results import Result


def label(value: Any) -> str:
    """How a group's value is written: 1, 1.0, True and "1" are the same group.

    Examples
    --------
    >>> label(1.0), label("both")
    ('1', 'both')
    """
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def members(frame: pd.DataFrame, group: str, value: Any) -> pd.Series:
    """True where a row belongs to the group; a missing value belongs to none."""
    return (frame[group].map(label) == label(value)) & frame[group].notna()


def two(frame: pd.DataFrame, group: str, reference: Any, focal: Any) -> tuple[pd.Series, pd.Series]:
    """Rows of the reference and of the focal group, neither of them empty."""
    if label(reference) == label(focal):
        raise NotEstimableError("the two groups are one and the same")
    rows = members(frame, group, reference), members(frame, group, focal)
    for value, chosen in zip((reference, focal), rows, strict=True):
        if not chosen.any():
            raise NotEstimableError(f"nobody has {group} = {label(value)}")
    return rows


def attempt(function: Callable[..., Any], *values: Any) -> tuple[Any, str]:
    """The function's value, or None and the reason why there is none."""
    try:
        return function(*values), ""
    except NotEstimableError as error:
        return None, str(error)


def result(function: Callable[..., Result], *values: Any) -> Result:
    """The function's result, or one without an estimate that says why there is none."""
    try:
        return function(*values)
    except NotEstimableError as error:
        return Result(function.__name__.replace("_", " "), None, reason=str(error))


def order(name: str) -> tuple[bool, float, str]:
    """Numbers by size, before words by alphabet."""
    try:
        return False, float(name), name
    except ValueError:
        return True, 0.0, name
