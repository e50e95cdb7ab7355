"""What cannot work is refused at once, with a sentence that says what to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import workbench as wb
from workbench.errors import BadData, BadValue, Unavailable, UnknownName

GREY = np.arange(10 * 16, dtype=np.uint8).reshape(10, 4, 4)
TWO = np.array([0, 1] * 5)


def pets(root: Path) -> Path:
    for c in ("cat", "dog"):
        (root / c).mkdir()
        for i in range(3):
            Image.fromarray(np.full((6, 7, 3), 40 * i, np.uint8)).save(root / c / f"{i}.png")
    return root


def with_folder(root: Path, name: str, *files: str) -> Path:
    pets(root)
    (root / name).mkdir(parents=True)
    for file in files:
        (root / name / file).write_bytes(b"not an image")
    return root


def split_pets(root: Path, **moved: str) -> Path:
    pets(root)
    for split in ("train", "test"):
        for c in ("cat", "dog"):
            (root / split / moved.get(f"{split}_{c}", c)).mkdir(parents=True)
            (root / c / f"{int(split == 'test')}.png").rename(root / split / moved.get(f"{split}_{c}", c) / "a.png")
    for c in ("cat", "dog"):
        for rest in (root / c).iterdir():
            rest.unlink()
        (root / c).rmdir()
    return root


def frame(root: Path, **columns) -> pd.DataFrame:
    pets(root)
    paths = [str(p) for p in sorted(root.rglob("*.png"))]
    return pd.DataFrame({"path": paths, "label": ["a", "b"] * 3, **columns})


def csv(root: Path, text: str, name: str = "t.csv") -> Path:
    (root / name).write_text(text)
    return root / name


def domains(root: Path, **options):
    for domain in ("photo", "sketch"):
        (root / domain).mkdir()
        pets(root / domain)
    return wb.load_images(root, **options)


def many(root: Path, **options):
    return lambda: wb.load_images(pets(root), **options)


def junk(root: Path):
    split_pets(root)
    (root / "junk").mkdir()
    pets(root / "junk")
    return wb.load_images(root)


def only_splits(root: Path):
    pets(root)
    (root / "cat").rename(root / "train")
    (root / "dog").rename(root / "test")
    return wb.load_images(root)


BAD = {
    "a folder that is not there": (lambda r: wb.load_images(pets(r) / "catt"), Unavailable, "did you mean cat"),
    "a path to nowhere": (
        lambda r: wb.load_images("/no/such/folder"),
        Unavailable,
        "there is no folder or table /no/such",
    ),
    "a misspelt built-in": (lambda r: wb.load_images("digts"), UnknownName, "did you mean digits"),
    "a single file": (lambda r: wb.load_images(pets(r) / "cat" / "0.png"), BadData, "is a single file"),
    "an empty folder": (lambda r: wb.load_images(r), BadData, "got nothing at all"),
    "a folder of texts": (
        lambda r: wb.load_images(csv(r, "x", "note.txt").parent),
        BadData,
        "none of its 1 files is one.*note.txt.*not an image",
    ),
    "images without class folders": (
        lambda r: wb.load_images(pets(r) / "cat"),
        BadData,
        "got images without class folders",
    ),
    "a single class": (lambda r: wb.load_images(pets(r), classes=["cat"]), BadData, "single class, 'cat'"),
    "a lone class folder": (
        lambda r: wb.load_images([pets(r), shutil.rmtree(r / "dog")][0]),
        BadData,
        "a single class, 'cat'",
    ),
    "a layout too deep": (lambda r: wb.load_images(pets(r), layout="*/class"), BadData, "no image of .* is that deep"),
    "an empty class folder": (
        lambda r: wb.load_images(with_folder(r, "owl")),
        BadData,
        "class folder 'owl' .* no images",
    ),
    "a class of broken files": (
        lambda r: wb.load_images(with_folder(r, "owl", "a.png", "b.jpg")),
        BadData,
        "none of the 2 images of the class 'owl' can be read.*not an image",
    ),
    "splits without classes": (
        only_splits,
        BadData,
        "which are splits, and the images are directly in them",
    ),
    "a folder beside the splits": (junk, BadData, "junk beside them is not"),
    "a class only in test": (
        lambda r: wb.load_images(split_pets(r, test_dog="dogs")),
        BadData,
        "the class 'dogs' .* no training image",
    ),
    "a layout that is none": (
        lambda r: wb.load_images(pets(r), layout="klass"),
        BadValue,
        "expected as layout auto, or split",
    ),
    "a layout with unknown splits": (
        lambda r: domains(r, layout="split/class"),
        BadData,
        r"expected a split \(train.*got the folder 'photo'",
    ),
    "a column for a folder": (
        lambda r: wb.load_images(pets(r), label="x"),
        BadValue,
        "label= names a column of a table",
    ),
    "a label column that is not there": (
        lambda r: wb.load_images(frame(r), label="lable"),
        UnknownName,
        "no label column is called 'lable'; did you mean label",
    ),
    "a path column that is not there": (
        lambda r: wb.load_images(frame(r), path="pth"),
        UnknownName,
        "did you mean path",
    ),
    "a split column that is not there": (lambda r: wb.load_images(frame(r), split="s"), UnknownName, "no split column"),
    "a missing label": (
        lambda r: wb.load_images(frame(r, label=["a", None, "b", "a", None, "b"])),
        BadData,
        "row 1 and 1 more of the column 'label' has no label",
    ),
    "an empty cell of a CSV": (
        lambda r: wb.load_images(csv(r, "path,label\na.png,x\nb.png,\n")),
        BadData,
        "row 1 of the column 'label' has no label: it is empty",
    ),
    "a NaN label": (lambda r: wb.load_images(frame(r, label=[1, 2, np.nan] * 2)), BadData, "row 2 and 1 more"),
    "a missing path": (lambda r: wb.load_images(frame(r, path=["a.png"] * 5 + [None])), BadData, "row 5 .* no path"),
    "a path twice": (lambda r: wb.load_images(frame(r, path=["a.png"] * 6)), BadData, "occurs in rows 0 and 1"),
    "unknown split words": (
        lambda r: wb.load_images(frame(r, split=["train", "tset", "fold1"] * 2)),
        BadData,
        "contains 'fold1', 'tset'; a split is one of train",
    ),
    "a table of missing files": (
        lambda r: wb.load_images(csv(r, "path,label\na.png,x\nb.png,y\n")),
        BadData,
        "none of the 2 images .* can be read.*not there",
    ),
    "a table without rows": (lambda r: wb.load_images(csv(r, "path,label\n")), BadData, "a header without rows"),
    "an empty file": (lambda r: wb.load_images(csv(r, "")), BadData, "expected a table with a header"),
    "an empty frame": (lambda r: wb.load_images(pd.DataFrame({"path": [], "label": []})), BadData, "no rows"),
    "no path column": (lambda r: wb.load_images(csv(r, "a,b,label\n1,2,3\n")), BadData, "no column .* has image files"),
    "no label column": (
        lambda r: wb.load_images(frame(r).rename(columns={"label": "u"}).assign(v=1)),
        BadData,
        r"no column of the table is called label \(got path, u, v\)",
    ),
    "a tag that all have": (
        lambda r: wb.load_images(frame(r, u=1, v=[0, 1] * 3), label=["u", "v"]),
        BadData,
        "every image .* has the tag 'u'",
    ),
    "a task of one class": (
        lambda r: wb.load_images(frame(r, u="same", v=list("xyzxyz")), label=["u", "v"]),
        BadData,
        "the task 'u' .* single class",
    ),
    "lengths that differ": (lambda r: wb.load_images((GREY, TWO[:7])), BadData, "7 labels and 10 images"),
    "NaN pixels": (
        lambda r: wb.load_images((np.where(GREY == 33, np.nan, GREY / 255), TWO)),
        BadData,
        "not finite numbers .* image 2",
    ),
    "floats over one": (
        lambda r: wb.load_images((GREY.astype(float), TWO)),
        BadData,
        "run from 0 to 159; divide by 255",
    ),
    "floats below zero": (lambda r: wb.load_images((GREY / 255 - 0.5, TWO)), BadData, "undo the normalisation"),
    "integers over 255": (lambda r: wb.load_images((GREY.astype(int) * 9, TWO)), BadData, "0 to 255, but these run"),
    "two channels": (lambda r: wb.load_images((np.zeros((4, 2, 5, 5)), TWO[:4])), BadData, "1, 3 or 4 channels"),
    "flat rows": (
        lambda r: wb.load_images((GREY.reshape(10, -1), TWO)),
        BadData,
        r"of shape \(N, H, W\).*got \(10, 16\)",
    ),
    "images of no size": (lambda r: wb.load_images((np.zeros((4, 0, 5)), TWO[:4])), BadData, "have no pixels"),
    "words for pixels": (lambda r: wb.load_images((np.array([["a"]]), [1])), BadData, "expected numbers in x"),
    "no labels": (lambda r: wb.load_images((GREY, None)), BadData, "got y=None"),
    "only images": (lambda r: wb.load_images(GREY), BadData, r"a pair \(x, y\).*ndarray"),
    "three arrays": (lambda r: wb.load_images((GREY, TWO, TWO)), BadData, "got 3 values"),
    "empty arrays": (lambda r: wb.load_images((GREY[:0], TWO[:0])), BadData, "got empty x and y"),
    "fractional labels": (lambda r: wb.load_images((GREY, TWO + 0.5)), BadData, "row 0 of y .* 0.5 is a fraction"),
    "labels not a number": (
        lambda r: wb.load_images((GREY, np.where(TWO, np.nan, 0))),
        BadData,
        "row 1 and 4 more of y has no label: it is nan",
    ),
    "tags of three values": (
        lambda r: wb.load_images((GREY, np.tile([0, 1, 2], (10, 1)))),
        BadData,
        "one column per tag",
    ),
    "too few names": (lambda r: wb.load_images((GREY, TWO + 4), classes=["u", "v"]), BadData, "y runs from 4 to 5"),
    "a split of arrays that is none": (lambda r: wb.load_images({"tarin": (GREY, TWO)}), UnknownName, "mean train"),
    "an unknown class": (lambda r: wb.load_images(pets(r), classes=["cat", "dgo"]), UnknownName, "did you mean dog"),
    "a class twice": (many, BadValue, "the same class twice", {"classes": ["cat", "cat"]}),
    "classes as a word": (many, BadValue, "a list of names", {"classes": "cat"}),
    "an unknown domain": (lambda r: domains(r, source_domain="phot"), UnknownName, "did you mean photo"),
    "an unknown domain to keep": (lambda r: domains(r, domains=["photo", "x"]), UnknownName, "no domain is called 'x'"),
    "a source without domains": (many, BadValue, "needs domains, but .* has none", {"source_domain": "photo"}),
    "no image a class": (many, BadValue, "per_class is a whole number from 1; got 0", {"per_class": 0}),
    "half an image a class": (many, BadValue, "per_class is a whole number", {"per_class": 2.5}),
    "a share over one": (many, BadValue, "expected valid as a fraction .* got 20", {"valid": 20}),
    "a share below zero": (many, BadValue, "expected test as a fraction", {"test": -0.1}),
    "nothing to train on": (many, BadValue, "leaves no training images", {"valid": 0.6, "test": 0.4}),
    "a seed that is a word": (many, BadValue, "seed is a whole number", {"seed": "one"}),
    "an option that is none": (many, UnknownName, "did you mean per_class", {"perclass": 5}),
    "an unknown shift": (many, UnknownName, "did you mean blur", {"shift": "blurr"}),
    "a shift too hard": (many, BadValue, "severity .* 1 to 5", {"shift": "noise:9"}),
    "a shift twice": (many, BadValue, "are alternatives", {"shift": "blur", "domains": {"a": None}}),
    "shifts of real domains": (lambda r: domains(r, domains={"a": None}), BadValue, "domains of its own"),
    "stored nowhere": (lambda r: wb.load_images("stored"), BadValue, "path="),
    "stored in memory": (lambda r: wb.load_images("stored", path="memory:1"), Unavailable, "not stored"),
    "stored and gone": (lambda r: wb.load_images("stored", path=str(r)), Unavailable, "no images are stored in"),
    "a number": (lambda r: wb.load_images(5), BadData, "got int"),
    "images themselves": (lambda r: wb.load_images(wb.load_images("digits")), BadValue, "already open"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_input_is_refused_with_a_sentence(case: str, tmp_path: Path):
    act, kind, sentence, *options = BAD[case]
    with pytest.raises(kind, match=sentence) as caught:
        act(tmp_path, **options[0])() if options else act(tmp_path)
    text = str(caught.value)
    assert "Traceback" not in text and 20 < len(text) < 500
    assert caught.value.__class__ is kind


def test_a_recipe_opens_the_same_again(tmp_path: Path):
    images = domains(tmp_path, source_domain="photo", target_domain=["sketch"], per_class=1, valid=0.3, seed=5)
    again = wb.load_images(images.choice.name, **images.choice.params)
    assert again.fingerprint == images.fingerprint
    assert again.choice == images.choice and Path(images.choice.name).is_absolute()
    assert set(images.choice.params) == {"source_domain", "target_domain", "per_class", "valid", "seed"}
    assert images.source.domains == ("photo",) and images.target.domains == ("sketch",)


def test_a_relative_folder_becomes_an_absolute_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pets(tmp_path)
    monkeypatch.chdir(tmp_path.parent)
    for way in (tmp_path.name, f"./{tmp_path.name}", Path(tmp_path.name)):
        assert wb.load_images(way).choice.name == str(tmp_path)


def test_classes_are_kept_in_the_order_asked_for():
    images = wb.load_images("digits", classes=["7", "1"])
    assert images.classes == ("7", "1") and set(images.labels()) == {0, 1}
    assert images.class_counts()["total"].to_dict() == {"7": 179, "1": 182}


def test_domains_to_keep(tmp_path: Path):
    images = domains(tmp_path, domains=["sketch"])
    assert images.domains == ("sketch",) and len(images) == 6 and images.choice.params == {"domains": ["sketch"]}


def test_made_domains_hold_every_image_in_the_same_split():
    shifts = {"clean": None, "inverted": "invert"}
    images = wb.load_images("digits", domains=shifts, source_domain="clean", target_domain="inverted")
    frame = images.frame
    halves = [frame[frame["domain"] == d] for d in ("clean", "inverted")]
    assert len(images) == 2 * 1797 and halves[0]["split"].tolist() == halves[1]["split"].tolist()
    view = images.view(8, crop_pct=1.0)
    clean, inverted = (view.load_batch([i])[0] for i in (0, 1797))
    assert (clean + inverted == 255).all()
    again = wb.load_images(images.choice.name, **images.choice.params)
    assert again.fingerprint == images.fingerprint


def test_classes_that_choose_nothing_or_the_same_twice_are_refused():
    with pytest.raises(BadValue, match="classes is empty"):
        wb.load_images((GREY, TWO), classes=[])
    with pytest.raises(BadValue, match="same class twice"):
        wb.load_images((GREY, TWO), classes=["1", "1.0"])
    with pytest.raises(BadValue, match="kind= is for labels in cells, and world has none"):
        wb.load_images("world", n=20, kind="tags")
