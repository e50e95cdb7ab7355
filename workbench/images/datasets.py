"""Data sets of torch, torchvision and others: what their items give counts, not what their attributes say."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.errors import BadData, UnknownName
from workbench.images.arrays import number_repeats
from workbench.images.dataset_rows import Rows, keyed, rows_of
from workbench.images.dataset_transforms import without_transform
from workbench.images.decoding import reason
from workbench.images.grey_levels import Scale
from workbench.images.image_files import Unreadable
from workbench.images.items import UNDECIDED, Items, Labels
from workbench.images.label_words import to_word
from workbench.images.labels import classes_of, labels_of
from workbench.images.options import Options, words
from workbench.images.origins import Dataset, Files
from workbench.images.splits import WORDS

TARGETS = ("targets", "labels", "_labels", "_targets", "y")
MANY = 2_000  # rows of a data set all of whose labels are read item by item
SAMPLE = 64  # items that are compared with the labels that it holds, where there are more
TWICE = 8  # items that are read twice


@dataclass
class Read:
    """What was read of the rows of a data set, so far.

    Attributes:
        labels: of each row, as its items give it; None where it cannot be read.
        names: of each of the data sets inside, the names of its whole-number labels; None where it has none.
        broken: row -> why it cannot be read.
        notes: sentences for a person.
    """

    labels: list[Any]
    names: list[tuple[str, ...] | None]
    broken: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def is_dataset(source: Any) -> bool:
    """Whether an object can be counted and indexed like a data set of torch, or is a list of pairs."""
    if isinstance(source, (str, bytes, dict, tuple, np.ndarray)) or hasattr(source, "detach"):
        return False
    if isinstance(source, list):
        return bool(source) and all(isinstance(item, (tuple, Mapping)) and len(item) > 1 for item in source)
    return hasattr(source, "__getitem__") and _count(source) is not None and not _is_stream(source)


def refuse(source: Any) -> None:
    """Refuses what holds images but has no rows to go back to.

    Raises:
        BadData: a stream, or a loader of batches.
    """
    if hasattr(source, "dataset") and hasattr(source, "batch_size"):
        raise BadData("a loader gives batches in an order of its own; give its data set: wb.images(loader.dataset)")
    if _is_stream(source) or hasattr(source, "__next__"):
        raise BadData(
            f"{type(source).__name__} is a stream, and images are read again in every epoch; make it a list first: "
            "wb.images(list(stream))"
        )


def joined(parts: Mapping[str, Any], options: Options) -> Items:
    """The rows of `{"train": dataset, "test": dataset}`: data sets that come in splits.

    Raises:
        UnknownName: a key that is no split.
        BadData: a data set that cannot be read.
    """
    for word in parts:
        if str(word).lower() not in WORDS:
            raise UnknownName.of("split", word, WORDS)
    found = [rows_of(keyed(dataset, options.path, _label(options))) for dataset in parts.values()]
    starts = np.cumsum([0, *(len(rows.leaves) for rows in found)])
    rows = Rows(
        [leaf for part in found for leaf in part.leaves],
        np.concatenate([part.part + start for part, start in zip(found, starts, strict=False)]),
        np.concatenate([part.row for part in found]),
    )
    splits = np.repeat([WORDS[str(word).lower()] for word in parts], [len(part) for part in found])
    return _items(rows, options, "datasets", splits.astype(np.int8))


def items_of(dataset: Any, options: Options) -> Items:
    """The rows of a data set whose items are an image and its label, as pairs or as mappings.

    Raises:
        BadData: it is empty, its items are something else, or a transform cannot be replaced.
    """
    if not len(dataset):
        raise BadData(f"the dataset {type(dataset).__name__} is empty")
    rows = rows_of(keyed(dataset, options.path, _label(options)))
    return _items(rows, options, type(dataset).__name__.lower(), np.full(len(rows), UNDECIDED, np.int8))


def _items(rows: Rows, options: Options, name: str, splits: np.ndarray) -> Items:
    if not len(rows):
        raise BadData(f"the dataset {name} is empty")
    stripped = [without_transform(leaf) for leaf in rows.leaves]
    rows = Rows([plain for plain, _ in stripped], rows.part, rows.row)
    origin, ids, anchors = _origin(rows, options.pixel_range)
    read = _read(rows, name)
    if isinstance(origin, Dataset):
        _check_items(origin, read, name)
    replaced = list(dict.fromkeys(step for _, steps in stripped for step in steps))
    if replaced:
        read.notes.insert(0, f"the net's own preprocessing takes the place of the transform ({', '.join(replaced)})")
    kept = np.array([i for i in range(len(rows)) if i not in read.broken], np.int64)
    if not len(kept):
        raise BadData(f"none of the {len(rows)} items of {name} can be read; the first: {read.broken[0]}")
    labels = _labels([read.labels[i] for i in kept], rows.part[kept], read, options, name)
    return Items(
        name=name,
        origin=origin,
        at=kept,
        ids=[ids[i] for i in kept],
        anchors=[anchors[i] for i in kept],
        labels=labels,
        splits=splits[kept],
        domains=np.full(len(kept), -1, np.int16),
        left_out=[(ids[i], None, why) for i, why in read.broken.items()],
        notes=tuple(read.notes),
        pixel_range=options.pixel_range if isinstance(origin, Dataset) else None,
    )


def _read(rows: Rows, name: str) -> Read:
    """The labels of all rows, each data set inside by itself."""
    read = Read([None] * len(rows), [])
    for number, leaf in enumerate(rows.leaves):
        own = np.flatnonzero(rows.part == number)
        held = _held(leaf)
        if held is None or (len(own) <= MANY and not _is_standard(leaf)):
            _read_items(rows, own, read)
            same = held is None or all(_equal(read.labels[i], held[int(rows.row[i])]) for i in own)
        else:
            looked = own[np.linspace(0, len(own) - 1, min(SAMPLE, len(own))).astype(int)]
            looked = looked[:0] if _is_certain(leaf) else looked
            _read_items(rows, looked, read)
            same = all(i in read.broken or _equal(read.labels[i], held[int(rows.row[i])]) for i in looked)
            if same:
                _take(held, rows, own, read)
            else:
                _read_items(rows, own, read)
        names = _class_names(leaf)
        unchanged = same and getattr(leaf, "target_transform", None) is None
        if names and not unchanged and not _same_numbers(leaf, read, rows, own):
            read.notes.append(
                f"{name} gives other labels than it holds, so the names {', '.join(names[:3])}, … are not theirs; "
                "name them with classes="
            )
            names = None
        read.names.append(names)
    return read


def _take(held: list[Any], rows: Rows, which: np.ndarray, read: Read) -> None:
    for i in which.tolist():
        read.labels[i] = held[int(rows.row[i])]


def _read_items(rows: Rows, which: np.ndarray, read: Read) -> None:
    for i in which.tolist():
        try:
            item = rows[i]
        except (OSError, Unreadable) as error:
            read.broken[i] = reason(error)
            continue
        if not isinstance(item, (tuple, list)) or len(item) < 2:
            leaf = type(rows.leaves[rows.part[i]]).__name__
            raise BadData(f"the items of {leaf} are {type(item).__name__}, not pairs of an image and its label")
        read.labels[i] = _bare(item[1])


def _check_items(origin: Dataset, read: Read, name: str) -> None:
    """Refuses images that nobody can read, and those that are others each time."""
    whys = []
    for i in np.unique(np.linspace(0, len(read.labels) - 1, TWICE).astype(int)).tolist():
        if i in read.broken:
            continue
        try:
            once, again = origin.read(i), origin.read(i)
        except (Unreadable, OSError) as error:
            whys.append(str(error))
            continue
        except (TypeError, ValueError):
            whys.append(f"in place of an image the item {i} holds {type(origin.arrays[i][0]).__name__}")
            continue
        if once.shape != again.shape or (once != again).any():
            raise BadData(
                f"the item {i} of {name} is another image each time it is read, so a random step is inside; make the "
                "data set without it, and give random views to the plan (augment=)"
            )
        whys.append("")
    if whys and all(whys):
        raise BadData(
            f"the images of {name} cannot be read: {whys[0]}. If they are normalised, make it without Normalize"
        )


def _labels(given: list[Any], part: np.ndarray, read: Read, options: Options, name: str) -> Labels:
    """The labels of the rows that can be read; whole numbers by the names that their data set has for them."""
    where = f"the labels of {name}"
    lists = list(dict.fromkeys(names for names in read.names if names))
    numbers = all(isinstance(label, int) and not isinstance(label, bool) and label >= 0 for label in given)
    if len(lists) == 1:
        named = [lists[0]] * len(read.names)
    else:
        named = [names or () for names in read.names]
    if not lists or not numbers or any(label >= len(named[k]) for label, k in zip(given, part, strict=True)):
        if len(lists) > 1:
            raise BadData(f"the data sets inside {name} name their classes differently, and not all of them do")
        classes = options.classes or (lists[0] if lists else None)
        return labels_of(given, where=where, classes=classes, kind=options.kind, separator=options.separator)
    named_labels = [named[k][label] for label, k in zip(given, part, strict=True)]
    if options.kind is not None or options.separator is not None:
        return labels_of(named_labels, where=where, kind=options.kind, separator=options.separator)
    if len(lists) > 1:
        read.notes.append("the data sets number their classes differently; their names count")
    order, occur = list(dict.fromkeys(n for names in lists for n in names)), set(named_labels)
    absent = [n for n in order if n not in occur]
    if absent:
        read.notes.append(
            f"{len(absent)} of {len(order)} classes do not occur and are left out: {', '.join(absent):.200}"
        )
    return classes_of(named_labels, [n for n in order if n in occur])


def _origin(rows: Rows, pixel_range: Scale | None) -> tuple[Files | Dataset, list[str], list[str]]:
    """Where the pixels are, the ids of all rows, and what decides their splits: one for an image that comes twice."""
    paths = [_path(rows, i) for i in range(len(rows))]
    if all(paths):
        known = [os.path.abspath(getattr(leaf, "root", "") or "") for leaf in rows.leaves]
        root = known[0] if len(set(known)) == 1 else os.path.commonpath([os.path.dirname(p) for p in paths if p])
        anchors = [os.path.relpath(path, root).replace(os.sep, "/") for path in paths if path]
        return Files(root, anchors), number_repeats(anchors), anchors
    first: dict[tuple[int, int], int] = {}
    for i, (k, row) in enumerate(zip(rows.part.tolist(), rows.row.tolist(), strict=True)):
        first.setdefault((id(rows.leaves[k]), row), i)
    anchors = [
        f"{first[id(rows.leaves[k]), row]:06d}" for k, row in zip(rows.part.tolist(), rows.row.tolist(), strict=True)
    ]
    return Dataset(rows, pixel_range), [f"{i:06d}" for i in range(len(rows))], anchors


def _path(rows: Rows, i: int) -> str | None:
    """The file of a row, where its data set reads files as torchvision's folders do."""
    leaf = rows.leaves[rows.part[i]]
    if not _is_folder(leaf) or leaf.loader is not sys.modules["torchvision.datasets.folder"].default_loader:
        return None
    return os.path.abspath(leaf.samples[rows.row[i]][0])


def _held(leaf: Any) -> list[Any] | None:
    """The labels that a data set holds, as its items would give them; None where it holds none."""
    held = _raw(leaf)
    if held is None:
        return None
    change = getattr(leaf, "target_transform", None)
    plain = [_bare(label) for label in (held.tolist() if hasattr(held, "tolist") else held)]
    try:
        return plain if change is None else [_bare(change(label)) for label in plain]
    except Exception:  # made for labels of another form: they are read item by item
        return None


def _raw(leaf: Any) -> Any:
    """The labels that a data set holds, before any `target_transform`; None where it holds none."""
    if _is_folder(leaf):
        return [target for _, target in leaf.samples]
    if hasattr(leaf, "tensors") and len(leaf.tensors) > 1:
        return leaf.tensors[1]
    found: Iterator[Any] = (getattr(leaf, name, None) for name in TARGETS)
    return next((held for held in found if _count(held) == len(leaf)), None)


def _is_folder(leaf: Any) -> bool:
    """Whether a data set reads its items as torchvision's folders do."""
    folder = sys.modules.get("torchvision.datasets.folder")
    return folder is not None and type(leaf).__getitem__ is folder.DatasetFolder.__getitem__


def _is_certain(leaf: Any) -> bool:
    """Whether a data set gives the labels that it holds, by the code that makes its items."""
    return _is_folder(leaf) or type(leaf).__getitem__.__qualname__ == "TensorDataset.__getitem__"


def _is_standard(leaf: Any) -> bool:
    """Whether a data set makes its items as torch or torchvision wrote it."""
    return type(leaf).__getitem__.__module__.startswith(("torchvision.datasets", "torch.utils.data"))


def _same_numbers(leaf: Any, read: Read, rows: Rows, own: np.ndarray) -> bool:
    """Whether the labels that were read are those that the data set held before any `target_transform`."""
    held = _raw(leaf)
    return held is not None and all(i in read.broken or _equal(read.labels[i], _bare(held[rows.row[i]])) for i in own)


def _class_names(leaf: Any) -> tuple[str, ...] | None:
    """The names of a data set's classes, each once; several words for one are joined."""
    classes = getattr(leaf, "classes", None)
    if not isinstance(classes, Sequence) or isinstance(classes, str) or not len(classes):
        return None
    names = [", ".join(map(str, c)) if isinstance(c, (tuple, list)) else str(c) for c in classes]
    names = [to_word(name, named=True) or str(i) for i, name in enumerate(names)]
    return tuple(f"{name} ({i})" if names.count(name) > 1 else name for i, name in enumerate(names))


def _bare(label: Any) -> Any:
    """A label without the array or tensor around it."""
    if hasattr(label, "tolist"):
        return label.detach().cpu().tolist() if hasattr(label, "detach") else label.tolist()
    return type(label)(map(_bare, label)) if type(label) in (tuple, list) else label


def _equal(a: Any, b: Any) -> bool:
    return type(a) is type(b) and a == b


def _label(options: Options) -> str | None:
    found = words(options.label)
    return found[0] if found else None


def _count(source: Any) -> int | None:
    """How many items an object has; None where it cannot tell."""
    try:
        return len(source)
    except Exception:  # whatever a person's own data set does
        return None


def _is_stream(source: Any) -> bool:
    cls = getattr(sys.modules.get("torch.utils.data"), "IterableDataset", None)
    return cls is not None and isinstance(source, cls)
