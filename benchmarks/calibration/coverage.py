"""How often the 95 % intervals of notebooks 01 to 03 hold the true value, which a vast survey tells."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from benchmarks.calibration.error_rates import GROUP, TWO, WEIGHTS
from benchmarks.calibration.monte_carlo import Part
from benchmarks.calibration.worlds import (
    COVARIATES,
    GROUPS,
    completed,
    interviewed,
    items_of,
    survey,
    with_gaps,
)
from lbc.analysis import (
    comparison,
    ecology,
    factors,
    interviews,
    levels,
    measurement,
    mediation,
    multilevel,
    ordinal,
    permutation,
    pooled_levels,
    pooling,
    psychometrics,
    robustness,
    stats,
    weighting,
)
from lbc.analysis.adjustment import adjusted
from lbc.analysis.regression import design, linear
from lbc.survey import missing

LEVEL = 0.95
D = 0.3  # how much lonelier the focal group is, latent standard deviations
SLOPES = {"x1": 0.25, "x2": 0.15}
BLOCKS = {"first": COVARIATES, "second": ["x1", "x2"], "none": ["x3", "x4", "x5"]}
CUTS = range(20, 56)  # points
VAST, MANY = 200_000, 5_000  # children and classes of the survey whose numbers stand for the truth
RARE = "t5"  # the code that `interviewed` gives one segment in twenty
RESAMPLES = 500  # notebooks take 1,000 to 10,000
Values = dict[str, float]
Intervals = dict[str, tuple[str, tuple[float, float] | None]]
"""Each interval under study, and the truth that it should hold."""


def _covered(found: Intervals, truth: Mapping[str, float]) -> dict[str, bool]:
    return {name: bool(ci[0] <= truth[what] <= ci[1]) for name, (what, ci) in found.items() if ci is not None}


def _of(frame: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    return frame.loc[frame["group"] == 1, "total"], frame.loc[frame["group"] == 0, "total"]


def group_truth(rng: np.random.Generator) -> Values:
    """The group difference in a vast survey."""
    frame = survey(rng, d=D, children=VAST, classes=MANY)
    x, y = _of(frame)
    pooled = np.sqrt(((len(x) - 1) * x.var() + (len(y) - 1) * y.var()) / (len(frame) - 2))
    ranks = rankdata(frame["total"])[frame["group"] == 1]
    data, focal = design(frame, COVARIATES).to_numpy(), frame["group"].to_numpy() == 1
    full = linear(frame["total"], design(frame, ["group", *COVARIATES]), "classic").coefficient("group").value
    means, score = frame.groupby("away")["total"].mean(), frame["total"].to_numpy()
    away = means[["father", "mother", "both"]].mean() - means["neither"]
    return {
        "difference": x.mean() - y.mean(), "g": (x.mean() - y.mean()) / pooled,
        "chance": (ranks.mean() - (len(x) + 1) / 2) / len(y), "adjusted": full, "adjusted / SD": full / pooled,
        "overlap": weighting._overlap_difference(score, data, focal), "someone away": away,
        "focal": weighting._doubly_robust_difference(score, data, focal), "away / SD": away / pooled,
    } | {f"above {cut}": (x > cut).mean() - (y > cut).mean() for cut in CUTS}


def group_difference(rng: np.random.Generator, group: str, truth: Values) -> dict[str, bool]:
    """One survey: which intervals of the group difference hold the truth."""
    frame = survey(rng, group, d=D)
    x, y = _of(frame)
    raw = comparison.two_groups(frame, *TWO)
    own = adjusted(frame, *TWO, COVARIATES, "class")
    several = factors.contrast(frame, "total", "away", WEIGHTS["someone_away"], "class")
    difference, g = stats.bca_of_two(x, y, rng, 4 * RESAMPLES)
    by = frame, "total", GROUP, COVARIATES, "class"
    found: Intervals = {
        "mean difference, Welch": ("difference", raw.estimate.ci),
        "mean difference, bootstrap (BCa)": ("difference", difference.ci),
        "Hedges g": ("g", raw.effect.ci),
        "Hedges g, unpooled": ("g", raw.extra["g_unpooled"].ci),
        "Hedges g, bootstrap (BCa)": ("g", g.ci),
        "P(X < Y), Brunner-Munzel": ("chance", raw.extra["bm"].estimate.ci),
        "unadjusted difference, CR2": ("difference", adjusted(frame, *TWO, [], "class").estimate.ci),
        "adjusted difference, HC3": ("adjusted", adjusted(frame, *TWO, COVARIATES).estimate.ci),
        "adjusted difference, CR2": ("adjusted", own.estimate.ci),
        "adjusted difference / pooled SD, CR2": ("adjusted / SD", own.effect.ci),
        "overlap weights": ("overlap", weighting.overlap_weighted(*by).estimate.ci),
        "doubly robust": ("focal", weighting.doubly_robust(*by).estimate.ci),
        "planned contrast, CR2": ("someone away", several.estimate.ci),
        "planned contrast / pooled SD, CR2": ("away / SD", several.effect.ci),
    }
    marks, classes = (frame["total"].to_numpy(), frame["group"].to_numpy() == 1), frame["class"].to_numpy()
    if group != GROUPS[2]:
        for name, what, ranks in (("mean difference", "difference", False), ("P(X < Y)", "chance", True)):
            e = permutation.permuted(*marks, rng, ranks, classes, n=RESAMPLES).estimate
            found[f"{name}, permuted within classes"] = what, e.ci
    return _covered(found, truth) | _bands(frame, rng, truth)


def _bands(frame: pd.DataFrame, rng: np.random.Generator, truth: Values) -> dict[str, bool]:
    """The bands over cut-offs: a pointwise one at the middle, and whether the other holds the whole curve."""
    table = robustness.cutoffs(frame, "total", GROUP, "class", rng, 5, RESAMPLES)
    table = table[(table["group"] == "difference") & table["cutoff"].isin(CUTS)]
    true = np.array([truth[f"above {cut:.0f}"] for cut in table["cutoff"]])
    inside = {kind: (table[f"{kind}_low"] <= true) & (true <= table[f"{kind}_high"]) for kind in ("ci", "band")}
    return {"share above a cut-off, pointwise (at 32)": bool(inside["ci"][table["cutoff"] == 32].iloc[0]),
            "shares above all cut-offs, simultaneous": bool(inside["band"].all())}


def scale_truth(rng: np.random.Generator, icc: float) -> Values:
    """Reliability and latent difference in a vast survey."""
    frame = survey(rng, d=D, icc=icc, children=VAST // 4, classes=MANY)
    measured = measurement.examine(items_of(frame).assign(group=frame["group"].astype(int).astype(str)), ("0", "1"))
    latent, items = measurement.latent_difference(measured), items_of(frame)
    found = {"alpha": psychometrics.alpha(items), "omega": psychometrics.omega_total(items), "latent": latent,
             "ordinal": ordinal.ordinal_alpha(items), "ICC": multilevel.icc_groups(frame["total"], frame["class"])}
    return {name: r.estimate.value for name, r in found.items()} | {"latent / SD": latent.effect.value}


def scale(rng: np.random.Generator, icc: float, truth: Values) -> dict[str, bool]:
    """One survey: reliability, likeness of classes, latent difference."""
    frame = survey(rng, d=D, icc=icc)
    items = items_of(frame)
    measured = measurement.examine(items.assign(group=frame["group"].astype(int).astype(str)), ("0", "1"))
    latent = measurement.latent_difference(measured)
    return _covered({
        "alpha (Feldt)": ("alpha", psychometrics.alpha(items).estimate.ci),
        "omega (delta method, robust)": ("omega", psychometrics.omega_total(items).estimate.ci),
        "ordinal alpha": ("ordinal", ordinal.ordinal_alpha(items).estimate.ci),
        "latent mean difference": ("latent", latent.estimate.ci),
        "latent mean difference / pooled SD": ("latent / SD", latent.effect.ci),
        "ICC(1), F": ("ICC", multilevel.icc_groups(frame["total"], frame["class"]).estimate.ci),
    }, truth)


def latent_with_gaps(rng: np.random.Generator, truth: Values) -> dict[str, bool]:
    """The latent difference by every answer, where answers are missing at random."""
    frame = survey(rng, d=D, icc=0.0)
    items = items_of(with_gaps(frame, list(items_of(frame))[:8], rng, 0.03))
    found = measurement.latent_difference(
        measurement.examine(items.assign(group=frame["group"].astype(int).astype(str)), ("0", "1")))
    return _covered({"latent mean difference, FIML": ("latent", found.estimate.ci),
                     "latent mean difference / pooled SD, FIML": ("latent / SD", found.effect.ci)}, truth)


def cause_truth(rng: np.random.Generator) -> Values:
    """What predictors explain in a vast survey."""
    frame = survey(rng, d=D, slopes=SLOPES, through=0.5, children=VAST, classes=MANY)
    table = ecology.blockwise(frame, "total", BLOCKS).set_index("level")
    share = ecology.importance_by_level(frame, "total", BLOCKS).set_index("level")["lmg"]
    names = ["group", *COVARIATES, "x1", "x2"]
    single = ecology.importance(frame, "total", [*names, "x3"]).set_index("predictor")["lmg"]
    beta = ecology.standardised(frame, "total", names).set_index("term")["beta"]
    a = linear(frame["x1"], design(frame, ["group", *COVARIATES]), "classic").coefficient("group").value
    b = linear(frame["total"], design(frame, ["group", *COVARIATES, "x1"]), "classic").coefficient("x1").value
    within = levels.r2_by_level(frame, "total", ["x1", "x2"], "class")["r2_within"].estimate.value
    x, y = _of(frame)
    values = {"indirect": a * b, "beta": beta["x1"], "R2": table["r2"].iloc[-1], "LMG of x1": single["x1"],
              "R2 within": within, "difference": x.mean() - y.mean(), "correlation": frame["x1"].corr(frame["total"])}
    for name in BLOCKS:  # the last block adds nothing, so its truth is known exactly
        known = name != "none"
        values |= {f"{key} of {name}": known * table.loc[name, key] for key in ("delta_r2", "first", "last")}
        values[f"LMG of {name}"] = known * share[name]
    return values


def causes(rng: np.random.Generator, truth: Values) -> dict[str, bool]:
    """One survey without gaps: parts of R2, indirect association."""
    frame = survey(rng, d=D, slopes=SLOPES, through=0.5)
    found = _parts(ecology.blockwise(frame, "total", BLOCKS, "class", rng, RESAMPLES),
                   ecology.importance_by_level(frame, "total", BLOCKS, "class", rng, RESAMPLES))
    row = mediation.mediate(frame, "total", "group", ["x1"], rng, COVARIATES, "class", RESAMPLES).indirect.iloc[0]
    for name, key in (("Monte Carlo", "mc_"), ("bootstrap of classes", ""), ("bootstrap of classes, BCa", "bca_")):
        found[f"indirect association, {name}"] = "indirect", (row[f"{key}low"], row[f"{key}high"])
    within = levels.r2_by_level(frame, "total", ["x1", "x2"], "class", rng, RESAMPLES)["r2_within"]
    found["R2 within classes"] = "R2 within", within.estimate.ci
    return _covered(found, truth)


def _parts(table: pd.DataFrame, share: pd.DataFrame) -> Intervals:
    found: Intervals = {}
    for row, own in zip(table.to_dict("records"), share.to_dict("records"), strict=True):
        name = {"first": "3 predictors", "second": "2 predictors", "none": "3 predictors without a contribution"}[
            row["level"]]
        for key, text in (("delta_r2", "R2 in order"), ("first", "R2 entered first"), ("last", "R2 entered last")):
            found[f"{text}, {name}"] = f"{key} of {row['level']}", (row[f"{key}_low"], row[f"{key}_high"])
        found[f"LMG share, {name}"] = f"LMG of {row['level']}", (own["lmg_low"], own["lmg_high"])
    return found


def pooled(rng: np.random.Generator, truth: Values) -> dict[str, bool]:
    """One survey whose predictors have gaps that follow the outcome."""
    whole = survey(rng, d=D, slopes=SLOPES, through=0.5)
    frame = with_gaps(whole, ["x1", "x2", "x3", "x4", "x5"], rng)
    sets = completed(frame, rng)
    names = ["group", *COVARIATES, "x1", "x2"]
    found = _parts(pooled_levels.blockwise(sets, "total", BLOCKS, "class", rng, 200),
                   pooled_levels.importance_by_level(sets, "total", BLOCKS, "class", rng, 200))
    table = pooling.coefficients(sets, "total", names, "class").set_index("term").loc["x1"]
    cases = ecology.standardised(frame, "total", names, "class").set_index("term").loc["x1"]
    single = pooled_levels.importance(
        sets, "total", pd.DataFrame({"name": [*names, "x3"], "level": "-"}), "class").set_index("predictor").loc["x1"]
    explained = pooling.explained(sets, "total", [name for block in BLOCKS.values() for name in block])
    joint = pooling.correlation(sets, "total", ["x1"], "class")
    return _covered(found | {
        "standardised coefficient, CR2": ("beta", (table["low"], table["high"])),
        "standardised coefficient, complete cases": ("beta", (cases["low"], cases["high"])),
        "LMG share of a predictor, jackknife": ("LMG of x1", (single["ci_low"], single["ci_high"])),
        "R2 of all predictors, Fisher z": ("R2", explained.estimate.ci),
        "correlation of the joint display": ("correlation", joint.estimate.ci),
    }, truth)


def imputed(rng: np.random.Generator, truth: Values) -> dict[str, bool]:
    """One survey whose items have gaps that follow the total: the group difference after imputation."""
    frame = survey(rng, d=D)
    names = list(items_of(frame))
    holes = with_gaps(frame, names, rng, 0.03)[names]
    sets = [part.assign(total=part[names].sum(axis=1))
            for part in missing.impute(holes.join(frame[["group", "girl", "age"]]), 5, rng)]
    cases = frame["total"].where(holes.notna().all(axis=1))
    welch = stats.welch(cases[frame["group"] == 1], cases[frame["group"] == 0])
    pooled_welch = pooling.two_groups(missing.stacked(sets), "total", "group")
    return _covered({"imputed items, pooled Welch": ("difference", pooled_welch.estimate.ci),
                     "complete cases, Welch": ("difference", welch.estimate.ci)}, truth)


def coders_truth(rng: np.random.Generator) -> Values:
    """Agreement of two coders over a vast number of interviews: on all codes, and on a rare one as given or not."""
    frame = interviewed(rng, 3000)
    found, rare = interviews.agreement(frame, "theme"), _rare(interviews.agreement_by_code(frame, "theme"))
    return {"alpha": found.estimate.value, "kappa": found.extra["kappa"], "AC1": found.extra["ac1"]} | {
        f"{name} of a rare code": float(rare[name.lower()]) for name in ("alpha", "kappa", "AC1")}


def _rare(table: pd.DataFrame) -> pd.Series:
    return table.set_index("code").loc[RARE]


def coders(rng: np.random.Generator, truth: Values) -> dict[str, bool]:
    """Two coders, twelve interviews: agreement on all codes."""
    found = interviews.agreement(interviewed(rng, 12), "theme", rng, RESAMPLES)
    return _agreement({"alpha": found.estimate.ci} | {
        name: (found.extra[f"{name.lower()}_low"], found.extra[f"{name.lower()}_high"]) for name in ("kappa", "AC1")
    }, truth)


def rare_code(rng: np.random.Generator, truth: Values) -> dict[str, bool]:
    """Two coders, twelve interviews: agreement on a code that one segment in twenty is given."""
    row = _rare(interviews.agreement_by_code(interviewed(rng, 12), "theme", rng, RESAMPLES))
    limits = {name: (row[f"{name.lower()}_low"], row[f"{name.lower()}_high"]) for name in ("alpha", "kappa", "AC1")}
    return _agreement({name: ci if np.isfinite(ci).all() else None for name, ci in limits.items()},
                      {name: truth[f"{name} of a rare code"] for name in limits})


def _agreement(limits: Mapping[str, tuple[float, float] | None], truth: Mapping[str, float]) -> dict[str, bool]:
    names = {"alpha": "Krippendorff's alpha", "kappa": "Cohen's kappa", "AC1": "Gwet's AC1"}
    return _covered({f"{names[key]}, persons resampled": (key, ci) for key, ci in limits.items()}, truth)


def parts() -> list[Part]:
    """The worlds, with the truth of each computed first."""
    seed = partial(np.random.default_rng, 7)
    of_groups, of_causes, of_coders = group_truth(seed()), cause_truth(seed()), coders_truth(seed())
    alike, unlike = scale_truth(seed(), 0.0), scale_truth(seed(), 0.05)
    return [
        *(Part(f"group difference, {g}", partial(group_difference, group=g, truth=of_groups), n)
          for g, n in zip(GROUPS, (1000, 1000, 3000), strict=True)),  # more where 1,000 left it open
        Part("scale, classes alike", partial(scale, icc=0.0, truth=alike), 300),
        Part("scale, ICC .05", partial(scale, icc=0.05, truth=unlike), 300),
        Part("scale with gaps", partial(latent_with_gaps, truth=alike), 100),
        Part("causes", partial(causes, truth=of_causes), 1000),
        Part("causes, imputed", partial(pooled, truth=of_causes), 300),
        Part("items imputed", partial(imputed, truth=of_groups), 300),
        Part("coders", partial(coders, truth=of_coders), 1000),
        Part("coders, a code of 5 %", partial(rare_code, truth=of_coders), 1000),
    ]
