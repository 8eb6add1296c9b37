"""The tests that a table prints, row by row, as `recheck` reads them: `t(13.77) = 3.17, p = .007`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lbc.reporting.tables import Table

RULES: list[tuple[str, str, str, tuple[str, ...]]] = [
    ("p", "F", "F", ("df", "df_residual")),
    ("p_hc3", "F", "F_hc3", ("df", "df_residual")),
    ("p_cluster", "F", "F_cluster", ("df", "df_cluster")),
    ("p_cluster", "F", "F_cluster", ("df_change", "df_cluster")),
    ("p_change", "F", "F_change", ("df_change", "df_residual")),
    ("p", "t", "t", ("df",)),
    ("p", "χ²", "chi2", ("df",)),
    ("d_p", "χ²", "d_chi2", ("d_df",)),
    ("p_kruskal", "χ²", "chi2", ("df",)),
    ("within_p", "t", "within_t", ("within_df",)),
    ("between_p", "t", "between_t", ("between_df",)),
    ("p", "F", "statistic", ("df", "df_residual")),
    ("p", "t", "statistic", ("df",)),
    ("p", "z", "z", ()),
    ("p", "t", "estimate / se", ("df",)),
    ("p", "t", "estimate / se", ()),
]
"""Column of p, symbol, column of the statistic and columns of its degrees of freedom; the first that fits a row."""
MIXTURE = {"slope_sd", "chi2", "p"}
"""A table with these columns tests random slopes at their edge: a mixture of two chi-squareds (Stram & Lee 1994)."""
IS_P = re.compile(r"p|p_.+|.+_p")
EMPTY = "—"


def tests(table: Table, language: str) -> Iterator[tuple[str, str]]:
    """Each p value of a table as it is printed there, with its statistic and degrees of freedom where it has them.

    Yields
    ------
    tuple of str
        Place within the table ("Welch, p") and print ("Welch: t(563.98) = 3.66, p < .001"); a p without a statistic
        keeps the words of its row, so that its test can be named.
    """
    frame = table.frame
    columns = [name for name in frame if IS_P.fullmatch(name)]
    for number, cells in enumerate(table.cells(language), 1):
        row = dict(zip(frame, cells, strict=True))
        lead = ", ".join(cell for cell in (row[name] for name in list(frame)[:2]) if not re.match(r"[\d.−+]|—", cell))
        for name in columns:
            if row[name] != EMPTY and re.search(r"\d", row[name]):
                yield f"row {number}, {name}", f"{lead} {_printed(row, name, set(frame))}"


def _printed(row: dict[str, str], name: str, columns: set[str]) -> str:
    p = "p " + (row[name] if row[name][0] in "<>" else f"= {row[name]}")
    if columns >= MIXTURE and name == "p":
        return f"mixture(1, 2) = {row['chi2']}, {p}"
    for column, symbol, statistic, degrees in RULES:
        needed = {column, *degrees, *statistic.split(" / ")}
        if column == name and needed <= columns and EMPTY not in {row[part] for part in needed}:
            value = " / ".join(row[part] for part in statistic.split(" / "))
            inside = ", ".join(row[part] for part in degrees)
            return f"{symbol}({inside}) = {value}, {p}" if inside else f"{symbol} = {value}, {p}"
    return f"{name}, {p}"
