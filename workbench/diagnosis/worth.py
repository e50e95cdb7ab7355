"""What a backbone knows at all: questions about made images whose answers are known, with its weights and without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from workbench.diagnosis.case import crossed
from workbench.diagnosis.control_plans import as_its_own, unpretrained
from workbench.diagnosis.recalibration import has_statistics, taken_anew
from workbench.embeddings import features
from workbench.images import images
from workbench.images.world.factors import values
from workbench.runs.assembly import open_net

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case

QUESTIONS = ("shape", "texture", "hue", "background")  # what any source of pictures teaches something of
COUNT, KINDS, SEED = 400, 6, 5
SETTLED = 128  # images after which statistics of batch norms hardly change


def worth(case: Case) -> pd.DataFrame:
    """By question, how many of the images a linear head gets right: question, weights, untrained; measured once.

    The images are shown with the backbone's own preprocessing, and its batch norms take their statistics: what the
    plan does to the pixels, and whose statistics it brings along, do not count.
    """
    if "worth" not in case.kept:
        case.kept["worth"] = _measured(case)
    return case.kept["worth"]


def gain(case: Case) -> float:
    """The greatest gain by the weights over all questions."""
    frame = worth(case)
    return float((frame["weights"] - frame["untrained"]).max())


def _measured(case: Case) -> pd.DataFrame:
    asked = images(
        "world", label=list(QUESTIONS), n=COUNT, seed=SEED, only={q: list(values(q))[:KINDS] for q in QUESTIONS}
    )
    found = {}
    for name, plan in (("weights", as_its_own(case.plan)), ("untrained", unpretrained(case.plan))):
        net = open_net(plan, case.images)
        seen = features(taken_anew(net, asked, SETTLED) if has_statistics(net) else net, asked)
        found[name] = [crossed(seen.array, seen.labels[:, place], KINDS) for place in range(len(QUESTIONS))]
    return pd.DataFrame({"question": QUESTIONS, **found})
