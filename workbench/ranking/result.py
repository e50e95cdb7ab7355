"""A ranking: the scores, the doubt with them, and the answer in words; frozen data."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from workbench.arguments import check_arguments
from workbench.errors import BadValue, UnknownName, printable_text
from workbench.ranking import consensus, stability
from workbench.ranking.measuring import Scored
from workbench.ranking.verdict import Verdict, cautions, judged

CONSENSUS = "consensus"


@check_arguments
@dataclass(frozen=True, eq=False)
class Ranking:
    """Backbones in the order in which they promise to transfer to some images.

    Attributes:
        target: what the images are called.
        scored: what was measured, a backbone each, in the order in which they were asked for.
        scores: names of the scores, as asked for.
        wanted: how many backbones were asked for; more than `scored` while it goes on.
    """

    target: str
    scored: tuple[Scored, ...]
    scores: tuple[str, ...]
    wanted: int

    @functools.cached_property
    def done(self) -> tuple[Scored, ...]:
        """Those that could be measured."""
        return tuple(s for s in self.scored if not s.failure)

    @functools.cached_property
    def voting(self) -> tuple[str, ...]:
        """The scores that every measured backbone has, on all images and on every draw: the consensus is theirs."""
        held = [[n for n, h in s.halves.items() if n in s.values and np.isfinite(h).all()] for s in self.done]
        return tuple(name for name in self.scores if held and all(name in names for names in held))

    @functools.cached_property
    def baselines(self) -> tuple[str, ...]:
        """The naive baselines that stand beside the scores."""
        seen = dict.fromkeys(n for s in self.scored for n in [*s.values, *s.absent])
        return tuple(n for n in seen if n not in self.scores)

    @property
    def rule(self) -> str:
        """How the consensus comes about, in words."""
        return consensus.RULE.format(families=", ".join(consensus.families(self.voting)) or "none votes here")

    @functools.cached_property
    def frame(self) -> pd.DataFrame:
        """A row a backbone, the best by consensus first, failures last.

        Columns: backbone, place (1 is first), consensus (mean place, 0 best to 1 worst), each score, each baseline,
        images, seconds, reason (of a failure).
        """
        columns = [*self.scores, *self.baselines]
        rows = [
            {"backbone": s.name, "place": pd.NA, CONSENSUS: np.nan, **{c: s.values.get(c, np.nan) for c in columns}}
            | {"images": s.images, "seconds": round(s.seconds, 2), "reason": s.failure}
            for s in self.scored
        ]
        found = pd.DataFrame(rows, columns=["backbone", "place", CONSENSUS, *columns, "images", "seconds", "reason"])
        order = dict(zip((s.name for s in self.done), self.combined(self.done), strict=True))
        found[CONSENSUS] = found["backbone"].map(order).astype(float)
        found["place"] = found[CONSENSUS].rank(method="min").astype("Int64")
        return found.sort_values(CONSENSUS, kind="stable", na_position="last").reset_index(drop=True)

    @functools.cached_property
    def absent(self) -> pd.DataFrame:
        """Why a backbone lacks a score or a baseline: backbone, score, reason."""
        rows = [(s.name, score, why) for s in self.scored for score, why in s.absent.items()]
        return pd.DataFrame(rows, columns=["backbone", "score", "reason"])

    @functools.cached_property
    def intervals(self) -> pd.DataFrame:
        """90 % intervals over draws of the images: backbone, score (or `consensus`), value, low, high."""
        return stability.intervals(self)

    @functools.cached_property
    def flips(self) -> pd.DataFrame:
        """What leaving out one backbone does to the others: left_out, leader, flips, tau, agreement.

        The first of the others by consensus, whether that is another than stands first of them with it, the weighted
        tau of their order with and without it, and the mean weighted tau between voting scores without it.
        """
        return stability.flips(self)

    @functools.cached_property
    def curve(self) -> pd.DataFrame:
        """How the order settles with the number of images: images, score, tau, low, high, leads.

        Weighted tau with the order on all images, its mean, least and greatest over draws; and the share of draws
        with the same first.
        """
        return stability.curve(self)

    @functools.cached_property
    def agreement(self) -> pd.DataFrame:
        """Weighted tau between the orders by every two of consensus, scores and baselines."""
        return stability.agreement(self)

    @functools.cached_property
    def verdict(self) -> Verdict:
        """The answer in words."""
        return judged([s.name for s in self.done], self.table(self.done), self.drawn)

    @functools.cached_property
    def cautions(self) -> tuple[str, ...]:
        """Further reasons for doubt, a sentence each."""
        return cautions(self.verdict, self.flips, self.curve, self.order, [s.name for s in self.done], self.baselines)

    @check_arguments
    def order(self, name: str) -> np.ndarray:
        """What sorts the measured backbones by a score, a baseline or `consensus`; larger is better, (n,).

        Raises:
            BadValue: no such column.
        """
        if name == CONSENSUS:
            return -self.combined(self.done)
        if name not in (*self.scores, *self.baselines):
            raise BadValue(f"this ranking has no {name!r}; it has {', '.join([CONSENSUS, *self.scores])}")
        return consensus.rising(name, np.array([s.values.get(name, np.nan) for s in self.done]))

    @functools.cached_property
    def drawn(self) -> dict[str, np.ndarray]:
        """Voting score -> its values on draws of the images, (R, n), larger is better."""
        return {v: np.array([consensus.rising(v, s.halves[v]) for s in self.done]).T for v in self.voting}

    @check_arguments
    def table(self, those: Sequence[Scored]) -> dict[str, np.ndarray]:
        """Voting score -> its values for some backbones, larger is better."""
        return {v: consensus.rising(v, np.array([s.values[v] for s in those])) for v in self.voting}

    @check_arguments
    def combined(self, those: Sequence[Scored]) -> np.ndarray:
        """The consensus among some backbones, 0 best to 1 worst."""
        return consensus.combined(self.table(those)) if self.voting else np.full(len(those), np.nan)

    @check_arguments
    def among(self, names: Sequence[str]) -> Ranking:
        """What this ranking would say if only these backbones had been asked for; nothing is measured again.

        Raises:
            UnknownName: one that is not in this ranking.
        """
        known = {s.name: s for s in self.scored}
        for name in names:
            if name not in known:
                raise UnknownName.of("backbone of this ranking", name, known)
        return Ranking(self.target, tuple(known[name] for name in names), self.scores, len(names))

    @check_arguments
    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON holds it."""
        return stability.told(self)

    @printable_text
    def __str__(self) -> str:
        waiting = self.wanted - len(self.scored)
        return f"{self.target}: {self.verdict}" + (f" ({waiting} backbones are still to come)" if waiting else "")

    @printable_text
    def __repr__(self) -> str:
        return "\n".join([str(self), *self.cautions, self.frame.to_string(max_cols=8)])

    def _repr_html_(self) -> str:
        doubts = "".join(f"<li>{escape(c)}</li>" for c in self.cautions)
        table = self.frame.to_html(escape=True, index=False, float_format="{:.3g}".format, na_rep="–")
        return f"<p><b>{escape(str(self))}</b></p><ul>{doubts}</ul>{table}"
