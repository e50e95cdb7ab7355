"""A comparison of scores as it was published: ten nets, eight data sets."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

SOURCE = "https://github.com/thuml/Transfer-Learning-Library/tree/master/examples/model_selection"


def published_scores() -> pd.DataFrame:
    """The rows of the Transfer-Learning-Library's model-selection page, with two naive baselines beside them.

    Columns: dataset, model, accuracy (after fine-tuning, percent), h_score, leep, logme, nce, parameters (millions) and
    top1 (ImageNet, percent; both of torchvision's first weights). The numbers are given as they are printed, the column
    that stands twice included.
    """
    return pd.read_csv(Path(__file__).with_name("published_scores.csv"), comment="#")
