"""The specification curve: every estimate, what no difference would look like, and what each specification chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lbc.reporting import style
from lbc.reporting.style import Drawn, Labels
from lbc.reporting.terms import labelled, pick
from lbc.reporting.wording import percent
from lbc.results import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WORDS = """
definition|Definition of the groups|分组定义
exclusion|Careless forms|敷衍问卷
missing|Missing answers|缺失作答
scoring|Scoring|计分
covariates|Held equal|控制变量
estimator|Estimator|估计方法
all|all|全部
left_behind_one_or_both_parents|one or both parents away|父母一方或双方外出
left_behind_state_council_2016|State Council 2016|国务院 2016
nobody|none set aside|全部保留
person_mean|person mean, enough answered|达到作答比例，个人均值填补
complete|all items answered|全部作答
imputed|imputed|多重插补
total|total score|总分
without_biased|without reverse-keyed items|不含反向计分题目
latent|factor score|因子得分
none|nothing|无
demographic|sex, grade and age|性别、年级、年龄
family|family background|家庭背景
welch|difference of means (Welch)|均值差（Welch）
ols|regression, HC3|回归（HC3）
cluster|regression, errors by class|回归（班级聚类标准误）
within|within classes|班级内（固定效应）
ranks|regression of normal scores, HC3|正态得分回归（HC3）
median estimate|median estimate|估计值中位数
share with p < .05 in one direction|share with p < .05 in one direction|同一方向 p < 0.05 的比例
Stouffer's Z|Stouffer's Z|Stouffer Z（合并）
"""
CHOICES: dict[str, Words] = {
    name: {"en": en, "zh": zh} for name, en, zh in (line.split("|") for line in _WORDS.strip().splitlines())
} | {f"{n} flags": {"en": f"{n} or more flags set aside", "zh": f"剔除至少 {n} 项标记者"} for n in range(1, 7)}
"""What the choices, their options and the joint tests of the specification curve are called."""


@style.styled
def specification_curve(
    frame: pd.DataFrame, choices: Sequence[str] | Mapping[str, float], points: float | None = None, *, ylabel: Any,
    labels: Labels = None, language: str = "en",
) -> Drawn:
    """All defensible specifications in order of their estimate; below, what each of them chose.

    Parameters
    ----------
    frame : DataFrame
        `estimate`, `ci_low`, `ci_high` and one column per name in `choices`; one row per specification. Optional:
        `null_low`, `null_mid`, `null_high` (the sorted curve where there is no difference), `main` (the town's own).
    choices : list of str, or mapping of str to float
        With the share of the estimates' variance that each explains, which is printed beside it.
    points : float, optional
        Points of the scale per unit of the estimate, for a second axis.
    """
    data = frame.sort_values("estimate", kind="stable").reset_index(drop=True)
    lines = [line for c in choices for line in ((c, None), *((c, v) for v in dict.fromkeys(frame[c])))]
    height = 0.15 * len(lines)
    width = style.width(style.TWO, style.TWO)
    fig, (ax, board) = style.new(width, 2.4 + height, nrows=2, sharex=True, height_ratios=[2.2, height])
    _curve(ax, data, language)
    ax.set_ylabel(labelled(ylabel, None, language))
    if points:
        other = ax.secondary_yaxis("right", functions=(lambda v: v * points, lambda v: v / points))
        other.set_ylabel(pick(language, "in points of the scale", "折合量表分数"))
    _board(board, data, lines, labels, language)
    if isinstance(choices, Mapping):
        for place, (choice, option) in enumerate(lines):
            if option is None:
                share = percent(choices[choice], 0, language)
                told = pick(language, f"explains {share}", f"解释 {share}")
                board.text(1.01, place, told, va="center", size="small", transform=board.get_yaxis_transform(),
                           color=style.GREY)
    count = len(data)
    board.set_xlabel(pick(language, f"{count} specifications, sorted by estimate", f"{count} 种设定，按估计值排序"))
    return fig, data


def _curve(ax: Axes, data: pd.DataFrame, language: str) -> None:
    x, width = np.arange(len(data)), 330 / len(data)  # points of the page per specification
    clear = ((data["ci_low"] > 0) | (data["ci_high"] < 0)).to_numpy()
    same = (np.sign(data["estimate"]) == np.sign(data["estimate"].median())).to_numpy()
    if "null_low" in data:
        name = pick(language, "no difference (permutations, 95%)", "若无差异（置换的中间 95%）")
        ax.fill_between(x, data["null_low"], data["null_high"], color=style.FAINT, linewidth=0, label=name, zorder=-1)
        ax.plot(x, data["null_mid"], color=style.GREY, linewidth=0.8, linestyle="-.")
    for rows, colour, mark, name in (
        (clear, style.PALETTE[0], "o", pick(language, "interval excludes zero", "区间不含零")),
        (~clear, style.PALETTE[5], "x", pick(language, "interval includes zero", "区间包含零")),
    ):
        ax.vlines(x[rows], data["ci_low"][rows], data["ci_high"][rows], color=colour, alpha=0.25,
                  linewidth=min(0.9, width))
        ax.plot(x[rows], data["estimate"][rows], linestyle="none", marker=mark, color=colour, markeredgewidth=0.6,
                markersize=np.clip(2.5 * width, 1.6, 3.5) * (1 if mark == "o" else 1.7),
                label=f"{name} ({int(rows.sum())})")
    if "main" in data and data["main"].any():
        own = data["main"].to_numpy()
        ax.plot(x[own], data["estimate"][own], linestyle="none", marker="D", color=style.INK, markersize=5,
                markerfacecolor="white", label=pick(language, "the main analyses", "主要分析"), zorder=5)
    style.zero_line(ax, vertical=False)
    agree, both = (percent(float(rows.mean()), 0, language) for rows in (same, same & clear))
    ax.set_title(pick(language, f"{agree} have the sign of the median, {both} also an interval without zero",
                      f"{agree} 与中位数同号，其中区间不含零者占全部的 {both}"))
    shown = data[data.columns.intersection(["ci_low", "ci_high", "null_low", "null_high"])]
    low, high = min(shown.min().min(), 0), max(shown.max().max(), 0)
    ax.set_ylim(low - 0.05 * (high - low), high + 0.3 * (high - low))
    ax.legend(loc="upper left", ncols=2)
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(-1, len(data))


def _board(
    board: Axes, data: pd.DataFrame, lines: list[tuple[str, Any]], labels: Labels, language: str
) -> None:
    """One row per option with a stroke under each specification that took it; the choices' names above their rows."""
    names = []
    for place, (choice, option) in enumerate(lines):
        names.append(labelled(choice if option is None else option, labels, language))
        if option is not None:
            chosen = np.flatnonzero((data[choice] == option).to_numpy())
            board.axhspan(place - 0.42, place + 0.42, color="#F2F2F2", linewidth=0, zorder=0)
            runs = np.split(chosen, np.flatnonzero(np.diff(chosen) > 1) + 1)
            bars = [(run[0] - 0.5, len(run)) for run in runs]
            board.broken_barh(bars, (place - 0.36, 0.72), color=style.INK, linewidth=0)
    board.set_yticks(range(len(lines)), names, size="small")
    for tick, (_, option) in zip(board.get_yticklabels(), lines, strict=True):
        tick.set_color(style.GREY if option is None else style.INK)
    board.set_ylim(len(lines) - 0.4, -0.6)
    for side in ("left", "bottom"):
        board.spines[side].set_visible(False)
    board.tick_params(length=0, labelbottom=False)
