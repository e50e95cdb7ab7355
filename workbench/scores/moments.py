"""The first two moments of features, class by class: computed once, and enough for several scores."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any

import torch
from torch import Tensor

from workbench.arguments import check_arguments
from workbench.errors import BadData, BadValue
from workbench.forms import Range
from workbench.scores.linear import add_by_class, gram, spectrum
from workbench.scores.rows import Rows, class_indices, device_of, doubles, matrix, rows

# a column that varies by less than this share of its mean is constant, to rounding
CONSTANT = 1e-13
MISSING = "labels are missing: hand in features (N, D) and labels (N,), or moments alone"


@dataclass(frozen=True, eq=False)
class Moments:
    """Counts, means and scatter of the features of K classes: hand it to a score in place of features and labels.

    The sums run over blocks in double precision, about an origin near the mean, so that single-precision features
    and features far from zero lose nothing.

    Attributes:
        classes: the K labels.
        counts: (K,) images of each class.
        means: (K, D) of each class.
        scatter: (D, D) Σ (x - mean)(x - mean)ᵀ over all images; zero in constant columns.
        fourth: Σ |x - mean|⁴.
        dim: D of the features. With more features than images the moments are in coordinates of the N dimensions
            that the images span, which no score of moments can tell.
        rows: the images themselves, for scores that read them again; None after `gather`.
        turned: the images in the coordinates of the moments.
    """

    classes: tuple[Any, ...]
    counts: Tensor
    means: Tensor
    scatter: Tensor
    fourth: float
    dim: int
    rows: Rows | None = None
    turned: Rows | None = None

    @classmethod
    @check_arguments
    def of(cls, features: Any, labels: Any = None) -> Moments:
        """The moments of an array; of moments, themselves.

        Args:
            features: (N, D) numpy or torch; a memory-mapped array is read in blocks and never held whole.
            labels: (N,) classes in any words or whole numbers; None where `features` are moments.

        Raises:
            BadValue: shapes that do not fit together, or labels beside moments.
            BadData: NaN, fewer than two classes or images, or features that are all constant.
        """
        if isinstance(features, Moments):
            if labels is not None:
                raise BadValue("moments know their labels: hand them in alone")
            return features
        if labels is None:
            raise BadValue(MISSING)
        given = rows(features, labels)
        turned = given if given.dim <= len(given) else replace(given, values=spanned(given.whole()))
        running = Running(turned.dim, device_of(turned.values), len(given.classes))
        for x, y in turned.blocks():
            running.add(x, y)
        return replace(running.moments(given.classes, given.dim), rows=given, turned=turned)

    @classmethod
    @check_arguments
    def gather(cls, batches: Iterable[tuple[Any, Any]]) -> Moments:
        """The moments of batches that come one by one, features (b, D) and labels (b,): for N beyond memory.

        Raises:
            BadValue: batches of unequal width.
            BadData: as `of`, or no batch at all.
        """
        running, known, seen = None, {}, 0
        for features, labels in batches:
            x = doubles(matrix(features, "features"), seen)
            running = running or Running(x.shape[1], x.device)
            classes, index = class_indices(labels)
            if x.shape[1] != running.dim or len(index) != len(x):
                raise BadValue(
                    f"batches are features (b, {running.dim}) and labels (b,); "
                    f"one has {tuple(x.shape)} and {len(index)} labels"
                )
            places = torch.tensor([known.setdefault(c, len(known)) for c in classes], device=x.device)
            running.widen(len(known))
            running.add(x, places[torch.from_numpy(index).to(x.device)])
            seen += len(x)
        if running is None or seen < 2 or len(known) < 2:
            raise BadData(f"moments need two images of two classes; {seen} images of {len(known)} classes came")
        return running.moments(tuple(known), running.dim)

    @functools.cached_property
    def n(self) -> int:
        """N, the images."""
        return int(self.counts.sum())

    @functools.cached_property
    def mean(self) -> Tensor:
        """The mean of all images, (D,)."""
        return self.counts @ self.means / self.n

    @functools.cached_property
    def offsets(self) -> Tensor:
        """Rows whose products sum to the scatter between classes: √n_c (mean_c - mean), (K, D)."""
        return (self.means - self.mean) * self.counts.sqrt()[:, None]

    @functools.cached_property
    def within(self) -> Tensor:
        """The scatter about the class means, (D, D)."""
        return self.scatter - gram(self.offsets)

    @functools.cached_property
    def spectrum(self) -> tuple[Tensor, Tensor]:
        """Eigenvalues (D,), largest first, and eigenvectors (D, D) of the scatter."""
        return spectrum(self.scatter)

    @functools.cached_property
    def raw_spectrum(self) -> tuple[Tensor, Tensor]:
        """Eigenvalues (D,), largest first, and eigenvectors (D, D) of FᵀF, the features taken as they are."""
        return spectrum(self.scatter + self.n * torch.outer(self.mean, self.mean))

    @check_arguments
    def principal(self, components: Annotated[float, Range(1e-9, 1e9)]) -> Tensor:
        """The images, less their mean, along the directions in which they vary most, (N, d).

        A direction has no sign of its own: it is turned so that the image farthest along it lies on the positive side.

        Args:
            components: how many, or, below 1, as many as hold more than this share of the variance.

        Raises:
            BadValue: the moments were gathered from batches, so the images are gone.
        """
        images = self.own("principal components")
        values, vectors = self.spectrum
        count = int(components)
        if components < 1:
            count = int((values.cumsum(0) / values.sum() <= components).sum()) + 1
        basis = vectors[:, : min(count, int((values > 0).sum()))]
        along = torch.cat([(x - self.mean) @ basis for x, _ in images.blocks()])
        farthest = along.abs().argmax(0, keepdim=True)
        return along * along.gather(0, farthest).sign()

    @check_arguments
    def own(self, wanted_for: str) -> Rows:
        """The images in the coordinates of the moments.

        Raises:
            BadValue: the moments were gathered from batches, so the images are gone.
        """
        return present(self.turned, wanted_for)


class Running:
    """Sums that grow block by block, about the mean of the first."""

    def __init__(self, dim: int, device: torch.device, classes: int = 0) -> None:
        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.float64, device=device)

        self.dim, self.origin = dim, zeros(dim)
        self.counts, self.sums, self.products = zeros(classes), zeros(classes, dim), zeros(dim, dim)
        self.squares, self.cubes, self.fourths = zeros(), zeros(dim), zeros()

    def widen(self, classes: int) -> None:
        """Makes room for classes that were not met before."""
        extra = classes - len(self.counts)
        self.counts = torch.cat([self.counts, self.counts.new_zeros(extra)])
        self.sums = torch.cat([self.sums, self.sums.new_zeros(extra, self.dim)])

    def add(self, x: Tensor, y: Tensor) -> None:
        """Takes in a block; x (b, D), class indices y (b,)."""
        if not self.counts.any():
            self.origin = x.mean(0)
        z = x - self.origin
        self.counts += torch.bincount(y, minlength=len(self.counts))
        add_by_class(self.sums, z, y)
        self.products += gram(z)
        length = torch.linalg.vector_norm(z, dim=1).square()
        self.squares += length.sum()
        self.cubes += length @ z
        self.fourths += length.square().sum()

    def moments(self, classes: tuple[Any, ...], dim: int) -> Moments:
        """What the sums come to, about the mean.

        Raises:
            BadData: no feature varies.
        """
        n, total = self.counts.sum(), self.sums.sum(0)
        shift = total / n
        mean = self.origin + shift
        scatter = self.products - torch.outer(total, shift)
        still = scatter.diagonal() <= n * (CONSTANT * mean.abs()).square()
        if still.all():
            raise BadData(f"the {dim} features are the same for all {int(n)} images: they tell nothing of the classes")
        scatter[still] = 0
        scatter[:, still] = 0
        fourth = (
            self.fourths
            + 4 * shift @ self.products @ shift
            + n * (shift @ shift) ** 2
            - 4 * shift @ self.cubes
            + 2 * (shift @ shift) * self.squares
            - 4 * (shift @ shift) * (shift @ total)
        )
        means = self.origin + self.sums / self.counts[:, None]
        return Moments(classes, self.counts, means, scatter, max(float(fourth), 0.0), dim)


def images_of(features: Any, labels: Any, wanted_for: str) -> Rows:
    """The images of an array with its labels, or those that moments were computed from, as they came.

    Args:
        wanted_for: what reads them, in the plural, for the message.

    Raises:
        BadValue: shapes that do not fit together, or moments that were gathered from batches.
        BadData: labels that are no classes, or fewer than two classes or images.
    """
    if isinstance(features, Moments):
        return present(Moments.of(features, labels).rows, wanted_for)
    if labels is None:
        raise BadValue(MISSING)
    return rows(features, labels)


def present(images: Rows | None, wanted_for: str) -> Rows:
    """The images, or the refusal where they are gone."""
    if images is None:
        raise BadValue(f"{wanted_for} read every image again: hand in features and labels, not gathered moments")
    return images


def spanned(x: Tensor) -> Tensor:
    """Rows in an orthogonal basis of what they span: x (N, D), N < D -> (N, N), lengths and angles kept."""
    return torch.linalg.qr(x.T, mode="r").R.T.contiguous()
