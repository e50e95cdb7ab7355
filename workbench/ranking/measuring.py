"""One backbone measured on the target's images: its scores, on all of them and on draws, and its baselines."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import threads
from workbench.embeddings import features, with_answers
from workbench.errors import Unavailable, UnknownName, WorkbenchError
from workbench.plan import Choice
from workbench.ranking.draws import Draws
from workbench.ranking.source_head import needs_answers, probabilities
from workbench.scores import Moments, scores
from workbench.scores.logistic import held_out
from workbench.scores.moments import images_of

if TYPE_CHECKING:
    import pandas as pd

    from workbench.images import Images
    from workbench.nets import Net

SCORES = ("leep", "nce", "logme", "shrunk_h_score", "gbc", "transrate", "parc", "sfda", "knn", "linear_probe")
BASELINES = ("parameters", "multiply_adds", "published_top1", "pretraining_size")
ELSEWHERE = "rank_elsewhere"
PROBE = "linear_probe"
SLOW = ("n_leep",)  # fits a mixture: on all images only


@dataclass(frozen=True)
class Scored:
    """What was measured of one backbone.

    Attributes:
        name: what the ranking calls it.
        choice: what `wb.load` takes.
        values: score or baseline -> its value on all images.
        halves: score -> its values on the draws' halves, (R,); NaN where a half did not allow it.
        smaller: (score, share of the images) -> its values on parts of that size.
        absent: score or baseline -> why it has no value.
        images: how many it was measured on.
        seconds: what that took, of which `forward` went into the backbone.
        failure: why nothing could be measured; empty where something was.
        net: the net itself where one in memory was handed in, which its choice need not open again.
    """

    name: str
    choice: Choice
    values: Mapping[str, float] = field(default_factory=dict)
    halves: Mapping[str, np.ndarray] = field(default_factory=dict)
    smaller: Mapping[tuple[str, float], np.ndarray] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    images: int = 0
    seconds: float = 0.0
    forward: float = 0.0
    failure: str = ""
    net: Net | None = field(default=None, compare=False, repr=False)

    @property
    def backbone(self) -> Net | Choice:
        """What stands for it in a plan."""
        return self.choice if self.net is None else self.net


def measured(
    name: str,
    choice: Choice,
    load: Callable[[], Net],
    images: Images,
    wanted: Sequence[str],
    draws: int,
    seed: int,
    elsewhere: pd.DataFrame | None = None,
) -> Scored:
    """The scores of one backbone; whatever keeps it from being measured is told in `failure`.

    Args:
        load: gives the net.
        images: the target's, with one class each.
        wanted: names of scores.
        draws: how many halves.
        seed: of the draws.
        elsewhere: accuracies on other targets, for that baseline.
    """
    began = time.perf_counter()
    try:
        net = load()
        found = _Arrays.of(net, images)
        forward = time.perf_counter() - began
        with threads.one():
            values, halves, smaller, absent = found.scored(wanted, Draws.of(found.labels, draws, seed), seed)
    except (WorkbenchError, RuntimeError, MemoryError, OSError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        return Scored(name, choice, seconds=time.perf_counter() - began, failure=reason)
    plain, missing = baselines(net, choice, elsewhere)
    took = time.perf_counter() - began
    return Scored(
        name, choice, {**values, **plain}, halves, smaller, {**absent, **missing}, len(found.labels), took, forward
    )


@dataclass(frozen=True)
class _Arrays:
    """What scores read of one backbone: features (N, D), classes (N,), source probabilities (N, S) or why not."""

    features: np.ndarray
    labels: np.ndarray
    source: np.ndarray | None
    why: str

    @classmethod
    def of(cls, net: Net, images: Images) -> _Arrays:
        try:
            needs_answers(net)
            why = ""
        except Unavailable as error:
            why = str(error)
        if why:
            found = features(net, images)
            return cls(found.array, found.labels, None, why)
        found, logits = with_answers(net, images)
        return cls(found.array, found.labels, probabilities(net, logits), "")

    def scored(self, wanted: Sequence[str], draws: Draws, seed: int) -> tuple[dict, dict, dict, dict]:
        """Values on all images, on halves, on smaller parts, and the reasons where there is none.

        The probe has none on smaller parts, where it would have to be fitted anew.
        """
        quick = [s for s in wanted if s != PROBE]
        values, absent = self.on(np.arange(len(self.labels)), quick)
        kept = [s for s in quick if s in values and s not in SLOW]
        drawn = [self.on(rows, kept)[0] for rows in draws.halves]
        halves = {s: np.array([row.get(s, np.nan) for row in drawn]) for s in kept}
        smaller = {}
        for share, parts in draws.smaller.items():
            drawn = [self.on(rows, kept)[0] for rows in parts]
            smaller |= {(s, share): np.array([row.get(s, np.nan) for row in drawn]) for s in kept}
        if PROBE in wanted:
            # a probe fitted anew to every draw would cost more than all else: what is drawn from is its answers
            right = self.right(seed)
            values[PROBE], halves[PROBE] = float(right.mean()), np.array([right[rows].mean() for rows in draws.halves])
        return values, halves, smaller, absent

    def on(self, rows: np.ndarray, wanted: Sequence[str]) -> tuple[dict[str, float], dict[str, str]]:
        """The scores of some images, and the reasons where there is none."""
        values, absent = {}, {}
        labels, moments = self.labels[rows], None
        for name in wanted:
            score = scores[name]
            try:
                if score.needs[0] in ("probabilities", "source_labels"):
                    if self.source is None:
                        raise Unavailable(self.why)
                    told = self.source[rows]
                    values[name] = score(told.argmax(1) if score.needs[0] == "source_labels" else told, labels)
                else:
                    moments = moments or Moments.of(self.features[rows], labels)
                    values[name] = score(moments)
            except WorkbenchError as error:
                absent[name] = str(error)
        return values, absent

    def right(self, seed: int) -> np.ndarray:
        """Which images a probe that did not see them gets right, (N,)."""
        given = images_of(self.features, self.labels, "probes")
        return (held_out(given, 5, 1.0, seed).argmax(1) == given.labels).numpy().astype(float)


def baselines(net: Net, choice: Choice, elsewhere: pd.DataFrame | None) -> tuple[dict[str, float], dict[str, str]]:
    """What anyone knows of a backbone, and the reasons where it is not known."""
    row = _row(net, choice)
    wanted: dict[str, tuple[Any, ...]] = dict.fromkeys(BASELINES, (row,))
    if elsewhere is not None:
        wanted[ELSEWHERE] = (row, elsewhere)
    values, absent = {}, {}
    for name, given in wanted.items():
        try:
            # three digits: what differs beyond is the size of a head
            values[name] = float(f"{scores[name](*given):.3g}")
        except WorkbenchError as error:
            absent[name] = str(error)
    return values, absent


def _row(net: Net, choice: Choice) -> dict[str, Any]:
    from workbench.nets.catalogue import row

    weights = sum(p.numel() for p in net.backbone.parameters())
    known = {"gmacs": None, "top1": None, "pretrained_on": "unknown"}
    try:
        listed = row(choice.name)
        known = {key: listed[key] for key in known}
    except UnknownName:
        pass
    if not choice.params.get("pretrained", True):
        known |= {"top1": None, "pretrained_on": "none"}
    return {"name": choice.name, "parameters": weights, **known}
