"""README.md of this folder, from the tables in results/."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from benchmarks.calibration.expected import CONSERVATIVE, FAILS, remark
from benchmarks.calibration.used import USED

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
MARKS = {"holds": "", FAILS: " ✗", CONSERVATIVE: " ○"}
INTRODUCTION = """# Calibration

Made by `python -m benchmarks.calibration`; do not edit. Simulated worlds whose truth is known, and what the functions
that the notebooks call say of them.

**World.** 570 children in 16 classes, intraclass correlation .05 unless said otherwise, sixteen five-point items
(loading .55, alpha .85, answers 40/25/18/11/6 %), so that the total has a floor at 16 and is skewed to the right. The
group of interest is half of every class ("within classes"), a share that differs from about a fifth to four fifths
("uneven over classes"), or eight whole classes ("whole classes").

**How to read.** Percentages. A test at .05 should reject in 5 % of worlds without an effect, a 95 % interval hold
the truth in 95 %. The Monte Carlo error of 5 or 95 % is ±1.3 points with 2,000 worlds, ±1.8 with 1,000, ±2.5 with
500 (99 % Wilson interval, which the csv files give for each rate). No mark: the promised rate lies inside. ✗: it does
not, on the dangerous side (rejects too often, covers too rarely). ○: it does not, on the safe side. Some methods are
here because they fail; the remarks say why each that deviates does.
"""
CHOSEN = """{n} studies per cell (placebo sets fewer). Members are the highest of all children at the choice (ties by
lot); everybody is measured again. "CLS-like" totals are sums of sixteen five-point items with a floor, and their
retest correlation is that of the totals. Below: two cells over the retest correlation r, then the range of all sixty
cells; results/intervention.csv has every one.
"""
VERDICT = """The tests of the members alone and the difference of gains fail because of how members were chosen; more
members would not cure it. Classical ANCOVA fails where scores are skewed, HC3 with n - 3 degrees of freedom where
untreated children are many; HC2 with the degrees of freedom of Bell and McCaffrey keeps 5 % in both worlds and is
primary. Where the scale has a floor, the line between the waves is slightly bent: with r near .5 a fall (one tail,
nominal 2.5 %) is found a little too often, with r near .9 too rarely. A correction by a known retest correlation
holds only as far as that is known. Mee and Chua's test holds and has hardly any power.
"""


def write() -> None:
    """Write README.md."""
    (FOLDER / "README.md").write_text(text(), encoding="utf-8", newline="\n")


def text() -> str:
    """README.md from the tables that exist."""
    tables = {path.stem: pd.read_csv(path) for path in sorted(RESULTS.glob("*.csv"))}
    parts = [INTRODUCTION]
    for study, title in (("error_rates", "Error rates: how often tests reject where nothing is"),
                         ("coverage", "Coverage: how often 95 % intervals hold the truth")):
        if study in tables:
            parts += [f"## {title}\n", *_study(study, tables[study])]
    if "intervention" in tables:
        title = "## Intervention: the highest scorers chosen, and nothing done\n"
        parts += [title, *_intervention(tables["intervention"])]
    if "towns" in tables:
        parts += ["## Simulated towns, from raw files to findings\n", _towns(tables["towns"])]
    parts += ["## Which finding or table of a notebook rests on which row\n", _used()]
    return "\n".join(parts).rstrip() + "\n"


def _markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines) + "\n"


def _rate(row: pd.Series) -> str:
    return f"{100 * row['rate']:.1f}{MARKS.get(row['found'], '')}"


def _study(study: str, table: pd.DataFrame) -> list[str]:
    """One table for each kind of world, its variants side by side, with remarks below."""
    parts = []
    kinds = table["world"].str.split(",").str[0]
    for kind in kinds.unique():
        own = table[kinds == kind].assign(cell=lambda t: t.apply(_rate, axis=1))
        wide = own.pivot(index="event", columns="world", values="cell").fillna("-")
        wide = wide.loc[own["event"].unique(), own["world"].unique()]
        heads = [f"{name.partition(', ')[2] or 'rate'} ({n:,})" for name, n in
                 own.groupby("world", sort=False)["replications"].max().items()]
        parts += [f"### {kind.capitalize()}\n", _markdown([kind, *heads], ((e, *wide.loc[e]) for e in wide.index))]
        reasons: dict[str, list[str]] = {}
        for row in own[own["found"] != "holds"].itertuples():
            reasons.setdefault(remark(study, row.world, row.event)[2] or "unexplained", []).append(row.event)
        parts += ["".join(f"- {'; '.join(dict.fromkeys(events))}: {why}.\n" for why, events in reasons.items())]
    return parts


def _intervention(table: pd.DataFrame) -> list[str]:
    """Rejections without an effect, their range over all cells, and the power of the primary analysis."""
    null, parts = table[table["effect"] == 0].assign(cell=lambda t: t.apply(_rate, axis=1)), []
    n = f"{null['replications'].max():,}"
    parts.append(CHOSEN.format(n=n))
    for scores, children, members in (("normal", 100, 7), ("CLS-like", 150, 8)):
        own = null[(null["scores"] == scores) & (null["children"] == children) & (null["members"] == members)]
        wide = own.pivot(index="event", columns="retest", values="cell").fillna("-").loc[own["event"].unique()]
        parts += [f"### {scores} scores, the {members} highest of {children}, no effect\n",
                  _markdown(["test", *(f"r = {r:g}" for r in wide)], ((e, *wide.loc[e]) for e in wide.index))]
    ranges = null.groupby(["event", "scores"], sort=False)["rate"].agg(["min", "mean", "max"]).mul(100).round(1)
    cells = {key: f"{row['min']:.1f} to {row['max']:.1f}, mean {row['mean']:.1f}" for key, row in ranges.iterrows()}
    scores = list(null["scores"].unique())
    parts += ["### All cells: 100, 150, 600 children, 7 or 8 members, r .51 to .9\n",
              _markdown(["test", *scores], ((e, *(cells[e, s] for s in scores)) for e in null["event"].unique()))]
    main = "ANCOVA, HC2, Bell-McCaffrey df"
    power = table[(table["event"] == main) & (table["effect"] > 0)]
    rows = []
    for key, own in power.groupby(["scores", "children", "members"], sort=False):
        by = own.pivot(index="effect", columns="retest", values="rate").mul(100).round(0).astype(int)
        rows += [(*map(str, key), f"{effect:g} SD", *map(str, by.loc[effect])) for effect in by.index]
    retests = [f"r = {r:g}" for r in sorted(power["retest"].unique())]
    parts += [f"### Power of the primary analysis ({main}), in %\n",
              _markdown(["scores", "children", "members", "effect", *retests], rows)]
    parts.append(VERDICT)
    return parts


def _towns(table: pd.DataFrame) -> str:
    rows = [(row.parameter, f"{row.planted:.3f}", f"{row.found:.3f}", f"{row.se:.3f}",
             "-" if pd.isna(row.covered) else f"{100 * row.covered:.0f} %") for row in table.itertuples()]
    about = (f"{table['towns'].iloc[0]} towns of 620 children, each simulated with all its flaws and run from raw "
             "files by the command line. se: Monte Carlo error of found minus planted. The truth of a correlation is "
             "that of a vast town of attentive children without the flaws of an export.\n\n")
    return about + _markdown(["planted", "truth", "found, mean", "se", "intervals that hold it"], rows)


def _used() -> str:
    rows = [(f"`{name}`", "; ".join(rows)) for name, rows in USED.items()]
    return _markdown(["finding or table", "rows (study: event)"], rows)
