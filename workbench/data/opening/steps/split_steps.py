"""Steps on splits: those that the source leaves open are decided, the training part is reduced."""

from __future__ import annotations

from dataclasses import replace

from workbench.data import splits
from workbench.data.items import Items
from workbench.data.opening.load_options import LoadOptions


def decide_splits(items: Items, options: LoadOptions) -> Items:
    """Decide the splits that the source does not define, by `valid`, `test` and `seed`."""
    return replace(items, splits=splits.assign_splits(items, options.valid, options.test, options.seed))


def keep_few_shots(items: Items, options: LoadOptions) -> Items:
    """Keep at most `per_class` training images per class and domain, and all others."""
    if options.per_class is None:
        return items
    return items.take(splits.select_few_shot(items, items.splits, options.per_class, options.seed))
