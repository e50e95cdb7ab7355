"""Probes: looking inside nets and between domains. Arrays in, small frozen results out.

Names are resolved on first use: measuring arrays does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.face import later

if TYPE_CHECKING:
    from .alignment import CKA as CKA
    from .alignment import cka as cka
    from .batch_statistics import PixelReadings as PixelReadings
    from .batch_statistics import StatisticsGap as StatisticsGap
    from .batch_statistics import pixel_readings as pixel_readings
    from .batch_statistics import statistics_gap as statistics_gap
    from .ben_david import Bound as Bound
    from .ben_david import bound as bound
    from .compared import Compared as Compared
    from .compared import compare_saliency as compare_saliency
    from .correlations import mean_drift as mean_drift
    from .correlations import pwcca as pwcca
    from .correlations import svcca as svcca
    from .embedding import Embedding as Embedding
    from .embedding import aligned as aligned
    from .embedding import embed as embed
    from .excited import ActivationMaps as ActivationMaps
    from .excited import Exciting as Exciting
    from .excited import activations as activations
    from .excited import exciting as exciting
    from .faithful import Faithfulness as Faithfulness
    from .faithful import faithfulness as faithfulness
    from .gap import DomainGap as DomainGap
    from .gap import domain_gap as domain_gap
    from .kernels import Filters as Filters
    from .kernels import filters as filters
    from .label_noise import LabelProblems as LabelProblems
    from .label_noise import label_problems as label_problems
    from .looking import Saliency as Saliency
    from .looking import grad_cam as grad_cam
    from .looking import saliency as saliency
    from .looking import saliency_methods as saliency_methods
    from .moved import Moves as Moves
    from .moved import filter_moves as filter_moves
    from .pointing import Pointing as Pointing
    from .pointing import pointing_game as pointing_game
    from .sane import Sanity as Sanity
    from .sane import sanity as sanity
    from .shift_tests import ShiftKind as ShiftKind
    from .shift_tests import shift_kind as shift_kind
    from .similar import Similarity as Similarity
    from .similar import similarity as similarity
    from .stage_features import StageFeatures as StageFeatures
    from .stage_features import features_at as features_at
    from .stage_features import features_by_stage as features_by_stage
    from .tasks import Affinity as Affinity
    from .tasks import affinity as affinity
    from .visualised import Visualised as Visualised
    from .visualised import visualise as visualise

# public name -> the module it stands in; no function bears its module's name
_HOME = {
    "ActivationMaps": "excited",
    "Affinity": "tasks",
    "Bound": "ben_david",
    "CKA": "alignment",
    "Compared": "compared",
    "DomainGap": "gap",
    "Embedding": "embedding",
    "Exciting": "excited",
    "Faithfulness": "faithful",
    "Filters": "kernels",
    "Moves": "moved",
    "LabelProblems": "label_noise",
    "PixelReadings": "batch_statistics",
    "Pointing": "pointing",
    "Saliency": "looking",
    "Sanity": "sane",
    "ShiftKind": "shift_tests",
    "Similarity": "similar",
    "StageFeatures": "stage_features",
    "StatisticsGap": "batch_statistics",
    "Visualised": "visualised",
    "activations": "excited",
    "affinity": "tasks",
    "aligned": "embedding",
    "bound": "ben_david",
    "cka": "alignment",
    "compare_saliency": "compared",
    "domain_gap": "gap",
    "embed": "embedding",
    "exciting": "excited",
    "faithfulness": "faithful",
    "features_at": "stage_features",
    "features_by_stage": "stage_features",
    "filter_moves": "moved",
    "filters": "kernels",
    "grad_cam": "looking",
    "label_problems": "label_noise",
    "mean_drift": "correlations",
    "pixel_readings": "batch_statistics",
    "pointing_game": "pointing",
    "pwcca": "correlations",
    "saliency": "looking",
    "saliency_methods": "looking",
    "sanity": "sane",
    "shift_kind": "shift_tests",
    "similarity": "similar",
    "statistics_gap": "batch_statistics",
    "svcca": "correlations",
    "visualise": "visualised",
}

__all__ = [*_HOME]

__getattr__, __dir__ = later(__name__, _HOME, "probe")
