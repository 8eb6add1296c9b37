"""Studies in which nothing was done, simulated: how often each test of the chosen children "finds" an effect."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.polynomial import hermite_e
from scipy import optimize, stats

from lbc.analysis.stats import Numbers, moments
from lbc.errors import NotEstimableError
from lbc.params import Intervention
from lbc.results import Estimate, Result

MOST_FLIPPED = 14  # chosen children up to which the simulation runs the exact tests
BATCH = 2_000_000  # simulated numbers kept in memory at once
TERMS = 30  # of the Hermite series that links the normal scores' correlation with the totals'
STUDIES = 2000  # simulated for each retest correlation: a rate of .5 is then known to 1 point (standard error)
RETESTS = (0.5, 0.6, 0.7, 0.8, 0.9)
TESTS = ("paired_t", "sign_flip", "wilcoxon", "did", "hc3", "ancova")


class TwoWaves:
    """Scores at two waves with the distribution of a survey and a given retest correlation (Gaussian copula).

    Both waves have the survey's own distribution (its floor, skew and ties), so that nobody changes on average.

    Parameters
    ----------
    totals : array_like or None
        Scores of the survey; None for a normal distribution with SD 1.
    """

    def __init__(self, totals: Numbers | None) -> None:
        self.sorted = None if totals is None else np.sort(np.asarray(pd.Series(totals).dropna(), dtype=float))

    def scores(self, normal: np.ndarray) -> np.ndarray:
        """The scores that stand at the place of these normal deviates."""
        if self.sorted is None:
            return normal
        size = self.sorted.size
        return self.sorted[np.minimum((stats.norm.cdf(normal) * size).astype(int), size - 1)]

    @cached_property
    def _series(self) -> np.ndarray:
        """Shares of the totals' variance that lie in each Hermite polynomial of the normal deviates."""
        edges = stats.norm.ppf(np.arange(1, self.sorted.size) / self.sorted.size)
        jumps = np.diff(self.sorted) * stats.norm.pdf(edges)
        squares = [(jumps * hermite_e.hermeval(edges, [0] * k + [1])).sum() ** 2 / math.factorial(k + 1)
                   for k in range(TERMS)]
        return np.array(squares) / self.sorted.var()

    def normal_correlation(self, retest: float) -> float:
        """Correlation of the normal deviates that gives the scores the correlation `retest`."""
        if self.sorted is None or retest <= 0:
            return retest
        powers, most = np.arange(1, TERMS + 1), float(self._series.sum())
        return 1.0 if retest >= most else float(optimize.brentq(
            lambda rho: float((self._series * rho**powers).sum()) - retest, 0, 1))

    def draw(self, studies: int, size: int, retest: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Both waves of several surveys, each of shape (studies, size)."""
        rho = self.normal_correlation(retest)
        first, new = rng.standard_normal((2, studies, size))
        return self.scores(first), self.scores(rho * first + np.sqrt(1 - rho**2) * new)


def flip_rejects(d: np.ndarray, alpha: float) -> np.ndarray:
    """Which rows the exact two-sided sign-flip test on |sum| rejects; the first sign is fixed by symmetry."""
    k = d.shape[1]
    signs = np.where((np.arange(2 ** (k - 1))[:, None] >> np.arange(k - 1)) & 1, -1.0, 1.0)
    signs = np.hstack([np.ones((len(signs), 1)), signs])
    sums, observed = np.abs(d @ signs.T), np.abs(d.sum(axis=1))
    return (sums >= observed[:, None] - 1e-9).mean(axis=1) <= alpha + 1e-12


def _ranked(d: np.ndarray) -> np.ndarray:
    """Signed mid-ranks of the changes, zeros dropped: flipping their signs is the exact Wilcoxon test."""
    sizes = np.where(d == 0, np.inf, np.abs(d))
    return np.where(d == 0, 0.0, np.sign(d) * stats.rankdata(sizes, axis=1))


def ancova_p(pre: np.ndarray, post: np.ndarray, treated: np.ndarray) -> dict[str, np.ndarray]:
    """p of `untreated.ancova` in many studies at once: HC3 with n - 3 df, and HC2 with Bell and McCaffrey's df.

    Parameters
    ----------
    pre, post, treated : ndarray, shape (studies, children)

    Returns
    -------
    dict
        hc3, ancova (the primary one), each of shape (studies,).
    """
    n = pre.shape[1]
    x = np.stack([np.ones_like(pre), pre - pre.mean(axis=1, keepdims=True), treated], axis=2)
    inverse = np.linalg.pinv(np.einsum("sni,snj->sij", x, x), rcond=1e-12, hermitian=True)
    coef = np.einsum("sij,snj,sn->si", inverse, x, post, optimize=True)
    residuals = post - np.einsum("sni,si->sn", x, coef)
    half = np.einsum("sni,si->sn", x, inverse[:, :, 2])
    rest = 1 - np.einsum("sni,sij,snj->sn", x, inverse, x, optimize=True)
    # Bell & McCaffrey: tr(G)^2 / tr(GG), G = W (I - H) W with W = diag(half / sqrt(rest)); H has rank 3
    weight = half**2 / rest
    inner = np.einsum("sni,sn,snj,sjk->sik", x, weight, x, inverse, optimize=True)
    squares = (weight**2 * (2 * rest - 1)).sum(axis=1) + np.einsum("sij,sji->s", inner, inner)
    df = (weight * rest).sum(axis=1) ** 2 / squares
    hc2 = np.sqrt((weight * residuals**2).sum(axis=1))
    hc3 = np.sqrt((weight / rest * residuals**2).sum(axis=1))
    b = np.abs(coef[:, 2])
    return {"hc3": 2 * stats.t.sf(b / hc3, n - 3), "ancova": 2 * stats.t.sf(b / hc2, df)}


def _rejections(pre: np.ndarray, post: np.ndarray, top: np.ndarray, alpha: float) -> dict[str, float]:
    """How many of these studies each test rejects, and the sum of the mean changes of the chosen."""
    studies, k = len(pre), int(top[0].sum())
    change = post - pre
    chosen, others = change[top].reshape(studies, k), change[~top].reshape(studies, -1)
    mean, error, size = chosen.mean(axis=1), chosen.var(axis=1, ddof=1) / k, others.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {"paired_t": np.abs(mean) > stats.t.isf(alpha / 2, k - 1) * np.sqrt(error)}
        if size > 1:
            more = others.var(axis=1, ddof=1) / size
            df = (error + more) ** 2 / (error**2 / (k - 1) + more**2 / (size - 1))
            found["did"] = np.abs(mean - others.mean(axis=1)) > stats.t.isf(alpha / 2, df) * np.sqrt(error + more)
            found |= {name: p < alpha for name, p in ancova_p(pre, post, top.astype(float)).items()}
    if k <= MOST_FLIPPED:
        found |= {"sign_flip": flip_rejects(chosen, alpha), "wilcoxon": flip_rejects(_ranked(chosen), alpha)}
    return {name: float(hits.sum()) for name, hits in found.items()} | {"mean_change": float(mean.sum())}


def false_positive_rate(
    population: Numbers | int, k: int, retest: float, n_sim: int, rng: np.random.Generator, alpha: float = 0.05
) -> dict[str, Any]:
    """How often tests of change "work" on the k highest scorers when nothing at all was done, by simulation.

    Each simulated study surveys as many children, takes the k highest (ties by lot) and measures everybody again.

    Parameters
    ----------
    population : array_like or int
        Scores at selection of all children: both simulated waves have their distribution (see `TwoWaves`). Or their
        number: normal scores with SD 1.
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
        Rejection rates: paired_t, sign_flip, wilcoxon (exact; None above 14 chosen), did (gains against those of all
        others, Welch), hc3 and ancova (`untreated.ancova` with HC3, and as it is; None with fewer than two others);
        mc_error (standard error of a rate of .5, the largest), mean_change (points), n_population, k, retest, n_sim,
        alpha.

    Raises
    ------
    NotEstimableError
        If k, retest or n_sim are out of range, or the population does not vary.
    """
    if isinstance(population, (int, np.integer)):
        size, waves = int(population), TwoWaves(None)
    else:
        m = moments(population, least=3, who="the population")
        size, waves = m.n, TwoWaves(population)
        if m.sd == 0:
            raise NotEstimableError("the population does not vary")
    if not 2 <= k < size:
        raise NotEstimableError(f"{k} of {size} children cannot be chosen: at least 2, and fewer than all")
    if not 0 <= retest < 1 or n_sim < 1:
        raise NotEstimableError("the simulation needs 0 <= retest < 1 and at least one study")
    batch = max(1, BATCH // max(4 * size, 2 ** (k - 1) if k <= MOST_FLIPPED else 1))
    sums: dict[str, float] = {}
    for start in range(0, n_sim, batch):
        count = min(batch, n_sim - start)
        pre, post = waves.draw(count, size, retest, rng)
        order = np.lexsort((rng.random(pre.shape), pre), axis=1)
        top = np.zeros(pre.shape, dtype=bool)
        np.put_along_axis(top, order[:, size - k :], True, axis=1)
        for name, hits in _rejections(pre, post, top, alpha).items():
            sums[name] = sums.get(name, 0.0) + hits
    rates = {name: sums[name] / n_sim if name in sums else None for name in (*TESTS, "mean_change")}
    return rates | {"mc_error": 0.5 / float(np.sqrt(n_sim)), "n_population": size, "k": k, "retest": retest,
                    "n_sim": n_sim, "alpha": alpha}


def simulated(
    protocol: Intervention, population: pd.Series, members: int, rng: np.random.Generator, studies: int = STUDIES
) -> pd.DataFrame:
    """`false_positive_rate` for exactly this town's choice, over the retest correlations.

    Parameters
    ----------
    protocol : Intervention
    population : Series
        Scores of all children who could have been chosen.
    members : int
        How many were.

    Returns
    -------
    DataFrame
        retest (the protocol's values and RETESTS), mean_change, then a column for each of `TESTS`.

    Raises
    ------
    NotEstimableError
        If the members were not chosen by score; otherwise as `false_positive_rate`.
    """
    if protocol.selection != "top_scores":
        raise NotEstimableError("the members were not chosen by score, so that no simulation repeats the choice")
    known = protocol.retest
    grid = sorted({*RETESTS, known.low, known.value, known.high})
    rows = [false_positive_rate(population, members, r, studies, rng, protocol.alpha) for r in grid]
    return pd.DataFrame(rows)[["retest", "mean_change", *TESTS]].astype(float)


def rates_at(table: pd.DataFrame | NotEstimableError, retest: float) -> dict[str, float]:
    """The row of `simulated` for one retest correlation; empty where there is no simulation."""
    rows = [] if isinstance(table, NotEstimableError) else table[table["retest"] == retest].to_dict("records")
    return rows[0] if rows else {}


def naive_rate(table: pd.DataFrame | NotEstimableError, retest: float, studies: int = STUDIES) -> Result:
    """How often a paired t test of the members would call their fall significant, had nothing been done.

    Parameters
    ----------
    table : DataFrame or NotEstimableError
        Of `simulated`, or why there is none.

    Returns
    -------
    Result
        estimate: share, with Wilson's interval of the simulation's error. extra: the rates of the other tests.
    """
    if isinstance(table, NotEstimableError):
        raise NotEstimableError(str(table))
    if not (rates := rates_at(table, retest)):
        raise NotEstimableError(f"no studies were simulated for a retest correlation of {retest:g}")
    interval = stats.binomtest(round(rates["paired_t"] * studies), studies).proportion_ci(method="wilson")
    return Result(
        method=f"paired t test, simulated studies without any effect, r = {retest:g}",
        estimate=Estimate("share of studies that reject", rates["paired_t"], (interval.low, interval.high),
                          unit="share"),
        n={"studies": studies}, reference="simulation from the survey's own scores (Gaussian copula)", extra=rates,
    )
