"""Too few images to tell any difference from chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.causes.base import Cause, Evidence, causes, compare_values
from workbench.diagnosis.evidence.strength import logistic_step

if TYPE_CHECKING:
    from workbench.diagnosis.evidence.context import DiagnosisContext


@causes.add("too-small-to-tell")
class TooSmallToTell(Cause):
    """Too few images to evaluate on, or too few training images per class, for any conclusion."""

    problem = "there are too few images for any conclusion"
    advice = "label more images, evaluation images first"
    paper = "Wilson 1927, doi:10.1080/01621459.1927.10502953"
    has_experiment = False
    is_validity_threat = True

    def evidence(self, context: DiagnosisContext) -> Evidence:
        """Compute the smallest accuracy difference that can be detected, and the median number of images per class."""
        n_images = len(context.eval_images)
        error = 1.96 * float(np.sqrt(0.25 / max(n_images, 1)))
        median = float(np.median(context.class_counts))
        summary = (
            f"on {n_images} evaluation images, an accuracy is known to within {100 * error:.0f} points; "
            f"half of the classes have {median:.0f} training images or fewer"
        )
        strength = max(logistic_step(error, 0.16, 0.02), logistic_step(-median, -3.0, 1.0))
        numbers = {"evaluation images": n_images, "error of an accuracy": error, "median of a class": median}
        points = {
            f"{n} images{' (yours)' * (n == n_images)}": 196 * (0.25 / n) ** 0.5 for n in sample_size_steps(n_images)
        }
        return Evidence(strength, summary, numbers, compare_values("error of an accuracy, points", points))


def sample_size_steps(n_images: int) -> list[int]:
    """Return the number of evaluation images and its doublings, five sizes in all."""
    return [max(n_images, 1) * 2**power for power in range(5)]
