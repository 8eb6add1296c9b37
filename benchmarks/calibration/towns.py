"""Are the planted parameters of simulated towns found again by the whole pipeline, from raw export to finding?"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import Executor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lbc.analysis.stats import sign_flip
from lbc.analysis.untreated import ancova
from lbc.instruments import Instrument, load
from lbc.instruments.scoring import score
from lbc.paths import Project
from lbc.survey import simulate
from lbc.survey.simulation import assumptions
from lbc.survey.simulation.members import READ

ROOT = Path(__file__).resolve().parents[2]
FIRST_SEED, CHILDREN, VAST = 101, 620, 100_000
ALPHA = 0.05
Truth = dict[str, Any]


def _members_effect(truth: Truth) -> float:
    effects = [m["true_effect_in_points"]["T2"] for m in truth["members"] if m["high_scorer"]]
    return float(np.mean(effects))


PLANTED: dict[str, tuple[str, str, Callable[[Truth], float]]] = {
    # parameter: (finding, which of its estimates, what was planted)
    "difference of the groups, SD": (
        "comparison.cls_total.difference", "effect", lambda t: t["parameters"]["loneliness"]["left_behind_d"]),
    "reliability of the scale (alpha)": (
        "measurement.cls.alpha", "estimate", lambda t: t["parameters"]["loneliness"]["reliability"]),
    "likeness of classes (ICC)": (
        "comparison.cls_total.icc", "estimate", lambda t: t["parameters"]["schools"]["icc"]),
    "effect of the group on its members, points": (
        "intervention.group.cls.adjusted", "estimate", _members_effect),
}


def _town(seed: int) -> tuple[Truth, dict[str, Any], pd.DataFrame]:
    """Simulate a town and run it from its raw files by the command line: truth, findings, table of the predictors."""
    name = f"town_{seed}"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(ROOT / "notebooks", root / "notebooks")
        simulate.make_town(Project(root), name, CHILDREN, seed)
        subprocess.run([sys.executable, "-m", "lbc", "run", "--town", name], check=True, stdout=subprocess.DEVNULL,
                       env=os.environ | {"LBC_ROOT": folder, "PYTHONPATH": str(ROOT)})
        outputs = root / "outputs" / name
        documents = [json.loads(path.read_text("utf-8")) for path in sorted(outputs.glob("findings/0[1-4]*.json"))]
        found = {finding["id"]: finding for document in documents for finding in document["findings"]}
        table = pd.read_csv(outputs / "tables" / "03_predictors.csv").set_index("predictor")
    return _made(seed).truth, found, table


@cache
def _given() -> tuple[assumptions.Simulation, assumptions.Fieldwork, Instrument]:
    return *assumptions.load(ROOT / "data" / "s_town"), load("cls")


def _made(seed: int, effect: bool = True) -> simulate.Town:
    return simulate.simulate(*_given()[:2], children=CHILDREN, seed=seed, effect=effect)


@cache
def implied() -> dict[str, float]:
    """Correlation of loneliness with each cause that is a single question, in a vast town without its export's flaws.

    Not what simulation.yaml names, which is meant within a group: what the groups differ in adds to it, and skewed
    counts go with a skewed total less closely than their traits do.
    """
    sim, fieldwork, _ = _given()
    made = simulate.simulate(sim, fieldwork, children=VAST, seed=FIRST_SEED)
    read = made.traits.set_index("id").loc[made.survey["id"], "careless"].isin(READ).to_numpy()
    survey = made.survey[read]
    total = _total(survey)
    return {c.name: float(survey[c.name].astype(float).corr(total)) for c in sim.causes if c.name in survey}


def _total(answers: pd.DataFrame) -> pd.Series:
    scale = _given()[2]
    return score(answers[scale.columns()], scale)["total"]


def without_effect(rng: np.random.Generator) -> dict[str, bool]:
    """A town as its children answered it, with group work that does nothing: which tests reject all the same.

    The members are the seven highest left-behind scorers; the untreated are the other left-behind children who were
    measured again. Answers are scored as they were given, without the flaws of an export.
    """
    made = _made(int(rng.integers(2**31)), effect=False)
    before, after, course = (f.assign(total=_total) for f in (made.survey, made.resurvey, made.group_measures))
    truth = made.traits.set_index("id").loc[before["id"]]
    read = truth["left_behind"].eq(1) & truth["careless"].isin(READ)
    others = before[read.to_numpy() & ~before["id"].isin(course["id"])].merge(after, on="id", suffixes=("", "_later"))
    waves = course.pivot(index="member", columns="wave", values="total")
    waves = waves.drop(index=[m["member"] for m in made.truth["members"] if not m["high_scorer"]])
    frame = pd.concat([pd.DataFrame({"pre": waves["T0"], "post": waves["T2"], "treated": 1}),
                       pd.DataFrame({"pre": others["total"], "post": others["total_later"], "treated": 0})])
    adjusted = ancova(frame, "post", "pre", "treated")
    begun = sign_flip(waves["T2"] - waves["T1"]).estimate.ci[1]
    return {"members against untreated children, ANCOVA": adjusted.test.p < ALPHA,
            "change of members, sign flip": sign_flip(waves["T2"] - waves["T0"], ci=False).test.p < ALPHA,
            "claim of a fall: ANCOVA, and since the second pre-test": adjusted.estimate.ci[1] < 0 and begun < 0}


def recovered(towns: int, pool: Executor) -> pd.DataFrame:
    """Simulated towns run from raw files to findings, beside what was planted.

    Returns
    -------
    DataFrame
        parameter, towns, planted (mean over towns where each has its own), found (mean), se (Monte Carlo error of
        found - planted), covered (share of the towns' 95 % intervals that hold the planted value; empty where the
        table has no interval).
    """
    runs = list(pool.map(_town, range(FIRST_SEED, FIRST_SEED + towns)))
    rows = []
    for name, (id, part, planted) in PLANTED.items():
        estimates = [found[id][part] for _, found, _ in runs]
        truth = np.array([planted(truth) for truth, _, _ in runs])
        inside = [e["ci"][0] <= t <= e["ci"][1] for t, e in zip(truth, estimates, strict=True)]
        rows.append(_row(name, truth, np.array([e["value"] for e in estimates]), float(np.mean(inside))))
    for name, true in implied().items():
        r = np.array([table.loc[name, "r"] for _, _, table in runs])
        rows.append(_row(f"correlation of loneliness with {name}", np.full(towns, true), r, np.nan))
    return pd.DataFrame(rows)


def _row(name: str, planted: np.ndarray, found: np.ndarray, covered: float) -> dict[str, Any]:
    error = float((found - planted).std(ddof=1) / np.sqrt(len(found)))
    return {"parameter": name, "towns": len(found), "planted": planted.mean(), "found": found.mean(), "se": error,
            "covered": covered}
