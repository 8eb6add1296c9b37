"""The invariance ladder against the same four models fitted with numerical gradients."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from lbc.analysis.cfa import CfaFit
from lbc.analysis.cfa_estimation import discrepancy, starts
from lbc.analysis.invariance import ladder


def answers(n: int = 300, items: int = 16) -> pd.DataFrame:
    """Answers 1-5 of two groups of `n`, one trait, the second group .3 SD higher."""
    rng = np.random.default_rng(3)
    group = np.repeat([0, 1], n)
    trait = rng.normal(size=2 * n) + 0.3 * group
    raw = 3 + 0.8 * trait[:, None] * np.linspace(0.6, 1, items) + 0.8 * rng.normal(size=(2 * n, items))
    frame = pd.DataFrame(np.clip(np.round(raw), 1, 5), columns=[f"i{k:02d}" for k in range(1, items + 1)])
    return frame.assign(group=group)


def numerical(fits: dict[str, CfaFit]) -> list[float]:
    """Chi-square of each step by BFGS with differences, from the same starting values."""
    return [m.fit["n"] * minimize(lambda theta, m=m: discrepancy(m.model, m.samples, theta),
                                  starts(m.model, m.samples), method="BFGS").fun for m in fits.values()]


def run(rounds: int = 3) -> dict[str, float]:
    """Seconds of the whole ladder (estimates, robust tests, fit indices) and of plain numerical fits; their ratio.

    Raises
    ------
    AssertionError
        If the two disagree by .01 of chi-square: their times then mean nothing.
    """
    data = answers()
    model = "trait =~ " + " + ".join(name for name in data if name != "group")
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        fits = ladder(model, data, "group")
        times.append(time.perf_counter() - start)
    start = time.perf_counter()
    slow = numerical(fits)
    numerical_s = time.perf_counter() - start
    assert np.allclose(slow, [m.fit["chi2"] for m in fits.values()], atol=0.01), "the two ladders do not agree"
    ladder_s = float(np.median(times))
    return {"ladder_s": ladder_s, "numerical_s": numerical_s, "ratio": numerical_s / ladder_s}
