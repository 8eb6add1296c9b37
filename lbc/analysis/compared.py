"""Treated against untreated children by rival methods, each beside what it assumes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from lbc.analysis.groups import attempt, result
from lbc.analysis.placebo import NEAREST, neighbours, placebo_sets
from lbc.analysis.regression import Contrast, cluster_robust
from lbc.analysis.stats import paired
from lbc.analysis.untreated import ancova, marked, pre_post_control
from lbc.errors import NotEstimableError
from lbc.results import Result, Words

COLUMNS = ("pre", "post", "treated")
COMPANIONS: dict[str, Words] = {
    "placebo": {"en": "Members against untreated children, judged by placebo sets of neighbours in score",
                "zh": "组员与未受干预儿童之差（以得分相近儿童的安慰剂组合判断）"},
    "did": {"en": "Gains of members against gains of untreated children (valid only if not chosen by score)",
            "zh": "组员与未受干预儿童的变化之差（仅在非按得分选取时有效）"},
}
BY_SCORE: Words = {
    "en": "the members were chosen by score, so that their mean would have moved otherwise than that of the others "
          "without any group (see the table of methods)",
    "zh": "组员按得分入选，即使没有小组，其均值的变化也与其他儿童不同（见各种方法的比较表）",
}


def _bent(data: pd.DataFrame, shape: Callable[[pd.Series], Any], level: float) -> dict[str, Contrast]:
    """Coefficients of an ANCOVA with a further function of the baseline: of the treated, and of that function."""
    x = pd.DataFrame({"(Intercept)": 1.0, "pre": data["pre"], "treated": data["treated"], "bend": shape(data["pre"])})
    fit = cluster_robust(data["post"], x, range(len(data)))
    return {name: fit.coefficient(name, level) for name in ("treated", "bend")}


def _squared(x: pd.Series) -> pd.Series:
    return ((x - x.mean()) / x.std()) ** 2


def _spline(x: pd.Series) -> pd.Series:
    """Restricted cubic spline with knots at the 10th, 50th and 90th percentile: the part that is not straight."""
    a, b, c = np.quantile(x, [0.1, 0.5, 0.9])
    if not a < b < c:
        raise NotEstimableError("the baseline has too few different values for a spline")
    first, second, third = (np.maximum(x - knot, 0.0) ** 3 for knot in (a, b, c))
    return (first - second * (c - a) / (c - b) + third * (b - a) / (c - b)) / (c - a) ** 2


def companions(
    frame: pd.DataFrame | NotEstimableError, selection: str, rng: np.random.Generator
) -> dict[str, Result]:
    """Beside the primary comparison, by the keys of `COMPANIONS`; gains only where no score chose the members."""
    if isinstance(frame, NotEstimableError):
        return {name: Result("none", None, reason=str(frame)) for name in COMPANIONS}
    placebo = result(placebo_sets, frame, *COLUMNS, rng)
    if selection == "top_scores":
        return {"placebo": placebo, "did": Result("difference of gains", None, reason=BY_SCORE)}
    return {"placebo": placebo, "did": result(pre_post_control, frame, *COLUMNS)}


def methods(
    frame: pd.DataFrame | NotEstimableError, placebo: Result | None = None,
    rates: Mapping[str, Any] | None = None, level: float = 0.95,
) -> pd.DataFrame:
    """The same comparison by other methods, each beside what it assumes and how often it rejects without any effect.

    Children chosen by score lie beyond the others, so that a comparison at equal score leans on the shape of the
    line: here it is bent (square, spline), and fitted to the nearest in score alone.

    Parameters
    ----------
    frame : DataFrame or NotEstimableError
        pre, post, treated (1 or 0), one row per child; or why there is none.
    placebo : Result, optional
        Of `placebo.placebo_sets`.
    rates : mapping, optional
        Of `null_studies.false_positive_rate`, for exactly this selection.

    Returns
    -------
    DataFrame
        method, n (untreated children used), estimate, low, high, statistic, df, p, false_positive, assumes. A method
        that fails with these data has no row.

    Raises
    ------
    NotEstimableError
        As `untreated.ancova`.
    """
    if isinstance(frame, NotEstimableError):
        raise NotEstimableError(str(frame))
    data, _ = marked(frame, *COLUMNS)
    main = ancova(data, "post", "pre", "treated", level)
    t, c = data[data["treated"] == 1], data[data["treated"] == 0]
    near = np.unique(neighbours(t["pre"].to_numpy(), c["pre"].to_numpy(), NEAREST))
    close, _ = attempt(ancova, pd.concat([t, c.iloc[near]]), "post", "pre", "treated", level)
    gains, alone = attempt(pre_post_control, data, *COLUMNS, level)[0], attempt(paired, t["pre"], t["post"], level)[0]
    squared, spline = (attempt(_bent, data, shape, level)[0] or {} for shape in (_squared, _spline))
    found = [
        ("ANCOVA, HC2", len(c), main, "ancova", "straight line"),
        ("ANCOVA, HC3", len(c), Contrast(**main.extra["hc3"]), "hc3", "straight line, many treated"),
        ("ANCOVA, placebo sets", len(c), placebo, "", "straight line, neighbours alike"),
        ("ANCOVA, baseline squared", len(c), squared.get("treated"), "", "parabola"),
        ("the square itself", len(c), squared.get("bend"), "", ""),
        ("ANCOVA, spline", len(c), spline.get("treated"), "", "curve"),
        ("ANCOVA, nearest in score", len(near), close, "", "straight among nearest"),
        ("difference of gains", len(c), gains, "did", "equal drift"),
        ("d_ppc2", len(c), gains and gains.effect and Result("d_ppc2", gains.effect), "", "equal drift"),
        ("paired t test", 0, alone, "paired_t", "no drift"),
    ]
    rows = [(name, n, *_numbers(r), (rates or {}).get(key), assumes) for name, n, r, key, assumes in found
            if r and (isinstance(r, Contrast) or r.estimate)]
    names = ["method", "n", "estimate", "low", "high", "statistic", "df", "p", "false_positive", "assumes"]
    return pd.DataFrame(rows, columns=names).astype(dict.fromkeys(names[2:-1], float))


def _numbers(found: Result | Contrast) -> tuple[float | None, ...]:
    """estimate, low, high, statistic, df, p."""
    if isinstance(found, Contrast):
        return found.value, found.low, found.high, found.t, found.df, found.p
    test = (found.test.statistic, found.test.df, found.test.p) if found.test else (None, None, None)
    return (found.estimate.value, *(found.estimate.ci or (None, None)), *test)
