# Written by tools/write_stubs.py; change the `__all__` of a module, not this file.
from . import world as world
from ._label_edits import label_edits as label_edits
from .image_loading import load_images as load_images
from .labeled_images import Images as Images
