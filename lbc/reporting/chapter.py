"""What the results chapter says, in which order: text with its numbers, mentions of exhibits, the exhibits.

`chapter.yaml` gives the order and the connecting text in both languages; every number comes from a finding, every
table and figure from what the notebooks saved. Nothing that was found or saved is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from lbc.errors import ManyErrors
from lbc.reporting import holes, references, terms, word_tables, wording
from lbc.reporting.terms import pick
from lbc.reporting.word import Ref
from lbc.results import Words
from lbc.yaml_reader import read_yaml

LANGUAGES = ("zh", "en")
OPTIONAL = re.compile(r"\[\[(.*?)\]\]")
PIECE = re.compile(r"\{([^{}]*)\}")
EXHIBIT = re.compile(r"(table|figure) ([\w*]+)")
KINDS = {"t": "table", "f": "figure"}
UPRIGHT, TURNED = 445.0, 700.0
"""Width of the text on an A4 page, upright and turned, in points: what decides which tables go together."""
Parts = list[str | Ref]


@dataclass(frozen=True)
class Block:
    """A piece of the chapter: a heading, a paragraph, or an exhibit."""

    kind: str
    parts: Parts = field(default_factory=list)
    level: int = 0
    number: str = ""
    exhibit: dict[str, Any] | None = None


@cache
def _plan() -> list[dict[str, Any]]:
    """The sections of chapter.yaml."""
    value, reader = read_yaml(Path(__file__).with_name("chapter.yaml"), "lbc/reporting/chapter.yaml")
    if reader.faults:
        raise ManyErrors("cannot be read", [line for lines in reader.faults.values() for line in lines],
                         "lbc/reporting/chapter.yaml", "mend it and run again")
    return value["sections"]


class Chapter:
    """What the chapter says in one language; findings and exhibits are ticked off as they are told."""

    def __init__(self, documents: list[dict[str, Any]], exhibits: list[dict[str, Any]],
                 rests_on: dict[str, list[str]], versions: dict[str, str], language: str, chapter: int) -> None:
        self.language, self.versions, self.rests_on, self.number = language, versions, rests_on, chapter
        self.stages = {d["stage"]: [f["id"] for f in d["findings"]] for d in documents}
        self.findings = {f["id"]: f for d in documents for f in d["findings"]}
        self.claims = [claim for d in documents for claim in d.get("claims", [])]
        self.exhibits = {(e["kind"], e["name"]): e | {"stage": x["stage"]} for x in exhibits for e in x["exhibits"]}
        if sources := self._sources(documents):
            self.exhibits["table", "sources"] = sources
        self.told: set[str] = set()
        self.stood: set[tuple[str, str]] = set()
        self.mentioned: set[tuple[str, str]] = set()

    # ------------------------------------------------------------ order

    def blocks(self) -> Iterator[Block]:
        """Everything that the chapter holds, in order."""
        yield Block("heading", [pick(self.language, "Results", "研究结果")], 1, self._chapter())
        for i, section in enumerate(_plan(), 1):
            yield self._heading(2, f"{self.number}.{i}", section["title"])
            yield from self._section(section, f"{self.number}.{i}")
        yield from self._rest(f"{self.number}.{len(_plan()) + 1}")

    def _section(self, section: dict[str, Any], number: str) -> Iterator[Block]:
        stage = section.get("stage")
        if stage and not self.stages.get(stage) and not any(e["stage"] == stage for e in self.exhibits.values()):
            yield Block("text", [pick(self.language, "No data of this kind were collected in this town.",
                                      "本研究未收集此类数据。")])
            return
        yield from self._items(section.get("items", []))
        k = 0
        for part in section.get("parts", []):
            inside = list(self._items(part["items"]))
            if inside:
                k += 1
                yield self._heading(3, f"{number}.{k}", part["title"])
                yield from inside
        left = [name for name in self.stages.get(stage, []) if name not in self.told]
        if left:
            yield self._heading(3, f"{number}.{k + 1}", {"en": "Further results", "zh": "其他结果"})
            yield from self._items([{"findings": left}])

    def _items(self, items: list[dict[str, Any]]) -> Iterator[Block]:
        strength: list[str] = []
        for item in items:
            if "exhibits" in item:
                here = self._named(item["exhibits"])
                yield from self._exhibits([key for key in here if item.get("wide") or not self._wide(key)])
            elif "claims" in item:
                yield from self._claims()
            elif "versions" in item:
                yield from self._software()
            elif "say" in item and "about" not in item:
                parts = self._filled(item["say"], [])
                if parts and all(self._there(pattern) for pattern in item.get("needs", [])):
                    yield Block("text", self._noted(parts))
            elif parts := self._findings(item, strength):
                yield Block("text", self._noted(parts))

    def _rest(self, number: str) -> Iterator[Block]:
        """The last section: every table and figure that no other section has, the wide tables of a stage together."""
        left = [key for key in self.exhibits if key not in self.stood]
        if not left:
            return
        yield self._heading(2, number, {"en": "Supplementary tables and figures", "zh": "补充图表"})
        titles = {section["stage"]: section["title"] for section in _plan() if "stage" in section}
        for k, stage in enumerate(dict.fromkeys(self.exhibits[key]["stage"] for key in left), 1):
            yield self._heading(3, f"{number}.{k}", titles.get(stage, {"en": stage, "zh": stage}))
            here = [key for key in left if self.exhibits[key]["stage"] == stage]
            here.sort(key=self._wide)
            yield Block("text", self._adds(here))
            self.mentioned.update(here)
            yield from self._exhibits(here)

    def _adds(self, keys: list[tuple[str, str]]) -> Parts:
        """That this section adds Table 4-27 to Table 4-37 and Figure 4-17."""
        ends = [[key for key in keys if key[0] == kind] for kind in KINDS.values()]
        to, also = pick(self.language, (" to ", " and "), ("至", "和"))
        spans = [[Ref(*some[0]), *([to, Ref(*some[-1])] if len(some) > 1 else [])] for some in ends if some]
        parts: Parts = [pick(self.language, "This section adds ", "本节补充"), *spans[0]]
        for span in spans[1:]:
            parts += [also, *span]
        return [*parts, pick(self.language, ".", "。")]

    def numbers(self, blocks: list[Block]) -> dict[tuple[str, str], int]:
        """The number of each table and figure, as they stand."""
        found: dict[tuple[str, str], int] = {}
        for block in blocks:
            if block.exhibit:
                found[block.kind, block.exhibit["name"]] = 1 + sum(kind == block.kind for kind, _ in found)
        return found

    def cited(self, blocks: list[Block]) -> set[str]:
        """Every source that text, tables and findings of the chapter cite."""
        said = [str(part) for block in blocks for part in block.parts]
        said += [cell for block in blocks if block.kind == "table"
                 for row in block.exhibit["cells"][self.language] for cell in row]
        said += [note[self.language] for block in blocks if block.exhibit and (note := block.exhibit.get("note"))]
        formulas = {key for name in self.told for key in references.keys(self.findings[name]["reference"] or "")}
        return formulas | set(references.cited("\n".join(said)))

    # ------------------------------------------------------------- text

    def _findings(self, item: dict[str, Any], strength: list[str]) -> Parts:
        """The sentences of findings, with the strength of evidence where it changes."""
        patterns = item.get("about") or item["findings"]
        names = list(dict.fromkeys(name for pattern in patterns for name in self.findings
                                   if fnmatchcase(name, pattern) and name not in self.told))
        found = [self.findings[name] for name in names]
        self.told.update(names)
        whole = self._about(item, found) if "about" in item and len(found) == len(patterns) else None
        blank = pick(self.language, " ", "")
        parts: Parts = []
        for i, one in enumerate(found):
            if whole is None:
                parts += [*([blank] if parts else []), self._reading(one)]
            elif i == 0:
                parts += whole
            after = found[i + 1]["evidence"] if i + 1 < len(found) else None
            if one["id"].startswith(wording.DESCRIPTIONS) or one["estimate"] is None or after == one["evidence"]:
                continue
            if strength != [one["evidence"]]:
                parts += [blank, wording.evidence(one["evidence"], self.language)]
                strength[:] = [one["evidence"]]
        return parts

    def _reading(self, finding: dict[str, Any]) -> str:
        """The computed reading of a finding without its strength of evidence, which is told once for several."""
        said = wording.evidence(finding["evidence"], self.language)
        whole = wording.sentence(finding, self.language).replace(said, "").strip()
        return re.sub(r" {2,}", " ", whole[:1].upper() + whole[1:])

    def _about(self, item: dict[str, Any], found: list[dict[str, Any]]) -> Parts | None:
        """A finding's own sentence, chosen by what its interval says about zero; None where it cannot be filled."""
        estimate = found[0]["estimate"] if found else None
        if estimate is None or estimate["value"] is None:
            return None
        if "say" in item:
            return self._filled(item["say"], found)
        low, high = estimate.get("ci") or (None, None)
        way = "up" if low is not None and low > 0 else "down" if high is not None and high < 0 else "unclear"
        return self._filled(item[way], found)

    def _filled(self, template: Words, found: list[dict[str, Any]]) -> Parts | None:
        """A text of chapter.yaml with numbers and cross-references; None where one of them does not exist.

        What goes into a hole is never read again, so braces in somebody's answer stay braces.
        """
        parts: Parts = []
        for i, stretch in enumerate(OPTIONAL.split(template[self.language])):
            filled = [self._hole(piece, found) if k % 2 else piece for k, piece in enumerate(PIECE.split(stretch))]
            if None in filled:
                if i % 2 == 0:
                    return None
                continue
            parts += [piece for piece in filled if piece != ""]
        return parts

    def _hole(self, body: str, found: list[dict[str, Any]]) -> str | Ref | None:
        if exhibit := EXHIBIT.fullmatch(body):
            return next((Ref(*key) for key in self.exhibits
                         if key[0] == exhibit[1] and fnmatchcase(key[1], exhibit[2])), None)
        place, _, asked = body.partition(".")
        finding = found[int(place.partition(":")[0]) - 1]
        counts = finding.get("n") or {}
        if asked == "label":
            return terms.words(finding["label"], self.language)
        if asked in ("reference", "focal", "first"):
            groups = list(counts)
            if asked == "first":
                return str(counts[groups[0]]) if groups else None
            return _group(groups[asked == "focal"], self.language) if len(groups) == 2 else None
        text = holes.fill(f"{{f{body}}}", {f"f{place.partition(':')[0]}": finding}, self.language)
        return None if terms.NOT_ESTIMABLE[self.language] in text else text

    def _claims(self) -> Iterator[Block]:
        """How many claims are supported, then each with its verdict, its evidence and what it rests on."""
        counts = {verdict: sum(c["verdict"] == verdict for c in self.claims) for verdict in terms.VERDICTS}
        counted = [pick(self.language, f"{terms.VERDICTS[v]['en']}: {n}", f"{terms.VERDICTS[v]['zh']} {n} 项")
                   for v, n in counts.items() if n]
        if self.claims:
            listed = pick(self.language, "; ", "，").join(counted)
            yield Block("text", [pick(self.language, f"Of the {len(self.claims)} claims: {listed}.",
                                      f"共 {len(self.claims)} 项论断，其中{listed}。")])
        for i, claim in enumerate(self.claims, 1):
            verdict = terms.VERDICTS[claim["verdict"]][self.language]
            strength = terms.EVIDENCE[claim["evidence"]][self.language] if claim["evidence"] else "—"
            rests = [terms.words(self.findings[name]["label"], self.language)
                     for name in self.rests_on.get(claim["id"], []) if name in self.findings]
            on = pick(self.language, f" It rests on: {'; '.join(rests)}.", f"依据：{'；'.join(rests)}。")
            yield Block("text", [pick(
                self.language, f"({i}) {claim['words']['en']['sentence']} Verdict: {verdict} ({strength}).",
                f"（{i}）{claim['words']['zh']['sentence']}判断：{verdict}（{strength}）。"), on if rests else ""])

    def _sources(self, documents: list[dict[str, Any]]) -> dict[str, Any] | None:
        """The sources of the formulas as a table: what was computed, and after whom."""
        rows: dict[str, list[Words]] = {}
        for finding in (finding for document in documents for finding in document["findings"]):
            if keys := references.keys(finding["reference"] or ""):
                label = finding["label"]
                label = label if isinstance(label, dict) else {"en": label, "zh": label}
                rows.setdefault("; ".join(keys), []).append(label)
        cells = {language: [[_several(labels, language), keys] for keys, labels in rows.items()]
                 for language in LANGUAGES}
        return rows and {
            "name": "sources", "kind": "table", "stage": list(self.stages)[-1], "numeric": [False, False],
            "caption": {"en": "Sources of the formulas", "zh": "各项结果的公式出处"}, "note": None,
            "heads": {"en": ["result", "source"], "zh": ["结果", "出处"]}, "cells": cells}

    def _software(self) -> Iterator[Block]:
        used = pick(self.language, ", ", "、").join(f"{name} {version}" for name, version in self.versions.items())
        if used:
            yield Block("text", [pick(
                self.language, f"Everything was computed with {used}. Text, tables and figures of this chapter are "
                "filled in from the same computed results; no number was typed.",
                f"全部计算使用 {used} 完成。本章的文字、表格与图均由同一份计算结果生成，数字无一手工录入。")])

    # --------------------------------------------------------- exhibits

    def _named(self, patterns: list[str]) -> list[tuple[str, str]]:
        """The exhibits that patterns such as `t:03_blocks` name and that no earlier section has."""
        found = []
        for pattern in patterns:
            kind, _, name = pattern.rpartition(":")
            found += [key for key in self.exhibits if key not in self.stood and key not in found
                      and key[0] == KINDS.get(kind, key[0]) and fnmatchcase(key[1], name)]
        return found

    def _exhibits(self, keys: list[tuple[str, str]]) -> Iterator[Block]:
        """Tables and figures; those that no text has mentioned are mentioned first."""
        new = [key for key in keys if key not in self.mentioned]
        parts: Parts = []
        for key in new:
            caption = re.split(r"\. |。", self.exhibits[key]["caption"][self.language])[0]
            if self.language == "en":
                parts += ["; see " if parts else "See ", Ref(*key), f" for “{caption}”"]
            else:
                parts += ["；" if parts else "", f"{caption}见", Ref(*key)]
        if parts:
            yield Block("text", self._noted([*parts, pick(self.language, ".", "。")]))
        for key in keys:
            self.stood.add(key)
            yield Block(key[0], exhibit=self.exhibits[key])

    def _noted(self, parts: Parts) -> Parts:
        self.mentioned |= {(part.kind, part.name) for part in parts if isinstance(part, Ref)}
        return parts

    def _wide(self, key: tuple[str, str]) -> bool:
        """Whether a table needs a turned page in either language, so that both number alike."""
        return key[0] == "table" and any(
            word_tables.layout(word_tables.as_read(self.exhibits[key], language), UPRIGHT, TURNED).turned
            for language in LANGUAGES)

    def _there(self, pattern: str) -> bool:
        kind, _, name = pattern.rpartition(":")
        exhibits = (key for key in self.exhibits if key[0] == KINDS.get(kind, key[0]))
        return any(fnmatchcase(found, name) for found in (*self.findings, *(key[1] for key in exhibits)))

    def _heading(self, level: int, number: str, title: Words) -> Block:
        return Block("heading", [title[self.language]], level, number)

    def _chapter(self) -> str:
        digits = "〇一二三四五六七八九十"
        n = self.number
        zh = digits[n] if n <= 10 else f"{'' if n < 20 else digits[n // 10]}十{digits[n % 10] if n % 10 else ''}"
        return pick(self.language, f"Chapter {n}", f"第{zh}章")


def _group(key: str, language: str) -> str:
    """The children of a group as a sentence names them."""
    if language == "zh":
        return terms.group(key, "zh").removeprefix("名")
    return f"children who are {key}" if key.startswith("not ") else f"{key} children"


def _several(labels: list[Words], language: str) -> str:
    """The first labels of those that share a source."""
    first = pick(language, "; ", "；").join(label[language] for label in labels[:4])
    return first + (pick(language, "; and others", "；等") if len(labels) > 4 else "")
