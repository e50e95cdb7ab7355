"""Pretraining images too different from these images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.causes.base import NO_EVIDENCE, SLOW_CHECK_STRENGTH, Cause, Evidence, causes
from workbench.diagnosis.evidence.other_backbones import best_backbone_gain, rank_other_backbones, replace_backbone
from workbench.diagnosis.evidence.strength import logistic_step

if TYPE_CHECKING:
    from workbench.diagnosis.evidence.context import DiagnosisContext
    from workbench.plan import Plan

UNKNOWN_DISTANCE_SCORE = 0.8  # score used if the pretraining images are not known


@causes.add("source-too-far")
class SourceTooFar(Cause):
    """Features hardly better than random ones for these classes, where another backbone's are."""

    problem = "the pretraining images are too different from these for the features to help"
    advice = "take a backbone pretrained on more similar images, by the ranking"
    paper = "Cui et al. 2018, arXiv:1806.06193"
    alternative_causes = ("preprocessing-mismatch", "foreign-batch-norm", "poor-source", "noisy-labels", "spurious-cue")

    def evidence(self, context: DiagnosisContext) -> Evidence:
        """Measure the gain over random features, the distance of pretraining images, and another backbone's gain."""
        if not context.is_pretrained:
            return NO_EVIDENCE
        gain, noise = context.pretraining_gains["features"], float(np.sqrt(0.25 / len(context.images)))
        no_gain = logistic_step(-gain, -0.05, 0.03 + noise)
        summary = f"a linear head gains {100 * gain:+.0f} points by pretraining"
        distance = context.source_distance if no_gain >= SLOW_CHECK_STRENGTH else 0.0
        is_far = UNKNOWN_DISTANCE_SCORE if np.isnan(distance) else logistic_step(distance, 1.1, 0.25)
        if no_gain * is_far < SLOW_CHECK_STRENGTH:
            return Evidence(0.0, summary, {"gain": gain})
        other_gain = best_backbone_gain(context)
        name = str(rank_other_backbones(context)["name"].iloc[0])
        summary += f", and {100 * other_gain:+.0f} on {name}"
        numbers = {"gain": gain, "gain of another": other_gain}
        if np.isfinite(distance):
            numbers["proxy A-distance"] = distance
            summary += f"; the distance to its pretraining images is {distance:.2f} of 2 (proxy A-distance)"
        strength = no_gain * is_far * logistic_step(other_gain, 0.05, 0.03)
        return Evidence(strength, summary, numbers, {"linear heads on other backbones": context.backbone_ranking})

    def fix_plan(self, context: DiagnosisContext) -> Plan | None:
        """Return the plan with the best other built-in backbone for these images."""
        return replace_backbone(context)
