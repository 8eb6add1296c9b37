"""Texts as forms and survey tools write them, brought to one form before they are compared."""

from __future__ import annotations

import re
import unicodedata

from lbc.errors import UNSEEN

QUESTION_TYPE = re.compile(r"[\[(【]\s*[^\[\](【】)]*题\s*[\])】]")
NUMBERING = re.compile(r"^\s*(?:第\s*\d+\s*题|[Qq]\d+|\d+)\s*[、.．:：)）]\s*")
CHINESE_DIGITS = {"零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
HAN = re.compile(r"[\u3400-\u9fff]")


def tidy(text: str) -> str:
    """The text in half-width characters, without invisible ones, with single spaces.

    Examples
    --------
    >>> tidy("１２\\u00a0 岁\\u200b")
    '12 岁'
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = " ".join(text.split())
    return text if text.isprintable() else " ".join(UNSEEN.sub("", text).split())


def seen(text: str) -> str:
    """The text as it stands, without characters that nobody sees.

    Examples
    --------
    >>> seen("= １２\\x1b\\u202e\\n")
    '= １２\\n'
    """
    return UNSEEN.sub("", text)


def bare(text: str) -> str:
    """Letters and digits only, in lower case: what two spellings of one label have in common.

    Examples
    --------
    >>> bare("Always  true!") == bare("always-true")
    True
    """
    return re.sub(r"[\W_]+", "", tidy(text).casefold())


def question(header: str) -> str:
    """A header without numbering, question type and the star of a compulsory question.

    Examples
    --------
    >>> question("3、您的性别：*[单选题]")
    '您的性别'
    """
    text = QUESTION_TYPE.sub("", tidy(header)).replace("*", " ")
    return bare(NUMBERING.sub("", text))


def number_key(header: str) -> str:
    """The question number that a header begins with: "4-1" for the first row of matrix question 4; else "".

    `4、题干—(1)`, `第4题(1)`, `Q4_1` and `4-1` are the same place on the form.

    Examples
    --------
    >>> [number_key(h) for h in ("4、题干—(1)", "第4题(1)", "Q4_1", "age")]
    ['4-1', '4-1', '4-1', '']
    """
    text = tidy(header)
    start = re.match(r"(?:第\s*(\d+)\s*题|[Qq](\d+)(?![a-zA-Z])|(\d+)(?=\s*(?:[、.:)\-_—]|$)))", text)
    if start is None:
        return ""
    number = next(part for part in start.groups() if part)
    rest = text[start.end():]
    row = re.search(r"(?:^|[—\-])\s*\(?(\d+)\)?\s*$|^\s*[_(]\s*(\d+)\s*\)?\s*$", rest)
    return number if row is None else f"{number}-{row[1] or row[2]}"


def is_number_key(text: str) -> bool:
    """Whether a codebook names a column by nothing but its question number (`Q4_1`, `第4题(1)`, `4-1`)."""
    return re.fullmatch(r"(?:第\s*\d+\s*题|[Qq]?\d+)\s*(?:[_(\-—]+\s*\d+\s*\)?)?", tidy(text)) is not None


def chinese_number(text: str) -> int | None:
    """The whole number written in Chinese digits, up to 99; None where it is something else.

    Examples
    --------
    >>> [chinese_number(t) for t in ("三", "十二", "二十", "甲")]
    [3, 12, 20, None]
    """
    if text in CHINESE_DIGITS:
        return CHINESE_DIGITS[text]
    tens, ten, ones = text.partition("十")
    if not ten or (tens and tens not in CHINESE_DIGITS) or (ones and ones not in CHINESE_DIGITS):
        return None
    return 10 * CHINESE_DIGITS.get(tens, 1) + CHINESE_DIGITS.get(ones, 0)


def plain_number(text: str) -> str:
    """A whole number without its decimal point ("3.0" is "3"); every other text as it is."""
    return re.sub(r"^([-+]?\d+)\.0+$", r"\1", text)


def is_chinese(text: str) -> bool:
    return HAN.search(text) is not None
