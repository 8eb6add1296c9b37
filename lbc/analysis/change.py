"""Change of a handful of children: exact tests, one case against a few.

Reliable change of each child lives in `reliable`, what selection alone would bring in `selection` and `null_studies`,
comparisons with untreated children in `untreated`; all are re-exported here.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from lbc.analysis.groups import attempt
from lbc.analysis.null_studies import false_positive_rate
from lbc.analysis.reliable import (
    CRITICAL,
    Direction,
    ReliableBar,
    clinical_cutoffs,
    rci_band,
    reliable_bar,
    reliable_change,
    sign,
)
from lbc.analysis.selection import expected_fall, mee_chua, regression_to_mean
from lbc.analysis.stats import (
    MEDIUM,
    Numbers,
    attainable_p,
    clean,
    d_z,
    friedman_exact,
    g_av,
    hodges_lehmann,
    jzs_bf_paired,
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
    "expected_fall", "false_positive_rate", "friedman_exact", "group_change", "mee_chua", "pre_post_control",
    "rci_band", "regression_to_mean", "reliable_bar", "reliable_change",
]


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
        extra: wilcoxon, sign_test (Results), hodges_lehmann, g_av (Estimates), t, t_interval, p_t, bf10 (JZS Bayes
        factor of the paired t at r = .707), bf10_wide (r = 1), mean_pre, mean_post, sd_pre, sd_post,
        improved, worsened, same (counts), smallest_p (attainable with the members that changed), attainable
        (DataFrame of `attainable_p`), reasons. What cannot be had is None.

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
    towards, frame = sign(direction), pairs(pre, post)
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
    t = m.mean / error if error else float("nan")
    for name, r in (("bf10", MEDIUM), ("bf10_wide", 1.0)):
        found[name] = attempt(jzs_bf_paired, t, n, r)
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
            "t": t if error else None, "t_interval": (m.mean - half, m.mean + half) if error else None,
            "p_t": float(2 * stats.t.sf(abs(t), n - 1)) if error else None,
            "bf10": found["bf10"][0], "bf10_wide": found["bf10_wide"][0],
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
