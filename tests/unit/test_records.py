"""The smaller raw files: read strictly, every fault with its row and column; scores of members by wave."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lbc.errors import IntakeError, ManyErrors
from lbc.instruments import load
from lbc.survey import records

ROOT = Path(__file__).resolve().parents[2]
S_TOWN = {
    "interviews": "interviews", "observations": "observations", "measures": "group_measures", "sessions": "sessions",
    "case_log": "case_log", "goals": "goals", "logic_model": "logic_model",
}


def read(tmp_path: Path, kind: str, text: str | bytes) -> pd.DataFrame:
    path = tmp_path / f"{kind}.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return records.read(path, kind, f"raw/{kind}.csv")


@pytest.mark.parametrize("kind", records.KINDS)
def test_every_file_of_s_town_can_be_read(kind: str) -> None:
    name = f"data/s_town/raw/{S_TOWN[kind]}.csv"
    frame = records.read(ROOT / name, kind, name)
    assert len(frame) > 3
    assert frame.index.tolist() == list(range(len(frame)))
    assert set(records.KINDS[kind].columns) <= set(frame)
    assert all(pd.api.types.is_numeric_dtype(frame[column]) for column in records.KINDS[kind].numbers)


def test_cells_are_text_or_numbers_and_blanks_do_not_count(tmp_path: Path) -> None:
    frame = read(tmp_path, "sessions", "\ufeffmember, session,component,present,feedback\n M01 ,01,skills,１,\n")
    assert frame.to_dict("records")[0] | {"feedback": None} == {
        "member": "M01", "session": "01", "component": "skills", "present": 1, "feedback": None}
    assert np.isnan(frame["feedback"].iloc[0])


def test_chinese_excel_saves_as_gb18030(tmp_path: Path) -> None:
    frame = read(tmp_path, "goals", "goal_en,goal_zh,weight,baseline,expected,reached\nTalk,交谈,3,-2,0,1\n".encode("gb18030"))
    assert frame["goal_zh"].tolist() == ["交谈"]
    assert frame[["weight", "baseline", "expected", "reached"]].iloc[0].tolist() == [3, -2, 0, 1]


def test_neither_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match=r"^raw/goals.csv: neither UTF-8 nor GB18030 text\n  fix: save the file as CSV UTF-8$"):
        read(tmp_path, "goals", b"\xff\xff\xff")


@pytest.mark.parametrize("text", ["", "\n", "\ufeff"])
def test_an_empty_file_names_what_was_expected(tmp_path: Path, text: str) -> None:
    with pytest.raises(IntakeError, match="the columns member, wave are missing") as caught:
        read(tmp_path, "measures", text)
    assert caught.value.where == "raw/measures.csv"
    assert caught.value.why == "expected columns: member, wave"


def test_a_header_alone_is_no_data(tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match="the file has no rows"):
        read(tmp_path, "measures", "member,wave\n\n ,\n")


def test_missing_columns_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match=r"the columns session, feedback are missing"):
        read(tmp_path, "sessions", "member,component,present\nM01,skills,1\n")


@pytest.mark.parametrize(("row", "message"), [
    ("A,T0,3,4\nB,T0,3\nC,T0,3,4", r"rows 2, 4: not as many cells as the header has \(3\)"),
    ("A,T0", r"row 2: not as many cells as the header has \(3\)"),
    ('"A,T0,3', "not a CSV table: unexpected end of data"),
])
def test_uneven_rows_are_never_shifted(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(IntakeError, match=message):
        read(tmp_path, "measures", f"member,wave,cls_01\n{row}\n")


def test_a_header_that_stands_twice(tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match="the column wave stands twice"):
        read(tmp_path, "measures", "member,wave,wave\nA,T0,T1\n")
    with pytest.raises(IntakeError, match=r"the column \(no name\) stands twice"):
        read(tmp_path, "measures", "member,,,wave\nA,1,2,T1\n")


def test_empty_cells_at_the_end_of_lines_are_the_spreadsheets(tmp_path: Path) -> None:
    frame = read(tmp_path, "measures", "member,wave,cls_01,,\nA,T0,3,,\nB,T0,,,\n")
    assert frame.columns.tolist() == ["member", "wave", "cls_01"]
    assert frame["cls_01"].isna().tolist() == [False, True]


def test_every_fault_is_told_with_row_and_column(tmp_path: Path) -> None:
    text = "member,session,component,present,feedback\nM01,1,skills,1,6\n\nM01,1,skills,yes,5\n,2,skills,2,\n"
    with pytest.raises(ManyErrors) as caught:
        read(tmp_path, "sessions", text)
    assert caught.value.faults == [
        "raw/sessions.csv: row 4, column present: found 'yes'; allowed: 0 to 1",
        "raw/sessions.csv: row 5, column present: found '2'; allowed: 0 to 1",
        "raw/sessions.csv: row 2, column feedback: found '6'; allowed: 1 to 5",
        "raw/sessions.csv: row 5, column member: found ''; allowed: a text",
        "raw/sessions.csv: row 4: the same member and session as an earlier row",
    ]
    assert str(caught.value).startswith("raw/sessions.csv: 5 cells cannot be used\n  raw/sessions.csv: row 4, ")
    assert str(caught.value).endswith("  fix: mend them and run again")


def test_words_outside_the_list_are_refused(tmp_path: Path) -> None:
    text = "person,role,coder,segment,level,theme\nC1,child,A,s1,home,shy\nC1,child,B,s1,family,\n"
    with pytest.raises(ManyErrors) as caught:
        read(tmp_path, "interviews", text)
    assert caught.value.faults == [
        "raw/interviews.csv: row 3, column theme: found ''; allowed: a text",
        "raw/interviews.csv: row 2, column level: found 'home'; allowed: individual, family, school_community, society",
    ]


def test_a_missing_link_of_the_logic_model_is_no_fault(tmp_path: Path) -> None:
    head = "level,cause,need,component,session,measure"
    frame = read(tmp_path, "logic_model", f"{head}\nsociety,stigma,,,,\n")
    assert frame.iloc[0].tolist() == ["stigma" if c == "cause" else "society" if c == "level" else "" for c in head.split(",")]


def test_undeclared_columns_hold_numbers_unless_they_are_labels_or_words(tmp_path: Path) -> None:
    text = (
        "member,wave,id,cls_01,cls_02,place,place_zh,note\nA,T0,007,１,,school,1,2\nB,T0,008,2,,2,2,3\n"
        "C,T0,009,3,,home,3,4\n"
    )
    frame = read(tmp_path, "measures", text)
    assert frame["id"].tolist() == ["007", "008", "009"]
    assert frame["cls_01"].tolist() == [1, 2, 3]
    assert frame["cls_02"].isna().all()  # nobody answered: an item all the same
    assert pd.api.types.is_numeric_dtype(frame["cls_02"])
    assert frame["place"].tolist() == ["school", "2", "home"]
    assert (frame["place_zh"].tolist(), frame["note"].tolist()) == (["1", "2", "3"], ["2", "3", "4"])


def test_a_word_among_numbers_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ManyErrors, match="row 4, column loneliness: found 'much'; allowed: a number"):
        read(tmp_path, "case_log", "phase,loneliness\nA,5\nA,6\nB,much\n")


def measures(**changes: object) -> pd.DataFrame:
    cls, psss = load("cls"), load("psss")
    frame = pd.DataFrame({"member": ["A", "A", "B"], "wave": ["T0", "T1", "T0"]})
    items = dict.fromkeys([*cls.columns(), *psss.columns()], 3.0)
    return frame.assign(**(items | changes))


def test_scores_of_members_by_scale_and_wave() -> None:
    scales = {"cls": load("cls"), "psss": load("psss"), "pssm": load("pssm")}
    scores = records.member_scores(measures(cls_03=[5.0, 5.0, np.nan]), scales)
    assert scores.columns[:3].tolist() == ["member", "wave", "cls_total"]
    assert not [column for column in scores if column.startswith("pssm")]  # not asked
    assert scores["cls_total"].tolist() == [50.0, 50.0, 48.0]
    assert scores["psss_family"].tolist() == [12.0] * 3
    table = records.member_scores(measures(), {"psss": load("psss")}, metric="mean")
    assert table["psss_total"].tolist() == [3.0] * 3


def test_too_few_answers_leave_no_score() -> None:
    gone = {f"psss_{n:02d}": [np.nan, 3.0, 3.0] for n in range(1, 4)}
    scores = records.member_scores(measures(**gone), {"psss": load("psss")}, min_answered=0.8)
    assert scores["psss_total"].isna().tolist() == [True, False, False]
    kept = records.member_scores(measures(**gone), {"psss": load("psss")}, min_answered=0.7)
    assert kept["psss_total"].tolist() == [36.0] * 3


def test_some_items_of_a_scale_are_refused_not_left_out() -> None:
    with pytest.raises(IntakeError, match="items of psss are missing: psss_05"):
        records.member_scores(measures().drop(columns="psss_05"), {"psss": load("psss")})
    with pytest.raises(IntakeError, match=r"9\.0 is not an answer from 1 to 7"):
        records.member_scores(measures(psss_01=9.0), {"psss": load("psss")})


def test_members_are_scored_the_way_the_survey_proved() -> None:
    """On a form that runs from 1 = always to 5 = never the same answers mean the opposite."""
    scale = load("cls")
    answers = {name: [5.0 if n in scale.reverse else 1.0] for n, name in ((n, f"cls_{n:02d}") for n in scale.scored)}
    measures = pd.DataFrame({"member": ["M01"], "wave": ["T0"], **answers})
    assert records.member_scores(measures, {"cls": scale})["cls_total"].tolist() == [16.0]
    turned = pd.DataFrame({"scale": ["cls"], "highest_is_agree": [False], "low": [1], "high": [5]})
    assert records.member_scores(measures, {"cls": scale}, directions=turned)["cls_total"].tolist() == [80.0]
