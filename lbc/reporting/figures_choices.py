"""How far the comparison hangs on a choice: every cut-off, every weighting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from lbc.reporting import style
from lbc.reporting.columns import in_words
from lbc.reporting.figures_comparison import kind_legend
from lbc.reporting.style import Drawn, Labels
from lbc.reporting.terms import labelled, pick

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@style.styled
def cutoff_curve(
    frame: pd.DataFrame, *, xlabel: Any, labels: Labels = None, language: str = "en",
    marks: list[dict[str, Any]] | None = None,
) -> Drawn:
    """Share of lonely children at every cut-off and, beside it, the difference, instead of one prevalence.

    Parameters
    ----------
    frame : DataFrame
        `group` (two groups and "difference"), `cutoff` (rising), `share` (0 to 1), and its limits at each cut-off,
        `ci_low`, `ci_high`, and of the whole curve, `band_low`, `band_high`.
    marks : list of dict, optional
        Published cut-offs: `value`, `label` {en, zh}.
    """
    data = frame.reset_index(drop=True)
    width = style.width(style.TWO)
    fig, axes = style.new(width, 2.8 if width > style.ONE else 4.8, sharex=True,
                          **{"ncols" if width > style.ONE else "nrows": 2})
    names = [group for group in dict.fromkeys(frame["group"]) if group != "difference"]
    for ax, drawn in zip(axes, (names, ["difference"]), strict=True):
        for k, group in enumerate(drawn):
            part = data[data["group"] == group]
            alone = group == "difference"
            look = {"color": style.INK} if alone else style.line(k)
            for kind, alpha in (("band", 0.12), ("ci", 0.2)) if alone else (("ci", 0.18),):
                ax.fill_between(part["cutoff"], 100 * part[f"{kind}_low"], 100 * part[f"{kind}_high"], alpha=alpha,
                                color=look["color"], linewidth=0)
            ax.plot(part["cutoff"], 100 * part["share"], markersize=3.5, markevery=max(len(part) // 8, 1), **look,
                    label=labelled(group, labels, language))
        for k, mark in enumerate(marks or []):  # names of neighbouring cut-offs stand on two lines
            ax.axvline(mark["value"], color=style.GREY, linewidth=0.8, linestyle=":")
            ax.annotate(labelled(mark["label"], None, language), (mark["value"], 1), ha="center",
                        xytext=(0, 2 + 9 * (k % 2)),
                        xycoords=("data", "axes fraction"), textcoords="offset points", va="bottom", size="small",
                        color=style.GREY)
        ax.set_xlabel(labelled(xlabel, None, language))
    axes[0].set_xlim(data["cutoff"].min(), data["cutoff"].max())
    axes[0].set_ylim(0, 104)
    _name_two(axes[0], data, names, labels, language)
    style.zero_line(axes[1], vertical=False)
    axes[0].set_ylabel(pick(language, "Children above the cut-off, %", "高于界值的儿童（%）"))
    axes[1].set_ylabel(pick(language, "Difference, percentage points", "差值（百分点）"))
    return fig, data


def _name_two(ax: Axes, data: pd.DataFrame, names: list[Any], labels: Labels, language: str) -> None:
    """Both curves named where they are farthest apart: the upper to its right, the lower to its left."""
    wide = data.pivot(index="cutoff", columns="group", values="share")[names]
    at = float((wide.max(axis=1) - wide.min(axis=1)).idxmax())
    for name in names:
        upper = wide.loc[at, name] == wide.loc[at].max()
        ax.annotate(labelled(name, labels, language), (at, 100 * wide.loc[at, name]), size=style.TICK,
                    xytext=(7, 7) if upper else (-7, -7), textcoords="offset points",
                    ha="left" if upper else "right", va="bottom" if upper else "top")


WEIGHTINGS = {"smd": {"en": "as they are", "zh": "未加权"},
              "smd_overlap": {"en": "overlap weights", "zh": "重叠权重"},
              "smd_odds": {"en": "odds weights", "zh": "优势权重"}}


@style.styled
def balance(frame: pd.DataFrame, *, labels: Labels = None, language: str = "en") -> Drawn:
    """How unlike the two groups are in each covariate before and after weighting (a Love plot); up to .1 is balanced.

    Parameters
    ----------
    frame : DataFrame
        `term` and the standardised differences `smd`, `smd_overlap`, `smd_odds`.
    """
    data = frame.reset_index(drop=True)
    width = style.width(style.TWO)
    names = [style.wrap(in_words("term", term, labels or {}, language), int(7 * width)) for term in data["term"]]
    fig, ax = style.new(width, 0.9 + style.pitch(names, 0.28) * len(data))
    places = style.rows(ax, names)
    for k, name in enumerate(WEIGHTINGS):
        ax.plot(data[name].abs(), places, linestyle="none", marker=style.MARKERS[k], color=style.PALETTE[k])
    style.zero_line(ax, 0.1)
    ax.set_xlim(-0.01, 1.1 * max(0.12, data[list(WEIGHTINGS)].abs().max().max()))
    ax.xaxis.get_major_locator().set_params(nbins=9 if width > style.ONE else 5)
    ax.set_xlabel(pick(language, "Standardised difference of the groups, size", "组间标准化差异（绝对值）"))
    ax.grid(axis="y", color=style.FAINT, linewidth=0.5)
    kind_legend(fig, list(WEIGHTINGS), WEIGHTINGS, language)
    return fig, data
