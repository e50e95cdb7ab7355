"""Transferability board: scores of backbones, their uncertainty and the verdict; a click chooses a backbone."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import traitlets

from workbench.argument_checks import check_arguments, check_options
from workbench.errors import BadValue
from workbench.widgets.base import Panel, bundle_script, format_error, show_errors

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images

__all__ = ["TransferabilityBoard"]

RANDOM = "random"


class TransferabilityBoard(Panel):
    """Ranking of backbones for given images before any training, in which a person chooses one.

    Args:
        images: images of the target domain, or None until there are some.
        backbones: backbones as `wb.rank_backbones` takes them; None is the built-in zoo with a random control.
        options: further arguments of `wb.rank_backbones`, such as `limit=500`.

    Attributes:
        backbone: result: name of the clicked row; empty until one is clicked.
        choice: result: the same for a plan, as a choice or as the measured net in memory; or None.
        ranking: ranking so far, also while it is computed.
        trial: result of the successive halving, or None.
        words: backbones to rank, separated by commas; `NAME random` is one with random weights.
        about: state for the page: busy, what, fraction done, and reasons why a button is disabled.
    """

    _esm = bundle_script("transferability_board.mjs")

    backbone = traitlets.Unicode("").tag(sync=True)
    choice = traitlets.Any(None)
    images = traitlets.Any(None, allow_none=True)
    ranking = traitlets.Any(None, allow_none=True)
    trial = traitlets.Any(None, allow_none=True)
    words = traitlets.Unicode("").tag(sync=True)
    about = traitlets.Dict().tag(sync=True)
    board = traitlets.Dict().tag(sync=True)

    @check_arguments
    def __init__(self, images: Images | None = None, backbones: Sequence[Any] | None = None, **options: Any) -> None:
        if options:
            from workbench.ranking.ranking import iter_rankings

            check_options(iter_rankings, options, "TransferabilityBoard")
        super().__init__()
        self._options, self._stop_event = options, threading.Event()
        self._thread: threading.Thread | None = None
        self._known_backbones = {} if backbones is None else _name_backbones(backbones)
        self.words = ", ".join(self._known_backbones or _name_backbones(list_builtin_backbones()))
        self.images = images
        self.on_msg(lambda _, content, __: self.handle_message(content))
        self._update_about()

    @check_arguments
    @show_errors
    def handle_message(self, content: dict[str, Any]) -> None:
        """Start or stop a ranking, start a trial, or choose a backbone, on the page's request."""
        request = content.get("do")
        if request == "rank":
            self.rank()
        if request == "stop":
            self.stop()
        if request == "try":
            self.run_trial(float(content.get("seconds") or 0))
        if request == "pick":
            self.pick(str(content.get("name")))

    @check_arguments
    def rank(self) -> None:
        """Rank the backbones in the background; show each as soon as it is measured.

        Raises:
            BadValue: no images, or work under way.
        """
        from workbench.ranking.ranking import iter_rankings

        images = self._get_images_if_idle()
        rankings = iter_rankings(self.parse_backbones(), images, **self._options)
        self.trial = None
        self._start_work("ranking", lambda: self._show_rankings(rankings))

    @check_arguments
    def run_trial(self, seconds: float) -> None:
        """Run successive halving of the backbones that the verdict cannot separate, in the background.

        Args:
            seconds: time budget, from 1.

        Raises:
            BadValue: nothing is ranked yet, a budget below one second, or work under way.
        """
        from workbench.ranking._successive_halving import successive_halving

        images, ranking = self._get_images_if_idle(), self.ranking
        if ranking is None or len(ranking.valid_results) < 2:
            raise BadValue("rank at least two backbones before a trial")
        if seconds < 1:
            raise BadValue("expected a time budget of at least 1 second for a trial")

        def watch(fraction: float) -> bool:
            self._update_about(share=fraction)
            return not self._stop_event.is_set()

        def run() -> None:
            self.trial = successive_halving(ranking, images, seconds=seconds, progress=False, callback=watch)

        self._start_work(f"short trial of {len(ranking.verdict.contenders) or 2}, {seconds:g} s", run)

    @check_arguments
    def stop(self) -> None:
        """Stop a ranking after the present backbone, or a trial once all have trained equally far; keep the results."""
        self._stop_event.set()
        self._update_about()

    @check_arguments
    def pick(self, name: str) -> None:
        """Choose a measured backbone by its name in the ranking."""
        result = next((s for s in self.ranking.valid_results if s.name == name), None) if self.ranking else None
        if result is None:
            raise BadValue(f"{name} was not measured, so it cannot be chosen")
        self.backbone, self.choice = name, result.backbone

    @check_arguments
    def wait(self, timeout: float | None = None) -> None:
        """Wait until no work is under way, or for `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)

    @check_arguments
    def figure(self) -> Any:
        """Return the board as a static figure that an HTML export keeps.

        Raises:
            BadValue: nothing is ranked yet.
        """
        from workbench import figures

        if self.ranking is None:
            raise BadValue("nothing is ranked yet: press Rank, or call rank()")
        return figures.ranking_table(self.ranking)

    @check_arguments
    def parse_backbones(self) -> list[Any]:
        """Parse the backbones named in `words`."""
        names = [name.strip() for name in re.split(r"[,\n]", self.words)]
        return [self._known_backbones.get(name) or _parse_backbone(name) for name in names if name]

    def _get_images_if_idle(self) -> Images:
        if self.images is None:
            raise BadValue("there are no images yet: open some in Data")
        if self.about.get("busy"):
            raise BadValue("work is under way: stop it, or wait until it has finished")
        return self.images

    def _start_work(self, text: str, call: Any) -> None:
        self._stop_event.clear()
        self._update_about(busy=True, what=text, share=0.0)

        def work() -> None:
            try:
                call()
            except Exception as error:
                self.error = format_error(error)
            self._update_about(busy=False, share=0.0)

        self._thread = threading.Thread(target=work, name="workbench-ranking", daemon=True)
        self._thread.start()

    def _show_rankings(self, rankings: Any) -> None:
        for ranking in rankings:
            self.ranking = ranking
            done = len(ranking.results)
            self._update_about(
                what=f"{done} of {ranking.n_requested} backbones measured", share=done / ranking.n_requested
            )
            if self._stop_event.is_set():
                rankings.close()
                return

    def _update_about(self, **changes: Any) -> None:
        state = {"busy": False, "what": "", "share": 0.0, **self.about, **changes}
        ranking = self.ranking
        no_trial = "" if ranking is not None and len(ranking.valid_results) > 1 else "rank at least two backbones first"
        busy = "work is under way" if state["busy"] else ""
        trial = state["busy"] and state["what"].startswith("short trial")
        stopping = state["busy"] and self._stop_event.is_set()
        ending = "it ends once all have trained equally far" if trial else "it ends after the present backbone"
        self.about = {
            **state,
            "images": "" if self.images is None else self.images.name,
            "no_rank": busy or ("" if self.images is not None else "there are no images yet: open some in Data"),
            "no_stop": ending if stopping else "" if busy else "no work is under way",
            "no_trial": busy or no_trial,
        }

    @traitlets.observe("ranking", "trial")
    def _ranking_changed(self, _: Any) -> None:
        self.board = build_board(self.ranking, self.trial) if self.ranking is not None else {}
        self._update_about()

    @traitlets.observe("images")
    def _images_changed(self, _: Any) -> None:
        if hasattr(self, "_stop_event"):
            self.ranking = self.trial = None
            self._update_about()


def list_builtin_backbones() -> list[Any]:
    """List the nets of the built-in zoo, and the first of them with random weights."""
    from workbench.nets.catalogue.backbone_search import search_backbones

    names = [name for name in search_backbones("offline")["name"] if name.startswith("wb/")]
    return [*names, *({"name": name, "params": {"pretrained": False}} for name in names[:1])]


def build_board(ranking: Any, trial: Any) -> dict[str, Any]:
    """Build the page's form of a ranking: columns, and one row per backbone with one cell per column."""
    verdict, frame = ranking.verdict, ranking.frame
    intervals = {(r.backbone, r.score): r for r in ranking.intervals.itertuples()}
    reasons = {(r.backbone, r.score): r.reason for r in ranking.missing_scores.itertuples()}
    columns = ["consensus", *ranking.scores, *ranking.baselines]
    columns = [c for c in columns if c in frame and frame[c].notna().any()]
    places = {c: frame[c].rank(ascending=c == "consensus", method="min") for c in columns}
    rows = []
    for index, row in frame.iterrows():
        cells = {}
        for column in columns:
            interval = intervals.get((row["backbone"], column))
            low, high = (interval.low, interval.high) if interval is not None else (None, None)
            numbers = {"value": row[column], "low": low, "high": high, "place": places[column][index]}
            cells[column] = {k: _to_float(v) for k, v in numbers.items()}
            cells[column]["why"] = reasons.get((row["backbone"], column), "")
        rows.append({"name": row["backbone"], "reason": row["reason"], "cells": cells})
    kinds = {c: "consensus" if c == "consensus" else "baseline" if c in ranking.baselines else "score" for c in columns}
    return {
        "title": str(verdict)[:1].upper() + str(verdict)[1:],
        "kind": verdict.kind,
        "among": list(verdict.contenders),
        "cautions": list(ranking.warnings),
        "rule": ranking.consensus_rule,
        "columns": [{"name": c, "kind": kinds[c], "votes": c in ranking.voting_scores} for c in columns],
        "rows": rows,
        "trial": str(trial) if trial is not None else "",
    }


def _to_float(value: Any) -> float | None:
    return None if value is None or value != value else float(value)


def _name_backbones(backbones: Sequence[Any]) -> dict[str, Any]:
    """Name backbones as the field for typing them does."""
    from workbench.ranking.backbone_specs import parse_backbones

    names = {}
    for backbone, spec in zip(backbones, parse_backbones(list(backbones)), strict=True):
        is_random = spec.is_named and spec.choice.params == {"pretrained": False}
        names[f"{spec.choice.name} {RANDOM}" if is_random else spec.name.replace(",", ";")] = backbone
    return names


def _parse_backbone(name: str) -> Any:
    """Parse a backbone as a person types it."""
    bare, _, last = name.rpartition(" ")
    return {"name": bare, "params": {"pretrained": False}} if last == RANDOM and bare else name
