"""Pipeline after reading: named steps, each from items and options to items.

The steps in their order:

1. `select_domains`: the rows of some domains (`domains=[…]`).
2. `keep_classes`: the rows of some classes, numbered in that order (`classes=`).
3. `record_missing_classes`: named classes without an image.
4. `check_class_images`: several classes, each with images.
5. `add_label_notes`: how the labels were read.
6. `set_pixel_limit`: the largest image that is decoded (`max_pixels=`).
7. `drop_invalid_files`: files that are no images are left out.
8. `set_pixel_range`: black and white of high-bit-depth greyscale (`pixel_range=`).
9. `shift_all_images`: one synthetic shift (`shift=`).
10. `add_synthetic_domains`: the set once per synthetic domain (`domains={…}`).
11. `decide_splits`: training, validation and test images (`valid=`, `test=`, `seed=`).
12. `check_training_classes`: every class has a training image.
13. `keep_few_shots`: few training images per class (`per_class=`).
14. `check_domain_names`: the source and target domains exist (`source_domain=`, `target_domain=`).
"""

from __future__ import annotations

from collections.abc import Callable

from workbench.data.items import Items
from workbench.data.opening.load_options import LoadOptions
from workbench.data.opening.steps.class_steps import (
    add_label_notes,
    check_class_images,
    check_training_classes,
    keep_classes,
    record_missing_classes,
)
from workbench.data.opening.steps.domain_steps import (
    add_synthetic_domains,
    check_domain_names,
    select_domains,
    shift_all_images,
)
from workbench.data.opening.steps.file_steps import drop_invalid_files, set_pixel_limit, set_pixel_range
from workbench.data.opening.steps.split_steps import decide_splits, keep_few_shots

Step = Callable[[Items, LoadOptions], Items]

STEPS: tuple[Step, ...] = (
    select_domains,
    keep_classes,
    record_missing_classes,
    check_class_images,
    add_label_notes,
    set_pixel_limit,
    drop_invalid_files,
    set_pixel_range,
    shift_all_images,
    add_synthetic_domains,
    decide_splits,
    check_training_classes,
    keep_few_shots,
    check_domain_names,
)


def apply_steps(items: Items, options: LoadOptions) -> Items:
    """Apply all `STEPS` to the items that a reader returned.

    Raises:
        WorkbenchError: the items or an option cannot be used; the message is the reason.
    """
    for step in STEPS:
        items = step(items, options)
    return items
