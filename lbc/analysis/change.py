"""Change of single children and of the group: reliable change, exact tests, one case against a few.

What selection alone would bring lives in `selection`, comparisons with untreated children in `untreated`; both are
re-exported here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from lbc.analysis.groups import attempt
from lbc.analysis.selection import expected_fall, false_positive_rate, regression_to_mean
from lbc.analysis.stats import (
    Numbers,
    attainable_p,
    clean,
    d_z,
    friedman_exact,
    g_av,
    hodges_lehmann,
    moments,
    noncentral_t_interval,
    pairs,
    sign_flip,
    sign_test,
    snap,
    wilcoxon_exact,
)
from lbc.analysis.untreated import ancova, pre_post_control
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test

__all__ = [
    "CRITICAL", "Direction", "ReliableBar", "ancova", "attainable_p", "clinical_cutoffs", "crawford_howell",
    "expected_fall", "false_positive_rate", "friedman_exact", "group_change", "pre_post_control", "rci_band",
    "regression_to_mean", "reliable_bar", "reliable_change",
]

CRITICAL = 1.96
"""Size of the reliable change index from which a change is called reliable (Jacobson & Truax 1991)."""
Direction = Literal["down", "up"]
"""Direction of improvement."""


class ReliableBar(NamedTuple):
    """Standard error of measurement, of a difference of two measurements, and the smallest reliable change."""

    se_measurement: float
    s_diff: float
    smallest: float


def reliable_bar(sd: float, reliability: float) -> ReliableBar:
    """How many points a child must change before the change exceeds measurement error (Jacobson & Truax 1991).

    Parameters
    ----------
    sd : float
        SD of the population (norm group or whole survey), not of the chosen children.
    reliability : float
        Of the scale in that population, between 0 and 1.

    Raises
    ------
    NotEstimableError
        If sd <= 0 or the reliability is outside 0..1 (exclusive).

    Examples
    --------
    >>> [round(v, 2) for v in reliable_bar(7.5, .80)]
    [3.35, 4.74, 9.3]
    """
    if not (np.isfinite(sd) and sd > 0):
        raise NotEstimableError("the standard deviation must be above zero")
    if not 0 < reliability < 1:
        raise NotEstimableError(f"a reliability lies between 0 and 1, not at {reliability:g}")
    error = float(sd * np.sqrt(1 - reliability))
    s_diff = float(np.sqrt(2)) * error
    return ReliableBar(error, s_diff, CRITICAL * s_diff)


def _sign(direction: str) -> int:
    if direction not in ("down", "up"):
        raise ValueError(f"direction must be 'down' or 'up', not {direction!r}")
    return 1 if direction == "up" else -1


def clinical_cutoffs(
    mean_clinical: float, sd_clinical: float, mean_functional: float, sd_functional: float
) -> dict[str, float]:
    """Cut-offs a, b and c between a troubled and a functional population (Jacobson & Truax 1991).

    Returns
    -------
    dict
        a: two SD beyond the troubled mean; b: within two SD of the functional mean (its own SD); c: where both
        populations are equally near.

    Raises
    ------
    NotEstimableError
        If an SD is not above zero or the means are equal.

    Examples
    --------
    >>> clinical_cutoffs(40, 7.5, 60, 7.5)
    {'a': 55.0, 'b': 45.0, 'c': 50.0}
    """
    if not (sd_clinical > 0 and sd_functional > 0):
        raise NotEstimableError("both standard deviations must be above zero")
    if mean_clinical == mean_functional:
        raise NotEstimableError("the two populations have the same mean")
    towards = 1 if mean_functional > mean_clinical else -1
    return {
        "a": mean_clinical + towards * 2 * sd_clinical,
        "b": mean_functional - towards * 2 * sd_functional,
        "c": (sd_clinical * mean_functional + sd_functional * mean_clinical) / (sd_clinical + sd_functional),
    }


def reliable_change(
    pre: Numbers, post: Numbers, sd: float, reliability: float, direction: Direction = "down",
    cutoff: float | None = None,
) -> pd.DataFrame:
    """Each member's change against measurement error.

    Parameters
    ----------
    pre, post : Series (matched by index, one entry per member) or arrays of equal length
    sd, reliability : float
        As `reliable_bar`.
    direction : {"down", "up"}
        Direction of improvement.
    cutoff : float, optional
        Clinical cut-off; adds the column `clinical`.

    Returns
    -------
    DataFrame, index = member
        pre, post, change, rci, class ("improved", "unchanged", "deteriorated", or "not measured" with NaN scores)
        and, with a cut-off, clinical ("recovered": reliably improved and crossed to the functional side; "improved";
        "unchanged"; "deteriorated"; "harmed": reliably worse and crossed to the troubled side).

    Raises
    ------
    NotEstimableError
        As `reliable_bar`; if nobody has both scores or a member stands twice.
    """
    bar, towards = reliable_bar(sd, reliability), _sign(direction)
    if not (isinstance(pre, pd.Series) and isinstance(post, pd.Series)):
        if len(pre) != len(post):
            raise NotEstimableError(f"{len(pre)} values before and {len(post)} after: the members cannot be matched")
        pre, post = pd.Series(list(pre), dtype=float), pd.Series(list(post), dtype=float)
    if not (pre.index.is_unique and post.index.is_unique):
        raise NotEstimableError("a member stands twice in one wave")
    table = pd.concat({"pre": pre, "post": post}, axis=1).astype(float)
    table["change"] = table["post"] - table["pre"]
    table["rci"] = table["change"] / bar.s_diff
    measured = table["change"].notna()
    if not measured.any():
        raise NotEstimableError("no member has both scores")
    better, worse = towards * table["rci"] > CRITICAL, towards * table["rci"] < -CRITICAL
    table["class"] = np.select([~measured, better, worse], ["not measured", "improved", "deteriorated"], "unchanged")
    if cutoff is not None:
        was_troubled = towards * table["pre"] < towards * cutoff
        is_functional = towards * table["post"] > towards * cutoff
        table["clinical"] = np.select(
            [better & was_troubled & is_functional, worse & ~was_troubled & ~is_functional],
            ["recovered", "harmed"], table["class"],
        )
    return table


def rci_band(
    pre: Numbers, post: Numbers, sd: float, reliabilities: Sequence[float], direction: Direction = "down"
) -> pd.DataFrame:
    """How many members improved, stayed or deteriorated, over a range of reliabilities.

    Returns
    -------
    DataFrame
        reliability, s_diff, smallest (points), improved, unchanged, deteriorated, not_measured (counts).

    Raises
    ------
    NotEstimableError
        As `reliable_change`.
    """
    rows = []
    for reliability in reliabilities:
        bar = reliable_bar(sd, reliability)
        counts = reliable_change(pre, post, sd, reliability, direction)["class"].value_counts()
        rows.append({
            "reliability": reliability, "s_diff": bar.s_diff, "smallest": bar.smallest,
            **{name.replace(" ", "_"): int(counts.get(name, 0))
               for name in ("improved", "unchanged", "deteriorated", "not measured")},
        })
    return pd.DataFrame(rows)


def group_change(pre: Numbers, post: Numbers, direction: Direction = "down", level: float = 0.95) -> Result:
    """Change of a handful of members, post - pre, by exact tests alone.

    Parameters
    ----------
    pre, post : Series (matched by index) or arrays of equal length
    direction : {"down", "up"}
        Direction of improvement.
    level : float

    Returns
    -------
    Result
        estimate: mean change with the sign-flip interval (None where so few members reach no interval); effect: d_z
        with its noncentral-t interval (None where all changed alike); test: exact sign-flip test on |sum|.
        extra: wilcoxon, sign_test (Results), hodges_lehmann, g_av (Estimates), t_interval, p_t, mean_pre, mean_post,
        sd_pre, sd_post, improved, worsened, same (counts), smallest_p (attainable with the members that changed),
        attainable (DataFrame of `attainable_p`), reasons. What cannot be had is None.

    Raises
    ------
    NotEstimableError
        If fewer than two members have both scores, or nobody changed.

    Examples
    --------
    >>> result = group_change([50, 48, 55, 60, 47, 52], [44, 45, 50, 51, 46, 44])
    >>> result.test.p, round(result.estimate.value, 3)
    (0.03125, -5.333)
    """
    towards, frame = _sign(direction), pairs(pre, post)
    before, after = frame["pre"].to_numpy(), frame["post"].to_numpy()
    d = snap(after - before, float(np.abs(frame.to_numpy()).max(initial=0.0)))
    flips = sign_flip(d, level=level)
    n, moved = d.size, int(np.count_nonzero(d))
    found = {
        "d_z": attempt(d_z, d, level),
        "g_av": attempt(g_av, before, after, level),
        "attainable": attempt(attainable_p, moved),
    }
    m, a, b = moments(d), moments(before), moments(after)
    error = m.sd / float(np.sqrt(n))
    half = float(stats.t.isf((1 - level) / 2, n - 1)) * error
    return Result(
        method="exact sign-flip test of the mean change",
        estimate=Estimate("mean change", m.mean, flips.estimate.ci, level),
        effect=found["d_z"][0],
        test=flips.test,
        n={"members": n},
        reference="Fisher 1935; interval: Hartigan 1969; d_z: Cumming & Finch 2001",
        extra={
            "wilcoxon": wilcoxon_exact(d, level=level), "sign_test": sign_test(d, level),
            "hodges_lehmann": hodges_lehmann(d, level), "g_av": found["g_av"][0],
            "t_interval": (m.mean - half, m.mean + half) if error else None,
            "p_t": float(2 * stats.t.sf(abs(m.mean) / error, n - 1)) if error else None,
            "mean_pre": a.mean, "sd_pre": a.sd, "mean_post": b.mean, "sd_post": b.sd,
            "improved": int((towards * d > 0).sum()), "worsened": int((towards * d < 0).sum()), "same": n - moved,
            "smallest_p": 2.0 ** (1 - moved), "attainable": found["attainable"][0], "exact": flips.extra["exact"],
            "reasons": {key: reason for key, (_, reason) in found.items() if reason},
        },
    )


def crawford_howell(case: float, controls: Numbers, level: float = 0.95) -> Result:
    """One child against a few others: is the child's value unusual among them?

    Parameters
    ----------
    case : float
    controls : array_like
        At least two values.
    level : float

    Returns
    -------
    Result
        estimate: percentage of such children expected below the case, with its interval (Crawford & Garthwaite 2002);
        effect: z_cc = (case - mean) / SD with its interval; test: t with n - 1 df, two-sided. extra: mean, sd,
        p_one_sided.

    Raises
    ------
    NotEstimableError
        If there are fewer than two controls, they do not vary, or the case has no value.

    Examples
    --------
    >>> result = crawford_howell(50, [38, 40, 41, 39, 44, 43, 37])
    >>> round(result.test.statistic, 3), result.test.df
    (3.545, 6.0)
    """
    if clean([case]).size == 0:
        raise NotEstimableError("the case has no value")
    m = moments(controls, who="the comparison group")
    if m.sd == 0:
        raise NotEstimableError("the comparison group does not vary")
    root, df = float(np.sqrt(m.n)), float(m.n - 1)
    z = (float(case) - m.mean) / m.sd
    t = z / float(np.sqrt((m.n + 1) / m.n))
    low, high = (limit / root for limit in noncentral_t_interval(z * root, df, level))
    below = 100 * float(stats.t.cdf(t, df))
    interval = (100 * float(stats.norm.cdf(low)), 100 * float(stats.norm.cdf(high)))
    return Result(
        method="one case against a small sample (Crawford-Howell)",
        estimate=Estimate("percentage expected below the case", below, interval, level, "%"),
        effect=Estimate("z_cc", z, (low, high), level),
        test=Test("t", t, df, float(2 * stats.t.sf(abs(t), df))),
        n={"case": 1, "controls": m.n},
        reference="Crawford & Howell 1998; intervals: Crawford & Garthwaite 2002",
        extra={"mean": m.mean, "sd": m.sd, "p_one_sided": float(stats.t.sf(abs(t), df))},
    )
