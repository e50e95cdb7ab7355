"""What moved: the stages of two nets compared, drawn lightly; `figure()` gives the plain figure."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
import traitlets

from workbench.arguments import check_arguments
from workbench.errors import Unavailable
from workbench.figures import style
from workbench.figures.similarity_map import MOVED, answer
from workbench.markers import RunLike, Split
from workbench.probes import Similarity, similarity
from workbench.probes.similar import METHODS
from workbench.widgets import drawings
from workbench.widgets.base import Notice
from workbench.widgets.latest import Latest, Working
from workbench.widgets.sides import Sides, newest

if TYPE_CHECKING:
    from workbench.images import Images

MOST = 1000  # images compared: the estimate has no bias of their number, and more would only take longer


class SimilarityMap(ipywidgets.VBox, Working):
    """How alike the stages of two nets are, or of one net before and after a run.

    Args:
        nets: nets by name, such as `{"pretrained": wb.load(...), "fine-tuned": run.net()}`, or one net.
        images: what they are shown; of a run, its own if None.
        run: a run, in place of nets: its net before and after training and at every snapshot; of one under way, as it
            was saved last.
        split: which images; None is all.

    Attributes:
        run: setting another compares its net before and after.
        found: the comparison, as `wb.probes.similarity` gives it; None until it is there.
    """

    run = traitlets.Any(None, allow_none=True)
    found = traitlets.Any(None, allow_none=True)

    @check_arguments
    def __init__(
        self, nets: Any = None, images: Images | None = None, run: RunLike | None = None, split: Split | None = "valid"
    ) -> None:
        self.notice, self._work = Notice(), Latest(self)
        self.images, self.split, self._sides, self._offered = images, split, Sides(nets), False
        measures = [("linear CKA", "cka"), ("SVCCA", "svcca"), ("PWCCA", "pwcca")]
        plain = {"style": {"description_width": "auto"}, "layout": {"width": "auto"}}
        self.first = ipywidgets.Dropdown(description="rows", **plain)
        self.second = ipywidgets.Dropdown(description="columns", **plain)
        self.measure = ipywidgets.Dropdown(options=measures, description="measure", **plain)
        self.newest = newest(lambda: self._run_changed(None))
        parts = [self.first, self.second, self.measure, self.newest]
        self.choosers = ipywidgets.HBox(parts).add_class("wb-choosers")
        self.body = ipywidgets.HTML()
        super().__init__([self.choosers, self.notice, self.body])
        self.add_class("wb-form").add_class("wb-results")
        self._offer()
        self.measure.observe(self._chosen, "value")
        if run is not None:
            self.run = run
        else:
            self.compare()

    @check_arguments
    def compare(self) -> None:
        """Compares what is chosen, on a thread, and says so meanwhile."""
        names, method = (str(self.first.value), str(self.second.value)), str(self.measure.value)
        if not self._sides.names:
            self.notice.text = "No nets yet: give two nets and images, or choose a run; what moved is shown here."
            return
        self.error = ""
        self.notice.text = f"Showing images to {names[0]} and {names[1]} …"
        sides = self._sides
        self._work.ask(lambda: self._asked(sides, names, method))

    @check_arguments
    def figure(self) -> Any:
        """The same as a plain figure for the next cell: it stays in an exported notebook.

        Raises:
            Unavailable: nothing has been compared yet.
        """
        from workbench import figures

        if self.found is None:
            raise Unavailable("nothing is compared yet: choose two nets and wait for the picture")
        return figures.similarity(self.found)

    @traitlets.observe("run")
    def _run_changed(self, _: Any) -> None:
        self._sides = Sides(None, self.run)
        self.body.value, self.found = "", None
        self._offer()
        self.compare()

    def _chosen(self, _: Any) -> None:
        self.compare()

    def _offer(self) -> None:
        names = list(self._sides.names)
        for chooser, at in ((self.first, 0), (self.second, -1)):
            if self._offered:
                chooser.unobserve(self._chosen, "value")
            chooser.options = names
            chooser.value = names[at] if names else None
            chooser.observe(self._chosen, "value")
        self._offered = True
        self.choosers.layout.display = "" if names else "none"
        self.newest.layout.display = "" if self._sides.live else "none"

    def _asked(self, sides: Sides, names: tuple[str, str], method: str) -> None:
        from workbench.embeddings import features

        images = self.images if self.images is not None else self.run.images
        part = images.part(split=self.split) if self.split and len(images.part(split=self.split)) else images
        part = part.part(rows=np.unique(np.linspace(0, len(part) - 1, MOST).astype(int)))
        held = [
            features(sides[name], part, [s for s in sides[name].stages[:-1] if s.shape])
            for name in dict.fromkeys(names)
        ]
        found = similarity(*held, method=method, names=names)
        if sides is not self._sides:
            return
        self.notice.text, self.body.value = sides.told(*names), drawn(found)
        self.found = found


def drawn(found: Similarity) -> str:
    """The comparison as a table: a row a stage, bright where alike, and what became of each stage on its right."""
    one, other = (html.escape(n) for n in found.names)
    shared = found.frame.set_index("stage")
    head = "".join(f'<th class="wb-turned"><span>{html.escape(c)}</span></th>' for c in found.columns)
    beside = "<th></th><th>same stage</th><th>drift</th>" if len(shared) else ""
    rows = []
    for i, stage in enumerate(found.rows):
        cells = "".join(_cell(found, i, j) for j in range(len(found.columns)))
        rows.append(f"<tr><th>{html.escape(stage)}</th>{cells}{_beside(shared, stage)}</tr>")
    corner = f'<th class="wb-corner">{one} ↓ {other} →</th>'
    table = f'<table class="wb-table wb-confusion wb-alike"><tr>{corner}{head}{beside}</tr>{"".join(rows)}</table>'
    note = f"{METHODS[found.method]}, {drawings.count(found.images, 'image')}; bright: the same, dark: unrelated."
    if found.constant:
        note += f" Constant, and so like nothing: {html.escape(', '.join(found.constant))}."
    return f'{drawings.section(answer(found))}<div class="wb-scroll">{table}</div><p class="wb-quiet">{note}</p>'


def _cell(found: Similarity, i: int, j: int) -> str:
    value = float(found.matrix[i, j])
    ground = style.ramp(value)
    told = html.escape(f"{found.names[0]}: {found.rows[i]}, {found.names[1]}: {found.columns[j]}: {value:.3f}")
    return f'<td style="background: {ground}; color: {style.on(ground)}" title="{told}">{_number(value)}</td>'


def _beside(shared: Any, stage: str) -> str:
    if not len(shared):
        return ""
    if stage not in shared.index:
        return "<td></td><td></td><td></td>"
    value, drift = (float(shared.loc[stage, name]) for name in ("similarity", "drift"))
    moved = value < MOVED
    fill = f'style="width: {100 * max(value, 0):.0f}%{"; background: var(--wb-loss)" if moved else ""}"'
    bar = f'<td class="wb-wide"><div class="wb-track"><div class="wb-track-fill" {fill}></div></div></td>'
    number = f"<b>{_number(value)}</b>" if moved else _number(value)
    return f"{bar}<td>{number}</td><td>{_number(drift) if drift == drift else '–'}</td>"


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
