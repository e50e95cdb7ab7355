"""Scores and baselines of one backbone on target images, with their values on resampled images."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import _threads
from workbench.errors import Unavailable, UnknownName, WorkbenchError
from workbench.feature_extraction import extract_features, extract_features_and_logits
from workbench.plan import Choice
from workbench.ranking.resampling import Resamples
from workbench.ranking.source_head import check_source_head, to_source_probabilities
from workbench.scores import Moments, scores
from workbench.scores.moments import get_labeled_rows
from workbench.scores.softmax_regression import cross_val_predict_proba

if TYPE_CHECKING:
    import pandas as pd

    from workbench.data.labeled_images import Images
    from workbench.nets.net import Net

__all__ = ["BackboneScores"]

# order of the scores in tables; those that are not named here follow
DEFAULT_SCORES = ("leep", "nce", "logme", "shrunk_h_score", "gbc", "transrate", "parc", "sfda", "knn", "linear_probe")
BASELINE_SCORES = ("parameters", "multiply_adds", "published_top1", "pretraining_size")
ELSEWHERE_BASELINE = "rank_elsewhere"
PROBE_SCORE = "linear_probe"
SLOW_SCORES = ("n_leep",)  # fits a mixture: computed on all images only


@dataclass(frozen=True)
class BackboneScores:
    """Scores and baselines of one backbone.

    Attributes:
        name: label in the ranking.
        choice: choice for `wb.load_net`.
        values: score or baseline -> its value on all images.
        halves: score -> its values (R,) on random halves; NaN where a half does not allow it.
        subsets: (score, fraction of the images) -> its values on subsets of that size.
        missing: score or baseline -> why it has no value.
        n_images: number of images.
        seconds: total time, of which `forward_seconds` for loading and the forward pass.
        failure: why the backbone could not be scored; empty if it was.
        net: the net itself, if one in memory was given that its choice does not reproduce.
    """

    name: str
    choice: Choice
    values: Mapping[str, float] = field(default_factory=dict)
    halves: Mapping[str, np.ndarray] = field(default_factory=dict)
    subsets: Mapping[tuple[str, float], np.ndarray] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    n_images: int = 0
    seconds: float = 0.0
    forward_seconds: float = 0.0
    failure: str = ""
    net: Net | None = field(default=None, compare=False, repr=False)

    @property
    def backbone(self) -> Net | Choice:
        """Backbone for use in a plan: the net if one was given, else the choice."""
        return self.choice if self.net is None else self.net


def score_backbone(
    name: str,
    choice: Choice,
    load: Callable[[], Net],
    images: Images,
    score_names: Sequence[str],
    n_resamples: int,
    seed: int,
    other_accuracies: pd.DataFrame | None = None,
) -> BackboneScores:
    """Score one backbone; an error is reported in `failure`.

    Args:
        name: label in the ranking.
        choice: choice for `wb.load_net`.
        load: function that returns the net.
        images: target images, with one class each.
        score_names: names of the scores.
        n_resamples: number of halves.
        seed: seed of the resampling.
        other_accuracies: accuracies on other targets, for the baseline `rank_elsewhere`.
    """
    began = time.perf_counter()
    try:
        net = load()
        inputs = _ScoreInputs.from_net(net, images)
        forward = time.perf_counter() - began
        with _threads.limit_to_one_thread():
            values, halves, subsets, absent = inputs.compute_scores(
                score_names, Resamples.from_labels(inputs.labels, n_resamples, seed), seed
            )
    except (WorkbenchError, RuntimeError, MemoryError, OSError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        return BackboneScores(name, choice, seconds=time.perf_counter() - began, failure=reason)
    plain, missing = compute_baselines(net, choice, other_accuracies)
    elapsed = time.perf_counter() - began
    return BackboneScores(
        name, choice, {**values, **plain}, halves, subsets, {**absent, **missing}, len(inputs.labels), elapsed, forward
    )


@dataclass(frozen=True)
class _ScoreInputs:
    """Inputs of the scores: features (N, D), classes (N,), source probabilities (N, S), or why these are missing."""

    features: np.ndarray
    labels: np.ndarray
    source_probabilities: np.ndarray | None
    missing_reason: str

    @classmethod
    def from_net(cls, net: Net, images: Images) -> _ScoreInputs:
        try:
            check_source_head(net)
            why = ""
        except Unavailable as error:
            why = str(error)
        if why:
            features = extract_features(net, images)
            return cls(features.array, features.labels, None, why)
        features, logits = extract_features_and_logits(net, images)
        return cls(features.array, features.labels, to_source_probabilities(net, logits), "")

    def compute_scores(
        self, score_names: Sequence[str], resamples: Resamples, seed: int
    ) -> tuple[dict, dict, dict, dict]:
        """Compute values on all images, on halves and on smaller subsets, and the reasons for missing ones.

        The linear probe has no values on smaller subsets, where it would have to be fitted again.
        """
        quick = [s for s in score_names if s != PROBE_SCORE]
        values, absent = self.compute_on_rows(np.arange(len(self.labels)), quick)
        usable = [s for s in quick if s in values and s not in SLOW_SCORES]
        resampled = [self.compute_on_rows(rows, usable)[0] for rows in resamples.halves]
        halves = {s: np.array([row.get(s, np.nan) for row in resampled]) for s in usable}
        subsets = {}
        for fraction, parts in resamples.subsets.items():
            resampled = [self.compute_on_rows(rows, usable)[0] for rows in parts]
            subsets |= {(s, fraction): np.array([row.get(s, np.nan) for row in resampled]) for s in usable}
        if PROBE_SCORE in score_names:
            # fitting the probe to every half would cost more than all else: its predictions are resampled instead
            right = self.probe_correctness(seed)
            values[PROBE_SCORE], halves[PROBE_SCORE] = (
                float(right.mean()),
                np.array([right[rows].mean() for rows in resamples.halves]),
            )
        return values, halves, subsets, absent

    def compute_on_rows(self, rows: np.ndarray, score_names: Sequence[str]) -> tuple[dict[str, float], dict[str, str]]:
        """Compute the scores on some images, and the reasons for missing ones."""
        values, absent = {}, {}
        labels, moments = self.labels[rows], None
        for name in score_names:
            score = scores[name]
            try:
                if score.needs[0] in ("probabilities", "source_labels"):
                    if self.source_probabilities is None:
                        raise Unavailable(self.missing_reason)
                    probabilities = self.source_probabilities[rows]
                    values[name] = score(
                        probabilities.argmax(1) if score.needs[0] == "source_labels" else probabilities, labels
                    )
                else:
                    moments = moments or Moments.from_features(self.features[rows], labels)
                    values[name] = score(moments)
            except WorkbenchError as error:
                absent[name] = str(error)
        return values, absent

    def probe_correctness(self, seed: int) -> np.ndarray:
        """Compute which images a cross-validated linear probe classifies correctly, (N,)."""
        given = get_labeled_rows(self.features, self.labels, "probes")
        return (cross_val_predict_proba(given, 5, 1.0, seed).argmax(1) == given.labels).numpy().astype(float)


def compute_baselines(
    net: Net, choice: Choice, other_accuracies: pd.DataFrame | None
) -> tuple[dict[str, float], dict[str, str]]:
    """Compute the naive baselines of a backbone, and the reasons for missing ones."""
    row = _catalogue_row(net, choice)
    arguments: dict[str, tuple[Any, ...]] = dict.fromkeys(BASELINE_SCORES, (row,))
    if other_accuracies is not None:
        arguments[ELSEWHERE_BASELINE] = (row, other_accuracies)
    values, absent = {}, {}
    for name, args in arguments.items():
        try:
            # three digits: smaller differences come from the size of the head
            values[name] = float(f"{scores[name](*args):.3g}")
        except WorkbenchError as error:
            absent[name] = str(error)
    return values, absent


def _catalogue_row(net: Net, choice: Choice) -> dict[str, Any]:
    from workbench.nets.catalogue.backbone_search import get_backbone_row

    weights = sum(p.numel() for p in net.backbone.parameters())
    known = {"gmacs": None, "top1": None, "pretrained_on": "unknown"}
    try:
        listed = get_backbone_row(choice.name)
        known = {key: listed[key] for key in known}
    except UnknownName:
        pass
    if not choice.params.get("pretrained", True):
        known |= {"top1": None, "pretrained_on": "none"}
    return {"name": choice.name, "parameters": weights, **known}
