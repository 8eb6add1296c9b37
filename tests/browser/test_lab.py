"""`make lab`, a notebook opened in it, and "Run All Cells": what a reader of the project does first."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from runs import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NOTEBOOK = "02_group_comparison"
SETTINGS = {
    # Without these, a toast asks for news, and cells below the window are not in the page.
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}
CONFIG = {
    "ServerApp": {"open_browser": False, "port": 0},  # the system chooses a free port, the server its token
    "LabApp": {"open_browser": False, "extension_manager": "readonly", "check_for_updates_class": "jupyterlab.NeverCheckForUpdate"},
}


def until(what: str, answer: Callable[[], Any], seconds: float, pause: Callable[[float], None] = time.sleep) -> Any:
    """The first answer that says yes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := answer():
            return found
        pause(0.25)
    raise AssertionError(f"not within {seconds:.0f} seconds: {what}")


@dataclass
class Lab:
    """A running server and where it listens."""

    url: str
    token: str

    def ask(self, path: str) -> Any:
        request = urllib.request.Request(f"{self.url}api/{path}", headers={"Authorization": f"token {self.token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def project(s_town: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, for the server saves what it runs; the notebook without outputs, so that what is seen was made now."""
    root = Path(shutil.copytree(s_town, tmp_path_factory.mktemp("lab") / "project"))
    file = root / "notebooks" / f"{NOTEBOOK}.ipynb"
    notebook = json.loads(file.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    file.write_text(json.dumps(notebook), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def lab(browser: Browser, project: Path) -> Iterator[Lab]:
    """The server that `make lab` starts, with settings of its own, and stopped whatever happens."""
    home = project.parent
    for name, settings in SETTINGS.items():
        file = home / "settings" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings), encoding="utf-8")
    (home / "config").mkdir()
    (home / "config" / "jupyter_server_config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (home / "config" / "jupyter_lab_config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    environment = os.environ | {
        "LBC_ROOT": str(project), "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"), "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"), "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
    }
    # The real verb in the copy; its environment is this one, already set up.
    command = ["make", "-f", str(ROOT / "Makefile"), "lab", f"PY={sys.executable}", f"STAMP={sys.executable}"]
    log = home / "server.log"
    with log.open("w", encoding="utf-8") as handle:
        server = subprocess.Popen(command, cwd=project, env=environment, stdout=handle, stderr=handle, start_new_session=True)
    try:
        def listening() -> Lab | None:
            assert server.poll() is None, log.read_text(encoding="utf-8")
            for file in (home / "runtime").glob("jpserver-*.json"):
                said = json.loads(file.read_text(encoding="utf-8") or "{}")
                if said and "listening on" not in said:
                    return Lab(said["url"], said["token"])
            return None

        running = until("the server says where it listens", listening, 60)
        assert running.url.startswith("http://127.0.0.1:")
        assert len(running.token) >= 32
        until("the server answers", lambda: running.ask("status"), 30)
        yield running
    finally:
        os.killpg(server.pid, signal.SIGTERM)  # the server ends its kernels on this signal
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(10)


def connected(lab: Lab) -> bool:
    """Whether the notebook has a kernel that does nothing: before, "Run All Cells" is lost in a dialogue."""
    return any(s["kernel"]["execution_state"] == "idle" and s["kernel"]["connections"] > 0 for s in lab.ask("sessions"))


def test_run_all_cells(browser: Browser, lab: Lab, project: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{lab.url}lab/tree/notebooks/{NOTEBOOK}.ipynb?token={lab.token}&reset")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
    page.locator("#jp-main-statusbar", has_text="| Idle").wait_for(timeout=60_000)
    until("the kernel is connected", lambda: connected(lab), 60, lambda seconds: page.wait_for_timeout(1000 * seconds))
    published = json.loads((project / "outputs" / "s_town" / "notebooks" / f"{NOTEBOOK}.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in published["cells"] if cell["cell_type"] == "code"]
    pictures = sum("image/png" in output.get("data", {}) for cell in code for output in cell["outputs"])
    assert page.locator(".jp-CodeCell").count() == len(code)
    assert page.locator(".jp-OutputArea-output").count() == 0

    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
    trouble = page.locator('[data-mime-type="application/vnd.jupyter.stderr"], [data-mime-type="application/vnd.jupyter.error"]')
    until("every cell has its number", lambda: numbered(page) == len(code) or trouble.count(), 240,
          lambda seconds: page.wait_for_timeout(1000 * seconds))
    assert trouble.all_inner_texts() == []

    figures = page.locator(".jp-OutputArea-output img")
    assert figures.count() == pictures > 5
    assert [width for width in figures.evaluate_all("all => all.map(image => image.naturalWidth)") if width < 300] == []
    outside = [url for url in asked if not re.match(rf"{re.escape(lab.url)}|ws://127\.0\.0\.1:|data:|blob:", url)]
    assert outside == []
    page.close()


def numbered(page: Page) -> int:
    """How many code cells have been run: `[7]:`, not `[*]:` or `[ ]:`."""
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt").all_inner_texts()
    return sum(bool(re.fullmatch(r"\[\d+\]:?", prompt.strip())) for prompt in prompts)
