"""Backbone picker: a table to search and sort, beside a plot of size against accuracy."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import traitlets

from workbench.argument_checks import check_arguments
from workbench.errors import WorkbenchError
from workbench.formatting import format_bytes
from workbench.plan import Choice
from workbench.widgets.base import Panel, bundle_script, format_error, show_errors
from workbench.widgets.components.memory_estimate import estimate_training_memory, get_available_memory

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images

__all__ = ["BackbonePicker"]

COLUMNS = ("name", "family", "parameters", "gmacs", "image_size", "pretrained_on", "licence", "top1", "top1_source")
BATCH_SIZE = 32


class BackbonePicker(Panel):
    """Table of pretrained backbones in which one is chosen.

    Args:
        query: initial query, as `wb.search_backbones` takes it: words, and bounds after a comma.
        offline_only: list only backbones whose weights are on this machine.
        images: images that the backbone is chosen for; their name appears in the title.

    Attributes:
        backbone: result: the chosen name, as `wb.load_net` takes it; empty until one is chosen.
        choice: result: the same as a `Choice` for a plan, or None.
    """

    _esm = bundle_script("backbone_picker.mjs")

    backbone = traitlets.Unicode("").tag(sync=True)
    choice = traitlets.Instance(Choice, allow_none=True)
    query = traitlets.Unicode("").tag(sync=True)
    offline_only = traitlets.Bool(False).tag(sync=True)

    title = traitlets.Unicode("Backbones").tag(sync=True)
    rows = traitlets.Dict().tag(sync=True)
    found = traitlets.List().tag(sync=True)
    note = traitlets.Unicode("").tag(sync=True)
    limit = traitlets.Float(0).tag(sync=True)
    limit_words = traitlets.Unicode("").tag(sync=True)

    @check_arguments
    def __init__(
        self, query: str = "", offline_only: bool = False, images: Images | None = None, **traits: Any
    ) -> None:
        from workbench.nets.catalogue.backbone_search import search_backbones

        self._lock = threading.Lock()
        self._frame = search_backbones()
        self._row_by_name = {name: row for row, name in enumerate(self._frame["name"])}
        limit, owner = get_available_memory()
        super().__init__(
            query=query,
            offline_only=offline_only,
            rows=_to_columns(self._frame),
            title=f"Backbones for {images.name}" if images is not None else "Backbones",
            limit=float(limit),
            limit_words=f"{format_bytes(limit)} of {owner}",
            **traits,
        )
        self.search()

    @property
    def frame(self) -> Any:
        """Backbones that match the query, in the columns of `wb.search_backbones`."""
        return self._frame.iloc[self.found].reset_index(drop=True)

    @traitlets.observe("query", "offline_only")
    @show_errors
    def search(self, _change: Any = None) -> None:
        """Search for the query; while it cannot be parsed, keep the previous rows and show the reason below them."""
        if not self.rows:
            return
        from workbench.nets.catalogue.backbone_search import search_backbones

        with self._lock:
            try:
                names = search_backbones(self.query or None)["name"]
            except WorkbenchError as error:
                self.note = format_error(error)
                return
            rows = [self._row_by_name[name] for name in names if name in self._row_by_name]
            if self.offline_only:
                is_offline = self.rows["offline"]
                rows = [row for row in rows if is_offline[row]]
            self.note = ""
            self.found = rows

    @check_arguments
    def figure(self) -> Any:
        """Return size against published accuracy of the matching backbones, as a static figure that an export keeps."""
        from workbench import figures

        return figures.accuracy_vs_size(self.frame)

    @traitlets.observe("backbone")
    def _backbone_changed(self, change: Any) -> None:
        self.choice = Choice(change["new"]) if change["new"] else None


def _to_columns(frame: Any) -> dict[str, list[Any]]:
    """Convert the catalogue to lists by column, with None for missing values and an estimate of memory."""
    columns = {name: _to_list(frame[name]) for name in COLUMNS}
    sizes = zip(columns["parameters"], columns["gmacs"], columns["image_size"], strict=True)
    columns["memory"] = [estimate_training_memory(n or 0, gmacs, size, BATCH_SIZE) for n, gmacs, size in sizes]
    columns["offline"] = [bool(is_offline) for is_offline in frame["offline"]]
    return columns


def _to_list(column: Any) -> list[Any]:
    return [None if missing else value for value, missing in zip(column.tolist(), column.isna(), strict=True)]
