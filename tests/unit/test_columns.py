"""Column heads and our own words in tables exist in both languages, for every table of S town."""

from __future__ import annotations

import csv
import doctest
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lbc.reporting import columns
from lbc.reporting.columns import AWAY, FORMATS, HEADS, WORDS, in_words
from lbc.reporting.tables import FORMAT, Table, csv_text, findings, group_heads, heads, protocol

ROOT = Path(__file__).resolve().parents[2]
TABLES = sorted((ROOT / "outputs" / "s_town" / "tables").glob("*.csv"))
OURS = {"kind", "step", "adequate", "contrast", "model", "sample", "corrected", "agrees", "gap"}
"""Columns whose words we chose: none of them may reach a Chinese reader in English."""
LEFT_ALONE = {"ICC", "n", "Hedges g", "Cohen d_z", "Hedges g_av", "metric"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def header(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file))


def cells(*names: str) -> Iterator[tuple[Path, str, str]]:
    for path in TABLES:
        for row in rows(path):
            yield from ((path, name, row[name]) for name in names if row.get(name))


def test_examples_in_docstrings() -> None:
    outcome = doctest.testmod(columns)
    assert (outcome.failed, outcome.attempted) == (0, 1)


def test_there_are_tables_to_look_at() -> None:
    assert len(TABLES) >= 30


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_every_column_of_every_table_has_a_head(path: Path) -> None:
    known = set(HEADS) | (set(group_heads({"en": "a", "zh": "b"}, {"en": "a", "zh": "b"})) if path.stem == "02_table_one" else set())
    names = header(path)
    both = {name for name in names for pair in [{f"{name[:-3]}_en", f"{name[:-3]}_zh"}] if name in pair <= set(names)}
    assert [name for name in names if name not in known and not (name in both and name[:-3] in known)] == []


def test_every_head_has_both_languages_and_a_chinese_one_no_english_words() -> None:
    for name, head in HEADS.items():
        assert set(head) == {"en", "zh"}, name
        assert all(head.values()), name
        if re.search(r"[a-z]{4,}", head["zh"]):
            raise AssertionError(f"{name}: {head['zh']}")


def test_no_head_is_written_down_twice() -> None:
    found = rows(Path(columns.__file__).with_name("columns.csv"))
    assert len({(row["use"], row["name"]) for row in found}) == len(found)
    assert all(None not in row and None not in row.values() for row in found)


def test_every_word_has_both_languages() -> None:
    for word, text in (WORDS | AWAY).items():
        assert set(text) == {"en", "zh"}, word
        assert all(text.values()), word


def test_every_format_can_be_printed() -> None:
    assert all(FORMAT.fullmatch(how) for how in FORMATS.values())
    assert set(FORMATS) <= set(HEADS)


def test_our_own_words_are_chinese_for_chinese_readers() -> None:
    english = {(path.stem, text) for path, name, text in cells(*OURS)
               if not CHINESE.search(in_words(name, text, {}, "zh"))
               and path.stem != "02_contrasts"  # contrasts are named in params
               and WORDS.get(text, {"zh": ""})["zh"] not in ("M（SD）", "n（%）")}
    assert english == set()


def test_methods_and_terms_of_models_are_chinese_for_chinese_readers() -> None:
    labels = {name: {"en": name, "zh": "变量"} for _, _, name in cells("predictor", "variable")}
    english = {text for path, name, text in cells("method", "term")
               if not CHINESE.search(in_words(name, text, labels, "zh")) and text not in LEFT_ALONE}
    assert {text for text in english if text not in {"class", "grade", "only_child", "R2"}} == set()


@pytest.mark.parametrize(("column", "text", "en", "zh"), [
    ("contrast", "A v B", "A v B", "A 对 B"),
    ("contrast", "A v all", "A v all", "A 对全部"),
    ("gap", "need, session", "need, session", "需要、环节"),
    ("gap", "", "", ""),
    ("term", "parents_away=father", "Who is away: father", "谁外出：父亲"),
    ("term", "parents_away: both", "Who is away: both", "谁外出：父母双方"),
    ("term", "unknown=3", "unknown=3", "unknown=3"),
    ("term", "time:focal", "later wave × group of interest", "后一次调查 × 关注组"),
    ("level", "father", "father", "父亲"),
    ("role", "father", "father", "father"),
    ("note", "a v all", "a v all", "a v all"),
    ("variable", "parents_away", "Who is away", "谁外出"),
    ("step", "metric", "metric", "载荷不变"),
])
def test_words_of_a_cell(column: str, text: str, en: str, zh: str) -> None:
    labels = {"parents_away": {"en": "Who is away", "zh": "谁外出"}}
    assert (in_words(column, text, labels, "en"), in_words(column, text, labels, "zh")) == (en, zh)


def test_labels_of_the_town_go_before_our_words() -> None:
    assert in_words("term", "time", {"time": {"en": "Time", "zh": "时间"}}, "zh") == "时间"
    shown = Table(pd.DataFrame({"term": ["kind=a"]}), labels={"kind": {"en": "Kind", "zh": "种类"}, "a": {"en": "A", "zh": "甲"}})
    assert shown.cells("zh") == [["种类：甲"]]


# ---- cells of mixed columns ---------------------------------------------------------------------------------------


def test_a_column_may_mix_text_numbers_and_truths() -> None:
    frame = pd.DataFrame({"found": pd.Series(["a", 1, 2.345, True, np.bool_(False), None, np.int64(7), pd.NaT], dtype=object)})
    assert [row[0] for row in Table(frame).cells("en")] == ["a", "1", "2.34", "yes", "no", "—", "7", "—"]
    assert Table(pd.DataFrame({"day": pd.to_datetime(["2026-09-01"])})).cells("zh") == [["2026-09-01 00:00:00"]]


def test_numbers_by_the_name_of_their_column() -> None:
    frame = pd.DataFrame({"d_df": [np.nan, 15.0], "r": [0.5, -0.25], "p": [0.5, 0.00004], "lmg": [0.1, 0.2], "x": [1.0, 2.0]})
    assert Table(frame).cells("en") == [["—", ".50", ".500", ".100", "1.00"], ["15", "−.25", "< .001", ".200", "2.00"]]


# ---- heads, group_heads, protocol, findings -----------------------------------------------------------------------


def test_the_head_of_a_name() -> None:
    assert heads("loneliness") == {"en": "Loneliness rating", "zh": "孤独感评分"}
    assert heads("something new") == {"en": "something new", "zh": "something new"}


def test_heads_of_two_groups() -> None:
    found = group_heads({"en": "others", "zh": "非留守"}, {"en": "left-behind", "zh": "留守"})
    assert len(found) == 11
    assert found["missing_focal"] == {"en": "left-behind: missing", "zh": "留守：缺失"}
    assert found["level"]["zh"] == "取值"
    assert found["reference_mean"] == {"en": "others: M", "zh": "非留守：M"}
    assert found["focal_percent"] == {"en": "left-behind: %", "zh": "留守：%"}


def town(**more: object) -> object:
    from lbc.params import Intervention

    return Intervention.model_validate({
        "outcomes": [{"score": "cls_total", "direction": "down", "primary": True}, {"score": "psss_total", "direction": "up"}],
        "retest": {"value": 0.7, "low": 0.5, "high": 0.9, "source": "Li 2020"},
        "reliability": {"value": 0.87, "low": 0.8, "high": 0.9, "source": "Wu 2011"}, "alpha": 0.01, **more,
    })


NAMES = {"cls_total": {"en": "loneliness", "zh": "孤独感"}}
CASE = {"member": "M3", "rule": {"en": "the highest", "zh": "最高者"}, "outcome": "loneliness", "direction": "down"}


def test_the_protocol_in_lines() -> None:
    table = protocol(town(low_peer="M8", comparison="resurvey", case=CASE, waves={"follow_up": None}), NAMES)
    assert dict(zip(table["rule"], table["holds"], strict=True)) == {
        "who could be chosen": "the group of interest",
        "how members were chosen": "the highest scores of the survey",
        "low-loneliness peer, kept apart": "M8",
        "compared with": "children of the survey, measured again",
        "waves": "T0, T1, T2, T3",
        "registered outcomes": "loneliness ↓ (primary); psss_total ↑",
        "level of the primary test": "0.01",
        "retest correlation": "0.7 (0.5-0.9); Li 2020",
        "reliability": "0.87 (0.8-0.9); Wu 2011",
        "rule for case work": "the highest",
    }


def test_the_protocol_in_chinese_without_case_work() -> None:
    table = protocol(town(selection="volunteers"), NAMES, "zh")
    assert table["rule"].tolist() == [
        "可入选者", "组员选取方式", "单列的低孤独感同伴", "比较对象", "测量时间点", "登记的结果指标", "主要检验水平", "重测相关", "信度"]
    assert table["holds"].iloc[1:4].tolist() == ["自愿报名", "—", "无人重测"]
    assert table["holds"].iloc[5] == "孤独感 ↓（主要）; psss_total ↑"
    assert protocol(town(case=CASE), NAMES, "zh")["holds"].iloc[-1] == "最高者"


def test_findings_by_strength_of_evidence() -> None:
    one = {"evidence": "association", "confirmatory": True, "estimate": {"value": 1.0}}
    found = {"a": one, "b": one | {"confirmatory": False, "estimate": None}, "c": one | {"evidence": "single case"}}
    table = findings(found)
    assert table.values.tolist() == [["association", 2, 1, 1], ["single case", 1, 1, 0]]
    assert table.columns.tolist() == ["evidence", "findings", "confirmatory", "not_estimable"]
    assert findings(found, "zh")["evidence"].tolist() == ["相关关系", "单一个案"]
    assert csv_text(table).splitlines()[1] == "association,2,1,1"
