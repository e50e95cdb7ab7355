"""Generated sets as sources: their own options define the images, the others the splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from workbench.data.items import Items
from workbench.data.opening.load_options import OPTION_NAMES, LoadOptions, parse_options
from workbench.errors import UnknownName

GENERATED_SETS = ("world", "material")


@dataclass(frozen=True)
class GeneratedSet:
    """Generated set by name, with all keywords that were given."""

    name: str
    keywords: Mapping[str, Any]

    def __str__(self) -> str:
        return self.name

    def load_options(self) -> LoadOptions:
        """Parse those keywords that are options of every source.

        Raises:
            UnknownName: a keyword that is an option neither of the set nor of other sources.
            BadValue: an option out of its range.
        """
        own = _import_set(self.name).OPTION_NAMES
        shared = [name for name in OPTION_NAMES if name not in own or name == "seed"]
        for name in self.keywords:
            if name not in own and name not in shared:
                raise UnknownName.of(f'option of wb.load_images("{self.name}")', name, [*own, *shared])
        return parse_options({name: value for name, value in self.keywords.items() if name in shared})

    def build_items(self) -> Items:
        """Build the items from the set's own options; no image is rendered."""
        module = _import_set(self.name)
        return module.build_items({name: value for name, value in self.keywords.items() if name in module.OPTION_NAMES})


def _import_set(name: str) -> ModuleType:
    from workbench.data.world import factory, formula_images

    return factory if name == "world" else formula_images
