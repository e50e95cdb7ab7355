"""Features of images through the store: the second question about the same net and images costs no forward pass."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, overload

import numpy as np
import torch

from workbench import markers
from workbench.arguments import check_arguments
from workbench.errors import BadData, UnknownName
from workbench.images.batches import ahead
from workbench.nets import structure
from workbench.nets.boundary import Layout
from workbench.nets.cut import Cut
from workbench.nets.measure import in_turn
from workbench.probes.stage_features import features_by_stage
from workbench.storage import keys
from workbench.storage.reading import Reading
from workbench.storage.source import Source
from workbench.threads import spare

if TYPE_CHECKING:
    from workbench.images import Images
    from workbench.nets import Net, Stage


@dataclass(frozen=True)
class Features:
    """What a net says of images, a row an image.

    Attributes:
        array: (N, D) float32.
        labels: of the rows, as `images.labels()` gives them.
        ids: (N,) the images' names.
        layer: the stage, or `features`, which the head reads.
    """

    array: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    layer: str

    def __len__(self) -> int:
        return len(self.array)


Device = Annotated[str | torch.device | None, markers.Device()]


@overload
def features(
    net: Net,
    images: Images,
    layer: str | None = None,
    *,
    split: str | None = None,
    domain: str | None = None,
    device: Device = None,
) -> Features: ...


@overload
def features(
    net: Net,
    images: Images,
    layer: Sequence[Any],
    *,
    split: str | None = None,
    domain: str | None = None,
    device: Device = None,
) -> dict[str, Features]: ...


@check_arguments
@spare()
@in_turn
def features(
    net: Net,
    images: Images,
    layer: str | Sequence[str | Stage | None] | None = None,
    *,
    split: str | None = None,
    domain: str | None = None,
    device: Device = None,
) -> Features | dict[str, Features]:
    """Features of the images' centre views, stored on disk by content; images that cannot be read are left out.

    Args:
        layer: a name that `net.stages` lists, whose output is pooled; None is what the head reads. Of a list, such
            as `net.stages[:-1]`, the answer is a mapping by stage, from one pass over the images.
        split: train, valid or test; None is all.
        domain: one domain only.
        device: where to run; the net's own by default.

    Raises:
        UnknownName: no such stage.
        BadData: no such images, or none that can be read.
    """
    part = images.part(split=split, domain=domain)
    if not len(part):
        raise BadData(f"{images.name} has no such images: split {split!r}, domain {domain!r}")
    one = layer is None or isinstance(layer, str)
    wanted: list[Any] = [layer] if one else [getattr(name, "name", name) for name in layer or ()]
    place = torch.device(device) if device is not None else next(net.parameters()).device
    net.to(place)
    found = _of_stages(net, part, [name for name in wanted if name is not None])
    if None in wanted:
        found["features"] = _of_head(net, part, place)
    labels, ids = part.labels(), part.frame["id"].to_numpy()
    named = [name or "features" for name in wanted]
    out = {name: Features(found[name][0], labels[found[name][1]], ids[found[name][1]], name) for name in named}
    return out[named[0]] if one else out


@spare()
@in_turn
def with_answers(net: Net, images: Images) -> tuple[Features, np.ndarray]:
    """Features of all images, and what the net's own head says of them, logits (N, K), from one pass.

    Raises:
        BadData: no images, or none that can be read.
    """
    said: list[np.ndarray] = []
    array, rows = _of_head(net, images, next(net.parameters()).device, said)
    found = Features(array, images.labels()[rows], images.frame["id"].to_numpy()[rows], "features")
    return found, np.concatenate(said)


@torch.no_grad()
def _of_head(
    net: Net, part: Images, place: torch.device, said: list[np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, D) and the rows that they are of; `said` takes the head's logits (b, K), batch by batch."""
    source = _source(Cut(net, ()), net, part, place)
    reading, rows = Reading(source), np.arange(len(part))
    count = reading.count
    starts, found, kept = range(0, len(rows), count), [], []
    for start, fetched in zip(starts, ahead(lambda at: reading.fetch(rows[at : at + count]), starts, 2), strict=True):
        x, good = reading.show(fetched)
        if good.any():
            found.append(net.features(x).float().cpu().numpy())
            if said is not None:
                said.append(net(x).float().cpu().numpy())
            kept.append(rows[start : start + count][good])
    source.flush()
    if not found:
        raise BadData(f"none of the {len(part)} images of {part.name} can be read; see images.problems")
    return np.concatenate(found), np.concatenate(kept)


def _of_stages(net: Net, part: Images, layers: Sequence[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Pooled outputs (N, D) by stage and the rows that they are of; what no stage has stored takes one pass."""
    names = [stage.name for stage in net.stages]
    for layer in layers:
        if layer not in names:
            raise UnknownName.of(f"stage of {net.choice.name}", layer, names)
    if not layers:
        return {}
    asked, every = _asked(net, layers), np.arange(len(part))
    sources = {layer: _source(asked[layer], net, part, torch.device("cpu")) for layer in layers}
    stored = np.all([source.has(every) for source in sources.values()], axis=0)
    held = {k: source.read(every[stored]).float().numpy() for k, source in sources.items()} if stored.any() else {}
    if stored.all():
        return {layer: (array, every) for layer, array in held.items()}
    fresh = features_by_stage(net, part.part(rows=every[~stored]), layers)
    place = {name: row for row, name in enumerate(part.frame["id"])}
    out = {}
    for layer, found in fresh.items():
        rows = np.array([place[name] for name in found.ids])
        asked[layer].width = found.x.shape[1]
        sources[layer].add(rows, [torch.from_numpy(found.x)[:, None]])
        sources[layer].flush()
        both = np.concatenate([every[stored], rows])
        array = np.concatenate([held[layer], found.x]) if held else found.x
        out[layer] = array[np.argsort(both)], np.sort(both)
    return out


def _asked(net: Net, layers: Sequence[str]) -> dict[str, Pooled]:
    whole = structure.identity(net)
    keys_of = {layer: hashlib.blake2b(f"{layer} {whole}".encode(), digest_size=12).hexdigest() for layer in layers}
    return {layer: Pooled(key, layer) for layer, key in keys_of.items()}


@dataclass
class Pooled:
    """The pooled output of a stage, as a source of activations asks for it.

    Attributes:
        key: a hash of all that it follows from, the images apart.
        width: D; known once it was computed.
    """

    key: str
    after: str
    width: int = 0

    @property
    def layouts(self) -> list[Layout]:
        """One vector an image."""
        return [Layout(0, 1, (0, 1), (1, self.width), torch.float32)]

    numbers = 0  # stored in full precision whatever their width


def _source(cut: Cut | Pooled, net: Net, part: Images, place: torch.device) -> Source:
    pre = net.preprocessing
    view = part.view(**pre.view_options)
    looked = keys.of_view(view)
    words = {"net": str(net.choice), "cut": f"after {cut.after}", "images": part.name, "view": looked}
    return Source(cut, view, looked, "auto", place, words)  # type: ignore[arg-type]
