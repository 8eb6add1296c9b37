"""Analysis of variance over waves, beyond the reference cases f06 and f07."""

from __future__ import annotations

import doctest

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lbc.analysis import waves
from lbc.errors import NotEstimableError


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(waves).failed == 0


def test_two_waves_are_the_paired_t_test() -> None:
    rng = np.random.default_rng(1)
    wide = pd.DataFrame(rng.normal(size=(9, 2)), columns=["T0", "T1"])
    row = waves.rm_anova(wide).iloc[0]
    oracle = stats.ttest_rel(wide["T0"], wide["T1"])
    assert [row["F"], row["p"], row["gg"], row["p_gg"]] == pytest.approx([oracle.statistic**2, oracle.pvalue, 1, oracle.pvalue])
    assert np.isnan(row["mauchly_w"])


def test_two_groups_over_two_waves_compare_the_gains() -> None:
    rng = np.random.default_rng(2)
    wide = pd.DataFrame(rng.normal(size=(15, 2)), columns=["T0", "T1"])
    group = pd.Series(["a"] * 6 + ["b"] * 9)
    wide.loc[15] = [1.0, np.nan]  # left out
    table = waves.rm_anova(wide, pd.concat([group, pd.Series(["a"], [15])])).set_index("term")
    gain = wide["T1"] - wide["T0"]
    oracle = stats.ttest_ind(gain[:6], gain[6:15])
    assert table.loc["group:wave", "F"] == pytest.approx(oracle.statistic**2)
    assert table.loc["group", ["df1", "df2"]].tolist() == [1, 13]


def test_five_waves_of_few_members_have_no_test_of_sphericity() -> None:
    row = waves.rm_anova(pd.DataFrame(np.random.default_rng(3).normal(size=(4, 5)))).iloc[0]
    assert 0.25 <= row["gg"] <= 1
    assert np.isnan(row["p_mauchly"])
    assert 0 < row["p"] < row["p_gg"] < 1 or row["p"] > 0.3


@pytest.mark.parametrize(("wide", "groups"), [
    (pd.DataFrame({"T0": [1.0, 2, 3]}), None), (pd.DataFrame({"T0": [1.0], "T1": [2.0]}), None),
    (pd.DataFrame({"T0": [1.0, 2, 3], "T1": [2.0, 3, 1]}), pd.Series(["a", "a", "b"])),
    (pd.DataFrame({"T0": [1.0, 2, 3], "T1": [2.0, 3, 1]}), pd.Series(["a", "a", "a"])),
])
def test_too_few(wide: pd.DataFrame, groups: pd.Series | None) -> None:
    with pytest.raises(NotEstimableError, match="two complete persons"):
        waves.rm_anova(wide, groups)


def test_everybody_alike() -> None:
    with pytest.raises(NotEstimableError, match="exactly alike"):
        waves.rm_anova(pd.DataFrame({"T0": [1.0, 2, 3], "T1": [2.0, 3, 4]}))
