"""A run that two real processes share over gloo: it gives what one gives, and what one of them meets, both end with."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from PIL import Image

import workbench as wb
from workbench.runs.folder import run_files as files
from workbench.runs.processes.launching import create_run_folder

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="gloo between forked processes needs a POSIX system")

SECONDS = 90.0  # after which two processes that should have ended are said to hang

AT_STEP_3 = """
from workbench.loop import updater
attempt, calls = updater.Updater._try_update, []
def odd(self, batch, *rest):
    calls.append(None)
    if len(calls) == 3:
        {}
    return attempt(self, batch, *rest)
updater.Updater._try_update = odd
"""


class Pair:
    """Two processes at one run, as `torchrun` would start them."""

    def __init__(self, nursery, run, before=("", ""), save_interval=None):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        self.run, self.logs, self.workers = run, [run.folder / f"process {rank}.txt" for rank in (0, 1)], []
        for rank, log in enumerate(self.logs):
            told = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_PORT": port}
            told |= {"MASTER_ADDR": "127.0.0.1", "LOCAL_WORLD_SIZE": "2"}
            self.workers.append(nursery.worker(run.folder, save_interval, told, log, before[rank]))

    def until(self, condition, seconds=SECONDS):
        """Waits; where it takes too long, ends both processes and shows where they stood."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                self.signal(signal.SIGUSR1)
                time.sleep(1.0)
                self.signal(signal.SIGKILL)
                pytest.fail("they hang:\n" + "\n".join(log.read_text() for log in self.logs))
            time.sleep(0.02)

    def signal(self, number, ranks=(0, 1)):
        for rank in ranks:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.workers[rank].pid, number)

    def gone(self):
        return not any(map(living, self.workers))

    def wait(self):
        # a killed process counts as gone while its other threads still end, and with them its lock
        self.until(lambda: self.gone() and not self.run.is_active)
        return self.run.status


def living(worker):
    with contextlib.suppress(psutil.Error):
        return psutil.Process(worker.pid).status() != psutil.STATUS_ZOMBIE
    return False


@pytest.fixture
def files_plan(tmp_path, toy_arrays, tiny_plan):
    """A function that makes a plan on 27 image files, 20 of them for training and one of these damaged."""

    def make(**settings):
        for row, (pixels, label) in enumerate(zip(*toy_arrays(27), strict=True)):
            path = tmp_path / "pictures" / label / f"{row:02d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
        images = wb.load_images(tmp_path / "pictures")
        training = images.frame[images.frame.split == "train"]
        (tmp_path / "pictures" / training.id.iloc[3]).write_bytes(path.read_bytes()[:70])
        plain = {"name": "test_vit", "epochs": 2, "threads": 1, "optimizer": "sgd", "lr": 1e-2}
        return tiny_plan(images, **{**plain, **settings})

    return make


def farthest(run, other):
    """The largest difference of a weight or statistic of two runs, and the largest change of one since the start."""
    (a, b), first = (r.net().state_dict() for r in (run, other)), run.net(epoch=0).state_dict()
    floats = [name for name in a if a[name].is_floating_point()]
    return tuple(max(float((x[n] - a[n]).abs().max()) for n in floats) for x in (b, first))


def test_two_processes_give_what_one_gives_on_unequal_shares(files_plan):
    """Batches of 7, a last one that is smaller and a damaged file, by `torchrun` itself; no batch norm."""
    plan = files_plan(batch_size=7)
    alone = wb.fit(plan, progress=False)
    run = wb.load_run(create_run_folder(plan))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    subprocess.run([*command, "-m", "workbench.runs.processes.worker", str(run.folder)], check=True, timeout=180)
    assert run.status.state == "done"
    apart, moved = farthest(run, alone)
    assert apart < 1e-5 < 1e-3 < moved
    ours, theirs = (r.points[r.points.split == "valid"].accuracy.tolist() for r in (run, alone))
    assert ours == theirs and len(ours) == 2
    ours, theirs = (r.points.loss.iloc[0] for r in (run, alone))
    assert ours == pytest.approx(theirs, abs=1e-5), "the loss is that of both processes' images"


def test_a_lone_image_is_handed_on_where_batch_norm_needs_company(nursery, files_plan):
    """Batches of 3 leave one image to the second process: the first takes all, and is as exact as alone."""
    plan = files_plan(name="test_resnet", batch_size=3)
    alone = wb.fit(plan, progress=False)
    run = wb.load_run(create_run_folder(plan))
    assert Pair(nursery, run).wait().state == "done"
    apart, moved = farthest(run, alone)
    assert apart < 1e-5 < 1e-3 < moved


FAILURES = {
    "the second process raises": ("", AT_STEP_3.format("raise TypeError('a screw is loose')"), "process 2 of 2.*screw"),
    "the first process raises": (AT_STEP_3.format("raise TypeError('a screw is loose')"), "", "^TypeError: a screw"),
    "the second process diverges": (
        "",
        AT_STEP_3.format("batch['labelled'].x.mul_(float('nan'))"),
        "no longer a finite number",
    ),
    "the second process sees other images": (
        "",
        "from workbench.data import Images\nImages.fingerprint = 'others'",
        "same images on all processes.* process 2 of 2",
    ),
    "the second process cannot open the images": (
        "",
        "from workbench.runs import build\nbuild.load_images = lambda *_, **__: open('/nowhere')",
        "process 2 of 2.*nowhere is missing",
    ),
    "the first process cannot save": (
        "from workbench.runs.processes import runner\n"
        "def full(path, *_): raise OSError(28, 'No space left on device', str(path))\n"
        "runner.Runner._save = lambda self, *_: full(self.folder)",
        "",
        "disk is full",
    ),
    "the second process is killed": (
        "",
        AT_STEP_3.format("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"),
        "another process of this run has ended unexpectedly",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_one_process_meets_both_end_with(nursery, tiny_plan, name):
    first, second, told = FAILURES[name]
    run = wb.load_run(create_run_folder(tiny_plan(threads=1)))
    pair = Pair(nursery, run, (first, second), save_interval=0.0 if "save" in name else None)
    status = pair.wait()
    assert status.state == "failed"
    assert re.search(told, status.message)
    if "screw" in told:
        assert "in odd\nTypeError" in (run.folder / files.LOG).read_text(), "the log tells where it was"


@pytest.fixture
def plain_plan(tiny_plan):
    """A function that makes a plan whose result does not depend on how a batch is shared, but for rounding."""

    def make(*data, **settings):
        plain = {"name": "test_vit", "threads": 1, "optimizer": "sgd", "lr": 1e-2}
        return tiny_plan(*data, **{**plain, **settings})

    return make


ON_ONE = {
    "memory runs out": (AT_STEP_3.format("raise MemoryError"), {}),
    "its images cannot be read in mid-run": (
        """
import numpy as np
from workbench.data.views import View
load, calls = View.load_batch, []
def gone(self, rows):
    calls.append(None)
    x, kept = load(self, rows)
    return (x[:0], np.zeros(len(rows), bool)) if len(calls) == 3 else (x, kept)
View.load_batch = gone
""",
        {},
    ),
    "there is nothing to validate": ("", {}),
    "nothing happens, and frozen layers are stored": ("", {"tuning": "head"}),
}


@pytest.mark.parametrize("name", ON_ONE)
def test_what_happens_to_one_process_changes_nothing(nursery, plain_plan, toy_arrays, name):
    second, settings = ON_ONE[name]
    images = wb.load_images(toy_arrays(72))
    if name == "there is nothing to validate":
        valid = images.frame.split == "valid"
        images = images.subset(rows=np.flatnonzero(~valid | (valid.cumsum() == 1)))
        assert len(images.subset("valid")) == 1
    plan = plain_plan(images, **settings)
    alone = wb.fit(plan, progress=False)
    run = wb.load_run(create_run_folder(plan))
    assert Pair(nursery, run, ("", second)).wait().state == "done"
    apart, moved = farthest(run, alone)
    assert apart < 1e-5 < 1e-3 < moved
    ours, theirs = (r.points[r.points.split == "valid"] for r in (run, alone))
    assert np.allclose(ours.loss, theirs.loss, atol=1e-5) and len(ours) == 2


def test_a_gradient_that_one_process_lacks_counts_as_nought(nursery, plain_plan):
    lacking = """
from workbench.loop import optimizer
average, calls = optimizer.average_gradients, []
def some(known):
    calls.append(None)
    if len(calls) == 3:
        for p in known[:4]:
            {}
    return average(known)
optimizer.average_gradients = some
"""
    runs = []
    for change in ("p.grad = None", "p.grad.zero_()"):
        runs.append(wb.load_run(create_run_folder(plain_plan(epochs=1))))
        assert Pair(nursery, runs[-1], ("", lacking.format(change))).wait().state == "done"
    assert farthest(*runs)[0] == 0


def test_killed_and_stopped_at_random_moments_it_ends_with_the_same_weights(nursery, tiny_plan):
    """One process is killed, or the other, or both; or the second is asked to stop: what is resumed is the same."""
    plan = tiny_plan(name="test_resnet", epochs=6, tuning="gradual", augment="crop", threads=1)
    expected, run = (wb.load_run(create_run_folder(plan)) for _ in range(2))
    assert Pair(nursery, expected).wait().state == "done"
    moments = random.Random(0)
    ends = [(signal.SIGKILL, (0,)), (signal.SIGKILL, (1,)), (signal.SIGTERM, (1,)), (signal.SIGKILL, (0, 1))]
    for number, ranks in moments.sample(ends, len(ends)):
        points = len(run.points)
        pair = Pair(nursery, run, save_interval=0.0)
        pair.until(lambda points=points, pair=pair: len(run.points) != points or pair.gone())
        time.sleep(moments.uniform(0, 0.2))
        pair.signal(number, ranks)
        state = pair.wait().state
        assert state in {signal.SIGTERM: ["stopped"], signal.SIGKILL: ["interrupted", "failed"]}[number]
        assert "resume() continues" in run.status.message
    assert Pair(nursery, run).wait().state == "done"
    assert farthest(run, expected)[0] == 0
    valid = [r.points[r.points.split == "valid"].step.tolist() for r in (run, expected)]
    assert (
        valid[0] == valid[1]
        and run.frozen_check.unchanged.all()
        and len(run.frozen_check) == len(expected.frozen_check)
    )
