"""The registered protocol: its hash, what a change touches, and the mark that every output then carries."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tiny

import lbc
from lbc import cli, params
from lbc.errors import UserError
from lbc.params import Intervention
from lbc.paths import Project, Town
from lbc.pipeline import registration
from lbc.pipeline.check import inspect
from lbc.pipeline.registration import Registration, compare, fixed, sha256, touched
from lbc.pipeline.stage import Stage
from lbc.reporting import claims, wording
from lbc.results import EVIDENCE, Estimate, Finding, Result

PROTOCOL: dict[str, Any] = {
    "selection": "top_scores", "low_peer": "M08", "comparison": "resurvey",
    "waves": {"dates": {"T0": "2025-09-08", "T1": "2025-09-29", "T2": "2025-12-08"}},
    "outcomes": [{"score": "cls_total", "direction": "down", "primary": True}, {"score": "psss_total", "direction": "up"}],
    "retest": {"value": 0.7, "low": 0.5, "high": 0.9, "source": "a study"},
    "reliability": {"value": 0.87, "low": 0.8, "high": 0.9, "source": "a study"},
    "case": {"member": "M03", "rule": {"en": "the highest", "zh": "最高者"}, "outcome": "loneliness", "direction": "down"},
}
LABEL = {"en": "Difference", "zh": "差异"}
RESULT = Result("Welch", Estimate("mean difference", 2.5, (1.0, 4.0), unit="points"), n={"members": 7})


def protocol(**changes: Any) -> Intervention:
    return Intervention.model_validate(PROTOCOL | changes)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = tiny.make(tmp_path / "root")
    monkeypatch.setenv("LBC_ROOT", str(found))
    monkeypatch.setattr(registration, "date", type("Day", (), {"today": staticmethod(lambda: Day())}))
    return found


class Day:
    """A registration's day that does not depend on the clock."""

    def isoformat(self) -> str:
        return "2025-09-01"


def town(root: Path) -> Town:
    return Project(root).town("s_town")


def change(root: Path, old: str, new: str) -> None:
    path = root / "params" / "s_town.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


# ---- what is registered -------------------------------------------------------------------------------------------


def test_the_hash_is_of_what_is_fixed_beforehand_in_any_order() -> None:
    first = sha256(fixed(protocol()))
    assert re.fullmatch("[0-9a-f]{64}", first)
    backwards = dict(reversed(PROTOCOL.items())) | {"outcomes": PROTOCOL["outcomes"][::-1]}
    assert sha256(fixed(Intervention.model_validate(backwards))) == first
    assert sha256(fixed(protocol(case=PROTOCOL["case"] | {"member": "M05"}))) == first  # the rule picks the member
    assert sha256(fixed(protocol(sessions="raw/other.csv"))) == first
    assert sha256(fixed(protocol(alpha=0.01))) != first


def test_every_registered_key_is_a_key_of_the_protocol() -> None:
    assert {name.split(".")[0] for name in registration.TOUCHES} <= set(Intervention.model_fields)
    files = {"measures", "sessions", "observations", "case_log", "goals", "logic_model"}
    left = set(Intervention.model_fields) - {name.split(".")[0] for name in registration.TOUCHES} - files
    assert left == set()


@pytest.mark.parametrize(("changes", "found"), [
    ({"alpha": 0.1}, {"alpha": (0.05, 0.1)}),
    ({"comparison": "none"}, {"comparison": ("resurvey", "none")}),
    ({"low_peer": None}, {"low_peer": ("M08", None)}),
    ({"eligible": []}, {"eligible": (None, [])}),
    ({"eligible": [{"variable": "grade", "value": "4"}]}, {"eligible": (None, [{"variable": "grade", "value": "4"}])}),
    ({"retest": PROTOCOL["retest"] | {"value": 0.6}}, {"retest.value": (0.7, 0.6)}),
    ({"waves": {"follow_up": None, "dates": PROTOCOL["waves"]["dates"]}}, {"waves.follow_up": ("T4", None)}),
    ({"outcomes": [PROTOCOL["outcomes"][0]]},
     {"outcomes.psss_total.direction": ("up", None), "outcomes.psss_total.primary": (False, None)}),
    ({"case": PROTOCOL["case"] | {"rule": {"en": "the lowest", "zh": "最高者"}}}, {"case.rule.en": ("the highest", "the lowest")}),
    ({}, {}),
])
def test_changed_keys(changes: dict[str, Any], found: dict[str, Any]) -> None:
    assert compare(fixed(protocol()), fixed(protocol(**changes))) == found


@pytest.mark.parametrize(("key", "hit", "spared"), [
    ("alpha", "intervention.group.cls.adjusted", "intervention.member.M01.rci"),
    ("retest.value", "intervention.group.cls.expected_fall", "intervention.group.cls.adjusted"),
    ("reliability.value", "intervention.member.M01.rci", "intervention.group.cls.change"),
    ("case.rule.en", "intervention.case.cls.nap", "intervention.group.cls.adjusted"),
    ("outcomes.psss_total.direction", "intervention.overall.psss_total.change", "intervention.overall.cls_total.change"),
    ("outcomes.cls_total.primary", "intervention.group.cls.adjusted", "intervention.overall.psss_total.change"),
    ("waves.follow_up", "intervention.group.cls.wave_contrast.follow_up", "intervention.group.cls.adjusted"),
    ("waves.after_group", "intervention.group.cls.change", "intervention.case.cls.nap"),
    ("low_peer", "intervention.members.unchanged", "intervention.case.goal_attainment"),
])
def test_which_findings_a_changed_key_touches(key: str, hit: str, spared: str) -> None:
    found = Registration("2025-09-01", "0" * 64, {key: ("a", "b")})
    assert found.exploratory(hit) == {
        "en": f"changed after registration (2025-09-01): {key} from a to b", "zh": f"登记（2025-09-01）之后有改动：{key} 由 a 改为 b"}
    assert found.exploratory(spared) is None
    assert touched(key)


def test_a_registration_that_never_was_or_came_too_late() -> None:
    for found, words in (
        (Registration(), {"en": "the protocol was not registered", "zh": "研究方案未经登记"}),
        (Registration("2026-01-01", "f", {}, late=True), {
            "en": "the protocol was registered (2026-01-01) after the group had ended", "zh": "研究方案在小组结束之后才登记（2026-01-01）"}),
    ):
        assert found.exploratory("intervention.group.cls.adjusted", confirmatory=True) == words
        assert found.exploratory("intervention.group.cls.change") is None
    assert Registration("2025-09-01", "f", {}).exploratory("intervention.group.cls.adjusted", confirmatory=True) is None


def test_the_line_of_the_protocols_table() -> None:
    assert Registration().words == {
        "en": "no: nothing can be called confirmatory", "zh": "未登记：任何分析均不能称为验证性分析"}
    assert Registration("2025-09-01", "0123456789abcdef", {}).words == {
        "en": "2025-09-01, SHA-256 0123456789ab; unchanged since", "zh": "2025-09-01，SHA-256 0123456789ab；此后未改动"}
    changed = Registration("2025-09-01", "0123456789abcdef", {"alpha": (0.05, 0.1), "low_peer": ("M08", None)},
                           why=("2025-10-01: asked by the school",))
    assert changed.words == {
        "en": "2025-09-01, SHA-256 0123456789ab; changed since: alpha from 0.05 to 0.1; low_peer from M08 to nothing; "
              "2025-10-01: asked by the school",
        "zh": "2025-09-01，SHA-256 0123456789ab；此后有改动：alpha 由 0.05 改为 0.1；low_peer 由 M08 改为 无; "
              "2025-10-01: asked by the school",
    }


# ---- lbc register -------------------------------------------------------------------------------------------------


def test_register_refuses_to_overwrite_and_keeps_the_history(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["register"]) == 0
    first = json.loads(town(root).registered.read_text(encoding="utf-8"))
    entry = first["registrations"][0]
    assert capsys.readouterr().out == f"data/s_town/registered.json: registered, SHA-256 {entry['sha256']}\n"
    assert (first["town"], entry["on"], entry["why"]) == ("s_town", "2025-09-01", "")
    assert entry["sha256"] == sha256(entry["protocol"])
    assert cli.main(["register"]) == 0
    assert capsys.readouterr().out == "data/s_town/registered.json: registered on 2025-09-01, unchanged since\n"
    change(root, "  alpha: 0.05\n", "  alpha: 0.1\n")
    assert cli.main(["register"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "data/s_town/registered.json: the protocol differs from the one registered on 2025-09-01",
        "  why: alpha from 0.05 to 0.1",
        '  fix: make register TOWN=s_town WHY="the reason" keeps both; what a change touches is called exploratory all the same',
    ]
    assert json.loads(town(root).registered.read_text(encoding="utf-8")) == first
    assert cli.main(["register", "--why", "the school asked"]) == 0
    both = registration.read(town(root))
    assert both[0] == entry
    assert (both[1]["why"], both[1]["protocol"]["alpha"]) == ("the school asked", 0.1)
    found = registration.registration(town(root), params.load(town(root)).intervention)
    assert (found.changed, found.why) == ({"alpha": (0.05, 0.1)}, ("2025-09-01: the school asked",))


@pytest.mark.parametrize("spoil", [
    lambda text: text.replace('"alpha": 0.05', '"alpha": 0.1'), lambda text: text[:-20], lambda text: "[]",
])
def test_a_file_edited_by_hand_does_not_count(root: Path, spoil: Callable[[str], str]) -> None:
    cli.main(["register"])
    path = town(root).registered
    path.write_text(spoil(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(UserError, match="this file is not as `lbc register` wrote it"):
        registration.read(town(root))


def test_a_town_without_a_protocol_has_nothing_to_register(root: Path) -> None:
    with pytest.raises(UserError, match="there is no protocol to register"):
        registration.register(town(root), None)


def test_registered_after_the_group_had_ended(root: Path) -> None:
    today = protocol(waves={"dates": {"T2": "2025-08-31"}})
    registration.register(town(root), today)
    assert registration.registration(town(root), today).late
    assert not registration.registration(town(root), protocol(waves={"dates": {"T2": "2025-09-01"}})).late
    assert not registration.registration(town(root), protocol(waves={})).late


def test_check_says_how_the_protocol_stands(root: Path) -> None:
    assert "protocol of group and case work registered: no: nothing can be called confirmatory" in inspect(town(root)).notes


# ---- the mark in every output -------------------------------------------------------------------------------------


@pytest.fixture
def changed(root: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Stage 04 of a town whose alpha was changed after registration."""
    cli.main(["register"])
    change(root, "  alpha: 0.05\n", "  alpha: 0.1\n")
    monkeypatch.setenv("LBC_STAGE_DIR", str(root / "staging"))
    return lbc.begin("04_intervention_evaluation", "s_town")


def test_a_touched_finding_is_no_longer_confirmatory(changed: Stage, root: Path) -> None:
    shown = changed.record("intervention.group.cls.adjusted", RESULT, LABEL, "adjusted comparison", confirmatory=True)
    assert repr(shown).endswith("Exploratory: changed after registration (2025-09-01): alpha from 0.05 to 0.1.")
    spared = changed.record("intervention.case.cls.nap", RESULT, LABEL, "single case", confirmatory=True)
    assert "xploratory" not in repr(spared)
    card = repr(changed.report_card())
    assert "Protocol registered: 2025-09-01, SHA-256 " in card
    assert "changed since: alpha from 0.05 to 0.1" in card
    path = root / "staging" / "findings" / "04_intervention_evaluation.json"
    adjusted, nap = json.loads(path.read_text(encoding="utf-8"))["findings"]
    assert adjusted["confirmatory"] is False
    assert adjusted["exploratory"] == {
        "en": "changed after registration (2025-09-01): alpha from 0.05 to 0.1",
        "zh": "登记（2025-09-01）之后有改动：alpha 由 0.05 改为 0.1",
    }
    assert nap["confirmatory"] is True
    assert "exploratory" not in nap
    assert "data/s_town/registered.json" in changed._reads.raw


def test_a_touched_exhibit_says_so_under_it(changed: Stage) -> None:
    caption = {"en": "The fall", "zh": "回落"}
    table = changed.save_table(pd.DataFrame({"n": [1]}), "expected_fall", caption)
    mark = "Exploratory: changed after registration (2025-09-01): alpha from 0.05 to 0.1."
    assert table.caption["en"] == f"The fall. {mark}"
    assert table.caption["zh"] == "回落。探索性：登记（2025-09-01）之后有改动：alpha 由 0.05 改为 0.1。"
    assert mark in table.html
    assert changed.save_table(pd.DataFrame({"n": [1]}), "phases", caption).caption == caption


def test_a_finding_reads_its_mark_in_both_languages() -> None:
    why = {"en": "the protocol was not registered", "zh": "研究方案未经登记"}
    entry = Finding("intervention.group.cls.adjusted", LABEL, RESULT, EVIDENCE[1], True, exploratory=why).to_json()
    assert entry["confirmatory"] is False
    assert wording.sentence(entry, "en").endswith(". Exploratory: the protocol was not registered.")
    assert wording.sentence(entry, "zh").endswith("。探索性：研究方案未经登记。")
    empty = Finding("intervention.x", LABEL, Result("none", None, reason="no data"), EVIDENCE[1], True, exploratory=why)
    assert wording.sentence(empty.to_json()) == "Difference: not estimable: no data. Exploratory: the protocol was not registered."


def test_a_claim_on_a_touched_finding_carries_the_mark(tmp_path: Path) -> None:
    path = tmp_path / "x.claims.yaml"
    path.write_text(
        "claims:\n  - id: group_works\n    sentence: {en: 'It fell: {a.b:.1f}', zh: '下降：{a.b:.1f}'}\n    rests_on: [a.b]\n"
        "    holds_when:\n      - {finding: a.b, direction: positive}\n", encoding="utf-8")
    loaded = claims.load(path, "x.claims.yaml")
    why = {"en": "the protocol was not registered", "zh": "研究方案未经登记"}
    entry = Finding("a.b", LABEL, RESULT, EVIDENCE[1], True, exploratory=why).to_json()
    for language, mark, head in (("en", " (exploratory)", "Exploratory: the protocol was not registered. 1 of 1 condition holds."),
                                 ("zh", "（探索性）", "探索性：研究方案未经登记。1 项条件中有 1 项成立。")):
        judged = claims.judge(loaded, {"a.b": entry}, language)
        assert judged[0]["verdict"] == "supported"
        assert judged[0]["reason"].startswith(head)
        assert claims.board(judged)["claim"].iloc[0][language].endswith(mark)
        assert claims.table(judged, language)["verdict"].iloc[0].endswith(mark)
        plain = {key: value for key, value in entry.items() if key != "exploratory"}
        assert "exploratory" not in claims.judge(loaded, {"a.b": plain}, language)[0]
