"""What is known of methods that do not keep what they promise, and where notebooks use what was calibrated."""

from __future__ import annotations

from fnmatch import fnmatch

FAILS, CONSERVATIVE, SHORT, EITHER = "fails", "conservative", "short", "either"
"""Fails: shown because it does. Conservative: may promise too little. Short: used, with a known and small shortfall.
Either: the one or the other, by circumstances."""

IGNORES = "takes children of one class as independent"
CLASS_LEVEL = "grade belongs to whole classes, and the test takes their children as independent"
SELECTED = "regression to the mean: the members were chosen for the very score they are compared with"
GAPS = "gaps follow the total, so that complete children are not like the others"
STEADY = "averaging over imputations steadies the covariance more than F allows for"
JACKKNIFE = "a jackknife overstates the variance (Efron & Stein 1981)"
MARKED = "imputing with a mark for every class overstates what is not known (Drechsler 2015)"
RARE = "16 classes are few for a bootstrap, and BCa of a product is known to reject too often"
FLOOR = "the floor of the scale bends the line between the waves"
LARGE = "16 skewed items are many for a scaled chi-square with 285 children a group"
FEW = "few members: p comes in steps, and none falls just below .05"
REMARKS: list[tuple[str, str, str]] = [  # study: world: event (shell patterns), kind, why; the first that fits counts
    ("error_rates: two groups, confounded: unadjusted*", FAILS, "does not adjust for what the groups differ in"),
    *((f"error_rates: two groups, {world}*: {event}", kind, IGNORES)
      for world, kind in (("uneven", SHORT), ("whole", FAILS))
      for event in ("Welch's t", "Brunner-Munzel", "three part scores*", "covariates, HC3")),
    ("error_rates: shuffled, uneven*: studentised permutation", SHORT, IGNORES),
    ("error_rates: shuffled, whole*: studentised permutation", FAILS, IGNORES),
    ("error_rates: shuffled, whole*: Brunner-Munzel, permuted", FAILS, IGNORES),
    ("error_rates: equivalence, uneven*", SHORT, IGNORES),
    ("error_rates: equivalence, whole*", FAILS, IGNORES),
    ("error_rates: several levels, *: means by grade, Welch*", FAILS, CLASS_LEVEL),
    ("error_rates: several levels, uneven*: interaction with *, H[!T]*", SHORT, IGNORES),
    ("error_rates: several levels, uneven*: interaction with *, classical", SHORT, IGNORES),
    ("error_rates: several levels, uneven*: *Welch*", SHORT, IGNORES),
    ("error_rates: classes alike: slope of*", CONSERVATIVE, "half of the variances are estimated as zero (boundary)"),
    ("error_rates: invariance, *: scalar against the step before", SHORT, LARGE),
    ("error_rates: invariance, *: fit of the configural model", SHORT, LARGE),
    ("error_rates: invariance, *: strict against the step before", SHORT, IGNORES),
    ("error_rates: invariance, *: score tests of all equalities*", CONSERVATIVE, "Holm's rule for dependent tests"),
    ("error_rates: invariance, uneven*: latent mean difference, z", SHORT, IGNORES),
    ("error_rates: two waves: change, *", SHORT, "classes regress to the mean together, and the test " + IGNORES),
    ("error_rates: two waves, classes move together: change, *", FAILS, IGNORES),
    ("error_rates: two waves, classes move together: *: time", FAILS, "knows of children, not of classes"),
    ("error_rates: indirect association, neither*", CONSERVATIVE, "the product of two zeros hardly varies"),
    ("error_rates: indirect association, *: bootstrap*", SHORT, RARE),
    ("error_rates: causes: *classes ignored", FAILS, IGNORES),
    ("error_rates: causes, many gaps imputed: *D1", CONSERVATIVE, STEADY),
    ("error_rates: simulated towns, *: change of members*", FAILS, SELECTED),
    ("error_rates: simulated towns, *: claim of a fall*", CONSERVATIVE, "one direction, and two conditions at once"),
    *((f"coverage: group difference, {world}*: {event}", FAILS if world == "whole" else SHORT, IGNORES)
      for world in ("uneven", "whole")
      for event in ("mean difference, [!p]*", "Hedges g*", "P(X < Y), Brunner*", "adjusted difference, HC3")),
    *((f"coverage: group difference, whole*: {event}", CONSERVATIVE, JACKKNIFE)
      for event in ("overlap weights", "doubly robust")),
    ("coverage: group difference, whole*: share above*", CONSERVATIVE, "widened a little much for few classes"),
    ("coverage: items imputed: complete cases*", FAILS, GAPS),
    ("coverage: causes*: *without a contribution", CONSERVATIVE, "a share of variance cannot be below zero"),
    ("coverage: causes, imputed: *", CONSERVATIVE, MARKED),
    ("coverage: coders, a code of 5 %: Gwet*", CONSERVATIVE, "some persons never speak of it"),
    *((f"intervention: *: {event}", FAILS, SELECTED) for event in
      ("paired t", "sign flip, exact", "Wilcoxon, exact", "difference of gains*")),
    ("intervention: *: Barnett, retest r taken*", FAILS, "wrong by what the retest correlation is wrong"),
    ("intervention: *: *, exact, from a second pre-test", CONSERVATIVE, FEW),
    ("intervention: *: placebo sets*", CONSERVATIVE, "the number of sets is finite, and they share children"),
    ("intervention: normal*: ANCOVA, HC2*", CONSERVATIVE, "the degrees of freedom are a little small"),
    ("intervention: CLS-like*: Mee-Chua", CONSERVATIVE, "members at one score have no line"),
    ("intervention: CLS-like*: ANCOVA, HC2: a fall", EITHER, FLOOR),
    ("intervention: CLS-like*: *HC2*", SHORT, FLOOR),
    ("intervention: *: Barnett, retest r known", SHORT, FLOOR),
    ("intervention: CLS-like*: ANCOVA, classical", FAILS, "high scorers spread more where scores are skewed"),
    ("intervention: *: ANCOVA, HC3*", SHORT, "its degrees of freedom count everybody, but members are few"),
]


def remark(study: str, world: str, event: str) -> tuple[str, str, str]:
    """What is known of a row: pattern, kind and reason, all empty where the method is to hold."""
    name = f"{study}: {world}: {event}"
    return next((known for known in REMARKS if fnmatch(name, known[0])), ("", "", ""))


def allowed(kind: str) -> set[str]:
    """What a row may be found to be."""
    return {"": {"holds"}, FAILS: {FAILS}, CONSERVATIVE: {"holds", CONSERVATIVE}, SHORT: {"holds", FAILS},
            EITHER: {"holds", CONSERVATIVE, FAILS}}[kind]
