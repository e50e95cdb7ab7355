"""Ranking of backbones as frozen data: scores, reliability, and a verdict in words."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from workbench.argument_checks import check_arguments
from workbench.errors import BadValue, UnknownName, escape_returned_text
from workbench.ranking import consensus, stability
from workbench.ranking.score_table import BackboneScores
from workbench.ranking.verdict import Verdict, collect_warnings, reach_verdict

__all__ = ["Ranking"]

CONSENSUS = "consensus"


@check_arguments
@dataclass(frozen=True, eq=False)
class Ranking:
    """Backbones, ranked by expected transfer to a set of images.

    Attributes:
        target: name of the images.
        results: scores of each backbone, in the order of the request.
        scores: names of the requested scores.
        n_requested: number of requested backbones; more than `results` while scoring goes on.
    """

    target: str
    results: tuple[BackboneScores, ...]
    scores: tuple[str, ...]
    n_requested: int

    @functools.cached_property
    def valid_results(self) -> tuple[BackboneScores, ...]:
        """Results of the backbones that could be scored."""
        return tuple(s for s in self.results if not s.failure)

    @functools.cached_property
    def voting_scores(self) -> tuple[str, ...]:
        """Scores that every scored backbone has, on all images and on every half; only these enter the consensus."""
        complete = [
            [n for n, h in s.halves.items() if n in s.values and np.isfinite(h).all()] for s in self.valid_results
        ]
        return tuple(name for name in self.scores if complete and all(name in names for names in complete))

    @functools.cached_property
    def baselines(self) -> tuple[str, ...]:
        """Names of the naive baselines."""
        known = dict.fromkeys(n for s in self.results for n in [*s.values, *s.missing])
        return tuple(n for n in known if n not in self.scores)

    @property
    def consensus_rule(self) -> str:
        """Rule of the consensus in words."""
        return consensus.CONSENSUS_RULE.format(
            families=", ".join(consensus.group_by_family(self.voting_scores)) or "none available"
        )

    @functools.cached_property
    def frame(self) -> pd.DataFrame:
        """One row per backbone, best consensus first, failures last.

        Columns: backbone, place (1 is first), consensus (mean relative rank, 0 best to 1 worst), each score, each
        baseline, images, seconds, reason (of a failure).
        """
        columns = [*self.scores, *self.baselines]
        rows = [
            {"backbone": s.name, "place": pd.NA, CONSENSUS: np.nan, **{c: s.values.get(c, np.nan) for c in columns}}
            | {"images": s.n_images, "seconds": round(s.seconds, 2), "reason": s.failure}
            for s in self.results
        ]
        table = pd.DataFrame(rows, columns=["backbone", "place", CONSENSUS, *columns, "images", "seconds", "reason"])
        order = dict(zip((s.name for s in self.valid_results), self.consensus_ranks(self.valid_results), strict=True))
        table[CONSENSUS] = table["backbone"].map(order).astype(float)
        table["place"] = table[CONSENSUS].rank(method="min").astype("Int64")
        return table.sort_values(CONSENSUS, kind="stable", na_position="last").reset_index(drop=True)

    @functools.cached_property
    def missing_scores(self) -> pd.DataFrame:
        """Reasons for missing scores and baselines: backbone, score, reason."""
        rows = [(s.name, score, why) for s in self.results for score, why in s.missing.items()]
        return pd.DataFrame(rows, columns=["backbone", "score", "reason"])

    @functools.cached_property
    def intervals(self) -> pd.DataFrame:
        """90 % intervals over resampled images: backbone, score (or `consensus`), value, low, high."""
        return stability.compute_intervals(self)

    @functools.cached_property
    def leave_one_out(self) -> pd.DataFrame:
        """Effect of leaving out one backbone on the others: left_out, leader, leader_changes, tau, agreement.

        leader: the first of the others by consensus; leader_changes: whether another backbone leads them in the full
        ranking; tau: weighted tau of their order with and without the left-out one; agreement: mean weighted tau
        between voting scores without it.
        """
        return stability.compute_leave_one_out(self)

    @functools.cached_property
    def sample_size_curve(self) -> pd.DataFrame:
        """Stability of the order against the number of images: images, score, tau, low, high, leads.

        Weighted tau with the order on all images: mean, minimum and maximum over subsets; and the share of subsets with
        the same leader.
        """
        return stability.compute_sample_size_curve(self)

    @functools.cached_property
    def agreement(self) -> pd.DataFrame:
        """Weighted tau between the orders of any two of consensus, scores and baselines."""
        return stability.compute_agreement(self)

    @functools.cached_property
    def verdict(self) -> Verdict:
        """Verdict with a sentence."""
        return reach_verdict(
            [s.name for s in self.valid_results], self.values_by_score(self.valid_results), self.resampled_values
        )

    @functools.cached_property
    def warnings(self) -> tuple[str, ...]:
        """Further reasons for doubt, one sentence each."""
        return collect_warnings(
            self.verdict,
            self.leave_one_out,
            self.sample_size_curve,
            self.sort_key,
            [s.name for s in self.valid_results],
            self.baselines,
        )

    @check_arguments
    def sort_key(self, name: str) -> np.ndarray:
        """Return the sort key of the scored backbones by a score, a baseline or `consensus`; larger is better, (n,).

        Raises:
            BadValue: no such column.
        """
        if name == CONSENSUS:
            return -self.consensus_ranks(self.valid_results)
        if name not in (*self.scores, *self.baselines):
            raise BadValue(f"this ranking has no {name!r}; it has {', '.join([CONSENSUS, *self.scores])}")
        return consensus.to_larger_is_better(name, np.array([s.values.get(name, np.nan) for s in self.valid_results]))

    @functools.cached_property
    def resampled_values(self) -> dict[str, np.ndarray]:
        """Voting score -> its values on random halves of the images, (R, n), larger is better."""
        return {
            v: np.array([consensus.to_larger_is_better(v, s.halves[v]) for s in self.valid_results]).T
            for v in self.voting_scores
        }

    @check_arguments
    def values_by_score(self, results: Sequence[BackboneScores]) -> dict[str, np.ndarray]:
        """Return voting score -> its values for some backbones, larger is better."""
        return {
            v: consensus.to_larger_is_better(v, np.array([s.values[v] for s in results])) for v in self.voting_scores
        }

    @check_arguments
    def consensus_ranks(self, results: Sequence[BackboneScores]) -> np.ndarray:
        """Compute the consensus among some backbones, 0 best to 1 worst."""
        return (
            consensus.consensus_ranks(self.values_by_score(results))
            if self.voting_scores
            else np.full(len(results), np.nan)
        )

    @check_arguments
    def subset(self, names: Sequence[str]) -> Ranking:
        """Restrict the ranking to some backbones, as if only these had been requested; nothing is computed again.

        Raises:
            UnknownName: a backbone that is not in this ranking.
        """
        known = {s.name: s for s in self.results}
        for name in names:
            if name not in known:
                raise UnknownName.of("backbone of this ranking", name, known)
        return Ranking(self.target, tuple(known[name] for name in names), self.scores, len(names))

    @check_arguments
    def to_dict(self) -> dict[str, Any]:
        """Convert the ranking to JSON types."""
        return stability.ranking_to_dict(self)

    @escape_returned_text
    def __str__(self) -> str:
        waiting = self.n_requested - len(self.results)
        return f"{self.target}: {self.verdict}" + (f" ({waiting} backbones not scored yet)" if waiting else "")

    @escape_returned_text
    def __repr__(self) -> str:
        return "\n".join([str(self), *self.warnings, self.frame.to_string(max_cols=8)])

    def _repr_html_(self) -> str:
        doubts = "".join(f"<li>{escape(c)}</li>" for c in self.warnings)
        table = self.frame.to_html(escape=True, index=False, float_format="{:.3g}".format, na_rep="–")
        return f"<p><b>{escape(str(self))}</b></p><ul>{doubts}</ul>{table}"
