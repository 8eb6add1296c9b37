"""Two groups made comparable by propensity weights: overlap weights, doubly robust, balance, who is comparable."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy import special, stats

from lbc.analysis.adjustment import Complete, adjusted, complete
from lbc.analysis.groups import attempt
from lbc.analysis.multilevel import random_intercept
from lbc.analysis.regression import linear
from lbc.errors import NotEstimableError
from lbc.params import Group
from lbc.results import Estimate, Result, Test

CERTAIN = 20.0
"""Log odds beyond which a child's group counts as given by the covariates (propensity within 2e-9 of 0 or 1)."""
LEAST_EFFECTIVE = 10.0
"""Children that a weighted group must be worth; fewer are no comparison."""


def propensity(x: np.ndarray, focal: np.ndarray) -> np.ndarray:
    """Probability of the focal group at each child's covariates, by logistic regression (Newton's method).

    Parameters
    ----------
    x : ndarray, shape (n, p)
        Design matrix, the intercept first.
    focal : ndarray of bool, shape (n,)

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    NotEstimableError
        If the covariates tell the group of some children with certainty (separation), so that nobody of the other
        group is like them.
    """
    spread = x.std(axis=0)
    z = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    z[:, 0] = 1.0
    beta = np.zeros(z.shape[1])
    for _ in range(60):
        eta = z @ beta
        if (sure := int((np.abs(eta) > CERTAIN).sum())) > 0:
            raise NotEstimableError(f"the covariates tell the group of {sure} of {len(eta)} children with certainty: "
                                    "the other group has nobody like them")
        e = special.expit(eta)
        # A dummy whose level went with a class left out is a column of zeros: the pseudo-inverse leaves it alone.
        step = np.linalg.pinv((z.T * (e * (1 - e))) @ z, hermitian=True) @ (z.T @ (focal - e))
        beta += step
        if np.abs(step).max() < 1e-10:
            return special.expit(z @ beta)
    raise NotEstimableError("the propensity model does not converge: the covariates nearly separate the groups")


def overlap_weights(e: np.ndarray, focal: np.ndarray) -> np.ndarray:
    """1 - e in the focal group, e in the reference group (Li, Morgan & Zaslavsky 2018)."""
    return np.where(focal, 1 - e, e)


def odds_weights(e: np.ndarray, focal: np.ndarray) -> np.ndarray:
    """1 in the focal group, e / (1 - e) in the reference group: weighted, it resembles the focal group."""
    return np.where(focal, 1.0, e / (1 - e))


def effective(weights: np.ndarray) -> float:
    """How many equally weighted children are worth as much (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def _overlap_difference(y: np.ndarray, x: np.ndarray, focal: np.ndarray) -> float:
    w = overlap_weights(propensity(x, focal), focal)
    return float(np.average(y[focal], weights=w[focal]) - np.average(y[~focal], weights=w[~focal]))


def _doubly_robust_difference(y: np.ndarray, x: np.ndarray, focal: np.ndarray) -> float:
    """Mean of outcome minus prediction in the focal group; the prediction is from the odds-weighted reference group.

    Its weighted residuals in the reference group sum to zero, so the correction term of the augmented estimator is
    zero too: this is AIPW with a weighted outcome model.
    """
    root = np.sqrt(odds_weights(propensity(x, focal), focal)[~focal])
    coef = np.linalg.lstsq(root[:, None] * x[~focal], root * y[~focal])[0]
    return float((y[focal] - x[focal] @ coef).mean())


Difference = Callable[[np.ndarray, np.ndarray, np.ndarray], float]


def _jackknife(difference: Difference, data: Complete) -> tuple[float, float, int]:
    """Estimate, standard error and df = units - 1, by leaving out one class (or child) after the other."""
    y, x, focal = data.y.to_numpy(), data.x.to_numpy(), data.focal
    value = difference(y, x, focal)
    codes, names = pd.factorize(np.arange(len(y)) if data.clusters is None else data.clusters)
    if len(names) < 2:
        raise NotEstimableError("all children are in one cluster; at least two are needed")
    without = np.empty(len(names))
    for g, name in enumerate(names):
        keep = codes != g
        if focal[keep].all() or not focal[keep].any():
            raise NotEstimableError(f"one of the groups is found in {name} only")
        try:
            without[g] = difference(y[keep], x[keep], focal[keep])
        except NotEstimableError as error:
            raise NotEstimableError(f"without {name}: {error}") from None
    df = len(names) - 1
    return value, float(np.sqrt(df / len(names) * ((without - value) ** 2).sum())), df


def _prepared(
    frame: pd.DataFrame, outcome: str, group: Group, covariates: Sequence[str], cluster: str | None
) -> tuple[Complete, np.ndarray]:
    """Complete rows and their propensity, after the checks that a regression on the same columns makes."""
    if not covariates:
        raise NotEstimableError("no covariates were named")
    data = complete(frame, outcome, group.variable, group.reference, group.focal, covariates, cluster)
    linear(data.y, data.x.assign(**{data.term: data.focal.astype(float)}), "classic")
    return data, propensity(data.x.to_numpy(), data.focal)


def _weighted(
    difference: Difference, weigh: Callable[[np.ndarray, np.ndarray], np.ndarray], method: str, reference: str,
    data: Complete, e: np.ndarray, level: float,
) -> Result:
    w = weigh(e, data.focal)
    worth = {name: effective(w[rows]) for name, rows in zip(data.n, (~data.focal, data.focal), strict=True)}
    for name, size in worth.items():
        if size < LEAST_EFFECTIVE:
            raise NotEstimableError(f"weighted, the {data.n[name]} children of group {name} are worth {size:.1f}; at "
                                    f"least {LEAST_EFFECTIVE:g} are needed")
    value, se, df = _jackknife(difference, data)
    if not se > 1e-12 * max(1.0, abs(value)):
        raise NotEstimableError("the standard error is zero")
    half, pooled = float(stats.t.isf((1 - level) / 2, df)) * se, data.pooled_sd
    ci = (value - half, value + half)
    return Result(
        method=f"{method}, jackknife over {'children' if data.clusters is None else 'classes'}",
        estimate=Estimate("adjusted mean difference", value, ci, level),
        effect=Estimate("adjusted difference / pooled SD", value / pooled, (ci[0] / pooled, ci[1] / pooled), level),
        test=Test("t", value / se, df, float(2 * stats.t.sf(abs(value / se), df))),
        n=data.n,
        reference=reference,
        extra={"se": se, "effective": worth, "propensity": e, "weights": w, "dropped": sum(data.dropped.values())},
    )


def overlap_weighted(
    frame: pd.DataFrame, outcome: str, group: Group, covariates: Sequence[str], cluster: str | None = None,
    level: float = 0.95,
) -> Result:
    """Difference between the groups among children who could as well be in either: overlap weights.

    The weighted means of all covariates are equal in both groups, exactly. The standard error leaves out one class
    after the other and fits propensity and difference anew each time, so it allows for the propensity being estimated
    and for classes; with few classes this jackknife (CV3) is safer than a sandwich (MacKinnon, Nielsen & Webb 2023).

    Parameters
    ----------
    frame : DataFrame, one row per child
        Rows with a missing value are left out and counted, as in `adjustment.complete`.
    outcome : str
    group : Group
    covariates : sequence of str
    cluster : str, optional
        Column of the class; without it children are left out one by one.

    Returns
    -------
    Result
        estimate: focal - reference in the overlap population; effect: the same over the pooled SD; test: t with
        classes - 1 df. extra: se, effective (children each group is worth), propensity, weights, dropped.

    Raises
    ------
    NotEstimableError
        If a group is empty, a covariate constant or redundant, the covariates separate the groups, a weighted group
        is worth fewer than `LEAST_EFFECTIVE` children, or there is only one class.
    """
    return _weighted(_overlap_difference, overlap_weights, "overlap weights", "Li, Morgan & Zaslavsky 2018",
                     *_prepared(frame, outcome, group, covariates, cluster), level)


def doubly_robust(
    frame: pd.DataFrame, outcome: str, group: Group, covariates: Sequence[str], cluster: str | None = None,
    level: float = 0.95,
) -> Result:
    """Difference for the children of the focal group (ATT): right if the propensity or the outcome model is right.

    The reference children, weighted by the odds of being in the focal group, predict what the focal children would
    score in the reference group (Robins, Rotnitzky & Zhao 1994; Wooldridge 2007). Arguments, standard error and what
    is returned and raised as for `overlap_weighted`.
    """
    return _weighted(_doubly_robust_difference, odds_weights, "doubly robust (AIPW, focal group)",
                     "Robins, Rotnitzky & Zhao 1994; Wooldridge 2007",
                     *_prepared(frame, outcome, group, covariates, cluster), level)


def weighted(
    frame: pd.DataFrame, outcome: str, group: Group, covariates: Sequence[str], cluster: str | None = None
) -> dict[str, Result]:
    """Both weighted differences by name: overlap_weighted, doubly_robust; or the reason why there is none."""
    found = {}
    for function in (overlap_weighted, doubly_robust):
        result, why = attempt(function, frame, outcome, group, covariates, cluster)
        found[function.__name__] = result or Result(function.__name__.replace("_", " "), None, reason=why)
    return found


def _moments(values: np.ndarray, w: np.ndarray) -> tuple[float, float]:
    """Weighted mean and variance: unbiased, but p(1 - p) for a 0/1 variable."""
    mean = float(np.average(values, weights=w))
    variance = float(np.average((values - mean) ** 2, weights=w))
    yes_no = np.isin(values, (0, 1)).all()
    return mean, variance if yes_no else variance / (1 - 1 / effective(w))


def balance(
    frame: pd.DataFrame, outcome: str, group: Group, covariates: Sequence[str], cluster: str | None = None
) -> pd.DataFrame:
    """How alike the two groups are in each covariate: as they are, with overlap weights, and with odds weights.

    Parameters
    ----------
    frame, outcome, group, covariates, cluster
        As for `overlap_weighted`; the same complete rows.

    Returns
    -------
    DataFrame
        term; smd, smd_overlap, smd_odds: difference focal - reference over the unweighted root mean square SD
        (Austin 2009); ratio, ratio_overlap, ratio_odds: variance focal / reference, NaN for 0/1 variables.

    Raises
    ------
    NotEstimableError
        As `overlap_weighted`, except for the classes.
    """
    data, e = _prepared(frame, outcome, group, covariates, cluster)
    schemes = {"": np.ones(len(e)), "_overlap": overlap_weights(e, data.focal), "_odds": odds_weights(e, data.focal)}
    rows = []
    for term, column in data.x.iloc[:, 1:].items():
        values = column.to_numpy()
        smd, ratio, sd = {}, {}, 0.0
        for name, w in schemes.items():
            (m0, v0), (m1, v1) = (_moments(values[side], w[side]) for side in (~data.focal, data.focal))
            sd = sd or float(np.sqrt((v0 + v1) / 2))
            smd[f"smd{name}"] = round((m1 - m0) / sd, 10) + 0.0  # an exact balance is 0, not what rounding leaves
            ratio[f"ratio{name}"] = v1 / v0 if v0 > 0 and not np.isin(values, (0, 1)).all() else np.nan
        rows.append({"term": term} | smd | ratio)
    return pd.DataFrame(rows)


def comparable(
    frame: pd.DataFrame, outcome: str, group: Group, covariates: Sequence[str], cluster: str | None = None
) -> pd.DataFrame:
    """How many children of each group can be compared; arguments and errors as for `balance`.

    Returns
    -------
    DataFrame
        group, n (complete rows), left_out, effective_overlap, effective_odds (children the weighted group is
        worth), e_low, e_median, e_high (smallest, median and largest propensity), outside (share of the group whose
        propensity no child of the other group reaches or falls below).
    """
    data, e = _prepared(frame, outcome, group, covariates, cluster)
    rows = []
    for name, mine in zip(data.n, (~data.focal, data.focal), strict=True):
        others = e[~mine]
        outside = (e[mine] < others.min()) | (e[mine] > others.max())
        rows.append({
            "group": name, "n": data.n[name], "left_out": data.dropped[name],
            "effective_overlap": effective(overlap_weights(e, data.focal)[mine]),
            "effective_odds": effective(odds_weights(e, data.focal)[mine]),
            "e_low": e[mine].min(), "e_median": float(np.median(e[mine])), "e_high": e[mine].max(),
            "outside": float(outside.mean()),
        })
    return pd.DataFrame(rows)


def side_by_side(
    frame: pd.DataFrame, outcome: str, group: Group, covariates: Sequence[str], cluster: str | None = None
) -> pd.DataFrame:
    """The difference by every method of adjustment on the same complete rows; arguments as for `overlap_weighted`.

    Returns
    -------
    DataFrame
        method, target (for whom it holds), estimate, se, low, high, df, p; and `reason`, if a method gives nothing.

    Raises
    ------
    NotEstimableError
        If no method gives an estimate.
    """
    frame = frame.dropna(subset=[outcome, *covariates, *([cluster] if cluster else [])])
    values = (group.variable, group.reference, group.focal)

    def regression(names: Sequence[str], class_: str | None, interactions: bool = False) -> Result:
        return adjusted(frame, outcome, *values, names, class_, interactions=interactions)

    def mixed() -> Result:
        data = complete(frame, outcome, *values, covariates, cluster)
        x = data.x.assign(**{data.term: data.focal.astype(float)})
        result = random_intercept(data.y, x, data.clusters.tolist()).result(data.term)
        return Result(result.method, result.estimate, test=result.test,
                      extra={"se": result.estimate.value / result.test.statistic})

    kind = "CR2" if cluster else "HC3"
    by = (outcome, group, covariates, cluster)
    rows = [(f"unadjusted, {kind}", "all children", attempt(regression, [], cluster)),
            ("regression, HC3", "all children", attempt(regression, covariates, None)),
            *([("regression, CR2", "all children", attempt(regression, covariates, cluster)),
               ("regression, random intercept", "all children", attempt(mixed))] if cluster else []),
            (f"regression with interactions, {kind}", "all children", attempt(regression, covariates, cluster, True)),
            ("overlap weights, jackknife", "comparable children", attempt(overlap_weighted, frame, *by)),
            ("doubly robust, jackknife", "focal", attempt(doubly_robust, frame, *by))]
    if not any(result for _, _, (result, _) in rows):
        raise NotEstimableError(rows[-1][2][1])
    names = ["method", "target", "estimate", "se", "low", "high", "df", "p"]
    table = [(method, target, r.estimate.value, r.extra["se"], *r.estimate.ci, r.test.df, r.test.p, "") if r
             else (method, target, *[np.nan] * 6, why) for method, target, (r, why) in rows]
    frame = pd.DataFrame(table, columns=[*names, "reason"])
    return frame if frame["reason"].any() else frame[names]
