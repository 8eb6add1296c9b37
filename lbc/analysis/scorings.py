"""The outcome scored in several ways, as standard scores, so that their differences have one unit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import special, stats

from lbc.analysis import cfa
from lbc.analysis.groups import attempt
from lbc.errors import NotEstimableError
from lbc.instruments import Instrument
from lbc.instruments.scoring import person_mean

Score = tuple[np.ndarray, float]
"""Standard scores, NaN for children left out, and the SD of the total score that goes with them."""


def scorings(
    children: pd.DataFrame, exclusion: int, missing: str, min_answered: float, scale: Instrument
) -> Iterator[tuple[str, Score]]:
    """The outcome by every scoring that these children's answers allow.

    Parameters
    ----------
    children : DataFrame
        `n_flags`, keyed items, imputed values as `<item>@imputed`.
    exclusion : int
        Flags of careless answering from which a form is set aside; 0 keeps them all.
    missing : {"person_mean", "complete", "imputed"}
        A score needs the share `min_answered` of its items, all of them, or takes the imputed values.

    Yields
    ------
    name, (scores, sd)
        "total"; "without_biased", the items that are not reversed, because answers to reversed ones share something
        of their own (DiStefano & Motl 2006); "latent", factor scores of one factor over all items.
    """
    items = [c for c in scale.columns() if c in children]
    kept = children[children["n_flags"] < exclusion] if exclusion else children
    if missing == "imputed" and f"{items[0]}@imputed" not in children:
        return
    x = kept[[f"{c}@imputed" if missing == "imputed" else c for c in items]].set_axis(items, axis=1)
    least = min_answered if missing == "person_mean" else 1.0
    total = person_mean(x, least)
    found = {"total": total}
    lonely = [c for c in items if int(c.rsplit("_", 1)[1]) not in scale.reverse]
    if 2 < len(lonely) < len(items):
        found["without_biased"] = person_mean(x[lonely], least)
    filled = x.apply(lambda column: column.fillna(total))[total.notna()]
    weights, _ = attempt(_bartlett, filled)
    found |= {} if weights is None else {"latent": filled @ weights}
    for name, score in found.items():
        if score.std() > 1e-9:
            z = ((score - score.mean()) / score.std()).reindex(children.index)
            yield name, (z.to_numpy(), float(total.std() * len(items)))


def _bartlett(items: pd.DataFrame) -> np.ndarray:
    """Weights of the items in Bartlett's (1937) scores of one factor: loading over residual variance."""
    names = [f"i{n}" for n in range(items.shape[1])]
    found = cfa.fit("f =~ " + " + ".join(names), items.set_axis(names, axis=1), std_lv=True)
    if found.problems:
        raise NotEstimableError("; ".join(found.problems))
    loadings, residuals = np.split(found.theta, 2)
    return np.sign(loadings.sum()) * loadings / residuals


def normal_scores(score: Score) -> Score:
    """The outcome's ranks as normal scores, so that no child's answer pulls far (van der Waerden 1952)."""
    y, sd = score
    ranks = stats.rankdata(y.round(9), nan_policy="omit")  # equal sums are equal, whatever their last bits
    z = special.ndtri(ranks / (np.isfinite(y).sum() + 1))
    return (z - np.nanmean(z)) / np.nanstd(z, ddof=1), sd
