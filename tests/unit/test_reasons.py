"""Every reason why something is not estimable can be read in Chinese: the source says which reasons there are."""

from __future__ import annotations

import ast
import csv
import doctest
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbc.reporting import reasons, wording
from lbc.reporting.columns import in_words
from lbc.reporting.reasons import PLACE, said

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "lbc" / "reporting" / "reasons.csv"


def literals(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may be, {} for what is filled in; nothing for what another place has said."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for part in node.values:
            yield from literals(part)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from (left + right for left in literals(node.left) for right in literals(node.right))
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):  # "words" * condition
        yield from ("", *literals(node.left))


def given(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every reason that a module gives: errors, `reason=...` and `row["reason"] = ...`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "NotEstimableError" and node.args:
            found = [node.args[0]]
        elif isinstance(node, ast.Call):
            found = [keyword.value for keyword in node.keywords if keyword.arg == "reason"]
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).endswith("['reason']"):
            found = [node.value]
        else:
            continue
        yield from ((node.lineno, text) for value in found for text in literals(value) if text.strip("{}; "))


GIVEN = [(f"{path.relative_to(ROOT)}:{line}", text) for room in ("analysis", "survey", "pipeline")
         for path in sorted((ROOT / "lbc" / room).glob("*.py")) for line, text in given(path.read_text(encoding="utf-8"))]


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def filled(pattern: str) -> str:
    """A reason as a reader may meet it, the holes filled with a number."""
    return re.sub(r"\{\}", "7", pattern)


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(reasons).failed == 0


def test_the_source_is_read() -> None:
    assert len({text for _, text in GIVEN}) > 150
    source = 'raise NotEstimableError(f"{n} of {m}" if n else "none" + " at all" * c)\nf(reason=why or "x")\nrow["reason"] = "y"'
    assert sorted(text for _, text in given(source)) == ["none", "none at all", "x", "y", "{} of {}"]


def test_every_reason_has_a_chinese_row() -> None:
    lacking = {f"{text}   ({place})" for place, text in GIVEN if said(filled(text), "zh") == filled(text)}
    assert sorted(lacking) == [], "add these to lbc/reporting/reasons.csv"


def test_reasons_that_stand_in_the_designs_own_table_have_a_chinese_row() -> None:
    with (ROOT / "lbc" / "analysis" / "design.csv").open(encoding="utf-8", newline="") as file:
        own = [row for row in csv.DictReader(file) if row["column"] == "reason"]
    assert own
    assert [row["en"] for row in own if said(row["en"], "zh") != row["zh"]] == []


def test_the_table_is_sound() -> None:
    assert [row["en"] for row in rows()] == sorted(row["en"] for row in rows())
    for row in rows():
        assert re.search(r"[\u4e00-\u9fff]|ω", row["zh"]), row
        numbered = [n for n in PLACE.findall(row["zh"]) if n]
        wanted = list(range(1, row["en"].count("{}") + 1))
        assert sorted(map(int, numbered)) == wanted if numbered else row["zh"].count("{}") == len(wanted), row


def test_no_row_hides_behind_another() -> None:
    for row in rows():
        text = filled(row["en"])
        zh = PLACE.sub("7", row["zh"])
        assert said(text, "zh") == zh, row["en"]


@pytest.mark.parametrize(("reason", "zh"), [
    ("girl: 5 complete rows are too few for 6 coefficients; age: neither group varies",
     "girl：5 条完整记录不足以估计 6 个系数；age：两组都没有变异"),
    ("the scalar model is no solution: the variance of F1 is negative in group girl; the estimation did not converge",
     "标量模型不是可用的解：girl 组中 F1 的方差为负；估计未收敛"),
    ("the first group has 1 value(s); at least 2 are needed", "第一组 有 1 个值；至少需要 2 个"),
    ("0 treated with both waves; at least 2 are needed", "两次测量齐全的组员有 0 名；至少需要 2 名"),
    ("nobody foresaw this", "nobody foresaw this"),
])
def test_parts_and_lists_are_read_too(reason: str, zh: str) -> None:
    assert said(reason, "zh") == zh
    assert said(reason, "en") == reason
    assert said({"en": "a", "zh": "甲"}, "zh") == "甲"


def test_readers_get_the_reason_in_their_language() -> None:
    finding = {"id": "x", "label": {"en": "Loneliness", "zh": "孤独感"}, "estimate": None, "reason": "neither group varies"}
    assert wording.sentence(finding, "zh") == "孤独感：无法估计：两组都没有变异。"
    assert wording.sentence(finding, "en") == "Loneliness: not estimable: neither group varies."
    assert in_words("reason", "neither group varies", {}, "zh") == "两组都没有变异"
    assert in_words("note", "neither group varies", {}, "en") == "neither group varies"
