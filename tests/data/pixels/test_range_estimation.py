"""One scale for the deep greys of a set: found from a sample or given, shown, and the same wherever it is opened."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import PIL.Image
import pytest
import torch
from PIL import Image

import workbench as wb
from workbench.data.pixels.pixel_ranges import find_extremes, infer_pixel_range, parse_pixel_range, to_uint8
from workbench.runs.build import check_plan
from workbench.runs.processes.launching import create_run_folder


def scan(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


@pytest.fixture
def scans(tmp_path) -> Path:
    """Scans of one detector: those of `dim` all darker than those of `bright`, some below and some above 12 bits."""
    rng = np.random.default_rng(0)
    for k, level in enumerate((3000, 3500, 3800, 4000, 5000, 8000)):
        values = (rng.integers(0, 200, (40, 40)) + level).astype(np.uint16)
        values[0, 0], values[0, 1] = level, level + 199
        scan(tmp_path / "scans" / ("dim" if k < 3 else "bright") / f"{k}.png", values)
    return tmp_path / "scans"


@pytest.mark.parametrize(
    ("low", "high", "whole", "found"),
    [
        (0, 200, True, (0, 255)),
        (0, 5, True, (0, 255)),
        (0, 1000, True, (0, 1023)),
        (60, 4000, True, (0, 4095)),
        (0, 16383, True, (0, 16383)),
        (0, 65535, True, (0, 65535)),
        (27000, 31000, True, (27000, 31000)),  # a thermal camera: 15 levels of 255 would be left
        (3000, 8199, True, (3000, 8199)),
        (-1000, 3000, True, (-1000, 3000)),  # Hounsfield units
        (0, 1_000_000, True, (0, 1_000_000)),
        (0, 0.3, False, (0, 1)),
        (0, 255, False, (0, 255)),
        (20, 40, False, (20, 40)),
        (-2, 2, False, (-2, 2)),
        (300, 300, True, (0, 1023)),
        (-5, -5, False, (-5, 1)),
    ],
)
def test_the_scale_is_a_detectors_or_that_of_the_values(low, high, whole, found):
    assert infer_pixel_range(low, high, whole) == found


def test_values_become_bytes_in_order_and_are_clipped():
    assert to_uint8(np.array([-9, 10, 15, 20, 99], np.int16), (10, 20)).tolist() == [0, 0, 128, 255, 255]
    assert (np.diff(to_uint8(np.arange(65536, dtype=np.uint16), (0, 65535)).astype(int)) >= 0).all()


@pytest.mark.parametrize(
    "odd", [5, "05", (1,), (4, 4), (9, 1), (0, float("nan")), (0, float("inf")), (0, "1"), (True, 9)]
)
def test_a_scale_is_two_numbers(odd, scans):
    with pytest.raises(wb.WorkbenchError, match="expected pixel_range as two numbers"):
        wb.load_images(scans, pixel_range=odd)
    with pytest.raises(wb.WorkbenchError, match="expected pixel_range as two numbers"):
        parse_pixel_range(odd)


def test_brighter_scans_stay_brighter(scans):
    images = wb.load_images(scans, valid=0.0)
    assert images.pixel_range == (3000, 8199)
    means = {name: images.pixels(row).mean() for row, name in enumerate(images.frame["id"])}
    assert sorted(means, key=lambda name: means[name]) == [f"dim/{k}.png" for k in (0, 1, 2)] + [
        f"bright/{k}.png" for k in (3, 4, 5)
    ]
    for row, path in enumerate(images.frame["path"]):
        exact = (np.asarray(Image.open(path)).astype(float) - 3000) * 255 / 5199
        assert np.abs(images.pixels(row)[..., 0] - exact).max() <= 0.51
        assert np.array_equal(
            images.pixels(row, 40), images.view(40, crop_pct=1.0).load_batch([row])[0][0].permute(1, 2, 0)
        )


def test_the_scale_is_shown_and_can_be_given(scans):
    found, given = wb.load_images(scans), wb.load_images(scans, pixel_range=(0, 16383))
    assert "greys from 3,000 to 8,199" in repr(found) and "greys from 0 to 16,383" in repr(given)
    row = found.problems.iloc[0]
    assert row["id"] == "" and row["reason"].startswith(
        "6 of 6 images are greyscale of more than eight bits: 3,000 is "
    )
    assert "a sample of 6" in row["reason"] and "as given" in given.problems["reason"][0]
    assert given.pixel_range == (0, 16383) and given.pixels(0).mean() != found.pixels(0).mean()
    assert len({wb.load_images(scans).fingerprint, found.fingerprint, given.fingerprint}) == 2
    x, y = (i.view(8).load_batch(range(6))[0] for i in (found, given))
    assert not torch.equal(x, y)  # each scale has pixels of its own in the store


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_tiffs_of_floats_and_of_32_bits(kind, tmp_path):
    for k in range(6):
        scan(tmp_path / "t" / "ab"[k % 2] / f"{k}.tif", np.array([[-2, 2 + k], [0, k]], kind))
    images = wb.load_images(tmp_path / "t", valid=0.0)
    assert images.pixel_range == (-2, 7)
    for row, name in enumerate(images.frame["id"]):
        k = int(name[2])
        assert images.pixels(row)[..., 0].tolist() == [[0, round((4 + k) * 255 / 9)], [57, round((k + 2) * 255 / 9)]]


def test_eight_bits_beside_deep_greys_stay_as_they_are(scans):
    Image.new("L", (40, 40), 90).save(scans / "dim/plain.png")
    images = wb.load_images(scans)
    row = images.frame["id"].tolist().index("dim/plain.png")
    assert (images.pixels(row) == 90).all() and images.problems["reason"][0].startswith("6 of 7 images")


def test_a_scale_for_images_without_deep_greys_is_refused(make_tree):
    root = make_tree({"a": 3, "b": 3})
    assert wb.load_images(root).pixel_range is None and wb.load_images(root).choice.params == {}
    for data in (root, "digits", "world"):
        with pytest.raises(wb.WorkbenchError, match="pixel_range="):
            wb.load_images(data, pixel_range=(0, 4095))


def test_whole_numbers_and_fractions_have_no_scale_in_common(scans):
    scan(scans / "dim/x.tif", np.array([[0.5, 0.1]], np.float32))
    with pytest.raises(wb.WorkbenchError, match=r"some fractions.*pixel_range=\(0, 65535\)"):
        wb.load_images(scans)
    assert len(wb.load_images(scans, pixel_range=(0, 65535))) == 7
    assert find_extremes([np.array([1]), np.array([7], np.uint8)]) == (1, 7, True)


def test_deep_greys_that_the_sample_of_a_large_set_missed_are_listed(make_tree, monkeypatch):
    monkeypatch.setattr("workbench.data.checks.integrity.MAX_FILES_CHECKED", 1)
    monkeypatch.setattr("workbench.data.checks.integrity.SAMPLE_SIZE", 2)
    root = make_tree({"a": 4, "b": 4})
    scan(root / "a/001.png", np.full((9, 9), 4000, np.uint16))
    images = wb.load_images(root)
    assert images.pixel_range is None and images.view(8).load_batch(range(8))[1].sum() == 7
    assert "pixel_range=(0, 65535)" in images.problems["reason"][0]
    assert wb.load_images(root, pixel_range=(0, 4095)).view(8).load_batch(range(8))[1].all()


def test_what_lies_beyond_the_scale_of_the_sample_is_said(scans, monkeypatch, caplog):
    monkeypatch.setattr("workbench.data.pixels.range_estimation.MAX_SAMPLE_SIZE", 3)
    monkeypatch.setattr("workbench.data.pixels.range_estimation.MIN_SAMPLE_SIZE", 3)
    images = wb.load_images(scans)
    assert images.pixel_range == (3800, 8199) and "beyond" not in images.problems["reason"][0]
    seen = images.view(8).load_batch(range(6))[0].amax(dim=(1, 2, 3))
    assert (seen == 0).sum() == 2  # dim/0 and dim/1, which no sample of three holds
    assert "2 images have pixels outside this range, up to 100% of them" in images.problems["reason"][0]
    told = [r.message for r in caplog.records if "outside the pixel range" in r.message]
    assert len(told) == 1 and told[0].startswith("scans: 100% of dim/")


def test_what_is_stored_or_a_part_keeps_the_scale(scans, tmp_path):
    whole = wb.load_images(scans)
    bright = whole.subset(rows=[r for r, label in enumerate(whole.frame["label"]) if label == "bright"])
    assert bright.pixel_range == whole.pixel_range
    table = wb.load_images(pd.DataFrame({"path": whole.frame["path"], "label": whole.frame["label"]}))
    choice = table.store_with(tmp_path / "run")
    again = wb.load_images(choice.name, **choice.params)
    assert again.pixel_range == whole.pixel_range and again.fingerprint == table.fingerprint
    assert torch.equal(again.view(8).load_batch(range(6))[0], table.view(8).load_batch(range(6))[0])


def test_a_run_keeps_the_scale_it_was_trained_in(scans, tiny_plan):
    plans = [tiny_plan(data=data, name="test_resnet", epochs=1) for data in (wb.load_images(scans), str(scans))]
    kept = [wb.load_run(create_run_folder(check_plan(plan))) for plan in plans]
    scan(scans / "bright/later.png", np.full((40, 40), 60000, np.uint16))  # the folder goes on growing
    assert wb.load_images(scans).pixel_range == (0, 65535)
    for run in kept:
        assert run.images.pixel_range == (3000, 8199)


def test_a_net_sees_other_images_in_the_scale_that_it_learnt(scans, tmp_path, tiny_plan):
    run = wb.fit(tiny_plan(data=wb.load_images(scans, valid=0.4), name="test_resnet", epochs=1), progress=False)
    net = run.net()
    assert net.preprocessing.pixel_range == (3000, 8199)
    for k in range(6):
        scan(tmp_path / "new" / ("dim", "bright")[k % 2] / f"{k}.png", np.full((40, 40), 4000 + 100 * k, np.uint16))
    new = wb.load_images(tmp_path / "new")
    seen = new.view(**net.preprocessing.view_options).load_batch(range(6))[0][:, 0, 0, 0]
    assert sorted(seen.tolist()) == [round((1000 + 100 * k) * 255 / 5199) for k in range(6)]
    given = wb.load_images(tmp_path / "new", pixel_range=(0, 10000))  # what a person says of images counts more
    assert given.view(**net.preprocessing.view_options).load_batch([0])[0].max() == round(4100 * 255 / 10000)
    arrays = wb.load_images((np.full((6, 9, 9), 40000, np.uint16), list("abcabc")))
    with pytest.raises(wb.WorkbenchError, match=r"open them with pixel_range=\(3000, 8199\)"):
        arrays.view(**net.preprocessing.view_options)


def test_a_worker_sees_what_this_process_sees(scans, tiny_plan, monkeypatch):
    """Scale, limit of pixels and crop mode together: none of them is a setting of this process alone."""
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", None)
    plan = tiny_plan(data=str(scans), name="test_resnet", epochs=1, threads=1)
    plan = plan.replace(backbone=plan.backbone.replace(preprocessing={"crop_mode": "border"}))
    run = wb.launch(plan).wait(120)
    assert run.status.state == "done", run.log
    net = run.net()
    assert (net.preprocessing.crop_mode, net.preprocessing.pixel_range) == ("border", (3000, 8199))
    assert run.plan.data.params == {"pixel_range": [3000, 8199], "max_pixels": sys.maxsize}
    foreground = wb.fit(plan, progress=False)
    pairs = zip(net.state_dict().values(), foreground.net().state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
