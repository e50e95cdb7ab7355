"""Table of tunings and strategies in docs/training.md, from the registries: `python docs/methods.py` writes it anew."""

from __future__ import annotations

from pathlib import Path

import workbench as wb

PAGE = Path(__file__).with_name("training.md")
BEGIN, END = "<!-- methods: written by docs/methods.py -->", "<!-- end of methods -->"
TITLES = {"tunings": "Tuning: which weights move", "strategies": "Strategy: what is minimized"}


def render_table(kind: str) -> str:
    """Render the methods of one kind as a Markdown table: name, purpose, parameters, paper."""
    lines = [f"| {TITLES[kind]} | | parameters | paper |", "|---|---|---|---|"]
    for row in wb.describe_methods(kind).itertuples():
        parameters = f"`{row.parameters}`" if row.parameters else ""
        cells = [f"`{row.name}`", row.description, parameters, row.paper]
        lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    return "\n".join(lines)


def render_page(page: str) -> str:
    """Replace the tables between the two marks of a page."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    tables = "\n\n".join(render_table(kind) for kind in TITLES)
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(render_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
