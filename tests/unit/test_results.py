"""Results as they are written down, and errors as a user reads them."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from lbc import errors
from lbc.errors import MOST_FAULTS, ManyErrors, NotEstimableError, UserError
from lbc.results import EVIDENCE, Estimate, Exhibit, Finding, Result, Test, number

LABEL = {"en": "Difference", "zh": "差异"}


@pytest.mark.parametrize(("value", "expected"), [
    (None, None), (float("nan"), None), (float("inf"), None), (-np.inf, None), (1, 1.0), (True, 1.0),
    (np.float32(0.5), 0.5), (np.int64(3), 3.0), (-0.0, -0.0),
])
def test_numbers_that_json_has(value: Any, expected: float | None) -> None:
    found = number(value)
    assert found == expected
    assert found is None or type(found) is float


def finding(result: Result, **more: Any) -> dict[str, Any]:
    return Finding("a.b", LABEL, result, "association", **more).to_json()


def test_a_finding_as_the_contract_has_it() -> None:
    result = Result(
        "Welch's t test", Estimate("mean difference", np.float64(2.5), (1.0, 4.0), 0.9, "points"),
        Estimate("Hedges g", 0.3, unit="never shown"), Test("t", 2.3, 318.2, 0.02), {"a": np.int64(3)}, "Welch 1947",
        extra={"means": {"a": 1}},
    )
    assert finding(result, confirmatory=True) == {
        "id": "a.b", "label": LABEL, "method": "Welch's t test",
        "estimate": {"name": "mean difference", "value": 2.5, "ci": [1.0, 4.0], "level": 0.9, "unit": "points"},
        "effect": {"name": "Hedges g", "value": 0.3, "ci": None, "level": 0.95},
        "test": {"name": "t", "statistic": 2.3, "df": 318.2, "p": 0.02},
        "n": {"a": 3}, "evidence": "association", "confirmatory": True, "reference": "Welch 1947",
    }
    assert json.loads(json.dumps(finding(result), allow_nan=False)) == finding(result)


def test_tests_with_two_degrees_of_freedom_none_and_an_adjusted_p() -> None:
    estimate = Estimate("x", 1.0)
    f = finding(Result("m", estimate, test=Test("F", 3.0, (2, np.float64(40)), 0.06, 0.12)))["test"]
    assert f == {"name": "F", "statistic": 3.0, "df": [2.0, 40.0], "p": 0.06, "p_adjusted": 0.12}
    exact = finding(Result("m", estimate, test=Test("sign-flip", 5.0, None, 0.03)))["test"]
    assert exact == {"name": "sign-flip", "statistic": 5.0, "df": None, "p": 0.03}


def test_no_nan_is_written() -> None:
    nan = float("nan")
    entry = finding(Result("m", Estimate("x", nan, (nan, np.inf)), test=Test("t", nan, (nan, 1), nan)))
    assert entry["estimate"]["value"] is None
    assert entry["estimate"]["ci"] == [None, None]
    assert entry["test"] == {"name": "t", "statistic": None, "df": [None, 1.0], "p": None}
    json.dumps(entry, allow_nan=False)


def test_a_finding_without_an_estimate_says_why() -> None:
    entry = finding(Result("none", None, reason="too few"))
    assert (entry["estimate"], entry["effect"], entry["test"], entry["reason"]) == (None, None, None, "too few")
    assert "reason" not in finding(Result("m", Estimate("x", 1.0)))
    with pytest.raises(ValueError, match=r"a\.b: a finding without an estimate needs a reason"):
        Finding("a.b", LABEL, Result("none", None), "association")


def test_five_strengths_of_evidence_and_no_other() -> None:
    assert EVIDENCE == (
        "randomised comparison", "adjusted comparison", "association", "uncontrolled change", "single case")
    with pytest.raises(ValueError, match=r"^a\.b: 'proof' is not a strength of evidence; one of \('randomised"):
        Finding("a.b", LABEL, Result("m", Estimate("x", 1.0)), "proof")


@pytest.mark.parametrize(("html", "png", "kinds"), [
    ("<table>", b"", {"text/plain", "text/html"}), ("", b"\x89PNG", {"text/plain", "image/png"}), ("", b"", {"text/plain"}),
])
def test_what_a_cell_shows_of_an_exhibit(html: str, png: bytes, kinds: set[str]) -> None:
    exhibit = Exhibit("02_x", "figure", {"en": "Means", "zh": "均值"}, ("figures/02_x.png",), "ab12", "zh", html, png)
    bundle, metadata = exhibit._repr_mimebundle_()
    assert metadata == {"lbc": {"exhibit": "02_x"}}
    assert set(bundle) == kinds
    assert bundle["text/plain"] == "figure 02_x [ab12]: 均值"
    if png:
        assert base64.b64decode(bundle["image/png"]) == png


# ---- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("parts", "text"), [
    ({}, "it is wrong"),
    ({"where": "a.csv, row 3"}, "a.csv, row 3: it is wrong"),
    ({"why": "numbers only"}, "it is wrong\n  why: numbers only"),
    ({"where": "a.csv", "why": "numbers only", "fix": "mend it"}, "a.csv: it is wrong\n  why: numbers only\n  fix: mend it"),
])
def test_an_error_in_at_most_a_few_lines(parts: dict[str, str], text: str) -> None:
    error = UserError("it is wrong", **parts)
    assert str(error) == text
    assert error._render_traceback_() == [text]  # Jupyter shows this and no traceback


def test_many_errors_one_line_each_and_no_flood() -> None:
    few = ManyErrors("2 mistakes", ["a:1: x", "a:2: y"], where="a", fix="mend them")
    assert str(few) == "a: 2 mistakes\n  a:1: x\n  a:2: y\n  fix: mend them"
    assert str(ManyErrors("1 mistake", ["x"])) == "1 mistake\n  x"
    lines = str(ManyErrors("many", [f"line {i}" for i in range(MOST_FAULTS + 3)])).splitlines()
    assert len(lines) == MOST_FAULTS + 2
    assert lines[-2:] == [f"  line {MOST_FAULTS - 1}", "  ... and 3 more"]
    assert "more" not in str(ManyErrors("many", ["x"] * MOST_FAULTS))


def test_every_mistake_of_a_user_has_its_exit_code() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, UserError)]
    assert len(kinds) >= 12
    assert {kind.__name__: kind.exit_code for kind in kinds if kind.exit_code != 2} == {
        "RunLockedError": 75, "StageFailedError": 3}
    assert all(kind.__doc__ for kind in kinds)
    assert not issubclass(NotEstimableError, UserError)  # a result without a number is nobody's mistake
