"""Diagnosis of transfer: controlled trainings that show whether transfer is negative, and why.

Names are imported on first use.
"""

from workbench._lazy_names import attach_names

__getattr__, __dir__, __all__ = attach_names(__name__, __file__, "name of a diagnosis")
