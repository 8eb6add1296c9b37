"""What a planned group can detect, before it begins: every analysis one may have in mind, on simulated groups.

Effects are falls in standard deviations of the outcome (see `planning`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lbc.analysis.exact import attainable_p
from lbc.analysis.null_studies import BATCH, MOST_FLIPPED, flip_rejects
from lbc.analysis.planning import Studies
from lbc.errors import NotEstimableError

EFFECTS = (0.3, 0.5, 0.8, 1.0)
MEMBERS = range(5, 13)


def adjusted(pre: np.ndarray, post: np.ndarray, members: int) -> Studies:
    """`untreated.ancova` (HC2, df of Bell & McCaffrey 2002) of many studies at once, in closed form.

    Parameters
    ----------
    pre, post : ndarray, shape (studies, children)
        The first `members` columns are the treated.
    """
    n = pre.shape[1]
    treated = np.arange(n) < members
    sizes, sides = np.where(treated, members, n - members), (slice(0, members), slice(members, n))
    x, y = pre.copy(), post.copy()
    for values in (x, y):
        for side in sides:
            values[:, side] -= values[:, side].mean(axis=1, keepdims=True)
    gap, lead = (v[:, :members].mean(axis=1) - v[:, members:].mean(axis=1) for v in (pre, post))
    sxx = (x**2).sum(axis=1)
    slope = (x * y).sum(axis=1) / sxx
    weight = np.where(treated, 1, -1) / sizes - x * (gap / sxx)[:, None]
    rest = 1 - 1 / sizes - x**2 / sxx[:, None]
    part = weight**2 / rest
    squares = (part**2 * (2 * rest - 1)).sum(axis=1) + (part * x**2).sum(axis=1) ** 2 / sxx**2
    for side in sides:
        of, moment, size = part[:, side].sum(axis=1), (part * x)[:, side].sum(axis=1), sizes[side][0]
        squares += of**2 / size**2 + 2 * moment**2 / (size * sxx)
    error = np.sqrt((part * (y - slope[:, None] * x) ** 2).sum(axis=1))
    return Studies(lead - slope * gap, error, (weight**2).sum(axis=1) ** 2 / squares)


def _mean_of(change: np.ndarray) -> Studies:
    n = change.shape[1]
    return Studies(change.mean(axis=1), change.std(axis=1, ddof=1) / np.sqrt(n), np.full(len(change), n - 1.0))


class Group(NamedTuple):
    """How a group is put together and with whom it is compared.

    Parameters
    ----------
    eligible : int
        Children who could be chosen.
    members : int
    by_score : bool
        The highest scores are chosen; else the choice has nothing to do with the score.
    untreated : {"none", "resurvey", "next", "waitlist"}
        Who is measured again without the group: nobody (then what all would give is simulated), all others, as many
        with the next highest scores, or, of twice as many, those whom a lot left waiting.
    """

    eligible: int
    members: int
    by_score: bool = True
    untreated: str = "resurvey"


class Simulated(NamedTuple):
    """Groups that had no effect: each analysis's studies, and how far each member fell since the wave of choice."""

    analyses: dict[str, Studies]
    falls: np.ndarray


def _two_waves(group: Group, retest: float, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Scores before and after, shape (count, children): the members first, then the untreated."""
    k, pre = group.members, rng.standard_normal((count, group.eligible))
    if group.by_score:
        pre = -np.partition(-pre, (k - 1, 2 * k - 1), axis=1)
    if group.untreated == "waitlist":
        pre[:, : 2 * k] = rng.permuted(pre[:, : 2 * k], axis=1)
    return pre, retest * pre + np.sqrt(1 - retest**2) * rng.standard_normal(pre.shape)


def _batch(group: Group, retest: float, assumed: float, count: int, rng: np.random.Generator) -> dict[str, Any]:
    pre, post = _two_waves(group, retest, count, rng)
    mean, k = pre.mean(axis=1, keepdims=True), group.members
    last = 2 * k if group.untreated in ("next", "waitlist") else group.eligible
    before, after, noise = pre[:, :k], post[:, :k], rng.standard_normal((2, count, k))
    own = np.sqrt(1 - retest**2)
    between = retest / (1 + retest) * (before + after) + np.sqrt(1 - 2 * retest**2 / (1 + retest)) * noise[0]
    falling = retest * before + own * noise[0]
    return {
        "untreated": adjusted(pre[:, :last], -post[:, :last], k), "paired": _mean_of(before - after),
        "corrected": _mean_of(mean + assumed * (before - mean) - after),
        "second baseline": _mean_of(between - after),
        "second baseline, falling": _mean_of(falling - retest * falling - own * noise[1]),
        "falls": (before - after,),
    }


def simulate_groups(
    group: Group, retest: float, n_sim: int, rng: np.random.Generator, assumed: float | None = None
) -> Simulated:
    """Groups that had no effect, analysed in every way that a plan may have in mind.

    Parameters
    ----------
    group : Group
    retest : float
        Correlation of the outcome between two waves, 0 <= r < 1.
    assumed : float, optional
        The correlation that "corrected" takes for granted; the true one by default.

    Returns
    -------
    Simulated
        Analyses: untreated (`untreated.ancova`), paired (naive t), corrected (`regression_to_mean` with assumed r),
        second baseline (paired t from a wave between choice and group, the correlation the same between all waves)
        and the same where the correlation falls with every wave (r, r squared).

    Raises
    ------
    NotEstimableError
        If not more than twice as many children as members could be chosen, or a number is out of range.
    """
    if not 3 <= group.members <= MOST_FLIPPED:
        raise NotEstimableError(f"a group of {group.members} members is not planned here: 3 to {MOST_FLIPPED}")
    if group.eligible <= 2 * group.members:
        raise NotEstimableError(f"{group.members} members out of {group.eligible} children leave too few to compare")
    if not 0 <= retest < 1:
        raise NotEstimableError(f"a retest correlation lies between 0 and 1, not at {retest:g}")
    size = max(1, BATCH // group.eligible)
    parts = [_batch(group, retest, retest if assumed is None else assumed, min(size, n_sim - start), rng)
             for start in range(0, n_sim, size)]
    whole = {name: [np.concatenate(pieces) for pieces in zip(*(part[name] for part in parts), strict=True)]
             for name in parts[0]}
    (falls,) = whole.pop("falls")
    return Simulated({name: Studies(*pieces) for name, pieces in whole.items()}, falls)


def group_power(
    group: Group, retest: tuple[float, float, float], n_sim: int, rng: np.random.Generator, alpha: float = 0.05
) -> pd.DataFrame:
    """Each analysis of the planned group: how often it is significant without any effect, and with one.

    Parameters
    ----------
    group : Group
    retest : tuple of float
        Lowest, planned and highest plausible retest correlation.
    alpha : float
        Two-sided.

    Returns
    -------
    DataFrame
        One row per analysis (`simulate_groups`, and the exact sign-flip test of the changes): analysis,
        false_positives (planned r), false_low, false_high (lowest and highest r; "corrected" keeps to the planned
        one), power_3, power_5, power_8, power_10 (.3 to 1 SD), detectable (SD at 80 % power) and judged: "valid";
        "finds what is not there"; "only with r exactly known"; or "only if nothing else changes", which a comparison
        alone can tell. Rates within three Monte Carlo errors of alpha pass.

    Raises
    ------
    NotEstimableError
        As `simulate_groups`.
    """
    planned, low, high = (simulate_groups(group, r, n_sim, rng, retest[1]) for r in (retest[1], retest[0], retest[2]))
    passing = alpha + 3 * float(np.sqrt(alpha * (1 - alpha) / n_sim))
    rows = []
    for name, studies in planned.analyses.items():
        false = [part.analyses[name].rejects(0, alpha) for part in (planned, low, high)]
        power = {f"power_{10 * d:.0f}": studies.rejects(d, alpha) for d in EFFECTS}
        rows.append({"analysis": name, "false": false} | power | {"detectable": studies.detectable(alpha)})
        if name == "paired":
            false = [_flipped(part.falls, 0, alpha) for part in (planned, low, high)]
            power = {f"power_{10 * d:.0f}": _flipped(planned.falls, d, alpha) for d in EFFECTS}
            rows.append({"analysis": "sign flip", "false": false} | power | {"detectable": np.nan})
    table = pd.DataFrame(rows)
    false = pd.DataFrame(table.pop("false").tolist(), columns=["false_positives", "false_low", "false_high"])
    judged = np.select(
        [false["false_positives"] > passing, table["analysis"] == "untreated", false.max(axis=1) > passing],
        ["finds what is not there", "valid", "only with r exactly known"], "only if nothing else changes")
    return pd.concat([table[["analysis"]], false, table.drop(columns="analysis")], axis=1).assign(judged=judged)


def _flipped(falls: np.ndarray, effect: float, alpha: float) -> float:
    return float(flip_rejects(falls + effect, alpha).mean())


def power_by_members(
    group: Group, retest: float, n_sim: int, rng: np.random.Generator, alpha: float = 0.05
) -> pd.DataFrame:
    """Groups of 5 to 12 members (and the planned number), everything else as planned.

    Returns
    -------
    DataFrame
        members, smallest_p (of the exact tests), attainable (how many p values of the sign-flip test are up to
        alpha), false_paired (naive t test without any effect), then for `untreated.ancova` false_positives,
        power_3 ... power_10 and detectable.

    Raises
    ------
    NotEstimableError
        As `simulate_groups`, for the planned number; others that are not possible are left out.
    """
    rows = []
    for k in sorted({*MEMBERS, group.members}):
        if k != group.members and group.eligible <= 2 * k:
            continue
        analyses = simulate_groups(group._replace(members=k), retest, n_sim, rng).analyses
        reachable = attainable_p(k, alpha).query("test == 'sign flip'")["p"]
        adjusted_ = analyses["untreated"]
        rows.append({
            "members": k, "smallest_p": 2.0 ** (1 - k), "attainable": len(reachable),
            "false_paired": analyses["paired"].rejects(0, alpha), "false_positives": adjusted_.rejects(0, alpha),
            **{f"power_{10 * d:.0f}": adjusted_.rejects(d, alpha) for d in EFFECTS},
            "detectable": adjusted_.detectable(alpha),
        })
    return pd.DataFrame(rows)


def false_positives_by_retest(
    group: Group, retests: tuple[float, ...], n_sim: int, rng: np.random.Generator, alpha: float = 0.05
) -> pd.DataFrame:
    """How often the naive paired t test and the comparison with untreated children err, over the retest correlation.

    Returns
    -------
    DataFrame
        retest, false_paired, false_positives (`untreated.ancova`).
    """
    found = [(r, simulate_groups(group, r, n_sim, rng).analyses) for r in retests]
    return pd.DataFrame([{"retest": r, "false_paired": a["paired"].rejects(0, alpha),
                          "false_positives": a["untreated"].rejects(0, alpha)} for r, a in found])
