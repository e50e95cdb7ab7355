"""Several processes on one run: started by `torchrun` or `accelerate launch`, they share every batch."""

from __future__ import annotations

import os

import torch
import torch.distributed as dist


def join() -> bool:
    """Joins the other processes of this run, if the launcher started several; whether it did."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or dist.is_initialized():
        return False
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if gpu else "gloo")
    return True


def agreed(flag: bool, place: torch.device) -> bool:
    """What the first process thinks, on all of them: so that all leave the loop at the same step."""
    if not dist.is_initialized():
        return flag
    said = torch.tensor([float(flag)], device=place)
    dist.broadcast(said, 0)
    return bool(said.item())
