"""What notebook 05 shows of claims, and what it reads again of the printed statistics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lbc.reporting import claims
from lbc.reporting.recheck import printed, recheck, summary

TEXT = """claims:
  - id: lonelier
    sentence: {en: "They are lonelier: by {a.difference:.1f} points.", zh: "更孤独：相差 {a.difference:.1f} 分。"}
    rests_on: [a.difference, b.difference]
    holds_when: [{finding: a.difference, direction: positive}]
  - id: helped
    sentence: {en: "The group helped.", zh: "小组有帮助。"}
    rests_on: [intervention.group.cls.change]
    holds_when: [{finding: intervention.group.cls.change, direction: negative}]
"""


def finding(value: float | None, stage: str = "02_group_comparison", **more: Any) -> dict[str, Any]:
    estimate = None if value is None else {"name": "mean difference", "value": value, "ci": [0.5, 4.5], "level": 0.95, "unit": "points"}
    return {
        "id": "x", "label": {"en": "Loneliness", "zh": "孤独感"}, "estimate": estimate, "effect": None,
        "test": {"name": "Welch t", "statistic": 2.5, "df": 100.0, "p": 0.014}, "n": {}, "evidence": "association",
        "reason": "too few", "stage": stage, "confirmatory": False} | more


FOUND = {"a.difference": finding(2.5), "b.difference": finding(None, "03_ecological_causes", evidence="single case")}


@pytest.fixture
def listed(tmp_path: Path) -> claims.Claims:
    path = tmp_path / "x.claims.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return claims.load(path, "params/x.claims.yaml")


def test_what_each_claim_rests_on(listed: claims.Claims) -> None:
    table = claims.foundations(listed, FOUND)
    assert table.values.tolist() == [
        ["lonelier", "Loneliness", "mean difference = 2.50 points, 95% CI [0.50, 4.50]", "association"],
        ["lonelier", "Loneliness", "none", "single case"],
        ["helped", "intervention.group.cls.change", "none", "—"],
    ]
    chinese = claims.foundations(listed, FOUND, "zh")
    assert chinese["finding"].iloc[0] == "孤独感"
    assert chinese["value"].tolist() == ["均值差 = 2.50 分，95% 置信区间 [0.50, 4.50]", "无", "无"]
    assert chinese["evidence"].tolist() == ["相关关系", "单一个案", "—"]


def test_an_estimate_that_is_no_number_reads_as_a_dash(listed: claims.Claims) -> None:
    broken = FOUND | {"a.difference": finding(float("nan"))}
    broken["a.difference"]["estimate"] |= {"value": None, "ci": None}
    assert claims.foundations(listed, broken)["value"].iloc[0] == "mean difference = — points"


def test_the_board_shows_the_words_up_to_the_numbers(listed: claims.Claims) -> None:
    for language, words in (("en", ["They are lonelier", "The group helped."]), ("zh", ["更孤独", "小组有帮助。"])):
        board = claims.board(claims.judge(listed, FOUND, language))
        assert board.columns.tolist() == ["id", "verdict", "evidence", "claim"]
        assert board["claim"].tolist() == words
        assert board["verdict"].tolist() == ["supported", "cannot be tested with this design"]
        assert board["evidence"].fillna("—").tolist() == ["single case", "—"]  # the weakest it rests on


def test_claims_as_a_table(listed: claims.Claims) -> None:
    table = claims.table(claims.judge(listed, FOUND, "zh"), "zh")
    assert table.columns.tolist() == ["sentence", "verdict", "evidence", "reason"]
    assert table["sentence"].iloc[0] == "更孤独：相差 2.5 分。"
    assert table["verdict"].tolist() == ["得到支持", "本研究设计无法检验"]
    assert table["evidence"].tolist() == ["单一个案", "—"]
    assert "未收集" in table["reason"].iloc[1]


def test_claims_as_paragraphs(listed: claims.Claims) -> None:
    first, second = claims.paragraphs(claims.judge(listed, FOUND))
    assert first.startswith("**supported** (single case) They are lonelier: by 2.5 points.\n\n1 of 1 condition holds. ")
    assert second.startswith("**cannot be tested with this design** (—) The group helped.\n\n")
    assert first._repr_markdown_() == first
    assert type(first._repr_markdown_()) is str


def test_where_the_evidence_is_to_be_seen(listed: claims.Claims) -> None:
    made = {"02_group_comparison": ["02_a", "02_b"], "03_ecological_causes": []}
    table = claims.links(listed, FOUND, made)
    assert table.values.tolist() == [
        ["lonelier", "02_group_comparison, 03_ecological_causes", "02_a, 02_b"], ["helped", "", ""]]
    assert claims.links(listed, FOUND, {})["exhibits"].tolist() == ["", ""]


def test_everything_printed_in_both_languages(listed: claims.Claims) -> None:
    judged = claims.judge(listed, FOUND)
    texts = printed(FOUND, judged)
    assert list(texts) == [
        "a.difference (en)", "a.difference (zh)", "b.difference (en)", "b.difference (zh)", "claim lonelier", "claim helped"]
    assert "t(100) = 2.50, p = .014" in texts["a.difference (en)"]
    assert "p = 0.014" in texts["a.difference (zh)"]
    assert texts["b.difference (en)"] == "Loneliness: not estimable: too few."
    assert texts["claim helped"].startswith("The group helped. 0 of 1 condition holds.")
    checked = recheck(texts)
    assert checked.loc[checked["where"] == "a.difference (zh)", "consistent"].tolist() == [True]


def test_how_many_printed_statistics_agree() -> None:
    checked = recheck(["t(28) = 2.20, p = .036; F(1, 17) = 16.89, p = .017; exact sign-flip test, p = .031"])
    table = summary(checked)
    assert dict(zip(table["outcome"], table["tests"], strict=True)) == {
        "agree": 1, "disagree": 1, "cannot be recomputed (exact tests)": 1}
    assert summary(checked, "zh")["outcome"].tolist() == ["一致", "不一致", "无法复算（精确检验）"]
    assert summary(recheck([]))["tests"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(("text", "consistent", "remark"), [
    ("t（318.2）＝2.31，p＝0.021", True, ""),
    ("χ²(1, N = 90) = 5.97, p = .015", True, ""),
    ("z = 1.96, p = .05", True, ""),
    ("r(28) = .36, p = .05", True, ""),
    ("r(28) = 1.00, p < .001", True, ""),
    ("t(28) = 2.20, p > .04", False, "the printed p does not follow"),
    ("t(28) = 1.80, p = .041", False, "agrees with a one-sided test; the other side of .05"),
    ("F(2, 40) = 3.00, p < .01", False, "the printed p does not follow; the other side of .05"),
    ("t = 2.2, p = .036", None, "degrees of freedom are not printed: nothing to recompute"),
    ("F(2) = 2.2, p = .036", None, "degrees of freedom are not printed: nothing to recompute"),
    ("p < .001", None, "no statistic stands before this p: nothing to recompute"),
])
def test_every_kind_of_print(text: str, consistent: bool | None, remark: str) -> None:
    (row,) = recheck({"here": text}).to_dict("records")
    assert (row["where"], row["consistent"], row["remark"]) == ("here", consistent, remark)
