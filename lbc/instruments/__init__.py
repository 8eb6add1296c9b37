"""The instruments: one YAML file per scale, with items, key, anchors, subscales, cut-offs and licence.

A town may add a scale, or override one, with a file of its own in `data/<town>/instruments/`.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from lbc.errors import InstrumentError

HERE = Path(__file__).resolve().parent
SLUG = re.compile(r"[a-z][a-z0-9_]*")


def _both_languages(text: dict[str, str]) -> dict[str, str]:
    if set(text) != {"en", "zh"} or not all(text.values()):
        raise ValueError("give the text in both languages, en and zh")
    return text


Text = Annotated[dict[str, str], AfterValidator(_both_languages)]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Item(Model):
    """One item, in paraphrase."""

    n: int = Field(ge=1, description="its number on the full form")
    en: str
    zh: str
    reverse: bool = Field(False, description="reverse-keyed when the highest answer means the most agreement")
    filler: bool = Field(False, description="asked but not scored")


class Subscale(Model):
    """Some of the scored items with a score of their own."""

    items: list[int] = Field(min_length=1)
    label: Text
    status: Literal["published", "reconstruction", "proposed"] = Field(
        description="published by the authors, reconstructed from content, or proposed here without a source"
    )


class Form(Model):
    """A shortened form: which items of the full form it keeps."""

    items: list[int] | None = Field(description="null where nobody documented which items the form keeps")
    size: int = Field(ge=1, description="number of items on the form")
    points: list[int] | None = Field(None, min_length=2, max_length=2, description="lowest and highest answer")
    note: Text


class Binary(Model):
    """Answers are counted as yes (1) or no (0), as in the De Jong Gierveld scale."""

    yes_from: int = Field(description="lowest answer that counts 1, after reverse keying")


class CutOff(Model):
    """A score above which somebody called children lonely (or ill, or poor)."""

    value: float
    metric: Literal["sum", "mean"]
    label: Text
    source: str
    verified: bool


class Reliability(Model):
    """A published coefficient."""

    value: float = Field(gt=0, lt=1)
    kind: Literal["alpha", "omega", "retest"]
    months: float | None = Field(None, description="time between the two measurements of a retest coefficient")
    source: str


class Instrument(Model):
    """A scale: what is asked, how it is keyed, and what may be said about its scores.

    Raises
    ------
    pydantic.ValidationError
        If the key contradicts the items; `load` turns it into an InstrumentError.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: Text
    measures: Text = Field(description="the construct")
    high_means: Text = Field(description="what a high score means")
    source: str = ""
    ages: Text | None = None
    licence: Text
    verified: bool = Field(description="true where the scoring key was compared with a published one")
    verified_note: Text | None = None
    min: int
    max: int
    anchors: dict[str, list[str]] = Field(
        description="labels of the answers from min to max, ascending in agreement, in en and zh"
    )
    items: list[Item] = Field(min_length=1)
    total: bool = Field(True, description="false where the sum over all items has no meaning")
    subscales: dict[str, Subscale] = {}
    forms: dict[str, Form] = {}
    binary: Binary | None = None
    cut_offs: list[CutOff] = []
    reliability: list[Reliability] = []

    @property
    def numbers(self) -> list[int]:
        return [item.n for item in self.items]

    @property
    def scored(self) -> list[int]:
        """Numbers of the items that count."""
        return [item.n for item in self.items if not item.filler]

    @property
    def fillers(self) -> list[int]:
        """Numbers of the items that are asked but not scored."""
        return [item.n for item in self.items if item.filler]

    @property
    def reverse(self) -> set[int]:
        """Numbers of the reverse-keyed items (for answers with the highest number = most agreement)."""
        return {item.n for item in self.items if item.reverse}

    @property
    def n_items(self) -> int:
        return len(self.items)

    def column(self, n: int, wave: str = "") -> str:
        """The column that holds item `n`: `cls_03`, or `cls_03@resurvey` in a later wave."""
        return f"{self.id}_{n:02d}" + (f"@{wave}" if wave else "")

    def columns(self, wave: str = "", *, fillers: bool = True) -> list[str]:
        """Columns of all items in the order of the form, with or without the fillers."""
        return [self.column(item.n, wave) for item in self.items if fillers or not item.filler]

    @model_validator(mode="after")
    def _consistent(self) -> Instrument:
        faults = list(_contradictions(self))
        if faults:
            raise ValueError("; ".join(faults))
        return self


def _contradictions(scale: Instrument) -> Any:
    scored, numbers = set(scale.scored), scale.numbers
    steps = scale.max - scale.min + 1
    if steps < 2:
        yield f"max ({scale.max}) must be greater than min ({scale.min})"
    if len(set(numbers)) < len(numbers):
        yield "an item number stands twice"
    if set(scale.anchors) != {"en", "zh"}:
        yield "anchors need en and zh"
    for language, labels in scale.anchors.items():
        if len(labels) != steps:
            yield f"anchors.{language} has {len(labels)} labels for {steps} answers ({scale.min} to {scale.max})"
    if scale.reverse - scored:
        yield f"fillers cannot be reverse-keyed: {sorted(scale.reverse - scored)}"
    if not scored:
        yield "all items are fillers"
    for name, part in scale.subscales.items():
        if set(part.items) - scored or len(set(part.items)) < len(part.items):
            yield f"subscale {name} names items that are not scored, or one twice: {part.items}"
        if name == "total" or not SLUG.fullmatch(name):
            yield f"'{name}' cannot be the name of a subscale"
    if not scale.total and not scale.subscales:
        yield "without a total there must be subscales"
    for name, form in scale.forms.items():
        if form.items is not None and (set(form.items) - set(numbers) or len(set(form.items)) != form.size):
            yield f"form {name} must list {form.size} different items of the scale"
    if scale.binary and not scale.min < scale.binary.yes_from <= scale.max:
        yield f"binary.yes_from must lie above {scale.min} and not above {scale.max}"
    if not scale.verified and scale.verified_note is None:
        yield "an instrument that is not verified needs a verified_note"


def available(folder: Path | None = None) -> list[str]:
    """Ids of the instruments there are: those of the package and those in `folder`."""
    found = {path.stem for path in HERE.glob("*.yaml")}
    if folder is not None:
        found |= {path.stem for path in folder.glob("*.yaml")}
    return sorted(found)


def load(scale: str, folder: Path | None = None) -> Instrument:
    """Read an instrument; a file in the town's own folder comes before the package's.

    Parameters
    ----------
    scale : str
        Id of the instrument, e.g. "cls".
    folder : Path, optional
        The town's `data/<town>/instruments`; it need not exist.

    Returns
    -------
    Instrument

    Raises
    ------
    InstrumentError
        If there is no such instrument, or its file contradicts itself; all faults of the file are named.

    Examples
    --------
    >>> sorted(load("cls").reverse)
    [1, 4, 8, 10, 16, 22]
    """
    for place in (folder, HERE):
        path = None if place is None else place / f"{scale}.yaml"
        if SLUG.fullmatch(scale) and path is not None and path.is_file():
            return _read(path, scale)
    known = available(folder)
    close = difflib.get_close_matches(scale, known, n=1)
    raise InstrumentError(
        f"there is no instrument '{scale}'" + (f"; did you mean '{close[0]}'?" if close else ""),
        why="instruments here: " + ", ".join(known),
        fix="use one of these ids, or add a file for the scale to the town's folder instruments/",
    )


def _read(path: Path, scale: str) -> Instrument:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    where = f"{path.parent.name}/{path.name}"

    def refuse(why: str) -> InstrumentError:
        fix = "mend the file; lbc/instruments/cls.yaml is a complete example"
        return InstrumentError("the instrument file is not usable", where, why, fix)

    try:
        value = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise refuse("it is not UTF-8: save it as UTF-8") from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise refuse(f"{line}not YAML: {getattr(error, 'problem', None) or type(error).__name__}") from None
    try:
        found = Instrument.model_validate(value)
    except ValidationError as error:
        faults = [(".".join(map(str, e["loc"])), e["msg"].removeprefix("Value error, ")) for e in error.errors()]
        raise refuse("; ".join(f"{place}: {text}" if place else text for place, text in faults)) from None
    if found.id != scale:
        raise refuse(f"its id is '{found.id}', but the file is named {path.name}")
    return found
