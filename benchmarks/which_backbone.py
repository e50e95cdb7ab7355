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
import random
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
from workbench import _paths
from workbench.loop.precision.auto_precision import has_bf16_units
from workbench.plan import to_choice
from workbench.ranking.backbone_specs import backbone_label
from workbench.ranking.score_table import BASELINE_SCORES, DEFAULT_SCORES
from workbench.runs.build import open_training
from workbench.scores import scores as known

RESULTS = Path(__file__).parent / "results"
CELLS, TABLE = RESULTS / "which_backbone.json", RESULTS / "which_backbone.txt"
TARGETS = ("world: sketch", "world: texture", "digits", "clothing", *PHOTOS)
FEW, LIMIT, SEED, BATCH = 40, 1000, 11, 32  # training images per class; images ranked; of the world
RATE = 2e-3  # between what suits the built-in nets (3e-3) and those of ImageNet (1e-3) best in so few updates
SHARE = 0.1  # of the cost of fine-tuning all, that the short trial may take
SIZE = 64
# the same for all, since a trial would leave the shortest in fp32
PRECISION = "bf16" if has_bf16_units() else "fp32"
BUILTIN = ("all", "contrast", "formula", "rotation", "shape", "shuffled", "texture")  # of the residual net
REAL = (  # small enough for two cores, and of different worth
    "mobilenetv1_025_imagenet",
    "mobilenetv1_050_imagenet",
    "mobilenetv2_100_inat_bird",
    "cifar_resnet20",
)
LEVEL, DRAWS = 0.9, 2000
HANDFULS, EACH = (2, 3, 4, 6), 25  # backbones of which a verdict is heard too, and how many draws of each
TOLD, CONSENSUS, TRIED, ONCE = ("kind", "lead", "support"), "consensus", "consensus, then trial", "all tuned once"
STUDY = Path(wb.__file__).parent / "ranking" / "study.csv"
HEAD = "# made by benchmarks/which_backbone.py\n"


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
        return wb.load_images("world", n=3000, seed=SEED, per_class=FEW, valid=0.3, **WORLDS[target])
    if target == "digits":
        return wb.load_images("digits", per_class=FEW, valid=0.4)
    if target == "clothing":
        return wb.load_images(folder("data", "clothing"), per_class=FEW)
    return wb.load_images(folder("data", "pacs", target), per_class=FEW, valid=0.4)


def tuned(name: str, target: str, seed: int, updates: int) -> tuple[float, float]:
    """Accuracy on the validation images after full fine-tuning, and its seconds."""
    data, began = images(target), time.perf_counter()
    train = data.subset("train")  # alone: judged once, in the end
    steps = -(-len(train) // BATCH)
    settings = {"lr": RATE, "augment": AUGMENT.get(target, "crop"), "keep": "last", "precision": PRECISION}
    epochs = max(1, round(updates / steps))
    # the rate is searched for nobody
    training = open_training(
        wb.Plan(asked(name), train, "full", seed=seed, epochs=epochs, batch_size=BATCH, **settings)
    )
    for _ in training:
        pass
    took = time.perf_counter() - began
    return 100 * wb.evaluate(training.net, data, split="valid").accuracy, took


def ranked(names: Sequence[str], target: str) -> dict[str, Any]:
    """What a ranking says of a target, its seconds, and what it would say of handfuls of the backbones."""
    began = time.perf_counter()
    ranking = wb.rank_backbones(
        [asked(name) for name in names], images(target), limit=LIMIT, processes=1, progress=False
    )
    told = ranking.to_dict()
    took, draws = time.perf_counter() - began, random.Random(0)
    labels = [scored.name for scored in ranking.valid_results]
    verdicts = []
    for count in HANDFULS:
        for _ in range(EACH):
            handful = draws.sample(labels, count)
            found = ranking.subset(handful).verdict
            row = {"of": handful, "kind": found.kind, "leader": found.leader, "contenders": list(found.contenders)}
            verdicts.append({**row, "lead": found.lead, "support": found.support})
    return {"seconds": took, "frame": told["frame"], "verdict": told["verdict"], "handfuls": verdicts}


def tried(names: Sequence[str], held: dict[str, Any], target: str, seconds: float) -> dict[str, Any]:
    """The short trial of those that a ranking's verdict lies among."""
    among = held["verdict"]["contenders"]
    if len(among) < 2:
        return {"order": among, "seconds": 0.0}
    settings = {"lr": RATE, "augment": AUGMENT.get(target, "crop"), "precision": PRECISION}
    those = [asked(name) for name in names if backbone_label(to_choice(asked(name), "backbone")) in among]
    found = wb.successive_halving(those, images(target), seconds=max(seconds, 1.0), progress=False, **settings)
    return {"order": list(found.order), "seconds": found.seconds}


def truth_key(name: str, target: str, updates: int, seed: int) -> str:
    """What a fine-tuning is filed under."""
    return f"{Path(name).name} | {target} | {updates} | {seed}"


def ranking_key(names: Sequence[str], target: str) -> str:
    """What a ranking and its trial are filed under."""
    return f"{target} | {', '.join(Path(name).name for name in names)}"


def work(cells: dict[str, Any], names: list[str], targets: list[str], given: argparse.Namespace) -> Iterator[str]:
    """Makes the cells that are missing, one after another; yields what each came to."""
    # one seed of everything before the next, so that a table made in pieces is whole early
    for seed, target, name in itertools.product(range(given.seeds), targets, names):
        key = truth_key(name, target, given.updates, seed)
        if key not in cells["truth"]:
            cells["truth"][key] = tuned(name, target, seed, given.updates)
            yield f"{key}: {cells['truth'][key][0]:.1f}"
    for target in targets:
        key = ranking_key(names, target)
        if key not in cells["ranking"]:
            cells["ranking"][key] = ranked(names, target)
            yield f"{key}: {cells['ranking'][key]['verdict']['sentence']}"
        if key not in cells["trial"]:
            spent = sum(cells["truth"][truth_key(name, target, given.updates, 0)][1] for name in names)
            cells["trial"][key] = {**tried(names, cells["ranking"][key], target, SHARE * spent), "all": spent}
            yield f"{key}: short trial {cells['trial'][key]}"


def study(cells: dict[str, Any], names: list[str], targets: list[str], given: argparse.Namespace) -> pd.DataFrame:
    """What is finished, a row a target and backbone: accuracy, its spread, scores, baselines, place in the trial."""
    rows = []
    for target in targets:
        key = ranking_key(names, target)
        held, trial = cells["ranking"].get(key), cells["trial"].get(key)
        for row in held["frame"] if held and trial else ():
            name = short(row["backbone"])
            keys = [truth_key(name, target, given.updates, seed) for seed in range(given.seeds)]
            found = [cells["truth"][key][0] for key in keys if key in cells["truth"]]
            if len(found) < given.seeds:
                continue
            order = [short(other) for other in trial["order"]]
            told = {"accuracy": np.mean(found), "spread": np.std(found, ddof=1) if len(found) > 1 else np.nan}
            told |= {score: row.get(score) for score in (CONSENSUS, *DEFAULT_SCORES, *BASELINE_SCORES)}
            place = order.index(name) + 1 if name in order else np.nan
            rows.append(
                {"target": target, "backbone": name, **told, "trial": place, "verdict": held["verdict"]["kind"]}
            )
    return pd.DataFrame(rows)


def short(backbone: str) -> str:
    """A backbone's name without its folder and arguments."""
    return Path(backbone.partition(" (")[0]).name


def orders(found: pd.DataFrame) -> pd.DataFrame:
    """Weighted τ with the accuracy: a row a target, a column a score, baseline, consensus, or consensus and trial."""
    truth = found.pivot_table(index="backbone", columns="target", values="accuracy")
    rows = {}
    for target, part in found.groupby("target", sort=False):
        columns = {}
        for name in (*DEFAULT_SCORES, *BASELINE_SCORES):
            columns[name] = part[name].astype(float) * (-1 if known[name].better.startswith("lower") else 1)
        columns[CONSENSUS] = -part[CONSENSUS].astype(float)
        # those that were tried stand before all others
        columns[TRIED] = columns[CONSENSUS].where(part["trial"].isna(), 100 - part["trial"])
        others = truth.drop(columns=target)
        if others.shape[1]:
            columns["rank_elsewhere"] = [-known["rank_elsewhere"](name, others) for name in part["backbone"]]
        rows[target] = {name: known_tau(part["accuracy"], values) for name, values in columns.items()}
    return pd.DataFrame(rows).T


def known_tau(accuracy: pd.Series, values: Any) -> float:
    """Weighted τ over the backbones whose value is known; NaN where less than two are."""
    values = np.asarray(values, dtype=float)
    known = np.isfinite(values)
    return wb.scores.weighted_tau(accuracy[known], values[known]) if known.sum() > 1 else np.nan


def ceiling(cells: dict[str, Any], part: pd.DataFrame, target: str, given: argparse.Namespace) -> float:
    """Weighted τ of a single fine-tuning of all with the mean of the other seeds: no forecast can be asked for more."""
    each = np.array(
        [
            [cells["truth"][truth_key(name, target, given.updates, seed)][0] for seed in range(given.seeds)]
            for name in part["backbone"]
        ]
    )
    if given.seeds < 2:
        return np.nan
    return float(
        np.mean([wb.scores.weighted_tau(np.delete(each, s, 1).mean(1), each[:, s]) for s in range(given.seeds)])
    )


def verdicts(cells: dict[str, Any], found: pd.DataFrame) -> pd.DataFrame:
    """Verdicts on handfuls of backbones: target, count, kind, lead, support, points that the leader lacks."""
    truth = found.pivot_table(index="backbone", columns="target", values="accuracy")
    rows = []
    for key, held in cells["ranking"].items():
        target = key.partition(" | ")[0]
        for one in held["handfuls"] if target in truth else ():
            accuracy = truth.loc[[short(name) for name in one["of"]], target]
            among = accuracy[[short(name) for name in one["contenders"]]]
            lacks = {"leader": accuracy.max() - accuracy[short(one["leader"])], "among": accuracy.max() - among.max()}
            rows.append({"target": target, "count": len(one["of"]), **{k: one[k] for k in TOLD}, **lacks})
    return pd.DataFrame(rows)


def table(cells: dict[str, Any], found: pd.DataFrame, given: argparse.Namespace) -> str:
    """The study in words and numbers."""
    if found.empty:
        return "no target is finished for these backbones"
    taus, rng = orders(found), np.random.default_rng(0)
    taus[ONCE] = {target: ceiling(cells, part, str(target), given) for target, part in found.groupby("target")}
    few = [name for name in (*DEFAULT_SCORES, *BASELINE_SCORES) if found[name].isna().mean() > 0.5]
    taus = taus.drop(columns=few)  # an order of three says nothing of twelve
    counts = f"{found['backbone'].nunique()} backbones, {len(taus)} targets"
    lines = [f"{counts}, {given.updates} updates, mean of {given.seeds} seeds", ""]
    for column in taus.mean().sort_values(ascending=False).index:
        values = taus[column].dropna().to_numpy()
        if len(values):
            low, high = np.quantile(
                rng.choice(values, (DRAWS, len(values))).mean(1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
            )
            lines.append(f"{column:24} τw {values.mean():+.3f}  ({low:+.3f} to {high:+.3f})  on {len(values)} targets")
    lines += [f"known of less than half of the backbones, and left out: {', '.join(few)}"] * bool(few)
    lines += ["", "weighted τ by target", taus[[CONSENSUS, TRIED, ONCE]].round(2).to_string(), ""]
    for target, part in found.groupby("target", sort=False):
        best, leader = part.loc[part["accuracy"].idxmax()], part.loc[part[CONSENSUS].idxmin()]
        first = part.loc[part["trial"].idxmin()] if part["trial"].notna().any() else leader
        lines.append(
            f"{target}: {leader['verdict']}, {leader['backbone']} ({leader['accuracy']:.1f}), by trial "
            f"{first['backbone']} ({first['accuracy']:.1f}); best was {best['backbone']} ({best['accuracy']:.1f})"
        )
    told = verdicts(cells, found)
    lines += ["", f"verdicts on {len(told)} handfuls of {min(HANDFULS)} to {max(HANDFULS)} of these backbones"]
    for kind, part in told.groupby("kind"):
        hits = " / ".join(f"{(part['leader'] <= points).mean():.0%}" for points in (0, 1))
        among = f"{(part['among'] <= 0).mean():.0%}"
        lines.append(
            f"{kind:9} {len(part):4} times: the leader was best, best within a point {hits}; best among {among}"
        )
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
    names = [name for name in every if short(name) in only or not only & {short(other) for other in every}]
    targets = [target for target in TARGETS if target in only or not only & set(TARGETS)]
    cells = json.loads(CELLS.read_text()) if CELLS.exists() else {"truth": {}, "ranking": {}, "trial": {}}
    for said in () if given.table else work(cells, names, targets, given):
        keep(CELLS, cells)
        print(said, flush=True)
    found = study(cells, names, targets, given)
    text = f"{machine()}\n{table(cells, found, given)}"
    print(text)
    if not given.table:
        _paths.write_file(TABLE, text + "\n")
    if not only and not found.empty:
        _paths.write_file(STUDY, HEAD + found.round(5).to_csv(index=False))


if __name__ == "__main__":
    main()
