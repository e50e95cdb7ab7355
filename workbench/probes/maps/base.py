"""What a saliency method is: a question to a net, and a map as the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

if TYPE_CHECKING:
    from workbench.nets import Net
    from workbench.nets.grids import Grid


class Question:
    """Why does the net say this of these pictures?

    Args:
        net: in evaluation mode, its weights still.
        x: pixels (B, 3, S, S) from 0 to 1 on the net's device.
        target: (B,) the outputs to explain; None is each picture's own prediction.
        grid: the stage to read, for methods that read one.

    Attributes:
        logits: (B, K) of the pictures as they are; None before the first `score`.
    """

    def __init__(self, net: Net, x: Tensor, target: Tensor | None, grid: Grid | None) -> None:
        self.net, self.x, self.target = net, x, target
        self._grid = grid
        self.logits: Tensor | None = None

    @property
    def grid(self) -> Grid:
        """The stage to read."""
        if self._grid is None:
            raise TypeError("a method that reads no stage asked for one")
        return self._grid

    def score(self, x: Tensor | None = None) -> Tensor:
        """The target's logit (B,) of `x`, a changed version of the pictures or these as they are."""
        if x is not None and self.logits is None:
            with torch.no_grad():
                self.score()
        logits = self.net(self.x if x is None else x)
        if self.logits is None:
            self.logits = logits.detach()
            self.target = logits.argmax(1) if self.target is None else self.target
        return logits.gather(1, self._targets()[:, None])[:, 0]

    @torch.no_grad()
    def share(self, x: Tensor | None = None) -> Tensor:
        """The target's probability (B,) of `x`, or of the pictures as they are."""
        if self.logits is None:
            self.score()
        logits = self._answer() if x is None else self.net(x)
        return logits.softmax(1).gather(1, self._targets()[:, None])[:, 0]

    def gradient(self, x: Tensor) -> Tensor:
        """How the target's logit changes with every pixel of `x` (B, 3, S, S)."""
        x = x.detach().requires_grad_(True)
        with torch.enable_grad():
            score = self.score(x).sum()
        (found,) = torch.autograd.grad(score, x, allow_unused=True)
        return torch.zeros_like(x) if found is None else found

    def grey(self) -> Tensor:
        """The picture that says nothing (1, 3, 1, 1): the mean colour of what the net was trained on."""
        return self.net.mean.clamp(0, 1)

    def _targets(self) -> Tensor:
        assert self.target is not None
        return self.target

    def _answer(self) -> Tensor:
        assert self.logits is not None
        return self.logits


class Method:
    """One way to say where a net looked.

    Attributes:
        name: as `wb.probes.saliency` knows it.
        source: the paper.
        reads_stage: whether it reads a stage's map; the others read pixels.
        signed: whether places can speak against the target, with values below 0.
    """

    name: ClassVar[str]
    source: ClassVar[str]
    reads_stage: ClassVar[bool] = False
    signed: ClassVar[bool] = False

    def maps(self, asked: Question) -> Tensor:
        """The maps (B, h, w) of a question, as coarse as the method sees."""
        raise TypeError(f"the saliency method {self.name} does not say how it makes a map")
