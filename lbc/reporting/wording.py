"""Numbers and findings in words: one formatter for everything that a person reads, in English and Chinese.

English follows APA 7, Chinese what theses and GB/T 15835-2011 ask for. The rules, each in one function:

- leading zero (`number`): English drops it where a quantity cannot exceed 1 in size (p, r, R², α, κ, ICC; not d,
  g, SD), Chinese never drops it; shares are read as percentages in both;
- p (`p_value`): exact to three digits, `p < .001` below and `p > .999` above; no stars in place of a p value;
- tests (`statistic`): degrees of freedom in parentheses, whole or with two digits;
- intervals (`interval`): `95% CI [1.20, 3.40]` in both languages, the unit not repeated inside;
- a word for a size (`verbal_size`) always names the rule it follows;
- between the parts of a report Chinese takes full-width marks; inside (1, 17) and [1.20, 3.40] none
  are used;
- a minus sign is U+2212; letters of statistics are set in italics (`italics.runs`).

Rounding is half-even on the decimal digits, after cutting the last bits that differ between machines.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from lbc.reporting import reasons, terms

MINUS = "\N{MINUS SIGN}"
NULL_IS_ZERO = re.compile(
    r"difference|change|fall|slope|coefficient|contrast|correlation|indirect association|\b[gd]\b|tau\b", re.I)
DESCRIPTIONS = ("measurement.", "cleaning.", "intervention.chain.")
"""Findings that describe and need no strength of evidence."""
EFFECT_KINDS = [
    (r"f2|f²", "f2"), (r"rank-biserial|mean correlation|change|d_z", ""), (r"hedges|g_av", "g"),
    (r"cohen|glass|/ .*sd$", "d"), (r"kappa", "kappa"), (r"krippendorff", "krippendorff"), (r"correlation", "r"),
    (r"^nap$", "nap"), (r"odds", "or"), (r"bayes|bf10", "bf"), (r"^r squared$|^r²$|^r2$|δr²|delta r", "r2"),
    (r"cronbach|kr-20|omega|^α$|^ω$", "alpha"),
]
"""Which rule a name calls for, the first that fits; an empty one says that no common rule fits."""
SYMBOLS = [
    (r"\bdelta (?=R)", "Δ"), (r"(?<![A-Za-z])R(?: squared|2)\b", "R²"), (r"\bf2\b", "f²"),
    (r"\beta squared\b", "η²"), (r"\bomega squared\b", "ω²"), (r"\bepsilon squared\b", "ε²"),
    (r"\balpha\b", "α"), (r"\bomega\b", "ω"), (r"\bkappa\b", "κ"), (r"\btau\b", "τ"),
]
"""Parts of names that a reader expects as symbols. Tau-b and BC-Tau of single cases keep their published names."""
BOUNDED = {"|r|", "R²", "κ", "α", "NAP"}
"""Symbols of rules for quantities that cannot exceed 1 in size."""


def number(
    value: float | None, digits: int = 2, language: str = "en", *, bounded: bool = False, sign: bool = False
) -> str:
    """A number with fixed digits.

    Parameters
    ----------
    value : float or None
        None reads as a dash.
    digits : int
        Digits after the point.
    bounded : bool
        The quantity cannot exceed 1 in size: English drops the leading zero.
    sign : bool
        Print a plus sign before positive numbers.

    Examples
    --------
    >>> number(-0.125), number(0.375, bounded=True), number(0.375, language="zh", bounded=True)
    ('−0.12', '.38', '0.38')
    """
    if value is None or value != value:
        return "—"
    exact = Decimal(repr(round(float(value), 10)))
    if not exact.is_finite():
        return ("" if exact > 0 else MINUS) + "∞"
    rounded = exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)
    text = f"{abs(rounded):f}"
    if bounded and language == "en" and text.startswith("0."):
        text = text[1:]
    before = MINUS if rounded < 0 else "+" if sign and rounded > 0 else ""
    return before + text


def percent(share: float | None, digits: int = 1, language: str = "en") -> str:
    """A share as a percentage: `percent(.125)` is "12.5%"."""
    return "—" if share is None or share != share else number(100 * share, digits, language) + "%"


def p_value(p: float | None, language: str = "en") -> str:
    """`p = .032`, `p < .001`, `p > .999`; in Chinese with the leading zero."""
    if p is None or p != p:
        return "p —"
    if p < 0.001:
        return "p < " + number(0.001, 3, language, bounded=True)
    if p > 0.999:
        return "p > " + number(0.999, 3, language, bounded=True)
    return "p = " + number(p, 3, language, bounded=True)


def interval(ci: Any, level: float = 0.95, digits: int = 2, language: str = "en", *, bounded: bool = False) -> str:
    """A confidence interval in either language: `95% CI [1.20, 3.40]`; an open end reads as infinity."""
    low, high = ci
    low = -float("inf") if low is None else low
    high = float("inf") if high is None else high
    ends = ", ".join(number(end, digits, language, bounded=bounded) for end in (low, high))
    return f"{round(100 * level, 2):g}% CI [{ends}]"


def statistic(test: dict[str, Any] | None, language: str = "en") -> str:
    """A test as a results section prints it: `t(318.24) = 2.31, p = .021`.

    Parameters
    ----------
    test : dict
        `name`, `statistic`, `df` (None, a number or two) and `p`, as in a finding. A `p` of None is left out.
    """
    if test is None:
        return ""
    symbol, words = terms.symbol(test["name"], language)
    df = test.get("df")
    degrees = [] if df is None else list(df) if isinstance(df, (list, tuple)) else [df]
    inside = ", ".join(number(d, 0 if float(d).is_integer() else 2) for d in degrees)
    bounded = symbol in {"r", "τ", "ρ"}
    parts = []
    if test.get("statistic") is not None:
        value = number(test["statistic"], 2, language, bounded=bounded)
        parts.append(f"{symbol}{f'({inside})' if inside else ''} = {value}")
    if test.get("p") is not None:
        parts.append(p_value(test["p"], language))
    if test.get("p_adjusted") is not None:
        parts.append({"en": "Holm-adjusted ", "zh": "Holm 校正后 "}[language] + p_value(test["p_adjusted"], language))
    return words + {"en": ", ", "zh": "，"}[language].join(parts)


def quantity(entry: dict[str, Any], language: str = "en") -> str:
    """An estimate or effect of a finding: name, value with unit, interval."""
    name, unit = entry["name"], terms.unit_of(entry)
    bounded, digits = terms.is_bounded(name), terms.digits(name, unit)
    if unit in terms.SHARES:
        value = percent(entry["value"], 1, language)
        ci = entry.get("ci") and [None if end is None else 100 * end for end in entry["ci"]]
        ends = interval(ci, entry.get("level", 0.95), 1, language) if ci else ""
    else:
        value = number(entry["value"], digits, language, bounded=bounded) + terms.unit(unit, language)
        ci = entry.get("ci")
        ends = interval(ci, entry.get("level", 0.95), digits, language, bounded=bounded) if ci else ""
    comma = {"en": ", ", "zh": "，"}[language]
    return f"{symbols(terms.name(name, language))} = {value}{comma + ends if ends else ''}"


def symbols(name: str) -> str:
    """The name of a quantity with its symbols as they are printed.

    >>> symbols("delta R2"), symbols("partial eta squared"), symbols("Cronbach's alpha"), symbols("Cohen f2")
    ('ΔR²', 'partial η²', "Cronbach's α", 'Cohen f²')
    """
    for pattern, symbol in SYMBOLS:
        name = re.sub(pattern, symbol, name)
    return name


def verbal_size(value: float, kind: str, language: str = "en") -> str:
    """A size in words together with the rule behind the words.

    Parameters
    ----------
    value : float
    kind : str
        A key of `terms.RULES`: g, d, r, r2, or, kappa, krippendorff, nap, alpha, smd or bf.

    Examples
    --------
    >>> verbal_size(-0.31, "g")
    'small (Cohen 1988: 0.2 ≤ |g| < 0.5)'
    """
    if kind not in terms.RULES:
        raise KeyError(f"no rule for '{kind}'; rules: {', '.join(terms.RULES)}")
    rule = terms.RULES[kind]
    size = max(value, 1 / value) if kind == "or" else abs(value) if rule.absolute else value
    # compared as printed, so that a size that reads 0.50 is not called by the word for less than 0.50
    size = float(Decimal(repr(round(size, 10))).quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN))
    step = sum(size >= bound for bound in rule.bounds)
    low = None if step == 0 else rule.bounds[step - 1]
    high = None if step == len(rule.bounds) else rule.bounds[step]
    span = rule.symbol
    if low is not None:
        span = f"{_bound(low, rule.symbol, language)} ≤ {span}"
    if high is not None:
        span = f"{span} < {_bound(high, rule.symbol, language)}"
    left, right, colon = {"en": (" (", ")", ": "), "zh": ("（", "）", "：")}[language]
    return f"{rule.words[language][step]}{left}{rule.source}{colon}{span}{right}"


def _bound(value: float, symbol: str, language: str) -> str:
    """A bound of a rule; it has a leading zero where a number of its kind has one."""
    text = f"{round(value, 3):g}"
    return text.removeprefix("0") if language == "en" and symbol in BOUNDED and text.startswith("0.") else text


def kind_of(name: str) -> str | None:
    """The rule that fits an estimate's or effect's name, or None."""
    return next((kind for pattern, kind in EFFECT_KINDS if re.search(pattern, name.lower())), "") or None


def counts(n: dict[str, int], language: str = "en") -> str:
    """`n = 312 left-behind, 308 other children`; empty where there are no counts."""
    if not n:
        return ""
    comma = {"en": ", ", "zh": "，"}[language]
    if len(n) == 1:
        key, value = next(iter(n.items()))
        return f"n = {value} {terms.group(key, language)}".rstrip()
    return "n = " + comma.join(f"{value} {terms.group(key, language)}" for key, value in n.items())


def sentence(finding: dict[str, Any], language: str = "en") -> str:
    """The computed reading of a finding.

    Parameters
    ----------
    finding : dict
        One entry of `findings/<stage>.json`.
    language : {"en", "zh"}

    Returns
    -------
    str
        Label, estimate with unit and interval, effect with its verbal size, test, n, what the interval says about
        zero (for differences and changes) and the strength of evidence. Without an estimate: the reason.
    """
    stop, semi, colon = {"en": (". ", "; ", ": "), "zh": ("。", "；", "：")}[language]
    label = terms.words(finding["label"], language)
    if finding["estimate"] is None or finding["estimate"]["value"] is None:
        why = reasons.said(finding.get("reason") or terms.NO_REASON, language)
        text = label + colon + terms.NOT_ESTIMABLE[language] + colon + why + stop
        return (text + exploratory(finding.get("exploratory"), language)).strip()
    main = [quantity(finding["estimate"], language)]
    if finding.get("effect") and finding["effect"]["value"] is not None:
        main.append(_sized(finding["effect"], language))
    elif kind := kind_of(finding["estimate"]["name"]):
        main[0] = _sized(finding["estimate"], language, kind)
    main += [statistic(finding.get("test"), language), counts(finding.get("n") or {}, language)]
    text = label + colon + semi.join(part for part in main if part) + stop
    text += _equal(finding["test"], language) or _about_zero(finding["estimate"], language)
    if finding["id"].startswith(DESCRIPTIONS):
        return text.rstrip()
    said = evidence(finding["evidence"], language)
    blank = {"en": " ", "zh": ""}[language]
    return (text + said + blank + exploratory(finding.get("exploratory"), language)).rstrip()


def method(finding: dict[str, Any], language: str = "en") -> str:
    """The method of a finding; empty where nothing was estimated, for then no method was followed."""
    return reasons.said(finding.get("method") or "", language, "methods") if finding.get("estimate") else ""


def source(finding: dict[str, Any], language: str = "en") -> str:
    """Where a finding's formula comes from.

    >>> source({"reference": "Welch 1947; g: Hedges 1981"}, "zh")
    'Welch 1947；g：Hedges 1981'
    """
    said = reasons.said(finding.get("reference") or "", language, "methods")
    return said.replace("; ", "；").replace(": ", "：") if language == "zh" else said


def exploratory(why: dict[str, str] | None, language: str = "en") -> str:
    """Why something is not confirmatory, as a sentence; empty for None."""
    return "" if why is None else {"en": f"Exploratory: {why['en']}.", "zh": f"探索性：{why['zh']}。"}[language]


def evidence(strength: str, language: str = "en") -> str:
    """A strength of evidence with what it means."""
    name, means = terms.EVIDENCE[strength][language], terms.EVIDENCE_MEANS[strength][language]
    return {"en": f"Strength of evidence: {name} ({means}).", "zh": f"证据强度：{name}（{means}）。"}[language]


def _sized(entry: dict[str, Any], language: str, kind: str | None = None) -> str:
    text = quantity(entry, language)
    kind = kind or kind_of(entry["name"])
    comma = {"en": ", ", "zh": "，"}[language]
    return text + (comma + verbal_size(entry["value"], kind, language) if kind else "")


def _equal(test: dict[str, Any] | None, language: str) -> str:
    """What two one-sided tests say; empty for any other test."""
    if test is None or test["name"] != "TOST t":
        return ""
    equal = test["p"] < 0.05
    return {"en": "The difference is smaller than the smallest that matters. " if equal else
            "It is not shown to be smaller than the smallest that matters. ",
            "zh": "差异小于最小有意义差异。" if equal else "未能表明差异小于最小有意义差异。"}[language]


def _about_zero(estimate: dict[str, Any], language: str) -> str:
    """What the interval says about zero, for quantities whose null value is zero."""
    ci = estimate.get("ci")
    if not ci or not NULL_IS_ZERO.search(estimate["name"]) or (ci[0] is None and ci[1] is None):
        return ""
    low = -float("inf") if ci[0] is None else ci[0]
    high = float("inf") if ci[1] is None else ci[1]
    if low > 0 or high < 0:
        return {"en": "The interval excludes zero. ", "zh": "区间不含零。"}[language]
    return {
        "en": "The interval includes zero: zero is among the values that fit the data. ",
        "zh": "区间包含零：零也在与数据相容的取值之中。",
    }[language]
