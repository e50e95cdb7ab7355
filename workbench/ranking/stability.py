"""Stability of a ranking: over resampled images, without one backbone, with fewer images, and between scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.ranking import consensus
from workbench.scores.rank_correlation import weighted_tau_omit_nan

if TYPE_CHECKING:
    from workbench.ranking.result import Ranking

CONFIDENCE_LEVEL = 0.9  # confidence level of the intervals
NAN = float("nan")


def compute_intervals(ranking: Ranking) -> pd.DataFrame:
    """Compute intervals: backbone, score (or `consensus`), value, low, high."""
    rows: list[tuple[Any, ...]] = []
    for s in ranking.valid_results:
        rows += [
            (s.name, score, s.values[score], *_percentile_interval(s.values[score], h)) for score, h in s.halves.items()
        ]
    if ranking.voting_scores:
        for s, value, resampled in zip(
            ranking.valid_results,
            ranking.consensus_ranks(ranking.valid_results),
            _consensus_per_draw(ranking.resampled_values).T,
            strict=True,
        ):
            rows.append((s.name, "consensus", value, *np.clip(_percentile_interval(value, resampled), 0, 1)))
    return pd.DataFrame(rows, columns=["backbone", "score", "value", "low", "high"])


def compute_leave_one_out(ranking: Ranking) -> pd.DataFrame:
    """Compute the effect of leaving out each backbone; empty below three.

    Columns: left_out, leader, leader_changes, tau, agreement.
    """
    whole = dict(
        zip((s.name for s in ranking.valid_results), ranking.consensus_ranks(ranking.valid_results), strict=True)
    )
    rows: list[tuple[Any, ...]] = []
    for gone in ranking.valid_results if len(ranking.valid_results) > 2 and ranking.voting_scores else ():
        rest = [s for s in ranking.valid_results if s is not gone]
        before, after = np.array([whole[s.name] for s in rest]), ranking.consensus_ranks(rest)
        leader = rest[int(np.argmin(after))].name
        changes = leader != rest[int(np.argmin(before))].name
        rows.append(
            (
                gone.name,
                leader,
                changes,
                weighted_tau_omit_nan(-before, -after),
                _mean_pairwise_tau(ranking.values_by_score(rest)),
            )
        )
    return pd.DataFrame(rows, columns=["left_out", "leader", "leader_changes", "tau", "agreement"])


def compute_sample_size_curve(ranking: Ranking) -> pd.DataFrame:
    """Compute the stability against the number of images: images, score, tau, low, high, leads."""
    rows: list[tuple[Any, ...]] = []
    for fraction in sorted({fraction for s in ranking.valid_results for _, fraction in s.subsets}):
        complete = [v for v in ranking.voting_scores if all((v, fraction) in s.subsets for s in ranking.valid_results)]
        resampled = {
            v: np.array([consensus.to_larger_is_better(v, s.subsets[v, fraction]) for s in ranking.valid_results]).T
            for v in complete
        }
        resampled = {v: d for v, d in resampled.items() if np.isfinite(d).all()}
        images = round(fraction * ranking.valid_results[0].n_images)
        rows += [(images, v, *_compare_with_whole(ranking.sort_key(v), d)) for v, d in resampled.items()]
        if resampled:
            # compare with the consensus of the same scores: the probe is not fitted to every subset
            whole = consensus.consensus_ranks({v: ranking.sort_key(v) for v in resampled})
            rows.append((images, "consensus", *_compare_with_whole(-whole, -_consensus_per_draw(resampled))))
    return pd.DataFrame(rows, columns=["images", "score", "tau", "low", "high", "leads"])


def compute_agreement(ranking: Ranking) -> pd.DataFrame:
    """Compute weighted tau between any two of consensus, scores and baselines that at least two backbones have."""
    orders = {name: ranking.sort_key(name) for name in ["consensus", *ranking.scores, *ranking.baselines]}
    known = {name: order for name, order in orders.items() if np.isfinite(order).sum() > 1}
    table = [[weighted_tau_omit_nan(known[a], known[b]) for b in known] for a in known]
    return pd.DataFrame(table, index=list(known), columns=list(known))


def ranking_to_dict(ranking: Ranking) -> dict[str, Any]:
    """Convert a ranking to JSON types."""
    verdict = {key: getattr(ranking.verdict, key) for key in ("kind", "leader", "lead", "support", "sentence")}
    frames = ("frame", "missing_scores", "intervals", "leave_one_out", "sample_size_curve")
    return {
        "target": ranking.target,
        "verdict": {**verdict, "contenders": list(ranking.verdict.contenders), "warnings": list(ranking.warnings)},
        "consensus_rule": ranking.consensus_rule,
        **{name: [_row_to_json(row) for row in getattr(ranking, name).to_dict("records")] for name in frames},
        "agreement": {row: _row_to_json(values) for row, values in ranking.agreement.to_dict("index").items()},
    }


def _consensus_per_draw(resampled: dict[str, np.ndarray]) -> np.ndarray:
    """Compute the consensus on each half, (R, n), from score -> values (R, n)."""
    count = len(next(iter(resampled.values())))
    return np.array([consensus.consensus_ranks({v: d[r] for v, d in resampled.items()}) for r in range(count)])


def _percentile_interval(value: float, resampled: np.ndarray) -> tuple[float, float]:
    """Compute the spread of the resampled values about their mean, applied to `value`: some scores depend on N."""
    known = resampled[np.isfinite(resampled)]
    if len(known) < 2:
        return NAN, NAN
    low, high = np.quantile(known, [(1 - CONFIDENCE_LEVEL) / 2, (1 + CONFIDENCE_LEVEL) / 2]) - known.mean()
    return float(value + min(low, 0.0)), float(value + max(high, 0.0))


def _compare_with_whole(whole: np.ndarray, resampled: np.ndarray) -> tuple[float, float, float, float]:
    """Compare orders on subsets (R, n) with that on all images (n,): mean, min and max tau, share of same leader."""
    leads = float((resampled.argmax(1) == whole.argmax()).mean())
    taus = [tau for tau in (weighted_tau_omit_nan(whole, row) for row in resampled) if np.isfinite(tau)]
    return (float(np.mean(taus)), min(taus), max(taus), leads) if taus else (NAN, NAN, NAN, leads)


def _mean_pairwise_tau(table: dict[str, np.ndarray]) -> float:
    """Compute the mean weighted tau between any two scores."""
    names = list(table)
    taus = [weighted_tau_omit_nan(table[a], table[b]) for i, a in enumerate(names) for b in names[i + 1 :]]
    known = [tau for tau in taus if np.isfinite(tau)]
    return float(np.mean(known)) if known else NAN


def _row_to_json(row: dict[Any, Any]) -> dict[str, Any]:
    return {str(k): None if pd.isna(v) else v.item() if hasattr(v, "item") else v for k, v in row.items()}
