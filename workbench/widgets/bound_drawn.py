"""Ben-David's bound as one light bar for a page: what the error in the target is made of."""

from __future__ import annotations

from typing import Any

from workbench.figures import style
from workbench.widgets.drawings import percent, section

WIDTH, LEFT, BAR, TOP = 400, 4, 24, 34
PARTS = (
    ("source_error", "ε_S", style.SOURCE),
    ("half_distance", "½·d", style.CATEGORIES[4]),
    ("joint_error", "λ", style.CATEGORIES[6]),
)
SWATCH = "display:inline-block;width:0.8em;height:0.8em"
LIMITS = "½·d is a floor of the distance, λ a ceiling of the joint error: an estimate, no guarantee."


def bound(found: Any) -> str:
    """A bar of ε_S + ½·d + λ on a scale up to 100 % at least, and ε_T as a mark on it.

    Args:
        found: `wb.probes.Bound`, or anything with its terms.
    """
    reach = max(1.0, found.total, found.target_error) * 1.02
    scale = (WIDTH - 2 * LEFT) / reach
    at, drawn, told = float(LEFT), [], []
    for name, called, colour in PARTS:
        value = float(getattr(found, name))
        drawn.append(f'<rect x="{at:.1f}" y="{TOP}" width="{value * scale:.1f}" height="{BAR}" fill="{colour}"/>')
        told.append(f'<span style="{SWATCH};background:{colour}"></span> {called} {percent(value)}')
        at += value * scale
    here, whole = LEFT + found.target_error * scale, LEFT + scale
    drawn.append(
        f'<path d="M{whole:.1f} {TOP - 8}V{TOP + BAR + 8}" stroke="currentColor" stroke-dasharray="4 3" fill="none"/>'
        f'<text x="{whole:.1f}" y="{TOP + BAR + 22}" text-anchor="end">100 %</text>'
        f'<path d="M{here:.1f} {TOP - 6}V{TOP + BAR + 6}" stroke="{style.TARGET}" stroke-width="4" fill="none"/>'
        f'<text x="{min(max(here, 44), WIDTH - 44):.1f}" y="{TOP - 12}" text-anchor="middle">'
        f"ε_T {percent(found.target_error)}</text>"
    )
    size = f'style="max-width:{WIDTH}px" viewBox="0 0 {WIDTH} {TOP + BAR + 28}" width="100%"'
    spoken = f'fill="currentColor" font-size="13" role="img" aria-label="{words(found)}"'
    picture = f"<svg {size} {spoken}>{''.join(drawn)}</svg>"
    return f'{section(words(found))}{picture}<p class="wb-quiet">{" &nbsp; ".join(told)}. {LIMITS}</p>'


def words(found: Any) -> str:
    """What the bar says, in a sentence."""
    parts = {
        "the source's own error": found.source_error,
        "the distance of the domains": found.half_distance,
        "what no joint rule saves": found.joint_error,
    }
    most = max(parts, key=lambda name: parts[name])
    says = "says nothing" if found.total > 1 else "holds" if found.holds else "is broken, as an estimate may be"
    return f"The bound of {percent(found.total)} {says}; most of it is {most}"
