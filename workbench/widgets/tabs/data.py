"""Data: what the images are: counts, thumbnails, what cannot be read and what occurs twice."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets
import numpy as np

from workbench.widgets import drawings
from workbench.widgets.latest import Latest
from workbench.widgets.tabs import Bench, Tab, tabs

SHOWN = 20
EDGE = 112
MANY = 20_000
"""Images beyond which files are not all read unasked."""


@tabs.add("data")
class DataTab(Tab):
    """Counts, thumbnails, problems and duplicates."""

    title = "Data"
    order = 10

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._seed, self._shown = 0, None
        self._pictures, self._checks, self._opening = (Latest(self.notice) for _ in range(3))

    def build(self) -> list[Any]:
        """A field to open images with, and what is known of those that are open."""
        auto = {"style": {"description_width": "auto"}}
        self.source = ipywidgets.Text(
            description="images", placeholder="a folder, a CSV file, or digits", continuous_update=False, **auto
        ).add_class("wb-long")
        open_ = ipywidgets.Button(description="Open", tooltip="open these images")
        self.label = ipywidgets.Dropdown(options=[("all classes", "")], description="show", **auto)
        others = ipywidgets.Button(description="Show others", tooltip="draw another sample")
        self.checking = ipywidgets.Button(
            description="Check all files", tooltip="read every file, and compare contents"
        )
        self.counts, self.thumbs, self.checked = (ipywidgets.HTML() for _ in range(3))
        open_.on_click(lambda _: self._open())
        others.on_click(lambda _: self._draw(self._seed + 1))
        self.label.observe(lambda _: self._draw(0), "value")
        self.checking.on_click(lambda _: self._check())
        self.bench.observe(lambda _: self._look(), "images")
        head = ipywidgets.HBox([self.source, open_]).add_class("wb-choosers")
        self.sample = ipywidgets.HBox([self.label, others]).add_class("wb-choosers")
        left = ipywidgets.VBox([self.counts, self.checked, self.checking]).add_class("wb-counts-side")
        right = ipywidgets.VBox([self.sample, self.thumbs]).add_class("wb-right")
        self.known = ipywidgets.HBox([left, right]).add_class("wb-watch")
        self.box.add_class("wb-tables")
        return [head, self.known]

    def _open(self) -> None:
        from workbench.images import images

        source = self.source.value.strip()
        self.notice.error = "" if source else "type the path of a folder or of a CSV file, or digits"
        if source:
            self.notice.text = f"Opening {source} …"
            self._opening.ask(lambda: self._open_done(images(source)))

    def _open_done(self, opened: Any) -> None:
        self.bench.images = opened
        self.notice.text = ""

    def opened(self) -> None:
        """Shows the images of the moment."""
        self._look()

    def _look(self) -> None:
        images = self.bench.images
        self.known.layout.display = "none" if images is None else ""
        if images is None:
            self.notice.text = "No images are open. Type a folder with one subfolder a class, a CSV file, or digits."
            return
        self.notice.text = self.notice.error = ""
        if images is self._shown:
            return
        self._shown = images
        self.counts.value = drawings.section(summary(images)) + drawings.table(images.counts())
        self.label.options = [("all classes", ""), *((name, name) for name in images.classes)]
        self.label.value = ""
        self._draw(0)
        self.checked.value, self.checking.layout.display = "", ""
        if len(images) <= MANY:
            self._check()

    def _draw(self, seed: int) -> None:
        images, label, self._seed = self.bench.images, str(self.label.value or ""), seed
        if images is not None:
            self._pictures.ask(lambda: self._drawn(images, label, seed))

    def _drawn(self, images: Any, label: str, seed: int) -> None:
        rows = sample(images, label, seed)
        pictures = [images.pixels(row, EDGE) for row in rows]
        captions = named(images, rows)
        if images is self.bench.images:
            self.thumbs.value = drawings.thumbnails(pictures, captions)

    def _check(self) -> None:
        images = self.bench.images
        self.checking.layout.display = "none"
        self.checked.value = '<p class="wb-quiet">Reading every file, to find broken and doubled ones …</p>'
        self._checks.ask(lambda: self._told(images))

    def _told(self, images: Any) -> None:
        text = soundness(images.problems, images.duplicates)
        if images is self.bench.images:
            self.checked.value = text


def summary(images: Any) -> str:
    """Images in one sentence: how many, of how many classes and domains."""
    noun = {"tags": "tags", "tasks": "classes of several tasks"}.get(images.kind, "classes")
    where = f", {len(images.domains)} domains" if len(images.domains) > 1 else ""
    return f"{images.name}: {drawings.count(len(images), 'image')}, {len(images.classes)} {noun}{where}"


def soundness(problems: Any, duplicates: Any) -> str:
    """Unreadable and doubled files in words."""
    files, notes = problems[problems["id"] != ""], problems[problems["id"] == ""]
    lines = ["Every file can be read." if not len(files) else f"{drawings.count(len(files), 'file')} left out:"]
    lines += [f"{row.id}: {row.reason}" for row in files.head(5).itertuples()]
    lines += [f"{note[:1].upper()}{note[1:]}." for note in notes["reason"]]
    if not len(duplicates):
        lines.append("No image occurs twice.")
    else:
        leaks = int((~duplicates["same_split"].astype(bool)).sum())
        lines.append(f"{drawings.count(len(duplicates), 'exact duplicate')}, {leaks} of them across splits.")
        if leaks:
            lines.append("Scores on those are too good: leave them out, or keep twins in one split.")
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)


def sample(images: Any, label: str, seed: int) -> list[int]:
    """Rows to look at: some of each class in turn, or of one class (tag)."""
    labels, rng = images.labels(), np.random.default_rng(seed)
    rows = rng.permutation(len(images))
    if label:
        k = images.classes.index(label)
        if images.kind == "tasks":
            sizes = np.cumsum([0, *(len(names) for names in images.tasks.values())])
            task = int(np.searchsorted(sizes, k, side="right")) - 1
            return rows[labels[rows, task] == k - sizes[task]][:SHOWN].tolist()
        return rows[labels[rows, k] > 0 if images.kind == "tags" else labels[rows] == k][:SHOWN].tolist()
    if images.kind != "classes":
        return rows[:SHOWN].tolist()
    # the first of every class, then the second of every class, …
    turn = np.zeros(len(rows), dtype=int)
    for k in np.unique(labels):
        here = labels[rows] == k
        turn[here] = np.arange(here.sum())
    return rows[np.argsort(turn, kind="stable")][:SHOWN].tolist()


def named(images: Any, rows: list[int]) -> list[str]:
    """What stands under each picture: its class, its tags, or its classes by task."""
    labels = images.labels()[rows]
    if images.kind == "classes":
        return [images.classes[k] for k in labels]
    if images.kind == "tags":
        return [", ".join(name for name, has in zip(images.classes, row, strict=True) if has > 0) for row in labels]
    return [", ".join(names[k] for names, k in zip(images.tasks.values(), row, strict=True)) for row in labels]
