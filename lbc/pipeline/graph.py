"""Which stages there are and what each needs: the one graph."""

from __future__ import annotations

NEEDS: dict[str, tuple[str, ...]] = {
    "01_survey_cleaning": (),
    "02_group_comparison": ("01_survey_cleaning",),
    "03_ecological_causes": ("01_survey_cleaning",),
    "04_intervention_evaluation": ("01_survey_cleaning",),
    "05_thesis_claims": ("02_group_comparison", "03_ecological_causes", "04_intervention_evaluation"),
}
STAGES = tuple(NEEDS)


def upstream(stage: str) -> tuple[str, ...]:
    """Every stage that must be done before, in order of running.

    >>> upstream("02_group_comparison")
    ('01_survey_cleaning',)
    """
    found: set[str] = set()
    for need in NEEDS[stage]:
        found |= {need, *upstream(need)}
    return tuple(name for name in STAGES if name in found)
