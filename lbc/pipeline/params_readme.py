"""`params/README.md`: a table of every key of params, generated from the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from lbc.params import Params
from lbc.yaml_reader import models_in


def describe() -> str:
    """`params/README.md`: a table of every key, generated from the model."""
    lines = [
        "# Every key of params/<town>.yaml",
        "",
        "Made from the model in `lbc/params.py` by `lbc params-readme`; a test keeps the two equal.",
        "Keys without a default must be given. Unknown keys are mistakes.",
        "",
        "| key | holds | default | meaning |",
        "|---|---|---|---|",
    ]
    return "\n".join([*lines, *_rows(Params, "")]) + "\n"


def _rows(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, info in model.model_fields.items():
        inner = next(models_in(info.annotation), None)
        many = "list" in str(info.annotation).split("[")[0]
        holds = ("list of keys" if many else "keys") if inner else _holds(info)
        if info.is_required():
            default = "**required**"
        elif isinstance(info.default, BaseModel):
            default = "see below"
        elif isinstance(info.default, dict):
            default = "none"
        else:
            default = {None: "none", True: "true", False: "false"}.get(info.default, info.default) if not isinstance(
                info.default, list) else (", ".join(info.default) or "none")
        yield f"| `{prefix}{name}` | {holds} | {default} | {info.description} |"
        if inner:
            yield from _rows(inner, f"{prefix}{name}{'[]' if many else ''}.")


def _holds(info: Any) -> str:
    options = list(_literals(info.annotation))
    if options:
        return " or ".join(f"`{option}`" for option in options)
    text = str(info.annotation)
    words = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text"}
    word = next(word for kind, word in words.items() if kind in text)
    return f"list of {word}" if text.startswith("list") else f"keys, each {word}" if text.startswith("dict") else word


def _literals(annotation: Any) -> Iterator[str]:
    for inner in getattr(annotation, "__args__", ()):
        if isinstance(inner, str):
            yield inner
        else:
            yield from _literals(inner)
