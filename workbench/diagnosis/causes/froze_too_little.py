"""Too many trainable weights for few images, which destroys pretrained features."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.causes.base import NO_EVIDENCE, Cause, Evidence, causes, compare_values
from workbench.diagnosis.evidence.strength import logistic_step

if TYPE_CHECKING:
    from workbench.diagnosis.evidence.context import DiagnosisContext
    from workbench.plan import Plan

ENOUGH_IMAGES_PER_CLASS = 40  # training images per class above which every stage may be trained
HEAD_UPDATES = 300  # optimiser steps after which a head alone has converged


@causes.add("froze-too-little")
class FrozeTooLittle(Cause):
    """Training of every stage on few images: the net overfits and forgets pretrained features."""

    problem = "too many layers are trained on too few images, and the net overfits"
    advice = "freeze the backbone and train the head alone, or lower the learning rate of the early stages"
    paper = "Kumar et al. 2022, arXiv:2202.10054"
    alternative_causes = (
        "rate-too-high",
        "rate-too-low",
        "too-few-epochs",
        "preprocessing-mismatch",
        "imbalanced-classes",
    )

    def evidence(self, context: DiagnosisContext) -> Evidence:
        """Measure the fraction of trainable stages, images per class, and the lead of a head on frozen features."""
        trainable = float((context.lr_grid.max(1)[:-1] > 0).mean())
        per_class = float(context.class_counts.sum() / max(np.count_nonzero(context.class_counts), 1))
        if trainable < 0.5 or per_class >= ENOUGH_IMAGES_PER_CLASS:
            return NO_EVIDENCE
        head_accuracy = context.cv_probe_accuracy()
        summary = (
            f"{trainable:.0%} of the stages are trained on {per_class:.0f} images per class; a linear head alone gets "
            f"{head_accuracy:.0%} right"
        )
        numbers = {"trainable stages": trainable, "images per class": per_class, "linear head": head_accuracy}
        few_images = logistic_step(np.log2(ENOUGH_IMAGES_PER_CLASS / per_class), 0.5, 0.5)
        if context.outcome is None:
            frames = compare_values(
                "images per class",
                {"yours": per_class, "usually enough to train all stages": float(ENOUGH_IMAGES_PER_CLASS)},
            )
            return Evidence(0.6 * trainable * few_images * head_accuracy, summary, numbers, frames)
        accuracy, train_accuracy = (
            context.validation_accuracy(context.outcome),
            context.training_accuracy(context.outcome),
        )
        summary += f", the plan {accuracy:.0%}, and {train_accuracy:.0%} of its training images"
        head_is_better = logistic_step(head_accuracy - accuracy, 0.06, 0.05)
        accuracies = {
            "linear head alone": head_accuracy,
            "your plan": accuracy,
            "your plan, training images": train_accuracy,
        }
        numbers |= {"plan": accuracy, "fitted": train_accuracy}
        strength = trainable * few_images * head_is_better
        return Evidence(strength, summary, numbers, compare_values("right", accuracies))

    def fix_plan(self, context: DiagnosisContext) -> Plan | None:
        """Return the plan with the head alone trained, for as many epochs as a head needs on so few images."""
        epochs = math.ceil(context.plan.schedule.epochs * HEAD_UPDATES / context.n_updates)
        return context.plan.replace(tuning="head", lr=None, epochs=max(epochs, context.plan.schedule.epochs))
