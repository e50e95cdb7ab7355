"""Steps on image files: the limit of pixels, files that are no images, the range of high-bit-depth greyscale."""

from __future__ import annotations

from dataclasses import replace

from workbench.data.checks import integrity
from workbench.data.items import Items
from workbench.data.opening.load_options import LoadOptions
from workbench.data.pixels import range_estimation
from workbench.data.pixels.image_files import get_pixel_limit
from workbench.data.pixels.pixel_sources import FileSource
from workbench.errors import BadValue


def set_pixel_limit(items: Items, options: LoadOptions) -> Items:
    """Set the maximum number of pixels of an image: `max_pixels`, or that of this process.

    Raises:
        BadValue: a limit for images that are no files.
    """
    if isinstance(items.pixel_source, FileSource):
        return replace(items, max_pixels=options.max_pixels or get_pixel_limit(), caches={})
    if options.max_pixels is not None:
        raise BadValue(f"max_pixels= is a limit for image files, and {items.name} has none; leave it out")
    return items


def drop_invalid_files(items: Items, options: LoadOptions) -> Items:
    """Drop the files that are certainly no valid images; they are listed in `excluded`.

    Raises:
        BadData: nothing would be left of the set, or of a class.
    """
    return integrity.drop_invalid_files(items)


def set_pixel_range(items: Items, options: LoadOptions) -> Items:
    """Set the range of high-bit-depth greyscale: `pixel_range`, or estimated from a sample of the files.

    Raises:
        BadValue: a range is given, and no image has more than eight bits.
        BadData: integers mixed with fractions, which have no common range.
    """
    return range_estimation.set_pixel_range(items, options.pixel_range)
