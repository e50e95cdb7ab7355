"""The estimate of memory, and what this machine has."""

from __future__ import annotations

import pytest

from workbench.widgets.components.memory_estimate import estimate_training_memory, get_available_memory


@pytest.mark.parametrize(
    ("parameters", "gmacs", "size", "kept_mb"),
    # measured with saved_tensors_hooks on timm's nets: kept activations in MB an image
    [
        (25.6e6, 4.09, 224, 86.1),  # resnet50
        (3.5e6, 0.30, 224, 78.3),  # mobilenetv2_100
        (86.6e6, 17.6, 224, 118.2),  # vit_base_patch16_224
        (12.2e6, 1.59, 288, 282.0),  # efficientnet_b3
    ],
)
def test_the_estimate_is_within_its_stated_bound(parameters, gmacs, size, kept_mb):
    measured = 16 * parameters + 32 * kept_mb * 1e6
    assert 1 / 4 < estimate_training_memory(parameters, gmacs, size) / measured < 4


def test_more_pixels_need_more_memory_and_no_multiply_adds_no_estimate():
    # the same net at twice the edge: four times the multiply-adds and the activations
    small, large = estimate_training_memory(0, 1.0, 224), estimate_training_memory(0, 4.0, 448)
    assert (large - 0.4e9) / (small - 0.4e9) == pytest.approx(4)
    assert estimate_training_memory(1e6, None, 224) is None
    assert estimate_training_memory(1e6, float("nan"), 224) is None


def test_this_machine_has_some_and_says_what_holds_it():
    size, place = get_available_memory()
    assert size > 1e8
    assert place
