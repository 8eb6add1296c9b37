"""Careless answering: six indices, and flags that need each other before a form is set aside.

No single index convicts (Meade & Craig 2012; Curran 2016; Ward & Meade 2023): a child may be quick, very lonely, or a
poor reader. An extreme but key-consistent pattern is not careless; a straight line across items keyed both ways is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from lbc.errors import NotEstimableError
from lbc.instruments import Instrument
from lbc.params import Careless

FLAGS = ("too_fast", "longstring", "low_variability", "mahalanobis", "even_odd", "person_total")
FEWEST_FACTORS = 3
FEWEST_UNITS, FEWEST_ITEMS = 5, 8
"""Below these a flag says little of one person: of simulated children who did read, the default limits raised the
person-total flag on 18 % with 3 items, 7 % with 8 and 2 % with 16, the even-odd flag on 10 % with 3 units, 4 % with 5
and 0.2 % with 11."""


def longstring(items: pd.DataFrame) -> pd.Series:
    """Longest run of identical consecutive answers (Johnson 2005).

    Parameters
    ----------
    items : DataFrame
        Raw answers, forms by items, in the order in which the items were presented. A missing answer ends a run.

    Returns
    -------
    Series of float
        One length per form; NaN where nothing was answered.

    Examples
    --------
    >>> longstring(pd.DataFrame([[3, 3, 3, 1, 1]])).tolist()
    [3.0]
    """
    x = items.to_numpy(float)
    run = np.where(np.isnan(x[:, 0]), 0, 1) if x.shape[1] else np.zeros(len(x))
    longest = run.copy()
    for j in range(1, x.shape[1]):
        run = np.where(x[:, j] == x[:, j - 1], run + 1, np.where(np.isnan(x[:, j]), 0, 1))
        longest = np.maximum(longest, run)
    return pd.Series(longest, index=items.index, dtype=float, name="longstring").where(longest > 0)


def irv(items: pd.DataFrame) -> pd.Series:
    """Intra-individual response variability: standard deviation (n - 1) of a person's raw answers (Dunn et al. 2018).

    Parameters
    ----------
    items : DataFrame
        Raw answers, forms by items; missing answers are left out.

    Returns
    -------
    Series of float
        NaN where fewer than two items were answered.
    """
    return items.astype(float).std(axis=1, ddof=1).rename("irv")


def mahalanobis(items: pd.DataFrame, *, complete_cases: bool = False) -> pd.Series:
    """Squared Mahalanobis distance of each form from the mean of all forms.

    Parameters
    ----------
    items : DataFrame
        Answers, forms by items; keying does not matter.
    complete_cases : bool
        True: mean and covariance of complete forms, NaN for the others. False: pairwise covariance, and a missing
        answer adds nothing to the distance (as the R packages psych and careless do).

    Returns
    -------
    Series of float

    Raises
    ------
    NotEstimableError
        If the covariance matrix is singular: too few forms, an item that nobody varies on, or twin items.
    """
    x = items.astype(float)
    basis = x.dropna() if complete_cases else x
    with np.errstate(all="ignore"):
        covariance = basis.cov().to_numpy()
    if not np.isfinite(covariance).all() or np.linalg.matrix_rank(covariance, hermitian=True) < x.shape[1]:
        raise NotEstimableError("the covariance of the items is singular: too few forms, or items that do not vary")
    centred = (x - basis.mean()).to_numpy()
    known = np.nan_to_num(centred)
    distance = pd.Series(np.einsum("ij,jk,ik->i", known, np.linalg.inv(covariance), known), index=x.index)
    unknown = x.isna().any(axis=1) if complete_cases else x.isna().all(axis=1)
    return distance.mask(unknown).rename("mahalanobis")


def even_odd(items: pd.DataFrame, factors: Sequence[int] | Sequence[Sequence[str]]) -> pd.Series:
    """Even-odd consistency: a person's odd half-scale means correlated with the even ones (Johnson 2005).

    Parameters
    ----------
    items : DataFrame
        Answers, forms by items, of one answer range.
    factors : sequence of int, or of sequences of str
        Sizes of the scales, side by side in the order of the columns, or the columns of each scale. In each scale the
        first, third, ... item makes the odd half.

    Returns
    -------
    Series of float
        From -1 to 1, high = consistent (the R package careless gives the negative of it), corrected by
        Spearman-Brown; values that the correction carries below -1 are set to -1. NaN where a half does not vary.

    Raises
    ------
    NotEstimableError
        With fewer than three scales: two points always correlate perfectly.
    """
    scales = _scales(items, factors)
    if len(scales) < FEWEST_FACTORS:
        raise NotEstimableError(f"even-odd consistency needs at least {FEWEST_FACTORS} scales of two items or more")
    x = items.astype(float)
    odd = np.column_stack([x[columns[0::2]].mean(axis=1) for columns in scales])
    even = np.column_stack([x[columns[1::2]].mean(axis=1) for columns in scales])
    r = _row_correlation(odd, even)
    with np.errstate(all="ignore"):
        corrected = np.where(r <= -1 / 3, -1.0, 2 * r / (1 + r))  # 2r/(1+r) < -1 exactly when r < -1/3
    return pd.Series(np.where(np.isnan(r), np.nan, corrected), index=items.index, name="even_odd")


def _scales(items: pd.DataFrame, factors: Sequence[int] | Sequence[Sequence[str]]) -> list[list[str]]:
    if all(isinstance(size, int) for size in factors):
        if sum(factors) != items.shape[1]:
            raise ValueError(f"the sizes of the scales add up to {sum(factors)}, not to {items.shape[1]} items")
        ends = np.cumsum([0, *factors])
        factors = [list(items.columns[a:b]) for a, b in pairwise(ends)]
    return [list(columns) for columns in factors if len(columns) >= 2]


def person_total(keyed: pd.DataFrame) -> pd.Series:
    """Correlation of a person's answers with the item means of all other persons (Curran 2016).

    Parameters
    ----------
    keyed : DataFrame
        Answers after reverse keying, forms by items. With raw answers a lonely child would correlate negatively.

    Returns
    -------
    Series of float
        NaN where the answers do not vary, or fewer than three items were answered.
    """
    x = keyed.to_numpy(float)
    seen = ~np.isnan(x)
    others = seen.sum(axis=0) - seen
    with np.errstate(all="ignore"):
        means = (np.nansum(x, axis=0) - np.nan_to_num(x)) / others
    return pd.Series(_row_correlation(x, means), index=keyed.index, name="person_total")


def psychometric_synonyms(items: pd.DataFrame, critical: float = 0.6) -> pd.Series:
    """Within-person correlation over pairs of items that correlate highly in the sample (Meade & Craig 2012).

    Parameters
    ----------
    items : DataFrame
        Answers, forms by items, all keyed the same way.
    critical : float
        Pairs of items that correlate above this are synonyms.

    Returns
    -------
    Series of float
        NaN where a person's answers to the pairs do not vary.

    Raises
    ------
    NotEstimableError
        If fewer than three pairs correlate above `critical`.
    """
    x = items.astype(float)
    first, second = np.nonzero(np.triu(x.corr().to_numpy() > critical, k=1))
    if len(first) < 3:
        raise NotEstimableError(f"{len(first)} pairs of items correlate above {critical}; at least 3 are needed")
    values = x.to_numpy()
    r = _row_correlation(values[:, first], values[:, second])
    return pd.Series(r, index=items.index, name="psychometric_synonyms")


def _row_correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Correlation of a[i] with b[i] over their common values; NaN below three of them or without variation."""
    both = ~(np.isnan(a) | np.isnan(b))
    n = both.sum(axis=1)
    a, b = np.where(both, a, 0.0), np.where(both, b, 0.0)
    with np.errstate(all="ignore"):
        da = np.where(both, a - (a.sum(axis=1) / n)[:, None], 0.0)
        db = np.where(both, b - (b.sum(axis=1) / n)[:, None], 0.0)
        saa, sbb = (da**2).sum(axis=1), (db**2).sum(axis=1)
        r = (da * db).sum(axis=1) / np.sqrt(saa * sbb)
    varies = (saa > 1e-12) & (sbb > 1e-12) & (n >= 3)
    return np.where(varies, np.clip(r, -1, 1), np.nan)


def consistency(frame: pd.DataFrame, instruments: Sequence[Instrument], wave: str = "") -> pd.Series:
    """Even-odd consistency over all scales of a survey.

    Parameters
    ----------
    frame : DataFrame
        Raw item answers, columns `<scale>_<nn>`; scales that are not in it are passed over.
    instruments : sequence of Instrument
    wave : str
        Suffix of the columns in a later wave.

    Returns
    -------
    Series of float
        As `even_odd`. Like-worded items of a scale (of a published subscale, where there are any) make one unit, on a
        range of 0 to 1. Raw answers are compared: a child keeps apart what differently worded items say, whatever its
        score, and somebody who does not read does not. NaN for all where a survey has fewer than five such units.
    """
    shares, factors = {}, []
    for scale in instruments:
        names = {n: scale.column(n, wave) for n in scale.scored if scale.column(n, wave) in frame}
        published = [part.items for part in scale.subscales.values() if part.status == "published"]
        for part in published or [scale.scored]:
            for turned in (False, True):
                unit = [names[n] for n in part if n in names and (n in scale.reverse) == turned]
                shares |= {name: (frame[name].astype(float) - scale.min) / (scale.max - scale.min) for name in unit}
                factors.append(unit)
    if sum(len(unit) > 1 for unit in factors) < FEWEST_UNITS:
        return pd.Series(np.nan, index=frame.index, name="even_odd")
    return _or_missing(even_odd, pd.DataFrame(shares, index=frame.index), factors).rename("even_odd")


def indices(
    raw: pd.DataFrame,
    keyed: pd.DataFrame,
    durations: pd.Series | None = None,
    *,
    questions: int | None = None,
    consistency: pd.Series | None = None,
) -> pd.DataFrame:
    """All indices of careless answering, one row per form.

    Parameters
    ----------
    raw : DataFrame
        Answers of one scale as given, fillers included, in the order of the form.
    keyed : DataFrame
        The scored items of that scale after reverse keying; columns are among those of `raw`.
    durations : Series, optional
        Seconds that each form took, same index.
    questions : int, optional
        Number of questions answered in that time; the number of items in `raw` where not given.
    consistency : Series, optional
        Even-odd consistency over all scales (see `consistency`); one scale alone cannot give it.

    Returns
    -------
    DataFrame
        seconds_per_item, longstring, irv, mahalanobis (squared), even_odd, person_total. NaN = not computable.
    """
    unknown = pd.Series(np.nan, index=raw.index)
    seconds = unknown if durations is None else durations.reindex(raw.index).astype(float)
    return pd.DataFrame(
        {
            "seconds_per_item": seconds / (questions or raw.shape[1]),
            "longstring": longstring(raw),
            "irv": irv(raw),
            "mahalanobis": _or_missing(mahalanobis, keyed),
            "even_odd": unknown if consistency is None else consistency.reindex(raw.index),
            "person_total": person_total(keyed),
        }
    )


def flags(
    raw: pd.DataFrame,
    keyed: pd.DataFrame,
    durations: pd.Series | None,
    limits: Careless,
    *,
    questions: int | None = None,
    consistency: pd.Series | None = None,
) -> pd.DataFrame:
    """Flags of careless answering, one row per form.

    Parameters
    ----------
    raw, keyed, durations, questions, consistency
        As in `indices`.
    limits : Careless
        `params.cleaning.careless`.

    Returns
    -------
    DataFrame
        Boolean columns too_fast, longstring, low_variability, mahalanobis, even_odd, person_total, and `n_flags`,
        their number. An index that cannot be computed for a form raises no flag. Where all items of the scale are
        keyed the same way a straight line may be true: longstring and low_variability then raise no flag. On a scale
        of fewer than eight items person_total raises none.

    Notes
    -----
    Set forms aside only where `n_flags >= limits.min_flags`, and show results with and without them.
    """
    from scipy.stats import chi2

    found = indices(raw, keyed, durations, questions=questions, consistency=consistency)
    both_ways = _keyed_both_ways(raw, keyed)
    raised = pd.DataFrame(
        {
            "too_fast": found["seconds_per_item"] < limits.seconds_per_item,
            "longstring": (found["longstring"] >= limits.longstring) & both_ways,
            "low_variability": (found["irv"] < limits.irv) & both_ways,
            "mahalanobis": found["mahalanobis"] > chi2.isf(limits.mahalanobis_p, keyed.shape[1]),
            "even_odd": found["even_odd"] < limits.even_odd,
            "person_total": (found["person_total"] < limits.person_total) & (keyed.shape[1] >= FEWEST_ITEMS),
        }
    )
    return raised.assign(n_flags=raised.sum(axis=1))


def _or_missing(index: Any, items: pd.DataFrame, *more: Any) -> pd.Series:
    try:
        return index(items, *more)
    except NotEstimableError:
        return pd.Series(np.nan, index=items.index)


def _keyed_both_ways(raw: pd.DataFrame, keyed: pd.DataFrame) -> bool:
    """Whether keying turned some items round and kept others, read from the answers themselves."""
    scored = raw[list(keyed.columns)]
    together = ((scored - scored.mean()) * (keyed - keyed.mean())).sum()
    return bool((together > 1e-9).any() and (together < -1e-9).any())


def summary(flags: pd.DataFrame, min_flags: int, language: str = "en") -> pd.DataFrame:
    """How many forms each flag was raised on, and how many are set aside: flag, forms, share."""
    names = {
        "too_fast": ("too fast", "作答过快"), "longstring": ("long run of one answer", "连续相同答案过长"),
        "low_variability": ("hardly any variation", "几乎无变化"), "mahalanobis": ("unusual pattern", "异常作答模式"),
        "even_odd": ("even against odd items", "奇偶题不一致"),
        "person_total": ("against everybody else", "与他人相反"),
    }
    counts = {names[flag][language == "zh"]: int(flags[flag].sum()) for flag in names}
    aside = f"at least {min_flags} flags: set aside" if language == "en" else f"至少 {min_flags} 项：剔除"
    counts[aside] = int((flags["n_flags"] >= min_flags).sum())
    return pd.DataFrame({"flag": list(counts), "forms": list(counts.values()),
                         "share": [count / len(flags) for count in counts.values()]})
