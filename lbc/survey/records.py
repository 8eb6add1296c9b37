"""The smaller raw files of a town: interviews, observations, group measures, sessions, case log, goals, logic model.

Each is a plain CSV with named columns. A file is read strictly: a missing column, a cell that is not what its column
holds or a row that stands twice is reported with its row and column, all of them at once, before anything is used.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from lbc.errors import IntakeError, ManyErrors, NotEstimableError
from lbc.instruments import Instrument
from lbc.instruments.scoring import score
from lbc.survey.text import seen

LEVELS = ("individual", "family", "school_community", "society")


@dataclass(frozen=True)
class Kind:
    """What a file must hold: text columns (filled, unless listed), numbers with their range, words, a row's name."""

    text: tuple[str, ...] = ()
    numbers: dict[str, tuple[float, float]] = field(default_factory=dict)
    words: dict[str, tuple[str, ...]] = field(default_factory=dict)
    names_row: tuple[str, ...] = ()
    more_numbers: bool = False
    may_be_empty: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        return [*self.text, *self.numbers, *self.words]


KINDS = {
    "interviews": Kind(
        text=("person", "role", "coder", "segment", "theme"), words={"level": LEVELS}, names_row=("segment", "coder")
    ),
    "observations": Kind(
        text=("member", "session", "rater"), names_row=("member", "session", "rater"), more_numbers=True
    ),
    "measures": Kind(text=("member", "wave"), names_row=("member", "wave"), more_numbers=True),
    "sessions": Kind(
        text=("member", "session", "component"), numbers={"present": (0, 1), "feedback": (1, 5)},
        names_row=("member", "session"),
    ),
    "case_log": Kind(text=("phase",), more_numbers=True),
    "goals": Kind(
        text=("goal_en", "goal_zh"),
        numbers={"weight": (0, 100), "baseline": (-2, 2), "expected": (-2, 2), "reached": (-2, 2)},
        names_row=("goal_en",), may_be_empty=("goal_zh",),
    ),
    "logic_model": Kind(
        text=("cause", "need", "component", "session", "measure"), words={"level": LEVELS},
        may_be_empty=("cause", "need", "component", "session", "measure"),
    ),
}
LABELS = frozenset({"id", "day", "week", "date", "note", "paraphrase", "paraphrase_zh"})


def read(path: Path, kind: str, shown: str) -> pd.DataFrame:
    """Read one of the smaller files.

    Parameters
    ----------
    path : Path
        A CSV file, UTF-8 with or without BOM, or GB18030.
    kind : str
        A key of `KINDS`.
    shown : str
        The path as messages print it.

    Returns
    -------
    DataFrame
        Text columns as str without blanks around it ("" where empty), number columns as numbers (NaN where empty).

    Raises
    ------
    IntakeError
        If the file is empty, not text, or lacks columns, or if a row has more or fewer cells than the header.
    ManyErrors
        With every cell that is not what its column holds.
    """
    rule = KINDS[kind]
    frame = _table(path, shown)
    missing = [column for column in rule.columns if column not in frame.columns]
    if missing or frame.empty:
        what = f"the columns {', '.join(missing)} are missing" if missing else "the file has no rows"
        raise IntakeError(what, where=shown, why=f"expected columns: {', '.join(rule.columns)}",
                          fix="compare with the file of the same name in data/s_town/raw")
    faults: list[str] = []
    more = [c for c in frame if c not in rule.columns and _numeric(frame, c)] if rule.more_numbers else []
    for column in (*rule.numbers, *more):
        frame[column] = _as_numbers(frame[column], rule.numbers.get(column), shown, faults)
    for column in rule.text:
        if column not in rule.may_be_empty:
            _refuse(frame[column], frame[column] == "", "a text", shown, faults)
    for column, allowed in rule.words.items():
        _refuse(frame[column], ~frame[column].isin(allowed), ", ".join(allowed), shown, faults)
    if rule.names_row:
        again = frame.index[frame.duplicated(list(rule.names_row))]
        faults += [f"{shown}: row {i + 2}: the same {' and '.join(rule.names_row)} as an earlier row" for i in again]
    if faults:
        raise ManyErrors(f"{len(faults)} cells cannot be used", faults, where=shown, fix="mend them and run again")
    return frame.reset_index(drop=True)


def _table(path: Path, shown: str) -> pd.DataFrame:
    """The cells as text; the index is the row's number in the file, less 2, whatever blank rows stand between."""
    text = path.read_bytes().decode(_encoding(path, shown))
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise IntakeError(f"not a CSV table: {error}", where=shown,
                          fix='look for a quotation mark (") without its pair') from None
    lines = [[seen(cell).strip() for cell in cells] for cells in lines]
    header = _without_end(lines[0], 0) if lines else []
    rows = {i: _without_end(cells, len(header)) for i, cells in enumerate(lines[1:]) if any(cells)}
    uneven = [str(i + 2) for i, cells in rows.items() if len(cells) != len(header)]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise IntakeError(f"the column {twice[0] or '(no name)'} stands twice", where=shown, fix="rename one of them")
    if uneven:
        which = f"row {uneven[0]}" if len(uneven) == 1 else f"rows {', '.join(uneven[:6])}"
        raise IntakeError(f"{which}: not as many cells as the header has ({len(header)})", where=shown,
                          fix="a cell that holds a comma needs quotation marks")
    return pd.DataFrame(list(rows.values()), index=list(rows), columns=header, dtype=str)


def _without_end(cells: list[str], least: int) -> list[str]:
    """Without the empty cells that spreadsheets leave at the end of a line."""
    filled = max((place for place, cell in enumerate(cells, 1) if cell), default=0)
    return cells[: max(filled, least)]


def apply(path: Path | None, kind: str, shown: str, function: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    """What `function` makes of a file that a town may lack.

    Raises
    ------
    NotEstimableError
        If there is no such file; otherwise as `read`.
    """
    if path is None:
        raise NotEstimableError(f"not collected: there is no {shown}")
    return function(read(path, kind, shown))


def _numeric(frame: pd.DataFrame, column: str) -> bool:
    """Whether an undeclared column is meant to hold numbers: none of the known labels, nor mostly words.

    A column without any answer holds numbers, all of them missing.
    """
    filled = frame[column][frame[column] != ""].str.normalize("NFKC")
    share = pd.to_numeric(filled, errors="coerce").notna().mean() if len(filled) else 1
    return column not in LABELS and not column.endswith(("_en", "_zh")) and bool(share > 0.5)


def _encoding(path: Path, shown: str) -> str:
    raw = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise IntakeError("neither UTF-8 nor GB18030 text", where=shown, fix="save the file as CSV UTF-8")


def _as_numbers(cells: pd.Series, bounds: tuple[float, float] | None, shown: str, faults: list[str]) -> pd.Series:
    text = cells.str.normalize("NFKC")
    numbers = pd.to_numeric(text, errors="coerce")
    wrong = numbers.isna() & (text != "")
    if bounds is not None:
        wrong |= numbers.notna() & ~numbers.between(*bounds)
    _refuse(cells, wrong, "a number" if bounds is None else f"{bounds[0]:g} to {bounds[1]:g}", shown, faults)
    return numbers


def _refuse(cells: pd.Series, wrong: pd.Series, allowed: str, shown: str, faults: list[str]) -> None:
    found = cells[wrong].items()
    faults += [f"{shown}: row {i + 2}, column {cells.name}: found '{v}'; allowed: {allowed}" for i, v in found]


def member_scores(
    measures: pd.DataFrame, instruments: dict[str, Instrument], metric: str = "sum", min_answered: float = 0.8,
    directions: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Scores of every scale for each member and wave.

    Parameters
    ----------
    measures : DataFrame
        One row per member and wave, item columns `<scale>_<nn>` as answered.
    instruments : dict of str to Instrument
        The scales to score; one without items in `measures` is left out, one with some of them only is refused
        unless they are a declared short form.
    metric, min_answered
        As in `scoring.score`.
    directions : DataFrame, optional
        scale, highest_is_agree, low, high, as the survey proved them (`scores.direction_table`): the group measures
        use the survey's form. A scale that is not in it points as its instrument says.

    Returns
    -------
    DataFrame
        Columns member, wave, then `<scale>_total` and `<scale>_<subscale>`.

    Raises
    ------
    IntakeError
        If items of a scale are missing, or an answer is out of range.
    """
    proved = {} if directions is None else directions.set_index("scale").to_dict("index")
    parts = [measures[["member", "wave"]]]
    for name, instrument in instruments.items():
        items = [f"{name}_{n:02d}" for n in instrument.scored]
        asked = [name for name in items if name in measures]
        if asked:
            known = proved.get(name, {"highest_is_agree": True, "low": instrument.min, "high": instrument.max})
            scores = score(
                measures[asked], instrument, metric=metric, min_answered=min_answered,
                highest_is_agree=bool(known["highest_is_agree"]), points=(int(known["low"]), int(known["high"])),
            )
            parts.append(scores.add_prefix(f"{name}_"))
    return pd.concat(parts, axis=1)
