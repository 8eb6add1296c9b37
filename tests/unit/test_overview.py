"""Small tables and findings about the cleaned survey; flags and reliability in tables for readers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lbc.analysis import psychometrics
from lbc.instruments import load
from lbc.params import Group
from lbc.survey import careless, overview
from lbc.survey.cleaning import Step
from lbc.survey.codebook import Codebook, Variable
from lbc.survey.direction import Direction

NO = {"en": "x", "zh": "某"}
GROUP = Group(variable="left_behind", reference="0", focal="1")


def test_the_flow_as_a_finding() -> None:
    steps = [Step("received", NO, 10, 1, 9, NO), Step("consent", NO, 9, 2, 7, NO)]
    result = overview.flow_result(steps)
    assert (result.estimate.value, result.estimate.name) == (7, "forms kept")
    assert result.n == {"forms in the file": 10, "received": 9, "consent": 7}


def direction(agrees: list[Any], highest: bool = True) -> Direction:
    evidence = pd.DataFrame({"check": range(len(agrees)), "agrees": pd.Series(agrees, dtype=object)})
    return Direction("cls", highest, "labels", evidence, (1, 5))


def test_how_sure_the_direction_is() -> None:
    result = overview.direction_result(direction([True, True, None, False, True]))
    assert result.estimate.value == 0.75
    assert result.n == {"checks": 4}
    assert result.method.startswith("the highest answer means agreement (labels)")
    assert overview.direction_result(direction([True], highest=False)).method.startswith("the lowest answer")


def test_no_check_that_could_be_made_is_no_number() -> None:
    result = overview.direction_result(direction([None, None]))
    assert result.estimate is None
    assert "no check of the direction could be made" in result.reason


def test_the_note_on_keys_that_nobody_compared() -> None:
    scales = {name: load(name) for name in ("cls", "panas_c", "scwbs")}
    assert overview.unverified({"cls": scales["cls"]}) is None
    note = overview.unverified(scales)
    assert note["en"] == (
        "Scoring key not verified against a publication: Positive and Negative Affect Schedule for Children, short "
        "form; Stirling Children's Wellbeing Scale.")
    assert note["zh"] == "计分键尚未与出版物核对：儿童积极消极情绪量表（简版）; 斯特灵儿童幸福感量表。"


def test_means_with_and_without_careless_forms() -> None:
    every = pd.DataFrame({"left_behind": [0.0, 0.0, 1.0, 1.0, np.nan], "y": [1.0, 3.0, 5.0, 9.0, 2.0]})
    table = overview.with_and_without(every, every.iloc[:3], "y", "left_behind")
    assert table.columns.tolist() == ["sample", "left_behind", "n", "mean", "sd"]
    assert table["sample"].tolist() == ["all forms"] * 2 + ["careless forms set aside"] * 2
    assert table["left_behind"].tolist() == ["0", "1", "0", "1"]  # named as params name them
    assert table["n"].tolist() == [2, 2, 2, 1]
    assert table["mean"].tolist() == [2.0, 7.0, 2.0, 5.0]
    assert np.isnan(table["sd"].iloc[3])


BOOK = Codebook((
    Variable("id", "编号", "id", role="id"),
    Variable("girl", "性别", "choice", values={"0": (), "1": ()}, role="sex", level="individual"),
    Variable("father_months", "父月", "number", role="father_months"),
    Variable("money", "经济", "number", role="predictor", level="family"),
    Variable("rooms", "房间", "number", role="predictor", level="family"),
    Variable("psss_01", "a", "item", scale="psss", item=1, role="predictor", level="family"),
    Variable("psss_02", "b", "item", scale="psss", item=2, role="predictor", level="family"),
    Variable("cls_01", "c", "item", scale="cls", item=1, role="predictor", level="individual"),
))


def test_missing_answers_most_first_and_only_of_what_everybody_is_asked() -> None:
    frame = pd.DataFrame({
        "girl": ["0", "1", None, None], "money": [1.0, 2.0, 3.0, 4.0], "father_months": np.nan,
        "psss_01": [1.0, np.nan, np.nan, 1.0], "psss_02": [1.0, 2.0, np.nan, 3.0],
    })
    table = overview.missing_table(frame, BOOK)
    assert table.values.tolist() == [
        ["girl", 2, 4], ["psss_total", 3, 8], ["money", 0, 4], ["cls_total", 0, 0]]
    assert overview.missing_table(frame, BOOK, most=1)["variable"].tolist() == ["girl"]


@pytest.mark.parametrize("values", [
    [0, 1, 2, None], [0.0, 1.0, 2.0, np.nan], ["0", "1", "2", None], pd.array([0, 1, 2, None], dtype="Int64"),
    pd.Series([np.int64(0), np.float64(1), 2, None], dtype=object),
], ids=["objects", "floats", "text", "Int64", "numpy"])
def test_the_two_groups_however_they_are_written(values: Any) -> None:
    frame = pd.DataFrame({"left_behind": values, "id": list("abcd")})
    assert overview.two_groups(frame, GROUP).fillna(-1).tolist() == [0.0, 1.0, -1.0, -1.0]
    assert overview.eligible(frame, GROUP)["id"].tolist() == ["b"]


def test_values_as_params_write_them() -> None:
    assert [overview.as_code(v) for v in (1.0, 1, True, 0.5, "both")] == ["1", "1", "1", "0.5", "both"]
    assert np.isnan(overview.as_code(float("nan")))
    assert overview.as_code(None) is None


def test_items_by_their_wording() -> None:
    cls = load("cls")
    items = pd.DataFrame(columns=["cls_01", "cls_03", "cls_04@later", "cls_24"])
    assert overview.wordings(cls, items) == (["cls_01", "cls_04@later"], ["cls_03", "cls_24"])


def test_predictors_leave_the_outcome_out() -> None:
    frame = pd.DataFrame({"girl": [0, 1], "money": [1.0, 2.0], "psss_total": [3.0, 4.0], "cls_total": [5.0, 9.0]})
    scales = {name: load(name) for name in ("cls", "psss")}
    table = overview.predictor_table(frame, BOOK, scales, "cls")
    assert table.values.tolist() == [["girl", "individual"], ["money", "family"], ["psss_total", "family"]]


# ---- careless.summary and psychometrics.reliability_table --------------------------------------------------------


def flags() -> pd.DataFrame:
    names = ("too_fast", "longstring", "low_variability", "mahalanobis", "even_odd", "person_total")
    frame = pd.DataFrame(False, index=range(4), columns=list(names))
    frame.loc[0, ["too_fast", "longstring", "even_odd"]] = True
    frame.loc[1, "too_fast"] = True
    return frame.assign(n_flags=frame.sum(axis=1))


def test_how_many_forms_each_flag_was_raised_on() -> None:
    table = careless.summary(flags(), 2)
    assert table.columns.tolist() == ["flag", "forms", "share"]
    assert dict(zip(table["flag"], table["forms"], strict=True)) == {
        "too fast": 2, "long run of one answer": 1, "hardly any variation": 0, "unusual pattern": 0,
        "even against odd items": 1, "against everybody else": 0, "at least 2 flags: set aside": 1}
    assert table["share"].tolist() == [0.5, 0.25, 0, 0, 0.25, 0, 0.25]


def test_flags_in_chinese() -> None:
    table = careless.summary(flags(), 3, "zh")
    assert table["flag"].tolist() == [
        "作答过快", "连续相同答案过长", "几乎无变化", "异常作答模式", "奇偶题不一致", "与他人相反", "至少 3 项：剔除"]
    assert table["forms"].iloc[-1] == 1


def keyed(scale: str, n: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    trait = rng.normal(size=n)
    names = [f"{scale}_{number:02d}" for number in load(scale).scored]
    return pd.DataFrame({name: np.clip(np.round(3 + trait + rng.normal(size=n)), 1, 5) for name in names})


def test_reliability_of_every_scale_and_subscale() -> None:
    items = keyed("psss").mask(np.eye(120, 12, dtype=bool))
    table = psychometrics.reliability_table({"psss": items}, {"psss": load("psss")})
    assert table["part"].tolist() == [
        "total", "support from family", "support from friends", "support from teachers, classmates and kin"]
    assert table["items"].tolist() == [12, 4, 4, 4]
    assert table["n"].tolist() == [108, 116, 116, 116]
    assert table["alpha"].iloc[0] == psychometrics.alpha(items).estimate.value
    assert table["omega"].iloc[0] == psychometrics.omega_total(items).estimate.value
    assert table["omega"].iloc[1:].isna().all()  # of totals only
    assert (table["alpha_low"] < table["alpha"]).all()
    assert (table["alpha"] < table["alpha_high"]).all()
    assert (table["reason"] == "").all()


def test_a_scale_without_total_and_what_cannot_be_estimated() -> None:
    items = keyed("panas_c")
    items.loc[:, [f"panas_c_{n:02d}" for n in load("panas_c").subscales["negative"].items]] = 1.0
    table = psychometrics.reliability_table({"panas_c": items}, {"panas_c": load("panas_c")}, "zh")
    assert table["scale"].unique().tolist() == ["儿童积极消极情绪量表（简版）"]
    assert table["part"].tolist() == [part.label["zh"] for part in load("panas_c").subscales.values()]
    assert table["alpha"].isna().tolist() == [False, True]
    assert table["reason"].iloc[0] == ""
    assert len(table["reason"].iloc[1]) > 10
