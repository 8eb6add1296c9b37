"""The raw files of a simulated town: the survey tool's format, and the flaws that real exports have.

Every flaw is written down: kind, file, row as Excel counts it, column header, what stands there, what was meant.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lbc.instruments import load as load_instrument
from lbc.survey import codebook as codebooks
from lbc.survey.codebook import Variable
from lbc.survey.simulation.assumptions import stream

if TYPE_CHECKING:
    from lbc.survey.simulate import Town

SURVEY, RESURVEY, MEASURES = "raw/survey.xlsx", "raw/resurvey.csv", "raw/group_measures.csv"
EMPTY, SKIPPED = "(空)", "(跳过)"
NOT_ANSWERED = -2
SUM = "总分"
CREATED = datetime(2025, 12, 31)
SIZE = 620  # the counts below are those of a town of this size; others get their share, at least one of each
TEXT_FILES = ("interviews", "observations", "group_measures", "sessions", "case_log", "goals", "logic_model")
SKIP_WHERE_AT_HOME = {"father_months": "father_away", "mother_months": "mother_away"}
ONLY_WHERE_AWAY = ("visits_per_year", "guardian_fit")

CHILDREN = {
    # kind: how many, variable
    "no_guardian_consent": (9, "consent_guardian"),
    "no_assent": (3, "assent_child"),
    "out_of_scope_grade": (3, "grade"),
    "id_missing": (2, "id"),
    "outcome_missing": (4, ""),
}
"""Flaws that set a whole child apart: no child has two of them, no member of the group has one."""

CELLS: dict[str, tuple[int, tuple[str, ...], tuple[str, ...]]] = {
    # kind: how many, variables, texts to put ("{}" is the label, "{code}" the code or number)
    "grade_as_digit": (25, ("grade",), ("{code}",)),
    "grade_full_width_digit": (6, ("grade",), ("{wide}",)),
    "grade_other_label": (6, ("grade",), ("{code}年级",)),
    "sex_as_code": (20, ("sex",), ("{code}",)),
    "sex_other_label": (5, ("sex",), ("{}生",)),
    "id_with_spaces": (8, ("id",), (" {code}", "{code}  ", "\u00a0{code}")),
    "id_full_width": (6, ("id",), ("{wide}",)),
    "year_full_width": (6, ("birth_year",), ("{wide}",)),
    "year_out_of_range": (4, ("birth_year",), ("1915", "2105", "215", "2025")),
    "month_out_of_range": (2, ("birth_month",), ("13", "0")),
    "number_with_unit": (10, ("close_friends", "talks_per_week"), ("{code}个", "{code}次")),
    "number_in_words": (4, ("close_friends", "talks_per_week", "visits_per_year"), ("很多", "说不清")),
    "label_not_on_the_form": (6, ("cls_03", "cls_09", "psss_06", "scwbs_10"), ("有时候吧", "差不多", "同意")),
    "answer_out_of_range": (2, ("economy", "health"), ("6", "0")),
    "error_of_excel": (1, ("close_friends",), ("#N/A",)),
    "time_in_minutes": (12, ("duration",), ("{minutes}",)),
    "time_as_clock": (5, ("duration",), ("{clock}",)),
    "words_written_into_an_option": (6, ("lives_with",), ("{}┋其他〖姑姑〗", "{}┋其他〖曾祖母〗")),
    "absence_not_answered": (3, ("father_away", "mother_away"), (EMPTY,)),
    "phone_number_in_free_text": (1, ("comment",), ("可以打我奶奶电话13800000000",)),
    "name_in_free_text": (1, ("comment",), ("我叫李小明，想和同桌王小红做好朋友",)),
}
DUPLICATES = 4
MIN_ANSWERED = 0.8

Flaw = dict[str, Any]


def write(town: Town, data_folder: Path, truth_path: Path | None = None, untidy: bool = True) -> None:
    """Write a town's raw files.

    Parameters
    ----------
    town : Town
    data_folder : Path
        `data/<town>`; must hold `codebook.csv`. The folder raw/ is made in it.
    truth_path : Path, optional
        Where to write the truth as JSON: parameters, and every planted flaw with file, row and column.
    untidy : bool
        Plant flaws; otherwise only the format is that of the survey tool.

    Raises
    ------
    CodebookError
        If the codebook is missing or has mistakes.
    """
    (data_folder / "raw").mkdir(parents=True, exist_ok=True)
    book = codebooks.load(data_folder / "codebook.csv", f"{data_folder.name}/codebook.csv")
    headers = _raw_headers(data_folder / "codebook.csv")
    export = _Export(town, book, headers, untidy)
    _write_workbook(data_folder / SURVEY, export.headers, export.rows)
    resurvey, repeated = _resurvey(town, export, untidy)
    (data_folder / RESURVEY).write_bytes(_csv(resurvey).encode("gbk"))
    measures, blanked = _measures(town, untidy)
    for name in TEXT_FILES:
        frame = measures if name == "group_measures" else getattr(town, name)
        (data_folder / f"raw/{name}.csv").write_bytes(_csv(frame).encode("utf-8-sig"))
    if truth_path is not None:
        flaws = [*export.flaws, *repeated, *blanked]
        truth = {**town.truth, "expected": export.expected(), "flaws_by_kind": _tally(flaws), "flaws": flaws}
        text = json.dumps(truth, ensure_ascii=False, indent=1, allow_nan=False, default=int)
        truth_path.write_text(text + "\n", encoding="utf-8", newline="\n")


def _raw_headers(path: Path) -> dict[str, str]:
    """Headers as the codebook's file has them, full-width punctuation and all."""
    lines = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    return dict(zip(lines["variable"], lines["column"], strict=True))


def _tally(flaws: list[Flaw]) -> dict[str, int]:
    return {kind: sum(f["kind"] == kind for f in flaws) for kind in dict.fromkeys(f["kind"] for f in flaws)}


def _flaw(kind: str, file: str, row: int, column: str = "", found: Any = "", meant: Any = "") -> Flaw:
    return {"kind": kind, "file": file, "row": row, "column": column, "found": found, "meant": meant}


class _Export:
    """The survey as the tool exports it: texts, and in which row and column each flaw came to stand."""

    def __init__(self, town: Town, book: codebooks.Codebook, raw_headers: dict[str, str], untidy: bool) -> None:
        self.town = town
        self.rng = stream(town.seed, "untidy")
        self.variables = list(book.variables)
        self.column = raw_headers
        self.survey = town.survey.copy()
        self.apart: dict[str, list[int]] = {kind: [] for kind in CHILDREN}
        self._marked: list[tuple[str, int, str, str, str]] = []  # kind, child, variable, found, meant
        self._extra: list[tuple[str, pd.Series, pd.Timestamp]] = []  # kind, cells, time
        members = set(town.group_measures["id"])
        careless = town.traits["careless"] != ""
        self.free = [int(i) for i in self.survey.index[~self.survey["id"].isin(members) & ~careless]]
        if untidy:
            self._set_children_apart()
        self.cells = self._texts()
        if untidy:
            self._add_forms()
            self._spoil_cells()
        self.headers = [self._header(v, untidy) for v in self.variables] + [SUM]
        self._assemble(untidy)

    def _some(self, count: int) -> list[int]:
        """So many children that have no flaw of their own yet."""
        n = max(1, round(count * len(self.survey) / SIZE))
        chosen = [int(i) for i in self.rng.choice(self.free, n, replace=False)]
        self.free = [i for i in self.free if i not in chosen]
        return chosen

    def _set_children_apart(self) -> None:
        survey = self.survey
        for kind, (count, _) in CHILDREN.items():
            if kind == "out_of_scope_grade":  # second-graders are third-graders a year younger
                kept, self.free = self.free, [i for i in self.free if survey.at[i, "grade"] == 3]
                self.apart[kind] = self._some(min(count, len(self.free)))
                self.free = [i for i in kept if i not in self.apart[kind]]
            else:
                self.apart[kind] = self._some(count)
        survey.loc[self.apart["no_guardian_consent"], "consent_guardian"] = "0"
        survey.loc[self.apart["no_assent"], "assent_child"] = "0"
        survey.loc[self.apart["out_of_scope_grade"], "grade"] = 2
        survey.loc[self.apart["out_of_scope_grade"], "birth_year"] += 1
        survey.loc[self.apart["id_missing"], "id"] = None
        outcome = [v.variable for v in self.variables if v.scale == "cls"]
        survey.loc[self.apart["outcome_missing"], outcome[len(outcome) // 3:]] = np.nan

    # ------------------------------------------------------------------ texts

    def _texts(self) -> pd.DataFrame:
        """Every cell as text, with the tool's words for what is empty or was not asked."""
        found = {v.variable: self._text_column(v) for v in self.variables}
        cells = pd.DataFrame(found, index=self.survey.index)
        for months, away in SKIP_WHERE_AT_HOME.items():
            cells.loc[self.survey[away] == "0", months] = SKIPPED
        nobody_away = (self.survey["father_away"] == "0") & (self.survey["mother_away"] == "0")
        cells.loc[nobody_away, "visits_per_year"] = SKIPPED
        one_away = (self.survey["father_away"] == "1") != (self.survey["mother_away"] == "1")
        cells.loc[~one_away, "guardian_fit"] = SKIPPED
        return cells

    def _text_column(self, v: Variable) -> pd.Series:
        n = len(self.survey)
        fixed = {"serial": "", "source": "手机提交", "source_detail": "直接访问"}
        if v.variable == "ip":
            return pd.Series([f"192.0.2.{k % 254 + 1}(湖北-未知)" for k in range(n)], dtype=object)  # RFC 5737
        if v.variable in fixed:
            return pd.Series([fixed[v.variable]] * n, dtype=object)
        return self.survey[v.variable].map(lambda value: _text(v, value)).astype(object)

    def _header(self, v: Variable, untidy: bool) -> str:
        """The codebook's header; one in full-width digits with a star, one without the kind of question."""
        column = self.column[v.variable]
        if untidy and v.variable == "economy":
            number, _, rest = column.partition("、")
            return f"{_wide(number)}：\u00a0{rest.replace('[', '*[')}"
        if untidy and v.variable == "health":
            return column.split("[")[0]
        return column

    # ------------------------------------------------------------------ flaws

    def _spoil_cells(self) -> None:
        taken: set[tuple[int, str]] = set()
        for kind, (count, variables, texts) in CELLS.items():
            done, wanted = 0, max(1, round(count * len(self.survey) / SIZE))
            for child in (int(i) for i in self.rng.permutation(self.free)):
                variable = variables[done % len(variables)]
                text = self.cells.at[child, variable]
                unanswered = text == SKIPPED or (text == EMPTY and variable != "comment")
                if done == wanted or (child, variable) in taken or unanswered:
                    continue
                found = self._spoilt(texts[done % len(texts)], self.survey.at[child, variable], text)
                self.cells.at[child, variable] = found
                if variable in SKIP_WHERE_AT_HOME.values():  # nothing follows from an answer that was not given
                    self.cells.at[child, variable.replace("away", "months")] = EMPTY
                self._marked.append((kind, child, variable, found, text))
                taken.add((child, variable))
                done += 1

    def _spoilt(self, pattern: str, value: Any, text: str) -> str:
        code = f"{value:g}" if isinstance(value, float) else str(value)
        seconds = int(float(value)) if pattern in ("{minutes}", "{clock}") else 0
        return pattern.replace("{minutes}", f"{seconds // 60}分{seconds % 60}秒").replace(
            "{clock}", f"{seconds // 60}:{seconds % 60:02d}").replace("{wide}", _wide(code)).replace(
            "{code}", code).replace("{}", text)

    def _add_forms(self) -> None:
        """Forms that are no further child: handed in twice, tried out, copied under another code."""
        submitted, minute = self.survey["submitted"], pd.Timedelta(minutes=1)
        for k, child in enumerate(self._some(DUPLICATES)):
            again = self.cells.loc[child].copy()
            if k % 2:  # an earlier form, broken off; the last one is whole
                again.iloc[len(again) // 2:] = EMPTY
                self._extra.append(("duplicate_broken_off", again, submitted[child] - 20 * minute))
            else:
                self._extra.append(("duplicate_double_click", again, submitted[child] - minute / 30))
        child = self._some(1)[0]
        near = self.cells.loc[child].copy()
        near["id"] = f"{near['id'][:2]}9{near['id'][3:]}"
        self._extra.append(("near_duplicate_other_id", near, submitted[child] + 2 * minute))
        for k, name in enumerate(("测试", "test")):
            trial = self.cells.loc[self.free[k]].copy()
            for v in self.variables:
                if v.type == "item":
                    trial[v.variable] = _label(v, list(v.values)[-1])
            trial["id"], trial["comment"], trial["duration"] = name, "测试", "25秒"
            self._extra.append(("test_form", trial, submitted.min() - (90 - k) * minute))

    # --------------------------------------------------------------- assembly

    def _assemble(self, untidy: bool) -> None:
        """Rows in order of time, and the place of every flaw in the finished file."""
        forms = pd.concat([self.cells, pd.DataFrame([cells for _, cells, _ in self._extra])], ignore_index=True)
        times = pd.Series([*self.survey["submitted"], *(time for _, _, time in self._extra)])
        order = times.sort_values(kind="stable").index
        forms, times = forms.loc[order], times[order]
        forms["serial"], forms["submitted"] = np.arange(1, len(forms) + 1), times.dt.strftime("%Y/%m/%d %H:%M:%S")
        points = np.zeros(len(forms), int)
        for v in self.variables:
            if v.type == "item":  # the tool adds up the numbers of the options, whatever the key of the scale
                codes = {_label(v, code): int(code) for code in v.values}
                points += forms[v.variable].map(codes).fillna(0).astype(int).to_numpy()
        columns = [forms[v.variable].tolist() for v in self.variables]
        self.rows: list[list[Any] | None] = [list(row) for row in zip(*columns, points.tolist(), strict=True)]
        blank = len(order) // 2 if untidy else len(order)
        self.place = {int(i): k + 2 + (k >= blank) for k, i in enumerate(order)}
        if untidy:
            self.rows.insert(blank, None)
        self.flaws = self._flaws(blank + 2) if untidy else []

    def _flaws(self, blank: int) -> list[Flaw]:
        column = dict(zip((v.variable for v in self.variables), self.headers, strict=False))
        place, n = self.place, len(self.survey)

        def here(kind: str, form: int, name: str = "", found: str = "", meant: str = "") -> Flaw:
            return _flaw(kind, SURVEY, place[form], column.get(name, ""), found, meant)

        flaws = [_flaw("column_of_the_tool", SURVEY, 1, SUM, SUM), _flaw("blank_row", SURVEY, blank)]
        for v in self.variables:
            header, meant = column[v.variable], self.column[v.variable]
            if header != meant:
                flaws.append(_flaw("header_differs", SURVEY, 1, header, header, meant))
        for kind, children in self.apart.items():
            name = CHILDREN[kind][1]
            for i in children:
                found = self.cells.at[i, name] if name else "two thirds of the scale are empty"
                flaws.append(here(kind, i, name, found, self.town.survey.at[i, "id"] if name == "id" else ""))
        flaws += [here(kind, n + k, "id", cells["id"]) for k, (kind, cells, _) in enumerate(self._extra)]
        flaws += [here(kind, i, name, found, meant) for kind, i, name, found, meant in self._marked]
        flaws += [here(f"careless_{kind}", i) for i, kind in self.town.traits["careless"].items() if kind]
        return sorted(flaws, key=lambda f: (f["row"], f["column"], f["kind"]))

    def expected(self) -> dict[str, int]:
        """Numbers of forms that cleaning should find; careless forms apart, for flags judge them."""
        apart = {kind: len(children) for kind, children in self.apart.items() if kind != "outcome_missing"}
        extra = [kind for kind, _, _ in self._extra]
        copies, tests = sum(kind.startswith("duplicate") for kind in extra), extra.count("test_form")
        forms = sum(row is not None for row in self.rows)
        unscored = self._unscored()
        left = forms - tests - copies - sum(apart.values()) - len(unscored)
        careless = self.town.traits["careless"] != ""
        return {
            "rows_below_the_header": len(self.rows), "blank_rows": len(self.rows) - forms, "forms": forms,
            "test_forms": tests, "duplicates": copies, **apart, "outcome_missing": len(unscored), "left": left,
            "careless_among_the_left": int(careless.drop(unscored).sum()),
        }

    def _unscored(self) -> list[int]:
        """Children not set apart otherwise who answered less than four fifths of the outcome's items."""
        scale = load_instrument("cls")
        outcome = [v for v in self.variables if v.scale == "cls"]
        readable = {label for v in outcome for labels in v.values.values() for label in labels}
        answered = self.cells[scale.columns(fillers=False)].isin(readable).mean(axis=1)
        gone = {i for kind, children in self.apart.items() if kind != "outcome_missing" for i in children}
        return [int(i) for i in answered.index[answered < MIN_ANSWERED] if i not in gone]


def _label(v: Variable, code: str) -> str:
    return v.values[code][0] if v.values.get(code) else code


def _text(v: Variable, value: Any) -> str:
    """A value as the tool writes it."""
    if value is None or value != value or value is pd.NaT:
        return EMPTY
    if v.type == "multi":
        return "┋".join(_label(v, code) for code in str(value).split("|"))
    if v.type == "duration":
        return f"{value:.0f}秒"
    if isinstance(value, (int, float, np.number)):
        value = f"{value:g}"
    return _label(v, str(value))


def _wide(text: str) -> str:
    """The text in full-width letters and digits."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def _resurvey(town: Town, export: _Export, untidy: bool) -> tuple[pd.DataFrame, list[Flaw]]:
    """The re-survey as the tool exports it by option number, under its own numbering of the questions."""
    rng = stream(town.seed, "untidy resurvey")
    gone = [i for kind, rows in export.apart.items() if kind != "outcome_missing" for i in rows]
    frame = town.resurvey[~town.resurvey["id"].isin(town.survey.loc[gone, "id"])]
    frame = frame.sort_values("submitted", kind="stable", ignore_index=True)
    asked = [v for v in export.variables if v.variable == "id" or v.type == "item"]
    table = frame[[v.variable for v in asked if v.type == "item"]].fillna(NOT_ANSWERED).astype(int).astype(object)
    table.insert(0, "id", frame["id"])
    texts = {v.variable: export.column[v.variable].split("、", 1)[1] for v in asked}
    headers = {name: f"{k}、{text}" for k, (name, text) in enumerate(texts.items(), start=1)}
    flaws: list[Flaw] = []

    def spoil(kind: str, row: int, name: str, found: Any) -> None:
        flaws.append(_flaw(kind, RESURVEY, row + 2, headers[name], found, table.at[row, name]))
        table.at[row, name] = found

    if untidy:
        a, b, c, unknown, wide, high, higher, *twice = (int(i) for i in rng.choice(len(table), 9, replace=False))
        for row in (a, b, c):
            spoil("resurvey_id_missing", row, "id", str(NOT_ANSWERED))
        spoil("resurvey_id_unknown", unknown, "id", f"{table.at[unknown, 'id'][:2]}9{table.at[unknown, 'id'][3:]}")
        spoil("resurvey_id_full_width", wide, "id", _wide(table.at[wide, "id"]))
        spoil("resurvey_answer_out_of_range", high, "cls_14", 55)
        spoil("resurvey_answer_out_of_range", higher, "psss_04", 8)
        for k, row in enumerate(twice):
            flaws.append(_flaw("resurvey_duplicate_id", RESURVEY, len(table) + k + 2, "", table.at[row, "id"]))
        frame, table = (pd.concat([f, f.loc[twice]], ignore_index=True) for f in (frame, table))
    meta = pd.DataFrame({
        "序号": range(1, len(table) + 1), "提交答卷时间": frame["submitted"].dt.strftime("%Y/%m/%d %H:%M:%S"),
        "所用时间": [f"{s:.0f}秒" for s in frame["duration"]], "来源": "手机提交", "来源详情": "直接访问",
        "来自IP": [f"192.0.2.{k % 254 + 1}(湖北-未知)" for k in range(len(table))],
    })
    out = pd.concat([meta, table.rename(columns=headers)], axis=1)
    return out, flaws


def _measures(town: Town, untidy: bool) -> tuple[pd.DataFrame, list[Flaw]]:
    """Group measures with whole numbers; two answers to support items at later waves were not given."""
    frame, flaws = town.group_measures.reset_index(drop=True), []
    items = [c for c in frame if c not in ("member", "id", "wave")]
    frame[items] = frame[items].astype("Int64")
    if untidy:
        late = frame.index[~frame["wave"].isin(["T0", "T1"])]
        rows = stream(town.seed, "untidy measures").choice(late, 2, replace=False)
        for i, name in zip(rows, ("psss_05", "pssm_11"), strict=True):
            flaws.append(_flaw("measure_not_answered", MEASURES, int(i) + 2, name, "", int(frame.at[i, name])))
            frame.loc[i, name] = pd.NA
    return frame, flaws


def _csv(frame: pd.DataFrame) -> str:
    whole = {c: frame[c].astype("Int64") for c in frame if frame[c].dtype == float}
    return frame.assign(**whole).to_csv(index=False, lineterminator="\n")


def _write_workbook(path: Path, headers: list[str], rows: list[list[Any] | None]) -> None:
    """One sheet of texts (serial number and sum as numbers); the same rows give the same bytes."""
    import xlsxwriter

    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"created": CREATED, "comments": "Simulated data; no real child answered. 模拟数据。"})
        sheet = book.add_worksheet("Sheet1")
        for k, row in enumerate([headers, *rows]):
            for j, cell in enumerate(row or []):
                if isinstance(cell, (int, float)):
                    sheet.write_number(k, j, cell)
                else:
                    sheet.write_string(k, j, cell)
