"""Decoding of image files of any common kind to upright RGB images, with the reason where that fails."""

from __future__ import annotations

import errno
import io
import struct
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from workbench.data.pixels.image_files import DEFAULT_MAX_PIXELS, UnreadableImage, is_high_bit_depth_mode, open_image
from workbench.data.pixels.pixel_ranges import PixelRange, to_uint8
from workbench.errors import UnknownName

# part of the cache key: increased whenever the same file is decoded to other pixels
DECODING_VERSION = 2

INTERPOLATIONS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}

CLIPPED_KEY = "beyond the scale"  # key in `info` of a high-bit-depth image: the fraction of its pixels that was clipped
CROP_MODES = ("center", "squash", "border")

_TRANSPARENT = ("RGBA", "RGBa", "LA", "PA")
_ORIENTATION = 0x0112
_PHOTOMETRIC = 262


@dataclass(frozen=True)
class ResizeConfig:
    """Conversion of an image to a square.

    Args:
        edge: edge of the square, in pixels.
        interpolation: interpolation of the resize.
        crop_mode: treatment of images that are not square, in timm's words: `center` keeps the centre square,
            `squash` resizes width and height independently, `border` keeps the whole image and adds borders.
        fill: colour of these borders, 0 to 255.
        pixel_range: values of high-bit-depth greyscale displayed as black and white.

    Raises:
        UnknownName: unknown interpolation or crop mode.
    """

    edge: int
    interpolation: str = "bilinear"
    crop_mode: str = "center"
    fill: tuple[int, int, int] = (0, 0, 0)
    pixel_range: PixelRange | None = None

    def __post_init__(self) -> None:
        check_interpolation(self.interpolation)
        if self.crop_mode not in CROP_MODES:
            raise UnknownName.of("crop mode", self.crop_mode, CROP_MODES)

    @property
    def cache_key(self) -> str:
        """Identifier of all settings that decide the pixels of a square, including the version of the decoder."""
        cut = {"center": "", "squash": "-squash", "border": "-border{:02x}{:02x}{:02x}".format(*self.fill)}
        greys = "" if self.pixel_range is None else "-greys{!r}to{!r}".format(*self.pixel_range)
        return f"{self.edge}-{self.interpolation}{cut[self.crop_mode]}{greys}-v{DECODING_VERSION}"


def check_interpolation(name: str) -> str:
    """Return the name of an interpolation unchanged, if it is known.

    Raises:
        UnknownName: unknown interpolation.
    """
    if name not in INTERPOLATIONS:
        raise UnknownName.of("interpolation", name, INTERPOLATIONS)
    return name


def decode_image(
    raw: bytes | np.ndarray,
    edge: int | None = None,
    pixel_range: PixelRange | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Image.Image:
    """Decode a file's bytes, or wrap pixels, as an upright RGB image; of several frames, the first.

    Args:
        raw: bytes of a file, or uint8 pixels (H, W), (H, W, 1), (H, W, 3) or (H, W, 4).
        edge: shorter side that will be needed, in pixels; a large JPEG is then decoded at reduced scale.
        pixel_range: values of high-bit-depth greyscale displayed as black and white.
        max_pixels: maximum number of pixels to decode.

    Raises:
        UnreadableImage: with the reason.
    """
    if isinstance(raw, np.ndarray):
        return _to_rgb(Image.fromarray(raw[..., 0] if raw.ndim == 3 and raw.shape[2] == 1 else raw))
    try:
        with open_image(io.BytesIO(raw), max_pixels, edge) as image:
            return _apply_orientation(_to_rgb(image, pixel_range), image)
    except Exception as error:  # decoders of damaged files raise nearly anything
        raise UnreadableImage(explain_decoding_error(error, raw)) from error


def from_pillow(image: Image.Image) -> np.ndarray:
    """Convert a Pillow image to an array: greyscale at its own bit depth, all others as RGB."""
    plain = image.mode in ("1", "L", "RGB") and "transparency" not in image.info
    return np.asarray(image if plain or is_high_bit_depth_mode(image.mode) else _to_rgb(image))


def to_square(image: Image.Image, resize_config: ResizeConfig) -> np.ndarray:
    """Resize an image to a square, uint8 (edge, edge, 3)."""
    edge, (width, height) = resize_config.edge, image.size
    method = INTERPOLATIONS[resize_config.interpolation]
    if resize_config.crop_mode == "squash":
        return np.asarray(image.resize((edge, edge), method))
    if resize_config.crop_mode == "border":
        scale = edge / max(width, height)
        inner = image.resize((max(1, round(width * scale)), max(1, round(height * scale))), method)
        padded = Image.new("RGB", (edge, edge), resize_config.fill)
        padded.paste(inner, ((edge - inner.width) // 2, (edge - inner.height) // 2))
        return np.asarray(padded)
    # equals resizing the shorter side to the edge and cropping the centre, without resizing the margins
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return np.asarray(image.resize((edge, edge), method, box=(left, top, left + side, top + side)))


def explain_decoding_error(error: Exception, raw: bytes | None = None) -> str:
    """Explain why a file cannot be decoded, as a sentence without the file's name."""
    if raw is not None and not raw:
        return "the file is empty"
    if isinstance(error, UnreadableImage):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return "the file is not there"
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    if isinstance(error, PermissionError):
        return "the file may not be read: its permissions forbid it"
    if isinstance(error, UnidentifiedImageError):
        return _explain_unidentified(raw)
    if isinstance(error, MemoryError):
        return "the picture does not fit in memory"
    if isinstance(error, OSError) and error.errno is not None:
        loop = error.errno == errno.ELOOP
        return "it is a link that leads to itself" if loop else f"the file cannot be read: {error.strerror or error}"
    if "truncated" in str(error).lower() or isinstance(error, (EOFError, struct.error)):
        return "the file ends too early: it was cut off while being copied or downloaded"
    return f"the file is damaged ({str(error) or type(error).__name__})"


def _explain_unidentified(raw: bytes | None) -> str:
    start = (raw or b"")[:512].lstrip()
    if raw is not None and raw[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypheim"):
        return "it is a HEIC photo, which Pillow reads only with pillow-heif; save it as JPEG"
    if start[:1] == b"<":
        return "it is a web page or an SVG drawing, not a photo"
    return "it is not an image, or of a kind that Pillow does not read"


def _to_rgb(image: Image.Image, pixel_range: PixelRange | None = None) -> Image.Image:
    """Convert to RGB, with transparency composited on white and high-bit-depth greyscale scaled to eight bits."""
    if image.mode == "RGB" and "transparency" not in image.info:
        image.load()
        return image
    if is_high_bit_depth_mode(image.mode):
        grey, clipped_fraction = _to_eight_bits(image, pixel_range)
        rgb = Image.fromarray(grey).convert("RGB")
        rgb.info[CLIPPED_KEY] = clipped_fraction
        return rgb
    if image.mode == "La":  # Pillow does not composite premultiplied grey
        image = image.convert("LA")
    if image.mode in _TRANSPARENT or "transparency" in image.info:
        layered = image.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert("RGB")
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
        return converted if converted is not None else image.convert("RGB")
    return image.convert("RGB")


def _to_eight_bits(image: Image.Image, pixel_range: PixelRange | None) -> tuple[np.ndarray, float]:
    """Scale high-bit-depth greyscale to uint8 (H, W), and return the fraction of pixels outside the range."""
    if pixel_range is None:
        raise UnreadableImage(
            "it is greyscale of more than eight bits, but the set has no pixel range, since none of the files "
            "of the sample is; set it, as in pixel_range=(0, 65535)"
        )
    values = np.asarray(image)
    if not np.isfinite(values).all():
        raise UnreadableImage("its pixels contain values that are not finite (NaN or infinity)")
    grey = to_uint8(values, pixel_range)
    if getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0:  # TIFF: white is 0, applied by Pillow at 8 bits only
        grey = 255 - grey
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey[values == transparent] = 255
    black, white = pixel_range
    return grey, float(((values < black) | (values > white)).mean())


def _apply_orientation(image: Image.Image, opened: Image.Image) -> Image.Image:
    """Rotate an image by its EXIF orientation; damaged EXIF data is ignored."""
    try:
        orientation = opened.getexif().get(_ORIENTATION, 1)
    except Exception:  # EXIF is written by thousands of cameras, and parsed by hand
        return image
    method = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(orientation)
    return image if method is None else image.transpose(method)
