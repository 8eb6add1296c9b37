"""One cell to one value: what a variable's type, codes and labels make of a text, or what is wrong with it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from lbc.results import Words
from lbc.survey.codebook import Variable
from lbc.survey.text import bare, chinese_number, plain_number, tidy

PROBLEMS: dict[str, Words] = {
    "value": {"en": "not one of the values", "zh": "不在选项之内"},
    "range": {"en": "out of range", "zh": "超出范围"},
    "number": {"en": "not a number", "zh": "不是数字"},
    "whole": {"en": "not a whole number", "zh": "不是整数"},
    "date": {"en": "not a date", "zh": "不是日期"},
    "serial": {"en": "a bare number where a date belongs", "zh": "应为日期却是数字"},
    "made_date": {"en": "a date where an answer belongs", "zh": "应为答案却是日期"},
    "duration": {"en": "not a duration", "zh": "不是时长"},
    "hours": {"en": "hours or minutes cannot be told apart", "zh": "无法区分小时与分钟"},
    "width": {"en": "full-width or invisible characters", "zh": "全角或不可见字符"},
    "unit": {"en": "words around the number", "zh": "数字带有文字"},
    "contradiction": {"en": "number and label disagree", "zh": "序号与选项文字不一致"},
    "write_in": {"en": "words written into an option", "zh": "选项内的填写文字"},
    "error": {"en": "an error value of Excel", "zh": "Excel错误值"},
    "formula": {"en": "formula without a stored value", "zh": "公式没有保存结果"},
    "long_number": {"en": "Excel kept only 15 digits", "zh": "Excel只保留了15位数字"},
    "user_missing": {"en": "missing code declared only in the file", "zh": "仅在数据文件中声明的缺失码"},
    "labels": {"en": "value labels differ from the codebook", "zh": "值标签与编码本不一致"},
    "missing_column": {"en": "column not found", "zh": "找不到该列"},
    "ambiguous": {"en": "several columns fit", "zh": "有多列符合"},
    "unknown": {"en": "column not in the codebook", "zh": "编码本中没有该列"},
    "tool": {"en": "column of the survey tool", "zh": "问卷工具自带列"},
    "unnamed": {"en": "column without a header", "zh": "没有表头的列"},
    "header": {"en": "header differs from the codebook", "zh": "表头与编码本不同"},
    "fields": {"en": "row with too many or too few fields", "zh": "该行字段数不符"},
    "blank_row": {"en": "empty row between forms", "zh": "问卷之间的空行"},
    "blank_rows": {"en": "many empty rows", "zh": "大量空行"},
    "merged": {"en": "merged cells", "zh": "合并单元格"},
    "hidden_row": {"en": "hidden row", "zh": "隐藏行"},
    "other_sheet": {"en": "another sheet", "zh": "其他工作表"},
    "more_rows": {"en": "more forms than expected", "zh": "问卷多于预期"},
}
WENJUANXING_MISSING = frozenset({"-2", "-3", "(空)", "(跳过)"})
EXCEL_ERROR = re.compile(r"#(N/A|REF!|DIV/0!|VALUE!|NAME\?|NULL!|NUM!|SPILL!|CALC!|GETTING_DATA)")
DATE = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?"
)
DURATION = re.compile(
    r"(?:(\d+)\s*(?:小时|时|h))?\s*(?:(\d+)\s*(?:分钟|分|min|m))?\s*(?:(\d+(?:\.\d+)?)\s*(?:秒钟|秒|sec|s)?)?"
)
NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
UNITS = "周岁|岁|年级|个月|月|年|次|人|个|天|小时|分钟|分|元|公里|里|years?|months?|times|grade"
WITH_UNIT = re.compile(
    rf"(?:小学|约|大约|grade\s*|about\s*)?(?P<number>{NUMBER.pattern}|[零一二两三四五六七八九十]+)\s*(?:{UNITS})?",
    re.IGNORECASE,
)
LETTERED = re.compile(r"[A-Za-z]\s*[、.:)]\s*(.+)")
PREFIX = re.compile(r"\(?(\d+)\)?\s*[-—、.:)=]\s*(.+)")


class Cell(NamedTuple):
    """A read cell: its value (None = missing), the key of its problem ("" = none) and what was done about it."""

    value: Any
    problem: str = ""
    done: str = ""


EMPTIED = "set to missing"


def reader(
    variable: Variable, *, wenjuanxing: bool = False, user_missing: frozenset[str] = frozenset()
) -> Callable[[str], Cell]:
    """The function that reads one cell of a variable.

    Parameters
    ----------
    variable : Variable
    wenjuanxing : bool
        Whether the file comes from 问卷星; then -2, -3, (空) and (跳过) are missing unless the codebook gives them a
        meaning.
    user_missing : frozenset of str
        Missing codes that the file itself declares.

    Returns
    -------
    callable
        Text of a cell to `Cell`. Texts stay text, choices become their code, numbers floats, dates Timestamps'
        ISO text, durations seconds, several choices codes joined by |.
    """
    declared = {tidy(code).casefold() for code in variable.missing}
    if wenjuanxing:
        declared |= WENJUANXING_MISSING - set(variable.values)
    parse = _parser(variable)

    def read(raw: str) -> Cell:
        text = plain_number(tidy(raw))
        if text == "" or text.casefold() in declared:
            return Cell(None)
        if variable.free_text:
            return Cell(raw.strip())
        if text in user_missing:
            return Cell(None, "user_missing", EMPTIED)
        if EXCEL_ERROR.fullmatch(text):
            return Cell(None, "error", EMPTIED)
        cell = parse(text)
        changed = plain_number(re.sub("[ \t\r\n]+", " ", raw).strip(" ")) != text
        if changed and not cell.problem and not _known(raw, variable):
            done = "read in plain characters" if variable.private else f"read as {text[:20]}"
            return Cell(cell.value, "width", done)
        return cell

    return read


def _known(raw: str, variable: Variable) -> bool:
    """Whether the untouched text is itself a label of the codebook (which may use full-width signs on purpose)."""
    return any(raw.strip() in labels for labels in variable.values.values())


def _parser(variable: Variable) -> Callable[[str], Cell]:
    if variable.type == "text":
        return Cell
    if variable.type == "id":
        return _identifier
    if variable.type in ("date", "datetime"):
        return _date
    if variable.type == "duration":
        return lambda text: _in_range(_duration(text), variable)
    choose = _chooser(variable)
    if variable.type == "choice":
        return choose
    if variable.type == "multi":
        return lambda text: _several(text, choose)
    if variable.type == "item":
        return lambda text: _item(text, variable, choose)
    return lambda text: _number(text, variable, choose)


def _identifier(text: str) -> Cell:
    if re.fullmatch(r"\d(\.\d+)?e\+?\d+", text, re.I) or re.fullmatch(r"\d{16,}\.0*", text):
        return Cell(text, "long_number", "kept, but its last digits are lost")
    return Cell(text)


def _chooser(variable: Variable) -> Callable[[str], Cell]:
    """Texts to codes: a code, a label, "3-label" forms, an option with words written into it."""
    codes = {tidy(code).casefold(): code for code in variable.values}
    labels: dict[str, str] = {}
    for code, names in variable.values.items():
        for name in names:
            labels.setdefault(tidy(name).casefold(), code)
    loose = {bare(name): code for name, code in labels.items() if bare(name)}

    def find(text: str) -> str | None:
        key = text.casefold()
        code = codes.get(key) or labels.get(key)
        return code or (loose.get(bare(text)) if not NUMBER.fullmatch(text) else None)

    def choose(text: str) -> Cell:
        code = find(text)
        if code is not None:
            return Cell(code)
        written = re.sub(r"〖.*〗$", "", text).strip()
        if written != text:
            code = find(written)
            return Cell(None, "value", EMPTIED) if code is None else Cell(code, "write_in", "the words are left out")
        if NUMBER.fullmatch(text) or DATE.fullmatch(text):
            return _dated(text) or Cell(None, "value", EMPTIED)
        lettered, prefixed = LETTERED.fullmatch(text), PREFIX.fullmatch(text)
        if lettered and find(lettered[1]):
            return Cell(find(lettered[1]))
        if prefixed and prefixed[1] in codes:
            code, named = codes[prefixed[1]], find(prefixed[2])
            if named == code or (named is None and not variable.values[code]):
                return Cell(code)
            return Cell(None, "contradiction", EMPTIED)
        return Cell(None, "value", EMPTIED)

    return choose


def _several(text: str, choose: Callable[[str], Cell]) -> Cell:
    separators = next((mark for mark in "┋→|" if mark in text), ";,、")
    cells = [choose(part.strip()) for part in re.split(f"[{separators}]", text) if part.strip()]
    wrong = next((cell for cell in cells if cell.value is None), None)
    if wrong is not None:
        return wrong
    note = next((cell for cell in cells if cell.problem), Cell(None))
    return Cell("|".join(dict.fromkeys(cell.value for cell in cells)), note.problem, note.done)


def _item(text: str, variable: Variable, choose: Callable[[str], Cell]) -> Cell:
    if not variable.values:
        cell = _number(text, variable, None)
        whole = cell.value is None or float(cell.value).is_integer()
        return cell if whole else Cell(None, "whole", EMPTIED)
    cell = choose(text)
    if cell.value is not None:
        return Cell(float(cell.value), cell.problem, cell.done)
    if not NUMBER.fullmatch(text):
        return cell
    codes = [int(code) for code in variable.values]
    answer, ends_only = float(text), len(codes) < max(codes) - min(codes) + 1  # labels at the two ends only
    if min(codes) <= answer <= max(codes):
        return Cell(answer) if ends_only and answer.is_integer() else Cell(None, "whole", EMPTIED)
    return Cell(None, "range", EMPTIED)


def _number(text: str, variable: Variable, choose: Callable[[str], Cell] | None) -> Cell:
    if choose is not None and variable.values:
        cell = choose(text)
        if cell.value is not None and NUMBER.fullmatch(cell.value):
            return Cell(float(cell.value), cell.problem, cell.done)
    if NUMBER.fullmatch(text):
        return _in_range(Cell(float(text)), variable)
    match = WITH_UNIT.fullmatch(text)
    value = None if match is None else chinese_number(match["number"])
    if match is not None and (value is not None or NUMBER.fullmatch(match["number"])):
        value = float(match["number"]) if value is None else float(value)
        return _in_range(Cell(value, "unit", f"read as {value:g}"), variable)
    return _dated(text) or Cell(None, "number", EMPTIED)


def _dated(text: str) -> Cell | None:
    return Cell(None, "made_date", EMPTIED) if DATE.fullmatch(text) else None


def _in_range(cell: Cell, variable: Variable) -> Cell:
    if cell.value is None:
        return cell
    low, high = variable.low, variable.high
    finite = abs(cell.value) < float("inf")
    if not finite or (low is not None and cell.value < low) or (high is not None and cell.value > high):
        return Cell(None, "range", EMPTIED)
    return cell


def _date(text: str) -> Cell:
    match = DATE.fullmatch(text)
    if match is None:
        return Cell(None, "serial" if NUMBER.fullmatch(text) else "date", EMPTIED)
    try:
        found = dt.datetime(*(int(part or 0) for part in match.groups()))
    except ValueError:
        return Cell(None, "date", EMPTIED)
    return Cell(found.isoformat())


def _duration(text: str) -> Cell:
    if re.fullmatch(r"\d{1,3}:\d{2}", text):
        minutes, seconds = text.split(":")
        return Cell(60.0 * int(minutes) + int(seconds))
    if re.fullmatch(r"\d{1,2}:\d{2}:\d{2}", text):
        hours, minutes, seconds = (int(part) for part in text.split(":"))
        if hours and not seconds:  # Excel makes 02:03:00 of the text 2:03, two minutes and three seconds
            return Cell(None, "hours", EMPTIED)
        return Cell(3600.0 * hours + 60 * minutes + seconds)
    match = DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return Cell(None, "duration", EMPTIED)
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return Cell(3600 * hours + 60 * minutes + seconds)
