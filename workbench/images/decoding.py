"""Any image file that people really have, as an upright RGB picture; or the sentence that says why not."""

from __future__ import annotations

import errno
import io
import struct
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from workbench.errors import UnknownName
from workbench.images.grey_levels import Scale, to_bytes
from workbench.images.image_files import LIMIT, Unreadable, is_deep, open_image

# part of the store's key: raised whenever the same file would give other pixels
VERSION = 2

INTERPOLATIONS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}

BEYOND = "beyond the scale"  # what `info` of a picture of deep greys holds: the share of its pixels that was clipped
CROP_MODES = ("center", "squash", "border")

_TRANSPARENT = ("RGBA", "RGBa", "LA", "PA")
_ORIENTATION = 0x0112
_PHOTOMETRIC = 262


@dataclass(frozen=True)
class Framing:
    """How a picture becomes a square.

    Args:
        edge: of the square, in pixels.
        interpolation: how pictures are resized.
        crop_mode: what becomes of a picture that is no square, in timm's words: `center` keeps the centre square,
            `squash` resizes width and height apart, `border` keeps all of it with borders at its sides.
        fill: colour of these borders, 0 to 255.
        pixel_range: the values of deep greys that become black and white.

    Raises:
        UnknownName: no such interpolation or crop mode.
    """

    edge: int
    interpolation: str = "bilinear"
    crop_mode: str = "center"
    fill: tuple[int, int, int] = (0, 0, 0)
    pixel_range: Scale | None = None

    def __post_init__(self) -> None:
        interpolation(self.interpolation)
        if self.crop_mode not in CROP_MODES:
            raise UnknownName.of("crop mode", self.crop_mode, CROP_MODES)

    @property
    def name(self) -> str:
        """A word that changes whenever the same file would become another square."""
        cut = {"center": "", "squash": "-squash", "border": "-border{:02x}{:02x}{:02x}".format(*self.fill)}
        greys = "" if self.pixel_range is None else "-greys{!r}to{!r}".format(*self.pixel_range)
        return f"{self.edge}-{self.interpolation}{cut[self.crop_mode]}{greys}-v{VERSION}"


def interpolation(name: str) -> str:
    """The name itself, if resizing knows it.

    Raises:
        UnknownName: it does not.
    """
    if name not in INTERPOLATIONS:
        raise UnknownName.of("interpolation", name, INTERPOLATIONS)
    return name


def picture(
    raw: bytes | np.ndarray, edge: int | None = None, pixel_range: Scale | None = None, max_pixels: int = LIMIT
) -> Image.Image:
    """An upright RGB picture from a file's bytes or from pixels; of several frames, the first.

    Args:
        raw: the bytes of a file, or uint8 pixels (H, W), (H, W, 1), (H, W, 3) or (H, W, 4).
        edge: the shorter side that will be needed, in pixels; a large JPEG is then read at reduced scale.
        pixel_range: the values of deep greys that become black and white.
        max_pixels: the most pixels that may be decoded.

    Raises:
        Unreadable: with the reason.
    """
    if isinstance(raw, np.ndarray):
        return _opaque(Image.fromarray(raw[..., 0] if raw.ndim == 3 and raw.shape[2] == 1 else raw))
    try:
        with open_image(io.BytesIO(raw), max_pixels, edge) as image:
            return _upright(_opaque(image, pixel_range), image)
    except Exception as error:  # decoders of damaged files raise nearly anything
        raise Unreadable(reason(error, raw)) from error


def from_pillow(image: Image.Image) -> np.ndarray:
    """A picture that Pillow holds as numbers: greys in their own depth, all others as RGB."""
    plain = image.mode in ("1", "L", "RGB") and "transparency" not in image.info
    return np.asarray(image if plain or is_deep(image.mode) else _opaque(image))


def square(image: Image.Image, framing: Framing) -> np.ndarray:
    """A picture as a square: uint8 (edge, edge, 3)."""
    edge, (width, height) = framing.edge, image.size
    method = INTERPOLATIONS[framing.interpolation]
    if framing.crop_mode == "squash":
        return np.asarray(image.resize((edge, edge), method))
    if framing.crop_mode == "border":
        scale = edge / max(width, height)
        inner = image.resize((max(1, round(width * scale)), max(1, round(height * scale))), method)
        whole = Image.new("RGB", (edge, edge), framing.fill)
        whole.paste(inner, ((edge - inner.width) // 2, (edge - inner.height) // 2))
        return np.asarray(whole)
    # the same as resizing the shorter side to the edge and keeping the centre, without resizing what is cut off
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return np.asarray(image.resize((edge, edge), method, box=(left, top, left + side, top + side)))


def reason(error: Exception, raw: bytes | None = None) -> str:
    """Why a file gives no picture, as a sentence without its name."""
    if raw is not None and not raw:
        return "the file is empty"
    if isinstance(error, Unreadable):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return "the file is not there"
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    if isinstance(error, PermissionError):
        return "the file may not be read: its permissions forbid it"
    if isinstance(error, UnidentifiedImageError):
        return _unidentified(raw)
    if isinstance(error, MemoryError):
        return "the picture does not fit in memory"
    if isinstance(error, OSError) and error.errno is not None:
        loop = error.errno == errno.ELOOP
        return "it is a link that leads to itself" if loop else f"the file cannot be read: {error.strerror or error}"
    if "truncated" in str(error).lower() or isinstance(error, (EOFError, struct.error)):
        return "the file ends too early: it was cut off while being copied or downloaded"
    return f"the file is damaged ({str(error) or type(error).__name__})"


def _unidentified(raw: bytes | None) -> str:
    start = (raw or b"")[:512].lstrip()
    if raw is not None and raw[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypheim"):
        return "it is a HEIC photo, which Pillow reads only with pillow-heif; save it as JPEG"
    if start[:1] == b"<":
        return "it is a web page or an SVG drawing, not a photo"
    return "it is not an image, or of a kind that Pillow does not read"


def _opaque(image: Image.Image, pixel_range: Scale | None = None) -> Image.Image:
    """RGB, with transparency laid on white and deep greys scaled to eight bits."""
    if image.mode == "RGB" and "transparency" not in image.info:
        image.load()
        return image
    if is_deep(image.mode):
        grey, beyond = _eight_bits(image, pixel_range)
        shown = Image.fromarray(grey).convert("RGB")
        shown.info[BEYOND] = beyond
        return shown
    if image.mode == "La":  # Pillow lays no premultiplied grey on white
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


def _eight_bits(image: Image.Image, pixel_range: Scale | None) -> tuple[np.ndarray, float]:
    """Deep greys as uint8 (H, W), and the share of them that lies beyond the scale."""
    if pixel_range is None:
        raise Unreadable(
            "it holds greys of more than eight bits, and no scale is known for the set, since none of the files that "
            "were looked at holds such; give one, as in pixel_range=(0, 65535)"
        )
    values = np.asarray(image)
    if not np.isfinite(values).all():
        raise Unreadable("the picture holds values that are not finite numbers")
    grey = to_bytes(values, pixel_range)
    if getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0:  # TIFF's "white is zero", which Pillow minds at 8 bits only
        grey = 255 - grey
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey[values == clear] = 255
    black, white = pixel_range
    return grey, float(((values < black) | (values > white)).mean())


def _upright(image: Image.Image, opened: Image.Image) -> Image.Image:
    """The picture turned as its camera says; a damaged note from the camera turns nothing."""
    try:
        turn = opened.getexif().get(_ORIENTATION, 1)
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
    }.get(turn)
    return image if method is None else image.transpose(method)
