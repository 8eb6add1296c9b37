"""The canonical form of notebooks, and the reader's copy in one language."""

from __future__ import annotations

import json
from typing import Any

from lbc.pipeline import manifest, notebooks


def code(source: Any, outputs: list[Any] | None = None, count: int | None = 7, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "id": "x9", "metadata": metadata, "source": source, "execution_count": count,
            "outputs": outputs or []}


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def book(*cells: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def executed() -> dict[str, Any]:
    """What papermill leaves behind, in small."""
    return book(
        {"cell_type": "markdown", "id": "r4nd0m", "metadata": {"papermill": {"a": 0.1}}, "source": "# 你好\r\n"},
        code('town = "s_town"', tags=["parameters"], papermill={"start_time": "2026-01-01"}),
        code('# Parameters\ntown = "riverton"\n', tags=["injected-parameters"]),
        code("print(1)", [stream("1\n"), stream("2\n"), stream("!", "stderr"), stream("3")], execution={"iopub": 1}),
        code(["a\n", "b"], [{"output_type": "execute_result", "execution_count": 7, "metadata": {"x": 1},
                            "data": {"text/plain": "5\n6", "image/png": "QUJD\n", "a/json": {"k": ["v"]}}}]),
        kernelspec={"name": "mine"}, papermill={"input_path": "/home/me/x.ipynb"}, language_info={"v": "3.11.7"},
    )


def test_the_reports_copy_keeps_both_languages_and_no_pictures() -> None:
    both = {"en": "One.", "zh": "一。", "findings": ["a.b"]}
    shown = [
        {"output_type": "display_data", "metadata": {"lbc": both, "x": 1}, "data": {"text/plain": "One.", "a/b": "c"}},
        stream("1"),
        {"output_type": "display_data", "metadata": {"lbc": {"exhibit": "02_x"}},
         "data": {"text/plain": "figure", "image/png": "QUJD", "text/html": "<table>"}},
        {"output_type": "display_data", "metadata": {}, "data": {"text/plain": "2"}},
    ]
    raw = book(code("f()", shown))
    assert all(output.get("metadata", {}) == {} for output in json.loads(notebooks.canonical(raw))["cells"][0]["outputs"])
    kept = json.loads(notebooks.canonical(raw, marks=True))
    assert [o.get("metadata") for o in kept["cells"][0]["outputs"]] == [
        {"lbc": both}, None, {"lbc": {"exhibit": "02_x"}}, {}]
    chinese = notebooks.for_language(kept, "zh")["cells"][0]["outputs"]
    assert chinese[0]["data"] == {"text/markdown": ["一。"], "text/plain": ["一。"]}
    assert chinese[2]["data"] == {"text/plain": ["figure"]}


def test_canonical_keeps_what_matters_and_nothing_that_varies() -> None:
    raw = notebooks.canonical(executed())
    text = raw.decode("utf-8")
    for varying in ("papermill", "r4nd0m", "/home/me", "iopub", "2026-01-01", "3.11.7", "mine", "injected", "\r"):
        assert varying not in text
    plain = json.loads(raw)
    assert plain["metadata"] == {"kernelspec": notebooks.KERNELSPEC}
    assert [c["id"] for c in plain["cells"]] == ["cell-01", "cell-02", "cell-03", "cell-04"]
    codes = plain["cells"][1:]
    assert [c["execution_count"] for c in codes] == [1, 2, 3]
    assert codes[0]["source"] == ['town = "riverton"']
    assert codes[0]["metadata"] == {"tags": ["parameters"]}
    assert [(o["name"], "".join(o["text"])) for o in codes[1]["outputs"]] == [
        ("stdout", "1\n2\n"), ("stderr", "!"), ("stdout", "3")]
    assert codes[2]["outputs"] == [{"data": {"a/json": {"k": ["v"]}, "image/png": "QUJD",
                                             "text/plain": ["5\n", "6"]},
                                    "execution_count": 3, "metadata": {}, "output_type": "execute_result"}]
    assert "# 你好" in text
    assert raw.endswith(b"}\n")


def test_the_form_of_the_form_is_the_form() -> None:
    raw = notebooks.canonical(executed())
    assert notebooks.canonical(json.loads(raw)) == raw


def test_unexecuted_cells_stay_unexecuted() -> None:
    assert json.loads(notebooks.canonical(book(code("1", count=None))))["cells"][0]["execution_count"] is None


def test_the_source_hash_sees_cells_and_tags_only(tmp_path) -> None:
    def hashed(notebook: dict[str, Any] | bytes) -> str:
        path = tmp_path / "n.ipynb"
        path.write_bytes(notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode())
        return manifest.source_hash(path)

    plain = book(code("a\nb", tags=["t"]), code("c"))
    same = book(code(["a\n", "b\n"], [stream("x")], 3, tags=["t"]), code("c", papermill={}), kernelspec={"name": "q"})
    assert hashed(plain) == hashed(same) == hashed(notebooks.canonical(plain))
    assert len({hashed(n) for n in (plain, book(code("a\nb"), code("c")), book(code("c"), code("a\nb", tags=["t"])),
                                    book(code("a\nb ", tags=["t"]), code("c")))}) == 4


def test_one_language_of_a_bilingual_text() -> None:
    text = ("## Who is lonelier? ｜ 谁更孤独？\n\nThe difference in points.\nWith its interval.\n\n以分计的差异。\n\n"
            "- first ｜ 第一\n1. second ｜ 第二\n\n---\n\n> CLS 量表\n\n![](x.png)")
    assert notebooks.for_language_text(text, "en") == (
        "## Who is lonelier?\n\nThe difference in points.\nWith its interval.\n\n"
        "- first\n1. second\n\n---\n\n![](x.png)")
    assert notebooks.for_language_text(text, "zh") == (
        "## 谁更孤独？\n\n以分计的差异。\n\n- 第一\n1. 第二\n\n---\n\n> CLS 量表")


def test_only_texts_are_turned() -> None:
    source = book({"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["A ｜ 甲"]}, code('x = "A ｜ 甲"'))
    turned = notebooks.for_language(source, "zh")
    assert turned["cells"][0]["source"] == ["甲"]
    assert turned["cells"][1]["source"] == 'x = "A ｜ 甲"'
    assert source["cells"][0]["source"] == ["A ｜ 甲"]
