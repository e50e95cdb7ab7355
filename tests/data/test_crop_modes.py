"""What becomes of images that are no squares: timm's crop modes, from one file to a trained net and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import timm.data
import torch
from PIL import Image
from timm.data import create_transform

import workbench as wb
from workbench.data.pixels.augmentation import center_crop
from workbench.data.pixels.decoding import CROP_MODES
from workbench.nets.loading import net_file, saved_recipe
from workbench.nets.preprocessing import Preprocessing
from workbench.storage import cache_keys

FEW = {"name": "test_resnet", "params": {"pretrained": False, "size": 32}}


@pytest.fixture(scope="module")
def wide(tmp_path_factory) -> Path:
    """Pictures four times as wide as high, whose class shows in their left quarter alone."""
    root, rng = tmp_path_factory.mktemp("wide"), np.random.default_rng(0)
    for k in range(16):
        pixels = rng.integers(0, 60, (24, 96, 3), dtype=np.uint8)
        pixels[:, :24, k % 2] += 180
        (root / "ab"[k % 2]).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(root / "ab"[k % 2] / f"{k:02d}.png")
    return root


@pytest.mark.parametrize("mode", CROP_MODES)
@pytest.mark.parametrize("crop_pct", [1.0, 0.8])
def test_pixels_are_those_of_timm(mode: str, crop_pct: float, tmp_path):
    coarse = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    for k, size in enumerate(((150, 60), (60, 150), (64, 64), (30, 20))):
        (tmp_path / "ab"[k % 2]).mkdir(exist_ok=True)
        Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(tmp_path / "ab"[k % 2] / f"{k}.png")
    pre = Preprocessing(40, interpolation="bicubic", crop_pct=crop_pct, crop_mode=mode)
    same = {name: getattr(pre, name) for name in ("interpolation", "crop_pct", "crop_mode", "mean")}
    theirs = create_transform(40, **same, normalize=False)
    images = wb.load_images(tmp_path)
    ours = center_crop(images.view(**pre.view_options).load_batch(range(4))[0], 40).int()
    for x, path in zip(ours, images.frame["path"], strict=True):
        off = (x - theirs(Image.open(path)).int()).abs().float()
        # where the sides are cut, timm rounds to whole pixels of the resized picture
        assert off.mean() < (0.01 if mode != "center" and crop_pct == 1 else 6.0)


def test_every_mode_has_squares_of_its_own(wide):
    images, squares = wb.load_images(wide), {}
    for mode in CROP_MODES:
        view = images.view(32, crop_mode=mode, fill=(9, 8, 7))
        squares[mode] = view.load_batch([0])[0][0]
        words = {cache_keys.describe_view(images.view(32, crop_mode=m, fill=(9, 8, 7))) for m in CROP_MODES}
        assert len(words) == 3 and squares[mode].shape == (3, 37, 37)
    assert squares["border"][:, 0, 0].tolist() == [9, 8, 7] and squares["border"][:, 18, 0].max() > 100
    assert squares["squash"][:, 0, 0].max() > 100 and squares["center"].max() < 80
    for name in ("centre", "Squash", ""):
        with pytest.raises(wb.WorkbenchError, match="crop mode"):
            images.view(32, crop_mode=name)
        with pytest.raises(wb.WorkbenchError, match="crop_mode is one of center, squash, border"):
            Preprocessing(32, crop_mode=name)


def test_images_whose_sides_are_never_seen_are_counted(wide, make_tree):
    reason = wb.load_images(wide).problems["reason"].tolist()
    assert len(reason) == 1
    assert reason[0].startswith("16 of 16 images are so elongated that 75% of each on average (75% of a/")
    assert 'preprocessing={"crop_mode": "border"}' in reason[0]
    root = make_tree({"a": 3, "b": 3})  # 4:3, as cameras make them
    assert wb.load_images(root).problems.empty
    Image.new("RGB", (20, 90)).save(root / "a/tall.png")
    assert "1 of 7 images" in wb.load_images(root).problems["reason"][0] and "78% of a/tall.png" in repr(
        wb.load_images(root).problems["reason"][0]
    )
    arrays = wb.load_images((np.zeros((6, 10, 40), np.uint8), [0, 1] * 3))
    assert arrays.problems["reason"][0].startswith("6 of 6 images are so elongated that 75%")
    with pytest.raises(wb.WorkbenchError, match='preprocessing={"crop_mode": "border"}'):
        wb.load_images(root, crop_mode="border")


def test_training_evaluation_and_a_saved_net_see_alike(wide, tmp_path):
    images, scores = wb.load_images(wide, valid=0.5), {}
    for mode in ("center", "squash"):
        backbone = {**FEW, "params": {**FEW["params"], "preprocessing": {"crop_mode": mode, "crop_pct": 1.0}}}
        settings = {"epochs": 15, "lr": 1e-2, "batch_size": 8, "augment": "none", "precision": "fp32"}
        run = wb.fit(wb.Plan(backbone, images, tuning="full", **settings), progress=False)
        net, part = run.net(), images.subset("valid")
        assert net.preprocessing.crop_mode == mode and net.preprocessing.view_options["fill"] == (128, 128, 128)
        net_file.save_net(net, tmp_path / "net.safetensors")
        again = wb.load_net(tmp_path / "net.safetensors")
        assert again.preprocessing == net.preprocessing
        scores[mode] = wb.evaluate(again, part).accuracy
        assert scores[mode] == run.evaluate().accuracy
    assert scores["squash"] == 1.0 > scores["center"]


def test_a_backbone_brings_the_crop_mode_of_its_weights(monkeypatch):
    assert wb.load_net("test_resnet", pretrained=False).preprocessing.crop_mode == "center"
    found = timm.data.resolve_model_data_config
    monkeypatch.setattr(timm.data, "resolve_model_data_config", lambda model: {**found(model), "crop_mode": "squash"})
    net = wb.load_net("test_resnet", pretrained=False)
    assert net.preprocessing.crop_mode == "squash"
    # a net that was saved before there were crop modes saw the centre, whatever its architecture's weights see
    saved = saved_recipe.describe_recipe(net)
    del saved["preprocessing"]["crop_mode"]
    assert saved_recipe.parse_recipe(saved, Path("old.safetensors")).preprocessing["crop_mode"] == "center"


def test_a_rotated_photo_is_squashed_as_it_stands(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.zeros((20, 80, 3), np.uint8)
    pixels[:, :40] = 200
    for name in "ab":
        (tmp_path / name).mkdir()
        for k in range(3):
            Image.fromarray(pixels).save(tmp_path / name / f"{k}.png", exif=exif.tobytes())
    images = wb.load_images(tmp_path)
    x = images.view(16, crop_pct=1.0, crop_mode="squash").load_batch([0])[0][0, 0]
    assert x[2].min() > 190 and x[-3].max() < 10  # its left half is what the camera calls the top
    assert torch.equal(x, images.view(16, crop_pct=1.0, crop_mode="squash").load_batch([1])[0][0, 0])
