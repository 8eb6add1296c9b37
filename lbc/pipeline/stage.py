"""What a notebook holds in its hand: inputs, outputs and findings; it reads and writes with nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pandas as pd

from lbc.errors import NotCollectedError, NotEstimableError
from lbc.paths import Town, project
from lbc.pipeline import frames
from lbc.pipeline.display import put, settle
from lbc.pipeline.graph import STAGES
from lbc.pipeline.inputs import Inputs
from lbc.pipeline.reads import listen
from lbc.pipeline.registration import Registration, registration
from lbc.results import Exhibit, Finding, Result, Shown, Words

LANGUAGES = ("en", "zh")
SIMULATED = {"en": "Simulated data, not real children", "zh": "模拟数据，非真实儿童"}
PRIVATE = {"en": "Kept in the private folder: outputs/{town}/{place}",
           "zh": "仅存于私密文件夹：outputs/{town}/{place}"}
NOT_ASKED = {"en": "the survey asked nothing of this kind", "zh": "问卷未涉及此项内容"}
NOT_COLLECTED = {"en": "{what} were not collected in {town}.", "zh": "{town}未收集{what}。"}


def begin(name: str, town: str) -> Stage:
    """Start a stage: check the params, make warnings errors and numbers fixed-digit, listen to what is read.

    Parameters
    ----------
    name : str
        The notebook's name, one of `lbc.pipeline.graph.STAGES`.
    town : str

    Raises
    ------
    TownError, ParamsError
    ValueError
        If there is no such stage.
    """
    if name not in STAGES:
        raise ValueError(f"there is no stage '{name}'; stages are {', '.join(STAGES)}")
    return Stage(name, project().town(town).require())


class Stage(Inputs):
    """One notebook's inputs and outputs for one town; made by `lbc.begin`."""

    def __init__(self, name: str, town: Town) -> None:
        super().__init__(name, town)
        if "LBC_STAGE_DIR" not in os.environ and self._out.exists():
            shutil.rmtree(self._out)
        self._findings: dict[str, tuple[dict[str, Any], bool]] = {}
        self._claims: list[Any] | None = None
        self._missing: list[Words] = []
        self._printed: dict[str, tuple[Words, bool]] = {}
        self._exhibits: dict[tuple[str, str], bool] = {}
        self._rendered: list[dict[str, Any]] = []
        self._registration: Registration | None = None
        self.n_in: int | None = None
        self.n_out: int | None = None
        self._warned = settle(self.language)
        listen(self._reads)

    def __repr__(self) -> str:
        return self.title(self.language)

    def title(self, language: str) -> str:
        """Stage, town, and whether its data are simulated."""
        name = getattr(self.params.name, language)
        return f"{self.stage}: {name}" + (f" ({SIMULATED[language]})" if self.synthetic else "")

    def keep(self, name: str, frame: pd.DataFrame) -> None:
        """Keep a data set for later stages in the private folder; reading it gives back the equal frame."""
        frames.keep(frame, self._out / "private" / "data" / self.stage / name)

    def record(self, id: str, result: Result, label: Words, evidence: str, confirmatory: bool = False,
               private: bool = False) -> Shown:
        """Record a result as a finding; what comes back shows itself as the computed sentence.

        Raises
        ------
        ValueError
            If the id was used before, or the evidence is not one of the five words.
        """
        from lbc.reporting import wording

        if id in self._findings:
            raise ValueError(f"the finding '{id}' is recorded twice")
        why = self._exploratory(id, confirmatory)
        entry = Finding(id, _both(label), result, evidence, confirmatory, private, why).to_json()
        entry["n"] = self._named_groups(entry["n"])
        self._findings[id] = (entry, private)
        if private and not self._released(id):
            return self._private(f"private/findings/{self.stage}.json")
        return Shown({language: wording.sentence(entry, language) for language in LANGUAGES}, self.language, (id,))

    @property
    def registered(self) -> Registration:
        """How today's protocol stands to the registered one (`registered.words` says it); noted as read."""
        if self._registration is None:
            self._reads.note_raw(self._town.registered)
            self._registration = registration(self._town, self.params.intervention)
        return self._registration

    def _exploratory(self, name: str, confirmatory: bool = False) -> Words | None:
        """Why a finding or exhibit of group and case work is exploratory, or None."""
        asked = name.startswith(("intervention.", "04_")) and self.params.intervention is not None
        return self.registered.exploratory(name, confirmatory) if asked else None

    def _named_groups(self, n: dict[str, int]) -> dict[str, int]:
        """Counts of the two groups under their names instead of their codes."""
        group = self.params.comparison.group
        if not {group.reference, group.focal} <= set(n):
            return n
        names = self.labels(group.variable)
        return {names.get(key, {"en": key})["en"]: count for key, count in n.items()}

    def attempt(self, id: str, function: Callable[..., Result], *args: Any, label: Words, evidence: str,
                confirmatory: bool = False, private: bool = False, **kwargs: Any) -> Shown:
        """Record what `function(*args, **kwargs)` returns; where it is not estimable, record why."""
        try:
            result = function(*args, **kwargs)
        except NotEstimableError as error:
            result = Result(function.__name__.replace("_", " "), None, reason=str(error))
        return self.record(id, result, label, evidence, confirmatory, private)

    def record_each(self, pattern: str, results: dict[str, Result], labels: dict[str, Words], evidence: str,
                    confirmatory: bool = False, private: bool = False) -> Shown:
        """Record one finding for each label, `pattern.format(name)` being its id; one sentence a line.

        A name without a result becomes a finding without an estimate: nothing of the kind was asked.

        Raises
        ------
        ValueError
            If a result has no label, so that it would be lost.
        """
        if unknown := [name for name in results if name not in labels]:
            raise ValueError(f"no label for {', '.join(unknown)}: this result would be lost")
        absent = Result("none", None, reason=NOT_ASKED[self.language])
        shown = [self.record(pattern.format(name), results.get(name, absent), labels[name], evidence, confirmatory,
                             private) for name in labels]
        both = {language: "\n\n".join(dict.fromkeys(sentence.words[language] for sentence in shown))
                for language in LANGUAGES}
        return Shown(both, self.language, tuple(id for sentence in shown for id in sentence.findings))

    def not_estimable(self, id: str, reason: Words, label: Words, evidence: str, private: bool = False) -> Shown:
        """Record a finding that has no estimate, with its reason in both languages."""
        result = Result("none", None, reason=_both(reason))
        return self.record(id, result, label, evidence, private=private)

    def record_claims(self, claims: list[Any]) -> None:
        """Record the judged claims: dicts, or objects with `to_json()`."""
        self._claims = [claim if isinstance(claim, dict) else claim.to_json() for claim in claims]

    def save_figure(self, fig: Any, name: str, caption: Words, data: pd.DataFrame | None = None,
                    private: bool = False) -> Exhibit:
        """Save a figure as PNG (300 dpi), SVG and PDF, and the plotted numbers as CSV.

        Parameters
        ----------
        fig : matplotlib Figure, or (figure, data) as the functions of lbc.reporting.figures return them
            It is closed afterwards.
        name : str
            "cls_total" becomes "02_cls_total" in stage 02.
        caption : dict
            Text in en and zh.
        data : DataFrame
            The plotted numbers; what the digest under the picture is computed from.
        private : bool
            One line or point per child: goes to `private/figures` and is shown only where params release it.
        """
        from lbc.reporting import figures, style

        if data is None:
            fig, data = fig
        if self.params.figures.width:
            fig = style.again(fig, width=self.params.figures.width)
        stem = self._place("figures", name, private)
        other = next(language for language in LANGUAGES if language != self.language)
        folder, own = stem.rsplit("/", 1)
        stems = {self.language: stem, other: f"{folder}/{other}/{own}"}
        (self._out / folder / other).mkdir(exist_ok=True)
        written = self._drawn(fig, stem, self.language)
        digest = write_csv(data, self._out / f"{stem}.csv")
        picture = figures.preview(fig)
        again = style.again(fig, other, self.params.figures.width)
        written += [f"{stem}.csv", *self._drawn(again, stems[other], other)]
        for drawn in {fig, again}:
            figures.close(drawn)
        return self._exhibit("figure", stem, self._captioned(caption, stem), written, digest, private, png=picture,
                             more={"pictures": stems})

    def _drawn(self, fig: Any, stem: str, language: str) -> list[str]:
        from lbc.reporting import figures

        files = figures.save(fig, self._out / stem, SIMULATED[language] if self.synthetic else None,
                             formats=self.params.figures.formats)
        return [Path(file).relative_to(self._out).as_posix() for file in files]

    def save_table(self, table: Any, name: str, caption: Words | None = None, note: Words | None = None,
                   private: bool = False) -> Exhibit:
        """Save a table as CSV in full precision; what comes back shows it rendered.

        Parameters
        ----------
        table : DataFrame or lbc.reporting.tables.Table
        name, caption, private
            As for `save_figure`; without a caption the Table's own.
        note : dict, optional
            The note under the table in en and zh.
        """
        from lbc.reporting import table_tests, tables

        stem = self._place("tables", name, private)
        shown = table if isinstance(table, tables.Table) else tables.Table(table)
        rows = zip(table_tests.tests(shown, "en"), table_tests.tests(shown, "zh"), strict=True)
        self._printed |= {f"{stem}, {place}": ({"en": en, "zh": zh}, private) for (place, en), (_, zh) in rows}
        digest = write_csv(shown.frame, self._out / f"{stem}.csv")
        caption = self._captioned(shown.caption if caption is None else caption, stem)
        more = shown.rendered(caption=caption, note=note)
        html = shown.to_html(self.language, caption=caption, note=note,
                             synthetic_note=SIMULATED[self.language] if self.synthetic else None)
        return self._exhibit("table", stem, caption, [f"{stem}.csv"], digest, private, html=html, more=more)

    def bilingual(self, function: Callable[..., pd.DataFrame], *args: Any, **kwargs: Any) -> pd.DataFrame:
        """The frame that `function(*args, language=...)` gives, each column of texts in both languages."""
        one, other = (function(*args, language=language, **kwargs) for language in LANGUAGES)
        both = one.copy()
        for name in one:
            if not one[name].equals(other[name]):
                pairs = zip(one[name], other[name], strict=True)
                both[name] = [dict(zip(LANGUAGES, pair, strict=True)) for pair in pairs]
        return both

    def figure_or_reason(self, name: str, caption: Words, draw: Callable[..., Any], compute: Callable[..., Any],
                         *args: Any, names: dict[str, Words] | None = None, private: bool = False,
                         **drawing: Any) -> Exhibit | Shown:
        """Save the figure that `draw` makes of what `compute(*args)` returns, or show why that cannot be computed.

        Parameters
        ----------
        name, caption, private
            As for `save_figure`.
        draw, compute : callable
            A function of `lbc.reporting.figures` and one that gives what it draws (a tuple for several things).
        names : dict, optional
            Labels, where not those of all variables.
        **drawing
            Further arguments of `draw`.
        """
        from lbc.reporting import reasons

        try:
            computed = compute(*args)
        except NotEstimableError as error:
            return self._none(name, reasons.both(str(error)))
        things = computed if isinstance(computed, tuple) else (computed,)
        fig, data = draw(*things, labels=names or self.labels(), language=self.language, **drawing)
        return self.save_figure(fig, name, caption, data, private=private)

    def table_or_reason(self, name: str, caption: Words, compute: Callable[..., Any], *args: Any,
                        names: dict[str, Words] | None = None, note: Words | None = None, private: bool = False,
                        **kwargs: Any) -> Exhibit | Shown:
        """Save the table that `compute(*args, **kwargs)` returns, or show why it cannot be computed.

        `names` are the labels, where not those of all variables.
        """
        from lbc.reporting import reasons, tables

        try:
            table = compute(*args, **kwargs)
        except NotEstimableError as error:
            return self._none(name, reasons.both(str(error)))
        shown = tables.Table(table, labels=names or self.labels())
        return self.save_table(shown, name, caption, note=note, private=private)

    def _none(self, name: str, why: Words) -> Shown:
        return Shown({language: f"{name}: {text}" for language, text in why.items()}, self.language)

    def _place(self, folder: str, name: str, private: bool) -> str:
        full = f"{self.stage[:2]}_{name}"
        if (folder, full) in self._exhibits:
            raise ValueError(f"the exhibit '{full}' is saved twice")
        self._exhibits[folder, full] = private
        stem = f"private/{folder}/{full}" if private else f"{folder}/{full}"
        (self._out / stem).parent.mkdir(parents=True, exist_ok=True)
        return stem

    def _exhibit(self, kind: Any, stem: str, caption: Words, files: list[str], digest: str, private: bool,
                 html: str = "", png: bytes = b"", more: dict[str, Any] | None = None) -> Exhibit | Shown:
        name = stem.rsplit("/", 1)[1]
        if private and not self._released(name):
            return self._private(files[0], f"{kind} {name} [{digest}]: {caption[self.language]}")
        rules = [rule.reason for rule in self.params.privacy.release if fnmatchcase(name, rule.exhibit)]
        self._rendered.append({"name": name, "kind": kind, "digest": digest, "private": private, "files": files}
                              | ({"released": rules[0]} if private else {}) | (more or {}) | {"caption": caption})
        return Exhibit(name, kind, caption, tuple(files), digest, self.language, html, png)

    def _captioned(self, caption: Words, stem: str) -> Words:
        """The caption; after it, where a change of the protocol touches the exhibit, what was changed."""
        from lbc.reporting import wording

        why = self._exploratory(stem.rsplit("/", 1)[1])
        if why is None:
            return _both(caption)
        stop = {"en": ". ", "zh": "。"}
        return {key: text + stop[key] + wording.exploratory(why, key) for key, text in _both(caption).items()}

    def _released(self, name: str) -> bool:
        return any(fnmatchcase(name, release.exhibit) for release in self.params.privacy.release)

    def _private(self, place: str, plain: str | None = None) -> Shown:
        both = {language: text.format(town=self.town, place=place) for language, text in PRIVATE.items()}
        return Shown(both, self.language, plain=plain)

    # ------------------------------------------------------- words and ending

    def say(self, en: str, zh: str) -> None:
        """Show a computed sentence in the town's language."""
        self._printed[f"{self.stage}, sentence {len(self._printed) + 1}"] = ({"en": en, "zh": zh}, False)
        put(Shown({"en": en, "zh": zh}, self.language))

    def show(self, *things: Any) -> None:
        """Show several things of one cell below one another."""
        put(*things)

    def require(self, part: Any, what: Words) -> Any:
        """A part of the params; where the town has none, say "not collected", finish, and end the notebook here.

        Parameters
        ----------
        part : params section or None
            One that may be left out, e.g. `stage.params.interviews`.
        what : dict
            What was not collected, in en and zh.

        Raises
        ------
        NotCollectedError
            The pipeline takes it as the end of the notebook.
        """
        if part is None:
            self.not_collected(what)
            put(self.report_card())
            raise NotCollectedError(f"{what['en']} were not collected: this notebook ends here")
        return part

    def not_collected(self, what: Words) -> None:
        """Show and record that the town has no such data, which is no error."""
        self._missing.append(_both(what))
        put(Shown({language: text.format(what=what[language], town=getattr(self.params.name, language))
                   for language, text in NOT_COLLECTED.items()}, self.language))

    def report_card(self) -> Shown:
        """Write findings and record; show inputs with hashes, n in and out, seed, versions and warnings."""
        from lbc.pipeline import display

        public = [f for id, (f, private) in self._findings.items() if not private or self._released(id)]
        self._write(f"findings/{self.stage}.json", self._document(public, claims=True))
        hidden = [f for f, private in self._findings.values() if private]
        if hidden or any(private for _, private in self._printed.values()):
            self._write(f"private/findings/{self.stage}.json", self._document(hidden))
        flow = next((f["n"] for id, (f, _) in self._findings.items() if id.endswith(".flow") and f["n"]), {})
        counts = list(flow.values()) or [None]
        card = display.report_card(self, counts[0] if self.n_in is None else self.n_in,
                                   counts[-1] if self.n_out is None else self.n_out)
        self._write(f"exhibits/{self.stage}.json", {"stage": self.stage, "town": self.town,
                                                    "synthetic": self.synthetic, "exhibits": self._rendered})
        self._write("record.json", self._reads.to_json())
        return card

    def _document(self, findings: list[Any], claims: bool = False) -> dict[str, Any]:
        document = {"stage": self.stage, "town": self.town, "synthetic": self.synthetic, "findings": findings}
        document["printed"] = {place: text for place, (text, private) in self._printed.items() if private != claims}
        if claims:
            document["exhibits"] = sorted({name for (_, name), private in self._exhibits.items() if not private})
        if claims and self._missing:
            document["not_collected"] = self._missing
        if claims and self._claims is not None:
            document["claims"] = self._claims
        return document

    def _write(self, relative: str, value: Any) -> None:
        path = self._out / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        path.write_text(text, encoding="utf-8", newline="\n")


def write_csv(data: pd.DataFrame, path: Path) -> str:
    """Write plotted or tabulated numbers in full precision; returns the digest that notebooks show.

    The digest is of the numbers to nine digits: the last ones may differ between processors, which is no difference.
    """
    from lbc.reporting import tables

    path.write_bytes(tables.csv_text(data).encode("utf-8"))
    rounded = data.map(lambda value: float(f"{value:.9g}") if isinstance(value, float) else value)
    return hashlib.sha256(tables.csv_text(rounded).encode("utf-8")).hexdigest()[:16]


def _both(words: Words) -> Words:
    if not isinstance(words, dict) or set(words) != {"en", "zh"} or not all(words.values()):
        raise ValueError(f"a text in both languages is needed, {{'en': ..., 'zh': ...}}; found {words!r}")
    return words
