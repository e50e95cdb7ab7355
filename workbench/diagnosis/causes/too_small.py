"""So few images that any difference may be chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.causes.base import Cause, Evidence, causes, compared, rising

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case


@causes.add("too-small-to-tell")
class TooSmallToTell(Cause):
    """The images to judge by, or those of a class to learn from, are too few to say anything."""

    means = "there are too few images to tell anything"
    advice = "label more images, those to judge by first"
    source = "Wilson 1927, doi:10.1080/01621459.1927.10502953"
    triable = False
    misleads = True

    def evidence(self, case: Case) -> Evidence:
        """How large a difference must be to be seen, and how few images the classes have."""
        judged = len(case.judged)
        reach = 1.96 * float(np.sqrt(0.25 / max(judged, 1)))
        least = float(np.median(case.counts))
        words = (
            f"on {judged} images to judge by, an accuracy is known to {100 * reach:.0f} points; "
            f"half of the classes have {least:.0f} training images or fewer"
        )
        strength = max(rising(reach, 0.16, 0.02), rising(-least, -3.0, 1.0))
        numbers = {"judged": judged, "reach": reach, "median of a class": least}
        points = {f"{n} images{' (yours)' * (n == judged)}": 196 * (0.25 / n) ** 0.5 for n in steps(judged)}
        return Evidence(strength, words, numbers, compared("points to which an accuracy is known", points))


def steps(judged: int) -> list[int]:
    """How many images there are to judge by, and twice as many some times over."""
    return [max(judged, 1) * 2**power for power in range(5)]
