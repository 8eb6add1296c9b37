"""What the web report says of itself, in both languages."""

from __future__ import annotations

from lbc.results import Words

WORDS: dict[str, Words] = {
    "all rows": {"en": "{n} rows", "zh": "共 {n} 行"},
    "alt data": {"en": "{n} rows are plotted: {heads}", "zh": "图中共 {n} 行数据：{heads}"},
    "in full": {"en": "In full precision", "zh": "完整精度"},
    "claim": {"en": "Claim", "zh": "论断"},
    "claims": {"en": "Claims", "zh": "论断"},
    "close": {"en": "Close", "zh": "关闭"},
    "code": {"en": "Code", "zh": "代码"},
    "confirmatory": {"en": "confirmatory", "zh": "验证性"},
    "contents": {"en": "On this page", "zh": "本页内容"},
    "data": {"en": "Data", "zh": "数据"},
    "data file": {"en": "Data file", "zh": "数据文件"},
    "data region": {"en": "Data of: {caption}", "zh": "数据：{caption}"},
    "digest": {"en": "Digest of its numbers", "zh": "数值摘要"},
    "download": {"en": "All numbers as CSV", "zh": "下载全部数值（CSV）"},
    "enlarge": {"en": "Enlarge", "zh": "放大"},
    "enlarged": {"en": "Enlarged figure", "zh": "放大的图"},
    "evidence": {"en": "Evidence", "zh": "证据强度"},
    "figure": {"en": "Figure", "zh": "图"},
    "file": {"en": "All numbers: {file}", "zh": "全部数值：{file}"},
    "finding": {"en": "Finding", "zh": "结果编号"},
    "findings": {"en": "Findings", "zh": "结果"},
    "first rows": {"en": "The first {shown} of {n} rows", "zh": "共 {n} 行，显示前 {shown} 行"},
    "flow": {"en": "From the forms in the file to the children analysed", "zh": "从文件中的问卷到纳入分析的儿童"},
    "flow region": {"en": "Forms at each step", "zh": "各步骤的问卷数"},
    "headline": {"en": "The outcome in the groups compared", "zh": "各比较组的结果变量"},
    "holds": {"en": "{told} findings, {shown} tables and figures", "zh": "{told} 个结果，{shown} 个图表"},
    "how to": {
        "en": "Press a number to see where it comes from, the head of a table to sort it, a figure to enlarge it.",
        "zh": "点按任一数字可查看其来源；点按表头可排序；点按图可放大。",
    },
    "inputs": {"en": "Read", "zh": "读入"},
    "language": {"en": "中文", "zh": "English"},
    "left": {"en": "Left", "zh": "剩余"},
    "lock": {"en": "Versions", "zh": "软件版本"},
    "main": {"en": "To the content", "zh": "跳至正文"},
    "means": {"en": "What the strengths of evidence mean", "zh": "证据强度的含义"},
    "method": {"en": "Method", "zh": "方法"},
    "n": {"en": "n", "zh": "n"},
    "navigation": {"en": "Pages of the report", "zh": "报告各页"},
    "not collected": {"en": "Not collected in this town", "zh": "该镇未收集的资料"},
    "notebook": {"en": "Notebook", "zh": "笔记本"},
    "none": {"en": "no such finding in the last run", "zh": "上次运行没有此结果"},
    "pages": {"en": "The notebooks, one page each", "zh": "各笔记本，一本一页"},
    "card": {"en": "Report card: inputs, versions, warnings", "zh": "运行记录：输入、版本、警告"},
    "released": {"en": "Released from the private folder: {why}", "zh": "由私密文件夹发布，理由：{why}"},
    "removed": {"en": "Set aside", "zh": "剔除"},
    "rests on": {"en": "Rests on", "zh": "依据"},
    "shown in": {"en": "Shown in", "zh": "见"},
    "shows": {"en": "Findings", "zh": "相关结果"},
    "source": {"en": "Source", "zh": "文献"},
    "step": {"en": "Step", "zh": "步骤"},
    "table": {"en": "Table", "zh": "表"},
    "title": {"en": "What the thesis claims, and what the data say", "zh": "论文的论断与数据的回答"},
    "verdict": {"en": "Verdict", "zh": "判断"},
    "whence": {"en": "Where does this number come from?", "zh": "这个数字从何而来？"},
    "whence exhibit": {"en": "Where does it come from?", "zh": "来源"},
}
SIMULATED: Words = {
    "en": "Simulated data: no real child is described here.", "zh": "模拟数据：此处未描述任何真实儿童。",
}
SHORT: dict[str, Words] = {
    "01_survey_cleaning": {"en": "1 Survey", "zh": "1 问卷调查"},
    "02_group_comparison": {"en": "2 Comparison", "zh": "2 组间比较"},
    "03_ecological_causes": {"en": "3 Ecology", "zh": "3 生态因素"},
    "04_intervention_evaluation": {"en": "4 Intervention", "zh": "4 干预评估"},
    "05_thesis_claims": {"en": "5 Thesis", "zh": "5 论文论断"},
}
"""What the line at the top of each page calls the notebooks, so that it fits on a telephone."""
STEPS: dict[str, Words] = {
    "forms in the file": {"en": "forms in the file", "zh": "文件中的问卷"},
    "received": {"en": "forms in the file that can be read", "zh": "文件中可读取的问卷"},
    "consent": {"en": "guardian's consent and child's assent", "zh": "监护人同意且儿童愿意参加"},
    "blank_or_test": {"en": "forms with answers, without trial forms", "zh": "有作答且非测试的问卷"},
    "usable_ids": {"en": "forms with an id", "zh": "有编号的问卷"},
    "duplicates": {"en": "one form per id", "zh": "每个编号一份问卷"},
    "scope": {"en": "grades of the survey", "zh": "调查年级范围之内"},
    "careless": {"en": "forms answered with care", "zh": "认真作答的问卷"},
    "outcome_missing": {"en": "forms with a score on the outcome", "zh": "有结果变量得分的问卷"},
}
"""The rules of cleaning as the finding `cleaning.flow` names them, in the words of the figure of the flow."""
MARKS = {"supported": "●", "partly supported": "◐", "not supported": "○", "cannot be tested with this design": "×"}


def say(key: str, language: str, **parts: object) -> str:
    """One of the report's own texts.

    >>> say("all rows", "en", n=3)
    '3 rows'
    """
    return WORDS[key][language].format(**parts) if parts else WORDS[key][language]
