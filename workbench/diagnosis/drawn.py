"""A diagnosis as pieces of a page: text, drawings and pictures, for the view and for the report alike.

Every name that comes from data is escaped. The classes of the markup are those of the one stylesheet and of
`cards.css`, which both bring along.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.diagnosis.causes import causes
from workbench.diagnosis.changes import changes

if TYPE_CHECKING:
    from workbench.diagnosis.findings import Diagnosis, Finding
    from workbench.diagnosis.harm import Harm

EDGE = 112
INSIDE = ("cka", "gradient", "rank", "mmd")
_MINUS = re.compile(r"(?<![\w.])-(?=\d)")


def said(text: object) -> str:
    """Text as print has it, escaped."""
    return html.escape(_MINUS.sub("−", str(text)))


def heading(text: str) -> str:
    """A heading that says the answer."""
    return f'<h3 class="wb-answer">{said(text)}</h3>'


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Rows of words and numbers, the first column of words."""
    top = "".join(f"<th>{said(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(_cell(at, value) for at, value in enumerate(row)) + "</tr>" for row in rows)
    return f'<table class="wb-table">{f"<thead><tr>{top}</tr></thead>" if top else ""}<tbody>{body}</tbody></table>'


def figure(draw: Callable[..., Any], *what: Any, **options: Any) -> str:
    """A figure as it stands in a page; a note where what came cannot be drawn."""
    from workbench.figures.embedded import in_page

    try:
        return f'<div class="wb-drawn">{in_page(draw(*what, **options))}</div>'
    except ValueError as error:
        return f'<p class="wb-quiet">{said(error)}</p>'


def verdict(diagnosis: Diagnosis) -> str:
    """The whole in a sentence, what it was made of, and what cannot be said."""
    first, stop, rest = diagnosis.verdict.partition(". ")
    plan, seconds = diagnosis.plan, diagnosis.seconds
    took = f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} min"
    about = f"{plan.brief} · {diagnosis.trainings} training{'' if diagnosis.trainings == 1 else 's'} · {took}"
    notes = "".join(f'<p class="wb-warning">{said(_sentence(note))}</p>' for note in diagnosis.notes)
    more = f'<p class="wb-lead">{said(rest)}</p>' if rest else ""
    title = f'<h2 class="wb-verdict">{said(first + stop.strip())}</h2>'
    return f'{title}{more}<p class="wb-quiet">{said(about)}</p>{notes}'


def controls(diagnosis: Diagnosis) -> str:
    """The plan against its controls, and class by class."""
    from workbench import figures

    if diagnosis.controls is None:
        return '<p class="wb-quiet">A quick look holds the plan against no controls: a full diagnosis does.</p>'
    per_class = diagnosis.controls.per_class
    return figure(figures.controls, diagnosis.controls) + figure(
        figures.class_gaps, per_class, level=diagnosis.controls.level
    )


def stages(diagnosis: Diagnosis) -> str:
    """What was measured at each stage."""
    from workbench import figures

    if diagnosis.stages is None or not len(diagnosis.stages):
        return '<p class="wb-quiet">The stages of this net could not be measured.</p>'
    return figure(figures.stage_strip, diagnosis) + (figure(inside, diagnosis) if inside_of(diagnosis) else "")


def inside_of(diagnosis: Diagnosis) -> list[str]:
    """What was measured at the stages beside what the first strip holds."""
    frame = diagnosis.stages
    return [] if frame is None else [name for name in INSIDE if name in frame and frame[name].notna().any()]


def inside(diagnosis: Diagnosis) -> Any:
    """The second strip of the stages."""
    from workbench import figures

    return figures.stage_strip(diagnosis, inside_of(diagnosis), title="The same stages from inside")


def considered(diagnosis: Diagnosis) -> str:
    """The gains that were tried, and every cause with what was seen of it."""
    from workbench import figures

    frame = diagnosis.considered
    drawn = figure(figures.trials, diagnosis) if frame["gain"].notna().any() else ""
    rows = [(r.cause, f"{r.confidence:.0%}", r.said, _sentence(r.words) or "nothing") for r in frame.itertuples()]
    listing = table(("cause", "confidence", "experiment", "what was seen"), rows)
    return drawn + folded(f"All {len(rows)} causes that were considered", listing)


def harmed(found: Harm | None) -> str:
    """Images that training from scratch gets right and the plan wrong, and where both look."""
    if found is None:
        return ""
    if not found.total:
        return heading("No image is right from scratch and wrong by your plan")
    shown = min(len(found.frame), found.total)
    few = f", {shown} of them here, the surest mistakes first" if shown < found.total else ""
    images = "1 image is" if found.total == 1 else f"{found.total:,} images are"
    title = heading(f"{images} right from scratch and wrong by your plan{few}")
    note = f'<p class="wb-quiet">{said(found.note)}</p>' if found.note else ""
    if not found.pictures:
        columns = ["id", "true", "predicted"]
        return title + note + table(columns, found.frame[columns].itertuples(index=False))
    groups = "".join(_group(found, at) for at in range(len(found.pictures)))
    return f'{title}{note}<div class="wb-pairs">{groups}</div>'


def card(diagnosis: Diagnosis, place: int, *, unfolded: bool = False) -> str:
    """One finding: a line, and what is behind it."""
    found = diagnosis.findings[place]
    trial = found.trial
    tried = f"{found.said}, put right: {_points(trial.gain.value)}" if trial else found.said
    words = {"place": place + 1, "cause": _sentence(found.means, stop=False), "tried": tried, "sure": _sure(found)}
    line = "".join(f'<span class="wb-{name}">{said(text)}</span>' for name, text in words.items())
    parts = [f"<p>{said(_sentence(found.words))}</p>", _experiment(diagnosis, found), _advice(found), _shown(found)]
    return folded(line, f"<div>{''.join(parts)}</div>", unfolded=unfolded)


def folded(line: str, body: str, *, unfolded: bool = False) -> str:
    """A line that unfolds to what is behind it; both are markup."""
    return f'<details class="wb-card"{" open" if unfolded else ""}><summary>{line}</summary>{body}</details>'


def _experiment(diagnosis: Diagnosis, found: Finding) -> str:
    trial = found.trial
    if trial is None:
        words = "The experiment that could refute it was not carried out: the evidence is all there is."
        return f'<p class="wb-quiet">{words}</p>'
    gain = trial.gain
    seeds = f"{gain.seeds[0]} seed{'' if gain.seeds[0] == 1 else 's'}"
    fair = ", every class weighing the same" if trial.balanced else ""
    says = {
        "confirmed": "which confirms it",
        "refuted": "which refutes it: what was put right gained nothing",
        "does no harm": "so that it does no harm here",
        "open": "which leaves it open: chance alone may do as much",
    }[found.said]
    words = f"Put right, the plan gains {gain} on {gain.images} images with {seeds}{fair}, {says}."
    rows = changes(diagnosis.plan.but(seed=trial.plan.seed), trial.plan)
    changed = table(("what was put right", "in your plan", "in the remedy"), rows) if rows else ""
    return f"<p>{said(words)}</p>{changed}"


def _advice(found: Finding) -> str:
    known = causes.classes().get(found.cause)
    source = f' <span class="wb-quiet">{said(known.source)}</span>' if known is not None else ""
    return f"<p><strong>What to do:</strong> {said(_sentence(found.advice))}{source}</p>" if found.advice else ""


def _shown(found: Finding) -> str:
    from workbench import figures

    drawn = "".join(figure(figures.evidence, frame, name) for name, frame in found.drawn.items())
    rows = [(name, f"{value:.4g}") for name, value in found.numbers.items()]
    numbers = table((), rows) if rows else ""
    return f"{drawn}{numbers}"


def _group(found: Harm, at: int) -> str:
    from workbench.figures.overlays import overlaid, scaled

    row = found.frame.iloc[at]
    cells = [_picture(square(found.pictures[at]), [str(row["true"]), f"called {row['predicted']}"])]
    for name, look in found.looks.items():
        mapped = overlaid(look.pictures[at], scaled(look.maps)[at], look.signed)
        cells.append(_picture(square(mapped), [name, f"says {look.frame['predicted'].iloc[at]}"]))
    return f'<div class="wb-thumbs wb-together">{"".join(cells)}</div>'


def square(picture: np.ndarray) -> np.ndarray:
    """The middle of a picture, (EDGE, EDGE, 3)."""
    from PIL import Image, ImageOps

    fitted = ImageOps.fit(Image.fromarray(picture).convert("RGB"), (EDGE, EDGE), Image.Resampling.BICUBIC)
    return np.asarray(fitted)


def _picture(picture: np.ndarray, lines: list[str]) -> str:
    from workbench.figures.embedded import data_uri

    told = said(", ".join(lines))
    image = f'<img src="{data_uri(picture)}" alt="{told}" title="{told}" width="{EDGE}" height="{EDGE}">'
    return f"<figure>{image}<figcaption>{'<br>'.join(said(line) for line in lines)}</figcaption></figure>"


def _cell(at: int, value: object) -> str:
    kind = "th" if at == 0 else "td"
    return f"<{kind}>{said(value)}</{kind}>"


def _sure(found: Finding) -> str:
    return f"{min(round(100 * found.confidence), 99)} % sure"  # nothing that was measured is certain


def _points(value: float) -> str:
    return f"{100 * value:+.1f} points"


def _sentence(words: object, stop: bool = True) -> str:
    text = "" if words is None else str(words).strip()
    return text[:1].upper() + text[1:] + ("." if stop and text and text[-1] not in ".!?" else "") if text else ""
