"""Metadata for `typing.Annotated` that describes and checks a value, such as `Annotated[Any, Array(ndim=2)]`."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from workbench.formatting import format_value, join_names, truncate_middle
from workbench.forms import Range


@dataclass(frozen=True)
class Array:
    """Array of numpy or torch, or nested lists of numbers.

    Args:
        ndim: number of dimensions; None for any.
        finite: whether NaN and infinity are rejected here; functions that read in blocks check this themselves.
        real: whether only numbers are accepted; class labels may be strings.
        low: smallest value.
        high: largest value.
    """

    ndim: int | tuple[int, ...] | None = None
    finite: bool = False
    real: bool = True
    low: float = -math.inf
    high: float = math.inf

    @property
    def expected(self) -> str:
        """Description of the accepted array."""
        axes = (self.ndim,) if isinstance(self.ndim, int) else self.ndim
        shape = f" of {join_names(map(str, axes), 'or')} dimension{'s' * (axes != (1,))}" if axes else ""
        return f"an array{shape}" + (" of numbers" if self.real else "")

    def find_problem(self, value: Any) -> str | None:
        """Describe what is wrong with an array; None if nothing is."""
        if value is None or isinstance(value, (str, bytes, Mapping, numbers.Number)) or callable(value):
            return ""
        if not hasattr(value, "__array__") and not isinstance(value, (list, tuple, range)):
            return ""
        array = to_array(value)
        if array is None:
            return "has rows of different length; all rows of an array must have the same length"
        if self.ndim is not None and array.ndim not in (self.ndim if isinstance(self.ndim, tuple) else (self.ndim,)):
            return f"wants {self.expected}; got the shape {tuple(array.shape)}"
        if not self.real:
            return None
        if array.dtype.kind not in "fiub":
            return f"must contain numbers; got {array.dtype}"
        return self._find_numbers_problem(array)

    def _find_numbers_problem(self, array: Any) -> str | None:
        import numpy as np

        if self.finite and array.dtype.kind == "f" and not np.isfinite(array).all():
            bad = int((~np.isfinite(array)).sum())
            return f"contains NaN or infinity in {bad} of {array.size} values: remove them"
        if array.size and not (math.isinf(self.low) and math.isinf(self.high)):
            least, most = float(np.nanmin(array)), float(np.nanmax(array))
            if least < self.low or most > self.high:
                return f"must contain numbers from {self.low:g} to {self.high:g}; got {least:g} to {most:g}"
        return None


@dataclass(frozen=True)
class HasAttributes:
    """Object recognized by its attributes, such as the result of a probe that a figure draws.

    Args:
        expected: description, with the call that makes the object.
        attributes: names of the attributes that are read.
    """

    expected: str
    attributes: tuple[str, ...]

    def find_problem(self, value: Any) -> str | None:
        """Return "" if an attribute is missing, else None."""
        # a class has the same attributes as its instances, but is not accepted
        return None if not isinstance(value, type) and all(hasattr(value, a) for a in self.attributes) else ""


@dataclass(frozen=True)
class Frame:
    """DataFrame, or an object that holds one.

    Args:
        expected: description, with the call that makes the frame.
        attribute: attribute that holds the frame, if an object is given.
        columns: required columns.
        numeric_columns: further required columns with numbers, or NaN.
        fraction_columns: further required columns with numbers from 0 to 1, or NaN.
        min_rows: minimum number of rows.
    """

    expected: str = "a pandas DataFrame"
    attribute: str = ""
    columns: tuple[str, ...] = ()
    numeric_columns: tuple[str, ...] = ()
    fraction_columns: tuple[str, ...] = ()
    min_rows: int = 0

    def find_problem(self, value: Any) -> str | None:
        """Describe what a frame lacks; None if nothing."""
        if isinstance(value, type):
            return ""
        table = getattr(value, self.attribute, value) if self.attribute else value
        if not (hasattr(table, "columns") and hasattr(table, "iloc")):
            return ""
        required = [*self.columns, *self.numeric_columns, *self.fraction_columns]
        if missing := [name for name in required if name not in table.columns]:
            present = truncate_middle(", ".join(map(str, table.columns)) or "none", 200)
            return f"expects the columns {', '.join(required)}; missing: {', '.join(missing)}; got {present}"
        if len(table) < self.min_rows:
            return f"is an empty table; it wants {self.expected}"
        return next(
            (wrong for name in required[len(self.columns) :] if (wrong := self._find_column_problem(table, name))), None
        )

    def _find_column_problem(self, table: Any, name: str) -> str | None:
        import numpy as np

        try:
            values = table[name].to_numpy(dtype=float, na_value=np.nan)
        except (TypeError, ValueError, AttributeError):
            return f"must contain numbers in its column {name}; got {format_value(next(iter(table[name]), None))}"
        known = values[~np.isnan(values)]
        if name in self.fraction_columns and known.size and not (known.min() >= -1e-9 and known.max() <= 1 + 1e-9):
            return f"must contain fractions from 0 to 1 in its column {name}; got {known.min():g} to {known.max():g}"
        return None


@dataclass(frozen=True)
class Device:
    """Torch device of this machine."""

    expected: str = 'a device, such as "cpu" or "cuda:0"'

    def find_problem(self, value: Any) -> str | None:
        """Describe that a device is not available; None if it is."""
        import torch

        if not isinstance(value, (str, torch.device)):
            return ""
        available = ["cpu", *(f"cuda:{k}" for k in range(torch.cuda.device_count()))]
        available += ["mps"] if torch.backends.mps.is_available() else []
        name = str(value)
        if name in available or (name == "cuda" and len(available) > 1) or name in ("cpu:0", "meta"):
            return None
        return f"must be a device of this machine, one of {', '.join(available)}; got {format_value(name)}"


MARKERS = (Array, HasAttributes, Frame, Device)
Seed = Annotated[int, Range(0, 2**32 - 1)]
Fraction = Annotated[float, Range(0.0, 1.0)]
RunLike = Annotated[Any, HasAttributes("a run, as from wb.fit(plan) or wb.load_run(name)", ("status",))]
NetLike = Annotated[Any, HasAttributes('a net, as from wb.load_net("resnet18")', ("stages", "features"))]
Split = Literal["train", "valid", "test"]
Count = Annotated[int, Range(1, 100_000)]
ImageSize = Annotated[int, Range(16, 400)]


def to_array(value: Any) -> Any:
    """Convert to a numpy array of numbers or strings; None for rows of unequal length and for other objects."""
    import numpy as np

    try:
        return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    except (ValueError, TypeError, RuntimeError):
        return None
