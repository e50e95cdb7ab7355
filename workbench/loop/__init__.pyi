# Written by tools/write_stubs.py; change the `__all__` of a module, not this file.
from .training import Point as Point
from .training import Training as Training
from .training import train as train
