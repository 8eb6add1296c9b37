"""Every figure on data as a thesis has them, long labels included: name -> function of the language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from lbc.reporting import figures, style
from lbc.results import Estimate, Result

LANGUAGES = ("en", "zh")
Words = dict[str, str]


def both(en: str, zh: str) -> Words:
    return {"en": en, "zh": zh}


LABELS: dict[Any, Any] = {
    "cls_total": both("Children's Loneliness Scale, total score (16–80)", "儿童孤独量表总分（16–80）"),
    1: both("Left-behind", "留守儿童"),
    0: both("Other children", "非留守儿童"),
    "age": both("Age", "年龄"),
    "contact": both("Contact with the parents each week", "每周与父母联系次数"),
    "esteem": both("Self-esteem", "自尊"),
    "anxiety": both("Social anxiety", "社交焦虑"),
    "guardian": both("Relation with the guardian", "与监护人的关系"),
    "poverty": both("Family economy", "家庭经济状况"),
    "support": both("Support by teachers", "教师支持"),
    "bullying": both("Bullied at school", "校园欺凌"),
    "stigma": both("Perceived discrimination for being left behind", "因留守而感到的歧视"),
    "neither": both("both at home", "父母均在家"),
    "father": both("father away", "父亲外出"),
    "mother": both("mother away", "母亲外出"),
    "both": both("both away", "父母均外出"),
    "who": both("Who is away", "外出者"),
    "grade": both("Grade", "年级"),
    "sex": both("Sex", "性别"),
    "girl": both("girls", "女生"),
    "boy": both("boys", "男生"),
    "T0": both("screening", "筛查"),
    "T1": both("before", "小组前"),
    "T2": both("after group", "小组后"),
    "T3": both("after case work", "个案后"),
    "T4": both("follow-up", "追踪"),
    "A": both("Baseline", "基线期"),
    "B": both("Family work", "家庭工作"),
    "C": both("Peer work", "同伴工作"),
    "child": both("Children", "儿童"),
    "guardian_role": both("Guardians", "监护人"),
    "teacher": both("Teachers", "教师"),
    "positive": both("positive wording", "正向表述"),
    "lonely": both("lonely wording", "孤独表述"),
    "raw": both("unadjusted", "未校正"),
    "adj": both("adjusted", "已校正"),
    "total": both("Total score", "总分"),
    "sub": both("The three difficulties", "三类困难"),
    "social_emotion": both("Social emotions", "社会情绪"),
    "peer_integration": both("Peer integration", "同伴融入"),
    "belonging": both("Belonging", "归属感"),
    "reliability": both("Latent mean", "潜均值"),
}
SCORE = LABELS["cls_total"]


def survey() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    left = np.repeat([1, 0], [318, 282])
    score = np.clip(np.round(rng.gamma(5, 3.2, 600) + 18 + 4 * left), 16, 80)
    return pd.DataFrame({"group": left, "score": score})


def flow(language: str) -> Any:
    rows = [
        (
            both("No consent of the guardian or no assent of the child", "监护人未同意或儿童不愿参加"),
            647,
            9,
            both("asked on the form's first page", "见问卷首页"),
        ),
        (both("Test forms and empty forms", "测试问卷与空白问卷"), 638, 6, None),
        (both("Child answered twice: first form kept", "重复作答：保留首份"), 632, 7, None),
        (
            both("Two or more flags of careless answering", "两项及以上敷衍作答指标"),
            625,
            14,
            both("thresholds fixed before groups were seen", "阈值在查看分组之前确定"),
        ),
        (both("Fewer than 80% of the loneliness items answered", "孤独量表作答不足 80%"), 611, 11, None),
    ]
    steps = pd.DataFrame([{"label": a, "before": b, "removed": r, "after": b - r, "why": w} for a, b, r, w in rows])
    return figures.flow(steps, language=language)


def missing(language: str) -> Any:
    frame = pd.DataFrame(
        {
            "variable": ["cls_total", "contact", "age", "guardian", "poverty", "stigma"],
            "missing": [11, 48, 3, 20, 71, 0],
            "n": 611,
        }
    )
    return figures.missing(frame, labels=LABELS, language=language, limit=0.05)


def distribution(language: str) -> Any:
    return figures.distribution(
        survey().rename(columns={"score": "cls_total"}),
        "cls_total",
        group="group",
        labels=LABELS,
        language=language,
        limits=(16, 80),
    )


def scree(language: str) -> Any:
    k = np.arange(1, 17)
    frame = pd.DataFrame({"component": k, "observed": 5.6 * k**-1.1 * 0.8 + 0.2, "random_quantile": 1.32 - 0.045 * k})
    return figures.scree(frame.assign(keep=k < 3), language=language)


def groups() -> pd.DataFrame:
    rows = []
    for value, part in survey().groupby("group"):
        half = 1.96 * part["score"].std() / len(part) ** 0.5
        mean = part["score"].mean()
        rows.append({"group": value, "n": len(part), "mean": mean, "ci_low": mean - half, "ci_high": mean + half})
    return pd.DataFrame(rows)


def group_difference(language: str) -> Any:
    return figures.group_difference(
        survey(),
        groups(),
        Estimate("mean difference", 4.11, (2.94, 5.28), unit="points"),
        labels=LABELS,
        language=language,
        score_label=SCORE,
    )


def group_difference_bins(language: str) -> Any:
    return figures.group_difference(
        survey(),
        groups(),
        Estimate("mean difference", 4.11, (2.94, 5.28), unit="points"),
        labels=LABELS,
        language=language,
        score_label=SCORE,
        points=False,
    )


def forest(language: str) -> Any:
    rows = [
        ("total", "raw", "raw", 0.52, 0.36, 0.68),
        ("total", "adj", "adj", 0.44, 0.25, 0.63),
        ("total", "reliability", "adj", np.nan, np.nan, np.nan),
        ("sub", "social_emotion", "raw", 0.41, 0.25, 0.57),
        ("sub", "peer_integration", "raw", 0.22, 0.06, 0.38),
        ("sub", "belonging", "raw", 0.09, -0.07, 0.25),
    ]
    frame = pd.DataFrame(rows, columns=["section", "row", "kind", "estimate", "ci_low", "ci_high"])
    return figures.forest(
        frame,
        xlabel=both("Hedges g, left-behind minus other children", "Hedges g（留守减非留守）"),
        labels=LABELS,
        language=language,
    )


def by_category(language: str) -> Any:
    rows = []
    for variable, categories in {
        "who": ["neither", "father", "mother", "both"],
        "grade": ["3", "4", "5", "6"],
        "sex": ["girl", "boy"],
    }.items():
        for i, category in enumerate(categories):
            mean = 34 + 1.5 * i
            rows.append((variable, category, 80 + 11 * i, mean, mean - 2.1, mean + 2.1))
    frame = pd.DataFrame(rows, columns=["variable", "category", "n", "mean", "ci_low", "ci_high"])
    return figures.by_category(
        frame,
        ylabel=both("Loneliness, mean and 95% CI", "孤独感均值及 95% 置信区间"),
        labels=LABELS,
        language=language,
    )


def cutoff_curve(language: str) -> Any:
    cuts = np.arange(20, 61)
    shares = {group: (part["score"].to_numpy()[:, None] > cuts).mean(axis=0)
              for group, part in survey().groupby("group")}
    shares["difference"] = shares[1] - shares[0]
    parts = [pd.DataFrame({"group": group, "cutoff": cuts, "share": share, "ci_low": share - 0.05, "ci_high":
             share + 0.05, "band_low": share - 0.09, "band_high": share + 0.09}) for group, share in shares.items()]
    frame = pd.concat(parts, ignore_index=True)
    marks = [
        {"value": 40, "label": both("mean > 2.5", "均分 > 2.5")},
        {"value": 46, "label": both("sum > 46", "总分 > 46")},
    ]
    return figures.cutoff_curve(
        frame, xlabel=both("Cut-off of the total score", "总分界值"), labels=LABELS, language=language, marks=marks
    )


def balance(language: str) -> Any:
    frame = pd.DataFrame({"term": ["age", "sex: girl", "poverty"], "smd": [-0.31, 0.05, 0.12],
                          "smd_overlap": [0.0, 0.0, 0.0], "smd_odds": [0.03, -0.01, 0.02]})
    return figures.balance(frame, labels=LABELS, language=language)


def specification_curve(language: str) -> Any:
    rng = np.random.default_rng(3)
    rows = [
        {"definition": d, "cleaning": c, "scoring": s, "covariates": v, "estimator": e}
        for d in ("one", "council")
        for c in ("with", "without")
        for s in ("all", "pos", "lon")
        for v in ("none", "dem", "full")
        for e in ("ols", "mixed")
    ]
    frame = pd.DataFrame(rows)
    frame["estimate"] = 3.2 - 1.7 * (frame["definition"] == "council") + rng.normal(0, 0.9, len(frame))
    frame["ci_low"], frame["ci_high"] = frame["estimate"] - 1.9, frame["estimate"] + 1.9
    names = {
        "definition": both("Definition", "留守定义"),
        "cleaning": both("Careless forms", "敷衍问卷"),
        "scoring": both("Scoring", "计分"),
        "covariates": both("Covariates", "协变量"),
        "estimator": both("Model", "模型"),
        "one": both("one or both parents away", "父母一方或双方外出"),
        "council": both("State Council 2016", "国务院 2016"),
        "with": both("kept", "保留"),
        "without": both("set aside", "剔除"),
        "all": both("16 items", "16 项"),
        "pos": both("positive items", "正向项目"),
        "lon": both("lonely items", "孤独项目"),
        "none": both("none", "无"),
        "dem": both("sex, age", "性别、年龄"),
        "full": both("all named", "全部预定"),
        "ols": both("clustered OLS", "聚类稳健 OLS"),
        "mixed": both("random intercept", "随机截距"),
    }
    return figures.specification_curve(
        frame,
        ["definition", "cleaning", "scoring", "covariates", "estimator"],
        ylabel=both("Difference in points", "差值（分）"),
        labels=names,
        language=language,
    )


def blocks(language: str) -> Any:
    rows = []
    for i, level in enumerate(style.LEVEL_ORDER):
        for entry, value in (("first", 0.19 - 0.04 * i), ("in_order", 0.17 - 0.05 * i), ("last", 0.08 - 0.02 * i)):
            rows.append((level, entry, value, max(value - 0.03, 0), value + 0.04))
    frame = pd.DataFrame(rows, columns=["level", "entry", "estimate", "ci_low", "ci_high"])
    return figures.blocks(frame, language=language)


def importance(language: str) -> Any:
    rows = [
        ("esteem", "individual", 0.24),
        ("anxiety", "individual", 0.13),
        ("age", "individual", 0.02),
        ("contact", "family", 0.09),
        ("guardian", "family", 0.11),
        ("poverty", "family", 0.04),
        ("support", "school_community", 0.17),
        ("bullying", "school_community", 0.12),
        ("stigma", "society", 0.08),
    ]
    frame = pd.DataFrame(rows, columns=["predictor", "level", "share"])
    frame["ci_low"], frame["ci_high"] = frame["share"] * 0.6, frame["share"] * 1.35
    return figures.importance(frame, labels=LABELS, language=language)


def mediation_sensitivity(language: str) -> Any:
    rho = np.linspace(-0.9, 0.9, 19)
    parts = [pd.DataFrame({"analysis": "sub", "mediator": name, "rho": rho, "indirect": rho + shift,
                           "low": rho + shift - 0.2, "high": rho + shift + 0.3, "rho_zero": -shift})
             for name, shift in (("contact", 0.3), ("support", 0.2), ("stigma", -0.6))]
    return figures.mediation_sensitivity(pd.concat(parts), labels=LABELS, language=language)


def simple_slopes(language: str) -> Any:
    value = np.linspace(1, 9, 21)
    slope = 4 - 0.5 * value
    line = pd.DataFrame({"kind": "line", "value": value, "slope": slope, "low": slope - 1, "high": slope + 1})
    region = pd.DataFrame({"kind": ["region"] * 2, "slope": [1.0, -1.0], "low": [1.0, 10.0], "high": [6.0, 11.0]})
    one = pd.concat([line, region]).assign(analysis="sub", predictor=1, moderator="support")
    points = pd.DataFrame({"kind": "point", "value": [0.0, 1.0], "slope": [-1.0, -2.0], "low": -3.0, "high": 0.5})
    two = points.assign(analysis="total", predictor="contact", moderator="stigma")
    return figures.simple_slopes(pd.concat([one, two]), labels=LABELS, language=language)


def codes_by_level(language: str) -> Any:
    rng = np.random.default_rng(5)
    themes = {
        "esteem": "individual",
        "anxiety": "individual",
        "contact": "family",
        "guardian": "family",
        "poverty": "family",
        "support": "school_community",
        "bullying": "school_community",
        "stigma": "society",
    }
    people = {f"P{i:02d}": "child" if i < 7 else "guardian_role" if i < 10 else "teacher" for i in range(1, 13)}
    rows = [
        (level, theme, p, role, int(n))
        for theme, level in themes.items()
        for p, role in people.items()
        if (n := rng.poisson(0.9))
    ]
    frame = pd.DataFrame(rows, columns=["level", "theme", "person", "role", "segments"])
    return figures.codes_by_level(frame, labels=LABELS, language=language)


def new_codes(language: str) -> Any:
    new = [5, 4, 3, 2, 2, 1, 1, 0, 1, 0, 0, 0]
    return figures.new_codes(
        pd.DataFrame({"interview": range(1, 13), "new": new, "total": np.cumsum(new)}), language=language
    )


def expected_fall(language: str) -> Any:
    r = np.linspace(0.4, 0.95, 56)
    curve = pd.DataFrame({"r": r, "expected": 20.5 * (1 - r), "ci_low": 17 * (1 - r), "ci_high": 24 * (1 - r)})
    return figures.expected_fall(
        curve,
        Estimate("observed fall", 8.4, (4.9, 11.9), unit="points"),
        chosen=0.68,
        plausible=(0.51, 0.80),
        language=language,
    )


def member_scores() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    rows = []
    for i in range(1, 9):
        kind = "low_peer" if i == 8 else "case" if i == 3 else "member"
        start = 24 if i == 8 else rng.normal(58, 4)
        for wave, fall in zip(["T0", "T1", "T2", "T3", "T4"], [0, 3, 9, 11, 9], strict=True):
            score = start + (2 if i == 8 else -fall * (0.3 if i == 3 and wave == "T2" else 1)) + rng.normal(0, 2)
            rows.append((f"M{i}", wave, kind, np.nan if (i, wave) == (5, "T4") else round(score)))
    return pd.DataFrame(rows, columns=["member", "wave", "kind", "score"])


def members(language: str) -> Any:
    return figures.members(member_scores(), ylabel=SCORE, labels=LABELS, language=language)


def mee_chua(language: str) -> Any:
    mu = np.linspace(25, 40, 21)
    frame = pd.DataFrame({"mu": mu, "effect": -6 + 0.1 * mu, "low": -20 + 0.3 * mu, "high": 8 - 0.1 * mu})
    return figures.mee_chua(frame, 32.5, (31.4, 33.6), language=language)


def sessions(language: str) -> Any:
    part = pd.DataFrame({"session": ["1", "2", "3"], "component": ["A", "A", "B"]})
    frame = pd.concat([part.assign(panel="attended", line="attended", value=[1, 0.875, 1.0]),
                       part.iloc[:2].assign(panel="feedback", line="feedback", value=[4.1, 4.4])], ignore_index=True)
    return figures.sessions(frame, labels=LABELS, language=language)


def ratings(language: str) -> Any:
    frame = pd.DataFrame({"session": ["1", "2"] * 2, "line": ["joins_in"] * 2 + ["looks_withdrawn"] * 2,
                          "panel": "rating", "value": [2.0, 3.5, 4.5, 3.0]})
    return figures.sessions(frame, labels=LABELS, language=language)


def reliable_change(language: str) -> Any:
    rci = [-3.4, -2.6, -2.1, -1.7, -0.9, 0.2, -2.3, 0.6]
    frame = pd.DataFrame(
        {
            "member": [f"M{i}" for i in range(1, 9)],
            "rci": rci,
            "kind": ["member"] * 5 + ["case", "member", "low_peer"],
        }
    )
    frame["rci_low"], frame["rci_high"] = frame["rci"] * 0.8 - 0.05, frame["rci"] * 1.25 + 0.05
    return figures.reliable_change(frame, labels=LABELS, language=language)


def phases(language: str) -> Any:
    value = [8, 9, 8, 9, 8, 7, 7, 6, 6, 5, 6, 5, 5, 4, 4, 3, 4, 3]
    frame = pd.DataFrame(
        {"time": range(1, 19), "phase": list("AAAAABBBBBBCCCCCCC"), "value": np.array(value, dtype=float)}
    )
    return figures.phases(
        frame,
        ylabel=both("Loneliness rated 0–10", "孤独自评（0–10）"),
        labels=LABELS,
        language=language,
        xlabel=both("Day of the case log", "个案记录日"),
    )


def goals(language: str) -> Any:
    frame = pd.DataFrame(
        {"goal": ["g1", "g2", "g3"], "weight": [3, 2, 1], "start": [-2, -1, -2], "reached": [0, 1, -1]}
    )
    names = {
        "g1": both("Phones the parents twice a week", "每周与父母通话两次"),
        "g2": both("Plays with classmates in the break", "课间与同学玩耍"),
        "g3": both("Tells the guardian about the day at school", "向监护人讲述在校情况"),
    }
    return figures.goals(frame, labels=names, language=language, score=51.2)


def claims_board(language: str) -> Any:
    verdicts = [
        "supported",
        "supported",
        "supported",
        "partly supported",
        "supported",
        "not supported",
        "supported",
        "supported",
        "cannot be tested with this design",
        "partly supported",
    ]
    evidence = [
        "adjusted comparison",
        *["association"] * 4,
        "adjusted comparison",
        "uncontrolled change",
        "single case",
        "single case",
        "uncontrolled change",
    ]
    claim = both(
        "Left-behind children are lonelier than other children of the same sex, age and class",
        "在性别、年龄和班级相同的情况下，留守儿童比其他儿童更孤独",
    )
    frame = pd.DataFrame(
        {"id": [f"c{i}" for i in range(10)], "verdict": verdicts, "evidence": evidence, "claim": [claim] * 10}
    )
    return figures.claims_board(frame, language=language)

def chain(language: str) -> Any:
    from lbc.analysis.chain import GAPS

    rows = [
        ("individual", "keeps feelings inside", "name and show feelings", "skills", "2", "esteem", "esteem", ""),
        ("family", "few and short calls", "regular good talks", "calls", "3", "contact", "contact", ""),
        ("family", "parents have become strangers", "feel close again", "calls", "4", "", "", "no measure"),
        ("school_community", "left out by classmates", "be accepted", "skills", "5", "support", "", "no outcome"),
        ("society", "no professional help near", "a person in charge nearby", "", "", "", "", "no component"),
    ]
    steps = ["level", "cause", "need", "component", "session", "measure", "outcome", "gap"]
    names = {"skills": both("skills for getting along", "人际交往技能"), "keeps feelings inside": both(
        "keeps feelings inside", "情绪压抑")} | {row[k]: both(row[k], "亲子联系少而短暂") for row in rows for k in (1, 2)}
    changes = {"esteem": Result("sign flip", Estimate("mean change", -0.26, (-3.5, 4.0)))}
    return figures.chain(pd.DataFrame(rows, columns=steps), GAPS, changes, labels=LABELS | names | {
        "calls": both("bonds with parents and guardians", "亲子与照料者联结")}, language=language)


def co_occurrence(language: str) -> Any:
    themes = ["esteem", "anxiety", "contact", "guardian", "poverty", "support", "bullying", "stigma"]
    rows = [(theme, other, 12 - 2 * i if i == j else (i + 2 * j) % 5)
            for i, theme in enumerate(themes) for j, other in enumerate(themes[: i + 1])]
    frame = pd.DataFrame(rows, columns=["theme", "other", "persons"])
    return figures.co_occurrence(frame, labels=LABELS, language=language)


def joint_display(language: str) -> Any:
    rows = [
        ("individual", "esteem", 6, 12, 4, 2, 0, "esteem", "down", -0.41, -0.47, -0.34, "agrees"),
        ("individual", "nobody spoke of it", 0, 12, 0, 0, 0, "age", "", -0.15, -0.22, -0.06, "silent"),
        ("family", "contact", 7, 12, 4, 2, 1, "contact", "down", -0.22, -0.31, -0.12, "agrees"),
        ("school_community", "bullying", 3, 12, 1, 1, 1, "bullying", "up", 0.05, -0.04, 0.15, "undecided"),
        ("society", "stigma", 5, 12, 2, 1, 2, "not asked", "", np.nan, np.nan, np.nan, "extends"),
    ]
    names = ["level", "theme", "persons", "of", "child", "guardian", "teacher", "predictors", "direction", "r", "low",
             "high", "verdict"]
    return figures.joint_display(pd.DataFrame(rows, columns=names), labels=LABELS, language=language)


def power(language: str) -> Any:
    from lbc.reporting.figures_planning import power as draw

    survey = pd.DataFrame({"children": [300, 600, 900], "power_1": [0.1, 0.2, 0.3], "power_3": [0.5, 0.8, 0.9],
                           "power_5": [0.9, 0.99, 1.0]})
    members = pd.DataFrame({"members": [6, 8, 10, 12], "power_5": [0.2, 0.3, 0.35, 0.4],
                            "power_8": [0.5, 0.6, 0.7, 0.8], "power_10": [0.7, 0.8, 0.9, 0.95]})
    retest = pd.DataFrame({"retest": [0.4, 0.6, 0.8], "false_paired": [0.8, 0.6, 0.3],
                           "false_positives": [0.05, 0.05, 0.05]})
    return draw(survey, members, retest, planned=(600, 8), compared=False, language=language)


def distribution_of_all(language: str) -> Any:
    return figures.distribution(survey().rename(columns={"score": "cls_total"}), "cls_total", labels=LABELS,
                                language=language)


DRAW: dict[str, Callable[[str], Any]] = {
    f.__name__: f
    for f in (
        flow,
        missing,
        distribution,
        scree,
        group_difference,
        group_difference_bins,
        forest,
        by_category,
        cutoff_curve,
        balance,
        specification_curve,
        blocks,
        importance,
        mediation_sensitivity,
        simple_slopes,
        codes_by_level,
        new_codes,
        expected_fall,
        members,
        mee_chua,
        sessions,
        ratings,
        reliable_change,
        phases,
        goals,
        claims_board,
        chain,
        co_occurrence,
        joint_display,
        power,
        distribution_of_all,
    )
}
