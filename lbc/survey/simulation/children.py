"""Simulated children: where they live and with whom, the traits behind their answers, and the answers.

Answers come from traits through ordinal thresholds (graded response with normal errors): an item's hidden response is
`loading * trait + method * wording + error`, with variance 1; the answer is the number of thresholds below it. Totals
are therefore whole numbers, bounded and skewed, as those of children are.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from lbc.instruments import Instrument
from lbc.survey.simulation.assumptions import Cause, Part, Simulation, stream

GRADES = (3, 4, 5, 6)
PARENTS = ("father", "mother")
MONTHS = 6  # from so many months away a parent counts as away: the primary definition of left-behind
GOLDEN = (5**0.5 - 1) / 2
LONELINESS = "loneliness"


def background(sim: Simulation, children: int, seed: int) -> pd.DataFrame:
    """School, class, age and family of each child.

    Parameters
    ----------
    sim : Simulation
    children : int
        At least 40; schools (at most four) and parallel classes grow with it.
    seed : int

    Returns
    -------
    DataFrame
        One row per child: id, school, class, grade, sex ("1" boy, "2" girl), birth_year, birth_month, only_child,
        father_away, father_months, mother_away, mother_months (months NaN where not away), guardian, lives_with,
        guardian_fit (NaN where not asked), boarding, visits_per_year, left_behind, state_council (0/1).
    """
    rng, family = stream(seed, "background"), sim.families
    schools = min(len(sim.schools.weights), max(1, round(children / (len(GRADES) * sim.schools.class_size))))
    parallel = max(1, round(children / (schools * len(GRADES) * sim.schools.class_size)))
    classes = [(s, g, p) for s in range(schools) for g in GRADES for p in range(parallel)]
    weights = np.array([sim.schools.weights[s] for s, _, _ in classes])
    drawn = rng.choice(len(classes), children - 3 * len(classes), p=weights / weights.sum())
    places = [classes[i] for i in np.sort(np.concatenate([np.repeat(np.arange(len(classes)), 3), drawn]))]
    frame = pd.DataFrame(places, columns=["s", "grade", "parallel"])
    order = frame.groupby(["s", "grade"]).cumcount() + 1
    stem = [f"S{s + 1}-G{g}" for s, g in zip(frame["s"], frame["grade"], strict=True)]
    frame["id"] = [f"{'ABCDEFGH'[s]}{g}{k:03d}" for s, g, k in zip(frame["s"], frame["grade"], order, strict=True)]
    frame["school"] = [f"S{s + 1}" for s in frame["s"]]
    frame["class"] = [f"{a}-{p + 1}" if parallel > 1 else a for a, p in zip(stem, frame["parallel"], strict=True)]
    frame["sex"] = np.where(rng.random(children) < 0.5, "2", "1")
    born = _birth(sim, frame["grade"].to_numpy(), rng)
    frame["birth_year"], frame["birth_month"] = born // 12, born % 12 + 1
    frame["only_child"] = (rng.random(children) < family.only_child).astype(int)
    frame = frame.drop(columns=["s", "parallel"])
    return _families(sim, frame, rng)


def _birth(sim: Simulation, grade: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Months since year 0 of the birth: six years old at the end of August before grade 1, some a year older."""
    oldest = 12 * (date.fromisoformat(sim.start).year - 6 - grade) + 8
    older = rng.random(len(grade)) < sim.families.repeats_a_year
    return oldest + rng.integers(0, 12, len(grade)) - 12 * older


def _families(sim: Simulation, frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    n, family = len(frame), sim.families
    kinds = list(family.away)
    away = np.array(kinds)[rng.choice(len(kinds), n, p=list(family.away.values()))]
    frame["away"] = away
    for parent in PARENTS:
        gone = np.isin(away, [parent, "both"])
        long = MONTHS + count(rng.standard_normal(n), family.months.median, family.months.spread, family.months.most)
        short = rng.integers(1, MONTHS, n)
        months = np.where(rng.random(n) < family.short_spell, short, long)
        frame[f"{parent}_away"] = np.where(gone, "1", "0")
        frame[f"{parent}_months"] = np.where(gone, months, np.nan)
    picks = rng.random(n)
    edges = {kind: np.cumsum(shares)[:-1] for kind, shares in family.guardian.items()}
    frame["guardian"] = [str(1 + int(np.searchsorted(edges[k], u))) for k, u in zip(away, picks, strict=True)]
    one = np.isin(away, PARENTS)
    unfit = rng.random(n) < family.unfit_guardian
    frame["lives_with"] = _household(frame, rng)
    frame["guardian_fit"] = pd.Series(np.where(unfit, "0", "1"), dtype=object).where(one)
    boards = rng.random(n) < np.where(away == "neither", family.boarding["neither"], family.boarding["away"])
    frame["boarding"] = boards.astype(int)
    visits = count(rng.standard_normal(n), family.visits.median, family.visits.spread, family.visits.most)
    frame["visits_per_year"] = np.where(away == "neither", np.nan, visits)
    frame["left_behind"] = (frame[["father_months", "mother_months"]].max(axis=1) >= MONTHS).astype(int)
    frame["state_council"] = ((away == "both") | (one & unfit)).astype(int)
    return frame


def _household(frame: pd.DataFrame, rng: np.random.Generator) -> list[str]:
    """Codes of who lives at home, joined by |: father, mother, father's or mother's parents, siblings, others."""
    paternal, found = rng.random(len(frame)) < 0.7, []
    for row, own in zip(frame.itertuples(), paternal, strict=True):
        grand = "3" if own else "4"
        here = [code for code, away in (("1", row.father_away), ("2", row.mother_away)) if away == "0"]
        here += [grand] if row.guardian == "2" else []
        here += [] if row.only_child else ["5"]
        here += ["6"] if row.guardian == "3" else []
        found.append("|".join(here or ["6"]))
    return found


def count(z: np.ndarray, median: float, spread: float, most: int) -> np.ndarray:
    """Whole numbers from normal scores: log-normal, rounded, at most `most`."""
    return np.minimum(np.rint(median * np.exp(spread * z)), most)


def reliabilities(sim: Simulation) -> dict[str, float]:
    """Reliability of the observed score of each trait: of its items, or of what single questions let through."""
    found = {part.trait: part.reliability for part in sim.scales}
    for cause in sim.causes:
        if cause.form != "scale":
            k, r = max(1, len(cause.asks)), (cause.loading * _let_through(cause)) ** 2
            found[cause.name] = k * r / (1 + (k - 1) * r)  # Spearman-Brown
    return found


def _let_through(cause: Cause) -> float:
    """Correlation of the answer with the normal variable behind it, before any error (Cox 1974, polyserial)."""
    if cause.form == "count":
        return cause.spread / np.sqrt(np.expm1(cause.spread**2))
    shares = np.array(cause.shares or [1 - cause.share, cause.share])
    values = np.arange(len(shares))
    cuts = ndtri(np.cumsum(shares)[:-1])
    density = np.exp(-(cuts**2) / 2) / np.sqrt(2 * np.pi)
    return float(density.sum() / np.sqrt(shares @ values**2 - (shares @ values) ** 2))


def cause_weights(sim: Simulation) -> tuple[np.ndarray, np.ndarray]:
    """Correlation matrix of the causes, and the weights with which they make the trait loneliness.

    The weights solve R b = r, r being the published correlations divided by the root of both reliabilities.

    Raises
    ------
    ValueError
        If the assumed correlations cannot all hold at once.
    """
    sign = np.array([np.sign(c.r) for c in sim.causes])
    strength = np.array([abs(c.r) / max(abs(d.r) for d in sim.causes) for c in sim.causes])
    level = np.array([c.level for c in sim.causes])
    support = np.array([c.name.startswith("support_") for c in sim.causes])
    size = np.where(level[:, None] == level, sim.correlations.within_level, sim.correlations.across_levels)
    size = size * np.outer(strength, strength)
    size = np.where(support[:, None] & support, sim.correlations.support, size)
    matrix = size * np.outer(sign, sign)
    np.fill_diagonal(matrix, 1)
    rel = reliabilities(sim)
    r = np.array([c.r / np.sqrt(rel[c.name] * rel[LONELINESS]) for c in sim.causes])
    beta = np.linalg.solve(matrix, r)
    if np.linalg.eigvalsh(matrix)[0] <= 0 or r @ beta > 0.8:
        raise ValueError("simulation.yaml: the correlations of the causes cannot all hold at once")
    return matrix, beta


def traits(sim: Simulation, frame: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The traits at the survey.

    Returns
    -------
    fixed, deviation : DataFrame
        One column per trait (causes, loneliness, companions); a trait is the sum of both. `fixed` is what belongs to
        the child's group, sex, grade and class; `deviation` is the rest, with variance near 1.
    """
    rng, n, rel = stream(seed, "traits"), len(frame), reliabilities(sim)
    matrix, beta = cause_weights(sim)
    names = [c.name for c in sim.causes]
    x = rng.standard_normal((n, len(names))) @ np.linalg.cholesky(matrix).T
    lonely, share = sim.loneliness, 1 - sim.families.away["neither"]
    behind = frame["left_behind"].to_numpy() - share
    fixed = {c.name: behind * c.left_behind_d / np.sqrt(rel[c.name]) for c in sim.causes}
    codes, place = np.unique(frame["class"], return_inverse=True)
    between = lonely_icc(sim)
    observed = (
        lonely.left_behind_d * behind
        + frame["left_behind"] * frame["away"].map(lonely.subtype_d).fillna(0)
        + lonely.boys_d * (np.where(frame["sex"] == "1", 0.5, -0.5))
        + lonely.points_per_grade / lonely.sd * (frame["grade"] - np.mean(GRADES))
    )
    classes = np.sqrt(between) * rng.standard_normal(len(codes))
    fixed[LONELINESS] = (observed / np.sqrt(rel[LONELINESS])).to_numpy() + classes[place]
    rest = 1 - between - beta @ matrix @ beta
    deviation = dict(zip(names, x.T, strict=True))
    deviation[LONELINESS] = x @ beta + np.sqrt(rest) * rng.standard_normal(n)
    noise = rng.standard_normal((n, len(sim.companions))) @ np.linalg.cholesky(_companion_matrix(sim)).T
    for k, companion in enumerate(sim.companions):
        r = companion.r / np.sqrt(rel[companion.name] * rel[LONELINESS])
        fixed[companion.name] = r * fixed[LONELINESS]
        deviation[companion.name] = r * deviation[LONELINESS] + np.sqrt(1 - r**2) * noise[:, k]
    return pd.DataFrame(fixed, index=frame.index), pd.DataFrame(deviation, index=frame.index)


def lonely_icc(sim: Simulation) -> float:
    """Variance between classes of the trait loneliness, from the intraclass correlation of the score."""
    return sim.schools.icc / sim.loneliness.reliability


def _companion_matrix(sim: Simulation) -> np.ndarray:
    sign = np.array([np.sign(c.r) for c in sim.companions])
    matrix = sim.companion_correlation * np.outer(sign, sign)
    np.fill_diagonal(matrix, 1)
    return matrix


def later(
    sim: Simulation, fixed: pd.DataFrame, deviation: pd.DataFrame, months: dict[str, float], seed: int
) -> dict[str, pd.DataFrame]:
    """The deviations at later waves, given those at the survey (month 0).

    A deviation is partly lasting, partly passing: over m months it correlates `a + (1 - a) * phi ** m` with itself.
    `a` and `phi` are such that the loneliness score (fixed part and deviation) has the correlations of
    `loneliness.retest`.
    """
    retest, rel = sim.loneliness.retest, sim.loneliness.reliability
    still = fixed[LONELINESS].var()
    lasting, soon = (r / rel * (1 + still) - still for r in (retest.long_run, retest.r))
    phi = ((soon - lasting) / (1 - lasting)) ** (1 / retest.months)
    times = np.array([0.0, *(m for m in months.values() if m > 0)])
    over = lasting + (1 - lasting) * phi ** np.abs(times[:, None] - times)
    left = over[1:, 1:] - np.outer(over[1:, 0], over[0, 1:])
    between_waves = np.linalg.cholesky(left)
    between_traits = np.linalg.cholesky(np.corrcoef(deviation.to_numpy(), rowvar=False))
    rng = stream(seed, "later")
    fresh = rng.standard_normal((len(times) - 1, *deviation.shape)) @ between_traits.T
    news = np.tensordot(between_waves, fresh, axes=1)
    waves = [wave for wave, m in months.items() if m > 0]
    found = {wave: over[k + 1, 0] * deviation + news[k] for k, wave in enumerate(waves)}
    return {wave: deviation.copy() if m == 0 else found[wave] for wave, m in months.items()}


def thresholds(part: Part, n_items: int) -> np.ndarray:
    """Thresholds of each item (rows), keyed so that high = more of the trait; items differ by a fixed pattern."""
    base = ndtri(np.cumsum(part.shares)[:-1])
    pattern = (np.arange(1, n_items + 1) * GOLDEN) % 1 - 0.5
    return base + (part.spread * np.sqrt(12) * pattern)[:, None]


def part_items(part: Part, scale: Instrument) -> list[int]:
    return scale.subscales[part.subscale].items if part.subscale else scale.scored


def answers(
    sim: Simulation, scales: dict[str, Instrument], trait: pd.DataFrame, wording: pd.DataFrame, seed: int, wave: str
) -> pd.DataFrame:
    """Item answers of one wave.

    Parameters
    ----------
    trait : DataFrame
        One row per child, one column per trait.
    wording : DataFrame
        One column per scale: each child's leaning on its wording factor, constant over waves.

    Returns
    -------
    DataFrame
        Columns `<scale>_<nn>` as answered (reverse-worded items not turned), in the order of the form.
    """
    found: dict[str, np.ndarray] = {}
    for part in sim.scales:
        scale = scales[part.scale]
        items = part_items(part, scale)
        rng = stream(seed, f"answers {wave} {part.scale} {part.subscale}")
        noise, cuts = rng.standard_normal((len(trait), len(items))), thresholds(part, len(items))
        level, style = trait[part.trait].to_numpy(), wording[part.scale].to_numpy()
        for k, n in enumerate(items):
            method = part.method if n in scale.reverse else 0.0
            error = np.sqrt(1 - part.loading**2 - method**2)
            hidden = part.loading * level + method * style + error * noise[:, k]
            answer = scale.min + (hidden[:, None] > cuts[k]).sum(axis=1)
            found[scale.column(n)] = scale.min + scale.max - answer if n in scale.reverse else answer
    for name, scale in scales.items():
        rng = stream(seed, f"fillers {wave} {name}")
        for n in scale.fillers:
            found[scale.column(n)] = scale.min + rng.choice(len(sim.fillers), len(trait), p=sim.fillers)
    columns = [column for scale in scales.values() for column in scale.columns()]
    return pd.DataFrame({column: found[column].astype(float) for column in columns}, index=trait.index)


def expected_total(part: Part, scale: Instrument, trait: np.ndarray, wording: np.ndarray) -> np.ndarray:
    """The total (high = more of the trait) that children with these traits have on average."""
    items = part_items(part, scale)
    total = np.full(len(trait), float(scale.min * len(items)))
    for n, cut in zip(items, thresholds(part, len(items)), strict=True):
        method = part.method if n in scale.reverse else 0.0
        error = np.sqrt(1 - part.loading**2 - method**2)
        centre = part.loading * trait + method * wording
        total += ndtr((centre[:, None] - cut) / error).sum(axis=1)
    return total


def cause_answers(sim: Simulation, trait: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Answers to the questions about causes that have no scale of their own."""
    rng, found = stream(seed, "cause answers"), {}
    for cause in sim.causes:
        if cause.form == "scale":
            continue
        for name in cause.asks or [cause.name]:
            error = np.sqrt(1 - cause.loading**2) * rng.standard_normal(len(trait))
            found[name] = _cause_answer(cause, cause.loading * trait[cause.name].to_numpy() + error)
    return pd.DataFrame(found, index=trait.index).astype(float)


def _cause_answer(cause: Cause, z: np.ndarray) -> np.ndarray:
    if cause.form == "count":
        return count(z, cause.median, cause.spread, cause.most)
    if cause.form == "binary":
        return (z > ndtri(1 - cause.share)).astype(float)
    return 1 + (z[:, None] > ndtri(np.cumsum(cause.shares)[:-1])).sum(axis=1)
