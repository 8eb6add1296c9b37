"""lbc: a research compendium on the loneliness of left-behind children.

A notebook needs one name of this package: `stage = lbc.begin("02_group_comparison", town)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lbc.pipeline.stage import Stage

__version__ = "0.1.0"


def begin(stage: str, town: str) -> Stage:
    """What a notebook holds in its hand: the stage's inputs, outputs and findings.

    Parameters
    ----------
    stage : str
        Name of the notebook, e.g. "02_group_comparison".
    town : str
        The town's slug, e.g. "s_town".

    Raises
    ------
    TownError, ParamsError
        If the town does not exist or its params file has mistakes.
    """
    from lbc.pipeline.stage import begin

    return begin(stage, town)
