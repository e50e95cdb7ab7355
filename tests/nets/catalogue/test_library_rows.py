"""What timm and torchvision publish, row by row."""

from __future__ import annotations

import timm

from workbench.nets.catalogue import library_rows, size_survey


def test_licences_are_what_timm_states_else_unknown():
    frame = library_rows.build_library_frame().set_index("name")
    for name in ("resnet18.a1_in1k", "resnet50.bamboo", "convnextv2_atto.fcmae", "dla60_res2net.in1k"):
        assert frame.loc[name, "licence"] == (timm.get_pretrained_cfg(name).license or "unknown").lower()


def test_the_edge_is_the_longer_one_and_work_is_counted_on_the_whole_image():
    frame = library_rows.build_library_frame()
    sizes = size_survey.read_size_table(size_survey.TABLE_PATH)
    oblong = [(key, size) for key, size in sizes.items() if key.height != key.width]
    assert oblong
    for key, size in oblong:
        rows = frame[frame["architecture"] == key.architecture]
        assert set(rows["image_size"]) == {max(key.height, key.width)}
        assert set(rows["gmacs"]) == {size.macs / 1e9}


def test_figures_come_only_with_their_source():
    frame = library_rows.build_library_frame()
    assert ((frame["top1_source"] != "") == frame["top1"].notna()).all()
    assert frame["top1"].dropna().between(40, 100).all()
    assert set(frame.loc[frame["top1"].notna(), "top1_source"].str.split().str[0]) == {"torchvision"}


def test_a_recipe_builds_what_its_row_says():
    key, make = library_rows.get_library_net_builder("test_vit.r160_in1k")
    row = library_rows.build_library_frame().set_index("name").loc["test_vit.r160_in1k"]
    assert size_survey.count_parameters(make()) == row["parameters"] and key.height == row["image_size"]
