"""The list of references: APA 7 in English, GB/T 7714-2015 (author and year) in Chinese.

`references.csv` holds a row for each source that findings, rules for verbal sizes and the chapter's own text cite,
under the key by which they cite it. Rows of kind `own` are no sources: checks and simulations of this package.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path

MARKS = {"article": "J", "book": "M", "chapter": "M", "report": "R"}
CITED = re.compile(r"[^;]*?\d{4}[a-z]?\b")
PREFIX = re.compile(r"^[,\s]*(?:[^:(]*: |[^(]*\()?")
Stretches = list[tuple[str, bool]]
"""A text in pieces, each set in italics or not."""


@cache
def rows() -> dict[str, dict[str, str]]:
    """The rows of references.csv by their key."""
    with Path(__file__).with_name("references.csv").open(encoding="utf-8", newline="") as file:
        return {row["key"]: row for row in csv.DictReader(file)}


def keys(reference: str) -> list[str]:
    """What a finding's `reference` cites.

    >>> keys("Enders & Tofighi 2007; R2: Nakagawa & Schielzeth 2013, Rights & Sterba 2019")
    ['Enders & Tofighi 2007', 'Nakagawa & Schielzeth 2013', 'Rights & Sterba 2019']
    >>> keys("STROBE flow (von Elm et al. 2007)"), keys("own checks")
    (['von Elm et al. 2007'], [])
    """
    return [PREFIX.sub("", found) for found in CITED.findall(reference)]


def cited(text: str) -> list[str]:
    """The keys of all sources that a text cites."""
    return [key for key, row in rows().items() if row["kind"] != "own" and key in text]


def listed(found: set[str], language: str) -> list[Stretches]:
    """The list of references for these keys, in order; a key without a row stands as it was cited."""
    entries = [(rows()[key], key) if key in rows() else ({"authors": key, "year": ""}, key) for key in found]
    entries.sort(key=lambda entry: (entry[0]["authors"].casefold(), entry[0]["year"], entry[1]))
    write = {"en": apa, "zh": gbt}[language]
    return [write(row) if "title" in row else [(key, False)] for row, key in entries]


def apa(row: dict[str, str]) -> Stretches:
    """A row as APA 7 prints it."""
    names = row["authors"].split("; ")
    who = names[0] if len(names) == 1 else ", ".join(names[:-1]) + f", & {names[-1]}"
    head = f"{who} ({row['year']}). "
    if row["kind"] == "article":
        issue = f"({row['issue']})" if row["issue"] else ""
        pages = f", {row['pages']}" if row["pages"] else ""
        stretches = [(f"{head}{_stopped(row['title'])} ", False), (f"{row['source']}, {row['volume']}", True),
                     (f"{issue}{pages}.", False)]
    elif row["kind"] == "chapter":
        stretches = [(f"{head}{_stopped(row['title'])} In {row['editors']} (Eds.), ", False), (row["source"], True),
                     (f" (pp. {row['pages']}). {row['publisher']}.", False)]
    else:
        edition = f" ({row['edition']})" if row["edition"] else ""
        stretches = [(head, False), (row["title"], True), (f"{edition}. {row['publisher']}.", False)]
    return [*stretches, (f" https://doi.org/{row['doi']}", False)] if row["doi"] else stretches


def gbt(row: dict[str, str]) -> Stretches:
    """A row as GB/T 7714-2015 prints it in the author-year system."""
    names = [_surname_first(name) for name in row["authors"].split("; ")]
    who = ", ".join(names[:3]) + (", et al" if len(names) > 3 else "")
    head = f"{who}, {row['year']}. {row['title']}[{MARKS[row['kind']]}]"
    if row["kind"] == "article":
        issue = f"({row['issue']})" if row["issue"] else ""
        tail = f". {row['source']}, {row['volume']}{issue}{_pages(row)}."
    elif row["kind"] == "chapter":
        editors = ", ".join(_initials_last(name) for name in row["editors"].split(" & "))
        tail = f"//{editors}. {row['source']}. {row['place']}: {row['publisher']}{_pages(row)}."
    else:
        edition = f". {row['edition'].removesuffix('.')}" if row["edition"] else ""
        place = f"{row['place']}: " if row["place"] else ""
        tail = f"{edition}. {place}{row['publisher']}."
    doi = f" DOI: {row['doi']}." if row["doi"] else ""
    return [(head + tail + doi, False)]


def _pages(row: dict[str, str]) -> str:
    return f": {row['pages'].replace('–', '-')}" if row["pages"] else ""


def _stopped(title: str) -> str:
    return title if title.endswith(("?", "!")) else title + "."


def _surname_first(name: str) -> str:
    """`von Elm, E.` as `VON ELM E`."""
    surname, _, first = name.partition(", ")
    initials = re.sub(r"[.\s-]+", " ", first).strip()
    return f"{surname.upper()} {initials}".strip()


def _initials_last(name: str) -> str:
    """`K. J. Klein` as `KLEIN K J`."""
    *first, surname = name.split(" ")
    return _surname_first(f"{surname}, {' '.join(first)}")
