"""Repeat a study on many simulated surveys, the same numbers whatever the number of processes."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from lbc.errors import NotEstimableError

BLOCK = 50  # replications that one process does in one go, from one stream
LEVEL = 0.99  # of the Monte Carlo interval of a rate
Study = Callable[[np.random.Generator], dict[str, bool]]
"""One replication: whether each event (a rejection, an interval that covers) happened."""


class Part(NamedTuple):
    """A world and what is watched in it; `name` also seeds its stream."""

    name: str
    study: Study
    replications: int


def block(part: Part, number: int, size: int) -> tuple[pd.DataFrame, int]:
    """`size` replications from the stream of this block, and how many were refused altogether."""
    rng = np.random.default_rng([zlib.crc32(part.name.encode()), number])
    rows, refused = [], 0
    for _ in range(size):
        try:
            rows.append(part.study(rng))
        except NotEstimableError:  # counted and shown in the table: a refusal is neither a hit nor a miss
            refused += 1
    return pd.DataFrame(rows, dtype=float), refused


def interval(hits: float, n: int) -> tuple[float, float]:
    """Wilson interval of a rate."""
    found = stats.binomtest(round(hits), n).proportion_ci(LEVEL, "wilson")
    return float(found.low), float(found.high)


def rates(part: Part, pool: Executor, nominal: float) -> pd.DataFrame:
    """How often each event of a part happened, with its Monte Carlo interval.

    Returns
    -------
    DataFrame
        world, event, replications (those in which the event could be looked at), refused, rate, low, high, nominal,
        found (see `judged`).
    """
    sizes = [min(BLOCK, part.replications - start) for start in range(0, part.replications, BLOCK)]
    jobs: list[Future] = [pool.submit(block, part, number, size) for number, size in enumerate(sizes)]
    hits = pd.concat([job.result()[0] for job in jobs], ignore_index=True)
    rows = []
    for event in hits:
        seen = hits[event].dropna()
        low, high = interval(seen.sum(), len(seen))
        rows.append({"world": part.name, "event": event, "replications": len(seen),
                     "refused": part.replications - len(seen), "rate": seen.mean(), "low": low, "high": high,
                     "nominal": nominal, "found": judged(low, high, nominal)})
    return pd.DataFrame(rows)


def judged(low: float, high: float, nominal: float) -> str:
    """What a rate's Monte Carlo interval says of the rate that was promised.

    "holds" where the nominal rate lies inside; else "fails" (a test rejects too often, an interval covers too rarely)
    or "conservative" (the other way round).
    """
    if low <= nominal <= high:
        return "holds"
    return "fails" if (low > nominal) == (nominal < 0.5) else "conservative"
