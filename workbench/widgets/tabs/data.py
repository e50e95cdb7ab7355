"""Tab Data: class counts, thumbnails, unreadable files and duplicates of the images."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets
import numpy as np

from workbench.formatting import format_quantity
from workbench.widgets.components import html_charts
from workbench.widgets.components.background_task import BackgroundTask
from workbench.widgets.components.tooltips import label_with_tooltip
from workbench.widgets.tabs import Tab, WorkbenchState, tabs

N_THUMBNAILS = 20
THUMBNAIL_SIZE = 112
MAX_AUTO_CHECK = 20_000
"""Most images for which all files are checked automatically."""


@tabs.add("data")
class DataTab(Tab):
    """Class counts, thumbnails, problems and duplicates of the images."""

    title = "Data"
    order = 10

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self._seed, self._shown = 0, None
        self._thumbnail_task, self._check_task, self._open_task = (BackgroundTask(self.notice) for _ in range(3))

    def build(self) -> list[Any]:
        """Build a field to open images with, and the description of the open ones."""
        self.path_field = ipywidgets.Text(
            placeholder="a folder, a CSV file, or digits",
            continuous_update=False,
            **label_with_tooltip(
                "images",
                "path of a folder with one subfolder per class, path of a CSV file, or a built-in name: digits",
            ),
        ).add_class("wb-long")
        open_ = ipywidgets.Button(description="Open", tooltip="open these images")
        self.class_chooser = ipywidgets.Dropdown(
            options=[("all classes", "")], **label_with_tooltip("class", f"class of the {N_THUMBNAILS} images shown")
        )
        others = ipywidgets.Button(description="Show others", tooltip="draw another sample")
        self.check_button = ipywidgets.Button(
            description="Check all files", tooltip="read all files to find unreadable and duplicate ones"
        )
        self.counts_html, self.thumbnails_html, self.problems_html = (ipywidgets.HTML() for _ in range(3))
        open_.on_click(lambda _: self._open_images())
        others.on_click(lambda _: self._draw_sample(self._seed + 1))
        self.class_chooser.observe(lambda _: self._draw_sample(0), "value")
        self.check_button.on_click(lambda _: self._check_files())
        self.state.observe(lambda _: self._update_view(), "images")
        head = ipywidgets.HBox([self.path_field, open_]).add_class("wb-choosers")
        self.sample_box = ipywidgets.HBox([self.class_chooser, others]).add_class("wb-choosers")
        left = ipywidgets.VBox([self.counts_html, self.problems_html, self.check_button]).add_class("wb-counts-side")
        right = ipywidgets.VBox([self.sample_box, self.thumbnails_html]).add_class("wb-right")
        self.details_box = ipywidgets.HBox([left, right]).add_class("wb-watch")
        self.box.add_class("wb-tables")
        return [head, self.details_box]

    def _open_images(self) -> None:
        from workbench.data.image_loading import load_images

        source = self.path_field.value.strip()
        self.notice.error = "" if source else "type the path of a folder or of a CSV file, or digits"
        if source:
            self.notice.text = f"Opening {source} …"
            self._open_task.submit(lambda: self._set_images(load_images(source)))

    def _set_images(self, opened: Any) -> None:
        self.state.images = opened
        self.notice.text = ""

    def refresh(self) -> None:
        """Show the images in use."""
        self._update_view()

    def _update_view(self) -> None:
        images = self.state.images
        self.details_box.layout.display = "none" if images is None else ""
        if images is None:
            self.notice.text = "No images are open. Type a folder with one subfolder per class, a CSV file, or digits."
            return
        self.notice.text = self.notice.error = ""
        if images is self._shown:
            return
        self._shown = images
        self.counts_html.value = html_charts.render_heading(summarize_images(images)) + html_charts.render_table(
            images.class_counts()
        )
        self.class_chooser.options = [("all classes", ""), *((name, name) for name in images.classes)]
        self.class_chooser.value = ""
        self._draw_sample(0)
        self.problems_html.value, self.check_button.layout.display = "", ""
        if len(images) <= MAX_AUTO_CHECK:
            self._check_files()

    def _draw_sample(self, seed: int) -> None:
        images, label, self._seed = self.state.images, str(self.class_chooser.value or ""), seed
        if images is not None:
            self._thumbnail_task.submit(lambda: self._show_thumbnails(images, label, seed))

    def _show_thumbnails(self, images: Any, label: str, seed: int) -> None:
        rows = sample_rows(images, label, seed)
        pictures = [images.pixels(row, THUMBNAIL_SIZE) for row in rows]
        captions = make_captions(images, rows)
        if images is self.state.images:
            self.thumbnails_html.value = html_charts.render_thumbnails(pictures, captions)

    def _check_files(self) -> None:
        images = self.state.images
        self.check_button.layout.display = "none"
        self.problems_html.value = '<p class="wb-quiet">Reading all files to find unreadable and duplicate ones …</p>'
        self._check_task.submit(lambda: self._show_problems(images))

    def _show_problems(self, images: Any) -> None:
        text = describe_problems(images.problems, images.duplicates)
        if images is self.state.images:
            self.problems_html.value = text


def summarize_images(images: Any) -> str:
    """Describe images in one sentence: how many, of how many classes and domains."""
    noun = {"tags": "tags", "tasks": "classes of several tasks"}.get(images.kind, "classes")
    domains = f", {len(images.domains)} domains" if len(images.domains) > 1 else ""
    return f"{images.name}: {format_quantity(len(images), 'image')}, {len(images.classes)} {noun}{domains}"


def describe_problems(problems: Any, duplicates: Any) -> str:
    """Describe unreadable and duplicate files in words."""
    files, notes = problems[problems["id"] != ""], problems[problems["id"] == ""]
    lines = ["Every file can be read." if not len(files) else f"{format_quantity(len(files), 'file')} left out:"]
    lines += [f"{row.id}: {row.reason}" for row in files.head(5).itertuples()]
    lines += [f"{note[:1].upper()}{note[1:]}." for note in notes["reason"]]
    if not len(duplicates):
        lines.append("No image occurs twice.")
    else:
        leaks = int((~duplicates["same_split"].astype(bool)).sum())
        lines.append(f"{format_quantity(len(duplicates), 'exact duplicate')}, {leaks} of them across splits.")
        if leaks:
            lines.append("Scores on these are too high: leave them out, or keep duplicates in one split.")
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)


def sample_rows(images: Any, label: str, seed: int) -> list[int]:
    """Sample rows to show: of each class in turn, or of one class (tag)."""
    labels, rng = images.labels(), np.random.default_rng(seed)
    rows = rng.permutation(len(images))
    if label:
        k = images.classes.index(label)
        if images.kind == "tasks":
            sizes = np.cumsum([0, *(len(names) for names in images.tasks.values())])
            task = int(np.searchsorted(sizes, k, side="right")) - 1
            return rows[labels[rows, task] == k - sizes[task]][:N_THUMBNAILS].tolist()
        return rows[labels[rows, k] > 0 if images.kind == "tags" else labels[rows] == k][:N_THUMBNAILS].tolist()
    if images.kind != "classes":
        return rows[:N_THUMBNAILS].tolist()
    # one image of every class, then a second one of every class, …
    round_index = np.zeros(len(rows), dtype=int)
    for k in np.unique(labels):
        is_class = labels[rows] == k
        round_index[is_class] = np.arange(is_class.sum())
    return rows[np.argsort(round_index, kind="stable")][:N_THUMBNAILS].tolist()


def make_captions(images: Any, rows: list[int]) -> list[str]:
    """Make the caption of each image: its class, its tags, or its classes by task."""
    labels = images.labels()[rows]
    if images.kind == "classes":
        return [images.classes[k] for k in labels]
    if images.kind == "tags":
        return [", ".join(name for name, has in zip(images.classes, row, strict=True) if has > 0) for row in labels]
    return [", ".join(names[k] for names, k in zip(images.tasks.values(), row, strict=True)) for row in labels]
