"""Labelled images from any source, by one call."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from workbench._signatures import name_options
from workbench.argument_checks import check_arguments
from workbench.data.labeled_images import Images
from workbench.data.opening.factory import build_images
from workbench.data.opening.load_options import LoadOptions
from workbench.data.world.domain_settings import SETTING_DEFAULTS
from workbench.data.world.factory import WorldOptions

__all__ = ["load_images"]

Names = str | Sequence[str] | None


# LoadOptions checks the values: it knows more about them than their types
@functools.partial(check_arguments, values=False)
def load_images(
    data: Any,
    /,
    *,
    label: Names = None,
    path: str | None = None,
    split: str | None = None,
    domain: str | None = None,
    root: str | None = None,
    layout: str = "auto",
    source_domain: Names = None,
    target_domain: Names = None,
    domains: Mapping[str, Any] | Names = None,
    shift: Any = None,
    valid: float = 0.2,
    test: float = 0.0,
    seed: int = 0,
    per_class: int | None = None,
    classes: Sequence[str] | None = None,
    pixel_range: Any = None,
    max_pixels: int | None = None,
    kind: str | None = None,
    separator: str | None = None,
    **set_options: Any,
) -> Images:
    """Open labelled images; no pixel is decoded before it is needed.

    `data` is one of

    - a folder with one folder of images per class; above these there may be folders of splits (train, valid or
      validation, test), of domains, or both;
    - a CSV or TSV file, with or without a header, or a DataFrame: one path and one label per row;
    - `(x, y)`: arrays or tensors, or a list of single images, and labels; or `{"train": (x, y), "test": (x, y)}`;
    - a data set of torch, torchvision or Hugging Face, or a list of pairs; or several of them by split. Images and
      labels are taken from its items, so `target_transform` and `loader` apply; the standard steps of a `transform`
      are replaced by the net's own preprocessing, any other step is refused;
    - the name of a built-in set: `digits`; `world`, images rendered from known factors, with the options of
      `set_options`; `material`, images computed from formulas alone;
    - `stored`, with `path`: images that an earlier run stored.

    Splits that the source does not define are decided by a hash of each item, so adding a file moves no other;
    every class with enough images is represented in every split. Everything left out is listed in `problems` with
    the reason; `notes` lists the decisions that may have to be overruled. Files without a usual extension are
    included where their content is an image; files left by operating systems and network drives are skipped.

    Labels are read by one rule from any source: `1`, `1.0` and `"1"` are one class; fractions and images without a
    label (empty, not a number, below 0) are refused; rows with exactly one 1 are classes; lists are tags.

    Args:
        data: see above.
        label: column of the labels; several columns of 0 and 1 are tags, any others tasks. Found by its name.
        path: column of the image files. Found by its name.
        split: column of the splits: train, valid, test or their usual synonyms.
        domain: column of the domains.
        root: folder that a table's relative paths start from; default: the CSV's folder, for frames the current one.
        layout: meaning of the levels of a folder tree, such as `class`, `split/class`, `domain/class`,
            `domain/split/class`, with `*` for a level without meaning; `auto` infers it from the names.
        source_domain: domain or domains to learn from.
        target_domain: domain or domains to adapt to.
        domains: domains to keep; or synthetic ones, `{"clean": None, "noisy": "noise:4"}`: every image once in each.
        shift: synthetic domain shift on every image, such as `invert` or `noise:4` (severity 1 to 5).
        valid: fraction of the training images used for validation, in [0, 1), where the source defines none.
        test: fraction used for testing, in [0, 1), where the source defines none.
        seed: seed of the splits and of the few-shot selection.
        per_class: maximum number of training images per class (and domain); validation and test stay complete.
        classes: classes to keep, in this order; for numeric labels, their names. If all classes of the data are kept,
            further ones may be named: `classes=net.classes` opens images to evaluate a net on.
        kind: `classes`, `tags` or `tasks`, if the labels are ambiguous; one-hot rows are classes unless it is `tags`.
        separator: separator between several tags in one cell, such as `" "` or `";"`.
        pixel_range: values displayed as black and white, such as (0, 4095), for greyscale files of more than eight bits
            and for arrays that are not 0 to 255 or 0 to 1. Default: estimated from a sample of the set, see `problems`.
        max_pixels: maximum number of pixels of an image to decode; default: Pillow's limit, 179 megapixels. Larger
            files are left out, since a small file may unpack to more than fits into memory.
        set_options: options of the built-in sets: `n`, `size`, `start` of `world` and `material`; of `world` also
            `clutter` and the settings of a domain (`wb.world.DomainSettings`), such as `style` and `noise`.

    Returns:
        Images, with `frame`, `class_counts()`, `show()`, `problems` and `duplicates` for inspection.

    Raises:
        UnknownName: an option, column, class or domain that does not exist.
        BadValue: an option out of its range.
        BadData: images or labels that cannot be learned from.
        Unavailable: a folder or file that does not exist or may not be read.
    """
    given = {name: value for name, value in locals().items() if name in DEFAULTS}
    changed = {name: value for name, value in given.items() if not _is_default(name, value)}
    return build_images(data, {**changed, **set_options})


DEFAULTS = LoadOptions.defaults()
# options that only the built-in sets `world` and `material` have
SET_DEFAULTS = {**WorldOptions.defaults(), **SETTING_DEFAULTS}


def _is_default(name: str, value: Any) -> bool:
    # an array has no single truth value, so only values of the default's own type are compared
    default = DEFAULTS[name]
    return value is default or (type(value) is type(default) and value == default)


name_options(
    load_images, (inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=d) for n, d in SET_DEFAULTS.items())
)
