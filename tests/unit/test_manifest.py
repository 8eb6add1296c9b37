"""Why a stage is stale: every input, changed by one byte, is named; nothing else counts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny

from lbc import params
from lbc.errors import UserError
from lbc.paths import Project, Town
from lbc.pipeline import manifest
from lbc.pipeline.graph import NEEDS, STAGES, upstream
from lbc.pipeline.reads import Reads, value_at

STAGE = "02_group_comparison"


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Project(tiny.make(tmp_path / "root")).town("s_town")


@pytest.fixture
def recorded(town: Town) -> dict[str, Any]:
    """A manifest as if the stage had just run."""
    for name in ("private/data/01_survey_cleaning/cleaned.csv", "figures/02_points.png"):
        (town.outputs / name).parent.mkdir(parents=True)
        (town.outputs / name).write_text("1", encoding="utf-8")
    reads = Reads(town)
    reads.note_raw(town.data / "raw/survey.xlsx")
    reads.note_raw(town.data / "raw/resurvey.csv")
    reads.note_raw(town.data / "instruments")
    reads.note_upstream(town.outputs / "private/data/01_survey_cleaning/cleaned.csv")
    today = params.load(town)
    names = "cleaning.careless.longstring", "interviews", "comparison.covariates"
    reads.params = {name: value_at(today, name) for name in names}
    digest = manifest.digest(town.outputs / "figures/02_points.png")
    entry = reads.to_json() | {
        "notebook": manifest.source_hash(town.project.notebooks / f"{STAGE}.ipynb"),
        "lock": manifest.digest(town.project.lock), "outputs": {"figures/02_points.png": digest}, "status": "ok",
    }
    entry["lbc"] = {"lbc/pipeline/graph.py": manifest.digest(Path(manifest.__file__).with_name("graph.py"))}
    return {STAGE: entry}


def why(town: Town, stages: dict[str, Any]) -> str | None:
    return manifest.why_stale(town, STAGE, stages, params.load(town))


def test_the_graph_is_in_order_of_running() -> None:
    assert all(set(needs) <= set(STAGES[:k]) for k, needs in enumerate(NEEDS.values()))
    assert upstream("05_thesis_claims") == STAGES[:4]


def test_what_was_read_is_current_however_often_it_is_written(town: Town, recorded: dict[str, Any]) -> None:
    assert why(town, recorded) is None
    manifest.write(town, recorded)
    first = town.manifest.read_bytes()
    assert manifest.read(town) == recorded
    manifest.write(town, manifest.read(town))
    assert town.manifest.read_bytes() == first
    assert why(town, manifest.read(town)) is None


def test_before_the_first_run_and_after_a_failed_one(town: Town) -> None:
    assert manifest.read(town) == {}
    assert why(town, {}) == "never run"
    assert why(town, {STAGE: {"status": "failed"}}) == "failed when it last ran"


def test_each_changed_input_is_named(town: Town, recorded: dict[str, Any]) -> None:
    root = town.project.root
    kept = "private/data/01_survey_cleaning/cleaned.csv"
    changes = {
        "params/s_town.yaml": "params cleaning.careless.longstring changed from 12 to 10",
        f"notebooks/{STAGE}.ipynb": f"notebooks/{STAGE}.ipynb changed",
        "data/s_town/raw/survey.xlsx": "data/s_town/raw/survey.xlsx changed",
        f"outputs/s_town/{kept}": f"{kept} changed",
        "outputs/s_town/figures/02_points.png": "figures/02_points.png changed",
    }
    for name, reason in changes.items():
        before = (root / name).read_text(encoding="utf-8")
        after = before.replace("longstring: 12", "longstring: 10").replace("stage.report_card", "stage.report_card ")
        (root / name).write_text(after if after != before else before + "9", encoding="utf-8")
        assert why(town, recorded) == reason
        (root / name).write_text(before, encoding="utf-8")
    assert why(town, recorded) is None


def test_absent_appeared_and_missing(town: Town, recorded: dict[str, Any]) -> None:
    (town.data / "raw/resurvey.csv").write_text("1", encoding="utf-8")
    assert why(town, recorded) == "data/s_town/raw/resurvey.csv appeared"
    (town.data / "raw/resurvey.csv").unlink()
    (town.data / "instruments").mkdir()
    assert why(town, recorded) == "data/s_town/instruments/ appeared"
    (town.data / "instruments").rmdir()
    (town.outputs / "figures/02_points.png").unlink()
    assert why(town, recorded) == "figures/02_points.png is missing"
    shutil.rmtree(town.outputs)
    assert why(town, recorded) == "private/data/01_survey_cleaning/cleaned.csv is missing"


def test_changed_source_and_lock(town: Town, recorded: dict[str, Any]) -> None:
    recorded[STAGE]["lbc"]["lbc/pipeline/graph.py"] = "0"
    assert why(town, recorded) == "lbc/pipeline/graph.py changed"
    recorded[STAGE]["lock"] = "0"
    assert why(town, recorded) == "requirements.lock changed"


def test_a_group_of_keys_that_is_taken_out_counts(town: Town, recorded: dict[str, Any]) -> None:
    text = town.params.read_text(encoding="utf-8")
    lines = text.split("\n")
    start = lines.index("interviews:")
    end = next(i for i, line in enumerate(lines[start + 1:], start + 1) if line and not line.startswith(" "))
    town.params.write_text("\n".join([*lines[:start], *lines[end:]]), encoding="utf-8")
    assert why(town, recorded) == 'params interviews changed from "given" to nothing'


def test_a_number_is_not_the_truth_value_that_equals_it(town: Town, recorded: dict[str, Any]) -> None:
    recorded[STAGE]["params"] = {"cleaning.consent": 1}
    assert why(town, recorded) == "params cleaning.consent changed from 1 to true"


@pytest.mark.parametrize("text", ["", "{}", "[]", "{\"stages\": 3}"])
def test_a_broken_manifest_says_what_to_do(town: Town, text: str) -> None:
    town.outputs.mkdir(exist_ok=True)
    town.manifest.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"s_town/manifest.json: the manifest cannot be read\n  fix: delete it"):
        manifest.read(town)


@pytest.mark.parametrize("text", ["", "{}", "{\"cells\": [1]}"])
def test_a_broken_notebook_is_named(town: Town, text: str) -> None:
    path = town.project.notebooks / f"{STAGE}.ipynb"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=f"notebooks/{STAGE}.ipynb: this is not a notebook"):
        manifest.source_hash(path)
    path.unlink()
    with pytest.raises(UserError, match="there is no such notebook"):
        manifest.source_hash(path)


def test_the_manifest_knows_no_clock_host_or_path(town: Town, recorded: dict[str, Any]) -> None:
    manifest.write(town, recorded)
    text = town.manifest.read_text(encoding="utf-8")
    assert str(town.project.root) not in text
    assert set(json.loads(text)["stages"][STAGE]) == {
        "lbc", "lock", "notebook", "outputs", "params", "raw", "status", "upstream"}
