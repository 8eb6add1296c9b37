"""The members over all waves: exact tests of the whole course and of each planned step, by every customary method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from lbc.analysis.families import family
from lbc.analysis.group_work import at, change, planned
from lbc.analysis.groups import attempt, result
from lbc.analysis.ranks import friedman_exact
from lbc.analysis.reliable import Direction
from lbc.analysis.waves import rm_anova
from lbc.errors import NotEstimableError
from lbc.params import Intervention
from lbc.results import Estimate, Result, Words

STEPS: dict[str, Words] = {
    "waiting": {"en": "Change before anything was done (screening to second pre-test)",
                "zh": "尚未干预时的变化（筛查至第二次前测）"},
    "group": {"en": "Change over the group work", "zh": "小组工作期间的变化"},
    "case": {"en": "Change over the weeks of case work", "zh": "个案工作期间的变化"},
    "follow_up": {"en": "Change from the end of the programme to follow-up", "zh": "项目结束至随访的变化"},
}
COURSE: dict[str, Words] = {
    "friedman": {"en": "Differences between all waves", "zh": "各次测量之间的差异"},
    **{f"wave_contrast.{step}": words for step, words in STEPS.items()},
}
"""Labels of the `course`."""


def steps(
    scores: pd.DataFrame, score: str, protocol: Intervention, members: Sequence[str], direction: Direction = "down"
) -> dict[str, Result]:
    """The planned contrasts over waves, each from one wave to the next: exact sign-flip tests, p adjusted by Holm.

    Returns
    -------
    dict
        waiting (screening to the second pre-test, nothing being done), group, case (work), follow_up; a reason where
        nobody was measured.
    """
    w = protocol.waves
    ends = {"waiting": (w.screening, w.before), "group": (w.before, w.after_group),
            "case": (w.after_group, w.after_case), "follow_up": (w.after_case or w.after_group, w.follow_up)}
    return family({
        step: result(change, scores, score, first, last, members, direction) for step, (first, last) in ends.items()
    })


def over_waves(scores: pd.DataFrame, score: str, protocol: Intervention, members: Sequence[str]) -> Result:
    """Friedman's test over all planned waves at which anybody was measured; members who missed one are left out.

    Returns
    -------
    Result
        As `ranks.friedman_exact`; extra also holds `wide` (members by waves).
    """
    waves = [wave for wave in planned(protocol) if scores.loc[scores["wave"] == wave, score].notna().any()]
    wide = pd.DataFrame({wave: at(scores, score, wave, members) for wave in waves})
    found = friedman_exact(wide)
    return replace(found, n={"members": found.n["children"]}, extra=found.extra | {"wide": wide})


def course(
    scores: pd.DataFrame, score: str, protocol: Intervention, members: Sequence[str], direction: Direction = "down"
) -> dict[str, Result]:
    """All waves at once and each planned step, by the keys of `COURSE`."""
    return {"friedman": result(over_waves, scores, score, protocol, members)} | {
        f"wave_contrast.{name}": found for name, found in steps(scores, score, protocol, members, direction).items()}


def course_table(found: dict[str, Result]) -> pd.DataFrame:
    """The `course` as a table, with the analysis of variance that readers expect beside Friedman's test.

    Returns
    -------
    DataFrame
        test, n, estimate (Kendall's W, generalised eta squared, mean change), low, high, statistic, df, df_residual,
        p, p_holm.

    Raises
    ------
    NotEstimableError
        If nothing of it can be estimated.
    """
    rows: list[dict[str, Any]] = []
    for name, r in ((name, r) for name, r in found.items() if r.estimate):
        low, high = r.estimate.ci or (None, None)
        exact = "Friedman, exact" if r.extra.get("exact") else "Friedman"
        shown = exact if name == "friedman" else f"step {name.rpartition('.')[2]}"
        # An exact test has no degrees of freedom, Friedman's chi-square has one, Iman and Davenport's F has two.
        df = None if r.extra.get("exact") else r.test.df
        df, df_residual = df if isinstance(df, tuple) else (df, None)
        rows.append({"test": shown, "n": r.n["members"], "estimate": r.estimate.value, "low": low, "high": high,
                     "statistic": r.test.statistic, "df": df, "df_residual": df_residual, "p": r.test.p,
                     "p_holm": r.test.p_adjusted})
        anova = attempt(rm_anova, r.extra["wide"])[0] if "wide" in r.extra else None
        if anova is not None:
            a = anova.iloc[0]
            rows.append({"test": "repeated measures, Greenhouse-Geisser", "n": r.n["members"], "estimate": a["ges"],
                         "statistic": a["F"], "df": a["gg"] * a["df1"], "df_residual": a["gg"] * a["df2"],
                         "p": a["p_gg"]})
    names = ["test", "n", "estimate", "low", "high", "statistic", "df", "df_residual", "p", "p_holm"]
    if not rows:
        raise NotEstimableError("nobody was measured at two waves")
    return pd.DataFrame(rows).reindex(columns=names).astype(dict.fromkeys(names[2:], float))


def change_methods(
    scores: pd.DataFrame, score: str, first: str, last: str, members: Sequence[str], direction: Direction = "down"
) -> pd.DataFrame:
    """The change between two waves by every customary method: method, estimate, low, high, statistic, df, p.

    Only the exact tests can be relied on with so few; none of them knows of regression to the mean. The last row is
    the smallest p that the exact tests can give with these members.
    """
    found = change(scores, score, first, last, members, direction)
    x = found.extra
    rank, sign = x["wilcoxon"], x["sign_test"]
    t = (x["t"], found.n["members"] - 1.0, x["p_t"]) if x["t"] is not None else (None, None, None)
    rows = [
        ("sign-flip test, exact", found.estimate, (found.test.statistic, None, found.test.p)),
        ("Wilcoxon signed-rank test, exact", x["hodges_lehmann"], (rank.test.statistic, None, rank.test.p)),
        ("sign test", None, (sign.test.statistic, None, sign.test.p)),
        ("paired t test", Estimate("mean change", found.estimate.value, x["t_interval"]), t),
        ("Cohen d_z", found.effect, (None, None, None)), ("Hedges g_av", x["g_av"], (None, None, None)),
        *((f"JZS Bayes factor BF10 (r = {r})", x[key] and Estimate("BF10", x[key]), (None, None, None))
          for r, key in (("0.707", "bf10"), ("1", "bf10_wide"))),
        ("smallest attainable p", None, (None, None, x["smallest_p"])),
    ]
    table = [(name, *((e.value, *(e.ci or (None, None))) if e else (None, None, None)), *test)
             for name, e, test in rows]
    names = ["method", "estimate", "low", "high", "statistic", "df", "p"]
    return pd.DataFrame(table, columns=names).astype(dict.fromkeys(names[1:], float))


def attainable(
    scores: pd.DataFrame, score: str, first: str, last: str, members: Sequence[str], direction: Direction = "down"
) -> pd.DataFrame:
    """The smallest two-sided p values (up to five for each test) that members who changed this often can give.

    Returns
    -------
    DataFrame
        test, p; supposing that no two change by the same amount (`exact.attainable_p`).

    Raises
    ------
    NotEstimableError
        As `change.group_change`.
    """
    found = change(scores, score, first, last, members, direction)
    return found.extra["attainable"].groupby("test", sort=False).head(5).reset_index(drop=True)
