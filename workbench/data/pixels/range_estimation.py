"""Pixel range of a set's high-bit-depth greyscale: estimated once from a sample of its files, or given."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from workbench.data.items import Items
from workbench.data.pixels.image_files import open_file, open_image
from workbench.data.pixels.pixel_ranges import PixelRange, find_extremes, format_pixel_range, infer_pixel_range
from workbench.data.pixels.pixel_sources import DatasetSource, FileSource
from workbench.errors import BadValue

MIN_SAMPLE_SIZE, MAX_SAMPLE_SIZE = 16, 512  # images per sample
SAMPLE_PIXELS = 64_000_000  # approximate total of pixels per sample

log = logging.getLogger("workbench")


def set_pixel_range(items: Items, pixel_range: PixelRange | None) -> Items:
    """Return the set with the pixel range of its high-bit-depth greyscale, if it has such images.

    Raises:
        BadValue: a range is given, and no image has more than eight bits.
        BadData: integers mixed with fractions, which have no common range.
    """
    if not isinstance(items.pixel_source, FileSource):
        if pixel_range is not None and items.pixel_range is None:
            raise BadValue(f"pixel_range= is for files of more than eight bits and arrays; {items.name} has neither")
        return items
    headers = items.pixel_source.headers
    known_headers = [headers[index] for index in items.source_index.tolist() if index in headers]
    rows = np.array(
        [
            r
            for r, index in enumerate(items.source_index.tolist())
            if index in headers and headers[index].is_high_bit_depth
        ],
        int,
    )
    if pixel_range is not None:
        if known_headers and len(known_headers) == len(items) and not len(rows):
            raise BadValue(
                f"pixel_range= applies to greyscale of more than eight bits, and none of the {len(items):,} images of "
                f"{items.name} is; leave it out"
            )
        return replace(items, pixel_range=pixel_range, n_range_samples=0, caches={})
    if not len(rows):
        return items
    estimated, count = _estimate_from_sample(items, rows)
    if estimated is None:
        return items
    log.info("%s: greys of more than eight bits, %s from black to white", items.name, format_pixel_range(estimated))
    return replace(items, pixel_range=estimated, n_range_samples=count, caches={})


def get_pixel_range(items: Items) -> PixelRange | None:
    """Return the pixel range of a set; a data set, of which opening reads no pixels, is sampled now."""
    return (
        items.pixel_source.non_default_range() if isinstance(items.pixel_source, DatasetSource) else items.pixel_range
    )


def match_pixel_range(items: Items, net_range: PixelRange | None) -> PixelRange | None:
    """Choose the pixel range in which a net is given the high-bit-depth greyscale of files.

    Args:
        net_range: range of the images that the net was trained on, if they had one.

    Raises:
        BadValue: arrays, which were scaled when they were opened, in another range than the net's.
    """
    own_range, is_given = items.pixel_range, not items.n_range_samples
    if isinstance(items.pixel_source, FileSource):
        return own_range if net_range is None or (own_range is not None and is_given) else net_range
    if net_range is not None and own_range is not None and own_range != net_range and not is_given:
        raise BadValue(
            f"the net was trained on greys from {format_pixel_range(net_range)}, but those of {items.name} were "
            f"scaled from {format_pixel_range(own_range)}, as found in them; open them with "
            f"pixel_range=({net_range[0]:g}, {net_range[1]:g})"
        )
    return None


def _estimate_from_sample(items: Items, rows: np.ndarray) -> tuple[PixelRange | None, int]:
    """Estimate the pixel range from a sample of the given rows, and return the size of the sample."""
    source = items.pixel_source
    assert isinstance(source, FileSource)
    sizes = [source.headers[index].width * source.headers[index].height for index in items.source_index[rows].tolist()]
    count = int(np.clip(SAMPLE_PIXELS / max(np.mean(sizes), 1), MIN_SAMPLE_SIZE, MAX_SAMPLE_SIZE))
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int))]

    def one(row: int) -> np.ndarray | None:
        try:
            with open_file(items.path(row) or "") as file, open_image(file, items.max_pixels) as image:
                values = np.asarray(image)
                return np.array([values.min(), values.max()]) if np.isfinite(values).all() else None
        except Exception:  # images that cannot be decoded are listed when they are read
            return None

    with ThreadPoolExecutor(4) as pool:
        extremes = [pair for pair in pool.map(one, chosen.tolist()) if pair is not None]
    return (infer_pixel_range(*find_extremes(extremes)), len(extremes)) if extremes else (None, 0)
