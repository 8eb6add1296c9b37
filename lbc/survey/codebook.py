"""`codebook.csv`: which column of the survey is which variable, and what its cells may hold."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lbc.errors import CodebookError
from lbc.instruments import Instrument
from lbc.survey.text import bare, is_chinese, plain_number, tidy

COLUMNS = (
    "variable", "column", "aliases", "question_en", "question_zh", "type", "values", "missing", "scale", "item",
    "wave", "role", "level", "identifies",
)
REQUIRED = ("variable", "column", "type")
TYPES = ("id", "choice", "item", "number", "date", "text", "multi", "duration", "datetime", "ignore")
ROLES = (
    "id", "school", "class", "grade", "sex", "birth_year", "birth_month", "age", "father_away", "mother_away",
    "father_months", "mother_months", "guardian", "guardian_fit", "consent_guardian", "assent_child", "submitted",
    "duration", "predictor", "outcome", "free_text", "",
)
QUASI = {"school", "class", "grade", "sex", "birth_year", "birth_month", "age", "guardian"}
MANY = {"predictor", "outcome", "free_text", ""}
YES_NO_ROLES = {"father_away", "mother_away", "guardian_fit", "consent_guardian", "assent_child"}
LEVELS = ("individual", "family", "school_community", "society", "")
IDENTIFIES = ("direct", "quasi", "no", "")
NAME = re.compile(r"[a-z][a-z0-9_]*(@[a-z0-9_]+)?")
SLUG = re.compile(r"[a-z0-9_]+")
WORDS = {
    "yes": "yes y true agree agreed consent away fit can 是 有 对 能 同意 已同意 愿意 适合 有能力 有监护能力 "
    "外出 在外 外出务工 外出打工 在外打工 不在家",
    "no": "no n false disagree refuse refused home athome unfit cannot 否 没有 无 不是 不能 不同意 未同意 不愿意 "
    "不适合 没有能力 无能力 无监护能力 在家 未外出 没有外出",
    "girl": "girl girls female f woman 女 女生 女孩 女性",
    "boy": "boy boys male m man 男 男生 男孩 男性",
}
MEANINGS = {meaning: set(words.split()) for meaning, words in WORDS.items()}
OUT_OF_SCOPE = {"outofscope", "不在范围", "不在调查范围", "范围外"}


@dataclass(frozen=True)
class Variable:
    """One line of the codebook.

    `variable` is the name of the column in frames; `values` maps each code to its labels (any language); `low` and
    `high` bound numbers. `line` is its row in codebook.csv.
    """

    variable: str
    column: str
    type: str
    aliases: tuple[str, ...] = ()
    question: dict[str, str] = field(default_factory=dict)
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    missing: tuple[str, ...] = ()
    scale: str = ""
    item: int | None = None
    wave: str = ""
    role: str = ""
    level: str = ""
    identifies: str = "no"
    line: int = 0

    @property
    def private(self) -> bool:
        """Whether its cells may never be echoed: direct identifiers and free text."""
        return self.identifies == "direct" or self.free_text

    @property
    def free_text(self) -> bool:
        """Whether children write here what they like (a class or school may be of type text without being this)."""
        return self.type == "text" and self.role in ("", "free_text")

    def codes(self, meaning: str) -> set[str]:
        """Codes whose labels mean "yes", "no", "girl" or "boy"."""
        return {code for code, labels in self.values.items() if any(bare(lb) in MEANINGS[meaning] for lb in labels)}

    def label(self, code: str, language: str = "en") -> str:
        """The label of a code in the language, else any label, else the code."""
        labels = self.values.get(code, ())
        own = [label for label in labels if is_chinese(label) == (language == "zh")]
        return (own or list(labels) or [code])[0]


@dataclass(frozen=True)
class Codebook:
    """All variables of a town's survey, in the order of the file."""

    variables: tuple[Variable, ...]
    shown: str = "codebook.csv"

    def __getitem__(self, name: str) -> Variable:
        return next(v for v in self.variables if v.variable == name)

    def __contains__(self, name: str) -> bool:
        return any(v.variable == name for v in self.variables)

    def by_role(self, role: str) -> list[Variable]:
        """Variables with the role, in the order of the file."""
        return [v for v in self.variables if v.role == role and v.type != "ignore"]

    def role(self, role: str) -> Variable | None:
        """The one variable with the role, or None."""
        return next(iter(self.by_role(role)), None)

    def scales(self) -> list[str]:
        """Ids of the scales that the survey asks, in the order of the file."""
        return list(dict.fromkeys(v.scale for v in self.variables if v.type == "item"))

    def items(self, scale: str, wave: str | None = None) -> list[str]:
        """Frame columns of a scale's items, by item number; without `wave` those of the first wave (no suffix)."""
        suffix = "" if wave is None else f"@{wave}"
        found = [v for v in self.variables if v.type == "item" and v.scale == scale]
        named = [v for v in found if v.variable.partition("@")[2] == suffix[1:]]
        if wave is not None and not named:  # the first wave has plain names
            named = [v for v in found if v.wave == wave]
        return [v.variable for v in sorted(named, key=lambda v: v.item or 0)]

    def labels(self, scale: str, wave: str | None = None) -> dict[str, dict[str, tuple[str, ...]]]:
        """Value labels of each item of a scale: {"cls_01": {"1": ("never", "从不"), ...}, ...}, for `direction`."""
        return {name: self[name].values for name in self.items(scale, wave)}

    def predictors(self, level: str | None = None, instruments: Sequence[Instrument] = ()) -> list[str]:
        """Frame columns of the predictors of one ecological level, or of all: questions, and scores of scales.

        A scale whose items have the role predictor counts with its total; where its items belong to different levels,
        with those subscales (of the instrument) whose items all belong to one.
        """
        return [name for name, its in self.levels(instruments).items() if level in (None, its)]

    def levels(self, instruments: Sequence[Instrument] = ()) -> dict[str, str]:
        """Each predictor (as in `predictors`) with its ecological level."""
        found = {v.variable: v.level for v in self.by_role("predictor") if v.type != "item"}
        known = {instrument.id: instrument for instrument in instruments}
        for scale in self.scales():
            items = {v.item: v.level for v in self.by_role("predictor") if v.scale == scale and "@" not in v.variable}
            whole = known[scale].total if scale in known else True
            if len(set(items.values())) == 1 and whole:
                found[f"{scale}_total"] = next(iter(items.values()))
            elif items and scale in known:
                for name, part in known[scale].subscales.items():
                    its = {items.get(n, "") for n in part.items}
                    if len(its) == 1 and "" not in its:
                        found[f"{scale}_{name}"] = its.pop()
        return found


def load(path: Path, shown: str, waves: list[str] | None = None) -> Codebook:
    """Read and check `codebook.csv`.

    Parameters
    ----------
    path : Path
    shown : str
        The path as messages print it.
    waves : list of str, optional
        Waves inside the survey file, the first one with plain column names (`survey.waves` of params); checked only
        where given.

    Returns
    -------
    Codebook

    Raises
    ------
    CodebookError
        With every fault of the file: line, column, what was found, what is allowed.
    """
    rows = list(_rows(path, shown))
    faults: list[tuple[int, str]] = []
    variables = [_Line(number, cells, faults).variable(waves) for number, cells in rows]
    known = [v for v in variables if v is not None]
    faults += _among(known)
    if faults:
        count = "1 mistake" if len(faults) == 1 else f"{len(faults)} mistakes"
        texts = [f"{shown}:{line}: {text}" for line, text in sorted(faults, key=lambda f: f[0])]
        raise CodebookError(count, texts, where=shown, fix="docs/adapting.md shows every column of the codebook")
    return Codebook(tuple(known), shown)


def _rows(path: Path, shown: str) -> Iterator[tuple[int, dict[str, str]]]:
    """(row number, cells by column name) of every line that is not blank."""

    def refuse(faults: list[str], fix: str) -> CodebookError:
        return CodebookError("cannot be read", faults, where=shown, fix=fix)

    if not path.exists():
        raise refuse([f"{shown}: there is no such file"], "make new-town writes a first one from a survey file")
    raw = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):  # Excel in China saves csv as GBK
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError as error:
            bad = raw[: error.start].count(b"\n") + 1
    else:
        raise refuse([f"{shown}:{bad}: neither UTF-8 nor GBK text"], "save it as CSV UTF-8")
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise refuse([f"{shown}: not csv: {error}"], 'look for a quotation mark (") without its pair') from None
    header = [tidy(name).lower() for name in lines[0]] if lines else []
    faults = list(_header_faults(header, shown))
    for number, cells in enumerate(lines[1:], start=2):
        if any(cells) and len(cells) != len(header):
            faults.append(f"{shown}:{number}: {len(cells)} fields where the header has {len(header)}")
    if faults:
        raise refuse(faults, "a cell that holds a comma needs quotation marks; Excel sets them when it saves as csv")
    for number, cells in enumerate(lines[1:], start=2):
        if any(cell.strip() for cell in cells):
            yield number, dict(zip(header, map(_cell, cells), strict=True))


def _cell(text: str) -> str:
    """A cell without the apostrophe before what a spreadsheet would take for a formula (see `new-town`)."""
    return re.sub(r"^'(?=[=+\-@])", "", tidy(text))


def _header_faults(header: list[str], shown: str) -> Iterator[str]:
    for name in header:
        if name not in COLUMNS:
            yield f"{shown}:1: unknown column '{name}'; {_suggest(name, COLUMNS)}"
    for name in COLUMNS:
        if header.count(name) > 1:
            yield f"{shown}:1: column '{name}' stands twice"
        if name in REQUIRED and name not in header:
            yield f"{shown}:1: column '{name}' is missing"


def _suggest(found: str, allowed: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(found, allowed, n=1)
    return f"did you mean '{close[0]}'?" if close else "allowed: " + ", ".join(a or "(empty)" for a in allowed)


class _Line:
    """One line of the codebook while it is being checked."""

    def __init__(self, number: int, cells: dict[str, str], faults: list[tuple[int, str]]) -> None:
        self.number, self.cells, self.faults = number, cells, faults

    def fault(self, column: str, text: str) -> None:
        self.faults.append((self.number, f"{column}: {text}"))

    def one_of(self, column: str, allowed: tuple[str, ...]) -> str:
        found = self.cells.get(column, "").lower()
        if found not in allowed:
            self.fault(column, f"found '{found}'; {_suggest(found, allowed)}")
        return found if found in allowed else ""

    def several(self, column: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.cells.get(column, "").split("|") if part.strip())

    def variable(self, waves: list[str] | None) -> Variable | None:
        name, column = self.cells["variable"], self.cells["column"]
        kind, role = self.one_of("type", TYPES), self.one_of("role", ROLES)
        level, identifies = self.one_of("level", LEVELS), self.one_of("identifies", IDENTIFIES)
        if not NAME.fullmatch(name):
            self.fault("variable", f"found '{name}'; allowed: small letters, digits and _, e.g. father_away")
        if not column:
            self.fault("column", "this cell is empty; write the column's header as it stands in the survey file")
        scale, item, wave = self.scale_item_wave(kind, waves)
        values, low, high = self.values(kind)
        missing = tuple(plain_number(code) for code in self.several("missing"))
        found = Variable(
            variable=name, column=column, type=kind or "text", aliases=self.several("aliases"),
            question={lang: self.cells.get(f"question_{lang}", "") for lang in ("en", "zh")},
            values=values, low=low, high=high, missing=missing, scale=scale, item=item, wave=wave, role=role,
            level=level, identifies=identifies or self.default(kind, role), line=self.number,
        )
        self.agree(found, waves)
        return found if name else None

    @staticmethod
    def default(kind: str, role: str) -> str:
        """How far a variable identifies a child where the codebook does not say: rather too far than not enough."""
        if kind == "text" and role in ("", "free_text"):
            return "direct"
        return "quasi" if kind in ("id", "text") or role in QUASI else "no"

    def scale_item_wave(self, kind: str, waves: list[str] | None) -> tuple[str, int | None, str]:
        scale, item, wave = (self.cells.get(name, "") for name in ("scale", "item", "wave"))
        if kind == "item" and not (SLUG.fullmatch(scale) and item.isdecimal() and int(item) > 0):
            self.fault("scale, item", f"found '{scale}', '{item}'; an item needs its scale and its number from 1")
        if kind != "item" and (scale or item):
            self.fault("scale, item", f"found '{scale}', '{item}'; only lines of type item belong to a scale")
        if wave and not SLUG.fullmatch(wave):
            self.fault("wave", f"found '{wave}'; allowed: small letters, digits and _")
        elif wave and waves is not None and wave not in waves:
            self.fault("wave", f"found '{wave}'; {_suggest(wave, tuple(waves))} (survey.waves of params)")
        return scale, int(item) if item.isdecimal() else None, wave

    def values(self, kind: str) -> tuple[dict[str, tuple[str, ...]], float | None, float | None]:
        """Codes with labels, and the range `low..high`, from `6..18;0=none|没有`."""
        codes: dict[str, tuple[str, ...]] = {}
        low = high = None
        owner: dict[str, str] = {}
        for part in (p.strip() for p in self.cells.get("values", "").split(";")):
            span = re.fullmatch(r"(-?\d+(?:\.\d+)?)\s*\.\.\s*(-?\d+(?:\.\d+)?)", part)
            if span:
                low, high = float(span[1]), float(span[2])
                if low >= high:
                    self.fault("values", f"found '{part}'; the first number must be the smaller one")
                continue
            if not part:
                continue
            code, _, rest = part.partition("=")
            code = plain_number(code.strip())
            labels = tuple(label.strip() for label in rest.split("|") if label.strip())
            if not code or code in codes:
                self.fault("values", f"found '{part}'; " + ("each code once" if code else "write code=label"))
            if kind == "item" and not re.fullmatch(r"-?\d+", code):
                self.fault("values", f"found code '{code}'; the codes of an item are whole numbers")
            for label in labels:
                other = owner.setdefault(tidy(label).casefold(), code)
                if other != code:
                    self.fault("values", f"label '{label}' stands for both {other} and {code}")
            codes[code] = labels
        if kind in ("choice", "multi") and not codes:
            self.fault("values", f"this cell is empty; type {kind} needs its codes, e.g. 1=yes|是;0=no|否")
        return codes, low, high

    def agree(self, v: Variable, waves: list[str] | None) -> None:
        """Faults between the cells of the line."""
        if v.type == "item" and v.scale and v.item:
            first = not v.wave or v.wave == (waves[0] if waves else "")
            names = {f"{v.scale}_{v.item:02d}" if first else f"{v.scale}_{v.item:02d}@{v.wave}"}
            if waves is None and v.wave:
                names.add(f"{v.scale}_{v.item:02d}")
            if v.variable not in names:
                self.fault("variable", f"found '{v.variable}'; this item's name is '{max(names)}'")
        both = sorted(set(v.missing) & set(v.values))
        if both:
            self.fault("missing", f"{', '.join(both)} is both a missing code and a value: keep it in one of the two")
        if v.role == "predictor" and not v.level:
            self.fault("level", "this cell is empty; a predictor needs one of " + ", ".join(LEVELS[:-1]))
        if v.type == "id" and v.role not in ("id", ""):
            self.fault("role", f"found '{v.role}'; a line of type id has the role id or none")
        self.meaning(v)

    def meaning(self, v: Variable) -> None:
        """Where a role needs to know which code means what, the labels must say so."""
        pair = ("yes", "no") if v.role in YES_NO_ROLES else ("girl", "boy") if v.role == "sex" else None
        if pair is None or v.type == "ignore":
            return
        if v.type != "choice":
            self.fault("type", f"found '{v.type}'; role {v.role} needs type choice")
            return
        for meaning, other in (pair, pair[::-1]):
            if not v.codes(meaning):
                self.fault("values", f"role {v.role}: no label says '{meaning}'; add it, e.g. 1=外出打工|{meaning}")
            elif v.codes(meaning) & v.codes(other):
                self.fault("values", f"role {v.role}: one code means both '{meaning}' and '{other}'")


def _among(variables: list[Variable]) -> Iterator[tuple[int, str]]:
    """Faults between lines: what may stand only once."""
    names: dict[str, int] = {}
    columns: dict[str, int] = {}
    roles: dict[str, int] = {}
    for v in variables:
        if names.setdefault(v.variable, v.line) != v.line:
            yield v.line, f"variable: '{v.variable}' stands in line {names[v.variable]} too"
        for column in {v.column, *v.aliases} - {""}:
            if columns.setdefault(column, v.line) != v.line:
                yield v.line, f"column: '{column}' stands in line {columns[column]} too"
        if v.role not in MANY and v.type != "ignore" and roles.setdefault(v.role, v.line) != v.line:
            yield v.line, f"role: '{v.role}' stands in line {roles[v.role]} too; a town has one variable of this role"
