"""From answers to scores of every scale and wave; predictors by level; labels; the re-survey joined by id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lbc.analysis.pooling import two_groups
from lbc.errors import InstrumentError, IntakeError, NotEstimableError
from lbc.instruments import load
from lbc.params import Params
from lbc.survey import scores
from lbc.survey.codebook import Codebook, Variable

LOW_TO_HIGH = {"1": ("never", "从不"), "2": (), "3": (), "4": (), "5": ("always", "总是")}
HIGH_TO_LOW = {"1": ("always", "总是"), "2": (), "3": (), "4": (), "5": ("never", "从不")}


def book(values: dict[str, tuple[str, ...]] = LOW_TO_HIGH) -> Codebook:
    return Codebook((
        Variable("code", "编号", "id", role="id"),
        Variable("sex", "性别", "choice", values={"1": ("男", "boy"), "2": ("女", "girl")}, role="sex", level="individual"),
        Variable("born", "出生年", "number", role="birth_year", level="individual"),
        Variable("father", "父亲外出", "choice", values={"1": ("是", "yes"), "0": ("否", "no")}, role="father_away", level="family"),
        Variable("economy", "经济", "choice", values={"1": ("poor", "差"), "2": ("好",)}, role="predictor", level="family", question={"en": "Money at home", "zh": ""}),
        Variable("stigma", "看法", "number", role="predictor", level="society", question={"en": "Stigma", "zh": "污名"}),
        *(Variable(f"cls_{n:02d}", f"题{n}", "item", values=values, scale="cls", item=n) for n in load("cls").scored),
        *(Variable(f"psss_{n:02d}", f"支持{n}", "item", values={str(k): () for k in range(1, 8)}, scale="psss", item=n,
                   role="predictor", level="family") for n in range(1, 13)),
    ))


def params(**more: Any) -> Params:
    return Params.model_validate({"town": "x", "name": {"en": "X", "zh": "某"}, "seed": 1, "survey": {"file": "s.csv"}, **more})


def answers(n: int = 60, turned: bool = False) -> pd.DataFrame:
    """Answers of children who differ in one trait; item 1, 4, ... are worded the other way round."""
    rng = np.random.default_rng(7)
    cls = load("cls")
    trait = rng.normal(2.4, 0.9, n)
    frame = pd.DataFrame({"id": [f"A{i}" for i in range(n)]})
    for number in cls.scored:
        value = np.clip(np.round(trait + rng.normal(0, 0.5, n)), 1, 5)
        flip = (number in cls.reverse) != turned
        frame[f"cls_{number:02d}"] = 6 - value if flip else value
    for number in range(1, 13):
        frame[f"psss_{number:02d}"] = np.clip(np.round(8 - 1.5 * trait + rng.normal(0, 0.6, n)), 1, 7)
    return frame


def test_the_battery_stands_in_the_order_of_the_form() -> None:
    assert list(scores.battery(book(), None)) == ["cls", "psss"]
    strange = Codebook((Variable("zzz_01", "a", "item", scale="zzz", item=1),))
    with pytest.raises(InstrumentError, match="zzz"):
        scores.battery(strange, None)


def test_scores_name_the_scales_they_come_from() -> None:
    found = scores.battery_of(["panas_c_negative", "cls_total", "cls_belonging"], None)
    assert [scale.id for scale in found.values()] == ["panas_c", "cls"]
    with pytest.raises(InstrumentError, match="mood_total"):
        scores.battery_of(["mood_total"], None)


def test_every_scale_and_wave_is_scored_in_its_proved_direction() -> None:
    straight, other = answers(), answers(turned=True)
    for frame, labels, end in ((straight, LOW_TO_HIGH, True), (other, HIGH_TO_LOW, False)):
        codebook = book(labels)
        scales = scores.battery(codebook, None)
        found = scores.directions(frame, codebook, scales)
        assert found["cls"].highest_is_agree is end
        assert found["psss"].basis == "assumed"
        scored = scores.score_all(frame, codebook, scales, found, params())
        keyed = scores.keyed_items(frame, codebook, scales["cls"], found["cls"])
        assert scored["cls_total"].tolist() == keyed.sum(axis=1).tolist()
        assert scored["cls_total"].corr(scored["psss_total"]) < -0.8
    first = scores.score_all(straight, book(), scales, scores.directions(straight, book(), scales), params())
    pd.testing.assert_series_equal(first["cls_total"], scored["cls_total"])  # the same children, two ways of asking


def test_evidence_lists_the_checks_of_all_scales() -> None:
    frame, codebook = answers(), book()
    found = scores.directions(frame, codebook, scores.battery(codebook, None))
    table = scores.evidence(found)
    assert table["scale"].unique().tolist() == ["cls", "psss"]
    assert set(table) == {"scale", "what", "found", "expected", "agrees"}
    assert all(set(both) == {"en", "zh"} for both in table["what"])
    labels = [both["en"] == table["what"][0]["en"] for both in table["what"]]
    assert table.loc[labels, "agrees"].tolist() == [True, None]


def test_only_the_outcome_has_the_metric_of_the_params() -> None:
    frame, codebook = answers(), book()
    scales = scores.battery(codebook, None)
    found = scores.directions(frame, codebook, scales)
    sums = scores.score_all(frame, codebook, scales, found, params())
    means = scores.score_all(frame, codebook, scales, found, params(outcome={"scale": "cls", "metric": "mean"}))
    np.testing.assert_allclose(means["cls_total"], sums["cls_total"] / 16)
    assert means["psss_total"].tolist() == sums["psss_total"].tolist()


def test_a_later_wave_has_scores_of_its_own() -> None:
    frame, codebook = answers(), book()
    scales = scores.battery(codebook, None)
    found = scores.directions(frame, codebook, scales)
    items = [c for c in frame if c.startswith("cls_")]
    joined = scores.join_wave(frame, frame[["id", *items]].iloc[::-1].iloc[:50], "resurvey")
    scored = scores.score_all(joined, codebook, scales, found, params())
    assert scored["cls_total@resurvey"].iloc[:10].isna().all()
    assert scored["cls_total@resurvey"].iloc[10:].tolist() == scored["cls_total"].iloc[10:].tolist()
    assert "psss_total@resurvey" not in scored


def test_a_wave_is_joined_by_id_and_never_by_position() -> None:
    frame = pd.DataFrame({"id": ["A", "B", "C"], "cls_01": [1.0, 2.0, 3.0]})
    later = pd.DataFrame({"id": ["C", "A", "Z"], "cls_01": [5.0, 4.0, 1.0]})
    joined = scores.join_wave(frame, later, "during")
    assert joined["id"].tolist() == ["A", "B", "C"]
    assert joined["cls_01@during"].fillna(0).tolist() == [4.0, 0.0, 5.0]
    with pytest.raises(IntakeError, match="1 ids stand twice in the wave 'during'"):
        scores.join_wave(frame, pd.concat([later, later.iloc[:1]]), "during")


def test_the_resurvey_is_counted(tmp_path: Path) -> None:
    codebook = book()
    first = answers(5).assign(id=["A0", "A1", "A2", "A3", "A4"])
    items = {v.column: v.variable for v in codebook.variables if v.type == "item" and v.scale == "cls"}
    again = first[list(items.values())].set_axis(list(items), axis=1)
    again.insert(0, "编号", ["A1", "A1", "A3", "", "B9"])
    path = tmp_path / "again.csv"
    again.astype(str).to_csv(path, index=False, encoding="utf-8")
    joined, counts = scores.with_resurvey(first, path, codebook, "raw/again.csv", "last")
    assert {words["en"]: n for words, n in counts.itertuples(index=False)} == {
        "forms in the file": 5, "with a usable id, each once": 3, "children of the first wave found again": 2,
        "children of the first wave not found again": 3}
    assert min(len(words["zh"]) for words in counts["what"]) > 3
    assert joined["cls_03@resurvey"].notna().tolist() == [False, True, False, True, False]
    assert joined.loc[1, "cls_03@resurvey"] == first.loc[1, "cls_03"]  # the last of both forms of A1
    assert "code@resurvey" not in joined


def test_without_a_resurvey_nothing_changes() -> None:
    frame = answers(5)
    same, counts = scores.with_resurvey(frame, None, book(), "None", "last")
    assert same is frame
    assert counts.columns.tolist() == ["what", "n"]
    assert counts.empty


def test_the_imputed_difference_finds_what_was_planted() -> None:
    frame, codebook = answers(200), book()
    cls = load("cls")
    keyed = scores.keyed_items(frame, codebook, cls, scores.directions(frame, codebook, {"cls": cls})["cls"])
    group = pd.Series(np.arange(200) % 2, dtype=float)
    keyed = keyed.clip(2, 4)
    keyed.loc[group == 1] += 1.0
    true = keyed.sum(axis=1)[group == 1].mean() - keyed.sum(axis=1)[group == 0].mean()
    rng = np.random.default_rng(1)
    holes = keyed.mask(rng.random(keyed.shape) < 0.05)
    group.iloc[:3] = np.nan
    others = pd.DataFrame({"girl": np.tile([0.0, 0.0, 1.0, 1.0], 50), "constant": 1.0})
    completed = scores.completed_totals(holes, others, group, 5, rng)
    assert completed.columns.tolist() == ["imputation", "group", "total"]
    assert len(completed) == 5 * 197
    result = two_groups(completed, "total", "group")
    assert result.estimate.value == pytest.approx(true, abs=0.8)
    assert result.estimate.ci[0] < true < result.estimate.ci[1]
    assert result.extra["m"] == 5
    with pytest.raises(NotEstimableError, match="groups of 197 and 0 children; at least 2 are needed in each"):
        scores.completed_totals(holes, others, group * 0, 2, rng)


def test_completed_predictors_keep_what_was_answered() -> None:
    """Gaps alone are filled, scales item by item, words by words that somebody gave; classes come along."""
    frame, scales = answers(120), {"cls": load("cls"), "psss": load("psss")}
    found, rng = scores.directions(frame, book(), scales), np.random.default_rng(3)
    frame = scores.score_all(frame, book(), scales, found, params())
    frame = frame.assign(stigma=rng.integers(1, 6, 120).astype(float), away=np.tile(["both", "neither", "father"], 40),
                         room=np.repeat(list("ABCD"), 30))
    keys = {name: scores.keyed_items(frame, book(), scale, found[name]) for name, scale in scales.items()}
    truth = keys["psss"][["psss_03", "psss_04", "psss_08", "psss_11"]].sum(axis=1)
    keys["psss"].loc[:9, "psss_03"] = np.nan
    holes = frame.assign(away=frame["away"].mask(frame.index < 6), stigma=frame["stigma"].mask(frame.index > 110))
    holes.loc[:9, "psss_family"] = np.nan
    listed = pd.DataFrame({"name": ["stigma", "away", "psss_family"]})
    group = pd.Series(np.where(frame.index == 5, np.nan, frame.index % 2))
    p = params(comparison={"cluster": "room"}, cleaning={"imputations": 3})
    table = scores.completed(holes, keys, scales, listed, group, p, np.random.default_rng(1))
    assert table.columns.tolist() == ["imputation", "cls_total", "room", "stigma", "away", "psss_family"]
    assert table.notna().all(axis=None)
    assert len(table) == 3 * 120
    assert set(table["away"]) == {"both", "neither", "father"}
    for _, part in table.groupby("imputation"):
        part = part.reset_index(drop=True)
        assert part["away"][6:].tolist() == frame["away"][6:].tolist()
        assert part["psss_family"][10:].tolist() == truth[10:].tolist()
        assert (part["psss_family"][:10] - truth[:10]).abs().max() <= 6, "three of the four answers are kept"
    again = scores.completed(holes, keys, scales, listed, group, p, np.random.default_rng(1))
    pd.testing.assert_frame_equal(table, again)
    alone = scores.completed(holes, keys, scales, listed, group, params(), np.random.default_rng(1))
    assert "room" not in alone
    lost = holes.assign(room=holes["room"].mask(holes.index == 7))
    assert len(scores.completed(lost, keys, scales, listed, group * np.nan, p, np.random.default_rng(1))) == 3 * 119
    assert alone["imputation"].nunique() == params().cleaning.imputations


def test_predictors_by_level_as_far_as_they_vary() -> None:
    codebook, scales = book(), {"cls": load("cls"), "psss": load("psss")}
    frame = pd.DataFrame({
        "girl": [0, 1], "age": [9.0, 10.0], "parents_away": ["both", "neither"], "economy": ["1", "1"],
        "stigma": [1.0, 2.0], "psss_total": [30.0, 40.0],
    })
    assert scores.blocks(frame, codebook, scales) == {
        "individual": ["girl", "age"], "family": ["parents_away", "psss_total"], "society": ["stigma"]}
    assert scores.blocks(frame[["economy"]], codebook, scales) == {}


def test_labels_in_both_languages_each_once() -> None:
    table = scores.labels(book(), {"cls": load("cls")})
    assert not table.duplicated(["name", "value"]).any()
    assert (table[["en", "zh"]] != "").all(axis=None)
    words = table.set_index(["name", "value"])
    assert words.loc[("left_behind", "1")].tolist() == ["left-behind", "留守儿童"]
    assert words.loc[("economy", "-")].tolist() == ["Money at home", "economy"]  # no question in Chinese: its name
    assert words.loc[("economy", "1")].tolist() == ["poor", "差"]
    assert words.loc[("economy", "2")].tolist() == ["好", "好"]
    assert words.loc[("cls_total", "-"), "zh"] == "儿童孤独量表"
    assert words.loc[("cls_belonging", "-"), "en"] == load("cls").subscales["belonging"].label["en"]
    assert ("cls_01", "1") not in words.index


def test_every_derived_variable_is_named_in_both_languages() -> None:
    for words in [*scores.DERIVED.values(), *(w for values in scores.VALUES.values() for w in values.values())]:
        assert set(words) == {"en", "zh"}
        assert words["zh"] != words["en"]
