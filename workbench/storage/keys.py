"""What stored activations go by: the images' content, and how they were looked at."""

from __future__ import annotations

import hashlib

import numpy as np

from workbench.images import View
from workbench.images.items import Items
from workbench.images.origins import digest


def of_images(items: Items) -> str:
    """A hash of the content of all images of a source: files by path, size and time, others by their pixels.

    Computed once in a process: images that change while they are open are not looked for.
    """
    if "content" not in items.shelves:
        total = hashlib.blake2b(digest_size=12)
        for row in range(len(items)):
            stamp = items.origin.stamp(int(items.at[row]))
            content = digest(items.read(row)) if stamp is None else repr(stamp).encode()
            total.update(items.key(row, content))
        items.shelves["content"] = total.hexdigest()
    return items.shelves["content"]


def of_view(view: View, kind: str = "none", seed: int = 0, turn: int = 0, stream: int = 0) -> str:
    """A word for how images are looked at.

    Args:
        kind: none (the centre), or the augmentation.
        seed: of the run, which decides random views.
        turn: which of the views of each image.
        stream: place of the stream among those that the strategy reads.
    """
    words = f"{view.size} of {view.framing.name}"
    if kind == "none":
        return words
    # random views follow from the places of the images in their part, so the part is told too
    part = hashlib.blake2b(np.ascontiguousarray(view.rows).data, digest_size=8).hexdigest()
    return f"{words} {kind} {seed} {turn} {stream} {part}"
