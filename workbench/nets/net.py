"""Net: a backbone with its preprocessing, a head, and stages from stem to head."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.annotated_types import Seed
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue, UnknownName, escape_returned_text
from workbench.nets import heads, input_check, shape_inference, stages
from workbench.nets.loading.recipe import Recipe
from workbench.nets.preprocessing import Preprocessing
from workbench.nets.stages import Stage
from workbench.plan import Choice

__all__ = ["Net"]

MAX_PIXEL_VALUE = 16.0  # pixels optimized by a probe may leave 0 to 1; the scale 0 to 255 is a mistake


class Net(nn.Module):
    """Map from images to features to logits: x (B, 3, H, W) -> (B, D) -> (B, K).

    `net(x)` is `net.head(net.features(x))`, except for the pretrained heads of SqueezeNet and VOLO, which read
    the whole map; a new head always reads features.

    Args:
        backbone: module that returns features (B, D), a map (B, D, H', W') or tokens (B, N, D).
        head: classifier.
        preprocessing: normalization of the pixels, applied inside the net.
        classes: names of the outputs, if known.
        recipe: construction of the net, for saving.
        choice: choice by which the net can be opened again.
        fixed_input_size: True if images of another size are resized to `preprocessing.size` on entry.
    """

    # the attributes that determine the output; the others record the net's provenance (see `structure`)
    identity_attributes: ClassVar[tuple[str, ...]] = ("preprocessing", "fixed_input_size", "class_token")
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
        fixed_input_size: bool = False,
    ) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head
        self.preprocessing, self.recipe, self.choice = preprocessing, recipe, choice
        self.fixed_input_size = fixed_input_size
        self.classes = None if classes is None else tuple(classes)
        self.provenance = dict(recipe.provenance)
        # VOLO's map is its tokens with the class token first; all other maps are averaged
        self.class_token = isinstance(getattr(head, "classifier", None), heads.VoloHead)
        self.register_buffer("mean", torch.tensor(preprocessing.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(preprocessing.std).view(1, 3, 1, 1), persistent=False)
        self._stages: tuple[object, list[Stage]] | None = None
        self._shapes: tuple[object, dict[str, tuple[int, ...] | None]] | None = None
        self._n_cache_holds = 0
        self.has_new_head = False  # True if the head was replaced here, False if it is the architecture's own
        takes_map = getattr(head, "takes_map", False)
        self.feature_dim = (None if takes_map else heads.find_in_features(head)) or self._measure_feature_dim()

    def normalize(self, x: Tensor) -> Tensor:
        """Normalize pixels x (B, 3, H, W), uint8 or float from 0 to 1, as the backbone expects them.

        Raises:
            BadValue: another integer type, or floats far above 1 (checked on the CPU only, where it costs no time).
        """
        x = x.float() / 255 if x.dtype == torch.uint8 else x
        is_checked = x.device.type == "cpu" and x.numel() and not torch.compiler.is_compiling()
        if not x.is_floating_point() or (is_checked and x.max() > MAX_PIXEL_VALUE):
            raise BadValue(f"pixels are uint8 from 0 to 255 or floats from 0 to 1; got {x.dtype} up to {x.max():g}")
        size = self.preprocessing.size
        if self.fixed_input_size and x.shape[-2:] != (size, size):
            x = F.interpolate(x, (size, size), mode="bilinear", antialias=True)
        return (x - self.mean) / self.std

    def features(self, x: Tensor) -> Tensor:
        """Compute features: pixels x (B, 3, H, W) -> (B, D).

        Raises:
            BadValue: invalid pixels, as in `forward`.
        """
        out = self._forward_checked(x, self.forward_features)
        return self._pool(out) if self._head_takes_map else out

    def forward(self, x: Tensor) -> Tensor:
        """Compute logits: pixels x (B, 3, H, W), uint8 or float from 0 to 1 -> (B, K).

        Raises:
            BadValue: no such tensor, one that was normalized already, or of a size that the net cannot take.
        """
        return self._forward_checked(x, self.logits)

    def logits(self, x: Tensor) -> Tensor:
        """Compute logits without checking values, for optimized or perturbed pixels: x (B, 3, H, W) -> (B, K)."""
        return self.head(self.forward_features(x))

    def forward_features(self, x: Tensor) -> Tensor:
        """Compute the head's input: pixels x (B, 3, H, W) -> features (B, D), or a map where the head reads one."""
        return self.forward_head(self.backbone(self.normalize(x)), pre_logits=True)

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Compute logits from the backbone's output x, features (B, D), a map (B, D, H', W') or tokens (B, N, D).

        Args:
            pre_logits: True returns the head's input in place of the logits, as in timm: x pooled to features (B, D),
                or x itself where the head reads the whole map.
        """
        x = x if self._head_takes_map else self._pool(x)
        return x if pre_logits else self.head(x)

    @check_arguments
    def reset_head(self, classes: int | Sequence[str], seed: Seed = 0) -> None:
        """Replace the head by a new linear classifier: weights from N(0, 0.01), bias 0.

        Args:
            classes: number of classes, at least 2, or their names.
            seed: seed of the weights; torch's global generator is not touched.

        Raises:
            BadValue: fewer than two classes, or two of one name.
        """
        count, names = parse_classes(classes)
        reference = next(self.backbone.parameters(), self.mean)
        self.head = heads.make_linear_head(self.feature_dim, count, seed).to(reference.device)
        self.head.train(self.training)
        self.classes, self.has_new_head = names, True
        params: dict[str, Any] = {"classes": count if names is None else list(names)}
        if self.choice.params.get("pretrained", True) and (seed or "seed" in self.choice.params):
            params["seed"] = seed  # random weights keep their seed
        self.choice = self.choice.replace(**params)

    @property
    def stages(self) -> list[Stage]:
        """Stages from stem to head; the last is always `head`. They follow modules that are added or replaced."""
        if self._n_cache_holds and self._stages is not None:
            return self._stages[1]
        structure = stages.describe_structure(self)
        if self._stages is None or self._stages[0] != structure:
            self._stages = structure, stages.find_stages(self, self._measure_stage_shapes)
        return self._stages[1]

    @contextlib.contextmanager
    def cache_stages(self) -> Iterator[None]:
        """Cache the stages inside the block, for code that reads `stages` often and does not change the structure."""
        _ = self.stages
        self._n_cache_holds += 1
        try:
            yield
        finally:
            self._n_cache_holds -= 1

    @check_arguments
    def get_stage_module(self, stage: str) -> nn.Module:
        """Return the module whose output is the output of a stage.

        Raises:
            UnknownName: no stage of that name.
        """
        known = {s.name: s for s in self.stages}
        if stage not in known:
            raise UnknownName.of("stage of this net", stage, known)
        modules = known[stage].module_names
        outer = [m for m in modules if m.rpartition(".")[0] not in modules]
        return self.get_submodule(outer[-1])

    def to(self, *args: Any, memory_format: torch.memory_format | None = None, **kwargs: Any) -> Self:
        """Move or cast as in torch; a memory format applies to 4-d weights, the only ones that have one."""
        super().to(*args, **kwargs)
        if memory_format is not None:
            for tensor in (*self.parameters(), *self.buffers()):
                if tensor.ndim == 4:
                    # `contiguous` would keep the strides of 1 x 1 and depthwise weights, which selects other kernels
                    tensor.data = tensor.data.to(memory_format=memory_format)
        return self

    @check_arguments
    def save(self, path: str | Path) -> None:
        """Write weights and recipe to one safetensors file, atomically; `load_net(path)` opens it.

        Raises:
            BadValue: the net was changed by hand, so that its recipe would build another; or an invalid path.
        """
        from workbench.nets.loading import net_file

        net_file.save_net(self, Path(path))

    @check_arguments
    def store_with(self, folder: str | Path) -> Choice:
        """Save the net inside `folder`; returns the choice that opens it from there."""
        path = Path(folder) / "backbone.safetensors"
        self.save(path)
        return Choice(str(path))

    @escape_returned_text
    def extra_repr(self) -> str:
        """Describe the net in one line for `print(net)`: name, features, classes."""
        return f"{self.choice}, {self.feature_dim} features, {len(self.stages)} stages"

    def _forward_checked(self, x: Any, method: Callable[[Tensor], Tensor]) -> Tensor:
        """Check pixels given by the user, then apply `method` to them."""
        if input_check.is_pixel_check_skipped():
            return method(x)
        input_check.check_pixels(x, self.mean.device)
        with input_check.explain_size_errors(x, self.recipe.name, self.preprocessing.size):
            return method(x.to(self.mean.dtype) if x.dtype == torch.float64 else x)

    @property
    def _head_takes_map(self) -> bool:
        return getattr(self.head, "takes_map", False)

    def _pool(self, out: Tensor) -> Tensor:
        if out.ndim == 2:
            return out
        if out.ndim == 3:
            return out[:, 0] if self.class_token else out.mean(1)
        return out.mean((2, 3))

    def _measure_feature_dim(self) -> int:
        head, self.head = self.head, nn.Identity()
        try:
            return shape_inference.run_test_image(self, self.preprocessing.size).flatten(1).shape[1]
        finally:
            self.head = head

    def _measure_stage_shapes(self) -> Mapping[str, tuple[int, ...] | None]:
        with self.cache_stages():
            structure = self._stages[0] if self._stages else None
            if self._shapes is None or self._shapes[0] != structure:
                owned = {stage.name: stage.module_names for stage in self.stages}
                self._shapes = structure, shape_inference.infer_stage_shapes(self, self.preprocessing.size, owned)
        return self._shapes[1]


def parse_classes(classes: Any) -> tuple[int, tuple[str, ...] | None]:
    """Parse classes into their number, and their names if these were given.

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
            raise BadValue(f"two classes have the name {doubled!r}; names are unique")
    if not 2 <= count <= 1_000_000:
        raise BadValue(f"expected at least 2 classes; got {count}")
    return count, names
