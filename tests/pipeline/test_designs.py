"""S town as other designs would have left it: each runs, and says what it allows and what it cannot say.

Only what a design changes is run again (04 and 05; 01 where there is no re-survey), on copies of the finished S town.
"""

from __future__ import annotations

import csv
import fcntl
import json
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ruamel.yaml import YAML
from runs import shared

from lbc import params
from lbc.paths import Project, Town
from lbc.pipeline import commit, manifest, registration, runner

INTERVENTION, CLAIMS = "04_intervention_evaluation", "05_thesis_claims"
WAITING = [f"W{k:02d}" for k in range(1, 8)]
CANNOT = "cannot be tested with this design"


@dataclass(frozen=True)
class Design:
    """A finished town of another design."""

    town: Town

    def findings(self) -> dict[str, dict[str, Any]]:
        path = self.town.outputs / "findings" / f"{INTERVENTION}.json"
        return {f["id"]: f for f in json.loads(path.read_text(encoding="utf-8"))["findings"]}

    def document(self, stage: str) -> dict[str, Any]:
        return json.loads((self.town.outputs / "findings" / f"{stage}.json").read_text(encoding="utf-8"))

    def claim(self, name: str) -> dict[str, Any]:
        return next(claim for claim in self.document(CLAIMS)["claims"] if claim["id"] == name)

    def says(self, language: str = "en") -> dict[str, tuple[str, ...]]:
        """The table of what may be said: part to analysis, may_say, cannot_say."""
        with (self.town.outputs / "tables" / "04_design.csv").open(encoding="utf-8", newline="") as file:
            part, *rest = (f"{name}_{language}" for name in ("part", "analysis", "may_say", "cannot_say"))
            return {row[part]: tuple(row[name] for name in rest) for row in csv.DictReader(file)}

    def shown(self, stage: str = INTERVENTION) -> str:
        """Everything that the published notebook shows, as plain text."""
        path = self.town.outputs / "notebooks" / f"{stage}.ipynb"
        outputs = [o for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] for o in cell.get("outputs", [])]
        return "\n".join("".join(o["data"]["text/plain"]) for o in outputs if "data" in o)


def edit(town: Town, change: Callable[[Any], None]) -> None:
    """Change the params as a user would, in the file."""
    yaml = YAML()
    yaml.preserve_quotes = True
    whole = yaml.load(town.params)
    change(whole)
    yaml.dump(whole, town.params)


def raw(town: Town, name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    path = town.data / "raw" / name
    change(pd.read_csv(path, dtype=str, encoding="utf-8-sig")).to_csv(path, index=False, encoding="utf-8")


# ---- the designs --------------------------------------------------------------------------------------------------


def no_resurvey(town: Town) -> list[str]:
    """Only the members were measured again, and nobody registered the protocol."""
    def change(whole: Any) -> None:
        del whole["survey"]["resurvey"]
        whole["intervention"]["comparison"] = "none"

    edit(town, change)
    (town.data / "raw" / "resurvey.csv").unlink()
    return ["01_survey_cleaning"]


def waitlist(town: Town) -> list[str]:
    """A lot drew who waited; nobody had case work."""
    def change(whole: Any) -> None:
        whole["intervention"] |= {"comparison": "waitlist", "comparison_members": WAITING, "allocation": "lottery"}
        del whole["intervention"]["case"]

    edit(town, change)
    cleaned = pd.read_csv(town.outputs / "private" / "data" / "01_survey_cleaning" / "cleaned.csv", dtype={"id": str})

    def with_waiting(measures: pd.DataFrame) -> pd.DataFrame:
        met = cleaned[(cleaned["left_behind"] == 1) & cleaned["cls_total@resurvey"].notna() & ~cleaned["id"].isin(measures["id"])]
        next_highest = met.sort_values("cls_total", ascending=False, kind="stable").head(len(WAITING))
        items = [name for name in measures if re.fullmatch(r".+_\d\d", name)]
        parts = [measures]
        for wave, suffix in (("T0", ""), ("T2", "@resurvey")):
            answers = next_highest[[f"{name}{suffix}" for name in items]].set_axis(items, axis=1)
            parts.append(answers.assign(member=WAITING, id=next_highest["id"], wave=wave))
        return pd.concat(parts, ignore_index=True)

    raw(town, "group_measures.csv", with_waiting)
    register_first(town)
    return []


def matched(town: Town) -> list[str]:
    """The next highest scorers; no second pre-test, no follow-up; registered, then the retest correlation was changed."""
    def change(whole: Any) -> None:
        whole["intervention"]["comparison"] = "matched"
        whole["intervention"]["waves"] |= {"follow_up": None, "dates": {"T0": "2025-09-08", "T2": "2025-12-08"}}

    edit(town, change)
    raw(town, "group_measures.csv", lambda measures: measures[~measures["wave"].isin(["T1", "T4"])])
    register_first(town)
    edit(town, lambda whole: whole["intervention"]["retest"].update(value=0.6))
    return []


def nomination(town: Town) -> list[str]:
    """Teachers named the members; three points in each phase of the case; everything in Chinese."""
    def change(whole: Any) -> None:
        whole["language"] = "zh"
        whole["intervention"] |= {"selection": "nomination", "eligible": [{"variable": "left_behind", "value": "1"}]}

    edit(town, change)
    raw(town, "case_log.csv", lambda log: log.groupby("phase", sort=False).head(3))
    register_first(town)
    return []


def register_first(town: Town) -> None:
    """As `lbc register` on the first of September, before the group."""
    registration.register(town, params.load(town).intervention)
    text = town.registered.read_text(encoding="utf-8")
    town.registered.write_text(re.sub(r'"on": "[^"]+"', '"on": "2025-09-01"', text), encoding="utf-8")


DESIGNS = {f.__name__: f for f in (no_resurvey, waitlist, matched, nomination)}


def run(finished: Path, root: Path, make: Callable[[Town], list[str]]) -> None:
    shutil.copytree(finished, root)
    town = Project(root).town("s_town")
    town.registered.unlink(missing_ok=True)
    for stage in [*make(town), INTERVENTION, CLAIMS]:
        record = runner.execute(runner.Job(root, town.name, stage))
        commit.commit(town, stage, record, manifest.read(town))


@pytest.fixture(scope="session")
def designs(tmp_path_factory: pytest.TempPathFactory, s_town: Path) -> dict[str, Design]:
    """Every design's town, run once in a session, two at a time."""
    base, lock = shared(tmp_path_factory, "designs")
    with lock.open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not (base / "done").exists():
            shutil.rmtree(base, ignore_errors=True)
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda name: run(s_town, base / name, DESIGNS[name]), DESIGNS))
            (base / "done").touch()
    return {name: Design(Project(base / name).town("s_town")) for name in DESIGNS}


# ---- what each says -----------------------------------------------------------------------------------------------


def test_group_data_but_no_re_survey(designs: dict[str, Design]) -> None:
    town = designs["no_resurvey"]
    assert town.says()["group work"] == (
        "Change, with exact tests, beside the fall to be expected from selection alone",
        "How much the members changed, and whether by more than selection alone makes likely.",
        "That group work lowered loneliness: nobody comparable was measured again, so growing older, being asked again and "
        "regression to the mean are in the change, and the last is known only as well as the retest correlation.",
    )
    found = town.findings()
    adjusted = found["intervention.group.cls.adjusted"]
    assert (adjusted["estimate"], adjusted["evidence"]) == (None, "uncontrolled change")
    assert adjusted["reason"]["en"].startswith("nobody comparable was measured again, so growing older")
    assert found["intervention.group.cls.expected_fall"]["estimate"]["value"] > 0
    assert found["intervention.group.cls.change"]["estimate"]["value"] < 0
    claim = town.claim("group_works")
    assert claim["verdict"] == CANNOT
    assert "nobody comparable was measured again" in claim["reason"]
    assert "registered,登记,no: nothing can be called confirmatory" in (
        town.town.outputs / "tables" / "04_protocol.csv").read_text(encoding="utf-8")


def test_a_waiting_list_drawn_by_lot_and_no_case(designs: dict[str, Design]) -> None:
    town = designs["waitlist"]
    assert town.says()["group work"] == (
        "Analysis of covariance against the children on the waiting list, with p from all ways in which the lot could have "
        "fallen",
        "Whether having had the group made a difference to these children's scores by its end.",
        "Anything about smaller differences, since few stand against few; children who wait know that their turn comes. One "
        "group met with one leader: what this group brought cannot be told from what group work brings.",
    )
    assert town.says()["case work"] == ("None: no child had case work", "Nothing.", "Anything about case work.")
    assert town.says()["group and case work"] == (
        "None: no child had case work", "Nothing.", "That both together do more than one.")
    found = town.findings()
    adjusted = found["intervention.group.cls.adjusted"]
    assert adjusted["n"] == {"treated": 7, "untreated": 7}
    assert (adjusted["evidence"], adjusted["test"]["name"]) == ("randomised comparison", "randomization, two-sided")
    assert round(adjusted["test"]["p"] * 3432, 6).is_integer()  # all ways to draw seven of fourteen
    assert adjusted["confirmatory"] is True
    assert "exploratory" not in adjusted
    assert found["intervention.group.cls.change"]["n"] == {"members": 7}  # those who wait are nowhere among the members
    assert [name for name in found if "W0" in name] == []
    assert "intervention.combined_vs_single" not in found
    assert not [name for name in found if name.startswith("intervention.case.")]
    assert {"en": "Case work", "zh": "个案工作"} in town.document(INTERVENTION)["not_collected"]
    assert [town.claim(name)["verdict"] for name in ("case_works", "combined_better")] == [CANNOT, CANNOT]
    assert town.claim("group_works")["evidence"] == "randomised comparison"


def test_matched_children_and_waves_that_were_not_measured(designs: dict[str, Design]) -> None:
    town = designs["matched"]
    assert town.says()["group work"] == (
        "Analysis of covariance: members against a few chosen re-surveyed children",
        "How the members stand, after the group, against untreated children of the same first score.",
        "Anything about smaller differences: few stand against few, and the children compared with may have scored lower at "
        "first, so that the line between both groups is an assumption. One group met with one leader: what this group brought "
        "cannot be told from what group work brings.",
    )
    assert town.says()["follow-up"] == ("None: no measurement was planned", "Nothing.", "Whether any change lasted.")
    found = town.findings()
    assert found["intervention.group.cls.adjusted"]["n"] == {"treated": 7, "untreated": 7}
    reasons = {f["reason"] for f in found.values() if f["estimate"] is None and isinstance(f["reason"], str)}
    assert "nobody was measured at wave T1" in reasons
    assert found["intervention.overall.cls_total.change"]["estimate"]["value"] < 0
    later = found.get("intervention.follow_up.cls.change", {"estimate": None})
    assert later["estimate"] is None


def test_a_change_after_registration_shows_in_every_output(designs: dict[str, Design]) -> None:
    """The retest correlation was changed: the expected fall is exploratory, its exhibit too; the rest is not."""
    town = designs["matched"]
    found = town.findings()
    fall = found["intervention.group.cls.expected_fall"]
    assert fall["exploratory"] == {
        "en": "changed after registration (2025-09-01): retest.value from 0.7 to 0.6",
        "zh": "登记（2025-09-01）之后有改动：retest.value 由 0.7 改为 0.6",
    }
    assert found["intervention.group.cls.adjusted"]["confirmatory"] is True
    mark = "Exploratory: changed after registration (2025-09-01): retest.value from 0.7 to 0.6."
    assert town.shown().count(mark) >= 2  # in the sentence and under the figure
    card = town.shown().split("Protocol registered: ")[-1]
    assert card.startswith("2025-09-01, SHA-256 ")
    assert "changed since: retest.value from 0.7 to 0.6" in card
    table = (town.town.outputs / "tables" / "04_protocol.csv").read_text(encoding="utf-8")
    assert "T0 2025-09-08, T1, T2 2025-12-08, T3" in table
    assert "; here 91 days" in table


def test_nominated_members_and_three_points_per_phase_in_chinese(designs: dict[str, Design]) -> None:
    town = designs["nomination"]
    assert town.says("zh")["小组工作"] == (
        "协方差分析与变化之差；以两者中较保守者为准",
        "若“初始得分相同则后来得分相同”与“双方变化相同”两种假定下都出现差异，可以说与未受干预的儿童不同。",
        "无法判断哪一个假定成立：组员并非按得分选取，两种分析可能不一致（Lord 悖论；van Breukelen 2013）。"
        "只有一个小组、一名带领者：无法将这一小组的作用与小组工作本身的作用区分开来。",
    )
    assert town.says("zh")["个案工作"] == (
        "阶段图、与基线的重叠、目标达成",
        "该儿童的评分与其基线相距多远，但须有保留：最短阶段只有 3 个数据点；WWC 标准要求五个，三至四个为有保留地接受。",
        "不能说变化由个案工作引起：只有一名儿童、一个基线，且起点并非抽签决定。",
    )
    found = town.findings()
    assert found["intervention.group.cls.adjusted"]["method"].startswith("the more cautious of covariance analysis and")
    assert found["intervention.group.cls.adjusted"]["evidence"] == "adjusted comparison"
    fall = found["intervention.group.cls.expected_fall"]
    assert (fall["estimate"], fall["reason"]) == (
        None, "no score chose the members, so the fall by selection alone cannot be computed")
    assert found["intervention.case.cls.nap"]["n"] != {}
    assert "探索性" not in town.shown()
