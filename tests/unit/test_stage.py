"""What a notebook holds in its hand: what it reads is noted, what it writes lands in the right place."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny

import lbc
from lbc.errors import IntakeError, NotEstimableError, TownError, UserError
from lbc.pipeline import frames
from lbc.pipeline.inputs import step_rng
from lbc.pipeline.stage import Stage
from lbc.results import Estimate, Result

LABEL = {"en": "Difference", "zh": "差异"}
RESULT = Result("Welch", Estimate("mean difference", 2.5, (1.0, 4.0), unit="points"), n={"a": 3, "b": 4})


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    found = tiny.make(tmp_path / "root")
    monkeypatch.setenv("LBC_ROOT", str(found))
    with warnings.catch_warnings(), pd.option_context("display.precision", 6), np.printoptions():
        yield found
    for option in ("float_format", "max_rows", "max_columns", "width", "max_colwidth", "unicode.east_asian_width"):
        pd.reset_option(f"display.{option}")


@pytest.fixture
def begin(root: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Stage]:
    def begin(name: str = "02_group_comparison", staged: bool = True) -> Stage:
        if staged:
            monkeypatch.setenv("LBC_STAGE_DIR", str(root / "staging"))
        return lbc.begin(name, "s_town")

    return begin


def written(root: Path, name: str) -> Any:
    return json.loads((root / "staging" / name).read_text(encoding="utf-8"))


def test_importing_the_package_imports_nothing_heavy() -> None:
    command = "import sys, lbc; print([m for m in ('pandas', 'numpy', 'pydantic') if m in sys.modules])"
    assert tiny.python(command) == "[]\n"


def test_no_such_stage_or_town(begin: Callable[..., Stage]) -> None:
    with pytest.raises(ValueError, match="there is no stage '02'; stages are 01_survey_cleaning"):
        begin("02")
    with pytest.raises(TownError, match="there is no town 'elsewhere'"):
        lbc.begin("02_group_comparison", "elsewhere")


def test_every_value_read_is_noted_and_no_other(begin: Callable[..., Stage], root: Path) -> None:
    stage = begin()
    assert stage.params.cleaning.careless.longstring == 12
    assert (lambda careless: careless.irv)(stage.params.cleaning.careless) == 0.35
    assert stage.params.intervention.outcomes[0].score == "cls_total"
    assert stage.params.comparison.covariates[0] == "girl"
    stage.report_card()
    noted = written(root, "record.json")["params"]
    assert noted["cleaning.careless.longstring"] == 12
    assert noted["cleaning.careless.irv"] == 0.35
    assert noted["intervention"] == "given"
    assert noted["intervention.outcomes"][0] == {"score": "cls_total", "direction": "down", "primary": True}
    assert set(noted) == {
        "cleaning.careless.irv", "cleaning.careless.longstring", "comparison.covariates", "intervention",
        "intervention.outcomes", "language", "name.en", "name.zh", "seed",
        "synthetic"}


def test_asking_for_the_whole_model_notes_all_of_it(begin: Callable[..., Stage]) -> None:
    stage = begin()
    stage.params.cleaning.model_dump()
    assert {"cleaning.consent", "cleaning.careless.irv"} <= set(stage._reads.params)
    assert "Careless(" in repr(stage.params.cleaning.careless)
    with pytest.raises(AttributeError):
        _ = stage.params.cleaning.consnt


def test_raw_files_are_noted_present_or_absent(begin: Callable[..., Stage], root: Path) -> None:
    stage = begin()
    assert stage.raw("raw/survey.xlsx", required=True) == root / "data/s_town/raw/survey.xlsx"
    assert stage.raw("raw/resurvey.csv") is None
    assert stage.raw(None) is None
    assert stage.instruments_folder is None
    assert stage.shown(stage.codebook_path) == "data/s_town/codebook.csv"
    assert stage.claims_path.name == "s_town.claims.yaml"
    with pytest.raises(IntakeError, match=r"data/s_town/raw/nothing.csv: there is no such file"):
        stage.raw("raw/nothing.csv", required=True)
    (root / "data/s_town/raw/out").symlink_to(root)
    with pytest.raises(IntakeError, match="outside the town's data folder"):
        stage.raw("raw/out/params/s_town.yaml")
    stage.report_card()
    raw = written(root, "record.json")["raw"]
    assert [name for name, digest in raw.items() if digest] == [
        "data/s_town/codebook.csv", "data/s_town/raw/survey.xlsx"]
    assert [name for name, digest in raw.items() if not digest] == [
        "data/s_town/instruments/", "data/s_town/raw/nothing.csv", "data/s_town/raw/resurvey.csv",
        "params/s_town.claims.yaml"]


def test_files_that_nobody_declared_are_heard(begin: Callable[..., Stage], root: Path) -> None:
    from lbc import instruments

    stage = begin()
    (root / "data/s_town/notes.csv").write_text("a", encoding="utf-8")
    (root / "data/s_town/notes.csv").read_text(encoding="utf-8")
    instruments.load("cls")
    stage.report_card()
    record = written(root, "record.json")
    assert record["raw"]["data/s_town/notes.csv"] is not None
    assert {"lbc/instruments/cls.yaml", "lbc/pipeline/stage.py", "lbc/params.py"} <= set(record["lbc"])


FRAME = pd.DataFrame({
    "id": ["007", "1e5", np.nan], "zh": ["留守", "a\nb", 'q"u,'], "x": [0.1, np.nan, 1 / 3], "n": [1, 2, 3],
    "b": [True, False, True], "I": pd.array([1, None, 2], dtype="Int64"), "f": np.array([1, 2, 3], dtype="float32"),
    "B": pd.array([True, None, False], dtype="boolean"), "o": pd.Series(["a", np.nan, "b"], dtype=object),
    "c": pd.Categorical(["a", "b", None], categories=["b", "a"], ordered=True), "k": pd.Categorical([3, 1, 3]),
    "d": pd.to_datetime(["2024-01-02", None, "2024-01-03 10:11:12.5"], format="ISO8601"),
    "none": [np.nan] * 3,
})


@pytest.mark.parametrize("frame", [
    FRAME, FRAME.set_axis([2, 5, 9]), FRAME.set_axis(["a", "b", "007"]).rename_axis("row"), FRAME.iloc[:0],
    FRAME[["none"]], FRAME[::-1],
], ids=["plain", "numbered", "named", "empty", "missing", "turned"])
def test_kept_frames_come_back_equal(frame: pd.DataFrame, tmp_path: Path) -> None:
    frames.keep(frame, tmp_path / "kept")
    pd.testing.assert_frame_equal(frames.load(tmp_path / "kept"), frame, check_exact=True)
    assert b"\r" not in (tmp_path / "kept.csv").read_bytes()


@pytest.mark.parametrize(("frame", "message"), [
    (pd.DataFrame({"x": ["", "a"]}), "column x holds empty text; write missing as NaN"),
    (pd.DataFrame({"x": pd.Series(["a", 1], dtype=object)}), "column x mixes text with int"),
    (pd.DataFrame({"x": [1]}, index=pd.MultiIndex.from_tuples([(1, 2)])), "several index levels"),
])
def test_frames_that_would_not_come_back_equal_are_refused(frame: pd.DataFrame, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        frames.keep(frame, tmp_path / "kept")


def test_upstream_is_read_and_noted(begin: Callable[..., Stage], root: Path) -> None:
    stage = begin()
    with pytest.raises(UserError, match=r"'cleaned' of stage 01_survey_cleaning is missing(.|\n)*make all"):
        stage.load("01_survey_cleaning", "cleaned")
    assert not stage.has("01_survey_cleaning", "cleaned")
    frames.keep(FRAME, root / "outputs/s_town/private/data/01_survey_cleaning/cleaned")
    assert stage.has("01_survey_cleaning", "cleaned")
    assert stage.load("01_survey_cleaning", "cleaned").equals(FRAME)
    with pytest.raises(ValueError, match="02_group_comparison cannot read 03_ecological_causes"):
        stage.load("03_ecological_causes", "x")
    with pytest.raises(UserError, match="the findings of stage 01_survey_cleaning are missing"):
        stage.findings()
    stage.report_card()
    assert set(written(root, "record.json")["upstream"]) == {
        "private/data/01_survey_cleaning/cleaned.csv", "private/data/01_survey_cleaning/cleaned.json",
        "findings/01_survey_cleaning.json"}


def test_findings_public_private_and_released(begin: Callable[..., Stage], root: Path) -> None:
    stage = begin("04_intervention_evaluation")

    def impossible(values: list[int], *, least: int) -> Result:
        raise NotEstimableError(f"{len(values)} values, {least} are needed")

    shown = stage.record("intervention.overall", RESULT, LABEL, "association", confirmatory=True)
    assert repr(shown).startswith("Difference: ")
    bundle, metadata = shown._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/markdown"}
    assert metadata["lbc"]["findings"] == ["intervention.overall"]
    assert bundle["text/markdown"] == metadata["lbc"]["en"] != metadata["lbc"]["zh"]
    missing = stage.attempt("intervention.none", impossible, [1], least=2, label=LABEL, evidence="single case")
    assert "1 values, 2 are needed" in repr(missing)
    stage.not_estimable("intervention.no", {"en": "no case", "zh": "无个案"}, LABEL, "single case")
    secret = stage.record("intervention.other.M03", RESULT, LABEL, "single case", private=True)
    place = "outputs/s_town/private/findings/04_intervention_evaluation.json"
    assert repr(secret) == f"Kept in the private folder: {place}"
    stage.record("intervention.member.M03.rci", RESULT, LABEL, "single case", private=True)  # released in params
    with pytest.raises(ValueError, match=r"the finding 'intervention.overall' is recorded twice"):
        stage.record("intervention.overall", RESULT, LABEL, "association")
    with pytest.raises(ValueError, match="not a strength of evidence"):
        stage.record("intervention.x", RESULT, LABEL, "proof")
    with pytest.raises(ValueError, match="both languages"):
        stage.record("intervention.x", RESULT, {"en": "x"}, "association")
    stage.report_card()
    public = written(root, "findings/04_intervention_evaluation.json")
    assert (public["stage"], public["town"], public["synthetic"]) == ("04_intervention_evaluation", "s_town", True)
    assert [f["id"] for f in public["findings"]] == [
        "intervention.overall", "intervention.none", "intervention.no", "intervention.member.M03.rci"]
    assert public["findings"][0]["confirmatory"] is False  # nobody registered this protocol: see test_registration.py
    assert public["findings"][0]["exploratory"] == {"en": "the protocol was not registered", "zh": "研究方案未经登记"}
    assert public["findings"][1]["estimate"] is None
    assert public["findings"][2]["reason"] == {"en": "no case", "zh": "无个案"}
    private = written(root, "private/findings/04_intervention_evaluation.json")
    assert [f["id"] for f in private["findings"]] == ["intervention.other.M03", "intervention.member.M03.rci"]


def test_no_nan_reaches_json(begin: Callable[..., Stage], root: Path) -> None:
    stage = begin()
    stage.record("a.b", Result("m", Estimate("x", float("nan"), (1.0, float("inf")))), LABEL, "association")
    stage.report_card()
    assert written(root, "findings/02_group_comparison.json")["findings"][0]["estimate"]["ci"] == [1.0, None]
    stage.record_claims([{"id": "c", "sentence": float("nan")}])
    with pytest.raises(ValueError, match="not JSON compliant"):
        stage.report_card()


@pytest.mark.filterwarnings("ignore")
def test_exhibits_land_where_they_belong(begin: Callable[..., Stage], root: Path) -> None:
    from lbc.reporting import figures, tables

    stage = begin()
    caption = {"en": "Means", "zh": "均值"}
    data = pd.DataFrame({"claim": ["a"], "id": ["x"], "verdict": ["supported"], "evidence": ["association"]})
    shown = stage.save_figure(figures.claims_board(data), "board", caption)
    assert shown.files == (*(f"figures/02_board.{kind}" for kind in ("png", "svg", "pdf", "csv")),
                           *(f"figures/zh/02_board.{kind}" for kind in ("png", "svg", "pdf")))
    assert all((root / "staging" / name).stat().st_size for name in shown.files)
    bundle, metadata = shown._repr_mimebundle_()
    assert metadata == {"lbc": {"exhibit": "02_board"}}
    assert bundle["text/plain"] == f"figure 02_board [{shown.digest}]: Means"
    assert bundle["image/png"]
    table = stage.save_table(tables.Table(pd.DataFrame({"x": [1 / 3]}), caption=caption), "means")
    assert (root / "staging/tables/02_means.csv").read_text(encoding="utf-8") == "x\n0.3333333333333333\n"
    assert "Simulated data, not real children" in table.html
    with pytest.raises(ValueError, match="'02_means' is saved twice"):
        stage.save_table(pd.DataFrame({"x": [1]}), "means", caption)
    levels = pd.DataFrame({"level": ["family"], "r2": [0.25]})
    named = stage.table_or_reason("levels", caption, levels.head, 1, names={"family": {"en": "Kin", "zh": "亲属"}})
    assert "Kin" in named.html
    hidden = stage.save_figure(figures.claims_board(data), "members", caption, private=True)
    assert hidden.words["zh"] == "仅存于私密文件夹：outputs/s_town/private/figures/02_members.png"
    assert (root / "staging/private/figures/zh/02_members.svg").exists()
    stage.report_card()
    kept = written(root, "exhibits/02_group_comparison.json")["exhibits"]
    assert [(e["name"], e["kind"], e["private"]) for e in kept] == [
        ("02_board", "figure", False), ("02_means", "table", False), ("02_levels", "table", False)]
    assert kept[0]["pictures"] == {"en": "figures/02_board", "zh": "figures/zh/02_board"}
    assert (kept[1]["cells"]["en"], kept[1]["numeric"]) == ([["0.33"]], [True])
    stage = begin("04_intervention_evaluation")  # params release 04_*
    released = stage.save_table(data, "members", caption, private=True)
    assert released.files == ("private/tables/04_members.csv",)
    assert "association" in released.html
    stage.report_card()
    assert written(root, "exhibits/04_intervention_evaluation.json")["exhibits"][0]["released"]


def test_by_hand_nothing_published_is_touched(begin: Callable[..., Stage], root: Path) -> None:
    for _ in range(2):
        stage = begin(staged=False)
        stage.keep("x", FRAME)
        stage.report_card()
    files = {p.relative_to(root / "outputs").as_posix() for p in (root / "outputs").rglob("*") if p.is_file()}
    place = "s_town/private/by_hand/02_group_comparison"
    assert files == {f"{place}/{name}" for name in (
        "record.json", "findings/02_group_comparison.json", "exhibits/02_group_comparison.json", "private/data/02_group_comparison/x.csv",
        "private/data/02_group_comparison/x.json")}


def test_words_and_report_card(begin: Callable[..., Stage], root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny.edit(root / "params/s_town.yaml", "language: en", "language: zh")
    stage = begin("01_survey_cleaning")
    assert repr(stage) == "01_survey_cleaning: S镇 (模拟数据，非真实儿童)"
    assert stage.text(stage.params.intervention.case.rule).startswith("小组结束后")
    stage.say(en="one", zh="一")
    stage.not_collected({"en": "Interviews", "zh": "访谈"})
    shown = capsys.readouterr().out
    assert "一" in shown
    assert "S镇未收集访谈。" in shown
    flow = Result("count", Estimate("kept", 612.0), n={"read": 650, "usable": 630, "kept": 612})
    stage.record("cleaning.flow", flow, LABEL, "association")
    stage.raw("raw/survey.xlsx")
    card = repr(stage.report_card())
    assert "输入与输出人数: 650, 612" in card
    assert "data/s_town/raw/survey.xlsx" in card
    assert "警告: 无" in card
    assert repr(stage.report_card()) == card
    (absent,) = written(root, "findings/01_survey_cleaning.json")["not_collected"]
    assert (absent["en"], absent["zh"]) == ("Interviews", "访谈")


def test_warnings_are_errors_unless_listed(begin: Callable[..., Stage]) -> None:
    stage = begin()
    with pytest.raises(RuntimeWarning):
        warnings.warn("overflow", RuntimeWarning, stacklevel=1)
    warnings.warn_explicit("later", pd.errors.Pandas4Warning, "x.py", 1, module="pingouin.parametric")
    warnings.warn_explicit("quiet", DeprecationWarning, "x.py", 1, module="ipykernel.kernelbase")
    assert "Warnings: Pandas4Warning (pingouin)" in repr(stage.report_card())


def test_numbers_are_shown_with_fixed_digits(begin: Callable[..., Stage]) -> None:
    begin()
    assert repr(pd.DataFrame({"x": [1 / 3, 2.0]})) == "      x\n0 0.333\n1 2.000"
    assert repr(np.array([1 / 3, 2e-9])) == "array([0.333, 0.000])"


def test_a_steps_generator_depends_on_seed_and_name_only(begin: Callable[..., Stage]) -> None:
    stage = begin()
    first = stage.rng("bootstrap").integers(10**9, size=3).tolist()
    stage.rng("another").integers(10)
    assert stage.rng("bootstrap").integers(10**9, size=3).tolist() == first
    assert step_rng(20260901, "bootstrap").integers(10**9, size=3).tolist() == first
    assert step_rng(20260902, "bootstrap").integers(10**9, size=3).tolist() != first
    assert step_rng(1, "a").integers(10**9, size=3).tolist() == [637667758, 412803904, 926849733]


def test_texts_of_a_frame_stand_in_both_languages(begin: Callable[..., Stage]) -> None:
    def named(count: int, language: str = "en") -> pd.DataFrame:
        return pd.DataFrame({"what": [{"en": "boys", "zh": "男生"}[language]], "n": [count], "code": ["m"]})

    both = begin().bilingual(named, 3)
    assert both.to_dict("records") == [{"what": {"en": "boys", "zh": "男生"}, "n": 3, "code": "m"}]
