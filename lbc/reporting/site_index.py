"""The first page of the web report: claims with verdict and evidence, the headline's picture, where forms went."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from lbc.reporting.site_exhibits import exhibit, fold, scrolling
from lbc.reporting.site_notebooks import claim_words
from lbc.reporting.site_numbers import Explained, Sources, link_finding, listed
from lbc.reporting.site_words import MARKS, STEPS, say
from lbc.reporting.terms import EVIDENCE, EVIDENCE_MEANS, VERDICTS, words

FLOW = "cleaning.flow"


def index(
    documents: list[dict[str, Any]], sources: Sources, titles: Mapping[str, str], town: str, numbers: Explained
) -> str:
    """The body of the first page.

    Parameters
    ----------
    documents : list of dict
        The contents of `findings/<stage>.json`.
    sources : Sources
    titles : dict of stage to the title of its page
    town : str
    numbers : Explained
        Collects what the numbers of the page open.
    """
    missing = [words(what, sources.language) for one in documents for what in one.get("not_collected", [])]
    absent = sources.say("not collected") + _colon(sources) + escape(_and(missing, sources))
    return "\n".join([
        f"<h1>{escape(town)}</h1>",
        f'<p class="lead">{_count(sources)}</p>', f'<p class="soft">{sources.say("how to")}</p>',
        f'<h2 id="verdicts">{sources.say("title")}</h2>', _claims(sources, numbers), _means(sources),
        f"<p>{absent}</p>" if missing else "",
        _headline(sources), _flow(sources, numbers),
        f'<h2 id="pages">{sources.say("pages")}</h2>', _listed(titles, sources),
    ])


def _lines(rows: list[str]) -> str:
    return "\n".join(rows)


def _and(texts: list[str], sources: Sources) -> str:
    return {"en": ", ", "zh": "、"}[sources.language].join(texts)


def _colon(sources: Sources) -> str:
    return {"en": ": ", "zh": "："}[sources.language]


def _count(sources: Sources) -> str:
    """How many claims have which verdict."""
    found = [claim["verdict"] for claim in sources.claims.values()]
    parts = [f"{VERDICTS[verdict][sources.language]} {found.count(verdict)}" for verdict in MARKS if verdict in found]
    return escape(f"{say('claims', sources.language)}{_colon(sources)}{len(found)}"
                  + {"en": " ({})", "zh": "（{}）"}[sources.language].format(_and(parts, sources))) if found else ""


def _claims(sources: Sources, numbers: Explained) -> str:
    """A row for each claim. Its cells have roles, because a telephone shows rows as blocks, which hides the table."""
    keys = ("claim", "verdict", "evidence")
    heads = "".join(f'<th scope="col" role="columnheader">{sources.say(key)}</th>' for key in keys)
    rows = []
    for id, claim in sources.claims.items():
        sentence, reason = claim_words(claim, sources.language)
        strength = EVIDENCE[claim["evidence"]][sources.language] if claim["evidence"] else "—"
        verdict = VERDICTS[claim["verdict"]][sources.language]
        rows.append(
            f'<tr role="row" id="c-{escape(id)}"><td role="cell"><p class="claim">{numbers.claim(id, sentence)}</p>'
            f'<p class="reason">{numbers.claim(id, reason)}</p>{_links(id, sources)}</td>'
            f'<td role="cell" class="verdict"><span aria-hidden="true">{MARKS[claim["verdict"]]}</span> '
            f'{escape(verdict)}</td><td role="cell" class="evidence">{escape(strength)}</td></tr>'
        )
    return (f'<table id="claims" class="list" role="table" aria-labelledby="verdicts"><thead role="rowgroup">'
            f'<tr role="row">{heads}</tr></thead>\n<tbody role="rowgroup">\n{_lines(rows)}\n</tbody></table>')


def _links(id: str, sources: Sources) -> str:
    told = [link_finding(sources, other) for other in sources.rests_on.get(id, []) if other in sources.findings]
    shown = []
    for name in sources.shown_in.get(id) or _beside(id, sources):
        if name in sources.exhibits:
            stage, entry = sources.exhibits[name]
            caption = escape(words(entry["caption"], sources.language))
            shown.append(f'<a href="{escape(stage)}.html#x-{escape(name)}">{caption}</a>')
    semi = {"en": "; ", "zh": "；"}[sources.language]
    parts = [f"{sources.say(key)}{_colon(sources)}{semi.join(links)}"
             for key, links in (("rests on", told), ("shown in", shown)) if links]
    return f'<p class="see">{"<br>".join(parts)}</p>' if parts else ""


def _beside(id: str, sources: Sources) -> list[str]:
    """The figures beside which a claim's findings are told, for a claim that names none."""
    asked = set(sources.rests_on.get(id, []))
    return [name for name, ids in sources.beside.items()
            if asked & set(ids) and name in sources.exhibits and sources.exhibits[name][1]["kind"] == "figure"]


def _means(sources: Sources) -> str:
    used = {claim["evidence"] for claim in sources.claims.values()}
    rows = [(escape(name[sources.language]), escape(EVIDENCE_MEANS[strength][sources.language]))
            for strength, name in EVIDENCE.items() if strength in used]
    return fold("means", sources.say("means"), listed(rows)) if rows else ""


def _headline(sources: Sources) -> str:
    """The picture of the outcome in the groups: the figure of notebook 02 that is called after a total."""
    figures = _figures(sources, "02")
    name = next((name for name in figures if name.endswith("_total")), next(iter(figures), None))
    shown = exhibit(sources, name, place=_place(sources, name)) if name else f"<p>{sources.say('none')}</p>"
    return f'<section id="headline">\n<h2>{sources.say("headline")}</h2>\n{shown}</section>'


def _figures(sources: Sources, number: str) -> list[str]:
    return [name for name, (stage, entry) in sources.exhibits.items()
            if stage.startswith(number) and entry["kind"] == "figure"]


def _place(sources: Sources, name: str) -> str:
    return f"{sources.exhibits[name][0]}.html#x-{name}"


def _flow(sources: Sources, numbers: Explained) -> str:
    """How many forms each rule of cleaning left, as a table, and the figure of it."""
    heading = f'<h2>{sources.say("flow")}</h2>'
    if FLOW not in sources.findings:
        return f'<section id="flow">\n{heading}\n<p>{sources.say("none")}</p></section>'
    counts = list(sources.findings[FLOW][1]["n"].items())
    right = ' class="number-column"'
    heads = "".join(f'<th scope="col"{kind}>{sources.say(key)}</th>'
                    for key, kind in (("step", ""), ("removed", right), ("left", right)))
    rows = []
    for (_, before), (step, left) in zip([counts[0], *counts], counts, strict=False):
        label = escape(STEPS[step][sources.language] if step in STEPS else step)
        gone = numbers.of_finding(FLOW, str(before - left)) if rows else "—"
        rows.append(f'<tr><th scope="row">{label}</th><td{right}>{gone}</td>'
                    f"<td{right}>{numbers.of_finding(FLOW, str(left))}</td></tr>")
    table = f"<table><thead><tr>{heads}</tr></thead>\n<tbody>\n{_lines(rows)}\n</tbody></table>"
    drawn = [name for name in _figures(sources, "01") if name.endswith("_flow")]
    figure = exhibit(sources, drawn[0], place=_place(sources, drawn[0])) if drawn else ""
    region = scrolling(table, say("flow region", sources.language))
    return f'<section id="flow">\n{heading}\n{region}\n{figure}</section>'


def _listed(titles: Mapping[str, str], sources: Sources) -> str:
    """The pages of the notebooks, each with what it holds."""
    parts = []
    for stage, title in titles.items():
        told = sum(found == stage for found, _ in sources.findings.values())
        shown = sum(found == stage for found, _ in sources.exhibits.values())
        many = sources.say("holds", told=told, shown=shown)
        parts.append(f'<li><a href="{escape(stage)}.html">{escape(title)}</a> <span class="soft">{many}</span></li>')
    return f'<ol>\n{_lines(parts)}\n</ol>\n<p><a href="findings.html">{sources.say("findings")}</a></p>'
