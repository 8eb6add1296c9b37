"""One lock for everybody: pip, conda and the declared Python agree."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

from packaging.markers import Marker
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "bootstrap.lock", "requirements-browser.lock")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+?)(?: ; (.*?))? \\$", re.M)


def pins(lock: str = "requirements.lock") -> dict[str, str]:
    """Name and version of every pin that applies to this machine."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return {m[1]: m[2] for m in PIN.finditer(text) if not m[3] or Marker(m[3]).evaluate()}


def test_conda_users_get_the_same_lock() -> None:
    environment = YAML(typ="safe").load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert set(environment) == {"name", "channels", "dependencies"}
    python, pip, from_pip = environment["dependencies"]
    assert pip == "pip"
    assert from_pip == {"pip": ["--require-hashes", "-r requirements.lock"]}
    assert python == "python=" + (ROOT / ".python-version").read_text(encoding="utf-8").strip()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lowest = project["requires-python"].removeprefix(">=")
    assert python == f"python={lowest}"


def test_every_requirement_is_pinned_and_every_pin_has_a_hash() -> None:
    wanted = re.findall(r"^([a-z0-9._-]+)", (ROOT / "requirements.in").read_text(encoding="utf-8"), re.M)
    names = [canonicalize_name(name) for name in wanted]
    assert len(names) > 15
    assert [name for name in names if name not in pins()] == []
    for lock in LOCKS:
        blocks = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / lock).read_text(encoding="utf-8").strip())
        assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_the_browser_tests_add_to_the_lock_and_change_nothing_in_it() -> None:
    more = pins("requirements-browser.lock")
    assert "playwright" in more
    assert {name: version for name, version in more.items() if pins().get(name, version) != version} == {}


def test_what_comes_from_npm_has_one_version_and_a_hash() -> None:
    wanted, locked = (json.loads((ROOT / "tests" / "browser" / name).read_text(encoding="utf-8")) for name in ("package.json", "package-lock.json"))
    packages = {name.removeprefix("node_modules/"): package for name, package in locked["packages"].items() if name}
    assert {name: packages[name]["version"] for name in wanted["devDependencies"]} == wanted["devDependencies"]
    assert [name for name, package in packages.items() if not package.get("integrity", "").startswith("sha512-")] == []


def test_locks_name_no_host() -> None:
    browser = [f"tests/browser/{name}" for name in ("package.json", "package-lock.json", ".npmrc", "install.sh")]
    for file in (*LOCKS, "requirements.in", "requirements-browser.in", "environment.yml", "Makefile", ".ci/run", *browser):
        assert "://" not in (ROOT / file).read_text(encoding="utf-8"), file


def test_what_runs_is_what_is_locked() -> None:
    assert sys.version_info >= (3, 11)
    locked = pins()
    running = {name: version(name) for name in ("numpy", "pandas", "scipy", "statsmodels", "pingouin", "matplotlib")}
    assert running == {name: locked[name] for name in running}
