"""Figures of group work: expected fall, Mee-Chua, members, reliable change, sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lbc.reporting import style
from lbc.reporting.columns import HEADS, WORDS
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
    chosen: float | None = None, unit: Any = None, labels: Labels = None, language: str = "en",
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
    fig, ax = style.new(style.width(style.ONE + 0.9), 2.7)
    if plausible:
        ax.axvspan(*plausible, color="#EEEEEE", linewidth=0, zorder=0)
        ax.annotate(pick(language, "plausible r", "合理的 r 范围"), (sum(plausible) / 2, 1), ha="center", va="bottom",
                    xycoords=("data", "axes fraction"), size="small", color=style.GREY)
    if "ci_low" in data:
        ax.fill_between(data["r"], data["ci_low"], data["ci_high"], color=style.PALETTE[0], alpha=0.2, linewidth=0)
    ax.plot(data["r"], data["expected"], color=style.PALETTE[0])
    if observed.ci:
        ax.axhspan(*observed.ci, color=style.PALETTE[1], alpha=0.16, linewidth=0, zorder=0)
    ax.axhline(observed.value, color=style.PALETTE[5], linestyle="--")
    shown = number(observed.value, 1)
    ax.annotate(pick(language, f"observed: {shown}", f"实际下降：{shown}"), (1, observed.value), xytext=(-3, 3),
                xycoords=("axes fraction", "data"), textcoords="offset points", ha="right", va="bottom", size="small")
    _name_expected(ax, data, chosen, observed.value, language)
    ax.set_xlim(data["r"].min(), data["r"].max())
    top = max(float(data.get("ci_high", data["expected"]).max()), observed.ci[1] if observed.ci else observed.value)
    ax.set_ylim(min(0.0, observed.ci[0] if observed.ci else observed.value), 1.08 * top)
    ax.set_xlabel(pick(language, "Retest correlation r", "重测相关 r"))
    ax.set_ylabel(labelled(unit, None, language) if unit else pick(language, "Fall in points", "下降分数"))
    return fig, data.assign(observed=observed.value)


def _name_expected(ax: Axes, data: pd.DataFrame, chosen: float | None, observed: float, language: str) -> None:
    """The curve's name at the chosen r, on the side of it that is away from the observed fall."""
    place = float(data["r"].median()) if chosen is None else chosen
    at = float(np.interp(place, data["r"], data["expected"]))
    text = pick(language, "expected without any help", "不做任何干预时的预期回落")
    if chosen is not None:
        text += f"\nr = {number(chosen, 2, language, bounded=True)}: {number(at, 1)}"
        ax.plot([chosen], [at], "o", color=style.PALETTE[0])
    below = observed > at
    ax.annotate(text, (place, at), xytext=(-5, -5) if below else (5, 5), textcoords="offset points", size="small",
                ha="right" if below else "left", va="top" if below else "bottom")


@style.styled
def mee_chua(
    curve: pd.DataFrame, mean: float, interval: tuple[float, float], *, labels: Labels = None, language: str = "en",
) -> Drawn:
    """The effect that the members' own line leaves over the mean of the population they came from.

    Parameters
    ----------
    curve : DataFrame
        `mu`, `effect`, `low`, `high`.
    mean, interval : float, (low, high)
        The survey's mean and its confidence interval, marked.
    """
    fig, ax = style.new(style.width(style.ONE + 0.9), 2.5)
    style.zero_line(ax, vertical=False)
    ax.axvspan(*interval, color="#EEEEEE", linewidth=0, zorder=0)
    ax.axvline(mean, color=style.GREY, linewidth=0.8)
    ax.annotate(pick(language, f"survey mean {number(mean, 1)}", f"调查均值 {number(mean, 1)}"), (mean, 1),
                xycoords=("data", "axes fraction"), ha="center", va="bottom", size="small", color=style.GREY)
    ax.fill_between(curve["mu"], curve["low"], curve["high"], color=style.PALETTE[0], alpha=0.2, linewidth=0)
    ax.plot(curve["mu"], curve["effect"], color=style.PALETTE[0])
    ax.set_xlim(curve["mu"].min(), curve["mu"].max())
    ax.set_xlabel(pick(language, "Mean μ of the children chosen from", "入选来源总体的均值 μ"))
    ax.set_ylabel(pick(language, "Change beyond regression\nto the mean (points)", "超出向均值回归的变化（分）"))
    return fig, curve.assign(mean=mean, mean_low=interval[0], mean_high=interval[1])


@style.styled
def sessions(frame: pd.DataFrame, *, labels: Labels = None, language: str = "en") -> Drawn:
    """What was counted or rated in every session: one panel for each kind of number, a line for each thing rated.

    Parameters
    ----------
    frame : DataFrame
        `panel` ("attended" is a share, everything else a rating), `line`, `session`, `value`, in the sessions' order;
        optional `component`, named below its session.
    """
    known = HEADS | WORDS | (labels or {})
    panels, order = list(dict.fromkeys(frame["panel"])), list(dict.fromkeys(frame["session"]))
    ticks = [str(name) for name in order]
    if "component" in frame:
        component = frame.drop_duplicates("session").set_index("session")["component"]
        ticks = [f"{name}\n{style.wrap(labelled(component[name], known, language), 10)}" for name in order]
    least = style.TWO if "component" in frame else style.ONE  # their names need room below the sessions
    fig, axes = style.new(style.width(style.TWO - 0.6, least), 0.7 + 1.35 * max(len(panels), 1.6), nrows=len(panels),
                          sharex=True, squeeze=False)
    for ax, panel in zip(axes[:, 0], panels, strict=True):
        part = frame[frame["panel"] == panel]
        ends, names = [], []
        for k, (name, line) in enumerate(part.groupby("line", sort=False)):
            places = [order.index(session) for session in line["session"]]
            values = line["value"] * (100 if panel == "attended" else 1)
            ax.plot(places, values, **style.line(k))
            ends.append((places[-1], float(values.iloc[-1])))
            names.append(labelled(name, known, language))
        ax.set_ylim(*((0, 105) if panel == "attended" else (0.8, 5.2)))
        if len(names) > 1:
            ax.margins(x=0.03)
            style.end_labels(ax, ends, names, 0.3)
        head = labelled(panel, known, language)
        ax.set_ylabel(head + pick(language, " (%)", "（%）") if panel == "attended" else head)
    axes[-1, 0].set_xticks(range(len(order)), ticks)
    axes[-1, 0].set_xlabel(pick(language, "Session", "小组活动（场次）"))
    return fig, frame


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
    width = style.width(style.ONE + 1.1)
    fig, ax = style.new(width, 3.2)
    x = np.arange(len(waves))
    for member in table.index:
        ax.plot(x, table.loc[member], zorder=2, **KIND_LOOK[kinds[member]])
    apart = table[(kinds != "low_peer").reindex(table.index).to_numpy()]
    if mean and len(apart) > 1:
        ax.plot(x, apart.mean(skipna=False), color=style.INK, linewidth=2.4, zorder=3)
    ax.set_xticks(x, [style.wrap(labelled(w, labels, language), int(14 * width / 4.6)) for w in waves])
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
        ax.text(x[-1] + 0.15, place, labelled(member, labels, language), va="center", size="small", color=colour)
    ax.set_xlim(-0.15, x[-1] + 0.62)


def _member_legend(fig: Figure, kinds: pd.Series, mean: bool, language: str) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], label=KINDS[k][language], **KIND_LOOK[k]) for k in KINDS if (kinds == k).any()]
    if mean:
        text = pick(language, "mean (without the peer)", "平均（不含低孤独感同伴）")
        text = text if (kinds == "low_peer").any() else pick(language, "mean", "平均")
        handles.append(Line2D([], [], color=style.INK, linewidth=2.4, label=text))
    columns = 2 if fig.get_size_inches()[0] > style.ONE else 1
    fig.legend(handles=handles, loc="outside upper left", ncols=columns)


@style.styled
def reliable_change(
    frame: pd.DataFrame, *, labels: Labels = None, language: str = "en", band: float = 1.96, better: str = "down",
) -> Drawn:
    """Reliable change index of every member against the band in which error of measurement suffices as reason.

    Parameters
    ----------
    frame : DataFrame
        `member`, `rci`; optional `rci_low`, `rci_high` (over the plausible reliabilities), `rci_corrected`, `kind`.
    better : {"down", "up"}
        Direction of improvement.
    """
    data = frame.assign(kind=frame.get("kind", "member"))
    data = data.sort_values(["rci", "member"], kind="stable").reset_index(drop=True)
    names = [style.wrap(labelled(m, labels, language), 24) for m in data["member"]]
    fig, ax = style.new(style.width(style.ONE + 0.9), 0.95 + style.pitch(names, 0.25) * len(data))
    y = style.rows(ax, names)
    ax.axvspan(-band, band, color="#EEEEEE", linewidth=0, zorder=0)
    style.zero_line(ax)
    for place, row in zip(y, data.itertuples(), strict=True):
        low, high = (row.rci_low, row.rci_high) if "rci_low" in data else (np.nan, np.nan)
        look = KIND_LOOK[row.kind]
        colour = style.INK if row.kind == "member" else look["color"]
        style.whisker(ax, row.rci, place, low, high, marker=look["marker"], color=colour)
    if "rci_corrected" in data:
        ax.plot(data["rci_corrected"], y, "D", markerfacecolor="white", color=style.PALETTE[0], markersize=4,
                label=pick(language, "corrected for regression to the mean", "校正向均值回归后"))
        fig.legend(loc="outside upper left")
    reach = 1.12 * max(band + 0.6, float(np.nanmax(np.abs(data.filter(like="rci").to_numpy(dtype=float)))))
    ax.set_xlim(-reach, reach)
    words = pick(language, "improved", "改善"), pick(language, "worse", "恶化")
    left, right = words if better == "down" else words[::-1]
    for x, text in ((-(band + reach) / 2, left), (0, pick(language, "no reliable change", "无可靠变化")),
                    ((band + reach) / 2, right)):
        ax.annotate(text, (x, 1), xycoords=("data", "axes fraction"), xytext=(0, 2), textcoords="offset points",
                    ha="center", va="bottom", size="small", color=style.GREY)
    ax.set_xlabel(pick(language, f"Reliable change index (band ±{band:g})", f"可靠变化指数（区间 ±{band:g}）"))
    return fig, data
