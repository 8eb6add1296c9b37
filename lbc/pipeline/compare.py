"""Compare two runs number by number: findings, claims, tables, plotted data, and what the notebooks print."""

from __future__ import annotations

import csv
import difflib
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

TOLERANCE = 1e-9
PUBLISHED = {"findings": "findings/*.json", "tables": "tables/*.csv", "figure data": "figures/*.csv"}
Verdict = Literal["same", "close", "differs", "missing", "new"]


@dataclass(frozen=True)
class Compared:
    """One finding, file or claim held against its reference.

    Parameters
    ----------
    kind : str
        What is counted: "findings", "claims", "tables", "figure data", "notebooks", "accepted numbers".
    place : str
        Where: file and, within it, id, row or cell.
    verdict : str
        `close`: equal within a relative 1e-9, as another processor may give it.
    old, new : str
        The first values that are not equal.
    """

    kind: str
    place: str
    verdict: Verdict
    old: str = ""
    new: str = ""

    def __str__(self) -> str:
        if self.verdict in ("missing", "new"):
            return f"{self.place}: {'not made any more' if self.verdict == 'missing' else 'not there before'}"
        return f"{self.place}: was {self.old}, now {self.new}"


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted paths and values of a JSON document.

    >>> list(leaves({"a": [1, {"b": 2}]}))
    [('a.0', 1), ('a.1.b', 2)]
    """
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None or not value:
        yield path, value
        return
    for key, inner in items:
        yield from leaves(inner, f"{path}.{key}" if path else str(key))


def held(kind: str, place: str, old: dict[str, Any], new: dict[str, Any]) -> Compared:
    """Two flat mappings of the same thing: the worst verdict, with the first pair of values that earned it."""
    close: Compared | None = None
    for key in [*old, *(k for k in new if k not in old)]:
        a, b = old.get(key), new.get(key)
        if equal(a, b):
            continue
        verdict: Verdict = "close" if equal(a, b, TOLERANCE) else "differs"
        found = Compared(kind, f"{place}, {key}", verdict, shown(a), shown(b))
        if found.verdict == "differs":
            return found
        close = close or found
    return close or Compared(kind, place, "same")


def equal(a: Any, b: Any, tolerance: float = 0.0) -> bool:
    """Equal in type and value; numbers within a relative tolerance."""
    numbers = [isinstance(x, int | float) and not isinstance(x, bool) for x in (a, b)]
    if all(numbers):
        return a == b or math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance * 1e-6)
    return type(a) is type(b) and a == b


def shown(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else text[:297] + "..."


def findings(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Compared]:
    """Two documents of findings, finding by finding, claim by claim."""
    for kind, key in (("findings", "findings"), ("claims", "claims")):
        pairs = [{entry["id"]: entry for entry in document.get(key, [])} for document in (old, new)]
        for id in [*pairs[0], *(i for i in pairs[1] if i not in pairs[0])]:
            if id not in pairs[1] or id not in pairs[0]:
                yield Compared(kind, f"{name}, {id}", "missing" if id in pairs[0] else "new")
            elif key == "claims":
                yield claim(f"{name}, {id}", pairs[0][id], pairs[1][id])
            else:
                yield held(kind, f"{name}, {id}", dict(leaves(pairs[0][id])), dict(leaves(pairs[1][id])))


def claim(place: str, old: dict[str, Any], new: dict[str, Any]) -> Compared:
    """Two judgements of one claim; another verdict quotes the sentence."""
    if old["verdict"] != new["verdict"]:
        return Compared("claims", place, "differs", old["verdict"], f"{new['verdict']}: {shown(new['sentence'])}")
    return held("claims", place, dict(leaves(old)), dict(leaves(new)))


def tables(kind: str, name: str, old: str, new: str) -> Compared:
    """Two CSV files, cell by cell; a cell is named by its row's number and first cell, and by its column."""
    if old == new:
        return Compared(kind, name, "same")
    return held(kind, name, _cells(old), _cells(new))


def _cells(text: str) -> dict[str, Any]:
    rows = list(csv.reader(io.StringIO(text)))
    header = rows[0] if rows else []
    found: dict[str, Any] = {"columns": ", ".join(header), "rows": len(rows) - 1}
    for number, row in enumerate(rows[1:], 2):
        for column, cell in enumerate(row):
            name = header[column] if column < len(header) else f"column {column + 1}"
            found[f"row {number} ({row[0]}), {name}"] = _number(cell)
    return found


def _number(cell: str) -> Any:
    try:
        return float(cell)
    except ValueError:
        return cell


def notebooks(name: str, old: dict[str, Any], new: dict[str, Any]) -> Compared:
    """Two executed notebooks, by what their cells print; pictures are compared by the digest of their data."""
    for number, (a, b) in enumerate(zip(_printed(old), _printed(new), strict=False), 1):
        if a != b:
            lines = [line for line in difflib.ndiff(a.splitlines(), b.splitlines()) if line[0] in "+-"]
            was, now = (next((line[2:] for line in lines if line[0] == sign), "nothing") for sign in "-+")
            return Compared("notebooks", f"{name}, cell {number}", "differs", shown(was), shown(now))
    if len(_printed(old)) != len(_printed(new)):
        return Compared("notebooks", name, "differs", f"{len(_printed(old))} code cells", f"{len(_printed(new))}")
    return Compared("notebooks", name, "same")


def _printed(notebook: dict[str, Any]) -> list[str]:
    found = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            texts = ["".join(cell["source"])]
            for output in cell["outputs"]:
                data = output.get("data", {"text/plain": output.get("text", output.get("traceback", ""))})
                texts += ["".join(value) for mime, value in sorted(data.items()) if mime.startswith("text/")]
            found.append("\n".join(texts))
    return found


def folders(old: Path, new: Path) -> Iterator[Compared]:
    """Everything that two runs of a town published as text."""
    for kind, pattern in PUBLISHED.items():
        names = [{file.relative_to(root).as_posix() for file in root.glob(pattern)} for root in (old, new)]
        for name in sorted(names[0] | names[1]):
            if name not in names[0] or name not in names[1]:
                yield Compared(kind, name, "missing" if name in names[0] else "new")
                continue
            a, b = ((root / name).read_text(encoding="utf-8") for root in (old, new))
            if kind == "findings":
                yield from _documents(name, a, b)
            else:
                yield tables(kind, name, a, b)


def _documents(name: str, old: str, new: str) -> Iterator[Compared]:
    try:
        document = json.loads(old)
    except ValueError:
        yield Compared("findings", name, "differs", "not JSON", "JSON")
        return
    yield from findings(name, document, json.loads(new))
