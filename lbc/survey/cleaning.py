"""The rules that set forms aside, one small function each; what each removed adds up to a flow.

Every rule takes a frame and gives (frame, Step). A notebook applies them in order and shows `flow(steps)`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from lbc.results import Words
from lbc.survey.codebook import OUT_OF_SCOPE, Codebook
from lbc.survey.derive import DEFINITIONS, definitions, derive
from lbc.survey.direction import Direction, direction
from lbc.survey.intake import Intake
from lbc.survey.text import bare
from lbc.survey.values import PROBLEMS

__all__ = [
    "DEFINITIONS", "Direction", "Step", "blank_or_test", "careless", "consent", "definitions", "derive", "direction",
    "doubles", "duplicates", "flow", "outcome_missing", "received", "scope", "usable_ids",
]
TEST_WORDS = re.compile(r"test\d*|testing|testtest|测试\d*|试填\d*|试答\d*|样卷|demo|sample")
IN_COMMON = 0.97
LEAST_ANSWERS = 20


@dataclass(frozen=True)
class Step:
    """What one rule did: forms before, removed and after, its name and reason in both languages."""

    rule: str
    label: Words
    before: int
    removed: int
    after: int
    why: Words


Ruled = tuple[pd.DataFrame, Step]


def flow(steps: Sequence[Step], language: str = "en") -> pd.DataFrame:
    """The steps as a table that adds up.

    Returns
    -------
    DataFrame
        rule, label, before, removed, after, why (label and why in the language).

    Raises
    ------
    ValueError
        If a step begins with another number of forms than the one before it ended with, or does not add up itself.
    """
    for earlier, step in zip([None, *steps], steps, strict=False):
        if step.before - step.removed != step.after or (earlier and earlier.after != step.before):
            raise ValueError(f"flow does not add up at '{step.rule}': {step.before} - {step.removed}, {step.after}")
    return pd.DataFrame(
        [(s.rule, s.label[language], s.before, s.removed, s.after, s.why[language]) for s in steps],
        columns=["rule", "label", "before", "removed", "after", "why"],
    )


def _keep(frame: pd.DataFrame, kept: pd.Series | np.ndarray, rule: str, label: Words, why: Words) -> Ruled:
    left = frame[np.asarray(kept, bool)]
    return left, Step(rule, label, len(frame), len(frame) - len(left), len(left), why)


def received(intake: Intake) -> Ruled:
    """The forms that could be read, of those in the file."""
    label = {"en": "forms in the file that can be read", "zh": "文件中可读取的问卷"}
    why = {"en": "rows with too many or too few fields are not guessed at", "zh": "字段数不符的行不作猜测"}
    n = len(intake.frame)
    return intake.frame, Step("received", label, intake.rows, intake.rows - n, n, why)


def consent(frame: pd.DataFrame, codebook: Codebook, required: bool = True) -> Ruled:
    """Keep forms with the consent of a guardian and the assent of the child, as far as the survey asked for them.

    An unanswered consent is no consent. Where params do not require it, nothing happens, and the flow shows so.
    """
    kept = pd.Series(True, index=frame.index)
    for role in ("consent_guardian", "assent_child") if required else ():
        variable = codebook.role(role)
        if variable is not None:
            kept &= frame[variable.variable].isin(variable.codes("yes"))
    label = {"en": "guardian's consent and child's assent", "zh": "监护人同意且儿童愿意参加"}
    return _keep(frame, kept, "consent", label, {"en": "no consent on the form", "zh": "问卷上没有同意记录"})


def blank_or_test(frame: pd.DataFrame, codebook: Codebook) -> Ruled:
    """Remove forms without a single answer to a scale, and trial forms of the survey team (id or text "test")."""
    items = [v.variable for v in codebook.variables if v.type == "item" and v.variable in frame]
    answered = frame[items].notna().any(axis=1) if items else pd.Series(True, index=frame.index)
    texts = [v.variable for v in codebook.variables if v.type in ("id", "text") and v.variable in frame]
    trial = frame[texts].map(lambda text: isinstance(text, str) and TEST_WORDS.fullmatch(bare(text)) is not None)
    label = {"en": "forms with answers, without trial forms", "zh": "有作答且非测试的问卷"}
    why = {"en": "blank form, or a trial by the survey team", "zh": "空白问卷或调查组测试问卷"}
    return _keep(frame, answered & ~trial.any(axis=1), "blank_or_test", label, why)


def usable_ids(frame: pd.DataFrame, codebook: Codebook) -> Ruled:
    """Remove forms without an id; nothing happens where the town uses none."""
    variable = codebook.role("id")
    kept = pd.Series(True, index=frame.index) if variable is None else frame[variable.variable].notna()
    label = {"en": "forms with an id", "zh": "有编号的问卷"}
    why = {"en": "without an id a form cannot be told from a second one", "zh": "没有编号无法辨别重复填写"}
    return _keep(frame, kept, "usable_ids", label, why)


def duplicates(frame: pd.DataFrame, codebook: Codebook, keep: Literal["first", "last"] = "first") -> Ruled:
    """Keep one form of each id, the first or the last that came in (by submission time, else by row)."""
    label = {"en": "one form per id", "zh": "每个编号一份问卷"}
    which = {"first": "最先", "last": "最后"}[keep]
    why = {"en": f"the {keep} form of an id is kept", "zh": f"同一编号保留{which}一份"}
    key, day = codebook.role("id"), codebook.role("submitted")
    if key is None:
        return _keep(frame, pd.Series(True, index=frame.index), "duplicates", label, why)
    order = frame if day is None else frame.sort_values(day.variable, kind="stable", na_position="last")
    again = order[key.variable].duplicated(keep=keep) & order[key.variable].notna()
    return _keep(frame, ~again.reindex(frame.index), "duplicates", label, why)


def scope(frame: pd.DataFrame, codebook: Codebook, report: pd.DataFrame) -> Ruled:
    """Remove forms from grades outside the survey.

    Such are grades whose label in the codebook is "out of scope" (不在范围), and grades that the codebook does not
    list: `intake.read` reported them in `report`. A form without an answer to the question of grade stays.
    """
    label = {"en": "grades of the survey", "zh": "调查年级范围之内"}
    why = {"en": "grade outside the scope of the survey", "zh": "年级不在调查范围"}
    variable = codebook.role("grade")
    if variable is None:
        return _keep(frame, pd.Series(True, index=frame.index), "scope", label, why)
    outside = {code for code, names in variable.values.items() if any(bare(n) in OUT_OF_SCOPE for n in names)}
    kinds = {PROBLEMS["value"]["en"], PROBLEMS["range"]["en"]}
    unlisted = report[(report["variable"] == variable.variable) & report["problem"].isin(kinds)]["row"]
    values = frame[variable.variable]
    away = values.isin({float(c) for c in outside} if values.dtype == float else outside) | frame.index.isin(unlisted)
    return _keep(frame, ~away, "scope", label, why)


def careless(frame: pd.DataFrame, flags: pd.DataFrame, min_flags: int) -> Ruled:
    """Set aside forms with at least `min_flags` flags of careless answering (`careless.flags`, same index)."""
    label = {"en": "forms answered with care", "zh": "认真作答的问卷"}
    why = {"en": f"at least {min_flags} flags of careless answering", "zh": f"至少{min_flags}项不认真作答标记"}
    return _keep(frame, flags["n_flags"].reindex(frame.index) < min_flags, "careless", label, why)


def outcome_missing(frame: pd.DataFrame, column: str) -> Ruled:
    """Remove forms without a score on the outcome, e.g. `cls_total`."""
    label = {"en": "forms with a score on the outcome", "zh": "有结果变量得分的问卷"}
    why = {"en": "too few items of the scale answered", "zh": "量表作答题目过少"}
    return _keep(frame, frame[column].notna(), "outcome_missing", label, why)


def doubles(
    frame: pd.DataFrame, codebook: Codebook, share: float = IN_COMMON, least: int = LEAST_ANSWERS
) -> pd.DataFrame:
    """Pairs of forms that may be one form twice: the same id, or nearly the same answers under two ids.

    Parameters
    ----------
    frame : DataFrame
    codebook : Codebook
    share : float
        Share of equal answers, among the questions both answered, from which two forms are alike.
    least : int
        Questions that both must have answered. Forms with one and the same answer everywhere are left out: they are
        alike without being copies.

    Returns
    -------
    DataFrame
        row, other_row, kind ("same id" or "same answers"), share (equal answers). Nothing is removed: look at the
        papers.
    """
    asked = [v.variable for v in codebook.variables if v.type in ("item", "choice", "number") and v.variable in frame]
    codes = np.array([pd.factorize(frame[name])[0] for name in asked], np.int32).reshape(len(asked), len(frame)).T
    key = codebook.role("id")
    ids = pd.factorize(frame[key.variable])[0] if key is not None else np.full(len(frame), -1)
    items = frame[[v.variable for v in codebook.variables if v.type == "item" and v.variable in frame]]
    varied = (items.nunique(axis=1) > 1).to_numpy()
    rows = []
    for i in range(len(frame)):
        both = (codes[i] >= 0) & (codes[i + 1:] >= 0)
        n = both.sum(axis=1)
        equal = ((codes[i] == codes[i + 1:]) & both).sum(axis=1) / np.maximum(n, 1)
        same_id = (ids[i] >= 0) & (ids[i + 1:] == ids[i])
        alike = (equal >= share) & (n >= least) & varied[i] & varied[i + 1:]
        for j in np.flatnonzero(same_id | alike):
            kind = "same id" if same_id[j] else "same answers"
            rows.append((frame.index[i], frame.index[i + 1 + j], kind, round(float(equal[j]), 3)))
    return pd.DataFrame(rows, columns=["row", "other_row", "kind", "share"])
