"""Factory of images from any source: one reader, then the steps of the pipeline."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench.data.items import Items
from workbench.data.labeled_images import Images
from workbench.data.opening.generated_sets import GENERATED_SETS, GeneratedSet
from workbench.data.opening.load_options import LoadOptions, parse_options
from workbench.data.opening.pipeline import apply_steps
from workbench.data.opening.readers import READERS, find_source_kind
from workbench.data.pixels.image_files import DEFAULT_MAX_PIXELS
from workbench.data.stored_images import load_stored_items
from workbench.errors import BadValue, Unavailable
from workbench.plan import Choice, to_plain_data
from workbench.type_hints import find_path_problem


def build_images(data: Any, keywords: Mapping[str, Any]) -> Images:
    """Build images from any source.

    Raises:
        WorkbenchError: the source or an option cannot be used; the message is the reason.
    """
    data, options = _parse_source(data, keywords)
    if isinstance(data, str) and data == "stored":
        return _open_stored_images(options)
    reader = READERS[find_source_kind(data)]
    items = apply_steps(reader.read(data, options), options)
    recipe = _build_recipe(data, reader.locate(data), items, options)
    return Images(items, recipe, source_domain=options.source_domain, target_domain=options.target_domain)


def _parse_source(data: Any, keywords: Mapping[str, Any]) -> tuple[Any, LoadOptions]:
    """Parse the options; the name of a generated set becomes the set, which has options of its own."""
    if problem := find_path_problem(data):
        raise BadValue(f"the source of images {problem}")
    if isinstance(data, str) and data in GENERATED_SETS:
        generated_set = GeneratedSet(data, keywords)
        return generated_set, generated_set.load_options()
    return data, parse_options(keywords)


def _build_recipe(data: Any, name: str | None, items: Items, options: LoadOptions) -> Choice | None:
    """Build the recipe that opens the same images again; None if they are in memory."""
    if name is None:
        return None
    if isinstance(data, GeneratedSet):
        return Choice(name, to_plain_data(dict(data.keywords)))
    return Choice(name, {**options.non_default_options(), **_resolved_options(items)})


def _resolved_options(items: Items) -> dict[str, Any]:
    """Return options found at opening, or set in this process, that a worker process must use too."""
    resolved = {} if items.pixel_range is None else {"pixel_range": list(items.pixel_range)}
    return resolved if items.max_pixels == DEFAULT_MAX_PIXELS else {**resolved, "max_pixels": items.max_pixels}


def _open_stored_images(options: LoadOptions) -> Images:
    """Open images as an earlier run stored them: the steps were applied before."""
    if options.path is None:
        raise BadValue("expected path=, the folder that the images were stored in")
    if replace(options, path=None) != LoadOptions():
        raise BadValue("stored images are opened as they were stored; leave out all options but path=")
    items, source, target = load_stored_items(options.path)
    _check_root_exists(items)
    return Images(items, Choice("stored", {"path": options.path}), source_domain=source, target_domain=target)


def _check_root_exists(items: Items) -> None:
    root = getattr(items.pixel_source, "root", None)
    if root is not None and not os.path.isdir(root):
        raise Unavailable(f"the folder {root} of the images of {items.name} is missing")
