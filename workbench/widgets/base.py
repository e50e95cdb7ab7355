"""Base classes of the widgets, and the script and stylesheet that their pages load.

A widget is a `Panel`: traits tagged `sync=True` in Python, and a hand-written ES module in `static/` that shows
them. `_esm = bundle_script("name.mjs")` joins that module with the ones it imports (`./kit.mjs` makes elements,
strips and numbers; pure geometry has modules of its own that node can test). Types are written in JSDoc and checked
by `tsc`: `Model` and `Context` of `./kit.mjs` are the arguments of a view. All widgets share one stylesheet,
`static/workbench.css` and the other `.css` files beside it: classes begin with `wb-`, the root element has the class
`wb-widget`, colors and fonts are JupyterLab's variables with fallbacks for VS Code, Colab and Notebook 7, spacing is
a multiple of 4 px, digits are tabular. Text is always set as text (`textContent`), never as markup, since names come
from data. Methods that answer messages of the page are decorated with `@show_errors`: the exception becomes the trait
`error`, which the page shows under the widget, because Jupyter shows it nowhere. Widgets built from plain ipywidgets
include a `Notice` for the same purpose; it also loads the stylesheet.
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import anywidget
import traitlets

from workbench.errors import WorkbenchError

STATIC = Path(__file__).parent / "static"
CARDS = STATIC.parents[1] / "diagnosis" / "report" / "cards.css"  # shared with saved reports
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', flags=re.M)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class)\b)", flags=re.M)

F = TypeVar("F", bound=Callable[..., Any])


def bundle_script(name: str) -> str:
    """Join an ES module of `static/` with every module that it imports, imports first.

    All of them share one scope in the page, so their top-level names must differ; a test checks that.

    Args:
        name: file name in `static/`, such as `layer_painter.mjs`.
    """
    ordered: list[str] = []
    _collect_imports(name, ordered)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", _read_static(module))) for module in ordered)


def join_stylesheets() -> str:
    """Join all stylesheets: `workbench.css`, the one shared with saved reports, then the other `.css` files by name."""
    first, *others = sorted(STATIC.glob("*.css"), key=lambda file: (file.name != "workbench.css", file.name))
    return "\n".join(file.read_text(encoding="utf-8") for file in (first, CARDS, *others))


def format_error(error: BaseException) -> str:
    """Format an exception for the page: a `WorkbenchError` as its message, any other with its class name."""
    if isinstance(error, WorkbenchError):
        return str(error)
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def show_errors(method: F) -> F:
    """Decorate a method that answers the page, so that its exception becomes the text of `self.error`.

    The next successful call clears the text. The traceback goes to the logger `workbench`.
    """

    @functools.wraps(method)
    def answered(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            result = method(self, *args, **kwargs)
        except Exception as error:
            if not isinstance(error, WorkbenchError):
                logging.getLogger("workbench").exception("in %s.%s", type(self).__name__, method.__name__)
            self.error = format_error(error)
            return None
        if self.error:
            self.error = ""
        return result

    return answered  # type: ignore[return-value]


class Panel(anywidget.AnyWidget):
    """Base class of widgets with a page of their own: the shared stylesheet, and a strip for errors.

    Attributes:
        error: message shown under the widget; empty if there is none.
    """

    _css = join_stylesheets()
    error = traitlets.Unicode("").tag(sync=True)


def _read_static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def _collect_imports(name: str, ordered: list[str]) -> None:
    for imported in _IMPORT.findall(_read_static(name)):
        if imported not in ordered:
            _collect_imports(imported, ordered)
    if name not in ordered:
        ordered.append(name)


class Notice(Panel):
    """Message strip for widgets built from plain ipywidgets; it takes no space while it is empty.

    Attributes:
        text: status text, shown while there is no error.
    """

    _esm = bundle_script("notice.mjs")
    text = traitlets.Unicode("").tag(sync=True)
