"""Pixels in another form than in the backbone's pretraining."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.causes.base import NO_EVIDENCE, Cause, Evidence, causes, compare_values
from workbench.diagnosis.evidence.strength import logistic_step
from workbench.diagnosis.experiments.control_plans import restore_preprocessing_and_size
from workbench.probes.domains.batch_statistics import NORMALIZATIONS
from workbench.runs.build import open_net

if TYPE_CHECKING:
    import pandas as pd

    from workbench.diagnosis.evidence.context import DiagnosisContext
    from workbench.plan import Plan


@causes.add("preprocessing-mismatch")
class PreprocessingMismatch(Cause):
    """Normalisation, range, channel order, size or interpolation other than the backbone's own."""

    problem = "the preprocessing differs from the one of the backbone's pretraining"
    advice = "use the backbone's own preprocessing"
    paper = "statistics of batch norms: Li et al. 2016, arXiv:1603.04779"

    def evidence(self, context: DiagnosisContext) -> Evidence:
        """Combine two checks: settings that differ from the backbone's own, and statistics of its batch norms."""
        settings, statistics = self.compare_settings(context), self.compare_batch_statistics(context)
        strength = 1 - (1 - settings.strength) * (1 - statistics.strength)
        summary = "; ".join(text for text in (settings.summary, statistics.summary) if text)
        numbers, frames = {**settings.numbers, **statistics.numbers}, {**settings.frames, **statistics.frames}
        return Evidence(strength, summary, numbers, frames, settings.is_observed) if summary else NO_EVIDENCE

    def compare_settings(self, context: DiagnosisContext) -> Evidence:
        """Compare size, crop and normalisation (in standard deviations) of the plan with the backbone's own."""
        own = open_net(restore_preprocessing_and_size(context.plan), context.images)
        yours, pretrained = context.net.preprocessing, own.preprocessing
        levels = np.array([[0.0] * 3, [1.0] * 3])  # black and white
        inputs = [(levels - np.array(p.mean)) / np.array(p.std) for p in (yours, pretrained)]
        difference = float(np.abs(inputs[0] - inputs[1]).max())
        n_halvings = float(np.log2(pretrained.size / yours.size))
        summaries, strength, frames, is_observed = [], 0.0, {}, False
        if difference >= 0.05:
            texts = [f"mean {_format_mean(p.mean)} and std {_format_mean(p.std)}" for p in (yours, pretrained)]
            summaries.append(f"{texts[0]} are used, but its own are {texts[1]}")
            strength = logistic_step(difference, 0.8, 0.6)
            is_observed = strength > 0.5  # another normalisation is always a mistake; another size may be intended
            frames["black and white after normalisation"] = _black_white_frame(*inputs)
        if abs(n_halvings) > 0.3:
            summaries.append(f"images of {yours.size} pixels are used, pretraining used {pretrained.size}")
            frames |= compare_values("edge in pixels", {"your plan": yours.size, "its own": pretrained.size})
            # larger images than in pretraining rarely harm
            strength = max(strength, logistic_step(n_halvings, 1.0, 0.5), 0.5 * logistic_step(-n_halvings, 1.0, 0.5))
        if yours.interpolation != pretrained.interpolation or abs(yours.crop_pct - pretrained.crop_pct) > 0.1:
            texts = [f"{p.interpolation}, {p.crop_pct:.0%} of the edge" for p in (yours, pretrained)]
            summaries.append(f"images are cropped differently: {texts[0]}, not {texts[1]}")
            frames |= compare_values("share of the edge", {"your plan": yours.crop_pct, "its own": pretrained.crop_pct})
            strength = max(strength, 0.2 + 0.6 * logistic_step(pretrained.crop_pct - yours.crop_pct, 0.3, 0.1))
        numbers = {"normalisation off by": difference, "size, halved": n_halvings}
        return Evidence(strength, "; ".join(summaries), numbers, frames, is_observed)

    def compare_batch_statistics(self, context: DiagnosisContext) -> Evidence:
        """Measure whether another reading of the same pixels fits the first batch norms much better."""
        readings = context.pixel_readings
        if readings is None or readings.better_fit is None:
            return NO_EVIDENCE
        gaps = readings.frame.set_index("preprocessing")["gap"]
        now, best = float(gaps.iloc[0]), float(gaps[readings.better_fit])
        summary = (
            f"read as {readings.better_fit}, the pixels would be {best:.2f} nats from the statistics of its first "
            f"batch norms, not {now:.2f}"
        )
        # a mismatch that no reading explains, as with damaged weights, is not in the pixels
        strength = logistic_step(np.log(now / best), 1.2, 0.5) * logistic_step(-np.log(max(best, 1e-6)), -0.25, 0.6)
        frames = {"gap by reading": readings.frame}
        return Evidence(strength, summary, {"gap": now, "gap of that reading": best}, frames)

    def fix_plan(self, context: DiagnosisContext) -> Plan | None:
        """Return the plan with the backbone's own preprocessing, or the reading that fits its batch norms."""
        if self.compare_settings(context).strength > 0:
            return restore_preprocessing_and_size(context.plan)
        readings = context.pixel_readings
        if readings is None or readings.better_fit not in NORMALIZATIONS or "backbone" in context.plan.in_memory:
            return None
        mean, std = NORMALIZATIONS[readings.better_fit]
        return context.plan.replace(backbone=context.plan.backbone.replace(preprocessing={"mean": mean, "std": std}))


def _black_white_frame(yours: np.ndarray, own: np.ndarray) -> pd.DataFrame:
    """Build a frame of the net's input for black and white pixels (2, 3), averaged over the channels."""
    import pandas as pd

    return pd.DataFrame({"pixel": ["black", "white"], "your plan": yours.mean(1), "its own": own.mean(1)})


def _format_mean(values: tuple[float, ...]) -> str:
    return f"{np.mean(values):.3f}"
