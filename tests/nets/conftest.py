"""Small nets, small zoos, and the real zoo where it lies beside the repository."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from workbench.nets.loading import model_builders

SMALL = "test_efficientnet"  # 0.36 M weights, 160 px


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path_factory):
    """No hub, no cached weights, no zoo of the person who runs the tests."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("WORKBENCH_ZOO", raising=False)
    empty = tmp_path_factory.mktemp("caches")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(empty / "hub"))
    monkeypatch.setattr("torch.hub._hub_dir", str(empty / "torch"))
    return empty


@pytest.fixture
def state():
    """A state dict of the small net, seeded apart from any other test."""
    return model_builders.call_with_seed(11, timm.create_model, SMALL).state_dict()


@pytest.fixture
def make_zoo(tmp_path):
    """A function that writes a zoo of entries `name -> (architecture, changed fields)` and gives its folder."""

    def make(folder="zoo", **entries):
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        listed = []
        for name, (architecture, fields) in entries.items():
            model = model_builders.call_with_seed(5, timm.create_model, architecture, num_classes=4)
            path = place / f"{name}.safetensors"
            save_file({k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}, path)
            entry = {
                "name": name,
                "file": path.name,
                "library": "timm",
                "builder": "timm.create_model",
                "architecture": architecture,
                "kwargs": {"num_classes": 4},
                "num_classes": 4,
                "classes": ["ash", "beech", "cedar", "date"],
                "input_size": [3, 64, 64],
                "mean": [0.5, 0.5, 0.5],
                "std": [0.25, 0.25, 0.25],
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "licence": "CC0-1.0",
                "origin_repository": "made in a test",
                "source_dataset": "nothing",
            }
            listed.append({**entry, **fields})
        (place / "zoo.json").write_text(json.dumps({"format": "zoo-1", "nets": listed}))
        return place

    return make


@pytest.fixture(scope="session")
def real_zoo():
    """The zoo of real weights beside the repository, else a skip."""
    given = os.environ.get("WORKBENCH_SHARED")
    shared = Path(given) if given else Path(__file__).parents[2].parent / "shared"
    folder = shared / "zoo"
    if not (folder / "zoo.json").is_file():
        pytest.skip(f"no real zoo at {folder}; set WORKBENCH_SHARED to the folder that holds zoo/")
    return folder


@pytest.fixture
def pixels():
    """Four images (4, 3, 64, 64), uint8."""
    return torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
