"""Recommendation of a tuning, from the number of images, the fit of the backbone's features, and the time budget."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from workbench.annotated_types import Seed
from workbench.argument_checks import check_arguments
from workbench.cost import estimate_cost
from workbench.errors import BadData, BadValue, WorkbenchError, escape_returned_text
from workbench.feature_extraction import extract_features
from workbench.formatting import format_duration
from workbench.loop.device import select_device
from workbench.nets.loading.net_file import make_verified_recipe
from workbench.nets.loading.net_loader import BackboneLike, load_net
from workbench.nets.net import Net
from workbench.plan import Choice, Plan, Schedule, to_choice
from workbench.ranking.resampling import draw_subset
from workbench.scores import Moments, scores
from workbench.tunings import lr_grid

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images

__all__ = ["Recommendation", "recommend_plan"]

MAX_IMAGES = 1000  # maximum number of images that features are measured on
N_UPDATES, N_UPDATES_FULL, BATCH_SIZE = 400, 800, 32  # updates for the head or some stages, and for all stages
MAX_EPOCHS = 40  # maximum number of epochs; doubled when all stages are trained
# thresholds of the decision table, validated by benchmarks/advisor.py
MANY_PER_CLASS = 40  # training images per class
NEAR_GAIN = 0.2  # relative gain of a linear probe over one on random features
CLOSE_GAIN = 0.8  # relative gain below which fine-tuning all stages pays off even with few images
HIGH_ACCURACY = 0.95  # probe accuracy above which little is left to learn
CANDIDATE_TUNINGS = {
    "feature extraction": "head",
    "careful fine-tuning": "discriminative",
    "full fine-tuning": "full",
    "from scratch": "full",
}


@dataclass(frozen=True)
class Recommendation:
    """Recommended plan with the reasons for it.

    Attributes:
        plan: ready for `wb.fit` or `wb.launch`.
        name: feature extraction, careful fine-tuning, full fine-tuning, or from scratch.
        reasons: sentences with the measurements behind them.
        measurements: name -> value.
        candidates: name -> plan, including the recommended one.
    """

    plan: Plan
    name: str
    reasons: tuple[str, ...]
    measurements: Mapping[str, float]
    candidates: Mapping[str, Plan]

    @property
    def frame(self) -> pd.DataFrame:
        """Candidates as a frame: name, tuning, pretrained, epochs, and whether the candidate is recommended."""
        rows = [
            (name, str(p.tuning), p.backbone.params.get("pretrained", True), p.schedule.epochs, name == self.name)
            for name, p in self.candidates.items()
        ]
        return pd.DataFrame(rows, columns=["name", "tuning", "pretrained", "epochs", "recommended"])

    @escape_returned_text
    def __str__(self) -> str:
        return "\n".join([f"{self.name}: {self.plan}", *(f"- {reason}" for reason in self.reasons)])


@check_arguments
def recommend_plan(
    backbone: BackboneLike,
    images: Images,
    *,
    seconds: float | None = None,
    source: Images | None = None,
    device: str = "auto",
    seed: Seed = 0,
    **settings: Any,
) -> Recommendation:
    """Recommend how to transfer a backbone to images: which weights to train, from which initialization, for how long.

    The decision table has few or many images in one dimension, and near or far source in the other. It is based on
    measured values: images per class; the accuracy of a linear probe on the backbone's features against one on features
    of the same architecture with random weights; and, if `source` is given, the distance between the domains. It is a
    rule of thumb: in 83 % of 200 cases it came within two points of the best of the four candidates, while always
    fine-tuning all stages did so in 75 % (`benchmarks/results/advisor.txt`). The other candidates are returned as well.

    Args:
        backbone: a name, a `Choice`, a mapping or a net, with pretrained weights.
        images: target images, one class each.
        seconds: time budget of the training on this machine, above 0; None for as long as the table asks for.
        source: images of the source domain, if available, for the distance between the domains.
        device: auto, cpu, cuda, …
        seed: seed of the plan and of the sample of images.
        settings: further fields of the schedule, such as `augment="none"`.

    Raises:
        BadValue: an invalid budget, a backbone without pretrained weights, or a net that was changed by hand.
        BadData: images that do not have one class each, or too few images.
        WorkbenchError: a backbone that cannot be loaded.
    """
    choice = to_choice(backbone, "backbone")
    if seconds is not None and not (isinstance(seconds, (int, float)) and seconds > 0):
        raise BadValue(f"expected a budget in seconds above 0; got {seconds!r}")
    if not choice.params.get("pretrained", True):
        raise BadValue(f"{choice.name} has random weights; a recommendation needs a pretrained backbone")
    torch_device = select_device(Schedule(device=device))
    net = (backbone if isinstance(backbone, Net) else load_net(choice.name, **choice.params)).to(torch_device)
    if net is backbone:
        make_verified_recipe(net)  # the control and the plans build the same architecture again
    start = net if net is backbone else choice
    measurements = measure_transferability(net, choice, images, source, seed)
    plans = make_candidates(start, images, int(measurements["images"]), seed, {**settings, "device": device})
    name, reasons = choose_candidate(measurements)
    costs = {n: training_seconds(net, p, int(measurements["images"])) for n, p in plans.items()}
    if seconds is not None:
        name, reasons = choose_affordable(name, reasons, costs, seconds)
        plans = {n: cut_to_budget(p, costs[n], seconds) for n, p in plans.items()}
    else:
        reasons = (
            *reasons,
            f"{plans[name].schedule.epochs} epochs take about {format_duration(costs[name])} on {torch_device}",
        )
    return Recommendation(plans[name], name, reasons, measurements, plans)


def measure_transferability(
    net: Net, choice: Choice, images: Images, source: Images | None, seed: int
) -> dict[str, float]:
    """Measure images, classes, per_class, chance, probe, control (probe on random features), knn, logme, gain, and gap.

    `gain` is (probe - control) / (probe - chance): the share of the probe's accuracy above chance that random features
    do not give. `gap` is the proxy A-distance to the source images, if they are given.
    """
    if images.kind != "classes":
        raise BadData(f"a recommendation needs one class per image; {images.name} has {images.kind}")
    part = images.source.subset("train")
    labels = part.labels()
    if len(part) < 8 or len(set(labels.tolist())) < 2:
        raise BadData(
            f"a recommendation needs at least 8 training images of two classes; {images.name} has {len(part)}"
        )
    sample = part.subset(rows=draw_subset(labels, MAX_IMAGES, seed))
    blank = load_net(choice.name, **choice.replace(pretrained=False, seed=seed).params).to(
        next(net.parameters()).device
    )
    features, random_features = (extract_features(model, sample) for model in (net, blank))
    moments = Moments.from_features(features.array, features.labels)
    measurements = {
        "images": len(part),
        "classes": len(set(labels.tolist())),
        "per_class": len(part) / len(set(labels.tolist())),
        "chance": float(pd.Series(features.labels).value_counts(normalize=True).iloc[0]),
        "probe": scores["linear_probe"](moments, seed=seed),
        "control": scores["linear_probe"](random_features.array, random_features.labels, seed=seed),
        "knn": scores["knn"](moments, k=min(5, len(sample) - 1)),
        "logme": _score_or_nan("logme", moments),
    }
    measurements["gain"] = (measurements["probe"] - measurements["control"]) / max(
        measurements["probe"] - measurements["chance"], 1 / len(sample)
    )
    if source is not None:
        source_features = extract_features(net, source.subset(rows=draw_subset(source.labels(), MAX_IMAGES, seed)))
        measurements["gap"] = scores["proxy_a_distance"](source_features.array, features.array, seed=seed)
    return measurements


def make_candidates(
    backbone: Choice | Net, images: Any, n_images: int, seed: int, settings: Mapping[str, Any]
) -> dict[str, Plan]:
    """Make the candidate plans; full fine-tuning and training from scratch have the same, larger number of epochs."""
    steps = max(1, math.ceil(n_images / settings.get("batch_size", BATCH_SIZE)))
    plans = {}
    for name, tuning in CANDIDATE_TUNINGS.items():
        long = tuning == "full"
        epochs = min(MAX_EPOCHS * (1 + long), max(3, round((N_UPDATES_FULL if long else N_UPDATES) / steps)))
        blank = to_choice(backbone, "backbone").replace(pretrained=False)
        start = blank if name == "from scratch" else backbone
        options: dict[str, Any] = {"epochs": epochs, "batch_size": BATCH_SIZE, **settings}
        plans[name] = Plan(start, images, tuning, seed=seed, **options)
    return plans


def choose_candidate(measurements: Mapping[str, float]) -> tuple[str, tuple[str, ...]]:
    """Choose a candidate by the decision table, with the reasons."""
    probe, control, per_class = measurements["probe"], measurements["control"], measurements["per_class"]
    near, large = measurements["gain"] >= NEAR_GAIN, per_class >= MANY_PER_CLASS
    size = f"{per_class:.0f} training images per class are {'many' if large else 'few'} (threshold {MANY_PER_CLASS})"
    fit = (
        f"a linear probe on its features classifies {probe:.0%} of the training images correctly, on random "
        "features of the same "
        f"architecture {control:.0%}: the source is {'near' if near else 'far'}"
    )
    reasons = [size, fit]
    if "gap" in measurements:
        reasons.append(f"the proxy A-distance of the two domains is {measurements['gap']:.2f} of 2")
    if probe >= HIGH_ACCURACY and not large:
        return "feature extraction", (
            *reasons,
            "little is left to learn, and fine-tuning on few images could harm the features",
        )
    if measurements["gain"] < 0 and not is_control_at_chance(measurements):
        return "from scratch", (
            *reasons,
            "the pretrained features are worse than random ones, and random weights train as fast",
        )
    if not large and measurements["gain"] >= CLOSE_GAIN:
        return "careful fine-tuning", (*reasons, "the early stages fit already; few images would distort them")
    if near:
        return "full fine-tuning", (
            *reasons,
            "its features are a good start, and training all stages gains more than it loses",
        )
    why = "its features do not fit, so all stages must be trained"
    if measurements["gain"] < 0:
        # such architectures, small mobile nets and transformers, learn little from few images without pretraining
        why += "; random features are no better, and training from them would take longer"
    return "full fine-tuning", (*reasons, why)


def is_control_at_chance(measurements: Mapping[str, float]) -> bool:
    """True if the probe on random features is no better than chance, within one standard error."""
    chance = measurements["chance"]
    error = math.sqrt(chance * (1 - chance) / min(measurements["images"], MAX_IMAGES))
    return measurements["control"] <= chance + error


def training_seconds(net: Net, plan: Plan, n_images: int) -> float:
    """Estimate the seconds of a plan's training on this machine, without validation."""
    # no candidate unfreezes stages during training: all epochs cost the same
    rates = lr_grid(plan.tuning, net, plan.schedule.epochs)[:, 0]
    cost = estimate_cost(net, rates.tolist(), n_images, plan.schedule.batch_size)
    return cost.caching_seconds + plan.schedule.epochs * cost.seconds_per_epoch


def choose_affordable(
    name: str, reasons: tuple[str, ...], costs: Mapping[str, float], seconds: float
) -> tuple[str, tuple[str, ...]]:
    """Fall back to feature extraction if the budget is less than a quarter of the recommended training's time."""
    if costs[name] <= seconds:
        return name, (
            *reasons,
            f"it takes about {format_duration(costs[name])} of the {format_duration(seconds)} given",
        )
    if costs[name] <= 4 * seconds or costs["feature extraction"] >= costs[name]:
        return name, (
            *reasons,
            f"its epochs are cut to fit {format_duration(seconds)}; in full it takes {format_duration(costs[name])}",
        )
    reason = (
        f"{name} takes about {format_duration(costs[name])}, but the budget is {format_duration(seconds)}: "
        "enough to train only the head"
    )
    return "feature extraction", (*reasons, reason)


def cut_to_budget(plan: Plan, full_seconds: float, seconds: float) -> Plan:
    """Reduce the epochs of a plan to the budget, to at least one."""
    if full_seconds <= seconds:
        return plan
    return plan.replace(epochs=max(1, int(plan.schedule.epochs * seconds / full_seconds)))


def _score_or_nan(name: str, moments: Moments) -> float:
    try:
        return scores[name](moments)
    except WorkbenchError:
        return float("nan")
