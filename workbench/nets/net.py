"""Net: a backbone with its preprocessing, a head, and stages from stem to head."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.arguments import check_arguments
from workbench.errors import BadValue, UnknownName, printable_text
from workbench.markers import Seed
from workbench.nets import heads, input_check, measure, stages
from workbench.nets.activations import Activations
from workbench.nets.preprocessing import Preprocessing
from workbench.nets.recipe import Recipe
from workbench.nets.stages import Stage
from workbench.plan import Choice

BRIGHTEST = 16.0  # pixels optimised by a probe may leave 0 to 1; those on the scale 0 to 255 are a mistake


class Net(nn.Module):
    """Images to features to logits: x (B, 3, H, W) -> (B, D) -> (B, K).

    `net(x)` is `net.head(net.features(x))`, except for the pretrained heads of SqueezeNet and VOLO, which read
    the whole map; a new head always reads features.

    Args:
        backbone: gives features (B, D), a map (B, D, H', W') or tokens (B, N, D).
        head: the classifier.
        preprocessing: applied inside, to pixels as they come.
        classes: names of the outputs, if known.
        recipe: how the net was made, for saving.
        choice: what opens it again.
        fixed: whether images of another size are resized to `preprocessing.size` on entry.
    """

    # the attributes that decide what a net gives; the others say where it came from (see `structure`)
    settings: ClassVar[tuple[str, ...]] = ("preprocessing", "fixed", "class_token")
    mean: Tensor
    std: Tensor

    @check_arguments
    def __init__(
        self,
        backbone: nn.Module,
        head: nn.Module,
        preprocessing: Preprocessing,
        recipe: Recipe,
        choice: Choice,
        classes: Sequence[str] | None = None,
        fixed: bool = False,
    ) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head
        self.preprocessing, self.recipe, self.choice, self.fixed = preprocessing, recipe, choice, fixed
        self.classes = None if classes is None else tuple(classes)
        self.source = dict(recipe.source)
        # VOLO's map is its tokens with the class token first; all other maps are averaged
        self.class_token = isinstance(getattr(head, "classifier", None), heads.VoloHead)
        self.register_buffer("mean", torch.tensor(preprocessing.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(preprocessing.std).view(1, 3, 1, 1), persistent=False)
        self._stages: tuple[object, list[Stage]] | None = None
        self._shapes: tuple[object, dict[str, tuple[int, ...] | None]] | None = None
        self._held = 0
        self.fresh = False  # whether the head was made here rather than taken from the architecture
        takes_map = getattr(head, "takes_map", False)
        self.feature_dim = (None if takes_map else heads.in_features(head)) or self._width()

    def normalise(self, x: Tensor) -> Tensor:
        """Pixels x (B, 3, H, W), uint8 or float from 0 to 1, as the backbone expects them.

        Raises:
            BadValue: other whole numbers, or floats far above 1 (seen on the CPU only: elsewhere looking costs time).
        """
        x = x.float() / 255 if x.dtype == torch.uint8 else x
        looking = x.device.type == "cpu" and x.numel() and not torch.compiler.is_compiling()
        if not x.is_floating_point() or (looking and x.max() > BRIGHTEST):
            raise BadValue(f"pixels are uint8 from 0 to 255 or floats from 0 to 1; got {x.dtype} up to {x.max():g}")
        size = self.preprocessing.size
        if self.fixed and x.shape[-2:] != (size, size):
            x = F.interpolate(x, (size, size), mode="bilinear", antialias=True)
        return (x - self.mean) / self.std

    def features(self, x: Tensor) -> Tensor:
        """Pixels x (B, 3, H, W) -> (B, D).

        Raises:
            BadValue: what cannot be pixels, as `forward` says.
        """
        out = self._answered(x, self.trunk)
        return self._pooled(out) if self._takes_map else out

    def forward(self, x: Tensor) -> Tensor:
        """Pixels x (B, 3, H, W), uint8 or float from 0 to 1 -> logits (B, K).

        Raises:
            BadValue: no such tensor, one that was normalized already, or of a size that the net cannot take.
        """
        return self._answered(x, self.logits)

    def logits(self, x: Tensor) -> Tensor:
        """Pixels x (B, 3, H, W) -> logits (B, K), whatever the values: for pixels that are optimized or perturbed."""
        return self.head(self.trunk(x))

    def trunk(self, x: Tensor) -> Tensor:
        """Pixels x (B, 3, H, W), or activations stored for this net -> what the head reads: features, or a map."""
        if isinstance(x, Activations) and x.cut.net is self and not x.requires_grad:
            return x.onward()
        return self.joined(self.backbone(self.normalise(x)))

    def joined(self, out: Tensor) -> Tensor:
        """What the backbone gives -> what the head reads."""
        return out if self._takes_map else self._pooled(out)

    @check_arguments
    def new_head(self, classes: int | Sequence[str], seed: Seed = 0) -> None:
        """Puts a fresh linear classifier in place of the head: weights from N(0, 0.01), bias 0.

        Args:
            classes: how many, at least 2, or their names.
            seed: of the weights; torch's own generator is left alone.

        Raises:
            BadValue: fewer than two classes, or two of one name.
        """
        count, names = checked_classes(classes)
        place = next(self.backbone.parameters(), self.mean)
        self.head = heads.linear(self.feature_dim, count, seed).to(place.device)
        self.head.train(self.training)
        self.classes, self.fresh = names, True
        again: dict[str, Any] = {"classes": count if names is None else list(names)}
        if self.choice.params.get("pretrained", True) and (seed or "seed" in self.choice.params):
            again["seed"] = seed  # random weights keep theirs
        self.choice = self.choice.but(**again)

    @property
    def stages(self) -> list[Stage]:
        """The stages, stem to head; the last is always `head`. They follow modules that are added or replaced."""
        if self._held and self._stages is not None:
            return self._stages[1]
        structure = stages.describe_structure(self)
        if self._stages is None or self._stages[0] != structure:
            self._stages = structure, stages.find(self, self._measured)
        return self._stages[1]

    @contextlib.contextmanager
    def hold_stages(self) -> Iterator[None]:
        """Take the structure as fixed while this lasts, so that `stages` costs nothing where it is read often."""
        _ = self.stages
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    @check_arguments
    def module(self, stage: str) -> nn.Module:
        """The module whose output is the output of a stage.

        Raises:
            UnknownName: no stage of that name.
        """
        known = {s.name: s for s in self.stages}
        if stage not in known:
            raise UnknownName.of("stage of this net", stage, known)
        modules = known[stage].modules
        outer = [m for m in modules if m.rpartition(".")[0] not in modules]
        return self.get_submodule(outer[-1])

    def to(self, *args: Any, memory_format: torch.memory_format | None = None, **kwargs: Any) -> Self:
        """As torch's; a memory format is for 4-d weights, which are all that has one, and leaves others alone."""
        super().to(*args, **kwargs)
        if memory_format is not None:
            for tensor in (*self.parameters(), *self.buffers()):
                if tensor.ndim == 4:
                    # `contiguous` would leave the strides of 1 x 1 and depthwise kernels, and so another kernel's bits
                    tensor.data = tensor.data.to(memory_format=memory_format)
        return self

    @check_arguments
    def save(self, path: str | Path) -> None:
        """Writes weights and recipe to one safetensors file, whole or not at all; `load(path)` opens it.

        Raises:
            BadValue: the net was changed by hand, so that its recipe would build another; or a path that cannot be.
        """
        from workbench.nets import saving

        saving.write(self, Path(path))

    @check_arguments
    def store_with(self, folder: str | Path) -> Choice:
        """Saves the net inside `folder`; gives the choice that opens it from there."""
        path = Path(folder) / "backbone.safetensors"
        self.save(path)
        return Choice(str(path))

    @printable_text
    def extra_repr(self) -> str:
        """One line for `print(net)`: name, features, classes."""
        return f"{self.choice}, {self.feature_dim} features, {len(self.stages)} stages"

    def _answered(self, x: Any, call: Callable[[Tensor], Tensor]) -> Tensor:
        """What `call` makes of pixels that a person hands in."""
        if isinstance(x, Activations) or input_check.is_unchecked():
            return call(x)
        input_check.check_pixels(x, self.mean.device)
        with input_check.explained(x, self.recipe.name, self.preprocessing.size):
            return call(x.to(self.mean.dtype) if x.dtype == torch.float64 else x)

    @property
    def _takes_map(self) -> bool:
        return getattr(self.head, "takes_map", False)

    def _pooled(self, out: Tensor) -> Tensor:
        if out.ndim == 2:
            return out
        if out.ndim == 3:
            return out[:, 0] if self.class_token else out.mean(1)
        return out.mean((2, 3))

    def _width(self) -> int:
        head, self.head = self.head, nn.Identity()
        try:
            return measure.forward(self, self.preprocessing.size).flatten(1).shape[1]
        finally:
            self.head = head

    def _measured(self) -> Mapping[str, tuple[int, ...] | None]:
        with self.hold_stages():
            structure = self._stages[0] if self._stages else None
            if self._shapes is None or self._shapes[0] != structure:
                owned = {stage.name: stage.modules for stage in self.stages}
                self._shapes = structure, measure.shapes(self, self.preprocessing.size, owned)
        return self._shapes[1]


def checked_classes(classes: Any) -> tuple[int, tuple[str, ...] | None]:
    """How many classes, and their names if these were given.

    Raises:
        BadValue: fewer than two, two of one name, or neither a number nor names.
    """
    if isinstance(classes, (bool, str, bytes)) or not isinstance(classes, (int, Sequence)):
        raise BadValue(f"classes is a whole number from 2 or a list of names; got {classes!r}")
    if isinstance(classes, int):
        count, names = classes, None
    else:
        names = tuple(map(str, classes))
        count = len(names)
        doubled = next((n for n in names if names.count(n) > 1), None)
        if doubled is not None:
            raise BadValue(f"two classes bear the name {doubled!r}; names are unique")
    if not 2 <= count <= 1_000_000:
        raise BadValue(f"a classifier tells at least 2 classes apart; got {count}")
    return count, names
