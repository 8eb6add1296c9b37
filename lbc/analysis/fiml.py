"""Factor models where answers are missing: full-information maximum likelihood, every answer given is used.

Each pattern of missing answers is treated as a group of its own that has fewer items but shares the parameters of its
group, so that the engine for complete answers (cfa_estimation.py) does the rest. Unlike leaving persons out, it is
unbiased where answers are missing at random given the other answers (Arbuckle 1996; Enders & Bandalos 2001).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from lbc.analysis import cfa, invariance
from lbc.analysis.cfa_estimation import Sample, discrepancy, minimise, observed_information, slopes, starts
from lbc.analysis.cfa_model import FREE, Model, Row, independence, specify
from lbc.errors import NotEstimableError


class Part(Sample):
    """Persons of one group with the same answers missing; `cases`, `mean` and `cov` have the answered items only."""

    logdet = 0.0  # few persons have a singular covariance; every model leaves the same constant out


class Patterns:
    """A model seen through holes: part k belongs to `group` of the model and has the items `seen` only."""

    def __init__(self, model: Model, holes: list[tuple[int, np.ndarray]]) -> None:
        self.model, self.holes = model, holes
        self.rows, self.link, self.values = model.rows, model.link, model.values
        self.of_group = [model.of_group[group] for group, _ in holes]

    def implied(self, values: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        group, seen = self.holes[k]
        mean, cov = self.model.implied(values, group)
        return mean[seen], cov[np.ix_(seen, seen)]

    def directions(self, values: np.ndarray, k: int) -> tuple[np.ndarray, ...]:
        group, seen = self.holes[k]
        return tuple(part[:, seen] for part in self.model.directions(values, group))


@dataclass(frozen=True)
class FimlFit(cfa.CfaFit):
    """As CfaFit; `samples` has the moments of each group that maximum likelihood estimates without a factor model."""

    patterns: Patterns = field(repr=False)
    parts: list[Part] = field(repr=False)


def fit(
    model: str, data: pd.DataFrame, group: str | None = None, equal: Sequence[str] = (), *,
    partial: Sequence[str] = (), std_lv: bool = False, groups: Sequence[Any] | None = None,
) -> FimlFit:
    """Fit a confirmatory factor model to incomplete answers; arguments as in `cfa.fit`.

    Returns
    -------
    FimlFit
        What `cfa.fit` gives with estimator "ML" (so `invariance.compare` takes it), with these differences: standard
        errors come from the observed information (missing at random needs it, Kenward & Molenberghs 1998); chi-square
        is against the saturated model of the same incomplete answers; `left_out` counts persons without any answer
        or without a group.

    Raises
    ------
    ValueError
        If the model text cannot be read or names a column that is not there.
    NotEstimableError
        If there are too few persons, an item does not vary, two items were never answered by the same persons, the
        saturated model cannot be estimated, or the model is not identified.

    References
    ----------
    Arbuckle 1996; Enders & Bandalos 2001; Rosseel 2012 (conventions).
    """
    labels, frames, left_out = cfa._split(model, data, group, groups, unanswered="all")
    spec = specify(model, len(frames), equal, partial, std_lv, means=True)
    if spec.df < 0:
        raise NotEstimableError(f"the model has {-spec.df} more parameters than the data have moments")
    holes, parts = _patterns(frames, labels)
    moments, alone, full = _saturated(spec, frames, holes, parts)
    total, patterns = sum(map(len, frames)), Patterns(spec, holes)
    theta, converged = minimise(patterns, parts, starts(spec, moments))
    cfa._inverse(spec.link.T @ slopes(patterns, parts, theta)[1] @ spec.link)  # exact, so it knows what is identified
    vcov = cfa._inverse(observed_information(patterns, parts, theta)) / total
    own = total * discrepancy(patterns, parts, theta)
    constant = sum(len(part.cases) * len(part.mean) * (1 + np.log(2 * np.pi)) for part in parts)
    measures = cfa._indices(spec, moments, theta, max(own - full, 0.0), alone - full, -(constant + own) / 2)
    problems = [] if converged else ["the estimation did not converge"]
    problems += [] if spec.df else ["no degrees of freedom: the model cannot be tested"]
    problems += cfa._empty_categories(frames, labels) + cfa._improper(spec, theta, labels)
    return FimlFit(model, "ML", labels, {label: len(f) for label, f in zip(labels, frames, strict=True)}, left_out,
                   measures, converged, problems, spec, moments, theta, vcov, patterns, parts)


def release_tests(model: FimlFit) -> pd.DataFrame:
    """`invariance.release_tests` with the information that incomplete answers have."""
    return invariance.release_tests(replace(model, model=model.patterns, samples=model.parts))


def _patterns(frames: list[pd.DataFrame], labels: Sequence[str]) -> tuple[list[tuple[int, np.ndarray]], list[Part]]:
    """Group and answered items of each part, and the parts."""
    holes, parts = [], []
    for g, (frame, label) in enumerate(zip(frames, labels, strict=True)):
        cases, given = frame.to_numpy(dtype=float), frame.notna().to_numpy()
        together = given.T.astype(float) @ given
        if len(cases) <= frame.shape[1] or together.min() < 3:
            raise NotEstimableError(f"group {label} has {len(cases)} persons for {frame.shape[1]} items, and only "
                                    f"{together.min():g} of them answered both of some two items")
        if flat := [str(name) for name in frame if frame[name].nunique() < 2]:
            raise NotEstimableError(f"in group {label} every answer to {', '.join(flat)} is the same")
        for seen in np.unique(given, axis=0):
            own = cases[(given == seen).all(axis=1)][:, seen]
            holes.append((g, np.flatnonzero(seen)))
            parts.append(Part(own, own.mean(axis=0), np.atleast_2d(np.cov(own.T, ddof=0))))
    return holes, parts


def _saturated(
    spec: Model, frames: list[pd.DataFrame], holes: list[tuple[int, np.ndarray]], parts: list[Part]
) -> tuple[list[Sample], float, float]:
    """Moments of each group; -2 log-likelihood, less a constant, of unrelated items and of these moments."""
    rows, alone = [], independence(spec)
    for g in range(spec.n_groups):
        for i, item in enumerate(spec.items):
            rows += [Row(item, "~~", spec.items[j], g, "T", i, j, len(rows) + j, FREE) for j in range(i + 1)]
            rows.append(Row(item, "~1", "", g, "n", i, 0, len(rows), FREE))
    full = Model(rows, spec.items, [], spec.n_groups)
    known = [{"n": frame.mean().to_numpy(), "T": frame.var(ddof=0).to_numpy()} for frame in frames]
    apart, start = (np.array([known[row.group][row.matrix][row.i] if row.matrix == "n" or row.i == row.j else 0.0
                              for row in model.rows]) for model in (alone, full))
    theta, converged = minimise(Patterns(full, holes), parts, start)
    if not converged:
        raise NotEstimableError("means and covariances of the incomplete answers cannot be estimated")
    moments = [Sample(frame.to_numpy(), *full.implied(full.values(theta), g)) for g, frame in enumerate(frames)]
    fits = [discrepancy(Patterns(model, holes), parts, at) for model, at in ((alone, apart), (full, theta))]
    return moments, *(sum(map(len, frames)) * fit for fit in fits)
