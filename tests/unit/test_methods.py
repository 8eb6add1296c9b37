"""Every method and source of a finding can be read in Chinese: the package's source says which ones there are."""

from __future__ import annotations

import ast
import csv
import json
import re
from itertools import product
from pathlib import Path

import pytest

from lbc.reporting import wording
from lbc.reporting.reasons import PLACE, said

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "lbc" / "reporting" / "methods.csv"
SOURCES = {path: path.read_text(encoding="utf-8") for room in ("analysis", "survey", "pipeline")
           for path in sorted((ROOT / "lbc" / room).glob("*.py"))}
FINDINGS = [finding for path in sorted((ROOT / "outputs" / "s_town" / "findings").glob("*.json"))
            for finding in json.loads(path.read_text(encoding="utf-8"))["findings"]]
PLACES = {"Result": {"method": 0, "reference": 5}}
"""Where calls hold a method or reference without naming it; a module's own functions are added."""
ENGLISH = re.compile(r"(?<![A-Za-zÀ-ÿ_])(?!von\b)[a-z]{3,}(?![A-Za-z])|[;:] ")
"""What a translation must not hold: an English word, or half-width marks."""
Known = dict[str, list[ast.expr]]


def texts(node: ast.expr, known: Known) -> list[str]:
    """All that an expression may say, {} for what only a run can tell; `known` holds what names stand for."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.Name(id=name) | ast.Call(func=ast.Name(id=name)) if name in known:
            rest = {key: value for key, value in known.items() if key != name}
            return [text for value in known[name] for text in texts(value, rest)]
        case ast.IfExp():
            return texts(node.body, known) + texts(node.orelse, known)
        case ast.BinOp(op=ast.Add()):
            return [a + b for a, b in product(texts(node.left, known), texts(node.right, known))]
        case ast.BinOp(op=ast.Mult()):  # "words" * condition
            return ["", *texts(node.left, known)]
        case ast.JoinedStr():
            return ["".join(parts) for parts in product(*(texts(value, known) for value in node.values))]
        case ast.FormattedValue():
            return texts(node.value, known)
    return ["{}"]


def assigned(function: ast.AST) -> Known:
    """What the names within a function stand for."""
    known: Known = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
            both = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
            for name, held in zip(target.elts, value.elts, strict=False) if both else [(target, value)]:
                if isinstance(name, ast.Name):
                    known.setdefault(name.id, []).append(held)
    return known


def given(source: str, what: str) -> set[str]:
    """Every method or reference that a module gives: `Result(...)`, `replace(...)` and functions that pass it on."""
    tree, places, returned = ast.parse(source), dict(PLACES), {}
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for one in functions:
        places[one.name] = {a.arg: n for n, a in enumerate(one.args.args) if a.annotation is not None
                            and ast.unparse(a.annotation) == "str"}
        returned[one.name] = [node.value for node in ast.walk(one) if isinstance(node, ast.Return) and node.value]
    found = set()
    for one in functions:
        known = returned | assigned(one)
        for call in (node for node in ast.walk(one) if isinstance(node, ast.Call)):
            name, place = ast.unparse(call.func), places.get(ast.unparse(call.func), {}).get(what)
            if name in ("replace", "MixedModel") or name in places:
                held = [keyword.value for keyword in call.keywords if keyword.arg == what]
                held += call.args[place:place + 1] if place is not None else []
                found |= {text for value in held for text in texts(value, known)}
    return {text for text in found if text.strip("{}")}


def all_given(what: str) -> list[str]:
    return sorted(set().union(*(given(source, what) for source in SOURCES.values())))


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def filled(pattern: str) -> str:
    """A method as a reader may meet it, the holes filled with a number."""
    return pattern.replace("{}", "7")


def test_the_source_is_read() -> None:
    source = ("def f(method: str, n): return Result(method, 1)\n"
              "def e(n): return ', twice' if n else ''\n"
              "def g(n):\n    a, how = 1, f'by {n}' if n else 'alone'\n    f('passed on', 2)\n"
              "    return Result(f'mean ({how})' + e(n), None) if n else replace(r, method=f'{r.method}; more')")
    assert given(source, "method") == {"passed on", "mean (by {})", "mean (alone)", "mean (by {}), twice",
                                       "mean (alone), twice", "{}; more"}
    assert len(all_given("method")) > 100
    assert len(all_given("reference")) > 60


@pytest.mark.parametrize("text", all_given("method"))
def test_every_method_has_a_chinese_row(text: str) -> None:
    zh = said(filled(text), "zh", "methods")
    assert zh != filled(text), "add it to lbc/reporting/methods.csv"
    assert not ENGLISH.search(zh), zh


def test_every_source_can_be_read_in_chinese() -> None:
    read = {text: wording.source({"reference": text}, "zh") for text in all_given("reference")}
    assert {text: zh for text, zh in read.items() if ENGLISH.search(zh)} == {}


@pytest.mark.skipif(not FINDINGS, reason="no outputs")
def test_every_finding_of_the_town_tells_its_method_in_chinese() -> None:
    for finding in FINDINGS:
        method = said(finding["method"], "zh", "methods")
        assert re.search(r"[\u4e00-\u9fff]", method), method
        assert not ENGLISH.search(method), method
        assert not ENGLISH.search(wording.source(finding, "zh")), finding["reference"]
        assert wording.method(finding, "en") == (finding["method"] if finding["estimate"] else "")


def test_the_table_is_sound() -> None:
    assert [row["en"] for row in rows()] == sorted({row["en"] for row in rows()})
    for row in rows():
        numbered = [n for n in PLACE.findall(row["zh"]) if n]
        wanted = list(range(1, row["en"].count("{}") + 1))
        assert sorted(map(int, numbered)) == wanted if numbered else row["zh"].count("{}") == len(wanted), row
        assert said(filled(row["en"]), "zh", "methods") == PLACE.sub("7", row["zh"]), "hides behind another row"
        assert re.search(r"[\u4e00-\u9fff，：²]", row["zh"]), row
        assert not re.search(r"[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u4e00-\u9fff]", row["zh"]), row


def test_no_row_is_left_over() -> None:
    """Each piece of a row stands in a method or source, or in a text that may fill a hole of one."""
    strings = [node.value for source in SOURCES.values() for node in ast.walk(ast.parse(source))
               if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    known = "\n".join([*all_given("method"), *all_given("reference"), *strings])
    assert [row["en"] for row in rows() if not all(piece in known for piece in PLACE.split(row["en"]))] == []


@pytest.mark.parametrize(("method", "zh"), [
    ("LMG share of R2, averaged over all orders of entry, bootstrap of whole clusters, "
     "pooled over 20 imputed data sets",
     "R² 的 LMG 份额，对所有进入次序取平均，整群重抽的自助法，合并 20 个插补数据集"),
    ("members unchanged or deteriorated", "无变化或恶化的组员所占比例"),
    ("measurement invariance, scalar against metric model (MLM); scalar invariance holds: CFI changes by +0.004, "
     "RMSEA by -0.003 (limits -0.010, +0.015, Chen 2007)",
     "测量不变性，标量模型与载荷模型比较（MLM）；标量不变性成立：CFI 变化 +0.004，RMSEA 变化 -0.003"
     "（界限 -0.010、+0.015，Chen 2007）"),
    ("conservative dual criteria, lines moved by 0.25 SD: 12 of 16 points needed; "
     "with reservations: 4 points in a phase",
     "保守双标准法，两线移动 0.25 个标准差：16 个点中需有 12 个超出双线；有保留地达到要求：某阶段仅 4 个点"),
    ("nobody foresaw this", "nobody foresaw this"),
])
def test_parts_are_read_too(method: str, zh: str) -> None:
    finding = {"method": method, "estimate": {"name": "mean", "value": 1.0}}
    assert wording.method(finding, "zh") == zh
    assert wording.method(finding, "en") == method
    assert wording.method(finding | {"method": {"en": "a", "zh": "甲"}}, "zh") == "甲"
    assert wording.method(finding | {"estimate": None}, "zh") == ""


@pytest.mark.parametrize(("reference", "zh"), [
    ("Fisher 1935; interval: Hartigan 1969; d_z: Cumming & Finch 2001",
     "Fisher 1935；区间：Hartigan 1969；d_z：Cumming & Finch 2001"),
    ("STROBE flow (von Elm et al. 2007)", "STROBE 流程图（von Elm et al. 2007）"),
    ("own checks", "自行核查"),
    ("", ""),
])
def test_words_in_sources_are_read(reference: str, zh: str) -> None:
    assert wording.source({"reference": reference}, "zh") == zh
    assert wording.source({"reference": reference}, "en") == reference
