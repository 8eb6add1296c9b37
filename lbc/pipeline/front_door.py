"""`outputs/index.html`: every town with its state, its main claim, what `verify` said and where to read more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lbc import params
from lbc.errors import UserError
from lbc.paths import Project, Town
from lbc.pipeline import manifest, runner, verify
from lbc.pipeline.graph import STAGES
from lbc.results import Words

MAIN_CLAIM = "lonelier"
JUDGED = STAGES[-1]
NO_HEADLINE: dict[str, Words] = {
    "not judged": {"en": f"The claims have not been judged: {JUDGED} has not run.",
                   "zh": f"尚未判断论断：{JUDGED} 未运行。"},
    "not stated": {"en": f"This town states no claim called '{MAIN_CLAIM}'.",
                   "zh": f"本乡镇未提出名为“{MAIN_CLAIM}”的论断。"},
    "problem": {"en": "See above.", "zh": "见上。"},
}
LINKS: list[tuple[str, Words]] = [
    ("report/index.html", {"en": "Report", "zh": "报告"}),
    ("report/en/index.html", {"en": "Report in English", "zh": "英文报告"}),
    ("report/zh/index.html", {"en": "Report in Chinese", "zh": "中文报告"}),
    ("thesis/results_en.docx", {"en": "Results chapter in English (Word)", "zh": "英文结果章（Word）"}),
    ("thesis/results_zh.docx", {"en": "Results chapter in Chinese (Word)", "zh": "中文结果章（Word）"}),
    ("plan/plan.html", {"en": "Plan", "zh": "研究计划"}),
    *((f"notebooks/{stage}.ipynb", {"en": f"{stage} (notebook)", "zh": f"{stage}（笔记本）"}) for stage in STAGES),
]
"""What a reader may open, by its place in a town's outputs; nothing of `private/`."""


def write(project: Project) -> Path:
    """Write the front door for all towns of `params/`.

    A town that cannot be read is listed with the reason; the others are listed all the same.
    """
    from lbc.reporting import front

    towns = [_town(project.town(name)) for name in project.towns()]
    chinese = sum(town["language"] == "zh" for town in towns)
    path = project.root / "outputs" / "index.html"
    manifest.replace(path, front.page(towns, "zh" if 2 * chinese > len(towns) else "en"))
    return path


def _town(town: Town) -> dict[str, Any]:
    links = [(text, f"{town.name}/{place}") for place, text in LINKS if (town.outputs / place).is_file()]
    found: dict[str, Any] = {"slug": town.name, "name": None, "language": None, "synthetic": False, "problem": None,
                             "stages": [], "headline": None, "no_headline": NO_HEADLINE["problem"], "verified": None,
                             "links": links}
    try:
        today = params.load(town)
        found |= {"name": {"en": today.name.en, "zh": today.name.zh}, "language": today.language,
                  "synthetic": today.synthetic}
        last = manifest.read(town)
        found["stages"] = [{"stage": stage, "why": why, "status": last.get(stage, {}).get("status")}
                           for stage, why in runner.status(town).items()]
        found["headline"], found["no_headline"] = _headline(town)
        found["verified"] = verify.last(town)
    except UserError as error:
        found["problem"] = str(error)
    return found


def _headline(town: Town) -> tuple[dict[str, Any] | None, Words]:
    """The main claim as last judged, or None, and why there is none."""
    path = town.outputs / "findings" / f"{JUDGED}.json"
    try:
        claims = {claim["id"]: claim for claim in json.loads(path.read_text(encoding="utf-8")).get("claims", [])}
    except FileNotFoundError:
        return None, NO_HEADLINE["not judged"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError("the judged claims cannot be read", where=town.shown(path),
                        fix=f"make all TOWN={town.name}") from None
    return claims.get(MAIN_CLAIM), NO_HEADLINE["not stated"]
