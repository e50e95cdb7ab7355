"""Nets of torchvision: those that timm lacks by bare name, every other one as `torchvision/NAME`."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from workbench.nets.heads import MapHead
from workbench.nets.loading.recipe import Recipe

BARE_NAMES = ("alexnet", "googlenet", "squeezenet1_0", "squeezenet1_1")


def list_torchvision_nets() -> list[str]:
    """List the names of torchvision's classifiers."""
    import torchvision

    return torchvision.models.list_models(module=torchvision.models)


def get_builder_arguments(name: str) -> dict[str, Any]:
    """Return a builder's arguments for a plain net: no auxiliary classifiers, no built-in normalization."""
    if name == "googlenet":
        return {"aux_logits": False, "transform_input": False, "init_weights": False}
    if name == "inception_v3":
        return {"aux_logits": False, "transform_input": False, "init_weights": False}
    return {}


def get_default_weights(name: str) -> Any:
    """Return torchvision's default weights for a name: `.url`, `.meta`, `.transforms()`; None where there are none."""
    import torchvision

    return getattr(torchvision.models.get_model_weights(name), "DEFAULT", None)


def get_preprocessing_fields(name: str) -> dict[str, Any]:
    """Return the fields of a `Preprocessing` for torchvision's default weights."""
    weights = get_default_weights(name)
    if weights is None:
        return {"size": 224}
    transforms = weights.transforms()
    fields = {
        "size": transforms.crop_size[0],
        "mean": tuple(transforms.mean),
        "std": tuple(transforms.std),
        "interpolation": transforms.interpolation.value,
        "crop_pct": min(1.0, transforms.crop_size[0] / transforms.resize_size[0]),
    }
    if name in ("googlenet", "inception_v3"):  # their transform_input converts ImageNet's normalization to this one
        fields |= {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
    return fields


def get_output_names(name: str) -> tuple[str, ...] | None:
    """Return the names of the outputs of torchvision's default weights."""
    weights = get_default_weights(name)
    return tuple(weights.meta["categories"]) if weights is not None else None


class SqueezeNetFeatures(nn.Module):
    """SqueezeNet without its classifier, which is a convolution and reads the whole map."""

    def __init__(self, features: nn.Sequential) -> None:
        super().__init__()
        self.features = features

    def forward(self, x: Tensor) -> Tensor:
        """Compute the map: x (B, 3, H, W) -> (B, 512, H/16, W/16)."""
        return self.features(x)


def split_classifier(model: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Split a torchvision net into backbone and classifier, in place."""
    if type(model).__name__ == "SqueezeNet":
        classifier = nn.Sequential(*model.classifier.children(), nn.Flatten())  # type: ignore[union-attr,operator]
        return SqueezeNetFeatures(model.features), MapHead(classifier)  # type: ignore[arg-type]
    path = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)][-1]
    parent, _, name = path.rpartition(".")
    owner = model.get_submodule(parent)
    head = owner._modules[name]
    owner._modules[name] = nn.Identity()
    assert isinstance(head, nn.Linear)
    return model, head


def drop_auxiliary_weights(state: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Drop the auxiliary classifiers that `get_builder_arguments` disables from a published state dict."""
    expected = model.state_dict()
    return {k: v for k, v in state.items() if k in expected or not k.startswith(("aux", "AuxLogits"))}


def make_torchvision_recipe(name: str) -> Recipe:
    """Make the recipe of one of torchvision's classifiers, with its default weights."""
    weights = get_default_weights(name)
    provenance = {"origin": f"torchvision {name}", "licence": "BSD-3-Clause", "pretrained_on": "ImageNet-1k"}
    return Recipe(
        name,
        name,
        f"torchvision.models.{name}",
        get_builder_arguments(name),
        get_output_names(name),
        get_preprocessing_fields(name),
        "hub",
        provenance=provenance if weights is not None else {},
    )
