"""Steps on domains: some are selected, synthetic ones added, their names checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from workbench.data.domain_shifts import parse_shift
from workbench.data.items import Items
from workbench.data.opening.load_options import LoadOptions, to_name_list
from workbench.errors import BadValue, UnknownName


def select_domains(items: Items, options: LoadOptions) -> Items:
    """Select the rows of the domains named by `domains`, and number the domains in that order.

    Raises:
        UnknownName: a domain that the source does not have.
    """
    if options.domains is None or isinstance(options.domains, Mapping):
        return items
    names = to_name_list(options.domains)
    for name in names:
        if name not in items.domain_names:
            raise UnknownName.of("domain", name, items.domain_names)
    codes = [items.domain_names.index(name) for name in names]
    new_codes = np.full(len(items.domain_names) + 1, -1, np.int16)
    new_codes[codes] = np.arange(len(codes))
    selected = items.take(np.flatnonzero(np.isin(items.domains, codes)))
    return replace(selected, domains=new_codes[selected.domains], domain_names=tuple(names))


def shift_all_images(items: Items, options: LoadOptions) -> Items:
    """Give every image the synthetic shift `shift`, which is applied when it is read."""
    shift = parse_shift(options.shift)
    return replace(items, shifts=(shift,)) if shift else items


def add_synthetic_domains(items: Items, options: LoadOptions) -> Items:
    """Repeat the set once per synthetic domain of `domains={name: shift}`.

    Raises:
        BadValue: the source has domains of its own, or no domain is named.
    """
    if not isinstance(options.domains, Mapping):
        return items
    if items.domain_names:
        raise BadValue(
            f"{items.name} has domains of its own ({', '.join(items.domain_names)}); synthetic domains cannot be added"
        )
    names = tuple(str(name) for name in options.domains)
    if not names:
        raise BadValue('domains needs at least one name with its shift, such as {"clean": None, "inverted": "invert"}')
    repeated = items.take(np.tile(np.arange(len(items)), len(names)))
    return replace(
        repeated,
        ids=[f"{name}/{i}" for name in names for i in items.ids],
        # the same image is in the same split in every domain
        hash_keys=repeated.ids if repeated.hash_keys is None else repeated.hash_keys,
        domains=np.repeat(np.arange(len(names), dtype=np.int16), len(items)),
        domain_names=names,
        shifts=tuple(parse_shift(shift) for shift in options.domains.values()),
    )


def check_domain_names(items: Items, options: LoadOptions) -> Items:
    """Check that `source_domain` and `target_domain` are domains of the set.

    Raises:
        BadValue: the set has no domains.
        UnknownName: it has others.
    """
    for option in ("source_domain", "target_domain"):
        for name in to_name_list(getattr(options, option)):
            if not items.domain_names:
                raise BadValue(
                    f"{option}={name!r} needs domains, but {items.name} has none; set domain= (a column), "
                    "a tree of domain/class folders, or domains={name: shift}"
                )
            if name not in items.domain_names:
                raise UnknownName.of("domain", name, items.domain_names)
    return items
