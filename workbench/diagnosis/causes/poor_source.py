"""The backbone's weights hold nothing that helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.causes.base import NOTHING, SUSPECT, Cause, Evidence, causes, compared, rising
from workbench.diagnosis.other_backbones import with_another
from workbench.diagnosis.worth import gain, worth

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case
    from workbench.plan import Plan


@causes.add("poor-source")
class PoorSource(Cause):
    """Damaged, random or shuffled-label weights: no question is answered better than by an untrained net."""

    means = "the backbone's weights hold nothing that helps: an untrained net knows as much"
    advice = "take another backbone, or train from scratch"
    by_weights = True
    source = "random labels: Zhang et al. 2017, arXiv:1611.03530"
    yields_to = ("preprocessing-mismatch", "foreign-batch-norm")

    def evidence(self, case: Case) -> Evidence:
        """What a linear head gains by the weights, on these images and on made ones; weights that are not numbers.

        A sound source may be of no use here. But it answers some question about images better than random weights.
        """
        if case.broken:
            words = f"{len(case.broken)} tensors hold what is no number, such as {case.broken[0]}"
            sound = len(case.net.backbone.state_dict()) - len(case.broken)
            drawn = compared("tensors", {"no numbers": len(case.broken), "sound": sound})
            return Evidence(1.0, words, {"broken": len(case.broken)}, drawn)
        if not case.pretrained:
            return NOTHING
        last = case.gains["features"]
        noise = float(np.sqrt(0.25 / len(case.images)))
        helpless = rising(-last, -0.06, 0.03 + noise)
        words = f"a linear head gains {100 * last:+.0f} points by the weights"
        if helpless < SUSPECT:
            return Evidence(0.0, words, {"gain": last})
        known, asked = gain(case), worth(case)
        words += f", and {100 * known:+.0f} at best where it is asked for {', '.join(asked['question'])} of made images"
        drawn = {"what its features tell of made images": asked}
        numbers = {"gain": last, "gain on made images": known}
        return Evidence(helpless * rising(-known, -0.07, 0.03), words, numbers, drawn)

    def without(self, case: Case) -> Plan | None:
        """Another backbone, the best of the built-in ones for these images."""
        return with_another(case)
