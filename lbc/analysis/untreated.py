"""Treated against untreated children who were measured at the same two waves."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from lbc.analysis.groups import attempt
from lbc.analysis.regression import cluster_robust, linear
from lbc.analysis.stats import moments, snap, two_sample_exact, welch
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test


def marked(frame: pd.DataFrame, pre: str, post: str, treated: str) -> tuple[pd.DataFrame, int]:
    """Complete rows as pre, post, treated (0/1), and how many rows were left out."""
    data = pd.DataFrame({"pre": frame[pre], "post": frame[post], "treated": frame[treated]}).astype("Float64")
    complete = data.dropna().astype(float)
    if not complete["treated"].isin([0.0, 1.0]).all():
        raise NotEstimableError(f"'{treated}' must hold 0 and 1 only")
    counts = complete["treated"].value_counts()
    for value, who in ((1.0, "treated"), (0.0, "untreated")):
        if counts.get(value, 0) < 2:
            raise NotEstimableError(f"{counts.get(value, 0)} {who} with both waves; at least 2 are needed")
    return complete, len(data) - len(complete)


def ancova(frame: pd.DataFrame, post: str, pre: str, treated: str, level: float = 0.95) -> Result:
    """Treated against untreated children at equal baseline: post ~ pre + treated, HC2, Bell and McCaffrey's df.

    The cure for regression to the mean when the untreated children were measured again: selection by the baseline
    score is then adjusted for, provided the line is straight. With a handful of treated the usual errors and n - 3 df
    reject too often (HC3: about 6.5 % of studies without effect at 7 of 250, plain errors 8 to 13 % where the scores
    are skewed); HC2 with the df of Bell & McCaffrey keeps 5 %.

    Parameters
    ----------
    frame : DataFrame, one row per child
        Incomplete rows are left out and counted.
    post, pre, treated : str
        Columns; `treated` holds 0/1 or true/false.

    Returns
    -------
    Result
        estimate: adjusted difference, treated - untreated; effect: the same over the baseline SD of the untreated
        (limits likewise); test: t. extra: coefficients (DataFrame); homoscedastic and hc3 (each value, se, df, t, p,
        low, high; n - 3 df); slope (of the baseline); r2; adjusted_means (at the mean baseline of all); slopes_p
        (equal slopes; None where it cannot be tested); unadjusted_post, unadjusted_change (differences); above (how
        many treated scored above every untreated child) and dropped.

    Raises
    ------
    NotEstimableError
        If a group has fewer than two complete rows, the baseline does not vary, or nothing is left to explain.
    """
    data, dropped = marked(frame, pre, post, treated)
    x = pd.DataFrame({"(Intercept)": 1.0, "pre": data["pre"], "treated": data["treated"]})
    careful = cluster_robust(data["post"], x, range(len(data)))
    c = careful.coefficient("treated", level)
    plain, hc3 = (linear(data["post"], x, kind).coefficient("treated", level) for kind in ("classic", "HC3"))
    means = data.groupby("treated")[["pre", "post"]].mean()
    gap = means.loc[1.0] - means.loc[0.0]
    others = data.loc[data["treated"] == 0, "pre"]
    sd = moments(others).sd
    wide, _ = attempt(linear, data["post"], x.assign(product=x["pre"] * x["treated"]), "HC3")
    at = float(data["pre"].mean())
    return Result(
        method="analysis of covariance (post ~ pre + treated), HC2, Bell-McCaffrey df",
        estimate=Estimate("adjusted difference", c.value, (c.low, c.high), level, "points"),
        effect=Estimate("adjusted difference / baseline SD", c.value / sd, (c.low / sd, c.high / sd), level)
        if sd else None,
        test=Test("t", c.t, c.df, c.p),
        n={"treated": int(data["treated"].sum()), "untreated": len(others)},
        reference="Vickers & Altman 2001; Bell & McCaffrey 2002",
        extra={
            "coefficients": careful.table(level), "homoscedastic": plain._asdict(), "hc3": hc3._asdict(),
            "slope": float(careful.coef[1]), "r2": careful.r2,
            "adjusted_means": {"untreated": careful.contrast([1, at, 0]).value,
                               "treated": careful.contrast([1, at, 1]).value},
            "slopes_p": attempt(wide.coefficient, "product")[0].p if wide else None,
            "unadjusted_post": float(gap["post"]), "unadjusted_change": float(gap["post"] - gap["pre"]),
            "above": int((data.loc[data["treated"] == 1, "pre"] > others.max()).sum()), "dropped": dropped,
        },
    )


def pre_post_control(frame: pd.DataFrame, pre: str, post: str, treated: str, level: float = 0.95) -> Result:
    """Difference of the mean gains of treated and untreated children; valid only if they were not chosen by score.

    Returns
    -------
    Result
        estimate: gain of the treated minus gain of the untreated, Welch; effect: d_ppc2 (Morris 2008, eq. 8; interval
        from his eq. 25, None in tiny groups or a baseline without spread); test: Welch's t. extra: gain_treated,
        gain_untreated, student_t, student_p, time_by_group_F, ancova (Result), p_rank_exact, p_permutation_exact
        (None above 60 children), dropped.

    Raises
    ------
    NotEstimableError
        If a group has fewer than two complete rows or no gain varies.
    """
    data, dropped = marked(frame, pre, post, treated)
    t, c = (data[data["treated"] == value] for value in (1.0, 0.0))
    size = float(np.abs(data[["pre", "post"]].to_numpy()).max(initial=0.0))
    gains = [pd.Series(snap((side["post"] - side["pre"]).to_numpy(), size)) for side in (t, c)]
    main = welch(*gains, level)
    d = main.extra["cohens_d"] * float(np.sqrt(len(t) * len(c) / len(data)))
    return Result(
        method="difference of gains, Welch's t test",
        estimate=Estimate("difference of gains", main.estimate.value, main.estimate.ci, level),
        effect=attempt(_ppc2, t, c, level)[0],
        test=main.test,
        n={"treated": len(t), "untreated": len(c)},
        reference="Morris 2008",
        extra={
            "gain_treated": main.extra["mean_x"], "gain_untreated": main.extra["mean_y"],
            "student_t": d, "student_p": float(2 * stats.t.sf(abs(d), len(data) - 2)), "time_by_group_F": d**2,
            "ancova": attempt(ancova, frame, post, pre, treated)[0],
            "p_rank_exact": attempt(two_sample_exact, *gains)[0],
            "p_permutation_exact": attempt(two_sample_exact, *gains, False)[0], "dropped": dropped,
        },
    )


def _ppc2(t: pd.DataFrame, c: pd.DataFrame, level: float) -> Estimate:
    """d_ppc2: difference of gains over the pooled baseline SD, small-sample corrected (Morris 2008)."""
    n, m = len(t), len(c)
    df = n + m - 2
    spread = float(np.sqrt(((n - 1) * t["pre"].var() + (m - 1) * c["pre"].var()) / df))
    if spread == 0:
        raise NotEstimableError("the baseline does not vary")
    bias = 1 - 3 / (4 * df - 1)
    d = bias * float((t["post"] - t["pre"]).mean() - (c["post"] - c["pre"]).mean()) / spread
    name = "d_ppc2"
    within = [side[["pre", "post"]] - side[["pre", "post"]].mean() for side in (t, c)]
    joined = pd.concat(within)
    r = float(joined["pre"].corr(joined["post"])) if joined["post"].nunique() > 1 else 1.0
    if df <= 2 or not r < 1 - 1e-12:
        return Estimate(name, d, None, level)
    scale = 2 * (1 - r) * (n + m) / (n * m)
    variance = bias**2 * scale * df / (df - 2) * (1 + d**2 / scale) - d**2
    if not variance > 0:
        return Estimate(name, d, None, level)
    half = float(stats.norm.isf((1 - level) / 2) * np.sqrt(variance))
    return Estimate(name, d, (d - half, d + half), level)
