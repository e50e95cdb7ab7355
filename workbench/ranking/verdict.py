"""Verdict of a ranking: a clear winner, a tie, or disagreeing scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from workbench.errors import escape_returned_text
from workbench.formatting import join_names
from workbench.ranking.consensus import consensus_ranks, group_by_family, relative_ranks

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Verdict"]

VerdictKind = Literal["winner", "tie", "disagree", "nothing"]
RARE_LEAD = 0.05  # share of halves: a backbone that is ahead of the leader more often remains a contender
SURE_LEAD = 0.9  # share of halves from which the leader of a score counts as certain
MAJORITY = 0.6  # share of scores that a clear winner needs
HALVING_ADVICE = "run successive halving"
MAX_CONTENDERS = 4  # maximum number of contenders
STABLE_TAU = 0.7  # weighted tau between the orders on half of the images and on all, below which a warning is given


@dataclass(frozen=True)
class Verdict:
    """Verdict of a ranking, with its reliability.

    Attributes:
        kind: `winner`, `tie`, `disagree`, or `nothing` to compare.
        leader: first by consensus; empty if there is none.
        contenders: backbones that may be the best, the leader first.
        lead: share of random halves of the images in which the leader is first, 0 to 1.
        support: share of the voting scores that put the leader first, 0 to 1.
        sentence: verdict in words.
    """

    kind: VerdictKind
    leader: str
    contenders: tuple[str, ...]
    lead: float
    support: float
    sentence: str

    @escape_returned_text
    def __str__(self) -> str:
        return self.sentence


def reach_verdict(
    names: Sequence[str],
    values: Mapping[str, np.ndarray],
    halves: Mapping[str, np.ndarray],
) -> Verdict:
    """Reach the verdict over n backbones.

    Args:
        names: names of the n backbones.
        values: voting score -> values (n,), larger is better.
        halves: voting score -> its values on random halves of the images, (R, n).
    """
    if len(names) < 2 or not values:
        return _empty_verdict(names)
    order = consensus_ranks(values)
    leader = int(np.argmin(order))
    resampled = np.array(
        [consensus_ranks({s: halves[s][r] for s in halves}) for r in range(len(next(iter(halves.values()))))]
    )
    lead = float(_lead_shares(resampled)[leader])
    own = resampled[:, [leader]]
    near = ((resampled < own) + (resampled == own) / 2).mean(0) > RARE_LEAD
    firsts = {score: int(np.argmin(relative_ranks(v))) for score, v in values.items()}
    support = float(np.mean([first == leader for first in firsts.values()]))
    firsts_of = [_find_sure_leader([halves[s] for s in members]) for members in _group_voters(list(values))]
    sure = {first for first in firsts_of if first is not None}
    torn = len(sure) > 1 or support < MAJORITY
    rivals = set(np.flatnonzero(near).tolist()) | (sure | _find_shared_leaders(firsts) if torn else set())
    contenders = tuple(names[i] for i in sorted(rivals | {leader}, key=lambda i: (order[i], i))[:MAX_CONTENDERS])
    kind: VerdictKind = "disagree" if torn and len(contenders) > 1 else "tie" if len(contenders) > 1 else "winner"
    return Verdict(
        kind, names[leader], contenders, lead, support, _format_verdict(kind, contenders, lead, support, firsts, names)
    )


def _group_voters(names: Sequence[str]) -> list[list[str]]:
    """Group the scores into voters: one per family, but one per score for those that train a classifier.

    The latter come closest to a training, so a single one that is certain of another winner is enough for doubt.
    """
    families = group_by_family(names)
    alone = [[name] for name in families.pop("classifiers", [])]
    return [*families.values(), *alone]


def _lead_shares(resampled: np.ndarray) -> np.ndarray:
    """Compute the share of halves in which each backbone is first, (n,); ties share the half. drawn (R, n)."""
    first = resampled == resampled.min(1, keepdims=True)
    return (first / first.sum(1, keepdims=True)).mean(0)


def _find_sure_leader(halves: Sequence[np.ndarray]) -> int | None:
    """Return the leader of some scores together, if nearly every half has the same; each (R, n)."""
    resampled = np.array([np.mean([relative_ranks(h[r]) for h in halves], axis=0) for r in range(len(halves[0]))])
    share = _lead_shares(resampled)
    return int(share.argmax()) if share.max() >= SURE_LEAD else None


def _find_shared_leaders(firsts: Mapping[str, int]) -> set[int]:
    """Return the backbones that at least two scores put first."""
    counts = np.bincount(list(firsts.values()))
    return set(np.flatnonzero(counts >= 2).tolist())


def _format_verdict(
    kind: VerdictKind,
    contenders: Sequence[str],
    lead: float,
    support: float,
    firsts: Mapping[str, int],
    names: Sequence[str],
) -> str:
    count = f"{round(support * len(firsts))} of {len(firsts)} scores"
    if kind == "winner":
        return f"a clear winner: {contenders[0]} leads in {lead:.0%} of resampled image sets and in {count}"
    if kind == "tie":
        return (
            f"a tie among {join_names(contenders)}: {contenders[0]} leads in {lead:.0%} of resampled image "
            f"sets; {HALVING_ADVICE}"
        )
    votes = {name: [s for s, first in firsts.items() if names[first] == name] for name in contenders}
    summary = ", ".join(f"{', '.join(voters)} for {name}" for name, voters in votes.items() if voters)
    return f"the scores disagree ({summary}): {HALVING_ADVICE} among {join_names(contenders)}"


def _empty_verdict(names: Sequence[str]) -> Verdict:
    leader = names[0] if names else ""
    what = f"only {leader} could be scored" if names else "no backbone could be scored"
    if len(names) > 1:
        leader, what = "", "no score could be computed for all backbones"
    return Verdict("nothing", leader, tuple(names), 0.0, 0.0, f"nothing to compare: {what}")


def collect_warnings(
    verdict: Verdict,
    leave_one_out: pd.DataFrame,
    sample_size_curve: pd.DataFrame,
    sort_key: Callable[[str], np.ndarray],
    names: Sequence[str],
    baselines: Sequence[str],
) -> tuple[str, ...]:
    """Collect reasons for doubt that the verdict does not include, one sentence each.

    Args:
        verdict: verdict of the ranking.
        leave_one_out: frame with left_out, leader and leader_changes.
        sample_size_curve: frame with images, score and tau.
        sort_key: function from a baseline to the sort key of the backbones, larger is better, (n,).
        names: names of the backbones.
        baselines: names of the known baselines.
    """
    if verdict.kind == "nothing":
        return ()
    sentences = [
        f"the order depends on one backbone: without {row.left_out}, {row.leader} leads the others"
        for row in leave_one_out[leave_one_out["leader_changes"]].itertuples()
    ]
    consensus = sample_size_curve[sample_size_curve["score"] == "consensus"]
    if len(consensus) and consensus.iloc[-1]["tau"] < STABLE_TAU:
        tau, images = consensus.iloc[-1]["tau"], consensus.iloc[-1]["images"]
        sentences.append(
            f"the order depends on the number of images: with {images} of them it differs, weighted τ {tau:.2f}"
        )
    choosers: dict[str, list[str]] = {}
    for baseline in baselines:
        values = sort_key(baseline)
        if np.isfinite(values).sum() > 1 and np.nanmax(values) > np.nanmin(values):
            choosers.setdefault(names[int(np.nanargmax(values))], []).append(baseline)
    sentences += [
        f"{join_names(choosing)} alone would choose {name}"
        for name, choosing in choosers.items()
        if name not in verdict.contenders
    ]
    return tuple(sentences)
