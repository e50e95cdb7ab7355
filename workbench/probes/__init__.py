"""Probes: analysis of nets, features and domains. Arrays in, small frozen results out.

Names are resolved on first use, so that measuring arrays does not import torch.
"""

from workbench._lazy_names import attach_names

__getattr__, __dir__, __all__ = attach_names(__name__, __file__, "probe")
