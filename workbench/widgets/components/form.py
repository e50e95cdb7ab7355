"""Form for the parameters of any constructor, built of plain ipywidgets from what `workbench.forms` reads."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import ipywidgets
import traitlets

from workbench import forms
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue, UnknownName, WorkbenchError
from workbench.widgets.base import Notice
from workbench.widgets.components.tooltips import label_with_tooltip, render_label

__all__ = ["Form"]


class Form(ipywidgets.VBox):
    """Form with one field per parameter of `cls`.

    An invalid entry is reported under its field, and the last valid value is kept.

    Args:
        cls: class whose constructor documents its parameters with types, ranges and help.
        exclude: parameters to leave out.
        only: parameters to show, in this order; all by default.
        value: initial values; by default those of the constructor.
        hints: meaning of an empty field, by parameter.

    Attributes:
        value: valid values at present, by parameter.
        problems: error message of each parameter with an invalid entry.
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
        fields = {field.name: field for field in forms.constructor_fields(cls)}
        for name in [*exclude, *(only or ()), *(value or ()), *(hints or ())]:
            if name not in fields:
                raise UnknownName.of(f"field of {cls.__name__}", name, fields)
        names = [name for name in (only if only is not None else fields) if name not in exclude]
        self.cls, self.rows = cls, {}
        for name in names:
            self.rows[name] = FieldRow(fields[name], self._accept_entry, (hints or {}).get(name, ""))
        columns = ipywidgets.Layout(grid_template_columns="repeat(auto-fill, minmax(160px, 1fr))", grid_gap="8px 16px")
        grid = ipywidgets.GridBox(list(self.rows.values()), layout=columns)
        super().__init__([grid, Notice()])
        self.add_class("wb-form")
        initial = value or {}
        for name, row in self.rows.items():
            row.set_value(initial.get(name, fields[name].default))

    @check_arguments
    def changed_values(self) -> dict[str, Any]:
        """Return the values that differ from the constructor's defaults."""
        return {name: value for name, value in self.value.items() if value != self.rows[name].field.default}

    @traitlets.observe("value")
    def _value_changed(self, change: Any) -> None:
        for name, value in change.new.items():
            if name in self.rows and self.rows[name].valid_value != value:
                self.rows[name].set_value(value)

    def _accept_entry(self, row: FieldRow, entered: Any) -> None:
        name = row.field.name
        try:
            row.valid_value = check_value(self.cls, row.field, entered)
        except WorkbenchError as error:
            row.show_problem(str(error))
            self.problems = {**self.problems, name: str(error)}
            return
        row.show_problem("")
        self.problems = {other: text for other, text in self.problems.items() if other != name}
        self.value = {**self.value, name: row.valid_value}


class FieldRow(ipywidgets.VBox):
    """Field for one parameter: its control, labeled with name and help, and space for an error message below.

    Args:
        field: the parameter.
        callback: called with this row and the entry.
        hint: meaning of an empty field.
    """

    def __init__(self, field: forms.Field, callback: Callable[[FieldRow, Any], None], hint: str = "") -> None:
        self.field, self.valid_value = field, forms.REQUIRED
        self._callback, self._setting_value = callback, False
        self.control = make_control(field, hint)
        self.slider = make_slider(field)
        self.problem_text = ipywidgets.HTML(layout=ipywidgets.Layout(display="none"))
        extra = self.slider
        if isinstance(self.control, ipywidgets.Checkbox):  # the page would show a description as the tooltip
            extra = ipywidgets.HTML(render_label(to_label(field.name), describe_field(field)))
        line = ipywidgets.HBox([self.control, extra]) if extra else self.control
        super().__init__([line, self.problem_text])
        self.add_class("wb-asked")
        self.control.observe(self._control_changed, "value")
        if self.slider:
            self.slider.observe(self._slider_changed, "value")

    def set_value(self, value: Any) -> None:
        """Show `value` and pass it on; a required field starts empty."""
        self._setting_value = True
        try:
            if isinstance(self.control, ipywidgets.Text):
                self.control.value = format_entry(value)
            else:
                self.control.value = value
            self._move_slider(value)
        finally:
            self._setting_value = False
        self._callback(self, None if value is forms.REQUIRED else value)

    def set_hint(self, hint: str, value: float) -> None:
        """Set the meaning of an empty field: as a placeholder, and as the position of the slider."""
        self.control.placeholder = hint
        if self.slider and self.valid_value is None:
            self._setting_value, self.slider.value, self._setting_value = True, value, False

    def show_problem(self, problem: str) -> None:
        """Show an error message under the field; hide it if the text is empty."""
        self.problem_text.value = (
            f'<span class="wb-problem" role="alert">{html.escape(problem)}</span>' if problem else ""
        )
        self.problem_text.layout.display = "" if problem else "none"

    def _control_changed(self, change: Any) -> None:
        if self._setting_value:
            return
        entered = change.new.strip() if isinstance(change.new, str) else change.new
        self._callback(self, None if entered == "" else entered)
        self._setting_value = True
        self._move_slider(self.valid_value)
        self._setting_value = False

    def _slider_changed(self, change: Any) -> None:
        if not self._setting_value:
            self.set_value(float(f"{change.new:.3g}"))

    def _move_slider(self, value: Any) -> None:
        if self.slider and isinstance(value, (int, float)):
            self.slider.value = value


def check_value(cls: type, field: forms.Field, entered: Any) -> Any:
    """Convert an entry to the value that `cls` takes for this field.

    Raises:
        BadValue: a wrong type or out of range.
    """
    name = getattr(cls, "name", cls.__name__.lower())
    if field.type is not str and issubclass(field.type, (Sequence, Mapping)) and isinstance(entered, str):
        entered = parse_json_field(field, entered)
    if entered is None and field.is_required:
        raise BadValue(f"{to_label(field.name)} is required: {field.help or 'enter a value'}")
    others = {other.name: _placeholder_value(other) for other in forms.constructor_fields(cls) if other.is_required}
    return forms.check_params(cls, {**others, field.name: entered}, name)[field.name]


def parse_json_field(field: forms.Field, text: str) -> Any:
    """Parse a list or a mapping from JSON text.

    Raises:
        BadValue: the text is neither.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise BadValue(
            f'{to_label(field.name)} expects a list such as [1, 2] or a mapping such as {{"a": 1}}'
        ) from None


def make_control(field: forms.Field, hint: str = "") -> Any:
    """Make the ipywidget for a field, with its label and tooltip."""
    common = label_with_tooltip(to_label(field.name), describe_field(field))
    if field.options:
        options = [(str(option), option) for option in field.options]
        return ipywidgets.Dropdown(options=[*options, ("none", None)] if field.optional else options, **common)
    if field.type is bool:
        return ipywidgets.Checkbox(value=False, indent=False, tooltip=f"{to_label(field.name)}: {common['tooltip']}")
    control = ipywidgets.Text(placeholder=hint, continuous_update=False, **common)
    if field.type in (int, float):
        control.add_class("wb-number-field")
    return control


def make_slider(field: forms.Field) -> Any:
    """Make a slider for a float with a range, logarithmic or over at most one unit; None for other fields."""
    limits, common = field.range, {"readout": False, "continuous_update": False, "tooltip": describe_field(field)}
    if field.type is not float or limits is None:
        return None
    if limits.log:
        low, high = math.log10(limits.low), math.log10(limits.high)
        return ipywidgets.FloatLogSlider(value=limits.low, base=10, min=low, max=high, step=0.05, **common)
    if limits.high - limits.low <= 1:
        return ipywidgets.FloatSlider(value=limits.low, min=limits.low, max=limits.high, step=0.01, **common)
    return None


def to_label(name: str) -> str:
    """Convert a parameter's name to a label: `batch_size` -> `batch size`, `lr` -> `learning rate`."""
    return " ".join("learning rate" if word == "lr" else word for word in name.split("_"))


def describe_field(field: forms.Field) -> str:
    """Describe a field in its tooltip: its help, which names the unit, and its range."""
    limits = field.range
    if limits is None or field.type not in (int, float):
        return field.help
    noun = "Whole number" if field.type is int else "Number"
    return f"{field.help} {noun} from {limits.low:.12g} to {limits.high:.12g}.".strip()


def format_entry(value: Any) -> str:
    """Format a value as a person would type it; None is empty."""
    if value is None or value is forms.REQUIRED:
        return ""
    if isinstance(value, float):
        return f"{value:.12g}"
    return value if isinstance(value, str) else json.dumps(value)


def _placeholder_value(field: forms.Field) -> Any:
    # one field is checked at a time; the other required ones pass with any value of their type
    if field.options:
        return field.options[0]
    return field.range.low if field.range else field.type()
