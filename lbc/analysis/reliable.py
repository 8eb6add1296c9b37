"""Reliable change of single children, as it stands and corrected for regression to the mean; cut-offs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from lbc.analysis.stats import Numbers
from lbc.errors import NotEstimableError

CRITICAL = 1.96
"""Size of the reliable change index from which a change is called reliable (Jacobson & Truax 1991)."""
Direction = Literal["down", "up"]
"""Direction of improvement."""


class ReliableBar(NamedTuple):
    """Standard error of measurement, of a difference of two measurements, and the smallest reliable change."""

    se_measurement: float
    s_diff: float
    smallest: float


def reliable_bar(sd: float, reliability: float) -> ReliableBar:
    """How many points a child must change before the change exceeds measurement error (Jacobson & Truax 1991).

    Parameters
    ----------
    sd : float
        SD of the population (norm group or whole survey), not of the chosen children.
    reliability : float
        Of the scale in that population, between 0 and 1.

    Raises
    ------
    NotEstimableError
        If sd <= 0 or the reliability is outside 0..1 (exclusive).

    Examples
    --------
    >>> [round(v, 2) for v in reliable_bar(7.5, .80)]
    [3.35, 4.74, 9.3]
    """
    if not (np.isfinite(sd) and sd > 0):
        raise NotEstimableError("the standard deviation must be above zero")
    if not 0 < reliability < 1:
        raise NotEstimableError(f"a reliability lies between 0 and 1, not at {reliability:g}")
    error = float(sd * np.sqrt(1 - reliability))
    s_diff = float(np.sqrt(2)) * error
    return ReliableBar(error, s_diff, CRITICAL * s_diff)


def sign(direction: str) -> int:
    if direction not in ("down", "up"):
        raise ValueError(f"direction must be 'down' or 'up', not {direction!r}")
    return 1 if direction == "up" else -1


def clinical_cutoffs(
    mean_clinical: float, sd_clinical: float, mean_functional: float, sd_functional: float
) -> dict[str, float]:
    """Cut-offs a, b and c between a troubled and a functional population (Jacobson & Truax 1991).

    Returns
    -------
    dict
        a: two SD beyond the troubled mean; b: within two SD of the functional mean (its own SD); c: where both
        populations are equally near.

    Raises
    ------
    NotEstimableError
        If an SD is not above zero or the means are equal.

    Examples
    --------
    >>> clinical_cutoffs(40, 7.5, 60, 7.5)
    {'a': 55.0, 'b': 45.0, 'c': 50.0}
    """
    if not (sd_clinical > 0 and sd_functional > 0):
        raise NotEstimableError("both standard deviations must be above zero")
    if mean_clinical == mean_functional:
        raise NotEstimableError("the two populations have the same mean")
    towards = 1 if mean_functional > mean_clinical else -1
    return {
        "a": mean_clinical + towards * 2 * sd_clinical,
        "b": mean_functional - towards * 2 * sd_functional,
        "c": (sd_clinical * mean_functional + sd_functional * mean_clinical) / (sd_clinical + sd_functional),
    }


def reliable_change(
    pre: Numbers, post: Numbers, sd: float, reliability: float, direction: Direction = "down",
    cutoff: float | None = None, mean: float | None = None,
) -> pd.DataFrame:
    """Each member's change against measurement error.

    The corrected index asks whether the later score differs from what it would be without a change of the true score,
    M + r (pre - M), which lies nearer to the mean than pre does; its error is SD sqrt(1 - r^2).

    Parameters
    ----------
    pre, post : Series (matched by index, one entry per member) or arrays of equal length
    sd, reliability : float
        As `reliable_bar`.
    direction : {"down", "up"}
        Direction of improvement.
    cutoff : float, optional
        Clinical cut-off; adds the column `clinical`.
    mean : float, optional
        Of the same population as `sd`; adds the corrected index.

    Returns
    -------
    DataFrame, index = member
        pre, post, change, rci, class ("improved", "unchanged", "deteriorated", or "not measured" with NaN scores);
        with a mean, expected_post, rci_corrected and class_corrected; with a cut-off, clinical ("recovered": reliably
        improved and crossed to the functional side; "improved"; "unchanged"; "deteriorated"; "harmed": reliably worse
        and crossed to the troubled side).

    Raises
    ------
    NotEstimableError
        As `reliable_bar`; if nobody has both scores or a member stands twice.

    References
    ----------
    Jacobson & Truax 1991; corrected: Gulliksen, Lord and Novick's method as in Hsu 1989.
    """
    bar, towards = reliable_bar(sd, reliability), sign(direction)
    if not (isinstance(pre, pd.Series) and isinstance(post, pd.Series)):
        if len(pre) != len(post):
            raise NotEstimableError(f"{len(pre)} values before and {len(post)} after: the members cannot be matched")
        pre, post = pd.Series(list(pre), dtype=float), pd.Series(list(post), dtype=float)
    if not (pre.index.is_unique and post.index.is_unique):
        raise NotEstimableError("a member stands twice in one wave")
    table = pd.concat({"pre": pre, "post": post}, axis=1).astype(float)
    table["change"] = table["post"] - table["pre"]
    table["rci"] = table["change"] / bar.s_diff
    measured = table["change"].notna()
    if not measured.any():
        raise NotEstimableError("no member has both scores")
    better, worse = towards * table["rci"] > CRITICAL, towards * table["rci"] < -CRITICAL
    table["class"] = _classes(towards * table["rci"])
    if mean is not None:
        table["expected_post"] = mean + reliability * (table["pre"] - mean)
        table["rci_corrected"] = (table["post"] - table["expected_post"]) / (sd * np.sqrt(1 - reliability**2))
        table["class_corrected"] = _classes(towards * table["rci_corrected"])
    if cutoff is not None:
        was_troubled = towards * table["pre"] < towards * cutoff
        is_functional = towards * table["post"] > towards * cutoff
        table["clinical"] = np.select(
            [better & was_troubled & is_functional, worse & ~was_troubled & ~is_functional],
            ["recovered", "harmed"], table["class"],
        )
    return table


def _classes(index: pd.Series) -> np.ndarray:
    """Words for a reliable change index, positive being better."""
    return np.select([index.isna(), index > CRITICAL, index < -CRITICAL],
                     ["not measured", "improved", "deteriorated"], "unchanged")


def rci_band(
    pre: Numbers, post: Numbers, sd: float, reliabilities: Sequence[float], direction: Direction = "down",
    mean: float | None = None,
) -> pd.DataFrame:
    """How many members improved, stayed or deteriorated, over a range of reliabilities.

    Returns
    -------
    DataFrame
        reliability, s_diff, smallest (points), improved, unchanged, deteriorated, not_measured (counts) and, with a
        mean, improved_corrected and deteriorated_corrected.

    Raises
    ------
    NotEstimableError
        As `reliable_change`.
    """
    rows = []
    for reliability in reliabilities:
        bar = reliable_bar(sd, reliability)
        table = reliable_change(pre, post, sd, reliability, direction, mean=mean)
        counts = {name.replace(" ", "_"): int((table["class"] == name).sum())
                  for name in ("improved", "unchanged", "deteriorated", "not measured")}
        if mean is not None:
            counts |= {f"{name}_corrected": int((table["class_corrected"] == name).sum())
                       for name in ("improved", "deteriorated")}
        rows.append({"reliability": reliability, "s_diff": bar.s_diff, "smallest": bar.smallest, **counts})
    return pd.DataFrame(rows)
