"""docs/statistics.md: every number of the notebooks is in it, every reference is cited and listed, nothing leads nowhere."""

from __future__ import annotations

import json
import re
import unicodedata
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
PROSE, _, LISTED = DOCUMENT.partition("\n## References\n")
IN_CODE = set(re.findall(r"`([^`\n]+)`", PROSE))
REFERENCES = dict(re.findall(r'^- <a id="([a-z0-9]+)"></a>(.+)$', LISTED, re.M))
CITATIONS = re.findall(r"\[([^\]]+)\]\(#([a-z0-9]+)\)", PROSE)
STAGES = {path.stem: json.loads(path.read_text(encoding="utf-8"))
          for path in sorted((ROOT / "outputs" / "s_town" / "findings").glob("0[1-4]_*.json"))}
CUES = ("*Why", "*Limits:*", "*Otherwise:*")
FINDINGS = [finding for stage in STAGES.values() for finding in stage["findings"]]
EXHIBITS = {name for stage in STAGES.values() for name in stage["exhibits"]}


def plain(text: str) -> str:
    """Without accents, for "Muthen" and "Muthén" are one."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def is_code(name: str) -> bool:
    """Whether a dotted name is a module of lbc, or a function or class that one defines."""
    parts = name.split(".")
    folder = ROOT / "lbc" / "analysis"
    if parts[0] == "lbc":
        folder, parts = ROOT / "lbc", parts[1:]
    for k in (len(parts), len(parts) - 1):
        module = folder.joinpath(*parts[:k]).with_suffix(".py") if k else folder
        if module.is_file():
            return k == len(parts) or bool(re.search(rf"^(def|class) {parts[k]}\b", module.read_text(encoding="utf-8"), re.M))
    return False


def is_finding(name: str) -> bool:
    return any(fnmatchcase(finding["id"], name) for finding in FINDINGS)


@pytest.mark.parametrize("identifier", [finding["id"] for finding in FINDINGS])
def test_every_finding_is_explained(identifier: str) -> None:
    assert any(fnmatchcase(identifier, name) for name in IN_CODE if "." in name)


def test_an_entry_says_why_its_limits_and_what_would_change_the_choice() -> None:
    entries = [entry for entry in re.split(r"\n(?=- \*\*)", PROSE.partition("\n## Notebook 01")[2]) if is_entry(entry)]
    assert len(entries) > 30
    assert {entry[:60]: missing for entry in entries if (missing := [cue for cue in CUES if cue not in entry])} == {}


def is_entry(text: str) -> bool:
    return any(is_finding(name) for name in re.findall(r"`([^`\n]+)`", text) if "." in name)


def test_every_exhibit_is_explained() -> None:
    assert sorted(EXHIBITS - IN_CODE) == []


def test_every_exhibit_named_is_made() -> None:
    """Private exhibits stand in no list; the notebook names them."""
    for name in {name for name in IN_CODE if re.fullmatch(r"0[1-4]_\w+", name)} - EXHIBITS:
        notebook = next((ROOT / "notebooks").glob(f"{name[:2]}_*.ipynb")).read_text(encoding="utf-8")
        assert f'"{name[3:]}"' in notebook.replace('\\"', '"'), name


def test_every_dotted_name_is_a_finding_or_a_function() -> None:
    dotted = {name for name in IN_CODE if re.fullmatch(r"[a-z_*][\w*]*(\.[\w*]+)+", name)}
    assert {name for name in dotted if not is_finding(name) and not is_code(name)} == set()


def test_cited_and_listed_are_the_same() -> None:
    assert {anchor for _, anchor in CITATIONS} - {slug(heading) for heading in headings()} == set(REFERENCES)
    assert len(REFERENCES) == LISTED.count("\n- ")


@pytest.mark.parametrize(("text", "anchor"), sorted(set(CITATIONS)))
def test_a_citation_leads_to_its_reference(text: str, anchor: str) -> None:
    if anchor in REFERENCES:
        surname, year = re.split(r"[,&]| et al| \d", text)[0].strip(), text[-4:]
        assert REFERENCES[anchor].startswith(surname)
        assert f"({year})" in REFERENCES[anchor]


def test_no_citation_stands_without_its_link() -> None:
    unlinked = re.sub(r"\[[^\]]+\]\([^)]+\)", "", PROSE)
    assert re.findall(r"[A-Z][\w'’-]+,? (?:et al\. )?\(?(?:19|20)\d\d\b", unlinked) == []


def headings() -> list[str]:
    return re.findall(r"^#+ (.+)$", DOCUMENT, re.M)


def slug(heading: str) -> str:
    """The anchor that GitHub and most renderers give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_link_leads_somewhere() -> None:
    anchors = {slug(heading) for heading in headings()} | set(REFERENCES)
    assert set(re.findall(r"\]\(#([^)]+)\)", DOCUMENT)) <= anchors
    files = re.findall(r"\]\((?!#|https:)([^)#]+)", DOCUMENT)
    assert [name for name in files if not (ROOT / "docs" / name).is_file()] == []


def test_each_doi_is_one_and_stands_once() -> None:
    dois = re.findall(r"<https://doi\.org/([^>]+)>", LISTED)
    assert len(dois) > 100
    assert DOCUMENT.count("doi.org") == len(dois)
    assert [doi for doi in dois if not re.fullmatch(r"10\.\d{4,9}/[-._;()/:%\w]+", doi)] == []
    assert len({doi.lower() for doi in dois}) == len(dois)


def test_references_are_in_order() -> None:
    keys = [re.sub(r"[^a-z0-9 ]", "", plain(text).lower()) for text in REFERENCES.values()]
    assert keys == sorted(keys)


@pytest.mark.parametrize("sources", sorted({finding["reference"] for finding in FINDINGS}))
def test_the_source_beside_a_number_is_listed(sources: str) -> None:
    """Findings name their source in short ("Welch 1947; g: Hedges 1981"); the list has it in full."""
    for names, year in re.findall(r"(?:^|[;,:(] ?)((?:van |von )?[A-Z][^\d;:(]*?) (\d{4})", sources):
        surname = plain(re.split(r"[,&]| et al", names)[0].strip())
        assert any(plain(text).startswith(surname) and f"({year})" in text for text in REFERENCES.values()), (names, year)
