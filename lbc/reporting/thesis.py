"""The results chapter of a thesis in Word, and each of its tables by itself, in both languages.

`chapter` says what stands where, `word` writes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lbc.reporting import references
from lbc.reporting.chapter import LANGUAGES, Block, Chapter
from lbc.reporting.terms import pick
from lbc.reporting.word import Document
from lbc.results import Words

SIMULATED = {"en": "Simulated data, not real children", "zh": "模拟数据，非真实儿童"}


def write(documents: list[dict[str, Any]], exhibits: list[dict[str, Any]], claims_rests_on: dict[str, list[str]],
          outputs: Path, target: Path, *, town: Words, synthetic: bool, versions: dict[str, str],
          template: Path | None = None, chapter: int = 4) -> list[Path]:
    """Write the results chapter and each table by itself, in both languages.

    Parameters
    ----------
    documents : list of dict
        `findings/<stage>.json`, the stages in order.
    exhibits : list of dict
        `exhibits/<stage>.json`, likewise.
    claims_rests_on : dict of claim to ids of findings
    outputs : Path
        The town's outputs, where pictures lie.
    target : Path
        Where results_zh.docx, results_en.docx and tables/ are written.
    town : Words
    synthetic : bool
        The data are simulated, which every page and table then says.
    versions : dict of str to str
        Software and its version.
    template : Path, optional
        A university's Word document whose styles are used.
    chapter : int
        The chapter's number.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    UserError
        If the template cannot be used, or a picture is missing.
    """
    written = []
    for language in LANGUAGES:
        told = Chapter(documents, exhibits, claims_rests_on, versions, language, chapter)
        blocks = list(told.blocks())
        numbers = told.numbers(blocks)
        simulated = [SIMULATED[language]] if synthetic else []
        name = town[language]
        document = Document(language, numbers, chapter=chapter, template=template,
                            running=pick(language, " · ", "　").join([name, *simulated]))
        document.text(pick(language, f"{name}: Results", f"{name}：研究结果"), "LBC Title")
        for notice in simulated:
            document.text(notice, "LBC Notice")
        document.front()
        for block in blocks:
            put(document, block, outputs, simulated)
        document.heading(1, "", pick(language, "References", "参考文献"))
        for entry in references.listed(told.cited(blocks), language):
            document.entry(entry)
        written.append(document.save(target / f"results_{language}.docx"))
        for block in blocks:
            if block.kind == "table":
                alone = Document(language, numbers, chapter=chapter, template=template)
                put(alone, block, outputs, simulated)
                written.append(alone.save(target / "tables" / f"{block.exhibit['name']}_{language}.docx"))
    return written


def put(document: Document, block: Block, outputs: Path, simulated: list[str]) -> None:
    """Write one piece of the chapter; tables of results say it if the data are simulated."""
    if block.kind == "heading":
        document.heading(block.level, block.number, "".join(map(str, block.parts)))
    elif block.kind == "text":
        document.text(block.parts)
    elif block.kind == "table":
        document.table(block.exhibit, *(simulated if "digest" in block.exhibit else []))
    else:
        document.figure(block.exhibit, outputs / f"{block.exhibit['pictures'][document.language]}.png")
