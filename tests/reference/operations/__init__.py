"""Adapters: one function per operation of the reference cases, from a case to the numbers lbc gives for it.

An adapter calls only public functions of lbc and returns its numbers nested as `case["expected"]` is. A number that
it does not return must be listed in `omitted` with the reason, or `test_agreement.py` fails.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Case = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """What lbc does for one kind of analysis.

    Paths join keys (and positions in lists) by "/", and patterns are those of fnmatch, matched against a path or
    anything above it: "effects/metafor_*" stands for all that is below.
    """

    name: str
    run: Callable[[Case], dict[str, Any]]
    omitted: dict[str, str] = field(default_factory=dict)  # pattern: why lbc does not compute it
    wider: dict[str, tuple[str, str]] = field(default_factory=dict)  # pattern: ("abs 1e-3", why the reference is rough)
    sd_y: Callable[[Case], float] | None = None  # the outcome's SD, where a tolerance is given in units of it


OPERATIONS: dict[str, Operation] = {}


def operation(name: str, **more: Any) -> Callable[[Callable[[Case], dict[str, Any]]], Callable[[Case], dict[str, Any]]]:
    """Register the decorated function as the adapter of operation `name`."""

    def register(run: Callable[[Case], dict[str, Any]]) -> Callable[[Case], dict[str, Any]]:
        if name in OPERATIONS:
            raise ValueError(f"two adapters for {name}")
        OPERATIONS[name] = Operation(name, run, **more)
        return run

    return register


def load() -> dict[str, Operation]:
    """All adapters, by operation: every module of this folder is imported."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return OPERATIONS
