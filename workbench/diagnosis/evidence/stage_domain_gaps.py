"""Distance between two domains per stage: the two of the images, or the pretraining images and these."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.evidence.source_images import make_source_images
from workbench.errors import WorkbenchError
from workbench.feature_extraction import extract_features
from workbench.probes.domains.two_sample import mmd_test
from workbench.scores import scores

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images
    from workbench.diagnosis.evidence.context import DiagnosisContext

MAX_IMAGES = 256  # images per domain
UNKNOWN_SOURCE_NOTE = "the distance to the backbone's pretraining images is not measured: those images are not known"


def measure_stage_domain_gaps(context: DiagnosisContext) -> dict[str, dict[str, float]]:
    """Measure the distance between two domains per stage; empty without a second domain.

    Returns:
        `gap` (proxy A-distance) and `mmd` (squared maximum mean discrepancy), each by stage.
    """
    domains = select_domains(context)
    if domains is None:
        return {}
    stages = [stage.name for stage in context.net.stages[:-1] if stage.shape is not None]
    features = [extract_features(context.net, sample_images(images), stages) for images in domains]
    pairs = {stage: (features[0][stage].array, features[1][stage].array) for stage in stages}
    measures = {"gap": _proxy_a_distance, "mmd": _squared_mmd}
    return {name: {stage: measure(*pair) for stage, pair in pairs.items()} for name, measure in measures.items()}


def select_domains(context: DiagnosisContext) -> tuple[Images, Images] | None:
    """Select the domain trained on and its target; without a target, the pretraining and the training images."""
    if context.target is not None:
        return context.images, context.target
    source = make_source_images(context.net) if context.is_pretrained else None
    return None if source is None else (source, context.images.subset("train"))


def measure_source_distance(context: DiagnosisContext) -> float:
    """Measure the proxy A-distance of the pretraining images to the training images at the first stage.

    NaN if the pretraining images are not known.
    """
    source = make_source_images(context.net)
    if source is None:
        return float("nan")
    stage = next(stage.name for stage in context.net.stages if stage.shape is not None)
    features = [
        extract_features(context.net, sample_images(images), [stage])[stage].array
        for images in (source, context.images.subset("train"))
    ]
    return _proxy_a_distance(features[0], features[1])


def sample_images(images: Images) -> Images:
    """Select at most 256 images of a domain, evenly spaced."""
    rows = np.unique(np.linspace(0, len(images) - 1, min(MAX_IMAGES, len(images))).astype(int))
    return images.subset(rows=rows)


def _proxy_a_distance(source: np.ndarray, target: np.ndarray) -> float:
    try:
        return float(scores["proxy_a_distance"](source, target))
    except WorkbenchError:
        return float("nan")


def _squared_mmd(source: np.ndarray, target: np.ndarray) -> float:
    if not (np.isfinite(source).all() and np.isfinite(target).all()):
        return float("nan")
    return mmd_test(source.astype(np.float64), target.astype(np.float64), np.random.default_rng(0), n_permutations=0)[0]
