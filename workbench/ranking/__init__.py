"""Ranking: which backbone for these images, before any training, and how far to trust the answer.

Names are resolved on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.face import later

if TYPE_CHECKING:
    from .advice import Advice as Advice
    from .advice import advise as advise
    from .comparing import rank as rank
    from .comparing import rankings as rankings
    from .measuring import Scored as Scored
    from .published import measured_scores as measured_scores
    from .published import published_scores as published_scores
    from .result import Ranking as Ranking
    from .tau import weighted_tau as weighted_tau
    from .trial import Trial as Trial
    from .trial import short_trial as short_trial
    from .verdict import Verdict as Verdict

# public name -> the module it stands in; no function bears its module's name
_HOME = {
    "Advice": "advice",
    "Ranking": "result",
    "Scored": "measuring",
    "Trial": "trial",
    "Verdict": "verdict",
    "advise": "advice",
    "measured_scores": "published",
    "published_scores": "published",
    "rank": "comparing",
    "rankings": "comparing",
    "short_trial": "trial",
    "weighted_tau": "tau",
}

__all__ = [*_HOME]

__getattr__, __dir__ = later(__name__, _HOME, "name of a ranking")
