"""Words in a figure: how wide a text is, where its lines break, and how labels are kept apart."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import pairwise

LINE = 0.143
"""Inches from one line of a row's label to the next: tick labels at line spacing 1.35."""


def width_of(text: str) -> int:
    """Width in half-width columns: a Chinese character counts two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def wrap(text: str, width: int) -> str:
    """Break a text into lines of at most `width` half-width columns, at spaces or between Chinese characters.

    Punctuation never begins a line; the lines are of about equal length, so that no word stands alone on the last.
    """
    lines = _fill(text, width)
    for narrower in range(-(-width_of(text) // len(lines)), width):
        if len(tried := _fill(text, narrower)) == len(lines):
            return "\n".join(tried)
    return "\n".join(lines)


def _fill(text: str, width: int) -> list[str]:
    lines: list[str] = [""]
    for piece in _pieces(text):
        over = width_of((lines[-1] + piece).rstrip()) > width
        if lines[-1].strip() and over and piece[0] not in "，。、；：！？）》”,.;:!?)%":
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return [line.rstrip() for line in lines]


def _pieces(text: str) -> Iterator[str]:
    """Words with the space before them, and single Chinese characters."""
    word = ""
    for char in text:
        wide = unicodedata.east_asian_width(char) in "WF"
        if word and (wide or char == " "):
            yield word
            word = ""
        if wide:
            yield char
        else:
            word += char
    if word:
        yield word


def spread(positions: list[float], gap: float, low: float | None = None, high: float | None = None) -> list[float]:
    """Move label positions apart so that neighbours keep at least `gap`, each staying near its own place.

    Overlapping neighbours are pooled into a block centred on their mean, as in isotonic regression.
    """
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    blocks: list[list[float]] = []  # each: number of labels, centre
    for i in order:
        blocks.append([1, positions[i]])
        while len(blocks) > 1 and blocks[-1][1] - blocks[-2][1] < gap * (blocks[-1][0] + blocks[-2][0]) / 2:
            count, centre = blocks.pop()
            total = blocks[-1][0] + count
            blocks[-1] = [total, (blocks[-1][0] * blocks[-1][1] + count * centre) / total]
    places = [centre + gap * (k - (count - 1) / 2) for count, centre in blocks for k in range(int(count))]
    shift = 0.0
    if high is not None and places and places[-1] > high:
        shift = high - places[-1]
    if low is not None and places and places[0] + shift < low:
        shift = low - places[0]
    result = [0.0] * len(positions)
    for i, place in zip(order, places, strict=True):
        result[i] = place + shift
    return result


def pitch(labels: list[str], least: float = 0.22) -> float:
    """Inches from one row to the next that keep neighbouring labels, already wrapped, from touching."""
    lines = [label.count("\n") + 1 for label in labels]
    return max([least, *(LINE * (a + b) / 2 + 0.04 for a, b in pairwise(lines))])
