"""The meetings of the group: who came, how they liked it, what observers saw, and whether coming went with change."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
from scipy import stats

from lbc.analysis.agreement import cohen_kappa, icc_raters
from lbc.analysis.effects import snap
from lbc.analysis.groups import attempt
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test

MOST_COUNTED = 8  # members up to which every order of their changes is counted (8! = 40,320)
ALL = "all sessions"
PLACE = ["member", "session", "rater"]


def attendance(sessions: pd.DataFrame) -> pd.DataFrame:
    """Share that came and mean feedback of those who came: every session, then every component over its sessions.

    Parameters
    ----------
    sessions : DataFrame
        member, session, component, present (0 or 1), feedback.

    Returns
    -------
    DataFrame
        component, session ("all sessions" for the component), sessions (held), attended, feedback, n (who gave it).
    """
    by_session = _attended(sessions, ["session", "component"])
    by_session = by_session.sort_values("session", key=_in_order, kind="stable")
    by_component = _attended(sessions, ["component"]).assign(session=ALL)
    table = pd.concat([by_session, by_component], ignore_index=True)
    return table[["component", "session", "sessions", "attended", "feedback", "n"]]


def _attended(sessions: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    table = sessions.groupby(by, sort=False).agg(sessions=("session", "nunique"), attended=("present", "mean"))
    heard = sessions[sessions["present"] == 1].groupby(by)["feedback"].agg(feedback="mean", n="count")
    return table.join(heard).fillna({"n": 0}).astype({"n": int}).reset_index()


def _in_order(names: pd.Series) -> pd.Series:
    """Sessions by number where they are numbered, else as they came."""
    numbers = pd.to_numeric(names, errors="coerce")
    return names.map({name: i for i, name in enumerate(dict.fromkeys(names))}) if numbers.isna().any() else numbers


def feedback_data(sessions: pd.DataFrame) -> pd.DataFrame:
    """For `figures.sessions`: panel and line ("attended" as a share, "feedback"), session, component, value."""
    table = attendance(sessions)
    table = table[table["session"] != ALL].melt(["session", "component"], ["attended", "feedback"], "line", "value")
    return table.assign(panel=table["line"]).dropna(subset="value").reset_index(drop=True)


def ratings(observations: pd.DataFrame) -> pd.DataFrame:
    """For `figures.sessions`: mean of each behaviour over members and raters: panel, session, line, value."""
    table = observations.groupby("session", sort=False)[_behaviours(observations)].mean().reset_index()
    table = table.sort_values("session", key=_in_order, kind="stable")
    table = table.melt("session", var_name="line", value_name="value").dropna(subset="value")
    return table.assign(panel="rating").reset_index(drop=True)


def _behaviours(observations: pd.DataFrame) -> list[str]:
    return list(observations.drop(columns=PLACE).select_dtypes("number"))


def rater_agreement(observations: pd.DataFrame) -> pd.DataFrame:
    """Agreement of the observers on each behaviour, with its mean in the first and in the last session.

    Returns
    -------
    DataFrame
        behaviour, n (members by sessions that all rated), icc, low, high (single rater, absolute agreement), kappa,
        kappa_low, kappa_high (quadratic weights; of two raters only), first_session, last_session, reason. The
        intervals take ratings of one member in several sessions as independent, which makes them too short.

    References
    ----------
    ICC(2,1): Shrout & Fleiss 1979; weighted kappa: Cohen 1968.
    """
    rows, means = [], ratings(observations).pivot(index="session", columns="line", values="value")
    order = means.index[np.argsort(_in_order(means.index.to_series()).to_numpy(), kind="stable")]
    for name in _behaviours(observations):
        rated = observations.pivot(index=PLACE[:2], columns="rater", values=name).dropna()
        icc, why = attempt(icc_raters, rated)
        row = {"behaviour": name, "n": len(rated), "first_session": means.loc[order[0], name],
               "last_session": means.loc[order[-1], name], "reason": why}
        if icc is not None:
            row |= icc.set_index("type").loc["ICC2", ["icc", "low", "high"]].to_dict()
        if rated.shape[1] == 2:
            scale = np.arange(rated.min(axis=None), rated.max(axis=None) + 1)
            kappa, _ = attempt(cohen_kappa, *rated.T.to_numpy(), "quadratic", scale)
            row |= {} if kappa is None else {
                "kappa": kappa.estimate.value, "kappa_low": kappa.estimate.ci[0], "kappa_high": kappa.estimate.ci[1]}
        rows.append(row)
    names = ["behaviour", "n", "icc", "low", "high", "kappa", "kappa_low", "kappa_high", "first_session",
             "last_session", "reason"]
    return pd.DataFrame(rows).reindex(columns=names)


def came(sessions: pd.DataFrame) -> pd.DataFrame:
    """How many sessions each member came to: member, came."""
    return sessions.groupby("member")["present"].sum().rename("came").reset_index()


def attendance_response(attended: pd.DataFrame | NotEstimableError, changes: pd.DataFrame) -> Result:
    """Did members who came more often change more? Kendall's tau-b of sessions attended and change, exact p.

    Members decided themselves whether to come, so this describes and explains nothing. The p counts every order of
    the changes, ties and all, up to 8 members; beyond, the normal approximation.

    Parameters
    ----------
    attended : DataFrame or NotEstimableError
        Of `came`, or why there is none.
    changes : DataFrame
        member, change (post - pre); members without one are left out.

    Returns
    -------
    Result
        estimate: tau-b, without an interval (no few members have a useful one); test: Kendall's tau-b. extra: exact.

    Raises
    ------
    NotEstimableError
        With fewer than three members, or where all came equally often or changed alike.

    References
    ----------
    Kendall 1945.
    """
    if isinstance(attended, NotEstimableError):
        raise NotEstimableError(str(attended))
    both = attended.merge(changes[["member", "change"]], on="member").dropna()
    if len(both) < 3 or both["came"].nunique() == 1 or both["change"].nunique() == 1:
        raise NotEstimableError("at least three members who differ in attendance and in change are needed")
    x, y = both["came"].to_numpy(float), snap(both["change"].to_numpy(float))
    found = stats.kendalltau(x, y, method="asymptotic")
    exact, p = len(both) <= MOST_COUNTED, float(found.pvalue)
    if exact:
        i, j = np.triu_indices(len(both), 1)
        orders = y[np.array(list(permutations(range(len(both)))))]
        sums = np.abs(np.sign(orders[:, i] - orders[:, j]) @ np.sign(x[i] - x[j]))
        p = float((sums >= sums[0]).mean())  # the first order is the one observed
    return Result(
        method="Kendall's tau-b, " + ("exact" if exact else "normal approximation"),
        estimate=Estimate("Kendall's tau-b", float(found.statistic)),
        test=Test("Kendall's tau-b", float(found.statistic), None, p), n={"members": len(both)},
        reference="Kendall 1945", extra={"exact": exact},
    )
