"""The chain from cause to outcome: every kind of gap, named, counted and drawn in both languages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lbc.analysis import chain
from lbc.errors import NotEstimableError
from lbc.reporting import columns, figures
from lbc.results import Estimate, Result

LANGUAGES = ("en", "zh")
REGISTERED = ["y_total", "z_negative", "w_total"]
HEAD = ["level", "cause", "need", "component", "session", "measure", "cause_zh"]
LOGIC = pd.DataFrame([
    ("society", "label", "be ordinary", "", "", "", "标签"),
    ("family", "few calls", "talks", "calls", "2, 3", "y_family", "联系少"),
    ("family", "strangers", "closeness", "calls", "", "z_negative", "疏离"),
    ("individual", "shy", "first step", "skills", "9", "y_total", "内向"),
    ("individual", "no need said", "", "skills", "4", "", "无需要"),
    ("school_community", "left out", "friends", "skills", "4", "other_total", "被排斥"),
    ("society", "no help", "", "", "", "", "缺服务"),
], columns=HEAD)
SESSIONS = pd.DataFrame({"member": list("ABAB") + ["A"] * 3, "session": ["2", "2", "3", "3", "4", "5", "6"],
                         "component": ["calls"] * 4 + ["skills", "skills", "games"]})


ALL = chain.lines(LOGIC), chain.held(SESSIONS), REGISTERED


def table() -> pd.DataFrame:
    return chain.links(*ALL)


def test_one_row_per_cause_and_session_by_level() -> None:
    lines = chain.lines(LOGIC)
    assert lines["level"].tolist() == ["individual"] * 2 + ["family"] * 3 + ["school_community"] + ["society"] * 2
    assert lines.loc[lines["cause"] == "few calls", "session"].tolist() == ["2", "3"]
    chinese = chain.lines(LOGIC.assign(session="5、6；7"))
    assert chinese["session"].tolist()[:3] == ["5", "6", "7"]


def test_every_kind_of_gap() -> None:
    found = table().set_index("cause")["gap"].drop_duplicates()
    by_cause = table()[["cause", "gap"]].query("cause != ''").drop_duplicates().set_index("cause")["gap"].to_dict()
    assert by_cause == {
        "shy": "not held", "no need said": "no need, no measure", "few calls": "", "strangers": "no session",
        "left out": "no outcome", "label": "no component", "no help": "no need, no component"}
    extra = table().query("cause == ''")
    assert extra[["component", "session", "outcome", "gap"]].values.tolist() == [
        ["skills", "5", "", ""], ["", "6", "", "outside"], ["", "", "w_total", "no path"]]
    assert {kind for gap in found for kind in gap.split(", ") if kind} == set(chain.GAPS)


def test_a_part_of_a_registered_scale_counts_as_its_outcome() -> None:
    outcomes = table().query("measure != ''").set_index("measure")["outcome"].to_dict()
    assert outcomes == {"y_total": "y_total", "y_family": "y_total", "z_negative": "z_negative", "other_total": ""}


def test_without_attendance_no_session_is_called_not_held() -> None:
    found = chain.links(chain.lines(LOGIC), None, REGISTERED)
    assert "not held" not in set(found["gap"])
    assert found.query("cause == ''")["gap"].tolist() == ["no path"]
    cased = chain.links(chain.lines(LOGIC.assign(session="case")), chain.held(SESSIONS), REGISTERED)
    assert "not held" not in " ".join(cased["gap"]), "case work is no group session"


def test_the_gaps_in_words() -> None:
    names = chain.labels(LOGIC) | {"other_total": {"en": "Other", "zh": "其他"}}
    found = chain.gaps(*ALL, names)
    assert len(found) == 10
    rows = {(row.level, row.link["en"]): row.gap for row in found.itertuples()}
    assert rows["society", "label"] == {"en": "a cause nobody worked on", "zh": "无人着手处理的原因"}
    assert rows["school_community", "Other"]["en"] == "a measure that is no registered outcome"
    assert rows["individual", "9"]["en"] == "a session that was not held"
    assert rows["", "6"]["zh"] == "活动不属于链条中的组成部分"
    assert rows["", "w_total"]["en"] == "an outcome that no measure leads to"
    assert found["link"].iloc[-2] == {"en": "6", "zh": "6"}
    assert all(set(words) == {"en", "zh"} for _, words in chain.GAPS.values())
    assert {step for step, _ in chain.GAPS.values()} <= set(chain.STEPS)
    assert set(found) <= set(columns.HEADS)


def test_the_number_of_gaps() -> None:
    found = chain.count(*ALL)
    assert (found.estimate.value, found.n) == (10, {"causes": 7})
    whole = chain.lines(LOGIC.iloc[[1]]), None, ["y_total"]
    assert chain.count(*whole).estimate.value == 0
    with pytest.raises(NotEstimableError, match="no link of the chain is missing"):
        chain.gaps(*whole, {})


def test_texts_in_both_languages() -> None:
    names = chain.labels(LOGIC)
    assert names["few calls"] == {"en": "few calls", "zh": "联系少"}
    assert names["talks"] == {"en": "talks", "zh": "talks"}, "no translation was given"
    assert chain.labels(None) == {"case": {"en": "case work", "zh": "个案"}}


@pytest.mark.parametrize("logic", [None, LOGIC.iloc[:0]])
def test_no_logic_model(logic: Any) -> None:
    for function in (chain.links, chain.count):
        with pytest.raises(NotEstimableError, match="not collected: there is no logic model"):
            function(logic, None, REGISTERED)


CHANGES = {"y_total": Result("x", Estimate("mean change", -4.25, (-7.0, -1.5))),
           "z_negative": Result("x", None, reason="nobody was measured")}


@pytest.fixture(params=LANGUAGES)
def drawn(request: pytest.FixtureRequest) -> Any:
    fig, data = figures.chain(table(), chain.GAPS, CHANGES, labels=chain.labels(LOGIC), language=request.param)
    yield request.param, fig, data
    figures.close(fig)


def test_every_gap_is_a_box_in_words(drawn: Any) -> None:
    language, fig, data = drawn
    texts = [text.get_text().replace("\n", " " if language == "en" else "") for text in fig.axes[0].texts]
    for _, words in chain.GAPS.values():
        assert any(words[language] in text for text in texts), words
    assert any("−4.2" in text for text in texts), "the change stands under its outcome"
    assert any({"en": "not estimable", "zh": "无法估计"}[language] in text for text in texts)
    assert data.loc[data["outcome"] == "y_total", "change"].tolist() == [-4.25] * 3
    if language == "zh":
        assert "联系少" in texts
        assert "few calls" not in texts


def test_boxes_do_not_touch_and_hold_their_text(drawn: Any) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.patches import Rectangle

    _, fig, _ = drawn
    FigureCanvasAgg(fig).draw()
    boxes = [patch.get_window_extent() for patch in fig.axes[0].patches if isinstance(patch, Rectangle)]
    assert len(boxes) == 36, "7 causes, 7 needs, 5 components, 7 sessions, 6 measures, 4 outcomes, gaps counted"
    assert not [1 for k, one in enumerate(boxes) for two in boxes[k + 1:] if one.overlaps(two)]
    centres = np.array([[(b.x0 + b.x1) / 2, (b.y0 + b.y1) / 2] for b in boxes])
    for text in fig.axes[0].texts:
        extent = text.get_window_extent()
        middle = np.array([(extent.x0 + extent.x1) / 2, (extent.y0 + extent.y1) / 2])
        near = np.abs(centres - middle).sum(axis=1)
        if near.min() < 6:
            box = boxes[int(near.argmin())]
            assert extent.width <= box.width + 1, text.get_text()
            assert extent.height <= box.height + 1, text.get_text()
    box, (width, height) = fig.get_tightbbox(), fig.get_size_inches()
    assert box.x0 > -0.03
    assert box.x1 < width + 0.03
    assert box.y0 > -0.03
    assert box.y1 < height + 0.03
    assert width <= 6.6
