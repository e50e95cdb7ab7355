"""Batches are a pure function of the seed, the epoch and the step."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch

from workbench.data.batches import Batches, prefetch_batches, view_keys
from workbench.errors import BadData


def batches(images, **options):
    return Batches(images, ("labelled",), **{"size": 16, "batch_size": 10, **options})


def test_an_epoch_shows_every_training_image_once(toy):
    made = batches(toy)
    keys = torch.cat([batch["labelled"].keys for batch in made.iter_epoch(0)])
    left_over = made.n_images % 10 == 1
    assert len(keys) == made.n_images - left_over and len(set(keys.tolist())) == len(keys)


def test_epochs_differ_in_order_and_views(toy):
    made = batches(toy)
    first, second = (torch.cat([b["labelled"].y for b in made.iter_epoch(e)]) for e in (0, 1))
    assert first.shape == second.shape and not torch.equal(first, second)


def test_a_batch_can_be_asked_for_alone(toy):
    made, again = batches(toy), batches(toy)
    third = list(made.iter_epoch(1))[2]["labelled"]
    alone = again.load_batch(1, 2)["labelled"]
    assert all(torch.equal(a, b) for a, b in zip(third, alone, strict=True))
    assert torch.equal(next(again.iter_epoch(1, start=2))["labelled"].x, third.x)


def test_processes_share_a_batch(toy):
    whole = batches(toy).load_batch(0, 1)["labelled"]
    parts = [batches(toy, rank=rank, world_size=3).load_batch(0, 1)["labelled"] for rank in range(3)]
    assert sorted(torch.cat([p.keys for p in parts]).tolist()) == sorted(whole.keys.tolist())
    assert [len(p.x) for p in parts] == [4, 3, 3]
    first = batches(toy, rank=0, world_size=3)
    both = first.load_batch(0, 1, ranks=[0, 2])["labelled"]
    assert torch.equal(both.keys, torch.cat([parts[0].keys, parts[2].keys])), "one can read what another was to read"
    assert torch.equal(first.as_single_process().load_batch(0, 1)["labelled"].x, whole.x)


def test_a_process_that_can_read_none_of_its_share_leaves_it_to_the_others(toy, monkeypatch):
    made = [batches(toy, rank=rank, world_size=2) for rank in (0, 1)]
    seen = made[0].views["labelled"].load_batch
    mine = set(made[1].batch_indices("labelled", 0, 0).tolist())

    def unreadable(places):
        x, kept = seen(places)
        good = ~np.isin(places, list(mine))
        return x[torch.from_numpy(good)], kept & good

    for one in made:
        monkeypatch.setattr(one.views["labelled"], "load_batch", unreadable)
    assert len(mine) >= 4 and len(made[1].load_batch(0, 0)["labelled"].x) == 0
    assert len(made[1].load_batch(0, 0, ranks=[0, 1])["labelled"].x) == 10 - len(mine)
    with pytest.raises(BadData, match="none of the 5 images"):
        made[1].load_batch(0, 0, ranks=[1])


def test_the_shorter_stream_goes_round(two_domains):
    made = Batches(two_domains, ("labelled", "unlabelled"), size=16, batch_size=16)
    for batch in made.iter_epoch(0):
        assert len(batch["unlabelled"].x) == len(batch["labelled"].x) and batch["unlabelled"].y is None


def test_views_are_keyed_over_all_bits():
    keys = view_keys(np.arange(10_000), seed=0, epoch=0, index=0)
    assert len(np.unique(keys)) == 10_000 and (keys >= 0).all()
    ones = ((keys[:, None] >> np.arange(63)) & 1).mean(axis=0)
    assert (abs(ones - 0.5) < 0.05).all()


def test_no_training_images(toy):
    with pytest.raises(BadData, match="no training images"):
        batches(toy.subset("valid"))


def test_ahead_raises_where_the_value_is_asked_for():
    def read(step):
        if step == 2:
            raise BadData("the third is broken")
        return step

    stream = prefetch_batches(read, range(5), 2)
    assert [next(stream), next(stream)] == [0, 1]
    with pytest.raises(BadData, match="third"):
        next(stream)


def test_ahead_stops_reading_when_left():
    seen = []
    stream = prefetch_batches(lambda step: seen.append(step) or step, range(1000), 2)
    next(stream)
    stream.close()
    time.sleep(0.3)
    count = len(seen)
    time.sleep(0.2)
    assert len(seen) == count < 10
    assert not [t for t in threading.enumerate() if t.name == "workbench-batches" and t.is_alive()]


def test_a_folder_that_vanishes_in_the_middle_of_a_run_is_told(tmp_path, toy_arrays):
    from PIL import Image

    import workbench as wb

    x, y = toy_arrays(24)
    for row, (pixels, label) in enumerate(zip(x, y, strict=True)):
        (tmp_path / "set" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "set" / label / f"{row}.png")
    made = batches(wb.load_images(tmp_path / "set"))
    (tmp_path / "set").rename(tmp_path / "moved")
    with pytest.raises(wb.WorkbenchError, match="the folder .* is missing"):
        made.load_batch(0, 0)
    (tmp_path / "moved").rename(tmp_path / "set")
    assert len(made.load_batch(0, 0)["labelled"].x) == 10, "once it is back, its images are read"
