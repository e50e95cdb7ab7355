"""Which tuning for a backbone and some images: from size, nearness and budget to a plan, with the reasons."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from workbench.arguments import check_arguments
from workbench.cost import estimate, spoken
from workbench.embeddings import features
from workbench.errors import BadData, BadValue, WorkbenchError, printable_text
from workbench.loop.device import device as placed
from workbench.markers import Seed
from workbench.nets import Net, load
from workbench.nets.load import Backbone
from workbench.nets.saving import checked_recipe
from workbench.plan import Choice, Plan, Schedule, to_choice
from workbench.ranking.draws import subset
from workbench.scores import Moments, scores
from workbench.tunings import grid

if TYPE_CHECKING:
    from workbench.images import Images

LOOKED = 1000  # images at most that nearness is measured on
UPDATES, LONG, BATCH = 400, 800, 32  # where every stage moves, it takes longer
EPOCHS = 40  # at most, and twice that where it takes longer
# the borders of the table; benchmarks/advisor.py checks them
LARGE = 40  # training images a class
NEAR = 0.2  # share of what a probe knows that it does not know from random features
CLOSE = 0.8  # of the same: below, even few images gain more from moving every stage than they distort
KNOWN = 0.95  # probe accuracy above which there is little left to learn
TUNINGS = {
    "feature extraction": "head",
    "careful fine-tuning": "discriminative",
    "full fine-tuning": "full",
    "from scratch": "full",
}


@dataclass(frozen=True)
class Advice:
    """A plan, and why.

    Attributes:
        plan: ready for `wb.fit` or `wb.launch`.
        name: one of feature extraction, careful fine-tuning, full fine-tuning, from scratch.
        reasons: sentences, with the numbers that they rest on.
        numbers: those numbers by name.
        candidates: name -> plan, this one among them.
    """

    plan: Plan
    name: str
    reasons: tuple[str, ...]
    numbers: Mapping[str, float]
    candidates: Mapping[str, Plan]

    @property
    def frame(self) -> pd.DataFrame:
        """The candidates as a table: name, tuning, pretrained, epochs, advised."""
        rows = [
            (name, str(p.tuning), p.backbone.params.get("pretrained", True), p.schedule.epochs, name == self.name)
            for name, p in self.candidates.items()
        ]
        return pd.DataFrame(rows, columns=["name", "tuning", "pretrained", "epochs", "advised"])

    @printable_text
    def __str__(self) -> str:
        return "\n".join([f"{self.name}: {self.plan}", *(f"- {reason}" for reason in self.reasons)])


@check_arguments
def advise(
    backbone: Backbone,
    images: Images,
    *,
    seconds: float | None = None,
    source: Images | None = None,
    device: str = "auto",
    seed: Seed = 0,
    **settings: Any,
) -> Advice:
    """How to transfer a backbone to some images: which weights to move, from what start, for how long.

    A table of small or large against near or far, read with measured numbers: images a class; a linear probe on the
    backbone's features against one on those of the same architecture with random weights; and, with `source`, the
    distance of the domains. It is a rule of thumb: in 83 % of 200 cases it came within two points of the best of the
    four candidates, and always fine-tuning everything in 75 % (`benchmarks/results/advisor.txt`). The other candidates
    are kept beside it.

    Args:
        backbone: a name, a `Choice`, a mapping or a net, with pretrained weights.
        images: the target's, one class each.
        seconds: the budget of the training on this machine, above 0; None takes as long as the table asks for.
        source: images of the source, where they are at hand, for the distance of the domains.
        device: auto, cpu, cuda, …
        seed: of the plan and of the images that are looked at.
        settings: further fields of the schedule, such as `augment="none"`.

    Raises:
        BadValue: a budget that is none, a backbone without pretrained weights, or a net that was changed by hand.
        BadData: images that are not of one class each, or too few.
        WorkbenchError: a backbone that cannot be loaded.
    """
    choice = to_choice(backbone, "backbone")
    if seconds is not None and not (isinstance(seconds, (int, float)) and seconds > 0):
        raise BadValue(f"the budget is in seconds, above 0; got {seconds!r}")
    if not choice.params.get("pretrained", True):
        raise BadValue(f"{choice.name} has random weights: advice is about pretrained ones")
    place = placed(Schedule(device=device))
    net = (backbone if isinstance(backbone, Net) else load(choice.name, **choice.params)).to(place)
    if net is backbone:
        checked_recipe(net)  # the control and the plans are of the same architecture, built again
    start = net if net is backbone else choice
    numbers = measured(net, choice, images, source, seed)
    plans = candidates(start, images, int(numbers["images"]), seed, {**settings, "device": device})
    name, reasons = read(numbers)
    costs = {n: cost(net, p, int(numbers["images"])) for n, p in plans.items()}
    if seconds is not None:
        name, reasons = affordable(name, reasons, costs, seconds)
        plans = {n: shortened(p, costs[n], seconds) for n, p in plans.items()}
    else:
        reasons = (*reasons, f"{plans[name].schedule.epochs} epochs take about {spoken(costs[name])} on {place}")
    return Advice(plans[name], name, reasons, numbers, plans)


def measured(net: Net, choice: Choice, images: Images, source: Images | None, seed: int) -> dict[str, float]:
    """Images, classes, per_class, chance, probe, control (the probe on random features), knn, logme, gain, and gap.

    The gain is the share of what the probe knows beyond chance that it does not know from random features.
    """
    if images.kind != "classes":
        raise BadData(f"advice reads one class an image; {images.name} holds {images.kind}")
    part = images.source.part("train")
    labels = part.labels()
    if len(part) < 8 or len(set(labels.tolist())) < 2:
        raise BadData(f"advice needs 8 training images of two classes at least; {images.name} has {len(part)}")
    looked = part.part(rows=subset(labels, LOOKED, seed))
    blank = load(choice.name, **choice.but(pretrained=False, seed=seed).params).to(next(net.parameters()).device)
    own, random = (features(each, looked) for each in (net, blank))
    moments = Moments.of(own.array, own.labels)
    told = {
        "images": len(part),
        "classes": len(set(labels.tolist())),
        "per_class": len(part) / len(set(labels.tolist())),
        "chance": float(pd.Series(own.labels).value_counts(normalize=True).iloc[0]),
        "probe": scores["linear_probe"](moments, seed=seed),
        "control": scores["linear_probe"](random.array, random.labels, seed=seed),
        "knn": scores["knn"](moments, k=min(5, len(looked) - 1)),
        "logme": _or_nan("logme", moments),
    }
    told["gain"] = (told["probe"] - told["control"]) / max(told["probe"] - told["chance"], 1 / len(looked))
    if source is not None:
        there = features(net, source.part(rows=subset(source.labels(), LOOKED, seed)))
        told["gap"] = scores["proxy_a_distance"](there.array, own.array, seed=seed)
    return told


def candidates(
    backbone: Choice | Net, images: Any, count: int, seed: int, settings: Mapping[str, Any]
) -> dict[str, Plan]:
    """Name -> plan; where every stage moves, for longer, and from random weights for as long as from these."""
    steps = max(1, math.ceil(count / settings.get("batch_size", BATCH)))
    plans = {}
    for name, tuning in TUNINGS.items():
        long = tuning == "full"
        epochs = min(EPOCHS * (1 + long), max(3, round((LONG if long else UPDATES) / steps)))
        blank = to_choice(backbone, "backbone").but(pretrained=False)
        start = blank if name == "from scratch" else backbone
        plans[name] = Plan(start, images, tuning, seed=seed, **{"epochs": epochs, "batch_size": BATCH, **settings})
    return plans


def read(numbers: Mapping[str, float]) -> tuple[str, tuple[str, ...]]:
    """The table: which candidate the numbers speak for, and why."""
    probe, control, each = numbers["probe"], numbers["control"], numbers["per_class"]
    near, large = numbers["gain"] >= NEAR, each >= LARGE
    size = f"{each:.0f} training images a class are {'many' if large else 'few'} (the border is {LARGE})"
    seen = (
        f"a linear probe on its features gets {probe:.0%} of the training images right, on random features of the same "
        f"architecture {control:.0%}: the source is {'near' if near else 'far'}"
    )
    reasons = [size, seen]
    if "gap" in numbers:
        reasons.append(f"a classifier tells the two domains apart with proxy A-distance {numbers['gap']:.2f} of 2")
    if probe >= KNOWN and not large:
        return "feature extraction", (*reasons, "little is left to learn, and few images would unlearn it")
    if numbers["gain"] < 0 and not silent(numbers):
        return "from scratch", (*reasons, "the start is worth less than random weights, which train as fast")
    if not large and numbers["gain"] >= CLOSE:
        return "careful fine-tuning", (*reasons, "early stages serve as they are; few images would distort them")
    if near:
        return "full fine-tuning", (
            *reasons,
            "its features are a good start, and moving every stage gains more than it loses",
        )
    why = "its features do not serve as they are, so every stage has to move"
    if numbers["gain"] < 0:
        # such architectures, small mobile nets and transformers, learn little from few images by themselves
        why += "; nor do random ones tell anything, and from those it would take longer"
    return "full fine-tuning", (*reasons, why)


def silent(numbers: Mapping[str, float]) -> bool:
    """Whether random features tell the classes no better than a guess, to one standard error."""
    chance = numbers["chance"]
    error = math.sqrt(chance * (1 - chance) / min(numbers["images"], LOOKED))
    return numbers["control"] <= chance + error


def cost(net: Net, plan: Plan, count: int) -> float:
    """Seconds of a plan's training on this machine, validation apart."""
    # none of the candidates thaws as it goes: the first epoch is like all
    rates = grid(plan.tuning, net, plan.schedule.epochs)[:, 0]
    found = estimate(net, rates.tolist(), count, plan.schedule.batch_size)
    return found.seconds_once + plan.schedule.epochs * found.seconds_per_epoch


def affordable(
    name: str, reasons: tuple[str, ...], costs: Mapping[str, float], seconds: float
) -> tuple[str, tuple[str, ...]]:
    """Feature extraction where the budget holds less than a quarter of what the advised training takes."""
    if costs[name] <= seconds:
        return name, (*reasons, f"it takes about {spoken(costs[name])} of the {spoken(seconds)} given")
    if costs[name] <= 4 * seconds or costs["feature extraction"] >= costs[name]:
        return name, (*reasons, f"its epochs are cut to fit {spoken(seconds)}; in full it takes {spoken(costs[name])}")
    words = f"{name} takes about {spoken(costs[name])}, and {spoken(seconds)} are given: time to train the head alone"
    return "feature extraction", (*reasons, words)


def shortened(plan: Plan, takes: float, seconds: float) -> Plan:
    """The plan with as many epochs as the budget holds, one at least."""
    if takes <= seconds:
        return plan
    return plan.but(epochs=max(1, int(plan.schedule.epochs * seconds / takes)))


def _or_nan(name: str, moments: Moments) -> float:
    try:
        return scores[name](moments)
    except WorkbenchError:
        return float("nan")
