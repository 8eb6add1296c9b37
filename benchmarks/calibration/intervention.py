"""Children chosen because they score high, and nothing is done: how often do the tests of notebook 04 see an effect?

All children are measured at the choice, once more before the start, and after; members are the highest at the choice
(ties by lot). Tests that take the choice's score as baseline meet regression to the mean. Each cell runs thousands of
studies at once, so the tests stand here as formulas on whole arrays; tests/unit/test_calibration.py compares them
with the functions that notebooks call.
"""

from __future__ import annotations

import zlib
from concurrent.futures import Executor
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from benchmarks.calibration.monte_carlo import interval, judged
from benchmarks.calibration.worlds import ITEMS, LOADING, THRESHOLDS
from lbc.analysis.placebo import placebo_sets
from lbc.errors import NotEstimableError

ALPHA = 0.05
OWN = 0.4  # how far an item's own part returns at the next wave
BATCH = 400_000  # children simulated at once
PLACEBO = 500  # studies of the randomisation inference, which is slow
SCORES = ("normal", "CLS-like")
CHILDREN, MEMBERS, RETESTS, EFFECTS = (100, 150, 600), (7, 8), (0.51, 0.6, 0.7, 0.8, 0.9), (0.0, 0.5, 0.8, 1.0)
P = dict[str, np.ndarray]


class Cell(NamedTuple):
    """One kind of study: distribution of scores, children surveyed, members, retest correlation."""

    scores: str
    children: int
    members: int
    retest: float


CELLS = [Cell(*cell) for cell in product(SCORES, CHILDREN, MEMBERS, RETESTS)]


def _covariance(rho: float) -> float:
    """Covariance of two five-point items whose underlying normal variables correlate by rho."""
    both = stats.multivariate_normal(cov=[[1, rho], [rho, 1]], allow_singular=True)
    above = special.ndtr(-THRESHOLDS)
    return float(sum(both.cdf([-s, -t]) for s in THRESHOLDS for t in THRESHOLDS) - above.sum() ** 2)


@cache
def trait_stability(retest: float) -> tuple[float, float]:
    """Correlation of the trait between waves that gives totals this retest correlation, and the totals' SD."""
    share, pairs = LOADING**2, ITEMS * (ITEMS - 1)
    variance = ITEMS * _covariance(1.0) + pairs * _covariance(share)

    def found(stable: float) -> float:
        same = _covariance(share * stable + (1 - share) * OWN)
        return (pairs * _covariance(share * stable) + ITEMS * same) / variance

    return float(optimize.brentq(lambda stable: found(stable) - retest, 0, 1, xtol=1e-6)), float(np.sqrt(variance))


def _wave_parts(rng: np.random.Generator, stable: float, shape: tuple[int, int]) -> list[np.ndarray]:
    """Three standard normal waves, each two correlated by `stable`."""
    lasting = np.sqrt(stable) * rng.standard_normal(shape, dtype=np.float32)
    return [lasting + np.sqrt(1 - stable) * rng.standard_normal(shape, dtype=np.float32) for _ in range(3)]


def waves(rng: np.random.Generator, cell: Cell, studies: int) -> list[np.ndarray]:
    """Scores at the choice, before the start and after, each of shape (studies, children), in SD of the survey."""
    shape = studies, cell.children
    if cell.scores == "normal":
        return [wave.astype(float) for wave in _wave_parts(rng, cell.retest, shape)]
    stable, sd = trait_stability(cell.retest)
    totals, traits = [np.full(shape, float(ITEMS)) for _ in range(3)], _wave_parts(rng, stable, shape)
    for _ in range(ITEMS):
        for total, trait, own in zip(totals, traits, _wave_parts(rng, OWN, shape), strict=True):
            answer = LOADING * trait + np.sqrt(1 - LOADING**2) * own
            for threshold in THRESHOLDS.astype(np.float32):
                total += answer > threshold
    return [total / sd for total in totals]


def _t(estimate: np.ndarray, error: np.ndarray, df: np.ndarray | float) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(2 * stats.t.sf(np.abs(estimate) / error, df), nan=1.0)


def _mean(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return x.mean(axis=1), x.std(axis=1, ddof=1) / np.sqrt(x.shape[1])


def one_sample(d: np.ndarray) -> P:
    """Paired t, exact sign flip and exact Wilcoxon of the members' changes (studies, members)."""
    k = d.shape[1]
    signs = 1.0 - 2.0 * ((np.arange(2**k)[:, None] >> np.arange(k)) & 1)
    sizes = np.where(np.abs(d) < 1e-9, np.inf, np.round(np.abs(d), 9))
    ranks = np.where(np.isinf(sizes), 0.0, np.sign(d) * stats.rankdata(sizes, axis=1))
    flipped = {name: (np.abs(x @ signs.T) >= np.abs(x.sum(axis=1))[:, None] - 1e-6).mean(axis=1)
               for name, x in (("sign flip, exact", d), ("Wilcoxon, exact", ranks))}
    return {"paired t": _t(*_mean(d), k - 1)} | flipped


def gains(d: np.ndarray, others: np.ndarray) -> P:
    """Difference of the members' gains and those of everybody else, Welch."""
    (a, s), (b, u) = _mean(d), _mean(others)
    df = (s**2 + u**2) ** 2 / (s**4 / (d.shape[1] - 1) + u**4 / (others.shape[1] - 1))
    return {"difference of gains (DiD), Welch": _t(a - b, np.sqrt(s**2 + u**2), df)}


def ancova(pre: np.ndarray, post: np.ndarray, member: np.ndarray, bent: bool = False) -> P:
    """post ~ pre + member with classical errors, HC3, and HC2 with the df of Bell & McCaffrey (2002).

    `bent`: with the square of pre as well, HC2 only.
    """
    centred = pre - pre.mean(axis=1, keepdims=True)
    x = np.stack([np.ones_like(pre), centred, member, *([centred**2] if bent else [])], axis=2)
    rest = pre.shape[1] - x.shape[2]
    inverse = np.linalg.inv(x.swapaxes(1, 2) @ x)
    b = inverse @ (x.swapaxes(1, 2) @ post[:, :, None])
    residual = post - (x @ b)[:, :, 0]
    spread = x @ inverse
    own, free = spread[:, :, 2], 1 - (spread * x).sum(axis=2)
    weight = own**2 / free
    shared = (x * weight[:, :, None]).swapaxes(1, 2) @ x @ inverse
    squares = (weight**2 * (2 * free - 1)).sum(axis=1) + np.einsum("sij,sji->s", shared, shared)
    hc2, hc3 = ((w * residual**2).sum(axis=1) for w in (weight, weight / free))
    classic, value = (residual**2).sum(axis=1) / rest * inverse[:, 2, 2], b[:, 2, 0]
    careful = _t(value, np.sqrt(hc2), (own**2).sum(axis=1) ** 2 / squares)
    if bent:
        return {"ANCOVA, HC2, baseline squared": careful}
    return {"ANCOVA, HC2, Bell-McCaffrey df": careful,
            "ANCOVA, HC2: a fall": np.where(value < 0, careful, 1.0),  # one tail: members seem to have gained
            "ANCOVA, HC3, n - 3 df": _t(value, np.sqrt(hc3), rest),
            "ANCOVA, classical": _t(value, np.sqrt(classic), rest)}


def remainders(pre: np.ndarray, post: np.ndarray, mean: np.ndarray, retest: float) -> np.ndarray:
    """p of the members' change beyond what the retest correlation predicts (Barnett)."""
    expected = mean[:, None] + retest * (pre - mean[:, None])
    return _t(*_mean(post - expected), pre.shape[1] - 1)


def mee_chua(pre: np.ndarray, post: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """p of the members' own regression line at the survey's mean (Mee & Chua 1991)."""
    k, x = pre.shape[1], pre - mean[:, None]
    away = x.mean(axis=1)
    centred = x - away[:, None]
    squares = (centred**2).sum(axis=1)
    squares[squares < 1e-9] = np.nan  # all members at one score: no line, counted as no rejection
    slope = (centred * post).sum(axis=1) / squares
    left = post - post.mean(axis=1, keepdims=True) - slope[:, None] * centred
    error = np.sqrt((left**2).sum(axis=1) / (k - 2) * (1 / k + away**2 / squares))
    return _t(post.mean(axis=1) - slope * away - mean, error, k - 2)


def p_values(first: np.ndarray, second: np.ndarray, last: np.ndarray, member: np.ndarray, retest: float) -> P:
    """p of every test in each study; `member` marks the chosen."""
    k = int(member[0].sum())
    before, start, after = (wave[member].reshape(-1, k) for wave in (first, second, last))
    mean = first.mean(axis=1)
    return (one_sample(after - before) | gains(after - before, (last - first)[~member].reshape(len(first), -1))
            | ancova(first, last, member.astype(float)) | ancova(first, last, member.astype(float), bent=True) | {
        "Barnett, retest r known": remainders(before, after, mean, retest),
        "Barnett, retest r taken .1 too high": remainders(before, after, mean, retest + 0.1),
        "Barnett, retest r taken .1 too low": remainders(before, after, mean, retest - 0.1),
        "Mee-Chua": mee_chua(before, after, mean),
    } | {f"{name}, from a second pre-test": p for name, p in one_sample(after - start).items()})


def choose(first: np.ndarray, members: int, rng: np.random.Generator) -> np.ndarray:
    """Marks of the highest scorers of each study, ties by lot."""
    lots = first + 1e-3 * rng.random(first.shape)
    places = np.argpartition(lots, -members, axis=1)[:, -members:]
    member = np.zeros(first.shape, dtype=bool)
    np.put_along_axis(member, places, True, axis=1)
    return member


def _placebo(cell: Cell, studies: int, rng: np.random.Generator) -> list[bool]:
    """Randomisation inference over other sets, by the public function."""
    rejected = []
    first, _, last = waves(rng, cell, studies)
    for pre, post, member in zip(first, last, choose(first, cell.members, rng), strict=True):
        frame = pd.DataFrame({"pre": pre, "post": post, "treated": member.astype(float)})
        try:
            found = placebo_sets(frame, "pre", "post", "treated", rng, draws=499)
            rejected.append(found.test.p <= ALPHA)
        except NotEstimableError:
            continue
    return rejected


def run(cell: Cell, studies: int) -> pd.DataFrame:
    """Rejection rates of one cell, without an effect and with effects of .5, .8 and 1 SD.

    Returns
    -------
    DataFrame
        scores, children, members, retest, effect (SD), event, replications, rate, low, high (99 % Wilson), nominal
        and found (as in `monte_carlo.rates`; empty where there is an effect: the rate is then the power).
    """
    rng = np.random.default_rng(zlib.crc32(repr(tuple(cell)).encode()))
    hits: dict[tuple[float, str], float] = {}
    step = max(1, BATCH // cell.children)
    for start in range(0, studies, step):
        count = min(step, studies - start)
        first, second, last = waves(rng, cell, count)
        member = choose(first, cell.members, rng)
        for effect in EFFECTS:
            for event, p in p_values(first, second, last - effect * member, member, cell.retest).items():
                hits[effect, event] = hits.get((effect, event), 0.0) + float((p <= ALPHA + 1e-9).sum())
    rows = [(effect, event, studies, count) for (effect, event), count in hits.items()]
    if cell.children == 150 and cell.retest in (0.6, 0.8):
        found = _placebo(cell, min(studies, PLACEBO), rng)
        rows.append((0.0, "placebo sets (randomisation inference)", len(found), float(sum(found))))
    return pd.DataFrame([_row(cell, *row) for row in rows])


def _row(cell: Cell, effect: float, event: str, n: int, hits: float) -> dict[str, object]:
    low, high = interval(hits, n)
    nominal = ALPHA / 2 if event.endswith("a fall") else ALPHA
    null = effect == 0
    return cell._asdict() | {
        "effect": effect, "event": event, "replications": n, "rate": hits / n, "low": low, "high": high,
        "nominal": nominal if null else np.nan, "found": judged(low, high, nominal) if null else ""}


def table(pool: Executor, studies: int) -> pd.DataFrame:
    """All cells."""
    jobs = [pool.submit(run, cell, studies) for cell in CELLS]
    return pd.concat([job.result() for job in jobs], ignore_index=True)
