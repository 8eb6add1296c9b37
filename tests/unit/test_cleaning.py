"""Rules of cleaning, derived variables and the direction of a scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lbc.errors import CodebookError, DirectionError
from lbc.instruments import load as instrument
from lbc.params import Params
from lbc.survey import cleaning
from lbc.survey.codebook import Codebook, Variable
from lbc.survey.intake import Intake
from lbc.survey.values import PROBLEMS

YES_NO = {"1": ("是", "yes"), "0": ("否", "no"), "2": ("不清楚", "do not know")}
BOOK = Codebook((
    Variable("code", "编号", "id", role="id"),
    Variable("campus", "学校", "choice", values={"S1": (), "S2": ()}, role="school"),
    Variable("room", "班级", "text", role="class", identifies="quasi"),
    Variable("year", "年级", "choice", values={"2": ("out of scope",), "3": (), "4": ()}, role="grade"),
    Variable("sex", "性别", "choice", values={"1": ("男",), "2": ("女",)}, role="sex"),
    Variable("born", "出生年", "number", role="birth_year"),
    Variable("month", "出生月", "number", role="birth_month"),
    Variable("when", "时间", "datetime", role="submitted"),
    Variable("ok", "同意", "choice", values=YES_NO, role="consent_guardian"),
    Variable("willing", "愿意", "choice", values=YES_NO, role="assent_child"),
    Variable("father", "父亲外出", "choice", values=YES_NO, role="father_away"),
    Variable("mother", "母亲外出", "choice", values=YES_NO, role="mother_away"),
    Variable("f_m", "父月", "number", role="father_months"),
    Variable("m_m", "母月", "number", role="mother_months"),
    Variable("fit", "监护", "choice", values=YES_NO, role="guardian_fit"),
    Variable("boards", "住校", "choice", values={"1": ("yes",), "2": ("no",)}, role="predictor", level="family"),
    Variable("rank", "经济", "choice", values={"1": (), "2": (), "3": ()}, role="predictor", level="family"),
    Variable("kind", "类型", "choice", values={"a": (), "b": ()}, role="predictor", level="family"),
    *(Variable(f"cls_{n:02d}", f"题{n}", "item", scale="cls", item=n) for n in range(1, 25)),
    Variable("note", "备注", "text", role="free_text", identifies="direct"),
))
FIRST = {
    "code": "A1", "campus": "S1", "room": "1班", "year": "3", "sex": "1", "born": 2016.0, "month": 9.0,
    "when": pd.Timestamp("2026-09-15"), "ok": "1", "willing": "1", "father": "0", "mother": "0", "f_m": np.nan,
    "m_m": np.nan, "fit": np.nan, "boards": "2", "rank": "3", "kind": "a", "note": np.nan,
}


def params(**more: Any) -> Params:
    return Params.model_validate({
        "town": "x", "name": {"en": "X", "zh": "某"}, "seed": 1, "survey": {"file": "raw/s.csv"}, **more
    })


def forms(*changes: dict[str, Any]) -> pd.DataFrame:
    """One form per set of changes to a first form; answers to the items differ between forms."""
    rng = np.random.default_rng(3)
    rows = []
    for change in changes:
        answers = {f"cls_{n:02d}": float(rng.integers(1, 6)) for n in range(1, 25)}
        rows.append({**FIRST, **answers, **change})
    frame = pd.DataFrame(rows, index=pd.RangeIndex(2, 2 + len(rows)).astype(int))
    texts = [v.variable for v in BOOK.variables if v.type in ("id", "choice", "text")]
    return frame.astype(dict.fromkeys(texts, str))


REPORT = pd.DataFrame(columns=["row", "column", "variable", "found", "problem", "done"])

# ---- rules and flow ------------------------------------------------------------------------------------------------


def test_each_rule_removes_what_it_says_and_the_flow_adds_up() -> None:
    blank = {f"cls_{n:02d}": np.nan for n in range(1, 25)}
    frame = forms(
        {}, {"code": "test"}, {"code": "A3", "note": "测试"}, {"code": "A4", **blank}, {"code": "A5", "ok": "0"},
        {"code": "A6", "willing": np.nan}, {"code": np.nan}, {"code": "A8", "year": "2"},
        {"code": "A9", "year": np.nan}, {"code": "A10", "year": np.nan},
        {"code": "A1", "when": pd.Timestamp("2026-09-14")},
    )
    report = pd.DataFrame({"row": [10], "variable": ["year"], "problem": [PROBLEMS["value"]["en"]]})
    intake = Intake(frame, report, "UTF-8", 12, pd.DataFrame())
    steps = []
    kept, step = cleaning.received(intake)
    steps.append(step)
    for rule in (cleaning.blank_or_test, cleaning.consent, cleaning.usable_ids, cleaning.duplicates):
        kept, step = rule(kept, BOOK)
        steps.append(step)
    kept, step = cleaning.scope(kept, BOOK, report)
    steps.append(step)
    flow = cleaning.flow(steps)
    assert flow["removed"].tolist() == [1, 3, 2, 1, 1, 2]
    assert flow["before"].tolist() == [12, 11, 8, 6, 5, 4]
    assert flow["after"].iloc[-1] == len(kept) == 2
    assert kept.index.tolist() == [11, 12], "of the two forms A1 the earlier stays, though it stands below"
    assert cleaning.flow(steps, "zh")["label"].iloc[2] == "监护人同意且儿童愿意参加"
    assert len(frame) == 11, "rules leave what they are given as it is"


def test_the_last_form_can_be_kept() -> None:
    frame = forms({"cls_01": 1.0}, {"when": pd.Timestamp("2026-09-16")}, {"when": pd.NaT})
    assert cleaning.duplicates(frame, BOOK, "last")[0].index.tolist() == [4]
    assert cleaning.duplicates(frame, BOOK, "first")[0].index.tolist() == [2]
    without = Codebook(tuple(v for v in BOOK.variables if v.role not in ("submitted", "id")))
    assert len(cleaning.duplicates(frame, without, "last")[0]) == 3
    by_row = Codebook(tuple(v for v in BOOK.variables if v.role != "submitted"))
    assert cleaning.duplicates(frame, by_row, "last")[0].index.tolist() == [4]


def test_rules_without_their_question_remove_nobody() -> None:
    bare = Codebook(tuple(v for v in BOOK.variables if v.type == "item"))
    frame = forms({}, {"code": np.nan, "ok": "0", "year": "2"})
    ruled = [cleaning.consent(frame, bare), cleaning.usable_ids(frame, bare), cleaning.scope(frame, bare, REPORT)]
    ruled += [cleaning.blank_or_test(frame, bare), cleaning.consent(frame, BOOK, required=False)]
    for kept, step in ruled:
        assert step.removed == 0
        assert len(kept) == 2


def test_careless_forms_and_forms_without_a_score() -> None:
    frame = forms({}, {"code": "A2"}, {"code": "A3"}).assign(cls_total=[40.0, np.nan, 50.0])
    flags = pd.DataFrame({"n_flags": [0, 1, 3]}, index=frame.index)
    kept, step = cleaning.careless(frame, flags, 2)
    assert kept["code"].tolist() == ["A1", "A2"]
    assert "2" in step.why["en"]
    assert "2" in step.why["zh"]
    kept, step = cleaning.outcome_missing(kept, "cls_total")
    assert (kept["code"].tolist(), step.removed) == (["A1"], 1)


def test_a_flow_that_does_not_add_up_is_refused() -> None:
    words = {"en": "x", "zh": "某"}
    good = cleaning.Step("a", words, 10, 2, 8, words)
    for bad in (cleaning.Step("b", words, 7, 1, 6, words), cleaning.Step("b", words, 8, 1, 6, words)):
        with pytest.raises(ValueError, match="does not add up at 'b'"):
            cleaning.flow([good, bad])


def test_doubles_finds_same_ids_and_same_answers_but_no_straight_lines() -> None:
    line = {f"cls_{n:02d}": 5.0 for n in range(1, 25)}
    frame = forms({}, {}, {"code": "A3"}, {"code": "A4", **line}, {"code": "A5", **line}, {"code": "A6"})
    items = [c for c in frame if c.startswith("cls")]
    frame.loc[7, items] = frame.loc[4, items].to_numpy()
    frame.loc[7, "cls_24"] = np.nan
    found = cleaning.doubles(frame, BOOK)
    assert found[["row", "other_row", "kind"]].to_numpy().tolist() == [[2, 3, "same id"], [4, 7, "same answers"]]
    assert found["share"].iloc[1] == 1.0
    assert found["share"].iloc[0] < 0.9
    assert cleaning.doubles(frame.iloc[:0], BOOK).empty


# ---- derived variables ---------------------------------------------------------------------------------------------


def test_names_ages_and_classes() -> None:
    frame = forms(
        {}, {"code": "A2", "campus": "S2", "sex": "2", "month": np.nan, "room": "S2-G3"},
        {"code": "A3", "year": np.nan, "born": np.nan, "sex": np.nan, "when": pd.NaT},
    )
    out = cleaning.derive(frame, BOOK, params())
    assert out["id"].tolist() == ["A1", "A2", "A3"]
    assert out["class"].tolist()[:2] == ["S1-G3-1班", "S2-G3"]
    assert out["class"].isna().tolist() == [False, False, True]
    np.testing.assert_array_equal(out["girl"], [0, 1, np.nan])
    np.testing.assert_allclose(out["age"], [10.0, 10.21, np.nan])
    np.testing.assert_array_equal(out["grade"], [3, 3, np.nan])
    whole = cleaning.derive(frame.iloc[:2], BOOK, params())["grade"]
    assert whole.dtype == int


def test_codes_of_predictors_and_covariates_become_numbers() -> None:
    out = cleaning.derive(forms({}, {"boards": "1", "rank": np.nan}), BOOK, params(comparison={"covariates": ["ok"]}))
    assert out["boards"].tolist() == [0.0, 1.0], "yes is 1 whatever its code"
    np.testing.assert_array_equal(out["rank"], [3, np.nan])
    assert out["kind"].tolist() == ["a", "a"]
    assert out["ok"].tolist() == [1.0, 1.0]


N = np.nan


def away(father: Any, mother: Any, f_m: float = N, m_m: float = N, fit: Any = N, born: float = 2016) -> dict:
    return {"father": father, "mother": mother, "f_m": f_m, "m_m": m_m, "fit": fit, "born": born}


CASES = [  # what was answered, one_or_both_parents, state_council_2016, who
    ("nobody away", away("0", "0"), 0, 0, "neither"),
    ("father half a year", away("1", "0", 6, N, "1"), 1, 0, "father"),
    ("father five months", away("1", "0", 5, N, "1"), 0, 0, "neither"),
    ("father away, months unknown", away("1", "0", N, N, "1"), N, 0, N),
    ("father away, months unknown, mother long", away("1", "1", N, 12), 1, 1, N),
    ("mother away, father unfit", away("0", "1", N, 24, "0"), 1, 1, "mother"),
    ("mother away, fitness unknown", away("0", "1", N, 24), 1, N, "mother"),
    ("both away, one for short", away("1", "1", 12, 2), 1, 1, "father"),
    ("both away for short", away("1", "1", 2, 2), 0, 1, "neither"),
    ("father does not know", away("2", "0", N, N, "1"), N, 0, N),
    ("father unknown, mother long", away(N, "1", N, 12, "1"), 1, N, N),
    ("both away but sixteen", away("1", "1", 12, 12, born=2010), 0, 0, "both"),
    ("both away, age unknown", away("1", "1", 12, 12, born=N), N, N, "both"),
    ("nobody away, age unknown", away("0", "0", born=N), 0, 0, "neither"),
]


@pytest.mark.parametrize(("name", "answers", "research", "council", "who"), CASES, ids=[c[0] for c in CASES])
def test_both_definitions_of_left_behind(name: str, answers: dict, research: float, council: float, who: Any) -> None:
    out = cleaning.derive(forms(answers), BOOK, params()).iloc[0]
    np.testing.assert_equal(out["left_behind_one_or_both_parents"], float(research))
    np.testing.assert_equal(out["left_behind_state_council_2016"], float(council))
    assert out["parents_away"] == who or (pd.isna(out["parents_away"]) and pd.isna(who))
    np.testing.assert_equal(out["left_behind"], out["left_behind_one_or_both_parents"])


def test_params_choose_definition_months_and_age() -> None:
    frame = forms(away("1", "1", 2, 2), away("1", "0", N, N, "1"), away("1", "0", 12, N, "1", born=2013))
    council = cleaning.derive(frame, BOOK, params(left_behind={"definition": "state_council_2016"}))
    assert council["left_behind"].tolist() == [1, 0, 0]
    any_time = cleaning.derive(frame, BOOK, params(left_behind={"months": 0.0}))
    assert any_time["left_behind"].tolist() == [1, 1, 1]
    young = cleaning.derive(frame, BOOK, params(left_behind={"months": 0.0, "max_age": 12}))
    assert young["left_behind"].tolist() == [1, 1, 0]
    assert "left_behind" not in cleaning.derive(frame, BOOK, params(left_behind=None))
    np.testing.assert_array_equal(any_time["months_away"], [2, N, 12])


def test_definitions_are_counted_with_the_undetermined() -> None:
    frame = cleaning.derive(forms(*(case[1] for case in CASES)), BOOK, params())
    table = cleaning.definitions(frame)
    assert table[["left_behind", "not_left_behind", "undetermined"]].sum(axis=1).tolist() == [len(CASES)] * 2
    assert table["undetermined"].tolist() == [3, 3]
    assert cleaning.definitions(frame, "zh")["label"].iloc[1].startswith("国务院2016")


def test_a_survey_that_asked_only_for_the_label() -> None:
    thin = Codebook((Variable("left_behind", "留守", "choice", values={"1": ("是",), "2": ("否",)}),))
    frame = pd.DataFrame({"left_behind": ["1", "2", np.nan]}).astype(str)
    np.testing.assert_array_equal(cleaning.derive(frame, thin, params())["left_behind"], [1, 0, N])
    with pytest.raises(CodebookError, match="does not tell who they are"):
        cleaning.derive(frame, Codebook(()), params())
    assert cleaning.derive(frame, Codebook(()), params(left_behind=None))["id"].tolist() == ["0", "1", "2"]


# ---- direction -----------------------------------------------------------------------------------------------------

CLS = instrument("cls")
ASCENDING = {"1": ("绝非如此",), "2": ("很少如此",), "3": ("有时如此",), "4": ("经常如此",), "5": ("一直如此",)}
DESCENDING = dict(zip(ASCENDING, list(ASCENDING.values())[::-1], strict=True))


def answers(n: int = 200, seed: int = 1) -> pd.DataFrame:
    """Answers with 5 = always, mean near 25 % of the range, as children give them."""
    rng = np.random.default_rng(seed)
    lonely = rng.normal(-1.0, 0.8, n)
    frame = {}
    for item in CLS.items:
        sign = 0 if item.filler else -1 if item.reverse else 1
        frame[CLS.column(item.n)] = np.clip(np.rint(3 + sign * lonely + rng.normal(0, 0.8, n)), 1, 5)
    return pd.DataFrame(frame)


def labels(values: dict) -> dict:
    return dict.fromkeys(CLS.columns(), values)


def test_labels_tell_the_direction_and_the_answers_agree() -> None:
    found = cleaning.direction(answers(), CLS, labels(ASCENDING))
    assert (found.highest_is_agree, found.basis, found.points) == (True, "labels", (1, 5))
    assert found.evidence["check"].tolist() == ["labels", "between", "item_rest", "spread", "level", "fillers"]
    assert all(found.evidence["agrees"])
    turned = cleaning.direction(6 - answers(), CLS, labels(DESCENDING))
    assert (turned.highest_is_agree, turned.basis) == (False, "labels")
    assert all(turned.evidence["agrees"])


@pytest.mark.parametrize(("low", "high"), [
    ("never", "always"), ("strongly disagree", "strongly agree"), ("no", "yes"), ("完全不符合", "完全符合"),
    ("很不同意", "很同意"), ("从不", "总是"), ("没有", "经常有"), ("not at all true of me", "very true of me"),
])
def test_labels_that_are_no_anchors_are_understood(low: str, high: str) -> None:
    up = labels({"1": (low,), "3": ("?",), "5": (high,)})
    down = labels({"1": (high,), "5": (low,)})
    assert cleaning.direction(answers(), CLS, up).highest_is_agree
    assert not cleaning.direction(6 - answers(), CLS, down).highest_is_agree


def test_without_labels_the_direction_is_assumed_and_said_to_be() -> None:
    found = cleaning.direction(answers(), CLS, labels({str(k): () for k in range(1, 6)}))
    assert (found.highest_is_agree, found.basis) == (True, "assumed")
    assert found.evidence.set_index("check").loc["labels", "agrees"] is None


def test_another_wave_and_a_four_point_form() -> None:
    frame = np.clip(answers(), 1, 4).add_suffix("@after")
    values = {"1": ("never",), "4": ("always",)}
    found = cleaning.direction(frame, CLS, dict.fromkeys(frame.columns, values))
    assert (found.highest_is_agree, found.points) == (True, (1, 4))


def turned(frame: pd.DataFrame, *items: int) -> pd.DataFrame:
    return frame.assign(**{CLS.column(n): 6 - frame[CLS.column(n)] for n in items})


MIXED = labels(ASCENDING) | {"cls_09": DESCENDING, "cls_21": DESCENDING}
REFUSED = {
    "labels and answers disagree": ([], labels(DESCENDING), "may be the wrong way round: labels say"),
    "no labels, stored with 1 = always": (CLS.numbers, None, "without labels it was assumed"),
    "keyed already": (CLS.reverse, labels(ASCENDING), "seem to be keyed already"),
    "items labelled in opposite ways": ([], MIXED, "labelled in opposite ways"),
    "one item turned": ([9], labels(ASCENDING), "an item of cls runs against its key"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_silent_inversion_is_refused(name: str) -> None:
    items, given, message = REFUSED[name]
    with pytest.raises(DirectionError) as caught:
        cleaning.direction(turned(answers(), *items), CLS, given)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 6
    assert cleaning.direction(answers(), CLS, labels(ASCENDING)).highest_is_agree, "and mending it works"


def test_anchors_in_the_order_of_a_descending_form_are_refused() -> None:
    turned_anchors = {language: texts[::-1] for language, texts in CLS.anchors.items()}
    with pytest.raises(DirectionError) as caught:
        cleaning.direction(answers(), CLS.model_copy(update={"anchors": turned_anchors}), labels(ASCENDING))
    assert str(caught.value) == """\
instruments/cls.yaml: the anchors of cls run from 'always true' to 'not at all true'
  why: anchors ascend in agreement; which number a form gives to which answer stands in codebook.csv
  fix: turn the lists under `anchors` round"""


def test_few_forms_prove_nothing_and_nothing_is_claimed() -> None:
    found = cleaning.direction(answers(10), CLS, labels(ASCENDING))
    assert found.evidence.set_index("check").loc["between", "found"] == "too few forms"
    assert found.highest_is_agree


def test_a_scale_without_a_total_is_judged_within_its_subscales() -> None:
    panas = instrument("panas_c")
    rng = np.random.default_rng(4)
    mood = {name: rng.normal(0, 1, 300) for name in panas.subscales}
    frame = pd.DataFrame(index=range(300), columns=panas.columns(), dtype=float)
    for name, part in panas.subscales.items():
        for n in part.items:
            frame[panas.column(n)] = np.clip(np.rint(3 + mood[name] + rng.normal(0, 0.6, 300)), 1, 5)
    found = cleaning.direction(frame, panas, None)
    assert found.evidence.set_index("check").loc["item_rest", "agrees"]
