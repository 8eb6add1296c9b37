"""The few pieces of Word's XML that a chapter is put together from: runs of text, fields, bookmarks.

Text is only ever added as text of a run: no markup, no field code and no template is read from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from docx.oxml import OxmlElement
from docx.oxml.ns import qn

from lbc.reporting import wording

FORBIDDEN = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold."""
CHINESE_MARKS = re.compile("([“”‘’…—]+)")
"""Marks that both scripts use; between Chinese characters they take the Chinese font."""
CHINESE = re.compile("[\u3400-\u9fff\u3000-\u303f\uff00-\uffef]")
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


def run(text: str, *, bold: bool = False, italic: bool = False, raised: bool = False, size: float | None = None,
        chinese: bool = False) -> Any:
    """One run of text; `size` in points, `chinese` for marks that are to take the Chinese font."""
    look = make("w:rPr")
    if chinese:
        look.append(make("w:rFonts", hint="eastAsia"))
    look.extend(make(f"w:{tag}") for tag, on in (("b", bold), ("i", italic)) if on)
    if size is not None:
        look.extend(make(f"w:{tag}", val=round(2 * size)) for tag in ("sz", "szCs"))
    if raised:
        look.append(make("w:vertAlign", val="superscript"))
    element = make("w:r", *([look] if len(look) else []))
    for i, line in enumerate(text.split("\n")):
        if i:
            element.append(make("w:br"))
        if line:
            held = make("w:t")
            held.text = line.replace("\t", " ")
            held.set(SPACE, "preserve")
            element.append(held)
    return element


def runs(text: str, **look: Any) -> Iterator[Any]:
    """The runs of a text: letters of statistics in italics, stars raised, Chinese marks in Chinese type."""
    text = clean(text)
    around = bool(CHINESE.search(text))
    for stretch in wording.runs(text):
        for i, piece in enumerate(CHINESE_MARKS.split(stretch.text) if around else [stretch.text]):
            if piece:
                yield run(piece, italic=stretch.italic, raised=stretch.superscript, chinese=i % 2 == 1, **look)


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
