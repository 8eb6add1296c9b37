"""What people read, tested as whole strings in both languages."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from lbc.reporting import italics, terms, wording
from lbc.results import EVIDENCE, Estimate, Finding, Result
from lbc.results import Test as Statistic


def finding(**changes: Any) -> dict[str, Any]:
    entry = {
        "id": "comparison.cls_total.difference",
        "label": {"en": "Loneliness, left-behind minus other children", "zh": "孤独感（留守减非留守）"},
        "method": "Welch t test",
        "estimate": {
            "name": "mean difference",
            "value": 3.4249,
            "ci": [1.9, 4.9351],
            "level": 0.95,
            "unit": "points",
        },
        "effect": {"name": "Hedges g", "value": 0.352, "ci": [0.191, 0.512], "level": 0.95},
        "test": {"name": "Welch t", "statistic": 4.412, "df": 512.34, "p": 0.0000123},
        "n": {"left_behind": 312, "other": 308},
        "evidence": "association",
        "confirmatory": True,
        "reference": "Welch 1947",
    }
    return entry | changes


@pytest.mark.parametrize(
    ("value", "digits", "language", "options", "expected"),
    [
        (0.125, 2, "en", {}, "0.12"),
        (0.135, 2, "en", {}, "0.14"),
        (2.675, 2, "en", {}, "2.68"),
        (-0.004, 2, "en", {}, "0.00"),
        (0.1 + 0.2, 1, "en", {}, "0.3"),
        (0.125 - 1e-14, 2, "en", {}, "0.12"),
        (0.125 + 1e-14, 2, "en", {}, "0.12"),
        (-3.25, 1, "en", {}, "−3.2"),
        (0.382, 2, "en", {"bounded": True}, ".38"),
        (-0.382, 2, "en", {"bounded": True}, "−.38"),
        (0.382, 2, "zh", {"bounded": True}, "0.38"),
        (1.0, 2, "en", {"bounded": True}, "1.00"),
        (4.1, 1, "en", {"sign": True}, "+4.1"),
        (0.0, 1, "en", {"sign": True}, "0.0"),
        (41.5, 0, "en", {}, "42"),
        (40.5, 0, "en", {}, "40"),
        (None, 2, "en", {}, "—"),
        (math.nan, 2, "zh", {}, "—"),
        (math.inf, 2, "en", {}, "∞"),
        (-math.inf, 2, "en", {}, "−∞"),
    ],
)
def test_number(value: float, digits: int, language: str, options: dict[str, bool], expected: str) -> None:
    assert wording.number(value, digits, language, **options) == expected


@pytest.mark.parametrize(
    ("p", "en", "zh"),
    [
        (0.0000123, "p < .001", "p < 0.001"),
        (0.001, "p = .001", "p = 0.001"),
        (0.0312, "p = .031", "p = 0.031"),
        (0.05, "p = .050", "p = 0.050"),
        (0.9999, "p > .999", "p > 0.999"),
        (0.0, "p < .001", "p < 0.001"),
        (None, "p —", "p —"),
    ],
)
def test_p_value(p: float | None, en: str, zh: str) -> None:
    assert (wording.p_value(p, "en"), wording.p_value(p, "zh")) == (en, zh)


@pytest.mark.parametrize(
    ("test", "en", "zh"),
    [
        (
            {"name": "Welch t", "statistic": 2.3149, "df": 318.241, "p": 0.0212},
            "t(318.24) = 2.31, p = .021",
            "t(318.24) = 2.31，p = 0.021",
        ),
        (
            {"name": "F", "statistic": 16.894, "df": [1, 17.0], "p": 0.0007},
            "F(1, 17) = 16.89, p < .001",
            "F(1, 17) = 16.89，p < 0.001",
        ),
        (
            {"name": "chi2", "statistic": 85.306, "df": 24, "p": 0.0},
            "χ²(24) = 85.31, p < .001",
            "χ²(24) = 85.31，p < 0.001",
        ),
        (
            {"name": "Pearson r", "statistic": -0.364, "df": 598, "p": 0.0312},
            "r(598) = −.36, p = .031",
            "r(598) = −0.36，p = 0.031",
        ),
        (
            {"name": "exact sign-flip", "statistic": None, "df": None, "p": 0.015625},
            "exact sign-flip test, p = .016",
            "精确符号翻转检验，p = 0.016",
        ),
        (
            {"name": "Wilcoxon", "statistic": 0, "df": None, "p": 0.015625},
            "exact signed-rank test, V = 0.00, p = .016",
            "精确符号秩检验，V = 0.00，p = 0.016",
        ),
        (None, "", ""),
    ],
)
def test_statistic(test: Any, en: str, zh: str) -> None:
    assert (wording.statistic(test, "en"), wording.statistic(test, "zh")) == (en, zh)


def test_the_sentence_of_a_difference() -> None:
    assert wording.sentence(finding(), "en") == (
        "Loneliness, left-behind minus other children: mean difference = 3.42 points, 95% CI [1.90, 4.94]; "
        "Hedges g = 0.35, 95% CI [0.19, 0.51], small (Cohen 1988: 0.2 ≤ |g| < 0.5); t(512.34) = 4.41, p < .001; "
        "n = 312 left-behind, 308 other children. The interval excludes zero. "
        "Strength of evidence: association (the two go together, which does not say why)."
    )
    assert wording.sentence(finding(), "zh") == (
        "孤独感（留守减非留守）：均值差 = 3.42 分，95% CI [1.90, 4.94]；"
        "Hedges g = 0.35，95% CI [0.19, 0.51]，小（Cohen 1988：0.2 ≤ |g| < 0.5）；t(512.34) = 4.41，p < 0.001；"
        "n = 312 名留守儿童，308 名非留守儿童。区间不含零。证据强度：相关关系（二者相伴出现，不能说明原因）。"
    )


def test_an_interval_with_zero_is_said_to_hold_it() -> None:
    entry = {"name": "mean change", "value": -2.0, "ci": [-5.1, 1.1], "level": 0.95, "unit": "points"}
    changed = finding(estimate=entry, effect=None, test=None, n={"members": 7}, evidence="uncontrolled change")
    assert wording.sentence(changed, "en") == (
        "Loneliness, left-behind minus other children: mean change = −2.00 points, 95% CI [−5.10, 1.10]; n = 7 "
        "members. The interval includes zero: zero is among the values that fit the data. Strength of evidence: "
        "uncontrolled change (a change over time without a comparison, which time and regression to the mean also "
        "bring about)."
    )
    assert wording.sentence(changed, "zh").endswith(
        "n = 7 名组员。区间包含零：零也在与数据相容的取值之中。证据强度：无对照的前后变化"
        "（没有对照的前后变化，时间推移与向均值回归也会带来同样的变化）。"
    )


def test_a_share_and_a_reliability() -> None:
    share = finding(
        estimate={"name": "share", "value": 0.4286, "ci": None, "level": 0.95, "unit": "share"},
        effect=None,
        test=None,
        n={"members": 7},
        label={"en": "Unchanged", "zh": "未变化"},
        evidence="uncontrolled change",
    )
    assert wording.sentence(share, "en").startswith("Unchanged: share = 42.9%; n = 7 members. Strength of evidence: ")
    alpha = {"name": "Krippendorff alpha", "value": 0.7431, "ci": [0.61, None], "level": 0.95, "unit": ""}
    assert wording.sentence(finding(estimate=alpha, effect=None, test=None, n={"segments": 212}), "en").startswith(
        "Loneliness, left-behind minus other children: Krippendorff α = .74, 95% CI [.61, ∞], enough for "
        "tentative conclusions (Krippendorff 2004: .667 ≤ α < .8); n = 212 coded segments. Strength"
    )


def test_a_finding_without_estimate_reads_its_reason() -> None:
    nothing = finding(estimate=None, effect=None, test=None, n={}, reason="no child was measured again")
    assert wording.sentence(nothing, "en") == (
        "Loneliness, left-behind minus other children: not estimable: no child was measured again."
    )
    both = nothing | {"reason": {"en": "x", "zh": "没有儿童接受重测"}}
    assert wording.sentence(both, "zh") == "孤独感（留守减非留守）：无法估计：没有儿童接受重测。"


def test_a_recorded_finding_reads_without_further_help() -> None:
    result = Result(
        "ANCOVA",
        Estimate("adjusted difference", -5.2, (-9.9, -0.5), unit="points"),
        test=Statistic("t", -2.31, 70.0, 0.0238),
        n={"members": 7, "untreated": 70},
    )
    entry = Finding(
        "intervention.group.cls.adjusted", {"en": "Group work", "zh": "小组工作"}, result, "adjusted comparison"
    ).to_json()
    assert wording.sentence(entry, "en") == (
        "Group work: adjusted difference = −5.20 points, 95% CI [−9.90, −0.50]; t(70) = −2.31, p = .024; "
        "n = 7 members, 70 untreated children. The interval excludes zero. Strength of evidence: adjusted comparison "
        "(measured confounders are held equal, unmeasured ones are not)."
    )


@pytest.mark.parametrize("strength", EVIDENCE)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_sentence_names_a_cause(strength: str, language: str) -> None:
    text = wording.sentence(finding(evidence=strength), language)
    assert not re.search(
        r"\b(because|cause[sd]?|effect of|leads? to|due to|lowered|raised|improved)\b|导致|造成|影响", text
    )


@pytest.mark.parametrize(
    ("value", "kind", "en", "zh"),
    [
        (-0.31, "g", "small (Cohen 1988: 0.2 ≤ |g| < 0.5)", "小（Cohen 1988：0.2 ≤ |g| < 0.5）"),
        (0.1949, "g", "negligible (Cohen 1988: |g| < 0.2)", "可忽略（Cohen 1988：|g| < 0.2）"),
        (0.4951, "g", "medium (Cohen 1988: 0.5 ≤ |g| < 0.8)", "中等（Cohen 1988：0.5 ≤ |g| < 0.8）"),
        (2.0, "g", "large (Cohen 1988: 0.8 ≤ |g|)", "大（Cohen 1988：0.8 ≤ |g|）"),
        (
            0.4,
            "or",
            "small (Chen, Cohen & Chen 2010: 1.68 ≤ OR < 3.47)",
            "小（Chen, Cohen & Chen 2010：1.68 ≤ OR < 3.47）",
        ),
        (
            0.9167,
            "nap",
            "medium (Parker & Vannest 2009: .66 ≤ NAP < .93)",
            "中等（Parker & Vannest 2009：0.66 ≤ NAP < 0.93）",
        ),
        (0.31, "r", "medium (Cohen 1988: .3 ≤ |r| < .5)", "中等（Cohen 1988：0.3 ≤ |r| < 0.5）"),
        (0.0, "kappa", "slight (Landis & Koch 1977: 0 ≤ κ < .2)", "轻微（Landis & Koch 1977：0 ≤ κ < 0.2）"),
        (
            0.2,
            "bf",
            "moderate evidence for no difference (Lee & Wagenmakers 2013: 0.1 ≤ BF10 < 0.333)",
            "无差异的中等证据（Lee & Wagenmakers 2013：0.1 ≤ BF10 < 0.333）",
        ),
        (
            0.05,
            "bf",
            "strong evidence for no difference (Lee & Wagenmakers 2013: BF10 < 0.1)",
            "无差异的强证据（Lee & Wagenmakers 2013：BF10 < 0.1）",
        ),
    ],
)
def test_verbal_size_names_its_rule(value: float, kind: str, en: str, zh: str) -> None:
    assert (wording.verbal_size(value, kind, "en"), wording.verbal_size(value, kind, "zh")) == (en, zh)


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(KeyError, match="no rule for 'size'"):
        wording.verbal_size(1.0, "size")


def test_every_rule_and_term_is_complete_in_both_languages() -> None:
    for kind, rule in terms.RULES.items():
        assert list(rule.bounds) == sorted(rule.bounds), kind
        assert {len(words) for words in rule.words.values()} == {len(rule.bounds) + 1}, kind
        assert set(rule.words) == {"en", "zh"}
    for table in (
        terms.EVIDENCE,
        terms.EVIDENCE_MEANS,
        terms.VERDICTS,
        terms.LEVELS,
        terms.GROUPS,
        terms.UNITS,
        terms.EXACT,
    ):
        assert all(set(words) == {"en", "zh"} for words in table.values())
    assert tuple(terms.EVIDENCE) == tuple(terms.EVIDENCE_MEANS) == EVIDENCE


@pytest.mark.parametrize(
    ("entry", "en", "zh"),
    [
        ({"name": "Cohen f2", "value": 0.2, "ci": None}, "Cohen f² = 0.20", "Cohen f² = 0.20"),
        (
            {"name": "Krippendorff's alpha", "value": 0.8, "ci": [0.7, 0.9]},
            "Krippendorff's α = .80, 95% CI [.70, .90]",
            "Krippendorff α = 0.80，95% CI [0.70, 0.90]",
        ),
        (
            {"name": "delta R2", "value": 0.0314, "ci": [0.01, 0.07]},
            "ΔR² = .031, 95% CI [.010, .070]",
            "ΔR² = 0.031，95% CI [0.010, 0.070]",
        ),
        (
            {"name": "percentage expected below the case", "value": 7.25, "ci": [0.5, 22.0], "unit": "%"},
            "percentage expected below the case = 7.2%, 95% CI [0.5, 22.0]",
            "预计低于该个案的百分比 = 7.2%，95% CI [0.5, 22.0]",
        ),
        (
            {"name": "percentage change", "value": 175.479, "ci": [56.339, 385.411]},
            "percentage change = 175.5%, 95% CI [56.3, 385.4]",
            "百分比变化 = 175.5%，95% CI [56.3, 385.4]",
        ),
        (
            {"name": "forms kept", "value": 600.0, "ci": None, "unit": "forms"},
            "forms kept = 600 forms",
            "保留问卷数 = 600 份",
        ),
    ],
)
def test_quantities_of_the_analyses(entry: dict[str, Any], en: str, zh: str) -> None:
    assert (wording.quantity(entry, "en"), wording.quantity(entry, "zh")) == (en, zh)


def test_names_that_analyses_print_are_known_in_chinese() -> None:
    """Each quantity, test and count that an analysis names reads in Chinese, or is a symbol that needs no words."""
    folder = Path(terms.__file__).parents[1]
    source = "\n".join(
        p.read_text(encoding="utf-8") for room in ("analysis", "survey") for p in (folder / room).glob("*.py")
    )
    symbols = r"(Cohen|Hedges|Krippendorff|Cronbach|Kendall|KR-|KMO|AC1|ICC|NAP|Tau|SMD|kappa$|d_z|g_av|z_cc|P\(X)"
    names = set(re.findall(r'Estimate\(\s*"([^"]+)"', source))
    assert sorted(n for n in names if n not in terms.NAMES and not re.match(symbols, n)) == []
    tests = set(re.findall(r'\bTest\(\s*"([^"]+)"', source))
    assert sorted(t for t in tests if terms.symbol(t, "zh")[0] == t and len(t) > 1) == []
    counted = {key for inside in re.findall(r"\bn=\{([^}]*)\}", source) for key in re.findall(r'"(\w+)":', inside)}
    assert sorted(counted - set(terms.GROUPS)) == []


@pytest.mark.parametrize(
    ("ci", "level", "digits", "bounded", "en", "zh"),
    [
        ((1.2, 3.4), 0.95, 2, False, "95% CI [1.20, 3.40]", "95% CI [1.20, 3.40]"),
        ((-0.31, 0.125), 0.9, 2, True, "90% CI [−.31, .12]", "90% CI [−0.31, 0.12]"),
        ((None, 0.5), 0.95, 1, False, "95% CI [−∞, 0.5]", "95% CI [−∞, 0.5]"),
        ((18.4, 90.1), 0.999, 1, False, "99.9% CI [18.4, 90.1]", "99.9% CI [18.4, 90.1]"),
    ],
)
def test_interval(ci: Any, level: float, digits: int, bounded: bool, en: str, zh: str) -> None:
    assert wording.interval(ci, level, digits, "en", bounded=bounded) == en
    assert wording.interval(ci, level, digits, "zh", bounded=bounded) == zh


@pytest.mark.parametrize(
    ("name", "unit", "en", "zh"),
    [
        ("Pearson correlation", "", "Pearson correlation = −.05", "Pearson correlation = −0.05"),
        ("Cronbach's alpha", "", "Cronbach's α = −.05", "Cronbach α = −0.05"),
        ("R squared", "", "R² = −.050", "R² = −0.050"),
        ("partial eta squared", "", "partial η² = −.050", "偏 η² = −0.050"),
        ("ICC(1)", "", "ICC(1) = −.05", "ICC(1) = −0.05"),
        ("Kendall's tau-b", "", "Kendall's τ-b = −.05", "Kendall τ-b = −0.05"),
        ("Tau-b", "", "Tau-b = −.05", "Tau-b = −0.05"),
        ("share", "share", "share = −5.0%", "比例 = −5.0%"),
        ("Hedges' g", "", "Hedges' g = −0.05", "Hedges g = −0.05"),
        ("d_z", "", "d_z = −0.05", "d_z = −0.05"),
        ("change of CFI", "", "change of CFI = −0.050", "CFI 变化 = −0.050"),
        ("mean change", "points", "mean change = −0.05 points", "平均变化 = −0.05 分"),
        ("mean change", "SD", "mean change = −0.05 SD", "平均变化 = −0.05 个标准差"),
    ],
)
def test_leading_zeros_follow_one_rule(name: str, unit: str, en: str, zh: str) -> None:
    """English drops the zero exactly where a quantity cannot exceed 1 in size; Chinese never."""
    entry = {"name": name, "value": -0.05, "unit": unit}
    assert (wording.quantity(entry, "en"), wording.quantity(entry, "zh")) == (en, zh)


def test_a_holm_adjusted_p_stands_after_its_own() -> None:
    test = {"name": "t", "statistic": 3.53, "df": 13.96, "p": 0.0034, "p_adjusted": 0.0101}
    assert wording.statistic(test, "en") == "t(13.96) = 3.53, p = .003, Holm-adjusted p = .010"
    assert wording.statistic(test, "zh") == "t(13.96) = 3.53，p = 0.003，Holm 校正后 p = 0.010"


def test_a_minus_sign_is_never_a_hyphen() -> None:
    for digits, bounded, sign in [(0, False, False), (2, True, True), (3, True, False)]:
        text = wording.number(-7.5 if not bounded else -0.75, digits, bounded=bounded, sign=sign)
        assert text.startswith("\N{MINUS SIGN}")
        assert "-" not in text


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", list(terms.RULES))
def test_every_word_for_a_size_comes_with_its_rule(kind: str, language: str) -> None:
    rule = terms.RULES[kind]
    steps = [*rule.bounds, math.inf]
    for low, word in zip([None, *rule.bounds], rule.words[language], strict=True):
        value = steps[0] - 0.01 if low is None else low + 0.004  # a size is judged as it is printed, to two digits
        text = wording.verbal_size(value, kind, language)
        left, colon = {"en": (" (", ": "), "zh": ("（", "：")}[language]
        assert text.startswith(f"{word}{left}{rule.source}{colon}")
        assert re.search(r"[12]\d{3}", rule.source)
        assert rule.symbol in text


def test_nothing_else_calls_a_size_by_a_word() -> None:
    """The words of the rules for effects stand in `terms` only, so that none can be printed without its rule."""
    folder = Path(terms.__file__).parents[1]
    files = [p for room in ("analysis", "pipeline", "reporting") for p in (folder / room).glob("*.py")]
    files += [p for p in (folder / "reporting").glob("*.csv") if p.name != "references.csv"]
    sizes = re.compile(r"\b(negligible|(small|medium|large|strong|weak) (effect|association|difference))\b|可忽略|效应量?(小|大|中等)|中等效应")
    assert [p.name for p in files if p.name != "terms.py" and sizes.search(p.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("", ""),
        ("t(318.24) = 2.31, p = .021", "<t>(318.24) = 2.31, <p> = .021"),
        ("t(318.24) = 2.31，p = 0.021", "<t>(318.24) = 2.31，<p> = 0.021"),
        ("F(1, 17) = 16.89; χ²(24) = 85.31; z = 1.81", "<F>(1, 17) = 16.89; χ²(24) = 85.31; <z> = 1.81"),
        ("r(598) = −.36; τ = −.42; Q(4) = 14.29; V = 0.00", "<r>(598) = −.36; τ = −.42; <Q>(4) = 14.29; <V> = 0.00"),
        ("M±SD", "<M>±<SD>"),
        ("M ± SD，n = 277 名", "<M> ± <SD>，<n> = 277 名"),
        ("Left-behind: M", "Left-behind: <M>"),
        ("非留守儿童：SD", "非留守儿童：<SD>"),
        ("均值（M）", "均值（<M>）"),
        ("Hedges' g = 0.35, 95% CI [0.19, 0.51]", "Hedges' <g> = 0.35, 95% CI [0.19, 0.51]"),
        ("d_z = −2.70; z_cc = 1.2; g_av", "<d>~z~ = −2.70; <z>~cc~ = 1.2; <g>~av~"),
        ("d_ppc2, BF10 = 3.1, ABF10, d_zone, id_z", "<d>~ppc2~, BF~10~ = 3.1, ABF10, <d>_zone, id_z"),
        ("0.2 ≤ |g| < 0.5", "0.2 ≤ |<g>| < 0.5"),
        ("ΔR² = .04, f² = .03, η², ω²", "Δ<R>² = .04, <f>² = .03, η², ω²"),
        ("p (Holm)", "<p> (Holm)"),
        ("p（Δχ²）", "<p>（Δχ²）"),
        ("N = 570, df = 3, SE", "<N> = 570, <df> = 3, <SE>"),
        ("B", "<B>"),
        ("phase B, A v B", "phase B, A v B"),
        ("Cramér V 系数 = 0.10; Kendall's W = .51", "Cramér <V> 系数 = 0.10; Kendall's <W> = .51"),
        ("ICC(1), CFI, RMSEA, NAP, Tau-b, KR-20, α", "ICC(1), CFI, RMSEA, NAP, Tau-b, KR-20, α"),
        ("member M01; (d) later; 5 g; don't; e.g. n1; girls (F)", "member M01; (d) later; 5 g; don't; e.g. n1; girls (F)"),
        ("3.66***", "3.66^***^"),
        ("(0.12)*", "(0.12)^*^"),
        ("* p < .05. ** p < .01. *** p < .001.", "^*^ <p> < .05. ^**^ <p> < .01. ^***^ <p> < .001."),
        ("*p < 0.05，**p < 0.01", "^*^<p> < 0.05，^**^<p> < 0.01"),
        ("{{7*7}} 5*3 *bold*", "{{7*7}} 5*3 *bold*"),
    ],
)
def test_letters_of_statistics_are_italic_stars_raised_and_indices_lowered(text: str, marked: str) -> None:
    found = italics.runs(text)
    assert "".join(run.text for run in found) == text
    frame = {"italic": "<{}>", "raised": "^{}^", "lowered": "~{}~", "hidden": "", "": "{}"}
    assert "".join(frame[run.look].format(run.text) for run in found) == marked
    assert all(run.text for run in found) or text == ""


def test_a_whole_sentence_in_runs() -> None:
    found = italics.runs(wording.sentence(finding(), "en"))
    assert [run.text for run in found if run.look == "italic"] == ["g", "g", "t", "p", "n"]
    found = italics.runs(wording.sentence(finding(), "zh"))
    assert [run.text for run in found if run.look == "italic"] == ["g", "g", "t", "p", "n"]
