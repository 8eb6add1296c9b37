"""The web report of a town, from what the last run published."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lbc import params
from lbc.errors import UserError
from lbc.paths import Town
from lbc.pipeline import runner
from lbc.pipeline.graph import STAGES

if TYPE_CHECKING:
    import pandas as pd


def write(town: Town) -> tuple[Path, pd.DataFrame]:
    """Write `outputs/<town>/report/` and recompute every statistic that its pages print.

    Returns
    -------
    Path, DataFrame
        The first page; what `recheck.recheck` found in the pages' text and in the tables of the notebooks.

    Raises
    ------
    UserError
        If the town was not run yet.
    """
    from lbc.reporting import claims, recheck, site

    today = params.load(town)
    notebooks = {stage: town.outputs / "notebooks" / f"{stage}.ipynb" for stage in STAGES}
    missing = [stage for stage, path in notebooks.items() if not path.exists()]
    if missing:
        raise UserError(f"{missing[0]} was not run yet", f"outputs/{town.name}", fix=f"make all TOWN={town.name}")
    for stage, why in runner.status(town).items():
        if why is not None:
            print(f"note: {stage} is out of date ({why}); the report shows the last run", file=sys.stderr)
    paths = [town.outputs / "findings" / f"{stage}.json" for stage in STAGES]
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]
    verdicts = [claim for document in documents for claim in document.get("claims", [])]
    known = claims.load(town.claims, town.shown(town.claims)).claims if town.claims.exists() else ()
    rests_on = {claim.id: list(claim.rests_on) for claim in known}
    exhibits = {claim.id: list(claim.exhibits) for claim in known}
    name = getattr(today.name, today.language)
    written = site.write(notebooks, documents, verdicts, town.outputs / "report", language=today.language, town=name,
                         synthetic=today.synthetic, rests_on=rests_on, exhibits=exhibits)
    tables = {f"{place} ({today.language})": text[today.language]
              for document in documents for place, text in document.get("printed", {}).items()}
    pages = {page.name: site.text(page.read_text(encoding="utf-8")) for page in written}
    return written[0], recheck.recheck(pages | tables)
