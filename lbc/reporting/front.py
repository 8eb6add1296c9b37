"""The front door: one page that lists every town, in both languages, without script and without network.

Two radio buttons and a style rule switch the language; a browser too old for the rule shows both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from lbc.reporting.italics import html, runs
from lbc.reporting.terms import EVIDENCE, VERDICTS
from lbc.results import Words

CODES = {"en": "en", "zh": "zh-CN"}
TEXTS: dict[str, Words] = {
    "title": {"en": "Towns", "zh": "各乡镇"},
    "skip": {"en": "To the towns", "zh": "跳到乡镇列表"},
    "lead": {"en": "What has been computed for each town, and where to read it.",
             "zh": "各乡镇的计算状况与阅读入口。"},
    "empty": {"en": "There is no town yet: make new-town TOWN=name DATA=your_survey.xlsx",
              "zh": "尚无乡镇：make new-town TOWN=name DATA=your_survey.xlsx"},
    "simulated": {"en": "Simulated data: no real child is described here.",
                  "zh": "模拟数据：此处未描述任何真实儿童。"},
    "language": {"en": "Language", "zh": "语言"},
    "state": {"en": "State", "zh": "状态"},
    "headline": {"en": "Main claim", "zh": "主要论断"},
    "verified": {"en": "Verified", "zh": "复核"},
    "read": {"en": "Read", "zh": "阅读"},
    "no links": {"en": "Nothing has been written yet.", "zh": "尚未生成任何文件。"},
    "problem": {"en": "cannot be read", "zh": "无法读取"},
    "never": {"en": "never run", "zh": "从未运行"},
    "failed": {"en": "failed in its last run", "zh": "上次运行失败"},
    "stale": {"en": "out of date", "zh": "已过期"},
    "current": {"en": "all stages are current", "zh": "各阶段均为最新"},
    "same": {"en": "Run again, all {numbers} results compared were the same.",
             "zh": "重新运行后，所比较的 {numbers} 项结果全部相同。"},
    "differ": {"en": "Run again, {differ} of {numbers} results compared were not the same.",
               "zh": "重新运行后，所比较的 {numbers} 项结果中有 {differ} 项不同。"},
    "not made": {"en": "The results could not be made again: the fresh run failed.",
                 "zh": "未能重新得出结果：重新运行失败。"},
    "not verified": {"en": "Not verified since the last run.", "zh": "上次运行后尚未复核。"},
}
MARKS = {"current": "●", "stale": "◐", "failed": "×", "never": "○", "problem": "×"}
REASONS = [
    (r"never run", "从未运行"), (r"failed when it last ran", "上次运行失败"), (r"(\S+) runs first", r"须先运行 \1"),
    (r"params (\S+) changed from (.+) to (.+)", r"参数 \1 由 \2 改为 \3"), (r"(.+) changed", r"\1 已改动"),
    (r"(.+) appeared", r"\1 为新增"), (r"(.+) is missing", r"\1 缺失"),
]
"""Why a stage is out of date, as the manifest says it, in Chinese; the first that fits."""
CSS = """
.choice{border:0;margin:0;padding:.8rem 0 .5rem;border-bottom:1px solid var(--line);display:flex;gap:1.2rem;
justify-content:flex-end;font-size:.92rem}
.choice legend{position:absolute;left:-99rem}
body:has(#in-en:checked) main [lang|=zh],body:has(#in-zh:checked) main [lang|=en]{display:none}
.town{border-top:1.5pt solid;margin-top:2rem}
.town h2{margin:.8rem 0 .4rem}.town h2 code{color:var(--soft);font-weight:normal;margin-left:.5em}
.town dd p,.town dd ul{margin:0 0 .3rem}.town ul{padding-left:1.2rem}
.town .links{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem}
.town pre{margin:0}
@media print{.choice{display:none}.town{break-inside:avoid}}
"""
PAGE = Template("""<!doctype html>
<html lang="$lang">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>$css</style>
</head>
<body>
<a class="skip" href="#main">$skip</a>
<header>
<fieldset class="choice"><legend>$choose</legend>
<label lang="zh-CN"><input type="radio" name="language" id="in-zh"$zh> 中文</label>
<label lang="en"><input type="radio" name="language" id="in-en"$en> English</label>
</fieldset>
</header>
<main id="main" tabindex="-1">
<h1>$heading</h1>
<p>$lead</p>
$towns
</main>
</body>
</html>
""")


def page(towns: Iterable[Mapping[str, Any]], language: str = "en") -> str:
    """The page of all towns.

    Parameters
    ----------
    towns : iterable of dict
        For each town `slug`; `name` (Words, or None where its params cannot be read); `synthetic`; `problem` (a text,
        or None); `stages` (dicts of `stage`, `why` it must run or None, `status` of its last run or None);
        `headline` (the claim as judged, or None) with `no_headline` (Words: why there is none); `verified` (as
        `verify.last` gives it, or None); `links` (pairs of Words and address, relative to the page).
    language : {"en", "zh"}
        Which language is shown first.

    Returns
    -------
    str
        HTML; the same bytes for the same towns. Everything that comes from a town is escaped.
    """
    shown = "\n".join(_town(town) for town in towns) or f"<p>{_text(TEXTS['empty'])}</p>"
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8") + CSS
    return PAGE.substitute(
        lang=CODES[language], css=style, title=_side(TEXTS["title"]), skip=_side(TEXTS["skip"]),
        choose=_side(TEXTS["language"]),
        en=" checked" * (language == "en"), zh=" checked" * (language == "zh"), heading=_text(TEXTS["title"]),
        lead=_text(TEXTS["lead"]), towns=shown)


def state(town: Mapping[str, Any]) -> str:
    """One word for a town: problem, never, failed, stale or current."""
    if town["problem"]:
        return "problem"
    waiting = [stage for stage in town["stages"] if stage["why"] is not None]
    if not waiting:
        return "current"
    if any(stage["status"] == "failed" for stage in waiting):
        return "failed"
    return "stale" if any(stage["status"] for stage in town["stages"]) else "never"


def _town(town: Mapping[str, Any]) -> str:
    slug, name = town["slug"], town["name"] or {"en": town["slug"], "zh": town["slug"]}
    rows = [("state", _state(town)), ("headline", _headline(town))]
    if state(town) not in ("never", "problem"):
        rows.append(("verified", f"<p>{_text(_verified(town['verified']))}</p>"))
    rows.append(("read", _links(town["links"])))
    banner = [f'<p class="simulated">{_text(TEXTS["simulated"])}</p>'] if town["synthetic"] else []
    listed = [f"<dt>{_text(TEXTS[label])}</dt><dd>{text}</dd>" for label, text in rows]
    return "\n".join([
        f'<section class="town" id="t-{escape(slug)}" aria-labelledby="h-{escape(slug)}">',
        f'<h2 id="h-{escape(slug)}">{_text(name)}<code>{escape(slug)}</code></h2>', *banner, "<dl>", *listed, "</dl>",
        "</section>"])


def _state(town: Mapping[str, Any]) -> str:
    """The state in words; below it what failed and what is out of date, with the reason."""
    word = state(town)
    text = f'<p class="state {word}">{MARKS[word]} {_text(TEXTS[word])}</p>'
    if word == "problem":
        return f"{text}<pre>{escape(town['problem'])}</pre>"
    if word in ("current", "never"):
        return text
    waiting = [stage for stage in town["stages"] if stage["why"] is not None]
    listed = "".join(f"<li><code>{escape(stage['stage'])}</code>{_text(_why(stage['why']))}</li>"
                     for stage in waiting)
    return f"{text}<ul>{listed}</ul>"


def _why(reason: str) -> Words:
    fits = (re.sub(pattern, chinese, reason) for pattern, chinese in REASONS if re.fullmatch(pattern, reason))
    return {"en": f": {reason}", "zh": f"：{next(fits, reason)}"}


def _headline(town: Mapping[str, Any]) -> str:
    claim = town["headline"]
    if claim is None:
        return f'<p class="soft">{_text(town["no_headline"])}</p>'
    verdict, evidence = VERDICTS[claim["verdict"]], EVIDENCE.get(claim["evidence"] or "")
    words = claim.get("words") or {key: {"sentence": claim["sentence"]} for key in CODES}
    sentence = {language: words[language]["sentence"] for language in CODES}
    after = {"en": f" ({evidence['en']})", "zh": f"（{evidence['zh']}）"} if evidence else {"en": "", "zh": ""}
    judged = {language: verdict[language] + after[language] for language in CODES}
    return f'<p class="verdict">{_text(judged)}</p><p>{_text(sentence, _marked)}</p>'


def _verified(kept: Mapping[str, Any] | None) -> Words:
    if kept is None:
        return TEXTS["not verified"]
    which = "same" if kept["same"] else "differ" if kept["numbers"] else "not made"
    return {language: text.format(**kept) for language, text in TEXTS[which].items()}


def _links(links: Iterable[tuple[Words, str]]) -> str:
    items = "".join(f'<li><a href="{escape(address)}">{_text(text)}</a></li>' for text, address in links)
    return f'<ul class="links">{items}</ul>' if items else f'<p class="soft">{_text(TEXTS["no links"])}</p>'


def _text(words: Words, show: Callable[[str], str] = escape) -> str:
    """A text in both languages, of which one is shown."""
    if words["en"] == words["zh"]:
        return show(words["en"])
    return "".join(f'<span lang="{CODES[language]}">{show(words[language])}</span>' for language in CODES)


def _side(words: Words) -> str:
    """A short text in both languages, both shown."""
    return f"{words['en']} ｜ {words['zh']}"


def _marked(text: str) -> str:
    return "".join(map(html, runs(text)))
