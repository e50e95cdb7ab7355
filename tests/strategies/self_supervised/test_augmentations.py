"""Views: parts and colours as asked for, drawn from torch's generator."""

from __future__ import annotations

import colorsys

import pytest
import torch

from workbench.strategies.self_supervised.augmentations import crop_randomly, hue_rotation, jitter_colors


def pictures(count=16, size=24):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(5))


def test_a_view_is_drawn_by_the_step_s_seed():
    x = pictures()
    torch.manual_seed(3)
    first = jitter_colors(crop_randomly(x, 0.2), 0.5, 0.2)
    other = jitter_colors(crop_randomly(x, 0.2), 0.5, 0.2)
    torch.manual_seed(3)
    assert torch.equal(jitter_colors(crop_randomly(x, 0.2), 0.5, 0.2), first)
    assert first.shape == x.shape and not torch.allclose(first, other)
    assert first.min() >= 0 and first.max() <= 1


def test_the_whole_image_is_shown_mirrored_half_the_time():
    """Sides are bounded by the image: with the whole area asked for, only the ratio may cut something off."""
    torch.manual_seed(0)
    ramp = torch.linspace(0, 1, 32).expand(400, 3, 32, 32)  # dark on the left
    shown = crop_randomly(ramp, 1.0)
    rising = (shown[:, 0, 0, -1] > shown[:, 0, 0, 0]).float().mean()
    assert 0.4 < rising < 0.6
    spread = (shown[:, 0, 0, -1] - shown[:, 0, 0, 0]).abs()
    assert spread.min() > 0.8  # sides 3:4 leave at least √(3/4) of the width


def test_a_part_has_the_area_asked_for():
    torch.manual_seed(0)
    across = torch.linspace(-1, 1, 64).expand(500, 1, 64, 64)
    both = torch.cat([across, across.transpose(2, 3), across], 1)
    shown = crop_randomly(both, 0.25)
    width = (shown[:, 0, 0, -1] - shown[:, 0, 0, 0]).abs() / 2
    height = (shown[:, 1, -1, 0] - shown[:, 1, 0, 0]).abs() / 2
    area = width * height * (64 / 63) ** 2  # first and last pixel are one pixel less than the edge apart
    assert area.min() > 0.2 and 0.55 < area.mean() < 0.68  # uniform from 0.25 to 1, some sides cut at the edge


def test_no_strength_changes_nothing_and_grey_takes_all_colour():
    x = pictures()
    torch.testing.assert_close(jitter_colors(x, 0.0, 0.0), x, atol=1e-5, rtol=0)
    grey = jitter_colors(x, 0.0, 1.0)
    torch.testing.assert_close(grey, (x * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, True).expand_as(x))


def test_a_third_of_a_turn_takes_red_to_green():
    third = hue_rotation(torch.tensor([2 * torch.pi / 3]))[0]
    torch.testing.assert_close(third @ torch.tensor([1.0, 0, 0]), torch.tensor([0.0, 1, 0]), atol=1e-6, rtol=0)
    torch.testing.assert_close(third @ third @ third, torch.eye(3), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("strength", "most"), [(0.25, 0.07), (1.0, 0.25)])
def test_hue_moves_as_far_as_the_strength_says(strength, most):
    torch.manual_seed(1)
    red = torch.tensor([0.55, 0.35, 0.35]).view(1, 3, 1, 1).expand(300, 3, 4, 4)
    pixels = jitter_colors(red, strength, 0.0)[:, :, 0, 0].tolist()
    hues = torch.tensor([colorsys.rgb_to_hsv(*pixel)[0] for pixel in pixels])
    away = torch.minimum(hues, 1 - hues)  # red is 0
    assert most / 2 < away.max() < most
