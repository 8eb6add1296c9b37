"""`params/<town>.yaml`: its model, and a loader that reports every mistake at once with its line.

The model forbids unknown keys and casts nothing: YAML's traps (`no`, `007`, `1e-3`, unquoted dates) are named as
mistakes instead of becoming False, 7, text or a date.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from lbc.errors import ParamsError
from lbc.paths import Town

LARGEST = 64 * 1024
DEEPEST = 12


def _inside(path: str) -> str:
    """A path relative to the town's data folder that cannot leave it."""
    windows = PureWindowsPath(path)
    if PurePosixPath(path).is_absolute() or windows.drive or windows.root or ".." in windows.parts or "\0" in path:
        raise ValueError("the path must stay inside the town's data folder, e.g. raw/survey.xlsx")
    return path


DataPath = Annotated[str, AfterValidator(_inside)]
Share = Annotated[float, Field(ge=0, le=1)]
Probability = Annotated[float, Field(gt=0, lt=1)]
Date = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Words(Model):
    en: str = Field(description="English text")
    zh: str = Field(description="Chinese text")


class Survey(Model):
    file: DataPath = Field(description="the survey as exported: xlsx, csv or sav, inside the data folder")
    resurvey: DataPath | None = Field(None, description="the same children asked again later; optional")
    sheet: str | None = Field(None, description="name of the worksheet, where a workbook has several")
    expected_rows: int | None = Field(None, ge=1, description="forms handed in, to notice a truncated file")
    waves: list[str] = Field(["survey"], min_length=1, description="waves inside the survey file, the baseline first")


class Outcome(Model):
    scale: str = Field("cls", description="id of the instrument that measures loneliness")
    metric: Literal["sum", "mean", "pomp"] = Field("sum", description="how its score is expressed")


class LeftBehind(Model):
    definition: Literal["one_or_both_parents", "state_council_2016"] = Field(
        "one_or_both_parents", description="the definition behind the main comparison; the other is shown beside it"
    )
    months: float = Field(6, ge=0, description="months away from which a parent counts as away (one_or_both_parents)")
    max_age: int = Field(16, ge=1, description="children of this age or older are not counted as left-behind")


class Careless(Model):
    min_flags: int = Field(2, ge=1, description="a form is set aside when at least so many flags are raised")
    seconds_per_item: float = Field(2.0, ge=0, description="faster than this per item raises a flag")
    longstring: int = Field(12, ge=2, description="so many equal answers in a row, as presented, raise a flag")
    irv: float = Field(0.35, ge=0, description="a smaller within-person SD of raw answers raises a flag")
    mahalanobis_p: Probability = Field(0.001, description="Mahalanobis distance beyond this upper tail raises a flag")
    even_odd: float = Field(-0.3, ge=-1, le=1, description="an even-odd consistency below this raises a flag")
    person_total: float = Field(-0.2, ge=-1, le=1, description="a person-total correlation below this raises a flag")


class Cleaning(Model):
    consent: bool = Field(True, description="leave out forms without guardian consent or child assent")
    duplicates: Literal["first", "last"] = Field("last", description="which form of a child asked twice is kept")
    careless: Careless = Field(Careless(), description="when a form counts as careless")
    min_answered: Share = Field(0.8, description="share of a scale's items that must be answered for a score")
    imputations: int = Field(20, ge=2, le=200, description="imputed data sets for the sensitivity analysis")


class Measurement(Model):
    parallel_draws: int = Field(200, ge=20, description="random data sets in the parallel analysis")


class Group(Model):
    variable: str = Field("left_behind", description="variable of the cleaned survey that makes the two groups")
    reference: str = Field("0", description="its value for the reference group")
    focal: str = Field("1", description="its value for the group of interest")


class Comparison(Model):
    group: Group = Field(Group(), description="who is compared with whom")
    difficulties: list[str] = Field([], description="subscales of the outcome that form one Holm family")
    covariates: list[str] = Field([], description="confounders of the adjusted model, named before seeing results")
    cluster: str | None = Field(None, description="variable of the cluster (class) that children share")


class Ecology(Model):
    bootstrap: int = Field(1000, ge=100, description="bootstrap samples (of whole classes, where there are any)")


class Interviews(Model):
    file: DataPath = Field("raw/interviews.csv", description="coded segments, one row each")
    bootstrap: int = Field(1000, ge=100, description="bootstrap samples for the agreement of coders")


class RegisteredOutcome(Model):
    score: str = Field(description="score of the group measures, e.g. cls_total")
    direction: Literal["down", "up"] = Field(description="direction of improvement")
    primary: bool = Field(False, description="the one primary outcome")


class Reliability(Model):
    value: Probability = Field(description="reliability coefficient")
    low: Probability = Field(description="lower end of the plausible range")
    high: Probability = Field(description="upper end of the plausible range")
    source: str = Field(description="where the coefficient comes from")

    @model_validator(mode="after")
    def _ordered(self) -> Reliability:
        if not self.low <= self.value <= self.high:
            raise ValueError("low, value and high must be in this order")
        return self


class Waves(Model):
    screening: str = Field("T0", description="wave on which the members were chosen")
    before: str = Field("T1", description="wave before the group work")
    after_group: str = Field("T2", description="wave after the group work")
    after_case: str | None = Field("T3", description="wave after the case work")
    follow_up: str | None = Field("T4", description="follow-up wave")


class Case(Model):
    member: str = Field(description="id of the member who had case work")
    rule: Words = Field(description="the rule, fixed beforehand, that sends a member to case work")
    outcome: str = Field(description="column of the case log that is rated each session")
    others: list[str] = Field([], description="further ratings of the case log with the same direction")
    direction: Literal["down", "up"] = Field(description="direction of improvement of these ratings")
    baseline: str = Field("A", description="phase of the case log that is the baseline")


class Intervention(Model):
    measures: DataPath = Field("raw/group_measures.csv", description="member by wave: item answers of every scale")
    sessions: DataPath = Field("raw/sessions.csv", description="member by session: present, feedback, component")
    observations: DataPath = Field("raw/observations.csv", description="member by session by rater: ratings")
    case_log: DataPath = Field("raw/case_log.csv", description="the case, a day or week a row")
    goals: DataPath = Field("raw/goals.csv", description="goals of the case: weight, expected and reached level")
    logic_model: DataPath = Field("raw/logic_model.csv", description="cause, need, component, session, measure")
    selection: Literal["top_scores", "nomination", "volunteers"] = Field(
        "top_scores", description="how the members were chosen"
    )
    low_peer: str | None = Field(None, description="id of the low-loneliness member, kept apart in every test")
    comparison: Literal["none", "resurvey"] = Field(
        "none", description="untreated children measured again: none, or the re-surveyed children"
    )
    waves: Waves = Field(Waves(), description="names of the waves of measurement")
    outcomes: list[RegisteredOutcome] = Field(min_length=1, description="all outcomes, registered before the start")
    alpha: Probability = Field(0.05, description="level of the primary test")
    retest: Reliability = Field(description="retest correlation over the time between two waves")
    reliability: Reliability = Field(description="reliability for the reliable change index")
    case: Case | None = Field(None, description="the case work; leave out where there was none")

    @model_validator(mode="after")
    def _one_primary(self) -> Intervention:
        if sum(outcome.primary for outcome in self.outcomes) != 1:
            raise ValueError("exactly one of the outcomes must be primary: true")
        return self


class Release(Model):
    exhibit: str = Field(description="name of a private exhibit or finding, e.g. 04_member_change")
    reason: str = Field(min_length=10, description="why it may be shown, and who agreed")


class Privacy(Model):
    min_cell: int = Field(5, ge=5, description="groups of fewer children are not shown")
    release: list[Release] = Field([], description="private exhibits that may appear in notebooks, report and thesis")


class Params(Model):
    """Everything that one town decides."""

    town: str = Field(pattern=r"^[a-z0-9_]+$", description="the town's slug; the file's own name")
    name: Words = Field(description="the town's name as readers see it")
    language: Literal["en", "zh"] = Field("en", description="language of every caption, label and sentence")
    synthetic: bool = Field(False, description="true only for simulated data; printed on every exhibit")
    seed: int = Field(ge=0, description="the one seed; each step draws from (seed, its own name)")
    survey: Survey = Field(description="the survey's files")
    outcome: Outcome = Field(Outcome(), description="the measure of loneliness")
    left_behind: LeftBehind | None = Field(LeftBehind(), description="definitions; null where nobody is left behind")
    cleaning: Cleaning = Field(Cleaning(), description="rules of cleaning, fixed before groups are seen")
    measurement: Measurement = Field(Measurement(), description="scale quality")
    comparison: Comparison = Field(Comparison(), description="group comparison")
    ecology: Ecology = Field(Ecology(), description="ecological causes; the codebook gives each predictor's level")
    interviews: Interviews | None = Field(None, description="double-coded interviews; leave out where none")
    intervention: Intervention | None = Field(None, description="protocol of group and case work, if there was any")
    privacy: Privacy = Field(Privacy(), description="what may leave the private folder")


TRAPS = [
    (re.compile(r"(?i)(y|yes|no|n|on|off)"), "some programs read it as true or false: write true, false or quote it"),
    (re.compile(r"[-+]?0\d+"), "a number cannot begin with 0: drop the 0, or quote it if it is a code"),
    (re.compile(r"(?i)[-+]?\d+(\.\d*)?e[-+]?\d+"), "some programs read it as text: write the number out, e.g. 0.001"),
    (re.compile(r"\d{4}-\d{1,2}-\d{1,2}([ Tt].*)?"), "some programs turn it into a date: put it in quotes"),
    (re.compile(r"\d+(:\d+)+"), "some programs read it as a number in base 60: put it in quotes"),
    (re.compile(r"(?i)[-+]?0[xob][0-9a-f]+|[-+]?\.(inf|nan)|[-+]?\d[\d_]*_\d[\d_]*"), "write a plain decimal number"),
]
PLAIN = {"": None, "~": None, "null": None, "true": True, "false": False}


class _Reader:
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
        if node.style is not None:
            return node.value
        return self._plain(node.value, line, key)

    def _mapping(self, node: Any, key: tuple[Any, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name_node, value_node in node.value:
            name, line = str(name_node.value), name_node.start_mark.line + 1
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


def read_yaml(path: Path, shown: str) -> tuple[Any, _Reader]:
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
    reader = _Reader(shown)
    if node is None or node.id != "mapping":
        raise refuse("expected keys with values, e.g. town: s_town")
    return reader.value(node, ()), reader


def load(town: Town) -> Params:
    """Read and check `params/<town>.yaml`.

    Parameters
    ----------
    town : Town

    Returns
    -------
    Params

    Raises
    ------
    TownError
        If the town has no params file.
    ParamsError
        With every mistake of the file: line, key, what was found, what is allowed.
    """
    shown = town.shown(town.require().params)
    value, reader = read_yaml(town.params, shown)
    params = validate(Params, value, reader)
    if params is not None and params.town != town.name:
        reader.fault(reader.lines[("town",)], ("town",), f"found '{params.town}'; the file's name says '{town.name}'")
    if params is None or reader.faults:
        raise_faults(reader)
    return params


def raise_faults(reader: _Reader) -> None:
    """Raise a ParamsError with everything the reader has collected, in order of line."""
    faults = [fault for line in sorted(reader.faults) for fault in reader.faults[line]]
    count = "1 mistake" if len(faults) == 1 else f"{len(faults)} mistakes"
    raise ParamsError(count, faults, where=reader.shown, fix="params/README.md lists every key and what it may hold")


def validate(model: type[BaseModel], value: Any, reader: _Reader) -> Any:
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
