"""Cache of activations: outputs of frozen layers, computed once per image."""

from workbench._lazy_names import attach_names

__getattr__, __dir__, __all__ = attach_names(__name__, __file__, "name of the storage")
