"""Kernels: this interpreter, a fixed environment, nothing of the user's; failures say in which cell."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import tiny

from lbc.errors import UserError
from lbc.pipeline import kernels, notebooks
from lbc.pipeline.kernels import NotebookError, run_notebook


def notebook(path: Path, *sources: str) -> Path:
    tiny.write_notebook(path, [tiny.cell('town = "s_town"', ("parameters",)), *(tiny.cell(s) for s in sources)])
    return path


def printed(executed: dict[str, Any]) -> str:
    return "".join(o["text"] for c in executed["cells"] for o in c.get("outputs", []) if o["output_type"] == "stream")


def test_what_a_kernel_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONSTARTUP", "/nowhere/start.py")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))  # a kernel of that name elsewhere does not win
    show = (
        "import os, sys, lbc\n"
        "names = 'OPENBLAS_NUM_THREADS PYTHONHASHSEED LBC_STAGE_DIR PYTHONSTARTUP PYTHONDONTWRITEBYTECODE'\n"
        "print([os.environ.get(name) for name in names.split()])\n"
        "print(sys.executable, os.getcwd(), town, get_ipython().history_manager.enabled, sep='|')\n"
        "print(os.environ['IPYTHONDIR'].startswith(os.path.expanduser('~')))\n"
    )
    source = notebook(tmp_path / "a.ipynb", show)
    lines = printed(run_notebook(source, {"town": "留守"}, {"LBC_STAGE_DIR": "/somewhere"})).splitlines()
    assert lines[0] == "['1', '0', '/somewhere', None, None]"
    assert lines[1] == f"{sys.executable}|{tmp_path}|留守|False"
    assert lines[2] == "False"


def test_kernels_side_by_side_do_not_share_anything(tmp_path: Path) -> None:
    source = notebook(tmp_path / "a.ipynb", "print(town, 'x' in globals())", "x = 1")
    with ThreadPoolExecutor(3) as pool:
        done = pool.map(lambda name: run_notebook(source, {"town": name}, {}), "abc")
    assert [printed(executed) for executed in done] == ["a False\n", "b False\n", "c False\n"]


def test_a_stopped_cell_is_numbered_as_readers_count(tmp_path: Path) -> None:
    source = notebook(tmp_path / "a.ipynb", "# Text", "x = 1", "x / 0", "never = 1")
    with pytest.raises(NotebookError, match="cell 3: ZeroDivisionError: division by zero") as caught:
        run_notebook(source, {"town": "a"}, {})
    kept = notebooks.canonical(caught.value.notebook).decode()
    assert '"ename": "ZeroDivisionError"' in kept
    assert "papermill" not in kept
    assert "never = 1" in kept


def test_a_dead_kernel_is_an_error_of_its_cell(tmp_path: Path) -> None:
    source = notebook(tmp_path / "a.ipynb", "import os", "os.kill(os.getpid(), 9)", "1")
    with pytest.raises(NotebookError, match=r"cell 3: the kernel: it died \(out of memory\?\)"):
        run_notebook(source, {"town": "a"}, {})


def test_data_that_a_town_lacks_end_the_notebook_without_failing_it(tmp_path: Path) -> None:
    raiser = 'print("said")\nfrom lbc.errors import NotCollectedError\nraise NotCollectedError("no interviews")'
    executed = run_notebook(notebook(tmp_path / "a.ipynb", "1", raiser, "never = 1"), {"town": "a"}, {})
    assert printed(executed) == "said\n"
    assert b"NotCollectedError:" not in notebooks.canonical(executed)
    assert b"never" not in notebooks.canonical(executed)


def test_starting_is_tried_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = notebook(tmp_path / "a.ipynb", "print('here')")
    real, calls = kernels.execute_notebook, []

    def flaky(*args: Any, **kwargs: Any) -> Any:
        calls.append(kwargs["folder"])
        if len(calls) in (1, 3, 4):
            raise RuntimeError("Kernel died before replying to kernel_info")
        return real(*args, **kwargs)

    monkeypatch.setattr(kernels, "execute_notebook", flaky)
    assert printed(run_notebook(source, {"town": "a"}, {})) == "here\n"
    with pytest.raises(UserError, match=r"no kernel could be started: Kernel died(.|\n)*fix: run again"):
        run_notebook(source, {"town": "a"}, {})
    assert len(set(calls)) == 4  # each start in a folder of its own
    assert not any(folder.exists() for folder in calls)


def test_without_a_writable_home_fonts_are_listed_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "MPLCONFIGDIR" not in kernels.environment(tmp_path, {})
    monkeypatch.setenv("HOME", "/nowhere")
    assert kernels.environment(tmp_path, {})["MPLCONFIGDIR"] == str(tmp_path / "matplotlib")
