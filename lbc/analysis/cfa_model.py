"""What a factor model is: lavaan-like text, its parameters row by row, and the moments that they imply.

A model is a list of rows, one per parameter of each group, free or fixed; rows that share the index `free` are equal.
All first derivatives of the implied covariance are of the form a b' + b a' with two vectors a and b, which gives the
gradient, the expected information and the casewise scores (cfa_estimation.py) in a line each, without Kronecker
products. Matrices as in Bollen 1989, chapters 7 and 8.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np

EQUALITIES = ("loadings", "intercepts", "residuals", "means")
FREE = float("nan")
"""Value of a parameter that the model text frees with `NA*`."""


class Row(NamedTuple):
    """A parameter of a group: `matrix` is L(oadings), P(hi), T(heta), n(u) or a(lpha); `free` is -1 where fixed."""

    lhs: str
    op: str
    rhs: str
    group: int
    matrix: str
    i: int
    j: int
    free: int
    value: float


def parse(model: str) -> Iterator[tuple[str, str, str, float | None]]:
    """Statements of lavaan-like model text, one term each: (lhs, op, rhs, value or None or FREE).

    >>> list(parse("f =~ x1 + 0.5*x2; f ~~ 0*g"))
    [('f', '=~', 'x1', None), ('f', '=~', 'x2', 0.5), ('f', '~~', 'g', 0.0)]
    """
    for line in re.split(r"[;\n]", re.sub(r"#.*", "", model)):
        if not line.strip():
            continue
        statement = re.fullmatch(r"\s*([^\s*+=~]+)\s*(=~|~~)\s*(.+?)\s*", line)
        if statement is None:
            raise ValueError(f"cannot read the model line '{line.strip()}'; expected e.g. f =~ x1 + x2 or x1 ~~ x2")
        lhs, op, right = statement.groups()
        for term in right.split("+"):
            factor, _, rhs = term.strip().rpartition("*")
            if not re.fullmatch(r"[^\s*+=~]+", rhs.strip()):
                raise ValueError(f"cannot read '{term.strip()}' in the model line '{line.strip()}'")
            yield lhs, op, rhs.strip(), None if not factor else FREE if factor.strip() == "NA" else float(factor)


@dataclass(frozen=True)
class Model:
    """A model of `n_groups` groups.

    Parameters
    ----------
    rows : list of Row
        All rows of the first group, then all of the second, ...
    items, factors : list of str
    n_groups : int
    place : dict
        (group, matrix) to the numbers of its rows and their cells i, j.
    link : array, rows x free parameters
        1 where a row is that free parameter.
    fixed : array
        Values of fixed rows, 0 elsewhere.
    of_group : list of array
        Numbers of each group's rows.
    """

    rows: list[Row]
    items: list[str]
    factors: list[str]
    n_groups: int
    place: dict[tuple[int, str], tuple[np.ndarray, ...]] = field(init=False, repr=False)
    link: np.ndarray = field(init=False, repr=False)
    fixed: np.ndarray = field(init=False, repr=False)
    of_group: list[np.ndarray] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        index = {}
        for r, row in enumerate(self.rows):
            index.setdefault((row.group, row.matrix), []).append((r, row.i, row.j))
        place = {key: tuple(np.array(cells).T) for key, cells in index.items()}
        free = np.array([row.free for row in self.rows])
        link = np.zeros((len(free), free.max() + 1))
        link[np.flatnonzero(free >= 0), free[free >= 0]] = 1.0
        object.__setattr__(self, "place", place)
        object.__setattr__(self, "link", link)
        object.__setattr__(self, "fixed", np.array([row.value if row.free < 0 else 0.0 for row in self.rows]))
        object.__setattr__(self, "of_group", [np.flatnonzero([row.group == g for row in self.rows])
                                              for g in range(self.n_groups)])

    @property
    def means(self) -> bool:
        """Whether the mean structure is part of the model: with several groups or missing answers, as in lavaan."""
        return any(row.matrix == "n" for row in self.rows)

    @property
    def df(self) -> int:
        p = len(self.items)
        return self.n_groups * (p * (p + 1) // 2 + self.means * p) - self.link.shape[1]

    def values(self, theta: np.ndarray) -> np.ndarray:
        return self.fixed + self.link @ theta

    def matrices(self, values: np.ndarray, group: int) -> dict[str, np.ndarray]:
        """Loadings L, factor covariances P, residual covariances T, intercepts n and latent means a of a group."""
        p, m = len(self.items), len(self.factors)
        shapes = {"L": (p, m), "P": (m, m), "T": (p, p), "n": (p, 1), "a": (m, 1)}
        found = {name: np.zeros(shape) for name, shape in shapes.items()}
        for name, matrix in found.items():
            if (group, name) in self.place:
                r, i, j = self.place[group, name]
                matrix[i, j] = values[r]
                if name in "PT":
                    matrix[j, i] = values[r]
        return found

    def implied(self, values: np.ndarray, group: int) -> tuple[np.ndarray, np.ndarray]:
        """Implied mean and covariance."""
        m = self.matrices(values, group)
        return (m["n"] + m["L"] @ m["a"])[:, 0], m["L"] @ m["P"] @ m["L"].T + m["T"]

    def directions(self, values: np.ndarray, group: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each row of the group: a and b with d(covariance) = ab' + ba', and d(mean); rows x items each."""
        m = self.matrices(values, group)
        start, size = self.of_group[group][0], len(self.of_group[group])
        a, b, mean = (np.zeros((size, len(self.items))) for _ in range(3))
        spread, loadings = (m["L"] @ m["P"]).T, m["L"].T
        for name in "LPTna":
            if (group, name) not in self.place:
                continue
            r, i, j = self.place[group, name]
            r = r - start
            half = np.where(i == j, 0.5, 1.0)
            if name == "L":
                a[r, i], b[r], mean[r, i] = 1.0, spread[j], m["a"][j, 0]
            elif name == "P":
                a[r], b[r] = loadings[i], loadings[j] * half[:, None]
            elif name == "T":
                a[r, i], b[r, j] = 1.0, half
            elif name == "n":
                mean[r, i] = 1.0
            else:
                mean[r] = loadings[i]
        return a, b, mean


def specify(
    model: str, n_groups: int = 1, equal: Collection[str] = (), partial: Collection[str] = (), std_lv: bool = False,
    means: bool = False,
) -> Model:
    """Rows of a model text, with lavaan's defaults.

    The first loading of a factor is 1 (with `std_lv` its variance instead), factors covary, latent means are 0; with
    equal intercepts they are free from the second group on, with `std_lv` and equal loadings the variances too.

    Raises
    ------
    ValueError
        If the text cannot be read or `equal` holds an unknown word.
    """
    if unknown := set(equal) - set(EQUALITIES):
        raise ValueError(f"cannot hold {', '.join(sorted(unknown))} equal; choose from {', '.join(EQUALITIES)}")
    loadings, covariances = [], {}
    for lhs, op, rhs, value in parse(model):
        if op == "=~":
            first = lhs not in {known[0] for known in loadings}
            loadings.append((lhs, op, rhs, 1.0 if value is None and first and not std_lv else value))
        else:
            covariances[frozenset((lhs, rhs))] = (lhs, op, rhs, value)
    factors = list(dict.fromkeys(lhs for lhs, *_ in loadings))
    items = list(dict.fromkeys(rhs for _, _, rhs, _ in loadings))
    known = {*factors, *items}
    if set(factors) & set(items) or any(pair - known for pair in covariances):
        raise ValueError("covariances join factors or items of the model, and no factor may measure another")
    pairs = [*((item, item) for item in items), *combinations_with_replacement(factors, 2)]
    for pair in pairs:
        covariances.setdefault(frozenset(pair), (pair[0], "~~", pair[1], None))
    base = [*loadings, *covariances.values()]
    if n_groups > 1 or means:
        base += [(name, "~1", "", None) for name in (*items, *factors)]
    loose = {re.sub(r"\s", "", text) for text in partial}
    if unknown := loose - {lhs + op + rhs for lhs, op, rhs, _ in base}:
        raise ValueError(f"the model has no parameter {', '.join(sorted(unknown))}")
    index: dict[tuple, int] = {}
    rows = []
    for group in range(n_groups):
        for lhs, op, rhs, value in base:
            matrix, i, j = cell(lhs, op, rhs, items, factors)
            value = _default(matrix, i == j, group, equal, std_lv) if value is None else value
            same = _kind(matrix, i == j) in equal and lhs + op + rhs not in loose
            free = index.setdefault((lhs, op, rhs, 0 if same else group), len(index)) if np.isnan(value) else -1
            rows.append(Row(lhs, op, rhs, group, matrix, i, j, free, value))
    return Model(rows, items, factors, n_groups)


def cell(lhs: str, op: str, rhs: str, items: list[str], factors: list[str]) -> tuple[str, int, int]:
    if op == "=~":
        return "L", items.index(rhs), factors.index(lhs)
    if op == "~1":
        return ("n", items.index(lhs), 0) if lhs in items else ("a", factors.index(lhs), 0)
    if (lhs in items) != (rhs in items):
        raise ValueError(f"{lhs} ~~ {rhs}: an item cannot covary with a factor here")
    matrix, names = ("T", items) if lhs in items else ("P", factors)
    return matrix, names.index(lhs), names.index(rhs)


def _kind(matrix: str, diagonal: bool) -> str:
    if matrix == "T" and diagonal:
        return "residuals"
    return {"L": "loadings", "n": "intercepts", "a": "means"}.get(matrix, "")


def _default(matrix: str, diagonal: bool, group: int, equal: Collection[str], std_lv: bool) -> float:
    if matrix == "P" and diagonal and std_lv and not (group and "loadings" in equal):
        return 1.0
    if matrix == "a" and not (group and "intercepts" in equal and "means" not in equal):
        return 0.0
    return FREE


def independence(model: Model) -> Model:
    """The baseline of CFI and TLI: every item with its own variance (and mean) in each group, and nothing else."""
    cells = [("T", i) for i in range(len(model.items))] + [("n", i) for i in range(len(model.items)) if model.means]
    rows = []
    for group in range(model.n_groups):
        for matrix, i in cells:
            item, op, rhs = model.items[i], *(("~~", model.items[i]) if matrix == "T" else ("~1", ""))
            rows.append(Row(item, op, rhs, group, matrix, i, i if matrix == "T" else 0, len(rows), FREE))
    return Model(rows, model.items, [], model.n_groups)
