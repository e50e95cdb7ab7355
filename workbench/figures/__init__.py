"""Figures of arrays and frames, each with its finding as title.

Plotly draws points, lines, bars and heat maps; matplotlib draws grids of images. Nothing here computes results, reads
files or imports other rooms of the package. Names are resolved on first use, so importing this package costs nothing.
"""

from workbench._lazy_names import attach_names

__getattr__, __dir__, __all__ = attach_names(__name__, __file__, "figure")
