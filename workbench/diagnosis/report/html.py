"""HTML fragments of a diagnosis: text, figures and images, for the widget and the report alike.

Every name that comes from data is escaped. The CSS classes are those of the common stylesheet and of `cards.css`,
which widget and report both include.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.diagnosis.causes import causes
from workbench.diagnosis.report.plan_diff import diff_plans
from workbench.formatting import format_decimal, format_duration, format_quantity, to_data_uri

if TYPE_CHECKING:
    from workbench.diagnosis.findings import Diagnosis, Finding
    from workbench.diagnosis.report.negative_transfer_set import NegativeTransferSet

THUMBNAIL_SIZE = 112
INTERNAL_COLUMNS = ("cka", "gradient", "rank", "mmd")
_MINUS = re.compile(r"(?<![\w.])-(?=\d)")


def escape_text(text: object) -> str:
    """Escape text for HTML, with true minus signs before numbers."""
    return html.escape(_MINUS.sub("−", str(text)))


def render_heading(text: str) -> str:
    """Render a heading that states the result."""
    return f'<h3 class="wb-answer">{escape_text(text)}</h3>'


def render_table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Render a table of words and numbers, with row names in the first column."""
    top = "".join(f"<th>{escape_text(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(_render_cell(i, value) for i, value in enumerate(row)) + "</tr>" for row in rows)
    return f'<table class="wb-table">{f"<thead><tr>{top}</tr></thead>" if top else ""}<tbody>{body}</tbody></table>'


def render_figure(draw: Callable[..., Any], *args: Any, **options: Any) -> str:
    """Render a figure as HTML; a note where its input cannot be drawn."""
    from workbench.figures.rendering.inline_html import inline_svg

    try:
        return f'<div class="wb-drawn">{inline_svg(draw(*args, **options))}</div>'
    except ValueError as error:
        return f'<p class="wb-quiet">{escape_text(error)}</p>'


def render_verdict(diagnosis: Diagnosis) -> str:
    """Render the verdict, the plan with the effort of the diagnosis, and the notes."""
    first, stop, rest = diagnosis.verdict.partition(". ")
    trainings, duration = format_quantity(diagnosis.n_trainings, "training"), format_duration(diagnosis.seconds)
    effort = f"{diagnosis.plan.summary} · {trainings} · {duration}"
    notes = "".join(f'<p class="wb-warning">{escape_text(_to_sentence(note))}</p>' for note in diagnosis.notes)
    more = f'<p class="wb-lead">{escape_text(rest)}</p>' if rest else ""
    title = f'<h2 class="wb-verdict">{escape_text(first + stop.strip())}</h2>'
    return f'{title}{more}<p class="wb-quiet">{escape_text(effort)}</p>{notes}'


def render_controls(diagnosis: Diagnosis) -> str:
    """Render the comparison of the plan with its controls, overall and per class."""
    from workbench import figures

    if diagnosis.controls is None:
        return '<p class="wb-quiet">A quick look trains no controls; a full diagnosis compares the plan with them.</p>'
    per_class = diagnosis.controls.per_class
    return render_figure(figures.control_comparison, diagnosis.controls) + render_figure(
        figures.class_gaps, per_class, level=diagnosis.controls.level
    )


def render_stages(diagnosis: Diagnosis) -> str:
    """Render the measurements per stage."""
    from workbench import figures

    if diagnosis.stages is None or not len(diagnosis.stages):
        return '<p class="wb-quiet">The stages of this net could not be measured.</p>'
    return render_figure(figures.stage_panel, diagnosis) + (
        render_figure(draw_internal_stages, diagnosis) if list_internal_columns(diagnosis) else ""
    )


def list_internal_columns(diagnosis: Diagnosis) -> list[str]:
    """List the columns measured per stage that belong to the second panel."""
    frame = diagnosis.stages
    return [] if frame is None else [name for name in INTERNAL_COLUMNS if name in frame and frame[name].notna().any()]


def draw_internal_stages(diagnosis: Diagnosis) -> Any:
    """Draw the second panel of the stages."""
    from workbench import figures

    return figures.stage_panel(diagnosis, list_internal_columns(diagnosis), title="Features and gradients per stage")


def render_causes(diagnosis: Diagnosis) -> str:
    """Render the gains of all experiments, and every cause with its evidence."""
    from workbench import figures

    frame = diagnosis.cause_table
    gains = render_figure(figures.remedy_gains, diagnosis) if frame["gain"].notna().any() else ""
    rows = [
        (row.cause, f"{row.confidence:.0%}", row.status, _to_sentence(row.summary) or "nothing")
        for row in frame.itertuples()
    ]
    table = render_table(("cause", "confidence", "experiment", "evidence"), rows)
    return gains + render_details(f"All {len(rows)} causes that were checked", table)


def render_negative_transfer_set(result: NegativeTransferSet | None) -> str:
    """Render the images that are correct from scratch and wrong by the plan, with saliency maps of both nets."""
    if result is None:
        return ""
    if not result.n_images:
        return render_heading("No image is correct from scratch and wrong by your plan")
    n_shown = min(len(result.frame), result.n_images)
    order = f", {n_shown} shown, the most confident mistakes first" if n_shown < result.n_images else ""
    images = format_quantity(result.n_images, "image is", "images are")
    title = render_heading(f"{images} correct from scratch and wrong by your plan{order}")
    note = f'<p class="wb-quiet">{escape_text(result.note)}</p>' if result.note else ""
    if not result.pictures:
        columns = ["id", "true", "predicted"]
        return title + note + render_table(columns, result.frame[columns].itertuples(index=False))
    groups = "".join(_render_image_group(result, i) for i in range(len(result.pictures)))
    return f'{title}{note}<div class="wb-pairs">{groups}</div>'


def render_finding(diagnosis: Diagnosis, index: int, *, is_open: bool = False) -> str:
    """Render one finding: a summary line that opens to its evidence, experiment and advice."""
    finding = diagnosis.findings[index]
    trial = finding.trial
    outcome = f"{finding.status}, gain of the fix: {_format_points(trial.gain.value)}" if trial else finding.status
    texts = {
        "place": index + 1,
        "cause": _to_sentence(finding.problem, full_stop=False),
        "tried": outcome,
        "sure": _format_confidence(finding),
    }
    line = "".join(f'<span class="wb-{name}">{escape_text(text)}</span>' for name, text in texts.items())
    parts = [
        f"<p>{escape_text(_to_sentence(finding.summary))}</p>",
        _render_experiment(diagnosis, finding),
        _render_advice(finding),
        _render_evidence(finding),
    ]
    return render_details(line, f"<div>{''.join(parts)}</div>", is_open=is_open)


def render_details(summary: str, body: str, *, is_open: bool = False) -> str:
    """Render a `details` element; summary and body are markup."""
    return f'<details class="wb-card"{" open" if is_open else ""}><summary>{summary}</summary>{body}</details>'


def _render_experiment(diagnosis: Diagnosis, finding: Finding) -> str:
    trial = finding.trial
    if trial is None:
        return '<p class="wb-quiet">No experiment was run: the confidence rests on the evidence alone.</p>'
    gain = trial.gain
    seeds = format_quantity(gain.n_seeds[0], "seed")
    weights = ", with equal weight per class" if trial.is_class_balanced else ""
    conclusion = {
        "confirmed": "which confirms it",
        "refuted": "which refutes it: the fix gained nothing",
        "does no harm": "so it does no harm here",
        "open": "which is inconclusive: the gain may be chance",
    }[finding.status]
    sentence = f"With the fix, the plan gains {gain} on {gain.n_images} images with {seeds}{weights}, {conclusion}."
    rows = diff_plans(diagnosis.plan.replace(seed=trial.plan.seed), trial.plan)
    differences = render_table(("fix", "in your plan", "in the remedy"), rows) if rows else ""
    return f"<p>{escape_text(sentence)}</p>{differences}"


def _render_advice(finding: Finding) -> str:
    if not finding.advice:
        return ""
    cause = causes.classes().get(finding.cause)
    paper = f' <span class="wb-quiet">{escape_text(cause.paper)}</span>' if cause is not None else ""
    return f"<p><strong>What to do:</strong> {escape_text(_to_sentence(finding.advice))}{paper}</p>"


def _render_evidence(finding: Finding) -> str:
    from workbench import figures

    charts = "".join(render_figure(figures.evidence_chart, frame, name) for name, frame in finding.frames.items())
    rows = [(name, f"{value:.4g}") for name, value in finding.numbers.items()]
    numbers = render_table((), rows) if rows else ""
    return f"{charts}{numbers}"


def _render_image_group(result: NegativeTransferSet, index: int) -> str:
    from workbench.figures.image_grids.heatmap_overlay import normalize_maps, overlay_heatmap

    row = result.frame.iloc[index]
    cells = [_render_picture(crop_square(result.pictures[index]), [str(row["true"]), f"predicted: {row['predicted']}"])]
    for name, saliency in result.saliency_maps.items():
        overlay = overlay_heatmap(saliency.images[index], normalize_maps(saliency.maps)[index], saliency.signed)
        predicted = saliency.frame["predicted"].iloc[index]
        cells.append(_render_picture(crop_square(overlay), [name, f"predicted: {predicted}"]))
    return f'<div class="wb-thumbs wb-together">{"".join(cells)}</div>'


def crop_square(picture: np.ndarray) -> np.ndarray:
    """Crop the centre of an image and resize it, (H, W, 3) -> (THUMBNAIL_SIZE, THUMBNAIL_SIZE, 3)."""
    from PIL import Image, ImageOps

    image, size = Image.fromarray(picture).convert("RGB"), (THUMBNAIL_SIZE, THUMBNAIL_SIZE)
    return np.asarray(ImageOps.fit(image, size, Image.Resampling.BICUBIC))


def _render_picture(picture: np.ndarray, lines: list[str]) -> str:
    alt = escape_text(", ".join(lines))
    size = f'width="{THUMBNAIL_SIZE}" height="{THUMBNAIL_SIZE}"'
    image = f'<img src="{to_data_uri(picture)}" alt="{alt}" title="{alt}" {size}>'
    return f"<figure>{image}<figcaption>{'<br>'.join(escape_text(line) for line in lines)}</figcaption></figure>"


def _render_cell(index: int, value: object) -> str:
    tag = "th" if index == 0 else "td"
    return f"<{tag}>{escape_text(value)}</{tag}>"


def _format_confidence(finding: Finding) -> str:
    return f"{min(round(100 * finding.confidence), 99)} % sure"  # no measurement is certain


def _format_points(value: float) -> str:
    return f"{format_decimal(100 * value, 1, signed=True)} points"


def _to_sentence(words: object, full_stop: bool = True) -> str:
    text = "" if words is None else str(words).strip()
    return text[:1].upper() + text[1:] + ("." if full_stop and text and text[-1] not in ".!?" else "")
