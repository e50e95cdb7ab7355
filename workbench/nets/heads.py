"""Taking the classifier out of a backbone, so that features and logits are two steps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class MeanOfHeads(nn.Module):
    """Several classifiers whose answers are averaged, as distilled nets do in evaluation.

    Args:
        heads: the classifiers.
        widths: features each reads, side by side; None where all read the same features.
        weights: fixed or learned logits of the average, one vector of len(heads) an ensemble; None for equal shares.
    """

    def __init__(
        self, heads: Sequence[nn.Module], widths: Sequence[int] | None = None, weights: nn.Parameter | None = None
    ) -> None:
        super().__init__()
        self.heads = nn.ModuleList(heads)
        self.widths = None if widths is None else list(widths)
        self.weights = weights

    def forward(self, x: Tensor) -> Tensor:
        """x (B, D) -> (B, K)."""
        parts = [x] * len(self.heads) if self.widths is None else list(x.split(self.widths, dim=1))
        logits = torch.stack([head(part) for head, part in zip(self.heads, parts, strict=True)])
        if self.weights is None:
            return logits.mean(0)
        return torch.einsum("h,hbk->bk", self.weights.softmax(-1), logits)


class MapHead(nn.Module):
    """A pretrained classifier that reads the whole map or all tokens rather than their pooled features."""

    takes_map = True

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, x: Tensor) -> Tensor:
        """x, as the backbone gives it, -> (B, K)."""
        return self.classifier(x)


class _Beside(nn.Module):
    """Puts features into the first or the second half, doubled: the mean of both halves lays them side by side."""

    def __init__(self, first: bool) -> None:
        super().__init__()
        self.first = first

    def forward(self, x: Tensor) -> Tensor:
        blank = torch.zeros_like(x)
        return torch.cat([x * 2, blank] if self.first else [blank, x * 2], dim=-1)


def take_head(model: nn.Module) -> nn.Module:
    """Takes the classifier out of a timm-like model, in place; the model then gives features.

    Returns:
        the classifier, (B, D) -> (B, K), with its weights; `nn.Identity` where the model has none.
    """
    heads = _parts(model.get_classifier()) if hasattr(model, "get_classifier") else []  # type: ignore[operator]
    if not heads:
        return nn.Identity()
    if hasattr(model, "heads_dist"):  # EfficientViM, distilled
        second = _ensemble(model, "heads_dist", "weights_dist")
        first = _ensemble(model, "heads", "weights")
        return MeanOfHeads([first, second])
    if hasattr(model, "heads") and hasattr(model, "weights"):
        return _ensemble(model, "heads", "weights")
    if getattr(model, "aux_head", None) is not None:  # VOLO: the maximum over all tokens joins in
        return _take_volo(model)
    paths = [_path(model, head) for head in heads]
    if len(heads) == 1:
        _put(model, paths[0], nn.Identity())
        return _flat(heads[0])
    return _take_several(model, paths, heads)


def in_features(head: nn.Module) -> int | None:
    """How many features a head reads, where its layers say so."""
    if isinstance(head, MeanOfHeads):
        return sum(head.widths) if head.widths else in_features(head.heads[0])
    for module in head.modules():
        if isinstance(module, nn.Linear):
            return module.in_features
    return None


def linear(features: int, classes: int, seed: int) -> nn.Linear:
    """A fresh classifier: weights from N(0, 0.01), bias 0, drawn without touching torch's own generator.

    Args:
        features: D.
        classes: K.
    """
    with torch.device("cpu"), torch.random.fork_rng(devices=[]):
        head = nn.Linear(features, classes)
    with torch.no_grad():
        head.weight.normal_(0.0, 0.01, generator=torch.Generator().manual_seed(seed))
        head.bias.zero_()
    return head


def _parts(found: object) -> list[nn.Module]:
    if isinstance(found, (tuple, list, nn.ModuleList)):
        return [part for item in found for part in _parts(item)]
    # SAM's encoder answers with its whole head, pooling included
    found = getattr(found, "fc", found)
    return [found] if isinstance(found, nn.Module) and not isinstance(found, nn.Identity) else []


def _ensemble(model: nn.Module, heads: str, weights: str) -> MeanOfHeads:
    taken, share = getattr(model, heads), getattr(model, weights)
    model.num_classes = 0  # type: ignore[assignment]  # EfficientViM then gives its features side by side
    setattr(model, heads, nn.ModuleList())
    delattr(model, weights)
    return MeanOfHeads(list(taken), [_width(head) for head in taken], share)


def _take_several(model: nn.Module, paths: list[str], heads: list[nn.Module]) -> nn.Module:
    for path in paths:
        _put(model, path, nn.Identity())
    if isinstance(getattr(model, "head", None), nn.ModuleList):  # CrossViT: one head a branch
        return MeanOfHeads(heads, [_width(head) for head in heads])
    if hasattr(model, "dist_token") or (hasattr(model, "cls_token") and hasattr(model, "head_dist")):
        for path, first in zip(paths, (True, False), strict=True):  # DeiT, PiT: a token a head
            _put(model, path, _Beside(first))
        return MeanOfHeads(heads, [_width(head) for head in heads])
    return MeanOfHeads(heads)


def _width(head: nn.Module) -> int:
    width = in_features(head)
    if width is None:
        raise ValueError(f"a {type(head).__name__} does not say how many features it reads")
    return width


def _flat(head: nn.Module) -> nn.Module:
    """A 1×1 convolution over pooled features as the linear layer that it is."""
    if not isinstance(head, nn.Conv2d):
        return head
    plain = nn.Linear(head.in_channels, head.out_channels, head.bias is not None, device="meta")
    plain.weight = nn.Parameter(head.weight.detach().flatten(1))
    if head.bias is not None:
        plain.bias = nn.Parameter(head.bias.detach())
    return plain


class VoloHead(nn.Module):
    """VOLO's two classifiers: one over the class token, and half the maximum of one over all others."""

    def __init__(self, head: nn.Module, aux_head: nn.Module) -> None:
        super().__init__()
        self.head, self.aux_head = head, aux_head

    def forward(self, x: Tensor) -> Tensor:
        """x (B, N, D), class token first, -> (B, K)."""
        return self.head(x[:, 0]) + 0.5 * self.aux_head(x[:, 1:]).max(1)[0]


def _take_volo(model: nn.Module) -> nn.Module:
    classifier = VoloHead(model.head, model.aux_head)  # type: ignore[arg-type]
    model.head, model.aux_head, model.global_pool = nn.Identity(), None, ""  # type: ignore[assignment]
    return MapHead(classifier)


def _path(model: nn.Module, wanted: nn.Module) -> str:
    return next(name for name, module in model.named_modules() if module is wanted)


def _put(model: nn.Module, path: str, module: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    owner = model.get_submodule(parent)
    owner._modules[name] = module
