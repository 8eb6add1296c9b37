"""Lines of a first codebook, from what was guessed about the columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from lbc.instruments import Instrument
from lbc.survey.codebook import COLUMNS, MEANINGS
from lbc.survey.guess import FEW, LEFT_BEHIND, Column, level_of, meanings
from lbc.survey.table import letter
from lbc.survey.text import bare, chinese_number, is_chinese, tidy
from lbc.survey.values import DATE, NUMBER, PREFIX, WITH_UNIT

MIDDLE = re.compile(
    r"sometimes|moderate|neutral|neither|in between|more or less|so-so|有时|一般|不确定|中立|中等|差不多"
)
DEGREES = (
    (2, r"hardly|rarely|seldom|not much|很少|几乎不"),
    (1, r"slightly|a little|somewhat|rather|quite|比较|稍|有点|有一点|不太|偶尔"),
    (4, r"not at all|never|always|completely|extremely|very strongly|every day|"
        r"完全|极|从不|从来|绝|总是|一直|每天|几乎没有"),
    (3, r"very|strongly|most|非常|很|十分"),
)
LITTLE = re.compile(
    r"no\b|not|never|hardly|rarely|seldom|disagree|untrue|un\w|bad|poor|weak|little|slightly|"
    r"不|没|无|少|差|困难|绝非|偶尔|有一?点"
)


def line(
    column: Column, answers: Mapping[str, Counter[str]], outcome: Instrument, known: Mapping[str, Instrument],
    waves: Sequence[str],
) -> dict[str, str]:
    """One line of the codebook.

    Parameters
    ----------
    column : Column
    answers : mapping
        All answers to the items of each scale: one item may lack an answer that the others have.
    outcome : Instrument
    known : mapping
        The instruments by id.
    waves : sequence of str
        The baseline first.
    """
    asked = column.title or column.header
    line = dict.fromkeys(COLUMNS, "")
    line |= {"variable": _variable(column), "column": column.header or f"(column {letter(column.place)})"}
    line["question_zh" if is_chinese(asked) else "question_en"] = re.sub(r"\s+", " ", asked)
    if column.left_out:
        return line | {"type": "ignore", "identifies": "direct" if "who" in column.left_out else "no"}
    if column.item:
        scale, n, wave = column.item
        instrument = known[scale]
        item = next(i for i in instrument.items if i.n == n)
        suffix = "" if not wave or wave == waves[0] else wave
        values, missing = _answers(column, answers[scale], instrument)
        role, level = ("outcome", "") if scale == outcome.id else ("predictor", _level_of(instrument))
        if item.filler or (is_lonely(instrument) and scale != outcome.id):  # loneliness does not explain loneliness
            role, level = "", ""
        return line | {
            "variable": instrument.column(n, suffix), "question_en": item.en, "question_zh": item.zh, "type": "item",
            "values": values, "missing": "|".join(missing), "scale": scale, "item": str(n),
            "wave": wave, "role": role, "level": level, "identifies": "no",
        }
    return line | _plain(column)


def is_lonely(instrument: Instrument) -> bool:
    """Whether the instrument says that it measures loneliness."""
    texts = f"{instrument.measures['en']} {instrument.measures['zh']} {instrument.name['en']}"
    return re.search(r"lonel|孤独", texts, re.IGNORECASE) is not None


def _level_of(instrument: Instrument) -> str:
    return level_of([instrument.measures["en"], instrument.name["en"]]) or "individual"


def _plain(column: Column) -> dict[str, str]:
    """Type, values, role and level of a column that is no item."""
    role, cells = column.role, column.cells
    line = {"role": role, "identifies": "no"}
    missing = sorted(set(cells) - column.codes, key=float) if column.codes else []
    line["missing"] = "|".join(missing)
    if role == "id":
        return line | {"type": "id", "identifies": "quasi", "missing": ""}
    if role in ("submitted", "duration"):
        return line | {"type": "datetime" if role == "submitted" else "duration"}
    if role in ("sex", "father_away", "mother_away", "guardian_fit", "consent_guardian", "assent_child") or (
        LEFT_BEHIND.search(f"{column.header} {column.title}") and len(meanings(column, "yes", "no")) == 2
    ):
        pair = ("girl", "boy") if role == "sex" else ("yes", "no")
        line["identifies"] = "quasi" if role == "sex" else "no"
        return line | {"type": "choice", "values": _choices(column, pair)}
    if role in ("age", "birth_year", "birth_month", "father_months", "mother_months"):
        personal = role in ("age", "birth_year", "birth_month")
        return line | {"type": "number", "values": _span(column), "identifies": "quasi" if personal else "no"}
    if role == "grade":
        return line | {"type": "choice", "values": _grades(column), "identifies": "quasi"}
    if role in ("school", "class", "guardian"):
        return line | {"type": "text" if len(cells) > FEW else "choice", "identifies": "quasi",
                       "values": "" if len(cells) > FEW else _choices(column)}
    return line | _unknown(column)


def _unknown(column: Column) -> dict[str, str]:
    """A column without a role: a predictor where words tell its level and all were asked, else kept but not used."""
    cells = column.cells
    level = "" if column.for_some else level_of([column.header, column.title])
    used = {"role": "predictor", "level": level} if level else {}
    if cells and all(DATE.fullmatch(text) for text in cells):
        return {"type": "date"}
    if any("┋" in text for text in cells):
        options = sorted({part for text in cells for part in text.split("┋")})
        return {"type": "multi", "values": _number_off(options)} if len(options) <= 30 else {"type": "ignore"}
    if column.numeric and len(column.codes) <= FEW and any(column.labels.get(code) for code in column.codes):
        return {"type": "choice", "values": _choices(column)} | used
    if column.numbers:
        return {"type": "number", "values": _span(column)} | used
    if column.options and len(meanings(column, "yes", "no")) == 2 == len(column.codes):
        return {"type": "choice", "values": _choices(column)} | used
    if column.options:
        steps = sorted(column.common, key=degree)
        if len(steps) > 2 and len({degree(step) for step in steps}) == len(steps):  # little to much: a number
            return {"type": "number", "values": write({str(k): s for k, s in enumerate(steps, start=1)})} | used
        return {"type": "choice", "values": _choices(column)}
    return {"type": "text", "role": "free_text", "identifies": "direct"} if cells else {"type": "ignore"}


def _grades(column: Column) -> str:
    """The number of each grade, with all ways in which the file writes it."""
    found: dict[str, list[str]] = {}
    for text in sorted(column.codes):
        match = WITH_UNIT.fullmatch(text)
        number = match["number"] if match else (re.search(r"\d+", text) or [""])[0]
        code = number if NUMBER.fullmatch(number) else str(chinese_number(number) or "")
        if code:
            found.setdefault(code, []).append(text)
    texts = {code: [text for text in names if text != code] for code, names in sorted(found.items())}
    return ";".join("=".join([code, "|".join(names)]) if names else code for code, names in texts.items())


def _answers(column: Column, given: Counter[str], instrument: Instrument) -> tuple[str, list[str]]:
    """`values` of an item and its missing codes: labels of the file where it has them, else bare numbers."""
    missing = sorted(set(column.cells) - column.codes)
    if column.labels:
        kept = {code: label for code, label in column.labels.items() if code not in missing}
        return write(kept), missing
    if column.numeric:
        return ";".join(str(code) for code in range(instrument.min, instrument.max + 1)), missing
    given = Column(0, "", "", given).common
    prefixed = {m[1]: m[2] for text in sorted(given) if (m := PREFIX.fullmatch(text))}
    if prefixed:
        return write(dict(sorted(prefixed.items(), key=lambda pair: int(pair[0])))), missing
    return write(order_answers(sorted(given), instrument)), missing


def order_answers(labels: Sequence[str], instrument: Instrument) -> dict[str, str]:
    """Codes for labels without numbers, ascending in agreement: the instrument's anchors, else by their words."""
    for anchors in instrument.anchors.values():
        if {bare(label) for label in labels} <= {bare(anchor) for anchor in anchors}:
            return {str(instrument.min + k): anchor for k, anchor in enumerate(anchors)}

    ordered = sorted(labels, key=degree)
    return {str(instrument.min + k): label for k, label in enumerate(ordered)}


def degree(label: str) -> int:
    """How much agreement (or how often, or how good) a label says: -4 to 4.

    Examples
    --------
    >>> [degree(label) for label in ("never", "hardly ever", "sometimes", "often", "always")]
    [-4, -2, 0, 2, 4]
    """
    text = tidy(label).casefold()
    if MIDDLE.search(text):
        return 0
    size = next((size for size, words in DEGREES if re.search(words, text)), 2)
    return -size if LITTLE.search(text) else size


def _choices(column: Column, pair: tuple[str, str] | None = None) -> str:
    """Codes with labels: those of the file, else the answers numbered; the meaning added where a role needs it."""
    if not column.numeric:
        return _number_off(sorted(column.codes))
    codes = {code: column.labels.get(code, "") for code in sorted(column.codes, key=float)}
    told = {code: meaning for meaning, code in (meanings(column, *pair) if pair else {}).items()}
    more = {code: told[code] for code in told if bare(codes[code]) not in MEANINGS[told[code]]}
    return write(codes, more)


def _number_off(options: Sequence[str]) -> str:
    """Codes for answers in words; numbers that stand among the words keep out: nobody knows what they mean."""
    words = {text.casefold(): text for text in options if not NUMBER.fullmatch(text)}
    free = (str(k) for k in range(1, 1000) if str(k) not in options)
    return write(dict(zip(free, words.values(), strict=False)))


def write(codes: Mapping[str, str], more: Mapping[str, str] | None = None) -> str:
    """`code=label;...`, with signs inside labels that would break it replaced; `more` adds a second label."""
    texts = {code: re.sub("[;；=＝|｜]", "/", label) for code, label in codes.items()}
    second = {code: f"|{label}" for code, label in (more or {}).items()}
    return ";".join(f"{c}={text}{second.get(c, '')}" if text or c in second else c for c, text in texts.items())


def _span(column: Column) -> str:
    numbers = column.numbers
    return f"{min(numbers):g}..{max(numbers):g}" if numbers and min(numbers) < max(numbers) else ""


def _variable(column: Column) -> str:
    """A name for the variable: its role, its header in small letters, or its place."""
    if column.role:
        return column.role
    if LEFT_BEHIND.search(f"{column.header} {column.title}") and len(meanings(column, "yes", "no")) == 2:
        return "left_behind"
    name = re.sub(r"[^a-z0-9]+", "_", tidy(column.header).casefold()).strip("_")
    usable = re.match(r"[a-z]", name) and not is_chinese(column.header)
    return name if usable else f"column_{letter(column.place).lower()}"


def unique_names(rows: list[dict[str, str]]) -> None:
    taken = {row["variable"] for row in rows if row["type"] == "item"}
    for row in (r for r in rows if r["type"] != "item"):
        name, k = row["variable"], 2
        while name in taken:
            name, k = f"{row['variable']}_{k}", k + 1
        row["variable"] = name
        taken.add(name)
