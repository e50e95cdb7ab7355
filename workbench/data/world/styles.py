"""Eight rendering styles of a scene, each a domain of the world.

Shapes: B images, S pixels per side; images (B, 3, S, S) in about [0, 1].
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.data.world import patterns
from workbench.data.world.factors import STYLES
from workbench.data.world.indexed_random import IndexedGenerator
from workbench.data.world.scene import Scene, unsqueeze_hw

Painter = Callable[[Scene, IndexedGenerator], Tensor]
NOISE_SIZE = 512  # side of the table of noise


def paint_photo(scene: Scene, rng: IndexedGenerator) -> Tensor:
    """Paint a photo, lit from a side, with a shadow, a highlight and sensor noise."""
    ground = blend_colors(scene.colors.background, scene.background)
    ground = ground * (scene.light * (1 - 0.55 * scene.shadow))[:, None]
    front = (
        blend_colors(scene.colors.foreground, scene.texture) * (scene.shade * scene.light)[:, None]
        + scene.highlight[:, None]
    )
    board = blend_colors(scene.colors.occluder, scene.background) * scene.light[:, None]
    out = composite_over(composite_over(ground, front, scene.coverage), board, scene.occluder)
    return out + unsqueeze_hw(rng.uniform("noise", 0.0, 0.05))[:, None] * grain_noise(scene, rng)[:, None]


def paint_flat(scene: Scene, rng: IndexedGenerator) -> Tensor:
    """Paint even colors with hard borders, as of cut paper."""
    ground = blend_colors(scene.colors.background, quantize_tones(scene.background, 3))
    front = blend_colors(scene.colors.foreground, quantize_tones(scene.texture, 2))
    board = scene.colors.occluder[0][:, :, None, None].expand_as(front)
    return composite_over(composite_over(ground, front, scene.coverage), board, scene.occluder)


def paint_sketch(scene: Scene, rng: IndexedGenerator) -> Tensor:
    """Paint outlines and a little hatching in soft pencil on paper."""
    size = scene.coverage.shape[-1]
    width = unsqueeze_hw(rng.uniform("pencil", 0.9, 1.9)) * (2 / size) * (size / 64) ** 0.6
    outline = (1.5 - scene.distance.abs() / width).clamp_(0, 1)
    inside = scene.coverage * unsqueeze_hw(rng.uniform("detail", 0.1, 0.8)) * edge_strength(scene.texture)
    behind = (1 - scene.coverage) * unsqueeze_hw(rng.uniform("behind", 0.0, 0.4)) * edge_strength(scene.background)
    ink = torch.maximum(torch.maximum(outline, inside), behind)
    ink = ink + 0.3 * scene.coverage * (0.8 - scene.shade).clamp_(0, 1)
    ink = ink * (1 - scene.occluder) + edge_strength(scene.occluder) * 0.9
    paper = unsqueeze_hw(rng.uniform("paper", 0.88, 1.0))
    tone = paper * (1 - unsqueeze_hw(rng.uniform("press", 0.6, 0.95)) * ink.clamp_(0, 1))
    tone = tone + 0.025 * grain_noise(scene, rng)
    warm = rng.random("warm", 3) * torch.tensor([0.0, 0.03, 0.09], device=tone.device)
    return tone[:, None] - warm[:, :, None, None]


def paint_pastel(scene: Scene, rng: IndexedGenerator) -> Tensor:
    """Paint pale strokes on rough paper."""
    size = scene.coverage.shape[-1]
    strokes = sample_windows(brush_strokes(scene.coverage.device), rng, "dab", size)
    ground = blend_colors(scene.colors.background, (scene.background + 0.35 * strokes).clamp(0, 1))
    front = blend_colors(scene.colors.foreground, (0.6 * scene.texture + 0.3 * strokes).clamp(0, 1))
    front = front * (1 + 0.6 * (scene.shade - 1) + 0.25 * strokes)[:, None]
    board = blend_colors(scene.colors.occluder, (scene.background + strokes).clamp(0, 1))
    # brush strokes cross the outline
    cover = (scene.coverage + 1.2 * strokes * scene.coverage * (1 - scene.coverage) * 4).clamp(0, 1)
    out = composite_over(composite_over(ground, front, cover), board, scene.occluder)
    return (0.36 + 0.64 * out) * (1 + 0.035 * grain_noise(scene, rng)[:, None])


def paint_inverted(scene: Scene, rng: IndexedGenerator) -> Tensor:
    """Paint the negative of a photo."""
    return 1 - paint_photo(scene, rng)


def paint_low_light(scene: Scene, rng: IndexedGenerator) -> Tensor:
    """Paint a photo at night: dark, low in contrast, noisy, bluish."""
    exposed = paint_photo(scene, rng).clamp(0, 1) * unsqueeze_hw(rng.uniform("exposure", 0.2, 0.45))[:, None]
    tint = torch.tensor([0.85, 0.95, 1.15], device=exposed.device)[:, None, None]
    noise = 0.022 * grain_noise(scene, rng)[:, None] + 0.012 * sample_windows(
        noise_table(exposed.device), rng, "colour", exposed.shape[-1], 3
    )
    return exposed * tint + 0.02 + noise


def paint_blurred(scene: Scene, rng: IndexedGenerator) -> Tensor:
    """Paint a photo out of focus."""
    return gaussian_blur(paint_photo(scene, rng), 0.027)


def paint_pixelated(scene: Scene, rng: IndexedGenerator) -> Tensor:
    """Paint a photo in coarse squares."""
    out = paint_photo(scene, rng)
    small = F.adaptive_avg_pool2d(out, 16)
    return F.interpolate(small, size=out.shape[-2:], mode="nearest")


PAINTERS: dict[str, Painter] = {
    "photo": paint_photo,
    "flat": paint_flat,
    "sketch": paint_sketch,
    "pastel": paint_pastel,
    "inverted": paint_inverted,
    "low-light": paint_low_light,
    "blurred": paint_blurred,
    "pixelated": paint_pixelated,
}
assert tuple(PAINTERS) == STYLES


def paint_scene(scene: Scene, rng: IndexedGenerator, style: int) -> Tensor:
    """Paint images (B, 3, S, S) of one style, uint8."""
    return PAINTERS[STYLES[style]](scene, rng).mul(255).add_(0.5).clamp_(0, 255).to(torch.uint8)


def blend_colors(colors: tuple[Tensor, Tensor], fraction: Tensor) -> Tensor:
    """Blend two colors, from the first (fraction 0) to the second (fraction 1), (B, 3, S, S)."""
    first, second = (c[:, :, None, None] for c in colors)
    return torch.lerp(first, second, fraction[:, None])


def composite_over(below: Tensor, above: Tensor, coverage: Tensor) -> Tensor:
    """Composite `above` over `below` with the share `coverage`."""
    return torch.lerp(below, above, coverage[:, None])


def quantize_tones(x: Tensor, n_tones: int) -> Tensor:
    """Quantize a map to `n_tones` even tones."""
    return (x * n_tones).floor_().clamp_(max=n_tones - 1) / max(n_tones - 1, 1)


def edge_strength(x: Tensor) -> Tensor:
    """Compute the edge strength of a map, 0 to 1."""
    wide = F.pad(x[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    dx, dy = wide[:, 1:-1, 2:] - wide[:, 1:-1, :-2], wide[:, 2:, 1:-1] - wide[:, :-2, 1:-1]
    return (1.6 * (dx * dx + dy * dy).sqrt()).clamp_(0, 1)


def gaussian_blur(x: Tensor, deviation: float) -> Tensor:
    """Apply a Gaussian blur; `deviation` is its standard deviation as a share of the image's side."""
    pixels = deviation * x.shape[-1]
    reach = max(1, round(2.5 * pixels))
    taps = torch.arange(-reach, reach + 1, device=x.device, dtype=torch.float32)
    weight = torch.exp(-0.5 * (taps / pixels) ** 2)
    weight = weight / weight.sum()
    # sums of shifted images: a convolution may add in another order in another batch
    wide = F.pad(x, (reach, reach, 0, 0), mode="replicate")
    rows = weighted_sum([wide[..., i : i + x.shape[-1]] for i in range(2 * reach + 1)], weight)
    tall = F.pad(rows, (0, 0, reach, reach), mode="replicate")
    return weighted_sum([tall[..., i : i + x.shape[-1], :] for i in range(2 * reach + 1)], weight)


def weighted_sum(images: list[Tensor], weights: Tensor) -> Tensor:
    """Return the weighted sum of images."""
    total = images[0] * weights[0]
    for part, weight in zip(images[1:], weights[1:].tolist(), strict=True):
        total.add_(part, alpha=weight)
    return total


def grain_noise(scene: Scene, rng: IndexedGenerator) -> Tensor:
    """Return fine noise (B, S, S) with standard deviation 1."""
    return sample_windows(noise_table(scene.coverage.device), rng, "grain-window", scene.coverage.shape[-1])


def sample_windows(table: Tensor, rng: IndexedGenerator, stream: str, size: int, n_channels: int = 0) -> Tensor:
    """Sample a random window of the table per image: (B, size, size), or (B, n_channels, size, size)."""
    count = max(n_channels, 1)
    offset = (rng.random(stream, 2 * count) * (table.shape[-1] - size)).long()
    spread = table.unfold(0, size, 1).unfold(1, size, 1)  # a view of all windows
    windows = spread[offset[:, :count], offset[:, count:]]
    return windows if n_channels else windows[:, 0]


@functools.cache
def noise_table(device: torch.device) -> Tensor:
    """Return white noise with standard deviation 1."""
    table = np.random.default_rng(3).normal(size=(NOISE_SIZE, NOISE_SIZE)).astype(np.float32)
    return torch.from_numpy(table).to(device)


@functools.cache
def brush_strokes(device: torch.device) -> Tensor:
    """Return brush strokes: noise blurred along a slope, from -0.5 to 0.5."""
    tile = np.tile(patterns.power_law_noise(np.random.default_rng(4), 1.0, 5.0), (4, 4))
    long = np.mean([np.roll(tile, (i, 2 * i), (0, 1)) for i in range(5)], axis=0) - 0.5
    return torch.from_numpy((2.2 * long).clip(-0.5, 0.5).astype(np.float32)).to(device)
