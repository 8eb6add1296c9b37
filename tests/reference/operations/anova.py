"""More than two groups and tables of counts: car, rstatix, base R and vcd (c09 to c11)."""

from __future__ import annotations

import re
from typing import Any

from lbc.analysis import factors
from operations import Case, operation
from operations.common import code, file


@operation("two_way_anova", omitted={
    "levene_median": "no test of equal spread decides anything: the HC3 F stands beside the classical one",
})
def two_way(told: Case) -> dict[str, Any]:
    y, a, b = (re.search(rf'd\${name} <- .*?d\[\["(.+?)"\]\]', code(told))[1] for name in "yab")
    names = {a: "a", b: "b", f"{a}:{b}": "a:b"}
    answer: dict[str, Any] = {}
    for kind in (1, 2, 3):
        found = factors.two_way(file(told), y, a, b, kind=kind)
        table, terms = found["anova"].replace({"term": names}), list(names.values())
        answer[f"type{kind}"] = {name: table[name].tolist() for name in ("term", "ss", "df", "F", "p")}
        effects = table.set_index("term").loc[terms]
        answer |= {f"partial_eta2_type{kind}": effects["partial_eta2"]} if kind > 1 else {}
        answer |= {"partial_omega2_type2": effects["partial_omega2"]} if kind == 2 else {}
    cells = found["cells"].sort_values(["b", "a"])
    place = {"Var1": cells["a"].tolist(), "Var2": cells["b"].tolist()}
    return answer | {"n": cells["n"].sum(), "cell_n": place | {"Freq": cells["n"].tolist()},
                     "cell_means": place | {"Freq": cells["mean"].tolist()}}


@operation("one_way_anova", omitted={
    "levene_median": "no test of equal spread decides anything: Welch's test stands first",
    "games_howell/p_adj_rstatix_rounded": "p_adj, the same unrounded, is compared",
})
def one_way(told: Case) -> dict[str, Any]:
    y, g = re.search(r"y <- d\$(\w+); g <- factor\(d\$(\w+)\)", code(told)).groups()
    found = factors.one_way(file(told), y, g)
    levels, pairs, extra = found["levels"].set_index("level"), factors.pairs(file(told), y, g), found["anova"].extra
    tests = {name: found[name].test for name in ("anova", "welch", "kruskal")}

    def triangle(p: str) -> dict[str, list[float | None]]:
        known = {(row["first"], row["second"]): row[p] for _, row in pairs.iterrows()}
        return {first: [known.get((first, second)) for second in levels.index[1:]] for first in levels.index[:-1]}

    def ends(kind: str) -> dict[str, list[float]]:
        return {"lower": pairs[f"{kind}_low"].tolist(), "upper": pairs[f"{kind}_high"].tolist(),
                "p_adj": pairs[f"p_{kind}"].tolist()}

    return {
        "n": levels["n"], "means": levels["mean"], "sds": levels["sd"],
        "anova": {"F": tests["anova"].statistic, "df": tests["anova"].df, "p": tests["anova"].p,
                  "ss_between": extra["ss_between"], "ss_within": extra["ss_within"]},
        "eta2": extra["eta2"], "omega2": found["anova"].estimate.value,
        "welch": {"F": tests["welch"].statistic, "df": tests["welch"].df, "p": tests["welch"].p},
        "kruskal": {"H": tests["kruskal"].statistic, "df": tests["kruskal"].df, "p": tests["kruskal"].p,
                    "epsilon2": found["kruskal"].estimate.value},
        "tukey": {"pair": (pairs["second"] + "-" + pairs["first"]).tolist(), "diff": pairs["estimate"].tolist()}
        | ends("tukey"),
        "games_howell": {"group1": pairs["first"].tolist(), "group2": pairs["second"].tolist(),
                         "estimate": pairs["estimate"].tolist()} | ends("gh"),
        "pairwise_pooled_holm_p": triangle("p_pooled_holm"), "pairwise_welch_raw_p": triangle("p_welch"),
    }


@operation("contingency")
def contingency(told: Case) -> dict[str, Any]:
    a, b = re.search(r"tab <- table\(d\$(\w+), d\$(\w+)\)", code(told)).groups()
    found = factors.contingency(file(told), a, b)
    x = found.extra
    return {
        "table": x["table"].to_dict("list"), "rows": x["table"].index.tolist(), "n": found.n["children"],
        "pearson": {"chi2": x["chi2"], "df": x["df"], "p": x["p"]},
        "yates": {"chi2": x["chi2_yates"], "p": x["p_yates"]}, "fisher_p": x["fisher_p"],
        "odds_ratio_conditional_mle": x["odds_ratio"], "cramers_v": found.estimate.value,
        "cramers_v_bias_corrected": x["v_corrected"], "g2": x["g2"],
    }
