"""Figures of group and case work: expected fall, members, reliable change, phases, goals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lbc.reporting import style
from lbc.reporting.style import Drawn, Labels
from lbc.reporting.terms import labelled, pick
from lbc.reporting.wording import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lbc.results import Estimate

KINDS = {
    "member": {"en": "member", "zh": "组员"},
    "low_peer": {"en": "low-loneliness peer (kept apart)", "zh": "低孤独感同伴（单独分析）"},
    "case": {"en": "member with case work", "zh": "接受个案工作的组员"},
}
KIND_LOOK: dict[str, dict[str, Any]] = {
    "member": {"color": "#8A8A8A", "marker": "o", "linestyle": "-", "linewidth": 0.9, "markersize": 3.5},
    "low_peer": {"color": style.PALETTE[2], "marker": "^", "linestyle": ":", "linewidth": 1.2, "markersize": 4.5},
    "case": {"color": style.PALETTE[5], "marker": "s", "linestyle": "--", "linewidth": 1.4, "markersize": 4.5},
}


@style.styled
def expected_fall(
    curve: pd.DataFrame, observed: Estimate, *, plausible: tuple[float, float] | None = None,
    chosen: float | None = None, unit: Any = None, language: str = "en",
) -> Drawn:
    """What chosen high scorers fall by on their own, over the retest correlation, with the fall that was seen.

    Parameters
    ----------
    curve : DataFrame
        `r`, `expected` (fall in points, positive = lower later); optional `ci_low`, `ci_high`.
    observed : Estimate
        The observed fall, positive = lower later, with its interval.
    plausible : tuple, optional
        Range of retest correlations held plausible, shaded.
    chosen : float, optional
        The retest correlation of the main analysis, marked.
    """
    data = curve.sort_values("r", kind="stable").reset_index(drop=True)
    fig, ax = style.new(style.ONE + 0.9, 2.7)
    if plausible:
        ax.axvspan(*plausible, color="#EEEEEE", linewidth=0, zorder=0)
        ax.annotate(pick(language, "plausible r", "合理的 r 范围"), (sum(plausible) / 2, 1), ha="center", va="bottom",
                    xycoords=("data", "axes fraction"), size=7, color=style.GREY)
    if "ci_low" in data:
        ax.fill_between(data["r"], data["ci_low"], data["ci_high"], color=style.PALETTE[0], alpha=0.2, linewidth=0)
    ax.plot(data["r"], data["expected"], color=style.PALETTE[0],
            label=pick(language, "expected without any help", "不做任何干预时的预期回落"))
    if observed.ci:
        ax.axhspan(*observed.ci, color=style.PALETTE[1], alpha=0.16, linewidth=0, zorder=0)
    ax.axhline(observed.value, color=style.PALETTE[5], linestyle="--", label=pick(
        language, f"observed: {number(observed.value, 1)}", f"实际下降：{number(observed.value, 1)}"))
    if chosen is not None:
        at = float(np.interp(chosen, data["r"], data["expected"]))
        ax.plot([chosen], [at], "o", color=style.PALETTE[0])
        ax.annotate(f"r = {number(chosen, 2, language, bounded=True)}: {number(at, 1)}", (chosen, at), xytext=(6, 5),
                    textcoords="offset points", size=7)
    ax.set_xlim(data["r"].min(), data["r"].max())
    top = max(float(data.get("ci_high", data["expected"]).max()), observed.ci[1] if observed.ci else observed.value)
    ax.set_ylim(min(0.0, observed.ci[0] if observed.ci else observed.value), 1.08 * top)
    ax.set_xlabel(pick(language, "Retest correlation r", "重测相关 r"))
    ax.set_ylabel(labelled(unit, None, language) if unit else pick(language, "Fall in points", "下降分数"))
    fig.legend(loc="outside upper left", ncols=2)
    return fig, data.assign(observed=observed.value)


@style.styled
def members(
    frame: pd.DataFrame, *, ylabel: Any, labels: Labels = None, language: str = "en", mean: bool = True,
) -> Drawn:
    """Every member over the waves, named at the line's end; the mean of the members; the low-loneliness peer apart.

    Parameters
    ----------
    frame : DataFrame
        `member`, `wave`, `score`; optional `kind` (member, low_peer, case). Waves stand in the order of the frame;
        a missing score breaks the line.
    mean : bool
        Draw the mean of all but the low-loneliness peer, at waves where none of them is missing.
    """
    waves = list(dict.fromkeys(frame["wave"]))
    data = frame.assign(kind=frame.get("kind", "member")).reset_index(drop=True)
    table = data.pivot(index="member", columns="wave", values="score")[waves]
    kinds = data.drop_duplicates("member").set_index("member")["kind"]
    fig, ax = style.new(style.ONE + 1.1, 3.2)
    x = np.arange(len(waves))
    for member in table.index:
        ax.plot(x, table.loc[member], zorder=2, **KIND_LOOK[kinds[member]])
    apart = table[(kinds != "low_peer").reindex(table.index).to_numpy()]
    if mean and len(apart) > 1:
        ax.plot(x, apart.mean(skipna=False), color=style.INK, linewidth=2.4, zorder=3)
    ax.set_xticks(x, [style.wrap(labelled(w, labels, language), 14) for w in waves])
    ax.set_ylabel(labelled(ylabel, None, language))
    _end_labels(ax, table, kinds, x, labels, language)
    _member_legend(fig, kinds, mean and len(apart) > 1, language)
    return fig, data


def _end_labels(
    ax: Axes, table: pd.DataFrame, kinds: pd.Series, x: np.ndarray, labels: Labels, language: str
) -> None:
    """Each member's name at the right of its last point, moved apart where they would touch."""
    ends = table.apply(lambda row: row.dropna().iloc[-1], axis=1)
    low, high = ax.get_ylim()
    places = style.spread(ends.tolist(), 0.048 * (high - low), low, high)
    for member, place in zip(table.index, places, strict=True):
        colour = KIND_LOOK[kinds[member]]["color"] if kinds[member] != "member" else style.INK
        last = int(np.flatnonzero(table.loc[member].notna().to_numpy())[-1])
        ax.plot([x[last] + 0.03, x[-1] + 0.12], [ends[member], place], color=style.FAINT, linewidth=0.5, zorder=1)
        ax.text(x[-1] + 0.15, place, labelled(member, labels, language), va="center", size=7, color=colour)
    ax.set_xlim(-0.15, x[-1] + 0.62)


def _member_legend(fig: Figure, kinds: pd.Series, mean: bool, language: str) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], label=KINDS[k][language], **KIND_LOOK[k]) for k in KINDS if (kinds == k).any()]
    if mean:
        text = pick(language, "mean (without the peer)", "平均（不含低孤独感同伴）")
        text = text if (kinds == "low_peer").any() else pick(language, "mean", "平均")
        handles.append(Line2D([], [], color=style.INK, linewidth=2.4, label=text))
    fig.legend(handles=handles, loc="outside upper left", ncols=2)


@style.styled
def reliable_change(
    frame: pd.DataFrame, *, labels: Labels = None, language: str = "en", band: float = 1.96, better: str = "down",
) -> Drawn:
    """Reliable change index of every member against the band in which error of measurement suffices as reason.

    Parameters
    ----------
    frame : DataFrame
        `member`, `rci`; optional `rci_low`, `rci_high` (over the plausible reliabilities), `kind`.
    better : {"down", "up"}
        Direction of improvement.
    """
    data = frame.assign(kind=frame.get("kind", "member"))
    data = data.sort_values(["rci", "member"], kind="stable").reset_index(drop=True)
    fig, ax = style.new(style.ONE + 0.9, 0.95 + 0.25 * len(data))
    y = style.rows(ax, [labelled(m, labels, language) for m in data["member"]])
    ax.axvspan(-band, band, color="#EEEEEE", linewidth=0, zorder=0)
    style.zero_line(ax)
    for place, row in zip(y, data.itertuples(), strict=True):
        low, high = (row.rci_low, row.rci_high) if "rci_low" in data else (np.nan, np.nan)
        look = KIND_LOOK[row.kind]
        colour = style.INK if row.kind == "member" else look["color"]
        style.whisker(ax, row.rci, place, low, high, marker=look["marker"], color=colour)
    reach = 1.12 * max(band + 0.6, float(np.nanmax(np.abs(data.filter(like="rci").to_numpy(dtype=float)))))
    ax.set_xlim(-reach, reach)
    words = pick(language, "improved", "改善"), pick(language, "worse", "恶化")
    left, right = words if better == "down" else words[::-1]
    for x, text in ((-(band + reach) / 2, left), (0, pick(language, "no reliable change", "无可靠变化")),
                    ((band + reach) / 2, right)):
        ax.annotate(text, (x, 1), xycoords=("data", "axes fraction"), xytext=(0, 2), textcoords="offset points",
                    ha="center", va="bottom", size=7, color=style.GREY)
    ax.set_xlabel(pick(language, f"Reliable change index (band ±{band:g})", f"可靠变化指数（区间 ±{band:g}）"))
    return fig, data


@style.styled
def phases(
    frame: pd.DataFrame, *, ylabel: Any, labels: Labels = None, language: str = "en", better: str = "down",
    xlabel: Any = None,
) -> Drawn:
    """A single case as the field draws it: points joined within a phase, dashed lines between, the phase's median.

    Parameters
    ----------
    frame : DataFrame
        `time` (number, increasing), `phase`, `value`; a missing value breaks the line. `labels` names the phases.
    better : {"down", "up"}
        Direction of improvement, said beside the axis.
    """
    data = frame.sort_values("time", kind="stable").reset_index(drop=True)
    order = list(dict.fromkeys(data["phase"]))
    fig, ax = style.new(style.TWO, 2.7)
    edges = [float(data["time"].min()) - 0.5]
    for phase in order:
        part = data[data["phase"] == phase]
        ax.plot(part["time"], part["value"], color=style.INK, marker="o", linewidth=1, markersize=4)
        median = float(part["value"].median())
        span = [float(part["time"].min()) - 0.3, float(part["time"].max()) + 0.3]
        ax.plot(span, [median, median], color=style.PALETTE[5], linewidth=1.2, linestyle=(0, (6, 2)))
        after = data.loc[data["time"] > part["time"].max(), "time"]
        edges.append((part["time"].max() + after.min()) / 2 if len(after) else float(part["time"].max()) + 0.5)
        share = (edges[-1] - edges[-2]) / (data["time"].max() - data["time"].min() + 1)
        head = style.wrap(labelled(phase, labels, language), max(8, int(100 * share)))
        head += f"\n{pick(language, 'median', '中位数')} {number(median, 1)}"
        ax.annotate(head, ((edges[-2] + edges[-1]) / 2, 1), xycoords=("data", "axes fraction"), xytext=(0, 4),
                    textcoords="offset points", ha="center", va="bottom", size=7.5)
    for edge in edges[1:-1]:
        ax.axvline(edge, color=style.INK, linewidth=0.9, linestyle=(0, (5, 3)))
    ax.set_xlim(edges[0], edges[-1])
    ax.margins(y=0.12)
    arrow = pick(language, {"down": "lower is better", "up": "higher is better"}[better],
                 {"down": "越低越好", "up": "越高越好"}[better])
    ax.set_ylabel(f"{labelled(ylabel, None, language)}\n({arrow})" if language == "en" else
                  f"{labelled(ylabel, None, language)}\n（{arrow}）")
    ax.set_xlabel(labelled(xlabel, None, language) if xlabel else pick(language, "Measurement", "测量次序"))
    return fig, data


@style.styled
def goals(
    frame: pd.DataFrame, *, labels: Labels = None, language: str = "en", score: float | None = None,
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
    fig, ax = style.new(style.TWO - 0.6, 1.0 + 0.32 * len(data))
    y = style.rows(ax, names, 40)
    style.zero_line(ax)
    if "start" in data:
        for place, row in zip(y, data.itertuples(), strict=True):
            ax.plot([row.start, row.reached], [place, place], color=style.FAINT, linewidth=2.5, zorder=1)
        start = pick(language, "start", "起点")
        ax.plot(data["start"], y, "o", markerfacecolor="white", color=style.GREY, label=start)
    ax.plot(data["reached"], y, "s", color=style.PALETTE[0], markersize=6, label=pick(language, "reached", "达到"))
    ax.set_xlim(-2.3, 2.3)
    steps = [("−2", "much less", "远低于预期"), ("−1", "less", "低于预期"), ("0", "as expected", "符合预期"),
             ("+1", "more", "高于预期"), ("+2", "much more", "远高于预期")]
    ax.set_xticks(range(-2, 3), [f"{n}\n{pick(language, en, zh)}" for n, en, zh in steps])
    if score is not None:
        ax.set_title(pick(language, f"Goal attainment T = {number(score, 1)} (50 = as expected)",
                          f"目标达成 T = {number(score, 1)}（50 为符合预期）"))
    fig.legend(loc="outside upper right", ncols=2)
    return fig, data.assign(label=names)
