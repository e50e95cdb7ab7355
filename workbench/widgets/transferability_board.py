"""Which backbone: scores, their doubt and the verdict, filled in the background; a click loads a backbone."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import traitlets

from workbench.arguments import check_arguments, check_options
from workbench.errors import BadValue
from workbench.widgets.base import Panel, script, sentence, shown

if TYPE_CHECKING:
    from workbench.images import Images

RANDOM = "random"


class TransferabilityBoard(Panel):
    """Ranks backbones for some images before any training, and lets a person choose one.

    Args:
        images: the target's images, or None until there are some.
        backbones: as `wb.rank` takes them; None is the built-in zoo with a random control.
        options: further arguments of `wb.rank`, such as `limit=500`.

    Attributes:
        backbone: the product: the name of the row that was clicked; empty until one is.
        choice: the product: the same for a plan, as a choice, or as the net in memory that was measured; or None.
        ranking: what there is, also while it is computed.
        trial: the short trial, or None.
        words: the backbones to rank, parted by commas; `NAME random` is one with random weights.
        about: what the page shows of the work: busy, what, share done, and why a button is off.
    """

    _esm = script("transferability_board.mjs")

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
            from workbench.ranking import rankings

            check_options(rankings, options, "TransferabilityBoard")
        super().__init__()
        self._options, self._stop = options, threading.Event()
        self._thread: threading.Thread | None = None
        self._held = {} if backbones is None else _named(backbones)
        self.words = ", ".join(self._held or _named(builtin()))
        self.images = images
        self.on_msg(lambda _, content, __: self.answer(content))
        self._say()

    @check_arguments
    @shown
    def answer(self, content: dict[str, Any]) -> None:
        """Starts, stops, tries or picks, when the page asks for it."""
        wanted = content.get("do")
        if wanted == "rank":
            self.rank()
        if wanted == "stop":
            self.stop()
        if wanted == "try":
            self.run_trial(float(content.get("seconds") or 0))
        if wanted == "pick":
            self.pick(str(content.get("name")))

    @check_arguments
    def rank(self) -> None:
        """Ranks the backbones in the background; what is there is shown as it comes.

        Raises:
            BadValue: no images, or work under way.
        """
        from workbench.ranking import rankings

        images = self._images_if_free()
        course = rankings(self.backbones(), images, **self._options)
        self.trial = None
        self._start("ranking", lambda: self._follow(course))

    @check_arguments
    def run_trial(self, seconds: float) -> None:
        """Runs the short trial of those that the verdict lies among, in the background.

        Raises:
            BadValue: nothing is ranked yet, a budget below a second, or work under way.
        """
        from workbench.ranking import short_trial

        images, ranking = self._images_if_free(), self.ranking
        if ranking is None or len(ranking.done) < 2:
            raise BadValue("rank two backbones at least before you try them")
        if seconds < 1:
            raise BadValue("the budget of a trial is in seconds, from 1")

        def watch(share: float) -> bool:
            self._say(share=share)
            return not self._stop.is_set()

        def tried() -> None:
            self.trial = short_trial(ranking, images, seconds=seconds, progress=False, watch=watch)

        self._start(f"short trial of {len(ranking.verdict.among) or 2}, {seconds:g} s", tried)

    @check_arguments
    def stop(self) -> None:
        """Ends a ranking after the backbone that is being measured, a trial once all are level; what there is stays."""
        self._stop.set()
        self._say()

    @check_arguments
    def pick(self, name: str) -> None:
        """Chooses a backbone that was measured, by the ranking's name for it."""
        found = next((s for s in self.ranking.done if s.name == name), None) if self.ranking else None
        if found is None:
            raise BadValue(f"{name} was not measured, so it cannot be chosen")
        self.backbone, self.choice = name, found.backbone

    @check_arguments
    def wait(self, timeout: float | None = None) -> None:
        """Returns when no work is under way, or after `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)

    @check_arguments
    def figure(self) -> Any:
        """The board as a plain figure, which an HTML export keeps.

        Raises:
            BadValue: nothing is ranked yet.
        """
        from workbench import figures

        if self.ranking is None:
            raise BadValue("nothing is ranked yet: press Rank, or call rank()")
        return figures.ranking(self.ranking)

    @check_arguments
    def backbones(self) -> list[Any]:
        """The backbones that the words name."""
        names = [name.strip() for name in re.split(r"[,\n]", self.words)]
        return [self._held.get(name) or _spoken(name) for name in names if name]

    def _images_if_free(self) -> Images:
        if self.images is None:
            raise BadValue("there are no images yet: open some in Data")
        if self.about.get("busy"):
            raise BadValue("work is under way: stop it, or wait for its end")
        return self.images

    def _start(self, what: str, call: Any) -> None:
        self._stop.clear()
        self._say(busy=True, what=what, share=0.0)

        def work() -> None:
            try:
                call()
            except Exception as error:
                self.error = sentence(error)
            self._say(busy=False, share=0.0)

        self._thread = threading.Thread(target=work, name="workbench-ranking", daemon=True)
        self._thread.start()

    def _follow(self, course: Any) -> None:
        for ranking in course:
            self.ranking = ranking
            done = len(ranking.scored)
            self._say(what=f"{done} of {ranking.wanted} backbones measured", share=done / ranking.wanted)
            if self._stop.is_set():
                course.close()
                return

    def _say(self, **changes: Any) -> None:
        state = {"busy": False, "what": "", "share": 0.0, **self.about, **changes}
        ranking = self.ranking
        no_trial = "" if ranking is not None and len(ranking.done) > 1 else "rank two backbones at least first"
        busy = "work is under way" if state["busy"] else ""
        trial = state["busy"] and state["what"].startswith("short trial")
        stopping = state["busy"] and self._stop.is_set()
        ending = "it ends once all have trained equally far" if trial else "it ends after the present backbone"
        self.about = {
            **state,
            "images": "" if self.images is None else self.images.name,
            "no_rank": busy or ("" if self.images is not None else "there are no images yet: open some in Data"),
            "no_stop": ending if stopping else "" if busy else "nothing is under way",
            "no_trial": busy or no_trial,
        }

    @traitlets.observe("ranking", "trial")
    def _found(self, _: Any) -> None:
        self.board = shown_board(self.ranking, self.trial) if self.ranking is not None else {}
        self._say()

    @traitlets.observe("images")
    def _images_changed(self, _: Any) -> None:
        if hasattr(self, "_stop"):
            self.ranking = self.trial = None
            self._say()


def builtin() -> list[Any]:
    """The nets of the built-in zoo, and one of them with random weights."""
    from workbench.nets import backbones

    names = [name for name in backbones("offline")["name"] if name.startswith("wb/")]
    return [*names, *({"name": name, "params": {"pretrained": False}} for name in names[:1])]


def shown_board(ranking: Any, trial: Any) -> dict[str, Any]:
    """A ranking as the page shows it: columns, and a row a backbone with a cell a column."""
    verdict, frame = ranking.verdict, ranking.frame
    spans = {(r.backbone, r.score): r for r in ranking.intervals.itertuples()}
    why = {(r.backbone, r.score): r.reason for r in ranking.absent.itertuples()}
    columns = ["consensus", *ranking.scores, *ranking.baselines]
    columns = [c for c in columns if c in frame and frame[c].notna().any()]
    places = {c: frame[c].rank(ascending=c == "consensus", method="min") for c in columns}
    rows = []
    for at, row in frame.iterrows():
        cells = {}
        for column in columns:
            span = spans.get((row["backbone"], column))
            low, high = (span.low, span.high) if span is not None else (None, None)
            numbers = {"value": row[column], "low": low, "high": high, "place": places[column][at]}
            cells[column] = {k: _plain(v) for k, v in numbers.items()}
            cells[column]["why"] = why.get((row["backbone"], column), "")
        rows.append({"name": row["backbone"], "reason": row["reason"], "cells": cells})
    kinds = {c: "consensus" if c == "consensus" else "baseline" if c in ranking.baselines else "score" for c in columns}
    return {
        "title": str(verdict)[:1].upper() + str(verdict)[1:],
        "kind": verdict.kind,
        "among": list(verdict.among),
        "cautions": list(ranking.cautions),
        "rule": ranking.rule,
        "columns": [{"name": c, "kind": kinds[c], "votes": c in ranking.voting} for c in columns],
        "rows": rows,
        "trial": str(trial) if trial is not None else "",
    }


def _plain(value: Any) -> float | None:
    return None if value is None or value != value else float(value)


def _named(backbones: Sequence[Any]) -> dict[str, Any]:
    """Backbones by the words that name them in the field."""
    from workbench.ranking.asked import asked

    found = {}
    for backbone, one in zip(backbones, asked(list(backbones)), strict=True):
        blank = one.by_name and one.choice.params == {"pretrained": False}
        found[f"{one.choice.name} {RANDOM}" if blank else one.name.replace(",", ";")] = backbone
    return found


def _spoken(name: str) -> Any:
    """A backbone as a person types it."""
    bare, _, last = name.rpartition(" ")
    return {"name": bare, "params": {"pretrained": False}} if last == RANDOM and bare else name
