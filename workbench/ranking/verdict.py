"""What a ranking comes to, in words: a clear winner, a tie, or scores that disagree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from workbench.errors import printable_text
from workbench.ranking.consensus import combined, families, places

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["winner", "tie", "disagree", "nothing"]
RARE = 0.05  # of the draws: one who is ahead more often is not beaten
SURE = 0.9  # of the draws: scores that name their first so often mean it
MAJORITY = 0.6  # of the scores, that a clear winner needs
TRIAL = "run the short trial"
MOST = 4  # that a trial is proposed for
UNSETTLED = 0.7  # weighted tau between the order on half of the images and on all


@dataclass(frozen=True)
class Verdict:
    """The answer, and how far to trust it.

    Attributes:
        kind: `winner`, `tie`, `disagree`, or `nothing` to compare.
        leader: the first by consensus; empty where there is none.
        among: those that the answer lies among, the leader first.
        lead: share of the draws of images in which the leader leads, 0..1.
        support: share of the voting scores that put the leader first, 0..1.
        sentence: all of it in words.
    """

    kind: Kind
    leader: str
    among: tuple[str, ...]
    lead: float
    support: float
    sentence: str

    @printable_text
    def __str__(self) -> str:
        return self.sentence


def judged(
    names: Sequence[str],
    values: Mapping[str, np.ndarray],
    halves: Mapping[str, np.ndarray],
) -> Verdict:
    """The verdict over backbones.

    Args:
        names: of the n backbones.
        values: voting score -> values (n,), larger is better.
        halves: voting score -> its values on draws of the images, (R, n).
    """
    if len(names) < 2 or not values:
        return _nothing(names)
    order = combined(values)
    leader = int(np.argmin(order))
    drawn = np.array([combined({s: halves[s][r] for s in halves}) for r in range(len(next(iter(halves.values()))))])
    lead = float(_leads(drawn)[leader])
    own = drawn[:, [leader]]
    near = ((drawn < own) + (drawn == own) / 2).mean(0) > RARE
    firsts = {score: int(np.argmin(places(v))) for score, v in values.items()}
    support = float(np.mean([first == leader for first in firsts.values()]))
    firsts_of = [_sure_first([halves[s] for s in members]) for members in _parties(list(values))]
    sure = {first for first in firsts_of if first is not None}
    torn = len(sure) > 1 or support < MAJORITY
    rivals = set(np.flatnonzero(near).tolist()) | (sure | _named(firsts) if torn else set())
    among = tuple(names[i] for i in sorted(rivals | {leader}, key=lambda i: (order[i], i))[:MOST])
    kind: Kind = "disagree" if torn and len(among) > 1 else "tie" if len(among) > 1 else "winner"
    return Verdict(kind, names[leader], among, lead, support, _said(kind, among, lead, support, firsts, names))


def _parties(names: Sequence[str]) -> list[list[str]]:
    """Scores that are heard together: the families, but those that learn something on the features one by one.

    These come closest to a training, so one of them that is sure of another winner is doubt enough.
    """
    found = families(names)
    alone = [[name] for name in found.pop("trained", [])]
    return [*found.values(), *alone]


def _leads(drawn: np.ndarray) -> np.ndarray:
    """The share of draws in which each is first, (n,); those who share a first place share the draw. drawn (R, n)."""
    first = drawn == drawn.min(1, keepdims=True)
    return (first / first.sum(1, keepdims=True)).mean(0)


def _sure_first(halves: Sequence[np.ndarray]) -> int | None:
    """The first by some scores together, if nearly every draw names it; each (R, n)."""
    drawn = np.array([np.mean([places(h[r]) for h in halves], axis=0) for r in range(len(halves[0]))])
    share = _leads(drawn)
    return int(share.argmax()) if share.max() >= SURE else None


def _named(firsts: Mapping[str, int]) -> set[int]:
    """Those that at least two scores put first."""
    counts = np.bincount(list(firsts.values()))
    return set(np.flatnonzero(counts >= 2).tolist())


def _said(
    kind: Kind, among: Sequence[str], lead: float, support: float, firsts: Mapping[str, int], names: Sequence[str]
) -> str:
    count = f"{round(support * len(firsts))} of {len(firsts)} scores"
    if kind == "winner":
        return f"a clear winner: {among[0]} leads in {lead:.0%} of the draws of images, by {count}"
    if kind == "tie":
        return f"a tie among {_listed(among)}: {among[0]} leads in {lead:.0%} of the draws of images; {TRIAL}"
    votes = {name: [s for s, first in firsts.items() if names[first] == name] for name in among}
    told = ", ".join(f"{', '.join(who)} for {name}" for name, who in votes.items() if who)
    return f"the scores disagree ({told}): {TRIAL} among {_listed(among)}"


def _nothing(names: Sequence[str]) -> Verdict:
    leader = names[0] if names else ""
    what = f"only {leader} could be scored" if names else "no backbone could be scored"
    if len(names) > 1:
        leader, what = "", "no score could be computed for all backbones"
    return Verdict("nothing", leader, tuple(names), 0.0, 0.0, f"nothing to compare: {what}")


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def cautions(
    verdict: Verdict,
    flips: pd.DataFrame,
    curve: pd.DataFrame,
    order: Callable[[str], np.ndarray],
    names: Sequence[str],
    baselines: Sequence[str],
) -> tuple[str, ...]:
    """Reasons for doubt that the verdict does not weigh, a sentence each.

    Args:
        flips: left_out, leader and flips.
        curve: images, score and tau.
        order: gives what sorts the backbones by a baseline, larger is better, (n,).
        names: of the backbones.
        baselines: names of those that are known.
    """
    if verdict.kind == "nothing":
        return ()
    found = [
        f"the order hangs on one backbone: without {row.left_out}, {row.leader} leads the others"
        for row in flips[flips["flips"]].itertuples()
    ]
    told = curve[curve["score"] == "consensus"]
    if len(told) and told.iloc[-1]["tau"] < UNSETTLED:
        tau, images = told.iloc[-1]["tau"], told.iloc[-1]["images"]
        found.append(f"more images would change it: {images} of them give another order, weighted τ {tau:.2f}")
    other: dict[str, list[str]] = {}
    for baseline in baselines:
        values = order(baseline)
        if np.isfinite(values).sum() > 1 and np.nanmax(values) > np.nanmin(values):
            other.setdefault(names[int(np.nanargmax(values))], []).append(baseline)
    found += [
        f"{' and '.join(who)} alone would choose {name}" for name, who in other.items() if name not in verdict.among
    ]
    return tuple(found)
