"""The meetings: attendance and feedback by session, observers' agreement, attendance beside change."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lbc.analysis import sessions
from lbc.errors import NotEstimableError

HELD = pd.DataFrame({
    "member": ["A", "B", "A", "B", "A", "B"], "session": ["10", "10", "9", "9", "11", "11"],
    "component": ["self", "self", "self", "self", "peers", "peers"], "present": [1, 1, 1, 0, 0, 0],
    "feedback": [4.0, np.nan, 5.0, 1.0, 2.0, 3.0],
})


def test_attendance_and_feedback_of_those_who_came() -> None:
    table = sessions.attendance(HELD)
    assert table.columns.tolist() == ["component", "session", "sessions", "attended", "feedback", "n"]
    assert table["session"].tolist() == ["9", "10", "11", "all sessions", "all sessions"]  # by number, not by letter
    assert table["attended"].tolist() == [0.5, 1, 0, 0.75, 0]
    assert table["n"].tolist() == [1, 1, 0, 2, 0]  # feedback of one who was not there does not count
    assert table["feedback"].iloc[[0, 1, 3]].tolist() == [5, 4, 4.5]
    assert np.isnan(table["feedback"].iloc[2])
    named = sessions.attendance(HELD.assign(session=HELD["session"].map({"9": "start", "10": "middle", "11": "end"})))
    assert named["session"].tolist()[:3] == ["middle", "start", "end"]  # as they stand in the file


def test_what_the_figure_of_the_sessions_shows() -> None:
    data = sessions.feedback_data(HELD)
    assert data.columns.tolist() == ["session", "component", "line", "value", "panel"]
    assert data[data["panel"] == "attended"]["value"].tolist() == [0.5, 1, 0]
    assert data[data["panel"] == "feedback"]["session"].tolist() == ["9", "10"]


def observations(**columns: Any) -> pd.DataFrame:
    names = pd.MultiIndex.from_product([["A", "B", "C"], ["1", "2"], ["x", "y"]], names=["member", "session", "rater"])
    return pd.DataFrame(columns, index=names).reset_index()


def test_agreement_of_the_observers() -> None:
    joins = [1.0, 2, 3, 3, 2, 2, 4, 5, 3, 3, 5, 5]
    alone = [1.0, np.nan, 2, 2, 5, 4, 3, 3, 1, 2, 4, 4]
    frame = observations(joins=joins, calm=[3.0] * 12, alone=alone, date=["d"] * 12)
    table = sessions.rater_agreement(frame).set_index("behaviour")
    assert table.index.tolist() == ["joins", "calm", "alone"]  # a date is no rating
    assert table["n"].tolist() == [6, 6, 5]
    assert 0 < table.loc["joins", "low"] < table.loc["joins", "icc"] < table.loc["joins", "high"] < 1
    a, b = np.array(joins[::2]), np.array(joins[1::2])
    apart = (a - b) ** 2
    chance = np.subtract.outer(a, b) ** 2
    assert table.loc["joins", "kappa"] == pytest.approx(1 - apart.mean() / chance.mean())
    assert table.loc["joins", "kappa_low"] < table.loc["joins", "kappa"]
    assert table.loc["joins", ["first_session", "last_session"]].tolist() == [np.mean([1, 2, 2, 2, 3, 3]), np.mean([3, 3, 4, 5, 5, 5])]
    assert np.isnan(table.loc["calm", "icc"])
    assert np.isnan(table.loc["calm", "kappa"])
    assert "do not differ" in table.loc["calm", "reason"]
    third = pd.concat([frame, frame[frame["rater"] == "x"].assign(rater="z")])
    assert sessions.rater_agreement(third)["kappa"].isna().all()  # a kappa is of two raters


def test_mean_ratings_over_the_sessions() -> None:
    data = sessions.ratings(observations(joins=[1.0, 2, 3, 3] * 3))
    assert data["value"].tolist() == [1.5, 3.0]
    assert set(data["panel"]) == {"rating"}


def response(times: list[int], change: list[float]) -> Any:
    rows = [(f"M{i}", f"{s}", int(s < n)) for i, n in enumerate(times) for s in range(8)]
    held = pd.DataFrame(rows, columns=["member", "session", "present"])
    changes = pd.DataFrame({"member": [f"M{i}" for i in range(len(change))], "change": change})
    return sessions.attendance_response(sessions.came(held), changes)


def test_kendall_counts_every_order() -> None:
    times, change = [8, 7, 7, 6, 8, 5], [-9.0, -4, -6, 1, -9, -2]
    found = response(times, change)
    assert found.estimate.value == pytest.approx(stats.kendalltau(times, change).statistic)
    assert found.estimate.ci is None
    taus = [abs(stats.kendalltau(times, order).statistic) for order in permutations(change)]
    assert found.test.p == pytest.approx(np.mean(np.array(taus) >= abs(found.estimate.value) - 1e-12))
    assert found.extra["exact"]
    assert found.n == {"members": 6}


def test_kendall_of_many_and_of_too_few() -> None:
    rng = np.random.default_rng(1)
    times, change = rng.integers(3, 9, 12).tolist(), rng.normal(size=12)
    many = response(times, change.tolist())
    assert not many.extra["exact"]
    assert many.test.p == pytest.approx(stats.kendalltau(times, change, method="asymptotic").pvalue)
    for when, what in (([8, 8, 8], [1.0, 2, 3]), ([8, 7, 6], [1.0, 1, 1]), ([8, 7, 6], [1.0, 2, np.nan])):
        with pytest.raises(NotEstimableError, match="at least three members"):
            response(when, what)
    with pytest.raises(NotEstimableError, match="not collected"):
        sessions.attendance_response(NotEstimableError("not collected"), pd.DataFrame({"member": [], "change": []}))
