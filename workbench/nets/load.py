"""`load`: a backbone by name, from a file or folder, from a zoo, or from a finished run."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.arguments import check_arguments
from workbench.errors import BadValue, UnknownName
from workbench.markers import Seed
from workbench.nets import preprocessing as pixels
from workbench.nets.assembling import assembled
from workbench.nets.find import find
from workbench.nets.net import Net, checked_classes
from workbench.nets.preprocessing import Preprocessing
from workbench.plan import Choice, plain

# what names a backbone where one is wanted
Backbone = str | os.PathLike[str] | Mapping[str, Any] | Choice | Net
OWN = ["classes", "pretrained", "size", "preprocessing", "seed"]


@check_arguments
def load(
    name: str | os.PathLike[str],
    classes: int | Sequence[str] | None = None,
    pretrained: bool = True,
    size: int | None = None,
    preprocessing: Preprocessing | Mapping[str, Any] | None = None,
    seed: Seed = 0,
    **arguments: Any,
) -> Net:
    """A backbone with its weights, preprocessing and stages, in evaluation mode.

    Args:
        name: a timm name with or without tag (`resnet18.a1_in1k`), `torchvision/NAME`, a weights file, a folder
            with weights, an entry of a zoo (`FOLDER/NAME`, or `NAME` if the folder is in `$WORKBENCH_ZOO`), or the
            folder of a finished run.
        classes: how many or their names, for a new head; None keeps the pretrained one.
        pretrained: False leaves the weights random, as a control.
        size: edge of the images in pixels; None takes the size of pretraining.
        preprocessing: a mismatch on purpose: a whole `Preprocessing` or the fields that differ.
        seed: of the random weights and of the new head.
        arguments: further arguments of the architecture, such as `drop_path_rate=0.1`; for a file that does not
            say what it is, also `architecture="resnet18"`.

    Raises:
        UnknownName: nothing bears the name.
        BadValue: weights of another architecture, a broken file, a size the architecture cannot take.
        Unavailable: the weights are not on this machine and there is no network.
    """
    if not isinstance(name, (str, os.PathLike)) or not os.fspath(name):
        raise BadValue(f"a backbone is a name or a path; got {name!r}")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise BadValue(f"the seed is a whole number from 0 to 2**32 - 1; got {seed!r}")
    _spelt(arguments)
    if classes is not None:
        checked_classes(classes)
    size = _size(size, preprocessing, arguments.pop("img_size", None))
    recipe, label = find(os.fspath(name), arguments.get("architecture"))
    recipe = recipe.but(kwargs={**recipe.kwargs, **{k: v for k, v in arguments.items() if k != "architecture"}})
    choice = Choice(label, _differing(classes, pretrained, size, preprocessing, seed, arguments))
    net = assembled(recipe, choice, pretrained, size, preprocessing, seed)
    if classes is not None:
        net.new_head(classes, seed)
        net.choice = choice
    return net.eval()


def _spelt(arguments: Mapping[str, Any]) -> None:
    """Refuses a slip in an argument's name, which would else be handed on to the architecture."""
    for name in arguments:
        if difflib.get_close_matches(name, OWN, n=1, cutoff=0.8):
            raise UnknownName.of("argument of load", name, OWN)


def _size(size: int | None, wanted: Any, img_size: Any) -> int | None:
    """The size that was asked for, in any of three places."""
    inside = wanted.size if isinstance(wanted, Preprocessing) else None
    if isinstance(wanted, Mapping):
        inside = wanted.get("size")
    given = {s for s in (size, inside, img_size) if s is not None}
    if len(given) > 1:
        raise BadValue(f"two sizes were asked for, {' and '.join(map(str, sorted(given)))}; give one of them")
    return pixels.checked_size(given.pop()) if given else None


def _differing(
    classes: Any, pretrained: bool, size: int | None, wanted: Any, seed: int, arguments: Mapping[str, Any]
) -> dict[str, Any]:
    given = {
        "classes": classes if classes is None or isinstance(classes, int) else list(classes),
        "pretrained": None if pretrained else False,
        "size": size,
        "preprocessing": dataclasses.asdict(wanted) if isinstance(wanted, Preprocessing) else wanted,
        "seed": seed or None,
        **arguments,
    }
    return {key: plain(value) for key, value in given.items() if value is not None}
