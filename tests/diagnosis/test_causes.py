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
from workbench.diagnosis.case import Case
from workbench.diagnosis.causes import Cause, causes
from workbench.diagnosis.causes.base import rising
from workbench.diagnosis.cues import tie
from workbench.diagnosis.diagnosing import looked
from workbench.diagnosis.other_backbones import nearer, with_another
from workbench.diagnosis.recalibration import taken_anew
from workbench.figures import evidence
from workbench.images.edits import Cleaning
from workbench.images.world.factors import values
from workbench.nets import zoos
from workbench.plan import Plan


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory):
    return tmp_path_factory.mktemp("causes")


@pytest.fixture(autouse=True)
def one_home(shared_home, monkeypatch):
    """What nets said of images is stored once for all tests here."""
    monkeypatch.setenv("WORKBENCH_HOME", str(shared_home))


SHAPES = ("square", "triangle", "moon", "gear")
PLAIN = {"batch_size": 16, "augment": "none", "precision": "fp32", "threads": 1}


def case_of(plan):
    return Case(plan, plan.held.get("data") or wb.images(plan.data.name, **plan.data.params))


@pytest.fixture(scope="module")
def healthy(shared_home):
    """One sound case for all causes, which look at the same features."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(shared_home))
        images = wb.images("world", n=120, label="shape", only={"shape": SHAPES}, seed=41, valid=0.5)
        case = case_of(Plan("wb/residual-shape", images, "head", epochs=12, **PLAIN))
        case.kept["ranked"] = pd.DataFrame({"name": ["wb/residual-all", "wb/residual-shape"], "accuracy": [0.5, 0.4]})
        return case


def strong(name, case):
    """How strong a cause looks; what looks strong has numbers and a figure that show it."""
    found = causes[name]().evidence(case)
    if found.strength > 0.5:
        assert found.numbers and found.drawn and all(evidence(f, n).data for n, f in found.drawn.items()), name
    return found.strength


def strength(name, plan):
    return strong(name, case_of(plan))


def planned_otherwise(case, **changes):
    """The same net on the same images under another plan: what was measured of them holds."""
    other = copy.copy(case)
    other.plan = case.plan.but(**changes)
    for name in ("rates", "rate", "usual_rate", "updates"):
        other.__dict__.pop(name, None)
    return other


def strongest(case):
    """The cause that looks strongest of all."""
    found = {name: strong(name, case) for name in causes}
    return max(found, key=lambda name: found[name])


@pytest.mark.parametrize("name", list(causes))
def test_every_cause_keeps_its_promises(healthy, monkeypatch, name):
    cls, case = causes[name], healthy
    assert (inspect.getdoc(cls) or "").strip() and cls.means and cls.advice
    assert any(word in cls.source for word in ("arXiv", "doi"))
    monkeypatch.setattr(torch.Tensor, "backward", lambda *_: pytest.fail("a gradient step"))
    found = cls().evidence(case)
    assert found.strength < 0.5, f"a healthy transfer: {found.words}"
    plan, data = cls().without(case), cls().data_without(case)
    assert plan is None or isinstance(plan, Plan)
    assert data is None or len(data) > 0
    changed = any(getattr(cls, method) is not getattr(Cause, method) for method in ("without", "data_without"))
    assert changed or not cls.triable
    assert all(other in causes and name not in causes[other].yields_to for other in cls.yields_to)


def test_rising_by_hand():
    assert rising(2.0, 2.0, 0.5) == 0.5 and np.isclose(rising(3.0, 2.0, 1.0), 1 / (1 + np.exp(-2.2)))
    assert rising(1e9, 0, 1) > 0.999 > rising(0.0, 5.0, 1.0)


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
    assert strength("preprocessing-mismatch", cause.without(case).but(data=case.data)) < 0.2


def test_rates(sound, healthy):
    assert strongest(planned_otherwise(healthy, tuning="full", lr=0.3)) == "rate-too-high"
    assert strongest(planned_otherwise(healthy, tuning="full", lr=1e-6)) == "rate-too-low"
    # what AdamW does not bear, SGD does
    assert strength("rate-too-high", sound(tuning="full", lr=0.05, optimizer="sgd")) < 0.5
    assert strength("rate-too-low", sound(tuning="full", lr=1e-5, optimizer="sgd")) > 0.8


def test_too_few_epochs(sound):
    case = case_of(sound(epochs=1, batch_size=60))
    cause = causes["too-few-epochs"]()
    assert case.updates == 1 and cause.evidence(case).strength > 0.8
    assert cause.without(case).schedule.epochs > 20


def test_froze_too_much_and_too_little(sound, world):
    assert strength("froze-too-much", sound(backbone="wb/residual-formula")) > 0.5
    assert strength("froze-too-much", sound(backbone="wb/residual-formula", tuning="full")) == 0
    assert strength("froze-too-little", sound()) == 0
    images = world(200)
    train = np.flatnonzero((images.frame["split"] == "train").to_numpy())
    few = images.part(rows=np.setdiff1d(np.arange(len(images)), train[16:]))
    assert strength("froze-too-little", sound(few, tuning="full", epochs=20)) > 0.2


def test_batch_norms_of_another_domain(sound, world):
    net = wb.load("wb/residual-shape")
    crooked = taken_anew(net, world(shift="low-light:5"))
    same = taken_anew(net, world())
    names = [n for n, _ in net.named_parameters()]
    assert all(torch.equal(net.state_dict()[n], crooked.state_dict()[n]) for n in names)
    assert strength("foreign-batch-norm", sound(backbone=crooked)) > 0.5
    assert strength("foreign-batch-norm", sound(backbone=same)) < 0.3


def test_a_poor_source(sound, toy_arrays):
    images = wb.images(toy_arrays(n=100), valid=0.4)
    net = wb.load("wb/residual-shape")
    with torch.no_grad():
        for p in net.backbone.parameters():
            if p.ndim > 1:
                p.zero_()
    # even random features tell what is bright where
    assert strength("poor-source", sound(images, backbone=net)) > 0.9
    broken = copy.deepcopy(net)
    with torch.no_grad():
        next(broken.backbone.parameters()).fill_(float("nan"))
    found = looked(case_of(sound(images, backbone=broken)))
    assert found["poor-source"].strength == 1.0 and "no number" in found["poor-source"].words
    assert all(seen.strength == 0 for name, seen in found.items() if name != "poor-source")


def test_noisy_labels(sound, world, tmp_path):
    images, random = world(400), np.random.default_rng(0)
    frame = images.frame
    rows = frame[frame["split"] == "train"].sample(frac=0.4, random_state=0)
    others = [random.choice([c for c in images.classes if c != label]) for label in rows["label"]]
    noisy = Cleaning(images, tmp_path / "list.csv").relabel(rows["id"], others).applied()
    cause, case = causes["noisy-labels"](), case_of(sound(noisy))
    assert cause.evidence(case).strength > 0.5
    left = set(cause.data_without(case).frame["id"])
    removed = set(frame["id"]) - left
    assert len(removed & set(rows["id"])) > 0.6 * len(removed)
    assert set(frame["id"][frame["split"] == "valid"]) <= left


def test_imbalance(sound, world):
    images = world(240)
    labels, train = images.labels(), (images.frame["split"] == "train").to_numpy()
    keep = ~train | (labels == 0)
    keep[np.flatnonzero(train & (labels != 0))[::14]] = True
    cause, case = causes["imbalanced-classes"](), case_of(sound(images.part(rows=keep)))
    assert cause.evidence(case).strength > 0.5
    counts = np.bincount(cause.data_without(case).part("train").labels())
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
    cause, case = causes["leaked-duplicates"](), case_of(sound(wb.images(tmp_path)))
    found = cause.pairs(case)
    assert cause.evidence(case).strength > 0.8 and len(found) == 10 and (found["distance"] == 0).sum() == 5
    number = found[["id", "twin"]].apply(lambda names: names.str.extract(r"(\d+)-", expand=False))
    assert (number["id"] == number["twin"]).all()
    clean = case_of(sound(cause.data_without(case)))
    assert not len(cause.pairs(clean)) and len(clean.train_labels) == len(case.train_labels)


def test_another_backbone_is_the_best_of_the_others(sound, monkeypatch):
    kept = {name: zoos.builtin()[name] for name in ("residual-shape", "residual-shuffled", "residual-hue")}
    monkeypatch.setattr(zoos, "builtin", lambda: kept)
    case = case_of(sound(backbone="wb/residual-shuffled"))
    assert with_another(case).backbone.name == "wb/residual-shape" and nearer(case) > 0.2
    assert nearer(case_of(sound())) < 0


def test_a_source_of_another_question(sound):
    hues = list(values("hue"))[:6]
    images = wb.images("world", n=240, label="hue", seed=43, valid=0.4, only={"hue": hues})
    case, cause = case_of(sound(images, "wb/residual-texture", tuning="full")), causes["unrelated-source"]()
    case.kept["ranked"] = pd.DataFrame({"name": ["wb/residual-hue"], "accuracy": [0.9]})
    assert cause.evidence(case).strength > 0.5 and strongest(case) == "unrelated-source"
    assert cause.without(case).backbone.name == "wb/residual-hue"
    case.kept["ranked"] = pd.DataFrame({"name": ["wb/residual-shape"], "accuracy": [0.1]})
    assert "backbone" in cause.without(case).held, "the stages up to the best one"


def test_a_source_that_reads_textures(sound, monkeypatch):
    kept = {name: zoos.builtin()[name] for name in ("residual-shape", "residual-texture")}
    monkeypatch.setattr(zoos, "builtin", lambda: kept)
    cause, case = causes["spurious-cue"](), case_of(sound(backbone="wb/residual-texture"))
    assert cause.evidence(case).strength > 0.8 and cause.without(case).backbone.name == "wb/residual-shape"


def test_cramers_v():
    a = np.repeat([0, 1, 2], 50)
    assert tie(a, a) > 0.98
    assert tie(a, np.random.default_rng(0).permutation(a)) < 0.12


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
    images = wb.world.pair(n=180, seed=5, classes=4, **dials).images
    found = {n: strength(n, sound(images)) for n in BETWEEN}
    assert (max(found, key=lambda n: found[n]) == name and found[name] > 0.5) if name else max(found.values()) < 0.4


BETWEEN = ("spurious-cue", "domain-gap", "concept-shift", "label-shift")


def test_too_small_to_tell(sound, world):
    assert strength("too-small-to-tell", sound(world(40))) > 0.5
    assert strength("too-small-to-tell", sound(world(300))) < 0.1


def test_a_case_measures_each_thing_once(healthy, monkeypatch):
    from workbench.diagnosis import case as module

    asked = []
    real = module.features
    monkeypatch.setattr(module, "features", lambda *a, **k: asked.append(k["split"]) or real(*a, **k))
    case = Case(healthy.plan, healthy.data)
    for cause in causes:
        causes[cause]().evidence(case)
    before = len(asked)
    for cause in causes:
        causes[cause]().evidence(case)
    assert len(asked) == before
