"""Simulated surveys whose truth is known: children in classes, sixteen five-point items, skewed totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import special, stats

from lbc.instruments import Instrument, load
from lbc.params import Params
from lbc.survey import missing, overview

CHILDREN, CLASSES, ITEMS = 570, 16, 16
LOADING = 0.55  # inter-item correlation .30, alpha about .87, as published for the scale
ANSWERS = (0.40, 0.25, 0.18, 0.11, 0.06)  # shares of 1 to 5 on a keyed item: low answers prevail, totals are skewed
ICC = 0.05  # of the total between classes
GROUPS = ("within classes", "uneven over classes", "whole classes")
THRESHOLDS = stats.norm.ppf(np.cumsum(ANSWERS)[:-1])
AWAY = ("father", "mother", "both")
COVARIATES = ["girl", "age", "economy"]
OTHERS = [f"x{i}" for i in range(1, 6)]


def answers(latent: np.ndarray, rng: np.random.Generator, loading: float = LOADING) -> np.ndarray:
    """Answers of 1 to 5 to sixteen items, shape (children, items)."""
    noise = rng.normal(size=(len(latent), ITEMS))
    return 1.0 + np.searchsorted(THRESHOLDS, loading * latent[:, None] + np.sqrt(1 - loading**2) * noise)


def survey(
    rng: np.random.Generator, group: str = GROUPS[0], d: float = 0.0, icc: float = ICC, children: int = CHILDREN,
    classes: int = CLASSES, confounded: float = 0.0, slopes: Mapping[str, float] | None = None, through: float = 0.0,
) -> pd.DataFrame:
    """One survey.

    Parameters
    ----------
    rng : Generator
    group : one of GROUPS
        How the focal group lies in the classes: half of every class; a share that differs from class to class (from
        about a fifth to about four fifths); or eight whole classes.
    d : float
        How much lonelier the focal group is, in standard deviations of the latent loneliness.
    icc : float
        Intraclass correlation of the total.
    children, classes : int
    confounded : float
        Log odds of belonging to the focal group per SD of `economy`, which goes with less loneliness.
    slopes : mapping of x1 to x5 to float
        What they add to the latent loneliness; else nothing.
    through : float
        How much higher x1 is in the focal group.

    Returns
    -------
    DataFrame
        class, group (0, 1), away (neither, father, mother, both), grade (3 to 6, the same in a class), girl, age,
        economy, x1 to x5 (vary within classes and, a little, between them), latent, item_01 to item_16 (keyed),
        total, and three part scores a, b, c.
    """
    where = np.sort(rng.integers(0, classes, children))
    shares = {
        GROUPS[0]: np.full(classes, 0.5),
        GROUPS[1]: rng.beta(2.0, 2.0, classes),
        GROUPS[2]: rng.permutation(np.arange(classes) % 2),
    }[group]
    frame = pd.DataFrame({"class": [f"C{i:02d}" for i in where]})
    frame["economy"] = rng.normal(size=children)
    chance = special.expit(special.logit(shares[where]) + confounded * frame["economy"])
    frame["group"] = (rng.random(children) < chance).astype(float)
    frame["away"] = np.where(frame["group"] == 1, rng.choice(AWAY, children, p=[0.5, 0.15, 0.35]), "neither")
    frame["grade"] = 3 + where % 4
    frame["girl"] = (rng.random(children) < 0.5).astype(float)
    frame["age"] = rng.uniform(8, 13, children)
    frame[OTHERS] = 0.3 * rng.normal(size=(classes, 5))[where] + rng.normal(size=(children, 5))
    frame["x1"] += through * frame["group"]
    between = icc / 0.87  # what the items' unreliability takes from the latent intraclass correlation
    trait = np.sqrt(between) * rng.normal(size=classes)[where] + np.sqrt(1 - between) * rng.normal(size=children)
    frame["latent"] = np.sqrt(0.96) * trait - 0.2 * frame["economy"] + d * frame["group"]
    for name, slope in (slopes or {}).items():
        frame["latent"] += slope * frame[name]
    return _scored(frame, answers(frame["latent"].to_numpy(), rng))


def _scored(frame: pd.DataFrame, given: np.ndarray) -> pd.DataFrame:
    items = pd.DataFrame(given, columns=[f"item_{i:02d}" for i in range(1, ITEMS + 1)])
    parts = {"total": (0, 16), "a": (0, 3), "b": (3, 9), "c": (9, 16)}
    sums = pd.DataFrame({name: given[:, start:end].sum(axis=1) for name, (start, end) in parts.items()})
    return pd.concat([frame, items, sums], axis=1)


def items_of(frame: pd.DataFrame) -> pd.DataFrame:
    """The items of a survey."""
    return frame.filter(regex=r"^item_\d\d$")


def again(frame: pd.DataFrame, rng: np.random.Generator, shock: float = 0.0, stable: float = 0.8) -> pd.Series:
    """The total a wave later, as skewed as before; `shock`: share of the variance that changes by whole classes."""
    codes, names = pd.factorize(frame["class"])
    together = np.sqrt(shock) * rng.normal(size=len(names))[codes]
    alone = np.sqrt(1 - stable**2 - shock) * rng.normal(size=len(frame))
    later = stable * frame["latent"].to_numpy() + together + alone
    return pd.Series(answers(later, rng).sum(axis=1), frame.index)


def with_gaps(
    frame: pd.DataFrame, names: Sequence[str], rng: np.random.Generator, share: float = 0.12, follows: float = 1.0
) -> pd.DataFrame:
    """The survey with answers missing at random: more often where the total is high (log odds per SD `follows`)."""
    z = (frame["total"] - frame["total"].mean()) / frame["total"].std()
    chance = special.expit(special.logit(share) + follows * z).to_numpy()
    gone = rng.random((len(frame), len(names))) < chance[:, None]
    return frame.assign(**{name: frame[name].mask(gone[:, j]) for j, name in enumerate(names)})


def completed(frame: pd.DataFrame, rng: np.random.Generator, m: int = 5) -> pd.DataFrame:
    """Completed data sets as notebook 01 makes them: outcome, group, predictors, classes in one imputation model."""
    names = ["total", "group", *COVARIATES, *OTHERS]
    marks = pd.get_dummies(frame["class"], dtype=float).iloc[:, 1:]
    sets = missing.impute(pd.concat([frame[names], marks], axis=1), m, rng)
    return missing.stacked([part[names].assign(**{"class": frame["class"]}) for part in sets])


def specified(rng: np.random.Generator) -> tuple[pd.DataFrame, Params, Instrument]:
    """A survey with what a specification curve needs: children, params that declare 96 specifications, the scale."""
    scale = load("cls")
    frame = survey(rng, GROUPS[1])
    frame["narrow"] = frame["group"] * (rng.random(len(frame)) < 0.6)
    keyed = items_of(frame).set_axis(scale.columns(fillers=False), axis=1)
    keyed = keyed.mask(rng.random(keyed.shape) < 0.02)
    declared = {
        "definitions": ["group", "narrow"], "exclusions": [0, 2], "missing": ["person_mean", "complete"],
        "scoring": ["total", "latent"], "covariates": {"none": [], "all": COVARIATES},
        "estimators": ["welch", "ols", "cluster", "within"], "permutations": 199,
    }
    p = Params.model_validate({
        "town": "t", "name": {"en": "T", "zh": "某镇"}, "seed": 1, "survey": {"file": "raw/s.csv"},
        "comparison": {"group": {"variable": "group"}, "cluster": "class", "covariates": COVARIATES,
                       "specifications": declared}})
    flags = pd.DataFrame({"n_flags": rng.choice([0, 2], len(frame), p=[0.93, 0.07])})
    return overview.choices(frame, keyed, flags, p, rng), p, scale


def interviewed(rng: np.random.Generator, persons: int, segments: int = 12) -> pd.DataFrame:
    """Segments of interviews coded by two coders, who agree more in some interviews than in others."""
    shape = persons, segments
    true = rng.choice(6, shape, p=[0.3, 0.25, 0.2, 0.12, 0.08, 0.05])
    sure = rng.beta(18, 2, persons)[:, None]  # chance that a coder gives the right code: .9, differing by person
    coded = [np.where(rng.random(shape) < sure, true, rng.integers(0, 6, shape)) for _ in range(2)]
    person, segment = np.indices(shape)
    return pd.concat([pd.DataFrame({
        "person": [f"p{i:04d}" for i in person.ravel()], "segment": segment.ravel(), "coder": coder,
        "theme": [f"t{code}" for code in codes.ravel()], "level": "family", "role": "child", "paraphrase": "",
    }) for coder, codes in zip("AB", coded, strict=True)], ignore_index=True)
