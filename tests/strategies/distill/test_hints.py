"""Hints: what a teacher sees, place by place."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.nets.feature_maps import capture_feature_maps, find_feature_map
from workbench.strategies import Examples, LabelSpec, strategies

HINTS = {"blocks.1": "layer2", "blocks.3": "layer4"}  # 2 x 2 places of a ViT; 4 x 4 and 1 x 1 of a residual net


@pytest.fixture
def teacher(tiny, tmp_path):
    tiny("test_resnet", seed=5, classes=("cat", "dog")).save(tmp_path / "teacher.safetensors")
    return tmp_path / "teacher.safetensors"


def prepared(teacher, student, **options):
    torch.manual_seed(0)
    strategy = strategies.create("distill-hints", teacher=teacher, **options)
    strategy.label_spec = LabelSpec("classes", (("", 3),))
    strategy.prepare(student)
    return strategy


def test_hints_are_the_shares_of_variance_that_are_not_told_at_the_places_of_the_coarser_map(tiny, teacher):
    student = tiny("test_vit", seed=1).eval()
    strategy = prepared(teacher, student, hints=HINTS)
    x = torch.rand(16, 3, 32, 32)
    terms = strategy.losses(student, {"labelled": Examples(x, None)}, 0.0)
    assert set(terms) == {"hints", "match"}
    known = wb.load_net(teacher).eval()
    lost = []
    for (mine, its), tell in zip(HINTS.items(), strategy.tells, strict=True):
        ours, theirs = find_feature_map(student, mine), find_feature_map(known, its)
        with (
            torch.no_grad(),
            capture_feature_maps(student, [ours]) as told,
            capture_feature_maps(known, [theirs]) as seen,
        ):
            student(x), known(x)
            x_, y = told[mine], seen[its]
            places = min(x_.shape[-1], y.shape[-1])
            y = F.avg_pool2d(y, y.shape[-1] // places)
            y = (y - y.mean((0, 2, 3), keepdim=True)) / (y.var((0, 2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
            told_ = torch.einsum("oi,bihw->bohw", tell.weight[:, :, 0, 0], F.avg_pool2d(x_, x_.shape[-1] // places))
            lost.append((told_ + tell.bias[:, None, None] - y).square().mean())
    assert terms["hints"].item() == pytest.approx(torch.stack(lost).mean().item(), rel=1e-4)
    apart = strategies.create("distill-features", teacher=teacher)
    apart.prepare(student)
    apart.map.load_state_dict(strategy.map.state_dict())
    alone = apart.losses(student, {"labelled": Examples(x, None)}, 0.0)
    assert terms["match"].item() == pytest.approx(alone["match"].item(), rel=1e-5)


def test_without_names_the_last_maps_are_compared(tiny, teacher):
    student = tiny("test_vit", seed=1)
    strategy = prepared(teacher, student)
    ((mine, its),) = strategy.pairs
    assert (mine.stage.name, its.stage.name) == ("norm", "layer4")


def test_stages_that_are_not_there_are_named_before_the_first_step(tiny, teacher):
    with pytest.raises(UnknownName, match="did you mean blocks.1"):
        prepared(teacher, tiny("test_vit", seed=1), hints={"block.1": "layer2"})
    with pytest.raises(UnknownName, match="layer2"):
        prepared(teacher, tiny("test_vit", seed=1), hints={"blocks.1": "blocks.2"})
    with pytest.raises(BadValue, match="has no spatial positions"):
        prepared(teacher, tiny("test_vit", seed=1), hints={"blocks.1": "head"})


def test_nothing_reaches_the_teacher_and_no_one_listens_afterwards(tiny, teacher):
    student = tiny("test_vit", seed=1)
    strategy = prepared(teacher, student, hints=HINTS).train()
    before = {name: value.clone() for name, value in strategy.teachers.state_dict().items()}
    terms = strategy.losses(student, {"labelled": Examples(torch.rand(4, 3, 32, 32), None)}, 0.0)
    terms["hints"].backward()
    assert any(p.grad is not None and p.grad.any() for p in student.backbone.parameters())
    assert all(p.grad is None for p in strategy.teachers.parameters())
    assert all(torch.equal(value, before[name]) for name, value in strategy.teachers.state_dict().items())
    assert not any(m._forward_hooks for net in (student, strategy.teachers[0]) for m in net.modules())


def test_a_student_with_hints_tells_more_of_its_teacher_than_one_without():
    """The paper's promise: hints on the way make what a student of another kind learns in the same steps more."""
    images = wb.load_images("world", n=400, size=64, label="shape", valid=0.2)
    student = {"name": "test_vit", "params": {"pretrained": False, "size": 64}}
    fixed = {"augment": "none", "select": "last", "precision": "fp32", "lr": 2e-3, "epochs": 8, "batch_size": 20}
    hints = {"blocks.1": "layer2", "blocks.3": "layer3", "norm": "layer4"}
    told = {}
    for name, more in (("distill-features", {}), ("distill-hints", {"hints": hints})):
        strategy = wb.strategy(name, teacher="wb/residual-contrast", **more)
        points = wb.fit(wb.Plan(student, images, strategy=strategy, **fixed), progress=False).points
        told[name] = np.mean(points["loss/match"].dropna().tail(8))
    assert told["distill-hints"] < told["distill-features"] - 0.04, told
