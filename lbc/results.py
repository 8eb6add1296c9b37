"""The types that everything speaks: what an analysis found, and what a reader is shown of it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, Literal

Evidence = Literal[
    "randomised comparison", "adjusted comparison", "association", "uncontrolled change", "single case"
]
EVIDENCE: tuple[str, ...] = Evidence.__args__
MARK = "lbc"
"""In the metadata of a cell's output: what the web report makes of it (see `Shown` and `Exhibit`)."""
Words = dict[str, str]
"""A text in both languages: {"en": ..., "zh": ...}."""


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Parameters
    ----------
    name : str
        What is estimated, e.g. "mean difference".
    value : float
    ci : tuple of float, optional
        (low, high) at `level`.
    level : float
        Confidence level.
    unit : str
        Unit of `value`, e.g. "points"; empty for a pure number.
    """

    name: str
    value: float
    ci: tuple[float, float] | None = None
    level: float = 0.95
    unit: str = ""


@dataclass(frozen=True)
class Test:
    """A test statistic with its degrees of freedom (a number, two numbers, or None) and p value.

    `p_adjusted` is p adjusted for the family of tests it belongs to, where there is one.
    """

    name: str
    statistic: float
    df: float | tuple[float, float] | None
    p: float
    p_adjusted: float | None = None

    __test__ = False  # not a test case, whatever pytest thinks of the name


@dataclass(frozen=True)
class Result:
    """What an analysis function returns.

    Parameters
    ----------
    method : str
        The method's name as a methods section would print it.
    estimate : Estimate or None
        None only together with `reason`.
    effect : Estimate or None
        A standardised or otherwise unit-free companion of the estimate.
    test : Test or None
    n : dict of str to int
        Number of persons (or units) per group.
    reference : str
        Source of the formula, short: "Welch 1947".
    extra : dict
        Further named numbers that tables and figures use; not part of the finding.
    reason : str or Words
        Why there is no estimate.
    """

    method: str
    estimate: Estimate | None
    effect: Estimate | None = None
    test: Test | None = None
    n: dict[str, int] = field(default_factory=dict)
    reference: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    reason: str | Words = ""


@dataclass(frozen=True)
class Finding:
    """A result with its identity, its label in both languages and its strength of evidence."""

    id: str
    label: Words
    result: Result
    evidence: Evidence
    confirmatory: bool = False
    private: bool = False
    exploratory: Words | None = None
    """Why it is not confirmatory although it was meant to be, or was changed after registration."""

    def __post_init__(self) -> None:
        if self.evidence not in EVIDENCE:
            raise ValueError(f"{self.id}: '{self.evidence}' is not a strength of evidence; one of {EVIDENCE}")
        if self.result.estimate is None and not self.result.reason:
            raise ValueError(f"{self.id}: a finding without an estimate needs a reason")

    def to_json(self) -> dict[str, Any]:
        """The finding as the contract of `findings/<stage>.json` has it: full precision, null for NaN."""
        r = self.result
        entry = {
            "id": self.id,
            "label": self.label,
            "method": r.method,
            "estimate": None if r.estimate is None else _estimate(r.estimate),
            "effect": None if r.effect is None else _estimate(r.effect, unit=False),
            "test": None if r.test is None else _test(r.test),
            "n": {key: int(value) for key, value in r.n.items()},
            "evidence": self.evidence,
            "confirmatory": self.confirmatory and not self.exploratory,
            "reference": r.reference,
        }
        more = {"reason": r.reason, "exploratory": self.exploratory}
        return entry | {key: text for key, text in more.items() if text}


def _test(t: Test) -> dict[str, Any]:
    df = [number(d) for d in t.df] if isinstance(t.df, tuple) else number(t.df)
    entry = {"name": t.name, "statistic": number(t.statistic), "df": df, "p": number(t.p)}
    return entry | ({} if t.p_adjusted is None else {"p_adjusted": number(t.p_adjusted)})


def _estimate(e: Estimate, unit: bool = True) -> dict[str, Any]:
    ci = None if e.ci is None else [number(e.ci[0]), number(e.ci[1])]
    entry = {"name": e.name, "value": number(e.value), "ci": ci, "level": e.level}
    return entry | ({"unit": e.unit} if unit else {})


def number(value: Any) -> float | None:
    """A finite Python float, or None: JSON has no NaN and no infinity."""
    if value is None:
        return None
    value = float(value)
    return value if math.isfinite(value) else None


@dataclass(frozen=True)
class Exhibit:
    """A figure or table that was saved: what a notebook cell shows and a thesis quotes.

    Parameters
    ----------
    name : str
        File stem, e.g. "02_cls_total".
    kind : {"figure", "table"}
    caption : Words
    files : tuple of str
        Paths from the town's output folder.
    digest : str
        First 16 hex digits of the SHA-256 of the plotted or tabulated numbers, to nine digits.
    html, png : str, bytes
        What the notebook displays.
    """

    name: str
    kind: Literal["figure", "table"]
    caption: Words
    files: tuple[str, ...]
    digest: str
    language: str = "en"
    html: str = ""
    png: bytes = b""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        text = f"{self.kind} {self.name} [{self.digest}]: {self.caption[self.language]}"
        bundle: dict[str, Any] = {"text/plain": text}
        if self.html:
            bundle["text/html"] = self.html
        if self.png:
            import base64

            bundle["image/png"] = base64.b64encode(self.png).decode("ascii")
        return bundle, {MARK: {"exhibit": self.name}}


def inert(markdown: str) -> str:
    r"""Markdown in which nothing acts that somebody typed: no HTML, link, picture or TeX; bold and tables stay.

    Jupyter, nbconvert and Pandoc all take HTML and TeX within Markdown for what they are.

    Examples
    --------
    >>> inert("**p < .001** <b onclick=x> [a](b) $\\alpha$")
    '**p < .001** &lt;b onclick=x> [a]\\(b) \\$\\\\alpha\\$'
    """
    text = re.sub(r"&(?=#?\w+;)", "&amp;", re.sub(r"[\\$]", r"\\\g<0>", markdown))
    text = re.sub(r"\](?=[(:\[])", r"]\\", re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text))
    return re.sub(r"(?<=:)(?=//)|(?<=\bwww)(?=\.)", r"\\", text)


class Shown:
    """A text that a cell shows in the town's language; the web report has it in both.

    Parameters
    ----------
    words : Words
        Markdown in both languages.
    language : {"en", "zh"}
    findings : tuple of str
        The ids of the findings that it tells.
    plain : str, optional
        What a terminal shows instead of the Markdown.
    """

    def __init__(self, words: Words, language: str, findings: tuple[str, ...] = (), plain: str | None = None) -> None:
        self.words, self.language, self.findings = words, language, findings
        self.plain = words[language] if plain is None else plain

    def __repr__(self) -> str:
        return self.plain

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, str], dict[str, Any]]:
        both = {MARK: {**self.words, "findings": list(self.findings)}}
        return {"text/plain": self.plain, "text/markdown": inert(self.words[self.language])}, both
