"""A Word document as a thesis needs it: headings, text with cross-references, tables, figures, lists of both.

Every caption carries a SEQ field and a bookmark, every mention of a table or figure a REF field, both lists are TOC
fields: Word numbers them anew when somebody moves a table. What they show is filled in beforehand, so that a reader
without Word sees it too. The same contents give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from docx.enum.section import WD_ORIENT
from docx.oxml.ns import qn
from docx.shared import Emu, Pt

from lbc.errors import UserError
from lbc.reporting import word_styles, word_tables
from lbc.reporting.word_xml import bookmarked, clean, field, make, paragraph, run, runs

STAMP = datetime(2000, 1, 1)
"""Date of every document: a clock would make two equal documents differ."""
WORDS = {"table": {"en": "Table", "zh": "表"}, "figure": {"en": "Figure", "zh": "图"}}
CONTENTS = {"en": "Contents", "zh": "目录"}
LISTS = {"table": {"en": "List of tables", "zh": "表目录"}, "figure": {"en": "List of figures", "zh": "图目录"}}
HIGHEST = 0.62
"""Share of the page's height that a figure may take."""


@dataclass(frozen=True)
class Ref:
    """A mention of a table or figure in a text."""

    kind: str
    name: str


class Document:
    """A Word document in one language.

    Parameters
    ----------
    language : {"en", "zh"}
    numbers : dict of (kind, name) to int
        The number of each table and figure, in the order in which they will stand.
    chapter : int
        Stands before every number: 表4-1.
    template : Path, optional
        A university's document; its styles, page and header are kept, its text is not.
    running : str
        What stands in the head of every page; nothing where a template has its own.
    """

    def __init__(self, language: str, numbers: dict[tuple[str, str], int], *, chapter: int = 4,
                 template: Path | None = None, running: str = "") -> None:
        self.language, self.numbers, self.chapter = language, numbers, chapter
        self._document = word_styles.opened(template, language)
        self._styles = {style.name: style.style_id for style in self._document.styles}
        self._numbered = template is not None and self._numbers_headings()
        self._marks = 0
        self._listed: list[tuple[str, str, str]] = []
        self._front: Any = None
        if template is None:
            self._frame(running)

    # ------------------------------------------------------------- text

    def text(self, parts: str | Iterable[str | Ref], style: str = "LBC Body") -> None:
        """A paragraph; mentions of tables and figures among its parts become cross-references."""
        if style == "LBC Body":
            self._turn(False)
        inside: list[Any] = []
        for part in [parts] if isinstance(parts, str) else parts:
            inside += self._mention(part) if isinstance(part, Ref) else list(runs(part))
        self._add(paragraph(self._styles[style], inside))

    def heading(self, level: int, number: str, text: str) -> None:
        """A heading; its number is left to the template where the template numbers headings itself."""
        self._turn(False)
        blank = {"en": " ", "zh": "\u3000"}[self.language]
        whole = text if self._numbered or not number else number + blank + text
        mark = self._mark(f"_Toc_h_{len(self._listed)}")
        self._add(paragraph(self._styles[f"Heading {level}"], bookmarked(mark, self._marks, list(runs(whole)))))
        self._listed.append((f"toc {level}", whole, mark))

    def entry(self, stretches: list[tuple[str, bool]]) -> None:
        """An entry of the list of references: stretches of text, each in italics or not."""
        inside = [run(clean(text), look="italic" if on else "") for text, on in stretches if text]
        self._add(paragraph(self._styles["LBC Reference"], inside))

    def front(self) -> None:
        """The place where contents, list of tables and list of figures will stand."""
        word_styles.update_fields(self._document)
        self._front = make("w:p")
        self._add(self._front)

    def label(self, kind: str, name: str) -> str:
        """表4-1, Table 4-1."""
        word, number = WORDS[kind][self.language], self.numbers[kind, name]
        return f"{word}{'' if self.language == 'zh' else ' '}{self.chapter}-{number}"

    # --------------------------------------------------------- exhibits

    def table(self, exhibit: dict[str, Any], *more: str) -> None:
        """A table with its title above and its note below; a wide one on a turned page."""
        cells = word_tables.as_read(exhibit, self.language)
        shape = word_tables.layout(cells, *self._widths())
        self._turn(shape.turned)
        self._caption("table", exhibit, "LBC Table Title")
        self._add(word_tables.table(cells, shape, self._styles))
        self.text(word_tables.note(exhibit, cells, self.language, list(more)), "LBC Table Note")
        space = self._widths()[shape.turned] - sum(shape.widths)
        if space > 20:
            note = self._document.element.body[-2]
            note[0].append(make("w:ind", left=round(10 * space), right=round(10 * space), firstLine=0))

    def figure(self, exhibit: dict[str, Any], picture: Path) -> None:
        """A figure with its caption below, which is also its alternative text."""
        if not picture.is_file():
            raise UserError(f"the picture of {exhibit['name']} is missing", picture.name,
                            "the Word chapter shows every figure of the last run", "make all")
        self._turn(False)
        holder = self._document.add_paragraph(style="LBC Figure")
        shape = holder.add_run().add_picture(str(picture))
        section = self._document.sections[-1]
        high = HIGHEST * (section.page_height - section.top_margin - section.bottom_margin)
        factor = min(1.0, Pt(self._widths()[0]) / shape.width, high / shape.height)
        shape.width, shape.height = Emu(round(shape.width * factor)), Emu(round(shape.height * factor))
        for side in ("distT", "distB", "distL", "distR"):  # LibreOffice takes 9 pt where none is given
            shape._inline.set(side, "0")
        about = shape._inline.docPr
        about.set("name", exhibit["name"])
        about.set("descr", clean(exhibit["caption"][self.language]))
        self._caption("figure", exhibit, "LBC Figure Caption")

    def _caption(self, kind: str, exhibit: dict[str, Any], style: str) -> None:
        word, number = WORDS[kind][self.language], self.numbers[kind, exhibit["name"]]
        before, blank = {"en": (" ", "  "), "zh": ("", "\u3000")}[self.language]
        count = field(f"SEQ {word} \\* ARABIC \\s 1", [run(str(number))])
        mark = self._mark(_anchor("_Ref", kind, exhibit["name"]))
        numbered = bookmarked(mark, self._marks, [run(f"{word}{before}{self.chapter}-"), *count])
        caption = exhibit["caption"][self.language]
        mark = self._mark(_anchor("_Toc", kind, exhibit["name"]))
        self._add(paragraph(self._styles[style], bookmarked(mark, self._marks,
                                                            [*numbered, run(blank), *runs(caption)])))
        self._listed.append((kind, self.label(kind, exhibit["name"]) + blank + clean(caption), mark))

    def _mention(self, ref: Ref) -> list[Any]:
        shown = [run(self.label(ref.kind, ref.name))]
        return field(f"REF {_anchor('_Ref', ref.kind, ref.name)} \\h", shown)

    def _mark(self, name: str) -> str:
        self._marks += 1
        return name

    # ------------------------------------------------------------ lists

    def _lists(self) -> None:
        """Contents and both lists, each a TOC field whose entries are filled in."""
        lists = [(CONTENTS[self.language], 'TOC \\o "1-2" \\h \\z \\u', "toc")]
        lists += [(LISTS[kind][self.language], f'TOC \\h \\z \\c "{WORDS[kind][self.language]}"', kind)
                  for kind in ("table", "figure")]
        for title, code, kind in lists:
            entries = [entry for entry in self._listed if entry[0].startswith(kind) and entry[0] != "toc 3"]
            if not entries:
                continue
            self._front.addprevious(paragraph(self._styles["LBC List Title"], [run(title)]))
            for i, (style, text, mark) in enumerate(entries):
                page = field(f"PAGEREF {mark} \\h", [run("")])
                inside = [make("w:hyperlink", *runs(text.replace("\n", " ")), make("w:r", make("w:tab")), *page,
                               anchor=mark, history="1")]
                whole = field(code, [], dirty=True)
                inside = [*(whole[:3] if i == 0 else []), *inside, *(whole[3:] if i == len(entries) - 1 else [])]
                name = style if kind == "toc" else "table of figures"
                self._front.addprevious(paragraph(self._styles[name], inside))
        self._front.getparent().replace(self._front, make("w:p", make("w:r", make("w:br", type="page"))))

    # ------------------------------------------------------------- page

    def _add(self, element: Any) -> None:
        self._document.element.body.insert_element_before(element, "w:sectPr")

    def _widths(self) -> tuple[float, float]:
        """Width of the text on an upright and on a turned page, in points."""
        section = self._document.sections[0]
        wide, high = section.page_width, section.page_height
        return ((wide - section.left_margin - section.right_margin) / Pt(1),
                (high - section.top_margin - section.bottom_margin) / Pt(1))

    def _turn(self, on_side: bool) -> None:
        """Begin a section with the page turned, or turned back, unless it is so already."""
        last = self._document.sections[-1]
        if (last.orientation == WD_ORIENT.LANDSCAPE) == on_side:
            return
        body = self._document.element.body
        section = self._document.add_section() if len(body) > 1 else self._document.sections[0]
        for tag in ("w:titlePg", "w:pgNumType"):
            for old in section._sectPr.findall(qn(tag)):
                section._sectPr.remove(old)
        sides = section.top_margin, section.right_margin, section.bottom_margin, section.left_margin
        section.page_width, section.page_height = section.page_height, section.page_width
        section.orientation = WD_ORIENT.LANDSCAPE if on_side else WD_ORIENT.PORTRAIT
        turned = (sides[3], *sides[:3]) if on_side else (*sides[1:], sides[0])
        section.top_margin, section.right_margin, section.bottom_margin, section.left_margin = turned

    def _frame(self, running: str) -> None:
        """Head and foot of our own pages: what the document is, and the page's number."""
        section = self._document.sections[0]
        for part, inside in ((section.header, list(runs(running))), (section.footer, field("PAGE", [run("1")]))):
            holder = part.paragraphs[0]
            holder.alignment = 1
            for element in inside:
                holder._p.append(element)
                element.get_or_add_rPr().append(make("w:sz", val=18)) if element.tag == qn("w:r") else None

    def _numbers_headings(self) -> bool:
        """Whether the template numbers its first headings."""
        element = self._document.styles["Heading 1"].element
        return element.find(f"{qn('w:pPr')}/{qn('w:numPr')}") is not None

    def save(self, path: Path) -> Path:
        """Write the document; the same contents give the same bytes."""
        if self._front is not None:
            self._lists()
        about = self._document.core_properties
        about.author = about.last_modified_by = about.comments = about.keywords = ""
        about.title = about.subject = ""
        about.created = about.modified = STAMP
        about.revision = 1
        held = io.BytesIO()
        self._document.save(held)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_settled(held.getvalue()))
        return path


def _anchor(before: str, kind: str, name: str) -> str:
    """Name of a bookmark: at most forty letters, the same for the same exhibit."""
    mark = f"{before}_{kind[0]}_{name}"
    return mark if len(mark) <= 40 else f"{mark[:31]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _settled(package: bytes) -> bytes:
    """The same package with the clock's time taken out of its entries."""
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(held, "w") as new:
        for entry in old.infolist():
            fixed = zipfile.ZipInfo(entry.filename)
            fixed.compress_type, fixed.create_system, fixed.external_attr = zipfile.ZIP_DEFLATED, 3, 0o600 << 16
            new.writestr(fixed, old.read(entry), compresslevel=6)
    return held.getvalue()
