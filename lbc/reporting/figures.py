"""All figures by name: `figures.forest(...)` returns (figure, frame of what is plotted); `save` writes it.

They live by theme in figures_survey, figures_comparison, figures_choices, figures_sensitivity, figures_ecology,
figures_interviews, figures_intervention, figures_case and figures_chain; docs/gallery.md shows them all.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from lbc.reporting import style
from lbc.reporting.figures_case import goals, phases
from lbc.reporting.figures_chain import chain
from lbc.reporting.figures_choices import balance, cutoff_curve
from lbc.reporting.figures_comparison import bayes_robustness, by_category, forest, group_difference
from lbc.reporting.figures_ecology import (
    blocks,
    importance,
    mediation_sensitivity,
    simple_slopes,
)
from lbc.reporting.figures_intervention import expected_fall, mee_chua, members, reliable_change, sessions
from lbc.reporting.figures_interviews import co_occurrence, codes_by_level, joint_display, new_codes
from lbc.reporting.figures_sensitivity import CHOICES, specification_curve
from lbc.reporting.figures_survey import distribution, flow, missing, scree
from lbc.reporting.style import Drawn, Labels, close, preview, save
from lbc.reporting.terms import EVIDENCE, VERDICTS, labelled, pick

__all__ = [
    "CHOICES", "balance", "bayes_robustness", "blocks", "by_category", "chain", "claims_board", "close",
    "co_occurrence", "codes_by_level", "cutoff_curve", "distribution", "expected_fall", "flow", "forest", "goals",
    "group_difference", "importance", "joint_display", "mediation_sensitivity", "mee_chua", "members",
    "missing", "new_codes", "phases", "preview", "reliable_change", "save", "scree", "sessions", "simple_slopes",
    "specification_curve",
]
VERDICT_LOOK: dict[str, dict[str, Any]] = {
    "supported": {"marker": "o", "color": style.PALETTE[0]},
    "partly supported": {"marker": "o", "color": style.PALETTE[0], "fillstyle": "left", "markerfacecoloralt": "w"},
    "not supported": {"marker": "o", "color": style.PALETTE[5], "fillstyle": "none"},
    "cannot be tested with this design": {"marker": "x", "color": style.GREY},
}


@style.styled
def claims_board(
    frame: pd.DataFrame, *, labels: Labels = None, language: str = "en"
) -> Drawn:
    """The claims of the thesis on one board: what each says, its verdict, the strength of its evidence.

    Parameters
    ----------
    frame : DataFrame
        `id`, `verdict`, `evidence`; optional `claim` (text, else the label of the id). One row per claim.
    """
    data = frame.reset_index(drop=True)
    texts = [labelled(v, labels, language) for v in (data["claim"] if "claim" in data else data["id"])]
    texts = [style.wrap(text, 56) for text in texts]
    heights = [0.15 * (text.count("\n") + 1) + 0.1 for text in texts]
    fig, ax = style.new(style.width(style.TWO, style.TWO), 0.35 + sum(heights))
    ax.axis("off")
    ax.set_xlim(0, style.TWO)
    ax.set_ylim(sum(heights) + 0.02, -0.25)
    columns = (0.2, 3.62, 5.28)
    head = pick(language, "Claim", "论断"), pick(language, "Verdict", "判断"), pick(language, "Evidence", "证据强度")
    for x, text in zip(columns, head, strict=True):
        ax.text(x, -0.13, text, va="center", color=style.GREY)
    ax.axhline(-0.02, color=style.INK, linewidth=0.8)
    top = 0.0
    for k, (text, height, row) in enumerate(zip(texts, heights, data.itertuples(), strict=True), start=1):
        middle = top + height / 2
        ax.text(0.0, middle, str(k), va="center", size=style.TICK)
        ax.text(columns[0], middle, text, va="center", size=style.TICK)
        ax.plot([columns[1] + 0.05], [middle], markersize=7, linestyle="none", **VERDICT_LOOK[row.verdict])
        verdict = style.wrap(VERDICTS[row.verdict][language], 22)
        ax.text(columns[1] + 0.2, middle, verdict, va="center", size=style.TICK)
        name = EVIDENCE[row.evidence][language] if isinstance(row.evidence, str) else "—"
        ax.text(columns[2], middle, style.wrap(name, 22), va="center", size=style.TICK)
        top += height
        ax.axhline(top, color=style.FAINT, linewidth=0.5)
    return fig, data.assign(claim=texts)
