"""Where notebooks use what was calibrated: each finding and table with a test or interval, and its rows here.

Of notebook 04 the comparisons of the group. Keys are ids of findings and names of tables and figures, values are
patterns "study: event"; tests/unit/test_calibration.py compares the keys with the committed outputs, so that a new
test in a notebook asks for its row.
"""

from __future__ import annotations

WELCH = ("error_rates: Welch's t", "coverage: mean difference, Welch", "coverage: Hedges g")
PERMUTED = ("error_rates: studentised permutation*", "error_rates: Brunner-Munzel, permuted*",
            "coverage: *permuted within classes", "coverage: *bootstrap (BCa)", "coverage: Hedges g, unpooled")
CR2 = ("error_rates: covariates, CR2", "coverage: adjusted difference*CR2")
WEIGHTED = ("error_rates: overlap weights", "error_rates: doubly robust", "coverage: overlap weights",
            "coverage: doubly robust")
LATENT = ("error_rates: latent mean difference*", "coverage: latent mean difference*")
STEPS = ("error_rates: * against the step before", "error_rates: fit of the configural model")
HOLM = ("error_rates: three part scores, Holm (any)", "coverage: mean difference, Welch")
CHANGE = ("error_rates: change, *",)
AGREEMENT = ("coverage: Krippendorff's alpha*", "coverage: Cohen's kappa*", "coverage: Gwet's AC1*")
PARTS = ("coverage: R2 in order*", "coverage: R2 entered *", "error_rates: block of 5 predictors*")
INTERACTION = ("error_rates: interaction with *",)
CONTRAST = ("error_rates: contrast: *", "error_rates: three contrasts*", "coverage: planned contrast*")
MEDIATION = ("error_rates: Monte Carlo", "error_rates: bootstrap of classes*", "error_rates: Sobel",
             "coverage: indirect association*")
MODERATION = ("error_rates: interaction of predictor and group, CR2", "error_rates: simple slope*")
JOINT = ("coverage: correlation of the joint display",)

USED: dict[str, tuple[str, ...]] = {
    # notebook 01
    "cleaning.missing.little": ("error_rates: Little's test",),
    "cleaning.imputed.difference": ("*: imputed items, pooled Welch",),
    "measurement.cls.alpha": ("coverage: alpha (Feldt)",),
    "measurement.cls.omega": ("coverage: omega*",),
    "01_reliability": ("coverage: alpha (Feldt)", "coverage: omega*"),
    "measurement.cls.bartlett": ("error_rates: Bartlett's test",),
    "measurement.cls.ordinal": ("error_rates: fit of one factor, WLSMV",),
    "measurement.cls.ordinal_alpha": ("coverage: ordinal alpha",),
    "01_wording_factor": ("error_rates: fit of one factor, Satorra-Bentler",),
    # notebook 02
    "02_invariance": STEPS,
    "comparison.invariance.scalar": STEPS,
    "02_unequal_items": ("error_rates: score tests of all equalities*",),
    "comparison.cls_total.difference": WELCH,
    "comparison.cls_total.latent": LATENT,
    "02_cls_total": WELCH,
    "comparison.cls_total.superiority": ("error_rates: Brunner-Munzel", "coverage: P(X < Y), Brunner-Munzel"),
    "comparison.cls_total.equivalence": ("error_rates: equivalence (TOST)*",),
    "02_methods": (*WELCH, *PERMUTED),
    "comparison.*.difference": HOLM,
    "02_difficulties": HOLM,
    "comparison.cls_total.adjusted": CR2,
    "02_adjusted": ("error_rates: a covariate of that model, CR2",),
    "comparison.cls_total.icc": ("error_rates: ICC, F test", "coverage: ICC(1), F"),
    "comparison.cls_total.*": WEIGHTED,
    "02_adjusted_methods": (*CR2, *WEIGHTED, "error_rates: unadjusted, CR2", "error_rates: covariates, HC3",
                            "error_rates: covariates, random intercept", "coverage: adjusted difference, HC3",
                            "error_rates: covariates with interactions, CR2", "coverage: unadjusted difference, CR2"),
    "02_benchmarks": CR2,
    "02_by_category": ("coverage: mean difference, Welch",),
    "02_levels": ("error_rates: means by *, HTZ",),
    "comparison.contrast.*": CONTRAST,
    "02_contrasts": CONTRAST,
    "comparison.interaction.*": INTERACTION,
    "02_interactions": INTERACTION,
    "02_simple_effects": ("error_rates: difference at each level of girl*",),
    "02_cutoffs": ("coverage: share above a cut-off*", "coverage: shares above all cut-offs*"),
    "comparison.specification_curve": ("error_rates: joint test: *",),
    "02_specification_curve": ("error_rates: joint test: *",),
    "02_specification_tests": ("error_rates: joint test: *",),
    "comparison.cls_total.waves": CHANGE,
    "comparison.cls_total.lost": ("error_rates: measured again by group*",),
    "02_waves": CHANGE,
    "02_waves_by_group": ("error_rates: two waves and groups*",),
    # notebook 03
    "ecology.r2": ("coverage: R2 of all predictors*",),
    "03_blocks": PARTS,
    "03_variance_by_level": PARTS,
    "ecology.block.*": PARTS,
    "03_blocks_complete": PARTS,
    "03_shares": ("coverage: LMG share*",),
    "ecology.share.*": ("coverage: LMG share*",),
    "03_shares_complete": ("coverage: LMG share*",),
    "03_importance": ("coverage: LMG share of a predictor, jackknife",),
    "03_coefficients": ("error_rates: pooled coefficient, CR2", "coverage: standardised coefficient, CR2"),
    "03_within_between": ("error_rates: slope within classes", "error_rates: slope between classes*",
                          "error_rates: contextual difference*"),
    "03_slopes": ("error_rates: slope of a predictor differs*",),
    "ecology.levels.*": ("coverage: R2 within classes",),
    "ecology.mediation.*": ("error_rates: Monte Carlo", "coverage: indirect association*"),
    "03_mediation": MEDIATION,
    "03_mediation_sensitivity": MEDIATION,
    "ecology.moderation.*": ("error_rates: interaction of predictor and group, CR2",),
    "03_moderation": MODERATION,
    "03_simple_slopes": MODERATION,
    "ecology.interviews.agreement": AGREEMENT,
    "ecology.interviews.agreement_level": AGREEMENT,
    "03_agreement_by_code": AGREEMENT,
    "03_joint_display": JOINT,
    "03_themes_and_survey": JOINT,
    # notebook 04: the group
    "intervention.group.cls.adjusted": ("intervention: ANCOVA, HC2*", "error_rates: members against untreated*"),
    "04_adjusted_methods": ("intervention: ANCOVA*", "intervention: difference of gains*", "intervention: paired t",
                            "intervention: placebo sets*"),
    "intervention.group.cls.placebo": ("intervention: placebo sets*",),
    "intervention.group.cls.did": ("intervention: difference of gains*",),
    "intervention.group.cls.beyond_selection": ("intervention: Barnett*",),
    "intervention.group.cls.mee_chua": ("intervention: Mee-Chua",),
    "intervention.group.cls.change": ("intervention: sign flip, exact", "error_rates: change of members, sign flip"),
    "04_change_methods": ("intervention: paired t", "intervention: *, exact"),
    "intervention.group.cls.wave_contrast.*": ("intervention: sign flip, exact, from a second pre-test",),
}
