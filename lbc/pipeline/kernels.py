"""Kernels: the one place that starts one, and the one that runs a notebook in it.

The kernel is this very interpreter, whatever kernels are installed; it talks over sockets in a folder of its own (no
port, no network), has its own IPython folder (nobody's start-up files), one thread of linear algebra and a fixed hash
seed, and dies with the process that started it.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import DeadKernelError
from papermill import execute_notebook
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines

from lbc.errors import NotCollectedError, UserError
from lbc.paths import PACKAGE

FIXED = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
DROPPED = ("PYTHONDONTWRITEBYTECODE", "PYTHONSTARTUP", "MPLBACKEND", "JPY_PARENT_PID")
START_SECONDS = 60
_alive: set[Kernel] = set()


class NotebookError(Exception):
    """A cell stopped, or the kernel died in it."""

    def __init__(self, name: str, text: str, notebook: dict[str, Any]) -> None:
        self.cell = _stopped(notebook)
        super().__init__(f"cell {self.cell}: {name}: {text}")
        self.name, self.text, self.notebook = name, text, notebook


class Kernel(AsyncKernelManager):
    """A kernel of this interpreter on sockets in `folder`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(kernel_name="python3", transport="ipc", ip=str(folder / "k"),
                         connection_file=str(folder / "kernel.json"))
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}",
                "--HistoryManager.enabled=False", "--IPKernelApp.log_level=40"]
        self._kernel_spec = KernelSpec(argv=argv, display_name="Python 3", language="python")


class _Engine(NBClientEngine):
    """papermill's engine with our kernel, and without saving the notebook after every cell."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: NotebookExecutionManager, kernel_name: str, *, log_output: bool = False,
                                 environment: Mapping[str, str], folder: Path, place: Path, **_: Any) -> None:
        kernel = Kernel(folder)
        client = PapermillNotebookClient(nb_man, km=kernel, kernel_name=kernel_name, startup_timeout=START_SECONDS,
                                         shutdown_kernel="immediate", record_timing=False)
        _alive.add(kernel)
        try:
            client.execute(cleanup_kc=True, env=dict(environment), cwd=str(place))
        except DeadKernelError:
            raise NotebookError("the kernel", "it died (out of memory?)", nb_man.nb) from None
        finally:
            _alive.discard(kernel)
            loop = ensure_event_loop()  # this thread's, which nobody else would close
            if not loop.is_running():
                loop.close()
        for number, cell in enumerate(nb_man.nb.cells):
            errors = [output for output in cell.get("outputs", []) if output["output_type"] == "error"]
            if errors and errors[0]["ename"] == NotCollectedError.__name__:
                cell["outputs"].remove(errors[0])
                cell["metadata"]["papermill"]["exception"] = False
                del nb_man.nb.cells[number + 1:]
                return
            for output in errors:
                raise NotebookError(output["ename"], output["evalue"], nb_man.nb)


papermill_engines.register("lbc", _Engine)


def run_notebook(source: Path, parameters: dict[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    """Run a notebook in a fresh kernel, in the notebook's own folder.

    Parameters
    ----------
    source : Path
    parameters : dict
        Put in after the cell tagged `parameters`.
    variables : dict
        Environment variables besides those that every kernel gets.

    Returns
    -------
    dict
        The executed notebook.

    Raises
    ------
    NotebookError
        When a cell stops or the kernel dies; carries the notebook as far as it came.
    """
    for attempt in (1, 2):
        with tempfile.TemporaryDirectory(prefix="lbc-", ignore_cleanup_errors=True) as scratch:
            try:
                return execute_notebook(
                    str(source), None, parameters, engine_name="lbc", progress_bar=False, autosave_cell_every=0,
                    environment=environment(Path(scratch), variables), folder=Path(scratch), place=source.parent,
                )
            except (RuntimeError, TimeoutError, OSError) as error:  # two kernels may meet while starting: once more
                if attempt == 2:
                    raise UserError(f"no kernel could be started: {error}", fix="run again") from error
    raise AssertionError


def environment(scratch: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a kernel: this process's, with everything that could change a result fixed."""
    kept = {name: value for name, value in os.environ.items() if name not in DROPPED}
    paths = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    own = {"IPYTHONDIR": str(scratch / "ipython"), "PYTHONPATH": os.pathsep.join(paths)}
    return kept | FIXED | own | dict(variables) | _cache(scratch)


def _cache(scratch: Path) -> dict[str, str]:
    """matplotlib keeps its list of fonts at home; where there is no writable home, in the scratch folder."""
    home = os.environ.get("MPLCONFIGDIR") or os.environ.get("HOME", "/nowhere")
    return {} if os.access(home, os.W_OK) else {"MPLCONFIGDIR": str(scratch / "matplotlib")}


def stop_all() -> None:
    """Kill every kernel that is still running, when the run is interrupted."""
    for kernel in list(_alive):
        process = getattr(kernel.provisioner, "process", None)
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def _stopped(notebook: dict[str, Any]) -> int:
    """Number, as a reader counts code cells, of the cell that was running last."""
    codes = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    codes = [cell["metadata"] for cell in codes if "injected-parameters" not in cell["metadata"].get("tags", [])]
    return sum(metadata.get("papermill", {}).get("status") != "pending" for metadata in codes)
