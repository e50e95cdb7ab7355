"""Late stages specialised in another task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.diagnosis.causes.base import NO_EVIDENCE, Cause, Evidence, causes
from workbench.diagnosis.evidence.other_backbones import best_backbone_gain, replace_backbone
from workbench.diagnosis.evidence.strength import logistic_step
from workbench.diagnosis.experiments.stage_reinitialization import keep_stages_up_to

if TYPE_CHECKING:
    import pandas as pd

    from workbench.diagnosis.evidence.context import DiagnosisContext
    from workbench.plan import Plan

# midpoint and width of the accuracy drop from the best stage to the last that counts as large
ACCURACY_DROP_STEP = (0.11, 0.05)


@causes.add("unrelated-source")
class UnrelatedSource(Cause):
    """Earlier stage that separates the target's classes better than the last, which serves the source's task."""

    problem = "the late stages are specialised for another task"
    advice = "take a backbone pretrained on a similar task, or transfer fewer stages and reinitialize the late ones"
    paper = "Yosinski et al. 2014, arXiv:1411.1792"
    alternative_causes = (
        "preprocessing-mismatch",
        "foreign-batch-norm",
        "poor-source",
        "spurious-cue",
        "source-too-far",
    )

    def evidence(self, context: DiagnosisContext) -> Evidence:
        """Train linear heads on every stage; find the best stage, and the accuracy lost from there to the last."""
        if not context.is_pretrained:
            return NO_EVIDENCE
        stage, best = find_best_stage(context)
        drop = late_stage_accuracy_drop(context)
        summary = (
            f"a linear head gets {best:.0%} right on {stage}, and {context.cv_probe_accuracy():.0%} on the last stage"
        )
        frames = {"linear heads by stage": _probe_frame(context)}
        return Evidence(logistic_step(drop, *ACCURACY_DROP_STEP), summary, {"lost": drop, "best stage": best}, frames)

    def fix_plan(self, context: DiagnosisContext) -> Plan | None:
        """Return the plan with another backbone, or with the stages up to the best one alone.

        Linear probes decide which is better: the last stage of the best other backbone, or the best stage of this one.
        """
        if best_backbone_gain(context) > late_stage_accuracy_drop(context):
            return replace_backbone(context)
        return keep_stages_up_to(context, find_best_stage(context)[0])


def late_stage_accuracy_drop(context: DiagnosisContext) -> float:
    """Compute the linear-probe accuracy lost between the best stage and the last."""
    return find_best_stage(context)[1] - context.cv_probe_accuracy()


def find_best_stage(context: DiagnosisContext) -> tuple[str, float]:
    """Find the stage with the highest linear-probe accuracy, and that accuracy."""
    accuracies = {s: context.cv_probe_accuracy(s) for s in context.pretraining_gains if s != "features"}
    best = max(accuracies, key=lambda stage: accuracies[stage])
    return best, accuracies[best]


def _probe_frame(context: DiagnosisContext) -> pd.DataFrame:
    import pandas as pd

    stages = [stage for stage in context.pretraining_gains if stage != "features"]
    rows = [
        (stage, context.cv_probe_accuracy(stage), context.cv_probe_accuracy(stage, pretrained=False))
        for stage in stages
    ]
    return pd.DataFrame(rows, columns=["stage", "weights", "untrained"])
