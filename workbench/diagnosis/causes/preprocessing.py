"""The pixels reach the net in another form than it learnt from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, compared, rising
from workbench.diagnosis.control_plans import as_its_own
from workbench.errors import BadValue
from workbench.probes.batch_statistics import NORMALISATIONS, pixel_readings
from workbench.runs.assembly import open_net

if TYPE_CHECKING:
    import pandas as pd

    from workbench.diagnosis.case import Case
    from workbench.plan import Plan
    from workbench.probes.batch_statistics import PixelReadings


@causes.add("preprocessing-mismatch")
class PreprocessingMismatch(Cause):
    """Normalisation, range, channel order, size or interpolation are not those of the backbone."""

    means = "the pixels reach the backbone in another form than it learnt from"
    advice = "show the backbone the pixels that it learnt from"
    source = "statistics of batch norms: Li et al. 2016, arXiv:1603.04779"

    def evidence(self, case: Case) -> Evidence:
        """Two witnesses: settings that differ from the backbone's own, and what its batch norms remember."""
        declared, seen = self.declared(case), self.seen(case)
        strength = 1 - (1 - declared.strength) * (1 - seen.strength)
        words = "; ".join(w for w in (declared.words, seen.words) if w)
        numbers, drawn = {**declared.numbers, **seen.numbers}, {**declared.drawn, **seen.drawn}
        return Evidence(strength, words, numbers, drawn, declared.fact) if words else NOTHING

    def declared(self, case: Case) -> Evidence:
        """How far the plan's normalisation is from the backbone's own, in its standard deviations, and its size."""
        own = open_net(as_its_own(case.plan), case.images)
        here, there = case.net.preprocessing, own.preprocessing
        levels = np.array([[0.0] * 3, [1.0] * 3])  # black and white
        entering = [(levels - np.array(p.mean)) / np.array(p.std) for p in (here, there)]
        off = float(np.abs(entering[0] - entering[1]).max())
        smaller = float(np.log2(there.size / here.size))
        told, strength, drawn, fact = [], 0.0, {}, False
        if off >= 0.05:
            words = [f"mean {_told(p.mean)} and std {_told(p.std)}" for p in (here, there)]
            told.append(f"{words[0]} are used, its own are {words[1]}")
            strength = rising(off, 0.8, 0.6)
            fact = strength > 0.5  # nobody wants another normalisation than the backbone's; another size, perhaps
            drawn["what black and white become"] = _entering(*entering)
        if abs(smaller) > 0.3:
            told.append(f"images of {here.size} pixels are shown, it learnt from {there.size}")
            drawn |= compared("edge in pixels", {"your plan": here.size, "its own": there.size})
            # larger ones than it learnt from rarely harm
            strength = max(strength, rising(smaller, 1.0, 0.5), 0.5 * rising(-smaller, 1.0, 0.5))
        if here.interpolation != there.interpolation or abs(here.crop_pct - there.crop_pct) > 0.1:
            ways = [f"{p.interpolation}, {p.crop_pct:.0%} of the edge" for p in (here, there)]
            told.append(f"images are cut otherwise than its own: {ways[0]}, not {ways[1]}")
            drawn |= compared("share of the edge", {"your plan": here.crop_pct, "its own": there.crop_pct})
            strength = max(strength, 0.2 + 0.6 * rising(there.crop_pct - here.crop_pct, 0.3, 0.1))
        return Evidence(strength, "; ".join(told), {"normalisation off by": off, "size, halved": smaller}, drawn, fact)

    def seen(self, case: Case) -> Evidence:
        """Another reading of the same pixels fits the first batch norms much better."""
        found = readings(case)
        if found is None or found.suspect is None:
            return NOTHING
        gaps = found.frame.set_index("reading")["gap"]
        now, best = float(gaps.iloc[0]), float(gaps[found.suspect])
        words = (
            f"read as {found.suspect}, they would be {best:.2f} nats from what its first batch norms remember, "
            f"not {now:.2f}"
        )
        # what no reading explains, as where weights are damaged, is not in the pixels
        strength = rising(np.log(now / best), 1.2, 0.5) * rising(-np.log(max(best, 1e-6)), -0.25, 0.6)
        drawn = {"gap by reading": found.frame}
        return Evidence(strength, words, {"gap": now, "gap read otherwise": best}, drawn)

    def without(self, case: Case) -> Plan | None:
        """The backbone's own preprocessing; where that is what is used, the reading that its batch norms know."""
        if self.declared(case).strength > 0:
            return as_its_own(case.plan)
        found = readings(case)
        if found is None or found.suspect not in NORMALISATIONS or "backbone" in case.plan.held:
            return None
        mean, std = NORMALISATIONS[found.suspect]
        return case.plan.but(backbone=case.plan.backbone.but(preprocessing={"mean": mean, "std": std}))


def readings(case: Case) -> PixelReadings | None:
    """How well the first batch norms know the pixels, read in several ways; None without batch norms; measured once."""
    if "readings" not in case.kept:
        try:
            case.kept["readings"] = pixel_readings(case.net, case.images.part("train"))
        except BadValue:
            case.kept["readings"] = None
    return case.kept["readings"]


def _entering(yours: np.ndarray, own: np.ndarray) -> pd.DataFrame:
    """What black and white pixels (2, 3) are to the net, the mean over the channels."""
    import pandas as pd

    return pd.DataFrame({"pixel": ["black", "white"], "your plan": yours.mean(1), "its own": own.mean(1)})


def _told(numbers: tuple[float, ...]) -> str:
    return f"{np.mean(numbers):.3f}"
