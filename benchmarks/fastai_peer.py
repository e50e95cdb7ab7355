"""Fine-tuning with fastai, for `pay_for_what_you_train.py`; run by a Python that has fastai, the workbench need not.

Reads one JSON task on standard input, prints one JSON result: seconds an epoch, validation included, and accuracy.
"""

from __future__ import annotations

import json
import resource
import sys
import time

import torch
from fastai.callback.core import Callback
from fastai.callback.training import BnFreeze
from fastai.data.all import CategoryBlock, ColReader, ColSplitter, DataBlock
from fastai.learner import Learner
from fastai.losses import CrossEntropyLossFlat
from fastai.metrics import accuracy
from fastai.vision.all import CropPad, ImageBlock, Normalize, Resize
from safetensors.torch import load_file
from torch import nn


class Clock(Callback):
    """Notes when each epoch is over."""

    def before_fit(self):
        self.at = [time.perf_counter()]

    def after_epoch(self):
        self.at.append(time.perf_counter())


def cpu() -> float:
    """Processor seconds of this process and its ended workers so far."""
    each = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in each)


def main() -> None:
    """One training, as a fastai user writes it."""
    import pandas as pd
    import timm

    task = json.load(sys.stdin)
    backbone = timm.create_model(task["architecture"], num_classes=0)
    net = nn.Sequential(backbone, nn.Linear(task["features"], task["classes"]))
    net.load_state_dict(load_file(task["weights"]))
    began, spent = time.perf_counter(), cpu()
    frame = pd.DataFrame(task["rows"], columns=["path", "label", "is_valid"])
    block = DataBlock(
        (ImageBlock, CategoryBlock),
        get_x=ColReader("path"),
        get_y=ColReader("label"),
        splitter=ColSplitter(),
        item_tfms=[Resize(round(task["size"] / task["crop_pct"])), CropPad(task["size"])],
        batch_tfms=Normalize.from_stats(task["mean"], task["std"]),
    )
    data = block.dataloaders(frame, bs=32, num_workers=2)
    parts = [part for name in task["moving"] for part in net.get_submodule(name).parameters()]
    ids = {id(p) for p in parts}
    split = lambda model: [[p for p in model.parameters() if id(p) not in ids], parts]  # noqa: E731
    if task["whole"]:
        split = lambda model: [list(model.parameters())]  # noqa: E731
    clock = Clock()
    # fastai's own default lets the batch statistics of frozen layers move
    callbacks = [clock, BnFreeze()] if task.get("still") else [clock]
    learner = Learner(
        data, net, CrossEntropyLossFlat(), splitter=split, metrics=accuracy, cbs=callbacks, train_bn=False
    )
    if not task["whole"]:
        learner.freeze()
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(task["epochs"], task["lr"], pct_start=0.1, wd=0.01)
    first = clock.at[1] - began
    seconds = [first, *(b - a for a, b in zip(clock.at[1:], clock.at[2:], strict=False))]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    right = float(learner.recorder.values[-1][-1])
    print(json.dumps({"seconds": seconds, "accuracy": right, "peak_gb": peak, "cpu": cpu() - spent}))


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
