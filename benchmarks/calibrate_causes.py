"""What every cause sees of every calibration case, without training: where the thresholds of the causes come from.

The cases are planted as those of `planted_causes.py`, on other seeds and classes. The threshold of a number stands
midway between the cases where its cause was planted and the nearest of all others, on the scale (plain or logarithm)
where they lie further apart; its width is such that both come out at about 0.1 and 0.9. A number that does not part
them is left out. Printed: a line a cause, with the strength in its own cases and the strongest alarms in others.

    python benchmarks/calibrate_causes.py [--only noisy-labels healthy] [--turns 0 1] [--show noisy-labels] [--again]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from planted_causes import cases
from planting import HEALTHY, PLANTED, Ground

from workbench import _paths
from workbench.diagnosis.causes import causes
from workbench.diagnosis.diagnosing import collect_evidence
from workbench.diagnosis.evidence.context import DiagnosisContext
from workbench.diagnosis.evidence.inputs import prepare_inputs

FILE = Path(__file__).parent / "results" / "calibration.json"


def seen(cause: str, turn: int) -> dict[str, Any]:
    """Strength and numbers of every cause in one case."""
    ground = Ground(turn, calibration=True)
    asked = prepare_inputs(HEALTHY[turn](ground) if cause == "healthy" else PLANTED[cause](ground), None, {})
    found = collect_evidence(DiagnosisContext(asked.plan, asked.images))
    return {
        name: {"strength": float(e.strength), "summary": e.summary, **{k: float(v) for k, v in e.numbers.items()}}
        for name, e in found.items()
    }


def table(held: dict[str, Any], only: list[str]) -> str:
    """A line a cause; the numbers of those asked for."""
    lines = []
    for name in causes:
        mine = {k: v[name]["strength"] for k, v in held.items() if k.startswith(f"{name} |") and name in v}
        others = sorted(
            ((v[name]["strength"], k) for k, v in held.items() if k not in mine and name in v), reverse=True
        )
        own = " ".join(f"{v:.2f}" for v in mine.values())
        lines.append(f"{name:24}{own:24} others: " + ", ".join(f"{k} {s:.2f}" for s, k in others[:6] if s > 0.1))
        for key, found in held.items() if name in only else ():
            numbers = {k: round(v, 3) for k, v in found[name].items() if k != "summary"}
            lines.append(f"    {key:28}{numbers}")
    return "\n".join(lines)


def main() -> None:
    """Looks at the cases that were not looked at, then prints the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--only", nargs="+", default=[], help="causes, or healthy")
    asked.add_argument("--turns", nargs="+", type=int, default=[])
    asked.add_argument("--show", nargs="+", default=[], help="causes whose numbers are printed")
    asked.add_argument("--again", action="store_true", help="look again at cases that were looked at")
    given = asked.parse_args()
    torch.set_num_threads(1)
    held: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {}
    for cause, turn in cases():
        key = f"{cause} | {turn}"
        chosen = (not given.only or cause in given.only) and (not given.turns or turn in given.turns)
        if not chosen or (key in held and not given.again) or given.show:
            continue
        held[key] = seen(cause, turn)
        _paths.write_file(FILE, json.dumps(held, indent=0))
        print(key, {k: round(v["strength"], 2) for k, v in held[key].items() if v["strength"] > 0.1}, flush=True)
    print(table(held, given.show))


if __name__ == "__main__":
    main()
