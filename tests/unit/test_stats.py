"""Formulas checked against brute force, against SciPy where it is right, and on data that cannot be estimated."""

from __future__ import annotations

import doctest
import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from lbc.analysis import effects, exact, permutation, ranks, stats
from lbc.errors import NotEstimableError

EIGHT = [-7, -5, 0, -8, -8, -4, -3, -7]


@pytest.mark.parametrize("module", [effects, exact, permutation, ranks, stats], ids=lambda m: m.__name__)
def test_examples_in_docstrings(module: object) -> None:
    outcome = doctest.testmod(module)
    assert (outcome.failed, outcome.attempted > 0) == (0, True)


# --- cleaned numbers ---


def test_clean_leaves_missing_values_out() -> None:
    assert stats.clean(pd.Series([1, None, 3], dtype="Int64")).tolist() == [1, 3]
    assert stats.clean(np.array([[1.0, np.nan], [2.0, 4.0]])).tolist() == [1, 2, 4]
    assert stats.clean([True, False]).tolist() == [1, 0]
    assert stats.clean([]).size == 0


@pytest.mark.parametrize("bad", [[1, math.inf], ["often", 2], np.array([1.0, -np.inf])])
def test_clean_refuses(bad: object) -> None:
    with pytest.raises(NotEstimableError):
        stats.clean(bad)


def test_snap_makes_ties_and_zeros() -> None:
    d = np.array([2.3 - 2.1, 0.2, 0.1 + 0.2 - 0.3])
    assert d[0] != d[1]
    snapped = stats.snap(d)
    assert snapped[0] == snapped[1]
    assert snapped[2] == 0
    assert stats.snap(np.zeros(3)).tolist() == [0, 0, 0]


# --- what cannot be estimated says so, everywhere ---

DEGENERATE = {"empty": [], "one": [3.0], "missing": [np.nan, np.nan, np.nan]}
TWO_SAMPLES = [
    stats.welch, stats.student, stats.hedges_g, stats.cohens_d, stats.brunner_munzel,
    lambda x, y: stats.hedges_g(x, y, pooled=False),
    lambda x, y: stats.equivalence(x, y, -1, 1),
]


@pytest.mark.parametrize("function", TWO_SAMPLES)
@pytest.mark.parametrize("kind", DEGENERATE)
def test_two_samples_need_two_values_each(function: object, kind: str) -> None:
    for x, y in ((DEGENERATE[kind], [1, 2, 3]), ([1, 2, 3], DEGENERATE[kind])):
        with pytest.raises(NotEstimableError, match=r"at least 2"):
            function(x, y)


@pytest.mark.parametrize("function", TWO_SAMPLES)
@pytest.mark.parametrize(("x", "y"), [([2, 2, 2], [2, 2, 2]), ([0.1 + 0.2] * 3, [0.3] * 4), ([1, 1], [2, 2])])
def test_two_samples_without_spread(function: object, x: list[float], y: list[float]) -> None:
    with pytest.raises(NotEstimableError):
        function(x, y)


@pytest.mark.parametrize(
    "function",
    [stats.d_z, stats.sign_flip, stats.wilcoxon_exact, stats.sign_test, stats.rank_biserial, stats.hodges_lehmann],
)
@pytest.mark.parametrize("kind", DEGENERATE)
def test_differences_need_two_values(function: object, kind: str) -> None:
    with pytest.raises(NotEstimableError, match=r"at least 2"):
        function(DEGENERATE[kind])


@pytest.mark.parametrize(
    "function", [stats.d_z, stats.sign_flip, stats.wilcoxon_exact, stats.sign_test, stats.rank_biserial]
)
def test_nobody_changed(function: object) -> None:
    with pytest.raises(NotEstimableError, match=r"nobody changed|all differences are the same"):
        function([0, 0, 0, 0])


def test_all_changed_alike_has_no_d_but_an_exact_test() -> None:
    with pytest.raises(NotEstimableError):
        stats.d_z([-3, -3, -3])
    with pytest.raises(NotEstimableError):
        stats.paired([5, 6, 7], [2, 3, 4])
    assert stats.sign_flip([-3] * 8).test.p == 2 / 2**8
    assert stats.wilcoxon_exact([-3] * 8).test.p == 2 / 2**8


def test_other_refusals() -> None:
    for call in (
        lambda: stats.holm([0.1, math.nan]),
        lambda: stats.holm([1.2]),
        lambda: stats.fisher_z_ci(1.0, 20),
        lambda: stats.fisher_z_ci(0.5, 3),
        lambda: stats.jzs_bf_two(math.nan, 10, 10),
        lambda: stats.jzs_bf_paired(2.0, 1),
        lambda: stats.jzs_bf_two(500.0, 5000, 5000),
        lambda: stats.equivalence([1, 2], [2, 3], 1, -1),
        lambda: stats.g_av([1, 2, 3], [1, 2]),
        lambda: stats.g_av([1, 1, 1], [1, 2, 3]),
        lambda: stats.attainable_p(0),
        lambda: stats.small_sample_factor(1),
        lambda: stats.noncentral_t_interval(math.inf, 5),
        lambda: stats.brunner_munzel([1, 2, 3], [11, 12, 13]),
        lambda: stats.rank_sum([1, 1], [1, 1]),
        lambda: stats.rank_sum([], [1]),
        lambda: stats.two_sample_exact([], [1]),
        lambda: stats.two_sample_exact([1, 1], [1]),
        lambda: stats.two_sample_exact(range(40), range(40)),
        lambda: stats.two_sample_exact([0.0, math.pi, 1e-7], [math.e, 2.0], ranks=False),
        lambda: stats.paired([1, 2, 3], [1, 2]),
        lambda: stats.paired([1, 2], [1, math.inf]),
        lambda: stats.paired([1, 2, math.nan], [math.nan, 3, 4]),
        lambda: stats.paired(pd.Series([1, 2], index=["a", "a"]), pd.Series([1, 2], index=["a", "b"])),
        lambda: stats.friedman_exact(np.ones((5, 3))),
        lambda: stats.friedman_exact(np.ones((5, 2))),
    ):
        with pytest.raises(NotEstimableError):
            call()
    with pytest.raises(ValueError, match="zeros"):
        stats.wilcoxon_exact(EIGHT, zeros="keep")


# --- noncentral t, effect sizes ---


@pytest.mark.parametrize(
    ("t", "df"), [(0.0, 3), (-5.27, 7), (2.5, 40), (40.0, 12), (-300.0, 6), (0.3, 1), (25.0, 900)]
)
def test_noncentral_t_interval_solves_the_pivot(t: float, df: float) -> None:
    """P(T <= t) is .975 at the lower limit and .025 at the upper one, by integration over the chi distribution."""
    from scipy.integrate import quad

    for nc, p in zip(stats.noncentral_t_interval(t, df), (0.975, 0.025), strict=True):
        low, high = (math.sqrt(scipy_stats.chi2.ppf(q, df) / df) for q in (1e-14, 1 - 1e-14))
        cut = [nc / t] if t and low < nc / t < high else None
        found, _ = quad(
            lambda s, nc=nc: scipy_stats.norm.cdf(t * s - nc) * 2 * df * s * scipy_stats.chi2.pdf(df * s * s, df),
            low, high, points=cut, limit=400, epsabs=1e-11,
        )
        assert found == pytest.approx(p, abs=1e-7)


def test_noncentral_t_against_scipy_where_scipy_answers() -> None:
    for df in (1, 1.7, 2, 5, 7, 12.3, 40, 600):
        for t in (-8.0, -1.0, 0.0, 0.4, 3.0, 30.0):
            for nc in (t - 3, t - 1, t, t + 1.5, t + 4):
                oracle = scipy_stats.nct.cdf(t, df, nc)
                assert effects.noncentral_t_cdf(t, df, nc) == pytest.approx(oracle, abs=1e-9)


@pytest.mark.parametrize("t", [1e4, -1e6, 1e9])
def test_huge_t_has_an_interval(t: float) -> None:
    """Far out nc / t is distributed as chi / sqrt(df): the limits are its quantiles."""
    limits = sorted(abs(nc / t) for nc in stats.noncentral_t_interval(t, 6))
    assert limits == pytest.approx([math.sqrt(scipy_stats.chi2.ppf(q, 6) / 6) for q in (0.025, 0.975)], rel=1e-6)


def test_intervals_shrink_with_the_level_and_mirror_with_the_sign() -> None:
    x, y = [1, 2, 4, 7, 5], [3, 5, 8, 9, 9, 4]
    wide, narrow, back = stats.hedges_g(x, y, 0.99), stats.hedges_g(x, y, 0.9), stats.hedges_g(y, x, 0.99)
    assert wide.ci[0] < narrow.ci[0] < narrow.value < narrow.ci[1] < wide.ci[1]
    assert back.value == pytest.approx(-wide.value)
    assert back.ci == pytest.approx((-wide.ci[1], -wide.ci[0]))


def test_unpooled_g_equals_pooled_g_where_spread_and_size_are_equal() -> None:
    x, y = [1.0, 2, 3, 4, 5, 6], [3.0, 4, 5, 6, 7, 8]
    pooled, unpooled = stats.hedges_g(x, y), stats.hedges_g(x, y, pooled=False)
    assert unpooled.value == pytest.approx(pooled.value)
    assert unpooled.ci == pytest.approx(pooled.ci)


def test_d_z_of_the_eight() -> None:
    found = stats.d_z(EIGHT)
    assert [found.value, *found.ci] == pytest.approx([-1.864, -3.024, -0.664], abs=5e-4)


def test_g_av_interval_covers() -> None:
    """About 95 % of intervals hold the true value (30 pairs, true d_av -0.5)."""
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        pre = rng.normal(size=30)
        post = 0.6 * pre + 0.8 * rng.normal(size=30) - 0.5
        found = stats.g_av(pre, post)
        hits += found.ci[0] <= -0.5 <= found.ci[1]
    assert 0.92 <= hits / 400 <= 0.985


# --- two groups ---


def test_welch_against_scipy() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(0, 1, 23), rng.normal(0.5, 3, 9)
    found, oracle = stats.welch(x, y), scipy_stats.ttest_ind(x, y, equal_var=False)
    assert [found.test.statistic, found.test.df, found.test.p] == pytest.approx(
        [oracle.statistic, oracle.df, oracle.pvalue])
    assert found.estimate.ci == pytest.approx(tuple(oracle.confidence_interval()))
    assert stats.welch([*x, np.nan], y).n == {"x": 23, "y": 9}


def test_one_constant_group_is_still_a_comparison() -> None:
    found = stats.welch([5, 5, 5], [1, 2, 3])
    assert found.estimate.value == 3
    assert found.test.df == pytest.approx(2)
    assert stats.welch([1, 2, 3], [5, 5, 5]).extra["glass_delta"] is None


def test_brunner_munzel_against_scipy() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.integers(1, 6, 20), rng.integers(2, 6, 15)
    found, oracle = stats.brunner_munzel(x, y), scipy_stats.brunnermunzel(x, y)
    assert [found.test.statistic, found.test.p] == pytest.approx([oracle.statistic, oracle.pvalue])
    pairs = [(a < b) + (a == b) / 2 for a in x for b in y]
    assert found.estimate.value == pytest.approx(np.mean(pairs))


def test_exact_two_sample_p_by_brute_force() -> None:
    from itertools import combinations

    x, y = [1.5, 2.0, 2.0, 4.5], [2.0, 5.0, 6.5, 4.5, 7.0]
    both = np.array(x + y)
    for by_rank, values in ((True, scipy_stats.rankdata(both)), (False, both)):
        sums = np.array([values[list(chosen)].sum() for chosen in combinations(range(9), 4)])
        far = np.abs(sums - sums.mean()) >= abs(values[:4].sum() - sums.mean()) - 1e-9
        assert stats.two_sample_exact(x, y, ranks=by_rank) == pytest.approx(far.mean())


def test_rank_sum_without_ties_against_scipy() -> None:
    x, y = [1.1, 2.7, 3.9, 0.4], [2.2, 5.1, 6.3, 7.7, 4.4]
    oracle = scipy_stats.mannwhitneyu(x, y, method="exact")
    found = stats.rank_sum(x, y)
    assert (found.test.statistic, found.test.p) == (oracle.statistic, pytest.approx(oracle.pvalue))
    large = stats.rank_sum(np.arange(40), np.arange(40) + 0.5)
    assert large.extra["p_exact"] is None
    assert large.test.p == large.extra["p_asymptotic_cc"]
    assert stats.rank_sum([1, 2, 3], [4, 5]).estimate.ci == (-1, -1)


def test_equivalence_against_two_t_tests() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=40), rng.normal(size=50)
    found = stats.equivalence(x, y, -0.4, 0.6)
    lower = scipy_stats.ttest_ind(x + 0.4, y, equal_var=False, alternative="greater").pvalue
    upper = scipy_stats.ttest_ind(x - 0.6, y, equal_var=False, alternative="less").pvalue
    assert found.test.p == pytest.approx(max(lower, upper))
    assert found.extra["equivalent"] == (found.estimate.ci[0] > -0.4 and found.estimate.ci[1] < 0.6)


def test_bayes_factors() -> None:
    """R BayesFactor: t = 2.3, n 60/80 gives 1.99570; t = -5.27, 8 pairs gives 36.530."""
    assert stats.jzs_bf_two(2.3, 60, 80) == pytest.approx(1.99570, abs=5e-6)
    assert stats.jzs_bf_paired(-5.27, 8) == pytest.approx(36.530, abs=5e-4)
    assert stats.jzs_bf_two(0, 300, 300) < 0.1


# --- exact tests of change ---


def flips(d: list[float]) -> tuple[np.ndarray, float]:
    signs = np.array(list(product([-1, 1], repeat=len(d))))
    return signs @ np.abs(d), float(np.sum(d))


@pytest.mark.parametrize(
    "d",
    [EIGHT, [1, 2, 3, -4, 5], [0.3, -0.7, 1.25, 2.0], [math.pi, -math.e, 1.0, 2**0.5, 7.77], [1, -1, 2, -2, 3],
     [2.3 - 2.1, 0.2, -0.4, 0.6]],
)
def test_sign_flip_by_brute_force(d: list[float]) -> None:
    sums, observed = flips(d)
    expected = (np.abs(sums) >= abs(observed) - 1e-9).mean()
    found = stats.sign_flip(d)
    assert found.test.p == pytest.approx(expected)
    assert found.extra["exact"]


def test_sign_flip_of_whole_numbers_and_of_reals_agree() -> None:
    """The convolution and the two half lists are two roads to one p value."""
    rng = np.random.default_rng(5)
    whole = rng.integers(-9, 14, 24).astype(float)
    jittered = whole + rng.normal(0, 1e-4, 24)
    p = stats.sign_flip(whole, ci=False).test.p
    assert stats.sign_flip(jittered, ci=False).test.p == pytest.approx(p, rel=0.05)
    assert stats.sign_flip(whole / 16, ci=False).test.p == p


def test_sign_flip_of_many_reals_is_marked_as_approximate() -> None:
    rng = np.random.default_rng(6)
    d = rng.normal(0.2, 1, 200)
    found = stats.sign_flip(d)
    assert not found.extra["exact"]
    assert found.test.p == pytest.approx(scipy_stats.ttest_1samp(d, 0).pvalue, rel=0.05)
    assert found.estimate.ci == pytest.approx(tuple(scipy_stats.ttest_1samp(d, 0).confidence_interval()), rel=0.05)


@pytest.mark.parametrize("d", [EIGHT, [4.1, -0.3, 2.2, 5.5, 1.7, 3.1, 0.9], [3, 1, 4, 1, 5, 9]])
@pytest.mark.parametrize("level", [0.95, 0.8, 0.9375])
def test_sign_flip_interval_holds_what_the_test_keeps(d: list[float], level: float) -> None:
    """Just inside a limit p > alpha, just outside p <= alpha."""
    low, high = stats.sign_flip(d, level=level).estimate.ci

    def p(shift: float) -> float:
        sums, observed = flips([value - shift for value in d])
        return float((np.abs(sums) >= abs(observed) - 1e-9).mean())

    for limit, out in ((low, -1e-6), (high, 1e-6)):
        assert p(limit - out) > 1 - level
        assert p(limit + out) <= 1 - level + 1e-12


def test_too_few_for_an_interval() -> None:
    found = stats.sign_flip([1, 2, 3, 4])
    assert found.estimate.ci is None
    assert found.test.p == 0.125
    assert "no interval" in found.extra["ci_method"]
    assert stats.hodges_lehmann([1, 2, 3, 4]).ci is None


@pytest.mark.parametrize("zeros", ["drop", "pratt"])
@pytest.mark.parametrize("d", [EIGHT, [1, -1, 2, 2, 0, 0, -5, 3], [0, 0, 1, 2, -3, 3, 3, 1]])
def test_wilcoxon_by_brute_force(d: list[float], zeros: str) -> None:
    values = np.array(d, dtype=float)
    ranked = values if zeros == "pratt" else values[values != 0]
    ranks_ = scipy_stats.rankdata(np.abs(ranked))[ranked != 0]
    nonzero = values[values != 0]
    sums, _ = flips(ranks_.tolist())
    observed = (ranks_ * np.sign(nonzero)).sum()
    found = stats.wilcoxon_exact(d, zeros)
    assert found.test.p == pytest.approx((np.abs(sums) >= abs(observed) - 1e-9).mean())
    assert found.test.statistic == ranks_[nonzero > 0].sum()


def test_the_eight_give_the_published_numbers() -> None:
    """Sign flip, Wilcoxon and sign test all .015625; interval [-7.50, -2.67]; Hodges-Lehmann -5.5."""
    flip = stats.sign_flip(EIGHT)
    assert [flip.test.p, stats.wilcoxon_exact(EIGHT).test.p, stats.sign_test(EIGHT).test.p] == [0.015625] * 3
    assert flip.estimate.ci == pytest.approx((-7.5, -2.6667), abs=1e-4)
    assert stats.hodges_lehmann(EIGHT).value == -5.5


def test_wilcoxon_without_ties_against_scipy() -> None:
    d = np.array([1.3, -0.2, 2.5, 3.7, -1.1, 0.9, 4.2, 5.5])
    assert stats.wilcoxon_exact(d).test.p == pytest.approx(scipy_stats.wilcoxon(d, method="exact").pvalue)
    many = np.random.default_rng(7).normal(0.05, 1, 1100)
    found = stats.wilcoxon_exact(many)
    assert not found.extra["exact"]
    assert found.test.p == pytest.approx(scipy_stats.wilcoxon(many, method="asymptotic").pvalue)


def test_hodges_lehmann_interval_has_its_level() -> None:
    """The k-th Walsh average is the limit whose untied signed-rank tail holds at most 2.5 %: k = 4 for n = 8."""
    d = np.array([1.0, 2.5, -0.7, 3.2, 4.4, 0.3, 5.9, 2.2])
    walsh = np.sort([(a + b) / 2 for i, a in enumerate(d) for b in d[i:]])
    assert stats.hodges_lehmann(d).ci == pytest.approx((walsh[3], walsh[-4]))
    large = np.random.default_rng(8).normal(1, 1, 300)
    low, high = stats.hodges_lehmann(large).ci
    assert low < stats.hodges_lehmann(large).value < high
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(math.pi / 3 / 300), rel=0.2)


def test_attainable_p_values_of_eight() -> None:
    found = stats.attainable_p(8)
    smallest = found.groupby("test")["p"].min()
    assert (smallest == 2 / 256).all()
    assert found.loc[found["test"] == "Wilcoxon", "p"].tolist()[3] == 10 / 256
    assert found.loc[found["test"] == "sign", "p"].tolist() == pytest.approx([2 / 256, 18 / 256])
    assert stats.attainable_p(2).empty


def test_paired_matches_by_index_and_never_by_position() -> None:
    pre = pd.Series([10.0, 20.0, 30.0, 40.0], index=list("abcd"))
    post = pd.Series([41.0, 29.0, 22.0, 13.0, 99.0], index=list("dcbae"))
    found = stats.paired(pre, post)
    assert found.n == {"pairs": 4}
    assert found.estimate.value == pytest.approx((3 + 2 - 1 + 1) / 4)


def test_paired_against_scipy_and_with_what_cannot_be_had() -> None:
    rng = np.random.default_rng(9)
    pre, post = rng.normal(size=12), rng.normal(0.5, 1, 12)
    found, oracle = stats.paired(pre, post), scipy_stats.ttest_rel(post, pre)
    assert [found.test.statistic, found.test.p] == pytest.approx([oracle.statistic, oracle.pvalue])
    constant = stats.paired([4, 4, 4, 4], [1, 2, 3, 4])
    assert [constant.extra[key] for key in ("r", "d_rm", "glass_delta", "g_av", "smcr_variance")] == [None] * 5
    two = stats.paired([1, 2], [2, 5])
    assert two.extra["J"] is None
    assert two.extra["sign_flip"].test.p == 0.5


# --- Friedman ---


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("n", "k"), [(4, 3), (3, 4)])
def test_friedman_by_brute_force(seed: int, n: int, k: int) -> None:
    from itertools import permutations

    values = np.random.default_rng(seed).integers(0, 4, (n, k)).astype(float)
    ranked = scipy_stats.rankdata(values, axis=1)
    assert not (ranked == ranked[:, :1]).all()
    rows = [list(permutations(row)) for row in ranked]
    found = stats.friedman_exact(values)
    sums = np.array([((np.sum(choice, axis=0) - n * (k + 1) / 2) ** 2).sum() for choice in product(*rows)])
    observed = ((ranked.sum(axis=0) - n * (k + 1) / 2) ** 2).sum()
    assert found.extra["p_exact"] == pytest.approx((sums >= observed - 1e-9).mean())
    if ((values != values[:, :1]).any(axis=1)).all():
        assert found.test.statistic == pytest.approx(scipy_stats.friedmanchisquare(*values.T).statistic)


def test_friedman_of_eight_children_at_three_waves() -> None:
    """All 1,679,616 shuffles, as the sums of two halves of 1,296 each."""
    from itertools import permutations

    ranks_ = np.array([[1, 2, 3]] * 6 + [[1, 3, 2], [2, 1, 3]], dtype=float)
    half = np.array([np.sum(choice, axis=0) for choice in product(permutations([1, 2, 3]), repeat=4)])
    sums = half[:, None, :] + half[None, :, :]
    statistics = ((sums - 16) ** 2).sum(axis=2)
    expected = (statistics >= ((ranks_.sum(axis=0) - 16) ** 2).sum()).mean()
    found = stats.friedman_exact(ranks_)
    assert found.test.statistic == pytest.approx(12.25)
    assert found.test.p == pytest.approx(expected)
    # the approximation is more than twice as large
    assert found.extra["p_chi2"] > 2 * found.test.p


def test_friedman_at_its_borders() -> None:
    same = stats.friedman_exact(np.tile([1.0, 2.0, 3.0], (5, 1)))
    assert same.estimate.value == 1
    assert same.extra["iman_davenport"] is None
    assert same.test.p == pytest.approx(6 / 6**5)
    many = stats.friedman_exact(np.random.default_rng(1).normal(size=(60, 6)))
    assert not many.extra["exact"]
    assert many.test.p == many.extra["iman_davenport"]["p"]
    frame = pd.DataFrame({"T1": [1, 2, 3, None], "T2": [2, 3, 4, 5], "T3": [3, 4, 6, 7]})
    assert stats.friedman_exact(frame).n == {"children": 3}


# --- families and the bootstrap ---


def test_holm_against_its_definition() -> None:
    p = [0.04, 0.01, 0.03, 0.8, 0.01]
    assert stats.holm(p).tolist() == pytest.approx([0.09, 0.05, 0.09, 0.8, 0.05])
    assert stats.holm([0.6, 0.7]).max() == 1
    assert stats.holm([]).size == 0


def test_bca_is_reproducible_and_covers_its_value() -> None:
    x = np.random.default_rng(10).exponential(size=60)
    first, second = (stats.bca(x, np.mean, np.random.default_rng(3), n=1000, name="mean") for _ in range(2))
    assert first == second
    assert first.name == "mean"
    assert first.ci[0] < x.mean() < first.ci[1]
    # right-skewed data: the upper arm is the longer one
    assert first.ci[1] - x.mean() > x.mean() - first.ci[0]


def test_bca_refuses() -> None:
    rng = np.random.default_rng(0)
    for data, statistic in (
        ([1, 2, 3], np.mean),
        ([5.0] * 20, np.mean),
        (np.arange(20.0), lambda x: math.nan),
        (([1.0] * 9, [2.0] * 9), lambda x, y: x.mean() - y.mean()),
    ):
        with pytest.raises(NotEstimableError):
            stats.bca(data, statistic, rng, n=50)


def test_bca_of_difference_and_g() -> None:
    rng = np.random.default_rng(11)
    x, y = rng.exponential(8, 70), rng.exponential(6, 50)
    difference, g = stats.bca_of_two(x, y, np.random.default_rng(5))
    assert (difference, g) == stats.bca_of_two([*x, np.nan], y, np.random.default_rng(5))
    assert difference.value == pytest.approx(x.mean() - y.mean())
    assert g.value == pytest.approx(stats.hedges_g(x, y).value)
    assert difference.ci == pytest.approx(stats.welch(x, y).estimate.ci, abs=0.6)
    with pytest.raises(NotEstimableError, match="fewer than eight"):
        stats.bca_of_two(x, y[:5], np.random.default_rng(5))


# --- shuffling who is focal ---


def marked(x: list[float], y: list[float]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([*x, *y], dtype=float), np.r_[np.ones(len(x), bool), np.zeros(len(y), bool)]


def test_shuffled_statistics_are_those_of_welch_and_brunner_munzel() -> None:
    rng = np.random.default_rng(12)
    x, y = rng.integers(1, 6, 20), rng.integers(2, 9, 15)
    means = permutation.permuted(*marked(x, y), np.random.default_rng(1), n=500)
    assert means.test.statistic == pytest.approx(stats.welch(x, y).test.statistic)
    ranks_ = permutation.permuted(*marked(x, y), np.random.default_rng(1), ranks=True, n=500)
    direct = stats.brunner_munzel(y, x)
    assert [ranks_.test.statistic, ranks_.estimate.value] == pytest.approx(
        [direct.test.statistic, direct.estimate.value])
    assert means.n == {"x": 20, "y": 15}


def test_p_of_shuffled_groups_by_brute_force() -> None:
    """All 126 ways to choose four of nine: the share at least as extreme, within the error of 10,000 shuffles."""
    from itertools import combinations

    x, y = [1.0, 2.5, 2.0, 4.5], [2.0, 5.0, 6.5, 4.5, 7.0]
    both = np.array(x + y)
    for by_rank, direct in ((False, stats.welch), (True, lambda a, b: stats.brunner_munzel(b, a))):
        sizes = []
        for chosen in combinations(range(9), 4):
            one = np.isin(np.arange(9), chosen)
            try:
                sizes.append(abs(direct(both[one], both[~one]).test.statistic))
            except NotEstimableError:  # no overlap: infinitely far
                sizes.append(math.inf)
        expected = np.mean(np.array(sizes) >= abs(direct(x, y).test.statistic) - 1e-9)
        found = permutation.permuted(*marked(x, y), np.random.default_rng(2), ranks=by_rank)
        assert found.test.p == pytest.approx(expected, abs=0.015)


def test_within_classes_only_children_of_one_class_are_compared() -> None:
    import statsmodels.formula.api as smf

    rng = np.random.default_rng(13)
    room = np.repeat(list("abcdef"), 12)
    focal = rng.random(72) < np.repeat([0.2, 0.3, 0.5, 0.6, 0.8, 1.1], 12)  # all of the last class are focal
    y = np.round(rng.normal(0, 4, 72) + np.repeat(np.arange(6) * 3, 12))
    found = permutation.permuted(y, focal, np.random.default_rng(1), classes=room, n=500)
    fit = smf.ols("y ~ focal + C(room)", pd.DataFrame({"y": y, "focal": focal * 1.0, "room": room})).fit()
    assert found.estimate.value == pytest.approx(fit.params["focal"])
    assert found.n == {"x": int(focal[:60].sum()), "y": int((~focal).sum()), "classes": 5}
    ranks_ = permutation.permuted(y, focal, np.random.default_rng(1), True, room, 500)
    chances, weights = [], []
    for name in "abcde":
        a, b = (y[(room == name) & (focal == mark)] for mark in (False, True))
        chances.append(np.mean([(i < j) + (i == j) / 2 for i in a for j in b]))
        weights.append(a.size * b.size / (a.size + b.size))
    assert ranks_.estimate.value == pytest.approx(np.average(chances, weights=weights))


def test_shuffling_within_classes_is_not_fooled_by_classes() -> None:
    """Classes differ and so do their shares of focal children, who differ in nothing: only the free shuffle rejects."""
    rng = np.random.default_rng(14)
    room, share = np.repeat(np.arange(8), 15), np.repeat(np.linspace(0.2, 0.8, 8), 15)
    free = within = 0
    for k in range(60):
        focal = rng.random(120) < share
        y = 4 * share + rng.normal(size=120)
        free += permutation.permuted(y, focal, np.random.default_rng(k), n=199).test.p <= 0.05
        within += permutation.permuted(y, focal, np.random.default_rng(k), classes=room, n=199).test.p <= 0.05
    assert free / 60 > 0.4
    assert within / 60 < 0.15


def test_studentising_keeps_the_level_at_unequal_spread() -> None:
    """Eight children with SD 4 against forty with SD 1, equal means: shuffling the plain difference is far off."""
    rng, hits, plain = np.random.default_rng(15), 0, 0
    for k in range(200):
        x, y = rng.normal(0, 4, 8), rng.normal(0, 1, 40)
        hits += permutation.permuted(*marked(x, y), np.random.default_rng(k), n=199).test.p <= 0.05
        both, chosen = np.r_[x, y], np.argsort(np.random.default_rng(k).random((199, 48)), axis=1)[:, :8]
        gaps = np.abs(both[chosen].mean(axis=1) - both.mean())
        plain += (1 + (gaps >= abs(x.mean() - both.mean())).sum()) / 200 <= 0.05
    assert hits / 200 < 0.12
    assert plain / 200 > 0.25


def test_shuffles_are_reproducible_and_their_interval_covers_the_estimate() -> None:
    rng = np.random.default_rng(16)
    y, focal = marked(rng.normal(1, 1, 40), rng.normal(0, 2, 30))
    first, second = (permutation.permuted(y, focal, np.random.default_rng(4)) for _ in range(2))
    assert first == second
    assert first.estimate.ci == pytest.approx(stats.welch(y[focal], y[~focal]).estimate.ci, abs=0.05)


@pytest.mark.parametrize("ranks_", [False, True])
def test_what_cannot_be_shuffled(ranks_: bool) -> None:
    rng = np.random.default_rng(0)
    refusals = {
        "at least 2 in each": (*marked([1], [2, 3, 4]), None),
        "no class has children of both groups": (*marked([1, 2], [3, 4]), ["a", "a", "b", "b"]),
        "do not overlap, or all|neither group varies": (*marked([3, 3, 3], [3, 3, 3]), None),
    }
    for reason, (y, focal, room) in refusals.items():
        with pytest.raises(NotEstimableError, match=reason):
            permutation.permuted(y, focal, rng, ranks_, room, 50)


def test_ten_thousand_shuffles_of_a_town_are_fast() -> None:
    from time import perf_counter

    rng = np.random.default_rng(17)
    y, focal = marked(rng.integers(16, 80, 290), rng.integers(16, 80, 280))
    for ranks_ in (False, True):
        start = perf_counter()
        permutation.permuted(y, focal, rng, ranks_)
        assert perf_counter() - start < 3  # a fifth of a second where nothing else runs
