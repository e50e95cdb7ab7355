"""What goes with the class in training, and does not where the net is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, rising
from workbench.diagnosis.cues import Cue, cues_of
from workbench.diagnosis.domains import apart, of_both

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case


@causes.add("spurious-cue")
class SpuriousCue(Cause):
    """A cue, such as the background, gives the class away in training, and fails on the images judged by."""

    means = "a cue that gives the class away in training fails on the images judged by"
    advice = "train on images where the cue does not go with the class"
    source = "Geirhos et al. 2020, arXiv:2004.07780"

    def evidence(self, case: Case) -> Evidence:
        """The cue that is tied to the class in training and least on the images judged by."""
        return shortcut(case)

    def data_without(self, case: Case) -> Any:
        """Training images among which the cue is less tied to the class; else with images of the other domain."""
        cue = strongest(case)
        return of_both(case) or (loosened(case, cue) if cue is not None and cue.values is not None else None)


def shortcut(case: Case) -> Evidence:
    """The evidence for a spurious cue; measured once."""
    if "shortcut" not in case.kept:
        case.kept["shortcut"] = _seen(case)
    return case.kept["shortcut"]


def strongest(case: Case) -> Cue | None:
    """The cue whose tie to the class differs most between training and judging."""
    found = cues_of(case)
    return max(found, key=lambda cue: cue.here - cue.there) if found else None


def _seen(case: Case) -> Evidence:
    cue = strongest(case)
    if cue is None or cue.here - cue.there < 0.1:
        return NOTHING
    between = apart(case)
    words = f"{cue.name} tells {cue.here:.0%} of the class in training and {cue.there:.0%} on the images judged by"
    strength = rising(cue.here - cue.there, 0.35, 0.12)
    if between is not None:
        # it need not harm, as where the backbone does not look at it
        strength *= 0.5 + 0.5 * rising(between.drop, 0.06, 0.05)
        words += f"; a linear head loses {100 * between.drop:.0f} points on the way"
    return Evidence(strength, words, {"in training": cue.here, "judged": cue.there})


def loosened(case: Case, cue: Cue) -> Any:
    """The images with training images left out so that every class has the cue's values in like numbers."""
    part, values = case.images.part("train"), cue.values
    if values is None:
        return None
    table = np.zeros((len(case.images.classes), int(values.max()) + 1), int)
    np.add.at(table, (part.labels(), values), 1)
    most = max(int(np.quantile(table[table > 0], 0.5)), 2)
    random, left_out, ids = np.random.default_rng(0), [], part.frame["id"].to_numpy()
    for k, v in zip(*np.nonzero(table > most), strict=True):
        rows = np.flatnonzero((part.labels() == k) & (values == v))
        left_out += ids[random.permutation(rows)[most:]].tolist()
    return case.leaving_out(left_out)
