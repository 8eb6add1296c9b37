"""Left-behind and other children compared: raw, by level, and over two waves.

Adjusted and clustered comparisons live in `adjustment`, `regression` and `multilevel`; they are re-exported here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lbc.analysis import permutation
from lbc.analysis.adjustment import adjusted, adjusted_means
from lbc.analysis.groups import attempt, label, members, order, two
from lbc.analysis.multilevel import MixedModel, icc_groups, random_intercept
from lbc.analysis.regression import LinearFit, cluster_robust, design, linear
from lbc.analysis.stats import (
    brunner_munzel,
    equivalence,
    hedges_g,
    jzs_bf_two,
    moments,
    paired,
    student,
    welch,
)
from lbc.errors import NotEstimableError
from lbc.results import Result

__all__ = [
    "LinearFit", "MixedModel", "adjusted", "adjusted_means", "bayes_robustness", "by_level", "cluster_robust",
    "design", "equivalence", "equivalent", "icc_groups", "label", "linear", "members", "paired_waves",
    "permuted", "random_intercept", "table_one", "two_groups", "waves_by_group",
]


def two_groups(
    frame: pd.DataFrame, outcome: str, group: str, reference: Any, focal: Any, level: float = 0.95
) -> Result:
    """The focal group compared with the reference group, focal minus reference, Welch.

    Parameters
    ----------
    frame : DataFrame, one row per child
    outcome, group : str
        Columns. Rows with a missing outcome are left out and counted in `extra["missing"]`.
    reference, focal
        Values of `group`; 1, 1.0 and "1" are the same.

    Returns
    -------
    Result
        As `stats.welch`, n by group label. extra: everything of `welch` (x is the focal group), missing (by label),
        bm (Brunner-Munzel Result of P(reference < focal)), g_unpooled (Estimate), student_t, bf10 (r = .707),
        bf10_wide (r = 1); what cannot be had is None, and its reason stands in extra["reasons"].

    Raises
    ------
    NotEstimableError
        If a group is missing or has fewer than two values, or neither group varies.
    """
    here, there = two(frame, group, reference, focal)
    y, x = frame.loc[here, outcome], frame.loc[there, outcome]
    result = welch(x, y, level)
    t = student(x, y, level).test.statistic
    names = {label(reference): y, label(focal): x}
    sizes = {name: moments(values).n for name, values in names.items()}
    found = {
        "bm": attempt(brunner_munzel, y, x, level),
        "g_unpooled": attempt(hedges_g, x, y, level, False),
        "bf10": attempt(jzs_bf_two, t, sizes[label(focal)], sizes[label(reference)]),
        "bf10_wide": attempt(jzs_bf_two, t, sizes[label(focal)], sizes[label(reference)], 1.0),
    }
    extra = result.extra | {key: value for key, (value, _) in found.items()} | {
        "student_t": t,
        "missing": {name: int(values.isna().sum()) for name, values in names.items()},
        "reasons": {key: reason for key, (_, reason) in found.items() if reason},
    }
    return Result(result.method, result.estimate, result.effect, result.test, sizes, result.reference, extra)


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _smd(difference: float, variances: Sequence[float]) -> float:
    """Difference over the root mean square SD (Austin 2009); NaN where neither group varies but they differ."""
    spread = float(np.sqrt(sum(variances) / 2))
    return 0.0 if spread == difference == 0 else difference / spread if spread > 0 else np.nan


def _number_row(column: pd.Series, rows: dict[str, pd.Series]) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for side, chosen in rows.items():
        values = column[chosen].dropna().astype(float)
        entry |= {f"{side}_n": len(values), f"{side}_mean": values.mean(), f"{side}_sd": values.std(ddof=1),
                  f"{side}_percent": np.nan}
    entry["smd"] = _smd(entry["focal_mean"] - entry["reference_mean"], [entry[f"{side}_sd"] ** 2 for side in rows])
    return entry


def _share_row(column: pd.Series, rows: dict[str, pd.Series], level: str) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    shares = {}
    for side, chosen in rows.items():
        values = column[chosen].dropna().map(label)
        share = float((values == level).mean()) if len(values) else np.nan
        shares[side] = share
        entry |= {f"{side}_n": int((values == level).sum()), f"{side}_mean": np.nan, f"{side}_sd": np.nan,
                  f"{side}_percent": 100 * share}
    entry["smd"] = _smd(shares["focal"] - shares["reference"], [share * (1 - share) for share in shares.values()])
    return entry


def table_one(
    frame: pd.DataFrame, variables: Sequence[str], group: str, reference: Any, focal: Any
) -> pd.DataFrame:
    """Baseline table: M and SD of numbers, n and % of each level otherwise, standardised differences, no p values.

    Parameters
    ----------
    frame : DataFrame, one row per child
    variables : sequence of str
        Numbers with more than two values give one row; 0/1 numbers one row (share of 1); text one row per level.
    group : str
    reference, focal

    Returns
    -------
    DataFrame
        variable, level ("" for a mean), kind ("mean" or "share"), reference_n, reference_mean, reference_sd,
        reference_percent, the same for focal, smd (focal - reference over the root mean square SD),
        missing_reference, missing_focal. For a share, n counts the children at that level. Cells that do not apply
        are NaN.

    Raises
    ------
    NotEstimableError
        If a group has no member.
    """
    rows = dict(zip(("reference", "focal"), two(frame, group, reference, focal), strict=True))
    both = rows["reference"] | rows["focal"]
    table = []
    for name in variables:
        column = frame[name]
        values = set(column[both].dropna().unique().tolist())
        missing = {f"missing_{side}": int(column[chosen].isna().sum()) for side, chosen in rows.items()}
        if _is_number(column) and not values <= {0, 1}:
            table.append({"variable": name, "level": "", "kind": "mean"} | _number_row(column, rows) | missing)
            continue
        levels = ["1"] if _is_number(column) else sorted({label(value) for value in values})
        table += [
            {"variable": name, "level": level, "kind": "share"} | _share_row(column, rows, level) | missing
            for level in levels
        ]
    return pd.DataFrame(table)


def permuted(
    frame: pd.DataFrame, outcome: str, group: str, reference: Any, focal: Any, rng: np.random.Generator,
    ranks: bool = False, cluster: str | None = None,
) -> Result:
    """The comparison of `two_groups` by shuffling who is focal, with `cluster` only within classes.

    As `permutation.permuted`; children without the outcome or the class are left out.
    """
    here, there = two(frame, group, reference, focal)
    used = (here | there) & frame[[outcome, *([cluster] if cluster else [])]].notna().all(axis=1)
    classes = frame.loc[used, cluster].to_numpy() if cluster else None
    return permutation.permuted(frame.loc[used, outcome].to_numpy(float), there[used].to_numpy(), rng, ranks, classes)


def equivalent(
    frame: pd.DataFrame, outcome: str, group: str, reference: Any, focal: Any, smallest: float | None
) -> Result:
    """Is the difference of the two groups smaller than the smallest one that matters? As `stats.equivalence`, Welch.

    Parameters
    ----------
    smallest : float or None
        Difference in points, fixed before the data were seen.

    Raises
    ------
    NotEstimableError
        If `smallest` is None, or as `two_groups`.
    """
    if smallest is None:
        raise NotEstimableError("no smallest effect that matters was fixed beforehand (comparison.smallest_effect)")
    here, there = two(frame, group, reference, focal)
    result = equivalence(frame.loc[there, outcome], frame.loc[here, outcome], -smallest, smallest)
    return replace(result, n=dict(zip((label(reference), label(focal)), list(result.n.values())[::-1], strict=True)))


def bayes_robustness(result: Result) -> pd.DataFrame:
    """BF10 of a comparison by `two_groups` over the scale r of the Cauchy prior: columns r (.1 to 1.5) and bf10.

    Raises
    ------
    NotEstimableError
        As `jzs_bf_two`.
    """
    r = np.arange(1, 16) / 10
    sizes = list(result.n.values())
    return pd.DataFrame({"r": r, "bf10": [jzs_bf_two(result.extra["student_t"], *sizes, scale) for scale in r]})


def by_level(frame: pd.DataFrame, outcome: str, factor: str, level: float = 0.95) -> pd.DataFrame:
    """n, M, SD and the t interval of the mean at each level of a factor.

    Parameters
    ----------
    frame : DataFrame, one row per child
    outcome, factor : str

    Returns
    -------
    DataFrame
        level, n, mean, sd, low, high, reason. Where one child only (or no spread) is at a level, sd and interval
        are NaN and `reason` says why.

    Raises
    ------
    NotEstimableError
        If no row has both outcome and factor.
    """
    data = frame[[outcome, factor]].dropna()
    if data.empty:
        raise NotEstimableError(f"no row has both {outcome} and {factor}")
    groups = data[factor].map(label)
    rows = []
    for name in sorted(groups.unique(), key=order):
        m = moments(data.loc[groups == name, outcome], least=1)
        row = {"level": name, "n": m.n, "mean": m.mean, "sd": np.nan, "low": np.nan, "high": np.nan, "reason": ""}
        if m.n > 1 and m.sd > 0:
            half = float(stats.t.isf((1 - level) / 2, m.n - 1)) * m.sd / float(np.sqrt(m.n))
            row |= {"sd": m.sd, "low": m.mean - half, "high": m.mean + half}
        else:
            row["reason"] = "one child only" if m.n == 1 else "all values are the same"
        rows.append(row)
    return pd.DataFrame(rows)


def paired_waves(frame: pd.DataFrame, before: str, after: str, level: float = 0.95) -> Result:
    """Change of the same children between two waves, after - before; as `stats.paired` on the complete rows."""
    return paired(frame[before].reset_index(drop=True), frame[after].reset_index(drop=True), level)


def waves_by_group(
    frame: pd.DataFrame,
    before: str,
    after: str,
    group: str,
    reference: Any,
    focal: Any,
    reml: bool = True,
    interaction: bool = True,
) -> MixedModel:
    """Two waves and two groups in one random-intercept model; a child with one wave only still counts.

    Parameters
    ----------
    frame : DataFrame, one row per child
    before, after : str
        Score columns of the two waves.
    group : str
    reference, focal
    reml, interaction : bool

    Returns
    -------
    MixedModel
        Terms "(Intercept)", "time", "focal", "time:focal": how the reference group changed, how much higher the focal
        group was before, and how much more it changed.

    Raises
    ------
    NotEstimableError
        If a group has no member, or as `random_intercept`.
    """
    here, there = two(frame, group, reference, focal)
    used = here | there
    focal_rows = there[used].to_numpy(float)
    n = len(focal_rows)
    x = pd.DataFrame({
        "(Intercept)": np.ones(2 * n),
        "time": np.repeat([0.0, 1.0], n),
        "focal": np.tile(focal_rows, 2),
    })
    if interaction:
        x["time:focal"] = x["time"] * x["focal"]
    scores = [frame.loc[used, column].astype(float).to_numpy() for column in (before, after)]
    return random_intercept(np.concatenate(scores), x, np.tile(np.arange(n), 2), reml)
