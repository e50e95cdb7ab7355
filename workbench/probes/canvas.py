"""A picture to be optimised: its frequencies instead of its pixels, its colours as they vary in photographs."""

from __future__ import annotations

import torch
from torch import Tensor

# the colours of photographs vary mostly in lightness, then from blue to yellow, then from green to red: the square root
# of the covariance of ImageNet's pixels, largest column scaled to 1 (Olah et al. 2017)
COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
SPREAD = 0.01  # of the first random spectrum
STIR = 1.0  # of the noise that wakes a silent unit
GAIN = 0.25  # from coefficients to the logits of pixels


class Canvas:
    """Pictures (n, 3, S, S) as coefficients, of which a step of equal size changes what one sees equally.

    Args:
        n: how many pictures.
        size: S, their edge in pixels.
        seed: of the start: a nearly grey picture.
    """

    def __init__(self, n: int, size: int, seed: int, place: torch.device) -> None:
        dice = torch.Generator().manual_seed(seed)
        self.size = size
        across = torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)[None]
        radius = torch.sqrt(across[0] ** 2 + across[1] ** 2)
        # a photograph has as much of each octave: the finer, the less of each frequency
        self.weight = (size / radius.clamp(min=1 / size)).to(place) / size
        spectrum = SPREAD * torch.randn(n, 3, *radius.shape, 2, generator=dice)
        self.spectrum = spectrum.to(place).requires_grad_(True)
        mixing = torch.tensor(COLOURS)
        self.mixing = (mixing / mixing.norm(dim=0).max()).to(place)

    def stir(self, chosen: Tensor, dice: torch.Generator) -> None:
        """Louder noise in the pictures `chosen` (n,) bool: in grey, a unit behind a ReLU may not know where to go."""
        with torch.no_grad():
            noise = torch.randn(self.spectrum.shape, generator=dice).to(self.spectrum)
            self.spectrum += STIR * noise * chosen.view(-1, 1, 1, 1, 1)

    def pictures(self) -> Tensor:
        """The pictures as they are, from 0 to 1."""
        flat = torch.fft.irfft2(torch.view_as_complex(self.spectrum) * self.weight, s=(self.size,) * 2, norm="ortho")
        return torch.sigmoid(torch.einsum("dc,nchw->ndhw", self.mixing, flat) * GAIN)
