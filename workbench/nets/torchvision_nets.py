"""The nets of torchvision: those that timm lacks by bare name, every other one as `torchvision/NAME`."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from workbench.nets.heads import MapHead
from workbench.nets.recipe import Recipe

BARE = ("alexnet", "googlenet", "squeezenet1_0", "squeezenet1_1")


def known() -> list[str]:
    """Names of torchvision's classifiers."""
    import torchvision

    return torchvision.models.list_models(module=torchvision.models)


def arguments(name: str) -> dict[str, Any]:
    """What a builder needs so that the net is plain: no auxiliary classifiers, no hidden normalisation."""
    if name == "googlenet":
        return {"aux_logits": False, "transform_input": False, "init_weights": False}
    if name == "inception_v3":
        return {"aux_logits": False, "transform_input": False, "init_weights": False}
    return {}


def published(name: str) -> Any:
    """torchvision's default weights for a name: `.url`, `.meta`, `.transforms()`; None where there are none."""
    import torchvision

    return getattr(torchvision.models.get_model_weights(name), "DEFAULT", None)


def preprocessing(name: str) -> dict[str, Any]:
    """The fields of a `Preprocessing` for torchvision's default weights."""
    weights = published(name)
    if weights is None:
        return {"size": 224}
    made = weights.transforms()
    fields = {
        "size": made.crop_size[0],
        "mean": tuple(made.mean),
        "std": tuple(made.std),
        "interpolation": made.interpolation.value,
        "crop_pct": min(1.0, made.crop_size[0] / made.resize_size[0]),
    }
    if name in ("googlenet", "inception_v3"):  # their transform_input turns ImageNet's scaling into this one
        fields |= {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
    return fields


def classes(name: str) -> tuple[str, ...] | None:
    """Names of the outputs of torchvision's default weights."""
    weights = published(name)
    return tuple(weights.meta["categories"]) if weights is not None else None


class Map(nn.Module):
    """SqueezeNet without its classifier, which is a convolution and reads the whole map."""

    def __init__(self, features: nn.Sequential) -> None:
        super().__init__()
        self.features = features

    def forward(self, x: Tensor) -> Tensor:
        """x (B, 3, H, W) -> (B, 512, H/16, W/16)."""
        return self.features(x)


def take_head(model: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Parts a torchvision net into backbone and classifier, in place."""
    if type(model).__name__ == "SqueezeNet":
        classifier = nn.Sequential(*model.classifier.children(), nn.Flatten())  # type: ignore[union-attr,operator]
        return Map(model.features), MapHead(classifier)  # type: ignore[arg-type]
    path = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)][-1]
    parent, _, name = path.rpartition(".")
    owner = model.get_submodule(parent)
    head = owner._modules[name]
    owner._modules[name] = nn.Identity()
    assert isinstance(head, nn.Linear)
    return model, head


def without_extras(state: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """A published state without the auxiliary classifiers that `arguments` leaves out."""
    kept = model.state_dict()
    return {k: v for k, v in state.items() if k in kept or not k.startswith(("aux", "AuxLogits"))}


def recipe(name: str) -> Recipe:
    """How one of torchvision's classifiers is built, with its default weights."""
    weights = published(name)
    source = {"origin": f"torchvision {name}", "licence": "BSD-3-Clause", "pretrained_on": "ImageNet-1k"}
    return Recipe(
        name,
        name,
        f"torchvision.models.{name}",
        arguments(name),
        classes(name),
        preprocessing(name),
        "hub",
        source=source if weights is not None else {},
    )
