# Written by tools/write_stubs.py; change the `__all__` of a module, not this file.
from .catalogue.backbone_search import list_backbones as list_backbones
from .catalogue.backbone_search import search_backbones as search_backbones
from .loading.net_loader import load_net as load_net
from .net import Net as Net
from .preprocessing import Preprocessing as Preprocessing
from .stages import Stage as Stage
