"""Joint display: what the interviews say beside what the survey found, with a verdict by a rule stated beforehand.

One row per theme of the interviews, then one per predictor of the survey that no theme speaks of. The survey's side
is the correlation of the outcome with the theme's predictors, not a coefficient of the full model: nobody who was
interviewed held the other predictors equal (Guetterman, Fetters & Creswell 2015; Fetters, Curry & Creswell 2013).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from lbc.analysis import interviews, pooling
from lbc.errors import NotEstimableError
from lbc.params import Interviews, Theme
from lbc.results import Estimate, Result, Words

Verdict = Literal["agrees", "diverges", "undecided", "extends", "silent", "absent"]
VERDICTS: tuple[Verdict, ...] = Verdict.__args__
NOBODY, NOT_ASKED = "nobody spoke of it", "not asked"


def verdict(
    persons: int, least: int, found: Estimate | None, expected: Literal["up", "down"], smallest: float
) -> Verdict:
    """How the two sides of a theme go together.

    Parameters
    ----------
    persons : int
        Persons who spoke of the theme; it counts as raised from `least` on.
    found : Estimate or None
        The survey's correlation with its interval; None where the survey did not ask.
    expected : {"up", "down"}
        Direction of the correlation that the interviews speak for.
    smallest : float
        Correlations closer to zero do not matter.

    Returns
    -------
    str
        Raised: "extends" (not asked), "diverges" (the interval lies within -smallest..smallest, or on the other side
        of zero), "agrees" (it lies on the expected side of zero), else "undecided". Not raised: "silent" (the
        interval excludes zero and is not within -smallest..smallest), else "absent".

    Notes
    -----
    Silence and dissonance as O'Cathain, Murphy & Nicholl 2010 use the words.

    Examples
    --------
    >>> verdict(5, 2, Estimate("correlation", -0.3, (-0.4, -0.2)), "down", 0.1)
    'agrees'
    """
    if found is None:
        return "extends" if persons >= least else "absent"
    low, high = found.ci if expected == "up" else (-found.ci[1], -found.ci[0])
    nothing = -smallest < low and high < smallest
    if persons < least:
        return "silent" if (low > 0 or high < 0) and not nothing else "absent"
    if nothing or high < 0:
        return "diverges"
    return "agrees" if low > 0 else "undecided"


def display(
    coded: pd.DataFrame, completed: pooling.Completed, outcome: str, listed: pd.DataFrame, protocol: Interviews,
    cluster: str | None = None,
) -> pd.DataFrame:
    """The joint display as a table.

    Parameters
    ----------
    coded : DataFrame
        The interviews, as in `interviews`.
    completed : DataFrame
        Completed data sets (`pooling`).
    outcome : str
    listed : DataFrame
        name and level of all predictors, in order.
    protocol : Interviews
        `joint` gives the predictors of each theme and the direction expected, `least` and `smallest` the rule.
    cluster : str, optional

    Returns
    -------
    DataFrame
        level; theme (its English label, or its code; "nobody spoke of it" for a predictor without theme); persons;
        of; a column per role; predictors (joined by ", ", or "not asked"); direction (up, down, or ""); r, low, high:
        of the outcome with the mean of the standardised predictors (`pooling.correlation`); verdict.

    Raises
    ------
    NotEstimableError
        If a theme of `joint` was never coded, or a predictor is not in the survey.
    """
    spoken, themes = _spoken(coded), {theme.theme: theme for theme in protocol.joint}
    if unknown := sorted(set(themes) - set(spoken["theme"])):
        raise NotEstimableError(f"interviews.joint names themes that nobody coded: {', '.join(unknown)}")
    named = [name for theme in protocol.joint for name in theme.predictors]
    if unknown := sorted(set(named) - set(listed["name"])):
        raise NotEstimableError(f"interviews.joint names predictors that the survey lacks: {', '.join(unknown)}")
    rows = []
    for row in spoken.to_dict("records"):
        theme = themes.get(row["theme"], Theme(theme=row["theme"]))
        side = _survey(completed, outcome, theme.predictors, cluster, theme.expected, row["persons"], protocol)
        rows.append(row | {"theme": theme.label.en if theme.label else theme.theme} | side)
    silent = dict.fromkeys(spoken.columns.drop(["level", "theme", "of"]), 0)
    for name, level in listed.loc[~listed["name"].isin(named), ["name", "level"]].itertuples(index=False):
        if pd.api.types.is_numeric_dtype(pooling.sets(completed)[0][name]):
            row = {"level": level, "theme": NOBODY, "of": spoken["of"].iloc[0]} | silent
            rows.append(row | _survey(completed, outcome, [name], cluster, "up", 0, protocol) | {"direction": ""})
    table = pd.DataFrame(rows)
    table["place"] = table["level"].map(interviews.LEVELS.index)
    table = table.sort_values("place", kind="stable", ignore_index=True).drop(columns="place")
    return table[[*spoken, "predictors", "direction", "r", "low", "high", "verdict"]]


def _spoken(coded: pd.DataFrame) -> pd.DataFrame:
    """level, theme, persons, of, persons by role: a theme stands at the level that it was coded at most."""
    agreed, either = interviews.agreed_segments(coded), coded.dropna(subset=["level", "theme"])
    rows = []
    for theme, part in either.groupby("theme"):
        sure = agreed[agreed["theme"] == theme]
        level = (part if sure.empty else sure)["level"].mode()[0]
        rows.append({"level": level, "theme": theme, "persons": sure["person"].nunique(),
                     "of": coded["person"].nunique(), **interviews.persons_by_role(sure, coded)})
    return pd.DataFrame(rows).sort_values(["persons", "theme"], ascending=[False, True], ignore_index=True)


def _survey(
    completed: pooling.Completed, outcome: str, predictors: list[str], cluster: str | None,
    expected: Literal["up", "down"], persons: int, protocol: Interviews,
) -> dict[str, object]:
    found = pooling.correlation(completed, outcome, predictors, cluster).estimate if predictors else None
    low, high = (np.nan, np.nan) if found is None else found.ci
    return {"predictors": ", ".join(predictors) or NOT_ASKED, "direction": expected if predictors else "",
            "r": np.nan if found is None else found.value, "low": low, "high": high,
            "verdict": verdict(persons, protocol.least, found, expected, protocol.smallest)}


def summary(table: pd.DataFrame | NotEstimableError) -> Result:
    """How many themes agree, of those that were raised and asked; n counts the rows of every verdict."""
    counts = pooling.known(table)["verdict"].value_counts()
    raised = int(sum(counts.get(name, 0) for name in ("agrees", "diverges", "undecided")))
    share = float(counts.get("agrees", 0)) / max(raised, 1)
    if not raised:
        raise NotEstimableError("no theme was both raised in the interviews and asked in the survey")
    return Result(
        method="joint display of interviews and survey",
        estimate=Estimate("share of themes on which both agree", share, unit="share"),
        n={name: int(counts.get(name, 0)) for name in VERDICTS},
        reference="Guetterman, Fetters & Creswell 2015; Fetters, Curry & Creswell 2013",
    )


def with_words(
    table: pd.DataFrame | NotEstimableError, coded: pd.DataFrame, protocol: Interviews
) -> pd.DataFrame:
    """The display's themes with what somebody said: level, theme, persons, paraphrase, predictors, r, verdict.

    Private: single persons' words. The paraphrase is the first one on which all coders agreed, a child's where there
    is one, in both languages where the file has both.
    """
    agreed = interviews.agreed_segments(coded)
    agreed = agreed.assign(other=agreed["role"] != "child").sort_values("other", kind="stable")
    first = agreed.drop_duplicates("theme").set_index("theme")
    zh = first["paraphrase_zh" if "paraphrase_zh" in first else "paraphrase"]
    en = first["paraphrase"]
    label = {theme.theme: theme.label.en for theme in protocol.joint if theme.label}
    said: dict[str, Words] = {label.get(theme, theme): {"en": en[theme], "zh": zh[theme] or en[theme]}
                              for theme in first.index}
    themes = pooling.known(table)[lambda rows: rows["theme"] != NOBODY]
    paraphrase = [said.get(theme, "") for theme in themes["theme"]]
    themes = themes.assign(paraphrase=pd.Series(paraphrase, themes.index, dtype=object))
    return themes[["level", "theme", "persons", "paraphrase", "predictors", "r", "verdict"]].reset_index(drop=True)


def rule(protocol: Interviews) -> Words:
    """The rule of the verdicts, for the note below the display."""
    least, smallest = protocol.least, f"{protocol.smallest:g}"
    return {
        "en": f"A theme is raised when at least {least} persons speak of it. Raised: agrees (the interval of r lies "
              f"on the expected side of zero), diverges (it lies within ±{smallest} or on the other side), undecided "
              f"(neither), extends (not asked in the survey). Not raised: silent (the interval excludes zero and is "
              f"not within ±{smallest}), absent (else). Predictors that are words, not numbers, have no row.",
        "zh": f"至少 {least} 人谈到即视为提出该主题。已提出：一致（r 的区间位于预期一侧且不含零）、分歧（区间落在 "
              f"±{smallest} 之内或位于另一侧）、未定（两者皆非）、扩展（问卷未测）。未提出：沉默（区间不含零且不在 "
              f"±{smallest} 之内）、均未见（其余）。文字型预测变量不列入。",
    }
