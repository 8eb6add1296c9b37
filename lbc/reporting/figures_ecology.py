"""Figures of the ecological levels: explained variance by block, importance, codes of the interviews."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    fig, ax = style.new(style.TWO - 1, 0.8 + 0.55 * len(levels))
    y = style.rows(ax, [level_name(v, labels, language) for v in levels], 20)
    for k, (entry, name) in enumerate(ENTRIES.items()):
        part = data[data["entry"] == entry]
        at = np.array([y[levels.index(v)] for v in part["level"]]) + 0.25 * (k - 1)
        style.whisker(ax, 100 * part["estimate"], at, 100 * part["ci_low"], 100 * part["ci_high"],
                      marker=style.MARKERS[k], color=style.PALETTE[k], label=words(name, language))
        for place, row in zip(at, part.itertuples(), strict=True):
            end = row.estimate if pd.isna(row.ci_high) else row.ci_high
            ax.text(100 * end, place, f"  {number(100 * row.estimate, 1)}", va="center", size=7)
    ax.set_xlim(left=0)
    ax.margins(x=0.08)
    ax.set_xlabel(pick(language, "Variance explained, ΔR² in % (95% CI)", "解释的方差 ΔR²（%，95% 置信区间）"))
    ax.grid(axis="x", color=style.FAINT, linewidth=0.5)
    fig.legend(loc="outside upper left", ncols=3, handletextpad=0.3)
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
    lines = max(style.wrap(text, 48).count("\n") for text in shown) + 1  # long questions need taller rows
    fig, ax = style.new(style.TWO, 0.8 + (0.22 if lines == 1 else 0.15 * lines) * len(data))
    y = style.rows(ax, shown, 48)
    for place, row in zip(y, data.itertuples(), strict=True):
        ax.barh(place, 100 * row.share, height=0.64, edgecolor="white", linewidth=0.4, **look[row.level])
    ends = 100 * data["share"]
    if "ci_high" in data:
        style.whisker(ax, 100 * data["share"], y, 100 * data["ci_low"], 100 * data["ci_high"], marker="none",
                      color=style.INK, elinewidth=0.9)
        ends = 100 * data["ci_high"].fillna(data["share"])
    for place, end, share in zip(y, ends, data["share"], strict=True):
        ax.text(end, place, f"  {number(100 * share, 1)}", va="center", size=7)
    ax.set_xlim(min(0.0, 100 * float(data.get("ci_low", data["share"]).min())), 1.12 * float(ends.max()))
    ax.set_xlabel(pick(language, "Share of explained variance (LMG), %", "占已解释方差的份额（LMG，%）"))
    names = {v: level_name(v, labels, language) for v in levels}
    handles = [Patch(edgecolor="white", linewidth=0.4, label=names[v], **look[v]) for v in levels]
    ax.legend(handles=handles, loc="lower right")
    return fig, data.assign(label=shown)


@style.styled
def codes_by_level(frame: pd.DataFrame, *, labels: Labels = None, language: str = "en") -> Drawn:
    """Who spoke of what: themes in rows under their level, persons in columns, the dot's area by coded segments.

    Parameters
    ----------
    frame : DataFrame
        `level`, `theme`, `person`, `segments` (count); optional `role` of the person (columns stand by role).
    """
    data = frame[frame["segments"] > 0].reset_index(drop=True)
    persons = _persons(data)
    found = set(data["level"])
    levels = [v for v in style.LEVEL_ORDER if v in found] + sorted(found - set(style.LEVEL_ORDER))
    spoke = data.groupby(["level", "theme"])["person"].nunique()
    lines: list[tuple[str, str | None]] = []
    for level in levels:
        themes = spoke[level].sort_values(ascending=False, kind="stable").index
        lines += [(level, None), *((level, theme) for theme in themes)]
    fig, ax = style.new(style.TWO, 1.0 + 0.215 * len(lines))
    names = [level_name(v, labels, language) if t is None else labelled(t, labels, language) for v, t in lines]
    y = style.rows(ax, names)
    for place, tick, (level, theme) in zip(y, ax.get_yticklabels(), lines, strict=True):
        if theme is None:
            tick.set_color(style.GREY)
            continue
        ax.hlines(place, -0.6, len(persons) - 0.4, color=style.FAINT, linewidth=0.5, zorder=0)
        part = data[(data["level"] == level) & (data["theme"] == theme)].groupby("person")["segments"].sum()
        k = level_index(level, levels)
        ax.scatter([persons.index(p) for p in part.index], [place] * len(part), s=14 + 12 * part.to_numpy(),
                   color=style.PALETTE[k], marker=style.MARKERS[k], zorder=2)
        ax.text(len(persons) - 0.3, place, f"{len(part)}/{len(persons)}", va="center", size=7)
    _person_axis(ax, data, persons, labels, language)
    return fig, data


def _persons(data: pd.DataFrame) -> list[str]:
    order = ["role", "person"] if "role" in data else ["person"]
    return list(dict.fromkeys(data.sort_values(order, kind="stable")["person"]))


def _person_axis(ax: Axes, data: pd.DataFrame, persons: list[str], labels: Labels, language: str) -> None:
    ax.set_xticks(range(len(persons)), [labelled(p, labels, language) for p in persons])
    ax.xaxis.tick_top()
    ax.tick_params(axis="x", length=0)
    ax.spines[["bottom", "left"]].set_visible(False)
    ax.set_xlim(-0.6, len(persons) + 0.5)
    if "role" in data:
        roles = data.drop_duplicates("person").set_index("person")["role"].loc[persons]
        for role in dict.fromkeys(roles):
            where = np.flatnonzero((roles == role).to_numpy())
            ax.annotate(labelled(role, labels, language), (where.mean(), 1), xycoords=("data", "axes fraction"),
                        xytext=(0, 18), textcoords="offset points", ha="center", size=7.5)
            if where[0] > 0:
                ax.axvline(where[0] - 0.5, color=style.GREY, linewidth=0.6, linestyle=":")
    ax.set_xlabel(pick(language, "Area of a mark: coded segments; right: persons who spoke of it",
                       "标记大小：编码片段数；右侧：提及该主题的人数"))


@style.styled
def new_codes(frame: pd.DataFrame, *, language: str = "en") -> Drawn:
    """How many codes each further interview added: does the material run dry?

    Parameters
    ----------
    frame : DataFrame
        `interview` (1, 2, ... in the order held), `new` (codes heard for the first time), `total` (codes so far).
    """
    data = frame[["interview", "new", "total"]].reset_index(drop=True)
    fig, ax = style.new(style.ONE, 2.3)
    ax.bar(data["interview"], data["new"], width=0.65, color=style.FAINT, edgecolor=style.GREY, linewidth=0.5,
           label=pick(language, "new in this interview", "本次访谈新增"))
    ax.plot(data["interview"], data["total"], color=style.PALETTE[0], marker="o", markersize=4,
            label=pick(language, "so far", "累计"))
    ax.set_xticks(data["interview"])
    ax.set_xlabel(pick(language, "Interview, in the order held", "访谈次序"))
    ax.set_ylabel(pick(language, "Codes", "编码数"))
    fig.legend(loc="outside upper left", ncols=2)
    return fig, data
