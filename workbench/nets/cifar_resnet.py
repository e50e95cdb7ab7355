"""The small residual nets for 32-pixel images: He et al. 2015, section 4.2, shortcuts of kind A."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut without weights: every second pixel, new channels zero."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.added = stride, outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) -> (B, C', H/stride, W/stride)."""
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        short = x[:, :, :: self.stride, :: self.stride]
        if self.added:
            short = F.pad(short, (0, 0, 0, 0, self.added // 2, self.added - self.added // 2))
        return torch.relu(y + short)


class CifarResNet(nn.Module):
    """ResNet-20, 32, 44, 56 and so on for images of about 32 pixels.

    Args:
        blocks_per_stage: blocks of each of the three stages; (3, 3, 3) is ResNet-20.
        channels: of each stage.
        num_classes: K.
    """

    def __init__(
        self,
        blocks_per_stage: Sequence[int] = (3, 3, 3),
        channels: Sequence[int] = (16, 32, 64),
        num_classes: int = 10,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, channels[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels[0])
        inputs = channels[0]
        for place, (count, width) in enumerate(zip(blocks_per_stage, channels, strict=True)):
            strides = [1 if place == 0 else 2] + [1] * (count - 1)
            blocks = []
            for stride in strides:
                blocks.append(BasicBlock(inputs, width, stride))
                inputs = width
            self.add_module(f"layer{place + 1}", nn.Sequential(*blocks))
        self.stages = len(channels)
        self.linear = nn.Linear(inputs, num_classes)

    def get_classifier(self) -> nn.Module:
        """The last layer."""
        return self.linear

    def group_matcher(self, coarse: bool = True) -> dict[str, str]:
        """The stages, in timm's form."""
        return {"stem": r"^conv1|bn1", "layers": r"^layer(\d+)" if coarse else r"^layer(\d+)\.(\d+)"}

    def forward(self, x: Tensor) -> Tensor:
        """x (B, 3, H, W) -> (B, K)."""
        x = torch.relu(self.bn1(self.conv1(x)))
        for place in range(self.stages):
            x = self.get_submodule(f"layer{place + 1}")(x)
        return self.linear(x.mean((2, 3)))
