"""What mediations and moderations share: they are named in a town's params, and each may fail without the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from lbc import params
from lbc.errors import NotEstimableError
from lbc.results import Result, Words

Listed = Sequence[params.Mediation] | Sequence[params.Moderation]


def complete_rows(
    frame: pd.DataFrame, numbers: Sequence[str], covariates: Sequence[str], cluster: str | None
) -> pd.DataFrame:
    """The rows without gaps in the variables of one analysis.

    Raises
    ------
    NotEstimableError
        If a variable is absent, named twice or constant, one of `numbers` is text, or rows are too few.
    """
    wanted = [*numbers, *covariates, *([cluster] if cluster else [])]
    if absent := [name for name in wanted if name not in frame]:
        raise NotEstimableError(f"no column named {', '.join(absent)}")
    if twice := sorted({name for name in wanted if wanted.count(name) > 1}):
        raise NotEstimableError(f"named twice: {', '.join(twice)}")
    if words := [name for name in numbers if not pd.api.types.is_numeric_dtype(frame[name])]:
        raise NotEstimableError(f"'{words[0]}' is not a number")
    rows = frame[wanted].dropna()
    if len(rows) < len(wanted) + 2:
        raise NotEstimableError(f"{len(rows)} complete rows are too few for {len(wanted)} variables")
    if still := [name for name in [*numbers, *covariates] if rows[name].nunique() < 2]:
        raise NotEstimableError(f"'{still[0]}' does not vary among the {len(rows)} complete rows")
    return rows


def each(listed: Listed, compute: Callable[[Any], Any]) -> dict[str, Any]:
    """`compute` of each entry by the entry's id; where it is not estimable, the error that says why."""
    found: dict[str, Any] = {}
    for entry in listed:
        try:
            found[entry.id] = compute(entry)
        except NotEstimableError as error:
            found[entry.id] = error
    return found


def estimable(found: Mapping[str, Any]) -> dict[str, Any]:
    """Those that could be estimated.

    Raises
    ------
    NotEstimableError
        If there is none: with the reasons, or because none was named.
    """
    known = {name: one for name, one in found.items() if not isinstance(one, NotEstimableError)}
    if not known:
        reasons = "; ".join(f"{name}: {error}" for name, error in found.items())
        raise NotEstimableError(reasons or "none is named in the params")
    return known


def results(found: Mapping[str, Any]) -> dict[str, Result]:
    """For findings: the result of each entry, or its reason."""
    return {name: Result("none", None, reason=str(one)) if isinstance(one, NotEstimableError) else one.result()
            for name, one in found.items()}


def labels(listed: Listed) -> dict[str, Words]:
    """What readers call each entry."""
    return {entry.id: {"en": entry.label.en, "zh": entry.label.zh} for entry in listed}
