from __future__ import annotations

import doctest

import numpy as np
import pandas as pd
import pytest

from lbc.errors import InstrumentError, IntakeError
from lbc.instruments import Instrument, load, scoring
from lbc.instruments.scoring import key, score

CLS = load("cls")
BOTH = {"en": "x", "zh": "x"}


def answers(lonely: float, positive: float, filler: float = 3, wave: str = "") -> pd.DataFrame:
    """One child's answers to the loneliness scale."""
    row = {
        CLS.column(item.n, wave): float(filler if item.filler else positive if item.reverse else lonely)
        for item in CLS.items
    }
    return pd.DataFrame([row], index=[7])


def test_the_loneliest_and_the_least_lonely_child() -> None:
    scores = pd.concat([score(answers(5, 1), CLS), score(answers(1, 5), CLS), score(answers(3, 3), CLS)])
    assert scores["total"].tolist() == [80, 16, 48]
    assert scores["social_emotion"].tolist() == [15, 3, 9]
    assert scores["peer_integration"].tolist() == [45, 9, 27]
    assert scores["belonging"].tolist() == [20, 4, 12]
    assert list(scores) == ["total", *CLS.subscales]


def test_answers_stored_the_other_way_round_give_the_same_scores() -> None:
    rng = np.random.default_rng(3)
    raw = pd.DataFrame(rng.integers(1, 6, (40, 24)).astype(float), columns=CLS.columns())
    flipped = 6 - raw
    pd.testing.assert_frame_equal(score(raw, CLS), score(flipped, CLS, highest_is_agree=False))
    keyed = key(raw, CLS)
    assert (keyed["cls_01"] == 6 - raw["cls_01"]).all()
    assert (keyed["cls_03"] == raw["cls_03"]).all()
    assert list(keyed) == CLS.columns(fillers=False)


def test_metrics() -> None:
    raw = answers(2, 4)
    assert score(raw, CLS)["total"].iloc[0] == 32
    assert score(raw, CLS, metric="mean")["total"].iloc[0] == 2
    assert score(raw, CLS, metric="pomp")["total"].iloc[0] == 25
    with pytest.raises(ValueError, match="sum, mean or pomp"):
        score(raw, CLS, metric="median")  # type: ignore[arg-type]


def test_fillers_never_count_even_when_missing_or_absent() -> None:
    raw = answers(2, 4)
    raw[[CLS.column(n) for n in CLS.fillers]] = np.nan
    assert score(raw, CLS)["total"].iloc[0] == 32
    without = raw[CLS.columns(fillers=False)]
    assert score(without, CLS)["total"].iloc[0] == 32
    assert score(without, CLS, form="cls16")["total"].iloc[0] == 32


def test_80_percent_of_the_items_are_enough() -> None:
    raw = answers(2, 4)
    raw[["cls_03", "cls_06", "cls_09"]] = np.nan  # 13 of 16 are left
    scores = score(raw, CLS)
    assert scores["total"].iloc[0] == 32
    assert scores["peer_integration"].iloc[0] == 18  # 8 of 9
    assert np.isnan(scores["social_emotion"].iloc[0])  # 2 of 3
    assert score(raw, CLS, min_answered=0.6)["social_emotion"].iloc[0] == 6
    raw["cls_12"] = np.nan  # 12 of 16
    assert np.isnan(score(raw, CLS)["total"].iloc[0])


def test_somebody_who_answered_nothing_has_no_score() -> None:
    raw = answers(2, 4) * np.nan
    assert score(raw, CLS, min_answered=0).isna().all(axis=None)


def test_the_order_of_columns_does_not_matter_and_the_index_stays() -> None:
    rng = np.random.default_rng(5)
    raw = pd.DataFrame(rng.integers(1, 6, (9, 24)).astype(float), columns=CLS.columns(), index=range(2, 11))
    shuffled = raw[list(rng.permutation(raw.columns))]
    pd.testing.assert_frame_equal(score(raw, CLS), score(shuffled, CLS))
    assert score(raw, CLS).index.tolist() == list(range(2, 11))


def test_one_wave_at_a_time() -> None:
    later = answers(2, 4, wave="resurvey")
    assert score(later, CLS)["total"].iloc[0] == 32
    assert list(key(later, CLS)) == CLS.columns("resurvey", fillers=False)
    mixed = later.rename(columns={"cls_01@resurvey": "cls_01"})
    with pytest.raises(IntakeError, match="several waves"):
        score(mixed, CLS)


def test_another_number_of_points() -> None:
    raw = answers(4, 1)
    raw[[CLS.column(n) for n in CLS.fillers]] = 2.0
    assert score(raw, CLS, points=(1, 4))["total"].iloc[0] == 64
    assert score(raw, CLS, points=(1, 4), metric="pomp")["total"].iloc[0] == 100
    with pytest.raises(IntakeError, match="not an answer from 1 to 4"):
        score(answers(5, 1), CLS, points=(1, 4))


@pytest.mark.parametrize("wrong", [0, 9, 5.5, np.inf])
def test_an_answer_out_of_range_is_named_with_column_and_row(wrong: float) -> None:
    raw = answers(2, 4)
    raw["cls_09"] = wrong
    with pytest.raises(IntakeError) as caught:
        score(raw, CLS)
    assert caught.value.where == "column cls_09, row 7"


def test_out_of_range_fillers_are_found_too() -> None:
    with pytest.raises(IntakeError, match="cls_02, row 7"):
        score(answers(2, 4, filler=6), CLS)


def test_missing_columns_need_a_declared_form() -> None:
    raw = answers(2, 4).drop(columns=["cls_24", "cls_02"])
    with pytest.raises(IntakeError) as caught:
        score(raw, CLS)
    assert "cls_24" in caught.value.what
    assert "cls_02" not in caught.value.what
    kept = [n for n in CLS.numbers if n not in (2, 23, 24)]
    short = CLS.forms["cls21"].model_copy(update={"items": kept})
    town = CLS.model_copy(update={"forms": CLS.forms | {"cls21": short}})
    four = answers(4, 1, filler=1).drop(columns=["cls_24", "cls_02", "cls_23"])
    found = score(four, town, form="cls21")
    assert found["total"].iloc[0] == 15 * 4
    assert found["belonging"].iloc[0] == 3 * 4
    assert score(four, town, points=(1, 4))["total"].iloc[0] == 60  # recognised by its columns


def test_a_form_that_nobody_documented_is_refused() -> None:
    with pytest.raises(InstrumentError, match="nobody documented"):
        score(answers(2, 4), CLS, form="cls21")
    with pytest.raises(InstrumentError, match="no form 'cls8'"):
        score(answers(2, 4), CLS, form="cls8")


@pytest.mark.parametrize("name", ["psss_01", "cls_25", "cls_1", "note"])
def test_columns_that_are_no_items_are_refused(name: str) -> None:
    raw = answers(2, 4).assign(**{name: 1.0})
    with pytest.raises(IntakeError, match=f"column {name}"):
        score(raw, CLS)


def test_scales_without_a_total_give_subscales_only() -> None:
    panas = load("panas_c")
    raw = pd.DataFrame({name: [float(n % 2 * 4 + 1)] for n, name in zip(panas.numbers, panas.columns(), strict=True)})
    assert score(raw, panas).iloc[0].to_dict() == {"positive": 25, "negative": 5}


def test_dichotomised_answers() -> None:
    scale = Instrument.model_validate({
        "id": "djg", "name": BOTH, "measures": BOTH, "high_means": BOTH, "licence": BOTH, "verified": True,
        "min": 1, "max": 3, "anchors": {"en": ["no", "more or less", "yes"], "zh": ["否", "有些", "是"]},
        "items": [{"n": 1, "en": "x", "zh": "x"}, {"n": 2, "en": "x", "zh": "x", "reverse": True}],
        "binary": {"yes_from": 2},
    })
    raw = pd.DataFrame({"djg_01": [3.0, 2.0, 1.0, np.nan], "djg_02": [3.0, 2.0, 1.0, 1.0]})
    keyed = key(raw, scale)
    assert keyed["djg_01"].tolist()[:3] == [1, 1, 0]
    assert keyed["djg_02"].tolist() == [0, 1, 1, 1]
    assert np.isnan(keyed["djg_01"].iloc[3])
    assert score(raw, scale)["total"].tolist()[:3] == [1, 2, 1]
    assert score(raw, scale, metric="pomp")["total"].tolist()[:3] == [50, 100, 50]


def test_the_answers_handed_in_stay_as_they_are() -> None:
    raw = answers(5, 1)
    before = raw.copy()
    score(raw, CLS)
    pd.testing.assert_frame_equal(raw, before)


def test_examples_in_docstrings() -> None:
    outcome = doctest.testmod(scoring)
    assert outcome.attempted
    assert not outcome.failed
