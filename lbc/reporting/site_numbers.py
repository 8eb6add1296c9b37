"""Computed sentences of the web report: every number in them says where it comes from.

A number is a button that opens its explanation by the attribute `popovertarget`, which needs no script. All numbers
of a sentence open the same explanation, so only the first of them is a stop for the Tab key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from lbc.reporting import italics, reasons, terms, wording
from lbc.reporting.site_words import say
from lbc.reporting.terms import words

NUMBER = re.compile(
    r"(?P<rule>[(（][^()（）]*\d{4}[:：][^()（）]*[)）])"  # the rule behind a verbal size computes nothing
    r"|\d+% (?=CI|置信区间)"
    r"|(?P<number>(?<![A-Za-z0-9_./])[+−]?(?:\d+(?:\.\d+)?|\.\d+)%?(?![A-Za-z0-9_/]|\.\d))"
)
AROUND = re.compile(
    r'([(\[（［]*)(<button type="button" class="number".*?</button>)([)\]）］,.;:，。；：、]*)')
"""A number and the signs beside it: a browser may break a line between a button and its comma, unless forbidden."""


@dataclass(frozen=True)
class Sources:
    """Everything that the pages of one language are written from.

    Parameters
    ----------
    language : {"en", "zh"}
    findings : dict of finding id to (stage, finding)
    exhibits : dict of name to (stage, exhibit)
    claims : dict of claim id to claim
    rests_on, shown_in : dict of claim id to ids of findings, to names of exhibits
    stages : dict of stage to its entry of the manifest
    places : dict of finding id to the cell that tells it, `<stage>.html#cell-..`
    beside : dict of exhibit to ids of the findings told beside it
    outputs : Path
        `outputs/<town>`, which the files of exhibits are relative to.
    synthetic : bool
    """

    language: str
    findings: Mapping[str, tuple[str, dict[str, Any]]]
    exhibits: Mapping[str, tuple[str, dict[str, Any]]]
    claims: Mapping[str, dict[str, Any]]
    rests_on: Mapping[str, list[str]]
    shown_in: Mapping[str, list[str]]
    stages: Mapping[str, dict[str, Any]]
    places: Mapping[str, str]
    beside: Mapping[str, list[str]]
    outputs: Path
    synthetic: bool

    def say(self, key: str, **parts: object) -> str:
        """One of the report's own texts, ready for HTML."""
        return escape(say(key, self.language, **parts))


def anchor(finding: str) -> str:
    """The place of a finding on findings.html."""
    return "f-" + re.sub(r"[^A-Za-z0-9_]+", "-", finding)


def rich(text: str, target: str = "") -> str:
    """A text as HTML: set as `italics.runs` says, numbers as buttons where there is a target.

    Examples
    --------
    >>> rich("p = .03 < .05*")
    '<i>p</i> = .03 &lt; .05<sup>*</sup>'
    """
    looks = [run.look for run in italics.runs(text) for _ in run.text]
    whose = [0] * len(text)
    if target:
        for k, found in enumerate((f for f in NUMBER.finditer(text) if f["number"]), start=1):
            whose[found.start():found.end()] = [k] * len(found[0])
    parts = []
    for (number, look), group in groupby(range(len(text)), key=lambda i: (whose[i], looks[i])):
        part = italics.html(italics.Run("".join(text[i] for i in group), look))
        parts.append(_button(part, target, number == 1) if number else part)
    return AROUND.sub(r'<span class="whole">\1\2\3</span>', "".join(parts))


def _button(text: str, target: str, first: bool) -> str:
    stop = "" if first else ' tabindex="-1"'
    opens = f'class="number" popovertarget="{target}" aria-describedby="whence"{stop}'
    return f'<button type="button" {opens}>{text}</button>'


@dataclass
class Explained:
    """The explanations that the numbers of one page open; each stands on the page once."""

    sources: Sources
    found: dict[str, str] = field(default_factory=dict)

    def finding(self, id: str) -> str:
        """A finding's sentence as a paragraph."""
        _, finding = self.sources.findings[id]
        text = self.of_finding(id, wording.sentence(finding, self.sources.language))
        return f'<p class="finding" data-finding="{escape(id)}">{text}</p>'

    def of_finding(self, id: str, text: str) -> str:
        """A text whose numbers come from a finding."""
        return rich(text, self._target("w-" + anchor(id)[2:], lambda: _finding(self.sources, id)))

    def claim(self, id: str, text: str) -> str:
        """A text whose numbers come from what a claim rests on."""
        return rich(text, self._target("w-claim-" + anchor(id)[2:], lambda: _claim(self.sources, id)))

    def cell(self, stage: str, place: str, text: str) -> str:
        """A text whose numbers were computed in a cell and are no finding."""
        where = f"{stage}.html#{place}"
        return rich(text, self._target("w-" + place, lambda: provenance(self.sources, stage, where)))

    def _target(self, target: str, explain: Any) -> str:
        if target not in self.found:
            self.found[target] = popover(self.sources, target, explain())
        return target

    def html(self) -> str:
        """All explanations of the page, and what a screen reader says of a number."""
        hint = f'<p id="whence" hidden>{self.sources.say("whence")}</p>'
        return "\n".join([hint, *self.found.values()])


def popover(sources: Sources, target: str, rows: list[tuple[str, str]]) -> str:
    """An explanation; browsers keep it hidden until its number is pressed."""
    title, close = sources.say("whence"), sources.say("close")
    shut = f'<button type="button" class="close" popovertarget="{target}" popovertargetaction="hide">{close}</button>'
    return (f'<div class="popover" id="{target}" popover role="dialog" aria-label="{title}">'
            f'<p class="popover-head"><b>{title}</b> {shut}</p>{listed(rows)}</div>')


def listed(rows: list[tuple[str, str]]) -> str:
    """Names and what they hold (HTML), as a list of terms."""
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{held}</dd>" for name, held in rows if held) + "</dl>"


def _finding(sources: Sources, id: str) -> list[tuple[str, str]]:
    stage, finding = sources.findings[id]
    language = sources.language
    strength = finding["evidence"]
    means = f"{terms.EVIDENCE[strength][language]}: {terms.EVIDENCE_MEANS[strength][language]}"
    role = sources.say("confirmatory") if finding.get("confirmatory") else ""
    role = role or escape(wording.exploratory(finding.get("exploratory"), language))
    return [
        (sources.say("finding"), f'<a href="findings.html#{anchor(id)}">{escape(id)}</a>'),
        (sources.say("method"), escape(wording.method(finding, language))),
        (sources.say("source"), escape(wording.source(finding, language))),
        (sources.say("n"), escape(wording.counts(finding.get("n") or {}, language).removeprefix("n = "))),
        (sources.say("evidence"), escape(means) + (f"<br>{role}" if role else "")),
        (sources.say("in full"), "<br>".join(escape(text) for text in in_full(finding, language))),
        *provenance(sources, stage, sources.places.get(id, f"{stage}.html")),
    ]


def in_full(finding: dict[str, Any], language: str) -> list[str]:
    """The numbers of a finding as they were computed, none rounded.

    >>> in_full({"estimate": {"name": "mean", "value": 0.1, "ci": [0, None]}, "test": {"name": "t", "p": 0.5}}, "en")
    ['mean = 0.1 [0, —]', 't: p = 0.5']
    """
    lines = []
    for entry in (finding.get("estimate"), finding.get("effect")):
        if entry and entry["value"] is not None:
            ends = f" [{', '.join(_exact(end) for end in entry['ci'])}]" if entry.get("ci") else ""
            lines.append(f"{terms.name(entry['name'], language)} = {_exact(entry['value'])}{ends}")
    test = finding.get("test") or {}
    held = [key for key in ("statistic", "df", "p", "p_adjusted") if test.get(key) is not None]
    parts = [f"{key} = {_exact(test[key])}" for key in held]
    return lines + ([f"{test['name']}: {', '.join(parts)}"] if parts else [])


def _exact(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_exact, value))
    return "—" if value is None else repr(value).replace("-", wording.MINUS)


def _claim(sources: Sources, id: str) -> list[tuple[str, str]]:
    rows = [link_finding(sources, other) + f"<br>{escape(short(sources.findings[other][1], sources.language))}"
            for other in sources.rests_on.get(id, []) if other in sources.findings]
    stage = next((stage for stage in sources.stages if stage.startswith("05")), "")
    return [*((sources.say("rests on"), row) for row in rows),
            *(provenance(sources, stage, f"{stage}.html") if stage else [])]


def link_finding(sources: Sources, id: str) -> str:
    """A link to a finding, by its label."""
    label = words(sources.findings[id][1]["label"], sources.language)
    return f'<a href="findings.html#{anchor(id)}">{escape(label)}</a>'


def short(finding: dict[str, Any], language: str) -> str:
    """A finding in few words: label, estimate with interval, effect; or that it is not estimable and why.

    >>> short({"label": {"en": "Gap"}, "estimate": {"name": "mean difference", "value": 2.0, "ci": [1, 3]}}, "en")
    'Gap: mean difference = 2.00, 95% CI [1.00, 3.00]'
    """
    label, colon = words(finding["label"], language), terms.pick(language, ": ", "：")
    estimate, effect = finding["estimate"], finding.get("effect")
    if estimate is None or estimate["value"] is None:
        why = reasons.said(finding.get("reason") or terms.NO_REASON, language)
        return label + colon + terms.NOT_ESTIMABLE[language] + colon + why
    said = [wording.quantity(entry, language) for entry in (estimate, effect) if entry and entry["value"] is not None]
    return label + colon + terms.pick(language, "; ", "；").join(said)


def provenance(sources: Sources, stage: str, place: str) -> list[tuple[str, str]]:
    """The notebook with its cell, what it read and with which versions, each with the beginning of its hash."""
    entry = sources.stages.get(stage, {})
    link = f'<a href="{escape(place)}">notebooks/{escape(stage)}.ipynb</a>'
    read = [(name, digest) for kind in ("raw", "upstream") for name, digest in entry.get(kind, {}).items() if digest]
    return [
        (sources.say("notebook"), f"{link} {_hash(entry.get('notebook'))}"),
        (sources.say("inputs"), "<br>".join(f"{escape(name)} {_hash(digest)}" for name, digest in sorted(read))),
        (sources.say("lock"), f"requirements.lock {_hash(entry['lock'])}" if entry.get("lock") else ""),
    ]


def _hash(digest: str | None) -> str:
    return f"<code>{escape(digest[:12])}</code>" if digest else ""
