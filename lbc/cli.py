"""The command line: `lbc run | status | verify | accept | check | register | new-town | report | simulate | ...`.

Every verb imports what it needs inside, so that a run with nothing to do stays fast. A user's mistake is printed in a
few lines with what to do next; a traceback appears only with --debug.
"""

from __future__ import annotations

import argparse
import errno
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lbc.errors import UserError, printable

EPILOG = "exit codes: 0 fine, 1 results differ, 2 yours to mend, 3 a fault of ours, 75 another run holds the lock"
DEFAULT_TOWN = "s_town"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return int(arguments.verb(arguments) or 0)
    except UserError as error:
        if arguments.debug:
            raise
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; the outputs are as they were before the unfinished stages", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0
    except OSError as error:
        if arguments.debug or error.errno != errno.ENOSPC:
            return _ours(error, arguments.debug)
        print("no space left on the disk; what was published before is whole\n  fix: make room and run again",
              file=sys.stderr)
        return 3
    except Exception as error:
        return _ours(error, arguments.debug)


def _ours(error: Exception, debug: bool) -> int:
    """Own up to a fault of the package."""
    if debug:
        raise error
    print(f"internal error: {type(error).__name__}: {printable(str(error))}\n  this is our fault, not yours\n"
          "  fix: run the same command with --debug and report what it prints", file=sys.stderr)
    return 3


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lbc", description="Run, check and compare the stages of a town.", epilog=EPILOG)
    parser.add_argument("--debug", action="store_true", help="show Python's traceback when something fails")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="verb")
    _verb(verbs, "run", _run, "run every stage that is out of date", jobs=True)
    _verb(verbs, "status", _status, "say for each stage whether it is current, and if not, why")
    _verb(verbs, "verify", _verify, "run everything again in a scratch folder and compare every number", jobs=True)
    _verb(verbs, "accept", _accept, "show which numbers moved, then make the last run the reference")
    _verb(verbs, "check", _check, "check params, codebook and data without running anything")
    register = _verb(verbs, "register", _register, "keep the protocol's hash, so that a later change shows")
    register.add_argument("--why", default="", help="reason of a change since the last registration")
    _verb(verbs, "report", _report, "write notebooks and claims as web pages")
    _verb(verbs, "plan", _plan, "say what the planned survey and group can detect; needs no data")
    new = _verb(verbs, "new-town", _new_town, "draft a town from a survey file", town_required=True)
    new.add_argument("--data", required=True, type=Path, metavar="FILE", help="the survey as exported")
    new.add_argument("--instrument", action="append", default=[], type=Path, metavar="YAML",
                     help="a scale that is not in lbc/instruments; may be given several times")
    simulate = _verb(verbs, "simulate", _simulate, "make the data of a simulated town", town_required=True)
    simulate.add_argument("--children", type=int, default=620)
    simulate.add_argument("--seed", type=int, default=20260901)
    simulate.add_argument("--no-effect", action="store_true", help="the group work and the case work do nothing")
    _verb(verbs, "params-readme", _params_readme, "write params/README.md from the model", town=False)
    return parser


def _verb(verbs: Any, name: str, function: Callable[[argparse.Namespace], int | None], text: str, jobs: bool = False,
          town: bool = True, town_required: bool = False) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text, epilog=EPILOG)
    parser.set_defaults(verb=function)
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    if town:
        default = None if town_required else DEFAULT_TOWN
        parser.add_argument("--town", default=default, required=town_required, help=f"which town (default {default})")
    if jobs:
        parser.add_argument("--jobs", type=_jobs, default=2, help="how many stages run at once (default 2)")
    return parser


def _jobs(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count


def _town(arguments: argparse.Namespace) -> Any:
    from lbc.paths import project

    return project().town(arguments.town)


def _run(arguments: argparse.Namespace) -> int:
    from lbc.pipeline import runner

    outcome = runner.run(_town(arguments).require(), arguments.jobs)
    for error in outcome.failures.values():
        print(f"\n{error}", file=sys.stderr)
    print(outcome.line)
    return outcome.exit_code


def _status(arguments: argparse.Namespace) -> int:
    from lbc.pipeline import runner

    for stage, why in runner.status(_town(arguments).require()).items():
        print(f"{stage:28}{'current' if why is None else 'out of date: ' + why}")
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from lbc.pipeline import verify

    return verify.verify(_town(arguments).require(), arguments.jobs)


def _accept(arguments: argparse.Namespace) -> int:
    from lbc.pipeline import accept

    return accept.accept(_town(arguments).require())


def _check(arguments: argparse.Namespace) -> int:
    from lbc.pipeline import check

    return check.check(_town(arguments).require())


def _register(arguments: argparse.Namespace) -> int:
    from lbc import params
    from lbc.pipeline import registration

    town = _town(arguments).require()
    print(registration.register(town, params.load(town).intervention, arguments.why))
    return 0


def _report(arguments: argparse.Namespace) -> int:
    from lbc.pipeline import front_door, report

    town = _town(arguments).require()
    checked = report.write(town)["checked"]
    front = front_door.write(town.project)
    right, wrong, cannot = checked["right"], checked["wrong"], checked["cannot"]
    print(f"{right + len(wrong) + cannot} printed statistics: {right} recomputed and right, {len(wrong)} wrong, "
          f"{cannot} that cannot be recomputed (05_thesis_claims names them)")
    for row in wrong:
        print(f"  {row['where']}: {row['text']}: {row['remark']}")
    print(f"open  {town.shown(front)}  (all towns)\n"
          f"      {town.shown(town.outputs / 'report' / 'index.html')}  (this town's report)\n"
          f"      {town.shown(town.outputs / 'thesis')}/  (its chapter for Word, in both languages)")
    return int(bool(wrong))


def _plan(arguments: argparse.Namespace) -> int:
    from lbc.pipeline import plan

    says, files = plan.write(_town(arguments).require())
    print("\n".join(says))
    print("\n".join(f"  {file}" for file in files))
    return 0


def _new_town(arguments: argparse.Namespace) -> int:
    from lbc.pipeline import newtown

    return newtown.new_town(_town(arguments), arguments.data, arguments.instrument)


def _simulate(arguments: argparse.Namespace) -> int:
    from lbc.paths import project
    from lbc.survey import simulate

    simulate.make_town(project(), arguments.town, arguments.children, arguments.seed, effect=not arguments.no_effect)
    print(f"data/{arguments.town} is made; next: make all TOWN={arguments.town}")
    return 0


def _params_readme(arguments: argparse.Namespace) -> int:
    from lbc.paths import project
    from lbc.pipeline import params_readme

    (project().root / "params" / "README.md").write_text(params_readme.describe(), encoding="utf-8", newline="\n")
    return 0
