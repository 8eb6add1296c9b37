"""What table columns are called in both languages, and how their numbers are printed, wherever a name says enough."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lbc.reporting.terms import labelled
from lbc.results import Words

_HEADS = """
n|n|n
N|N|N
mean|M|M
m|M|M
sd|SD|SD
low|95% CI low|95% CI 下限
high|95% CI high|95% CI 上限
ci_low|95% CI low|95% CI 下限
ci_high|95% CI high|95% CI 上限
p|p|p
p_holm|p (Holm)|p（Holm）
p_change|p|p
d_p|p (Δχ²)|p（Δχ²）
t|t|t
F|F|F
F_change|F change|F 变化
df|df|df
df_change|df 1|df 1
df_residual|df 2|df 2
df_cluster|df (clusters)|df（聚类）
F_cluster|F (cluster-robust)|F（聚类稳健）
p_cluster|p (cluster-robust)|p（聚类稳健）
f2_change|f² change|f² 变化
statistic|statistic|统计量
estimate|estimate|估计值
se|SE|标准误
b|B|B
beta|β|β
r|r|r
chi2|χ²|χ²
cfi|CFI|CFI
tli|TLI|TLI
rmsea|RMSEA|RMSEA
rmsea_low|RMSEA low|RMSEA 下限
rmsea_high|RMSEA high|RMSEA 上限
srmr|SRMR|SRMR
aic|AIC|AIC
bic|BIC|BIC
d_chi2|Δχ²|Δχ²
d_df|Δdf|Δdf
d_cfi|ΔCFI|ΔCFI
d_rmsea|ΔRMSEA|ΔRMSEA
d_srmr|ΔSRMR|ΔSRMR
n_smallest|smallest group|最小组
n_largest|largest group|最大组
problems|problems|问题
refused|refused because|拒绝原因
share_trait|share of the trait|特质所占比例
share_wording|share of the wording|措辞所占比例
model|model|模型
step|step|步骤
problem|problem|问题
cells|cells|单元格数
columns|columns|列数
set_to_missing|set to missing|记为缺失
scale|scale|量表
part|part|部分
items|items|题数
alpha|α|α
alpha_low|α low|α 下限
alpha_high|α high|α 上限
omega|ω|ω
reason|reason|原因
item|item|题目
r_total|r with total|与总分相关
r_rest|r with the rest|与其余题目相关
alpha_without|α without it|删除后 α
floor|lowest answer|最低选项
ceiling|highest answer|最高选项
missing|missing|缺失
en|what|内容
zh|what|内容
found|found|实际
expected|expected|应为
agrees|agrees|一致
flag|flag|标记
forms|forms|问卷数
share|share|比例
sample|sample|样本
left_behind|left-behind|留守
definition|definition|定义
label|what|内容
not_left_behind|not left-behind|非留守
undetermined|undetermined|无法判定
variable|variable|变量
level|level|层面
kind|kind|类型
smd|SMD|SMD
missing_reference|missing|缺失
missing_focal|missing|缺失
method|method|方法
term|term|项
predictor|predictor|预测变量
predictors|predictors|预测变量
vif|VIF|VIF
vif_per_df|VIF per df|每自由度 VIF
r2|R²|R²
r2_adjusted|adjusted R²|调整 R²
delta_r2|ΔR² in order|依次 ΔR²
delta_r2_low|95% CI low|95% CI 下限
delta_r2_high|95% CI high|95% CI 上限
first|ΔR² first|首先 ΔR²
first_low|95% CI low|95% CI 下限
first_high|95% CI high|95% CI 上限
last|ΔR² last|最后 ΔR²
last_low|95% CI low|95% CI 下限
last_high|95% CI high|95% CI 上限
lmg|LMG share|LMG 份额
lmg_low|95% CI low|95% CI 下限
lmg_high|95% CI high|95% CI 上限
percent|% of R²|占 R² %
percent_low|95% CI low|95% CI 下限
percent_high|95% CI high|95% CI 上限
confidence|confidence|置信水平
left_out|left out|剔除
clusters|classes|班级数
code|code|编码
given|given|给出次数
agreed|agreed|一致次数
percent_agreement|agreement|一致率
note|note|说明
kappa|κ|κ
ac1|AC1|AC1
theme|theme|主题
persons|persons|人数
of|of|总人数
persons_either|by either coder|任一编码者
segments|segments|片段数
paraphrase|paraphrase|转述
component|component|组成部分
sessions|sessions|次数
attended|attended|出席率
feedback|feedback (1-5)|反馈（1-5）
behaviour|behaviour|行为
icc|ICC|ICC
contrast|contrast|对比
n_baseline|n baseline|基线点数
n_phase|n phase|阶段点数
median_baseline|median baseline|基线中位数
median_phase|median phase|阶段中位数
change|change|变化
trend_baseline|trend baseline|基线趋势
trend_phase|trend phase|阶段趋势
immediate|immediate change|即时变化
nap|NAP|NAP
nap_low|95% CI low|95% CI 下限
nap_high|95% CI high|95% CI 上限
tau|Tau|Tau
tau_low|95% CI low|95% CI 下限
tau_high|95% CI high|95% CI 上限
pnd|PND|PND
pem|PEM|PEM
ird|IRD|IRD
bc_tau|BC-Tau|BC-Tau
bc_p|p (BC-Tau)|p（BC-Tau）
corrected|trend corrected|已校正趋势
adequate|enough points (WWC)|点数是否足够（WWC）
cause|cause|原因
need|need|需要
session|session|环节
measure|measure|测量
gap|missing link|缺失环节
evidence|strength of evidence|证据强度
findings|findings|结果数
confirmatory|confirmatory|验证性
not_estimable|not estimable|无法估计
claim|claim|论断
finding|finding|结果
value|value|值
verdict|verdict|判断
sentence|sentence|句子
exhibits|exhibits|图表
where|where|位置
text|as printed|所印内容
consistent|consistent|一致
remark|remark|备注
rule|what was fixed|规定内容
holds|fixed as|规定
loneliness|Loneliness rating|孤独感评分
negative_emotion|Negative emotion rating|消极情绪评分
row|row|行
column|column|列
done|done|处理
other_row|other row|另一行
outcome|result|结果
tests|tests|检验数
"""
HEADS: dict[str, Words] = {
    name: {"en": en, "zh": zh} for name, en, zh in (line.split("|") for line in _HEADS.strip().splitlines())
}

FORMATS = {"d_df": "d"} | dict.fromkeys(
    ("p", "p_holm", "p_change", "d_p", "p_cluster", "bc_p"), "p"
) | dict.fromkeys(
    ("share", "floor", "ceiling", "missing", "attended", "percent_agreement", "share_trait", "share_wording"), ".1%"
) | dict.fromkeys(
    ("percent", "percent_low", "percent_high"), ".1f"
) | dict.fromkeys(
    ("alpha", "alpha_low", "alpha_high", "omega", "r_total", "r_rest", "alpha_without", "r", "beta", "kappa", "ac1",
     "icc", "nap", "nap_low", "nap_high", "tau", "tau_low", "tau_high", "pnd", "pem", "ird", "bc_tau"), ".2r"
) | dict.fromkeys(
    ("cfi", "tli", "rmsea", "rmsea_low", "rmsea_high", "srmr", "d_cfi", "d_rmsea", "d_srmr", "r2", "r2_adjusted",
     "delta_r2", "delta_r2_low", "delta_r2_high", "first", "first_low", "first_high", "last", "last_low", "last_high",
     "lmg", "lmg_low", "lmg_high"), ".3r"
)
WORDS: dict[str, Words] = {
    "True": {"en": "yes", "zh": "是"}, "False": {"en": "no", "zh": "否"},
    "all forms": {"en": "all forms", "zh": "全部问卷"},
    "careless forms set aside": {"en": "careless forms set aside", "zh": "剔除敷衍问卷"},
    "one factor": {"en": "one factor", "zh": "单因子"},
    "two factors": {"en": "two factors (positive, lonely)", "zh": "双因子（正向、孤独）"},
    "wording factor": {"en": "one factor and wording", "zh": "单因子加措辞因子"},
    "configural": {"en": "configural", "zh": "形态不变"}, "metric": {"en": "metric", "zh": "载荷不变"},
    "scalar": {"en": "scalar", "zh": "标量不变"}, "strict": {"en": "strict", "zh": "严格不变"},
    "meets": {"en": "meets", "zh": "达到"}, "with reservations": {"en": "with reservations", "zh": "有保留地达到"},
    "too few points": {"en": "too few points", "zh": "点数过少"},
    "mean": {"en": "M (SD)", "zh": "M（SD）"}, "share": {"en": "n (%)", "zh": "n（%）"},
    "same id": {"en": "same id", "zh": "编号相同"}, "same answers": {"en": "same answers", "zh": "答案相同"},
    "highest code = most agreement": {"en": "highest code = most agreement", "zh": "最高编码 = 最同意"},
    "lowest code = most agreement: keyed accordingly": {
        "en": "lowest code = most agreement: keyed accordingly", "zh": "最低编码 = 最同意：已据此计分"},
    "keyed > not keyed": {"en": "keyed > not keyed", "zh": "反向计分后 > 计分前"},
    "near 0": {"en": "near 0", "zh": "接近 0"}, "no labels": {"en": "no labels", "zh": "无标签"},
    "too few forms": {"en": "too few forms", "zh": "问卷过少"},
    "given too rarely for an interval": {
        "en": "given too rarely for an interval", "zh": "给出次数过少，无法计算区间"},
    "Welch": {"en": "Welch's t test", "zh": "Welch t 检验"},
    "paired t test": {"en": "paired t test", "zh": "配对 t 检验"},
    "sign-flip test, exact": {"en": "sign-flip test, exact", "zh": "符号翻转检验（精确）"},
    "Wilcoxon signed-rank test, exact": {
        "en": "Wilcoxon signed-rank test, exact", "zh": "Wilcoxon 符号秩检验（精确）"},
    "sign test": {"en": "sign test", "zh": "符号检验"},
    "Hodges-Lehmann": {"en": "Hodges–Lehmann", "zh": "Hodges–Lehmann 估计"},
    "rank-biserial r": {"en": "rank-biserial r", "zh": "秩二列相关 r"},
    "Hedges g, unpooled": {"en": "Hedges g, unpooled", "zh": "Hedges g（不合并方差）"},
    "Brunner-Munzel, P(reference < focal)": {
        "en": "Brunner–Munzel, P(reference < focal)", "zh": "Brunner–Munzel，P（参照组 < 关注组）"},
    "JZS Bayes factor BF10 (r = 0.707)": {
        "en": "JZS Bayes factor BF10 (r = 0.707)", "zh": "JZS 贝叶斯因子 BF10（r = 0.707）"},
    "JZS Bayes factor BF10 (r = 1)": {"en": "JZS Bayes factor BF10 (r = 1)", "zh": "JZS 贝叶斯因子 BF10（r = 1）"},
    "(Intercept)": {"en": "(intercept)", "zh": "（截距）"}, "time": {"en": "later wave", "zh": "后一次调查"},
    "focal": {"en": "group of interest", "zh": "关注组"},
    "time:focal": {"en": "later wave × group of interest", "zh": "后一次调查 × 关注组"},
    "variance between groups": {"en": "variance between groups", "zh": "组间方差"},
    "variance within groups": {"en": "variance within groups", "zh": "组内方差"},
    "log-likelihood": {"en": "log-likelihood", "zh": "对数似然"}, "groups": {"en": "groups", "zh": "组数"},
}
AWAY: dict[str, Words] = {
    "neither": {"en": "neither", "zh": "都在家"}, "father": {"en": "father", "zh": "父亲"},
    "mother": {"en": "mother", "zh": "母亲"}, "both": {"en": "both", "zh": "父母双方"},
}
"""Who is away: words that may mean something else elsewhere, so that they are read only as levels and in terms."""
LEVEL_OF_A_TERM = re.compile(r"(\w+)(?:=|: )(.+)")


def in_words(column: str, text: str, labels: Mapping[Any, Any], language: str) -> str:
    """A cell's text as it is read: our own words in the language, everything else as it stands.

    Parameters
    ----------
    column : str
        A contrast ("A v all"), a term ("parents_away=father") and a gap ("need, session") are taken apart.
    labels : mapping
        Labels of variables and values.

    Examples
    --------
    >>> in_words("contrast", "A v all", {}, "zh"), in_words("step", "metric", {}, "en")
    ('A 对全部', 'metric')
    """
    if text in labels or text in WORDS:
        return labelled(text, labels if text in labels else WORDS, language)
    if column == "contrast" and language == "zh" and " v " in text:
        baseline, _, phase = text.partition(" v ")
        return f"{baseline} 对全部" if phase == "all" else f"{baseline} 对 {phase}"
    if column == "gap":
        return {"en": ", ", "zh": "、"}[language].join(labelled(part, HEADS, language) for part in text.split(", "))
    if column == "term" and (parts := LEVEL_OF_A_TERM.fullmatch(text)) and parts[1] in labels:
        colon = {"en": ": ", "zh": "："}[language]
        return labelled(parts[1], labels, language) + colon + labelled(parts[2], AWAY | dict(labels), language)
    return labelled(text, AWAY, language) if column == "level" else text
