"""Labelled images from any source: opened at once, decoded when needed, decoded once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench import face
from workbench.arguments import check_arguments
from workbench.images.labelled import Images
from workbench.images.opening import open_images
from workbench.images.stored import HeldImages

if TYPE_CHECKING:
    from workbench.images.views import View, augment, centre

__all__ = ["HeldImages", "Images", "View", "augment", "centre", "images"]


@check_arguments
def images(source: Any, /, **options: Any) -> Images:
    """Opens labelled images; nothing is decoded before it is needed.

    A source is one of

    - a folder with a folder of images a class; above these may stand folders of splits (train, valid or
      validation, test), of domains, or both;
    - a CSV or TSV file, with a header or without, or a DataFrame: a path and a label a row;
    - `(x, y)`: arrays or tensors, or a list of single images, and labels; or `{"train": (x, y), "test": (x, y)}`;
    - a data set of torch, torchvision or Hugging Face, or a list of pairs; or several by split. What its items give
      counts, `target_transform` and `loader` included; the standard steps of a `transform` give way to the net's own
      preprocessing, any other is refused;
    - the name of a built-in set: `digits`; `world`, pictures rendered from known factors, with further options
      (`workbench.images.world.opening.Asked` and `Dials` list them); `material`, pictures made by formulas alone;
    - `stored`, with `path`: what an earlier run stored.

    Splits that the source does not bring are decided by a hash of each item, so adding a file moves no other;
    every class with enough images has one in every split. Whatever is left out is listed in `problems` with the
    reason; `notes` says what was decided that a person may want otherwise. Files without a usual ending are taken
    where they are images by their content; what systems and network drives leave behind is passed over.

    Labels are read by one rule from any source: `1`, `1.0` and `"1"` are one class, fractions and images without a
    label (empty, not a number, below 0) are refused, rows with exactly one 1 are classes, lists are tags.

    Args:
        source: as above.
        label: column of the labels; several columns of 0 and 1 are tags, any others tasks. Found by its name.
        path: column of the image files. Found by its name.
        split: column of the splits: train, valid, test or their usual synonyms.
        domain: column of the domains.
        root: folder that a table's relative paths start from; a CSV's own folder, else the current one.
        layout: what the levels of a folder tree mean, such as `class`, `split/class`, `domain/class`,
            `domain/split/class`, with `*` for a level that means nothing; `auto` guesses from the names.
        source: domain, or domains, to learn from (as a keyword, beside the source itself).
        target: domain, or domains, to adapt to.
        domains: domains to keep; or made ones, `{"clean": None, "noisy": "noise:4"}`: every image once in each.
        shift: a made domain shift on every image, such as `invert` or `noise:4` (severity 1 to 5).
        valid: share of the training images that becomes validation, in [0, 1), where the source brings none.
        test: share that becomes test, likewise.
        seed: of the splits and of the choice of few.
        per_class: at most so many training images a class (of each domain); validation and test stay whole.
        classes: the classes to keep, in this order; for labels that are numbers, their names. Where all that occur
            are kept, further ones may be named: `classes=net.classes` opens images to judge a net on.
        kind: `classes`, `tags` or `tasks`, where the labels do not say; one-hot rows are classes unless it is `tags`.
        separator: what stands between several tags in one cell, such as `" "` or `";"`.
        pixel_range: the values that become black and white, such as (0, 4095), for greys of more than eight bits in
            files and for arrays that are not 0 to 255 or 0 to 1. Found from a sample of the set: see `problems`.
        max_pixels: the most pixels of a picture that may be decoded; Pillow's limit, 179 megapixels. Files with more
            are left out, for a small file may unpack to more than fits into memory.

    Returns:
        The images, with `frame`, `counts()`, `show()`, `problems` and `duplicates` for looking.

    Raises:
        UnknownName: an option, column, class or domain that is not there.
        BadValue: an option out of its range.
        BadData: images or labels that cannot be learnt from.
        Unavailable: a folder or file that is not there or may not be read.
    """
    return open_images(source, options)


def __getattr__(name: str) -> Any:
    # these need torch, which opening a folder does not
    if name in ("View", "augment", "centre"):
        from workbench.images import views

        return getattr(views, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


face.answer(__name__, images)
