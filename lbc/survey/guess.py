"""Guesses about a survey file that nobody has described yet: what each column holds, and what its role may be."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from lbc.survey.codebook import MEANINGS
from lbc.survey.table import Table
from lbc.survey.text import bare, chinese_number, is_chinese, plain_number, question, tidy
from lbc.survey.values import DATE, DURATION, NUMBER, WENJUANXING_MISSING, WITH_UNIT

FEW = 12
FOR_ALL = 0.7  # share of the forms from which on a question counts as asked of everybody
USUAL_MISSING = {"9", "99", "999", "-1", "-9", "-99", "-999", "88", "98", "-8"}
FATHER, MOTHER = r"father|dad|paternal|父亲|爸|(?<!母)父(?!母)", r"mother|mum|mom|maternal|母亲|妈|(?<!父)母(?!亲节)"
AWAY = r"away|migrat|absent|left home|working out|out ?of ?town|外出|打工|在外|外地|不在家|务工"
LONG = r"month|how long|duration|多久|多长|几个月|多少个月|月数|时间"
ROLE_WORDS: tuple[tuple[str, str], ...] = (
    ("submitted", r"提交.*时间|填写日期|submitted|submission|completed ?at|finish|end ?date|recorded ?date|^date$"),
    ("duration", r"所用时间|用时|duration|time ?used|seconds|elapsed"),
    ("consent_guardian", r"(监护人|家长).*(同意|知情)|(guardian|parent).*consent|^consent$"),
    ("assent_child", r"assent|(你|儿童|学生).*(愿意|同意).*(参加|回答|填写)"),
    ("guardian_fit", r"(监护|照顾|照看).*(能力|能否)|能否.*(监护|照顾|照看)|guardian.*(fit|able)|"
                     r"look after the child"),
    ("father_months", rf"(?:{FATHER}).*(?:{LONG})"),
    ("mother_months", rf"(?:{MOTHER}).*(?:{LONG})"),
    ("father_away", rf"(?:{FATHER}).*(?:{AWAY})"),
    ("mother_away", rf"(?:{MOTHER}).*(?:{AWAY})"),
    ("sex", r"^(your )?(sex|gender)$|性别"),
    ("birth_year", r"birth ?year|year ?of ?(your )?birth|出生年"),
    ("birth_month", r"birth ?month|month ?of ?(your )?birth|出生月"),
    ("age", r"^(your )?age\b|^age_?|年龄|几岁|周岁"),
    ("grade", r"^(your )?(grade|school year)\b|年级"),
    ("class", r"^(your )?class(room)?$|^class ?(code|id|number)|班级|哪个班"),
    ("school", r"^(your )?school( ?(name|id|code|number))?$|你的学校|^学校(名称|代码)?$|哪所学校"),
    ("guardian", r"^guardian$|main (carer|caregiver)|who (mainly )?looks after|谁.*(照顾|照看)|监护人是谁"),
    ("id", r"^(student|pupil|child|respondent|participant|subject|case|person|response)?[ _.-]?(id|code|no|number)$"
           r"|^pid$|编号|学号"),
)
LEFT_BEHIND = re.compile(r"留守|left.?behind|\blbc\b", re.IGNORECASE)
DIRECT = re.compile(  # in a short header; a long question may speak of a telephone without asking for its number
    r"姓名|名字|电话|手机|身份证|微信|住址|地址|\bqq\b|\bip\b|来自ip|来源详情|昵称|"
    r"^((first|last|full|sur|child|student|pupil|your|parent)\S*)? ?name$|phone|mobile|e-?mail|address|wechat|"
    r"passport",
    re.IGNORECASE,
)
LEVEL_WORDS: tuple[tuple[str, str], ...] = (
    ("society", r"discriminat|stigma|look.* down|hukou|policy|subsidy|media|歧视|看不起|议论|户口|政策|低保|补助"),
    ("family", r"famil|parent|father|mother|guardian|home|sibling|only.?child|econom|income|visit|"
               r"家庭|家里|你家|父|母|爸|妈|监护|独生|经济"),
    ("school_community", r"school|teacher|class|peer|friend|bull|communit|village|neighbo|board|support|belong|"
                         r"学校|老师|班|同学|朋友|欺负|社区|村|住校|寄宿|支持|归属"),
    ("individual", r"self|esteem|shy|anxi|depress|stress|health|mood|affect|sleep|resilien|"
                   r"自尊|害羞|焦虑|抑郁|健康|情绪|性格"),
)
WRITTEN_IN = re.compile(r"〖[^〗]*〗")
FILL_IN = re.compile(r"填空题")
OPEN_QUESTION = re.compile(r"comment|suggest|anything else|意见|建议|告诉我们|想说", re.IGNORECASE)
NUMBERED = re.compile(r"^\s*(?:第?\s*\d+\s*题?|q\d+)\s*[、.:)]\s*")
CLOCK = re.compile(rf"\d{{1,3}}:\d{{2}}(:\d{{2}})?|(?=\d)(?:{DURATION.pattern})")


@dataclass
class Column:
    """A column of the file, what its cells look like, and what it was taken for."""

    place: int
    header: str
    title: str
    cells: Counter[str]
    """Different answers, without empty cells and without the survey tool's missing codes."""
    labels: dict[str, str] = field(default_factory=dict)
    role: str = ""
    item: tuple[str, int, str] | None = None
    """scale, item number, wave."""
    left_out: str = ""
    forms: int = 0

    @property
    def free(self) -> bool:
        return self.item is None and not self.role and not self.left_out

    @property
    def for_some(self) -> bool:
        """Whether so few answered that only some were asked: as a predictor it would cost all the others."""
        return 0 < sum(self.cells.values()) < FOR_ALL * self.forms

    @property
    def asked(self) -> list[str]:
        """The texts that say what is asked: header and variable label, without numbering."""
        return [text for text in (question(self.header), question(self.title)) if text]

    @property
    def numeric(self) -> bool:
        return bool(self.cells) and all(NUMBER.fullmatch(text) for text in self.cells)

    @property
    def codes(self) -> set[str]:
        """The answers without the usual missing codes, where these lie apart from the others."""
        usual = {c for c in self.cells if c in USUAL_MISSING}
        rest = [float(c) for c in self.cells if c not in usual and NUMBER.fullmatch(c)]
        if not rest or len(rest) + len(usual) < len(self.cells):  # words among them: no numeric codes
            return set(self.cells)
        return set(self.cells) - {c for c in usual if float(c) > max(rest) + 1 or float(c) < min(0, *rest)}

    @property
    def common(self) -> set[str]:
        """The answers without such as hardly anybody gave, which may be slips of the pen."""
        rare = 0.01 * sum(self.cells.values())
        return {code for code in self.codes if self.cells[code] > rare} or self.codes

    @property
    def likert(self) -> bool:
        """Whether the cells look like answers to an item: few whole numbers, or few short labels."""
        if not 2 <= len(self.common) <= 8 or FILL_IN.search(self.header):
            return False
        digits = all(re.fullmatch(r"-?\d", code) for code in self.common)
        return digits if self.numeric else max(map(len, self.common)) <= 24

    @property
    def numbers(self) -> list[float]:
        """The answers as numbers, units left out, if nearly all are numbers; else an empty list."""
        read = {text: match["number"] for text in self.codes if (match := WITH_UNIT.fullmatch(text))}
        known = sum(self.cells[text] for text in read)
        if known < 0.8 * sum(self.cells[text] for text in self.codes):
            return []
        return [float(n) if NUMBER.fullmatch(n) else float(chinese_number(n) or 0) for n in read.values()]

    @property
    def options(self) -> bool:
        """Whether the cells look like answers to a closed question: few, each given by several children."""
        if FILL_IN.search(self.header) or OPEN_QUESTION.search(f"{self.header} {self.title}"):
            return False
        several = sum(count > 1 for count in self.cells.values())
        return 1 < len(self.cells) <= FEW and max(map(len, self.cells)) <= 40 and several > len(self.cells) / 2

    @property
    def personal(self) -> bool:
        """Whether its header asks for what tells who a child is."""
        texts = [tidy(text).replace("_", " ") for text in (self.header, self.title)]
        return any(DIRECT.search(text) and len(question(text)) <= (12 if is_chinese(text) else 24) for text in texts)


def columns_of(table: Table) -> list[Column]:
    """The columns of a table with their different answers."""
    tool = {"提交答卷时间", "所用时间"} <= {question(header) for header in table.headers}
    empty = {"", "(空)", "(跳过)"} | (WENJUANXING_MISSING if tool else set())
    titles = table.titles or [""] * len(table.headers)
    found = []
    for place, (header, title) in enumerate(zip(table.headers, titles, strict=True)):
        texts = (WRITTEN_IN.sub("", plain_number(tidy(row[place]))) for row in table.rows)
        cells = Counter(text for text in texts if text not in empty)
        for code in table.user_missing.get(header, ()):
            cells.pop(code, None)
        found.append(Column(place, header, title, cells, table.labels.get(header, {}), forms=table.total))
    return found


def guess_roles(columns: Sequence[Column]) -> None:
    """Give each role to the first column whose header speaks of it and whose cells can hold it."""
    for role, words in ROLE_WORDS:
        for column in columns:
            texts = [tidy(text).casefold().replace("_", " ") for text in (column.header, column.title) if text]
            named = any(re.search(words, NUMBERED.sub("", text)) for text in texts)
            if column.free and named and _can_be(role, column):
                column.role = role
                break



def _can_be(role: str, column: Column) -> bool:
    """Whether the cells are such as the role needs."""
    cells = column.cells
    if not cells:
        return False
    if role == "id":
        return max(cells.values()) <= max(2, sum(cells.values()) // 20)
    if role in ("submitted", "duration"):
        pattern = DATE if role == "submitted" else CLOCK
        return all(pattern.fullmatch(text) for text in cells)
    if role == "sex":
        return len(meanings(column, "girl", "boy")) == 2
    if role in ("father_away", "mother_away", "guardian_fit", "consent_guardian", "assent_child"):
        return len(meanings(column, "yes", "no")) == 2
    if role in ("age", "birth_year", "birth_month", "father_months", "mother_months"):
        numbers = [float(m[0]) for text in cells if (m := re.match(r"\d+(?:\.\d+)?", text))]
        span = {"age": (4, 100), "birth_year": (1900, 2100), "birth_month": (1, 12)}.get(role, (0, 240))
        return len(numbers) >= 0.8 * len(cells) and span[0] <= median(numbers) <= span[1]
    if role == "grade":
        named = (WITH_UNIT.fullmatch(text) or "grade" in text.casefold() or "年级" in text for text in cells)
        return len(cells) <= FEW and all(named)
    return len(cells) <= max(FEW, sum(cells.values()) // 3)



def meanings(column: Column, *pair: str) -> dict[str, str]:
    """Meaning ("girl", "boy", "yes", "no") to the answer that has it, read from answers and value labels."""
    found = {}
    for text in column.cells:
        for name in pair:
            if bare(text) in MEANINGS[name] or bare(column.labels.get(text, "")) in MEANINGS[name]:
                found[name] = text
    return found


def level_of(texts: Iterable[str]) -> str:
    """The ecological level that words of a question speak of, or ""."""
    text = " ".join(texts).casefold()
    return next((level for level, words in LEVEL_WORDS if re.search(words, text)), "")
