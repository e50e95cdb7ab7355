"""Text that comes from data, and numbers as people read them."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Sequence

from workbench.errors import BadValue

_TAG = re.compile(r"<[^<>]*>")


def plain(text: object) -> str:
    """`text` as plotly shows it letter by letter: no tag, link, entity, formula or template takes effect."""
    escaped = html.escape(str(text), quote=False).replace("$", "&#36;").replace("%{", "&#37;{")
    return " ".join(escaped.split())


def shown(text: str) -> str:
    """What a reader sees of a plotly text: tags dropped, <br> a new line, entities resolved."""
    return html.unescape(_TAG.sub("", re.sub(r"<br[^<>]*>", "\n", text)))


def short(text: object, letters: int) -> str:
    """`text` in at most that many letters, cut in the middle, where names differ least."""
    text = str(text)
    if len(text) <= letters:
        return text
    head = (letters - 1 + 1) // 2
    return text[:head] + "…" + text[len(text) - (letters - 1 - head) :]


def percent(share: float, digits: int = 1) -> str:
    """A share within 0..1 as "82.4 %"."""
    return f"{100 * share:.{digits}f} %"


def count(number: float) -> str:
    """A count as "950", "11.2 k", "2.2 M" or "1.3 G"."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= 0.9995 * size:
            scaled = number / size
            return f"{scaled:.{0 if scaled >= 99.95 else 1}f} {unit}".replace(".0 ", " ")
    return f"{number:.0f}"


def short_number(number: float) -> str:
    """A number in about three digits, without trailing zeros: 0.00125, 3e-5, 12.5, 1000."""
    if number == 0 or not math.isfinite(number):
        return f"{number:g}"
    exponent = math.floor(math.log10(abs(number)))
    if not -4 <= exponent < 6:
        mantissa, _, power = f"{number:.2e}".partition("e")
        return f"{float(mantissa):g}e{int(power)}"
    text = f"{number:.{max(2 - exponent, 0)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "−")


def times(multiplier: float) -> str:
    """A rate relative to the base rate: "0.1×"."""
    return f"{multiplier:.2g}×"


def listed(names: Iterable[str]) -> str:
    """Names in a sentence: "a, b and c"."""
    names = list(names)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def these_columns(frame: object, wanted: Sequence[str], figure: str) -> None:
    """Refuses a frame that lacks a column, saying which are wanted and which came.

    Raises:
        BadValue: a wanted column is missing.
    """
    have = [str(c) for c in getattr(frame, "columns", ())]
    missing = [w for w in wanted if w not in have]
    if missing:
        came = ", ".join(have) or type(frame).__name__
        raise BadValue(f"{figure} wants a frame with {listed(wanted)}; {listed(missing)} missing, there came {came}")
