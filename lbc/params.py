"""`params/<town>.yaml`: its model, and a loader that reports every mistake at once with its line.

The model forbids unknown keys and casts nothing (see `lbc.yaml_reader`).
"""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from lbc.paths import Town
from lbc.yaml_reader import raise_faults, read_yaml, validate


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


class Specifications(Model):
    definitions: list[str] = Field(min_length=1, description="variables that make the groups, one definition each")
    exclusions: list[int] = Field(min_length=1, description="flags from which a form is set aside; 0 keeps them all")
    missing: list[Literal["person_mean", "complete", "imputed"]] = Field(description="rules for missing answers")
    scoring: list[Literal["total", "without_biased", "latent"]] = Field(description="ways to score the outcome")
    covariates: dict[str, list[str]] = Field(min_length=1, description="sets of covariates, by name; none: []")
    estimators: list[Literal["welch", "ols", "cluster", "within", "ranks"]] = Field(description="ways to estimate")
    permutations: int = Field(500, ge=99, le=9999, description="data sets with the groups permuted within classes")


class Contrast(Model):
    id: str = Field(pattern=r"^[a-z0-9_]+$", description="slug: the finding is comparison.contrast.<id>")
    variable: str = Field(description="variable whose levels are compared, e.g. parents_away")
    weights: dict[str, float] = Field(description="weight of each level; they add up to 0, only ratios count")
    label: Words = Field(description="what readers call it")


class Comparison(Model):
    group: Group = Field(Group(), description="who is compared with whom")
    difficulties: list[str] = Field([], description="subscales of the outcome that form one Holm family")
    covariates: list[str] = Field([], description="confounders of the adjusted model, named before seeing results")
    cluster: str | None = Field(None, description="variable of the cluster (class) that children share")
    smallest_effect: float | None = Field(None, gt=0, description=(
        "difference in points below which the groups count as practically equal; fixed beforehand"))
    contrasts: list[Contrast] = Field([], description="planned contrasts, e.g. of who is away; one Holm family")
    interactions: list[str] = Field([], description="factors that the difference may depend on; one Holm family")
    specifications: Specifications | None = Field(None, description="the specification curve; leave out for none")


class Mediation(Model):
    id: str = Field(pattern=r"^[a-z0-9_]+$", description="slug: the finding is ecology.mediation.<id>")
    exposure: str = Field(description="variable in which the children differ first, e.g. left_behind")
    mediators: list[str] = Field(min_length=1, description="variables said to lie between, side by side")
    covariates: list[str] = Field([], description="confounders held equal in every equation")
    label: Words = Field(description="what readers call it")


class Moderation(Model):
    id: str = Field(pattern=r"^[a-z0-9_]+$", description="slug: the finding is ecology.moderation.<id>")
    predictor: str = Field(description="variable whose association with the outcome may differ")
    moderator: str = Field(description="variable with which it may differ")
    covariates: list[str] = Field([], description="confounders held equal")
    label: Words = Field(description="what readers call it")


class Ecology(Model):
    bootstrap: int = Field(1000, ge=100, description="bootstrap samples (of whole classes, where there are any)")
    mediations: list[Mediation] = Field([], description="indirect associations, named before seeing results")
    moderations: list[Moderation] = Field([], description="interactions, named before seeing results")


class Theme(Model):
    theme: str = Field(description="its code in the interviews")
    predictors: list[str] = Field([], description="variables of the survey that measure it; none: not asked")
    expected: Literal["up", "down"] = Field("up", description="more of them goes with more (up) or less loneliness")
    label: Words | None = Field(None, description="what readers call it, where the code's own name will not do")


class Interviews(Model):
    file: DataPath = Field("raw/interviews.csv", description="coded segments, one row each")
    bootstrap: int = Field(1000, ge=100, description="bootstrap samples for the agreement of coders")
    joint: list[Theme] = Field([], description="joint display: themes of the interviews beside the survey")
    least: int = Field(2, ge=1, description="so many persons must speak of a theme for it to count as raised")
    smallest: Share = Field(0.1, description="smallest correlation that matters, fixed beforehand (joint display)")


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
    dates: dict[str, Date] = Field({}, description='first day of each wave, e.g. {T0: "2025-09-08"}')

    @model_validator(mode="after")
    def _dates_in_order(self) -> Waves:
        names = [self.screening, self.before, self.after_group, self.after_case, self.follow_up]
        if unknown := [wave for wave in self.dates if wave not in names]:
            raise ValueError(f"dates names {unknown[0]}, which is none of the waves")
        days = [self.dates[wave] for wave in names if wave in self.dates]
        if days != sorted(days):
            raise ValueError("the dates of the waves must be in the order of the waves")
        return self


class Eligible(Model):
    variable: str = Field(description="variable of the cleaned survey, e.g. left_behind")
    value: str = Field(description='its value for a child who could be chosen, e.g. "1"')


class Case(Model):
    member: str = Field(description="id of the member who had case work")
    rule: Words = Field(description="the rule, fixed beforehand, that sends a member to case work")
    outcome: str = Field(description="column of the case log that is rated each session")
    others: list[str] = Field([], description="further ratings of the case log with the same direction")
    direction: Literal["down", "up"] = Field(description="direction of improvement of these ratings")
    baseline: str = Field("A", description="phase of the case log that is the baseline")
    counts: dict[str, Literal["down", "up"]] = Field({}, description=(
        "columns of the case log that count something, each with its direction of improvement"))
    phases: dict[str, Words] = Field({}, description="what readers call each phase")
    start_drawn: list[int] | None = Field(None, description=(
        "points of the case log (1 is the first) among which lot decided where treatment began; only if it did"))


class Intervention(Model):
    measures: DataPath = Field("raw/group_measures.csv", description="member by wave: item answers of every scale")
    sessions: DataPath = Field("raw/sessions.csv", description="member by session: present, feedback, component")
    observations: DataPath = Field("raw/observations.csv", description="member by session by rater: ratings")
    case_log: DataPath = Field("raw/case_log.csv", description="the case, a day or week a row")
    goals: DataPath = Field("raw/goals.csv", description="goals of the case: weight, expected and reached level")
    logic_model: DataPath = Field("raw/logic_model.csv", description="cause, need, component, session, measure")
    eligible: list[Eligible] | None = Field(None, description=(
        "who could be chosen: children with all these values, [] for everybody; left out: comparison.group's focal"))
    selection: Literal["top_scores", "nomination", "volunteers"] = Field(
        "top_scores", description="how the members were chosen"
    )
    low_peer: str | None = Field(None, description="id of the low-loneliness member, kept apart in every test")
    comparison: Literal["none", "resurvey", "waitlist", "matched"] = Field("none", description=(
        "untreated children measured again: none; all re-surveyed; those on the waiting list; chosen re-surveyed"))
    comparison_members: list[str] = Field([], description=(
        "their codes in the group measures (waitlist, matched); left out with matched: the next highest scores of "
        "the re-survey, as many as members"))
    allocation: Literal["lottery", "decided"] = Field(
        "decided", description="whether a lot drew who had the group first and who waited"
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

    @model_validator(mode="after")
    def _comparison_fits(self) -> Intervention:
        if self.comparison == "waitlist" and not self.comparison_members:
            raise ValueError("comparison: waitlist needs comparison_members, their codes in the group measures")
        if self.comparison_members and self.comparison not in ("waitlist", "matched"):
            raise ValueError("comparison_members belongs to comparison: waitlist or matched")
        if self.allocation == "lottery" and self.comparison != "waitlist":
            raise ValueError("allocation: lottery belongs to comparison: waitlist")
        return self


class Plan(Model):
    children: int | None = Field(None, ge=20, le=5000, description="forms expected; default expected_rows, else 600")
    classes: int = Field(16, ge=3, le=500, description="classes in which these children are")
    icc: float = Field(0.05, ge=0, lt=1, description="share of the outcome's variance that lies between classes")
    share: Probability = Field(0.5, description="share of children in the group of interest")
    share_icc: float = Field(0.05, ge=0, lt=1, description="how much that share differs between classes (ICC)")
    sd: float = Field(9.4, gt=0, description="SD of the outcome, points (9.4: CLS, Gao & Chen 2011)")
    members: int = Field(8, ge=3, le=14, description="members of the group, a low-loneliness peer not counted")
    points_before: int = Field(6, ge=1, le=200, description="points of the case log before the case work")
    points_during: int = Field(12, ge=1, le=200, description="points of the case log from its beginning on")


class Release(Model):
    exhibit: str = Field(description="name of a private exhibit or finding, e.g. 04_member_change")
    reason: str = Field(min_length=10, description="why it may be shown, and who agreed")


class Privacy(Model):
    min_cell: int = Field(5, ge=5, description="groups of fewer children are not shown")
    release: list[Release] = Field([], description="private exhibits that may appear in notebooks, report and thesis")


class Figures(Model):
    formats: list[Literal["png", "svg", "pdf", "tiff"]] = Field(
        ["png", "svg", "pdf"], min_length=1, description="files of each figure; png: 300 dpi, tiff: 600 dpi, RGB")
    width: Literal["one", "two"] | None = Field(
        None, description="one column of a journal (89 mm) or two, for every figure; else each as it was designed")


class Thesis(Model):
    template: str | None = Field(None, description="the university's Word file; the chapter takes its styles")
    chapter: int = Field(4, ge=1, le=20, description="number of the results chapter: 表4-1, Table 4-1")


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
    plan: Plan = Field(Plan(), description="what is planned, for `lbc plan`; no notebook reads it")
    figures: Figures = Field(Figures(), description="how figures are written")
    thesis: Thesis = Field(Thesis(), description="the Word chapter; no notebook reads it")
    privacy: Privacy = Field(Privacy(), description="what may leave the private folder")


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
