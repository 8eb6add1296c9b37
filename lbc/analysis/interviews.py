"""Double-coded interviews: do the coders agree, which codes stand at which level, do new interviews bring new ones.

All functions take one row per coder and segment: person, role, coder, segment, level, theme, paraphrase. Segments
are numbered anew for each person or throughout: person and segment together name a unit. Counts are persons, not
mentions; a code counts when all coders of the segment gave it the same level and theme.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from lbc.analysis.agreement import ac1, cohen_kappa, fleiss_kappa, icc_raters, krippendorff_alpha
from lbc.errors import NotEstimableError
from lbc.results import Result

__all__ = [
    "ac1", "agreement", "agreement_by_code", "by_person", "codes_by_level", "cohen_kappa", "fleiss_kappa",
    "icc_raters", "krippendorff_alpha", "new_codes", "persons_by_level",
]
COLUMNS = ("person", "role", "coder", "segment", "level", "theme", "paraphrase")
LEVELS = ("individual", "family", "school_community", "society")


def agreement(
    frame: pd.DataFrame, value: str = "theme", rng: np.random.Generator | None = None, n_boot: int = 1000,
    level: float = 0.95,
) -> Result:
    """Krippendorff's alpha of the coders over segments, before any discussion between them.

    Parameters
    ----------
    frame : DataFrame
        One row per coder and segment.
    value : {"theme", "level"}
        What was coded.
    rng : Generator, optional
        With it a percentile interval from resampled segments.
    n_boot : int
    level : float

    Returns
    -------
    Result
        n: segments, persons, coders. extra: percent_agreement and by_code (see `agreement_by_code`); with exactly two
        coders also kappa, kappa_ci, ac1, ac1_ci.

    Raises
    ------
    NotEstimableError
        If no segment was coded twice, a coder coded a segment twice, or only one code was used.
    """
    wide = _wide(frame, value)
    alpha = krippendorff_alpha(wide.to_numpy(object).T, "nominal", rng, n_boot, level)
    extra: dict[str, Any] = {"percent_agreement": _pairs_that_agree(wide)}
    if wide.shape[1] == 2:
        kappa, one = cohen_kappa(*_two(wide), level=level), ac1(*_two(wide), level=level)
        extra |= {"kappa": kappa.estimate.value, "kappa_ci": kappa.estimate.ci, "ac1": one.estimate.value,
                  "ac1_ci": one.estimate.ci}
    extra["by_code"] = agreement_by_code(frame, value, rng, n_boot, level)
    persons = wide.index[wide.notna().sum(axis=1) > 1].get_level_values("person").nunique()
    return Result(
        method=alpha.method.replace("units", "segments"), estimate=alpha.estimate, reference=alpha.reference,
        n={"segments": alpha.n["units"], "persons": persons, "coders": alpha.n["coders"]}, extra=alpha.extra | extra,
    )


def agreement_by_code(
    frame: pd.DataFrame, value: str = "theme", rng: np.random.Generator | None = None, n_boot: int = 1000,
    level: float = 0.95,
) -> pd.DataFrame:
    """Agreement on each code, as given or not given.

    A code that is rarely given can have a low kappa in spite of few disagreements; so AC1 stands beside it.

    Returns
    -------
    DataFrame
        One row per code, in order of frequency: code, given (segments to which any coder gave it), agreed (to which
        all did), percent_agreement, alpha, note, kappa and ac1 (the last two with two coders only); with `rng` also
        low and high of alpha. Where a measure is not defined it is empty and the note says why.
    """
    wide = _wide(frame, value)
    wide = wide[wide.notna().sum(axis=1) > 1]
    rows = []
    for code in pd.unique(wide.to_numpy(object)[wide.notna().to_numpy()]):
        present = (wide == code).astype(float).where(wide.notna())
        row = {"code": code, "given": int((present == 1).any(axis=1).sum()),
               "agreed": int(((present == 1) | wide.isna()).all(axis=1).sum()),
               "percent_agreement": _pairs_that_agree(present)}
        rows.append(row | _measures(present, rng, n_boot, level))
    if not rows:
        raise NotEstimableError("no segment was coded by two coders")
    return pd.DataFrame(rows).sort_values(["given", "code"], ascending=[False, True], ignore_index=True)


def codes_by_level(frame: pd.DataFrame, roles: Sequence[str] | None = None) -> pd.DataFrame:
    """How many persons speak of each theme, by ecological level.

    Parameters
    ----------
    frame : DataFrame
    roles : sequence of str, optional
        Only interviews with these (e.g. ["child"]); default: all.

    Returns
    -------
    DataFrame
        One row per level and theme: level, theme, persons (with a segment that all its coders coded so), of (persons
        interviewed), persons_either (coded so by any coder), segments, paraphrase (of the first such segment; empty
        where no coders agreed).
    """
    frame = _only(frame, roles)
    agreed, of = _agreed(frame), frame["person"].nunique()
    either = frame.dropna(subset=["level", "theme"]).groupby(["level", "theme"])["person"].nunique()
    sure = agreed.groupby(["level", "theme"]).agg(
        persons=("person", "nunique"), segments=("segment", "size"), paraphrase=("paraphrase", "first")
    )
    table = either.rename("persons_either").to_frame().join(sure).reset_index()
    table[["persons", "segments"]] = table[["persons", "segments"]].fillna(0).astype(int)
    table["paraphrase"] = table["paraphrase"].fillna("")
    table = table.assign(of=of, place=table["level"].map(_place)).sort_values(
        ["place", "persons", "persons_either", "theme"], ascending=[True, False, False, True], ignore_index=True
    )
    return table[["level", "theme", "persons", "of", "persons_either", "segments", "paraphrase"]]


def persons_by_level(frame: pd.DataFrame, roles: Sequence[str] | None = None) -> pd.DataFrame:
    """How many persons speak of anything at each ecological level.

    Returns
    -------
    DataFrame
        One row per level: level, persons, of, themes, segments.
    """
    frame = _only(frame, roles)
    table = _agreed(frame).groupby("level").agg(
        persons=("person", "nunique"), themes=("theme", "nunique"), segments=("segment", "size")
    ).reset_index()
    table.insert(2, "of", frame["person"].nunique())
    return table.sort_values("level", key=lambda names: names.map(_place), kind="stable", ignore_index=True)


def by_person(frame: pd.DataFrame) -> pd.DataFrame:
    """What each interview holds: private, since it has a row per person.

    Returns
    -------
    DataFrame
        One row per person in order of interview: person, role, segments, agreed (segments coded alike), themes, and
        one column per level with its number of themes.
    """
    agreed = _agreed(frame)
    people = frame.groupby("person", sort=False).agg(role=("role", "first"), segments=("segment", "nunique"))
    counts = agreed.groupby("person").agg(agreed=("segment", "size"), themes=("theme", "nunique"))
    levels = agreed.groupby(["person", "level"])["theme"].nunique().unstack()
    table = people.join(counts).join(levels[sorted(levels, key=_place)])
    table[table.columns[1:]] = table[table.columns[1:]].fillna(0).astype(int)
    return table.reset_index()


def new_codes(frame: pd.DataFrame, roles: Sequence[str] | None = None) -> pd.DataFrame:
    """How many new themes each further interview brings, in the order of the file (Guest, Namey & Chen 2020).

    Returns
    -------
    DataFrame
        One row per interview: order (1, 2, ...), themes (in it), new (never met before), cumulative, share (of all
        themes).
    """
    frame = _only(frame, roles)
    themes = _agreed(frame).groupby("person")["theme"].agg(set)
    met: set[str] = set()
    rows = []
    for order, person in enumerate(frame["person"].unique(), start=1):
        own = themes.get(person, set())
        rows.append({"order": order, "themes": len(own), "new": len(own - met)})
        met |= own
    table = pd.DataFrame(rows)
    table["cumulative"] = table["new"].cumsum()
    return table.assign(share=table["cumulative"] / max(len(met), 1))


def _only(frame: pd.DataFrame, roles: Sequence[str] | None) -> pd.DataFrame:
    if absent := [name for name in COLUMNS if name not in frame]:
        raise NotEstimableError(f"the interviews have no column {', '.join(absent)}")
    chosen = frame if roles is None else frame[frame["role"].isin(list(roles))]
    if chosen.empty:
        raise NotEstimableError("there are no interviews" + (f" with {', '.join(roles)}" if roles else ""))
    return chosen


def _wide(frame: pd.DataFrame, value: str) -> pd.DataFrame:
    """Units (person, segment) by coders."""
    _only(frame, None)
    unit = ["person", "segment", "coder"]
    twice = frame[frame.duplicated(unit)]
    if len(twice):
        person, segment, coder = twice[unit].iloc[0]
        raise NotEstimableError(f"coder {coder} coded segment {segment} of {person} twice")
    return frame.set_index(unit)[value].unstack("coder").sort_index()


def _two(wide: pd.DataFrame) -> tuple[list[Any], list[Any]]:
    first, second = wide.columns
    return wide[first].tolist(), wide[second].tolist()


def _pairs_that_agree(wide: pd.DataFrame) -> float:
    """Share of pairs of coders who gave a segment the same code, over segments coded twice."""
    codes = wide[wide.notna().sum(axis=1) > 1]
    same = pairs = 0
    for i, first in enumerate(codes):
        for second in list(codes)[i + 1:]:
            both = codes[[first, second]].dropna()
            same, pairs = same + int((both[first] == both[second]).sum()), pairs + len(both)
    return same / pairs if pairs else float("nan")


def _measures(
    present: pd.DataFrame, rng: np.random.Generator | None, n_boot: int, level: float
) -> dict[str, Any]:
    """Alpha, kappa and AC1 of one code, or the reason why there are none."""
    found: dict[str, Any] = {"alpha": np.nan, "note": ""}
    try:
        alpha = krippendorff_alpha(present.to_numpy(object).T, "nominal", rng, n_boot, level)
        found["alpha"] = alpha.estimate.value
        if alpha.estimate.ci:
            found["low"], found["high"] = alpha.estimate.ci
        elif rng is not None:
            found["note"] = "given too rarely for an interval"
        if present.shape[1] == 2:
            found["kappa"] = cohen_kappa(*_two(present), level=level).estimate.value
            found["ac1"] = ac1(*_two(present), level=level).estimate.value
    except NotEstimableError as reason:
        found["note"] = str(reason)
    return found


def _agreed(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per segment whose coders all gave the same level and theme (or whose only coder did)."""
    codes = frame.groupby(["person", "segment"], sort=False)
    alike = frame["level"].notna() & frame["theme"].notna()
    for value in ("level", "theme"):
        alike &= codes[value].transform("nunique", dropna=False) == 1
    return frame[alike].drop_duplicates(["person", "segment"])


def _place(level: str) -> int:
    """Ecological levels from the child outwards; unknown ones last."""
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)
