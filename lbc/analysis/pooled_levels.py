"""How much each ecological level explains, pooled over completed data sets: blocks of predictors and their shares.

The tables have the columns of ecology.py, so that the same results and figures are made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from lbc.analysis import ecology, pooling, regression, shares
from lbc.analysis.pooling import Completed
from lbc.errors import NotEstimableError
from lbc.results import Result

Blocks = Mapping[str, Sequence[str]]
GROUPS_OF_PERSONS = 20
BLOCKS = ["level", "r2", *(f"{key}{end}" for key in ("delta_r2", "first", "last") for end in ("", "_low", "_high")),
          "F_cluster", "F_change", "df_change", "df_cluster", "df_residual", "p_cluster", "p_change", "n"]
"""The columns of `blockwise` that a reader is shown, as far as the table has them."""


def blockwise(
    completed: Completed, outcome: str, blocks: Blocks, cluster: str | None, rng: np.random.Generator, n_boot: int
) -> pd.DataFrame:
    """`ecology.blockwise` of every completed set, pooled; its columns, but one F test, and `imputations`.

    R2 and its parts are averaged as they are, so that they still add up. Their limits are Rubin's rule for intervals
    that need not be symmetric: below and above the mean, the squared distances to the bootstrap limits of the sets
    stand for the variance within sets, and z2 (1 + 1/m) times the variance between sets is added ("impute, then
    bootstrap": Schomaker & Heumann 2018; distances to limits: Zou & Donner 2008). What a block adds in order is
    tested by D1 from CR1 covariances on the classes' degrees of freedom, else from the ordinary covariance.
    """
    table = _pool(completed, lambda part: ecology.blockwise(part, outcome, blocks, cluster, rng, n_boot))
    table = table[[c for c in table if not c.startswith(("F_", "p_", "df_res", "df_clu"))]]
    tests, entered = [], []
    for block in blocks.values():
        entered += block
        tests.append(_change(completed, outcome, entered, block, cluster))
    names = ["F_cluster", "df_cluster", "p_cluster"] if cluster else ["F_change", "df_residual", "p_change"]
    return table.assign(**dict(zip(names, np.array(tests).T, strict=True)))


def _change(
    completed: Completed, outcome: str, entered: list[str], block: Sequence[str], cluster: str | None
) -> tuple[float, float, float]:
    """F, denominator degrees of freedom and p of the block that entered last; empty where classes are too few."""
    from scipy.stats import f

    fits = pooling.regressions(completed, outcome, entered, cluster, ("CR1S", "classic"))
    q = regression.design(pooling.sets(completed)[0], block).shape[1] - 1
    df, scale = fits[0].n - len(fits[0].terms), 1.0
    if cluster:
        df, scale = fits[0].n_clusters - q, (fits[0].n_clusters - q) / (fits[0].n_clusters - 1)
    try:
        found = pooling.d1([fit.coef[-q:] for fit in fits], [fit.vcov[-q:, -q:] for fit in fits], df).test
    except NotEstimableError:
        return np.nan, np.nan, np.nan
    statistic = found.statistic * scale
    return statistic, found.df[1], float(f.sf(statistic, *found.df))


def importance_by_level(
    completed: Completed, outcome: str, blocks: Blocks, cluster: str | None, rng: np.random.Generator, n_boot: int
) -> pd.DataFrame:
    """`ecology.importance_by_level` of every completed set, pooled as in `blockwise`; the shares add up to R2."""
    return _pool(completed, lambda part: ecology.importance_by_level(part, outcome, blocks, cluster, rng, n_boot))


def _pool(completed: Completed, analyse: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    from scipy.stats import norm

    tables = [analyse(part) for part in pooling.sets(completed)]
    table, m = tables[0].copy(), len(tables)
    z2 = norm.ppf(0.5 + table["confidence"].iloc[0] / 2) ** 2
    for key in table.select_dtypes(float).columns.difference(["confidence"]):
        if key.endswith(("_low", "_high")):
            continue
        values = np.stack([each[key] for each in tables])
        mean, between = values.mean(axis=0), z2 * (1 + 1 / m) * values.var(axis=0, ddof=1)
        table[key] = mean
        for side, sign in (("low", -1), ("high", 1)):
            if f"{key}_{side}" in table:
                within = ((values - np.stack([each[f"{key}_{side}"] for each in tables])) ** 2).mean(axis=0)
                limit = mean + sign * np.sqrt(within + between)
                table[f"{key}_{side}"] = np.clip(limit, 0, 100 if key == "percent" else 1)
    return table.assign(imputations=m)


def importance(
    completed: Completed, outcome: str, listed: pd.DataFrame, cluster: str | None = None, level: float = 0.95
) -> pd.DataFrame:
    """For `figures.importance`: LMG share of each predictor, mean over the sets, with a jackknife interval.

    All subsets of 22 predictors are too many for a bootstrap. The variance within sets is that of the delete-a-class
    jackknife (of 20 parts of the children without classes) of the cross-products averaged over the sets.

    Parameters
    ----------
    listed : DataFrame
        name and level of the predictors.

    Returns
    -------
    DataFrame
        predictor, level, share (they sum to R2), ci_low, ci_high.
    """
    groups = {name: [name] for name in listed["name"]}
    designs = [shares.make_design(part, outcome, groups, cluster) for part in pooling.sets(completed)]
    products = [design.products() for design in designs]
    sizes = list(designs[0].groups.values())
    units = np.mean(products, axis=0)
    if cluster is None:
        units = np.stack([units[i::GROUPS_OF_PERSONS].sum(axis=0) for i in range(GROUPS_OF_PERSONS)])

    def lmg(sums: np.ndarray) -> np.ndarray:
        return shares.shapley(shares.subset_r2(sums[:, None], sizes))[:, 0]

    each = np.stack([lmg(part.sum(axis=0)) for part in products])
    within = pooling.jackknife(np.stack([lmg(units.sum(axis=0) - own) for own in units]))
    pooled = [pooling.rubin(q, np.full(len(q), max(u, 1e-300)), len(units) - 1, level).estimate
              for q, u in zip(each.T, within, strict=True)]
    return pd.DataFrame({"predictor": listed["name"].to_numpy(), "level": listed["level"].to_numpy(),
                         "share": [e.value for e in pooled], "ci_low": [max(e.ci[0], 0.0) for e in pooled],
                         "ci_high": [min(e.ci[1], 1.0) for e in pooled]})


def blockwise_results(table: pd.DataFrame) -> dict[str, Result]:
    """`ecology.blockwise_results` of a pooled table, with the pooling in its method."""
    return _pooled(ecology.blockwise_results(table), table)


def share_results(table: pd.DataFrame) -> dict[str, Result]:
    """`ecology.share_results` of a pooled table, with the pooling in its method."""
    return _pooled(ecology.share_results(table), table)


def _pooled(found: Mapping[str, Result], table: pd.DataFrame) -> dict[str, Result]:
    m = table["imputations"].iloc[0]
    return {name: replace(r, method=f"{r.method}, pooled over {m} imputed data sets",
                          reference=f"{r.reference}; Schomaker & Heumann 2018") for name, r in found.items()}


def beside(
    pooled: pd.DataFrame | NotEstimableError, complete: pd.DataFrame | NotEstimableError, keys: Sequence[str]
) -> pd.DataFrame:
    """For each level the pooled row and, below it, that of the complete cases: level, sample, keys, limits, n."""
    pooled = pooling.known(pooled)
    tables = {"imputed": pooled} | ({} if isinstance(complete, NotEstimableError) else {"complete cases": complete})
    both = pd.concat([table.assign(sample=name) for name, table in tables.items()], ignore_index=True)
    place = {level: k for k, level in enumerate(pooled["level"])}
    both = both.sort_values("level", key=lambda levels: levels.map(place), kind="stable", ignore_index=True)
    return both[["level", "sample", *(f"{key}{end}" for key in keys for end in ("", "_low", "_high")), "n"]]
