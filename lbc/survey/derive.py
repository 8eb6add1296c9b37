"""Variables that every town's cleaned survey has under the same name, derived from the town's own columns."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from lbc.errors import CodebookError
from lbc.params import Params
from lbc.survey.codebook import Codebook, Variable
from lbc.survey.text import plain_number

DEFINITIONS = {
    "left_behind_one_or_both_parents": {
        "en": "one or both parents away for the months set in params", "zh": "父母一方或双方外出达到规定月数",
    },
    "left_behind_state_council_2016": {
        "en": "State Council 2016: both parents away, or one away and the other unfit as guardian; under 16",
        "zh": "国务院2016：父母双方外出，或一方外出另一方无监护能力；不满十六周岁",
    },
}
STATE_COUNCIL_AGE = 16


def derive(frame: pd.DataFrame, codebook: Codebook, params: Params) -> pd.DataFrame:
    """Add the variables that the notebooks use, under fixed names.

    Parameters
    ----------
    frame : DataFrame
        As `intake.read` gives it, after any cleaning.
    codebook : Codebook
    params : Params
        `params.left_behind` sets the definitions; null adds none.

    Returns
    -------
    DataFrame
        The frame with, where the codebook has the roles: id, school, class (text, unique over schools), grade (whole
        number where no child lacks it), girl (0/1), age (years; from month of birth and date of submission where not
        asked), father_away, mother_away (0/1 as answered), months_away (of the parent longer away), parents_away
        (neither, father, mother, both; a parent counts from `left_behind.months` on), both definitions of left-behind
        and `left_behind`, the one that params names (all 0/1). Predictors and covariates with codes become numbers:
        yes/no questions 0/1, others the code; codes that are no numbers stay text. A child that lacks an answer which
        decides a definition is NaN there; where a survey never asked for ages, nobody is too old.

    Raises
    ------
    CodebookError
        If params define left-behind children but the codebook has neither the parents' absence nor a variable
        `left_behind`.

    Notes
    -----
    One or both parents away six months or more: the usual definition in research. State Council 2016, document 13:
    under 16, both parents away, or one away and the other unfit as guardian, whatever the months. Both hold for
    children of rural homes, which the sampling must see to.
    """
    out = frame.copy()
    for v in codebook.variables:
        if v.variable in out and (v.role == "predictor" or v.variable in params.comparison.covariates):
            out[v.variable] = _number_or_text(out[v.variable], v)
    out["id"] = _text(out, codebook, "id", default=out.index.astype(str))
    for role in ("school", "class"):
        if codebook.role(role) is not None:
            out[role] = _text(out, codebook, role)
    if codebook.role("grade") is not None:
        out["grade"] = _whole(_number(out, codebook, "grade"))
    if codebook.role("class") is not None:
        out["class"] = _class(out)
    sex = codebook.role("sex")
    if sex is not None:
        out["girl"] = _flag(out[sex.variable], sex.codes("girl"), sex.codes("boy"))
    age = _age(frame, codebook)
    if age is not None:
        out["age"] = age
    return out if params.left_behind is None else _left_behind(out, frame, codebook, params)


def definitions(frame: pd.DataFrame, language: str = "en") -> pd.DataFrame:
    """How many children each definition of left-behind finds.

    Returns
    -------
    DataFrame
        definition, label, left_behind, not_left_behind, undetermined (an answer that decides it is missing).
    """
    rows = []
    for name, label in DEFINITIONS.items():
        if name in frame:
            counts = (int((frame[name] == 1).sum()), int((frame[name] == 0).sum()), int(frame[name].isna().sum()))
            rows.append((name, label[language], *counts))
    return pd.DataFrame(rows, columns=["definition", "label", "left_behind", "not_left_behind", "undetermined"])


def _left_behind(out: pd.DataFrame, frame: pd.DataFrame, codebook: Codebook, params: Params) -> pd.DataFrame:
    father, mother = codebook.role("father_away"), codebook.role("mother_away")
    limits = params.left_behind
    if father is None or mother is None:
        return _as_answered(out, codebook)
    away, long_away, months = {}, {}, {}
    for parent, variable in (("father", father), ("mother", mother)):
        away[parent] = _yes_no(frame[variable.variable], variable)
        months[parent] = _number(frame, codebook, f"{parent}_months")
        enough = np.where(np.isnan(months[parent]), np.nan, months[parent] >= limits.months)
        long_away[parent] = away[parent] if limits.months == 0 else _and(away[parent], enough)
        out[f"{parent}_away"] = away[parent]
    out["months_away"] = pd.concat([months[p].where(away[p] == 1) for p in months], axis=1).max(axis=1)
    out["parents_away"] = _who(long_away["father"], long_away["mother"])
    age = out["age"].to_numpy() if "age" in out else np.zeros(len(out))  # never asked: pupils all
    young = {limit: np.where(np.isnan(age), np.nan, age < limit) for limit in (limits.max_age, STATE_COUNCIL_AGE)}
    out["left_behind_one_or_both_parents"] = _and(young[limits.max_age], _or(*long_away.values()))
    fit = codebook.role("guardian_fit")
    unfit = np.full(len(out), np.nan) if fit is None else 1 - _yes_no(frame[fit.variable], fit).to_numpy()
    abandoned = _or(_and(*away.values()), _and(_or(*away.values()), unfit))
    out["left_behind_state_council_2016"] = _and(young[STATE_COUNCIL_AGE], abandoned)
    out["left_behind"] = out[f"left_behind_{limits.definition}"]
    return out


def _as_answered(out: pd.DataFrame, codebook: Codebook) -> pd.DataFrame:
    """A survey that asked nothing but "are you left behind": used as answered, without a second definition."""
    if "left_behind" not in codebook:
        raise CodebookError(
            "params define left-behind children, but the survey does not tell who they are",
            [f"{codebook.shown}: no variable has the role father_away or mother_away, and none is named left_behind"],
            where=codebook.shown, fix="give both variables their roles, or write left_behind: null in params",
        )
    out["left_behind"] = _yes_no(out["left_behind"], codebook["left_behind"])
    return out


def _text(frame: pd.DataFrame, codebook: Codebook, role: str, default: pd.Index | None = None) -> pd.Series:
    variable = codebook.role(role)
    if variable is None:
        return pd.Series(default, index=frame.index, dtype=str)
    values = frame[variable.variable]
    if values.dtype == float:
        values = values.map(lambda value: plain_number(repr(value)), na_action="ignore")
    return values.astype(str)


def _number(frame: pd.DataFrame, codebook: Codebook, role: str) -> pd.Series:
    """Numbers of a variable, or all NaN where the town did not ask."""
    variable = codebook.role(role)
    if variable is None:
        return pd.Series(np.nan, index=frame.index)
    return pd.to_numeric(frame[variable.variable], errors="coerce").astype(float)


def _whole(values: pd.Series) -> pd.Series:
    return values.astype(int) if values.notna().all() and (values % 1 == 0).all() else values


def _number_or_text(values: pd.Series, variable: Variable) -> pd.Series:
    if variable.type != "choice":
        return values
    if variable.codes("yes") and variable.codes("no") and len(variable.values) == 2:
        return _yes_no(values, variable)
    numeric = all(re.fullmatch(r"-?\d+(\.\d+)?", code) for code in variable.values)
    return values.astype(float) if numeric else values


def _yes_no(values: pd.Series, variable: Variable) -> pd.Series:
    return _flag(values, variable.codes("yes"), variable.codes("no"))


def _flag(values: pd.Series, ones: set[str], zeros: set[str]) -> pd.Series:
    """1 and 0 for these codes, NaN for every other (such as "do not know")."""
    return values.map({**dict.fromkeys(sorted(zeros), 0.0), **dict.fromkeys(sorted(ones), 1.0)}).astype(float)


def _class(frame: pd.DataFrame) -> pd.Series:
    """A name for each class that no other school or grade has: S1-G3-2, unless it already begins with the school."""

    def name(row: pd.Series) -> str:
        if "school" in row and row["class"].startswith(f"{row['school']}-"):
            return row["class"]
        school = [row["school"]] if "school" in row else []
        grade = [f"G{row['grade']:g}"] if "grade" in row else []
        return "-".join([*school, *grade, row["class"]])

    parts = [column for column in ("school", "grade", "class") if column in frame]
    known = {tuple(row): name(row) for _, row in frame[parts].drop_duplicates().iterrows() if not row.isna().any()}
    rows = frame[parts].itertuples(index=False, name=None)
    return pd.Series([known.get(row, np.nan) for row in rows], frame.index, str)


def _age(frame: pd.DataFrame, codebook: Codebook) -> pd.Series | None:
    """Age in years as answered, else from year and month of birth to the day the form came in."""
    asked, year = codebook.role("age"), codebook.role("birth_year")
    if asked is None and year is None:
        return None
    age = _number(frame, codebook, "age")
    day = codebook.role("submitted")
    if year is not None and day is not None:
        submitted = frame[day.variable].fillna(frame[day.variable].median())
        month = _number(frame, codebook, "birth_month").fillna(6.5)  # mid-year where the month is unknown
        now = submitted.dt.year + (submitted.dt.month - 1) / 12
        age = age.fillna((now - _number(frame, codebook, "birth_year") - (month - 1) / 12).round(2))
    return age


def _and(a: pd.Series | np.ndarray, b: pd.Series | np.ndarray) -> np.ndarray:
    """Three-valued and: false if either is false, else missing if either is missing."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    return np.where((a == 0) | (b == 0), 0.0, np.where(np.isnan(a) | np.isnan(b), np.nan, 1.0))


def _or(a: pd.Series | np.ndarray, b: pd.Series | np.ndarray) -> np.ndarray:
    """Three-valued or: true if either is true, else missing if either is missing."""
    return 1 - _and(1 - np.asarray(a, float), 1 - np.asarray(b, float))


def _who(father: pd.Series | np.ndarray, mother: pd.Series | np.ndarray) -> np.ndarray:
    father, mother = np.asarray(father, float), np.asarray(mother, float)
    names = np.array(["neither", "father", "mother", "both"], dtype=object)
    known = ~(np.isnan(father) | np.isnan(mother))
    return np.where(known, names[np.where(known, father + 2 * mother, 0).astype(int)], np.nan)
