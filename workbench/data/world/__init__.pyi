# Written by tools/write_stubs.py; change the `__all__` of a module, not this file.
from .domain_pair import DomainPair as DomainPair
from .domain_pair import make_domain_pair as make_domain_pair
from .domain_settings import DomainSettings as DomainSettings
from .factor_series import vary_factor as vary_factor
from .factors import FACTORS as FACTORS
from .masks import object_masks as object_masks
