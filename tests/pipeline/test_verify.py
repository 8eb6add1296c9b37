"""Verify and accept: the same run is the same, a changed number is named, and a rerun cannot hide it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import tiny


def test_same_then_accepted_then_moved(root: Path) -> None:
    accepted = tiny.lbc(root, "accept")
    assert accepted.returncode == 0, accepted.stderr
    assert "comparison.points: new, 5 [1.5, 7.25], p = 0.0625\n" in accepted.stdout
    assert "claim lonelier: was 'not there', now 'supported'" in accepted.stdout
    assert accepted.stdout.endswith("accepted: 2 findings, 1 claims, 5 files\n")
    assert tiny.lbc(root, "status").stdout.count(" current") == 5  # the notebooks were put in place, executed
    executed = json.loads((root / "notebooks/02_group_comparison.ipynb").read_text(encoding="utf-8"))
    codes = [cell for cell in executed["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in codes] == list(range(1, len(codes) + 1))
    assert codes[0]["source"] == ['town = "s_town"']

    before = tiny.snapshot(root)
    same = tiny.lbc(root, "verify")
    assert (same.returncode, same.stdout.splitlines()[-1]) == (0, "The results are the same."), same.stdout
    assert tiny.snapshot(root) == before
    assert tiny.lbc(root, "accept").stdout.startswith("no number moved\n")

    (root / "data/s_town/raw/survey.xlsx").write_text("1\n2\n3\n", encoding="utf-8")
    refused = tiny.lbc(root, "accept")
    assert refused.returncode == 2
    assert "01_survey_cleaning is out of date: data/s_town/raw/survey.xlsx changed" in refused.stderr
    assert tiny.lbc(root, "run").returncode == 0
    moved = tiny.lbc(root, "verify")  # the outputs are new as well: what was accepted still tells
    assert moved.returncode == 1
    assert "accepted.json, comparison.points, value: was 5.0, now 3.0" in moved.stdout
    assert 'accepted.json, claim lonelier: was supported, now not supported: "The mean is 3.00."' in moved.stdout
    assert "notebooks/02_group_comparison.ipynb, cell " in moved.stdout
    again = tiny.lbc(root, "accept").stdout
    assert "comparison.points: was 5 [1.5, 7.25], p = 0.0625, now 3 [1.5, 7.25], p = 0.0625\n" in again
    assert "claim lonelier: was 'supported', now 'not supported'" in again


def test_another_town_whose_numbers_were_tampered_with(root: Path) -> None:
    text = (root / "params/s_town.yaml").read_text(encoding="utf-8")
    (root / "params/hill.yaml").write_text(text.replace("town: s_town", "town: hill"), encoding="utf-8")
    shutil.copytree(root / "data/s_town", root / "data/hill")
    assert tiny.lbc(root, "run", "--town", "hill").stdout == "5 run, 0 current, 0 failed, 0 blocked\n"
    assert tiny.lbc(root, "run").stdout == "0 run, 5 current, 0 failed, 0 blocked\n"
    notebook = json.loads((root / "outputs/hill/notebooks/02_group_comparison.ipynb").read_text(encoding="utf-8"))
    assert notebook["cells"][0]["source"] == ["## What is it?\n", "\n", "A line."]
    assert notebook["cells"][1]["source"] == ['town = "hill"']
    committed = [path.read_bytes() for path in sorted((root / "notebooks").iterdir())]

    findings = root / "outputs/hill/findings"
    kept = {path: path.read_bytes() for path in findings.iterdir()}
    tiny.edit(findings / "01_survey_cleaning.json", "3.0", "3.000000000000001")  # as another processor may give it
    tiny.edit(findings / "02_group_comparison.json", "7.25", "7.26")
    verified = tiny.lbc(root, "verify", "--town", "hill")
    assert verified.returncode == 1
    lines = verified.stdout.splitlines()
    first = lines[next(i for i, line in enumerate(lines) if line.startswith("THE RESULTS DIFFER")) + 1]
    assert first == "  findings/02_group_comparison.json, comparison.points, estimate.ci.1: was 7.26, now 7.25"
    assert "equal within 1e-9 but not exactly" in verified.stdout
    assert "01_survey_cleaning.json, cleaning.flow, estimate.value: was 3.000000000000001, now 3.0" in verified.stdout
    assert "as recorded in manifest.json" in verified.stdout
    assert "nothing is accepted yet" in verified.stdout
    assert lines[1].split() == ["findings", "0", "1", "1", "0", "0"]
    assert "notebooks                     5            0            0" in verified.stdout

    for path, content in kept.items():
        path.write_bytes(content)
    assert tiny.lbc(root, "accept", "--town", "hill").returncode == 0
    assert [path.read_bytes() for path in sorted((root / "notebooks").iterdir())] == committed


def test_nothing_to_compare_with(tmp_path: Path) -> None:
    refused = tiny.lbc(tiny.make(tmp_path / "new"), "verify")
    assert refused.returncode == 2
    assert refused.stderr == ("outputs/s_town: 's_town' has no results to compare with\n"
                              "  fix: make all TOWN=s_town\n")


def test_the_report_is_written_from_what_was_published(root: Path) -> None:
    done = tiny.lbc(root, "report")
    assert done.returncode == 0, done.stderr
    page = root / "outputs/s_town/report/index.html"
    assert done.stdout == f"open {page}\n"
    assert "The mean is 5.00." in page.read_text(encoding="utf-8")
    assert len(list(page.parent.glob("0*.html"))) == 5
    assert tiny.lbc(root, "status").stdout.count(" current") == 5
