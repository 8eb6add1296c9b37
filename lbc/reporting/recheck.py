"""Every statistic printed in a text, parsed again and its p recomputed from statistic and degrees of freedom.

The idea is statcheck's (Nuijten et al. 2016, Behavior Research Methods 48:1205-1226); the code is our own and reads
English and Chinese print: `t(318.2) = 2.31, p = .021`, `t（318.2）＝2.31，p＝0.021`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from lbc.reporting import wording

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)"
PRINTED = re.compile(
    rf"(?:(?<![A-Za-z])(?P<kind>t|F|r|z|χ2|chi2|χ)\s*"
    rf"(?:\(\s*(?P<df1>{NUMBER})\s*(?:,\s*(?:N\s*=\s*)?(?P<df2>{NUMBER})\s*)?\))?\s*=\s*(?P<value>{NUMBER})\s*[,;]\s*)?"
    rf"(?<![A-Za-z])[pP]\s*(?P<relation>[=<>])\s*(?P<p>{NUMBER})"
)
COLUMNS = ["where", "text", "kind", "df1", "df2", "statistic", "relation", "p", "p_low", "p_high", "consistent",
           "remark"]


def recheck(texts: Mapping[str, str] | Iterable[str]) -> pd.DataFrame:
    """Find every printed p value and compare it with the one its statistic implies.

    Parameters
    ----------
    texts : mapping of place to text, or texts
        What people read: sentences, tables, claims.

    Returns
    -------
    DataFrame
        One row per printed p: `where`, `text` (as found), `kind` (t, F, r, z, chi2), `df1`, `df2`, `statistic`,
        `relation`, `p` (printed), `p_low`, `p_high` (two-sided p values that the rounded statistic allows),
        `consistent` (True, False, or None where nothing can be recomputed) and `remark`.

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
    kind = {"χ2": "chi2", "χ": "chi2"}.get(part["kind"] or "", part["kind"] or "")
    row: dict[str, Any] = dict.fromkeys(COLUMNS) | {"remark": ""} | {
        "where": where, "text": found.group().strip(), "kind": kind,
        "relation": part["relation"], "p": float(part["p"]),
        **{name: None if part[name] is None else float(part[name]) for name in ("df1", "df2")},
        "statistic": None if part["value"] is None else float(part["value"]),
    }
    if not kind:
        return row | {"remark": "no statistic stands before this p: nothing to recompute"}
    if kind != "z" and (row["df1"] is None or (kind == "F" and row["df2"] is None)):
        return row | {"remark": "degrees of freedom are not printed: nothing to recompute"}
    half = _half_unit(part["value"])
    ends = [p_of(kind, value, row["df1"], row["df2"])
            for value in (abs(row["statistic"]) - half, abs(row["statistic"]) + half)]
    row["p_low"], row["p_high"] = min(ends), max(ends)
    row["consistent"] = _agrees(part["relation"], part["p"], row["p_low"], row["p_high"])
    if not row["consistent"]:
        one_sided = _agrees(part["relation"], part["p"], row["p_low"] / 2, row["p_high"] / 2)
        one_sided &= kind in "trz"
        row["remark"] = "agrees with a one-sided test" if one_sided else "the printed p does not follow"
        if (float(part["p"]) < 0.05) != (row["p_high"] < 0.05):
            row["remark"] += "; the other side of .05"
    return row


def p_of(kind: str, value: float, df1: float | None = None, df2: float | None = None) -> float:
    """Two-sided p of a t, r or z, upper-tail p of an F or chi-squared.

    >>> round(p_of("t", 2.2, 28), 4), round(p_of("chi2", 5.97, 1), 4)
    (0.0362, 0.0146)
    """
    from scipy import stats

    value = max(value, 0.0)
    if kind == "F":
        return float(stats.f.sf(value, df1, df2))
    if kind == "chi2":
        return float(stats.chi2.sf(value, df1))
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


def printed(findings: Mapping[str, dict[str, Any]], judged: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Everything that is printed about findings and claims, in both languages, by place."""
    texts = {f"{name} ({language})": wording.sentence(finding, language)
             for name, finding in findings.items() for language in ("en", "zh")}
    return texts | {f"claim {claim['id']}": f"{claim['sentence']} {claim['reason']}" for claim in judged}


def summary(checked: pd.DataFrame, language: str = "en") -> pd.DataFrame:
    """How many printed p values agree with their statistic, disagree, or cannot be recomputed."""
    words = {True: {"en": "agree", "zh": "一致"}, False: {"en": "disagree", "zh": "不一致"},
             None: {"en": "cannot be recomputed (exact tests)", "zh": "无法复算（精确检验）"}}
    states = [None if value is None else bool(value) for value in checked["consistent"]]
    rows = [(text[language], sum(state is key for state in states)) for key, text in words.items()]
    return pd.DataFrame(rows, columns=["outcome", "tests"])
