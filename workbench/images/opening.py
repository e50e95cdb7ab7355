"""From any source to images: find the rows, decide the splits, refuse what cannot work."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import BadData, BadValue, Unavailable, UnknownName
from workbench.images import arrays, datasets, grey_scale, soundness, splits, table, tree
from workbench.images.class_choice import absent_classes, check_classes, keep_classes
from workbench.images.digits import BUILT_IN
from workbench.images.image_files import LIMIT, pixel_limit
from workbench.images.items import Items, Labels
from workbench.images.labelled import Images
from workbench.images.options import NAMES, Options, check, words
from workbench.images.origins import Files
from workbench.images.shifts import shift
from workbench.images.stored import HeldImages, open_stored
from workbench.kinds import path_problem
from workbench.plan import Choice, plain

TABLES = (".csv", ".tsv", ".txt")
TABULAR = ("label", "path", "split", "domain", "root", "kind", "separator")  # options of tables alone
DRAWN = ("world", "material")  # sets that are drawn, not read


def open_images(source: Any, given: Mapping[str, Any]) -> Images:
    """The images of any source.

    Raises:
        WorkbenchError: the source or an option cannot be used; the text says why.
    """
    if wrong := path_problem(source):
        raise BadValue(f"the source of images {wrong}")
    if isinstance(source, str) and source in DRAWN:
        return _drawn(source, given)
    options = check(given)
    if isinstance(source, Images):
        raise BadValue("these are images already; wb.images wants a folder, a table, arrays, a dataset or a name")
    if source == "stored" if isinstance(source, str) else False:
        return _stored(options)
    items, name = _items(source, options)
    items = _prepared(items, options)
    if name is None:
        return HeldImages(items, source=options.source, target=options.target)
    choice = Choice(name, {**options.changed(), **_settled(items)})
    return Images(items, choice, source=options.source, target=options.target)


def _settled(items: Items) -> dict[str, Any]:
    """What opening found out, or was set in this process, and a worker has to do alike."""
    settled = {} if items.pixel_range is None else {"pixel_range": list(items.pixel_range)}
    return settled if items.max_pixels == LIMIT else {**settled, "max_pixels": items.max_pixels}


def _drawn(source: str, given: Mapping[str, Any]) -> Images:
    """A set that is drawn: its own options decide what, the others how it is split."""
    from workbench.images.world import material, opening

    own = opening if source == "world" else material
    shared = [name for name in NAMES if name not in own.ASKED or name == "seed"]
    for name in given:
        if name not in own.ASKED and name not in shared:
            raise UnknownName.of(f'option of wb.images("{source}")', name, [*own.ASKED, *shared])
    options = check({name: value for name, value in given.items() if name in shared})
    _check_unused(options, [name for name in (*TABULAR, "layout") if name in shared], source, "it is drawn")
    items = _prepared(own.items_of({name: value for name, value in given.items() if name in own.ASKED}), options)
    return Images(items, Choice(source, plain(dict(given))), source=options.source, target=options.target)


def _items(source: Any, options: Options) -> tuple[Items, str | None]:
    """The rows of a source, with the name of its recipe; None where it has none."""
    if isinstance(source, str) and source in BUILT_IN:
        _check_unused(options, (*TABULAR, "layout"), source, "its labels are known")
        return BUILT_IN[source](), source
    if isinstance(source, (str, os.PathLike)):
        return _on_disk(source, options)
    if hasattr(source, "columns") and hasattr(source, "iloc"):
        root = os.path.abspath(options.root or os.curdir)
        _check_unused(options, ("layout",), "a frame", "a table says all by its columns")
        return table.items_of(source, options, root, "table"), None
    more = "give a table where columns say more than the label"
    _check_unused(options, ("split", "domain", "root", "layout"), "it", more)
    if isinstance(source, Mapping) and source and all(map(datasets.is_dataset, source.values())):
        return datasets.joined(source, options), None
    if not isinstance(source, Mapping) and not _is_pair(source) and datasets.is_dataset(source):
        return datasets.items_of(source, options), None
    _check_unused(options, ("label", "path"), "it", more)
    if isinstance(source, Mapping):
        return arrays.joined(source, options), None
    if _is_pair(source):
        return arrays.items_of(*arrays.pair_of(source), options), None
    datasets.refuse(source)
    arrays.pair_of(source)
    raise BadData(f"arrays come as a pair (x, y) of images and labels; got {type(source).__name__}")


def _is_pair(source: Any) -> bool:
    """Whether a source is `(x, y)`: any tuple, or a list of two that begins with an array."""
    return isinstance(source, tuple) or (isinstance(source, list) and len(source) == 2 and hasattr(source[0], "shape"))


def _on_disk(source: str | os.PathLike[str], options: Options) -> tuple[Items, str]:
    path = Path(source).expanduser()
    if path.is_file():
        if path.suffix.lower() not in TABLES:
            raise BadData(
                f"{path} is a single file; images come from a folder, a CSV or TSV table, arrays or a dataset"
            )
        _check_unused(options, ("layout",), path.name, "a table says all by its columns")
        path = path.absolute()
        root = os.path.abspath(options.root or path.parent)
        frame, notes = table.read(str(path), root, options.separator)
        items = table.items_of(frame, options, root, path.stem)
        return replace(items, notes=(*notes, *items.notes)), str(path)
    _check_unused(options, TABULAR, source, "a folder says all by its tree")
    word = os.fspath(source)
    if not path.is_dir() and not set(word) & set("/\\.~"):
        raise UnknownName.of(
            "built-in set of images", word, [*BUILT_IN, *DRAWN, *_folders_here()], "nor is there such a folder"
        )
    path = Path(os.path.abspath(path))
    return tree.items_of(str(path), options.layout), str(path)


def _check_unused(options: Options, names: Sequence[str], source: object, why: str) -> None:
    """Refuses options that a source has no use for."""
    for name in names:
        if getattr(options, name) not in (None, "auto"):
            what = "is for labels in cells" if name in ("kind", "separator") else "names a column of a table"
            what = "names the levels of a folder tree" if name == "layout" else what
            raise BadValue(f"{name}= {what}, and {source} has none; {why}")


def _folders_here() -> list[str]:
    try:
        return [entry.name for entry in os.scandir(os.curdir) if entry.is_dir() and not entry.name.startswith(".")]
    except OSError:
        return []


def _stored(options: Options) -> Images:
    if options.path is None:
        raise BadValue("stored images want the folder they were stored in: path=")
    if replace(options, path=None) != Options():
        raise BadValue("stored images are opened as they were stored: leave out every option but path=")
    items, source, target = open_stored(options.path)
    choice = Choice("stored", {"path": options.path})
    _check_files(items)
    return Images(items, choice, source=source, target=target)


def _check_files(items: Items) -> None:
    root = getattr(items.origin, "root", None)
    if root is not None and not os.path.isdir(root):
        raise Unavailable(f"the folder {root}, where the images of {items.name} lay, is not there any more")


def _prepared(items: Items, options: Options) -> Items:
    """Rows with everything decided: classes, splits, made domains, few-shot choice."""
    items = _kept_domains(items, options)
    items = keep_classes(items, _names(items, options))
    absent = absent_classes(items.labels) if options.classes is not None else ()
    check_classes(items.labels, items.name, absent)
    items = replace(items, absent=absent, notes=(*items.notes, *_said(items.labels, absent)))
    items = _limited(items, options)
    items = grey_scale.with_scale(soundness.glance(items), options.pixel_range)
    items = _made_domains(items, options)
    items.splits = splits.decide(items, options.valid, options.test, options.seed)
    if options.classes is None:
        _check_trained(items)
    if options.per_class is not None:
        looked = items.looked
        items = items.take(splits.few(items, items.splits, options.per_class, options.seed))
        items.looked = looked
    _check_source(items, options)
    return items


def _limited(items: Items, options: Options) -> Items:
    """The set with its limit of pixels: the one given, or that of this process."""
    if isinstance(items.origin, Files):
        return replace(items, max_pixels=options.max_pixels or pixel_limit(), shelves={})
    if options.max_pixels is not None:
        raise BadValue(f"max_pixels= is a limit for image files, and {items.name} has none; leave it out")
    return items


def _said(labels: Labels, absent: Sequence[str]) -> list[str]:
    """What a person should know of the labels, as sentences."""
    said = [labels.note] if labels.note else []
    if absent:
        words = f"{'class' if len(absent) == 1 else 'classes'} {', '.join(absent)}"
        said.append(f"no image is of the {words}: a net that knows them can be judged here, but none can be trained")
    return said


def _names(items: Items, options: Options) -> Any:
    """The classes to keep; names that arrays gave to their numbers are no choice."""
    if options.classes is not None and tuple(map(str, options.classes)) == items.labels.names:
        return None
    return options.classes


def _kept_domains(items: Items, options: Options) -> Items:
    if options.domains is None or isinstance(options.domains, Mapping):
        return items
    wanted = words(options.domains)
    for name in wanted:
        if name not in items.domain_names:
            raise UnknownName.of("domain", name, items.domain_names)
    codes = [items.domain_names.index(name) for name in wanted]
    new = np.full(len(items.domain_names) + 1, -1, np.int16)
    new[codes] = np.arange(len(codes))
    kept = items.take(np.flatnonzero(np.isin(items.domains, codes)))
    return replace(kept, domains=new[kept.domains], domain_names=tuple(wanted))


def _made_domains(items: Items, options: Options) -> Items:
    """The set once a made domain, or once with a made shift."""
    if not isinstance(options.domains, Mapping):
        made = shift(options.shift)
        return replace(items, shifts=(made,)) if made else items
    if items.domain_names:
        raise BadValue(
            f"{items.name} has domains of its own ({', '.join(items.domain_names)}); shifts cannot make more"
        )
    names = tuple(str(name) for name in options.domains)
    if not names:
        raise BadValue('domains wants at least one name with its shift, such as {"clean": None, "inverted": "invert"}')
    many = items.take(np.tile(np.arange(len(items)), len(names)))
    # the same image falls into the same split in every domain
    anchors = many.ids if many.anchors is None else many.anchors
    return replace(
        many,
        ids=[f"{name}/{i}" for name in names for i in items.ids],
        anchors=anchors,
        domains=np.repeat(np.arange(len(names), dtype=np.int16), len(items)),
        domain_names=names,
        shifts=tuple(shift(made) for made in options.domains.values()),
        looked=items.looked,
    )


def _check_trained(items: Items) -> None:
    """Refuses a class that the source's own splits leave without a training image."""
    training = items.splits == splits.TRAIN
    if items.labels.kind != "classes" or not training.any():
        return
    held = np.bincount(items.labels.values[training], minlength=len(items.labels.names))
    for name, count in zip(items.labels.names, held, strict=True):
        if not count:
            raise BadData(
                f"the class {name!r} of {items.name} has no training image, only others; is its name spelt the same "
                "in every split? Leave it out, or name the classes with classes="
            )


def _check_source(items: Items, options: Options) -> None:
    for option in ("source", "target"):
        for name in words(getattr(options, option)):
            if not items.domain_names:
                raise BadValue(
                    f"{option}={name!r} wants domains, but {items.name} has none; give domain= (a column), "
                    "a tree of domain/class folders, or domains={name: shift}"
                )
            if name not in items.domain_names:
                raise UnknownName.of("domain", name, items.domain_names)
