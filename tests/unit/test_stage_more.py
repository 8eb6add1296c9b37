"""More of a stage: labels, parts that a town lacks, families of findings, exhibits or the reason why there is none."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny

import lbc
from lbc.errors import NotCollectedError, NotEstimableError, UserError
from lbc.pipeline import display, frames, notebooks
from lbc.pipeline.kernels import NotebookError, run_notebook
from lbc.pipeline.stage import Stage
from lbc.results import Estimate, Result

LABELS = {"a": {"en": "First", "zh": "第一"}, "b": {"en": "Second", "zh": "第二"}}
RESULT = Result("Welch", Estimate("mean difference", 2.5, (1.0, 4.0), unit="points"))
CAPTION = {"en": "Means", "zh": "均值"}
TABLE = pd.DataFrame(
    [("cls_total", "-", "Loneliness", "孤独感"), ("girl", "-", "Girl", "女生"), ("girl", "0", "boys", "男生"),
     ("girl", "1", "girls", "女生"), ("left_behind", "0", "others", "非留守"), ("left_behind", "1", "left-behind", "留守")],
    columns=["name", "value", "en", "zh"],
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    found = tiny.make(tmp_path / "root")
    monkeypatch.setenv("LBC_ROOT", str(found))
    monkeypatch.setenv("LBC_STAGE_DIR", str(found / "staging"))
    with warnings.catch_warnings(), pd.option_context("display.precision", 6), np.printoptions():
        yield found
    for option in ("float_format", "max_rows", "max_columns", "width", "max_colwidth", "unicode.east_asian_width"):
        pd.reset_option(f"display.{option}")


@pytest.fixture
def begin(root: Path) -> Callable[..., Stage]:
    def begin(name: str = "02_group_comparison", language: str = "en") -> Stage:
        if language == "zh":
            tiny.edit(root / "params/s_town.yaml", "language: en", "language: zh")
        frames.keep(TABLE, root / "outputs/s_town/private/data/01_survey_cleaning/labels")
        return lbc.begin(name, "s_town")

    return begin


def written(root: Path, name: str) -> Any:
    return json.loads((root / "staging" / name).read_text(encoding="utf-8"))


# ---- labels and exhibits of earlier stages -----------------------------------------------------------------------


def test_labels_of_variables_and_of_the_values_asked_for(begin: Callable[..., Stage], root: Path) -> None:
    stage = begin()
    assert stage.labels() == {
        "cls_total": {"en": "Loneliness", "zh": "孤独感"}, "girl": {"en": "Girl", "zh": "女生"}}
    assert stage.labels("girl") == stage.labels() | {
        "0": {"en": "boys", "zh": "男生"}, "1": {"en": "girls", "zh": "女生"}}
    stage.report_card()
    assert "private/data/01_survey_cleaning/labels.csv" in written(root, "record.json")["upstream"]


def test_the_first_stage_reads_its_own_labels(begin: Callable[..., Stage]) -> None:
    stage = begin("01_survey_cleaning")
    stage.keep("labels", TABLE.iloc[:1])
    assert list(stage.labels()) == ["cls_total"]


def test_exhibits_of_earlier_stages(begin: Callable[..., Stage], root: Path) -> None:
    for name, made in (("01_survey_cleaning", ["01_flow"]), ("02_group_comparison", []), ("03_ecological_causes", ["03_a", "03_b"]), ("04_intervention_evaluation", [])):
        path = root / f"outputs/s_town/findings/{name}.json"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(json.dumps({"exhibits": made, "findings": []}), encoding="utf-8")
    stage = begin("05_thesis_claims")
    made = stage.exhibits()
    assert made["01_survey_cleaning"] == ["01_flow"]
    assert made["03_ecological_causes"] == ["03_a", "03_b"]
    stage.report_card()
    assert "findings/03_ecological_causes.json" in written(root, "record.json")["upstream"]


# ---- families of findings ----------------------------------------------------------------------------------------


def test_one_finding_for_each_label(begin: Callable[..., Stage], root: Path) -> None:
    stage = begin()
    shown = stage.record_each("comparison.{}.difference", {"b": RESULT}, LABELS, "association", confirmatory=True)
    first, second = repr(shown).split("\n\n")
    assert first == "First: not estimable: the survey asked nothing of this kind."
    assert second.startswith("Second: mean difference = 2.50 points, 95% CI [1.00, 4.00]")
    stage.report_card()
    found = written(root, "findings/02_group_comparison.json")["findings"]
    assert [f["id"] for f in found] == ["comparison.a.difference", "comparison.b.difference"]
    assert [f["confirmatory"] for f in found] == [True, True]
    assert [f["estimate"] is None for f in found] == [True, False]


def test_a_result_without_a_label_is_not_lost_in_silence(begin: Callable[..., Stage]) -> None:
    stage = begin()
    with pytest.raises(ValueError, match="no label for c: this result would be lost"):
        stage.record_each("x.{}", {"a": RESULT, "c": RESULT}, LABELS, "association")
    stage.record_each("x.{}", {"a": RESULT}, LABELS, "association")  # nothing had been recorded


def test_private_findings_are_named_once(begin: Callable[..., Stage], root: Path) -> None:
    stage = begin()
    shown = stage.record_each("member.{}", dict.fromkeys(LABELS, RESULT), LABELS, "single case", private=True)
    assert repr(shown) == "Kept in the private folder: outputs/s_town/private/findings/02_group_comparison.json"
    stage.report_card()
    assert written(root, "findings/02_group_comparison.json")["findings"] == []
    assert len(written(root, "private/findings/02_group_comparison.json")["findings"]) == 2


def test_what_was_not_asked_is_said_in_the_towns_language(begin: Callable[..., Stage]) -> None:
    shown = begin(language="zh").record_each("x.{}", {}, {"a": LABELS["a"]}, "association")
    assert repr(shown) == "第一：无法估计：问卷未涉及此项内容。"


def test_counts_of_the_two_groups_are_named(begin: Callable[..., Stage], root: Path) -> None:
    stage = begin()
    both = Result("Welch", Estimate("mean difference", 2.5), n={"0": 30, "1": 20})
    assert "n = 30 others, 20 left-behind" in repr(stage.record("a.b", both, LABELS["a"], "association"))
    one = Result("Welch", Estimate("mean difference", 2.5), n={"1": 20})
    stage.record("a.c", one, LABELS["a"], "association")
    stage.report_card()
    assert [f["n"] for f in written(root, "findings/02_group_comparison.json")["findings"]] == [
        {"others": 30, "left-behind": 20}, {"1": 20}]


def test_an_attempt_that_fails_for_another_reason_is_an_error(begin: Callable[..., Stage]) -> None:
    def broken() -> Result:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        begin().attempt("a.b", broken, label=LABELS["a"], evidence="association")


def test_claims_may_be_objects(begin: Callable[..., Stage], root: Path) -> None:
    class Claim:
        def to_json(self) -> dict[str, str]:
            return {"id": "y"}

    stage = begin()
    stage.record_claims([{"id": "x"}, Claim()])
    stage.report_card()
    assert written(root, "findings/02_group_comparison.json")["claims"] == [{"id": "x"}, {"id": "y"}]


# ---- exhibits, or the reason -------------------------------------------------------------------------------------


def impossible(*_: Any, **__: Any) -> Any:
    raise NotEstimableError("nobody was asked")


def test_a_table_or_the_reason(begin: Callable[..., Stage], root: Path) -> None:
    stage = begin()

    def compute(n: int, *, who: str) -> pd.DataFrame:
        return pd.DataFrame({"variable": [who], "n": [n]})

    shown = stage.table_or_reason("described", CAPTION, compute, 3, who="cls_total", note={"en": "A note.", "zh": "注。"})
    assert "Loneliness" in shown.html
    assert "A note." in shown.html
    assert (root / "staging/tables/02_described.csv").read_text(encoding="utf-8") == "variable,n\ncls_total,3\n"
    why = stage.table_or_reason("other", CAPTION, impossible, 1, x=2)
    assert repr(why) == "other: nobody was asked"
    stage.report_card()
    assert written(root, "findings/02_group_comparison.json")["exhibits"] == ["02_described"]


@pytest.mark.filterwarnings("ignore")
def test_a_figure_or_the_reason(begin: Callable[..., Stage], root: Path) -> None:
    from lbc.reporting import figures

    stage = begin()
    seen: dict[str, Any] = {}

    def draw(*things: Any, labels: Any, language: str, **more: Any) -> Any:
        seen.update(things=things, labels=labels, language=language, more=more)
        data = pd.DataFrame({"claim": ["a"], "id": ["x"], "verdict": ["supported"], "evidence": ["association"]})
        return figures.claims_board(data)

    shown = stage.figure_or_reason("one", CAPTION, draw, lambda x: x + 1, 2, digits=3)
    assert seen == {"things": (3,), "labels": stage.labels(), "language": "en", "more": {"digits": 3}}
    assert shown.files[0] == "figures/02_one.png"
    stage.figure_or_reason("several", CAPTION, draw, lambda: (1, 2), names=LABELS, private=True)
    assert seen["things"] == (1, 2)
    assert seen["labels"] == LABELS
    assert (root / "staging/private/figures/02_several.png").exists()
    assert repr(stage.figure_or_reason("none", CAPTION, draw, impossible)) == "none: nobody was asked"
    stage.report_card()
    assert written(root, "findings/02_group_comparison.json")["exhibits"] == ["02_one"]


def test_a_caption_needs_both_languages(begin: Callable[..., Stage]) -> None:
    for caption in ({"en": "Means"}, {"en": "Means", "zh": ""}, "Means"):
        with pytest.raises(ValueError, match="a text in both languages is needed"):
            begin().save_table(pd.DataFrame({"x": [1]}), "means", caption)


# ---- what a town did not collect ---------------------------------------------------------------------------------


def test_a_part_that_is_there_is_handed_on(begin: Callable[..., Stage]) -> None:
    stage = begin("03_ecological_causes")
    assert stage.require(stage.params.interviews, CAPTION).bootstrap == 1000
    assert stage.require({"a": 1}, CAPTION) == {"a": 1}
    assert stage._missing == []


def test_a_part_that_was_not_collected_ends_the_notebook(
    begin: Callable[..., Stage], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = begin("03_ecological_causes", "zh")
    stage.record("a.b", RESULT, LABELS["a"], "association")
    with pytest.raises(NotCollectedError, match="Interviews were not collected: this notebook ends here"):
        stage.require(None, {"en": "Interviews", "zh": "访谈"})
    shown = capsys.readouterr().out
    assert "S镇未收集访谈。" in shown
    assert "03_ecological_causes: S镇" in shown  # the report card
    document = written(root, "findings/03_ecological_causes.json")
    assert document["not_collected"] == [{"en": "Interviews", "zh": "访谈"}]
    assert [f["id"] for f in document["findings"]] == ["a.b"]
    assert (root / "staging/record.json").exists()


def run(root: Path, cells: list[str], stage: str = "03_ecological_causes") -> dict[str, Any]:
    tiny.write_stage(root, stage, cells)
    variables = {"LBC_STAGE_DIR": str(root / "staging"), "LBC_ROOT": str(root)}
    return run_notebook(root / "notebooks" / f"{stage}.ipynb", {"town": "s_town"}, variables)


def test_a_notebook_whose_data_were_not_collected_is_done_not_failed(root: Path) -> None:
    shutil.rmtree(root / "outputs")
    part = 'part = stage.require(stage.params.interviews and None, {"en": "Interviews", "zh": "访谈"})'
    executed = run(root, ["before = 1", part, "never = part.file"])
    text = notebooks.canonical(executed).decode()
    assert "Interviews were not collected in S Town." in text
    assert "Seed: 20260901" in text  # the report card was shown
    assert "never" not in text
    assert "NotCollectedError" not in text
    assert executed["cells"][-1]["source"] == part
    assert all(output["output_type"] != "error" for cell in executed["cells"] for output in cell.get("outputs", []))
    assert executed["cells"][-1]["metadata"]["papermill"]["exception"] is False
    assert written(root, "findings/03_ecological_causes.json")["not_collected"][0]["zh"] == "访谈"


def test_any_other_error_of_a_user_fails_the_notebook(root: Path) -> None:
    with pytest.raises(NotebookError, match="UserError: it is wrong") as caught:
        run(root, ["from lbc.errors import UserError", 'raise UserError("it is wrong", fix="mend it")', "never = 1"])
    assert isinstance(caught.value.notebook["cells"], list)
    assert caught.value.name == "UserError"
    assert not issubclass(NotebookError, UserError)


def test_the_digest_of_an_output_ignores_what_processors_do_differently(tmp_path: Path) -> None:
    texts = {"a": '{"x": 0.12345678901234}', "b": '{"x": 0.12345678901299}', "c": '{"x": 0.12345700000000}'}
    digests = {}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        digests[name] = display.steady_digest(tmp_path / name)
    assert digests["a"] == digests["b"] != digests["c"]


# ---- what is heard without being declared ------------------------------------------------------------------------


def test_which_opened_files_count_as_read(begin: Callable[..., Stage], root: Path) -> None:
    """The hook that Python calls on every open, called by hand: coverage cannot follow it there."""
    from lbc.paths import PACKAGE
    from lbc.pipeline import reads

    noted = begin()._reads
    data = root / "data/s_town"
    (data / "notes.csv").write_text("a", encoding="utf-8")
    noted.opened.clear()
    noted.raw.clear()
    for name, mode in ((f"{PACKAGE}/instruments/cls.yaml", "rb"), (f"{PACKAGE}/errors.py", "r"),
                       (f"{PACKAGE}/__pycache__/x.bin", "rb"), (f"{root}/params/s_town.yaml", "r"),
                       (f"{data}/made.csv", "w"), (f"{data}/notes.csv", None), (f"{data}/absent.csv", "r")):
        reads._heard("open", (name, mode, 0))
    reads._heard("open", (3, "r", 0))  # a file handle, not a name
    reads._heard("import", (f"{data}/other.csv", "r", 0))
    assert noted.opened == {PACKAGE / "instruments/cls.yaml"}
    assert {name: bool(digest) for name, digest in noted.raw.items()} == {
        "data/s_town/notes.csv": True, "data/s_town/absent.csv": False}


def test_only_values_of_the_params_are_noted(begin: Callable[..., Stage]) -> None:
    stage = begin()
    with pytest.raises(AttributeError, match="__wrapped__"):
        _ = stage.params.__wrapped__
    assert "cleaning" not in stage._reads.params
