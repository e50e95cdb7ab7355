"""Shortcut cues: metadata columns and simple pixel statistics that predict the class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import chi2_contingency
from scipy.stats.contingency import crosstab

from workbench.probes._task_affinity import linear_accuracy

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images
    from workbench.diagnosis.evidence.context import DiagnosisContext

RESERVED_COLUMNS = {"id", "label", "labels", "split", "domain", "path"}
MAX_CUE_VALUES = 30  # values of a column; with more it identifies images and is no cue
THUMBNAIL_SIZE, PATCH_SIZE, BORDER_WIDTH = 32, 8, 4  # pixels: edge of a thumbnail, edge of a patch, width of the border


@dataclass(frozen=True)
class Cue:
    """Property of the images other than their content that correlates with the class.

    Attributes:
        name: name of the column or of the pixel statistic.
        train_association: association with the class in training, 0 (none) to 1 (determines the class).
        eval_association: the same on the evaluation images.
        values: (N,) values on the training images; None for pixel statistics.
    """

    name: str
    train_association: float
    eval_association: float
    values: np.ndarray | None = None


def find_cues(context: DiagnosisContext) -> list[Cue]:
    """Find every cue that can be measured on both sides.

    The list is empty where all images are of one domain and their frame has no further columns.
    """
    train = context.images.subset("train")
    cues = _column_cues(train, context.eval_images)
    if context.target is not None:
        cues += _pixel_cues(train, context.eval_images, len(context.images.classes))
    return cues


def _column_cues(train: Images, eval_images: Images) -> list[Cue]:
    frames = train.frame, eval_images.frame
    cues = []
    for name in frames[0].columns:
        if name in RESERVED_COLUMNS or name not in frames[1] or not 2 <= frames[0][name].nunique() <= MAX_CUE_VALUES:
            continue
        columns = [frame[name].astype(str) for frame in frames]
        if _is_class_alias(columns[0].to_numpy(), train.labels()):
            continue  # the column is the class under another name
        values = sorted({*columns[0], *columns[1]})
        codes = [np.searchsorted(values, column) for column in columns]
        associations = [cramers_v(c, images.labels()) for c, images in zip(codes, (train, eval_images), strict=True)]
        cues.append(Cue(str(name), associations[0], associations[1], codes[0]))
    return cues


def _is_class_alias(values: np.ndarray, labels: np.ndarray) -> bool:
    return len(set(zip(values.tolist(), labels.tolist(), strict=True))) == len(set(labels.tolist())) == len(set(values))


def cramers_v(values: np.ndarray, labels: np.ndarray) -> float:
    """Compute the association of two integer columns, 0 to 1: Cramér's V, bias-corrected for few rows.

    Source: Bergsma 2013.
    """
    table = crosstab(values, labels).count
    n, (rows, columns) = len(values), table.shape
    if min(rows, columns) < 2 or n < 3:
        return 0.0
    # scipy.stats.contingency.association has no bias correction
    phi = float(chi2_contingency(table, correction=False).statistic) / n
    phi = max(phi - (rows - 1) * (columns - 1) / (n - 1), 0.0)
    max_phi = min(r - (r - 1) ** 2 / (n - 1) for r in (rows, columns)) - 1
    return float(min(np.sqrt(phi / max_phi), 1.0)) if max_phi > 0 else 0.0


def _pixel_cues(train: Images, eval_images: Images, n_classes: int) -> list[Cue]:
    """Measure border, colours and texture: accuracy beyond chance of a linear head on each, within each side."""
    sides = [(_load_thumbnails(images), images.labels()) for images in (train, eval_images)]
    cues = []
    for name, describe in (
        ("the border", border_statistics),
        ("the colours", color_histogram),
        ("the texture", texture_spectrum),
    ):
        associations = [_chance_corrected_accuracy(describe(x), y, n_classes) for x, y in sides]
        cues.append(Cue(name, associations[0], associations[1]))
    return cues


def _chance_corrected_accuracy(x: np.ndarray, y: np.ndarray, n_classes: int) -> float:
    """Compute two-fold accuracy of a linear head, rescaled so that 0 is chance and 1 is perfect."""
    rows = np.random.default_rng(0).permutation(len(y))
    halves = rows[: len(y) // 2], rows[len(y) // 2 :]
    if min(map(len, halves)) < 2:
        return 0.0
    accuracies = [linear_accuracy(x[a], y[a], x[b], y[b], n_classes) for a, b in (halves, halves[::-1])]
    chance = float(np.bincount(y).max() / len(y))
    return float(max((np.mean(accuracies) - chance) / max(1 - chance, 1e-6), 0.0))


def _load_thumbnails(images: Images) -> np.ndarray:
    """Load thumbnails x (N, 3, H, W) with values 0 to 1."""
    x, _ = images.view(THUMBNAIL_SIZE, "bilinear", 1.0).load_batch(np.arange(len(images)))
    return x.float().numpy()[:, :, :THUMBNAIL_SIZE, :THUMBNAIL_SIZE] / 255


def border_statistics(x: np.ndarray) -> np.ndarray:
    """Compute means and standard deviations of the pixels along each side, x (B, 3, H, W) -> (B, 24)."""
    sides = (x[:, :, :BORDER_WIDTH], x[:, :, -BORDER_WIDTH:], x[..., :BORDER_WIDTH], x[..., -BORDER_WIDTH:])
    return np.concatenate([f(side, axis=(2, 3)) for side in sides for f in (np.mean, np.std)], axis=1)


def color_histogram(x: np.ndarray) -> np.ndarray:
    """Compute histograms over 64 colours, x (B, 3, H, W) -> (B, 64), as fractions of the pixels."""
    level = np.minimum((x * 4).astype(int), 3)
    code = level[:, 0] * 16 + level[:, 1] * 4 + level[:, 2]
    return np.stack([np.bincount(c.ravel(), minlength=64) for c in code]) / code[0].size


def texture_spectrum(x: np.ndarray) -> np.ndarray:
    """Compute the mean and spread of log Fourier amplitudes over patches, x (B, 3, H, W) -> (B, D).

    The order of the patches does not count, so that it describes texture and not shape.
    """
    grey = x.mean(1)
    n, grid = len(grey), grey.shape[1] // PATCH_SIZE
    patches = (
        grey[:, : grid * PATCH_SIZE, : grid * PATCH_SIZE].reshape(n, grid, PATCH_SIZE, grid, PATCH_SIZE).swapaxes(2, 3)
    )
    amplitudes = np.abs(np.fft.rfft2(patches))[..., 1:, :].reshape(n, grid * grid, -1)
    amplitudes = np.log(amplitudes + 1e-2)
    return np.concatenate([amplitudes.mean(1), amplitudes.std(1)], axis=1)
