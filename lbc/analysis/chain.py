"""The chain from cause to outcome: what each cause led to, and every link that is missing, named.

A line of the logic model is a cause with its need, the component that answers it, its session and the measure that
would show it. The measure is linked to a registered outcome where it is one, or a part of its scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from lbc.analysis.interviews import LEVELS
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Words

STEPS = ("cause", "need", "component", "session", "measure", "outcome")
GAPS: dict[str, tuple[str, Words]] = {
    "no need": ("need", {"en": "a cause without a need", "zh": "原因未转化为需要"}),
    "no component": ("component", {"en": "a cause nobody worked on", "zh": "无人着手处理的原因"}),
    "no session": ("session", {"en": "work without a session", "zh": "有工作而无活动"}),
    "not held": ("session", {"en": "a session that was not held", "zh": "计划了但未举行的活动"}),
    "no measure": ("measure", {"en": "work that nobody measured", "zh": "做了工作而未测量"}),
    "no outcome": ("outcome", {"en": "a measure that is no registered outcome", "zh": "有测量而未登记为结果指标"}),
    "outside": ("component", {"en": "a session without a component", "zh": "活动不属于链条中的组成部分"}),
    "no path": ("measure", {"en": "an outcome that no measure leads to", "zh": "登记的结果指标没有测量通向它"}),
}
"""Each kind of gap: the step that is missing, and its name."""


def lines(logic: pd.DataFrame) -> pd.DataFrame:
    """The logic model with one session in each row ("5, 6" becomes two), by level and else in the file's order."""
    table = logic.assign(session=logic["session"].str.split(r"[,;，、；]\s*", regex=True)).explode("session")
    place = table["level"].map({level: i for i, level in enumerate(LEVELS)})
    return table.iloc[place.argsort(kind="stable")].reset_index(drop=True)


def held(sessions: pd.DataFrame) -> pd.DataFrame:
    """Each session that was held, once, with its component."""
    return sessions[["component", "session"]].drop_duplicates(ignore_index=True)


def links(
    logic: pd.DataFrame | None, sessions: pd.DataFrame | None, registered: Sequence[str],
    others: Sequence[str] = ("case",),
) -> pd.DataFrame:
    """Every line of the logic model with what is missing in it; below, sessions and outcomes that no line names.

    Parameters
    ----------
    logic : DataFrame or None
        From `lines`: level, cause, need, component, session, measure; None where none was written down.
    sessions : DataFrame or None
        From `held`; None where no attendance was kept, so that no session can be called not held.
    registered : sequence of str
        The registered outcomes, e.g. "cls_total", "panas_c_negative".
    others : sequence of str
        Names in the column `session` that are no group session.

    Returns
    -------
    DataFrame
        level, cause, need, component, session, measure, outcome ("" where empty) and gap: keys of `GAPS` joined by
        ", ", "" where nothing is missing.

    Raises
    ------
    NotEstimableError
        If there is no logic model.
    """
    if logic is None or logic.empty:
        raise NotEstimableError("not collected: there is no logic model")
    table = logic[["level", *STEPS[:-1]]].assign(outcome=[_outcome(name, registered) for name in logic["measure"]])
    took_place = None if sessions is None else {*sessions["session"], *others}
    table["gap"] = [", ".join(_missing(row, took_place)) for _, row in table.iterrows()]
    extra = []
    if sessions is not None:
        unnamed = sessions[~sessions["session"].isin(table["session"])]
        known = unnamed["component"].isin(table["component"])
        extra.append(unnamed.assign(component=unnamed["component"].where(known, ""),
                                    gap=known.map({True: "", False: "outside"})))
    apart = [name for name in registered if name not in set(table["outcome"])]
    extra.append(pd.DataFrame({"outcome": apart, "gap": "no path"}))
    return pd.concat([table, *extra], ignore_index=True).fillna("")


def _outcome(measure: str, registered: Sequence[str]) -> str:
    """The registered outcome that is this measure, or the total of the scale it is a part of."""
    if measure in registered:
        return measure
    totals = [name for name in registered if name.endswith("_total")]
    return next((name for name in totals if measure.startswith(name.removesuffix("total"))), "")


def _missing(row: pd.Series, took_place: set[str] | None) -> list[str]:
    if not row["component"]:
        return ["no component"] if row["need"] else ["no need", "no component"]
    found = [] if row["need"] else ["no need"]
    if not row["session"]:
        found.append("no session")
    elif took_place is not None and row["session"] not in took_place:
        found.append("not held")
    if not row["measure"]:
        return [*found, "no measure"]
    return found if row["outcome"] else [*found, "no outcome"]


ABOUT = {"no outcome": "measure", "outside": "session", "not held": "session", "no path": "outcome"}


def _found(table: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Each missing link once: its kind and what it is about, with the level."""
    found: dict[tuple[str, str], str] = {}
    for _, row in table[table["gap"] != ""].iterrows():
        for kind in row["gap"].split(", "):
            where = row[ABOUT.get(kind, "cause")] or row["need"] or row["component"]
            found.setdefault((kind, where), row["level"])
    return found


def gaps(
    logic: pd.DataFrame | None, sessions: pd.DataFrame | None, registered: Sequence[str], names: Mapping[str, Words]
) -> pd.DataFrame:
    """Each missing link once: level ("" for sessions and outcomes), link (what it is about), gap (what is missing).

    Parameters
    ----------
    logic, sessions, registered
        As for `links`.
    names : mapping
        Texts of causes and measures in both languages (`labels` and those of the survey).

    Raises
    ------
    NotEstimableError
        As `links`; if nothing is missing.
    """
    found = _found(links(logic, sessions, registered))
    if not found:
        raise NotEstimableError("no link of the chain is missing")
    rows = [(level, names.get(where, {"en": where, "zh": where}), GAPS[kind][1])
            for (kind, where), level in found.items()]
    return pd.DataFrame(rows, columns=["level", "link", "gap"])


def count(logic: pd.DataFrame | None, sessions: pd.DataFrame | None, registered: Sequence[str]) -> Result:
    """The number of missing links, each counted once as in `gaps`; raises as `links`."""
    table = links(logic, sessions, registered)
    return Result(
        "missing links of the logic model, from cause to registered outcome",
        Estimate("number of missing links", float(len(_found(table)))), n={"causes": len(set(table["cause"]) - {""})},
    )


def labels(logic: pd.DataFrame | None) -> dict[str, Words]:
    """Texts of the logic model in both languages, from its columns `<name>_en` and `<name>_zh` where it has them."""
    found: dict[str, Words] = {"case": {"en": "case work", "zh": "个案"}}
    for name in STEPS[:3] if logic is not None else ():
        en, zh = (logic.get(f"{name}_{language}", logic[name]) for language in ("en", "zh"))
        found |= {key: {"en": a or key, "zh": b or key} for key, a, b in zip(logic[name], en, zh, strict=True) if key}
    return found
