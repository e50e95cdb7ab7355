"""Maps over pictures as plain markup: what the saliency view shows without a figure."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from workbench.figures.overlays import overlaid, scaled
from workbench.figures.saliency_grid import signed
from workbench.widgets import drawings

EDGE = 112


def shown(found: Any) -> str:
    """Each picture with its map beside it, and what the net said."""
    cells, values = [], scaled(found.maps)
    for at, row in enumerate(found.frame.itertuples(index=False)):
        known = getattr(row, "true", None)
        right = known is None or known == row.predicted
        said = f"{row.predicted} {drawings.percent(row.confidence)}" if right else f"{known} → {row.predicted}"
        cells.append(_cell(found.pictures[at], [said, f"{drawings.percent(row.confidence)} sure" if not right else ""]))
        why = f"for {row.target}" if found.maps[at].any() else f"nothing for {row.target}"
        cells.append(_cell(overlaid(found.pictures[at], values[at], found.signed), [why]))
    where = f", stage {found.layer}" if found.layer else ""
    heading = f"Where the net looks: {found.method}{where}"
    if "true" in found.frame:
        wrong = int((found.frame["true"] != found.frame["predicted"]).sum())
        heading += f"; {wrong} of {len(found)} mistaken"
    return f'{drawings.section(heading)}<div class="wb-thumbs">{"".join(cells)}</div>{legend(found.signed)}'


def compared(found: Any) -> str:
    """A picture and its maps under every net, those that moved most first."""
    names = list(found.shown)
    values = {name: scaled(one.maps) for name, one in found.shown.items()}
    groups = []
    for row in found.frame.itertuples(index=False):
        first = found.shown[names[0]]
        agreed = f"agreement {signed(row.agreement)}" if np.isfinite(row.agreement) else "an empty map"
        cells = [_cell(first.pictures[row.row], [str(getattr(row, "true", "")), agreed])]
        for name in names:
            one = found.shown[name]
            drawn = overlaid(one.pictures[row.row], values[name][row.row], one.signed)
            cells.append(_cell(drawn, [name, str(one.frame["predicted"].iloc[row.row])]))
        groups.append(f'<div class="wb-thumbs wb-together">{"".join(cells)}</div>')
    note = f'<p class="wb-quiet">{html.escape(found.note)}</p>' if found.note else ""
    agreed = signed(found.agreement) if np.isfinite(found.agreement) else "nothing that can be compared"
    heading = f"The maps of {names[0]} and {names[1]} agree to {agreed}; those that moved most come first"
    signs = next(iter(found.shown.values())).signed
    return f'{drawings.section(heading)}<div class="wb-pairs">{"".join(groups)}</div>{legend(signs)}{note}'


def beside(texts: Mapping[str, str]) -> str:
    """The same view of several nets, each under its name."""
    parts = [f'<div><p class="wb-quiet">{html.escape(name)}</p>{text}</div>' for name, text in texts.items()]
    return f'<div class="wb-beside">{"".join(parts)}</div>'


def judged(result: Any) -> str:
    """Deletion and insertion in a sentence."""
    chance = result.scores[["chance_deletion", "chance_insertion"]].mean()
    better = result.insertion - result.deletion > chance.iloc[1] - chance.iloc[0] + 0.02
    words = "These maps find what the net needs" if better else "These maps find no more than chance does"
    numbers = (
        f"taking their places away leaves {drawings.percent(result.deletion)} for the class (by chance "
        f"{drawings.percent(float(chance.iloc[0]))}), bringing them back alone gives "
        f"{drawings.percent(result.insertion)} (by chance {drawings.percent(float(chance.iloc[1]))})."
    )
    return f"<p>{words}: {numbers}</p>"


def legend(signs: bool) -> str:
    """The map's own scale."""
    values = np.repeat(np.linspace(-1 if signs else 0, 1, 160)[None], 8, axis=0)
    strip = overlaid(np.full(values.shape, 96, np.uint8), values, signs)
    words = "against … 0 … for the class" if signs else "0 … most in its picture"
    return f'<p class="wb-quiet"><img class="wb-scale" src="{drawings.data_uri(strip)}" alt=""> {words}</p>'


def _cell(picture: np.ndarray, lines: list[str]) -> str:
    large = np.asarray(Image.fromarray(picture).resize((EDGE, EDGE), Image.Resampling.BILINEAR))
    text = "<br>".join(html.escape(line) for line in lines if line)
    told = html.escape(", ".join(line for line in lines if line))
    image = f'<img src="{drawings.data_uri(large)}" alt="{told}" title="{told}">'
    return f"<figure>{image}<figcaption>{text}</figcaption></figure>"


def sheet(figure: Any) -> str:
    """A plain figure as a picture in the page, its title as text for those who don't see it."""
    told = html.escape(figure.texts[0].get_text() if figure.texts else "")
    picture = base64.b64encode(figure._repr_png_()).decode()
    return f'<img class="wb-sheet" src="data:image/png;base64,{picture}" alt="{told}" title="{told}">'


def large(picture: np.ndarray, heading: str = "") -> str:
    """One picture from 0 to 1, enlarged."""
    square = Image.fromarray((np.clip(picture, 0, 1) * 255).round().astype(np.uint8))
    shown = np.asarray(square.resize((320, 320), Image.Resampling.BICUBIC))
    told = html.escape(heading or "the picture so far")
    image = f'<img class="wb-sheet" src="{drawings.data_uri(shown)}" alt="{told}">'
    return f"{drawings.section(heading) if heading else ''}{image}"


def climbed(found: Any) -> str:
    """What a picture drawn by the net shows, in a line."""
    first, last = float(found.history[0].mean()), float(found.history[-1].mean())
    after = "" if found.finished else f", stopped after {len(found.history)} steps"
    return f"What {', '.join(found.units)} answers to most: from {first:.2f} to {last:.2f}{after}"


def moved(found: Any, before: str, after: str) -> str:
    """How far the filters of each stage moved, as bars."""
    top = found.stages.loc[found.stages["moved"].idxmax()]
    heading = f"From {before} to {after}, filters of {top['stage']} moved most: {drawings.percent(top['moved'])}"
    most, rows = max(float(top["moved"]), 1e-9), []
    for row in found.stages.itertuples(index=False):
        share = 100 * float(row.moved) / most if np.isfinite(row.moved) else 100
        bar = f'<div class="wb-track"><div class="wb-track-fill" style="width: {share:.0f}%"></div></div>'
        cells = f'<td class="wb-wide">{bar}</td><td>{drawings.percent(row.moved)}</td><td>{row.angle:.1f}°</td>'
        rows.append(f"<tr><th>{html.escape(str(row.stage))}</th>{cells}<td>{row.filters:,}</td></tr>")
    head = "<tr><th>stage</th><th></th><th>moved</th><th>turned</th><th>filters</th></tr>"
    note = "the median filter of each stage: length of the change over its own length, and the angle between"
    table = f'<table class="wb-table wb-classes">{head}{"".join(rows)}</table>'
    return f'{drawings.section(heading)}{table}<p class="wb-quiet">{note}</p>'
