"""What a simulated town rests on: the models of `simulation.yaml` (numbers) and `fieldwork.yaml` (words).

Both files stand in `data/s_town`; every number there has its source beside it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from lbc.params import Date, Model, Share, Words, raise_faults, read_yaml, validate

Level = Literal["individual", "family", "school_community", "society"]
Away = Literal["neither", "father", "mother", "both"]
Positive = Annotated[float, Field(gt=0)]
Correlation = Annotated[float, Field(gt=-1, lt=1)]


def _whole(shares: list[float]) -> list[float]:
    if min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:
        raise ValueError("shares are not negative and add up to 1")
    return shares


Shares = Annotated[list[float], Field(min_length=2), AfterValidator(_whole)]
Sizes = dict[str, float]


class Schools(Model):
    weights: Shares
    class_size: Positive
    icc: Share


class Count(Model):
    """A log-normal number, rounded: median, spread of its logarithm, largest answer."""

    median: Positive
    spread: Positive
    most: int


class Families(Model):
    away: dict[Away, Share]
    short_spell: Share
    unfit_guardian: Share
    months: Count
    guardian: dict[Away, Shares]
    only_child: Share
    repeats_a_year: Share
    visits: Count
    boarding: dict[Literal["neither", "away"], Share]


class Careless(Model):
    share: Share
    straight_line: Share
    random: Share
    fast: Share
    option: Shares


class Minutes(Model):
    median: Positive
    spread: Positive
    fast: Positive
    resurvey: Positive


class Retest(Model):
    months: Positive
    r: Share
    long_run: Share


class Loneliness(Model):
    reliability: Share
    left_behind_d: float
    subtype_d: dict[Away, float]
    boys_d: float
    points_per_grade: float
    sd: Positive
    retest: Retest
    asked_again_d: float


class Cause(Model):
    """A predictor: how it goes with loneliness, and how children answer the question about it."""

    name: str
    level: Level
    r: Correlation
    left_behind_d: float = 0.0
    form: Literal["likert", "count", "binary", "scale"]
    shares: Shares | None = None
    asks: list[str] = []
    loading: Share = 1.0
    median: Positive = 1.0
    spread: Positive = 1.0
    most: int = 99
    share: Share = 0.5


class Correlations(Model):
    across_levels: Share
    within_level: Share
    support: Share


class Companion(Model):
    name: str
    r: Correlation


class Part(Model):
    """The items of a scale, or of one of its subscales, that one trait answers."""

    scale: str
    subscale: str | None = None
    trait: str
    loading: Share
    method: Share = 0.0
    spread: float
    reliability: Share
    shares: Shares


class Resurvey(Model):
    share: Share


class Improved(Model):
    reliability: Share
    z: Positive


class Intervention(Model):
    waves: Sizes
    resurvey: str
    members: Annotated[int, Field(ge=2)]
    low_peer: str
    case_member: str
    group_d: Sizes
    member_shares: list[float]
    kept_at_follow_up: Share
    case_d: Sizes
    improved: Improved

    @model_validator(mode="after")
    def _one_share_each(self) -> Intervention:
        if len(self.member_shares) != self.members or abs(sum(self.member_shares) / self.members - 1) > 1e-9:
            raise ValueError("member_shares needs one number for each member, with mean 1")
        return self


class CaseLog(Model):
    phases: dict[str, int]
    loneliness: Sizes
    negative_emotion: Sizes
    contacts: Sizes
    sd: Positive
    autocorrelation: Share


class Feedback(Model):
    start: float
    per_session: float
    per_share: float
    sd: Positive


class Behaviour(Model):
    start: float
    per_session: float
    between: Positive
    within: Positive
    rater: Positive


class SessionNumbers(Model):
    attendance: Share
    feedback: Feedback
    behaviour: Behaviour


class InterviewNumbers(Model):
    segments: int
    coder_accuracy: Share


class GoalNumbers(Model):
    gain: float
    sd: Positive


class Simulation(Model):
    """`simulation.yaml`."""

    children: Annotated[int, Field(ge=40)]
    seed: Annotated[int, Field(ge=0)]
    start: Date
    missing: Share
    missing_young: Positive
    missing_spread: Positive
    break_off: Share
    careless: Careless
    minutes: Minutes
    comments: Share
    schools: Schools
    families: Families
    loneliness: Loneliness
    causes: list[Cause]
    correlations: Correlations
    companions: list[Companion]
    companion_correlation: Share
    scales: list[Part]
    fillers: Shares
    resurvey: Resurvey
    intervention: Intervention
    case_log: CaseLog
    sessions: SessionNumbers
    interviews: InterviewNumbers
    goals: GoalNumbers


class Person(Model):
    person: str
    role: str


class Theme(Model):
    theme: str
    zh: str
    level: Level
    near: Level
    weight: Positive
    said: list[Words]


class Component(Model):
    component: str
    en: str
    zh: str


class Link(Model):
    level: Level
    cause: str
    cause_zh: str
    need: str
    need_zh: str
    component: str
    session: str
    measure: str


class Goal(Model):
    en: str
    zh: str
    weight: int
    baseline: int


class Fieldwork(Model):
    """`fieldwork.yaml`."""

    persons: list[Person]
    themes: list[Theme]
    components: list[Component]
    sessions: list[str]
    behaviours: list[str]
    comments: list[str]
    logic_model: list[Link]
    goals: list[Goal]


def load(folder: Path) -> tuple[Simulation, Fieldwork]:
    """Read `simulation.yaml` and `fieldwork.yaml` of a folder.

    Parameters
    ----------
    folder : Path
        `data/s_town` of the checkout.

    Returns
    -------
    simulation, fieldwork

    Raises
    ------
    ParamsError
        With every mistake of a file and its line.
    """
    found = []
    for name, model in (("simulation.yaml", Simulation), ("fieldwork.yaml", Fieldwork)):
        value, reader = read_yaml(folder / name, f"{folder.name}/{name}")
        checked = validate(model, value, reader)
        if checked is None or reader.faults:
            raise_faults(reader)
        found.append(checked)
    return found[0], found[1]


def stream(seed: int, step: str) -> np.random.Generator:
    """Generator of a named step, from (seed, step): what one step draws never moves what another draws.

    >>> bool(stream(1, "a").integers(1000) == stream(1, "a").integers(1000))
    True
    """
    key = hashlib.blake2b(f"simulate\0{seed}\0{step}".encode(), digest_size=16).digest()
    return np.random.default_rng(np.random.SeedSequence(int.from_bytes(key, "big")))
