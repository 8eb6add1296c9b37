"""Where things are: the only module that knows the names of folders."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from lbc.errors import TownError

PACKAGE = Path(__file__).resolve().parent
SLUG = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True)
class Project:
    """A checkout of the compendium, or a scratch copy of its inputs."""

    root: Path

    @property
    def notebooks(self) -> Path:
        return self.root / "notebooks"

    @property
    def lock(self) -> Path:
        return PACKAGE.parent / "requirements.lock"

    def towns(self) -> list[str]:
        return sorted(p.stem for p in (self.root / "params").glob("*.yaml") if SLUG.fullmatch(p.stem))

    def town(self, name: str) -> Town:
        """The folders of a town.

        Raises
        ------
        TownError
            If the name is not a slug (`[a-z0-9_]+`).
        """
        if not SLUG.fullmatch(name):
            raise TownError(
                f"'{name}' cannot be the name of a town",
                why="a town's name is also a folder's: small letters a-z, digits and _ only",
                fix="choose a name such as s_town",
            )
        return Town(self, name)


@dataclass(frozen=True)
class Town:
    """All places that belong to one town."""

    project: Project
    name: str

    @property
    def params(self) -> Path:
        return self.project.root / "params" / f"{self.name}.yaml"

    @property
    def claims(self) -> Path:
        return self.project.root / "params" / f"{self.name}.claims.yaml"

    @property
    def data(self) -> Path:
        return self.project.root / "data" / self.name

    @property
    def codebook(self) -> Path:
        return self.data / "codebook.csv"

    @property
    def registered(self) -> Path:
        return self.data / "registered.json"

    @property
    def outputs(self) -> Path:
        return self.project.root / "outputs" / self.name

    @property
    def manifest(self) -> Path:
        return self.outputs / "manifest.json"

    @property
    def accepted(self) -> Path:
        return self.outputs / "accepted.json"

    def require(self) -> Town:
        """Return the town if its params exist.

        Raises
        ------
        TownError
            If there is no `params/<town>.yaml`; the message names the towns there are.
        """
        if not self.params.exists():
            known = ", ".join(self.project.towns()) or "none yet"
            raise TownError(
                f"there is no town '{self.name}'",
                where=f"params/{self.name}.yaml",
                why=f"towns here: {known}",
                fix=f"make new-town TOWN={self.name} DATA=your_survey.xlsx",
            )
        return self

    def shown(self, path: Path) -> str:
        """The path as a user reads it: from the project's root, with forward slashes."""
        return path.relative_to(self.project.root).as_posix()


def project() -> Project:
    """The project at `LBC_ROOT` if that is set, else the checkout that holds this package."""
    root = os.environ.get("LBC_ROOT")
    return Project(Path(root).resolve() if root else PACKAGE.parent)
