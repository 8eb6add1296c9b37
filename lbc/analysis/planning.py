"""What a planned survey and case log can detect, before any child was asked; the group is in `planning_groups`.

Scores are normal with SD 1, so effects are in standard deviations. An effect moves every focal child, or every
member, alike: it then moves the estimate by exactly as much and leaves its error alone, so that one set of simulated
studies serves every size of effect.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from lbc.analysis.change import reliable_bar
from lbc.analysis.single_case import adequacy, randomization_test
from lbc.errors import NotEstimableError

POWER = 0.8
SIZES = (0.1, 0.2, 0.3, 0.4, 0.5)
SHORTEST = 5  # points that a phase must have (Kratochwill et al. 2013)


class Studies(NamedTuple):
    """Simulated studies without an effect: estimate, standard error and degrees of freedom of each."""

    value: np.ndarray
    se: np.ndarray
    df: np.ndarray

    def half_width(self, alpha: float) -> np.ndarray:
        """Half of each study's 1 - alpha interval: what an estimate must exceed to be significant."""
        return stats.t.isf(alpha / 2, self.df) * self.se

    def rejects(self, effect: float, alpha: float) -> float:
        """Share of the studies whose two-sided test rejects; at no effect the rate of false positives."""
        return float((np.abs(self.value + effect) > self.half_width(alpha)).mean())

    def detectable(self, alpha: float, power: float = POWER) -> float:
        """Smallest effect found in the right direction by the share `power` of the studies."""
        return float(np.quantile(self.half_width(alpha) - self.value, power))


def two_means(n: np.ndarray, sums: np.ndarray) -> Studies:
    """Second group minus first with CR2 standard error and Satterthwaite df, for many studies at once.

    The same numbers as `regression.cluster_robust` of the outcome on the group, in closed form: within a class the
    adjustment of Bell & McCaffrey (2002) multiplies the residuals of a group by 1 / sqrt(1 - its share of the group).

    Parameters
    ----------
    n, sums : ndarray, shape (2, studies, classes)
        Children and their summed scores, by group.
    """
    size = n.sum(axis=2)
    mean = sums.sum(axis=2) / size
    residual = sums - n * mean[..., None]
    own = n / size[..., None]
    a = 1 / np.sqrt(1 - own)
    scores = residual * a / size[..., None]
    w = own * a * np.array([-1.0, 1.0])[:, None, None]
    spread = (own * a**2 / size[..., None]).sum(axis=0)
    shared = (w**2 / size[..., None]).sum(axis=0)
    between = np.einsum("ibg,jbg->ijb", w, w) ** 2 / (size[:, None] * size[None, :])
    squares = (spread**2 - 2 * spread * shared).sum(axis=1) + between.sum(axis=(0, 1))
    df = (spread - shared).sum(axis=1) ** 2 / squares
    return Studies(mean[1] - mean[0], np.sqrt(((scores[1] - scores[0]) ** 2).sum(axis=1)), df)


def survey_studies(
    children: int, classes: int, icc: float, share: float, share_icc: float, n_sim: int, rng: np.random.Generator
) -> Studies:
    """Surveys of children in classes of about equal size, without a difference between the groups.

    Parameters
    ----------
    children, classes : int
    icc : float
        Share of the outcome's variance that lies between classes.
    share, share_icc : float
        Share of focal children in the whole survey, and how much it differs between classes (ICC).
    n_sim : int
    rng : numpy.random.Generator

    Raises
    ------
    NotEstimableError
        If too few children of one group are expected for a test.
    """
    sizes = np.full(classes, children // classes) + (np.arange(classes) < children % classes)
    chance: Any = share
    if share_icc:
        weight = (1 - share_icc) / share_icc
        chance = rng.beta(share * weight, (1 - share) * weight, (n_sim, classes))
    focal = rng.binomial(sizes, chance, (n_sim, classes))
    n = np.stack([sizes - focal, focal]).astype(float)
    usable = ((n.sum(axis=2) >= 2) & (n.max(axis=2) < n.sum(axis=2))).all(axis=0)
    if usable.mean() < 0.99:
        raise NotEstimableError(f"{children} children in {classes} classes are too few to compare two groups")
    own = rng.standard_normal(n.shape) * np.sqrt((1 - icc) * n)
    return two_means(n[:, usable], (n * rng.standard_normal((n_sim, classes)) * np.sqrt(icc) + own)[:, usable])


def survey_power(
    children: int, classes: int, icc: float, share: float, share_icc: float, sd: float, n_sim: int,
    rng: np.random.Generator, alpha: float = 0.05, smallest: float | None = None,
) -> pd.DataFrame:
    """What the comparison of two groups (CR2 by class, Satterthwaite df) can detect: as planned, half, and double.

    Parameters
    ----------
    sd : float
        SD of the outcome in points.
    alpha : float
        Two-sided.
    smallest : float, optional
        Difference in points below which the groups count as practically equal.
    others
        As `survey_studies`.

    Returns
    -------
    DataFrame
        One row for half, all and double the classes: children, classes, deff_mean (1 + (class size - 1) ICC),
        deff_difference (variance of the simulated difference over that of unclustered children), df (median),
        power_1 ... power_5 (for .1 to .5 SD), detectable and half_width (SD; at 80 % power; median), the same in
        points and, with `smallest`, p_equivalent (chance that the 90 % interval stays within it, without difference).

    Raises
    ------
    NotEstimableError
        As `survey_studies`, for the planned size; a half that is too small is left out.
    """
    rows = []
    for times in (0.5, 1.0, 2.0):
        n, k = round(children * times), max(2, round(classes * times))
        try:
            studies = survey_studies(n, k, icc, share, share_icc, n_sim, rng)
        except NotEstimableError:
            if times < 1:
                continue
            raise
        found, half = studies.detectable(alpha), float(np.median(studies.half_width(alpha)))
        row = {"children": n, "classes": k, "deff_mean": 1 + (n / k - 1) * icc,
               "deff_difference": float(studies.value.var()) * n * share * (1 - share),
               "df": float(np.median(studies.df))}
        row |= {f"power_{10 * d:.0f}": studies.rejects(d, alpha) for d in SIZES}
        row |= {"detectable": found, "detectable_points": sd * found, "half_width": half, "half_points": sd * half}
        if smallest is not None:
            reach = np.abs(studies.value) + studies.half_width(2 * alpha)
            row["p_equivalent"] = float((reach < smallest / sd).mean())
        rows.append(row)
    return pd.DataFrame(rows)


def case_plan(baseline: int, treatment: int, members: int, alpha: float = 0.05) -> pd.DataFrame:
    """What the points of a case log allow, for one to three logs (child, family, peers) with starts drawn by lot.

    Returns
    -------
    DataFrame
        logs, n_baseline, n_phase, adequate (`single_case.adequacy`), starts (that could be drawn, each phase keeping
        five points), smallest_p (of `single_case.randomization_test`; empty where the planned start could not be
        drawn), needed (points of each log in all for p <= alpha) and z_needed (how far the case must lie from the
        other members for `change.crawford_howell` to call it unusual, SD).
    """
    n, rows = baseline + treatment, []
    for logs in (1, 2, 3):
        series = {str(i): np.repeat([0.0, 1.0], [baseline, treatment]) for i in range(logs)}
        try:
            p = randomization_test(series, dict.fromkeys(series, baseline), "up", SHORTEST).test.p
        except NotEstimableError:
            p = np.nan
        rows.append({
            "logs": logs, "n_baseline": baseline, "n_phase": treatment,
            "adequate": adequacy(min(baseline, treatment)), "starts": max(0, n - 2 * SHORTEST + 1), "smallest_p": p,
            "needed": int(np.ceil(round(alpha ** (-1 / logs), 9))) + 2 * SHORTEST - 1,
            "z_needed": float(stats.t.isf(alpha / 2, members - 2) * np.sqrt(members / (members - 1))),
        })
    return pd.DataFrame(rows)


def bars(sd: float, reliabilities: tuple[float, ...]) -> pd.DataFrame:
    """Points by which a child must change to exceed measurement error (`change.reliable_bar`).

    Returns
    -------
    DataFrame
        reliability, se (points, of one measurement), smallest (points).
    """
    found = {r: reliable_bar(sd, r) for r in sorted(set(reliabilities))}
    return pd.DataFrame([{"reliability": r, "se": bar.se_measurement, "smallest": bar.smallest}
                         for r, bar in found.items()])
