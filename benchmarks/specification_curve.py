"""The specification curve against a loop over statsmodels: the same estimates, permuted data included.

The loop would take minutes, so it fits a random sample of the same regressions and its time is carried forward.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd

from lbc.analysis import sensitivity
from lbc.instruments import load
from lbc.params import Params
from lbc.survey import overview

SAMPLE = 400
DECLARED = {
    "definitions": ["left_behind", "council"], "exclusions": [0, 2, 3, 4],
    "missing": ["person_mean", "complete", "imputed"], "scoring": ["total", "without_biased", "latent"],
    "covariates": {"none": [], "sex": ["girl"], "demographic": ["girl", "age"], "all": ["girl", "age", "economy"]},
    "estimators": ["welch", "ols", "cluster", "within", "ranks"], "permutations": 500,
}


def town(rng: np.random.Generator, n: int = 600) -> tuple[pd.DataFrame, Params]:
    """A made-up survey with everything that the specifications need."""
    p = Params.model_validate({
        "town": "t", "name": {"en": "T", "zh": "某镇"}, "seed": 1, "survey": {"file": "raw/s.csv"},
        "comparison": {"cluster": "class", "specifications": DECLARED},
    })
    away = (rng.random(n) < 0.5).astype(float)
    scored = pd.DataFrame({
        "left_behind": away, "council": away * (rng.random(n) < 0.5), "girl": rng.integers(0, 2, n).astype(float),
        "age": rng.normal(10, 1, n), "economy": rng.integers(1, 6, n).astype(float),
        "class": [f"C{k}" for k in rng.integers(0, 16, n)],
    })
    trait = rng.normal(size=n) + 0.3 * away
    answers = np.clip(np.round(2.6 + 0.7 * trait[:, None] + 0.9 * rng.normal(size=(n, 16))), 1, 5)
    items = load("cls").columns(fillers=False)
    keyed = pd.DataFrame(np.where(rng.random((n, 16)) < 0.02, np.nan, answers), columns=items)
    flags = pd.DataFrame({"n_flags": rng.choice(5, n, p=[0.8, 0.1, 0.05, 0.03, 0.02])})
    return overview.choices(scored, keyed, flags, p, rng), p


def looped(children: pd.DataFrame, p: Params, rng: np.random.Generator) -> tuple[float, list[tuple[int, int, float]]]:
    """Seconds per fit of statsmodels, and (specification, data set, estimate) of the sample."""
    import statsmodels.api as sm

    names = ("left_behind", "council")
    statuses = {name: children[name].to_numpy() for name in names}
    classes = pd.factorize(children["class"])[0]
    drawn = sensitivity._permuted(statuses, classes, DECLARED["permutations"], np.random.default_rng(1))
    jobs, _ = sensitivity._plan(children, p, load("cls"), statuses, classes)
    every = sorted(((chosen, y, *key) for key, specs in jobs.items() for chosen, (y, _) in specs),
                   key=lambda spec: spec[0]["place"])
    found, spent = [], 0.0
    for _ in range(SAMPLE):
        place, k = int(rng.integers(len(every))), int(rng.integers(DECLARED["permutations"]))
        _, y, definition, covariates, kind, mask = every[place]
        used = np.frombuffer(mask, bool)
        rest = children.loc[used, DECLARED["covariates"][covariates]].to_numpy()
        rooms = np.equal.outer(classes[used], np.arange(classes.max() + 1)).astype(float)
        base = rooms if kind == "within" else np.ones((used.sum(), 1))
        x = np.column_stack([drawn[definition][used, 1 + k], rest, base])
        errors = {"cov_kwds": {"groups": classes[used]}} if kind in ("cluster", "within") else {}
        start = time.perf_counter()
        fit = sm.OLS(y[used], x).fit(cov_type="cluster" if errors else "HC3", use_t=True, **errors)
        estimate, _ = fit.params[0], fit.pvalues[0]
        spent += time.perf_counter() - start
        found.append((place, k, float(estimate)))
    return spent / SAMPLE, found


def specification_curve() -> None:
    """Print how many times faster the curve is, after checking that both give the same estimates."""
    children, p = town(np.random.default_rng(4))
    start = time.perf_counter()
    curve = sensitivity.specifications(children, p, load("cls"), np.random.default_rng(1))
    ours = time.perf_counter() - start
    each, found = looped(children, p, np.random.default_rng(2))
    if not all(abs(curve.null[place, k] - estimate) < 1e-8 for place, k, estimate in found):
        sys.exit("the specification curve and statsmodels do not agree, so their times mean nothing")
    fits = curve.null.size + len(curve.null)
    name = f"{len(curve.null):,} specifications x {curve.null.shape[1]} permutations, against statsmodels"
    print(f"{name:70} {each * fits / ours:10.1f} times faster ({ours:.1f} s; {SAMPLE} fits of the loop timed)")


if __name__ == "__main__":
    specification_curve()
