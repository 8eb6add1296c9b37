"""How often each test of notebooks 01 to 03 rejects when nothing is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats

from benchmarks.calibration.monte_carlo import Part
from benchmarks.calibration.towns import without_effect
from benchmarks.calibration.worlds import (
    COVARIATES,
    GROUPS,
    OTHERS,
    again,
    answers,
    completed,
    items_of,
    specified,
    survey,
    with_gaps,
)
from lbc.analysis import (
    comparison,
    dimensions,
    ecology,
    factors,
    families,
    invariance,
    levels,
    measurement,
    mediation,
    moderation,
    multilevel,
    ordinal,
    permutation,
    pooled_levels,
    pooling,
    sensitivity,
    slopes,
    stats,
    weighting,
)
from lbc.analysis.adjustment import adjusted
from lbc.analysis.cfa import fit
from lbc.analysis.groups import attempt, result
from lbc.analysis.regression import design
from lbc.params import Contrast, Group
from lbc.results import Result
from lbc.survey import missing

ALPHA = 0.05
SHUFFLES = 999  # notebooks take 10,000; the error rate does not depend on their number
BOUND = 3.0  # points
GROUP = Group(variable="group", reference="0", focal="1")
TWO = ("total", "group", 0, 1)
WEIGHTS = {
    "someone_away": {"neither": -3, "father": 1, "mother": 1, "both": 1},
    "both_or_one": {"father": -1, "mother": -1, "both": 2},
    "mother_or_father": {"father": -1, "mother": 1},
}
UNNAMED = {"en": "-", "zh": "-"}
PLANNED = [Contrast.model_validate({"id": name, "variable": "away", "weights": weights, "label": UNNAMED})
           for name, weights in WEIGHTS.items()]
BLOCKS = {"first": COVARIATES, "second": OTHERS}
Rejections = dict[str, bool]


def rejected(p: Mapping[str, float | None]) -> Rejections:
    """Which tests reject; those that the data did not allow are left out."""
    return {name: bool(value < ALPHA) for name, value in p.items() if value is not None and np.isfinite(value)}


def _p(function: Callable[..., Result], *args: Any, **kwargs: Any) -> float | None:
    """p of a function that gives a Result, or None where the data do not allow it."""
    found, _ = attempt(partial(function, **kwargs), *args)
    return None if found is None else found.test.p


def _any(results: Mapping[str, Result]) -> float | None:
    """The smallest adjusted p of a family: it rejects where any of its tests does."""
    return min((r.test.p_adjusted for r in results.values() if r.test), default=None)


def two_groups(rng: np.random.Generator, group: str) -> Rejections:
    """The group difference, and Holm's family of three part scores."""
    frame = survey(rng, group)
    found = comparison.two_groups(frame, *TWO)
    focal = frame["group"] == 1
    parts = {name: stats.welch(frame.loc[focal, name], frame.loc[~focal, name]) for name in "abc"}
    own = adjusted(frame, *TWO, COVARIATES, "class")
    x = design(frame, ["group", *COVARIATES])
    mixed = multilevel.random_intercept(frame["total"], x, frame["class"].tolist())
    return rejected({
        "Welch's t": found.test.p,
        "Brunner-Munzel": found.extra["bm"].test.p,
        "three part scores, Holm (any)": _any(families.family(parts)),
        "unadjusted, CR2": _p(adjusted, frame, *TWO, [], "class"),
        "covariates, HC3": _p(adjusted, frame, *TWO, COVARIATES),
        "covariates, CR2": own.test.p,
        "a covariate of that model, CR2": own.extra["coefficients"].set_index("term").loc["girl", "p"],
        "covariates with interactions, CR2": _p(adjusted, frame, *TWO, COVARIATES, "class", interactions=True),
        "covariates, random intercept": mixed.result("group").test.p,
        "overlap weights": _p(weighting.overlap_weighted, frame, "total", GROUP, COVARIATES, "class"),
        "doubly robust": _p(weighting.doubly_robust, frame, "total", GROUP, COVARIATES, "class"),
    })


def confounded(rng: np.random.Generator) -> Rejections:
    """Groups that differ in a cause of loneliness only."""
    frame = survey(rng, GROUPS[1], confounded=0.5)
    return rejected({
        "unadjusted, CR2": _p(adjusted, frame, *TWO, [], "class"),
        "covariates, CR2": _p(adjusted, frame, *TWO, COVARIATES, "class"),
        "covariates with interactions, CR2": _p(adjusted, frame, *TWO, COVARIATES, "class", interactions=True),
        "overlap weights": _p(weighting.overlap_weighted, frame, "total", GROUP, COVARIATES, "class"),
        "doubly robust": _p(weighting.doubly_robust, frame, "total", GROUP, COVARIATES, "class"),
    })


def bound(rng: np.random.Generator, group: str) -> Rejections:
    """The equivalence test where the true difference is just the smallest that matters."""
    frame = survey(rng, group)
    frame["total"] += BOUND * frame["group"]
    return rejected({"equivalence (TOST) at the bound": _p(comparison.equivalent, frame, *TWO, BOUND)})


def shuffled(rng: np.random.Generator, group: str) -> Rejections:
    """Permutation tests, free and within classes."""
    frame = survey(rng, group)
    y, focal, classes = frame["total"].to_numpy(), frame["group"].to_numpy() == 1, frame["class"].to_numpy()
    kinds = {"studentised permutation": (False, None), "studentised permutation within classes": (False, classes),
             "Brunner-Munzel, permuted": (True, None), "Brunner-Munzel, permuted within classes": (True, classes)}
    return rejected({name: _p(permutation.permuted, y, focal, rng, ranks, by, n=SHUFFLES)
                     for name, (ranks, by) in kinds.items()})


def several_levels(rng: np.random.Generator, group: str) -> Rejections:
    """Contrasts, interactions and one-way tests."""
    frame = survey(rng, group)
    p: dict[str, float | None] = {}
    for kind, cluster in (("Welch", None), ("CR2", "class")):
        found = families.contrasts(frame, "total", PLANNED, cluster)
        p |= {f"contrast: {name}, {kind}": r.test and r.test.p for name, r in found.items()}
        p[f"three contrasts, {kind}, Holm (any)"] = _any(found)
    for factor in ("girl", "grade"):
        found = result(factors.interaction, frame, *TWO, factor, "class")
        if found.test:
            row = found.extra["anova"].iloc[-2]
            p |= {f"interaction with {factor}, HTZ": found.test.p, f"interaction with {factor}, HC3": row["p_hc3"],
                  f"interaction with {factor}, classical": row["p"]}
    for kind, cluster in (("HTZ", "class"), ("Welch's F", None)):
        table = families.level_tests(frame, "total", ["away", "girl", "grade"], cluster)
        p |= {f"means by {row.variable}, {kind}": row.p for row in table.itertuples()}
    simple = families.simple_effects(frame, "total", GROUP, ["girl"])
    p["difference at each level of girl, Welch, Holm (any)"] = simple["p_holm"].min()
    return rejected(p)


def classes(rng: np.random.Generator) -> Rejections:
    """Whether classes differ, where they do not."""
    frame = survey(rng, icc=0.0)
    part = slopes.slope_differences(frame, "total", ["x1"], "class")
    return rejected({
        "ICC, F test": multilevel.icc_groups(frame["total"], frame["class"]).test.p,
        "slope of a predictor differs between classes (LR)": part["p"].iloc[0],
    })


def waves(rng: np.random.Generator, shock: float) -> Rejections:
    """Two waves of untreated children; `shock`: what moves whole classes, as a share of the variance."""
    frame = survey(rng)
    frame["later"] = again(frame, rng, shock)
    frame["again"] = rng.random(len(frame)) < 0.88
    change = frame["later"] - frame["total"]
    model = comparison.waves_by_group(frame.assign(later=frame["later"].where(frame["again"])), "total", "later",
                                      *TWO[1:])
    p = {
        "change, paired t": scipy.stats.ttest_1samp(change, 0).pvalue,  # as `stats.paired`, without its companions
        "change, sign flip": stats.sign_flip(change, ci=False).test.p,
        "change, Wilcoxon": stats.wilcoxon_exact(change).test.p,
        "change, sign test": stats.sign_test(change).test.p,
        "two waves and groups, random intercept: time": model.result("time").test.p,
        "two waves and groups, random intercept: focal": model.result("focal").test.p,
        "two waves and groups, random intercept: time by group": model.result("time:focal").test.p,
    }
    if not shock:
        p["measured again by group, chi-square"] = factors.contingency(frame, "group", "again").test.p
    return rejected(p)


def gaps(rng: np.random.Generator) -> Rejections:
    """Answers missing completely at random (3 % of each item)."""
    frame = survey(rng)
    items = items_of(frame)
    holes = items.mask(rng.random(items.shape) < 0.03)
    sets = [part.assign(total=part[list(items)].sum(axis=1))
            for part in missing.impute(holes.join(frame[["group", "girl", "age"]]), 5, rng)]
    return rejected({
        "Little's test": missing.little_mcar(holes).test.p,
        "imputed items, pooled Welch": pooling.two_groups(missing.stacked(sets), "total", "group").test.p,
    })


def one_factor(rng: np.random.Generator, icc: float) -> Rejections:
    """Sixteen items of one factor; items that have nothing in common."""
    items = items_of(survey(rng, icc=icc))
    model = fit("trait =~ " + " + ".join(items), items, estimator="MLM")
    alone = pd.DataFrame(answers(np.zeros(len(items)), rng, 0.0)).add_prefix("i")
    return rejected({
        "fit of one factor, Satorra-Bentler": model.fit["p_scaled"],
        "fit of one factor, WLSMV": _p(ordinal.one_factor_fit, items),
        "Bartlett's test": dimensions.bartlett(alone).test.p,
    })


def invariant(rng: np.random.Generator, icc: float, group: str) -> Rejections:
    """Two groups who understand the items alike and are equally lonely."""
    frame = survey(rng, group, icc=icc)
    measured = measurement.examine(items_of(frame).assign(group=frame["group"].astype(int).astype(str)), ("0", "1"))
    steps = invariance.compare(measurement._ladder(measured)).set_index("step")
    tests = invariance.release_tests(measured.fits["scalar"])
    return rejected({f"{name} against the step before": steps.loc[name, "d_p"] for name in steps.index[1:]} | {
        "fit of the configural model": steps.loc["configural", "p"],
        "score tests of all equalities, Holm (any)": float(stats.holm(tests["p"]).min()),
        "latent mean difference, z": _p(measurement.latent_difference, measured),
    })


def causes(rng: np.random.Generator) -> Rejections:
    """Five predictors that explain nothing beside three that may."""
    frame = survey(rng, GROUPS[1])
    block = ecology.blockwise(frame, "total", BLOCKS, "class").iloc[1]
    within = levels.within_between(frame, "total", OTHERS, "class").set_index("term").loc["x1"]
    whole = levels.within_between(frame, "total", [*COVARIATES, *OTHERS], "class").set_index("term").loc["x1"]
    moderated = moderation.moderate(frame, "total", "x1", "group", COVARIATES, "class")
    return rejected({
        "block of 5 predictors, F change, classes ignored": block["p_change"],
        "block of 5 predictors, cluster-robust F (CR1)": block["p_cluster"],
        "slope within classes": within["within_p"],
        "slope between classes, 5 class means together": within["between_p"],
        "contextual difference, 5 class means together": within["difference_p"],
        "slope between classes, each class mean alone": whole["between_p"],
        "contextual difference, each class mean alone": whole["difference_p"],
        "interaction of predictor and group, CR2": moderated.result().test.p,
        "simple slope of the predictor, CR2": moderated.slopes["p"].iloc[0],
    })


def pooled(rng: np.random.Generator, share: float, follows: float) -> Rejections:
    """The same five predictors with gaps that follow the outcome, imputed and pooled."""
    sets = completed(with_gaps(survey(rng), OTHERS, rng, share, follows), rng)
    table = pooling.coefficients(sets, "total", [*COVARIATES, *OTHERS], "class").set_index("term")
    block = pooled_levels.blockwise(sets, "total", BLOCKS, "class", rng, 50).iloc[1]
    return rejected({"pooled coefficient, CR2": table.loc["x1", "p"],
                     "block of 5 predictors, pooled D1": block["p_cluster"]})


def indirect(rng: np.random.Generator, a: float, b: float) -> Rejections:
    """An indirect association that is zero because a path is: the intervals that leave out 0."""
    frame = survey(rng, slopes={"x1": b}, through=a)
    row = mediation.mediate(frame, "total", "group", ["x1"], rng, COVARIATES, "class", 500).indirect.iloc[0]
    return {name: bool(row[f"{key}low"] > 0 or row[f"{key}high"] < 0) for name, key in
            {"Monte Carlo": "mc_", "bootstrap of classes": "", "bootstrap of classes, BCa": "bca_"}.items()} | {
        "Sobel": bool(row["p"] < ALPHA)}


def curve(rng: np.random.Generator) -> Rejections:
    """The joint tests of a specification curve."""
    children, p, scale = specified(rng)
    tests = sensitivity.specifications(children, p, scale, rng).tests
    return {f"joint test: {q}": bool(value <= ALPHA) for q, value in tests[["quantity", "p"]].itertuples(index=False)}


PARTS = [
    *(Part(f"two groups, {g}", partial(two_groups, group=g), 2000) for g in GROUPS),
    Part("two groups, confounded", confounded, 1000),
    *(Part(f"equivalence, {g}", partial(bound, group=g), 2000) for g in GROUPS),
    *(Part(f"shuffled, {g}", partial(shuffled, group=g), 500) for g in GROUPS),
    *(Part(f"several levels, {g}", partial(several_levels, group=g), 1000) for g in GROUPS[:2]),
    Part("classes alike", classes, 1000),
    Part("two waves", partial(waves, shock=0.0), 1000),
    Part("two waves, classes move together", partial(waves, shock=0.03), 500),
    Part("answers missing completely at random", gaps, 500),
    Part("one factor, classes alike", partial(one_factor, icc=0.0), 300),
    Part("one factor, ICC .05", partial(one_factor, icc=0.05), 300),
    Part("invariance, classes alike", partial(invariant, icc=0.0, group=GROUPS[0]), 500),
    *(Part(f"invariance, {g}", partial(invariant, icc=0.05, group=g), 500) for g in GROUPS[:2]),
    Part("causes", causes, 1000),
    Part("causes, few gaps imputed", partial(pooled, share=0.05, follows=0.5), 500),
    Part("causes, many gaps imputed", partial(pooled, share=0.12, follows=1.0), 300),
    Part("indirect association, neither path", partial(indirect, a=0.0, b=0.0), 1000),
    Part("indirect association, first path only", partial(indirect, a=0.5, b=0.0), 1000),
    Part("indirect association, second path only", partial(indirect, a=0.0, b=0.25), 1000),
    Part("specification curve", curve, 500),
    Part("simulated towns, group work without effect", without_effect, 1000),
]
