"""How a notebook shows things: fixed digits, sentences, the report card; warnings are errors unless listed."""

from __future__ import annotations

import hashlib
import re
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from lbc.pipeline.stage import Stage

LISTED: list[tuple[type[Warning], str]] = [
    (pd.errors.Pandas4Warning, "pingouin"),  # pingouin 0.7 assigns in a way that pandas 4 will read differently
]
"""Warnings of third-party code that are noted in the report card instead of stopping a notebook: category, module."""
MACHINERY = r"(ipykernel|IPython|zmq|traitlets|jupyter_client|tornado|debugpy|asyncio|comm)\b"
NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")
PACKAGES = ("numpy", "pandas", "scipy", "statsmodels", "pingouin", "matplotlib")


class Shown:
    """A sentence or text that a cell shows."""

    def __init__(self, text: str, markdown: str | None = None) -> None:
        self.text = text
        self.markdown = text if markdown is None else markdown

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": self.text, "text/markdown": self.markdown}


def put(*things: Any) -> None:
    """Show things below one another, in a notebook or on a terminal."""
    if "IPython" in sys.modules:
        from IPython.display import display

        display(*things)
    else:
        print(*things, sep="\n")


def settle(language: str) -> set[str]:
    """Make warnings errors and every shown number fixed-digit; returns the set that listed warnings are noted in."""
    warned: set[str] = set()
    warnings.resetwarnings()
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", module=MACHINERY)
    for category, module in LISTED:
        warnings.filterwarnings("always", category=category, module=rf"{module}\b")

    def note(message: Any, category: type[Warning], filename: str, *rest: Any) -> None:
        module = next((module for listed, module in LISTED if issubclass(category, listed)), filename)
        warned.add(f"{category.__name__} ({module})")

    warnings.showwarning = note
    pd.set_option("display.float_format", "{:.3f}".format, "display.max_rows", 40, "display.max_columns", 20,
                  "display.width", 118, "display.max_colwidth", 60,
                  "display.unicode.east_asian_width", language == "zh")
    np.set_printoptions(precision=3, suppress=True, floatmode="fixed", linewidth=118)
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None:
        shell.run_line_magic("precision", "3")
    return warned


WORDS = {
    "en": {"read": "Read", "seed": "Seed", "n": "n in, n out", "versions": "Versions", "warnings": "Warnings",
           "none": "none", "absent": "absent", "findings": "Findings", "registered": "Protocol registered"},
    "zh": {"read": "读入", "seed": "随机种子", "n": "输入与输出人数", "versions": "版本", "warnings": "警告",
           "none": "无", "absent": "缺", "findings": "结果数", "registered": "方案登记"},
}


def steady_digest(path: Path) -> str:
    """SHA-256 of a text output, its numbers to nine digits: the last ones may differ between processors."""
    text = NUMBER.sub(lambda found: f"{float(found[0]):.9g}", path.read_text(encoding="utf-8"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def report_card(stage: Stage, n_in: int | None, n_out: int | None) -> Shown:
    """The last cell: the same text whenever inputs, seed and lock are the same, on any processor."""
    word = WORDS[stage.language]
    read = stage._reads.raw | {name: digest and steady_digest(stage._town.outputs / name)
                               for name, digest in stage._reads.upstream.items()}
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    versions = [python, *(f"{name} {version(name)}" for name in PACKAGES)]
    rows = [
        *((word["read"], f"{path} {(digest or word['absent'])[:12]}") for path, digest in sorted(read.items())),
        *([(word["n"], f"{n_in}, {n_out}")] if n_in is not None else []),
        *([(word["registered"], stage.registered.words[stage.language])] if stage._registration else []),
        (word["findings"], str(len(stage._findings))),
        (word["seed"], str(stage.params.seed)),
        (word["versions"], ", ".join(versions)),
        (word["warnings"], ", ".join(sorted(stage._warned)) or word["none"]),
    ]
    lines = [repr(stage), *(f"{name}: {value}" for name, value in rows)]
    table = "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
    return Shown("\n".join(lines), f"**{lines[0]}**\n\n{table}")
