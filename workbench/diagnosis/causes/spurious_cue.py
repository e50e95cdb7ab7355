"""Shortcut cue that predicts the class in training, but not on the evaluation images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.diagnosis.causes.base import NO_EVIDENCE, SLOW_CHECK_STRENGTH, Cause, Evidence, causes
from workbench.diagnosis.causes.unrelated_source import ACCURACY_DROP_STEP, late_stage_accuracy_drop
from workbench.diagnosis.evidence.domain_comparison import add_target_images
from workbench.diagnosis.evidence.other_backbones import best_backbone_gain, rank_other_backbones, replace_backbone
from workbench.diagnosis.evidence.strength import logistic_step

if TYPE_CHECKING:
    from workbench.diagnosis.evidence.context import DiagnosisContext
    from workbench.diagnosis.evidence.shortcut_cues import Cue
    from workbench.plan import Plan

USEFUL_GAIN = 0.15  # gain by the weights above which the backbone is useful, whatever its bias


@causes.add("spurious-cue")
class SpuriousCue(Cause):
    """Shortcut cue, such as the background, that predicts the class in training and fails on the evaluation images.

    Pretraining can cause the same: a texture-biased net is of no use where only the shape determines the class.
    """

    problem = "a shortcut cue predicts the class in training but not on the evaluation images"
    advice = "train on images where the cue does not predict the class, or take a backbone that uses other features"
    paper = "Geirhos et al. 2020, arXiv:2004.07780"

    def evidence(self, context: DiagnosisContext) -> Evidence:
        """Return the stronger evidence: a cue associated with the class in training alone, or a texture bias."""
        return max(measure_shortcut(context), measure_texture_bias(context), key=lambda evidence: evidence.strength)

    def fix_plan(self, context: DiagnosisContext) -> Plan | None:
        """Return the plan with the best other built-in backbone, if the cue comes from the pretraining."""
        return replace_backbone(context) if is_source_bias(context) else None

    def fix_images(self, context: DiagnosisContext) -> Any:
        """Return images of both domains; without a second one, images with the cue less associated with the class."""
        cue = find_strongest_cue(context)
        if is_source_bias(context):
            return None
        return add_target_images(context) or (
            balance_cue(context, cue) if cue is not None and cue.values is not None else None
        )


def is_source_bias(context: DiagnosisContext) -> bool:
    """Return whether the bias comes from the pretraining rather than from the training images."""
    return measure_texture_bias(context).strength > measure_shortcut(context).strength


def measure_texture_bias(context: DiagnosisContext) -> Evidence:
    """Measure texture bias of a backbone, where another separates the classes far better.

    Source: Geirhos et al. 2019, arXiv:1811.12231.
    """
    if not context.is_pretrained or context.pretraining_gains["features"] >= USEFUL_GAIN:
        return NO_EVIDENCE
    quality = context.backbone_quality.set_index("question")
    gains = quality["weights"] - quality["untrained"]
    strength = logistic_step(float(gains["texture"] - gains["shape"]), 0.14, 0.05)
    if strength < SLOW_CHECK_STRENGTH:
        return NO_EVIDENCE
    other_gain, name = best_backbone_gain(context), str(rank_other_backbones(context)["name"].iloc[0])
    summary = (
        f"on synthetic tasks, pretraining gains {100 * gains['texture']:+.0f} points on texture and "
        f"{100 * gains['shape']:+.0f} on shape; on these images a linear head gains {100 * other_gain:+.0f} on {name}"
    )
    numbers = {"texture": float(gains["texture"]), "shape": float(gains["shape"]), "gain of another": other_gain}
    frames = {"linear probes on synthetic tasks": context.backbone_quality}
    # features that an earlier stage still has are not missing, but lost in later stages
    is_missing = 1 - logistic_step(late_stage_accuracy_drop(context), *ACCURACY_DROP_STEP)
    return Evidence(strength * is_missing * logistic_step(other_gain, 0.05, 0.03), summary, numbers, frames)


def measure_shortcut(context: DiagnosisContext) -> Evidence:
    """Measure the evidence for a shortcut cue."""
    cue = find_strongest_cue(context)
    if cue is None or cue.train_association - cue.eval_association < 0.1:
        return NO_EVIDENCE
    import pandas as pd

    summary = (
        f"{cue.name} predicts {cue.train_association:.0%} of the class in training, but {cue.eval_association:.0%} on "
        "the evaluation images"
    )
    strength = logistic_step(cue.train_association - cue.eval_association, 0.35, 0.12)
    if context.domain_comparison is not None:
        drop = context.domain_comparison.accuracy_drop
        # a cue that the backbone ignores does no harm
        strength *= 0.5 + 0.5 * logistic_step(drop, 0.06, 0.05)
        summary += f"; a linear head loses {100 * drop:.0f} points between the domains"
    rows = [(c.name, c.train_association, c.eval_association) for c in context.shortcut_cues]
    frame = pd.DataFrame(rows, columns=["cue", "in training", "in evaluation"])
    numbers = {"in training": cue.train_association, "in evaluation": cue.eval_association}
    return Evidence(strength, summary, numbers, {"association of cues with the class": frame})


def find_strongest_cue(context: DiagnosisContext) -> Cue | None:
    """Find the cue whose association with the class differs most between training and evaluation."""
    return max(context.shortcut_cues, key=lambda cue: cue.train_association - cue.eval_association, default=None)


def balance_cue(context: DiagnosisContext, cue: Cue) -> Any:
    """Remove training images so that every class has the cue's values in similar numbers."""
    train, values = context.images.subset("train"), cue.values
    if values is None:
        return None
    table = np.zeros((len(context.images.classes), int(values.max()) + 1), int)
    np.add.at(table, (train.labels(), values), 1)
    limit = max(int(np.quantile(table[table > 0], 0.5)), 2)
    rng, excluded, ids = np.random.default_rng(0), [], train.frame["id"].to_numpy()
    for k, v in zip(*np.nonzero(table > limit), strict=True):
        rows = np.flatnonzero((train.labels() == k) & (values == v))
        excluded += ids[rng.permutation(rows)[limit:]].tolist()
    return context.exclude_images(excluded)
