"""The web report: it says everything, loads nothing, runs nothing, and is the same every time."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest

from lbc.reporting import site
from lbc.reporting.tables import Table

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
EVIL = '<script>alert(1)</script><img src=x onerror="alert(2)"><a href="javascript:alert(3)">x</a>'


def notebook() -> Any:
    import pandas as pd

    table = Table(pd.DataFrame({"who": [EVIL], "x": [1.0]}), caption="Means").to_html("en")
    new = nbformat.v4
    outputs = [
        new.new_output("display_data", data={"text/plain": "figure 02_x [0123456789abcdef]: c", "image/png": PNG}),
        new.new_output("execute_result", execution_count=1, data={"text/plain": "t", "text/html": table}),
        new.new_output(
            "display_data", data={"text/html": EVIL + "<style>p{}</style><iframe src='http://x'></iframe>"}
        ),
        new.new_output("display_data", data={"text/markdown": EVIL, "text/plain": "m"}),
        new.new_output("display_data", data={"image/svg+xml": "<svg onload='alert(4)'></svg>"}),
        new.new_output("stream", name="stdout", text="n = 600 <b>"),
    ]
    cells = [
        new.new_markdown_cell("# 02 Comparison & more\n\n孤独感 [link](https://example.org) " + EVIL),
        new.new_code_cell("stage.record(1)  # 记录", execution_count=1, outputs=outputs),
    ]
    for k, cell in enumerate(cells):
        cell["id"] = f"cell-{k}"
    return new.new_notebook(cells=cells)


FINDING = {
    "id": "comparison.cls_total.difference",
    "label": {"en": "Loneliness <b>", "zh": "孤独感"},
    "method": "Welch <t>",
    "estimate": {"name": "mean difference", "value": 3.4, "ci": [1.9, 4.9], "level": 0.95, "unit": "points"},
    "effect": None,
    "test": None,
    "n": {},
    "evidence": "association",
    "confirmatory": True,
    "reference": "Welch 1947",
}
VERDICTS = [
    {
        "id": "lonelier",
        "verdict": "supported",
        "evidence": "association",
        "reason": "Holds <i>.",
        "sentence": "By 3.4 < 5.",
    },
    {
        "id": "case_works",
        "verdict": "cannot be tested with this design",
        "evidence": None,
        "reason": "not collected",
        "sentence": EVIL,
    },
]


def build(folder: Path, language: str = "en", synthetic: bool = True) -> dict[str, str]:
    path = folder / "source.ipynb"
    folder.mkdir(exist_ok=True)
    path.write_text(nbformat.writes(notebook()), encoding="utf-8")
    document = {"stage": "02_group_comparison", "town": "s_town", "synthetic": True, "findings": [FINDING]}
    written = site.write(
        {"02_group_comparison": path},
        [document],
        VERDICTS,
        folder / "report",
        language=language,
        town="S <town>",
        synthetic=synthetic,
        rests_on={"lonelier": ["comparison.cls_total.difference", "not.there"]},
    )
    return {p.name: p.read_bytes().decode("utf-8") for p in written}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return build(tmp_path_factory.mktemp("site") / "a")


class Seen(HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]


def test_pages_and_their_links(pages: dict[str, str]) -> None:
    assert list(pages) == ["index.html", "findings.html", "02_group_comparison.html"]
    targets = {
        value.partition("#")[0]
        for page in pages.values()
        for tag, name, value in Seen(page).attributes
        if name == "href" and not value.startswith("#")
    }
    assert targets == set(pages)
    assert 'href="findings.html#f-comparison-cls_total-difference"' in pages["index.html"]
    assert 'id="f-comparison-cls_total-difference"' in pages["findings.html"]
    assert "not.there" not in pages["index.html"]
    assert "<title>02 Comparison &amp; more · S &lt;town&gt;</title>" in pages["02_group_comparison.html"]


def test_claims_with_verdict_evidence_and_reason(pages: dict[str, str]) -> None:
    row = re.search(r'<tr id="c-lonelier">.*?</tr>', pages["index.html"])
    assert row is not None
    assert row.group() == (
        '<tr id="c-lonelier"><td>1</td><td>By 3.4 &lt; 5.<div class="reason">Holds &lt;i&gt;. '
        '<a href="findings.html#f-comparison-cls_total-difference">comparison.cls_total.difference</a></div></td>'
        '<td class="verdict">● supported</td><td>association</td></tr>'
    )
    assert '<td class="verdict">× cannot be tested with this design</td><td>—</td>' in pages["index.html"]


def test_nothing_acts_and_nothing_loads(pages: dict[str, str]) -> None:
    for name, page in pages.items():
        seen = Seen(page)
        assert not {"script", "iframe", "svg", "object", "link", "form"} & set(seen.tags), name
        assert [a for a in seen.attributes if a[1].startswith("on")] == [], name
        loads = [value for _, attribute, value in seen.attributes if attribute in ("src", "href", "action", "data")]
        assert [v for v in loads if re.match(r"(?i)(https?:)?//|javascript:|file:|data:(?!image/png)", v)] == [], name
        assert "http://" not in page, name
        assert "https://" not in page, name
        assert ("meta", "content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'") in seen.attributes
        assert page.count("<style>") == 1


def test_tables_pictures_and_texts_stay(pages: dict[str, str]) -> None:
    page = pages["02_group_comparison.html"]
    assert f'src="data:image/png;base64,{PNG}"' in page
    assert page.count("<th ") == 2
    assert "<caption" in page
    assert "border-top:1.5pt solid currentColor" in page
    assert "alert(1)" in page, "the child's text stands in the table cell, escaped"
    assert "&lt;script&gt;alert(1)" in page
    assert "孤独感" in page
    assert "# 记录" in page
    assert page.count("<summary>code</summary>") == 1
    assert "n = 600 &lt;b&gt;" in page


def test_synthetic_is_said_on_every_page(pages: dict[str, str], tmp_path: Path) -> None:
    assert all("Simulated data: no real child is described here." in page for page in pages.values())
    real = build(tmp_path / "real", synthetic=False)
    assert not any("Simulated data" in page for page in real.values())


def test_the_same_bytes_again(pages: dict[str, str], tmp_path: Path) -> None:
    assert build(tmp_path / "b") == pages
    assert not any("\r" in page for page in pages.values())


def test_in_chinese(tmp_path: Path) -> None:
    pages = build(tmp_path / "zh", "zh")
    assert all('<html lang="zh-CN">' in page for page in pages.values())
    assert "论文的论断与数据的回答" in pages["index.html"]
    assert "● 得到支持</td><td>相关关系" in pages["index.html"]
    assert "孤独感：均值差 = 3.40 分，95% 置信区间 [1.90, 4.90]。" in pages["findings.html"]
    assert "模拟数据：此处未描述任何真实儿童。" in pages["index.html"]
    assert "<summary>代码</summary>" in pages["02_group_comparison.html"]


@pytest.mark.parametrize(
    "html",
    [
        '<a href="javascript:alert(1)">x</a>',
        '<a href="https://example.org">x</a>',
        '<a href="data:text/html,x">x</a>',
        '<img src="http://example.org/x.png">',
        '<img src="data:image/svg+xml;base64,AAAA">',
        '<p onclick="x()">x</p>',
        '<p style="background:url(http://example.org/x)">x</p>',
        "<svg><script>x</script></svg>",
        '<base href="http://x">',
        '<math><mi xlink:href="javascript:x">x</mi></math>',
        "<!-- x --><p>",
        '<form action="/x"><input></form>',
    ],
)
def test_clean(html: str) -> None:
    out = site.clean(html)
    assert not re.search(r"(?i)javascript|https?:|onclick|data:|<svg|<math|<form|<script|url\(|<!--|xlink", out)
