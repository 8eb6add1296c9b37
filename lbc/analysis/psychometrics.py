"""Scale quality: reliability with intervals, the item table, and how many dimensions the answers have.

Every function takes keyed items, persons x items: high answers mean more of what the scale measures. Persons with a
missing answer are left out (listwise) unless a docstring says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from lbc.analysis.cfa import fit
from lbc.analysis.cfa_estimation import observed_information
from lbc.errors import NotEstimableError
from lbc.instruments import Instrument
from lbc.results import Estimate, Result

MOST_ITEMS_TO_SPLIT = 18


def complete(items: pd.DataFrame, least: int = 2) -> pd.DataFrame:
    """Complete rows as floats, or the reason why there is nothing to compute."""
    answers = items.dropna().astype(float)
    if answers.shape[1] < least:
        raise NotEstimableError(f"{answers.shape[1]} item(s); at least {least} are needed")
    if len(answers) < 3:
        raise NotEstimableError(f"{len(answers)} person(s) answered every item; at least 3 are needed")
    if flat := [str(name) for name, sd in answers.std().items() if sd == 0]:
        raise NotEstimableError(f"every answer to {', '.join(flat)} is the same")
    return answers


def _alpha(cov: np.ndarray) -> float:
    k = len(cov)
    return k / (k - 1) * (1 - np.trace(cov) / cov.sum())


def alpha(items: pd.DataFrame, level: float = 0.95) -> Result:
    """Cronbach's alpha (KR-20 for answers 0/1) with Feldt's exact interval.

    Parameters
    ----------
    items : DataFrame
        Keyed items, persons x items.
    level : float

    Returns
    -------
    Result
        `extra`: items, alpha_std (of standardised items), alpha_pairwise (every answer used, as person-mean scores
        use it), average_r, median_r, lambda6 (standardised; None where an item is a sum of others), se (Duhachek &
        Iacobucci 2004), sum_mean, sum_sd.

    Raises
    ------
    NotEstimableError
        If there are fewer than two items or three complete persons, or an item or the sum does not vary.

    References
    ----------
    Cronbach 1951; Feldt, Woodruff & Salih 1987: 1 - (1 - alpha) F with n - 1 and (n - 1)(k - 1) degrees of freedom.

    Examples
    --------
    >>> round(alpha(pd.DataFrame({"a": [1, 2, 3, 4], "b": [2, 2, 4, 5]})).estimate.value, 4)
    0.967
    """
    answers = complete(items)
    n, k = answers.shape
    cov = answers.cov().to_numpy()
    if cov.sum() < 1e-12:
        raise NotEstimableError("the sum of the items does not vary: are they keyed in the same direction?")
    value, corr = _alpha(cov), np.corrcoef(answers.to_numpy().T)
    tails = [special.fdtri(n - 1, (n - 1) * (k - 1), q) for q in ((1 + level) / 2, (1 - level) / 2)]
    interval = tuple(float(1 - (1 - value) * tail) for tail in tails)
    spread = cov.sum() * (np.trace(cov @ cov) + np.trace(cov) ** 2) - 2 * np.trace(cov) * (cov @ cov).sum()
    pairs, total = corr[np.tril_indices(k, -1)], answers.sum(axis=1)
    extra = {
        "items": k, "alpha_std": float(_alpha(corr)), "alpha_pairwise": float(_alpha(items.cov().to_numpy())),
        "average_r": float(pairs.mean()), "median_r": float(np.median(pairs)),
        "lambda6": _lambda6(corr), "se": float(np.sqrt(2 * k**2 * spread / ((k - 1) ** 2 * cov.sum() ** 3 * n))),
        "sum_mean": float(total.mean()), "sum_sd": float(total.std()),
    }
    name = "KR-20" if set(np.unique(answers)) <= {0.0, 1.0} else "Cronbach's alpha"
    return Result(f"{name} with Feldt's interval", Estimate(name, float(value), interval, level), n={"persons": n},
                  reference="Feldt, Woodruff & Salih 1987", extra=extra)


def singular(corr: np.ndarray) -> bool:
    """Whether an item is a sum of others, as it must be with no more persons than items."""
    return bool(np.linalg.eigvalsh(corr)[0] < 1e-10)


def _lambda6(corr: np.ndarray) -> float | None:
    """Guttman's lambda 6 of standardised items: what each item does not share with all others."""
    return None if singular(corr) else float(1 - (1 / np.diag(np.linalg.inv(corr))).sum() / corr.sum())


def item_table(items: pd.DataFrame, points: tuple[float, float] | None = None) -> pd.DataFrame:
    """Each item's distribution and its part in the scale.

    Parameters
    ----------
    items : DataFrame
    points : (float, float), optional
        Lowest and highest possible answer; by default, and where answers were turned into 0 and 1, the lowest and
        highest given to any item.

    Returns
    -------
    DataFrame
        item, n (complete persons), m, sd, r_total, r_rest (with the sum of the other items), alpha_without (NaN
        for a scale of two items), floor, ceiling (shares of the lowest and highest answer), missing (share of all
        persons).
    """
    answers = complete(items)
    cov, k = answers.cov().to_numpy(), answers.shape[1]
    low, high = answers.min(axis=None), answers.max(axis=None)
    if points is not None and low >= points[0]:  # else 0 and 1 of a yes-or-no scale, whose form had other numbers
        low, high = points
    others = [np.delete(np.arange(k), i) for i in range(k)]
    sd, whole = np.sqrt(np.diag(cov)), cov.sum(axis=1)
    rest_sd = np.array([np.sqrt(max(cov[np.ix_(o, o)].sum(), 0.0)) for o in others])
    if min(rest_sd.min(), cov.sum()) < 1e-9:
        raise NotEstimableError("the sum of the items does not vary: are they keyed in the same direction?")
    return pd.DataFrame({
        "item": list(answers.columns), "n": len(answers), "m": answers.mean().to_numpy(),
        "sd": sd, "r_total": whole / (sd * np.sqrt(cov.sum())), "r_rest": (whole - sd**2) / (sd * rest_sd),
        "alpha_without": [float(_alpha(cov[np.ix_(o, o)])) if k > 2 else np.nan for o in others],
        "floor": (answers == low).mean().to_numpy(), "ceiling": (answers == high).mean().to_numpy(),
        "missing": items.isna().mean().to_numpy(),
    })


def guttman(items: pd.DataFrame) -> dict[str, float | None]:
    """Guttman's 1945 lower bounds of reliability.

    Returns
    -------
    dict
        lambda1, lambda2, lambda3 (alpha) from covariances; lambda6 and the largest (lambda4), smallest and mean split
        half from correlations, over all splits into halves as equal as can be, for up to 18 items; odd_even_r,
        odd_even_spearman_brown and odd_even_guttman of the items in the order given.
    """
    answers = complete(items)
    cov, corr, k = answers.cov().to_numpy(), np.corrcoef(answers.to_numpy().T), answers.shape[1]
    lambda1 = 1 - np.trace(cov) / cov.sum()
    off = (cov**2).sum() - (np.diag(cov) ** 2).sum()
    odd, even = answers.iloc[:, ::2].sum(axis=1), answers.iloc[:, 1::2].sum(axis=1)
    r = float(np.corrcoef(odd, even)[0, 1])
    found = {
        "lambda1": float(lambda1), "lambda2": float(lambda1 + np.sqrt(k / (k - 1) * off) / cov.sum()),
        "lambda3": float(_alpha(cov)), "lambda6": _lambda6(corr), "odd_even_r": r,
        "odd_even_spearman_brown": 2 * r / (1 + r),
        "odd_even_guttman": float(2 * (1 - (odd.var() + even.var()) / (odd + even).var())),
    }
    if k <= MOST_ITEMS_TO_SPLIT:
        chosen = list(combinations(range(k), k // 2))
        chosen = chosen if k % 2 else chosen[: len(chosen) // 2]  # with even k each split comes twice
        halves = np.zeros((len(chosen), k))
        np.put_along_axis(halves, np.array(chosen), 1.0, axis=1)
        splits = 4 * ((halves @ corr) * (1 - halves)).sum(axis=1) / corr.sum()
        found |= {"lambda4": float(splits.max()), "smallest_split_half": float(splits.min()),
                  "mean_split_half": float(splits.mean())}
    return found


def omega_total(items: pd.DataFrame, level: float = 0.95) -> Result:
    """McDonald's omega total of the raw sum score, from a one-factor maximum likelihood solution.

    The interval is Wald's by the delta method with errors robust to non-normal answers.

    Parameters
    ----------
    items : DataFrame
        Keyed items, at least three.
    level : float

    Returns
    -------
    Result
        `extra`: items, se, se_normal and ci_normal (normal theory, observed information), loadings (standardised),
        omega_observed (denominator the observed variance), omega_standardised (of standardised items), ave, and the
        one-factor model's chi2, df, p, cfi, tli, rmsea, srmr.

    Raises
    ------
    NotEstimableError
        If the one-factor solution does not exist, does not converge or is improper.

    References
    ----------
    McDonald 1999; Raykov 2002 (delta method); Kelley & Pornprasertmanit 2016.
    """
    answers = complete(items, least=3)
    names = [f"i{n}" for n in range(answers.shape[1])]
    text = "f =~ " + " + ".join(names)
    found = fit(text, answers.set_axis(names, axis=1), estimator="MLR", std_lv=True)
    if fatal := [problem for problem in found.problems if "degrees of freedom" not in problem]:
        raise NotEstimableError(f"omega: {'; '.join(fatal)}")
    value, slope = _omega(found.theta)
    z, n, k = float(special.ndtri((1 + level) / 2)), len(answers), len(names)
    normal = np.linalg.inv(observed_information(found.model, found.samples, found.theta)) / n
    se, se_normal = (float(np.sqrt(slope @ vcov @ slope)) for vcov in (found.vcov, normal))
    standard = found.parameters["std"].to_numpy()[:k]
    shared, own = standard.sum() ** 2, (1 - standard**2).sum()
    raw = found.parameters["est"].to_numpy()[:k]
    extra = {
        "items": k, "se": se, "se_normal": se_normal, "ci_normal": (value - z * se_normal, value + z * se_normal),
        "loadings": dict(zip(map(str, answers.columns), standard.tolist(), strict=True)),
        "omega_observed": float(raw.sum() ** 2 / found.samples[0].cov.sum()),
        "omega_standardised": float(shared / (shared + own)), "ave": float((standard**2).mean()),
        **{index: found.fit[index] for index in ("chi2", "df", "p", "cfi", "tli", "rmsea", "srmr")},
    }
    omega = Estimate("omega total", value, (value - z * se, value + z * se), level)
    return Result("McDonald's omega total, robust delta method", omega, n={"persons": n},
                  reference="McDonald 1999; Kelley & Pornprasertmanit 2016", extra=extra)


def _omega(theta: np.ndarray) -> tuple[float, np.ndarray]:
    """Omega and its gradient; theta holds k loadings, then k residual variances."""
    k = len(theta) // 2
    loading, residual = theta[:k].sum(), theta[k:].sum()
    whole = loading**2 + residual
    slope = np.repeat([2 * loading * residual / whole**2, -(loading**2) / whole**2], k)
    return float(loading**2 / whole), slope


def reliability_table(
    keyed: Mapping[str, pd.DataFrame], scales: Mapping[str, Instrument], language: str = "en"
) -> pd.DataFrame:
    """Alpha of every scale and subscale, omega of every total; what cannot be estimated is missing, with its reason.

    Parameters
    ----------
    keyed : mapping of str to DataFrame
        Keyed items of each scale, columns `<scale>_<nn>`.
    scales : mapping of str to Instrument

    Returns
    -------
    DataFrame
        scale, part, items, n, alpha, alpha_low, alpha_high, omega, omega_low, omega_high, reason.
    """
    rows = []
    for name, scale in scales.items():
        parts = {"": scale.scored} if scale.total else {}
        parts |= {part: sub.items for part, sub in scale.subscales.items()}
        for part, numbers in parts.items():
            label = scale.subscales[part].label[language] if part else {"en": "total", "zh": "总分"}[language]
            columns = [c for c in keyed[name] if int(c.partition("@")[0].rsplit("_", 1)[1]) in numbers]
            rows.append((scale.name[language], label, *_reliability(keyed[name][columns], whole=not part)))
    columns = ["scale", "part", "items", "n", "alpha", "alpha_low", "alpha_high", "omega", "omega_low", "omega_high",
               "reason"]
    return pd.DataFrame(rows, columns=columns)


def _reliability(items: pd.DataFrame, whole: bool) -> tuple[Any, ...]:
    found = [items.shape[1], int(items.notna().all(axis=1).sum()), *[np.nan] * 6]
    try:
        a = alpha(items).estimate
        found[2:5] = [a.value, *a.ci]
        if whole:
            omega = omega_total(items).estimate
            found[5:8] = [omega.value, *omega.ci]
    except NotEstimableError as error:
        return *found, str(error)
    return *found, ""
