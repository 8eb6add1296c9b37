"""Double-coded interviews: do the coders agree, which codes stand at which level, do new interviews bring new ones.

All functions take one row per coder and segment: person, role, coder, segment, level, theme, paraphrase. Segments
are numbered anew for each person or throughout: person and segment together name a unit. Counts are persons, not
mentions; a code counts when all coders of the segment gave it the same level and theme. Segments of one person are
not independent, so intervals come from resampled persons.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from lbc.analysis.agreement import (
    MOST_UNDEFINED,
    ac1,
    cohen_kappa,
    fleiss_kappa,
    icc_raters,
    krippendorff_alpha,
    resampled,
)
from lbc.errors import NotEstimableError
from lbc.params import Theme
from lbc.results import Estimate, Result, Words

__all__ = [
    "ac1", "agreement", "agreement_by_code", "co_occurrence", "codes_by_level", "cohen_kappa", "fleiss_kappa",
    "icc_raters", "krippendorff_alpha", "names", "new_code_curve", "new_codes", "saturation", "who",
]
COLUMNS = ("person", "role", "coder", "segment", "level", "theme", "paraphrase")
LEVELS = ("individual", "family", "school_community", "society")
ALL, ANY = "all codes together", "any theme"
ALIKE = "the coders agree throughout, so resamples do not vary"
ROLES: dict[str, Words] = {
    "child": {"en": "children", "zh": "儿童"}, "guardian": {"en": "guardians", "zh": "监护人"},
    "parent": {"en": "parents", "zh": "家长"}, "teacher": {"en": "teachers", "zh": "教师"},
}
BASE, RUN, NEWS = 4, 2, 0.05
"""Guest, Namey & Chen 2020: interviews in the base, interviews in a run, share of new codes that is no news."""


def agreement(
    frame: pd.DataFrame, value: str = "theme", rng: np.random.Generator | None = None, n_boot: int = 1000,
    level: float = 0.95,
) -> Result:
    """Krippendorff's alpha of the coders over segments, before any discussion between them.

    Parameters
    ----------
    frame : DataFrame
        One row per coder and segment.
    value : {"theme", "level"}
        What was coded.
    rng : Generator, optional
        With it an interval from resampled persons (none with one person, or where the coders agree throughout).
    n_boot : int
    level : float

    Returns
    -------
    Result
        n: segments coded twice, persons, coders. extra: double_coded (share of all segments that were coded by two or
        more) and what `agreement_by_code` says of all codes together.

    Raises
    ------
    NotEstimableError
        If no segment was coded twice, a coder coded a segment twice, or only one code was used.

    References
    ----------
    Krippendorff 2011; whole persons resampled: Field & Welsh 2007; few persons: Hesterberg 2015.
    """
    wide = _wide(frame, value)
    alpha = krippendorff_alpha(wide.to_numpy(object).T, "nominal", rng, n_boot, level, _persons(wide))
    twice = wide.notna().sum(axis=1) > 1
    n = {"segments": alpha.n["units"], "persons": wide[twice].index.get_level_values("person").nunique(),
         "coders": alpha.n["coders"]}
    extra = {"double_coded": float(twice.mean())} | _measures(wide[twice], rng, n_boot, level)
    return Result(alpha.method.replace("groups of units", "persons"), alpha.estimate, n=n, reference=alpha.reference,
                  extra=alpha.extra | extra)


def agreement_by_code(
    frame: pd.DataFrame, value: str = "theme", rng: np.random.Generator | None = None, n_boot: int = 1000,
    level: float = 0.95,
) -> pd.DataFrame:
    """Agreement on all codes together, and on each code as given or not given.

    A rarely given code can have a low kappa in spite of few disagreements; so AC1 stands beside it (Gwet 2008).

    Returns
    -------
    DataFrame
        One row for all codes, then one per code in order of frequency: code, given (segments to which any coder gave
        it), agreed (to which all did), percent_agreement, kappa and ac1 (with two coders), alpha; with `rng` also
        *_low and *_high, from resampled persons; note (why something is empty).
    """
    wide = _wide(frame, value)
    wide = wide[wide.notna().sum(axis=1) > 1]
    if wide.empty:
        raise NotEstimableError("no segment was coded by two coders")
    alike = wide.nunique(axis=1) == 1
    rows = [{"code": ALL, "given": len(wide), "agreed": int(alike.sum())} | _measures(wide, rng, n_boot, level)]
    for code in pd.unique(wide.to_numpy(object)[wide.notna().to_numpy()]):
        present = (wide == code).astype(float).where(wide.notna())
        rows.append({"code": code, "given": int((present == 1).any(axis=1).sum()),
                     "agreed": int(((present == 1) | wide.isna()).all(axis=1).sum())}
                    | _measures(present, rng, n_boot, level))
    table = pd.DataFrame(rows).assign(first=lambda t: t["code"] == ALL)
    table = table.sort_values(["first", "given", "code"], ascending=[False, False, True], ignore_index=True)
    measures = ("kappa", "alpha", "ac1")
    shown = ["percent_agreement", *(f"{name}{end}" for name in measures for end in ("", "_low", "_high"))]
    return table[["code", "given", "agreed", *(name for name in shown if name in table), "note"]]


def codes_by_level(frame: pd.DataFrame, roles: Sequence[str] | None = None) -> pd.DataFrame:
    """How many persons speak of each theme, by ecological level and by role.

    Parameters
    ----------
    frame : DataFrame
    roles : sequence of str, optional
        Only interviews with these (e.g. ["child"]); default: all.

    Returns
    -------
    DataFrame
        Below each level its themes, "any theme" first: level, theme, persons (with a segment that all its coders
        coded so), of (persons interviewed), a column per role with its persons, persons_either (coded so by any
        coder), segments.
    """
    frame = _only(frame, roles)
    agreed, either, of = agreed_segments(frame), frame.dropna(subset=["level", "theme"]), frame["person"].nunique()
    rows = []
    for level in sorted(either["level"].unique(), key=_place):
        for theme in (ANY, *either.loc[either["level"] == level, "theme"].unique()):
            sure, any_coder = ([part[(part["level"] == level) & ((part["theme"] == theme) | (theme == ANY))]
                                for part in (agreed, either)])
            rows.append({"level": level, "theme": theme, "persons": sure["person"].nunique(), "of": of,
                         **persons_by_role(sure, frame), "persons_either": any_coder["person"].nunique(),
                         "segments": len(sure)})
    table = pd.DataFrame(rows).assign(place=lambda t: t["level"].map(_place), first=lambda t: t["theme"] == ANY)
    by = ["place", "first", "persons", "persons_either", "theme"]
    table = table.sort_values(by, ascending=[True, False, False, False, True], ignore_index=True)
    return table.drop(columns=["place", "first"])


def persons_by_role(part: pd.DataFrame, frame: pd.DataFrame) -> dict[str, int]:
    """How many persons of each role the segments `part` come from; roles in the order of the interviews `frame`."""
    return {role: part.loc[part["role"] == role, "person"].nunique() for role in frame["role"].unique()}


def who(frame: pd.DataFrame) -> Words:
    """How many persons were interviewed in each role, for the note below a table of counts."""
    roles = frame.drop_duplicates("person")["role"].value_counts(sort=False)
    words = {role: ROLES.get(role, {"en": role, "zh": role}) for role in roles.index}
    en = ", ".join(f"{n} {words[role]['en']}" for role, n in roles.items())
    zh = "、".join(f"{words[role]['zh']} {n} 人" for role, n in roles.items())
    return {"en": f"{roles.sum()} persons interviewed: {en}. Counts are persons, not mentions.",
            "zh": f"共访谈 {roles.sum()} 人：{zh}。计数为人数，而非提及次数。"}


def double_coded(frame: pd.DataFrame) -> Words:
    """How many of the segments two or more coders coded, for the note below the agreement."""
    coders = _wide(frame, "theme").notna().sum(axis=1)
    n, of = int((coders > 1).sum()), len(coders)
    return {"en": f"{n} of {of} segments were coded twice or more ({n / of:.0%}). Intervals resample persons.",
            "zh": f"{of} 个片段中有 {n} 个由两名以上编码者编码（{n / of:.0%}）。区间由整人重抽样得到。"}


def names(themes: Sequence[Theme]) -> dict[str, Words]:
    """What readers call roles, and themes (by code and by English label) where params label them."""
    labels = {t.theme: {"en": t.label.en, "zh": t.label.zh} for t in themes if t.label}
    return ROLES | {label["en"]: label for label in labels.values()} | labels


def co_occurrence(frame: pd.DataFrame) -> pd.DataFrame:
    """How many persons speak of both themes of each pair, themes from the child outwards.

    Returns
    -------
    DataFrame
        theme, other, persons: every pair once, and each theme with itself.
    """
    agreed = agreed_segments(_only(frame, None))
    if agreed.empty:
        raise NotEstimableError("the coders agreed on no segment")
    spoke = pd.crosstab(agreed["person"], agreed["theme"]) > 0
    level = agreed.groupby("theme")["level"].agg(lambda levels: _place(levels.mode()[0]))
    order = sorted(spoke, key=lambda theme: (level[theme], -int(spoke[theme].sum()), theme))
    rows = [(a, b, int((spoke[a] & spoke[b]).sum())) for i, a in enumerate(order) for b in order[: i + 1]]
    return pd.DataFrame(rows, columns=["theme", "other", "persons"])


def new_codes(frame: pd.DataFrame, roles: Sequence[str] | None = None) -> pd.DataFrame:
    """How many new themes each further interview brings, in the order of the file (Guest, Namey & Chen 2020).

    Returns
    -------
    DataFrame
        One row per interview: order (1, 2, ...), themes (in it), new (never met before), cumulative, share (of all
        themes).
    """
    own = _themes_of(frame, roles)
    first = _first_met(own)
    table = pd.DataFrame({"order": np.arange(1, len(own) + 1), "themes": own.sum(axis=1), "new": first})
    table["cumulative"] = table["new"].cumsum()
    return table.assign(share=table["cumulative"] / max(own.shape[1], 1))


def new_code_curve(frame: pd.DataFrame, rng: np.random.Generator, n_orders: int = 1000) -> pd.DataFrame:
    """For `figures.new_codes`: the curve as the interviews were held, and where it lies in random orders of them.

    Returns
    -------
    DataFrame
        One row per interview: interview, new, total, expected (mean total over random orders), low and high (between
        which 95 % of the orders lie).
    """
    own = _themes_of(frame, None)
    totals = np.stack([_first_met(own[rng.permutation(len(own))]).cumsum() for _ in range(n_orders)])
    low, high = np.quantile(totals, [0.025, 0.975], axis=0)
    new = _first_met(own)
    return pd.DataFrame({"interview": np.arange(1, len(own) + 1), "new": new, "total": new.cumsum(),
                         "expected": totals.mean(axis=0), "low": low, "high": high})


def saturation(frame: pd.DataFrame, rng: np.random.Generator, n_orders: int = 1000) -> Result:
    """After how many interviews a run of further ones brings no more than 5 % new themes.

    The first four interviews are the base; the themes that are new in a run of two, divided by the themes of the
    base, are its new information (Guest, Namey & Chen 2020). In random orders of the interviews the same is asked.

    Returns
    -------
    Result
        estimate: interviews before the first such run; effect: share of random orders with one.

    Raises
    ------
    NotEstimableError
        With fewer than six interviews, no theme in the base, or no such run.
    """
    own = _themes_of(frame, None)
    if len(own) < BASE + RUN or not own[:BASE].any():
        raise NotEstimableError(f"{len(own)} interviews are too few for a base of {BASE} and a run of {RUN}")
    held = _before_no_news(_first_met(own))
    orders = [_before_no_news(_first_met(own[rng.permutation(len(own))])) for _ in range(n_orders)]
    if held is None:
        raise NotEstimableError(f"every run of {RUN} interviews still brought more than {NEWS:.0%} new themes")
    return Result(
        method=f"new-information threshold {NEWS:.0%}, base of {BASE} interviews, runs of {RUN}",
        estimate=Estimate("number of interviews before a run without news", held),
        effect=Estimate("share of random orders with such a run", float(np.mean([o is not None for o in orders]))),
        n={"persons": len(own)}, reference="Guest, Namey & Chen 2020", extra={"orders": orders},
    )


def _themes_of(frame: pd.DataFrame, roles: Sequence[str] | None) -> np.ndarray:
    """Interviews in the order of the file by themes: True where the person speaks of the theme."""
    frame = _only(frame, roles)
    agreed = agreed_segments(frame)
    spoke = pd.crosstab(agreed["person"], agreed["theme"]) > 0
    return spoke.reindex(frame["person"].unique(), fill_value=False).to_numpy(bool)


def _first_met(own: np.ndarray) -> np.ndarray:
    """How many themes each interview is the first to bring."""
    return (own & (own.cumsum(axis=0) == 1)).sum(axis=1)


def _before_no_news(new: np.ndarray) -> int | None:
    base = new[:BASE].sum()
    for start in range(BASE, len(new) - RUN + 1):
        if new[start:start + RUN].sum() <= NEWS * base:
            return start
    return None


def _only(frame: pd.DataFrame, roles: Sequence[str] | None) -> pd.DataFrame:
    if absent := [name for name in COLUMNS if name not in frame]:
        raise NotEstimableError(f"the interviews have no column {', '.join(absent)}")
    chosen = frame if roles is None else frame[frame["role"].isin(list(roles))]
    if chosen.empty:
        raise NotEstimableError("there are no interviews" + (f" with {', '.join(roles)}" if roles else ""))
    return chosen


def _wide(frame: pd.DataFrame, value: str) -> pd.DataFrame:
    """Units (person, segment) by coders."""
    _only(frame, None)
    unit = ["person", "segment", "coder"]
    twice = frame[frame.duplicated(unit)]
    if len(twice):
        person, segment, coder = twice[unit].iloc[0]
        raise NotEstimableError(f"coder {coder} coded segment {segment} of {person} twice")
    return frame.set_index(unit)[value].unstack("coder").sort_index()


def _persons(wide: pd.DataFrame) -> np.ndarray:
    return wide.index.get_level_values("person").to_numpy()


def _pairs_that_agree(wide: pd.DataFrame) -> float:
    """Share of pairs of coders who gave a segment the same code, over segments coded twice."""
    same = pairs = 0
    for i, first in enumerate(wide):
        for second in list(wide)[i + 1:]:
            both = wide[[first, second]].dropna()
            same, pairs = same + int((both[first] == both[second]).sum()), pairs + len(both)
    return same / pairs if pairs else float("nan")


def _measures(
    wide: pd.DataFrame, rng: np.random.Generator | None, n_boot: int, level: float
) -> dict[str, Any]:
    """Agreement, alpha, kappa and AC1 with their limits, or the reason why there are none."""
    found: dict[str, Any] = {"percent_agreement": _pairs_that_agree(wide), "alpha": np.nan, "note": ""}
    limits: dict[str, tuple[float, float] | None] = {}
    try:
        alpha = krippendorff_alpha(wide.to_numpy(object).T, "nominal", rng, n_boot, level, _persons(wide))
        found["alpha"], limits["alpha"] = alpha.estimate.value, alpha.estimate.ci
        if wide.shape[1] == 2:
            codes = [wide[coder].tolist() for coder in wide]
            found["kappa"], found["ac1"] = cohen_kappa(*codes).estimate.value, ac1(*codes).estimate.value
            if rng is not None:
                limits |= resampled(*codes, _persons(wide), rng, n_boot, level)
    except NotEstimableError as reason:
        return found | {"note": str(reason)}
    if rng is not None:
        found |= {f"{name}_{end}": ci[k] for name, ci in limits.items() if ci for k, end in ((0, "low"), (1, "high"))}
        if None in limits.values():
            rare = alpha.extra["undefined"] > MOST_UNDEFINED or found["percent_agreement"] < 1
            found["note"] = "given too rarely for an interval" if rare else ALIKE
    return found


def agreed_segments(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per segment whose coders all gave the same level and theme (or whose only coder did)."""
    codes = frame.groupby(["person", "segment"], sort=False)
    alike = frame["level"].notna() & frame["theme"].notna()
    for value in ("level", "theme"):
        alike &= codes[value].transform("nunique", dropna=False) == 1
    return frame[alike].drop_duplicates(["person", "segment"])


def _place(level: str) -> int:
    """Ecological levels from the child outwards; unknown ones last."""
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)
