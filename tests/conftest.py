"""What all tests share: one finished run of S town."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs import finished_s_town


@pytest.fixture(scope="session")
def s_town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a project in which every stage of S town is current. Read only: copy it to change it."""
    return finished_s_town(tmp_path_factory)
