"""Images for optimisation, parametrised by spatial frequencies in decorrelated colours."""

from __future__ import annotations

import torch
from torch import Tensor

# the colours of photographs vary mostly in lightness, then from blue to yellow, then from green to red: square root
# of the colour covariance of ImageNet's pixels, largest column scaled to 1 (Olah et al. 2017)
COLOR_CORRELATION = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
INIT_STD = 0.01  # standard deviation of the initial random spectrum
NOISE_STD = 1.0  # standard deviation of the noise for images whose unit does not respond
LOGIT_SCALE = 0.25  # factor from coefficients to the logits of pixels


class FourierImage:
    """Images (n, 3, S, S) as Fourier coefficients, scaled so that equal steps change the visible image equally.

    Args:
        n_images: number of images.
        image_size: S, their edge in pixels.
        seed: of the initial spectrum, a nearly grey image.
        device: of the coefficients.
    """

    def __init__(self, n_images: int, image_size: int, seed: int, device: torch.device) -> None:
        rng = torch.Generator().manual_seed(seed)
        self.image_size = image_size
        frequencies = torch.fft.fftfreq(image_size)[:, None], torch.fft.rfftfreq(image_size)[None]
        radius = torch.sqrt(frequencies[0] ** 2 + frequencies[1] ** 2)
        # photographs have equal energy per octave, so that high frequencies get small weights
        self.frequency_weights = (image_size / radius.clamp(min=1 / image_size)).to(device) / image_size
        spectrum = INIT_STD * torch.randn(n_images, 3, *radius.shape, 2, generator=rng)
        self.spectrum = spectrum.to(device).requires_grad_(True)
        mixing = torch.tensor(COLOR_CORRELATION)
        self.color_mixing = (mixing / mixing.norm(dim=0).max()).to(device)

    def add_noise(self, is_selected: Tensor, rng: torch.Generator) -> None:
        """Add strong noise to the images selected by `is_selected` (n,) bool.

        In a grey image, a unit behind a ReLU may have no gradient.
        """
        with torch.no_grad():
            noise = torch.randn(self.spectrum.shape, generator=rng).to(self.spectrum)
            self.spectrum += NOISE_STD * noise * is_selected.view(-1, 1, 1, 1, 1)

    def to_images(self) -> Tensor:
        """Return the images (n, 3, S, S), from 0 to 1."""
        flat = torch.fft.irfft2(
            torch.view_as_complex(self.spectrum) * self.frequency_weights, s=(self.image_size,) * 2, norm="ortho"
        )
        return torch.sigmoid(torch.einsum("dc,nchw->ndhw", self.color_mixing, flat) * LOGIT_SCALE)
