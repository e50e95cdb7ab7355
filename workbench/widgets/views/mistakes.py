"""Most confident mistakes as thumbnails to click: a click opens saliency maps of the predicted and the true class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import traitlets

from workbench.figures.image_grids.heatmap_overlay import normalize_maps, overlay_heatmap
from workbench.figures.image_grids.thumbnails import mistakes_title
from workbench.formatting import format_percent, to_data_uri
from workbench.widgets.base import Panel, bundle_script, show_errors
from workbench.widgets.components.background_task import BackgroundTask

METHOD, ENLARGED_SIZE = "grad-cam", 224  # saliency method; pixels


class Mistakes(Panel):
    """Wrong predictions as thumbnails; a click shows their saliency maps.

    Attributes:
        result: result of `wb.probes.saliency` for the opened mistake, for the predicted and the true class; or None.
        opened: index of the opened mistake; -1 for none.
    """

    _esm = bundle_script("mistakes.mjs")

    result = traitlets.Any(None, allow_none=True)
    cards = traitlets.List().tag(sync=True)
    title = traitlets.Unicode("").tag(sync=True)
    opened = traitlets.Int(-1).tag(sync=True)
    clickable = traitlets.Bool(False).tag(sync=True)
    detail = traitlets.Dict().tag(sync=True)
    busy = traitlets.Unicode("").tag(sync=True)

    def __init__(self) -> None:
        super().__init__()
        self._task = BackgroundTask(self)
        self._net: Callable[[], Any] = lambda: None
        self._rows: Any = None
        self._images: Any = None

    def show(
        self,
        frame: Any,
        pictures: list[np.ndarray],
        images: Any,
        net: Callable[[], Any],
        clickable: bool,
        heading: str = "",
    ) -> None:
        """Show other mistakes.

        Args:
            frame: true, predicted, confidence, id; one row per mistake, most confident first.
            pictures: uint8 (H, W, 3), one per mistake to show.
            images: images that contain the mistakes.
            net: function that returns the net when it is first needed.
            clickable: True if the predictions are classes, of which there are maps.
            heading: which mistakes they are; that of `figures.confident_mistakes` by default.
        """
        self._net, self._rows, self._images, self.result = net, frame.reset_index(drop=True), images, None
        self.opened, self.detail, self.busy, self.error = -1, {}, "", ""
        self.clickable = clickable
        hint = "; click one to see its saliency maps" if clickable and len(frame) else ""
        self.title = f"{heading or mistakes_title(frame, len(pictures))}{hint}"
        self.cards = [
            {"picture": to_data_uri(picture), "true": str(row.true), "said": str(row.predicted),
             "sure": f"confidence {format_percent(row.confidence)}", "id": str(row.id)}
            for row, picture in zip(frame.itertuples(index=False), pictures, strict=False)
        ]  # fmt: skip

    def clear(self) -> None:
        """Remove all mistakes."""
        self.cards, self.title, self.opened, self.detail, self.result = [], "", -1, {}, None

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the maps are computed, or for `timeout` seconds."""
        self._task.wait(timeout)

    @traitlets.observe("opened")
    @show_errors
    def _opened_changed(self, _: Any) -> None:
        self.detail, self.result = {}, None
        if not (self.clickable and 0 <= self.opened < len(self.cards)):
            self.busy = ""
            return
        row, rows, part, net = self.opened, self._rows, self._images, self._net
        self.busy = "Computing saliency maps …"
        self._task.submit(lambda: self._compute_maps(row, rows.iloc[row], part, net))

    @show_errors
    def _compute_maps(self, index: int, row: Any, images: Any, net: Callable[[], Any]) -> None:
        from workbench.probes import saliency
        from workbench.probes.attribution._saliency import concatenate_saliency

        try:
            image_index = int(np.flatnonzero(images.frame["id"].to_numpy() == row.id)[0])
            image, model = images.subset(rows=[image_index]), net()
            result = concatenate_saliency(
                [saliency(model, image, METHOD, target=str(k)) for k in (row.predicted, row.true)]
            )
            if self.opened != index or self._images is not images:
                return
            self.result, self.detail = result, self._build_detail(result, row)
        finally:
            if self.opened == index:
                self.busy = ""

    def _build_detail(self, result: Any, row: Any) -> dict[str, Any]:
        maps = normalize_maps(result.maps)
        p_predicted, p_true = (float(p) for p in result.frame["probability"])
        pictures = [result.images[0], *(overlay_heatmap(result.images[k], maps[k], result.signed) for k in (0, 1))]
        words = [
            [str(row.id), f"{row.true}, predicted as {row.predicted}"],
            [
                f"saliency for {row.predicted}",
                format_percent(p_predicted) + _note_empty_map(result.maps[0]),
            ],
            [f"saliency for {row.true}", format_percent(p_true) + _note_empty_map(result.maps[1])],
        ]
        return {
            "heading": f"Saliency for the predicted class {row.predicted} and the true class {row.true}",
            "cells": [
                {"picture": to_data_uri(_enlarge_picture(p)), "words": w} for p, w in zip(pictures, words, strict=True)
            ],
            "note": f"{result.method} at {result.layer}; bright: most important, each map on its own scale.",
        }


def _note_empty_map(values: np.ndarray) -> str:
    return "" if values.any() else "; empty map"


def _enlarge_picture(picture: np.ndarray) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize((ENLARGED_SIZE, ENLARGED_SIZE), Image.Resampling.BICUBIC))
