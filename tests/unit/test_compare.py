"""Held against a reference: the same, the same but for the last bits, or different, and then what and where."""

from __future__ import annotations

from typing import Any

import pytest

from lbc.pipeline import compare
from lbc.pipeline.accept import moves


def finding(value: float | None, **more: Any) -> dict[str, Any]:
    estimate = None if value is None else {"value": value, "ci": [1.0, 2.0]}
    return {"id": "a.b", "estimate": estimate, "n": {"x": 5}} | more


@pytest.mark.parametrize(("old", "new", "verdict", "words"), [
    (finding(1.5), finding(1.5), "same", ""),
    (finding(1.5), finding(1.5 + 1e-10), "close", "a.b, estimate.value: was 1.5, now 1.5000000001"),
    (finding(1.5), finding(1.5 + 1e-8), "differs", "a.b, estimate.value: was 1.5, now 1.50000001"),
    (finding(1.5), finding(None), "differs", "a.b, estimate.value: was 1.5, now nothing"),
    (finding(1.5), finding(1.5 + 1e-10, n={"x": 6}), "differs", "a.b, n.x: was 5, now 6"),
    (finding(1.5), finding(1.5, evidence="association"), "differs", 'a.b, evidence: was nothing, now "association"'),
    (finding(0.0), finding(1e-16), "close", "was 0.0, now 1e-16"),
])
def test_findings(old: dict[str, Any], new: dict[str, Any], verdict: str, words: str) -> None:
    (found,) = compare.findings("f.json", {"findings": [old]}, {"findings": [new]})
    assert found.verdict == verdict
    assert verdict == "same" or words in str(found)


def test_findings_that_come_and_go() -> None:
    found = list(compare.findings("f.json", {"findings": [finding(1)]}, {"findings": [finding(1, id="c")]}))
    assert [str(item) for item in found] == ["f.json, a.b: not made any more", "f.json, c: not there before"]


def test_another_verdict_quotes_the_sentence() -> None:
    claims = [{"claims": [{"id": "c", "verdict": verdict, "sentence": "They are.", "reason": reason}]}
              for verdict, reason in ("ax", "bx", "ay")]
    (other,) = compare.findings("f", claims[0], claims[1])
    assert str(other) == 'f, c: was a, now b: "They are."'
    (reason,) = compare.findings("f", claims[0], claims[2])
    assert str(reason) == 'f, c, reason: was "x", now "y"'


@pytest.mark.parametrize(("new", "verdict", "words"), [
    ("who,x\ngirl,0.5\nboy,2\n", "same", ""),
    ("who,x\ngirl,0.50000000001\nboy,2\n", "close", "row 2 (girl), x: was 0.5, now 0.50000000001"),
    ("who,x\ngirl,0.5\nboy,3\n", "differs", "t.csv, row 3 (boy), x: was 2.0, now 3.0"),
    ("who,x\ngirl,0.5\nman,2\n", "differs", "row 3 (boy), who: was \"boy\", now nothing"),
    ("who,y\ngirl,0.5\nboy,2\n", "differs", 'columns: was "who, x", now "who, y"'),
    ("who,x\ngirl,0.5\n", "differs", "rows: was 2, now 1"),
    ("", "differs", "columns"),
])
def test_tables(new: str, verdict: str, words: str) -> None:
    found = compare.tables("tables", "t.csv", "who,x\ngirl,0.5\nboy,2\n", new)
    assert found.verdict == verdict
    assert verdict == "same" or words in str(found)


def test_notebooks_by_what_they_print_and_not_by_their_pixels() -> None:
    def book(text: str, png: str = "QQ==", cells: int = 1) -> dict[str, Any]:
        output = {"output_type": "display_data", "data": {"text/plain": text, "image/png": png}}
        return {"cells": [{"cell_type": "code", "source": "x", "outputs": [output]}] * cells}

    assert compare.notebooks("n", book("a\nb"), book("a\nb", "Qg==")).verdict == "same"
    assert str(compare.notebooks("n", book("a\nb"), book("a\nc"))) == 'n, cell 1: was "b", now "c"'
    assert str(compare.notebooks("n", book("a"), book("a", cells=2))) == "n: was 1 code cells, now 2"


def test_a_document_that_was_broken_by_hand(tmp_path: Any) -> None:
    for root, text in (("old", "{"), ("new", '{"findings": []}')):
        (tmp_path / root / "findings").mkdir(parents=True)
        (tmp_path / root / "findings" / "01.json").write_text(text, encoding="utf-8")
    (found,) = compare.folders(tmp_path / "old", tmp_path / "new")
    assert str(found) == "findings/01.json: was not JSON, now JSON"


def test_what_moved_since_it_was_accepted() -> None:
    old = {"findings": {"a": {"value": 1.0, "ci": [None, 2.0], "p": 0.03125},
                        "b": {"value": 2.0, "ci": None, "p": None}},
           "claims": {"c": {"verdict": "supported", "sentence": "Yes."}}}
    new = {"findings": {"a": {"value": None, "ci": None, "p": None}, "d": {"value": 3.0, "ci": None, "p": None}},
           "claims": {"c": {"verdict": "not supported", "sentence": "Yes."}, "e": {"verdict": "x", "sentence": "E."}}}
    assert moves(old, old) == []
    assert moves(old, new) == [
        "a: was 1 [open, 2], p = 0.03125, now not estimable", "b: gone", "d: new, 3",
        "claim c: was 'supported', now 'not supported': \"Yes.\"", "claim e: was 'not there', now 'x': \"E.\""]
