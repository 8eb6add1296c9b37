"""`python -m benchmarks.calibration [STUDY ...] [--only TEXT] [--replications N] [--processes 2]`.

Studies: error_rates, coverage, intervention, towns. Each writes results/<study>.csv; README.md is made from these.
`--only` runs the worlds of a study whose name holds TEXT and keeps the other rows of the table.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd

from benchmarks.calibration import coverage, error_rates, intervention, monte_carlo, readme, towns

STUDIES = ("error_rates", "coverage", "intervention", "towns")
DIGITS = 4
TOWNS = 40
STUDIES_PER_CELL = 10_000


def main() -> None:
    """Run what was asked for, all studies by default, and write the README anew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("study", nargs="*", default=[], help=", ".join(STUDIES))
    parser.add_argument("--only", default="", help="only the worlds whose name holds this text")
    parser.add_argument("--replications", type=int, help="instead of each world's own number")
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    if unknown := set(asked.study) - set(STUDIES):
        parser.error(f"no study is called {', '.join(sorted(unknown))}; there are {', '.join(STUDIES)}")
    readme.RESULTS.mkdir(exist_ok=True)
    for study in asked.study or STUDIES:
        path = readme.RESULTS / f"{study}.csv"
        with ProcessPoolExecutor(asked.processes) as pool:
            if study == "towns":
                keep(towns.recovered(asked.replications or TOWNS, pool), path)
            elif study == "intervention":
                keep(intervention.table(pool, asked.replications or STUDIES_PER_CELL), path)
            else:
                worlds(study, path, pool, asked.only, asked.replications)
    readme.write()


def worlds(study: str, path: Path, pool: ProcessPoolExecutor, only: str, replications: int | None) -> None:
    """Run the worlds of a study; each takes the place of its former rows as soon as it is done."""
    parts = error_rates.PARTS if study == "error_rates" else coverage.parts()
    nominal = error_rates.ALPHA if study == "error_rates" else coverage.LEVEL
    order = [part.name for part in parts]
    for part in parts:
        if only not in part.name:
            continue
        part = part._replace(replications=replications or part.replications)
        table = monte_carlo.rates(part, pool, nominal)
        if path.exists():
            former = pd.read_csv(path)
            table = pd.concat([former[former["world"].isin(set(order) - {part.name})], table])
        keep(table.sort_values("world", key=lambda names: names.map(order.index), kind="stable"), path)
        print(f"{study}: {part.name}: {part.replications} worlds", flush=True)


def keep(table: pd.DataFrame, path: Path) -> None:
    """Write a table of results."""
    table.round(DIGITS).to_csv(path, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
