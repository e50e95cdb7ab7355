"""Shift kinds told apart on the world, where the truth is known: 60 clear shifts and as many pairs without any.

The features are those of the zoo's MobileNetV1-0.25 (ImageNet) or of any backbone.
A third of the covariate shifts part the values of a factor and keep the style.

    python benchmarks/shift_kinds.py [--pairs 60] [--images 500] [--backbone NAME] [--size 64] [--level 0.02]

With `--keep FOLDER` features are stored there, and a second run takes the tests alone.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from data import folder, machine

import workbench as wb
from workbench.probes import classify_shift, extract_stage_features

STYLES = ("flat", "sketch", "pastel", "inverted", "low-light", "blurred", "pixelated")
RANGES = (("scale",), ("light",), ("hue",), ("background",))


def dials(kind: str, turn: int) -> dict:
    """A clear shift of one kind; covariate ones by style and by range in turn."""
    if kind == "covariate":
        parted = turn % 3 == 2
        style = ("photo", "photo" if parted else STYLES[turn % len(STYLES)])
        return {"covariate": 1.0, "style": style, "ranges": RANGES[turn % len(RANGES)] if parted else ()}
    return {"label": {"label_shift": 0.5}, "concept": {"concept": 0.5}, "none": {}}[kind]


def pairs(count: int, images: int, size: int) -> Iterator[tuple[str, int, object]]:
    """`count` clear shifts, evenly of three kinds, and `count` pairs without a shift."""
    kinds = ["covariate", "label", "concept"] * (count // 3) + ["none"] * count
    for seed, kind in enumerate(kinds):
        yield kind, seed, wb.world.make_domain_pair(**dials(kind, seed // 3), n=images, size=size, seed=seed)


def features(net: wb.Net, pair: object, keep: Path | None) -> dict[str, np.ndarray]:
    """Features and labels of both domains, taken from where they are kept."""
    if keep is not None and keep.exists():
        with np.load(keep) as held:
            return dict(held)
    s, t = extract_stage_features(net, pair.source), extract_stage_features(net, pair.target)
    found = {"sx": s.x, "sy": s.y, "tx": t.x, "ty": t.y}
    if keep is not None:
        keep.parent.mkdir(parents=True, exist_ok=True)
        np.savez(keep, **found)
    return found


def measured(net: wb.Net, asked: argparse.Namespace) -> pd.DataFrame:
    """A row a pair: truth, what was said with labels and without, with what confidence."""
    rows = []
    for truth, seed, pair in pairs(asked.pairs, asked.images, asked.size):
        x = features(net, pair, Path(asked.keep) / f"{seed:03d}_{truth}.npz" if asked.keep else None)
        seen = classify_shift(x["sx"], x["sy"], x["tx"], x["ty"], significance_level=asked.level, seed=seed)
        blind = classify_shift(x["sx"], x["sy"], x["tx"], significance_level=asked.level, seed=seed)
        rows.append((truth, seed, pair.words, seen.kind, seen.confidence, blind.kind, blind.confidence))
    return pd.DataFrame(rows, columns=["truth", "seed", "description", "labelled", "sure", "unlabelled", "sure blind"])


def report(found: pd.DataFrame, said: str, sure: str) -> None:
    """The table of truth against answer, the share that is right, the false alarms."""
    # without labels nothing tells a concept shift from none
    known = found if said == "labelled" else found[found["truth"] != "concept"]
    print(f"\n{said} target: rows truth, columns answer")
    print(pd.crosstab(known["truth"], known[said]).to_string())
    shifted, none = known[known["truth"] != "none"], known[known["truth"] == "none"]
    right = (shifted["truth"] == shifted[said]).mean()
    print(
        f"clear shifts right: {right:.1%} of {len(shifted)}; false alarms: {(none[said] != 'none').mean():.1%} of",
        end="",
    )
    print(f" {len(none)}; mean confidence {shifted[sure].mean():.2f} and {none[sure].mean():.2f}")
    for row in shifted[shifted["truth"] != shifted[said]].itertuples():
        print(f"  seed {row.seed}: {row.words}: said {getattr(row, said)}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--backbone", default="")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--level", type=float, default=0.02)
    parser.add_argument("--keep", default="")
    args = parser.parse_args()
    os.environ["WORKBENCH_HOME"] = tempfile.mkdtemp()
    net = wb.load_net(args.backbone or str(folder("zoo") / "mobilenetv1_025_imagenet"), size=args.size)
    print(
        f"{Path(net.choice.name).name}, {args.size} px, {args.images} images a domain, level {args.level}\n{machine()}"
    )
    found = measured(net, args)
    for said, sure in (("labelled", "sure"), ("unlabelled", "sure blind")):
        report(found, said, sure)


if __name__ == "__main__":
    main()
