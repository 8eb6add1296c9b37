"""Full-information maximum likelihood: the same as with complete answers, better than leaving persons out, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lbc.analysis import cfa, fiml, invariance
from lbc.analysis.cfa_estimation import discrepancy, minimise, observed_information, slopes
from lbc.errors import NotEstimableError

MODEL = "f =~ x1 + x2 + x3 + x4 + x5"
LOADINGS = np.array([0.9, 0.8, 0.7, 0.8, 0.9])


def children(n: int = 600, seed: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    group = np.repeat(["boys", "girls"], n // 2)
    trait = rng.normal(size=n) + 0.4 * (group == "girls")
    answers = trait[:, None] * LOADINGS + 0.7 * rng.normal(size=(n, 5))
    return pd.DataFrame(answers, columns=[f"x{i}" for i in range(1, 6)]).assign(group=group)


def holes(frame: pd.DataFrame, share: float = 0.15, seed: int = 5) -> pd.DataFrame:
    items = frame.drop(columns="group")
    return items.mask(np.random.default_rng(seed).random(items.shape) < share).assign(group=frame["group"])


@pytest.mark.parametrize("equal", [(), ("loadings", "intercepts")])
def test_complete_answers_give_what_the_plain_engine_gives(equal: tuple[str, ...]) -> None:
    ours, plain = fiml.fit(MODEL, children(), "group", equal), cfa.fit(MODEL, children(), "group", equal)
    assert ours.fit == pytest.approx(plain.fit, rel=1e-6)
    assert ours.theta == pytest.approx(plain.theta, abs=1e-6)
    information = observed_information(plain.model, plain.samples, plain.theta)
    assert ours.vcov == pytest.approx(np.linalg.inv(information) / 600, abs=1e-7)
    assert fiml.release_tests(ours)["chi2"].tolist() == pytest.approx(invariance.release_tests(plain)["chi2"].tolist(), rel=1e-4)


def test_one_group_has_means_but_the_same_degrees_of_freedom() -> None:
    ours, plain = fiml.fit(MODEL, children()), cfa.fit(MODEL, children())
    assert (ours.fit["df"], ours.fit["npar"]) == (5, plain.fit["npar"] + 5)
    assert ours.fit["chi2"] == pytest.approx(plain.fit["chi2"], rel=1e-6)
    means = ours.parameters.query("op == '~1' and lhs != 'f'")["est"]
    assert means.tolist() == pytest.approx(children().drop(columns="group").mean().tolist(), abs=1e-6)


def test_the_gradient_of_patterns_is_the_slope_of_their_discrepancy() -> None:
    found = fiml.fit(MODEL, holes(children(200)), "group")
    theta = found.theta + 0.05
    up, down = ([discrepancy(found.patterns, found.parts, theta + sign * 1e-6 * unit) for unit in np.eye(len(theta))]
                for sign in (1, -1))
    gradient = found.patterns.link.T @ slopes(found.patterns, found.parts, theta)[0]
    assert gradient == pytest.approx(np.subtract(up, down) / 2e-6, abs=1e-6)


def test_answers_missing_at_random_do_not_bias() -> None:
    """x2 is missing for those high on x1: means of complete rows are far off, ours are not."""
    frame = children(8000).assign(group="all")
    truth = frame["x2"].mean()
    frame["x2"] = frame["x2"].mask(frame["x1"] > 0.5)
    found = fiml.fit(MODEL, frame).parameters.set_index(["lhs", "op", "rhs"])
    assert found.loc[("x2", "~1", ""), "est"] == pytest.approx(truth, abs=0.06)
    assert abs(frame.dropna()["x2"].mean() - truth) > 0.3
    assert found.loc[("f", "=~", "x2"), "est"] == pytest.approx(LOADINGS[1] / LOADINGS[0], abs=0.06)


def test_missing_answers_widen_the_errors_and_the_ladder_takes_the_fits() -> None:
    full, less = fiml.fit(MODEL, children(), "group"), fiml.fit(MODEL, holes(children()), "group")
    assert (np.diag(less.vcov) > np.diag(full.vcov)).mean() > 0.8
    fits = {name: fiml.fit(MODEL, holes(children()), "group", equal) for name, equal in invariance.STEPS.items()}
    table = invariance.compare(fits)
    assert table["d_df"].tolist()[1:] == [4, 4, 5]
    assert invariance.verdict(table).level == "strict"


def test_persons_are_counted() -> None:
    frame = holes(children(200))
    frame.loc[frame.index[:3], ["x1", "x2", "x3", "x4", "x5"]] = np.nan
    frame.loc[frame.index[-2:], "group"] = None
    found = fiml.fit(MODEL, frame, "group")
    assert found.left_out == 5
    assert found.n == {"boys": 97, "girls": 98}
    assert list(fiml.fit(MODEL, frame, "group", groups=["girls", "boys"]).n) == ["girls", "boys"]


def test_what_cannot_be_estimated_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = holes(children(200))
    apart = frame.assign(x1=frame["x1"].where(frame.index < 50), x2=frame["x2"].where(frame.index >= 50))
    with pytest.raises(NotEstimableError, match="only 0 of them answered both of some two items"):
        fiml.fit(MODEL, apart)
    with pytest.raises(NotEstimableError, match="in group girls every answer to x4 is the same"):
        fiml.fit(MODEL, frame.assign(x4=frame["x4"].where(frame["group"] == "boys", 3.0)), "group")
    with pytest.raises(NotEstimableError, match="group all has 2 persons for 5 items"):
        fiml.fit(MODEL, frame.head(2))
    with pytest.raises(NotEstimableError, match="fewer than two groups"):
        fiml.fit(MODEL, frame.query("group == 'boys'"), "group")
    with pytest.raises(NotEstimableError, match="more parameters than the data have moments"):
        fiml.fit("f =~ x1 + x2", frame)
    with pytest.raises(NotEstimableError, match="not identified"):
        fiml.fit("f =~ NA*x1 + x2 + x3 + x4 + x5", frame)
    with pytest.raises(NotEstimableError, match="cannot be estimated"):
        fiml.fit(MODEL, frame.assign(x5=frame["x4"]))
    with pytest.raises(ValueError, match="no column x9"):
        fiml.fit("f =~ x1 + x2 + x3 + x9", frame)
    assert fiml.fit("f =~ x1 + x2 + x3", frame).problems == ["no degrees of freedom: the model cannot be tested"]
    once = {"steps": 400}

    def hasty(model, parts, start, **more):  # type: ignore[no-untyped-def]
        theta, converged = minimise(model, parts, start, steps=once["steps"])
        once["steps"] = 1
        return theta, converged

    monkeypatch.setattr(fiml, "minimise", hasty)
    assert "the estimation did not converge" in fiml.fit(MODEL, frame).problems
