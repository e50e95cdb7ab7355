"""A diagnosis as one file of HTML: readable without a kernel, without a network, on a screen or on paper."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import disk
from workbench.diagnosis import drawn
from workbench.diagnosis.harm import harm
from workbench.errors import BadData

if TYPE_CHECKING:
    import os

    from workbench.diagnosis.findings import Diagnosis
    from workbench.plan import Plan

STYLES = ("report.css", "cards.css")
# a page that could ask for nothing even if a name were markup
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write(diagnosis: Diagnosis, file: str | os.PathLike[str], pictures: int = 8) -> Path:
    """Writes the report; what `Diagnosis.report` does.

    Raises:
        BadData: the file cannot be written.
    """
    path = Path(file).expanduser()
    text = page(diagnosis, pictures)
    try:
        disk.write(path, text)
    except OSError as error:
        raise BadData(f"the report cannot be written to {path}: {error.strerror or error}") from error
    return path


def page(diagnosis: Diagnosis, pictures: int = 8) -> str:
    """The report as text."""
    here = Path(__file__).parent
    style = "\n".join((here / name).read_text(encoding="utf-8") for name in STYLES)
    title = drawn.said(f"Diagnosis: {diagnosis.plan.brief}")
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><title>{title}</title><style>{style}</style>'
    )
    body = "".join(_sections(diagnosis, pictures))
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body><main>{body}</main></body></html>\n'


def _sections(diagnosis: Diagnosis, pictures: int) -> Iterator[str]:
    yield f"<header>{drawn.verdict(diagnosis)}</header>"
    count = range(len(diagnosis.findings))
    cards = "".join(drawn.card(diagnosis, place, unfolded=place == 0) for place in count)
    none = '<p class="wb-quiet">None of the causes that are looked for stands out.</p>'
    yield _section("Why, and what to do", cards or none)
    yield _section("Is there negative transfer?", drawn.controls(diagnosis))
    if diagnosis.controls is not None:
        found = harm(diagnosis, pictures) if pictures else None
        yield _section("Which images are harmed?", drawn.harmed(found)) if found else ""
    yield _section("Where?", drawn.stages(diagnosis))
    yield _section("What was considered", drawn.considered(diagnosis))
    yield _section("Plans", _plans(diagnosis))


def _section(title: str, body: str) -> str:
    return f"<section><h2>{drawn.said(title)}</h2>{body}</section>"


def _plans(diagnosis: Diagnosis) -> str:
    parts = [drawn.folded("The plan that was diagnosed, as JSON", _json(diagnosis.plan))]
    if diagnosis.remedy is not None:
        parts.append(drawn.folded("The remedy, as JSON", _json(diagnosis.remedy), unfolded=True))
    return "".join(parts)


def _json(plan: Plan) -> str:
    text = html.escape(json.dumps(json.loads(plan.to_json()), indent=2, ensure_ascii=False))
    kept = ", ".join(plan.held)
    note = f'<p class="wb-quiet">It holds its {kept} in memory; Diagnosis.save keeps them.</p>' if kept else ""
    return f"<div><pre>{text}</pre>{note}</div>"
