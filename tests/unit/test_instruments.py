from __future__ import annotations

import doctest
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import lbc.instruments
from lbc.errors import InstrumentError
from lbc.instruments import Instrument, available, load

BOTH = {"en": "x", "zh": "x"}
SHIPPED = ["cls", "panas_c", "pssm", "psss", "scwbs"]


def small(**changes: Any) -> dict[str, Any]:
    """A valid instrument of three items, the last a filler, with changes."""
    return {
        "id": "mini", "name": BOTH, "measures": BOTH, "high_means": BOTH, "licence": BOTH, "verified": True,
        "min": 1, "max": 3, "anchors": {"en": ["a", "b", "c"], "zh": ["a", "b", "c"]},
        "items": [
            {"n": 1, "en": "x", "zh": "x"},
            {"n": 2, "en": "x", "zh": "x", "reverse": True},
            {"n": 3, "en": "x", "zh": "x", "filler": True},
        ],
    } | changes


def written(folder: Path, text: str | bytes, name: str = "mini") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


MINI = """
id: mini
name: {en: Mini, zh: 小}
measures: {en: x, zh: x}
high_means: {en: x, zh: x}
licence: {en: own, zh: 自编}
verified: true
min: 0
max: 1
anchors: {en: ["no", "yes"], zh: [否, 是]}
items:
  - {n: 1, en: one, zh: 一}
  - {n: 2, en: two, zh: 二, reverse: true}
"""


def test_the_shipped_instruments() -> None:
    assert available() == SHIPPED
    for scale in SHIPPED:
        instrument = load(scale)
        assert instrument.verified or instrument.verified_note
        assert all(item.en and item.zh for item in instrument.items)
        for cut in instrument.cut_offs:
            assert cut.source


def test_the_loneliness_scale_has_the_published_key() -> None:
    cls = load("cls")
    assert (cls.n_items, cls.min, cls.max) == (24, 1, 5)
    assert cls.fillers == [2, 5, 7, 11, 13, 15, 19, 23]
    assert cls.reverse == {1, 4, 8, 10, 16, 22}
    assert len(cls.scored) == 16
    assert [(c.value, c.metric, c.verified) for c in cls.cut_offs] == [(2.5, "mean", True), (46, "sum", False)]
    assert cls.anchors["en"][0] == "not at all true"
    assert cls.forms["cls16"].items == cls.scored
    assert cls.forms["cls21"].items is None


@pytest.mark.parametrize("status", ["proposed", "reconstruction"])
def test_each_set_of_subscales_parts_the_loneliness_scale(status: str) -> None:
    cls = load("cls")
    parts = {name: part.items for name, part in cls.subscales.items() if part.status == status}
    assert sorted(chain.from_iterable(parts.values())) == cls.scored
    assert ({"social_emotion", "peer_integration", "belonging"} == set(parts)) == (status == "proposed")


def test_the_keys_of_the_companion_scales() -> None:
    psss, pssm, panas, scwbs = (load(name) for name in ("psss", "pssm", "panas_c", "scwbs"))
    assert {name: part.items for name, part in psss.subscales.items()} == {
        "family": [3, 4, 8, 11], "friends": [6, 7, 9, 12], "other": [1, 2, 5, 10]
    }
    assert pssm.reverse == {3, 6, 9, 12, 16}
    assert not panas.total
    assert [len(part.items) for part in panas.subscales.values()] == [5, 5]
    assert scwbs.fillers == [2, 7, 13]
    assert sorted(chain.from_iterable(part.items for part in scwbs.subscales.values())) == scwbs.scored


def test_columns_of_an_instrument() -> None:
    mini = Instrument.model_validate(small())
    assert mini.columns() == ["mini_01", "mini_02", "mini_03"]
    assert mini.columns("resurvey", fillers=False) == ["mini_01@resurvey", "mini_02@resurvey"]


def test_a_towns_own_file_comes_first(tmp_path: Path) -> None:
    folder = written(tmp_path / "instruments", MINI)
    written(folder, MINI.replace("id: mini", "id: cls"), "cls")
    assert available(folder) == sorted([*SHIPPED, "mini"])
    assert load("mini", folder).reverse == {2}
    assert load("cls", folder).n_items == 2
    assert load("cls").n_items == 24
    assert load("psss", tmp_path / "nowhere").n_items == 12


@pytest.mark.parametrize("name", ["clss", "CLS", "../cls", ""])
def test_an_unknown_instrument_is_named_with_those_there_are(name: str) -> None:
    with pytest.raises(InstrumentError) as caught:
        load(name)
    assert "cls, panas_c" in caught.value.why
    assert ("did you mean 'cls'" in caught.value.what) == (name in ("clss", "../cls"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max": 4}, "3 labels for 4 answers"),
        ({"max": 1}, "must be greater than min"),
        ({"anchors": {"en": ["a", "b", "c"]}}, "anchors need en and zh"),
        ({"name": {"en": "x"}}, "both languages"),
        ({"subscales": {"part": {"items": [1, 3], "label": BOTH, "status": "proposed"}}}, "not scored"),
        ({"subscales": {"total": {"items": [1], "label": BOTH, "status": "proposed"}}}, "cannot be the name"),
        ({"subscales": {"part": {"items": [1], "label": BOTH, "status": "guess"}}}, "published"),
        ({"forms": {"short": {"items": [1, 9], "size": 2, "note": BOTH}}}, "form short must list 2"),
        ({"binary": {"yes_from": 1}}, "yes_from"),
        ({"verified": False}, "needs a verified_note"),
        ({"total": False}, "there must be subscales"),
        ({"items": [{"n": 1, "en": "x", "zh": "x"}] * 2}, "stands twice"),
        ({"items": [{"n": 1, "en": "x", "zh": "x", "filler": True}]}, "all items are fillers"),
        ({"items": [{"n": 1, "en": "x", "zh": "x"}, {"n": 2, "en": "x", "zh": "x", "filler": True, "reverse": True}]},
         "fillers cannot be reverse-keyed"),
        ({"colour": "red"}, "Extra inputs"),
        ({"verified": "yes"}, "valid boolean"),
    ],
)
def test_contradictions_are_found(changes: dict[str, Any], message: str) -> None:
    assert Instrument.model_validate(small()).n_items == 3
    with pytest.raises(ValidationError, match=message):
        Instrument.model_validate(small(**changes))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MINI.replace("max: 1", "max: 2"), "2 labels for 3 answers"),
        (MINI.replace("min: 0", "min: zero"), "min: Input should be a valid integer"),
        (MINI.replace("id: mini", "id: other"), "its id is 'other'"),
        ("id: [", "not YAML"),
        ("", "valid dictionary"),
        ("id: 儿童".encode("gb18030"), "save it as UTF-8"),
    ],
)
def test_a_broken_file_says_where_and_why(tmp_path: Path, text: str | bytes, message: str) -> None:
    folder = written(tmp_path / "instruments", text)
    with pytest.raises(InstrumentError) as caught:
        load("mini", folder)
    assert caught.value.where == "instruments/mini.yaml"
    assert message in caught.value.why


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    text = MINI.replace("max: 1", "max: 2").replace("n: 2", "n: 1")
    with pytest.raises(InstrumentError) as caught:
        load("mini", written(tmp_path / "instruments", text))
    assert "2 labels" in caught.value.why
    assert "stands twice" in caught.value.why


def test_examples_in_docstrings() -> None:
    outcome = doctest.testmod(lbc.instruments)
    assert outcome.attempted
    assert not outcome.failed
