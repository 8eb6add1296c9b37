"""Small tables and findings about the cleaned survey that notebook 01 shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np
import pandas as pd

from lbc.errors import NotEstimableError, UserError
from lbc.instruments import Instrument
from lbc.params import Eligible, Group, Params
from lbc.results import Estimate, Result, Words
from lbc.survey.cleaning import Step
from lbc.survey.codebook import Codebook
from lbc.survey.direction import Direction
from lbc.survey.missing import impute
from lbc.survey.scores import blocks

COMPLETED = 5


def flow_result(steps: Sequence[Step]) -> Result:
    """The forms kept, with n before the first and after each step."""
    n = {"forms in the file": steps[0].before} | {step.rule: step.after for step in steps}
    return Result("rules of cleaning, fixed beforehand", Estimate("forms kept", steps[-1].after), n=n,
                  reference="STROBE flow (von Elm et al. 2007)")


def direction_result(found: Direction) -> Result:
    """How sure the direction of a scale is: the share of its checks that could be made and agree."""
    made = found.evidence["agrees"].dropna().astype(bool)
    kind = "the highest answer means agreement" if found.highest_is_agree else "the lowest answer means agreement"
    method = f"{kind} ({found.basis}); value labels, item-rest correlations and mean"
    if made.empty:
        return Result(method, None, reason="no labels and too few forms: no check of the direction could be made")
    return Result(method, Estimate("share of checks that agree", float(made.mean())), n={"checks": len(made)},
                  reference="own checks")


def unverified(scales: Mapping[str, Instrument]) -> Words | None:
    """The note that must stand wherever a key is used that nobody has compared with a published one."""
    names = [scale for scale in scales.values() if not scale.verified]
    if not names:
        return None
    listed = {language: "; ".join(scale.name[language] for scale in names) for language in ("en", "zh")}
    return {"en": f"Scoring key not verified against a publication: {listed['en']}.",
            "zh": f"计分键尚未与出版物核对：{listed['zh']}。"}


def with_and_without(every: pd.DataFrame, kept: pd.DataFrame, score: str, group: str) -> pd.DataFrame:
    """n, mean and SD of a score by group, for all forms and for those kept after the careless ones were set aside.

    Groups are named as params name them ("1", not 1.0).
    """
    parts = []
    for name, frame in (("all forms", every), ("careless forms set aside", kept)):
        table = frame.groupby(group, dropna=True)[score].agg(n="count", mean="mean", sd="std").reset_index()
        parts.append(table.assign(sample=name, **{group: table[group].map(as_code)}))
    return pd.concat(parts, ignore_index=True)[["sample", group, "n", "mean", "sd"]]


def missing_table(frame: pd.DataFrame, codebook: Codebook, most: int = 14) -> pd.DataFrame:
    """Missing answers by question (scales as a whole), most first: variable, missing, n.

    Questions that only some children are asked (months away, fitness of the guardian) are left out.
    """
    rows = []
    for scale in codebook.scales():
        columns = [c for c in codebook.items(scale) if c in frame]
        rows.append((f"{scale}_total", int(frame[columns].isna().sum().sum()), frame[columns].size))
    kinds = ("choice", "number", "multi")
    some_only = {"", "father_months", "mother_months", "guardian_fit", "consent_guardian", "assent_child"}
    everybody = [v for v in codebook.variables if v.type in kinds and v.role not in some_only]
    asked = [v.variable for v in everybody if v.variable in frame]
    rows += [(name, int(frame[name].isna().sum()), len(frame)) for name in asked]
    table = pd.DataFrame(rows, columns=["variable", "missing", "n"])
    share = table["missing"] / table["n"]
    return table.loc[share.sort_values(ascending=False, kind="stable").index].head(most).reset_index(drop=True)


def two_groups(frame: pd.DataFrame, group: Group) -> pd.Series:
    """The two groups as 0 (reference) and 1 (group of interest); children of neither are NaN."""
    values = frame[group.variable].map(as_code)
    return values.map({group.reference: 0.0, group.focal: 1.0})


def as_code(value: object) -> object:
    """A value as params and labels write it: 1.0 as "1", text as it is."""
    return f"{value:g}" if isinstance(value, Real) and value == value else value


def wordings(scale: Instrument, items: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Columns of the reverse-keyed (positively worded) and of the other scored items."""
    turned = [c for c in items if int(c.partition("@")[0].rsplit("_", 1)[1]) in scale.reverse]
    return turned, [c for c in items if c not in turned]


def predictor_table(
    frame: pd.DataFrame, codebook: Codebook, scales: Mapping[str, Instrument], outcome: str
) -> pd.DataFrame:
    """Predictors with their ecological level, the outcome scale's own scores left out."""
    found = blocks(frame, codebook, scales)
    rows = [(name, level) for level, names in found.items() for name in names if not name.startswith(f"{outcome}_")]
    return pd.DataFrame(rows, columns=["name", "level"])


def eligible(frame: pd.DataFrame, group: Group, conditions: Sequence[Eligible] | None = None) -> pd.DataFrame:
    """The children that members could be chosen from: those who meet every condition, else the group of interest."""
    if conditions is None:
        return frame[two_groups(frame, group) == 1]
    for asked in conditions:
        if asked.variable not in frame:
            raise UserError(f"no variable is called '{asked.variable}'", "params: intervention.eligible")
        frame = frame[frame[asked.variable].map(as_code) == asked.value]
    return frame


def choices(
    scored: pd.DataFrame, keyed: pd.DataFrame, flags: pd.DataFrame, p: Params, rng: np.random.Generator
) -> pd.DataFrame:
    """What the specification curve needs of every child, those included who are set aside as careless.

    Parameters
    ----------
    scored, keyed, flags : DataFrame
        All children, their keyed items of the outcome, their flags of careless answering; one index.

    Returns
    -------
    DataFrame
        The variables of the groups, covariates and class that the survey has, `n_flags`, the keyed items and, where
        params ask for it, each item completed as `<item>@imputed`: the mean over five imputed data sets, of the
        children who answered any item. The groups are not in the imputation model, so that they can be permuted.
    """
    c, wanted = p.comparison, p.comparison.specifications
    covariates = [*c.covariates, *(name for names in wanted.covariates.values() for name in names)] if wanted else []
    names = [c.group.variable, *(wanted.definitions if wanted else []), *covariates, c.cluster]
    found = pd.concat([scored[[n for n in dict.fromkeys(names) if n in scored]], flags[["n_flags"]], keyed], axis=1)
    if wanted and "imputed" in wanted.missing:
        numeric = scored[[n for n in dict.fromkeys(covariates) if n in scored]].select_dtypes("number")
        answered = keyed.notna().any(axis=1)
        basis = pd.concat([keyed, numeric], axis=1)[answered].astype(float)
        try:
            sets = impute(basis.loc[:, basis.nunique() > 1], COMPLETED, rng)
        except NotEstimableError:  # too few answers to impute from: these specifications are left out
            return found.reset_index(drop=True)
        mean = sum(sets).div(len(sets)).reindex(columns=keyed.columns)
        found = pd.concat([found, mean.fillna(keyed[answered]).add_suffix("@imputed")], axis=1)
    return found.reset_index(drop=True)
