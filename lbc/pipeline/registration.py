"""The protocol as it was registered before the start, and which findings a later change makes exploratory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

from lbc.errors import UserError
from lbc.params import Intervention
from lbc.paths import Town
from lbc.pipeline.manifest import replace
from lbc.results import Words

GROUP = ("intervention.group.*", "04_expected_fall*", "04_design", "04_false_positives", "04_change_methods",
         "04_attainable", "04_mee_chua", "04_course", "04_adjusted_methods")
MEMBERS = ("intervention.member*", "04_member*", "04_reliable*")
FOLLOW_UP = "intervention.group.*.wave_contrast.follow_up"
AFTERWARDS = ("intervention.overall.*", FOLLOW_UP, "intervention.combined_vs_single")
TOUCHES: dict[str, tuple[str, ...]] = {
    "eligible": GROUP, "selection": GROUP, "comparison": GROUP, "comparison_members": GROUP, "allocation": GROUP,
    "alpha": GROUP, "low_peer": (*GROUP, *MEMBERS, *AFTERWARDS), "waves": (*GROUP, *MEMBERS, *AFTERWARDS),
    "waves.after_case": AFTERWARDS, "waves.follow_up": (FOLLOW_UP,),
    "outcomes": ("intervention.overall.{score}.*", "intervention.group.{scale}.*"),
    "retest": ("intervention.group.*fall*", "intervention.group.*beyond*", "intervention.group.*false_positive*",
               "04_expected_fall*", "04_false_positives", "04_adjusted_methods"),
    "reliability": MEMBERS,
    "case": ("intervention.case.*", "intervention.combined_vs_single", "04_phases*", "04_overlap*", "04_case*"),
}
"""The registered keys and the findings and exhibits (patterns) that each touches; the longest key that fits counts.

What is not listed (names of files, who went to case work) follows from the work and is not registered.
"""


def fixed(protocol: Intervention) -> dict[str, Any]:
    """The registered part of a protocol as plain values; outcomes by score, case without member and labels."""
    found = {key: value for key, value in protocol.model_dump(mode="json").items() if key in TOUCHES}
    found["outcomes"] = {outcome.pop("score"): outcome for outcome in found["outcomes"]}
    if found["case"]:
        found["case"] = {key: value for key, value in found["case"].items() if key not in ("member", "phases")}
    return found


def sha256(registered: dict[str, Any]) -> str:
    """SHA-256 of the canonical JSON: keys sorted, no blanks, UTF-8.

    >>> sha256({"b": 1, "a": "孤"}) == sha256({"a": "孤", "b": 1})
    True
    """
    text = json.dumps(registered, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def compare(old: dict[str, Any], new: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The dotted keys that differ, each with its old and new value (None: not there)."""
    before, now = dict(_leaves(old)), dict(_leaves(new))
    pairs = {key: (before.get(key), now.get(key)) for key in sorted({*before, *now})}
    return {key: (was, is_now) for key, (was, is_now) in pairs.items() if was != is_now}


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{key}.{name}" if key else name)
    elif value is not None:
        yield key, value


def touched(key: str) -> tuple[str, ...]:
    """Patterns of the findings and exhibits that a change of one dotted key touches.

    >>> touched("waves.follow_up"), touched("outcomes.psss_total.direction")[0]
    (('intervention.group.*.wave_contrast.follow_up',), 'intervention.overall.psss_total.*')
    """
    known = max((name for name in TOUCHES if f"{key}.".startswith(f"{name}.")), key=len)
    score = key.split(".")[1] if known == "outcomes" else ""
    return tuple(pattern.format(score=score, scale=score.removesuffix("_total")) for pattern in TOUCHES[known])


@dataclass(frozen=True)
class Registration:
    """What was registered first, and how today's protocol differs from it.

    Parameters
    ----------
    on : str
        Day of the first registration; empty where there was none.
    hash : str
        SHA-256 of what was registered then.
    changed : dict
        From `compare`.
    late : bool
        Registered after the measurement at the end of the group.
    why : tuple of str
        Reasons given at later registrations, with their days.
    """

    on: str = ""
    hash: str = ""
    changed: dict[str, tuple[Any, Any]] | None = None
    late: bool = False
    why: tuple[str, ...] = ()

    def exploratory(self, name: str, confirmatory: bool = False) -> Words | None:
        """Why a finding or exhibit is exploratory; None where no change touches it.

        Parameters
        ----------
        name : str
            Id of a finding, or name of an exhibit.
        confirmatory : bool
            It would be confirmatory, had the protocol been registered in time.
        """
        changed = {key: pair for key, pair in (self.changed or {}).items()
                   if any(fnmatchcase(name, pattern) for pattern in touched(key))}
        if changed:
            return {"en": f"changed after registration ({self.on}): {_listed(changed, 'en')}",
                    "zh": f"登记（{self.on}）之后有改动：{_listed(changed, 'zh')}"}
        if confirmatory and not self.on:
            return {"en": "the protocol was not registered", "zh": "研究方案未经登记"}
        if confirmatory and self.late:
            return {"en": f"the protocol was registered ({self.on}) after the group had ended",
                    "zh": f"研究方案在小组结束之后才登记（{self.on}）"}
        return None

    @property
    def words(self) -> Words:
        """For the protocol's table: when it was registered, its hash, what changed since and why."""
        if not self.on:
            return {"en": "no: nothing can be called confirmatory", "zh": "未登记：任何分析均不能称为验证性分析"}
        changed = self.changed or {}
        reasons = "".join(f"; {reason}" for reason in self.why)
        return {
            "en": f"{self.on}, SHA-256 {self.hash[:12]}; "
                  + (f"changed since: {_listed(changed, 'en')}" if changed else "unchanged since") + reasons,
            "zh": f"{self.on}，SHA-256 {self.hash[:12]}；"
                  + (f"此后有改动：{_listed(changed, 'zh')}" if changed else "此后未改动") + reasons,
        }


def _listed(changed: dict[str, tuple[Any, Any]], language: str) -> str:
    say, join = {"en": ("{} from {} to {}", "; "), "zh": ("{} 由 {} 改为 {}", "；")}[language]
    return join.join(say.format(key, *(_value(value, language) for value in pair)) for key, pair in changed.items())


def _value(value: Any, language: str) -> str:
    if value is None:
        return {"en": "nothing", "zh": "无"}[language]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def read(town: Town) -> list[dict[str, Any]]:
    """Every registration of a town, the first one first; empty where there is none.

    Raises
    ------
    UserError
        If the file was edited: a protocol in it does not have its hash.
    """
    if not town.registered.exists():
        return []
    try:
        found = json.loads(town.registered.read_text(encoding="utf-8"))["registrations"]
        intact = all(sha256(entry["protocol"]) == entry["sha256"] and entry["on"] for entry in found)
    except (ValueError, KeyError, TypeError):
        intact = False
    if not intact:
        raise UserError("this file is not as `lbc register` wrote it", where=town.shown(town.registered),
                        why="a registration counts only as it was made", fix="restore it from a copy or from git")
    return found


def registration(town: Town, protocol: Intervention) -> Registration:
    """How a town's protocol stands to the one that was registered first."""
    entries = read(town)
    if not entries:
        return Registration()
    first, waves = entries[0], protocol.waves
    why = tuple(f"{entry['on']}: {entry['why']}" for entry in entries[1:])
    late = first["on"] > waves.dates.get(waves.after_group, first["on"])
    return Registration(first["on"], first["sha256"], compare(first["protocol"], fixed(protocol)), late, why)


def register(town: Town, protocol: Intervention | None, why: str = "") -> str:
    """Keep today's protocol in `data/<town>/registered.json`; what was registered before stays in it.

    Returns
    -------
    str
        What was done, in one line.

    Raises
    ------
    UserError
        If the town has no protocol, or it differs from the last registration and no reason is given.
    """
    if protocol is None:
        raise UserError("there is no protocol to register", where=town.shown(town.params),
                        fix="write the part `intervention:`; params/README.md lists its keys")
    entries, today = read(town), fixed(protocol)
    if entries:
        last = entries[-1]
        changed = compare(last["protocol"], today)
        if not changed:
            return f"{town.shown(town.registered)}: registered on {last['on']}, unchanged since"
        if not why:
            raise UserError(f"the protocol differs from the one registered on {last['on']}",
                            where=town.shown(town.registered), why=_listed(changed, "en"),
                            fix=f'make register TOWN={town.name} WHY="the reason" keeps both; what a change touches '
                                "is called exploratory all the same")
    entry = {"on": date.today().isoformat(), "sha256": sha256(today), "why": why, "protocol": today}
    document = {"town": town.name, "registrations": [*entries, entry]}
    replace(town.registered, json.dumps(document, ensure_ascii=False, indent=1, sort_keys=False) + "\n")
    return f"{town.shown(town.registered)}: registered, SHA-256 {entry['sha256']}"
