"""Figure object and its renderings: plotly, static SVG, matplotlib marks."""
