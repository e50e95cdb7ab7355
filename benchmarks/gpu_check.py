"""All that must be checked on a GPU, in one go of at most eight minutes, into one file.

Each part runs in a process of its own with its own time: one that fails or hangs stops no other. What it printed until
then is kept. Called again, the parts that are done are left out, unless the machine or a version changed.

    python benchmarks/gpu_check.py [--parts tests rates] [--again] [--out FILE]
    python benchmarks/gpu_check.py --small      # in small sizes and on a CPU too: whether the script itself works

Parts: tests marked `gpu`; agreement of CPU and GPU in fp32; two processes on one GPU; training rates of ResNet-50 and
ViT-S from JPEGs against a plain torch loop on synthetic input; saliency against captum; scores against the CPU.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

MINUTES = 8.0  # for all parts together
HEAD = re.compile(r"^== (\w+): (done|failed|out of time) in \d+ s ==$", re.MULTILINE)
HERE = Path(__file__).resolve().parent


def carry_out(
    file: Path, head: str, budgets: dict[str, float], command: Callable[[str], list[str]], minutes: float, again: bool
) -> dict[str, str]:
    """Carries out the parts that are not done, and writes what each printed; how each of them ended.

    Args:
        head: what the results are from; results of another head are dropped.
        budgets: seconds by part.
        command: what is run for a part.
    """
    known = {} if again else kept(file, head)
    end, verdicts = time.monotonic() + 60 * minutes, {}
    for name, seconds in budgets.items():
        if name not in known or known[name][0] != "done":
            verdict, took, text = run(command(name), min(seconds, end - time.monotonic()))
            known[name] = (verdict, f"== {name}: {verdict} in {took:.0f} s ==\n{text.rstrip()}\n")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("\n".join([head + "\n", *(section for _, section in known.values())]), encoding="utf-8")
        verdicts[name] = known[name][0]
        print(known[name][1], flush=True)
    return verdicts


def kept(file: Path, head: str) -> dict[str, tuple[str, str]]:
    """What a file of the same head holds: by part, how it ended and its section."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    if not text.startswith(head + "\n"):
        return {}
    starts = list(HEAD.finditer(text))
    ends = [match.start() for match in starts[1:]] + [len(text)]
    return {m[1]: (m[2], text[m.start() : stop].rstrip() + "\n") for m, stop in zip(starts, ends, strict=True)}


def run(command: list[str], seconds: float) -> tuple[str, float, str]:
    """Runs a part for at most so long: how it ended, seconds, and what it printed."""
    began = time.monotonic()
    if seconds <= 0:
        return "out of time", 0.0, "not begun"
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            code = child.wait(seconds)
            verdict = "failed" if code else "done"
        except subprocess.TimeoutExpired:
            verdict = "out of time"
        with contextlib.suppress(ProcessLookupError):  # and whatever it started
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        out.seek(0)
        text = out.read()
    failed = verdict == "done" and any(line.startswith("FAIL") for line in text.splitlines())
    return "failed" if failed else verdict, time.monotonic() - began, text


def versions() -> str:
    """What the numbers are from: device, versions, sizes."""
    import timm
    import torch
    from data import machine

    import workbench

    cuda = (
        f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}" if torch.cuda.is_available() else "no CUDA"
    )
    return f"{machine()}\n{cuda}, timm {timm.__version__}, workbench {workbench.__version__}"


def place(small: bool) -> Path:
    """The file of results of this device."""
    import torch

    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    called = f"gpu_check_{re.sub('[^A-Za-z0-9]+', '_', name).strip('_')}{'_small' if small else ''}.txt"
    return (Path(tempfile.gettempdir()) if small else HERE / "results") / called


def part(name: str, small: bool) -> None:
    """One part, in this process and a home of its own."""
    from gpu_parts import PARTS

    with tempfile.TemporaryDirectory() as home:
        os.environ["WORKBENCH_HOME"] = home
        for line in PARTS[name][0](small):
            print(line, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", help="only these")
    parser.add_argument("--again", action="store_true", help="parts that are done too")
    parser.add_argument("--small", action="store_true", help="small sizes; so too where there is no GPU")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--out", type=Path, help="the file of results")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    given = parser.parse_args()
    import torch
    from gpu_parts import PARTS

    small = given.small or not torch.cuda.is_available()
    if given.part:
        part(given.part, small)
        return 0
    unknown = set(given.parts or []) - set(PARTS)
    if unknown:
        parser.error(f"expected parts among {', '.join(PARTS)}, got {', '.join(sorted(unknown))}")
    head = f"{versions()}, {'small' if small else 'full'} sizes"
    file = given.out or place(small)
    more = 2 if small else 1  # a laptop is slow to start processes
    budgets = {name: more * seconds for name, (_, seconds) in PARTS.items() if name in (given.parts or PARTS)}
    mine = [sys.executable, str(Path(__file__).resolve()), *(["--small"] if small else [])]
    print(head, flush=True)
    verdicts = carry_out(file, head, budgets, lambda name: [*mine, "--part", name], more * given.minutes, given.again)
    print(f"{file}: {', '.join(f'{name} {verdict}' for name, verdict in verdicts.items())}")
    return int(any(verdict != "done" for verdict in verdicts.values()))


if __name__ == "__main__":
    sys.exit(main())
