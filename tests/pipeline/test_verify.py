"""Verify and accept: the same run is the same, a changed number is named, and a rerun cannot hide it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import tiny

from lbc.paths import Project
from lbc.pipeline import verify


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
    kept = json.loads(tiny.snapshot(root)["outputs/s_town/verified.json"])
    assert {name: kept[name] for name in ("same", "differ")} == {"same": True, "differ": 0}
    assert kept["numbers"] > 10
    assert tiny.snapshot(root) == before | {"outputs/s_town/verified.json": tiny.snapshot(root)["outputs/s_town/verified.json"]}
    assert verify.last(Project(root).town("s_town")) == kept
    assert tiny.lbc(root, "accept").stdout.startswith("no number moved\n")

    (root / "data/s_town/raw/survey.xlsx").write_text("1\n2\n3\n", encoding="utf-8")
    refused = tiny.lbc(root, "accept")
    assert refused.returncode == 2
    assert "01_survey_cleaning is out of date: data/s_town/raw/survey.xlsx changed" in refused.stderr
    assert tiny.lbc(root, "run").returncode == 0
    assert verify.last(Project(root).town("s_town")) is None  # it was of the results before
    moved = tiny.lbc(root, "verify")  # the outputs are new as well: what was accepted still tells
    assert moved.returncode == 1
    assert "accepted.json, comparison.points, value: was 5.0, now 3.0" in moved.stdout
    assert not verify.last(Project(root).town("s_town"))["same"]
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


CLAIMS = """claims:
  - id: lonelier
    sentence: {en: "They score {comparison.points:.2f} points, more than 4.5.", zh: "得分 {comparison.points:.2f}，高于 4.5。"}
    rests_on: [comparison.points]
    holds_when: [{finding: comparison.points, direction: positive, bound: 4.5}]
"""
JUDGED = [
    "from lbc.reporting import claims, recheck\nfindings = stage.findings()",
    'judged = claims.judge(claims.load(stage.claims_path, "params/s_town.claims.yaml"), findings, stage.language)',
    "stage.record_claims(judged)",
    "checked = recheck.recheck(recheck.printed(findings, judged, stage.printed()))",
    'stage.save_table(recheck.by_kind(checked), "recheck", {"en": "Recomputed", "zh": "复算"})',
]


def test_a_datum_that_flips_a_claim_fails_verification_and_quotes_the_sentence(root: Path) -> None:
    """With the real claims engine, before anything is run again and before anything is accepted."""
    tiny.write_stage(root, "05_thesis_claims", JUDGED)
    (root / "params/s_town.claims.yaml").write_text(CLAIMS, encoding="utf-8")
    assert tiny.lbc(root, "run").returncode == 0
    assert tiny.lbc(root, "verify").returncode == 0
    (root / "data/s_town/raw/survey.xlsx").write_text("2\n3\n4\n", encoding="utf-8")
    flipped = tiny.lbc(root, "verify")
    assert flipped.returncode == 1
    assert ('findings/05_thesis_claims.json, lonelier: was supported, now not supported: '
            '"They score 4.00 points, more than 4.5."') in flipped.stdout
    (root / "data/s_town/raw/survey.xlsx").write_text("3\n4\n5.1\n", encoding="utf-8")
    kept = tiny.lbc(root, "verify")  # the number moves, the verdict does not: still not the same results
    assert kept.returncode == 1
    assert "now not supported" not in kept.stdout
    tiny.edit(root / "params/s_town.claims.yaml", "comparison.points:.2f} points", "comparison.pionts:.2f} points")
    misspelt = tiny.lbc(root, "verify")
    assert misspelt.returncode == 2
    failed = verify.last(Project(root).town("s_town"))
    assert (failed["same"], failed["numbers"]) == (False, 0)  # the results stand, but they could not be made again
    assert "no finding is called 'comparison.pionts'; did you mean 'comparison.points'?" in misspelt.stderr


def test_a_planted_inconsistency_is_found_wherever_it_is_printed(root: Path) -> None:
    """In a finding's sentence, a table and a computed sentence; what is right stays right."""
    table = 'pd.DataFrame({"term": ["girl", "age"], "t": [2.20, 1.40], "df": [28, 60], "p": [0.036, 0.031]})'
    more = [f'stage.save_table({table}, "terms", {{"en": "Terms", "zh": "项"}})',
            'stage.say("Further: F(1, 17) = 16.89, p = .017.", "另有：F(1, 17) = 16.89，p = 0.017。")']
    cells = [cell.replace('Test("t", 2.9, 3.0', 'Test("t", 2.0, 3.0') for cell in tiny.STAGES["02_group_comparison"]]
    tiny.write_stage(root, "02_group_comparison", cells + more)
    tiny.write_stage(root, "05_thesis_claims", JUDGED)
    (root / "params/s_town.claims.yaml").write_text(CLAIMS, encoding="utf-8")
    assert tiny.lbc(root, "run").returncode == 0
    counts = (root / "outputs/s_town/tables/05_recheck.csv").read_text(encoding="utf-8").splitlines()
    assert counts == ["printed,recomputed,disagree,not_recomputed", "t,2,4,0", "F,0,2,0", "all,2,6,0"]
    done = tiny.lbc(root, "report")
    assert done.returncode == 1
    wrong = done.stdout.splitlines()[1:]
    assert "  tables/02_terms, row 2, p (en): t(60) = 1.40, p = .031: the printed p does not follow; the other side of .05" in wrong
    assert any(line.startswith("  report/02_group_comparison.html: F(1, 17) = 16.89, p = .017") for line in wrong)
    assert any(line.startswith("  report/findings.html: t(3) = 2.00, p = .062") for line in wrong)


def test_nothing_to_compare_with(tmp_path: Path) -> None:
    refused = tiny.lbc(tiny.make(tmp_path / "new"), "verify")
    assert refused.returncode == 2
    assert refused.stderr == ("outputs/s_town: 's_town' has no results to compare with\n"
                              "  fix: make all TOWN=s_town\n")


def test_the_report_is_written_from_what_was_published(root: Path) -> None:
    done = tiny.lbc(root, "report")
    assert done.returncode == 0, done.stderr
    page = root / "outputs/s_town/report/index.html"
    assert done.stdout.splitlines() == [
        "4 printed statistics: 4 recomputed and right, 0 wrong, 0 that cannot be recomputed (05_thesis_claims names them)",
        "open  outputs/index.html  (all towns)", "      outputs/s_town/report/index.html  (this town's report)",
        "      outputs/s_town/thesis/  (its chapter for Word, in both languages)"]
    assert all(len(list(folder.glob("0*.html"))) == 5 for folder in (page.parent, page.parent / "zh"))
    assert sorted(path.name for path in (root / "outputs/s_town/thesis").glob("*.docx")) == [
        "results_en.docx", "results_zh.docx"]
    assert tiny.lbc(root, "status").stdout.count(" current") == 5
