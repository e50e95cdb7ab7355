"""Studies that compare scores with fine-tuning accuracy: a published one, and the workbench's own."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from workbench.argument_checks import check_arguments

__all__ = ["measured_score_study", "published_score_study"]

STUDY_URL = "https://github.com/thuml/Transfer-Learning-Library/tree/master/examples/model_selection"


@check_arguments
def published_score_study() -> pd.DataFrame:
    """Load the model-selection results of the Transfer-Learning-Library, with two naive baselines added.

    Columns: dataset, model, accuracy (after fine-tuning, percent), h_score, leep, logme, nce, parameters (millions) and
    top1 (ImageNet, percent; both of torchvision's first weights). Numbers are those that were printed, including a
    column that was printed twice.
    """
    return pd.read_csv(Path(__file__).with_name("published_scores.csv"), comment="#")


@check_arguments
def measured_score_study() -> pd.DataFrame:
    """Load the workbench's own results, as measured by `benchmarks/which_backbone.py`.

    Columns: target, backbone, accuracy (after full fine-tuning with a small fixed budget, percent, mean over seeds),
    spread (its standard deviation), consensus (0 best to 1 worst), each score and baseline of a ranking, trial (rank in
    successive halving among the contenders of the verdict, else NaN) and verdict (`winner`, `tie` or `disagree`).
    """
    return pd.read_csv(Path(__file__).with_name("study.csv"), comment="#")
