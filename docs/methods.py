"""The README's table of tunings and strategies, from the registries: `python docs/methods.py` writes it anew."""

from __future__ import annotations

import importlib
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- methods: written by docs/methods.py -->", "<!-- end of methods -->"


def table() -> str:
    """One Markdown table a registry: name, what it is for, paper, parameters."""
    parts = []
    for room, title in (("tunings", "Tuning: which weights move"), ("strategies", "Strategy: what is minimised")):
        frame = getattr(importlib.import_module(f"workbench.{room}"), room).table()
        lines = [f"| {title} | | parameters | source |", "|---|---|---|---|"]
        for row in frame.itertuples():
            parameters = f"`{row.parameters}`" if row.parameters else ""
            cells = [f"`{row.name}`", row.what, parameters, row.source]
            lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def written(readme: str) -> str:
    """The README with its table as the registries have it now."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
