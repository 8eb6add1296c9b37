"""Does an association differ with a third variable: interaction, simple slopes, and where the slope is not zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from lbc import params
from lbc.analysis import named
from lbc.analysis.regression import Contrast, LinearFit, design, linear
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test

STEPS = 200
MIDDLE = 0.95
"""The share of children over whose values of the moderator slopes are drawn: at the rims single children decide."""


@dataclass(frozen=True, eq=False)
class Moderation:
    """How the slope of a predictor changes with a moderator.

    Parameters
    ----------
    interaction : Contrast
        Change of the slope per unit of the moderator.
    delta_r2 : float
        R2 gained by the interaction.
    slopes : DataFrame
        at ("M - SD", "M", "M + SD", or the two values of a binary moderator), moderator, slope, se, df, t, p, low,
        high.
    regions : DataFrame
        start, end, sign: stretches of the moderator's middle 95 % in which the slope's interval leaves out zero,
        sign being that of the slope (Johnson & Neyman 1936; Bauer & Curran 2005). No rows: nowhere. A binary
        moderator has none, as there is nothing between its values.
    curve : DataFrame
        moderator, slope, low, high over the moderator's middle 95 %.
    n, n_clusters : int
    level : float
    """

    interaction: Contrast
    delta_r2: float
    slopes: pd.DataFrame
    regions: pd.DataFrame
    curve: pd.DataFrame
    n: int
    n_clusters: int
    level: float

    def result(self) -> Result:
        """The interaction with its t test; the effect is the R2 it adds."""
        c, whole = self.interaction, {"clusters": self.n_clusters} if self.n_clusters else {}
        return Result(
            method="interaction in least squares, " + ("CR2 standard errors" if whole else "HC3 standard errors"),
            estimate=Estimate("change of the slope", c.value, (c.low, c.high), self.level),
            effect=Estimate("R2 gained by the interaction", self.delta_r2),
            test=Test("t", c.t, c.df, c.p), n={"all": self.n} | whole,
            reference="Aiken & West 1991; Bauer & Curran 2005",
        )


def moderate(
    frame: pd.DataFrame, outcome: str, predictor: str, moderator: str, covariates: Sequence[str] = (),
    cluster: str | None = None, level: float = 0.95,
) -> Moderation:
    """Interaction of two variables by least squares: CR2 with Satterthwaite df where there are clusters, else HC3.

    Parameters
    ----------
    frame : DataFrame
        One row per person; rows with anything missing are left out.
    outcome, predictor, moderator : str
        Numbers (a yes or no as 0 and 1).
    covariates : sequence of str
        Text becomes dummies.
    cluster : str, optional
    level : float

    Raises
    ------
    NotEstimableError
        If a variable is named twice, not a number or constant, or as `regression.linear`.
    """
    rows = named.complete_rows(frame, [outcome, predictor, moderator], covariates, cluster)
    x = design(rows, [predictor, moderator, *covariates])
    kind, clusters = ("CR2", rows[cluster].tolist()) if cluster else ("HC3", None)
    product = f"{predictor}:{moderator}"
    fit = linear(rows[outcome], x.assign(**{product: x[predictor] * x[moderator]}), kind, clusters)
    values = rows[moderator].astype(float)
    binary = values.nunique() == 2
    ends = values.quantile([(1 - MIDDLE) / 2, (1 + MIDDLE) / 2])
    curve = _slopes(fit, predictor, product, np.linspace(*ends, STEPS + 1), level)
    at = ({f"{v:g}": v for v in sorted(values.unique())} if binary else
          {"M - SD": values.mean() - values.std(), "M": values.mean(), "M + SD": values.mean() + values.std()})
    slopes = _slopes(fit, predictor, product, list(at.values()), level)
    slopes.insert(0, "at", list(at))
    regions = _regions(fit, predictor, product, curve.iloc[:0] if binary else curve, level)
    return Moderation(
        interaction=fit.coefficient(product, level), delta_r2=fit.r2 - linear(rows[outcome], x, "classic").r2,
        slopes=slopes, regions=regions, curve=curve, n=fit.n, n_clusters=fit.n_clusters, level=level,
    )


def _at(fit: LinearFit, predictor: str, product: str, value: float, level: float) -> Contrast:
    """The slope of the predictor where the moderator has this value."""
    return fit.contrast([1.0 if t == predictor else value if t == product else 0.0 for t in fit.terms], level)


def _slopes(fit: LinearFit, predictor: str, product: str, values: Sequence[float], level: float) -> pd.DataFrame:
    rows = [{"moderator": value} | _at(fit, predictor, product, value, level)._asdict() for value in values]
    return pd.DataFrame(rows).rename(columns={"value": "slope"})


def _regions(fit: LinearFit, predictor: str, product: str, curve: pd.DataFrame, level: float) -> pd.DataFrame:
    """Where the slope's interval leaves out zero; each border is the root of its limit, solved to rounding error.

    With CR2 the degrees of freedom, too, depend on the moderator, so the borders are no roots of a quadratic.
    """
    from scipy.optimize import brentq

    grid, borders = curve["moderator"].to_numpy(), []
    for limit in ("low", "high"):
        ends = curve[limit].to_numpy()
        for k in np.flatnonzero(ends[:-1] * ends[1:] < 0):
            borders.append(brentq(lambda v, limit=limit: getattr(_at(fit, predictor, product, v, level), limit),
                                  grid[k], grid[k + 1], xtol=1e-12))
    rows = []
    for start, end in pairwise([*grid[:1], *sorted(borders), *grid[-1:]]):
        middle = _at(fit, predictor, product, (start + end) / 2, level)
        if middle.low > 0 or middle.high < 0:
            rows.append((start, end, float(np.sign(middle.value))))
    return pd.DataFrame(rows, columns=["start", "end", "sign"])


def moderations(
    frame: pd.DataFrame, outcome: str, listed: Sequence[params.Moderation], cluster: str | None
) -> dict[str, Moderation | NotEstimableError]:
    """Every moderation of the params by its id, or why it cannot be estimated."""
    return named.each(listed, lambda m: moderate(frame, outcome, m.predictor, m.moderator, m.covariates, cluster))


def table(found: Mapping[str, object]) -> pd.DataFrame:
    """Interaction, simple slopes, and the regions in which the slope is told from zero.

    Returns
    -------
    DataFrame
        analysis, place ("change of the slope", "slope at M", "region"), moderator, estimate, se, df, t, p, low, high;
        of a region low and high are its borders on the moderator.
    """
    parts = []
    for name, one in named.estimable(found).items():
        first = pd.DataFrame([one.interaction._asdict()]).rename(columns={"value": "estimate"})
        slopes = one.slopes.rename(columns={"slope": "estimate"}).assign(place="slope at " + one.slopes["at"])
        region = one.regions.rename(columns={"start": "low", "end": "high"}).drop(columns="sign")
        parts += [first.assign(place="change of the slope", analysis=name), slopes.assign(analysis=name),
                  region.assign(place="region", analysis=name)]
    columns = ["analysis", "place", "moderator", "estimate", "se", "df", "t", "p", "low", "high"]
    return pd.concat([part for part in parts if len(part)], ignore_index=True)[columns]


def curves(found: Mapping[str, object], listed: Sequence[params.Moderation]) -> pd.DataFrame:
    """For `figures.simple_slopes`: the curve of each moderation (its two points, of a binary moderator).

    Returns
    -------
    DataFrame
        analysis, predictor, moderator, kind ("line", "point", "region"), value, slope, low, high.
    """
    parts, entries = [], {entry.id: entry for entry in listed}
    for name, one in named.estimable(found).items():
        line = one.curve.assign(kind="line") if len(one.slopes) == 3 else one.slopes.iloc[:0].assign(kind="line")
        region = one.regions.rename(columns={"start": "low", "end": "high", "sign": "slope"}).assign(kind="region")
        both = pd.concat([part for part in (line, one.slopes.assign(kind="point"), region) if len(part)])
        both = both.rename(columns={"moderator": "value"}).assign(
            analysis=name, predictor=entries[name].predictor, moderator=entries[name].moderator)
        parts.append(both[["analysis", "predictor", "moderator", "kind", "value", "slope", "low", "high"]])
    return pd.concat(parts, ignore_index=True)
