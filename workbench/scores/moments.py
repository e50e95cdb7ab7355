"""First two moments of features per class: computed once and used by several scores."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any

import torch
from torch import Tensor

from workbench.argument_checks import check_arguments
from workbench.errors import BadData, BadValue
from workbench.forms import Range
from workbench.scores.labeled_rows import (
    LabeledRows,
    compute_device,
    encode_classes,
    to_double,
    to_labeled_rows,
    to_matrix,
)
from workbench.scores.linear_algebra import add_by_class, eigendecompose, gram_matrix

# a column whose variation is below this share of its mean is constant, up to rounding
CONSTANT_TOLERANCE = 1e-13
MISSING_LABELS = "labels are missing: pass features (N, D) and labels (N,), or moments alone"


@dataclass(frozen=True, eq=False)
class Moments:
    """Counts, means and scatter of the features of K classes, accepted by scores in place of features and labels.

    Sums are computed over blocks in double precision, about an origin near the mean, so that single-precision features
    and features far from zero lose no precision.

    Attributes:
        classes: the K labels.
        counts: (K,) number of images of each class.
        means: (K, D) of each class.
        scatter: (D, D) Σ (x - mean)(x - mean)ᵀ over all images; zero in constant columns.
        fourth_moment: Σ |x - mean|⁴.
        n_features: D of the features. With more features than images, the moments are in coordinates of the
            N-dimensional span of the images, which leaves every score of moments unchanged.
        rows: the images themselves, for scores that read them again; None after `from_batches`.
        basis_rows: the images in the coordinates of the moments.
    """

    classes: tuple[Any, ...]
    counts: Tensor
    means: Tensor
    scatter: Tensor
    fourth_moment: float
    n_features: int
    rows: LabeledRows | None = None
    basis_rows: LabeledRows | None = None

    @classmethod
    @check_arguments
    def from_features(cls, features: Any, labels: Any = None) -> Moments:
        """Compute the moments of an array; moments are returned unchanged.

        Args:
            features: (N, D) numpy or torch; a memory-mapped array is read in blocks and never loaded whole.
            labels: (N,) classes as strings or integers; None if `features` are moments.

        Raises:
            BadValue: shapes that do not match, or labels together with moments.
            BadData: NaN, fewer than two classes or images, or features that are all constant.
        """
        if isinstance(features, Moments):
            if labels is not None:
                raise BadValue("moments include their labels: pass no labels with them")
            return features
        if labels is None:
            raise BadValue(MISSING_LABELS)
        given = to_labeled_rows(features, labels)
        turned = given if given.n_features <= len(given) else replace(given, values=project_to_span(given.to_tensor()))
        running = RunningMoments(turned.n_features, compute_device(turned.values), len(given.classes))
        for x, y in turned.iter_blocks():
            running.add(x, y)
        return replace(running.to_moments(given.classes, given.n_features), rows=given, basis_rows=turned)

    @classmethod
    @check_arguments
    def from_batches(cls, batches: Iterable[tuple[Any, Any]]) -> Moments:
        """Compute the moments of a stream of batches, features (b, D) and labels (b,), for N beyond memory.

        Raises:
            BadValue: batches of different width.
            BadData: as in `from_features`, or no batch at all.
        """
        running, known, n_seen = None, {}, 0
        for features, labels in batches:
            x = to_double(to_matrix(features, "features"), n_seen)
            running = running or RunningMoments(x.shape[1], x.device)
            classes, index = encode_classes(labels)
            if x.shape[1] != running.n_features or len(index) != len(x):
                raise BadValue(
                    f"expected batches of features (b, {running.n_features}) and labels (b,); "
                    f"got {tuple(x.shape)} and {len(index)} labels"
                )
            class_index = torch.tensor([known.setdefault(c, len(known)) for c in classes], device=x.device)
            running.add_classes(len(known))
            running.add(x, class_index[torch.from_numpy(index).to(x.device)])
            n_seen += len(x)
        if running is None or n_seen < 2 or len(known) < 2:
            raise BadData(f"moments need two images of two classes; got {n_seen} images of {len(known)} classes")
        return running.to_moments(tuple(known), running.n_features)

    @functools.cached_property
    def n_images(self) -> int:
        """N, the number of images."""
        return int(self.counts.sum())

    @functools.cached_property
    def mean(self) -> Tensor:
        """Mean of all images, (D,)."""
        return self.counts @ self.means / self.n_images

    @functools.cached_property
    def class_offsets(self) -> Tensor:
        """Square root of the between-class scatter, as rows √n_c (mean_c - mean), (K, D)."""
        return (self.means - self.mean) * self.counts.sqrt()[:, None]

    @functools.cached_property
    def within_scatter(self) -> Tensor:
        """Within-class scatter, (D, D)."""
        return self.scatter - gram_matrix(self.class_offsets)

    @functools.cached_property
    def spectrum(self) -> tuple[Tensor, Tensor]:
        """Eigenvalues (D,) in descending order and eigenvectors (D, D) of the scatter."""
        return eigendecompose(self.scatter)

    @functools.cached_property
    def raw_spectrum(self) -> tuple[Tensor, Tensor]:
        """Eigenvalues (D,) in descending order and eigenvectors (D, D) of FᵀF, without centering."""
        return eigendecompose(self.scatter + self.n_images * torch.outer(self.mean, self.mean))

    @check_arguments
    def principal_components(self, components: Annotated[float, Range(1e-9, 1e9)]) -> Tensor:
        """Project the centered images onto their principal components, (N, d).

        The sign of each component is chosen so that the image farthest along it is positive.

        Args:
            components: number of components, or, below 1, as many as hold more than this share of the variance.

        Raises:
            BadValue: the moments were computed from batches, so the images are not available.
        """
        images = self.get_rows("principal components")
        values, vectors = self.spectrum
        count = int(components)
        if components < 1:
            count = int((values.cumsum(0) / values.sum() <= components).sum()) + 1
        basis = vectors[:, : min(count, int((values > 0).sum()))]
        along = torch.cat([(x - self.mean) @ basis for x, _ in images.iter_blocks()])
        farthest = along.abs().argmax(0, keepdim=True)
        return along * along.gather(0, farthest).sign()

    @check_arguments
    def get_rows(self, reader: str) -> LabeledRows:
        """Return the images in the coordinates of the moments.

        Raises:
            BadValue: the moments were computed from batches, so the images are not available.
        """
        return check_rows(self.basis_rows, reader)


class RunningMoments:
    """Moments accumulated block by block, about the mean of the first block."""

    def __init__(self, n_features: int, device: torch.device, n_classes: int = 0) -> None:
        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.float64, device=device)

        self.n_features, self.origin = n_features, zeros(n_features)
        self.counts, self.sums, self.products = (
            zeros(n_classes),
            zeros(n_classes, n_features),
            zeros(n_features, n_features),
        )
        self.squares, self.cubes, self.fourths = zeros(), zeros(n_features), zeros()

    def add_classes(self, n_classes: int) -> None:
        """Add room for new classes."""
        extra = n_classes - len(self.counts)
        self.counts = torch.cat([self.counts, self.counts.new_zeros(extra)])
        self.sums = torch.cat([self.sums, self.sums.new_zeros(extra, self.n_features)])

    def add(self, x: Tensor, y: Tensor) -> None:
        """Add a block; x (b, D), class indices y (b,)."""
        if not self.counts.any():
            self.origin = x.mean(0)
        z = x - self.origin
        self.counts += torch.bincount(y, minlength=len(self.counts))
        add_by_class(self.sums, z, y)
        self.products += gram_matrix(z)
        length = torch.linalg.vector_norm(z, dim=1).square()
        self.squares += length.sum()
        self.cubes += length @ z
        self.fourths += length.square().sum()

    def to_moments(self, classes: tuple[Any, ...], n_features: int) -> Moments:
        """Compute the moments about the mean.

        Raises:
            BadData: all features are constant.
        """
        n, total = self.counts.sum(), self.sums.sum(0)
        shift = total / n
        mean = self.origin + shift
        scatter = self.products - torch.outer(total, shift)
        is_constant = scatter.diagonal() <= n * (CONSTANT_TOLERANCE * mean.abs()).square()
        if is_constant.all():
            raise BadData(
                f"the {n_features} features are the same for all {int(n)} images, so they carry no information "
                "about the classes"
            )
        scatter[is_constant] = 0
        scatter[:, is_constant] = 0
        fourth = (
            self.fourths
            + 4 * shift @ self.products @ shift
            + n * (shift @ shift) ** 2
            - 4 * shift @ self.cubes
            + 2 * (shift @ shift) * self.squares
            - 4 * (shift @ shift) * (shift @ total)
        )
        means = self.origin + self.sums / self.counts[:, None]
        return Moments(classes, self.counts, means, scatter, max(float(fourth), 0.0), n_features)


def get_labeled_rows(features: Any, labels: Any, reader: str) -> LabeledRows:
    """Return the images of an array with its labels, or those that moments were computed from.

    Args:
        reader: what reads the images, in the plural, for the message.

    Raises:
        BadValue: shapes that do not match, or moments that were computed from batches.
        BadData: invalid labels, or fewer than two classes or images.
    """
    if isinstance(features, Moments):
        return check_rows(Moments.from_features(features, labels).rows, reader)
    if labels is None:
        raise BadValue(MISSING_LABELS)
    return to_labeled_rows(features, labels)


def check_rows(images: LabeledRows | None, reader: str) -> LabeledRows:
    """Return the images; raise an error if they are not available."""
    if images is None:
        raise BadValue(f"{reader} need the images themselves: pass features and labels, not moments from batches")
    return images


def project_to_span(x: Tensor) -> Tensor:
    """Express rows in an orthogonal basis of their span: x (N, D), N < D -> (N, N), preserving lengths and angles."""
    return torch.linalg.qr(x.T, mode="r").R.T.contiguous()
