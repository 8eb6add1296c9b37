"""The figure of `lbc plan`: what the planned survey and group can detect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from lbc.reporting import style
from lbc.reporting.style import Drawn, Labels
from lbc.reporting.terms import pick
from lbc.reporting.wording import number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@style.styled
def power(
    survey: pd.DataFrame, members: pd.DataFrame | None = None, retest: pd.DataFrame | None = None, *,
    planned: tuple[int, int] = (0, 0), compared: bool = True, alpha: float = 0.05, labels: Labels = None,
    language: str = "en",
) -> Drawn:
    """Power of the survey over the difference, of the group over its members, and false positives over the retest r.

    Parameters
    ----------
    survey, members, retest : DataFrame
        As `planning.survey_power`, `planning_groups.power_by_members` and `false_positives_by_retest` give them; the
        last two are left out where no group is planned.
    planned : tuple of int
        Children and members as planned, marked in the legend and by a line.
    compared : bool
        Whether untreated children are to be measured again; if not, the middle panel says what that would give.
    alpha : float
    """
    wide = members is not None and retest is not None
    width = style.width(style.TWO if wide else style.ONE)
    beside = wide and width > style.ONE
    shape = {"ncols": 3 if beside else 1, "nrows": 1 if beside or not wide else 3}
    fig, axes = style.new(width, 3.1 if shape["nrows"] == 1 else 8.7, sharey=True, squeeze=False, **shape)
    first, *others = axes.flat
    parts = [_over_difference(first, survey, planned[0], language)]
    if wide:
        parts += [_over_members(others[0], members, planned[1], compared, language),
                  _over_retest(others[1], retest, planned[1], alpha, language)]
    for ax in axes.flat:
        ax.set_ylim(0, 1.02)
        ax.axhline(0.8 if ax is first or ax is not others[-1] else alpha, color=style.GREY, linewidth=0.7,
                   linestyle=(0, (1, 2)), zorder=0)
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), fontsize="small", handlelength=2.6)
    first.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1], [percent(p, 0, language) for p in (0, 0.2, 0.4, 0.6, 0.8, 1)])
    first.set_ylabel(pick(language, "Significant studies", "显著的研究所占比例"))
    return fig, pd.concat(parts, ignore_index=True)


def _lines(ax: Axes, panel: str, x: pd.Series, series: dict[str, pd.Series]) -> pd.DataFrame:
    for k, (label, y) in enumerate(series.items()):
        ax.plot(x, y, label=label, **style.line(k) | {"markersize": 3.5})
    return pd.concat([pd.DataFrame({"panel": panel, "series": label, "x": x.astype(float), "rate": y})
                      for label, y in series.items()])


def _over_difference(ax: Axes, survey: pd.DataFrame, planned: int, language: str) -> pd.DataFrame:
    table = survey.set_index("children").filter(like="power_").T
    x = pd.Series([float(name.removeprefix("power_")) / 10 for name in table.index], index=table.index)
    names = {n: pick(language, f"{n} children", f"{n} 名儿童") for n in table}
    names[planned] += pick(language, " (planned)", "（计划）")
    ax.set_xlabel(pick(language, "Difference of the groups (SD)", "两组差值（SD）"))
    ax.set_title(style.wrap(pick(language, "Survey: power", "问卷调查：检验力"), 30))
    return _lines(ax, "survey", x, {names[n]: table[n] for n in table})


def _over_members(ax: Axes, members: pd.DataFrame, planned: int, compared: bool, language: str) -> pd.DataFrame:
    effects = {name: float(name.removeprefix("power_")) / 10 for name in members.filter(like="power_")}
    series = {pick(language, f"effect of {number(d, 1)} SD", f"效应 {number(d, 1)} SD"): members[name]
              for name, d in effects.items()}
    ax.axvline(planned, color=style.FAINT, linewidth=4, zorder=0)
    ax.set_xlabel(pick(language, "Members of the group", "小组人数"))
    title = pick(language, "Group against untreated children: power", "小组与未参加小组儿童比较：检验力")
    missing = pick(language, "Only if untreated children were measured again: power",
                   "仅当重测未参加小组的儿童时：检验力")
    ax.set_title(style.wrap(title if compared else missing, 30))
    return _lines(ax, "members", members["members"], series)


def _over_retest(ax: Axes, retest: pd.DataFrame, planned: int, alpha: float, language: str) -> pd.DataFrame:
    series = {pick(language, "paired t test", "配对 t 检验"): retest["false_paired"],
              pick(language, "against untreated", "与未参加小组者比较"): retest["false_positives"]}
    ax.set_xlabel(pick(language, "Retest correlation r", "重测相关 r"))
    ax.set_title(style.wrap(pick(language, f"{planned} members, no effect at all: false positives",
                                 f"{planned} 名组员且毫无效应：假阳性"), 30))
    return _lines(ax, "retest", retest["retest"], series)
