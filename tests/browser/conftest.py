"""Chromium for the tests of this folder; a test is skipped, in words, where something it needs is not installed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
RULES = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium per file. Not per session: Playwright's event loop would stay open under the tests that follow."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright (make system)")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs chromium (make system)")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=QUIET)
        yield chromium
        chromium.close()


@dataclass
class Visit:
    """A page from disk, and what it did that nobody asked for."""

    page: Page
    trouble: list[str] = field(default_factory=list)

    def go(self, file: Path) -> Page:
        self.page.goto(file.as_uri())
        return self.page


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens an empty page of a width; what leaves the machine and every complaint of the browser fails the test."""
    opened: list[Visit] = []

    def make(width: int = 1280, **options: Any) -> Visit:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(10_000)
        visit = Visit(context.new_page())
        visit.page.on("console", lambda said: said.type in ("error", "warning") and visit.trouble.append(said.text))
        visit.page.on("pageerror", lambda error: visit.trouble.append(str(error)))
        visit.page.on("request", lambda asked: re.match("(file|data|blob):", asked.url) or visit.trouble.append(asked.url))
        opened.append(visit)
        return visit

    yield make
    for visit in opened:
        visit.page.context.close()
    assert [text for visit in opened for text in visit.trouble] == []


@pytest.fixture
def inaccessible() -> Callable[[Page], list[str]]:
    """Serious and critical violations of the accessibility rules on a page, each with the first places."""
    if not RULES.exists():
        pytest.skip("needs axe-core (make system)")
    source = RULES.read_text(encoding="utf-8")

    def check(page: Page) -> list[str]:
        page.evaluate(source + "; undefined")
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        assert found["testEngine"]["name"] == "axe-core"
        assert len(found["passes"]) > 5  # the rules did look at something
        return [f"{v['impact']} {v['id']}: {[node['html'][:120] for node in v['nodes'][:3]]}"
                for v in found["violations"] if v["impact"] in ("serious", "critical")]

    return check
