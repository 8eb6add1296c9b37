"""A first codebook and params from a file nobody has described: what is guessed, what is said, what is refused."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat
import pytest

from lbc import params as town_params
from lbc.errors import IntakeError
from lbc.instruments import Instrument
from lbc.instruments import load as instrument
from lbc.params import Params
from lbc.paths import Project
from lbc.survey import cleaning, codebook, intake
from lbc.survey.codebook import Codebook
from lbc.survey.draft_codebook import order_answers
from lbc.survey.guess_items import order_of_waves, similarity
from lbc.survey.propose import Proposal, propose

CLS, PSSS = instrument("cls"), instrument("psss")


def scale(
    name: str, n: int, low: int, high: int, anchors: list[str], reverse: tuple[int, ...] = (), **more: Any
) -> Instrument:
    """An instrument as a user brings it."""
    both = {"en": "loneliness", "zh": "孤独感"}
    return Instrument.model_validate({
        "id": name, "name": both, "measures": both, "high_means": {"en": "lonelier", "zh": "越孤独"},
        "licence": {"en": "free", "zh": "免费"}, "verified": True, "min": low, "max": high,
        "anchors": {"en": anchors, "zh": [f"第{k}级" for k in range(len(anchors))]},
        "items": [
            {"n": k, "en": f"statement {k}", "zh": f"陈述{k}", "reverse": k in reverse} for k in range(1, n + 1)
        ],
    } | more)


UCLA = scale("ucla3", 3, 1, 3, ["hardly ever", "some of the time", "often"])
DJG = scale("djg11", 11, 1, 3, ["no", "more or less", "yes"], reverse=(1, 4, 7, 8, 11), binary={"yes_from": 2})


def write(path: Path, frame: pd.DataFrame) -> Path:
    frame.to_csv(path, index=False, encoding="utf-8")
    return path


def used(tmp_path: Path, proposal: Proposal, path: Path) -> tuple[Params, Codebook, intake.Intake]:
    """What `make new-town` does with a proposal: write, load, read."""
    (tmp_path / "params").mkdir(exist_ok=True)
    (tmp_path / "params/hill.yaml").write_text(proposal.params_text, encoding="utf-8")
    params = town_params.load(Project(tmp_path).town("hill"))
    with (tmp_path / "codebook.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, codebook.COLUMNS)
        writer.writeheader()
        writer.writerows(proposal.codebook_rows)
    book = codebook.load(tmp_path / "codebook.csv", "codebook.csv", params.survey.waves)
    return params, book, intake.read(path, book, path.name, expected_rows=params.survey.expected_rows)


def said(proposal: Proposal, words: str) -> bool:
    return any(words in line for line in proposal.report)


def lonely_answers(scale: Instrument, n: int = 120, seed: int = 2) -> np.ndarray:
    """Answers with the highest code = most agreement, items in the order of the form."""
    rng = np.random.default_rng(seed)
    trait = rng.normal(-1, 1, (n, 1))
    sign = np.array([0 if i.filler else -1 if i.reverse else 1 for i in scale.items])
    middle, spread = (scale.min + scale.max) / 2, (scale.max - scale.min) / 4
    answers = middle + spread * (sign * trait + rng.normal(0, 0.8, (n, len(sign))))
    return np.clip(np.rint(answers), scale.min, scale.max)


def gamers(n: int = 120) -> pd.DataFrame:
    """A file like those of two-wave studies: two scales, raw and scored answers, a scale that nobody declared."""
    rng = np.random.default_rng(5)
    frame = {"id": np.arange(1, n + 1), "age": rng.integers(19, 60, n), "sex": rng.choice(["male", "female"], n)}
    for wave in ("during", "before"):
        raw = 4 - lonely_answers(DJG, n, seed=len(wave)).astype(int)  # 1 = yes, as this scale is printed
        for k, item in enumerate(DJG.items):
            frame[f"djg{item.n}_raw_{wave}"] = raw[:, k]
            frame[f"djg{item.n}_{wave}"] = (raw[:, k] >= 2 if item.reverse else raw[:, k] <= 2).astype(int)
        for k, column in enumerate(lonely_answers(UCLA, n, seed=9).astype(int).T, start=1):
            frame[f"ucla{k}_{wave}"] = column
        for k in range(1, 8):
            frame[f"dass{k:02d}_{wave}"] = rng.integers(0, 4, n)
    return pd.DataFrame(frame)


def test_scales_waves_and_versions_are_found_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv", gamers())
    proposal = propose(path, "hill", [UCLA, DJG, CLS])
    params, book, found = used(tmp_path, proposal, path)
    assert params.survey.waves == ["before", "during"]
    assert params.outcome.scale == "djg11"
    assert params.left_behind is None
    assert params.comparison.group.variable == "girl"
    assert params.comparison.covariates == ["age"]
    assert book.items("djg11") == DJG.columns()
    assert book.items("ucla3", "during") == UCLA.columns("during")
    assert book["djg11_07@during"].column == "djg7_raw_during"
    assert found.report.empty
    assert "djg7_during" not in found.frame, "the scored version is left out"
    assert book.levels([UCLA, DJG]) == {}, "another measure of loneliness is no cause of loneliness"
    assert said(proposal, "columns 'dass01_before' to 'dass07_before' look like a scale of 7 items")
    assert said(proposal, "could not be mapped, kept but not used: dass01_during")
    assert said(proposal, "girls are compared with boys instead")
    assert cleaning.derive(found.frame, book, params)["girl"].isin([0, 1]).all()


def test_scored_columns_show_which_end_is_agreement(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv", gamers())
    proposal = propose(path, "hill", [UCLA, DJG])
    _, book, found = used(tmp_path, proposal, path)
    assert said(proposal, "djg11: option 1 means the most agreement, by the columns that hold the scored answers")
    shown = cleaning.direction(found.frame[book.items("djg11")], DJG, book.labels("djg11"))
    assert (shown.highest_is_agree, shown.basis) == (False, "labels")
    assert said(proposal, "ucla3: the answers are bare numbers; it is ASSUMED that 3 means the most agreement")
    assert book["ucla3_01"].values == {"1": (), "2": (), "3": ()}, "labels are never invented"


def test_answers_keyed_already_or_the_wrong_way_are_told_first(tmp_path: Path) -> None:
    raw = pd.DataFrame(lonely_answers(CLS).astype(int), columns=CLS.columns())
    turned = raw.assign(**{CLS.column(n): 6 - raw[CLS.column(n)] for n in CLS.reverse})
    path = write(tmp_path / "a.csv", turned.assign(sex="女"))
    assert said(propose(path, "hill", [CLS]), "LOOK FIRST: the answers to cls seem to be keyed already")
    path = write(tmp_path / "b.csv", 6 - raw)
    assert said(propose(path, "hill", [CLS]), "LOOK FIRST: cls may be the wrong way round")
    path = write(tmp_path / "c.csv", raw.assign(cls_09=6 - raw["cls_09"]))
    assert said(propose(path, "hill", [CLS]), "LOOK FIRST: an item of cls runs against its key")


WENJUANXING = ["序号", "提交答卷时间", "所用时间", "来源", "来源详情", "来自IP"]
ASKED = {
    "你的编号[填空题]": None, "你的姓名[填空题]": "欧阳小明", "你的性别[单选题]": "男|女",
    "你的年龄[填空题]": "9|10|11岁", "你读几年级[单选题]": "三年级|四年级", "你的班级[单选题]": "1班|2班",
    "爸爸是否在外地打工[单选题]": "是|否", "爸爸外出多少个月了[填空题]": "3|12|24",
    "妈妈是否在外地打工[单选题]": "是|否", "妈妈外出多少个月了[填空题]": "5|7|30",
    "班主任关心我吗[单选题]": "从不|有时|总是", "你家的经济情况[单选题]": "很差|比较差|一般|比较好|很好",
    "你喜欢做什么[多选题]": "看书┋运动|运动|看书┋其他〖弹琴〗", "还想告诉我们什么[填空题]": None,
}


def form_of_the_tool(n: int = 90, scale: Instrument = CLS) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    meta = [range(1, n + 1), "2026/09/03 12:00:00", "201秒", "微信", "x", "192.0.2.1"]
    frame: dict[str, Any] = dict(zip(WENJUANXING, meta, strict=True))
    for k, (asked, options) in enumerate(ASKED.items(), start=1):
        own = [f"A{j:03d}" if k == 1 else f"第{j}条留言" for j in range(n)]
        frame[f"{k}、{asked}"] = own if options is None else rng.choice(options.split("|"), n)
    raw = lonely_answers(scale, n).astype(int)
    for k, item in enumerate(scale.items):
        labels = scale.anchors["zh"]
        frame[f"{len(ASKED) + 1 + k}、{item.zh}*[单选题]"] = [labels[answer - 1] for answer in raw[:, k]]
    return pd.DataFrame(frame)


def test_a_form_of_the_survey_tool_becomes_a_town(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv", form_of_the_tool())
    proposal = propose(path, "hill", [PSSS, CLS], name={"en": "Hill", "zh": "山镇"})
    params, book, found = used(tmp_path, proposal, path)
    roles = {v.role: v.column for v in book.variables if v.role not in ("", "outcome", "predictor", "free_text")}
    assert set(roles) == {"submitted", "duration", "id", "sex", "age", "grade", "class",
                          "father_away", "father_months", "mother_away", "mother_months"}
    assert book.items("cls") == CLS.columns()
    assert book["cls_03"].values["5"][0] == "一直如此"
    assert params.left_behind.months == 6
    assert params.comparison.difficulties == ["social_emotion", "peer_integration", "belonging"]
    assert (params.comparison.cluster, params.name.zh) == ("class", "山镇")
    assert book.levels() == {"column_q": "school_community", "column_r": "family"}
    assert list(book["column_r"].values.values()) == [("很差",), ("比较差",), ("一般",), ("比较好",), ("很好",)]
    assert book["grade"].values == {"3": ("三年级",), "4": ("四年级",)}
    assert found.report["problem"].isin(["words around the number", "words written into an option"]).all()
    town = cleaning.derive(found.frame, book, params)
    assert town["left_behind"].notna().all()
    assert cleaning.direction(found.frame[book.items("cls")], CLS, book.labels("cls")).basis == "labels"


def test_a_question_for_some_children_is_no_predictor(tmp_path: Path) -> None:
    frame = form_of_the_tool()
    frame["99、父母一年回家几次[填空题]"] = ["(跳过)"] * 50 + ["2", "3"] * 20
    proposal = propose(write(tmp_path / "s.csv", frame), "hill", [CLS])
    assert said(proposal, "asked of some children only? kept, but no predictor: 99、父母一年回家几次")
    assert not said(proposal, "could not be mapped, kept but not used: 99")
    _, book, _ = used(tmp_path, proposal, tmp_path / "s.csv")
    assert book.levels() == {"column_q": "school_community", "column_r": "family"}


def test_nothing_private_gets_into_a_proposal(tmp_path: Path) -> None:
    proposal = propose(write(tmp_path / "s.csv", form_of_the_tool()), "hill", [CLS])
    lines = ["".join(row.values()) for row in proposal.codebook_rows]
    everything = "".join([proposal.params_text, *proposal.report, *lines])
    for secret in ("欧阳", "留言", "192.0.2.1", "弹琴", "A001"):
        assert secret not in everything.replace("还想告诉我们什么", "")
    rows = {row["column"]: row for row in proposal.codebook_rows}
    assert rows["来自IP"]["type"] == rows["2、你的姓名[填空题]"]["type"] == "ignore"
    assert rows["2、你的姓名[填空题]"]["identifies"] == "direct"
    assert rows["14、还想告诉我们什么[填空题]"]["role"] == "free_text"
    assert said(proposal, "not read, it may tell who a child is")


def test_descending_options_are_noticed(tmp_path: Path) -> None:
    frame = form_of_the_tool()
    items = list(frame)[-24:]
    code = {label: f"{5 - k}-{label}" for k, label in enumerate(CLS.anchors["zh"])}
    frame[items] = frame[items].map(code.get)
    proposal = propose(write(tmp_path / "s.csv", frame), "hill", [CLS])
    assert said(proposal, "cls: option 1 means the most agreement, by the labels")
    _, book, _ = used(tmp_path, proposal, tmp_path / "s.csv")
    assert book["cls_01"].values["1"] == ("一直如此",)


def test_reworded_items_and_a_form_without_fillers(tmp_path: Path) -> None:
    frame = form_of_the_tool()
    kept = [c for c, i in zip(list(frame)[-24:], CLS.items, strict=True) if not i.filler]
    frame = frame[[*list(frame)[:-24], *kept]]
    other = {kept[5]: "99、我在困难时候总找不到什么人[单选题]", kept[6]: kept[6].replace("很难", "真的很难")}
    frame = frame.rename(columns=other)
    proposal = propose(write(tmp_path / "s.csv", frame), "hill", [CLS, PSSS])
    _, book, found = used(tmp_path, proposal, tmp_path / "s.csv")
    assert book.items("cls") == CLS.columns(fillers=False)
    assert book["cls_09"].column == other[kept[5]], "found by its place on the form"
    assert said(proposal, "1 more by their order")
    assert found.frame[book.items("cls")].notna().all(axis=None)


def test_runs_of_bare_columns_are_taken_by_their_number(tmp_path: Path) -> None:
    raw = lonely_answers(CLS).astype(int)
    frame = pd.DataFrame(raw, columns=[f"A{k}" for k in range(1, 25)])
    frame[[f"B{k}" for k in range(1, 13)]] = np.random.default_rng(1).integers(1, 8, (len(frame), 12))
    path = write(tmp_path / "s.csv", frame.assign(留守=["是", "否"] * 60))
    proposal = propose(path, "hill", [CLS, PSSS])
    params, book, found = used(tmp_path, proposal, path)
    assert book["cls_24"].column == "A24"
    assert book["psss_12"].column == "B12"
    assert said(proposal, "cls: columns 'A1' to 'A24' are as many as its items: check order and wording")
    assert params.comparison.group.variable == "left_behind"
    assert cleaning.derive(found.frame, book, params)["left_behind"].tolist() == [1.0, 0.0] * 60
    rival = scale("rival", 24, 1, 5, list("abcde"))
    with pytest.raises(IntakeError, match="none of the instruments is found"):
        propose(write(tmp_path / "b.csv", pd.DataFrame(raw, columns=list(frame)[:24])), "hill", [CLS, rival])


def test_missing_codes_and_slips_of_the_pen_are_told(tmp_path: Path) -> None:
    frame = pd.DataFrame(lonely_answers(CLS, 200).astype(int), columns=CLS.columns())
    frame.loc[:4, "cls_03"] = 9
    frame.loc[7, "cls_05"] = 55
    proposal = propose(write(tmp_path / "s.csv", frame), "hill", [CLS])
    assert said(proposal, "cls: answers 55 lie outside 1 to 5 (cls_05)")
    assert said(proposal, "taken as missing codes: cls_03: 9")
    _, book, found = used(tmp_path, proposal, tmp_path / "s.csv")
    assert book["cls_03"].missing == ("9",)
    assert found.report[["row", "variable", "problem"]].to_numpy().tolist() == [[9, "cls_05", "out of range"]]


def test_a_sav_file_brings_its_labels(tmp_path: Path) -> None:
    raw = lonely_answers(CLS)
    frame = pd.DataFrame(6 - raw, columns=[f"v{k}" for k in range(24)])
    frame = frame.assign(s=[1.0, 2.0] * 60, f=[1.0, 2.0, 2.0] * 40)
    labels = {float(k): text for k, text in enumerate(CLS.anchors["zh"][::-1], start=1)}
    path = tmp_path / "s.sav"
    pyreadstat.write_sav(
        frame, str(path), column_labels=[i.zh for i in CLS.items] + ["性别", "是否留守儿童"],
        variable_value_labels={f"v{k}": labels for k in range(24)}
        | {"s": {1.0: "男", 2.0: "女"}, "f": {1.0: "是", 2.0: "否"}},
    )
    proposal = propose(path, "hill", [CLS])
    params, book, found = used(tmp_path, proposal, path)
    assert book["cls_01"].values["1"] == ("一直如此",)
    assert said(proposal, "cls: option 1 means the most agreement, by the labels")
    assert params.survey.file == "raw/survey.sav"
    assert book["sex"].codes("girl") == {"2"}
    assert cleaning.derive(found.frame, book, params)["left_behind"].sum() == 40


def test_unlabelled_codes_get_no_meaning(tmp_path: Path) -> None:
    frame = pd.DataFrame(lonely_answers(CLS).astype(int), columns=CLS.columns()).assign(sex=[1, 2] * 60)
    proposal = propose(write(tmp_path / "s.csv", frame), "hill", [CLS])
    row = next(r for r in proposal.codebook_rows if r["column"] == "sex")
    assert (row["role"], row["values"]) == ("", "1..2")
    assert said(proposal, "groups: NO column makes two groups")
    used(tmp_path, proposal, tmp_path / "s.csv")


def test_a_file_without_a_scale_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv", pd.DataFrame({"a": [1, 2], "b": [3, 4]}))
    with pytest.raises(IntakeError) as caught:
        propose(path, "hill", [CLS, PSSS])
    assert str(caught.value) == """\
s.csv: none of the instruments is found in this file
  why: looked for cls, psss by names (cls_01), wording and number of items
  fix: give the scale's file: make new-town ... INSTRUMENT=my_scale.yaml"""


def test_orders() -> None:
    assert order_of_waves(["post", "x", "pre", "t0"]) == ["pre", "t0", "x", "post"]
    assert order_of_waves(["during", "before"]) == ["before", "during"]
    for row in ("从不 很少 有时 经常 总是", "完全不符合 不太符合 一般 比较符合 完全符合",
                "很不同意 不同意 不确定 同意 很同意", "never rarely sometimes often always",
                "很差 比较差 一般 比较好 很好"):
        assert list(order_answers(row.split()[::-1], PSSS).values()) == row.split()
    assert similarity("我觉得孤单", "我觉得孤单") == 1
    assert similarity("我觉得孤单", "你家离学校多远") == 0
