"""One canonical form of an executed notebook, so that two runs give the same bytes; and the reader's copy of it."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

from lbc.results import MARK

Notebook = dict[str, Any]

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
LETTER = re.compile(r"[A-Za-z]")
LEAD = re.compile(r"\s*(?:(?:#+|[-*>]|\d+\.)\s+)?")
BAR = " ｜ "
MARKERS = {"papermill-error-cell-tag"}


def canonical(notebook: Notebook, marks: bool = False) -> bytes:
    """The notebook's one form: no times, no paths, ordinal ids and counts, the town's value in the parameters cell.

    Parameters
    ----------
    notebook : dict
        As nbformat or json reads it, executed or not.
    marks : bool
        For the web report: keep what outputs say of themselves (`lbc.results.MARK`), and no pictures.

    Returns
    -------
    bytes
        UTF-8, LF, indented by one; the form of the form is the form itself.
    """
    cells: list[Notebook] = []
    for cell in notebook["cells"]:
        tags = set(cell["metadata"].get("tags", []))
        if tags & MARKERS:
            continue
        if "injected-parameters" in tags:
            cells[-1]["source"] = _lines(_text(cell["source"]).removeprefix("# Parameters\n").rstrip("\n"))
            continue
        cells.append(_cell(cell, len(cells) + 1, sum(c["cell_type"] == "code" for c in cells) + 1))
        if marks and cell["cell_type"] == "code":
            _mark(cells[-1]["outputs"], cell["outputs"])
    plain = {"cells": cells, "metadata": {"kernelspec": KERNELSPEC}, "nbformat": 4, "nbformat_minor": 5}
    text = json.dumps(plain, ensure_ascii=False, indent=1, sort_keys=True, separators=(",", ": ")) + "\n"
    return text.encode("utf-8")


def _cell(cell: Notebook, number: int, count: int) -> Notebook:
    tags = cell["metadata"].get("tags", [])
    plain: Notebook = {
        "cell_type": cell["cell_type"],
        "id": f"cell-{number:02d}",
        "metadata": {"tags": list(tags)} if tags else {},
        "source": _lines(_text(cell["source"]).rstrip("\n")),
    }
    if cell["cell_type"] == "code":
        plain["execution_count"] = None if cell.get("execution_count") is None else count
        plain["outputs"] = _outputs(cell.get("outputs", []), count)
    return plain


def _mark(plain: list[Notebook], outputs: list[Notebook]) -> None:
    shown = [output for output in outputs if output["output_type"] in {"display_data", "execute_result"}]
    places = [output for output in plain if output["output_type"] in {"display_data", "execute_result"}]
    for place, output in zip(places, shown, strict=True):
        place["metadata"] = {MARK: output["metadata"][MARK]} if MARK in output["metadata"] else {}
        if "exhibit" in place["metadata"].get(MARK, {}):
            place["data"] = {"text/plain": place["data"]["text/plain"]}


def _outputs(outputs: list[Notebook], count: int) -> list[Notebook]:
    found: list[Notebook] = []
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream":
            before = found[-1] if found else {}
            joined = before.get("name") == output["name"]  # how a stream is cut depends on the machine's speed
            text = (_text(before["text"]) if joined else "") + _text(output["text"])
            stream = {"name": output["name"], "output_type": kind, "text": _lines(text)}
            found[-1 if joined else len(found):] = [stream]
        elif kind == "error":
            found.append({key: output[key] for key in ("ename", "evalue", "output_type", "traceback")})
        else:
            data = {mime: _data(mime, value) for mime, value in output["data"].items()}
            plain = {"data": data, "metadata": {}, "output_type": kind}
            found.append(plain | ({"execution_count": count} if kind == "execute_result" else {}))
    return found


def _data(mime: str, value: Any) -> Any:
    if mime.startswith("image/") and mime != "image/svg+xml":
        return _text(value).rstrip("\n")
    return _lines(_text(value)) if isinstance(value, str | list) and not mime.endswith("json") else value


def _text(source: str | list[str]) -> str:
    return (source if isinstance(source, str) else "".join(source)).replace("\r\n", "\n")


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def for_language(notebook: Notebook, language: str) -> Notebook:
    """A copy whose texts stand in one language only: what a reader of the town gets.

    Computed texts are in the town's language, unless the notebook was kept with its marks (see `canonical`).
    """
    found = copy.deepcopy(notebook)
    for cell in found["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = _lines(for_language_text(_text(cell["source"]), language))
        for output in cell.get("outputs", []):
            mark = output.get("metadata", {}).get(MARK, {})
            if language in mark:
                output["data"] = {"text/markdown": _lines(mark[language]), "text/plain": _lines(mark[language])}
    return found


def for_language_text(text: str, language: str) -> str:
    """One language of a bilingual text.

    A line `English ｜ 中文` is cut at the bar; of the others those with Chinese characters are Chinese, those with
    letters English, and the rest (rules, blank lines) belong to both.

    Examples
    --------
    >>> for_language_text("## Who? ｜ 谁？\\n\\nChildren.\\n\\n儿童。", "en")
    '## Who?\\n\\nChildren.'
    """
    kept = []
    for line in text.split("\n"):
        lead = LEAD.match(line)[0]
        if BAR in line:
            english, chinese = line[len(lead):].split(BAR, 1)
            kept.append(lead + {"en": english, "zh": chinese}[language].strip())
        elif CHINESE.search(line):
            kept += [line] if language == "zh" else []
        elif language == "en" or not LETTER.search(line):
            kept.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip("\n")
