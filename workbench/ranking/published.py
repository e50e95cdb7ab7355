"""Two comparisons of scores with what fine-tuning came to: one as it was published, and the workbench's own."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from workbench.arguments import check_arguments

SOURCE = "https://github.com/thuml/Transfer-Learning-Library/tree/master/examples/model_selection"


@check_arguments
def published_scores() -> pd.DataFrame:
    """The rows of the Transfer-Learning-Library's model-selection page, with two naive baselines beside them.

    Columns: dataset, model, accuracy (after fine-tuning, percent), h_score, leep, logme, nce, parameters (millions) and
    top1 (ImageNet, percent; both of torchvision's first weights). The numbers are given as they are printed, the column
    that stands twice included.
    """
    return pd.read_csv(Path(__file__).with_name("published_scores.csv"), comment="#")


@check_arguments
def measured_scores() -> pd.DataFrame:
    """The rows of the workbench's own comparison, as `benchmarks/which_backbone.py` measured it.

    Columns: target, backbone, accuracy (after full fine-tuning with a small fixed budget, percent, mean over seeds),
    spread (its standard deviation), consensus (0 best to 1 worst), each score and baseline of a ranking, trial (place
    in the short trial of those that the verdict lay among, else NaN) and verdict (`winner`, `tie` or `disagree`).
    """
    return pd.read_csv(Path(__file__).with_name("study.csv"), comment="#")
