"""S town through the command line: what comes out, that it comes out the same anywhere, and what verify says."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

from runs import ROOT, lbc, scratch

from lbc.pipeline import compare

CONTRACT = """
cleaning.flow measurement.cls.alpha measurement.cls.omega measurement.cls.direction
comparison.cls_total.difference comparison.social_emotion.difference comparison.peer_integration.difference
comparison.belonging.difference comparison.cls_total.adjusted comparison.invariance.scalar comparison.specification_curve
ecology.block.individual ecology.block.family ecology.block.school_community ecology.block.society
ecology.share.individual ecology.share.family ecology.share.school_community ecology.share.society
ecology.interviews.agreement intervention.group.cls.change intervention.group.cls.expected_fall
intervention.group.cls.adjusted intervention.member.M01.rci intervention.case.cls.nap
intervention.case.goal_attainment intervention.combined_vs_single intervention.overall.cls_total.change
intervention.overall.psss_total.change intervention.overall.panas_c_negative.change
intervention.overall.scwbs_positive_outlook.change
""".split()
CLAIMS = ("lonelier social_emotions peer_integration belonging four_levels group_works limited_for_some case_works "
          "combined_better overall").split()
VERDICTS = {"supported", "partly supported", "not supported", "cannot be tested with this design"}


def findings(root: Path, town: str = "s_town") -> dict[str, dict[str, Any]]:
    files = sorted((root / "outputs" / town / "findings").glob("*.json"))
    return {f["id"]: f for file in files for f in json.loads(file.read_text(encoding="utf-8"))["findings"]}


def published(root: Path, *suffixes: str) -> dict[str, bytes]:
    """Text outputs by path: findings, tables, plotted data, SVG, notebooks, manifest."""
    out = root / "outputs" / "s_town"
    folders = ("findings", "tables", "figures", "notebooks")
    files = [path for folder in folders for path in (out / folder).rglob("*") if path.suffix in suffixes]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in [*sorted(files), out / "manifest.json"]}


def test_the_last_line_counts_five(s_town: Path) -> None:
    assert (s_town / "last_line.txt").read_text(encoding="utf-8") == "5 run, 0 current, 0 failed, 0 blocked\n"


def test_every_finding_and_claim_of_the_contract_is_there(s_town: Path) -> None:
    found = findings(s_town)
    assert [name for name in CONTRACT if name not in found] == []
    unexplained = [f["id"] for f in found.values() if f["estimate"] is None and not f["reason"]]
    assert unexplained == []
    assert [f["id"] for f in found.values() if f["estimate"] is None] == [
        "ecology.levels.r2_between", "intervention.group.cls.did"]
    document = json.loads((s_town / "outputs/s_town/findings/05_thesis_claims.json").read_text(encoding="utf-8"))
    assert [claim["id"] for claim in document["claims"]] == CLAIMS
    for claim in document["claims"]:
        assert claim["verdict"] in VERDICTS
        assert claim["reason"]
        assert not re.search(r"[{}]|\[not estimable\]", claim["sentence"])


def test_findings_agree_with_what_was_planted(s_town: Path) -> None:
    """The true difference and the true effect lie in the intervals; what the design cannot carry gets no verdict."""
    truth = json.loads((ROOT / "tests/truth/s_town.json").read_text(encoding="utf-8"))
    found = findings(s_town)
    low, high = found["comparison.cls_total.difference"]["effect"]["ci"]
    assert low < truth["parameters"]["loneliness"]["left_behind_d"] < high
    members = [m for m in truth["members"] if m["high_scorer"]]
    planted = sum(m["true_effect_in_points"]["T2"] for m in members) / len(members)
    low, high = found["intervention.group.cls.adjusted"]["estimate"]["ci"]
    assert low < planted < high
    claims = json.loads((s_town / "outputs/s_town/findings/05_thesis_claims.json").read_text(encoding="utf-8"))["claims"]
    verdicts = {claim["id"]: claim["verdict"] for claim in claims}
    assert verdicts["combined_better"] == "cannot be tested with this design"


def test_the_flow_is_the_planted_one(s_town: Path) -> None:
    expected = json.loads((ROOT / "tests/truth/s_town.json").read_text(encoding="utf-8"))["expected"]
    n = findings(s_town)["cleaning.flow"]["n"]
    assert n["forms in the file"] == expected["forms"]
    assert n["received"] - n["consent"] == expected["no_guardian_consent"] + expected["no_assent"]
    assert n["consent"] - n["blank_or_test"] == expected["test_forms"]
    assert n["blank_or_test"] - n["usable_ids"] == expected["id_missing"]
    assert n["usable_ids"] - n["duplicates"] == expected["duplicates"]
    assert n["duplicates"] - n["scope"] == expected["out_of_scope_grade"]
    assert 0 < n["scope"] - n["careless"] <= expected["careless_among_the_left"]


def test_nothing_to_do_is_fast_and_touching_is_nothing(s_town: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(s_town, tmp_path / "root"))
    for path in root.rglob("*"):
        path.touch()
    start = time.perf_counter()
    assert lbc(root, "run").stdout == "0 run, 5 current, 0 failed, 0 blocked\n"
    assert time.perf_counter() - start < 15  # a bound against running something, not a measurement of speed


def test_one_value_in_params_reruns_only_its_readers(s_town: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(s_town, tmp_path / "root"))
    params = root / "params" / "s_town.yaml"
    params.write_text(params.read_text(encoding="utf-8").replace("alpha: 0.05", "alpha: 0.04"), encoding="utf-8")
    status = lbc(root, "status").stdout.splitlines()
    assert [line.split()[1] for line in status] == ["current", "current", "current", "out", "out"]
    assert "out of date: params intervention.alpha changed from 0.05 to 0.04" in status[3]
    assert "out of date: 04_intervention_evaluation runs first" in status[4]
    assert lbc(root, "run").stdout in (  # 05 reads the findings of 04, which may come out the same
        "1 run, 4 current, 0 failed, 0 blocked\n", "2 run, 3 current, 0 failed, 0 blocked\n")


def test_same_bytes_in_another_folder_time_zone_locale_and_hash_seed(s_town: Path, tmp_path: Path) -> None:
    root = scratch(tmp_path / "另一个 folder", "s_town")
    done = lbc(root, "run", "--jobs", "1", TZ="America/New_York", LC_ALL="C", LANG="C", PYTHONHASHSEED="77",
               HOME=str(tmp_path))
    assert done.stdout == "5 run, 0 current, 0 failed, 0 blocked\n", done.stderr
    here, there = published(s_town, ".json", ".csv", ".svg", ".ipynb"), published(root, ".json", ".csv", ".svg", ".ipynb")
    assert [name for name in here if here[name] != there.get(name)] == []
    assert set(here) == set(there)


def test_committed_outputs_are_what_this_commit_produces(s_town: Path) -> None:
    """Numbers may differ in their last digits on another processor; texts, which are rounded, may not."""
    compared = list(compare.folders(ROOT / "outputs" / "s_town", s_town / "outputs" / "s_town"))
    assert len(compared) > 80
    assert [str(item) for item in compared if item.verdict not in ("same", "close")] == []
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        executed = s_town / "outputs/s_town/private/executed" / path.name
        assert path.read_bytes() == executed.read_bytes(), path.name


def test_chinese_town_is_chinese_throughout(s_town: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(s_town, tmp_path / "root"))
    params = root / "params" / "s_town.yaml"
    params.write_text(params.read_text(encoding="utf-8").replace("language: en ", "language: zh "), encoding="utf-8")
    done = lbc(root, "run")
    assert done.stdout == "5 run, 0 current, 0 failed, 0 blocked\n", done.stderr
    claims = json.loads((root / "outputs/s_town/findings/05_thesis_claims.json").read_text(encoding="utf-8"))["claims"]
    assert all(re.search("[\u4e00-\u9fff]", claim["sentence"] + claim["reason"]) for claim in claims)
    for notebook in sorted((root / "outputs/s_town/notebooks").glob("*.ipynb")):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        texts = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
        assert [text for text in texts if not re.search("[\u4e00-\u9fff]", text)] == []
        shown = [output["data"] for c in cells for output in c.get("outputs", []) if "data" in output]
        sentences = ["".join(data["text/plain"]) for data in shown if "text/markdown" in data]
        assert [text for text in sentences if not re.search("[\u4e00-\u9fff]", text)] == []
    english, chinese = findings(s_town), findings(root)
    assert {k: v["estimate"] for k, v in english.items()} == {k: v["estimate"] for k, v in chinese.items()}


def test_verify_agrees_then_names_a_changed_datum(s_town: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(s_town, tmp_path / "root"))
    file = root / "outputs/s_town/findings/02_group_comparison.json"
    text = file.read_text(encoding="utf-8")
    difference = findings(s_town)["comparison.cls_total.difference"]["estimate"]["value"]
    file.write_text(text.replace(repr(difference), "9.87654321"), encoding="utf-8")
    done = lbc(root, "verify")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "comparison.cls_total.difference" in done.stdout
    assert "9.87654" in done.stdout


def test_private_rows_stay_private(s_town: Path) -> None:
    """No child's id stands in anything that is published."""
    ids = {m["id"] for m in json.loads((ROOT / "tests/truth/s_town.json").read_text(encoding="utf-8"))["members"]}
    out = s_town / "outputs" / "s_town"
    for path in [p for p in out.rglob("*") if p.is_file() and "private" not in p.parts and p.suffix != ".png"]:
        text = path.read_bytes().decode("utf-8", errors="ignore")
        assert not [i for i in ids if re.search(rf"\b{i}\b", text)], path
