"""Keys of stored activations: the content of the images, and the view of them."""

from __future__ import annotations

import hashlib

import numpy as np

from workbench.data.items import Items
from workbench.data.pixels.pixel_sources import hash_content
from workbench.data.views import View


def hash_images(items: Items) -> str:
    """Hash the content of all images of a source: files by path, size and time, others by their pixels.

    Computed once per process: changes to images while they are open are not detected.
    """
    if "content" not in items.caches:
        total = hashlib.blake2b(digest_size=12)
        for row in range(len(items)):
            stamp = items.pixel_source.stamp(int(items.source_index[row]))
            content = hash_content(items.read(row)) if stamp is None else repr(stamp).encode()
            total.update(items.cache_key(row, content))
        items.caches["content"] = total.hexdigest()
    return items.caches["content"]


def describe_view(view: View, kind: str = "none", seed: int = 0, view_index: int = 0, stream_index: int = 0) -> str:
    """Describe a view of images as a key.

    Args:
        kind: none (the center), or the augmentation.
        seed: seed of the run, which determines random views.
        view_index: index of the view among those of each image.
        stream_index: index of the stream among those that the strategy reads.
    """
    text = f"{view.size} of {view.resize_config.cache_key}"
    if kind == "none":
        return text
    # random views depend on the positions of the images in their part, so the key includes the part
    part = hashlib.blake2b(np.ascontiguousarray(view.rows).data, digest_size=8).hexdigest()
    return f"{text} {kind} {seed} {view_index} {stream_index} {part}"
