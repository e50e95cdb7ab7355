"""What training needs and what this machine has, in bytes; before a net is built."""

from __future__ import annotations

import functools

from workbench.machine import container_limit

PROGRAM = 0.4e9
"""Bytes of Python, torch and the images under way."""


def training_memory(parameters: float, gmacs: float | None, size: float, batch_size: int = 32) -> float | None:
    """Bytes that full fine-tuning with AdamW in fp32 needs, from what the catalogue publishes; None without GMACs.

    16 bytes a weight (itself, its gradient, two moments) and, an image, 62 MB · (GMACs at 224 px)^⅓ · (size / 224)².
    The second part was fitted to the tensors that autograd keeps in 28 nets, from LCNet to EfficientNet-B5: within a
    factor of 2 for two thirds of them, of 4 for all. `wb.estimate` measures a loaded net instead.

    Args:
        parameters: weights of the net.
        gmacs: multiply-adds an image, in 10⁹, at `size`.
        size: edge of the input, in pixels.
        batch_size: images an update.
    """
    if gmacs is None or not gmacs > 0 or not size > 0:
        return None
    area = (size / 224) ** 2
    return PROGRAM + 16 * parameters + batch_size * 62e6 * (gmacs / area) ** (1 / 3) * area


@functools.cache
def available_memory() -> tuple[int, str]:
    """Bytes that training can have and what holds them: the first CUDA device, else the machine or its container."""
    import psutil
    import torch

    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        return int(card.total_memory), card.name
    total = int(psutil.virtual_memory().total)
    limit = container_limit()
    return (limit, "this container") if limit and limit < total else (total, "this machine")
