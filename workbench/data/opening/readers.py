"""Readers of images: one per kind of source, in one table, each with the options that it uses."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.data.items import Items
from workbench.data.labeled_images import Images
from workbench.data.opening.builtin_sets import BUILTIN_SETS
from workbench.data.opening.generated_sets import GENERATED_SETS, GeneratedSet
from workbench.data.opening.image_arrays import items_from_array_splits, items_from_arrays, unpack_pair
from workbench.data.opening.image_folder import items_from_folder
from workbench.data.opening.image_table import items_from_table, read_csv_table
from workbench.data.opening.load_options import LoadOptions
from workbench.data.opening.torchvision_datasets import (
    is_dataset,
    items_from_dataset,
    items_from_dataset_splits,
    refuse_stream,
)
from workbench.errors import BadData, BadValue, UnknownName

TABLE_EXTENSIONS = (".csv", ".tsv", ".txt")
COLUMN_OPTIONS = ("label", "path", "split", "domain", "root")
# options that only some kinds of sources can use, and what they are for; unused ones are refused in this order
SOURCE_OPTIONS = {
    **dict.fromkeys(COLUMN_OPTIONS, "names a column of a table"),
    **dict.fromkeys(("kind", "separator"), "is for labels in cells"),
    "layout": "names the levels of a folder tree",
}
TABLE_OPTIONS = tuple(name for name in SOURCE_OPTIONS if name != "layout")


@dataclass(frozen=True)
class Reader:
    """Reader of one kind of source.

    Attributes:
        build_items: (data, options) -> items, with the splits and domains that the source defines.
        uses: those of `SOURCE_OPTIONS` that it uses; it refuses all others.
        reason: why it has no use for the others.
        describe: data -> name of the source in a refusal.
        locate: data -> name under which the same images are opened again; None for data in memory.
        refused_first: options that are refused before the others.
    """

    build_items: Callable[[Any, LoadOptions], Items]
    uses: tuple[str, ...]
    reason: str
    describe: Callable[[Any], str] = str
    locate: Callable[[Any], str | None] = str
    refused_first: tuple[str, ...] = ()

    def read(self, data: Any, options: LoadOptions) -> Items:
        """Read the items of a source.

        Raises:
            BadValue: an option that this kind of source cannot use.
            WorkbenchError: the source cannot be read; the message is the reason.
        """
        self.check_unused_options(data, options)
        return self.build_items(data, options)

    def check_unused_options(self, data: Any, options: LoadOptions) -> None:
        """Refuse an option that this kind of source cannot use."""
        for name in (*self.refused_first, *SOURCE_OPTIONS):
            if name not in self.uses and getattr(options, name) not in (None, "auto"):
                raise BadValue(f"{name}= {SOURCE_OPTIONS[name]}, and {self.describe(data)} has none; {self.reason}")


def read_generated_set(data: GeneratedSet, options: LoadOptions) -> Items:
    """Read a generated set, which has its own options."""
    return data.build_items()


def read_builtin_set(data: str, options: LoadOptions) -> Items:
    """Read a set that comes with the packages."""
    return BUILTIN_SETS[data]()


def read_table_file(data: str | os.PathLike[str], options: LoadOptions) -> Items:
    """Read a CSV or TSV file; its relative paths start from `root`, by default the file's folder."""
    path = Path(locate_file(data))
    root = os.path.abspath(options.root or path.parent)
    frame, notes = read_csv_table(str(path), root, options.separator)
    items = items_from_table(frame, options, root, path.stem)
    return replace(items, notes=(*notes, *items.notes))


def read_frame(data: Any, options: LoadOptions) -> Items:
    """Read a DataFrame; its relative paths start from `root`, by default the current folder."""
    return items_from_table(data, options, os.path.abspath(options.root or os.curdir), "table")


def read_folder(data: str | os.PathLike[str], options: LoadOptions) -> Items:
    """Read a folder tree.

    Raises:
        UnknownName: a word that is neither a folder nor a built-in set.
    """
    word = os.fspath(data)
    if not Path(data).expanduser().is_dir() and not set(word) & set("/\\.~"):
        names = [*BUILTIN_SETS, *GENERATED_SETS, *_list_local_folders()]
        raise UnknownName.of("built-in set of images", word, names, "nor is there such a folder")
    return items_from_folder(locate_folder(data), options.layout)


def read_arrays(data: Any, options: LoadOptions) -> Items:
    """Read `(x, y)`; every other object that no reader knows is refused.

    Raises:
        BadData: no pair of images and labels.
    """
    if is_array_pair(data):
        return items_from_arrays(*unpack_pair(data), options)
    refuse_stream(data)
    unpack_pair(data)
    raise BadData(f"expected a pair (x, y) of images and labels, got {type(data).__name__}")


def locate_file(data: str | os.PathLike[str]) -> str:
    """Return the absolute path of a table."""
    return str(Path(data).expanduser().absolute())


def locate_folder(data: str | os.PathLike[str]) -> str:
    """Return the absolute path of a folder."""
    return str(Path(os.path.abspath(Path(data).expanduser())))


def is_array_pair(data: Any) -> bool:
    """Return True for `(x, y)`: any tuple, or a list of two that begins with an array."""
    return isinstance(data, tuple) or (isinstance(data, list) and len(data) == 2 and hasattr(data[0], "shape"))


def find_source_kind(data: Any) -> str:
    """Find the kind of a source among the `READERS`.

    Raises:
        BadValue: images that are already open.
        BadData: a single file that is no table.
    """
    if isinstance(data, GeneratedSet):
        return data.name
    if isinstance(data, Images):
        raise BadValue("expected a folder, table, arrays, data set or name; got images that are already open")
    if isinstance(data, str) and data in BUILTIN_SETS:
        return "built-in set"
    if isinstance(data, (str, os.PathLike)):
        return _find_path_kind(Path(data).expanduser())
    if hasattr(data, "columns") and hasattr(data, "iloc"):
        return "frame"
    if isinstance(data, Mapping):
        return "data sets by split" if data and all(map(is_dataset, data.values())) else "arrays by split"
    return "data set" if not is_array_pair(data) and is_dataset(data) else "arrays"


def _find_path_kind(path: Path) -> str:
    if not path.is_file():
        return "folder"
    if path.suffix.lower() not in TABLE_EXTENSIONS:
        raise BadData(f"{path} is a single file; images come from a folder, a CSV or TSV table, arrays or a dataset")
    return "table file"


def _list_local_folders() -> list[str]:
    try:
        return [entry.name for entry in os.scandir(os.curdir) if entry.is_dir() and not entry.name.startswith(".")]
    except OSError:
        return []


def _memory_reader(build_items: Callable[[Any, LoadOptions], Items], uses: tuple[str, ...]) -> Reader:
    """Build the reader of a source in memory, which has no columns and no recipe."""
    return Reader(
        build_items,
        uses,
        reason="use a table for more columns than the label",
        describe=lambda data: "it",
        locate=lambda data: None,
        refused_first=("split", "domain", "root", "layout"),
    )


_COLUMNS_REASON = "a table defines everything by its columns"
READERS = {
    "world": Reader(read_generated_set, ("label",), "it is drawn"),
    "material": Reader(read_generated_set, (), "it is drawn"),
    "built-in set": Reader(read_builtin_set, (), "it has its own labels"),
    "table file": Reader(
        read_table_file, TABLE_OPTIONS, _COLUMNS_REASON, describe=lambda data: Path(data).name, locate=locate_file
    ),
    "folder": Reader(read_folder, ("layout",), "a folder defines everything by its tree", locate=locate_folder),
    "frame": Reader(
        read_frame, TABLE_OPTIONS, _COLUMNS_REASON, describe=lambda data: "a frame", locate=lambda data: None
    ),
    "data set": _memory_reader(items_from_dataset, ("label", "path", "kind", "separator")),
    "data sets by split": _memory_reader(items_from_dataset_splits, ("label", "path", "kind", "separator")),
    "arrays": _memory_reader(read_arrays, ("kind", "separator")),
    "arrays by split": _memory_reader(items_from_array_splits, ("kind", "separator")),
}
