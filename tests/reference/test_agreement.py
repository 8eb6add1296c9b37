"""Every number of every reference case is compared, or there is a reason why not."""

from __future__ import annotations

from typing import Any

import pytest
from agreement import CASES, agreement, compared, leaves, lookup
from cases import case
from operations import Operation, load
from report import DOCUMENT, committed, row


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    failures = compared(name).failures
    assert not failures, "\n".join(failures)


TOY = {"expected": {"a": 1.0, "b": [2.0, 3.0], "ci_boot": 0.5, "label": "x", "gap": None},
       "tolerance": {"rel": 1e-6, "abs": 1e-8, "special": {"boot": "abs 0.1 (few draws)"}}}


@pytest.mark.parametrize(("found", "said"), [
    ({"a": 1.0, "b": [2.0, 3.0], "ci_boot": 0.59}, []),
    ({"a": 1.00001, "b": [2.0, 3.0], "ci_boot": 0.5}, ["a: 1.00001 is not 1.0"]),
    ({"a": 1.0, "b": [2.0], "ci_boot": 0.5}, ["b/1: neither returned nor listed"]),
    ({"a": 1.0, "b": [2.0, 3.0], "ci_boot": 0.61}, ["ci_boot: 0.61 is not 0.5"]),
    ({"a": 1.0, "b": [2.0, 3.0], "ci_boot": 0.5, "c": 1}, ["c: returned, but"]),
    ({"a": 1.0, "b": [2.0, 3.0], "ci_boot": 0.5, "label": "y"}, ["label: y is not x"]),
    ({"a": 1.0, "b": [2.0, 3.0], "ci_boot": 0.5, "gap": 4}, ["gap: 4 is not None"]),
    ({"a": float("nan"), "b": [2.0, 3.0], "ci_boot": 0.5}, ["a: nan is not 1.0"]),
])
def test_the_comparison_can_fail(found: dict[str, Any], said: list[str]) -> None:
    failures = agreement(TOY, Operation("toy", lambda told: found)).failures
    assert [text.startswith(start) for text, start in zip(failures, said, strict=True)] == [True] * len(said)


def test_an_omission_with_a_reason_is_listed() -> None:
    done = agreement(TOY, Operation("toy", lambda told: {"a": 1.0, "ci_boot": 0.5}, omitted={"b": "not needed"}))
    assert (done.failures, done.compared, done.expected) == ([], 2, 4)
    assert done.omitted == {"b/0": "not needed", "b/1": "not needed"}


def test_every_reason_for_an_omission_is_about_something() -> None:
    stale = []
    for name, ours in load().items():
        paths = [path for c in CASES if case(c)["operation"] == name for path, _ in leaves(case(c)["expected"])]
        stale += [f"{name}: {p}" for p in (ours.omitted | ours.wider) if not any(lookup({p: 0}, x) for x in paths)]
    assert not stale


def test_the_page_for_reviewers_says_what_is_computed_now() -> None:
    """All but the functions and the deviations, which a tracer and the machine's arithmetic give."""
    page, text = committed(), DOCUMENT.read_text(encoding="utf-8")
    assert list(page) == CASES
    for name in CASES:
        try:
            done = compared(name)
        except pytest.skip.Exception:  # its data may not be shipped
            continue
        now = row(name, done, [])
        assert [cell for k, cell in enumerate(page[name][:6]) if k != 2] == [cell for k, cell in enumerate(now[:6]) if k != 2]
        for reason in [*done.omitted.values(), *(why for _, why in done.wider.values())]:
            assert reason[1:] in text, f"{name}: run python -m benchmarks verification"
