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
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lbc.paths import Project
from lbc.survey import simulate
from lbc.survey.simulation import assumptions

ROOT = Path(__file__).resolve().parents[2]
FIRST_SEED, CHILDREN = 101, 620
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
    made = simulate.simulate(*assumptions.load(ROOT / "data" / "s_town"), children=CHILDREN, seed=seed)
    return made.truth, found, table


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
    causes = {c["name"]: c["r"] for c in runs[0][0]["parameters"]["causes"]}
    for name in [name for name in causes if name in runs[0][2].index]:
        r = np.array([table.loc[name, "r"] for _, _, table in runs])
        rows.append(_row(f"correlation of loneliness with {name}", np.full(towns, causes[name]), r, np.nan))
    return pd.DataFrame(rows)


def _row(name: str, planted: np.ndarray, found: np.ndarray, covered: float) -> dict[str, Any]:
    error = float((found - planted).std(ddof=1) / np.sqrt(len(found)))
    return {"parameter": name, "towns": len(found), "planted": planted.mean(), "found": found.mean(), "se": error,
            "covered": covered}
