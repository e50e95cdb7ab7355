"""One fault is planted; is it named? Every cause of negative transfer, and healthy transfers beside them.

Each case is made of a sound transfer by changing one thing. The diagnosis sees the plan and the images, as a person
would hand them over. Finished cases are kept beside the table and are not made again.

    python benchmarks/planted_causes.py [--only rate-too-high healthy] [--turns 0 1] [--minutes 3] [--threads 1]
    python benchmarks/planted_causes.py --table        # print what there is
    python benchmarks/planted_causes.py --calibration  # other seeds and classes: what thresholds are taken from
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from data import machine
from planting import HEALTHY, PLANTED, Ground

import workbench as wb
from workbench import _paths

RESULTS = Path(__file__).parent / "results"
TURNS = 4  # cases a cause


def cases() -> list[tuple[str, int]]:
    """What is planted and in which turn."""
    planted = [(cause, turn) for cause in PLANTED for turn in range(TURNS)]
    return planted + [("healthy", turn) for turn in range(len(HEALTHY))]


def measured(cause: str, turn: int, calibration: bool, minutes: float) -> dict[str, Any]:
    """What the diagnosis says of a case."""
    ground = Ground(turn, calibration)
    plan = HEALTHY[turn](ground) if cause == "healthy" else PLANTED[cause](ground)
    began, cpu = time.monotonic(), time.process_time()
    found = wb.diagnose(plan, minutes=minutes, progress=False)
    table = found.cause_table.head(6)
    return {
        "plan": str(plan),
        "minutes": minutes,
        "answer": found.answer,
        "named": [f.cause for f in found.findings],
        "verdict": found.verdict,
        "cause_table": json.loads(table.to_json(orient="records", double_precision=3)),
        "notes": list(found.notes),
        "seconds": time.monotonic() - began,
        "cpu": time.process_time() - cpu,
        "n_trainings": found.n_trainings,
    }


def table(held: dict[str, Any]) -> str:
    """A line a case, then the counts."""
    lines = [f"{'planted':28}{'named':58}{'answer':24}seconds"]
    first, second, alarms, healthy = [], [], 0, 0
    for key, found in sorted(held.items()):
        cause = _cause(key)
        lines.append(f"{key:28}{', '.join(found['named'][:3]) or '-':58}{found['answer']:24}{found['seconds']:.0f}")
        if cause == "healthy":
            healthy += 1
            alarms += bool(found["named"])
            continue
        first.append(found["named"][:1] == [cause])
        second.append(cause in found["named"][:2])
    if first:
        lines += ["", f"named first: {sum(first)} of {len(first)} ({sum(first) / len(first):.0%})"]
        lines += [f"in the first two: {sum(second)} of {len(second)} ({sum(second) / len(second):.0%})"]
    lines += [f"false alarms: {alarms} of {healthy} healthy transfers"]
    lines += [
        _missed(key, found) for key, found in sorted(held.items()) if _cause(key) not in (*found["named"], "healthy")
    ]
    lines += [f"made so far: {len(held)} of {len(cases())} cases, with budgets of {_budgets(held)} minutes"]
    times = sorted(found["seconds"] for found in held.values())
    return "\n".join(
        [*lines, f"seconds: median {times[len(times) // 2]:.0f}, longest {times[-1]:.0f}"] if times else lines
    )


def _cause(key: str) -> str:
    return key.partition(" | ")[0]


def _missed(key: str, found: dict[str, Any]) -> str:
    """Describe the gain of the fix of a planted fault that was not named: one that does no harm is refuted."""
    row = next((row for row in found["cause_table"] if row["cause"] == _cause(key)), None)
    if row is None or row["gain"] is None:
        return f"not named: {key}, and not tried"
    return f"not named: {key}, its fix gained {100 * row['gain']:+.1f} points, at most {100 * row['high']:+.1f}"


def _budgets(held: dict[str, Any]) -> str:
    return " and ".join(sorted({f"{found['minutes']:g}" for found in held.values()}))


def main() -> None:
    """Makes the cases that are missing, then prints the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--only", nargs="+", default=[], help="causes, or healthy")
    asked.add_argument("--turns", nargs="+", type=int, default=[])
    asked.add_argument("--minutes", type=float, default=3.0)
    asked.add_argument("--threads", type=int, default=1)
    asked.add_argument("--table", action="store_true", help="measure nothing")
    asked.add_argument("--calibration", action="store_true")
    asked.add_argument("--again", action="store_true", help="make finished cases again")
    given = asked.parse_args()
    torch.set_num_threads(given.threads)
    name = "planted_causes_calibration" if given.calibration else "planted_causes"
    file = RESULTS / f"{name}.json"
    held: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    for cause, turn in [] if given.table else cases():
        key = f"{cause} | {turn}"
        chosen = (not given.only or cause in given.only) and (not given.turns or turn in given.turns)
        if not chosen or (key in held and not given.again):
            continue
        try:
            found = measured(cause, turn, given.calibration, given.minutes)
        except FileNotFoundError as absent:
            print(f"{key}: left out, {absent}", flush=True)
            continue
        held = {**(json.loads(file.read_text()) if file.exists() else {}), key: found}
        _paths.write_file(file, json.dumps(held, indent=0))
        print(f"{key}: {found['named']} ({found['answer']}), {found['seconds']:.0f} s, {found['cpu']:.0f} s of a core")
        for row in found["cause_table"]:
            print("   ", {k: v for k, v in row.items() if k != "low"}, flush=True)
    text = f"{machine()}\n\n{table(held)}"
    print(text)
    if not given.table and not given.calibration:
        _paths.write_file(RESULTS / f"{name}.txt", text + "\n")


if __name__ == "__main__":
    main()
