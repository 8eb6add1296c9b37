"""What the protocol of group and case work fixed beforehand, as a frame that a reader understands."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd


def protocol(
    fixed: Any, names: dict[str, dict[str, str]], language: str = "en", registered: dict[str, str] | None = None
) -> pd.DataFrame:
    """What the protocol of group and case work fixed beforehand, as lines that a reader understands.

    Parameters
    ----------
    fixed : lbc.params.Intervention
    names : dict
        Labels of scores and variables, in en and zh (`stage.labels()`).
    registered : dict, optional
        When it was registered and what changed since, in en and zh (`stage.registered.words`).
    """
    word = {"top_scores": ("the highest scores of the survey", "问卷得分最高者"),
            "nomination": ("nomination", "推荐"),
            "volunteers": ("volunteers", "自愿报名"), "none": ("nobody was measured again", "无人重测"),
            "resurvey": ("children of the survey, measured again", "再次测量的调查儿童"),
            "waitlist": ("children on the waiting list", "等候名单上的儿童"),
            "matched": ("chosen children of the survey, measured again", "选出的再次测量的调查儿童"),
            "lottery": ("; drawn by lot", "；抽签决定"), "decided": ("", ""),
            "down": ("↓", "↓"), "up": ("↑", "↑")}
    zh = language == "zh"

    def named(variable: str) -> str:
        return names.get(variable, {}).get(language, variable)

    waves = fixed.waves
    primary = {True: (" (primary)", "（主要）")[zh], False: ""}
    outcomes = "; ".join(f"{named(o.score)} {word[o.direction][zh]}{primary[o.primary]}" for o in fixed.outcomes)
    span = "{0.value} ({0.low}-{0.high}); {0.source}"
    days = _days(waves, waves.screening, waves.after_group)
    here = "" if days is None else (f"; here {days} days", f"；本研究相隔 {days} 天")[zh]
    could = "; ".join(f"{named(asked.variable)} = {asked.value}" for asked in fixed.eligible or [])
    otherwise = {True: ("the group of interest", "关注组"), False: ("every child surveyed", "所有受调查儿童")}
    rows = [
        (("who could be chosen", "可入选者"), could or otherwise[fixed.eligible is None][zh]),
        (("how members were chosen", "组员选取方式"), word[fixed.selection][zh]),
        (("low-loneliness peer, kept apart", "单列的低孤独感同伴"), fixed.low_peer or "—"),
        (("compared with", "比较对象"), word[fixed.comparison][zh] + word[fixed.allocation][zh]),
        (("waves", "测量时间点"), _when(waves, zh)),
        (("registered outcomes", "登记的结果指标"), outcomes),
        (("level of the primary test", "主要检验水平"), f"{fixed.alpha:g}"),
        (("retest correlation", "重测相关"), span.format(fixed.retest) + here),
        (("reliability", "信度"), span.format(fixed.reliability)),
        *([(("rule for case work", "个案工作规则"), getattr(fixed.case.rule, language))] if fixed.case else []),
        *([(("registered", "登记"), registered[language])] if registered else []),
    ]
    return pd.DataFrame([(text[zh], holds) for text, holds in rows], columns=["rule", "holds"])


def _days(waves: Any, first: str, last: str) -> int | None:
    """Days between two waves; None where a date is missing."""
    dates = [waves.dates.get(wave) for wave in (first, last)]
    return None if None in dates else (date.fromisoformat(dates[1]) - date.fromisoformat(dates[0])).days


def _when(waves: Any, zh: bool) -> str:
    """The waves with their dates and the days since the one before."""
    every = (waves.screening, waves.before, waves.after_group, waves.after_case, waves.follow_up)
    times = list(dict.fromkeys(wave for wave in every if wave))
    parts = []
    for before, wave in zip([None, *times], times, strict=False):
        days = None if before is None else _days(waves, before, wave)
        since = "" if days is None else (f" ({days} days later)", f"（{days} 天后）")[zh]
        parts.append(f"{wave} {waves.dates.get(wave, '')}".strip() + since)
    return ", ".join(parts)
