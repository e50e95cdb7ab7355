"""HTML report of a diagnosis: one file, readable without a kernel or network, on screen or paper."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import _paths
from workbench.diagnosis.report import html
from workbench.diagnosis.report.negative_transfer_set import build_negative_transfer_set
from workbench.errors import BadData

if TYPE_CHECKING:
    import os

    from workbench.diagnosis.findings import Diagnosis
    from workbench.plan import Plan

STYLESHEETS = ("report.css", "cards.css")
# the page can load nothing from outside, even if a name contained markup
CONTENT_SECURITY_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write_report(diagnosis: Diagnosis, file: str | os.PathLike[str], n_images: int = 8) -> Path:
    """Write the report, for `Diagnosis.report`.

    Raises:
        BadData: the file cannot be written.
    """
    path = Path(file).expanduser()
    text = render_page(diagnosis, n_images)
    try:
        _paths.write_file(path, text)
    except OSError as error:
        raise BadData(f"the report cannot be written to {path}: {error.strerror or error}") from error
    return path


def render_page(diagnosis: Diagnosis, n_images: int = 8) -> str:
    """Render the report as HTML text."""
    folder = Path(__file__).parent
    style = "\n".join((folder / name).read_text(encoding="utf-8") for name in STYLESHEETS)
    title = html.escape_text(f"Diagnosis: {diagnosis.plan.summary}")
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_SECURITY_POLICY}">'
        f"<title>{title}</title><style>{style}</style>"
    )
    body = "".join(_iter_sections(diagnosis, n_images))
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body><main>{body}</main></body></html>\n'


def _iter_sections(diagnosis: Diagnosis, n_images: int) -> Iterator[str]:
    yield f"<header>{html.render_verdict(diagnosis)}</header>"
    indices = range(len(diagnosis.findings))
    cards = "".join(html.render_finding(diagnosis, index, is_open=index == 0) for index in indices)
    yield _render_section("Causes and remedies", cards or '<p class="wb-quiet">No cause is likely.</p>')
    yield _render_section("Is there negative transfer?", html.render_controls(diagnosis))
    if diagnosis.controls is not None:
        result = build_negative_transfer_set(diagnosis, n_images) if n_images else None
        yield _render_section("Which images are harmed?", html.render_negative_transfer_set(result)) if result else ""
    yield _render_section("Where?", html.render_stages(diagnosis))
    yield _render_section("All causes checked", html.render_causes(diagnosis))
    yield _render_section("Plans", _render_plans(diagnosis))


def _render_section(title: str, body: str) -> str:
    return f"<section><h2>{html.escape_text(title)}</h2>{body}</section>"


def _render_plans(diagnosis: Diagnosis) -> str:
    parts = [html.render_details("The plan that was diagnosed, as JSON", _render_plan_json(diagnosis.plan))]
    if diagnosis.remedy is not None:
        parts.append(html.render_details("The remedy, as JSON", _render_plan_json(diagnosis.remedy), is_open=True))
    return "".join(parts)


def _render_plan_json(plan: Plan) -> str:
    text = escape(json.dumps(json.loads(plan.to_json()), indent=2, ensure_ascii=False))
    names = ", ".join(plan.in_memory)
    note = f'<p class="wb-quiet">Held in memory only: {names}; Diagnosis.save stores it.</p>' if names else ""
    return f"<div><pre>{text}</pre>{note}</div>"
