"""Every test runs on one thread, without a network, in a home of its own."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
if "PYTEST_XDIST_WORKER" in os.environ:
    # in one home, two notebooks at the same time would wait for each other's runs
    os.environ["WORKBENCH_HOME"] = tempfile.mkdtemp(prefix="workbench-tests-")
    atexit.register(shutil.rmtree, os.environ["WORKBENCH_HOME"], ignore_errors=True)

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.loop.device import seed_generators

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """A fresh workbench home: no test sees another's runs or caches."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("WORKBENCH_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def drawn():
    """Torch draws the same numbers in every test, whatever ran before it."""
    # a GPU only where some test has asked for it
    seed_generators(torch.device("cuda" if torch.cuda.is_initialized() else "cpu"), 0)


@pytest.fixture
def python():
    """A function that gives what another Python prints."""

    def printed(code):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return printed


def toy_arrays(n=96, k=3, seed=0, size=16):
    """Images whose class is the brightest third: learnt in a few steps by any net. x (N, H, W, 3) uint8, y words."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % k
    x = rng.integers(0, 90, (n, size, size, 3), dtype=np.uint8)
    width = size // k
    for row, label in enumerate(y):
        x[row, :, label * width : (label + 1) * width] += 150
    return x, np.array(["left", "middle", "right", "top", "bottom"])[y]


@pytest.fixture(name="toy_arrays")
def toy_arrays_fixture():
    """The function that makes the toy problem's arrays."""
    return toy_arrays


@pytest.fixture
def toy():
    """Toy images, as `wb.load_images` opens them."""
    return wb.load_images(toy_arrays())


@pytest.fixture
def two_domains():
    """Toy images of two domains, the second without labels for training."""
    domains = {"clean": None, "dark": "invert"}
    return wb.load_images(toy_arrays(), domains=domains, source_domain="clean", target_domain="dark")


@pytest.fixture
def tiny():
    """A function that makes a seeded net of 0.1 to 0.4 M weights for 32-pixel images, by architecture."""

    def make(name="test_efficientnet", classes=("left", "middle", "right"), size=32, **options):
        return wb.load_net(name, classes=list(classes), pretrained=False, size=size, **options)

    return make


@pytest.fixture
def tiny_plan():
    """A function that makes a plan of a few seconds on the toy images."""

    def make(data=None, name="test_efficientnet", **settings):
        backbone = {"name": name, "params": {"pretrained": False, "size": 32}}
        plain = {"epochs": 2, "batch_size": 16, "augment": "none", "tuning": "full", "warmup": 0.0}
        plain["precision"] = "fp32"  # no trial decides how a test computes
        return wb.Plan(backbone, data if data is not None else wb.load_images(toy_arrays()), **{**plain, **settings})

    return make


@pytest.fixture(scope="session")
def diagnosed(tmp_path_factory):
    """A diagnosis of a plan whose rate is far too high, and the home of its runs; classes and files have odd names."""
    from PIL import Image

    folder, place = tmp_path_factory.mktemp("odd"), tmp_path_factory.mktemp("diagnosed")
    odd = {"left": "<b>x", "middle": 'a & "b"', "right": "right"}
    for row, (pixels, label) in enumerate(zip(*toy_arrays(n=120), strict=True)):
        (folder / odd[label]).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / odd[label] / f"\N{GRINNING FACE} <i>{row}.png")
    settings = {"lr": 1.0, "epochs": 3, "batch_size": 16, "augment": "none", "precision": "fp32", "threads": 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(place))
        patch.setattr("workbench.diagnosis.diagnosing.MAX_CAUSES", 1)  # one experiment is enough to be shown
        patch.setattr("workbench.diagnosis.experiments.stage_transplants.MAX_CUTS", 2)
        images = wb.load_images(folder, valid=0.4)
        net = wb.load_net("test_efficientnet", classes=list(images.classes), pretrained=False, size=32)
        found = wb.diagnose(wb.Plan(net, images, "full", **settings), seeds=1, minutes=1, progress=False)
    return found, place
