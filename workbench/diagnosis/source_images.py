"""Images of the kind that a backbone learnt from, made anew where its zoo says how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.images import images
from workbench.nets import zoos

if TYPE_CHECKING:
    from workbench.images import Images
    from workbench.nets import Net

COUNT = 256


def source_images(net: Net) -> Images | None:
    """Some images as those that a net of the built-in zoo learnt from; None where nobody says which they were."""
    prefix, _, name = net.choice.name.partition("/")
    folder = zoos.builtin().get(name) if prefix == "wb" else None
    made = zoos.entries(folder)[name].get("made") if folder is not None else None
    if not made:
        return None
    told = made["plan"]["data"]
    params = {key: value for key, value in told["params"].items() if key != "valid"}
    return images(told["name"], **{**params, "n": COUNT})
