"""Steps on classes: some are kept, those without images recorded, the rest checked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from workbench.data.items import Items
from workbench.data.labels.class_selection import check_classes, find_missing_classes, select_classes
from workbench.data.opening.load_options import LoadOptions
from workbench.data.splits import TRAIN
from workbench.errors import BadData
from workbench.formatting import choose_plural


def keep_classes(items: Items, options: LoadOptions) -> Items:
    """Keep the rows of the classes named by `classes`, unless these only name the numbers of an array's labels.

    Raises:
        UnknownName: a class that the source does not have.
        BadData: classes selected in a set of tasks.
    """
    if options.classes is not None and tuple(map(str, options.classes)) == items.labels.names:
        return items
    return select_classes(items, options.classes)


def record_missing_classes(items: Items, options: LoadOptions) -> Items:
    """Record the classes without an image that were named by `classes`, for a net that has them."""
    return items if options.classes is None else replace(items, missing_classes=find_missing_classes(items.labels))


def check_class_images(items: Items, options: LoadOptions) -> Items:
    """Check that there are several classes and that each has images, those recorded as missing aside.

    Raises:
        BadData: a single class, or one without any image.
    """
    check_classes(items.labels, items.name, items.missing_classes)
    return items


def add_label_notes(items: Items, options: LoadOptions) -> Items:
    """Add notes for the user on how the labels were read, and on missing classes."""
    notes = [items.labels.note] if items.labels.note else []
    if missing := items.missing_classes:
        words = f"{choose_plural(len(missing), 'class', 'classes')} {', '.join(missing)}"
        notes.append(f"no image is of the {words}: the set can evaluate a net that has them, but not train one")
    return replace(items, notes=(*items.notes, *notes))


def check_training_classes(items: Items, options: LoadOptions) -> Items:
    """Check that every class has a training image, unless `classes` names them.

    Raises:
        BadData: the source's own splits leave a class without one.
    """
    training = items.splits == TRAIN
    if options.classes is not None or items.labels.kind != "classes" or not training.any():
        return items
    counts = np.bincount(items.labels.values[training], minlength=len(items.labels.names))
    for name, count in zip(items.labels.names, counts, strict=True):
        if not count:
            raise BadData(
                f"the class {name!r} of {items.name} has no training image, only others; is its name spelt the same "
                "in every split? Leave it out, or name the classes with classes="
            )
    return items
