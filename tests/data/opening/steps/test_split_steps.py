"""Steps on splits: items in, items out."""

from __future__ import annotations

import numpy as np

from workbench.data.opening.load_options import LoadOptions
from workbench.data.opening.steps import split_steps


def test_decide_splits(make_items):
    items = make_items()
    decided = split_steps.decide_splits(items, LoadOptions(valid=0.25, test=0.25, seed=3))
    assert set(decided.splits) == {0, 1, 2} and set(items.splits) == {-1}
    by_source = make_items(splits=np.array([0, 0, 1, 1, 2, 2, 0, 0], np.int8))
    assert split_steps.decide_splits(by_source, LoadOptions()).splits.tolist() == by_source.splits.tolist()


def test_keep_few_shots(make_items):
    items = make_items(splits=np.array([0, 0, 0, 0, 0, 0, 1, 2], np.int8))
    few = split_steps.keep_few_shots(items, LoadOptions(per_class=1))
    assert sorted(few.labels.values[few.splits == 0]) == [0, 1] and few.ids[-2:] == ["i6", "i7"]
    assert split_steps.keep_few_shots(items, LoadOptions()) is items
