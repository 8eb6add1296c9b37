"""How much the full model hangs on single children; what is returned is never a child's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lbc.analysis.shares import make_design
from lbc.errors import NotEstimableError


def influence(frame: pd.DataFrame, outcome: str, predictors: Sequence[str]) -> pd.DataFrame:
    """What the full model would be without the children who pull at it most: Cook's distance above 4 / n.

    Returns
    -------
    DataFrame
        One row per coefficient: term, b, without (b without these children), shift (its change in standard errors),
        dfbetas (largest change in standard errors by any one child); then R2, the number of children and the largest
        Cook's distance.

    Raises
    ------
    NotEstimableError
        As `ecology.blockwise`, if one child alone determines a coefficient, or too few would remain.

    References
    ----------
    Cook 1977; Belsley, Kuh & Welsch 1980; 4 / n: Bollen & Jackman 1990.
    """
    from statsmodels.regression.linear_model import OLS

    design = make_design(frame, outcome, {predictor: [predictor] for predictor in predictors})
    x = np.column_stack([np.ones(len(design.y)), design.x])
    fit = OLS(design.y, x).fit()
    found = fit.get_influence()
    if found.hat_matrix_diag.max() > 1 - 1e-9:
        raise NotEstimableError("one row alone determines a coefficient: a category has a single member")
    cook, far = found.cooks_distance[0], np.abs(found.dfbetas).max(axis=0)
    kept = cook <= 4 / len(x)
    if kept.sum() <= x.shape[1] or np.linalg.matrix_rank(x[kept]) < x.shape[1]:
        raise NotEstimableError("without the most influential children too little is left to fit the model")
    again = OLS(design.y[kept], x[kept]).fit()
    shift = (again.params - fit.params) / fit.bse
    table = pd.DataFrame({"term": design.names, "b": fit.params[1:], "without": again.params[1:], "shift": shift[1:],
                          "dfbetas": far[1:]})
    below = pd.DataFrame({"term": ["R2", "n", "largest Cook's distance"], "b": [fit.rsquared, len(x), cook.max()],
                          "without": [again.rsquared, kept.sum(), np.nan]})
    return pd.concat([table, below], ignore_index=True)
