# Written by tools/write_stubs.py; change the `__all__` of a module, not this file.
from .cache_contents import ActivationCache as ActivationCache
from .cache_contents import activation_cache as activation_cache
