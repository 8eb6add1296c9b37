"""Tables as they are read and as they are stored."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest

from lbc.reporting.tables import Table, csv_text, guard

HEADERS = {
    "row": {"en": "Outcome", "zh": "结果变量"},
    "g": {"en": "Hedges g", "zh": "Hedges g"},
    "p": {"en": "p", "zh": "p"},
    "n": {"en": "n", "zh": "人数"},
    "share": {"en": "Share", "zh": "比例"},
}


def table() -> Table:
    frame = pd.DataFrame(
        {
            "row": [{"en": "Loneliness <total>", "zh": "孤独感<总分>"}, "plain | text"],
            "g": [0.3549, np.nan],
            "p": [0.00002, 0.5],
            "n": [600, 12],
            "share": [0.125, 1.0],
        }
    )
    formats = {"g": "+.2f", "p": "p", "share": ".1%"}
    return Table(
        frame, formats, HEADERS, {"en": "Table & caption", "zh": "表注"}, {"en": "Note.", "zh": "注：说明。"}
    )


def test_cells_as_read() -> None:
    assert table().cells("en") == [
        ["Loneliness <total>", "+0.35", "< .001", "600", "12.5%"],
        ["plain | text", "—", ".500", "12", "100.0%"],
    ]
    assert table().cells("zh")[0] == ["孤独感<总分>", "+0.35", "< 0.001", "600", "12.5%"]


def test_html_is_three_lines_escaped_and_without_ids() -> None:
    html = table().to_html("en", synthetic_note="Simulated data")
    cell = "padding:2px 10px"
    rule = "border-bottom:0.75pt solid currentColor"
    heads = "".join(
        f'<th scope="col" style="text-align:{side};{cell};{rule}">{name}</th>'
        for name, side in [
            ("Outcome", "left"),
            ("Hedges g", "right"),
            ("p", "right"),
            ("n", "right"),
            ("Share", "right"),
        ]
    )
    first = "".join(
        f'<td style="text-align:{side};{cell}">{text}</td>'
        for text, side in [
            ("Loneliness &lt;total&gt;", "left"),
            ("+0.35", "right"),
            ("&lt; .001", "right"),
            ("600", "right"),
            ("12.5%", "right"),
        ]
    )
    second = "".join(
        f'<td style="text-align:{side};{cell}">{text}</td>'
        for text, side in [
            ("plain | text", "left"),
            ("—", "right"),
            (".500", "right"),
            ("12", "right"),
            ("100.0%", "right"),
        ]
    )
    assert html == (
        '<table class="lbc-table" style="border-collapse:collapse;border-top:1.5pt solid currentColor;'
        'border-bottom:1.5pt solid currentColor">\n<caption style="text-align:left">Table &amp; caption</caption>\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n<tr>{first}</tr>\n<tr>{second}</tr>\n</tbody>\n</table>\n"
        '<p class="lbc-note">Note.<br>Simulated data</p>\n'
    )
    assert " id=" not in html


def test_another_caption_and_note_may_be_given() -> None:
    html = table().to_html("zh", caption={"en": "x", "zh": "表 2"}, note={"en": "y", "zh": "另注"})
    assert '<caption style="text-align:left">表 2</caption>' in html
    assert '<p class="lbc-note">另注</p>' in html


def test_html_carries_no_live_text() -> None:
    evil = '<script>alert(1)</script>" onmouseover="x'
    html = Table(pd.DataFrame({evil: [evil]}), caption=evil, note=evil).to_html("en")
    assert "<script" not in html
    assert '" onmouseover' not in html


def test_markdown() -> None:
    assert table().to_markdown("zh") == (
        "表注\n\n| 结果变量 | Hedges g | p | 人数 | 比例 |\n| --- | ---: | ---: | ---: | ---: |\n"
        "| 孤独感&lt;总分&gt; | +0.35 | &lt; 0.001 | 600 | 12.5% |\n"
        "| plain \\| text | — | 0.500 | 12 | 100.0% |\n\n注：说明。\n"
    )


def test_the_rendered_form_is_what_json_keeps() -> None:
    made = table().rendered()
    assert json.loads(json.dumps(made)) == made
    assert made == {
        "caption": {"en": "Table & caption", "zh": "表注"},
        "note": {"en": "Note.", "zh": "注：说明。"},
        "heads": {"en": ["Outcome", "Hedges g", "p", "n", "Share"], "zh": ["结果变量", "Hedges g", "p", "人数", "比例"]},
        "cells": {language: table().cells(language) for language in ("en", "zh")},
        "numeric": [False, True, True, True, True],
    }
    bare = Table(pd.DataFrame({"x": [1.0]})).rendered(caption="Both", note={"en": "y", "zh": "另注"})
    assert (bare["caption"], bare["note"]) == ({"en": "Both", "zh": "Both"}, {"en": "y", "zh": "另注"})
    assert Table(pd.DataFrame({"x": [1.0]})).rendered()["note"] is None


def test_csv_has_full_precision_both_languages_and_lf() -> None:
    text = table().to_csv()
    assert text.splitlines()[0] == "row_en,row_zh,g,p,n,share"
    assert text.splitlines()[1] == "Loneliness <total>,孤独感<总分>,0.3549,2e-05,600,0.125"
    assert "\r" not in text
    values = np.random.default_rng(1).normal(size=50)
    lines = csv_text(pd.DataFrame({"x": values})).splitlines()
    assert [float(line) for line in lines[1:]] == values.tolist()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_text_becomes_a_formula(start: str) -> None:
    text = f"{start}cmd|' /C calc'!A0"
    assert guard(text) == f"'{text}"
    frame = pd.DataFrame({"x": [text], f"{start}head": [-1.5], "label": [{"en": text, "zh": "a"}]})
    head, row = csv.reader(io.StringIO(csv_text(frame), newline=""))
    assert head == ["x", f"'{start}head", "label_en", "label_zh"]
    assert row == [f"'{text}", "-1.5", f"'{text}", "a"]


def test_numbers_are_never_guarded() -> None:
    frame = pd.DataFrame({"a": [-1, 2], "b": [-0.5, np.nan], "c": np.array([np.float64(-2.5), None], dtype=object)})
    assert csv_text(frame) == "a,b,c\n-1,-0.5,-2.5\n2,,\n"


def test_an_index_becomes_a_column() -> None:
    frame = pd.DataFrame({"x": [1.0]}, index=pd.Index(["a"], name="who"))
    assert Table(frame).cells("en") == [["a", "1.00"]]
    assert csv_text(frame) == "who,x\na,1.0\n"


def test_labels_translate_text_cells_only() -> None:
    labels = {"g": {"en": "girls", "zh": "女生"}, 1: {"en": "one", "zh": "一"}}
    shown = Table(pd.DataFrame({"who": ["g"], "code": [1], "count": [1]}), {"code": "text"}, labels=labels)
    assert shown.cells("zh") == [["女生", "一", "1"]]


def test_mistakes_of_the_caller_are_refused() -> None:
    frame = pd.DataFrame({"x": [1.0]})
    with pytest.raises(KeyError, match="no column 'y'"):
        Table(frame, {"y": "d"})
    with pytest.raises(ValueError, match="unknown format '2f'"):
        Table(frame, {"x": "2f"})
