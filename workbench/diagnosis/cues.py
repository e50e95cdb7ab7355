"""Cues: what else than the thing itself might tell its class, from the frame's columns and from the pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.probes.tasks import linear_accuracy

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case
    from workbench.images import Images

OWN = {"id", "label", "labels", "split", "domain", "path"}
MOST = 30  # values of a column above which it is no cue but a name
SIZE, PATCH, RING = 32, 8, 4  # pixels: of the squares looked at, of a patch, of the border


@dataclass(frozen=True)
class Cue:
    """Something beside the thing itself that goes with the class.

    Attributes:
        name: what it is.
        here: how far it tells the class in training, 0 (nothing) to 1 (all).
        there: on the images judged by.
        values: (N,) its values on the training images, where it is a column.
    """

    name: str
    here: float
    there: float
    values: np.ndarray | None = None


def cues_of(case: Case) -> list[Cue]:
    """Every cue that can be measured on both sides; none where all images are of one domain and without columns."""
    if "cues" not in case.kept:
        train, judged = case.images.part("train"), case.judged
        found = _columns(train, judged)
        if case.target is not None:
            found += _of_pixels(train, judged, len(case.images.classes))
        case.kept["cues"] = found
    return case.kept["cues"]


def _columns(train: Images, judged: Images) -> list[Cue]:
    here, there = train.frame, judged.frame
    found = []
    for name in here.columns:
        if name in OWN or name not in there or not 2 <= here[name].nunique() <= MOST:
            continue
        if _names_the_class(here[name].astype(str).to_numpy(), train.labels()):
            continue  # it is the class by another name
        known = sorted({*here[name].astype(str), *there[name].astype(str)})
        codes = [np.searchsorted(known, frame[name].astype(str)) for frame in (here, there)]
        tied = [tie(c, part.labels()) for c, part in zip(codes, (train, judged), strict=True)]
        found.append(Cue(str(name), tied[0], tied[1], codes[0]))
    return found


def _names_the_class(values: np.ndarray, labels: np.ndarray) -> bool:
    return len(set(zip(values.tolist(), labels.tolist(), strict=True))) == len(set(labels.tolist())) == len(set(values))


def tie(values: np.ndarray, labels: np.ndarray) -> float:
    """How tightly two columns go together, 0 to 1: Cramér's V without the bias of few rows (Bergsma 2013)."""
    table = np.zeros((values.max() + 1, labels.max() + 1))
    np.add.at(table, (values, labels), 1)
    table = table[table.sum(1) > 0][:, table.sum(0) > 0]
    n, (rows, columns) = table.sum(), table.shape
    if min(rows, columns) < 2 or n < 3:
        return 0.0
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / n
    phi = float(((table - expected) ** 2 / expected).sum() / n)
    phi = max(phi - (rows - 1) * (columns - 1) / (n - 1), 0.0)
    small = min(r - (r - 1) ** 2 / (n - 1) for r in (rows, columns)) - 1
    return float(min(np.sqrt(phi / small), 1.0)) if small > 0 else 0.0


def _of_pixels(train: Images, judged: Images, classes: int) -> list[Cue]:
    """The border, the colours and the texture, each by how far a linear head tells the class from it within a side."""
    sides = [(part, _squares(part), part.labels()) for part in (train, judged)]
    found = []
    for name, described in (("the border", border), ("the colours", colours), ("the texture", texture)):
        told = [_told(described(x), y, classes) for _, x, y in sides]
        found.append(Cue(name, told[0], told[1]))
    return found


def _told(x: np.ndarray, y: np.ndarray, classes: int) -> float:
    """Accuracy beyond chance of a head that learns on one half and is asked about the other, both ways round."""
    random = np.random.default_rng(0).permutation(len(y))
    halves = random[: len(y) // 2], random[len(y) // 2 :]
    if min(map(len, halves)) < 2:
        return 0.0
    right = [linear_accuracy(x[a], y[a], x[b], y[b], classes) for a, b in (halves, halves[::-1])]
    chance = float(np.bincount(y).max() / len(y))
    return float(max((np.mean(right) - chance) / max(1 - chance, 1e-6), 0.0))


def _squares(part: Images) -> np.ndarray:
    """Small squares x (N, 3, H, W) from 0 to 1."""
    x, _ = part.view(SIZE, "bilinear", 1.0).batch(np.arange(len(part)))
    return x.float().numpy()[:, :, :SIZE, :SIZE] / 255


def border(x: np.ndarray) -> np.ndarray:
    """Means and deviations of the pixels at each side (N, 24)."""
    sides = (x[:, :, :RING], x[:, :, -RING:], x[..., :RING], x[..., -RING:])
    return np.concatenate([f(side, axis=(2, 3)) for side in sides for f in (np.mean, np.std)], axis=1)


def colours(x: np.ndarray) -> np.ndarray:
    """How often each of 64 colours occurs (N, 64)."""
    level = np.minimum((x * 4).astype(int), 3)
    code = level[:, 0] * 16 + level[:, 1] * 4 + level[:, 2]
    return np.stack([np.bincount(c.ravel(), minlength=64) for c in code]) / code[0].size


def texture(x: np.ndarray) -> np.ndarray:
    """The strengths of a patch's waves, sorted out by patch: what is left of an image whose patches are shuffled."""
    grey = x.mean(1)
    n, side = len(grey), grey.shape[1] // PATCH
    patches = grey[:, : side * PATCH, : side * PATCH].reshape(n, side, PATCH, side, PATCH).swapaxes(2, 3)
    waves = np.abs(np.fft.rfft2(patches))[..., 1:, :].reshape(n, side * side, -1)
    waves = np.log(waves + 1e-2)
    return np.concatenate([waves.mean(1), waves.std(1)], axis=1)
