"""Claims: the file's mistakes with their lines, holes, verdicts with reasons, the recheck of printed statistics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lbc.errors import ClaimError
from lbc.reporting import claims
from lbc.reporting.claims import VERDICTS, fill, judge, load, recheck

ROOT = Path(__file__).resolve().parents[2]
SHOWN = "params/x.claims.yaml"


def finding(
    value: float | None, ci: Any = None, evidence: str = "association", p: float | None = 0.01, **more: Any
) -> Any:
    estimate = (
        None
        if value is None
        else {"name": "mean difference", "value": value, "ci": ci, "level": 0.95, "unit": "points"}
    )
    test = None if p is None else {"name": "Welch t", "statistic": 2.5, "df": 100.0, "p": p}
    return {
        "id": "x",
        "label": {"en": "Loneliness", "zh": "孤独感"},
        "method": "m",
        "estimate": estimate,
        "effect": None,
        "test": test,
        "n": {"left_behind": 60, "other": 42},
        "evidence": evidence,
        "confirmatory": False,
        "reference": "",
    } | more


def write(tmp_path: Path, text: str) -> claims.Claims:
    path = tmp_path / "x.claims.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, SHOWN)


def one(conditions: list[str], more: str = "", rests: str = "a.difference, b.difference, c.difference") -> str:
    lines = "\n".join(f"      - {c}" for c in conditions)
    return f"""claims:
  - id: lonelier
    sentence: {{en: "By {{a.difference:+.1f}}.", zh: "相差 {{a.difference:+.1f}}。"}}
    rests_on: [{rests}]
{more}    holds_when:
{lines}
"""


UP = "{finding: a.difference, direction: positive, interval: excludes_zero}"


def verdict(tmp_path: Path, text: str, findings: dict[str, Any], language: str = "en") -> dict[str, Any]:
    known = {name: finding(1.0, [0.5, 1.5]) for name in ("a.difference", "b.difference", "c.difference")}
    return judge(write(tmp_path, text), known | findings, language)[0]


def test_a_supported_claim_as_it_is_recorded(tmp_path: Path) -> None:
    found = {"a.difference": finding(3.25, [1.1, 5.4], "adjusted comparison")}
    english = verdict(tmp_path, one([UP], rests="a.difference"), found)
    words = english.pop("words")
    assert english == {
        "id": "lonelier",
        "verdict": "supported",
        "evidence": "adjusted comparison",
        "reason": "1 of 1 condition holds. Holds: Loneliness: mean difference = 3.25 points, 95% CI [1.10, 5.40] "
        "(asked: above zero, interval without zero).",
        "sentence": "By +3.2.",
    }
    chinese = verdict(tmp_path, one([UP], rests="a.difference"), found, "zh")
    assert chinese.pop("words") == words
    assert words == {"en": {part: english[part] for part in ("sentence", "reason")},
                     "zh": {part: chinese[part] for part in ("sentence", "reason")}}
    assert chinese == {
        "id": "lonelier",
        "verdict": "supported",
        "evidence": "adjusted comparison",
        "reason": "1 项条件中有 1 项成立。成立：孤独感：均值差 = 3.25 分，95% CI [1.10, 5.40]"
        "（要求：大于零，区间不含零）。",
        "sentence": "相差 +3.2。",
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2.0, 2.0, 2.0], "supported"),
        ([2.0, -2.0, 2.0], "partly supported"),
        ([-2.0, -2.0, -2.0], "not supported"),
        ([2.0, None, 2.0], "partly supported"),
        ([-2.0, None, -2.0], "not supported"),
        ([None, None, None], "cannot be tested with this design"),
    ],
)
def test_all_some_or_none_of_the_conditions(tmp_path: Path, values: list[float | None], expected: str) -> None:
    conditions = [f"{{finding: {x}.difference, direction: positive}}" for x in "abc"]
    found = {f"{x}.difference": finding(v) for x, v in zip("abc", values, strict=True)}
    outcome = verdict(tmp_path, one(conditions), found)
    assert outcome["verdict"] == expected
    assert outcome["verdict"] in VERDICTS
    assert outcome["reason"]


@pytest.mark.parametrize(("threat", "expected", "said"), [
    (finding(2.0, [1.0, 3.0], "uncontrolled change"), "supported", "Needed besides, and holds: Loneliness"),
    (finding(2.0, [-0.5, 4.5], "uncontrolled change"), "not supported", "Needed besides, and does not hold: Loneliness"),
    (finding(None, evidence="uncontrolled change"), "supported", "Needed besides, but cannot be tested: Loneliness"),
])
def test_a_threat_that_is_not_ruled_out_decides(tmp_path: Path, threat: dict, expected: str, said: str) -> None:
    """Whatever the other conditions say; the strength of evidence is not that of the threat."""
    text = one([UP], f"    evidence_needed: adjusted comparison\n    only_if: [{UP.replace('a.', 'b.')}]\n", "a.difference")
    found = {"a.difference": finding(3.25, [1.1, 5.4], "adjusted comparison"), "b.difference": threat}
    outcome = verdict(tmp_path, text, found)
    assert (outcome["verdict"], outcome["evidence"]) == (expected, "adjusted comparison")
    assert said in outcome["reason"]
    known = load(tmp_path / "x.claims.yaml", SHOWN)
    assert known.claims[0].behind == ["a.difference", "b.difference"]
    down = found | {"a.difference": finding(-3.25, [-5.4, -1.1], "adjusted comparison")}
    assert verdict(tmp_path, text, down)["verdict"] == "not supported"


@pytest.mark.parametrize(
    ("condition", "value", "ci", "p", "holds"),
    [
        ("direction: negative", -1.0, None, None, True),
        ("direction: negative", 1.0, None, None, False),
        ("direction: any", -1.0, None, None, True),
        ("direction: positive", 0.0, None, None, False),
        ("direction: positive, interval: excludes_zero", 1.0, [-0.1, 2.1], None, False),
        ("direction: negative, interval: excludes_zero", 1.0, [0.1, 2.1], None, False),
        ("direction: negative, interval: excludes_zero", -1.0, [-2.0, -0.1], None, True),
        ("interval: excludes_zero", -1.0, [-2.0, -0.1], None, True),
        ("interval: excludes_zero", 1.0, [-1, 2], None, False),
        ("interval: excludes_zero", 1.0, [0.0, 2.0], None, False),
        ("interval: excludes_zero", 1.0, None, None, None),
        ("interval: excludes_zero", 1.0, [None, 2.0], None, None),
        ("direction: positive, bound: 0.5, interval: beyond_bound", 0.9, [0.6, 0.99], None, True),
        ("direction: positive, bound: 0.5, interval: beyond_bound", 0.9, [0.4, 0.99], None, False),
        ("direction: negative, bound: -2", -2.5, None, None, True),
        ("direction: negative, bound: -2", -1.5, None, None, False),
        ("bound: 2", -2.5, None, None, True),
        ("bound: 2", 1.5, None, None, False),
        ("direction: positive, bound: 50", 50, None, None, True),
        ("interval: within_bound, bound: 2", -0.5, [-1.9, 1.9], None, True),
        ("interval: within_bound, bound: 2", 0.5, [-0.5, 2.1], None, False),
        ("interval: within_bound, bound: 2", 0.5, None, None, None),
        ("interval: within_bound, bound: 2, alpha: 0.05", 0.5, [-0.5, 1.5], 0.2, False),
        ("alpha: 0.05", 1.0, None, 0.049, True),
        ("alpha: 0.05", 1.0, None, 0.05, False),
        ("alpha: 0.05", 1.0, None, None, None),
    ],
)
def test_conditions(
    tmp_path: Path, condition: str, value: float, ci: Any, p: float | None, holds: bool | None
) -> None:
    outcome = verdict(
        tmp_path, one([f"{{finding: a.difference, {condition}}}"]), {"a.difference": finding(value, ci, p=p)}
    )
    assert outcome["verdict"] == {True: VERDICTS[0], False: VERDICTS[2], None: VERDICTS[3]}[holds]


def test_the_effect_may_be_judged_instead(tmp_path: Path) -> None:
    effect = {"name": "Hedges g", "value": 0.6, "ci": [0.3, 0.9], "level": 0.95}
    text = one(["{finding: a.difference, quantity: effect, direction: positive, bound: 0.5}"])
    outcome = verdict(tmp_path, text, {"a.difference": finding(-3, effect=effect)})
    assert outcome["verdict"] == "supported"
    assert "Hedges g = 0.60" in outcome["reason"]


def test_the_evidence_is_the_weakest(tmp_path: Path) -> None:
    found = {
        "a.difference": finding(1, evidence="adjusted comparison"),
        "b.difference": finding(1, evidence="single case"),
        "c.difference": finding(1, evidence="uncontrolled change"),
    }
    assert (
        verdict(tmp_path, one(["{finding: a.difference, direction: positive}"]), found)["evidence"] == "single case"
    )


def test_wording_that_asks_for_stronger_evidence_cannot_be_tested(tmp_path: Path) -> None:
    more = '    evidence_needed: adjusted comparison\n    note: {en: "One child only.", zh: "仅一名儿童。"}\n'
    text = one(["{finding: a.difference, direction: positive}"], more, rests="a.difference")
    outcome = verdict(tmp_path, text, {"a.difference": finding(2, evidence="single case")})
    assert (outcome["verdict"], outcome["evidence"]) == ("cannot be tested with this design", "single case")
    assert outcome["reason"].startswith(
        "Its wording needs at least: adjusted comparison; the evidence is: single case. One child only. 1 of 1"
    )
    zh = verdict(tmp_path, text, {"a.difference": finding(2, evidence="single case")}, "zh")
    assert zh["reason"].startswith(
        "该表述至少需要“校正后的比较”，而现有证据为“单一个案”。仅一名儿童。1 项条件中有 1 项成立。"
    )
    same = verdict(tmp_path, text, {"a.difference": finding(2, evidence="adjusted comparison")})
    assert same["verdict"] == "supported"


def test_equivalence_says_what_was_asked(tmp_path: Path) -> None:
    text = one(["{finding: a.difference, interval: within_bound, bound: 2}"], rests="a.difference")
    outcome = verdict(tmp_path, text, {"a.difference": finding(0.5, [-0.5, 1.5])})
    assert outcome["words"]["en"]["reason"].endswith("(asked: whole interval between -2 and 2).")
    assert outcome["words"]["zh"]["reason"].endswith("（要求：整个区间介于 -2 与 2 之间）。")


@pytest.mark.parametrize(("en", "zh"), [("It lowered it.", "差异。"), ("They differ.", "小组降低了孤独感。")])
def test_a_causal_wording_asks_for_a_comparison_even_where_nothing_is_stated(tmp_path: Path, en: str, zh: str) -> None:
    plain = one(["{finding: a.difference, direction: positive}"], rests="a.difference")
    text = plain.replace('"By {a.difference:+.1f}."', f'"{en}"').replace('"相差 {a.difference:+.1f}。"', f'"{zh}"')
    weak = {"a.difference": finding(2, evidence="uncontrolled change")}
    outcome = verdict(tmp_path, text, weak)
    assert outcome["verdict"] == "cannot be tested with this design"
    assert outcome["reason"].startswith("Its wording needs at least: adjusted comparison; the evidence is: uncontrolled")
    stated = text.replace("    holds_when:", "    evidence_needed: uncontrolled change\n    holds_when:")
    assert verdict(tmp_path, stated, weak)["verdict"] == "supported"
    assert verdict(tmp_path, text, {"a.difference": finding(2, evidence="adjusted comparison")})["verdict"] == "supported"
    assert verdict(tmp_path, plain, weak)["verdict"] == "supported"  # "By +2.0": says what differs, not why


def test_what_was_not_collected_cannot_be_tested(tmp_path: Path) -> None:
    text = one(["{finding: intervention.case.cls.nap, direction: positive}"], rests="intervention.case.cls.nap")
    outcome = judge(write(tmp_path, text.replace("a.difference:", "intervention.case.cls.nap:")), {}, "en")[0]
    assert outcome.pop("words")["zh"]["reason"] == "1 项条件中有 0 项成立。无法检验：intervention.case.cls.nap：未收集。"
    assert outcome == {
        "id": "lonelier",
        "verdict": "cannot be tested with this design",
        "evidence": None,
        "reason": "0 of 1 condition holds. Cannot be tested: intervention.case.cls.nap: not collected.",
        "sentence": "By [not estimable].",
    }


def test_a_reason_of_the_finding_is_passed_on(tmp_path: Path) -> None:
    text = one(["{finding: a.difference, direction: positive}"], rests="a.difference")
    outcome = verdict(tmp_path, text, {"a.difference": finding(None, reason="all scores are equal")})
    assert (
        outcome["reason"]
        == "0 of 1 condition holds. Cannot be tested: Loneliness: not estimable (all scores are equal)."
    )


FILLED = {
    "a.b": finding(
        -3.249, [-5.15, -1.3], effect={"name": "Hedges g", "value": -0.352, "ci": [-0.6, -0.1], "level": 0.9}
    ),
    "r": finding(
        0.382, [0.3, 0.45], estimate={"name": "correlation", "value": 0.382, "ci": [0.3, 0.45], "level": 0.95}
    ),
}


@pytest.mark.parametrize(
    ("hole", "en", "zh"),
    [
        ("a.b", "−3.25", "−3.25"),
        ("a.b:.1f", "−3.2", "−3.2"),
        ("a.b.value:abs.1f", "3.2", "3.2"),
        ("r:+.2r", "+.38", "+0.38"),
        ("r", ".38", "0.38"),
        ("r:.0%", "38%", "38%"),
        ("a.b.ci:.1f", "95% CI [−5.2, −1.3]", "95% CI [−5.2, −1.3]"),
        ("r.ci", "95% CI [.30, .45]", "95% CI [0.30, 0.45]"),
        ("a.b.low", "−5.15", "−5.15"),
        ("a.b.high:.1f", "−1.3", "−1.3"),
        ("a.b.g:.2f", "−0.35", "−0.35"),
        ("a.b.effect:.1f", "−0.4", "−0.4"),
        ("a.b.effect_ci:.1f", "90% CI [−0.6, −0.1]", "90% CI [−0.6, −0.1]"),
        ("a.b.p", "p = .010", "p = 0.010"),
        ("a.b.test", "t(100) = 2.50, p = .010", "t(100) = 2.50，p = 0.010"),
        ("a.b.n", "102", "102"),
        ("a.b.n.other", "42", "42"),
        ("a.b.n.nobody", "[not estimable]", "[无法估计]"),
        ("r.g", "[not estimable]", "[无法估计]"),
    ],
)
def test_holes(hole: str, en: str, zh: str) -> None:
    assert fill(f"<{{{hole}}}>", FILLED, "en") == f"<{en}>"
    assert fill(f"<{{{hole}}}>", FILLED, "zh") == f"<{zh}>"


def error(tmp_path: Path, text: str, findings: Any = None) -> str:
    try:
        judge(write(tmp_path, text), findings or {})
    except ClaimError as caught:
        return str(caught)
    pytest.fail("no mistake was found")


def test_every_mistake_of_the_file_with_its_line(tmp_path: Path) -> None:
    text = """claims:
  - id: Lonelier
    sentence: {en: "By {a.b:.1g}", zh: "相差"}
    rest_on: [a.b]
    holds_when:
      - {finding: a.b, direction: up, interval: beyond_bound}
"""
    assert error(tmp_path, text) == (
        "params/x.claims.yaml: 3 mistakes\n"
        "  params/x.claims.yaml:2: claims.0.id: found 'Lonelier'; allowed: String should match pattern "
        "'^[a-z0-9_]+$'\n"
        "  params/x.claims.yaml:4: claims.0.rest_on: unknown key; did you mean 'rests_on'?\n"
        "  params/x.claims.yaml:6: claims.0.holds_when.0.direction: found 'up'; allowed: 'positive', "
        "'negative' or 'any'\n"
        "  fix: docs/adapting.md explains claims"
    )


def test_holes_that_cannot_be_read(tmp_path: Path) -> None:
    text = one(["{finding: a.difference}"]).replace(
        "By {a.difference:+.1f}.", "{a b}, {a.difference:.1g}, {a.difference"
    )
    assert error(tmp_path, text) == (
        "params/x.claims.yaml: 3 mistakes\n"
        "  params/x.claims.yaml:3: claims.0.sentence.en: a brace stands alone; a hole is {finding.id}\n"
        "  params/x.claims.yaml:3: claims.0.sentence.en: the hole {a b} cannot be read; write {finding.id} or "
        "{finding.id.field:format}\n"
        "  params/x.claims.yaml:3: claims.0.sentence.en: the hole {a.difference:.1g} has the format '.1g'; allowed: "
        ".1f, +.1f, abs.1f, .2r, .0%\n"
        "  fix: docs/adapting.md explains claims"
    )


def test_unknown_findings_with_line_and_suggestion(tmp_path: Path) -> None:
    text = one(["{finding: ecology.blok.family}"], rests="ecology.blok.family, comparison.cls_totl.adjusted")
    known = {
        "comparison.cls_total.adjusted": finding(1),
        "a.difference": finding(1),
        "ecology.block.family": finding(1),
    }
    assert error(tmp_path, text, known) == (
        "params/x.claims.yaml: 3 mistakes\n"
        "  params/x.claims.yaml:4: claims.0.rests_on.0: no finding is called 'ecology.blok.family'; did you "
        "mean 'ecology.block.family'?\n"
        "  params/x.claims.yaml:4: claims.0.rests_on.1: no finding is called 'comparison.cls_totl.adjusted'; did you "
        "mean 'comparison.cls_total.adjusted'?\n"
        "  params/x.claims.yaml:6: claims.0.holds_when.0.finding: no finding is called 'ecology.blok.family'; did "
        "you mean 'ecology.block.family'?\n"
        "  fix: findings/*.json of the town lists all ids"
    )


def test_nothing_private_gets_into_a_claim(tmp_path: Path) -> None:
    found = error(tmp_path, one(["{finding: a.difference}"], rests="a.difference"), {"a.difference": finding(1, private=True)})
    assert ("params/x.claims.yaml:4: claims.0.rests_on.0: 'a.difference' is about single children; release it in the "
            "params (privacy.release)") in found


@pytest.mark.parametrize(("hole", "message"), [
    ("a.difference.cii", "'a.difference' has no field 'cii'; did you mean 'ci'?"),
    ("a.difference.vlaue:.1f", "'a.difference' has no field 'vlaue'; did you mean 'value'?"),
    ("a.difference.n.left_behnd", "'a.difference' counts no 'left_behnd'; did you mean 'left_behind'?"),
    ("a.diference", "no finding is called 'a.diference'; did you mean 'a.difference'?"),
])
def test_a_hole_that_asks_for_what_is_not_there(tmp_path: Path, hole: str, message: str) -> None:
    text = one(["{finding: a.difference}"], rests="a.difference").replace("a.difference:+.1f", hole)
    found = error(tmp_path, text, {"a.difference": finding(1)})
    assert found.count(message) == 2  # in each language, with its line
    assert f"params/x.claims.yaml:3: claims.0.sentence.en: {message}" in found


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (one(["{finding: z.difference}"]), "holds_when asks for 'z.difference', so rests_on must name it"),
        (one(["{finding: a.difference, interval: beyond_bound}"]), "interval: beyond_bound needs a bound"),
        (one(["{finding: a.difference, interval: within_bound}"]), "interval: within_bound needs a bound"),
        (one(["{finding: a.difference, interval: within_bound, bound: -2}"]), "a bound above zero and no direction"),
        (one([UP]) + one([UP]).removeprefix("claims:\n"), "the claim 'lonelier' stands twice"),
        ("claims: []\n", "claims"),
        ("- a\n", "expected keys with values"),
        ("claims:\n  - id: no\n", "no without quotes"),
    ],
)
def test_other_mistakes(tmp_path: Path, text: str, part: str) -> None:
    assert part in error(tmp_path, text)


def test_a_missing_file_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(ClaimError, match="cannot be read"):
        load(tmp_path / "none.yaml", SHOWN)


def test_the_thesiss_ten_claims() -> None:
    read = load(ROOT / "params" / "s_town.claims.yaml", "params/s_town.claims.yaml")
    assert [c.id for c in read.claims] == [
        "lonelier",
        "social_emotions",
        "peer_integration",
        "belonging",
        "four_levels",
        "group_works",
        "limited_for_some",
        "case_works",
        "combined_better",
        "overall",
    ]
    named = {name for c in read.claims for name in c.rests_on}
    strength = {
        "comparison.cls_total.adjusted": "adjusted comparison",
        "intervention.group.cls.adjusted": "adjusted comparison",
        "intervention.combined_vs_single": "single case",
        "intervention.members.unchanged": "uncontrolled change",
    }
    falling = ("cls_total.change", "panas_c_negative.change", "cls.adjusted", "combined_vs_single")
    found = {}
    for name in named:
        down = name.endswith(falling) and name.startswith("intervention")
        kind = strength.get(
            name,
            "single case" if ".case." in name else "uncontrolled change" if ".overall." in name else "association",
        )
        scale = 60.0 if name.endswith("goal_attainment") else 0.8
        found[name] = finding(-scale if down else scale, [-0.9, -0.6] if down else [0.6, 0.9], kind)
    outcomes = {c["id"]: c for c in judge(read, found, "zh")}
    assert [c["verdict"] for c in outcomes.values()] == [*["supported"] * 8, VERDICTS[3], "supported"]
    assert outcomes["lonelier"]["evidence"] == "adjusted comparison"
    assert outcomes["overall"]["evidence"] == "uncontrolled change"
    assert outcomes["combined_better"]["evidence"] == "single case"
    nothing = judge(read, {}, "en")
    assert {c["verdict"] for c in nothing} == {VERDICTS[3]}
    assert all(c["reason"] for c in nothing)


@pytest.mark.parametrize(
    ("text", "kind", "consistent", "remark"),
    [
        ("t(28) = 2.20, p = .036", "t", True, None),
        ("t(28) = -2.20, p = .036", "t", True, None),
        ("t(28) = 2.20, p = .018", "t", False, "agrees with a one-sided test"),
        ("F(1, 17) = 16.89, p = .017", "F", False, "the printed p does not follow"),
        ("F(1, 17) = 16.89, p < .001", "F", True, None),
        ("χ²(1) = 5.97, p = .015", "chi2", True, None),
        ("χ²(2, N = 120) = 5.97, p = .051", "chi2", True, None),
        ("z = 1.96, p = .050", "z", True, None),
        ("r(598) = −.36, p < .001", "r", True, None),
        ("r(18) = .40, p = .041", "r", False, "agrees with a one-sided test; the other side of .05"),
        ("t（318.24）＝2.31，P＝0.021", "t", True, None),
        ("t(318.24) = 2.31，p = 0.021", "t", True, None),
        ("t(60) = 1.90, p = .031", "t", False, "agrees with a one-sided test; the other side of .05"),
        ("t(60) = 1.40, p = .031", "t", False, "the printed p does not follow; the other side of .05"),
        ("t(60) = 1.40, p > .05", "t", True, None),
        ("*t*(28) = 2.20, *p* = .036", "t", True, None),
        ("<i>t</i>(28) = 2.20, <i>p</i> &lt; .05", "t", True, None),
        ("t = 2.31, p = .021", "t", None, "degrees of freedom are not printed: nothing to recompute"),
        ("exact sign-flip test, p = .016", "", None, "no statistic stands before this p: nothing to recompute"),
    ],
)
def test_recheck(text: str, kind: str, consistent: bool | None, remark: str | None) -> None:
    found = recheck({"claim x": f"words before ({text}) and after"})
    assert len(found) == 1
    row = found.iloc[0]
    assert (row["where"], row["kind"]) == ("claim x", kind)
    assert row["consistent"] is consistent
    assert row["remark"] == (remark or "")


def test_recheck_finds_all_that_wording_prints() -> None:
    from lbc.reporting import wording

    entries = [
        finding(1, test={"name": name, "statistic": s, "df": df, "p": claims_p})
        for name, s, df, claims_p in (
            ("Welch t", 2.3149, 318.241, 0.021255),
            ("F", 5.7, [2, 40.5], 0.006662),
            ("chi2", 85.306, 24, 1e-8),
            ("Pearson r", -0.364, 598, 1e-19),
        )
    ]
    for language in ("en", "zh"):
        found = recheck([wording.sentence(e, language) for e in entries])
        assert found["kind"].tolist() == ["t", "F", "chi2", "r"]
        assert found["consistent"].tolist() == [True] * 4


def test_recheck_of_text_without_statistics_is_an_empty_table() -> None:
    found = recheck(["no numbers here, stop = 3"])
    assert len(found) == 0
    assert list(found.columns)[:3] == ["where", "text", "kind"]
