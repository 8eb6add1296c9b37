"""Specification curve: the group difference by every defensible analysis, and one test of all of them together.

Six choices are declared in params: who counts as in the group (definition), who is set aside as careless (exclusion),
what is done about missing answers (missing), how the scale is scored (scoring), what is held equal (covariates), how
the difference is estimated (estimator). Differences are in standard deviations of the outcome over all children of
the sample: the one unit that scorings share and that does not move with the definition of the groups.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from lbc.analysis.groups import attempt, members
from lbc.analysis.many_fits import fits, p_values
from lbc.analysis.regression import design
from lbc.analysis.scorings import Score, normal_scores, scorings
from lbc.analysis.views import known
from lbc.errors import NotEstimableError
from lbc.instruments import Instrument
from lbc.params import Group, Params
from lbc.results import Estimate, Result, Test

CHOICES = ["definition", "exclusion", "missing", "scoring", "covariates", "estimator"]
FEWEST = 5
"""Children in each group below which a specification is not computed."""
Jobs = dict[tuple[str, str, str, bytes], list[tuple[dict[str, Any], Score]]]
"""Specifications by what is computed at once: definition, covariates, kind of fit, children (as a mask)."""


@dataclass(frozen=True, eq=False)
class Curve:
    """All specifications, on the data and on the permuted data.

    Parameters
    ----------
    table : DataFrame
        One row per specification: the six choices, n, estimate (SD), ci_low, ci_high, p, points (estimate times the
        SD of the total score), main (the town's own choices).
    null : ndarray, shape (specifications, permutations)
        Estimates on the permuted data.
    tests : DataFrame
        quantity, observed, null_high (95 % of the permutations are closer to zero), p.
    left_out : dict of str to int
        Declared specifications that were not computed, by reason.
    children : int
        Children who are in any specification.
    within : str
        Column of the classes within which was permuted; empty without classes.
    """

    table: pd.DataFrame
    null: np.ndarray = field(repr=False)
    tests: pd.DataFrame
    left_out: dict[str, int]
    children: int
    within: str


def specifications(children: pd.DataFrame, p: Params, scale: Instrument, rng: np.random.Generator) -> Curve:
    """Estimate every declared specification, on the data and on data with the groups permuted.

    Parameters
    ----------
    children : DataFrame
        As `survey.overview.choices` makes it, before anybody is set aside as careless: the variables that define the
        groups, covariates and class, `n_flags`, the keyed items of the outcome, their imputed values as
        `<item>@imputed`.
    p : Params
        `p.comparison.specifications`, and what is the town's own choice in each.
    scale : Instrument
        The outcome's instrument.
    rng : Generator

    Returns
    -------
    Curve

    Raises
    ------
    NotEstimableError
        If params declare no specifications, fewer than two can be computed, or nothing can be permuted.

    Notes
    -----
    A declared specification is left out if the town has no such thing (absent), if it contradicts itself (Welch with
    covariates, or a regression that is the same comparison for want of covariates), if it has the same children and
    numbers as an earlier one (duplicate), or if its groups are too small or its covariates do not vary (too few). The
    rows of all group variables are permuted together, among children of one class of whom the same definitions are
    known: under the null hypothesis that a child's status says nothing beyond its class, they could have changed
    places. Each data set so permuted goes through every specification, so the joint test heeds how alike the
    specifications are (Simonsohn, Simmons & Nelson 2020; Steegen et al. 2016).
    """
    wanted, cluster = p.comparison.specifications, p.comparison.cluster
    if wanted is None:
        raise NotEstimableError("params declare no specifications (comparison.specifications)")
    cluster = cluster if cluster in children else None
    statuses = {d: _status(children, d, p.comparison.group) for d in wanted.definitions if d in children}
    if not statuses:
        raise NotEstimableError(f"the survey has none of the definitions {', '.join(wanted.definitions)}")
    classes = pd.factorize(children[cluster])[0] if cluster else np.full(len(children), -1)
    drawn = _permuted(statuses, classes, wanted.permutations, rng)
    jobs, left_out = _plan(children, p, scale, statuses, classes)
    rows, found, anybody = _compute(children, wanted.covariates, jobs, drawn, classes, left_out)
    if len(rows) < 2:
        reasons = ", ".join(f"{n} {reason}" for reason, n in left_out.items())
        raise NotEstimableError(f"a curve needs two specifications; {len(rows)} can be computed ({reasons})")
    table = pd.DataFrame(rows).sort_values("place")  # as declared, whatever was computed together
    b, se, df = np.array(found)[table.index].transpose(1, 0, 2)
    p_found, half = p_values(b, se, df), special.stdtrit(df[:, 0], 0.975) * se[:, 0]
    value = b[:, 0].round(10)  # equal estimates of two estimators stay equal, and keep their order, on any processor
    table = table.drop(columns=["place", "sd"]).assign(
        estimate=value, ci_low=value - half, ci_high=value + half, p=p_found[:, 0], points=value * table["sd"])
    table = table.reset_index(drop=True)
    table["main"] = _own(table, p, statuses, children)
    return Curve(table, b[:, 1:], _joint(b, p_found), dict(left_out), int(anybody.sum()), cluster or "")


def _compute(
    children: pd.DataFrame, covariates: dict[str, list[str]], jobs: Jobs, drawn: dict[str, np.ndarray],
    classes: np.ndarray, left_out: Counter[str],
) -> tuple[list[dict[str, Any]], list[np.ndarray], np.ndarray]:
    """Of each specification what it chose, its estimates, errors and df (3 x data sets); who is in any of them."""
    rows, found, anybody = [], [], np.zeros(len(children), bool)
    for (definition, name, kind, mask), specs in jobs.items():
        used = np.frombuffer(mask, bool)
        d = drawn[definition][used]
        x, why_not = attempt(design, children[used], covariates[name])
        if why_not or min(d[:, 0].sum(), (1 - d[:, 0]).sum()) < FEWEST:
            left_out["too few"] += len(specs)
            continue
        y = np.column_stack([y for _, (y, _) in specs])[used]
        numbers = np.stack(fits(kind, y, d, x.to_numpy()[:, 1:], classes[used]), axis=1)
        for (chosen, (_, sd)), own in zip(specs, numbers, strict=True):
            if np.isfinite(own[:, 0]).all() and own[1, 0] > 1e-9:
                rows.append(chosen | {"n": int(used.sum()), "sd": sd})
                found.append(own)
                anybody |= used
            else:
                left_out["too few"] += 1
    return rows, found, anybody


def _status(children: pd.DataFrame, name: str, group: Group) -> np.ndarray:
    """1 = group of interest, 0 = reference group, NaN = neither or not known."""
    focal, reference = members(children, name, group.focal), members(children, name, group.reference)
    return np.where(focal, 1.0, np.where(reference, 0.0, np.nan))


def _permuted(
    statuses: dict[str, np.ndarray], classes: np.ndarray, times: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Of each definition the status as it is (first column) and permuted, children x (1 + times)."""
    every = np.column_stack([classes, *(np.isnan(status) for status in statuses.values())])
    strata = np.unique(every, axis=0, return_inverse=True)[1].ravel()
    order = np.tile(np.arange(len(every))[:, None], times + 1)
    for stratum in range(strata.max() + 1):
        rows = np.flatnonzero(strata == stratum)
        order[rows, 1:] = rows[rng.random((len(rows), times)).argsort(axis=0)]
    drawn = {name: status[order] for name, status in statuses.items()}
    if all(np.array_equal(d, np.broadcast_to(d[:, :1], d.shape), equal_nan=True) for d in drawn.values()):
        raise NotEstimableError("all children of a class have the same status: nothing can be permuted")
    return drawn


def _plan(
    children: pd.DataFrame, p: Params, scale: Instrument, statuses: dict[str, np.ndarray], classes: np.ndarray
) -> tuple[Jobs, Counter[str]]:
    """The specifications to compute, and how many are left out for which reason."""
    wanted = p.comparison.specifications
    scores = {(exclusion, missing, scoring): score for exclusion in wanted.exclusions for missing in wanted.missing
              for scoring, score in scorings(children, exclusion, missing, p.cleaning.min_answered, scale)}
    jobs: Jobs = {}
    seen, left_out = set(), Counter()
    everything = itertools.product(wanted.definitions, wanted.exclusions, wanted.missing, wanted.scoring,
                                   wanted.covariates, wanted.estimators)
    for place, chosen in enumerate(everything):
        definition, exclusion, missing, scoring, covariates, estimator = chosen
        names, score = wanted.covariates[covariates], scores.get((exclusion, missing, scoring))
        by_class = estimator in ("cluster", "within")
        no_class = by_class and classes.max() < 1
        if definition not in statuses or score is None or not set(names) <= set(children) or no_class:
            left_out["absent"] += 1
            continue
        if (estimator == "welch" and names) or (estimator == "ols" and not names):
            left_out["contradictory"] += 1
            continue
        score = normal_scores(score) if estimator == "ranks" else score
        status = statuses[definition]
        used = np.isfinite(status) & np.isfinite(score[0]) & children[names].notna().all(axis=1).to_numpy()
        used &= (classes >= 0) | (not by_class)
        mark = (status[used].tobytes(), np.round(score[0][used], 9).tobytes(), used.tobytes(), frozenset(names),
                estimator)
        if mark in seen:
            left_out["duplicate"] += 1
            continue
        seen.add(mark)
        kind = "ols" if estimator == "ranks" else estimator
        named = (definition, f"{exclusion} flags" if exclusion else "nobody", *chosen[2:])
        jobs.setdefault((definition, covariates, kind, used.tobytes()), []).append(
            ({"place": place} | dict(zip(CHOICES, named, strict=True)), score))
    return jobs, left_out


def _own(table: pd.DataFrame, p: Params, statuses: dict[str, np.ndarray], children: pd.DataFrame) -> pd.Series:
    """The specifications that are the town's own choices: the plain difference, and the adjusted one by class."""
    group, wanted = p.comparison.group, p.comparison.specifications
    own = _status(children, group.variable, group) if group.variable in children else np.array([])
    definitions = [name for name, status in statuses.items() if np.array_equal(status, own, equal_nan=True)]
    sets = [name for name, names in wanted.covariates.items() if set(names) == set(p.comparison.covariates)]
    adjusted = (table["estimator"] == "cluster") & table["covariates"].isin(sets)
    return (table["definition"].isin(definitions) & (table["exclusion"] == f"{p.cleaning.careless.min_flags} flags")
            & (table["missing"] == "person_mean") & (table["scoring"] == "total")
            & ((table["estimator"] == "welch") | adjusted))


def _joint(b: np.ndarray, p: np.ndarray) -> pd.DataFrame:
    """The three statistics of Simonsohn, Simmons & Nelson (2020), two-sided; the data count as one permutation."""
    sign = np.sign(np.nan_to_num(b))
    z = -special.ndtri(np.maximum(p, 1e-300) / 2) * sign
    clear = (p < 0.05) * sign
    values = {
        "median estimate": np.median(np.nan_to_num(b), axis=0),
        "share with p < .05 in one direction": np.maximum((clear > 0).mean(axis=0), (clear < 0).mean(axis=0)),
        "Stouffer's Z": z.sum(axis=0) / np.sqrt(len(z)),
    }
    rows = []
    for name, value in values.items():
        far = np.abs(value)
        rows.append((name, value[0], np.quantile(far[1:], 0.95), np.mean(far >= far[0] - 1e-9)))
    return pd.DataFrame(rows, columns=["quantity", "observed", "null_high", "p"])


def joint_test(curve: Curve | NotEstimableError) -> Result:
    """The median specification in points and SD, tested by permutation; how many specifications agree.

    Returns
    -------
    Result
        No interval: the spread of the specifications is not the uncertainty of any of them. n: children,
        specifications, "same sign" (as the median), "same sign, p < .05". extra: tests, left_out, middle (limits of
        the middle 95 % of the estimates, SD).
    """
    curve = known(curve)
    table, where = curve.table, f"within {curve.within}" if curve.within else "over all children"
    same, clear = _agree(table)
    median = float(table["estimate"].median())
    return Result(
        f"specification curve; joint test on {curve.null.shape[1]} data sets with the groups permuted {where}",
        Estimate("median specification", float(table["points"].median()), unit="points"),
        Estimate("median specification / SD", median),
        Test("joint permutation test", median, None, float(curve.tests["p"][0])),
        {"children": curve.children, "specifications": len(table), "same sign": int(same.sum()),
         "same sign, p < .05": int(clear.sum())},
        "Simonsohn, Simmons & Nelson 2020",
        {"tests": curve.tests, "left_out": curve.left_out,
         "middle": tuple(table["estimate"].quantile([0.025, 0.975]))},
    )


def _agree(table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Whether a specification has the sign of the median, and has it with p < .05."""
    same = np.sign(table["estimate"]) == np.sign(table["estimate"].median())
    return same, same & (table["p"] < 0.05)


def joint_table(curve: Curve | NotEstimableError) -> pd.DataFrame:
    """The joint tests: quantity, observed, null_high, p."""
    return known(curve).tests


def choices_table(curve: Curve | NotEstimableError) -> pd.DataFrame:
    """What each choice changes.

    Returns
    -------
    DataFrame
        choice, option, n (specifications), median (SD), points (median), same_sign, clear (shares), explained. The
        first row is all specifications. `explained` is the share of the estimates' variance that an additive model of
        all choices explains (first row), and what it loses without the choice (partial sum of squares).
    """
    table = known(curve).table
    same, clear = _agree(table)
    table = table.assign(same=same, clear=clear)
    whole = _r2(table, CHOICES)
    rows = [_summary("all", "all", table, whole)]
    for choice in CHOICES:
        lost = whole - _r2(table, [c for c in CHOICES if c != choice])
        rows += [_summary(choice, option, part, lost) for option, part in table.groupby(choice, sort=False)]
    return pd.DataFrame(rows)


def _summary(choice: str, option: str, part: pd.DataFrame, explained: float) -> dict[str, Any]:
    return {"choice": choice, "option": option, "n": len(part), "median": part["estimate"].median(),
            "points": part["points"].median(), "same_sign": part["same"].mean(), "clear": part["clear"].mean(),
            "explained": max(explained, 0.0)}


def _r2(table: pd.DataFrame, choices: list[str]) -> float:
    x = np.column_stack([np.ones(len(table)), pd.get_dummies(table[choices], dtype=float)])
    y = table["estimate"].to_numpy()
    rest = y - x @ np.linalg.lstsq(x, y)[0]
    return float(1 - rest.var() / y.var()) if y.var() > 1e-20 else 0.0


def curve_data(curve: Curve | NotEstimableError) -> tuple[pd.DataFrame, dict[str, float], float]:
    """For `figures.specification_curve`: specifications, what each choice explains (`choices_table`), points per SD.

    `null_low`, `null_mid` and `null_high` are percentiles (2.5, 50, 97.5) over the permutations of the estimate that
    stands at the same place of the sorted curve.
    """
    curve = known(curve)
    band = np.quantile(np.sort(np.nan_to_num(curve.null), axis=0), [0.025, 0.5, 0.975], axis=1)
    place = curve.table["estimate"].rank(method="first").astype(int).to_numpy() - 1
    data = curve.table.assign(null_low=band[0][place], null_mid=band[1][place], null_high=band[2][place])
    explained = choices_table(curve).drop_duplicates("choice").set_index("choice")["explained"].drop("all")
    return data, explained.to_dict(), float((data["points"] / data["estimate"].where(data["estimate"] != 0)).median())
