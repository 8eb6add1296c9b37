"""`lbc plan`: what a town's planned survey, group and case can detect, from its params alone."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import Any

from lbc import params
from lbc.analysis import planning
from lbc.analysis import planning_groups as groups
from lbc.errors import NotEstimableError, UserError
from lbc.params import Intervention, Params
from lbc.paths import Town
from lbc.pipeline.inputs import step_rng
from lbc.reporting import figures_planning, planned, site, style
from lbc.reporting.tables import Table, csv_text
from lbc.reporting.terms import pick

STUDIES = 10_000
SCORES = 3_000_000  # about so many simulated scores per number, where many children could be chosen
RETESTS = tuple(round(0.4 + 0.05 * i, 2) for i in range(12))
CHILDREN = 600


def write(town: Town) -> tuple[list[str], list[Path]]:
    """Simulate the plan and write `outputs/<town>/plan/`: tables, one picture, one page that holds both.

    Returns
    -------
    list of str, list of Path
        What it says, in the town's language; the files, the page first.

    Raises
    ------
    UserError
        If the numbers planned are too small for any test.
    """
    today = params.load(town)
    try:
        tables, says, drawn = _simulated(today)
    except NotEstimableError as error:
        raise UserError(str(error), town.shown(town.params), "what is planned cannot be tested at all",
                        "mend plan: and intervention: in the params; params/README.md explains both") from None
    folder = town.outputs / "plan"
    folder.mkdir(parents=True, exist_ok=True)
    fig, data = drawn
    face = planned.FACE[today.language]
    pictures = style.save(fig, folder / "plan", face)
    page = folder / "plan.html"
    page.write_text(_page(today, tables, says, pictures[0]), encoding="utf-8", newline="\n")
    frames = {"plan": data} | {f"plan_{name}": table.frame for name, table in tables.items()}
    for name, frame in frames.items():
        (folder / f"{name}.csv").write_bytes(csv_text(frame).encode("utf-8"))
    return [face, *says], [page, *pictures, *(folder / f"{name}.csv" for name in frames)]


def _simulated(today: Params) -> tuple[dict[str, Table], list[str], Any]:
    plan, work, language = today.plan, today.intervention, today.language
    rng, smallest = step_rng(today.seed, "plan"), today.comparison.smallest_effect
    children = plan.children or today.survey.expected_rows or CHILDREN
    survey = planning.survey_power(children, plan.classes, plan.icc, plan.share, plan.share_icc, plan.sd, STUDIES,
                                   rng, smallest=smallest)
    frames = {"survey": survey}
    says = planned.survey_says(survey, children, smallest, language)
    if work is None:
        drawing = figures_planning.power(survey, planned=(children, 0), language=language)
        return {"survey": planned.table("survey", survey)}, says, drawing
    group = _group(work, children, plan.members, plan.share)
    studies = min(STUDIES, max(2000, SCORES // group.eligible))
    simulated = group._replace(untreated="resurvey") if group.untreated == "none" else group
    retest = work.retest
    frames["group"] = groups.group_power(simulated, (retest.low, retest.value, retest.high), studies, rng, work.alpha)
    frames["members"] = groups.power_by_members(simulated, retest.value, studies, rng, work.alpha)
    over = groups.false_positives_by_retest(simulated, RETESTS, studies, rng, work.alpha)
    says += planned.group_says(frames["group"], frames["members"], plan.members, group.untreated, group.by_score,
                               retest, language)
    if group.untreated == "none":  # power of what is not valid misleads: false positives are shown instead
        kept = ["analysis", "false_positives", "false_low", "false_high", "judged"]
        frames["group"] = frames["group"].query("analysis != 'untreated'")[kept].reset_index(drop=True)
    if work.case:
        frames["case"] = planning.case_plan(plan.points_before, plan.points_during, plan.members, work.alpha)
        says += planned.case_says(frames["case"], language)
    band = work.reliability
    frames["bars"] = planning.bars(plan.sd, (band.low, band.value, band.high))
    says += planned.bars_say(frames["bars"], band.value, language)
    compared = group.untreated != "none"
    drawing = figures_planning.power(survey, frames["members"], over, planned=(children, plan.members),
                                     compared=compared, alpha=work.alpha, language=language)
    return {name: planned.table(name, frame, compared) for name, frame in frames.items()}, says, drawing


def _group(work: Intervention, children: int, members: int, share: float) -> groups.Group:
    """Who could be chosen and with whom the members are compared, as the protocol has it."""
    eligible = children if work.eligible == [] else round(children * share)
    by_lot = work.comparison == "waitlist" and work.allocation == "lottery"
    untreated = work.comparison if work.comparison in ("none", "resurvey") else "waitlist" if by_lot else "next"
    return groups.Group(eligible, members, work.selection == "top_scores", untreated)


def _page(today: Params, tables: dict[str, Table], says: list[str], picture: Path) -> str:
    language, name = today.language, getattr(today.name, today.language)
    title, face = pick(language, "What the plan can detect", "计划能检出什么"), planned.FACE[language]
    listed = "".join(f"<li>{escape(text)}</li>" for text in says)
    image = base64.b64encode(picture.read_bytes()).decode("ascii")
    shown = "\n".join(f'<div class="wide">{table.to_html(language, synthetic_note=face)}</div>'
                      for table in tables.values())
    return site.plain(language, f"{title} · {name}", (
        f'<p class="simulated">{face}</p>\n<h1>{escape(name)}</h1>\n<h2>{title}</h2>\n<ul>{listed}</ul>\n'
        f'<img src="data:image/png;base64,{image}" alt="{title}">\n{shown}'))
