"""The field's words in both languages: names of quantities, units, tests, strengths of evidence, rules for sizes.

A name that is not listed is printed as it stands, so a new analysis works at once and reads well after one more line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lbc.results import Words

EVIDENCE: dict[str, Words] = {
    "randomised comparison": {"en": "randomised comparison", "zh": "随机对照比较"},
    "adjusted comparison": {"en": "adjusted comparison", "zh": "校正后的比较"},
    "association": {"en": "association", "zh": "相关关系"},
    "uncontrolled change": {"en": "uncontrolled change", "zh": "无对照的前后变化"},
    "single case": {"en": "single case", "zh": "单一个案"},
}
EVIDENCE_MEANS: dict[str, Words] = {
    "randomised comparison": {
        "en": "chance decided who belonged to which group",
        "zh": "分组由随机决定",
    },
    "adjusted comparison": {
        "en": "measured confounders are held equal, unmeasured ones are not",
        "zh": "已控制测得的混杂因素，未测得的因素仍可能存在",
    },
    "association": {
        "en": "the two go together, which does not say why",
        "zh": "二者相伴出现，不能说明原因",
    },
    "uncontrolled change": {
        "en": "a change over time without a comparison, which time and regression to the mean also bring about",
        "zh": "没有对照的前后变化，时间推移与向均值回归也会带来同样的变化",
    },
    "single case": {
        "en": "one child, which says nothing about other children",
        "zh": "仅一名儿童，不能推及其他儿童",
    },
}
VERDICTS: dict[str, Words] = {
    "supported": {"en": "supported", "zh": "得到支持"},
    "partly supported": {"en": "partly supported", "zh": "部分得到支持"},
    "not supported": {"en": "not supported", "zh": "未得到支持"},
    "cannot be tested with this design": {"en": "cannot be tested with this design", "zh": "本研究设计无法检验"},
}
NOT_ESTIMABLE: Words = {"en": "not estimable", "zh": "无法估计"}
NO_REASON: Words = {"en": "no reason was recorded", "zh": "未记录原因"}
LEVELS: dict[str, Words] = {
    "individual": {"en": "Individual", "zh": "个体"},
    "family": {"en": "Family", "zh": "家庭"},
    "school_community": {"en": "School and community", "zh": "学校与社区"},
    "society": {"en": "Society", "zh": "社会"},
}
GROUPS: dict[str, Words] = {
    "left-behind": {"en": "left-behind", "zh": "名留守儿童"},
    "not left-behind": {"en": "not left-behind", "zh": "名非留守儿童"},
    "member": {"en": "member", "zh": "名组员"},
    "left_behind": {"en": "left-behind", "zh": "名留守儿童"},
    "other": {"en": "other children", "zh": "名非留守儿童"},
    "not_left_behind": {"en": "other children", "zh": "名非留守儿童"},
    "children": {"en": "children", "zh": "名儿童"}, "persons": {"en": "persons", "zh": "人"},
    "members": {"en": "members", "zh": "名组员"}, "pairs": {"en": "pairs", "zh": "对"},
    "treated": {"en": "members", "zh": "名组员"},
    "untreated": {"en": "untreated children", "zh": "名未参加小组的儿童"},
    "sets": {"en": "placebo sets", "zh": "个安慰剂组合"}, "studies": {"en": "simulated studies", "zh": "次模拟研究"},
    "population": {"en": "children surveyed", "zh": "名受调查儿童"},
    "case": {"en": "child with case work", "zh": "名接受个案工作的儿童"},
    "controls": {"en": "members with group work alone", "zh": "名仅参加小组的组员"},
    "forms in the file": {"en": "forms in the file", "zh": "份问卷在文件中"},
    "received": {"en": "received", "zh": "份收回"}, "consent": {"en": "with consent", "zh": "份已获同意"},
    "blank_or_test": {"en": "neither blank nor a test", "zh": "份非空白亦非测试"},
    "usable_ids": {"en": "with a usable id", "zh": "份编号可用"},
    "duplicates": {"en": "each child once", "zh": "份不重复"},
    "scope": {"en": "within scope", "zh": "份属于研究范围"},
    "careless": {"en": "answered with care", "zh": "份认真作答"},
    "outcome_missing": {"en": "with the outcome", "zh": "份结果变量可用"},
    "forms": {"en": "forms", "zh": "份问卷"}, "classes": {"en": "classes", "zh": "个班级"},
    "clusters": {"en": "classes", "zh": "个班级"}, "groups": {"en": "groups", "zh": "个群组"},
    "schools": {"en": "schools", "zh": "所学校"}, "observations": {"en": "observations", "zh": "个观测"},
    "segments": {"en": "coded segments", "zh": "个编码片段"}, "units": {"en": "units", "zh": "个单元"},
    "coders": {"en": "coders", "zh": "名编码者"}, "raters": {"en": "raters", "zh": "名评分者"},
    "baseline": {"en": "points before", "zh": "个基线点"}, "treatment": {"en": "points after", "zh": "个干预点"},
    "points after": {"en": "points after", "zh": "个干预点"},
    "beyond both lines": {"en": "beyond both lines", "zh": "个超出双线"},
    "needed": {"en": "needed", "zh": "个为所需"}, "causes": {"en": "causes", "zh": "个原因"},
    "goals": {"en": "goals", "zh": "个目标"}, "checks": {"en": "checks", "zh": "项检查"},
    "same sign": {"en": "of the same sign", "zh": "种方向相同"},
    "same sign, p < .05": {"en": "of the same sign with p < .05", "zh": "种方向相同且 p < 0.05"},
    "specifications": {"en": "specifications", "zh": "种设定"}, "cases": {"en": "cases", "zh": "个个案"},
    "agrees": {"en": "agree", "zh": "项一致"}, "diverges": {"en": "diverge", "zh": "项分歧"},
    "undecided": {"en": "undecided", "zh": "项未定"}, "extends": {"en": "extend", "zh": "项扩展"},
    "silent": {"en": "silent", "zh": "项沉默"}, "absent": {"en": "absent on both sides", "zh": "项均未见"},
    "x": {"en": "in the first group", "zh": "人（第一组）"},
    "y": {"en": "in the second group", "zh": "人（第二组）"}, "n": {"en": "", "zh": ""},
    "total": {"en": "", "zh": ""}, "all": {"en": "children", "zh": "名儿童"},
}
UNITS: dict[str, Words] = {
    "points": {"en": " points", "zh": " 分"}, "point": {"en": " points", "zh": " 分"},
    "SD": {"en": " SD", "zh": " 个标准差"}, "sd": {"en": " SD", "zh": " 个标准差"},
    "children": {"en": " children", "zh": " 人"}, "forms": {"en": " forms", "zh": " 份"},
    "%": {"en": "%", "zh": "%"}, "percent": {"en": "%", "zh": "%"}, "": {"en": "", "zh": ""},
}
SHARES = {"share", "proportion"}
"""Units of quantities kept as shares (0 to 1) and read as percentages; the unit "%" means: already a percentage."""
OF_EFFECTS = {
    "percentage change": "%", "share of random orders with such a run": "share", "part of explained R2": "share",
    **dict.fromkeys(("mean difference", "adjusted mean difference", "contrast of means", "difference of differences",
                     "mean change", "indirect association"), "points")}
"""Units where a finding keeps none: of effects, and of what any variable may have, here scores of scales."""
NAMES: dict[str, str] = {
    "mean difference": "均值差", "adjusted difference": "校正后差值", "adjusted mean difference": "校正后均值差",
    "adjusted difference / pooled SD": "校正后差值（合并标准差）",
    "adjusted difference / baseline SD": "校正后差值（基线标准差）", "difference": "差值",
    "difference of gains": "变化之差", "mean change": "平均变化", "change": "变化", "mean": "均值",
    "median": "中位数", "expected fall": "预期回落", "observed fall": "实际回落",
    "expected change": "预期变化", "observed change": "实际变化",
    "change beyond regression to the mean": "超出向均值回归的变化",
    "Hodges-Lehmann median change": "Hodges-Lehmann 变化中位数", "percentage change": "百分比变化", "share": "比例",
    "proportion": "比例", "median specification": "各设定的中位数",
    "median specification / SD": "各设定的中位数（标准差）", "share of missing answers": "缺失作答比例",
    "share of checks that agree": "相符检查的比例", "forms kept": "保留问卷数",
    "share of increases among those who changed": "有变化者中上升的比例", "number of forms": "问卷数",
    "ordinal alpha": "序次 α", "CFI": "CFI", "RMSEA": "RMSEA",
    "omega total": "总 ω", "latent mean difference": "潜均值差",
    "latent mean difference / pooled SD": "潜均值差（合并标准差）",
    "correlation": "相关系数", "mean correlation": "平均相关", "odds ratio": "比值比",
    "share of themes on which both agree": "双方一致的主题比例",
    "number of interviews before a run without news": "不再出现新信息之前的访谈数",
    "share of random orders with such a run": "随机次序中达到该标准的比例",
    "relative increase in variance": "方差相对增量",
    "rank-biserial correlation": "秩二列相关", "probability of superiority": "优势概率",
    "Bayes factor": "贝叶斯因子", "E-value": "E 值",
    "E-value of the limit nearest to zero": "最接近零的置信限的 E 值",
    "robustness value (partial R²)": "稳健值（偏 R²）",
    "robustness value of the limit nearest to zero (partial R²)": "最接近零的置信限的稳健值（偏 R²）",
    "R squared": "R²", "delta R squared": "ΔR²", "delta R2": "ΔR²",
    "LMG share": "LMG 份额", "LMG share of R2": "R² 的 LMG 份额", "part of explained R2": "占已解释 R² 的比例",
    "share of R squared": "R² 份额", "change of CFI": "CFI 变化", "change of RMSEA": "RMSEA 变化",
    "contrast of means": "均值对比", "contrast / pooled SD": "均值对比（合并标准差）",
    "difference of differences": "差值之差", "partial eta squared": "偏 η²", "omega squared": "ω²",
    "epsilon squared": "ε²", "Cramér's V": "Cramér V 系数",
    "regression coefficient": "回归系数", "coefficient": "系数", "slope": "斜率", "indirect effect": "间接关联",
    "indirect association": "间接关联", "indirect association / SD of the outcome": "间接关联（结果的标准差）",
    "R2 gained by the interaction": "交互项增加的 R²",
    "change of the slope": "斜率的变化", "R2 within classes": "班内 R²", "R2 between classes": "班间 R²",
    "R2, predictors": "预测变量的 R²", "R2, predictors and classes": "预测变量与班级的 R²",
    "share of points beyond both lines": "超出双线的点所占比例", "number of missing links": "缺失环节数",
    "change of level": "水平变化", "change of slope": "斜率变化", "Tau-b of the baseline's trend": "基线趋势的 Tau-b",
    "log response ratio": "对数反应比", "T score": "T 分", "goal attainment T": "目标达成 T 分",
    "Kendall's W": "Kendall W 系数", "Kendall's tau-b": "Kendall τ-b", "BF10": "BF10",
    "share of studies that reject": "拒绝原假设的研究比例",
    "reliable change index": "可靠变化指数", "percentage expected below the case": "预计低于该个案的百分比",
}
"""Chinese names; symbols and names of coefficients (Hedges g, NAP, ICC) read the same in both languages."""
BOUNDED = re.compile(
    r"alpha|omega|α|ω|correlation|R squared|R²|R2|NAP|Tau|kappa|P\(|AC1|KMO|KR-20|probability|share|ICC|LMG|"
    r"eta squared|Cramér|CFI|RMSEA|Kendall's W", re.I
)
"""Quantities that cannot exceed 1 in size."""
SYMBOLS: list[tuple[str, str]] = [
    (r"friedman", "Q"),
    (r"^t$|tost|welch|student|satterthwaite|crawford|t[ -]test|paired|ancova|brunner", "t"),
    (r"^f\b|anova|f[ -]test", "F"),
    (r"chi|χ|likelihood ratio|little|wald", "χ²"), (r"^z$|score", "z"), (r"^r$|pearson", "r"),
    (r"kendall|^tau", "τ"), (r"spearman|^rho", "ρ"), (r"signed.?rank|wilcoxon|^v\+?$", "V"),
    (r"mann|^u$", "U"),
]
EXACT: dict[str, Words] = {
    "sign-flip": {"en": "exact sign-flip test, ", "zh": "精确符号翻转检验，"},
    "sign flip": {"en": "exact sign-flip test, ", "zh": "精确符号翻转检验，"},
    "permutation": {"en": "permutation test, ", "zh": "置换检验，"},
    "wilcoxon": {"en": "exact signed-rank test, ", "zh": "精确符号秩检验，"},
    "signed-rank": {"en": "exact signed-rank test, ", "zh": "精确符号秩检验，"},
    "brunner": {"en": "Brunner–Munzel test, ", "zh": "Brunner–Munzel 检验，"},
    "sign test": {"en": "sign test, ", "zh": "符号检验，"}, "increases": {"en": "sign test, ", "zh": "符号检验，"},
    "v+": {"en": "exact signed-rank test, ", "zh": "精确符号秩检验，"},
    "randomization, one-sided": {"en": "one-sided randomisation test, ", "zh": "单侧随机化检验，"},
    "randomization, two-sided": {"en": "randomisation test, ", "zh": "随机化检验，"},
    "tost": {"en": "two one-sided tests, ", "zh": "双单侧检验，"},
    "fisher": {"en": "Fisher's exact test, ", "zh": "Fisher 精确检验，"},
    "friedman": {"en": "Friedman test, ", "zh": "Friedman 检验，"},
    "placebo": {"en": "randomisation inference, ", "zh": "随机化推断，"},
    "(cluster-robust)": {"en": "cluster-robust test, ", "zh": "聚类稳健检验，"},
}


@dataclass(frozen=True)
class Rule:
    """A published rule that turns a size into a word."""

    source: str
    symbol: str
    bounds: tuple[float, ...]
    words: dict[str, tuple[str, ...]]
    absolute: bool = False


_COHEN = {"en": ("negligible", "small", "medium", "large"), "zh": ("可忽略", "小", "中等", "大")}
RULES: dict[str, Rule] = {
    "g": Rule("Cohen 1988", "|g|", (0.2, 0.5, 0.8), _COHEN, True),
    "d": Rule("Cohen 1988", "|d|", (0.2, 0.5, 0.8), _COHEN, True),
    "r": Rule("Cohen 1988", "|r|", (0.1, 0.3, 0.5), _COHEN, True),
    "r2": Rule("Cohen 1988", "R²", (0.02, 0.13, 0.26), _COHEN),
    "f2": Rule("Cohen 1988", "f²", (0.02, 0.15, 0.35), _COHEN),
    "or": Rule("Chen, Cohen & Chen 2010", "OR", (1.68, 3.47, 6.71), _COHEN),
    "kappa": Rule("Landis & Koch 1977", "κ", (0.0, 0.2, 0.4, 0.6, 0.8), {
        "en": ("poor", "slight", "fair", "moderate", "substantial", "almost perfect"),
        "zh": ("差", "轻微", "一般", "中等", "较高", "几乎完全一致")}),
    "krippendorff": Rule("Krippendorff 2004", "α", (0.667, 0.8), {
        "en": ("too low to rely on", "enough for tentative conclusions", "reliable"),
        "zh": ("过低，不宜采信", "仅可作初步结论", "可靠")}),
    "nap": Rule("Parker & Vannest 2009", "NAP", (0.66, 0.93), {
        "en": ("weak", "medium", "large"), "zh": ("弱", "中等", "大")}),
    "alpha": Rule("Nunnally & Bernstein 1994", "α", (0.7, 0.8, 0.9), {
        "en": ("below the usual floor", "enough for early research", "good for comparing groups",
               "good for single persons"),
        "zh": ("低于通常下限", "可用于初步研究", "适于组间比较", "适于个体判断")}),
    "smd": Rule("Austin 2009", "|SMD|", (0.1,), {"en": ("balanced", "unbalanced"), "zh": ("均衡", "不均衡")}, True),
    "bf": Rule("Lee & Wagenmakers 2013", "BF10", (1 / 10, 1 / 3, 1, 3, 10, 30), {
        "en": ("strong evidence for no difference", "moderate evidence for no difference",
               "hardly any evidence, leaning to no difference", "hardly any evidence, leaning to a difference",
               "moderate evidence for a difference", "strong evidence for a difference",
               "very strong evidence for a difference"),
        "zh": ("无差异的强证据", "无差异的中等证据", "证据微弱，略偏向无差异", "证据微弱，略偏向有差异",
               "有差异的中等证据", "有差异的强证据", "有差异的很强证据")}),
}


def words(value: Any, language: str) -> str:
    """A text in the language asked for; a plain string stands for both."""
    return value[language] if isinstance(value, dict) else str(value)


def labelled(key: Any, labels: dict[Any, Any] | None, language: str) -> str:
    """The label of a name; the name itself where none was given; a text in both languages stands for itself."""
    return words(key if isinstance(key, dict) else (labels or {}).get(key, key), language)


def name(text: str, language: str) -> str:
    return NAMES.get(text, text.replace("'s ", " ").replace("' ", " ")) if language == "zh" else text


def unit(text: str, language: str) -> str:
    return UNITS[text][language] if text in UNITS else f" {text}"


def unit_of(entry: dict[str, Any]) -> str:
    """The unit of a finding's estimate or effect."""
    return entry.get("unit") or OF_EFFECTS.get(entry["name"], "")


def group(key: str, language: str) -> str:
    return GROUPS[key][language] if key in GROUPS else key.replace("_", " ")


def is_bounded(text: str) -> bool:
    return bool(BOUNDED.search(text)) and "change" not in text.lower() and "index" not in text.lower()


def digits(text: str, unit_: str) -> int:
    """Digits after the point: whole for counts, three for explained variance, else two."""
    if unit_ in {"children", "forms"} or text.startswith(("number of", "forms ")):
        return 0
    if unit_ == "%":
        return 1
    return 3 if re.search(r"R²|R squared|R2|CFI|RMSEA|eta squared", text) else 2


def symbol(test: str, language: str) -> tuple[str, str]:
    """The statistic's symbol and, for tests that the symbol alone does not tell, their name in words."""
    low = test.lower()
    lead = next((text[language] for part, text in EXACT.items() if part in low), "")
    found = next((sign for pattern, sign in SYMBOLS if re.search(pattern, low)), "")
    if not found and not lead:
        return test, ""
    return found or {"en": "statistic", "zh": "统计量"}[language], lead


def pick(language: str, en: str, zh: str) -> str:
    """One of two texts; a language that is neither is a mistake of ours."""
    return {"en": en, "zh": zh}[language]
