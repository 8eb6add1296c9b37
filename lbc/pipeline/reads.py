"""What a stage has read: parameter values, raw files, upstream outputs, and files of the package itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from lbc.paths import PACKAGE, Town
from lbc.pipeline.manifest import digest, folder_digest


class Reads:
    """Everything one stage has read so far, as the manifest keeps it."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.params: dict[str, Any] = {}
        self.raw: dict[str, str | None] = {}
        self.upstream: dict[str, str | None] = {}
        self.opened: set[Path] = set()
        self.sources = {p: digest(p) for p in PACKAGE.rglob("*") if p.is_file() and "__pycache__" not in p.parts}

    def note_raw(self, path: Path) -> None:
        """Note a file or folder of the project, present or absent; a folder stands for the names in it."""
        name = path.relative_to(self.town.project.root).as_posix()
        if path.is_dir() or name.endswith("instruments"):
            self.raw[name + "/"] = folder_digest(path)
        else:
            self.raw[name] = digest(path)

    def note_upstream(self, path: Path) -> None:
        """Note a file of the town's outputs that an earlier stage wrote, present or absent."""
        self.upstream[path.relative_to(self.town.outputs).as_posix()] = digest(path)

    def package(self) -> dict[str, str | None]:
        """Hashes, as at the start, of every module of `lbc` in use and of the package's other files opened."""
        modules = [module for name, module in list(sys.modules.items()) if name.split(".")[0] == "lbc"]
        files = {Path(module.__file__) for module in modules if module.__file__} | self.opened
        return {f.relative_to(PACKAGE.parent).as_posix(): self.sources[f] for f in sorted(files) if f in self.sources}

    def to_json(self) -> dict[str, Any]:
        return {
            "params": dict(sorted(self.params.items())),
            "raw": dict(sorted(self.raw.items())),
            "upstream": dict(sorted(self.upstream.items())),
            "lbc": self.package(),
        }


class Noted:
    """A view of a params model that notes every value read from it, by its dotted path.

    It passes for the model wherever attributes are read, so it can be handed to functions.
    """

    __slots__ = ("_model", "_notes", "_path")

    def __init__(self, model: BaseModel, notes: dict[str, Any], path: str = "") -> None:
        self._model, self._notes, self._path = model, notes, path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        fields = type(self._model).model_fields
        value = getattr(self._model, name)
        if name not in fields:  # a method such as model_dump sees every value
            _note_all(self)
            return value
        if isinstance(value, BaseModel):
            if type(None) in getattr(fields[name].annotation, "__args__", ()):
                self._notes[self._path + name] = plain(value)
            return Noted(value, self._notes, f"{self._path}{name}.")
        self._notes[self._path + name] = plain(value)
        return value

    def __repr__(self) -> str:
        _note_all(self)
        return repr(self._model)


def _note_all(view: Noted) -> None:
    for name in type(view._model).model_fields:
        value = getattr(view, name)
        if isinstance(value, Noted):
            _note_all(value)


def plain(value: Any) -> Any:
    """A params value as JSON holds it; a group of keys only says that it is given."""
    if isinstance(value, BaseModel):
        return "given"
    if isinstance(value, (list, tuple)):
        return [_entry(item) for item in value]
    if isinstance(value, dict):
        return {key: _entry(item) for key, item in value.items()}
    return value


def _entry(item: Any) -> Any:
    return item.model_dump(mode="json") if isinstance(item, BaseModel) else plain(item)


def value_at(params: BaseModel, path: str) -> Any:
    """The value at a dotted path as `Noted` would note it; None where a group on the way is left out."""
    value: Any = params
    for part in path.split("."):
        value = getattr(value, part, None)
    return plain(value)


_listener: list[Reads] = []


def listen(reads: Reads) -> None:
    """From now on note every file of the package or of the town's data that this process opens for reading.

    Instruments and fonts are inputs although no notebook names them; a raw file that a notebook forgot to declare
    is one as well.
    """
    if not _listener:
        sys.addaudithook(_heard)
    _listener[:] = [reads]


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not _listener or not isinstance(arguments[0], str):
        return
    name, mode = arguments[0], arguments[1]
    reads, package = _listener[0], f"{PACKAGE}/"
    if name.startswith(package) and not name.endswith((".py", ".pyc")) and "__pycache__" not in name:
        reads.opened.add(Path(name))
    elif name.startswith(f"{reads.town.data}/") and (mode is None or "r" in mode):
        key = name.removeprefix(f"{reads.town.project.root}/")
        if key not in reads.raw:
            reads.raw[key] = None  # so that hashing it, which opens it, ends here
            reads.raw[key] = digest(Path(name))
