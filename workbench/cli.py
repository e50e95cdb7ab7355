"""The command line: `workbench lab`, `run`, `runs`, `backbones`, `stages`, `rank`, `diagnose` and more."""

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
from workbench.errors import BadValue, RunFailed, Unavailable, WorkbenchError, printable

if TYPE_CHECKING:
    import pandas as pd

REFUSED = 2
# what of the catalogue fits a terminal's width
COLUMNS = ("name", "parameters", "gmacs", "image_size", "pretrained_on", "licence", "top1", "offline")


def main(arguments: Sequence[str] | None = None) -> int:
    """Carries out one command; 0 when it worked, 1 when its work failed, 2 when it was refused, with a sentence."""
    given, rest = parser().parse_known_args(arguments)
    if rest and given.command is not lab:
        parser().error(f"{given.name} does not take {' '.join(rest)}")
    given.rest = rest
    try:
        return given.command(given)
    except WorkbenchError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parser() -> argparse.ArgumentParser:
    """The commands and what each takes."""
    top = argparse.ArgumentParser(
        prog="workbench", description="Transfer learning in vision, with the reasons in view."
    )
    top.add_argument("--version", action="version", version=f"workbench {__version__}")
    commands = top.add_subparsers(dest="name", required=True, metavar="COMMAND")

    def command(name: str, function: object, help_: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help_, description=f"{help_[0].upper()}{help_[1:]}.", allow_abbrev=False)
        made.set_defaults(command=function)
        return made

    command("lab", lab, "open JupyterLab on the notebooks; options that follow are JupyterLab's own")
    worker = command("run", run, "carry out the plan in a run's folder, or go on with it")
    worker.add_argument("folder", help="the run's folder, or its name as `workbench runs` lists it")
    listing = command("runs", runs, "list all runs with their state")
    listing.add_argument("--folder", help="where the runs lie; default: the workbench's home")
    catalogue = command("backbones", backbones, "list backbones that match words or bounds")
    catalogue.add_argument("query", nargs="*", help='such as: mobilenet, offline, or "parameters < 6e6"')
    catalogue.add_argument("--all", action="store_true", help="every match, not the first 40")
    shown = command("stages", stages, "show the stages of backbones, stem to head")
    shown.add_argument("names", nargs="+", metavar="NAME", help="a backbone's name, file or folder")
    ranked = command("rank", rank, "rank backbones for a folder of images, before any training")
    ranked.add_argument("folder", help="what `wb.images` opens: a folder of labelled images, a table, a built-in set")
    ranked.add_argument("--backbones", nargs="+", metavar="NAME", help="default: the built-in zoo and a random control")
    ranked.add_argument("--limit", type=int, default=1000, help="images at most; default: 1000")
    ranked.add_argument("--trial", type=float, metavar="SECONDS", help="fine-tune those in question for so long")
    ranked.add_argument("--json", action="store_true", help="everything, as JSON")
    asked = command("diagnose", diagnose, "find out why a transfer is worse than it should be, and what to do")
    asked.add_argument("folder", help="what `wb.images` opens: a folder of labelled images, a table, a built-in set")
    asked.add_argument("--backbone", required=True, metavar="NAME", help="a backbone's name, file or folder")
    asked.add_argument("--report", metavar="FILE", help="keep everything in one file of HTML")
    asked.add_argument("--quick", action="store_true", help="look only: nothing is trained but linear heads")
    asked.add_argument("--minutes", type=float, default=3.0, help="after which no training is begun; default: 3")
    asked.add_argument("--json", action="store_true", help="everything, as JSON")
    made = command("pretrain", pretrain, "make a net of the built-in zoo anew, or go on making it")
    made.add_argument("recipe", metavar="NAME", help="its name without wb/, such as residual-shape")
    made.add_argument("--images", type=int, help="how many are rendered; default: the recipe's number")
    made.add_argument("--out", metavar="DIR", help="the zoo it is kept in; default: the package's own, or your home's")
    made.add_argument("--seed", type=int, default=0, help="of everything random; default: 0")
    made.add_argument("--threads", type=int, default=0, help="CPU threads; default: all")
    command("doctor", doctor, "show what this machine can do, and what is missing for more")
    return top


def lab(given: argparse.Namespace) -> int:
    """Opens JupyterLab on the notebooks beside the package, or here if there are none."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise Unavailable(
            'JupyterLab is not installed here; `python -m pip install "transfer-workbench[lab]"` brings it'
        )
    notebooks = Path(__file__).resolve().parents[1] / "notebooks"
    # no look-ups on jupyter.org at every start: opening a notebook sends nothing anywhere
    quiet = ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    # Lab refuses root unless told; in a container there is often nobody else
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    words = [sys.executable, "-m", "jupyterlab", *quiet, *root, *given.rest]
    return become(words, notebooks if notebooks.is_dir() else Path.cwd())


def become(words: list[str], folder: Path) -> int:
    """Puts another program in the place of this one, so that signals and Ctrl-C reach it alone."""
    if os.name == "nt":  # there exec returns to the shell at once
        return subprocess.call(words, cwd=folder)
    os.chdir(folder)
    sys.stdout.flush()
    os.execv(words[0], words)


def run(given: argparse.Namespace) -> int:
    """Carries out a run in this process."""
    from workbench.runs import folder, worker

    return worker.main([str(folder.find(given.folder))])


def runs(given: argparse.Namespace) -> int:
    """Prints the table of runs."""
    from workbench.runs import table

    return show(table(given.folder), "there are no runs yet")


def backbones(given: argparse.Namespace) -> int:
    """Prints the backbones that match."""
    from workbench.nets import backbones as catalogue

    found = catalogue(", ".join(given.query) or None)
    shown = found if given.all else found.head(40)
    status = show(
        shown[[c for c in COLUMNS if c in shown]], "no backbone matches; `workbench backbones` without words lists all"
    )
    if len(shown) < len(found):
        print(f"… and {len(found) - len(shown)} more; --all prints them")
    return status


def stages(given: argparse.Namespace) -> int:
    """Prints the stages of each named backbone, without its weights."""
    import pandas as pd

    from workbench.nets import load

    for name in given.names:
        net = load(name, pretrained=False)
        rows = [
            (s.name, f"{s.parameters:,}", f"{s.share:.1%}", "×".join(map(str, s.shape)) if s.shape else "")
            for s in net.stages
        ]
        say(f"{name}: {sum(s.parameters for s in net.stages):,} parameters")
        show(pd.DataFrame(rows, columns=["stage", "parameters", "share", "output"]), "")
    return 0


def rank(given: argparse.Namespace) -> int:
    """Prints the ranking as it stands at the end; 1 when no backbone could be scored."""
    from workbench.images import images as open_images
    from workbench.ranking import Ranking, rankings, short_trial

    images, ranking = open_images(given.folder), Ranking("", (), (), 0)
    for ranking in rankings(given.backbones or builtin(), images, limit=given.limit):
        if ranking.scored and not given.json:
            say(f"{len(ranking.scored)} of {ranking.wanted}: {ranking.scored[-1].name}", sys.stderr)
    chosen = [s.choice for s in ranking.done if s.name in ranking.verdict.among]
    trial = (
        short_trial(chosen, images, seconds=given.trial, progress=False) if given.trial and len(chosen) > 1 else None
    )
    if given.json:
        told = ranking.to_dict()
        if trial:
            told["trial"] = {"sentence": str(trial), "order": trial.order, "rounds": trial.frame.to_dict("records")}
        print(json.dumps(told, indent=1))
    else:
        table = ranking.frame.dropna(axis=1, how="all").drop(columns=["images", "seconds"])
        rounded = table.map(lambda v: f"{v:.3g}" if isinstance(v, float) and v == v else v)
        say("\n".join([f"{ranking}", *ranking.cautions, ""]))
        show(rounded, "no backbone")
        say(f"\n{trial}" if trial else "")
    return 0 if ranking.done else 1


def diagnose(given: argparse.Namespace) -> int:
    """Prints the verdict and the findings, and writes the report where one is wanted."""
    from workbench.diagnosis import diagnose as ask
    from workbench.images import images as open_images

    if given.report and not Path(given.report).expanduser().absolute().parent.is_dir():
        raise BadValue(f"the report cannot be written to {given.report}: there is no such folder")
    said = ""

    def tell(words: str, _: float) -> None:
        nonlocal said
        if words != said and not words.startswith("looking whether"):  # of each cause, a moment
            say(words, sys.stderr)
            said = words

    found = ask(given.backbone, open_images(given.folder), quick=given.quick, minutes=given.minutes, progress=tell)
    say(json.dumps(found.to_dict(), indent=1) if given.json else found)
    if given.report:
        say(found.report(given.report), sys.stderr)
    return 0


def builtin() -> list[object]:
    """The nets of the built-in zoo, and one of them with random weights."""
    from workbench.nets import backbones as catalogue

    names = [name for name in catalogue("offline")["name"] if name.startswith("wb/")]
    return [*names, *({"name": name, "params": {"pretrained": False}} for name in names[:1])]


def pretrain(given: argparse.Namespace) -> int:
    """Carries out a recipe of the built-in zoo and says where its net is; 1 when it failed or was stopped."""
    from workbench.runs.keeping import pretrain as make

    try:
        path = make(given.recipe, given.images, given.out, given.seed, given.threads)
    except RunFailed as error:
        say(error, sys.stderr)
        return 1
    except KeyboardInterrupt as stopped:
        say(f"\n{stopped}", sys.stderr)
        return 1
    say(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    return 0


def doctor(given: argparse.Namespace) -> int:
    """Prints what this machine can do."""
    from workbench.machine import doctor as look

    say(look())
    return 0


def say(words: object, stream: TextIO | None = None) -> None:
    """Print a line, on standard output unless another stream is named, with control characters in names written out."""
    print(printable(words), file=stream or sys.stdout)


def show(frame: pd.DataFrame, empty: str) -> int:
    """Prints a frame whole, or the sentence when it has no rows."""
    say(frame.to_string(index=False, na_rep="") if len(frame) else empty)
    return 0
