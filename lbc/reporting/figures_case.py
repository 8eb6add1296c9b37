"""Figures of case work: phases of the log, goals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from lbc.reporting import style
from lbc.reporting.style import Drawn, Labels
from lbc.reporting.terms import labelled, pick
from lbc.reporting.wording import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WAYS = {"down": {"en": "\n(lower is better)", "zh": "\n（越低越好）"},
        "up": {"en": "\n(higher is better)", "zh": "\n（越高越好）"}}
MEDIAN = {"color": style.PALETTE[5], "linewidth": 1.2, "linestyle": (0, (6, 2))}
LINES: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "baseline_median": ({"en": "baseline median, drawn out", "zh": "基线中位数（延伸）"},
                        {"color": style.GREY, "linewidth": 0.8, "linestyle": (0, (1, 2))}),
    "mean_line": ({"en": "baseline mean ± 0.25 SD", "zh": "基线均值 ± 0.25 SD"},
                  {"color": style.PALETTE[0], "linewidth": 1.0, "linestyle": "-"}),
    "trend_line": ({"en": "baseline trend ± 0.25 SD", "zh": "基线趋势 ± 0.25 SD"},
                   {"color": style.PALETTE[0], "linewidth": 1.0, "linestyle": "-."}),
}


@style.styled
def phases(
    frame: pd.DataFrame, *, ylabel: Any = None, labels: Labels = None, language: str = "en", better: str = "down",
    xlabel: Any = None,
) -> Drawn:
    """A single case as the field draws it: points joined within a phase, dashed lines between, each phase's median.

    Parameters
    ----------
    frame : DataFrame
        `time` (number), `phase`, `value`; a missing value breaks the line. Optional: `outcome` and `better` ("down",
        "up"), one panel each; `baseline_median`, `mean_line`, `trend_line` (drawn after the baseline), `beyond` and
        `needed` (counts of the dual criteria, printed). `labels` names phases and outcomes.
    ylabel, better
        Name of the only outcome and its direction of improvement, where the frame does not hold them.
    """
    data = frame.sort_values("time", kind="stable").reset_index(drop=True)
    data = data.assign(outcome=data.get("outcome", ""), better=data.get("better", better))
    panels = list(dict.fromkeys(frame.get("outcome", pd.Series(""))))
    width = style.width(style.TWO)
    fig, axes = style.new(width, 1.1 + 1.6 * len(panels), nrows=len(panels), sharex=True, squeeze=False)
    axes = axes[:, 0]
    for ax, outcome in zip(axes, panels, strict=True):
        part = data[data["outcome"] == outcome]
        _panel(ax, part, language)
        name = labelled(ylabel if ylabel is not None else outcome, labels, language)
        ax.set_ylabel(style.wrap(name, 24) + WAYS[part["better"].iloc[0]][language])
    _phase_names(axes[0], data[data["outcome"] == panels[0]], labels, language)
    axes[-1].set_xlabel(labelled(xlabel, None, language) if xlabel else pick(language, "Measurement", "测量次序"))
    if "baseline_median" in data:
        _phase_legend(fig, data, language)
    return fig, data.drop(columns=[name for name in ("outcome", "better") if name not in frame])


def _runs(data: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame, float, float]]:
    """Each run of a phase: its name, its rows, and the times at which it begins and ends."""
    run = (data["phase"] != data["phase"].shift()).cumsum()
    start = float(data["time"].min()) - 0.5
    for _, part in data.groupby(run):
        after = data.loc[data["time"] > part["time"].max(), "time"]
        end = (part["time"].max() + after.min()) / 2 if len(after) else float(part["time"].max()) + 0.5
        yield part["phase"].iloc[0], part, start, float(end)
        start = float(end)


def _panel(ax: Axes, data: pd.DataFrame, language: str) -> None:
    shown = data["value"].dropna()
    for k, (_, part, start, end) in enumerate(_runs(data)):
        ax.plot(part["time"], part["value"], color=style.INK, marker="o", linewidth=1, markersize=3.5)
        median = float(part["value"].median())
        ax.plot([start + 0.1, end - 0.1], [median, median], **MEDIAN)
        ax.annotate(f"{pick(language, 'median', '中位数')} {number(median, 1)}", ((start + end) / 2, 1), size="small",
                    ha="center", va="bottom", xycoords=("data", "axes fraction"), xytext=(0, 1),
                    textcoords="offset points")
        if k:
            ax.axvline(start, color=style.INK, linewidth=0.9, linestyle=(0, (5, 3)))
    ax.set_xlim(float(data["time"].min()) - 0.5, float(data["time"].max()) + 0.5)
    reach = max(float(shown.max() - shown.min()), 1.0)
    counted = "needed" in data and data["needed"].notna().all()
    high = data["better"].iloc[0] == "down"  # the side of the panel where the count is printed, clear of the points
    ax.set_ylim(shown.min() - (0.15 if high or not counted else 0.34) * reach,
                shown.max() + (0.34 if high and counted else 0.15) * reach)
    low, top = shown.min() - 0.15 * reach, shown.max() + 0.15 * reach
    ax.set_yticks([tick for tick in ax.get_yticks() if low <= tick <= top])
    for name in [name for name in LINES if name in data]:
        after = data[data["phase"] != data["phase"].iloc[0]] if name != "baseline_median" else data
        ax.plot(after["time"], after[name], zorder=1, **LINES[name][1])
    if counted:
        beyond, needed = (int(data[name].iloc[0]) for name in ("beyond", "needed"))
        n = int(data.loc[data["phase"] != data["phase"].iloc[0], "value"].notna().sum())
        text = pick(language, f"beyond both lines: {beyond} of {n} points ({needed} needed)",
                    f"超出双线：{n} 点中有 {beyond} 点（需 {needed} 点）")
        ax.annotate(text, (1, 1 if high else 0), xycoords="axes fraction", xytext=(-3, -3 if high else 3), ha="right",
                    va="top" if high else "bottom", textcoords="offset points", size="small", color=style.PALETTE[0],
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5})


def _phase_names(ax: Axes, data: pd.DataFrame, labels: Labels, language: str) -> None:
    whole = data["time"].max() - data["time"].min() + 1
    for phase, _, start, end in _runs(data):
        room = 15 * ax.figure.get_size_inches()[0] * (end - start) / whole
        head = style.wrap(labelled(phase, labels, language), max(8, int(room)))
        ax.annotate(head, ((start + end) / 2, 1), xycoords=("data", "axes fraction"), xytext=(0, 11), ha="center",
                    va="bottom", textcoords="offset points")


def _phase_legend(fig: Figure, data: pd.DataFrame, language: str) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], label=pick(language, "phase median", "阶段中位数"), **MEDIAN)]
    handles += [Line2D([], [], label=name[language], **look) for key, (name, look) in LINES.items()
                if key in data and data[key].notna().any()]
    wide = fig.get_size_inches()[0] > style.ONE
    fig.legend(handles=handles, loc="outside upper left", ncols=4 if wide else 2, handlelength=2.6 if wide else 1.8,
               columnspacing=1.2 if wide else 0.6)


@style.styled
def goals(
    frame: pd.DataFrame, score: float | None = None, *, labels: Labels = None, language: str = "en",
) -> Drawn:
    """Goal attainment: from the level at the start to the level reached, zero being what was expected.

    Parameters
    ----------
    frame : DataFrame
        `goal`, `reached` (-2 to 2); optional `start`, `weight`.
    score : float, optional
        The goal attainment T (50 = as expected), printed.
    """
    data = frame.reset_index(drop=True)
    weights = [f" ×{row:g}" for row in data["weight"]] if "weight" in data else [""] * len(data)
    names = [labelled(g, labels, language) + w for g, w in zip(data["goal"], weights, strict=True)]
    width = style.width(style.TWO - 0.6)
    shown = [style.wrap(name, int(6.6 * width)) for name in names]
    fig, ax = style.new(width, 1.0 + style.pitch(shown, 0.32) * len(data))
    y = style.rows(ax, shown)
    style.zero_line(ax)
    if "start" in data:
        for place, row in zip(y, data.itertuples(), strict=True):
            ax.plot([row.start, row.reached], [place, place], color=style.FAINT, linewidth=2.5, zorder=1)
        ax.plot(data["start"], y, "o", markerfacecolor="white", color=style.GREY)
    ax.plot(data["reached"], y, "s", color=style.PALETTE[0], markersize=6)
    _name_ends(ax, data, y, language)
    ax.set_xlim(-2.3, 2.3)
    steps = [("−2", "much less", "远低于预期"), ("−1", "less", "低于预期"), ("0", "as expected", "符合预期"),
             ("+1", "more", "高于预期"), ("+2", "much more", "远高于预期")]
    room = 20 if width > style.ONE else 8
    ax.set_xticks(range(-2, 3), [f"{n}\n{style.wrap(pick(language, en, zh), room)}" for n, en, zh in steps])
    if score is not None:
        ax.set_title(pick(language, f"Goal attainment T = {number(score, 1)} (50 = as expected)",
                          f"目标达成 T = {number(score, 1)}（50 为符合预期）"))
    return fig, data.assign(goal=names)


def _name_ends(ax: Axes, data: pd.DataFrame, y: Any, language: str) -> None:
    """Start and reached, written over the marks of the first goal that moved; over its one mark if none did."""
    moved = data["reached"] != data["start"] if "start" in data else data["reached"].isna()
    row = int(moved.idxmax())
    ends = {"reached": pick(language, "reached", "达到")}
    if "start" in data:
        ends = {"start": pick(language, "start", "起点")} | ends if moved.any() else {
            "start": pick(language, "start and reached", "起点即达到")}
    for name, text in ends.items():
        ax.annotate(text, (data.loc[row, name], y[row]), xytext=(0, 5), textcoords="offset points", ha="center",
                    va="bottom", size="small", bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.3})
