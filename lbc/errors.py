"""One exception class per kind of mistake a user can make: what, where, why, how to mend."""

from __future__ import annotations

import re

MOST_FAULTS = 40
UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\ufffe\uffff\U000e0000-\U000e007f]"
)
"""Characters that nobody sees and that change what is seen: control characters, zero-width ones, marks that turn the
direction of writing. A terminal obeys some, XML (so Word and SVG) refuses some."""


def printable(text: str) -> str:
    """A text from a file as a terminal may show it: what it would obey or hide stands as its code.

    Examples
    --------
    >>> printable("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    return UNSEEN.sub(lambda found: ascii(found[0])[1:-1], text)


class UserError(Exception):
    """A mistake that the user can mend; printed in at most six lines, never as a traceback.

    Parameters
    ----------
    what : str
        What is wrong, in one sentence.
    where : str
        File, row, column or line; empty where there is no such place.
    why : str
        Why it matters or what was expected.
    fix : str
        What to do next.
    """

    exit_code = 2

    def __init__(self, what: str, where: str = "", why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.why, self.fix = what, where, why, fix

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        parts = [head, self.why and f"  why: {self.why}", self.fix and f"  fix: {self.fix}"]
        return printable("\n".join(part for part in parts if part))

    def _render_traceback_(self) -> list[str]:
        """Jupyter shows this instead of a traceback."""
        return [str(self)]


class ManyErrors(UserError):
    """Several mistakes of one file, all reported at once, one line each.

    Parameters
    ----------
    faults : list of str
        One line each, already with its place.
    """

    def __init__(self, what: str, faults: list[str], where: str = "", fix: str = "") -> None:
        super().__init__(what, where=where, fix=fix)
        self.faults = faults

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        lines = self.faults
        if len(lines) > MOST_FAULTS:
            lines = [*lines[:MOST_FAULTS], f"... and {len(lines) - MOST_FAULTS} more"]
        ending = [f"  fix: {self.fix}"] if self.fix else []
        return printable("\n".join([head, *(f"  {line}" for line in lines), *ending]))


class TownError(UserError):
    """The named town does not exist, or its name is not a slug."""


class ParamsError(ManyErrors):
    """params/<town>.yaml breaks its schema."""


class CodebookError(ManyErrors):
    """codebook.csv breaks its rules."""


class InstrumentError(UserError):
    """An instrument file is unknown or contradicts itself."""


class IntakeError(UserError):
    """A raw file cannot be read, or a column that the codebook names is not in it."""


class DirectionError(UserError):
    """A scale seems to be keyed the wrong way round; scoring stops rather than invert in silence."""


class PrivacyError(UserError):
    """Something about single children would leave the private folder."""


class ClaimError(ManyErrors):
    """params/<town>.claims.yaml breaks its schema or names a finding that does not exist."""


class RunLockedError(UserError):
    """Another run of the same town holds the lock."""

    exit_code = 75


class StageFailedError(UserError):
    """A notebook stopped with an error that is not the user's."""

    exit_code = 3


class NotCollectedError(UserError):
    """The town has no data of this kind, so its notebook ends here; the pipeline counts it as done, not as failed."""


class NotEstimableError(ValueError):
    """A statistic cannot be computed from these data; the message is the reason a reader sees.

    Analysis functions raise it; a stage that records it turns it into a finding without an estimate.
    """
