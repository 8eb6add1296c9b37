"""What would have happened anyway: children chosen for high scores score lower when they are asked again."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from lbc.analysis.stats import Numbers, d_z, moments, pairs
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test

CURVE = 21  # points of the curve over the retest correlation


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
        estimate=Estimate("change beyond regression to the mean", at["remainder"], (at["low"], at["high"]), level,
                          "points"),
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


def _intercept_at(before: np.ndarray, after: np.ndarray, mu: float, level: float) -> dict[str, float]:
    """Expected change of a member who scores at mu, by the members' own regression line."""
    x, n = before - mu, before.size
    centred = x - x.mean()
    slope = float(centred @ after / (centred @ centred))
    residuals = after - after.mean() - slope * centred
    error = float(np.sqrt(residuals @ residuals / (n - 2) * (1 / n + x.mean() ** 2 / (centred @ centred))))
    value = float(after.mean() - slope * x.mean()) - mu
    if error < 1e-12:
        raise NotEstimableError("the members' scores lie exactly on a line")
    half = float(stats.t.isf((1 - level) / 2, n - 2)) * error
    t = value / error
    return {"mu": mu, "effect": value, "low": value - half, "high": value + half, "t": t,
            "p": float(2 * stats.t.sf(abs(t), n - 2))}


def mee_chua(pre_selected: Numbers, post_selected: Numbers, population: Numbers, level: float = 0.95) -> Result:
    """Change beyond regression to the mean without a retest correlation: the line through the members themselves.

    The later score is regressed on (score at selection - mu); without an effect the line passes through mu at mu. A
    handful of members far above mu leaves it hardly any power: a display, not a test to rely on.

    Parameters
    ----------
    pre_selected, post_selected : Series (matched by index) or arrays of equal length
    population : array_like
        Scores at selection of all children from whom the members were chosen; their mean estimates mu.

    Returns
    -------
    Result
        estimate: effect at mu with its t interval, n - 2 df; test: t. extra: curve (DataFrame: mu, effect, low, high,
        t, p, over one SD of the population around its mean), mu, mu_low, mu_high (its mean with the t interval).

    Raises
    ------
    NotEstimableError
        If there are fewer than three members, their scores at selection do not vary or lie exactly on a line with
        the later ones, or the population has fewer than three children.

    References
    ----------
    Mee & Chua 1991; shown over mu as in Ostermann et al. 2008.
    """
    frame = pairs(pre_selected, post_selected)
    before, after = frame["pre"].to_numpy(), frame["post"].to_numpy()
    if before.size < 3 or np.ptp(before) == 0:
        raise NotEstimableError("at least three members with different scores at selection are needed")
    whole = moments(population, least=3, who="the population")
    at = _intercept_at(before, after, whole.mean, level)
    grid = np.linspace(whole.mean - whole.sd, whole.mean + whole.sd, CURVE)
    half = float(stats.t.isf((1 - level) / 2, whole.n - 1)) * whole.sd / float(np.sqrt(whole.n))
    return Result(
        method="regression of the members' later scores on their first (Mee-Chua)",
        estimate=Estimate("change beyond regression to the mean", at["effect"], (at["low"], at["high"]), level,
                          "points"),
        test=Test("t", at["t"], float(before.size - 2), at["p"]), n={"members": before.size, "population": whole.n},
        reference="Mee & Chua 1991",
        extra={"curve": pd.DataFrame([_intercept_at(before, after, float(mu), level) for mu in grid]),
               "mu": whole.mean, "mu_low": whole.mean - half, "mu_high": whole.mean + half},
    )
