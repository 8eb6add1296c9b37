"""Tables and figures of the web report: tables that sort, figures that enlarge, each with its data, code and source.

A picture is embedded as the smaller of its SVG and its PNG. An SVG stays sharp when it is enlarged or printed, and as
the source of an `img` it can neither run a script nor load anything; the PNG takes its place where very many points
make the SVG the larger of the two, which keeps a page below 6 MB.
"""

from __future__ import annotations

import base64
import csv
import io
import re
from html import escape
from typing import Any

from lbc.errors import UserError
from lbc.reporting.columns import HEADS, in_words
from lbc.reporting.site_numbers import Sources, link_finding, listed, provenance, rich, short
from lbc.reporting.site_words import SIMULATED, say
from lbc.reporting.terms import labelled, words

MISSING = {"—", "-", ""}
PRINTED = re.compile(r"(?P<sign>[+−-]?)(?P<size>[\d,]*\.?\d+(?:[eE][+-]?\d+)?|∞)(?:%|\*{1,3})?")
BEYOND = re.compile(r"(?P<relation>[<>])\s*(?P<size>\d*\.\d+)")
ROWS, MOST_BYTES, TOLD = 12, 200_000, 4
"""Rows of plotted data that are shown; the size up to which a page holds all of them; findings in an alt text."""
SCREEN = 120
"""Pixels per printed inch: a figure is drawn for paper, where 8 pt can be read; a screen is further from the eye."""


def value(text: str) -> float | None:
    """The number that a cell shows, for sorting; None where it shows none.

    Examples
    --------
    >>> value("−0.12"), value("< .001"), value("57.1%"), value("—"), value("two")
    (-0.12, 0.000999, 57.1, None, None)
    """
    text = text.strip()
    if found := BEYOND.fullmatch(text):  # just beyond what is printed
        return float(found["size"]) * {"<": 0.999, ">": 1.001}[found["relation"]]
    found = PRINTED.fullmatch(text)
    if found is None:
        return None
    size = float("inf") if found["size"] == "∞" else float(found["size"].replace(",", ""))
    return -size if found["sign"] in {"−", "-"} else size


def exhibit(sources: Sources, key: str, code: str = "", place: str = "") -> str:
    """A table or figure with its caption, data, code and source.

    Parameters
    ----------
    sources : Sources
    key : str
        One of `sources.exhibits`.
    code : str
        The code of its cell as HTML.
    place : str
        The cell on its page, `<stage>.html#cell-..`.
    """
    stage, entry = sources.exhibits[key]
    make = {"figure": _figure, "table": _table}[entry["kind"]]
    released = entry.get("released")
    note = f'<p class="note">{sources.say("released", why=words(released, sources.language))}</p>' if released else ""
    folds = [fold("code", sources.say("code"), code)] if code else []
    source = _whence(sources, stage, entry, place or f"{stage}.html")
    folds.append(fold("whence", sources.say("whence exhibit"), source))
    body = make(sources, entry)
    return f'<figure class="exhibit {entry["kind"]}" id="x-{escape(key)}">\n{body}{note}{"".join(folds)}</figure>\n'


def fold(kind: str, summary: str, body: str) -> str:
    """HTML behind a click that needs no script."""
    return f'<details class="{kind}"><summary>{summary}</summary>{body}</details>'


def scrolling(table: str, name: str) -> str:
    """A box in which a wide table scrolls, by mouse, finger or keyboard."""
    return f'<div class="wide" tabindex="0" role="region" aria-label="{escape(name)}">{table}</div>'


def sortable(heads: list[str], cells: list[list[str]], numeric: list[bool], name: str) -> str:
    """A table whose heads are buttons; a cell carries the number that it shows unless it is plainly a number.

    A column of texts that are all numbers (or missing) sorts by them as well.
    """
    columns = [[row[k] for row in cells] for k in range(len(heads))]
    counts = [flush or (any(value(text) is not None for text in column) and all(
        value(text) is not None or text in MISSING for text in column))
        for flush, column in zip(numeric, columns, strict=True)]
    parts = [f'<table class="sortable" aria-label="{escape(name)}"><thead><tr>']
    for head, flush, count in zip(heads, numeric, counts, strict=True):
        kind = (' class="number-column"' if flush else "") + (' data-sort="number"' if count else "")
        button = f'<button type="button">{rich(head)}</button>'
        parts.append(f'<th scope="col" aria-sort="none"{kind}>{button}</th>' if head.strip() else f"<td{kind}></td>")
    parts.append("</tr></thead>\n<tbody>\n")
    for row in cells:
        parts.append("<tr>" + "".join(_cell(*cell) for cell in zip(row, numeric, counts, strict=True)) + "</tr>\n")
    return "".join(parts) + "</tbody></table>"


def _cell(text: str, flush: bool, count: bool) -> str:
    wide = sum(1 + (char > "⺀") for char in text)  # a Chinese character takes the room of two letters
    name = "number-column" if flush else "prose" if wide > 60 else "phrase" if wide > 16 else ""
    kind = f' class="{name}"' if name else ""
    shown = value(text) if count else None
    if shown is not None and not re.fullmatch(r"-?\d+(\.\d+)?", text):
        kind += f' data-value="{shown!r}"'
    return f"<td{kind}>{rich(text)}</td>".replace("\n", "<br>")


def _table(sources: Sources, entry: dict[str, Any]) -> str:
    language = sources.language
    caption = words(entry["caption"], language)
    notes = [words(entry["note"], language)] if entry.get("note") else []
    notes += [SIMULATED[language]] if sources.synthetic else []
    table = sortable(entry["heads"][language], entry["cells"][language], entry["numeric"], caption)
    lines = "".join(f'<p class="note">{rich(note)}</p>' for note in notes)
    return f"<figcaption>{_captioned(sources, entry)}</figcaption>\n{scrolling(table, caption)}\n{lines}"


def _figure(sources: Sources, entry: dict[str, Any]) -> str:
    caption = words(entry["caption"], sources.language)
    source, width, height = picture(sources, entry)
    image = f'<img src="{source}" width="{width}" height="{height}" alt="{escape(alt(sources, entry))}">'
    heads, rows = _plotted(sources, entry)
    shown = sources.say("all rows" if len(rows) <= ROWS else "first rows", n=len(rows), shown=ROWS)
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(_short(text))}</td>" for text in row) + "</tr>\n"
                   for row in rows[:ROWS])
    table = f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table>"
    region = scrolling(table, sources.say("data region", caption=caption)) if rows else ""
    data = f"<p>{shown}. {_download(sources, entry)}</p>{region}"
    return (f'<button type="button" class="enlarge" title="{sources.say("enlarge")}">{image}</button>\n'
            f"<figcaption>{_captioned(sources, entry)}</figcaption>\n{fold('data', sources.say('data'), data)}")


def _captioned(sources: Sources, entry: dict[str, Any]) -> str:
    return f'<b class="kind">{sources.say(entry["kind"])}</b> {rich(words(entry["caption"], sources.language))}'


def picture(sources: Sources, entry: dict[str, Any]) -> tuple[str, int, int]:
    """A figure in the page's language as a data URI, with the width and height at which a screen shows it."""
    stem = sources.outputs / entry["pictures"][sources.language]
    kinds = {"svg": "image/svg+xml", "png": "image/png"}
    found = {kind: path.read_bytes() for kind in kinds if (path := stem.with_name(f"{stem.name}.{kind}")).exists()}
    if not found:
        raise UserError("the figure has no picture that a page can show", f"{entry['name']}.svg or .png",
                        fix="let figures.formats in the params name png or svg, and run again")
    smaller = min(found, key=lambda kind: len(found[kind]))
    width, height = _inches(smaller, found[smaller])
    uri = f"data:{kinds[smaller]};base64,{base64.b64encode(found[smaller]).decode('ascii')}"
    return uri, round(width * SCREEN), round(height * SCREEN)


def _inches(kind: str, content: bytes) -> tuple[float, float]:
    if kind == "png":  # saved at 300 dpi; the header holds width and height
        return tuple(int.from_bytes(content[at:at + 4], "big") / 300 for at in (16, 20))
    found = re.search(rb'<svg[^>]*?width="([\d.]+)pt" height="([\d.]+)pt"', content)
    return (float(found[1]) / 72, float(found[2]) / 72) if found else (6.0, 4.0)


def alt(sources: Sources, entry: dict[str, Any]) -> str:
    """What a figure shows, in words: its caption and the findings told beside it, else what is plotted."""
    language = sources.language
    beside = [short(sources.findings[id][1], language) for id in sources.beside.get(entry["name"], [])[:TOLD]]
    stop = {"en": ". ", "zh": "。"}[language]
    if not beside:
        heads, rows = _plotted(sources, entry)
        comma = {"en": ", ", "zh": "、"}[language]
        beside = [say("alt data", language, n=len(rows), heads=comma.join(heads))]
    return stop.join([words(entry["caption"], language).rstrip(".。"), *beside]) + stop.strip()


def _csv(entry: dict[str, Any]) -> str:
    return next((file for file in entry["files"] if file.endswith(".csv")), "")


def _plotted(sources: Sources, entry: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of a figure's data in the page's language; a column in the other one is left out."""
    if not _csv(entry):
        return [], []
    text = (sources.outputs / _csv(entry)).read_text(encoding="utf-8")
    names, *rows = list(csv.reader(io.StringIO(text)))
    other = {"en": "_zh", "zh": "_en"}[sources.language]
    twins = {name for name in names if name.endswith(other) and name[:-3] + f"_{sources.language}" in names}
    kept = [k for k, name in enumerate(names) if name not in twins]
    own = f"_{sources.language}"
    bare = [names[k].removesuffix(own) if names[k].removesuffix(own) + other in names else names[k] for k in kept]
    heads = [labelled(name, HEADS, sources.language) for name in bare]
    places = list(zip(bare, kept, strict=True))
    return heads, [[in_words(name, row[k], {}, sources.language) for name, k in places] for row in rows]


def _short(text: str) -> str:
    """A number of plotted data to four digits; anything else as it stands."""
    if not re.fullmatch(r"-?\d+\.\d+(e[-+]?\d+)?", text):
        return text
    return f"{float(text):.4g}".replace("-", "−")


def _download(sources: Sources, entry: dict[str, Any]) -> str:
    file = _csv(entry)
    if not file:
        return ""
    content = (sources.outputs / file).read_bytes()
    if len(content) > MOST_BYTES:
        return sources.say("file", file=file)
    uri = f"data:text/csv;charset=utf-8;base64,{base64.b64encode(content).decode('ascii')}"
    return f'<a href="{uri}" download="{escape(entry["name"])}.csv">{sources.say("download")}</a>'


def _whence(sources: Sources, stage: str, entry: dict[str, Any], place: str) -> str:
    told = [link_finding(sources, id) for id in sources.beside.get(entry["name"], [])]
    data = escape(_csv(entry))
    if entry["kind"] == "table" and data:
        data += f"<br>{_download(sources, entry)}"
    return listed([
        (sources.say("data file"), data),
        (sources.say("digest"), f"<code>{escape(entry['digest'])}</code>"),
        (sources.say("shows"), "<br>".join(told)),
        *provenance(sources, stage, place),
    ])
