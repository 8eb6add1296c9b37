"""Figures of the survey and the scale: flow of forms, missing answers, distribution, items, scree.

Every function returns `(figure, frame of what is plotted)`; labels are `{name: {"en": ..., "zh": ...}}`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lbc.reporting import style
from lbc.reporting.style import Drawn, Labels
from lbc.reporting.terms import labelled, pick, words
from lbc.reporting.wording import number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@style.styled
def flow(
    steps: pd.DataFrame, *, language: str = "en", start: Any = None, end: Any = None
) -> Drawn:
    """Where each form went, as STROBE draws it: what is left on the left, what was set aside on the right.

    Parameters
    ----------
    steps : DataFrame
        One row per rule: `label` (text or {en, zh}), `before`, `removed`, `after`; optional `why`.
    start, end : str or dict, optional
        Words of the first and last box.

    Raises
    ------
    ValueError
        If the counts do not add up.
    """
    data = _flow_data(steps, language)
    start = words(start or {"en": "Forms handed in", "zh": "收回问卷"}, language)
    end = words(end or {"en": "Forms analysed", "zh": "纳入分析的问卷"}, language)
    kept = pick(language, "Forms left", "剩余问卷")
    boxes = [start, *[kept] * (len(data) - 1), end]
    left = [int(data["before"].iloc[0]), *data["after"].astype(int)]
    texts = [f"{name}\nn = {n}" for name, n in zip(boxes, left, strict=True)]
    width = style.width(style.TWO)
    centre, beside = (1.0, 2.47) if width == style.TWO else (0.6, 1.4)
    sides = [_flow_side(row, language, int((width - beside - 0.2) / 0.065)) for _, row in data.iterrows()]
    heights = [max(0.80, 0.16 * (side.count("\n") + 1) + 0.36) for side in sides]
    fig, ax = style.new(width, 0.55 + sum(heights) + 0.1)
    ax.axis("off")
    tops = np.concatenate([[0.0], np.cumsum(heights)])
    ax.set_xlim(0, width)
    ax.set_ylim(tops[-1] + 0.32, -0.32)
    frame = {"boxstyle": "square,pad=0.45", "facecolor": "white", "edgecolor": style.INK, "linewidth": 0.8}
    arrow = {"arrowstyle": "-|>", "color": style.INK, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
    for text, y in zip(texts, tops, strict=True):
        ax.text(centre, y, text, ha="center", va="center", bbox=frame, zorder=3)
    for k, side in enumerate(sides):
        middle = (tops[k] + tops[k + 1]) / 2
        ax.annotate("", (centre, tops[k + 1] - 0.23), (centre, tops[k] + 0.2), arrowprops=arrow)
        ax.annotate("", (beside - 0.07, middle), (centre, middle), arrowprops=arrow)
        ax.text(beside, middle, side, ha="left", va="center", bbox=frame | {"edgecolor": style.GREY}, zorder=3)
    return fig, data


def _flow_data(steps: pd.DataFrame, language: str) -> pd.DataFrame:
    data = pd.DataFrame({
        "label": [words(v, language) for v in steps["label"]],
        **{name: steps[name].to_numpy() for name in ("before", "removed", "after")},
    })
    why = steps["why"] if "why" in steps else [""] * len(steps)
    data["why"] = [words(v, language) if isinstance(v, (dict, str)) else "" for v in why]
    adds_up = (data["before"] - data["removed"] == data["after"]).all()
    if not adds_up or (data["before"].iloc[1:].to_numpy() != data["after"].iloc[:-1].to_numpy()).any():
        raise ValueError("the flow does not add up: each step must begin where the last ended, less what it removed")
    return data


def _flow_side(row: pd.Series, language: str, room: int) -> str:
    gone = pick(language, "set aside: ", "剔除：") + f"n = {int(row['removed'])}"
    why = [style.wrap(row["why"], room)] if row["why"] else []
    return "\n".join([style.wrap(row["label"], room), *why, gone])


@style.styled
def missing(
    frame: pd.DataFrame, *, labels: Labels = None, language: str = "en", limit: float | None = None
) -> Drawn:
    """Share of missing answers by variable or scale, most first.

    Parameters
    ----------
    frame : DataFrame
        `variable`, `missing` (count), `n` (forms).
    limit : float, optional
        A share drawn as a dashed line.
    """
    data = frame[["variable", "missing", "n"]].assign(share=frame["missing"] / frame["n"])
    data = data.sort_values(["share", "variable"], ascending=[False, True], kind="stable").reset_index(drop=True)
    names = [labelled(v, labels, language) for v in data["variable"]]
    width = style.width(style.TWO - 1)
    shown = [style.wrap(name, max(32, int(8.5 * width))) for name in names]
    fig, ax = style.new(width, 0.6 + style.pitch(shown) * len(data))
    y = style.rows(ax, shown)
    ax.barh(y, 100 * data["share"], height=0.62, color=style.PALETTE[0])
    for place, row in zip(y, data.itertuples(), strict=True):
        ax.annotate(f"{percent(row.share, 1, language)} ({row.missing})", (100 * row.share, place), xytext=(4, 0),
                    textcoords="offset points", va="center", size="small",
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8})
    top = max(100 * data["share"].max(), 100 * (limit or 0), 1.0)
    if limit is not None:
        style.zero_line(ax, 100 * limit)
    ax.set_xlim(0, (1.28 if width > style.ONE else 1.5) * top)
    ax.set_xlabel(pick(language, "Missing answers, % of forms (count)", "缺失比例（%，括号内为份数）"))
    return fig, data.assign(label=names)


def merged_bins(counts: np.ndarray, min_cell: int) -> list[tuple[int, int]]:
    """Neighbouring bins joined until none holds 1 to min_cell - 1 children; returns half-open ranges of bins.

    >>> merged_bins(np.array([1, 2, 9, 0, 7, 1]), 5)
    [(0, 3), (3, 4), (4, 6)]
    """
    ranges: list[tuple[int, int]] = []
    begin, held = 0, 0
    for i, count in enumerate(counts):
        held += int(count)
        if held == 0 or held >= min_cell:
            ranges.append((begin, i + 1))
            begin, held = i + 1, 0
    if held:
        end = int(np.flatnonzero(counts)[-1]) + 1
        while ranges and held < min_cell:  # what is left over joins the last bins that hold children
            begin, last = ranges.pop()
            held += int(counts[begin:last].sum())
        ranges += [(begin, end), *((i, i + 1) for i in range(end, len(counts)))]
    return ranges


@style.styled
def distribution(
    frame: pd.DataFrame, score: str, *, group: str | None = None, labels: Labels = None, language: str = "en",
    limits: tuple[float, float] | None = None, width: float = 4, min_cell: int = 5,
) -> Drawn:
    """Histogram of a score, one panel per group on the same axes, with the mean of each.

    Parameters
    ----------
    frame : DataFrame
        One row per child; only counts leave this function.
    score, group : str
        Columns; `labels` names them and the values of `group`.
    limits : tuple, optional
        Lowest and highest possible score; they become the axis.
    width : float
        Bin width in points.
    min_cell : int
        Bins of fewer children are joined with their neighbours; heights are then per `width`.
    """
    kept = frame[[c for c in (score, group) if c]].dropna()
    groups = [None] if group is None else sorted(kept[group].unique().tolist())
    low, high = limits or (np.floor(kept[score].min()), np.ceil(kept[score].max()))
    edges = np.append(np.arange(low - 0.5, high + 0.5, width), high + 0.5)
    parts = []
    shape = {"nrows": len(groups), "sharex": True, "sharey": True, "squeeze": False}
    fig, axes = style.new(style.width(style.ONE), 1.0 + 1.05 * len(groups), **shape)
    for k, (value, ax) in enumerate(zip(groups, axes[:, 0], strict=True)):
        answers = kept[score] if group is None else kept.loc[kept[group] == value, score]
        part = _histogram(answers.to_numpy(dtype=float), edges, width, min_cell)
        name = "" if group is None else labelled(value, labels, language)
        parts.append(part.assign(group=name))
        ax.bar(part["from"], part["percent"], width=part["to"] - part["from"], align="edge", linewidth=0.5,
               color=style.PALETTE[k], hatch=style.HATCHES[k], edgecolor="white")
        _mean_mark(ax, answers, name, language)
    axes[-1, 0].set_xlabel(labelled(score, labels, language))
    axes[-1, 0].set_xlim(edges[0], edges[-1])
    per = pick(language, f"% of children per {width:g} points", f"每 {width:g} 分的儿童百分比")
    fig.supylabel(per)
    return fig, pd.concat(parts)[["group", "from", "to", "count", "percent"]]


def _histogram(values: np.ndarray, edges: np.ndarray, width: float, min_cell: int) -> pd.DataFrame:
    counts, _ = np.histogram(values, edges)
    ranges = merged_bins(counts, min_cell)
    part = pd.DataFrame({
        "from": [edges[a] for a, _ in ranges], "to": [edges[b] for _, b in ranges],
        "count": [int(counts[a:b].sum()) for a, b in ranges],
    })
    return part.assign(percent=100 * part["count"] / len(values) * width / (part["to"] - part["from"]))


def _mean_mark(ax: Axes, answers: pd.Series, name: str, language: str) -> None:
    mean, sd = float(answers.mean()), float(answers.std(ddof=1))
    ax.axvline(mean, color=style.INK, linewidth=1)
    text = f"M = {number(mean, 1, language)}, SD = {number(sd, 1, language)}, n = {len(answers)}"
    colon = pick(language, ": ", "：")
    ax.set_title(f"{name}{colon}{text}" if name else text, size=style.TICK)


@style.styled
def scree(frame: pd.DataFrame, *, labels: Labels = None, language: str = "en") -> Drawn:
    """Eigenvalues beside those of random data (parallel analysis).

    Parameters
    ----------
    frame : DataFrame
        `component` (1, 2, ...), `observed`, `random_quantile` (the percentile of random data that is compared with),
        `keep` (whether it stands above random data).
    """
    names = {"component": "factor", "observed": "eigenvalue", "random_quantile": "random"}
    data, retained = frame[list(names)].rename(columns=names), int(frame["keep"].sum())
    fig, ax = style.new(style.width(style.ONE), 2.5)
    names = [pick(language, "this survey", "本次调查"), pick(language, "random data", "随机数据")]
    for k, column in enumerate(["eigenvalue", "random"]):
        ax.plot(data["factor"], data[column], **style.line(k), markersize=4, label=names[k])
    ax.set_title(pick(language, f"Factors above random data: {retained}", f"高于随机数据的因子数：{retained}"))
    ax.set_xticks(data["factor"][:: 1 if len(data) <= 16 else 2])
    ax.set_xlabel(pick(language, "Factor", "因子"))
    ax.set_ylabel(pick(language, "Eigenvalue", "特征值"))
    ax.set_ylim(bottom=min(0.0, float(data[["eigenvalue", "random"]].min().min())))
    ends = [(float(data["factor"].iloc[-1]), float(data[name].iloc[-1])) for name in ("eigenvalue", "random")]
    style.end_labels(ax, ends, names, 0.075 * (ax.get_ylim()[1] - ax.get_ylim()[0]))
    return fig, data.copy()
