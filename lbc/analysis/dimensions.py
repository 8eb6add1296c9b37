"""How many dimensions the answers have: sampling adequacy, parallel analysis, exploratory factors, wording factor.

Items are persons x items; persons with a missing answer are left out. Do not read an exploratory and a confirmatory
analysis of the same persons as independent of each other.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special

from lbc.analysis.cfa import CfaFit, fit
from lbc.analysis.invariance import modification_indices
from lbc.analysis.psychometrics import complete, singular
from lbc.errors import NotEstimableError
from lbc.results import Estimate, Result, Test


def kmo(items: pd.DataFrame) -> Result:
    """Kaiser-Meyer-Olkin measure of sampling adequacy (Kaiser 1974).

    Returns
    -------
    Result
        `extra["items"]`: the measure of each item.
    """
    answers = complete(items)
    corr = np.corrcoef(answers.to_numpy().T)
    if singular(corr):
        raise NotEstimableError("one item is a sum of others")
    inverse = np.linalg.inv(corr)
    scale = np.sqrt(np.diag(inverse))
    shared, partial = corr**2, (inverse / np.outer(scale, scale)) ** 2
    np.fill_diagonal(shared, 0.0)
    np.fill_diagonal(partial, 0.0)
    each = shared.sum(axis=0) / (shared + partial).sum(axis=0)
    return Result("Kaiser-Meyer-Olkin measure", Estimate("KMO", float(shared.sum() / (shared + partial).sum())),
                  n={"persons": len(answers)}, reference="Kaiser 1974",
                  extra={"items": dict(zip(map(str, answers.columns), each.tolist(), strict=True))})


def bartlett(items: pd.DataFrame) -> Result:
    """Bartlett's 1951 test that no two items correlate; the estimate is the mean correlation."""
    answers = complete(items)
    n, k = answers.shape
    corr = np.corrcoef(answers.to_numpy().T)
    if singular(corr):
        raise NotEstimableError("one item is a sum of others")
    statistic, df = float(-(n - 1 - (2 * k + 5) / 6) * np.linalg.slogdet(corr)[1]), k * (k - 1) // 2
    mean = Estimate("mean correlation", float(corr[np.tril_indices(k, -1)].mean()))
    test = Test("chi-square", statistic, df, float(special.chdtrc(df, statistic)))
    return Result("Bartlett's test of sphericity", mean, test=test, n={"persons": n}, reference="Bartlett 1951")


def parallel_analysis(
    items: pd.DataFrame, rng: np.random.Generator, draws: int = 200, quantile: float = 0.95
) -> pd.DataFrame:
    """Horn's 1965 parallel analysis of the correlation matrix, with each item's answers shuffled over persons.

    Shuffling keeps the items' skewed distributions (Buja & Eyuboglu 1992), which normal draws would not.

    Returns
    -------
    DataFrame
        component (1, 2, ...), observed, random_mean, random_quantile, keep. The suggested number of dimensions is
        `keep.sum()`: components before the first that does not exceed its random quantile.
    """
    answers = complete(items).to_numpy()
    observed = np.linalg.eigvalsh(np.corrcoef(answers.T))[::-1]
    random = np.array([np.linalg.eigvalsh(np.corrcoef(rng.permuted(answers, axis=0).T))[::-1] for _ in range(draws)])
    bound = np.quantile(random, quantile, axis=0)
    return pd.DataFrame({
        "component": np.arange(1, len(observed) + 1), "observed": observed, "random_mean": random.mean(axis=0),
        "random_quantile": bound, "keep": np.cumprod(observed > bound).astype(bool),
    })


NOTHING_LEFT = 0.005
"""Unique variance of a standardised item from which on a solution is improper, as in R's factanal."""


def efa(items: pd.DataFrame, n_factors: int) -> pd.DataFrame:
    """Exploratory factor analysis: maximum likelihood, oblimin rotation (statsmodels).

    Returns
    -------
    DataFrame
        Index the items; columns F1, F2, ... (pattern loadings, strongest factor first, mostly positive) and
        communality.

    Raises
    ------
    NotEstimableError
        If the items cannot carry so many factors, one is a sum of others or explained wholly (Heywood), or the
        estimation does not converge.
    """
    from statsmodels.multivariate.factor import Factor

    answers = complete(items, least=3)
    k = answers.shape[1]
    if n_factors < 1 or (k - n_factors) ** 2 < k + n_factors:
        raise NotEstimableError(f"{n_factors} factors cannot be told apart with {k} items")
    corr = np.corrcoef(answers.to_numpy().T)
    if singular(corr):
        raise NotEstimableError("one item is a sum of others")
    unique = 1 / np.diag(np.linalg.inv(corr))  # Guttman's bound as start, and the components of what is left
    size, vector = np.linalg.eigh(corr / np.sqrt(np.outer(unique, unique)))
    start = vector[:, -n_factors:] * np.sqrt(np.maximum(size[-n_factors:] - 1, 0.01) * unique[:, None])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they tell is judged below, by size
        found = Factor(endog=answers.to_numpy(), n_factor=n_factors, method="ml").fit(start=(start, unique))
    if found.uniqueness.min() < NOTHING_LEFT:
        item = answers.columns[found.uniqueness.argmin()]
        raise NotEstimableError(f"{item} would have no part of its own (Heywood case)")
    if np.abs(found.mle_retvals.jac).max() > 1e-4:
        raise NotEstimableError("the factor analysis did not converge")
    if n_factors > 1:
        found.rotate("oblimin")
    loadings, communality = np.asarray(found.loadings), np.asarray(found.communality)
    loadings = loadings[:, np.argsort(-(loadings**2).sum(axis=0), kind="stable")]
    loadings = loadings * np.where(loadings.sum(axis=0) < 0, -1.0, 1.0)
    table = pd.DataFrame(loadings, index=answers.columns, columns=[f"F{n + 1}" for n in range(n_factors)])
    return table.assign(communality=communality)


def factor_table(items: pd.DataFrame, rng: np.random.Generator, draws: int = 200) -> pd.DataFrame:
    """`efa` with the number of factors that parallel analysis suggests (at least one): item, F1, ..., communality."""
    suggested = int(parallel_analysis(items, rng, draws)["keep"].sum())
    return efa(items, max(suggested, 1)).rename_axis("item").reset_index()


def wording_factor(items: pd.DataFrame, positive: Sequence[str], lonely: Sequence[str]) -> pd.DataFrame:
    """Whether misfit of one factor is a matter of wording: three models with Satorra-Bentler correction.

    "one factor"; "two factors" (positively and lonely worded items, correlated); "wording factor": one factor and an
    orthogonal method factor of the positively worded items, the lonely ones being the reference, CT-C(M-1).

    Parameters
    ----------
    items : DataFrame
        Keyed items, persons x items.
    positive, lonely : sequence of str
        Columns of the positively and of the lonely worded items.

    Returns
    -------
    DataFrame
        One row per model: model, n, chi2 (scaled), df, p, cfi, tli, rmsea, rmsea_low, rmsea_high (robust), srmr, aic,
        bic, misfit (where the model fits worst: the parameter with the largest modification index), share_trait,
        share_wording (parts of the sum score's variance; the first is omega hierarchical), refused (why the model
        is not to be used, else empty). Numbers of a refused model are missing, and so are the shares of correlated
        factors, which overlap.

    References
    ----------
    Eid 2000; DiStefano & Motl 2006.
    """
    if not positive or not lonely:
        raise NotEstimableError("all items are worded the same way")
    one = "trait =~ " + " + ".join([*lonely, *positive])
    method = "wording =~ " + " + ".join(positive)
    models = {
        "one factor": one,
        "two factors": f"trait =~ {' + '.join(lonely)}; {method}",
        "wording factor": f"{one}; {method}; trait ~~ 0*wording",
    }
    answers = items[[*lonely, *positive]].dropna()
    return pd.DataFrame([{"model": name} | _row(text, answers) for name, text in models.items()])


def _row(text: str, answers: pd.DataFrame) -> dict[str, float | str]:
    names = {"chi2": "chi2_scaled", "df": "df", "p": "p_scaled", "cfi": "cfi_robust", "tli": "tli_robust",
             "rmsea": "rmsea_robust", "rmsea_low": "rmsea_low_robust", "rmsea_high": "rmsea_high_robust",
             "srmr": "srmr", "aic": "aic", "bic": "bic"}
    try:
        found = fit(text, answers, estimator="MLM")
        refused = "; ".join(found.problems)
    except NotEstimableError as error:
        refused = str(error)
    numbers = dict.fromkeys([*names, "misfit", "share_trait", "share_wording"], np.nan)
    if not refused:
        worst = modification_indices(found).iloc[0]
        numbers = {name: found.fit[key] for name, key in names.items()}
        numbers |= {"misfit": f"{worst.lhs} {worst.op} {worst.rhs}: {worst.chi2:.1f}"} | _shares(found)
    return {"n": len(answers)} | numbers | {"refused": refused}


def _shares(found: CfaFit) -> dict[str, float]:
    """Variance of the sum score that each factor brings, as a share of the implied variance."""
    matrices = found.model.matrices(found.model.values(found.theta), 0)
    whole, sums = found.implied_variance_of_sum(), matrices["L"].sum(axis=0)
    parts = sums**2 * np.diag(matrices["P"]) / whole
    if len(parts) == 1:
        return {"share_trait": float(parts[0]), "share_wording": 0.0}
    if matrices["P"][0, 1] != 0:  # correlated factors overlap: there are no parts
        return {"share_trait": np.nan, "share_wording": np.nan}
    return {"share_trait": float(parts[0]), "share_wording": float(parts[1])}
