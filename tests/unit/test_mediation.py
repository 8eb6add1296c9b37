"""Mediation: against least squares on resampled rows, against known confounding, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from lbc.analysis import mediation, named
from lbc.analysis.mediation import _resample, mediate
from lbc.errors import NotEstimableError
from lbc.params import Mediation, Words


def children(n: int = 300, seed: int = 3) -> pd.DataFrame:
    """a = 0.5, b = 0.8, direct 0.4; mediator and outcome both differ between classes."""
    rng = np.random.default_rng(seed)
    left, age, classes = rng.integers(0, 2, n).astype(float), rng.normal(10, 1, n), np.arange(n) % 15
    climate = rng.normal(size=15)[classes]
    contact = 0.5 * left + 0.2 * age + climate + rng.normal(size=n)
    other = rng.normal(size=n) + 0.3 * left
    lonely = 0.4 * left + 0.8 * contact + 0.5 * other - age + climate + 2 * rng.normal(size=n)
    return pd.DataFrame({"lonely": lonely, "left": left, "contact": contact, "other": other, "age": age,
                         "away": rng.choice(["both", "neither"], n), "class": classes})


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def slopes(frame: pd.DataFrame, y: str, xs: list[str]) -> dict[str, float]:
    x = np.column_stack([np.ones(len(frame)), frame[xs]])
    return dict(zip(xs, np.linalg.lstsq(x, frame[y], rcond=None)[0][1:], strict=True))


def test_the_total_is_the_direct_and_the_indirect_association() -> None:
    found = mediate(children(), "lonely", "left", ["contact", "other"], rng(), ["age", "away"], "class", 200)
    paths, indirect = found.paths.set_index(["path", "mediator"]), found.indirect.set_index("mediator")
    total, direct = paths.loc[("total", ""), "estimate"], paths.loc[("direct", ""), "estimate"]
    assert total - direct == pytest.approx(indirect.loc["total", "estimate"])
    assert indirect.loc["contrast", "estimate"] == pytest.approx(
        indirect.loc["contact", "estimate"] - indirect.loc["other", "estimate"])
    assert (found.n, found.n_clusters) == (300, 15)
    assert paths["df"].max() < 15, "classes, not children, count"
    result = found.result()
    assert result.n == {"all": 300, "clusters": 15}
    assert result.estimate.ci == tuple(indirect.loc["total", ["mc_low", "mc_high"]]), "few classes: Monte Carlo"
    assert result.effect.value == pytest.approx(result.estimate.value / children()["lonely"].std())
    assert result.test is None, "the interval decides, not Sobel's p"


@pytest.mark.parametrize("cluster", [None, "class"])
def test_resampling_cross_products_is_resampling_rows(cluster: str | None) -> None:
    frame = children(90)
    units = frame["class"].to_numpy() if cluster else np.arange(90)
    x = pd.DataFrame({"(Intercept)": 1.0, "age": frame["age"], "left": frame["left"]})
    _, boot, jackknife = _resample(frame[["contact", "other", "lonely"]], x, units, rng(), 3)
    k = units.max() + 1
    counts = rng().multinomial(k, np.full(k, 1 / k), size=3)
    for sample, row in zip(counts, boot.at(0.0), strict=True):
        again = frame.loc[np.repeat(np.arange(90), sample[units])]
        b = slopes(again, "lonely", ["age", "left", "contact", "other"])
        for j, name in enumerate(("contact", "other")):
            assert row[j] == pytest.approx(slopes(again, name, ["age", "left"])["left"] * b[name])
    without = frame[units != 4]
    b = slopes(without, "lonely", ["age", "left", "contact", "other"])["contact"]
    assert jackknife.at(0.0)[4, 0] == pytest.approx(slopes(without, "contact", ["age", "left"])["left"] * b)


def test_the_curve_at_the_true_rho_is_the_true_indirect_association() -> None:
    """Mediator and outcome share something unmeasured: the estimate is off, the curve is right at that rho."""
    draw, n = np.random.default_rng(5), 20_000
    left, own = draw.integers(0, 2, n), draw.multivariate_normal([0, 0], [[1, 0.8], [0.8, 4]], n)
    contact = 0.5 * left + own[:, 0]
    frame = pd.DataFrame({"left": left, "contact": contact, "lonely": 0.4 * left + 0.8 * contact + own[:, 1]})
    found = mediate(frame, "lonely", "left", ["contact"], rng(), n_boot=20)
    curve = found.curve.set_index("rho")["indirect"]
    assert curve[0.0] == pytest.approx(found.indirect["estimate"].iloc[0])
    assert curve[0.0] == pytest.approx(0.5 * (0.8 + 0.8), abs=0.05), "0.8 of it is the confounding"
    assert curve[0.4] == pytest.approx(0.5 * 0.8, abs=0.03)


def test_rho_zero_is_where_the_curve_crosses_and_a_partial_correlation() -> None:
    frame = children()
    found = mediate(frame, "lonely", "left", ["contact"], rng(), ["age"], None, 50)
    zero = found.rho_zero["contact"]
    x = np.column_stack([np.ones(len(frame)), frame[["age", "left"]]])
    rest = [frame[name] - x @ np.linalg.lstsq(x, frame[name], rcond=None)[0] for name in ("contact", "lonely")]
    assert zero == pytest.approx(np.corrcoef(*rest)[0, 1])
    curve = found.curve.set_index("rho")["indirect"]
    below, above = curve[curve.index < zero].iloc[-1], curve[curve.index > zero].iloc[0]
    assert below > 0 > above
    assert (found.curve["low"] <= found.curve["high"]).all()


def test_whole_classes_give_wider_intervals_where_classes_differ() -> None:
    frame = children(600)
    frame["left"] = (frame["class"] < 7).astype(float)
    width = {}
    for cluster in (None, "class"):
        row = mediate(frame, "lonely", "left", ["contact"], rng(), (), cluster, 400).indirect.iloc[0]
        width[cluster] = row["high"] - row["low"]
    assert width["class"] > 1.5 * width[None]


def test_the_same_seed_gives_the_same_bytes_and_the_methods_agree() -> None:
    one, two = (mediate(children(), "lonely", "left", ["contact"], rng(), ["age"], None, 2000) for _ in range(2))
    pd.testing.assert_frame_equal(one.indirect, two.indirect)
    row = one.indirect.iloc[0]
    assert one.result().estimate.ci == (row["low"], row["high"])
    assert (row["mc_low"], row["mc_high"]) == pytest.approx((row["low"], row["high"]), abs=0.05)
    assert (row["bca_low"], row["bca_high"]) == pytest.approx((row["low"], row["high"]), abs=0.05)
    assert row["se_aroian"] > row["se_sobel"] == pytest.approx(row["se_boot"], rel=0.1)


def test_parallel_mediators_are_drawn_as_alike_as_they_are() -> None:
    """Two mediators that go together: their sum varies more than if they did not."""
    frame = children(600)
    frame["other"] = frame["contact"] + 0.3 * frame["other"]
    total = mediate(frame, "lonely", "left", ["contact", "other"], rng(), (), None, 2000).indirect.iloc[2]
    assert total["mediator"] == "total"
    assert total["mc_high"] - total["mc_low"] == pytest.approx(total["high"] - total["low"], rel=0.1)


def listed(*mediators: list[str]) -> list[Mediation]:
    return [Mediation(id=f"m{k}", exposure="left", mediators=names, covariates=["age"], label=Words(en="a", zh="甲"))
            for k, names in enumerate(mediators)]


def test_one_that_fails_leaves_the_others() -> None:
    entries = listed(["contact"], ["contact", "other"], ["absent"])
    found = mediation.mediations(children(), "lonely", entries, "class", rng(), 100)
    results = named.results(found)
    assert results["m2"].reason == "no column named absent"
    assert named.labels(entries)["m0"] == {"en": "a", "zh": "甲"}
    table = mediation.table(found)
    assert set(table["analysis"]) == {"m0", "m1"}
    assert table.loc[table["analysis"] == "m0", "path"].tolist() == [
        "path a", "path b", "direct association", "total association", "indirect, Monte Carlo", "indirect",
        "indirect, BCa", "indirect, Sobel", "rho zero"]
    assert table.loc[table["path"] == "indirect, Sobel", "p"].notna().all()
    assert table.loc[table["path"] == "indirect", "p"].isna().all()
    curves = mediation.curves(found)
    assert curves.groupby(["analysis", "mediator"]).ngroups == 3
    assert curves.notna().all(axis=None)
    for none, reason in (({}, "none is named"), ({"m2": found["m2"]}, "m2: no column named absent")):
        with pytest.raises(NotEstimableError, match=reason):
            mediation.table(none)


@pytest.mark.parametrize(("change", "mediators", "reason"), [
    (lambda d: d, ["left"], "named twice: left"),
    (lambda d: d, ["away"], "'away' is not a number"),
    (lambda d: d.assign(contact=1.0), ["contact"], "'contact' does not vary among the 300 complete rows"),
    (lambda d: d.assign(left=1.0), ["contact"], "'left' does not vary"),
    (lambda d: d.assign(lonely=2.0), ["contact"], "'lonely' does not vary"),
    (lambda d: d[:2], ["contact"], "2 complete rows are too few"),
    (lambda d: d.assign(contact=np.nan), ["contact"], "0 complete rows are too few"),
    (lambda d: d.assign(contact=2 * d["left"]), ["contact"], "does not vary around the model"),
    (lambda d: d.assign(lonely=d["contact"] + d["left"]), ["contact"], "does not vary around the model"),
    (lambda d: d.assign(**{"class": 1}), ["contact"], "'class' does not vary|all children are in one cluster"),
    (lambda d: d.assign(left=(d["class"] == 3).astype(float)), ["contact"], "bootstrap sample|standard error"),
])
def test_what_cannot_be_estimated_says_why(
    change: Callable[[pd.DataFrame], pd.DataFrame], mediators: list[str], reason: str
) -> None:
    with pytest.raises(NotEstimableError, match=reason):
        mediate(change(children()), "lonely", "left", mediators, rng(), ["age"], "class", 50)
