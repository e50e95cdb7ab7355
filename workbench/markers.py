"""Markers for type hints: what `Annotated[Any, Array(ndim=2)]` and the like ask of a value."""

from __future__ import annotations

import math
import numbers
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from workbench.forms import Range

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60
_SHORT.maxlong = 40


@dataclass(frozen=True)
class Array:
    """Marks numbers that numpy or torch hold, or nested lists of them.

    Args:
        ndim: how many axes; any number of them if None.
        finite: whether NaN and infinity are refused here; a function that reads in blocks does so itself.
        real: whether only numbers are accepted; class labels may be words.
        low: the least number.
        high: the largest.
    """

    ndim: int | tuple[int, ...] | None = None
    finite: bool = False
    real: bool = True
    low: float = -math.inf
    high: float = math.inf

    @property
    def wanted(self) -> str:
        """The array in words."""
        axes = (self.ndim,) if isinstance(self.ndim, int) else self.ndim
        shape = f" of {' or '.join(map(str, axes))} dimension{'s' * (axes != (1,))}" if axes else ""
        return f"an array{shape}" + (" of numbers" if self.real else "")

    def problem(self, value: Any) -> str | None:
        """Says what is wrong with an array."""
        if value is None or isinstance(value, (str, bytes, Mapping, numbers.Number)) or callable(value):
            return ""
        if not hasattr(value, "__array__") and not isinstance(value, (list, tuple, range)):
            return ""
        array = to_array(value)
        if array is None:
            return "has rows of unequal length; every row of an array is as long as the others"
        if self.ndim is not None and array.ndim not in (self.ndim if isinstance(self.ndim, tuple) else (self.ndim,)):
            return f"wants {self.wanted}; got the shape {tuple(array.shape)}"
        if not self.real:
            return None
        if array.dtype.kind not in "fiub":
            return f"holds numbers; got {array.dtype}"
        return self._numbers_problem(array)

    def _numbers_problem(self, array: Any) -> str | None:
        import numpy as np

        if self.finite and array.dtype.kind == "f" and not np.isfinite(array).all():
            bad = int((~np.isfinite(array)).sum())
            return f"has {bad} of {array.size} numbers that are NaN or infinite: leave them out"
        if array.size and not (math.isinf(self.low) and math.isinf(self.high)):
            least, most = float(np.nanmin(array)), float(np.nanmax(array))
            if least < self.low or most > self.high:
                return f"holds numbers from {self.low:g} to {self.high:g}; got {least:g} to {most:g}"
        return None


@dataclass(frozen=True)
class Like:
    """Marks an object known by what it has, such as the result of a probe that a figure draws.

    Args:
        wanted: what it is, with the call that gives it.
        attributes: what is read of it.
    """

    wanted: str
    attributes: tuple[str, ...]

    def problem(self, value: Any) -> str | None:
        """Says that an attribute is missing."""
        # of a class instead of its object, every attribute would be there too
        return None if not isinstance(value, type) and all(hasattr(value, a) for a in self.attributes) else ""


@dataclass(frozen=True)
class Frame:
    """Marks a DataFrame, or an object that holds one.

    Args:
        wanted: what it is, with the call that gives it.
        within: the attribute of an object that holds it.
        columns: those that must be there.
        numbers: further columns that must be there and hold numbers, NaN where there is none.
        shares: further columns that must be there and hold numbers from 0 to 1, or NaN.
        rows: the fewest rows.
    """

    wanted: str = "a DataFrame of pandas"
    within: str = ""
    columns: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    rows: int = 0

    def problem(self, value: Any) -> str | None:
        """Says what a frame lacks."""
        if isinstance(value, type):
            return ""
        table = getattr(value, self.within, value) if self.within else value
        if not (hasattr(table, "columns") and hasattr(table, "iloc")):
            return ""
        wanted = [*self.columns, *self.numbers, *self.shares]
        if missing := [name for name in wanted if name not in table.columns]:
            there = shortened(", ".join(map(str, table.columns)) or "none", 200)
            return f"wants the columns {', '.join(wanted)}; {', '.join(missing)} missing, there are {there}"
        if len(table) < self.rows:
            return f"is an empty table; it wants {self.wanted}"
        return next((wrong for name in wanted[len(self.columns) :] if (wrong := self._column(table, name))), None)

    def _column(self, table: Any, name: str) -> str | None:
        import numpy as np

        try:
            values = table[name].to_numpy(dtype=float, na_value=np.nan)
        except (TypeError, ValueError, AttributeError):
            return f"holds numbers in its column {name}; got {shown(next(iter(table[name]), None))}"
        known = values[~np.isnan(values)]
        if name in self.shares and known.size and not (known.min() >= -1e-9 and known.max() <= 1 + 1e-9):
            return f"holds shares from 0 to 1 in its column {name}; got {known.min():g} to {known.max():g}"
        return None


@dataclass(frozen=True)
class Device:
    """Marks a torch device of this machine."""

    wanted: str = 'a device, such as "cpu" or "cuda:0"'

    def problem(self, value: Any) -> str | None:
        """Says that a device is not here."""
        import torch

        if not isinstance(value, (str, torch.device)):
            return ""
        here = ["cpu", *(f"cuda:{k}" for k in range(torch.cuda.device_count()))]
        here += ["mps"] if torch.backends.mps.is_available() else []
        word = str(value)
        if word in here or (word == "cuda" and len(here) > 1) or word in ("cpu:0", "meta"):
            return None
        return f"names a device of this machine, one of {', '.join(here)}; got {shown(word)}"


MARKERS = (Array, Like, Frame, Device)
Seed = Annotated[int, Range(0, 2**32 - 1)]
Share = Annotated[float, Range(0.0, 1.0)]
RunLike = Annotated[Any, Like("a run, as wb.fit(plan) or wb.run(name) gives it", ("status",))]
NetLike = Annotated[Any, Like('a net, as wb.load("resnet18") gives it', ("stages", "features"))]
Split = Literal["train", "valid", "test"]
Several = Annotated[int, Range(1, 100_000)]
Pixels = Annotated[int, Range(16, 400)]


def to_array(value: Any) -> Any:
    """A numpy array of numbers or words; None for rows of unequal length or what is no array."""
    import numpy as np

    try:
        return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    except (ValueError, TypeError, RuntimeError):
        return None


def shown(value: Any) -> str:
    """A value as a message shows it: short, whatever it is."""
    if hasattr(value, "shape") and hasattr(value, "dtype") and getattr(value, "ndim", 0):
        return f"{with_article(type(value).__name__)} of {value.dtype} with the shape {tuple(value.shape)}"
    if value is None or isinstance(value, (str, bytes, numbers.Number)):
        return f"{_SHORT.repr(value)}"
    if isinstance(value, (list, tuple, dict, set)) and len(value) <= 6:
        return shortened(_SHORT.repr(value), 80)
    if isinstance(value, type):
        return f"the class {value.__name__} itself"
    name = getattr(value, "__name__", "")
    return f"the function {name}" if name and callable(value) else with_article(type(value).__name__)


def shortened(text: str, most: int = 60) -> str:
    """The text, cut in its middle where it is long."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-most // 4 :]}"


def with_article(noun: str) -> str:
    """The noun after `a` or `an`."""
    return f"an {noun}" if noun[:1].lower() in "aeiou" else f"a {noun}"
