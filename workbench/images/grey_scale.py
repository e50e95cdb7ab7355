"""The scale of a set's deep greys: found once from a sample of its files, or given."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from workbench.errors import BadValue
from workbench.images.grey_levels import Scale, described, extremes_of, find_range
from workbench.images.image_files import open_file, open_image
from workbench.images.items import Items
from workbench.images.origins import Dataset, Files

FEWEST, MOST = 16, 512  # images of a sample
PIXELS = 64_000_000  # and about how many pixels it has

log = logging.getLogger("workbench")


def with_scale(items: Items, given: Scale | None) -> Items:
    """The set with the scale of its deep greys, if it has such.

    Raises:
        BadValue: a scale is given, and no image has deep greys.
        BadData: whole numbers and fractions, which have no scale in common.
    """
    if not isinstance(items.origin, Files):
        if given is not None and items.pixel_range is None:
            raise BadValue(f"pixel_range= scales deep greys of files and values of arrays; {items.name} has neither")
        return items
    headers = items.origin.headers
    known = [headers[place] for place in items.at.tolist() if place in headers]
    deep = np.array([r for r, place in enumerate(items.at.tolist()) if place in headers and headers[place].deep], int)
    if given is not None:
        if known and len(known) == len(items) and not len(deep):
            raise BadValue(
                f"pixel_range= scales greys of more than eight bits, and none of the {len(items):,} images of "
                f"{items.name} holds such; leave it out"
            )
        return replace(items, pixel_range=given, range_sample=0, shelves={})
    if not len(deep):
        return items
    found, count = _sampled(items, deep)
    if found is None:
        return items
    log.info("%s: greys of more than eight bits, %s from black to white", items.name, described(found))
    return replace(items, pixel_range=found, range_sample=count, shelves={})


def scale_of(items: Items) -> Scale | None:
    """The scale of a set's deep greys; a dataset, of which opening reads nothing, is looked at now."""
    return items.origin.deep_scale() if isinstance(items.origin, Dataset) else items.pixel_range


def scale_for(items: Items, wanted: Scale | None) -> Scale | None:
    """The scale in which a net is to be shown the deep greys of some files.

    Args:
        wanted: that of the images that the net was trained on, if they had one.

    Raises:
        BadValue: arrays, which were scaled when they were opened, in another scale than the net's.
    """
    own, given = items.pixel_range, not items.range_sample
    if isinstance(items.origin, Files):
        return own if wanted is None or (own is not None and given) else wanted
    if wanted is not None and own is not None and own != wanted and not given:
        raise BadValue(
            f"the net was trained on greys from {described(wanted)}, but those of {items.name} were scaled from "
            f"{described(own)}, as found in them; open them with pixel_range=({wanted[0]:g}, {wanted[1]:g})"
        )
    return None


def _sampled(items: Items, deep: np.ndarray) -> tuple[Scale | None, int]:
    """The scale of some rows' deep greys, and how many of these rows it was found from."""
    origin = items.origin
    assert isinstance(origin, Files)
    sizes = [origin.headers[place].width * origin.headers[place].height for place in items.at[deep].tolist()]
    count = int(np.clip(PIXELS / max(np.mean(sizes), 1), FEWEST, MOST))
    chosen = deep[np.unique(np.linspace(0, len(deep) - 1, min(count, len(deep))).astype(int))]

    def one(row: int) -> np.ndarray | None:
        try:
            with open_file(items.path(row) or "") as file, open_image(file, items.max_pixels) as image:
                values = np.asarray(image)
                return np.array([values.min(), values.max()]) if np.isfinite(values).all() else None
        except Exception:  # what cannot be decoded is listed when it is read
            return None

    with ThreadPoolExecutor(4) as pool:
        ends = [pair for pair in pool.map(one, chosen.tolist()) if pair is not None]
    return (find_range(*extremes_of(ends)), len(ends)) if ends else (None, 0)
