"""Loading of a backbone by name, from a file or folder, from a zoo, or from a finished run."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.annotated_types import Seed
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue, UnknownName
from workbench.formatting import join_names
from workbench.nets import preprocessing as pixels
from workbench.nets.loading.name_resolution import resolve_name
from workbench.nets.loading.net_assembly import assemble_net
from workbench.nets.net import Net, parse_classes
from workbench.nets.preprocessing import Preprocessing
from workbench.plan import Choice, to_plain_data

__all__ = ["load_net"]

# accepted forms of a backbone
BackboneLike = str | os.PathLike[str] | Mapping[str, Any] | Choice | Net
OWN_ARGUMENTS = ["classes", "pretrained", "size", "preprocessing", "seed"]


@check_arguments
def load_net(
    name: str | os.PathLike[str],
    classes: int | Sequence[str] | None = None,
    pretrained: bool = True,
    size: int | None = None,
    preprocessing: Preprocessing | Mapping[str, Any] | None = None,
    seed: Seed = 0,
    **arguments: Any,
) -> Net:
    """Load a backbone with its weights, preprocessing and stages, in evaluation mode.

    Args:
        name: a timm name with or without tag (`resnet18.a1_in1k`), `torchvision/NAME`, a weights file, a folder
            with weights, an entry of a zoo (`FOLDER/NAME`, or `NAME` if the folder is in `$WORKBENCH_ZOO`), or the
            folder of a finished run.
        classes: number of classes or their names, for a new head; None keeps the pretrained one.
        pretrained: False leaves the weights random, as a control.
        size: edge of the images in pixels; None takes the size of pretraining.
        preprocessing: a deliberate change of preprocessing: a whole `Preprocessing` or the fields that differ.
        seed: seed of the random weights and of the new head.
        arguments: further arguments of the architecture, such as `drop_path_rate=0.1`; for a file that does not
            contain its architecture, also `architecture="resnet18"`.

    Raises:
        UnknownName: no net has the name.
        BadValue: weights of another architecture, a broken file, a size the architecture cannot take.
        Unavailable: the weights are not on this machine and there is no network.
    """
    if not isinstance(name, (str, os.PathLike)) or not os.fspath(name):
        raise BadValue(f"a backbone is a name or a path; got {name!r}")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise BadValue(f"the seed is a whole number from 0 to 2**32 - 1; got {seed!r}")
    _check_argument_names(arguments)
    if classes is not None:
        parse_classes(classes)
    size = _resolve_image_size(size, preprocessing, arguments.pop("img_size", None))
    recipe, label = resolve_name(os.fspath(name), arguments.get("architecture"))
    recipe = recipe.replace(kwargs={**recipe.kwargs, **{k: v for k, v in arguments.items() if k != "architecture"}})
    choice = Choice(label, _make_choice_params(classes, pretrained, size, preprocessing, seed, arguments))
    net = assemble_net(recipe, choice, pretrained, size, preprocessing, seed)
    if classes is not None:
        net.reset_head(classes, seed)
        net.choice = choice
    return net.eval()


def _check_argument_names(arguments: Mapping[str, Any]) -> None:
    """Refuse a misspelled argument name, which would otherwise be passed to the architecture."""
    for name in arguments:
        if difflib.get_close_matches(name, OWN_ARGUMENTS, n=1, cutoff=0.8):
            raise UnknownName.of("argument of load_net", name, OWN_ARGUMENTS)


def _resolve_image_size(size: int | None, preprocessing: Any, img_size: Any) -> int | None:
    """Return the requested image size, which may be given in three places."""
    inside = preprocessing.size if isinstance(preprocessing, Preprocessing) else None
    if isinstance(preprocessing, Mapping):
        inside = preprocessing.get("size")
    sizes = {s for s in (size, inside, img_size) if s is not None}
    if len(sizes) > 1:
        raise BadValue(f"two sizes were given, {join_names(map(str, sorted(sizes)))}; give one of them")
    return pixels.parse_image_size(sizes.pop()) if sizes else None


def _make_choice_params(
    classes: Any, pretrained: bool, size: int | None, preprocessing: Any, seed: int, arguments: Mapping[str, Any]
) -> dict[str, Any]:
    params = {
        "classes": classes if classes is None or isinstance(classes, int) else list(classes),
        "pretrained": None if pretrained else False,
        "size": size,
        "preprocessing": dataclasses.asdict(preprocessing)
        if isinstance(preprocessing, Preprocessing)
        else preprocessing,
        "seed": seed or None,
        **arguments,
    }
    return {key: to_plain_data(value) for key, value in params.items() if value is not None}
