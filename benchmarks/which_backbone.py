"""Do rankings foretell fine-tuning? Every backbone fine-tuned on every target, beside what the scores said before.

Backbones are eight of the built-in zoo and, where they are there, four real ones of the shared material; targets are
two distances of the world, digits, clothing and four domains of PACS. The truth is the accuracy after full fine-tuning
with a small fixed budget of updates. The table gives, for each score, each baseline and the consensus, the mean
weighted Kendall τ with the truth over the targets, with an interval from drawing targets anew; then how often a "clear
winner" was one; and what the short trial adds for which share of the cost. Finished cells are kept and not made again.

    python benchmarks/which_backbone.py [--only residual-shape digits] [--seeds 3] [--updates 100] [--threads 1]
    python benchmarks/which_backbone.py --table        # print what there is
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from advisor import AUGMENT, PHOTOS, WORLDS
from data import folder, keep, machine

import workbench as wb
from workbench import disk
from workbench.loop.trial import bf16_units
from workbench.ranking.measuring import BASELINES, SCORES
from workbench.runs.assembly import assemble
from workbench.scores import scores as known

RESULTS = Path(__file__).parent / "results"
CELLS, TABLE = RESULTS / "which_backbone.json", RESULTS / "which_backbone.txt"
TARGETS = ("world: sketch", "world: texture", "digits", "clothing", *PHOTOS)
FEW, LIMIT, SEED, BATCH = 40, 1000, 11, 32  # training images a class; images ranked; of the world
RATE = 2e-3  # between what suits the built-in nets (3e-3) and those of ImageNet (1e-3) best in so few updates
SHARE = 0.1  # of the cost of fine-tuning all, that the short trial may take
SIZE = 64
# the same for all, since a trial would leave the shortest in fp32
PRECISION = "bf16" if bf16_units() else "fp32"
BUILTIN = ("all", "contrast", "formula", "rotation", "shape", "shuffled", "texture")  # of the residual net
REAL = (  # small enough for two cores, and of different worth
    "mobilenetv1_025_imagenet",
    "mobilenetv1_050_imagenet",
    "mobilenetv2_100_inat_bird",
    "cifar_resnet20",
)
LEVEL, DRAWS = 0.9, 2000


def backbones() -> list[str]:
    """Built-in and real nets that are on this machine."""
    names = [*(f"wb/residual-{name}" for name in BUILTIN), "wb/mobile"]
    real = Path(os.environ.get("WORKBENCH_SHARED") or Path(__file__).resolve().parents[2] / "shared") / "zoo"
    listed = json.loads((real / "zoo.json").read_text())["nets"] if (real / "zoo.json").exists() else []
    # by their names in the catalogue, which knows the baselines of those in a zoo
    os.environ["WORKBENCH_ZOO"] = os.pathsep.join(filter(None, [str(real), os.environ.get("WORKBENCH_ZOO")]))
    return [*names, *(net["name"] for net in listed if net["name"] in REAL)]


def asked(name: str) -> str | dict[str, Any]:
    """A backbone as plans and rankings take it: real nets see as many pixels as built-in ones, but for those of 32."""
    return name if name.startswith(("wb/", "cifar")) else {"name": name, "params": {"size": SIZE}}


def images(target: str) -> wb.Images:
    """The images of a target; the validation images judge."""
    if target in WORLDS:
        return wb.images("world", n=3000, seed=SEED, per_class=FEW, valid=0.3, **WORLDS[target])
    if target == "digits":
        return wb.images("digits", per_class=FEW, valid=0.4)
    if target == "clothing":
        return wb.images(folder("data", "clothing"), per_class=FEW)
    return wb.images(folder("data", "pacs", target), per_class=FEW, valid=0.4)


def tuned(name: str, target: str, seed: int, updates: int) -> tuple[float, float]:
    """Accuracy on the validation images after full fine-tuning, and its seconds."""
    data, began = images(target), time.perf_counter()
    train = data.part("train")  # alone: judged once, in the end
    steps = -(-len(train) // BATCH)
    settings = {"lr": RATE, "augment": AUGMENT.get(target, "crop"), "keep": "last", "precision": PRECISION}
    epochs = max(1, round(updates / steps))
    # the rate is searched for nobody
    training = assemble(wb.Plan(asked(name), train, "full", seed=seed, epochs=epochs, batch_size=BATCH, **settings))
    for _ in training:
        pass
    took = time.perf_counter() - began
    return 100 * wb.evaluate(training.net, data, split="valid").accuracy, took


def ranked(names: Sequence[str], target: str) -> dict[str, Any]:
    """What a ranking says of a target, and its seconds."""
    began = time.perf_counter()
    ranking = wb.rank([asked(name) for name in names], images(target), limit=LIMIT, progress=False)
    told = ranking.to_dict()
    return {"seconds": time.perf_counter() - began, **{k: told[k] for k in ("frame", "verdict")}}


def tried(held: dict[str, Any], target: str, seconds: float) -> dict[str, Any]:
    """The short trial of those that a ranking's verdict lies among."""
    among = held["verdict"]["among"]
    if len(among) < 2:
        return {"order": among, "seconds": 0.0}
    settings = {"lr": RATE, "augment": AUGMENT.get(target, "crop"), "precision": PRECISION}
    seconds = max(seconds, 1.0)
    found = wb.short_trial([asked(name) for name in among], images(target), seconds=seconds, progress=False, **settings)
    return {"order": list(found.order), "seconds": found.seconds}


def work(cells: dict[str, Any], names: list[str], targets: list[str], given: argparse.Namespace) -> Iterator[str]:
    """Makes the cells that are missing, one after another; yields what each came to."""
    # one seed of everything before the next, so that a table made in pieces is whole early
    for seed, target, name in itertools.product(range(given.seeds), targets, names):
        key = f"{Path(name).name} | {target} | {given.updates} | {seed}"
        if key not in cells["truth"]:
            cells["truth"][key] = tuned(name, target, seed, given.updates)
            yield f"{key}: {cells['truth'][key][0]:.1f}"
    for target in targets:
        key = f"{target} | {', '.join(Path(name).name for name in names)}"
        if key not in cells["ranking"]:
            cells["ranking"][key] = ranked(names, target)
            yield f"{key}: {cells['ranking'][key]['verdict']['sentence']}"
        if key not in cells["trial"]:
            spent = sum(cells["truth"][f"{Path(n).name} | {target} | {given.updates} | 0"][1] for n in names)
            cells["trial"][key] = {**tried(cells["ranking"][key], target, SHARE * spent), "all": spent}
            yield f"{key}: short trial {cells['trial'][key]}"


def orders(cells: dict[str, Any], names: list[str], targets: list[str], given: argparse.Namespace) -> pd.DataFrame:
    """Weighted τ with the truth: a row a target, a column a score, baseline, consensus, or consensus and trial."""
    truth = pd.DataFrame({t: [mean(cells, n, t, given) for n in names] for t in targets}, index=names)
    rows = {}
    for target in targets:
        key = f"{target} | {', '.join(Path(name).name for name in names)}"
        held, trial = cells["ranking"].get(key), cells["trial"].get(key)
        if held is None or truth[target].isna().any():
            continue
        frame = pd.DataFrame(held["frame"]).set_index("backbone").reindex(names)
        columns = {"consensus": -frame["consensus"].astype(float)}
        for name in (*SCORES, *BASELINES):
            lower = known[name].better.startswith("lower")
            columns[name] = frame[name].astype(float) * (-1 if lower else 1) if name in frame else np.nan
        others = truth.drop(columns=target).dropna(axis=1)
        if others.shape[1]:
            columns["rank_elsewhere"] = [-known["rank_elsewhere"](name, others) for name in names]
        if trial is not None:
            columns["consensus, then trial"] = after_trial(columns["consensus"], trial["order"])
        rows[target] = {c: wb.weighted_tau(truth[target], values) for c, values in columns.items() if np.ndim(values)}
    return pd.DataFrame(rows).T


def after_trial(consensus: pd.Series, order: list[str]) -> pd.Series:
    """The consensus with those that were tried in the trial's order, before all others."""
    lead = consensus.max() + 1
    tried_ = {name: lead + len(order) - place for place, name in enumerate(order)}
    return pd.Series([tried_.get(name, value) for name, value in consensus.items()], index=consensus.index)


def mean(cells: dict[str, Any], name: str, target: str, given: argparse.Namespace) -> float:
    """Accuracy over the seeds; NaN while one is missing."""
    keys = [f"{Path(name).name} | {target} | {given.updates} | {seed}" for seed in range(given.seeds)]
    return float(np.mean([cells["truth"][key][0] if key in cells["truth"] else np.nan for key in keys]))


def table(cells: dict[str, Any], names: list[str], targets: list[str], given: argparse.Namespace) -> str:
    """The study in words and numbers."""
    found = orders(cells, names, targets, given)
    if found.empty:
        return "no target is finished for these backbones"
    rng = np.random.default_rng(0)
    lines = [f"{len(names)} backbones, {len(found)} targets, {given.updates} updates, {given.seeds} seeds", ""]
    for column in found.mean().sort_values(ascending=False).index:
        values = found[column].dropna().to_numpy()
        drawn = rng.choice(values, (DRAWS, len(values))).mean(1) if len(values) else np.array([np.nan])
        low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        mean_tau = values.mean() if len(values) else np.nan
        lines.append(f"{column:24} τw {mean_tau:+.3f}  ({low:+.3f} to {high:+.3f})  on {len(values)} targets")
    said = right = 0
    for target in found.index:
        verdict = cells["ranking"][f"{target} | {', '.join(Path(name).name for name in names)}"]["verdict"]
        best = max(names, key=lambda name, t=target: mean(cells, name, t, given))
        said += verdict["kind"] == "winner"
        right += verdict["kind"] == "winner" and verdict["leader"] == best
        lines.append(f"  {target}: {verdict['kind']}, {Path(verdict['leader']).name}; best was {Path(best).name}")
    lines.append(f'"clear winner" was said {said} times, and was right {right} times')
    trials = [held for held in cells["trial"].values() if held["all"]]
    share = sum(held["seconds"] for held in trials) / max(sum(held["all"] for held in trials), 1e-9)
    return "\n".join([*lines, f"the short trials took {share:.1%} of the time of fine-tuning all once"])


def main() -> None:
    """Makes the cells that are missing, then prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[], help="words: backbones or targets; each kind narrows")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--updates", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="measure nothing")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    only, every = set(given.only), backbones()
    short = {Path(name).name for name in every}
    names = [name for name in every if Path(name).name in only or not only & short]
    targets = [target for target in TARGETS if target in only or not only & set(TARGETS)]
    cells = json.loads(CELLS.read_text()) if CELLS.exists() else {"truth": {}, "ranking": {}, "trial": {}}
    for said in () if given.table else work(cells, names, targets, given):
        keep(CELLS, cells)
        print(said, flush=True)
    text = f"{machine()}\n{table(cells, names, targets, given)}"
    print(text)
    if not given.table:
        disk.write(TABLE, text + "\n")


if __name__ == "__main__":
    main()
