"""Settings of a run besides images, backbone and tuning: forms for strategy, schedule and seed."""

from __future__ import annotations

import html
import inspect
from collections.abc import Mapping
from typing import Annotated, Any

import ipywidgets
import traitlets

from workbench.forms import Range
from workbench.plan import SCHEDULE_FIELDS, Choice, Plan, Schedule
from workbench.strategies import strategies
from workbench.widgets.components.form import Form
from workbench.widgets.components.tooltips import label_with_tooltip

MAIN_FIELDS = ("epochs", "batch_size", "lr", "augment")
FOLDED_FIELDS = tuple(name for name in SCHEDULE_FIELDS if name not in MAIN_FIELDS)
"""Fields of the schedule that are always visible, and those that are folded."""


class Seed:
    """Seed of a run.

    Args:
        seed: random seed of the head, the order of images, the augmentation and all other random choices.
    """

    def __init__(self, *, seed: Annotated[int, Range(0, 2**32 - 1)] = 0) -> None:
        self.seed = seed


class Settings(ipywidgets.VBox):
    """Forms for strategy, schedule and seed.

    Args:
        plan: initial values.

    Attributes:
        value: arguments of `wb.Plan`: strategy, fields of the schedule, seed.
        problem: first error message; empty if all entries are valid.
    """

    value = traitlets.Dict()
    problem = traitlets.Unicode("")

    def __init__(self, plan: Plan | None = None) -> None:
        strategy = plan.strategy if plan is not None else Choice("fine-tune")
        schedule = {name: getattr(plan.schedule, name) for name in MAIN_FIELDS} if plan is not None else {}
        rest = {name: getattr(plan.schedule, name) for name in FOLDED_FIELDS} if plan is not None else {}
        self.strategy = ipywidgets.Dropdown(
            options=list(strategies),
            value=strategy.name,
            **label_with_tooltip("strategy", "loss that the training minimizes; its fields are below"),
        )
        self.strategy.add_class("wb-asked")
        self.about = ipywidgets.HTML().add_class("wb-about")
        self.parameters = ipywidgets.VBox()
        self.schedule = Form(Schedule, only=MAIN_FIELDS, value=schedule)
        self.seed = Form(Seed, value={"seed": plan.seed if plan is not None else 0})
        self.rest = Form(Schedule, exclude=MAIN_FIELDS, value=rest)
        self.fold = ipywidgets.ToggleButton(
            value=False, description="More settings", tooltip="show or hide the other settings of the schedule"
        )
        super().__init__(self._build_rows())
        self.add_class("wb-form").add_class("wb-settings")
        self._show_strategy(strategy.params)
        self.strategy.observe(lambda _: self._show_strategy({}), "value")
        self.fold.observe(lambda _: self._toggle_fold(), "value")
        for form in (self.schedule, self.seed, self.rest):
            form.observe(lambda _: self._collect_values(), ["value", "problems"])
        self._toggle_fold()

    def set_lr_hint(self, lr: float) -> None:
        """Show the tuning's own learning rate as the meaning of an empty field."""
        self.schedule.rows["lr"].set_hint(f"auto: {lr:g}", lr)

    def set_plan(self, plan: Plan) -> None:
        """Show the settings of a plan."""
        self.strategy.value = plan.strategy.name
        self._show_strategy(plan.strategy.params)
        for form, names in ((self.schedule, MAIN_FIELDS), (self.rest, FOLDED_FIELDS)):
            form.value = {name: getattr(plan.schedule, name) for name in names}
        self.seed.value = {"seed": plan.seed}

    def _build_rows(self) -> list[Any]:
        line = ipywidgets.HBox([self.strategy, self.about]).add_class("wb-strategy")
        more = ipywidgets.HBox([self.fold]).add_class("wb-fold")
        return [
            line,
            self.parameters,
            ipywidgets.HBox([self.schedule, self.seed]).add_class("wb-schedule"),
            more,
            self.rest,
        ]

    def _show_strategy(self, params: Mapping[str, Any]) -> None:
        cls = strategies[str(self.strategy.value)]
        summary = html.escape((inspect.getdoc(cls) or "").partition("\n")[0])
        self.about.value = f'<span>{summary}</span> <span class="wb-quiet">{html.escape(cls.paper)}</span>'
        for old in self.parameters.children:
            old.close()
        form = Form(cls, value=params)
        form.observe(lambda _: self._collect_values(), ["value", "problems"])
        self.parameters.children = [form] if form.rows else []
        self._form = form
        self._collect_values()

    def _toggle_fold(self) -> None:
        self.rest.layout.display = "" if self.fold.value else "none"
        self.fold.description = "Fewer settings" if self.fold.value else "More settings"

    def _collect_values(self) -> None:
        problems = [
            text for form in (self._form, self.schedule, self.seed, self.rest) for text in form.problems.values()
        ]
        strategy = {"strategy": Choice(str(self.strategy.value), self._form.changed_values())}
        with self.hold_trait_notifications():
            self.problem = problems[0] if problems else ""
            self.value = {**strategy, **self.schedule.value, **self.rest.value, **self.seed.value}
