"""What frozen layers cost: the workbench against a plain loop and fastai, on real images, ratios within one run.

Head only (20 epochs), last stage and head (10), everything (5), on the same split and size without augmentation;
then another tuning of the same backbone and images, and the features of all images asked for twice. Every training
runs in a process of its own and is timed from opening the images to the last validation, imports apart; peak memory
is that process's. A peer's epochs after the first cost the same each: `--peer-epochs` runs that many of them and
carries the mean of the later ones on; accuracy is then not compared. Processor seconds stand beside the clock's,
since other work on the machine disturbs them least.

    python benchmarks/pay_for_what_you_train.py [--fastai PYTHON] [--seeds 1] [--peer-epochs 3] [--backbone ...]
        [--data clothing] [--only "head only"]
    python benchmarks/pay_for_what_you_train.py --accuracy --seeds 3 [--fastai PYTHON]   # whole trainings, not timed

With `--accuracy` every training runs to its end and only its accuracy is read: other work may go on beside it, and
finished ones are kept beside the table.

`--fastai` names a Python that has fastai (a venv of its own); without it that column is empty.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from data import folder, keep, machine
from plain import fine_tune
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision.datasets import ImageFolder

import workbench as wb
from workbench.runs.build import open_training

WORK = {"head only": ("head", 20, 3e-3), "last stage and head": ("last", 10, 1e-3), "everything": ("full", 5, 3e-4)}
ACCURACY = Path(__file__).parent / "results" / "pay_for_what_you_train_accuracy.json"
STILL = "fastai, BnFreeze"  # its callback that keeps the batch statistics of frozen layers
AIMS = {"head only": (20, 40), "last stage and head": (4, 6), "everything": (2, 2)}  # plain loop, fastai


def peak() -> float:
    """Peak memory of this process in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def cpu() -> float:
    """Processor seconds of this process and its ended workers so far: what a busy machine disturbs least."""
    each = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in each)


def plan_of(task: dict[str, Any]) -> wb.Plan:
    """What the workbench is asked for."""
    tuning = {"head": "head", "full": "full"}.get(task["tuning"], {"name": "last-k", "params": {"k": 2}})
    return wb.Plan(
        task["backbone"],
        task["folder"],
        tuning,
        epochs=task["epochs"],
        lr=task["lr"],
        augment="none",
        seed=task["seed"],
        size=task["size"],
    )


def ours(task: dict[str, Any]) -> dict[str, Any]:
    """The workbench's loop."""
    began, spent = time.perf_counter(), cpu()
    training = open_training(plan_of(task))
    values = [point.values["accuracy"] for point in training if point.split == "valid"]
    seconds = [time.perf_counter() - began]
    shared = {"seconds": seconds, "accuracy": values[-1], "peak_gb": peak(), "cpu": cpu() - spent}
    return shared | {"precision": training.precision}


def plain(task: dict[str, Any]) -> dict[str, Any]:
    """The loop written by hand."""
    import timm

    backbone = timm.create_model(task["architecture"], num_classes=0)
    net = nn.Sequential(backbone, nn.Linear(task["features"], task["classes"]))
    net.load_state_dict(load_file(task["weights"]))
    began, spent = time.perf_counter(), cpu()
    parts = [part(task, valid) for valid in (False, True)]
    result = fine_tune(
        net,
        net[1],
        *parts,
        size=task["size"],
        crop_pct=task["crop_pct"],
        mean=task["mean"],
        std=task["std"],
        epochs=task["epochs"],
        lr=task["lr"],
        moving=None if task["whole"] else [net.get_submodule(name) for name in task["moving"]],
        seed=task["seed"],
    )
    first = result.ends[0] - began
    seconds = [first, *(b - a for a, b in zip(result.ends, result.ends[1:], strict=False))]
    return {"seconds": seconds, "accuracy": result.accuracy[-1], "peak_gb": peak(), "cpu": cpu() - spent}


def part(task: dict[str, Any], valid: bool) -> tuple[Path, list[int]]:
    """The folder that holds a class a folder, and the rows of it that train or validate."""
    paths = [path for path, _, held_out in task["rows"] if held_out == valid]
    place = Path(paths[0]).parents[1]
    row = {path: i for i, (path, _) in enumerate(ImageFolder(place).samples)}
    return place, [row[path] for path in paths]


def features(task: dict[str, Any]) -> dict[str, Any]:
    """All images' features, asked for by one process."""
    net, images = (
        wb.load_net(task["backbone"], pretrained=task["pretrained"], size=task["size"]),
        wb.load_images(task["everything"]),
    )
    began = time.perf_counter()
    found = wb.extract_features(net, images)
    return {"seconds": [time.perf_counter() - began], "images": len(found), "peak_gb": peak()}


def asked(kind: str, task: dict[str, Any], home: str, python: str = sys.executable) -> dict[str, Any]:
    """One measurement in a process of its own."""
    script = "fastai_peer.py" if kind == "fastai" else "pay_for_what_you_train.py"
    command = [python, str(Path(__file__).with_name(script)), *([] if kind == "fastai" else ["--one", kind])]
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command,
        input=json.dumps(task),
        capture_output=True,
        text=True,
        env={**os.environ, "WORKBENCH_HOME": home, "PYTHONPATH": path},
    )
    if done.returncode:
        sys.exit(f"{kind} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def described(args: argparse.Namespace, seed: int, where: Path) -> dict[str, Any]:
    """What all loops share: the split, the size and the weights that they begin with."""
    photo = folder("data", *args.data.split("/"))
    backbone = str(folder("zoo") / args.backbone) if args.backbone.endswith(".safetensors") else args.backbone
    pretrained = args.backbone.endswith(".safetensors")
    choice = {"name": backbone, "params": {} if pretrained else {"pretrained": False}}
    with tempfile.TemporaryDirectory() as home:
        os.environ["WORKBENCH_HOME"] = home
        training = open_training(
            wb.Plan(choice, str(photo), "head", size=args.size, seed=seed, precision="fp32", augment="none")
        )
    net, frame = training.net, training.tasks[0].images.frame
    net.to(memory_format=torch.contiguous_format)
    state = {f"0.{name}": t for name, t in net.backbone.state_dict().items()}
    state |= {f"1.{name}": t for name, t in net.head.state_dict().items()}
    save_file({name: t.contiguous() for name, t in state.items()}, where / "start.safetensors")
    pre, last = net.preprocessing, net.stages[-2]
    outer = [m for m in last.module_names if m.rpartition(".")[0] not in last.module_names]
    rows = frame[frame["split"].isin(["train", "valid"])]
    return {
        "folder": str(photo),
        "everything": str(photo.parent),
        "backbone": choice if not pretrained else backbone,
        "pretrained": pretrained,
        "architecture": net.recipe.architecture,
        "features": net.feature_dim,
        "classes": len(net.classes or ()),
        "weights": str(where / "start.safetensors"),
        "size": args.size,
        "crop_pct": pre.crop_pct,
        "mean": pre.mean,
        "std": pre.std,
        "seed": seed,
        "last": ["1", *(f"0.{m.removeprefix('backbone.')}" for m in outer)],
        "rows": [[str(photo / i), c, s == "valid"] for i, c, s in zip(rows.id, rows.label, rows.split, strict=True)],
    }


def total(seconds: list[float], epochs: int) -> float:
    """Seconds of all epochs, those after the ones measured like their later ones."""
    later = statistics.mean(seconds[1:]) if len(seconds) > 1 else 0.0
    return sum(seconds) + (epochs - len(seconds)) * later


def trained(args: argparse.Namespace) -> None:
    """The three trainings, and another tuning of the same backbone and images."""
    for name, (tuning, epochs, lr) in WORK.items():
        if args.only and name not in args.only:
            continue
        times: dict[str, list[float]] = {"workbench": [], "plain": [], "fastai": []}
        spent: dict[str, list[float]] = {"workbench": [], "plain": [], "fastai": []}
        for seed in range(args.seeds):
            with tempfile.TemporaryDirectory() as place:
                task = described(args, seed, Path(place)) | {"tuning": tuning, "lr": lr, "whole": tuning == "full"}
                task["moving"] = ["1"] if tuning == "head" else task["last"]
                peers = {"plain": sys.executable} | ({"fastai": args.fastai} if args.fastai else {})
                few = min(epochs, args.peer_epochs or epochs)
                results: dict[str, dict[str, Any]] = {}
                for kind, python in {"workbench": sys.executable, **peers}.items():
                    own = kind == "workbench"
                    wanted = task | {"epochs": epochs if own else few}
                    results[kind] = result = asked("ours" if own else kind, wanted, f"{place}/{own}", python)
                    took = result["seconds"][0] if kind == "workbench" else total(result["seconds"], epochs)
                    times[kind].append(took)
                    spent[kind].append(result["cpu"] * took / sum(result["seconds"]))
                    full = kind == "workbench" or few == epochs
                    told = f"accuracy {result['accuracy']:.3f}" if full else f"from {few} epochs"
                    print(
                        f"  seed {seed}  {name}, {epochs} epochs  {kind:9} {took:7.1f} s  "
                        f"{spent[kind][-1]:7.1f} processor s  {told:15} "
                        f"peak {result['peak_gb']:.2f} GB  {result.get('precision', '')}",
                        flush=True,
                    )
                if tuning == "head":
                    again = asked("ours", task | {"epochs": epochs, "lr": lr / 3, "seed": seed}, f"{place}/True")
                    ratio = results["workbench"]["seconds"][0] / again["seconds"][0]
                    print(f"  seed {seed}  the same backbone and images, another rate: {again['seconds'][0]:.1f} s")
                    print(f"another grid, run again: {ratio:.1f}x faster than the first run, 3x wanted", flush=True)
        for peer, aim in zip(("plain", "fastai"), AIMS[name], strict=True):
            if times[peer]:
                ratio = statistics.median(b / a for a, b in zip(times["workbench"], times[peer], strict=True))
                work = statistics.median(b / a for a, b in zip(spent["workbench"], spent[peer], strict=True))
                print(
                    f"{name}, {epochs} epochs: {ratio:.1f}x faster than {peer} ({work:.1f}x in processor time), "
                    f"{aim}x wanted",
                    flush=True,
                )


def compared(args: argparse.Namespace) -> None:
    """Accuracy of everyone after whole trainings, over the seeds."""
    cells = json.loads(ACCURACY.read_text()) if ACCURACY.exists() else {}
    peers = {"workbench": sys.executable, "plain": sys.executable}
    peers |= dict.fromkeys(("fastai", STILL), args.fastai) if args.fastai else {}
    for name, (tuning, epochs, lr) in WORK.items():
        found: dict[str, list[float]] = {kind: [] for kind in peers}
        for seed in range(args.seeds) if not args.only or name in args.only else ():
            with tempfile.TemporaryDirectory() as place:
                task = described(args, seed, Path(place)) | {"tuning": tuning, "lr": lr, "whole": tuning == "full"}
                task |= {"moving": ["1"] if tuning == "head" else task["last"], "epochs": epochs}
                for kind, python in peers.items():
                    if kind == STILL and task["whole"]:
                        continue  # nothing is frozen
                    key = f"{args.backbone} | {args.data} | {args.size} px | {name} | {kind} | {seed}"
                    if key not in cells:
                        asks = "ours" if kind == "workbench" else kind.partition(",")[0]
                        asks_for = task | {"still": kind == STILL}
                        cells[key] = asked(asks, asks_for, f"{place}/{kind}", python)["accuracy"]
                        keep(ACCURACY, cells)
                        print(f"  {key}: {cells[key]:.3f}", flush=True)
                    found[kind].append(cells[key])
        told = ", ".join(f"{kind} {spread(values)}" for kind, values in found.items() if values)
        if told:
            print(f"{name}, {epochs} epochs, accuracy in percent, {args.seeds} seeds: {told}", flush=True)


def spread(values: list[float]) -> str:
    """Mean and standard deviation in percent."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{100 * statistics.mean(values):.1f} ± {100 * deviation:.1f}"


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--one", help="carry out one measurement, the task on standard input")
    parser.add_argument("--backbone", default="mobilenetv2_100_coral_imagenet.safetensors")
    parser.add_argument("--data", default="pacs/photo")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--peer-epochs", type=int, default=0)
    parser.add_argument("--fastai", help="a Python that has fastai")
    parser.add_argument("--only", nargs="+", default=[], choices=[*WORK, "features"], help="rows of the table")
    parser.add_argument("--accuracy", action="store_true", help="whole trainings of everyone, not timed")
    args = parser.parse_args()
    if args.one:
        print(json.dumps({"ours": ours, "plain": plain, "features": features}[args.one](json.load(sys.stdin))))
        return
    print(f"{args.backbone}, {args.data}, {args.size} px, batch 32, no augmentation")
    print(f"{machine()}, {torch.get_num_threads()} threads", flush=True)
    if args.accuracy:
        compared(args)
        return
    trained(args)
    if args.only and "features" not in args.only:
        return
    with tempfile.TemporaryDirectory() as place:
        task = described(args, 0, Path(place))
        first, second = (asked("features", task, f"{place}/home") for _ in range(2))
    a, b = first["seconds"][0], second["seconds"][0]
    print(f"features of {first['images']} images: {a:.1f} s, then {b:.2f} s, {a / b:.0f}x faster, 100x wanted")


if __name__ == "__main__":
    main()
