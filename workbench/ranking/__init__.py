"""Ranking of backbones for a set of images before any training, with a measure of its reliability.

Public names are imported on first use.
"""

from workbench._lazy_names import attach_names

__getattr__, __dir__, __all__ = attach_names(__name__, __file__, "name of a ranking")
