"""A form for the parameters of any constructor: what `workbench.forms` reads, drawn with plain ipywidgets."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import ipywidgets
import traitlets

from workbench import forms
from workbench.arguments import check_arguments
from workbench.errors import BadValue, UnknownName, WorkbenchError
from workbench.widgets.base import Notice


class Form(ipywidgets.VBox):
    """A field for each parameter of `cls`; a mistake is told under its field, and the last good value stays.

    Args:
        cls: a class whose constructor says its parameters with types, ranges and help.
        exclude: parameters to leave out.
        only: parameters to show, in this order; all by default.
        value: values to begin with; the constructor's own by default.
        hints: what an empty field means, by parameter.

    Attributes:
        value: the parameters that are good at present, by name.
        problems: a sentence for each parameter that is not.
    """

    value = traitlets.Dict()
    problems = traitlets.Dict()

    @check_arguments
    def __init__(
        self,
        cls: type,
        exclude: Collection[str] = (),
        only: Sequence[str] | None = None,
        value: Mapping[str, Any] | None = None,
        hints: Mapping[str, str] | None = None,
    ) -> None:
        known = {field.name: field for field in forms.fields(cls)}
        for name in [*exclude, *(only or ()), *(value or ()), *(hints or ())]:
            if name not in known:
                raise UnknownName.of(f"field of {cls.__name__}", name, known)
        names = [name for name in (only if only is not None else known) if name not in exclude]
        self.cls, self.rows = cls, {}
        for name in names:
            self.rows[name] = Row(known[name], self._take, (hints or {}).get(name, ""))
        columns = ipywidgets.Layout(grid_template_columns="repeat(auto-fill, minmax(160px, 1fr))", grid_gap="8px 16px")
        grid = ipywidgets.GridBox(list(self.rows.values()), layout=columns)
        super().__init__([grid, Notice()])
        self.add_class("wb-form")
        given = value or {}
        for name, row in self.rows.items():
            row.show(given.get(name, known[name].default))

    @check_arguments
    def changed(self) -> dict[str, Any]:
        """The values that differ from the constructor's own."""
        return {name: value for name, value in self.value.items() if value != self.rows[name].field.default}

    @traitlets.observe("value")
    def _set_from_outside(self, change: Any) -> None:
        for name, value in change.new.items():
            if name in self.rows and self.rows[name].good != value:
                self.rows[name].show(value)

    def _take(self, row: Row, given: Any) -> None:
        name = row.field.name
        try:
            row.good = checked(self.cls, row.field, given)
        except WorkbenchError as error:
            row.tell(str(error))
            self.problems = {**self.problems, name: str(error)}
            return
        row.tell("")
        self.problems = {other: text for other, text in self.problems.items() if other != name}
        self.value = {**self.value, name: row.good}


class Row(ipywidgets.VBox):
    """One field: its control, which bears its name and help, and room for a sentence below.

    Args:
        field: what is asked for.
        take: called with this row and what was entered.
        hint: what an empty field means.
    """

    def __init__(self, field: forms.Field, take: Callable[[Row, Any], None], hint: str = "") -> None:
        self.field, self.good = field, forms.REQUIRED
        self._take, self._showing = take, False
        self.control = control(field, hint)
        self.slider = slider(field)
        self.said = ipywidgets.HTML(layout=ipywidgets.Layout(display="none"))
        line = ipywidgets.HBox([self.control, self.slider]) if self.slider else self.control
        super().__init__([line, self.said])
        self.add_class("wb-asked")
        self.control.observe(self._entered, "value")
        if self.slider:
            self.slider.observe(self._slid, "value")

    def show(self, value: Any) -> None:
        """Shows and takes `value`; a required field begins empty."""
        self._showing = True
        try:
            if isinstance(self.control, ipywidgets.Text):
                self.control.value = written(value)
            else:
                self.control.value = value
            self._place_slider(value)
        finally:
            self._showing = False
        self._take(self, None if value is forms.REQUIRED else value)

    def suggest(self, hint: str, value: float) -> None:
        """What an empty field means: in words, and as the place of the slider."""
        self.control.placeholder = hint
        if self.slider and self.good is None:
            self._showing, self.slider.value, self._showing = True, value, False

    def tell(self, text: str) -> None:
        """A sentence under the field; none when empty."""
        self.said.value = f'<span class="wb-problem" role="alert">{html.escape(text)}</span>' if text else ""
        self.said.layout.display = "" if text else "none"

    def _entered(self, change: Any) -> None:
        if self._showing:
            return
        given = change.new.strip() if isinstance(change.new, str) else change.new
        self._take(self, None if given == "" else given)
        self._showing = True
        self._place_slider(self.good)
        self._showing = False

    def _slid(self, change: Any) -> None:
        if not self._showing:
            self.show(float(f"{change.new:.3g}"))

    def _place_slider(self, value: Any) -> None:
        if self.slider and isinstance(value, (int, float)):
            self.slider.value = value


def checked(cls: type, field: forms.Field, given: Any) -> Any:
    """`given` as `cls` takes it for this one field.

    Raises:
        BadValue: a wrong type or out of range.
    """
    name = getattr(cls, "name", cls.__name__.lower())
    if field.type is not str and issubclass(field.type, (Sequence, Mapping)) and isinstance(given, str):
        given = parsed(field, given)
    if given is None and field.required:
        raise BadValue(f"{words(field.name)} is needed: {field.help or 'give one'}")
    others = {other.name: _stand_in(other) for other in forms.fields(cls) if other.required}
    return forms.check(cls, {**others, field.name: given}, name)[field.name]


def parsed(field: forms.Field, text: str) -> Any:
    """A list or a mapping from its text.

    Raises:
        BadValue: it is neither.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise BadValue(f'{words(field.name)} wants a list such as [1, 2] or a mapping such as {{"a": 1}}') from None


def control(field: forms.Field, hint: str = "") -> Any:
    """The ipywidget for a field, which bears its name as description and its help as tooltip."""
    common = {"description": words(field.name), "tooltip": field.help, "style": {"description_width": "auto"}}
    if field.options:
        options = [(str(option), option) for option in field.options]
        return ipywidgets.Dropdown(options=[*options, ("none", None)] if field.optional else options, **common)
    if field.type is bool:
        return ipywidgets.Checkbox(value=False, indent=False, **common)
    made = ipywidgets.Text(placeholder=hint, continuous_update=False, **common)
    if field.type in (int, float):
        made.add_class("wb-number-field")
    return made


def slider(field: forms.Field) -> Any:
    """A slider beside a real number whose range is worth one: logarithmic, or a share from 0 to 1."""
    limits, common = field.range, {"readout": False, "continuous_update": False, "tooltip": field.help}
    if field.type is not float or limits is None:
        return None
    if limits.log:
        low, high = math.log10(limits.low), math.log10(limits.high)
        return ipywidgets.FloatLogSlider(value=limits.low, base=10, min=low, max=high, step=0.05, **common)
    if limits.high - limits.low <= 1:
        return ipywidgets.FloatSlider(value=limits.low, min=limits.low, max=limits.high, step=0.01, **common)
    return None


def words(name: str) -> str:
    """A parameter's name as a label: `batch_size` -> `batch size`."""
    return name.replace("_", " ")


def written(value: Any) -> str:
    """A value as a person would type it; nothing for None."""
    if value is None or value is forms.REQUIRED:
        return ""
    if isinstance(value, float):
        return f"{value:.12g}"
    return value if isinstance(value, str) else json.dumps(value)


def _stand_in(field: forms.Field) -> Any:
    # one field is checked at a time; the other required ones pass with anything of their type
    if field.options:
        return field.options[0]
    return field.range.low if field.range else field.type()
