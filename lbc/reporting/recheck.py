"""Every statistic printed in a text, parsed again and its p recomputed from statistic and degrees of freedom.

The idea is statcheck's (Nuijten et al. 2016, Behavior Research Methods 48:1205-1226); the code is our own and reads
English and Chinese print: `t(318.2) = 2.31, p = .021`, `t（318.2）＝2.31，p＝0.021`. Tables are read as `table_tests`
turns them into such print. What cannot be recomputed is listed by name, never skipped.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from lbc.reporting import wording
from lbc.reporting.terms import labelled

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)"
PRINTED = re.compile(
    rf"(?:(?<![A-Za-z])(?P<kind>t|F|r|z|χ2|chi2|χ|V|mixture|statistic|统计量)\s*"
    rf"(?:\(\s*(?P<df1>{NUMBER})\s*(?:,\s*(?:N\s*=\s*)?(?P<df2>{NUMBER})\s*)?\))?\s*=\s*(?P<value>{NUMBER})"
    rf"(?:\s*/\s*(?P<se>{NUMBER}))?\s*[,;]\s*)?"
    rf"(?<![A-Za-z])[pP]\s*(?P<relation>[=<>])\s*(?P<p>{NUMBER})"
)
COLUMNS = ["where", "text", "kind", "df1", "df2", "statistic", "relation", "p", "p_low", "p_high", "consistent",
           "remark", "test"]
ONE_SIDED = re.compile(r"one-sided|单侧|TOST")
MEMBERS = re.compile(r"\s*[;,]\s*n = (\d+)")
MOST_COUNTED = 10  # pairs up to which the possible p values of an exact test lie further apart than print rounds
LONE = {
    "holm": (r"holm|p_loading|p_intercept", "Holm-adjusted p (needs the family)", "Holm 校正后的 p（需整组检验）"),
    "asked": (r"asked|要求|同且|sign with", "level that was asked for, no test", "所要求的水平，并非检验"),
    "flip": (r"sign.?flip|符号翻转", "exact sign-flip test (counted)", "精确符号翻转检验（枚举）"),
    "ranks": (r"signed.?rank|符号秩", "exact signed-rank test (counted)", "精确符号秩检验（枚举）"),
    "sign": (r"sign test|符号检验", "sign test (counted)", "符号检验（枚举）"),
    "permutation": (r"permut|置换|specification|设定|curve|Stouffer", "permutation test (drawn)", "置换检验（抽样）"),
    "start": (r"randomi[sz]|随机化", "randomisation test of the starts", "开始时间的随机化检验"),
    "friedman": (r"friedman", "exact Friedman test (counted)", "精确 Friedman 检验（枚举）"),
    "fisher": (r"fisher", "Fisher's exact test", "Fisher 精确检验"),
    "tau": (r"\btau|bc_tau|bc_p|kendall", "exact Kendall test (counted)", "精确 Kendall 检验（枚举）"),
    "bootstrap": (r"bootstrap|自助", "bootstrap", "自助法"),
    "contrast": (r"difference_p", "contrast of two coefficients, statistic not printed", "两系数之差，未印统计量"),
    "claim": (r"\bclaim [a-z0-9_]+", "p quoted from a finding", "引自结果的 p"),
    "df": (r"(?!)", "test without printed degrees of freedom", "未印自由度的检验"),
    "quoted": (r"", "p without its statistic", "未附统计量的 p"),
}
"""What a p value belongs to that stands without statistic and df, by the words before it; the first that fits."""


def recheck(texts: Mapping[str, str] | Iterable[str]) -> pd.DataFrame:
    """Find every printed p value and compare it with the one its statistic implies.

    Parameters
    ----------
    texts : mapping of place to text, or texts
        What people read: sentences, tables (`table_tests.tests`), claims.

    Returns
    -------
    DataFrame
        One row per printed p: `where`, `text` (as found), `kind` (t, F, r, z, chi2, mixture, V), `df1`, `df2`,
        `statistic`, `relation`, `p` (printed), `p_low`, `p_high` (p values that the rounded statistic allows;
        two-sided unless the words before say one-sided), `consistent` (True, False, or None where nothing can be
        recomputed), `remark`, and `test` (a key of `LONE` for what stands without statistic and degrees of freedom,
        else empty).

    Examples
    --------
    >>> recheck(["t(28) = 2.20, p = .036; F(1, 17) = 16.89, p = .017"])["consistent"].tolist()
    [True, False]
    """
    places = texts.items() if isinstance(texts, Mapping) else ((str(i), text) for i, text in enumerate(texts, 1))
    rows = [_row(where, found) for where, text in places for found in PRINTED.finditer(_plain(text))]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.assign(consistent=pd.Series([row["consistent"] for row in rows], dtype=object))


def _plain(text: str) -> str:
    """Full-width signs, superscripts, minus signs, HTML italics and entities brought to one form."""
    text = re.sub(r"</?(?:i|em|sub|sup)>|[*_$\\](?=[tFrzpχ(*_])|(?<=[tFrzp])[*_]", "", text)
    text = text.replace("&lt;", "<").replace("&gt;", ">")
    return unicodedata.normalize("NFKC", text).replace("−", "-").replace("–", "-").replace("、", ",")


def _row(where: str, found: re.Match[str]) -> dict[str, Any]:
    part = found.groupdict()
    kind = {"χ2": "chi2", "χ": "chi2", "统计量": "statistic"}.get(part["kind"] or "", part["kind"] or "")
    row: dict[str, Any] = dict.fromkeys(COLUMNS) | {"remark": "", "test": ""} | {
        "where": where, "text": found.group().strip(), "kind": kind,
        "relation": part["relation"], "p": float(part["p"]),
        **{name: None if part[name] is None else float(part[name]) for name in ("df1", "df2")},
        "statistic": None if part["value"] is None else float(part["value"]),
    }
    lead = re.split(r"[;。]|\.\s", found.string[: found.start()])[-1][-80:]
    if kind in ("", "V", "statistic") or (row["df2" if kind == "F" else "df1"] is None and kind != "z"):
        return row | _counted(where, lead, part, found.string[found.end():])
    low, high = _around(part["value"], part["se"])
    one_sided = bool(ONE_SIDED.search(lead))
    ends = [p_of(kind, value, row["df1"], row["df2"]) for value in (low, high)]
    if one_sided:  # in whichever direction: TOST reports the less significant of two
        ends = [p / 2 for p in ends]
        ends = ends if _agrees(part["relation"], part["p"], min(ends), max(ends)) else [1 - p for p in ends]
    row["p_low"], row["p_high"] = min(ends), max(ends)
    row["consistent"] = _agrees(part["relation"], part["p"], row["p_low"], row["p_high"])
    if not row["consistent"]:
        halved = _agrees(part["relation"], part["p"], row["p_low"] / 2, row["p_high"] / 2)
        halved &= kind in "trz" and not one_sided
        row["remark"] = "agrees with a one-sided test" if halved else "the printed p does not follow"
        if (float(part["p"]) < 0.05) != (row["p_high"] < 0.05):
            row["remark"] += "; the other side of .05"
    return row


def _around(value: str, error: str | None) -> tuple[float, float]:
    """The sizes that a rounded statistic, or an estimate over its rounded standard error, may have had."""
    low, high = abs(float(value)) - _half_unit(value), abs(float(value)) + _half_unit(value)
    if error is None:
        return low, high
    se, half = float(error), _half_unit(error)
    return max(low, 0) / (se + half), high / (se - half) if se > half else math.inf


def _counted(where: str, lead: str, part: dict[str, Any], after: str) -> dict[str, Any]:
    """An exact test that can be counted again from n, else its name."""
    test = next(key for key, (pattern, *_) in LONE.items() if re.search(pattern, f"{lead} {where}", re.I))
    why = "no statistic stands before this p" if part["value"] is None else LONE[test][1]
    if part["kind"] in ("t", "F", "r", "χ2", "chi2", "χ"):
        test, why = "df", "degrees of freedom are not printed"
    found = {"consistent": None, "test": test, "remark": f"{why}: nothing to recompute"}
    n = MEMBERS.match(after)
    if n is None or test not in ("flip", "ranks", "sign") or int(n[1]) > MOST_COUNTED or part["value"] is None:
        return found
    agrees = any(_agrees(part["relation"], part["p"], p, p) for p in _possible(test, part["value"], int(n[1])))
    if test == "ranks" and not agrees:  # ties and zeros change the distribution
        return found
    return {"consistent": agrees, "test": test, "remark": "" if agrees else f"no exact test of {n[1]} gives this p"}


def _possible(test: str, value: str, n: int) -> list[float]:
    """The p values that such a test can have with n pairs (and, for the sign test, this many increases)."""
    from scipy import stats

    if test == "sign":
        up = round(float(value))
        return [float(stats.binomtest(up, moved).pvalue) for moved in range(max(up, 1), n + 1)]
    if test == "flip":
        return [k / 2 ** (n - 1) for k in range(1, 2 ** (n - 1) + 1)]
    total = n * (n + 1) // 2
    ways = [1] + [0] * total
    for rank in range(1, n + 1):
        for s in range(total, rank - 1, -1):
            ways[s] += ways[s - rank]
    near = min(float(value), total - float(value))
    return [min(1.0, 2 * sum(ways[: int(near) + 1]) / 2**n)]


def p_of(kind: str, value: float, df1: float | None = None, df2: float | None = None) -> float:
    """Two-sided p of a t, r or z, upper-tail p of an F, a chi-squared or an even mixture of two chi-squareds.

    >>> round(p_of("t", 2.2, 28), 4), round(p_of("chi2", 5.97, 1), 4)
    (0.0362, 0.0146)
    """
    from scipy import stats

    value = max(value, 0.0)
    if kind == "F":
        return float(stats.f.sf(value, df1, df2))
    if kind == "chi2":
        return float(stats.chi2.sf(value, df1))
    if kind == "mixture":
        return float((stats.chi2.sf(value, df1) + stats.chi2.sf(value, df2)) / 2)
    if kind == "z":
        return float(2 * stats.norm.sf(value))
    if kind == "r":
        value = min(value, 1.0)
        value = float("inf") if value == 1 else value * (df1 / (1 - value**2)) ** 0.5
    return float(2 * stats.t.sf(value, df1))


def _half_unit(printed: str) -> float:
    """Half of the last printed digit: what rounding may have hidden."""
    return 0.5 * 10.0 ** -len(printed.partition(".")[2])


def _agrees(relation: str, printed: str, low: float, high: float) -> bool:
    p, slack = float(printed), 1e-9
    if relation == "<":
        return low < p
    if relation == ">":
        return high > p
    half = _half_unit(printed)
    return low <= p + half + slack and high >= p - half - slack


def printed(
    findings: Mapping[str, dict[str, Any]], judged: Iterable[dict[str, Any]],
    shown: Mapping[str, dict[str, str]] | None = None,
) -> dict[str, str]:
    """Everything that is printed about findings and claims, and in tables and notebooks, in both languages, by place.

    Parameters
    ----------
    findings, judged
        As `claims.judge` takes and returns them.
    shown : mapping of place to {"en": ..., "zh": ...}, optional
        What tables and computed sentences print (`stage.printed()`).
    """
    texts = {f"{'private finding ' + str(i) if finding.get('private') else name} ({language})":
             wording.sentence(finding, language)
             for i, (name, finding) in enumerate(findings.items(), 1) for language in ("en", "zh")}
    for claim in judged:
        both = claim.get("words") or {"": claim}
        for language, said in both.items():
            place = f"claim {claim['id']}" + (f" ({language})" if language else "")
            texts[place] = f"{said['sentence']} {said['reason']}"
    return texts | {f"{place} ({language})": text for place, words in (shown or {}).items()
                    for language, text in words.items()}


def summary(checked: pd.DataFrame, language: str = "en") -> pd.DataFrame:
    """How many printed p values agree with their statistic, disagree, or cannot be recomputed."""
    words = {True: {"en": "agree", "zh": "一致"}, False: {"en": "disagree", "zh": "不一致"},
             None: {"en": "cannot be recomputed", "zh": "无法复算"}}
    states = [None if value is None else bool(value) for value in checked["consistent"]]
    rows = [(text[language], sum(state is key for state in states)) for key, text in words.items()]
    return pd.DataFrame(rows, columns=["outcome", "tests"])


def by_kind(checked: pd.DataFrame, language: str = "en") -> pd.DataFrame:
    """The same by kind of test; what cannot be recomputed stands under its name.

    Returns
    -------
    DataFrame
        printed, recomputed (agree), disagree, not_recomputed; one row per kind or name, a row for all at the end.
    """
    names = {key: {"en": en, "zh": zh} for key, (_, en, zh) in LONE.items()}
    state = pd.Series([None if value is None else bool(value) for value in checked["consistent"]], dtype=object)
    symbols = {"chi2": "χ²", "mixture": "χ² (1, 2)"}
    kind = pd.Series([labelled(row.test, names, language) if row.test else symbols.get(row.kind, row.kind)
                      for row in checked.itertuples()], dtype=object)
    table = pd.DataFrame({"printed": kind, "recomputed": state.eq(True), "disagree": state.eq(False),
                          "not_recomputed": state.isna()})
    counts = table.groupby("printed", sort=False).sum().astype(int).reset_index()
    total = {"printed": {"en": "all", "zh": "合计"}[language]} | counts.drop(columns="printed").sum().to_dict()
    return pd.concat([counts, pd.DataFrame([total])], ignore_index=True)


def wrong(checked: pd.DataFrame) -> pd.DataFrame:
    """The printed statistics that contradict themselves: where, text, remark."""
    return checked.loc[checked["consistent"].eq(False), ["where", "text", "remark"]].reset_index(drop=True)


def told(checked: pd.DataFrame) -> tuple[str, str]:
    """How many p values were read and how many of them are wrong (and where), in English and Chinese."""
    places = wrong(checked)["where"].tolist()
    where = [f" ({', '.join(places[:5])})", f"（{'、'.join(places[:5])}）"] if places else ["", ""]
    return (f"{len(checked)} printed p values were read in sentences, claims and tables; {len(places)} disagree with "
            f"their statistic{where[0]}.",
            f"在句子、论断与表格中共读取 {len(checked)} 个所印 p 值，{len(places)} 个与其统计量不符{where[1]}。")
