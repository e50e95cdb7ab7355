"""Images as everything else sees them."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import BadData, BadValue, UnknownName


@pytest.fixture
def domains(make_tree):
    return make_tree({f"{d}/{c}": 4 for d in ("photo", "sketch") for c in ("cat", "dog")})


def test_parts_keep_the_classes_and_narrow_each_other(domains):
    images = wb.load_images(domains)
    part = images.subset("train", domain="sketch")
    assert part.classes == images.classes and part.domains == ("sketch",)
    assert set(part.frame["split"]) == {"train"} and set(part.frame["domain"]) == {"sketch"}
    some = images.subset(rows=[3, 1])
    assert some.frame["id"].tolist() == [images.frame["id"][3], images.frame["id"][1]]
    assert len(images.subset(rows=np.zeros(16, bool))) == 0
    assert len(images.subset(rows=images.labels() == 1)) == 8
    assert images.subset() is images


def test_source_and_target(domains):
    images = wb.load_images(domains, source_domain="photo", target_domain="sketch")
    assert images.source.domains == ("photo",) and images.target.domains == ("sketch",)
    assert len(images.subset("train").source) == len(images.source.subset("train"))
    plain = wb.load_images(domains)
    assert plain.source is plain and plain.target is None


def test_unknown_parts_are_refused(domains):
    images = wb.load_images(domains)
    with pytest.raises(UnknownName, match="valid"):
        images.subset("vald")
    with pytest.raises(UnknownName, match="did you mean photo"):
        images.subset(domain="photos")
    with pytest.raises(UnknownName, match="have no domains"):
        wb.load_images("digits").subset(domain="x")
    for rows in ([16], [-17]):
        with pytest.raises(BadValue, match="indices from 0 to 15"):
            images.subset(rows=rows)
    with pytest.raises(BadValue, match=r"an array of 1 dimension of numbers; got the shape \(1, 1\)"):
        images.subset(rows=[[1]])
    with pytest.raises(BadValue, match="rows 0 to 15"):
        images.pixels(16)


def test_the_frame_is_a_copy(domains):
    images = wb.load_images(domains)
    frame = images.frame
    frame["label"] = "owl"
    assert set(images.frame["label"]) == {"cat", "dog"}


def test_checking_finds_what_the_quick_look_cannot(make_tree):
    root = make_tree({"a": 4, "b": 4})
    torn = bytearray((root / "a" / "002.png").read_bytes())
    torn[len(torn) // 2 : len(torn) // 2 + 40] = bytes(40)  # sound at both ends
    (root / "a" / "002.png").write_bytes(torn)
    images = wb.load_images(root)
    assert len(images) == 8 and images.problems.empty
    checked = images.drop_unreadable()
    assert len(checked) == 7 and images.problems["id"].tolist() == ["a/002.png"]
    assert "a/002.png" not in set(checked.frame["id"])


def test_checking_a_set_of_nothing_but_broken_files_is_refused(make_tree):
    root = make_tree({"a": 2, "b": 2})
    images = wb.load_images(root)
    for file in root.rglob("*.png"):
        file.write_bytes(b"gone bad")
    with pytest.raises(BadData, match="none of the 4 images of pets can be read"):
        images.drop_unreadable()


def test_the_fingerprint_follows_ids_labels_and_splits(make_tree):
    root = make_tree({"a": 6, "b": 6})
    images = wb.load_images(root)
    assert wb.load_images(root).fingerprint == images.fingerprint
    (root / "a" / "000.png").write_bytes((root / "b" / "000.png").read_bytes())
    assert wb.load_images(root).fingerprint == images.fingerprint
    assert len({images.fingerprint, wb.load_images(root, seed=1).fingerprint, images.subset("train").fingerprint}) == 3
    (root / "a" / "000.png").rename(root / "a" / "new.png")
    assert wb.load_images(root).fingerprint != images.fingerprint


def test_problems_of_a_large_set_are_looked_for_when_asked(make_tree, monkeypatch):
    monkeypatch.setattr("workbench.data.checks.integrity.MAX_FILES_CHECKED", 1)
    root = make_tree({"a": 4, "b": 4})
    (root / "b" / "001.png").write_bytes(b"")
    images = wb.load_images(root)
    assert len(images) == 8
    assert images.problems.to_dict("records") == [
        {"id": "b/001.png", "path": str(root / "b" / "001.png"), "reason": "the file is empty"}
    ]
