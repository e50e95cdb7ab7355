"""What goes with the class in training, and does not where the net is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.diagnosis.causes.base import NOTHING, SUSPECT, Cause, Evidence, causes, rising
from workbench.diagnosis.causes.unrelated_source import LOST, lost_on_the_way
from workbench.diagnosis.cues import Cue, cues_of
from workbench.diagnosis.domains import apart, of_both
from workbench.diagnosis.other_backbones import nearer, others, with_another
from workbench.diagnosis.worth import worth

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case
    from workbench.plan import Plan

SERVES = 0.15  # gain of a linear head by the weights from which on the source serves, whatever it reads


@causes.add("spurious-cue")
class SpuriousCue(Cause):
    """A cue, such as the background, gives the class away in training, and fails on the images judged by.

    So does what the source taught: a net that reads textures is of no use where only the shape tells the class.
    """

    means = "a cue that gave the class away before fails on the images judged by"
    advice = "train on images where the cue does not go with the class, or take a backbone that reads another"
    source = "Geirhos et al. 2020, arXiv:2004.07780"

    def evidence(self, case: Case) -> Evidence:
        """Two witnesses: a cue that is tied to the class in training alone, and a source that reads textures."""
        return max(shortcut(case), reads_texture(case), key=lambda found: found.strength)

    def without(self, case: Case) -> Plan | None:
        """The best of the other built-in backbones, where the cue comes from the source."""
        return with_another(case) if from_the_source(case) else None

    def data_without(self, case: Case) -> Any:
        """Training images among which the cue is less tied to the class; else with images of the other domain."""
        cue = strongest(case)
        if from_the_source(case):
            return None
        return of_both(case) or (loosened(case, cue) if cue is not None and cue.values is not None else None)


def from_the_source(case: Case) -> bool:
    """Whether it is rather the source that taught to read a cue than the training images."""
    return reads_texture(case).strength > shortcut(case).strength


def reads_texture(case: Case) -> Evidence:
    """The evidence for a source of textures where another backbone tells the classes far better; measured once.

    Geirhos et al. 2019, arXiv:1811.12231.
    """
    if "reads texture" not in case.kept:
        case.kept["reads texture"] = _read(case) if case.pretrained and case.gains["features"] < SERVES else NOTHING
    return case.kept["reads texture"]


def _read(case: Case) -> Evidence:
    asked = worth(case).set_index("question")
    gained = asked["weights"] - asked["untrained"]
    biased = float(gained["texture"] - gained["shape"])
    strength = rising(biased, 0.14, 0.05)
    if strength < SUSPECT:
        return NOTHING
    better, name = nearer(case), str(others(case)["name"].iloc[0])
    words = (
        f"asked about made images, the weights gain {100 * gained['texture']:+.0f} points on texture and "
        f"{100 * gained['shape']:+.0f} on shape; here a linear head gains {100 * better:+.0f} on {name}"
    )
    numbers = {"texture": float(gained["texture"]), "shape": float(gained["shape"]), "gain of another": better}
    drawn = {"what its features tell of made images": worth(case)}
    # what an earlier stage of the same net tells is not unread, but lost on the way
    unread = 1 - rising(lost_on_the_way(case), *LOST)
    return Evidence(strength * unread * rising(better, 0.05, 0.03), words, numbers, drawn)


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
    import pandas as pd

    between = apart(case)
    words = f"{cue.name} tells {cue.here:.0%} of the class in training and {cue.there:.0%} on the images judged by"
    strength = rising(cue.here - cue.there, 0.35, 0.12)
    if between is not None:
        # it need not harm, as where the backbone does not look at it
        strength *= 0.5 + 0.5 * rising(between.drop, 0.06, 0.05)
        words += f"; a linear head loses {100 * between.drop:.0f} points on the way"
    tied = [(c.name, c.here, c.there) for c in cues_of(case)]
    drawn = {"how far cues tell the class": pd.DataFrame(tied, columns=["cue", "in training", "where it is judged"])}
    return Evidence(strength, words, {"in training": cue.here, "judged": cue.there}, drawn)


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
