"""Procedural world: images rendered from known factors, in domains at a known distance.

`wb.load_images("world", ...)` loads its images, `wb.load_images("material", ...)` images of formulas alone, and
`wb.world.make_domain_pair(...)` a source and a target with known shifts. `wb.world.vary_factor(...)` renders every
value of one factor, `wb.world.object_masks(...)` the masks of the objects.
"""

from workbench._lazy_names import attach_names

__getattr__, __dir__, __all__ = attach_names(__name__, __file__, "name of the world")
