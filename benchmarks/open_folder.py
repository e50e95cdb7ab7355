"""Opening a folder of 100,000 images: time and peak memory, beside torchvision's ImageFolder.

    python benchmarks/open_folder.py [--files 100000] [--classes 100]

Wanted: at most 2 s and 200 MB for 100,000 names. Each library opens the same folder in a process of its own,
so that peaks do not mix; the workbench's figure includes everything it does at opening (labels, splits).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

PROBE = """
import json, os, resource, sys, time
def peak():
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e6
{imports}
before, start = peak(), time.perf_counter()
opened = {opening}
seconds = time.perf_counter() - start
print(json.dumps(dict(seconds=seconds, peak=peak(), above_imports=peak() - before, images=len(opened))))
"""

OURS = ("import workbench as wb; wb.load_images; import pandas", "wb.load_images(sys.argv[1])")
THEIRS = ("from torchvision.datasets import ImageFolder", "ImageFolder(sys.argv[1])")


def make_folder(root: Path, files: int, classes: int) -> None:
    """Class folders of tiny files; opening reads names only, so one pixel each is enough."""
    pixel = b"P5 1 1 255\n\x00"
    for c in range(classes):
        folder = root / f"class_{c:03d}"
        folder.mkdir()
        for i in range(files // classes):
            (folder / f"image_{c:03d}_{i:06d}.pgm").write_bytes(pixel)


def measured(root: Path, imports: str, opening: str) -> dict[str, float]:
    """One opening in a fresh process: seconds, peak MB, MB above the imports, images."""
    script = PROBE.format(imports=imports, opening=opening)
    # -c puts the current folder first on the path, so the package need not be installed
    done = subprocess.run(
        [sys.executable, "-c", script, str(root)],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    return json.loads(done.stdout)


def main() -> None:
    """Makes the folder, opens it three times with each, prints the best of each and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--classes", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_folder(Path(folder), given.files, given.classes)
        found = {}
        for name, how in (("workbench", OURS), ("ImageFolder", THEIRS)):
            runs = [measured(Path(folder), *how) for _ in range(3)]
            best = found[name] = min(runs, key=lambda r: r["seconds"])
            print(
                f"{name:12} {best['images']:,} images in {best['seconds']:.2f} s; peak {best['peak']:.0f} MB, "
                f"{best['above_imports']:.0f} MB above the imports"
            )
        ratio = found["workbench"]["seconds"] / found["ImageFolder"]["seconds"]
        print(f"workbench / ImageFolder: {ratio:.2f}x the time")


if __name__ == "__main__":
    main()
