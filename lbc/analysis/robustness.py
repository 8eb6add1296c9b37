"""What the comparison hangs on: unmeasured confounding (E-value, robustness value) and the choice of a cut-off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from lbc.analysis.adjustment import Complete, adjusted, complete
from lbc.analysis.groups import attempt, label, members, two
from lbc.analysis.regression import linear
from lbc.errors import NotEstimableError
from lbc.params import Group
from lbc.results import Estimate, Result


def e_value(ratio: float) -> float:
    """The E-value of a risk ratio, RR + sqrt(RR (RR - 1)); below 1, of its inverse (VanderWeele & Ding 2017).

    Examples
    --------
    >>> round(e_value(3.9), 2), round(e_value(1 / 3.9), 2), e_value(1.0)
    (7.26, 7.26, 1.0)
    """
    ratio = max(ratio, 1 / ratio)
    return float(ratio + np.sqrt(ratio * (ratio - 1)))


def e_values(d: Estimate) -> tuple[float, float]:
    """E-values of a standardised mean difference and of its limit nearest to zero (1 where the interval covers zero).

    A difference of d standard deviations is about a risk ratio of exp(.91 d) for being above any cut-off
    (VanderWeele & Ding 2017). Their limits exp(.91 d ± 1.78 se) are exp(.91 limit) of a normal interval; here the
    limits of the interval itself are taken, which may rest on few classes.
    """
    low, high = d.ci
    nearest = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    return e_value(np.exp(0.91 * d.value)), e_value(np.exp(0.91 * nearest))


def robustness_value(t: float, df: float, critical: float = 0.0) -> float:
    """Partial R² that a confounder must reach with both group and outcome to explain the difference away.

    Parameters
    ----------
    t, df : float
        The group's t with ordinary standard errors, and the model's residual df.
    critical : float
        In units of that standard error, how far from zero the estimate must stay: 0 for the estimate itself; for the
        limit of an interval, its half-width.

    Returns
    -------
    float
        0 to 1 (Cinelli & Hazlett 2020, eq. 19; where a confounder of the group alone is worse, its share).

    Examples
    --------
    >>> round(robustness_value(4.18445, 783), 4)
    0.1388
    """
    f, margin = abs(t) / np.sqrt(df), critical / np.sqrt(df)
    left = f - margin
    if left <= 0:
        return 0.0
    if f * margin > 1:
        return float((f**2 - margin**2) / (1 + f**2))
    return float((np.sqrt(left**4 + 4 * left**2) - left**2) / 2)


def confounder_bounds(with_group: float, with_outcome: float) -> tuple[float, float]:
    """Partial R² with group and outcome of a confounder exactly as strong as an observed covariate.

    Parameters
    ----------
    with_group, with_outcome : float
        Partial R² of the covariate with the group given the other covariates, and with the outcome given these and
        the group.

    Returns
    -------
    tuple of float
        Cinelli & Hazlett (2020), section 4.4 with k = 1; the second at most 1.

    Raises
    ------
    NotEstimableError
        If the covariate explains half of the group or more: no second one can be as strong.
    """
    if with_group >= 0.5:
        raise NotEstimableError("no confounder can be as strong as a covariate that explains half of the group")
    group = with_group / (1 - with_group)
    shared = with_group**2 / (1 - with_group) ** 2
    eta = (1 + np.sqrt(shared)) / np.sqrt(1 - shared)
    return group, min(1.0, float(eta**2 * with_outcome / (1 - with_outcome)))


def _shares(y: pd.Series, treated: pd.Series, x: pd.DataFrame, columns: Sequence[str]) -> tuple[float, float]:
    """Partial R² of some columns with the treatment and, given the treatment, with the outcome."""
    both = x.assign(**{str(treated.name): treated})
    pairs = ((treated, x), (y, both))
    rss = [(linear(v, m, "classic").rss, linear(v, m.drop(columns=columns), "classic").rss) for v, m in pairs]
    return tuple(1 - full / less for full, less in rss)


def _model(
    frame: pd.DataFrame, outcome: str, group: Group, covariates: Sequence[str], cluster: str | None, level: float
) -> tuple[Result, Complete, float, int]:
    """The adjusted difference, its rows, its ordinary standard error and residual df."""
    values = (frame, outcome, group.variable, group.reference, group.focal, covariates, cluster)
    result, data = adjusted(*values, level=level), complete(*values)
    fit = linear(data.y, data.x.assign(**{data.term: data.focal.astype(float)}), "classic")
    return result, data, fit.coefficient(data.term).se, fit.n - len(fit.terms)


def sensitivity(
    frame: pd.DataFrame, outcome: str, group: Group, covariates: Sequence[str], cluster: str | None = None,
    level: float = 0.95,
) -> dict[str, Result]:
    """E-value and robustness value of the adjusted difference and of its limit nearest to zero.

    Parameters
    ----------
    frame, outcome, group, covariates, cluster
        As for `adjustment.adjusted`, with the groups as one `Group`.
    level : float
        Of the interval; with classes it is the cluster-robust one.

    Returns
    -------
    dict
        e_value, robustness_value: Result with estimate (of the difference) and effect (of the limit). Where the
        adjusted difference cannot be estimated, both give the reason.
    """
    found, why = attempt(_model, frame, outcome, group, covariates, cluster, level)
    if found is None:
        return dict.fromkeys(("e_value", "robustness_value"), Result("adjusted difference", None, reason=why))
    result, _, se, df = found
    (low, high), value = result.estimate.ci, result.estimate.value
    e, rv = e_values(result.effect), [robustness_value(value / se, df, half / se) for half in (0.0, (high - low) / 2)]
    limit = "of the limit nearest to zero"
    return {
        "e_value": Result("E-value of the adjusted difference", Estimate("E-value", e[0]),
                          Estimate(f"E-value {limit}", e[1]), n=result.n, reference="VanderWeele & Ding 2017"),
        "robustness_value": Result(
            "robustness value of the adjusted difference", Estimate("robustness value (partial R²)", rv[0]),
            Estimate(f"robustness value {limit} (partial R²)", rv[1]), n=result.n,
            reference="Cinelli & Hazlett 2020"),
    }


def benchmarks(
    frame: pd.DataFrame, outcome: str, group: Group, covariates: Sequence[str], cluster: str | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """The adjusted difference if a confounder as strong as each observed covariate had been missed.

    Parameters
    ----------
    As for `sensitivity`.

    Returns
    -------
    DataFrame
        One row per covariate, the most harmful first: predictor, r2_group and r2_outcome (partial R² of the
        confounder), estimate, low, high. The interval keeps the half-width's relation to the ordinary standard error.

    Raises
    ------
    NotEstimableError
        As `adjustment.adjusted`, or if no covariate was named.
    """
    if not covariates:
        raise NotEstimableError("no covariates were named")
    result, data, se, df = _model(frame, outcome, group, covariates, cluster, level)
    value, half = result.estimate.value, (result.estimate.ci[1] - result.estimate.ci[0]) / 2
    treated = pd.Series(data.focal.astype(float), data.x.index, name=data.term)
    rows = []
    for name in covariates:
        columns = [term for term in data.x if term == name or term.startswith(f"{name}: ")]
        bounds, _ = attempt(confounder_bounds, *_shares(data.y, treated, data.x, columns))
        row = {"predictor": name, "r2_group": np.nan, "r2_outcome": np.nan, "estimate": np.nan, "low": np.nan,
               "high": np.nan}
        if bounds:
            d, y = bounds
            left = float(np.sign(value) * (abs(value) - se * np.sqrt(df * y * d / (1 - d))))
            wide = half * float(np.sqrt((1 - y) / (1 - d) * df / (df - 1)))
            row |= {"r2_group": d, "r2_outcome": y, "estimate": left, "low": left - wide, "high": left + wide}
        rows.append(row)
    table = pd.DataFrame(rows)
    order = (table["estimate"] * np.sign(value)).sort_values(kind="stable", na_position="first").index
    return table.loc[order].reset_index(drop=True)


def cutoffs(
    frame: pd.DataFrame, outcome: str, group: Group, cluster: str | None, rng: np.random.Generator, least: int = 5,
    n_boot: int = 2000, level: float = 0.95,
) -> pd.DataFrame:
    """Shares of both groups above every cut-off, and their difference, with bands from whole classes.

    Cut-offs are the whole numbers within the scores, or the scores themselves where these span fewer than ten.

    Classes are drawn with replacement. Pointwise limits are t intervals (classes - 1 df) with the bootstrap standard
    error, which is multiplied by sqrt(G / (G - 1)) for G classes; the simultaneous band covers a whole curve at once:
    its factor is the quantile of the largest studentised deviation over all cut-offs (sup-t; Montiel Olea &
    Plagborg-Møller 2019).

    Parameters
    ----------
    frame : DataFrame, one row per child
    outcome : str
    group : Group
    cluster : str, optional
        Column of the class; without it children are drawn.
    rng : Generator
    least : int
        Cut-offs with fewer children of a group above or at and below are left out: nobody is recognised, and no share
        rests on a handful.
    n_boot : int

    Returns
    -------
    DataFrame
        group ("difference" for focal - reference), cutoff (share counts those above it), share, ci_low, ci_high,
        band_low, band_high, n.

    Raises
    ------
    NotEstimableError
        If a group is empty, no cut-off has enough children on both sides, there is one class only, or the resampled
        classes often lack one of the groups.
    """
    here, there = two(frame, group.variable, group.reference, group.focal)
    data = frame[here | there].dropna(subset=[outcome, *([cluster] if cluster else [])])
    score, focal = data[outcome].to_numpy(float), members(data, group.variable, group.focal).to_numpy()
    codes, units = pd.factorize(data[cluster] if cluster else np.arange(len(data)))
    if len(units) < 2:
        raise NotEstimableError("all children are in one cluster; at least two are needed")
    whole = np.arange(np.ceil(score.min()), score.max())
    cuts = whole if len(whole) >= 10 else np.unique(score)
    above = score[:, None] > cuts
    sides = (~focal, focal)
    enough = [np.minimum(above[s].sum(0), (~above[s]).sum(0)) >= least for s in sides]
    cuts, above = cuts[enough[0] & enough[1]], above[:, enough[0] & enough[1]]
    if cuts.size < 2:
        raise NotEstimableError(f"fewer than two cut-offs have {least} children of each group above and below")
    member = codes[:, None] == np.arange(len(units)) if len(units) < len(data) else np.eye(len(data), dtype=bool)
    counted = [(member[s].T.astype(float) @ above[s], member[s].sum(0).astype(float)) for s in sides]
    times = rng.multinomial(len(units), np.full(len(units), 1 / len(units)), size=n_boot).astype(float)
    times = np.vstack([np.ones(len(units)), times])  # the first row is the sample itself
    sizes = np.stack([times @ n for _, n in counted])
    kept = (sizes > 0).all(axis=0)
    if kept.mean() < 0.9:
        raise NotEstimableError("resampled classes often lack one of the groups: too few classes hold both")
    shares = [(times @ hits)[kept] / size[kept, None] for (hits, _), size in zip(counted, sizes, strict=True)]
    curves = {label(group.reference): shares[0], label(group.focal): shares[1], "difference": shares[1] - shares[0]}
    ns = [int(s.sum()) for s in sides]
    parts = [_bands(name, cuts, curve, n, len(units), level)
             for (name, curve), n in zip(curves.items(), [*ns, sum(ns)], strict=True)]
    return pd.concat(parts, ignore_index=True)


def _bands(name: str, cuts: np.ndarray, curve: np.ndarray, n: int, units: int, level: float) -> pd.DataFrame:
    value, drawn = curve[0], curve[1:]
    se = drawn.std(axis=0, ddof=1) * np.sqrt(units / (units - 1))
    if not (se > 0).all():
        raise NotEstimableError("a share does not vary between resampled classes")
    pointwise = float(stats.t.isf((1 - level) / 2, units - 1))
    largest = (np.abs(drawn - value) / drawn.std(axis=0, ddof=1)).max(axis=1)
    # The quantile is one of normal deviates; few classes call for the t quantile of the same tail probability.
    together = max(pointwise, float(stats.t.isf(stats.norm.sf(np.quantile(largest, level)), units - 1)))
    floor = -1.0 if name == "difference" else 0.0
    limits = {f"{kind}_{end}": np.clip(value + sign * k * se, floor, 1.0)
              for kind, k in (("ci", pointwise), ("band", together)) for end, sign in (("low", -1), ("high", 1))}
    return pd.DataFrame({"group": name, "cutoff": cuts, "share": value} | limits | {"n": n})
