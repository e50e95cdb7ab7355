"""Formatting of values as text: durations, sizes, counts, percentages, numbers, lists of names, long texts, images."""

from __future__ import annotations

import math
import numbers
import reprlib
from collections.abc import Iterable
from itertools import islice
from typing import Any

_SHORT_REPR = reprlib.Repr()
_SHORT_REPR.maxstring = _SHORT_REPR.maxother = 60
_SHORT_REPR.maxlong = 40


def format_duration(seconds: float) -> str:
    """Format seconds in one or two units: "0.4 s", "12 s", "3 min", "1 h 20 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def format_bytes(n_bytes: float) -> str:
    """Format bytes in GB, or in MB below a tenth of one: "2.5 MB", "82 MB", "0.4 GB", "15 GB"."""
    size, unit = (n_bytes / 1e6, "MB") if n_bytes < 0.95e8 else (n_bytes / 1e9, "GB")
    return f"{size:.{1 if size < 9.95 else 0}f} {unit}"


def format_percent(fraction: float, digits: int = 1) -> str:
    """Format a fraction within 0..1 as "82.4 %"; NaN is a dash."""
    return f"{100 * fraction:.{digits}f} %" if fraction == fraction else "–"


def format_quantity(number: float, noun: str, plural: str = "") -> str:
    """Format a number of things with its noun: "1 image", "3,068 images", "2 classes" with its own plural."""
    return f"{int(number):,} {choose_plural(number, noun, plural)}"


def choose_plural(number: float, noun: str, plural: str = "") -> str:
    """Choose between a noun and its plural, which ends in s if not given."""
    return noun if number == 1 else plural or f"{noun}s"


def format_count(number: float) -> str:
    """Format a count as "950", "11.2 k", "2.2 M" or "1.3 G"."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= 0.9995 * size:
            scaled = number / size
            return f"{scaled:.{0 if scaled >= 99.95 else 1}f} {unit}".replace(".0 ", " ")
    return f"{number:.0f}"


def format_number(number: float) -> str:
    """Format a number with about three digits, without trailing zeros: 0.00125, 3e-5, 12.5, 1000."""
    if number == 0 or not math.isfinite(number):
        return f"{number:g}"
    exponent = math.floor(math.log10(abs(number)))
    if not -4 <= exponent < 6:
        mantissa, _, power = f"{number:.2e}".partition("e")
        return f"{float(mantissa):g}e{int(power)}"
    text = f"{number:.{max(2 - exponent, 0)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "−")


def format_decimal(number: float, digits: int = 2, *, signed: bool = False) -> str:
    """Format a number with fixed decimals and a typographic minus sign, and with a plus sign if `signed`."""
    return f"{number:{'+' if signed else ''}.{digits}f}".replace("-", "−")


def format_multiplier(multiplier: float) -> str:
    """Format a learning rate relative to the learning rate: "0.1×"."""
    return f"{multiplier:.2g}×"


def join_names(names: Iterable[str], conjunction: str = "and") -> str:
    """Join names as in a sentence: "a, b and c"."""
    names = list(names)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {conjunction} {names[-1]}" if names else ""


def summarize_names(names: Iterable[str], max_names: int = 12) -> str:
    """List the first names and the number of further ones: "a, b, c and 8 more"."""
    rest = iter(names)
    listed = ", ".join(islice(rest, max_names))
    n_more = sum(1 for _ in rest)
    return f"{listed} and {n_more} more" if n_more else listed


def add_article(noun: str) -> str:
    """Put `a` or `an` before a noun."""
    return f"an {noun}" if noun[:1].lower() in "aeiou" else f"a {noun}"


def truncate_middle(text: object, max_length: int = 60) -> str:
    """Shorten `text` to at most `max_length` characters, cut in the middle, where names differ least."""
    text = str(text)
    if len(text) <= max_length:
        return text
    head = max_length // 2
    return text[:head] + "…" + text[len(text) - (max_length - 1 - head) :]


def truncate_end(text: str, max_length: int = 80) -> str:
    """Shorten `text` to at most `max_length` characters, cut at its end."""
    return text if len(text) <= max_length else f"{text[: max_length - 1]}…"


def format_value(value: Any) -> str:
    """Format any value for a message, in short form."""
    if hasattr(value, "shape") and hasattr(value, "dtype") and getattr(value, "ndim", 0):
        return f"{add_article(type(value).__name__)} of {value.dtype} with the shape {tuple(value.shape)}"
    if value is None or isinstance(value, (str, bytes, numbers.Number)):
        return f"{_SHORT_REPR.repr(value)}"
    if isinstance(value, (list, tuple, dict, set)) and len(value) <= 6:
        return truncate_middle(_SHORT_REPR.repr(value), 80)
    if isinstance(value, type):
        return f"the class {value.__name__} itself"
    name = getattr(value, "__name__", "")
    return f"the function {name}" if name and callable(value) else add_article(type(value).__name__)


def to_data_uri(image: Any) -> str:
    """Encode an image, uint8 (H, W, 3) or (H, W) or a PNG file's bytes, as a PNG data URI."""
    import base64
    import io

    if not isinstance(image, bytes):
        from PIL import Image

        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "png")
        image = buffer.getvalue()
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"
