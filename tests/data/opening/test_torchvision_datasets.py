"""Data sets: what their items give counts, and no row is lost."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, DataLoader, IterableDataset, Subset, TensorDataset, random_split
from torchvision import transforms
from torchvision.datasets import FakeData, ImageFolder, VisionDataset
from torchvision.transforms import v2

import workbench as wb
from workbench.errors import BadData, BadValue, UnknownName


def labels(images) -> list[str]:
    return [images.classes[k] for k in images.labels()]


@pytest.fixture
def root(make_tree):
    return str(make_tree({"car": 3, "cat": 4, "dog": 5}))


def left_half(path):
    return Image.open(path).convert("RGB").crop((0, 0, 9, 18))


def test_an_image_folder_is_read_by_file(root):
    images = wb.load_images(ImageFolder(root))
    assert images.classes == ("car", "cat", "dog") and images.frame["id"][0] == "car/000.png"
    assert (
        images.view(16).load_batch([5])[0] == wb.load_images(root).view(16).load_batch([5])[0]
    ).all() and not images.notes


def test_a_target_transform_says_what_the_labels_are(root):
    images = wb.load_images(ImageFolder(root, target_transform=lambda y: int(y == 0)))
    assert images.classes == ("0", "1") and labels(images) == ["1"] * 3 + ["0"] * 9
    assert "have other labels than it stores" in images.notes[0]
    named = wb.load_images(ImageFolder(root, target_transform=lambda y: ["vehicle", "pet", "pet"][y]))
    assert named.classes == ("pet", "vehicle")
    assert wb.load_images(
        ImageFolder(root, target_transform=lambda y: int(y == 0)), classes=["pet", "car"]
    ).classes == (
        "pet",
        "car",
    )
    same = wb.load_images(ImageFolder(root, target_transform=int))
    assert same.classes == ("car", "cat", "dog") and not same.notes
    with pytest.raises(BadData, match="fraction"):
        wb.load_images(ImageFolder(root, target_transform=lambda y: y / 4))


def test_a_loader_says_what_the_pixels_are(root):
    images = wb.load_images(ImageFolder(root, loader=left_half))
    assert images.pixels(0).shape == (18, 9, 3) and images.classes == ("car", "cat", "dog")
    later = ImageFolder(root)
    later.loader = left_half
    assert wb.load_images(later).pixels(0).shape == (18, 9, 3)


def test_samples_count_and_not_targets(root):
    dataset = ImageFolder(root)
    dataset.targets = [0] * 12
    assert labels(wb.load_images(dataset)) == ["car"] * 3 + ["cat"] * 4 + ["dog"] * 5


STEPS = [
    transforms.Resize(8),
    transforms.CenterCrop(8),
    transforms.ToTensor(),
    transforms.Normalize([0.5] * 3, [0.2] * 3),
]


@pytest.mark.parametrize(
    "transform",
    [
        transforms.Compose(STEPS),
        transforms.Compose([transforms.Resize(8), transforms.Compose(STEPS[2:])]),
        transforms.PILToTensor(),
        torch.nn.Sequential(v2.Resize(8), v2.CenterCrop(8)),
        v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.2] * 3)]),
    ],
)
def test_standard_steps_give_way_to_the_nets_own_and_that_is_said(root, transform):
    dataset = ImageFolder(root, transform=transform)
    images = wb.load_images(dataset)
    assert images.pixels(0).shape == (18, 24, 3) and dataset.transform is transform
    assert "the net's own preprocessing replaces the transform" in images.notes[0]
    assert "1 note" in repr(images) and "own preprocessing replaces" in images._repr_html_()


@pytest.mark.parametrize(
    "transform",
    [
        transforms.RandomHorizontalFlip(),
        transforms.Compose([transforms.ToTensor(), transforms.RandomErasing()]),
        v2.Compose([v2.RandomResizedCrop(8), v2.ToImage()]),
        transforms.Grayscale(),
        transforms.Lambda(lambda image: image),
        lambda image: image,
        transforms.RandomApply([transforms.ToTensor()]),
        v2.GaussianBlur(3),
    ],
)
def test_other_steps_are_refused_with_the_way_out(root, transform):
    for dataset in (ImageFolder(root, transform=transform), FakeData(size=4, transform=transform)):
        for whole in (dataset, Subset(dataset, [0, 3]), ConcatDataset([ImageFolder(root), dataset])):
            with pytest.raises(BadData, match="has the transform .* transform=None"):
                wb.load_images(whole)


def test_a_joint_transform_counts_too(root):
    standard = VisionDataset.__init__

    class Joint(Rows):
        def __init__(self, transforms):
            super().__init__()
            standard(self, root="", transforms=transforms)

    assert "ToImage" in wb.load_images(Joint(v2.ToImage())).notes[0]
    with pytest.raises(BadData, match="has the transform"):
        wb.load_images(Joint(lambda image, target: (image, target)))


class Rows(VisionDataset):
    """Labels as a list, images as tensors, no file."""

    targets = (0, 1, 1, 0)
    classes = ("no", "yes")

    def __init__(self) -> None:
        super().__init__(root="")

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int):
        return torch.full((3, 4, 5), index / 4), self.targets[index]


def test_a_persons_own_data_set_is_read_item_by_item():
    images = wb.load_images(Rows())
    assert images.classes == ("no", "yes") and images.labels().tolist() == [0, 1, 1, 0]
    assert images.pixels(2).tolist() == np.full((4, 5, 3), 128).tolist()

    class Other(Rows):
        def __getitem__(self, index: int):
            return super().__getitem__(index)[0], 7 + index % 2

    images = wb.load_images(Other())
    assert images.classes == ("7", "8") and "other labels than it stores" in images.notes[0]


def test_the_many_labels_of_a_large_set_are_compared_with_its_items(monkeypatch):
    monkeypatch.setattr("workbench.data.opening.torchvision_datasets.MAX_ROWS_READ", 10)
    monkeypatch.setattr("workbench.data.opening.torchvision_datasets.SAMPLE_SIZE", 4)
    monkeypatch.setattr("workbench.data.opening.torchvision_datasets.N_READ_TWICE", 1)
    monkeypatch.setattr("workbench.data.pixels.pixel_sources.SAMPLE_SIZE", 4)

    class Large(Rows):
        targets, read, wrong = tuple(i % 2 for i in range(100)), 0, False

        def __getitem__(self, index: int):
            self.read += 1
            return torch.full((3, 4, 5), index / 100), self.targets[index] ^ self.wrong

    honest = Large()
    assert labels(wb.load_images(honest)) == ["no", "yes"] * 50 and honest.read < 20
    wrong = Large()
    wrong.wrong = True
    assert labels(wb.load_images(wrong)) == ["1", "0"] * 50 and wrong.read > 100


def test_a_random_step_inside_is_found():
    class Noisy(Rows):
        def __getitem__(self, index: int):
            return torch.rand(3, 4, 5), self.targets[index]

    with pytest.raises(BadData, match="another image each time"):
        wb.load_images(Noisy())


def test_normalised_images_are_refused_at_once():
    class Normalised(Rows):
        def __getitem__(self, index: int):
            return torch.full((3, 4, 5), index - 2.0) * torch.tensor([[[-1.0]], [[1.0]], [[2.0]]]) - 0.5, 0

    with pytest.raises(BadData, match="make it without Normalize"):
        wb.load_images(Normalised())


def test_an_item_that_cannot_be_read_is_listed():
    class Torn(Rows):
        def __getitem__(self, index: int):
            if index == 1:
                raise KeyError("gone")
            return super().__getitem__(index)

    images = wb.load_images(Torn())
    assert len(images) == 3
    assert images.problems.to_dict("records") == [
        {"id": "000001", "path": None, "reason": "its data set raised KeyError: 'gone'"}
    ]


def test_subsets_keep_names_rows_and_files(root):
    dataset = ImageFolder(root)
    images = wb.load_images(Subset(Subset(dataset, [11, 0, 4, 3]), [2, 0, 1]))
    assert labels(images) == ["cat", "dog", "car"] and images.classes == ("car", "cat", "dog")
    assert images.frame["id"].tolist() == ["cat/001.png", "dog/004.png", "car/000.png"]
    fewer = wb.load_images(Subset(dataset, torch.tensor([3, 4, 7, 8])))
    assert fewer.classes == ("cat", "dog") and "1 of 3 classes do not occur" in fewer.notes[0]


def test_every_part_of_a_random_split_has_the_same_classes(root):
    dataset = ImageFolder(root, transform=transforms.ToTensor())
    parts = random_split(dataset, [8, 4], torch.Generator().manual_seed(1))
    opened = [wb.load_images(part) for part in parts]
    ids = [name for images in opened for name in images.frame["id"]]
    assert len(ids) == 12 and set(ids) == set(wb.load_images(root).frame["id"])
    again = [wb.load_images(part) for part in random_split(parts[0], [4, 4])]
    assert sum(map(len, again)) == 8
    assert all(
        name.split("/")[0] == label for i in opened for name, label in zip(i.frame["id"], labels(i), strict=True)
    )


def test_concatenations_lose_no_row(root, make_tree):
    other = str(make_tree({"bus": 2, "cat": 2}, "other"))
    images = wb.load_images(ConcatDataset([ImageFolder(root), ImageFolder(other)]))
    assert labels(images) == ["car"] * 3 + ["cat"] * 4 + ["dog"] * 5 + ["bus"] * 2 + ["cat"] * 2
    assert "number their classes differently" in images.notes[0]
    assert images.view(8).load_batch(range(16))[1].all() and images.frame["path"].is_unique
    mixed = wb.load_images(ConcatDataset([Rows(), Subset(Rows(), [3, 1])]))
    assert mixed.labels().tolist() == [0, 1, 1, 0, 0, 1] and mixed.pixels(4)[0, 0, 0] == 191


def test_a_row_that_comes_twice_stays_and_falls_into_one_split(root):
    images = wb.load_images(Subset(ImageFolder(root), [*range(12), *range(12)]), valid=0.5)
    frame = images.frame
    assert len(frame) == 24 and frame["id"].is_unique
    assert frame["split"][:12].tolist() == frame["split"][12:].tolist()

    class Many(Rows):
        targets = tuple(i % 2 for i in range(40))

    rows = wb.load_images(Subset(Many(), [*range(40), *range(40)]), valid=0.5).frame
    assert rows["split"][:40].tolist() == rows["split"][40:].tolist() and rows["id"].is_unique


def test_a_subset_beyond_its_data_set_is_refused():
    with pytest.raises(BadData, match="refers to the row 9, but its data set has 4 rows"):
        wb.load_images(Subset(Rows(), [0, 9]))


def test_tensors_lists_and_mappings_are_data_sets():
    x = torch.rand(6, 3, 4, 4)
    assert wb.load_images(TensorDataset(x, torch.tensor([0, 1, 2] * 2))).classes == ("0", "1", "2")
    tags = wb.load_images(TensorDataset(x, torch.tensor([[1, 0], [1, 1], [0, 1]] * 2)))
    assert tags.kind == "tags" and tags.labels().shape == (6, 2)
    pictures = [Image.new("RGB", (5, 4), (40 * i, 0, 0)) for i in range(6)]
    assert labels(wb.load_images(list(zip(pictures, "ababab", strict=True)))) == list("ababab")

    class Names:
        names = ("cat", "dog")

    class Mappings(list):
        features = property(lambda self: {"label": Names()})

        @property
        def __class__(self):
            return object

    rows = Mappings({"image": p, "label": i % 2, "other": 7 + i % 3} for i, p in enumerate(pictures))
    images = wb.load_images(rows)
    assert images.classes == ("cat", "dog") and images.pixels(2)[0, 0, 0] == 80
    assert wb.load_images(rows, label="other").classes == ("7", "8", "9")
    with pytest.raises(BadData, match="keys image, label, other, none of which is 'lable'"):
        wb.load_images(rows, label="lable")
    for option in ("label", "path"):
        with pytest.raises(BadValue, match=f"{option}= names a key, but the items are pairs, not mappings"):
            wb.load_images(list(zip(pictures, "ababab", strict=True)), **{option: "other"})


def test_data_sets_by_split(root):
    images = wb.load_images(
        {"train": Subset(ImageFolder(root), [0, 3, 4, 7]), "test": Subset(ImageFolder(root), [1, 5, 8])}
    )
    assert images.frame["split"].eq("test").sum() == 3 and len(images) == 7 and images.classes == ("car", "cat", "dog")
    with pytest.raises(UnknownName, match="train"):
        wb.load_images({"tarin": Rows()})


def test_several_targets_are_asked_about(root):
    def both(y):
        return y, y % 2

    with pytest.raises(BadData, match='kind="tags"|one column per tag'):
        wb.load_images(ImageFolder(root, target_transform=both))
    tasks = wb.load_images(ImageFolder(root, target_transform=both), kind="tasks")
    assert tasks.kind == "tasks" and tasks.tasks == {"0": ("0", "1", "2"), "1": ("0", "1")}
    with pytest.raises(BadData, match="a dict is neither a word nor a whole number"):
        wb.load_images(ImageFolder(root, target_transform=lambda y: {"boxes": [y]}))


class Stream(IterableDataset):
    """Pairs without an order to go back to."""

    def __iter__(self):
        return iter([(torch.zeros(3, 4, 4), 0)])

    def __len__(self) -> int:
        return 1


def test_what_is_no_labelled_data_set_is_refused():
    with pytest.raises(BadData, match="is empty"):
        wb.load_images(Subset(Rows(), []))
    with pytest.raises(BadData, match=r"wb\.load_images\(list\(stream\)\)"):
        wb.load_images(Stream())
    with pytest.raises(BadData, match=r"wb\.load_images\(loader\.dataset\)"):
        wb.load_images(DataLoader(Rows()))
    with pytest.raises(BadValue, match="split= names a column"):
        wb.load_images(Rows(), split="fold")

    class Bare(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int):
            return torch.zeros(3, 4, 4)

    with pytest.raises(BadData, match="not pairs of an image and its label"):
        wb.load_images(Bare())
