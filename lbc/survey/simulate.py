"""A simulated town: what its children would have answered, and what is true of them.

Nothing here was tuned until a claim came out: sizes are those of `data/s_town/simulation.yaml`, with their sources.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lbc.errors import TownError
from lbc.instruments import Instrument
from lbc.instruments import load as load_instrument
from lbc.paths import PACKAGE, Project
from lbc.survey.simulation import children as kids
from lbc.survey.simulation import fieldwork
from lbc.survey.simulation.assumptions import Fieldwork, Simulation, stream
from lbc.survey.simulation.assumptions import load as load_assumptions
from lbc.survey.simulation.members import Group
from lbc.survey.simulation.untidy import write

TEMPLATE = "s_town"
CARELESS = ("straight_line", "random", "hurried")


@dataclass(frozen=True)
class Town:
    """A simulated town before anything was spoilt by hand or machine.

    Parameters
    ----------
    survey : DataFrame
        One row per child: codes and numbers as the codebook has them; missing is NaN.
    resurvey : DataFrame
        The children met again, without the members: id and item answers.
    group_measures, sessions, observations, case_log, goals, logic_model, interviews : DataFrame
        As in the raw files.
    traits : DataFrame
        What no survey sees: the trait loneliness, kind of careless answering ("" for none), group.
    truth : dict
        True parameters and sizes, as JSON can hold them.
    """

    survey: pd.DataFrame
    resurvey: pd.DataFrame
    group_measures: pd.DataFrame
    sessions: pd.DataFrame
    observations: pd.DataFrame
    case_log: pd.DataFrame
    goals: pd.DataFrame
    logic_model: pd.DataFrame
    interviews: pd.DataFrame
    traits: pd.DataFrame
    truth: dict[str, Any]
    seed: int


def simulate(
    parameters: Simulation,
    words: Fieldwork,
    children: int | None = None,
    seed: int | None = None,
    effect: bool = True,
) -> Town:
    """Simulate a town.

    Parameters
    ----------
    parameters : Simulation
        The numbers of `simulation.yaml`.
    words : Fieldwork
        The words of `fieldwork.yaml`.
    children : int, optional
        Number of children, at least 40; that of the parameters where not given.
    seed : int, optional
        That of the parameters where not given.
    effect : bool
        False: the same children, chance and all, but group and case work change nothing.

    Returns
    -------
    Town
    """
    sim = parameters
    n, seed = children or sim.children, sim.seed if seed is None else seed
    if n < 40:
        raise TownError(f"{n} children are too few for a town", why="it needs at least 40", fix="use 40 or more")
    scales = {name: load_instrument(name) for name in dict.fromkeys(part.scale for part in sim.scales)}
    frame = kids.background(sim, n, seed)
    fixed, deviation = kids.traits(sim, frame, seed)
    wordings = stream(seed, "wording").standard_normal((n, len(scales)))
    wording = pd.DataFrame(wordings, columns=list(scales))
    items = kids.answers(sim, scales, fixed + deviation, wording, seed, "T0")
    causes = kids.cause_answers(sim, fixed + deviation, seed)
    careless = _careless(sim, n, seed)
    items = _carelessly(items, scales, careless, sim.careless.option, seed)
    asked = pd.concat([causes, items], axis=1)
    asked = asked.mask(_missing(sim, frame, asked, scales, seed))
    survey = pd.concat([frame, _paradata(sim, words, frame, careless, seed), asked], axis=1)
    group = Group(sim, survey, careless, scales, seed)
    waves = kids.later(sim, fixed, deviation, sim.intervention.waves, seed)
    answered = group.waves(fixed, waves, wording, float(effect))
    back = _met_again(sim, survey, careless, group, answered[sim.intervention.resurvey], seed)
    shares = group.shares
    attended = fieldwork.sessions(sim, words, shares, seed)
    return Town(
        survey=survey.drop(columns=["away", "left_behind", "state_council"]),
        resurvey=back,
        group_measures=group.measures(answered),
        sessions=attended,
        observations=fieldwork.observations(sim, words, attended, shares, seed, float(effect)),
        case_log=fieldwork.case_log(sim, seed, float(effect)),
        goals=fieldwork.goals(sim, words, seed, float(effect)),
        logic_model=fieldwork.logic_model(words),
        interviews=fieldwork.interviews(sim, words, seed),
        traits=pd.DataFrame({
            "id": survey["id"], "loneliness": fixed["loneliness"] + deviation["loneliness"], "careless": careless,
            "left_behind": survey["left_behind"], "state_council": survey["state_council"], "away": survey["away"],
        }),
        truth=_truth(sim, n, seed, effect, survey, careless, group),
        seed=seed,
    )


def _careless(sim: Simulation, n: int, seed: int) -> np.ndarray:
    """The kind of careless answering of each child, "" for none."""
    rng, kinds = stream(seed, "careless"), sim.careless
    shares = [kinds.straight_line, kinds.random, 1 - kinds.straight_line - kinds.random]
    drawn = np.array(CARELESS, dtype=object)[rng.choice(3, n, p=shares)]
    return np.where(rng.random(n) < kinds.share, drawn, "")


def _carelessly(
    items: pd.DataFrame, scales: dict[str, Instrument], careless: np.ndarray, shares: list[float], seed: int
) -> pd.DataFrame:
    """Replace the answers of those who did not read: one option all the way, or any option."""
    rng, found = stream(seed, "careless answers"), items.copy()
    option = rng.choice(len(shares), len(items), p=shares)
    for scale in scales.values():
        columns = scale.columns()
        steps = scale.max - scale.min
        anything = scale.min + rng.integers(0, steps + 1, (len(items), len(columns)))
        same = np.repeat((scale.min + np.minimum(option, steps))[:, None], len(columns), axis=1)
        for kind, values in (("straight_line", same), ("random", anything)):
            found.loc[careless == kind, columns] = values[careless == kind].astype(float)
    return found


def _missing(
    sim: Simulation, frame: pd.DataFrame, asked: pd.DataFrame, scales: dict[str, Instrument], seed: int
) -> np.ndarray:
    """Which answers are missing: at random given grade and child, and the last scale of those who broke off."""
    rng = stream(seed, "missing")
    young = 1 + (sim.missing_young - 1) * (6 - frame["grade"].to_numpy()) / 3
    own = np.exp(sim.missing_spread * rng.standard_normal(len(frame)))
    rate = sim.missing * young / young.mean() * own / np.exp(sim.missing_spread**2 / 2)
    missing = rng.random(asked.shape) < rate[:, None]
    broke_off = rng.random(len(frame)) < sim.break_off
    last = np.isin(asked.columns, list(scales.values())[-1].columns())
    return missing | (broke_off[:, None] & last)


def _paradata(
    sim: Simulation, words: Fieldwork, frame: pd.DataFrame, careless: np.ndarray, seed: int
) -> pd.DataFrame:
    """When each form was handed in, how long it took, consent, comment."""
    rng, n = stream(seed, "paradata"), len(frame)
    _, lesson = np.unique(frame["class"], return_inverse=True)
    start = pd.Timestamp(sim.start) + pd.to_timedelta(lesson // 4, unit="D")
    start += pd.to_timedelta(9 + 1.25 * (lesson % 4), unit="h")
    fast = (careless == "hurried") | ((careless != "") & (rng.random(n) < sim.careless.fast))
    median = np.where(fast, sim.minutes.fast, sim.minutes.median)
    minutes = median * np.exp(sim.minutes.spread * rng.standard_normal(n))
    submitted = start + pd.to_timedelta(np.rint(60 * (4 + minutes) + rng.integers(0, 240, n)), unit="s")
    comment = np.array([None, *words.comments], dtype=object)
    p = np.array([1 - sim.comments, *[sim.comments / len(words.comments)] * len(words.comments)])
    return pd.DataFrame({
        "submitted": submitted, "duration": np.rint(60 * minutes), "consent_guardian": "1", "assent_child": "1",
        "comment": comment[rng.choice(len(comment), n, p=p)],
    })


def _met_again(
    sim: Simulation, survey: pd.DataFrame, careless: np.ndarray, group: Group, items: pd.DataFrame, seed: int
) -> pd.DataFrame:
    """Who of the others is met at the re-survey, and what they answer (with a few answers missing)."""
    rng = stream(seed, "resurvey")
    met = rng.random(len(survey)) < sim.resurvey.share
    met[[*group.rows, group.low]] = False
    items = items.mask(rng.random(items.shape) < sim.missing / 2)
    taken = np.rint(60 * sim.minutes.resurvey * np.exp(sim.minutes.spread * rng.standard_normal(len(survey))))
    months = sim.intervention.waves[sim.intervention.resurvey]
    when = survey["submitted"] + pd.Timedelta(days=round(30.4 * months))
    frame = pd.concat([pd.DataFrame({"submitted": when, "duration": taken, "id": survey["id"]}), items], axis=1)
    return frame[met].reset_index(drop=True)


def _truth(
    sim: Simulation, n: int, seed: int, effect: bool, survey: pd.DataFrame, careless: np.ndarray, group: Group
) -> dict[str, Any]:
    """What is true of the town: parameters, weights, numbers of children, members and what the work did to them."""
    _, beta = kids.cause_weights(sim)
    return {
        "simulated": True,
        "children": n,
        "seed": seed,
        "effect": effect,
        "parameters": sim.model_dump(mode="json"),
        "weights_of_causes": {c.name: round(float(b), 6) for c, b in zip(sim.causes, beta, strict=True)},
        "counts": {
            "left_behind_one_or_both_parents": int(survey["left_behind"].sum()),
            "left_behind_state_council_2016": int(survey["state_council"].sum()),
            "parents_away": {k: int((survey["away"] == k).sum()) for k in sim.families.away},
            "careless": {kind: int((careless == kind).sum()) for kind in CARELESS},
        },
        "group_d": {k: float(effect) * d for k, d in sim.intervention.group_d.items()},
        "case_d": {k: float(effect) * d for k, d in sim.intervention.case_d.items()},
        "members": group.truth(),
    }


def make_town(
    project: Project, name: str, children: int, seed: int, effect: bool = True, untidy: bool = True
) -> None:
    """Make a simulated town in a project: data/<name>/ (raw, codebook, README) and params/<name>.yaml.

    Parameters
    ----------
    project : Project
    name : str
        Slug of the new town.
    children : int
        At least 40.
    seed : int
    effect : bool
        False: group and case work change nothing.
    untidy : bool
        Plant flaws in the files.

    Raises
    ------
    TownError
        If the name is not a slug, the town exists, or the template town is not in the checkout.
    """
    town, source = project.town(name), Project(PACKAGE.parent).town(TEMPLATE)
    if name == TEMPLATE or town.params.exists() or town.data.exists():
        raise TownError(f"the town '{name}' exists already", where=town.shown(town.data), fix="choose another name")
    needed = [source.params, source.codebook, source.data / "simulation.yaml", source.data / "fieldwork.yaml"]
    absent = [source.shown(path) for path in needed if not path.is_file()]
    if absent:
        raise TownError("the template of simulated towns is incomplete", where=", ".join(absent),
                        fix="restore it from the compendium's archive")
    simulated = simulate(*load_assumptions(source.data), children=children, seed=seed, effect=effect)
    text = _params(source.params.read_text(encoding="utf-8"), name, seed)
    town.data.mkdir(parents=True)
    town.params.parent.mkdir(exist_ok=True)
    shutil.copyfile(source.codebook, town.codebook)
    if source.claims.is_file():
        shutil.copyfile(source.claims, town.claims)
    write(simulated, town.data, untidy=untidy)
    about = _readme(name, children, seed, effect, untidy)
    (town.data / "README.md").write_text(about, encoding="utf-8", newline="\n")
    town.params.write_text(text, encoding="utf-8", newline="\n")


def _params(template: str, name: str, seed: int) -> str:
    """The template's params with the town's own slug, name and seed."""
    changes = {
        r"^town: .*$": f'town: "{name}"',
        r"^name: .*$": f'name: {{en: "Simulated town {name}", zh: "模拟镇 {name}"}}',
        r"^seed: .*$": f"seed: {seed}",
    }
    for pattern, line in changes.items():
        template, n = re.subn(pattern, lambda _, line=line: line, template, count=1, flags=re.M)
        if n == 0:
            raise TownError(f"params/{TEMPLATE}.yaml has no line like '{pattern[1:-3]}'", fix="restore it")
    head = f"# {name}: a simulated town; no real child answered. Every key is explained in params/README.md.\n"
    return head + re.sub(r"\A(#.*\n)+", "", template)


def _readme(name: str, children: int, seed: int, effect: bool, flaws: bool) -> str:
    work = "have an effect" if effect else "change nothing"
    planted = "the flaws of real exports are planted" if flaws else "no flaws are planted"
    return (
        f"# {name}: simulated data\n\n"
        "No real child, family or school is described here: every answer was drawn by a random number generator.\n\n"
        f"- made with `lbc simulate --town {name} --children {children} --seed {seed}`\n"
        f"- group and case work {work}; {planted}\n"
        "- method, and the source of every number: `data/s_town/README.md`, `data/s_town/simulation.yaml`\n"
        "- licence: CC0; consent: not applicable\n"
    )
