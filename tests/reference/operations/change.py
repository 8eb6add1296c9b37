"""Reliable and clinically significant change: base R (h01, h02)."""

from __future__ import annotations

from typing import Any

from lbc.analysis import change
from operations import Case, operation
from operations.common import file


@operation("reliable_change")
def worked_example(told: Case) -> dict[str, Any]:
    o = told["options"]
    bar = change.reliable_bar(o["s1"], o["rxx"])
    cuts = change.clinical_cutoffs(o["M1"], o["s1"], o["M0"], o["s0"])
    way = "up" if o["higher_is_better"] else "down"
    member = change.reliable_change([o["pre"]], [o["post"]], o["s1"], o["rxx"], way).iloc[0]
    return {
        "se_measurement": bar.se_measurement, "s_diff": bar.s_diff, "smallest_reliable_change": bar.smallest,
        "rc": member["rci"], "reliable": bool(member["class"] == "improved"),
        **{f"cutoff_{name}": cuts[name] for name in "abc"},
    }


@operation("clinical_significance")
def clinical(told: Case) -> dict[str, Any]:
    answer = {}
    for scale, e in told["expected"].items():
        o = told["options"][scale]
        wide = file(told).pivot(index="subject", columns="time", values=scale).dropna()
        mean, sd = float(wide["pre"].mean()), float(wide["pre"].std())
        cuts = change.clinical_cutoffs(mean, sd, o["m_functional"], o["sd_functional"])
        way = "up" if o["m_functional"] > mean else "down"
        table = change.reliable_change(wide["pre"], wide["post"], sd, o["reliability"], way, cutoff=cuts["c"])
        answer[scale] = {
            "subject": table.index.tolist(), "n": len(table), "rci": table["rci"].tolist(),
            "s_diff": change.reliable_bar(sd, o["reliability"]).s_diff, "category": table["clinical"].tolist(),
            "counts": {name: int((table["clinical"] == name).sum()) for name in e["counts"]},
            **{f"cutoff_{name}": cuts[name] for name in "abc"},
        }
    return answer
