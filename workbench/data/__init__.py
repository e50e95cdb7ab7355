"""Labelled images from any source: opened without reading pixels, decoded on first use, decoded only once."""

from workbench._lazy_names import attach_names

__getattr__, __dir__, __all__ = attach_names(__name__, __file__, "name of the data")
