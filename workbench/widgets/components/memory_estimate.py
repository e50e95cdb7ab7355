"""Memory estimates in bytes, before a net is built: what training needs and what this machine has."""

from __future__ import annotations

import functools

from workbench._system_info import container_memory_limit

PROGRAM_BYTES = 0.4e9
"""Bytes of Python, torch and the loaded images."""


def estimate_training_memory(
    n_parameters: float, gmacs: float | None, image_size: float, batch_size: int = 32
) -> float | None:
    """Estimate the bytes of full fine-tuning with AdamW in fp32 from published figures; None without GMACs.

    16 bytes per weight (itself, its gradient, two moments) and, per image, 62 MB · (GMACs at 224 px)^⅓ ·
    (size / 224)². The second part was fitted to the tensors that autograd keeps in 28 nets, from LCNet to
    EfficientNet-B5: within a factor of 2 for two thirds of them, of 4 for all. `wb.estimate_cost` measures a loaded net
    instead.

    Args:
        n_parameters: weights of the net.
        gmacs: multiply-adds per image, in 10⁹, at `image_size`.
        image_size: height and width of the input, in pixels.
        batch_size: images per update.
    """
    if gmacs is None or not gmacs > 0 or not image_size > 0:
        return None
    area = (image_size / 224) ** 2
    return PROGRAM_BYTES + 16 * n_parameters + batch_size * 62e6 * (gmacs / area) ** (1 / 3) * area


@functools.cache
def get_available_memory() -> tuple[int, str]:
    """Return the bytes available to training and their owner: first CUDA device, else the container or the machine."""
    import psutil
    import torch

    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        return int(card.total_memory), card.name
    total = int(psutil.virtual_memory().total)
    limit = container_memory_limit()
    return (limit, "this container") if limit and limit < total else (total, "this machine")
