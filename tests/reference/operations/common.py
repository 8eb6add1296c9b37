"""What several adapters need: the case's data file and the columns that its R commands name."""

from __future__ import annotations

import re

import pandas as pd
from cases import data

from operations import Case


def file(told: Case, position: int = 0) -> pd.DataFrame:
    """The case's data file."""
    return data(told["dataset"][position]["file"].removeprefix("data/"))


def code(told: Case) -> str:
    """The R commands as one text."""
    lines = told["reference"]["r_code"]
    return lines if isinstance(lines, str) else "\n".join(lines)


def names(text: str) -> list[str]:
    """The strings of an R vector: 'c("a","b")' gives a and b."""
    return re.findall(r'"([^"]+)"', text)


def two_samples(told: Case) -> tuple[pd.DataFrame, str, str, str, str]:
    """Frame, outcome, group and the labels of x and y, from 'x <- d$score[d$group == "A"]; y <- ...'."""
    x, y = re.findall(r'[xy] <- d\$(\w+)\[d\$(\w+) == "?([^"\]]+)"?\]', code(told))[:2]
    return file(told), x[0], x[1], x[2], y[2]


def gamers(frame: pd.DataFrame) -> pd.DataFrame:
    """The first lines of e02 and e05: sum scores that need all items, DASS doubled, sex male or female."""
    dass = {"dep": (3, 5, 10, 13, 16, 17, 21), "anx": (2, 4, 7, 9, 15, 19, 20), "str": (1, 6, 8, 11, 12, 14, 18)}
    d = frame[frame["sex"].isin(["male", "female"])]
    scores = {"female": (d["sex"] == "female").astype(float), "age": d["age"]}
    for wave in ("before", "during"):
        scores[f"ucla_{wave}"] = d[[f"ucla{i}_{wave}" for i in (1, 2, 3)]].sum(axis=1, skipna=False)
    for scale, items in dass.items():
        scores[scale] = 2 * d[[f"dass{i:02d}_before" for i in items]].sum(axis=1, skipna=False)
    return pd.DataFrame(scores)
