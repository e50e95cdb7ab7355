"""What several processes agree on; with real ones in tests/runs/test_two_processes.py."""

from __future__ import annotations

import pytest
import torch

from workbench.errors import BadData
from workbench.loop import batch_sharing, distributed
from workbench.loop import device as devices
from workbench.loop.batch_sharing import BatchCounts, reassign_images, share_batch
from workbench.loop.distributed import FailedElsewhere, Failure, gather_answers, has_gpu_per_process, report_failure
from workbench.plan import Schedule
from workbench.runs.build import open_training
from workbench.strategies import Examples


@pytest.fixture
def others(monkeypatch):
    """A function that lets the other process of two give these answers, one after another; this one is the first."""

    def answer(*given):
        left = list(given)
        monkeypatch.setattr(distributed.dist, "is_initialized", lambda: True)
        monkeypatch.setattr(distributed, "_all_gather", lambda own: [own, left.pop(0)])
        monkeypatch.setattr(batch_sharing, "rank_and_world", lambda: (0, 2))

    return answer


def test_alone_nothing_is_asked():
    assert gather_answers("anything", 3) == [3] and distributed.broadcast_answer("anything", 3) == 3
    tensor = torch.ones(2)
    distributed.broadcast_tensors([tensor])
    report_failure(ValueError("odd"), "odd")
    distributed.choose_gradient_backend(torch.device("cpu"))


def test_a_failure_is_the_answer_to_whatever_was_asked(others):
    others(Failure("the disk is full", "Traceback"))
    with pytest.raises(FailedElsewhere, match="process 2 of 2 failed: the disk is full") as caught:
        gather_answers("point", 1)
    assert caught.value.traceback_text == "Traceback"


def test_processes_that_have_come_apart_end_instead_of_waiting(others):
    others(("gradients", 1))
    with pytest.raises(FailedElsewhere, match="process 1 at 'point', process 2 at 'gradients'"):
        gather_answers("point", 1)


def test_what_all_know_is_not_told_again(others):
    others()
    report_failure(FailedElsewhere("known"), "known")
    others(("point", 1))
    report_failure(ValueError("odd"), "odd")


def test_gpus_talk_directly_only_where_each_process_has_its_own():
    a, b = ("here", "cuda", "GPU-1"), ("here", "cuda", "GPU-2")
    assert has_gpu_per_process([a, b]) and has_gpu_per_process([a, ("there", "cuda", "GPU-1")])
    assert not has_gpu_per_process([a, a]) and not has_gpu_per_process([a, ("here", "cpu", "cpu")])
    assert not has_gpu_per_process([("here", "cpu", "cpu"), ("there", "cpu", "cpu")])


@pytest.mark.parametrize(("rank", "auto"), [("0", "cuda:0"), ("1", "cuda:1"), ("2", "cuda:0")])
def test_processes_take_a_gpu_each_and_share_where_there_are_too_few(monkeypatch, rank, auto):
    monkeypatch.setattr(devices, "list_devices", lambda: ["cuda:0", "cuda:1", "cpu"])
    monkeypatch.setattr(devices.torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(devices.dist, "is_initialized", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", rank)
    found = {name: str(devices.select_device(Schedule(device=name))) for name in ("auto", "cuda", "cuda:1", "cpu")}
    assert found == {"auto": auto, "cuda": auto, "cuda:1": "cuda:1", "cpu": "cpu"}


def batch(count):
    return {"labelled": Examples(torch.arange(count), None)}


def test_shares_are_weighed_by_what_counts(others):
    others(("batch", BatchCounts(1, 1, 4)))
    share = share_batch(batch(3), pytest.fail, 1, min_per_process=1, min_per_batch=2)
    assert (share.n_images, share.n_images_total, share.n_chunks) == (3, 4, 4)


def test_a_lone_image_goes_to_the_process_with_enough(others):
    others(("batch", BatchCounts(1, 1, 1)), ("batch handed on", BatchCounts(4, 4, 1)))
    share = share_batch(
        batch(3), lambda ranks: batch(4) if ranks == [0, 1] else None, 1, min_per_process=2, min_per_batch=2
    )
    assert (len(share.batch["labelled"].x), share.n_images, share.n_images_total) == (4, 4, 4)


def test_two_lone_images_make_a_batch_on_the_first_process(others):
    others(("batch", BatchCounts(1, 1, 1)), ("batch handed on", BatchCounts(2, 2, 1)))
    share = share_batch(batch(1), lambda ranks: batch(2), 1, min_per_process=2, min_per_batch=2)
    assert (share.n_images, share.n_images_total) == (2, 2)


def test_a_batch_of_one_readable_image_is_skipped_by_all(others):
    others(("batch", BatchCounts(0, 0, 1)), ("batch handed on", BatchCounts(1, 1, 1)))
    assert share_batch(batch(1), lambda ranks: batch(1), 1, min_per_process=2, min_per_batch=2) is None


def test_a_process_that_cannot_read_what_another_reads_is_an_error_for_all():
    with pytest.raises(BadData, match="process 2 of 2 cannot read .* process 1 reads"):
        reassign_images([BatchCounts(4, 4, 1), BatchCounts(0, 0, 1)], 0, [0, 1], 2)


def test_a_batch_smaller_than_its_chunks_has_no_empty_chunk(tiny_plan):
    """Memory ran out before, so batches come in eight chunks; the last one of an epoch has three images."""
    training = open_training(tiny_plan(name="test_vit"))
    training.update.n_chunks = 8
    x = torch.rand(3, 3, 32, 32)
    losses = training.update({"labelled": Examples(x, torch.tensor([0, 1, 2]))}, 0.0)
    assert all(loss.isfinite() for loss in losses.values())
