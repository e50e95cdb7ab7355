"""Carrying out a pretraining, and keeping its net in a zoo: half precision, and how it was made."""

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

from workbench import disk
from workbench.errors import BadValue, RunFailed, Unavailable
from workbench.loop import Point
from workbench.nets import Net, load, saved_recipe, saving, zoos
from workbench.plan import Plan
from workbench.runs import folder as files
from workbench.runs import pretraining
from workbench.runs.carrying import Carrier
from workbench.runs.folder import Status
from workbench.runs.launching import create, gentle
from workbench.runs.record import Run

EVERY = 30.0  # seconds between lines where nobody watches a terminal
LICENCE = "Apache-2.0"
ORIGIN = "Transfer Workbench"


def pretrain(
    name: str,
    images: int | None = None,
    out: str | os.PathLike[str] | None = None,
    seed: int = 0,
    threads: int = 0,
) -> Path:
    """Carries out the recipe `name` in this process, or goes on with it, and keeps the net; the file it is in.

    Args:
        images: how many are rendered; the recipe's number unless given.
        out: a zoo's folder. By default the package's own, if it can be written and the recipe was followed to the
            letter; else `zoo` in the workbench's home.
        threads: CPU threads; 0 leaves torch's choice.

    Raises:
        UnknownName: no such recipe.
        BadValue: a number of images out of range.
        Unavailable: another worker is at the same pretraining.
        RunFailed: the run failed; its last good state is kept.
        KeyboardInterrupt: it was interrupted; the same command goes on.
    """
    plan = pretraining.plan(name, images, seed, threads)
    place = zoo(name, plan) if out is None else Path(out).expanduser().resolve()
    made = pretraining.folder(name, plan)
    if not (made / files.PLAN).exists():
        create(plan, made)
    elif files.read_status(made).alive:
        raise Unavailable(f"{made.name} is under way already; `workbench runs` shows how far it is")
    if files.read_status(made).state != "done":
        disk.write(made / files.PLAN, plan.to_json())  # the threads may be others
        carried_out(made, name)
    disk.make_folder(place)
    return keep(Run(made), name, place)


def carried_out(made: Path, name: str) -> None:
    """Trains to the end, telling how far it is."""
    with gentle(made):
        status = Carrier(made, watch=Teller(name)).carry_out()
    if status.state == "stopped":
        raise KeyboardInterrupt(f"{made.name} was stopped and its state saved: the same command goes on")
    if status.state == "failed":
        raise RunFailed(f"{made.name} failed: {status.sentence}")


class Teller:
    """How far a run is, in one line: rewritten in a terminal, now and then a new one elsewhere."""

    def __init__(self, name: str) -> None:
        self.name, self._told = name, 0.0

    def __call__(self, point: Point, status: Status) -> None:
        """Tells of a point, unless it was told of one just now."""
        watched, last = sys.stdout.isatty(), status.step >= status.steps
        if time.monotonic() - self._told < (1.0 if watched else EVERY) and not last:
            return
        self._told = time.monotonic()
        line = f"{self.name}: {status.step / max(status.steps, 1):.1%}, {measured(point)}"
        if status.seconds_left and not last:
            line += f", {left(status.seconds_left)} left"
        sys.stdout.write(f"\r\x1b[K{line}" + ("\n" if last else "") if watched else f"{line}\n")
        sys.stdout.flush()


def measured(point: Point) -> str:
    """What a point says, in a few words."""
    values = point.values
    if "accuracy" in values:
        return f"{point.split} accuracy {values['accuracy']:.1%}"
    told = f"loss {values['loss']:.3f}" if "loss" in values else f"step {point.step}"
    return f"{told}, {values['images_per_second']:,.0f} images/s" if "images_per_second" in values else told


def left(seconds: float) -> str:
    """A duration in words."""
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def zoo(name: str, plan: Plan) -> Path:
    """Where the net of `plan` is kept: a trial with fewer images or another seed never replaces a shipped net."""
    faithful = pretraining.plan(name, threads=plan.schedule.threads) == plan
    shipped = zoos.BUILTIN if zoos.BUILTIN.is_dir() else zoos.BUILTIN.parent
    return zoos.BUILTIN if faithful and os.access(shipped, os.W_OK) else zoos.own()


def keep(run: Run, name: str, place: Path) -> Path:
    """Writes the net of a finished pretraining to the zoo in `place`, weights first and then their entry."""
    recipe = pretraining.recipe(name)
    net = run.net() if recipe.head else headless(run)
    made = how(run, name)
    net.recipe = net.recipe.but(name=name, weights=None)
    net.source = {"origin": ORIGIN, "licence": LICENCE, "pretrained_on": source(recipe)}
    path = place / f"{name}.safetensors"
    saving.write(net, path, half=True, notes={"made": made})
    zoos.enter(place, entry(net, path, made))
    return path


def headless(run: Run) -> Net:
    """The net of a run without its head, which only probed what the backbone learnt without labels."""
    trained = run.net()
    choice = run.plan.backbone
    net = load(choice.name, **{**choice.params, "num_classes": 0})
    net.backbone.load_state_dict(trained.backbone.state_dict())
    return net


def entry(net: Net, path: Path, made: Mapping[str, Any]) -> dict[str, Any]:
    """What the index says of a net; the fields are those of docs/zoo.md."""
    pixels = net.preprocessing
    kept = {} if net.classes is None else {"num_classes": len(net.classes), "classes": list(net.classes)}
    return {
        "name": path.stem,
        "file": path.name,
        "library": "timm",
        "builder": net.recipe.builder,
        "architecture": net.recipe.architecture,
        "kwargs": saved_recipe.described(net)["kwargs"],
        **kept,
        "input_size": [3, pixels.size, pixels.size],
        "mean": list(pixels.mean),
        "std": list(pixels.std),
        "interpolation": pixels.interpolation,
        "crop_pct": pixels.crop_pct,
        "crop_mode": pixels.crop_mode,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "licence": net.source["licence"],
        "origin_repository": net.source["origin"],
        "source_dataset": net.source["pretrained_on"],
        "parameters": sum(p.numel() for p in net.parameters()),
        "made": made,
    }


def source(recipe: pretraining.Recipe) -> str:
    """What a net was pretrained on, as the catalogue shows it."""
    return f"Transfer Workbench world: {recipe.what}"


def processor() -> str:
    """The name of the processor, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def how(run: Run, name: str) -> dict[str, Any]:
    """How a net was made: the command and the plan, on what, with which versions, for how long, how well."""
    plan, environment = run.plan, run.environment
    points = run.points
    trained, valid = points[points["split"] == "train"], points[points["split"] == "valid"]
    if not len(trained):
        raise BadValue(f"{run.name} has no points any more, so that nothing can be said of how it was made")
    updates = trained["step"].diff().fillna(trained["step"].iloc[0])
    seconds = float((updates * plan.schedule.batch_size / trained["images_per_second"]).sum())
    last = valid.iloc[-1].dropna().drop(["step", "epoch", "split"]) if len(valid) else {}
    count = plan.data.params["n"]
    return {
        "command": f"workbench pretrain {name} --images {count} --seed {plan.seed}",
        "plan": json.loads(plan.to_json()),
        "images_seen": int(trained["step"].iloc[-1]) * plan.schedule.batch_size,
        "seconds": round(seconds),
        "device": environment.get("gpu") or processor(),
        "threads": environment.get("threads"),
        "precision": environment.get("precision"),
        "workbench": environment.get("workbench"),
        "versions": environment.get("versions"),
        "valid": {key: round(float(value), 4) for key, value in dict(last).items()},
    }
