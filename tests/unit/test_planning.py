"""Planning: the closed forms are the package's own tests, the rates are the design's, and each design is told what it can do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lbc.analysis import planning, planning_groups
from lbc.analysis.change import crawford_howell, reliable_bar
from lbc.analysis.null_studies import false_positive_rate
from lbc.analysis.planning_groups import Group, group_power, power_by_members, simulate_groups
from lbc.analysis.regression import cluster_robust
from lbc.analysis.selection import regression_to_mean
from lbc.analysis.untreated import ancova
from lbc.errors import NotEstimableError, UserError
from lbc.paths import Project
from lbc.pipeline import plan
from lbc.reporting import planned

ROOT = Path(__file__).resolve().parents[2]
PARAMS = (ROOT / "params" / "s_town.yaml").read_text(encoding="utf-8")


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("classes", [2, 3, 9])
def test_two_means_is_the_cluster_robust_regression(classes: int) -> None:
    draw = rng(classes)
    room = np.repeat(np.arange(classes), draw.integers(4, 12, classes))
    focal = draw.integers(0, 2, room.size)
    y = draw.normal(size=room.size) + draw.normal(size=classes)[room]
    n, sums = (np.stack([np.bincount(room, w * (focal == side), classes) for side in (0, 1)])[:, None]
               for w in (np.ones(room.size), y))
    found = planning.two_means(n, sums)
    x = pd.DataFrame({"(Intercept)": 1.0, "focal": focal.astype(float)})
    fit = cluster_robust(y, x, room).coefficient("focal")
    assert [v[0] for v in found] == pytest.approx([fit.value, fit.se, fit.df], rel=1e-10)


def test_adjusted_is_the_packages_ancova_and_an_effect_moves_nothing_but_the_estimate() -> None:
    pre = -np.sort(-rng().normal(size=(3, 60)), axis=1)
    post = 0.7 * pre + rng(2).normal(size=pre.shape)
    treated = np.arange(60) < 7
    for effect in (0.0, -0.8):
        found = planning_groups.adjusted(pre, post + effect * treated, 7)
        for i in range(3):
            frame = pd.DataFrame({"pre": pre[i], "post": post[i] + effect * treated, "treated": treated})
            result = ancova(frame, "post", "pre", "treated")
            assert found.value[i] == pytest.approx(result.estimate.value)
            assert found.value[i] / found.se[i] == pytest.approx(result.test.statistic)
            assert found.df[i] == pytest.approx(result.test.df)
            half = (result.estimate.ci[1] - result.estimate.ci[0]) / 2
            assert found.half_width(0.05)[i] == pytest.approx(half)
            moved = planning_groups.adjusted(pre, post, 7)
            assert found.value[i] == pytest.approx(moved.value[i] + effect)


def test_corrected_is_the_packages_regression_to_the_mean() -> None:
    simulated = planning_groups._batch(Group(40, 6), 0.7, 0.6, 5, rng())
    pre, post = planning_groups._two_waves(Group(40, 6), 0.7, 5, rng())
    for i in range(5):
        result = regression_to_mean(pre[i, :6], post[i, :6], pre[i], 0.5, 0.6, 0.9)
        value, se, df = (part[i] for part in simulated["corrected"])
        assert -value / se == pytest.approx(result.test.statistic)
        assert df == result.test.df


@pytest.mark.parametrize("retest", [0.6, 0.8])
def test_the_naive_tests_err_as_often_as_the_notebook_says(retest: float) -> None:
    """150 children, 8 highest: the design expects 68 % at r = .6 and 36 % at r = .8."""
    simulated = simulate_groups(Group(150, 8), retest, 6000, rng())
    notebook = false_positive_rate(150, 8, retest, 2000, rng(5))
    rate = simulated.analyses["paired"].rejects(0, 0.05)
    assert rate == pytest.approx({0.6: 0.68, 0.8: 0.36}[retest], abs=0.03)
    assert rate == pytest.approx(notebook["paired_t"], abs=0.045)
    assert planning_groups._flipped(simulated.falls, 0, 0.05) == pytest.approx(notebook["sign_flip"], abs=0.045)
    assert simulated.analyses["untreated"].rejects(0, 0.05) == pytest.approx(0.05, abs=0.012)


def test_between_waves_every_pair_has_the_same_correlation_unless_it_falls() -> None:
    """A second baseline does not regress any further where the correlation stays the same, and does where it falls."""
    found = simulate_groups(Group(300, 8), 0.7, 4000, rng()).analyses
    assert found["second baseline"].value.mean() == pytest.approx(0, abs=0.02)
    assert found["second baseline, falling"].value.mean() > 0.3


def test_the_planned_group_is_judged_by_its_false_positives() -> None:
    table = group_power(Group(300, 8), (0.5, 0.7, 0.9), 4000, rng()).set_index("analysis")
    assert table["judged"].to_dict() == {
        "untreated": "valid", "paired": "finds what is not there", "sign flip": "finds what is not there",
        "corrected": "only with r exactly known", "second baseline": "only if nothing else changes",
        "second baseline, falling": "finds what is not there"}
    assert table.loc["untreated", "power_3"] < table.loc["untreated", "power_5"] < table.loc["untreated", "power_10"]
    assert 0.67 < table.loc["untreated", "power_8"] < 0.89  # the design's range
    assert table.loc["paired", "power_3"] > table.loc["paired", "false_positives"]
    by_chance = group_power(Group(300, 8, by_score=False), (0.5, 0.7, 0.9), 4000, rng()).set_index("analysis")
    assert by_chance.loc["paired", "judged"] == "only if nothing else changes"
    assert by_chance.loc["untreated", "judged"] == "valid"


def test_a_lot_beats_the_next_highest_scores_and_both_keep_alpha() -> None:
    found = {who: group_power(Group(300, 8, untreated=who), (0.5, 0.7, 0.9), 4000, rng()).iloc[0]
             for who in ("resurvey", "waitlist", "next")}
    assert {who: row["judged"] for who, row in found.items()} == dict.fromkeys(found, "valid")
    assert found["next"]["power_8"] < found["waitlist"]["power_8"] < found["resurvey"]["power_8"]


def test_more_members_find_more() -> None:
    table = power_by_members(Group(200, 14), 0.7, 3000, rng()).set_index("members")
    assert table.index.tolist() == [*range(5, 13), 14]
    assert table.loc[5, "attainable"] == 0
    assert table.loc[8, ["smallest_p", "attainable"]].tolist() == [2 / 256, 6]
    assert table["power_8"].is_monotonic_increasing
    assert table["detectable"].is_monotonic_decreasing


def test_the_survey() -> None:
    table = planning.survey_power(600, 16, 0.05, 0.5, 0.05, 9.4, 8000, rng(), smallest=2.0).set_index("children")
    row = table.loc[600]
    assert table.index.tolist() == [300, 600, 1200]
    assert row["deff_mean"] == pytest.approx(1 + 36.5 * 0.05)
    assert 1.0 < row["deff_difference"] < 1.25
    assert 13 < row["df"] <= 15
    exact = 2.8 * np.sqrt(row["deff_difference"] * 4 / 600)  # 1.96 + .84 standard errors, a little more with 15 df
    assert exact < row["detectable"] < 1.15 * exact
    assert row["detectable_points"] == pytest.approx(9.4 * row["detectable"])
    assert np.interp(row["detectable"], planning.SIZES, row.filter(like="power_").tolist()) == pytest.approx(0.8, abs=0.05)
    clustered = planning.survey_power(600, 16, 0.2, 0.5, 0.3, 9.4, 8000, rng()).set_index("children").loc[600]
    assert clustered["deff_difference"] > 2  # status that differs between classes makes clustering count
    assert "p_equivalent" not in clustered
    studies = planning.survey_studies(600, 16, 0.2, 0.5, 0.3, 8000, rng())
    assert studies.rejects(0, 0.05) == pytest.approx(0.05, abs=0.012)


def test_the_case_and_the_bars() -> None:
    table = planning.case_plan(6, 12, 8).set_index("logs")
    assert table.loc[1, ["adequate", "starts", "needed"]].tolist() == ["meets", 9, 29]
    assert table["smallest_p"].tolist() == pytest.approx([1 / 9, 1 / 81, 1 / 729])
    few = planning.case_plan(3, 12, 8)
    assert few["adequate"].tolist() == ["with reservations"] * 3
    assert few["smallest_p"].isna().all()
    others = np.array([-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5])
    case = others.mean() + table.loc[1, "z_needed"] * others.std(ddof=1)
    assert crawford_howell(case, others).test.p == pytest.approx(0.05)
    bars = planning.bars(9.4, (0.8, 0.87, 0.9))
    assert bars["smallest"].tolist() == [reliable_bar(9.4, r).smallest for r in (0.8, 0.87, 0.9)]


@pytest.mark.parametrize(("call", "reason"), [
    (lambda: planning.survey_studies(20, 10, 0.05, 0.02, 0.0, 500, rng()), "20 children in 10 classes are too few"),
    (lambda: simulate_groups(Group(300, 15), 0.7, 100, rng()), "a group of 15 members is not planned here: 3 to 14"),
    (lambda: simulate_groups(Group(16, 8), 0.7, 100, rng()), "8 members out of 16 children leave too few"),
    (lambda: simulate_groups(Group(300, 8), 1.0, 100, rng()), "between 0 and 1, not at 1"),
])
def test_plans_that_cannot_be_tested(call: Any, reason: str) -> None:
    with pytest.raises(NotEstimableError, match=reason):
        call()


def town(tmp_path: Path, *changes: tuple[str, str], more: str = "") -> Any:
    """A project that holds nothing but params."""
    text = PARAMS
    for old, new in changes:
        assert re.search(old, text, re.M), old
        text = re.sub(old, new, text, count=1, flags=re.M)
    (tmp_path / "params").mkdir(exist_ok=True)
    (tmp_path / "params" / "s_town.yaml").write_text(text + more, encoding="utf-8")
    return Project(tmp_path).town("s_town")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "STUDIES", 2000)


@pytest.mark.usefixtures("few")
def test_the_same_params_give_the_same_bytes_and_no_data_are_needed(tmp_path: Path) -> None:
    here = town(tmp_path)
    says, files = plan.write(here)
    assert not here.data.exists()
    assert [file.name for file in files] == ["plan.html", "plan.png", "plan.svg", "plan.pdf", "plan.csv",
                                             *(f"plan_{part}.csv" for part in ("survey", "group", "members", "case", "bars"))]
    before = {file: file.read_bytes() for file in files}
    assert plan.write(here) == (says, files)
    assert {file: file.read_bytes() for file in files} == before
    assert says[0] == "Planning by simulation: no data of this town were used"
    page = files[0].read_text(encoding="utf-8")
    assert says[0] in page
    assert "<script" not in page
    assert re.search(r"members against all other children .* with a power of \d+%/\d+%/\d+%/\d+%, 80% from 0\.\d\d SD", " ".join(says))
    plotted = pd.read_csv(files[4])
    assert plotted.columns.tolist() == ["panel", "series", "x", "rate"]
    assert set(plotted["panel"]) == {"survey", "members", "retest"}


@pytest.mark.usefixtures("few")
def test_without_a_second_survey_no_test_is_valid(tmp_path: Path) -> None:
    says, files = plan.write(town(tmp_path, (r"comparison: resurvey", "comparison: none")))
    said = " ".join(says)
    assert "nobody is measured again without the group, so no test of its effect is valid" in said
    assert re.search(r"paired t test of the \d+ members chosen for their scores is significant in [5-7]\d% of such studies", said)
    assert "If the other children were measured again" in said
    group = pd.read_csv(next(file for file in files if file.name == "plan_group.csv"))
    assert group.columns.tolist() == ["analysis", "false_positives", "false_low", "false_high", "judged"]
    assert "untreated" not in set(group["analysis"])


@pytest.mark.usefixtures("few")
def test_a_chinese_plan_is_chinese(tmp_path: Path) -> None:
    says, files = plan.write(town(tmp_path, (r"language: en", "language: zh"), (r"comparison: resurvey", "comparison: none")))
    page = re.sub(r"<style>.*?</style>|<[^>]+>", " ", files[0].read_text(encoding="utf-8"), flags=re.S)
    words = set(re.findall(r"[A-Za-z]{3,}", page + " ".join(says)))
    assert words <= {"WWC", "ANCOVA", "McCaffrey", "Bell", "Satterthwaite", "Jacobson", "Truax", "amp"}
    assert "因此对小组效应的任何检验都无效" in page


@pytest.mark.usefixtures("few")
def test_a_town_that_plans_a_survey_only(tmp_path: Path) -> None:
    without = (r"^intervention:(.*\n)(^( .*)?\n)*", "")
    says, files = plan.write(town(tmp_path, without, more="\nplan: {children: 240, classes: 8, members: 5}\n"))
    assert [file.name for file in files] == ["plan.html", "plan.png", "plan.svg", "plan.pdf", "plan.csv", "plan_survey.csv"]
    assert says[1].startswith("Survey: 240 children in 8 classes find a difference of ")


def test_too_little_to_plan_with_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        plan.write(town(tmp_path, more="\nplan: {children: 20, classes: 12, share: 0.05}\n"))
    assert str(caught.value).splitlines()[0] == (
        "params/s_town.yaml: 20 children in 12 classes are too few to compare two groups")


def test_every_column_and_word_of_the_plan_has_both_languages() -> None:
    frames = {
        "survey": planning.survey_power(100, 6, 0.05, 0.5, 0.05, 9.4, 200, rng(), smallest=2.0),
        "group": group_power(Group(40, 5), (0.5, 0.7, 0.9), 100, rng()),
        "members": power_by_members(Group(40, 5), 0.7, 100, rng()),
        "case": planning.case_plan(6, 12, 8), "bars": planning.bars(9.4, (0.8, 0.9)),
    }
    for name, frame in frames.items():
        table = planned.table(name, frame)
        assert [head for head in table.heads("zh") if re.search(r"[a-z]{3,}", head)] == [], name
        assert [cell for row in table.cells("zh") for cell in row if re.search(r"[a-z]{3,}", cell)] == [], name
