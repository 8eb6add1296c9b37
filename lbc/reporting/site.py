"""The web report: one page for the claims, one for the findings, one per notebook, each in both languages.

It is read from a disk, without a network: style, script and pictures stand in the page, and the page's policy allows
that one script (by its hash) and nothing else. Whatever the script adds (sorting, enlarging, the place on the twin
page) the report can be read without.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from lbc.reporting import site_notebooks, wording
from lbc.reporting.site_index import index
from lbc.reporting.site_notebooks import clean
from lbc.reporting.site_numbers import Explained, Sources, anchor
from lbc.reporting.site_words import SHORT, SIMULATED, say
from lbc.reporting.terms import words

LANGUAGES = {"en": "en", "zh": "zh-CN"}
INDEX, FINDINGS = "index.html", "findings.html"


@dataclass
class Page:
    """A page before it is written."""

    title: str
    body: str
    numbers: Explained


def write(
    notebooks: Mapping[str, Mapping[str, Mapping[str, Any]]], documents: list[dict[str, Any]],
    exhibits: list[dict[str, Any]], claims: Mapping[str, Mapping[str, list[str]]], manifest: Mapping[str, Any],
    outputs: Path, *, language: str, town: Mapping[str, str], synthetic: bool,
) -> list[Path]:
    """Write the report of a town, in its language and, one folder further down, in the other.

    Parameters
    ----------
    notebooks : dict of language to dict of stage to notebook
        Executed notebooks as JSON, in the order to be shown, their texts in that language.
    documents : list of dict
        The contents of `findings/<stage>.json`; one of them holds `claims`.
    exhibits : list of dict
        The contents of `exhibits/<stage>.json`.
    claims : dict
        `rests_on` (claim id to finding ids) and `exhibits` (claim id to names of exhibits).
    manifest : dict
        The manifest's entries by stage, which say what each stage read.
    outputs : Path
        `outputs/<town>`: the files of exhibits are read from it, the report is written into its folder `report`.
    language : {"en", "zh"}
        The town's.
    town : dict
        The town's name in both languages.
    synthetic : bool
        Say on every page that the data are simulated.

    Returns
    -------
    list of Path
        In the order written, the first page first; the same bytes for the same input. Pages of an earlier report
        that this one has not are removed.
    """
    told, beside = site_notebooks.places(notebooks[language])
    made: dict[Path, str] = {}
    for lang in sorted(notebooks, key=lambda other: other != language):
        folder = outputs / "report" if lang == language else outputs / "report" / lang
        sources = Sources(
            language=lang, outputs=outputs, synthetic=synthetic, places=told, beside=_known(beside, documents),
            findings={f["id"]: (d["stage"], f) for d in documents for f in d["findings"]},
            exhibits=_keyed(exhibits),
            claims={claim["id"]: claim for d in documents for claim in d.get("claims", [])},
            rests_on=claims["rests_on"], shown_in=claims["exhibits"], stages=manifest,
        )
        pages = _pages(notebooks[lang], documents, sources, town[lang])
        for name in pages:
            twin = f"../{name}" if lang != language else f"{_other(lang)}/{name}" if len(notebooks) > 1 else ""
            made[folder / name] = _page(pages, name, twin, sources, town[lang])
    return _written(made, outputs / "report")


def _other(language: str) -> str:
    return next(other for other in LANGUAGES if other != language)


def _keyed(exhibits: list[dict[str, Any]]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Exhibits by their place on a page: the name, with the kind where a table and a figure share it."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for document in exhibits:
        for entry in document["exhibits"]:
            name = entry["name"]
            found[f"{name}-{entry['kind']}" if name in found else name] = document["stage"], entry
    return found


def _known(beside: Mapping[str, list[str]], documents: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Without private findings, which the documents do not hold."""
    known = {finding["id"] for document in documents for finding in document["findings"]}
    return {name: [id for id in ids if id in known] for name, ids in beside.items()}


def _written(made: Mapping[Path, str], report: Path) -> list[Path]:
    for path, page in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8", newline="\n")
    for folder in (report, *(report / language for language in LANGUAGES)):
        for old in folder.glob("*.html"):
            if old not in made:
                old.unlink()
    return list(made)


def _pages(
    notebooks: Mapping[str, Mapping[str, Any]], documents: list[dict[str, Any]], sources: Sources, town: str
) -> dict[str, Page]:
    stages: dict[str, Page] = {}
    for stage, notebook in notebooks.items():
        numbers = Explained(sources)
        body = site_notebooks.body(notebook, stage, sources, numbers)
        title = site_notebooks.title(body)
        listed = _contents(site_notebooks.contents(body), sources)
        body = body.replace("</h1>", f"</h1>\n{listed}", 1) if title else f"<h1>{escape(stage)}</h1>\n{body}"
        stages[f"{stage}.html"] = Page(title or stage, body, numbers)
    numbers = Explained(sources)
    titles = {name.removesuffix(".html"): page.title for name, page in stages.items()}
    first = Page(say("claims", sources.language), index(documents, sources, titles, town, numbers), numbers)
    return {INDEX: first, FINDINGS: _findings(documents, sources, stages), **stages}


def _contents(places: Iterable[tuple[str, str]], sources: Sources) -> str:
    links = "".join(f'<li><a href="#{place}">{escape(text)}</a></li>\n' for place, text in places)
    return f'<nav class="contents" aria-label="{sources.say("contents")}"><ol>\n{links}</ol></nav>' if links else ""


# ------------------------------------------------------------------ findings


def _findings(documents: list[dict[str, Any]], sources: Sources, stages: Mapping[str, Page]) -> Page:
    numbers = Explained(sources)
    parts = [f"<h1>{sources.say('findings')}</h1>"]
    kept = [document for document in documents if document["findings"]]
    titles = {d["stage"]: stages[f"{d['stage']}.html"].title if f"{d['stage']}.html" in stages else d["stage"]
              for d in kept}
    parts.append(_contents([(f"of-{stage[:2]}", title) for stage, title in titles.items()], sources))
    for document in kept:
        stage = document["stage"]
        parts.append(f'<h2 id="of-{stage[:2]}">{escape(titles[stage])}</h2>\n<ul class="findings">')
        for finding in document["findings"]:
            id = finding["id"]
            role = say("confirmatory", sources.language) if finding.get("confirmatory") else ""
            place = sources.places.get(id, f"{stage}.html")
            link = f'<a href="{escape(place)}">{escape(id)}</a>' if f"{stage}.html" in stages else escape(id)
            extra = [wording.method(finding, sources.language), wording.source(finding, sources.language), role]
            line = " · ".join([link, *(escape(text) for text in extra if text)])
            parts.append(f'<li id="{anchor(id)}">{numbers.finding(id)}<p class="soft">{line}</p></li>')
        parts.append("</ul>")
    return Page(say("findings", sources.language), "\n".join(parts), numbers)


# ------------------------------------------------------------------ the page itself


@cache
def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _page(pages: Mapping[str, Page], name: str, twin: str, sources: Sources, town: str) -> str:
    language, page = sources.language, pages[name]
    script = _file("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    other = _other(language)
    return Template(_file("report.html")).substitute(
        lang=LANGUAGES[language], title=escape(f"{page.title} · {town}"), css=_file("report.css"), script=script,
        digest=digest, skip=sources.say("main"), navigation=sources.say("navigation"), body=page.body,
        nav="\n".join(_item(at, _called(at, found.title, language), at == name) for at, found in pages.items()),
        twin=f'<a class="language" href="{escape(twin)}" hreflang="{LANGUAGES[other]}" lang="{LANGUAGES[other]}">'
             f"{sources.say('language')}</a>" if twin else "",
        banner=f'<p class="simulated">{SIMULATED[language]}</p>' if sources.synthetic else "",
        popovers=page.numbers.html(), enlarged=sources.say("enlarged"), close=sources.say("close"),
    )


PLAIN = Template("""<!doctype html>
<html lang="$lang">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>$css</style>
</head>
<body>
<main>
$body
</main>
</body>
</html>
""")


def plain(language: str, title: str, body: str) -> str:
    """A page of the report's look that stands alone, without script; `body` is HTML."""
    return PLAIN.substitute(lang=LANGUAGES[language], title=escape(title), css=_file("report.css"), body=body)


def _called(name: str, title: str, language: str) -> str:
    return words(SHORT.get(name.removesuffix(".html"), title), language)


def _item(target: str, text: str, here: bool) -> str:
    current = ' aria-current="page"' if here else ""
    return f'<li><a href="{escape(target)}"{current}>{escape(text)}</a></li>'


def text(page: str) -> str:
    """What a page says outside tables of exhibits, whose rows `table_tests` reads; nothing is said twice.

    Left out are the explanations that numbers open and code; the first page's table of claims is read.
    """
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(page, "html.parser")
    for tag in soup.select("style, script, table.lbc-table, figure table, [popover], details.code, dialog"):
        tag.decompose()
    for tag in soup.select("button.number, span.whole, i, sup, em, strong, b"):
        tag.unwrap()  # a number stands in one text with the signs around it
    soup.smooth()
    return soup.get_text(" ")


__all__ = ["clean", "text", "write"]
