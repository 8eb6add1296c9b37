"""The chain from cause to outcome as a picture: six columns, arrows, and the missing links in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lbc.reporting import style
from lbc.reporting.style import Drawn, Labels
from lbc.reporting.terms import LEVELS, NOT_ESTIMABLE, labelled, pick
from lbc.reporting.wording import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lbc.results import Result, Words

COLUMNS: dict[str, tuple[float, float, int, Words]] = {
    "cause": (0.0, 1.30, 24, {"en": "Cause", "zh": "原因"}), "need": (1.44, 2.62, 22, {"en": "Need", "zh": "需要"}),
    "component": (2.84, 3.86, 18, {"en": "Component", "zh": "组成部分"}),
    "session": (4.08, 4.54, 9, {"en": "Session", "zh": "活动"}),
    "measure": (4.70, 5.58, 16, {"en": "Measure", "zh": "测量"}),
    "outcome": (5.74, 6.56, 15, {"en": "Outcome", "zh": "结果"}),
}
"""Left and right end in inches, width of a line of text, head."""
MISSING = style.PALETTE[5]
LINE, PAD, GAP = 0.127, 0.09, 0.05


@dataclass
class _Node:
    text: str
    at: list[float] = field(default_factory=list)
    missing: bool = False
    y: float = 0.0

    @property
    def height(self) -> float:
        return LINE * (self.text.count("\n") + 1) + PAD


@style.styled
def chain(
    frame: pd.DataFrame, gaps: Mapping[str, tuple[str, Words]], changes: Mapping[str, Result] | None = None, *,
    labels: Labels = None, language: str = "en",
) -> Drawn:
    """Every cause with what it led to; a missing link is a dashed box in words where the link should be.

    Parameters
    ----------
    frame : DataFrame
        As `chain.links` returns it: level, cause, need, component, session, measure, outcome ("" where empty) and gap
        (keys of `gaps`, joined by ", ").
    gaps : mapping
        Each kind of gap: the column it is drawn in, and its name in both languages.
    changes : mapping, optional
        Registered outcome to the Result of its change, printed in its box.
    """
    data = frame.reset_index(drop=True)
    places, heads, bottom = _rows(data, labels, language)
    nodes: dict[str, dict[Any, _Node]] = {step: {} for step in COLUMNS}
    arrows: dict[tuple[Any, ...], bool] = {}
    for row, at in zip(data.to_dict("records"), places, strict=True):
        path = _path(row, at, gaps, nodes, changes or {}, labels, language)
        for (step, key), (after, other) in pairwise(path):
            broken = nodes[step][key].missing or nodes[after][other].missing
            arrows[step, key, after, other] = broken
    bottom = max([bottom, *(sum(n.height + GAP for n in column.values()) + 0.25 for column in nodes.values())])
    for column in nodes.values():
        _stack(list(column.values()), 0.25, bottom)
    fig, ax = style.new(style.width(style.TWO, style.TWO), bottom + 0.35)
    ax.axis("off")
    ax.set_xlim(-0.02, style.TWO - 0.02)
    ax.set_ylim(bottom + 0.22, 0)
    for left, right, _, head in COLUMNS.values():
        ax.text((left + right) / 2, 0.07, head[language], ha="center", va="center")
    for level, at in heads:
        ax.text(0, at, LEVELS[level][language], va="center", size="small", color=style.GREY)
    for (step, key, after, other), broken in arrows.items():
        _arrow(ax, (COLUMNS[step][1], nodes[step][key].y), (COLUMNS[after][0], nodes[after][other].y), broken)
    for step, column in nodes.items():
        for node in column.values():
            _box(ax, step, node)
    if changes:
        ax.text(0, bottom + 0.14, pick(
            language, "Under each outcome: mean change over the whole programme with 95% CI, without a comparison.",
            "结果框内：整个项目期间的平均变化及 95% 置信区间，没有比较对象。"),
            size="small", color=style.GREY, va="center")
    return fig, data.assign(change=[_value(changes or {}, name) for name in data["outcome"]])


def _value(changes: Mapping[str, Result], name: str) -> float:
    found = changes.get(name)
    return np.nan if found is None or found.estimate is None else found.estimate.value


def _rows(data: pd.DataFrame, labels: Labels, language: str) -> tuple[list[float], list[tuple[str, float]], float]:
    """Where each line of the chain stands, where each level's name, and where the lowest ends."""
    places, heads, top, level = [], [], 0.2, None
    for row in data.itertuples():
        if not row.cause and not row.need and row.component in set(data["component"][: row.Index]):
            places.append(np.mean([p for p, c in zip(places, data["component"], strict=False) if c == row.component]))
            continue
        if row.level and row.level != level:
            heads.append((row.level, top + 0.1))
            level, top = row.level, top + 0.19
        texts = [_wrapped(step, getattr(row, step), labels, language) for step in ("cause", "need")]
        height = LINE * (max(text.count("\n") for text in texts) + 1) + PAD + GAP
        places.append(top + height / 2)
        top += height
    return places, heads, top


def _wrapped(step: str, text: Any, labels: Labels, language: str) -> str:
    return style.wrap(labelled(text, labels, language), COLUMNS[step][2])


def _path(
    row: dict[str, Any], at: float, gaps: Mapping[str, tuple[str, Words]], nodes: dict[str, dict[Any, _Node]],
    changes: Mapping[str, Result], labels: Labels, language: str,
) -> list[tuple[str, Any]]:
    """The boxes that a line of the chain passes, made where they are new."""
    missing = {gaps[kind][0]: gaps[kind][1][language] for kind in row["gap"].split(", ") if kind}
    path: list[tuple[str, Any]] = []
    for step in COLUMNS:
        name = row[step]
        if not name and step not in missing:
            continue
        key = (row["level"], name) if step in ("cause", "need") else name or ("gap", at)
        text = _wrapped(step, name, labels, language) if name else ""
        if step in missing:
            text = "\n".join(part for part in (text, style.wrap(missing[step], COLUMNS[step][2])) if part)
        elif step == "outcome" and name in changes:
            text += "\n" + _change(changes[name], language)
        node = nodes[step].setdefault(key, _Node(text, missing=step in missing))
        node.at.append(at)
        path.append((step, key))
    return path


def _change(found: Result, language: str) -> str:
    if found.estimate is None:
        return NOT_ESTIMABLE[language]
    low, high = found.estimate.ci or (np.nan, np.nan)
    return f"{number(found.estimate.value, 1, sign=True)}\n[{number(low, 1)}, {number(high, 1)}]"


def _stack(column: Sequence[_Node], top: float, bottom: float) -> None:
    """Boxes of one column near the lines they belong to, none over another."""
    column = sorted(column, key=lambda node: float(np.mean(node.at)))
    end = top
    for node in column:
        node.y = max(float(np.mean(node.at)), end + node.height / 2)
        end = node.y + node.height / 2 + GAP
    end = bottom
    for node in reversed(column):
        node.y = min(node.y, end - node.height / 2)
        end = node.y - node.height / 2 - GAP


def _box(ax: Axes, step: str, node: _Node) -> None:
    from matplotlib.patches import Rectangle

    left, right = COLUMNS[step][:2]
    look: dict[str, Any] = {"facecolor": "#F3F3F3", "edgecolor": style.GREY, "linewidth": 0.5}
    if node.missing:
        look = {"facecolor": "white", "edgecolor": MISSING, "linewidth": 1.0, "linestyle": (0, (3, 2))}
    ax.add_patch(Rectangle((left, node.y - node.height / 2), right - left, node.height, zorder=2, **look))
    ax.text((left + right) / 2, node.y, node.text, ha="center", va="center", size="small", zorder=3,
            color=MISSING if node.missing else style.INK)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], broken: bool) -> None:
    look = {"color": MISSING, "linestyle": (0, (3, 2))} if broken else {"color": style.GREY}
    ax.annotate("", end, start, zorder=1, arrowprops={
        "arrowstyle": "-|>,head_width=0.1,head_length=0.22", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 0, **look})
