"""How a widget of ours is made.

A widget is a `Panel`: traits tagged `sync=True` in Python, and beside it a hand-written ES module in `static/`
that shows them. `_esm = script("name.mjs")` joins that module with the ones it imports (`./kit.mjs` makes
elements, strips and numbers; pure geometry lives in modules of its own that node can test). Types stand in JSDoc,
where `tsc` checks them: `Model` and `Context` of `./kit.mjs` are what a view is given. Everything shares
one stylesheet, `static/workbench.css` and the other `.css` files beside it: classes begin with `wb-`, the root
element bears `wb-widget`, colours and fonts are JupyterLab's variables with fallbacks for VS Code, Colab and
Notebook 7, spacing goes in steps of 4 px, numbers are tabular. Text is always set as text (`textContent`),
never as markup, since names come from data. Methods that answer the page bear `@shown`: what they raise is put
into the trait `error`, which the page shows under the widget, because Jupyter shows it nowhere. Widgets built
from plain ipywidgets put a `Notice` in their box for the same purpose; it also brings the stylesheet along.
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
CARDS = STATIC.parents[1] / "diagnosis" / "cards.css"  # a saved report has them too
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', flags=re.M)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class)\b)", flags=re.M)

F = TypeVar("F", bound=Callable[..., Any])


def script(name: str) -> str:
    """One ES module for the page: `static/<name>` and, before it, every module beside it that it imports.

    All of them share one scope in the page, so their top-level names must differ; a test holds that.
    """
    ordered: list[str] = []
    _collect(name, ordered)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", _read(module))) for module in ordered)


def stylesheet() -> str:
    """The one stylesheet: `workbench.css`, what a report shares, then the other `.css` files beside it by name."""
    first, *others = sorted(STATIC.glob("*.css"), key=lambda file: (file.name != "workbench.css", file.name))
    return "\n".join(file.read_text(encoding="utf-8") for file in (first, CARDS, *others))


def sentence(error: BaseException) -> str:
    """What a person reads of an exception: our refusals as they are, others with their kind."""
    if isinstance(error, WorkbenchError):
        return str(error)
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def shown(method: F) -> F:
    """Decorator for a method that answers the page: its exception becomes the text of `self.error`.

    The next call that succeeds clears the text. The traceback goes to the log `workbench`.
    """

    @functools.wraps(method)
    def answered(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            result = method(self, *args, **kwargs)
        except Exception as error:
            if not isinstance(error, WorkbenchError):
                logging.getLogger("workbench").exception("in %s.%s", type(self).__name__, method.__name__)
            self.error = sentence(error)
            return None
        if self.error:
            self.error = ""
        return result

    return answered  # type: ignore[return-value]


class Panel(anywidget.AnyWidget):
    """Base of our own widgets: the stylesheet, and a strip that shows what went wrong.

    Attributes:
        error: sentence shown under the widget; empty when all is well.
    """

    _css = stylesheet()
    error = traitlets.Unicode("").tag(sync=True)


def _read(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def _collect(name: str, ordered: list[str]) -> None:
    for imported in _IMPORT.findall(_read(name)):
        if imported not in ordered:
            _collect(imported, ordered)
    if name not in ordered:
        ordered.append(name)


class Notice(Panel):
    """The strip alone, for widgets built from plain ipywidgets; empty and without height while all is well.

    Attributes:
        text: a quiet sentence, shown while there is no error.
    """

    _esm = script("notice.mjs")
    text = traitlets.Unicode("").tag(sync=True)
