"""Data sets of torch, torchvision and others; their items decide, not their attributes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.data.items import UNDECIDED, Items, Labels
from workbench.data.labels.label_encoding import encode_classes, encode_labels
from workbench.data.labels.label_normalization import normalize_label
from workbench.data.opening.dataset_rows import DatasetRows, flatten_dataset, to_pair_dataset
from workbench.data.opening.dataset_transforms import remove_transform
from workbench.data.opening.image_arrays import number_repeats
from workbench.data.opening.load_options import LoadOptions, to_name_list
from workbench.data.pixels.decoding import explain_decoding_error
from workbench.data.pixels.image_files import UnreadableImage
from workbench.data.pixels.pixel_ranges import PixelRange
from workbench.data.pixels.pixel_sources import DatasetSource, FileSource
from workbench.data.splits import SPLIT_SYNONYMS
from workbench.errors import BadData, UnknownName

LABEL_ATTRIBUTES = ("targets", "labels", "_labels", "_targets", "y")
MAX_ROWS_READ = 2_000  # rows up to which all labels of a data set are read from its items
SAMPLE_SIZE = 64  # items of larger data sets whose labels are compared with the stored ones
N_READ_TWICE = 8  # items read twice, to detect random transforms


@dataclass
class ReadResult:
    """Labels read so far from the rows of a data set.

    Attributes:
        labels: label of each row, as its items return it; None if it cannot be read.
        class_names: for each data set inside, the names of its whole-number labels; None if it has none.
        unreadable: row -> reason why it cannot be read.
        notes: sentences for the user.
    """

    labels: list[Any]
    class_names: list[tuple[str, ...] | None]
    unreadable: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def is_dataset(data: Any) -> bool:
    """Return True for an object with length and index like a torch data set, or a list of pairs."""
    if isinstance(data, (str, bytes, dict, tuple, np.ndarray)) or hasattr(data, "detach"):
        return False
    if isinstance(data, list):
        return bool(data) and all(isinstance(item, (tuple, Mapping)) and len(item) > 1 for item in data)
    return hasattr(data, "__getitem__") and _length_or_none(data) is not None and not _is_iterable_dataset(data)


def refuse_stream(data: Any) -> None:
    """Refuse objects that hold images but no rows that can be read again.

    Raises:
        BadData: an iterable data set, or a loader of batches.
    """
    if hasattr(data, "dataset") and hasattr(data, "batch_size"):
        raise BadData("expected a data set, got a loader of batches; pass its data set: wb.load_images(loader.dataset)")
    if _is_iterable_dataset(data) or hasattr(data, "__next__"):
        raise BadData(
            f"{type(data).__name__} can be read only once, and images are read in every epoch; make it a list first: "
            "wb.load_images(list(stream))"
        )


def items_from_dataset_splits(parts: Mapping[str, Any], options: LoadOptions) -> Items:
    """Build items from one data set per split, `{"train": dataset, "test": dataset}`.

    Raises:
        UnknownName: a key that is no split.
        BadData: a data set that cannot be read.
    """
    for word in parts:
        if str(word).lower() not in SPLIT_SYNONYMS:
            raise UnknownName.of("split", word, SPLIT_SYNONYMS)
    split_rows = [
        flatten_dataset(to_pair_dataset(dataset, options.path, _find_label_key(options))) for dataset in parts.values()
    ]
    starts = np.cumsum([0, *(len(rows.datasets) for rows in split_rows)])
    rows = DatasetRows(
        [leaf for part in split_rows for leaf in part.datasets],
        np.concatenate([part.dataset_index + start for part, start in zip(split_rows, starts, strict=False)]),
        np.concatenate([part.row_index for part in split_rows]),
    )
    splits = np.repeat([SPLIT_SYNONYMS[str(word).lower()] for word in parts], [len(part) for part in split_rows])
    return _items_from_rows(rows, options, "datasets", splits.astype(np.int8))


def items_from_dataset(dataset: Any, options: LoadOptions) -> Items:
    """Build items from a data set whose items are an image and its label, as pairs or as mappings.

    Raises:
        BadData: it is empty, its items have another form, or a transform cannot be replaced.
    """
    if not len(dataset):
        raise BadData(f"the dataset {type(dataset).__name__} is empty")
    rows = flatten_dataset(to_pair_dataset(dataset, options.path, _find_label_key(options)))
    return _items_from_rows(rows, options, type(dataset).__name__.lower(), np.full(len(rows), UNDECIDED, np.int8))


def _items_from_rows(rows: DatasetRows, options: LoadOptions, name: str, splits: np.ndarray) -> Items:
    if not len(rows):
        raise BadData(f"the dataset {name} is empty")
    stripped = [remove_transform(leaf) for leaf in rows.datasets]
    rows = DatasetRows([plain for plain, _ in stripped], rows.dataset_index, rows.row_index)
    source, ids, hash_keys = _build_pixel_source(rows, options.pixel_range)
    result = _read_labels(rows, name)
    if isinstance(source, DatasetSource):
        _check_item_images(source, result, name)
    replaced = list(dict.fromkeys(step for _, steps in stripped for step in steps))
    if replaced:
        result.notes.insert(0, f"the net's own preprocessing replaces the transform ({', '.join(replaced)})")
    readable = np.array([i for i in range(len(rows)) if i not in result.unreadable], np.int64)
    if not len(readable):
        raise BadData(f"none of the {len(rows)} items of {name} can be read; the first: {result.unreadable[0]}")
    labels = _encode_row_labels(
        [result.labels[i] for i in readable], rows.dataset_index[readable], result, options, name
    )
    return Items(
        name=name,
        pixel_source=source,
        source_index=readable,
        ids=[ids[i] for i in readable],
        hash_keys=[hash_keys[i] for i in readable],
        labels=labels,
        splits=splits[readable],
        domains=np.full(len(readable), -1, np.int16),
        excluded=[(ids[i], None, why) for i, why in result.unreadable.items()],
        notes=tuple(result.notes),
        pixel_range=options.pixel_range if isinstance(source, DatasetSource) else None,
    )


def _read_labels(rows: DatasetRows, name: str) -> ReadResult:
    """Read the labels of all rows, separately for each data set inside."""
    result = ReadResult([None] * len(rows), [])
    for number, leaf in enumerate(rows.datasets):
        indices = np.flatnonzero(rows.dataset_index == number)
        stored = _stored_labels(leaf)
        if stored is None or (len(indices) <= MAX_ROWS_READ and not _is_library_dataset(leaf)):
            _read_items(rows, indices, result)
            is_same = stored is None or all(
                _is_equal(result.labels[i], stored[int(rows.row_index[i])]) for i in indices
            )
        else:
            sample = indices[np.linspace(0, len(indices) - 1, min(SAMPLE_SIZE, len(indices))).astype(int)]
            sample = sample[:0] if _has_trusted_labels(leaf) else sample
            _read_items(rows, sample, result)
            is_same = all(
                i in result.unreadable or _is_equal(result.labels[i], stored[int(rows.row_index[i])]) for i in sample
            )
            if is_same:
                _copy_labels(stored, rows, indices, result)
            else:
                _read_items(rows, indices, result)
        names = _unique_class_names(leaf)
        is_unchanged = is_same and getattr(leaf, "target_transform", None) is None
        if names and not is_unchanged and not _has_unchanged_labels(leaf, result, rows, indices):
            result.notes.append(
                f"the items of {name} have other labels than it stores, so {', '.join(names[:3])}, … do not apply; "
                "name the classes with classes="
            )
            names = None
        result.class_names.append(names)
    return result


def _copy_labels(stored_labels: list[Any], rows: DatasetRows, indices: np.ndarray, result: ReadResult) -> None:
    for i in indices.tolist():
        result.labels[i] = stored_labels[int(rows.row_index[i])]


def _read_items(rows: DatasetRows, indices: np.ndarray, result: ReadResult) -> None:
    for i in indices.tolist():
        try:
            item = rows[i]
        except (OSError, UnreadableImage) as error:
            result.unreadable[i] = explain_decoding_error(error)
            continue
        if not isinstance(item, (tuple, list)) or len(item) < 2:
            leaf = type(rows.datasets[rows.dataset_index[i]]).__name__
            raise BadData(f"the items of {leaf} are {type(item).__name__}, not pairs of an image and its label")
        result.labels[i] = _to_plain_label(item[1])


def _check_item_images(source: DatasetSource, result: ReadResult, name: str) -> None:
    """Refuse images that cannot be read, and images that change from one reading to the next."""
    reasons = []
    for i in np.unique(np.linspace(0, len(result.labels) - 1, N_READ_TWICE).astype(int)).tolist():
        if i in result.unreadable:
            continue
        try:
            once, again = source.read(i), source.read(i)
        except (UnreadableImage, OSError) as error:
            reasons.append(str(error))
            continue
        except (TypeError, ValueError):
            reasons.append(f"expected an image in item {i}, got {type(source.arrays[i][0]).__name__}")
            continue
        if once.shape != again.shape or (once != again).any():
            raise BadData(
                f"the item {i} of {name} is another image each time it is read, so its transform is random; make the "
                "data set without it, and set random views in the plan (augment=)"
            )
        reasons.append("")
    if reasons and all(reasons):
        raise BadData(
            f"the images of {name} cannot be read: {reasons[0]}. If they are normalised, make it without Normalize"
        )


def _encode_row_labels(
    labels: list[Any], dataset_index: np.ndarray, result: ReadResult, options: LoadOptions, name: str
) -> Labels:
    """Encode the labels of the readable rows; whole numbers get the class names of their data set."""
    where = f"the labels of {name}"
    lists = list(dict.fromkeys(names for names in result.class_names if names))
    numbers = all(isinstance(label, int) and not isinstance(label, bool) and label >= 0 for label in labels)
    if len(lists) == 1:
        named = [lists[0]] * len(result.class_names)
    else:
        named = [names or () for names in result.class_names]
    if not lists or not numbers or any(label >= len(named[k]) for label, k in zip(labels, dataset_index, strict=True)):
        if len(lists) > 1:
            raise BadData(f"the data sets inside {name} name their classes differently, and not all of them do")
        classes = options.classes or (lists[0] if lists else None)
        return encode_labels(labels, where=where, classes=classes, kind=options.kind, separator=options.separator)
    named_labels = [named[k][label] for label, k in zip(labels, dataset_index, strict=True)]
    if options.kind is not None or options.separator is not None:
        return encode_labels(named_labels, where=where, kind=options.kind, separator=options.separator)
    if len(lists) > 1:
        result.notes.append("the data sets number their classes differently, so classes are matched by name")
    order, present = list(dict.fromkeys(n for names in lists for n in names)), set(named_labels)
    missing = [n for n in order if n not in present]
    if missing:
        result.notes.append(
            f"{len(missing)} of {len(order)} classes do not occur and are left out: {', '.join(missing):.200}"
        )
    return encode_classes(named_labels, [n for n in order if n in present])


def _build_pixel_source(
    rows: DatasetRows, pixel_range: PixelRange | None
) -> tuple[FileSource | DatasetSource, list[str], list[str]]:
    """Return the pixel source, the ids of all rows, and their split keys, equal for an image that occurs twice."""
    paths = [_file_path(rows, i) for i in range(len(rows))]
    if all(paths):
        roots = [os.path.abspath(getattr(leaf, "root", "") or "") for leaf in rows.datasets]
        root = roots[0] if len(set(roots)) == 1 else os.path.commonpath([os.path.dirname(p) for p in paths if p])
        hash_keys = [os.path.relpath(path, root).replace(os.sep, "/") for path in paths if path]
        return FileSource(root, hash_keys), number_repeats(hash_keys), hash_keys
    first: dict[tuple[int, int], int] = {}
    for i, (k, row) in enumerate(zip(rows.dataset_index.tolist(), rows.row_index.tolist(), strict=True)):
        first.setdefault((id(rows.datasets[k]), row), i)
    hash_keys = [
        f"{first[id(rows.datasets[k]), row]:06d}"
        for k, row in zip(rows.dataset_index.tolist(), rows.row_index.tolist(), strict=True)
    ]
    return DatasetSource(rows, pixel_range), [f"{i:06d}" for i in range(len(rows))], hash_keys


def _file_path(rows: DatasetRows, i: int) -> str | None:
    """Return the file of a row, if its data set reads files as torchvision's folders do."""
    leaf = rows.datasets[rows.dataset_index[i]]
    if not _is_folder_dataset(leaf) or leaf.loader is not sys.modules["torchvision.datasets.folder"].default_loader:
        return None
    return os.path.abspath(leaf.samples[rows.row_index[i]][0])


def _stored_labels(leaf: Any) -> list[Any] | None:
    """Return the stored labels of a data set, with its `target_transform` applied; None if it has none."""
    stored = _raw_labels(leaf)
    if stored is None:
        return None
    transform = getattr(leaf, "target_transform", None)
    plain = [_to_plain_label(label) for label in (stored.tolist() if hasattr(stored, "tolist") else stored)]
    try:
        return plain if transform is None else [_to_plain_label(transform(label)) for label in plain]
    except Exception:  # expects labels of another form: they are read from the items
        return None


def _raw_labels(leaf: Any) -> Any:
    """Return the stored labels of a data set before any `target_transform`; None if it has none."""
    if _is_folder_dataset(leaf):
        return [target for _, target in leaf.samples]
    if hasattr(leaf, "tensors") and len(leaf.tensors) > 1:
        return leaf.tensors[1]
    candidates: Iterator[Any] = (getattr(leaf, name, None) for name in LABEL_ATTRIBUTES)
    return next((labels for labels in candidates if _length_or_none(labels) == len(leaf)), None)


def _is_folder_dataset(leaf: Any) -> bool:
    """Return True if a data set reads its items as torchvision's folders do."""
    folder = sys.modules.get("torchvision.datasets.folder")
    return folder is not None and type(leaf).__getitem__ is folder.DatasetFolder.__getitem__


def _has_trusted_labels(leaf: Any) -> bool:
    """Return True if the code that creates the items is known to return the stored labels."""
    return _is_folder_dataset(leaf) or type(leaf).__getitem__.__qualname__ == "TensorDataset.__getitem__"


def _is_library_dataset(leaf: Any) -> bool:
    """Return True if a data set creates its items with code of torch or torchvision."""
    return type(leaf).__getitem__.__module__.startswith(("torchvision.datasets", "torch.utils.data"))


def _has_unchanged_labels(leaf: Any, result: ReadResult, rows: DatasetRows, indices: np.ndarray) -> bool:
    """Return True if the labels read equal those stored before any `target_transform`."""
    stored = _raw_labels(leaf)
    return stored is not None and all(
        i in result.unreadable or _is_equal(result.labels[i], _to_plain_label(stored[rows.row_index[i]]))
        for i in indices
    )


def _unique_class_names(leaf: Any) -> tuple[str, ...] | None:
    """Return the class names of a data set, made unique; several words for one class are joined."""
    classes = getattr(leaf, "classes", None)
    if not isinstance(classes, Sequence) or isinstance(classes, str) or not len(classes):
        return None
    names = [", ".join(map(str, c)) if isinstance(c, (tuple, list)) else str(c) for c in classes]
    names = [normalize_label(name, allow_any_text=True) or str(i) for i, name in enumerate(names)]
    return tuple(f"{name} ({i})" if names.count(name) > 1 else name for i, name in enumerate(names))


def _to_plain_label(label: Any) -> Any:
    """Convert a label from an array or tensor to a plain Python value."""
    if hasattr(label, "tolist"):
        return label.detach().cpu().tolist() if hasattr(label, "detach") else label.tolist()
    return type(label)(map(_to_plain_label, label)) if type(label) in (tuple, list) else label


def _is_equal(a: Any, b: Any) -> bool:
    return type(a) is type(b) and a == b


def _find_label_key(options: LoadOptions) -> str | None:
    names = to_name_list(options.label)
    return names[0] if names else None


def _length_or_none(data: Any) -> int | None:
    """Return the number of items of an object; None if it has no length."""
    try:
        return len(data)
    except Exception:  # a user's data set may raise anything
        return None


def _is_iterable_dataset(data: Any) -> bool:
    cls = getattr(sys.modules.get("torch.utils.data"), "IterableDataset", None)
    return cls is not None and isinstance(data, cls)
