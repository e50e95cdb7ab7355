"""Distillation matches a teacher."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import workbench as wb
from workbench.errors import BadValue
from workbench.strategies import Examples, LabelSpec, strategies


@pytest.fixture
def teacher(tiny, tmp_path):
    net = tiny(seed=5)
    with torch.no_grad():
        net.head.bias.copy_(torch.tensor([2.0, 0.0, -2.0]))  # a teacher with a view of its own
    net.save(tmp_path / "teacher.safetensors")
    return tmp_path / "teacher.safetensors"


def test_match_by_hand(tiny, teacher):
    student = tiny(seed=1).eval()
    strategy = strategies.create("distill", teacher=teacher, alpha=0.25, temperature=2.0)
    strategy.label_spec = LabelSpec("classes", (("", 3),))
    strategy.prepare(student)
    torch.manual_seed(0)
    x, y = torch.rand(6, 3, 32, 32), torch.tensor([0, 1, 2, 0, 1, 2])
    terms = strategy.losses(student, {"labelled": Examples(x, y)}, 0.0)
    with torch.no_grad():
        p = F.softmax(wb.load_net(teacher).eval()(x) / 2, 1)
        q = F.log_softmax(student(x) / 2, 1)
        kl = (p * (p.log() - q)).sum(1).mean()
    assert terms["match"].item() == pytest.approx(0.25 * 4 * kl.item(), rel=1e-4)
    assert terms["task"].item() == pytest.approx(0.75 * F.cross_entropy(student(x), y).item(), rel=1e-4)


def test_the_student_takes_over_its_teacher_s_function(tiny_plan, teacher, toy):
    """The paper's promise: softened answers carry what labels do not, here those of a teacher with views of its own."""
    plan = tiny_plan(toy, epochs=8, lr=3e-3, seed=1, select="last")
    taught = wb.strategy("distill", teacher=teacher, alpha=1.0, temperature=2.0)
    p = wb.evaluate(wb.load_net(teacher), toy).probabilities
    alone = divergence(p, wb.fit(plan, progress=False).evaluate().probabilities)
    student = divergence(p, wb.fit(plan.replace(strategy=taught), progress=False).evaluate().probabilities)
    assert student < 0.5 * alone


def divergence(p, q):
    return float((p * (np.log(p.clip(1e-9)) - np.log(q.clip(1e-9)))).sum(1).mean())


def test_teacher_stays_as_it_is(tiny, teacher):
    strategy = strategies.create("distill", teacher=teacher)
    strategy.prepare(tiny())
    strategy.train()
    before = {name: t.clone() for name, t in strategy.teacher.state_dict().items()}
    strategy.label_spec = LabelSpec("classes", (("", 3),))
    strategy.losses(tiny(), {"labelled": Examples(torch.rand(4, 3, 32, 32), torch.tensor([0, 1, 2, 0]))}, 0.0)
    assert all(torch.equal(t, before[name]) for name, t in strategy.teacher.state_dict().items())
    assert not any(p.requires_grad for p in strategy.parameters())


def test_a_teacher_of_other_classes_is_refused(tiny, teacher):
    strategy = strategies.create("distill", teacher=teacher)
    with pytest.raises(BadValue, match="fine-tune the teacher"):
        strategy.prepare(tiny(classes=("cat", "dog", "cow")))


def test_teacher_is_required():
    with pytest.raises(BadValue, match="needs the parameter teacher"):
        wb.strategy("distill")
