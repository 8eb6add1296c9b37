"""Randomisation inference: what the same comparison gives for other sets of children who could have been chosen."""

from __future__ import annotations

from math import comb

import numpy as np
import pandas as pd

from lbc.analysis.stats import snap
from lbc.analysis.untreated import marked
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test

NEAREST = 40
"""Untreated children nearest in baseline score from whom a member's stand-in is drawn."""
DRAWS = 4999
BATCH = 4_000_000  # numbers kept in memory at once


def neighbours(pre: np.ndarray, others: np.ndarray, nearest: int) -> np.ndarray:
    """Positions of the `nearest` others by baseline score, for each treated child; shape (treated, nearest)."""
    return np.argsort(np.abs(others[None, :] - pre[:, None]), axis=1, kind="stable")[:, :nearest]


def _compared(pre: np.ndarray, post: np.ndarray, sets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Adjusted difference of each set from everybody else (post ~ pre + in the set), and its HC2 standard error."""
    n, x = pre.size, pre - pre.mean()
    sxx = float(x @ x)
    residuals = post - post.mean() - (x @ post / sxx) * x
    values, errors, step = [], [], max(1, BATCH // n)
    for part in (sets[i : i + step] for i in range(0, len(sets), step)):
        inside = np.zeros((len(part), n))
        np.put_along_axis(inside, part, 1.0, axis=1)
        inside -= part.shape[1] / n + np.outer(inside @ x / sxx, x)  # the indicator, freed of the baseline
        size = np.maximum((inside**2).sum(axis=1), 1e-9)
        value = inside @ residuals / size
        rest = 1 - 1 / n - x**2 / sxx - inside**2 / size[:, None]
        left = residuals - value[:, None] * inside
        values.append(value)
        errors.append(np.sqrt((inside**2 * left**2 / np.maximum(rest, 1e-9)).sum(axis=1)) / size)
    return np.concatenate(values), np.concatenate(errors)


def _sizes(values: np.ndarray, errors: np.ndarray, scale: float) -> np.ndarray:
    """|t| of each set: 0 without a difference, infinite for a difference without error."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.abs(snap(values, scale)) / snap(errors, scale), nan=0.0, posinf=np.inf)


def placebo_sets(
    frame: pd.DataFrame, pre: str, post: str, treated: str, rng: np.random.Generator, nearest: int = NEAREST,
    draws: int = DRAWS, level: float = 0.95,
) -> Result:
    """The members' adjusted difference among those of untreated sets with about the same baseline scores.

    Every placebo set holds as many untreated children as there are members, each drawn from the `nearest` untreated
    in baseline score of one member, nobody twice. Members and sets are compared with the (other) untreated children
    by ANCOVA; since a set farther out is compared less precisely, t (HC2) and not the difference is ranked.

    Parameters
    ----------
    frame, pre, post, treated
        As `untreated.ancova`.
    nearest, draws : int
        Width of the choice, and sets drawn; a set that comes up twice counts once.

    Returns
    -------
    Result
        estimate: adjusted difference with the interval of all effects that would not be rejected (None with too few
        sets); test: p = (1 + sets at least as extreme) / (1 + sets). n: treated, untreated, sets. extra: possible
        (how many sets there are; None where members do not share their neighbours), smallest_p, farthest (largest
        distance in baseline between a member and a possible stand-in), mean_treated, mean_sets (of the baseline).

    Raises
    ------
    NotEstimableError
        If there are fewer than two members, fewer than four untreated children more than members, or the scores of
        the untreated do not vary.

    References
    ----------
    In the manner of Abadie, Diamond & Hainmueller 2010 (placebo studies); p: Phipson & Smyth 2010.
    """
    data, _ = marked(frame, pre, post, treated)
    t, c = (data.loc[data["treated"] == value, ["pre", "post"]].to_numpy().T for value in (1.0, 0.0))
    k, n = t.shape[1], c.shape[1]
    if n < k + 4:
        raise NotEstimableError(f"{n} untreated children are too few to form other sets of {k}")
    if (sd := float(c[0].std(ddof=1))) == 0 or np.ptp(c[1]) == 0:
        raise NotEstimableError("the scores of the untreated children do not vary")
    near = neighbours(t[0], c[0], max(k, nearest))
    sets, taken = np.empty((draws, k), dtype=np.int64), np.zeros((draws, n), dtype=bool)
    for place, member in enumerate(rng.permutation(k)):
        lots = np.where(taken[:, near[member]], np.inf, rng.random((draws, near.shape[1])))
        sets[:, place] = near[member][lots.argmin(axis=1)]
        np.put_along_axis(taken, sets[:, [place]], True, axis=1)
    sets = np.unique(np.sort(sets, axis=1), axis=0)
    scale = float(np.abs(data["post"]).max())
    sizes = _sizes(*_compared(*c, sets), scale)
    whole = data.sort_values("treated", ascending=False)[["pre", "post"]].to_numpy().T
    value, error = _compared(*whole, np.arange(k)[None, :])
    size = float(_sizes(value, error, scale)[0])
    value, error = float(value[0]), float(error[0])
    rank = int(np.floor((1 - level) * (1 + sizes.size) + 1e-9))
    limit = float(np.sort(sizes)[-rank]) * error if rank else np.inf
    pool = np.unique(near)
    return Result(
        method=f"placebo sets of the {near.shape[1]} nearest untreated children, ANCOVA",
        estimate=Estimate("adjusted difference", value,
                          (value - limit, value + limit) if np.isfinite(limit) else None, level, "points"),
        effect=Estimate("adjusted difference / baseline SD", value / sd, None, level),
        test=Test("placebo sets", float(np.copysign(size, value)), None,
                  (1 + int((sizes >= size * (1 - 1e-9)).sum())) / (1 + sizes.size)),
        n={"treated": k, "untreated": n, "sets": len(sets)},
        reference="Abadie, Diamond & Hainmueller 2010; Phipson & Smyth 2010",
        extra={
            "possible": comb(pool.size, k) if pool.size == near.shape[1] else None,
            "smallest_p": 1 / (1 + sizes.size), "farthest": float(np.abs(c[0][near] - t[0][:, None]).max()),
            "mean_treated": float(t[0].mean()), "mean_sets": float(c[0][sets].mean()),
        },
    )
