"""Feature distillation hands on what a teacher sees."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from tests.strategies.self_supervised.test_features import probed, saws
from workbench.errors import UnknownName
from workbench.strategies import Examples, LabelSpec, strategies


@pytest.fixture
def teacher(tiny, tmp_path):
    tiny(seed=5, classes=("cat", "dog")).save(tmp_path / "teacher.safetensors")
    return tmp_path / "teacher.safetensors"


def prepared(teacher, student, **options):
    strategy = strategies.create("distill-features", teacher=teacher, **options)
    strategy.label_spec = LabelSpec("classes", (("", 3),))
    strategy.prepare(student)
    return strategy


def test_match_is_the_share_of_variance_that_is_not_told(tiny, teacher):
    student = tiny(seed=1).eval()
    strategy = prepared(teacher, student)
    torch.manual_seed(0)
    x = torch.rand(16, 3, 32, 32)
    terms = strategy.losses(student, {"labelled": Examples(x, None)}, 0.0)
    assert set(terms) == {"match"}
    with torch.no_grad():
        taught = wb.load_net(teacher).eval().features(x)
        taught = (taught - taught.mean(0)) / (taught.var(0, correction=0) + 1e-5).sqrt()
        told = strategy.map(student.features(x))
    assert terms["match"].item() == pytest.approx(((taught - told) ** 2).mean().item(), rel=1e-4)
    with torch.no_grad():
        for parameter in strategy.map.parameters():
            parameter.zero_()
    # who tells nothing leaves all of it
    silent = strategy.losses(student, {"labelled": Examples(x, None)}, 0.0)["match"]
    assert silent.item() == pytest.approx((taught**2).mean().item(), rel=1e-4)


def test_of_several_teachers_every_feature_counts_the_same(tiny, teacher, tmp_path):
    tiny("test_resnet", seed=6).save(tmp_path / "other.safetensors")
    student = tiny(seed=1).eval()
    strategy = prepared(teacher, student, others=[str(tmp_path / "other.safetensors")])
    torch.manual_seed(0)
    x = torch.rand(16, 3, 32, 32)
    found = strategy.losses(student, {"labelled": Examples(x, None)}, 0.0)["match"]
    with torch.no_grad():
        seen = [wb.load_net(path).eval().features(x) for path in (teacher, tmp_path / "other.safetensors")]
        spread = [(s - s.mean(0)) / (s.var(0, correction=0) + 1e-5).sqrt() for s in seen]
        told = strategy.map(student.features(x)).split([s.shape[1] for s in seen], 1)
        lost = sum(((s - t) ** 2).sum() for s, t in zip(spread, told, strict=True))
    assert found.item() == pytest.approx(lost.item() / (16 * sum(s.shape[1] for s in seen)), rel=1e-4)


def test_a_teacher_that_is_not_there_is_named_before_the_first_step(teacher, tiny):
    with pytest.raises(UnknownName, match="did you mean residual-shape"):
        prepared(teacher, tiny(seed=1), others=["wb/residual-shap"])


def test_labels_reach_the_head_alone_and_nothing_reaches_the_teacher(tiny, teacher):
    student = tiny(seed=1)
    strategy = prepared(teacher, student)
    before = {name: value.clone() for name, value in strategy.teachers.state_dict().items()}
    batch = {"labelled": Examples(torch.rand(4, 3, 32, 32), torch.tensor([0, 1, 2, 0]))}
    strategy.train()
    terms = strategy.losses(student, batch, 0.0)
    terms["probe"].backward(retain_graph=True)
    head = {id(p) for p in student.head.parameters()}
    assert all((p.grad is not None) == (id(p) in head) for p in student.parameters())
    terms["match"].backward()
    assert any(p.grad is not None for p in student.parameters() if id(p) not in head)
    assert all(p.grad is None for p in strategy.teachers.parameters())
    assert all(torch.equal(value, before[name]) for name, value in strategy.teachers.state_dict().items())


def test_a_student_reads_what_its_teacher_reads_without_a_label(tmp_path):
    """The paper's promise: hints hand on a representation, to a net of another architecture."""
    student = {"name": "test_efficientnet", "params": {"pretrained": False, "size": 24}}
    fixed = {"augment": "none", "select": "last", "precision": "fp32", "lr": 3e-3, "epochs": 10, "batch_size": 24}
    labelled = wb.Plan("test_resnet", wb.load_images(saws(240, 0)), **fixed).replace(
        backbone={"name": "test_resnet", "params": {"pretrained": False, "size": 24}}
    )
    wb.fit(labelled, progress=False).net().save(tmp_path / "teacher.safetensors")
    hints = wb.strategy("distill-features", teacher=tmp_path / "teacher.safetensors")
    x, _ = saws(240, 1)
    unlabelled = wb.load_images((x, np.array(["a", "b"])[np.arange(240) % 2]))  # labels that tell nothing
    net = wb.fit(wb.Plan(student, unlabelled, strategy=hints, **fixed), progress=False).net()
    x, y = saws(420, 2)
    before = probed(wb.load_net("test_efficientnet", pretrained=False, size=24), x, y)
    after = probed(net, x, y)
    assert after > before + 0.15, (before, after)
