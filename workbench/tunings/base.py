"""What a tuning is: a picture of learning rates, stages by epochs, that the loop obeys.

Legend of shapes, here and everywhere: B batch, N images, C channels, D features, K classes, S stages, E epochs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from workbench.arguments import check_arguments

if TYPE_CHECKING:
    from torch import nn

    from workbench.nets import Net


class Tuning:
    """Which weights move, and how fast.

    A tuning is a pure function of the net's stages and the progress of the run, so that a resumed run
    freezes the same weights as an uninterrupted one.

    Attributes:
        source: the paper.
        lr: base learning rate that suits the tuning under AdamW, taken when the plan names none.
    """

    name: ClassVar[str]
    source: ClassVar[str]
    lr: ClassVar[float] = 1e-3

    @check_arguments
    def apply(self, net: Net) -> None:
        """Grafts modules onto `net`, or refuses a net that the tuning does not fit; once.

        What moves is for `rates` and `trains` to say: a mark such as `requires_grad_(False)` is not read.
        """

    @check_arguments
    def rates(self, net: Net, progress: float) -> list[float]:
        """One multiplier of the base rate per stage, stem first, head last; 0 is frozen.

        Args:
            progress: share of the epochs that are over, from 0 to below 1.
        """
        raise TypeError(f"the tuning {type(self).__name__} does not say its rates")

    def trains(self, name: str, parameter: nn.Parameter) -> bool:
        """Whether a weight moves where its stage does: all of them, unless a tuning chooses inside a stage.

        Args:
            name: dotted name of the parameter from the net's root, such as `backbone.layer1.0.bn1.weight`.
            parameter: itself, for its shape; its `requires_grad` says nothing here.
        """
        return True
