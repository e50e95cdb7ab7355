"""The classes come in other shares where the net is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, rising
from workbench.diagnosis.domains import apart

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case


@causes.add("label-shift")
class LabelShift(Cause):
    """The classes are as frequent in training as they are not where the net is judged."""

    means = "the classes come in other shares than in training"
    advice = "train with the shares of the target"
    source = "Lipton et al. 2018, arXiv:1802.03916"

    def evidence(self, case: Case) -> Evidence:
        """How far the shares of the classes lie apart, and whether the shift is nothing else."""
        found = apart(case)
        if found is None:
            return NOTHING
        shares = found.kind.classes
        distance = float((shares["source"] - shares["target"]).abs().sum() / 2)
        alone = found.kind.probabilities["label"]
        most = shares.iloc[int((shares["target"] - shares["source"]).abs().argmax())]
        name = case.images.classes[int(most["class"])]
        words = f"{name} is {most['source']:.0%} of the training domain and {most['target']:.0%} of the other"
        strength = rising(distance, 0.28, 0.08) * (0.6 + 0.4 * alone)
        return Evidence(strength, words, {"apart": distance, "label alone": alone}, {"shares": shares}, fact=True)

    def data_without(self, case: Case) -> Any:
        """Training images in the shares that the target has, as many of them as that allows."""
        found = apart(case)
        if found is None:
            return None
        labels, frame = case.images.part("train").labels(), case.images.part("train").frame
        wanted = np.zeros(len(case.images.classes))
        wanted[found.kind.classes["class"].to_numpy().astype(int)] = found.kind.classes["target"]
        return kept_in_shares(case, labels, frame["id"].to_numpy(), wanted)


def kept_in_shares(case: Case, labels: np.ndarray, ids: np.ndarray, wanted: np.ndarray) -> Any:
    """The images with training images left out until their classes come in the wanted shares, rarest kept whole."""
    have = np.bincount(labels, minlength=len(wanted))
    live = (wanted > 0) & (have > 0)
    # a class that would have the rest thrown away may stay rarer than wanted
    total = np.quantile(have[live] / wanted[live], 0.25)
    random = np.random.default_rng(0)
    left_out: list[str] = []
    for k in np.flatnonzero(have):
        rows = random.permutation(np.flatnonzero(labels == k))
        left_out += ids[rows[max(int(np.ceil(total * wanted[k])), 1) :]].tolist()
    return case.leaving_out(left_out)
