"""Permutation tests of two groups that keep their level when the groups differ in spread: t is studentised.

Children may be shuffled freely, or only within their classes; then what classes have in common cannot decide.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from lbc.analysis.effects import snap
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test

AT_ONCE = 1000  # shuffles held in memory at a time
CHANCE = "P(X < Y) + P(X = Y) / 2"


class _Children(NamedTuple):
    """Values sorted by class, then by size, with what does not change when the marks are shuffled."""

    y: np.ndarray
    focal: np.ndarray
    codes: np.ndarray
    starts: np.ndarray
    low: np.ndarray
    high: np.ndarray


def _sorted(y: np.ndarray, focal: np.ndarray, codes: np.ndarray) -> _Children:
    """Children of the classes that hold both groups; [low, high) are the places of all who tie with a child."""
    inside, size = np.bincount(codes, focal), np.bincount(codes)
    rows = np.flatnonzero(((inside > 0) & (inside < size))[codes])
    if not rows.size:
        raise NotEstimableError("no class has children of both groups")
    rows = rows[np.lexsort((y[rows], codes[rows]))]
    y, codes = y[rows], codes[rows]
    first = np.r_[True, np.diff(codes) != 0]
    new = first | np.r_[True, np.diff(y) != 0]
    edges = np.r_[np.flatnonzero(new), y.size]
    tie = np.cumsum(new) - 1
    starts = np.flatnonzero(first)
    return _Children(y, focal[rows], np.cumsum(first) - 1, starts, edges[tie], edges[tie + 1])


def _statistics(c: _Children, marks: np.ndarray, ranks: bool) -> tuple[np.ndarray, np.ndarray]:
    """Difference and standard error for each row of `marks` (shuffles, children), 1 for the focal group.

    With `ranks` a child's value is its placement: the share of the other group, in the same class, that it exceeds.
    Classes are weighted by n m / (n + m), as in a regression with class effects (and nearly as van Elteren 1960).
    """
    size = np.diff(np.r_[c.starts, c.y.size])
    n = np.add.reduceat(c.focal, c.starts).astype(float)
    m = size - n
    if ranks:
        below = np.concatenate([np.zeros((len(marks), 1)), np.cumsum(marks, axis=1)], axis=1)
        own = (below[:, c.low] + below[:, c.high]) / 2 - below[:, c.starts][:, c.codes]
        all_ = (c.low + c.high) / 2 - c.starts[c.codes]
        values = np.where(marks > 0, (all_ - own) / m[c.codes], own / n[c.codes]) - 0.5
    else:
        values = (c.y - (np.add.reduceat(c.y, c.starts) / size)[c.codes])[None, :]
    powers = values, values**2
    parts = [np.add.reduceat(marks * power, c.starts, axis=1) for power in powers]
    rest = [np.add.reduceat(power, c.starts, axis=1) - part for power, part in zip(powers, parts, strict=True)]
    variance = sum(
        np.maximum(squares - total**2 / k, 0) / np.maximum(k - 1, 1) / k
        for k, (total, squares) in ((n, parts), (m, rest))
    )
    weight = n * m / size / (n * m / size).sum()
    difference = parts[0] / n - (0 if ranks else rest[0] / m)
    error = np.sqrt(variance @ weight**2)
    return difference @ weight, np.where(error > 1e-12 * np.abs(values).max(), error, 0.0)


def _shuffled(c: _Children, rng: np.random.Generator, k: int) -> np.ndarray:
    """k rows of marks, shuffled within each class."""
    marks = np.tile(c.focal, (k, 1))
    for start, end in pairwise([*c.starts, c.y.size]):
        marks[:, start:end] = rng.permuted(marks[:, start:end], axis=1)
    return marks.astype(float)


def permuted(
    y: np.ndarray, focal: np.ndarray, rng: np.random.Generator, ranks: bool = False,
    classes: np.ndarray | None = None, n: int = 10_000, level: float = 0.95,
) -> Result:
    """Studentised permutation test: Welch's t (Chung & Romano 2013) or Brunner-Munzel's (Neubert & Brunner 2007).

    Dividing by the standard error makes the test right for equal means (or P = 1/2) also where the groups differ in
    spread, and exact where they differ in nothing.

    Parameters
    ----------
    y : ndarray, shape (children,)
        Scores, none missing.
    focal : ndarray of bool, shape (children,)
        Who is in the group of interest; the others are the reference group.
    rng : numpy.random.Generator
    ranks : bool
        Brunner-Munzel's statistic: how often a focal child exceeds one of the reference group.
    classes : ndarray, shape (children,), optional
        Shuffle within classes only; both the estimate and the test then compare children of one class, and classes
        without both groups do not count.
    n : int
        Number of shuffles.
    level : float

    Returns
    -------
    Result
        estimate: mean difference (focal minus reference) or chance, with the interval that the same shuffles give
        (Pauly, Asendorf & Konietschke 2016); test: t with p = (1 + as extreme) / (1 + n) (Phipson & Smyth 2010);
        n: x the focal, y the reference children, and the classes that hold both.

    Raises
    ------
    NotEstimableError
        If a group has fewer than two children, no class holds both groups, or nothing varies.

    Examples
    --------
    >>> y, focal = np.array([1.0, 2, 3, 4, 6, 7, 8, 9]), np.arange(8) > 3
    >>> result = permuted(y, focal, np.random.default_rng(1), n=2000)
    >>> round(result.test.statistic, 3), result.test.p < .06
    (5.477, True)
    """
    y, focal = np.asarray(y, dtype=float), np.asarray(focal, dtype=bool)
    sizes = int(focal.sum()), int((~focal).sum())
    if min(sizes) < 2:
        raise NotEstimableError(f"groups of {sizes[0]} and {sizes[1]} children; at least 2 in each are needed")
    codes = np.zeros(y.size, dtype=int) if classes is None else pd.factorize(np.asarray(classes))[0]
    c = _sorted(snap(y) if ranks else y, focal, codes)
    (difference,), (error,) = _statistics(c, c.focal[None, :].astype(float), ranks)
    if error == 0:
        raise NotEstimableError("the groups do not overlap, or all values are the same" if ranks else
                                "neither group varies")
    t, drawn = difference / error, []
    for k in range(0, n, AT_ONCE):
        d, se = _statistics(c, _shuffled(c, rng, min(AT_ONCE, n - k)), ranks)
        drawn.append(np.divide(np.abs(d), se, out=np.where(np.abs(d) > 1e-12, np.inf, 0.0), where=se > 0))
    found = np.sort(np.concatenate(drawn))
    quantile = found[min(n, int(np.ceil(level * (n + 1)))) - 1]
    value = float(difference + 0.5 * ranks)
    ends = (float(value - quantile * error), float(value + quantile * error)) if np.isfinite(quantile) else None
    within = "" if classes is None else " within classes"
    counts = {"x": int(c.focal.sum()), "y": int((~c.focal).sum())}
    return Result(
        method=("permuted Brunner-Munzel test" if ranks else "studentised permutation of Welch's t") + within,
        estimate=Estimate(CHANCE if ranks else "mean difference", value, ends, level),
        test=Test("Brunner-Munzel permutation t" if ranks else "studentised permutation t", float(t), None,
                  float((1 + (found >= abs(t) * (1 - 1e-9)).sum()) / (1 + n))),
        n=counts if classes is None else counts | {"classes": len(c.starts)},
        reference="Neubert & Brunner 2007" if ranks else "Chung & Romano 2013",
    )
