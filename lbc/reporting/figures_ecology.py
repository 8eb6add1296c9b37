"""Figures of the ecological levels: explained variance by block, importance, codes of the interviews."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lbc.reporting import style
from lbc.reporting.style import Drawn, Labels
from lbc.reporting.terms import LEVELS, labelled, pick, words
from lbc.reporting.wording import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ENTRIES = {
    "first": {"en": "entered first", "zh": "最先进入"},
    "in_order": {"en": "in order", "zh": "依次进入"},
    "last": {"en": "entered last", "zh": "最后进入"},
}


def level_name(level: str, labels: Labels, language: str) -> str:
    return labelled(level, LEVELS | (labels or {}), language)


def level_index(level: str, levels: list[str]) -> int:
    """Colour and hatch number of a level: the four known ones always look the same."""
    return style.LEVEL_ORDER.index(level) if level in style.LEVEL_ORDER else 4 + levels.index(level) % 4


@style.styled
def blocks(frame: pd.DataFrame, *, labels: Labels = None, language: str = "en") -> Drawn:
    """Explained variance added by each level when entered first, in order and last: how far the order decides.

    Parameters
    ----------
    frame : DataFrame
        `level`, `entry` (first, in_order, last), `estimate` (ΔR², 0 to 1), `ci_low`, `ci_high`.
    """
    data = frame.reset_index(drop=True)
    levels = list(dict.fromkeys(data["level"]))
    width = style.width(style.TWO - 1)
    fig, ax = style.new(width, 0.8 + 0.55 * len(levels))
    y = style.rows(ax, [style.wrap(level_name(v, labels, language), 20) for v in levels])
    ends = data["ci_high"].fillna(data["estimate"]).groupby(data["level"]).max()
    roomy = str(ends.idxmin())  # the level whose row has room for the names of the series
    direct = float(ends.min()) < 0.62 * float(ends.max())
    for k, (entry, name) in enumerate(ENTRIES.items()):
        part = data[data["entry"] == entry]
        at = np.array([y[levels.index(v)] for v in part["level"]]) + 0.25 * (k - 1)
        style.whisker(ax, 100 * part["estimate"], at, 100 * part["ci_low"], 100 * part["ci_high"],
                      marker=style.MARKERS[k], color=style.PALETTE[k], label=words(name, language))
        named = f"   {words(name, language)}" if direct else ""
        for place, row in zip(at, part.itertuples(), strict=True):
            end = row.estimate if pd.isna(row.ci_high) else row.ci_high
            told = f"  {number(100 * row.estimate, 1)}" + (named if row.level == roomy else "")
            ax.text(100 * end, place, told, va="center", size="small")
    ax.set_xlim(left=0)
    ax.margins(x=0.08)
    ax.set_xlabel(pick(language, "Variance explained, ΔR² in % (95% CI)", "解释的方差 ΔR²（%，95% 置信区间）"))
    ax.grid(axis="x", color=style.FAINT, linewidth=0.5)
    if not direct:
        fig.legend(loc="outside upper left", ncols=3, handletextpad=0.3, columnspacing=1.0)
    return fig, data


@style.styled
def importance(frame: pd.DataFrame, *, labels: Labels = None, language: str = "en") -> Drawn:
    """Share of R² by predictor (LMG), largest first, coloured and hatched by level.

    Parameters
    ----------
    frame : DataFrame
        `predictor`, `level`, `share` (of R², 0 to 1); optional `ci_low`, `ci_high`.
    """
    from matplotlib.patches import Patch

    data = frame.sort_values(["share", "predictor"], ascending=[False, True], kind="stable").reset_index(drop=True)
    found = set(data["level"])
    levels = [v for v in style.LEVEL_ORDER if v in found] + sorted(found - set(style.LEVEL_ORDER))
    look = {v: {"facecolor": style.PALETTE[level_index(v, levels)], "hatch": style.HATCHES[level_index(v, levels)]}
            for v in levels}
    shown = [labelled(v, labels, language) for v in data["predictor"]]
    width = style.width(style.TWO)
    names = [style.wrap(text, max(32, int(7.2 * width))) for text in shown]
    fig, ax = style.new(width, 0.8 + style.pitch(names) * len(data))
    y = style.rows(ax, names)
    for place, row in zip(y, data.itertuples(), strict=True):
        ax.barh(place, 100 * row.share, height=0.64, edgecolor="white", linewidth=0.4, **look[row.level])
    ends = 100 * data["share"]
    if "ci_high" in data:
        style.whisker(ax, 100 * data["share"], y, 100 * data["ci_low"], 100 * data["ci_high"], marker="none",
                      color=style.INK, elinewidth=0.9)
        ends = 100 * data["ci_high"].fillna(data["share"])
    for place, end, share in zip(y, ends, data["share"], strict=True):
        ax.text(end, place, f"  {number(100 * share, 1)}", va="center", size="small")
    room = 1.12 if width > style.ONE else 1.25
    ax.set_xlim(min(0.0, 100 * float(data.get("ci_low", data["share"]).min())), room * float(ends.max()))
    told = pick(language, "Share of explained variance (LMG), %", "占已解释方差的份额（LMG，%）")
    ax.set_xlabel(told if width > style.ONE else style.wrap(told, 28))
    handles = [Patch(edgecolor="white", linewidth=0.4, label=level_name(v, labels, language), **look[v])
               for v in levels]
    ax.legend(handles=handles, loc="lower right")
    return fig, data.assign(label=shown)


@style.styled
def mediation_sensitivity(frame: pd.DataFrame, *, labels: Labels = None, language: str = "en") -> Drawn:
    """How much unmeasured confounding of mediator and outcome would undo each indirect association.

    Parameters
    ----------
    frame : DataFrame
        `analysis`, `mediator`, `rho`, `indirect`, `low`, `high`, `rho_zero`; a panel per analysis and mediator.
    """
    reach = min(float(frame["rho"].max()), max(0.5, 1.25 * float(frame["rho_zero"].abs().max())))
    data = frame[frame["rho"].abs() <= reach]
    parts = list(data.groupby(["analysis", "mediator"], sort=False))
    once = len(parts) == data["mediator"].nunique()
    fig, panels = _panels(len(parts))
    for ax, ((analysis, mediator), part) in zip(panels, parts, strict=True):
        ax.fill_between(part["rho"], part["low"], part["high"], color=style.FAINT, linewidth=0)
        ax.plot(part["rho"], part["indirect"], color=style.PALETTE[0])
        style.zero_line(ax, vertical=False)
        here, zero = part.loc[part["rho"].abs().idxmin()], float(part["rho_zero"].iloc[0])
        style.whisker(ax, 0, here["indirect"], here["low"], here["high"], across=False, marker="o", color=style.INK)
        ax.plot([zero], [0], marker="X", markersize=7, color=style.PALETTE[5], linestyle="none")
        ax.annotate(f"ρ = {number(zero, 2, language, bounded=True)}", (zero, 0), xytext=(0, -9),
                    textcoords="offset points", ha="center", va="top", size=style.TICK, color=style.PALETTE[5])
        lines = [pick(language, "through: ", "经由：") + labelled(mediator, labels, language)]
        _titled(ax, len(parts), lines if once else [labelled(analysis, labels, language), *lines])
        ax.set_xlabel(pick(language, "ρ of unmeasured causes", "未测共同原因的相关 ρ"))
    fig.supylabel(pick(language, "Indirect association (95% CI)", "间接关联（95% 置信区间）"))
    return fig, data


@style.styled
def simple_slopes(frame: pd.DataFrame, *, labels: Labels = None, language: str = "en") -> Drawn:
    """The slope of a predictor along a moderator; shaded where its interval leaves out zero (Johnson-Neyman).

    Parameters
    ----------
    frame : DataFrame
        `analysis`, `predictor`, `moderator`, `kind` (line, point, region), `value` of the moderator, `slope`, `low`,
        `high`; of a region `low` and `high` are its borders.
    """
    parts = list(frame.groupby("analysis", sort=False))
    fig, panels = _panels(len(parts))
    for ax, (analysis, part) in zip(panels, parts, strict=True):
        line, point, region = (part[part["kind"] == kind] for kind in ("line", "point", "region"))
        for row in region.itertuples():
            ax.axvspan(row.low, row.high, facecolor=style.PALETTE[4], alpha=0.25, hatch="....", edgecolor="white",
                       linewidth=0, zorder=0)
        ax.fill_between(line["value"], line["low"], line["high"], color=style.GREY, alpha=0.3, linewidth=0)
        ax.plot(line["value"], line["slope"], color=style.PALETTE[0])
        style.whisker(ax, point["value"], point["slope"], point["low"], point["high"], across=False, marker="o",
                      color=style.INK)
        style.zero_line(ax, vertical=False)
        if line.empty:
            ax.set_xlim(-0.6, 1.6)
            yes_no = {0: pick(language, "no", "否"), 1: pick(language, "yes", "是")}
            ax.set_xticks(point["value"], [yes_no.get(value, f"{value:g}") for value in point["value"]])
        first = part.iloc[0]
        slope = pick(language, "slope of: ", "斜率：") + labelled(first["predictor"], labels, language)
        _titled(ax, len(parts), [labelled(analysis, labels, language), slope])
        ax.set_xlabel(style.wrap(labelled(first["moderator"], labels, language), 40))
    fig.supylabel(pick(language, "Slope of the predictor (95% CI)", "预测变量的斜率（95% 置信区间）"))
    return fig, frame


def _panels(count: int) -> tuple[Any, list[Axes]]:
    """Up to three panels a row; places left over stay empty."""
    width = style.width(min(style.TWO, style.ONE * max(count, 1)))
    columns = 1 if width == style.ONE else min(3, max(count, 1))
    rows = -(-count // columns)
    fig, axes = style.new(width, 2.7 * rows, nrows=rows, ncols=columns, squeeze=False)
    panels = list(axes.flat)
    for ax in panels[count:]:
        ax.axis("off")
    return fig, panels[:count]


def _titled(ax: Axes, count: int, lines: list[str]) -> None:
    """What a panel, one of `count`, is about."""
    narrow = count >= 3 and ax.figure.get_size_inches()[0] > style.ONE
    ax.set_title("\n".join(style.wrap(line, 33 if narrow else 50) for line in lines), size=style.TICK)
