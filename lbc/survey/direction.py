"""Which way a scale points: shown by the labels of its answers, tested with the answers themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from lbc.errors import DirectionError
from lbc.instruments import Instrument
from lbc.instruments.scoring import key
from lbc.survey.text import bare

ENOUGH = 30
TOO_ADVERSE = 65.0
LESS = re.compile(
    r"\b(?:no|not|never|hardly|rarely|seldom|none|un\w+|dis\w+)\b|不|没|无|未|绝非|并非|很少|极少|偶尔|否",
    re.IGNORECASE,
)
MORE = re.compile(
    r"\b(?:yes|always|often|very|strongly|completely|totally|mostly?|usually|agree|true)\b|一直|总是|总|始终|经常|常常|"
    r"完全|非常|十分|很|极|符合|同意|赞同|是|有",
    re.IGNORECASE,
)
ADVERSE = re.compile(r"lonel|anxi|depress|stress|distress|negative|difficult|problem|worse|rejection", re.IGNORECASE)
CHECKS = {
    "labels": {"en": "labels of the answers", "zh": "选项文字"},
    "between": {"en": "mean correlation of unturned items across wordings", "zh": "正反向题目原始得分间的平均相关"},
    "item_rest": {"en": "lowest item-rest correlation after keying", "zh": "计分后最低的题总相关"},
    "spread": {"en": "SD of the item mean, keyed / not keyed", "zh": "条目均分标准差：计分后/计分前"},
    "level": {"en": "mean score in % of the range", "zh": "平均得分占全距百分比"},
    "fillers": {"en": "highest correlation of a filler with the score", "zh": "插入题与得分的最高相关"},
}
Labels = Mapping[str, Mapping[str, tuple[str, ...]]]


@dataclass(frozen=True)
class Direction:
    """Which way the answers of a scale point, and why we think so.

    Parameters
    ----------
    scale : str
    highest_is_agree : bool
        Whether the highest code means the most agreement ("always true"); pass it on to `scoring.score`.
    basis : {"labels", "assumed"}
        "assumed" where the codebook has no labels to show it; the answers did not contradict.
    evidence : DataFrame
        One row per check: check, en, zh, found, expected, agrees (True, False, or None = could not be checked).
    points : tuple of int
        Lowest and highest answer; pass it on to `scoring.score`.
    """

    scale: str
    highest_is_agree: bool
    basis: Literal["labels", "assumed"]
    evidence: pd.DataFrame
    points: tuple[int, int]


def direction(items: pd.DataFrame, instrument: Instrument, labels: Labels | None = None) -> Direction:
    """Find which way a scale points; refuse where labels and answers disagree.

    Parameters
    ----------
    items : DataFrame
        Answers as given, columns `<scale>_<nn>` of one wave.
    instrument : Instrument
    labels : mapping
        Value labels of each item column, `codebook.labels(scale)`.

    Returns
    -------
    Direction

    Raises
    ------
    DirectionError
        If items are labelled in opposite ways, if the answers seem to be keyed already, if an item runs against its
        key, if the mean says that labels and answers point in opposite directions, or if the instrument's anchors run
        from most to least agreement.

    Notes
    -----
    Turning all items leaves every correlation as it is, so correlations tell whether the *key* fits, and only labels
    (and, weakly, the mean: unselected children agree more with "I have many friends" than with "I have nobody to play
    with") tell which end is which.
    """
    _refuse_turned_anchors(instrument)
    labels = {name: labels[name] for name in items.columns if labels and labels.get(name)}
    shown = _by_labels(labels, instrument)
    highest_is_agree = True if shown is None else shown
    points = _points(labels, instrument)
    rows = [_row("labels", _label_text(labels), "highest code = most agreement", None if shown is None else True)]
    if not highest_is_agree:
        rows[0]["expected"] = "lowest code = most agreement: keyed accordingly"
    rows += _checks(items, instrument, highest_is_agree, points)
    evidence = pd.DataFrame(rows).astype({"agrees": object})
    _refuse(evidence, instrument, highest_is_agree, shown)
    return Direction(instrument.id, highest_is_agree, "assumed" if shown is None else "labels", evidence, points)


def _row(check: str, found: str, expected: str, agrees: bool | None) -> dict[str, object]:
    return {"check": check, **CHECKS[check], "found": found, "expected": expected, "agrees": agrees}


def _by_labels(labels: Labels, instrument: Instrument) -> bool | None:
    """Whether the highest code means the most agreement; None where labels do not say."""
    ways: dict[bool, list[str]] = {True: [], False: []}
    for column, values in labels.items():
        way = _one_way(values, instrument)
        if way is not None:
            ways[way].append(column)
    if ways[True] and ways[False]:
        few = min(ways.values(), key=len)
        raise DirectionError(
            f"items of {instrument.id} are labelled in opposite ways", f"codebook.csv, {', '.join(few[:6])}",
            "their highest code means the opposite of the other items' highest code",
            "correct `values` of these lines, or recode the column so that all items run the same way",
        )
    return True if ways[True] else False if ways[False] else None


def _one_way(values: Mapping[str, tuple[str, ...]], instrument: Instrument) -> bool | None:
    """Direction of one item's labels: by the instrument's own anchors, else by words of more and less."""
    anchors = {bare(text): rank for texts in instrument.anchors.values() for rank, text in enumerate(texts)}
    codes = sorted(values, key=float)
    ranks = [(float(c), anchors[bare(lb)]) for c in codes for lb in values[c] if bare(lb) in anchors]
    if len({code for code, _ in ranks}) > 1:
        code, rank = np.array(ranks).T
        slope = float(np.cov(code, rank)[0, 1])
        if slope:
            return slope > 0
    low, high = (_agreement(values[code]) for code in (codes[0], codes[-1]))
    return None if low == high else high > low


def _refuse_turned_anchors(instrument: Instrument) -> None:
    """Anchors ascend in agreement, whatever numbers a form prints beside them; labels are read by them."""
    low, high = (_agreement(tuple(texts[k] for texts in instrument.anchors.values())) for k in (0, -1))
    if low > high:
        first, last = (instrument.anchors["en"][k] for k in (0, -1))
        raise DirectionError(
            f"the anchors of {instrument.id} run from '{first}' to '{last}'", f"instruments/{instrument.id}.yaml",
            "anchors ascend in agreement; which number a form gives to which answer stands in codebook.csv",
            "turn the lists under `anchors` round",
        )


def _agreement(labels: tuple[str, ...]) -> int:
    """1 for a label of agreement, -1 for one of denial, 0 for neither."""
    signs = [-1 if LESS.search(text) else 1 if MORE.search(text) else 0 for text in labels]
    return int(np.sign(sum(signs)))


def _points(labels: Labels, instrument: Instrument) -> tuple[int, int]:
    codes = [int(code) for values in labels.values() for code in values]
    return (min(codes), max(codes)) if codes else (instrument.min, instrument.max)


def _label_text(labels: Labels) -> str:
    values = next(iter(labels.values()), {})
    ends = sorted(values, key=float)
    texts = [f"{code} = {values[code][0]}" for code in (ends[0], ends[-1]) if values[code]] if ends else []
    return ", ".join(texts) or "no labels"


def _checks(
    items: pd.DataFrame, instrument: Instrument, highest_is_agree: bool, points: tuple[int, int]
) -> list[dict[str, object]]:
    """What the answers say about the key."""
    keyed = key(items, instrument, highest_is_agree=highest_is_agree, points=points)
    number = {column: int(column.partition("@")[0].rsplit("_", 1)[1]) for column in items.columns}
    turned = [c for c in keyed if number[c] in instrument.reverse]
    straight = [c for c in keyed if number[c] not in instrument.reverse]
    raw = items[list(keyed.columns)].astype(float)
    enough = len(raw.dropna()) >= ENOUGH
    rows = []
    r = raw.corr() if enough else pd.DataFrame()
    if turned and straight:
        between = float(np.nanmean(r.loc[turned, straight].to_numpy())) if enough else np.nan
        rows.append(_row("between", _say(between), "< 0", between < 0 if enough else None))
    parts = [keyed] if instrument.total else _parts(keyed, number, instrument)
    rest = pd.concat([_item_rest(part) for part in parts]) if enough else pd.Series(dtype=float)
    if len(rest.dropna()):
        worst, bound = rest.idxmin(), -2 / np.sqrt(len(raw))
        rows.append(_row("item_rest", f"{_say(rest.min())} ({worst})", "> 0", bool(rest.min() > bound)))
    if turned and straight and enough:
        spread = keyed.mean(axis=1).std(), raw.mean(axis=1).std()
        found = f"{spread[0]:.2f} / {spread[1]:.2f}"
        rows.append(_row("spread", found, "keyed > not keyed", bool(spread[0] > spread[1])))
        rows.append(_level(keyed, instrument, points))
    fillers = [c for c in items.columns if number[c] in instrument.fillers]
    if fillers and enough:
        highest = items[fillers].corrwith(keyed.mean(axis=1)).abs().max()
        rows.append(_row("fillers", _say(highest), "near 0", bool(highest < 0.4)))
    return rows


def _parts(keyed: pd.DataFrame, number: dict[str, int], instrument: Instrument) -> list[pd.DataFrame]:
    """The subscales of a scale without a total: only within them do items go together."""
    groups = [[c for c in keyed if number[c] in part.items] for part in instrument.subscales.values()]
    return [keyed[group] for group in groups if len(group) > 1]


def _level(keyed: pd.DataFrame, instrument: Instrument, points: tuple[int, int]) -> dict[str, object]:
    low, high = (0, 1) if instrument.binary else points
    level = 100 * (float(keyed.mean(axis=1).mean()) - low) / (high - low)
    if instrument.binary or not ADVERSE.search(instrument.high_means["en"]):
        return _row("level", f"{level:.0f}", "", None)
    return _row("level", f"{level:.0f}", f"< {TOO_ADVERSE:.0f}", level < TOO_ADVERSE)


def _item_rest(keyed: pd.DataFrame) -> pd.Series:
    """Correlation of each item with the mean of the others; NaN for an item without spread."""
    varying = keyed.loc[:, keyed.std() > 0]
    return pd.Series({c: varying[c].corr(varying.drop(columns=c).mean(axis=1)) for c in varying}, dtype=float)


def _say(value: float) -> str:
    return "too few forms" if np.isnan(value) else f"{value:.2f}"


def _refuse(evidence: pd.DataFrame, instrument: Instrument, highest_is_agree: bool, shown: bool | None) -> None:
    wrong = evidence[[agrees is False for agrees in evidence["agrees"]]].set_index("check")["found"]
    end = "highest" if highest_is_agree else "lowest"
    said = "labels say" if shown is not None else "without labels it was assumed"
    if "between" in wrong:
        raise DirectionError(
            f"the answers to {instrument.id} seem to be keyed already", "codebook.csv",
            f"positively and negatively worded items go together (mean r = {wrong['between']}), as after keying",
            "give the answers as the children gave them, not the recoded ones",
        )
    if "item_rest" in wrong:
        raise DirectionError(
            f"an item of {instrument.id} runs against its key: {wrong['item_rest']}", "codebook.csv",
            "after keying every item should go along with the others",
            "check `column` and `values` of this item, and its `reverse` in the instrument's file",
        )
    if "level" in wrong:
        raise DirectionError(
            f"{instrument.id} may be the wrong way round: {said} that the {end} code means most agreement, "
            "the answers say the opposite", "codebook.csv",
            f"children would score {wrong['level']} % of the range; surveys of children find 10 to 40 %",
            "compare `values` with the printed form (option 1 is often 'always'); labels are needed here",
        )
