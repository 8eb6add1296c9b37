"""Agreement of coders, and codes counted by persons."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lbc.analysis import interviews
from lbc.errors import NotEstimableError

SEGMENTS = [  # person, role, segment, (level, theme) by each coder
    ("P1", "child", 1, ("individual", "shy"), ("individual", "shy")),
    ("P1", "child", 2, ("family", "calls"), ("family", "calls")),
    ("P1", "child", 3, ("family", "calls"), ("family", "calls")),
    ("P2", "child", 1, ("family", "calls"), ("family", "longing")),
    ("P2", "child", 2, ("school_community", "teasing"), ("school_community", "teasing")),
    ("P3", "teacher", 1, ("society", "labels"), ("society", "labels")),
    ("P3", "teacher", 2, ("family", "calls"), ("family", "calls")),
    ("P4", "child", 1, ("individual", "shy"), ("individual", "shy")),
]


def coded() -> pd.DataFrame:
    return pd.DataFrame([
        {"person": person, "role": role, "coder": coder, "segment": segment, "level": code[0], "theme": code[1],
         "paraphrase": f"{person}.{segment}"}
        for person, role, segment, *codes in SEGMENTS for coder, code in zip("XY", codes, strict=True)
    ])


def many(seed: int = 1, n: int = 120, noise: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    a = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    return a, np.where(rng.random(n) < noise, rng.integers(0, 3, n), a)


def test_agreement_of_two_coders() -> None:
    result = interviews.agreement(coded(), rng=np.random.default_rng(1), n_boot=200)
    assert result.n == {"segments": 8, "persons": 4, "coders": 2}
    assert result.extra["percent_agreement"] == pytest.approx(7 / 8)
    low, high = result.estimate.ci
    assert low < result.estimate.value < high < 1
    x, y = ([codes[coder][1] for *_, a, b in SEGMENTS for codes in [(a, b)]] for coder in (0, 1))
    assert result.extra["kappa"] == interviews.cohen_kappa(x, y).estimate.value
    assert result.extra["ac1"] == interviews.ac1(x, y).estimate.value
    assert interviews.agreement(coded(), "level").estimate.value == pytest.approx(1)


def test_agreement_by_code_counts_and_explains() -> None:
    table = interviews.agreement_by_code(coded()).set_index("code")
    assert table.loc["calls", ["given", "agreed"]].tolist() == [4, 3]
    assert table.loc["longing", ["given", "agreed"]].tolist() == [1, 0]
    assert table.loc["shy", "kappa"] == pytest.approx(1)
    assert table.loc["longing", "kappa"] == pytest.approx(0)
    assert table.loc["longing", "ac1"] > 0.8
    only = coded().assign(theme="calls")
    row = interviews.agreement_by_code(only).iloc[0]
    assert np.isnan(row["alpha"])
    assert "only one code" in row["note"]


def test_all_codes_stand_first_with_their_intervals() -> None:
    table = interviews.agreement_by_code(coded(), rng=np.random.default_rng(1), n_boot=200)
    row = table.iloc[0]
    assert row["code"] == interviews.ALL
    assert row[["given", "agreed"]].tolist() == [8, 7]
    whole = interviews.agreement(coded(), rng=np.random.default_rng(1), n_boot=200)
    assert row["kappa"] == whole.extra["kappa"]
    for name in ("kappa", "alpha", "ac1"):
        assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]
    assert whole.method == "Krippendorff's alpha (nominal), bootstrap of persons"
    assert whole.extra["double_coded"] == 1
    part = coded()[lambda d: ~((d["coder"] == "Y") & d["person"].isin(["P1", "P4"]))]
    assert interviews.agreement(part).extra["double_coded"] == pytest.approx(4 / 8)


def test_a_rare_code_has_no_interval_and_says_so() -> None:
    rare = interviews.krippendorff_alpha([[1] * 30 + [2], [1] * 31], rng=np.random.default_rng(1))
    assert rare.estimate.ci is None
    assert rare.extra["undefined"] == pytest.approx(np.exp(-1), abs=0.06)
    table = interviews.agreement_by_code(coded(), rng=np.random.default_rng(1), n_boot=200).set_index("code")
    assert "too rarely" in table.loc["labels", "note"]
    assert table.loc["labels", "alpha"] == pytest.approx(1)
    assert table.loc["calls", "alpha_low"] < table.loc["calls", "alpha"] < table.loc["calls", "alpha_high"]
    alone = coded()[lambda d: d["person"] == "P2"]
    row = interviews.agreement_by_code(alone, rng=np.random.default_rng(1), n_boot=50).iloc[0]
    assert np.isfinite(row["kappa"])
    assert "two persons" in row["note"]
    assert "kappa_low" not in row


def test_segments_of_one_person_are_resampled_together() -> None:
    """Each person's segments are all alike: persons tell more of the uncertainty than segments do."""
    a, b = many(n=8, seed=4, noise=0.5)
    owners = np.repeat(np.arange(8), 30)
    a, b = np.repeat(a, 30), np.repeat(b, 30)
    wide, narrow = (interviews.krippendorff_alpha([a, b], rng=np.random.default_rng(1), groups=g).estimate.ci
                    for g in (owners, None))
    assert wide[1] - wide[0] > 3 * (narrow[1] - narrow[0])
    by_person = interviews.resampled(a, b, owners, np.random.default_rng(1))
    by_segment = interviews.resampled(a, b, np.arange(240), np.random.default_rng(1))
    for name in ("kappa", "ac1"):
        assert np.diff(by_person[name]) > 3 * np.diff(by_segment[name])


def by_hand(value: float, draws: list[float], units: int) -> tuple[float, float]:
    """t interval on Fisher's z scale: 12 persons tell of 11 degrees of freedom, and vary by 11/12 too little."""
    se = np.std(draws, ddof=1) * np.sqrt(units / (units - 1)) / (1 - value**2)
    half = stats.t.ppf(0.975, units - 1) * se
    return tuple(np.tanh([np.arctanh(value) - half, np.arctanh(value) + half]))


def drawn_again(owners: np.ndarray, seed: int, n: int) -> list[np.ndarray]:
    """The segments of resamples of persons."""
    who = np.unique(owners)
    counts = np.random.default_rng(seed).multinomial(len(who), np.full(len(who), 1 / len(who)), size=n)
    return [np.concatenate([np.flatnonzero(owners == person) for person in np.repeat(who, row)]) for row in counts]


def test_intervals_are_those_of_whole_persons_drawn_again() -> None:
    a, b = many(n=60)
    owners = np.repeat(np.arange(12), 5)
    again = drawn_again(owners, 9, 40)
    found = interviews.resampled(a, b, owners, np.random.default_rng(9), n_boot=40)
    kappas = [interviews.cohen_kappa(a[i], b[i]).estimate.value for i in again]
    assert found["kappa"] == pytest.approx(by_hand(interviews.cohen_kappa(a, b).estimate.value, kappas, 12))
    ac1s = [interviews.ac1(a[i], b[i], range(3)).estimate.value for i in again]
    assert found["ac1"] == pytest.approx(by_hand(interviews.ac1(a, b).estimate.value, ac1s, 12))


def test_the_bootstrap_formula_is_krippendorffs_alpha() -> None:
    """Resamples of units through the package against the same resamples through the counts."""
    a, b = (codes.astype(float) for codes in many())
    b[:10] = np.nan
    result = interviews.krippendorff_alpha([a, b], rng=np.random.default_rng(5), n_boot=30)
    again = drawn_again(np.arange(110), 5, 30)  # the first ten, coded once, are no units
    alphas = [interviews.krippendorff_alpha([a[10 + i], b[10 + i]]).estimate.value for i in again]
    assert result.estimate.ci == pytest.approx(by_hand(result.estimate.value, alphas, 110))
    assert result.n == {"units": 110, "coders": 2}


def test_perfect_agreement_is_no_certainty() -> None:
    """No resample varies where the coders never differ: there is no interval, and the table says why."""
    a = np.tile([1, 2, 3], 20)
    assert interviews.krippendorff_alpha([a, a], rng=np.random.default_rng(1)).estimate.ci is None
    assert interviews.resampled(a, a, np.repeat(np.arange(12), 5), np.random.default_rng(1)) == {
        "kappa": None, "ac1": None}
    alike = coded().assign(theme=lambda d: d["theme"].replace("longing", "calls"))
    table = interviews.agreement_by_code(alike, rng=np.random.default_rng(1), n_boot=200).set_index("code")
    assert table["note"][[interviews.ALL, "calls"]].tolist() == [interviews.ALIKE] * 2
    assert "too rarely" in table.loc["labels", "note"]


@pytest.mark.parametrize("measure", [interviews.cohen_kappa, interviews.ac1])
def test_large_sample_errors_are_about_those_of_a_bootstrap(measure: object) -> None:
    a, b = many(n=400)
    rng = np.random.default_rng(2)
    draws = [measure(a[i], b[i]).estimate.value for i in rng.integers(0, 400, (300, 400))]
    assert measure(a, b).extra["se"] == pytest.approx(np.std(draws), rel=0.12)


def test_intervals_of_agreement_stop_at_one() -> None:
    a = np.array([0, 1, 2] * 5)
    b = a.copy()
    b[0] = 1
    assert interviews.cohen_kappa(a, b).estimate.ci[1] <= 1
    assert interviews.ac1(a, a).estimate.ci == (1, 1)


def test_more_than_two_coders() -> None:
    third = coded()[lambda d: d["coder"] == "X"].assign(coder="Z")
    result = interviews.agreement(pd.concat([coded(), third]))
    assert result.n["coders"] == 3
    assert "kappa" not in result.extra
    assert result.extra["percent_agreement"] == pytest.approx((7 + 8 + 7) / 24)


def test_codes_count_persons_not_mentions() -> None:
    table = interviews.codes_by_level(coded())
    assert table["level"].drop_duplicates().tolist() == ["individual", "family", "school_community", "society"]
    assert table["theme"].tolist() == [
        "any theme", "shy", "any theme", "calls", "longing", "any theme", "teasing", "any theme", "labels"]
    any_theme = table[table["theme"] == "any theme"]
    assert any_theme["persons"].tolist() == [2, 2, 1, 1]
    table = table[table["theme"] != "any theme"].set_index("theme")
    assert table.loc["calls", ["persons", "of", "child", "teacher", "persons_either", "segments"]].tolist() == [
        2, 4, 1, 1, 3, 3]
    assert table.loc["longing", ["persons", "persons_either"]].tolist() == [0, 1]
    children = interviews.codes_by_level(coded(), roles=["child"]).set_index("theme")
    assert children.loc["calls", ["persons", "of"]].tolist() == [1, 3]
    assert "labels" not in children.index
    assert "teacher" not in children


def test_who_was_interviewed_in_both_languages() -> None:
    words = interviews.who(coded().replace({"teacher": "village doctor"}))
    assert words["en"].startswith("4 persons interviewed: 3 children, 1 village doctor.")
    assert "儿童 3 人" in words["zh"]


def test_themes_that_one_person_speaks_of_together() -> None:
    table = interviews.co_occurrence(coded()).set_index(["theme", "other"])["persons"]
    assert table["shy", "shy"] == 2
    assert table["calls", "shy"] == 1
    assert table["labels", "calls"] == 1
    assert table["teasing", "calls"] == 0, "P2's calls were not agreed"
    assert len(table) == 4 * 5 / 2


def test_new_codes_in_order_of_interviews() -> None:
    table = interviews.new_codes(coded())
    assert table["new"].tolist() == [2, 1, 1, 0]
    assert table["cumulative"].tolist() == [2, 3, 4, 4]
    assert table["share"].iloc[-1] == 1


def test_the_curve_lies_in_the_band_of_random_orders() -> None:
    curve = interviews.new_code_curve(coded(), np.random.default_rng(1), 300)
    assert curve["new"].tolist() == [2, 1, 1, 0]
    assert curve["total"].tolist() == [2, 3, 4, 4]
    assert ((curve["low"] <= curve["expected"]) & (curve["expected"] <= curve["high"])).all()
    assert curve["expected"].iloc[0] == pytest.approx((2 + 1 + 2 + 1) / 4, abs=0.1), "mean themes of an interview"
    assert curve["expected"].iloc[-1] == 4


def saturating(new: list[list[str]]) -> pd.DataFrame:
    return pd.DataFrame([
        {"person": f"P{i:02d}", "role": "child", "coder": "X", "segment": k, "level": "family", "theme": theme,
         "paraphrase": ""} for i, themes in enumerate(new) for k, theme in enumerate(themes)])


def test_saturation_is_the_first_run_without_news() -> None:
    heard = [["a", "b"], ["c"], ["d"], ["e"], ["f"], ["a"], ["b"], ["c"]]
    found = interviews.saturation(saturating(heard), np.random.default_rng(1), 200)
    assert found.estimate.value == 5
    assert 0 < found.effect.value <= 1
    assert found.n == {"persons": 8}
    with pytest.raises(NotEstimableError, match="5 interviews are too few"):
        interviews.saturation(saturating(heard[:5]), np.random.default_rng(1), 10)
    with pytest.raises(NotEstimableError, match="still brought more than 5%"):
        interviews.saturation(saturating([[t] for t in "abcdefgh"]), np.random.default_rng(1), 10)


def test_a_segment_left_blank_by_one_coder_is_not_agreed() -> None:
    frame = coded()
    frame.loc[1, ["level", "theme"]] = np.nan
    assert interviews.agreement(frame).n["segments"] == 7
    assert interviews.new_codes(frame)["themes"].tolist() == [1, 1, 2, 1]
    alone = coded()[lambda d: ~((d["coder"] == "Y") & (d["person"] == "P4"))]
    assert interviews.new_codes(alone)["themes"].tolist() == [2, 1, 2, 1], "coded once by design: counts"


def test_weights_and_categories() -> None:
    a, b = many()
    plain = interviews.cohen_kappa(a, b)
    assert interviews.cohen_kappa(a, b, [[0, 1, 1], [1, 0, 1], [1, 1, 0]]).estimate.value == plain.estimate.value
    wide = interviews.cohen_kappa(a, b, "linear", categories=range(5))
    assert wide.estimate.value == pytest.approx(interviews.cohen_kappa(a, b, "linear").estimate.value)
    assert interviews.cohen_kappa([1, 2, None], [1, 2, 3]).n == {"units": 2}
    with pytest.raises(NotEstimableError, match="not among the categories"):
        interviews.cohen_kappa(a, b, categories=[0, 1])


def test_raters_who_agree_have_a_high_intraclass_correlation() -> None:
    rng = np.random.default_rng(3)
    truth = rng.normal(size=(40, 1))
    table = interviews.icc_raters(truth + rng.normal(scale=0.5, size=(40, 2)) + [0, 1]).set_index("type")
    assert table.loc["ICC1", "icc"] < table.loc["ICC2", "icc"] < table.loc["ICC3", "icc"]
    assert ((table["low"] < table["icc"]) & (table["icc"] < table["high"])).all()
    assert (table.loc[["ICC1k", "ICC2k", "ICC3k"], "icc"].to_numpy() > table["icc"][:3].to_numpy()).all()


@pytest.mark.parametrize(("call", "reason"), [
    (lambda: interviews.agreement(coded().assign(theme="calls")), "only one code was used"),
    (lambda: interviews.agreement(coded()[lambda d: d["coder"] == "X"]), "no unit was coded by two coders"),
    (lambda: interviews.agreement_by_code(coded()[lambda d: d["coder"] == "X"]), "no segment was coded by two"),
    (lambda: interviews.agreement(pd.concat([coded(), coded()[:1]])), "coder X coded segment 1 of P1 twice"),
    (lambda: interviews.agreement(coded().drop(columns="coder")), "no column coder"),
    (lambda: interviews.codes_by_level(coded(), ["parent"]), "no interviews with parent"),
    (lambda: interviews.co_occurrence(coded().assign(theme=lambda d: d["coder"])), "agreed on no segment"),
    (lambda: interviews.resampled([1, 2], [1, 2], [1, 1], np.random.default_rng(1)), "at least two persons"),
    (lambda: interviews.cohen_kappa([1, 1], [1, 1]), "one and the same code"),
    (lambda: interviews.cohen_kappa([1, None], [None, 1]), "no unit was coded by both"),
    (lambda: interviews.ac1([1, 1], [1, 1]), "only one code was used"),
    (lambda: interviews.fleiss_kappa([[1, None], [1, 2]]), "every unit rated by every rater"),
    (lambda: interviews.fleiss_kappa([[1, 1], [1, 1]]), "at least two raters and two codes"),
    (lambda: interviews.icc_raters([[1, 2], [1, np.nan]]), "no missing rating"),
    (lambda: interviews.icc_raters([[1, 1], [2, 2]]), "the raters do not err"),
])
def test_what_is_not_defined_says_why(call: object, reason: str) -> None:
    with pytest.raises(NotEstimableError, match=reason):
        call()
