"""Choosing a backbone: a table to search and sort, and size against accuracy beside it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import traitlets

from workbench.arguments import check_arguments
from workbench.errors import WorkbenchError
from workbench.plan import Choice
from workbench.widgets.base import Panel, script, sentence, shown
from workbench.widgets.memory import available_memory, training_memory
from workbench.widgets.words import memory

if TYPE_CHECKING:
    from workbench.images import Images

SHOWN = ("name", "family", "parameters", "gmacs", "image_size", "pretrained_on", "licence", "top1", "top1_source")
BATCH = 32


class BackbonePicker(Panel):
    """Says which pretrained backbone to start from.

    Args:
        query: what to look for at first, as `wb.backbones` takes it: words, and bounds after a comma.
        offline_only: only those whose weights are on this machine.
        images: the images that it is for; named in the title.

    Attributes:
        backbone: the product: the name that `wb.load` takes; empty until one is chosen.
        choice: the product: the same as a choice for a plan, or None.
    """

    _esm = script("backbone_picker.mjs")

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
        from workbench.nets import backbones

        self._lock = threading.Lock()
        self._frame = backbones()
        self._places = {name: place for place, name in enumerate(self._frame["name"])}
        limit, place = available_memory()
        super().__init__(
            query=query,
            offline_only=offline_only,
            rows=_columns(self._frame),
            title=f"Backbones for {images.name}" if images is not None else "Backbones",
            limit=float(limit),
            limit_words=f"{memory(limit)} of {place}",
            **traits,
        )
        self.find()

    @property
    def frame(self) -> Any:
        """The backbones found, as `wb.backbones` gives them."""
        return self._frame.iloc[self.found].reset_index(drop=True)

    @traitlets.observe("query", "offline_only")
    @shown
    def find(self, _change: Any = None) -> None:
        """Looks for the query; one that cannot be read yet leaves what was found before, with the reason beneath."""
        if not self.rows:
            return
        from workbench.nets import backbones

        with self._lock:
            try:
                names = backbones(self.query or None)["name"]
            except WorkbenchError as error:
                self.note = sentence(error)
                return
            places = [self._places[name] for name in names if name in self._places]
            if self.offline_only:
                here = self.rows["offline"]
                places = [place for place in places if here[place]]
            self.note = ""
            self.found = places

    @check_arguments
    def figure(self) -> Any:
        """Size against published accuracy of what was found as a plain figure, which an HTML export keeps."""
        from workbench import figures

        return figures.backbones(self.frame)

    @traitlets.observe("backbone")
    def _chosen(self, change: Any) -> None:
        self.choice = Choice(change["new"]) if change["new"] else None


def _columns(frame: Any) -> dict[str, list[Any]]:
    """The frame as lists by column, None for what is missing, with the estimate of memory beside it."""
    columns = {name: _plain(frame[name]) for name in SHOWN}
    sizes = zip(columns["parameters"], columns["gmacs"], columns["image_size"], strict=True)
    columns["memory"] = [training_memory(n or 0, gmacs, size, BATCH) for n, gmacs, size in sizes]
    columns["offline"] = [bool(here) for here in frame["offline"]]
    return columns


def _plain(column: Any) -> list[Any]:
    return [None if missing else value for value, missing in zip(column.tolist(), column.isna(), strict=True)]
