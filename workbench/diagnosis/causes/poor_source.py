"""Backbone weights without useful features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.causes.base import (
    NO_EVIDENCE,
    SLOW_CHECK_STRENGTH,
    Cause,
    Evidence,
    causes,
    compare_values,
)
from workbench.diagnosis.evidence.backbone_quality import max_pretraining_gain
from workbench.diagnosis.evidence.other_backbones import replace_backbone
from workbench.diagnosis.evidence.strength import logistic_step

if TYPE_CHECKING:
    from workbench.diagnosis.evidence.context import DiagnosisContext
    from workbench.plan import Plan


@causes.add("poor-source")
class PoorSource(Cause):
    """Damaged, random or shuffled-label weights: no better than random ones on any task."""

    problem = "the backbone's weights do not help: an untrained net is as good"
    advice = "take another backbone, or train from scratch"
    allow_nan = True
    paper = "random labels: Zhang et al. 2017, arXiv:1611.03530"
    alternative_causes = ("preprocessing-mismatch", "foreign-batch-norm")

    def evidence(self, context: DiagnosisContext) -> Evidence:
        """Measure a linear head's gain by the weights, on these images and on synthetic tasks; find non-finite weights.

        A good backbone may be of no use on these images, but it beats random weights on some task.
        """
        if context.nonfinite_tensors:
            n_broken = len(context.nonfinite_tensors)
            summary = f"{n_broken} tensors have NaN or infinite values, such as {context.nonfinite_tensors[0]}"
            n_finite = len(context.net.backbone.state_dict()) - n_broken
            frames = compare_values("tensors", {"NaN or infinite": n_broken, "finite": n_finite})
            return Evidence(1.0, summary, {"non-finite tensors": n_broken}, frames)
        if not context.is_pretrained:
            return NO_EVIDENCE
        gain = context.pretraining_gains["features"]
        noise = float(np.sqrt(0.25 / len(context.images)))
        no_gain = logistic_step(-gain, -0.06, 0.03 + noise)
        summary = f"a linear head gains {100 * gain:+.0f} points by pretraining"
        if no_gain < SLOW_CHECK_STRENGTH:
            return Evidence(0.0, summary, {"gain": gain})
        best, quality = max_pretraining_gain(context), context.backbone_quality
        summary += f", and {100 * best:+.0f} at best on synthetic tasks: {', '.join(quality['question'])}"
        frames = {"linear probes on synthetic tasks": quality}
        numbers = {"gain": gain, "gain on synthetic tasks": best}
        return Evidence(no_gain * logistic_step(-best, -0.07, 0.03), summary, numbers, frames)

    def fix_plan(self, context: DiagnosisContext) -> Plan | None:
        """Return the plan with the best built-in backbone for these images."""
        return replace_backbone(context)
