"""Identifiers out, small cells safe from subtraction, names and numbers found in free text."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from lbc.errors import PrivacyError
from lbc.survey import privacy
from lbc.survey.codebook import Codebook, Variable

BOOK = Codebook((
    Variable("id", "学号", "id", role="id", identifies="direct"),
    Variable("name", "姓名", "text", identifies="direct"),
    Variable("phone", "电话", "number", identifies="direct"),
    Variable("class", "班级", "text", role="class", identifies="quasi"),
    Variable("note", "备注", "text", role="free_text", identifies="direct"),
    Variable("age", "年龄", "number", role="age", identifies="quasi"),
))
FRAME = pd.DataFrame({
    "id": ["2024001", "2024002", "2024001"], "name": ["张小红", "李四", "王明"], "phone": [1.0, 2.0, 3.0],
    "class": ["1", "1", "2"], "note": ["我喜欢和张小红玩", "没有", np.nan], "age": [9.0, 9.0, 10.0],
}, index=pd.Index([2, 3, 4], name="row"))
KEY = b"0123456789abcdef"


def test_scrub_takes_out_what_identifies() -> None:
    out = privacy.scrub(FRAME, BOOK, KEY)
    assert list(out) == ["id", "class", "age"]
    assert out["id"].str.fullmatch(r"[0-9a-f]{12}").all()
    assert out["id"].iloc[0] == out["id"].iloc[2] != out["id"].iloc[1]
    assert not set(out["id"]) & set(FRAME["id"])
    assert privacy.scrub(FRAME, BOOK, b"another key of 16")["id"].iloc[0] != out["id"].iloc[0]


def test_an_identifying_id_needs_a_key() -> None:
    with pytest.raises(PrivacyError, match="identify children directly"):
        privacy.scrub(FRAME, BOOK)
    with pytest.raises(PrivacyError, match="too short"):
        privacy.scrub(FRAME, BOOK, b"short")
    coded = Codebook((Variable("id", "编号", "id", role="id", identifies="quasi"), *BOOK.variables[1:]))
    assert privacy.scrub(FRAME, coded)["id"].tolist() == FRAME["id"].tolist()


def test_pseudonyms_keep_missing_and_ignore_full_width() -> None:
    codes = privacy.pseudonyms(pd.Series(["A1", "Ａ1", np.nan]), KEY)
    assert codes.iloc[0] == codes.iloc[1]
    assert pd.isna(codes.iloc[2])


def test_k_anonymity_takes_missing_as_a_value() -> None:
    frame = pd.DataFrame({"grade": [3, 3, 3, 4, 4], "girl": [0, 0, np.nan, 1, 1]})
    assert privacy.k_anonymity(frame, ["grade"]) == 2
    assert privacy.k_anonymity(frame, ["grade", "girl"]) == 1
    assert privacy.k_anonymity(frame.drop(index=2), ["grade", "girl"]) == 2
    assert privacy.k_anonymity(frame, []) == 5
    assert privacy.k_anonymity(frame.iloc[:0], ["grade"]) == 0
    wide = frame.assign(girl=frame["girl"].astype("category").cat.add_categories([7.0]))
    assert privacy.k_anonymity(wide, ["girl"]) == 1, "a category without children is no group"


# ---- suppression ---------------------------------------------------------------------------------------------------


def test_a_list_hides_a_second_cell_so_that_the_total_gives_nothing_away() -> None:
    table = pd.DataFrame({"guardian": ["parent", "grandparents", "other", "alone"], "n": [60, 30, 9, 2],
                          "mean": [30.0, 31, 32, 44], "girl": [0.5, 0.5, 0.4, 1.0]})
    out = privacy.suppress(table, ["n"], 5)
    np.testing.assert_array_equal(out["n"], [60, 30, np.nan, np.nan])
    np.testing.assert_array_equal(out["mean"], [30, 31, 32, np.nan])
    np.testing.assert_array_equal(out["girl"], [0.5, 0.5, 0.4, np.nan])
    assert table["n"].tolist() == [60, 30, 9, 2]


def test_large_counts_and_zeros_stay() -> None:
    table = pd.DataFrame({"n": [10, 0, 7]})
    assert privacy.suppress(table, ["n"], 5)["n"].tolist() == [10, 0, 7]
    assert privacy.suppress(table.iloc[:0], ["n"], 5).empty


def test_what_cannot_be_hidden_is_refused() -> None:
    for counts in ({"n": [3]}, {"n": [3, 0]}, {"a": [2, 0], "b": [0, 0]}):
        with pytest.raises(PrivacyError, match="could be worked out"):
            privacy.suppress(pd.DataFrame(counts), list(counts), 5)


def attack(counts: np.ndarray, shown: np.ndarray) -> list[tuple[int, int]]:
    """Small counts that whole numbers, the open cells and the totals determine (an attacker of our own, by milp)."""
    hidden = np.argwhere(np.isnan(shown))
    known = []
    places = [(axis, k) for axis in (0, 1) for k in range(counts.shape[axis])]
    lines = [np.array([cell[axis] == k for cell in hidden], float) for axis, k in places]
    sums = [counts[np.isnan(shown) & (np.indices(counts.shape)[axis] == k)].sum() for axis, k in places]
    if counts.shape[1] == 1:
        lines, sums = lines[counts.shape[0]:], sums[counts.shape[0]:]
    for k, cell in enumerate(hidden):
        ends = []
        for sign in (1, -1):
            result = milp(sign * np.eye(len(hidden))[k], constraints=LinearConstraint(np.array(lines), sums, sums),
                          integrality=np.ones(len(hidden)), bounds=Bounds(0, np.inf))
            ends.append(sign * result.fun)
        if round(ends[0]) == round(ends[1]) and 0 < counts[tuple(cell)] < 5:
            known.append(tuple(int(i) for i in cell))
    return known


@pytest.mark.parametrize(
    "counts", [[[4, 0], [4, 0], [7, 21]], [[0, 4], [5, 0]], [[19, 17, 0], [2, 0, 0], [18, 5, 0]]]
)
def test_zeros_beside_a_small_count_need_more_blanks(counts: list[list[int]]) -> None:
    cells = np.array(counts, float)
    shown = privacy.suppress(pd.DataFrame(cells), list(range(cells.shape[1])), 5).to_numpy()
    assert np.isnan(shown[(cells > 0) & (cells < 5)]).all()
    assert attack(cells, shown) == []


def test_no_cell_of_random_tables_can_be_recovered_from_totals() -> None:
    rng = np.random.default_rng(7)
    hidden = refused = naive = 0
    for _ in range(40):
        shape = (int(rng.integers(2, 6)), int(rng.integers(1, 4)))
        counts = rng.poisson(rng.choice([3, 8, 20], shape)).astype(float)
        table = pd.DataFrame(counts, columns=[f"c{k}" for k in range(shape[1])])
        small = (counts > 0) & (counts < 5)
        naive += len(attack(counts, np.where(small, np.nan, counts))) if small.any() else 0
        try:
            shown = privacy.suppress(table, list(table), 5).to_numpy()
        except PrivacyError:
            refused += 1
            continue
        assert np.isnan(shown[small]).all()
        np.testing.assert_array_equal(shown[~np.isnan(shown)], counts[~np.isnan(shown)])
        if np.isnan(shown).any():
            hidden += 1
            assert attack(counts, shown) == []
    assert hidden > 15
    assert refused < 10
    assert naive > 10, "blanking the small cells alone would have given children away"


# ---- free text -----------------------------------------------------------------------------------------------------

TEXTS = {
    "打我妈妈电话13800138000": ["phone number"], "138 0013 8000": ["phone number"],
    "座机 027-87654321": ["phone number"], "１３８００１３８０００": ["phone number"],
    "身份证 11010519491231002X": ["resident number"], "随便 110105194912310021": [], "我叫李小明": ["a name"],
    "他名叫王芳，微信 abc_1234": ["a name", "e-mail or account"], "a.b@example.org": ["e-mail or account"],
    "我喜欢上学": [], "2026年9月3日有12345个": [], "我是五年级学生": [], "": [],
}


@pytest.mark.parametrize("text", TEXTS)
def test_kinds_of_personal_words(text: str) -> None:
    assert privacy.kinds(text) == TEXTS[text]


def test_resident_numbers_have_a_checksum() -> None:
    assert privacy.is_resident_number("11010519491231002X")
    assert not privacy.is_resident_number("110105194912310021")


def test_free_text_is_scanned_with_the_roster_of_the_file_and_never_echoed() -> None:
    found = privacy.scan_text(FRAME, BOOK)
    assert found[["row", "variable", "problem"]].to_numpy().tolist() == [[2, "note", "a name"]]
    assert set(found["found"]) == {"(not shown)"}
    assert "张" not in found.to_csv()
    listed = FRAME.drop(columns="name")
    assert privacy.scan_text(listed, BOOK).empty
    assert len(privacy.scan_text(listed, BOOK, names=["张小红"])) == 1
