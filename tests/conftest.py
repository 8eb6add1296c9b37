"""What all tests share: one finished run of S town, and its report."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs import finished_s_town, reported_s_town


@pytest.fixture(scope="session")
def s_town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a project in which every stage of S town is current. Read only: copy it to change it."""
    return finished_s_town(tmp_path_factory)


@pytest.fixture(scope="session")
def s_town_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of such a project with `report/`, `thesis/` and the front door. Read only as well."""
    return reported_s_town(tmp_path_factory)
