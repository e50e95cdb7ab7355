"""Groupings: timm's patterns read as timm reads them, apart from the closing norm."""

from __future__ import annotations

import timm
import torch
from timm.models import group_parameters

from workbench.nets import layer_groups


def test_patterns_give_the_order_of_timm():
    with torch.device("meta"):
        model = timm.create_model("vit_tiny_patch16_224")
    match = layer_groups.get_timm_matcher(model)
    theirs = group_parameters(model, model.group_matcher(coarse=True), reverse=True)
    blocks = [n for n in theirs if n.startswith(("cls_token", "patch_embed", "blocks."))]
    ours = sorted(blocks, key=lambda name: match(name)[0])
    assert [theirs[n] for n in ours] == sorted(theirs[n] for n in blocks)
    assert match("blocks.3.mlp.fc1.weight") == ((1.0, 3.0), "blocks.3")
    assert match("norm.weight")[0] > match("blocks.11.attn.qkv.weight")[0]
    assert match("head.weight") is None


def test_corrected_nets_still_exist():
    # an entry that no net of timm bears any more is dead
    import timm.models as models

    names = {type_name for module in vars(models).values() for type_name in getattr(module, "__dict__", {})}
    assert {*layer_groups.CORRECTED_GROUPS, *layer_groups.INFERRED_ARCHITECTURES} <= names
