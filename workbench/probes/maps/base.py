"""Base class of saliency methods, and the query that they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

if TYPE_CHECKING:
    from workbench.nets.feature_maps import FeatureMap
    from workbench.nets.net import Net


class SaliencyQuery:
    """Net, images and target that a saliency method explains.

    Args:
        net: in evaluation mode, its weights frozen.
        x: pixels (B, 3, S, S) from 0 to 1 on the net's device.
        target: (B,) the outputs to explain; None is each image's own prediction.
        feature_map: of the stage to use, for methods that use one.

    Attributes:
        logits: (B, K) of the original images; None before the first `score`.
    """

    def __init__(self, net: Net, x: Tensor, target: Tensor | None, feature_map: FeatureMap | None) -> None:
        self.net, self.x, self.target = net, x, target
        self._feature_map = feature_map
        self.logits: Tensor | None = None

    @property
    def feature_map(self) -> FeatureMap:
        """Feature map of the stage to use."""
        if self._feature_map is None:
            raise TypeError("feature_map is available only with reads_stage = True")
        return self._feature_map

    def score(self, x: Tensor | None = None) -> Tensor:
        """Compute the target's logit (B,) of `x`, a changed version of the images, or of the original images."""
        if x is not None and self.logits is None:
            with torch.no_grad():
                self.score()
        logits = self.net(self.x if x is None else x)
        if self.logits is None:
            self.logits = logits.detach()
            self.target = logits.argmax(1) if self.target is None else self.target
        return logits.gather(1, self._require_targets()[:, None])[:, 0]

    @torch.no_grad()
    def target_probability(self, x: Tensor | None = None) -> Tensor:
        """Compute the target's probability (B,) of `x`, or of the original images."""
        if self.logits is None:
            self.score()
        logits = self._require_logits() if x is None else self.net(x)
        return logits.softmax(1).gather(1, self._require_targets()[:, None])[:, 0]

    def input_gradient(self, x: Tensor) -> Tensor:
        """Compute the gradient of the target's logit with respect to the pixels of `x` (B, 3, S, S)."""
        x = x.detach().requires_grad_(True)
        with torch.enable_grad():
            score = self.score(x).sum()
        (gradient,) = torch.autograd.grad(score, x, allow_unused=True)
        return torch.zeros_like(x) if gradient is None else gradient

    def gray_baseline(self) -> Tensor:
        """Return the baseline image without information (1, 3, 1, 1): the mean colour of the training data."""
        return self.net.mean.clamp(0, 1)

    def _require_targets(self) -> Tensor:
        assert self.target is not None
        return self.target

    def _require_logits(self) -> Tensor:
        assert self.logits is not None
        return self.logits


class SaliencyMethod:
    """Saliency method.

    Attributes:
        name: as in `wb.probes.saliency`.
        paper: the source of the method.
        reads_stage: True if it uses a stage's feature map; others use pixels.
        signed: True if values below 0 are evidence against the target.
    """

    name: ClassVar[str]
    paper: ClassVar[str]
    reads_stage: ClassVar[bool] = False
    signed: ClassVar[bool] = False

    def maps(self, query: SaliencyQuery) -> Tensor:
        """Compute the maps (B, h, w) of a query, at the method's own resolution."""
        raise TypeError(f"the saliency method {self.name} does not implement maps()")
