"""What a run needs besides images, backbone and tuning: the strategy, the schedule and the seed, as forms."""

from __future__ import annotations

import html
import inspect
from collections.abc import Mapping
from typing import Annotated, Any

import ipywidgets
import traitlets

from workbench.forms import Range
from workbench.plan import SCHEDULE, Choice, Plan, Schedule
from workbench.strategies import strategies
from workbench.widgets.form import Form

FIRST = ("epochs", "batch_size", "lr", "augment")
REST = tuple(name for name in SCHEDULE if name not in FIRST)
"""Fields of the schedule that are always in view, and those that are folded."""


class Seed:
    """The seed of a run.

    Args:
        seed: of the head, the order, the views and everything else random.
    """

    def __init__(self, *, seed: Annotated[int, Range(0, 2**32 - 1)] = 0) -> None:
        self.seed = seed


class Settings(ipywidgets.VBox):
    """Forms for strategy, schedule and seed.

    Args:
        plan: values to begin with.

    Attributes:
        value: arguments of `wb.Plan`: strategy, schedule's fields, seed.
        problem: what must be corrected first; empty when all is well.
    """

    value = traitlets.Dict()
    problem = traitlets.Unicode("")

    def __init__(self, plan: Plan | None = None) -> None:
        chosen = plan.strategy if plan is not None else Choice("fine-tune")
        schedule = {name: getattr(plan.schedule, name) for name in FIRST} if plan is not None else {}
        rest = {name: getattr(plan.schedule, name) for name in REST} if plan is not None else {}
        self.strategy = ipywidgets.Dropdown(
            options=list(strategies), value=chosen.name, description="strategy", style={"description_width": "auto"}
        )
        self.strategy.add_class("wb-asked")
        self.about = ipywidgets.HTML().add_class("wb-about")
        self.parameters = ipywidgets.VBox()
        self.schedule = Form(Schedule, only=FIRST, value=schedule)
        self.seed = Form(Seed, value={"seed": plan.seed if plan is not None else 0})
        self.rest = Form(Schedule, exclude=FIRST, value=rest)
        self.fold = ipywidgets.ToggleButton(value=False, description="More settings")
        super().__init__(self._laid_out())
        self.add_class("wb-form").add_class("wb-settings")
        self._show_strategy(chosen.params)
        self.strategy.observe(lambda _: self._show_strategy({}), "value")
        self.fold.observe(lambda _: self._fold(), "value")
        for form in (self.schedule, self.seed, self.rest):
            form.observe(lambda _: self._collect(), ["value", "problems"])
        self._fold()

    def suggest_rate(self, lr: float) -> None:
        """Shows the tuning's own learning rate, which an empty field means."""
        self.schedule.rows["lr"].suggest(f"auto: {lr:g}", lr)

    def take(self, plan: Plan) -> None:
        """Shows the settings of a plan."""
        self.strategy.value = plan.strategy.name
        self._show_strategy(plan.strategy.params)
        for form, names in ((self.schedule, FIRST), (self.rest, REST)):
            form.value = {name: getattr(plan.schedule, name) for name in names}
        self.seed.value = {"seed": plan.seed}

    def _laid_out(self) -> list[Any]:
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
        what = html.escape((inspect.getdoc(cls) or "").partition("\n")[0])
        self.about.value = f'<span>{what}</span> <span class="wb-quiet">{html.escape(cls.source)}</span>'
        for old in self.parameters.children:
            old.close()
        form = Form(cls, value=params)
        form.observe(lambda _: self._collect(), ["value", "problems"])
        self.parameters.children = [form] if form.rows else []
        self._form = form
        self._collect()

    def _fold(self) -> None:
        self.rest.layout.display = "" if self.fold.value else "none"
        self.fold.description = "Fewer settings" if self.fold.value else "More settings"

    def _collect(self) -> None:
        problems = [
            text for form in (self._form, self.schedule, self.seed, self.rest) for text in form.problems.values()
        ]
        strategy = {"strategy": Choice(str(self.strategy.value), self._form.changed())}
        with self.hold_trait_notifications():
            self.problem = problems[0] if problems else ""
            self.value = {**strategy, **self.schedule.value, **self.rest.value, **self.seed.value}
