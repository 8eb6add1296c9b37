"""From answers to scores: reverse keying once, fillers apart, too many missing answers no score."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
import pandas as pd

from lbc.errors import InstrumentError, IntakeError
from lbc.instruments import Instrument

Metric = Literal["sum", "mean", "pomp"]


def key(
    items: pd.DataFrame,
    instrument: Instrument,
    *,
    highest_is_agree: bool = True,
    points: tuple[int, int] | None = None,
    form: str | None = None,
) -> pd.DataFrame:
    """Key the scored items so that a high number always means more of the construct.

    Parameters
    ----------
    items : DataFrame
        Answers as given, one row per form, columns `<scale>_<nn>` (optionally `@wave`, one wave only) in any order.
        Columns of other variables are not allowed; columns of fillers are left out of the result.
    instrument : Instrument
    highest_is_agree : bool
        False where the answers are stored with the lowest number = "always true".
    points : tuple of int, optional
        Lowest and highest answer where the form used another number of points, e.g. (1, 4).
    form : str, optional
        Name of the shortened form that was used; recognised by its columns where it is not named.

    Returns
    -------
    DataFrame
        The scored items, in the order of the form, column names kept; 0 and 1 for a binary instrument.

    Raises
    ------
    IntakeError
        If an answer lies outside the range, or columns are missing that no declared form leaves out.
    InstrumentError
        If the form is unknown, or nobody documented its items.

    Examples
    --------
    >>> from lbc.instruments import load
    >>> raw = pd.DataFrame({name: [5.0] for name in load("pssm").columns()})
    >>> key(raw, load("pssm"))[["pssm_01", "pssm_03"]].iloc[0].tolist()
    [5.0, 1.0]
    """
    columns = _columns(items, instrument)
    kept = _kept(columns, instrument, form)
    low, high = _points(instrument, points, form)
    _check(items[list(columns.values())], low, high)
    keyed = items[[columns[n] for n in kept]].astype(float)
    turned = instrument.reverse if highest_is_agree else set(kept) - instrument.reverse
    for n in kept:
        if n in turned:
            keyed[columns[n]] = low + high - keyed[columns[n]]
    if instrument.binary:
        answered = keyed.notna()
        keyed = (keyed >= instrument.binary.yes_from).astype(float).where(answered)
    return keyed


def score(
    items: pd.DataFrame,
    instrument: Instrument,
    *,
    metric: Metric = "sum",
    min_answered: float = 0.8,
    highest_is_agree: bool = True,
    points: tuple[int, int] | None = None,
    form: str | None = None,
) -> pd.DataFrame:
    """Score the answers: the total and every subscale.

    A missing answer is filled with the mean of the person's other answers to the same (sub)scale, if the person
    answered at least `min_answered` of it; otherwise there is no score. Of three or four items, 80 % are all of them.

    Parameters
    ----------
    items, instrument, highest_is_agree, points, form
        As in `key`.
    metric : {"sum", "mean", "pomp"}
        Sum over items (item mean times number of items), item mean, or percent of the maximum possible, 0 to 100.
    min_answered : float
        Share of the items that must be answered, 0 to 1.

    Returns
    -------
    DataFrame
        Columns `total` (where the instrument has one) and one per subscale; NaN where too few were answered. A
        subscale of which a shortened form keeps no item is left out.

    Raises
    ------
    IntakeError, InstrumentError
        As `key`.

    Notes
    -----
    Person-mean fill: Downey & King 1998; Newman 2014. POMP: Cohen, Cohen, Aiken & West 1999,
    100 (mean - min) / (max - min).

    Examples
    --------
    >>> from lbc.instruments import load
    >>> raw = pd.DataFrame({name: [3.0] for name in load("cls").columns()})
    >>> float(score(raw, load("cls"))["total"].iloc[0])
    48.0
    """
    if metric not in ("sum", "mean", "pomp"):
        raise ValueError(f"metric must be sum, mean or pomp, not {metric!r}")
    keyed = key(items, instrument, highest_is_agree=highest_is_agree, points=points, form=form)
    columns = _columns(keyed, instrument)
    low, high = (0, 1) if instrument.binary else _points(instrument, points, form)
    parts = {"total": list(columns)} if instrument.total else {}
    parts |= {name: [n for n in part.items if n in columns] for name, part in instrument.subscales.items()}
    scores = {}
    for name, numbers in parts.items():
        if numbers:
            mean = person_mean(keyed[[columns[n] for n in numbers]], min_answered)
            scale = {"sum": mean * len(numbers), "mean": mean, "pomp": 100 * (mean - low) / (high - low)}
            scores[name] = scale[metric]
    return pd.DataFrame(scores, index=items.index)


def person_mean(keyed: pd.DataFrame, min_answered: float = 0.8) -> pd.Series:
    """Each person's mean over the answered items; NaN where less than the share `min_answered` was answered."""
    answered = keyed.notna().sum(axis=1)
    enough = (answered >= np.ceil(min_answered * keyed.shape[1] - 1e-9)) & (answered > 0)
    return keyed.mean(axis=1).where(enough)


def _columns(items: pd.DataFrame, instrument: Instrument) -> dict[int, str]:
    """Item number to column, in the order of the form."""
    pattern = re.compile(rf"{re.escape(instrument.id)}_(\d+)(?:@(\w+))?")
    found: dict[int, str] = {}
    waves = set()
    for name in items.columns:
        match = pattern.fullmatch(str(name))
        if match is None or int(match[1]) not in instrument.numbers or int(match[1]) in found:
            raise IntakeError(
                f"column {name} is not an item of {instrument.id}, or stands for the same item as another column",
                why=f"items are {instrument.column(instrument.numbers[0])} to "
                f"{instrument.column(instrument.numbers[-1])}, of one wave",
                fix="correct scale and item in codebook.csv",
            )
        found[int(match[1])] = str(name)
        waves.add(match[2])
    if len(waves) > 1:
        raise IntakeError(f"items of {instrument.id} come from several waves", fix="score one wave at a time")
    return {n: found[n] for n in instrument.numbers if n in found}


def _kept(columns: dict[int, str], instrument: Instrument, form: str | None) -> list[int]:
    """Numbers of the scored items that the form has."""
    if form is not None and form not in instrument.forms:
        known = ", ".join(instrument.forms) or "none"
        raise InstrumentError(f"{instrument.id} has no form '{form}'", why=f"declared forms: {known}")
    if form is not None and instrument.forms[form].items is None:
        raise InstrumentError(
            f"nobody documented which items the form '{form}' of {instrument.id} keeps",
            fix=f"copy {instrument.id}.yaml into the town's folder instruments/ and list the items of '{form}'",
        )
    scored = instrument.scored
    wholes = [scored] if form is None else []
    named = instrument.forms if form is None else {form: instrument.forms[form]}
    wholes += [[n for n in scored if n in part.items] for part in named.values() if part.items is not None]
    present = [n for n in scored if n in columns]
    for whole in wholes:
        if present == whole or (form is not None and set(whole) <= set(present)):
            return whole
    missing = [instrument.column(n) for n in wholes[0] if n not in columns]
    raise IntakeError(
        f"items of {instrument.id} are missing: {', '.join(missing)}",
        why="the score would not be comparable, and no declared form leaves just these items out",
        fix=f"complete codebook.csv, or declare the form under `forms` in {instrument.id}.yaml",
    )


def _points(instrument: Instrument, points: tuple[int, int] | None, form: str | None) -> tuple[int, int]:
    declared = instrument.forms[form].points if form is not None else None
    low, high = points or declared or (instrument.min, instrument.max)
    return low, high


def _check(items: pd.DataFrame, low: int, high: int) -> None:
    """Refuse the first answer outside the range, with its column and row."""
    for name in items.columns:
        values = pd.to_numeric(items[name], errors="coerce")
        wrong = items[name].notna() & ~values.between(low, high)
        if wrong.any():
            row = wrong.idxmax()
            raise IntakeError(
                f"{items[name].loc[row]} is not an answer from {low} to {high}",
                where=f"column {name}, row {row}",
                why=f"{int(wrong.sum())} answers of this column are out of range",
                fix="correct the answer or declare it a missing code in codebook.csv",
            )
