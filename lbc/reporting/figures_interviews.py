"""Figures of the interviews: who spoke of what, which themes go together, new themes, and the joint display."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lbc.reporting import style
from lbc.reporting.columns import HEADS, WORDS, in_words
from lbc.reporting.figures_ecology import level_index, level_name
from lbc.reporting.style import Drawn, Labels
from lbc.reporting.terms import labelled, pick

if TYPE_CHECKING:
    from matplotlib.axes import Axes

VERDICT_LOOK: dict[str, dict[str, Any]] = {
    "agrees": {"marker": "o", "color": style.PALETTE[2]}, "diverges": {"marker": "X", "color": style.PALETTE[5]},
    "undecided": {"marker": "o", "color": style.GREY, "markerfacecolor": "white"},
    "silent": {"marker": "s", "color": style.PALETTE[0], "markerfacecolor": "white"},
    "absent": {"marker": "s", "color": style.FAINT, "markerfacecolor": "white"},
}


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
    names = [level_name(v, labels, language) if t is None else labelled(t, labels, language) for v, t in lines]
    names = [style.wrap(name, 34) for name in names]
    fig, ax = style.new(style.width(style.TWO, style.TWO), 1.0 + style.pitch(names, 0.215) * len(lines))
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
        ax.text(len(persons) - 0.3, place, f"{len(part)}/{len(persons)}", va="center", size="small")
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
                        xytext=(0, 18), textcoords="offset points", ha="center", size=style.TICK)
            if where[0] > 0:
                ax.axvline(where[0] - 0.5, color=style.GREY, linewidth=0.6, linestyle=":")
    ax.set_xlabel(pick(language, "Area of a mark: coded segments; right: persons who spoke of it",
                       "标记大小：编码片段数；右侧：提及该主题的人数"))


@style.styled
def new_codes(frame: pd.DataFrame, *, labels: Labels = None, language: str = "en") -> Drawn:
    """How many codes each further interview added, and where the curve lies in random orders of the interviews.

    Parameters
    ----------
    frame : DataFrame
        `interview` (1, 2, ... in the order held), `new` (codes heard for the first time), `total` (codes so far);
        optional `expected`, `low`, `high` of the total over random orders.
    """
    data = frame.reset_index(drop=True)
    fig, ax = style.new(style.width(style.ONE), 2.5)
    ax.bar(data["interview"], data["new"], width=0.65, color=style.FAINT, edgecolor=style.GREY, linewidth=0.5,
           label=pick(language, "new in this interview", "本次访谈新增"))
    if "low" in data:
        ax.fill_between(data["interview"], data["low"], data["high"], color=style.PALETTE[4], alpha=0.35, linewidth=0,
                        label=pick(language, "95% of random orders", "随机次序的 95%"))
        ax.plot(data["interview"], data["expected"], color=style.PALETTE[0], linestyle=":", linewidth=1,
                label=pick(language, "mean of random orders", "随机次序均值"))
    ax.plot(data["interview"], data["total"], color=style.PALETTE[0], marker="o", markersize=4,
            label=pick(language, "so far, as held", "按实际次序累计"))
    ax.set_xticks(data["interview"])
    ax.set_ylim(bottom=0)
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel(pick(language, "Interview, in the order held", "访谈次序"))
    ax.set_ylabel(pick(language, "Codes", "编码数"))
    fig.legend(loc="outside upper left", ncols=2)
    return fig, data


@style.styled
def co_occurrence(frame: pd.DataFrame, *, labels: Labels = None, language: str = "en") -> Drawn:
    """How many persons spoke of both themes of each pair; on the diagonal, of the theme at all.

    Parameters
    ----------
    frame : DataFrame
        `theme`, `other`, `persons`: every pair once, in the order of the rows.
    """
    data = frame.reset_index(drop=True)
    themes = list(dict.fromkeys(data["theme"]))
    shown = [labelled(theme, labels, language) for theme in themes]
    names = [style.wrap(f"{name}  {k}", 40) for k, name in enumerate(shown, start=1)]
    fig, ax = style.new(style.width(style.TWO, style.TWO), 1.1 + style.pitch(names, 0.27) * len(themes))
    y = style.rows(ax, names)
    most = data.loc[data["theme"] != data["other"], "persons"].max()
    for row in data.itertuples():
        x, place, own = themes.index(row.other), y[themes.index(row.theme)], row.theme == row.other
        depth = 0.0 if own else 0.75 * row.persons / max(most, 1)
        colour = style.FAINT if own else (1 - depth, 1 - 0.55 * depth, 1 - 0.3 * depth)
        ax.add_patch(_square(x, place, colour))
        if row.persons:
            ax.text(x, place, str(row.persons), ha="center", va="center", size="small")
    ax.set_xlim(-0.6, len(themes) - 0.4)
    ax.set_xticks(range(len(themes)), [str(k) for k in range(1, len(themes) + 1)])
    ax.tick_params(axis="x", length=0)
    ax.spines["bottom"].set_visible(False)
    ax.set_xlabel(pick(language, "Persons who spoke of both; grey: of the theme at all. Empty: nobody",
                       "同时谈到两个主题的人数；灰色：谈到该主题的人数；空白：无人"))
    return fig, data


def _square(x: float, y: float, color: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=color, edgecolor=style.FAINT, linewidth=0.5)


@style.styled
def joint_display(
    frame: pd.DataFrame, *, labels: Labels = None, language: str = "en", smallest: float = 0.1
) -> Drawn:
    """Interviews on the left, survey on the right, one row per theme or unmentioned predictor, with the verdict.

    Parameters
    ----------
    frame : DataFrame
        As `joint_display.display` returns it: `level`, `theme`, `persons`, `of`, a column per role, `predictors`,
        `direction`, `r`, `low`, `high`, `verdict`.
    smallest : float
        Correlations nearer to zero do not matter: shaded.
    """
    data = frame.reset_index(drop=True)
    names: list[str] = []
    places: list[int] = []
    for row in data.itertuples():
        if not places or row.level != data["level"][len(places) - 1]:
            names.append(level_name(row.level, labels, language))
        places.append(len(names))
        measures = in_words("predictors", row.predictors, labels or {}, language)
        names.append(f"({measures})" if row.theme in WORDS else labelled(row.theme, labels, language))
    names = [style.wrap(name, 40) for name in names]
    fig, (said, found) = style.new(style.width(style.TWO, style.TWO), 1.0 + style.pitch(names) * len(names), ncols=2,
                                   sharey=True, width_ratios=(2, 3))
    style.rows(said, names)
    for place, tick in enumerate(said.get_yticklabels()):
        tick.set_color(style.INK if place in places else style.GREY)
    _said(said, data, places, language)
    _found(found, data, places, smallest, language)
    return fig, data


def _said(ax: Axes, data: pd.DataFrame, places: list[int], language: str) -> None:
    """Persons who spoke of each theme, stacked by role."""
    left, of = np.zeros(len(data)), data["of"].iloc[0]
    roles = list(data.columns[data.columns.get_loc("of") + 1:data.columns.get_loc("predictors")])
    for k, role in enumerate(roles):
        ax.barh(places, data[role], left=left, height=0.6, color=style.PALETTE[k], hatch=style.HATCHES[k],
                edgecolor="white", linewidth=0.4, label=labelled(role, HEADS, language))
        left += data[role].to_numpy(float)
    for place, n in zip(places, data["persons"], strict=True):
        ax.text(n + 0.2, place, f"{n}/{of}", va="center", size="small")
    ax.set_xlim(0, max(left.max(), 1) * 1.3)
    ax.set_xticks(range(0, int(left.max()) + 1, 2))
    ax.set_xlabel(pick(language, f"Interviews: persons of {of}", f"访谈：人数（共 {of} 人）"))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(roles), handletextpad=0.3, columnspacing=0.8)


def _found(ax: Axes, data: pd.DataFrame, places: list[int], smallest: float, language: str) -> None:
    """The survey's correlations with the verdict beside them."""
    ax.axvspan(-smallest, smallest, color=style.FAINT, alpha=0.4, linewidth=0)
    style.zero_line(ax)
    for place, row in zip(places, data.itertuples(), strict=True):
        if row.r == row.r:
            style.whisker(ax, row.r, place, row.low, row.high, markersize=4, **VERDICT_LOOK[row.verdict])
        ax.text(1.02, place, labelled(row.verdict, WORDS, language), transform=ax.get_yaxis_transform(), va="center",
                size="small")
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    limit = 1.05 * np.nanmax(np.abs(data[["low", "high"]].to_numpy(float)), initial=0.3)
    ax.set_xlim(-limit, limit)
    ax.set_xlabel(pick(language, "Survey: r with the outcome (95% CI)", "问卷：与结果变量的相关 r（95% 置信区间）"))
