"""The simulated group: who its members are, what the work does to each of them, who is sent to case work."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lbc.instruments import Instrument
from lbc.instruments.scoring import score
from lbc.survey.simulation import children as kids
from lbc.survey.simulation.assumptions import Simulation, stream

OUTCOME = "cls"
LOW_SCORE = 0.1  # the low-loneliness peer stands near this quantile
READ = ("", "hurried")  # ways of answering of children who read the questions


class Group:
    """The highest left-behind scorers and one peer with low loneliness.

    Parameters
    ----------
    sim : Simulation
    survey : DataFrame
        All children with their answers; index 0..n-1.
    careless : array of str
        Kind of careless answering, "" for none; those who did not read the questions are not chosen.
    scales : dict of str to Instrument
    seed : int
    """

    def __init__(
        self, sim: Simulation, survey: pd.DataFrame, careless: np.ndarray, scales: dict[str, Instrument], seed: int
    ) -> None:
        self.sim, self.survey, self.scales, self.seed, self.plan = sim, survey, scales, seed, sim.intervention
        self.total = self._score(survey).where(np.isin(careless, READ))
        behind = self.total[survey["left_behind"] == 1].dropna()
        self.rows = [int(i) for i in behind.sort_values(ascending=False, kind="stable").index[: self.plan.members]]
        self.low = self._low_peer()
        rng = stream(seed, "members")
        self.share = np.array([self.plan.member_shares[i] for i in rng.permutation(self.plan.members)])
        self._lot = [int(i) for i in rng.permutation(self.plan.members)]
        self.case = 0  # place in `rows`; decided by the rule once the group has ended
        self._points: dict[str, np.ndarray] = {}

    def _score(self, answers: pd.DataFrame) -> pd.Series:
        scale = self.scales[OUTCOME]
        return score(answers[scale.columns()], scale)["total"]

    def _low_peer(self) -> int:
        """A child with both parents at home, of the school most members go to, near the lowest tenth."""
        school = self.survey["school"].iloc[self.rows].value_counts(sort=False).sort_index().idxmax()
        home = (self.survey["school"] == school) & (self.survey["left_behind"] == 0)
        peers = self.total[home].dropna()
        return int((peers - self.total.quantile(LOW_SCORE)).abs().idxmin())

    @property
    def codes(self) -> list[str]:
        """Code of each high scorer: drawn by lot, the member sent to case work changing places for its own code."""
        numbers = [f"M{k + 1:02d}" for k in range(len(self.rows) + 1)]
        free = [code for code in numbers if code != self.plan.low_peer]
        codes = [free[i] for i in self._lot]
        there = codes.index(self.plan.case_member)
        codes[there], codes[self.case] = codes[self.case], codes[there]
        return codes

    @property
    def shares(self) -> dict[str, float]:
        """Share of the group's effect by code, in order of the codes; the low-loneliness peer has none."""
        return dict(sorted([*zip(self.codes, self.share.tolist(), strict=True), (self.plan.low_peer, 0.0)]))

    def waves(
        self, fixed: pd.DataFrame, deviations: dict[str, pd.DataFrame], wording: pd.DataFrame, effect: float
    ) -> dict[str, pd.DataFrame]:
        """Item answers of all children at each wave after the survey; the work touches those of the members only.

        Parameters
        ----------
        fixed, deviations
            As `children.traits` and `children.later` give them.
        wording : DataFrame
        effect : float
            1 as planted, 0 for none.
        """
        names, answered = list(self.plan.waves), {}
        ended = names.index(self.plan.resurvey)
        for k, wave in enumerate(names[1:], start=1):
            trait = fixed + deviations[wave]
            trait[kids.LONELINESS] += self._time_alone(wave)
            without = self._expected(trait, wording)
            kept = self.plan.kept_at_follow_up if wave == names[-1] else 1.0
            if k >= ended:
                self._add(trait, self.rows, self.plan.group_d, effect * kept * self.share)
            if k > ended:
                self._add(trait, [self.rows[self.case]], self.plan.case_d, np.array([effect * kept]))
            self._points[wave] = self._expected(trait, wording) - without
            answered[wave] = kids.answers(self.sim, self.scales, trait, wording, self.seed, wave)
            if k == ended:
                self.case = self._by_rule(answered[names[1]], answered[wave])
        return answered

    def _time_alone(self, wave: str) -> float:
        """What passes without any work: growing older, and being asked again."""
        lonely = self.sim.loneliness
        older = lonely.points_per_grade / lonely.sd * self.plan.waves[wave] / 12
        return (older + lonely.asked_again_d) / np.sqrt(lonely.reliability)

    def _add(self, trait: pd.DataFrame, rows: list[int], sizes: dict[str, float], share: np.ndarray) -> None:
        rel = kids.reliabilities(self.sim)
        for name, d in sizes.items():
            trait.loc[rows, name] += share * d / np.sqrt(rel[name])

    def _expected(self, trait: pd.DataFrame, wording: pd.DataFrame) -> np.ndarray:
        """Expected total of each high scorer on the outcome."""
        part = next(part for part in self.sim.scales if part.scale == OUTCOME)
        of_trait = trait.loc[self.rows, kids.LONELINESS].to_numpy()
        return kids.expected_total(part, self.scales[OUTCOME], of_trait, wording.loc[self.rows, OUTCOME].to_numpy())

    def _by_rule(self, before: pd.DataFrame, after: pd.DataFrame) -> int:
        """The highest score after the group among those without reliable improvement (of all, where all improved)."""
        rule = self.plan.improved
        pre, post = (self._score(wave.loc[self.rows]).to_numpy() for wave in (before, after))
        bar = rule.z * self.total.std() * np.sqrt(2 * (1 - rule.reliability))
        left = post - pre > -bar
        return int(np.argmax(np.where(left, post, -1.0) if left.any() else post))

    def measures(self, answered: dict[str, pd.DataFrame]) -> pd.DataFrame:
        """`group_measures.csv`: member, id, wave, then every item; the first wave is the survey itself."""
        items = [column for scale in self.scales.values() for column in scale.columns()]
        who = sorted(zip([*self.codes, self.plan.low_peer], [*self.rows, self.low], strict=True))
        parts = []
        for wave in self.plan.waves:
            answers = answered.get(wave, self.survey).loc[[row for _, row in who], items].reset_index(drop=True)
            answers.insert(0, "member", [code for code, _ in who])
            answers.insert(1, "id", [self.survey.at[row, "id"] for _, row in who])
            answers.insert(2, "wave", wave)
            parts.append(answers)
        return pd.concat(parts).sort_values(["member", "wave"], kind="stable", ignore_index=True)

    def truth(self) -> list[dict[str, Any]]:
        """Who the members are, and by how many points the work moved each one's expected score at each wave."""
        entries = []
        for k, (code, row) in enumerate(zip(self.codes, self.rows, strict=True)):
            points = {wave: round(float(moved[k]), 2) + 0.0 for wave, moved in self._points.items()}
            entries.append({
                "member": code, "id": self.survey.at[row, "id"], "high_scorer": True, "case": k == self.case,
                "share_of_group_effect": float(self.share[k]),
                "cls_total_at_survey": round(float(self.total[row]), 2),
                "true_effect_in_points": points,
            })
        peer = {
            "member": self.plan.low_peer, "id": self.survey.at[self.low, "id"], "high_scorer": False, "case": False,
            "share_of_group_effect": 0.0, "cls_total_at_survey": round(float(self.total[self.low]), 2),
            "true_effect_in_points": dict.fromkeys(self._points, 0.0),
        }
        return sorted([*entries, peer], key=lambda entry: entry["member"])
