"""Polychoric correlations, ordinal alpha and WLSMV on answers whose truth is known, and what they refuse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from lbc.analysis import ordinal
from lbc.analysis.ordinal import difference, fit, one_factor_fit, ordinal_alpha, polychoric
from lbc.errors import NotEstimableError

MODEL = "f =~ x1 + x2 + x3 + x4 + x5"
LOADINGS = np.array([0.8, 0.7, 0.6, 0.7, 0.8])
CUTS = [-0.5, 0.3, 1.0, 1.8]


def children(n: int = 600, seed: int = 8, shift: float = 0.0) -> pd.DataFrame:
    """Five items of five points with a floor; the second half is .4 higher, and `shift` moves its x3 beyond that."""
    rng = np.random.default_rng(seed)
    group = np.repeat([0, 1], n // 2)
    latent = (rng.normal(size=n) + 0.4 * group)[:, None] * LOADINGS + rng.normal(size=(n, 5)) * np.sqrt(1 - LOADINGS**2)
    latent[:, 2] += shift * group
    frame = pd.DataFrame(1 + np.digitize(latent, CUTS), columns=[f"x{i}" for i in range(1, 6)])
    return frame.assign(group=group)


@pytest.fixture(scope="module")
def items() -> pd.DataFrame:
    return children().drop(columns="group")


def test_the_bivariate_normal_distribution_and_its_slopes() -> None:
    a, b = np.array([-2.0, -0.5, 0.0, 1.2]), np.array([-1.0, 0.4, 2.5])
    for rho in (-0.95, 0.0, 0.3, 0.99):
        found = ordinal._normal(rho, a, b)
        known = [[stats.multivariate_normal.cdf([x, y], cov=[[1, rho], [rho, 1]], abseps=1e-10) for y in b] for x in a]
        assert found[0] == pytest.approx(np.array(known), abs=1e-8)
        for part, step in enumerate(((1e-6, 0, 0), (0, 1e-6, 0), (0, 0, 1e-6)), start=1):
            up, down = (ordinal._normal(rho + s * step[0], a + s * step[1], b + s * step[2])[0] for s in (1, -1))
            assert found[part] == pytest.approx((up - down) / 2e-6, abs=1e-6)


def test_correlations_and_thresholds_are_near_the_truth_and_their_errors_right() -> None:
    found = polychoric(children(20000).query("group == 0").drop(columns="group"))
    pairs = np.triu_indices(5, 1)
    truth = np.concatenate([np.tile(CUTS, 5), np.outer(LOADINGS, LOADINGS)[pairs]])
    ours = np.concatenate([*(limits[1:-1] for limits in found.limits), found.corr.to_numpy()[pairs]])
    off = (ours - truth) / np.sqrt(np.diag(found.gamma) / found.n)
    assert np.abs(off).max() < 4
    assert 0.6 < np.sqrt(np.mean(off**2)) < 1.4


def test_two_by_two_is_the_tetrachoric_correlation() -> None:
    """Sheppard 1899: with both items cut at their median the correlation is sin of pi/2 times (agreement - 1/2) * 2."""
    table = pd.DataFrame({"a": np.repeat([0, 0, 1, 1], [40, 10, 10, 40]), "b": np.repeat([0, 1, 0, 1], [40, 10, 10, 40])})
    assert polychoric(table).corr.loc["a", "b"] == pytest.approx(np.sin(np.pi / 2 * (0.8 - 0.2)), abs=1e-6)


def test_ordinal_alpha_and_its_interval(items: pd.DataFrame) -> None:
    result = ordinal_alpha(items)
    corr, (low, high) = polychoric(items).corr, result.estimate.ci
    assert result.estimate.value == pytest.approx(5 / 4 * (1 - 5 / corr.sum(axis=None)))
    assert low < result.estimate.value < high
    assert sum(result.extra["eigenvalues"]) == pytest.approx(5)
    drawn = [ordinal_alpha(items.sample(frac=1, replace=True, random_state=seed)).estimate.value for seed in range(40)]
    assert result.extra["se"] == pytest.approx(np.std(drawn), rel=0.4)


def test_one_factor(items: pd.DataFrame) -> None:
    result = one_factor_fit(items.assign(x2=items["x2"].where(items.index > 4)))
    assert list(result.extra["loadings"].values()) == pytest.approx(LOADINGS, abs=0.1)
    assert result.test.df == 5
    assert result.test.p > 0.05
    assert result.estimate.value > 0.99
    assert result.n == {"persons": 595}


def test_the_adjusted_chi_square_is_one_under_the_model() -> None:
    found = [fit(MODEL, children(400, seed).query("group == 0")).fit for seed in range(40)]
    adjusted = [f["chi2_scaled"] for f in found]
    assert np.mean(adjusted) == pytest.approx(5, abs=3 * np.sqrt(10 / 40))
    assert np.std(adjusted) == pytest.approx(np.sqrt(10), rel=0.5)


def test_estimates_lie_within_their_errors() -> None:
    found = fit(MODEL, children(20000).query("group == 0")).parameters
    loadings, residuals = found.query("op == '=~'"), found.query("op == '~~' and lhs != 'f'")
    assert loadings["std"].tolist() == pytest.approx(LOADINGS, abs=0.02)
    off = (loadings["est"] - LOADINGS / LOADINGS[0]).iloc[1:] / loadings["se"].iloc[1:]
    assert off.abs().max() < 3.5
    assert residuals["est"].tolist() == pytest.approx(1 - loadings["std"].to_numpy() ** 2)
    assert (residuals["se"] == 0).all()


def test_two_groups_with_equal_thresholds_and_loadings() -> None:
    free, held = (fit(MODEL, children(3000), "group", equal) for equal in ((), ("thresholds", "loadings")))
    mean = held.parameters.query("lhs == 'f' and op == '~1' and group == 2")
    assert mean["est"].item() == pytest.approx(0.4 * LOADINGS[0] / np.sqrt(1 - LOADINGS[0] ** 2), abs=3.5 * mean["se"].item())
    assert (free.fit["df"], held.fit["df"]) == (10, 28)
    assert difference(held, free).p > 0.01
    moved = [fit(MODEL, children(3000, shift=0.5), "group", equal) for equal in ((), ("thresholds", "loadings"))]
    assert difference(moved[1], moved[0]).p < 1e-6
    assert moved[1].fit["cfi_scaled"] < held.fit["cfi_scaled"]
    with pytest.raises(NotEstimableError, match="no more degrees of freedom"):
        difference(free, held)


def test_groups_come_in_the_order_asked_for() -> None:
    assert list(fit(MODEL, children(), "group", groups=[1, 0]).n) == ["1", "0"]


def test_items_that_cannot_be_used_are_named(items: pd.DataFrame) -> None:
    with pytest.raises(NotEstimableError, match="every answer to x2 is the same"):
        polychoric(items.assign(x2=3))
    with pytest.raises(NotEstimableError, match="x2 has more than 12 different answers"):
        polychoric(items.assign(x2=np.arange(len(items)) / 7))
    with pytest.raises(NotEstimableError, match="at least 2 are needed"):
        polychoric(items[["x1"]])
    with pytest.raises(NotEstimableError, match="at least 3 are needed"):
        ordinal_alpha(items.head(2))
    with pytest.raises(NotEstimableError, match="x1 and x2 go together without exception"):
        ordinal_alpha(items.assign(x2=items["x1"]))


def test_an_empty_cell_of_two_by_two_is_refused_and_one_of_a_larger_table_is_not() -> None:
    table = pd.DataFrame({"a": np.repeat([0, 1, 1], [30, 20, 30]), "b": np.repeat([0, 0, 1], [30, 20, 30])})
    with pytest.raises(NotEstimableError, match="a and b go together without exception"):
        polychoric(table)
    few = children(150).drop(columns="group")
    assert (pd.crosstab(few["x1"], few["x5"]) == 0).any(axis=None)
    assert np.isfinite(polychoric(few).gamma).all()


def test_correlations_that_contradict_one_another_are_refused() -> None:
    """Each is estimated from its own pair of items, so with few persons no set of answers can have them all."""
    frame = pd.DataFrame(np.random.default_rng(0).integers(1, 5, (16, 12)))
    with pytest.raises(NotEstimableError, match="contradict one another"):
        polychoric(frame)


def test_answers_that_one_group_never_gave_are_refused() -> None:
    frame = children()
    frame["x4"] = frame["x4"].where(frame["group"] == 0, frame["x4"].clip(upper=4))
    with pytest.raises(NotEstimableError, match="some group never gave an answer to x4"):
        fit(MODEL, frame, "group")


def test_models_that_cannot_be_estimated_are_refused(items: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotEstimableError, match="the model cannot be tested"):
        fit("f =~ x1 + x2 + x3", items)
    with pytest.raises(NotEstimableError, match="not identified"):
        fit("f =~ NA*x1 + x2 + x3 + x4 + x5", items)
    with pytest.raises(ValueError, match="thresholds can be held equal"):
        fit(MODEL, children(), "group", ("loadings",))
    with pytest.raises(ValueError, match="no column x9"):
        fit("f =~ x1 + x2 + x3 + x9", items)
    plain = optimize.least_squares
    monkeypatch.setattr(ordinal.optimize, "least_squares", lambda *args, **more: plain(*args, **more | {"max_nfev": 1}))
    assert "the estimation did not converge" in fit(MODEL, items).problems
    with pytest.raises(NotEstimableError, match="did not converge"):
        one_factor_fit(items)


def test_improper_solutions_are_named() -> None:
    """Two items nearly the same and unrelated to the others: the residual variance of one is negative."""
    rng = np.random.default_rng(3)
    latent = rng.normal(size=(300, 4))
    latent[:, 1] = 0.95 * latent[:, 0] + 0.3 * latent[:, 1]
    latent[:, 2] += 0.15 * latent[:, 0]
    frame = pd.DataFrame(np.digitize(latent, [-0.8, 0, 0.8]), columns=["x1", "x2", "x3", "x4"])
    found = fit("f =~ x1 + x2 + x3 + x4", frame)
    assert any("negative" in problem for problem in found.problems)
    with pytest.raises(NotEstimableError, match="variance"):
        one_factor_fit(frame)
