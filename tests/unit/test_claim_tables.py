"""What notebook 05 shows of claims, and what it reads again of the printed statistics."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lbc.errors import ClaimError
from lbc.reporting import claims, table_tests
from lbc.reporting.recheck import by_kind, printed, recheck, summary, told, wrong
from lbc.reporting.tables import Table

TABLES = sorted((Path(__file__).resolve().parents[2] / "outputs" / "s_town" / "tables").glob("*.csv"))

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
        ["They are lonelier", "Loneliness", "mean difference = 2.50 points, 95% CI [0.50, 4.50]", "association"],
        ["They are lonelier", "Loneliness", "none", "single case"],
        ["The group helped.", "intervention.group.cls.change", "none", "—"],
    ]
    chinese = claims.foundations(listed, FOUND, "zh")
    assert chinese["finding"].iloc[0] == "孤独感"
    assert chinese["value"].tolist() == ["均值差 = 2.50 分，95% CI [0.50, 4.50]", "无", "无"]
    assert chinese["evidence"].tolist() == ["相关关系", "单一个案", "—"]


def test_an_estimate_that_is_no_number_reads_as_a_dash(listed: claims.Claims) -> None:
    broken = FOUND | {"a.difference": finding(float("nan"))}
    broken["a.difference"]["estimate"] |= {"value": None, "ci": None}
    assert claims.foundations(listed, broken)["value"].iloc[0] == "mean difference = — points"


def test_the_board_shows_the_words_up_to_the_numbers(listed: claims.Claims) -> None:
    board = claims.board(claims.judge(listed, FOUND))
    assert board.columns.tolist() == ["id", "verdict", "evidence", "claim"]
    assert board["claim"].tolist() == [{"en": "They are lonelier", "zh": "更孤独"},
                                       {"en": "The group helped.", "zh": "小组有帮助。"}]
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
    start = "**supported** (single case) They are lonelier: by 2.5 points.\n\n1 of 1 condition holds. "
    assert first.words["en"].startswith(start)
    assert first.words["zh"].startswith("**得到支持** (单一个案) 更孤独：相差 2.5 分。\n\n")
    assert second.words["en"].startswith("**cannot be tested with this design** (—) The group helped.\n\n")
    bundle, metadata = first._repr_mimebundle_()
    assert bundle["text/markdown"] == first.words["en"]
    assert metadata["lbc"]["zh"] == first.words["zh"]


def test_where_the_evidence_is_to_be_seen(listed: claims.Claims) -> None:
    made = {"02_group_comparison": ["02_a", "02_b"], "03_ecological_causes": []}
    table = claims.links(listed, FOUND, made)
    assert table.values.tolist() == [
        ["They are lonelier", "02_group_comparison, 03_ecological_causes", "all of them"], ["The group helped.", "", "—"]]
    assert claims.links(listed, FOUND, made, "zh").iloc[0, [0, 2]].tolist() == ["更孤独", "全部"]
    assert claims.links(listed, FOUND, {})["exhibits"].tolist() == ["—", "—"]


def test_a_claim_may_name_its_exhibits(tmp_path: Path) -> None:
    path = tmp_path / "x.claims.yaml"
    path.write_text(TEXT.replace("    holds_when:", "    exhibits: [02_b, 04_gone]\n    holds_when:", 1), encoding="utf-8")
    named = claims.load(path, "params/x.claims.yaml")
    made = {"02_group_comparison": ["02_a", "02_b"], "04_intervention_evaluation": []}
    assert claims.links(named, FOUND, made)["exhibits"].iloc[0] == "02_b"  # nothing was collected for notebook 04
    with pytest.raises(ClaimError) as caught:
        claims.links(named, FOUND, {"02_group_comparison": ["02_a", "02_bb"]})
    assert "params/x.claims.yaml:5: claims.0.exhibits.0: no exhibit is called '02_b'; did you mean '02_bb'?" in str(caught.value)


def test_everything_printed_in_both_languages(listed: claims.Claims) -> None:
    judged = claims.judge(listed, FOUND)
    texts = printed(FOUND, judged)
    assert list(texts) == [
        "a.difference (en)", "a.difference (zh)", "b.difference (en)", "b.difference (zh)",
        "claim lonelier (en)", "claim lonelier (zh)", "claim helped (en)", "claim helped (zh)"]
    assert "t(100) = 2.50, p = .014" in texts["a.difference (en)"]
    assert "p = 0.014" in texts["a.difference (zh)"]
    assert texts["b.difference (en)"] == "Loneliness: not estimable: too few."
    assert texts["claim helped (en)"].startswith("The group helped. 0 of 1 condition holds.")
    checked = recheck(texts)
    assert checked.loc[checked["where"] == "a.difference (zh)", "consistent"].tolist() == [True]


def test_how_many_printed_statistics_agree() -> None:
    checked = recheck(["t(28) = 2.20, p = .036; F(1, 17) = 16.89, p = .017; exact sign-flip test, p = .031"])
    table = summary(checked)
    assert dict(zip(table["outcome"], table["tests"], strict=True)) == {
        "agree": 1, "disagree": 1, "cannot be recomputed": 1}
    assert summary(checked, "zh")["outcome"].tolist() == ["一致", "不一致", "无法复算"]
    assert summary(recheck([]))["tests"].tolist() == [0, 0, 0]


def test_what_cannot_be_recomputed_is_counted_by_name() -> None:
    checked = recheck({
        "a (en)": "t(28) = 2.20, p = .036, Holm-adjusted p = .072; n = 30", "a (zh)": "t(28) = 2.20, p = 0.036，Holm 校正后 p = 0.072",
        "b (en)": "exact sign-flip test, statistic = −33.00, p = .016; n = 7 members", "c (en)": "permutation test, t = 3.61, p = .002",
        "claim x (en)": "By 3.2: p = .036 (asked: above zero, p < .05)."})
    table = by_kind(checked).set_index("printed")
    assert table.astype(int).T.to_dict("list") == {
        "t": [2, 0, 0], "Holm-adjusted p (needs the family)": [0, 0, 2], "exact sign-flip test (counted)": [1, 0, 0],
        "test without printed degrees of freedom": [0, 0, 1], "p quoted from a finding": [0, 0, 1],
        "level that was asked for, no test": [0, 0, 1], "all": [3, 0, 5]}
    chinese = by_kind(checked, "zh")["printed"]
    assert [text for text in chinese if re.search(r"[a-z]{2,}", text.replace("Holm", ""))] == []


def test_what_is_wrong_is_told_with_its_place() -> None:
    en, zh = told(recheck({"a": "t(28) = 2.20, p = .036", "b": "t(60) = 1.40, p = .031"}))
    assert en == "2 printed p values were read in sentences, claims and tables; 1 disagree with their statistic (b)."
    assert zh == "在句子、论断与表格中共读取 2 个所印 p 值，1 个与其统计量不符（b）。"
    assert told(recheck(["t(28) = 2.20, p = .036"]))[0].endswith("0 disagree with their statistic.")


@pytest.mark.parametrize(("text", "consistent"), [
    ("exact sign-flip test, statistic = −33.00, p = .016; n = 7 members", True),
    ("精确符号翻转检验，统计量 = −33.00, p = 0.016；n = 7 名组员", True),
    ("exact sign-flip test, statistic = −33.00, p = .020; n = 7 members", False),  # 1/64 and 2/64 are next to it
    ("exact sign-flip test, statistic = 1.00, p > .999; n = 7 members", True),
    ("exact sign-flip test, statistic = −33.00, p < .001; n = 7 members", False),  # nothing below 1/64 exists
    ("exact sign-flip test, statistic = −33.00, p = .020; n = 12 members", None),  # too fine for three digits
    ("exact signed-rank test, V = 0.00, p = .008; n = 8 pairs", True),
    ("exact signed-rank test, V = 3.00, p = .031; n = 8 pairs", None),  # ties may have changed it
    ("sign test, statistic = 7.00, p = .070; n = 8 pairs", True),
    ("sign test, statistic = 7.00, p = .040; n = 8 pairs", False),
    ("two one-sided tests, t(563.98) = −0.21, p = .418", True),
    ("双单侧检验，t(563.98) = −0.21, p = 0.418", True),
    ("equivalence (TOST), 90% CI t(563.98) = −0.21, p = .582", True),
    ("t(563.98) = −0.21, p = .418", False),
    ("slope t(13.0) = −1.35 / 0.49, p = .017", True),
    ("slope t(13.0) = −1.35 / 0.49, p = .050", False),
    ("girl mixture(1, 2) = 1.50, p = .347", True),
    ("girl mixture(1, 2) = 1.50, p = .221", False),
])
def test_exact_one_sided_and_composed_statistics(text: str, consistent: bool | None) -> None:
    assert recheck([text])["consistent"].tolist() == [consistent]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_test_of_a_table_is_read_as_it_is_printed(language: str) -> None:
    frame = pd.DataFrame({
        "term": ["girl", "age", "none"], "F": [5.6054, None, None], "df": [3.0, None, None], "df_residual": [203.775, None, None],
        "p": [0.00103, None, None], "chi2": [17.9387, None, None], "p_kruskal": [0.000453, None, None],
        "within_t": [None, -1.239, None], "within_df": [None, 215.956, None], "within_p": [None, 0.21661, None],
        "difference_p": [None, 0.63, None]})
    read = dict(table_tests.tests(Table(frame), language))
    zero = "" if language == "en" else "0"
    assert read == {
        "row 1, p": f"girl F(3.00, 203.78) = 5.61, p = {zero}.001", "row 1, p_kruskal": f"girl χ²(3.00) = 17.94, p < {zero}.001",
        "row 2, within_p": f"age t(215.96) = −1.24, p = {zero}.217", "row 2, difference_p": f"age difference_p, p = {zero}.630"}
    assert recheck(read)["consistent"].tolist() == [True, True, True, None]


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_the_published_tables_agree_with_themselves(path: Path) -> None:
    for language in ("en", "zh"):
        checked = recheck(dict(table_tests.tests(Table(pd.read_csv(path)), language)))
        assert wrong(checked).values.tolist() == []


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
