# Written by tools/write_stubs.py; change the `__all__` of a module, not this file.
from ._successive_halving import HalvingResult as HalvingResult
from ._successive_halving import successive_halving as successive_halving
from .plan_recommendation import Recommendation as Recommendation
from .plan_recommendation import recommend_plan as recommend_plan
from .ranking import iter_rankings as iter_rankings
from .ranking import rank_backbones as rank_backbones
from .result import Ranking as Ranking
from .score_studies import measured_score_study as measured_score_study
from .score_studies import published_score_study as published_score_study
from .score_table import BackboneScores as BackboneScores
from .verdict import Verdict as Verdict
