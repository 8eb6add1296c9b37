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

from lbc.results import Shown

if TYPE_CHECKING:
    from lbc.pipeline.stage import Stage

LISTED: list[tuple[type[Warning], str]] = [
    (pd.errors.Pandas4Warning, "pingouin"),  # pingouin 0.7 assigns in a way that pandas 4 will read differently
]
"""Warnings of third-party code that are noted in the report card instead of stopping a notebook: category, module."""
MACHINERY = r"(ipykernel|IPython|zmq|traitlets|jupyter_client|tornado|debugpy|asyncio|comm)\b"
NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")
PACKAGES = ("numpy", "pandas", "scipy", "statsmodels", "pingouin", "matplotlib")


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
    read = stage._reads.raw | {name: digest and steady_digest(stage._town.outputs / name)
                               for name, digest in stage._reads.upstream.items()}
    counts = None if n_in is None else f"{n_in}, {n_out}"
    rows = {language: _card(stage, language, read, counts) for language in WORDS}
    table = {language: "\n".join([f"**{stage.title(language)}**\n", "| | |", "|---|---|",
                                  *(f"| {name} | {value} |" for name, value in found)])
             for language, found in rows.items()}
    lines = [stage.title(stage.language), *(f"{name}: {value}" for name, value in rows[stage.language])]
    return Shown(table, stage.language, plain="\n".join(lines))


def versions() -> dict[str, str]:
    """Python and the packages whose numbers the findings are, with their versions."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"Python": python, **{name: version(name) for name in PACKAGES}}


def _card(stage: Stage, language: str, read: dict[str, Any], counts: str | None) -> list[tuple[str, str]]:
    word = WORDS[language]
    return [
        *((word["read"], f"{path} {(digest or word['absent'])[:12]}") for path, digest in sorted(read.items())),
        *([(word["n"], counts)] if counts is not None else []),
        *([(word["registered"], stage.registered.words[language])] if stage._registration else []),
        (word["findings"], str(len(stage._findings))),
        (word["seed"], str(stage.params.seed)),
        (word["versions"], ", ".join(f"{name} {number}" for name, number in versions().items())),
        (word["warnings"], ", ".join(sorted(stage._warned)) or word["none"]),
    ]
