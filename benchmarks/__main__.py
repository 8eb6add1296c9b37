"""`make bench`: speed, and agreement with R. `python -m benchmarks <name>` runs one of them, e.g. verification.

Each line on speed is a ratio of medians, the two sides run in turn in this process and shown to agree. A ratio holds
when the machine's speed drifts; a time does not, so none is promised.
"""

from __future__ import annotations

import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.specification_curve import specification_curve
from lbc.analysis import ecology, exact

ROOT = Path(__file__).resolve().parents[1]


def paired(
    name: str, ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int, agree: Callable[..., bool]
) -> None:
    """Time both sides in turn and print the ratio of their medians."""
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    results = {}
    for _ in range(rounds):
        for side, function in (("ours", ours), ("theirs", theirs)):
            start = time.perf_counter()
            results[side] = function()
            times[side].append(time.perf_counter() - start)
    if not agree(results["ours"], results["theirs"]):
        sys.exit(f"{name}: the two sides do not agree, so their times mean nothing")
    ratio = statistics.median(times["theirs"]) / statistics.median(times["ours"])
    print(f"{name:70} {ratio:10.1f} times faster ({rounds} rounds)")


def sign_flips() -> None:
    """Exact sign-flip test of 16 whole-number changes: convolution against scipy's enumeration."""
    changes = np.random.default_rng(1).integers(-9, 6, 16)

    def enumerated() -> float:
        test = stats.permutation_test((changes,), np.mean, permutation_type="samples", n_resamples=np.inf)
        return float(test.pvalue)

    paired("exact sign-flip test, n = 16, against scipy's enumeration",
           lambda: exact.sign_flip(changes, ci=False).test.p, enumerated, 3, lambda a, b: abs(a - b) < 1e-12)


def importance() -> None:
    """LMG of ten predictors: elimination tree against one least-squares fit for every subset."""
    rng = np.random.default_rng(2)
    x = pd.DataFrame(rng.normal(size=(600, 10)), columns=[f"x{i}" for i in range(10)])
    frame = x.assign(y=x.sum(axis=1) + rng.normal(size=600))

    def r2(names: tuple[str, ...]) -> float:
        design = np.column_stack([np.ones(600), frame[list(names)]])
        residual = frame["y"] - design @ np.linalg.lstsq(design, frame["y"], rcond=None)[0]
        return float(1 - residual.var() / frame["y"].var())

    def every_subset() -> list[float]:
        names = tuple(x.columns)
        known = {s: r2(s) for k in range(11) for s in itertools.combinations(names, k)}
        share = dict.fromkeys(names, 0.0)
        for name, k in itertools.product(names, range(10)):
            rest = [other for other in names if other != name]
            without = list(itertools.combinations(rest, k))
            joined = [tuple(sorted((*s, name), key=names.index)) for s in without]
            share[name] += statistics.fmean(known[b] - known[a] for a, b in zip(without, joined, strict=True)) / 10
        return list(share.values())

    def tree() -> list[float]:
        table = ecology.importance(frame, "y", list(x.columns)).set_index("predictor")
        return table.loc[list(x.columns), "lmg"].tolist()

    paired("LMG of 10 predictors, against a fit for each of 1,024 subsets", tree, every_subset, 3,
           lambda a, b: bool(np.allclose(a, b, atol=1e-10)))


def nothing_to_do() -> None:
    """`lbc run` when everything is current against `lbc run` from nothing, S town, in a scratch copy."""
    with tempfile.TemporaryDirectory(prefix="lbc-bench-") as folder:
        for name in ("params", "data", "notebooks"):
            shutil.copytree(ROOT / name, Path(folder) / name)

        def run(last_line: str) -> bool:
            environment = os.environ | {"LBC_ROOT": folder, "PYTHONPATH": str(ROOT)}
            command = [sys.executable, "-m", "lbc", "run"]
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            return done.stdout.startswith(last_line)

        def from_nothing() -> bool:
            shutil.rmtree(Path(folder) / "outputs", ignore_errors=True)
            return run("5 run, 0 current")

        from_nothing()
        paired("S town with nothing to do, against S town from nothing", lambda: run("0 run, 5 current"),
               from_nothing, 1, lambda a, b: a and b)


def invariance() -> None:
    """The invariance ladder: analytic gradients against numerical ones."""
    from benchmarks import ladder

    print(f"{'invariance ladder, 2 x 300 children, 16 items, against numerical fits':70} "
          f"{ladder.run()['ratio']:10.1f} times faster (3 rounds)")


def verification() -> None:
    """Every reference case against R; writes docs/verification.md."""
    sys.path.insert(0, str(ROOT / "tests" / "reference"))
    import report

    report.write()


ALL = {"sign_flips": sign_flips, "importance": importance, "invariance": invariance,
       "specification_curve": specification_curve, "nothing_to_do": nothing_to_do,
       "verification": verification}

if __name__ == "__main__":
    for name in sys.argv[1:] or ALL:
        if name not in ALL:
            sys.exit(f"no benchmark is called {name}; there are {', '.join(ALL)}")
        ALL[name]()
