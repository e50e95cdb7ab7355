"""Jupyter widgets: thin views of the core, each with its result as a trait.

Widgets are imported on first use, so that the core can be imported where Jupyter is not installed.
"""

from workbench._lazy_names import attach_names

__getattr__, __dir__, __all__ = attach_names(
    __name__,
    __file__,
    "widget",
    needs=dict.fromkeys(("ipywidgets", "anywidget", "IPython", "traitlets"), "pip install ipywidgets anywidget"),
)
