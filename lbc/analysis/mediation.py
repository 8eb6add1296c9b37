"""Indirect associations: how far an association runs along with a third variable, and how little could undo that.

In a survey taken once the order of exposure, mediator and outcome is assumed, not seen (Maxwell & Cole 2007): a clear
indirect association is consistent with the path that was drawn, and with others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from lbc import params
from lbc.analysis import named
from lbc.analysis.regression import LinearFit, design, linear
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result

RHO = np.round(np.linspace(-0.9, 0.9, 91), 2)
DRAWS = 200_000
"""Draws of the Monte Carlo interval: its limits then repeat to about a hundredth of their distance."""
PATHS = {"a": "path a", "b": "path b", "direct": "direct association", "total": "total association"}
METHODS = (("indirect, Monte Carlo", "", "mc_"), ("indirect", "se_boot", ""), ("indirect, BCa", "", "bca_"),
           ("indirect, Sobel", "se_sobel", "sobel_"))
"""Of each method its name and where its standard error and limits stand."""


@dataclass(frozen=True, eq=False)
class Mediation:
    """Paths and indirect associations of one exposure, one outcome, and one or more parallel mediators.

    Parameters
    ----------
    paths : DataFrame
        mediator (empty for the last two rows), path ("a", "b", "direct", "total"), estimate, se, df, t, p, low, high.
    indirect : DataFrame
        One row per mediator, "total" and, for two mediators, "contrast" (first minus second): mediator, estimate,
        se_sobel, se_aroian, z, p (Sobel), mc_low, mc_high (Monte Carlo), se_boot, low, high (percentile bootstrap),
        bca_low, bca_high; Sobel's of single mediators only.
    curve : DataFrame
        mediator, rho, indirect, low, high: the indirect association if mediator and outcome shared unmeasured causes
        that correlate their residuals by rho (Imai, Keele & Tingley 2010), with its percentile interval.
    rho_zero : dict of str to float
        The rho at which a mediator's indirect association would be zero.
    n, n_clusters : int
        n_clusters is 0 without clusters.
    sd_outcome, level : float
    """

    paths: pd.DataFrame
    indirect: pd.DataFrame
    curve: pd.DataFrame
    rho_zero: dict[str, float]
    n: int
    n_clusters: int
    sd_outcome: float
    level: float

    def result(self) -> Result:
        """The (total) indirect association in points and in SD of the outcome.

        With clusters the interval is the Monte Carlo one, else the percentile bootstrap's: of 16 simulated classes
        the first covered 94 to 96 %, a bootstrap of whole classes 90 to 93 %.
        """
        row, whole = self.indirect.set_index("mediator").loc["total"], self.n_clusters > 0
        ci = (float(row["mc_low"]), float(row["mc_high"])) if whole else (float(row["low"]), float(row["high"]))
        sd, value = self.sd_outcome, float(row["estimate"])
        return Result(
            method="indirect association (product of coefficients), "
                   + ("Monte Carlo interval from CR2 paths" if whole else "percentile bootstrap of persons"),
            estimate=Estimate("indirect association", value, ci, self.level),
            effect=Estimate("indirect association / SD of the outcome", value / sd, (ci[0] / sd, ci[1] / sd),
                            self.level),
            n={"all": self.n} | ({"clusters": self.n_clusters} if whole else {}), extra={"rho_zero": self.rho_zero},
            reference="MacKinnon, Lockwood & Williams 2004; Imai, Keele & Tingley 2010",
        )


class _Found(NamedTuple):
    """Per table of cross-products (b) and mediator (k): path a, path b, and what joins the residuals of mediator and
    outcome: their correlation, and the ratio of their spreads (outcome over mediator)."""

    a: np.ndarray
    b: np.ndarray
    rho: np.ndarray
    ratio: np.ndarray

    def at(self, rho: float) -> np.ndarray:
        """Indirect associations (b, k) under residuals that share a correlation rho (Imai et al. 2010, theorem 4)."""
        return self.a * self.ratio * (self.rho - rho * np.sqrt((1 - self.rho**2) / (1 - rho**2)))


def _found(products: np.ndarray, d: int) -> _Found:
    """Everything from cross-products (b, q, q) of [d columns, the exposure last | mediators | outcome]."""
    last = products.shape[1] - 1
    a = np.linalg.solve(products[:, :d, :d], products[:, :d, d:last])[:, d - 1]
    b, rho, ratio = np.empty_like(a), np.empty_like(a), np.empty_like(a)
    for j in range(d, last):
        pair, rest = [j, last], [i for i in range(last) if i != j]
        side = products[:, rest][:, :, pair]
        taken = side.swapaxes(1, 2) @ np.linalg.solve(products[:, rest][:, :, rest], side)
        left = products[:, pair][:, :, pair] - taken
        m, y = left[:, 0, 0], left[:, 1, 1]
        b[:, j - d], ratio[:, j - d] = left[:, 0, 1] / m, np.sqrt(y / m)
        rho[:, j - d] = left[:, 0, 1] / np.sqrt(m * y)
    return _Found(a, b, rho, ratio)


def mediate(
    frame: pd.DataFrame, outcome: str, exposure: str, mediators: Sequence[str], rng: np.random.Generator,
    covariates: Sequence[str] = (), cluster: str | None = None, n_boot: int = 1000, level: float = 0.95,
) -> Mediation:
    """Parallel mediation by least squares, with bootstrap and Monte Carlo intervals and sensitivity to confounding.

    Parameters
    ----------
    frame : DataFrame
        One row per person; rows with anything missing are left out.
    outcome, exposure : str
    mediators : sequence of str
        Side by side; each path b holds the other mediators constant.
    rng : Generator
    covariates : sequence of str
        In every equation; text becomes dummies.
    cluster : str, optional
        Whole clusters are resampled, and paths have CR2 standard errors with Satterthwaite df; else persons are
        resampled and standard errors are ordinary.
    n_boot : int
    level : float

    Raises
    ------
    NotEstimableError
        If a variable is named twice, not a number or constant, if rows or clusters are too few, or if the paths do
        not exist in every bootstrap sample.

    Notes
    -----
    Bias-corrected (BCa) intervals of a product reject a true zero too often (Fritz, Taylor & MacKinnon 2012), so they
    stand beside the others only. Monte Carlo: both paths are drawn from their sampling distributions (normal; t with
    Satterthwaite df for clusters) and multiplied (MacKinnon, Lockwood & Williams 2004).
    """
    rows = named.complete_rows(frame, [outcome, exposure, *mediators], covariates, cluster)
    x = design(rows, [*covariates, exposure])
    clusters = rows[cluster].tolist() if cluster else None
    fits = _fits(rows, x, outcome, mediators, clusters)
    paths = _paths(fits, exposure, mediators, level)
    units = np.arange(len(rows)) if clusters is None else pd.factorize(rows[cluster])[0]
    found, resampled, jackknife = _resample(rows[[*mediators, outcome]], x, units, rng, n_boot)
    return Mediation(
        paths=paths, indirect=_indirect(paths, mediators, resampled, jackknife, cluster is not None, rng, level),
        curve=pd.concat([_curve(found, resampled, j, level).assign(mediator=m) for j, m in enumerate(mediators)]),
        rho_zero=dict(zip(mediators, found.rho[0].tolist(), strict=True)),
        n=len(rows), n_clusters=len(set(clusters or [])), sd_outcome=float(rows[outcome].std()), level=level,
    )


def _curve(found: _Found, resampled: _Found, j: int, level: float) -> pd.DataFrame:
    """The indirect association through mediator j over rho, with its percentile interval."""
    rows = []
    for rho in RHO:
        low, high = np.quantile(resampled.at(rho)[:, j], [(1 - level) / 2, (1 + level) / 2])
        rows.append((rho, found.at(rho)[0, j], low, high))
    return pd.DataFrame(rows, columns=["rho", "indirect", "low", "high"])


def _fits(
    rows: pd.DataFrame, x: pd.DataFrame, outcome: str, mediators: Sequence[str], clusters: list[object] | None
) -> dict[str, LinearFit]:
    """The regression of each mediator, of the outcome on everything ("direct"), and without mediators ("total")."""
    kind = "classic" if clusters is None else "CR2"
    fits = {name: linear(rows[name], x, kind, clusters) for name in mediators}
    full = pd.concat([x, rows[list(mediators)].astype(float)], axis=1)
    return fits | {"direct": linear(rows[outcome], full, kind, clusters),
                   "total": linear(rows[outcome], x, kind, clusters)}


def _paths(fits: Mapping[str, LinearFit], exposure: str, mediators: Sequence[str], level: float) -> pd.DataFrame:
    rows = [(name, "a", fits[name].coefficient(exposure, level)) for name in mediators]
    rows += [(name, "b", fits["direct"].coefficient(name, level)) for name in mediators]
    rows += [("", path, fits[path].coefficient(exposure, level)) for path in ("direct", "total")]
    table = pd.DataFrame([{"mediator": name, "path": path} | c._asdict() for name, path, c in rows])
    return table.rename(columns={"value": "estimate"})


def _resample(
    values: pd.DataFrame, x: pd.DataFrame, units: np.ndarray, rng: np.random.Generator, n_boot: int
) -> tuple[_Found, _Found, _Found]:
    """The parts in the sample, in bootstrap samples of units, and with each unit left out."""
    columns = np.column_stack([x.iloc[:, 1:], values])
    spread = columns.std(axis=0)
    z = np.column_stack([np.ones(len(x)), (columns - columns.mean(axis=0)) / spread])
    sums = np.zeros((units.max() + 1, z.shape[1], z.shape[1]))
    np.add.at(sums, units, z[:, :, None] * z[:, None, :])
    counts = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=n_boot).astype(float)
    whole, d = sums.sum(axis=0), x.shape[1]
    samples = whole[None], np.tensordot(counts, sums, axes=1), whole - sums
    if any(np.linalg.cond(sample[:, :-1, :-1]).max() > 1e12 for sample in samples):
        raise NotEstimableError("the paths do not exist in every bootstrap sample: an answer is too rare")
    # Back from standard deviations: a is in units of mediator over exposure, b in units of outcome over mediator.
    m, y, e = spread[d - 1:-1], spread[-1], spread[d - 2]
    parts = (_found(sample, d) for sample in samples)
    return tuple(part._replace(a=part.a * m / e, b=part.b * y / m, ratio=part.ratio * y / m) for part in parts)


def _indirect(
    paths: pd.DataFrame, mediators: Sequence[str], boot: _Found, jackknife: _Found, clustered: bool,
    rng: np.random.Generator, level: float,
) -> pd.DataFrame:
    a, b = paths[paths["path"] == "a"], paths[paths["path"] == "b"]
    est_a, se_a, est_b, se_b = (part[key].to_numpy() for part in (a, b) for key in ("estimate", "se"))
    drawn = _draws(a, boot.a, clustered, rng) * _draws(b, boot.b, clustered, rng)
    sobel = np.sqrt(est_a**2 * se_b**2 + est_b**2 * se_a**2)
    weights = dict(zip(mediators, np.eye(len(mediators)), strict=True))
    weights["total"] = np.ones(len(mediators))
    if len(mediators) == 2:
        weights["contrast"] = np.array([1.0, -1.0])
    tails, rows = [(1 - level) / 2, (1 + level) / 2], []
    for name, w in weights.items():
        value = float(w @ (est_a * est_b))
        resampled = boot.at(0.0) @ w
        row = {"mediator": name, "estimate": value, "se_boot": float(resampled.std(ddof=1))}
        row |= dict(zip(("low", "high"), np.quantile(resampled, tails), strict=True))
        row |= dict(zip(("bca_low", "bca_high"), _bca(value, resampled, jackknife.at(0.0) @ w, tails), strict=True))
        row |= dict(zip(("mc_low", "mc_high"), np.quantile(drawn @ w, tails), strict=True))
        if w.sum() == 1 and (single := w.astype(bool)).sum() == 1:
            se = float(sobel[single][0])
            row |= {"se_sobel": se, "se_aroian": float(np.sqrt(se**2 + (se_a * se_b)[single][0] ** 2)),
                    "z": value / se, "p": float(2 * stats.norm.sf(abs(value / se)))}
        rows.append(row)
    return pd.DataFrame(rows)


def _draws(path: pd.DataFrame, boot: np.ndarray, clustered: bool, rng: np.random.Generator) -> np.ndarray:
    """Paths as they might have been found: as alike between mediators as in the bootstrap; t for clusters."""
    alike = np.linalg.cholesky(np.atleast_2d(np.corrcoef(boot.T)))
    z = rng.standard_normal((DRAWS, len(path))) @ alike.T
    if clustered:
        df = path["df"].to_numpy()
        z /= np.sqrt(rng.chisquare(df, z.shape) / df)
    return path["estimate"].to_numpy() + path["se"].to_numpy() * z


def _bca(value: float, boot: np.ndarray, jackknife: np.ndarray, tails: Sequence[float]) -> np.ndarray:
    """Bias-corrected and accelerated limits (Efron 1987); the acceleration from leaving out one unit at a time."""
    away = jackknife.mean() - jackknife
    acceleration = (away**3).sum() / (6 * (away**2).sum() ** 1.5)
    share = (boot < value).mean()
    shift = stats.norm.ppf(np.clip(share, 0.5 / len(boot), 1 - 0.5 / len(boot)))
    z = shift + stats.norm.ppf(tails)
    return np.quantile(boot, stats.norm.cdf(shift + z / (1 - acceleration * z)))


def mediations(
    frame: pd.DataFrame, outcome: str, listed: Sequence[params.Mediation], cluster: str | None,
    rng: np.random.Generator, n_boot: int,
) -> dict[str, Mediation | NotEstimableError]:
    """Every mediation of the params by its id, or why it cannot be estimated."""
    return named.each(
        listed, lambda m: mediate(frame, outcome, m.exposure, m.mediators, rng, m.covariates, cluster, n_boot))


def table(found: Mapping[str, object]) -> pd.DataFrame:
    """Paths, then indirect associations by four methods, then the rho at which nothing would be left.

    Returns
    -------
    DataFrame
        analysis, path, mediator, estimate, se, low, high, p.
    """
    parts = []
    for name, one in named.estimable(found).items():
        rows = one.indirect.iloc[:1] if len(one.rho_zero) == 1 else one.indirect
        rows = rows.replace({"mediator": {"total": "all mediators", "contrast": "first minus second"}})
        paths = one.paths.replace({"path": PATHS})
        zero = pd.DataFrame({"mediator": one.rho_zero.keys(), "estimate": one.rho_zero.values()})
        parts += [part.assign(analysis=name) for part in (
            paths, *(_method(rows, *how) for how in METHODS), zero.assign(path="rho zero"))]
    columns = ["analysis", "path", "mediator", "estimate", "se", "low", "high", "p"]
    return pd.concat(parts, ignore_index=True)[columns]


def _method(rows: pd.DataFrame, path: str, se: str, ends: str) -> pd.DataFrame:
    """The indirect associations with what one method says of them."""
    shown = {"mediator": "mediator", "estimate": "estimate", se: "se", f"{ends}low": "low", f"{ends}high": "high"}
    shown |= {"p": "p"} if path == "indirect, Sobel" else {}
    table = rows[[name for name in shown if name in rows]].rename(columns=shown).assign(path=path)
    return table.dropna(subset="p") if "p" in table else table


def curves(found: Mapping[str, object]) -> pd.DataFrame:
    """For `figures.mediation_sensitivity`: analysis, mediator, rho, indirect, low, high, rho_zero."""
    parts = [one.curve.assign(analysis=name, rho_zero=one.curve["mediator"].map(one.rho_zero))
             for name, one in named.estimable(found).items()]
    return pd.concat(parts, ignore_index=True)[["analysis", "mediator", "rho", "indirect", "low", "high", "rho_zero"]]
