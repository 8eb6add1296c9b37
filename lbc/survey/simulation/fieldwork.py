"""Simulated interviews, group sessions, observations, case log and goals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lbc.survey.simulation.assumptions import Fieldwork, Simulation, Theme, stream

CODERS = ("A", "B")
RATERS = ("A", "B")


def interviews(sim: Simulation, words: Fieldwork, seed: int) -> pd.DataFrame:
    """Coded segments of the interviews; each segment was coded by both coders, each with slips of their own.

    Returns
    -------
    DataFrame
        Columns person, role, coder, segment, level, theme, paraphrase, paraphrase_zh; two rows per segment.
    """
    rng = stream(seed, "interviews")
    weight = np.array([theme.weight for theme in words.themes])
    rows = []
    for person in words.persons:
        told = [(theme, said) for theme in words.themes for said in theme.said]
        p = np.repeat(weight, [len(theme.said) for theme in words.themes])
        chosen = rng.choice(len(told), sim.interviews.segments, replace=False, p=p / p.sum())
        for k, place in enumerate(chosen, start=1):
            theme, said = told[place]
            for coder in CODERS:
                coded = _coded(words, theme, sim.interviews.coder_accuracy, rng)
                rows.append((person.person, person.role, coder, f"{person.person}-{k:02d}", coded.level, coded.theme,
                             said.en, said.zh))
    columns = ["person", "role", "coder", "segment", "level", "theme", "paraphrase", "paraphrase_zh"]
    return pd.DataFrame(rows, columns=columns)


def _coded(words: Fieldwork, theme: Theme, accuracy: float, rng: np.random.Generator) -> Theme:
    """The theme as a coder codes it: right, or mistaken for one of the level it is near to."""
    slip, pick = rng.random() >= accuracy, rng.random()
    others = [other for other in words.themes if other.level == theme.near and other is not theme]
    return others[int(pick * len(others))] if slip else theme


def sessions(sim: Simulation, words: Fieldwork, shares: dict[str, float], seed: int) -> pd.DataFrame:
    """Attendance and feedback of each member in each session.

    Parameters
    ----------
    shares : dict of str to float
        How much of the group's effect each member takes: those who gain more like the sessions a little better.

    Returns
    -------
    DataFrame
        Columns member, session, component, present (0/1), feedback (1 to 5, NaN where absent).
    """
    rng, like = stream(seed, "sessions"), sim.sessions.feedback
    rows = []
    for member, share in shares.items():
        for number, component in enumerate(words.sessions, start=1):
            present = int(rng.random() < sim.sessions.attendance)
            liked = like.start + like.per_share * share + like.per_session * number + like.sd * rng.standard_normal()
            rows.append((member, number, component, present, np.clip(np.rint(liked), 1, 5) if present else np.nan))
    return pd.DataFrame(rows, columns=["member", "session", "component", "present", "feedback"])


def observations(
    sim: Simulation, words: Fieldwork, attended: pd.DataFrame, shares: dict[str, float], seed: int, effect: float
) -> pd.DataFrame:
    """Behaviour in the sessions as two raters saw it, 1 to 5; nothing where the member was absent.

    Parameters
    ----------
    attended : DataFrame
        What `sessions` returned.
    shares : dict of str to float
        As in `sessions`.
    effect : float
        1 as planted, 0 without any effect: then behaviour does not move over the sessions.
    """
    rng, seen_as, k = stream(seed, "observations"), sim.sessions.behaviour, len(words.behaviours)
    rows = []
    start = {member: seen_as.start + seen_as.between * rng.standard_normal(k) for member in shares}
    for row in attended.itertuples():
        gain = effect * seen_as.per_session * shares[row.member] * (row.session - 1)
        seen = start[row.member] + gain + seen_as.within * rng.standard_normal(k)
        seen[-1] = 6 - seen[-1]  # looks withdrawn: the other way round
        for rater in RATERS:
            rated = np.clip(np.rint(seen + seen_as.rater * rng.standard_normal(k)), 1, 5)
            if row.present:
                rows.append((row.member, row.session, rater, *rated.astype(int)))
    return pd.DataFrame(rows, columns=["member", "session", "rater", *words.behaviours])


def case_log(sim: Simulation, seed: int, effect: float) -> pd.DataFrame:
    """Ratings of the case twice a week: phase A before, B work with the family, C work with peers.

    Returns
    -------
    DataFrame
        Columns phase, week, day (days since the first rating), loneliness and negative_emotion (0 to 10), contacts
        (talks with parents and friends since the last rating).
    """
    rng, log = stream(seed, "case log"), sim.case_log
    phases = [phase for phase, points in log.phases.items() for _ in range(points)]
    first = next(iter(log.phases))
    found: dict[str, list[int]] = {}
    for name, levels in (("loneliness", log.loneliness), ("negative_emotion", log.negative_emotion)):
        carried, series = 0.0, []
        for phase in phases:
            carried = log.autocorrelation * carried + np.sqrt(1 - log.autocorrelation**2) * rng.standard_normal()
            level = levels[first] + effect * (levels[phase] - levels[first])
            series.append(int(np.clip(np.rint(level + log.sd * carried), 0, 10)))
        found[name] = series
    rates = [log.contacts[first] + effect * (log.contacts[phase] - log.contacts[first]) for phase in phases]
    found["contacts"] = [int(c) for c in rng.poisson(rates)]
    days = [7 * (k // 2) + 3 * (k % 2) for k in range(len(phases))]
    return pd.DataFrame({"phase": phases, "week": [d // 7 + 1 for d in days], "day": days, **found})


def goals(sim: Simulation, words: Fieldwork, seed: int, effect: float) -> pd.DataFrame:
    """Goals of the case with the levels before, expected and reached (-2 to +2; 0 = as expected)."""
    rng = stream(seed, "goals")
    rows = []
    for goal in words.goals:
        gained = effect * sim.goals.gain + sim.goals.sd * rng.standard_normal()
        reached = int(np.clip(np.rint(goal.baseline + gained), -2, 2))
        rows.append((goal.en, goal.zh, goal.weight, goal.baseline, 0, reached))
    return pd.DataFrame(rows, columns=["goal_en", "goal_zh", "weight", "baseline", "expected", "reached"])


def logic_model(words: Fieldwork) -> pd.DataFrame:
    """From cause to measure, gaps left empty; columns as in `fieldwork.yaml`, with the component's names."""
    names = {c.component: c for c in words.components}
    rows = [link.model_dump() for link in words.logic_model]
    for row in rows:
        component = names.get(row["component"])
        row["component_en"], row["component_zh"] = (component.en, component.zh) if component else ("", "")
    text = ["cause", "cause_zh", "need", "need_zh", "component", "component_en", "component_zh", "session", "measure"]
    return pd.DataFrame(rows, columns=["level", *text])
