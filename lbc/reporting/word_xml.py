"""The few pieces of Word's XML that a chapter is put together from: runs of text, fields, bookmarks.

Text is only ever added as text of a run: no markup, no field code and no template is read from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from docx.oxml import OxmlElement
from docx.oxml.ns import qn

from lbc.reporting import italics
from lbc.reporting.italics import Look

FORBIDDEN = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold."""
CHINESE_MARKS = re.compile("([“”‘’…—]+)")
"""Marks that both scripts use; between Chinese characters they take the Chinese font."""
CHINESE = re.compile("[\u3400-\u9fff\u3000-\u303f\uff00-\uffef]")
SHIFTED = {"raised": "superscript", "lowered": "subscript"}
SPACE = "{http://www.w3.org/XML/1998/namespace}space"


def make(tag: str, *children: Any, **attributes: Any) -> Any:
    """An element of WordprocessingML with its attributes and children, e.g. `make("w:sz", val=21)`."""
    element = OxmlElement(tag)
    for name, value in attributes.items():
        element.set(qn(f"w:{name}"), str(value))
    element.extend(children)
    return element


def clean(text: str) -> str:
    """Text that XML can hold: control characters removed, line breaks as `\\n`.

    >>> clean("a\\x00b\\r\\nc\\x0b")
    'ab\\nc'
    """
    return FORBIDDEN.sub("", text.replace("\r\n", "\n"))


def run(text: str, *, bold: bool = False, look: Look = "", size: float | None = None, chinese: bool = False) -> Any:
    """One run of text; `size` in points, `chinese` for marks that are to take the Chinese font."""
    looks = make("w:rPr")
    if chinese:
        looks.append(make("w:rFonts", hint="eastAsia"))
    chosen = ("b", bold), ("i", look == "italic"), ("vanish", look == "hidden")
    looks.extend(make(f"w:{tag}") for tag, on in chosen if on)
    if size is not None:
        looks.extend(make(f"w:{tag}", val=round(2 * size)) for tag in ("sz", "szCs"))
    if look in SHIFTED:
        looks.append(make("w:vertAlign", val=SHIFTED[look]))
    element = make("w:r", *([looks] if len(looks) else []))
    for i, line in enumerate(text.split("\n")):
        if i:
            element.append(make("w:br"))
        if line:
            held = make("w:t")
            held.text = line.replace("\t", " ")
            held.set(SPACE, "preserve")
            element.append(held)
    return element


def runs(text: str, **more: Any) -> Iterator[Any]:
    """The runs of a text: each set as `italics.runs` says, Chinese marks in Chinese type."""
    text = clean(text)
    around = bool(CHINESE.search(text))
    for stretch in italics.runs(text):
        for i, piece in enumerate(CHINESE_MARKS.split(stretch.text) if around else [stretch.text]):
            if piece:
                yield run(piece, look=stretch.look, chinese=i % 2 == 1, **more)


def field(code: str, shown: list[Any], *, dirty: bool = False) -> list[Any]:
    """A field that Word computes anew, with what stands there until then.

    Parameters
    ----------
    code : str
        E.g. `SEQ Table \\* ARABIC`.
    shown : list of runs
    dirty : bool
        Word computes it when the document is opened.
    """
    instruction = make("w:instrText")
    instruction.text = f" {code} "
    instruction.set(SPACE, "preserve")
    begin = make("w:fldChar", fldCharType="begin", **({"dirty": "true"} if dirty else {}))
    ends = [make("w:r", make("w:fldChar", fldCharType=kind)) for kind in ("separate", "end")]
    return [make("w:r", begin), make("w:r", instruction), ends[0], *shown, ends[1]]


def bookmarked(name: str, number: int, inside: list[Any]) -> list[Any]:
    """Elements between the two ends of a bookmark."""
    return [make("w:bookmarkStart", id=number, name=name), *inside, make("w:bookmarkEnd", id=number)]


def paragraph(style: str, inside: list[Any]) -> Any:
    """A paragraph in a style, given by its id."""
    return make("w:p", make("w:pPr", make("w:pStyle", val=style)), *inside)
