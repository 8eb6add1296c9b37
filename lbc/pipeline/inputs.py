"""The half of a stage that reads: params, raw files, what earlier stages left; everything read is noted."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lbc import params as town_params
from lbc.errors import IntakeError, UserError
from lbc.paths import Town
from lbc.pipeline import frames
from lbc.pipeline.graph import STAGES, upstream
from lbc.pipeline.reads import Noted, Reads
from lbc.results import Words


class Inputs:
    """What a stage may read, and the note of what it did read."""

    def __init__(self, name: str, town: Town) -> None:
        self.stage, self._town = name, town
        self.town = town.name
        self._reads = Reads(town)
        self.params = Noted(town_params.load(town), self._reads.params)
        self.language: str = self.params.language
        self.synthetic: bool = self.params.synthetic
        self.name = self.text(self.params.name)
        staged = os.environ.get("LBC_STAGE_DIR")
        self._out = Path(staged) if staged else town.outputs / "private" / "by_hand" / name

    def text(self, words: Any) -> str:
        """The town's language out of a text in both, given as a dict or as a group of params."""
        return words[self.language] if isinstance(words, dict) else getattr(words, self.language)

    def rng(self, step: str) -> np.random.Generator:
        """The generator of a named step: depends on the town's seed and the step's name, on nothing before it."""
        return step_rng(self.params.seed, step)

    def raw(self, relative: str | None, required: bool = False) -> Path | None:
        """A file of the town's data folder, or None where the town has none; either is noted.

        Raises
        ------
        IntakeError
            If a required file is missing, or the path leaves the data folder.
        """
        if relative is None:
            return None
        path = self._town.data / relative
        if not path.resolve().is_relative_to(self._town.data.resolve()):
            raise IntakeError("this file is outside the town's data folder", where=relative, fix="copy it into raw/")
        self._reads.note_raw(path)
        if path.is_file():
            return path
        if required:
            raise IntakeError("there is no such file", self._town.shown(path), fix="put it there, or mend params")
        return None

    def shown(self, path: Path) -> str:
        """A path as messages print it: from the project's root."""
        return self._town.shown(path)

    @property
    def codebook_path(self) -> Path:
        """`data/<town>/codebook.csv`, noted."""
        self._reads.note_raw(self._town.codebook)
        return self._town.codebook

    @property
    def claims_path(self) -> Path:
        """`params/<town>.claims.yaml`, noted."""
        self._reads.note_raw(self._town.claims)
        return self._town.claims

    @property
    def instruments_folder(self) -> Path | None:
        """`data/<town>/instruments` with every file noted; None where the town adds no instrument."""
        folder = self._town.data / "instruments"
        self._reads.note_raw(folder)
        for file in sorted(folder.glob("*.yaml")):
            self._reads.note_raw(file)
        return folder if folder.is_dir() else None

    def has(self, stage: str, name: str) -> bool:
        """Whether an earlier stage kept a data set of this name; noted."""
        self._reads.note_upstream(self._kept(stage, name).with_name(f"{name}.csv"))
        return self._kept(stage, name).with_name(f"{name}.csv").exists()

    def load(self, stage: str, name: str) -> pd.DataFrame:
        """A data set that an earlier stage kept; noted.

        Raises
        ------
        UserError
            If it is not there.
        """
        path = self._kept(stage, name)
        for suffix in (".csv", ".json"):
            self._reads.note_upstream(path.with_name(name + suffix))
        if not path.with_name(f"{name}.csv").exists():
            raise UserError(f"'{name}' of stage {stage} is missing", why="this stage reads it",
                            fix=f"make all TOWN={self.town}")
        return frames.load(path)

    def findings(self, *stages: str) -> dict[str, dict[str, Any]]:
        """Findings of earlier stages by id, those not public marked private; of all stages where none is named."""
        found: dict[str, dict[str, Any]] = {}
        for stage in stages or upstream(self.stage):
            for folder in ("findings", "private/findings"):
                path = self._town.outputs / folder / f"{self._earlier(stage)}.json"
                self._reads.note_upstream(path)
                if path.exists():
                    document = json.loads(path.read_text(encoding="utf-8"))
                    hidden = {"private": True} if folder.startswith("private") else {}
                    found |= {finding["id"]: finding | {"stage": stage} | hidden for finding in document["findings"]
                              if finding["id"] not in found}
                elif folder == "findings":
                    raise UserError(f"the findings of stage {stage} are missing", fix=f"make all TOWN={self.town}")
        return found

    def printed(self) -> dict[str, Words]:
        """What tables and computed sentences of earlier stages print of tests, by place, in both languages."""
        found: dict[str, Words] = {}
        for stage in upstream(self.stage):
            for folder in ("findings", "private/findings"):
                path = self._town.outputs / folder / f"{self._earlier(stage)}.json"
                self._reads.note_upstream(path)
                found |= json.loads(path.read_text(encoding="utf-8")).get("printed", {}) if path.exists() else {}
        return found

    def labels(self, *variables: str) -> dict[str, Words]:
        """What readers call each variable, and the values of the named ones: {"cls_total": {"en": ..., "zh": ...}}.

        The first stage keeps them as the data set "labels" (name, value, en, zh; value "-" for the variable itself).
        """
        own = self._out / "private" / "data" / self.stage / "labels"
        table = frames.load(own) if own.with_name("labels.csv").exists() else self.load(STAGES[0], "labels")
        rows = table[(table["value"] == "-") | table["name"].isin(variables)]
        keys = rows["name"].where(rows["value"] == "-", rows["value"])
        return {key: {"en": en, "zh": zh} for key, en, zh in zip(keys, rows["en"], rows["zh"], strict=True)}

    def exhibits(self) -> dict[str, list[str]]:
        """Names of the public exhibits of earlier stages, by stage."""
        made: dict[str, list[str]] = {}
        for stage in upstream(self.stage):
            path = self._town.outputs / "findings" / f"{stage}.json"
            self._reads.note_upstream(path)
            made[stage] = json.loads(path.read_text(encoding="utf-8"))["exhibits"]
        return made

    def _earlier(self, stage: str) -> str:
        if stage not in upstream(self.stage):
            known = ", ".join(upstream(self.stage)) or "no stage"
            raise ValueError(f"{self.stage} cannot read {stage}: it reads {known}")
        return stage

    def _kept(self, stage: str, name: str) -> Path:
        return self._town.outputs / "private" / "data" / self._earlier(stage) / name


def step_rng(seed: int, step: str) -> np.random.Generator:
    """Generator of a named step, from (seed, step name).

    >>> int(step_rng(1, "a").integers(1000)) == int(step_rng(1, "a").integers(1000))
    True
    """
    key = hashlib.blake2b(f"{seed}\0{step}".encode(), digest_size=16).digest()
    return np.random.default_rng(np.random.SeedSequence(int.from_bytes(key, "big")))
