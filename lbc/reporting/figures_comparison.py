"""Figures of the group comparison: difference, forest, categories, Bayes factor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lbc.reporting import style
from lbc.reporting.figures_survey import merged_bins
from lbc.reporting.style import Drawn, Labels
from lbc.reporting.terms import labelled, pick, unit
from lbc.reporting.wording import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lbc.results import Estimate

MISSING_ROW = {"en": "not estimable", "zh": "无法估计"}


@style.styled
def group_difference(
    scores: pd.DataFrame, groups: pd.DataFrame, difference: Estimate, *, labels: Labels = None, language: str = "en",
    score_label: Any = "", points: bool = True, min_cell: int = 5,
) -> Drawn:
    """Scores of two groups with mean and interval; beside them the difference on its own axis (Gardner & Altman).

    Parameters
    ----------
    scores : DataFrame
        `group`, `score`; one row per child.
    groups : DataFrame
        `group`, `n`, `mean`, `ci_low`, `ci_high`, in the order to be drawn; the difference is second minus first.
    difference : Estimate
    points : bool
        Draw every child. False draws bins of at least `min_cell` children, and the frame returned holds no child.

    Returns
    -------
    figure, frame
        Rows of `kind` mean, difference and, for the scores, point or bin.
    """
    fig, (ax, side) = style.new(style.width(style.ONE + 1.4), 3.0, ncols=2, width_ratios=[3, 1.25])
    parts = [groups.assign(kind="mean", value=groups["mean"])]
    for k, row in enumerate(groups.itertuples()):
        values = scores.loc[scores["group"] == row.group, "score"].dropna().to_numpy(dtype=float)
        part = _swarm(ax, values, k) if points else _strip(ax, values, k, min_cell)
        parts.append(part.assign(group=row.group))
        style.whisker(ax, k + 0.42, row.mean, row.ci_low, row.ci_high, across=False, marker=style.MARKERS[k],
                      color=style.INK, markersize=5, zorder=4)
        ax.text(k + 0.49, row.mean, number(row.mean, 1, language), va="center", size=style.TICK)
    room = int(4.4 * fig.get_size_inches()[0])
    names = [f"{style.wrap(labelled(r.group, labels, language), room)}\nn = {int(r.n)}" for r in groups.itertuples()]
    ax.set_xticks(range(len(groups)), names)
    ax.set_xlim(-0.5, len(groups) - 0.22)
    ax.tick_params(axis="x", length=0)
    ax.set_ylabel(style.wrap(labelled(score_label, None, language), 44))
    low, high = difference.ci or (difference.value, difference.value)
    _difference_axis(side, difference, low, high, language)
    last = pd.DataFrame([{"kind": "difference", "value": difference.value, "ci_low": low, "ci_high": high}])
    return fig, pd.concat([*parts, last])[["kind", "group", "value", "n", "ci_low", "ci_high"]]


def _difference_axis(side: Axes, difference: Estimate, low: float, high: float, language: str) -> None:
    style.whisker(side, 0, difference.value, low, high, across=False, marker="D", color=style.INK, markersize=6)
    style.zero_line(side, vertical=False)
    side.text(0.12, difference.value, number(difference.value, 2, language, sign=True), va="center", size=style.TICK)
    side.set_xlim(-0.4, 0.9)
    reach = max(abs(low), abs(high), abs(difference.value))
    side.set_ylim(min(-0.25 * reach, 1.2 * low), max(0.25 * reach, 1.2 * high))
    side.set_xticks([0], [pick(language, "difference\n95% CI", "差值及\n95% 置信区间")])
    side.tick_params(axis="x", length=0)
    side.set_ylabel(pick(language, "Difference", "差值") + _in(difference.unit, language))


def _in(unit_: str, language: str) -> str:
    shown = unit(unit_, language).strip()
    return pick(language, f", {shown}", f"（{shown}）") if shown else ""


def _swarm(ax: Axes, values: np.ndarray, k: int) -> pd.DataFrame:
    """Children as points; those of one score stand side by side, so the shape shows the distribution."""
    values = np.sort(values)
    _, start, counts = np.unique(np.round(values), return_index=True, return_counts=True)
    rank = np.arange(len(values)) - np.repeat(start, counts)
    centred = rank - (np.repeat(counts, counts) - 1) / 2
    step = min(0.045, 0.66 / max(counts.max(), 1))
    ax.plot(k + step * centred, values, linestyle="none", marker="o", markersize=1.9, color=style.PALETTE[k],
            alpha=0.75, markeredgewidth=0)
    return pd.DataFrame({"kind": "point", "value": values})


def _strip(ax: Axes, values: np.ndarray, k: int, min_cell: int) -> pd.DataFrame:
    edges = np.arange(np.floor(values.min()) - 0.5, np.ceil(values.max()) + 2.5, 2)
    counts, _ = np.histogram(values, edges)
    ranges = merged_bins(counts, min_cell)
    low, high = np.array([edges[a] for a, _ in ranges]), np.array([edges[b] for _, b in ranges])
    n = np.array([counts[a:b].sum() for a, b in ranges])
    wide = 0.66 * (n / (high - low)) / max((n / (high - low)).max(), 1e-9)
    ax.barh(low, wide, height=high - low, left=k - wide / 2, align="edge", color=style.PALETTE[k], alpha=0.75,
            hatch=style.HATCHES[k], edgecolor="white", linewidth=0.4)
    return pd.DataFrame({"kind": "bin", "value": (low + high) / 2, "n": n, "ci_low": low, "ci_high": high})


@style.styled
def forest(
    frame: pd.DataFrame, *, xlabel: Any, labels: Labels = None, language: str = "en", reference: float | None = 0.0,
    digits: int = 2, head: Any = "",
) -> Drawn:
    """Estimates with intervals, one row each, and the numbers beside them.

    Parameters
    ----------
    frame : DataFrame
        `row`, `estimate`, `ci_low`, `ci_high`; optional `section` (rows of one section stand together under its
        name) and `kind` (own marker and colour). A row without an estimate says so.
    xlabel, head : str or dict
        Name of the axis; heading over the numbers.
    reference : float, optional
        Value of no difference, drawn dashed.
    """
    data = frame.reset_index(drop=True)
    lines = _forest_lines(data, labels, language)
    kinds = list(dict.fromkeys(data["kind"])) if "kind" in data else [None]
    width = style.width(style.TWO)
    shown = [style.wrap(text, int(7 * width)) for text, _ in lines]
    shape: dict[str, Any] = {"ncols": 2, "sharey": True, "width_ratios": [3, 1] if width > style.ONE else [1, 1]}
    fig, (ax, side) = style.new(width, 0.75 + style.pitch(shown, 0.235) * len(lines), **shape)
    y = style.rows(ax, shown)
    for tick, (_, index) in zip(ax.get_yticklabels(), lines, strict=True):
        tick.set_color(style.GREY if index is None else style.INK)
    for place, (_, index) in zip(y, lines, strict=True):
        if index is None:
            continue
        row = data.loc[index]
        if pd.isna(row["estimate"]):
            side.text(0, place, MISSING_ROW[language], va="center", size=style.TICK, color=style.GREY)
            continue
        k = kinds.index(row["kind"]) if kinds != [None] else 0
        style.whisker(ax, row["estimate"], place, row["ci_low"], row["ci_high"], marker=style.MARKERS[k],
                      color=style.PALETTE[k])
        side.text(0, place, _cell(row, digits, language), va="center", size=style.TICK)
    if reference is not None:
        style.zero_line(ax, reference)
    ax.set_xlabel(labelled(xlabel, None, language))
    side.axis("off")
    usual = pick(language, "estimate [95% CI]", "估计值 [95% 置信区间]")
    side.set_title(style.wrap(labelled(head, None, language) or usual, 22), size=style.TICK)
    if kinds != [None]:
        kind_legend(fig, kinds, labels, language)
    return fig, data.assign(label=[labelled(v, labels, language) for v in data["row"]])


def _forest_lines(data: pd.DataFrame, labels: Labels, language: str) -> list[tuple[str, int | None]]:
    if "section" not in data:
        return [(labelled(v, labels, language), i) for i, v in data["row"].items()]
    lines: list[tuple[str, int | None]] = []
    for section in dict.fromkeys(data["section"]):
        lines.append((labelled(section, labels, language), None))
        lines += [(labelled(v, labels, language), i) for i, v in data.loc[data["section"] == section, "row"].items()]
    return lines


def _cell(row: pd.Series, digits: int, language: str) -> str:
    text = number(row["estimate"], digits, language)
    if pd.isna(row["ci_low"]) or pd.isna(row["ci_high"]):
        return text
    return f"{text} [{number(row['ci_low'], digits, language)}, {number(row['ci_high'], digits, language)}]"


def kind_legend(fig: Figure, kinds: list[Any], labels: Labels, language: str) -> None:
    """Marker and colour of each kind, above the axes."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], linestyle="none", marker=style.MARKERS[k], color=style.PALETTE[k],
                      label=labelled(kind, labels, language)) for k, kind in enumerate(kinds)]
    columns = min(len(kinds), 4 if fig.get_size_inches()[0] > style.ONE else 2)
    fig.legend(handles=handles, loc="outside upper left", ncols=columns, handletextpad=0.2)


@style.styled
def by_category(
    frame: pd.DataFrame, *, ylabel: Any, labels: Labels = None, language: str = "en"
) -> Drawn:
    """Means with intervals by who is away, grade, sex: one panel per variable, one scale for all.

    Parameters
    ----------
    frame : DataFrame
        `variable`, `category`, `n`, `mean`, `ci_low`, `ci_high`; optional `group` (own marker and colour).
    """
    data = frame.reset_index(drop=True)
    variables = list(dict.fromkeys(data["variable"]))
    sizes = [data.loc[data["variable"] == v, "category"].nunique() for v in variables]
    groups = list(dict.fromkeys(data["group"])) if "group" in data else [None]
    width = style.width(style.TWO)
    shape: dict[str, Any] = {"ncols": len(variables), "width_ratios": [n + 0.6 for n in sizes]}
    if width == style.ONE:  # too narrow for panels beside one another
        shape = {"nrows": len(variables)}
    high = 2.6 if width > style.ONE else 0.4 + 1.75 * len(variables)
    fig, axes = style.new(width, high, sharey=True, squeeze=False, **shape)
    room = max(6, 92 // sum(sizes) if width > style.ONE else 42 // max(sizes))  # characters under one category
    for ax, variable in zip(axes.flat, variables, strict=True):
        part = data[data["variable"] == variable]
        categories = list(dict.fromkeys(part["category"]))
        for k, group in enumerate(groups):
            rows = part if group is None else part[part["group"] == group]
            x = np.array([categories.index(c) for c in rows["category"]]) + 0.24 * (k - (len(groups) - 1) / 2)
            style.whisker(ax, x, rows["mean"], rows["ci_low"], rows["ci_high"], across=False,
                          marker=style.MARKERS[k], color=style.PALETTE[k])
        total = part.groupby("category", sort=False)["n"].sum()
        names = [f"{style.wrap(labelled(c, labels, language), room)}\n({total[c]})" for c in categories]
        ax.set_xticks(range(len(categories)), names, size="small")
        ax.set_xlim(-0.6, len(categories) - 0.4)
        ax.set_title(labelled(variable, labels, language))
        ax.grid(axis="y", color=style.FAINT, linewidth=0.5)
    if width > style.ONE:
        axes[0, 0].set_ylabel(style.wrap(labelled(ylabel, None, language), 40))
    else:
        fig.supylabel(labelled(ylabel, None, language))
    if groups != [None]:
        kind_legend(fig, groups, labels, language)
    return fig, data


@style.styled
def bayes_robustness(frame: pd.DataFrame, *, labels: Labels = None, language: str = "en") -> Drawn:
    """The Bayes factor over the scale of its prior; dashed: as likely with a difference as without.

    Parameters
    ----------
    frame : DataFrame
        `r`, `bf10`, ascending in r.
    """
    fig, ax = style.new(style.width(style.ONE + 0.7), 2.6)
    ax.plot(frame["r"], frame["bf10"], color=style.PALETTE[0], marker=style.MARKERS[0], markersize=3.5)
    ax.set_yscale("log")
    ends = [*frame["bf10"], 1 / 10, 10]
    ax.set_ylim(min(ends) / 2, 2 * max(ends))
    marks = [10.0**k for k in range(-6, 7) if min(ends) / 2 <= 10.0**k <= 2 * max(ends)]
    ax.set_yticks(marks, [f"{mark:g}" for mark in marks])
    ax.minorticks_off()
    for bound in (1 / 10, 1 / 3, 3, 10):
        ax.axhline(bound, color=style.FAINT, linewidth=0.5, zorder=0)
    style.zero_line(ax, 1, vertical=False)
    ax.set_xlabel(pick(language, "Scale r of the Cauchy prior on the effect", "效应量 Cauchy 先验的尺度 r"))
    ax.set_ylabel("BF10")
    return fig, frame
