"""Maximum likelihood estimation of a factor model, and what robust tests need: scores, information, scaling factor.

Formulae: Joreskog 1971 (several groups), Bollen 1989 (gradient and information), Satorra & Bentler 1994, Yuan &
Bentler 2000.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lbc.analysis.cfa_model import Model
from lbc.errors import NotEstimableError


class Sample(NamedTuple):
    """The data of one group: answers (n x items), their mean, and covariance with divisor n."""

    cases: np.ndarray
    mean: np.ndarray
    cov: np.ndarray

    @property
    def logdet(self) -> float:
        """What the saturated model has in the discrepancy."""
        return float(np.linalg.slogdet(self.cov)[1])


def starts(model: Model, samples: list[Sample]) -> np.ndarray:
    """Starting values: each factor is the first principal component of what earlier factors left of its items."""
    values = np.zeros(len(model.rows))
    for g, sample in enumerate(samples):
        left, sd = sample.cov.copy(), np.sqrt(np.diag(sample.cov))
        scale = np.ones(len(model.factors))
        for f in range(len(model.factors)):
            rows = [(r, row) for r, row in enumerate(model.rows) if row[3:5] == (g, "L") and row.j == f]
            own = np.array([row.i for _, row in rows])
            size, vector = np.linalg.eigh(left[np.ix_(own, own)] / np.outer(sd[own], sd[own]))
            strength = sd[own] * vector[:, -1] * np.sqrt(max(0.7 * size[-1], 0.1))
            left[np.ix_(own, own)] -= np.outer(strength, strength)
            marker = next((k for k, (_, row) in enumerate(rows) if row.free < 0 and row.value != 0), None)
            if marker is None:
                strength *= np.sign(strength.sum()) or 1.0
            else:
                scale[f] = strength[marker] / rows[marker][1].value
                if abs(scale[f]) < 0.1 * sd[own[marker]]:
                    scale[f] = 0.1 * sd[own[marker]] * (np.sign(scale[f]) or 1.0)
            for (r, _), s in zip(rows, strength, strict=True):
                values[r] = s / scale[f]
        diagonal = {"P": scale**2, "T": np.diag(sample.cov) / 2}
        for r, row in enumerate(model.rows):
            if row.group == g and row.matrix == "n":
                values[r] = sample.mean[row.i]
            elif row.group == g and row.matrix in diagonal and row.i == row.j:
                values[r] = diagonal[row.matrix][row.i]
    return model.link.T @ values / model.link.sum(axis=0)


def discrepancy(model: Model, samples: list[Sample], theta: np.ndarray) -> float:
    """Maximum likelihood discrepancy F, so that chi-square = N F; infinite outside the parameter space."""
    total = sum(len(s.cases) for s in samples)
    found, values = 0.0, model.values(theta)
    for g, s in enumerate(samples):
        mean, cov = model.implied(values, g)
        try:
            root = np.linalg.cholesky(cov)
        except np.linalg.LinAlgError:
            return np.inf
        ratio = np.linalg.solve(root, np.linalg.solve(root, s.cov).T)
        off = np.linalg.solve(root, s.mean - mean)
        logs = 2 * np.log(np.diag(root)).sum() - s.logdet
        found += len(s.cases) / total * (logs + np.trace(ratio) - len(mean) + off @ off)
    return found


def slopes(model: Model, samples: list[Sample], theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradient of F and expected information per person, of every row (fixed ones too), before equalities."""
    total, size = sum(len(s.cases) for s in samples), len(model.rows)
    gradient, information, values = np.zeros(size), np.zeros((size, size)), model.values(theta)
    for g, s in enumerate(samples):
        share, rows = len(s.cases) / total, model.of_group[g]
        mean, cov = model.implied(values, g)
        inverse, off = np.linalg.inv(cov), s.mean - mean
        a, b, m = model.directions(values, g)
        omega = inverse - inverse @ (s.cov + np.outer(off, off)) @ inverse
        gradient[rows] += share * 2 * (((a @ omega) * b).sum(axis=1) - m @ inverse @ off)
        aa, bb, ab = a @ inverse @ a.T, b @ inverse @ b.T, a @ inverse @ b.T
        information[np.ix_(rows, rows)] += share * (aa * bb + ab * ab.T + m @ inverse @ m.T)
    return gradient, information


def minimise(
    model: Model, samples: list[Sample], theta: np.ndarray, tolerance: float = 1e-18, steps: int = 400
) -> tuple[np.ndarray, bool]:
    """Damped Fisher scoring (Levenberg-Marquardt with the expected information).

    Returns
    -------
    theta, converged
        Converged when an undamped step would lower F by less than `tolerance`.

    Raises
    ------
    NotEstimableError
        If the starting values imply an impossible covariance matrix.
    """
    value, damping = discrepancy(model, samples, theta), 0.0
    if not np.isfinite(value):
        raise NotEstimableError("the model's starting values imply an impossible covariance matrix")
    for _ in range(steps):
        by_row, information = slopes(model, samples, theta)
        gradient, information = model.link.T @ by_row, model.link.T @ information @ model.link
        ridge = np.diag(np.diag(information) + 1e-12)
        if gradient @ np.linalg.solve(information + 1e-12 * ridge, gradient) < 4 * tolerance:
            return theta, True
        while True:
            step = np.linalg.solve(information + (damping + 1e-12) * ridge, -gradient / 2)
            reached = discrepancy(model, samples, theta + step)
            if reached <= value + 1e-14:
                break
            damping = max(4 * damping, 1e-3)
            if damping > 1e12:
                return theta, False
        theta, value = theta + step, min(reached, value)
        damping = damping / 10 if damping > 1e-4 else 0.0
    return theta, False


def scores(model: Model, samples: list[Sample], theta: np.ndarray, at_sample: bool) -> np.ndarray:
    """Casewise scores, persons x parameters (groups stacked): each person's part in the log-likelihood's gradient.

    `at_sample` centres them on the sample moments instead of the implied ones, for the Satorra-Bentler correction.
    """
    values, parts = model.values(theta), []
    for g, s in enumerate(samples):
        mean, cov = model.implied(values, g)
        inverse = np.linalg.inv(cov)
        a, b, m = model.directions(values, g)
        centre, spread = (s.mean, s.cov) if at_sample else (mean, cov)
        off = (s.cases - centre) @ inverse
        expected = ((a @ inverse @ spread @ inverse) * b).sum(axis=1)
        parts.append(((off @ a.T) * (off @ b.T) - expected + off @ m.T) @ model.link[model.of_group[g]])
    return np.vstack(parts)


def observed_information(model: Model, samples: list[Sample], theta: np.ndarray) -> np.ndarray:
    """Observed information per person: half the Hessian of F, by central differences of the gradient."""
    size = 1e-5 * np.maximum(np.abs(theta), 0.1)
    steps = np.diag(size)
    columns = [model.link.T @ (slopes(model, samples, theta + s)[0] - slopes(model, samples, theta - s)[0])
               for s in steps]
    hessian = np.array(columns) / (2 * size[:, None])
    return (hessian + hessian.T) / 4


def scaling_factor(model: Model, samples: list[Sample], theta: np.ndarray, estimator: str) -> float:
    """Correction factor of the chi-square: mean of its eigenvalues under the real distribution of the answers.

    MLM: tr(U Gamma) / df (Satorra & Bentler 1994). MLR: the difference of two traces (Yuan & Bentler 2000; Mplus).
    """
    cases = scores(model, samples, theta, at_sample=estimator == "MLM")
    meat = cases.T @ cases / len(cases)
    saturated, values = 0.0, model.values(theta)
    for g, s in enumerate(samples):
        inverse = np.linalg.inv(model.implied(values, g)[1] if estimator == "MLM" else s.cov)
        off = s.cases - s.mean
        distance, spread = ((off @ inverse) * off).sum(axis=1), inverse @ s.cov
        saturated += (np.mean(distance**2) - np.trace(spread @ spread)) / 2 + model.means * np.trace(spread)
    if estimator == "MLM":
        information = model.link.T @ slopes(model, samples, theta)[1] @ model.link
    else:
        information = observed_information(model, samples, theta)
    return float((saturated - np.trace(np.linalg.solve(information, meat))) / model.df)


def sandwich(
    model: Model, samples: list[Sample], theta: np.ndarray, bread: np.ndarray, estimator: str
) -> np.ndarray:
    """Robust covariance of the estimates: expected information for MLM, observed for MLR."""
    meat = scores(model, samples, theta, at_sample=estimator == "MLM")
    if estimator == "MLR":
        bread = np.linalg.inv(observed_information(model, samples, theta))
    return bread @ (meat.T @ meat) @ bread / len(meat) ** 2
