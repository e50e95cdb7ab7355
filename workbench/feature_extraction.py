"""Feature extraction through the activation cache: repeated requests for a net and images need no forward pass."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, overload

import numpy as np
import torch

from workbench import annotated_types
from workbench._threads import limit_to_free_cores
from workbench.argument_checks import check_arguments
from workbench.data.batches import prefetch_batches
from workbench.errors import BadData, UnknownName
from workbench.nets import structure
from workbench.nets.partition.min_cut import BatchLayout
from workbench.nets.partition.partition import Partition
from workbench.nets.partition.partitioned_net import PartitionedNet
from workbench.nets.shape_inference import with_net_lock
from workbench.probes.stage_features import extract_features_by_stage
from workbench.storage import cache_keys
from workbench.storage.cached_activations import CachedActivations
from workbench.storage.cached_reading import CachedReader

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images
    from workbench.nets.net import Net
    from workbench.nets.stages import Stage

__all__ = ["extract_features"]


@dataclass(frozen=True)
class Features:
    """Features of images, one row per image.

    Attributes:
        array: (N, D) float32.
        labels: labels of the rows, as `images.labels()` returns them.
        ids: (N,) names of the images.
        layer: name of the stage, or `features` for the input of the head.
    """

    array: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    layer: str

    def __len__(self) -> int:
        return len(self.array)


OptionalDevice = Annotated[str | torch.device | None, annotated_types.Device()]


@overload
def extract_features(
    net: Net,
    images: Images,
    layer: str | None = None,
    *,
    split: str | None = None,
    domain: str | None = None,
    device: OptionalDevice = None,
) -> Features: ...


@overload
def extract_features(
    net: Net,
    images: Images,
    layer: Sequence[Any],
    *,
    split: str | None = None,
    domain: str | None = None,
    device: OptionalDevice = None,
) -> dict[str, Features]: ...


@check_arguments
@limit_to_free_cores()
@with_net_lock
def extract_features(
    net: Net,
    images: Images,
    layer: str | Sequence[str | Stage | None] | None = None,
    *,
    split: str | None = None,
    domain: str | None = None,
    device: OptionalDevice = None,
) -> Features | dict[str, Features]:
    """Extract features of the images' center views, cached on disk by content; unreadable images are left out.

    Args:
        net: net to run.
        images: images to run it on.
        layer: name from `net.stages`, whose output is pooled; None for the input of the head. For a list, such as
            `net.stages[:-1]`, the result is a mapping by stage, from one pass over the images.
        split: train, valid or test; None for all.
        domain: name of one domain; None for all.
        device: torch device; the net's own by default.

    Raises:
        UnknownName: no such stage.
        BadData: no such images, or none that can be read.
    """
    part = images.subset(split=split, domain=domain)
    if not len(part):
        raise BadData(f"{images.name} has no such images: split {split!r}, domain {domain!r}")
    is_single = layer is None or isinstance(layer, str)
    layers: list[Any] = [layer] if is_single else [getattr(name, "name", name) for name in layer or ()]
    torch_device = torch.device(device) if device is not None else next(net.parameters()).device
    net.to(torch_device)
    arrays = _extract_stage_features(net, part, [name for name in layers if name is not None])
    if None in layers:
        arrays["features"] = _extract_head_features(net, part, torch_device)
    labels, ids = part.labels(), part.frame["id"].to_numpy()
    names = [name or "features" for name in layers]
    results = {name: Features(arrays[name][0], labels[arrays[name][1]], ids[arrays[name][1]], name) for name in names}
    return results[names[0]] if is_single else results


@limit_to_free_cores()
@with_net_lock
def extract_features_and_logits(net: Net, images: Images) -> tuple[Features, np.ndarray]:
    """Extract features of all images and the logits (N, K) of the net's own head, in one pass.

    Raises:
        BadData: no images, or none that can be read.
    """
    logits: list[np.ndarray] = []
    array, rows = _extract_head_features(net, images, next(net.parameters()).device, logits)
    features = Features(array, images.labels()[rows], images.frame["id"].to_numpy()[rows], "features")
    return features, np.concatenate(logits)


@torch.no_grad()
def _extract_head_features(
    net: Net, part: Images, device: torch.device, logits: list[np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the head's input (N, D) and the row indices; logits (b, K) of each batch are appended to `logits`."""
    cache = _open_source(Partition(net, ()), net, part, device)
    reader, rows = CachedReader(cache), np.arange(len(part))
    partitioned, batch_size = PartitionedNet(net), reader.batch_size
    starts, features, kept_rows = range(0, len(rows), batch_size), [], []
    for start, fetched in zip(
        starts, prefetch_batches(lambda at: reader.fetch(rows[at : at + batch_size]), starts, 2), strict=True
    ):
        x, is_readable = reader.to_views(fetched)
        if is_readable.any():
            features.append(partitioned.features(x).float().cpu().numpy())
            if logits is not None:
                logits.append(partitioned(x).float().cpu().numpy())
            kept_rows.append(rows[start : start + batch_size][is_readable])
    cache.flush()
    if not features:
        raise BadData(f"none of the {len(part)} images of {part.name} can be read; see images.problems")
    return np.concatenate(features), np.concatenate(kept_rows)


def _extract_stage_features(net: Net, part: Images, layers: Sequence[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return pooled outputs (N, D) and row indices per stage; rows missing in the cache are computed in one pass."""
    names = [stage.name for stage in net.stages]
    for layer in layers:
        if layer not in names:
            raise UnknownName.of(f"stage of {net.choice.name}", layer, names)
    if not layers:
        return {}
    outputs, all_rows = _make_pooled_outputs(net, layers), np.arange(len(part))
    caches = {layer: _open_source(outputs[layer], net, part, torch.device("cpu")) for layer in layers}
    is_stored = np.all([cache.is_stored(all_rows) for cache in caches.values()], axis=0)
    cached = (
        {k: cache.read(all_rows[is_stored]).float().numpy() for k, cache in caches.items()} if is_stored.any() else {}
    )
    if is_stored.all():
        return {layer: (array, all_rows) for layer, array in cached.items()}
    computed = extract_features_by_stage(net, part.subset(rows=all_rows[~is_stored]), layers)
    row_of_id = {name: row for row, name in enumerate(part.frame["id"])}
    results = {}
    for layer, features in computed.items():
        rows = np.array([row_of_id[name] for name in features.ids])
        outputs[layer].width = features.x.shape[1]
        caches[layer].add(rows, [torch.from_numpy(features.x)[:, None]])
        caches[layer].flush()
        all_indices = np.concatenate([all_rows[is_stored], rows])
        array = np.concatenate([cached[layer], features.x]) if cached else features.x
        results[layer] = array[np.argsort(all_indices)], np.sort(all_indices)
    return results


def _make_pooled_outputs(net: Net, layers: Sequence[str]) -> dict[str, PooledOutput]:
    net_hash = structure.hash_net(net)
    keys_of = {layer: hashlib.blake2b(f"{layer} {net_hash}".encode(), digest_size=12).hexdigest() for layer in layers}
    return {layer: PooledOutput(key, layer) for layer, key in keys_of.items()}


@dataclass
class PooledOutput:
    """Pooled output of a stage, with the interface of a partition that the activation cache expects.

    Attributes:
        key: hash of everything that determines the output, except the images.
        width: D; 0 until it has been computed.
    """

    key: str
    last_frozen_stage: str
    width: int = 0

    @property
    def layouts(self) -> list[BatchLayout]:
        """Layout of one vector per image."""
        return [BatchLayout(0, 1, (0, 1), (1, self.width), torch.float32)]

    n_values = 0  # cached in full precision at any width


def _open_source(
    partition: Partition | PooledOutput, net: Net, part: Images, device: torch.device
) -> CachedActivations:
    pre = net.preprocessing
    view = part.view(**pre.view_options)
    view_key = cache_keys.describe_view(view)
    description = {
        "net": str(net.choice),
        "cut": f"after {partition.last_frozen_stage}",
        "images": part.name,
        "view": view_key,
    }
    return CachedActivations(partition, view, view_key, "auto", device, description)  # type: ignore[arg-type]
