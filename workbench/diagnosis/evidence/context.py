"""Context of a diagnosis: a plan on its images, and measurements on both, each computed once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.diagnosis.evidence.backbone_quality import measure_backbone_quality
from workbench.diagnosis.evidence.batch_norm_recalibration import has_batch_norm_statistics, recalibrate_batch_norms
from workbench.diagnosis.evidence.cross_validation import cross_validated_accuracy
from workbench.diagnosis.evidence.domain_comparison import compare_domains
from workbench.diagnosis.evidence.near_duplicates import find_leaks
from workbench.diagnosis.evidence.other_backbones import rank_builtin_backbones
from workbench.diagnosis.evidence.shortcut_cues import find_cues
from workbench.diagnosis.evidence.stage_domain_gaps import measure_source_distance
from workbench.diagnosis.evidence.strength import logistic_step
from workbench.diagnosis.experiments.control_plans import drop_pretrained_weights
from workbench.errors import BadData, BadValue
from workbench.evaluation import evaluate
from workbench.feature_extraction import extract_features
from workbench.probes._task_affinity import linear_accuracy
from workbench.probes.domains.batch_statistics import compare_preprocessing
from workbench.probes.label_noise import find_label_issues
from workbench.runs.build import open_net
from workbench.runs.run import load_run
from workbench.tunings import lr_grid, tunings

if TYPE_CHECKING:
    import pandas as pd

    from workbench.data.labeled_images import Images
    from workbench.diagnosis.evidence.domain_comparison import DomainComparison
    from workbench.diagnosis.evidence.shortcut_cues import Cue
    from workbench.diagnosis.experiments.plan_outcomes import Outcome
    from workbench.feature_extraction import Features
    from workbench.nets.net import Net
    from workbench.plan import Plan
    from workbench.probes.domains.batch_statistics import PreprocessingComparison
    from workbench.probes.label_noise import LabelIssues

SPLITS = ("train", "valid")
SGD_LR_RATIO = 30.0  # learning rate of SGD with momentum over that of AdamW, for equal progress


class DiagnosisContext:
    """Plan and images under diagnosis, with cached measurements; input of every cause.

    Args:
        plan: plan of the user.
        data: opened images; with several domains, those of the source are trained on.

    Attributes:
        outcome: result of training the plan; None until it was trained. Causes may use it, and work without it.
    """

    def __init__(self, plan: Plan, data: Images) -> None:
        self.plan, self.data = plan, data
        self.outcome: Outcome | None = None
        self._features: dict[tuple[bool, str], dict[str, Features]] = {}
        self._training_accuracies: dict[str, float] = {}
        self._probe_accuracies: dict[tuple[str, bool], float] = {}
        self._cv_probe_accuracies: dict[tuple[str, bool], float] = {}

    @cached_property
    def images(self) -> Images:
        """Images trained on, with their validation split."""
        return self.data.source

    @cached_property
    def target(self) -> Images | None:
        """Images of another domain that the plan is meant for; None if there are none."""
        target = self.data.target
        return target if target is not None and set(target.domains) - set(self.images.domains) else None

    @cached_property
    def eval_images(self) -> Images:
        """Evaluation images: the validation images of the target domain if there is one, else those of the source."""
        valid = self.target.subset("valid") if self.target is not None else None
        return valid if valid is not None and len(valid) else self.images.subset("valid")

    @cached_property
    def train_labels(self) -> np.ndarray:
        """Labels of the training images, (N,)."""
        return self.images.subset("train").labels()

    @cached_property
    def class_counts(self) -> np.ndarray:
        """Number of training images per class, (K,)."""
        return np.bincount(self.train_labels, minlength=len(self.images.classes))

    @cached_property
    def n_updates(self) -> int:
        """Number of optimiser steps of the whole plan."""
        schedule = self.plan.schedule
        return schedule.epochs * -(-len(self.train_labels) // schedule.batch_size)

    @cached_property
    def net(self) -> Net:
        """Net at the start of the plan."""
        return open_net(self.plan, self.images)

    @cached_property
    def nonfinite_tensors(self) -> tuple[str, ...]:
        """Names of backbone tensors with NaN or infinite values."""
        state = self.net.backbone.state_dict()
        return tuple(n for n, t in state.items() if t.is_floating_point() and not t.isfinite().all())

    @cached_property
    def is_pretrained(self) -> bool:
        """True if the backbone starts with pretrained weights."""
        return "backbone" in self.plan.in_memory or bool(self.plan.backbone.params.get("pretrained", True))

    @cached_property
    def untrained_net(self) -> Net:
        """Same architecture with random weights, as the baseline for probes.

        Its batch norms take the statistics of the training images; without them its features would not be comparable.
        """
        net = open_net(drop_pretrained_weights(self.plan), self.images)
        return recalibrate_batch_norms(net, self.images.subset("train")) if has_batch_norm_statistics(net) else net

    @cached_property
    def recalibrated_net(self) -> Net:
        """Net whose batch norms have the statistics of the training images."""
        return recalibrate_batch_norms(self.net, self.images.subset("train"))

    @cached_property
    def recalibrated_accuracy(self) -> float:
        """Validation accuracy of a linear head on the features of `recalibrated_net`."""
        return self.probe_accuracy_of_net(self.recalibrated_net)

    @cached_property
    def domain_comparison(self) -> DomainComparison | None:
        """Comparison of the domain trained on with the domain evaluated on; None without a second domain."""
        return compare_domains(self)

    @cached_property
    def source_distance(self) -> float:
        """Proxy A-distance of the pretraining images to the training images; NaN if the former are not known."""
        return measure_source_distance(self)

    @cached_property
    def backbone_quality(self) -> pd.DataFrame:
        """Linear-probe accuracy of the backbone on synthetic tasks: question, weights, untrained."""
        return measure_backbone_quality(self)

    @cached_property
    def backbone_ranking(self) -> pd.DataFrame:
        """Built-in backbones by linear-probe accuracy on the training images, the best first: name, accuracy."""
        return rank_builtin_backbones(self)

    @cached_property
    def shortcut_cues(self) -> list[Cue]:
        """Cues that can be measured both in training and in evaluation."""
        return find_cues(self)

    @cached_property
    def leaks(self) -> pd.DataFrame:
        """Validation images that are in the training split too: id, twin, distance, usual."""
        return find_leaks(self.images)

    @cached_property
    def label_issues(self) -> LabelIssues:
        """Training images whose label is likely wrong, by confident learning."""
        return find_label_issues(self.extract_stage_features("train")["features"], classes=self.images.classes)

    @cached_property
    def pixel_readings(self) -> PreprocessingComparison | None:
        """Fit of the pixels to the first batch norms under several readings; None without batch norms."""
        try:
            return compare_preprocessing(self.net, self.images.subset("train"))
        except BadValue:
            return None

    @cached_property
    def lr_grid(self) -> np.ndarray:
        """Grid of learning-rate multipliers of the plan, (stages, epochs); 0 is frozen."""
        return lr_grid(self.plan.tuning, self.net, self.plan.schedule.epochs)

    @cached_property
    def default_lr(self) -> float:
        """Default learning rate of the plan's tuning and optimiser."""
        return tunings[self.plan.tuning.name].lr * (SGD_LR_RATIO if self.plan.schedule.optimizer == "sgd" else 1.0)

    @cached_property
    def base_lr(self) -> float:
        """Base learning rate of the plan; that of its tuning where the plan sets none."""
        return self.plan.schedule.lr or tunings[self.plan.tuning.name].lr

    def exclude_images(self, ids: Any) -> Images:
        """Return the images without those with the given ids."""
        return self.data.subset(rows=~self.data.frame["id"].isin(ids).to_numpy())

    def extract_stage_features(self, split: str, pretrained: bool = True) -> dict[str, Features]:
        """Extract pooled features per stage before the head, and `features`, the input of the head; cached on disk.

        Args:
            split: "train" or "valid".
            pretrained: False for the net with random weights.
        """
        if (pretrained, split) not in self._features:
            net = self.net if pretrained else self.untrained_net
            stages = [s.name for s in net.stages[:-1] if s.shape is not None]
            self._features[pretrained, split] = extract_features(net, self.images, [*stages, None], split=split)
        return self._features[pretrained, split]

    def probe_accuracy(self, stage: str = "features", pretrained: bool = True) -> float:
        """Compute the validation accuracy of a linear head trained on one stage's features of the training images."""
        if (stage, pretrained) not in self._probe_accuracies:
            train, valid = (self.extract_stage_features(split, pretrained)[stage] for split in SPLITS)
            self._probe_accuracies[stage, pretrained] = self.linear_head_accuracy(train, valid)
        return self._probe_accuracies[stage, pretrained]

    def linear_head_accuracy(self, train: Features, valid: Features) -> float:
        """Train a linear head on some features and compute its accuracy on others.

        Raises:
            BadData: features that are not finite.
        """
        if not (np.isfinite(train.array).all() and np.isfinite(valid.array).all()):
            raise BadData("the backbone's features are not finite")
        return linear_accuracy(train.array, train.labels, valid.array, valid.labels, len(self.images.classes))

    @cached_property
    def pretraining_gains(self) -> dict[str, float]:
        """Gain by pretraining per stage: cross-validated probe accuracy, pretrained minus random weights."""
        features, random_features = (self.extract_stage_features("train", pretrained) for pretrained in (True, False))
        return {
            stage: self.cv_probe_accuracy(stage) - self.cv_probe_accuracy(stage, pretrained=False)
            for stage in features
            if stage in random_features
        }

    @cached_property
    def cv_train_accuracy(self) -> float:
        """Cross-validated accuracy of linear heads on the head input, over the training images alone."""
        features = self.extract_stage_features("train")["features"]
        return cross_validated_accuracy(features.array, features.labels, len(self.images.classes))

    def cv_probe_accuracy(self, stage: str = "features", pretrained: bool = True) -> float:
        """Compute the cross-validated accuracy of linear heads over training and validation images together.

        Raises:
            BadData: features that are not finite.
        """
        if (stage, pretrained) not in self._cv_probe_accuracies:
            parts = [self.extract_stage_features(split, pretrained)[stage] for split in SPLITS]
            x, y = np.concatenate([p.array for p in parts]), np.concatenate([p.labels for p in parts])
            if not np.isfinite(x).all():
                raise BadData("the backbone's features are not finite")
            self._cv_probe_accuracies[stage, pretrained] = cross_validated_accuracy(x, y, len(self.images.classes))
        return self._cv_probe_accuracies[stage, pretrained]

    def probe_accuracy_of_net(self, net: Net) -> float:
        """Compute the validation accuracy of a linear head on the head input of another net."""
        return self.linear_head_accuracy(*(extract_features(net, self.images, split=split) for split in SPLITS))

    def lr_for_tuning(self, tuning: str) -> float | None:
        """Return the learning rate for another tuning, scaled by the ratio of the two defaults.

        None, the default of that tuning, if the plan sets no rate.
        """
        lr = self.plan.schedule.lr
        return None if lr is None else lr * tunings[tuning].lr / tunings[self.plan.tuning.name].lr

    @cached_property
    def underfitting(self) -> float:
        """Degree of underfitting, 0 to 1, from the training accuracy of the plan; 1 if it was not trained yet."""
        return 1.0 if self.outcome is None else logistic_step(1 - self.training_accuracy(self.outcome), 0.08, 0.05)

    def validation_accuracy(self, outcome: Outcome) -> float:
        """Compute the accuracy of a training on the validation images of the domain trained on.

        This holds for plans with a target domain too, whose outcome is evaluated on the target. 0 for a failed
        training.
        """
        if self.target is None:
            return outcome.accuracy
        return evaluate(load_run(outcome.run).net(), self.images, split="valid").accuracy if outcome.run else 0.0

    def training_accuracy(self, outcome: Outcome) -> float:
        """Compute the accuracy of a training on its own training images; 0 for a failed training."""
        if not outcome.run:  # failed training
            return 0.0
        if outcome.run not in self._training_accuracies:
            self._training_accuracies[outcome.run] = evaluate(
                load_run(outcome.run).net(), self.images, split="train"
            ).accuracy
        return self._training_accuracies[outcome.run]
