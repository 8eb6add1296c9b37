"""What would have happened anyway: children chosen for high scores score lower when they are asked again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lbc.analysis.stats import Numbers, d_z, moments, pairs
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test

CURVE = 21  # points of the curve over the retest correlation
MOST_FLIPPED = 14  # chosen children up to which the simulation runs the exact test
BATCH = 2_000_000  # simulated scores kept in memory at once


def expected_fall(selected_mean: float, population_mean: float, retest: float) -> float:
    """Fall of the mean that is due to selection alone: (1 - r) (selected mean - population mean).

    Parameters
    ----------
    selected_mean, population_mean : float
        On the wave on which the children were chosen, in points.
    retest : float
        Correlation between that wave and the later one without any intervention, 0 to 1.

    Returns
    -------
    float
        Points; positive where the chosen scored above the population. Barnett et al. 2005, eq. 1 with the observed
        selected mean in place of its expectation under a normal cut-off.

    Raises
    ------
    NotEstimableError
        If the retest correlation is outside 0..1.

    Examples
    --------
    >>> round(expected_fall(56, 40, .7), 2)
    4.8
    """
    if not 0 <= retest <= 1:
        raise NotEstimableError(f"a retest correlation lies between 0 and 1, not at {retest:g}")
    return (1 - retest) * (selected_mean - population_mean)


def _beyond(before: np.ndarray, after: np.ndarray, mean: float, retest: float, level: float) -> dict[str, float]:
    """Mean of each child's score minus what retest alone predicts for that child, with its t interval."""
    m = moments(after - (mean + retest * (before - mean)))
    expected = -expected_fall(float(before.mean()), mean, retest)
    if m.sd == 0:
        raise NotEstimableError("all members changed exactly alike")
    error = m.sd / float(np.sqrt(m.n))
    half = float(stats.t.isf((1 - level) / 2, m.n - 1)) * error
    t = m.mean / error
    return {"retest": retest, "expected_change": expected, "remainder": m.mean,
            "low": m.mean - half, "high": m.mean + half, "t": t, "p": float(2 * stats.t.sf(abs(t), m.n - 1))}


def regression_to_mean(
    pre_selected: Numbers,
    post_selected: Numbers,
    population: Numbers,
    retest_low: float,
    value: float,
    high: float,
    level: float = 0.95,
) -> Result:
    """Change of children chosen for their scores, beyond the change that selection alone would bring.

    Each child's later score is compared with mu + r (score at selection - mu), mu being the population's mean; the
    mean remainder equals the observed change plus the expected fall. Its interval takes mu and r as known: read it
    together with the curve over r. It assumes that the population's mean stays where it was.

    Parameters
    ----------
    pre_selected, post_selected : Series (matched by index) or arrays of equal length
        The members at selection and later.
    population : array_like
        Scores at selection of all children from whom the members were chosen, members included.
    retest_low, value, high : float
        Plausible range of the retest correlation and the value to use, low <= value <= high.
    level : float

    Returns
    -------
    Result
        estimate: remainder in points (negative: fell more than expected) with its t interval, n - 1 df; effect: d_z
        of the remainders; test: t. extra: observed_change, expected_change, expected_fall, selected_mean,
        population_mean, population_sd, population_n, retest, naive (low, high, p of the paired t test), curve
        (DataFrame: retest, expected_change, remainder, low, high, t, p over the range).

    Raises
    ------
    NotEstimableError
        If there are fewer than two members, fewer than three children in the population, the correlations are not
        ordered within 0..1, or all members changed exactly alike.
    """
    if not 0 <= retest_low <= value <= high <= 1:
        raise NotEstimableError("the retest correlations must satisfy 0 <= low <= value <= high <= 1")
    frame = pairs(pre_selected, post_selected)
    if len(frame) < 2:
        raise NotEstimableError(f"{len(frame)} member(s) with both scores; at least 2 are needed")
    whole = moments(population, least=3, who="the population")
    before, after = frame["pre"].to_numpy(), frame["post"].to_numpy()
    at = _beyond(before, after, whole.mean, value, level)
    grid = np.unique(np.append(np.linspace(retest_low, high, CURVE), value))
    curve = pd.DataFrame([_beyond(before, after, whole.mean, float(r), level) for r in grid])
    change = moments(after - before)
    naive = {"low": None, "high": None, "p": None}
    if change.sd:
        error = change.sd / float(np.sqrt(change.n))
        half = float(stats.t.isf((1 - level) / 2, change.n - 1)) * error
        naive = {"low": change.mean - half, "high": change.mean + half,
                 "p": float(2 * stats.t.sf(abs(change.mean) / error, change.n - 1))}
    return Result(
        method="change beyond regression to the mean",
        estimate=Estimate("change beyond regression to the mean", at["remainder"], (at["low"], at["high"]), level),
        effect=d_z(after - (whole.mean + value * (before - whole.mean)), level),
        test=Test("t", at["t"], float(change.n - 1), at["p"]),
        n={"members": change.n, "population": whole.n},
        reference="Barnett et al. 2005",
        extra={
            "observed_change": change.mean, "expected_change": at["expected_change"],
            "expected_fall": -at["expected_change"], "selected_mean": float(before.mean()),
            "population_mean": whole.mean, "population_sd": whole.sd, "population_n": whole.n, "retest": value,
            "naive": naive, "curve": curve,
        },
    )


def _flip_rejects(d: np.ndarray, alpha: float) -> np.ndarray:
    """Which rows the exact two-sided sign-flip test on |sum| rejects; the first sign is fixed by symmetry."""
    k = d.shape[1]
    signs = np.where((np.arange(2 ** (k - 1))[:, None] >> np.arange(k - 1)) & 1, -1.0, 1.0)
    signs = np.hstack([np.ones((len(signs), 1)), signs])
    sums = np.abs(d @ signs.T)
    observed = np.abs(d.sum(axis=1))
    return (sums >= observed[:, None] - 1e-9).mean(axis=1) <= alpha + 1e-12


def false_positive_rate(
    population: Numbers | int, k: int, retest: float, n_sim: int, rng: np.random.Generator, alpha: float = 0.05
) -> dict[str, Any]:
    """How often tests of change "work" on the k highest scorers when nothing at all was done, by simulation.

    Scores at both waves are bivariate normal with correlation `retest` and no change of the mean.

    Parameters
    ----------
    population : array_like or int
        Scores at selection of all children (their number and SD are used), or their number (SD 1).
    k : int
        Children chosen, 2 <= k < number of children.
    retest : float
        Correlation between the waves, 0 <= r < 1.
    n_sim : int
        Simulated studies.
    rng : numpy.random.Generator
    alpha : float
        Level at which the two-sided tests reject.

    Returns
    -------
    dict
        paired_t, sign_flip (rejection rates; sign_flip None above 14 members), mc_error (of a rate of .5, the
        largest), mean_change (points), n_population, k, retest, n_sim, alpha.

    Raises
    ------
    NotEstimableError
        If k, retest or n_sim are out of range, or the population does not vary.
    """
    if isinstance(population, (int, np.integer)):
        size, sd = int(population), 1.0
    else:
        m = moments(population, least=3, who="the population")
        size, sd = m.n, m.sd
    if not 2 <= k < size:
        raise NotEstimableError(f"{k} of {size} children cannot be chosen: at least 2, and fewer than all")
    if not 0 <= retest < 1 or n_sim < 1 or sd == 0:
        raise NotEstimableError("the simulation needs 0 <= retest < 1, a spread of scores and at least one study")
    exact = k <= MOST_FLIPPED
    t_rejects = flip_rejects = 0
    change, done = 0.0, 0
    batch = max(1, BATCH // max(size, 2 ** (k - 1) if exact else 1))
    while done < n_sim:
        count = min(batch, n_sim - done)
        pre = np.partition(rng.standard_normal((count, size)), size - k, axis=1)[:, size - k :]
        d = (retest - 1) * pre + np.sqrt(1 - retest**2) * rng.standard_normal((count, k))
        t = d.mean(axis=1) / (d.std(axis=1, ddof=1) / np.sqrt(k))
        t_rejects += int((np.abs(t) > stats.t.isf(alpha / 2, k - 1)).sum())
        flip_rejects += int(_flip_rejects(d, alpha).sum()) if exact else 0
        change += float(d.mean(axis=1).sum())
        done += count
    return {
        "paired_t": t_rejects / n_sim, "sign_flip": flip_rejects / n_sim if exact else None,
        "mc_error": 0.5 / float(np.sqrt(n_sim)), "mean_change": sd * change / n_sim,
        "n_population": size, "k": k, "retest": retest, "n_sim": n_sim, "alpha": alpha,
    }
