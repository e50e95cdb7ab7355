"""Names of stages."""

from __future__ import annotations

from workbench.nets.stage_names import name_stages


def _names(*groups, labels=None):
    listed = [list(group) for group in groups]
    return [name for name, _ in name_stages(listed, {u: 1 for g in listed for u in g}, labels or {})]


def test_stem_or_embed_comes_first():
    assert _names(["conv1", "bn1"], ["layer1.0"]) == ["stem", "layer1.0"]
    assert _names(["patch_embed.proj", "pos_embed"], ["norm"]) == ["embed", "norm"]
    assert _names(["blocks.0.conv"], ["norm"], labels={"blocks.0.conv": "blocks.0"}) == ["blocks.0", "norm"]


def test_names_are_unique_and_never_head():
    assert _names(["a"], ["body.x", "tail"], ["body.y", "neck"]) == ["stem", "body", "body-2"]
    assert _names(["a"], ["head.norm", "head.fc1"], ["head.norm2"]) == ["stem", "neck", "norm2"]


def test_the_grouping_names_where_it_can():
    labels = {"blocks.1.conv": "blocks.1", "blocks.1.norm": "blocks.1"}
    assert _names(["a"], ["blocks.1.conv", "blocks.1.norm"], labels=labels) == ["stem", "blocks.1"]
