"""Separation of a backbone from its classifier, so that features and logits are two steps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class MeanOfHeads(nn.Module):
    """Average of several classifiers' outputs, as in distilled nets in evaluation mode.

    Args:
        heads: classifiers.
        widths: number of features that each reads, side by side; None where all read the same features.
        weights: fixed or learned logits of the average, one vector of len(heads) per ensemble; None for equal weights.
    """

    def __init__(
        self, heads: Sequence[nn.Module], widths: Sequence[int] | None = None, weights: nn.Parameter | None = None
    ) -> None:
        super().__init__()
        self.heads = nn.ModuleList(heads)
        self.widths = None if widths is None else list(widths)
        self.weights = weights

    def forward(self, x: Tensor) -> Tensor:
        """Average the logits: x (B, D) -> (B, K)."""
        parts = [x] * len(self.heads) if self.widths is None else list(x.split(self.widths, dim=1))
        logits = torch.stack([head(part) for head, part in zip(self.heads, parts, strict=True)])
        if self.weights is None:
            return logits.mean(0)
        return torch.einsum("h,hbk->bk", self.weights.softmax(-1), logits)


class MapHead(nn.Module):
    """Pretrained classifier that reads the whole map or all tokens rather than their pooled features."""

    takes_map = True

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, x: Tensor) -> Tensor:
        """Compute logits: x, the backbone's output, -> (B, K)."""
        return self.classifier(x)


class _ConcatenatedHalf(nn.Module):
    """Features in the first or second half of a vector, doubled: the mean of both halves concatenates them."""

    def __init__(self, first: bool) -> None:
        super().__init__()
        self.first = first

    def forward(self, x: Tensor) -> Tensor:
        blank = torch.zeros_like(x)
        return torch.cat([x * 2, blank] if self.first else [blank, x * 2], dim=-1)


def take_head(model: nn.Module) -> nn.Module:
    """Take the classifier out of a timm-like model, in place; the model then returns features.

    Returns:
        the classifier, (B, D) -> (B, K), with its weights; `nn.Identity` where the model has none.
    """
    heads = _flatten_heads(model.get_classifier()) if hasattr(model, "get_classifier") else []  # type: ignore[operator]
    if not heads:
        return nn.Identity()
    if hasattr(model, "heads_dist"):  # EfficientViM, distilled
        second = _take_ensemble(model, "heads_dist", "weights_dist")
        first = _take_ensemble(model, "heads", "weights")
        return MeanOfHeads([first, second])
    if hasattr(model, "heads") and hasattr(model, "weights"):
        return _take_ensemble(model, "heads", "weights")
    if getattr(model, "aux_head", None) is not None:  # VOLO: its logits include the maximum over all tokens
        return _take_volo(model)
    paths = [_find_module_path(model, head) for head in heads]
    if len(heads) == 1:
        _replace_module(model, paths[0], nn.Identity())
        return _to_linear(heads[0])
    return _take_several(model, paths, heads)


def find_in_features(head: nn.Module) -> int | None:
    """Return the number of a head's input features, if one of its layers has that attribute."""
    if isinstance(head, MeanOfHeads):
        return sum(head.widths) if head.widths else find_in_features(head.heads[0])
    for module in head.modules():
        if isinstance(module, nn.Linear):
            return module.in_features
    return None


def make_linear_head(in_features: int, n_classes: int, seed: int) -> nn.Linear:
    """Make a new classifier: weights from N(0, 0.01), bias 0, without touching torch's global generator.

    Args:
        in_features: number of features, D.
        n_classes: number of classes, K.
    """
    with torch.device("cpu"), torch.random.fork_rng(devices=[]):
        head = nn.Linear(in_features, n_classes)
    with torch.no_grad():
        head.weight.normal_(0.0, 0.01, generator=torch.Generator().manual_seed(seed))
        head.bias.zero_()
    return head


def _flatten_heads(classifier: object) -> list[nn.Module]:
    if isinstance(classifier, (tuple, list, nn.ModuleList)):
        return [part for item in classifier for part in _flatten_heads(item)]
    # SAM's encoder returns its whole head, including the pooling
    classifier = getattr(classifier, "fc", classifier)
    return [classifier] if isinstance(classifier, nn.Module) and not isinstance(classifier, nn.Identity) else []


def _take_ensemble(model: nn.Module, heads: str, weights: str) -> MeanOfHeads:
    taken, share = getattr(model, heads), getattr(model, weights)
    model.num_classes = 0  # type: ignore[assignment]  # EfficientViM then returns its features concatenated
    setattr(model, heads, nn.ModuleList())
    delattr(model, weights)
    return MeanOfHeads(list(taken), [_require_in_features(head) for head in taken], share)


def _take_several(model: nn.Module, paths: list[str], heads: list[nn.Module]) -> nn.Module:
    for path in paths:
        _replace_module(model, path, nn.Identity())
    if isinstance(getattr(model, "head", None), nn.ModuleList):  # CrossViT: one head per branch
        return MeanOfHeads(heads, [_require_in_features(head) for head in heads])
    if hasattr(model, "dist_token") or (hasattr(model, "cls_token") and hasattr(model, "head_dist")):
        for path, first in zip(paths, (True, False), strict=True):  # DeiT, PiT: one token per head
            _replace_module(model, path, _ConcatenatedHalf(first))
        return MeanOfHeads(heads, [_require_in_features(head) for head in heads])
    return MeanOfHeads(heads)


def _require_in_features(head: nn.Module) -> int:
    width = find_in_features(head)
    if width is None:
        raise ValueError(f"a {type(head).__name__} has no layer that gives its number of input features")
    return width


def _to_linear(head: nn.Module) -> nn.Module:
    """Convert a 1×1 convolution over pooled features to the equivalent linear layer."""
    if not isinstance(head, nn.Conv2d):
        return head
    plain = nn.Linear(head.in_channels, head.out_channels, head.bias is not None, device="meta")
    plain.weight = nn.Parameter(head.weight.detach().flatten(1))
    if head.bias is not None:
        plain.bias = nn.Parameter(head.bias.detach())
    return plain


class VoloHead(nn.Module):
    """Classifiers of VOLO: one over the class token, plus half the maximum of one over all other tokens."""

    def __init__(self, head: nn.Module, aux_head: nn.Module) -> None:
        super().__init__()
        self.head, self.aux_head = head, aux_head

    def forward(self, x: Tensor) -> Tensor:
        """Compute logits: x (B, N, D), class token first, -> (B, K)."""
        return self.head(x[:, 0]) + 0.5 * self.aux_head(x[:, 1:]).max(1)[0]


def _take_volo(model: nn.Module) -> nn.Module:
    classifier = VoloHead(model.head, model.aux_head)  # type: ignore[arg-type]
    model.head, model.aux_head, model.global_pool = nn.Identity(), None, ""  # type: ignore[assignment]
    return MapHead(classifier)


def _find_module_path(model: nn.Module, target: nn.Module) -> str:
    return next(name for name, module in model.named_modules() if module is target)


def _replace_module(model: nn.Module, path: str, module: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    owner = model.get_submodule(parent)
    owner._modules[name] = module
