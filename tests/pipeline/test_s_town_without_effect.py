"""S town once more, with group and case work that do nothing: the same children and chance, other verdicts."""

from __future__ import annotations

import fcntl
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from runs import ROOT, lbc, scratch, shared

from lbc.survey import simulate
from lbc.survey.simulation import assumptions

TRUTH = json.loads((ROOT / "tests/truth/s_town.json").read_text(encoding="utf-8"))
OF_THE_SURVEY = ("lonelier", "social_emotions", "peer_integration", "belonging", "four_levels")
OF_THE_WORK = {"case_log.csv", "goals.csv", "group_measures.csv", "observations.csv"}
ADJUSTED, NAIVE = "intervention.group.cls.adjusted", "intervention.group.cls.change"


@pytest.fixture(scope="session")
def without(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """S town's params, claims and registration, its raw files simulated anew with the same seed and no effect."""
    root, lock = shared(tmp_path_factory, "s_town_without_effect")
    with lock.open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not (root / "outputs/s_town/manifest.json").exists():
            scratch(root, "s_town")
            size = {"children": str(TRUTH["children"]), "seed": str(TRUTH["seed"])}
            made = lbc(root, "simulate", "--town", "idle", "--no-effect", *(
                part for name, value in size.items() for part in (f"--{name}", value)))
            assert made.returncode == 0, made.stderr
            shutil.copytree(root / "data/idle/raw", root / "data/s_town/raw", dirs_exist_ok=True)
            done = lbc(root, "run", "--town", "s_town")
            assert done.stdout == "5 run, 0 current, 0 failed, 0 blocked\n", done.stderr
    return root


def document(root: Path, stage: str) -> dict[str, Any]:
    return json.loads((root / f"outputs/s_town/findings/{stage}.json").read_text(encoding="utf-8"))


def claims(root: Path) -> dict[str, dict[str, Any]]:
    return {claim["id"]: claim for claim in document(root, "05_thesis_claims")["claims"]}


def estimate(root: Path, name: str) -> dict[str, Any]:
    """A finding's estimate in notebook 04."""
    return {f["id"]: f["estimate"] for f in document(root, "04_intervention_evaluation")["findings"]}[name]


def planted(truth: dict[str, Any]) -> dict[str, bool]:
    """Whether what a claim says was planted; the claims that this design cannot test are left out."""
    d, parameters = truth["group_d"], truth["parameters"]
    points = [m["true_effect_in_points"]["T2"] for m in truth["members"] if m["high_scorer"]]
    improved = parameters["intervention"]["improved"]
    reliable = improved["z"] * parameters["loneliness"]["sd"] * (2 * (1 - improved["reliability"])) ** 0.5
    levels = {cause["level"] for cause in parameters["causes"] if cause["r"]}
    return {
        **dict.fromkeys(OF_THE_SURVEY[:4], parameters["loneliness"]["left_behind_d"] > 0),
        "four_levels": levels == {"individual", "family", "school_community", "society"},
        "group_works": sum(points) < 0,
        "limited_for_some": max(points) > -reliable,
        "case_works": truth["case_d"]["loneliness"] < 0 and truth["case_d"]["negative_affect"] < 0,
        "overall": d["loneliness"] < 0 < d["support_friends"] and d["outlook"] > 0 > d["negative_affect"],
    }


def test_only_the_work_differs(without: Path) -> None:
    raw, idle = ({path.name: path for path in (root / "data/s_town/raw").iterdir()} for root in (ROOT, without))
    assert set(raw) == set(idle)
    assert {name for name in raw if raw[name].read_bytes() != idle[name].read_bytes()} == OF_THE_WORK
    waves = [pd.read_csv(files["group_measures.csv"], dtype=str) for files in (raw, idle)]
    pd.testing.assert_frame_equal(*(frame[frame["wave"].isin(["T0", "T1"])] for frame in waves))


def test_what_the_survey_says_stays(s_town: Path, without: Path) -> None:
    for stage in ("01_survey_cleaning", "02_group_comparison", "03_ecological_causes"):
        assert document(s_town, stage) == document(without, stage)
    with_work, idle = claims(s_town), claims(without)
    assert {name: with_work[name] for name in OF_THE_SURVEY} == {name: idle[name] for name in OF_THE_SURVEY}


def test_verdicts_agree_with_what_was_planted(s_town: Path) -> None:
    found = claims(s_town)
    assert all(planted(TRUTH).values())
    assert {found[name]["verdict"] for name in planted(TRUTH)} <= {"supported", "partly supported"}
    assert found["combined_better"]["verdict"] == "cannot be tested with this design"
    points = [m["true_effect_in_points"]["T2"] for m in TRUTH["members"] if m["high_scorer"]]
    low, high = estimate(s_town, ADJUSTED)["ci"]
    assert low < sum(points) / len(points) < high < 0


def test_no_claim_of_an_effect_is_supported_without_one(without: Path) -> None:
    sim, words = assumptions.load(ROOT / "data/s_town")
    truth = simulate.simulate(sim, words, TRUTH["children"], TRUTH["seed"], effect=False).truth
    assert [name for name, there in planted(truth).items() if not there] == ["group_works", "case_works", "overall"]
    found = claims(without)
    assert found["group_works"]["verdict"] == found["case_works"]["verdict"] == "not supported"
    assert found["overall"]["verdict"] != "supported"
    assert found["combined_better"]["verdict"] == "cannot be tested with this design"


def test_members_fall_without_any_work(without: Path) -> None:
    """Regression to the mean: the naive interval leaves out the planted zero, the adjusted change is far smaller."""
    assert estimate(without, NAIVE)["ci"][1] < 0
    assert abs(estimate(without, ADJUSTED)["value"]) < 0.6 * abs(estimate(without, NAIVE)["value"])


def test_a_chance_fall_before_the_group_is_not_taken_for_its_work(without: Path) -> None:
    """These seven happen to fall by more than untreated children with the same first score, as in one town of twenty.

    Half of that fall lies before the group began, where work cannot have caused it: the claim asks for both.
    """
    assert estimate(without, ADJUSTED)["ci"][1] < 0
    low, high = estimate(without, "intervention.group.cls.wave_contrast.group")["ci"]
    assert low < 0 < high
    assert "Needed besides, and does not hold" in claims(without)["group_works"]["reason"]
