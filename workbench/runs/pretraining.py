"""Pretraining of the built-in nets: trains a recipe and writes its net to a zoo, in half precision."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench import _paths
from workbench.errors import BadValue, RunFailed, Unavailable
from workbench.formatting import format_duration
from workbench.loop.training import Point
from workbench.nets.catalogue import zoo_index
from workbench.nets.loading import net_file, saved_recipe
from workbench.nets.loading.net_loader import load_net
from workbench.nets.net import Net
from workbench.plan import Plan
from workbench.runs import pretraining_recipes
from workbench.runs.folder import run_files as files
from workbench.runs.folder.run_files import Status
from workbench.runs.processes.launching import create_run_folder, stop_cleanly_on_interrupt
from workbench.runs.processes.runner import Runner
from workbench.runs.run import Run

PRINT_INTERVAL = 30.0  # seconds between lines where output is no terminal
LICENSE = "Apache-2.0"
ORIGIN = "Transfer Workbench"


def pretrain(
    name: str,
    n_images: int | None = None,
    folder: str | os.PathLike[str] | None = None,
    seed: int = 0,
    threads: int = 0,
) -> Path:
    """Train the recipe `name` in this process, or resume it, and write its net to a zoo; return the file.

    Args:
        n_images: rendered images; the recipe's number if None.
        folder: folder of a zoo. By default the package's own, if it is writable and the recipe was followed exactly;
            else `zoo` in the workbench's home.
        threads: CPU threads; 0 leaves torch's choice.

    Raises:
        UnknownName: no such recipe.
        BadValue: a number of images out of range.
        Unavailable: another worker trains the same pretraining.
        RunFailed: the run failed; its last good state is kept.
        KeyboardInterrupt: the run was interrupted; the same command resumes it.
    """
    plan = pretraining_recipes.make_plan(name, n_images, seed, threads)
    zoo_folder = choose_zoo_folder(name, plan) if folder is None else Path(folder).expanduser().resolve()
    training_folder = pretraining_recipes.run_folder(name, plan)
    if not (training_folder / files.PLAN).exists():
        create_run_folder(plan, training_folder)
    elif files.read_status(training_folder).is_active:
        raise Unavailable(f"{training_folder.name} is being trained already; `workbench runs` shows its progress")
    if files.read_status(training_folder).state != "done":
        _paths.write_file(training_folder / files.PLAN, plan.to_json())  # the number of threads may differ
        train_to_end(training_folder, name)
    _paths.make_folder(zoo_folder)
    return save_to_zoo(Run(training_folder), name, zoo_folder)


def train_to_end(folder: Path, name: str) -> None:
    """Train a run to its end and print its progress."""
    with stop_cleanly_on_interrupt(folder):
        status = Runner(folder, callback=ProgressPrinter(name)).run()
    if status.state == "stopped":
        raise KeyboardInterrupt(f"{folder.name} was stopped and its state saved: the same command resumes it")
    if status.state == "failed":
        raise RunFailed(f"{folder.name} failed: {status.message}")


class ProgressPrinter:
    """Progress of a run in one line: rewritten in place on a terminal, else a new line at intervals."""

    def __init__(self, name: str) -> None:
        self.name, self._printed_at = name, 0.0

    def __call__(self, point: Point, status: Status) -> None:
        """Print the progress at a point, unless it was printed a moment ago."""
        watched, last = sys.stdout.isatty(), status.step >= status.steps
        if time.monotonic() - self._printed_at < (1.0 if watched else PRINT_INTERVAL) and not last:
            return
        self._printed_at = time.monotonic()
        line = f"{self.name}: {status.step / max(status.steps, 1):.1%}, {format_point(point)}"
        if status.seconds_left and not last:
            line += f", {format_duration(status.seconds_left)} left"
        sys.stdout.write(f"\r\x1b[K{line}" + ("\n" if last else "") if watched else f"{line}\n")
        sys.stdout.flush()


def format_point(point: Point) -> str:
    """Format the measurements of a point in a few words."""
    values = point.values
    if "accuracy" in values:
        return f"{point.split} accuracy {values['accuracy']:.1%}"
    text = f"loss {values['loss']:.3f}" if "loss" in values else f"step {point.step}"
    return f"{text}, {values['images_per_second']:,.0f} images/s" if "images_per_second" in values else text


def choose_zoo_folder(name: str, plan: Plan) -> Path:
    """Choose the zoo folder for the net of `plan`; one of fewer images or another seed never replaces a shipped net."""
    faithful = pretraining_recipes.make_plan(name, threads=plan.schedule.threads) == plan
    shipped = zoo_index.BUILTIN_FOLDER if zoo_index.BUILTIN_FOLDER.is_dir() else zoo_index.BUILTIN_FOLDER.parent
    return zoo_index.BUILTIN_FOLDER if faithful and os.access(shipped, os.W_OK) else zoo_index.user_zoo_folder()


def save_to_zoo(run: Run, name: str, folder: Path) -> Path:
    """Write the net of a finished pretraining to the zoo in `folder`, first the weights and then their entry."""
    recipe = pretraining_recipes.get_recipe(name)
    net = run.net() if recipe.keeps_head else load_without_head(run)
    training_record = describe_training(run, name)
    net.recipe = net.recipe.replace(name=name, weights=None)
    net.provenance = {"origin": ORIGIN, "licence": LICENSE, "pretrained_on": describe_pretraining_data(recipe)}
    path = folder / f"{name}.safetensors"
    net_file.save_net(net, path, half_precision=True, metadata={"made": training_record})
    zoo_index.add_entry(folder, make_index_entry(net, path, training_record))
    return path


def load_without_head(run: Run) -> Net:
    """Load the net of a run without its head, which was only a probe of features learned without labels."""
    trained = run.net()
    choice = run.plan.backbone
    net = load_net(choice.name, **{**choice.params, "num_classes": 0})
    net.backbone.load_state_dict(trained.backbone.state_dict())
    return net


def make_index_entry(net: Net, path: Path, training_record: Mapping[str, Any]) -> dict[str, Any]:
    """Make the index entry of a net; docs/zoo.md describes the fields."""
    pixels = net.preprocessing
    class_fields = {} if net.classes is None else {"num_classes": len(net.classes), "classes": list(net.classes)}
    return {
        "name": path.stem,
        "file": path.name,
        "library": "timm",
        "builder": net.recipe.builder,
        "architecture": net.recipe.architecture,
        "kwargs": saved_recipe.describe_recipe(net)["kwargs"],
        **class_fields,
        "input_size": [3, pixels.size, pixels.size],
        "mean": list(pixels.mean),
        "std": list(pixels.std),
        "interpolation": pixels.interpolation,
        "crop_pct": pixels.crop_pct,
        "crop_mode": pixels.crop_mode,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "licence": net.provenance["licence"],
        "origin_repository": net.provenance["origin"],
        "source_dataset": net.provenance["pretrained_on"],
        "parameters": sum(p.numel() for p in net.parameters()),
        "made": training_record,
    }


def describe_pretraining_data(recipe: pretraining_recipes.Recipe) -> str:
    """Describe the pretraining data of a net, as the catalogue shows it."""
    return f"Transfer Workbench world: {recipe.description}"


def processor_name() -> str:
    """Return the name of the processor, as far as the system reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def describe_training(run: Run, name: str) -> dict[str, Any]:
    """Describe how a net was trained: command, plan, images seen, time, device, versions and validation metrics."""
    plan, environment = run.plan, run.environment
    points = run.points
    trained, valid = points[points["split"] == "train"], points[points["split"] == "valid"]
    if not len(trained):
        raise BadValue(f"{run.name} has no points any more, so that its training cannot be described")
    updates = trained["step"].diff().fillna(trained["step"].iloc[0])
    seconds = float((updates * plan.schedule.batch_size / trained["images_per_second"]).sum())
    last = valid.iloc[-1].dropna().drop(["step", "epoch", "split"]) if len(valid) else {}
    count = plan.data.params["n"]
    return {
        "command": f"workbench pretrain {name} --images {count} --seed {plan.seed}",
        "plan": json.loads(plan.to_json()),
        "images_seen": int(trained["step"].iloc[-1]) * plan.schedule.batch_size,
        "seconds": round(seconds),
        "device": environment.get("gpu") or processor_name(),
        "threads": environment.get("threads"),
        "precision": environment.get("precision"),
        "workbench": environment.get("workbench"),
        "versions": environment.get("versions"),
        "valid": {key: round(float(value), 4) for key, value in dict(last).items()},
    }
