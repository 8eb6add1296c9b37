"""The gallery of figures: `python docs/make_gallery.py` writes docs/gallery.md and its pictures again.

Run it after `make TOWN=s_town`: the pictures are those of the run, smaller and with fewer colours. The same run gives
the same bytes (tests/unit/test_gallery.py draws two of them from the committed numbers).
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUN = ROOT / "outputs" / "s_town"
GALLERY = ROOT / "docs" / "gallery"
SHARE, COLOURS = 0.4, 48
"""A picture of 300 dpi becomes one of 120, with so many colours."""
NOTEBOOKS = {
    "01": "01_survey_cleaning", "02": "02_group_comparison", "03": "03_ecological_causes",
    "04": "04_intervention_evaluation", "05": "05_thesis_claims",
}
FIGURES: dict[str, tuple[str, str, str]] = {
    "01_flow": ("flow", "Where did each form go, and by which rule?", "每份问卷去了哪里，依据哪条规则？"),
    "01_missing": ("missing", "Which questions were left out most often?", "哪些题目漏答最多？"),
    "01_scree": ("scree", "How many factors stand above those of random data?", "有几个因子高于随机数据？"),
    "02_cls_total": ("group_difference", "Are left-behind children lonelier, and by how much?",
                     "留守儿童是否更孤独，相差多少？"),
    "02_bayes_robustness": ("bayes_robustness", "Does the Bayes factor hang on the prior that was chosen?",
                            "贝叶斯因子是否取决于所选先验？"),
    "02_difficulties": ("forest", "In which of the three difficulties do the groups differ?",
                        "两组在哪几方面困难上有差异？"),
    "02_balance": ("balance", "Are the groups alike once they are weighted?", "加权之后两组是否均衡？"),
    "02_by_category": ("by_category", "Does loneliness differ by who is away, sex and grade?",
                       "孤独感是否随外出者、性别与年级而不同？"),
    "02_cutoffs": ("cutoff_curve", "How many children are lonely at any cut-off one may choose?",
                   "取任一界值时，孤独儿童各占多少？"),
    "02_specification_curve": ("specification_curve", "Would another defensible analysis say something else?",
                               "换一种合理的分析，结论是否改变？"),
    "03_variance_by_level": ("blocks", "How much does each ecological level explain, entered first or last?",
                             "各生态层面最先或最后进入时各解释多少？"),
    "03_importance": ("importance", "Which predictors share in the explained variance?",
                      "各预测变量占已解释方差的多少？"),
    "03_mediation_sensitivity": ("mediation_sensitivity",
                                 "How much unmeasured confounding would undo an indirect association?",
                                 "多强的未测混杂会使间接关联归零？"),
    "03_simple_slopes": ("simple_slopes", "For which children does a predictor matter?",
                         "预测变量对哪些儿童起作用？"),
    "03_themes": ("codes_by_level", "Who spoke of what? (one column per person: private)",
                  "谁谈到了什么？（每人一列，不公开）"),
    "03_co_occurrence": ("co_occurrence", "Which themes do the same persons speak of?", "哪些主题由同一人共同谈到？"),
    "03_new_codes": ("new_codes", "Did further interviews still bring new themes?", "后续访谈是否仍有新主题？"),
    "03_themes_and_survey": ("joint_display", "Do interviews and survey agree?", "访谈与问卷是否一致？"),
    "04_expected_fall": ("expected_fall", "Would the chosen children have become less lonely without any help?",
                         "入选儿童若不干预，得分会回落多少？"),
    "04_mee_chua": ("mee_chua", "Is there a change beyond regression to the mean?", "变化是否超出向均值回归？"),
    "04_members": ("members", "How did each member fare? (one line per child: private)",
                   "每名组员的变化如何？（每名儿童一条线，不公开）"),
    "04_member_change": ("reliable_change", "Whose change is larger than error of measurement? (private)",
                         "谁的变化大于测量误差？（不公开）"),
    "04_by_session": ("sessions", "Did they come, and did they like it?", "出席与反馈如何？"),
    "04_ratings": ("sessions", "What did the observers see from session to session?",
                   "观察者在各次活动中看到了什么？"),
    "04_chain": ("chain", "Was every cause worked on, and every piece of work measured?",
                 "每个原因都有干预，每项干预都有测量吗？"),
    "04_phases": ("phases", "Did the case change when the phase did? (private)",
                  "个案是否随阶段而变化？（不公开）"),
    "04_case_goals": ("goals", "How far were the goals of the case reached? (private)",
                      "个案目标达成多少？（不公开）"),
    "05_claims_board": ("claims_board", "Which claims of the thesis hold, and on what evidence?",
                        "哪些论断成立，证据强度如何？"),
}
"""Name of the exhibit: the function of `lbc.reporting.figures` that draws it, and what it answers."""
HEAD = """# Gallery of figures

All figures of a thesis, drawn from the simulated town (`make TOWN=s_town`; no real child answered). On the left as an
English thesis prints them, on the right as a Chinese one does; every run writes both.

| What you want | Where it is said |
| --- | --- |
| another width | `figures: {width: one}` in the params: 3.5 in (89 mm), one column; `two`: 6.6 in (168 mm) |
| TIFF for a journal | `figures: {formats: [png, svg, pdf, tiff]}`: 600 dpi, RGB without alpha, LZW |
| vectors | SVG (letters as outlines) and PDF (fonts embedded as TrueType) are written of every figure |
| EPS | not written: it knows no transparency, so bands of confidence would hide the lines; journals take the PDF |
| other type, colours, lines | `lbc/reporting/lbc.mplstyle`, the one style sheet |
| the numbers in the picture | the `.csv` beside it |

Figures that cannot be read in one column stay on two: the chain, the claims, the joint display, the specification
curve, who spoke of what, which themes go together, and sessions with the names of their components. Colours are Okabe
and Ito's; every group also has its own marker, hatch or line, so a grey print can be read. A figure with one line or
mark per child goes to `outputs/<town>/private/` and is shown only where the params release it.

`python docs/make_gallery.py` writes this page and its pictures again after a run.
"""


def small(png: bytes) -> bytes:
    """A picture of the run as the gallery shows it."""
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        size = round(picture.width * SHARE), round(picture.height * SHARE)
        plain = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        plain.quantize(COLOURS, dither=Image.Dither.NONE).save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def page() -> str:
    """The gallery in Markdown."""
    parts = [HEAD]
    for stage, notebook in NOTEBOOKS.items():
        parts.append(f"\n## {notebook}\n")
        for name, (function, en, zh) in FIGURES.items():
            if name.startswith(stage):
                drawn = f"`figures.{function}` in `notebooks/{notebook}.ipynb`"
                parts.append(f"### `{name}`\n\n{en} ｜ {zh}\n\n{drawn}\n\n| English | 中文 |\n| --- | --- |\n"
                             f"| ![{en}](gallery/{name}.png) | ![{zh}](gallery/zh/{name}.png) |\n")
    return "\n".join(parts)


def main(run: Path = RUN) -> None:
    """Write the page and its pictures from the figures of a run of the simulated town."""
    (GALLERY / "zh").mkdir(parents=True, exist_ok=True)
    for name in FIGURES:
        for language in ("", "zh/"):
            found = [run / folder / f"{language}{name}.png" for folder in ("figures", "private/figures")]
            made = next((path for path in found if path.exists()), None)
            if made is None:
                raise SystemExit(f"docs/make_gallery.py: {found[0]} is missing\n  fix: make TOWN=s_town")
            (GALLERY / f"{language}{name}.png").write_bytes(small(made.read_bytes()))
    (GALLERY.parent / "gallery.md").write_text(page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
