"""Pretrained backbones: the catalogue, loading, and the stages of a net from stem to head."""

from workbench._lazy_names import attach_names

__getattr__, __dir__, __all__ = attach_names(__name__, __file__, "name of a net")
