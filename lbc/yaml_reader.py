"""YAML read without casting, and checked against a model: every mistake at once, each with its line.

YAML's traps (`no`, `007`, `1e-3`, unquoted dates) are named as mistakes instead of becoming False, 7, text or a date.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from lbc.errors import UNSEEN, ParamsError

LARGEST = 64 * 1024
DEEPEST = 12


TRAPS = [
    (re.compile(r"(?i)(y|yes|no|n|on|off)"), "some programs read it as true or false: write true, false or quote it"),
    (re.compile(r"[-+]?0\d+"), "a number cannot begin with 0: drop the 0, or quote it if it is a code"),
    (re.compile(r"(?i)[-+]?\d+(\.\d*)?e[-+]?\d+"), "some programs read it as text: write the number out, e.g. 0.001"),
    (re.compile(r"\d{4}-\d{1,2}-\d{1,2}([ Tt].*)?"), "some programs turn it into a date: put it in quotes"),
    (re.compile(r"\d+(:\d+)+"), "some programs read it as a number in base 60: put it in quotes"),
    (re.compile(r"(?i)[-+]?0[xob][0-9a-f]+|[-+]?\.(inf|nan)|[-+]?\d[\d_]*_\d[\d_]*"), "write a plain decimal number"),
]
PLAIN = {"": None, "~": None, "null": None, "true": True, "false": False}


class Reader:
    """Turns a YAML node tree into plain values, remembering each key's line and every trap."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.lines: dict[tuple[Any, ...], int] = {}
        self.faults: dict[int, list[str]] = {}

    def fault(self, line: int, key: tuple[Any, ...], text: str) -> None:
        name = ".".join(str(part) for part in key)
        self.faults.setdefault(line, []).append(f"{self.shown}:{line}: {name + ': ' if name else ''}{text}")

    def value(self, node: Any, key: tuple[Any, ...]) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(key, line)
        if len(key) > DEEPEST:
            self.fault(line, key[:3], "nested too deeply")
            return None
        if node.anchor is not None:
            self.fault(line, key, "anchors (&) and aliases (*) are not allowed: write the value out")
            return None
        if node.id == "mapping":
            return self._mapping(node, key)
        if node.id == "sequence":
            return [self.value(item, (*key, i)) for i, item in enumerate(node.value)]
        if found := UNSEEN.search(node.value):
            self.fault(line, key, f"holds an invisible character (U+{ord(found[0]):04X}): delete it")
            return None
        if node.style is not None:
            return node.value
        return self._plain(node.value, line, key)

    def _mapping(self, node: Any, key: tuple[Any, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name_node, value_node in node.value:
            name, line = UNSEEN.sub("", str(name_node.value)), name_node.start_mark.line + 1
            if name != name_node.value:
                self.fault(line, (*key, name), "this key holds an invisible character: type it anew")
            if name in found:
                self.fault(line, (*key, name), "this key stands twice: keep one of the two")
            self.lines[(*key, name)] = line
            found[name] = self.value(value_node, (*key, name))
        return found

    def _plain(self, text: str, line: int, key: tuple[Any, ...]) -> Any:
        for pattern, mend in TRAPS:
            if pattern.fullmatch(text):
                self.fault(line, key, f"found {text} without quotes; {mend}")
                return None
        if text.lower() in PLAIN:
            return PLAIN[text.lower()]
        if re.fullmatch(r"[-+]?\d+", text):
            return int(text)
        if re.fullmatch(r"[-+]?(\d+\.\d*|\.\d+)", text):
            return float(text)
        return text


def read_yaml(path: Path, shown: str) -> tuple[Any, Reader]:
    """Read one YAML file without casting.

    Parameters
    ----------
    path : Path
    shown : str
        The path as messages print it.

    Returns
    -------
    value, reader
        `reader.lines` maps key paths to lines; `reader.faults` holds the traps met.

    Raises
    ------
    ParamsError
        If the file is missing, not UTF-8, too large or not YAML.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    def refuse(text: str, line: int = 1) -> ParamsError:
        return ParamsError("cannot be read", [f"{shown}:{line}: {text}"], where=shown, fix="mend it and run again")

    if not path.exists():
        raise refuse("there is no such file")
    raw = path.read_bytes()
    if len(raw) > LARGEST:
        raise refuse(f"the file has {len(raw)} bytes; {LARGEST} are allowed")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse("the file is not UTF-8: save it as UTF-8", raw[: error.start].count(b"\n") + 1) from None
    try:
        node = YAML(typ="rt", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise refuse(f"not YAML: {error.problem}", mark.line + 1 if mark else 1) from None
    except (YAMLError, RecursionError) as error:
        raise refuse(f"not YAML: {type(error).__name__}") from None
    reader = Reader(shown)
    if node is None or node.id != "mapping":
        raise refuse("expected keys with values, e.g. town: s_town")
    return reader.value(node, ()), reader


def raise_faults(reader: Reader) -> None:
    """Raise a ParamsError with everything the reader has collected, in order of line."""
    faults = [fault for line in sorted(reader.faults) for fault in reader.faults[line]]
    count = "1 mistake" if len(faults) == 1 else f"{len(faults)} mistakes"
    raise ParamsError(count, faults, where=reader.shown, fix="params/README.md lists every key and what it may hold")


def validate(model: type[BaseModel], value: Any, reader: Reader) -> Any:
    """The model's instance, or None after noting every mistake in `reader`."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        trapped = set(reader.faults)
        details = error.errors(include_url=False)
        merged = _misspelt(model, details)
        for detail in details:
            if detail["type"] == "missing" and tuple(detail["loc"]) in merged:
                continue
            key = tuple(part for part in detail["loc"] if not str(part).startswith("function-"))
            line = next(reader.lines[key[:n]] for n in range(len(key), -1, -1) if key[:n] in reader.lines)
            if line not in trapped:
                reader.fault(line, key, _explain(model, detail))
        return None


def _misspelt(model: type[BaseModel], details: list[Any]) -> set[tuple[Any, ...]]:
    """Missing keys that an unknown sibling was surely meant to be."""
    found = set()
    for detail in details:
        if detail["type"] == "extra_forbidden":
            *parents, name = detail["loc"]
            meant = difflib.get_close_matches(str(name), _keys(model, parents), n=1)
            found |= {(*parents, m) for m in meant}
    return found


def _keys(model: type[BaseModel], parents: list[Any]) -> list[str]:
    for part in parents:
        if isinstance(part, int):
            continue
        model = next(inner for inner in models_in(model.model_fields[part].annotation))
    return list(model.model_fields)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models inside an annotation such as `list[Release]` or `Case | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from models_in(inner)


def _explain(model: type[BaseModel], detail: Any) -> str:
    kind, name, found = detail["type"], detail["loc"][-1] if detail["loc"] else "", detail.get("input")
    if kind == "extra_forbidden":
        keys = _keys(model, list(detail["loc"][:-1]))
        close = difflib.get_close_matches(str(name), keys, n=1)
        return "unknown key; " + (f"did you mean '{close[0]}'?" if close else f"allowed here: {', '.join(keys)}")
    if kind == "missing":
        return "this key is missing"
    allowed = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    allowed = allowed.replace("a valid ", "").replace("string", "text").replace("dictionary", "set of keys")
    shown = "nothing" if found is None else "several keys" if isinstance(found, dict) else repr(found)
    return f"found {shown[:60]}; allowed: {allowed}"
