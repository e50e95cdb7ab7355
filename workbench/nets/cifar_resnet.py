"""Small residual nets for 32-pixel images: He et al. 2015, section 4.2, shortcuts of option A."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    """Two 3×3 convolutions with a parameter-free shortcut: every second pixel, zeros for the new channels."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.stride, self.n_new_channels = stride, out_channels - in_channels

    def forward(self, x: Tensor) -> Tensor:
        """Compute the block: x (B, C, H, W) -> (B, C', H/stride, W/stride)."""
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        shortcut = x[:, :, :: self.stride, :: self.stride]
        if n_new := self.n_new_channels:
            shortcut = F.pad(shortcut, (0, 0, 0, 0, n_new // 2, n_new - n_new // 2))
        return torch.relu(y + shortcut)


class CifarResNet(nn.Module):
    """ResNet-20, 32, 44, 56 and so on for images of about 32 pixels.

    Args:
        blocks_per_stage: blocks of each of the three stages; (3, 3, 3) is ResNet-20.
        channels: channels of each stage.
        num_classes: number of outputs, K.
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
        in_channels = channels[0]
        for index, (count, width) in enumerate(zip(blocks_per_stage, channels, strict=True)):
            strides = [1 if index == 0 else 2] + [1] * (count - 1)
            blocks = []
            for stride in strides:
                blocks.append(BasicBlock(in_channels, width, stride))
                in_channels = width
            self.add_module(f"layer{index + 1}", nn.Sequential(*blocks))
        self.stages = len(channels)
        self.linear = nn.Linear(in_channels, num_classes)

    def get_classifier(self) -> nn.Module:
        """Return the last layer."""
        return self.linear

    def group_matcher(self, coarse: bool = True) -> dict[str, str]:
        """Return the stages in timm's format."""
        return {"stem": r"^conv1|bn1", "layers": r"^layer(\d+)" if coarse else r"^layer(\d+)\.(\d+)"}

    def forward(self, x: Tensor) -> Tensor:
        """Compute logits: x (B, 3, H, W) -> (B, K)."""
        x = torch.relu(self.bn1(self.conv1(x)))
        for index in range(self.stages):
            x = self.get_submodule(f"layer{index + 1}")(x)
        return self.linear(x.mean((2, 3)))
