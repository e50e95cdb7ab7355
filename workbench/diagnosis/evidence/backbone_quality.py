"""Backbone quality: linear-probe accuracy on synthetic tasks, pretrained against random weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from workbench.data.image_loading import load_images
from workbench.data.world.factors import factor_values
from workbench.diagnosis.evidence.batch_norm_recalibration import has_batch_norm_statistics, recalibrate_batch_norms
from workbench.diagnosis.evidence.cross_validation import cross_validated_accuracy
from workbench.diagnosis.experiments.control_plans import drop_pretrained_weights, restore_preprocessing_and_size
from workbench.feature_extraction import extract_features
from workbench.runs.build import open_net

if TYPE_CHECKING:
    from workbench.diagnosis.evidence.context import DiagnosisContext

FACTORS = ("shape", "texture", "hue", "background")  # factors that pretraining on any images helps with
N_IMAGES, N_CLASSES, SEED = 400, 6, 5
N_BATCH_NORM_IMAGES = 128  # images after which batch-norm statistics hardly change


def measure_backbone_quality(context: DiagnosisContext) -> pd.DataFrame:
    """Measure linear-probe accuracy on four synthetic tasks: columns question, weights, untrained.

    The images use the backbone's own preprocessing, and its batch norms take the statistics of these images: settings
    and statistics of the plan have no influence.
    """
    images = load_images(
        "world",
        label=list(FACTORS),
        n=N_IMAGES,
        seed=SEED,
        only={q: list(factor_values(q))[:N_CLASSES] for q in FACTORS},
    )
    accuracies = {}
    for name, plan in (
        ("weights", restore_preprocessing_and_size(context.plan)),
        ("untrained", drop_pretrained_weights(context.plan)),
    ):
        net = open_net(plan, context.images)
        if has_batch_norm_statistics(net):
            net = recalibrate_batch_norms(net, images, N_BATCH_NORM_IMAGES)
        features = extract_features(net, images)
        accuracies[name] = [
            cross_validated_accuracy(features.array, features.labels[:, column], N_CLASSES)
            for column in range(len(FACTORS))
        ]
    return pd.DataFrame({"question": FACTORS, **accuracies})


def max_pretraining_gain(context: DiagnosisContext) -> float:
    """Compute the greatest accuracy gain by pretraining over all synthetic tasks."""
    frame = context.backbone_quality
    return float((frame["weights"] - frame["untrained"]).max())
