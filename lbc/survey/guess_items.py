"""Guesses about items: which columns of an undescribed file are which items of which scale, on which wave."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from lbc.instruments import Instrument
from lbc.survey.guess import Column
from lbc.survey.text import bare, number_key, tidy

SIMILAR = 0.62
VARIANTS = {"raw", "scored", "score", "recoded", "rec", "rev", "reversed", "r", "keyed", "bin", "orig", "original"}
WAVE_WORDS = {"前测": "pre", "后测": "post", "追踪": "follow_up", "基线": "baseline"}
EARLY = ("screening", "baseline", "pre", "before", "t0", "time0", "t1", "time1", "wave1", "w1", "first")
LATE = ("during", "mid", "t2", "time2", "wave2", "w2", "post", "after", "second", "t3", "time3", "wave3", "w3", "t4",
        "followup", "follow_up", "later")


def by_name_or_wording(columns: Sequence[Column], instruments: Sequence[Instrument]) -> list[str]:
    """Find the items of the instruments by the columns' names and by the wording of the questions.

    Columns that are taken get their `item`; second versions of the same item (already scored) are left out.

    Returns
    -------
    list of str
        What to tell the user.
    """
    said: list[str] = []
    for instrument in sorted(instruments, key=lambda i: -i.n_items):
        said += _by_name(columns, instrument)
    for instrument in sorted(instruments, key=lambda i: -i.n_items):
        if not any(c.item and c.item[0] == instrument.id for c in columns):
            said += _by_wording(columns, instrument)
    return said


def _by_name(columns: Sequence[Column], instrument: Instrument) -> list[str]:
    """Columns called cls_01, CLS1, ucla1_before, djg1_raw_during, t1_cls_1 and the like."""
    found: dict[str, dict[str, dict[int, Column]]] = {}
    for column in (c for c in columns if c.free):
        named = _item_name(column.header, instrument)
        if named is not None:
            n, wave, variant = named
            found.setdefault(wave, {}).setdefault(variant, {}).setdefault(n, column)
    said = []
    for wave, variants in found.items():
        best = max(variants, key=lambda v: (_complete(variants[v], instrument), _in_range(variants[v], instrument)))
        if not _complete(variants[best], instrument):
            continue
        for n, column in variants[best].items():
            column.item = (instrument.id, n, wave)
        where = f" ({wave})" if wave else ""
        said.append(f"{instrument.id}{where}: {len(variants[best])} items found by the names of their columns")
        for name in sorted(set(variants) - {best}):
            for column in variants[name].values():
                column.left_out = f"another version of items of {instrument.id}"
            which = f"named '{name}'" if name else "without such a suffix"
            said.append(f"{instrument.id}{where}: columns {which} hold the same items, probably scored: left out")
    return said


def _item_name(header: str, instrument: Instrument) -> tuple[int, str, str] | None:
    """Item number, wave and variant that a column's name speaks of."""
    for stem in dict.fromkeys((instrument.id, instrument.id.rstrip("0123456789").rstrip("_"))):
        name = re.escape(stem).replace("_", "[ _.-]?")
        match = re.fullmatch(
            rf"(?:(?P<pre>[a-z]+\d?)[ _.-])?{name}[ _.-]?(?:q|item|i)?[ _.-]?0*(?P<n>\d{{1,3}})"
            r"(?P<rest>(?:[ _.@-]?[^\d\W][\w]*)*)",
            tidy(header).casefold(),
        )
        if match and int(match["n"]) in instrument.numbers:
            parts = [p for p in re.split(r"[ _.@-]+", f"{match['pre'] or ''}_{match['rest']}") if p]
            variant = "_".join(p for p in parts if p in VARIANTS)
            waves = [WAVE_WORDS.get(p, p) for p in parts if p not in VARIANTS]
            return int(match["n"]), re.sub(r"[^a-z0-9_]", "", "_".join(waves)), variant
    return None


def _complete(items: dict[int, Column], instrument: Instrument) -> bool:
    """Whether these are all scored items of the scale, or of one of its shortened forms."""
    wholes = [instrument.scored, *(f.items for f in instrument.forms.values() if f.items)]
    return any({n for n in whole if n in instrument.scored} <= set(items) for whole in wholes)


def _in_range(items: dict[int, Column], instrument: Instrument) -> float:
    """Share of the columns whose answers are among those of the instrument."""
    allowed = {str(code) for code in range(instrument.min, instrument.max + 1)}
    fits = [c.common <= allowed if c.numeric else c.likert for c in items.values()]
    return sum(fits) / max(len(fits), 1)


def _forms(instrument: Instrument) -> list[list[int]]:
    """Item numbers in the order of the form: whole, scored only, and shortened forms."""
    forms = [instrument.numbers, instrument.scored, *(f.items for f in instrument.forms.values() if f.items)]
    return [list(form) for form in dict.fromkeys(tuple(form) for form in forms)]


def _by_wording(columns: Sequence[Column], instrument: Instrument) -> list[str]:
    """Columns whose question reads like an item; gaps are filled by the order of the form."""
    free = [c for c in columns if c.free and c.likert]
    scored = []
    for column in free:
        for item in instrument.items:
            alike = max((similarity(a, bare(w)) for a in column.asked for w in (item.en, item.zh)), default=0.0)
            if alike >= SIMILAR:
                scored.append((alike, column.place, item.n))
    places: dict[int, int] = {}
    for _, place, n in sorted(scored, reverse=True):
        if n not in places and place not in places.values():
            places[n] = place
    at = {c.place: c for c in free}
    best: dict[int, int] = {}
    for form in _forms(instrument):
        shifts = Counter(places[n] - k for k, n in enumerate(form) if n in places)
        shift = max(shifts, key=lambda s: shifts[s], default=None)
        by_order = {n: (shift or 0) + k for k, n in enumerate(form) if shift is not None and shift + k in at}
        filled = by_order | places
        whole = {n for n in form if n in instrument.scored} <= set(filled)
        if whole and len(set(filled.values())) == len(filled) and len(places) >= 0.4 * len(form):
            best = filled if len(filled) > len(best) else best
    for n, place in best.items():
        at[place].item = (instrument.id, n, "")
    rest = len(best) - len(places)
    also = f", {rest} more by their order" if rest > 0 else ""
    return [f"{instrument.id}: {len(places)} items found by their wording{also}: compare each line"] if best else []


def similarity(a: str, b: str) -> float:
    """How alike two bare texts are, 0 to 1: difflib's ratio, after a quick look at shared pairs of letters."""
    pairs = [{text[i:i + 2] for i in range(len(text) - 1)} for text in (a, b)]
    shared = 2 * len(pairs[0] & pairs[1]) / max(len(pairs[0]) + len(pairs[1]), 1)
    return difflib.SequenceMatcher(None, a, b, autojunk=False).ratio() if shared > 0.2 else 0.0


def by_runs(columns: Sequence[Column], instruments: Sequence[Instrument]) -> list[str]:
    """Take runs of neighbours with one kind of answers for the one instrument that has as many items.

    Returns
    -------
    list of str
        What to tell the user.
    """
    said = []
    instruments = [i for i in instruments if not any(c.item and c.item[0] == i.id for c in columns)]
    for run in _runs(columns):
        fits = [(i, form) for i in instruments for form in _forms(i) if len(form) == len(run) and _may_hold(run, i)]
        names = f"columns '{run[0].header[:20]}' to '{run[-1].header[:20]}'"
        if len({i.id for i, _ in fits}) == 1:
            instrument, form = fits[0]
            for n, column in zip(form, run, strict=True):
                column.item = (instrument.id, n, "")
            said.append(f"{instrument.id}: {names} are as many as its items: check order and wording")
            instruments = [i for i in instruments if i is not instrument]
        elif fits:
            ids = " or ".join(sorted({i.id for i, _ in fits}))
            said.append(f"{names} could be {ids}: fill in scale and item yourself")
        elif len(run) >= 4:
            said.append(f"{names} look like a scale of {len(run)} items that no instrument here has: add its file")
    return said


def _runs(columns: Sequence[Column]) -> list[list[Column]]:
    """Neighbouring free columns with answers of one kind and names of one stem."""
    runs: list[list[Column]] = []
    for column in columns:
        if not (column.free and column.likert):
            runs.append([])
        elif runs and runs[-1] and _alike(runs[-1], column):
            runs[-1].append(column)
        else:
            runs.append([column])
    return [run for run in runs if len(run) > 1]


def _alike(run: Sequence[Column], column: Column) -> bool:
    stems = {_stem(run[-1].header), _stem(column.header)}
    if run[-1].numeric != column.numeric or (len(stems) > 1 and "" not in stems):
        return False
    if column.numeric:
        return min(run[-1].common) == min(column.common) or max(run[-1].common) == max(column.common)
    return bool(run[-1].common & column.common)


def _stem(header: str) -> str:
    """What the names of one scale's columns share: all but their number, or the number of the matrix question."""
    if re.fullmatch(r"[A-Za-z_.]+\d+[\w.]*", tidy(header)):
        return re.sub(r"\d+", "#", tidy(header), count=1)
    return number_key(header).partition("-")[0] if "-" in number_key(header) else ""


def _may_hold(run: Sequence[Column], instrument: Instrument) -> bool:
    codes = set().union(*(c.common for c in run))
    if run[0].numeric:
        return codes <= {str(code) for code in range(instrument.min, instrument.max + 1)}
    anchors = {bare(text) for texts in instrument.anchors.values() for text in texts}
    return {bare(re.sub(r"^\d+\s*[-.、:]\s*", "", code)) for code in codes} <= anchors


def order_of_waves(waves: Iterable[str]) -> list[str]:
    """Waves in their likely order: early words, unknown ones in the order of the file, late words."""

    def rank(wave: str) -> int:
        for words, base in ((EARLY, 0), (LATE, 200)):
            for k, word in enumerate(words):
                if word in re.split(r"_+", wave) or wave == word:
                    return base + k
        return 100

    return sorted(dict.fromkeys(waves), key=rank)
