"""An executed notebook as the body of a page: nbconvert's `basic` HTML, cleaned, with our markup of what it shows.

What the project itself computed (exhibits, sentences, code) is taken out before nbconvert and put back after the
cleaning, at marks that nobody can have typed: each holds a hash of the whole notebook. Everything else passes a list
of allowed tags, attributes and styles, so text that somebody typed into a survey cannot act.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from html import escape
from typing import Any

from lbc.reporting import wording
from lbc.reporting.site_exhibits import exhibit, fold
from lbc.reporting.site_numbers import Explained, Sources
from lbc.results import MARK

TAGS = frozenset(re.findall(
    r"\w+",
    "a b blockquote br caption code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p pre s span strong "
    "sub summary sup table tbody td tfoot th thead tr ul",
))
ATTRIBUTES = {"class", "title", "alt", "colspan", "rowspan", "scope", "style"}
STYLES = ["border-bottom", "border-collapse", "border-top", "padding", "text-align", "color", "font-weight"]
GONE = ["script", "style", "iframe", "object", "embed", "svg", "math", "template", "noscript", "link", "meta", "form",
        "input", "button", "video", "audio", "base"]
CARD = re.compile(r"\*\*(?P<title>.+)\*\*\n\n\| \| \|\n\|---\|---\|\n(?P<rows>(?:\| .* \|(?:\n|\Z))+)")
VERDICT = re.compile(r"\*\*(?P<verdict>[^*]+)\*\* (?P<rest>.+)", re.S)


def body(notebook: Mapping[str, Any], stage: str, sources: Sources, numbers: Explained) -> str:
    """A notebook as clean HTML: code folded away, exhibits and sentences in the report's markup.

    Parameters
    ----------
    notebook : dict
        An executed notebook in one language; what its outputs are stands in their metadata (`lbc.results.MARK`).
    stage : str
    sources : Sources
    numbers : Explained
        Collects what the numbers of the page open.
    """
    import nbformat

    seal = hashlib.sha256(json.dumps(notebook, sort_keys=True).encode()).hexdigest()[:32]
    put: list[str] = []

    def mark(html: str) -> dict[str, Any]:
        put.append(html)
        data = {"text/html": f"<p>{seal}-{len(put) - 1}-</p>"}
        return {"output_type": "display_data", "metadata": {}, "data": data}

    cells = []
    for count, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            cell = {**cell, "outputs": [mark(html) if isinstance(html, str) else html
                                        for html in _outputs(cell, stage, f"cell-{count:02d}", sources, numbers)]}
        cells.append(cell)
    copied = nbformat.reads(json.dumps({**notebook, "cells": cells}), as_version=4)
    html, _ = _exporter().from_notebook_node(copied)
    clear = _headed(clean(_without(html)))
    return re.sub(rf"<p>{seal}-(\d+)-</p>", lambda found: put[int(found[1])], clear)


@cache
def _exporter() -> Any:
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="basic")
    exporter.exclude_input = exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    exporter.exclude_anchor_links = True
    return exporter


def _outputs(cell: Mapping[str, Any], stage: str, place: str, sources: Sources, numbers: Explained) -> list[Any]:
    """The outputs of a cell: HTML for those that the report marks up itself, the others as they are."""
    shown: list[Any] = []
    code = highlighted(_text(cell["source"]))
    for output in cell.get("outputs", []):
        said = output.get("metadata", {}).get(MARK, {})
        markdown = _text(output.get("data", {}).get("text/markdown", ""))
        if "exhibit" in said:
            key = _key(sources, said["exhibit"], _text(output["data"]["text/plain"]))
            shown.append(exhibit(sources, key, code, f"{stage}.html#{place}"))
        elif card := CARD.fullmatch(markdown):
            shown.append(fold("card", sources.say("card"), _card(card)))
        elif MARK in output.get("metadata", {}) and markdown:
            shown.append("\n".join(_said(paragraph, said.get("findings", []), stage, place, sources, numbers)
                                   for paragraph in markdown.split("\n\n")))
        else:
            shown.append(output)
    hidden = any(isinstance(html, str) and html.startswith("<figure") for html in shown)
    here = f'<span class="anchor" id="{place}"></span>'
    return [here + ("" if hidden or not code else fold("code", sources.say("code"), code)), *shown]


def _key(sources: Sources, name: str, plain: str) -> str:
    """Which of `sources.exhibits` an output shows: a table may be called like a figure, and its text says which."""
    keys = [key for key in (name, f"{name}-figure", f"{name}-table") if key in sources.exhibits]
    return next((key for key in keys if plain.startswith(sources.exhibits[key][1]["kind"])), name)


def _said(text: str, ids: list[str], stage: str, place: str, sources: Sources, numbers: Explained) -> str:
    """A computed paragraph; its numbers come from a finding, from a claim's findings, or from the cell."""
    for id in ids:
        if id in sources.findings and wording.sentence(sources.findings[id][1], sources.language) == text.strip():
            return numbers.finding(id)
    strong, found = "", VERDICT.fullmatch(text)
    if found:
        strong, text = f"<strong>{escape(found['verdict'])}</strong> ", found["rest"]
    for id, claim in sources.claims.items():
        sentence, reason = claim_words(claim, sources.language)
        if text == reason or (found and text.endswith(sentence)):
            return f'<p class="said">{strong}{numbers.claim(id, text)}</p>'
    return f'<p class="said">{strong}{numbers.cell(stage, place, text)}</p>'


def claim_words(claim: Mapping[str, Any], language: str) -> tuple[str, str]:
    """A claim's sentence and reason in one language, however the findings file keeps them."""
    both = (claim.get("words") or {}).get(language, claim)
    sentence, reason = both["sentence"], both["reason"]
    return (sentence[language] if isinstance(sentence, dict) else sentence,
            reason[language] if isinstance(reason, dict) else reason)


def _card(card: re.Match[str]) -> str:
    rows = [line.strip("| ").split(" | ", 1) for line in card["rows"].strip().split("\n")]
    cells = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(held)}</td></tr>\n' for name, held in rows)
    return f"<p><b>{escape(card['title'])}</b></p><table>\n<tbody>\n{cells}</tbody></table>"


@cache
def highlighted(source: str) -> str:
    """Python as HTML with classes for comments, names and strings; empty for no code."""
    from nbconvert.filters import Highlight2HTML

    return clean(Highlight2HTML(pygments_lexer="ipython3")(source)) if source.strip() else ""


def _without(html: str) -> str:
    """Drop what may act."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "html.parser")
    for tag in soup.find_all(GONE):
        tag.decompose()
    for image in soup.find_all("img"):
        if not _allowed("img", "src", image.get("src", "")):
            image.decompose()
    return str(soup)


def clean(html: str) -> str:
    """HTML reduced to the tags, attributes and styles on this module's lists; links only within the report."""
    import bleach
    from bleach.css_sanitizer import CSSSanitizer

    styles = CSSSanitizer(allowed_css_properties=STYLES, allowed_svg_properties=[])
    return bleach.clean(html, tags=TAGS, attributes=_allowed, protocols=["data"], strip=True, css_sanitizer=styles)


def _allowed(tag: str, name: str, value: str) -> bool:
    if tag == "img" and name == "src":
        return value.startswith("data:image/png;base64,")
    if tag == "a" and name == "href":
        return re.fullmatch(r"#[^\s]*|[\w.-]+\.html(#[^\s]*)?", value) is not None
    return name in ATTRIBUTES


def _headed(html: str) -> str:
    """The first heading is the page's; the others stand below it, each at a place that both languages share."""
    levels: list[int] = []

    def place(found: re.Match[str]) -> str:
        wanted = int(found[1])
        level = 1 if not levels else min(max(wanted, 2), levels[-1] + 1)
        levels.append(level)
        name = "" if level == 1 else f' id="s-{len(levels) - 1}"'
        return f"<h{level}{name}>{found[2]}</h{level}>"

    return re.sub(r"<h([1-6])[^>]*>(.*?)</h\1>", place, html, flags=re.S)


def title(html: str) -> str:
    """The text of a page's first heading; empty where there is none."""
    from bs4 import BeautifulSoup

    found = re.search(r"<h1[^>]*>(.*?)</h1>", html, re.S)
    return BeautifulSoup(found[1], "html.parser").get_text().strip() if found else ""


def contents(html: str) -> list[tuple[str, str]]:
    """Places and texts of the headings below the first."""
    from bs4 import BeautifulSoup

    return [(id, BeautifulSoup(text, "html.parser").get_text().strip())
            for id, text in re.findall(r'<h2 id="(s-\d+)">(.*?)</h2>', html, re.S)]


def places(notebooks: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Where each finding is told, and which findings are told beside each exhibit.

    Beside means: in the same cell, or else under the same heading.

    Returns
    -------
    dict of finding id to `<stage>.html#cell-..`; dict of exhibit to ids of findings
    """
    told: dict[str, str] = {}
    beside: dict[str, list[str]] = {}
    for stage, notebook in notebooks.items():
        section: tuple[list[str], list[str]] = ([], [])
        for count, cell in enumerate(notebook["cells"]):
            if cell["cell_type"] == "markdown":
                _beside(beside, *section)
                section = ([], [])
            marks = [output.get("metadata", {}).get(MARK, {}) for output in cell.get("outputs", [])]
            ids = [id for mark in marks for id in mark.get("findings", [])]
            names = [mark["exhibit"] for mark in marks if "exhibit" in mark]
            told |= {id: f"{stage}.html#cell-{count:02d}" for id in ids if id not in told}
            if ids:
                _beside(beside, names, ids)
            section = (section[0] + names, section[1] + ids)
        _beside(beside, *section)
    return told, beside


def _beside(beside: dict[str, list[str]], names: list[str], ids: list[str]) -> None:
    for name in names:
        beside[name] = beside.get(name) or list(dict.fromkeys(ids))


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


__all__ = ["body", "claim_words", "clean", "contents", "highlighted", "places", "title"]
