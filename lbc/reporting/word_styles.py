"""The named styles of the Word chapter, and how they meet a university's template.

Every paragraph has a style by name and no look of its own, so changing the style in Word, or giving a template that
has styles of these names, changes the whole chapter. A style that the template has is left as it is.
"""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml.ns import qn
from docx.shared import Cm

from lbc.errors import UserError
from lbc.reporting.word_xml import make

LATIN, SONG, HEI = "Times New Roman", "宋体", "黑体"
LANGUAGE = {"en": "en-GB", "zh": "en-US"}
"""Language of the Latin text; Chinese characters are Simplified Chinese in both documents."""
DOCUMENT = b"wordprocessingml.document.main+xml"
"""What the list of a package's parts calls the text of a Word document."""
SETTINGS_AFTER = ("hdrShapeDefaults", "footnotePr", "endnotePr", "compat", "docVars", "rsids", "mathPr",
                  "attachedSchema", "themeFontLang", "clrSchemeMapping", "shapeDefaults", "decimalSymbol",
                  "listSeparator")
"""What stands after `updateFields` in Word's settings; their order is fixed."""

# name: (size in points, bold, Chinese font, spacing before/after in points, line height, alignment, more)
STYLES: dict[str, tuple[float, bool, str, float, float, float, str, dict[str, Any]]] = {
    "LBC Title": (18, True, HEI, 24, 12, 1.25, "center", {}),
    "LBC Notice": (12, True, SONG, 6, 12, 1.25, "center", {}),
    "LBC Body": (12, False, SONG, 0, 3, 1.5, "both", {"indent": 2}),
    "LBC List Title": (14, True, HEI, 18, 6, 1.25, "center", {"next": True}),
    "LBC Table Title": (10.5, True, SONG, 12, 4, 1.0, "center", {"next": True}),
    "LBC Table Head": (10.5, False, SONG, 1, 1, 1.0, "left", {}),
    "LBC Table Cell": (10.5, False, SONG, 1, 1, 1.0, "left", {}),
    "LBC Table Note": (9, False, SONG, 3, 14, 1.0, "left", {}),
    "LBC Figure": (10.5, False, SONG, 12, 0, 1.0, "center", {"next": True}),
    "LBC Figure Caption": (10.5, False, SONG, 4, 14, 1.0, "center", {}),
    "LBC Reference": (10.5, False, SONG, 0, 3, 1.25, "left", {"hanging": 2}),
}
OURS = {
    "Heading 1": (16, True, HEI, 24, 18, 1.25, "center", {"next": True}),
    "Heading 2": (14, True, HEI, 18, 8, 1.25, "left", {"next": True}),
    "Heading 3": (12, True, HEI, 12, 6, 1.25, "left", {"next": True}),
    "toc 1": (10.5, False, SONG, 2, 2, 1.0, "left", {"dots": 0}),
    "toc 2": (10.5, False, SONG, 0, 0, 1.25, "left", {"dots": 1}),
    "toc 3": (10.5, False, SONG, 0, 0, 1.25, "left", {"dots": 2}),
    "table of figures": (10.5, False, SONG, 0, 0, 1.25, "left", {"dots": 0}),
}
"""Styles that Word itself has; a template nearly always brings its own."""


def opened(template: Path | None, language: str) -> Any:
    """An empty document with every style of the chapter: Word's blank page, or the template without its text.

    Raises
    ------
    UserError
        If the template is missing or is not a Word file (.docx).
    """
    return Document(io.BytesIO(_prepared(None if template is None else _template(template), language)))


@cache
def _prepared(template: bytes | None, language: str) -> bytes:
    """The empty document as a file: made once, since every table is also a document of its own."""
    document = Document() if template is None else Document(io.BytesIO(template))
    body = document.element.body
    for element in list(body):
        if element.tag != qn("w:sectPr"):
            body.remove(element)
    if template is None:
        _page(document)
        _normal(document, language)
    names = {style.name: style for style in document.styles}
    inherits = template is not None and _has_fonts(document)
    for name, look in (OURS | STYLES).items():
        if template is None or name not in names:
            style = names.get(name) or document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
            _define(document, style, look, language, inherits)
    held = io.BytesIO()
    document.save(held)
    return held.getvalue()


def _template(path: Path) -> bytes:
    """The bytes of a template that can be used."""
    shown, fix = path.name, "name a .docx file in params under thesis.template, or leave that line out"
    if not path.is_file():
        raise UserError("the template does not exist", shown, "thesis.template names a file that is not there", fix)
    raw = path.read_bytes()
    if not _is_word(raw):
        raise UserError("the template cannot be read", shown,
                        "it is no Word document (.docx); .doc, .dotx and .wps have another form",
                        "open it in Word or WPS and save it as .docx")
    return raw


def _is_word(raw: bytes) -> bool:
    """Whether these bytes are a Word document that is whole."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as package:
            kinds = package.read("[Content_Types].xml")
        if DOCUMENT not in kinds:
            return False
        Document(io.BytesIO(raw))
    except (zipfile.BadZipFile, KeyError, SyntaxError, ValueError):
        return False
    return True


def _page(document: Any) -> None:
    """A4 with the margins that most universities ask for."""
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.top_margin = section.bottom_margin = Cm(2.5)
    section.left_margin, section.right_margin = Cm(2.8), Cm(2.5)
    section.header_distance, section.footer_distance = Cm(1.5), Cm(1.5)


def _normal(document: Any, language: str) -> None:
    """Fonts of the document's defaults and of Normal, without the theme's."""
    defaults = document.styles.element.find(qn("w:docDefaults"))
    for holder in (defaults.find(qn("w:rPrDefault")), document.styles["Normal"].element):
        old = holder.find(qn("w:rPr"))
        if old is not None:
            holder.remove(old)
        holder.append(_look(12, False, SONG, language))


def _has_fonts(document: Any) -> bool:
    """Whether the template says itself which fonts its text has."""
    defaults = document.styles.element.find(qn("w:docDefaults"))
    found = [holder.find(f".//{qn('w:rFonts')}") for holder in (defaults, document.styles["Normal"].element)
             if holder is not None]
    return any(fonts is not None and fonts.get(qn("w:eastAsia")) for fonts in found)


def _define(document: Any, style: Any, look: Any, language: str, inherits: bool) -> None:
    """Give a style its look."""
    size, bold, chinese, before, after, line, side, more = look
    element = style.element
    for tag in ("w:pPr", "w:rPr"):
        for old in element.findall(qn(tag)):
            element.remove(old)
    style.base_style = document.styles.default(WD_STYLE_TYPE.PARAGRAPH)
    style.hidden, style.quick_style = False, True
    element.append(_paragraph(style.name, before, after, line, side, more, _width(document)))
    element.append(_look(size, bold, None if inherits else chinese, language))


def _paragraph(name: str, before: float, after: float, line: float, side: str, more: dict[str, Any],
               width: int) -> Any:
    shape = make("w:pPr")
    if more.get("next"):
        shape.extend([make("w:keepNext"), make("w:keepLines")])
    if "dots" in more:
        shape.append(make("w:tabs", make("w:tab", val="right", leader="dot", pos=width)))
    shape.append(make("w:spacing", before=round(20 * before), after=round(20 * after), line=round(240 * line),
                      lineRule="auto"))
    # in hundredths of a character, as Word counts Chinese indents; the twips beside them are for readers that cannot
    indent = {"firstLineChars": 0, "firstLine": 0}
    if more.get("indent"):
        indent = {"firstLineChars": 200, "firstLine": 480}
    if more.get("hanging"):
        indent = {"left": 420, "hanging": 420}
    if more.get("dots"):
        indent = {"left": 240 * more["dots"], "firstLine": 0}
    shape.append(make("w:ind", **indent))
    shape.append(make("w:jc", val=side))
    if name.startswith("Heading "):
        shape.append(make("w:outlineLvl", val=int(name[-1]) - 1))
    return shape


def _look(size: float, bold: bool, chinese: str | None, language: str) -> Any:
    look = make("w:rPr")
    if chinese is not None:
        look.append(make("w:rFonts", ascii=LATIN, hAnsi=LATIN, eastAsia=chinese, cs=LATIN))
    look.extend(make(f"w:{tag}") for tag in (("b", "bCs") if bold else ()))
    look.append(make("w:color", val="000000"))
    look.extend(make(f"w:{tag}", val=round(2 * size)) for tag in ("sz", "szCs"))
    look.append(make("w:lang", val=LANGUAGE[language], eastAsia="zh-CN"))
    return look


def _width(document: Any) -> int:
    """Width of the text in twips."""
    section = document.sections[0]
    return round((section.page_width - section.left_margin - section.right_margin) / 635)


def update_fields(document: Any) -> None:
    """Ask Word to compute all fields when the document is opened."""
    settings = document.settings.element
    if settings.find(qn("w:updateFields")) is not None:
        return
    later = [element for element in settings if element.tag.rpartition("}")[2] in SETTINGS_AFTER]
    place = settings.index(later[0]) if later else len(settings)
    settings.insert(place, make("w:updateFields", val="true"))
