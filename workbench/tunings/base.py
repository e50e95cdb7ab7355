"""Base class of tunings: a grid of learning rates, stages by epochs, that the training loop applies.

Legend of shapes, here and everywhere: B batch, N images, C channels, D features, K classes, S stages, E epochs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from workbench.argument_checks import check_arguments

if TYPE_CHECKING:
    from torch import nn

    from workbench.nets.net import Net


class Tuning:
    """Choice of the weights that move, and of their learning rates.

    A tuning is a pure function of the net's stages and the progress of the run, so that a resumed run freezes the same
    weights as an uninterrupted one.

    Attributes:
        paper: source of the method.
        lr: learning rate that suits the tuning under AdamW, used if the plan sets none.
    """

    name: ClassVar[str]
    paper: ClassVar[str]
    lr: ClassVar[float] = 1e-3

    @check_arguments
    def apply(self, net: Net) -> None:
        """Apply grafts to `net`, or refuse a net that the tuning does not fit; called once.

        Which weights move depends on `lr_multipliers` and `trains`: marks such as `requires_grad_(False)` are not read.
        """

    @check_arguments
    def lr_multipliers(self, net: Net, progress: float) -> list[float]:
        """Return one multiplier of the learning rate per stage, stem first, head last; 0 is frozen.

        Args:
            progress: fraction of the epochs done, from 0 to below 1.
        """
        raise TypeError(f"the tuning {type(self).__name__} defines no lr_multipliers")

    def trains(self, name: str, parameter: nn.Parameter) -> bool:
        """True if a weight moves when its stage does; all weights do unless a tuning selects some inside a stage.

        Args:
            name: dotted name of the parameter from the net's root, such as `backbone.layer1.0.bn1.weight`.
            parameter: the parameter, for its shape; its `requires_grad` has no meaning here.
        """
        return True
