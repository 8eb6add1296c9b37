"""From cleaned answers to what the analyses use: scores of every scale and wave, predictors by level, labels.

The first wave has plain column names; a later wave's columns end in `@<wave>`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from lbc import instruments
from lbc.errors import IntakeError, NotEstimableError
from lbc.instruments import Instrument
from lbc.instruments.scoring import key, score
from lbc.params import Params
from lbc.results import Words
from lbc.survey.cleaning import duplicates, usable_ids
from lbc.survey.codebook import Codebook
from lbc.survey.direction import Direction, direction
from lbc.survey.intake import read
from lbc.survey.missing import impute, stacked

RESURVEY = "resurvey"

DERIVED: dict[str, Words] = {
    "girl": {"en": "Girl", "zh": "女生"},
    "age": {"en": "Age (years)", "zh": "年龄（岁）"},
    "grade": {"en": "Grade", "zh": "年级"},
    "class": {"en": "Class", "zh": "班级"},
    "school": {"en": "School", "zh": "学校"},
    "months_away": {"en": "Months away (longer parent)", "zh": "离家月数（较长一方）"},
    "parents_away": {"en": "Who is away", "zh": "谁外出"},
    "left_behind": {"en": "Left-behind", "zh": "留守"},
}
VALUES: dict[str, dict[str, Words]] = {
    "girl": {"0": {"en": "boys", "zh": "男生"}, "1": {"en": "girls", "zh": "女生"}},
    "left_behind": {"0": {"en": "not left-behind", "zh": "非留守儿童"}, "1": {"en": "left-behind", "zh": "留守儿童"}},
    "parents_away": {
        "neither": {"en": "neither", "zh": "都在家"}, "father": {"en": "father", "zh": "父亲"},
        "mother": {"en": "mother", "zh": "母亲"}, "both": {"en": "both", "zh": "父母双方"},
    },
}
LEVEL_OF = {"girl": ("sex",), "age": ("age", "birth_year"), "parents_away": ("father_away",)}
"""Derived predictors and the roles of the questions whose ecological level they take, the first that has one."""


def battery(codebook: Codebook, folder: Path | None) -> dict[str, Instrument]:
    """The instruments that the survey asks, by id, in the order of the form.

    Raises
    ------
    InstrumentError
        If a scale of the codebook has no instrument file.
    """
    return {scale: instruments.load(scale, folder) for scale in codebook.scales()}


def battery_of(scores: Iterable[str], folder: Path | None) -> dict[str, Instrument]:
    """The instruments that the named scores (`cls_total`, `panas_c_negative`) come from."""
    known = sorted(instruments.available(folder), key=len, reverse=True)
    scales = [next((scale for scale in known if name.startswith(f"{scale}_")), name) for name in scores]
    return {scale: instruments.load(scale, folder) for scale in dict.fromkeys(scales)}


def directions(frame: pd.DataFrame, codebook: Codebook, scales: Mapping[str, Instrument]) -> dict[str, Direction]:
    """Which way each scale of the first wave points; refuses where labels and answers disagree."""
    return {n: direction(frame[codebook.items(n)], scale, codebook.labels(n)) for n, scale in scales.items()}


def direction_table(found: Mapping[str, Direction]) -> pd.DataFrame:
    """What was found of each scale, for the group measures: scale, highest_is_agree, low, high."""
    rows = [(name, d.highest_is_agree, *d.points) for name, d in found.items()]
    return pd.DataFrame(rows, columns=["scale", "highest_is_agree", "low", "high"])


def evidence(found: Mapping[str, Direction]) -> pd.DataFrame:
    """The checks of all scales below one another: scale, what (in both languages), found, expected, agrees."""
    table = pd.concat([d.evidence.assign(scale=name) for name, d in found.items()], ignore_index=True)
    table["what"] = [{"en": row.en, "zh": row.zh} for row in table.itertuples()]
    return table[["scale", "what", "found", "expected", "agrees"]]


def score_all(
    frame: pd.DataFrame, codebook: Codebook, scales: Mapping[str, Instrument], found: Mapping[str, Direction],
    params: Params,
) -> pd.DataFrame:
    """Add the scores of every scale and wave: `<scale>_total`, `<scale>_<subscale>`, with `@<wave>` for later waves.

    Parameters
    ----------
    frame : DataFrame
        Item columns as answered.
    found : mapping of str to Direction
        Which way each scale points (`directions`), proved on the first wave.
    params : Params
        The outcome's metric and the share of items that must be answered.
    """
    parts = [frame]
    for name, scale in scales.items():
        metric = params.outcome.metric if name == params.outcome.scale else "sum"
        for wave, columns in _waves(frame, codebook, name).items():
            scores = score(
                frame[columns], scale, metric=metric, min_answered=params.cleaning.min_answered,
                highest_is_agree=found[name].highest_is_agree, points=found[name].points,
            )
            parts.append(scores.add_prefix(f"{name}_").add_suffix(f"@{wave}" if wave else ""))
    return pd.concat(parts, axis=1)


def keyed_items(frame: pd.DataFrame, codebook: Codebook, scale: Instrument, found: Direction) -> pd.DataFrame:
    """The scored items of the first wave, keyed so that high means more of what the scale measures."""
    return key(frame[codebook.items(scale.id)], scale, highest_is_agree=found.highest_is_agree, points=found.points)


def join_wave(frame: pd.DataFrame, later: pd.DataFrame, wave: str) -> pd.DataFrame:
    """Add a later wave's item columns, matched by id and never by position.

    Parameters
    ----------
    frame : DataFrame
        The first wave, one row per child, column `id`.
    later : DataFrame
        The later wave, columns `id` and items; children who are not in the first wave are left out.
    wave : str
        Its name: `cls_01` becomes `cls_01@<wave>`.

    Raises
    ------
    IntakeError
        If an id stands twice in the later wave.
    """
    twice = later["id"][later["id"].duplicated()].nunique()
    if twice:
        raise IntakeError(f"{twice} ids stand twice in the wave '{wave}'", fix="remove duplicates before joining")
    items = later.set_index("id").add_suffix(f"@{wave}")
    return frame.merge(items, left_on="id", right_index=True, how="left", validate="one_to_one")


def with_resurvey(
    frame: pd.DataFrame, path: Path | None, codebook: Codebook, shown: str, keep: Literal["first", "last"]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Join the re-survey, where there is one, and say how many children were found again.

    Returns
    -------
    frame, table
        `table` counts forms in the file, usable ids, children found again, and of those in the first wave not found;
        empty without a re-survey.
    """
    counts = pd.DataFrame({"what": [], "n": []})
    if path is None:
        return frame, counts
    again = read(path, codebook, shown, partial=True)
    later, _ = usable_ids(again.frame, codebook)
    later, once = duplicates(later, codebook, keep)
    later = later.rename(columns={codebook.by_role("id")[0].variable: "id"})
    joined = join_wave(frame, later[["id", *(c for c in later if c in item_columns(later, codebook))]], RESURVEY)
    found = int(frame["id"].isin(later["id"]).sum())
    rows = [("forms in the file", "文件中的问卷", again.rows),
            ("with a usable id, each once", "编号可用且不重复", once.after),
            ("children of the first wave found again", "首次调查儿童中再次找到", found),
            ("children of the first wave not found again", "首次调查儿童中未再找到", len(frame) - found)]
    return joined, pd.DataFrame([({"en": en, "zh": zh}, n) for en, zh, n in rows], columns=["what", "n"])


def completed_totals(
    keyed: pd.DataFrame, others: pd.DataFrame, group: pd.Series, m: int, rng: np.random.Generator
) -> pd.DataFrame:
    """The sum score of two groups with every missing answer imputed: a check on the 80 % rule.

    Parameters
    ----------
    keyed : DataFrame
        Keyed items of the outcome, children by items.
    others : DataFrame
        Numeric variables that go into the imputation model beside items and group.
    group : Series
        0 and 1; children without a group are left out.

    Returns
    -------
    DataFrame
        imputation (1 to m), total, group: one row per child and completed data set.

    Raises
    ------
    NotEstimableError
        If a group has fewer than two children, or as `impute`.
    """
    known = group.notna()
    sizes = [int((group == value).sum()) for value in (0, 1)]
    if min(sizes) < 2:
        raise NotEstimableError(f"groups of {sizes[0]} and {sizes[1]} children; at least 2 are needed in each")
    data = pd.concat([keyed, others.loc[:, others.nunique() > 1], group.rename("group")], axis=1)[known].astype(float)
    return stacked([part[["group"]].assign(total=part[keyed.columns].sum(axis=1)) for part in impute(data, m, rng)])


def completed(
    frame: pd.DataFrame, keys: Mapping[str, pd.DataFrame], scales: Mapping[str, Instrument], listed: pd.DataFrame,
    group: pd.Series, params: Params, rng: np.random.Generator,
) -> pd.DataFrame:
    """Outcome and predictors of all children with every gap imputed m times.

    Scales are imputed item by item and then scored: a child who left out one answer of four keeps the other three
    (Gottschall, West & Enders 2012). The model also holds the outcome, the group, the covariates of the comparison
    and a 0/1 column for each class, so that later analyses ask nothing that the imputations left out (Lüdtke,
    Robitzsch & Grund 2017). A text predictor enters as the rank of its categories' mean outcome and gets back one of
    its words.

    Parameters
    ----------
    frame : DataFrame
        The cleaned survey; the outcome has no gaps. Children whose class is not known are left out.
    keys : mapping of str to DataFrame
        Keyed items of each scale (`keyed_items`), with the index of `frame`.
    scales : mapping of str to Instrument
    listed : DataFrame
        Column `name`: the predictors.
    group : Series
        0 and 1, NaN for neither.

    Returns
    -------
    DataFrame
        imputation (1 to m), outcome, cluster where there is one, predictors: one row per child and completed set.

    Raises
    ------
    NotEstimableError
        As `impute`.
    """
    total, cluster, names = f"{params.outcome.scale}_total", params.comparison.cluster, listed["name"].tolist()
    items = {name: columns for name, columns in _items_of(keys, scales).items() if name in names}
    plain = [name for name in names if name not in items]
    ranks = {name: frame.groupby(name)[total].mean().rank(method="first") for name in plain
             if not pd.api.types.is_numeric_dtype(frame[name])}
    frame = frame[frame[cluster].notna()] if cluster in frame else frame
    numbers = frame.select_dtypes("number")
    also = [name for name in params.comparison.covariates if name in numbers and name not in names]
    parts = [frame[[total, *plain, *also]].assign(**{n: frame[n].map(rank) for n, rank in ranks.items()}),
             group[frame.index].rename("(group)").to_frame().loc[:, lambda g: g.nunique() > 1]]
    if items:
        answers = pd.concat(list(keys.values()), axis=1).loc[frame.index]
        parts.append(answers[list(dict.fromkeys(c for columns in items.values() for c in columns))])
    classes = frame[[cluster]] if cluster in frame else frame[[]]
    if cluster in frame:
        parts.append(pd.get_dummies(frame[cluster], dtype=float).add_prefix("(class) ").iloc[:, 1:])
    sets = []
    for part in impute(pd.concat(parts, axis=1).astype(float), params.cleaning.imputations, rng):
        words = {n: part[n].map(pd.Series(rank.index, rank.to_numpy())) for n, rank in ranks.items()}
        scored = {name: part[columns].sum(axis=1) for name, columns in items.items()}
        sets.append(pd.concat([part[[total]], classes, part.assign(**words, **scored)[names]], axis=1))
    return stacked(sets)


def _items_of(keys: Mapping[str, pd.DataFrame], scales: Mapping[str, Instrument]) -> dict[str, list[str]]:
    """The keyed item columns behind each score."""
    found = {}
    for name, scale in scales.items():
        columns = dict(zip((int(column.rpartition("_")[2]) for column in keys[name]), keys[name], strict=True))
        found[f"{name}_total"] = list(columns.values())
        found |= {f"{name}_{part}": [columns[n] for n in sub.items if n in columns]
                  for part, sub in scale.subscales.items()}
    return found


def item_columns(frame: pd.DataFrame, codebook: Codebook) -> list[str]:
    """Columns of all scale items, of every wave, that the frame holds."""
    return [c for scale in codebook.scales() for columns in _waves(frame, codebook, scale).values() for c in columns]


def blocks(frame: pd.DataFrame, codebook: Codebook, scales: Mapping[str, Instrument]) -> dict[str, list[str]]:
    """Predictors of each ecological level that the frame holds: questions, scores, derived variables."""
    levels: dict[str, str] = {}
    for name, roles in LEVEL_OF.items():
        asked = [v.level for role in roles if (v := codebook.role(role)) is not None and v.level]
        levels |= {name: asked[0]} if asked else {}
    levels |= codebook.levels(list(scales.values()))
    found: dict[str, list[str]] = {"individual": [], "family": [], "school_community": [], "society": []}
    for name, level in levels.items():
        if name in frame and frame[name].nunique() > 1:
            found[level].append(name)
    return {level: names for level, names in found.items() if names}


def labels(codebook: Codebook, scales: Mapping[str, Instrument]) -> pd.DataFrame:
    """What readers call each variable and each of its values.

    Returns
    -------
    DataFrame
        name, value ("-" for the variable itself), en, zh.
    """
    rows = [(name, "-", words) for name, words in DERIVED.items()]
    rows += [(name, value, words) for name, values in VALUES.items() for value, words in values.items()]
    for v in codebook.variables:
        question = {language: v.question.get(language) or v.variable for language in ("en", "zh")}
        rows.append((v.variable, "-", question))
        if v.type in ("choice", "number"):
            rows += [(v.variable, code, {"en": v.label(code, "en"), "zh": v.label(code, "zh")}) for code in v.values]
    for name, scale in scales.items():
        rows.append((f"{name}_total", "-", scale.name))
        rows += [(f"{name}_{part}", "-", sub.label) for part, sub in scale.subscales.items()]
    table = pd.DataFrame([(name, value, words["en"], words["zh"]) for name, value, words in rows],
                         columns=["name", "value", "en", "zh"])
    return table.drop_duplicates(["name", "value"], ignore_index=True)


def _waves(frame: pd.DataFrame, codebook: Codebook, scale: str) -> dict[str, list[str]]:
    """Item columns of a scale by wave, "" for the first wave."""
    first = codebook.items(scale)
    suffixes = dict.fromkeys(c.partition("@")[2] for c in frame.columns if c.startswith(f"{scale}_") and "@" in c)
    found = {"": [c for c in first if c in frame]}
    for wave in suffixes:
        found[wave] = [f"{c}@{wave}" for c in first if f"{c}@{wave}" in frame]
    return {wave: columns for wave, columns in found.items() if columns}
