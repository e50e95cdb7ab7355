"""Steps on domains: items in, items out."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.data.opening.load_options import LoadOptions
from workbench.data.opening.steps import domain_steps
from workbench.errors import BadValue, UnknownName

TWO_DOMAINS = {"domains": np.array([0, 1] * 4, np.int16), "domain_names": ("photo", "sketch")}


def test_select_domains(make_items):
    items = make_items(**TWO_DOMAINS)
    selected = domain_steps.select_domains(items, LoadOptions(domains=["sketch"]))
    assert selected.ids == ["i1", "i3", "i5", "i7"]
    assert selected.domain_names == ("sketch",) and set(selected.domains) == {0}
    swapped = domain_steps.select_domains(items, LoadOptions(domains=["sketch", "photo"]))
    assert swapped.domain_names == ("sketch", "photo") and swapped.domains.tolist() == [1, 0] * 4
    with pytest.raises(UnknownName, match="did you mean photo"):
        domain_steps.select_domains(items, LoadOptions(domains="phot"))
    for options in (LoadOptions(), LoadOptions(domains={"clean": None})):
        assert domain_steps.select_domains(items, options) is items


def test_shift_all_images(make_items):
    items = make_items()
    assert domain_steps.shift_all_images(items, LoadOptions()) is items
    shifted = domain_steps.shift_all_images(items, LoadOptions(shift="noise:4"))
    assert str(shifted.shift(7)) == "noise:4" and items.shift(7) is None


def test_add_synthetic_domains(make_items):
    items, options = make_items(), LoadOptions(domains={"clean": None, "dark": "low-light"})
    repeated = domain_steps.add_synthetic_domains(items, options)
    assert len(repeated) == 16 and repeated.ids[8] == "dark/i0" and repeated.hash_keys == items.ids * 2
    assert repeated.domain_names == ("clean", "dark") and repeated.domains.tolist() == [0] * 8 + [1] * 8
    assert repeated.shift(0) is None and str(repeated.shift(8)) == "low-light:3"
    assert domain_steps.add_synthetic_domains(items, LoadOptions(domains=["a"])) is items
    with pytest.raises(BadValue, match="at least one name"):
        domain_steps.add_synthetic_domains(items, LoadOptions(domains={}))
    with pytest.raises(BadValue, match="eight has domains of its own"):
        domain_steps.add_synthetic_domains(make_items(**TWO_DOMAINS), options)


def test_synthetic_domains_keep_split_keys_and_the_quick_check(make_items):
    items = make_items(hash_keys=list("aabbccdd"))
    items.read_log.is_checked = True
    repeated = domain_steps.add_synthetic_domains(items, LoadOptions(domains={"x": None, "y": "blur"}))
    assert repeated.hash_keys == list("aabbccdd") * 2 and repeated.read_log.is_checked


def test_check_domain_names(make_items):
    items = make_items(**TWO_DOMAINS)
    assert domain_steps.check_domain_names(items, LoadOptions(source_domain="photo", target_domain="sketch")) is items
    with pytest.raises(UnknownName, match="did you mean sketch"):
        domain_steps.check_domain_names(items, LoadOptions(target_domain="sketsch"))
    with pytest.raises(BadValue, match="source_domain='photo' needs domains, but eight has none"):
        domain_steps.check_domain_names(make_items(), LoadOptions(source_domain="photo"))
