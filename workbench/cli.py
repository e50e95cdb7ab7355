"""Command line: `workbench lab`, `run`, `runs`, `backbones`, `stages`, `rank`, `diagnose`, `pretrain` and `info`."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from workbench import __version__
from workbench.errors import BadValue, RunFailed, Unavailable, WorkbenchError, escape_control_characters
from workbench.formatting import format_bytes

if TYPE_CHECKING:
    import pandas as pd

EXIT_REFUSED = 2
# columns of the catalogue that fit the width of a terminal
CATALOGUE_COLUMNS = ("name", "parameters", "gmacs", "image_size", "pretrained_on", "licence", "top1", "offline")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 for success, 1 for failed work, 2 for a refused request."""
    args, rest = build_parser().parse_known_args(arguments)
    if rest and args.command is not open_lab:
        build_parser().error(f"{args.name} does not take {' '.join(rest)}")
    args.rest = rest
    try:
        return args.command(args)
    except WorkbenchError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_REFUSED
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def build_parser() -> argparse.ArgumentParser:
    """Build the argument parser with all commands."""
    top = argparse.ArgumentParser(prog="workbench", description="Transfer learning in computer vision.")
    top.add_argument("--version", action="version", version=f"workbench {__version__}")
    commands = top.add_subparsers(dest="name", required=True, metavar="COMMAND")

    def command(name: str, function: object, help_: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help_, description=f"{help_[0].upper()}{help_[1:]}.", allow_abbrev=False)
        sub.set_defaults(command=function)
        return sub

    command("lab", open_lab, "open JupyterLab on the notebooks; options that follow are JupyterLab's own")
    running = command("run", execute_run, "execute the plan in a run's folder, or resume it")
    running.add_argument("folder", help="the run's folder, or its name as `workbench runs` lists it")
    listing = command("runs", print_runs, "list all runs with their state")
    listing.add_argument("--folder", help="folder with the runs; default: the workbench's home")
    catalogue = command("backbones", print_backbones, "list backbones that match a query")
    catalogue.add_argument("query", nargs="*", help='such as: mobilenet, offline, or "parameters < 6e6"')
    catalogue.add_argument("--all", action="store_true", help="every match, not the first 40")
    stages = command("stages", print_stages, "show the stages of backbones, stem to head")
    stages.add_argument("names", nargs="+", metavar="NAME", help="a backbone's name, file or folder")
    _add_rank_options(command("rank", print_ranking, "rank backbones for a folder of images, before any training"))
    _add_diagnosis_options(
        command("diagnose", print_diagnosis, "diagnose why a transfer is worse than expected, with remedies")
    )
    pretraining = command("pretrain", pretrain_net, "pretrain a net of the built-in zoo again, or resume")
    pretraining.add_argument(
        "recipe", metavar="NAME", help="name of the recipe, the net's name without wb/, such as residual-shape"
    )
    pretraining.add_argument("--images", type=int, help="number of rendered images; default: the recipe's number")
    pretraining.add_argument(
        "--out", metavar="DIR", help="zoo folder for the net; default: that of the package, or of your home"
    )
    pretraining.add_argument("--seed", type=int, default=0, help="random seed; default: 0")
    pretraining.add_argument("--threads", type=int, default=0, help="CPU threads; default: all")
    command("info", print_system_info, "show devices, memory, disk and software of this machine, with missing parts")
    return top


def _add_rank_options(rank: argparse.ArgumentParser) -> None:
    rank.add_argument("folder", help="folder of labeled images, table, or built-in data set (see wb.load_images)")
    rank.add_argument("--backbones", nargs="+", metavar="NAME", help="default: the built-in zoo and a random control")
    rank.add_argument("--limit", type=int, default=1000, help="maximum number of images; default: 1000")
    rank.add_argument(
        "--trial", type=float, metavar="SECONDS", help="time budget of successive halving among the best, in seconds"
    )
    rank.add_argument("--json", action="store_true", help="print everything as JSON")


def _add_diagnosis_options(diagnosis: argparse.ArgumentParser) -> None:
    diagnosis.add_argument("folder", help="folder of labeled images, table, or built-in data set (see wb.load_images)")
    diagnosis.add_argument("--backbone", required=True, metavar="NAME", help="a backbone's name, file or folder")
    diagnosis.add_argument("--report", metavar="FILE", help="write the report to this HTML file")
    diagnosis.add_argument("--quick", action="store_true", help="quick checks only: train nothing but linear heads")
    diagnosis.add_argument(
        "--minutes", type=float, default=3.0, help="time budget in minutes: no training starts after it; default: 3"
    )
    diagnosis.add_argument("--json", action="store_true", help="print everything as JSON")


def open_lab(args: argparse.Namespace) -> int:
    """Open JupyterLab in the notebooks folder beside the package, or in the current folder if there is none."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise Unavailable(
            'JupyterLab is not installed; install it with `python -m pip install "transfer-workbench[lab]"`'
        )
    notebooks = Path(__file__).resolve().parents[1] / "notebooks"
    # no requests to jupyter.org at every start
    quiet = ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    # JupyterLab refuses to run as root without this option; containers often have no other user
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    words = [sys.executable, "-m", "jupyterlab", *quiet, *root, *args.rest]
    return replace_process(words, notebooks if notebooks.is_dir() else Path.cwd())


def replace_process(command: list[str], folder: Path) -> int:
    """Replace this process with another program, so that signals and Ctrl-C reach only that program."""
    if os.name == "nt":  # on Windows, exec returns to the shell at once
        return subprocess.call(command, cwd=folder)
    os.chdir(folder)
    sys.stdout.flush()
    os.execv(command[0], command)


def execute_run(args: argparse.Namespace) -> int:
    """Execute a run in this process."""
    from workbench.runs.folder import run_files
    from workbench.runs.processes import worker

    return worker.main([str(run_files.find_run_folder(args.folder))])


def print_runs(args: argparse.Namespace) -> int:
    """Print the table of runs."""
    from workbench.runs.folder.run_files import search_runs

    return print_frame(search_runs(folder=args.folder), "there are no runs yet")


def print_backbones(args: argparse.Namespace) -> int:
    """Print the backbones that match the query."""
    from workbench.nets.catalogue.backbone_search import search_backbones

    matches = search_backbones(", ".join(args.query) or None)
    rows = matches if args.all else matches.head(40)
    status = print_frame(
        rows[[c for c in CATALOGUE_COLUMNS if c in rows]],
        "no backbone matches; `workbench backbones` without a query lists all",
    )
    if len(rows) < len(matches):
        print(f"… and {len(matches) - len(rows)} more; --all prints them")
    return status


def print_stages(args: argparse.Namespace) -> int:
    """Print the stages of each named backbone, without loading weights."""
    import pandas as pd

    from workbench.nets.loading.net_loader import load_net

    for name in args.names:
        net = load_net(name, pretrained=False)
        rows = [
            (
                s.name,
                f"{s.n_parameters:,}",
                f"{s.parameter_fraction:.1%}",
                "×".join(map(str, s.shape)) if s.shape else "",
            )
            for s in net.stages
        ]
        print_line(f"{name}: {sum(s.n_parameters for s in net.stages):,} parameters")
        print_frame(pd.DataFrame(rows, columns=["stage", "parameters", "share", "output"]), "")
    return 0


def print_ranking(args: argparse.Namespace) -> int:
    """Print the final ranking; return 1 if no backbone could be scored."""
    from workbench.data.image_loading import load_images
    from workbench.ranking._successive_halving import successive_halving
    from workbench.ranking.ranking import iter_rankings
    from workbench.ranking.result import Ranking

    images, ranking = load_images(args.folder), Ranking("", (), (), 0)
    for ranking in iter_rankings(args.backbones or default_backbones(), images, limit=args.limit):
        if ranking.results and not args.json:
            print_line(f"{len(ranking.results)} of {ranking.n_requested}: {ranking.results[-1].name}", sys.stderr)
    chosen = [s.choice for s in ranking.valid_results if s.name in ranking.verdict.contenders]
    trial = (
        successive_halving(chosen, images, seconds=args.trial, progress=False)
        if args.trial and len(chosen) > 1
        else None
    )
    if args.json:
        result = ranking.to_dict()
        if trial:
            result["trial"] = {"sentence": str(trial), "order": trial.order, "rounds": trial.frame.to_dict("records")}
        print(json.dumps(result, indent=1))
    else:
        table = ranking.frame.dropna(axis=1, how="all").drop(columns=["images", "seconds"])
        rounded = table.map(lambda v: f"{v:.3g}" if isinstance(v, float) and v == v else v)
        print_line("\n".join([f"{ranking}", *ranking.warnings, ""]))
        print_frame(rounded, "no backbone")
        print_line(f"\n{trial}" if trial else "")
    return 0 if ranking.valid_results else 1


def print_diagnosis(args: argparse.Namespace) -> int:
    """Print the verdict and the findings, and write the report if a file was given."""
    from workbench.data.image_loading import load_images
    from workbench.diagnosis.diagnosing import diagnose

    if args.report:
        _check_report_path(Path(args.report).expanduser().absolute())
    last_text = ""

    def print_progress(text: str, _: float) -> None:
        nonlocal last_text
        if text != last_text and not text.startswith("checking whether"):  # the short check of each cause
            print_line(text, sys.stderr)
            last_text = text

    diagnosis = diagnose(
        args.backbone, load_images(args.folder), quick=args.quick, minutes=args.minutes, progress=print_progress
    )
    print_line(json.dumps(diagnosis.to_dict(), indent=1) if args.json else diagnosis)
    if args.report:
        print_line(diagnosis.report(args.report), sys.stderr)
    return 0


def _check_report_path(path: Path) -> None:
    """Refuse a path that no report can be written to, before the diagnosis begins."""
    if path.is_dir():
        raise BadValue(f"the report cannot be written to {path}: it is a folder; name a file in it")
    if not path.parent.is_dir():
        raise BadValue(f"the report cannot be written to {path}: there is no such folder")


def default_backbones() -> list[object]:
    """Return the nets of the built-in zoo, and one of them with random weights as a control."""
    from workbench.nets.catalogue.backbone_search import search_backbones

    names = [name for name in search_backbones("offline")["name"] if name.startswith("wb/")]
    return [*names, *({"name": name, "params": {"pretrained": False}} for name in names[:1])]


def pretrain_net(args: argparse.Namespace) -> int:
    """Execute a pretraining recipe and print the path of the net; return 1 if it failed or was interrupted."""
    from workbench.runs.pretraining import pretrain

    try:
        path = pretrain(args.recipe, args.images, args.out, args.seed, args.threads)
    except RunFailed as error:
        print_line(error, sys.stderr)
        return 1
    except KeyboardInterrupt as stopped:
        print_line(f"\n{stopped}", sys.stderr)
        return 1
    print_line(f"{path} ({format_bytes(path.stat().st_size)})")
    return 0


def print_system_info(args: argparse.Namespace) -> int:
    """Print hardware, software and free resources of this machine."""
    from workbench._system_info import system_info

    print_line(system_info())
    return 0


def print_line(text: object, stream: TextIO | None = None) -> None:
    """Print a line to standard output or to `stream`, with control characters escaped."""
    print(escape_control_characters(text), file=stream or sys.stdout)


def print_frame(frame: pd.DataFrame, empty_text: str) -> int:
    """Print all rows of a frame, or `empty_text` if it has none."""
    print_line(frame.to_string(index=False, na_rep="") if len(frame) else empty_text)
    return 0
