"""The web report: one page for the claims, one for the findings, one per notebook; no script, no network.

Notebook bodies come from nbconvert's `basic` template and pass a list of allowed tags, attributes and styles before
they enter our own page, so text that somebody typed into a survey cannot act.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from lbc.reporting import wording
from lbc.reporting.terms import EVIDENCE, VERDICTS, pick, words

TAGS = frozenset(re.findall(
    r"\w+",
    "a b blockquote br caption code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p pre s span strong "
    "sub summary sup table tbody td tfoot th thead tr ul",
))
ATTRIBUTES = {"class", "id", "title", "alt", "colspan", "rowspan", "scope", "style"}
STYLES = ["border-bottom", "border-collapse", "border-top", "padding", "text-align", "color", "font-weight"]
GONE = ["script", "style", "iframe", "object", "embed", "svg", "math", "template", "noscript", "link", "meta", "form",
        "input", "button", "video", "audio", "base"]
CSS = """
:root{color-scheme:light dark;--ink:#222;--soft:#666;--line:#ccc;--paper:#fff;--tint:#f4f4f2;--link:#0067a5}
@media (prefers-color-scheme:dark){:root{--ink:#e6e6e3;--soft:#a5a5a0;--line:#4a4a48;--paper:#1b1b1a;--tint:#272725;
--link:#7cc4f0}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:56rem;padding:1rem 1.25rem 4rem;background:var(--paper);color:var(--ink);
font:1rem/1.6 Georgia,"Noto Serif CJK SC","Source Han Serif SC",SimSun,serif}
h1,h2,h3{line-height:1.25;margin:1.8em 0 .6em}h1{font-size:1.7rem}h2{font-size:1.3rem}h3{font-size:1.1rem}
a{color:var(--link)}nav{border-bottom:1px solid var(--line);padding-bottom:.5rem;font-size:.95rem}
nav a,nav b{margin-right:1.2em;white-space:nowrap}
.simulated{border:1px solid;padding:.3rem .7rem;font-weight:bold;margin:1rem 0}
table{border-collapse:collapse;margin:1rem 0;font-size:.92rem}caption{text-align:left;padding-bottom:.3rem}
th,td{padding:.3rem .6rem;vertical-align:top;text-align:left}
table.list{width:100%;border-top:1.5pt solid;border-bottom:1.5pt solid}table.list thead th{border-bottom:.75pt solid}
table.list tbody tr+tr td{border-top:1px solid var(--line)}
.wide{overflow-x:auto}
img{max-width:100%;height:auto;background:#fff;padding:.4rem}
pre,code{font-family:ui-monospace,Consolas,monospace;font-size:.85rem}pre{overflow-x:auto;margin:.4rem 0}
.highlight{background:var(--tint);padding:.4rem .7rem}.highlight .c1{color:var(--soft)}
details{margin:.4rem 0}summary{color:var(--soft);font-size:.85rem;cursor:pointer}
.prompt,.anchor-link{display:none}.lbc-note,.soft,.reason{color:var(--soft);font-size:.88rem}
.verdict{font-weight:bold;white-space:nowrap}
@media print{nav,details{display:none}}
"""
PAGE = Template("""<!doctype html>
<html lang="$lang">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>$css</style>
</head>
<body>
<nav>$nav</nav>
$banner<main>
$body
</main>
</body>
</html>
""")
MARKS = {"supported": "●", "partly supported": "◐", "not supported": "○", "cannot be tested with this design": "×"}
SIMULATED = {"en": "Simulated data: no real child is described here.", "zh": "模拟数据：此处未描述任何真实儿童。"}


def write(
    notebooks: Mapping[str, Path | Mapping[str, Any]], documents: list[dict[str, Any]],
    verdicts: list[dict[str, Any]], out_dir: Path, *, language: str, town: str, synthetic: bool,
    rests_on: Mapping[str, list[str]] | None = None, exhibits: Mapping[str, list[str]] | None = None,
) -> list[Path]:
    """Write the report of a town.

    Parameters
    ----------
    notebooks : dict of stage to path or notebook
        Executed notebooks in the order to be shown: a path, or the notebook's JSON already read.
    documents : list of dict
        The contents of `findings/<stage>.json`.
    verdicts : list of dict
        What `claims.judge` returns.
    out_dir : Path
        Made where it is missing.
    language : {"en", "zh"}
    town : str
        The town's name as readers see it.
    synthetic : bool
        Say on every page that the data are simulated.
    rests_on : dict of claim id to finding ids, optional
        Links from a claim to its findings.
    exhibits : dict of claim id to names of exhibits, optional
        Links from a claim to the notebooks that show them.

    Returns
    -------
    list of Path
        index.html, findings.html and one page per notebook; the same bytes for the same input.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    bodies = {stage: notebook_body(source, language) for stage, source in notebooks.items()}
    titles = {stage: _title(body, stage) for stage, body in bodies.items()}
    index = _index(verdicts, rests_on or {}, exhibits or {}, documents, language, town)
    pages = {
        "index.html": (pick(language, "Claims", "论断"), index),
        "findings.html": (pick(language, "Findings", "结果"), _findings(documents, set(bodies), language)),
        **{f"{stage}.html": (titles[stage], bodies[stage]) for stage in bodies},
    }
    written = []
    for name, (title, body) in pages.items():
        page = PAGE.substitute(
            lang=pick(language, "en", "zh-CN"), title=escape(f"{title} · {town}"), css=CSS, body=body,
            nav="".join(_link(other, text, other == name) for other, (text, _) in pages.items()),
            banner=f'<p class="simulated">{SIMULATED[language]}</p>\n' if synthetic else "",
        )
        path = out_dir / name
        path.write_text(page, encoding="utf-8", newline="\n")
        written.append(path)
    return written


def notebook_body(source: Path | Mapping[str, Any], language: str = "en") -> str:
    """A notebook as clean HTML: code folded away, tables and PNG kept, nothing that acts or loads."""
    import nbformat
    from nbconvert import HTMLExporter

    if isinstance(source, Path):
        notebook = nbformat.reads(source.read_text(encoding="utf-8"), as_version=4)
    else:
        notebook = nbformat.from_dict(source)
    body, _ = HTMLExporter(template_name="basic").from_notebook_node(notebook)
    return clean(_folded(body, pick(language, "code", "代码")))


def _folded(body: str, summary: str) -> str:
    """Drop what may act, and put the code of each cell behind a fold."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(body, "html.parser")
    for tag in soup.find_all(GONE):
        tag.decompose()
    for code in soup.select("div.input"):
        fold = soup.new_tag("details")
        label = soup.new_tag("summary")
        label.string = summary
        code.wrap(fold)
        fold.insert(0, label)
    return str(soup)


def text(page: str) -> str:
    """What a page says outside the notebooks' tables (whose rows `table_tests` reads)."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(page, "html.parser")
    for tag in soup.select("style, table.lbc-table"):
        tag.decompose()
    return soup.get_text(" ")


def clean(html: str) -> str:
    """HTML reduced to the tags, attributes and styles on this module's lists; links only within the report."""
    import bleach
    from bleach.css_sanitizer import CSSSanitizer

    styles = CSSSanitizer(allowed_css_properties=STYLES, allowed_svg_properties=[])
    return bleach.clean(html, tags=TAGS, attributes=_allowed, protocols=["data"], strip=True, css_sanitizer=styles)


def _allowed(tag: str, name: str, value: str) -> bool:
    if tag == "img" and name == "src":
        return value.startswith("data:image/png;base64,")
    if tag == "a" and name == "href":
        return re.fullmatch(r"#[^\s]*|[\w.-]+\.html(#[^\s]*)?", value) is not None
    return name in ATTRIBUTES


def _title(body: str, stage: str) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", body, re.S)
    text = re.sub(r"<a class=\"anchor-link\".*?</a>|<[^>]+>", "", found.group(1)) if found else ""
    return text.strip().replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">") or stage


def _link(target: str, text: str, here: bool) -> str:
    return f"<b>{escape(text)}</b>" if here else f'<a href="{target}">{escape(text)}</a>'


def anchor(finding: str) -> str:
    """The place of a finding on findings.html."""
    return "f-" + re.sub(r"[^A-Za-z0-9_]+", "-", finding)


def _index(
    verdicts: list[dict[str, Any]], rests_on: Mapping[str, list[str]], exhibits: Mapping[str, list[str]],
    documents: list[dict[str, Any]], language: str, town: str,
) -> str:
    known = {finding["id"] for document in documents for finding in document["findings"]}
    head = pick(language, "What the thesis claims, and what the data say", "论文的论断与数据的回答")
    names = [pick(language, *pair) for pair in (("Claim", "论断"), ("Verdict", "判断"), ("Evidence", "证据强度"))]
    rows = []
    for k, claim in enumerate(verdicts, start=1):
        links = "".join(f' <a href="findings.html#{anchor(i)}">{escape(i)}</a>' for i in rests_on.get(claim["id"], [])
                        if i in known)
        pages = {document["stage"][:2]: document["stage"] for document in documents}
        links += "".join(" " + _link(f"{pages[name[:2]]}.html", name, False) for name in exhibits.get(claim["id"], [])
                         if name[:2] in pages)
        evidence = EVIDENCE[claim["evidence"]][language] if claim["evidence"] else "—"
        verdict = f"{MARKS[claim['verdict']]} {VERDICTS[claim['verdict']][language]}"
        rows.append(
            f'<tr id="c-{escape(claim["id"])}"><td>{k}</td><td>{escape(claim["sentence"])}'
            f'<div class="reason">{escape(claim["reason"])}{links}</div></td>'
            f'<td class="verdict">{escape(verdict)}</td><td>{escape(evidence)}</td></tr>'
        )
    heads = "".join(f'<th scope="col">{escape(text)}</th>' for text in ("", *names))
    table = f'<div class="wide"><table class="list"><thead><tr>{heads}</tr></thead><tbody>'
    return f"<h1>{escape(town)}</h1>\n<h2>{head}</h2>\n{table}\n" + "\n".join(rows) + "\n</tbody></table></div>"


def _findings(documents: list[dict[str, Any]], stages: set[str], language: str) -> str:
    parts = [f"<h1>{pick(language, 'Findings', '结果')}</h1>"]
    for document in documents:
        stage = document["stage"]
        name = _link(f"{stage}.html", stage, stage not in stages)
        parts.append(f"<h2>{name}</h2>\n<ul>")
        for finding in document["findings"]:
            role = pick(language, "confirmatory", "验证性") if finding.get("confirmatory") else ""
            source = words(finding.get("reference") or "", language)
            extra = " · ".join(text for text in (finding["id"], finding.get("method", ""), source, role) if text)
            parts.append(f'<li id="{anchor(finding["id"])}">{escape(wording.sentence(finding, language))}'
                         f'<div class="soft">{escape(extra)}</div></li>')
        parts.append("</ul>")
    return "\n".join(parts)
