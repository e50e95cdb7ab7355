"""Causes: what each promises, over the registry, and each recognises its planted fault without training anything."""

from __future__ import annotations

import copy
import inspect

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import workbench as wb
from workbench.data._label_edits import LabelEdits
from workbench.data.world.factors import factor_values
from workbench.diagnosis.causes import Cause, causes
from workbench.diagnosis.diagnosing import collect_evidence
from workbench.diagnosis.evidence.batch_norm_recalibration import recalibrate_batch_norms
from workbench.diagnosis.evidence.context import DiagnosisContext
from workbench.diagnosis.evidence.other_backbones import best_backbone_gain, replace_backbone
from workbench.diagnosis.evidence.shortcut_cues import cramers_v
from workbench.diagnosis.evidence.strength import logistic_step
from workbench.figures import evidence_chart
from workbench.nets.catalogue import zoo_index
from workbench.plan import Plan


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory):
    return tmp_path_factory.mktemp("causes")


@pytest.fixture(autouse=True)
def one_home(shared_home, monkeypatch):
    """Store the features of images once for all tests here."""
    monkeypatch.setenv("WORKBENCH_HOME", str(shared_home))


SHAPES = ("square", "triangle", "moon", "gear")
PLAIN = {"batch_size": 16, "augment": "none", "precision": "fp32", "threads": 1}


def case_of(plan):
    return DiagnosisContext(plan, plan.in_memory.get("data") or wb.load_images(plan.data.name, **plan.data.params))


@pytest.fixture(scope="module")
def healthy(shared_home):
    """Return one sound context for all causes, which read the same features."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(shared_home))
        images = wb.load_images("world", n=120, label="shape", only={"shape": SHAPES}, seed=41, valid=0.5)
        case = case_of(Plan("wb/residual-shape", images, "head", epochs=12, **PLAIN))
        case.backbone_ranking = pd.DataFrame({"name": ["wb/residual-all", "wb/residual-shape"], "accuracy": [0.5, 0.4]})
        return case


def strong(name, case):
    """Return the strength of the evidence; strong evidence has numbers and a figure that show it."""
    found = causes[name]().evidence(case)
    if found.strength > 0.5:
        assert found.numbers and found.frames and all(evidence_chart(f, n).data for n, f in found.frames.items()), name
    return found.strength


def strength(name, plan):
    return strong(name, case_of(plan))


def planned_otherwise(case, **changes):
    """Return the same net on the same images under another plan: measurements of both hold."""
    other = copy.copy(case)
    other.plan = case.plan.replace(**changes)
    for name in ("lr_grid", "base_lr", "default_lr", "n_updates"):
        other.__dict__.pop(name, None)
    return other


def strongest(case):
    """Return the cause with the strongest evidence."""
    found = {name: strong(name, case) for name in causes}
    return max(found, key=lambda name: found[name])


@pytest.mark.parametrize("name", list(causes))
def test_every_cause_keeps_its_promises(healthy, monkeypatch, name):
    cls, case = causes[name], healthy
    assert (inspect.getdoc(cls) or "").strip() and cls.problem and cls.advice
    assert any(word in cls.paper for word in ("arXiv", "doi"))
    monkeypatch.setattr(torch.Tensor, "backward", lambda *_: pytest.fail("a gradient step"))
    found = cls().evidence(case)
    assert found.strength < 0.5, f"a healthy transfer: {found.summary}"
    plan, data = cls().fix_plan(case), cls().fix_images(case)
    assert plan is None or isinstance(plan, Plan)
    assert data is None or len(data) > 0
    changed = any(getattr(cls, method) is not getattr(Cause, method) for method in ("fix_plan", "fix_images"))
    assert changed or not cls.has_experiment
    assert all(other in causes and name not in causes[other].alternative_causes for other in cls.alternative_causes)


def test_logistic_step_by_hand():
    assert logistic_step(2.0, 2.0, 0.5) == 0.5 and np.isclose(logistic_step(3.0, 2.0, 1.0), 1 / (1 + np.exp(-2.2)))
    assert logistic_step(1e9, 0, 1) > 0.999 > logistic_step(0.0, 5.0, 1.0)


@pytest.mark.parametrize(
    ("params", "settled"),
    [
        ({"preprocessing": {"mean": [0.0] * 3, "std": [1 / 255] * 3}}, True),
        ({"size": 16}, True),
    ],
)
def test_preprocessing(sound, params, settled):
    plan = sound(backbone={"name": "wb/residual-shape", "params": params})
    case = case_of(plan)
    cause = causes["preprocessing-mismatch"]()
    assert cause.evidence(case).strength > 0.5
    assert strength("preprocessing-mismatch", cause.fix_plan(case).replace(data=case.data)) < 0.2


def test_rates(sound, healthy):
    assert strongest(planned_otherwise(healthy, tuning="full", lr=0.3)) == "rate-too-high"
    assert strongest(planned_otherwise(healthy, tuning="full", lr=1e-6)) == "rate-too-low"
    # what AdamW does not bear, SGD does
    assert strength("rate-too-high", sound(tuning="full", lr=0.05, optimizer="sgd")) < 0.5
    assert strength("rate-too-low", sound(tuning="full", lr=1e-5, optimizer="sgd")) > 0.8


def test_too_few_epochs(sound):
    case = case_of(sound(epochs=1, batch_size=60))
    cause = causes["too-few-epochs"]()
    assert case.n_updates == 1 and cause.evidence(case).strength > 0.8
    assert cause.fix_plan(case).schedule.epochs > 20


def test_froze_too_much_and_too_little(sound, world):
    assert strength("froze-too-much", sound(backbone="wb/residual-formula")) > 0.5
    assert strength("froze-too-much", sound(backbone="wb/residual-formula", tuning="full")) == 0
    assert strength("froze-too-little", sound()) == 0
    images = world(200)
    train = np.flatnonzero((images.frame["split"] == "train").to_numpy())
    few = images.subset(rows=np.setdiff1d(np.arange(len(images)), train[16:]))
    assert strength("froze-too-little", sound(few, tuning="full", epochs=20)) > 0.2


def test_batch_norms_of_another_domain(sound, world):
    net = wb.load_net("wb/residual-shape")
    crooked = recalibrate_batch_norms(net, world(shift="low-light:5"))
    same = recalibrate_batch_norms(net, world())
    names = [n for n, _ in net.named_parameters()]
    assert all(torch.equal(net.state_dict()[n], crooked.state_dict()[n]) for n in names)
    assert strength("foreign-batch-norm", sound(backbone=crooked)) > 0.5
    assert strength("foreign-batch-norm", sound(backbone=same)) < 0.3


def test_a_poor_source(sound, toy_arrays):
    images = wb.load_images(toy_arrays(n=100), valid=0.4)
    net = wb.load_net("wb/residual-shape")
    with torch.no_grad():
        for p in net.backbone.parameters():
            if p.ndim > 1:
                p.zero_()
    # even random features tell what is bright where
    assert strength("poor-source", sound(images, backbone=net)) > 0.9
    broken = copy.deepcopy(net)
    with torch.no_grad():
        next(broken.backbone.parameters()).fill_(float("nan"))
    found = collect_evidence(case_of(sound(images, backbone=broken)))
    assert found["poor-source"].strength == 1.0 and "NaN or infinite" in found["poor-source"].summary
    assert all(seen.strength == 0 for name, seen in found.items() if name != "poor-source")


def test_noisy_labels(sound, world, tmp_path):
    images, random = world(400), np.random.default_rng(0)
    frame = images.frame
    rows = frame[frame["split"] == "train"].sample(frac=0.4, random_state=0)
    others = [random.choice([c for c in images.classes if c != label]) for label in rows["label"]]
    noisy = LabelEdits(images, tmp_path / "list.csv").relabel(rows["id"], others).apply()
    cause, case = causes["noisy-labels"](), case_of(sound(noisy))
    assert cause.evidence(case).strength > 0.5
    left = set(cause.fix_images(case).frame["id"])
    removed = set(frame["id"]) - left
    assert len(removed & set(rows["id"])) > 0.6 * len(removed)
    assert set(frame["id"][frame["split"] == "valid"]) <= left


def test_imbalance(sound, world):
    images = world(240)
    labels, train = images.labels(), (images.frame["split"] == "train").to_numpy()
    keep = ~train | (labels == 0)
    keep[np.flatnonzero(train & (labels != 0))[::14]] = True
    cause, case = causes["imbalanced-classes"](), case_of(sound(images.subset(rows=keep)))
    assert cause.evidence(case).strength > 0.5
    counts = np.bincount(cause.fix_images(case).subset("train").labels())
    assert counts.max() <= 3 * counts.min()


def test_leaked_duplicates(sound, toy_arrays, tmp_path):
    x, y = toy_arrays(n=80)
    for row, (pixels, label) in enumerate(zip(x, y, strict=True)):
        splits = ("train", "valid") if row % 8 == 0 else ("train",) if row % 8 < 5 else ("valid",)
        for split in splits:
            place = tmp_path / split / label
            place.mkdir(parents=True, exist_ok=True)
            again = pixels // 8 * 7 if row % 16 and split == "train" else pixels  # darker, and in fewer steps
            Image.fromarray(again).save(place / f"{row}-{split}.png")
    cause, case = causes["leaked-duplicates"](), case_of(sound(wb.load_images(tmp_path)))
    found = case.leaks
    assert cause.evidence(case).strength > 0.8 and len(found) == 10 and (found["distance"] == 0).sum() == 5
    number = found[["id", "twin"]].apply(lambda names: names.str.extract(r"(\d+)-", expand=False))
    assert (number["id"] == number["twin"]).all()
    clean = case_of(sound(cause.fix_images(case)))
    assert not len(clean.leaks) and len(clean.train_labels) == len(case.train_labels)


def test_another_backbone_is_the_best_of_the_others(sound, monkeypatch):
    kept = {
        name: zoo_index.locate_builtin_nets()[name] for name in ("residual-shape", "residual-shuffled", "residual-hue")
    }
    monkeypatch.setattr(zoo_index, "locate_builtin_nets", lambda: kept)
    case = case_of(sound(backbone="wb/residual-shuffled"))
    assert replace_backbone(case).backbone.name == "wb/residual-shape" and best_backbone_gain(case) > 0.2
    assert best_backbone_gain(case_of(sound())) < 0


def test_a_source_of_another_question(sound):
    hues = list(factor_values("hue"))[:6]
    images = wb.load_images("world", n=240, label="hue", seed=43, valid=0.4, only={"hue": hues})
    case, cause = case_of(sound(images, "wb/residual-texture", tuning="full")), causes["unrelated-source"]()
    case.backbone_ranking = pd.DataFrame({"name": ["wb/residual-hue"], "accuracy": [0.9]})
    assert cause.evidence(case).strength > 0.5 and strongest(case) == "unrelated-source"
    assert cause.fix_plan(case).backbone.name == "wb/residual-hue"
    case.backbone_ranking = pd.DataFrame({"name": ["wb/residual-shape"], "accuracy": [0.1]})
    assert "backbone" in cause.fix_plan(case).in_memory, "the stages up to the best one"


def test_a_source_that_reads_textures(sound, monkeypatch):
    kept = {name: zoo_index.locate_builtin_nets()[name] for name in ("residual-shape", "residual-texture")}
    monkeypatch.setattr(zoo_index, "locate_builtin_nets", lambda: kept)
    cause, case = causes["spurious-cue"](), case_of(sound(backbone="wb/residual-texture"))
    assert cause.evidence(case).strength > 0.8 and cause.fix_plan(case).backbone.name == "wb/residual-shape"


def test_cramers_v():
    a = np.repeat([0, 1, 2], 50)
    assert cramers_v(a, a) > 0.98
    assert cramers_v(a, np.random.default_rng(0).permutation(a)) < 0.12


@pytest.mark.parametrize(
    ("dials", "name"),
    [
        ({"spurious": 0.95}, "spurious-cue"),
        ({"covariate": 1.0}, "domain-gap"),
        ({"concept": 0.7}, "concept-shift"),
        ({"label_shift": 0.7}, "label-shift"),
        ({}, None),
    ],
)
def test_what_lies_between_two_domains(sound, dials, name):
    images = wb.world.make_domain_pair(n=180, seed=5, n_classes=4, **dials).images
    found = {n: strength(n, sound(images)) for n in BETWEEN}
    assert (max(found, key=lambda n: found[n]) == name and found[name] > 0.5) if name else max(found.values()) < 0.4


BETWEEN = ("spurious-cue", "domain-gap", "concept-shift", "label-shift")


def test_too_small_to_tell(sound, world):
    assert strength("too-small-to-tell", sound(world(40))) > 0.5
    assert strength("too-small-to-tell", sound(world(300))) < 0.1


def test_a_case_measures_each_thing_once(healthy, monkeypatch):
    from workbench.diagnosis.evidence import context as module

    asked = []
    real = module.extract_features
    monkeypatch.setattr(module, "extract_features", lambda *a, **k: asked.append(k["split"]) or real(*a, **k))
    case = DiagnosisContext(healthy.plan, healthy.data)
    for cause in causes:
        causes[cause]().evidence(case)
    before = len(asked)
    for cause in causes:
        causes[cause]().evidence(case)
    assert len(asked) == before
