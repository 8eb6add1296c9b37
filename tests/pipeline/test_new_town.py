"""A second town from its survey file alone: drafted, checked, never half written, nothing overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny

SURVEY = tiny.ROOT / "data" / "s_town" / "raw" / "survey.xlsx"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tiny.make(tmp_path / "root")


def files(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_a_drafted_town_passes_its_check(root: Path) -> None:
    before = files(root)
    done = tiny.lbc(root, "new-town", "--town", "riverton", "--data", str(SURVEY))
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("drafted: params/riverton.yaml, data/riverton/codebook.csv\n"
                                "check both, then: make check TOWN=riverton and make all TOWN=riverton\n")
    after = files(root)
    assert sorted(set(after) - set(before)) == [
        "data/riverton/README.md", "data/riverton/codebook.csv", "data/riverton/raw/survey.xlsx",
        "params/riverton.claims.yaml", "params/riverton.yaml"]
    assert {name: after[name] for name in before} == before
    assert after["data/riverton/raw/survey.xlsx"] == SURVEY.read_bytes()
    checked = tiny.lbc(root, "check", "--town", "riverton")
    assert checked.returncode == 0, checked.stdout
    assert "03_ecological_causes: interviews are left out of params: shown as not collected" in checked.stdout
    again = tiny.lbc(root, "new-town", "--town", "riverton", "--data", str(SURVEY))
    assert again.returncode == 2
    assert "nothing of an existing town is ever overwritten" in again.stderr
    assert files(root) == after


def test_a_file_without_a_known_scale_leaves_nothing_behind(root: Path, tmp_path: Path) -> None:
    before = files(root)
    (tmp_path / "other.csv").write_text("id,colour\n1,red\n2,blue\n", encoding="utf-8")
    done = tiny.lbc(root, "new-town", "--town", "riverton", "--data", str(tmp_path / "other.csv"))
    assert done.returncode == 2
    assert done.stderr.startswith(f"{tmp_path}/other.csv: none of the instruments is found in this file\n")
    assert files(root) == before


def test_a_scale_of_ones_own(root: Path, tmp_path: Path) -> None:
    source = (tiny.ROOT / "lbc" / "instruments" / "psss.yaml").read_text(encoding="utf-8")
    (tmp_path / "support12.yaml").write_text(source.replace("id: psss", "id: support12"), encoding="utf-8")
    rows = ["id," + ",".join(f"support12_{n:02d}" for n in range(1, 13))]
    rows += [f"{k}," + ",".join(str((k * n) % 7 + 1) for n in range(1, 13)) for k in range(1, 31)]
    (tmp_path / "own.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    done = tiny.lbc(root, "new-town", "--town", "riverton", "--data", str(tmp_path / "own.csv"), "--instrument",
                    str(tmp_path / "support12.yaml"))
    assert done.returncode == 0, done.stderr
    assert "support12 is taken as the measure of loneliness" in done.stdout
    assert (root / "data/riverton/instruments/support12.yaml").exists()


def test_a_simulated_town(root: Path) -> None:
    done = tiny.lbc(root, "simulate", "--town", "hill", "--children", "60", "--seed", "7", "--no-effect")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "data/hill is made; next: make all TOWN=hill\n"
    assert (root / "data/hill/raw/survey.xlsx").exists()
    assert "synthetic: true" in (root / "params/hill.yaml").read_text(encoding="utf-8")
    assert tiny.lbc(root, "check", "--town", "hill").returncode == 0
