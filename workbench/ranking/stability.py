"""How steady a ranking is: over draws of the images, with a backbone less, with fewer images, from score to score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.ranking import consensus
from workbench.ranking.tau import tau_of_known

if TYPE_CHECKING:
    from workbench.ranking.result import Ranking

LEVEL = 0.9  # of the intervals
NAN = float("nan")


def intervals(ranking: Ranking) -> pd.DataFrame:
    """Backbone, score (or `consensus`), value, low, high."""
    rows: list[tuple[Any, ...]] = []
    for s in ranking.done:
        rows += [(s.name, score, s.values[score], *_interval(s.values[score], h)) for score, h in s.halves.items()]
    if ranking.voting:
        for s, value, drawn in zip(ranking.done, ranking.combined(ranking.done), _over(ranking.drawn).T, strict=True):
            rows.append((s.name, "consensus", value, *np.clip(_interval(value, drawn), 0, 1)))
    return pd.DataFrame(rows, columns=["backbone", "score", "value", "low", "high"])


def flips(ranking: Ranking) -> pd.DataFrame:
    """Left_out, leader, flips, tau, agreement; empty for fewer than three backbones."""
    whole = dict(zip((s.name for s in ranking.done), ranking.combined(ranking.done), strict=True))
    rows: list[tuple[Any, ...]] = []
    for gone in ranking.done if len(ranking.done) > 2 and ranking.voting else ():
        rest = [s for s in ranking.done if s is not gone]
        before, after = np.array([whole[s.name] for s in rest]), ranking.combined(rest)
        leader = rest[int(np.argmin(after))].name
        flips_ = leader != rest[int(np.argmin(before))].name
        rows.append((gone.name, leader, flips_, tau_of_known(-before, -after), _between(ranking.table(rest))))
    return pd.DataFrame(rows, columns=["left_out", "leader", "flips", "tau", "agreement"])


def curve(ranking: Ranking) -> pd.DataFrame:
    """Images, score, tau, low, high, leads."""
    rows: list[tuple[Any, ...]] = []
    for share in sorted({share for s in ranking.done for _, share in s.smaller}):
        held = [v for v in ranking.voting if all((v, share) in s.smaller for s in ranking.done)]
        drawn = {v: np.array([consensus.rising(v, s.smaller[v, share]) for s in ranking.done]).T for v in held}
        drawn = {v: d for v, d in drawn.items() if np.isfinite(d).all()}
        images = round(share * ranking.done[0].images)
        rows += [(images, v, *_settled(ranking.order(v), d)) for v, d in drawn.items()]
        if drawn:
            # against the consensus of these very scores: a probe is not fitted anew to every draw
            whole = consensus.combined({v: ranking.order(v) for v in drawn})
            rows.append((images, "consensus", *_settled(-whole, -_over(drawn))))
    return pd.DataFrame(rows, columns=["images", "score", "tau", "low", "high", "leads"])


def agreement(ranking: Ranking) -> pd.DataFrame:
    """A row and a column for each of consensus, scores and baselines that two backbones have."""
    orders = {name: ranking.order(name) for name in ["consensus", *ranking.scores, *ranking.baselines]}
    known = {name: order for name, order in orders.items() if np.isfinite(order).sum() > 1}
    table = [[tau_of_known(known[a], known[b]) for b in known] for a in known]
    return pd.DataFrame(table, index=list(known), columns=list(known))


def told(ranking: Ranking) -> dict[str, Any]:
    """A ranking as JSON holds it."""
    verdict = {key: getattr(ranking.verdict, key) for key in ("kind", "leader", "lead", "support", "sentence")}
    frames = ("frame", "absent", "intervals", "flips", "curve")
    return {
        "target": ranking.target,
        "verdict": {**verdict, "among": list(ranking.verdict.among), "cautions": list(ranking.cautions)},
        "rule": ranking.rule,
        **{name: [_plain(row) for row in getattr(ranking, name).to_dict("records")] for name in frames},
        "agreement": {row: _plain(values) for row, values in ranking.agreement.to_dict("index").items()},
    }


def _over(drawn: dict[str, np.ndarray]) -> np.ndarray:
    """The consensus on each draw, (R, n); score -> values (R, n)."""
    count = len(next(iter(drawn.values())))
    return np.array([consensus.combined({v: d[r] for v, d in drawn.items()}) for r in range(count)])


def _interval(value: float, drawn: np.ndarray) -> tuple[float, float]:
    """The value with the spread of the draws about their mean, which lies elsewhere where a score feels N."""
    known = drawn[np.isfinite(drawn)]
    if len(known) < 2:
        return NAN, NAN
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) - known.mean()
    return float(value + min(low, 0.0)), float(value + max(high, 0.0))


def _settled(whole: np.ndarray, drawn: np.ndarray) -> tuple[float, float, float, float]:
    """Mean, least and greatest tau of draws (R, n) with the order on all (n,), and how often the first is the same."""
    leads = float((drawn.argmax(1) == whole.argmax()).mean())
    taus = [tau for tau in (tau_of_known(whole, row) for row in drawn) if np.isfinite(tau)]
    return (float(np.mean(taus)), min(taus), max(taus), leads) if taus else (NAN, NAN, NAN, leads)


def _between(table: dict[str, np.ndarray]) -> float:
    """The mean weighted tau between every two scores."""
    names = list(table)
    taus = [tau_of_known(table[a], table[b]) for i, a in enumerate(names) for b in names[i + 1 :]]
    known = [tau for tau in taus if np.isfinite(tau)]
    return float(np.mean(known)) if known else NAN


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    return {str(k): None if pd.isna(v) else v.item() if hasattr(v, "item") else v for k, v in row.items()}
