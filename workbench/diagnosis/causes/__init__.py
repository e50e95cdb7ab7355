"""Causes of negative transfer, one a file: the evidence, the experiment that would refute it, the remedy."""

from .base import NOTHING as NOTHING
from .base import Cause as Cause
from .base import Evidence as Evidence
from .base import causes as causes

__all__ = ["NOTHING", "Cause", "Evidence", "causes"]
