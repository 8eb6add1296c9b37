"""Exact tests of a case whose start of treatment was drawn by lot; without a lot their p values mean nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from itertools import permutations
from typing import Any

import numpy as np

from lbc.analysis.nonoverlap import SIGN, Direction
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test

MOST_ASSIGNMENTS = 1_000_000


def randomization_test(
    series: Mapping[str, Any], starts: Mapping[str, int], direction: Direction, limit: int = 5,
    drawn: Sequence[int] | None = None,
) -> Result:
    """Exact test of mean(B) - mean(A) when the first treatment point of each case was drawn at random.

    Only if it was: without a drawn start the p value means nothing (Edgington & Onghena 2007).

    Parameters
    ----------
    series : dict of str to array-like
        Case to all its points in order.
    starts : dict of str to int
        Case to its number of baseline points.
    direction : {"down", "up"}
    limit : int
        Smallest number of points allowed in a phase when the start was drawn.
    drawn : sequence of int, optional
        Numbers of baseline points among which lot decided; default: all that leave `limit` points in both phases.

    Returns
    -------
    Result
        One-sided p: share of all combinations of starts with at least the observed mean difference, improvement
        positive. extra: assignments (their number), by_case (case to all its differences), distribution.

    Raises
    ------
    NotEstimableError
        If a point is missing, an observed start could not have been drawn, or there are more than a million
        combinations.

    References
    ----------
    Edgington & Onghena 2007.
    """
    by_case, places = {}, {}
    for name, y in _complete(series, direction).items():
        allowed = range(limit, len(y) - limit + 1) if drawn is None else sorted({k for k in drawn if 0 < k < len(y)})
        if starts[name] not in allowed:
            raise NotEstimableError(f"{name}: with {len(y)} points a start after {starts[name]} could not be drawn")
        places[name] = list(allowed).index(starts[name])
        by_case[name] = np.array([y[k:].mean() - y[:k].mean() for k in allowed])
    assignments = int(np.prod([float(len(values)) for values in by_case.values()]))
    if assignments > MOST_ASSIGNMENTS:
        raise NotEstimableError(f"{assignments} combinations of starts are too many")
    distribution = reduce(np.add.outer, by_case.values()).ravel() / len(by_case)
    observed = float(np.mean([by_case[name][places[name]] for name in by_case]))
    extra = {"by_case": by_case, "assignments": assignments, "distribution": distribution}
    return _randomized("randomization test of starts", "Edgington & Onghena 2007", observed, len(by_case), extra)


def multiple_baseline_test(
    series: Mapping[str, Any], starts: Mapping[str, int], direction: Direction,
    statistic: Callable[[np.ndarray], float] = np.mean,
) -> Result:
    """Exact test when staggered starts were dealt to the cases at random (Wampold & Worsham 1986).

    Parameters are those of `randomization_test`; `statistic` summarises a phase (np.mean or np.median). The extra
    `distribution` begins with the observed assignment.
    """
    turned = _complete(series, direction)
    lengths = [starts[name] for name in turned]
    if max(lengths) >= min(len(y) for y in turned.values()) or min(lengths) < 1:
        raise NotEstimableError("every start must leave each case at least one point in both phases")
    if len(turned) > 9:
        raise NotEstimableError(f"{len(turned)} cases have too many orders")
    distribution = np.array([
        np.mean([statistic(y[k:]) - statistic(y[:k]) for y, k in zip(turned.values(), dealt, strict=True)])
        for dealt in permutations(lengths)
    ])
    extra = {"assignments": len(distribution), "distribution": distribution}
    return _randomized(
        "randomization test of staggered starts", "Wampold & Worsham 1986", float(distribution[0]), len(turned), extra
    )


def _complete(series: Mapping[str, Any], direction: Direction) -> dict[str, np.ndarray]:
    turned = {name: SIGN[direction] * np.asarray(values, float) for name, values in series.items()}
    if gaps := [name for name, y in turned.items() if np.isnan(y).any()]:
        raise NotEstimableError(f"{', '.join(gaps)}: a randomization test needs every point")
    return turned


def _randomized(method: str, reference: str, observed: float, cases: int, extra: dict[str, Any]) -> Result:
    p = float((extra["distribution"] >= observed - 1e-10).mean())
    return Result(
        method=method, estimate=Estimate("mean difference", observed), n={"cases": cases}, reference=reference,
        test=Test("randomization, one-sided", observed, None, p), extra=extra,
    )
