"""Moderation: simple slopes, Johnson-Neyman borders against the quadratic, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lbc.analysis import moderation
from lbc.analysis.moderation import moderate
from lbc.analysis.regression import linear
from lbc.errors import NotEstimableError
from lbc.params import Moderation, Words


def children(n: int = 400, interaction: float = -0.5, seed: int = 6) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    left, friends, classes = rng.integers(0, 2, n).astype(float), rng.normal(5, 2, n), np.arange(n) % 16
    lonely = 30 + (2.5 + interaction * (friends - 5)) * left - friends + 2 * rng.normal(size=n)
    return pd.DataFrame({"lonely": lonely + rng.normal(size=16)[classes], "left": left, "friends": friends,
                         "girl": rng.integers(0, 2, n), "away": rng.choice(["both", "one"], n), "class": classes})


def test_the_slope_is_that_of_a_model_centred_there() -> None:
    frame = children()
    found = moderate(frame, "lonely", "left", "friends", ["girl", "away"], "class")
    assert found.slopes["at"].tolist() == ["M - SD", "M", "M + SD"]
    low = frame["friends"].mean() - frame["friends"].std()
    centred = moderate(frame.assign(friends=frame["friends"] - low), "lonely", "left", "friends", ["girl", "away"],
                       "class")
    x = pd.DataFrame({"(Intercept)": 1.0, "left": frame["left"], "f": frame["friends"] - low, "girl": frame["girl"],
                      "away": (frame["away"] == "one").astype(float)})
    fit = linear(frame["lonely"], x.assign(p=x["left"] * x["f"]), "CR2", frame["class"].tolist())
    direct, first = fit.coefficient("left"), found.slopes.iloc[0]
    assert (first["slope"], first["se"], first["df"]) == pytest.approx((direct.value, direct.se, direct.df))
    assert found.interaction == pytest.approx(centred.interaction)
    assert found.delta_r2 == pytest.approx(fit.r2 - linear(frame["lonely"], x, "classic").r2)
    result = found.result()
    assert result.test.df < 16
    assert result.n == {"all": 400, "clusters": 16}


def test_borders_are_the_roots_of_the_quadratic() -> None:
    frame = children()
    found = moderate(frame, "lonely", "left", "friends")
    x = pd.DataFrame({"(Intercept)": 1.0, "left": frame["left"], "friends": frame["friends"],
                      "p": frame["left"] * frame["friends"]})
    fit = linear(frame["lonely"], x, "HC3")
    (b1, b3), v, t2 = fit.coef[[1, 3]], fit.vcov[np.ix_([1, 3], [1, 3])], stats.t.isf(0.025, 396) ** 2
    roots = np.sort(np.roots([b3**2 - t2 * v[1, 1], 2 * (b1 * b3 - t2 * v[0, 1]), b1**2 - t2 * v[0, 0]]).real)
    ends = frame["friends"].quantile([0.025, 0.975]).tolist()
    inside = roots[(roots > ends[0]) & (roots < ends[1])]
    assert len(inside) >= 1
    borders = set(found.regions[["start", "end"]].to_numpy().ravel()) - set(ends)
    assert sorted(borders) == pytest.approx(inside.tolist(), abs=1e-9)
    assert found.regions["sign"].iloc[0] == 1


def test_nowhere_and_everywhere() -> None:
    none = children(interaction=0.0)
    nowhere = moderate(none.assign(left=np.random.default_rng(1).permutation(none["left"])), "lonely", "left", "friends")
    assert nowhere.regions.empty
    everywhere = moderate(none.assign(lonely=none["lonely"] + 20 * none["left"]), "lonely", "left", "friends")
    assert len(everywhere.regions) == 1
    assert everywhere.regions.loc[0, ["start", "end"]].tolist() == pytest.approx(
        none["friends"].quantile([0.025, 0.975]).tolist())


def test_a_binary_moderator_has_two_slopes_and_no_region() -> None:
    frame = children()
    found = moderate(frame, "lonely", "friends", "left", cluster="class")
    assert found.slopes["at"].tolist() == ["0", "1"]
    assert found.regions.empty
    for value, slope in zip((0, 1), found.slopes["slope"], strict=True):
        part = frame[frame["left"] == value]
        x = pd.DataFrame({"(Intercept)": 1.0, "friends": part["friends"]})
        assert slope == pytest.approx(linear(part["lonely"], x, "classic").coef[1])


def test_tables_and_curves_of_those_that_could_be_estimated() -> None:
    label = Words(en="a", zh="甲")
    entries = [Moderation(id="buffer", predictor="left", moderator="friends", covariates=["girl"], label=label),
               Moderation(id="groups", predictor="friends", moderator="left", label=label),
               Moderation(id="words", predictor="away", moderator="left", label=label)]
    found = moderation.moderations(children(), "lonely", entries, "class")
    assert str(found["words"]) == "'away' is not a number"
    table = moderation.table(found)
    assert table.loc[table["analysis"] == "groups", "place"].tolist() == [
        "change of the slope", "slope at 0", "slope at 1"]
    assert "region" in table.loc[table["analysis"] == "buffer", "place"].tolist()
    curves = moderation.curves(found, entries)
    assert set(curves.loc[curves["analysis"] == "groups", "kind"]) == {"point"}
    assert set(curves.loc[curves["analysis"] == "buffer", "kind"]) == {"line", "point", "region"}
    assert set(curves["predictor"]) == {"left", "friends"}
    with pytest.raises(NotEstimableError, match="none is named"):
        moderation.table({})


@pytest.mark.parametrize(("change", "moderator", "reason"), [
    (lambda d: d, "left", "named twice: left"),
    (lambda d: d, "absent", "no column named absent"),
    (lambda d: d, "away", "'away' is not a number"),
    (lambda d: d.assign(friends=1.0), "friends", "'friends' does not vary"),
    (lambda d: d[:2], "friends", "too few"),
    (lambda d: d.assign(friends=d["left"]), "friends", "given by the other predictors"),
    (lambda d: d.assign(**{"class": 1}), "friends", "'class' does not vary|one cluster"),
])
def test_what_cannot_be_estimated_says_why(
    change: Callable[[pd.DataFrame], pd.DataFrame], moderator: str, reason: str
) -> None:
    with pytest.raises(NotEstimableError, match=reason):
        moderate(change(children()), "lonely", "left", moderator, (), "class")
