"""The surest mistakes as pictures to click: each opens with where the net looked for its answer, and for the truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import traitlets

from workbench.figures.overlays import overlaid, scaled
from workbench.widgets import drawings
from workbench.widgets.base import Panel, script, shown
from workbench.widgets.latest import Latest

METHOD, OPENED = "grad-cam", 224  # how it is asked; pixels


class Mistakes(Panel):
    """Wrong answers as thumbnails; a click shows what the net looked at.

    Attributes:
        found: what `wb.probes.saliency` gave for the opened mistake, for what was said and for the truth; or None.
        opened: the mistake that is open, counted from 0; -1 for none.
    """

    _esm = script("mistakes.mjs")

    found = traitlets.Any(None, allow_none=True)
    cards = traitlets.List().tag(sync=True)
    title = traitlets.Unicode("").tag(sync=True)
    opened = traitlets.Int(-1).tag(sync=True)
    clickable = traitlets.Bool(False).tag(sync=True)
    detail = traitlets.Dict().tag(sync=True)
    busy = traitlets.Unicode("").tag(sync=True)

    def __init__(self) -> None:
        super().__init__()
        self._work = Latest(self)
        self._net: Callable[[], Any] = lambda: None
        self._rows: Any = None
        self._part: Any = None

    def show(self, frame: Any, pictures: list[np.ndarray], part: Any, net: Callable[[], Any], clickable: bool) -> None:
        """Shows other mistakes.

        Args:
            frame: true, predicted, confidence, id; a row a mistake.
            pictures: uint8 (H, W, 3), one each.
            part: the images that they are of.
            net: gives the net when it is first asked.
            clickable: whether the answers are classes of which there are maps.
        """
        self._net, self._rows, self._part, self.found = net, frame.reset_index(drop=True), part, None
        self.opened, self.detail, self.busy, self.error = -1, {}, "", ""
        self.clickable = clickable
        hint = ": click one to see what it looked at" if clickable and len(frame) else ""
        self.title = f"The surest mistakes{hint}" if len(frame) else "No mistakes"
        self.cards = [
            {"picture": drawings.data_uri(picture), "true": str(row.true), "said": str(row.predicted),
             "sure": f"{drawings.percent(row.confidence)} sure", "id": str(row.id)}
            for row, picture in zip(frame.itertuples(index=False), pictures, strict=False)
        ]  # fmt: skip

    def clear(self) -> None:
        """Shows nothing."""
        self.cards, self.title, self.opened, self.detail, self.found = [], "", -1, {}, None

    def wait(self, timeout: float | None = None) -> None:
        """Returns when the maps are there, or after `timeout` seconds."""
        self._work.wait(timeout)

    @traitlets.observe("opened")
    @shown
    def _opened(self, _: Any) -> None:
        self.detail, self.found = {}, None
        if not (self.clickable and 0 <= self.opened < len(self.cards)):
            self.busy = ""
            return
        row, rows, part, net = self.opened, self._rows, self._part, self._net
        self.busy = "Asking the net where it looked …"
        self._work.ask(lambda: self._look(row, rows.iloc[row], part, net))

    @shown
    def _look(self, at: int, row: Any, part: Any, net: Callable[[], Any]) -> None:
        from workbench.probes import saliency
        from workbench.probes.looking import joined

        try:
            place = int(np.flatnonzero(part.frame["id"].to_numpy() == row.id)[0])
            picture, asked = part.part(rows=[place]), net()
            found = joined([saliency(asked, picture, METHOD, target=str(k)) for k in (row.predicted, row.true)])
            if self.opened != at or self._part is not part:
                return
            self.found, self.detail = found, self._told(found, row)
        finally:
            if self.opened == at:
                self.busy = ""

    def _told(self, found: Any, row: Any) -> dict[str, Any]:
        maps = scaled(found.maps)
        said, true = (float(p) for p in found.frame["probability"])
        pictures = [found.pictures[0], *(overlaid(found.pictures[k], maps[k], found.signed) for k in (0, 1))]
        words = [
            [str(row.id), f"{row.true}, called {row.predicted}"],
            [f"what says {row.predicted}", drawings.percent(said) + _nothing(found.maps[0])],
            [f"what says {row.true}", drawings.percent(true) + _nothing(found.maps[1])],
        ]
        return {
            "heading": f"Where it looked to call this {row.predicted}, and what there is of {row.true}",
            "cells": [
                {"picture": drawings.data_uri(_large(p)), "words": w} for p, w in zip(pictures, words, strict=True)
            ],
            "note": f"{found.method} at {found.layer}; bright is what counts most, each map on its own scale.",
        }


def _nothing(values: np.ndarray) -> str:
    return "" if values.any() else "; nowhere in particular"


def _large(picture: np.ndarray) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize((OPENED, OPENED), Image.Resampling.BICUBIC))
