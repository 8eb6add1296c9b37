"""The front door: towns of every kind, in both languages, and nothing of a town's words acts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from lbc.errors import UserError
from lbc.paths import Project
from lbc.pipeline import front_door, manifest, verify
from lbc.pipeline.graph import STAGES
from lbc.reporting import front

EVIL = '<script>alert(1)</script>"><img src=x onerror=alert(2)>{{7*7}}$title'
CLAIM = {
    "id": "lonelier",
    "verdict": "supported",
    "evidence": "adjusted comparison",
    "reason": "why",
    "sentence": "They differ by 2.6 points (p = .003).",
    "words": {
        "en": {"sentence": "They differ by 2.6 points (p = .003).", "reason": "why"},
        "zh": {"sentence": "相差 2.6 分（p = 0.003）。", "reason": "理由"},
    },
}
PARAMS = """town: {slug}
name: {{en: {en}, zh: {zh}}}
language: {language}
synthetic: {synthetic}
seed: 1
survey: {{file: raw/survey.xlsx}}
"""


def town(slug: str = "hill", **changes: Any) -> dict[str, Any]:
    stages = [{"stage": stage, "why": None, "status": "ok"} for stage in STAGES]
    return {
        "slug": slug,
        "name": {"en": "Hill", "zh": "山镇"},
        "synthetic": False,
        "problem": None,
        "stages": stages,
        "headline": CLAIM,
        "no_headline": {"en": "none", "zh": "无"},
        "verified": {"same": True, "numbers": 210, "differ": 0, "of": "x"},
        "links": [({"en": "Report", "zh": "报告"}, f"{slug}/report/index.html")],
    } | changes


def waiting(*found: tuple[str | None, str | None]) -> list[dict[str, Any]]:
    return [{"stage": s, "why": why, "status": status} for s, (why, status) in zip(STAGES, found, strict=False)]


def text(html: str, slug: str, language: str) -> list[str]:
    """What a reader of one language sees of a town, piece by piece."""
    section = BeautifulSoup(html, "html.parser").find(id=f"t-{slug}")
    other = {"en": "zh-CN", "zh": "en"}[language]
    for hidden in section.find_all(lang=other):
        hidden.decompose()
    return [part.get_text() for part in section.find_all(["h2", "p", "dt", "li", "pre"])]


def test_a_town_as_it_is_read_in_both_languages() -> None:
    page = front.page([town(synthetic=True)])
    assert text(page, "hill", "en") == [
        "Hillhill", "Simulated data: no real child is described here.", "State", "● all stages are current",
        "Main claim", "supported (adjusted comparison)", "They differ by 2.6 points (p = .003).", "Verified",
        "Run again, all 210 results compared were the same.", "Read", "Report",
    ]
    assert text(page, "hill", "zh") == [
        "山镇hill", "模拟数据：此处未描述任何真实儿童。", "状态", "● 各阶段均为最新", "主要论断", "得到支持（校正后的比较）",
        "相差 2.6 分（p = 0.003）。", "复核", "重新运行后，所比较的 210 项结果全部相同。", "阅读", "报告",
    ]
    assert "(<i>p</i> = .003)" in page
    assert 'href="hill/report/index.html"' in page


@pytest.mark.parametrize(
    ("stages", "word", "en", "zh"),
    [
        (waiting(("never run", None), ("01_survey_cleaning runs first", None)), "never", [], []),
        (
            waiting((None, "ok"), ("failed when it last ran", "failed"), ("02_group_comparison runs first", "blocked")),
            "failed",
            ["02_group_comparison: failed when it last ran", "03_ecological_causes: 02_group_comparison runs first"],
            ["02_group_comparison：上次运行失败", "03_ecological_causes：须先运行 02_group_comparison"],
        ),
        (
            waiting(("data/hill/raw/survey.xlsx changed", "ok"), ("params seed changed from 1 to 2", "ok"), (None, "ok")),
            "stale",
            ["01_survey_cleaning: data/hill/raw/survey.xlsx changed", "02_group_comparison: params seed changed from 1 to 2"],
            ["01_survey_cleaning：data/hill/raw/survey.xlsx 已改动", "02_group_comparison：参数 seed 由 1 改为 2"],
        ),
        (waiting((None, "failed"), (None, "ok")), "current", [], []),  # mended before it ran again
    ],
)
def test_states(stages: list[dict[str, Any]], word: str, en: list[str], zh: list[str]) -> None:
    one = town(stages=stages, links=[])
    assert front.state(one) == word
    for language, listed in (("en", en), ("zh", zh)):
        found = text(front.page([one]), "hill", language)
        assert found[2] == f"{front.MARKS[word]} {front.TEXTS[word][language]}"
        assert [part for part in found if re.match(r"0\d_", part)] == listed


@pytest.mark.parametrize(
    ("verified", "en", "zh"),
    [
        (None, "Not verified since the last run.", "上次运行后尚未复核。"),
        (
            {"same": False, "numbers": 210, "differ": 3},
            "Run again, 3 of 210 results compared were not the same.",
            "重新运行后，所比较的 210 项结果中有 3 项不同。",
        ),
        (
            {"same": False, "numbers": 0, "differ": 0},
            "The results could not be made again: the fresh run failed.",
            "未能重新得出结果：重新运行失败。",
        ),
    ],
)
def test_what_verify_said(verified: Any, en: str, zh: str) -> None:
    page = front.page([town(verified=verified)])
    assert en in text(page, "hill", "en")
    assert zh in text(page, "hill", "zh")


def test_a_town_that_cannot_be_read_says_why_and_the_others_are_listed() -> None:
    broken = town("lake", name=None, problem="params/lake.yaml: wrong\n  fix: <b>mend it</b>", headline=None, stages=[])
    page = front.page([broken, town()])
    assert text(page, "lake", "en")[:4] == ["lakelake", "State", "× cannot be read", "params/lake.yaml: wrong\n  fix: <b>mend it</b>"]
    assert text(page, "hill", "en")[0] == "Hillhill"


def test_nothing_that_a_town_says_acts() -> None:
    name = {"en": EVIL, "zh": EVIL + "中"}
    words = {language: {"sentence": EVIL, "reason": EVIL} for language in ("en", "zh")}
    claim = CLAIM | {"sentence": EVIL, "words": words, "evidence": None}
    one = town(
        name=name, problem=None, headline=claim, stages=waiting((EVIL, "ok"), (f"params x changed from {EVIL} to 1", "failed")),
        verified={"same": True, "numbers": EVIL, "differ": EVIL}, links=[(name, f"hill/{EVIL}")],
    )
    page = front.page([one, town("lake", name=name, problem=EVIL, headline=None, no_headline=name)])
    soup = BeautifulSoup(page, "html.parser")
    assert soup.find_all(["script", "img", "iframe", "object", "form", "svg"]) == []
    assert not [a for tag in soup.find_all(True) for a in tag.attrs if a.startswith("on")]
    assert [a["href"] for a in soup.find_all("a")] == ["#main", f"hill/{EVIL}", "lake/report/index.html"]
    assert EVIL in soup.get_text()
    policy = soup.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    assert not re.search(r"https?:|url\(|@import|49\b", page.replace("{{7*7}}", ""))


def test_the_page_is_the_same_each_time_and_starts_in_the_language_asked_for() -> None:
    towns = [town(), town("lake")]
    assert front.page(towns) == front.page(towns)
    for language, code in front.CODES.items():
        soup = BeautifulSoup(front.page(towns, language), "html.parser")
        assert soup.html["lang"] == code
        assert [box["id"] for box in soup.find_all("input") if box.has_attr("checked")] == [f"in-{language}"]
    assert len(soup.find_all("h1")) == 1
    assert len(soup.find_all("main")) == 1
    assert soup.find("a", class_="skip")["href"] == "#main"
    assert "make new-town" in front.page([])


# ------------------------------------------------------------------ from a project on disk


def project(root: Path, **towns: dict[str, str]) -> Project:
    (root / "params").mkdir()
    (root / "notebooks").mkdir()
    for stage in STAGES:
        cells = [{"cell_type": "code", "source": [stage], "metadata": {}}]
        (root / "notebooks" / f"{stage}.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    for slug, words in towns.items():
        filled = {"slug": slug, "en": "Hill", "zh": "山镇", "language": "en", "synthetic": "false"} | words
        (root / "params" / f"{slug}.yaml").write_text(PARAMS.format(**filled), encoding="utf-8")
    return Project(root)


def ran(town: Any, claims: Any) -> None:
    """As if every stage had run, and read and wrote nothing but the claims."""
    path = town.outputs / "findings" / "05_thesis_claims.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"claims": claims}, ensure_ascii=False), encoding="utf-8")
    empty: dict[str, Any] = {"params": {}, "raw": {}, "upstream": {}, "lbc": {}, "outputs": {}, "status": "ok"}
    lock = manifest.digest(town.project.lock)
    manifest.write(town, {stage: empty | {"lock": lock, "notebook": manifest.source_hash(
        town.project.notebooks / f"{stage}.ipynb")} for stage in STAGES})


def test_towns_of_a_project(tmp_path: Path) -> None:
    here = project(
        tmp_path, hill={"synthetic": "true"}, lake={}, river={}, sea={"en": json.dumps(EVIL), "zh": '"海镇"', "language": "zh"},
    )
    (tmp_path / "params" / "bad.yaml").write_text("town: bad\nnmae: x\n", encoding="utf-8")
    hill, river, sea = (here.town(name) for name in ("hill", "river", "sea"))
    ran(hill, [CLAIM])
    for place in ("report/index.html", "report/zh/index.html", "thesis/results_zh.docx", "private/tables/01_secret.csv",
                  "private/executed/01_survey_cleaning.ipynb", "notebooks/02_group_comparison.ipynb"):
        (hill.outputs / place).parent.mkdir(parents=True, exist_ok=True)
        (hill.outputs / place).write_text("x", encoding="utf-8")
    verify._record(hill, [verify.Compared("findings", "x", "same")])
    ran(river, [CLAIM | {"id": "another"}])
    manifest.write(river, manifest.read(river) | {"02_group_comparison": {"status": "failed"}})
    ran(sea, [CLAIM])
    (sea.project.notebooks / "05_thesis_claims.ipynb").write_text(
        json.dumps({"cells": [{"cell_type": "code", "source": ["more"], "metadata": {}}]}), encoding="utf-8")

    page = front_door.write(here)
    assert page == tmp_path / "outputs" / "index.html"
    html = page.read_text(encoding="utf-8")
    soup = BeautifulSoup(html, "html.parser")
    assert [section["id"] for section in soup.find_all("section")] == ["t-bad", "t-hill", "t-lake", "t-river", "t-sea"]
    assert [a["href"] for a in soup.find_all("a")[1:]] == [
        "hill/report/index.html", "hill/report/zh/index.html", "hill/thesis/results_zh.docx",
        "hill/notebooks/02_group_comparison.ipynb",
    ]
    assert "private" not in html.replace("private children", "")
    assert "bad.yaml" in text(html, "bad", "en")[3]
    assert text(html, "lake", "en") == [
        "Hilllake", "State", "○ never run", "Main claim",
        "The claims have not been judged: 05_thesis_claims has not run.", "Read", "Nothing has been written yet.",
    ]
    assert text(html, "hill", "en")[8:10] == ["Verified", "Run again, all 1 results compared were the same."]
    assert text(html, "river", "zh")[2] == "× 上次运行失败"
    assert "本乡镇未提出名为“lonelier”的论断。" in text(html, "river", "zh")
    assert text(html, "sea", "en")[0].startswith("<script>alert(1)</script>")
    assert "05_thesis_claims: notebooks/05_thesis_claims.ipynb changed" in text(html, "sea", "en")
    assert front_door.write(here).read_text(encoding="utf-8") == html


@pytest.mark.parametrize(
    ("kept", "en", "zh"),
    [
        ({"notebook": "x"}, "notebooks/01_survey_cleaning.ipynb changed", "notebooks/01_survey_cleaning.ipynb 已改动"),
        ({"lock": "x"}, "requirements.lock changed", "requirements.lock 已改动"),
        ({"params": {"seed": 2}}, "params seed changed from 2 to 1", "参数 seed 由 2 改为 1"),
        ({"raw": {"params/hill.yaml": None}}, "params/hill.yaml appeared", "params/hill.yaml 为新增"),
        ({"raw": {"params/hill.yaml": "x"}}, "params/hill.yaml changed", "params/hill.yaml 已改动"),
        ({"raw": {"data/a": "x"}}, "data/a is missing", "data/a 缺失"),
    ],
)
def test_every_reason_that_the_manifest_gives_reads_in_chinese(tmp_path: Path, kept: Any, en: str, zh: str) -> None:
    here = project(tmp_path, hill={})
    hill = here.town("hill")
    ran(hill, [])
    stages = manifest.read(hill)
    manifest.write(hill, stages | {STAGES[0]: stages[STAGES[0]] | kept})
    html = front_door.write(here).read_text(encoding="utf-8")
    assert f"01_survey_cleaning: {en}" in text(html, "hill", "en")
    assert f"01_survey_cleaning：{zh}" in text(html, "hill", "zh")
    assert "02_group_comparison：须先运行 01_survey_cleaning" in text(html, "hill", "zh")


def test_a_verify_result_counts_only_for_the_results_it_was_made_of(tmp_path: Path) -> None:
    hill = project(tmp_path, hill={}).town("hill")
    ran(hill, [])
    same, off = verify.Compared("findings", "x", "same"), verify.Compared("findings", "y", "differs")
    assert verify.last(hill) is None
    assert verify._record(hill, [same])
    assert verify.last(hill) == {"same": True, "numbers": 1, "differ": 0, "of": verify._results(hill)}
    manifest.write_report(hill, {"key": "a report of the same results"})
    assert verify.last(hill)["same"]
    assert not verify._record(hill, [same, off])
    assert (verify.last(hill)["same"], verify.last(hill)["differ"]) == (False, 1)
    verify._record(hill, [])
    assert (verify.last(hill)["same"], verify.last(hill)["numbers"]) == (False, 0)
    manifest.write(hill, manifest.read(hill) | {"01_survey_cleaning": {"status": "failed"}})
    assert verify.last(hill) is None
    for wrong in ("no JSON", "[]", '"x"', "{}"):
        (hill.outputs / "verified.json").write_text(wrong, encoding="utf-8")
        with pytest.raises(UserError, match="not what verify wrote"):
            verify.last(hill)


def test_claims_that_cannot_be_read_are_a_problem_of_their_town(tmp_path: Path) -> None:
    here = project(tmp_path, hill={}, lake={})
    ran(here.town("hill"), [])
    (here.town("hill").outputs / "findings" / "05_thesis_claims.json").write_text("[1]", encoding="utf-8")
    html = front_door.write(here).read_text(encoding="utf-8")
    assert text(html, "hill", "en")[3].startswith("outputs/hill/findings/05_thesis_claims.json: the judged claims cannot be read")
    assert text(html, "lake", "en")[2] == "○ never run"
