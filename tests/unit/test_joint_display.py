"""The joint display: its verdicts by the stated rule, its rows, its words and its figures."""

from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lbc.analysis import interviews, joint_display, pooling
from lbc.errors import NotEstimableError
from lbc.params import Interviews
from lbc.reporting import figures, style
from lbc.reporting.columns import HEADS, WORDS
from lbc.reporting.tables import LEVELS, Table
from lbc.results import Estimate

LISTED = pd.DataFrame({"name": ["shy", "calls", "economy", "helper", "health", "girl", "away"],
                       "level": ["individual", "family", "family", "society", "individual", "individual", "family"]})
SAID = [  # person, role, level, theme
    ("P1", "child", "individual", "shy"), ("P2", "teacher", "individual", "shy"), ("P1", "child", "family", "calls"),
    ("P2", "teacher", "family", "calls"), ("P3", "child", "family", "money"), ("P3", "child", "society", "no help"),
    ("P1", "child", "society", "no help"), ("P2", "teacher", "family", "grandparents"),
    ("P3", "child", "family", "grandparents"), ("P3", "child", "school_community", "teasing"),
]


def coded() -> pd.DataFrame:
    return pd.DataFrame([
        {"person": person, "role": role, "coder": coder, "segment": f"{person}-{k}", "level": level, "theme": theme,
         "paraphrase": f"{role} on {theme}", "paraphrase_zh": "" if theme == "money" else f"{theme}，{person}"}
        for k, (person, role, level, theme) in enumerate(SAID) for coder in "XY"])


def completed(n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    x = pd.DataFrame(rng.normal(size=(n, 6)), columns=LISTED["name"][:6].tolist())
    x["y"] = 0.4 * x["shy"] + 0.4 * x["calls"] - 0.4 * x["economy"] + 0.4 * x["health"] + rng.normal(size=n)
    x["away"] = rng.choice(["no", "yes"], n)
    x["room"] = rng.integers(0, 20, n)
    return pd.concat([x.assign(imputation=k) for k in (1, 2, 3)], ignore_index=True)


def protocol(**more: Any) -> Interviews:
    joint = [{"theme": "shy", "predictors": ["shy"], "expected": "up", "label": {"en": "being shy", "zh": "害羞"}},
             {"theme": "calls", "predictors": ["calls"], "expected": "down"},
             {"theme": "money", "predictors": ["economy"], "expected": "down"},
             {"theme": "no help", "predictors": ["helper"], "expected": "down"}]
    return Interviews.model_validate({"joint": joint, "smallest": 0.12} | more)


@pytest.mark.parametrize(("persons", "ci", "expected", "verdict"), [
    (2, (0.05, 0.3), "up", "agrees"), (2, (-0.3, -0.05), "down", "agrees"), (2, (-0.3, -0.05), "up", "diverges"),
    (2, (-0.09, 0.09), "up", "diverges"), (2, (0.01, 0.09), "up", "diverges"), (2, (-0.05, 0.2), "up", "undecided"),
    (2, (-0.2, 0.05), "up", "undecided"), (2, None, "up", "extends"), (1, None, "up", "absent"),
    (1, (0.05, 0.3), "up", "silent"), (1, (-0.3, -0.05), "up", "silent"), (1, (0.01, 0.09), "up", "absent"),
    (0, (-0.05, 0.2), "up", "absent"), (2, (0.0, 0.3), "up", "undecided"),
])
def test_the_rule(persons: int, ci: Any, expected: Any, verdict: str) -> None:
    found = None if ci is None else Estimate("correlation", sum(ci) / 2, ci)
    assert joint_display.verdict(persons, 2, found, expected, 0.1) == verdict


def test_every_theme_and_every_number_of_the_survey_has_its_row() -> None:
    table = joint_display.display(coded(), completed(), "y", LISTED, protocol(), "room")
    rows = table.set_index("theme")["verdict"]
    assert rows.drop(joint_display.NOBODY).to_dict() == {
        "being shy": "agrees", "calls": "diverges", "grandparents": "extends", "money": "silent", "teasing": "absent",
        "no help": "diverges"}
    silent = table[table["theme"] == joint_display.NOBODY].set_index("predictors")
    assert silent["verdict"].to_dict() == {"health": "silent", "girl": "absent"}
    assert (silent["persons"] == 0).all()
    assert list(dict.fromkeys(table["level"])) == ["individual", "family", "school_community", "society"]
    shy = table.iloc[0]
    assert shy[["persons", "of", "child", "teacher", "predictors", "direction"]].tolist() == [2, 3, 1, 1, "shy", "up"]
    expected = pooling.correlation(completed(), "y", ["shy"], "room").estimate
    assert (shy["r"], shy["low"], shy["high"]) == (expected.value, *expected.ci)
    assert table.loc[table["theme"] == "grandparents", "predictors"].item() == joint_display.NOT_ASKED


def test_more_persons_may_be_asked_for() -> None:
    table = joint_display.display(coded(), completed(), "y", LISTED, protocol(least=3), "room")
    assert table.set_index("theme").loc["being shy", "verdict"] == "silent"


def test_the_finding_counts_every_verdict() -> None:
    table = joint_display.display(coded(), completed(), "y", LISTED, protocol(), "room")
    result = joint_display.summary(table)
    assert result.n == {"agrees": 1, "diverges": 2, "undecided": 0, "extends": 1, "silent": 2, "absent": 2}
    assert sum(result.n.values()) == len(table)
    assert result.estimate.value == pytest.approx(1 / 3)


def test_words_are_a_childs_where_there_are_any() -> None:
    table = joint_display.display(coded(), completed(), "y", LISTED, protocol(), "room")
    words = joint_display.with_words(table, coded(), protocol()).set_index("theme")["paraphrase"]
    assert words["being shy"] == {"en": "child on shy", "zh": "shy，P1"}
    assert words["grandparents"] == {"en": "child on grandparents", "zh": "grandparents，P3"}
    assert words["money"] == {"en": "child on money", "zh": "child on money"}
    assert joint_display.NOBODY not in words
    only = coded().drop(columns="paraphrase_zh")
    assert joint_display.with_words(table, only, protocol()).iloc[0]["paraphrase"]["zh"] == "child on shy"
    apart = coded()
    apart.loc[apart["theme"].eq("teasing") & apart["coder"].eq("Y"), "theme"] = "calls"
    table = joint_display.display(apart, completed(), "y", LISTED, protocol(), "room")
    assert joint_display.with_words(table, apart, protocol()).set_index("theme").loc["teasing", "paraphrase"] == ""


@pytest.mark.parametrize(("joint", "reason"), [
    ({"theme": "teazing"}, "themes that nobody coded: teazing"),
    ({"theme": "shy", "predictors": ["shyness"]}, "predictors that the survey lacks: shyness"),
    ({"theme": "shy", "predictors": ["away"]}, "no numbers in away"),
])
def test_mistakes_in_params_are_named(joint: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotEstimableError, match=reason):
        joint_display.display(coded(), completed(), "y", LISTED, protocol(joint=[joint]), "room")


def test_nothing_raised_and_asked_gives_no_share() -> None:
    table = joint_display.display(coded(), completed(), "y", LISTED, protocol(joint=[]), "room")
    with pytest.raises(NotEstimableError, match="both raised"):
        joint_display.summary(table)


def test_every_verdict_and_head_has_its_chinese() -> None:
    for verdict in (*joint_display.VERDICTS, joint_display.NOBODY, joint_display.NOT_ASKED, interviews.ANY):
        assert WORDS[verdict]["zh"] != WORDS[verdict]["en"]
    table = joint_display.display(coded(), completed(), "y", LISTED, protocol(), "room")
    assert set(table) <= set(HEADS)
    text = Table(table, labels=interviews.names(protocol().joint) | LEVELS).to_markdown("zh")
    for word in ("害羞", "分歧", "沉默", "（无人谈及）", "未测"):
        assert word in text
    rule = joint_display.rule(protocol(least=3, smallest=0.15))
    assert all("3" in text and "±0.15" in text for text in rule.values())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_figures(language: str) -> None:
    table = joint_display.display(coded(), completed(), "y", LISTED, protocol(), "room")
    rng = np.random.default_rng(1)
    labels = interviews.names(protocol().joint) | LEVELS
    for draw, data in ((figures.joint_display, table), (figures.co_occurrence, interviews.co_occurrence(coded())),
                       (figures.new_codes, interviews.new_code_curve(coded(), rng, 20))):
        fig, plotted = draw(data, labels=labels, language=language)
        assert len(plotted) == len(data)
        assert fig.get_size_inches()[0] <= style.TWO
        assert figures.preview(fig).startswith(b"\x89PNG")
        figures.close(fig)


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(joint_display).attempted == 1
    assert doctest.testmod(joint_display).failed == 0
