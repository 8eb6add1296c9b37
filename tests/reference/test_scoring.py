"""Scores against psych::scoreItems and base R (a05, a06), and against those of a study's own authors (a10)."""

from __future__ import annotations

import pandas as pd
import pytest
from cases import agrees, case, data

from lbc.instruments import Instrument
from lbc.instruments.scoring import key, score

BOTH = {"en": "x", "zh": "x"}
BFI = {
    "agree": ("A", [1]), "conscientious": ("C", [4, 5]), "extraversion": ("E", [1, 2]),
    "neuroticism": ("N", []), "openness": ("O", [2, 5]),
}


def instrument(name: str, size: int, reverse: list[int], high: int, **more: object) -> Instrument:
    return Instrument.model_validate({
        "id": name, "name": BOTH, "measures": BOTH, "high_means": BOTH, "licence": BOTH, "verified": True, "min": 1,
        "max": high, "anchors": {"en": ["x"] * high, "zh": ["x"] * high},
        "items": [{"n": n, "en": "x", "zh": "x", "reverse": n in reverse} for n in range(1, size + 1)], **more,
    })


def bfi(name: str) -> tuple[pd.DataFrame, Instrument]:
    letter, reverse = BFI[name]
    scale = instrument(name, 5, reverse, 6)
    items = data("bfi.csv").set_index("id")[[f"{letter}{n}" for n in range(1, 6)]]
    return items.set_axis(scale.columns(), axis=1), scale


def test_means_of_the_available_answers_are_those_of_scoreItems() -> None:
    expected = case("a05")
    scores = pd.DataFrame({name: score(*bfi(name), metric="mean", min_answered=0)["total"] for name in BFI})
    tolerance = expected["tolerance"]
    wanted = expected["expected"]
    agrees(scores.mean().to_dict(), wanted["scale_mean"], tolerance)
    agrees(scores.std().to_dict(), wanted["scale_sd"], tolerance)
    agrees(scores.notna().sum().to_dict(), wanted["n_scored"], tolerance)
    first = scores.head(12).reset_index().rename(columns={"index": "id"})
    agrees(first.to_dict("list"), wanted["first_12_scores"], tolerance)
    agrees(scores.corr().to_dict("list"), wanted["scale_correlations"], tolerance)


def test_prorated_scores_and_the_80_percent_rule() -> None:
    expected = case("a06")
    items, scale = bfi("agree")
    mean80, mean50 = (score(items, scale, metric="mean", min_answered=share)["total"] for share in (0.8, 0.5))
    found = {
        "n": len(items), "n_complete": int(items.notna().all(axis=1).sum()),
        "n_scored_80": int(mean80.notna().sum()), "n_scored_50": int(mean50.notna().sum()),
        "mean_80": mean80.mean(), "sd_80": mean80.std(), "mean_50": mean50.mean(), "sd_50": mean50.std(),
        "prorated_sum_mean_80": score(items, scale)["total"].mean(),
        "mean_listwise": score(items, scale, metric="mean", min_answered=1)["total"].mean(),
        "ids_lost_at_80": list(mean80.index[mean80.isna()][:20]),
    }
    wanted = {name: value for name, value in expected["expected"].items() if name != "n_missing_items"}
    agrees(found, wanted, expected["tolerance"])


def test_de_jong_gierveld_answers_are_scored_as_the_authors_scored_them() -> None:
    expected = case("a10")
    options, wanted, tolerance = expected["options"], expected["expected"], expected["tolerance"]
    parts = {"social": options["positively_worded"], "emotional": options["negatively_worded"]}
    scale = instrument(
        "djg", 11, options["positively_worded"], 3, binary={"yes_from": 2},
        subscales={name: {"items": items, "label": BOTH, "status": "published"} for name, items in parts.items()},
    )
    frame = data("loneliness_gamers_s2.csv")
    raw = frame[[f"djg{n}_raw_before" for n in range(1, 12)]].set_axis(scale.columns("before"), axis=1)
    authors = frame[[f"djg{n}_before" for n in range(1, 12)]].to_numpy()
    keyed = key(raw, scale, highest_is_agree=False)  # 1 = yes, 2 = more or less, 3 = no
    assert (keyed.to_numpy() == authors).sum() == wanted["cells_equal_to_authors_scores"] == wanted["cells"]
    scores = score(raw, scale, highest_is_agree=False)
    agrees(scores.to_dict("list"), {name: wanted[name] for name in ("total", "social", "emotional")}, tolerance)
    agrees(scores["total"].mean(), wanted["mean_total"], tolerance)
    agrees(scores["total"].std(), wanted["sd_total"], tolerance)
    pomp = score(raw, scale, metric="pomp", highest_is_agree=False)["total"]
    assert pomp.iloc[0] == pytest.approx(100 * wanted["total"][0] / 11)
